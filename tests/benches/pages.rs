//! `cargo xtask bench pages`: the part of a limit that the pages of one list use, in virtual time.
//!
//! The pages of a list are requested one after the other, so their rate is at most one per round trip. `used` is the rate
//! of requests from the first one to the first of the last window, as a part of the limit; `least` is the time that the
//! limit requires.

#![allow(clippy::cast_precision_loss, reason = "approximate figures in known ranges")]

use std::sync::Arc;
use std::time::Duration;

use alibabacloud_runtime::{Client, Credentials, RateLimit, Throttle};
use alibabacloud_simulator::Simulator;
use conformance::gateway_transport::GatewayTransport;
use conformance::library::{Library, ListBooks, PRODUCT};
use tokio::runtime::Builder;
use tokio::time::Instant;

const ITEMS: u32 = 10_000;

fn main() {
    println!(
        "{:<8} {:>10} {:>10} {:>6} {:>10} {:>8} {:>8} {:>8} {:>10}",
        "limit", "round trip", "page size", "pages", "throttled", "least", "time", "used", "real time"
    );
    for (limit, round_trip, size) in
        [(10, 10, 100), (10, 30, 100), (10, 60, 100), (10, 90, 100), (10, 200, 100), (100, 5, 10), (2, 300, 100)]
    {
        let began = std::time::Instant::now();
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        let row = runtime.block_on(list(limit, Duration::from_millis(round_trip), size));
        println!("{row} {:>7.0} ms", began.elapsed().as_secs_f64() * 1e3);
    }
}

async fn list(limit: u32, round_trip: Duration, size: i32) -> String {
    let rate = RateLimit::per_second(limit);
    let gateway = Simulator::builder(&[&PRODUCT]).limit("ListBooks", rate).gateway().expect("a known action");
    let gateway = Arc::new(gateway);
    gateway.serve_items("ListBooks", (0..ITEMS).map(|number| format!(r#"{{"Title":"{number}"}}"#)));
    let client = Client::<Library>::builder()
        .credentials(Credentials::new("testid", "testsecret"))
        .endpoint("http://127.0.0.1:8080")
        .throttle(Throttle::new().with_limit("ListBooks", rate))
        .transport(GatewayTransport::new(gateway.clone(), round_trip / 2, round_trip / 2))
        .build()
        .expect("a client");
    let began = Instant::now();
    let mut items = client.items(ListBooks::builder().max_results(size).build());
    let mut count = 0;
    while let Some(item) = items.next().await {
        item.expect("no page fails");
        count += 1;
    }
    assert_eq!(count, ITEMS);
    let (time, counts) = (began.elapsed().as_secs_f64(), gateway.counts().of("ListBooks"));
    // The requests of the first window need no time.
    let least = (counts.accepted as f64 - f64::from(limit)) / f64::from(limit);
    let requests = gateway.received();
    let last_window = requests[requests.len() - limit as usize].monotonic;
    let used = least / last_window.duration_since(requests[0].monotonic).as_secs_f64();
    format!(
        "{:<8} {:>7} ms {size:>10} {:>6} {:>10} {least:>6.1} s {time:>6.1} s {:>6.1} %",
        format!("{limit}/s"),
        round_trip.as_millis(),
        counts.accepted,
        counts.throttled,
        100.0 * used
    )
}
