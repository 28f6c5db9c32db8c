//! The default transport: HTTP and TLS through `reqwest`.

use std::future::{Future, ready};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::header::{HOST, HeaderValue};
use http::uri::Scheme;

use super::body::{AnswerBody, ReportingBody, failure, host_header};
use super::builder::sealed::Build;
use super::builder::{BundledTransport, Settings, TransportBuilder};
use super::{Handover, Proxies, Transport, TransportError, TransportFuture};

/// Sends through a `reqwest` client.
///
/// Redirects are never followed, and a request is repeated only if it is certain that no connection took it. Cheap to clone;
/// clones share their connections.
#[derive(Debug, Clone)]
pub struct ReqwestTransport {
    client: reqwest::Client,
    /// The address of the first request without a query. Nearly all requests have the same one, and parsing it takes as
    /// long as signing.
    address: Arc<OnceLock<Address>>,
}

/// An address in the forms that are needed for each request.
#[derive(Debug)]
struct Address {
    uri: http::Uri,
    url: reqwest::Url,
    /// The value of the `Host` header, which `reqwest` would otherwise format for each request. `None` if the connection may
    /// use HTTP/2, which has no such header.
    host: Option<HeaderValue>,
}

impl ReqwestTransport {
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

    /// A transport that sends through `client`, for settings that [`builder`](Self::builder) does not have, such as a DNS resolver.
    ///
    /// Disable redirects and retries in `client`: a redirect would send the signed request to another host, and a retry may
    /// execute an action twice. Without the feature `aws-lc-rs`, also set a cryptography provider for its TLS.
    pub fn from_client(client: reqwest::Client) -> Self {
        Self { client, address: Arc::default() }
    }

    /// Converts a request to the type of `reqwest`.
    fn convert(&self, request: http::Request<Bytes>, handover: Handover) -> Result<reqwest::Request, TransportError> {
        let (mut parts, body) = request.into_parts();
        let url = match self.address.get() {
            Some(Address { uri, url, host }) if is_same(uri, &parts.uri) => {
                if let Some(host) = host {
                    parts.headers.entry(HOST).or_insert_with(|| host.clone());
                }
                url.clone()
            }
            _ => {
                let url = reqwest::Url::parse(&parts.uri.to_string())
                    .map_err(|_| TransportError::not_sent("the request is not valid HTTP"))?;
                // A query contains parameters, which differ between requests.
                if parts.uri.query().is_none() {
                    let _ = self.address.set(Address::new(parts.uri, url.clone()));
                }
                url
            }
        };
        let mut request = reqwest::Request::new(parts.method, url);
        *request.headers_mut() = parts.headers;
        *request.body_mut() = Some(reqwest::Body::wrap(ReportingBody::new(body, handover)));
        Ok(request)
    }
}

impl Address {
    fn new(uri: http::Uri, url: reqwest::Url) -> Self {
        let is_http1 = cfg!(not(feature = "http2")) || uri.scheme() == Some(&Scheme::HTTP);
        let host = uri.scheme().zip(uri.authority()).filter(|_| is_http1);
        let host = host.and_then(|(scheme, authority)| host_header(scheme, authority));
        Self { uri, url, host }
    }
}

/// Receives a complete response.
async fn receive(
    response: impl Future<Output = Result<reqwest::Response, reqwest::Error>>,
    handover: Handover,
) -> Result<http::Response<Bytes>, TransportError> {
    let mut response = response.await.map_err(|error| describe(error, &handover))?;
    let mut answer = http::Response::new(Bytes::new());
    *answer.status_mut() = response.status();
    *answer.headers_mut() = std::mem::take(response.headers_mut());
    let announced = response.content_length();
    let mut body = AnswerBody::default();
    let outcome = loop {
        match response.chunk().await {
            Ok(None) => break Ok(()),
            Ok(Some(piece)) => {
                if let Err(error) = body.push(piece, announced) {
                    break Err(error);
                }
            }
            Err(error) => break Err(describe(error, &handover)),
        }
    };
    *answer.body_mut() = body.into_bytes();
    match outcome {
        Ok(()) => Ok(answer),
        Err(error) => Err(error.with_partial_response(answer)),
    }
}

impl BundledTransport for ReqwestTransport {}

impl Build for ReqwestTransport {
    fn build(settings: Settings) -> Result<Self, TransportError> {
        let Settings { proxies, tls, connect_timeout, idle_timeout } = settings;
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(connect_timeout)
            .pool_idle_timeout(idle_timeout)
            .tls_backend_preconfigured(tls);
        let client = if proxies.is_empty() {
            client.no_proxy()
        } else {
            client.proxy(reqwest::Proxy::custom(move |url| proxy_url(&proxies, url)))
        };
        client.build().map(Self::from_client).map_err(|error| {
            TransportError::not_sent("the HTTP client cannot be set up").with_source(error.without_url())
        })
    }
}

/// Whether two URIs are equal. Requests of one client usually share the text of their host, so pointers are compared first.
fn is_same(one: &http::Uri, other: &http::Uri) -> bool {
    match (one.authority(), other.authority()) {
        (Some(a), Some(b)) if std::ptr::eq(a.as_str(), b.as_str()) => {
            one.path_and_query() == other.path_and_query() && one.scheme() == other.scheme()
        }
        _ => one == other,
    }
}

/// The URL of the proxy for a URL, in the type of `reqwest`.
fn proxy_url(proxies: &Proxies, url: &reqwest::Url) -> Option<reqwest::Url> {
    let proxy = proxies.for_uri(&url.as_str().parse().ok()?)?;
    let mut url = reqwest::Url::parse(&proxy.to_string()).ok()?;
    if let Some((user, password)) = proxy.credentials() {
        url.set_username(user).ok()?;
        url.set_password(Some(password)).ok()?;
    }
    Some(url)
}

impl Transport for ReqwestTransport {
    fn send(&self, request: http::Request<Bytes>, handover: &Handover) -> TransportFuture<'_> {
        handover.will_report();
        // Not inside the future, which would then contain the request and be several times as large.
        match self.convert(request, handover.clone()) {
            Ok(request) => Box::pin(receive(self.client.execute(request), handover.clone())),
            Err(error) => Box::pin(ready(Err(error))),
        }
    }
}

fn describe(error: reqwest::Error, handover: &Handover) -> TransportError {
    let described = if error.is_builder() {
        TransportError::not_sent("the request is not valid HTTP")
    } else {
        failure(&error, error.is_timeout(), handover)
    };
    // The URL may contain parameters.
    described.with_source(error.without_url())
}
