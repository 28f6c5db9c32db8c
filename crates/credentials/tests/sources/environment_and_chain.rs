//! Keys in the environment, and the chain of all sources.

use alibabacloud_credentials::{
    Chain, Credentials, EnvironmentKeys, Found, Outcome, ProvideCredentials, Refreshing, Setup, Source, SourceError,
    SourceFn,
};

use crate::support::{Fake, Home, Reply, assumed, environment, failed, id, ok, passed, quiet, refused_url, session};

#[tokio::test]
async fn keys_are_read_and_missing_parts_are_named() {
    let key = |prefix: &str| {
        [
            (format!("{prefix}ACCESS_KEY_ID"), prefix.to_owned()),
            (format!("{prefix}ACCESS_KEY_SECRET"), "CANARY".to_owned()),
        ]
    };
    for prefix in ["ALIBABA_CLOUD_", "ALIBABACLOUD_", "ALICLOUD_"] {
        let mut variables = Vec::from(key(prefix));
        let setup = |variables: &[(String, String)]| {
            environment(variables.iter().map(|(name, value)| (name.as_str(), value.as_str())))
        };
        assert_eq!(id(quiet(EnvironmentKeys::new().setup(setup(&variables))).fetch().await), prefix);
        variables.push((format!("{prefix}SECURITY_TOKEN"), "CANARY".to_owned()));
        let found = EnvironmentKeys::new().setup(setup(&variables)).fetch().await.unwrap();
        assert_eq!(found.credentials().security_token(), Some("CANARY"));
    }
    // An incomplete key is not skipped, and another prefix does not complete it.
    for part in ["ACCESS_KEY_ID", "ACCESS_KEY_SECRET", "SECURITY_TOKEN"] {
        let name = format!("ALIBABA_CLOUD_{part}");
        let mut variables = Vec::from(key("ALICLOUD_"));
        variables.push((name, "CANARY".to_owned()));
        let setup = environment(variables.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let message = failed(EnvironmentKeys::new().setup(setup).fetch().await);
        assert!(message.contains("lacks ALIBABA_CLOUD_ACCESS_KEY_"), "{message}");
    }
    passed(
        EnvironmentKeys::new()
            .setup(environment([("ACCESS_KEY_ID", "a"), ("ACCESS_KEY_SECRET", "CANARY")]))
            .fetch()
            .await,
    );
    let blanks = environment([("ALIBABA_CLOUD_ACCESS_KEY_ID", "a"), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "CANARY\n")]);
    assert!(
        failed(EnvironmentKeys::new().setup(blanks).fetch().await)
            .contains("ALIBABA_CLOUD_ACCESS_KEY_SECRET has a blank")
    );
}

const NAMES: [&str; 6] = ["environment", "OIDC role", "CLI profile", "INI profile", "ECS RAM role", "credentials URI"];
const IDS: [&str; 6] = ["env", "oidc", "cli", "ini", "ecs", "uri"];

/// All 64 combinations of available sources.
#[tokio::test]
async fn the_first_available_source_in_the_official_order_wins() {
    let sts = Fake::start(|_| ok(assumed("oidc"))).await;
    let uri = Fake::start(|_| ok(session("uri"))).await;
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
    let no_role = Fake::start(|_| Reply::With(404, String::new())).await;
    for combination in 0..64_u32 {
        let there = |source: usize| combination & (1 << source) != 0;
        let home = Home::new();
        let token = home.write("token", "CANARY");
        let mut variables = Vec::new();
        if there(0) {
            variables.extend([("ALIBABA_CLOUD_ACCESS_KEY_ID", "env"), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "CANARY")]);
        }
        if there(1) {
            variables.extend([
                ("ALIBABA_CLOUD_ROLE_ARN", "acs:ram::1:role/x"),
                ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "p"),
                ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", &token),
            ]);
        }
        if there(2) {
            home.write(
                ".aliyun/config.json",
                r#"{"current":"d","profiles":[{"name":"d","mode":"AK","access_key_id":"cli","access_key_secret":"CANARY"}]}"#,
            );
        }
        if there(3) {
            home.write(
                ".alibabacloud/credentials",
                "[default]\ntype=access_key\naccess_key_id=ini\naccess_key_secret=CANARY\n",
            );
        }
        if there(5) {
            variables.push(("ALIBABA_CLOUD_CREDENTIALS_URI", &uri.url));
        }
        let setup = Setup::new()
            .environment(home.environment(variables))
            .metadata_url(if there(4) { &metadata.url } else { &no_role.url })
            .sts_endpoint(&sts.url);
        let chain = Chain::in_official_order(&setup);
        assert_eq!(format!("{chain:?}"), format!("{NAMES:?}"));
        let tried = chain.try_each().await;
        let outcome = chain.refreshing().provide().await;
        let Some(winner) = (0..6).find(|source| there(*source)) else {
            let message = outcome.unwrap_err().to_string();
            let mut rest = message.as_str();
            for name in NAMES {
                let at = rest.find(name).unwrap_or_else(|| panic!("{name} is missing, or in a wrong place: {message}"));
                rest = &rest[at..];
            }
            assert!(message.contains("aliyun configure") && !message.contains("CANARY"), "{message}");
            continue;
        };
        assert_eq!(outcome.unwrap().access_key_id(), IDS[winner], "combination {combination:06b}");
        for (index, tried) in tried.iter().enumerate() {
            assert_eq!(tried.source, NAMES[index]);
            let fits = match &tried.outcome {
                Outcome::NotApplicable(_) => index < winner,
                Outcome::Provided(found) => index == winner && found.credentials().access_key_id() == IDS[winner],
                Outcome::NotTried => index > winner,
                _ => false,
            };
            assert!(fits, "combination {combination:06b}: {tried:?}");
            assert!(!format!("{tried:?}").contains("CANARY"));
        }
    }
}

/// The official SDKs try the next source, so with a late token file a pod gets the role of its node.
#[tokio::test]
async fn a_failing_source_ends_the_search() {
    let metadata = Fake::start(|_| ok("CANARY")).await;
    let variables = [
        ("ALIBABA_CLOUD_ROLE_ARN", "acs:ram::1:role/x"),
        ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "p"),
        ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", "/nowhere/token"),
    ];
    let setup = environment(variables).metadata_url(&metadata.url);
    let message = failed(Chain::in_official_order(&setup).fetch().await);
    assert!(message.starts_with("OIDC role failed: ") && message.contains("environment: ALIBABA_CLOUD"), "{message}");
    assert!(metadata.seen().is_empty());
}

#[tokio::test]
async fn the_debug_output_of_a_provider_has_no_secret() {
    let setup = environment([("ALIBABA_CLOUD_ACCESS_KEY_ID", "CANARY"), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "CANARY")]);
    let setup = setup.metadata_url(refused_url().await);
    let provider = Chain::in_official_order(&setup).refreshing();
    provider.provide().await.unwrap();
    for shown in [format!("{provider:?}"), format!("{setup:?}"), format!("{:?}", Credentials::new("CANARY", "CANARY"))]
    {
        assert!(!shown.contains("CANARY"), "{shown}");
    }
    assert!(provider.cached().is_some());
}

#[tokio::test]
async fn a_function_can_be_a_source() {
    let source = quiet(SourceFn::new("vault", || async {
        Ok::<Found, SourceError>(Credentials::new("vault", "CANARY").into())
    }));
    let chain = Chain::new().then(source);
    assert_eq!(chain.fetch().await.unwrap().found_in(), Some("vault"));
    assert_eq!(Refreshing::new(chain).provide().await.unwrap().access_key_id(), "vault");
}
