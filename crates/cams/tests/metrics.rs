//! The example `metrics` measures what it documents.

#[allow(dead_code, reason = "`main` runs in the example")]
#[path = "../examples/metrics.rs"]
mod metrics;

#[tokio::test]
async fn the_example_measures_duration_attempts_throttling_and_waiting() {
    let mut lines = metrics::run().await.unwrap();
    lines.sort();
    let method = "rpc.method=ChatappSyncPhoneNumber";
    assert_eq!(
        lines,
        [
            format!("aliyun.client.attempts {{{method}}} 3"),
            format!("aliyun.client.quota_wait {{{method}}} 2 calls"),
            format!("aliyun.client.throttled {{{method}}} 1"),
            format!("rpc.client.call.duration {{error.type=none, {method}}} 1 calls"),
            format!("rpc.client.call.duration {{error.type=service, {method}}} 1 calls"),
        ]
    );
}
