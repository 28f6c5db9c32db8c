//! `cams doctor` checks everything that a call needs, and shows no secret.

mod support;

use std::process::Command;

use support::redis::Redis;
use support::{Served, cams, cams_with_key, refused_url, run, server, with_key};

const IDENTITY: &str =
    r#"{"IdentityType":"RAMUser","AccountId":"1968132000","Arn":"acs:ram::1968132000:user/admin","RequestId":"r"}"#;

/// `cams doctor` with the simulator as endpoint and this response of STS.
fn doctor(command: fn(&[String]) -> Command, cams_url: &str, sts: Option<(u16, &str)>, more: &[&str]) -> Command {
    let mut arguments = vec!["doctor".to_owned(), "--endpoint".to_owned(), cams_url.to_owned()];
    arguments.extend(more.iter().map(|&word| word.to_owned()));
    let mut command = command(&arguments);
    command.env("ALIBABA_CLOUD_STS_ENDPOINT", server(sts));
    command
}

fn with_key_of_simulator(arguments: &[String]) -> Command {
    cams_with_key(arguments.iter().map(String::as_str))
}

fn without_key(arguments: &[String]) -> Command {
    cams(arguments.iter().map(String::as_str))
}

#[test]
fn passed_checks_show_source_identity_endpoint_clock_quota_and_proxy() {
    let served = Served::start([]);
    let ran = run(doctor(with_key_of_simulator, &served.url, Some((200, IDENTITY)), &["--output", "json"]));
    assert_eq!((ran.code, &*ran.stderr), (Some(0), ""));
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["can_call"], true);
    assert_eq!(report["source"], "environment");
    assert_eq!(report["credentials"].as_array().unwrap().len(), 6);
    assert_eq!(report["credentials"][1]["outcome"], "not tried");
    assert_eq!(report["identity"]["arn"], "acs:ram::1968132000:user/admin");
    assert_eq!(report["endpoint"]["url"], served.url);
    assert_eq!(report["clock"]["verdict"], "right");
    assert_eq!(report["quota"]["per_account"]["ChatappSyncPhoneNumber"], "10/s");
    assert_eq!(report["quota"]["shared"], "by all commands of this user on this machine");
    assert_eq!(report["proxy"], serde_json::json!({ "used": null, "variables": {} }));

    let mut table = doctor(with_key_of_simulator, &served.url, Some((200, IDENTITY)), &[]);
    table.env("HTTPS_PROXY", "http://CANARY:CANARY@proxy:3128").env("NO_PROXY", "127.0.0.1");
    let ran = run(table);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    for words in [
        "environment",
        "acs:ram::1968132000:user/admin",
        "- Proxy        none",
        "not used for this endpoint: HTTPS_PROXY=http://<hidden>@proxy:3128",
        "10/s",
    ] {
        assert!(ran.stdout.contains(words), "{words}: {}", ran.stdout);
    }
    assert!(!ran.stdout.contains("CANARY"), "{}", ran.stdout);
    // One line for each check, with its verdict in front.
    for line in [
        "\u{2713} Credentials",
        "\u{2713} Identity",
        "\u{2713} Endpoint",
        "\u{2713} Clock",
        "\u{2713} Quota",
        "Calls can work.",
    ] {
        assert!(ran.stdout.lines().any(|text| text.starts_with(line)), "{line}: {}", ran.stdout);
    }
}

#[test]
fn a_usable_server_of_the_quota_passes() {
    let Some(redis) = Redis::start() else { return };
    let served = Served::start([]);
    let mut command = doctor(with_key_of_simulator, &served.url, Some((200, IDENTITY)), &[]);
    command.env("CAMS_QUOTA_REDIS", &redis.url);
    let ran = run(command);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("\u{2713} Quota") && ran.stdout.contains("CAMS_QUOTA_REDIS"), "{}", ran.stdout);
}

#[test]
fn an_unusable_server_of_the_quota_is_a_problem_and_its_password_is_hidden() {
    let served = Served::start([]);
    let mut command = doctor(with_key_of_simulator, &served.url, Some((200, IDENTITY)), &[]);
    command.env("CAMS_QUOTA_REDIS", refused_url().replace("http://", "redis://:CANARY@"));
    let ran = run(command);
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    let lines: Vec<_> = ran.stdout.lines().skip_while(|line| !line.starts_with("\u{2717} Quota")).collect();
    let quota = lines.join(" ");
    for words in
        ["the shared quota is not reachable", "see that the server is up", "CAMS_QUOTA_REDIS", "Calls cannot work."]
    {
        assert!(quota.contains(words), "{words}: {}", ran.stdout);
    }
    assert!(!format!("{}{}", ran.stdout, ran.stderr).contains("CANARY"), "{}", ran.stdout);
}

#[test]
fn the_exit_code_shows_whether_calls_can_work() {
    let served = Served::start([]);
    let ran = run(doctor(without_key, &served.url, None, &[]));
    assert_eq!(ran.code, Some(4));
    assert!(ran.stderr.contains("no source has credentials"), "{}", ran.stderr);
    assert!(
        ran.stdout.contains("ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET are not set"),
        "{}",
        ran.stdout
    );

    assert!(
        ran.stdout.contains("\u{2717} Credentials") && ran.stdout.contains("run: export ALIBABA_CLOUD_ACCESS_KEY_ID="),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("- Identity     not checked"), "{}", ran.stdout);

    let mut broken = doctor(without_key, &served.url, None, &[]);
    broken.env("ALIBABA_CLOUD_CONFIG_FILE", "/nowhere/config.json");
    let ran = run(broken);
    assert_eq!(ran.code, Some(4));
    assert!(ran.stderr.contains("CLI profile failed"), "{}", ran.stderr);

    let refusal = r#"{"Code":"InvalidAccessKeyId.NotFound","Message":"unknown","RequestId":"r"}"#;
    assert_eq!(run(doctor(with_key_of_simulator, &served.url, Some((404, refusal)), &[])).code, Some(3));
    assert_eq!(run(doctor(with_key_of_simulator, &refused_url(), Some((200, IDENTITY)), &[])).code, Some(4));

    // An unreachable STS is reported, but prevents no call.
    let mut unreachable = doctor(with_key_of_simulator, &served.url, None, &[]);
    unreachable.env("ALIBABA_CLOUD_STS_ENDPOINT", refused_url());
    let ran = run(unreachable);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(
        ran.stdout.contains("- Identity     not checked: ") && ran.stdout.contains("no connection"),
        "{}",
        ran.stdout
    );
}

/// The report with this environment at this endpoint, as text and as JSON.
fn at(endpoint: &str, variables: &[(&str, &str)]) -> [support::Ran; 2] {
    ["table", "json"].map(|format| {
        let mut command = doctor(with_key_of_simulator, endpoint, Some((200, IDENTITY)), &["--output", format]);
        command.envs(variables.iter().copied());
        let ran = run(command);
        assert!(!ran.stdout.contains("CANARY") && !ran.stderr.contains("CANARY"), "{}{}", ran.stdout, ran.stderr);
        ran
    })
}

#[test]
fn the_proxy_that_is_used_for_the_endpoint_is_shown_without_its_password() {
    const ENDPOINT: &str = "https://cams.example.test";
    let proxy = refused_url();
    let with_login = proxy.replace("http://", "http://CANARY:CANARY@");
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        // A variable for another scheme does not matter.
        let [text, object] = at(ENDPOINT, &[(variable, &with_login), ("HTTP_PROXY", "socks5://other:1")]);
        let line = format!("\u{2713} Proxy        {proxy} (from {variable})");
        assert!(text.stdout.contains(&line) && text.stdout.contains("\u{2717} Endpoint"), "{}", text.stdout);
        let report: serde_json::Value = serde_json::from_str(&object.stdout).unwrap();
        assert_eq!(report["proxy"]["used"], proxy, "{report}");
        assert_eq!(report["proxy"]["because_of"], variable);
    }
    let around = [("HTTPS_PROXY", &*with_login), ("NO_PROXY", "*.example.test")];
    let [text, object] = at(ENDPOINT, &around);
    for line in ["- Proxy        none\n", "NO_PROXY=*.example.test", "HTTPS_PROXY=http://<hidden>@127.0.0.1"] {
        assert!(text.stdout.contains(line), "{line}: {}", text.stdout);
    }
    let report: serde_json::Value = serde_json::from_str(&object.stdout).unwrap();
    assert_eq!(report["proxy"]["used"], serde_json::Value::Null, "{report}");
}

#[test]
fn a_setting_that_no_client_can_use_is_a_line_of_the_report() {
    let [text, object] = at("https://cams.example.test", &[("HTTPS_PROXY", "http://CANARY:CANARY@127.0.0.1:9 ")]);
    assert_eq!((text.code, object.code), (Some(4), Some(4)));
    let unusable = "\u{2717} Proxy        HTTPS_PROXY is not a usable proxy";
    for line in ["\u{2713} Identity", "- Endpoint", "- Clock", unusable] {
        assert!(text.stdout.lines().any(|text| text.starts_with(line)), "{line}: {}", text.stdout);
    }
    let report: serde_json::Value = serde_json::from_str(&object.stdout).unwrap();
    assert!(
        report["can_call"] == false && report["proxy"]["error"].as_str().unwrap().contains("HTTPS_PROXY"),
        "{report}"
    );

    for (endpoint, why) in
        [("127.0.0.1:8080", "it has no scheme"), ("http://cams.example.test", "unencrypted; use `https`")]
    {
        let [text, object] = at(endpoint, &[]);
        assert_eq!((text.code, object.code), (Some(4), Some(4)));
        assert!(text.stdout.contains("\u{2717} Endpoint") && text.stdout.contains(why), "{}", text.stdout);
        assert!(!text.stdout.contains("allow_unencrypted_http"), "a setting of programs: {}", text.stdout);
        let report: serde_json::Value = serde_json::from_str(&object.stdout).unwrap();
        assert_eq!(report["endpoint"]["url"], serde_json::Value::Null, "{report}");
    }
}

#[test]
fn no_failure_shows_a_secret() {
    const SECRET: &str = "CANARY+secret/EGRET";
    let served = Served::start([]);
    let echo = format!(r#"{{"Code":"SignatureDoesNotMatch","Message":"CANARYid {SECRET} CANARYtoken"}}"#);
    for sts in [(403, &*echo), (200, "<html>no"), (200, IDENTITY)] {
        for format in ["table", "json"] {
            let mut command =
                with_key(doctor(without_key, &served.url, Some(sts), &["--output", format]), "CANARYid", SECRET);
            command
                .env("ALIBABA_CLOUD_SECURITY_TOKEN", "CANARYtoken")
                .env("CAMS_QUOTA_REDIS", "redis://:CANARY@127.0.0.1:1");
            command.env("https_proxy", "http://CANARY:CANARY@127.0.0.1:1/CANARY");
            let ran = run(command);
            for text in [&ran.stdout, &ran.stderr] {
                assert!(!text.contains("CANARY") && !text.contains("EGRET"), "{text}");
            }
        }
    }
    let uri = format!("{}/CANARY?token=CANARY", server(Some((200, r#"{"Code":"CANARY"}"#))));
    let mut command = doctor(without_key, &served.url, None, &[]);
    command.env("ALIBABA_CLOUD_CREDENTIALS_URI", uri);
    let ran = run(command);
    assert_eq!(ran.code, Some(4));
    assert!(!ran.stdout.contains("CANARY") && !ran.stderr.contains("CANARY"), "{} {}", ran.stdout, ran.stderr);
}

#[test]
fn calls_use_the_profile_of_the_official_command_line() {
    let served = Served::start([]);
    let folder = std::env::temp_dir().join(format!("cams-profile-{}", std::process::id()));
    std::fs::create_dir_all(folder.join(".aliyun")).unwrap();
    let profile = r#"{"current":"p","profiles":[{"name":"p","mode":"AK","access_key_id":"testid","access_key_secret":"testsecret","region_id":"cn-nowhere"}]}"#;
    std::fs::write(folder.join(".aliyun/config.json"), profile).unwrap();
    let mut command = cams(support::SYNC.into_iter().chain(["--endpoint", &served.url]));
    command.env("HOME", &folder);
    let ran = run(command);
    assert_eq!((ran.code, &*ran.stderr), (Some(0), ""));
    // The region of a profile is ignored.
    let mut shown = cams(support::SYNC.into_iter().chain(["--dry-run"]));
    shown.env("HOME", &folder);
    assert!(!run(shown).stdout.contains("cn-nowhere"));
    std::fs::remove_dir_all(folder).unwrap();
}
