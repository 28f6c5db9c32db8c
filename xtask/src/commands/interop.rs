//! `cargo xtask interop`: compares with the official SDKs.
//!
//! The unmodified official SDKs call the simulator of the `cams` command, and the official package for credentials must
//! choose the same source and key as `alibabacloud-credentials` from the same files and variables. The requests that an
//! official SDK sends for actions of the ROA style are captured and compared with ours.
//!
//! It is not part of `ci`, because it needs Python and a package index, and a release of those packages must not fail
//! the checks of an unrelated change. Run it after changes to the simulator, to a signature or to the credentials.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};

use super::cargo::{cargo, root, target};
use super::unknown_argument;

/// The official SDKs: one generated for the product (V3 and V1 signatures), the older core (V1), and the credentials of
/// both.
const PACKAGES: &[&str] = &["alibabacloud_cams20200606", "aliyun-python-sdk-core", "alibabacloud_credentials"];

/// The official SDK of a product of the ROA style; its calls are in `tests/interop/capture_roa.py`.
const ROA_PACKAGE: &str = "alibabacloud_cs20151215";

pub fn run(arguments: &[String]) -> Result<ExitCode, String> {
    if let Some(argument) = arguments.first() {
        return Ok(unknown_argument(argument));
    }
    let target = target()?;
    let python = prepare_python(&target.join("interop"))?;
    println!("== Building `cams`");
    cargo(&["build", "--package", "alibabacloud-cli", "--bin", "cams"], &[])?;
    let program = target.join("debug").join(format!("cams{}", std::env::consts::EXE_SUFFIX));

    println!("== Calling the simulator with the official SDKs");
    let simulator = Served::start(&program)?;
    let script = root().join("tests/interop/official_sdks.py");
    let status = Command::new(&python)
        .arg(script)
        .arg(&simulator.url)
        // The simulator listens on the loopback interface, which a proxy cannot reach.
        .env("NO_PROXY", "127.0.0.1")
        .env("no_proxy", "127.0.0.1")
        .status()
        .map_err(|error| format!("`{}` cannot be started: {error}", python.display()))?;
    drop(simulator);
    if !status.success() {
        return Err(format!("the official SDKs and the simulator disagree ({status})"));
    }
    println!("== The official SDKs and the simulator agree");
    compare_credentials(&python, &target)?;
    compare_paths(&python, &target)?;
    Ok(ExitCode::SUCCESS)
}

/// Compares the canonical requests of actions of the ROA style with those of an official SDK.
fn compare_paths(python: &Path, target: &Path) -> Result<(), String> {
    let missing = |what: &str| println!("== NOT CHECKED: requests of the ROA style, because {what}");
    println!("== Installing {ROA_PACKAGE}");
    let mut install = Command::new(python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ROA_PACKAGE]);
    if let Err(problem) = step(&mut install, "the package cannot be installed") {
        missing(&problem);
        return Ok(());
    }
    println!("== Capturing the requests of {ROA_PACKAGE}");
    let output = Command::new(python)
        .arg(root().join("tests/interop/capture_roa.py"))
        .env("NO_PROXY", "127.0.0.1")
        .env("no_proxy", "127.0.0.1")
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("`{}` cannot be started: {error}", python.display()))?;
    if !output.status.success() {
        missing("the SDK sends no requests");
        return Ok(());
    }
    let captures = target.join("interop/roa-captures.json");
    std::fs::write(&captures, &output.stdout)
        .map_err(|error| format!("`{}` cannot be written: {error}", captures.display()))?;
    let captures = captures.display().to_string();
    cargo(
        &["test", "--quiet", "--package", "alibabacloud-runtime", "--test", "official_roa"],
        &[("ROA_CAPTURES", &captures)],
    )?;
    println!("== {ROA_PACKAGE} and our client make the same canonical requests");
    Ok(())
}

/// Compares the credentials that the official package and ours choose in the same environments.
fn compare_credentials(python: &Path, target: &Path) -> Result<(), String> {
    println!("== Building the example `which_credentials`");
    cargo(&["build", "--package", "alibabacloud-credentials", "--example", "which_credentials"], &[])?;
    let program = target.join("debug/examples").join(format!("which_credentials{}", std::env::consts::EXE_SUFFIX));
    println!("== Comparing the choice of credentials");
    let mut compare = Command::new(python);
    compare.arg(root().join("tests/interop/official_credentials.py")).arg(program);
    step(&mut compare, "the official package for credentials and ours choose differently")?;
    println!("== The official package for credentials and ours choose alike, except for the intended differences");
    Ok(())
}

/// Creates a virtual environment with the packages; returns its Python.
fn prepare_python(folder: &Path) -> Result<PathBuf, String> {
    let python = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    if !python.is_file() {
        println!("== Creating a Python environment in {}", folder.display());
        let mut create = Command::new(if cfg!(windows) { "python" } else { "python3" });
        create.args(["-m", "venv"]).arg(folder);
        let missing = "Python 3 with its module `venv` is missing (Debian and Ubuntu: the package `python3-venv`)";
        if let Err(problem) = step(&mut create, missing) {
            // The next run would use an incomplete environment.
            let _ = std::fs::remove_dir_all(folder);
            return Err(problem);
        }
    }
    println!("== Installing {}", PACKAGES.join(", "));
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(PACKAGES);
    step(&mut install, "the official SDKs cannot be installed; `pip` needs access to a package index")?;
    Ok(python)
}

/// Runs a program; `missing` is the error if it fails.
fn step(command: &mut Command, missing: &str) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{missing} ({status})")),
        Err(error) => Err(format!("{missing} ({error})")),
    }
}

/// `cams simulator` as a child process; killed when dropped.
struct Served {
    child: Child,
    url: String,
    /// Kept open: the child may print more.
    stdout: BufReader<ChildStdout>,
}

impl Served {
    fn start(program: &Path) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("`{} simulator` cannot be started: {error}", program.display());
        let mut child = Command::new(program)
            .args(["simulator", "--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let Some(stdout) = child.stdout.take() else {
            return Err("the simulator has no standard output".to_owned());
        };
        let mut served = Self { child, url: String::new(), stdout: BufReader::new(stdout) };
        served.stdout.read_line(&mut served.url).map_err(failed)?;
        served.url.truncate(served.url.trim_end().len());
        if served.url.is_empty() { Err("the simulator ended before it printed its URL".to_owned()) } else { Ok(served) }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
