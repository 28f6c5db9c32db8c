//! STS, generated from its specification: requests, responses, and secrets that must not be printed.

use std::collections::BTreeMap;

use alibabacloud_simulator::{Answer, Simulator};
use alibabacloud_sts::get_caller_identity::IdentityType;
use alibabacloud_sts::testing::CannedTransport;
use alibabacloud_sts::{
    AssumeRole, AssumeRoleWithOIDC, Client, ClientBuilder, Credentials, ErrorCode, ErrorKind, GetCallerIdentity,
    Network, PRODUCT, RateLimit,
};
use conformance::harness::EVERY_WAY;

const TOKEN: &str = "CANARY-oidc-token";

fn keyless(url: &str) -> ClientBuilder {
    Client::builder().endpoint(url)
}

fn with_key(url: &str) -> ClientBuilder {
    keyless(url).credentials(Credentials::new("testid", "testsecret"))
}

fn assume_role() -> AssumeRole {
    AssumeRole::builder()
        .role_arn("acs:ram::1:role/r")
        .role_session_name("alice")
        .duration_seconds(900)
        .external_id("x&=1")
        .build()
}

fn exchange() -> AssumeRoleWithOIDC {
    AssumeRoleWithOIDC::builder()
        .oidc_provider_arn("acs:ram::1:oidc-provider/p")
        .role_arn("acs:ram::1:role/r")
        .oidc_token(TOKEN)
        .role_session_name("pod")
        .duration_seconds(3600)
        .build()
}

#[tokio::test]
async fn every_action_works_in_every_way_of_calling() {
    let simulator = Simulator::builder(&[&PRODUCT]).start().await.unwrap();
    for (version, placement) in EVERY_WAY {
        let set = |builder: ClientBuilder| builder.signature(version).parameter_placement(placement).build().unwrap();
        let (client, keyless) = (set(with_key(simulator.url())), set(keyless(simulator.url())));

        let caller = client.send(GetCallerIdentity::new()).await.unwrap();
        assert_eq!(caller.identity_type, Some(IdentityType::RAMUser));
        let assumed = client.send(assume_role()).await.unwrap().into_inner();
        assert_eq!(assumed.credentials.unwrap().expiration.as_deref(), Some("2015-04-09T11:52:19Z"));
        let exchanged = keyless.send(exchange()).await.unwrap();
        assert_eq!(exchanged.credentials.as_ref().unwrap().security_token.as_deref().unwrap().len(), 43);
        assert_eq!(exchanged.oidc_token_info.as_ref().unwrap().verification_info.as_deref(), Some("Success"));
    }
    simulator.stop().await;
}

#[tokio::test]
async fn without_credentials_only_the_anonymous_action_can_be_called() {
    let transport = CannedTransport::new().respond(200, "{}");
    let client = Client::builder().transport(transport.clone()).build().unwrap();
    client.send(exchange()).await.unwrap();
    assert_eq!(client.send(assume_role()).await.unwrap_err().kind(), ErrorKind::Credentials);
    assert_eq!(transport.sent().len(), 1);
}

/// The names of parameters and their values: in the URL, and in the body.
fn parameters(request: &http::Request<bytes::Bytes>) -> [BTreeMap<String, String>; 2] {
    let pairs = |text: &str| {
        let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    [pairs(request.uri().query().unwrap_or_default()), pairs(std::str::from_utf8(request.body()).unwrap())]
}

#[tokio::test]
async fn a_role_is_assumed_with_the_signed_form_of_the_official_clients() {
    let client = with_key("https://sts.example.com").build().unwrap();
    let request = client.prepare(&assume_role()).await.unwrap().into_http();
    assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/"));
    let [query, form] = parameters(&request);
    assert!(query.is_empty(), "{query:?}");
    let sent = |name: &str| form.get(name).map(String::as_str);
    assert_eq!(sent("Action"), Some("AssumeRole"));
    assert_eq!(sent("Version"), Some("2015-04-01"));
    assert_eq!(sent("Format"), Some("JSON"));
    assert_eq!(sent("SignatureMethod"), Some("HMAC-SHA1"));
    assert_eq!(sent("SignatureVersion"), Some("1.0"));
    assert_eq!(sent("AccessKeyId"), Some("testid"));
    assert_eq!(sent("RoleArn"), Some("acs%3Aram%3A%3A1%3Arole%2Fr"));
    assert_eq!(sent("RoleSessionName"), Some("alice"));
    assert_eq!(sent("DurationSeconds"), Some("900"));
    assert_eq!(sent("ExternalId"), Some("x%26%3D1"));
    assert_eq!(sent("Policy"), None);
    for name in ["Signature", "SignatureNonce", "Timestamp"] {
        assert!(form.contains_key(name), "{name}");
    }
}

#[tokio::test]
async fn a_token_is_exchanged_without_key_or_signature_and_never_in_a_url() {
    for (version, placement) in EVERY_WAY {
        // A client with a key does not send it either.
        for builder in [keyless("https://sts.example.com"), with_key("https://sts.example.com")] {
            let client = builder.signature(version).parameter_placement(placement).build().unwrap();
            let prepared = client.prepare(&exchange()).await.unwrap();
            let shown = format!("{prepared} {prepared:?}");
            assert!(shown.contains("OIDCToken=<hidden>") && !shown.contains("CANARY"), "{shown}");

            let request = prepared.into_http();
            assert_eq!(request.method(), "POST");
            assert!(!request.uri().to_string().contains("CANARY"), "{}", request.uri());
            let [query, form] = parameters(&request);
            assert_eq!(form["OIDCToken"], TOKEN);
            let all: BTreeMap<_, _> = query.iter().chain(&form).collect();
            let names: Vec<&str> = all.into_keys().map(String::as_str).collect();
            let expected = [
                "Action",
                "DurationSeconds",
                "Format",
                "OIDCProviderArn",
                "OIDCToken",
                "RoleArn",
                "RoleSessionName",
                "SignatureNonce",
                "Timestamp",
                "Version",
            ];
            assert_eq!(names, expected);
            for name in request.headers().keys() {
                assert!(["user-agent", "accept", "content-type"].contains(&name.as_str()), "{name}");
            }
        }
    }
}

#[tokio::test]
async fn credentials_in_a_response_are_in_no_debug_output() {
    let answer = r#"{"RequestId":"r-1","Credentials":{"AccessKeyId":"CANARY-id","AccessKeySecret":"CANARY-secret",
        "SecurityToken":"CANARY-token","Expiration":"2030-01-01T00:00:00Z"}}"#;
    let refusal = r#"{"Code":"AuthenticationFail.OIDCToken.Expired","Message":"CANARY-oidc-token is too old."}"#;
    let transport = CannedTransport::new().respond(200, answer).respond(200, answer).respond(401, refusal);
    let client = Client::builder().credentials(Credentials::new("id", "secret")).transport(transport);
    let client = client.build().unwrap();

    let assumed = client.send(assume_role()).await.unwrap();
    let exchanged = client.send(exchange()).await.unwrap();
    assert_eq!(assumed.credentials.as_ref().unwrap().access_key_secret.as_deref(), Some("CANARY-secret"));
    for shown in [
        format!("{assumed:?}"),
        format!("{assumed:#?}"),
        format!("{:?}", assumed.credentials),
        format!("{exchanged:?}"),
    ] {
        assert!(shown.contains("2030-01-01") && shown.contains("<hidden>") && !shown.contains("CANARY"), "{shown}");
    }
    let shown = format!("{:?}", exchange());
    assert!(shown.contains("oidc_token: <hidden>") && !shown.contains("CANARY"), "{shown}");
    let error = client.send(exchange()).await.unwrap_err();
    let shown = format!("{error} {error:?} {error:#?}");
    assert_eq!(ErrorCode::of(&error), Some(ErrorCode::AuthenticationFailOIDCTokenExpired));
    assert!(shown.contains("AuthenticationFail.OIDCToken.Expired") && !shown.contains("CANARY"), "{shown}");
}

#[tokio::test]
async fn the_codes_of_sts_are_known_and_success_needs_no_code() {
    let simulator = Simulator::builder(&[&PRODUCT]).start().await.unwrap();
    let client = with_key(simulator.url()).build().unwrap();
    simulator.script("AssumeRole", [Answer::error(404, "EntityNotExist.Role", "The role does not exist.")]);
    let error = client.send(assume_role()).await.unwrap_err();
    assert_eq!(ErrorCode::of(&error), Some(ErrorCode::EntityNotExistRole));
    assert_eq!(error.kind(), ErrorKind::Service);
    // Throttled calls and those that may have been executed are retried, because another session is harmless.
    simulator.script(
        "AssumeRole",
        [Answer::error(400, "Throttling.User", "Slow down."), Answer::error(503, "ServiceUnavailable", "Later.")],
    );
    assert_eq!(client.send(assume_role()).await.unwrap().attempts(), 3);
    simulator.stop().await;
}

#[test]
fn the_endpoint_is_the_central_one_unless_a_region_is_chosen() {
    use alibabacloud_runtime::Endpoint;
    let host = |endpoint: Result<Endpoint, _>| endpoint.unwrap().to_string();
    assert_eq!(host(Endpoint::for_product(&PRODUCT, Network::Public)), "https://sts.aliyuncs.com");
    assert_eq!(
        host(Endpoint::for_region(&PRODUCT, "eu-central-1", Network::Public)),
        "https://sts.eu-central-1.aliyuncs.com"
    );
    assert_eq!(
        host(Endpoint::for_region(&PRODUCT, "cn-beijing", Network::Vpc)),
        "https://sts-vpc.cn-beijing.aliyuncs.com"
    );
    let client = |region: Option<&str>| {
        let builder = Client::builder().credentials(Credentials::new("id", "secret"));
        region.into_iter().fold(builder, |builder, region| builder.region(region)).build().unwrap()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for (region, expected) in [(None, "sts.aliyuncs.com"), (Some("cn-beijing"), "sts.cn-beijing.aliyuncs.com")] {
        let request = runtime.block_on(client(region).prepare(&GetCallerIdentity::new())).unwrap().into_http();
        assert_eq!(request.uri().host(), Some(expected));
    }
}

#[test]
fn the_limits_are_those_of_the_quota_centre() {
    for action in PRODUCT.actions {
        assert_eq!(action.rate_limit, Some(RateLimit::per_second(100)), "{}", action.name);
    }
}
