//! The throttle and calls: waits, and the permits of dropped calls.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alibabacloud_runtime::event::{Event, QuotaEvent};
use alibabacloud_runtime::throttle::{
    AcquireFuture, AcquireOptions, Permit, PermitHolder, Quota, QuotaKey, QuotaSource, QuotaStore, Refused, Report,
    Slot,
};
use alibabacloud_runtime::transport::{Handover, Transport, TransportFuture};
use alibabacloud_runtime::{CallOptions, Client, Credentials, Error, ErrorKind, RateLimit, RetryPolicy, Throttle};
use bytes::Bytes;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::support::{Look, Order, Scripted, Shop, Step, builder, client, form, not_sent, ok, throttled};

/// Sends that many calls at the same time.
async fn send(client: &Client<Shop>, calls: usize) -> Vec<Result<(), Error>> {
    let mut tasks = JoinSet::new();
    for _ in 0..calls {
        let client = client.clone();
        tasks.spawn(async move { client.send(Order::new("s")).await.map(drop) });
    }
    tasks.join_all().await
}

fn all_ok(results: &[Result<(), Error>]) {
    assert!(results.iter().all(Result::is_ok), "{results:?}");
}

#[tokio::test(start_paused = true)]
async fn calls_over_the_limit_are_sent_one_window_after_the_responses() {
    let transport = Scripted::new([]).with_delay(Duration::from_millis(20));
    all_ok(&send(&client(&transport), 25).await);
    let expected = [vec![0; 10], vec![1021; 10], vec![2042; 5]].concat();
    assert_eq!(transport.times(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_throttle_that_is_off_delays_no_call() {
    let transport = Scripted::new([]);
    all_ok(&send(&builder(&transport).throttle(Throttle::off()).build().unwrap(), 100).await);
    assert_eq!(transport.times(), [0; 100]);
}

#[tokio::test(start_paused = true)]
async fn a_configured_limit_replaces_the_documented_one() {
    for (throttle, last) in [
        (Throttle::new().with_limit("Order", RateLimit::per_second(2)), 2002),
        (Throttle::new().with_limit("Order", RateLimit::new(5, Duration::from_secs(60))), 0),
        (Throttle::new().with_limit("Other", RateLimit::per_second(1)), 0),
        (Throttle::new().with_limit_for_all(RateLimit::per_second(1)), 4004),
        (Throttle::new().with_limit_for_all(RateLimit::per_second(1)).without_limit("Order"), 0),
    ] {
        let transport = Scripted::new([]);
        all_ok(&send(&builder(&transport).throttle(throttle.clone()).build().unwrap(), 5).await);
        assert_eq!(transport.times()[4], last, "{throttle:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn clients_with_the_same_throttle_share_the_quota_and_others_do_not() {
    let throttle = Throttle::new();
    let transport = Scripted::new([]);
    let sharing = || builder(&transport).throttle(throttle.clone()).build().unwrap();
    all_ok(&send(&sharing(), 10).await);
    all_ok(&send(&sharing(), 1).await);
    all_ok(&send(&client(&transport), 1).await);
    assert_eq!(transport.times()[9..], [0, 1001, 1001]);
}

#[tokio::test(start_paused = true)]
async fn regions_share_the_quota_unless_counted_separately() {
    for (per_region, last) in [(false, 1001), (true, 0)] {
        let throttle = Throttle::new();
        let throttle = if per_region { throttle.per_region() } else { throttle };
        let transport = Scripted::new([]);
        for region in ["here-1", "there-1"] {
            let client = builder(&transport).throttle(throttle.clone()).region(region).build().unwrap();
            all_ok(&send(&client, 10).await);
        }
        assert_eq!(transport.times()[10..], [last; 10], "{per_region}");
    }
}

#[tokio::test(start_paused = true)]
async fn accounts_have_separate_quotas_and_an_account_name_joins_keys() {
    let key = |id: &str| Credentials::new(id, "secret");
    let role = |id: &str| Credentials::temporary(id, "secret", "token", None).with_identity("acs:ram::17:role/r");
    for (name, [one, other], last) in [
        (None, [key("one"), key("other")], 0),
        (None, [key("one"), key("one")], 1001),
        (Some("main"), [key("one"), key("other")], 1001),
        // The access key ID changes with each refresh.
        (None, [role("STS.1"), role("STS.2")], 1001),
    ] {
        let (throttle, transport) = (Throttle::new(), Scripted::new([]));
        for credentials in [one, other] {
            let builder = builder(&transport).throttle(throttle.clone()).credentials(credentials);
            let builder = name.into_iter().fold(builder, |builder, name: &str| builder.account(name));
            all_ok(&send(&builder.build().unwrap(), 10).await);
        }
        assert_eq!(transport.times()[10..], [last; 10], "{name:?}");
        let shown = format!("{:?}", throttle.quotas());
        assert!(!shown.contains("STS.") && !shown.contains("other\""), "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_lowest_of_several_limits_for_one_quota_applies() {
    let throttle = Throttle::new();
    let transport = Scripted::new([]);
    for requests in [10, 9, 8, 10] {
        let throttle = throttle.clone().with_limit("Order", RateLimit::per_second(requests));
        all_ok(&send(&builder(&transport).throttle(throttle).build().unwrap(), 10).await);
    }
    for window in transport.times().windows(11) {
        assert!(window[10] - window[0] >= 1000, "{:?}", transport.times());
    }
    assert_eq!(throttle.quotas()[0].limit, Some(RateLimit::per_second(8)));
    assert_eq!(throttle.quotas().len(), 1);
    // Ten, and then at most eight in any window.
    assert!(*transport.times().last().unwrap() >= 3_000);
}

#[tokio::test(start_paused = true)]
async fn clients_without_a_throttle_share_the_quotas_of_the_process() {
    let transport = Scripted::new([]);
    let mut calls = JoinSet::new();
    for number in 0..200 {
        let client = Client::<Shop>::builder().credentials(Credentials::new("process", "secret"));
        let client = client.transport(transport.clone()).deadline(Duration::from_secs(120)).build().unwrap();
        calls.spawn(async move { client.send(Order::new(format!("{number}"))).await.map(drop) });
    }
    all_ok(&calls.join_all().await);
    for window in transport.times().windows(11) {
        assert!(window[10] - window[0] >= 1000, "{window:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unused_quota_is_dropped_after_a_while() {
    let throttle = Throttle::new();
    let transport = Scripted::new([]);
    let client = |id: &str| {
        builder(&transport).throttle(throttle.clone()).credentials(Credentials::new(id, "secret")).build().unwrap()
    };
    for number in 0..50 {
        all_ok(&send(&client(&number.to_string()), 1).await);
    }
    assert_eq!(throttle.quotas().len(), 50);
    for _ in 0..4 {
        sleep(Duration::from_secs(601)).await;
        let another = client("another");
        for _ in 0..30 {
            all_ok(&send(&another, 9).await);
        }
    }
    assert_eq!(throttle.quotas().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_call_pauses_all_users_of_the_quota() {
    let transport = Scripted::new([throttled(Some(3_000))]);
    let client = client(&transport);
    let (first, others) = tokio::join!(send(&client, 1), async {
        sleep(Duration::from_millis(1)).await;
        send(&client, 5).await
    });
    all_ok(&first);
    all_ok(&others);
    assert_eq!(transport.times(), [0, 3000, 3000, 3000, 3000, 3000, 3000]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_call_leaves_the_pause_in_effect() {
    let transport = Scripted::new([throttled(Some(3_000))]);
    let client = builder(&transport).retry(RetryPolicy::new().max_attempts(1)).build().unwrap();
    assert_eq!(client.send(Order::new("s")).await.unwrap_err().kind(), ErrorKind::Throttled);
    client.send(Order::new("s")).await.unwrap();
    assert_eq!(transport.times(), [0, 3000]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_cannot_meet_its_deadline_fails_at_once_with_the_wait() {
    let transport = Scripted::new([]);
    let client = builder(&transport).deadline(Duration::from_millis(900)).build().unwrap();
    all_ok(&send(&client, 10).await);
    let before = Instant::now();
    let error = client.send(Order::new("s")).await.unwrap_err();
    assert_eq!(before.elapsed(), Duration::ZERO);
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::QuotaWait, 0));
    assert_eq!(error.retry_after(), Some(Duration::from_millis(1001)));
    assert!(error.is_not_sent() && error.is_throttling() && !error.outcome_unknown());
    assert_eq!(
        error.to_string(),
        "Order not sent: the quota leaves no room for the call before its deadline; send fewer calls at once, or \
         raise the deadline (retry after 1s)"
    );
    assert_eq!(transport.times().len(), 10, "nothing was sent");
}

#[tokio::test(start_paused = true)]
async fn a_call_without_time_for_a_retry_has_the_error_of_the_last_attempt() {
    let transport = Scripted::new([throttled(None)]);
    let throttle = Throttle::new().with_limit("Order", RateLimit::new(1, Duration::from_secs(3600)));
    let client = builder(&transport).throttle(throttle).build().unwrap();
    let error = client.send(Order::new("s")).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Throttled, Some("System.LimitControl")));
    assert_eq!(transport.times(), [0]);
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_while_queued_takes_no_permit() {
    let transport = Scripted::new([]);
    let client = client(&transport);
    all_ok(&send(&client, 10).await);
    let waiting: Vec<_> = (0..50)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.send(Order::new("s")).await.map(drop) })
        })
        .collect();
    sleep(Duration::from_millis(100)).await;
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
    sleep(Duration::from_millis(1)).await;
    all_ok(&send(&client, 10).await);
    assert_eq!(transport.times(), [vec![0; 10], vec![1001; 10]].concat());
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_in_flight_counts_as_sent() {
    let transport = Scripted::new((0..10).map(|_| Step::Never).chain([ok()]));
    let client = client(&transport);
    let under_way: Vec<_> = (0..10)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.send(Order::new("s")).await.map(drop) })
        })
        .collect();
    sleep(Duration::from_millis(5)).await;
    under_way.iter().for_each(tokio::task::JoinHandle::abort);
    all_ok(&send(&client, 1).await);
    // There is no response, so the network may be stalled: they count for five seconds, one window, and the guard.
    assert_eq!(transport.times()[10], 6001);
}

#[tokio::test(start_paused = true)]
async fn a_call_admitted_too_late_for_a_response_is_not_sent() {
    for (deadline, sent) in [(1_300, 10), (2_000, 11)] {
        let transport = Scripted::new([]);
        let client = client(&transport);
        send(&client, 10).await;
        // It is admitted after a second and a millisecond.
        let options = CallOptions::new().deadline(Duration::from_millis(deadline));
        let outcome = client.send_with(Order::new("s"), options).await;
        assert_eq!(outcome.err().map(|error| error.kind()), (sent == 10).then_some(ErrorKind::QuotaWait));
        assert_eq!(transport.sent().len(), sent, "{deadline}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_absurd_delay_pauses_the_quota_for_an_hour_at_most() {
    let ten_days = 10 * 24 * 3_600_000;
    let transport = Scripted::new([throttled(Some(ten_days))]);
    let client = client(&transport);
    assert_eq!(client.send(Order::new("s")).await.unwrap_err().kind(), ErrorKind::Throttled);
    let patient = CallOptions::new().deadline(Duration::from_secs(2 * 3_600));
    client.send_with(Order::new("s"), patient).await.unwrap();
    assert_eq!(transport.times(), [0, 3_600_000]);
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_connection_uses_no_quota() {
    let transport = Scripted::new((0..30).map(|_| not_sent()));
    let client = builder(&transport).retry(RetryPolicy::never()).build().unwrap();
    assert!(send(&client, 30).await.iter().all(Result::is_err));
    assert_eq!(transport.times(), [0; 30]);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_call_is_retried_before_queued_calls() {
    let throttle = Throttle::new().with_limit("Order", RateLimit::per_second(1));
    let transport = Scripted::new([throttled(Some(1_500))]).with_delay(Duration::from_millis(10));
    let client = builder(&transport).throttle(throttle).build().unwrap();
    let first = tokio::spawn({
        let client = client.clone();
        async move { client.send(Order::new("first")).await.map(|response| response.attempts()) }
    });
    sleep(Duration::from_millis(1)).await;
    all_ok(&send(&client, 3).await);
    assert_eq!(first.await.unwrap().unwrap(), 2);
    let spaces: Vec<_> = transport.sent().iter().map(|sent| form(&sent.request)["Space"].clone()).collect();
    assert_eq!(spaces, ["first", "first", "s", "s", "s"]);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_is_a_separate_error_at_once() {
    let transport = Scripted::new([]);
    let client = builder(&transport).throttle(Throttle::new().with_max_waiting(5)).build().unwrap();
    let outcomes = send(&client, 20).await;
    let refused: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert_eq!(refused.len(), 5);
    for error in refused {
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::QuotaWait, 0));
        assert!(
            error.message().contains("too many calls wait") && error.message().contains("with_max_waiting"),
            "{error}"
        );
    }
    assert_eq!(transport.times(), [vec![0; 10], vec![1001; 5]].concat());
}

#[tokio::test(start_paused = true)]
async fn throttled_responses_slow_down_an_action_without_a_limit() {
    let transport = Scripted::new((0..100).map(|_| ok()).chain([throttled(Some(500))]));
    let throttle = Throttle::new();
    let client = builder(&transport).throttle(throttle.clone()).build().unwrap();
    let look = |calls: usize| {
        let client = client.clone();
        async move {
            let mut tasks = JoinSet::new();
            for _ in 0..calls {
                let client = client.clone();
                tasks.spawn(async move { client.send(Look::new()).await.map(drop) });
            }
            all_ok(&tasks.join_all().await);
        }
    };
    look(100).await;
    assert_eq!(throttle.quotas()[0].learned_rate, None);
    look(141).await;
    // The pause, and then a hundred in any second, including those before the pause.
    assert!(transport.times()[..101].iter().all(|at| *at == 0), "no limit before");
    assert_eq!(transport.times()[101], 1_001);
    let last = *transport.times().last().unwrap();
    assert!((2_000..=2_600).contains(&last), "{last}");
    let learned = throttle.quotas()[0].learned_rate.unwrap();
    assert!((100.0..=110.0).contains(&learned), "{learned}");
}

#[tokio::test(start_paused = true)]
async fn a_throttle_that_is_off_learns_nothing() {
    let transport = Scripted::new([throttled(Some(3_000))]);
    let client = builder(&transport).throttle(Throttle::off()).build().unwrap();
    let (first, others) = tokio::join!(send(&client, 1), send(&client, 5));
    all_ok(&first);
    all_ok(&others);
    assert_eq!(transport.times(), [0, 0, 0, 0, 0, 0, 3000]);
}

#[tokio::test(start_paused = true)]
async fn quota_events_are_counted_and_reported() {
    let transport = Scripted::new([throttled(Some(2_000))]);
    let throttle = Throttle::new().with_limit("Order", RateLimit::per_second(2));
    let told = Arc::new(Mutex::new(Vec::new()));
    let listener = told.clone();
    let client = builder(&transport)
        .throttle(throttle.clone())
        .deadline(Duration::from_secs(4))
        .on_event(move |event| {
            if let Event::Quota { key, event } = event {
                assert_eq!(key.to_string(), "shop Order");
                listener.lock().unwrap().push((*event).clone());
            }
        })
        .build()
        .unwrap();
    assert_eq!(throttle.quotas(), []);
    let call = tokio::spawn({
        let client = client.clone();
        async move { client.send(Order::new("s")).await.map(|response| response.quota_wait()) }
    });
    sleep(Duration::from_millis(1)).await;
    let during = throttle.quotas().remove(0);
    assert_eq!((during.waiting, during.granted, during.throttled), (1, 1, 1));
    assert_eq!(during.paused_for, Duration::from_millis(1_999));
    let waited = call.await.unwrap().unwrap();
    assert_eq!(waited, Duration::from_secs(2));

    let impatient = CallOptions::new().deadline(Duration::from_millis(10));
    send(&client, 1).await;
    let refused = client.send_with(Order::new("s"), impatient).await.unwrap_err();
    let after = throttle.quotas().remove(0);
    assert_eq!((after.waiting, after.granted, after.refused), (0, 3, 1));
    assert_eq!((after.waited, after.paused_for, after.fallback), (waited, Duration::ZERO, false));

    let source = QuotaSource::Local;
    assert_eq!(
        *told.lock().unwrap(),
        [
            QuotaEvent::Granted { waited: Duration::ZERO, source },
            QuotaEvent::Paused { delay: Some(waited) },
            QuotaEvent::Waiting { waiting: 1 },
            QuotaEvent::Granted { waited, source },
            QuotaEvent::Granted { waited: Duration::ZERO, source },
            QuotaEvent::Refused(Refused::TooLong { needed: refused.retry_after().unwrap() }),
        ]
    );
}

/// A store that becomes unreachable and recovers, and its permits meanwhile.
#[derive(Debug, Clone)]
struct Unsteady(Arc<Mutex<Option<QuotaSource>>>);

impl QuotaStore for Unsteady {
    fn open(&self, _: &QuotaKey, _: Option<RateLimit>) -> Arc<dyn Quota> {
        Arc::new(self.clone())
    }
}

impl Quota for Unsteady {
    fn acquire(self: Arc<Self>, _: AcquireOptions) -> AcquireFuture {
        let source = *self.0.lock().unwrap();
        let unavailable = || Refused::Unavailable { reason: "test".into() };
        Box::pin(async move { source.map(Permit::untracked).ok_or_else(unavailable) })
    }

    fn lower(&self, _: RateLimit) {}
}

impl PermitHolder for Unsteady {
    fn report(&self, _: Slot, _: Report) {}
}

#[tokio::test]
async fn an_unreachable_store_and_its_recovery_are_reported_once() {
    for away in [Some(QuotaSource::LocalShare), Some(QuotaSource::Open), None] {
        let store = Unsteady(Arc::new(Mutex::new(Some(QuotaSource::Shared))));
        let told = Arc::new(Mutex::new(Vec::new()));
        let listener = told.clone();
        let client = builder(&Scripted::new([]))
            .throttle(Throttle::new().with_store(store.clone()))
            .on_event(move |event| {
                if let Event::Quota {
                    event: event @ (QuotaEvent::FallbackEntered { .. } | QuotaEvent::FallbackLeft),
                    ..
                } = event
                {
                    listener.lock().unwrap().push((*event).clone());
                }
            })
            .build()
            .unwrap();
        for source in [Some(QuotaSource::Shared), away, away, Some(QuotaSource::Shared)] {
            *store.0.lock().unwrap() = source;
            let outcome = client.send(Look::new()).await;
            assert_eq!(outcome.is_ok(), source.is_some(), "{outcome:?}");
        }
        assert_eq!(*told.lock().unwrap(), [QuotaEvent::FallbackEntered { source: away }, QuotaEvent::FallbackLeft]);
    }
}

/// Hangs before or after it hands the first request to a connection.
struct HangsOnce {
    hands_over: bool,
    has_hung: AtomicBool,
    then: Scripted,
}

impl Transport for HangsOnce {
    fn send(&self, request: http::Request<Bytes>, handover: &Handover) -> TransportFuture<'_> {
        if self.has_hung.swap(true, Ordering::SeqCst) {
            return self.then.send(request, handover);
        }
        handover.will_report();
        if self.hands_over {
            assert!(handover.happened());
        }
        Box::pin(std::future::pending())
    }
}

/// Whether the attempt ends by its timeout or the call is dropped.
#[tokio::test(start_paused = true)]
async fn a_request_that_was_not_sent_returns_its_permit() {
    for (hands_over, is_dropped) in [(false, false), (false, true), (true, false), (true, true)] {
        let transport = HangsOnce { hands_over, has_hung: AtomicBool::new(false), then: Scripted::new([]) };
        let hour = Throttle::new().with_limit("Order", RateLimit::new(1, Duration::from_secs(3600)));
        let client = builder(&transport.then.clone()).transport(transport).throttle(hour).retry(RetryPolicy::never());
        let client = client.build().unwrap();
        if is_dropped {
            let call = client.send(Order::new("s"));
            assert!(tokio::time::timeout(Duration::from_secs(1), call).await.is_err());
        } else {
            let error = client.send(Order::new("s")).await.unwrap_err();
            assert_eq!(error.is_not_sent(), !hands_over, "{error}");
        }
        let next = client.send(Order::new("s")).await;
        assert_eq!(next.is_ok(), !hands_over, "{is_dropped}: {next:?}");
    }
}
