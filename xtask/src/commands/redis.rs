//! A `redis-server` for the tests of the shared quota: each test starts its own; this sees that the program is there.

use std::path::Path;
use std::process::{Command, Stdio};

/// Installs `redis-server` from the system's packages where it is missing and that is allowed.
pub fn provide() -> Result<(), String> {
    if is_there() {
        return Ok(());
    }
    let missing = "`redis-server` (Redis 5 or later) is missing";
    if !Path::new("/etc/debian_version").exists() {
        return Err(format!("{missing}; install it with the system's package manager"));
    }
    let by_hand = "`apt-get install redis-server` installs it";
    let root = output("id", &["-u"]).is_some_and(|id| id.trim() == "0");
    if !root && output("sudo", &["-n", "true"]).is_none() {
        return Err(format!("{missing}, and installing it needs root; {by_hand}"));
    }
    println!("{missing}; installing it");
    for arguments in [&["update"][..], &["install", "--yes", "--no-install-recommends", "redis-server"]] {
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
    if is_there() { Ok(()) } else { Err(format!("{missing} although it was installed; is it on the PATH?")) }
}

fn is_there() -> bool {
    output("redis-server", &["--version"]).is_some()
}

/// What a program prints, if it succeeds.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
