//! The two clocks of the simulator, and the time format on the wire.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// The time at which a request is judged, by both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Instants {
    /// Wall time, for timestamps and the `Date` header.
    pub wall: SystemTime,
    /// Monotonic time, for quotas and nonces. It is tokio's, so that a paused test clock works.
    pub monotonic: Instant,
}

impl Instants {
    /// The current time of both clocks.
    pub fn now() -> Self {
        Self { wall: SystemTime::now(), monotonic: Instant::now() }
    }
}

/// The time of `YYYY-MM-DDThh:mm:ssZ`; `None` for any other text, including impossible dates.
pub(crate) fn parse_timestamp(text: &str) -> Option<SystemTime> {
    let shape = b"0000-00-00T00:00:00Z";
    let fits = |(byte, shape): (u8, &u8)| match shape {
        b'0' => byte.is_ascii_digit(),
        other => byte == *other,
    };
    if text.len() != shape.len() || !text.bytes().zip(shape).all(fits) {
        return None;
    }
    let number = |from: usize, to: usize| text[from..to].parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let leap = |year: u64| year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let days_in = |month: u64| match month {
        2 if leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if year < 1970 || !(1..=12).contains(&month) || !(1..=days_in(month)).contains(&day) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // Counting years one by one takes at most a few thousand steps, and is simple.
    let days: u64 = (1970..year).map(|year| if leap(year) { 366 } else { 365 }).sum::<u64>()
        + (1..month).map(days_in).sum::<u64>()
        + (day - 1);
    Some(UNIX_EPOCH + Duration::from_secs(days * 86_400 + hour * 3_600 + minute * 60 + second))
}

/// The value of a `Date` header. A time that HTTP cannot express (before 1970, after 9999) becomes the nearest one that
/// it can.
pub(crate) fn http_date(time: SystemTime) -> String {
    const LAST: Duration = Duration::from_secs(253_402_300_799);
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    httpdate::fmt_http_date(UNIX_EPOCH + since.min(LAST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<u64> {
        let time = parse_timestamp(text)?;
        Some(time.duration_since(UNIX_EPOCH).expect("not before 1970").as_secs())
    }

    #[test]
    fn timestamps_follow_the_calendar() {
        assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(seconds("2000-02-29T23:59:59Z"), Some(951_868_799));
        assert_eq!(seconds("2023-10-26T10:22:32Z"), Some(1_698_315_752));
        assert_eq!(seconds("2026-11-22T11:47:33Z"), Some(1_795_348_053));
        assert_eq!(seconds("9999-12-31T23:59:59Z"), Some(253_402_300_799));
    }

    #[test]
    fn other_forms_and_impossible_times_are_refused() {
        for text in [
            "",
            "2026-11-22",
            "2026-11-22T11:47:33",
            "2026-11-22T11:47:33+00:00",
            "2026-11-22 11:47:33Z",
            "2026-11-22T11:47:33z",
            "2026-11-22T11:47:33.0Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2026-11-31T00:00:00Z",
            "2026-11-22T24:00:00Z",
            "2026-11-22T00:60:00Z",
            "2026-11-22T00:00:60Z",
            "２026-11-22T11:47:3",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn no_wall_time_breaks_the_date_header() {
        assert_eq!(http_date(UNIX_EPOCH - Duration::from_secs(1)), "Thu, 01 Jan 1970 00:00:00 GMT");
        let far = UNIX_EPOCH + Duration::from_secs(300_000_000_000);
        assert_eq!(http_date(far), "Fri, 31 Dec 9999 23:59:59 GMT");
    }
}
