//! How far this machine's clock is from the server's.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::DATE;

/// A difference below this is not why the service refuses a timestamp (it accepts 15 minutes): another cause must be looked for.
const NOTICEABLE_MILLIS: u64 = 4 * 60 * 1000;

/// The correction that is added to the clock; none at first, learned from the first refused timestamp and kept.
#[derive(Default)]
pub(crate) struct Skew {
    millis: AtomicI64,
}

/// One reading of the correction, for one request.
#[derive(Clone, Copy)]
pub(crate) struct Correction(i64);

impl Correction {
    /// The time as the server sees it, as far as is known.
    pub(crate) fn apply(self, now: SystemTime) -> SystemTime {
        let skew = Duration::from_millis(self.0.unsigned_abs());
        let corrected = if self.0 < 0 { now.checked_sub(skew) } else { now.checked_add(skew) };
        corrected.unwrap_or(now)
    }
}

impl Skew {
    /// The correction as it is known now.
    pub(crate) fn correction(&self) -> Correction {
        Correction(self.millis.load(Ordering::Relaxed))
    }

    /// Learns from an answer whose request carried a refused timestamp: the server wrote its `Date` about halfway between
    /// sending and receiving (by our clock). Returns whether that is noticeably different from what the request `used`.
    pub(crate) fn learn(&self, headers: &HeaderMap, sent: SystemTime, received: SystemTime, used: Correction) -> bool {
        let Some(server) =
            headers.get(DATE).and_then(|date| date.to_str().ok()).and_then(|date| httpdate::parse_http_date(date).ok())
        else {
            return false;
        };
        let midpoint = sent + received.duration_since(sent).unwrap_or_default() / 2;
        let millis = match server.duration_since(midpoint) {
            Ok(behind) => i64::try_from(behind.as_millis()).unwrap_or(i64::MAX),
            Err(ahead) => i64::try_from(ahead.duration().as_millis()).map_or(i64::MIN, |millis| -millis),
        };
        // Many calls may learn at the same time; each compares with what it used itself.
        let noticeable = used.0.abs_diff(millis) >= NOTICEABLE_MILLIS;
        if noticeable {
            self.millis.store(millis, Ordering::Relaxed);
        }
        noticeable
    }
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
            assert!(skew.learn(&date(server), sent, received, used));
            assert_eq!(skew.correction().apply(now), server);
            assert!(skew.learn(&date(server), sent, received, used), "another call that was under way");
            assert!(!skew.learn(&date(server), sent, received, skew.correction()), "the same again cannot help");
            assert_eq!(skew.correction().apply(now), server);
        }
    }

    #[test]
    fn a_clock_that_is_right_is_left_alone() {
        let now = UNIX_EPOCH + 500_000 * HOUR;
        let skew = Skew::default();
        let garbage = [(DATE, "yesterday".parse().unwrap())].into_iter().collect();
        // A minute is not why a timestamp was refused.
        for headers in [HeaderMap::new(), garbage, date(now + Duration::from_secs(60))] {
            assert!(!skew.learn(&headers, now, now, skew.correction()), "{headers:?}");
            assert_eq!(skew.correction().apply(now), now);
        }
    }
}
