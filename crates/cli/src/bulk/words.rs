//! What a bulk prints: its forecast, its notes, its summary and the next step.

use alibabacloud_cams::RateLimit;

use super::Work;
use super::gate::{Tripped, Trouble};
use super::progress::{Counts, at_least, duration};
use super::run::{Run, Stop};
use super::task::word;
use crate::exit::{Failure, print};
use crate::figures::{counted, grouped};
use crate::journal::{Past, State};
use crate::output::printable;

/// How many rows of unknown outcome are listed.
const NAMED: usize = 20;

const AGAIN: &str = "to continue, run the same command again";

fn rows(count: u64) -> String {
    counted(count, "row", "rows")
}

impl Work {
    /// Notes about the input, printed before the first call.
    pub(super) fn notes(&self) -> Vec<String> {
        let lines = |count: u64, lines: &[u64]| {
            let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
            let more = count - lines.len() as u64;
            let more = if more > 0 { format!(" and {} more", grouped(more)) } else { String::new() };
            format!("{} {}{more}", if count == 1 { "line" } else { "lines" }, lines.join(", "))
        };
        let notes = self.checked.notes.iter();
        let mut notes: Vec<String> = notes
            .map(|(note, (count, named))| format!("note: {}: {} ({})", note.subject, note.text, lines(*count, named)))
            .collect();
        if self.checked.repeated() > 0 {
            let repeated = counted(self.checked.repeated(), "row repeats an earlier one", "rows repeat earlier ones");
            notes.push(format!("note: {repeated}; duplicates are sent once"));
        }
        notes
    }

    /// What `--dry-run` prints.
    pub(super) fn forecast(&self, past: &Past, limit: Option<RateLimit>) -> String {
        let counts = self.counts(|index| past.state(index), |index| self.wants(past.state(index)));
        let all = self.header.input.rows;
        let mine = counts.done + counts.failed + counts.unknown + counts.left;
        let mut text = format!("{} of {}\n", counted(counts.left, "call", "calls"), self.action.name);
        match (at_least(counts.left, limit), limit) {
            (Some(time), Some(limit)) => {
                text.push_str(&format!("{} at {limit}, if nothing else uses the quota\n", duration(time)));
            }
            _ => text.push_str("no limit\n"),
        }
        let skipped = |count: u64, why: &str| match count {
            0 => String::new(),
            _ => format!("skipped: {} {why}\n", rows(count)),
        };
        let repeated = self.checked.repeated();
        text.push_str(&skipped(all - repeated - mine, "of other shards"));
        text.push_str(&skipped(repeated, "with the same values as an earlier row"));
        text.push_str(&skipped(counts.done, "already done"));
        text.push_str(&skipped(counts.failed, "already failed (to send again, use --retry-failed)"));
        text.push_str(&skipped(counts.unknown, "of unknown outcome (to send again, use --resend-unknown)"));
        text
    }

    /// Prints the summary; the result determines the exit code.
    pub(super) fn conclude(&self, run: &Run, states: &[State], not_closed: Option<String>) -> Result<(), Failure> {
        let Counts { done, failed, unknown, left } = run.counts;
        let mut text = String::new();
        if run.sent == 0 && left == 0 && run.stop.is_none() {
            text.push_str("nothing left to do\n");
        }
        text.push_str(&format!("{} done\n", grouped(done)));
        for (state, count, meaning) in
            [(State::Failed, failed, "no effect"), (State::Unknown, unknown, "may or may not have taken effect")]
        {
            if count > 0 {
                text.push_str(&format!("{} {}: {meaning}\n", grouped(count), word(state)));
            }
            for ((_, reason), count) in run.reasons.iter().filter(|((of, _), _)| *of == word(state)) {
                text.push_str(&format!("  {} {}\n", grouped(*count), printable(reason)));
            }
        }
        if left > 0 {
            text.push_str(&format!("{} not sent\n", grouped(left)));
        }
        if self.checked.repeated() > 0 {
            text.push_str(&format!("{} skipped: same values as an earlier row\n", rows(self.checked.repeated())));
        }
        if run.sent > 0 {
            text.push_str(&format!("{} sent in {}\n", rows(run.sent), duration(run.took())));
        }
        let journal = self.journal.display().to_string();
        text.push_str(&format!("journal: {}\n", printable(&journal)));
        if run.stop.is_none() && done + failed + unknown > 0 {
            text.push_str(&format!("next: cams report {}\n", quoted(&printable(&journal))));
        }
        print(&text)?;
        if unknown > 0 {
            self.name_unknown(states);
        }
        let left = format!("{} not sent", rows(left));
        match &run.stop {
            Some(Stop::Interrupted) => Err(Failure::bulk(6, format!("interrupted: {left}"), AGAIN)),
            Some(Stop::InterruptedTwice) => {
                Err(Failure::bulk(6, format!("interrupted with calls in flight: {left} or without an outcome"), AGAIN))
            }
            Some(Stop::JournalFull(why)) => Err(Failure::bulk(
                1,
                format!("the journal cannot be written: {why}; {left}"),
                "fix the cause, then run the same command again",
            )),
            Some(Stop::Tripped(tripped)) => Err(Self::tripped(tripped, &left)),
            Some(Stop::InputChanged) => Err(Failure::bulk(
                1,
                format!("the input changed while it was read; {left}"),
                "restore the input, then run the same command again",
            )),
            None => match not_closed {
                Some(why) => Err(Failure::bulk(1, format!("the journal cannot be written: {why}"), AGAIN)),
                None if unknown > 0 && self.action.idempotent => Err(Failure::bulk(
                    5,
                    format!("the outcome of {} is unknown", rows(unknown)),
                    "run the same command again: the action can safely be repeated",
                )),
                None if unknown > 0 => Err(Failure::bulk(
                    5,
                    format!("the outcome of {} is unknown", rows(unknown)),
                    "check whether they took effect (`cams report` shows how); to send them again, run the same command with --resend-unknown",
                )),
                None if failed > 0 => Err(Failure::bulk(
                    3,
                    format!("{} failed; `cams report` shows why", rows(failed)),
                    "once the cause is fixed, run the same command with --retry-failed",
                )),
                None => Ok(()),
            },
        }
    }

    fn tripped(tripped: &Tripped, left: &str) -> Failure {
        let attempts = grouped(tripped.attempts);
        let times = if tripped.attempts == 1 { "attempt" } else { "consecutive attempts" };
        let (code, what, advice) = match tripped.trouble {
            Trouble::Refused => (
                3,
                "were refused because of the access key or its permissions",
                "fix the cause (`cams doctor` helps), then run the same command again",
            ),
            Trouble::Unknown => (
                5,
                "ended with an unknown outcome",
                "check the service and the network, then run the same command again; --stop-after sets the number of attempts",
            ),
            Trouble::NotSent => (
                4,
                "could not be sent",
                "check --endpoint and the network (`cams doctor` helps), then run the same command again",
            ),
            Trouble::QuotaUnusable => {
                (4, "could not be sent", "check --quota-redis or CAMS_QUOTA_REDIS, then run the same command again")
            }
            Trouble::Throttled => (
                4,
                "were throttled until their deadline",
                "wait until other programs use less of the account's quota, then run the same command again",
            ),
        };
        let cause = &tripped.cause;
        Failure::bulk(code, format!("{attempts} {times} {what}; stopped with {left}: {cause}"), advice)
    }

    /// Lists rows of unknown outcome with their lines in the input.
    fn name_unknown(&self, states: &[State]) {
        let unknown = |index: usize| self.is_mine(index) && matches!(states[index], State::Unknown | State::Sending);
        let rows = self.input.rows(self.action).into_iter().flatten().enumerate();
        let mut unknown = rows.filter(|(index, _)| *index < states.len() && unknown(*index));
        let named = unknown.by_ref().take(NAMED).filter_map(|(_, row)| row.ok());
        let named: Vec<String> = named.map(|row| format!("{} (line {})", row.number, row.line)).collect();
        let more = match unknown.count() {
            0 => String::new(),
            more => format!(", and {} more", grouped(more as u64)),
        };
        crate::output::say(&format!("unknown: row {}{more}", named.join(", ")));
        if !self.action.unknown_outcome.is_empty() {
            crate::output::say(&crate::options::plain(self.action.unknown_outcome).clone());
        }
    }
}

/// Quotes an argument for a shell.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    if text.chars().all(is_plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}
