//! `cargo xtask demo`: from the specifications to typed responses, without an account.

use std::process::ExitCode;

use super::cargo::cargo;
use super::{generate, unknown_argument};

pub fn run(arguments: &[String]) -> Result<ExitCode, String> {
    if let Some(argument) = arguments.first() {
        return Ok(unknown_argument(argument));
    }
    println!("== Generating the client from api-spec/");
    let generated = generate::run(&[])?;
    if generated != ExitCode::SUCCESS {
        return Ok(generated);
    }
    println!("\n== Building and running the example crates/cams/examples/demo.rs");
    cargo(&["build", "--package", "alibabacloud-cams", "--example", "demo"], &[])?;
    println!();
    cargo(&["run", "--quiet", "--package", "alibabacloud-cams", "--example", "demo"], &[])?;
    println!("\nNext: `cargo run --bin cams -- --help`, or the examples in crates/cams/examples.");
    Ok(ExitCode::SUCCESS)
}
