//! What to send again, when, and how often: a pure decision; time and dice are handed in.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use crate::error::{Error, ErrorKind};

/// How often a call is sent, how long it waits in between, and how much sending again an outage is worth.
///
/// What is sent again does not depend on it:
///
/// | failure | sent again |
/// |---|---|
/// | throttled, never sent | any action: it was not executed |
/// | timeout, broken connection, cut or foreign answer, failure inside the service, nonce used | idempotent actions only |
/// | the clock is wrong | any action, once, with the server's time |
/// | everything else | never |
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
    /// At most three attempts, with up to 200 ms before the second, doubling up to 20 s.
    #[allow(clippy::new_without_default, reason = "the builder of a client has the default")]
    pub const fn new() -> Self {
        Self { max_attempts: 3, first_backoff: Duration::from_millis(200), max_backoff: Duration::from_secs(20) }
    }

    /// One attempt, whatever happens.
    pub const fn never() -> Self {
        Self::new().max_attempts(1)
    }

    /// How often a call is sent at most, the first time included. Zero counts as one.
    #[must_use]
    pub const fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = if attempts == 0 { 1 } else { attempts };
        self
    }

    /// The longest wait before the second attempt, which doubles with every further one, and the longest of all. The wait is
    /// drawn evenly between nothing and the longest ("full jitter"), so that callers that failed together do not come back together.
    /// A wait that the service asks for takes its place.
    #[must_use]
    pub const fn backoff(mut self, first: Duration, max: Duration) -> Self {
        self.first_backoff = first;
        self.max_backoff = max;
        self
    }

    /// Whether there may be another attempt after so many.
    pub(crate) fn allows_another(&self, attempts: u32) -> bool {
        attempts < self.max_attempts
    }

    /// How long to wait before the call is sent again; `None` if it is not.
    ///
    /// `attempts` have been made, `remaining` is left until the deadline, `dice` is a random number in `0.0..1.0`.
    pub(crate) fn wait_after(
        &self,
        error: &Error,
        idempotent: bool,
        attempts: u32,
        remaining: Duration,
        dice: f64,
    ) -> Option<Duration> {
        if !self.allows_another(attempts) || !may_be_sent_again(error, idempotent) {
            return None;
        }
        let wait = error.retry_after().unwrap_or_else(|| {
            let doubled = 2_u32.checked_pow(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
            self.first_backoff.saturating_mul(doubled).min(self.max_backoff).mul_f64(dice)
        });
        (wait < remaining).then_some(wait)
    }
}

/// Whether sending the call again can help and cannot do harm.
fn may_be_sent_again(error: &Error, idempotent: bool) -> bool {
    match error.kind() {
        ErrorKind::Throttled | ErrorKind::NotSent => true,
        _ => idempotent && error.outcome_unknown(),
    }
}

/// The budget for sending again, shared by all calls of a client, so that an outage is not multiplied: every repetition takes
/// from it, every success gives back.
///
/// The figures are those of the AWS SDKs (standard retry mode): room for 100 repetitions, or 50 after timeouts.
pub(crate) struct RetryBudget(Mutex<u32>);

impl RetryBudget {
    const FULL: u32 = 500;
    const COST: u32 = 5;
    /// A timeout has already cost the caller its wait and the service its work.
    const COST_OF_TIMEOUT: u32 = 10;
    const REWARD: u32 = 1;

    pub(crate) fn new() -> Self {
        Self(Mutex::new(Self::FULL))
    }

    /// Takes what sending again after this error costs; `None` if the budget does not hold it.
    pub(crate) fn take(&self, error: &Error) -> Option<u32> {
        let cost = if error.kind() == ErrorKind::Unanswered { Self::COST_OF_TIMEOUT } else { Self::COST };
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *left = left.checked_sub(cost)?;
        Some(cost)
    }

    /// A call succeeded; `taken` is what its repetitions took.
    pub(crate) fn succeeded(&self, taken: u32) {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *left = (*left + taken.max(Self::REWARD)).min(Self::FULL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::KINDS;

    const HOUR: Duration = Duration::from_secs(3600);

    fn again(error: &Error, idempotent: bool) -> bool {
        RetryPolicy::new().wait_after(error, idempotent, 1, HOUR, 0.5).is_some()
    }

    #[test]
    fn what_may_have_been_executed_is_sent_again_only_if_that_does_no_harm() {
        for kind in KINDS {
            let error = Error::new(kind, "");
            let not_executed = matches!(kind, ErrorKind::Throttled | ErrorKind::NotSent);
            let unknown = kind == ErrorKind::Unanswered;
            assert_eq!(again(&error, false), not_executed, "{kind:?}");
            assert_eq!(again(&error, true), not_executed || unknown, "{kind:?}");
        }
        for kind in [ErrorKind::Service, ErrorKind::UnusableAnswer] {
            let error = Error::new(kind, "").with_outcome_unknown(true);
            assert!(!again(&error, false) && again(&error, true), "{kind:?}");
        }
    }

    #[test]
    fn there_are_three_attempts_unless_the_caller_says_otherwise() {
        let error = Error::new(ErrorKind::NotSent, "");
        let wait = |policy: RetryPolicy, attempts| policy.wait_after(&error, false, attempts, HOUR, 0.5).is_some();
        assert!(wait(RetryPolicy::new(), 2) && !wait(RetryPolicy::new(), 3));
        assert!(!wait(RetryPolicy::never(), 1));
        assert!(wait(RetryPolicy::new().max_attempts(5), 4));
        assert_eq!(RetryPolicy::new().max_attempts(0), RetryPolicy::never());
    }

    #[test]
    fn the_wait_doubles_up_to_its_cap_and_is_jittered() {
        let policy = RetryPolicy::new().max_attempts(u32::MAX);
        let error = Error::new(ErrorKind::NotSent, "");
        let wait = |attempts, dice| policy.wait_after(&error, false, attempts, HOUR, dice).unwrap();
        assert_eq!(wait(1, 0.0), Duration::ZERO);
        assert_eq!(wait(1, 0.5), Duration::from_millis(100));
        assert_eq!(wait(3, 0.5), Duration::from_millis(400));
        assert_eq!(wait(1_000, 0.5), Duration::from_secs(10));
    }

    #[test]
    fn the_services_own_delay_is_honoured_to_the_millisecond() {
        let error = Error::new(ErrorKind::Throttled, "").with_retry_after(Some(Duration::from_millis(1234)));
        let wait = |remaining| RetryPolicy::new().wait_after(&error, false, 1, remaining, 0.9);
        assert_eq!(wait(HOUR), Some(Duration::from_millis(1234)));
        assert_eq!(wait(Duration::from_secs(1)), None, "it would end after the deadline");
    }

    #[test]
    fn an_outage_empties_the_budget_and_success_fills_it_again() {
        let budget = RetryBudget::new();
        let (reset, timeout) = (Error::new(ErrorKind::NotSent, ""), Error::new(ErrorKind::Unanswered, ""));
        for _ in 0..50 {
            assert_eq!(budget.take(&reset), Some(5));
        }
        for _ in 0..25 {
            assert_eq!(budget.take(&timeout), Some(10));
        }
        assert_eq!(budget.take(&reset), None);
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
