//! The parts of a request, with both signatures and both placements.

use alibabacloud_runtime::{ErrorKind, ParameterPlacement, PreparedRequest, SignatureVersion};

use crate::support::{Order, Read, Scripted, assert_signed_v1, assert_signed_v3, builder, form, query};

const V1_NAMES: [&str; 10] = [
    "AccessKeyId",
    "Action",
    "Format",
    "SecurityToken",
    "Signature",
    "SignatureMethod",
    "SignatureNonce",
    "SignatureVersion",
    "Timestamp",
    "Version",
];

fn order() -> Order {
    Order { phone: Some("CANARY 861390000&=é".to_owned()), note: Some("n".to_owned()), ..Order::new("s/+") }
}

async fn prepared(version: SignatureVersion, placement: ParameterPlacement, order: &Order) -> PreparedRequest {
    let client = builder(&Scripted::new([])).signature(version).parameter_placement(placement).build().unwrap();
    client.prepare(order).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn every_parameter_is_placed_as_configured_and_the_signature_is_valid() {
    for version in [SignatureVersion::V1, SignatureVersion::V3] {
        for (placement, in_query, in_form) in [
            (ParameterPlacement::Body, &[][..], &["Note", "Phone", "Space"][..]),
            // A phone number must not be in a URL, whatever the specification says.
            (ParameterPlacement::AsSpecified, &["Space"][..], &["Note", "Phone"][..]),
        ] {
            let request = prepared(version, placement, &order()).await.into_http();
            assert_eq!(query(&request).into_keys().collect::<Vec<_>>(), in_query);
            let mut expected: Vec<_> = in_form.to_vec();
            if version == SignatureVersion::V1 {
                expected.extend(V1_NAMES);
                expected.sort_unstable();
                assert_signed_v1(&request);
            } else {
                assert_signed_v3(&request);
            }
            assert_eq!(form(&request).into_keys().collect::<Vec<_>>(), expected);
            let mut all = query(&request);
            all.extend(form(&request));
            assert_eq!((&*all["Space"], &*all["Phone"], &*all["Note"]), ("s/+", "CANARY 861390000&=é", "n"));
            assert_eq!(request.headers()["content-type"], "application/x-www-form-urlencoded");
            assert_eq!(request.method(), "POST");
            assert_eq!(request.uri().path(), "/");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_of_the_signature_and_no_personal_data_is_in_the_url() {
    for version in [SignatureVersion::V1, SignatureVersion::V3] {
        for placement in [ParameterPlacement::Body, ParameterPlacement::AsSpecified] {
            let url = prepared(version, placement, &order()).await.into_http().uri().to_string();
            assert!(!url.contains("CANARY") && !url.contains("Signature"), "{url}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_action_with_get_has_its_parameters_but_no_signature_in_the_url() {
    let request = Read::builder().word("a b/ü").build();
    for version in [SignatureVersion::V1, SignatureVersion::V3] {
        for placement in [ParameterPlacement::Body, ParameterPlacement::AsSpecified] {
            let client = builder(&Scripted::new([])).signature(version).parameter_placement(placement).build().unwrap();
            let sent = client.prepare(&request).await.unwrap().into_http();
            assert_eq!((sent.method().as_str(), sent.body().len()), ("GET", 0));
            assert!(!sent.headers().contains_key("content-type"));
            assert_eq!(query(&sent).into_iter().collect::<Vec<_>>(), [("Word".to_owned(), "a b/ü".to_owned())]);
            assert!(!sent.uri().to_string().contains("CANARY"), "{}", sent.uri());
            assert_signed_v3(&sent);
        }
    }
    let long = Read::builder().word("x".repeat(100_000)).build();
    let error = builder(&Scripted::new([])).build().unwrap().prepare(&long).await.unwrap_err();
    assert!(error.to_string().contains("shorten its parameters"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_empty_body_has_no_content_type() {
    let request = prepared(SignatureVersion::V3, ParameterPlacement::AsSpecified, &Order::new("s")).await.into_http();
    assert!(request.body().is_empty());
    assert!(!request.headers().contains_key("content-type"));
    assert_signed_v3(&request);
}

#[tokio::test(start_paused = true)]
async fn a_parameter_too_long_for_a_url_is_refused_with_advice() {
    let order = Order::new("x".repeat(100_000));
    for version in [SignatureVersion::V1, SignatureVersion::V3] {
        let transport = Scripted::new([]);
        let client = builder(&transport)
            .signature(version)
            .parameter_placement(ParameterPlacement::AsSpecified)
            .build()
            .unwrap();
        let error = client.send(order.clone()).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::InvalidRequest, 0));
        assert!(error.to_string().contains("`ParameterPlacement::Body`"), "{error}");
        assert!(transport.sent().is_empty());
        assert_eq!(
            form(&prepared(version, ParameterPlacement::Body, &order).await.into_http())["Space"].len(),
            100_000
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_prepared_request_shows_what_is_sent_except_secrets_and_personal_data() {
    for version in [SignatureVersion::V1, SignatureVersion::V3] {
        for placement in [ParameterPlacement::Body, ParameterPlacement::AsSpecified] {
            let prepared = prepared(version, placement, &order()).await;
            for shown in [format!("{prepared}"), format!("{prepared:?}"), format!("{prepared:#?}")] {
                assert!(!shown.contains("CANARY"), "{shown}");
                assert!(shown.contains("Space=s%2F%2B") && shown.contains("Phone=<hidden>"), "{shown}");
                assert!(shown.starts_with("POST /") && shown.contains("\nhost: shop.here-1.example.com\n"), "{shown}");
                let signature =
                    if version == SignatureVersion::V1 { "Signature=<hidden>" } else { "authorization: <hidden>" };
                assert!(shown.contains(signature), "{shown}");
            }
        }
    }
}
