//! Complete calls: our client over each transport, compared with plain `reqwest` and the pooled client of `hyper-util`.

use std::fmt;
use std::time::Duration;

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

/// The numbers of calls in flight and of calls per round. Rounds are short, so that other load affects all callers equally.
const LEVELS: [(usize, usize); 3] = [(1, 400), (32, 1_600), (1_000, 3_000)];
const ROUNDS: usize = 41;

/// The idle timeout of connections: the default of `reqwest` and `hyper-util`. A shorter one would close connections during the
/// rounds of the other callers, and connecting would be measured.
const IDLE: Duration = Duration::from_secs(90);

#[derive(Clone)]
#[allow(clippy::large_enum_variant, reason = "a measurement has few of them")]
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

/// Decodes the response as a program without the client would.
fn check(bytes: &[u8]) {
    let output: plain::Output = serde_json::from_slice(bytes).expect("decodes");
    assert_eq!((output.code.as_deref(), output.phone_numbers.len()), (Some("OK"), 1));
}

fn ours<T: BundledTransport>(url: &str, transport: T, signature: SignatureVersion) -> Caller {
    let client = Client::builder().endpoint(url).credentials(Credentials::new("testid", "testsecret"));
    let client = client.throttle(Throttle::off()).transport(transport).signature(signature);
    Caller::Ours(client.build().expect("a client"))
}

/// The CPU time of `calls` calls with `in_flight` in flight.
async fn round(caller: &Caller, in_flight: usize, calls: usize) -> Duration {
    // Closed connections are replaced before the measurement.
    calls_of(caller, in_flight, in_flight).await;
    let cpu = thread_cpu();
    calls_of(caller, in_flight, calls).await;
    thread_cpu().saturating_sub(cpu)
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

const BODY: &str = "AccessKeyId=testid&Action=ChatappSyncPhoneNumber&CustSpaceId=293483938849493&Format=JSON&SignatureMethod=\
    HMAC-SHA1&SignatureNonce=b2ad1fa42f2bc7e4b1c6d01bd5a0d7e9&SignatureVersion=1.0&Timestamp=2026-11-22T00%3A00%3A\
    00Z&Version=2020-06-06&Signature=20J3TJveEfUpYwTgzNqwDNKF4Q4%3D";

pub(crate) const CALLERS: [&str; 6] =
    ["plain reqwest", "bare hyper-util", "reqwest, V1", "reqwest, V3", "hyper, V1", "hyper, V3"];

fn caller(name: &str, address: &str) -> Caller {
    let url = format!("http://{address}");
    let reqwest = || ReqwestTransport::builder().without_proxies().idle_timeout(IDLE).build().expect("a transport");
    let lean = || HyperTransport::builder().without_proxies().idle_timeout(IDLE).build().expect("a transport");
    match name {
        "plain reqwest" => {
            let client = reqwest::Client::builder().no_proxy().build().expect("a client");
            Caller::Plain { client, url, body: BODY }
        }
        "bare hyper-util" => {
            let client = HyperClient::builder(TokioExecutor::new()).build_http();
            Caller::Hyper { client, url: url.parse().expect("a URL"), body: BODY }
        }
        "reqwest, V1" => ours(&url, reqwest(), SignatureVersion::V1),
        "reqwest, V3" => ours(&url, reqwest(), SignatureVersion::V3),
        "hyper, V1" => ours(&url, lean(), SignatureVersion::V1),
        _ => ours(&url, lean(), SignatureVersion::V3),
    }
}

/// Sequential calls of one caller.
pub(crate) fn repeat(name: &str, address: &str, calls: usize) {
    let caller = caller(name, address);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    LocalSet::new().block_on(&runtime, calls_of(&caller, 1, calls));
}

/// The cost of one caller with a number of calls in flight.
struct Cell {
    cpu: Sorted,
    /// Relative to the first caller in the same round.
    ratio: Sorted,
    connections: u64,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (low, high) = self.ratio.spread();
        write!(
            f,
            "{:.1} us, {:.2} ({low:.2} to {high:.2}), {}",
            self.cpu.median(),
            self.ratio.median(),
            self.connections
        )
    }
}

fn measure() -> Vec<Vec<Cell>> {
    let mut server = Server::start();
    let callers = CALLERS.map(|name| caller(name, &server.address));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let level = |(in_flight, calls)| {
        let mut costs = CALLERS.map(|_| Vec::new());
        let mut connections = CALLERS.map(|_| 0);
        for number in 0..=ROUNDS {
            for ((caller, costs), connections) in callers.iter().zip(&mut costs).zip(&mut connections) {
                let cpu = LocalSet::new().block_on(&runtime, round(caller, in_flight, calls));
                *connections += server.connections();
                // The first round warms up.
                if number > 0 {
                    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
                    costs.push(cpu.as_secs_f64() * 1e6 / calls as f64);
                }
            }
        }
        let ratio = |these: &[f64]| Sorted::of(these.iter().zip(&costs[0]).map(|(this, first)| this / first));
        let cells = costs.iter().zip(connections).map(|(these, connections)| Cell {
            cpu: Sorted::of(these.iter().copied()),
            ratio: ratio(these),
            connections,
        });
        cells.collect()
    };
    LEVELS.map(level).into()
}

pub(crate) fn run() {
    pin(0);
    let levels = measure();
    println!("Sending: CPU per call, times plain reqwest (first to third quartile), connections");
    let width = 40;
    print!("  {:<16}", "in flight");
    for (in_flight, _) in LEVELS {
        print!("{in_flight:<width$}");
    }
    println!();
    for (index, name) in CALLERS.iter().enumerate() {
        print!("  {name:<16}");
        for level in &levels {
            print!("{:<width$}", level[index].to_string());
        }
        println!();
    }
}
