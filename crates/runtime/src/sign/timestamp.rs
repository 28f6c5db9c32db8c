//! The timestamp of both signatures.

use std::time::{SystemTime, UNIX_EPOCH};

/// The time in UTC with a resolution of one second, as `YYYY-MM-DDThh:mm:ssZ`. Times before 1970 become the start of 1970,
/// and times after 9999 the end of 9999.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
///
/// let time = UNIX_EPOCH + Duration::from_secs(1_456_231_584);
/// assert_eq!(alibabacloud_runtime::sign::timestamp(time), "2016-02-23T12:46:24Z");
/// ```
pub fn timestamp(time: SystemTime) -> String {
    Timestamp::of(time).as_str().to_owned()
}

/// The last second that the format can write.
const LAST: u64 = 253_402_300_799;

/// A timestamp, formatted without `format!`, which takes a considerable part of the time of a signature.
#[derive(Clone, Copy)]
pub(crate) struct Timestamp([u8; 20]);

impl Timestamp {
    pub(crate) fn of(time: SystemTime) -> Self {
        let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().min(LAST);
        let (year, month, day) = date(seconds / 86_400);
        let mut text = *b"0000-00-00T00:00:00Z";
        let numbers = [
            (0, year / 100),
            (2, year % 100),
            (5, month),
            (8, day),
            (11, seconds / 3_600 % 24),
            (14, seconds / 60 % 60),
            (17, seconds % 60),
        ];
        for (at, number) in numbers {
            // Each is less than 100.
            let [.., number] = number.to_be_bytes();
            text[at] += number / 10;
            text[at + 1] += number % 10;
        }
        Self(text)
    }

    pub(crate) fn as_str(&self) -> &str {
        // Only ASCII digits and punctuation.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// The date `days` after 1970-01-01 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`).
fn date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    // Years begin in March here, so that the leap day is the last one.
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;
    use std::time::Duration;

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

        /// `jiff` is an independent implementation; 9999-12-31 is the last day of the format.
        #[test]
        fn timestamps_agree_with_a_date_library(seconds in 0_i64..=253_402_300_799) {
            let ours = timestamp(UNIX_EPOCH + Duration::from_secs(seconds.unsigned_abs()));
            let theirs = jiff::Timestamp::from_second(seconds).unwrap().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
            prop_assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn a_time_before_1970_counts_as_1970() {
        assert_eq!(timestamp(UNIX_EPOCH - Duration::from_secs(5)), "1970-01-01T00:00:00Z");
    }
}
