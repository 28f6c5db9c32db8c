//! A transport that hands every request to a simulator in the same process: no socket, so that time can be virtual.

use std::sync::Arc;
use std::time::Duration;

use alibabacloud_runtime::Transport;
use alibabacloud_runtime::transport::{Handover, TransportFuture};
use alibabacloud_simulator::{Gateway, Request};
use bytes::Bytes;
use tokio::time::sleep;

/// Sends to a [`Gateway`], over a network that takes a fixed time each way.
#[derive(Debug, Clone)]
pub struct GatewayTransport {
    gateway: Arc<Gateway>,
    there: Duration,
    back: Duration,
}

impl GatewayTransport {
    /// A transport whose requests take `there` to arrive, and whose answers take `back`.
    pub fn new(gateway: Arc<Gateway>, there: Duration, back: Duration) -> Self {
        Self { gateway, there, back }
    }
}

impl Transport for GatewayTransport {
    fn send(&self, request: http::Request<Bytes>, _: &Handover) -> TransportFuture<'_> {
        Box::pin(async move {
            sleep(self.there).await;
            let answer = self.gateway.handle(&Request::from(request), self.gateway.now());
            sleep(self.back + answer.delay).await;
            Ok(answer.into())
        })
    }
}
