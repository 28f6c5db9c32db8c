//! `generate`: reads the specifications, and writes or checks the generated files.

use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::cargo::root;
use super::diff::by_product;
use super::unknown_argument;
use crate::diagnostic::{Diagnostic, render};
use crate::emit::toml;
use crate::generate::{Failure, generate, generate_crate};
use crate::layout::{FIXTURES, SPECIFICATIONS, has_yaml_extension};
use crate::plan::{FileError, at};
use crate::spec::{InputFile, PLATFORM};

pub(super) fn run(arguments: &[String]) -> Result<ExitCode, String> {
    let mut check = false;
    let (mut folder, mut out, mut runtime) = (None, None, None);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = |what: &str| rest.next().cloned().ok_or_else(|| format!("`{argument}` needs {what}"));
        match argument.as_str() {
            "--check" => check = true,
            "--spec" => folder = Some(PathBuf::from(value("the folder of a product's specifications")?)),
            "--out" => out = Some(PathBuf::from(value("the folder of the crate")?)),
            "--runtime" => runtime = Some(value("the path or the git address of `alibabacloud-runtime`")?),
            _ => return Ok(unknown_argument(argument)),
        }
    }
    // The command can run in any folder of the repository.
    let (root, generated) = match (folder, out) {
        (None, None) => {
            let root = root();
            let sources = read_sources(&root).map_err(|error| error.to_string())?;
            (root, generate(&sources))
        }
        (Some(folder), Some(out)) => {
            let sources = read_product(&folder).map_err(|error| error.to_string())?;
            let runtime = runtime_source(runtime.as_deref(), &out)?;
            let manifest = fs::read(out.join("Cargo.toml")).ok();
            let generated = generate_crate(&sources, &runtime, manifest.as_deref());
            (out, generated)
        }
        (Some(_), None) => return Err("`--spec` needs `--out`, the folder of the crate".to_owned()),
        (None, Some(_)) => return Err("`--out` needs `--spec`, the folder of the specifications".to_owned()),
    };
    let root = &root;
    let generated = match generated {
        Ok(generated) => generated,
        Err(Failure::Findings(findings)) => {
            show(&findings);
            return Err("nothing was generated: correct the specifications first".to_owned());
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
            return Err(format!("{number} files differ from the specifications; run `cargo xtask generate`"));
        }
        println!("{what}: everything generated is up to date");
    } else {
        let written = plan.write(root).map_err(|error| error.to_string())?;
        for difference in &written {
            // Version control shows how a file changed.
            println!("{}: {}", difference.kind.done(), difference.path);
        }
        println!("{what}: {} of {} files written or removed", written.len(), plan.files().count());
    }
    Ok(ExitCode::SUCCESS)
}

fn show(findings: &[Diagnostic]) {
    eprint!("{}", render(findings, std::io::stderr().is_terminal()));
}

/// The specifications of one product, named after their folder.
fn read_product(path: &Path) -> Result<Vec<InputFile>, FileError> {
    let name = path.file_name().map_or_else(|| "spec".to_owned(), |name| name.to_string_lossy().into_owned());
    let mut sources = Vec::new();
    for file in folder(path)? {
        let full = path.join(&file);
        if full.is_file() && has_yaml_extension(&file) {
            sources.push(InputFile { path: format!("{name}/{file}"), bytes: at(&full, fs::read(&full))? });
        }
    }
    Ok(sources)
}

/// The dependency on the runtime as TOML: the requested one, or else this repository's, relative to the crate.
fn runtime_source(asked: Option<&str>, out: &Path) -> Result<String, String> {
    match asked {
        Some(address) if address.contains("://") => Ok(format!("git = {}", toml(address))),
        Some(path) => Ok(format!("path = {}", toml(path))),
        None => {
            let runtime = root().join("crates/runtime");
            let absolute = |path: &Path| {
                at(path, fs::create_dir_all(path)).map_err(|error| error.to_string())?;
                at(path, path.canonicalize()).map_err(|error| error.to_string())
            };
            let path = relative(&absolute(out)?, &absolute(&runtime)?);
            Ok(format!("path = {}", toml(&path)))
        }
    }
}

/// The relative path from one folder to another, with `/`.
fn relative(from: &Path, to: &Path) -> String {
    let common = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(common).map(|_| "..".to_owned());
    let down = to.components().skip(common).map(|part| part.as_os_str().to_string_lossy().into_owned());
    up.chain(down).collect::<Vec<_>>().join("/")
}

/// The products that have specifications, by the names of their folders.
pub(super) fn products() -> Result<Vec<String>, String> {
    let sources = read_sources(&root()).map_err(|error| error.to_string())?;
    Ok(by_product(sources).into_keys().collect())
}

/// All files in the folders of products and fixtures, and the manifests of the crates.
pub fn read_sources(root: &Path) -> Result<Vec<InputFile>, FileError> {
    let mut sources = Vec::new();
    for place in [SPECIFICATIONS, FIXTURES] {
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
    let platform = root.join(PLATFORM);
    if platform.is_file() {
        sources.push(InputFile { path: PLATFORM.to_owned(), bytes: at(&platform, fs::read(&platform))? });
    }
    for product in folder(&root.join("crates"))? {
        let path = format!("crates/{product}/Cargo.toml");
        let full = root.join(&path);
        if full.is_file() {
            let bytes = at(&full, fs::read(&full))?;
            sources.push(InputFile { path, bytes });
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runtime_is_named_by_path_or_address() {
        let out = Path::new("unused");
        assert_eq!(runtime_source(Some("../runtime"), out).unwrap(), "path = \"../runtime\"");
        assert_eq!(
            runtime_source(Some("https://example.com/a\"b"), out).unwrap(),
            "git = \"https://example.com/a\\\"b\""
        );
        assert_eq!(relative(Path::new("/a/b/c"), Path::new("/a/d")), "../../d");
        assert_eq!(relative(Path::new("/a"), Path::new("/a/b/c")), "b/c");
    }
}
