//! `package`: packages every crate as it would be published, and compiles the packages in a separate workspace.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use serde_json::Value;

use super::cargo::{cargo, root, target};
use super::unknown_argument;

/// A crate below `crates/`.
struct Package {
    name: String,
    version: String,
}

pub fn run(arguments: &[String]) -> Result<ExitCode, String> {
    if let Some(argument) = arguments.first() {
        return Ok(unknown_argument(argument));
    }
    let packages = pack()?;
    compile(&packages)?;
    Ok(ExitCode::SUCCESS)
}

/// Packages every crate; cargo orders them by their dependencies.
///
/// Cargo writes no lock file and compiles nothing here, because both need the other crates in the registry, and these
/// are not published (`publish = false`). [`compile`] compiles the packages instead.
fn pack() -> Result<Vec<Package>, String> {
    let packages = packages()?;
    let mut arguments = vec!["package", "--no-verify", "--exclude-lockfile", "--allow-dirty"];
    for package in &packages {
        arguments.extend(["--package", &package.name]);
    }
    cargo(&arguments, &[])?;
    Ok(packages)
}

/// Checks, for `ci`, that the crates can be packaged, without compiling them.
pub fn check() -> Result<(), String> {
    pack().map(drop)
}

/// Compiles the packages against each other. This finds files that are missing in a package, and dependencies that only
/// the repository has.
fn compile(packages: &[Package]) -> Result<(), String> {
    let target = target()?;
    let folder = target.join("package");
    let mut manifest = String::from("[workspace]\nresolver = \"3\"\nmembers = [\n");
    let mut patches = String::from("]\n\n[patch.crates-io]\n");
    for Package { name, version } in packages {
        let unpacked = format!("{name}-{version}");
        unpack(&folder, &unpacked)?;
        manifest += &format!("    \"{unpacked}\",\n");
        patches += &format!("{name} = {{ path = \"{unpacked}\" }}\n");
    }
    let failed = |error: std::io::Error| format!("`{}` cannot be written: {error}", folder.display());
    fs::write(folder.join("Cargo.toml"), manifest + &patches).map_err(failed)?;
    fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock")).map_err(failed)?;
    let manifest = folder.join("Cargo.toml").display().to_string();
    // The usual target folder, where the dependencies are already compiled.
    let target = target.display().to_string();
    cargo(&["check", "--workspace", "--manifest-path", &manifest, "--target-dir", &target], &[])
}

fn unpack(folder: &Path, name: &str) -> Result<(), String> {
    let unpacked = folder.join(name);
    if unpacked.exists() {
        fs::remove_dir_all(&unpacked)
            .map_err(|error| format!("`{}` cannot be removed: {error}", unpacked.display()))?;
    }
    let archive = format!("{name}.crate");
    let status = Command::new("tar").arg("-xzf").arg(&archive).current_dir(folder).status();
    let status = status.map_err(|error| format!("`tar` cannot be started: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`tar -xzf {archive}` failed ({status})")) }
}

/// The crates below `crates/`.
fn packages() -> Result<Vec<Package>, String> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(program)
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(root())
        .output()
        .map_err(|error| format!("`cargo metadata` cannot be started: {error}"))?;
    let metadata: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("the output of `cargo metadata` cannot be read: {error}"))?;
    let folder = root().join("crates");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = metadata["packages"].as_array().into_iter().flatten();
    let ours = all.filter(|package| Path::new(&text(&package["manifest_path"])).starts_with(&folder));
    let packages: Vec<_> =
        ours.map(|package| Package { name: text(&package["name"]), version: text(&package["version"]) }).collect();
    if packages.is_empty() { Err("`cargo metadata` lists no crate below `crates/`".to_owned()) } else { Ok(packages) }
}
