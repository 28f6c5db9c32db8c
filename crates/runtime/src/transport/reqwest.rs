//! The bundled transport: HTTP/1.1 and TLS through `reqwest`.

use std::error::Error as StdError;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::body::ReportingBody;
use super::{Handover, MAX_ANSWER_BYTES, Proxies, Transport, TransportError, TransportFuture};

/// Sends through a `reqwest` client.
///
/// Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct ReqwestTransport {
    client: reqwest::Client,
    /// The first URL without a query, as `reqwest` wants it: nearly every request goes there, and parsing costs as much as signing.
    url: Arc<OnceLock<(http::Uri, reqwest::Url)>>,
}

impl ReqwestTransport {
    /// A transport with the settings that suit the service: redirects are never followed, a connection attempt may take 5 s, an
    /// idle connection is dropped after 5 s (the service drops it at about 10 s, and a request must not meet that moment), and
    /// proxies come from the environment ([`Proxies::from_env`]).
    ///
    /// # Errors
    /// If TLS cannot be set up, or the environment names a proxy that cannot be used.
    pub fn new() -> Result<Self, TransportError> {
        Self::builder().build()
    }

    /// As [`new`](Self::new), but without proxies: for an endpoint on this machine, which a proxy cannot reach. A client does
    /// so by itself when its endpoint is a loopback address.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn without_proxies() -> Result<Self, TransportError> {
        Self::builder().without_proxies().build()
    }

    /// The settings of [`new`](Self::new), to change some of them.
    pub fn builder() -> ReqwestTransportBuilder {
        ReqwestTransportBuilder { settings: settings(), proxies: None, problem: None }
    }

    /// A transport over a client of your own, for whatever [`builder`](Self::builder) does not offer: a DNS resolver, say.
    ///
    /// Switch redirects and retries off in it: a redirect would carry the signed request to another host, and a request that
    /// creates something must not be repeated behind the caller's back.
    pub fn from_client(client: reqwest::Client) -> Self {
        Self { client, url: Arc::default() }
    }

    /// The request in the form that `reqwest` wants.
    fn convert(&self, request: http::Request<Bytes>, handover: Handover) -> Result<reqwest::Request, TransportError> {
        let (parts, body) = request.into_parts();
        let url = match self.url.get() {
            Some((uri, url)) if *uri == parts.uri => url.clone(),
            _ => {
                let url = reqwest::Url::parse(&parts.uri.to_string())
                    .map_err(|_| TransportError::not_sent("the request is not valid HTTP"))?;
                // A query holds parameters, which no later request has in common.
                if parts.uri.query().is_none() {
                    let _ = self.url.set((parts.uri, url.clone()));
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

/// Settings for a [`ReqwestTransport`].
#[derive(Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct ReqwestTransportBuilder {
    settings: reqwest::ClientBuilder,
    /// `None`: those of the environment.
    proxies: Option<Proxies>,
    /// The first setting that cannot be used.
    problem: Option<TransportError>,
}

impl ReqwestTransportBuilder {
    /// Trusts these certificate authorities, too, beside those of the system: for a proxy that opens TLS, say. `pem` holds one or more
    /// certificates in PEM form.
    pub fn certificate_authorities(mut self, pem: &[u8]) -> Self {
        match reqwest::Certificate::from_pem_bundle(pem) {
            Ok(certificates) if !certificates.is_empty() => {
                self.settings = self.settings.tls_certs_merge(certificates);
                self
            }
            _ => self
                .refuse("the certificate authorities are not certificates in PEM form (`-----BEGIN CERTIFICATE-----`)"),
        }
    }

    /// Shows this certificate to servers that ask for one. `pem` holds the private key and the certificate, with the rest of its chain
    /// if there is one, in PEM form.
    pub fn client_certificate(mut self, pem: &[u8]) -> Self {
        if let Ok(identity) = reqwest::Identity::from_pem(pem) {
            self.settings = self.settings.identity(identity);
            self
        } else {
            // The cause may quote a part of the key.
            self.refuse("the client certificate is not a private key and a certificate in PEM form")
        }
    }

    /// How long a connection attempt may take, TLS included. Default: 5 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings = self.settings.connect_timeout(timeout);
        self
    }

    /// Sends all requests through this proxy, in place of those of the environment; [`Proxies::all`] describes the URL.
    pub fn proxy(self, url: &str) -> Self {
        match Proxies::all(url) {
            Ok(proxies) => self.proxies(proxies),
            Err(error) => self.refuse(error.to_string()),
        }
    }

    /// Uses these proxies. Default: those of the environment, [`Proxies::from_env`].
    pub fn proxies(mut self, proxies: Proxies) -> Self {
        self.proxies = Some(proxies);
        self
    }

    /// Uses no proxy, whatever the environment names.
    pub fn without_proxies(self) -> Self {
        self.proxies(Proxies::none())
    }

    /// The transport.
    ///
    /// # Errors
    /// If a setting cannot be used, or TLS cannot be set up; the message says which.
    pub fn build(self) -> Result<ReqwestTransport, TransportError> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let proxies = self.proxies.unwrap_or_else(Proxies::from_env);
        proxies.check().map_err(|error| TransportError::not_sent(error.to_string()))?;
        let settings = if proxies.is_empty() {
            self.settings.no_proxy()
        } else {
            self.settings.proxy(reqwest::Proxy::custom(move |url| proxy_url(&proxies, url)))
        };
        settings.build().map(ReqwestTransport::from_client).map_err(|error| {
            TransportError::not_sent("the HTTP client cannot be set up").with_source(error.without_url())
        })
    }

    fn refuse(mut self, problem: impl Into<String>) -> Self {
        self.problem.get_or_insert_with(|| TransportError::not_sent(problem));
        self
    }
}

/// The proxy for a URL, in the form that `reqwest` wants.
fn proxy_url(proxies: &Proxies, url: &reqwest::Url) -> Option<reqwest::Url> {
    let proxy = proxies.for_uri(&url.as_str().parse().ok()?)?;
    let mut url = reqwest::Url::parse(&proxy.to_string()).ok()?;
    if let Some((user, password)) = proxy.credentials() {
        url.set_username(user).ok()?;
        url.set_password(Some(password)).ok()?;
    }
    Some(url)
}

fn settings() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(Duration::from_secs(5))
        .pool_idle_timeout(Duration::from_secs(5))
}

impl Transport for ReqwestTransport {
    fn send(&self, request: http::Request<Bytes>, handover: &Handover) -> TransportFuture<'_> {
        handover.will_report();
        let handover = handover.clone();
        Box::pin(async move {
            let request = self.convert(request, handover.clone())?;
            let mut response = self.client.execute(request).await.map_err(|error| describe(error, &handover))?;
            let mut answer = http::Response::new(Bytes::new());
            *answer.status_mut() = response.status();
            *answer.headers_mut() = std::mem::take(response.headers_mut());
            match read_body(&mut response, &mut answer, &handover).await {
                Ok(()) => Ok(answer),
                Err(error) => Err(error.with_partial_answer(answer)),
            }
        })
    }
}

/// Reads the body into `answer`, as far as it comes.
async fn read_body(
    response: &mut reqwest::Response,
    answer: &mut http::Response<Bytes>,
    handover: &Handover,
) -> Result<(), TransportError> {
    let too_large = || TransportError::unanswered(format!("the answer is larger than {MAX_ANSWER_BYTES} bytes"));
    // Nearly every answer comes in one piece, which then is the body without a copy.
    let Some(first) = response.chunk().await.map_err(|error| describe(error, handover))? else {
        return Ok(());
    };
    *answer.body_mut() = first;
    if response.content_length().is_some_and(|announced| announced > MAX_ANSWER_BYTES as u64) {
        return Err(too_large());
    }
    let mut body = BytesMut::new();
    let outcome = loop {
        match response.chunk().await {
            Ok(None) => break Ok(()),
            Err(error) => break Err(describe(error, handover)),
            Ok(Some(chunk)) => {
                if body.is_empty() {
                    body = BytesMut::from(std::mem::take(answer.body_mut()));
                }
                if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                    break Err(too_large());
                }
                body.extend_from_slice(&chunk);
            }
        }
    };
    if !body.is_empty() {
        *answer.body_mut() = body.freeze();
    }
    outcome
}

/// Whether the request can have arrived: it can as soon as a connection has taken it.
fn describe(error: reqwest::Error, handover: &Handover) -> TransportError {
    let cause = innermost(&error).to_string();
    let described = if error.is_builder() {
        TransportError::not_sent("the request is not valid HTTP")
    } else if handover.may_have_been_sent() {
        TransportError::unanswered(format!("the connection failed before the answer was complete: {cause}"))
    } else {
        TransportError::not_sent(if error.is_timeout() {
            "no connection to the endpoint in time".to_owned()
        } else if cause.contains("InvalidContentType") {
            // What `rustls` says when the first bytes of the server are no TLS.
            "the server at the endpoint does not speak TLS; if it speaks plain HTTP, the endpoint begins with `http://`"
                .to_owned()
        } else {
            format!("no connection to the endpoint: {cause}")
        })
    };
    // The URL may hold parameters.
    described.with_source(error.without_url())
}

/// The cause at the end of the chain: the outer ones only repeat that something failed.
fn innermost(error: &dyn StdError) -> &dyn StdError {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost
}

#[cfg(test)]
mod tests;
