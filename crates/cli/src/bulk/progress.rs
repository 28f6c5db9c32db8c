//! The progress of a bulk, for a terminal and for a log.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use alibabacloud_cams::RateLimit;
use terminal_size::{Width, terminal_size_of};
use tokio::time::Instant;

use crate::figures::grouped;

/// How often the bar is redrawn.
const BAR: Duration = Duration::from_millis(200);

/// How often a line is written to a log.
const LOG: Duration = Duration::from_secs(10);

/// How long a run must last before its measured rate is used for the estimate.
const SETTLED: Duration = Duration::from_secs(10);

/// How many rows of this process are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) done: u64,
    pub(crate) failed: u64,
    pub(crate) unknown: u64,
    /// Rows that this run has still to send.
    pub(crate) left: u64,
}

impl Counts {
    fn all(self) -> u64 {
        self.done + self.failed + self.unknown + self.left
    }
}

/// Prints the progress on standard error: a bar on a terminal, else a line at intervals.
pub(crate) struct Progress {
    terminal: bool,
    limit: Option<RateLimit>,
    began: Instant,
    /// The number of rows this run has to send.
    rows: u64,
    shown: bool,
}

impl Progress {
    pub(crate) fn new(limit: Option<RateLimit>, rows: u64) -> Self {
        Self { terminal: io::stderr().is_terminal(), limit, began: Instant::now(), rows, shown: false }
    }

    /// How often [`show`](Self::show) should be called.
    pub(crate) fn interval(&self) -> Duration {
        if self.terminal { BAR } else { LOG }
    }

    pub(crate) fn show(&mut self, counts: Counts) {
        let sent = self.rows - counts.left;
        let text = line(counts, self.limit, sent, self.began.elapsed());
        // Nothing can be printed if standard error is closed.
        if self.terminal {
            self.shown = true;
            let width = terminal_size_of(io::stderr()).map_or(80, |(Width(width), _)| usize::from(width));
            let bar = bar(counts, width.saturating_sub(text.len() + 4).min(30));
            let text: String = format!("{bar}{text}").chars().take(width.saturating_sub(1)).collect();
            let _ = write!(io::stderr(), "\r{text}\u{1b}[K");
        } else {
            let _ = writeln!(io::stderr(), "{text}");
        }
    }

    /// Removes the bar, so that a message can be printed.
    pub(crate) fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            let _ = write!(io::stderr(), "\r\u{1b}[K");
        }
    }
}

fn bar(counts: Counts, width: usize) -> String {
    if width < 10 {
        return String::new();
    }
    let over = counts.all() - counts.left;
    let filled = usize::try_from(u128::from(over) * width as u128 / u128::from(counts.all().max(1))).unwrap_or(width);
    format!("[{}{}] ", "#".repeat(filled), ".".repeat(width - filled))
}

/// The text of the progress: rows done, their outcomes, the rate and the time left.
fn line(counts: Counts, limit: Option<RateLimit>, sent: u64, elapsed: Duration) -> String {
    let over = counts.all() - counts.left;
    let mut text = format!("{} of {} rows: {} done", grouped(over), grouped(counts.all()), grouped(counts.done));
    for (count, word) in [(counts.failed, "failed"), (counts.unknown, "unknown")] {
        if count > 0 {
            let _ = write!(text, ", {} {word}", grouped(count));
        }
    }
    let rate = per_second(sent, elapsed);
    if sent > 0 && elapsed > Duration::from_secs(1) {
        let _ = write!(text, "; {rate:.1}/s");
    }
    if counts.left > 0 {
        let measured = (elapsed >= SETTLED && rate > 0.0).then(|| seconds(counts.left, rate));
        if let Some(left) = at_least(counts.left, limit).max(measured) {
            let _ = write!(text, ", {} left", duration(left));
        }
    }
    text
}

/// The minimum duration of this many calls under the limit; `None` without a limit.
pub(crate) fn at_least(calls: u64, limit: Option<RateLimit>) -> Option<Duration> {
    let limit = limit?;
    Some(seconds(calls, f64::from(limit.requests()) / limit.window().as_secs_f64()))
}

#[allow(clippy::cast_precision_loss, reason = "what is shown has three digits")]
fn seconds(calls: u64, rate: f64) -> Duration {
    Duration::try_from_secs_f64(calls as f64 / rate).unwrap_or(Duration::MAX)
}

#[allow(clippy::cast_precision_loss, reason = "what is shown has three digits")]
pub(crate) fn per_second(calls: u64, elapsed: Duration) -> f64 {
    calls as f64 / elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
}

/// `1 h 02 min`, `4 min 10 s`, `12 s`.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds:02} s"),
        (hours, minutes, _) => format!("{} h {minutes:02} min", grouped(hours)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN: Option<RateLimit> = Some(RateLimit::per_second(10));

    fn counts(done: u64, failed: u64, unknown: u64, left: u64) -> Counts {
        Counts { done, failed, unknown, left }
    }

    #[test]
    fn the_line_shows_counts_rate_and_time_left() {
        let of = |counts, sent, seconds| line(counts, TEN, sent, Duration::from_secs(seconds));
        assert_eq!(of(counts(0, 0, 0, 5000), 0, 0), "0 of 5,000 rows: 0 done, 8 min 20 s left");
        assert_eq!(
            of(counts(2300, 7, 3, 2690), 2310, 231),
            "2,310 of 5,000 rows: 2,300 done, 7 failed, 3 unknown; 10.0/s, 4 min 29 s left"
        );
        // Others use the quota too, so the measured rate counts. Rows of earlier runs are not measured.
        assert_eq!(of(counts(4900, 0, 0, 100), 50, 25), "4,900 of 5,000 rows: 4,900 done; 2.0/s, 50 s left");
        assert_eq!(of(counts(5000, 0, 0, 0), 5000, 500), "5,000 of 5,000 rows: 5,000 done; 10.0/s");
        let unlimited = line(counts(500, 0, 0, 500), None, 500, Duration::from_secs(2));
        assert_eq!(unlimited, "500 of 1,000 rows: 500 done; 250.0/s");
    }

    #[test]
    fn the_bar_fills() {
        assert_eq!(bar(counts(0, 0, 0, 10), 10), "[..........] ");
        assert_eq!(bar(counts(2, 2, 1, 5), 10), "[#####.....] ");
        assert_eq!(bar(counts(10, 0, 0, 0), 10), "[##########] ");
        assert_eq!(
            (bar(counts(0, 0, 0, 0), 10), bar(counts(1, 0, 0, 0), 5)),
            ("[..........] ".to_owned(), String::new())
        );
    }

    #[test]
    fn durations_are_readable() {
        let text = |millis| duration(Duration::from_millis(millis));
        assert_eq!([0, 100, 59_000, 61_000, 3_720_000].map(text), ["0 s", "1 s", "59 s", "1 min 01 s", "1 h 02 min"]);
    }
}
