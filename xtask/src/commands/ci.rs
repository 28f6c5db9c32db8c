//! `cargo xtask ci`: all checks that a change must pass.

use std::process::ExitCode;
use std::time::Instant;

use super::cargo::{cargo, has_cargo_command};
use super::{generate, msrv, package, programs, unknown_argument};
use crate::layout::crate_name;

/// A step: its name and its function.
type Step = (&'static str, fn() -> Result<(), String>);

const STEPS: &[Step] = &[
    ("formatting", formatting),
    ("generated files are current", generated),
    ("dependencies keep the declared minimum Rust version", msrv::check),
    ("licenses, sources and duplicates of the dependencies", dependencies),
    ("every crate can be packaged", package::check),
    ("lints", lints),
    ("lints without default features, and with each feature alone", lints_of_each_feature),
    ("a Redis server for the tests", redis),
    ("a browser for the tests", browser),
    ("tests", tests),
    ("examples in the documentation", doctests),
    ("documentation", documentation),
];

pub fn run(arguments: &[String]) -> Result<ExitCode, String> {
    if let Some(argument) = arguments.first() {
        return Ok(unknown_argument(argument));
    }
    for (name, step) in STEPS {
        println!("== {name}");
        let start = Instant::now();
        step().map_err(|problem| format!("{name}: {problem}"))?;
        println!("== {name}: passed after {:.0} s\n", start.elapsed().as_secs_f64());
    }
    println!("All {} steps passed.", STEPS.len());
    Ok(ExitCode::SUCCESS)
}

fn formatting() -> Result<(), String> {
    needs("fmt", "rustfmt")?;
    cargo(&["fmt", "--all", "--check"], &[]).map_err(|problem| format!("{problem}; run `cargo fmt --all`"))
}

fn generated() -> Result<(), String> {
    match generate::run(&["--check".to_owned()])? {
        ExitCode::SUCCESS => Ok(()),
        _ => Err("run `cargo xtask generate`".to_owned()),
    }
}

fn lints() -> Result<(), String> {
    needs("clippy", "clippy")?;
    cargo(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"], &[])
}

fn lints_of_each_feature() -> Result<(), String> {
    let packages = crates_with_transports()?;
    let packages = packages.iter().flat_map(|package| ["--package", package.as_str()]);
    let packages: Vec<&str> = packages.chain(["--lib"]).collect();
    for feature in [
        "",
        "reqwest,ring",
        "hyper,aws-lc-rs",
        "hyper,reqwest,ring,aws-lc-rs,http2",
        "tracing",
        "blocking",
        "redis",
        "redis-tls,ring",
    ] {
        let features = ["clippy", "--no-default-features", "--features", feature];
        cargo(&[&features[..], &packages, &["--", "--deny", "warnings"]].concat(), &[])?;
    }
    // Only some crates have this feature.
    let credentials =
        ["clippy", "--no-default-features", "--package", "alibabacloud-cams", "--features", "credentials", "--lib"];
    cargo(&[&credentials[..], &["--", "--deny", "warnings"]].concat(), &[])?;
    let alone = ["clippy", "--no-default-features", "--package", "alibabacloud-credentials", "--lib"];
    cargo(&[&alone[..], &["--", "--deny", "warnings"]].concat(), &[])
}

/// Checks the dependencies against `.cargo/deny.toml`. `cargo deny` takes minutes to build, and the list of known
/// vulnerabilities comes from the network: if either is missing, the step prints what was not checked.
fn dependencies() -> Result<(), String> {
    if !has_cargo_command("deny") {
        println!("NOT CHECKED: `cargo deny` is missing; run `cargo install --locked cargo-deny`");
        return Ok(());
    }
    let checks = |checks: &[&str]| cargo(&[&["deny", "check"], checks].concat(), &[]);
    checks(&["bans", "licenses", "sources"])?;
    if let Err(problem) = cargo(&["deny", "fetch", "db"], &[]) {
        println!("NOT CHECKED: known vulnerabilities of the dependencies: {problem}");
        return Ok(());
    }
    checks(&["advisories"])
}

/// Each test of the shared quota starts its own server.
fn redis() -> Result<(), String> {
    programs::provide(&["redis-server"], "redis-server", "`redis-server` (Redis 5 or later)")
}

/// The names of the Chromium program; `crates/cli/tests/support/browser.rs` has the same list.
const BROWSERS: &[&str] = &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Finds or installs the browser that opens the page of `cams report`. It is large and not available everywhere: if it
/// is missing, the step prints what was not checked.
#[allow(clippy::unnecessary_wraps, reason = "all steps have this signature")]
fn browser() -> Result<(), String> {
    if let Err(problem) = programs::provide(BROWSERS, "chromium", "Chromium") {
        println!("NOT CHECKED: the page of `cams report` in a browser: {problem}");
    }
    Ok(())
}

fn tests() -> Result<(), String> {
    // A snapshot that differs fails the test and is not written. Tests that need a Redis server, a toolchain with a
    // readable rustdoc format or an installed browser fail instead of being skipped.
    let mut environment = vec![("INSTA_UPDATE", "no"), ("REQUIRE_REDIS", "1"), ("REQUIRE_PUBLIC_API", "1")];
    if programs::is_there(BROWSERS) {
        environment.push(("REQUIRE_CHROMIUM", "1"));
    }
    if has_cargo_command("nextest") {
        // The profile explains the slots.
        let slots = std::thread::available_parallelism().map_or(2, |cores| 2 * cores.get()).to_string();
        cargo(&["nextest", "run", "--workspace", "--profile", "ci", "--test-threads", &slots], &environment)
    } else {
        cargo(&["test", "--workspace", "--all-targets", "--no-fail-fast"], &environment)
    }
}

fn doctests() -> Result<(), String> {
    cargo(&["test", "--workspace", "--doc"], &[])
}

/// Documents the libraries without features, and everything with all features, as docs.rs does.
fn documentation() -> Result<(), String> {
    let environment = [("RUSTDOCFLAGS", "--deny warnings")];
    let packages = crates_with_transports()?;
    let packages = packages.iter().flat_map(|package| ["--package", package.as_str()]);
    let packages: Vec<&str> = packages.chain(["--package", "alibabacloud-credentials"]).collect();
    cargo(&[&["doc", "--no-deps", "--lib", "--no-default-features"], &packages[..]].concat(), &environment)?;
    cargo(&["doc", "--workspace", "--no-deps", "--all-features"], &environment)
}

/// The runtime and the products, which have the features of the transports.
fn crates_with_transports() -> Result<Vec<String>, String> {
    let products = generate::products()?;
    let products = products.iter().map(|product| crate_name(product));
    Ok(products.chain(["alibabacloud-runtime".to_owned()]).collect())
}

fn needs(command: &str, component: &str) -> Result<(), String> {
    if has_cargo_command(command) {
        return Ok(());
    }
    Err(format!("`cargo {command}` is missing; `rustup component add {component}` installs it"))
}
