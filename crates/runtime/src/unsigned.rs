//! The hook for requests before they are signed.

use std::fmt;
use std::sync::Arc;

use crate::endpoint::Endpoint;
use crate::headers::Headers;
use crate::parameters::Parameter;

/// A request that is about to be signed; see [`ClientBuilder::on_request`](crate::ClientBuilder::on_request).
///
/// `Debug` shows no value of a parameter or header.
pub struct UnsignedRequest<'a> {
    pub(crate) action: &'a str,
    pub(crate) attempt: u32,
    pub(crate) nonce: &'a str,
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) parameters: &'a [Parameter<'a>],
    pub(crate) headers: Headers,
}

impl UnsignedRequest<'_> {
    /// The action, e.g. `ChatappSyncPhoneNumber`.
    pub fn action(&self) -> &str {
        self.action
    }

    /// The number of the attempt, starting at 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The nonce of the signature, unique to the attempt.
    pub fn nonce(&self) -> &str {
        self.nonce
    }

    /// The endpoint.
    pub fn endpoint(&self) -> &Endpoint {
        self.endpoint
    }

    /// The parameters by their names on the wire, without those of the signature. Values are unredacted.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters.iter().map(|parameter| (&*parameter.name, &*parameter.value))
    }

    /// The headers of the client and the call. Names are in lower case, values unredacted.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.texts()
    }

    /// Sets a header, replacing one of the client or the call; see [`CallOptions::header`](crate::CallOptions::header).
    /// An invalid one fails the call.
    pub fn set_header(&mut self, name: impl AsRef<str>, value: impl AsRef<str>) {
        self.headers.set(name.as_ref(), value.as_ref());
    }
}

impl fmt::Debug for UnsignedRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parameters: Vec<_> = self.parameters().map(|(name, _)| name).collect();
        f.debug_struct("UnsignedRequest")
            .field("action", &self.action)
            .field("attempt", &self.attempt)
            .field("nonce", &self.nonce)
            .field("endpoint", &self.endpoint.to_string())
            .field("parameters", &parameters)
            .field("headers", &self.headers)
            .finish()
    }
}

pub(crate) type RequestHook = Arc<dyn Fn(&mut UnsignedRequest<'_>) + Send + Sync>;
