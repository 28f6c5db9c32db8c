//! The client stays under the limit as the server counts it, and gets through with a wrong limit.

use std::sync::Arc;
use std::time::Duration;

use alibabacloud_cams::{ChatappSyncPhoneNumber, Client, PRODUCT, RateLimit, RetryPolicy, Throttle};
use alibabacloud_simulator::{Builder, Counts, Gateway, RetryAfter, Simulator, ThrottledAnswer};
use conformance::gateway_transport::GatewayTransport;
use conformance::harness::{SYNC, client};
use tokio::task::JoinSet;

const CALLS: u64 = 40;

/// A simulator with the documented limits, counted by an exact window.
fn strict() -> Builder {
    Simulator::builder(&[&PRODUCT])
}

/// A simulator that sends throttled clients the time to wait.
fn strict_that_tells_the_wait() -> Builder {
    strict().throttled(ThrottledAnswer { retry_after: RetryAfter::UntilFree, ..ThrottledAnswer::default() })
}

/// Makes all calls at once, distributed evenly over the clients; returns the total number of attempts. Each must
/// succeed.
async fn call_at_once(clients: &[Client]) -> u64 {
    let mut calls = JoinSet::new();
    for (client, _) in clients.iter().cycle().zip(0..CALLS) {
        let client = client.clone();
        calls.spawn(async move { client.send(ChatappSyncPhoneNumber::new("1")).await });
    }
    let mut attempts = 0;
    while let Some(call) = calls.join_next().await {
        attempts += u64::from(call.unwrap().unwrap().attempts());
    }
    attempts
}

#[track_caller]
fn assert_none_was_rejected(counts: &Counts, attempts: u64) {
    let counts = counts.of(SYNC);
    assert_eq!((counts.accepted, counts.throttled, counts.rejected), (CALLS, 0, 0));
    assert_eq!(attempts, CALLS);
}

#[track_caller]
fn assert_throttled_but_all_done(counts: &Counts, attempts: u64) {
    let counts = counts.of(SYNC);
    assert!(counts.throttled > 0, "{counts:?}");
    assert_eq!((counts.accepted, counts.rejected), (CALLS, 0));
    assert_eq!(attempts, counts.accepted + counts.throttled);
}

/// A client with a limit that is higher than the account's.
fn too_fast() -> Throttle {
    Throttle::new().with_limit(SYNC, RateLimit::per_second(1_000))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_rejects_none_of_many_concurrent_calls() {
    let simulator = strict().start().await.unwrap();
    let client = client(simulator.url()).throttle(Throttle::new()).build().unwrap();
    let attempts = call_at_once(&[client]).await;
    assert_none_was_rejected(&simulator.counts(), attempts);
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_share_a_throttle_stay_under_the_limit_together() {
    let simulator = strict().start().await.unwrap();
    let throttle = Throttle::new();
    let client = || client(simulator.url()).throttle(throttle.clone()).build().unwrap();
    let attempts = call_at_once(&[client(), client()]).await;
    assert_none_was_rejected(&simulator.counts(), attempts);
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_with_too_high_a_limit_is_throttled_and_still_gets_through() {
    let simulator = strict_that_tells_the_wait().start().await.unwrap();
    let client =
        client(simulator.url()).throttle(too_fast()).retry(RetryPolicy::new().max_attempts(20)).build().unwrap();
    let attempts = call_at_once(&[client]).await;
    assert_throttled_but_all_done(&simulator.counts(), attempts);
    simulator.stop().await;
}

/// Verifies the tests above: the simulator does reject clients that are too fast.
#[tokio::test(start_paused = true)]
async fn clients_that_do_not_share_a_throttle_go_over_the_limit_together() {
    let gateway = Arc::new(strict_that_tells_the_wait().gateway().unwrap());
    let client = || virtual_client(&gateway, 5, Throttle::new());
    let attempts = call_at_once(&[client(), client()]).await;
    assert_throttled_but_all_done(&gateway.counts(), attempts);
}

/// More clients than requests in a window. With 200 it passes, too, in 20 s.
const CLIENTS: usize = 40;

/// The variable by which this test program, started again, knows the address of the simulator.
const STARTED_AGAIN: &str = "CLIENT_FOR_EVERY_CALL";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_from_the_environment_for_every_call_does_not_raise_the_limit() {
    if std::env::var(STARTED_AGAIN).is_ok() {
        let clients: Vec<_> = (0..CLIENTS).map(|_| Client::from_env().unwrap()).collect();
        let mut calls = JoinSet::new();
        for client in clients {
            calls.spawn(async move { client.send(ChatappSyncPhoneNumber::new("1")).await.unwrap().attempts() });
        }
        assert_eq!(calls.join_all().await, [1; CLIENTS]);
        return;
    }
    let simulator = strict().start().await.unwrap();
    // The environment belongs to the whole process, so the calls are made in another one.
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "a_client_from_the_environment_for_every_call_does_not_raise_the_limit"]);
    child.env(STARTED_AGAIN, "1").env("ALIBABA_CLOUD_ENDPOINT", simulator.url());
    child.env("ALIBABA_CLOUD_ACCESS_KEY_ID", "testid").env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "testsecret");
    let output = tokio::task::spawn_blocking(move || child.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let counts = simulator.counts().of(SYNC);
    assert_eq!((counts.accepted, counts.throttled, counts.rejected), (CLIENTS as u64, 0, 0));
    simulator.stop().await;
}

/// A client of a simulator in the same process, for virtual time; the network delay is in milliseconds in each
/// direction.
fn virtual_client(gateway: &Arc<Gateway>, millis: u64, throttle: Throttle) -> Client {
    let way = Duration::from_millis(millis);
    client("http://127.0.0.1:1")
        .transport(GatewayTransport::new(gateway.clone(), way, way))
        .throttle(throttle)
        .retry(RetryPolicy::new().max_attempts(20))
        .build()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn no_call_is_rejected_however_slow_the_network() {
    for millis in [0, 1, 20, 200, 249, 1_000, 4_000] {
        let gateway = Arc::new(strict().gateway().unwrap());
        let attempts = call_at_once(&[virtual_client(&gateway, millis, Throttle::new())]).await;
        assert_none_was_rejected(&gateway.counts(), attempts);
    }
}

#[tokio::test(start_paused = true)]
async fn clients_on_networks_of_different_speed_share_a_throttle() {
    let gateway = Arc::new(strict().gateway().unwrap());
    let throttle = Throttle::new();
    let clients = [0, 7, 120, 240].map(|millis| virtual_client(&gateway, millis, throttle.clone()));
    let attempts = call_at_once(&clients).await;
    assert_none_was_rejected(&gateway.counts(), attempts);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_client_waits_as_long_as_requested() {
    let wait = Duration::from_secs(3_600);
    let told = ThrottledAnswer { retry_after: RetryAfter::Fixed(wait), ..ThrottledAnswer::default() };
    let gateway = Arc::new(strict().throttled(told).gateway().unwrap());
    let way = Duration::from_millis(5);
    let client = client("http://127.0.0.1:1")
        .transport(GatewayTransport::new(gateway.clone(), way, way))
        .throttle(too_fast())
        .deadline(10 * wait)
        .retry(RetryPolicy::new().max_attempts(20))
        .build()
        .unwrap();
    let start = tokio::time::Instant::now();
    let attempts = call_at_once(&[client]).await;
    assert_throttled_but_all_done(&gateway.counts(), attempts);
    // Virtual time is exact: ten calls succeed in each round, and rounds are an hour apart.
    assert_eq!(start.elapsed().as_secs() / wait.as_secs(), CALLS / 10 - 1);
}
