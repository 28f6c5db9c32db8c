//! Before the first call: findings about the rows, and the forecast.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use super::support::{Folder, PHONE, Simulated, output, run};

#[test]
fn all_findings_are_printed_with_their_lines_and_nothing_is_sent() {
    let simulated = Simulated::unlimited();
    let folder = Folder::migrations(3);
    let mut input = fs::read_to_string(&folder.input).unwrap();
    input += &format!("s1,86,{PHONE}\n,86,{PHONE}\ns9,86\ns2,86,{PHONE}\n");
    fs::write(&folder.input, input).unwrap();
    let ran = folder.ends(&["--endpoint", simulated.url()], 2);
    let path = folder.input.to_str().unwrap();
    let expected = [
        format!("{path}:6: CustSpaceId is empty, and required"),
        format!("{path}:7: 2 fields, but 3 columns"),
        format!("{path}:5: the row has the same effect as line 2; remove one of them"),
        format!("{path}:8: the row has the same effect as line 3; remove one of them"),
        "error: the input has 4 findings; nothing was sent".to_owned(),
    ];
    assert_eq!(ran.stderr.lines().collect::<Vec<_>>(), expected);
    assert_eq!((simulated.requests(), folder.journal.exists()), (0, false));
}

#[test]
fn one_number_in_two_spaces_is_a_note_with_the_lines() {
    let folder = Folder::migrations(1);
    fs::write(
        &folder.input,
        "CustSpaceId,CountryCode,MobileNumber\ns1,86,13900001111\ns2,86,13900002222\ns3,86,8613900001111\n",
    )
    .unwrap();
    let ran = folder.ends(&["--dry-run"], 0);
    let note = "note: MobileNumber: an earlier row has the same number with other values";
    assert!(ran.stderr.contains(note) && ran.stderr.contains("(line 4)"), "{}", ran.stderr);
    assert!(ran.stdout.starts_with("3 calls"), "{}", ran.stdout);
}

#[test]
fn a_duplicate_sync_is_sent_once_with_a_note() {
    let simulated = Simulated::unlimited();
    let folder = Folder::syncs(2);
    fs::write(&folder.input, "CustSpaceId,Customer\ns1,Chen\ns2,Li\ns1,Wu\n").unwrap();
    let ran = folder.ends(&["--endpoint", simulated.url(), "--dry-run"], 0);
    assert!(
        ran.stdout.starts_with("2 calls") && ran.stdout.contains("1 row with the same values as an earlier row"),
        "{}",
        ran.stdout
    );
    let ran = folder.ends(&["--endpoint", simulated.url()], 0);
    assert!(ran.stderr.contains("1 row repeats an earlier one; duplicates are sent once"), "{}", ran.stderr);
    assert!(ran.stdout.starts_with("2 done\n1 row skipped"), "{}", ran.stdout);
    assert_eq!(simulated.requests(), 2);
    // Nothing is missing from the report.
    let report = run(super::support::cams(["report", folder.journal.to_str().unwrap()]));
    assert!(!report.stdout.contains("not been sent"), "{}", report.stdout);
}

#[test]
fn a_dry_run_prints_calls_duration_and_skipped_rows_and_changes_nothing() {
    let folder = Folder::syncs(1200);
    let ran = folder.ends(&["--dry-run"], 0);
    let expected = "1,200 calls of ChatappSyncPhoneNumber\n2 min 00 s at 10/s, if nothing else uses the quota\n";
    assert_eq!((&*ran.stdout, &*ran.stderr), (expected, ""));
    assert!(!folder.journal.exists());
    let ran = folder.ends(&["--dry-run", "--quota", "off"], 0);
    assert!(ran.stdout.contains("no limit"), "{}", ran.stdout);

    let header = serde_json::json!({"journal":1,"product":"cams","action":"ChatappSyncPhoneNumber","version":"2020-06-06",
        "at":"2026-01-01T00:00:00.000Z","input":{"rows":4,"digest":"x"}});
    let folder = Folder::syncs(4);
    fs::write(&folder.journal, format!("{header}\n")).unwrap();
    let ran = folder.ends(&["--dry-run"], 2);
    assert!(ran.stderr.contains("another input"), "{}", ran.stderr);
    fs::remove_file(&folder.journal).unwrap();
    folder.ends(&["--simulate"], 0);
    let before = fs::read(&folder.journal).unwrap();
    let ran = folder.ends(&["--dry-run"], 0);
    assert!(ran.stdout.starts_with("0 calls") && ran.stdout.contains("skipped: 4 rows already done"), "{}", ran.stdout);
    assert_eq!(fs::read(&folder.journal).unwrap(), before);
}

#[test]
fn rows_can_be_json_lines_on_standard_input() {
    let folder = Folder::syncs(0);
    let mut arguments = folder.arguments(&["--simulate"]);
    arguments[3] = "-";
    let mut command = super::support::cams(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = b"{\"custSpaceId\":\"s1\"}\n{\"CustSpaceId\":2}\n";
    child.stdin.take().unwrap().write_all(lines).unwrap();
    let ran = output(child);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let journal = folder.journal();
    assert_eq!(journal.ended("done"), 2);
    let sending = journal.lines.iter().find(|line| line["row"] == 2 && line["state"] == "sending").unwrap();
    assert_eq!((&sending["line"], &sending["parameters"]["CustSpaceId"]), (&2.into(), &"2".into()));
}

#[test]
fn help_names_the_columns_and_every_action_has_a_bulk() {
    for command in [super::support::SYNC_COMMAND, super::support::MIGRATE_COMMAND] {
        let ran = run(super::support::cams(["bulk", command, "--help"]));
        assert_eq!(ran.code, Some(0));
        assert!(
            ran.stdout.contains("Columns: CustSpaceId") && ran.stdout.contains("--resend-unknown"),
            "{}",
            ran.stdout
        );
    }
}
