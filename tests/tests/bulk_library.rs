//! Many requests through one client: the quota is used fully, memory is bounded, and nothing is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use alibabacloud_cams::bulk::{BulkRequest, Outcome, Outcomes};
use alibabacloud_cams::testing::CannedTransport;
use alibabacloud_cams::transport::{Handover, TransportFuture};
use alibabacloud_cams::{
    CallOptions, Cams, ChatappSyncPhoneNumber, Client, Credentials, Error, PRODUCT, RateLimit, Throttle, Transport,
    UntypedRequest,
};
use alibabacloud_simulator::{Answer, Gateway, Simulator};
use bytes::Bytes;
use conformance::gateway_transport::GatewayTransport;
use conformance::harness::SYNC;
use tokio::time::{Instant, advance, sleep, timeout};

/// Counts the requests in flight.
#[derive(Debug, Clone)]
struct Watched<T> {
    inner: T,
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl<T> Watched<T> {
    fn new(inner: T) -> Self {
        Self { inner, now: Arc::default(), most: Arc::default() }
    }

    fn most(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }
}

struct UnderWay(Arc<AtomicUsize>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<T: Transport> Transport for Watched<T> {
    fn send(&self, request: http::Request<Bytes>, handover: &Handover) -> TransportFuture<'_> {
        let handover = handover.clone();
        Box::pin(async move {
            self.most.fetch_max(self.now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            let _under_way = UnderWay(self.now.clone());
            self.inner.send(request, &handover).await
        })
    }
}

fn gateway(limit: RateLimit) -> Arc<Gateway> {
    Arc::new(Simulator::builder(&[&PRODUCT]).limit(SYNC, limit).gateway().unwrap())
}

fn client(transport: impl Transport + 'static, throttle: Throttle) -> Client {
    let client = Client::builder().credentials(Credentials::new("testid", "testsecret"));
    client.transport(transport).throttle(throttle).build().unwrap()
}

/// A client of the simulator with a network delay of half the round trip in each direction.
fn simulated(gateway: &Arc<Gateway>, round_trip: Duration, limit: RateLimit) -> (Client, Watched<GatewayTransport>) {
    let transport = Watched::new(GatewayTransport::new(gateway.clone(), round_trip / 2, round_trip / 2));
    (client(transport.clone(), Throttle::new().with_limit(SYNC, limit)), transport)
}

fn space(number: usize) -> ChatappSyncPhoneNumber {
    ChatappSyncPhoneNumber::new(format!("s{number}"))
}

/// A request without a client, which waits for this many seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Nap(u64);

impl BulkRequest<Cams> for Nap {
    type Result = ();

    async fn send(&self, _: &Client, _: CallOptions) {
        sleep(Duration::from_secs(self.0)).await;
    }
}

fn idle() -> Client {
    client(CannedTransport::new(), Throttle::off())
}

async fn all<R: BulkRequest<Cams>>(mut outcomes: Outcomes<'_, Cams, R>) -> Vec<Outcome<R, R::Result>> {
    let mut all = Vec::new();
    while let Some(outcome) = outcomes.next().await {
        all.push(outcome);
    }
    all
}

#[tokio::test(start_paused = true)]
async fn the_quota_is_used_fully_at_any_round_trip_and_nothing_is_rejected() {
    for (limit, round_trip, most) in [(10, 20, 3), (10, 200, 5), (10, 900, 20), (200, 300, 130)] {
        let limit = RateLimit::per_second(limit);
        let gateway = gateway(limit);
        let (client, transport) = simulated(&gateway, Duration::from_millis(round_trip), limit);
        let began = Instant::now();
        let mut outcomes = client.bulk().max_in_flight(1000).send((0..).map(space));
        while let Ok(outcome) = timeout(Duration::from_secs(60).saturating_sub(began.elapsed()), outcomes.next()).await
        {
            outcome.unwrap().result.unwrap();
        }
        let counts = gateway.counts().of(SYNC);
        assert_eq!((counts.throttled, counts.rejected), (0, 0));
        let whole = u64::from(limit.requests()) * 60;
        // The first window starts half of a round trip late. At 200 ms, only the response shows that its request has
        // arrived, and it is too quick to count as slow.
        let used = match round_trip {
            200 => 82,
            // Once responses are known to be slow, an allowance replaces them.
            900 => 88,
            _ => 91,
        };
        assert!(counts.accepted * 100 >= whole * used, "{} of {whole} with {round_trip} ms", counts.accepted);
        if round_trip < 100 {
            assert!(counts.accepted * 100 >= whole * 95, "{} of {whole} with {round_trip} ms", counts.accepted);
        }
        // Little's law, and one whole window at the start.
        let most = most.max(usize::try_from(limit.requests()).unwrap());
        assert!(transport.most() <= most, "{} at once with {round_trip} ms", transport.most());
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_is_taken_only_when_its_call_can_start() {
    let limit = RateLimit::per_second(10);
    let gateway = gateway(limit);
    let (client, _) = simulated(&gateway, Duration::from_millis(100), limit);
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = taken.clone();
    let mut outcomes = client.send_all((0..).map(move |number| {
        counted.fetch_add(1, Ordering::Relaxed);
        space(number)
    }));
    let mut read = 0;
    while read < 300 {
        outcomes.next().await.unwrap().result.unwrap();
        read += 1;
        // At most ten per second, half of a round trip each, one window at the start, and two that wait.
        let ahead = taken.load(Ordering::Relaxed) - read;
        assert!(ahead <= 12, "{ahead} were taken and not read");
    }
    assert_eq!(gateway.counts().of(SYNC).throttled, 0);
}

#[tokio::test(start_paused = true)]
async fn unread_outcomes_bound_the_requests_taken() {
    let limit = RateLimit::per_second(100);
    let gateway = gateway(limit);
    let (client, _) = simulated(&gateway, Duration::from_millis(10), limit);
    for ordered in [false, true] {
        let taken = AtomicUsize::new(0);
        let requests = (0..).map(|number| {
            taken.fetch_add(1, Ordering::Relaxed);
            space(number)
        });
        let bulk = client.bulk().max_in_flight(7);
        let mut outcomes = if ordered { bulk.ordered().send(requests) } else { bulk.send(requests) };
        for read in 1..20 {
            outcomes.next().await.unwrap().result.unwrap();
            sleep(Duration::from_secs(10)).await;
            assert!(taken.load(Ordering::Relaxed) <= 7 + read);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn outcomes_arrive_as_completed_or_in_order() {
    let naps = || [5, 1, 2, 0, 9, 8].map(Nap);
    let order = |outcomes: Vec<Outcome<Nap, ()>>| outcomes.into_iter().map(|it| it.request.0).collect::<Vec<_>>();
    let client = idle();
    // Two at a time: without a limit, there is no target backlog.
    assert_eq!(order(all(client.bulk().send(naps())).await), [1, 2, 0, 5, 9, 8]);
    assert_eq!(order(all(client.bulk().ordered().send(naps())).await), [5, 1, 2, 0, 9, 8]);
    assert_eq!(order(all(client.bulk().max_in_flight(0).send(naps())).await), [5, 1, 2, 0, 9, 8]);
}

#[tokio::test(start_paused = true)]
async fn every_outcome_has_its_request_and_its_context() {
    let limit = RateLimit::per_second(50);
    let gateway = gateway(limit);
    let transport = GatewayTransport::new(gateway.clone(), Duration::ZERO, Duration::from_millis(3));
    let client = client(transport, Throttle::new().with_limit(SYNC, limit));
    let untyped = |number: usize| UntypedRequest::new(SYNC).parameter("CustSpaceId", format!("s{number}"));

    let typed = all(client.bulk().ordered().send((0..100).map(space))).await;
    assert_eq!(typed.len(), 100);
    for (number, Outcome { request, result }) in typed.iter().enumerate() {
        assert_eq!(request, &space(number));
        assert_eq!(result.as_ref().unwrap().phone_numbers.len(), 1);
    }
    let mut numbers: Vec<usize> = all(client.send_all((0..100).map(|number| (number, untyped(number)))))
        .await
        .into_iter()
        .map(|Outcome { request, result }| {
            assert_eq!(result.unwrap()["Code"], "OK");
            assert_eq!(request.1, untyped(request.0));
            request.0
        })
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..100).collect::<Vec<_>>());
    // Sent unchanged: one request for each, with the parameter that the outcome shows.
    let spaces: Vec<_> = gateway.received().iter().map(|it| it.parameter("CustSpaceId").unwrap().to_owned()).collect();
    assert_eq!(spaces.len(), 200);
    assert!((0..100).all(|number| spaces.iter().filter(|it| **it == format!("s{number}")).count() == 2));
}

#[tokio::test(start_paused = true)]
async fn neither_a_short_deadline_nor_a_long_pause_fails_unsent_requests() {
    let limit = RateLimit::per_second(2);
    let gateway = gateway(limit);
    let (client, _) = simulated(&gateway, Duration::from_millis(20), limit);
    let pause = Answer::error(400, "Throttling.User", "later").retry_after(Duration::from_secs(1800)).not_executed();
    gateway.script(SYNC, [Answer::new(200, r#"{"Code":"OK"}"#), pause]);
    let began = Instant::now();
    // A deadline shorter than the wait for a slot, and much shorter than the pause.
    let options = CallOptions::new().deadline(Duration::from_millis(300));
    let outcomes = all(client.bulk().options(options).send((0..40).map(space))).await;
    let failed: Vec<&Error> = outcomes.iter().filter_map(|outcome| outcome.result.as_ref().err()).collect();
    assert_eq!(outcomes.len(), 40);
    // The throttled call had no time left; it was not executed, and its error shows that.
    assert_eq!(failed.iter().map(|error| error.code()).collect::<Vec<_>>(), [Some("Throttling.User")], "{failed:?}");
    assert!(began.elapsed() > Duration::from_secs(1800));
}

#[tokio::test(start_paused = true)]
async fn unread_outcomes_do_not_block_other_users_of_the_quota() {
    let limit = RateLimit::per_second(10);
    let gateway = gateway(limit);
    let (client, _) = simulated(&gateway, Duration::from_millis(20), limit);
    let mut outcomes = client.send_all((0..).map(space));
    outcomes.next().await.unwrap().result.unwrap();
    // The bulk is not polled from here on; its calls must not stay in the queue.
    for number in 0..50 {
        let synced = timeout(Duration::from_secs(3), client.send(space(number))).await;
        synced.expect("the queue goes on").unwrap();
    }
    outcomes.next().await.unwrap().result.unwrap();
}

#[tokio::test(start_paused = true)]
async fn dropping_the_outcomes_cancels_their_calls_and_frees_their_slots() {
    let limit = RateLimit::per_second(10);
    let gateway = gateway(limit);
    let (client, transport) = simulated(&gateway, Duration::from_secs(5), limit);
    let mut outcomes = client.send_all((0..).map(space));
    timeout(Duration::from_secs(1), outcomes.next()).await.unwrap_err();
    assert!(transport.now.load(Ordering::Relaxed) > 0);
    drop(outcomes);
    advance(Duration::from_millis(1)).await;
    assert_eq!(transport.now.load(Ordering::Relaxed), 0);
    let sent = gateway.received().len();
    sleep(Duration::from_secs(30)).await;
    assert_eq!(gateway.received().len(), sent);
    client.send(space(0)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn started_calls_complete_after_a_stop() {
    let client = idle();
    let mut outcomes = client.send_all((1..).map(Nap));
    assert_eq!(outcomes.next().await.unwrap().request, Nap(1));
    outcomes.stop();
    // The third one took the slot of the first.
    assert_eq!(outcomes.next().await.unwrap().request, Nap(2));
    assert_eq!(outcomes.next().await.unwrap().request, Nap(3));
    assert!(outcomes.next().await.is_none());
    assert!(outcomes.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn requests_can_be_a_slow_stream() {
    let client = idle();
    let mut left = 3;
    let mut pause = Box::pin(sleep(Duration::from_secs(1)));
    let source = poll_stream(move |context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        std::task::ready!(pause.as_mut().poll(context));
        pause.set(sleep(Duration::from_secs(1)));
        left -= 1;
        Poll::Ready(Some(Nap(0)))
    });
    let began = Instant::now();
    let outcomes = all(client.bulk().send_stream(source)).await;
    assert_eq!(outcomes.len(), 3);
    assert_eq!(began.elapsed().as_secs(), 3);
}

struct PollStream<F>(F);

fn poll_stream<T, F: FnMut(&mut std::task::Context<'_>) -> Poll<Option<T>> + Unpin>(poll: F) -> PollStream<F> {
    PollStream(poll)
}

impl<T, F: FnMut(&mut std::task::Context<'_>) -> Poll<Option<T>> + Unpin> futures_core::Stream for PollStream<F> {
    type Item = T;

    fn poll_next(mut self: std::pin::Pin<&mut Self>, context: &mut std::task::Context<'_>) -> Poll<Option<T>> {
        (self.0)(context)
    }
}

#[tokio::test]
#[should_panic(expected = "of the caller's own")]
async fn a_panic_in_a_custom_request_reaches_the_reader() {
    #[derive(Debug)]
    struct Panics;
    impl BulkRequest<Cams> for Panics {
        type Result = ();

        async fn send(&self, _: &Client, _: CallOptions) {
            panic!("of the caller's own");
        }
    }
    idle().send_all([Panics]).next().await;
}
