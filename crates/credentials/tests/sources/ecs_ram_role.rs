//! The metadata service of ECS.

use std::process::Command;
use std::time::Duration;

use alibabacloud_credentials::{EcsRamRole, Setup, Source};
use alibabacloud_runtime::testing::CannedTransport;
use tokio::time::Instant;

use crate::support::{Fake, Reply, Seen, environment, failed, id, ok, passed, quiet, refused_url, session};

const ROLES: &str = "/latest/meta-data/ram/security-credentials/";

/// A service that requires the token "t0ken"; the function returns its responses.
async fn service(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> (Fake, Setup) {
    let fake = Fake::start(answer).await;
    let setup = environment([("HOME", "/nowhere")]).metadata_url(&fake.url);
    (fake, setup)
}

fn faithful(seen: &Seen) -> Reply {
    match (seen.method.as_str(), seen.target.as_str()) {
        ("PUT", "/latest/api/token") if seen.header("X-aliyun-ecs-metadata-token-ttl-seconds") == Some("21600") => {
            ok("t0kenCANARY")
        }
        ("GET", _) if seen.header("X-aliyun-ecs-metadata-token") != Some("t0kenCANARY") => {
            Reply::With(403, String::new())
        }
        ("GET", ROLES) => ok("app-role\n"),
        ("GET", "/latest/meta-data/ram/security-credentials/app-role") => ok(session("ecs")),
        _ => Reply::With(404, String::new()),
    }
}

/// An old instance without tokens.
fn version_1(seen: &Seen) -> Reply {
    match (seen.method.as_str(), seen.target.as_str()) {
        ("GET", _) if seen.header("X-aliyun-ecs-metadata-token").is_some() => Reply::With(400, "CANARY".to_owned()),
        ("GET", ROLES) => ok("app-role"),
        ("GET", "/latest/meta-data/ram/security-credentials/app-role") => ok(session("ecs")),
        _ => Reply::With(404, "CANARY".to_owned()),
    }
}

#[tokio::test]
async fn the_role_of_the_instance_is_found_with_one_token() {
    let (fake, setup) = service(faithful).await;
    let source = quiet(EcsRamRole::new().setup(setup));
    let found = source.fetch().await.unwrap();
    assert_eq!(found.found_in(), Some("role app-role"));
    assert!(found.credentials().expiration().is_some());
    assert_eq!(id(source.fetch().await), "ecs");
    let methods: Vec<_> = fake.seen().iter().map(|seen| seen.method.clone()).collect();
    assert_eq!(methods, ["PUT", "GET", "GET", "GET", "GET"]);
    quiet(source);
}

#[tokio::test]
async fn a_named_role_saves_a_request() {
    let (fake, setup) = service(faithful).await;
    assert_eq!(id(EcsRamRole::new().role("app-role").setup(setup).fetch().await), "ecs");
    assert_eq!(fake.seen().len(), 2);
    let named = environment([("ALIBABA_CLOUD_ECS_METADATA", "other")]).metadata_url(&fake.url);
    assert!(failed(EcsRamRole::new().setup(named).fetch().await).contains("not attached"));
}

#[tokio::test]
async fn a_forgotten_token_is_replaced() {
    let tokens = std::sync::atomic::AtomicUsize::new(0);
    let (fake, setup) = service(move |seen| {
        let order = std::sync::atomic::Ordering::SeqCst;
        match seen.method.as_str() {
            "PUT" => ok(format!("token{}", tokens.fetch_add(1, order) + 1)),
            // The service restarts after the first credentials.
            _ if seen.header("X-aliyun-ecs-metadata-token") == Some("token1")
                && tokens.load(order) == 1
                && !seen.target.ends_with("second") =>
            {
                ok(session("ecs"))
            }
            _ if seen.header("X-aliyun-ecs-metadata-token") == Some("token2") => ok(session("ecs2")),
            _ => Reply::With(401, String::new()),
        }
    })
    .await;
    let source = EcsRamRole::new().role("first").setup(setup.clone());
    assert_eq!(id(source.fetch().await), "ecs");
    let source = source.role("second");
    assert_eq!(id(source.fetch().await), "ecs2");
    assert_eq!(fake.seen().iter().filter(|seen| seen.method == "PUT").count(), 2);
}

#[tokio::test]
async fn version_1_is_the_fallback_unless_it_is_switched_off() {
    // The first service has no tokens; the second issues them, but rejects them.
    for refuses_its_token in [false, true] {
        let (fake, setup) =
            service(move |seen| if seen.method == "PUT" && refuses_its_token { ok("t") } else { version_1(seen) })
                .await;
        assert_eq!(id(EcsRamRole::new().setup(setup.clone()).fetch().await), "ecs");
        let off = environment([("ALIBABA_CLOUD_IMDSV1_DISABLED", "true")]).metadata_url(&fake.url);
        let before = fake.seen().len();
        for source in [EcsRamRole::new().setup(off), EcsRamRole::new().without_imds_v1().setup(setup)] {
            assert!(failed(source.fetch().await).contains("disabled"));
        }
        let after = fake.seen().split_off(before);
        assert!(after.iter().all(|seen| seen.method == "PUT" || seen.header("X-aliyun-ecs-metadata-token").is_some()));
    }
}

#[tokio::test]
async fn an_instance_without_a_role_is_skipped() {
    let (_fake, setup) =
        service(|seen| if seen.method == "PUT" { ok("t") } else { Reply::With(404, String::new()) }).await;
    assert!(passed(EcsRamRole::new().setup(setup).fetch().await).contains("no RAM role"));
}

#[tokio::test]
async fn invalid_responses_are_reported_but_not_quoted() {
    let no_expiration =
        r#"{"Code":"Success","AccessKeyId":"CANARY","AccessKeySecret":"CANARY","SecurityToken":"CANARY"}"#;
    let bodies = [
        (200, "<html>CANARY</html>"),
        (200, r#"{"Code":"CANARY"}"#),
        (200, no_expiration),
        (200, r#"{"Code":"Success","Expiration":"CANARY"}"#),
        (200, r#"["CANARY"]"#),
        (200, ""),
        (500, "CANARY"),
    ];
    for (status, body) in bodies {
        let (_fake, setup) =
            service(move |seen| if seen.method == "PUT" { ok("t") } else { Reply::With(status, body.to_owned()) })
                .await;
        failed(EcsRamRole::new().setup(setup.clone()).fetch().await);
        failed(EcsRamRole::new().role("app-role").setup(setup).fetch().await);
    }
}

#[tokio::test]
async fn a_missing_service_is_skipped_and_the_error_names_the_variable() {
    let setup = environment([("HOME", "/nowhere")]).metadata_url(refused_url().await);
    assert!(passed(EcsRamRole::new().setup(setup).fetch().await).contains("ALIBABA_CLOUD_ECS_METADATA_DISABLED=true"));
    let off = environment([("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "TRUE")]);
    assert!(passed(EcsRamRole::new().setup(off).fetch().await).contains("disables it"));
}

#[tokio::test]
async fn a_named_role_must_exist() {
    let refused = refused_url().await;
    let setup = || environment([("HOME", "/nowhere")]).metadata_url(&refused);
    assert!(failed(EcsRamRole::new().role("app").setup(setup()).fetch().await).contains("does not respond"));
    let named = environment([("ALIBABA_CLOUD_ECS_METADATA", "app")]).metadata_url(&refused);
    failed(EcsRamRole::new().setup(named).fetch().await);
    // Disabling the source is not a failure.
    let off = environment([("ALIBABA_CLOUD_ECS_METADATA", "app"), ("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")]);
    passed(EcsRamRole::new().setup(off).fetch().await);
}

#[tokio::test]
async fn a_service_that_has_responded_must_keep_responding() {
    let (fake, setup) = service(faithful).await;
    let source = EcsRamRole::new().setup(setup);
    assert_eq!(id(source.fetch().await), "ecs");
    drop(fake);
    assert!(failed(source.fetch().await).contains("does not respond"));
}

#[tokio::test]
async fn a_role_name_cannot_be_a_path() {
    let (fake, setup) = service(faithful).await;
    for name in ["..", ".", "...", "", "a/b", "../../api", "a?b", "a b", "a%2fb", "é"] {
        let message = failed(EcsRamRole::new().role(name).setup(setup.clone()).fetch().await);
        assert!(message.contains("name of the RAM role"), "{message}");
    }
    assert!(fake.seen().is_empty());
    for name in ["..", "a/b", ""] {
        let answer = move |seen: &Seen| if seen.target == ROLES { ok(name) } else { faithful(seen) };
        let (fake, setup) = service(answer).await;
        failed(EcsRamRole::new().setup(setup).fetch().await);
        assert_eq!(fake.seen().len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_hangs_at_any_step_fails_within_two_seconds() {
    for hangs_at in ["/latest/api/token", ROLES, "/latest/meta-data/ram/security-credentials/app-role", ""] {
        let (_fake, setup) =
            service(move |seen| if seen.target.starts_with(hangs_at) { Reply::Hang } else { faithful(seen) }).await;
        let before = Instant::now();
        EcsRamRole::new().setup(setup).fetch().await.unwrap_err();
        assert!(before.elapsed() <= Duration::from_secs(2), "{:?}", before.elapsed());
    }
}

#[tokio::test]
async fn a_custom_transport_is_not_used_for_the_metadata_service() {
    let (_fake, setup) = service(faithful).await;
    let canned = CannedTransport::new();
    assert_eq!(id(EcsRamRole::new().setup(setup.transport(canned.clone())).fetch().await), "ecs");
    assert!(canned.sent().is_empty());
}

/// The environment of this process cannot be changed safely, so the test starts itself with another one.
#[tokio::test]
async fn the_metadata_service_is_never_reached_through_a_proxy() {
    let (fake, _) = service(faithful).await;
    let proxy = Fake::start(|_| Reply::With(502, String::new())).await;
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "--ignored", "ecs_ram_role::inside_a_proxied_environment"]);
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"] {
        child.env(name, &proxy.url);
    }
    child.env_remove("NO_PROXY").env_remove("no_proxy").env("TEST_METADATA_URL", &fake.url);
    let output = tokio::task::spawn_blocking(move || child.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    assert!(proxy.seen().is_empty());
    assert_eq!(fake.seen().len(), 3);
}

#[tokio::test]
#[ignore = "a part of `the_metadata_service_is_never_asked_through_a_proxy`"]
async fn inside_a_proxied_environment() {
    let setup = environment([("HOME", "/nowhere")]).metadata_url(std::env::var("TEST_METADATA_URL").unwrap());
    assert_eq!(id(EcsRamRole::new().setup(setup).fetch().await), "ecs");
}
