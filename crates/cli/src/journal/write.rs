//! Writes a journal: locked for one process, repaired, and appended to by a separate thread.
//!
//! A confirmed line is in the file, so it survives the end of the process. For an action that is not idempotent, every
//! line is also synced before it is confirmed (`fdatasync`, and `fsync` of the directory once), so it survives a loss
//! of power as far as the disk guarantees it. All lines that wait at the same time share one sync. A line that was
//! being written when the process ended is torn: it was not confirmed, so its request was not sent, and the next run
//! removes it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use tokio::sync::oneshot;

use super::read::{End, Problem, read};
use super::{Header, InputFacts, State, now};
use crate::exit::Failure;

/// The outcome of a row.
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
    /// Identifies a request that has no request ID.
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
    parameters: Members<'a, &'static str>,
    #[serde(skip_serializing_if = "Members::is_empty")]
    labels: Members<'a, Arc<str>>,
}

/// Names and values as an object, in their order.
struct Members<'a, N>(&'a [(N, String)]);

impl<N> Members<'_, N> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<N: AsRef<str>> Serialize for Members<'_, N> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name.as_ref(), value)))
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

/// Records that rows were appended to the input.
#[derive(Serialize)]
struct InputLine<'a> {
    at: String,
    input: &'a InputFacts,
}

/// The content of an existing journal.
#[derive(Debug, Default)]
pub(crate) struct Past {
    /// `None` if there is no journal yet. Its facts about the input are the latest ones.
    pub(crate) header: Option<Header>,
    /// The last state of each row, from the first row on; rows past the end have no state.
    states: Vec<State>,
    /// The number of runs.
    pub(crate) runs: u64,
}

impl Past {
    /// The last state of a row, counted from 0.
    pub(crate) fn state(&self, index: usize) -> State {
        self.states.get(index).copied().unwrap_or(State::NotSent)
    }

    /// Takes the last states of this many rows.
    pub(crate) fn take_states(&mut self, rows: usize) -> Vec<State> {
        let mut states = std::mem::take(&mut self.states);
        states.resize(rows, State::NotSent);
        states
    }

    /// The number of rows of the input at the last run.
    pub(crate) fn rows(&self) -> u64 {
        self.header.as_ref().map_or(0, |header| header.input.rows)
    }

    /// Refuses an input that does not belong to the journal; `prefix` is the digest of its first [`rows`](Self::rows).
    pub(crate) fn check(&self, path: &Path, wanted: &Header, prefix: Option<&str>) -> Result<(), Failure> {
        match self.header.as_ref().and_then(|header| header.mismatch(wanted, prefix)) {
            Some(why) => Err(refused(path, &why)),
            None => Ok(()),
        }
    }
}

fn refused(path: &Path, why: &str) -> Failure {
    Failure::usage(format!("the journal {} {why}; nothing was sent", path.display()))
}

/// A journal that is locked for this process.
pub(crate) struct Opened {
    file: File,
    path: PathBuf,
    pub(crate) past: Past,
    end: End,
}

/// Reads a journal without opening it for writing. `most` is the maximum row number.
pub(crate) fn look(path: &Path, most: u64) -> Result<Past, Failure> {
    match File::open(path) {
        Ok(file) => Ok(past(&file, path, most)?.0),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Past::default()),
        Err(error) => Err(Failure::local(format!("the journal {} cannot be read: {error}", path.display()))),
    }
}

impl Opened {
    /// Opens and locks an existing journal. Its content is unchanged until [`prepare`](Self::prepare).
    pub(crate) fn existing(path: &Path, most: u64) -> Result<Option<Self>, Failure> {
        // A device or a pipe could be opened, but stores nothing.
        match fs::metadata(path) {
            Ok(metadata) if !metadata.is_file() => {
                return Err(Failure::usage(format!("the journal {} is not a file", path.display())));
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(cannot_be_written(path, &error)),
        }
        let file = OpenOptions::new().read(true).append(true).open(path);
        Self::locked(file.map_err(|error| cannot_be_written(path, &error))?, path, most).map(Some)
    }

    /// Creates a journal.
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|error| cannot_be_written(path, &error))?;
        Self::locked(file, path, 0)
    }

    fn locked(file: File, path: &Path, most: u64) -> Result<Self, Failure> {
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::local(format!(
                    "another process uses the journal {}; wait until it ends, or use another journal (--shard divides the rows)",
                    path.display()
                )));
            }
            Err(TryLockError::Error(error)) => return Err(cannot_be_written(path, &error)),
        }
        let (past, end) = past(&file, path, most)?;
        Ok(Self { file, path: path.to_owned(), past, end })
    }

    /// Repairs the last line, writes the header or the new facts about the input, and restricts the permissions to the
    /// owner. Notes for the user are passed to `note`.
    pub(crate) fn prepare(&mut self, header: &Header, mut note: impl FnMut(&str)) -> Result<(), Failure> {
        let error = |error: io::Error| cannot_be_written(&self.path, &error);
        #[cfg(unix)]
        if make_private(&self.file).map_err(|error| {
            refused(&self.path, &format!(
                "is readable by others, and its permissions cannot be changed ({error}); run `chmod 600 {}` as its owner",
                self.path.display()
            ))
        })? {
            note("it was readable by others; its permissions are now 600");
        }
        match self.end {
            End::Whole => {}
            End::Unfinished => {
                self.file.write_all(b"\n").map_err(error)?;
                note("its last line had no line break, which was added");
            }
            End::Torn { good } => {
                self.file.set_len(good).map_err(error)?;
                note("its last line was incomplete and was removed");
            }
        }
        match &self.past.header {
            Some(known) if known.input == header.input => {}
            Some(known) => {
                let more = header.input.rows - known.input.rows;
                let more = crate::figures::counted(more, "row was", "rows were");
                self.file.write_all(&line(&InputLine { at: now(), input: &header.input })).map_err(error)?;
                if header.input.rows > known.input.rows {
                    note(&format!("{more} appended to its input"));
                }
            }
            None => {
                if self.file.metadata().map_err(error)?.len() > 0 {
                    note("its first line was incomplete and was written again");
                }
                self.file.set_len(0).map_err(error)?;
                if let Err(error) = self.file.write_all(&line(header)) {
                    // It holds nothing of use.
                    let _ = fs::remove_file(&self.path);
                    return Err(cannot_be_written(&self.path, &error));
                }
                self.file.sync_data().map_err(error)?;
                sync_directory(&self.path).map_err(error)?;
            }
        }
        Ok(())
    }

    /// Starts the thread that writes. For an action that is not idempotent, `at_once` is the number of rows in flight:
    /// every line is synced, and disk space is reserved so that their outcomes can be written even if the disk is full.
    pub(crate) fn begin(self, at_once: Option<usize>) -> Result<Journal, Failure> {
        let error = |error: io::Error| cannot_be_written(&self.path, &error);
        let good = self.file.metadata().map_err(error)?.len();
        let careful = at_once.is_some();
        let ballast = at_once.map(|rows| Ballast::beside(&self.path, rows)).transpose().map_err(error)?;
        let (sender, jobs) = mpsc::channel();
        let writer = Writer { file: self.file, buffer: Vec::new(), good, ballast, full: None, dead: false };
        let thread = thread::Builder::new().name("journal".to_owned()).spawn(move || writer.run(&jobs));
        let thread = thread.map_err(|error| cannot_be_written(&self.path, &error))?;
        Ok(Journal { pen: Pen { sender, careful }, thread })
    }
}

fn cannot_be_written(path: &Path, error: &io::Error) -> Failure {
    Failure::local(format!("the journal {} cannot be written: {error}", path.display()))
}

/// Removes the permissions of others, because the journal contains phone numbers. Returns whether there were any.
#[cfg(unix)]
fn make_private(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    let mut permissions = file.metadata()?.permissions();
    let others = permissions.mode() & 0o077;
    if others == 0 {
        return Ok(false);
    }
    permissions.set_mode(permissions.mode() & 0o700);
    file.set_permissions(permissions)?;
    Ok(true)
}

fn past(mut file: &File, path: &Path, most: u64) -> Result<(Past, End), Failure> {
    let error = |error: io::Error| Failure::local(format!("the journal {} cannot be read: {error}", path.display()));
    file.seek(SeekFrom::Start(0)).map_err(error)?;
    let mut past = Past::default();
    let known = read(BufReader::with_capacity(1 << 16, file), |header, entry| {
        past.runs = past.runs.max(entry.run.unwrap_or(0));
        let (Some(row), Some(state)) = (entry.row, entry.state) else { return Ok(()) };
        if matches!(state, State::Started | State::Ended | State::Other) {
            return Ok(());
        }
        if row == 0 || row > header.input.rows.min(most) {
            return Err(format!("the input has no row {row}"));
        }
        let index = usize::try_from(row - 1).unwrap_or(usize::MAX);
        if past.states.len() <= index {
            past.states.resize(index + 1, State::NotSent);
        }
        past.states[index] = state;
        Ok(())
    });
    match known {
        Ok((header, end)) => {
            past.header = Some(header);
            Ok((past, end))
        }
        Err(Problem::Empty) => Ok((Past::default(), End::Whole)),
        Err(Problem::Io(problem)) => Err(error(problem)),
        Err(problem) => Err(refused(path, &problem.to_string())),
    }
}

/// Syncs the entry of a new file in its directory.
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
    // Most lines fit, with the response.
    let mut bytes = Vec::with_capacity(1 << 10);
    // Strings, numbers and maps with string keys always have a JSON form.
    let _ = serde_json::to_writer(&mut bytes, value);
    bytes.push(b'\n');
    bytes
}

/// A journal that is being written.
pub(crate) struct Journal {
    pen: Pen,
    thread: thread::JoinHandle<io::Result<()>>,
}

/// Resolves once a line is in the journal, or with the reason why it is not.
pub(crate) type Written = oneshot::Receiver<Result<(), String>>;

/// Passes lines to the thread that writes the journal.
#[derive(Clone)]
pub(crate) struct Pen {
    /// `None` ends the thread.
    sender: mpsc::Sender<Option<Job>>,
    careful: bool,
}

struct Job {
    bytes: Vec<u8>,
    /// The same outcome, shortened for a full disk. `None` for lines of rows that are not sent yet.
    short: Option<Vec<u8>>,
    is_outcome: bool,
    sync: bool,
    done: oneshot::Sender<Result<(), String>>,
}

impl Journal {
    pub(crate) fn pen(&self) -> Pen {
        self.pen.clone()
    }

    /// Writes all queued lines, and syncs them.
    pub(crate) fn close(self) -> io::Result<()> {
        drop(self.pen.sender.send(None));
        self.thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread that writes it has ended")))
    }
}

impl Pen {
    /// Whether every line is synced before it is confirmed, because the action is not idempotent.
    pub(crate) fn is_careful(&self) -> bool {
        self.careful
    }

    /// Records that the request is about to be sent. If the action is not idempotent, it must not be sent before the
    /// line is written.
    pub(crate) fn sending(
        &self,
        row: u64,
        line_number: u64,
        parameters: &[(&'static str, String)],
        labels: &[(Arc<str>, String)],
    ) -> Written {
        let (parameters, labels) = (Members(parameters), Members(labels));
        let bytes = line(&SendingLine { row, line: line_number, at: now(), state: State::Sending, parameters, labels });
        self.write(bytes, None, false, self.careful)
    }

    /// Records the outcome of the row. The line is queued at once, even if the returned future is dropped.
    pub(crate) fn outcome(&self, row: u64, state: State, outcome: &Outcome<'_>) -> Written {
        let at = now();
        let short = self.careful.then(|| {
            let message = outcome.message.map(|message| message.chars().take(200).collect::<String>());
            let outcome = Outcome { answer: None, message: message.as_deref(), ..*outcome };
            line(&OutcomeLine { row, at: at.clone(), state, outcome: &outcome })
        });
        self.write(line(&OutcomeLine { row, at, state, outcome }), short, true, self.careful)
    }

    /// Records the start of a run.
    pub(crate) fn started(&self, run: u64) -> Written {
        self.write(line(&RunLine { run, at: now(), state: "started", sums: None }), None, false, self.careful)
    }

    /// Records the end of a run.
    pub(crate) fn ended(&self, run: u64, sums: Sums) -> Written {
        self.write(line(&RunLine { run, at: now(), state: "ended", sums: Some(sums) }), None, true, self.careful)
    }

    fn write(&self, bytes: Vec<u8>, short: Option<Vec<u8>>, is_outcome: bool, sync: bool) -> Written {
        let (done, written) = oneshot::channel();
        // If the writer has ended, the receiver resolves with an error.
        drop(self.sender.send(Some(Job { bytes, short, is_outcome, sync, done })));
        written
    }
}

/// The result of a write; an error if the writer has ended.
pub(crate) fn confirmed(written: Result<Result<(), String>, oneshot::error::RecvError>) -> Result<(), String> {
    written.unwrap_or_else(|_| Err("the thread that writes it has ended".to_owned()))
}

/// Disk space reserved for the outcomes of rows in flight, released when the disk is full.
struct Ballast(File);

impl Ballast {
    /// More than a shortened outcome needs, in bytes.
    const FOR_EACH_ROW: usize = 2 << 10;

    fn beside(path: &Path, rows: usize) -> io::Result<Self> {
        // An unnamed file, which the system removes however the program ends.
        let mut file = tempfile::tempfile_in(directory(path))?;
        // Not zeros, which some file systems do not store.
        file.write_all(&vec![b'.'; Self::FOR_EACH_ROW.saturating_mul(rows)])?;
        file.sync_data()?;
        Ok(Self(file))
    }

    fn give_up(self) {
        // If this fails, the next write fails too and reports it.
        let _ = self.0.set_len(0);
    }
}

/// The file that a journal is written to.
trait Disk: Write + Send + 'static {
    /// Returns once everything written so far is on the disk.
    fn sync(&self) -> io::Result<()>;

    /// Truncates the file to this length.
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

/// For how long lines that need no sync are gathered: one write for many is cheaper, and so is one wake-up of those
/// that wait.
const GATHER: Duration = Duration::from_millis(1);

/// Writes lines in groups, with one sync per group.
struct Writer<D> {
    file: D,
    /// The lines of the current group.
    buffer: Vec<u8>,
    /// The length up to which all lines are complete.
    good: u64,
    ballast: Option<Ballast>,
    /// The reason why no more rows may be sent.
    full: Option<String>,
    /// Whether the file ends with a torn line that cannot be removed.
    dead: bool,
}

impl<D: Disk> Writer<D> {
    fn run(mut self, jobs: &mpsc::Receiver<Option<Job>>) -> io::Result<()> {
        let mut open = true;
        let mut group = Vec::new();
        while open && let Ok(Some(first)) = jobs.recv() {
            if !first.sync {
                thread::sleep(GATHER);
            }
            group.push(first);
            for job in jobs.try_iter() {
                let Some(job) = job else {
                    open = false;
                    break;
                };
                group.push(job);
            }
            self.group(&mut group);
        }
        self.file.sync()
    }

    /// Writes the group, and leaves it empty.
    fn group(&mut self, group: &mut Vec<Job>) {
        if self.full.is_none() {
            // In their order, because the last line of a row counts.
            let mut bytes = std::mem::take(&mut self.buffer);
            bytes.clear();
            for job in &*group {
                bytes.extend_from_slice(&job.bytes);
            }
            let sync = group.iter().any(|job| job.sync);
            let appended = self.append(&bytes);
            self.buffer = bytes;
            match appended {
                Ok(()) => {
                    let synced = if sync { self.file.sync() } else { Ok(()) };
                    let synced = synced.map_err(|error| error.to_string());
                    if let Err(error) = &synced {
                        self.full = Some(error.clone());
                    }
                    for job in group.drain(..) {
                        // The result is ignored if the receiver was dropped.
                        let _ = job.done.send(synced.clone());
                    }
                    return;
                }
                Err(error) => self.full = Some(error.to_string()),
            }
        }
        let (outcomes, others): (Vec<Job>, Vec<Job>) = group.drain(..).partition(|job| job.is_outcome);
        for job in others {
            let _ = job.done.send(Err(self.full.clone().unwrap_or_default()));
        }
        for job in outcomes {
            let written = self.append_somehow(&job).and_then(|()| self.file.sync());
            let _ = job.done.send(written.map_err(|error| error.to_string()));
        }
    }

    /// Writes the outcome of a row that was sent, on a full disk.
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

    /// Writes all bytes or none.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.dead {
            return Err(io::Error::other("it ends with an incomplete line that cannot be removed"));
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

    /// A disk in memory with limited room. On a sync it checks that no write was confirmed too early.
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
            // Like a real disk: what fits is written, and the rest is an error.
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
        Writer { file: disk.clone(), buffer: Vec::new(), good: 0, ballast: None, full: None, dead: false }
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
        written.try_recv().expect("the write is confirmed or refused")
    }

    #[test]
    fn a_line_is_confirmed_once_it_is_on_the_disk_and_a_group_shares_one_sync() {
        let disk = Remembers::with_room(1000);
        let (mut jobs, waiting): (Vec<Job>, Vec<Written>) = (0..10).map(|row| sending(&row.to_string())).unzip();
        disk.memory().waiting = waiting;
        writer(&disk).group(&mut jobs);
        let memory = std::mem::take(&mut *disk.memory());
        assert_eq!((memory.syncs, memory.confirmed_too_early), (1, false));
        let waiting = memory.waiting;
        assert!(waiting.into_iter().all(|written| told(written).is_ok()));
        assert_eq!(memory.bytes, (0..10).fold(String::new(), |text, row| text + &format!("{row}\n")).into_bytes());
    }

    #[test]
    fn lines_of_one_group_keep_their_order() {
        let disk = Remembers::with_room(1000);
        let (row, _) = sending("row 1");
        let (outcome, _) = job("done 1", None, true);
        writer(&disk).group(&mut vec![row, outcome]);
        assert_eq!(disk.text(), "row 1\ndone 1\n");
    }

    #[test]
    fn a_failed_sync_confirms_nothing_and_stops_sending() {
        let disk = Remembers::with_room(1000);
        disk.memory().sync_fails = true;
        let mut writer = writer(&disk);
        let (first, written) = sending("1");
        writer.group(&mut vec![first]);
        assert_eq!(told(written), Err("broken".to_owned()));
        disk.memory().sync_fails = false;
        let (second, written) = sending("2");
        writer.group(&mut vec![second]);
        assert_eq!(told(written), Err("broken".to_owned()));
        assert_eq!(disk.text(), "1\n");
    }

    #[test]
    fn on_a_full_disk_lines_stay_whole_rows_are_refused_and_outcomes_are_shortened() {
        let disk = Remembers::with_room(20);
        let mut writer = writer(&disk);
        let (outcome, recorded) = job("the whole outcome", Some("outcome"), true);
        let (row, refused) = sending("row 2");
        writer.group(&mut vec![outcome, row]);
        // Only one of the two fits.
        assert_eq!(told(recorded), Ok(()));
        assert!(told(refused).is_err());
        assert_eq!(disk.text(), "the whole outcome\n");
        disk.memory().room = 30;
        let (outcome, recorded) = job("another whole outcome", Some("outcome"), true);
        let (row, refused) = sending("3");
        writer.group(&mut vec![row, outcome]);
        assert_eq!(told(recorded), Ok(()));
        assert!(told(refused).is_err(), "a disk that was full once stays full for this run");
        assert_eq!(disk.text(), "the whole outcome\noutcome\n");
    }
}
