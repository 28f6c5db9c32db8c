//! Whole calls: our client beside plain `reqwest`.

use std::time::{Duration, Instant};

use alibabacloud_cams::{ChatappSyncPhoneNumber, Client, Credentials, SignatureVersion, Throttle};
use tokio::task::LocalSet;

use crate::measure::{Sorted, pin, thread_cpu};
use crate::plain;
use crate::server::Server;

/// How many calls are in flight, and how many make a round.
const LEVELS: [(usize, usize); 3] = [(1, 1_500), (32, 8_000), (1_000, 12_000)];
const ROUNDS: usize = 15;

#[derive(Clone)]
enum Caller {
    Plain { client: reqwest::Client, url: String, body: String },
    Ours(Client),
}

impl Caller {
    async fn call(&self) {
        match self {
            Self::Plain { client, url, body } => {
                let request = client.post(url).header("content-type", "application/x-www-form-urlencoded");
                let answer = request.body(body.clone()).send().await.expect("an answer");
                let bytes = answer.bytes().await.expect("a whole answer");
                let output: plain::Output = serde_json::from_slice(&bytes).expect("decodes");
                assert_eq!((output.code.as_deref(), output.phone_numbers.len()), (Some("OK"), 1));
            }
            Self::Ours(client) => {
                let answer = client.send(ChatappSyncPhoneNumber::new("293483938849493")).await.expect("success");
                assert_eq!(answer.phone_numbers.len(), 1);
            }
        }
    }
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
    let ours = |signature| {
        let client = Client::builder().endpoint(&url).credentials(Credentials::new("testid", "testsecret"));
        Caller::Ours(client.throttle(Throttle::off()).signature(signature).build().expect("a client"))
    };
    let body = "AccessKeyId=testid&Action=ChatappSyncPhoneNumber&CustSpaceId=293483938849493&Format=JSON&SignatureMethod=\
                HMAC-SHA1&SignatureNonce=b2ad1fa42f2bc7e4b1c6d01bd5a0d7e9&SignatureVersion=1.0&Timestamp=2026-11-22T00%3A00%3A\
                00Z&Version=2020-06-06&Signature=20J3TJveEfUpYwTgzNqwDNKF4Q4%3D";
    let plain = reqwest::Client::builder().no_proxy().build().expect("a client");
    let callers = [
        ("plain reqwest", Caller::Plain { client: plain, url: url.clone(), body: body.to_owned() }),
        ("ours, V1", ours(SignatureVersion::V1)),
        ("ours, V3", ours(SignatureVersion::V3)),
    ];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for (in_flight, calls) in LEVELS {
        println!("Sending, {in_flight} in flight");
        let mut rounds: Vec<Vec<(f64, f64)>> = callers.iter().map(|_| Vec::new()).collect();
        let mut connections = [0; 3];
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
                "  {name:<14} {:>7.2} us CPU a call [{low:.2} to {high:.2}]  {:>7.0} calls/s   {:.3} times plain \
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
