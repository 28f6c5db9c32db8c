//! Programs without async code can make the same calls.

use std::thread;

use alibabacloud_cams::testing::CannedTransport;
use alibabacloud_cams::{
    CallOptions, ChatappSyncPhoneNumber, Client, Credentials, ErrorKind, PRODUCT, ProvideCredentials, ProvideFuture,
    RateLimit, Throttle, UntypedRequest, blocking,
};
use alibabacloud_simulator::Simulator;

fn client(url: &str) -> blocking::Client {
    let credentials = Credentials::new("testid", "testsecret");
    let throttle = Throttle::new().with_limit_for_all(RateLimit::per_second(1_000));
    blocking::Client::new(Client::builder().endpoint(url).credentials(credentials).throttle(throttle).build().unwrap())
        .unwrap()
}

/// A simulator with its own runtime, so that it outlives the calls.
fn simulator() -> (tokio::runtime::Runtime, Simulator) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let limit = RateLimit::per_second(1_000);
    let simulator = runtime.block_on(Simulator::builder(&[&PRODUCT]).limit_all(limit).start()).unwrap();
    (runtime, simulator)
}

#[test]
fn many_threads_call_at_the_same_time_and_sequential_calls_share_a_connection() {
    let (_runtime, simulator) = simulator();
    let client = client(simulator.url());
    for _ in 0..5 {
        client.send(ChatappSyncPhoneNumber::new("one")).unwrap();
    }
    let connections: std::collections::HashSet<_> = simulator.received().iter().map(|r| r.connection).collect();
    assert_eq!(connections.len(), 1);

    let threads: Vec<_> = (0..8)
        .map(|_| {
            let client = client.clone();
            thread::spawn(move || {
                let untyped = UntypedRequest::new("ChatappSyncPhoneNumber").parameter("CustSpaceId", "two");
                let options = CallOptions::new().header("x-ticket", "1");
                assert_eq!(client.send_untyped_with(untyped, options).unwrap()["Code"], "OK");
                let answer = client.send_with(ChatappSyncPhoneNumber::new("three"), CallOptions::new()).unwrap();
                answer.phone_numbers.len()
            })
        })
        .collect();
    assert!(threads.into_iter().all(|thread| thread.join().unwrap() == 1));
    assert_eq!(simulator.counts().of("ChatappSyncPhoneNumber").accepted, 21);
    let with_ticket = simulator.received().iter().filter(|it| it.headers.contains_key("x-ticket")).count();
    assert_eq!(with_ticket, 8);
}

#[tokio::test]
async fn inside_async_code_a_call_works_and_nothing_panics() {
    let ok = r#"{"Code":"OK"}"#;
    let transport = CannedTransport::new().respond(200, ok).respond(200, ok);
    let client = Client::builder().credentials(Credentials::new("id", "secret")).transport(transport).build();
    let client = blocking::Client::new(client.unwrap()).unwrap();
    client.send(ChatappSyncPhoneNumber::new("s")).unwrap();
    let elsewhere = client.clone();
    let outcome = tokio::task::spawn_blocking(move || elsewhere.send(ChatappSyncPhoneNumber::new("s"))).await;
    assert!(outcome.unwrap().is_ok());
    // Dropped here, inside async code.
    drop(client);
}

/// Also inside async code, and with settings for a call.
#[tokio::test]
async fn a_request_is_prepared_and_its_response_read() {
    let client = Client::builder().credentials(Credentials::new("id", "secret")).transport(CannedTransport::new());
    let client = blocking::Client::new(client.build().unwrap()).unwrap();
    let options = CallOptions::new().header("x-ticket", "7").credentials(Credentials::new("other", "secret"));
    let request = ChatappSyncPhoneNumber::new("s");
    let untyped = UntypedRequest::new("ChatappSyncPhoneNumber").parameter("CustSpaceId", "s");
    for (prepared, id) in [
        (client.prepare(&request).unwrap(), "id"),
        (client.prepare_untyped(&untyped).unwrap(), "id"),
        (client.prepare_with(&request, options.clone()).unwrap(), "other"),
        (client.prepare_untyped_with(&untyped, options).unwrap(), "other"),
    ] {
        let prepared = prepared.into_http();
        assert_eq!(prepared.headers().contains_key("x-ticket"), id == "other");
        assert!(String::from_utf8_lossy(prepared.body()).contains(&format!("AccessKeyId={id}&")));
    }
    let answer = || http::Response::new(r#"{"Code":"OK","RequestId":"r"}"#.into());
    assert_eq!(client.as_async().read(&request, answer()).unwrap().request_id(), Some("r"));
    assert_eq!(client.as_async().read_untyped(&untyped, answer()).unwrap()["Code"], "OK");
}

/// A provider that panics.
struct Panics;

impl ProvideCredentials for Panics {
    fn provide(&self) -> ProvideFuture<'_> {
        Box::pin(async { panic!("intended panic") })
    }
}

#[test]
fn a_panic_in_a_provider_is_an_error() {
    let client = Client::builder().credentials(Panics).transport(CannedTransport::new()).build();
    let error = blocking::Client::new(client.unwrap()).unwrap().send(ChatappSyncPhoneNumber::new("s")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unanswered);
    assert!(error.to_string().contains("panic"), "{error}");
}

#[test]
fn many_calls_are_an_iterator_of_outcomes() {
    let transport = (0..50).fold(CannedTransport::new(), |transport, _| transport.respond(200, r#"{"Code":"OK"}"#));
    let client = Client::builder().credentials(Credentials::new("id", "secret")).throttle(Throttle::off());
    let client = blocking::Client::new(client.transport(transport.clone()).build().unwrap()).unwrap();
    let mut spaces: Vec<String> = client
        .send_all((0..50).map(|number| ChatappSyncPhoneNumber::new(format!("s{number}"))))
        .map(|outcome| {
            outcome.result.unwrap();
            outcome.request.cust_space_id
        })
        .collect();
    spaces.sort_unstable();
    spaces.dedup();
    assert_eq!((spaces.len(), transport.sent().len()), (50, 50));
}
