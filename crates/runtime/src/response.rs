//! The result of a successful call: the typed output and facts of the call.

use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use bytes::Bytes;

use crate::mismatch::Mismatches;
use crate::value::Hidden;

/// The output of a successful call (by `Deref`), and the facts of the call.
#[derive(Clone)]
pub struct Response<T> {
    value: T,
    /// Sensitivity is unknown, so `Debug` prints nothing of the value.
    untyped: bool,
    pub(crate) metadata: Metadata,
}

/// Without `Debug`, because the body contains what the output redacts.
#[derive(Clone, Default)]
pub(crate) struct Metadata {
    pub(crate) request_id: Option<String>,
    pub(crate) http_status: u16,
    pub(crate) attempts: u32,
    pub(crate) quota_wait: Duration,
    pub(crate) mismatches: Mismatches,
    pub(crate) body: Bytes,
}

impl<T> Response<T> {
    /// Wraps an output, for tests of code that takes responses: HTTP status 200, one attempt, no request ID, an empty
    /// raw body.
    ///
    /// ```
    /// use alibabacloud_runtime::Response;
    ///
    /// let response = Response::new("an output").with_request_id("A-1");
    /// assert_eq!((*response, response.request_id(), response.attempts()), ("an output", Some("A-1"), 1));
    /// ```
    pub fn new(value: T) -> Self {
        Self::received(value, Metadata { http_status: 200, attempts: 1, ..Metadata::default() })
    }

    /// Sets the request ID.
    #[must_use]
    pub fn with_request_id(mut self, request_id: impl Into<String>) -> Self {
        self.metadata.request_id = Some(request_id.into());
        self
    }

    pub(crate) fn received(value: T, metadata: Metadata) -> Self {
        Self { value, untyped: false, metadata }
    }

    /// The response to an untyped call.
    pub(crate) fn untyped(value: T, metadata: Metadata) -> Self {
        Self { value, untyped: true, metadata }
    }

    /// Returns the output alone.
    pub fn into_inner(self) -> T {
        self.value
    }

    /// The service's ID of the request, for support tickets: the member `RequestId` of the response, else the ID in its
    /// header. The field `request_id` of an output has the same value.
    pub fn request_id(&self) -> Option<&str> {
        self.metadata.request_id.as_deref()
    }

    /// The HTTP status of the response.
    pub fn http_status(&self) -> u16 {
        self.metadata.http_status
    }

    /// The number of attempts of the call; at least 1.
    pub fn attempts(&self) -> u32 {
        self.metadata.attempts
    }

    /// The time that the call waited for its permits, over all attempts.
    pub fn quota_wait(&self) -> Duration {
        self.metadata.quota_wait
    }

    /// The members of the response that do not fit their type, by path. They are missing from the value;
    /// [`raw_body`](Self::raw_body) has them. Usually empty; otherwise the specification is out of date.
    pub fn mismatches(&self) -> &Mismatches {
        &self.metadata.mismatches
    }

    /// The body as received, including members that the type does not have. It contains personal data in clear text.
    pub fn raw_body(&self) -> &Bytes {
        &self.metadata.body
    }
}

impl<T> Deref for Response<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// Omits the raw body, which contains what the output redacts, and the response to an untyped call.
impl<T: fmt::Debug> fmt::Debug for Response<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value: &dyn fmt::Debug = if self.untyped { &Hidden } else { &self.value };
        f.debug_struct("Response")
            .field("value", value)
            .field("request_id", &self.metadata.request_id)
            .field("http_status", &self.metadata.http_status)
            .field("attempts", &self.metadata.attempts)
            .field("quota_wait", &self.metadata.quota_wait)
            .field("mismatches", &self.metadata.mismatches.first())
            .finish_non_exhaustive()
    }
}
