//! Events and spans of calls, and what they must not contain.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use alibabacloud_runtime::event::{Event, Outcome};
use alibabacloud_runtime::{CallOptions, ErrorKind, RetryPolicy, UntypedRequest};
use tokio::time::timeout;

use crate::support::{Order, Scripted, Step, answer, builder, not_sent, ok, throttled};

/// The events as lines.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    fn listen(&self, event: &Event<'_>) {
        let line = match event {
            Event::AttemptEnded(it) => format!(
                "{} attempt {} after {:?} in {:?}: {:?} {:?} {:?}, again {:?}",
                it.action,
                it.attempt,
                it.quota_wait,
                it.elapsed,
                it.http_status,
                it.request_id,
                it.error.map(|error| error.kind()),
                it.backoff,
            ),
            Event::CallEnded(it) => {
                let outcome = match it.outcome {
                    Outcome::Succeeded { request_id } => format!("succeeded {request_id:?}"),
                    Outcome::Failed(error) => format!("failed {:?} {:?}", error.kind(), error.code()),
                    other => format!("{other:?}"),
                };
                format!(
                    "{} after {:?} and {} attempts in {:?}: {outcome}",
                    it.action, it.quota_wait, it.attempts, it.elapsed
                )
            }
            // `quotas.rs` tests these.
            Event::Quota { .. } => return,
            other => format!("{other:?}"),
        };
        self.0.lock().unwrap().push(line);
    }

    fn lines(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

fn watched(transport: &Scripted) -> (alibabacloud_runtime::Client<crate::support::Shop>, Told) {
    let told = Told::default();
    let listener = told.clone();
    (builder(transport).on_event(move |event| listener.listen(event)).build().unwrap(), told)
}

#[tokio::test(start_paused = true)]
async fn every_attempt_and_the_end_of_the_call_are_reported() {
    let transport = Scripted::new([throttled(Some(3_000)), not_sent()]).with_delay(Duration::from_millis(20));
    let (client, told) = watched(&transport);
    let options = CallOptions::new().retry(RetryPolicy::new().backoff(Duration::ZERO, Duration::ZERO));
    client.send_with(Order::new("s"), options).await.unwrap();
    assert_eq!(
        told.lines(),
        [
            "Order attempt 1 after 0ns in 20ms: Some(400) None Some(Throttled), again Some(3s)",
            "Order attempt 2 after 3s in 20ms: None None Some(NotSent), again Some(0ns)",
            "Order attempt 3 after 0ns in 20ms: Some(200) Some(\"r\") None, again None",
            "Order after 3s and 3 attempts in 3.06s: succeeded Some(\"r\")",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_not_sent_ends_without_an_attempt() {
    let (client, told) = watched(&Scripted::new([]));
    for _ in 0..10 {
        client.send(Order::new("s")).await.unwrap();
    }
    told.lines();
    let impatient = CallOptions::new().deadline(Duration::from_millis(500));
    let error = client.send_with(Order::new("s"), impatient).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QuotaWait);
    assert_eq!(told.lines(), ["Order after 0ns and 0 attempts in 0ns: failed QuotaWait None"]);
}

#[tokio::test(start_paused = true)]
async fn a_call_refused_after_a_wait_reports_the_wait() {
    let transport = Scripted::new([throttled(Some(10_000))]).with_delay(Duration::from_millis(500));
    let (client, told) = watched(&transport);
    let others: Vec<_> = (0..10)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.send(Order::new("s")).await.map(drop) })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    // It could be admitted at first; then another call is throttled, and the pause lasts too long.
    let options = CallOptions::new().deadline(Duration::from_secs(3));
    let error = client.send_with(Order::new("s"), options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QuotaWait);
    let line = told.lines().into_iter().find(|line| line.contains("failed QuotaWait")).unwrap();
    assert_eq!(line, "Order after 2.25s and 0 attempts in 2.25s: failed QuotaWait None");
    others.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_is_reported_as_abandoned() {
    let transport = Scripted::new([Step::Never]);
    let (client, told) = watched(&transport);
    timeout(Duration::from_secs(2), client.send(Order::new("s"))).await.unwrap_err();
    assert_eq!(told.lines(), ["Order after 0ns and 1 attempts in 2s: Abandoned"]);
}

/// The response to an order whose count is not a number.
fn misfit() -> Step {
    answer(200, r#"{"Code":"OK","RequestId":"r","Count":"CANARY"}"#)
}

#[tokio::test(start_paused = true)]
async fn members_that_do_not_fit_are_reported_by_path_and_the_raw_body_has_them() {
    let transport = Scripted::new([misfit(), ok()]);
    let paths = Arc::new(Mutex::new(Vec::new()));
    let listener = paths.clone();
    let client = builder(&transport).on_event(move |event| {
        if let Event::ResponseMismatch(it) = event {
            listener.lock().unwrap().push(format!("{} {:?} {}", it.action, it.request_id, it.mismatches));
        }
    });
    let client = client.build().unwrap();
    let response = client.send(Order::new("s")).await.unwrap();
    assert_eq!((response.count, response.request_id()), (None, Some("r")));
    assert_eq!(response.mismatches().first()[0].path(), "Count");
    assert!(response.raw_body().ends_with(br#""Count":"CANARY"}"#));
    assert!(!format!("{response:?}").contains("CANARY"));
    assert!(client.send(Order::new("s")).await.unwrap().mismatches().is_empty());
    let expected = "Order Some(\"r\") Count: expected a whole number of 32 bits, found text that does not convert";
    assert_eq!(*paths.lock().unwrap(), [expected]);
}

#[tokio::test(start_paused = true)]
async fn events_contain_no_parameter_and_no_credential() {
    let echo = r#"{"Code":"Odd","Message":"CANARY-phone CANARY-key-id CANARY-secret","RequestId":"CANARY-phone"}"#;
    let transport = Scripted::new([answer(400, echo), answer(502, echo), answer(200, "CANARY-phone"), ok()]);
    let seen = Arc::new(Mutex::new(String::new()));
    let listener = seen.clone();
    let client =
        builder(&transport).on_event(move |event| listener.lock().unwrap().push_str(&format!("{event:?}"))).build();
    let client = client.unwrap();
    for _ in 0..4 {
        let _ = client.send(Order::builder().space("s").phone("CANARY-phone").build()).await;
        let _ = client.send_untyped(UntypedRequest::new("Order").parameter("Phone", "CANARY-phone")).await;
    }
    let seen = seen.lock().unwrap();
    assert!(seen.len() > 1_000 && !seen.contains("CANARY"), "{seen}");
}

#[cfg(feature = "tracing")]
mod spans {
    use std::fmt::Write as _;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU64, Ordering};

    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::subscriber::Subscriber;
    use tracing::{Event, Metadata};

    use super::{Arc, Duration, Order, RetryPolicy, Scripted, answer, builder, not_sent, throttled};

    /// Records all spans and events as lines.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<String>>, Arc<AtomicU64>);

    struct Fields<'a>(&'a mut String);

    impl Visit for Fields<'_> {
        fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
            let _ = write!(self.0, " {field}={value:?}");
        }
    }

    impl Subscriber for Lines {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.target().starts_with("alibabacloud")
        }
        fn new_span(&self, span: &Attributes<'_>) -> Id {
            let id = self.1.fetch_add(1, Ordering::Relaxed) + 1;
            let mut lines = self.0.lock().unwrap();
            let _ = write!(lines, "{} {}#{id}:", span.metadata().level(), span.metadata().name());
            span.record(&mut Fields(&mut lines));
            lines.push('\n');
            Id::from_u64(id)
        }
        fn record(&self, span: &Id, values: &Record<'_>) {
            let mut lines = self.0.lock().unwrap();
            let _ = write!(lines, "#{}:", span.into_u64());
            values.record(&mut Fields(&mut lines));
            lines.push('\n');
        }
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, event: &Event<'_>) {
            let mut lines = self.0.lock().unwrap();
            let _ = write!(lines, "{}:", event.metadata().level());
            event.record(&mut Fields(&mut lines));
            lines.push('\n');
        }
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_is_a_span_with_one_for_each_attempt_inside() {
        let lines = Lines::default();
        let _guard = tracing::subscriber::set_default(lines.clone());
        let transport = Scripted::new([throttled(Some(3_000)), not_sent()]);
        let at_once = RetryPolicy::new().backoff(Duration::ZERO, Duration::ZERO);
        let client = builder(&transport).retry(at_once).build().unwrap();
        client.send(Order::new("s")).await.unwrap();
        let shown = lines.0.lock().unwrap().clone();
        let expected = r#"INFO call#1: otel.name=shop/Order otel.kind="client" rpc.system="aliyun-api" rpc.service="shop" rpc.method="Order"
#1: server.address="shop.here-1.example.com"
DEBUG attempt#2: attempt=1
#2: quota_wait_ms=0
#2: http.response.status_code=400
#2: code="System.LimitControl"
#2: error.type="throttled"
#2: otel.status_code="ERROR"
INFO: message=attempt failed, retrying attempt=1 error.type="throttled" code="System.LimitControl" http.response.status_code=400 backoff_ms=3000
DEBUG attempt#3: attempt=2
#3: quota_wait_ms=3000
#3: error.type="not_sent"
#3: otel.status_code="ERROR"
INFO: message=attempt failed, retrying attempt=2 error.type="not_sent" backoff_ms=0
DEBUG attempt#4: attempt=3
#4: quota_wait_ms=0
#4: http.response.status_code=200
#4: request_id="r"
#1: quota_wait_ms=3000
#1: attempts=3
#1: http.response.status_code=200
#1: request_id="r"
"#;
        // Fields without a value are not recorded.
        let shown: Vec<_> = shown.lines().filter(|line| !line.ends_with(':')).collect();
        assert_eq!(shown, expected.lines().collect::<Vec<_>>());
    }

    /// The output of the usual subscriber, without colors and times.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Written {
        fn lines(&self) -> Vec<String> {
            let bytes = std::mem::take(&mut *self.0.lock().unwrap());
            String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
        }
    }

    /// The default subscriber of `tracing_subscriber::fmt()`, with another output.
    fn subscribe() -> (Written, tracing::subscriber::DefaultGuard) {
        let written = Written::default();
        let writer = written.clone();
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).without_time().with_writer(move || writer.clone()).finish();
        (written, tracing::subscriber::set_default(subscriber))
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_call_is_one_event_with_code_request_id_and_outcome() {
        let (written, _guard) = subscribe();
        let denied = answer(403, r#"{"Code":"Forbidden.RAM","Message":"CANARY","RequestId":"r-1"}"#);
        let broken = answer(500, r#"{"Code":"InternalError","Message":"CANARY","RequestId":"r-2"}"#);
        let transport = Scripted::new([denied, broken, answer(502, "CANARY"), super::Step::Never, super::ok()]);
        let client = builder(&transport).retry(RetryPolicy::never()).build().unwrap();
        for parts in [
            &["WARN", "call failed", "outcome=\"not executed\"", "code=\"Forbidden.RAM\"", "request_id=\"r-1\""][..],
            &["ERROR", "outcome=\"unknown\"", "code=\"InternalError\"", "request_id=\"r-2\"", "status_code=500"],
            &["ERROR", "outcome=\"unknown\"", "error.type=\"unusable_response\"", "status_code=502"],
            &[
                "ERROR",
                "outcome=\"unknown\"",
                "error.type=\"unanswered\"",
                "nonce=\"",
                "reason=\"no response within 10s\"",
            ],
        ] {
            client.send(Order::new("s")).await.unwrap_err();
            let lines = written.lines();
            assert_eq!(lines.len(), 1, "{lines:?}");
            for part in parts.iter().chain(&["rpc.method=\"Order\"", "attempts=1"]) {
                assert!(lines[0].contains(part), "{part} is not in {}", lines[0]);
            }
            assert!(!lines[0].contains("CANARY"), "{}", lines[0]);
        }
        client.send(Order::new("s")).await.unwrap();
        assert!(written.lines().is_empty(), "a success is silent");

        let options = super::CallOptions::new().header("host", "x");
        client.send_with(Order::new("s"), options).await.unwrap_err();
        let lines = written.lines();
        assert_eq!(lines.len(), 1);
        assert!(lines[0].contains("outcome=\"not sent\"") && lines[0].contains("the header `host`"), "{}", lines[0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_retry_is_an_event_with_its_reason_and_the_number_of_the_attempt() {
        let (written, _guard) = subscribe();
        let transport = Scripted::new([not_sent(), throttled(Some(2_000))]);
        let at_once = RetryPolicy::new().backoff(Duration::ZERO, Duration::ZERO);
        builder(&transport).retry(at_once).build().unwrap().send(Order::new("s")).await.unwrap();
        let lines = written.lines();
        assert_eq!(lines.len(), 2, "{lines:?}");
        for (line, parts) in lines.iter().zip([
            ["attempt=1", "error.type=\"not_sent\"", "backoff_ms=0"],
            ["attempt=2", "code=\"System.LimitControl\"", "backoff_ms=2000"],
        ]) {
            for part in parts.iter().chain(&["INFO call{", "rpc.method=\"Order\"", "attempt failed, retrying"]) {
                assert!(line.contains(part), "{part} is not in {line}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_member_that_does_not_fit_is_a_warning_with_its_path() {
        let lines = Lines::default();
        let _guard = tracing::subscriber::set_default(lines.clone());
        let client = builder(&Scripted::new([super::misfit()])).build().unwrap();
        client.send(Order::new("s")).await.unwrap();
        let shown = lines.0.lock().unwrap().clone();
        let warning = shown.lines().find(|line| line.starts_with("WARN")).unwrap();
        assert_eq!(
            warning,
            "WARN: message=members of the response do not fit their type rpc.service=\"shop\" rpc.method=\"Order\" request_id=\"r\" mismatches=Count: \
             expected a whole number of 32 bits, found text that does not convert"
        );
        assert!(!shown.contains("CANARY"), "{shown}");
    }

    #[tokio::test(start_paused = true)]
    async fn spans_contain_no_parameter_and_no_credential() {
        let lines = Lines::default();
        let _guard = tracing::subscriber::set_default(lines.clone());
        let echo = r#"{"Code":"CANARY-phone","Message":"CANARY-secret","RequestId":"CANARY-key-id"}"#;
        let transport = Scripted::new([answer(400, echo), answer(502, echo), answer(200, echo)]);
        let client = builder(&transport).build().unwrap();
        for _ in 0..4 {
            let request = Order::builder().space("CANARY-public").phone("CANARY-phone").build();
            let _ = tokio::time::timeout(Duration::from_secs(100), client.send(request)).await;
        }
        let shown = lines.0.lock().unwrap().clone();
        assert!(shown.lines().count() > 20 && !shown.contains("CANARY"), "{shown}");
    }
}
