//! Whole calls: our client over each transport, beside plain `reqwest` and the bare pooled client of `hyper-util`.

use std::time::{Duration, Instant};

use alibabacloud_cams::transport::{BundledTransport, HyperTransport, ReqwestTransport};
use alibabacloud_cams::{ChatappSyncPhoneNumber, Client, Credentials, SignatureVersion, Throttle};
use bytes::Bytes;
use http::Request;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::task::LocalSet;

use crate::measure::{Sorted, pin, thread_cpu};
use crate::plain;
use crate::server::Server;

/// How many calls are in flight, and how many make a round.
const LEVELS: [(usize, usize); 3] = [(1, 1_500), (32, 8_000), (1_000, 12_000)];
const ROUNDS: usize = 15;

#[derive(Clone)]
#[allow(clippy::large_enum_variant, reason = "a handful of them in a measurement")]
enum Caller {
    Plain { client: reqwest::Client, url: String, body: &'static str },
    Hyper { client: HyperClient<HttpConnector, Full<Bytes>>, url: http::Uri, body: &'static str },
    Ours(Client),
}

impl Caller {
    async fn call(&self) {
        match self {
            Self::Plain { client, url, body } => {
                let request = client.post(url).header("content-type", "application/x-www-form-urlencoded");
                let answer = request.body(*body).send().await.expect("an answer");
                let bytes = answer.bytes().await.expect("a whole answer");
                check(&bytes);
            }
            Self::Hyper { client, url, body } => {
                let request = Request::post(url.clone()).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
                let request = request.body(Full::from(*body)).expect("a request");
                let answer = client.request(request).await.expect("an answer");
                check(&answer.into_body().collect().await.expect("a whole answer").to_bytes());
            }
            Self::Ours(client) => {
                let answer = client.send(ChatappSyncPhoneNumber::new("293483938849493")).await.expect("success");
                assert_eq!(answer.phone_numbers.len(), 1);
            }
        }
    }
}

/// Decodes the answer as one would without a client.
fn check(bytes: &[u8]) {
    let output: plain::Output = serde_json::from_slice(bytes).expect("decodes");
    assert_eq!((output.code.as_deref(), output.phone_numbers.len()), (Some("OK"), 1));
}

fn ours<T: BundledTransport>(url: &str, transport: T, signature: SignatureVersion) -> Caller {
    let client = Client::builder().endpoint(url).credentials(Credentials::new("testid", "testsecret"));
    let client = client.throttle(Throttle::off()).transport(transport).signature(signature);
    Caller::Ours(client.build().expect("a client"))
}

/// So many calls with so many in flight; CPU and wall time.
async fn round(caller: &Caller, in_flight: usize, calls: usize) -> (Duration, Duration) {
    // Connections that were dropped in the meantime are made anew before the measurement.
    calls_of(caller, in_flight, in_flight).await;
    let (wall, cpu) = (Instant::now(), thread_cpu());
    calls_of(caller, in_flight, calls).await;
    (thread_cpu().saturating_sub(cpu), wall.elapsed())
}

async fn calls_of(caller: &Caller, in_flight: usize, calls: usize) {
    let callers: Vec<_> = (0..in_flight)
        .map(|_| {
            let caller = caller.clone();
            tokio::task::spawn_local(async move {
                for _ in 0..calls / in_flight {
                    caller.call().await;
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.expect("no caller panics");
    }
}

fn measure() {
    let mut server = Server::start();
    let url = format!("http://{}", server.address);
    let body = "AccessKeyId=testid&Action=ChatappSyncPhoneNumber&CustSpaceId=293483938849493&Format=JSON&SignatureMethod=\
                HMAC-SHA1&SignatureNonce=b2ad1fa42f2bc7e4b1c6d01bd5a0d7e9&SignatureVersion=1.0&Timestamp=2026-11-22T00%3A00%3A\
                00Z&Version=2020-06-06&Signature=20J3TJveEfUpYwTgzNqwDNKF4Q4%3D";
    let plain = reqwest::Client::builder().no_proxy().build().expect("a client");
    let reqwest = || ReqwestTransport::without_proxies().expect("a transport");
    let lean = || HyperTransport::without_proxies().expect("a transport");
    let bare = HyperClient::builder(TokioExecutor::new()).build_http();
    let uri = url.parse().expect("a URL");
    let callers = [
        ("plain reqwest", Caller::Plain { client: plain, url: url.clone(), body }),
        ("bare hyper-util", Caller::Hyper { client: bare, url: uri, body }),
        ("reqwest, V1", ours(&url, reqwest(), SignatureVersion::V1)),
        ("reqwest, V3", ours(&url, reqwest(), SignatureVersion::V3)),
        ("hyper, V1", ours(&url, lean(), SignatureVersion::V1)),
        ("hyper, V3", ours(&url, lean(), SignatureVersion::V3)),
    ];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for (in_flight, calls) in LEVELS {
        println!("Sending, {in_flight} in flight");
        let mut rounds: Vec<Vec<(f64, f64)>> = callers.iter().map(|_| Vec::new()).collect();
        let mut connections = [0; 6];
        for number in 0..=ROUNDS {
            for (((_, caller), rounds), connections) in callers.iter().zip(&mut rounds).zip(&mut connections) {
                let (cpu, wall) = LocalSet::new().block_on(&runtime, round(caller, in_flight, calls));
                *connections += server.connections();
                if number > 0 {
                    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
                    let calls = calls as f64;
                    rounds.push((cpu.as_secs_f64() * 1e6 / calls, calls / wall.as_secs_f64()));
                }
            }
        }
        for (index, (name, _)) in callers.iter().enumerate() {
            let cpu = Sorted::of(rounds[index].iter().map(|(cpu, _)| *cpu));
            let rate = Sorted::of(rounds[index].iter().map(|(_, rate)| *rate));
            let ratio = Sorted::of(rounds[index].iter().zip(&rounds[0]).map(|((this, _), (first, _))| this / first));
            let ((low, high), (ratio_low, ratio_high)) = (cpu.spread(), ratio.spread());
            println!(
                "  {name:<15} {:>7.2} us CPU a call [{low:.2} to {high:.2}]  {:>7.0} calls/s   {:.3} times plain \
                 [{ratio_low:.3} to {ratio_high:.3}]  {} connections",
                cpu.median(),
                rate.median(),
                ratio.median(),
                connections[index]
            );
        }
    }
}

pub(crate) fn run() {
    pin(0);
    measure();
}
