//! Thousands of calls over a network with random faults: every error is right about what was executed.
//!
//! By default there are 2,000 calls of each action. Two environment variables change this:
//!
//! - `CHAOS_CALLS`: the number of calls of each action, e.g. `CHAOS_CALLS=20000 cargo nextest run -p conformance --test
//!   chaos`.
//! - `CHAOS_SEED`: the seed of all faults; a run prints the one that it used.
//!
//! The seed determines which request and which connection, in the server's count, gets which fault. The order of the
//! callers depends on the machine, so runs with the same seed are similar, but not identical.

use std::collections::HashMap;
use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use alibabacloud_cams::transport::{HyperTransport, ReqwestTransport};
use alibabacloud_cams::{
    ChatappSyncPhoneNumber, Client, CreateChatappMigrationInitiate, Error, ErrorKind, RetryPolicy, SignatureVersion,
};
use alibabacloud_simulator::{Answer, ConnectionFault, End, Fault, Gateway, Received, Simulator};
use bytes::Bytes;
use conformance::harness::{MIGRATE, SYNC, client, unlimited};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

const CALLERS: u64 = 64;
/// Several clients, because in an outage one client uses up its retry budget, and then tests less.
const CLIENTS: u64 = 8;
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1500);
const DEADLINE: Duration = Duration::from_secs(5);
/// How long after its deadline a call may end on a busy machine.
const GRACE: Duration = Duration::from_secs(20);

fn number(variable: &str, default: u64) -> u64 {
    match env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable} must be a number, not {text:?}")),
        Err(_) => default,
    }
}

/// Uniformly distributed numbers from a seed and a position: `SplitMix64` (Steele, Lea, Flood 2014).
struct Dice(u64);

impl Dice {
    fn new(seed: u64, position: u64) -> Self {
        let mut dice = Self(seed ^ position.wrapping_mul(0xD1B5_4A32_D192_ED03));
        dice.below(1);
        dice
    }

    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % sides
    }

    fn end(&mut self) -> End {
        if self.below(2) == 0 { End::Close } else { End::Reset }
    }
}

/// The time that far ahead, as HTTP writes it.
fn httpdate_ahead(ahead: Duration) -> String {
    httpdate::fmt_http_date(SystemTime::now() + ahead)
}

/// The response to the request of that number; `None` for the good one. About every fourth request gets a fault.
fn answer(good: &Answer, mut dice: Dice) -> Option<Answer> {
    let error = |status, code| Answer::error(status, code, "by chance");
    let end = dice.end();
    // Hanging is rare, because each costs a whole attempt timeout.
    if dice.below(1000) == 0 {
        return Some(good.clone().fault(Fault::NoAnswer(End::Hang)));
    }
    let ahead = httpdate_ahead(Duration::from_secs(600));
    let text = |status, body: &'static str| Answer::new(status, body);
    let pipelined = |status: &str, body: &str| {
        Bytes::from(format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
    };
    Some(match dice.below(184) {
        0 => good.clone().fault(Fault::NoAnswer(end)),
        1 => good.clone().fault(Fault::NoAnswer(end)).not_executed(),
        2 => good.clone().fault(Fault::CutHead(end)),
        3 => good.clone().fault(Fault::CutBody(end)),
        4 => good.clone().fault(Fault::CutChunks(end)),
        5 => good.clone().fault(Fault::Length(100_000)),
        6 => good.clone().fault(Fault::Length(10)),
        7 => good.clone().fault(Fault::Instead(vec![0xfe; 2000].into())),
        8 => good.clone().fault(Fault::Surplus(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"[..].into())),
        9 => good.clone().fault(Fault::Unannounced(end)),
        10 => good.clone().fault(Fault::Informational(vec![100, 103])),
        11 => good.clone().fault(Fault::Drip { bytes: 300, pause: Duration::from_millis(1) }),
        12 => good.clone().header("connection", "close"),
        13 => error(400, "System.LimitControl").retry_after(Duration::from_millis(1)).not_executed(),
        14 => error(429, "Throttling.User").not_executed(),
        15 => error(503, "ServiceUnavailable"),
        16 => error(500, "InternalError").not_executed(),
        17 => error(400, "Ram.PermissionDeny").not_executed(),
        18 => Answer::new(502, "<html>bad gateway</html>"),
        19 => Answer::new(302, "").header("location", "http://127.0.0.1:1/").not_executed(),
        20 => Answer::new(200, ""),
        21 => text(200, r#"{"message":"Service temporarily unavailable"}"#),
        22 => text(200, r#"{"Code":"Ram.PermissionDeny","Code":"OK"}"#),
        23 => text(200, r#"{"RequestId":"r","Success":true}"#),
        24 => text(404, "<html>not found</html>"),
        25 => text(408, "stream timeout"),
        26 => text(303, ""),
        27 => text(403, "<html>blocked</html>").not_executed(),
        28 => text(429, "<html>slow down</html>").header("retry-after", "1").not_executed(),
        29 => error(503, "Throttling").retry_after(Duration::from_millis(1)),
        30 => error(500, "InternalError").retry_after(Duration::from_millis(1)),
        31 => text(502, "<html>").retry_after(Duration::from_millis(1)),
        32 => error(400, "InternalError.Db"),
        33 => error(408, "RequestTimeout"),
        34 => error(500, "InvalidTimeStamp.Expired").header("date", &ahead),
        35 => error(400, "IllegalTimestamp").header("date", &ahead).not_executed(),
        36 => error(500, "InvalidSecurityToken.Expired"),
        37 => error(400, "Throttling.Day").not_executed(),
        38 => error(400, "SignatureNonceUsed"),
        39 => good.clone().fault(Fault::Surplus(pipelined("200 OK", r#"{"Code":"OK"}"#))),
        40 => good.clone().fault(Fault::Surplus(pipelined("408 Request Timeout", "stream timeout"))),
        41 => good.clone().fault(Fault::Drip { bytes: 20, pause: Duration::from_millis(1) }),
        42 => text(200, r#"{"Response":{"Code":"OK","Data":{"Status":"MIGRATING"}}}"#),
        43 => text(200, r#"{"Code":{"Value":"OK"},"RequestId":"r"}"#),
        44 => text(200, r#"{"Code":"OK","Success":" False ","RequestId":"r"}"#),
        45 => text(400, r#"{"Code":"OK","RequestId":"r"}"#),
        46 => good.clone().header("content-encoding", "gzip"),
        47 => text(101, ""),
        48 => text(206, r#"{"Code":"OK","PhoneNumbers":[{"Phone"#),
        _ => return None,
    })
}

/// The fault of the connection of that number.
fn connection(mut dice: Dice) -> Option<ConnectionFault> {
    let end = dice.end();
    match dice.below(45) {
        4 => Some(ConnectionFault::HalfRead(17, end)),
        5 => Some(ConnectionFault::Speaks(b"HTTP/1.1 503 Busy\r\ncontent-length: 2\r\n\r\nno"[..].into())),
        0 => Some(ConnectionFault::AtOnce(end)),
        1 => Some(ConnectionFault::Unread(end)),
        2 => Some(ConnectionFault::HalfRead(100, end)),
        3 => Some(ConnectionFault::Speaks(b"220 mail ready\r\n"[..].into())),
        _ => None,
    }
}

/// The result of a call, identified by its space.
struct Told {
    space: String,
    migration: bool,
    took: Duration,
    result: Result<(), Error>,
}

/// Makes calls until there are none left; even numbers synchronize, odd ones migrate.
async fn caller(client: Client, next: Arc<AtomicU64>, calls: u64) -> Vec<Told> {
    let mut told = Vec::new();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= calls {
            return told;
        }
        let space = format!("space-{number}");
        let migration = number % 2 == 1;
        let start = Instant::now();
        let result = if migration {
            let request = CreateChatappMigrationInitiate::builder().cust_space_id(&*space);
            client.send(request.mobile_number("13900001234").country_code("86").build()).await.map(drop)
        } else {
            client.send(ChatappSyncPhoneNumber::new(&*space)).await.map(drop)
        };
        told.push(Told { space, migration, took: start.elapsed(), result });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_faults_cause_no_wrong_outcome_and_no_leak() {
    let (seed, calls) = (number("CHAOS_SEED", 20_200_606), 2 * number("CHAOS_CALLS", 2_000));
    println!("CHAOS_SEED={seed}, {calls} calls");
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let tasks_before = tasks();

    let simulator = chaotic(seed).await;
    let clients: Vec<Client> = (0..CLIENTS).map(|number| client_of(&simulator, number)).collect();
    let next = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    let mut callers = JoinSet::new();
    let (stop, stopped) = oneshot::channel();
    let log = tokio::spawn(collect(simulator.gateway().clone(), stopped));
    for client in clients.iter().cycle().zip(0..CALLERS).map(|(client, _)| client.clone()) {
        callers.spawn(caller(client, next.clone(), calls));
    }
    // A panic in a caller fails the test here.
    let told: Vec<Told> = callers.join_all().await.into_iter().flatten().collect();
    let took = start.elapsed();

    assert_eq!(told.len() as u64, calls, "every call ends");
    // Requests of callers that have failed may still be in flight.
    drop(clients);
    let closed = async {
        while simulator.connections().open > 0 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(GRACE, closed).await.expect("all connections are closed once the clients are dropped");

    stop.send(()).unwrap();
    let log = log.await.unwrap();
    let counts = simulator.counts();
    let counted: u64 = counts.actions.values().map(|it| it.accepted + it.throttled + it.rejected).sum();
    assert_eq!(log.len() as u64, counted, "the log is complete");
    assert_eq!(counts.unknown, 0);
    let mut by_space: HashMap<&str, Vec<&Seen>> = HashMap::new();
    for received in &log {
        by_space.entry(&*received.space).or_default().push(received);
    }
    let mut kinds: HashMap<Option<ErrorKind>, u64> = HashMap::new();
    let (mut unknown, mut unknown_and_executed) = (0, 0);
    for call in &told {
        let requests = by_space.get(&*call.space).map(Vec::as_slice).unwrap_or_default();
        let executed = requests.iter().filter(|request| request.executed).count();
        let shown = || format!("CHAOS_SEED={seed}, {}: {:?}, requests: {requests:#?}", call.space, call.result);

        assert!(call.took < DEADLINE + GRACE, "after {:?}: {}", call.took, shown());
        if call.migration {
            assert!(executed <= 1, "executed {executed} times: {}", shown());
            let after = requests.iter().position(|it| it.executed).map_or(0, |at| requests.len() - 1 - at);
            assert_eq!(after, 0, "received again after it was executed: {}", shown());
        }
        match &call.result {
            Ok(()) => assert!(executed > 0, "told that it worked, but it was not executed: {}", shown()),
            Err(error) if error.outcome_unknown() => {
                unknown += 1;
                unknown_and_executed += u64::from(executed > 0);
            }
            Err(_) => {
                assert_eq!(executed, 0, "told that it was not executed, but it was: {}", shown());
            }
        }
        *kinds.entry(call.result.as_ref().err().map(Error::kind)).or_default() += 1;
    }

    // Everything that was to be tried was tried.
    assert!(unknown_and_executed > 0 && unknown > unknown_and_executed, "{unknown_and_executed} of {unknown}");
    for kind in [None, Some(ErrorKind::Unanswered), Some(ErrorKind::Service), Some(ErrorKind::UnusableResponse)] {
        assert!(kinds.contains_key(&kind), "{kind:?} never happened: {kinds:?}");
    }
    let connections = simulator.connections().accepted;
    simulator.stop().await;
    timeout(GRACE, async {
        while tasks() > tasks_before {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("no task is left over");
    println!("{} requests on {connections} connections in {took:.1?}: {kinds:?}", log.len());
    println!("{unknown} outcomes unknown, of which {unknown_and_executed} were executed");
}

/// The received requests, collected in steps, because the simulator's log keeps at most 10,000.
async fn collect(gateway: Arc<Gateway>, mut stopped: oneshot::Receiver<()>) -> Vec<Seen> {
    let mut seen = Vec::new();
    let take =
        |seen: &mut Vec<Seen>| seen.extend(gateway.take_received().iter().map(|received| Seen::from(&**received)));
    while timeout(Duration::from_millis(50), &mut stopped).await.is_err() {
        take(&mut seen);
    }
    take(&mut seen);
    seen
}

/// The kept facts about a request.
#[derive(Debug)]
#[allow(dead_code, reason = "some of it is only shown when the test fails")]
struct Seen {
    space: String,
    executed: bool,
    status: u16,
    fault: Option<Fault>,
}

impl From<&Received> for Seen {
    fn from(received: &Received) -> Self {
        let space = received.parameter("CustSpaceId").unwrap_or_default().to_owned();
        Self { space, executed: received.executed, status: received.status, fault: received.fault.clone() }
    }
}

/// A simulator that makes the faults.
async fn chaotic(seed: u64) -> Simulator {
    let simulator = unlimited().start().await.unwrap();
    for action in [SYNC, MIGRATE] {
        let good = simulator.gateway().example(action);
        simulator.script_fn(action, move |received| answer(&good, Dice::new(seed, received.number)));
    }
    simulator.script_connections_fn(move |number| connection(Dice::new(!seed, number)));
    simulator
}

fn client_of(simulator: &Simulator, number: u64) -> Client {
    let signature = if number.is_multiple_of(2) { SignatureVersion::V1 } else { SignatureVersion::V3 };
    let client = if (number / 2).is_multiple_of(2) {
        client(simulator.url()).transport(ReqwestTransport::without_proxies().unwrap())
    } else {
        client(simulator.url()).transport(HyperTransport::without_proxies().unwrap())
    };
    client
        .signature(signature)
        .attempt_timeout(ATTEMPT_TIMEOUT)
        .deadline(DEADLINE)
        .retry(RetryPolicy::new().backoff(Duration::from_millis(1), Duration::from_millis(10)))
        .build()
        .unwrap()
}
