//! Sending one prepared request: the [`Transport`] trait, and the bundled implementations.

#[cfg(any(feature = "reqwest", feature = "hyper"))]
mod body;
#[cfg(any(feature = "reqwest", feature = "hyper"))]
mod builder;
mod encoding;
mod handover;
#[cfg(feature = "hyper")]
mod hyper;
#[cfg(feature = "hyper")]
mod pool;
mod proxy;
#[cfg(feature = "reqwest")]
mod reqwest;
#[cfg(all(test, any(feature = "reqwest", feature = "hyper")))]
mod tests;

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

use crate::redact::Redactor;

#[cfg(any(feature = "reqwest", feature = "hyper"))]
pub use builder::{BundledTransport, TransportBuilder};
pub(crate) use encoding::decode;
pub use encoding::decode_content;
pub use handover::Handover;
#[cfg(feature = "hyper")]
pub use hyper::HyperTransport;
pub use proxy::{Proxies, Proxy, ProxyError, default_proxy};
#[cfg(feature = "reqwest")]
pub use reqwest::ReqwestTransport;

/// The default transport of a client: [`ReqwestTransport`] if the feature `reqwest` is enabled, else [`HyperTransport`].
#[cfg(feature = "reqwest")]
pub type DefaultTransport = ReqwestTransport;

/// The default transport of a client: that of the feature `reqwest` if it is enabled, else [`HyperTransport`].
#[cfg(all(feature = "hyper", not(feature = "reqwest")))]
pub type DefaultTransport = HyperTransport;

/// The maximum size of a response body, in bytes (16 MiB). A larger one is a [`TransportError`].
pub const MAX_RESPONSE_BYTES: usize = 16 << 20;

/// Sends one HTTP request and returns the whole response.
///
/// An implementation
/// - sends the request unchanged, because it is signed, but may add headers such as `Host` and `Content-Length`;
/// - never follows a redirect and never sends a request twice, unless the first was certainly not sent;
/// - reads at most [`MAX_RESPONSE_BYTES`];
/// - distinguishes, by the kind of its error, requests that were not sent from those that may have arrived, which
///   decides whether a call that creates something is retried;
/// - reports to the [`Handover`], if it can, when the request is handed to a connection. Otherwise a deadline during
///   connecting leaves the outcome unknown.
///
/// The client enforces timeouts by dropping the future.
pub trait Transport: Send + Sync + 'static {
    /// Sends the request.
    fn send(&self, request: http::Request<Bytes>, handover: &Handover) -> TransportFuture<'_>;
}

/// The future that [`Transport::send`] returns.
pub type TransportFuture<'a> = Pin<Box<dyn Future<Output = Result<http::Response<Bytes>, TransportError>> + Send + 'a>>;

/// Shares one transport, and its connections, between clients.
impl<T: Transport + ?Sized> Transport for Arc<T> {
    fn send(&self, request: http::Request<Bytes>, handover: &Handover) -> TransportFuture<'_> {
        (**self).send(request, handover)
    }
}

/// The reason why there is no complete response.
pub struct TransportError {
    not_sent: bool,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
    partial: Option<Box<http::Response<Bytes>>>,
}

impl TransportError {
    /// Creates the error of a request that certainly never reached the server. It is safe to repeat.
    pub fn not_sent(message: impl Into<String>) -> Self {
        Self { not_sent: true, message: message.into(), source: None, partial: None }
    }

    /// Creates the error of a request that may have reached the server, but has no complete response.
    pub fn unanswered(message: impl Into<String>) -> Self {
        Self { not_sent: false, message: message.into(), source: None, partial: None }
    }

    /// Sets the cause. Its text must not contain the URL of the request.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds the received part of the response, so that the error has its status, its request ID and its beginning.
    #[must_use]
    pub fn with_partial_response(mut self, answer: http::Response<Bytes>) -> Self {
        self.partial = Some(Box::new(answer));
        self
    }

    /// The received part of the response; `None` if not even its head was complete.
    pub fn partial_response(&self) -> Option<&http::Response<Bytes>> {
        self.partial.as_deref()
    }

    /// Redacts the error. Its causes are replaced by plain text only if one of them contains a redacted value.
    pub(crate) fn redacted(self, redactor: &Redactor<'_>) -> Self {
        let mut texts = Vec::new();
        let mut holds_values = false;
        let mut next = self.source();
        while let Some(cause) = next {
            let (text, debug) = (cause.to_string(), format!("{cause:?}"));
            let hidden = redactor.hide(&text);
            holds_values |= hidden != text || redactor.hide(&debug) != debug;
            texts.push(hidden.into_owned());
            next = cause.source();
        }
        let source = if holds_values { Some(texts.join(": ").into()) } else { self.source };
        let message = redactor.hide(&self.message).into_owned();
        // Without the partial response, which contains personal data.
        Self { not_sent: self.not_sent, message, source, partial: None }
    }

    /// Whether the request certainly never reached the server.
    pub fn is_not_sent(&self) -> bool {
        self.not_sent
    }
}

/// Prints no partial response, because it contains personal data.
impl fmt::Debug for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportError")
            .field("not_sent", &self.not_sent)
            .field("message", &self.message)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for TransportError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
