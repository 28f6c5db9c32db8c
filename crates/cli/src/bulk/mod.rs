//! `cams bulk`: an action for every row of a file, with a journal.

mod arguments;
mod check;
mod input;
mod progress;
mod task;

use std::collections::BTreeMap;
use std::future::pending;
use std::num::NonZeroU32;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use alibabacloud_cams::bulk::Outcomes;
use alibabacloud_cams::descriptor::ActionDescriptor;
use alibabacloud_cams::{Cams, Client, RateLimit, Throttle};
use alibabacloud_simulator::Simulator;
use clap::ArgMatches;
use tokio::time::{MissedTickBehavior, interval};

use self::arguments::Quota;
pub(crate) use self::arguments::command;
pub(crate) use self::check::Shard;
use self::check::{Checked, check, short};
use self::input::{Input, Row, Rows};
use self::progress::{Counts, Progress, at_least, duration};
use self::task::{Ended, Task, word};
use crate::exit::Failure;
use crate::figures::{counted, grouped};
use crate::journal::{self, Header, Journal, Opened, Outcome, Pen, State, Sums, confirmed};
use crate::output::{print, printable};
use crate::{call, simulate};

/// After how many rows in a row that found no connection, or no credentials, the rest is spared.
const HOPELESS: u32 = 10;

/// How many rows of unknown outcome are named.
const NAMED: usize = 20;

/// Does what the command line says.
pub(crate) async fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let (name, matches) = matches
        .subcommand()
        .ok_or_else(|| Failure::usage("name an action; `cams bulk --help` lists them".to_owned()))?;
    let action = crate::arguments::action(name)
        .ok_or_else(|| Failure::usage(format!("there is no action `{name}`; `cams bulk --help` lists them")))?;
    let text = |option: &str| matches.get_one::<String>(option).map_or("", |text| text);

    let input_name = text("input");
    let input = Input::open(input_name)?;
    let mut findings = 0_u64;
    let checked = check(&input, action, |finding| {
        findings += 1;
        eprintln!("{}:{}: {}", printable(input_name), finding.line, printable(&finding.problem));
    });
    let Some(checked) = checked else {
        let findings = counted(findings, "finding", "findings");
        return Err(Failure::usage(format!("the input has {findings}; nothing was sent")));
    };
    let shard = matches.get_one::<Shard>("shard").copied();
    let rows = checked.hashes.len() as u64;
    let header = Header::new(action.name, rows, checked.digest.clone(), shard.map(|shard| shard.to_string()));
    let path = Path::new(text("journal"));
    let work = Work {
        action,
        input,
        checked,
        shard,
        resend_unknown: matches.get_flag("resend-unknown"),
        retry_failed: matches.get_flag("retry-failed"),
    };
    let throttle = throttle(action, matches)?;
    let limit = throttle.limit(action.name, action.rate_limit);

    if matches.get_flag("dry-run") {
        let past = journal::look(path, &header)?;
        return print(&work.forecast(&past.states, limit));
    }
    // What cannot be called needs no journal.
    let simulator =
        if matches.get_flag("simulate") { Some(simulate::start_with(action.name, limit).await?) } else { None };
    let client = call::client(matches, simulator.as_ref(), false)?.throttle(throttle).build()?;
    let opened = Opened::open(path, &header)?;
    if let Some(repaired) = opened.past.repaired {
        eprintln!("the journal {}: {repaired}", path.display());
    }
    let at_once = matches.get_one::<NonZeroU32>("max-in-flight").map_or(1, |calls| calls.get() as usize);
    let ended = work.send(&client, limit, at_once, opened).await;
    if let Some(simulator) = simulator {
        Simulator::stop(simulator).await;
    }
    ended
}

/// The quota that the command line sets.
fn throttle(action: &ActionDescriptor, matches: &ArgMatches) -> Result<Throttle, Failure> {
    let shared = call::shared_quota(matches)?;
    match (matches.get_one::<Quota>("quota"), shared) {
        (None, shared) => Ok(shared.unwrap_or_else(Throttle::new)),
        (Some(Quota::Limit(limit)), shared) => Ok(shared.unwrap_or_else(Throttle::new).with_limit(action.name, *limit)),
        (Some(Quota::Off), None) => Ok(Throttle::off()),
        (Some(Quota::Off), Some(_)) => {
            Err(Failure::usage("--quota off shares nothing; leave it away, or the shared quota".to_owned()))
        }
    }
}

/// What is to be done.
struct Work {
    action: &'static ActionDescriptor,
    input: Input,
    checked: Checked,
    shard: Option<Shard>,
    resend_unknown: bool,
    retry_failed: bool,
}

/// Why a run ends before its last row.
#[derive(Debug, PartialEq, Eq)]
enum Stop {
    Interrupted,
    /// By a second Ctrl-C, with calls under way.
    LeftAtOnce,
    JournalFull(String),
    Hopeless(String),
    InputChanged,
}

impl Work {
    fn is_mine(&self, index: usize) -> bool {
        self.shard.is_none_or(|shard| shard.has(self.checked.hashes[index]))
    }

    /// Whether a row in this state is to be sent.
    fn wants(&self, state: State) -> bool {
        match state {
            State::New => true,
            State::Done => false,
            State::Failed => self.retry_failed,
            // Repeating does no harm, or somebody took it on himself.
            State::Sending | State::Unknown => self.action.idempotent || self.resend_unknown,
        }
    }

    /// How many rows of this process are in which state; `left` are those to be sent.
    fn counts(&self, states: &[State], todo: impl Fn(usize) -> bool) -> Counts {
        let mut counts = Counts::default();
        for (index, state) in states.iter().enumerate().filter(|(index, _)| self.is_mine(*index)) {
            match state {
                _ if todo(index) => counts.left += 1,
                State::New => {}
                State::Done => counts.done += 1,
                State::Failed => counts.failed += 1,
                State::Sending | State::Unknown => counts.unknown += 1,
            }
        }
        counts
    }

    /// What `--dry-run` says.
    fn forecast(&self, states: &[State], limit: Option<RateLimit>) -> String {
        let counts = self.counts(states, |index| self.wants(states[index]));
        let rows = self.checked.hashes.len() as u64;
        let mine = counts.done + counts.failed + counts.unknown + counts.left;
        let mut text = format!("{} calls of {}\n", grouped(counts.left), self.action.name);
        match (at_least(counts.left, limit), limit) {
            (Some(time), Some(limit)) => {
                text.push_str(&format!("{} at {limit}, if nobody else uses the quota\n", duration(time)));
            }
            _ => text.push_str("no limit\n"),
        }
        let skipped = |count: u64, why: &str| match count {
            0 => String::new(),
            _ => format!("skipped: {} rows {why}\n", grouped(count)),
        };
        text.push_str(&skipped(rows - mine, "of other shards"));
        text.push_str(&skipped(counts.done, "that are done"));
        text.push_str(&skipped(counts.failed, "that failed (--retry-failed sends them again)"));
        text.push_str(&skipped(counts.unknown, "of unknown outcome (--resend-unknown sends them again)"));
        text
    }

    /// Sends what is to be sent, and says how it went.
    async fn send(
        &self,
        client: &Client,
        limit: Option<RateLimit>,
        at_once: usize,
        opened: Opened,
    ) -> Result<(), Failure> {
        let runs = opened.past.runs;
        let mut states = opened.past.states.clone();
        let todo: Vec<bool> =
            states.iter().enumerate().map(|(index, state)| self.is_mine(index) && self.wants(*state)).collect();
        let without_outcome: Vec<u64> = (1..)
            .zip(&states)
            .zip(&todo)
            .filter_map(|((row, state), todo)| (*state == State::Sending && !todo).then_some(row))
            .collect();
        let mut run = Run {
            counts: self.counts(&states, |index| todo[index]),
            reasons: BTreeMap::new(),
            in_a_row: 0,
            stop: None,
        };
        if run.counts.left == 0 && without_outcome.is_empty() {
            return self.conclude(&run, &states, None);
        }
        let journal = opened.begin((!self.action.idempotent).then_some(at_once))?;
        let pen = journal.pen();
        let begun = begin(&pen, runs + 1, &without_outcome).await;
        for row in &without_outcome {
            states[usize::try_from(row - 1).unwrap_or(usize::MAX)] = State::Unknown;
        }
        if let Err(why) = begun {
            run.stop = Some(Stop::JournalFull(why));
        } else if run.counts.left > 0 {
            let changed = Arc::new(AtomicBool::new(false));
            match self.input.rows(self.action) {
                Err(_) => run.stop = Some(Stop::InputChanged),
                Ok(rows) => {
                    let (todo, hashes) = (&todo, &self.checked.hashes);
                    let source = Source { rows, todo, hashes, changed: changed.clone() };
                    let (action, pen) = (self.action, pen.clone());
                    let tasks = source.map(move |row| Task { action, row, pen: pen.clone() });
                    let outcomes = client.bulk().max_in_flight(at_once).send(tasks);
                    run.follow(outcomes, limit, &mut states).await;
                }
            }
            if changed.load(Ordering::Relaxed) {
                run.stop.get_or_insert(Stop::InputChanged);
            }
        }
        let closed = self.close(&run, journal, &pen, runs + 1).await;
        self.conclude(&run, &states, closed.err())
    }

    /// Says in the journal that the run is over.
    async fn close(&self, run: &Run, journal: Journal, pen: &Pen, number: u64) -> Result<(), String> {
        let Counts { done, failed, unknown, .. } = run.counts;
        let sums = Sums { done, failed, unknown, interrupted: run.stop.is_some() };
        let ended = confirmed(pen.ended(number, sums).await);
        journal.close().map_err(|error| error.to_string()).and(ended)
    }

    /// The summary, and with it how the program ends.
    fn conclude(&self, run: &Run, states: &[State], not_closed: Option<String>) -> Result<(), Failure> {
        let Counts { done, failed, unknown, left } = run.counts;
        let mut text = format!("{} done\n", grouped(done));
        for (state, count, meaning) in [
            (State::Failed, failed, "nothing took effect"),
            (State::Unknown, unknown, "may or may not have taken effect"),
        ] {
            if count > 0 {
                text.push_str(&format!("{} {}: {meaning}\n", grouped(count), word(state)));
            }
            for ((_, reason), count) in run.reasons.iter().filter(|((of, _), _)| *of == word(state)) {
                text.push_str(&format!("  {} {}\n", grouped(*count), printable(reason)));
            }
        }
        if left > 0 {
            text.push_str(&format!("{} left\n", grouped(left)));
        }
        print(&text)?;
        if unknown > 0 {
            self.name_unknown(states);
        }
        let rows = |count: u64| counted(count, "row", "rows");
        let go_on = "to go on, run the same command again";
        let left = rows(left);
        match &run.stop {
            Some(Stop::Interrupted) => Err(Failure::bulk(6, format!("interrupted: {left} are left"), go_on)),
            Some(Stop::LeftAtOnce) => Err(Failure::bulk(
                6,
                format!("interrupted with calls under way: {left} are left or without an outcome"),
                go_on,
            )),
            Some(Stop::JournalFull(why)) => Err(Failure::bulk(
                1,
                format!("the journal cannot be written: {why}; {left} are left"),
                "mend that, and run the same command again",
            )),
            Some(Stop::Hopeless(why)) => Err(Failure::bulk(
                4,
                format!("{HOPELESS} rows after each other could not be sent, so {left} are left: {why}"),
                "mend that, and run the same command again with --retry-failed",
            )),
            Some(Stop::InputChanged) => Err(Failure::bulk(
                1,
                format!("the input changed while it was read; {left} are left"),
                "go on with the input as it was",
            )),
            None => match not_closed {
                Some(why) => Err(Failure::bulk(1, format!("the journal cannot be written: {why}"), go_on)),
                None if unknown > 0 && self.action.idempotent => Err(Failure::bulk(
                    5,
                    format!("the outcome of {} is unknown", rows(unknown)),
                    "run the same command again",
                )),
                None if unknown > 0 => Err(Failure::bulk(
                    5,
                    format!("the outcome of {} is unknown", rows(unknown)),
                    "find out whether they took effect, then run the same command with --resend-unknown, or leave them",
                )),
                None if failed > 0 => Err(Failure::bulk(
                    3,
                    format!("{} failed; the journal says why", rows(failed)),
                    "once the reason is mended, run the same command with --retry-failed",
                )),
                None => Ok(()),
            },
        }
    }

    /// Names rows whose outcome is unknown, by where they are in the input.
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
        eprintln!("unknown: row {}{more}", named.join(", "));
    }
}

/// Notes the beginning, and which rows an earlier run left without an outcome.
async fn begin(pen: &Pen, run: u64, without_outcome: &[u64]) -> Result<(), String> {
    confirmed(pen.started(run).await)?;
    let outcome = Outcome {
        kind: Some("Interrupted"),
        message: Some("the program ended before the answer came"),
        ..Outcome::default()
    };
    for row in without_outcome {
        confirmed(pen.outcome(*row, State::Unknown, &outcome).await)?;
    }
    Ok(())
}

/// What happens during a run.
struct Run {
    counts: Counts,
    /// How many rows of this run ended for which reason: state, then code or kind.
    reasons: BTreeMap<(&'static str, String), u64>,
    /// How many rows after each other could not be sent.
    in_a_row: u32,
    stop: Option<Stop>,
}

impl Run {
    /// Reads the outcomes to the end, or to where it must stop.
    async fn follow(&mut self, mut outcomes: Outcomes<'_, Cams, Task>, limit: Option<RateLimit>, states: &mut [State]) {
        let mut progress = Progress::new(limit, self.counts.left);
        let mut ticks = interval(progress.interval());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first one is over at once.
        ticks.tick().await;
        let mut signal = pin!(told_to_stop());
        loop {
            tokio::select! {
                outcome = outcomes.next() => {
                    let Some(outcome) = outcome else { break };
                    self.note(&outcome.request.row, outcome.result, states, &mut progress);
                    if self.stop.is_some() {
                        outcomes.stop();
                    }
                }
                () = &mut signal => {
                    progress.clear();
                    if self.stop.is_some() {
                        self.stop = Some(Stop::LeftAtOnce);
                        break;
                    }
                    signal.set(told_to_stop());
                    self.stop = Some(Stop::Interrupted);
                    outcomes.stop();
                    eprintln!("no more rows are taken; those that run are waited for. Ctrl-C again leaves at once");
                }
                _ = ticks.tick() => progress.show(self.counts),
            }
        }
        progress.clear();
    }

    fn note(&mut self, row: &Row, ended: Ended, states: &mut [State], progress: &mut Progress) {
        if let Some((why, what)) = &ended.unrecorded {
            if !what.is_empty() {
                progress.clear();
                let (number, line) = (row.number, row.line);
                eprintln!("not in the journal: row {number} (line {line}) {}: {}", printable(what), printable(why));
            }
            self.stop.get_or_insert_with(|| Stop::JournalFull(why.clone()));
        }
        match ended.state {
            State::New | State::Sending => return,
            State::Done => self.counts.done += 1,
            State::Failed => self.counts.failed += 1,
            State::Unknown => self.counts.unknown += 1,
        }
        self.counts.left -= 1;
        if let Some(state) = usize::try_from(row.number - 1).ok().and_then(|index| states.get_mut(index)) {
            *state = ended.state;
        }
        if let Some(reason) = ended.reason {
            *self.reasons.entry((word(ended.state), reason)).or_default() += 1;
        }
        match ended.not_sent {
            None => self.in_a_row = 0,
            Some(why) => {
                self.in_a_row += 1;
                if self.in_a_row >= HOPELESS {
                    self.stop.get_or_insert(Stop::Hopeless(why));
                }
            }
        }
    }
}

/// Waits for Ctrl-C, or for what a service manager says in its place.
async fn told_to_stop() {
    // Where signals cannot be watched, they end the program, and the journal says how far it came.
    let ctrl_c = async {
        if tokio::signal::ctrl_c().await.is_err() {
            pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = pending::<()>();
    tokio::select! {
        () = ctrl_c => {}
        () = terminate => {}
    }
}

/// The rows that are to be sent, read again.
struct Source<'w> {
    rows: Rows,
    todo: &'w [bool],
    hashes: &'w [u64],
    changed: Arc<AtomicBool>,
}

impl Iterator for Source<'_> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        loop {
            let row = self.rows.next()?;
            let index = row.as_ref().ok().and_then(|row| usize::try_from(row.number - 1).ok());
            match (row, index) {
                // The same that was checked.
                (Ok(row), Some(index)) if self.hashes.get(index) == Some(&short(row.hash())) => {
                    if self.todo[index] {
                        return Some(row);
                    }
                }
                _ => {
                    self.changed.store(true, Ordering::Relaxed);
                    return None;
                }
            }
        }
    }
}
