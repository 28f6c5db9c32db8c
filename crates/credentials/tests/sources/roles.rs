//! Roles that are assumed with a key or an OIDC token.

use alibabacloud_credentials::{AssumeRole, Credentials, EcsRamRole, OidcRole, Source};

use crate::support::{
    Fake, Home, Reply, Seen, assumed, environment, failed, id, ok, passed, quiet, refused_url, session,
};

const ROLE: &str = "acs:ram::123456789012:role/reader";

fn key() -> Credentials {
    Credentials::temporary("base", "CANARYsecret", "CANARYbase", None)
}

/// Asserts that no secret is in the URL or in a header that proxies log.
#[track_caller]
fn discreet(seen: &Seen) {
    assert!(seen.method == "POST" && seen.target == "/" && !seen.head.contains("CANARY"), "{seen:?}");
}

#[tokio::test]
async fn a_role_is_assumed_with_the_credentials_of_the_base() {
    let fake = Fake::start(|_| ok(assumed("assumed"))).await;
    let setup = environment([("ALIBABA_CLOUD_EXTERNAL_ID", "ext-1")]).sts_endpoint(&fake.url);
    let source = AssumeRole::new(key(), ROLE).session_name("me").duration_seconds(900).policy("{CANARY}").setup(setup);
    let found = quiet(source).fetch().await.unwrap();
    assert_eq!(found.credentials().access_key_id(), "assumed");
    assert_eq!(found.credentials().security_token(), Some("CANARYtoken"));
    assert_eq!(found.found_in(), Some(&*format!("role {ROLE}")));
    let seen = &fake.seen()[0];
    discreet(seen);
    let expected = [
        ("Action", "AssumeRole"),
        ("Version", "2015-04-01"),
        ("AccessKeyId", "base"),
        ("RoleArn", ROLE),
        ("RoleSessionName", "me"),
        ("DurationSeconds", "900"),
        ("ExternalId", "ext-1"),
        ("SecurityToken", "CANARYbase"),
    ];
    for (name, value) in expected {
        assert_eq!(seen.form(name).as_deref(), Some(value), "{name}");
    }
}

#[tokio::test]
async fn the_base_can_be_any_provider() {
    let sts = Fake::start(|_| ok(assumed("assumed"))).await;
    let metadata = Fake::start(|seen| ok(if seen.method == "PUT" { "t".to_owned() } else { session("ecs") })).await;
    let setup = environment([("HOME", "/nowhere")]).sts_endpoint(&sts.url).metadata_url(&metadata.url);
    let base = EcsRamRole::new().role("app").setup(setup.clone()).refreshing();
    let source = AssumeRole::new(base, ROLE).setup(setup);
    for _ in 0..3 {
        assert_eq!(id(source.fetch().await), "assumed");
    }
    assert!(sts.seen().iter().all(|seen| seen.form("AccessKeyId").as_deref() == Some("ecs")));
    assert_eq!(metadata.seen().len(), 2, "the credentials of the base are kept");
}

/// Some SDKs repeat the nonce.
#[tokio::test]
async fn every_request_has_its_own_nonce() {
    let fake = Fake::start(|_| ok(assumed("assumed"))).await;
    let source = AssumeRole::new(key(), ROLE).setup(environment([("A", "b")]).sts_endpoint(&fake.url));
    for _ in 0..5 {
        source.fetch().await.unwrap();
    }
    let nonces: std::collections::HashSet<_> = fake.seen().iter().map(|seen| seen.form("SignatureNonce")).collect();
    assert_eq!(nonces.len(), 5);
}

#[tokio::test]
async fn a_wrong_setting_is_named_before_anything_is_sent() {
    let fake = Fake::start(|_| ok(assumed("assumed"))).await;
    let setup = || environment([("A", "b")]).sts_endpoint(&fake.url);
    for arn in ["CANARY", "acs:ram::1:user/CANARY", "acs:ram::1:role/", "acs:ram:::role/x"] {
        let message = failed(AssumeRole::new(key(), arn).setup(setup()).fetch().await);
        assert!(message.contains("acs:ram::123456789012****:role/name"), "{message}");
    }
    let role = || AssumeRole::new(key(), ROLE).setup(setup());
    assert!(failed(role().session_name("CANARY CANARY").fetch().await).contains("2 to 64"));
    assert!(failed(role().duration_seconds(60).fetch().await).contains("900"));
    assert!(fake.seen().is_empty());
}

#[tokio::test]
async fn errors_of_sts_have_advice_and_no_secrets() {
    let fake = Fake::start(|_| {
        let body = r#"{"Code":"NoPermission","Message":"base CANARYsecret CANARYbase may not","RequestId":"r-9"}"#;
        Reply::With(403, body.to_owned())
    })
    .await;
    let message =
        failed(AssumeRole::new(key(), ROLE).setup(environment([("A", "b")]).sts_endpoint(&fake.url)).fetch().await);
    assert!(
        message.contains("NoPermission") && message.contains("trust policy") && message.contains("r-9"),
        "{message}"
    );
    let xml = "<?xml version='1.0'?><AssumeRoleResponse><Credentials><AccessKeySecret>CANARY";
    for body in [
        "<html>Welcome</html>",
        xml,
        r#"{"Credentials":{"AccessKeyId":"CANARY"}}"#,
        r#"{"AccessKeySecret":"CANARY"#,
        "{}",
    ] {
        let fake = Fake::start(move |_| ok(body)).await;
        failed(AssumeRole::new(key(), ROLE).setup(environment([("A", "b")]).sts_endpoint(&fake.url)).fetch().await);
    }
    let endpoint = refused_url().await;
    failed(AssumeRole::new(key(), ROLE).setup(environment([("A", "b")]).sts_endpoint(endpoint)).fetch().await);
    let open = environment([("A", "b")]).sts_endpoint("http://sts.example.com");
    assert!(failed(AssumeRole::new(key(), ROLE).setup(open).fetch().await).contains("https"));
}

fn oidc(home: &Home, token_file: &str, endpoint: &str) -> OidcRole {
    let variables = [
        ("ALIBABA_CLOUD_ROLE_ARN", ROLE),
        ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "acs:ram::1:oidc-provider/p"),
        ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", token_file),
        ("ALIBABA_CLOUD_ROLE_SESSION_NAME", "pod-1"),
        // As ACK sets it, without a scheme.
        ("ALIBABA_CLOUD_STS_ENDPOINT", "sts.invalid"),
    ];
    let setup = alibabacloud_credentials::Setup::new().environment(home.environment(variables)).sts_endpoint(endpoint);
    quiet(OidcRole::new().setup(setup))
}

/// The official SDK for Python sends the token in the URL.
#[tokio::test]
async fn an_oidc_token_is_sent_in_the_body_unsigned_and_read_again() {
    let fake = Fake::start(|_| ok(assumed("oidc"))).await;
    let home = Home::new();
    let path = home.write("token", "CANARYfirst\n");
    let source = oidc(&home, &path, &fake.url);
    assert_eq!(id(source.fetch().await), "oidc");
    home.write("token", "CANARYsecond");
    assert_eq!(id(source.fetch().await), "oidc");
    let seen = fake.seen();
    for (seen, token) in seen.iter().zip(["CANARYfirst", "CANARYsecond"]) {
        discreet(seen);
        assert_eq!(seen.form("OIDCToken").as_deref(), Some(token));
        assert_eq!(seen.form("RoleSessionName").as_deref(), Some("pod-1"));
        assert_eq!((seen.form("Signature"), seen.form("AccessKeyId")), (None, None));
    }
}

#[tokio::test]
async fn an_oidc_role_must_work_if_it_is_set_up_and_is_skipped_otherwise() {
    let fake = Fake::start(|_| {
        Reply::With(400, r#"{"Code":"AuthenticationFail.OIDCToken.Expired","Message":"CANARYtoken"}"#.to_owned())
    })
    .await;
    let home = Home::new();
    let path = home.write("token", "CANARYtoken");
    assert!(failed(oidc(&home, &path, &fake.url).fetch().await).contains("fresh"));
    assert!(failed(oidc(&home, "/nowhere/token", &fake.url).fetch().await).contains("/nowhere/token"));
    home.write("token", " \n");
    assert!(failed(oidc(&home, &path, &fake.url).fetch().await).contains("empty"));
    passed(OidcRole::new().setup(environment([("A", "b")])).fetch().await);
    let message = passed(OidcRole::new().setup(environment([("ALIBABA_CLOUD_ROLE_ARN", ROLE)])).fetch().await);
    assert!(message.contains("OIDC_TOKEN_FILE"), "{message}");
    let parts = [
        ("ALIBABA_CLOUD_ROLE_ARN", ROLE),
        ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "acs:ram::1:oidc-provider/p"),
        ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", path.as_str()),
    ];
    for (index, (missing, _)) in parts.iter().enumerate() {
        let two = (0..3).filter(|other| *other != index).map(|other| parts[other]);
        let message = failed(OidcRole::new().setup(environment(two)).fetch().await);
        assert!(message.contains(missing) && message.contains("set all three"), "{message}");
    }
    for part in &parts[1..] {
        failed(OidcRole::new().setup(environment([*part])).fetch().await);
    }
    failed(OidcRole::new().role_arn(ROLE).setup(environment([("A", "b")])).fetch().await);
}

/// The host, by precedence: setting, profile, environment, default.
#[tokio::test]
async fn the_endpoint_of_sts_follows_the_environment() {
    use alibabacloud_runtime::testing::CannedTransport;
    let cases: [(&[(&str, &str)], &str); 5] = [
        (&[], "sts.aliyuncs.com"),
        (&[("ALIBABA_CLOUD_STS_REGION", "cn-beijing")], "sts.cn-beijing.aliyuncs.com"),
        (
            &[("ALIBABA_CLOUD_STS_REGION", "cn-beijing"), ("ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED", "true")],
            "sts-vpc.cn-beijing.aliyuncs.com",
        ),
        (&[("ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED", "true")], "sts.aliyuncs.com"),
        (
            &[("ALIBABA_CLOUD_STS_ENDPOINT", "sts-vpc.cn-hangzhou.aliyuncs.com"), ("ALIBABA_CLOUD_STS_REGION", "x")],
            "sts-vpc.cn-hangzhou.aliyuncs.com",
        ),
    ];
    for (variables, host) in cases {
        let canned = CannedTransport::new().respond(200, assumed("assumed"));
        let setup = environment(variables.iter().copied()).transport(canned.clone());
        assert_eq!(id(AssumeRole::new(key(), ROLE).setup(setup).fetch().await), "assumed");
        assert_eq!(canned.sent()[0].http().uri().to_string(), format!("https://{host}/"));
    }
}
