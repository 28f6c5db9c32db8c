//! Programs that tests start: found on the PATH, or installed from the system's packages if that is allowed.

use std::path::Path;
use std::process::{Command, Stdio};

/// Makes sure that one of the `programs` is installed. `package` is the Debian package of the first one; `wanted` is
/// the name in errors.
pub fn provide(programs: &[&str], package: &str, wanted: &str) -> Result<(), String> {
    if is_there(programs) {
        return Ok(());
    }
    let missing = format!("{wanted} is missing");
    if !Path::new("/etc/debian_version").exists() {
        return Err(format!("{missing}; install it with the system's package manager"));
    }
    let by_hand = format!("run `apt-get install {package}`");
    let root = output("id", &["-u"]).is_some_and(|id| id.trim() == "0");
    if !root && output("sudo", &["-n", "true"]).is_none() {
        return Err(format!("{missing}, and installing it needs root; {by_hand}"));
    }
    println!("{missing}; installing it");
    for arguments in [&["update"][..], &["install", "--yes", "--no-install-recommends", package]] {
        let (program, first) = if root { ("apt-get", None) } else { ("sudo", Some("apt-get")) };
        let status = Command::new(program)
            .args(first)
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdout(Stdio::null())
            .status()
            .map_err(|error| format!("{missing}, and `apt-get` cannot be started: {error}"))?;
        if !status.success() {
            return Err(format!("{missing}, and `apt-get {}` failed ({status}); {by_hand}", arguments.join(" ")));
        }
    }
    if is_there(programs) { Ok(()) } else { Err(format!("{missing} although it was installed; is it on the PATH?")) }
}

/// Whether one of the programs starts.
pub fn is_there(programs: &[&str]) -> bool {
    programs.iter().any(|program| output(program, &["--version"]).is_some())
}

/// The output of a program; `None` if it fails.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
