//! The record of every request, and the counts per action.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use http::HeaderMap;
use tokio::time::Instant;

use crate::fault::Fault;
use crate::request::Place;
use crate::signature::Scheme;

/// A received request and its response.
///
/// `Debug` shows no parameter value, key ID, signature or header value.
#[derive(Clone)]
#[non_exhaustive]
pub struct Received {
    /// The number of the request, from 1, over all requests of this simulator.
    pub number: u64,
    /// The number of its connection, from 1; 0 without a connection.
    pub connection: u64,
    /// When it was judged, by the simulator's wall clock.
    pub at: SystemTime,
    /// When it was judged, by the monotonic clock of the quotas.
    pub monotonic: Instant,
    /// The HTTP method.
    pub method: String,
    /// The request target as received, with the raw query.
    pub target: String,
    /// All headers as received.
    pub headers: HeaderMap,
    /// How it was signed.
    pub scheme: Scheme,
    /// The name of the action, known or unknown.
    pub action: Option<String>,
    /// The name of a known action, which is safe to show, unlike other parts of a request.
    pub(crate) known_action: Option<&'static str>,
    /// The access key ID.
    pub key_id: Option<String>,
    /// The nonce.
    pub nonce: Option<String>,
    /// All decoded parameters: of the query, of the form body, and headers that begin with `x-acs-`, in this order. For
    /// an action of the ROA style also the path, the other headers, the host and the whole body.
    pub parameters: Vec<Parameter>,
    /// Whether it passed all checks and the quota, and so reached the action. A scripted response, even an error, is
    /// that of the action, so such a request was executed unless the response
    /// [says otherwise](crate::Answer::executed). The delivery of the response does not matter.
    pub executed: bool,
    /// The HTTP status of the response, even if a fault prevented its delivery.
    pub status: u16,
    /// The `Code` in the body of the response, if it has one.
    pub code: Option<String>,
    /// The request ID of the response.
    pub request_id: String,
    /// The fault that was scripted for the delivery of the response.
    pub fault: Option<Fault>,
}

/// A decoded parameter of a received request. Bytes that are not UTF-8 are replaced by U+FFFD.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parameter {
    /// The name; of a header in lower case.
    pub name: String,
    /// The value.
    pub value: String,
    /// Where in the request it was sent.
    pub place: Place,
}

impl Received {
    /// The value of the first parameter of that name.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.find(name).map(|parameter| parameter.value.as_str())
    }

    /// Where in the request the first parameter of that name was sent.
    pub fn place(&self, name: &str) -> Option<Place> {
        self.find(name).map(|parameter| parameter.place)
    }

    fn find(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }

    /// The approximate number of bytes that this record takes.
    fn size(&self) -> usize {
        let parameters: usize = self.parameters.iter().map(|p| p.name.len() + p.value.len() + 64).sum();
        let headers: usize = self.headers.iter().map(|(n, v)| n.as_str().len() + v.len() + 64).sum();
        512 + self.target.len() + parameters + headers
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received")
            .field("number", &self.number)
            .field("connection", &self.connection)
            .field("at", &self.at)
            .field("method", &self.method)
            .field("scheme", &self.scheme)
            .field("known_action", &self.known_action)
            .field("parameters", &self.parameters)
            .field("executed", &self.executed)
            .field("status", &self.status)
            .field("code", &self.code)
            .field("request_id", &self.request_id)
            .field("fault", &self.fault)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?}, {} bytes)", self.name, self.place, self.value.len())
    }
}

/// The outcomes of the requests of one action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ActionCounts {
    /// Requests that reached the action and were executed.
    pub accepted: u64,
    /// Requests that exceeded a limit.
    pub throttled: u64,
    /// Requests refused for any other reason, including scripted responses that are marked as not executed.
    pub rejected: u64,
}

/// The counts since the start, independent of the log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Counts {
    /// Per action; actions without requests are missing.
    pub actions: BTreeMap<&'static str, ActionCounts>,
    /// Requests without an action, or for an unknown one; all are rejected.
    pub unknown: u64,
}

impl Counts {
    /// The counts of one action; zero without requests.
    pub fn of(&self, action: &str) -> ActionCounts {
        self.actions.get(action).copied().unwrap_or_default()
    }
}

/// The maximum total size of the kept records, in bytes.
const KEPT_BYTES: usize = 64 << 20;

/// The records of the last requests.
pub(crate) struct Log {
    /// The maximum number of records.
    keep: usize,
    kept: VecDeque<Arc<Received>>,
    bytes: usize,
}

impl Log {
    pub(crate) fn new(keep: usize) -> Self {
        Self { keep, kept: VecDeque::new(), bytes: 0 }
    }

    /// Whether records are kept at all.
    pub(crate) fn is_kept(&self) -> bool {
        self.keep > 0
    }

    pub(crate) fn push(&mut self, received: Arc<Received>) {
        self.bytes += received.size();
        self.kept.push_back(received);
        // The newest is kept, whatever its size.
        while self.kept.len() > self.keep || self.bytes > KEPT_BYTES && self.kept.len() > 1 {
            if let Some(oldest) = self.kept.pop_front() {
                self.bytes -= oldest.size();
            }
        }
    }

    pub(crate) fn all(&self) -> Vec<Arc<Received>> {
        self.kept.iter().cloned().collect()
    }

    pub(crate) fn take(&mut self) -> Vec<Arc<Received>> {
        self.bytes = 0;
        std::mem::take(&mut self.kept).into()
    }
}
