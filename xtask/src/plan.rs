//! The plan: the expected content of the generated folders. It is either written or compared.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use similar::TextDiff;

use crate::emit::MARK;

/// The generated files: path from the repository root, with `/`, and text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    files: BTreeMap<String, String>,
    /// Files that are generated only while they and the manifest of their crate have the mark: path, and path of the
    /// manifest.
    yielding: BTreeMap<String, String>,
    folders: BTreeSet<String>,
}

/// A difference between a file and the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub path: String,
    pub kind: DifferenceKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DifferenceKind {
    /// The text differs.
    Changed { found: String, planned: String },
    /// The file is missing.
    Missing { planned: String },
    /// A generated file is not in the plan.
    Orphaned,
    /// A file that must not be overwritten or removed, with the reason.
    Foreign(&'static str),
}

impl DifferenceKind {
    /// The action of [`Plan::write`], for messages.
    pub fn done(&self) -> &'static str {
        match self {
            Self::Changed { .. } => "changed",
            Self::Missing { .. } => "new",
            Self::Orphaned => "removed",
            Self::Foreign(_) => "left alone",
        }
    }
}

/// An error of the file system with its path.
#[derive(Debug)]
pub struct FileError {
    path: PathBuf,
    error: io::Error,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.error)
    }
}

impl std::error::Error for FileError {}

/// Adds the path to an error of the file system.
pub fn at<T>(path: &Path, result: io::Result<T>) -> Result<T, FileError> {
    result.map_err(|error| FileError { path: path.to_owned(), error })
}

impl Plan {
    /// Adds a file.
    pub fn add(&mut self, path: String, text: String) {
        self.files.insert(path, text);
    }

    /// Adds a file that is skipped if a file or a manifest without the mark exists.
    pub fn add_yielding(&mut self, path: String, text: String, manifest: String) {
        self.yielding.insert(path.clone(), manifest);
        self.files.insert(path, text);
    }

    /// Adds a folder in which generated files that are not planned are orphans.
    pub fn add_folder(&mut self, path: String) {
        self.folders.insert(path);
    }

    /// All planned files, sorted by path.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The differences between the files below `root` and the plan, ignoring line endings.
    pub fn differences(&self, root: &Path) -> Result<Vec<Difference>, FileError> {
        let mut differences = Vec::new();
        for (path, planned) in &self.files {
            if let Some(manifest) = self.yielding.get(path)
                && (is_hand_written(&root.join(path))? || is_hand_written(&root.join(manifest))?)
            {
                continue;
            }
            let kind = match read(&root.join(path))? {
                _ if leads_elsewhere(root, path)? => DifferenceKind::Foreign(LINK),
                None => DifferenceKind::Missing { planned: planned.clone() },
                Some(found) if normalized(&found) != *planned => {
                    DifferenceKind::Changed { found, planned: planned.clone() }
                }
                Some(_) => continue,
            };
            differences.push(Difference { path: path.clone(), kind });
        }
        let mut folders = self.folders.clone();
        folders.extend(crates_with_generated_code(root)?);
        for folder in folders {
            for path in files_below(root, &folder)? {
                if self.files.contains_key(&path) {
                    continue;
                }
                // JSON cannot contain the mark.
                let is_generated = path.starts_with("api-spec/schema/") || carries_mark(&root.join(&path))?;
                if is_generated {
                    differences.push(Difference { path, kind: DifferenceKind::Orphaned });
                } else if is_generated_path(&path) {
                    differences.push(Difference { path, kind: DifferenceKind::Foreign(UNMARKED) });
                }
            }
        }
        differences.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(differences)
    }

    /// Writes the plan below `root`, and returns the changes. Equal files are not touched. Nothing is written if there
    /// is a hand-written file in the place of a generated one.
    pub fn write(&self, root: &Path) -> Result<Vec<Difference>, FileError> {
        let differences = self.differences(root)?;
        let foreign = differences.iter().find_map(|difference| match difference.kind {
            DifferenceKind::Foreign(what) => Some((&difference.path, what)),
            _ => None,
        });
        if let Some((path, what)) = foreign {
            return at(&root.join(path), Err(io::Error::other(what)));
        }
        for Difference { path, kind } in &differences {
            let path = root.join(path);
            match kind {
                DifferenceKind::Foreign(_) => {}
                DifferenceKind::Orphaned => at(&path, fs::remove_file(&path))?,
                DifferenceKind::Changed { planned, .. } | DifferenceKind::Missing { planned } => {
                    if let Some(folder) = path.parent() {
                        at(folder, fs::create_dir_all(folder))?;
                    }
                    at(&path, fs::write(&path, planned))?;
                }
            }
        }
        Ok(differences)
    }
}

impl fmt::Display for Difference {
    /// The kind and path of the difference, and a diff for changed files.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match &self.kind {
            DifferenceKind::Missing { .. } => writeln!(f, "missing: {path}"),
            DifferenceKind::Orphaned => writeln!(f, "orphaned: {path}"),
            DifferenceKind::Foreign(what) => writeln!(f, "foreign: {path}: {what}"),
            DifferenceKind::Changed { found, planned } => {
                let found = normalized(found);
                let diff = TextDiff::from_lines(found.as_str(), planned.as_str());
                writeln!(f, "changed: {path}")?;
                write!(f, "{}", diff.unified_diff().context_radius(2).header("in the repository", "as generated"))
            }
        }
    }
}

const UNMARKED: &str = "the file is not generated, but is in a folder of generated code: move it elsewhere";
const LINK: &str = "the path of this file has a symbolic link, and links are not followed: remove the link";

/// Whether a path below `root` is a symbolic link or goes through one.
fn leads_elsewhere(root: &Path, path: &str) -> Result<bool, FileError> {
    let mut at_path = root.to_owned();
    for part in path.split('/') {
        at_path.push(part);
        match fs::symlink_metadata(&at_path) {
            Ok(metadata) if metadata.is_symlink() => return Ok(true),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return at(&at_path, Err(error)),
        }
    }
    Ok(false)
}

fn normalized(text: &str) -> String {
    text.replace("\r\n", "\n")
}

/// The text of a file; `None` if it does not exist. A file that is not UTF-8 differs from every plan.
fn read(path: &Path) -> Result<Option<String>, FileError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => at(path, Err(error)),
    }
}

/// Whether every file at this path is generated.
fn is_generated_path(path: &str) -> bool {
    path.contains("/src/generated/") || path.starts_with("src/generated/") || path.starts_with("api-spec/schema/")
}

fn carries_mark(path: &Path) -> Result<bool, FileError> {
    Ok(read(path)?.is_some_and(|text| text.lines().next().is_some_and(|line| line.contains(MARK))))
}

/// Whether a file exists and has no mark.
fn is_hand_written(path: &Path) -> Result<bool, FileError> {
    Ok(path.exists() && !carries_mark(path)?)
}

/// The folders of generated code in all crates, including those of products without a specification.
fn crates_with_generated_code(root: &Path) -> Result<Vec<String>, FileError> {
    let crates = entries(&root.join("crates"))?;
    Ok(crates.into_iter().map(|name| format!("crates/{name}/src/generated")).collect())
}

/// The paths from `root` of all files below a folder; empty if the folder does not exist.
fn files_below(root: &Path, folder: &str) -> Result<Vec<String>, FileError> {
    let mut files = Vec::new();
    for name in entries(&root.join(folder))? {
        let path = format!("{folder}/{name}");
        // A link counts as a file and is not followed.
        let full = root.join(&path);
        if at(&full, fs::symlink_metadata(&full))?.is_dir() {
            files.extend(files_below(root, &path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}

/// The sorted names in a folder; empty if the folder does not exist.
fn entries(folder: &Path) -> Result<Vec<String>, FileError> {
    let listing = match fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        listing => at(folder, listing)?,
    };
    let mut names = Vec::new();
    for entry in listing {
        // The names of generated files are UTF-8.
        names.extend(at(folder, entry)?.file_name().into_string().ok());
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    /// A new empty folder for each test.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("xtask-plan-{}-{name}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn put(&self, path: &str, text: &str) {
            let path = self.0.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn has(&self, path: &str) -> bool {
            self.0.join(path).exists()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn plan(files: &[(&str, &str)]) -> Plan {
        let mut plan = Plan::default();
        for (path, text) in files {
            plan.add((*path).to_owned(), (*text).to_owned());
        }
        plan.add_folder("tests/src/sink".to_owned());
        plan.add_folder("api-spec/schema".to_owned());
        plan
    }

    fn kinds(differences: &[Difference]) -> Vec<String> {
        differences.iter().map(|difference| difference.to_string().lines().next().unwrap().to_owned()).collect()
    }

    #[test]
    fn a_check_finds_changed_missing_and_orphaned_files() {
        let folder = Folder::new("check");
        folder.put("crates/a/src/generated/mod.rs", "one\ntwo\n");
        let marked = format!("// {MARK} from x. Do not edit.\n");
        folder.put("crates/a/src/generated/old/gone.rs", &marked);
        folder.put("crates/gone/src/generated/mod.rs", &marked);
        folder.put("crates/a/src/lib.rs", "by hand");
        folder.put("api-spec/schema/old.json", "{}");
        folder.put("tests/src/sink/old.rs", &marked);
        folder.put("tests/src/sink/hand.rs", "// by hand\n");
        let plan = plan(&[("crates/a/src/generated/mod.rs", "one\n2\n"), ("crates/a/src/generated/b.rs", "b\n")]);

        let differences = plan.differences(&folder.0).unwrap();
        assert_eq!(
            kinds(&differences),
            [
                "orphaned: api-spec/schema/old.json",
                "missing: crates/a/src/generated/b.rs",
                "changed: crates/a/src/generated/mod.rs",
                "orphaned: crates/a/src/generated/old/gone.rs",
                "orphaned: crates/gone/src/generated/mod.rs",
                "orphaned: tests/src/sink/old.rs",
            ]
        );
        assert!(differences[2].to_string().contains("-two\n+2\n"), "{}", differences[2]);
        assert!(folder.has("api-spec/schema/old.json"), "a check must not change anything");
    }

    #[test]
    fn writing_updates_generated_files_and_keeps_hand_written_ones() {
        let folder = Folder::new("write");
        folder.put("crates/a/src/generated/old.rs", &format!("// {MARK} from x. Do not edit.\n"));
        folder.put("crates/a/src/lib.rs", "by hand");
        folder.put("tests/src/sink/hand.rs", "// by hand\n");
        let plan = plan(&[("crates/a/src/generated/mod.rs", "one\n"), ("api-spec/schema/action.json", "{}\n")]);

        assert_eq!(plan.write(&folder.0).unwrap().len(), 3);
        assert!(!folder.has("crates/a/src/generated/old.rs"));
        assert!(folder.has("crates/a/src/lib.rs") && folder.has("tests/src/sink/hand.rs"));
        assert_eq!(plan.differences(&folder.0).unwrap(), []);
    }

    #[test]
    fn writing_does_not_touch_equal_files() {
        let folder = Folder::new("untouched");
        let plan = plan(&[("crates/a/src/generated/mod.rs", "one\ntwo\n"), ("crates/a/src/generated/b.rs", "b\n")]);
        plan.write(&folder.0).unwrap();
        // Line endings do not matter.
        folder.put("crates/a/src/generated/mod.rs", "one\r\ntwo\r\n");
        let path = folder.0.join("crates/a/src/generated/mod.rs");
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        fs::File::options().write(true).open(&path).unwrap().set_modified(long_ago).unwrap();
        folder.put("crates/a/src/generated/b.rs", "other\n");

        assert_eq!(kinds(&plan.write(&folder.0).unwrap()), ["changed: crates/a/src/generated/b.rs"]);
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), long_ago);
    }

    #[test]
    fn a_file_or_manifest_without_the_mark_is_hand_written() {
        let folder = Folder::new("yielding");
        let marked = format!("# {MARK} from x.\n");
        let mut plan = Plan::default();
        for path in ["Cargo.toml", "README.md", "src/lib.rs"] {
            plan.add_yielding(path.to_owned(), marked.clone() + "new\n", "Cargo.toml".to_owned());
        }
        folder.put("README.md", "by hand\n");
        folder.put("src/lib.rs", &(marked.clone() + "old\n"));
        assert_eq!(kinds(&plan.write(&folder.0).unwrap()), ["missing: Cargo.toml", "changed: src/lib.rs"]);

        folder.put("Cargo.toml", "by hand\n");
        folder.put("src/lib.rs", &(marked + "old\n"));
        assert_eq!(plan.write(&folder.0).unwrap(), [], "the crate is kept by hand");
    }

    #[test]
    fn a_hand_written_file_in_a_generated_folder_stops_writing_and_is_kept() {
        let folder = Folder::new("foreign");
        folder.put("crates/a/src/generated/notes.rs", "// mine\n");
        let plan = plan(&[("crates/a/src/generated/mod.rs", "one\n")]);
        let error = plan.write(&folder.0).unwrap_err().to_string();
        assert!(error.contains("notes.rs") && error.contains("move it elsewhere"), "{error}");
        assert!(folder.has("crates/a/src/generated/notes.rs") && !folder.has("crates/a/src/generated/mod.rs"));
        let shown = kinds(&plan.differences(&folder.0).unwrap());
        assert!(
            shown[1].starts_with("foreign: crates/a/src/generated/notes.rs: the file is not generated"),
            "{shown:?}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn nothing_is_written_through_a_link() {
        let folder = Folder::new("link");
        folder.put("elsewhere/mod.rs", "precious\n");
        folder.put("crates/a/src/lib.rs", "by hand");
        let plan = plan(&[("crates/a/src/generated/mod.rs", "one\n")]);
        let generated = folder.0.join("crates/a/src/generated");
        // A link to a folder, a link to a file, and a broken link.
        for (link, target) in [("", "elsewhere"), ("mod.rs", "elsewhere/mod.rs"), ("mod.rs", "elsewhere/new.rs")] {
            let place = if link.is_empty() { generated.clone() } else { generated.join(link) };
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            std::os::unix::fs::symlink(folder.0.join(target), &place).unwrap();
            let error = plan.write(&folder.0).unwrap_err().to_string();
            assert!(error.contains("remove the link"), "{target}: {error}");
            assert_eq!(fs::read_to_string(folder.0.join("elsewhere/mod.rs")).unwrap(), "precious\n");
            assert!(!folder.has("elsewhere/new.rs"));
            fs::remove_file(&place).unwrap();
        }
    }

    #[test]
    fn an_error_names_the_path() {
        let folder = Folder::new("error");
        folder.put("crates/a/src/generated/mod.rs/is_a_folder", "");
        let error = plan(&[("crates/a/src/generated/mod.rs", "")]).write(&folder.0).unwrap_err();
        assert!(error.to_string().contains("mod.rs"), "{error}");
    }
}
