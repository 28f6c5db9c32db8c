//! `cargo xtask bench bulk [ROWS] [SECONDS]`: a bulk of a million rows without a limit, and the part of a limit of 10/s that
//! is used in one minute, by one process and by two shards that share it through Redis.

#![allow(clippy::cast_precision_loss, reason = "approximate figures")]

#[path = "../fleet/mod.rs"]
mod fleet;

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use alibabacloud_cams::transport::{Handover, TransportFuture};
use alibabacloud_cams::{ChatappSyncPhoneNumber, Client, Credentials, PRODUCT, Throttle, Transport};
use alibabacloud_simulator::Simulator;
use bytes::Bytes;
use conformance::harness::{MIGRATE, SYNC};
use fleet::redis_server::{RedisServer, signal};
use rustix::process::Signal;

const LIMIT: u64 = 10;

fn main() {
    let arguments: Vec<u64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let rows = arguments.first().copied().unwrap_or(1_000_000);
    let seconds = arguments.get(1).copied().unwrap_or(60);
    let program = std::env::var("CAMS_PROGRAM").expect("`cargo xtask bench bulk` builds the command and names it");
    if rows > 0 {
        library(rows);
        command(&program, rows);
    }
    if seconds > 0 {
        let folder = tempfile::tempdir().expect("a folder");
        for action in [SYNC, MIGRATE] {
            used(&program, folder.path(), action, seconds, None);
        }
        if let Some(redis) = RedisServer::start() {
            used(&program, folder.path(), SYNC, seconds, Some(&redis));
        }
    }
}

/// Responds immediately.
#[derive(Debug)]
struct Instantly(Bytes);

impl Transport for Instantly {
    fn send(&self, _: http::Request<Bytes>, _: &Handover) -> TransportFuture<'_> {
        Box::pin(async { Ok(http::Response::new(self.0.clone())) })
    }
}

/// The library without files and network.
fn library(rows: u64) {
    let example = Bytes::from(PRODUCT.action(SYNC).expect("the action").example);
    let client = Client::builder().credentials(Credentials::new("testid", "testsecret")).throttle(Throttle::off());
    let client = client.transport(Instantly(example)).build().expect("a client");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let before = peak_kib("self");
    let began = Instant::now();
    runtime.block_on(async {
        let mut outcomes = client.send_all((0..rows).map(|row| ChatappSyncPhoneNumber::new(format!("space-{row}"))));
        while let Some(outcome) = outcomes.next().await {
            outcome.result.expect("an answer");
        }
    });
    let took = began.elapsed().as_secs_f64();
    let more = peak_kib("self") - before;
    println!("library: {rows} requests in {took:.1} s, {:.0} per second, {more} KiB of memory", rows as f64 / took);
}

/// The command against the simulator, which runs in another process.
fn command(program: &str, rows: u64) {
    let folder = tempfile::tempdir().expect("a folder");
    let (input, journal) = (folder.path().join("input.csv"), folder.path().join("journal.jsonl"));
    let mut file = BufWriter::new(File::create(&input).expect("a file"));
    writeln!(file, "CustSpaceId").expect("room");
    for row in 0..rows {
        writeln!(file, "cams-space-{row:010}").expect("room");
    }
    file.into_inner().expect("room");

    let mut simulator = Killed(
        Command::new(program)
            .args(["simulator", "--quota", "off"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts"),
    );
    let mut url = String::new();
    let stdout = simulator.0.stdout.take().expect("a pipe");
    BufReader::new(stdout).read_line(&mut url).expect("a line");

    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    for what in ["from the start", "continued, with all rows done"] {
        let began = Instant::now();
        let mut child = bulk(program, SYNC, &input, &journal)
            .args(["--quota", "off", "--endpoint", url.trim_end()])
            .spawn()
            .expect("it starts");
        let mut peak = 0;
        let status = loop {
            if let Some(status) = child.try_wait().expect("a child") {
                break status;
            }
            peak = peak.max(peak_kib(&child.id().to_string()));
            sleep(Duration::from_millis(50));
        };
        let took = began.elapsed().as_secs_f64();
        println!(
            "command: {rows} rows {what}: {took:.1} s, {:.0} rows per second, peak {:.1} MiB, journal {:.0} MiB ({status})",
            rows as f64 / took,
            peak as f64 / 1024.0,
            mib(fs::metadata(&journal).map_or(0, |metadata| metadata.len())),
        );
    }
}

/// The used part of the limit.
fn used(program: &str, folder: &Path, action: &str, seconds: u64, redis: Option<&RedisServer>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("threads");
    let simulator = runtime.block_on(Simulator::builder(&[&PRODUCT]).keep(100_000).start()).expect("a port");
    let input = folder.join(format!("{action}.csv"));
    let mut text =
        String::from(if action == SYNC { "CustSpaceId\n" } else { "CustSpaceId,CountryCode,MobileNumber\n" });
    for row in 0..(seconds + 5) * LIMIT * 2 {
        text += &format!("space-{row}{}\n", if action == SYNC { "" } else { ",86,13900001234" });
    }
    fs::write(&input, text).expect("a file");
    let shards: &[&str] = if redis.is_some() { &["1/2", "2/2"] } else { &["1/1"] };
    let children: Vec<Killed> = shards
        .iter()
        .map(|shard| {
            let journal = folder.join(format!("{action}-{}.jsonl", shard.replace('/', "-")));
            let mut command = bulk(program, action, &input, &journal);
            command.args(["--endpoint", simulator.url(), "--shard", shard]);
            if let Some(redis) = redis {
                command.args(["--quota-redis", &redis.url(), "--quota-account", "main"]);
            }
            Killed(command.spawn().expect("it starts"))
        })
        .collect();
    sleep(Duration::from_secs(seconds + 3));
    for child in &children {
        signal(&child.0, Signal::INT);
    }
    drop(children);
    let counts = simulator.counts().of(action);
    let mut arrivals: Vec<Instant> =
        simulator.received().iter().map(|received| received.monotonic.into_std()).collect();
    arrivals.sort_unstable();
    let first = arrivals.first().copied().unwrap_or_else(Instant::now);
    let within = arrivals.iter().filter(|at| at.duration_since(first) < Duration::from_secs(seconds)).count();
    println!(
        "{action}, {} process(es), {seconds} s at {LIMIT}/s: {within} requests, {:.1} % of the quota, {} rejected",
        shards.len(),
        100.0 * within as f64 / (seconds * LIMIT) as f64,
        counts.throttled + counts.rejected,
    );
    runtime.block_on(simulator.stop());
}

fn bulk(program: &str, action: &str, input: &Path, journal: &Path) -> Command {
    let name = if action == SYNC { "chatapp-sync-phone-number" } else { "create-chatapp-migration-initiate" };
    let mut command = Command::new(program);
    command.args(["bulk", name, "--input"]).arg(input).arg("--journal").arg(journal);
    command.env("ALIBABA_CLOUD_ACCESS_KEY_ID", "testid").env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "testsecret");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// A child process that is killed when dropped, unless it has ended.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(2) && self.0.try_wait().is_ok_and(|status| status.is_none()) {
            sleep(Duration::from_millis(20));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The peak memory of a process, in KiB; 0 if it is unknown.
fn peak_kib(process: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse().ok()).unwrap_or(0)
}
