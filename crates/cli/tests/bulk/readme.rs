//! The commands of the README work as written.

use std::fs;
use std::path::Path;

use super::processes::Served;
use super::support::{Journal, cams, run};

fn readme() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md")).expect("the README")
}

#[test]
fn the_readme_exports_are_those_of_the_simulator() {
    let readme = readme();
    let served = Served::start([]);
    let url = served.url.clone();
    let (_, _, stderr) = served.interrupt();
    let printed = stderr.replace(&url, "http://127.0.0.1:8099");
    let printed: Vec<&str> = printed.lines().filter_map(|line| line.trim().strip_prefix("export ")).collect();
    let shown: Vec<&str> = readme.lines().filter_map(|line| line.strip_prefix("$ export ")).collect();
    assert_eq!((shown.len(), shown), (3, printed));
    assert!(readme.contains(" simulator --listen 127.0.0.1:8099\n"));
}

#[test]
fn the_readme_commands_from_spreadsheet_to_page_work() {
    let readme = readme();
    let (_, story) = readme.split_once("### From a spreadsheet to a page\n").expect("the story");
    let (_, lines) = story.split_once("```console\n").expect("its commands");
    let (lines, _) = lines.split_once("```").expect("their end");
    let folder = tempfile::tempdir().expect("a folder");
    let mut commands: Vec<Vec<&str>> = Vec::new();
    for line in lines.lines() {
        let line = line.strip_prefix("$ ").expect("a command on each line");
        if let Some(text) = line.strip_prefix("printf '").and_then(|rest| rest.strip_suffix("' > spaces.csv")) {
            fs::write(folder.path().join("spaces.csv"), text.replace("\\n", "\n")).expect("a file");
        } else if let Some(arguments) = line.strip_prefix("cams ") {
            commands.push(arguments.split(' ').collect());
        } else {
            assert_eq!(line, "cargo install --path crates/cli");
        }
    }
    assert_eq!(lines.lines().count(), 5);
    let known = run(cams(["--help"])).stdout;
    for arguments in &commands {
        if !known.contains(&format!("\n  {} ", arguments[0])) {
            eprintln!("NOT CHECKED: this build has no `cams {}`", arguments[0]);
            continue;
        }
        let mut command = cams(arguments.iter().copied());
        command.current_dir(folder.path());
        let ran = run(command);
        assert_eq!(ran.code, Some(0), "cams {}: {}", arguments.join(" "), ran.stderr);
    }
    let journal = Journal::read(&folder.path().join("today.jsonl"));
    assert_eq!(journal.ended("done"), 2);
}
