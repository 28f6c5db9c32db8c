//! The journal of a bulk: one append-only file of JSON lines that says what was about to be sent, and what came of it.
//!
//! The first line is the [`Header`]. For each row, a line `sending` comes before it is sent, and one with its outcome (`done`,
//! `failed`, `unknown`) after it; the last line of a row counts. Lines with `run` say when a run of the command began and ended.
//!
//! What survives: a line whose writing was confirmed survives the end of the process, however it comes, because it is with the system.
//! Of an action that is not idempotent, every line is also on the disk before it is confirmed (`fdatasync`; the file's own entry, once, by
//! `fsync` of the directory), so it survives a loss of power, too, as far as the disk keeps its word. All lines that wait at a time
//! share one such sync, off the async threads. A line that was being written at the end is torn; it was not confirmed, so nothing was
//! sent because of it, and the next run takes it away.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;

use alibabacloud_cams::PRODUCT;
use fs4::{FileExt, TryLockError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::oneshot;

use crate::exit::Failure;

/// The version of the format.
pub(crate) const VERSION: u32 = 1;

/// How every journal begins.
const BEGINNING: &[u8] = b"{\"journal\":";

/// The first line: what the journal belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    pub(crate) journal: u32,
    pub(crate) product: String,
    pub(crate) action: String,
    pub(crate) version: String,
    pub(crate) at: String,
    pub(crate) input: InputFacts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shard: Option<String>,
}

/// What tells inputs apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InputFacts {
    pub(crate) rows: u64,
    pub(crate) digest: String,
}

impl Header {
    pub(crate) fn new(action: &str, rows: u64, digest: String, shard: Option<String>) -> Self {
        Self {
            journal: VERSION,
            product: PRODUCT.code.to_owned(),
            action: action.to_owned(),
            version: PRODUCT.version.to_owned(),
            at: now(),
            input: InputFacts { rows, digest },
            shard,
        }
    }

    /// Why a journal with this header cannot go on with that input.
    fn mismatch(&self, wanted: &Self) -> Option<String> {
        let shard =
            |header: &Self| header.shard.as_ref().map_or("no --shard".to_owned(), |shard| format!("--shard {shard}"));
        if self.journal != VERSION {
            return Some(format!("is written in version {} of the format; this program knows {VERSION}", self.journal));
        }
        if (&self.product, &self.action) != (&wanted.product, &wanted.action) {
            return Some(format!("belongs to {} {}, not to {}", self.product, self.action, wanted.action));
        }
        if self.input != wanted.input {
            return Some(format!(
                "belongs to another input: its {} rows are not these {}. Go on with the input as it was, or begin another \
                 journal for rows that are not in this one",
                self.input.rows, wanted.input.rows
            ));
        }
        if self.shard != wanted.shard {
            return Some(format!("was begun with {}, not with {}", shard(self), shard(wanted)));
        }
        None
    }
}

/// The time as it stands in the journal: UTC, with milliseconds.
pub(crate) fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

/// How far a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// It was about to be sent, and nothing is known after that.
    Sending,
    /// It succeeded.
    Done,
    /// It failed, and nothing took effect.
    Failed,
    /// It may or may not have taken effect.
    Unknown,
    /// Nothing was sent. No line says so; those of runs have states of their own.
    #[serde(other)]
    New,
}

/// What came of a row.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Outcome<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<&'a str>,
    /// The kind of a failure that has no code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) request_id: Option<&'a str>,
    /// By which support finds a request that has no ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) nonce: Option<&'a str>,
    pub(crate) attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) answer: Option<&'a Value>,
}

#[derive(Serialize)]
struct SendingLine<'a> {
    row: u64,
    line: u64,
    at: String,
    state: State,
    parameters: Parameters<'a>,
}

/// The parameters as an object, in their order.
struct Parameters<'a>(&'a [(&'static str, String)]);

impl Serialize for Parameters<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

#[derive(Serialize)]
struct OutcomeLine<'a> {
    row: u64,
    at: String,
    state: State,
    #[serde(flatten)]
    outcome: &'a Outcome<'a>,
}

#[derive(Serialize)]
struct RunLine {
    run: u64,
    at: String,
    state: &'static str,
    #[serde(flatten)]
    sums: Option<Sums>,
}

/// How many rows of the journal are in which state at the end of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Sums {
    pub(crate) done: u64,
    pub(crate) failed: u64,
    pub(crate) unknown: u64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) interrupted: bool,
}

/// What is read of a line. Other keys are ignored.
#[derive(Deserialize)]
struct ReadLine {
    row: Option<u64>,
    run: Option<u64>,
    state: Option<State>,
}

/// What a journal says so far.
pub(crate) struct Past {
    /// The state of every row of the input, the first one first.
    pub(crate) states: Vec<State>,
    /// How many runs there were.
    pub(crate) runs: u64,
    /// What was wrong with the last line.
    pub(crate) repaired: Option<&'static str>,
}

/// A journal that is open for this process alone.
pub(crate) struct Opened {
    file: File,
    path: PathBuf,
    pub(crate) past: Past,
}

/// The journal as it is, without opening it for writing; nothing is there if there is no such file.
pub(crate) fn look(path: &Path, wanted: &Header) -> Result<Past, Failure> {
    match File::open(path) {
        Ok(file) => Ok(read(&file, path, wanted)?.0),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(nothing(wanted)),
        Err(error) => Err(Failure::local(format!("the journal {} cannot be read: {error}", path.display()))),
    }
}

fn nothing(wanted: &Header) -> Past {
    let rows = usize::try_from(wanted.input.rows).unwrap_or(usize::MAX);
    Past { states: vec![State::New; rows], runs: 0, repaired: None }
}

impl Opened {
    /// Opens a journal to go on with, or begins one. A torn last line is taken away.
    pub(crate) fn open(path: &Path, wanted: &Header) -> Result<Self, Failure> {
        let told =
            |error: io::Error| Failure::local(format!("the journal {} cannot be written: {error}", path.display()));
        // A device or a pipe could be opened, and would keep nothing.
        if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
            return Err(Failure::usage(format!("the journal {} is not a file", path.display())));
        }
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(told)?;
        match FileExt::try_lock(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::local(format!(
                    "another process is at work with the journal {}; wait for it, or give this one a journal of its own \
                     (--shard divides the rows)",
                    path.display()
                )));
            }
            Err(TryLockError::Error(error)) => return Err(told(error)),
        }
        let (past, end) = read(&file, path, wanted)?;
        match end {
            End::Whole => {}
            End::Unfinished => file.write_all(b"\n").map_err(told)?,
            End::Torn { good } => file.set_len(good).map_err(told)?,
            End::Empty => {
                file.set_len(0).map_err(told)?;
                if let Err(error) = file.write_all(&line(wanted)) {
                    // Nothing of use is in it.
                    let _ = fs::remove_file(path);
                    return Err(told(error));
                }
                file.sync_data().map_err(told)?;
                sync_directory(path).map_err(told)?;
            }
        }
        Ok(Self { file, path: path.to_owned(), past })
    }

    /// Begins to write, in a thread of its own. For an action that is not idempotent, `at_once` says how many rows are sent at
    /// once: every line is synced, and so much room is kept that their outcomes can be written although the disk is full.
    pub(crate) fn begin(self, at_once: Option<usize>) -> Result<Journal, Failure> {
        let told = |error: io::Error| {
            Failure::local(format!("the journal {} cannot be written: {error}", self.path.display()))
        };
        let good = self.file.metadata().map_err(told)?.len();
        let careful = at_once.is_some();
        let ballast = at_once.map(|rows| Ballast::beside(&self.path, rows)).transpose().map_err(told)?;
        let (sender, jobs) = mpsc::channel();
        let writer = Writer { file: self.file, good, ballast, full: None, dead: false };
        let thread =
            thread::Builder::new().name("journal".to_owned()).spawn(move || writer.run(&jobs)).map_err(told)?;
        Ok(Journal { pen: Pen { sender, careful }, thread })
    }
}

/// How the file ends.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// There is not even a whole header.
    Empty,
    Whole,
    /// Nothing but the line break is missing.
    Unfinished,
    /// What follows that length is a part of a line.
    Torn {
        good: u64,
    },
}

fn read(mut file: &File, path: &Path, wanted: &Header) -> Result<(Past, End), Failure> {
    let told = |error: io::Error| Failure::local(format!("the journal {} cannot be read: {error}", path.display()));
    let refused = |why: &str| Failure::usage(format!("the journal {} {why}; nothing was sent", path.display()));
    file.seek(SeekFrom::Start(0)).map_err(told)?;
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let mut past = nothing(wanted);
    let mut text = Vec::new();
    reader.by_ref().take(1 << 20).read_until(b'\n', &mut text).map_err(told)?;
    if !text.ends_with(b"\n") {
        // Either the very first line is torn, or somebody gave a file that is something else.
        if text.starts_with(BEGINNING) || BEGINNING.starts_with(&text) {
            past.repaired = (!text.is_empty()).then_some("its first line was torn; it begins anew");
            return Ok((past, End::Empty));
        }
        return Err(refused("is not a journal; was it given in place of the input?"));
    }
    let header: Header = serde_json::from_slice(&text)
        .map_err(|_| refused("is not a journal: its first line is not the one of a journal"))?;
    if let Some(why) = header.mismatch(wanted) {
        return Err(refused(&why));
    }
    let mut number = 1_u64;
    let mut good = text.len() as u64;
    loop {
        text.clear();
        if reader.read_until(b'\n', &mut text).map_err(told)? == 0 {
            return Ok((past, End::Whole));
        }
        number += 1;
        let whole = text.ends_with(b"\n");
        match serde_json::from_slice::<ReadLine>(&text) {
            Ok(ReadLine { row: Some(row), state, .. }) => {
                let row = usize::try_from(row).ok().and_then(|row| row.checked_sub(1));
                let known = row.and_then(|row| past.states.get_mut(row));
                match (known, state) {
                    (Some(known), Some(state)) if state != State::New => *known = state,
                    _ => return Err(refused(&format!("cannot be understood: see its line {number}"))),
                }
            }
            Ok(ReadLine { run: Some(run), .. }) => past.runs = past.runs.max(run),
            // Lines of later versions.
            Ok(_) => {}
            Err(_) if !whole => {
                past.repaired = Some("its last line was torn; it was taken away");
                return Ok((past, End::Torn { good }));
            }
            Err(_) => return Err(refused(&format!("cannot be understood: its line {number} is no JSON of a journal"))),
        }
        if !whole {
            past.repaired = Some("its last line was not finished; the line break was added");
            return Ok((past, End::Unfinished));
        }
        good += text.len() as u64;
    }
}

/// Makes the entry of a new file in its directory durable.
fn sync_directory(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(directory(path))?.sync_all()?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn line(value: &impl Serialize) -> Vec<u8> {
    // Strings, numbers and maps with text for keys: there is always JSON for them.
    let mut bytes = serde_json::to_vec(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// A journal that is being written.
pub(crate) struct Journal {
    pen: Pen,
    thread: thread::JoinHandle<io::Result<()>>,
}

/// Tells whether a line is in the journal; if not, why.
pub(crate) type Written = oneshot::Receiver<Result<(), String>>;

/// Hands lines to the journal.
#[derive(Clone)]
pub(crate) struct Pen {
    /// `None` is the last that is written.
    sender: mpsc::Sender<Option<Job>>,
    careful: bool,
}

struct Job {
    bytes: Vec<u8>,
    /// The same outcome in few words, for when there is no room. Lines of rows that are not sent yet have none.
    short: Option<Vec<u8>>,
    is_outcome: bool,
    sync: bool,
    done: oneshot::Sender<Result<(), String>>,
}

impl Journal {
    pub(crate) fn pen(&self) -> Pen {
        self.pen.clone()
    }

    /// Writes what was handed over so far, and has it on the disk.
    pub(crate) fn close(self) -> io::Result<()> {
        drop(self.pen.sender.send(None));
        self.thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread that writes it has ended")))
    }
}

impl Pen {
    /// The row is about to be sent: wait until this is written.
    pub(crate) fn sending(&self, row: u64, line_number: u64, parameters: &[(&'static str, String)]) -> Written {
        let parameters = Parameters(parameters);
        let bytes = line(&SendingLine { row, line: line_number, at: now(), state: State::Sending, parameters });
        self.write(bytes, None, false, self.careful)
    }

    /// What came of the row. It is handed over at once, whether or not anybody waits for the writing.
    pub(crate) fn outcome(&self, row: u64, state: State, outcome: &Outcome<'_>) -> Written {
        let at = now();
        let short = self.careful.then(|| {
            let message = outcome.message.map(|message| message.chars().take(200).collect::<String>());
            let outcome = Outcome { answer: None, message: message.as_deref(), ..*outcome };
            line(&OutcomeLine { row, at: at.clone(), state, outcome: &outcome })
        });
        self.write(line(&OutcomeLine { row, at, state, outcome }), short, true, self.careful)
    }

    /// A run began.
    pub(crate) fn started(&self, run: u64) -> Written {
        self.write(line(&RunLine { run, at: now(), state: "started", sums: None }), None, false, self.careful)
    }

    /// A run ended.
    pub(crate) fn ended(&self, run: u64, sums: Sums) -> Written {
        self.write(line(&RunLine { run, at: now(), state: "ended", sums: Some(sums) }), None, true, self.careful)
    }

    fn write(&self, bytes: Vec<u8>, short: Option<Vec<u8>>, is_outcome: bool, sync: bool) -> Written {
        let (done, written) = oneshot::channel();
        // A writer that is gone drops the other end, and whoever waits is told.
        drop(self.sender.send(Some(Job { bytes, short, is_outcome, sync, done })));
        written
    }
}

/// What whoever waited is told if the writer is gone.
pub(crate) fn confirmed(written: Result<Result<(), String>, oneshot::error::RecvError>) -> Result<(), String> {
    written.unwrap_or_else(|_| Err("the thread that writes it has ended".to_owned()))
}

/// Room on the disk that is given up for outcomes when there is no other: what was sent can be recorded.
struct Ballast(File);

impl Ballast {
    /// More than an outcome in few words takes.
    const FOR_EACH_ROW: usize = 2 << 10;

    fn beside(path: &Path, rows: usize) -> io::Result<Self> {
        // Without a name, so that nothing is left over however the program ends.
        let mut file = tempfile::tempfile_in(directory(path))?;
        // Not zeros, which some file systems do not store.
        file.write_all(&vec![b'.'; Self::FOR_EACH_ROW.saturating_mul(rows)])?;
        file.sync_data()?;
        Ok(Self(file))
    }

    fn give_up(self) {
        // If it cannot be, writing fails again, and that is told.
        let _ = self.0.set_len(0);
    }
}

/// What a journal is written to.
trait Disk: Write + Send + 'static {
    /// Returns once all that was written is on the disk.
    fn sync(&self) -> io::Result<()>;

    /// Takes away what follows that length.
    fn cut(&self, length: u64) -> io::Result<()>;
}

impl Disk for File {
    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}

/// Writes lines in groups, with one sync for all that wait.
struct Writer<D> {
    file: D,
    /// The length up to which all lines are whole.
    good: u64,
    ballast: Option<Ballast>,
    /// Why nothing may be sent any more.
    full: Option<String>,
    /// Whether the file does not end with a whole line, and cannot be mended.
    dead: bool,
}

impl<D: Disk> Writer<D> {
    fn run(mut self, jobs: &mpsc::Receiver<Option<Job>>) -> io::Result<()> {
        let mut open = true;
        while open && let Ok(Some(first)) = jobs.recv() {
            let mut group = vec![first];
            for job in jobs.try_iter() {
                let Some(job) = job else {
                    open = false;
                    break;
                };
                group.push(job);
            }
            self.group(group);
        }
        self.file.sync()
    }

    fn group(&mut self, group: Vec<Job>) {
        let (mut outcomes, mut others): (Vec<Job>, Vec<Job>) = group.into_iter().partition(|job| job.is_outcome);
        if self.full.is_none() {
            let bytes: Vec<u8> = outcomes.iter().chain(&others).flat_map(|job| &job.bytes).copied().collect();
            let sync = outcomes.iter().chain(&others).any(|job| job.sync);
            match self.append(&bytes) {
                Ok(()) => {
                    let synced = if sync { self.file.sync() } else { Ok(()) };
                    let synced = synced.map_err(|error| error.to_string());
                    if let Err(error) = &synced {
                        self.full = Some(error.clone());
                    }
                    for job in outcomes.into_iter().chain(others) {
                        // Whoever left does not want to know.
                        let _ = job.done.send(synced.clone());
                    }
                    return;
                }
                Err(error) => self.full = Some(error.to_string()),
            }
        }
        for job in others.drain(..) {
            let _ = job.done.send(Err(self.full.clone().unwrap_or_default()));
        }
        for job in outcomes.drain(..) {
            let written = self.append_somehow(&job).and_then(|()| self.file.sync());
            let _ = job.done.send(written.map_err(|error| error.to_string()));
        }
    }

    /// Writes the outcome of a row that was sent, on a disk that is full.
    fn append_somehow(&mut self, job: &Job) -> io::Result<()> {
        let written = self.append(&job.bytes);
        let Some(short) = &job.short else { return written };
        if written.is_ok() {
            return written;
        }
        if let Some(ballast) = self.ballast.take() {
            ballast.give_up();
        }
        self.append(&job.bytes).or_else(|_| self.append(short))
    }

    /// Writes all or nothing.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.dead {
            return Err(io::Error::other("it does not end with a whole line, and cannot be mended"));
        }
        match self.file.write_all(bytes) {
            Ok(()) => {
                self.good += bytes.len() as u64;
                Ok(())
            }
            Err(error) => {
                self.dead = self.file.cut(self.good).is_err();
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    /// A disk that remembers, has so much room, and looks at everybody who waits when it is synced.
    #[derive(Clone, Default)]
    struct Remembers(Arc<Mutex<Memory>>);

    #[derive(Default)]
    struct Memory {
        bytes: Vec<u8>,
        room: usize,
        syncs: u32,
        sync_fails: bool,
        waiting: Vec<Written>,
        confirmed_too_early: bool,
    }

    impl Remembers {
        fn with_room(room: usize) -> Self {
            let memory = Memory { room, ..Memory::default() };
            Self(Arc::new(Mutex::new(memory)))
        }

        fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
            self.0.lock().unwrap()
        }

        fn text(&self) -> String {
            String::from_utf8(self.memory().bytes.clone()).unwrap()
        }
    }

    impl Write for Remembers {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut memory = self.memory();
            let fits = bytes.len().min(memory.room - memory.bytes.len());
            memory.bytes.extend(&bytes[..fits]);
            // As a real one: what fits is written, and the rest is an error.
            if fits == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(fits) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Disk for Remembers {
        fn sync(&self) -> io::Result<()> {
            let mut memory = self.memory();
            memory.syncs += 1;
            let early = memory.waiting.iter_mut().any(|written| written.try_recv().is_ok());
            memory.confirmed_too_early |= early;
            if memory.sync_fails { Err(io::Error::other("broken")) } else { Ok(()) }
        }

        fn cut(&self, length: u64) -> io::Result<()> {
            self.memory().bytes.truncate(usize::try_from(length).unwrap());
            Ok(())
        }
    }

    fn writer(disk: &Remembers) -> Writer<Remembers> {
        Writer { file: disk.clone(), good: 0, ballast: None, full: None, dead: false }
    }

    fn job(text: &str, short: Option<&str>, is_outcome: bool) -> (Job, Written) {
        let (done, written) = oneshot::channel();
        let short = short.map(|text| format!("{text}\n").into_bytes());
        (Job { bytes: format!("{text}\n").into_bytes(), short, is_outcome, sync: true, done }, written)
    }

    fn sending(text: &str) -> (Job, Written) {
        job(text, None, false)
    }

    fn told(mut written: Written) -> Result<(), String> {
        written.try_recv().expect("whoever waits is told")
    }

    #[test]
    fn nobody_is_told_before_the_line_is_on_the_disk_and_all_that_wait_share_one_sync() {
        let disk = Remembers::with_room(1000);
        let (jobs, waiting): (Vec<Job>, Vec<Written>) = (0..10).map(|row| sending(&row.to_string())).unzip();
        disk.memory().waiting = waiting;
        writer(&disk).group(jobs);
        let memory = std::mem::take(&mut *disk.memory());
        assert_eq!((memory.syncs, memory.confirmed_too_early), (1, false));
        let waiting = memory.waiting;
        assert!(waiting.into_iter().all(|written| told(written).is_ok()));
        assert_eq!(memory.bytes, (0..10).fold(String::new(), |text, row| text + &format!("{row}\n")).into_bytes());
    }

    #[test]
    fn what_is_not_synced_is_not_confirmed_and_nothing_is_sent_after_it() {
        let disk = Remembers::with_room(1000);
        disk.memory().sync_fails = true;
        let mut writer = writer(&disk);
        let (first, written) = sending("1");
        writer.group(vec![first]);
        assert_eq!(told(written), Err("broken".to_owned()));
        disk.memory().sync_fails = false;
        let (second, written) = sending("2");
        writer.group(vec![second]);
        assert_eq!(told(written), Err("broken".to_owned()));
        assert_eq!(disk.text(), "1\n");
    }

    #[test]
    fn on_a_full_disk_no_line_is_left_torn_rows_are_refused_and_outcomes_come_in_few_words() {
        let disk = Remembers::with_room(20);
        let mut writer = writer(&disk);
        let (outcome, recorded) = job("the whole answer", Some("answer"), true);
        let (row, refused) = sending("row 2");
        writer.group(vec![outcome, row]);
        // There is room for one of the two.
        assert_eq!(told(recorded), Ok(()));
        assert!(told(refused).is_err());
        assert_eq!(disk.text(), "the whole answer\n");
        disk.memory().room = 30;
        let (outcome, recorded) = job("another whole answer", Some("answer"), true);
        let (row, refused) = sending("3");
        writer.group(vec![row, outcome]);
        assert_eq!(told(recorded), Ok(()));
        assert!(told(refused).is_err(), "what was full once stays so for this run");
        assert_eq!(disk.text(), "the whole answer\nanswer\n");
    }
}
