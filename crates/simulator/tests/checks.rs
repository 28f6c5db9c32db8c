//! Every check of the gateway: the response when only that check fails.

mod support;

use std::time::Duration;

use alibabacloud_simulator::{Answer, Gateway, Instants, Place, QuotaPolicy, Request, Scheme, Simulator};
use serde_json::Value;
use support::cams::CAMS;
use support::shop::{SHOP, SHOP_2025};
use support::{Call, NOON, at, at_noon, noon, outcome};

const SYNC: &str = "ChatappSyncPhoneNumber";
const MIGRATE: &str = "CreateChatappMigrationInitiate";
const CAMS_VERSION: &str = "2020-06-06";

fn gateway() -> Gateway {
    Simulator::builder(&[&CAMS, &SHOP, &SHOP_2025]).gateway().unwrap()
}

fn sync() -> [Call; 2] {
    both(SYNC, CAMS_VERSION).map(|call| call.set("CustSpaceId", "1"))
}

/// The same call in both schemes.
fn both(action: &str, version: &str) -> [Call; 2] {
    [Call::v1(action, version), Call::v3(action, version)]
}

#[track_caller]
fn expect(request: &Request, status: u16, code: &str) {
    expect_by(&gateway(), request, status, code);
}

#[track_caller]
fn expect_by(gateway: &Gateway, request: &Request, status: u16, code: &str) {
    assert_eq!(at_noon(gateway, request), (status, code.to_owned()), "{request:?}");
    let received = gateway.received();
    let last = received.last().unwrap();
    assert_eq!((last.status, last.code.as_deref(), last.executed), (status, Some(code), status == 200));
}

#[test]
fn a_valid_call_gets_the_documented_example_and_a_new_request_id() {
    let gateway = gateway();
    let mut ids = Vec::new();
    for call in sync() {
        let answer = gateway.handle(&call.sign(), noon());
        assert_eq!(answer.status, 200);
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        let body: Value = serde_json::from_str(&text).unwrap();
        let id = body["RequestId"].as_str().unwrap().to_owned();
        assert_eq!(text.replace(&id, "90E63D28-E31D-1EB2-8939-A94866411B2O"), CAMS.action(SYNC).unwrap().example);
        assert_eq!(answer.headers["x-acs-request-id"], id.as_str());
        assert_eq!(answer.headers["content-type"], "application/json;charset=utf-8");
        assert_eq!(answer.headers["date"], "Sun, 22 Nov 2026 11:47:33 GMT");
        ids.push(id);
    }
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn an_error_looks_like_a_real_one_and_contains_no_value() {
    let gateway = gateway();
    for call in sync() {
        let request = call.key("testid", "wrong").set("Secret", "13900001234").sign();
        let answer = gateway.handle(&request, noon());
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        let mut members: Vec<&String> = body.as_object().unwrap().keys().collect();
        members.sort();
        assert_eq!(members, ["Code", "HostId", "Message", "Recommend", "RequestId"]);
        assert_eq!(body["HostId"], "localhost");
        assert_eq!(body["RequestId"], answer.headers["x-acs-request-id"].to_str().unwrap());
        assert_eq!(answer.headers["date"], "Sun, 22 Nov 2026 11:47:33 GMT");
        let text = body.to_string();
        assert!(body["Message"].as_str().unwrap().contains(':'), "the older Python SDK breaks without a colon");
        for value in ["13900001234", "testid", SYNC, "nonce-"] {
            assert!(!text.contains(value), "{text}");
        }
    }
}

#[test]
fn get_and_post_are_the_only_methods() {
    for call in sync() {
        expect(&call.clone().method("GET").sign(), 200, "OK");
        expect(&call.clone().method("POST").sign(), 200, "OK");
        for method in ["PUT", "DELETE", "HEAD", "get"] {
            expect(&call.clone().method(method).sign(), 405, "UnsupportedHTTPMethod");
        }
    }
}

#[test]
fn the_path_is_the_root() {
    for call in sync() {
        let mut request = call.sign();
        request.target = request.target.replacen("/?", "/v1?", 1);
        expect(&request, 404, "InvalidApi.NotFound");
    }
}

#[test]
fn an_absolute_target_is_the_same_request() {
    for call in sync() {
        let mut request = call.sign();
        request.target = format!("http://localhost{}", request.target);
        expect(&request, 200, "OK");
    }
}

#[test]
fn a_call_must_name_a_known_action_in_its_version() {
    let [v1, v3] = sync();
    expect(&v1.without("Action").sign(), 400, "MissingAction");
    expect(&v3.without_header("x-acs-action").sign(), 400, "MissingAction");
    for call in both("NoSuchAction", CAMS_VERSION) {
        expect(&call.sign(), 404, "InvalidApi.NotFound");
    }
    for call in both(&SYNC.to_lowercase(), CAMS_VERSION) {
        expect(&call.sign(), 404, "InvalidApi.NotFound");
    }
    for call in both(SYNC, "2020-06-07") {
        expect(&call.sign(), 400, "InvalidVersion");
    }
    let [v1, v3] = sync();
    expect(&v1.without("Version").sign(), 400, "InvalidVersion");
    expect(&v3.without_header("x-acs-version").sign(), 400, "InvalidVersion");
}

#[test]
fn the_version_selects_between_actions_of_the_same_name() {
    let gateway = gateway();
    for (version, expected) in [("2024-01-01", Value::Null), ("2025-01-01", Value::from(2025))] {
        let answer = gateway.handle(&Call::v3("ListOrders", version).sign(), noon());
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!((answer.status, &body["Version"]), (200, &expected));
    }
}

#[test]
fn v1_must_ask_for_json() {
    let [v1, _] = sync();
    for format in ["JSON", "json", "Json"] {
        expect(&v1.clone().nonce().set("Format", format).sign(), 200, "OK");
    }
    expect(&v1.clone().set("Format", "XML").sign(), 400, "UnsupportedFormat");
    expect(&v1.without("Format").sign(), 400, "UnsupportedFormat");
}

#[test]
fn an_unsigned_call_is_refused() {
    let [v1, v3] = sync();
    let mut request = v1.sign();
    let (target, _) = request.target.split_once("&Signature=").unwrap();
    request.target = target.to_owned() + "&Timestamp=1&Version=2020-06-06";
    expect(&request, 400, "IncompleteSignature");
    let mut request = v3.sign();
    request.headers.remove("authorization");
    expect(&request, 400, "IncompleteSignature");
}

#[test]
fn every_part_of_a_signature_is_required() {
    for name in ["AccessKeyId", "SignatureMethod", "SignatureVersion", "SignatureNonce", "Timestamp"] {
        let [v1, _] = sync();
        expect(&v1.clone().without(name).sign(), 400, &format!("Missing{name}"));
        expect(&v1.set(name, "").sign(), 400, &format!("Missing{name}"));
    }
    for (name, code) in [
        ("x-acs-date", "MissingTimestamp"),
        ("x-acs-signature-nonce", "MissingSignatureNonce"),
        ("host", "IncompleteSignature"),
    ] {
        let [_, v3] = sync();
        expect(&v3.without_header(name).sign(), 400, code);
    }
    let [v1, v3] = sync();
    expect(&v3.clone().set_header("host", "").sign(), 400, "MissingHost");
    expect(&v3.set_header("x-acs-content-sha256", "").sign(), 400, "MissingContentSha256");
    let mut request = v1.sign();
    let (before, after) = request.target.split_once("Signature=").unwrap();
    let (_, after) = after.split_once('&').unwrap();
    request.target = format!("{before}Signature=&{after}");
    expect(&request, 400, "MissingSignature");
}

#[test]
fn host_and_all_headers_of_the_service_must_be_signed() {
    let [_, v3] = sync();
    let request = v3.clone().sign().header("x-acs-more", "1");
    expect(&request, 400, "IncompleteSignature");
    // Other headers are accepted, signed or not.
    expect(&v3.clone().nonce().sign().header("accept", "application/json"), 200, "OK");
    expect(&v3.clone().nonce().set_header("accept", "application/json").sign(), 200, "OK");
    expect(&v3.clone().nonce().set_header("user-agent", "  a   b ").sign(), 200, "OK");
    let mut request = v3.set_header("accept", "application/json").sign();
    request.headers.remove("accept");
    expect(&request, 400, "IncompleteSignature");
}

#[test]
fn a_malformed_authorization_is_refused() {
    let [_, v3] = sync();
    let request = v3.sign();
    let right = request.headers["authorization"].to_str().unwrap().to_owned();
    for wrong in [right.replace(",S", ", S"), right.replace(' ', "  "), "ACS3-HMAC-SHA256".to_owned()] {
        let mut request = request.clone();
        request.headers.insert("authorization", wrong.parse().unwrap());
        expect(&request, 400, "IncompleteSignature");
    }
    let mut request = request;
    request.headers.insert("authorization", "Bearer 123".parse().unwrap());
    expect(&request, 400, "IncompleteSignature");
}

#[test]
fn an_unknown_key_is_refused() {
    for call in sync() {
        expect(&call.key("TESTID", "testsecret").sign(), 404, "InvalidAccessKeyId.NotFound");
    }
}

#[test]
fn configured_keys_replace_the_default_key() {
    let gateway = Simulator::builder(&[&CAMS]).key("a", "1").key("b", "2").gateway().unwrap();
    for call in sync() {
        expect_by(&gateway, &call.clone().key("a", "1").sign(), 200, "OK");
        expect_by(&gateway, &call.clone().key("b", "2").sign(), 200, "OK");
        expect_by(&gateway, &call.clone().key("a", "2").sign(), 400, "SignatureDoesNotMatch");
        expect_by(&gateway, &call.sign(), 404, "InvalidAccessKeyId.NotFound");
    }
}

#[test]
fn a_temporary_key_needs_its_token_and_a_permanent_one_has_none() {
    let gateway = Simulator::builder(&[&CAMS]).sts_key("sts", "s", "to/ken+=").key("ak", "s").gateway().unwrap();
    let with = |key: &str, token: &str| {
        let [v1, v3] = sync().map(|call| call.nonce().key(key, "s"));
        [v1.set("SecurityToken", token).sign(), v3.set_header("x-acs-security-token", token).sign()]
    };
    for request in with("sts", "to/ken+=") {
        expect_by(&gateway, &request, 200, "OK");
    }
    for request in with("sts", "other").into_iter().chain(with("ak", "to/ken+=")) {
        expect_by(&gateway, &request, 400, "InvalidSecurityToken.MismatchWithAccessKey");
    }
    for request in with("sts", "").into_iter().chain(sync().map(|call| call.key("sts", "s").sign())) {
        expect_by(&gateway, &request, 400, "MissingSecurityToken");
    }
    for request in with("ak", "") {
        expect_by(&gateway, &request, 200, "OK");
    }
}

#[test]
fn the_signature_method_and_version_are_fixed() {
    let [v1, v3] = sync();
    expect(&v1.clone().set("SignatureMethod", "HMAC-SHA256").sign(), 400, "InvalidSignatureMethod");
    expect(&v1.set("SignatureVersion", "2.0").sign(), 400, "InvalidSignatureVersion");
    let mut request = v3.sign();
    let other = request.headers["authorization"].to_str().unwrap().replace("SHA256 ", "SM3 ");
    request.headers.insert("authorization", other.parse().unwrap());
    expect(&request, 400, "InvalidSignatureMethod");
}

#[test]
fn a_timestamp_has_one_form() {
    for wrong in ["2026-11-22 11:47:33", "2026-11-22T11:47:33+00:00", "1795348053", "Sun, 22 Nov 2026 11:47:33 GMT"] {
        for call in sync() {
            expect(&call.timestamp(wrong).sign(), 400, "InvalidTimeStamp.Format");
        }
    }
}

#[test]
fn a_timestamp_is_valid_for_fifteen_minutes_in_either_direction() {
    let gateway = gateway();
    let noon = std::time::UNIX_EPOCH + NOON;
    let (edge, tick) = (Duration::from_secs(900), Duration::from_nanos(1));
    for call in sync() {
        let ask = |wall| outcome(&gateway.handle(&call.clone().nonce().sign(), at(wall))).1;
        assert_eq!(ask(noon + edge), "OK");
        assert_eq!(ask(noon + edge + tick), "InvalidTimeStamp.Expired");
        assert_eq!(ask(noon - edge), "OK");
        assert_eq!(ask(noon - edge - tick), "InvalidTimeStamp.Expired");
    }
}

#[test]
fn the_body_of_a_v3_call_must_have_the_hash_that_was_signed() {
    let call = Call::v3(SYNC, CAMS_VERSION).set("CustSpaceId", "1").in_form();
    expect(&call.clone().sign(), 200, "OK");
    let mut request = call.clone().sign();
    request.body = "CustSpaceId=2".into();
    expect(&request, 400, "SignatureDoesNotMatch");
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let wrong = call.set_header("x-acs-content-sha256", empty).sign();
    expect(&wrong, 400, "SignatureDoesNotMatch");
    let answer = gateway().handle(&wrong, noon());
    assert!(String::from_utf8_lossy(&answer.body).contains("x-acs-content-sha256"), "the message says what is wrong");
}

#[test]
fn a_second_signature_must_be_correct_too() {
    let [v1, _] = sync();
    let mut request = v1.sign();
    request.target += "&Signature=wrong";
    expect(&request, 400, "SignatureDoesNotMatch");
}

#[test]
fn parameters_can_be_in_the_query_the_form_body_or_both() {
    let value = "a b+c*d~e/f&g=h%i'(j)!k:é中😀\n";
    for call in both(SYNC, CAMS_VERSION) {
        for request in
            [call.clone().set("CustSpaceId", value).sign(), call.nonce().set("CustSpaceId", value).in_form().sign()]
        {
            let gateway = gateway();
            expect_by(&gateway, &request, 200, "OK");
            assert_eq!(gateway.received()[0].parameter("CustSpaceId"), Some(value));
        }
    }
    // V1 with the parameters of the action in the body and all others in the query.
    let request = Call::v1(SYNC, CAMS_VERSION).set("CustSpaceId", value).sign();
    let own = format!("CustSpaceId={}", support::encode(value));
    let mixed = Request::new("POST", request.target.replace(&format!("&{own}"), ""))
        .header("host", "localhost")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(own);
    let gateway = gateway();
    expect_by(&gateway, &mixed, 200, "OK");
    let received = gateway.received();
    assert_eq!(received[0].place("CustSpaceId"), Some(Place::Form));
    assert_eq!(received[0].place("Action"), Some(Place::Query));
}

#[test]
fn a_body_that_is_not_a_form_has_no_parameters() {
    let call = Call::v1(SYNC, CAMS_VERSION).set("CustSpaceId", "1").in_form();
    let mut request = call.sign();
    request.headers.insert("content-type", "application/json".parse().unwrap());
    expect(&request, 400, "MissingAction");
}

#[test]
fn a_nonce_is_valid_for_one_request_of_a_key() {
    let gateway = Simulator::builder(&[&CAMS]).key("testid", "testsecret").key("b", "2").gateway().unwrap();
    for call in sync() {
        let request = call.clone().sign();
        expect_by(&gateway, &request, 200, "OK");
        expect_by(&gateway, &request, 400, "SignatureNonceUsed");
        expect_by(&gateway, &call.clone().set("More", "1").sign(), 400, "SignatureNonceUsed");
        expect_by(&gateway, &call.clone().key("b", "2").sign(), 200, "OK");
        expect_by(&gateway, &call.nonce().sign(), 200, "OK");
    }
}

#[test]
fn a_refused_signature_uses_up_no_nonce() {
    let gateway = gateway();
    for call in sync() {
        expect_by(&gateway, &call.clone().key("testid", "wrong").sign(), 400, "SignatureDoesNotMatch");
        expect_by(&gateway, &call.sign(), 200, "OK");
    }
}

#[test]
fn every_required_parameter_must_be_present() {
    let all = ["CustSpaceId", "MobileNumber", "CountryCode"];
    for call in both(MIGRATE, CAMS_VERSION) {
        let full = all.iter().fold(call, |call, name| call.set(name, "1"));
        for name in all {
            expect(&full.clone().without(name).sign(), 400, &format!("Missing{name}"));
            expect(&full.clone().set(name, "").sign(), 200, "OK");
        }
        // The signature is checked first.
        expect(&full.without("CountryCode").key("testid", "wrong").sign(), 400, "SignatureDoesNotMatch");
    }
}

#[test]
fn a_required_list_can_be_sent_as_separate_items() {
    for (name, status) in [("Tag", 200), ("Tag.1", 200), ("Tag.1.Key", 200), ("Tags", 400), ("Tag1", 400)] {
        for call in both("AddTags", "2024-01-01") {
            assert_eq!(at_noon(&gateway(), &call.set(name, "x").sign()).0, status, "{name}");
        }
    }
}

#[test]
fn undeclared_parameters_are_accepted() {
    for call in sync() {
        expect(&call.set("OwnerId", "1").set("RegionId", "r").set("SignatureType", "").sign(), 200, "OK");
    }
}

#[test]
fn an_anonymous_action_needs_no_signature() {
    let gateway = Simulator::builder(&[&SHOP]).quota(QuotaPolicy::Off).gateway().unwrap();
    let by_query = Request::new("POST", "/?Action=CountVisits&Version=2024-01-01&Format=JSON");
    let by_header =
        Request::new("POST", "/").header("x-acs-action", "CountVisits").header("x-acs-version", "2024-01-01");
    let signed = Call::v3("CountVisits", "2024-01-01").key("unknown", "x").sign();
    for request in [by_query, by_header, signed] {
        assert_eq!(at_noon(&gateway, &request).0, 200);
    }
    let xml = Request::new("POST", "/?Action=CountVisits&Version=2024-01-01");
    assert_eq!(at_noon(&gateway, &xml).1, "UnsupportedFormat");
}

#[test]
fn an_action_with_the_method_get_refuses_post() {
    let gateway = Simulator::builder(&[&SHOP]).quota(QuotaPolicy::Off).gateway().unwrap();
    let request = |method| Request::new(method, "/?Action=ReadShelf&Version=2024-01-01&Format=JSON");
    assert_eq!(at_noon(&gateway, &request("GET")).0, 200);
    assert_eq!(at_noon(&gateway, &request("POST")).1, "UnsupportedHTTPMethod");
}

#[test]
fn the_log_has_every_request_and_its_outcome() {
    let gateway = gateway();
    let [v1, v3] = sync();
    let v1 = v1.sign();
    gateway.handle(&v1, noon());
    gateway.handle(&v1, noon());
    let now = Instants { wall: std::time::UNIX_EPOCH + NOON, ..Instants::now() };
    gateway.handle(&v3.sign(), now);
    gateway.handle(&Request::new("GET", "/"), noon());

    let received = gateway.received();
    assert_eq!(received.iter().map(|it| it.number).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(received.iter().map(|it| it.executed).collect::<Vec<_>>(), [true, false, true, false]);
    let schemes = [Scheme::RpcV1, Scheme::RpcV1, Scheme::Acs3, Scheme::Unsigned];
    assert_eq!(received.iter().map(|it| it.scheme).collect::<Vec<_>>(), schemes);
    assert_eq!(received[0].target, v1.target);
    assert_eq!(received[0].action.as_deref(), Some(SYNC));
    assert_eq!(received[0].key_id.as_deref(), Some("testid"));
    assert_eq!(received[0].nonce.as_deref(), received[0].parameter("SignatureNonce"));
    assert_eq!(received[1].code.as_deref(), Some("SignatureNonceUsed"));
    assert_eq!(received[2].key_id.as_deref(), Some("testid"));
    assert_eq!(received[2].nonce.as_deref(), received[2].parameter("x-acs-signature-nonce"));
    assert_eq!(received[2].place("x-acs-date"), Some(Place::Header));
    assert_eq!(received[2].place("CustSpaceId"), Some(Place::Query));
    assert_eq!((received[2].at, received[2].monotonic), (now.wall, now.monotonic));
    assert_eq!((received[3].action.as_deref(), received[3].status), (None, 400));

    let counts = gateway.counts();
    assert_eq!((counts.of(SYNC).accepted, counts.of(SYNC).rejected, counts.unknown), (2, 1, 1));
    assert_eq!(gateway.take_received().len(), received.len());
    assert!(gateway.received().is_empty());
    gateway.handle(&Request::new("GET", "/"), now);
    gateway.clear_received();
    assert!(gateway.received().is_empty());
    assert_eq!(gateway.counts().unknown, counts.unknown + 1);
}

#[test]
fn no_debug_output_shows_a_value_or_a_key() {
    let builder = Simulator::builder(&[&CAMS]).sts_key("the-id", "the-secret", "the-token");
    let mut texts = vec![format!("{builder:?}")];
    let gateway = builder.gateway().unwrap();
    let migrate = |call: Call| {
        let call =
            call.set("CustSpaceId", "the-space").set("MobileNumber", "13900001234").set("CountryCode", "the-code");
        call.key("the-id", "the-secret")
    };
    let [v1, v3] = both(MIGRATE, CAMS_VERSION).map(migrate);
    let requests = [
        v1.set("SecurityToken", "the-token").in_form().sign(),
        v3.set_header("x-acs-security-token", "the-token").sign(),
        Request::new("GET", "/?Action=the-action").header("host", "the-host"),
    ];
    for request in requests {
        let answer = gateway.handle(&request, noon());
        texts.extend([format!("{request:?}"), format!("{answer:?}")]);
    }
    texts.extend([format!("{gateway:?}"), format!("{:#?}", gateway.received())]);
    for text in texts {
        for hidden in ["the-", "13900001234", "861390000", "nonce-"] {
            assert!(!text.contains(hidden), "{hidden} in {text}");
        }
    }
}

#[test]
fn the_log_keeps_as_many_requests_as_configured() {
    for (keep, kept) in [(0, vec![]), (2, vec![4, 5]), (9, vec![1, 2, 3, 4, 5])] {
        let gateway = Simulator::builder(&[&CAMS]).keep(keep).gateway().unwrap();
        for _ in 0..5 {
            gateway.handle(&Request::new("GET", "/"), noon());
        }
        assert_eq!(gateway.received().iter().map(|it| it.number).collect::<Vec<_>>(), kept);
        assert_eq!(gateway.counts().unknown, 5);
    }
}

#[test]
fn the_log_is_bounded_in_bytes_too() {
    let gateway = Simulator::builder(&[&CAMS]).gateway().unwrap();
    let large = Request::new("GET", format!("/?a={}", "x".repeat(10 << 20)));
    for _ in 0..5 {
        gateway.handle(&large, noon());
    }
    assert_eq!(gateway.received().len(), 3, "each takes 20 MiB, decoded and raw");
}

#[test]
fn each_scripted_answer_is_used_once_by_a_call_that_reaches_the_action() {
    let gateway = gateway();
    let call = || sync()[1].clone().nonce();
    gateway.script(
        SYNC,
        [
            Answer::error(500, "InternalError", "Broken."),
            Answer::ok_json(r#"{"Code":"Product.Unsubscript","RequestId":"mine"}"#).header("x-more", "1"),
            Answer::new(502, "<html/>").header("content-type", "text/html").delay(Duration::from_secs(9)),
        ],
    );
    expect_by(&gateway, &call().key("testid", "wrong").sign(), 400, "SignatureDoesNotMatch");

    let first = gateway.handle(&call().sign(), noon());
    assert_eq!(outcome(&first), (500, "InternalError".to_owned()));
    let second = gateway.handle(&call().sign(), noon());
    assert_eq!((second.status, &second.body[..]), (200, &br#"{"Code":"Product.Unsubscript","RequestId":"mine"}"#[..]));
    assert_eq!(second.headers["x-acs-request-id"], "mine");
    assert_eq!(second.headers["x-more"], "1");
    let third = gateway.handle(&call().sign(), noon());
    assert_eq!((third.status, &third.body[..], third.delay), (502, &b"<html/>"[..], Duration::from_secs(9)));
    assert_eq!(third.headers["content-type"], "text/html");
    expect_by(&gateway, &call().sign(), 200, "OK");

    let received = gateway.received();
    let seen: Vec<_> = received.iter().map(|it| (it.status, it.code.as_deref(), it.executed)).collect();
    let expected = [
        (400, Some("SignatureDoesNotMatch"), false),
        (500, Some("InternalError"), true),
        (200, Some("Product.Unsubscript"), true),
        (502, None, true),
        (200, Some("OK"), true),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn a_function_answers_when_the_queue_is_empty() {
    let gateway = std::sync::Arc::new(gateway());
    let inner = std::sync::Arc::downgrade(&gateway);
    gateway.script_fn(SYNC, move |received| {
        // The gateway can be used inside the function.
        assert!(inner.upgrade().unwrap().counts().of(SYNC).rejected == 0);
        let space = received.parameter("CustSpaceId")?;
        (space == "2").then(|| Answer::error(400, "Unknown.ResourceOwnerId", "Not yours."))
    });
    gateway.script(SYNC, [Answer::error(503, "ServiceUnavailable", "First.")]);
    let ask = |space: &str| at_noon(&gateway, &sync()[0].clone().nonce().set("CustSpaceId", space).sign()).1;
    assert_eq!(ask("2"), "ServiceUnavailable");
    assert_eq!(ask("2"), "Unknown.ResourceOwnerId");
    assert_eq!(ask("1"), "OK");
}

#[test]
fn the_example_can_be_delayed() {
    let gateway = gateway();
    gateway.script(SYNC, [gateway.example(SYNC).delay(Duration::from_millis(5))]);
    let answer = gateway.handle(&sync()[1].clone().sign(), noon());
    assert_eq!(answer.delay, Duration::from_millis(5));
    assert_eq!(outcome(&answer), (200, "OK".to_owned()));
}

#[test]
#[should_panic(expected = "no product of this simulator has an action \"Nothing\"")]
fn a_script_for_an_unknown_action_panics() {
    gateway().script("Nothing", []);
}

#[test]
fn requests_and_responses_of_the_http_crate_convert() {
    let signed = sync()[1].clone().sign();
    let mut request = http::Request::post(format!("http://localhost{}", signed.target));
    for (name, value) in signed.headers.iter().filter(|(name, _)| *name != "host") {
        request = request.header(name, value);
    }
    let request = Request::from(request.body(Vec::<u8>::new()).unwrap());
    let response: http::Response<bytes::Bytes> = gateway().handle(&request, noon()).into();
    assert_eq!(response.status(), 200);
    assert!(response.headers().contains_key("date"));
}

#[test]
fn the_clock_can_be_set_wrong() {
    let offset = Duration::from_secs(3600);
    let now = std::time::SystemTime::now();
    let ahead = Simulator::builder(&[&CAMS]).clock_ahead(offset).gateway().unwrap().now().wall;
    assert!(ahead >= now + offset && ahead < now + 2 * offset);
    let behind = Simulator::builder(&[&CAMS]).clock_behind(offset).gateway().unwrap().now().wall;
    assert!(behind < now && behind > now - 2 * offset);
    let fixed = Simulator::builder(&[&CAMS]).clock(|| std::time::UNIX_EPOCH).gateway().unwrap().now().wall;
    assert_eq!(fixed, std::time::UNIX_EPOCH);
}
