//! The facts of the specifications are in the types and descriptors of the generated code.
#![allow(deprecated, reason = "one of the fixtures is deprecated")]

use alibabacloud_cams as cams;
use alibabacloud_runtime::descriptor::{
    ActionDescriptor, Method, ParameterDescriptor, ParameterLocation, ParameterStyle, ProductDescriptor, ValueKind,
};
use alibabacloud_runtime::private::decode::decode;
use alibabacloud_runtime::private::{View, to_json};
use alibabacloud_runtime::{Action, RateLimit, Request};
use alibabacloud_sts as sts;
use conformance::{imported, imported_roa, kitchen_sink, library, obstacles, warehouse};
use std::time::Duration;

// The generated tests that the documented responses of the fixtures decode; a product has them in its own crate.
#[rustfmt::skip]
#[path = "../src/imported/documented.rs"]
mod imported_documented;
#[rustfmt::skip]
#[path = "../src/imported_roa/documented.rs"]
mod imported_roa_documented;
#[rustfmt::skip]
#[path = "../src/kitchen_sink/documented.rs"]
mod kitchen_sink_documented;
#[rustfmt::skip]
#[path = "../src/library/documented.rs"]
mod library_documented;
#[rustfmt::skip]
#[path = "../src/obstacles/documented.rs"]
mod obstacles_documented;
#[rustfmt::skip]
#[path = "../src/warehouse/documented.rs"]
mod warehouse_documented;

/// The actions of all products and fixtures, each with its product.
fn actions() -> impl Iterator<Item = (&'static ProductDescriptor, &'static ActionDescriptor)> {
    let products = [
        &cams::PRODUCT,
        &sts::PRODUCT,
        &imported::PRODUCT,
        &imported_roa::PRODUCT,
        &kitchen_sink::PRODUCT,
        &library::PRODUCT,
        &obstacles::PRODUCT,
        &warehouse::PRODUCT,
    ];
    products.into_iter().flat_map(|product| product.actions.iter().map(move |action| (product, *action)))
}

/// An integer literal that only had to convert into an `i64` would be an `i32`, and could not be this large.
#[test]
fn a_setter_takes_every_literal_of_its_integer_and_variables_of_either_width() {
    let (narrow, wide): (i32, i64) = (7, 7);
    let dish = kitchen_sink::CookDish::builder().title("86").persons(4);
    assert_eq!(dish.grams(9_007_199_254_740_993).calories(i64::MIN).salt(1).build().grams, Some(9_007_199_254_740_993));
    let dish =
        kitchen_sink::CookDish::builder().title("86").persons(narrow).grams(narrow.into()).calories(wide).build();
    assert_eq!((dish.persons, dish.grams, dish.calories), (7, Some(7), Some(7)));
    assert_eq!(warehouse::OpenGate::new(9_007_199_254_740_993).minutes, 9_007_199_254_740_993);
}

/// Checks each enumeration: documented values are distinct variants, and every value keeps its bytes.
macro_rules! check_enums {
    ($($type:path),* $(,)?) => {$({
        type Values = $type;
        let mut seen = Vec::new();
        for &text in Values::VALUES {
            let value = Values::from(text);
            assert!(!matches!(value, Values::Unrecognized(_)), "{}: {text:?}", stringify!($type));
            assert!(!seen.contains(&value), "{}: {text:?} has no separate variant", stringify!($type));
            assert_eq!(value.as_str(), text);
            assert_eq!(value.to_string(), text);
            seen.push(value);
        }
        for text in ["no such value", "unrecognized", "\u{202e}\0\n", " CONNECTED ", "connected"] {
            let value = Values::from(text);
            assert!(matches!(value, Values::Unrecognized(_)), "{}: {text:?}", stringify!($type));
            assert_eq!(value.as_str(), text);
        }
    })*};
}

#[test]
fn every_enumeration_keeps_every_value_byte_for_byte() {
    check_enums!(
        cams::ErrorCode,
        cams::chatapp_sync_phone_number::Status,
        cams::chatapp_sync_phone_number::QualityRating,
        cams::chatapp_sync_phone_number::CodeVerificationStatus,
        cams::chatapp_sync_phone_number::MessagingLimitTier,
        cams::create_chatapp_migration_initiate::Status,
        sts::ErrorCode,
        sts::get_caller_identity::IdentityType,
        kitchen_sink::ErrorCode,
        kitchen_sink::cook_dish::Kind,
        kitchen_sink::cook_dish::Rating,
        kitchen_sink::greet::ToneOfVoice,
        kitchen_sink::types::Mood,
        imported::ErrorCode,
        imported::create_shelf::Colour,
        imported::create_shelf::Status,
        imported::types::Mood,
        obstacles::ErrorCode,
        obstacles::obstacles::AwkwardValue,
        obstacles::obstacles::StringValue,
        obstacles::types::OptionType,
    );
}

#[test]
fn awkward_values_have_readable_variants() {
    use obstacles::obstacles::AwkwardValue;
    assert_eq!(AwkwardValue::from("UNKNOWN"), AwkwardValue::Unknown);
    assert_eq!(AwkwardValue::from("1"), AwkwardValue::Value1);
    assert_eq!(AwkwardValue::from("10K"), AwkwardValue::Value10K);
    assert_eq!(AwkwardValue::from("a-b"), AwkwardValue::AB);
    assert_eq!(AwkwardValue::from("true"), AwkwardValue::True);
    assert_eq!(AwkwardValue::from("").as_str(), "");
}

#[test]
fn every_parameter_has_its_facts() {
    use ParameterLocation::{Form, Query};
    use ParameterStyle::{Flat, Json, RepeatList, Simple};

    for (_, action) in actions() {
        assert!(action.parameters.is_sorted_by_key(|parameter| !parameter.required), "required ones come first");
        for parameter in action.parameters {
            let ParameterDescriptor { name, field, description, .. } = parameter;
            assert!(!name.is_empty() && !description.is_empty(), "{parameter:?}");
            assert!(!field.contains('#'), "{field} is a name for people");
        }
    }

    let parameter = |actions: &[&ActionDescriptor], action: &str, name: &str| {
        let action = actions.iter().find(|found| found.name == action).unwrap();
        *action.parameters.iter().find(|found| found.name == name).unwrap()
    };
    let dish = |name: &str| parameter(kitchen_sink::ACTIONS, "CookDish", name);
    let facts = |name: &str| {
        let ParameterDescriptor { kind, required, location, style, .. } = dish(name);
        (kind, required, location, style)
    };
    assert_eq!(facts("Title"), (ValueKind::String, true, Query, Json));
    assert_eq!(facts("Persons"), (ValueKind::Int32, true, Query, Json));
    assert_eq!(facts("Grams"), (ValueKind::Int64, false, Query, Json));
    assert_eq!(facts("Calories"), (ValueKind::Int64, false, Form, Json));
    assert_eq!(facts("Salt"), (ValueKind::Number, false, Query, Json));
    assert_eq!(facts("Hot"), (ValueKind::Boolean, false, Query, Json));
    assert_eq!(facts("Notes"), (ValueKind::Any, false, Query, Json));
    assert_eq!(facts("Tags"), (ValueKind::List, false, Query, Simple));
    assert_eq!(facts("Ingredients"), (ValueKind::List, false, Query, RepeatList));
    assert_eq!(facts("Oven"), (ValueKind::Object, false, Query, Flat));
    assert_eq!(facts("Labels"), (ValueKind::Map, false, Form, Flat));
    assert_eq!(facts("Mood"), (ValueKind::String, false, Query, Json));
    assert_eq!(dish("Hot").field, "is_hot");
    assert_eq!(dish("Mood").values, ["HAPPY", "SAD"]);
    assert_eq!(dish("Steps").example, r##"["boil", "*/", "\"#"]"##);

    let name = parameter(kitchen_sink::ACTIONS, "Greet", "Name");
    assert!(name.sensitive && name.example == "Ann*/");
    assert_eq!(parameter(obstacles::ACTIONS, "Obstacles", "type").field, "type");
}

#[test]
fn every_action_has_its_facts() {
    for (product, action) in actions() {
        assert!(!action.summary.is_empty());
        assert_eq!(product.action(action.name), Some(action));
    }

    let sync = cams::ChatappSyncPhoneNumber::DESCRIPTOR;
    assert_eq!(sync.rate_limit, Some(RateLimit::per_second(10)));
    assert_eq!(sync.authorization.action, "cams:ChatappSyncPhoneNumber");
    assert_eq!(sync.authorization.access, "update");
    assert!(sync.idempotent && !sync.anonymous && sync.deprecated.is_none());
    assert!(!cams::CreateChatappMigrationInitiate::DESCRIPTOR.idempotent);
    assert_eq!(cams::PRODUCT.code, "cams");
    assert_eq!(cams::PRODUCT.version, "2020-06-06");
    assert_eq!(cams::PRODUCT.success_codes, ["OK"]);
    assert!(sts::PRODUCT.success_codes.is_empty());
    assert_eq!(sts::PRODUCT.endpoints.central, "sts.aliyuncs.com");
    assert_eq!(kitchen_sink::PRODUCT.endpoints.central, "kitchen.example.com");

    let cook = kitchen_sink::CookDish::DESCRIPTOR;
    assert_eq!(cook.rate_limit, Some(RateLimit::new(200, Duration::from_secs(60))));
    assert!(cook.anonymous && cook.deprecated.is_some() && !cook.idempotent);
    assert_eq!(cook.authorization.action, "");
    assert_eq!(kitchen_sink::Idle::DESCRIPTOR.rate_limit, None);
    assert_eq!(kitchen_sink::Idle::DESCRIPTOR.method, Method::Get);
    assert_eq!([kitchen_sink::Leave::DESCRIPTOR.method, sync.method], [Method::Post; 2]);
    assert_eq!(kitchen_sink::PRODUCT.endpoints.exceptions.len(), 2);
    assert!(obstacles::PRODUCT.success_codes.is_empty());
}

#[test]
fn a_shared_definition_is_one_type() {
    let [sync, migrate] = [cams::ChatappSyncPhoneNumber::DESCRIPTOR, cams::CreateChatappMigrationInitiate::DESCRIPTOR];
    assert_eq!(sync.errors.len(), 4);
    for (a, b) in sync.errors.iter().zip(migrate.errors) {
        assert!(std::ptr::eq(*a, *b), "{} is defined twice", a.code);
    }
    let limit = sync.errors.iter().find(|error| error.code == "System.LimitControl").unwrap();
    assert!(limit.throttling && limit.status == 400);
    for error in cams::PRODUCT.errors.iter().chain(sync.errors) {
        assert!(cams::ErrorCode::VALUES.contains(&error.code), "{}", error.code);
    }
}

#[test]
fn a_request_visits_its_values_in_the_order_of_its_parameters() {
    let request =
        kitchen_sink::CookDish::builder().persons(4).title("soup").is_hot(true).tags(["a".to_owned()]).build();
    let mut values = Vec::new();
    request.each(&mut |parameter, value| {
        if !matches!(value.view(), View::Absent) {
            values.push((parameter.name, to_json(value)));
        }
    });
    let expected = [("Title", "\"soup\""), ("Persons", "4"), ("Hot", "true"), ("Tags", "[\"a\"]")];
    assert_eq!(values, expected.map(|(name, value)| (name, value.to_owned())));
}

#[test]
fn debug_output_hides_sensitive_values_and_names_fields() {
    let greet = format!("{:?}", kitchen_sink::Greet::new("Ann"));
    assert!(greet.contains("<hidden>") && !greet.contains("Ann"), "{greet}");
    let awkward = format!("{:?}", obstacles::Obstacles::builder().r#type("x").build());
    assert!(awkward.contains("type: \"x\"") && !awkward.contains("r#"), "{awkward}");
}

#[test]
fn a_shape_can_contain_itself() {
    let mut cook = kitchen_sink::types::Cook::default();
    decode(br#"{"Name":"Ann","Boss":{"Name":"Bob","Boss":{"Mood":"SAD"}}}"#, &mut cook).unwrap();
    let boss = cook.boss.unwrap().boss.unwrap();
    assert_eq!(boss.mood, Some(kitchen_sink::types::Mood::Gloomy));
}

#[tokio::test]
async fn every_method_is_sent_and_a_secret_in_a_url_is_hidden() {
    let client = alibabacloud_runtime::Client::<kitchen_sink::Kitchen>::builder()
        .credentials(alibabacloud_runtime::Credentials::new("id", "secret"))
        .build()
        .unwrap();
    let close = kitchen_sink::Close::builder().pin("CANARY-0000").notes(serde_json::json!({"until": [8, "h"]})).build();
    let prepared = client.prepare(&close).await.unwrap();
    let shown = format!("{prepared} {prepared:?} {close:?}");
    assert!(!shown.contains("CANARY"), "{shown}");
    assert!(shown.starts_with("DELETE /?Notes.until.1=8&Notes.until.2=h&Pin=<hidden> HTTP/1.1\n"), "{shown}");
    let sent = prepared.into_http();
    assert_eq!((sent.method().as_str(), sent.body().len()), ("DELETE", 0));
    assert!(sent.uri().query().unwrap().ends_with("&Pin=CANARY-0000"), "the service gets it");
    assert!(sent.headers().contains_key("authorization"), "the signature is in a header");

    let put = client.prepare(&kitchen_sink::Wait::new()).await.unwrap().into_http();
    assert_eq!((put.method().as_str(), put.uri().query()), ("PUT", None));
    assert!(!put.body().is_empty(), "the parameters of the signature");
}

#[tokio::test]
async fn every_header_that_the_client_sets_is_reserved() {
    let source = include_str!("../../crates/runtime/src/route.rs");
    let (_, list) = source.split_once("const RESERVED_HEADERS").unwrap();
    let (list, _) = list.split_once("];").unwrap();
    let reserved: Vec<_> = list.split('"').skip(1).step_by(2).collect();
    assert!(reserved.contains(&"host"), "{reserved:?}");

    let credentials = cams::Credentials::temporary("testid", "testsecret", "token", None);
    let client = cams::Client::builder().credentials(credentials).endpoint("http://127.0.0.1:1");
    let client = client.signature(cams::SignatureVersion::V3).build().unwrap();
    let request = cams::ChatappSyncPhoneNumber::new("1");
    for name in &reserved {
        let options = cams::CallOptions::new().header(name, "1");
        assert!(client.prepare_with(&request, options).await.is_err(), "a caller can set {name}");
    }
    let sent = client.prepare(&request).await.unwrap().into_http();
    for name in sent.headers().keys().map(|name| name.as_str()) {
        assert!(reserved.contains(&name) || name.starts_with("x-acs-signature"), "a parameter can set {name}");
    }
}
