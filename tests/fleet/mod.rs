//! Many processes of one account at full load against one simulator, for `tests/quota_fleet.rs` and `benches/fleet.rs`.

#![allow(dead_code, unreachable_pub, reason = "each uses a part")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "counts of requests are small"
)]
#![allow(clippy::unchecked_time_subtraction, clippy::similar_names, reason = "a measurement may panic")]
#![allow(missing_docs, reason = "for tests alone")]

pub mod redis_server;

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use alibabacloud_cams::throttle::{FailurePolicy, RedisQuotas};
use alibabacloud_cams::{ChatappSyncPhoneNumber, PRODUCT, RateLimit, Throttle};
use alibabacloud_simulator::Simulator;
use conformance::harness::{SYNC, client};
use tokio::task::JoinSet;

/// The variable that makes a process a member. Its value has the simulator, Redis, the start time (milliseconds since
/// 1970), the seconds, the callers, and the limit.
const MEMBER: &str = "FLEET_MEMBER";

/// Runs this process as a member if it is one. A member sends as fast as the quota allows, from several tasks. It then
/// prints how many calls succeeded after the first second (in which an unused quota admits a burst of the first
/// caller), were throttled, and failed otherwise, and its CPU time in microseconds.
pub fn run_if_member() -> bool {
    let Ok(settings) = std::env::var(MEMBER) else { return false };
    let settings: Vec<&str> = settings.split(' ').collect();
    let [simulator, redis, begin, seconds, callers, limit] = settings[..] else {
        panic!("{MEMBER} is not well formed")
    };
    let limit = RateLimit::per_second(limit.parse().expect("a number"));
    // All members start together, however long it takes to start their processes.
    let begin = UNIX_EPOCH + Duration::from_millis(begin.parse().expect("a number"));
    std::thread::sleep(begin.duration_since(SystemTime::now()).unwrap_or_default());
    let began = Instant::now();
    let end = began + Duration::from_secs(seconds.parse().expect("a number"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (succeeded, throttled, failed) = runtime.block_on(async {
        let quotas = RedisQuotas::builder(redis, "fleet").on_failure(FailurePolicy::LocalShare);
        let quotas = quotas.expected_processes(16).build().expect("valid settings");
        let throttle = Throttle::new().with_limit(SYNC, limit).with_store(quotas);
        let client = client(simulator).throttle(throttle.clone()).build().expect("a client");
        let mut tasks = JoinSet::new();
        for _ in 0..callers.parse().expect("a number") {
            let client = client.clone();
            tasks.spawn(async move {
                let (mut succeeded, mut failed) = (0_u64, 0_u64);
                loop {
                    let call = client.send(ChatappSyncPhoneNumber::new("1"));
                    let Ok(outcome) = tokio::time::timeout_at(end.into(), call).await else {
                        return (succeeded, failed);
                    };
                    match outcome {
                        Ok(_) => succeeded += u64::from(began.elapsed() > Duration::from_secs(1)),
                        Err(_) => failed += 1,
                    }
                }
            });
        }
        let mut sums = (0, 0);
        while let Some(task) = tasks.join_next().await {
            let (succeeded, failed) = task.expect("a caller that does not panic");
            sums = (sums.0 + succeeded, sums.1 + failed);
        }
        let throttled: u64 = throttle.quotas().iter().map(|quota| quota.throttled).sum();
        (sums.0, throttled, sums.1)
    });
    let cpu = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    println!("member {succeeded} {throttled} {failed} {}", cpu.tv_sec * 1_000_000 + cpu.tv_nsec / 1_000);
    true
}

/// The time until all members have started.
const STARTING: Duration = Duration::from_secs(2);

/// The settings of a fleet.
#[derive(Clone, Copy)]
pub struct Fleet {
    pub members: usize,
    pub seconds: u64,
    pub limit: u32,
    /// The number of sending tasks of each member.
    pub callers: usize,
}

/// A running fleet.
pub struct Running {
    fleet: Fleet,
    pub began: Instant,
    pub simulator: Simulator,
    members: Vec<Child>,
}

impl Fleet {
    /// Starts the members, each a process of this program with these arguments.
    pub async fn start(self, redis: &str, arguments: &[&str]) -> Running {
        let limit = RateLimit::per_second(self.limit);
        let simulator = Simulator::builder(&[&PRODUCT]).limit(SYNC, limit).keep(100_000).start().await.expect("a port");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock");
        let millis = (now + STARTING).as_millis();
        let began = Instant::now() + STARTING;
        let settings = format!("{} {redis} {millis} {} {} {}", simulator.url(), self.seconds, self.callers, self.limit);
        let program = std::env::current_exe().expect("a path");
        let members = (0..self.members).map(|_| {
            Command::new(&program)
                .args(arguments)
                .env(MEMBER, &settings)
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .spawn()
                .expect("a member starts")
        });
        Running { fleet: self, began, members: members.collect(), simulator }
    }
}

/// The results of a run.
pub struct Figures {
    /// The used part of the quota from the first request on, in percent; an unused quota has room for one window more.
    pub used: f64,
    pub accepted: u64,
    pub rejected: u64,
    pub failed: u64,
    /// How many requests of the members were accepted after the first second, and how many were throttled.
    pub of_members: (f64, u64),
    /// The maximum number of requests that arrived within one second.
    pub most_in_a_window: usize,
    /// Jain's index over the processes, without the first second.
    pub fairness: f64,
    /// CPU time of all members, in seconds.
    pub cpu: f64,
    /// When requests arrived, in seconds since the start, in order.
    pub arrivals: Vec<f64>,
}

impl Running {
    pub fn member(&self, index: usize) -> &Child {
        &self.members[index]
    }

    pub async fn wait_until(&self, seconds: f64) {
        tokio::time::sleep_until((self.began + Duration::from_secs_f64(seconds)).into()).await;
    }

    /// Waits until all members have ended.
    pub async fn finish(mut self) -> Figures {
        let mut members = std::mem::take(&mut self.members);
        let outputs = tokio::task::spawn_blocking(move || {
            let output = |member: &mut Child| {
                let mut text = String::new();
                let stdout = member.stdout.as_mut().expect("a pipe");
                stdout.read_to_string(&mut text).expect("text");
                let _ = member.wait();
                text
            };
            members.iter_mut().map(output).collect::<Vec<_>>()
        });
        let outputs = outputs.await.expect("members end");
        let mut succeeded = Vec::new();
        let (mut failed, mut throttled, mut cpu) = (0, 0, 0.0);
        for line in outputs.iter().flat_map(|text| text.lines()) {
            // The test harness may have printed the beginning of the line.
            let Some((_, numbers)) = line.split_once("member ") else { continue };
            let numbers: Vec<u64> = numbers.split(' ').filter_map(|number| number.parse().ok()).collect();
            if let [ok, refused, not, micros] = numbers[..] {
                succeeded.push(ok as f64);
                throttled += refused;
                failed += not;
                cpu += micros as f64 / 1e6;
            }
        }
        let counts = self.simulator.counts().of(SYNC);
        let mut arrivals: Vec<f64> = self
            .simulator
            .received()
            .iter()
            .map(|received| received.monotonic.into_std().saturating_duration_since(self.began).as_secs_f64())
            .collect();
        arrivals.sort_by(f64::total_cmp);
        let in_window =
            |(index, first): (usize, &f64)| arrivals[index..].iter().take_while(|at| **at < first + 1.0).count();
        let most_in_a_window = arrivals.iter().enumerate().map(in_window).max().unwrap_or(0);
        let first = arrivals.first().copied().unwrap_or_default();
        // Members start one after the other, and each ends a fixed time after its own start.
        let length = (self.fleet.seconds as f64).max(arrivals.last().copied().unwrap_or_default() - first);
        let sum: f64 = succeeded.iter().sum();
        let squares: f64 = succeeded.iter().map(|count| count * count).sum();
        self.simulator.stop().await;
        Figures {
            used: 100.0 * counts.accepted as f64 / (length * f64::from(self.fleet.limit)),
            accepted: counts.accepted,
            rejected: counts.throttled,
            failed,
            of_members: (sum, throttled),
            most_in_a_window,
            fairness: sum * sum / (succeeded.len() as f64 * squares),
            cpu,
            arrivals,
        }
    }
}

impl Figures {
    /// How long after that time the fleet uses at least nine tenths of the quota again, over one second.
    pub fn recovered_after(&self, time: f64, limit: u32) -> f64 {
        let enough = (f64::from(limit) * 0.9).ceil() as usize;
        let full = |index: &usize| {
            let end = self.arrivals[*index] + 1.0 + 0.06;
            self.arrivals[*index..].iter().take_while(|at| **at < end).count() >= enough
        };
        let first = self.arrivals.partition_point(|at| *at < time);
        (first..self.arrivals.len()).find(full).map_or(f64::INFINITY, |index| self.arrivals[index] - time)
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:.2} % of the quota used, {} accepted, {} rejected, {} failed, at most {} in any second, fairness {:.4}",
            self.used, self.accepted, self.rejected, self.failed, self.most_in_a_window, self.fairness
        )
    }
}
