//! Settings of one call.

use std::time::Duration;

use crate::retry::RetryPolicy;

/// Settings for one call, in place of the client's.
///
/// ```
/// use std::time::Duration;
/// use alibabacloud_runtime::{CallOptions, RetryPolicy};
///
/// let impatient = CallOptions::new().deadline(Duration::from_secs(2)).retry(RetryPolicy::never());
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[must_use = "options do nothing until a call is sent with them"]
pub struct CallOptions {
    retry: Option<RetryPolicy>,
    attempt_timeout: Option<Duration>,
    deadline: Option<Duration>,
}

impl CallOptions {
    /// The client's settings.
    pub const fn new() -> Self {
        Self { retry: None, attempt_timeout: None, deadline: None }
    }

    /// How long the call may take with all its attempts and waits, the wait for its quota included.
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// How long one attempt may take, connecting included.
    pub const fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = Some(timeout);
        self
    }

    /// How often the call is sent, and how long it waits in between.
    pub const fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = Some(policy);
        self
    }

    /// These settings, and the client's where there are none.
    pub(crate) fn or(self, client: &Options) -> Options {
        Options {
            retry: self.retry.unwrap_or(client.retry),
            attempt_timeout: self.attempt_timeout.unwrap_or(client.attempt_timeout),
            deadline: self.deadline.unwrap_or(client.deadline),
        }
    }
}

/// What holds for a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    pub(crate) retry: RetryPolicy,
    pub(crate) attempt_timeout: Duration,
    pub(crate) deadline: Duration,
}

/// How much of the time must be left for the answer when a call's turn comes (at most a quarter of the deadline): a call that is sent
/// at the last moment ends as one of which nobody knows whether it was executed.
const TIME_FOR_THE_ANSWER: Duration = Duration::from_secs(1);

impl Options {
    /// What holds unless a client or a call says otherwise.
    pub(crate) const DEFAULT: Self =
        Self { retry: RetryPolicy::new(), attempt_timeout: Duration::from_secs(10), deadline: Duration::from_secs(60) };

    /// How much of the deadline is kept for the answer.
    pub(crate) fn time_for_the_answer(&self) -> Duration {
        TIME_FOR_THE_ANSWER.min(self.deadline / 4)
    }
}
