//! Exports metrics of calls with OpenTelemetry: duration, attempts, throttled attempts, and quota waits.
//!
//! ```console
//! $ cargo run --example metrics
//! ```
//!
//! It calls a simulator in this process and prints the metrics. A service passes the same hook to its client, and exports
//! with `opentelemetry-otlp`.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alibabacloud_cams::event::{Event, Outcome};
use alibabacloud_cams::{ChatappSyncPhoneNumber, Client, Credentials, ErrorKind, PRODUCT};
use alibabacloud_simulator::{Answer, Simulator};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, Metric, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider, Temporality};

/// A hook for [`ClientBuilder::on_event`](alibabacloud_cams::ClientBuilder::on_event) that measures every call.
fn measure(meter: &Meter) -> impl Fn(&Event<'_>) + Send + Sync + 'static {
    let duration = meter.f64_histogram("rpc.client.call.duration").with_unit("s").build();
    let attempts = meter.u64_counter("aliyun.client.attempts").with_unit("{attempt}").build();
    let throttled = meter.u64_counter("aliyun.client.throttled").with_unit("{attempt}").build();
    let waiting = meter.f64_histogram("aliyun.client.quota_wait").with_unit("s").build();
    move |event| match event {
        Event::AttemptEnded(attempt) => {
            let method = KeyValue::new("rpc.method", attempt.action.to_owned());
            attempts.add(1, std::slice::from_ref(&method));
            if attempt.error.is_some_and(|error| error.kind() == ErrorKind::Throttled) {
                throttled.add(1, &[method]);
            }
        }
        Event::CallEnded(call) => {
            let result = match call.outcome {
                Outcome::Failed(error) => error.kind().as_str(),
                Outcome::Abandoned => "abandoned",
                _ => "none",
            };
            let method = KeyValue::new("rpc.method", call.action.to_owned());
            waiting.record(call.quota_wait.as_secs_f64(), std::slice::from_ref(&method));
            duration.record(call.elapsed.as_secs_f64(), &[method, KeyValue::new("error.type", result)]);
        }
        _ => {}
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    for line in run().await? {
        println!("{line}");
    }
    Ok(())
}

/// Makes two calls, the first throttled once and the second refused. Returns the metrics, one per line.
pub(crate) async fn run() -> Result<Vec<String>, Box<dyn Error>> {
    let exporter = Lines::default();
    let reader = PeriodicReader::builder(exporter.clone()).build();
    let provider = SdkMeterProvider::builder().with_reader(reader).build();

    let simulator = Simulator::builder(&[&PRODUCT]).start().await?;
    let client = Client::builder()
        .endpoint(simulator.url())
        .credentials(Credentials::new("testid", "testsecret"))
        .on_event(measure(&provider.meter("crm")))
        .build()?;
    let first = Answer::error(400, "System.LimitControl", "The system is under flow control.");
    let second = Answer::error(400, "Product.Unsubscript", "You have not subscribed to the specified product.");
    for (space, answer) in [("293483938849493", first), ("293483938849494", second)] {
        simulator.script("ChatappSyncPhoneNumber", [answer]);
        if let Err(error) = client.send(ChatappSyncPhoneNumber::new(space)).await {
            println!("{error}");
        }
    }
    simulator.stop().await;

    provider.force_flush()?;
    let lines = exporter.0.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(lines.clone())
}

/// An exporter that keeps the latest export as text.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl PushMetricExporter for Lines {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let metrics = metrics.scope_metrics().flat_map(|scope| scope.metrics());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = metrics.flat_map(lines).collect();
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}

/// The data points of a metric.
fn lines(metric: &Metric) -> Vec<String> {
    let line = |attributes: &mut dyn Iterator<Item = &KeyValue>, value: String| {
        let mut attributes: Vec<_> = attributes.map(|it| format!("{}={}", it.key, it.value)).collect();
        attributes.sort();
        format!("{} {{{}}} {value}", metric.name(), attributes.join(", "))
    };
    match metric.data() {
        AggregatedMetrics::F64(MetricData::Histogram(it)) => {
            it.data_points().map(|it| line(&mut it.attributes(), format!("{} calls", it.count()))).collect()
        }
        AggregatedMetrics::U64(MetricData::Sum(it)) => {
            it.data_points().map(|it| line(&mut it.attributes(), it.value().to_string())).collect()
        }
        _ => Vec::new(),
    }
}
