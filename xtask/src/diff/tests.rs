//! Checks the verdicts against the compiler.
//!
//! `fixtures/diff/base` is a product; every `.rs` file beside it is an edit of it and a user's program. Its lines `//@`
//! have the expected verdict, then the edit: `FILE: OLD=>NEW`, `copy FILE FILE` or `remove FILE`. The program compiles
//! against the code of the base. It also compiles against the code of the edited product, unless the verdict is
//! `major`: then it must not. `major, of behaviour` is for changes that the compiler does not see.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::*;
use crate::diagnostic::render;
use crate::spec::{InputFile, Spec, parse};
use crate::{emit, model};

struct Case {
    name: String,
    /// The verdict in the file.
    expected: String,
    files: Vec<InputFile>,
    program: String,
}

impl Case {
    fn must_fail(&self) -> bool {
        self.expected == "major"
    }
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/diff")
}

fn entries(folder: &Path, extension: &str) -> Vec<(String, String)> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap()))
        .collect();
    files.sort();
    files
}

fn input((name, text): (String, String)) -> InputFile {
    InputFile { path: format!("api-spec/shop/{name}"), bytes: text.into() }
}

fn base() -> BTreeMap<String, String> {
    entries(&fixtures().join("base"), "yaml").into_iter().collect()
}

fn cases() -> Vec<Case> {
    let cases: Vec<_> = entries(&fixtures(), "rs").into_iter().map(|(name, program)| case(&name, program)).collect();
    assert!(cases.len() > 50, "the fixtures were not found");
    cases
}

fn case(name: &str, program: String) -> Case {
    let mut lines = program.lines().filter_map(|line| line.strip_prefix("//@ "));
    let expected = lines.next().unwrap().to_owned();
    let mut files = base();
    for edit in lines {
        if let Some(names) = edit.strip_prefix("copy ") {
            let (from, to) = names.split_once(' ').unwrap();
            let action = |file: &str| format!("action: {}\n", file.strip_suffix(".yaml").unwrap());
            let copy = files[from].replacen(&action(from), &action(to), 1);
            files.insert(to.to_owned(), copy);
        } else if let Some(file) = edit.strip_prefix("remove ") {
            files.remove(file).unwrap();
        } else {
            let (file, edit) = edit.split_once(": ").unwrap();
            let (old, new) = edit.split_once("=>").unwrap();
            let text = files.get_mut(file).unwrap();
            let (old, new) = (old.replace("\\n", "\n"), new.replace("\\n", "\n"));
            assert_eq!(text.matches(&old).count(), 1, "{name}: {old:?} in {file}");
            *text = text.replacen(&old, &new, 1);
        }
    }
    let name = name.strip_suffix(".rs").unwrap().to_owned();
    Case { name, expected, files: files.into_iter().map(input).collect(), program }
}

fn spec(files: &[InputFile]) -> Spec {
    let (spec, findings) = parse(files);
    spec.unwrap_or_else(|| panic!("{}", render(&findings, false)))
}

fn model(spec: &Spec) -> Model<'_> {
    model::build(spec, true).unwrap_or_else(|findings| panic!("{}", render(&findings, false)))
}

fn report(name: &str, files: &[InputFile]) -> Report {
    let old: Vec<_> = base().into_iter().map(input).collect();
    let (old, new) = (spec(&old), spec(files));
    Report { product: name.to_owned(), changes: diff(&model(&old), &model(&new)) }
}

#[test]
fn each_kind_of_change_has_its_verdict_and_its_reason() {
    let mut all = String::new();
    for case in cases() {
        let report = report(&case.name, &case.files);
        let verdict = report.verdict().map_or("nothing", Verdict::as_str);
        let expected = case.expected.split(',').next().unwrap();
        assert_eq!(verdict, expected, "{}: {:#?}", case.name, report.changes);
        all += &text(&[report]);
        all.push('\n');
    }
    insta::assert_snapshot!(all);
}

#[test]
fn the_same_specification_has_no_changes() {
    let files: Vec<_> = base().into_iter().map(input).collect();
    let report = report("shop", &files);
    assert_eq!(report.changes, []);
    assert_eq!(text(&[report]), "nothing changed\n");
}

/// The synthetic products use the whole language. Each of their lines is removed once, swapped with the next one, and
/// changed in some of its words. If the result is a valid specification, its code differs only if a change is reported.
#[test]
fn code_changes_only_with_a_reported_change() {
    for folder in ["base", "../kitchen-sink"] {
        edit_each_line(&entries(&fixtures().join(folder), "yaml"));
    }
    let mut library = entries(&fixtures().join("../library"), "yaml");
    library.retain(|(name, _)| ["product.yaml", "ListLoans.yaml"].contains(&name.as_str()));
    edit_each_line(&library);
}

fn edit_each_line(fixtures: &[(String, String)]) {
    let files: Vec<_> = fixtures.iter().cloned().map(input).collect();
    let old = spec(&files);
    let old = model(&old);
    let code = |model: &Model<'_>| emit::files(model, "shop");
    let before = code(&old);
    let mut compared = 0;
    for (index, (name, text)) in fixtures.iter().enumerate() {
        let lines: Vec<&str> = text.lines().collect();
        for line in 0..lines.len() {
            let mut without = lines.clone();
            without.remove(line);
            let mut exchanged = lines.clone();
            exchanged.swap(line, (line + 1).min(lines.len() - 1));
            let words =
                [("true", "false"), ("false", "true"), ("string", "integer"), ("1", "2"), ("4", "5"), (" a", " b")];
            let replaced = words.map(|(old, new)| lines[line].replacen(old, new, 1));
            let replaced = replaced.iter().filter(|edited| *edited != lines[line]).map(|edited| {
                let mut lines = lines.clone();
                lines[line] = edited;
                lines
            });
            for edited in replaced.chain([without, exchanged]) {
                let mut files = files.clone();
                files[index].bytes = (edited.join("\n") + "\n").into();
                let (Some(new), _) = parse(&files) else { continue };
                let Ok(new) = model::build(&new, true) else { continue };
                let is_reported = !diff(&old, &new).is_empty();
                assert!(is_reported || code(&new) == before, "{name}:{}: no change is reported", line + 1);
                compared += 1;
            }
        }
    }
    assert!(compared > 25, "{compared} edits");
}

/// The documentation shows changes of real products, which can be edited at any time, so only the reasons are compared.
#[test]
fn the_reasons_in_the_documentation_are_current() {
    /// The indentation of reasons.
    const INDENT: usize = 11;
    let readme = fs::read_to_string(fixtures().join("../../../api-spec/README.md")).unwrap();
    let section = readme.split("\n## ").find(|section| section.starts_with("What an edit means for users\n")).unwrap();
    let given: String = cases().iter().map(|case| text(&[report(&case.name, &case.files)])).collect();
    let is_reason = |line: &&str| line.len() - line.trim_start().len() == INDENT;
    let shown: Vec<&str> = section.lines().filter(is_reason).collect();
    for reason in &shown {
        assert!(given.lines().any(|line| line == *reason), "no change has the reason {reason:?}");
    }
    assert!(shown.len() >= 7, "{shown:#?}");
}

#[test]
fn the_json_has_the_content_of_the_text() {
    let case = case("x.rs", "//@ major\n//@ Order.yaml: OPEN: Not paid.,=>\n//@ Find.yaml: 10/s=>5/s\n".to_owned());
    insta::assert_snapshot!(json("HEAD", &[report("shop", &case.files)]));
    assert!(json("HEAD", &[]).contains("\"verdict\": null"));
}

#[test]
fn the_verdicts_agree_with_the_compiler() {
    let cases = cases();
    let package = write_package(&cases);
    let failed = check(&package);
    for case in &cases {
        let errors = failed.get(case.name.as_str());
        if case.must_fail() {
            let files = errors.unwrap_or_else(|| panic!("{}: compiles, but must not", case.name));
            // The errors are in the program, not in the generated code.
            assert!(files.iter().all(|file| file.ends_with("user.rs")), "{}: errors in {files:?}", case.name);
        }
    }
    let expected: BTreeSet<&str> =
        cases.iter().filter(|case| case.must_fail()).map(|case| case.name.as_str()).collect();
    let found: BTreeSet<&str> = failed.keys().map(String::as_str).collect();
    assert_eq!(found, expected, "{failed:#?}");
}

/// Writes a package: the library has every program with the code of the base, and those that must compile with that of
/// the edited product; the others are binaries.
fn write_package(cases: &[Case]) -> PathBuf {
    let package = crate::commands::target().unwrap().join("diff");
    let _ = fs::remove_dir_all(package.join("src"));
    let write = |path: &str, text: &str| {
        let path = package.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let generate = |folder: &str, files: &[InputFile]| {
        for (name, text) in emit::files(&model(&spec(files)), "shop") {
            write(&format!("{folder}/{name}"), &text);
        }
    };
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let runtime = Value::from(workspace.join("crates/runtime").to_str().unwrap());
    let manifest = format!(
        "[package]\nname = \"diff\"\nedition = \"2024\"\npublish = false\n\n[workspace]\n\n[dependencies]\n\
         alibabacloud-runtime = {{ path = {runtime}, default-features = false }}\n"
    );
    write("Cargo.toml", &manifest);
    // The lock file of the workspace; cargo removes what is not needed.
    fs::copy(workspace.join("Cargo.lock"), package.join("Cargo.lock")).unwrap();

    let base: Vec<_> = base().into_iter().map(input).collect();
    generate("src/base/shop", &base);
    let (mut library, mut programs) = ("pub mod base;\n".to_owned(), "pub mod shop;\n".to_owned());
    for case in cases {
        let name = &case.name;
        programs += &format!("pub mod {name};\n");
        write(&format!("src/base/{name}.rs"), &case.program);
        let folder = if case.must_fail() { format!("src/bin/{name}") } else { format!("src/{name}") };
        generate(&format!("{folder}/shop"), &case.files);
        write(&format!("{folder}/user.rs"), &case.program);
        if case.must_fail() {
            write(&format!("{folder}/main.rs"), "pub mod shop;\npub mod user;\nfn main() {}\n");
        } else {
            library += &format!("pub mod {name};\n");
            write(&format!("{folder}/mod.rs"), "pub mod shop;\npub mod user;\n");
        }
    }
    write("src/base/mod.rs", &programs);
    write("src/lib.rs", &library);
    package
}

/// Compiles the package; returns the files with errors, by program.
fn check(package: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["check", "--lib", "--bins", "--keep-going", "--offline", "--quiet", "--message-format=json"])
        .current_dir(package)
        // Shared by the tests that compile crates. The target folder of the outer build is locked and has other
        // settings.
        .env("CARGO_TARGET_DIR", crate::commands::target().unwrap().join("tmp/compiled"))
        .env("CARGO_INCREMENTAL", "0")
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .output()
        .expect("cargo starts");
    let stdout = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(lines.iter().any(|line| line["reason"] == "build-finished"), "cargo did not compile anything:\n{stderr}");
    let mut failed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in lines.iter().filter(|line| line["reason"] == "compiler-message" && line["message"]["level"] == "error")
    {
        let files = failed.entry(line["target"]["name"].as_str().unwrap().to_owned()).or_default();
        for span in line["message"]["spans"].as_array().unwrap().iter().filter(|span| span["is_primary"] == true) {
            let file = span["file_name"].as_str().unwrap();
            let text = line["message"]["message"].as_str().unwrap();
            assert_ne!(line["target"]["name"], "diff", "{file}: {text}");
            files.insert(file.to_owned());
        }
    }
    failed
}
