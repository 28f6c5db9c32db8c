//! Counts requests per account and action against a limit, by the rules that services use.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use alibabacloud_runtime::RateLimit;
use tokio::time::Instant;

/// How requests are counted against a limit of N per window. Only accepted requests count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum QuotaPolicy {
    /// At most N in *any* window: a request is accepted when the N-th one before it is a whole window old. The
    /// strictest rule, and the default: requests that it accepts are accepted by every other one here.
    #[default]
    ExactWindow,
    /// At most N in each of consecutive windows, which start with the first request. Accepts up to 2N around the border
    /// of two windows.
    FixedWindow,
    /// A bucket of N tokens that is refilled evenly, N per window, and starts full. Accepts up to 2N - 1 in one window.
    TokenBucket,
    /// No limit, whatever the descriptors say.
    Off,
}

/// Identifies a counter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct QuotaKey {
    pub(crate) account: String,
    pub(crate) product: &'static str,
    /// Versions of an action may have different limits, so they are counted separately.
    pub(crate) version: &'static str,
    pub(crate) action: &'static str,
}

/// The state of all counters.
#[derive(Default)]
pub(crate) struct Quotas {
    policy: QuotaPolicy,
    counters: HashMap<QuotaKey, Counter>,
}

impl Quotas {
    pub(crate) fn new(policy: QuotaPolicy) -> Self {
        Self { policy, counters: HashMap::new() }
    }

    /// Accepts a request and counts it, or returns the time until one would be accepted.
    pub(crate) fn admit(&mut self, key: QuotaKey, limit: RateLimit, now: Instant) -> Result<(), Duration> {
        let counter = match self.policy {
            QuotaPolicy::Off => return Ok(()),
            QuotaPolicy::ExactWindow => Counter::Exact(VecDeque::new()),
            QuotaPolicy::FixedWindow => Counter::Fixed { start: now, used: 0 },
            QuotaPolicy::TokenBucket => Counter::Bucket { level: capacity(limit), at: now },
        };
        self.counters.entry(key).or_insert(counter).admit(limit, now)
    }
}

enum Counter {
    /// The times of the accepted requests of the last window, oldest first: at most N.
    Exact(VecDeque<Instant>),
    Fixed {
        start: Instant,
        used: u32,
    },
    /// The level is in requests times the nanoseconds of a window, so that refilling needs no fractions.
    Bucket {
        level: u128,
        at: Instant,
    },
}

impl Counter {
    // Concurrent requests read the clock before this point, so `now` may be slightly before the last request.
    // `Instant`'s subtraction then returns zero.
    fn admit(&mut self, limit: RateLimit, now: Instant) -> Result<(), Duration> {
        match self {
            Self::Exact(admitted) => {
                while admitted.front().is_some_and(|first| now - *first >= limit.window()) {
                    admitted.pop_front();
                }
                // A limit beyond the address space is never reached.
                if admitted.len() < usize::try_from(limit.requests()).unwrap_or(usize::MAX) {
                    admitted.push_back(now);
                    return Ok(());
                }
                let first = admitted.front().copied().unwrap_or(now);
                Err(limit.window().saturating_sub(now - first))
            }
            Self::Fixed { start, used } => {
                let into = (now - *start).as_nanos() % limit.window().as_nanos();
                let into = Duration::from_nanos(u64::try_from(into).unwrap_or(u64::MAX));
                if now - *start >= limit.window() {
                    *start = now.checked_sub(into).unwrap_or(now);
                    *used = 0;
                }
                if *used < limit.requests() {
                    *used += 1;
                    return Ok(());
                }
                Err(limit.window().saturating_sub(into))
            }
            Self::Bucket { level, at } => {
                let passed = now - *at;
                *at = now.max(*at);
                let gained = passed.as_nanos() * u128::from(limit.requests());
                *level = (*level + gained).min(capacity(limit));
                let cost = limit.window().as_nanos();
                if *level >= cost {
                    *level -= cost;
                    return Ok(());
                }
                let nanos = (cost - *level).div_ceil(u128::from(limit.requests()));
                Err(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
            }
        }
    }
}

fn capacity(limit: RateLimit) -> u128 {
    u128::from(limit.requests()) * limit.window().as_nanos()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const LIMIT: RateLimit = RateLimit::per_second(5);

    /// Sends a request at each of the given milliseconds; returns `None` if it is accepted, else the milliseconds to
    /// wait.
    fn ask(policy: QuotaPolicy, times: &[u32]) -> Vec<Option<u128>> {
        let mut quotas = Quotas::new(policy);
        let start = Instant::now();
        let key = QuotaKey { account: "a".to_owned(), product: "p", version: "v", action: "A" };
        let mut one = |ms: &u32| quotas.admit(key.clone(), LIMIT, start + *ms * MS);
        times.iter().map(|ms| one(ms).err().map(|wait| wait.as_millis())).collect()
    }

    #[test]
    fn an_exact_window_frees_a_slot_exactly_one_window_later() {
        let answers = ask(QuotaPolicy::ExactWindow, &[0, 1, 2, 3, 900, 999, 1000, 1000, 1001, 1002, 1003, 1004]);
        let expected = [None, None, None, None, None, Some(1), None, Some(1), None, None, None, Some(896)];
        assert_eq!(answers, expected);
    }

    #[test]
    fn a_fixed_window_accepts_twice_the_limit_around_its_border() {
        let times = [0, 996, 997, 998, 999, 999, 1000, 1001, 1002, 1003, 1004, 1005, 2000, 5500, 5999];
        let answers = ask(QuotaPolicy::FixedWindow, &times);
        let mut expected = vec![None; times.len()];
        expected[5] = Some(1);
        expected[11] = Some(995);
        assert_eq!(answers, expected);
    }

    #[test]
    fn fixed_windows_start_with_the_first_request() {
        let times = [0, 5500, 5501, 5502, 5503, 5504, 5505, 6000];
        let answers = ask(QuotaPolicy::FixedWindow, &times);
        assert_eq!(answers[6], Some(495));
        assert_eq!(answers[7], None);
    }

    #[test]
    fn a_token_bucket_starts_full_and_is_refilled_evenly() {
        let times = [0, 0, 0, 0, 0, 0, 199, 200, 200, 999, 999, 999, 999, 10_000];
        let answers = ask(QuotaPolicy::TokenBucket, &times);
        let expected =
            [None, None, None, None, None, Some(200), Some(1), None, Some(200), None, None, None, Some(1), None];
        assert_eq!(answers, expected);
    }

    #[test]
    fn a_request_with_an_earlier_time_is_counted() {
        for policy in [QuotaPolicy::ExactWindow, QuotaPolicy::FixedWindow, QuotaPolicy::TokenBucket] {
            let answers = ask(policy, &[10, 9, 8, 7, 6, 5]);
            assert_eq!(answers.iter().flatten().count(), 1, "{policy:?}");
        }
    }

    #[test]
    fn the_largest_limits_do_not_overflow() {
        let huge = RateLimit::new(u32::MAX, Duration::from_secs(366 * 24 * 3600));
        for policy in [QuotaPolicy::ExactWindow, QuotaPolicy::FixedWindow, QuotaPolicy::TokenBucket] {
            let mut quotas = Quotas::new(policy);
            let key = QuotaKey { account: String::new(), product: "p", version: "v", action: "A" };
            let start = Instant::now();
            for seconds in [0, 1, 1_000_000_000] {
                let now = start + Duration::from_secs(seconds);
                assert_eq!(quotas.admit(key.clone(), huge, now), Ok(()), "{policy:?}");
            }
        }
    }

    #[test]
    fn without_a_policy_everything_is_accepted() {
        assert_eq!(ask(QuotaPolicy::Off, &[0; 100]), [None; 100]);
    }
}
