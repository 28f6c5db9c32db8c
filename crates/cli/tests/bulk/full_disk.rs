//! Journals that cannot be written: a clear error, and no call whose outcome could not be recorded.

#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::support::{Folder, Journal, MIGRATE, SYNC, Simulated, run};

/// A file system of that many KiB, unmounted when dropped; `None`, after a printed note, if the test may not mount one.
struct Small<'a>(&'a Path);

impl<'a> Small<'a> {
    fn mount(path: &'a Path, kib: u32) -> Option<Self> {
        let size = format!("size={kib}k");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(path).output();
        if mount.is_ok_and(|mount| mount.status.success()) {
            return Some(Self(path));
        }
        eprintln!("NOT CHECKED: no small file system can be mounted here");
        None
    }
}

impl Drop for Small<'_> {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking(), "it stays mounted");
    }
}

#[test]
fn a_full_disk_ends_migrations_with_every_outcome_recorded() {
    let disk = tempfile::tempdir().unwrap();
    let Some(_small) = Small::mount(disk.path(), 100) else { return };
    let simulated = Simulated::unlimited();
    let answer = simulated.simulator.gateway().example(MIGRATE).delay(Duration::from_millis(5));
    simulated.simulator.script_fn(MIGRATE, move |_| Some(answer.clone()));
    let mut folder = Folder::migrations(2000);
    folder.journal = disk.path().join("journal.jsonl");
    let options = ["--endpoint", simulated.url(), "--quota", "off", "--max-in-flight", "8"];
    let ran = folder.ends(&options, 1);
    assert!(ran.stderr.contains("No space left") && ran.stderr.contains("not sent"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("not in the journal"), "{}", ran.stderr);
    let sent = simulated.requests();
    assert!((50..1000).contains(&sent), "{sent}");
    let journal = folder.journal();
    assert!(journal.whole);
    assert_eq!(journal.ended("done") as u64, sent, "what was sent has its outcome");
    assert_eq!(journal.states().len() as u64, sent, "and nothing else was begun");

    // Still full: nothing is sent, and nothing is lost.
    let ran = folder.ends(&options, 1);
    assert!(ran.stderr.contains("No space left"), "{}", ran.stderr);
    assert_eq!(simulated.requests(), sent);
    assert_eq!(folder.journal().ended("done") as u64, sent);

    // With more room it continues.
    let roomy = folder.place.path().join("journal.jsonl");
    fs::copy(&folder.journal, &roomy).unwrap();
    folder.journal = roomy;
    let ran = folder.ends(&options, 0);
    assert!(ran.stdout.starts_with("2,000 done\n"), "{}", ran.stdout);
    assert!(simulated.executed().values().all(|executed| executed.len() == 1));
}

#[test]
fn a_full_disk_ends_syncs_and_unrecorded_rows_are_reported_and_repeated() {
    let disk = tempfile::tempdir().unwrap();
    let Some(_small) = Small::mount(disk.path(), 64) else { return };
    let simulated = Simulated::unlimited();
    let mut folder = Folder::syncs(1000);
    folder.journal = disk.path().join("journal.jsonl");
    let ran = folder.ends(&["--endpoint", simulated.url(), "--quota", "off"], 1);
    assert!(ran.stderr.contains("No space left") && ran.stderr.contains("not sent"), "{}", ran.stderr);
    let told = ran.stderr.lines().filter(|line| line.contains("not in the journal: row")).count() as u64;
    let journal = folder.journal();
    assert!(journal.whole);
    assert_eq!(journal.ended("done") as u64 + told, simulated.requests());
    let roomy = folder.place.path().join("journal.jsonl");
    fs::copy(&folder.journal, &roomy).unwrap();
    folder.journal = roomy;
    folder.ends(&["--endpoint", simulated.url(), "--quota", "off"], 0);
    assert_eq!(folder.journal().ended("done"), 1000);
    assert_eq!(simulated.simulator.counts().of(SYNC).accepted, 1000 + told);
}

#[test]
fn a_journal_that_cannot_be_written_sends_nothing() {
    let simulated = Simulated::unlimited();
    let mut folder = Folder::migrations(3);
    let ends = |folder: &Folder, code: i32, why: &str| {
        let ran = folder.ends(&["--endpoint", simulated.url()], code);
        assert!(ran.stderr.contains(why), "{}", ran.stderr);
        assert_eq!(simulated.requests(), 0);
    };
    let good = folder.journal.clone();
    folder.journal = "/dev/full".into();
    ends(&folder, 2, "is not a file");
    folder.journal = folder.place.path().to_owned();
    ends(&folder, 2, "is not a file");
    folder.journal = folder.place.path().join("nowhere/journal.jsonl");
    ends(&folder, 1, "cannot be written: No such file");

    // Root can write to read-only files, so its privilege is dropped.
    folder.journal = good;
    fs::write(&folder.journal, "").unwrap();
    let mut permissions = fs::metadata(&folder.journal).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&folder.journal, permissions).unwrap();
    let bulk = folder.bulk(&["--endpoint", simulated.url()]);
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    let command = if is_root {
        let mut command = Command::new("setpriv");
        command.args(["--bounding-set", "-dac_override"]).arg(bulk.get_program()).args(bulk.get_args());
        command.envs(bulk.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command
    } else {
        bulk
    };
    let ran = run(command);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("cannot be written: Permission denied"), "{}", ran.stderr);
    assert_eq!(simulated.requests(), 0);
    assert!(Journal::read(&folder.journal).lines.is_empty());
}
