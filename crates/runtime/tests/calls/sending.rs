//! Requests, attempts, timing and responses.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use alibabacloud_runtime::{
    Credentials, CredentialsError, ErrorKind, ProvideCredentials, ProvideFuture, RetryPolicy, SignatureVersion,
    Throttle, TransportError, UntypedRequest,
};
use bytes::Bytes;
use tokio::time::Instant;

use crate::support::{
    Order, Ping, Scripted, Step, answer, assert_signed_v1, assert_signed_v3, builder, client, everything_printable,
    form, not_sent, ok, throttled,
};

#[tokio::test(start_paused = true)]
async fn every_attempt_has_a_new_nonce_and_timestamp_and_a_valid_signature() {
    for version in [SignatureVersion::V1, SignatureVersion::V3] {
        let transport = Scripted::new([throttled(Some(5)), not_sent(), ok()]);
        let seconds = AtomicU64::new(1_456_231_584);
        let clock = move || UNIX_EPOCH + Duration::from_secs(seconds.fetch_add(1, Ordering::SeqCst));
        let client = builder(&transport).signature(version).clock(clock).build().unwrap();
        let response = client.send(Order::new("s")).await.unwrap();
        assert_eq!(response.attempts(), 3);
        let mut nonces = HashSet::new();
        let mut timestamps = Vec::new();
        for sent in transport.sent() {
            let header = |name: &str| sent.request.headers()[name].to_str().unwrap().to_owned();
            if version == SignatureVersion::V1 {
                assert_signed_v1(&sent.request);
                nonces.insert(form(&sent.request)["SignatureNonce"].clone());
                timestamps.push(form(&sent.request)["Timestamp"].clone());
            } else {
                assert_signed_v3(&sent.request);
                nonces.insert(header("x-acs-signature-nonce"));
                timestamps.push(header("x-acs-date"));
            }
        }
        assert_eq!(nonces.len(), 3);
        assert_eq!(timestamps, ["2016-02-23T12:46:24Z", "2016-02-23T12:46:25Z", "2016-02-23T12:46:26Z"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_throttled_call_waits_as_long_as_requested_and_is_retried() {
    let transport = Scripted::new([throttled(Some(1234)), ok()]);
    let response = client(&transport).send(Order::new("s")).await.unwrap();
    assert_eq!(transport.times(), [0, 1234]);
    assert_eq!(response.attempts(), 2);
    assert_eq!(response.quota_wait(), Duration::from_millis(1234));
    assert_eq!(response.request_id(), Some("r"));
}

#[tokio::test(start_paused = true)]
async fn a_throttled_call_waits_even_without_a_quota() {
    let transport = Scripted::new([throttled(Some(1234)), ok()]);
    builder(&transport).throttle(Throttle::off()).build().unwrap().send(Order::new("s")).await.unwrap();
    assert_eq!(transport.times(), [0, 1234]);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_call_is_retried_until_it_gets_through() {
    for throttle in [Throttle::new(), Throttle::off()] {
        let transport = Scripted::new((0..20).map(|_| throttled(Some(1_000))));
        let client = builder(&transport).throttle(throttle).build().unwrap();
        assert_eq!(client.send(Order::new("s")).await.unwrap().attempts(), 21);
    }
}

#[tokio::test(start_paused = true)]
async fn a_throttled_call_fails_when_its_deadline_cannot_be_met_and_reports_how_long_it_tried() {
    for throttle in [Throttle::new(), Throttle::off()] {
        let transport = Scripted::new((0..20).map(|_| throttled(Some(7_000))));
        let client = builder(&transport).throttle(throttle).build().unwrap();
        let before = Instant::now();
        let error = client.send(Order::new("s")).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Throttled, 9));
        assert_eq!(before.elapsed(), Duration::from_secs(56), "another 7 s would pass the deadline of 60 s");
        assert_eq!(error.throttled_for(), Some(Duration::from_secs(56)));
        assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
        assert!(error.is_throttling() && error.is_retryable() && !error.outcome_unknown());
        assert_eq!(
            error.to_string(),
            "Order throttled: System.LimitControl: slow down (HTTP 400, 9 attempts, tried for 56.0 s, retry after 7s)"
        );
    }
}

/// The response has no delay.
#[tokio::test(start_paused = true)]
async fn without_a_delay_a_throttled_call_is_retried_after_about_a_window() {
    let transport = Scripted::new((0..9).map(|_| throttled(None)));
    let client = builder(&transport).throttle(Throttle::off()).build().unwrap();
    let response = client.send(Order::new("s")).await;
    let times = transport.times();
    let gaps: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!((1_000..=2_000).contains(&gaps[0]), "{gaps:?}");
    assert!(gaps.iter().all(|gap| *gap >= 1_000), "{gaps:?}");
    match response {
        Ok(response) => assert_eq!(response.attempts(), 10),
        Err(error) => assert!(error.throttled_for().unwrap() > Duration::from_secs(50), "{error}"),
    }
}

#[tokio::test(start_paused = true)]
async fn throttled_attempts_use_neither_budget_nor_attempts() {
    // Nothing is taken from the budget of 500 ...
    let transport = Scripted::new((0..300).map(|_| throttled(Some(100))));
    let client = builder(&transport).throttle(Throttle::off()).build().unwrap();
    assert_eq!(client.send(Order::new("s")).await.unwrap().attempts(), 301);
    // ... and nothing from the attempts for other failures.
    transport.then([throttled(Some(1)), not_sent(), throttled(Some(1)), not_sent(), throttled(Some(1)), ok()]);
    assert_eq!(client.send(Order::new("s")).await.unwrap().attempts(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_daily_limit_fails_at_once_and_pauses_no_other_call() {
    for (status, code) in [(400, "Throttling.Day"), (200, "isv.BUSINESS_LIMIT_CONTROL"), (429, "throttling.user.day")] {
        let daily = Step::Answer(
            status,
            vec![("x-acs-retry-after", "5".to_owned())],
            format!(r#"{{"Code":"{code}","Message":"no more"}}"#).into(),
        );
        let transport = Scripted::new([daily]);
        let client = client(&transport);
        let error = client.send(Order::new("s")).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Throttled, 1));
        assert!(error.to_string().contains("day, so the call was not retried"), "{error}");
        assert!(!error.outcome_unknown() && !error.is_retryable() && error.is_throttling());
        client.send(Order::new("another space")).await.unwrap();
        assert_eq!(transport.times(), [0, 0], "the quota does not pause");
    }
}

#[tokio::test(start_paused = true)]
async fn calls_that_were_not_sent_get_up_to_three_attempts() {
    let transport = Scripted::new([not_sent(), not_sent(), not_sent()]);
    let error = client(&transport).send(Order::new("s")).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::NotSent, 3));
    assert!(error.is_not_sent() && !error.outcome_unknown());
    assert_eq!(error.to_string(), "Order not sent: connection refused (3 attempts)");
    assert_eq!(transport.sent().len(), 3);

    let transport = Scripted::new([not_sent(), not_sent(), ok()]);
    assert_eq!(client(&transport).send(Order::new("s")).await.unwrap().attempts(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_number_of_attempts_can_be_set() {
    for (set, made) in [(0, 1), (1, 1), (5, 5)] {
        let transport = Scripted::new((0..9).map(|_| not_sent()));
        let error = builder(&transport)
            .retry(RetryPolicy::new().max_attempts(set))
            .build()
            .unwrap()
            .send(Order::new("s"))
            .await
            .unwrap_err();
        assert_eq!(error.attempts(), made);
    }
}

/// A call that may have created something must not be repeated.
#[tokio::test(start_paused = true)]
async fn calls_that_may_have_been_executed_are_not_retried() {
    for (step, kind, unknown) in [
        (Step::Fail(TransportError::unanswered("reset")), ErrorKind::Unanswered, true),
        (Step::Never, ErrorKind::Unanswered, true),
        (answer(503, r#"{"Code":"ServiceUnavailable"}"#), ErrorKind::Service, true),
        (answer(500, r#"{"Code":"InternalError"}"#), ErrorKind::Service, true),
        (answer(400, r#"{"Code":"SignatureNonceUsed"}"#), ErrorKind::Service, true),
        (answer(400, r#"{"Code":"InvalidParameter"}"#), ErrorKind::Service, false),
        (answer(200, r#"{"Code":"Ram.PermissionDeny"}"#), ErrorKind::Service, false),
        (answer(502, "<html>"), ErrorKind::UnusableResponse, true),
        (answer(200, r#"{"Code":"OK","Co"#), ErrorKind::UnusableResponse, true),
    ] {
        let transport = Scripted::new([step]);
        let error = client(&transport).send(Order::new("s")).await.unwrap_err();
        assert_eq!(transport.sent().len(), 1, "{error}");
        assert_eq!((error.kind(), error.outcome_unknown(), error.attempts()), (kind, unknown, 1), "{error}");
        assert_eq!(error.action(), Some("Order"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_ends_at_its_timeout() {
    let transport = Scripted::new([Step::Never]);
    let before = Instant::now();
    let error = client(&transport).send(Order::new("s")).await.unwrap_err();
    assert_eq!(before.elapsed(), Duration::from_secs(10));
    assert!(error.to_string().starts_with("Order sent, but not answered: no response within 10s; "), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_an_attempt_before_its_timeout() {
    let transport = Scripted::new([Step::Never]);
    let client = builder(&transport).deadline(Duration::from_secs(2)).build().unwrap();
    let before = Instant::now();
    let error = client.send(Order::new("s")).await.unwrap_err();
    assert_eq!(before.elapsed(), Duration::from_secs(2));
    assert!(error.outcome_unknown());
}

#[tokio::test(start_paused = true)]
async fn a_wait_beyond_the_deadline_is_not_started() {
    for throttle in [Throttle::new(), Throttle::off()] {
        let transport = Scripted::new([throttled(Some(60_000))]);
        let client = builder(&transport).throttle(throttle).deadline(Duration::from_secs(60)).build().unwrap();
        let before = Instant::now();
        let error = client.send(Order::new("s")).await.unwrap_err();
        assert_eq!(before.elapsed(), Duration::ZERO);
        assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Throttled, Some(Duration::from_secs(60))));
    }
}

/// A slow provider.
struct Slow(Duration);

impl ProvideCredentials for Slow {
    fn provide(&self) -> ProvideFuture<'_> {
        Box::pin(async {
            tokio::time::sleep(self.0).await;
            Ok(Credentials::new("id", "secret"))
        })
    }
}

#[tokio::test(start_paused = true)]
async fn the_deadline_bounds_the_wait_for_credentials() {
    let transport = Scripted::new([]);
    let client = builder(&transport).credentials(Slow(Duration::from_secs(3600))).build().unwrap();
    let before = Instant::now();
    let error = client.send(Order::new("s")).await.unwrap_err();
    assert_eq!(before.elapsed(), Duration::from_secs(60));
    assert_eq!(error.kind(), ErrorKind::Credentials);
    assert!(error.is_not_sent() && transport.sent().is_empty());
    assert!(error.to_string().contains("deadline"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_throttled_call_is_not_retried_without_time_for_a_response() {
    for (seconds, sent, attempts) in [(3.8, 1, 1), (3.2, 2, 2)] {
        let transport = Scripted::new([throttled(None), Step::Never]);
        let begin = Instant::now();
        // At once, and then with little time left until the deadline.
        let provider = move || async move {
            if begin.elapsed() > Duration::ZERO {
                tokio::time::sleep_until(begin + Duration::from_secs_f64(seconds)).await;
            }
            Ok(Credentials::new("id", "secret"))
        };
        let client = builder(&transport).credentials(provider).throttle(Throttle::off());
        let client = client.deadline(Duration::from_secs(4)).build().unwrap();
        let error = client.send(Order::new("s")).await.unwrap_err();
        let kind = if sent == 1 { ErrorKind::Throttled } else { ErrorKind::Unanswered };
        assert_eq!((error.kind(), error.attempts(), transport.sent().len()), (kind, attempts, sent), "{error}");
        assert_eq!(error.outcome_unknown(), sent == 2);
    }
}

/// A provider that fails with an underlying error.
struct Broken;

impl ProvideCredentials for Broken {
    fn provide(&self) -> ProvideFuture<'_> {
        let error = CredentialsError::new("the vault is away").with_source(std::io::Error::other("connection refused"));
        Box::pin(std::future::ready(Err(error)))
    }
}

#[tokio::test(start_paused = true)]
async fn the_source_of_a_provider_failure_is_available() {
    use std::error::Error as _;
    let transport = Scripted::new([]);
    let client = builder(&transport).credentials(Broken).build().unwrap();
    let error = client.send(Order::new("s")).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Credentials, "the vault is away"));
    let provided = error.source().unwrap().downcast_ref::<CredentialsError>().unwrap();
    assert!(provided.source().unwrap().is::<std::io::Error>());
}

#[tokio::test(start_paused = true)]
async fn a_deadline_without_end_is_accepted() {
    let transport = Scripted::new([]);
    let client = builder(&transport).deadline(Duration::MAX).attempt_timeout(Duration::MAX).build().unwrap();
    client.send(Order::new("s")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_response_has_nothing_of_a_failed_attempt() {
    let transport = Scripted::new([answer(400, r#"{"Code":"Throttling","Count":7}"#), answer(200, r#"{"Code":"OK"}"#)]);
    assert_eq!(client(&transport).send(Order::new("s")).await.unwrap().count, None);
    let transport = Scripted::new([answer(200, r#"{"Code":"Throttling","Count":7}"#), answer(200, r#"{"Code":"OK"}"#)]);
    assert_eq!(client(&transport).send(Order::new("s")).await.unwrap().count, None);
}

#[tokio::test(start_paused = true)]
async fn an_untyped_call_uses_the_same_pipeline() {
    let body = r#"{"Code":"OK","RequestId":"r","New":[1,{"deep":null}]}"#;
    let transport = Scripted::new([answer(200, body)]);
    let request = UntypedRequest::new("Invented").parameter("A", "1").parameter("B", "é");
    let response = client(&transport).send_untyped(request).await.unwrap();
    assert_eq!(response["New"], serde_json::json!([1, { "deep": null }]));
    assert_eq!(response.request_id(), Some("r"));
    assert_eq!(response.raw_body(), body);
    let sent = transport.sent().remove(0).request;
    assert_signed_v1(&sent);
    assert_eq!((&*form(&sent)["Action"], &*form(&sent)["A"], &*form(&sent)["B"]), ("Invented", "1", "é"));

    let transport = Scripted::new([answer(200, r#"{"Code":"Nope","Message":"m","RequestId":"r"}"#)]);
    let error = client(&transport).send_untyped(UntypedRequest::new("Invented")).await.unwrap_err();
    assert_eq!(error.to_string(), "Invented failed: Nope: m (HTTP 200, request r)");
}

#[tokio::test(start_paused = true)]
async fn an_untyped_call_of_a_known_action_uses_its_quota() {
    let transport = Scripted::new([]);
    let client = client(&transport);
    for _ in 0..11 {
        client.send_untyped(UntypedRequest::new("Order").parameter("Space", "s")).await.unwrap();
    }
    assert_eq!(transport.times()[10], 1001);

    let transport = Scripted::new([]);
    let client = crate::support::client(&transport);
    for _ in 0..100 {
        client.send_untyped(UntypedRequest::new("Invented")).await.unwrap();
    }
    assert_eq!(transport.times()[99], 0);
}

#[tokio::test(start_paused = true)]
async fn an_anonymous_action_is_sent_unsigned() {
    for version in [SignatureVersion::V1, SignatureVersion::V3] {
        let transport = Scripted::new([]);
        builder(&transport).signature(version).build().unwrap().send(Ping::new()).await.unwrap();
        let sent = transport.sent().remove(0).request;
        let names: Vec<_> = form(&sent).into_keys().collect();
        assert_eq!(names, ["Action", "Format", "SignatureNonce", "Timestamp", "Version"]);
        assert!(!sent.headers().contains_key("authorization"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_prepared_request_and_its_response_need_no_transport() {
    let transport = Scripted::new([]);
    let client = client(&transport);
    let request = client.prepare(&Order::new("s")).await.unwrap().into_http();
    assert_signed_v1(&request);
    let untyped = client.prepare_untyped(&UntypedRequest::new("Order").parameter("Space", "s")).await.unwrap();
    assert_signed_v1(&untyped.into_http());
    let respond = |status, body: &'static str| http::Response::builder().status(status).body(body.into()).unwrap();
    let read = client.read(&Order::new("s"), respond(200, r#"{"Code":"OK","Count":2,"RequestId":"r"}"#)).unwrap();
    assert_eq!((read.count, read.request_id(), read.attempts()), (Some(2), Some("r"), 1));
    let error = client.read(&Order::new("s"), respond(400, r#"{"Code":"C","Message":"m"}"#)).unwrap_err();
    assert_eq!(error.to_string(), "Order failed: C: m (HTTP 400)");
    assert!(transport.sent().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_invalid_parameter_is_named_and_nothing_is_sent() {
    let transport = Scripted::new([]);
    let order = Order { price: Some(f64::NAN), ..Order::new("s") };
    let error = client(&transport).send(order).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::InvalidRequest, 0));
    assert!(error.to_string().starts_with("Order not sent: parameter `Price`: "), "{error}");
    assert!(transport.sent().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_incomplete_response_keeps_status_and_request_id_and_hides_data() {
    let partial = http::Response::builder().status(200).header("x-acs-request-id", "r-1");
    // The other number is another person's, and not part of the request.
    let body = b"{\"Phone\":\"CANARY-phone\",\"Other\":\"CANARY-other\",\"Co";
    let partial = partial.body(Bytes::from_static(body)).unwrap();
    let cut = TransportError::unanswered("the connection broke").with_partial_response(partial);
    let client = client(&Scripted::new([Step::Fail(cut)]));
    let error = client.send(Order::builder().space("s").phone("CANARY-phone").build()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unanswered);
    assert_eq!((error.http_status(), error.request_id()), (Some(200), Some("r-1")));
    assert!(error.outcome_unknown());
    let message =
        "the connection broke; the response begins like JSON (50 bytes, not shown because they may contain data)";
    assert_eq!(error.message(), message);
    assert!(!everything_printable(&error).contains("CANARY"));
}
