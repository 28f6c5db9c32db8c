//! Reads files of the user. They are never written.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::found::SourceError;
use crate::setup::Environment;

/// Local files take far less.
const LIMIT: Duration = Duration::from_secs(10);

/// Larger than any file of profiles or tokens, in bytes.
const LARGEST: u64 = 1 << 20;

/// The text of a file.
pub(crate) struct FileText {
    pub(crate) text: Zeroizing<String>,
    /// A warning if others can read the file.
    pub(crate) warning: Option<String>,
}

/// The reason why a file could not be read.
pub(crate) struct Unreadable {
    /// Whether the file does not exist or is not visible.
    may_be_absent: bool,
    message: String,
    source: Option<io::Error>,
}

impl Unreadable {
    fn other(message: String) -> Self {
        Self { may_be_absent: false, message, source: None }
    }

    /// The error of a source that needs the file, with a prefix.
    pub(crate) fn into_error(self, words: &str) -> SourceError {
        let error = SourceError::failed(format!("{words}{}", self.message));
        match self.source {
            Some(source) => error.with_source(source),
            None => error,
        }
    }
}

/// Reads the file on another thread, because a file may block forever, e.g. on an unreachable network drive.
pub(crate) async fn read(path: &Path) -> Result<FileText, Unreadable> {
    let owned = path.to_owned();
    let read = within(LIMIT, move || read_here(&owned)).await;
    read.unwrap_or_else(|| Err(Unreadable::other(format!("{} could not be read within {LIMIT:?}", path.display()))))
}

/// The result of blocking work; `None` if it exceeds the limit.
async fn within<T: Send + 'static>(limit: Duration, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    if Handle::try_current().is_err() {
        return Some(work());
    }
    timeout(limit, spawn_blocking(work)).await.ok()?.ok()
}

fn read_here(path: &Path) -> Result<FileText, Unreadable> {
    let shown = path.display();
    // The message of this error never contains the content of the file.
    let failed = |error: io::Error, is_there: bool| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            Unreadable { may_be_absent: true, message: format!("there is no file {shown}"), source: Some(error) }
        }
        io::ErrorKind::PermissionDenied => Unreadable {
            may_be_absent: !is_there,
            message: format!("{shown} is not readable; check its permissions"),
            source: Some(error),
        },
        _ => Unreadable {
            may_be_absent: false,
            message: format!("{shown} cannot be read: {error}"),
            source: Some(error),
        },
    };
    let metadata = fs::metadata(path).map_err(|error| failed(error, false))?;
    if !metadata.is_file() {
        return Err(Unreadable::other(format!("{shown} is not a regular file")));
    }
    let mut bytes =
        Zeroizing::new(Vec::with_capacity(usize::try_from(metadata.len().min(LARGEST)).unwrap_or_default() + 1));
    let file = fs::File::open(path).map_err(|error| failed(error, true))?;
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| failed(error, true))?;
    if bytes.len() as u64 > LARGEST {
        return Err(Unreadable::other(format!("{shown} is larger than {LARGEST} bytes; check the path")));
    }
    let text = str::from_utf8(&bytes).map_err(|_| Unreadable::other(format!("{shown} is not UTF-8 text")))?;
    Ok(FileText { text: Zeroizing::new(text.to_owned()), warning: loose(path, &metadata) })
}

#[cfg(unix)]
fn loose(path: &Path, metadata: &fs::Metadata) -> Option<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = metadata.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then(|| {
        let shown = path.display();
        format!(
            "{shown} contains keys, but other users of this machine can read it (mode {mode:03o}); run `chmod 600 {shown}`"
        )
    })
}

#[cfg(not(unix))]
fn loose(_path: &Path, _metadata: &fs::Metadata) -> Option<String> {
    None
}

/// The path of a file of profiles.
pub(crate) struct Location {
    paths: Vec<PathBuf>,
    /// Whether the file is named: by a setting, by a variable, or because it was read before.
    pub(crate) is_named: bool,
}

impl Location {
    /// The file named by `given` or the variable, else the first existing one of those below the home folder.
    pub(crate) fn of(
        given: Option<&Path>,
        environment: &Environment,
        variable: &str,
        below_home: &[&str],
    ) -> Result<Self, SourceError> {
        if let Some(path) = given {
            return Ok(Self { paths: vec![path.to_owned()], is_named: true });
        }
        if let Some(path) = environment.get(variable)? {
            return Ok(Self { paths: vec![path.into()], is_named: true });
        }
        let Some(home) = environment.home()? else {
            return Err(SourceError::not_applicable("there is no home folder (HOME is not set)"));
        };
        Ok(Self { paths: below_home.iter().map(|path| home.join(path)).collect(), is_named: false })
    }

    /// Reads the first file that exists. A file that is not named may be absent.
    pub(crate) async fn read(&self) -> Result<(&Path, FileText), SourceError> {
        let mut problems = Vec::new();
        for path in &self.paths {
            match read(path).await {
                Ok(file) => return Ok((path, file)),
                Err(problem) if !self.is_named && problem.may_be_absent => problems.push(problem.message),
                Err(problem) => return Err(problem.into_error("")),
            }
        }
        Err(SourceError::not_applicable(problems.join(" and ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // No file blocks forever in a test without a network, so a channel takes its place.
    #[tokio::test]
    async fn reading_a_file_that_blocks_times_out() {
        let (release, blocks) = std::sync::mpsc::channel::<()>();
        let read = within(Duration::from_millis(1), move || blocks.recv().is_ok()).await;
        assert_eq!(read, None);
        release.send(()).unwrap();
        assert_eq!(within(LIMIT, || 1).await, Some(1));
    }
}
