//! Many requests through one client: the quota is kept full, memory is bounded, and nothing is lost.

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

/// Counts how many requests are under way.
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

/// A client of the simulator whose requests and answers each take half of the round trip.
fn simulated(gateway: &Arc<Gateway>, round_trip: Duration, limit: RateLimit) -> (Client, Watched<GatewayTransport>) {
    let transport = Watched::new(GatewayTransport::new(gateway.clone(), round_trip / 2, round_trip / 2));
    (client(transport.clone(), Throttle::new().with_limit(SYNC, limit)), transport)
}

fn space(number: usize) -> ChatappSyncPhoneNumber {
    ChatappSyncPhoneNumber::new(format!("s{number}"))
}

/// A request that takes no client: it waits as many seconds as it says.
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
async fn the_quota_is_full_whatever_the_round_trip_and_nothing_is_rejected() {
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
        // The first window begins half of a round trip late.
        // At 200 ms an answer says only by then that its request had arrived, and it is too quick to be taken for a slow one.
        let used = match round_trip {
            200 => 82,
            // An allowance stands for what slow answers do not say, once they are known to be slow.
            900 => 88,
            _ => 91,
        };
        assert!(counts.accepted * 100 >= whole * used, "{} of {whole} with {round_trip} ms", counts.accepted);
        if round_trip < 100 {
            assert!(counts.accepted * 100 >= whole * 95, "{} of {whole} with {round_trip} ms", counts.accepted);
        }
        // Little's law, and in the beginning one whole window at once.
        let most = most.max(usize::try_from(limit.requests()).unwrap());
        assert!(transport.most() <= most, "{} at once with {round_trip} ms", transport.most());
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_is_taken_only_when_its_call_can_begin() {
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
        // Ten a second at the most, half of a round trip each, one window in the beginning, and two that wait.
        let ahead = taken.load(Ordering::Relaxed) - read;
        assert!(ahead <= 12, "{ahead} were taken and not read");
    }
    assert_eq!(gateway.counts().of(SYNC).throttled, 0);
}

#[tokio::test(start_paused = true)]
async fn while_nobody_reads_no_more_requests_are_taken_than_may_be_in_flight() {
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
async fn outcomes_come_as_they_are_ready_or_in_the_order_of_the_requests() {
    let naps = || [5, 1, 2, 0, 9, 8].map(Nap);
    let order = |outcomes: Vec<Outcome<Nap, ()>>| outcomes.into_iter().map(|it| it.request.0).collect::<Vec<_>>();
    let client = idle();
    // Two at once: there is no limit to say how many should wait.
    assert_eq!(order(all(client.bulk().send(naps())).await), [1, 2, 0, 5, 9, 8]);
    assert_eq!(order(all(client.bulk().ordered().send(naps())).await), [5, 1, 2, 0, 9, 8]);
    assert_eq!(order(all(client.bulk().max_in_flight(0).send(naps())).await), [5, 1, 2, 0, 9, 8]);
}

#[tokio::test(start_paused = true)]
async fn every_outcome_carries_its_request_typed_or_untyped_and_what_was_put_beside_it() {
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
    // Sent as they are: one request for each, with the parameter that the outcome shows.
    let spaces: Vec<_> = gateway.received().iter().map(|it| it.parameter("CustSpaceId").unwrap().to_owned()).collect();
    assert_eq!(spaces.len(), 200);
    assert!((0..100).all(|number| spaces.iter().filter(|it| **it == format!("s{number}")).count() == 2));
}

#[tokio::test(start_paused = true)]
async fn neither_a_short_deadline_nor_a_long_pause_fails_what_was_not_sent() {
    let limit = RateLimit::per_second(2);
    let gateway = gateway(limit);
    let (client, _) = simulated(&gateway, Duration::from_millis(20), limit);
    let pause = Answer::error(400, "Throttling.User", "later").retry_after(Duration::from_secs(1800)).not_executed();
    gateway.script(SYNC, [Answer::new(200, r#"{"Code":"OK"}"#), pause]);
    let began = Instant::now();
    // A deadline that is shorter than the wait for a place in the window, and much shorter than the pause.
    let options = CallOptions::new().deadline(Duration::from_millis(300));
    let outcomes = all(client.bulk().options(options).send((0..40).map(space))).await;
    let failed: Vec<&Error> = outcomes.iter().filter_map(|outcome| outcome.result.as_ref().err()).collect();
    assert_eq!(outcomes.len(), 40);
    // The one that was throttled had no time left; it was not executed, and says so.
    assert_eq!(failed.iter().map(|error| error.code()).collect::<Vec<_>>(), [Some("Throttling.User")], "{failed:?}");
    assert!(began.elapsed() > Duration::from_secs(1800));
}

#[tokio::test(start_paused = true)]
async fn others_who_share_the_quota_go_on_while_outcomes_are_not_read() {
    let limit = RateLimit::per_second(10);
    let gateway = gateway(limit);
    let (client, _) = simulated(&gateway, Duration::from_millis(20), limit);
    let mut outcomes = client.send_all((0..).map(space));
    outcomes.next().await.unwrap().result.unwrap();
    // From here on the bulk is not polled; its calls must not stand in the queue for ever.
    for number in 0..50 {
        let synced = timeout(Duration::from_secs(3), client.send(space(number))).await;
        synced.expect("the queue goes on").unwrap();
    }
    outcomes.next().await.unwrap().result.unwrap();
}

#[tokio::test(start_paused = true)]
async fn dropping_the_outcomes_cancels_their_calls_and_frees_their_places() {
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
async fn after_a_stop_those_that_began_still_come() {
    let client = idle();
    let mut outcomes = client.send_all((1..).map(Nap));
    assert_eq!(outcomes.next().await.unwrap().request, Nap(1));
    outcomes.stop();
    // The third one took the place of the first.
    assert_eq!(outcomes.next().await.unwrap().request, Nap(2));
    assert_eq!(outcomes.next().await.unwrap().request, Nap(3));
    assert!(outcomes.next().await.is_none());
    assert!(outcomes.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn requests_may_come_as_a_stream_that_makes_one_wait() {
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
async fn a_panic_in_a_request_of_ones_own_reaches_the_reader() {
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
