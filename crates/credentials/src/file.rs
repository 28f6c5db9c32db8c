//! Reading a file of the user's. It is only ever read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::setup::Environment;
use crate::source::SourceError;

/// Larger than any file of profiles or tokens.
const LARGEST: u64 = 1 << 20;

/// The text of a file.
pub(crate) struct FileText {
    pub(crate) text: Zeroizing<String>,
    /// Whether others can read it, in words.
    pub(crate) warning: Option<String>,
}

/// Why a file could not be read.
pub(crate) struct Unreadable {
    /// Whether there is no such file.
    pub(crate) absent: bool,
    /// Whether its reading is forbidden.
    pub(crate) forbidden: bool,
    pub(crate) message: String,
}

pub(crate) fn read(path: &Path) -> Result<FileText, Unreadable> {
    let shown = path.display();
    let failed = |error: io::Error| {
        let message = match error.kind() {
            io::ErrorKind::NotFound => format!("there is no file {shown}"),
            io::ErrorKind::PermissionDenied => format!("{shown} may not be read; check its permissions"),
            // The text of such an error never has content of the file.
            _ => format!("{shown} cannot be read: {error}"),
        };
        let absent = matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
        Unreadable { absent, forbidden: error.kind() == io::ErrorKind::PermissionDenied, message }
    };
    let wrong = |message: String| Unreadable { absent: false, forbidden: false, message };
    let metadata = fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() {
        return Err(wrong(format!("{shown} is not a file")));
    }
    if metadata.len() > LARGEST {
        return Err(wrong(format!("{shown} is larger than {LARGEST} bytes; it cannot be the file that is meant")));
    }
    let bytes = Zeroizing::new(fs::read(path).map_err(failed)?);
    let text = str::from_utf8(&bytes).map_err(|_| wrong(format!("{shown} is not UTF-8 text")))?;
    Ok(FileText { text: Zeroizing::new(text.to_owned()), warning: loose(path, &metadata) })
}

#[cfg(unix)]
fn loose(path: &Path, metadata: &fs::Metadata) -> Option<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = metadata.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then(|| {
        let shown = path.display();
        format!("other users of this machine may read {shown}, which holds keys (mode {mode:03o}); `chmod 600 {shown}` mends it")
    })
}

#[cfg(not(unix))]
fn loose(_path: &Path, _metadata: &fs::Metadata) -> Option<String> {
    None
}

/// Where a file of profiles is, and whether somebody said so.
pub(crate) struct Location {
    pub(crate) paths: Vec<PathBuf>,
    pub(crate) named: bool,
}

impl Location {
    /// The file that `given` or the variable names, else the first that is there of those below the home folder.
    pub(crate) fn of(
        given: Option<&Path>,
        environment: &Environment,
        variable: &str,
        below_home: &[&str],
    ) -> Result<Self, SourceError> {
        if let Some(path) = given {
            return Ok(Self { paths: vec![path.to_owned()], named: true });
        }
        if let Some(path) = environment.get(variable)? {
            return Ok(Self { paths: vec![path.into()], named: true });
        }
        let Some(home) = environment.home()? else {
            return Err(SourceError::not_applicable("there is no home folder (HOME is not set)"));
        };
        Ok(Self { paths: below_home.iter().map(|path| home.join(path)).collect(), named: false })
    }

    /// The first of the files that is there. One that nobody named may be absent, or belong to somebody else.
    pub(crate) fn read(&self) -> Result<(&Path, FileText), SourceError> {
        let mut problems = Vec::new();
        for path in &self.paths {
            match read(path) {
                Ok(file) => return Ok((path, file)),
                Err(problem) if !self.named && (problem.absent || problem.forbidden) => problems.push(problem.message),
                Err(problem) => return Err(SourceError::failed(problem.message)),
            }
        }
        Err(SourceError::not_applicable(problems.join(" and ")))
    }
}
