//! The identity never changes: a source that has provided credentials, is named, or is partly set up ends the search
//! when it fails. And every source refuses an access key whose signatures could not be verified.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alibabacloud_credentials::{
    Chain, CliProfile, Credentials, CredentialsUri, EcsRamRole, EnvironmentKeys, ExternalProcess, Found, IniProfile,
    ProvideCredentials, Refreshing, Setup, Source, SourceError, SourceFn,
};

use crate::support::{Fake, Home, Reply, Seen, assumed, environment, failed, id, ok, permit, refused_url, session};

const CLI: &str = ".aliyun/config.json";
const INI: &str = ".alibabacloud/credentials.ini";

fn metadata(seen: &Seen) -> Reply {
    ok(match seen.method.as_str() {
        "PUT" => "t".to_owned(),
        _ if seen.target.ends_with('/') => "app".to_owned(),
        _ => session("ecs"),
    })
}

fn cli(profiles: &str) -> String {
    format!(r#"{{"current":"default","profiles":[{profiles}]}}"#)
}

fn cli_key(name: &str, id: &str) -> String {
    format!(r#"{{"name":"{name}","mode":"AK","access_key_id":"{id}","access_key_secret":"CANARY"}}"#)
}

fn ini_key(name: &str, id: &str) -> String {
    format!("[{name}]\ntype=access_key\naccess_key_id={id}\naccess_key_secret=CANARY\n")
}

/// On a machine with a role that would be used next.
#[tokio::test]
#[allow(clippy::too_many_lines, reason = "a table")]
async fn a_named_or_partly_set_up_source_is_not_replaced() {
    type Files<'a> = &'a [(&'a str, String)];
    type Variables<'a> = &'a [(&'a str, &'a str)];
    let next = Fake::start(metadata).await;
    let nowhere = "/nowhere/file";
    let cases: [(&str, Variables<'_>, Files<'_>, &str); 32] = [
        ("a profile that does not exist", &[("ALIBABA_CLOUD_PROFILE", "prodd")], &[], "profile `prodd`"),
        (
            "a misspelt profile",
            &[("ALIBABA_CLOUD_PROFILE", "prodd")],
            &[(CLI, cli(&cli_key("prod", "a"))), (INI, ini_key("prod", "b"))],
            "no section `prodd`",
        ),
        (
            "the same without an INI file",
            &[("ALIBABA_CLOUD_PROFILE", "prodd")],
            &[(CLI, cli(&cli_key("prod", "a")))],
            "`prodd`",
        ),
        (
            "the same without the other file",
            &[("ALIBABA_CLOUD_PROFILE", "prodd"), ("ALIBABA_CLOUD_CLI_PROFILE_DISABLED", "true")],
            &[(INI, ini_key("prod", "b"))],
            "`prodd`",
        ),
        ("a current profile that does not exist", &[], &[(CLI, cli(&cli_key("prod", "a")))], "no profile `default`"),
        (
            "a profile with an empty secret",
            &[],
            &[(CLI, cli(r#"{"name":"default","mode":"AK","access_key_id":"a","access_key_secret":""}"#))],
            "lacks `access_key_id` or `access_key_secret`",
        ),
        (
            "the same, and nothing else",
            &[],
            &[(CLI, cli(r#"{"name":"default","mode":"AK","access_key_id":"","access_key_secret":""}"#))],
            "lacks `access_key_id` or `access_key_secret`",
        ),
        (
            "a profile without a key, named",
            &[("ALIBABA_CLOUD_PROFILE", "p")],
            &[(CLI, cli(r#"{"name":"p","mode":""}"#))],
            "lacks",
        ),
        (
            "a profile of a role that is away",
            &[],
            &[(CLI, cli(r#"{"name":"default","mode":"CredentialsURI","credentials_uri":"http://127.0.0.1:1"}"#))],
            "http://127.0.0.1:1",
        ),
        ("a file of profiles that is not there", &[("ALIBABA_CLOUD_CONFIG_FILE", nowhere)], &[], nowhere),
        ("an INI file that is not there", &[("ALIBABA_CLOUD_CREDENTIALS_FILE", nowhere)], &[], nowhere),
        (
            "a section without a secret",
            &[],
            &[(INI, "[default]\ntype=access_key\naccess_key_id=a\n".to_owned())],
            "lacks",
        ),
        (
            "a section without a type",
            &[],
            &[(INI, "[default]\naccess_key_id=a\naccess_key_secret=b\n".to_owned())],
            "`type`",
        ),
        (
            "a named section that is off",
            &[("ALIBABA_CLOUD_PROFILE", "p")],
            &[(INI, format!("{}enable=false\n", ini_key("p", "a")))],
            "disabled",
        ),
        ("an ID without a secret", &[("ALIBABA_CLOUD_ACCESS_KEY_ID", "a")], &[], "ACCESS_KEY_SECRET"),
        ("a secret without an ID", &[("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "CANARY")], &[], "ACCESS_KEY_ID"),
        ("a token alone", &[("ALIBABA_CLOUD_SECURITY_TOKEN", "CANARY")], &[], "ACCESS_KEY_ID"),
        (
            "half a key, and an old spelling",
            &[
                ("ALIBABA_CLOUD_ACCESS_KEY_ID", "a"),
                ("ALICLOUD_ACCESS_KEY_ID", "b"),
                ("ALICLOUD_ACCESS_KEY_SECRET", "CANARY"),
            ],
            &[],
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
        ),
        (
            "two of the three variables of OIDC",
            &[("ALIBABA_CLOUD_ROLE_ARN", "acs:ram::1:role/x"), ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "p")],
            &[],
            "ALIBABA_CLOUD_OIDC_TOKEN_FILE is not set",
        ),
        ("one of them", &[("ALIBABA_CLOUD_OIDC_TOKEN_FILE", nowhere)], &[], "ALIBABA_CLOUD_OIDC_PROVIDER_ARN"),
        ("a malformed file", &[], &[(CLI, "{".to_owned())], "JSON"),
        ("a list in place of the file", &[], &[(CLI, "[]".to_owned())], "JSON"),
        ("a binary file", &[], &[(CLI, "\u{0}\u{1}".to_owned())], "JSON"),
        (
            "a profile with blanks around its name",
            &[("ALIBABA_CLOUD_PROFILE", " prod ")],
            &[(CLI, cli(&cli_key("prod", "a")))],
            "` prod `",
        ),
        (
            "a profile in another case",
            &[("ALIBABA_CLOUD_PROFILE", "PROD")],
            &[(CLI, cli(&cli_key("prod", "a"))), (INI, ini_key("prod", "b"))],
            "`PROD`",
        ),
        ("a blank for a profile", &[("ALIBABA_CLOUD_PROFILE", " ")], &[(CLI, cli(&cli_key("prod", "a")))], "` `"),
        ("the current profile in another case", &[], &[(CLI, cli(&cli_key("Default", "a")))], "no profile `default`"),
        ("a blank for a key", &[("ALIBABA_CLOUD_ACCESS_KEY_ID", " ")], &[], "ACCESS_KEY"),
        (
            "an empty secret",
            &[("ALIBABA_CLOUD_ACCESS_KEY_ID", "a"), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "")],
            &[],
            "ACCESS_KEY_SECRET",
        ),
        (
            "a misspelt switch value",
            &[("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "treu")],
            &[],
            "neither `true` nor `false`",
        ),
        (
            "an OIDC role of another partition",
            &[
                ("ALIBABA_CLOUD_ROLE_ARN", "arn:aws:iam::1:role/x"),
                ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "p"),
                ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", nowhere),
            ],
            &[],
            "ARN of the role is invalid",
        ),
        (
            "an OIDC token that has vanished",
            &[
                ("ALIBABA_CLOUD_ROLE_ARN", "acs:ram::1:role/x"),
                ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "p"),
                ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", nowhere),
            ],
            &[],
            nowhere,
        ),
    ];
    for (case, variables, files, words) in cases {
        let home = Home::new();
        for (path, text) in files {
            home.write(path, text);
        }
        let setup = Setup::new().environment(home.environment(variables.iter().copied())).metadata_url(&next.url);
        let chain = Chain::in_official_order(&setup);
        for _ in 0..2 {
            let message = failed(chain.fetch().await);
            assert!(message.contains(words), "{case}: {message}");
        }
        assert!(next.seen().is_empty(), "{case}");
    }
}

/// Ignoring the switch could change the identity.
#[tokio::test]
async fn a_switch_tolerates_quotes_and_blanks_of_an_env_file() {
    let next = Fake::start(metadata).await;
    for (value, is_off) in [
        ("true", true),
        ("TRUE", true),
        ("1", true),
        ("true\r", true),
        (" true ", true),
        ("false", false),
        ("0", false),
        ("", false),
    ] {
        let setup = environment([("ALIBABA_CLOUD_ECS_METADATA_DISABLED", value)]).metadata_url(&next.url);
        assert_eq!(EcsRamRole::new().setup(setup).fetch().await.is_err(), is_off, "{value:?}");
    }
}

/// A named role, followed by one more source.
#[tokio::test]
async fn a_named_role_without_its_metadata_service_is_not_replaced() {
    let uri = Fake::start(|_| ok(session("uri"))).await;
    let variables = [("ALIBABA_CLOUD_ECS_METADATA", "app"), ("ALIBABA_CLOUD_CREDENTIALS_URI", uri.url.as_str())];
    let setup = environment(variables).metadata_url(refused_url().await);
    assert!(failed(Chain::in_official_order(&setup).fetch().await).contains("ECS RAM role failed"));
    assert!(uri.seen().is_empty());
}

/// Its credentials are valid for 800 s more.
#[tokio::test]
async fn a_role_keeps_its_identity_when_the_metadata_service_fails() {
    let uri = Fake::start(|_| ok(session("uri"))).await;
    let soon = |seconds: u64| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        session("ecs").replace(r#""2099-01-02T03:04:05Z""#, &(now + seconds).to_string())
    };
    let service = Fake::start(move |seen| match seen.method.as_str() {
        "GET" if !seen.target.ends_with('/') => ok(soon(800)),
        _ => metadata(seen),
    })
    .await;
    let setup = environment([("ALIBABA_CLOUD_CREDENTIALS_URI", uri.url.as_str())]).metadata_url(&service.url);
    let chain = Arc::new(Chain::in_official_order(&setup));
    let ahead = Arc::new(std::sync::Mutex::new(Duration::ZERO));
    let clock = Arc::clone(&ahead);
    let provider =
        Refreshing::with_clock(Arc::clone(&chain), Arc::new(move || SystemTime::now() + *clock.lock().unwrap()));
    assert_eq!(provider.provide().await.unwrap().access_key_id(), "ecs");
    drop(service);
    for _ in 0..3 {
        let message = failed(chain.fetch().await);
        assert!(message.contains("ECS RAM role failed"), "{message}");
        assert_eq!(provider.provide().await.unwrap().access_key_id(), "ecs");
    }
    // About to expire, and then expired.
    *ahead.lock().unwrap() = Duration::from_secs(770);
    assert_eq!(provider.provide().await.unwrap().access_key_id(), "ecs");
    *ahead.lock().unwrap() = Duration::from_secs(900);
    assert!(provider.provide().await.unwrap_err().to_string().contains("ECS RAM role failed"));
    assert!(uri.seen().is_empty());
}

#[tokio::test]
async fn a_temporarily_missing_config_file_does_not_change_the_identity() {
    let next = Fake::start(metadata).await;
    for (path, text) in [(CLI, cli(&cli_key("default", "first"))), (INI, ini_key("default", "first"))] {
        let home = Home::new();
        home.write(path, &text);
        let setup = Setup::new().environment(home.environment([])).metadata_url(&next.url);
        let chain = Chain::in_official_order(&setup);
        assert_eq!(id(chain.fetch().await), "first");
        let (there, away) = (format!("{}/{path}", home.path()), format!("{}/away", home.path()));
        std::fs::rename(&there, &away).unwrap();
        for _ in 0..2 {
            let message = failed(chain.fetch().await);
            assert!(message.contains("there is no file"), "{message}");
        }
        std::fs::rename(&away, &there).unwrap();
        assert_eq!(id(chain.fetch().await), "first");
    }
    assert!(next.seen().is_empty());
}

#[tokio::test]
async fn a_profile_stays_in_use_when_another_one_becomes_current() {
    let home = Home::new();
    let both = format!("{},{}", cli_key("default", "first"), cli_key("other", "second"));
    home.write(CLI, &cli(&both));
    let source = CliProfile::new().setup(Setup::new().environment(home.environment([])));
    assert_eq!(id(source.fetch().await), "first");
    home.write(CLI, &cli(&both).replace(r#""current":"default""#, r#""current":"other""#));
    assert_eq!(id(source.fetch().await), "first");
    assert_eq!(id(CliProfile::new().setup(Setup::new().environment(home.environment([]))).fetch().await), "second");
    home.write(CLI, &cli(&cli_key("other", "second")).replace("default", "other"));
    assert!(failed(source.fetch().await).contains("no profile `default`"));
}

#[tokio::test]
async fn the_ini_file_that_provided_credentials_stays_in_use() {
    let home = Home::new();
    home.write(".alibabacloud/credentials", &ini_key("default", "first"));
    let source = IniProfile::new().setup(Setup::new().environment(home.environment([])));
    assert_eq!(id(source.fetch().await), "first");
    home.write(INI, &ini_key("default", "second"));
    assert_eq!(id(source.fetch().await), "first");
}

/// A source that failed once is not skipped later.
#[tokio::test]
async fn a_source_that_failed_first_stays_chosen() {
    let is_gone = Arc::new(AtomicBool::new(false));
    let gone = Arc::clone(&is_gone);
    let first = SourceFn::new("first", move || {
        let error = if gone.load(Ordering::SeqCst) {
            SourceError::not_applicable("gone")
        } else {
            SourceError::failed("broken")
        };
        async { Err::<Found, _>(error) }
    });
    let second =
        SourceFn::new("second", || async { Ok::<Found, SourceError>(Credentials::new("second", "CANARY").into()) });
    let chain = Chain::new().then(first).then(second);
    assert!(failed(chain.fetch().await).contains("broken"));
    is_gone.store(true, Ordering::SeqCst);
    let message = failed(chain.fetch().await);
    assert!(message.contains("gone") && message.contains("restart"), "{message}");
}

/// Characters added by `echo`, an env file or a copy from a web page.
const ADDED: [(&str, &str); 5] = [("", "\n"), ("", "\r"), (" ", ""), ("\"", "\""), ("", "\u{200b}")];

/// An access key with characters added to one part, in the order ID, secret, token.
fn spoilt() -> impl Iterator<Item = [String; 3]> {
    ADDED.iter().flat_map(|(before, after)| {
        (0..3).map(move |part| {
            let mut parts = ["id".to_owned(), "CANARYsecret".to_owned(), "CANARYtoken".to_owned()];
            parts[part] = format!("{before}CANARY{after}");
            parts
        })
    })
}

#[tokio::test]
async fn every_source_refuses_an_invalid_access_key() {
    let quote = |text: &str| serde_json::to_string(text).unwrap();
    for [access_key, secret, token] in spoilt() {
        let (a, s, t) = (quote(&access_key), quote(&secret), quote(&token));
        let capitalized = format!(
            r#"{{"Code":"Success","AccessKeyId":{a},"AccessKeySecret":{s},"SecurityToken":{t},"Expiration":"2099-01-02T03:04:05Z"}}"#
        );
        let lower = format!(r#""access_key_id":{a},"access_key_secret":{s},"sts_token":{t}"#);
        let home = Home::new();
        let setup = |variables: &[(&str, &str)]| Setup::new().environment(home.environment(variables.iter().copied()));
        let mut sources: Vec<(&str, Box<dyn Source>)> = Vec::new();

        let variables = [
            ("ALIBABA_CLOUD_ACCESS_KEY_ID", access_key.as_str()),
            ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", secret.as_str()),
            ("ALIBABA_CLOUD_SECURITY_TOKEN", token.as_str()),
        ];
        sources.push(("environment", Box::new(EnvironmentKeys::new().setup(setup(&variables)))));
        for (name, fields) in [
            ("StsToken", r#""mode":"StsToken""#.to_owned()),
            ("RamRoleArn", r#""mode":"RamRoleArn","ram_role_arn":"acs:ram::1:role/x""#.to_owned()),
            ("CloudSSO", r#""mode":"CloudSSO","cloud_sso_sign_in_url":"u","cloud_sso_account_id":"1","cloud_sso_access_config":"c","sts_expiration":4070908800"#.to_owned()),
            ("OAuth", r#""mode":"OAuth","sts_expiration":4070908800"#.to_owned()),
        ] {
            let path = home.write(&format!("{name}.json"), &cli(&format!(r#"{{"name":"default",{fields},{lower}}}"#)));
            let sts = setup(&[]).sts_endpoint("http://127.0.0.1:1");
            sources.push((name, Box::new(CliProfile::new().setup(sts).file(path))));
        }
        #[cfg(unix)]
        {
            let program = home.write("program", &format!("#!/bin/sh\ncat <<'END'\n{{{lower}}}\nEND\n"));
            permit(program.as_ref(), 0o700);
            sources.push(("program", Box::new(ExternalProcess::new(program))));
        }
        let body = capitalized.clone();
        let uri = Fake::start(move |_| ok(body.clone())).await;
        sources.push(("URI", Box::new(CredentialsUri::at(&uri.url))));
        let body = capitalized.clone();
        let service = Fake::start(move |seen| if seen.method == "PUT" { ok("t") } else { ok(body.clone()) }).await;
        sources
            .push(("metadata", Box::new(EcsRamRole::new().role("app").setup(setup(&[]).metadata_url(&service.url)))));
        let body = assumed("id").replace(&session("id"), &capitalized);
        let sts = Fake::start(move |_| ok(body.clone())).await;
        let base = Credentials::new("id", "secret");
        let role = alibabacloud_credentials::AssumeRole::new(base, "acs:ram::1:role/x")
            .setup(setup(&[]).sts_endpoint(&sts.url));
        sources.push(("STS", Box::new(role)));

        for (name, source) in sources {
            let message = failed(source.fetch().await);
            assert!(
                ["ID", "secret", "token", "ACCESS_KEY", "SECURITY_TOKEN"].iter().any(|part| message.contains(part)),
                "{name}: {message}"
            );
            assert!(["blank", "quotation", "ASCII"].iter().any(|fault| message.contains(fault)), "{name}: {message}");
        }
    }
    // An INI file has no token, and its parser removes quotes and blanks around a value.
    for (id, secret) in [("a b", "CANARY"), ("a", "CAN ARY"), ("a\u{200b}", "CANARY"), ("\"a\"b\"", "CANARY")] {
        let home = Home::new();
        home.write(INI, &format!("[default]\ntype=access_key\naccess_key_id={id}\naccess_key_secret={secret}\n"));
        failed(IniProfile::new().setup(Setup::new().environment(home.environment([]))).fetch().await);
    }
    // For a custom source, the provider validates.
    let own = SourceFn::new("own", || async { Ok::<Found, SourceError>(Credentials::new("id", "CANARY\n").into()) });
    assert!(own.refreshing().provide().await.unwrap_err().to_string().contains("secret"));
}

#[tokio::test]
async fn unusual_forms_of_expirations_are_read() {
    let expected = UNIX_EPOCH + Duration::from_secs(4_070_919_845);
    for odd in [
        r#""2099-01-01T03:04:05Z""#,
        r#""2099-01-01T11:04:05+0800""#,
        r#""2099-01-01T03:04:05""#,
        r#""2099-01-01 03:04:05""#,
        "4070919845",
        "4070919845.0",
        "4070919845000",
        r#""4070919845000""#,
    ] {
        let body = session("uri").replace(r#""2099-01-02T03:04:05Z""#, odd);
        let fake = Fake::start(move |_| ok(body.clone())).await;
        let found = CredentialsUri::at(&fake.url).fetch().await.unwrap();
        assert_eq!(found.credentials().expiration(), Some(expected), "{odd}");
    }
    for none in ["true", "[]", r#""soon""#, "-1", r#""2099-01-01T03:04:05+""#] {
        let body = session("uri").replace(r#""2099-01-02T03:04:05Z""#, none);
        let fake = Fake::start(move |_| ok(body.clone())).await;
        assert!(failed(CredentialsUri::at(&fake.url).fetch().await).contains("not a time"));
    }
}
