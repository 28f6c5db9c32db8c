//! The command as its users and their scripts see it: what goes where, and how it ends.

mod support;

use std::fs::File;

use serde_json::Value;
use support::{MIGRATE, SYNC, Served, cams, cams_with_key, fails, nobody, run, server, with_key};

/// The arguments, and these after them.
fn and<'a>(arguments: &'a [&'a str], more: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    arguments.iter().chain(more).copied()
}

#[test]
fn the_simulator_prints_its_url_alone_on_the_first_line_and_ends_well_at_ctrl_c() {
    let served = Served::start([]);
    let port = served.url.strip_prefix("http://127.0.0.1:").expect("a URL");
    assert_ne!(port.parse::<u16>().expect("the line ends with the port"), 0);

    let (status, stdout, stderr) = served.interrupt();
    assert_eq!(status.code(), Some(0), "{stderr}");
    assert_eq!(stdout, "");
    assert!(stderr.contains("Ctrl-C"), "{stderr}");
}

#[test]
fn both_actions_can_be_called_and_only_the_result_is_on_standard_output() {
    let served = Served::start([]);
    for signature in ["v1", "v3"] {
        let options = ["--endpoint", &served.url, "--signature", signature];

        let sync = run(cams_with_key(and(&SYNC, &options)));
        assert_eq!((sync.code, &*sync.stderr), (Some(0), ""));
        for text in ["Code", "OK", "PhoneNumbers (1)", "VerifiedName", "Alibaba", "GREEN"] {
            assert!(sync.stdout.contains(text), "{text} is not in\n{}", sync.stdout);
        }
        let migrate = run(cams_with_key(and(&MIGRATE, &options)));
        assert_eq!((migrate.code, &*migrate.stderr), (Some(0), ""));
        assert!(migrate.stdout.contains("Data.Status") && migrate.stdout.contains("MIGRATING"), "{}", migrate.stdout);

        let options = [&options[..], &["--output", "json"]].concat();
        let sync = run(cams_with_key(and(&SYNC, &options)));
        let answer: Value = serde_json::from_str(&sync.stdout).expect("the output is JSON");
        assert_eq!((sync.code, &*sync.stderr), (Some(0), ""));
        assert_eq!(answer["PhoneNumbers"][0]["QualityRating"], "GREEN");
        let migrate = run(cams_with_key(and(&MIGRATE, &options)));
        let answer: Value = serde_json::from_str(&migrate.stdout).expect("the output is JSON");
        assert_eq!((migrate.code, &*migrate.stderr), (Some(0), ""));
        assert_eq!(answer["Data"]["Status"], "MIGRATING");
    }
}

#[test]
fn a_proxy_of_the_environment_is_asked_for_other_machines_only() {
    let proxy = nobody();
    let with_proxy = |mut command: std::process::Command| {
        for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
            command.env(name, &proxy);
        }
        command
    };
    let ran = run(with_proxy(cams(and(&SYNC, &["--simulate"]))));
    assert_eq!((ran.code, &*ran.stderr), (Some(0), ""));
    // The name does not exist, so a refused connection can only be the proxy's.
    let error = fails(with_proxy(cams_with_key(and(&SYNC, &["--endpoint", "https://host.invalid"]))), 4);
    assert!(error.contains("refused"), "{error}");
    let mut without = with_proxy(cams_with_key(and(&SYNC, &["--endpoint", "https://host.invalid"])));
    without.env("NO_PROXY", "host.invalid");
    let error = fails(without, 4);
    assert!(!error.contains("refused"), "{error}");
}

#[test]
fn a_key_for_the_simulator_that_is_none_is_a_usage_error_and_is_not_repeated() {
    for key in ["CANARY", "CANARY:", ":CANARY", "CANARY:x:"] {
        let error = fails(cams(["simulator", "--key", key]), 2);
        assert!(error.contains("ID:SECRET") && !error.contains("CANARY"), "{error}");
    }
}

#[test]
fn no_account_is_needed_to_simulate() {
    for action in [&SYNC[..], &MIGRATE] {
        let ran = run(cams(and(action, &["--simulate"])));
        assert_eq!((ran.code, &*ran.stderr), (Some(0), ""));
        assert!(ran.stdout.contains("OK"), "{}", ran.stdout);
    }
}

#[test]
fn a_simulator_takes_other_keys() {
    let served = Served::start(["--key", "id:secret", "--key", "sts:secret:token:with:colons"]);
    let options = ["--endpoint", &served.url];
    assert_eq!(run(with_key(cams(and(&SYNC, &options)), "id", "secret")).code, Some(0));
    let mut temporary = with_key(cams(and(&SYNC, &options)), "sts", "secret");
    temporary.env("ALIBABA_CLOUD_SECURITY_TOKEN", "token:with:colons");
    assert_eq!(run(temporary).code, Some(0));
    fails(cams_with_key(and(&SYNC, &options)), 3);
}

#[test]
fn exit_code_1_is_a_local_failure() {
    let error = fails(cams(["simulator", "--listen", "192.0.2.1:0"]), 1);
    assert!(error.contains("loopback"), "{error}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_result_that_cannot_be_written_is_a_failure() {
    let mut command = cams(and(&SYNC, &["--simulate"]));
    command.stdout(File::create("/dev/full").expect("Linux has a full device"));
    let error = fails(command, 1);
    assert!(error.contains("standard output"), "{error}");
}

#[test]
fn exit_code_2_is_a_wrong_command_line() {
    let error = fails(cams(["create-chatapp-migration-initiate", "--cust-space-id", "1"]), 2);
    assert!(error.contains("--mobile-number") && error.contains("--country-code"), "{error}");
    let error = fails(cams(["chatapp-sync-phone-numbers"]), 2);
    assert!(error.contains("chatapp-sync-phone-number"), "{error}");
    fails(cams(and(&SYNC, &["--output", "xml"])), 2);
    fails(cams(and(&SYNC, &["--deadline", "0"])), 2);
    fails(cams(and(&SYNC, &["--simulate", "--region", "ap-southeast-1"])), 2);
}

#[test]
fn exit_code_3_is_an_error_of_the_service() {
    let served = Served::start([]);
    let options = ["--endpoint", &served.url];
    let error = fails(with_key(cams(and(&SYNC, &options)), "unknown", "testsecret"), 3);
    assert!(error.contains("InvalidAccessKeyId.NotFound") && error.contains("HTTP 404"), "{error}");
    let error = fails(with_key(cams(and(&MIGRATE, &options)), "testid", "wrong"), 3);
    assert!(error.contains("SignatureDoesNotMatch"), "{error}");

    let url = server(Some((400, r#"{"Code":"Ram.PermissionDeny","Message":"Not allowed.","RequestId":"R-1"}"#)));
    let error = fails(cams_with_key(and(&SYNC, &["--endpoint", &url])), 3);
    for part in ["ChatappSyncPhoneNumber", "Ram.PermissionDeny", "Not allowed.", "HTTP 400", "R-1"] {
        assert!(error.contains(part), "{part} is not in\n{error}");
    }
    let url = server(Some((200, r#"{"Code":"Product.Unsubscript","Message":"None."}"#)));
    fails(cams_with_key(and(&SYNC, &["--endpoint", &url])), 3);
}

#[test]
fn exit_code_4_means_that_nothing_was_sent() {
    let url = nobody();
    let error = fails(cams_with_key(and(&MIGRATE, &["--endpoint", &url])), 4);
    assert!(error.contains("no connection"), "{error}");
    let error = fails(cams(SYNC), 4);
    assert!(error.contains("ALIBABA_CLOUD_ACCESS_KEY_ID") && error.contains("--simulate"), "{error}");
    fails(cams_with_key(and(&SYNC, &["--endpoint", "http://192.0.2.1"])), 4);
}

#[test]
fn exit_code_5_means_that_the_outcome_is_unknown() {
    for action in [&SYNC[..], &MIGRATE] {
        let url = server(None);
        let error = fails(cams_with_key(and(action, &["--endpoint", &url])), 5);
        assert!(error.contains("find out whether it took effect"), "{error}");
    }
    let url = server(Some((502, "<html>Bad gateway</html>")));
    fails(cams_with_key(and(&MIGRATE, &["--endpoint", &url])), 5);
}

#[test]
fn a_dry_run_needs_no_credentials_and_sends_nothing() {
    for signature in ["v1", "v3"] {
        // Nobody listens there.
        let url = nobody();
        let ran = run(cams(and(&MIGRATE, &["--dry-run", "--signature", signature, "--endpoint", &url])));
        assert_eq!((ran.code, &*ran.stderr), (Some(0), ""));
        for part in [&*url, "POST / HTTP/1.1", "CreateChatappMigrationInitiate", "CountryCode=86", "<hidden>"] {
            assert!(ran.stdout.contains(part), "{part} is not in\n{}", ran.stdout);
        }
    }
}

/// The characters that control a terminal: ESC, the one-character CSI, BEL, backspace, carriage return, DEL.
const HOSTILE: &str = "\u{1b}[31m\u{9b}2J\u{7}\u{8}\r\u{7f}";

#[test]
fn a_hostile_answer_cannot_control_the_terminal() {
    // As JSON escapes, and, where JSON allows it, as the characters themselves.
    let escaped = HOSTILE.chars().fold(String::new(), |text, c| text + &format!("\\u{:04x}", u32::from(c)));
    let raw: String = HOSTILE.chars().filter(|c| !c.is_ascii_control() || *c == '\u{7f}').collect();
    for text in [escaped, raw] {
        let success = format!(
            r#"{{"Code":"OK","{text}":1,"Message":"{text}","PhoneNumbers":[{{"PhoneNumber":"{text}","{text}":["{text}"]}}]}}"#
        );
        for output in ["table", "json"] {
            // `run` holds every output to it.
            let url = server(Some((200, &success)));
            let ran = run(cams_with_key(and(&SYNC, &["--endpoint", &url, "--output", output])));
            assert_eq!(ran.code, Some(0), "{}", ran.stderr);
            assert!(ran.stdout.contains("OK"));
            if output == "json" {
                let sent: Value = serde_json::from_str(&success).expect("JSON");
                let shown: Value = serde_json::from_str(&ran.stdout).expect("the output is still JSON");
                assert_eq!(shown, sent);
            }
        }
        let failure = format!(r#"{{"Code":"{text}","Message":"{text}","RequestId":"{text}"}}"#);
        let url = server(Some((400, &failure)));
        fails(cams_with_key(and(&SYNC, &["--endpoint", &url])), 3);
    }
    for status in [200, 302, 404] {
        let url = server(Some((status, HOSTILE)));
        let ran = run(cams_with_key(and(&SYNC, &["--endpoint", &url])));
        assert_ne!(ran.code, Some(0));
    }
}

#[test]
fn help_and_version_are_results() {
    let version = run(cams(["--version"]));
    assert_eq!((version.code, &*version.stderr), (Some(0), ""));
    assert_eq!(version.stdout, concat!("cams ", env!("CARGO_PKG_VERSION"), "\n"));
    for arguments in [&["--help"][..], &["-h"], &["chatapp-sync-phone-number", "--help"], &["simulator", "-h"]] {
        let help = run(cams(arguments.iter().copied()));
        assert_eq!((help.code, &*help.stderr), (Some(0), ""), "{arguments:?}");
        assert!(help.stdout.contains("Usage: cams"), "{}", help.stdout);
    }
}

#[test]
fn every_shell_has_completions() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = cams(["completions", shell]).output().expect("the command starts");
        assert_eq!(output.status.code(), Some(0), "{shell}");
        let script = String::from_utf8(output.stdout).expect("a script is text");
        for word in ["create-chatapp-migration-initiate", "mobile-number", "dry-run"] {
            assert!(script.contains(word), "{word} is not in the script for {shell}");
        }
    }
}

#[test]
fn a_shared_quota_needs_a_server_and_the_name_of_the_account() {
    let wrong: [(&[&str], &str); 4] = [
        (&["--quota-redis", "redis://127.0.0.1:1"], "--quota-account"),
        (&["--quota-account", "main"], "CAMS_QUOTA_REDIS"),
        (&["--quota-redis", "127.0.0.1", "--quota-account", "main"], "redis://"),
        (&["--quota-redis", "redis://127.0.0.1:1", "--quota-account", "LTAI5tKey"], "access key"),
    ];
    for (options, expected) in wrong {
        let message = fails(cams(and(&SYNC, options).chain(["--simulate"])), 2);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_call_goes_on_with_a_share_if_the_server_of_the_shared_quota_is_away() {
    let mut command = cams(and(&SYNC, &["--simulate", "--quota-account", "main"]));
    command.env("CAMS_QUOTA_REDIS", "redis://:secret@127.0.0.1:1");
    let ran = run(command);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(!ran.stderr.contains("secret"), "{}", ran.stderr);
}
