//! Times as nanoseconds.

use std::ops::{Add, Mul, Sub};
use std::time::Duration;

/// A time since a fixed moment, or a length of time. Arithmetic saturates, and is several times quicker than with
/// [`Duration`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Time(pub(super) u64);

impl Time {
    /// Later than every other time: 584 years.
    pub(super) const NEVER: Self = Self(u64::MAX);

    pub(super) const fn millis(millis: u64) -> Self {
        Self(millis * 1_000_000)
    }

    /// How many times as long as another time it is.
    #[allow(clippy::cast_precision_loss, reason = "a part of a nanosecond is enough")]
    pub(super) fn in_units_of(self, unit: Self) -> f64 {
        self.0 as f64 / unit.0 as f64
    }
}

impl From<Duration> for Time {
    #[inline]
    fn from(duration: Duration) -> Self {
        Self(duration.as_secs().saturating_mul(1_000_000_000).saturating_add(duration.subsec_nanos().into()))
    }
}

impl From<Time> for Duration {
    #[inline]
    fn from(time: Time) -> Self {
        Self::from_nanos(time.0)
    }
}

impl Add for Time {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Time {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Mul<u64> for Time {
    type Output = Self;

    fn mul(self, times: u64) -> Self {
        Self(self.0.saturating_mul(times))
    }
}
