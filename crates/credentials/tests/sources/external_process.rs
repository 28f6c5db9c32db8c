//! Programs that print credentials.
#![cfg(unix)]

use std::time::Duration;

use alibabacloud_credentials::{ExternalProcess, ProvideCredentials, Setup, Source};

use crate::support::{Home, environment, failed, id, permit, quiet};

/// Writes a program with this script; returns its path.
fn program(home: &Home, name: &str, script: &str) -> String {
    let path = home.write(name, &format!("#!/bin/sh\n{script}\n"));
    permit(path.as_ref(), 0o700);
    path
}

fn printing(home: &Home, text: &str) -> String {
    program(home, "print", &format!("cat <<'END'\n{text}\nEND"))
}

#[tokio::test]
async fn a_program_can_print_credentials_of_both_modes() {
    let home = Home::new();
    let sts = r#"{"mode":"StsToken","access_key_id":"ext","access_key_secret":"CANARY","sts_token":"CANARY","expiration":"2099-01-02T03:04:05Z"}"#;
    let found = quiet(ExternalProcess::new(printing(&home, sts))).fetch().await.unwrap();
    assert_eq!(found.credentials().access_key_id(), "ext");
    assert!(found.credentials().expiration().is_some() && found.credentials().security_token().is_some());
    let ak = r#"{"mode":"AK","access_key_id":"ext","access_key_secret":"CANARY"}"#;
    let found = ExternalProcess::new(printing(&home, ak)).fetch().await.unwrap();
    assert!(found.credentials().security_token().is_none());
}

#[tokio::test]
async fn the_command_is_split_like_in_a_shell_without_a_shell() {
    let home = Home::new();
    let script = r#"printf '{"access_key_id":"%s|%s|%s","access_key_secret":"s"}' "$#" "${1#a }" "$2""#;
    let path = program(&home, "with blank", script);
    let command = format!(r"'{path}' 'a b' $(id)\;");
    assert_eq!(id(ExternalProcess::new(command).fetch().await), "2|b|$(id);");
}

#[tokio::test]
async fn the_output_of_a_program_is_never_shown() {
    let home = Home::new();
    let scripts = [
        "echo CANARY",
        "echo CANARY; echo CANARY >&2; exit 3",
        r#"echo '{"access_key_id":"CANARY"}'"#,
        r#"echo '{"mode":"StsToken","access_key_id":"CANARY","access_key_secret":"CANARY"}'"#,
        r#"echo '{"access_key_id":"CANARY","access_key_secret":"s","sts_token":"t","expiration":"CANARY"}'"#,
        "kill -9 $$",
        "yes CANARY",
        "yes CANARY & exec sleep 1000",
    ];
    for script in scripts {
        let path = program(&home, "broken", script);
        failed(quiet(ExternalProcess::new(format!("{path} CANARY")).timeout(Duration::from_secs(10))).fetch().await);
    }
    for command in ["", "  ", "'open CANARY", "/nowhere/CANARY"] {
        failed(quiet(ExternalProcess::new(command)).fetch().await);
    }
}

#[tokio::test]
async fn a_program_that_does_not_end_is_killed() {
    let home = Home::new();
    let path = program(&home, "hang", "echo $$ > \"$1\"; exec sleep 1000");
    let pid_file = format!("{}/pid", home.path());
    let source = ExternalProcess::new(format!("{path} {pid_file}")).timeout(Duration::from_millis(500));
    assert!(failed(source.fetch().await).contains("did not end"));
    ends(&pid_file).await;
}

/// Asserts that the process whose ID is in the file has ended.
async fn ends(pid_file: &str) {
    let pid = std::fs::read_to_string(pid_file).unwrap();
    for _ in 0..500 {
        let state = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
        if state.is_empty() || state.contains(") Z") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the process lives on");
}

#[tokio::test]
async fn processes_started_by_a_program_are_killed() {
    let home = Home::new();
    let answer = r#"echo '{"access_key_id":"ext","access_key_secret":"CANARY"}'"#;
    let pid_file = format!("{}/pid", home.path());
    // The child keeps standard output open.
    let path = program(&home, "leaves", &format!("sleep 1000 & echo $! > \"$1\"; {answer}"));
    assert_eq!(id(ExternalProcess::new(format!("{path} {pid_file}")).fetch().await), "ext");
    ends(&pid_file).await;
    // The program does not end.
    let path = program(&home, "waits", &format!("sleep 1000 & echo $! > \"$1\"; {answer}; wait"));
    let source = ExternalProcess::new(format!("{path} {pid_file}")).timeout(Duration::from_millis(500));
    assert!(failed(source.fetch().await).contains("did not end"));
    ends(&pid_file).await;
    // The caller is dropped.
    std::fs::remove_file(&pid_file).unwrap();
    let source = ExternalProcess::new(format!("{path} {pid_file}"));
    let call = tokio::spawn(async move { source.fetch().await.map(drop) });
    while std::fs::read_to_string(&pid_file).unwrap_or_default().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    call.abort();
    ends(&pid_file).await;
}

#[tokio::test]
async fn a_long_output_is_read_to_its_end() {
    let home = Home::new();
    let token = "t".repeat(60_000);
    let text = format!(r#"{{"access_key_id":"ext","access_key_secret":"CANARY","sts_token":"{token}"}}"#);
    let found = ExternalProcess::new(printing(&home, &text)).fetch().await.unwrap();
    assert_eq!(found.credentials().security_token(), Some(&*token));
}

/// The official SDKs run the program for every call.
#[tokio::test]
async fn without_an_expiration_the_program_runs_once_for_many_calls() {
    let home = Home::new();
    let path = program(&home, "count", r#"echo x >> "$1"; echo '{"access_key_id":"ext","access_key_secret":"s"}'"#);
    let runs = format!("{}/runs", home.path());
    let provider = ExternalProcess::new(format!("{path} {runs}")).refreshing();
    for _ in 0..20 {
        assert_eq!(provider.provide().await.unwrap().access_key_id(), "ext");
        // Time for a refresh in the background, if there were one.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(std::fs::read_to_string(runs).unwrap(), "x\n");
}

#[tokio::test]
async fn external_processes_can_be_disabled() {
    let home = Home::new();
    let path = printing(&home, r#"{"access_key_id":"ext","access_key_secret":"s"}"#);
    let setups = [
        environment([("ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS", "1")]),
        environment([("ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS", "true")]),
        Setup::new().without_external_process(),
    ];
    for setup in setups {
        assert!(failed(ExternalProcess::new(&path).setup(setup).fetch().await).contains("disabled"));
    }
}
