//! The network between client and service: TLS, proxies, stalled servers, HTTP/2. Over each transport.

mod authority;
mod http2;
mod proxies;
mod stalls;
mod tls;

use alibabacloud_cams::transport::{BundledTransport, TransportBuilder};
use alibabacloud_cams::{ChatappSyncPhoneNumber, Error, RetryPolicy};
use conformance::harness::client;

/// The settings of a transport that trusts an authority and uses no proxy.
fn trusting<T: BundledTransport>(authority: &authority::Authority) -> TransportBuilder<T> {
    TransportBuilder::new().without_proxies().certificate_authorities(authority.pem().as_bytes())
}

/// One attempt of an idempotent call.
async fn call(url: &str, transport: impl BundledTransport) -> Result<(), Error> {
    let client = client(url).transport(transport).retry(RetryPolicy::never()).build().unwrap();
    client.send(ChatappSyncPhoneNumber::new("1")).await.map(drop)
}
