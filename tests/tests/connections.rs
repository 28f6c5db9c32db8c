//! Connections are reused while they are good, never after a fault, use a proxy only where they should, and do not leak
//! when a call is dropped.

use std::any::type_name;
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::process::Command;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use alibabacloud_cams::transport::{BundledTransport, TransportBuilder};
use alibabacloud_cams::{
    ChatappSyncPhoneNumber, Client, ClientBuilder, Credentials, ErrorKind, PRODUCT, ProvideCredentials, ProvideFuture,
    RateLimit, RetryPolicy, Throttle,
};
use alibabacloud_simulator::{Answer, End, Fault, Simulator};
use bytes::Bytes;
use conformance::gateway_transport::GatewayTransport;
use conformance::harness::{self, SYNC, unlimited};
use conformance::over_each_transport;
use tokio::runtime::Handle;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};

fn sync() -> ChatappSyncPhoneNumber {
    ChatappSyncPhoneNumber::new("1")
}

fn client<T: BundledTransport>(simulator: &Simulator) -> ClientBuilder {
    let transport: T = TransportBuilder::new().without_proxies().build().unwrap();
    harness::client(simulator.url()).transport(transport)
}

/// A client with a single attempt.
fn once<T: BundledTransport>(simulator: &Simulator) -> Client {
    client::<T>(simulator).retry(RetryPolicy::never()).build().unwrap()
}

/// Waits until a condition holds, which must be soon.
async fn soon(what: &str, holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(timeout(Duration::from_secs(20), wait).await.is_ok(), "{what}");
}

/// The connection of the last request.
fn last_connection(simulator: &Simulator) -> u64 {
    simulator.received().last().map_or(0, |received| received.connection)
}

async fn calls_in_sequence_use_one_connection<T: BundledTransport>() {
    let simulator = unlimited().start().await.unwrap();
    let client = once::<T>(&simulator);
    for _ in 0..50 {
        client.send(sync()).await.unwrap();
    }
    // A refusal is a response like any other, and so is a redirect.
    for status in [400, 307, 503] {
        simulator.script(SYNC, [Answer::new(status, "{}")]);
        client.send(sync()).await.unwrap_err();
    }
    client.send(sync()).await.unwrap();
    assert_eq!(simulator.received().len(), 54);
    assert_eq!(simulator.connections().accepted, 1);
    simulator.stop().await;
}

/// The service closes a connection after about ten idle seconds, and a request must not meet that moment.
async fn a_connection_is_closed_after_its_idle_timeout<T: BundledTransport>() {
    let simulator = unlimited().start().await.unwrap();
    let transport: T =
        TransportBuilder::new().without_proxies().idle_timeout(Duration::from_millis(50)).build().unwrap();
    let client = harness::client(simulator.url()).transport(transport).build().unwrap();
    client.send(sync()).await.unwrap();
    soon("the idle connection is closed", || simulator.connections().open == 0).await;
    client.send(sync()).await.unwrap();
    assert_eq!(simulator.connections().accepted, 2);
    simulator.stop().await;
}

async fn a_connection_on_which_anything_went_wrong_is_not_used_again<T: BundledTransport>() {
    let good = |simulator: &Simulator| simulator.gateway().example(SYNC);
    let another_answer = Bytes::from_static(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
    for fault in [
        Fault::Surplus(another_answer.clone()),
        Fault::Surplus(Bytes::from_static(b"\r\n\r\ngarbage")),
        Fault::Length(20),
        Fault::Length(100_000),
        Fault::CutBody(End::Close),
        Fault::CutChunks(End::Reset),
        Fault::Instead(another_answer),
    ] {
        let simulator = unlimited().start().await.unwrap();
        let client = once::<T>(&simulator);
        simulator.script(SYNC, [good(&simulator).fault(fault.clone())]);
        let _ = client.send(sync()).await;
        assert_eq!(last_connection(&simulator), 1);
        soon("the broken connection is closed", || simulator.connections().open == 0).await;
        client.send(sync()).await.unwrap_or_else(|error| panic!("after {fault:?}: {error}"));
        assert_eq!(last_connection(&simulator), 2, "{fault:?}");
        simulator.stop().await;
    }
}

/// Surplus bytes on a connection after a response must not be used as the next response, even if the next call starts
/// at once.
async fn a_surplus_response_is_never_used_for_the_next_request<T: BundledTransport>() {
    let simulator = unlimited().start().await.unwrap();
    let stale = r#"{"Code":"OK","RequestId":"STALE"}"#;
    let surplus = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{stale}", stale.len());
    let example = simulator.gateway().example(SYNC);
    simulator.script_fn(SYNC, move |_| Some(example.clone().fault(Fault::Surplus(surplus.clone().into()))));
    let client = client::<T>(&simulator).build().unwrap();
    for _ in 0..200 {
        assert_ne!(client.send(sync()).await.unwrap().request_id(), Some("STALE"));
    }
    simulator.stop().await;
}

async fn a_connection_that_the_server_closed_while_it_was_idle_is_replaced<T: BundledTransport>() {
    let simulator = unlimited().start().await.unwrap();
    let client = once::<T>(&simulator);
    for end in [End::Close, End::Reset] {
        simulator.script(SYNC, [simulator.gateway().example(SYNC).fault(Fault::Unannounced(end))]);
        client.send(sync()).await.unwrap();
        soon("the connection is closed", || simulator.connections().open == 0).await;
        // The policy allows one attempt, so this is not a retry.
        client.send(sync()).await.unwrap();
    }
    assert_eq!(simulator.received().len(), 4);
    simulator.stop().await;
}

/// The connection closes while the next request is on it, so it is unknown whether that request was read.
async fn the_transport_does_not_repeat_a_request_on_a_closed_connection<T: BundledTransport>() {
    let simulator = unlimited().start().await.unwrap();
    let client = once::<T>(&simulator);
    let example = simulator.gateway().example(SYNC);
    for end in [End::Close, End::Reset] {
        client.send(sync()).await.unwrap();
        simulator.gateway().clear_received();
        simulator.script(SYNC, [example.clone().fault(Fault::NoAnswer(end))]);
        let error = client.send(sync()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unanswered, "{error}");
        assert_eq!(simulator.received().len(), 1, "{end:?}");
    }
    simulator.stop().await;
}

/// Thousands of requests on idle connections that close, in every order of events: nothing below the client repeats a
/// request.
async fn the_transport_repeats_no_request_when_idle_connections_close<T: BundledTransport>() {
    const CALLERS: u64 = 8;
    const CALLS: u64 = 400;
    let simulator = unlimited().start().await.unwrap();
    let example = simulator.gateway().example(SYNC);
    simulator.script_fn(SYNC, move |received| {
        let end = if received.number % 2 == 0 { End::Close } else { End::Reset };
        Some(example.clone().fault(Fault::Unannounced(end)))
    });
    let client = once::<T>(&simulator);
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let client = client.clone();
            tokio::spawn(async move {
                let mut outcomes = Vec::new();
                for call in 0..CALLS {
                    let space = format!("{caller}-{call}");
                    let outcome = client.send(ChatappSyncPhoneNumber::new(&*space)).await.map(drop);
                    outcomes.push((space, outcome));
                    // At once, after the end of the connection, or in between.
                    for _ in 0..call % 5 {
                        yield_now().await;
                    }
                }
                outcomes
            })
        })
        .collect();
    let mut outcomes = Vec::new();
    for caller in callers {
        outcomes.extend(caller.await.unwrap());
    }
    drop(client);
    soon("all connections are closed", || simulator.connections().open == 0).await;
    let mut read: HashMap<String, u32> = HashMap::new();
    for received in simulator.received() {
        *read.entry(received.parameter("CustSpaceId").unwrap().to_owned()).or_default() += 1;
    }
    let (mut not_sent, mut unknown) = (0, 0);
    for (space, outcome) in &outcomes {
        let times = read.get(space).copied().unwrap_or(0);
        assert!(times <= 1, "{space} was sent {times} times: {outcome:?}");
        match outcome {
            Ok(()) => assert_eq!(times, 1, "{space}"),
            Err(error) if error.is_not_sent() => {
                assert_eq!(times, 0, "{space}: {error}");
                not_sent += 1;
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unanswered, "{error}");
                unknown += 1;
            }
        }
    }
    println!("{} calls: {not_sent} not sent, {unknown} unknown", outcomes.len());
    simulator.stop().await;
}

/// Polls a future at most this many times; returns its output if it completed.
async fn poll_at_most<F: Future>(future: F, mut polls: u32) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| {
        if polls == 0 {
            return Poll::Ready(None);
        }
        polls -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            // The last poll is used up, so do not wait to be woken.
            Poll::Pending if polls == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

async fn a_call_dropped_at_any_point_leaves_no_connection_and_no_task<T: BundledTransport>() {
    let simulator = unlimited().start().await.unwrap();
    // A response in many pieces gives many points to drop the call, and some attempts fail first.
    let drip = Fault::Drip { bytes: 50, pause: Duration::from_millis(1) };
    let slow = simulator.gateway().example(SYNC).fault(drip);
    simulator.script_fn(SYNC, move |received| match received.number % 7 {
        0 => Some(Answer::new(502, "").fault(Fault::NoAnswer(End::Reset))),
        _ => Some(slow.clone()),
    });
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let tasks_before = tasks();
    let client = client::<T>(&simulator)
        .retry(RetryPolicy::new().backoff(Duration::from_millis(1), Duration::from_millis(2)))
        .build()
        .unwrap();

    let (mut dropped, mut completed) = (0, 0);
    for polls in 0.. {
        match poll_at_most(client.send(sync()), polls).await {
            None => dropped += 1,
            Some(answer) => {
                answer.unwrap();
                completed += 1;
            }
        }
        // Every point has been tried in several runs.
        if completed == 10 {
            break;
        }
    }
    assert!(dropped >= 8, "the call has {dropped} points at which it can be dropped");
    simulator.script_fn(SYNC, |_| None);

    let calls: Vec<_> = (0..16)
        .map(|_| {
            tokio::spawn({
                let client = client.clone();
                async move { client.send(sync()).await }
            })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    drop(client);
    soon("the server sees all connections closed", || simulator.connections().open == 0).await;
    soon("no task is left over", || tasks() <= tasks_before).await;
    simulator.stop().await;
}

/// Credentials that take a moment, so that a call can be dropped between its permit and its request.
struct SlowCredentials;

impl ProvideCredentials for SlowCredentials {
    fn provide(&self) -> ProvideFuture<'_> {
        Box::pin(async {
            yield_now().await;
            Ok(Credentials::new("testid", "testsecret"))
        })
    }
}

/// In virtual time, so that a leaked permit shows as a wait.
#[tokio::test(start_paused = true)]
async fn a_call_dropped_at_any_point_returns_its_permit() {
    const LIMIT: u32 = 3;
    let window = Duration::from_secs(1);
    let gateway =
        Arc::new(Simulator::builder(&[&PRODUCT]).limit(SYNC, RateLimit::new(LIMIT, window)).gateway().unwrap());
    let way = Duration::from_millis(5);
    let mut completed = 0;
    for polls in 0.. {
        let client = harness::client("http://127.0.0.1:1")
            .transport(GatewayTransport::new(gateway.clone(), way, way))
            .credentials(SlowCredentials)
            .throttle(Throttle::new().with_limit(SYNC, RateLimit::new(LIMIT, window)))
            .build()
            .unwrap();
        // More than the limit, so that some are dropped in the queue.
        let calls: Vec<_> = (0..2 * LIMIT)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move { poll_at_most(client.send(sync()), polls).await.is_some() })
            })
            .collect();
        let mut all = true;
        for call in calls {
            all &= call.await.unwrap();
        }
        // Until then a request without a response may still arrive on a stalled network, so it holds its slot for five
        // seconds and its window, unless a later response shows that the network works.
        sleep(10 * window).await;
        let start = Instant::now();
        let calls: Vec<_> = (0..LIMIT)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move { client.send(sync()).await.unwrap().attempts() })
            })
            .collect();
        for call in calls {
            assert_eq!(call.await.unwrap(), 1, "{polls} polls");
        }
        assert_eq!(start.elapsed(), 2 * way, "after {polls} polls a place was missing");
        sleep(3 * window).await;
        completed += u32::from(all);
        if completed == 3 {
            break;
        }
    }
    assert_eq!(gateway.counts().of(SYNC).throttled, 0);
}

/// The environment variables for proxies.
const PROXIES: [&str; 4] = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
/// Tells this test program that it is the child process, and the URL to call.
const CALL: &str = "CONFORMANCE_CALL";

/// Does nothing in an ordinary run. In the child process of the test below, it makes one call with the proxies of its
/// environment.
async fn a_child_process_calls_with_the_proxies_of_its_environment<T: BundledTransport>() {
    let Ok(url) = std::env::var(CALL) else { return };
    // A client uses no proxy for an endpoint on this machine, so it gets the transport for other machines.
    let transport: T = TransportBuilder::new().build().unwrap();
    let client = harness::client(&url).transport(transport).retry(RetryPolicy::never()).build().unwrap();
    client.send(sync()).await.unwrap();
}

async fn a_proxy_is_used_unless_no_proxy_names_the_host<T: BundledTransport>() {
    let simulator = unlimited().start().await.unwrap();
    let proxy = unlimited().start().await.unwrap();
    let call = async |no_proxy: &str| {
        let mut child = Command::new(std::env::current_exe().unwrap());
        let module = if type_name::<T>().contains("Hyper") { "over_hyper" } else { "over_reqwest" };
        let test = format!("{module}::a_child_process_calls_with_the_proxies_of_its_environment");
        child.args(["--exact", &test, "--nocapture"]);
        for name in PROXIES {
            child.env(name, proxy.url());
        }
        child.env(CALL, simulator.url()).env("NO_PROXY", no_proxy).env_remove("no_proxy");
        let asked_before = proxy.received().len();
        let ran = tokio::task::spawn_blocking(move || child.output()).await.unwrap().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        proxy.received().len() - asked_before
    };
    // The proxy is a simulator, too, so it responds instead of forwarding.
    for (no_proxy, asked) in
        [("127.0.0.1", 0), ("example.com, 127.0.0.1", 0), ("127.0.0.0/8", 0), ("", 1), ("example.com", 1)]
    {
        assert_eq!(call(no_proxy).await, asked, "NO_PROXY={no_proxy:?}");
    }
    assert_eq!(simulator.received().len(), 3);
    simulator.stop().await;
    proxy.stop().await;
}

over_each_transport! {
    #[tokio::test]
    calls_in_sequence_use_one_connection,
    #[tokio::test]
    a_connection_is_closed_after_its_idle_timeout,
    #[tokio::test]
    a_connection_on_which_anything_went_wrong_is_not_used_again,
    #[tokio::test]
    a_surplus_response_is_never_used_for_the_next_request,
    #[tokio::test]
    a_connection_that_the_server_closed_while_it_was_idle_is_replaced,
    #[tokio::test]
    the_transport_does_not_repeat_a_request_on_a_closed_connection,
    #[tokio::test]
    a_call_dropped_at_any_point_leaves_no_connection_and_no_task,
    #[tokio::test]
    a_child_process_calls_with_the_proxies_of_its_environment,
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    a_proxy_is_used_unless_no_proxy_names_the_host,
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    the_transport_repeats_no_request_when_idle_connections_close,
}
