//! `cams report` as users and scripts see it.

mod support;

use std::fs;
use std::io::Write;
use std::process::Stdio;

use serde_json::json;
use support::journal::{Folder, Journal, number, sample};
use support::{Ran, cams, fails, run};

/// Runs `cams report` with these arguments, which must succeed.
#[track_caller]
fn report(arguments: &[&str]) -> Ran {
    let ran = run(cams(["report"].into_iter().chain(arguments.iter().copied())));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran
}

#[track_caller]
fn fails_with(arguments: &[&str], code: i32) -> String {
    fails(cams(["report"].into_iter().chain(arguments.iter().copied())), code)
}

/// Two spaces with five numbers, a failed row, a row that may have been executed, and one without an outcome.
fn small() -> Journal {
    let mut journal = Journal::new(7);
    journal.done(
        "s1",
        &[
            number("8613912340001", "Harbour Coffee", "CONNECTED", "GREEN", "TIER_1K"),
            number("8613912340002", "Harbour | Tea", "CONNECTED", "RED", "TIER_10K"),
        ],
    );
    journal.failed("s2", "failed", "Unknown.ResourceOwnerId", "The resource does not belong to the current user.");
    journal.done(
        "s3",
        &[
            number("6581230003", "=SUM(A1)", "FLAGGED", "YELLOW", "TIER_UNLIMITED"),
            number("6581230004", "Kopi Corner", "BANNED", "RED", "TIER_250"),
            number("6581230005", "Kopi Corner", "SUSPENDED", "PURPLE", "TIER_2M"),
        ],
    );
    journal.failed("s4", "unknown", "ServiceUnavailable", "Away.");
    journal.done("s5", &[]);
    journal.sending("s6");
    journal
}

/// The same spaces some days before.
fn small_before() -> Journal {
    let mut journal =
        Journal::with(&json!({ "at": "2026-11-20T07:00:00.000Z", "input": { "rows": 7, "digest": "5f70bf18" } }));
    journal.done(
        "s1",
        &[
            number("8613912340001", "Harbour Coffee", "PENDING", "GREEN", "TIER_1K"),
            number("8613912340002", "Harbour | Tea", "CONNECTED", "GREEN", "TIER_100K"),
            number("8613912340009", "Harbour Bar", "CONNECTED", "GREEN", "TIER_1K"),
        ],
    );
    journal.done("s2", &[number("8613912340008", "Elsewhere", "CONNECTED", "GREEN", "TIER_1K")]);
    journal.failed("s3", "failed", "ServiceUnavailable", "Away.");
    journal.ended();
    journal
}

#[test]
fn markdown_begins_with_a_summary_and_urgent_numbers() {
    let folder = Folder::new("chat");
    let now = folder.journal("now", &small());
    let before = folder.journal("before", &small_before());
    let ran = report(&[&now, "--previous", &before]);
    assert_eq!(ran.stderr, "");
    insta::assert_snapshot!(ran.stdout.replace('\u{2060}', "<joiner>"));
}

#[test]
fn csv_has_every_number_and_every_row_without_numbers() {
    let folder = Folder::new("spreadsheet");
    let now = folder.journal("now", &small());
    let before = folder.journal("before", &small_before());
    let ran = report(&[&now, "--previous", &before, "--format", "csv"]);
    // The notes, for which CSV has no place.
    assert!(
        ran.stderr.lines().all(|line| line.starts_with("note: ")) && ran.stderr.contains("not been sent"),
        "{}",
        ran.stderr
    );
    assert!(ran.stdout.starts_with('\u{feff}'), "Excel knows UTF-8 by the byte order mark");
    insta::assert_snapshot!(ran.stdout.trim_start_matches('\u{feff}'));
}

#[test]
fn phone_numbers_are_masked_in_every_format_by_default() {
    let folder = Folder::new("masked");
    let canary = "8613987650123";
    let mut journal = Journal::new(2);
    journal.done(
        "1",
        &[
            number(canary, &format!("Call {canary}"), "BANNED", canary, canary),
            number("8613987650155", "n", canary, "RED", canary),
        ],
    );
    journal.failed("2", "failed", canary, &format!("no {canary}"));
    // The previous journal has the same number, so that there is a change, and one that is gone.
    let mut before = Journal::new(2);
    before.done(
        "1",
        &[number(canary, canary, canary, "GREEN", canary), number("8613987650199", canary, canary, "RED", "")],
    );
    let (now, before) = (folder.journal("now", &journal), folder.journal("before", &before));
    let page = folder.path("page.html");
    for full in [false, true] {
        let mut texts = Vec::new();
        for format in [&["--format", "csv"][..], &["--format", "markdown"], &["--html", "-"], &["--html", &page]] {
            let mut arguments = vec![&*now, "--previous", &*before];
            arguments.extend(format);
            arguments.extend(full.then_some("--full"));
            let ran = report(&arguments);
            assert!(!ran.stderr.contains("98765"), "{}", ran.stderr);
            texts.push(ran.stdout);
        }
        texts.push(fs::read_to_string(&page).expect("the page was written"));
        for text in texts.iter().filter(|text| !text.is_empty()) {
            // Neither the number nor its middle.
            assert_eq!(text.contains("98765"), full, "{text}");
            assert!(full || text.contains("139••••0123"), "{text}");
        }
    }
}

#[test]
fn values_that_do_not_fit_the_specification_are_noted_without_the_values() {
    let folder = Folder::new("report-mismatch");
    let mut journal = Journal::new(2);
    for space in ["s1", "s2"] {
        let mut odd = number("8613912340001", "Harbour Coffee", "CONNECTED", "GREEN", "TIER_1K");
        odd["CallingConfigure"] = json!(["CANARY"]);
        journal.done(space, &[odd]);
    }
    let journal = folder.journal("odd.jsonl", &journal);
    let page = folder.path("odd.html");
    for (arguments, on_stderr) in
        [(vec![&*journal], false), (vec![&journal, "--format", "csv"], true), (vec![&journal, "--html", &page], true)]
    {
        let ran = report(&arguments);
        let (told, silent) = if on_stderr { (&ran.stderr, &ran.stdout) } else { (&ran.stdout, &ran.stderr) };
        let note = "2 responses differ from the specification; values that do not fit are left out: ";
        assert!(told.contains(note) && told.contains("CallingConfigure"), "{told}");
        assert!(!silent.contains(note) && !told.contains("CANARY"), "{told}");
    }
    assert!(fs::read_to_string(page).unwrap().contains("2 responses differ"));
}

#[test]
fn a_number_is_new_or_gone_only_if_its_space_has_responses() {
    let folder = Folder::new("changes");
    let one = |phone: &str| [number(phone, "n", "CONNECTED", "GREEN", "TIER_1K")];
    let mut before = Journal::new(5);
    before.done("stays", &one("8613900000001"));
    before.done("swaps", &one("8613900000002"));
    before.failed("failed before", "failed", "X", "");
    before.done("fails now", &one("8613900000004"));
    before.done("not asked", &one("8613900000005"));
    let mut now = Journal::new(5);
    now.done("stays", &one("8613900000001"));
    now.done("swaps", &one("8613900000012"));
    now.done("failed before", &one("8613900000003"));
    now.failed("fails now", "failed", "X", "");
    now.done("moved in", &one("8613900000006"));
    let (now, before) = (folder.journal("now", &now), folder.journal("before", &before));
    let csv = report(&[&now, "--previous", &before, "--format", "csv", "--full"]).stdout;
    let change = |phone: &str| {
        let line = csv.lines().find(|line| line.contains(phone))?;
        line.split(',').nth(14)
    };
    assert_eq!(change("8613900000001"), Some(""), "{csv}");
    assert_eq!(change("8613900000012"), Some("new"));
    assert_eq!(change("8613900000002"), Some("gone"));
    assert_eq!(change("8613900000003"), Some(""), "nothing was known of this space");
    assert_eq!(change("8613900000004"), None, "nothing is known of this space now");
    assert_eq!(change("8613900000005"), None);
    assert_eq!(change("8613900000006"), Some("new"));
    let chat = report(&[&now, "--previous", &before]).stdout;
    assert!(chat.contains("2 spaces of the previous journal have no response in this one"), "{chat}");
}

#[test]
fn values_cannot_become_markup_in_the_page() {
    let folder = Folder::new("hostile");
    let hostile =
        "</script></title><script>alert(1)</script><img src=x onerror=alert(1)>\"'><!--{{data}}\u{202e}\u{1b}[31m";
    let mut journal = Journal::new(3);
    journal.done(
        hostile,
        &[number(hostile, hostile, hostile, hostile, hostile), number("1", hostile, "BANNED", "RED", "")],
    );
    journal.failed(hostile, "failed", hostile, hostile);
    let mut before = Journal::new(1);
    before
        .done(hostile, &[number("1", "other", hostile, hostile, hostile), number("2", hostile, hostile, hostile, "")]);
    let (now, before) = (folder.journal("now", &journal), folder.journal("before", &before));
    // `run` checks every output for control characters.
    let page = report(&[&now, "--previous", &before, "--html", "-", "--full"]).stdout;
    assert_eq!(page.matches("<script").count(), 2, "the data and the script of the page");
    assert_eq!(page.matches("</script").count(), 2);
    assert_eq!(
        (page.matches("<img").count(), page.matches("<!--").count(), page.matches('\u{202e}').count()),
        (0, 0, 0)
    );
    assert_eq!(page.matches("</title>").count(), 1 + 3, "of the page and of each chart");
    for format in ["csv", "markdown"] {
        let text = report(&[&now, "--previous", &before, "--format", format, "--full"]).stdout;
        assert!(!text.contains('\u{202e}'), "{text}");
    }
}

#[test]
fn the_page_loads_nothing_from_outside() {
    let folder = Folder::new("self-contained");
    let page = report(&[&folder.journal("now", &sample(20, 3, true)), "--html", "-"]).stdout;
    for outside in ["src=", "@import", "url(", "fetch(", "XMLHttpRequest", "http://www.w3.org", "https://"] {
        let rest = page.replace("xmlns='http://www.w3.org/2000/svg'", "").replace("\"http://www.w3.org/2000/svg\"", "");
        assert!(!rest.contains(outside), "{outside}");
    }
    assert!(page.contains("default-src 'none'; script-src 'sha256-") && !page.contains("unsafe-inline"));
}

#[test]
fn the_page_is_deterministic() {
    let folder = Folder::new("same");
    let now = folder.journal("now", &sample(50, 3, true));
    assert_eq!(report(&[&now, "--html", "-"]).stdout, report(&[&now, "--html", "-"]).stdout);
}

#[test]
fn a_journal_can_be_read_from_standard_input() {
    let mut command = cams(["report", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("the command starts");
    child.stdin.take().expect("a pipe").write_all(small().text().as_bytes()).expect("the command reads");
    let output = child.wait_with_output().expect("the command ends");
    assert!(String::from_utf8_lossy(&output.stdout).contains("**5 numbers** in 3 spaces"), "{output:?}");
}

#[test]
fn the_shards_of_one_input_are_one_report() {
    let folder = Folder::new("shards");
    let shard = |shard: &str, space: &str, row: u64| {
        let mut journal = Journal::with(&json!({ "shard": shard, "input": { "rows": 2, "digest": "d" } }));
        journal.line(&json!({ "row": row, "state": "sending", "parameters": { "CustSpaceId": space } }));
        journal.line(
            &json!({ "row": row, "state": "done", "answer": { "PhoneNumbers": [{ "PhoneNumber": "8613900000000" }] } }),
        );
        journal.ended();
        folder.journal(&shard.replace('/', "-"), &journal)
    };
    let (one, two) = (shard("1/2", "a", 1), shard("2/2", "b", 2));
    let both = report(&[&one, &two]).stdout;
    assert!(both.contains("**2 numbers** in 2 spaces") && !both.contains("> "), "{both}");
    let half = report(&[&one]).stdout;
    assert!(half.contains("Without the rows of shard 2/2"), "{half}");
    let error = fails_with(&[&one, &one], 1);
    assert!(error.contains("not another shard"), "{error}");
}

#[test]
fn missing_parts_are_noted() {
    let folder = Folder::new("missing");
    let interrupted = folder.journal("interrupted", &small());
    let chat = report(&[&interrupted]).stdout;
    assert!(chat.contains("1 row has not been sent yet"), "{chat}");
    let torn = folder.write("torn", &(small().text() + "{\"row\":7,\"sta"));
    let chat = report(&[&torn]).stdout;
    assert!(chat.contains("The last line of torn is incomplete"), "{chat}");
}

#[test]
fn a_file_that_is_not_a_journal_is_refused_with_a_reason() {
    let folder = Folder::new("refused");
    let unknown = Journal::with(&json!({ "action": "ListChatappTemplate" })).text();
    let malformed = small().text() + "{\"row\":9,\"8613912341234\n{}\n";
    let shard = Journal::with(&json!({ "shard": "0/2" })).text();
    let cases: [(&str, &str); 8] = [
        ("", "it is empty"),
        ("CustSpaceId\n8613912341234\n", "is not a journal"),
        ("{\"a\":1}\n", "is not a journal"),
        ("{\"journal\":2}\n", "format version 2"),
        (&unknown, "the action `ListChatappTemplate`, which this version"),
        (&malformed, "line 14"),
        (&shard, "its shard does not have the form 2/5"),
        ("{\"journal\":1,\"product\":\"cams\",\"action\":\"ChatappSyncPhoneNumber\"}\n", "first line"),
    ];
    for (text, reason) in cases {
        let error = fails_with(&[&folder.write("journal", text)], 1);
        assert!(error.contains(reason) && !error.contains("8613912341234"), "{error}");
    }
    let error = fails_with(&[&folder.path("missing")], 1);
    assert!(error.contains("cannot be read"), "{error}");
}

#[test]
fn an_unwritable_output_is_a_failure() {
    let folder = Folder::new("unwritable");
    let journal = folder.journal("journal", &small());
    let error = fails_with(&[&journal, "--html", &folder.path("no/such/folder.html")], 1);
    assert!(error.contains("cannot be written"), "{error}");
    if cfg!(target_os = "linux") {
        let error = fails_with(&[&journal, "--html", "/dev/full"], 1);
        assert!(error.contains("cannot be written"), "{error}");
    }
}

#[test]
#[cfg(unix)]
fn a_page_with_full_numbers_is_private_to_its_owner() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("owner");
    let (journal, page) = (folder.journal("journal", &small()), folder.path("page.html"));
    report(&[&journal, "--html", &page, "--full"]);
    assert_eq!(fs::metadata(&page).expect("it was written").permissions().mode() & 0o077, 0);
}

#[test]
fn a_page_never_overwrites_a_journal() {
    let folder = Folder::new("overwrite");
    let journal = folder.journal("journal", &small());
    for arguments in
        [[&*journal, "--html", &*journal].to_vec(), [&*journal, "--previous", &*journal, "--html", &*journal].to_vec()]
    {
        let error = fails_with(&arguments, 2);
        assert!(error.contains("overwrite"), "{error}");
    }
    assert_eq!(fs::read_to_string(&journal).expect("it is still there"), small().text());
}

#[test]
fn contradictory_options_are_refused() {
    fails_with(&[], 2);
    fails_with(&["-", "--previous", "-"], 2);
    fails_with(&["journal", "--html", "page", "--format", "csv"], 2);
    fails_with(&["journal", "--format", "xml"], 2);
}

/// A migration of each kind: started, refused for two reasons, unknown, and without an outcome.
fn migrations() -> Journal {
    let mut journal =
        Journal::with(&json!({ "action": "CreateChatappMigrationInitiate", "input": { "rows": 8, "digest": "d" } }));
    let sending = |journal: &mut Journal, row: u64| {
        journal.line(&json!({
            "row": row, "line": row + 1, "at": "2026-11-25T07:02:00.120Z", "state": "sending",
            "parameters": { "CustSpaceId": format!("29348393884949{row}"), "MobileNumber": format!("1390000123{row}"), "CountryCode": "86" },
            "labels": { "客户": format!("陈先生 {row}"), "Phone": "+86 139 8765 0123" },
        }));
    };
    for row in 1..=2 {
        sending(&mut journal, row);
        journal.line(&json!({
            "row": row, "at": "2026-11-25T07:02:01.120Z", "state": "done", "request_id": "R",
            "answer": { "Code": "OK", "RequestId": "R", "Data": { "Id": "828288900011", "Status": "MIGRATING", "PhoneNumber": format!("861390000123{row}") } },
        }));
    }
    for (row, code) in [(3, "Unknown.ResourceOwnerId"), (4, "Unknown.ResourceOwnerId"), (5, "InvalidParameter")] {
        sending(&mut journal, row);
        journal.line(&json!({
            "row": row, "at": "2026-11-25T07:02:02.120Z", "state": "failed", "code": code,
            "message": format!("no 1390000123{row}"), "request_id": "R-3",
        }));
    }
    sending(&mut journal, 6);
    journal.line(&json!({ "row": 6, "at": "2026-11-25T07:02:03.120Z", "state": "unknown", "kind": "Unanswered", "message": "lost" }));
    sending(&mut journal, 7);
    journal
}

#[test]
fn unknown_and_refused_migrations_come_with_advice() {
    let folder = Folder::new("migrations");
    let journal = folder.journal("now", &migrations());
    let chat = report(&[&journal]).stdout;
    assert!(chat.contains("**2 started, 2 unknown, 3 failed, 1 not sent**"), "{chat}");
    for format in [&["--format", "markdown"][..], &["--html", "-"]] {
        let text = report(&[&[&*journal], format].concat()).stdout;
        assert!(text.contains("Sync the space with") && text.contains("--resend-unknown"), "how to find out: {text}");
        assert!(
            text.contains("Check that the space belongs to the account whose access key is used"),
            "the advice: {text}"
        );
        assert!(text.contains("陈先生 3") && text.contains("客户"), "the labels: {text}");
        // Unknown first, then the most frequent reason.
        let places =
            ["Unanswered", "Unknown.ResourceOwnerId", "InvalidParameter"].map(|code| text.find(code).expect(code));
        assert!(places.is_sorted(), "{places:?}");
        assert!(!text.contains("13900001233") && !text.contains("98765"), "{text}");
    }
    let page = report(&[&journal, "--html", "-"]).stdout;
    for part in ["Started", "Data.Id", "828288900011", "MIGRATING", "139••••1231", "+86 139••••1231", "293483938849491"]
    {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    assert!(!page.contains("<script"), "no script is needed");
    let csv = report(&[&journal, "--format", "csv"]).stdout;
    let lines: Vec<&str> = csv.trim_start_matches('\u{feff}').lines().collect();
    assert_eq!(
        lines[0],
        "Row,CustSpaceId,MobileNumber,CountryCode,Outcome,Code,Message,RequestId,客户,Phone,Data.Id,Data.Status,Data.PhoneNumber"
    );
    assert_eq!(
        lines[1],
        "1,293483938849491,139••••1231,86,started,,,,陈先生 1,'+••••,828288900011,MIGRATING,'+86 139••••1231"
    );
    assert_eq!(lines.len(), 8);
    let full = report(&[&journal, "--format", "csv", "--full"]).stdout;
    assert!(full.contains("13900001231") && full.contains("98765") || full.contains("8765"), "{full}");
    let error = fails_with(&[&journal, "--previous", &journal], 2);
    assert!(error.contains("--previous compares journals of ChatappSyncPhoneNumber"), "{error}");
}

#[test]
fn a_newer_previous_journal_causes_a_warning() {
    let folder = Folder::new("newer");
    let (now, before) = (folder.journal("now", &sample(5, 2, true)), folder.journal("before", &sample(5, 2, false)));
    let right = report(&[&now, "--previous", &before]).stdout;
    assert!(!right.contains("is newer"), "{right}");
    let wrong = report(&[&before, "--previous", &now]).stdout;
    assert!(wrong.contains("The previous journal is newer"), "{wrong}");
}

#[test]
fn changes_come_first_and_failed_rows_are_grouped_by_code() {
    let folder = Folder::new("order");
    let mut journal = small();
    for space in ["s7", "s8"] {
        journal.failed(space, "failed", "Unknown.ResourceOwnerId", "The resource does not belong to the current user.");
    }
    let (now, before) = (folder.journal("now", &journal), folder.journal("before", &small_before()));
    let page = report(&[&now, "--previous", &before, "--html", "-"]).stdout;
    let places =
        ["class=\"totals\"", "id=\"changes\"", "id=\"attention\"", "id=\"rows\"", "class=\"charts\"", "id=\"all\""]
            .map(|part| page.find(part).expect(part));
    assert!(places.is_sorted(), "{places:?}");
    assert_eq!(page.matches("<h3 class=\"risk\">").count(), 1 + 1, "at risk, and one code: {page}");
    assert!(page.contains("failed, 3 rows"), "{page}");
    for tile in ["act", "risk", "watch"] {
        assert!(page.contains(&format!("<a href=\"#all\" data-filter=\"{tile}\">")), "{tile}");
    }
}
