//! Sign-ins stored by the official command line: `CloudSSO` and OAuth.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alibabacloud_credentials::{Chain, CliProfile, Credentials, ProvideCredentials, Setup, Source};

use crate::support::{Fake, Home, Reply, assumed, failed, id, ok, quiet, session};

fn seconds_from_now(seconds: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    i64::try_from(now).unwrap() + seconds
}

fn profile(home: &Home, setup: Setup, fields: &str) -> CliProfile {
    home.write(".aliyun/config.json", &format!(r#"{{"current":"p","profiles":[{{"name":"p",{fields}}}]}}"#));
    quiet(CliProfile::new().setup(setup.environment(home.environment([]))))
}

fn stored(expiration: i64) -> String {
    format!(
        r#""access_key_id":"stored","access_key_secret":"CANARY","sts_token":"CANARY","sts_expiration":{expiration}"#
    )
}

fn sso(url: &str, expiration: i64) -> String {
    format!(
        r#""mode":"CloudSSO","cloud_sso_sign_in_url":"{url}/login","cloud_sso_account_id":"1","cloud_sso_access_config":"ac-1","access_token":"CANARYaccess","cloud_sso_access_token_expire":{expiration}"#
    )
}

#[tokio::test]
async fn a_sign_in_of_cloud_sso_is_exchanged_for_credentials() {
    let fake = Fake::start(|_| ok(format!(r#"{{"CloudCredential":{},"RequestId":"r"}}"#, session("sso")))).await;
    let home = Home::new();
    let fields = sso(&fake.url, seconds_from_now(3600));
    assert_eq!(id(profile(&home, Setup::new(), &fields).fetch().await), "sso");
    let seen = &fake.seen()[0];
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/cloud-credentials"));
    assert_eq!(seen.header("authorization"), Some("Bearer CANARYaccess"));
    let body: serde_json::Value = serde_json::from_str(&seen.body).unwrap();
    assert_eq!(body, serde_json::json!({ "AccessConfigurationId": "ac-1", "AccountId": "1" }));
    // Stored credentials are used while they are valid.
    let both = |expiration| format!("{fields},{}", stored(expiration));
    assert_eq!(id(profile(&home, Setup::new(), &both(seconds_from_now(3600))).fetch().await), "stored");
    assert_eq!(id(profile(&home, Setup::new(), &both(seconds_from_now(60))).fetch().await), "sso");
}

#[tokio::test]
async fn an_unusable_cloud_sso_sign_in_is_an_error_that_says_how_to_renew_it() {
    let home = Home::new();
    let again = "aliyun configure --mode CloudSSO";
    assert!(
        failed(profile(&home, Setup::new(), &sso("https://127.0.0.1:1", seconds_from_now(-1))).fetch().await)
            .contains(again)
    );
    assert!(
        failed(profile(&home, Setup::new(), &sso("http://sso.example.com", seconds_from_now(60))).fetch().await)
            .contains("https")
    );
    for (status, body, words) in [
        (401, "CANARY", again),
        (500, "CANARY", "HTTP 500"),
        (200, "CANARY", "JSON"),
        (200, "{}", "CloudCredential"),
        (200, r#"{"CloudCredential":{"AccessKeyId":"CANARY"}}"#, "no `AccessKeySecret`"),
    ] {
        let fake = Fake::start(move |_| Reply::With(status, body.to_owned())).await;
        let message = failed(profile(&home, Setup::new(), &sso(&fake.url, seconds_from_now(3600))).fetch().await);
        assert!(message.contains(words), "{message}");
    }
}

fn oauth(access: i64, refresh: &str) -> String {
    format!(
        r#""mode":"OAuth","oauth_site_type":"INTL","oauth_access_token":"CANARYold","oauth_access_token_expire":{access},"oauth_refresh_token":"{refresh}""#
    )
}

/// Each refresh token works once, as with the strictest servers.
async fn server() -> Fake {
    let used = std::sync::Mutex::new(0);
    Fake::start(move |seen| match seen.target.as_str() {
        "/v1/token" => {
            let mut used = used.lock().unwrap();
            if seen.form("refresh_token") != Some(format!("CANARYrefresh{used}")) {
                return Reply::With(400, r#"{"error":"CANARY"}"#.to_owned());
            }
            *used += 1;
            ok(format!(r#"{{"access_token":"CANARYnew{used}","refresh_token":"CANARYrefresh{used}","expires_in":600}}"#))
        }
        "/v1/exchange" if seen.header("authorization").is_some_and(|bearer| bearer.starts_with("Bearer CANARY")) => ok(
            r#"{"accessKeyId":"oauth","accessKeySecret":"CANARY","securityToken":"CANARY","expiration":"2099-01-02T03:04:05Z"}"#,
        ),
        _ => Reply::With(404, String::new()),
    })
    .await
}

#[tokio::test]
async fn a_sign_in_by_oauth_is_exchanged_and_renewed_in_memory() {
    let fake = server().await;
    let home = Home::new();
    let setup = || Setup::new().oauth_url(&fake.url);
    assert_eq!(id(profile(&home, setup(), &oauth(seconds_from_now(3600), "CANARYx")).fetch().await), "oauth");
    assert_eq!(fake.seen().len(), 1, "an access token that is good is used");

    let source = profile(&home, setup(), &oauth(seconds_from_now(60), "CANARYrefresh0"));
    let before = std::fs::read(format!("{}/.aliyun/config.json", home.path())).unwrap();
    // Each time only 600 s are left, so it is renewed, with the refresh token of the last response instead of that of
    // the file.
    for _ in 0..3 {
        assert_eq!(id(source.fetch().await), "oauth");
    }
    assert_eq!(std::fs::read(format!("{}/.aliyun/config.json", home.path())).unwrap(), before);
    let first = fake.seen().into_iter().find(|seen| seen.target == "/v1/token").unwrap();
    assert_eq!(first.form("grant_type").as_deref(), Some("refresh_token"));
    assert_eq!(first.form("client_id").as_deref(), Some("4103531455503354461"));
    assert!(fake.seen().iter().all(|seen| !seen.target.contains("CANARY")));
    // A new sign-in of the command line replaces the tokens in memory.
    let message = failed(profile(&home, setup(), &oauth(seconds_from_now(60), "CANARYother")).fetch().await);
    assert!(message.contains("aliyun configure --mode OAuth"), "{message}");
}

#[tokio::test]
async fn an_unusable_oauth_sign_in_is_an_error_that_says_how_to_renew_it() {
    let home = Home::new();
    let fields = format!("{},{}", oauth(0, "CANARY"), stored(seconds_from_now(3600)));
    assert_eq!(id(profile(&home, Setup::new(), &fields).fetch().await), "stored");
    assert!(failed(profile(&home, Setup::new(), &oauth(seconds_from_now(-5), "")).fetch().await).contains("expired"));
    let site = oauth(0, "CANARY").replace("INTL", "CANARY");
    assert!(failed(profile(&home, Setup::new(), &site).fetch().await).contains("`CN` or `INTL`"));
    let open = Setup::new().oauth_url("http://oauth.example.com");
    assert!(failed(profile(&home, open, &oauth(0, "CANARY")).fetch().await).contains("https"));
    for body in ["CANARY", "{}", r#"{"access_token":""}"#] {
        let fake = Fake::start(move |_| ok(body)).await;
        failed(profile(&home, Setup::new().oauth_url(&fake.url), &oauth(0, "CANARY")).fetch().await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_hanging_server_times_out() {
    let fake = Fake::start(|_| Reply::Hang).await;
    let home = Home::new();
    let oauth = profile(&home, Setup::new().oauth_url(&fake.url), &oauth(0, "CANARY"));
    assert!(failed(oauth.fetch().await).contains("no response within"));
    let sso = profile(&home, Setup::new(), &sso(&fake.url, seconds_from_now(3600)));
    assert!(failed(sso.fetch().await).contains("no response within"));
}

/// The file has the rejected session until the command line writes another one.
#[tokio::test]
async fn a_rejected_stored_session_is_replaced_and_not_used_again() {
    let fake = Fake::start(|seen| match seen.target.as_str() {
        "/cloud-credentials" => ok(format!(r#"{{"CloudCredential":{},"RequestId":"r"}}"#, session("new"))),
        _ => ok(
            r#"{"accessKeyId":"new","accessKeySecret":"CANARY","securityToken":"CANARY","expiration":"2099-01-02T03:04:05Z"}"#,
        ),
    })
    .await;
    let stored = stored(seconds_from_now(3600));
    for fields in [sso(&fake.url, seconds_from_now(3600)), oauth(seconds_from_now(3600), "CANARY")] {
        let home = Home::new();
        let source = || profile(&home, Setup::new().oauth_url(&fake.url), &format!("{fields},{stored}"));
        for provider in [source().refreshing(), Chain::new().then(source()).refreshing()] {
            let refused = provider.provide().await.unwrap();
            assert_eq!(refused.access_key_id(), "stored");
            assert_eq!(provider.replace(&refused).await.unwrap().access_key_id(), "new");
            assert_eq!(provider.provide().await.unwrap().access_key_id(), "new");
        }
        // Nor when the new ones expire or are rejected.
        let source = source();
        let refused = source.fetch().await.unwrap().credentials().clone();
        for other in [&refused, &Credentials::temporary("new", "s", "t", None)] {
            assert_eq!(id(source.fetch_replacement(other).await), "new");
            assert_eq!(id(source.fetch().await), "new");
        }
        // Credentials that the command line stored since then are used.
        let text = format!("{fields},{}", stored.replace("stored", "later"));
        let _ = profile(&home, Setup::new(), &text);
        assert_eq!(id(source.fetch().await), "later");
    }
}

#[tokio::test]
async fn a_rejected_session_without_replacement_is_an_error_that_says_how_to_sign_in() {
    for (fields, words) in [
        (sso("https://127.0.0.1:1", seconds_from_now(-1)), "aliyun configure --mode CloudSSO"),
        (oauth(seconds_from_now(-5), ""), "aliyun configure --mode OAuth"),
    ] {
        let home = Home::new();
        let provider =
            profile(&home, Setup::new(), &format!("{fields},{}", stored(seconds_from_now(3600)))).refreshing();
        let refused = provider.provide().await.unwrap();
        // The second time from memory: the source is not queried for a second.
        for _ in 0..2 {
            let error = provider.replace(&refused).await.unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}

#[tokio::test]
async fn a_role_based_on_a_rejected_session_gets_a_new_one() {
    let fake = Fake::start(|seen| match seen.target.as_str() {
        "/cloud-credentials" => ok(format!(r#"{{"CloudCredential":{},"RequestId":"r"}}"#, session("new"))),
        _ if seen.body.contains("AccessKeyId=new") => ok(assumed("role")),
        _ => Reply::With(400, r#"{"Code":"InvalidSecurityToken.Expired","Message":"m","RequestId":"r"}"#.to_owned()),
    })
    .await;
    let home = Home::new();
    let base = format!("{},{}", sso(&fake.url, seconds_from_now(3600)), stored(seconds_from_now(3600)));
    let config = format!(
        r#"{{"current":"role","profiles":[{{"name":"base",{base}}},{{"name":"role","mode":"ChainableRamRoleArn",
        "source_profile":"base","ram_role_arn":"acs:ram::1:role/r","sts_endpoint":"{}"}}]}}"#,
        fake.url
    );
    home.write(".aliyun/config.json", &config);
    let source = CliProfile::new().setup(Setup::new().environment(home.environment([])));
    assert_eq!(id(source.fetch().await), "role");
    assert_eq!(fake.seen().len(), 3, "refused once, replaced, assumed");
    assert_eq!(id(source.fetch().await), "role");
    assert_eq!(fake.seen().len(), 5, "the refused session is not tried again");
}

#[tokio::test]
async fn a_compressed_response_is_read() {
    let fake = Fake::start(|seen| {
        Reply::Gzip(match seen.target.as_str() {
            "/cloud-credentials" => format!(r#"{{"CloudCredential":{},"RequestId":"r"}}"#, session("zipped")),
            "/v1/token" => r#"{"access_token":"CANARYnew","expires_in":600}"#.to_owned(),
            "/v1/exchange" => session("zipped")
                .replace("AccessKey", "accessKey")
                .replace("Sec", "sec")
                .replace("Exp", "exp")
                .replace("accessKeysec", "accessKeySec"),
            "/latest/api/token" => "CANARYtoken".to_owned(),
            "/latest/meta-data/ram/security-credentials/" => "role".to_owned(),
            _ => session("zipped"),
        })
    })
    .await;
    let home = Home::new();
    let setup = || Setup::new().oauth_url(&fake.url).metadata_url(&fake.url);
    for fields in [
        sso(&fake.url, seconds_from_now(3600)),
        oauth(0, "CANARY"),
        r#""mode":"EcsRamRole""#.to_owned(),
        format!(r#""mode":"CredentialsURI","credentials_uri":"{}/uri""#, fake.url),
    ] {
        assert_eq!(id(profile(&home, setup(), &fields).fetch().await), "zipped", "{fields}");
    }
}
