//! Events of calls, for metrics.

use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::mismatch::Mismatches;
pub use crate::throttle::QuotaEvent;
use crate::throttle::QuotaKey;

/// An event of a call; see [`ClientBuilder::on_event`](crate::ClientBuilder::on_event).
///
/// An event contains no parameter value and no credential. The example `metrics` of the crate `alibabacloud-cams`
/// exports duration, attempts, throttling and waiting with OpenTelemetry.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use alibabacloud_runtime::event::{Event, Outcome};
///
/// static FAILED: AtomicU64 = AtomicU64::new(0);
///
/// fn count(event: &Event<'_>) {
///     if let Event::CallEnded(call) = event
///         && let Outcome::Failed(error) = call.outcome
///     {
///         FAILED.fetch_add(1, Ordering::Relaxed);
///         println!("{} failed: {:?} {:?}", call.action, error.kind(), error.code());
///     }
/// }
/// ```
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event<'a> {
    /// An attempt ended, with or without a request having been sent.
    AttemptEnded(AttemptEnded<'a>),
    /// A call ended. Every call has exactly one such event.
    CallEnded(CallEnded<'a>),
    /// A call succeeded, and members of its response were left out because they do not fit their type.
    ResponseMismatch(ResponseMismatch<'a>),
    /// The state of a quota changed. [`Throttle::quotas`](crate::Throttle::quotas) has the sums.
    Quota {
        /// The quota.
        key: &'a QuotaKey,
        /// The event.
        event: &'a QuotaEvent,
    },
    /// A [wait](crate::Client::wait_for) goes on after a call that told neither success nor failure.
    WaitContinues(WaitContinues<'a>),
    /// A wait ended. Every wait has exactly one such event, and its calls have theirs.
    WaitEnded(WaitEnded<'a>),
}

/// One attempt of a call.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct AttemptEnded<'a> {
    /// The action.
    pub action: &'a str,
    /// The number of the attempt in its call, starting at 1.
    pub attempt: u32,
    /// The time that it waited for its permit.
    pub quota_wait: Duration,
    /// The duration after that wait: signing, sending, and reading the response.
    pub elapsed: Duration,
    /// The HTTP status of the response, if there was one.
    pub http_status: Option<u16>,
    /// The service's ID of the request, if it returned one.
    pub request_id: Option<&'a str>,
    /// The error of a failure; `None` if it succeeded.
    pub error: Option<&'a Error>,
    /// The backoff before the retry; `None` if this was the last attempt.
    pub backoff: Option<Duration>,
}

/// A whole call.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct CallEnded<'a> {
    /// The action.
    pub action: &'a str,
    /// The number of attempts; 0 if nothing was sent.
    pub attempts: u32,
    /// The time that it waited for its permits, over all attempts.
    pub quota_wait: Duration,
    /// The duration, including all waits.
    pub elapsed: Duration,
    /// The outcome.
    pub outcome: Outcome<'a>,
}

/// Members of a response that do not fit their type.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ResponseMismatch<'a> {
    /// The action.
    pub action: &'a str,
    /// The service's ID of the request, if it returned one.
    pub request_id: Option<&'a str>,
    /// The paths of the members, without values.
    pub mismatches: &'a Mismatches,
}

/// The outcome of a call.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Outcome<'a> {
    /// It succeeded.
    Succeeded {
        /// The service's ID of the request, if it returned one.
        request_id: Option<&'a str>,
    },
    /// It failed.
    Failed(&'a Error),
    /// The future was dropped before the call ended. A request that was in flight may have taken effect.
    Abandoned,
}

/// A wait that goes on.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct WaitContinues<'a> {
    /// The action that started what is waited for.
    pub action: &'a str,
    /// The action that is asked.
    pub asked: &'a str,
    /// The number of calls so far.
    pub calls: u32,
    /// The state in its answer; `None` if the call failed or the answer has none. A state is not sensitive.
    pub state: Option<&'a str>,
    /// The error of the call, if it failed.
    pub error: Option<&'a Error>,
    /// The time until the next call.
    pub next_after: Duration,
}

/// A whole wait.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct WaitEnded<'a> {
    /// The action that started what was waited for.
    pub action: &'a str,
    /// The action that was asked.
    pub asked: &'a str,
    /// The number of calls.
    pub calls: u32,
    /// The duration.
    pub elapsed: Duration,
    /// The outcome.
    pub outcome: WaitOutcome<'a>,
}

/// The outcome of a wait.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum WaitOutcome<'a> {
    /// The operation is done.
    Done,
    /// An answer says that it failed.
    Failed {
        /// The state in the response.
        state: &'a str,
    },
    /// It was not done in time.
    BoundReached,
    /// The service refused a call, or nothing could be asked.
    Refused(&'a Error),
    /// The future was dropped before the wait ended.
    Abandoned,
}

impl WaitOutcome<'_> {
    /// The name of the outcome for metrics and logs, e.g. `bound_reached`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed { .. } => "failed",
            Self::BoundReached => "bound_reached",
            Self::Refused(_) => "refused",
            Self::Abandoned => "abandoned",
        }
    }
}

type Hook = Arc<dyn Fn(&Event<'_>) + Send + Sync>;

/// Reports events to the user's function, if there is one.
#[derive(Clone, Default)]
pub(crate) struct Events(Option<Hook>);

impl Events {
    pub(crate) fn to(hook: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hook)))
    }

    /// Reports an event. The closure runs only if a hook is set.
    pub(crate) fn tell<'a>(&self, event: impl FnOnce() -> Event<'a>) {
        if let Some(hook) = &self.0 {
            hook(&event());
        }
    }
}
