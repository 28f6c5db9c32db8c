//! The difference between this machine's clock and the server's.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::DATE;

/// A smaller difference is not the reason why the service rejects a timestamp (it accepts 15 minutes).
const NOTICEABLE_MILLIS: u64 = 4 * 60 * 1000;

/// The maximum correction. If the clock is further off, it is broken, or the `Date` is wrong: signing for that time
/// would create requests that are valid when they should not be.
const LARGEST_MILLIS: u64 = 24 * 3600 * 1000;

/// The correction of the clock: zero at first, learned from the first rejected timestamp and kept.
#[derive(Default)]
pub(crate) struct Skew {
    millis: AtomicI64,
}

/// One reading of the correction, for one request.
#[derive(Clone, Copy)]
pub(crate) struct Correction(i64);

impl Correction {
    /// The time of the server, as far as known.
    pub(crate) fn apply(self, now: SystemTime) -> SystemTime {
        let skew = Duration::from_millis(self.0.unsigned_abs());
        let corrected = if self.0 < 0 { now.checked_sub(skew) } else { now.checked_add(skew) };
        corrected.unwrap_or(now)
    }
}

impl Skew {
    /// The current correction.
    pub(crate) fn correction(&self) -> Correction {
        Correction(self.millis.load(Ordering::Relaxed))
    }

    /// Learns from a response that rejected a timestamp, with the correction `used` for it. The server wrote its `Date`
    /// about halfway between sending and receiving (by our clock).
    pub(crate) fn learn(
        &self,
        headers: &HeaderMap,
        sent: SystemTime,
        received: SystemTime,
        used: Correction,
    ) -> Learned {
        let Some(server) =
            headers.get(DATE).and_then(|date| date.to_str().ok()).and_then(|date| httpdate::parse_http_date(date).ok())
        else {
            return Learned::Nothing;
        };
        let midpoint = sent + received.duration_since(sent).unwrap_or_default() / 2;
        let millis = match server.duration_since(midpoint) {
            Ok(behind) => i64::try_from(behind.as_millis()).unwrap_or(i64::MAX),
            Err(ahead) => i64::try_from(ahead.duration().as_millis()).map_or(i64::MIN, |millis| -millis),
        };
        // Many calls may learn at the same time; each compares with the correction that it used.
        if used.0.abs_diff(millis) < NOTICEABLE_MILLIS {
            return Learned::Nothing;
        }
        if millis.unsigned_abs() > LARGEST_MILLIS {
            return Learned::TooFarOff(Duration::from_millis(millis.unsigned_abs()));
        }
        self.millis.store(millis, Ordering::Relaxed);
        Learned::Corrected
    }
}

/// The result of a response that rejected a timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Learned {
    /// The clock was wrong, and is now corrected.
    Corrected,
    /// The clock is further off than can be corrected, by this much.
    TooFarOff(Duration),
    /// The clock is not the reason, or the response has no date.
    Nothing,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    const HOUR: Duration = Duration::from_secs(3600);

    fn date(time: SystemTime) -> HeaderMap {
        [(DATE, httpdate::fmt_http_date(time).parse().unwrap())].into_iter().collect()
    }

    #[test]
    fn the_clock_is_corrected_by_the_midpoint() {
        let now = UNIX_EPOCH + 500_000 * HOUR;
        for server in [now + HOUR, now - HOUR] {
            let skew = Skew::default();
            let used = skew.correction();
            let (sent, received) = (now - Duration::from_secs(2), now + Duration::from_secs(2));
            assert_eq!(skew.learn(&date(server), sent, received, used), Learned::Corrected);
            assert_eq!(skew.correction().apply(now), server);
            let other = skew.learn(&date(server), sent, received, used);
            assert_eq!(other, Learned::Corrected, "another call that was in flight");
            let again = skew.learn(&date(server), sent, received, skew.correction());
            assert_eq!(again, Learned::Nothing, "the same again cannot help");
            assert_eq!(skew.correction().apply(now), server);
        }
    }

    #[test]
    fn a_correct_clock_is_not_changed() {
        let now = UNIX_EPOCH + 500_000 * HOUR;
        let skew = Skew::default();
        let garbage = [(DATE, "yesterday".parse().unwrap())].into_iter().collect();
        // A minute is not the reason why a timestamp is rejected.
        for headers in [HeaderMap::new(), garbage, date(now + Duration::from_secs(60))] {
            assert_eq!(skew.learn(&headers, now, now, skew.correction()), Learned::Nothing, "{headers:?}");
            assert_eq!(skew.correction().apply(now), now);
        }
    }

    #[test]
    fn a_date_more_than_a_day_off_corrects_nothing() {
        let now = UNIX_EPOCH + 500_000 * HOUR;
        let skew = Skew::default();
        let year_9999 = UNIX_EPOCH + Duration::from_secs(253_402_300_799);
        for (server, off) in [
            (now + 25 * HOUR, 25 * HOUR),
            (now - 25 * HOUR, 25 * HOUR),
            (year_9999, year_9999.duration_since(now).unwrap()),
        ] {
            assert_eq!(skew.learn(&date(server), now, now, skew.correction()), Learned::TooFarOff(off));
            assert_eq!(skew.correction().apply(now), now);
        }
        assert_eq!(skew.learn(&date(now + 23 * HOUR), now, now, skew.correction()), Learned::Corrected);
    }
}
