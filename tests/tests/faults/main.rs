//! Every way in which a call can fail, on real sockets: the error, the number of attempts, and whether it was executed.
//!
//! The table has one row per fault, for both actions and both signatures. The simulator produces the faults, and its
//! log shows what was executed; the client is a normal one with its bundled transport.

mod table;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use alibabacloud_cams::transport::{BundledTransport, TransportBuilder};
use alibabacloud_cams::{
    ChatappSyncPhoneNumber, Client, CreateChatappMigrationInitiate, Error, ErrorKind, RetryPolicy, SignatureVersion,
};
use alibabacloud_simulator::{Received, Simulator};
use conformance::harness::{self, MIGRATE, SYNC, refused_url, unlimited};
use conformance::over_each_transport;
use table::{PATIENCE, Row, Server, Told, table};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// One row with one action and one signature; the fault is permanent, or affects only the first request or connection.
#[derive(Clone)]
struct Cell {
    row: Row,
    idempotent: bool,
    signature: SignatureVersion,
    once: bool,
}

/// The outcome of a call.
struct Outcome {
    /// Status, request ID and attempts of a success.
    result: Result<(u16, Option<String>, u32), Error>,
    took: Duration,
}

impl Cell {
    async fn run(self, transport: impl BundledTransport) -> Result<(), String> {
        let simulator = match self.row.server {
            Server::Clock => unlimited().clock_ahead(Duration::from_secs(3600)),
            _ => unlimited(),
        };
        let simulator = simulator.start().await.unwrap();
        self.script(&simulator);
        let client = self.client(&simulator, transport);

        let start = Instant::now();
        let result = self.call(&client).await;
        let outcome = Outcome { result, took: start.elapsed() };
        let expected_requests = self.expected_requests(&outcome);
        let log = settled(&simulator, expected_requests).await;
        let mut problems = self.problems(&outcome, &log, expected_requests);

        if self.once {
            // No fault may affect the next call.
            if let Err(error) = client.send(ChatappSyncPhoneNumber::new("2")).await {
                problems += &format!("\n    the next call failed: {error}");
            }
        }
        simulator.stop().await;
        if problems.is_empty() { Ok(()) } else { Err(format!("{}{problems}", self.title())) }
    }

    fn title(&self) -> String {
        let action = if self.idempotent { "sync" } else { "migrate" };
        let once = if self.once { ", once" } else { "" };
        format!("row {:?} ({action}, {:?}{once}):", self.row.name, self.signature)
    }

    fn action(&self) -> &'static str {
        if self.idempotent { SYNC } else { MIGRATE }
    }

    fn script(&self, simulator: &Simulator) {
        match &self.row.server {
            Server::Handshake(fault) | Server::Connection(fault) if self.once => {
                simulator.script_connections([fault.clone()]);
            }
            Server::Handshake(fault) | Server::Connection(fault) => {
                let fault = fault.clone();
                simulator.script_connections_fn(move |_| Some(fault.clone()));
            }
            Server::Answer(answer) if self.once => simulator.script(self.action(), [answer.clone()]),
            Server::Answer(answer) => {
                let answer = answer.clone();
                simulator.script_fn(self.action(), move |_| Some(answer.clone()));
            }
            Server::Refused | Server::UnknownName | Server::PlainText | Server::Clock => {}
        }
    }

    fn client(&self, simulator: &Simulator, transport: impl BundledTransport) -> Client {
        let url = match &self.row.server {
            Server::Refused => refused_url().unwrap(),
            Server::UnknownName => "https://cams.invalid".to_owned(),
            Server::PlainText | Server::Handshake(_) => simulator.url().replace("http://", "https://"),
            Server::Connection(_) | Server::Answer(_) | Server::Clock => simulator.url().to_owned(),
        };
        let patience = if self.row.attempts_never_end { PATIENCE } else { Duration::from_secs(60) };
        harness::client(&url)
            .transport(transport)
            .signature(self.signature)
            .attempt_timeout(patience)
            .deadline(self.deadline())
            .retry(RetryPolicy::new().backoff(Duration::from_millis(1), Duration::from_millis(4)))
            .build()
            .unwrap()
    }

    /// Whether the call waits before its retry, or until a timeout or its deadline.
    fn is_timed(&self) -> bool {
        self.row.attempts_never_end || self.row.told == Told::Throttled || self.row.retry_after.is_some()
    }

    fn deadline(&self) -> Duration {
        // A throttled call ends when its deadline cannot be met.
        let ends_with_deadline = self.row.told == Told::Throttled && !self.once;
        if ends_with_deadline { Duration::from_millis(900) } else { Duration::from_secs(120) }
    }

    async fn call(&self, client: &Client) -> Result<(u16, Option<String>, u32), Error> {
        if self.idempotent {
            let synced = client.send(ChatappSyncPhoneNumber::new("1")).await?;
            Ok((synced.http_status(), synced.request_id().map(ToOwned::to_owned), synced.attempts()))
        } else {
            let started = client.send(migration("1")).await?;
            Ok((started.http_status(), started.request_id().map(ToOwned::to_owned), started.attempts()))
        }
    }

    /// The number of requests that the server must have read.
    fn expected_requests(&self, outcome: &Outcome) -> u32 {
        let attempts = match &outcome.result {
            Ok((_, _, attempts)) => *attempts,
            Err(error) => error.attempts(),
        };
        match &self.row.server {
            Server::Answer(_) | Server::Clock => attempts,
            // The next one was good.
            Server::Connection(_) if self.once && outcome.result.is_ok() => 1,
            _ => 0,
        }
    }

    /// The deviations from the expectation; empty if there are none.
    fn problems(&self, outcome: &Outcome, log: &[Arc<Received>], requests: u32) -> String {
        let mut problems = String::new();
        let mut check = |holds: bool, what: &str| {
            if !holds {
                let _ = write!(problems, "\n    {what}");
            }
        };
        let Row { told, .. } = self.row;
        let (kind, unknown, attempts) = match (&outcome.result, told) {
            (Err(error), Told::NotSentOrUnanswered) if error.kind() == ErrorKind::NotSent => {
                Told::NotSent.expected(self.idempotent)
            }
            (Err(error), Told::ForeignUnknownOrUnanswered) if error.kind() == ErrorKind::Unanswered => {
                Told::Unanswered.expected(self.idempotent)
            }
            // As many attempts as fit into the time, if the service requests a short delay.
            (Err(error), Told::Throttled) if self.row.retry_after.is_some_and(|delay| delay < self.deadline()) => {
                (Some(ErrorKind::Throttled), false, error.attempts())
            }
            // Three attempts, some of which were not sent, and one of which has an unknown outcome.
            (Err(error), Told::NotSentOrUnanswered) => (Some(ErrorKind::Unanswered), true, error.attempts()),
            _ => told.expected(self.idempotent),
        };
        // A fault that ends before the last attempt is not reported.
        let goes_away = self.once && (attempts > 1 || told == Told::Throttled);
        let (kind, unknown, attempts) = if goes_away { (None, false, 2) } else { (kind, unknown, attempts) };

        match &outcome.result {
            Ok((status, request_id, made)) => {
                check(kind.is_none(), &format!("expected {kind:?}, but it succeeded"));
                check(*made == attempts, &format!("{made} attempts, not {attempts}"));
                if !self.once && self.row.status.is_some() {
                    check(Some(*status) == self.row.status, &format!("status {status}"));
                    check(request_id.as_deref() == self.row.request_id, &format!("request id {request_id:?}"));
                }
            }
            Err(error) => {
                check(Some(error.kind()) == kind, &format!("expected {kind:?}, got {:?}: {error}", error.kind()));
                check(error.outcome_unknown() == unknown, &format!("outcome_unknown is {}: {error}", !unknown));
                check(error.is_not_sent() == (kind == Some(ErrorKind::NotSent)), "is_not_sent is wrong");
                check(error.attempts() == attempts, &format!("{} attempts, not {attempts}", error.attempts()));
                let status =
                    if told == Told::ForeignUnknownOrUnanswered { error.http_status() } else { self.row.status };
                check(error.http_status() == status, &format!("status {:?}", error.http_status()));
                check(error.request_id() == self.row.request_id, &format!("request id {:?}", error.request_id()));
                check(error.code() == self.row.code, &format!("code {:?}", error.code()));
                check(error.retry_after() == self.row.retry_after, &format!("retry after {:?}", error.retry_after()));
            }
        }

        check(log.len() == requests as usize, &format!("the server read {} requests, not {requests}", log.len()));
        let waits = self.row.retry_after.unwrap_or_default() * (attempts - 1);
        check(outcome.took >= waits, &format!("the caller waited {:?}, less than {waits:?}", outcome.took));

        // Conditions for every row.
        let executed = log.iter().filter(|received| received.executed).count();
        if !self.idempotent {
            check(executed <= 1, &format!("executed {executed} times"));
            let after = log.iter().position(|it| it.executed).map_or(0, |at| log.len() - 1 - at);
            check(after == 0, &format!("received {after} more times after it was executed"));
        }
        match &outcome.result {
            Ok(_) => check(executed > 0, "told that it worked, but it was not executed"),
            Err(error) if error.outcome_unknown() => {}
            Err(_) => check(executed == 0, "told that it was not executed, but it was"),
        }
        let mut nonces: Vec<_> = log.iter().map(|received| received.nonce.clone()).collect();
        nonces.sort();
        nonces.dedup();
        check(nonces.len() == log.len(), "a nonce was used twice");
        problems
    }
}

/// The log, once it has the expected number of requests, because a call can fail before the server has read its
/// request.
async fn settled(simulator: &Simulator, requests: u32) -> Vec<Arc<Received>> {
    let start = Instant::now();
    loop {
        let log = simulator.received();
        if log.len() >= requests as usize || start.elapsed() > Duration::from_secs(10) {
            return log;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn migration(space: &str) -> CreateChatappMigrationInitiate {
    let migration = CreateChatappMigrationInitiate::builder().cust_space_id(space);
    migration.mobile_number("13900001234").country_code("86").build()
}

/// Runs a few cells at a time; returns the deviations.
async fn run(cells: Vec<Cell>, at_once: usize, transport: &impl BundledTransport) -> Vec<String> {
    let permits = Arc::new(Semaphore::new(at_once));
    let mut tasks = JoinSet::new();
    for cell in cells {
        let (permits, transport) = (permits.clone(), transport.clone());
        tasks.spawn(async move {
            let _permit = permits.acquire().await.unwrap();
            cell.run(transport).await
        });
    }
    tasks.join_all().await.into_iter().filter_map(Result::err).collect()
}

async fn every_fault_is_told_as_it_is_and_no_migration_is_sent_again_that_may_have_been_executed<
    T: BundledTransport,
>() {
    let rows = table();
    let mut cells = Vec::new();
    for row in &rows {
        for signature in [SignatureVersion::V1, SignatureVersion::V3] {
            for idempotent in [true, false] {
                let cell = Cell { row: row.clone(), idempotent, signature, once: false };
                if row.can_go_away() {
                    cells.push(Cell { once: true, ..cell.clone() });
                }
                cells.push(cell);
            }
        }
    }
    let count = cells.len();
    let transport: T = TransportBuilder::new().without_proxies().build().unwrap();
    // Cells that mostly sleep and have short deadlines run after the others, so that only the fault uses up their time.
    let (timed, prompt): (Vec<_>, Vec<_>) = cells.into_iter().partition(Cell::is_timed);
    let mut wrong = run(prompt, 6, &transport).await;
    wrong.extend(run(timed, 64, &transport).await);
    assert!(wrong.is_empty(), "{} of {count} cells are wrong:\n{}", wrong.len(), wrong.join("\n"));
    println!("{} faults, {count} cells", rows.len());
    assert!(rows.len() >= 100 && count >= 600, "the table has lost rows: {} rows, {count} cells", rows.len());
}

over_each_transport! {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    every_fault_is_told_as_it_is_and_no_migration_is_sent_again_that_may_have_been_executed,
}
