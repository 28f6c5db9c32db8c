//! The bundled transport: HTTP/1.1 and TLS through `reqwest`.

use std::error::Error as StdError;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::{MAX_ANSWER_BYTES, Transport, TransportError, TransportFuture};

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
    /// proxies come from `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn new() -> Result<Self, TransportError> {
        Self::over(settings())
    }

    /// As [`new`](Self::new), but without proxies: for an endpoint on this machine, which a proxy cannot reach. A client does
    /// so by itself when its endpoint is a loopback address.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn without_proxies() -> Result<Self, TransportError> {
        Self::over(settings().no_proxy())
    }

    fn over(settings: reqwest::ClientBuilder) -> Result<Self, TransportError> {
        settings.build().map(Self::from_client).map_err(|error| {
            TransportError::not_sent("the HTTP client cannot be set up").with_source(error.without_url())
        })
    }

    /// A transport over a client of your own: for a custom certificate authority, a client certificate or a proxy with a password.
    ///
    /// Switch redirects and retries off in it: a redirect would carry the signed request to another host, and a request that
    /// creates something must not be repeated behind the caller's back.
    pub fn from_client(client: reqwest::Client) -> Self {
        Self { client, url: Arc::default() }
    }

    /// The request in the form that `reqwest` wants.
    fn convert(&self, request: http::Request<Bytes>) -> Result<reqwest::Request, TransportError> {
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
        *request.body_mut() = Some(body.into());
        Ok(request)
    }
}

fn settings() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(Duration::from_secs(5))
        .pool_idle_timeout(Duration::from_secs(5))
}

impl Transport for ReqwestTransport {
    fn send(&self, request: http::Request<Bytes>) -> TransportFuture<'_> {
        Box::pin(async move {
            let mut response = self.client.execute(self.convert(request)?).await.map_err(describe)?;
            let too_large =
                || TransportError::unanswered(format!("the answer is larger than {MAX_ANSWER_BYTES} bytes"));
            let announced = response.content_length().unwrap_or(0);
            if announced > MAX_ANSWER_BYTES as u64 {
                return Err(too_large());
            }
            let mut answer = http::Response::new(Bytes::new());
            *answer.status_mut() = response.status();
            *answer.headers_mut() = std::mem::take(response.headers_mut());
            // Nearly every answer comes in one piece, which then is the body without a copy.
            let Some(first) = response.chunk().await.map_err(describe)? else {
                return Ok(answer);
            };
            let Some(second) = response.chunk().await.map_err(describe)? else {
                *answer.body_mut() = first;
                return Ok(answer);
            };
            let mut body = BytesMut::from(first);
            let mut next = Some(second);
            while let Some(chunk) = next {
                if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                    return Err(too_large());
                }
                body.extend_from_slice(&chunk);
                next = response.chunk().await.map_err(describe)?;
            }
            *answer.body_mut() = body.freeze();
            Ok(answer)
        })
    }
}

/// Whether the request can have arrived: `reqwest` marks what fails before there is a connection.
fn describe(error: reqwest::Error) -> TransportError {
    let described = if error.is_connect() {
        TransportError::not_sent(if error.is_timeout() {
            "no connection to the endpoint in time".to_owned()
        } else {
            format!("no connection to the endpoint: {}", innermost(&error))
        })
    } else if error.is_builder() {
        TransportError::not_sent("the request is not valid HTTP")
    } else {
        TransportError::unanswered(format!(
            "the connection failed before the answer was complete: {}",
            innermost(&error)
        ))
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
