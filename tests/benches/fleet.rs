//! `cargo xtask bench fleet [SECONDS] [PROCESSES]`: many processes of one account share a quota through a Redis server of this
//! program's own; by default 60 s with 16 of them, undisturbed, beside another
//! program that uses half of the limit, and while Redis is killed, flushed, paused and emptied.

#![allow(clippy::cast_precision_loss, reason = "counts of requests are small")]

#[path = "../fleet/mod.rs"]
mod fleet;

use std::time::{Duration, Instant};

use alibabacloud_cams::throttle::{QuotaKey, RedisQuotas};
use alibabacloud_cams::{ChatappSyncPhoneNumber, RateLimit, RetryPolicy, Throttle};
use conformance::harness::client;
use fleet::Fleet;
use fleet::redis_server::RedisServer;
use tokio::task::JoinSet;
use tokio::time::sleep;

const LIMIT: u32 = 10;

/// The longest first wait of the other program; it is drawn from a uniform distribution and doubles.
const BACKOFF: Duration = Duration::from_millis(200);

fn main() {
    if fleet::run_if_member() {
        return;
    }
    let arguments: Vec<u64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let seconds = arguments.first().copied().unwrap_or(60);
    let members = arguments.get(1).map_or(16, |members| usize::try_from(*members).unwrap_or(16));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        if std::env::var_os("TIMELINE").is_none() {
            undisturbed(Fleet { members, seconds, limit: LIMIT, callers: 4 }).await;
            beside(Fleet { members, seconds, limit: LIMIT, callers: 4 }).await;
        }
        disturbed(members).await;
    });
    // As the members have it.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        commands(Fleet { members: 1, seconds: 20, limit: 250, callers: 300 }).await;
    });
}

async fn undisturbed(fleet: Fleet) {
    let Some(redis) = RedisServer::start() else { return };
    let figures = fleet.start(&redis.url(), &[]).await.finish().await;
    println!("{} processes, {} s at {LIMIT}/s: {figures}", fleet.members, fleet.seconds);
}

/// Another program sends half of the limit, evenly, without a limit of its own and with three attempts.
async fn beside(fleet: Fleet) {
    let Some(redis) = RedisServer::start() else { return };
    let running = fleet.start(&redis.url(), &[]).await;
    let outside = client(running.simulator.url()).retry(RetryPolicy::never()).build().expect("a client");
    let sending = tokio::spawn({
        let (began, end) = (running.began, running.began + Duration::from_secs(fleet.seconds));
        async move {
            let mut due = tokio::time::interval_at(began.into(), Duration::from_secs(2) / LIMIT);
            let mut calls = JoinSet::new();
            while Instant::now() < end {
                due.tick().await;
                let outside = outside.clone();
                calls.spawn(async move {
                    for attempt in 0..3 {
                        if outside.send(ChatappSyncPhoneNumber::new("2")).await.is_ok() {
                            return true;
                        }
                        // As SDKs do that know no quota.
                        sleep((BACKOFF * 2_u32.pow(attempt)).mul_f64(fastrand::f64())).await;
                    }
                    false
                });
            }
            calls.join_all().await.into_iter().filter(|accepted| *accepted).count()
        }
    });
    let figures = running.finish().await;
    let theirs = sending.await.expect("a task that ends") as f64;
    let (accepted, throttled) = figures.of_members;
    let left = (fleet.seconds as f64) * f64::from(LIMIT) - theirs;
    println!(
        "{} processes beside {}/s of another program: {:.1} % of the rest used, {:.1} % of the requests throttled, {} failed",
        fleet.members,
        LIMIT / 2,
        100.0 * accepted / left,
        100.0 * throttled as f64 / (accepted + throttled as f64),
        figures.failed
    );
}

async fn disturbed(members: usize) {
    let Some(mut redis) = RedisServer::start() else { return };
    let running = Fleet { members, seconds: 50, limit: LIMIT, callers: 4 }.start(&redis.url(), &[]).await;
    let mut ends = Vec::new();
    running.wait_until(6.0).await;
    redis.command(&["SCRIPT", "FLUSH"]);
    ends.push(("scripts flushed", running.began.elapsed().as_secs_f64()));
    running.wait_until(10.0).await;
    redis.command(&["FLUSHALL"]);
    ends.push(("data deleted", running.began.elapsed().as_secs_f64()));
    running.wait_until(16.0).await;
    redis.pause();
    running.wait_until(19.0).await;
    redis.go_on();
    ends.push(("paused for 3 s", running.began.elapsed().as_secs_f64()));
    running.wait_until(26.0).await;
    redis.kill();
    redis.start_again();
    ends.push(("killed, back at once", running.began.elapsed().as_secs_f64()));
    running.wait_until(32.0).await;
    redis.kill();
    running.wait_until(42.0).await;
    redis.start_again();
    ends.push(("killed, back after 10 s", running.began.elapsed().as_secs_f64()));
    let figures = running.finish().await;
    println!("disturbed: {figures}");
    for (what, end) in ends {
        println!("  {what:<24} full again after {:.2} s", figures.recovered_after(end, LIMIT));
    }
    if std::env::var_os("TIMELINE").is_some() {
        println!("{:.2?}", figures.arrivals);
    }
    let outage = figures.arrivals.iter().filter(|at| (36.0..42.0).contains(*at)).count();
    println!("  in the local shares      {:.1} requests per second", outage as f64 / 6.0);
}

async fn commands(fleet: Fleet) {
    let Some(redis) = RedisServer::start() else { return };
    let figures = fleet.start(&redis.url(), &[]).await.finish().await;
    let each = redis.calls_of("evalsha") as f64 / figures.accepted as f64;
    println!("one process, {} s at {}/s: {figures}", fleet.seconds, fleet.limit);
    println!("  {each:.3} commands of Redis per call; the server used {:.2} % of a core", {
        100.0 * redis.cpu_seconds() / fleet.seconds as f64
    });
    drop(redis);

    // The permits alone, in this process.
    let Some(redis) = RedisServer::start() else { return };
    let quotas = RedisQuotas::builder(redis.url(), "fleet").build().expect("valid settings");
    let throttle = Throttle::new().with_store(quotas);
    let key = QuotaKey::new("main", "cams", "Look");
    let limit = RateLimit::per_second(fleet.limit);
    let seconds = 10;
    let cpu = || rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let (before, server_before) = (cpu(), redis.cpu_seconds());
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut permits = 0;
    while Instant::now() < end {
        let wait = Duration::from_secs(10);
        let Ok(mut permit) = throttle.acquire(&key, Some(limit), wait).await else { continue };
        permits += 1;
        permit.sent();
        permit.answered();
    }
    let after = cpu();
    let used = (after.tv_sec - before.tv_sec) as f64 + (after.tv_nsec - before.tv_nsec) as f64 / 1e9;
    println!(
        "{} permits a second without calls: the process used {:.2} % of a core, the server {:.2} %",
        permits / seconds,
        100.0 * used / seconds as f64,
        100.0 * (redis.cpu_seconds() - server_before) / seconds as f64
    );
}
