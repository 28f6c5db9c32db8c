//! Headers of the caller, the hook before signing, and settings of a single call.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use alibabacloud_runtime::event::{Event, Outcome};
use alibabacloud_runtime::{
    CallOptions, Client, Credentials, ErrorKind, RateLimit, RetryPolicy, SignatureVersion, Throttle, UntypedRequest,
};

use crate::support::{
    Look, Order, Scripted, Sent, answer, assert_signed_v1, assert_signed_v3, builder, client, everything_printable,
    form, not_sent, ok,
};

const BOTH: [SignatureVersion; 2] = [SignatureVersion::V1, SignatureVersion::V3];

fn header<'s>(sent: &'s Sent, name: &str) -> Option<&'s str> {
    let mut values = sent.request.headers().get_all(name).iter();
    let value = values.next()?.to_str().unwrap();
    assert!(values.next().is_none(), "{name} is there twice");
    Some(value)
}

#[tokio::test(start_paused = true)]
async fn headers_of_a_call_override_those_of_the_client() {
    for version in BOTH {
        let transport = Scripted::new([not_sent()]);
        let client = builder(&transport).signature(version).header("X-Ticket", "client").header("x-acs-team", "blue");
        let client = client.build().unwrap();
        let options = CallOptions::new().header("x-ticket", "call").header("traceparent", "00-1-2-01");
        client.send_with(Order::new("s"), options.clone()).await.unwrap();
        client.send_untyped_with(UntypedRequest::new("Order"), options).await.unwrap();
        client.send(Order::new("s")).await.unwrap();
        let sent = transport.sent();
        for (index, sent) in sent.iter().enumerate() {
            // Two attempts of the first call, the untyped one, and one without options.
            let (ticket, trace) = if index < 3 { ("call", Some("00-1-2-01")) } else { ("client", None) };
            assert_eq!(header(sent, "x-ticket"), Some(ticket), "{index}");
            assert_eq!(header(sent, "traceparent"), trace, "{index}");
            assert_eq!(header(sent, "x-acs-team"), Some("blue"), "{index}");
            match version {
                SignatureVersion::V3 => assert_signed_v3(&sent.request),
                _ => assert_signed_v1(&sent.request),
            }
        }
        assert_eq!(sent.len(), 4);
    }
}

#[tokio::test(start_paused = true)]
async fn v3_signs_exactly_the_headers_that_the_service_requires() {
    let transport = Scripted::new([]);
    let client = builder(&transport).signature(SignatureVersion::V3).build().unwrap();
    let options = CallOptions::new().header("traceparent", "t").header("x-acs-zone", " z ").header("X-Acs-A", "");
    client.send_with(Look::new(), options).await.unwrap();
    let sent = transport.sent();
    assert_signed_v3(&sent[0].request);
    let authorization = header(&sent[0], "authorization").unwrap();
    let signed = authorization.split("SignedHeaders=").nth(1).unwrap().split(',').next().unwrap();
    let expected = "host;x-acs-a;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-security-token;\
                    x-acs-signature-nonce;x-acs-version;x-acs-zone";
    assert_eq!(signed, expected);
}

#[tokio::test(start_paused = true)]
async fn an_invalid_header_fails_the_build_or_the_call_and_is_named() {
    let transport = Scripted::new([]);
    let error = builder(&transport).header("Authorization", "CANARY").build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert_eq!(error.to_string(), "the header `authorization` cannot be set: the client or the transport sets it");
    let ended = Arc::new(Mutex::new(Vec::new()));
    let listener = ended.clone();
    let client = builder(&transport).on_event(move |event| {
        if let Event::CallEnded(call) = event
            && let Outcome::Failed(error) = call.outcome
        {
            listener.lock().unwrap().push(error.to_string());
        }
    });
    let client = client.build().unwrap();
    for (name, value, shown) in [
        ("x-acs-date", "CANARY", "`x-acs-date`"),
        ("x-note", "CANARY\r\nx: y", "`x-note`"),
        ("CANARY CANARY", "x", "the name of an added header"),
    ] {
        let options = CallOptions::new().header(name, value);
        let error = client.send_with(Order::new("s"), options).await.unwrap_err();
        assert_eq!((error.kind(), error.action(), error.attempts()), (ErrorKind::InvalidRequest, Some("Order"), 0));
        assert!(error.is_not_sent());
        let shown_all = everything_printable(&error);
        assert!(shown_all.contains(shown) && !shown_all.contains("CANARY"), "{shown_all}");
    }
    assert_eq!(ended.lock().unwrap().len(), 3);
    assert!(transport.sent().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_hook_can_add_headers_to_each_attempt_before_signing() {
    for version in BOTH {
        let transport = Scripted::new([not_sent()]);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let listener = seen.clone();
        let client = builder(&transport).signature(version).header("x-ticket", "1").on_request(move |request| {
            let phone = request.parameters().find(|(name, _)| *name == "Phone").map(|(_, value)| value.to_owned());
            let headers: Vec<_> = request.headers().map(|(name, value)| format!("{name}={value}")).collect();
            let host = request.endpoint().host().to_owned();
            listener.lock().unwrap().push((request.action().to_owned(), request.attempt(), phone, headers, host));
            assert!(!format!("{request:?}").contains("CANARY"));
            let (attempt, nonce) = (request.attempt(), request.nonce().to_owned());
            request.set_header("x-acs-attempt", attempt.to_string());
            request.set_header("x-nonce", nonce);
            request.set_header("X-Ticket", "2");
        });
        let client = client.build().unwrap();
        client.send(Order::builder().space("s").phone("CANARY-phone").build()).await.unwrap();
        let sent = transport.sent();
        for (index, sent) in sent.iter().enumerate() {
            assert_eq!(header(sent, "x-acs-attempt"), Some(&*(index + 1).to_string()));
            assert_eq!(header(sent, "x-ticket"), Some("2"));
            let nonce = if version == SignatureVersion::V3 {
                assert_signed_v3(&sent.request);
                header(sent, "x-acs-signature-nonce").unwrap().to_owned()
            } else {
                assert_signed_v1(&sent.request);
                form(&sent.request)["SignatureNonce"].clone()
            };
            assert_eq!(header(sent, "x-nonce"), Some(&*nonce));
        }
        let expected = |attempt| {
            let headers = vec!["x-ticket=1".to_owned()];
            (
                "Order".to_owned(),
                attempt,
                Some("CANARY-phone".to_owned()),
                headers,
                "shop.here-1.example.com".to_owned(),
            )
        };
        assert_eq!(*seen.lock().unwrap(), [expected(1), expected(2)]);

        let prepared = client.prepare(&Look::new()).await.unwrap();
        assert!(!format!("{prepared:?}").contains("x-ticket: 2"), "values are not shown");
        assert_eq!(prepared.into_http().headers()["x-ticket"], "2");
    }
}

#[tokio::test(start_paused = true)]
async fn an_invalid_header_of_the_hook_fails_the_call_without_a_permit() {
    let transport = Scripted::new([]);
    let one = Throttle::new().with_limit("Order", RateLimit::new(1, Duration::from_secs(3600)));
    let refuse = Arc::new(Mutex::new(true));
    let flag = refuse.clone();
    let client = builder(&transport).throttle(one).on_request(move |request| {
        if *flag.lock().unwrap() {
            request.set_header("host", "CANARY");
        }
    });
    let client = client.build().unwrap();
    let error = client.send(Order::new("s")).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::InvalidRequest, 0));
    assert!(error.message().contains("`host`") && !error.message().contains("CANARY"), "{error}");
    assert!(transport.sent().is_empty());
    *refuse.lock().unwrap() = false;
    client.send(Order::new("s")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn values_of_headers_are_not_printed() {
    let echo = |value: &str| answer(400, &format!(r#"{{"Code":"C","Message":"header {value} here"}}"#));
    let transport = Scripted::new([echo("CANARY-ticket"), echo("CANARY-client"), echo("CANARY-of-hook")]);
    let client = builder(&transport)
        .header("x-client", "CANARY-client")
        .on_request(|request| request.set_header("x-hook", "CANARY-of-hook"));
    assert!(!format!("{client:?}").contains("CANARY"));
    let client = client.build().unwrap();
    let options =
        // Not contained in the other values, whose redaction would hide it.
        CallOptions::new().header("x-ticket", "CANARY-ticket").credentials(Credentials::new("other-id", "other-secret"));
    let shown = format!("{options:?} {options:#?} {client:?}");
    assert!(shown.contains("x-ticket") && !shown.contains("CANARY"), "{shown}");
    for _ in 0..3 {
        let error = client.send_with(Order::new("s"), options.clone()).await.unwrap_err();
        let shown = everything_printable(&error);
        assert!(shown.contains("here") && !shown.contains("CANARY"), "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_is_sent_to_its_region_and_shares_the_quota() {
    let transport = Scripted::new([]);
    let client = client(&transport);
    let there = CallOptions::new().region("there-2");
    for _ in 0..6 {
        client.send(Order::new("s")).await.unwrap();
        client.send_with(Order::new("s"), there.clone()).await.unwrap();
    }
    let sent = transport.sent();
    let hosts: Vec<_> = sent.iter().map(|sent| sent.request.uri().host().unwrap()).collect();
    assert_eq!(hosts[..2], ["shop.here-1.example.com", "shop.there-2.example.com"]);
    assert!(sent[9].at < Duration::from_millis(900) && sent[10].at >= Duration::from_millis(900), "{:?}", sent[10].at);

    let error = client.send_with(Order::new("s"), CallOptions::new().region("No Region")).await.unwrap_err();
    assert_eq!((error.kind(), error.action()), (ErrorKind::InvalidRequest, Some("Order")));
    assert!(error.message().contains("`No Region` is not a region ID"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_explicit_endpoint_overrides_the_region_of_a_call() {
    let transport = Scripted::new([]);
    let client = builder(&transport).endpoint("shop.test.example.com").build().unwrap();
    client.send_with(Look::new(), CallOptions::new().region("there-2")).await.unwrap();
    assert_eq!(transport.sent()[0].request.uri().host(), Some("shop.test.example.com"));
}

#[tokio::test(start_paused = true)]
async fn a_call_is_signed_with_its_own_credentials() {
    let transport = Scripted::new([not_sent(), ok()]);
    let own = CallOptions::new().credentials(Credentials::new("other-id", "other-secret"));
    // Also if the client has none.
    let without = Client::<crate::support::Shop>::builder().transport(transport.clone()).build().unwrap();
    for client in [client(&transport), without.clone()] {
        client.send_with(Order::new("s"), own.clone()).await.unwrap();
        for sent in transport.sent() {
            let form = form(&sent.request);
            assert_eq!((&*form["AccessKeyId"], form.get("SecurityToken")), ("other-id", None));
        }
    }
    let error = without.send(Order::new("s")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Credentials);

    // They are redacted like those of the client.
    let transport = Scripted::new([answer(403, r#"{"Code":"C","Message":"key other-id, secret other-secret"}"#)]);
    let once = own.retry(RetryPolicy::never());
    let error = client(&transport).send_with(Order::new("s"), once).await.unwrap_err();
    assert_eq!(error.message(), "key <hidden>, secret <hidden>");
}

#[tokio::test(start_paused = true)]
async fn separate_quotas_per_region_apply_to_the_region_of_a_call() {
    for (per_region, seconds) in [(false, 1), (true, 0)] {
        let transport = Scripted::new([]);
        let limits = Throttle::new().with_limit("Order", RateLimit::per_second(3));
        let limits = if per_region { limits.per_region() } else { limits };
        let client = builder(&transport).throttle(limits.clone()).build().unwrap();
        for _ in 0..3 {
            client.send(Order::new("s")).await.unwrap();
        }
        let there = CallOptions::new().region("there-2");
        client.send_with(Order::new("s"), there.clone()).await.unwrap();
        client.send_untyped_with(UntypedRequest::new("Order").parameter("Space", "s"), there).await.unwrap();
        let waited = transport.sent()[4].at.as_secs();
        assert_eq!(waited, seconds, "{per_region}");
        let mut regions: Vec<_> = limits.quotas().into_iter().map(|quota| quota.key.region).collect();
        regions.sort();
        let apart = ["shop.here-1.example.com", "shop.there-2.example.com"].map(|host| Some(host.to_owned()));
        assert_eq!(regions, if per_region { apart.to_vec() } else { vec![None] });

        // An explicit endpoint and its quota are not affected.
        let explicit = builder(&transport).endpoint("shop.test.example.com").throttle(limits.clone()).build().unwrap();
        explicit.send(Look::new()).await.unwrap();
        explicit.send_with(Look::new(), CallOptions::new().region("there-2")).await.unwrap();
        let looks = limits.quotas().into_iter().filter(|quota| quota.key.action == "Look").count();
        assert_eq!(looks, 1, "{per_region}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_is_prepared_with_the_settings_of_a_call() {
    let own = CallOptions::new()
        .credentials(Credentials::new("other-id", "other-secret"))
        .region("there-2")
        .header("x-acs-ticket", "CANARY-ticket");
    for version in BOTH {
        let client = builder(&Scripted::new([])).signature(version).build().unwrap();
        let untyped = UntypedRequest::new("Order").parameter("Space", "s");
        for prepared in [
            client.prepare_with(&Order::new("s"), own.clone()).await.unwrap(),
            client.prepare_untyped_with(&untyped, own.clone()).await.unwrap(),
        ] {
            assert!(!format!("{prepared} {prepared:?}").contains("CANARY"));
            let request = prepared.into_http();
            assert_eq!(request.uri().host(), Some("shop.there-2.example.com"));
            assert_eq!(request.headers()["x-acs-ticket"], "CANARY-ticket");
            match version {
                SignatureVersion::V3 => {
                    let authorization = request.headers()["authorization"].to_str().unwrap();
                    assert!(authorization.contains("Credential=other-id,"), "{authorization}");
                    assert!(authorization.contains(";x-acs-ticket;"), "{authorization}");
                }
                _ => assert_eq!(form(&request)["AccessKeyId"], "other-id"),
            }
        }
        for (options, kind) in [
            (CallOptions::new().region("No Region"), ErrorKind::InvalidRequest),
            (CallOptions::new().header("host", "x"), ErrorKind::InvalidRequest),
            (CallOptions::new().credentials(Credentials::new("id", "")), ErrorKind::Credentials),
        ] {
            let error = client.prepare_with(&Order::new("s"), options).await.unwrap_err();
            assert_eq!((error.kind(), error.action(), error.is_not_sent()), (kind, Some("Order"), true), "{error}");
        }
        let never = || std::future::pending::<Result<Credentials, alibabacloud_runtime::CredentialsError>>();
        let options = CallOptions::new().credentials(never).deadline(Duration::from_secs(1));
        let error = client.prepare_with(&Order::new("s"), options).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Credentials, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn errors_for_prepared_requests_show_no_settings() {
    let client = builder(&Scripted::new([])).header("x-client", "CANARY-client").build().unwrap();
    let options = CallOptions::new()
        .credentials(Credentials::temporary("CANARY-id", "CANARY-secret", "CANARY-token", None))
        .header("x-ticket", "CANARY-ticket");
    let echo =
        r#"{"Code":"SignatureDoesNotMatch","Message":"CANARY-client CANARY-id CANARY-token CANARY-ticket here"}"#;
    let received = |status, body: &'static str| http::Response::builder().status(status).body(body.into()).unwrap();
    let refused = || received(400, echo);
    let untyped = UntypedRequest::new("Order").parameter("Space", "s");
    let errors = [
        client.read_with(&Order::new("s"), refused(), &options).unwrap_err(),
        client.read_untyped_with(&untyped, refused(), &options).unwrap_err(),
    ];
    for error in errors {
        let shown = everything_printable(&error);
        assert!(shown.contains("here") && !shown.contains("CANARY"), "{shown}");
        assert_eq!((error.code(), error.action()), (Some("SignatureDoesNotMatch"), Some("Order")));
    }
    let error = client.read(&Order::new("s"), received(400, r#"{"Code":"C","Message":"CANARY-client"}"#));
    assert_eq!(error.unwrap_err().message(), "<hidden>");
    let order = client.read_untyped(&untyped, received(200, r#"{"Code":"OK","RequestId":"r"}"#)).unwrap();
    assert_eq!(order.request_id(), Some("r"));
}
