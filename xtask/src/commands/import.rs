//! `import`: official metadata -> specifications in a folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::cargo::root;
use super::unknown_argument;
use crate::generate::has_yaml_extension;
use crate::import;
use crate::plan::at;
use crate::spec::InputFile;

/// How many places of a note are shown.
const PLACES: usize = 5;

pub(super) fn run(arguments: &[String]) -> Result<ExitCode, String> {
    let mut file = None;
    let mut names = Vec::new();
    let mut out = None;
    let mut places = PLACES;
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--action" => names.push(rest.next().ok_or("`--action` needs the name of an action")?.clone()),
            "--out" => out = Some(PathBuf::from(rest.next().ok_or("`--out` needs a folder")?)),
            "--verbose" => places = usize::MAX,
            _ if argument.starts_with('-') || file.is_some() => return Ok(unknown_argument(argument)),
            path => file = Some(PathBuf::from(path)),
        }
    }
    let file = file.ok_or("name the metadata file: `cargo xtask import FILE`; its name is usually api-docs.json")?;
    let bytes = at(&file, fs::read(&file)).map_err(|error| error.to_string())?;
    let metadata = String::from_utf8(bytes).map_err(|_| format!("{}: the file is not UTF-8", file.display()))?;
    let wrong = |problem: String| format!("{}: {problem}", file.display());
    let folder = match out {
        Some(folder) => folder,
        None => root().join("api-spec").join(import::folder(&metadata).map_err(wrong)?),
    };
    let imported = import::import(&metadata, &names, &read_folder(&folder)?).map_err(wrong)?;

    eprint!("{}", imported.notes.render(places));
    for (file, changes) in &imported.changes {
        println!("{file}:");
        for change in changes {
            println!("  {change}");
        }
    }
    for (name, text) in &imported.files {
        let path = folder.join(name);
        at(&folder, fs::create_dir_all(&folder)).map_err(|error| error.to_string())?;
        at(&path, fs::write(&path, text)).map_err(|error| error.to_string())?;
    }
    println!("{} actions imported: {} files written in {}", imported.actions, imported.files.len(), folder.display());
    Ok(ExitCode::SUCCESS)
}

/// The specifications and fingerprints in a folder; none if there is no such folder.
fn read_folder(folder: &Path) -> Result<Vec<InputFile>, String> {
    let mut files = Vec::new();
    for name in super::generate::folder(folder).map_err(|error| error.to_string())? {
        let path = folder.join(&name);
        if path.is_file() && (has_yaml_extension(&name) || name == import::LOCK) {
            let bytes = at(&path, fs::read(&path)).map_err(|error| error.to_string())?;
            files.push(InputFile { path: name, bytes });
        }
    }
    Ok(files)
}
