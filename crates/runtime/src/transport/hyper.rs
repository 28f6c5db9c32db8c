//! The transport with few dependencies: HTTP through `hyper`, TLS through `hyper-rustls`.

use std::error::Error as StdError;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderValue, PROXY_AUTHORIZATION};
use http::uri::Uri;
use http_body::Body;
use hyper::body::Incoming;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower_service::Service;

use super::body::{AnswerBody, ReportingBody, failure};
use super::builder::sealed::Build;
use super::builder::{BundledTransport, Settings, TransportBuilder};
use super::pool::{BoxError, Pool, SendError};
use super::proxy::ProxyScheme;
use super::{Handover, Proxies, Proxy, Transport, TransportError, TransportFuture};

/// Sends through connections of `hyper`, with fewer dependencies and less CPU time than `reqwest`.
///
/// Redirects are never followed, and a request is repeated only if it is certain that no connection took it. Cheap to clone;
/// clones share their connections.
#[derive(Debug, Clone)]
pub struct HyperTransport {
    pool: Pool<Connector>,
    /// `None` if no endpoint has a proxy.
    proxies: Option<Arc<Proxies>>,
}

impl HyperTransport {
    /// A transport with the defaults of [`TransportBuilder`].
    ///
    /// # Errors
    /// If TLS cannot be set up, or the environment names a proxy that cannot be used.
    pub fn new() -> Result<Self, TransportError> {
        Self::builder().build()
    }

    /// As [`new`](Self::new), but without proxies, e.g. for an endpoint on this machine, which a proxy cannot reach. The default
    /// transport of a client uses no proxy for loopback addresses.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn without_proxies() -> Result<Self, TransportError> {
        Self::builder().without_proxies().build()
    }

    /// The settings of [`new`](Self::new), to change some of them.
    pub fn builder() -> TransportBuilder<Self> {
        TransportBuilder::new()
    }

    /// Converts a request to the type of `hyper`.
    fn convert(&self, request: http::Request<Bytes>, handover: Handover) -> http::Request<ReportingBody> {
        let mut request = request.map(|body| ReportingBody::new(body, handover));
        // Without a tunnel, the proxy reads the request itself.
        if let Some(proxies) = &self.proxies
            && request.uri().scheme_str() == Some("http")
            && let Some(authorization) = proxies.for_uri(request.uri()).and_then(basic_authorization)
        {
            request.headers_mut().insert(PROXY_AUTHORIZATION, authorization);
        }
        request
    }
}

/// Sends a request and receives the complete response.
async fn receive(
    pool: Pool<Connector>,
    request: http::Request<ReportingBody>,
    handover: Handover,
) -> Result<http::Response<Bytes>, TransportError> {
    let (response, connection) = pool.send(request).await.map_err(|error| match error {
        SendError::Invalid => TransportError::not_sent("the request is not valid HTTP"),
        SendError::Connect(error) => failure(&*error, is_timeout(&*error), &handover).with_source(error),
        SendError::Failed(error) => failure(&error, false, &handover).with_source(error),
    })?;
    let (parts, mut incoming) = response.into_parts();
    let announced = incoming.size_hint().exact();
    let mut body = AnswerBody::default();
    let outcome = loop {
        match piece(&mut incoming).await {
            None => break Ok(()),
            Some(Ok(piece)) => {
                if let Err(error) = body.push(piece, announced) {
                    break Err(error);
                }
            }
            Some(Err(error)) => break Err(failure(&error, false, &handover).with_source(error)),
        }
    };
    let answer = http::Response::from_parts(parts, body.into_bytes());
    match outcome {
        Ok(()) => {
            connection.finish();
            Ok(answer)
        }
        Err(error) => Err(error.with_partial_response(answer)),
    }
}

impl BundledTransport for HyperTransport {}

impl Build for HyperTransport {
    fn build(settings: Settings) -> Result<Self, TransportError> {
        let Settings { proxies, tls, connect_timeout, idle_timeout } = settings;
        let proxies = (!proxies.is_empty()).then(|| Arc::new(proxies));
        let connector = Connector::new(tls, proxies.clone(), connect_timeout);
        Ok(Self { pool: Pool::new(connector, idle_timeout), proxies })
    }
}

impl Transport for HyperTransport {
    fn send(&self, request: http::Request<Bytes>, handover: &Handover) -> TransportFuture<'_> {
        handover.will_report();
        let request = self.convert(request, handover.clone());
        Box::pin(receive(self.pool.clone(), request, handover.clone()))
    }
}

/// The next piece of a body.
async fn piece(incoming: &mut Incoming) -> Option<hyper::Result<Bytes>> {
    loop {
        match poll_fn(|context| Pin::new(&mut *incoming).poll_frame(context)).await? {
            // Trailers are ignored.
            Ok(frame) => {
                if let Ok(piece) = frame.into_data() {
                    return Some(Ok(piece));
                }
            }
            Err(error) => return Some(Err(error)),
        }
    }
}

fn is_timeout(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(cause) = next {
        if cause.is::<ConnectTimeout>() {
            return true;
        }
        next = cause.source();
    }
    false
}

type BoxFuture<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

/// Connects to an endpoint within the timeout, directly or through its proxy, and with TLS for `https`.
#[derive(Clone)]
struct Connector(Arc<ConnectorInner>);

struct ConnectorInner {
    https: HttpsConnector<Dialer>,
    timeout: Duration,
}

impl Connector {
    fn new(tls: ClientConfig, proxies: Option<Arc<Proxies>>, timeout: Duration) -> Self {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        // Proxies receive only `CONNECT`, for which HTTP/1.1 is enough.
        let mut tls_to_proxy = tls.clone();
        tls_to_proxy.alpn_protocols.clear();
        let to_proxy = HttpsConnector::from((http.clone(), tls_to_proxy));
        let dialer = Dialer(Arc::new(DialerInner { http, to_proxy, proxies }));
        Self(Arc::new(ConnectorInner { https: HttpsConnector::from((dialer, tls)), timeout }))
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("timeout", &self.0.timeout).finish_non_exhaustive()
    }
}

/// The connection attempt took too long.
#[derive(Debug)]
struct ConnectTimeout;

impl fmt::Display for ConnectTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection attempt took too long")
    }
}

impl StdError for ConnectTimeout {}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<Dialed>;
    type Error = BoxError;
    type Future = BoxFuture<Self::Response>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let this = self.0.clone();
        Box::pin(async move {
            let connecting = this.https.clone().call(uri);
            timeout(this.timeout, connecting).await.map_err(|_| ConnectTimeout)?
        })
    }
}

/// Opens a connection to an endpoint, directly or through its proxy.
#[derive(Clone)]
struct Dialer(Arc<DialerInner>);

struct DialerInner {
    http: HttpConnector,
    to_proxy: HttpsConnector<HttpConnector>,
    proxies: Option<Arc<Proxies>>,
}

impl Service<Uri> for Dialer {
    type Response = Dialed;
    type Error = BoxError;
    type Future = BoxFuture<Dialed>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let this = self.0.clone();
        Box::pin(async move { this.dial(uri).await })
    }
}

impl DialerInner {
    async fn dial(&self, endpoint: Uri) -> Result<Dialed, BoxError> {
        let Some(proxy) = self.proxies.as_ref().and_then(|proxies| proxies.for_uri(&endpoint)) else {
            let stream = MaybeHttpsStream::Http(self.http.clone().call(endpoint).await?);
            return Ok(Dialed { stream, is_proxied: false });
        };
        let to_proxy = self.to_proxy.clone();
        let is_encrypted = endpoint.scheme_str() == Some("https");
        let stream = match proxy.scheme() {
            ProxyScheme::Http | ProxyScheme::Https if is_encrypted => {
                let tunnel = Tunnel::new(proxy.uri()?, to_proxy);
                let mut tunnel = match basic_authorization(proxy) {
                    Some(authorization) => tunnel.with_auth(authorization),
                    None => tunnel,
                };
                tunnel.call(endpoint).await?
            }
            ProxyScheme::Http | ProxyScheme::Https => {
                let stream = { to_proxy }.call(proxy.uri()?).await?;
                return Ok(Dialed { stream, is_proxied: true });
            }
            ProxyScheme::Socks5 | ProxyScheme::Socks5h => {
                let resolves_here = proxy.scheme() == ProxyScheme::Socks5;
                let target = socks_target(&endpoint, is_encrypted, resolves_here).await?;
                let socks = SocksV5::new(proxy.uri()?, self.http.clone());
                let mut socks = match proxy.credentials() {
                    Some((user, password)) => socks.with_auth(user.to_owned(), password.to_owned()),
                    None => socks,
                };
                MaybeHttpsStream::Http(socks.call(target).await?)
            }
        };
        Ok(Dialed { stream, is_proxied: false })
    }
}

/// The destination for a SOCKS proxy: always with a port, and with an address if this machine resolves names.
async fn socks_target(endpoint: &Uri, is_encrypted: bool, resolves_here: bool) -> Result<Uri, BoxError> {
    let host = endpoint.host().ok_or("the endpoint has no host")?;
    let port = endpoint.port_u16().unwrap_or(if is_encrypted { 443 } else { 80 });
    let is_address = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    let authority = if resolves_here && !is_address {
        let found = tokio::net::lookup_host((host, port)).await?.next();
        found.ok_or("the host name of the endpoint resolves to no address")?.to_string()
    } else {
        format!("{host}:{port}")
    };
    Ok(Uri::builder().scheme("http").authority(authority).path_and_query("/").build()?)
}

/// The `Proxy-Authorization` header for an HTTP proxy with user name and password.
fn basic_authorization(proxy: &Proxy) -> Option<HeaderValue> {
    use base64::Engine as _;
    if !matches!(proxy.scheme(), ProxyScheme::Http | ProxyScheme::Https) {
        return None;
    }
    let (user, password) = proxy.credentials()?;
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    let mut value = HeaderValue::try_from(format!("Basic {encoded}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// An open connection, below the TLS of the endpoint.
struct Dialed {
    /// With TLS for an `https` proxy.
    stream: MaybeHttpsStream<TokioIo<TcpStream>>,
    /// Whether a proxy reads the requests themselves.
    is_proxied: bool,
}

impl Connection for Dialed {
    fn connected(&self) -> Connected {
        self.stream.connected().proxy(self.is_proxied)
    }
}

impl Read for Dialed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl Write for Dialed {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }
}
