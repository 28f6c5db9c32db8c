//! Retries of an idempotent action and of one that is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use alibabacloud_runtime::{
    CallOptions, Credentials, CredentialsError, ErrorKind, ProvideCredentials, ProvideFuture, RetryPolicy,
    TransportError,
};
use tokio::time::Instant;

use crate::support::{Look, Order, Scripted, Step, answer, builder, client, form, not_sent, ok, throttled};

fn unanswered() -> Step {
    Step::Fail(TransportError::unanswered("reset"))
}

#[tokio::test(start_paused = true)]
async fn an_idempotent_call_is_retried_whenever_that_can_help() {
    let repeated: [fn() -> Step; 10] = [
        unanswered,
        not_sent,
        || Step::Never,
        || answer(408, ""),
        || answer(404, "<html>"),
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
        answer(403, "<html>"),
    ] {
        let transport = Scripted::new([step]);
        let error = client(&transport).send(Look::new()).await.unwrap_err();
        assert_eq!(transport.sent().len(), 1, "{error}");
    }
}

/// Each of these was once retried, or reported as not executed.
#[tokio::test(start_paused = true)]
async fn no_header_makes_a_call_repeatable_that_may_have_been_executed() {
    let waits = || vec![("x-acs-retry-after", "1".to_owned()), ("retry-after", "1".to_owned())];
    let date = || vec![("date", httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(1_456_228_800)))];
    for (status, headers, body) in [
        (500, date(), r#"{"Code":"InvalidTimeStamp.Expired"}"#),
        (503, date(), r#"{"Code":"IllegalTimestamp"}"#),
        (500, vec![], r#"{"Code":"InvalidSecurityToken.Expired"}"#),
        (500, waits(), r#"{"Code":"InternalError"}"#),
        (503, waits(), r#"{"Code":"Throttling"}"#),
        (502, waits(), "<html>"),
        (504, waits(), ""),
        (408, waits(), "stream timeout"),
        (303, vec![], ""),
        (404, vec![], "<html>"),
        (400, vec![], ""),
        (400, vec![], r#"{"Code":"InternalError.Db"}"#),
        (400, vec![], r#"{"Code":"internalerror"}"#),
        (408, vec![], r#"{"Code":"RequestTimeout"}"#),
        (307, vec![], r#"{"Code":"Forbidden.RAM"}"#),
        (200, vec![], r#"{"message":"Service temporarily unavailable"}"#),
        (200, vec![], r#"{"Code":"Ram.PermissionDeny","Code":"OK"}"#),
        (200, vec![], r#"{"RequestId":"r"}"#),
    ] {
        let shown = format!("{status} {headers:?} {body}");
        let transport = Scripted::new([Step::Answer(status, headers, body.into())]);
        let error = client(&transport).send(Order::new("s")).await.expect_err(&shown);
        assert_eq!((transport.sent().len(), error.attempts()), (1, 1), "{shown}");
        assert!(error.outcome_unknown() && !error.is_retryable(), "{shown}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_is_stated_with_the_way_to_check_it_and_the_nonce() {
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
async fn an_unsent_attempt_does_not_change_the_outcome_of_an_earlier_one() {
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
async fn a_call_can_have_its_own_settings() {
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
    // The budget of 500 is enough for 100 retries.
    assert_eq!(transport.sent().len(), 500);
}

#[tokio::test(start_paused = true)]
async fn successes_refill_the_retry_budget() {
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

/// A server with a correct clock, and a client whose clock is an hour behind or ahead.
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
async fn each_code_about_the_clock_corrects_it_and_the_call_is_retried_only_with_proof() {
    const NOON: u64 = 1_456_228_800;
    for code in ["InvalidTimeStamp.Expired", "IllegalTimestamp", "invalidtimestamp.expired"] {
        for (status, attempts) in [(400, 2), (403, 2), (500, 1)] {
            let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(NOON));
            let refused = Step::Answer(status, vec![("date", date)], format!(r#"{{"Code":"{code}"}}"#).into());
            let transport = Scripted::new([refused]);
            let client = builder(&transport).clock(|| UNIX_EPOCH + Duration::from_secs(NOON - 7200)).build().unwrap();
            let outcome = client.send(Order::new("s")).await;
            assert_eq!((outcome.is_ok(), transport.sent().len()), (attempts == 2, attempts), "{status} {code}");
            // Corrected in any case.
            client.send(Order::new("s")).await.unwrap();
            assert_eq!(form(&transport.sent()[0].request)["Timestamp"], "2016-02-23T12:00:00Z", "{status} {code}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_date_in_another_century_is_an_error_about_the_clock_and_corrects_nothing() {
    const NOON: u64 = 1_456_228_800;
    let transport = Scripted::new([expired(253_402_300_799)]);
    let client = builder(&transport).clock(|| UNIX_EPOCH + Duration::from_secs(NOON)).build().unwrap();
    let error = client.send(Look::new()).await.unwrap_err();
    assert_eq!((error.attempts(), error.code()), (1, Some("InvalidTimeStamp.Expired")));
    assert!(error.message().contains("hours from the service's") && error.message().ends_with("set it"), "{error}");
    client.send(Look::new()).await.unwrap();
    let stamps: Vec<_> = transport.sent().iter().map(|sent| form(&sent.request)["Timestamp"].clone()).collect();
    assert_eq!(stamps, ["2016-02-23T12:00:00Z"; 2]);
}

/// Provides a token with the number of its replacements.
#[derive(Clone, Default)]
struct Tokens(Arc<AtomicU64>, bool);

impl ProvideCredentials for Tokens {
    fn provide(&self) -> ProvideFuture<'_> {
        let token = format!("token-{}", self.0.load(Ordering::SeqCst));
        Box::pin(async move { Ok(Credentials::temporary("id", "secret", token, None)) })
    }

    fn replace<'a>(&'a self, rejected: &'a Credentials) -> ProvideFuture<'a> {
        if self.1 {
            return Box::pin(async { Err(CredentialsError::new("the vault is away")) });
        }
        let current = self.0.fetch_add(1, Ordering::SeqCst);
        assert_eq!(rejected.security_token(), Some(&*format!("token-{current}")));
        self.provide()
    }
}

fn token_expired(status: u16) -> Step {
    answer(status, r#"{"Code":"InvalidSecurityToken.Expired","Message":"The token has expired."}"#)
}

#[tokio::test(start_paused = true)]
async fn an_expired_token_is_replaced_once() {
    let tokens = |transport: &Scripted| -> Vec<String> {
        transport.sent().iter().map(|sent| form(&sent.request)["SecurityToken"].clone()).collect()
    };
    let transport = Scripted::new([token_expired(400), throttled(Some(5)), ok()]);
    let client = builder(&transport).credentials(Tokens::default()).build().unwrap();
    assert_eq!(client.send(Order::new("s")).await.unwrap().attempts(), 3);
    assert_eq!(tokens(&transport), ["token-0", "token-1", "token-1"]);

    transport.then([token_expired(403), token_expired(403)]);
    let error = client.send(Order::new("s")).await.unwrap_err();
    assert_eq!((error.attempts(), error.code()), (2, Some("InvalidSecurityToken.Expired")), "{error}");
    assert!(error.is_auth() && !error.outcome_unknown());
    assert_eq!(tokens(&transport), ["token-1", "token-2"]);

    // Without proof there is no retry.
    transport.then([token_expired(500)]);
    assert!(client.send(Order::new("s")).await.unwrap_err().outcome_unknown());
    assert_eq!(tokens(&transport), ["token-2"]);

    // Without a retry, the next call uses the new token.
    transport.then([token_expired(400)]);
    let client = builder(&transport).credentials(Tokens::default()).retry(RetryPolicy::never()).build().unwrap();
    assert_eq!(client.send(Order::new("s")).await.unwrap_err().attempts(), 1);
    client.send(Order::new("s")).await.unwrap();
    assert_eq!(tokens(&transport), ["token-0", "token-1"]);

    // Constant credentials cannot help, and a source that fails returns its error.
    let transport = Scripted::new([token_expired(400), token_expired(400)]);
    let error = builder(&transport).build().unwrap().send(Order::new("s")).await.unwrap_err();
    assert_eq!(error.attempts(), 1);
    let client = builder(&transport).credentials(Tokens(Arc::default(), true)).build().unwrap();
    let error = client.send(Order::new("s")).await.unwrap_err();
    assert_eq!((error.attempts(), error.code()), (1, Some("InvalidSecurityToken.Expired")));
    assert!(error.message().ends_with("the vault is away"), "{error}");
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
