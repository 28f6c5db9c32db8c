//! How a bulk continues after an interruption.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::thread::sleep;
use std::time::Duration;

use alibabacloud_simulator::{Answer, End, Fault};

use super::support::{Folder, MIGRATE, SYNC, Simulated, interrupt, output, signal, spawn};

#[test]
fn the_journal_is_readable_json_lines_and_private_to_its_owner() {
    let simulated = Simulated::unlimited();
    let folder = Folder::migrations(2);
    let denied = Answer::error(400, "Ram.PermissionDeny", "No.").not_executed();
    let lost = simulated.simulator.gateway().example(MIGRATE).fault(Fault::NoAnswer(End::Close));
    simulated.simulator.script(MIGRATE, [denied, lost]);
    let ran = folder.ends(&["--endpoint", simulated.url(), "--max-in-flight", "1"], 5);
    let expected = "0 done\n1 failed: no effect\n  1 Ram.PermissionDeny\n\
        1 unknown: may or may not have taken effect\n  1 Unanswered\n2 rows sent in ";
    assert!(ran.stdout.starts_with(expected), "{}", ran.stdout);
    let journal = folder.journal.display();
    assert!(ran.stdout.contains(&format!("journal: {journal}\nnext: cams report {journal}\n")), "{}", ran.stdout);
    assert!(ran.stderr.contains("unknown: row 2 (line 3)"), "{}", ran.stderr);
    assert!(ran.stderr.contains("Sync the space with"), "how to find out: {}", ran.stderr);

    let journal = folder.journal();
    let header = &journal.lines[0];
    assert_eq!(
        (&header["journal"], &header["product"], &header["action"], &header["version"], &header["input"]["rows"]),
        (&1.into(), &"cams".into(), &MIGRATE.into(), &"2020-06-06".into(), &2.into())
    );
    assert_eq!(header["input"]["digest"].as_str().unwrap().len(), 64);
    assert!(header.get("shard").is_none());
    for line in &journal.lines {
        let at = line["at"].as_str().unwrap();
        assert!(at.len() == 24 && at.ends_with('Z') && at.as_bytes()[19] == b'.', "{at}");
    }
    let states: Vec<&str> = journal.lines[1..].iter().map(|line| line["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["started", "sending", "failed", "sending", "unknown", "ended"]);
    let sending = &journal.lines[2];
    assert_eq!((&sending["row"], &sending["line"]), (&1.into(), &2.into()));
    assert_eq!(sending["parameters"]["MobileNumber"], super::support::PHONE);
    let failed = journal.last(1);
    assert_eq!((&failed["code"], &failed["status"]), (&"Ram.PermissionDeny".into(), &400.into()));
    assert!(failed["request_id"].is_string() && failed.get("kind").is_none());
    let unknown = journal.last(2);
    assert_eq!(unknown["kind"], "Unanswered");
    assert!(unknown["nonce"].is_string() && unknown.get("request_id").is_none());
    let ended = journal.lines.last().unwrap();
    assert_eq!((&ended["run"], &ended["failed"], &ended["unknown"]), (&1.into(), &1.into(), &1.into()));

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&folder.journal).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn failed_and_unknown_rows_are_sent_again_only_with_their_options() {
    let simulated = Simulated::unlimited();
    let folder = Folder::migrations(3);
    let example = simulated.simulator.gateway().example(MIGRATE);
    let denied = Answer::error(400, "Ram.PermissionDeny", "No.").not_executed();
    let lost = example.clone().fault(Fault::NoAnswer(End::Close)).not_executed();
    simulated.simulator.script(MIGRATE, [denied, lost, example]);
    let one = ["--endpoint", simulated.url(), "--max-in-flight", "1"];
    let and = |more: &'static str| [&one[..], &[more]].concat();
    folder.ends(&one, 5);
    assert_eq!(simulated.requests(), 3);
    folder.ends(&one, 5);
    let ran = folder.ends(&and("--dry-run"), 0);
    assert!(ran.stdout.contains("0 calls") && ran.stdout.contains("1 row of unknown outcome"), "{}", ran.stdout);
    assert_eq!(simulated.requests(), 3);
    folder.ends(&and("--retry-failed"), 5);
    assert_eq!(simulated.requests(), 4);
    assert_eq!(folder.journal().states()[&1], ["sending", "failed", "sending", "done"]);
    let ran = folder.ends(&and("--resend-unknown"), 0);
    assert!(ran.stdout.starts_with("3 done\n1 row sent in "), "{}", ran.stdout);
    let ran = folder.ends(&one, 0);
    assert!(ran.stdout.starts_with("nothing left to do\n3 done\njournal: "), "{}", ran.stdout);
    assert_eq!(folder.journal().states()[&2], ["sending", "unknown", "sending", "done"]);
    assert_eq!(simulated.requests(), 5);
}

/// A journal can be cut at any place: the rows of a migration that it announces are not repeated.
#[test]
fn a_journal_cut_at_any_byte_is_repaired_and_continued() {
    let folder = Folder::migrations(2);
    folder.ends(&["--simulate", "--max-in-flight", "1"], 0);
    let whole = fs::read(&folder.journal).unwrap();
    let line_ends: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] == b'\n').collect();
    // Every line is cut at its ends, next to them, and somewhere inside.
    let cuts = line_ends.iter().flat_map(|end| [end.saturating_sub(40), end - 1, *end, end + 1]);
    for cut in cuts.chain([0, 1, 12, 30]) {
        let simulated = Simulated::unlimited();
        fs::write(&folder.journal, &whole[..cut]).unwrap();
        // A line that only lacks its line break is kept.
        let finished = line_ends[1..].contains(&cut);
        let kept = whole[..cut].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let kept = if finished { cut } else { kept };
        let known: Vec<u64> = String::from_utf8_lossy(&whole[..kept])
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok()?["row"].as_u64())
            .collect();
        let ran = super::support::run(folder.bulk(&["--endpoint", simulated.url()]));
        assert!(matches!(ran.code, Some(0 | 5)), "cut at {cut}: {}", ran.stderr);
        let torn = cut > 0 && !finished && whole[cut - 1] != b'\n';
        assert_eq!(ran.stderr.contains("incomplete"), torn, "cut at {cut}: {}", ran.stderr);
        assert_eq!(ran.stderr.contains("had no line break"), finished, "cut at {cut}: {}", ran.stderr);
        let journal = folder.journal();
        assert!(journal.whole);
        assert_eq!(journal.ended("done") + journal.ended("unknown"), 2, "cut at {cut}");
        let executed = simulated.executed();
        assert!(known.iter().all(|row| !executed.contains_key(row)), "cut at {cut}: a row was repeated");
        assert_eq!(executed.len(), [1, 2].iter().filter(|row| !known.contains(row)).count(), "cut at {cut}");
    }
}

#[test]
fn a_journal_of_another_bulk_is_refused_and_unchanged() {
    let simulated = Simulated::unlimited();
    let folder = Folder::syncs(3);
    let options = ["--endpoint", simulated.url()];
    folder.ends(&options, 0);
    let requests = simulated.requests();
    let refused = |folder: &Folder, options: &[&str], why: &str| {
        let before = fs::read(&folder.journal).unwrap();
        let ran = folder.ends(options, 2);
        assert!(ran.stderr.contains(why) && ran.stderr.contains("nothing was sent"), "{}", ran.stderr);
        assert_eq!(fs::read(&folder.journal).unwrap(), before);
    };
    // Another shard; another action.
    refused(&folder, &["--endpoint", simulated.url(), "--shard", "1/2"], "no --shard, not with --shard 1/2");
    let other = Folder::migrations(3);
    fs::copy(&folder.journal, &other.journal).unwrap();
    refused(&other, &options, "belongs to cams ChatappSyncPhoneNumber");
    // The same rows in another format are the same input.
    fs::write(&folder.input, "\u{feff}cust-space-id\r\n\"s1\"\r\ns2\r\n\r\ns3\r\n").unwrap();
    folder.ends(&options, 0);
    // Rows in another order, with a changed value, with a row inserted in front, or with one removed.
    for changed in ["s2\ns1\ns3\n", "s1\ns2\ns4\n", "s0\ns1\ns2\ns3\n", "s1\ns2\n"] {
        fs::write(&folder.input, format!("CustSpaceId\n{changed}")).unwrap();
        refused(&folder, &options, "belongs to another input");
    }
    // A file that is not a journal; one with a foreign line; one of a later version.
    let folder = Folder::syncs(3);
    fs::write(&folder.journal, "CustSpaceId\ns1\n").unwrap();
    refused(&folder, &options, "is not a journal");
    fs::write(&folder.journal, "something without a line break").unwrap();
    refused(&folder, &options, "is not a journal");
    fs::remove_file(&folder.journal).unwrap();
    folder.ends(&options, 0);
    let good = fs::read_to_string(&folder.journal).unwrap();
    fs::write(&folder.journal, good.replacen("{\"row\":1,", "{\"rowrow,", 1)).unwrap();
    refused(&folder, &options, "line 3");
    fs::write(&folder.journal, good.replacen("{\"row\":1,", "{\"row\":99,", 1)).unwrap();
    refused(&folder, &options, "line 3: the input has no row 99");
    fs::write(&folder.journal, good.replacen("{\"journal\":1,", "{\"journal\":2,", 1)).unwrap();
    refused(&folder, &options, "format version 2");
    // Unknown keys and lines are accepted.
    let mut journal = OpenOptions::new().append(true).open(&folder.journal).unwrap();
    fs::write(&folder.journal, good.replacen("\"journal\":1,", "\"journal\":1,\"new\":{},", 1)).unwrap();
    journal.write_all(b"{\"note\":\"by a later version\"}\n").unwrap();
    folder.ends(&options, 0);
    assert_eq!(simulated.requests(), requests + 3);
}

#[test]
fn a_second_process_on_a_journal_is_refused() {
    let simulated = Simulated::unlimited();
    let slow = simulated.simulator.gateway().example(SYNC).delay(Duration::from_millis(300));
    simulated.simulator.script_fn(SYNC, move |_| Some(slow.clone()));
    let folder = Folder::syncs(4);
    let options = ["--endpoint", simulated.url(), "--max-in-flight", "1"];
    let mut first = spawn(folder.bulk(&options));
    simulated.wait_for(1, &mut first);
    let ran = folder.ends(&options, 1);
    assert!(ran.stderr.contains("another process uses the journal"), "{}", ran.stderr);
    assert_eq!(output(first).code, Some(0));
    assert_eq!(simulated.requests(), 4);
    folder.ends(&options, 0);
}

#[test]
fn ctrl_c_waits_for_calls_in_flight_and_prints_how_to_continue() {
    let simulated = Simulated::unlimited();
    let slow = simulated.simulator.gateway().example(MIGRATE).delay(Duration::from_millis(400));
    simulated.simulator.script_fn(MIGRATE, move |_| Some(slow.clone()));
    let folder = Folder::migrations(20);
    let options = ["--endpoint", simulated.url(), "--quota", "off", "--max-in-flight", "3"];
    // Service managers send another signal.
    for (signal_name, at_least) in [("-INT", 3), ("-TERM", 6)] {
        let mut child = spawn(folder.bulk(&options));
        simulated.wait_for(simulated.requests() + 3, &mut child);
        signal(&child, signal_name);
        let ran = output(child);
        assert_eq!(ran.code, Some(6), "{}", ran.stderr);
        assert!(
            ran.stderr.contains("waiting for the calls in flight") && ran.stderr.contains("the same command"),
            "{}",
            ran.stderr
        );
        let journal = folder.journal();
        let done = journal.ended("done");
        assert!((at_least..20).contains(&done) && journal.states().len() == done, "{done}");
        assert!(ran.stdout.contains(&format!("{done} done\n{} not sent\n", 20 - done)), "{}", ran.stdout);
        assert_eq!(journal.lines.last().unwrap()["interrupted"], true);
    }
    let ran = folder.ends(&options, 0);
    assert!(ran.stdout.starts_with("20 done\n"), "{}", ran.stdout);
    assert!(simulated.executed().values().all(|executed| executed.len() == 1));
}

#[test]
fn a_second_ctrl_c_quits_at_once_and_loses_no_line() {
    let simulated = Simulated::unlimited();
    let example = simulated.simulator.gateway().example(MIGRATE);
    let hangs = example.clone().fault(Fault::NoAnswer(End::Hang));
    simulated.simulator.script_fn(MIGRATE, move |received| {
        Some(if received.parameter("CustSpaceId") == Some("s3") {
            hangs.clone()
        } else {
            example.clone().delay(Duration::from_millis(20))
        })
    });
    let folder = Folder::migrations(20);
    let options = ["--endpoint", simulated.url(), "--quota", "off", "--max-in-flight", "2"];
    let mut child = spawn(folder.bulk(&options));
    simulated.wait_for(6, &mut child);
    interrupt(&child);
    // The rest of the time limit would be nine seconds.
    sleep(Duration::from_millis(300));
    interrupt(&child);
    let ran = output(child);
    assert_eq!(ran.code, Some(6), "{}", ran.stderr);
    assert!(ran.stderr.contains("with calls in flight"), "{}", ran.stderr);
    let journal = folder.journal();
    assert!(journal.whole);
    let executed = simulated.executed();
    for row in executed.keys() {
        let state = journal.last(*row)["state"].as_str().unwrap().to_owned();
        assert_eq!(state, if *row == 3 { "sending" } else { "done" }, "row {row}");
    }
    let ran = folder.ends(&options, 5);
    assert!(ran.stdout.contains("19 done\n1 unknown") && ran.stderr.contains("row 3 (line 4)"), "{}", ran.stderr);
    assert_eq!(folder.journal().last(3)["kind"], "Interrupted");
}
