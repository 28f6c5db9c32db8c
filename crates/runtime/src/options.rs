//! Settings of one call.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::credentials::ProvideCredentials;
use crate::headers::Headers;
use crate::retry::RetryPolicy;

/// Settings for one call, in place of the client's.
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

    /// How long the call may take with all its attempts and waits, the wait for its permit included.
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// How long one attempt may take, connecting included.
    pub const fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = Some(timeout);
        self
    }

    /// How often the call is retried, and how long it waits in between.
    pub const fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = Some(policy);
        self
    }

    /// The region whose endpoint the call is sent to. Ignored by a client with an
    /// [endpoint of its own](crate::ClientBuilder::endpoint). The call fails if the product has no endpoint in the region.
    ///
    /// The quota stays that of the account, unless regions count apart.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// The source of the credentials that sign the call.
    ///
    /// The call counts for the account of these credentials: for the one in the ARN of an assumed role, else for their access key.
    pub fn credentials(mut self, provider: impl ProvideCredentials) -> Self {
        self.credentials = Some(Arc::new(provider));
        self
    }

    /// Adds a header to the call's requests, in place of one of the client with the same name: a `traceparent`, a ticket number.
    ///
    /// Signature V3 covers headers whose names begin with `x-acs-`; others are sent unsigned, so that a proxy may change them. The
    /// call fails, and nothing is sent, if the client or the transport sets the header itself (`Host`, `Authorization`,
    /// `X-Acs-Date`, …), or if the name or the value holds a character that HTTP does not allow. Values are left out of `Debug`
    /// output, logs and errors.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.headers.set(name.as_ref(), value.as_ref());
        self
    }

    /// These settings, and the client's where there are none.
    pub(crate) fn or(&self, client: &Options) -> Options {
        Options {
            retry: self.retry.unwrap_or(client.retry),
            attempt_timeout: self.attempt_timeout.unwrap_or(client.attempt_timeout),
            deadline: self.deadline.unwrap_or(client.deadline),
        }
    }
}

/// Shows the names of headers, and whether there are credentials.
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

/// The settings that hold for a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    pub(crate) retry: RetryPolicy,
    pub(crate) attempt_timeout: Duration,
    pub(crate) deadline: Duration,
}

/// How much of the deadline must be left for the response when a call gets its permit (at most a quarter): a call that is sent at
/// the last moment ends with an unknown outcome.
const TIME_FOR_THE_ANSWER: Duration = Duration::from_secs(1);

impl Options {
    /// What holds unless a client or a call says otherwise.
    pub(crate) const DEFAULT: Self =
        Self { retry: RetryPolicy::new(), attempt_timeout: Duration::from_secs(10), deadline: Duration::from_secs(60) };

    /// How much of the deadline is kept for the response.
    pub(crate) fn time_for_the_answer(&self) -> Duration {
        TIME_FOR_THE_ANSWER.min(self.deadline / 4)
    }
}
