//! No response can cause a printed secret or personal data.

use std::io;

use alibabacloud_runtime::sign::encode;
use alibabacloud_runtime::{ErrorKind, RetryPolicy, SignatureVersion, TransportError, UntypedRequest};
use bytes::Bytes;

use crate::support::{Order, Scripted, Step, answer, builder, client, everything_printable};

const CANARIES: [&str; 4] = ["CANARY-key-id", "CANARY-secret", "CANARY+token/==", "CANARY 86&139<0000>"];

fn order() -> Order {
    Order { phone: Some(CANARIES[3].to_owned()), ..Order::new("public") }
}

/// Every encoding in which a response may contain a canary.
fn echoes() -> Vec<String> {
    let mut echoes = Vec::new();
    for canary in CANARIES {
        let once = encode(canary);
        let lower = once.replace("%2B", "%2b").replace("%2F", "%2f").replace("%3D", "%3d").replace("%3C", "%3c");
        let html = canary.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        echoes.extend([canary.to_owned(), encode(&once), lower.replace("%3E", "%3e"), once, html]);
    }
    echoes
}

/// All kinds of responses that contain the echo.
fn steps(echo: &str) -> Vec<Step> {
    let json = |code: &str, message: &str, id: &str| {
        serde_json::json!({ "Code": code, "Message": message, "RequestId": id }).to_string()
    };
    let header = |body: &'static str| {
        Step::Answer(400, vec![("x-acs-request-id", echo.to_owned())], Bytes::from_static(body.as_bytes()))
    };
    vec![
        answer(400, &json("C", &format!("string to sign is:POST&%2F&{echo}&x"), "r")),
        answer(400, &json(echo, "m", "r")),
        answer(400, &json("C", "m", echo)),
        answer(200, &json(echo, echo, echo)),
        answer(400, &json("Throttling", echo, echo)),
        answer(400, &format!("<Error><Code>C</Code><Message>{echo}</Message></Error>")),
        answer(502, &format!("<html><body>no route for {echo}</body></html>")),
        answer(502, &("x".repeat(190) + echo)),
        answer(200, &format!(r#"{{"Code":"OK","Co {echo}"#)),
        header(r#"{"Code":"C"}"#),
        header("<html>"),
        Step::Fail(TransportError::unanswered(format!("broken at {echo}"))),
        Step::Fail(TransportError::not_sent(echo)),
        Step::Fail(TransportError::unanswered("broken").with_source(io::Error::other(echo.to_owned()))),
        Step::Fail(TransportError::unanswered("broken").with_source(TransportError::not_sent("x").with_source(echo))),
    ]
}

#[tokio::test(start_paused = true)]
async fn an_error_prints_nothing_that_a_server_echoes() {
    for version in [SignatureVersion::V1, SignatureVersion::V3] {
        for echo in echoes() {
            for step in steps(&echo) {
                let client = builder(&Scripted::new([step]))
                    .signature(version)
                    .retry(RetryPolicy::new().max_attempts(1))
                    .build()
                    .unwrap();
                let shown = everything_printable(&client.send(order()).await.unwrap_err());
                assert!(!shown.contains("CANARY"), "{echo}: {shown}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn all_values_of_an_untyped_call_are_personal_unless_described_otherwise() {
    let send = async |action: &str| {
        let transport = Scripted::new([answer(400, r#"{"Code":"C","Message":"bad CANARY1 or CANARY2"}"#)]);
        let request = UntypedRequest::new(action).parameter("Space", "CANARY1").parameter("Other", r#"["CANARY2"]"#);
        assert!(!format!("{request:?}").contains("CANARY"));
        client(&transport).send_untyped(request).await.unwrap_err().message().to_owned()
    };
    assert_eq!(send("Invented").await, "bad <hidden> or <hidden>");
    assert_eq!(send("Order").await, "bad CANARY1 or <hidden>", "the description says that `Space` is public");
}

#[tokio::test(start_paused = true)]
async fn a_cause_without_secrets_keeps_its_type() {
    let refused = io::Error::from(io::ErrorKind::ConnectionReset);
    let transport = Scripted::new([Step::Fail(TransportError::unanswered("broken").with_source(refused))]);
    let error = client(&transport).send(order()).await.unwrap_err();
    let transport_error = std::error::Error::source(&error).unwrap();
    let cause = transport_error.source().unwrap().downcast_ref::<io::Error>().unwrap();
    assert_eq!(cause.kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test(start_paused = true)]
async fn clients_and_requests_print_no_secret() {
    let transport = Scripted::new([]);
    let client = client(&transport);
    let response = client.send(order()).await.unwrap();
    let untyped = UntypedRequest::new("Order").parameter("Phone", CANARIES[3]);
    let prepared = client.prepare_untyped(&untyped).await.unwrap();
    let shown = format!(
        "{client:?} {:?} {:?} {:#?} {untyped:?} {prepared} {prepared:?} {response:?}",
        builder(&transport),
        order(),
        crate::support::key(),
    );
    assert!(!shown.contains("CANARY"), "{shown}");
    assert!(shown.contains("phone: <hidden>") && shown.contains(r#"space: "public""#), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_cannot_be_sent_is_not_quoted() {
    let transport = Scripted::new([]);
    let broken = alibabacloud_runtime::Credentials::new("CANARY\nid", "CANARY");
    let client = builder(&transport).credentials(broken).signature(SignatureVersion::V3).build().unwrap();
    let error = client.send(order()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Credentials);
    assert!(!everything_printable(&error).contains("CANARY"), "{error}");
}

/// The spellings of a number that programs and people use.
fn spellings(number: &str) -> Vec<String> {
    let (a, rest) = number.split_at(3);
    let (b, c) = rest.split_at(4);
    let full_width = number.chars().map(|c| char::from_u32(u32::from(c) - 0x30 + 0xFF10).unwrap()).collect();
    let plain =
        [number.to_owned(), format!("{a}-{b}-{c}"), format!("{a} {b} {c}"), format!("({a}) {b}.{c}"), full_width];
    let prefixed =
        ["", "+86", "86", "0086 ", "+86-"].map(|prefix| plain.clone().map(|plain| format!("{prefix}{plain}")));
    prefixed.into_iter().flatten().collect()
}

/// The service echoes a number in another spelling, or mentions one that was not sent.
#[tokio::test(start_paused = true)]
async fn a_number_is_hidden_by_its_digits_however_it_is_spelled() {
    for sent in ["13900001234", "+86 139-0000-1234", "8613900001234"] {
        for named in ["13900001234", "15811112222"] {
            for spelling in spellings(named) {
                let body = serde_json::json!({ "Code": "C", "Message": format!("the number {spelling}, in use") });
                let html = format!("<html>no route for {spelling}</html>");
                let detail = serde_json::json!({ "Code": "C", "AccessDeniedDetail": spelling, "Recommend": spelling });
                for step in [answer(400, &body.to_string()), answer(502, &html), answer(403, &detail.to_string())] {
                    let order = Order { phone: Some(sent.to_owned()), ..Order::new("public") };
                    let shown = everything_printable(&client(&Scripted::new([step])).send(order).await.unwrap_err());
                    let digits: String =
                        shown.chars().filter_map(|c| c.to_digit(10).or(full_width(c))).map(|d| d.to_string()).collect();
                    assert!(
                        !digits.contains("00001234") && !digits.contains("11112222"),
                        "{sent}, {spelling}: {shown}"
                    );
                    assert!(shown.contains("<hidden>"), "{sent}, {spelling}: {shown}");
                }
            }
        }
    }
}

fn full_width(c: char) -> Option<u32> {
    u32::from(c).checked_sub(0xFF10).filter(|digit| *digit < 10)
}

#[tokio::test(start_paused = true)]
async fn a_public_number_of_the_request_is_not_redacted() {
    let body = r#"{"Code":"C","Message":"no space 293483938849493 at 192.168.100.200"}"#;
    let error = client(&Scripted::new([answer(400, body)])).send(Order::new("293483938849493")).await.unwrap_err();
    assert_eq!(error.message(), "no space 293483938849493 at 192.168.100.200");
}

#[tokio::test(start_paused = true)]
async fn a_response_is_complete_in_accessors_and_not_printed() {
    let body = r#"{"Code":"Forbidden.RAM","Message":"no","HostId":"CANARY-key-id","Recommend":"CANARY-secret",
        "AccessDeniedDetail":{"AuthPrincipalDisplayName":"CANARY-secret","AuthAction":"shop:Order","NoPermissionType":"ImplicitDeny"}}"#;
    let transport = Scripted::new([Step::Answer(403, vec![("x-echo", "CANARY-secret".to_owned())], body.into())]);
    let error = client(&transport).send(order()).await.unwrap_err();
    assert_eq!(error.raw_body().unwrap(), body);
    assert_eq!(error.headers().unwrap()["x-echo"], "CANARY-secret");
    assert_eq!((error.host_id(), error.recommend()), (Some("CANARY-key-id"), Some("CANARY-secret")));
    assert!(error.access_denied_detail().unwrap().contains("CANARY-secret"));
    let details: Vec<_> = error.details().map(|(name, text)| format!("{name}: {text}")).collect();
    let expected =
        ["AuthAction: shop:Order", "NoPermissionType: ImplicitDeny", "Recommend: <hidden>", "HostId: <hidden>"];
    assert_eq!(details, expected);
    let shown = everything_printable(&error);
    assert!(!shown.contains("CANARY"), "{shown}");
    assert!(shown.contains("AuthAction shop:Order, NoPermissionType ImplicitDeny"), "{shown}");
}
