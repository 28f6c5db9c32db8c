//! Reading a time in ISO 8601, as expirations come.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The time of `2030-01-02T15:04:05Z`, with a fraction of a second or an offset in place of the `Z` as well; `None` for anything
/// else, and for times before 1970.
pub(crate) fn parse(text: &str) -> Option<SystemTime> {
    let text = text.trim();
    let number = |from: usize, to: usize| {
        let digits = text.get(from..to)?;
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<i64>().ok()).flatten()
    };
    let is = |at: usize, expected: &[u8]| text.as_bytes().get(at).is_some_and(|byte| expected.contains(byte));
    if !(is(4, b"-") && is(7, b"-") && is(10, b"Tt ") && is(13, b":") && is(16, b":")) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let month_index = usize::try_from(month).ok()?.checked_sub(1)?;
    if !(1..=*days.get(month_index)?).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let rest = &text[19..];
    let fraction = rest.strip_prefix('.').map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count() + 1);
    if fraction == 1 {
        return None;
    }
    let offset = match rest.get(fraction..)? {
        "Z" | "z" => 0,
        zone if zone.len() == 6
            && zone.is_char_boundary(1)
            && zone.is_char_boundary(3)
            && zone.as_bytes()[3] == b':' =>
        {
            let sign = match zone.as_bytes()[0] {
                b'+' => 1,
                b'-' => -1,
                _ => return None,
            };
            sign * (number_in(&zone[1..3])? * 3600 + number_in(zone.get(4..6)?)? * 60)
        }
        _ => return None,
    };
    // Years begin in March here, so that the leap day is the last one.
    let (shifted, from_march) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    let leap_days = shifted.div_euclid(4) - shifted.div_euclid(100) + shifted.div_euclid(400);
    let days = shifted * 365 + leap_days + day_of_year - 719_468;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset;
    UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(seconds).ok()?))
}

fn number_in(digits: &str) -> Option<i64> {
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

        /// `jiff` was not written by us.
        #[test]
        fn times_agree_with_a_date_library(seconds in 0_i64..=253_402_300_799) {
            let text = jiff::Timestamp::from_second(seconds).unwrap().to_string();
            prop_assert_eq!(parse(&text), Some(UNIX_EPOCH + Duration::from_secs(seconds.unsigned_abs())));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[0-9TZ:.+ -]{0,30}|\\PC{0,30}") {
            let _ = parse(&text);
        }
    }

    #[test]
    fn fractions_and_offsets_are_read() {
        let expected = parse("2030-01-02T15:04:05Z");
        assert!(expected.is_some());
        for text in [
            "2030-01-02T15:04:05.123Z",
            "2030-01-02T23:04:05+08:00",
            "2030-01-02T10:34:05.5-04:30",
            " 2030-01-02T15:04:05Z\n",
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
        for text in [
            "",
            "2030-01-02",
            "2030-13-02T15:04:05Z",
            "2030-02-30T15:04:05Z",
            "2030-01-02T15:04:05",
            "2030-01-02T15:04:05.Z",
            "2030-01-02T15:04:05+é:0",
            "2030-01-02T24:04:05Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
