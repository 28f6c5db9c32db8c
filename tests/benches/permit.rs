//! `cargo xtask bench permit`: the time per permit of a local throttle, with one caller and with many waiting.
//!
//! A permit takes the same steps as in [`Client::send`](alibabacloud_runtime::Client::send): look up the quota, acquire the
//! permit, report that the request is sent, report its response. The figures are medians of several rounds.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::unchecked_time_subtraction,
    reason = "approximate figures in known ranges"
)]

use std::time::{Duration, Instant};

use alibabacloud_runtime::throttle::QuotaKey;
use alibabacloud_runtime::{RateLimit, Throttle};
use tokio::runtime::Builder;

const ROUNDS: usize = 15;
const LONG: Duration = Duration::from_secs(1_000_000);

fn main() {
    println!("taken, used, answered {:>8.0} ns per permit", median(|| alone(true)));
    println!("taken, given back     {:>8.0} ns per permit", median(|| alone(false)));
    for waiting in [10, 100, 1_000, 10_000] {
        println!("{waiting:>6} waiting        {:>8.0} ns per permit", median(|| crowded(waiting)));
    }
}

fn key() -> QuotaKey {
    QuotaKey::new("main", "cams", "ChatappSyncPhoneNumber")
}

fn median(measure: impl Fn() -> f64) -> f64 {
    let mut rounds: Vec<_> = (0..ROUNDS).map(|_| measure()).collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

/// One caller that never waits.
fn alone(used: bool) -> f64 {
    const PERMITS: u32 = 200_000;
    // An unlimited quota would have very many slots; this one frees each slot after a microsecond.
    let limit = RateLimit::new(20_000, Duration::from_micros(1));
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        let (throttle, key) = (Throttle::new(), key());
        let mut began = Instant::now();
        for permit in 0..2 * PERMITS {
            if permit == PERMITS {
                // The first half allocated the slots.
                began = Instant::now();
            }
            let mut permit = throttle.acquire(&key, Some(limit), LONG).await.expect("there is room");
            if used {
                permit.sent();
                permit.answered();
            }
        }
        nanos_each(began, PERMITS)
    })
}

/// Many callers that always wait, in virtual time. The figure is real time, including waking a caller.
fn crowded(waiting: u32) -> f64 {
    const PERMITS: u32 = 20_000;
    let limit = RateLimit::per_second(10);
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(async {
        let throttle = Throttle::new().with_max_waiting(usize::MAX);
        let key = key();
        let (sender, mut served) = tokio::sync::mpsc::unbounded_channel();
        let callers: Vec<_> = (0..waiting)
            .map(|_| {
                let (throttle, key, sender) = (throttle.clone(), key.clone(), sender.clone());
                tokio::spawn(async move {
                    loop {
                        let mut permit = throttle.acquire(&key, Some(limit), LONG).await.expect("patience");
                        permit.sent();
                        permit.answered();
                        if sender.send(()).is_err() {
                            return;
                        }
                    }
                })
            })
            .collect();
        for _ in 0..waiting.min(PERMITS) {
            served.recv().await;
        }
        let began = Instant::now();
        for _ in 0..PERMITS {
            served.recv().await;
        }
        let nanos = nanos_each(began, PERMITS);
        for caller in callers {
            caller.abort();
        }
        nanos
    })
}

fn nanos_each(began: Instant, times: u32) -> f64 {
    began.elapsed().as_secs_f64() * 1e9 / f64::from(times)
}
