//! `cargo xtask bench NAME`: runs benchmarks, most of which are programs below `tests/benches/`.
//!
//! They print figures and have no limits to pass, so `ci` builds them and does not run them.

mod build;
mod catalogue;
mod derived;
mod generate;

use std::process::ExitCode;

use super::cargo::{cargo, target};
use super::unknown_argument;

/// A benchmark: its name (the file below `tests/benches/`) and its description.
const BENCHES: &[(&str, &str)] = &[
    (
        "bulk",
        "[ROWS] [SECONDS]: memory and rows per second of a bulk run, and the part of a quota that it uses; needs `redis-server`",
    ),
    ("call", "CPU time per call, signing and decoding, compared with plain reqwest, hashing and serde derive"),
    ("fleet", "a quota that 16 processes share through Redis, with and without disturbances; needs `redis-server`"),
    ("pages", "the part of a quota that the pages of one list use, in virtual time"),
    ("permit", "CPU time per permit of a local throttle, with few and many waiting calls"),
    ("throttle", "the part of a quota that is used and rejected, in virtual time, compared with other limiters"),
];

/// The benchmark of the generator.
const GENERATE: (&str, &str) =
    ("generate", "[FILE] [--build]: importing metadata and generating a crate; build time compared with serde derive");

/// The benchmark of builds.
const BUILD: (&str, &str) =
    ("build", "[NAME]…: CPU time, crates and size of a release build, with each choice of features");

/// The benchmark of a whole catalogue.
const CATALOGUE: (&str, &str) = (
    "catalogue",
    "[PERCENT] [--check | --test]: importing and generating a synthetic catalogue as large as the public one, and compiling it",
);

pub fn run(arguments: &[String]) -> Result<ExitCode, String> {
    let Some((name, rest)) = arguments.split_first() else {
        println!("Usage: cargo xtask bench NAME [ARGUMENT]…\n\nBenchmarks:");
        for (name, about) in BENCHES.iter().chain([&BUILD, &CATALOGUE, &GENERATE]) {
            println!("  {name:<10}{about}");
        }
        return Ok(ExitCode::SUCCESS);
    };
    if !BENCHES.iter().chain([&BUILD, &CATALOGUE, &GENERATE]).any(|(known, _)| known == name) {
        return Ok(unknown_argument(name));
    }
    if name == BUILD.0 {
        return build::run(rest);
    }
    if name == GENERATE.0 {
        return generate::run(rest);
    }
    if name == CATALOGUE.0 {
        return catalogue::run(rest);
    }
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    let bench = ["bench", "--quiet", "--package", "conformance", "--bench", name.as_str(), "--"];
    let mut environment = Vec::new();
    let program = target()?.join("release").join(format!("cams{}", std::env::consts::EXE_SUFFIX));
    if name == "bulk" {
        cargo(&["build", "--quiet", "--release", "--package", "alibabacloud-cli"], &[])?;
        environment.push(("CAMS_PROGRAM", program.to_str().ok_or("the path of the command is not UTF-8")?));
    }
    cargo(&[&bench[..], &rest].concat(), &environment)?;
    Ok(ExitCode::SUCCESS)
}
