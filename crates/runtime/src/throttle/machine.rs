//! A quota that the processes of one machine share: a [`Window`] in a small file, under an advisory lock.
//!
//! The rule is that of a single process. To take a slot, a process locks the file, reads the window, takes the slot and
//! writes the window back; it holds the lock for some ten microseconds. A request counts as sent when its slot is
//! taken, so a killed process leaves nothing to clean up: its slot is free after the allowance for a request without a
//! response.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use sha2::{Digest, Sha256};

use super::limit::RateLimit;
use super::local::Local;
use super::permit::{QuotaSource, Report, Slot};
use super::queue::{Ledger, Queue};
use super::store::{Quota, QuotaKey, QuotaStore};
use super::window::{Availability, Flow, Window};
use crate::lock::lock;
use crate::sign::hex::hex;

/// How often the last reports of a process try to get the lock. If they fail, their requests count as unanswered.
const TRIES: u32 = 50;
const BETWEEN_TRIES: Duration = Duration::from_micros(100);
/// How long an unusable file is not used again.
const UNUSABLE: Duration = Duration::from_secs(1);
/// The maximum time after which a waiting call reads the file again, because another process may have received a
/// response.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// The maximum time for which a lock may be held. After that its process has stopped, and the file is replaced.
const LOCKED: Duration = Duration::from_secs(1);
/// The age at which unused files are removed.
const KEPT: Duration = Duration::from_secs(2 * 24 * 3600);

/// Quotas that all processes of a user on this machine share, without a server.
///
/// The state of each quota is a small file in the user's state folder (`$XDG_STATE_HOME/alibabacloud/quotas`, or the
/// platform's equivalent), readable only by its owner. Its name is a hash of account, product and action; neither name
/// nor file contains a key or a parameter of a request.
///
/// ```no_run
/// use alibabacloud_runtime::Throttle;
/// use alibabacloud_runtime::throttle::MachineQuotas;
///
/// let throttle = Throttle::new().with_store(MachineQuotas::new());
/// ```
///
/// # Failures
/// | failure | effect |
/// |---|---|
/// | a process is killed at any time | a request that it may have sent counts for a second longer than one with a response |
/// | a process stops while it holds the lock | the file is replaced after a second, and the limit counts as used for one window |
/// | the file is damaged, or of another program | the same, at once |
/// | the clock is set back by more than a second | the same |
/// | the file cannot be used (folder, disk space, descriptors) | the process uses a separate quota ([`QuotaSource::LocalShare`]) and tries the file again each second; then the limit counts as used for one window. Both changes are reported ([`QuotaEvent`](super::QuotaEvent)) |
///
/// Containers share quotas only if they share the folder. The lock may not work over a network file system: for several
/// machines use `RedisQuotas` (feature `redis`).
#[derive(Debug, Clone)]
pub struct MachineQuotas {
    /// `None` if there is no folder.
    folder: Option<PathBuf>,
}

impl MachineQuotas {
    /// Quotas in the user's state folder.
    #[allow(clippy::new_without_default, reason = "where the files lie is a choice")]
    pub fn new() -> Self {
        Self { folder: state_folder().map(|folder| folder.join("alibabacloud").join("quotas")) }
    }

    /// Quotas in this folder, which is created if needed. All processes that share the quotas must use the same one.
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
        let path = self.folder.as_ref().map(|folder| {
            remove_unused(folder);
            folder.join(name)
        });
        Arc::new(Queue::new(Machine {
            path: path.unwrap_or_default(),
            local: Local::new(Window::new(limit), QuotaSource::LocalShare),
            known: Mutex::new(Known {
                window: Window::new(limit),
                limit,
                flow: Flow::default(),
                unwritten: Vec::new(),
                locked: None,
                unusable_at: None,
            }),
        }))
    }
}

/// A window in a file.
#[derive(Debug)]
struct Machine {
    /// Empty if there is no file.
    path: PathBuf,
    /// The window used while the file is unusable. The slots of the two differ.
    local: Local,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    /// The window as last read.
    window: Window,
    limit: Option<RateLimit>,
    /// The flow of this process's requests.
    flow: Flow,
    unwritten: Vec<(Slot, Report, Duration)>,
    /// The first and the last attempt of those that found the file locked.
    locked: Option<(Instant, Instant)>,
    /// When the file was unusable, until it is used again.
    unusable_at: Option<Instant>,
}

impl Machine {
    /// Changes the window in the file; [`WouldBlock`](io::ErrorKind::WouldBlock) while another process holds the lock.
    fn change<T>(&self, change: impl FnOnce(&mut Window, Duration) -> T) -> io::Result<T> {
        let mut known = lock(&self.known);
        let mut file = match self.lock() {
            Err(error) if is_locked(&error) => {
                let now = Instant::now();
                // Between attempts that are further apart it was probably unlocked.
                let first = known.locked.filter(|(_, last)| now - *last < LOCKED).map_or(now, |(first, _)| first);
                known.locked = Some((first, now));
                if now - first >= LOCKED {
                    known.locked = None;
                    replace(&self.path)?;
                }
                return Err(error);
            }
            outcome => outcome?,
        };
        known.locked = None;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let now = now();
        let mut window = read(&bytes, known.limit, now);
        if known.unusable_at.is_some() {
            // The requests sent meanwhile are not in the file.
            window.use_up(now);
        }
        for (slot, report, when) in known.unwritten.drain(..) {
            window.report(slot, report, when);
        }
        let changed = change(&mut window, now);
        file.rewind()?;
        file.write_all(&write(&mut window))?;
        // Closing the file releases the lock.
        known.window = window;
        known.unusable_at = None;
        Ok(changed)
    }

    fn lock(&self) -> io::Result<File> {
        let folder = self.path.parent().ok_or(io::ErrorKind::NotFound)?;
        loop {
            let file = open(&self.path).or_else(|_| {
                create(folder)?;
                open(&self.path)
            })?;
            file.try_lock()?;
            // The file may have been replaced in between.
            if is_at(&file, &self.path) {
                return Ok(file);
            }
        }
    }
}

impl Ledger for Machine {
    fn take(&self) -> Result<(QuotaSource, Slot), Option<Duration>> {
        let take_local = || self.local.take().map_err(|wait| Some(wait.unwrap_or(UNUSABLE).min(UNUSABLE)));
        {
            let known = lock(&self.known);
            if known.unusable_at.is_some_and(|at| at.elapsed() < UNUSABLE) {
                return take_local();
            }
            if known.flow.stalled_since(now().into()).is_some() {
                // Requests on a stalled network may all arrive together.
                return Err(Some(LOOK_AGAIN));
            }
        }
        let taken = self.change(|window, now| match window.take(now) {
            Availability::Now(slot) => {
                // It counts from here on, even if this process ends.
                window.report(slot, Report::Sent, now);
                Ok(slot)
            }
            Availability::At(time) => Err(time.saturating_sub(now).min(LOOK_AGAIN)),
            Availability::Unknown => Err(LOOK_AGAIN),
        });
        // Spread, so that processes do not retry together.
        let soon = || Duration::from_micros(fastrand::u64(0..2_000));
        match taken {
            Ok(Ok(slot)) => Ok((QuotaSource::Shared, slot)),
            Ok(Err(wait)) => Err(Some(wait + soon())),
            Err(error) if is_locked(&error) => Err(Some(Duration::from_millis(1) + soon())),
            Err(_) => {
                lock(&self.known).unusable_at = Some(Instant::now());
                take_local()
            }
        }
    }

    fn report(&self, slot: Slot, report: Report) {
        if self.local.read(|window, _| window.is_held(slot)) {
            return self.local.report(slot, report);
        }
        let now = now();
        let mut known = lock(&self.known);
        known.flow.report(report, now.into());
        if matches!(report, Report::Sent | Report::Unanswered) {
            return;
        }
        known.unwritten.push((slot, report, now));
        drop(known);
        // Otherwise it is written with the next slot or report, or at the end.
        let _ = self.change(|_, _| ());
    }

    fn is_fallback(&self) -> bool {
        lock(&self.known).unusable_at.is_some()
    }

    fn read<T>(&self, read: impl FnOnce(&mut Window, Duration) -> T) -> T {
        if self.is_fallback() { self.local.read(read) } else { read(&mut lock(&self.known).window, now()) }
    }

    fn lower(&self, limit: RateLimit) {
        self.local.lower(limit);
        lock(&self.known).limit = Some(limit);
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        for _ in 0..TRIES {
            if lock(&self.known).unwritten.is_empty() || self.change(|_, _| ()).is_err_and(|error| !is_locked(&error)) {
                return;
            }
            std::thread::sleep(BETWEEN_TRIES);
        }
    }
}

/// The time on a clock that all processes share.
fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

const MAGIC: &[u8; 8] = b"aliquot3";

/// The content of the file: its type, a checksum, and the window.
fn write(window: &mut Window) -> Vec<u8> {
    let mut bytes = Vec::new();
    window.words(&mut |word: &mut u64| bytes.extend(word.to_le_bytes()));
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let digest = Sha256::digest(&bytes);
    [MAGIC.as_slice(), &length.to_le_bytes(), &digest[..8], &bytes].concat()
}

/// Parses the file. If it is invalid, the limit counts as just used up.
fn read(bytes: &[u8], limit: Option<RateLimit>, now: Duration) -> Window {
    if bytes.is_empty() {
        return Window::new_at(now, limit);
    }
    let read = || {
        let rest = bytes.strip_prefix(MAGIC)?;
        let (length, rest) = rest.split_first_chunk()?;
        let (digest, rest) = rest.split_first_chunk::<8>()?;
        // A longer old content is not truncated.
        let rest = rest.get(..usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
        if Sha256::digest(rest)[..8] != digest[..] {
            return None;
        }
        let mut words = rest.as_chunks().0.iter();
        let mut window = Window::new(limit);
        window.words(&mut |word: &mut u64| *word = words.next().map_or(0, |bytes| u64::from_le_bytes(*bytes)));
        (!window.is_of_the_future(now)).then_some(window)
    };
    read().unwrap_or_else(|| {
        let mut window = Window::new_at(now, limit);
        window.use_up(now);
        window
    })
}

fn is_locked(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

/// Replaces a file that stays locked by a new one.
fn replace(path: &Path) -> io::Result<()> {
    let new = path.with_extension(format!("{}.new", std::process::id()));
    // Not a valid window, so the limit counts as just used up.
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
        // An existing file may have other permissions.
        if file.metadata()?.permissions().mode() & 0o077 != 0 {
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

/// An open file cannot be replaced on this platform.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

/// Removes long unused files, because temporary credentials may leave many.
fn remove_unused(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_ours = entry.path().extension().is_some_and(|extension| extension == "quota" || extension == "new");
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        if is_ours && modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > KEPT)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The folder for the state of a user's programs.
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
