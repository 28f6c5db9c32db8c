//! `generate`: reads the specifications, and writes or checks what follows from them.

use std::fs;
use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;

use super::cargo::root;
use super::unknown_argument;
use crate::diagnostic::{Diagnostic, render};
use crate::generate::{Failure, generate};
use crate::plan::{FileError, at};
use crate::spec::InputFile;

pub(super) fn run(arguments: &[String]) -> Result<ExitCode, String> {
    let check = match arguments {
        [] => false,
        [argument] if argument == "--check" => true,
        [argument, ..] => return Ok(unknown_argument(argument)),
    };
    // Commands run from any folder of the repository.
    let root = &root();
    let sources = read_sources(root).map_err(|error| error.to_string())?;
    let generated = match generate(&sources) {
        Ok(generated) => generated,
        Err(Failure::Findings(findings)) => {
            show(&findings);
            return Err("nothing was generated, the specifications must be corrected first".to_owned());
        }
        Err(Failure::Internal(message)) => return Err(format!("internal error of the generator: {message}")),
    };
    show(&generated.warnings);

    let plan = &generated.plan;
    let what = format!("{} actions, {} product(s)", generated.actions, generated.products);
    if check {
        let differences = plan.differences(root).map_err(|error| error.to_string())?;
        for difference in &differences {
            print!("{difference}");
        }
        if !differences.is_empty() {
            let number = differences.len();
            return Err(format!("{number} files differ from the specifications, run `cargo xtask generate`"));
        }
        println!("{what}: everything generated is up to date");
    } else {
        let written = plan.write(root).map_err(|error| error.to_string())?;
        for difference in &written {
            // The first line tells the file; how it changed is for version control to tell.
            println!("{}", difference.to_string().lines().next().unwrap_or_default());
        }
        println!("{what}: {} of {} files written or removed", written.len(), plan.files().count());
    }
    Ok(ExitCode::SUCCESS)
}

fn show(findings: &[Diagnostic]) {
    eprint!("{}", render(findings, std::io::stderr().is_terminal()));
}

/// All files in the folders of products and fixtures, sorted by path.
pub fn read_sources(root: &Path) -> Result<Vec<InputFile>, FileError> {
    let mut sources = Vec::new();
    for place in ["api-spec", "xtask/fixtures"] {
        for product in folder(&root.join(place))? {
            for file in folder(&root.join(place).join(&product))? {
                let path = format!("{place}/{product}/{file}");
                let full = root.join(&path);
                if full.is_file() {
                    let bytes = at(&full, fs::read(&full))?;
                    sources.push(InputFile { path, bytes });
                }
            }
        }
    }
    Ok(sources)
}

/// The names in a folder, sorted; none if it is not a folder.
pub(super) fn folder(path: &Path) -> Result<Vec<String>, FileError> {
    if !path.is_dir() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in at(path, fs::read_dir(path))? {
        names.push(at(path, entry)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}
