//! What to send again, when, and how often: a pure decision; time and dice are handed in.

use std::time::Duration;

use crate::error::{Error, ErrorKind};

/// How often a call is sent, and how long it waits in between.
///
/// Sent again is only what certainly was not executed: a throttled call, and one for which no connection could be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RetryPolicy {
    /// How often a call is sent at most, the first time included; at least 1.
    pub(crate) max_attempts: u32,
    /// The longest wait before the second attempt; it doubles with every further one.
    pub(crate) first_backoff: Duration,
    /// The longest wait of all.
    pub(crate) max_backoff: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { max_attempts: 3, first_backoff: Duration::from_millis(200), max_backoff: Duration::from_secs(20) }
    }
}

impl RetryPolicy {
    /// How long to wait before the call is sent again; `None` if it is not.
    ///
    /// `attempts` have been made, `remaining` is left until the deadline, `dice` is a random number in `0.0..1.0`.
    pub(crate) fn wait_after(&self, error: &Error, attempts: u32, remaining: Duration, dice: f64) -> Option<Duration> {
        if attempts >= self.max_attempts || !matches!(error.kind(), ErrorKind::Throttled | ErrorKind::NotSent) {
            return None;
        }
        let wait = error.retry_after().unwrap_or_else(|| {
            // Full jitter: callers that failed together do not come back together.
            let doubled = 2_u32.checked_pow(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
            self.first_backoff.saturating_mul(doubled).min(self.max_backoff).mul_f64(dice)
        });
        (wait < remaining).then_some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn wait(kind: ErrorKind, attempts: u32, dice: f64) -> Option<Duration> {
        RetryPolicy::default().wait_after(&Error::new(kind, ""), attempts, HOUR, dice)
    }

    #[test]
    fn only_what_was_not_executed_is_sent_again() {
        for kind in [ErrorKind::Throttled, ErrorKind::NotSent] {
            assert!(wait(kind, 1, 0.5).is_some(), "{kind:?}");
        }
        for kind in [
            ErrorKind::Configuration,
            ErrorKind::Credentials,
            ErrorKind::InvalidRequest,
            ErrorKind::QuotaWait,
            ErrorKind::Unanswered,
            ErrorKind::Service,
            ErrorKind::UnusableAnswer,
            ErrorKind::Decode,
        ] {
            assert_eq!(wait(kind, 1, 0.5), None, "{kind:?}");
        }
    }

    #[test]
    fn there_are_three_attempts() {
        assert!(wait(ErrorKind::NotSent, 2, 0.5).is_some());
        assert_eq!(wait(ErrorKind::NotSent, 3, 0.5), None);
    }

    #[test]
    fn the_wait_doubles_up_to_its_cap_and_is_jittered() {
        let policy = RetryPolicy { max_attempts: u32::MAX, ..RetryPolicy::default() };
        let wait =
            |attempts, dice| policy.wait_after(&Error::new(ErrorKind::NotSent, ""), attempts, HOUR, dice).unwrap();
        assert_eq!(wait(1, 0.0), Duration::ZERO);
        assert_eq!(wait(1, 0.5), Duration::from_millis(100));
        assert_eq!(wait(3, 0.5), Duration::from_millis(400));
        assert_eq!(wait(1_000, 0.5), Duration::from_secs(10));
    }

    #[test]
    fn the_services_own_delay_is_honoured_to_the_millisecond() {
        let error = Error::new(ErrorKind::Throttled, "").with_retry_after(Some(Duration::from_millis(1234)));
        let policy = RetryPolicy::default();
        assert_eq!(policy.wait_after(&error, 1, HOUR, 0.9), Some(Duration::from_millis(1234)));
        assert_eq!(policy.wait_after(&error, 1, Duration::from_secs(1), 0.9), None, "it would end after the deadline");
    }
}
