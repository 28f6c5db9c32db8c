//! Mistakes that must not compile, and the messages of the compiler.
//!
//! The programs are in `tests/compile_fail`; a comment `//~ ERROR text` contains text that a message must have. Only
//! the messages are compared: the `.stderr` files of `trybuild` also contain excerpts of the generated code and notes
//! of one compiler version, and would break with every change of a specification and every new Rust.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

#[test]
fn compile_errors_name_the_mistake() {
    let programs = programs();
    let mut messages = check(&programs);
    let mut expected_errors = 0;
    for (name, text) in &programs {
        let found = messages.remove(name).unwrap_or_default();
        let expected: Vec<&str> = text.lines().filter_map(|line| Some(line.split_once("//~ ERROR ")?.1)).collect();
        for text in &expected {
            assert!(found.iter().any(|message| message.contains(text)), "{name}: no message has {text:?}: {found:#?}");
        }
        assert_eq!(found.len(), expected.len(), "{name}: {found:#?}");
        expected_errors += expected.len();
    }
    assert_eq!(messages, BTreeMap::new(), "errors elsewhere");
    assert!(expected_errors >= 8, "the programs were not found");
}

/// The programs by name.
fn programs() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("compile_fail");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let sources = files.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let name = |path: &PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    sources.map(|path| (name(&path), fs::read_to_string(&path).unwrap())).collect()
}

/// Compiles the programs, each as a binary of one package; returns the distinct error messages of each.
fn check(programs: &BTreeMap<String, String>) -> BTreeMap<String, BTreeSet<String>> {
    let package = write_package(programs);
    let output = Command::new(env!("CARGO"))
        .args(["check", "--bins", "--keep-going", "--offline", "--quiet", "--message-format=json"])
        .current_dir(&package)
        // Shared by the tests that compile crates, but not by the outer build, whose settings differ and whose lock
        // they would wait for.
        .env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled"))
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .output()
        .expect("cargo starts");
    let stdout = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(lines.iter().any(|line| line["reason"] == "build-finished"), "cargo did not compile anything:\n{stderr}");
    let mut messages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in lines.iter().filter(|line| line["reason"] == "compiler-message") {
        let text = line["message"]["message"].as_str().unwrap_or_default();
        // The last message only counts the others.
        let counted = text.starts_with("aborting due to") || text.starts_with("For more information");
        if line["message"]["level"] == "error" && !counted {
            let target = line["target"]["name"].as_str().unwrap_or_default();
            messages.entry(target.to_owned()).or_default().insert(text.to_owned());
        }
    }
    messages
}

fn write_package(programs: &BTreeMap<String, String>) -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compile_fail");
    // Removes programs of an earlier run.
    let _ = fs::remove_dir_all(package.join("src"));
    fs::create_dir_all(package.join("src/bin")).unwrap();
    let path = |folder: &str| Value::from(workspace.join(folder).to_str().unwrap());
    let manifest = format!(
        "[package]\nname = \"compile-fail\"\nedition = \"2024\"\npublish = false\n\n[workspace]\n\n[dependencies]\n\
         alibabacloud-cams = {{ path = {}, default-features = false }}\nconformance = {{ path = {} }}\n",
        path("crates/cams"),
        path("tests"),
    );
    fs::write(package.join("Cargo.toml"), manifest).unwrap();
    // The versions of the workspace; cargo removes unused ones.
    fs::copy(workspace.join("Cargo.lock"), package.join("Cargo.lock")).unwrap();
    for (name, text) in programs {
        fs::write(package.join("src/bin").join(name).with_extension("rs"), text).unwrap();
    }
    package
}
