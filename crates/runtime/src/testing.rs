//! A transport for tests that responds from a script.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use percent_encoding::percent_decode_str;

use crate::lock::lock;
use crate::transport::{Handover, Transport, TransportError, TransportFuture};

/// A [`Transport`] that responds from a script, records the requests, and never uses the network.
///
/// Cheap to clone; clones share script and record, so a test keeps one and passes the other to the client. The rest of
/// a call is unchanged: quota, signature, check of the response, retries. With tokio's paused clock
/// (`#[tokio::test(start_paused = true)]`), no wait takes real time.
///
/// ```
/// use alibabacloud_runtime::testing::CannedTransport;
///
/// let transport = CannedTransport::new()
///     .respond(400, r#"{"Code":"System.LimitControl","Message":"Slow down."}"#)
///     .respond(200, r#"{"Code":"OK"}"#);
/// // Client::builder().transport(transport.clone()) …, then:
/// assert_eq!(transport.sent().len(), 0);
/// ```
#[derive(Clone, Default)]
pub struct CannedTransport(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    script: VecDeque<Step>,
    sent: Vec<SentRequest>,
}

enum Step {
    Answer(http::Response<Bytes>),
    Fail(TransportError),
    Hang,
}

impl CannedTransport {
    /// A transport with an empty script.
    pub fn new() -> Self {
        Self::default()
    }

    /// Responds to the next request with this HTTP status and body. An invalid status counts as 500.
    #[must_use]
    pub fn respond(self, status: u16, body: impl Into<Bytes>) -> Self {
        let mut response = http::Response::new(body.into());
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
        self.respond_http(response)
    }

    /// Responds to the next request with this response, including headers.
    #[must_use]
    pub fn respond_http(self, response: http::Response<Bytes>) -> Self {
        lock(&self.0).script.push_back(Step::Answer(response));
        self
    }

    /// Fails the next request with this error.
    #[must_use]
    pub fn fail(self, error: TransportError) -> Self {
        lock(&self.0).script.push_back(Step::Fail(error));
        self
    }

    /// Never responds to the next request.
    #[must_use]
    pub fn hang(self) -> Self {
        lock(&self.0).script.push_back(Step::Hang);
        self
    }

    /// The requests that were sent, one for each attempt, in order.
    pub fn sent(&self) -> Vec<SentRequest> {
        lock(&self.0).sent.clone()
    }
}

/// After the end of the script, requests fail as not sent, with a message that mentions the script.
impl Transport for CannedTransport {
    fn send(&self, request: http::Request<Bytes>, _handover: &Handover) -> TransportFuture<'_> {
        Box::pin(async move {
            let (step, number) = {
                let mut state = lock(&self.0);
                state.sent.push(SentRequest { request });
                (state.script.pop_front(), state.sent.len())
            };
            match step {
                Some(Step::Answer(response)) => Ok(response),
                Some(Step::Fail(error)) => Err(error),
                Some(Step::Hang) => std::future::pending().await,
                None => Err(TransportError::not_sent(format!("the script has no response for request {number}"))),
            }
        })
    }
}

impl fmt::Debug for CannedTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.0);
        f.debug_struct("CannedTransport")
            .field("left", &state.script.len())
            .field("sent", &state.sent.len())
            .finish_non_exhaustive()
    }
}

/// A request as it was sent.
#[derive(Clone)]
pub struct SentRequest {
    request: http::Request<Bytes>,
}

impl SentRequest {
    /// The action that was called.
    pub fn action(&self) -> Option<String> {
        let header = self.http().headers().get("x-acs-action").and_then(|action| action.to_str().ok());
        header.map(ToOwned::to_owned).or_else(|| self.parameter("Action"))
    }

    /// The value of a parameter by its name on the wire, in any location.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let body = std::str::from_utf8(self.http().body()).unwrap_or_default();
        let query = self.http().uri().query().unwrap_or_default();
        let mut pairs = query.split('&').chain(body.split('&')).filter_map(|pair| pair.split_once('='));
        pairs.find(|(found, _)| decoded(found) == name).map(|(_, value)| decoded(value).into_owned())
    }

    /// The request itself, including its signature.
    pub fn http(&self) -> &http::Request<Bytes> {
        &self.request
    }
}

/// Prints no values, because they may be secret or personal.
impl fmt::Debug for SentRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SentRequest").field("action", &self.action()).finish_non_exhaustive()
    }
}

/// The SDK encodes a blank as `%20`, so a `+` is a plus sign.
fn decoded(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}
