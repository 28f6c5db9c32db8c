//! With the feature `serde`, requests and outputs can be stored, compared and forwarded.
#![allow(deprecated, reason = "one of the fixtures is deprecated")]

use std::fmt::Debug;

use alibabacloud_cams::chatapp_sync_phone_number::{Output, QualityRating, Status};
use alibabacloud_cams::testing::CannedTransport;
use alibabacloud_cams::{ChatappSyncPhoneNumber, Client, CreateChatappMigrationInitiate, Credentials, Response};
use alibabacloud_runtime::Action;
use alibabacloud_runtime::private::decode::decode;
use alibabacloud_sts as sts;
use conformance::{imported, kitchen_sink, obstacles};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The documented response, through JSON and back, as text and as a tree.
fn survives<A: Action>()
where
    A::Output: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let example = A::DESCRIPTOR.example;
    let mut output = A::Output::default();
    if !example.is_empty() {
        decode(example.as_bytes(), &mut output).unwrap();
    }
    let text = serde_json::to_string(&output).unwrap();
    assert_eq!(serde_json::from_str::<A::Output>(&text).unwrap(), output, "{}", A::DESCRIPTOR.name);
    let tree = serde_json::to_value(&output).unwrap();
    assert_eq!(serde_json::from_value::<A::Output>(tree).unwrap(), output, "{}", A::DESCRIPTOR.name);
    if example.starts_with('{') {
        // Responses of the service have the same names.
        assert_eq!(serde_json::from_str::<A::Output>(example).unwrap(), output, "{}", A::DESCRIPTOR.name);
    }
}

#[test]
fn every_documented_response_can_be_stored() {
    survives::<ChatappSyncPhoneNumber>();
    survives::<CreateChatappMigrationInitiate>();
    survives::<sts::AssumeRole>();
    survives::<sts::AssumeRoleWithOIDC>();
    survives::<sts::GetCallerIdentity>();
    survives::<kitchen_sink::CookDish>();
    survives::<kitchen_sink::Greet>();
    survives::<imported::CreateShelf>();
    survives::<imported::DescribeRegions>();
    survives::<imported::GetNumbers>();
    survives::<imported::GetText>();
    survives::<obstacles::Obstacles>();
}

#[test]
fn unknown_values_are_kept_and_unknown_members_ignored() {
    let stored = json!({
        "Code": "OK",
        "New": {"deep": [1]},
        "PhoneNumbers": [{"PhoneNumber": "8613900001234", "Status": "ASLEEP", "QualityRating": "GREEN", "Newer": 1}],
    });
    let output: Output = serde_json::from_value(stored).unwrap();
    let number = &output.phone_numbers[0];
    assert_eq!(number.status.as_ref().map(Status::as_str), Some("ASLEEP"));
    assert_eq!(number.quality_rating, Some(QualityRating::Green));
    let again = serde_json::to_value(&output).unwrap();
    let expected = json!([{"PhoneNumber": "8613900001234", "Status": "ASLEEP", "QualityRating": "GREEN"}]);
    assert_eq!(again["PhoneNumbers"], expected);
    assert_eq!(serde_json::from_value::<Output>(again).unwrap(), output);
}

#[test]
fn a_mismatch_is_an_error_with_its_path_and_without_its_value() {
    let error = |text: &str| serde_json::from_str::<Output>(text).unwrap_err().to_string();
    let wrong = error(r#"{"PhoneNumbers": [{}, {"CallingConfigure": {"MaxTalkTime": "139-secret"}}]}"#);
    assert!(wrong.contains("Output.PhoneNumbers[1].CallingConfigure.MaxTalkTime: expected"), "{wrong}");
    assert!(!wrong.contains("139"), "{wrong}");
    assert!(error("[]").contains("Output: expected an object"), "{}", error("[]"));
    assert!(error("null").contains("expected"), "{}", error("null"));
    assert_eq!(serde_json::from_str::<Option<Output>>("null").unwrap(), None);
}

#[derive(Serialize, Deserialize)]
struct Task {
    attempts: u32,
    request: CreateChatappMigrationInitiate,
    rating: Option<QualityRating>,
}

#[tokio::test]
async fn a_stored_request_can_be_sent() {
    let request = CreateChatappMigrationInitiate::builder()
        .cust_space_id("S-1")
        .mobile_number("13900001234")
        .country_code("86")
        .build();
    let stored = serde_json::to_string(&Task { attempts: 1, request: request.clone(), rating: None }).unwrap();
    let task: Task = serde_json::from_str(&stored).unwrap();
    assert_eq!((task.request == request, task.attempts, task.rating), (true, 1, None));

    let transport = CannedTransport::new().respond(200, r#"{"Code":"OK","Data":{"Id":"1"}}"#);
    let client = Client::builder()
        .credentials(Credentials::new("testid", "testsecret"))
        .transport(transport.clone())
        .build()
        .unwrap();
    client.send(task.request).await.unwrap();
    assert_eq!(transport.sent()[0].parameter("MobileNumber").as_deref(), Some("13900001234"));
}

#[test]
fn a_request_with_missing_or_unknown_parameters_is_refused() {
    let error = |value: Value| serde_json::from_value::<CreateChatappMigrationInitiate>(value).unwrap_err().to_string();
    let complete = json!({"CustSpaceId": "S-1", "MobileNumber": "13900001234", "CountryCode": "86"});
    let changed = |name: &str, value: Value| {
        let mut changed = complete.clone();
        changed[name] = value;
        error(changed)
    };
    assert!(changed("CountryCode", Value::Null).contains("the required parameter `CountryCode` is missing"));
    assert!(changed("MobileNumbers", json!("1")).contains("has no parameter \"MobileNumbers\""));
    assert!(error(json!({})).contains("required parameter"));

    let dish = |value: Value| serde_json::from_value::<kitchen_sink::CookDish>(value);
    let wrong = dish(json!({"Title": "soup", "Persons": "many"})).unwrap_err().to_string();
    assert!(wrong.contains("CookDish.Persons: expected"), "{wrong}");
    // Empty lists, objects and maps are preserved.
    let cooked =
        dish(json!({"Title": "soup", "Persons": 4, "Tags": [], "Oven": {"Heat": 200}, "Labels": {"a": "b"}})).unwrap();
    assert_eq!(cooked.tags.as_deref(), Some(&[][..]));
    assert_eq!(dish(serde_json::to_value(&cooked).unwrap()).unwrap(), cooked);
}

#[test]
fn outputs_and_responses_can_be_built_without_the_service() {
    let mut output = Output::default();
    output.code = Some("OK".to_owned());
    let response = Response::new(output.clone()).with_request_id("A-1");
    assert_eq!((response.request_id(), response.http_status(), response.attempts()), (Some("A-1"), 200, 1));
    assert_eq!(response.into_inner(), output);
    assert_eq!("GREEN".parse::<QualityRating>().unwrap().as_ref(), "GREEN");
}
