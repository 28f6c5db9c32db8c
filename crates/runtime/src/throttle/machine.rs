//! A quota that the processes of one machine share: a [`Window`] in a small file, under an advisory lock.
//!
//! The rule is the one of a single process. A process that wants a slot locks the file, reads the window, takes a slot and writes it back; the
//! lock is held for some ten microseconds. A request counts as sent when its slot is taken, so a process that is killed leaves
//! nothing to clean up: its slot is free after the allowance for a request that is not answered.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use sha2::{Digest, Sha256};

use super::limit::RateLimit;
use super::local::Local;
use super::permit::{QuotaSource, Report};
use super::queue::{Ledger, Queue, apply, follow};
use super::store::{Quota, QuotaKey, QuotaStore};
use super::window::{Flow, Slot, Turn, Window};
use crate::sign::hex::hex;

/// How long a report tries to get the lock. What was not written is written with the next slot, or counts as not answered.
const TRIES: u32 = 50;
const BETWEEN_TRIES: Duration = Duration::from_micros(100);
/// The longest time after which a waiting call looks at the file again: another process may have been answered.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// The longest time for which a lock may be held. The process that holds it has stopped, so the file is replaced.
const LOCKED: Duration = Duration::from_secs(1);
/// Files that were not used for so long are removed.
const KEPT: Duration = Duration::from_secs(2 * 24 * 3600);

/// Quotas that all processes of a user on this machine share, without a server.
///
/// The state of each quota is a small file in the user's state folder (`$XDG_STATE_HOME/alibabacloud/quotas`, or the platform's
/// equivalent), readable for the owner alone. Its name is a hash of account, product and action; neither name nor file holds a key
/// or a parameter of a request.
///
/// ```no_run
/// use alibabacloud_runtime::Throttle;
/// use alibabacloud_runtime::throttle::MachineQuotas;
///
/// let throttle = Throttle::new().with_store(MachineQuotas::new());
/// ```
///
/// # When things go wrong
/// | what | then |
/// |---|---|
/// | a process is killed, at any instant | a request that it may have sent counts for a second longer than an answered one |
/// | a process stops while it holds the lock | the file is replaced after a second, and the limit counts as used for one window |
/// | the file is damaged, or not of this program | likewise, at once |
/// | the clock is set back by more than a second | likewise |
/// | the folder cannot be written | each process has a quota of its own ([`QuotaSource::LocalShare`]), reported once as [`QuotaEvent::FallbackEntered`](super::QuotaEvent::FallbackEntered) |
///
/// Containers share quotas only if they share the folder. Over a network file system the lock may not work: use
/// `RedisQuotas` (feature `redis`) for several machines.
#[derive(Debug, Clone)]
pub struct MachineQuotas {
    /// `None` if there is no folder for it.
    folder: Option<PathBuf>,
}

impl MachineQuotas {
    /// Quotas in the user's state folder.
    #[allow(clippy::new_without_default, reason = "where the files lie is a choice")]
    pub fn new() -> Self {
        Self { folder: state_folder().map(|folder| folder.join("alibabacloud").join("quotas")) }
    }

    /// Quotas in a folder of your own. It is created if needed; all processes that share the quotas name the same one.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self { folder: Some(folder.into()) }
    }
}

impl QuotaStore for MachineQuotas {
    fn open(&self, key: &QuotaKey, limit: Option<RateLimit>) -> Arc<dyn Quota> {
        let parts = [&key.account, &key.product, &key.action, key.region.as_ref().unwrap_or(&key.account)];
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        }
        let name = format!("{}.quota", hex::<32>(&hash.finalize()[..16]).as_str());
        let path = self.folder.as_ref().and_then(|folder| {
            create(folder).ok()?;
            remove_unused(folder);
            Some(folder.join(name))
        });
        Arc::new(Queue::new(Machine {
            path: path.unwrap_or_default(),
            broken: AtomicBool::new(false),
            local: Local::new(Window::new(limit), QuotaSource::LocalShare),
            known: Mutex::new(Known {
                window: Window::new(limit),
                limit,
                flow: Flow::default(),
                unwritten: Vec::new(),
                locked_since: None,
            }),
        }))
    }
}

/// A window in a file.
#[derive(Debug)]
struct Machine {
    /// Empty if there is none.
    path: PathBuf,
    /// Whether the file cannot be used.
    broken: AtomicBool,
    /// What holds then.
    local: Local,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    /// The window as it was read last.
    window: Window,
    limit: Option<RateLimit>,
    /// Of the requests of this process.
    flow: Flow,
    unwritten: Vec<(Slot, Report, Duration)>,
    locked_since: Option<Instant>,
}

impl Machine {
    /// Changes the window in the file; [`WouldBlock`](io::ErrorKind::WouldBlock) while another process holds the lock.
    fn change<T>(&self, change: impl FnOnce(&mut Window, Duration) -> T) -> io::Result<T> {
        let mut known = self.known();
        let mut file = match self.lock() {
            Err(error) if is_locked(&error) => {
                let since = *known.locked_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= LOCKED {
                    known.locked_since = None;
                    replace(&self.path)?;
                }
                return Err(error);
            }
            outcome => outcome?,
        };
        known.locked_since = None;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let now = now();
        let mut window = if bytes.is_empty() { Window::new(known.limit) } else { read(&bytes, known.limit, now) };
        for (slot, report, when) in known.unwritten.drain(..) {
            apply(&mut window, slot, when, report);
        }
        let changed = change(&mut window, now);
        file.rewind()?;
        file.write_all(&write(&mut window))?;
        // Closing the file gives the lock back.
        known.window = window;
        Ok(changed)
    }

    fn lock(&self) -> io::Result<File> {
        loop {
            let file = open(&self.path)?;
            file.try_lock()?;
            // It may have been replaced in between.
            if is_at(&file, &self.path) {
                return Ok(file);
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // A panic elsewhere cannot leave it half changed.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_broken(&self) -> bool {
        self.broken.load(Relaxed)
    }
}

impl Ledger for Machine {
    fn source(&self) -> QuotaSource {
        if self.is_broken() { QuotaSource::LocalShare } else { QuotaSource::Shared }
    }

    fn take_at_once(&self) -> Option<Slot> {
        self.take().ok()
    }

    fn take(&self) -> Result<Slot, Option<Duration>> {
        if self.is_broken() {
            return self.local.take();
        }
        {
            let known = self.known();
            if known.flow.stands_still(now()).is_some() {
                // Requests that the network holds up may all arrive together.
                return Err(Some(LOOK_AGAIN));
            }
        }
        let taken = self.change(|window, now| match window.take(now) {
            Turn::Now(slot) => {
                // It counts from here on, whatever becomes of this process.
                window.sent(slot, now);
                Ok(slot)
            }
            Turn::At(time) => Err(time.saturating_sub(now).min(LOOK_AGAIN)),
            Turn::Unknown => Err(LOOK_AGAIN),
        });
        // Not all at the same time.
        let soon = || Duration::from_micros(fastrand::u64(0..2_000));
        match taken {
            Ok(Ok(slot)) => Ok(slot),
            Ok(Err(wait)) => Err(Some(wait + soon())),
            Err(error) if is_locked(&error) => Err(Some(Duration::from_millis(1) + soon())),
            Err(_) => {
                self.broken.store(true, Relaxed);
                self.local.take()
            }
        }
    }

    fn report(&self, slot: Slot, report: Report) {
        if self.is_broken() {
            return self.local.report(slot, report);
        }
        let now = now();
        {
            let mut known = self.known();
            follow(&mut known.flow, report, now);
            if matches!(report, Report::Sent | Report::Unanswered) {
                return;
            }
            known.unwritten.push((slot, report, now));
        }
        for _ in 0..TRIES {
            match self.change(|_, _| ()) {
                Err(error) if is_locked(&error) => {}
                _ => return,
            }
            std::thread::sleep(BETWEEN_TRIES);
        }
    }

    fn read<T>(&self, read: impl FnOnce(&mut Window, Duration) -> T) -> T {
        if self.is_broken() { self.local.read(read) } else { read(&mut self.known().window, now()) }
    }

    fn lower(&self, limit: RateLimit) {
        self.local.lower(limit);
        self.known().limit = Some(limit);
    }
}

/// All processes have the same clock.
fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

const MAGIC: &[u8; 8] = b"aliquot2";

/// The file of a window: what it is, a checksum, and the window.
fn write(window: &mut Window) -> Vec<u8> {
    let mut bytes = Vec::new();
    window.words(&mut |word: &mut u64| bytes.extend(word.to_le_bytes()));
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let digest = Sha256::digest(&bytes);
    [MAGIC.as_slice(), &length.to_le_bytes(), &digest[..8], &bytes].concat()
}

/// The window of a file. If it makes no sense, as much as the limit may have been used just now.
fn read(bytes: &[u8], limit: Option<RateLimit>, now: Duration) -> Window {
    let read = || {
        let rest = bytes.strip_prefix(MAGIC)?;
        let (length, rest) = rest.split_first_chunk()?;
        let (digest, rest) = rest.split_first_chunk::<8>()?;
        // What was longer before is not cut off.
        let rest = rest.get(..usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
        if Sha256::digest(rest)[..8] != digest[..] {
            return None;
        }
        let mut words = rest.as_chunks().0.iter();
        let mut window = Window::new(limit);
        window.words(&mut |word: &mut u64| *word = words.next().map_or(0, |bytes| u64::from_le_bytes(*bytes)));
        (!window.is_of_the_future(now)).then_some(window)
    };
    read().unwrap_or_else(|| Window::used_up(limit, now))
}

fn is_locked(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

/// Puts a new file in the place of one that stays locked.
fn replace(path: &Path) -> io::Result<()> {
    let new = path.with_extension(format!("{}.new", std::process::id()));
    // Not readable as a window, so as much as the limit may have been used just now.
    open(&new)?.write_all(b"replaced")?;
    fs::rename(&new, path)
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = file.metadata()?.permissions().mode();
        if mode & 0o077 != 0 {
            file.set_permissions(fs::Permissions::from_mode(0o600))?;
        }
    }
    Ok(file)
}

fn create(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), fs::metadata(path)) {
        (Ok(file), Ok(path)) => identity(file) == identity(path),
        _ => false,
    }
}

/// An open file cannot be replaced.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

/// Removes the files of quotas that were not used for long: temporary credentials may leave many.
fn remove_unused(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_ours = entry.path().extension().is_some_and(|extension| extension == "quota" || extension == "new");
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        if is_ours && modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > KEPT)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The folder for what a user's programs keep.
fn state_folder() -> Option<PathBuf> {
    let from = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if let Some(folder) = from("XDG_STATE_HOME") {
        return Some(folder);
    }
    if cfg!(windows) {
        return from("LOCALAPPDATA");
    }
    let home = from("HOME")?;
    Some(if cfg!(target_os = "macos") { home.join("Library/Application Support") } else { home.join(".local/state") })
}
