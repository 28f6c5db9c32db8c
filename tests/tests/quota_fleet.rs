//! Several processes of one account at full load share a quota through Redis: the short form of `cargo xtask bench
//! fleet`.

#[path = "../fleet/mod.rs"]
mod fleet;

use fleet::Fleet;
use fleet::redis_server::{RedisServer, signal};
use rustix::process::Signal;

/// The arguments with which this program runs only [`a_member`].
const MEMBER: &[&str] = &["--exact", "a_member", "--ignored", "--nocapture"];

const LIMIT: u32 = 10;

#[test]
#[ignore = "one of the processes that the other tests start"]
fn a_member() {
    fleet::run_if_member();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_at_full_load_are_never_throttled_use_the_quota_and_get_equal_parts() {
    let Some(redis) = RedisServer::start() else { return };
    let fleet = Fleet { members: 8, seconds: 8, limit: LIMIT, callers: 3 };
    let figures = fleet.start(&redis.url(), MEMBER).await.finish().await;
    assert_eq!((figures.rejected, figures.failed), (0, 0), "{figures}");
    assert!(figures.most_in_a_window <= 10, "{figures}");
    assert!(figures.used >= 85.0 && figures.fairness >= 0.9, "{figures}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_disturbance_causes_requests_over_the_limit() {
    let Some(mut redis) = RedisServer::start() else { return };
    let fleet = Fleet { members: 6, seconds: 16, limit: LIMIT, callers: 3 };
    let running = fleet.start(&redis.url(), MEMBER).await;
    running.wait_until(2.0).await;
    redis.command(&["SCRIPT", "FLUSH"]);
    signal(running.member(0), Signal::STOP);
    signal(running.member(1), Signal::KILL);
    running.wait_until(4.0).await;
    signal(running.member(0), Signal::CONT);
    redis.command(&["FLUSHALL"]);
    running.wait_until(7.0).await;
    redis.kill();
    running.wait_until(10.5).await;
    redis.start_again();
    let figures = running.finish().await;
    assert_eq!(figures.rejected, 0, "{figures}");
    assert!(figures.most_in_a_window <= 10, "{figures}");
    let after = figures.arrivals.iter().filter(|at| **at > 12.5).count();
    assert!(after >= 20, "{after} requests in 3.5 s after all was well again: {figures}");
}
