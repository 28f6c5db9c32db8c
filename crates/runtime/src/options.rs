//! Settings of one call.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::credentials::ProvideCredentials;
use crate::headers::Headers;
use crate::retry::RetryPolicy;

/// Settings for one call, which override the client's.
///
/// ```
/// use std::time::Duration;
/// use alibabacloud_runtime::{CallOptions, RetryPolicy};
///
/// let impatient = CallOptions::new().deadline(Duration::from_secs(2)).retry(RetryPolicy::never());
/// let traced = CallOptions::new().header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
/// ```
#[derive(Clone, Default)]
#[must_use = "options do nothing until a call is sent with them"]
pub struct CallOptions {
    retry: Option<RetryPolicy>,
    attempt_timeout: Option<Duration>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) region: Option<String>,
    pub(crate) credentials: Option<Arc<dyn ProvideCredentials>>,
    pub(crate) headers: Headers,
}

impl CallOptions {
    /// The client's settings.
    pub const fn new() -> Self {
        Self {
            retry: None,
            attempt_timeout: None,
            deadline: None,
            region: None,
            credentials: None,
            headers: Headers::new(),
        }
    }

    /// Sets the deadline of the call, including all attempts and waits.
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Sets the timeout of one attempt, including connecting.
    pub const fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = Some(timeout);
        self
    }

    /// Sets how often the call is retried, and the backoff.
    pub const fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = Some(policy);
        self
    }

    /// Sets the region whose endpoint the call is sent to. Ignored if the client has an [explicit
    /// endpoint](crate::ClientBuilder::endpoint). The call fails if the product has no endpoint in the region.
    ///
    /// The quota is still that of the account, unless the throttle counts regions separately.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Sets the source of the credentials that sign the call.
    ///
    /// The call uses the quota of their account: the one in the ARN of an assumed role, else that of the access key.
    pub fn credentials(mut self, provider: impl ProvideCredentials) -> Self {
        self.credentials = Some(Arc::new(provider));
        self
    }

    /// Adds a header to the call's requests, replacing one of the client with the same name, e.g. a `traceparent` or a
    /// ticket number.
    ///
    /// Signature V3 covers headers whose names begin with `x-acs-`; others are unsigned, so that a proxy may change
    /// them. The call fails, and nothing is sent, if the client or the transport sets the header itself (`Host`,
    /// `Authorization`, `X-Acs-Date`, …), or if HTTP does not allow the name or the value. Values do not appear in
    /// `Debug` output, logs and errors.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.headers.set(name.as_ref(), value.as_ref());
        self
    }

    /// These settings, with the client's as defaults.
    pub(crate) fn or(&self, client: &Options) -> Options {
        Options {
            retry: self.retry.unwrap_or(client.retry),
            attempt_timeout: self.attempt_timeout.unwrap_or(client.attempt_timeout),
            deadline: self.deadline.unwrap_or(client.deadline),
        }
    }
}

/// Prints the names of headers, and whether there are credentials.
impl fmt::Debug for CallOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallOptions")
            .field("retry", &self.retry)
            .field("attempt_timeout", &self.attempt_timeout)
            .field("deadline", &self.deadline)
            .field("region", &self.region)
            .field("has_credentials", &self.credentials.is_some())
            .field("headers", &self.headers)
            .finish()
    }
}

/// The effective settings of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    pub(crate) retry: RetryPolicy,
    pub(crate) attempt_timeout: Duration,
    pub(crate) deadline: Duration,
}

/// The part of the deadline that must be left for the response when a call gets its permit (at most a quarter of it). A
/// call that is sent at the last moment would end with an unknown outcome.
const TIME_FOR_THE_ANSWER: Duration = Duration::from_secs(1);

impl Options {
    /// The default settings.
    pub(crate) const DEFAULT: Self =
        Self { retry: RetryPolicy::new(), attempt_timeout: Duration::from_secs(10), deadline: Duration::from_secs(60) };

    /// The part of the deadline that is reserved for the response.
    pub(crate) fn time_for_the_answer(&self) -> Duration {
        TIME_FOR_THE_ANSWER.min(self.deadline / 4)
    }
}
