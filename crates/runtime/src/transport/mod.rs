//! Sending one prepared request: the [`Transport`] trait, and the bundled implementations.

#[cfg(any(feature = "reqwest", feature = "hyper"))]
mod body;
#[cfg(any(feature = "reqwest", feature = "hyper"))]
mod builder;
mod encoding;
mod handover;
#[cfg(feature = "hyper")]
mod hyper;
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

/// The transport of a client that is given none: [`ReqwestTransport`] if the feature `reqwest` is on, else the lean one.
#[cfg(feature = "reqwest")]
pub type DefaultTransport = ReqwestTransport;

/// The transport of a client that is given none: the one of the feature `reqwest` if it is on, else [`HyperTransport`].
#[cfg(all(feature = "hyper", not(feature = "reqwest")))]
pub type DefaultTransport = HyperTransport;

/// The largest body of a response that is read, in bytes (16 MiB). A larger one is a [`TransportError`].
pub const MAX_RESPONSE_BYTES: usize = 16 << 20;

/// Sends one HTTP request and returns the whole response.
///
/// An implementation
/// - sends what it is given, unchanged: the request is signed (it may add headers such as `Host` and `Content-Length`);
/// - never follows a redirect and never sends a request twice, unless the first was certainly not sent;
/// - reads at most [`MAX_RESPONSE_BYTES`];
/// - distinguishes, by the kind of its error, what was never sent from what may have arrived. This decides whether a call that
///   creates something is retried;
/// - reports to the [`Handover`], if it can, when the request is handed to a connection. Without that, a deadline that passes
///   while the connection is being made leaves the outcome unknown.
///
/// The client enforces timeouts: it drops the future.
pub trait Transport: Send + Sync + 'static {
    /// Sends the request.
    fn send(&self, request: http::Request<Bytes>, handover: &Handover) -> TransportFuture<'_>;
}

/// What [`Transport::send`] returns.
pub type TransportFuture<'a> = Pin<Box<dyn Future<Output = Result<http::Response<Bytes>, TransportError>> + Send + 'a>>;

/// Shares one transport, and its connections, between clients.
impl<T: Transport + ?Sized> Transport for Arc<T> {
    fn send(&self, request: http::Request<Bytes>, handover: &Handover) -> TransportFuture<'_> {
        (**self).send(request, handover)
    }
}

/// Why there is no complete response.
pub struct TransportError {
    not_sent: bool,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
    partial: Option<Box<http::Response<Bytes>>>,
}

impl TransportError {
    /// The request certainly never reached the server: no connection could be made. It can safely be repeated.
    pub fn not_sent(message: impl Into<String>) -> Self {
        Self { not_sent: true, message: message.into(), source: None, partial: None }
    }

    /// The request may have reached the server, but there is no complete response.
    pub fn unanswered(message: impl Into<String>) -> Self {
        Self { not_sent: false, message: message.into(), source: None, partial: None }
    }

    /// Adds the cause. Its text must not hold the URL of the request.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds what arrived of the response before it broke off: the error then has its status, its request ID and its beginning.
    #[must_use]
    pub fn with_partial_response(mut self, answer: http::Response<Bytes>) -> Self {
        self.partial = Some(Box::new(answer));
        self
    }

    /// What arrived of the response before it broke off; `None` if not even its head did.
    pub fn partial_response(&self) -> Option<&http::Response<Bytes>> {
        self.partial.as_deref()
    }

    /// The same error without the values that `hide` hides. Its causes become plain text only if one of them holds such a value.
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
        // The start of an answer stays behind: it holds personal data.
        Self { not_sent: self.not_sent, message, source, partial: None }
    }

    /// Whether the request certainly never reached the server.
    pub fn is_not_sent(&self) -> bool {
        self.not_sent
    }
}

/// Without what came in of the answer: it holds personal data.
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
