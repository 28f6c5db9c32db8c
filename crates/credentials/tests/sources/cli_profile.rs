//! Profiles of the official command line.

use alibabacloud_credentials::{CliProfile, ProvideCredentials, Setup, Source};

use crate::support::{Fake, Home, assumed, failed, id, ok, passed, permit, quiet, session};

const PATH: &str = ".aliyun/config.json";

fn source<'a>(home: &'a Home, variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> CliProfile {
    quiet(CliProfile::new().setup(Setup::new().environment(home.environment(variables))))
}

fn config(profiles: &str) -> String {
    format!(r#"{{"current":"default","meta_path":"","profiles":[{profiles}]}}"#)
}

const KEY: &str = r#""access_key_id":"cli","access_key_secret":"CANARY""#;

#[tokio::test]
async fn every_mode_is_read_in_any_case_and_no_file_is_written() {
    let sts = Fake::start(|seen| {
        let base = seen.form("AccessKeyId").unwrap_or_else(|| "oidc".to_owned());
        ok(assumed(&format!("{base}>{}", seen.form("RoleArn").unwrap().rsplit('/').next().unwrap())))
    })
    .await;
    let metadata = Fake::start(|seen| {
        ok(if seen.method == "PUT" {
            "t".to_owned()
        } else if seen.target.ends_with('/') {
            "app".to_owned()
        } else {
            session("ecs")
        })
    })
    .await;
    let home = Home::new();
    let token = home.write("token", "CANARY");
    let role = r#""ram_role_arn":"acs:ram::1:role/x","ram_session_name":"me","expired_seconds":900"#;
    let cases = [
        (format!(r#""mode":"AK",{KEY}"#), "cli"),
        (format!(r#""mode":"",{KEY}"#), "cli"),
        (format!(r#""mode":"StsToken",{KEY},"sts_token":"CANARY""#), "cli"),
        (format!(r#""mode":"RamRoleArn",{KEY},{role}"#), "cli>x"),
        (r#""mode":"EcsRamRole","ram_role_name":"app""#.to_owned(), "ecs"),
        (r#""mode":"EcsRamRole""#.to_owned(), "ecs"),
        (format!(r#""mode":"RamRoleArnWithRoleName","ram_role_name":"app",{role}"#), "ecs>x"),
        (format!(r#""mode":"OIDC","oidc_provider_arn":"p","oidc_token_file":"{token}",{role}"#), "oidc>x"),
        (format!(r#""mode":"ChainableRamRoleArn","source_profile":"base",{role}"#), "base>y>x"),
        (format!(r#""mode":"CredentialsURI","credentials_uri":"{}/uri""#, metadata.url), "ecs"),
    ];
    let base = r#"{"name":"base","mode":"RamRoleArn","access_key_id":"base","access_key_secret":"CANARY","ram_role_arn":"acs:ram::1:role/y"}"#;
    for (fields, expected) in cases {
        let upper = fields.find("mode").map(|_| fields.replacen(r#""mode":"#, r#""unknown":1,"mode":"#, 1)).unwrap();
        for fields in [fields.clone(), upper, lower_mode(&fields)] {
            let text = config(&format!(r#"{{"name":"default",{fields}}},{base}"#));
            let path = home.write(PATH, &text);
            let before = std::fs::metadata(&path).unwrap().modified().unwrap();
            let setup = Setup::new().environment(home.environment([]));
            let setup = setup.sts_endpoint(&sts.url).metadata_url(&metadata.url);
            let found = quiet(CliProfile::new().setup(setup)).fetch().await.unwrap();
            assert_eq!(found.credentials().access_key_id(), expected, "{fields}");
            assert!(found.found_in().unwrap().contains("profile `default`"), "{found:?}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
            assert_eq!(std::fs::metadata(&path).unwrap().modified().unwrap(), before);
        }
    }
    let named = sts.seen().into_iter().find(|seen| seen.form("RoleSessionName").as_deref() == Some("me")).unwrap();
    assert_eq!(named.form("DurationSeconds").as_deref(), Some("900"));
    let files: Vec<_> = std::fs::read_dir(format!("{}/.aliyun", home.path())).unwrap().collect();
    assert_eq!(files.len(), 1, "{files:?}");
}

fn lower_mode(fields: &str) -> String {
    let (mode, rest) = fields.split_once(',').unwrap_or((fields, ""));
    let comma = if rest.is_empty() { "" } else { "," };
    format!("{}{comma}{rest}", mode.to_lowercase())
}

#[cfg(unix)]
#[tokio::test]
async fn a_program_is_run_unless_disabled() {
    let home = Home::new();
    let path = home.write("print", "#!/bin/sh\necho '{\"access_key_id\":\"ext\",\"access_key_secret\":\"CANARY\"}'\n");
    permit(path.as_ref(), 0o700);
    home.write(PATH, &config(&format!(r#"{{"name":"default","mode":"External","process_command":"{path} CANARY"}}"#)));
    assert_eq!(id(source(&home, []).fetch().await), "ext");
    let off = [("ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS", "true")];
    assert!(failed(source(&home, off).fetch().await).contains("disabled"));
    home.write(PATH, &config(r#"{"name":"default","mode":"CredentialsURI","credentials_uri":"http://127.0.0.1:1"}"#));
    assert!(failed(source(&home, off).fetch().await).contains("forbids"));
}

#[tokio::test]
async fn variables_select_file_and_profile() {
    let home = Home::new();
    let path = home.write("other.json", &config(&format!(r#"{{"name":"prod","mode":"AK",{KEY}}}"#)));
    let file = ("ALIBABA_CLOUD_CONFIG_FILE", path.as_str());
    assert_eq!(id(source(&home, [file, ("ALIBABA_CLOUD_PROFILE", "prod")]).fetch().await), "cli");
    assert!(failed(source(&home, [file]).fetch().await).contains("no profile `default`"));
    assert!(failed(source(&home, [file, ("ALIBABA_CLOUD_PROFILE", "x")]).fetch().await).contains("no profile `x`"));
    // The profile may be missing in a default file, because the INI file may have it.
    home.write(PATH, &config(&format!(r#"{{"name":"default","mode":"AK",{KEY}}}"#)));
    assert!(passed(source(&home, [("ALIBABA_CLOUD_PROFILE", "x")]).fetch().await).contains("no profile `x`"));
    assert!(failed(source(&home, []).profile("x").fetch().await).contains("no profile `x`"));
    assert!(failed(source(&Home::new(), []).profile("x").fetch().await).contains("there is no file"));
    assert_eq!(id(CliProfile::new().file(&path).profile("prod").fetch().await), "cli");
    assert!(
        failed(source(&home, [("ALIBABA_CLOUD_CONFIG_FILE", "/nowhere.json")]).fetch().await).contains("/nowhere.json")
    );
    let off = [file, ("ALIBABA_CLOUD_PROFILE", "prod"), ("ALIBABA_CLOUD_CLI_PROFILE_DISABLED", "true")];
    assert!(passed(source(&home, off).fetch().await).contains("disables it"));
    assert!(passed(source(&Home::new(), []).fetch().await).contains("there is no file"));
}

#[tokio::test]
async fn an_expired_stored_session_is_an_error_that_names_it() {
    let home = Home::new();
    let fields = format!(r#""mode":"StsToken",{KEY},"sts_token":"CANARY","sts_expiration":1700000000"#);
    home.write(PATH, &config(&format!(r#"{{"name":"default",{fields}}}"#)));
    let error = source(&home, []).refreshing().provide().await.unwrap_err().to_string();
    assert!(error.contains("have already expired (profile `default`") && !error.contains("CANARY"), "{error}");
}

/// The official SDK for Go overflows its stack here.
#[tokio::test]
async fn a_cycle_of_profiles_is_an_error() {
    let home = Home::new();
    let link = |name: &str, next: &str| {
        format!(
            r#"{{"name":"{name}","mode":"ChainableRamRoleArn","source_profile":"{next}","ram_role_arn":"acs:ram::1:role/x"}}"#
        )
    };
    home.write(PATH, &config(&[link("default", "b"), link("b", "c"), link("c", "default")].join(",")));
    let message = failed(source(&home, []).fetch().await);
    assert!(message.contains("`default` → `b` → `c` → `default`"), "{message}");
    home.write(PATH, &config(&link("default", "default")));
    failed(source(&home, []).fetch().await);
    home.write(PATH, &config(&link("default", "gone")));
    assert!(failed(source(&home, []).fetch().await).contains("no profile `gone`"));
}

/// The official SDKs for Go and Node quote the file in the error.
#[tokio::test]
async fn errors_name_the_problem_and_quote_nothing_of_the_file() {
    let home = Home::new();
    let broken = [
        ("{\"CANARY", "not valid JSON (line 1"),
        ("[\"CANARY\"]", "not valid JSON"),
        ("CANARY", "not valid JSON"),
        ("", "not valid JSON"),
    ];
    for (text, words) in broken {
        home.write(PATH, text);
        let message = failed(source(&home, []).fetch().await);
        assert!(message.contains(words), "{message}");
    }
    let profiles = [
        (r#""mode":"CANARY""#, "unknown mode"),
        (r#""mode":"RsaKeyPair","private_key":"CANARY""#, "retired"),
        (r#""mode":"BearerToken","bearer_token":"CANARY""#, "cannot sign requests"),
        (r#""mode":"Anonymous""#, "cannot sign requests"),
        (r#""mode":"RamRoleArn","access_key_id":"CANARY""#, "lacks `access_key_id` or `access_key_secret`"),
        (r#""mode":"RamRoleArn","access_key_id":"CANARY","access_key_secret":"CANARY"}"#, "no role is set"),
        (r#""mode":"RamRoleArn","access_key_id":"a","access_key_secret":"CANARY","ram_role_arn":"CANARY""#, "ARN"),
        (r#""mode":"RamRoleArn","access_key_id":"a","access_key_secret":"b","expired_seconds":-1"#, "expired_seconds"),
        (r#""mode":"ChainableRamRoleArn""#, "lacks `source_profile`"),
        (r#""mode":"OIDC","oidc_provider_arn":"CANARY""#, "lacks `oidc_provider_arn` or `oidc_token_file`"),
        (r#""mode":"External""#, "lacks `process_command`"),
        (r#""mode":"CredentialsURI""#, "lacks `credentials_uri`"),
        (r#""mode":"CloudSSO","access_token":"CANARY""#, "lacks `cloud_sso_sign_in_url`"),
        (r#""mode":"OAuth","oauth_access_token_expire":"CANARY""#, "not a time"),
    ];
    for (fields, words) in profiles {
        let fields = fields.trim_end_matches('}');
        home.write(PATH, &config(&format!(r#"{{"name":"default",{fields}}}"#)));
        let message = failed(source(&home, []).fetch().await);
        assert!(message.contains(words), "{message}");
    }
    let incomplete = [
        r#"{"current":"CANARY CANARY CANARY CANARY CANARY CANARY CANARY","profiles":[]}"#.to_owned(),
        r#"{"profiles":[{"name":"default","mode":"AK"}]}"#.to_owned(),
        config(r#"{"name":"default","mode":"AK","access_key_id":"CANARY"}"#),
        config(r#"{"name":"default","mode":"AK","access_key_id":"CANARY","access_key_secret":""}"#),
        config(r#"{"name":"default","mode":"AK","access_key_id":"","access_key_secret":""}"#),
        config(r#"{"name":"default","access_key_secret":"CANARY"}"#),
        config(r#"{"name":"default","mode":"StsToken","access_key_id":"CANARY","access_key_secret":"CANARY"}"#),
        config(r#"{"name":"default","mode":"StsToken","sts_token":"CANARY"}"#),
    ];
    for text in incomplete {
        home.write(PATH, &text);
        failed(source(&home, []).fetch().await);
    }
    // A profile that is not configured yet.
    for text in
        ["{}".to_owned(), config(""), config(r#"{"name":"default","mode":"","access_key_id":"","language":"en"}"#)]
    {
        home.write(PATH, &text);
        let outcome = source(&home, []).fetch().await;
        if text == config("") {
            failed(outcome);
        } else {
            passed(outcome);
            let variable = [("ALIBABA_CLOUD_CONFIG_FILE", format!("{}/{PATH}", home.path()))];
            failed(source(&home, variable.iter().map(|(name, value)| (*name, value.as_str()))).fetch().await);
        }
    }
}

#[tokio::test]
async fn two_profiles_with_one_name_are_an_error_with_both_lines() {
    let home = Home::new();
    let profiles = format!(
        "\n  {{\"name\":\"other\"}}, 7,\n  {{\n    \"name\": \"default\",\n    \"mode\":\"AK\",{KEY}}},\n  {{{KEY},\n\n\"name\":\"default\"}}, \
         {{\"name\":\"other\"}}"
    );
    home.write(PATH, &format!("\u{feff}{}", config(&profiles)));
    let message = failed(source(&home, []).fetch().await);
    assert!(message.contains("two profiles have the name `default`, on lines 4 and 8"), "{message}");
    // The same for the base of another profile.
    let link =
        r#"{"name":"top","mode":"ChainableRamRoleArn","source_profile":"default","ram_role_arn":"acs:ram::1:role/x"}"#;
    home.write(PATH, &config(&format!("{profiles},{link}")));
    let message = failed(source(&home, [("ALIBABA_CLOUD_PROFILE", "top")]).fetch().await);
    assert!(message.contains("lines 4 and 8"), "{message}");
}

#[tokio::test]
async fn a_chain_of_2000_profiles_is_an_error_and_not_an_overflow() {
    let home = Home::new();
    let link = |number: usize| {
        let (name, next) = (if number == 0 { "default".to_owned() } else { number.to_string() }, number + 1);
        format!(
            r#"{{"name":"{name}","mode":"ChainableRamRoleArn","source_profile":"{next}","ram_role_arn":"acs:ram::1:role/x"}}"#
        )
    };
    home.write(PATH, &config(&(0..2000).map(link).collect::<Vec<_>>().join(",")));
    assert!(failed(source(&home, []).fetch().await).contains("shorten the chain"));
}

#[tokio::test]
async fn a_misspelt_mode_is_quoted() {
    let home = Home::new();
    home.write(PATH, &config(r#"{"name":"default","mode":"RamRoleArm"}"#));
    assert!(failed(source(&home, []).fetch().await).contains("unknown mode `RamRoleArm`"));
}

#[cfg(unix)]
#[tokio::test]
async fn loose_permissions_are_a_warning_and_a_fifo_is_refused() {
    let home = Home::new();
    let path = home.write(PATH, &format!("\u{feff}{}", config(&format!(r#"{{"name":"default","mode":"AK",{KEY}}}"#))));
    permit(path.as_ref(), 0o640);
    let found = source(&home, []).fetch().await.unwrap();
    assert!(found.warnings()[0].contains("chmod 600"), "{:?}", found.warnings());
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert!(failed(source(&home, []).fetch().await).contains("is not a regular file"));
    std::fs::remove_dir(&path).unwrap();
    // Reading it would block until there is a writer.
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    assert!(failed(source(&home, []).fetch().await).contains("is not a regular file"));
}
