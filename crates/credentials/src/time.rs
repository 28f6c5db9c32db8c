//! Times: the clock of the sources, and expirations in ISO 8601 or as a number.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A clock.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// The time of a number since 1970: in seconds, or, if that would be after the year 5000, in milli-, micro- or
/// nanoseconds. `None` for times before 1970.
pub(crate) fn of_number(number: f64) -> Option<SystemTime> {
    let seconds = match number {
        n if n < 1e11 => n,
        n if n < 1e14 => n / 1e3,
        n if n < 1e17 => n / 1e6,
        n => n / 1e9,
    };
    UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(seconds).ok()?)
}

/// Parses a number, or `2030-01-02T15:04:05Z`. Seconds are optional and may have a fraction; an offset (`+08:00`,
/// `+0800`, `+08`) or `UTC` may replace the `Z`; without a zone, the time is UTC. `None` for anything else, and for
/// times before 1970.
pub(crate) fn parse(text: &str) -> Option<SystemTime> {
    let text = text.trim();
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return of_number(text.parse().ok()?);
    }
    let mut rest = Rest(text.as_bytes());
    let year = rest.digits(4)?;
    let month = rest.then(b"-")?.digits(2)?;
    let day = rest.then(b"-")?.digits(2)?;
    let hour = rest.then(b"Tt ")?.digits(2)?;
    let minute = rest.then(b":")?.digits(2)?;
    let second = if rest.skip(b":") { rest.digits(2)? } else { 0 };
    if rest.skip(b".,") {
        rest.digits(1)?;
        while rest.digits(1).is_some() {}
    }
    let offset = rest.zone()?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let month_index = usize::try_from(month).ok()?.checked_sub(1)?;
    if !(1..=*days.get(month_index)?).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // Years begin in March here, so that the leap day is the last day.
    let (shifted, from_march) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    let leap_days = shifted.div_euclid(4) - shifted.div_euclid(100) + shifted.div_euclid(400);
    let days = shifted * 365 + leap_days + day_of_year - 719_468;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset;
    UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(seconds).ok()?))
}

/// The unread part of the text.
struct Rest<'t>(&'t [u8]);

impl Rest<'_> {
    /// Reads a number of this many digits.
    fn digits(&mut self, count: usize) -> Option<i64> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        self.0 = rest;
        Some(digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
    }

    /// Reads the next character if it is one of these. Returns whether it was.
    fn skip(&mut self, any: &[u8]) -> bool {
        match self.0.split_first() {
            Some((byte, rest)) if any.contains(byte) => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    fn then(&mut self, any: &[u8]) -> Option<&mut Self> {
        self.skip(any).then_some(self)
    }

    /// Reads the offset from UTC in seconds, up to the end.
    fn zone(&mut self) -> Option<i64> {
        let has_blank = self.skip(b" ");
        if matches!(self.0, b"" | b"Z" | b"z" | b"UTC" | b"GMT") {
            return (!has_blank || !self.0.is_empty()).then_some(0);
        }
        let sign = if self.skip(b"+") { 1 } else { self.then(b"-").map(|_| -1)? };
        let hours = self.digits(2)?;
        let has_colon = self.skip(b":");
        let minutes = match self.digits(2) {
            Some(minutes) => minutes,
            None if has_colon => return None,
            None => 0,
        };
        // `+0800 CST`, as Go prints it.
        let is_name = self.0.is_empty() || (self.skip(b" ") && self.0.iter().all(u8::is_ascii_uppercase));
        (is_name && hours <= 23 && minutes <= 59).then_some(sign * (hours * 3600 + minutes * 60))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

        /// `jiff` is an independent implementation.
        #[test]
        fn times_agree_with_a_date_library(seconds in 0_i64..=253_402_300_799) {
            let text = jiff::Timestamp::from_second(seconds).unwrap().to_string();
            prop_assert_eq!(parse(&text), Some(UNIX_EPOCH + Duration::from_secs(seconds.unsigned_abs())));
        }

        #[test]
        fn no_text_causes_a_panic(text in "[0-9TZ:.+ -]{0,30}|\\PC{0,30}|2030-01-02T15:04:05[0-9TZ:.,+ -]{0,9}") {
            let _ = parse(&text);
        }
    }

    #[test]
    fn fractions_offsets_and_times_without_a_zone_are_read() {
        let expected = parse("2030-01-02T15:04:05Z");
        assert!(expected.is_some());
        for text in [
            "2030-01-02T15:04:05.123Z",
            "2030-01-02T15:04:05,123Z",
            "2030-01-02T23:04:05+08:00",
            "2030-01-02T23:04:05+0800",
            "2030-01-02T23:04:05+08",
            "2030-01-02T10:34:05.5-04:30",
            " 2030-01-02T15:04:05Z\n",
            "2030-01-02T15:04:05",
            "2030-01-02 15:04:05",
            "2030-01-02t15:04:05z",
            "2030-01-02 15:04:05 UTC",
            "2030-01-02 15:04:05 +0000 UTC",
            "2030-01-02 23:04:05.123456789 +0800 CST",
            "2030-01-02T15:04:05.123456",
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
        assert_eq!(parse("2030-01-02T15:04Z"), parse("2030-01-02T15:04:00Z"));
        for text in [
            "",
            "2030-01-02",
            "2030-13-02T15:04:05Z",
            "2030-02-30T15:04:05Z",
            "2030-01-02T15:04:05.Z",
            "2030-01-02T15:04:05+é:0",
            "2030-01-02T15:04:05+08:",
            "2030-01-02T15:04:05+080",
            "2030-01-02T15:04:05+99:00",
            "2030-01-02T15:04:05 PST",
            "2030-01-02T24:04:05Z",
            "tomorrow",
            ".",
            "1.2.3",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_unit_of_a_number_is_recognized() {
        let expected = parse("2020-09-13T12:26:40Z");
        for number in [1.6e9, 1.6e12, 1.6e15, 1.6e18] {
            assert_eq!(of_number(number), expected, "{number}");
        }
        for text in ["1600000000", "1600000000.0", "1600000000000", " 1600000000000000 "] {
            assert_eq!(parse(text), expected, "{text}");
        }
        for number in [-1.0, f64::NAN, f64::INFINITY, f64::MAX] {
            assert_eq!(of_number(number), None, "{number}");
        }
    }
}
