//! What is sent again: the table of the service, for an action that can safely be repeated and for one that cannot.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use alibabacloud_runtime::{CallOptions, ErrorKind, RetryPolicy, TransportError};
use tokio::time::Instant;

use crate::support::{Look, Order, Scripted, Step, answer, builder, client, form, not_sent, ok, throttled};

fn unanswered() -> Step {
    Step::Fail(TransportError::unanswered("reset"))
}

#[tokio::test(start_paused = true)]
async fn an_idempotent_call_is_repeated_whenever_that_can_help() {
    let repeated: [fn() -> Step; 9] = [
        unanswered,
        not_sent,
        || Step::Never,
        || throttled(None),
        || answer(503, r#"{"Code":"ServiceUnavailable"}"#),
        || answer(500, r#"{"Code":"InternalError"}"#),
        || answer(400, r#"{"Code":"SignatureNonceUsed"}"#),
        || answer(502, "<html>"),
        || answer(200, r#"{"Code":"OK","Co"#),
    ];
    for (index, step) in repeated.iter().enumerate() {
        let transport = Scripted::new([step(), step()]);
        let response = client(&transport).send(Look::new()).await.unwrap_or_else(|error| panic!("{index}: {error}"));
        assert_eq!((response.attempts(), transport.sent().len()), (3, 3), "{index}");

        let transport = Scripted::new([step(), step(), step()]);
        let error = client(&transport).send(Look::new()).await.unwrap_err();
        assert_eq!((error.attempts(), transport.sent().len()), (3, 3), "{error}");
    }
    for step in [
        answer(400, r#"{"Code":"InvalidParameter"}"#),
        answer(403, r#"{"Code":"Forbidden.RAM"}"#),
        answer(400, r#"{"Code":"SignatureDoesNotMatch"}"#),
        answer(200, r#"{"Code":"Ram.PermissionDeny"}"#),
        answer(302, ""),
    ] {
        let transport = Scripted::new([step]);
        let error = client(&transport).send(Look::new()).await.unwrap_err();
        assert_eq!(transport.sent().len(), 1, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_says_so_and_how_to_find_out_and_names_the_nonce() {
    let transport = Scripted::new([unanswered()]);
    let error = client(&transport).send(Order::new("s")).await.unwrap_err();
    let nonce = form(&transport.sent()[0].request)["SignatureNonce"].clone();
    assert_eq!(error.nonce(), Some(&*nonce));
    assert_eq!(
        error.to_string(),
        format!(
            "Order sent, but not answered: reset; the call may or may not have taken effect: \
             Look whether it is there. (nonce {nonce})"
        )
    );
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_was_not_sent_does_not_make_an_earlier_one_unsent() {
    let transport = Scripted::new([unanswered(), not_sent(), not_sent()]);
    let error = client(&transport).send(Look::new()).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Unanswered, 3), "{error}");
    assert!(error.outcome_unknown() && !error.is_not_sent(), "{error}");

    let transport = Scripted::new([unanswered(), answer(400, r#"{"Code":"InvalidParameter"}"#)]);
    let error = client(&transport).send(Look::new()).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Service, Some("InvalidParameter")), "{error}");
    assert!(error.outcome_unknown(), "the first one may have been executed: {error}");
}

#[tokio::test(start_paused = true)]
async fn one_call_may_have_settings_of_its_own() {
    let transport = Scripted::new([unanswered(), Step::Never, Step::Never, unanswered(), unanswered(), unanswered()]);
    let client = builder(&transport).retry(RetryPolicy::never()).build().unwrap();
    let before = Instant::now();

    assert_eq!(client.send(Look::new()).await.unwrap_err().attempts(), 1);
    let short = CallOptions::new().attempt_timeout(Duration::from_secs(3));
    assert!(client.send_with(Look::new(), short).await.is_err());
    assert_eq!(before.elapsed(), Duration::from_secs(3));
    let shorter = CallOptions::new().deadline(Duration::from_secs(2));
    assert!(client.send_with(Look::new(), shorter).await.is_err());
    assert_eq!(before.elapsed(), Duration::from_secs(5));
    let patient = CallOptions::new().retry(RetryPolicy::new().max_attempts(4));
    assert_eq!(client.send_with(Look::new(), patient).await.unwrap().attempts(), 4);
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_not_multiplied() {
    let transport = Scripted::new((0..1_000).map(|_| not_sent()));
    let client = client(&transport);
    for _ in 0..400 {
        let _ = client.send(Look::new()).await;
    }
    // The budget of 500 holds 100 repetitions.
    assert_eq!(transport.sent().len(), 500);
}

#[tokio::test(start_paused = true)]
async fn success_pays_for_repetitions_again() {
    let transport = Scripted::new((0..500).map(|_| not_sent()));
    let client = client(&transport);
    for _ in 0..400 {
        let _ = client.send(Look::new()).await;
    }
    transport.sent();
    transport.then([not_sent()]);
    assert_eq!(client.send(Look::new()).await.unwrap_err().attempts(), 1, "the budget is empty");
    for _ in 0..5 {
        client.send(Look::new()).await.unwrap();
    }
    transport.then([not_sent()]);
    assert_eq!(client.send(Look::new()).await.unwrap().attempts(), 2);
}

/// A server whose clock is right, and a client whose clock is an hour behind (or ahead).
fn expired(server: u64) -> Step {
    let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(server));
    Step::Answer(400, vec![("date", date)], r#"{"Code":"InvalidTimeStamp.Expired","Message":"old"}"#.into())
}

#[tokio::test(start_paused = true)]
async fn a_wrong_clock_is_corrected_once_for_any_action_and_stays_corrected() {
    const NOON: u64 = 1_456_228_800;
    for ours in [NOON - 3600, NOON + 3600] {
        let transport = Scripted::new([expired(NOON), ok(), ok()]);
        let client = builder(&transport).clock(move || UNIX_EPOCH + Duration::from_secs(ours)).build().unwrap();
        let before = Instant::now();
        assert_eq!(client.send(Order::new("s")).await.unwrap().attempts(), 2);
        assert_eq!(before.elapsed(), Duration::ZERO, "there is nothing to wait for");
        assert_eq!(client.send(Order::new("s")).await.unwrap().attempts(), 1);
        let stamps: Vec<_> = transport.sent().iter().map(|sent| form(&sent.request)["Timestamp"].clone()).collect();
        assert_ne!(stamps[0], "2016-02-23T12:00:00Z");
        assert_eq!(stamps[1..], ["2016-02-23T12:00:00Z", "2016-02-23T12:00:00Z"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_cannot_be_corrected_is_an_error() {
    const NOON: u64 = 1_456_228_800;
    let clock = || UNIX_EPOCH + Duration::from_secs(NOON);
    let elsewhere = AtomicU64::new(NOON);
    let wandering = move || UNIX_EPOCH + Duration::from_secs(elsewhere.fetch_add(3600, Ordering::SeqCst));
    let no_date = answer(400, r#"{"Code":"InvalidTimeStamp.Expired"}"#);
    for (steps, attempts, client) in [
        (vec![no_date], 1, Box::new(clock) as Box<dyn Fn() -> _ + Send + Sync>),
        (vec![expired(NOON + 30)], 1, Box::new(clock)),
        (vec![expired(NOON + 7200), expired(NOON + 7200)], 2, Box::new(wandering)),
    ] {
        let transport = Scripted::new(steps);
        let error = builder(&transport).clock(client).build().unwrap().send(Look::new()).await.unwrap_err();
        assert_eq!((error.code(), error.attempts()), (Some("InvalidTimeStamp.Expired"), attempts), "{error}");
    }
}
