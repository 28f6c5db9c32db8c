//! The connections of the transport without `reqwest`: kept while they are idle, and replaced when a server has closed them.
//!
//! The pooled client of `hyper-util` does the same for more cases, and takes a tenth of the CPU time of a call for it:
//! it finds connections by a hash, races each one against a new one, and moves the request through three more futures.

use std::error::Error as StdError;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::header::{HOST, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1;
#[cfg(feature = "http2")]
use hyper::client::conn::http2;
use hyper::rt::{Read, Write};
use hyper_util::client::legacy::connect::Connection;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};
use tower_service::Service;

use super::body::{ReportingBody, host_header};
use crate::lock::lock;

pub(super) type BoxError = Box<dyn StdError + Send + Sync>;

/// The connections to all endpoints.
#[derive(Clone)]
pub(super) struct Pool<C>(Arc<Inner<C>>);

struct Inner<C> {
    connector: C,
    idle_timeout: Duration,
    endpoints: Mutex<Vec<Arc<Endpoint>>>,
}

/// Why there is no response.
pub(super) enum SendError {
    /// The URL has no scheme or no host.
    Invalid,
    /// No connection was opened.
    Connect(BoxError),
    /// The connection failed.
    Failed(hyper::Error),
}

/// A connection whose response is not yet read completely. Dropping it closes the connection.
pub(super) struct InUse {
    endpoint: Arc<Endpoint>,
    sender: Sender,
}

enum Sender {
    /// For one request at a time.
    Exclusive(Exclusive),
    #[cfg(feature = "http2")]
    Shared(http2::SendRequest<ReportingBody>),
}

struct Exclusive {
    sender: http1::SendRequest<ReportingBody>,
    /// Whether a proxy reads the requests themselves.
    is_proxied: bool,
}

/// An endpoint and its connections.
struct Endpoint {
    scheme: Scheme,
    authority: Authority,
    /// The value of the `Host` header.
    host: HeaderValue,
    idle_timeout: Duration,
    connections: Mutex<Connections>,
}

#[derive(Default)]
struct Connections {
    /// Ordered by the time since when they are idle.
    idle: Vec<(Exclusive, Instant)>,
    /// The connection with HTTP/2, and when it was used last.
    #[cfg(feature = "http2")]
    shared: Option<(http2::SendRequest<ReportingBody>, Instant)>,
    /// Ends the task that closes idle connections when it is dropped.
    watch: Option<oneshot::Sender<()>>,
}

impl<C> Pool<C>
where
    C: Service<Uri, Error = BoxError> + Clone,
    C::Response: Connection + Read + Write + Unpin + Send + 'static,
{
    pub(super) fn new(connector: C, idle_timeout: Duration) -> Self {
        Self(Arc::new(Inner { connector, idle_timeout, endpoints: Mutex::default() }))
    }

    /// Sends a request on an idle connection, else on a new one. If an idle connection turns out to be closed before it
    /// took the request, the next one is used.
    pub(super) async fn send(
        &self,
        mut request: Request<ReportingBody>,
    ) -> Result<(Response<Incoming>, InUse), SendError> {
        let endpoint = self.endpoint(request.uri()).ok_or(SendError::Invalid)?;
        let uri = request.uri().clone();
        loop {
            let (mut sender, is_reused) = match endpoint.take() {
                Some(sender) => (sender, true),
                // Boxed because it is large and rare.
                None => (Box::pin(self.connect(&endpoint)).await?, false),
            };
            let sent = match &mut sender {
                Sender::Exclusive(Exclusive { sender, is_proxied }) => {
                    request.headers_mut().entry(HOST).or_insert_with(|| endpoint.host.clone());
                    if !*is_proxied {
                        *request.uri_mut() = uri.path_and_query().map_or_else(Uri::default, path_only);
                    }
                    sender.try_send_request(request).await
                }
                #[cfg(feature = "http2")]
                Sender::Shared(sender) => sender.try_send_request(request).await,
            };
            match sent {
                Ok(response) => return Ok((response, InUse { endpoint, sender })),
                Err(mut error) => match error.take_message() {
                    // The connection did not take the request.
                    Some(untouched) if is_reused => {
                        request = untouched;
                        *request.uri_mut() = uri.clone();
                    }
                    _ => return Err(SendError::Failed(error.into_error())),
                },
            }
        }
    }

    fn endpoint(&self, uri: &Uri) -> Option<Arc<Endpoint>> {
        let (scheme, authority) = (uri.scheme()?, uri.authority()?);
        let mut endpoints = lock(&self.0.endpoints);
        if let Some(known) = endpoints.iter().find(|endpoint| endpoint.is(scheme, authority)) {
            return Some(known.clone());
        }
        let endpoint = Arc::new(Endpoint::new(scheme, authority, self.0.idle_timeout)?);
        // A host name may contain a parameter, so their number has no bound.
        endpoints.retain(|endpoint| Arc::strong_count(endpoint) > 1 || !lock(&endpoint.connections).is_empty());
        endpoints.push(endpoint.clone());
        Some(endpoint)
    }

    async fn connect(&self, endpoint: &Endpoint) -> Result<Sender, SendError> {
        let uri = Uri::builder().scheme(endpoint.scheme.clone()).authority(endpoint.authority.clone());
        let uri = uri.path_and_query("/").build().map_err(|_| SendError::Invalid)?;
        let stream = self.0.connector.clone().call(uri).await.map_err(SendError::Connect)?;
        let connected = stream.connected();
        #[cfg(feature = "http2")]
        if connected.is_negotiated_h2() {
            if let Some(sender) = lock(&endpoint.connections).shared() {
                return Ok(sender);
            }
            let builder = http2::Builder::new(hyper_util::rt::TokioExecutor::new());
            let (mut sender, connection) = builder.handshake(stream).await.map_err(SendError::Failed)?;
            tokio::spawn(async move { drop(connection.await) });
            sender.ready().await.map_err(SendError::Failed)?;
            lock(&endpoint.connections).shared = Some((sender.clone(), Instant::now()));
            return Ok(Sender::Shared(sender));
        }
        let (mut sender, connection) = http1::handshake(stream).await.map_err(SendError::Failed)?;
        tokio::spawn(async move { drop(connection.await) });
        sender.ready().await.map_err(SendError::Failed)?;
        Ok(Sender::Exclusive(Exclusive { sender, is_proxied: connected.is_proxied() }))
    }
}

impl<C> fmt::Debug for Pool<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("idle_timeout", &self.0.idle_timeout).finish_non_exhaustive()
    }
}

impl InUse {
    /// Keeps the connection for other requests, after the whole response was read.
    pub(super) fn finish(self) {
        let Self { endpoint, sender } = self;
        match sender {
            Sender::Exclusive(connection) if connection.sender.is_ready() => endpoint.keep(connection),
            Sender::Exclusive(connection) if connection.sender.is_closed() => {}
            Sender::Exclusive(mut connection) => {
                tokio::spawn(async move {
                    if connection.sender.ready().await.is_ok() {
                        endpoint.keep(connection);
                    }
                });
            }
            #[cfg(feature = "http2")]
            Sender::Shared(_) => endpoint.watch(&mut lock(&endpoint.connections)),
        }
    }
}

impl Endpoint {
    fn new(scheme: &Scheme, authority: &Authority, idle_timeout: Duration) -> Option<Self> {
        let host = host_header(scheme, authority)?;
        let (scheme, authority) = (scheme.clone(), authority.clone());
        Some(Self { scheme, authority, host, idle_timeout, connections: Mutex::default() })
    }

    fn is(&self, scheme: &Scheme, authority: &Authority) -> bool {
        // The requests of a client share the text of their host, which then need not be compared.
        let is_same = std::ptr::eq(self.authority.as_str(), authority.as_str()) || self.authority == *authority;
        is_same && self.scheme == *scheme
    }

    /// Takes a connection, the one used last first.
    fn take(&self) -> Option<Sender> {
        let mut connections = lock(&self.connections);
        #[cfg(feature = "http2")]
        if let Some(sender) = connections.shared() {
            return Some(sender);
        }
        while let Some((connection, since)) = connections.idle.pop() {
            if since.elapsed() < self.idle_timeout && connection.sender.is_ready() {
                return Some(Sender::Exclusive(connection));
            }
        }
        None
    }

    /// Keeps an idle connection.
    fn keep(self: &Arc<Self>, connection: Exclusive) {
        let mut connections = lock(&self.connections);
        connections.idle.push((connection, Instant::now()));
        self.watch(&mut connections);
    }

    /// Closes connections that stay idle for too long, in a task that ends with the last of them.
    fn watch(self: &Arc<Self>, connections: &mut Connections) {
        // The task may have ended with the runtime that it belonged to.
        if connections.watch.as_ref().is_some_and(|watch| !watch.is_closed()) {
            return;
        }
        let (watch, mut ended) = oneshot::channel();
        connections.watch = Some(watch);
        let endpoint = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(next) = endpoint.upgrade().and_then(|endpoint| endpoint.close_idle()) {
                // There is no endpoint any more if the other side is dropped.
                if timeout_at(next, &mut ended).await.is_ok() {
                    return;
                }
            }
        });
    }

    /// Closes the connections that are idle for too long. Returns when the next one will be; `None` if there is none.
    fn close_idle(&self) -> Option<Instant> {
        let mut connections = lock(&self.connections);
        let is_old = |since: Instant| since.elapsed() >= self.idle_timeout;
        let old = connections.idle.partition_point(|(_, since)| is_old(*since));
        connections.idle.drain(..old);
        #[cfg(feature = "http2")]
        connections.shared.take_if(|(_, since)| is_old(*since));
        let since = connections.idle.first().map(|(_, since)| *since);
        #[cfg(feature = "http2")]
        let since = since.or(connections.shared.as_ref().map(|(_, since)| *since));
        let next = since.and_then(|since| since.checked_add(self.idle_timeout));
        if next.is_none() {
            connections.watch = None;
        }
        next
    }
}

impl Connections {
    fn is_empty(&self) -> bool {
        #[cfg(feature = "http2")]
        if self.shared.is_some() {
            return false;
        }
        self.idle.is_empty()
    }

    /// The connection with HTTP/2, if it is open.
    #[cfg(feature = "http2")]
    fn shared(&mut self) -> Option<Sender> {
        let (sender, used) = self.shared.as_mut().filter(|(sender, _)| sender.is_ready())?;
        *used = Instant::now();
        Some(Sender::Shared(sender.clone()))
    }
}

/// The form in which a server wants the URL.
fn path_only(path: &PathAndQuery) -> Uri {
    Uri::from(path.clone())
}

#[cfg(test)]
mod tests;
