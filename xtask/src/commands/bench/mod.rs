//! `cargo xtask bench NAME`: the measurements, each a program of its own below `tests/benches/`, but for that of the generator.
//!
//! They report figures and judge nothing, so they are not part of `ci`, which only builds them.

mod build;
mod derived;
mod generate;

use std::process::ExitCode;

use super::cargo::{cargo, target};
use super::unknown_argument;

/// A measurement: its name (the file below `tests/benches/`) and what it measures.
const BENCHES: &[(&str, &str)] = &[
    (
        "bulk",
        "[ROWS] [SECONDS]: memory and rows per second of a bulk; how much of a quota it uses; needs `redis-server`",
    ),
    ("call", "CPU per call beside plain reqwest; signing beside bare hashing; decoding beside serde derive"),
    ("fleet", "16 processes share a quota through Redis, undisturbed and disturbed; needs `redis-server`"),
    ("pages", "How much of a quota the pages of one list use, in virtual time"),
    ("permit", "What a permit of this process costs, alone and with many waiting"),
    ("throttle", "How much of a quota is used and rejected, in virtual time, beside what other limiters do"),
];

/// The measurement that needs the generator itself.
const GENERATE: (&str, &str) =
    ("generate", "[FILE] [--build]: importing and generating metadata; building the crate beside serde derive");

/// The measurement of builds.
const BUILD: (&str, &str) =
    ("build", "[NAME]…: a program of one call, built cold in release with each choice of features: CPU, crates, size");

pub fn run(arguments: &[String]) -> Result<ExitCode, String> {
    let Some((name, rest)) = arguments.split_first() else {
        println!("Usage: cargo xtask bench NAME [ARGUMENT]…\n\nMeasurements:");
        for (name, about) in BENCHES.iter().chain([&BUILD, &GENERATE]) {
            println!("  {name:<10}{about}");
        }
        return Ok(ExitCode::SUCCESS);
    };
    if !BENCHES.iter().chain([&BUILD, &GENERATE]).any(|(known, _)| known == name) {
        return Ok(unknown_argument(name));
    }
    if name == BUILD.0 {
        return build::run(rest);
    }
    if name == GENERATE.0 {
        return generate::run(rest);
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
