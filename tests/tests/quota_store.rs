//! A custom quota store: the contract of the trait is enough for a client.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alibabacloud_cams::event::{Event, QuotaEvent};
use alibabacloud_cams::throttle::{
    AcquireFuture, AcquireOptions, Permit, PermitHolder, Quota, QuotaKey, QuotaSource, QuotaStore, Refused, Report,
    Slot,
};
use alibabacloud_cams::{CallOptions, ChatappSyncPhoneNumber, Credentials, ErrorKind, PRODUCT, RateLimit, Throttle};
use alibabacloud_simulator::{Gateway, Simulator};
use conformance::gateway_transport::GatewayTransport;
use conformance::harness::{SYNC, client};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// Spaces the requests of each limit evenly: the next one is sent when the one before is a part of the window old.
#[derive(Debug, Clone, Default)]
struct Pacer {
    next: Arc<Mutex<Option<Instant>>>,
    told: Arc<Mutex<Vec<Report>>>,
}

impl QuotaStore for Pacer {
    fn open(&self, _: &QuotaKey, limit: Option<RateLimit>) -> Arc<dyn Quota> {
        Arc::new(Paced { pacer: self.clone(), limit: Mutex::new(limit.unwrap()) })
    }
}

#[derive(Debug)]
struct Paced {
    pacer: Pacer,
    limit: Mutex<RateLimit>,
}

impl Quota for Paced {
    fn acquire(self: Arc<Self>, ask: AcquireOptions) -> AcquireFuture {
        Box::pin(async move {
            let now = Instant::now();
            let at = {
                let mut next = self.pacer.next.lock().unwrap();
                let at = next.map_or(now, |next| next.max(now));
                if at - now > ask.max_wait {
                    return Err(Refused::TooLong { needed: at - now });
                }
                let limit = *self.limit.lock().unwrap();
                *next = Some(at + limit.window().mul_f64(1.1) / limit.requests());
                at
            };
            sleep_until(at).await;
            Ok(Permit::new(QuotaSource::Shared, self, Slot::default()))
        })
    }

    fn lower(&self, limit: RateLimit) {
        *self.limit.lock().unwrap() = limit;
    }
}

impl PermitHolder for Paced {
    fn report(&self, _: Slot, report: Report) {
        if let Report::Throttled { delay } = report {
            *self.pacer.next.lock().unwrap() = Some(Instant::now() + delay.unwrap_or(Duration::from_secs(1)));
        }
        self.pacer.told.lock().unwrap().push(report);
    }
}

fn network(gateway: &Arc<Gateway>) -> GatewayTransport {
    let way = Duration::from_millis(5);
    GatewayTransport::new(gateway.clone(), way, way)
}

#[tokio::test(start_paused = true)]
async fn a_custom_store_decides_when_calls_are_sent() {
    let gateway = Arc::new(Simulator::builder(&[&PRODUCT]).gateway().unwrap());
    let pacer = Pacer::default();
    let waiting = Arc::new(AtomicU32::new(0));
    let counter = waiting.clone();
    let throttle = Throttle::new().with_store(pacer.clone());
    let client = client("http://127.0.0.1:1")
        .transport(network(&gateway))
        .throttle(throttle.clone())
        .on_event(move |event| {
            if let Event::Quota { event: QuotaEvent::Waiting { .. }, .. } = event {
                counter.fetch_add(1, Ordering::Relaxed);
            }
        })
        .build()
        .unwrap();
    let began = Instant::now();
    let mut calls = JoinSet::new();
    for _ in 0..30 {
        let client = client.clone();
        calls.spawn(async move { client.send(ChatappSyncPhoneNumber::new("1")).await.unwrap() });
    }
    calls.join_all().await;
    assert_eq!(began.elapsed(), Duration::from_millis(29 * 110 + 10));
    let counts = gateway.counts().of(SYNC);
    assert_eq!((counts.accepted, counts.throttled), (30, 0));

    let told = pacer.told.lock().unwrap();
    let of = |wanted: Report| told.iter().filter(|report| **report == wanted).count();
    assert_eq!((told.len(), of(Report::Sent), of(Report::Answered)), (60, 30, 30));
    let quota = throttle.quotas().remove(0);
    assert_eq!((quota.granted, quota.waiting, quota.fallback), (30, 0, false));
    // The first one is sent at once.
    assert_eq!(waiting.load(Ordering::Relaxed), 29);
}

#[tokio::test(start_paused = true)]
async fn a_custom_store_is_notified_of_throttled_responses_and_dropped_calls() {
    let limit = RateLimit::new(1, Duration::from_secs(5));
    let gateway = Arc::new(Simulator::builder(&[&PRODUCT]).limit(SYNC, limit).gateway().unwrap());
    let pacer = Pacer::default();
    let client = client("http://127.0.0.1:1")
        .transport(network(&gateway))
        .throttle(Throttle::new().with_store(pacer.clone()))
        .build()
        .unwrap();
    let send = || client.send(ChatappSyncPhoneNumber::new("1"));
    send().await.unwrap();
    let response = send().await.unwrap();
    let throttled = pacer.told.lock().unwrap().iter().filter(|it| matches!(it, Report::Throttled { .. })).count();
    assert!(throttled > 0 && throttled == response.attempts() as usize - 1, "{throttled}, once for each attempt");
    // Dropped in flight.
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(tokio::time::timeout(Duration::from_millis(7), send()).await.is_err());
    assert_eq!(pacer.told.lock().unwrap().last(), Some(&Report::Unanswered));
}

#[tokio::test(start_paused = true)]
async fn a_permit_too_late_for_a_retry_is_returned_unused() {
    let limit = RateLimit::new(1, Duration::from_secs(60));
    let gateway = Arc::new(Simulator::builder(&[&PRODUCT]).limit(SYNC, limit).gateway().unwrap());
    let (pacer, began) = (Pacer::default(), Instant::now());
    // From the second attempt of the second call on, credentials arrive when 200 ms of its deadline are left.
    let provider = move || async move {
        if began.elapsed() > Duration::from_millis(500) {
            sleep_until(began + Duration::from_millis(4200)).await;
        }
        Ok(Credentials::new("testid", "testsecret"))
    };
    let client = client("http://127.0.0.1:1")
        .transport(network(&gateway))
        .credentials(provider)
        .throttle(Throttle::new().with_limit(SYNC, RateLimit::per_second(5)).with_store(pacer.clone()))
        .build()
        .unwrap();
    client.send(ChatappSyncPhoneNumber::new("1")).await.unwrap();
    pacer.told.lock().unwrap().clear();
    sleep_until(began + Duration::from_millis(400)).await;
    let options = CallOptions::new().deadline(Duration::from_secs(4));
    let error = client.send_with(ChatappSyncPhoneNumber::new("1"), options).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Throttled, 1), "{error}");
    let told = pacer.told.lock().unwrap();
    assert!(matches!(told[..], [Report::Sent, Report::Throttled { .. }, Report::Unused]), "{told:?}");
}
