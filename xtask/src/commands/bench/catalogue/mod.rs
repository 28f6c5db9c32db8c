//! `cargo xtask bench catalogue [PERCENT] [--check | --test]`: a synthetic catalogue as large as the public one.

mod metadata;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use self::metadata::{Writer, sizes};
use super::generate::{generated, specifications_of, write_files};
use crate::commands::cargo::{cargo, root, target};
use crate::commands::unknown_argument;
use crate::emit::toml;
use crate::generate::Generated;
use crate::import;

pub fn run(arguments: &[String]) -> Result<ExitCode, String> {
    let (mut percent, mut build) = (100, None);
    for argument in arguments {
        match argument.as_str() {
            "--check" => build = Some("check"),
            "--test" => build = Some("test"),
            number => match number.parse() {
                Ok(1..=100) => percent = number.parse().unwrap_or(100),
                _ => return Ok(unknown_argument(argument)),
            },
        }
    }
    if cfg!(debug_assertions) {
        let mut again = vec!["run", "--release", "--quiet", "--package", "xtask", "--", "bench", "catalogue"];
        again.extend(arguments.iter().map(String::as_str));
        cargo(&again, &[])?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut writer = Writer::new(1, 1);
    let (rpc, roa) = sizes();
    let products = rpc.iter().map(|size| (*size, false)).chain(roa.iter().map(|size| (*size, true)));
    let texts: Vec<String> = products
        .enumerate()
        .map(|(index, (size, is_roa))| writer.product(index, is_roa, size * percent / 100).to_string())
        .collect();
    let bytes: usize = texts.iter().map(String::len).sum();
    println!("{} products, {} MB of metadata. Constructs written:", texts.len(), bytes / 1_000_000);
    for name in metadata::constructs() {
        println!("  {:>8}  {name}", writer.counts.get(name).copied().unwrap_or(0));
    }

    let start = Instant::now();
    let mut importing = Duration::ZERO;
    let mut slowest = (Duration::ZERO, 0, 0);
    let mut crates = Vec::new();
    let mut notes: BTreeMap<String, usize> = BTreeMap::new();
    let (mut documented, mut imported_actions) = (0, 0);
    for (index, text) in texts.iter().enumerate() {
        let begin = Instant::now();
        let imported = import::import(text, &[], &[], None).map_err(|error| format!("product {index}: {error}"))?;
        importing += begin.elapsed();
        for line in imported.notes.render(0).lines().filter(|line| line.contains("left out")) {
            let (what, count) = line.trim_end_matches([':', ' ']).rsplit_once(" (").unwrap_or((line, "0"));
            let count = count.split(')').next().and_then(|count| count.parse().ok()).unwrap_or(0);
            *notes.entry(what.to_owned()).or_default() += count;
        }
        imported_actions += imported.actions;
        let sources = specifications_of(imported);
        let generated = generated(&sources).map_err(|error| format!("product {index}: {error}"))?;
        documented += generated.actions;
        let whole = begin.elapsed();
        if whole > slowest.0 {
            slowest = (whole, index, generated.actions);
        }
        crates.push(generated);
    }
    let whole = start.elapsed();
    println!("\nWhat was left out:");
    for (note, count) in &notes {
        println!("  {count:>8}  {note}");
    }
    println!(
        "\n{imported_actions} actions imported, {documented} generated in {:.2} s, {:.2} s of it importing: {} us an action. \
         The slowest product: {} actions in {:.0} ms.",
        whole.as_secs_f64(),
        importing.as_secs_f64(),
        whole.as_micros() / documented.max(1) as u128,
        slowest.2,
        slowest.0.as_secs_f64() * 1e3
    );
    if let Some(command) = build {
        built(&crates, command)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Checks or tests all crates in one workspace; warnings are errors.
fn built(crates: &[Generated], command: &str) -> Result<(), String> {
    let folder = target()?.join("bench-catalogue");
    let mut members = Vec::new();
    for (index, generated) in crates.iter().enumerate() {
        let name = format!("product{index}");
        write_files(&folder.join(&name), generated.plan.files())?;
        members.push(name);
    }
    let members: Vec<String> = members.iter().map(|name| toml(name)).collect();
    let workspace = format!("[workspace]\nresolver = \"3\"\nmembers = [{}]\n", members.join(", "));
    let write =
        |path: &Path, text: &[u8]| std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()));
    write(&folder.join("Cargo.toml"), workspace.as_bytes())?;
    let lock = root().join("Cargo.lock");
    std::fs::copy(&lock, folder.join("Cargo.lock")).map_err(|error| format!("{}: {error}", lock.display()))?;
    let start = Instant::now();
    let mut cargo = Command::new("cargo");
    cargo.args([command, "--workspace", "--quiet"]).args((command == "check").then_some("--tests"));
    let status = cargo
        .current_dir(&folder)
        .env("CARGO_TARGET_DIR", folder.with_file_name("bench-catalogue-target"))
        .env("CARGO_INCREMENTAL", "0")
        .env("RUSTFLAGS", "-Dwarnings")
        .status()
        .map_err(|error| format!("cargo cannot be started: {error}"))?;
    println!("`cargo {command}` took {:.0} s", start.elapsed().as_secs_f64());
    if status.success() { Ok(()) } else { Err(format!("`cargo {command}` failed")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_construct_of_the_public_catalogue_imports_and_generates() {
        let mut writer = Writer::new(3, 2000);
        let (mut all, mut generated_actions) = (0, 0);
        for (index, actions) in [0, 90, 60, 40, 20, 9, 60, 40, 20, 9].into_iter().enumerate() {
            let metadata = writer.product(index, index > 5, actions);
            let imported = import::import(&metadata.to_string(), &[], &[], None).unwrap();
            let notes = imported.notes.render(usize::MAX);
            let sources = specifications_of(imported);
            let product = generated(&sources).unwrap_or_else(|problem| panic!("product {index}: {problem}"));
            // Every action that is left out has a reason.
            for name in metadata["apis"].as_object().unwrap().keys() {
                let is_there = sources.iter().any(|file| file.path == format!("spec/{name}.yaml"));
                let is_explained = notes.lines().any(|line| line.contains("left out") && line.contains(name.as_str()));
                assert!(is_there || is_explained, "product {index}, {name}: {notes}");
            }
            all += actions;
            generated_actions += product.actions;
        }
        let missing: Vec<_> = metadata::constructs().filter(|name| !writer.counts.contains_key(name)).collect();
        assert!(missing.is_empty(), "{missing:?}");
        assert!(generated_actions * 10 > all * 7, "{generated_actions} of {all} actions");
    }

    #[test]
    fn the_catalogue_has_the_size_of_the_public_one() {
        let (rpc, roa) = metadata::sizes();
        assert_eq!((rpc.len(), rpc.iter().sum::<usize>()), (269, 19_702));
        assert_eq!((roa.len(), roa.iter().sum::<usize>()), (70, 3_844));
    }
}
