//! `cams bulk`: calls an action for every row of a file, with a journal.

mod arguments;
mod gate;
mod progress;
mod run;
mod task;
mod words;

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use alibabacloud_cams::descriptor::ActionDescriptor;
use alibabacloud_cams::event::Event;
use alibabacloud_cams::{Client, RateLimit, Throttle};
use alibabacloud_simulator::Simulator;
use clap::ArgMatches;
use tokio::sync::mpsc::unbounded_channel;

pub(crate) use self::arguments::command;
use self::arguments::{Brake, Quota};
use self::gate::Gate;
use self::progress::Counts;
use self::run::{Run, Stop};
use self::task::{Marking, Task, note_throttled};
use crate::connect::Store;
use crate::exit::{Failure, print};
use crate::figures::counted;
use crate::input::{Checked, Columns, Finding, Input, Row, Rows, Shard, check, short};
use crate::journal::{self, Header, InputFacts, Journal, Opened, Outcome, Past, Pen, State, Sums, confirmed};
use crate::output::printable;
use crate::{connect, options, simulate};

/// How many findings of one kind are printed.
const PRINTED: u64 = 10;

/// Runs the subcommand.
pub(crate) async fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let (name, matches) = matches
        .subcommand()
        .ok_or_else(|| Failure::usage("no action was given; `cams bulk --help` lists them".to_owned()))?;
    let action = options::action(name)
        .ok_or_else(|| Failure::usage(format!("unknown action `{name}`; `cams bulk --help` lists them")))?;
    let text = |option: &str| matches.get_one::<String>(option).map_or("", |text| text);

    let input_name = text("input");
    let input = Input::open(input_name, action, arguments::encoding(matches), columns(matches))?;
    let path = Path::new(text("journal"));
    let dry_run = matches.get_flag("dry-run");
    // Before the rows are checked: the journal determines how many rows need a digest, and no other process may change
    // it meanwhile.
    let opened = if dry_run { None } else { Opened::existing(path, input.length)? };
    let looked_at = if dry_run { Some(journal::look(path, input.length)?) } else { None };
    let rows_before = opened.as_ref().map(|opened| &opened.past).or(looked_at.as_ref()).map_or(0, Past::rows);

    let checked = checked(&input, input_name, action, rows_before)?;
    let shard = matches.get_one::<Shard>("shard").copied();
    let (rows, repeated) = (checked.hashes.len() as u64, checked.repeated());
    let facts = InputFacts { rows, digest: checked.digest.clone(), repeated };
    let header = Header::new(action.name, facts, shard.map(|shard| shard.to_string()));
    let work = Work {
        action,
        input,
        checked,
        shard,
        header,
        journal: path.to_owned(),
        resend_unknown: matches.get_flag("resend-unknown"),
        retry_failed: matches.get_flag("retry-failed"),
        stop_after: matches.get_one::<Brake>("stop-after").copied().unwrap_or_default(),
    };
    let throttle = throttle(action, matches)?;
    let limit = throttle.limit(action.name, action.rate_limit);
    for note in work.notes() {
        crate::output::say(&format!("{}: {}", printable(input_name), printable(&note)));
    }

    if let Some(past) = looked_at {
        past.check(path, &work.header, work.checked.prefix.as_deref())?;
        return print(&work.forecast(&past, limit));
    }
    if let Some(opened) = &opened {
        opened.past.check(path, &work.header, work.checked.prefix.as_deref())?;
    }
    // The client is built first, so that a bad setting leaves no journal behind.
    let simulator =
        if matches.get_flag("simulate") { Some(simulate::start_with(action.name, limit).await?) } else { None };
    let (notices, notes) = unbounded_channel();
    let teller = notices.clone();
    let differed = AtomicBool::new(false);
    let (careful, store) = (!action.idempotent, Store::of(matches));
    let transport = Marking(connect::transport(matches, simulator.as_ref())?);
    let builder = connect::client(matches, simulator.as_ref(), false)?.throttle(throttle).transport(transport);
    let client = builder.on_event(move |event| {
        if careful {
            note_throttled(event);
        }
        // Thousands of rows can have the same response.
        if matches!(event, Event::ResponseMismatch(_)) && differed.swap(true, Ordering::Relaxed) {
            return;
        }
        if let Some(line) = connect::warning(event, store) {
            let _ = teller.send(line);
        }
    });
    let client = client.build()?;
    let opened = match opened {
        Some(opened) => opened,
        None => Opened::create(path)?,
    };
    let at_once = matches.get_one::<NonZeroU32>("max-in-flight").map_or(1, |calls| calls.get() as usize);
    let ended = work.send(&client, limit, at_once, opened, (notices, notes)).await;
    if let Some(simulator) = simulator {
        Simulator::stop(simulator).await;
    }
    ended
}

/// The options for the columns.
fn columns(matches: &ArgMatches) -> Columns {
    Columns {
        strict: matches.get_one::<String>("columns").is_some_and(|columns| columns == "strict"),
        named: matches.get_many::<(String, String)>("column").into_iter().flatten().cloned().collect(),
        labels: matches.get_many::<String>("label").into_iter().flatten().cloned().collect(),
    }
}

/// Checks all rows, and prints the findings: the first ones of each kind, and the number of the others.
fn checked(input: &Input, name: &str, action: &'static ActionDescriptor, prefix: u64) -> Result<Checked, Failure> {
    let name = printable(name);
    let mut kinds: HashMap<(String, String), u64> = HashMap::new();
    let mut findings = 0_u64;
    let checked = check(input, action, prefix, |finding| {
        findings += 1;
        let count = kinds.entry((finding.subject.clone(), finding.problem.clone())).or_default();
        *count += 1;
        if *count <= PRINTED {
            crate::output::say(&format!("{name}:{}: {}", finding.line, printable(&finding.to_string())));
        }
    });
    let Some(checked) = checked else {
        let mut more: Vec<_> = kinds.into_iter().filter(|(_, count)| *count > PRINTED).collect();
        more.sort();
        for ((subject, problem), count) in more {
            let more = counted(count - PRINTED, "more row", "more rows");
            let finding = Finding { line: 0, subject, place: String::new(), problem };
            crate::output::say(&format!("{name}: {more}: {}", printable(finding.to_string().trim_start_matches("; "))));
        }
        let findings = counted(findings, "finding", "findings");
        return Err(Failure::usage(format!("the input has {findings}; nothing was sent")));
    };
    Ok(checked)
}

/// The throttle that the command line sets.
fn throttle(action: &ActionDescriptor, matches: &ArgMatches) -> Result<Throttle, Failure> {
    // Each shard is a process.
    let processes = matches.get_one::<Shard>("shard").map(|shard| u32::try_from(shard.of).unwrap_or(u32::MAX));
    match matches.get_one::<Quota>("quota") {
        None => connect::throttle(matches, processes),
        Some(Quota::Limit(limit)) => Ok(connect::throttle(matches, processes)?.with_limit(action.name, *limit)),
        Some(Quota::Off) if connect::quotas_of_a_server(matches, processes)?.is_none() => Ok(Throttle::off()),
        Some(Quota::Off) => {
            Err(Failure::usage("--quota off and a shared quota exclude each other; remove one of them".to_owned()))
        }
    }
}

/// The work of a bulk.
struct Work {
    action: &'static ActionDescriptor,
    input: Input,
    checked: Checked,
    shard: Option<Shard>,
    header: Header,
    journal: std::path::PathBuf,
    resend_unknown: bool,
    retry_failed: bool,
    stop_after: Brake,
}

type Notices = (tokio::sync::mpsc::UnboundedSender<String>, tokio::sync::mpsc::UnboundedReceiver<String>);

impl Work {
    fn is_mine(&self, index: usize) -> bool {
        self.shard.is_none_or(|shard| shard.has(self.checked.hashes[index])) && !self.checked.is_repeated(index)
    }

    /// Whether a row in this state is sent.
    fn wants(&self, state: State) -> bool {
        match state {
            State::NotSent | State::Started | State::Ended | State::Other => true,
            State::Done => false,
            State::Failed => self.retry_failed,
            // The action is idempotent, or the user passed --resend-unknown.
            State::Sending | State::Unknown => self.action.idempotent || self.resend_unknown,
        }
    }

    /// How many rows of this process are in which state; `left` counts those to be sent.
    fn counts(&self, state: impl Fn(usize) -> State, todo: impl Fn(usize) -> bool) -> Counts {
        let mut counts = Counts::default();
        for index in (0..self.checked.hashes.len()).filter(|index| self.is_mine(*index)) {
            match state(index) {
                _ if todo(index) => counts.left += 1,
                State::Done => counts.done += 1,
                State::Failed => counts.failed += 1,
                State::Sending | State::Unknown => counts.unknown += 1,
                _ => {}
            }
        }
        counts
    }

    /// Sends the rows, and prints the summary.
    async fn send(
        &self,
        client: &Client,
        limit: Option<RateLimit>,
        at_once: usize,
        mut opened: Opened,
        (notices, notes): Notices,
    ) -> Result<(), Failure> {
        let runs = opened.past.runs;
        let rows = self.checked.hashes.len();
        let mut states = opened.past.take_states(rows);
        let todo = Todo::new(rows, |index| self.is_mine(index) && self.wants(states[index]));
        let without_outcome: Vec<u64> = (0..rows)
            .filter(|index| states[*index] == State::Sending && !todo.has(*index))
            .map(|index| index as u64 + 1)
            .collect();
        let counts = self.counts(|index| states[index], |index| todo.has(index));
        let mut run = Run::new(counts);
        let name = self.journal.display().to_string();
        opened.prepare(&self.header, |note| crate::output::say(&format!("{}: {note}", printable(&name))))?;
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
                    let gate = Arc::new(Gate::new(self.stop_after.limit()));
                    let (action, pen, admission) = (self.action, pen.clone(), gate.clone());
                    let tasks = source.map(move |row| Task {
                        action,
                        row: Arc::new(row),
                        pen: pen.clone(),
                        gate: admission.clone(),
                        notices: notices.clone(),
                    });
                    let outcomes = client.bulk().max_in_flight(at_once).send(tasks);
                    run.follow(outcomes, limit, &mut states, &gate, notes).await;
                }
            }
            if changed.load(Ordering::Relaxed) {
                run.stop.get_or_insert(Stop::InputChanged);
            }
        }
        let closed = self.close(&run, journal, &pen, runs + 1).await;
        self.conclude(&run, &states, closed.err())
    }

    /// Records the end of the run.
    async fn close(&self, run: &Run, journal: Journal, pen: &Pen, number: u64) -> Result<(), String> {
        let Counts { done, failed, unknown, .. } = run.counts;
        let sums = Sums { done, failed, unknown, interrupted: run.stop.is_some() };
        let ended = confirmed(pen.ended(number, sums).await);
        journal.close().map_err(|error| error.to_string()).and(ended)
    }
}

/// Records the start of the run, and which rows an earlier run left without an outcome.
async fn begin(pen: &Pen, run: u64, without_outcome: &[u64]) -> Result<(), String> {
    confirmed(pen.started(run).await)?;
    let outcome = Outcome {
        kind: Some("Interrupted"),
        message: Some("the process ended while the request was in flight"),
        ..Outcome::default()
    };
    for row in without_outcome {
        confirmed(pen.outcome(*row, State::Unknown, &outcome).await)?;
    }
    Ok(())
}

/// Which rows to send: one bit for each.
struct Todo(Vec<u8>);

impl Todo {
    fn new(rows: usize, wants: impl Fn(usize) -> bool) -> Self {
        let mut bits = vec![0; rows.div_ceil(8)];
        for index in (0..rows).filter(|index| wants(*index)) {
            bits[index / 8] |= 1 << (index % 8);
        }
        Self(bits)
    }

    fn has(&self, index: usize) -> bool {
        self.0.get(index / 8).is_some_and(|byte| byte & (1 << (index % 8)) != 0)
    }
}

/// The rows to send, read again from the input.
struct Source<'w> {
    rows: Rows<'w>,
    todo: &'w Todo,
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
                // The row is the one that was checked.
                (Ok(row), Some(index)) if self.hashes.get(index) == Some(&short(row.hash())) => {
                    if self.todo.has(index) {
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
