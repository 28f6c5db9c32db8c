//! Runs cargo for the commands.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the repository.
pub fn root() -> PathBuf {
    // This package is one level below the root of the checkout it was built from.
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_owned()
}

/// The target folder.
pub fn target() -> Result<PathBuf, String> {
    // This program is in `<target>/<profile>/`.
    let program =
        std::env::current_exe().map_err(|error| format!("the path of this program cannot be found: {error}"))?;
    let folder =
        program.ancestors().nth(2).ok_or_else(|| format!("`{}` is not in a target folder", program.display()))?;
    Ok(folder.to_owned())
}

/// Runs cargo in the repository's root.
pub fn cargo(arguments: &[&str], environment: &[(&str, &str)]) -> Result<(), String> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let shown = format!("cargo {}", arguments.join(" "));
    let status = Command::new(program)
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(root())
        .status()
        .map_err(|error| format!("`{shown}` cannot be started: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{shown}` failed ({status})")) }
}

/// Whether `cargo NAME` exists.
pub fn has_cargo_command(name: &str) -> bool {
    Command::new(format!("cargo-{name}")).arg("--version").output().is_ok_and(|output| output.status.success())
}
