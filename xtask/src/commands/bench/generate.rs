//! `cargo xtask bench generate [FILE] [--build]`: what importing, generating and building a whole product cost.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::derived;
use crate::commands::cargo::{cargo, root, target};
use crate::commands::unknown_argument;
use crate::emit::toml;
use crate::generate::{Failure, Generated, generate_crate};
use crate::import::{self, Imported, LOCK};
use crate::layout::crate_name;
use crate::plan::at;
use crate::spec::InputFile;
use crate::{model, spec};

/// Rounds of each measurement; the best counts, because everything else on the machine only adds time.
const ROUNDS: usize = 3;

/// The action whose answer is decoded, where the metadata has it.
const DECODED: &str = "ChatappSyncPhoneNumber";

pub fn run(arguments: &[String]) -> Result<ExitCode, String> {
    let mut file = root().join("xtask/fixtures/imported/api-docs.json");
    let mut build = false;
    for argument in arguments {
        match argument.as_str() {
            "--build" => build = true,
            _ if argument.starts_with('-') => return Ok(unknown_argument(argument)),
            path => file = PathBuf::from(path),
        }
    }
    if cfg!(debug_assertions) {
        let mut again = vec!["run", "--release", "--quiet", "--package", "xtask", "--", "bench", "generate"];
        let file = at(&file, file.canonicalize()).map_err(|error| error.to_string())?;
        let file = file.to_string_lossy().into_owned();
        again.push(&file);
        again.extend(build.then_some("--build"));
        cargo(&again, &[])?;
        return Ok(ExitCode::SUCCESS);
    }
    let metadata = at(&file, fs::read_to_string(&file)).map_err(|error| error.to_string())?;
    generating(&metadata)?;
    if build {
        building(&metadata)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// From metadata to code in memory, for one and many times the actions.
fn generating(metadata: &str) -> Result<(), String> {
    println!("Metadata to specifications to code, in memory:");
    let mut first = None;
    for copies in [1, 10, 100] {
        let metadata = copied(metadata, copies)?;
        let rounds = if copies == 100 { 1 } else { ROUNDS };
        let mut best: Option<(Duration, Duration, usize)> = None;
        for _ in 0..rounds {
            let start = Instant::now();
            let sources = specifications(&metadata, &[])?;
            let imported = start.elapsed();
            let generated = generated(&sources)?;
            let whole = start.elapsed();
            if best.is_none_or(|(known, ..)| whole < known) {
                best = Some((whole, imported, generated.actions));
            }
        }
        let Some((whole, imported, actions)) = best else { continue };
        let each = whole.as_secs_f64() * 1e6 / f64::from(u32::try_from(actions.max(1)).unwrap_or(u32::MAX));
        let growth = each / *first.get_or_insert(each);
        println!(
            "  {actions:>6} actions: {:>8.1} ms, {:.1} ms of it importing; {each:.0} us an action ({growth:.2} of the first line)",
            whole.as_secs_f64() * 1e3,
            imported.as_secs_f64() * 1e3,
        );
    }
    Ok(())
}

/// The metadata with every action this many times, under new names.
fn copied(metadata: &str, copies: usize) -> Result<String, String> {
    let mut metadata: Value = serde_json::from_str(metadata).map_err(|error| error.to_string())?;
    if let Some(apis) = metadata.get_mut("apis").and_then(Value::as_object_mut) {
        let originals: Vec<_> = apis.iter().map(|(name, api)| (name.clone(), api.clone())).collect();
        for copy in 1..copies {
            for (name, api) in &originals {
                apis.insert(format!("{name}Copy{copy}"), api.clone());
            }
        }
    }
    Ok(metadata.to_string())
}

fn specifications(metadata: &str, only: &[String]) -> Result<Vec<InputFile>, String> {
    import::import(metadata, only, &[], None).map(specifications_of)
}

/// The specifications that an import has written.
pub fn specifications_of(imported: Imported) -> Vec<InputFile> {
    let files = imported.files.into_iter().filter(|(name, _)| name != LOCK);
    files.map(|(name, text)| InputFile { path: format!("spec/{name}"), bytes: text.into_bytes() }).collect()
}

/// The crate of these specifications, with the runtime of the repository.
pub fn generated(sources: &[InputFile]) -> Result<Generated, String> {
    let runtime = root().join("crates/runtime");
    generate_crate(sources, &format!("path = {}", toml(&runtime.to_string_lossy())), None).map_err(|failure| {
        match failure {
            Failure::Findings(findings) => crate::diagnostic::render(&findings, false),
            Failure::Internal(message) => message,
        }
    })
}

/// The crate beside the same one with serde's derive macros.
fn building(metadata: &str) -> Result<(), String> {
    let folder = target()?.join("bench-generate");
    let sources = specifications(metadata, &[])?;
    let (spec, _) = spec::parse(&sources);
    let spec = spec.ok_or("the specifications cannot be read")?;
    let model = model::build(&spec, true).map_err(|findings| crate::diagnostic::render(&findings, false))?;
    let names: Vec<String> = model.actions.iter().map(|action| action.facts.name.value.clone()).collect();
    let features: Vec<&str> = model.actions.iter().filter_map(|action| action.feature.as_deref()).take(3).collect();

    let whole = folder.join("whole");
    write(&whole, generated(&sources)?.plan.files())?;
    let few = folder.join("few");
    let first_two = specifications(metadata, &names[..names.len().min(2)])?;
    write(&few, generated(&first_two)?.plan.files())?;
    let derived = folder.join("derived");
    let files = derived::files(&model);
    write(&derived, files.iter().map(|(path, text)| (path.as_str(), text.as_str())))?;

    println!(
        "\nBuilding the crate alone, dependencies ready (in turns, the best of {ROUNDS}; CPU of all cores, which other work on the \
         machine changes little; peak memory of the compiler):"
    );
    let selected = match features.as_slice() {
        [_, _, _] => {
            vec!["--no-default-features".to_owned(), format!("--features=reqwest,aws-lc-rs,{}", features.join(","))]
        }
        _ => Vec::new(),
    };
    for (profile, release) in [("debug", false), ("release", true)] {
        let with_serde = ["--features=serde".to_owned()];
        let mut subjects = vec![
            Subject::new("this generator", &whole, &[]),
            Subject::new("serde derive", &derived, &[]),
            Subject::new("feature `serde` on", &whole, &with_serde),
            Subject::new("a crate of 2 actions", &few, &[]),
        ];
        if !selected.is_empty() {
            subjects.push(Subject::new("3 of all actions", &whole, &selected));
        }
        measure(&mut subjects, release)?;
        for subject in &subjects {
            println!("  {profile}, {:<22} {}", subject.what, subject.best);
        }
        if let [ours, theirs, stored, two, rest @ ..] = subjects.as_slice() {
            let b = &theirs.best;
            for (what, a) in [("", &ours.best), (" with the feature `serde`", &stored.best)] {
                println!(
                    "  {profile}: {:.0} % of serde derive{what} ({:.0} % of its CPU)",
                    a.wall / b.wall * 100.0,
                    a.cpu / b.cpu * 100.0
                );
            }
            if let [three] = rest {
                let (a, b) = (&three.best, &two.best);
                println!(
                    "  {profile}: 3 of all actions take {:+.2} s ({:+.2} s of CPU) against 2 alone",
                    a.wall - b.wall,
                    a.cpu - b.cpu
                );
            }
        }
    }
    if names.iter().any(|name| name == DECODED) {
        decoding(&folder, &crate_name(&spec.product.code.value))?;
    }
    Ok(())
}

/// Writes a crate that is a workspace of its own.
fn write<'f>(folder: &Path, files: impl Iterator<Item = (&'f str, &'f str)>) -> Result<(), String> {
    write_files(folder, files)?;
    let manifest = folder.join("Cargo.toml");
    let text = at(&manifest, fs::read_to_string(&manifest)).map_err(|error| error.to_string())?;
    at(&manifest, fs::write(&manifest, text + "\n[workspace]\n")).map_err(|error| error.to_string())?;
    // The versions of the repository.
    let lock = root().join("Cargo.lock");
    at(&lock, fs::copy(&lock, folder.join("Cargo.lock"))).map_err(|error| error.to_string())?;
    Ok(())
}

/// Writes files into an empty folder.
pub fn write_files<'f>(folder: &Path, files: impl Iterator<Item = (&'f str, &'f str)>) -> Result<(), String> {
    if folder.exists() {
        at(folder, fs::remove_dir_all(folder)).map_err(|error| error.to_string())?;
    }
    for (path, text) in files {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            at(parent, fs::create_dir_all(parent)).map_err(|error| error.to_string())?;
        }
        at(&path, fs::write(&path, text)).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// A crate to build, and the best that was measured.
struct Subject<'s> {
    what: &'static str,
    folder: &'s Path,
    arguments: &'s [String],
    best: Cost,
}

impl<'s> Subject<'s> {
    fn new(what: &'static str, folder: &'s Path, arguments: &'s [String]) -> Self {
        Self { what, folder, arguments, best: Cost { wall: f64::INFINITY, cpu: f64::INFINITY, peak: f64::INFINITY } }
    }
}

/// The cost of a build: seconds and MB. Without GNU `time`, CPU time and memory are NaN.
struct Cost {
    wall: f64,
    cpu: f64,
    peak: f64,
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>7.2} s, {:.2} s of CPU, {:.0} MB", self.wall, self.cpu, self.peak)
    }
}

/// Lets cargo build each crate again, in turns, everything else being built.
fn measure(subjects: &mut [Subject<'_>], release: bool) -> Result<(), String> {
    for subject in &*subjects {
        build(subject, release)?;
    }
    for _ in 0..ROUNDS {
        for subject in &mut *subjects {
            let library = subject.folder.join("src/lib.rs");
            let file = fs::File::options().append(true).open(&library);
            let file = at(&library, file).map_err(|error| error.to_string())?;
            at(&library, file.set_modified(std::time::SystemTime::now())).map_err(|error| error.to_string())?;
            let cost = build(subject, release)?;
            let best = &mut subject.best;
            *best =
                Cost { wall: best.wall.min(cost.wall), cpu: best.cpu.min(cost.cpu), peak: best.peak.min(cost.peak) };
        }
    }
    Ok(())
}

fn build(subject: &Subject<'_>, release: bool) -> Result<Cost, String> {
    let time = Path::new("/usr/bin/time");
    let mut command = if time.exists() { Command::new(time) } else { Command::new("cargo") };
    if time.exists() {
        command.args(["-f", "cost %U %S %M", "cargo"]);
    }
    command.args(["build", "--quiet"]).args(subject.arguments).args(release.then_some("--release"));
    let start = Instant::now();
    let output = command
        .current_dir(subject.folder)
        .env("CARGO_TARGET_DIR", subject.folder.with_file_name("target"))
        .env("CARGO_INCREMENTAL", "0")
        .output()
        .map_err(|error| format!("cargo cannot be started: {error}"))?;
    let wall = start.elapsed().as_secs_f64();
    let errors = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("building {} failed:\n{errors}", subject.what));
    }
    let cost = errors.lines().find_map(|line| line.strip_prefix("cost "));
    let mut numbers = cost.unwrap_or_default().split(' ').map(|number| number.parse().unwrap_or(f64::NAN));
    let mut next = || numbers.next().unwrap_or(f64::NAN);
    let (user, system, kib) = (next(), next(), next());
    Ok(Cost { wall, cpu: user + system, peak: kib / 1024.0 })
}

/// Decoding an answer with 1,000 phone numbers.
fn decoding(folder: &Path, name: &str) -> Result<(), String> {
    println!("\nDecoding an answer with 1,000 phone numbers:");
    let program = folder.join("decoding");
    let runtime = toml(&root().join("crates/runtime").to_string_lossy());
    let manifest = format!(
        "[package]\nname = \"decoding\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\nours = {{ package = {}, path = \"../whole\", \
         default-features = false, features = [\"chatapp-sync-phone-number\"] }}\nderived = {{ path = \"../derived\" }}\n\
         alibabacloud-runtime = {{ path = {runtime}, default-features = false }}\nserde_json = \"1\"\n\n[profile.release]\nlto = \"thin\"\n",
        toml(name)
    );
    write(&program, [("Cargo.toml", manifest.as_str()), ("src/main.rs", PROGRAM)].into_iter())?;
    let status = Command::new("cargo")
        .args(["run", "--quiet", "--release"])
        .current_dir(&program)
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .status()
        .map_err(|error| format!("cargo cannot be started: {error}"))?;
    if status.success() { Ok(()) } else { Err("the program that decodes failed".to_owned()) }
}

const PROGRAM: &str = r###"use std::hint::black_box;
use std::time::Instant;

use alibabacloud_runtime::private::decode::decode;
use derived::chatapp_sync_phone_number::Output as Derived;
use ours::chatapp_sync_phone_number::Output as Ours;

fn main() {
    let number = r##"{"VerifiedName":"Alibaba","Status":"PENDING","QualityRating":"GREEN","CodeVerificationStatus":"VERIFIED","NewNameStatus":"Approval","PhoneNumber":"8613800001234","StatusQueue":"alicom-0939-queue","UpQueue":"alicom-0939-queue","NameStatus":"Approval","UpCallbackUrl":"https://www.example.com/inbound\n","MessagingLimitTier":"TIER_10K","StatusCallbackUrl":"https://www.example.com/status"}"##;
    let text = format!(r##"{{"Message":"None","RequestId":"90E63D28","Code":"OK","Success":true,"PhoneNumbers":[{}]}}"##, vec![number; 1000].join(","));
    let bytes = text.as_bytes();
    let mut best = [f64::MAX; 2];
    for _ in 0..30 {
        // Taken in turns, so that both meet the same machine.
        let start = Instant::now();
        for _ in 0..10 {
            let mut answer = Ours::default();
            decode(black_box(bytes), &mut answer).unwrap();
            assert_eq!(answer.phone_numbers.len(), 1000);
            black_box(answer);
        }
        best[0] = best[0].min(start.elapsed().as_secs_f64() / 10.0);
        let start = Instant::now();
        for _ in 0..10 {
            let answer: Derived = serde_json::from_slice(black_box(bytes)).unwrap();
            assert_eq!(answer.phone_numbers.len(), 1000);
            black_box(answer);
        }
        best[1] = best[1].min(start.elapsed().as_secs_f64() / 10.0);
    }
    println!("  this generator {:.3} ms, serde derive from_slice {:.3} ms: {:.2} of it", best[0] * 1e3, best[1] * 1e3, best[0] / best[1]);
}
"###;
