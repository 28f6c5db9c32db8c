//! Decides whether and when to retry. Time and random numbers are arguments.

use std::sync::Mutex;
use std::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::lock::lock;

/// The number of retries of a call, and their backoff.
///
/// It does not determine what is retried. An action that is not idempotent is retried only with proof that the request
/// was not executed: it was not handed to a connection, or the service itself refused it (its own error format, a
/// status other than 3xx, 408 and 5xx, and a code that is no failure of the service).
///
/// | failure | retried |
/// |---|---|
/// | throttled, never sent | idempotent actions; any other with that proof |
/// | timeout, broken connection, unusable response, failure inside the service, nonce used | idempotent actions |
/// | the clock is wrong | as throttled; once, with the server's time |
/// | the credentials have expired | as throttled; once, with new ones from the provider |
/// | a limit of an hour or a day, everything else | never |
///
/// A **throttled** call is retried until its deadline: throttled attempts count neither against
/// [`max_attempts`](Self::max_attempts) nor against the retry budget. They wait as long as the service requests, or
/// about one window of the limit. Only a policy of one attempt ([`never`](Self::never)) fails at once.
///
/// ```
/// use std::time::Duration;
/// use alibabacloud_runtime::RetryPolicy;
///
/// let patient = RetryPolicy::new().max_attempts(5).backoff(Duration::from_secs(1), Duration::from_secs(30));
/// let never = RetryPolicy::never();
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    max_attempts: u32,
    first_backoff: Duration,
    max_backoff: Duration,
}

impl RetryPolicy {
    /// At most three attempts, with a backoff of up to 200 ms that doubles up to 20 s.
    #[allow(clippy::new_without_default, reason = "the builder of a client has the default")]
    pub const fn new() -> Self {
        Self { max_attempts: 3, first_backoff: Duration::from_millis(200), max_backoff: Duration::from_secs(20) }
    }

    /// One attempt and no retry.
    pub const fn never() -> Self {
        Self::new().max_attempts(1)
    }

    /// Sets the maximum number of attempts, not counting throttled ones. One means no retry, and zero counts as one.
    #[must_use]
    pub const fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = if attempts == 0 { 1 } else { attempts };
        self
    }

    /// Sets the maximum backoff before the second attempt, which doubles with every retry, and its upper limit. The
    /// backoff is a random time between zero and the maximum ("full jitter"), so that callers that failed together do
    /// not retry together. A wait that the service requests replaces it.
    #[must_use]
    pub const fn backoff(mut self, first: Duration, max: Duration) -> Self {
        self.first_backoff = first;
        self.max_backoff = max;
        self
    }

    /// The backoff before the call is retried after `error`; `None` if it is not.
    pub(crate) fn backoff_after(&self, error: &Error, state: State) -> Option<Duration> {
        if self.max_attempts == 1 || !may_repeat(error, state.idempotent) {
            return None;
        }
        if error.kind() == ErrorKind::Throttled {
            if error.is_long_limit() {
                return None;
            }
            let backoff = error.retry_after().unwrap_or_else(|| {
                // Other calls may be throttled with this one, so the waits are spread and become longer each time.
                let doubled = doubled(state.window, state.throttled).min(self.max_backoff.max(state.window));
                let backoff = state.window + doubled.saturating_sub(state.window).mul_f64(state.dice);
                if backoff < state.patience { backoff } else { state.window }
            });
            return (backoff < state.patience).then_some(backoff);
        }
        if state.attempts >= self.max_attempts || !is_transient(error) {
            return None;
        }
        let backoff = error.retry_after().unwrap_or_else(|| {
            doubled(self.first_backoff, state.attempts.saturating_sub(1)).min(self.max_backoff).mul_f64(state.dice)
        });
        (backoff < state.remaining).then_some(backoff)
    }

    /// Whether the call is retried at once after `error`, because its cause was corrected.
    pub(crate) fn retries_at_once(&self, error: &Error, state: State) -> bool {
        state.attempts < self.max_attempts && may_repeat(error, state.idempotent) && !state.remaining.is_zero()
    }
}

/// The state of a call after one of its attempts has failed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct State {
    pub(crate) idempotent: bool,
    /// The attempts so far, not counting throttled ones.
    pub(crate) attempts: u32,
    /// The throttled attempts.
    pub(crate) throttled: u32,
    /// The window of the limit.
    pub(crate) window: Duration,
    /// The time left until the deadline.
    pub(crate) remaining: Duration,
    /// The part of it that can be spent waiting, so that there is time for the response.
    pub(crate) patience: Duration,
    /// A random number in `0.0..1.0`.
    pub(crate) dice: f64,
}

fn doubled(duration: Duration, times: u32) -> Duration {
    duration.saturating_mul(2_u32.checked_pow(times).unwrap_or(u32::MAX))
}

/// Whether repeating the call is harmless. Every branch that repeats a request checks this.
fn may_repeat(error: &Error, idempotent: bool) -> bool {
    idempotent || !error.outcome_unknown()
}

/// Whether the same request may succeed a little later.
fn is_transient(error: &Error) -> bool {
    error.kind() == ErrorKind::NotSent || error.outcome_unknown()
}

/// The retry budget, shared by all calls of a client, which limits retries in an outage: every retry takes from it,
/// every success gives back.
///
/// The figures are those of the AWS SDKs (standard retry mode): 100 retries, or 50 after timeouts.
pub(crate) struct RetryBudget(Mutex<u32>);

impl RetryBudget {
    const FULL: u32 = 500;
    const COST: u32 = 5;
    /// A timeout has already cost the caller time and the service work.
    const COST_OF_TIMEOUT: u32 = 10;
    const REWARD: u32 = 1;

    pub(crate) fn new() -> Self {
        Self(Mutex::new(Self::FULL))
    }

    /// Takes the cost of a retry after this error; `None` if the budget is too low.
    pub(crate) fn take(&self, error: &Error) -> Option<u32> {
        let cost = match error.kind() {
            // The quota limits these.
            ErrorKind::Throttled => return Some(0),
            ErrorKind::Unanswered => Self::COST_OF_TIMEOUT,
            _ => Self::COST,
        };
        let mut left = lock(&self.0);
        *left = left.checked_sub(cost)?;
        Some(cost)
    }

    /// Records a success; `taken` is the cost of the call's retries.
    pub(crate) fn succeeded(&self, taken: u32) {
        let mut left = lock(&self.0);
        *left = (*left + taken.max(Self::REWARD)).min(Self::FULL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::KINDS;

    const HOUR: Duration = Duration::from_secs(3600);

    const SECOND: Duration = Duration::from_secs(1);

    /// After the first attempt.
    const FIRST: State = State {
        idempotent: false,
        attempts: 1,
        throttled: 0,
        window: SECOND,
        remaining: HOUR,
        patience: HOUR,
        dice: 0.5,
    };

    fn retries(error: &Error, idempotent: bool) -> bool {
        RetryPolicy::new().backoff_after(error, State { idempotent, ..FIRST }).is_some()
    }

    #[test]
    fn calls_that_may_have_been_executed_are_retried_only_if_harmless() {
        for kind in KINDS {
            let error = Error::new(kind, "").with_outcome_unknown(false);
            let helps = matches!(kind, ErrorKind::Throttled | ErrorKind::NotSent);
            assert_eq!((retries(&error, false), retries(&error, true)), (helps, helps), "{kind:?}");
            let unknown = error.with_outcome_unknown(true);
            assert!(!retries(&unknown, false) && retries(&unknown, true), "{kind:?}");
            let policy = RetryPolicy::new();
            assert!(!policy.retries_at_once(&unknown, FIRST), "{kind:?}");
            assert!(policy.retries_at_once(&unknown, State { idempotent: true, ..FIRST }), "{kind:?}");
        }
    }

    #[test]
    fn there_are_three_attempts_by_default() {
        let error = Error::new(ErrorKind::NotSent, "");
        let retries =
            |policy: RetryPolicy, attempts| policy.backoff_after(&error, State { attempts, ..FIRST }).is_some();
        assert!(retries(RetryPolicy::new(), 2) && !retries(RetryPolicy::new(), 3));
        assert!(!retries(RetryPolicy::never(), 1));
        assert!(retries(RetryPolicy::new().max_attempts(5), 4));
        assert_eq!(RetryPolicy::new().max_attempts(0), RetryPolicy::never());
    }

    #[test]
    fn a_throttled_call_is_retried_until_its_deadline() {
        let error = Error::new(ErrorKind::Throttled, "");
        let backoff = |state| RetryPolicy::new().backoff_after(&error, state);
        for attempts in [0, 3, 1_000] {
            let state = State { attempts, throttled: attempts, ..FIRST };
            assert!(backoff(state).unwrap() >= SECOND, "{attempts}");
        }
        assert_eq!(backoff(State { patience: SECOND, ..FIRST }), None, "no window ends before the deadline");
        assert_eq!(backoff(State { throttled: 4, patience: 2 * SECOND, ..FIRST }), Some(SECOND));
        assert_eq!(RetryPolicy::never().backoff_after(&error, FIRST), None);
        let daily = error.with_long_limit("day");
        assert_eq!(RetryPolicy::new().backoff_after(&daily, FIRST), None);
    }

    #[test]
    fn the_first_wait_of_a_throttled_call_is_about_a_window() {
        let error = Error::new(ErrorKind::Throttled, "");
        let backoff =
            |throttled, dice| RetryPolicy::new().backoff_after(&error, State { throttled, dice, ..FIRST }).unwrap();
        assert_eq!((backoff(1, 0.0), backoff(1, 1.0)), (SECOND, 2 * SECOND));
        assert_eq!((backoff(2, 0.0), backoff(2, 1.0)), (SECOND, 4 * SECOND));
        assert_eq!(backoff(1_000, 1.0), 20 * SECOND);
    }

    #[test]
    fn the_wait_doubles_up_to_its_cap_and_is_jittered() {
        let policy = RetryPolicy::new().max_attempts(u32::MAX);
        let error = Error::new(ErrorKind::NotSent, "");
        let backoff = |attempts, dice| policy.backoff_after(&error, State { attempts, dice, ..FIRST }).unwrap();
        assert_eq!(backoff(1, 0.0), Duration::ZERO);
        assert_eq!(backoff(1, 0.5), Duration::from_millis(100));
        assert_eq!(backoff(3, 0.5), Duration::from_millis(400));
        assert_eq!(backoff(1_000, 0.5), Duration::from_secs(10));
    }

    #[test]
    fn the_delay_of_the_service_is_exact() {
        let delay = Some(Duration::from_millis(1234));
        for kind in [ErrorKind::Throttled, ErrorKind::NotSent] {
            let error = Error::new(kind, "").with_retry_after(delay);
            let backoff = |remaining| {
                RetryPolicy::new().backoff_after(&error, State { remaining, patience: remaining, dice: 0.9, ..FIRST })
            };
            assert_eq!(backoff(HOUR), delay);
            assert_eq!(backoff(SECOND), None, "it would end after the deadline");
        }
    }

    #[test]
    fn an_outage_empties_the_budget_and_successes_refill_it() {
        let budget = RetryBudget::new();
        let (reset, timeout) = (Error::new(ErrorKind::NotSent, ""), Error::new(ErrorKind::Unanswered, ""));
        for _ in 0..50 {
            assert_eq!(budget.take(&reset), Some(5));
        }
        for _ in 0..25 {
            assert_eq!(budget.take(&timeout), Some(10));
        }
        assert_eq!(budget.take(&reset), None);
        assert_eq!(budget.take(&Error::new(ErrorKind::Throttled, "")), Some(0), "throttled calls are outside");
        budget.succeeded(0);
        assert_eq!(budget.take(&reset), None, "one success is not worth a repetition");
        budget.succeeded(10);
        assert_eq!((budget.take(&timeout), budget.take(&reset)), (Some(10), None));
        for _ in 0..10_000 {
            budget.succeeded(0);
        }
        assert_eq!(*budget.0.lock().unwrap(), RetryBudget::FULL);
    }
}
