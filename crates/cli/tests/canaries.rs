//! The command prints secrets and phone numbers nowhere but in the values of a response.

mod support;

use std::process::Command;

use support::{Ran, Served, cams, refused_url, run, server, with_key};

const KEY_ID: &str = "CANARYidEGRET";
const SECRET: &str = "CANARY+secret/EGRET";
const TOKEN: &str = "CANARYtoken==EGRET";
const PHONE: &str = "CANARY139 00EGRET";

/// The command that migrates the marked number, with the marked key.
fn migrate(options: &[&str]) -> Command {
    let arguments =
        ["create-chatapp-migration-initiate", "--cust-space-id", "1", "--mobile-number", PHONE, "--country-code", "86"];
    let mut command = with_key(cams(arguments.into_iter().chain(options.iter().copied())), KEY_ID, SECRET);
    command.env("ALIBABA_CLOUD_SECURITY_TOKEN", TOKEN);
    command
}

#[track_caller]
fn hunt(text: &str) {
    assert!(!text.contains("CANARY") && !text.contains("EGRET"), "a secret or a phone number is shown:\n{text}");
}

/// Runs the command, which must exit with this code and print no mark.
#[track_caller]
fn hunt_in(command: Command, code: i32) -> Ran {
    let ran = run(command);
    assert_eq!(ran.code, Some(code), "{}", ran.stderr);
    hunt(&ran.stdout);
    hunt(&ran.stderr);
    ran
}

#[test]
fn a_dry_run_shows_no_mark() {
    for signature in ["v1", "v3"] {
        let ran = hunt_in(migrate(&["--dry-run", "--signature", signature]), 0);
        assert!(ran.stdout.contains("MobileNumber=<hidden>"), "{}", ran.stdout);
        hunt_in(migrate(&["--dry-run", "--simulate", "--signature", signature]), 0);
    }
}

#[test]
fn no_failure_shows_a_mark() {
    let echo = format!("{KEY_ID} {SECRET} {TOKEN} {PHONE} MobileNumber=CANARY139+00EGRET&x=CANARY%2Bsecret%2FEGRET");
    for signature in ["v1", "v3"] {
        let at = |url: &str, code| hunt_in(migrate(&["--signature", signature, "--endpoint", url]), code);

        if cfg!(target_os = "linux") {
            let url = server(Some((200, r#"{"Code":"OK"}"#)));
            let mut full = migrate(&["--signature", signature, "--endpoint", &url]);
            full.stdout(std::fs::File::create("/dev/full").expect("Linux has a full device"));
            hunt_in(full, 1);
        }
        hunt_in(migrate(&["--signature", "v2"]), 2);

        at(&server(Some((400, &format!(r#"{{"Code":"SignatureDoesNotMatch","Message":"signed: {echo}"}}"#)))), 3);
        at(&server(Some((400, &format!(r#"{{"Code":"{echo}","Message":"no","RequestId":"{echo}"}}"#)))), 3);
        at(&server(Some((302, &format!("<a href='/?{echo}'>{echo}</a>")))), 5);
        let served = Served::start([]);
        at(&served.url, 3);
        let (_, stdout, stderr) = served.interrupt();
        hunt(&stdout);
        hunt(&stderr);

        at(&refused_url(), 4);
        at(&format!("https://{SECRET}@127.0.0.1:1"), 4);
        at(&server(None), 5);
        at(&server(Some((502, &format!("<html>{echo}</html>")))), 5);
        at(&server(Some((200, &format!("<html>{echo}</html>")))), 5);
    }
}

#[test]
fn a_success_shows_a_phone_number_only_as_a_value_of_the_response() {
    let answer = format!(r#"{{"Code":"OK","Data":{{"PhoneNumber":"{PHONE}"}}}}"#);
    for output in ["table", "json"] {
        let url = server(Some((200, &answer)));
        hunt_beside_the_response(migrate(&["--output", output, "--endpoint", &url]));
        hunt_beside_the_response(migrate(&["--output", output, "--simulate"]));
    }
}

/// Looks for secrets in the output of a successful call, whose response contains the phone number once.
fn hunt_beside_the_response(command: Command) {
    let ran = run(command);
    assert_eq!((ran.code, &*ran.stderr), (Some(0), ""));
    assert_eq!(ran.stdout.matches(PHONE).count(), 1, "{}", ran.stdout);
    hunt(&ran.stdout.replace(PHONE, ""));
}

#[test]
fn help_and_the_simulator_show_no_mark() {
    hunt_in(migrate(&["--help"]), 0);
    let key = format!("{KEY_ID}:{SECRET}:{TOKEN}");
    let served = Served::start(["--key", &key]);
    // The simulator responds with the number of the request, as the service does.
    hunt_beside_the_response(migrate(&["--endpoint", &served.url]));
    hunt_beside_the_response(migrate(&["--endpoint", &served.url, "--signature", "v3"]));
    let (_, stdout, stderr) = served.interrupt();
    hunt(&stdout);
    hunt(&stderr);
    hunt_in(cams(["simulator", "--key", KEY_ID]), 2);
    hunt_in(cams(["simulator", "--key", &format!("{KEY_ID}:")]), 2);
}
