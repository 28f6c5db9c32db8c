//! The command as users and scripts see it: its output streams and exit codes.

mod support;

use std::fs::File;

use serde_json::Value;
use support::{MIGRATE, SYNC, Served, cams, cams_with_key, fails, refused_url, run, server, with_key};

/// The arguments, followed by `more`.
fn and<'a>(arguments: &'a [&'a str], more: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    arguments.iter().chain(more).copied()
}

#[test]
fn the_simulator_prints_its_url_on_the_first_line_and_ctrl_c_ends_it_cleanly() {
    let served = Served::start([]);
    let port = served.url.strip_prefix("http://127.0.0.1:").expect("a URL");
    assert_ne!(port.parse::<u16>().expect("the line ends with the port"), 0);

    let (status, stdout, stderr) = served.interrupt();
    assert_eq!(status.code(), Some(0), "{stderr}");
    assert_eq!(stdout, "");
    assert!(stderr.contains("Ctrl-C"), "{stderr}");
    assert!(stderr.contains("export ALIBABA_CLOUD_ENDPOINT=http://127.0.0.1:"), "{stderr}");
    assert!(stderr.contains("export ALIBABA_CLOUD_ACCESS_KEY_ID=testid\n"), "{stderr}");
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
fn a_proxy_of_the_environment_is_used_only_for_other_machines() {
    let proxy = refused_url();
    let with_proxy = |mut command: std::process::Command| {
        for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
            command.env(name, &proxy);
        }
        command
    };
    let ran = run(with_proxy(cams(and(&SYNC, &["--simulate"]))));
    assert_eq!((ran.code, &*ran.stderr), (Some(0), ""));
    // The name does not exist, so a refused connection can only be that of the proxy.
    let error = fails(with_proxy(cams_with_key(and(&SYNC, &["--endpoint", "https://host.invalid"]))), 4);
    assert!(error.contains("refused"), "{error}");
    let mut without = with_proxy(cams_with_key(and(&SYNC, &["--endpoint", "https://host.invalid"])));
    without.env("NO_PROXY", "host.invalid");
    let error = fails(without, 4);
    assert!(!error.contains("refused"), "{error}");
}

#[test]
fn an_invalid_key_for_the_simulator_is_a_usage_error_and_is_not_repeated() {
    for key in ["CANARY", "CANARY:", ":CANARY", "CANARY:x:"] {
        let error = fails(cams(["simulator", "--key", key]), 2);
        assert!(error.contains("ID:SECRET") && !error.contains("CANARY"), "{error}");
    }
}

#[test]
fn simulating_needs_no_account() {
    for action in [&SYNC[..], &MIGRATE] {
        let ran = run(cams(and(action, &["--simulate"])));
        assert_eq!((ran.code, &*ran.stderr), (Some(0), ""));
        assert!(ran.stdout.contains("OK"), "{}", ran.stdout);
    }
}

#[test]
fn a_simulator_accepts_the_keys_given_to_it() {
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
fn an_unwritable_result_is_a_failure() {
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
    let url = refused_url();
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
        assert!(error.contains("check whether the call took effect"), "{error}");
    }
    let url = server(Some((502, "<html>Bad gateway</html>")));
    fails(cams_with_key(and(&MIGRATE, &["--endpoint", &url])), 5);
}

#[test]
fn a_dry_run_needs_no_credentials_and_sends_nothing() {
    for signature in ["v1", "v3"] {
        // The port refuses connections.
        let url = refused_url();
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
fn a_hostile_response_cannot_control_the_terminal() {
    // As JSON escapes, and, where JSON allows it, as the characters themselves.
    let escaped = HOSTILE.chars().fold(String::new(), |text, c| text + &format!("\\u{:04x}", u32::from(c)));
    let raw: String = HOSTILE.chars().filter(|c| !c.is_ascii_control() || *c == '\u{7f}').collect();
    for text in [escaped, raw] {
        let success = format!(
            r#"{{"Code":"OK","{text}":1,"Message":"{text}","PhoneNumbers":[{{"PhoneNumber":"{text}","{text}":["{text}"]}}]}}"#
        );
        for output in ["table", "json"] {
            // `run` checks every output for them.
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
        // A text that does not have the form of an error code does not prove that nothing was executed.
        fails(cams_with_key(and(&SYNC, &["--endpoint", &url])), 5);
    }
    for status in [200, 302, 404] {
        let url = server(Some((status, HOSTILE)));
        let ran = run(cams_with_key(and(&SYNC, &["--endpoint", &url])));
        assert_ne!(ran.code, Some(0));
    }
}

#[test]
fn help_and_version_are_printed_on_standard_output() {
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
fn a_call_is_not_sent_without_the_shared_quota_and_the_error_names_the_options() {
    let unreached = |more: &[&str]| {
        let mut command = cams(and(&SYNC, &["--simulate", "--quota-account", "main"]).chain(more.iter().copied()));
        command.env("CAMS_QUOTA_REDIS", "redis://:secret@127.0.0.1:1");
        run(command)
    };
    let ran = unreached(&[]);
    assert_eq!((ran.code, &*ran.stdout), (Some(4), ""), "{}", ran.stderr);
    for words in ["the shared quota cannot be used: ", "add --quota-processes N", "check --quota-redis"] {
        assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
    }
    // The message must name options of the command, not builder methods.
    for words in ["secret", "continuing", "expected_processes", "--deadline"] {
        assert!(!ran.stderr.contains(words), "{words}: {}", ran.stderr);
    }
    let ran = unreached(&["--quota-processes", "2"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("continuing with this program's share of the quota").count(), 1, "{}", ran.stderr);
    assert_eq!(unreached(&["--quota-processes", "0"]).code, Some(2));
}

#[test]
fn a_response_that_differs_from_its_specification_is_one_line_without_values() {
    let answer = r#"{"Code":"OK","RequestId":"r","PhoneNumbers":[{"VerifiedName":"CANARY\ud83d"},{"VerifiedName":"CANARY\ud83d"}]}"#;
    let url = server(Some((200, answer)));
    let ran = run(cams_with_key(and(&SYNC, &["--endpoint", &url])));
    assert_eq!((ran.code, ran.stderr.lines().count()), (Some(0), 1), "{}", ran.stderr);
    assert!(
        ran.stderr.starts_with("warning: the response of ChatappSyncPhoneNumber differs from its specification: ")
            && ran.stderr.contains("U+FFFD")
            && !ran.stderr.contains("CANARY"),
        "{}",
        ran.stderr
    );
}

#[test]
fn help_is_also_a_command_and_every_help_has_examples() {
    let commands: [&[&str]; 7] = [
        &["bulk"],
        &["bulk", "chatapp-sync-phone-number"],
        &["chatapp-sync-phone-number"],
        &["call"],
        &["report"],
        &["doctor"],
        &["simulator"],
    ];
    for command in commands {
        let by_name = run(cams(["help"].iter().chain(command).copied()));
        let by_option = run(cams(command.iter().chain(&["--help"]).copied()));
        assert_eq!((by_name.code, by_option.code), (Some(0), Some(0)), "{}", by_name.stderr);
        for help in [&by_name.stdout, &by_option.stdout] {
            assert!(help.contains("Usage: cams") && help.contains("  cams "), "{command:?}: {help}");
        }
    }
    let bulk = run(cams(["help", "bulk", "create-chatapp-migration-initiate"]));
    assert!(bulk.stdout.contains("values that a spreadsheet changed"), "{}", bulk.stdout);
}

#[test]
fn the_spelling_of_the_service_is_accepted() {
    let ran = run(cams(["ChatappSyncPhoneNumber", "--CustSpaceId", "1", "--simulate"]));
    assert_eq!((ran.code, &*ran.stderr), (Some(0), ""));
    let arguments = [
        "CreateChatappMigrationInitiate",
        "--CustSpaceId",
        "1",
        "--MobileNumber",
        "1390",
        "--CountryCode",
        "86",
        "--simulate",
    ];
    let ran = run(cams(arguments));
    assert_eq!((ran.code, &*ran.stderr), (Some(0), ""));
    let ran = run(cams(["bulk", "ChatappSyncPhoneNumber", "--help"]));
    assert_eq!(ran.code, Some(0));
}

#[test]
fn an_empty_required_parameter_is_refused() {
    for empty in ["", " "] {
        let error = fails(cams(["chatapp-sync-phone-number", "--cust-space-id", empty, "--simulate"]), 2);
        assert!(error.contains("required but empty"), "{error}");
    }
    let error = fails(cams(["call", "ChatappSyncPhoneNumber", "--param", "CustSpaceId=", "--simulate"]), 4);
    assert!(error.contains("`CustSpaceId`: it is required but empty"), "{error}");
}

#[test]
fn any_action_can_be_called_with_the_same_dry_run_and_exit_codes() {
    let url = server(Some((200, r#"{"Code":"OK","RequestId":"r","ListTemplate":[{"TemplateName":"welcome"}]}"#)));
    let call = ["call", "ListChatappTemplate", "--param", "CustSpaceId=1", "--param", "Page.Size=-1", "--endpoint"];
    let ran = run(cams_with_key(and(&call, &[&url])));
    assert_eq!((ran.code, &*ran.stderr), (Some(0), ""));
    assert!(ran.stdout.contains("welcome"), "{}", ran.stdout);
    let url = refused_url();
    let ran = run(cams(and(&call, &[&url, "--dry-run"])));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(
        ran.stdout.contains("Action=ListChatappTemplate") && ran.stdout.contains("CustSpaceId=<hidden>"),
        "{}",
        ran.stdout
    );
    fails(cams_with_key(and(&call, &[&url])), 4);
    let url = server(None);
    fails(cams_with_key(and(&call, &[&url])), 5);
    // An action with a descriptor keeps its limit and checks.
    let ran =
        run(cams(["call", "ChatappSyncPhoneNumber", "--param", "CustSpaceId=1", "--simulate", "--query", "Code"]));
    assert_eq!((ran.code, &*ran.stdout), (Some(0), "OK\n"), "{}", ran.stderr);
    for wrong in [
        &["call"][..],
        &["call", "a-b"],
        &["call", "A", "--param", "x"],
        &["call", "A", "--param", "x=1", "--param", "x=2"],
    ] {
        fails(cams(wrong.iter().copied()), 2);
    }
}

#[test]
fn a_query_selects_a_part_of_the_response() {
    let query = |query: &str, more: &[&str]| {
        let ran = run(cams(and(&SYNC, &["--simulate", "--query", query]).chain(more.iter().copied())));
        assert_eq!((ran.code, &*ran.stderr), (Some(0), ""));
        ran.stdout
    };
    assert_eq!(query("PhoneNumbers[].VerifiedName", &[]), "Alibaba\n");
    assert_eq!(query("PhoneNumbers[0].{name: VerifiedName}", &["--output", "json"]), "{\n  \"name\": \"Alibaba\"\n}\n");
    assert_eq!(query("length(PhoneNumbers)", &["--output", "json"]), "1\n");
    let error = fails(cams(and(&SYNC, &["--simulate", "--query", "a[["])), 2);
    assert!(error.contains("JMESPath"), "{error}");
    // A query that is wrong for any response is refused before the call.
    for wrong in ["nothing(PhoneNumbers)", "length(PhoneNumbers, Code)", "PhoneNumbers[].nothing(@)"] {
        let error = fails(cams_with_key(and(&SYNC, &["--endpoint", &refused_url(), "--query", wrong])), 2);
        assert!(error.starts_with("error: --query: "), "{error}");
    }
}

#[test]
fn the_whole_response_is_printed_if_the_query_fails_after_the_call() {
    let answer = r#"{"Code":"OK","RequestId":"r","Data":{"Id":"8282889"}}"#;
    for (output, expected) in [("table", "Data.Id    8282889"), ("json", "\"Id\": \"8282889\"")] {
        let url = server(Some((200, answer)));
        let ran = run(cams_with_key(and(
            &MIGRATE,
            &["--endpoint", &url, "--query", "length(Data.Nothing)", "--output", output],
        )));
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        assert!(
            ran.stdout.contains(expected) && ran.stderr.contains("the call succeeded"),
            "{} {}",
            ran.stdout,
            ran.stderr
        );
    }
}

#[test]
fn with_json_output_an_error_is_json_on_standard_error() {
    let refusal = r#"{"Code":"NoPermission","Message":"No.","RequestId":"R-1","HostId":"h","Recommend":"https://api.example/x",
        "AccessDeniedDetail":{"AuthAction":"cams:ChatappSyncPhoneNumber","PolicyType":"AccountLevelIdentityBasedPolicy"}}"#;
    let json = |mut command: std::process::Command, code: i32| -> Value {
        let ran = support::run({
            command.stdin(std::process::Stdio::null());
            command
        });
        assert_eq!((ran.code, &*ran.stdout), (Some(code), ""), "{}", ran.stderr);
        serde_json::from_str::<Value>(&ran.stderr).unwrap_or_else(|error| panic!("{error}: {}", ran.stderr))["error"]
            .clone()
    };
    let url = server(Some((403, refusal)));
    let error = json(cams_with_key(and(&SYNC, &["--endpoint", &url, "--output", "json"])), 3);
    assert_eq!(
        (&error["code"], &error["request_id"], &error["outcome"]),
        (&"NoPermission".into(), &"R-1".into(), &"not_executed".into())
    );
    assert_eq!(
        (&error["http_status"], &error["exit_code"], &error["kind"]),
        (&403.into(), &3.into(), &"Service".into())
    );
    assert_eq!(error["details"]["AuthAction"], "cams:ChatappSyncPhoneNumber");
    let url = server(None);
    assert_eq!(json(cams_with_key(and(&MIGRATE, &["--endpoint", &url, "--output=json"])), 5)["outcome"], "unknown");
    assert_eq!(
        json(cams_with_key(and(&SYNC, &["--endpoint", &refused_url(), "--output", "json"])), 4)["outcome"],
        "not_sent"
    );
    assert_eq!(json(cams(["chatapp-sync-phone-number", "--output", "json"]), 2)["exit_code"], 2);
    // The same as lines for people.
    let url = server(Some((403, refusal)));
    let error = fails(cams_with_key(and(&SYNC, &["--endpoint", &url])), 3);
    assert!(
        error.contains("\n  AuthAction: cams:ChatappSyncPhoneNumber\n")
            && error.contains("Recommend: https://api.example/x"),
        "{error}"
    );
}

#[test]
fn a_name_cannot_reverse_the_direction_of_text() {
    let answer = "{\"Code\":\"OK\",\"PhoneNumbers\":[{\"VerifiedName\":\"\u{202e}DENNAB\u{2066}\"}]}";
    for output in ["table", "json"] {
        let url = server(Some((200, answer)));
        let ran = run(cams_with_key(and(&SYNC, &["--endpoint", &url, "--output", output])));
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert!(!ran.stdout.contains(['\u{202e}', '\u{2066}']) && ran.stdout.contains("202e"), "{}", ran.stdout);
    }
}

#[test]
fn missing_credentials_are_reported_source_by_source() {
    let error = fails(cams(SYNC), 4);
    assert!(error.lines().count() >= 6, "{error}");
    assert!(error.lines().all(|line| line.chars().count() < 160), "{error}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_closed_pipe_ends_quietly_and_a_full_device_is_an_error() {
    for arguments in [&["completions", "bash"][..], &["--help"], &["help", "bulk"], &["--version"]] {
        let mut child = cams(arguments.iter().copied())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("the command starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("the command ends");
        assert_eq!((output.status.code(), &*String::from_utf8_lossy(&output.stderr)), (Some(0), ""), "{arguments:?}");

        let mut full = cams(arguments.iter().copied());
        full.stdout(File::create("/dev/full").expect("Linux has a full device"));
        let error = fails(full, 1);
        assert!(error.contains("standard output"), "{error}");
    }
    // An unwritable standard error does not matter.
    let mut command = cams(and(&SYNC, &["--simulate", "--output", "xml"]));
    command.stderr(File::create("/dev/full").expect("Linux has a full device"));
    assert_eq!(command.status().expect("the command starts").code(), Some(2));
    let mut command = cams(SYNC);
    command.stderr(File::create("/dev/full").expect("Linux has a full device"));
    assert_eq!(command.status().expect("the command starts").code(), Some(4));
}

#[test]
fn completions_explain_their_installation() {
    for (shell, line) in [("bash", 0), ("zsh", 1), ("fish", 0), ("powershell", 0), ("elvish", 0)] {
        let ran = cams(["completions", shell]).output().expect("the command starts");
        let script = String::from_utf8(ran.stdout).expect("a script is text");
        let install = script.lines().nth(line).unwrap_or_default();
        assert!(
            install.starts_with(&"# To install: ".to_string())
                && install.contains(&format!("cams completions {shell}")),
            "{install}"
        );
    }
    let help = run(cams(["completions", "--help"]));
    assert!(help.stdout.contains("cams completions fish >"), "{}", help.stdout);
}

#[test]
fn an_action_waits_until_what_it_has_started_is_done() {
    let quick = ["--simulate", "--interval", "0.1"];
    let ran = run(cams(and(&MIGRATE, &[&quick[..], &["--wait"]].concat())));
    assert_eq!((ran.code, &*ran.stderr), (Some(0), ""));
    assert!(ran.stdout.contains("MIGRATING") && !ran.stdout.contains("CONNECTED"), "{}", ran.stdout);

    let wait = [&["wait"], &MIGRATE[..], &quick].concat();
    let ran = run(cams(and(&wait, &["--output", "json"])));
    assert_eq!((ran.code, &*ran.stderr), (Some(0), ""));
    let answer: Value = serde_json::from_str(&ran.stdout).expect("the output is JSON");
    assert_eq!(answer["PhoneNumbers"][0]["Status"], "CONNECTED");
    assert_eq!(answer["PhoneNumbers"][0]["PhoneNumber"], "8613900001234");
    let ran = run(cams(and(&wait, &["--query", "PhoneNumbers[].Status"])));
    assert_eq!((ran.code, ran.stdout.trim()), (Some(0), "CONNECTED"));

    // Options of a wait need one.
    fails(cams(and(&MIGRATE, &["--bound", "5"])), 2);
    fails(cams(and(&MIGRATE, &["--wait", "--dry-run"])), 2);
    fails(cams(["wait", "chatapp-sync-phone-number"]), 2);
    let help = run(cams(["wait", "create-chatapp-migration-initiate", "--help"])).stdout;
    for text in ["ChatappSyncPhoneNumber", "CONNECTED", "BANNED", "--bound", "1800", "which doubles up to 60", "  7  "]
    {
        assert!(help.contains(text), "{text} is not in\n{help}");
    }
}

#[test]
fn a_wait_without_success_has_an_exit_code_of_its_own() {
    let wait = |more: &[&'static str]| [&["wait"], &MIGRATE[..], more].concat();
    let error = fails(cams(wait(&["--simulate", "--bound", "0.5"])), 7);
    assert!(error.contains("is not done") && error.contains("`PENDING`") && error.contains("--bound"), "{error}");
    assert!(!error.contains("13900001234"), "{error}");
    let ran = run(cams(wait(&["--simulate", "--bound", "0.5", "--output", "json"])));
    let error: Value = serde_json::from_str(&ran.stderr).expect("the error is JSON");
    assert_eq!(
        (ran.code, &error["error"]["kind"], &error["error"]["state"]),
        (Some(7), &"BoundReached".into(), &"PENDING".into())
    );
    // What was started is printed before the wait fails.
    let ran = run(cams(and(&MIGRATE, &["--simulate", "--wait", "--bound", "0.5"])));
    assert!(ran.code == Some(7) && ran.stdout.contains("MIGRATING"), "{}", ran.stdout);

    let banned = r#"{"Code":"OK","RequestId":"A1","PhoneNumbers":[{"PhoneNumber":"8613900001234","Status":"BANNED"}]}"#;
    let url = server(Some((200, banned)));
    let error = fails(cams_with_key(and(&wait(&[]), &["--endpoint", &url])), 7);
    assert!(error.contains("reports `BANNED` (request A1)"), "{error}");
    let url = server(Some((400, r#"{"Code":"Ram.PermissionDeny","Message":"no","RequestId":"A1"}"#)));
    fails(cams_with_key(and(&wait(&[]), &["--endpoint", &url])), 3);
    fails(cams_with_key(and(&wait(&["--bound", "1"]), &["--endpoint", &refused_url()])), 7);
    fails(cams(wait(&["--endpoint", "http://127.0.0.1:1"])), 4);
}

#[test]
fn an_action_with_a_path_is_called_by_method_and_path() {
    let url = ["--endpoint", "https://example.com"];
    let call =
        ["call", "ScaleSpace", "--path", "/spaces/{Id}/size", "--param", "Id=CANARY 1", "--param", "Note=CANARY"];
    let ran = run(cams(and(&call, &[&url[..], &["--dry-run"]].concat())));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("GET /spaces/") && ran.stdout.contains("x-acs-action: ScaleSpace"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("CANARY"), "{}", ran.stdout);
    for (more, method) in [
        (&["--body", r#"{"size": 2}"#][..], "POST /spaces/"),
        (&["--method", "put", "--body", "[1]"], "PUT /spaces/"),
        (&["--method", "DELETE"], "DELETE /spaces/"),
    ] {
        let ran = run(cams(and(&call, &[&url[..], more, &["--dry-run"]].concat())));
        assert!(ran.code == Some(0) && ran.stdout.contains(method), "{} {}", ran.stdout, ran.stderr);
    }
    // The body of a file, and the exit codes of every call.
    let file = tempfile::NamedTempFile::new().expect("there is a folder for it");
    std::fs::write(file.path(), "{\"size\":\n2}\n").expect("the file is there");
    let body = format!("@{}", file.path().display());
    let served = server(Some((200, r#"{"Code":"OK","RequestId":"A1","Id":1}"#)));
    let ran = run(cams_with_key(and(&call, &["--endpoint", &served, "--body", &body, "--output", "json"])));
    let answer: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{} {}", ran.stdout, ran.stderr));
    assert_eq!((ran.code, &answer["Id"]), (Some(0), &Value::from(1)));
    let served = server(Some((404, r#"{"code":"ErrorNotFound","message":"no","requestId":"A1"}"#)));
    fails(cams_with_key(and(&call, &["--endpoint", &served])), 3);
    let served = server(None);
    fails(cams_with_key(and(&call, &["--endpoint", &served])), 5);

    for (more, code, text) in [
        (&["--body", "CANARY"][..], 2, "--body is not JSON (line 1, column 1)"),
        (&["--body", "@no-such-file"], 2, "no-such-file"),
        (&["--method", "HEAD"], 2, "--method"),
    ] {
        let error = fails(cams(and(&call, &[&url[..], more, &["--dry-run"]].concat())), code);
        assert!(error.contains(text) && !error.contains("CANARY"), "{error}");
    }
    fails(cams(["call", "ScaleSpace", "--body", "{}"]), 2);
    for path in ["spaces", "/spaces/{Id}/{Other}", "/a?b=c", "/a/{Id"] {
        let call = ["call", "ScaleSpace", "--path", path, "--param", "Id=1", "--dry-run", url[0], url[1]];
        let error = fails(cams(call), 4);
        assert!(error.contains("path") || error.contains("Other"), "{error}");
    }
}
