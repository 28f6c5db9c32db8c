//! The limit of an action: the number of requests in any window.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

/// The number of requests that the service accepts in any window of a given length, counted per account and action.
///
/// Written and read as `10/s` or `200/60s`:
///
/// ```
/// use std::time::Duration;
/// use alibabacloud_runtime::RateLimit;
///
/// let limit: RateLimit = "200/60s".parse()?;
/// assert_eq!(limit, RateLimit::new(200, Duration::from_secs(60)));
/// assert_eq!(RateLimit::per_second(10).to_string(), "10/s");
/// # Ok::<(), alibabacloud_runtime::throttle::ParseRateLimitError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RateLimit {
    requests: NonZeroU32,
    window_nanos: u64,
}

const LONGEST_WINDOW: Duration = Duration::from_secs(366 * 24 * 3600);

impl RateLimit {
    /// At most `requests` in any window of the given length.
    ///
    /// # Panics
    /// Panics if either is zero, or if the window is longer than 366 days.
    pub const fn new(requests: u32, window: Duration) -> Self {
        match Self::checked(requests, window) {
            Some(limit) => limit,
            None => {
                panic!("a rate limit needs at least one request and a window of more than nothing and at most 366 days")
            }
        }
    }

    /// At most `requests` in any second.
    ///
    /// # Panics
    /// Panics if `requests` is zero.
    pub const fn per_second(requests: u32) -> Self {
        Self::new(requests, Duration::from_secs(1))
    }

    /// The number of requests that fit into one window; at least 1.
    pub const fn requests(self) -> u32 {
        self.requests.get()
    }

    /// The length of the window; more than zero and at most 366 days.
    pub const fn window(self) -> Duration {
        Duration::from_nanos(self.window_nanos)
    }

    #[allow(clippy::cast_possible_truncation, reason = "366 days fit")]
    const fn checked(requests: u32, window: Duration) -> Option<Self> {
        match NonZeroU32::new(requests) {
            Some(requests) if !window.is_zero() && window.as_nanos() <= LONGEST_WINDOW.as_nanos() => {
                Some(Self { requests, window_nanos: window.as_nanos() as u64 })
            }
            _ => None,
        }
    }

    /// Requests per second.
    pub(super) fn rate(self) -> f64 {
        f64::from(self.requests()) / self.window().as_secs_f64()
    }

    /// The limit with the lower rate.
    pub(super) fn lower(self, other: Self) -> Self {
        if other.rate() < self.rate() { other } else { self }
    }
}

impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.window() == Duration::from_secs(1) {
            write!(f, "{}/s", self.requests)
        } else {
            write!(f, "{}/{:?}", self.requests, self.window())
        }
    }
}

/// The text is not a [`RateLimit`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseRateLimitError(());

impl fmt::Display for ParseRateLimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a rate limit is written as `10/s` or `200/60s`: a number of requests, `/`, and a window of at most 366d (units: ms, s, m, h, d)")
    }
}

impl std::error::Error for ParseRateLimitError {}

impl FromStr for RateLimit {
    type Err = ParseRateLimitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (requests, window) = text.split_once('/')?;
            if !requests.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            Self::checked(requests.parse().ok()?, parse_window(window)?)
        };
        parse().ok_or(ParseRateLimitError(()))
    }
}

/// A duration such as `s`, `60s`, `1.5s`, `250ms`, `2m`.
fn parse_window(text: &str) -> Option<Duration> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(unit_at);
    let nanos: u64 = match unit {
        "ns" => 1,
        "us" | "µs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" | "min" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "d" => 86_400_000_000_000,
        _ => return None,
    };
    let unit = Duration::from_nanos(nanos);
    if number.is_empty() {
        return Some(unit);
    }
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if fraction.is_empty() {
        return None;
    }
    let whole = Duration::from_nanos(nanos.checked_mul(whole.parse().ok()?)?);
    whole.checked_add(unit.mul_f64(format!("0.{fraction}").parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_parse_and_print_the_same() {
        for (requests, window) in [
            (10, Duration::from_secs(1)),
            (200, Duration::from_secs(60)),
            (5, Duration::from_millis(250)),
            (1, Duration::new(1, 500_000_000)),
            (u32::MAX, LONGEST_WINDOW),
            (3, Duration::from_nanos(1)),
            (3, Duration::from_nanos(1_234_567)),
            (3, Duration::new(1, 1)),
        ] {
            let limit = RateLimit::new(requests, window);
            assert_eq!(limit.to_string().parse(), Ok(limit), "{limit}");
        }
        for (text, seconds) in [
            ("7/1s", 1),
            ("7/m", 60),
            ("7/2min", 120),
            ("7/h", 3600),
            ("7/366d", 366 * 86_400),
            ("7/5000000000ns", 5),
            ("7/1.50m", 90),
        ] {
            assert_eq!(text.parse(), Ok(RateLimit::new(7, Duration::from_secs(seconds))), "{text}");
        }
    }

    #[test]
    fn invalid_limits_are_refused() {
        for text in [
            "",
            "10",
            "/s",
            "10/",
            "0/s",
            "10/0s",
            "10/0.0s",
            "-1/s",
            "+1/s",
            "1.5/s",
            "10/x",
            "10/-1s",
            "10/367d",
            "4294967296/s",
            "10/s/s",
            " 10/s",
            "10/ s",
            "10/1..5s",
            "10/1e3s",
            "10/99999999999999999999999999999s",
            "10/.s",
            "10/1.s",
            "10/1.2.3s",
            "10/18446744073709551615d",
            "10/µ",
        ] {
            assert!(text.parse::<RateLimit>().is_err(), "{text}");
        }
    }
}
