//! A bulk stops early when its remaining rows are unlikely to succeed, and the same command continues.

use std::net::TcpListener;
use std::time::Duration;

use alibabacloud_simulator::{Answer, End, Fault};

use super::support::{Folder, MIGRATE, SYNC, Simulated, cams, output, run, spawn};
use crate::processes::with_key;

/// With a wrong access key there are at most five calls, regardless of the number of rows and the quota.
#[test]
fn a_refused_identity_stops_the_run_and_leaves_the_other_rows_not_sent() {
    for (action, code) in [(MIGRATE, "InvalidAccessKeyId.NotFound"), (SYNC, "InvalidAccessKeyId.NotFound")] {
        let simulated = Simulated::unlimited();
        let folder = if action == SYNC { Folder::syncs(2000) } else { Folder::migrations(2000) };
        for quota in [&["--quota", "off"][..], &[]] {
            let arguments = folder.arguments(&[&["--endpoint", simulated.url()], quota].concat());
            let ran = run(with_key(cams(arguments), "wrong", "testsecret"));
            assert_eq!(ran.code, Some(3), "{}", ran.stderr);
            assert!(
                ran.stderr.contains("5 consecutive attempts were refused because of the access key")
                    && ran.stderr.contains(code),
                "{}",
                ran.stderr
            );
            assert!(
                ran.stderr.contains("stopped with 2,000 rows not sent") && ran.stdout.contains("2,000 not sent"),
                "{}",
                ran.stderr
            );
        }
        assert_eq!(simulated.requests(), 10, "five in each run");
        assert_eq!(folder.journal().ended("failed"), 0);
        // With the right key, the same command completes all rows.
        let ran = folder.ends(&["--endpoint", simulated.url(), "--quota", "off"], 0);
        assert!(ran.stdout.starts_with("2,000 done"), "{}", ran.stdout);
    }
}

#[test]
fn only_codes_about_the_account_stop_the_run() {
    for (status, code, stops) in [
        (404, "InvalidAccessKeyId.NotFound", true),
        (400, "SignatureDoesNotMatch", true),
        (403, "NoPermission", true),
        (403, "Forbidden.RAM", true),
        (400, "Ram.PermissionDeny", true),
        (400, "Product.Unsubscript", true),
        (400, "InvalidSecurityToken.Expired", true),
        (400, "Unknown.ResourceOwnerId", false),
        (400, "InvalidParameter", false),
    ] {
        let simulated = Simulated::unlimited();
        simulated.simulator.script_fn(MIGRATE, move |_| Some(Answer::error(status, code, "No.").not_executed()));
        let folder = Folder::migrations(30);
        let ran = folder.ends(&["--endpoint", simulated.url(), "--quota", "off"], 3);
        let journal = folder.journal();
        if stops {
            assert!(ran.stderr.contains("5 consecutive attempts were refused"), "{code}: {}", ran.stderr);
            assert_eq!((journal.states().len(), journal.ended("failed")), (5, 0), "{code}");
        } else {
            assert_eq!(journal.ended("failed"), 30, "{code}: {}", ran.stderr);
        }
    }
}

#[test]
fn only_consecutive_unknown_outcomes_stop_the_run() {
    let simulated = Simulated::unlimited();
    let lost = simulated.simulator.gateway().example(MIGRATE).fault(Fault::NoAnswer(End::Close));
    let always = lost.clone();
    simulated.simulator.script_fn(MIGRATE, move |_| Some(always.clone()));
    let folder = Folder::migrations(150);
    let ran = folder.ends(&["--endpoint", simulated.url(), "--quota", "off"], 5);
    assert!(
        ran.stderr.contains("5 consecutive attempts ended with an unknown outcome; stopped with 145 rows not sent"),
        "{}",
        ran.stderr
    );
    assert_eq!((folder.journal().ended("unknown"), simulated.requests()), (5, 5));
    let ran = folder.ends(&["--endpoint", simulated.url(), "--quota", "off", "--stop-after", "2"], 5);
    assert!(ran.stderr.contains("2 consecutive attempts"), "{}", ran.stderr);
    assert_eq!(folder.journal().ended("unknown"), 7);

    let simulated = Simulated::unlimited();
    simulated.simulator.script(MIGRATE, [lost]);
    let folder = Folder::migrations(50);
    let ran = folder.ends(&["--endpoint", simulated.url(), "--quota", "off"], 5);
    assert!(ran.stdout.starts_with("49 done\n1 unknown"), "{}", ran.stdout);
}

#[test]
fn rows_that_cannot_be_sent_are_not_failed_and_the_same_command_continues() {
    let simulated = Simulated::unlimited();
    let folder = Folder::syncs(500);
    let ran = folder.ends(&["--endpoint", "http://127.0.0.1:1", "--quota", "off", "--deadline", "5"], 4);
    assert!(
        ran.stderr.contains("5 consecutive attempts could not be sent; stopped with 500 rows not sent"),
        "{}",
        ran.stderr
    );
    assert_eq!((folder.journal().ended("failed"), folder.journal().ended("unknown")), (0, 0));
    // The same without credentials.
    let mut without = cams(folder.arguments(&["--endpoint", simulated.url()]));
    without.env("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true");
    let ran = run(without);
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    assert!(ran.stderr.contains("ALIBABA_CLOUD_ACCESS_KEY_ID"), "{}", ran.stderr);
    let ran = folder.ends(&["--endpoint", simulated.url(), "--quota", "off"], 0);
    assert!(ran.stdout.starts_with("500 done"), "{}", ran.stdout);
}

/// The port is closed and opened again: the run waits, and no row fails.
#[test]
fn a_temporary_outage_fails_no_row() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let served = |address: &str| crate::processes::Served::start_at(address, ["--quota", "off"]);
    let first = served(&address.to_string());
    let folder = Folder::syncs(60);
    let url = first.url.clone();
    let options = ["--endpoint", &url, "--quota", "20/s", "--deadline", "5"];
    let mut child = spawn(folder.bulk(&options));
    while folder.journal().ended("done") < 5 {
        assert!(child.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(first);
    std::thread::sleep(Duration::from_secs(3));
    let _second = served(&address.to_string());
    let ran = output(child);
    assert_eq!(folder.journal().ended("failed"), 0, "{}", ran.stderr);
    assert!(matches!(ran.code, Some(0 | 4 | 5)), "{}", ran.stderr);
    // At the latest, the same command completes it.
    folder.ends(&options, 0);
    assert_eq!(folder.journal().ended("done"), 60);
}

/// Rows are marked as sending when they have their permit, so rows that wait for one are not in the journal when the
/// process is killed.
#[test]
fn a_kill_leaves_no_more_unknown_rows_than_requests_were_in_flight() {
    let simulated = Simulated::unlimited();
    let folder = Folder::migrations(200);
    let mut child = spawn(folder.bulk(&["--endpoint", simulated.url(), "--quota", "2/s"]));
    // Two per second; the next ones wait.
    simulated.wait_for(4, &mut child);
    std::thread::sleep(Duration::from_millis(200));
    child.kill().unwrap();
    output(child);
    std::thread::sleep(Duration::from_millis(50));
    let marked = folder.journal().states().len() as u64;
    let arrived = simulated.requests();
    // One may have been marked and not sent.
    assert!((arrived..=arrived + 1).contains(&marked), "{marked} rows are marked, {arrived} arrived");
}

/// The calls fail, so the run does not continue; the setting may be wrong, so it does not wait forever either.
#[test]
fn an_unreachable_shared_quota_stops_the_run_and_the_error_names_the_options() {
    let simulated = Simulated::unlimited();
    let folder = Folder::migrations(30);
    let shared = ["--endpoint", simulated.url(), "--quota-redis", "redis://127.0.0.1:1", "--quota-account", "main"];
    let ran = folder.ends(&shared, 4);
    assert_eq!(simulated.requests(), 0);
    for words in ["stopped with 30 rows not sent", "add --quota-processes N", "check --quota-redis"] {
        assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
    }
    assert!(!ran.stderr.contains("continuing") && !ran.stderr.contains("expected_processes"), "{}", ran.stderr);
    // With the number of processes, the same command continues.
    let ran = folder.ends(&[&shared[..], &["--quota-processes", "1"]].concat(), 0);
    assert!(
        ran.stdout.starts_with("30 done") && ran.stderr.contains("continuing with this program's share"),
        "{}",
        ran.stderr
    );
}

/// One line in total, not one for each row.
#[test]
fn responses_that_differ_from_their_specification_are_reported_once() {
    let simulated = Simulated::unlimited();
    let answer = serde_json::json!({ "Code": "OK", "RequestId": "r", "PhoneNumbers": [{ "VerifiedName": "CANARY@" }] });
    let body = answer.to_string().replace('@', "\\ud83d");
    simulated.simulator.script_fn(SYNC, move |_| Some(Answer::new(200, body.clone())));
    let folder = Folder::syncs(30);
    let ran = folder.ends(&["--endpoint", simulated.url(), "--quota", "off"], 0);
    assert_eq!(ran.stderr.matches("differs from its specification").count(), 1, "{}", ran.stderr);
    assert!(!ran.stderr.contains("CANARY"), "{}", ran.stderr);
}
