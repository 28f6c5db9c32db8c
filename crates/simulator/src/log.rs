//! What arrived and what became of it: the record of every request, and the counts per action.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use http::HeaderMap;
use tokio::time::Instant;

use crate::fault::Fault;
use crate::request::Place;
use crate::signature::Scheme;

/// A received request and what it was answered.
///
/// `Debug` shows no parameter value, key id, signature or header value.
#[derive(Clone)]
#[non_exhaustive]
pub struct Received {
    /// Counted from 1, over everything that this simulator received.
    pub number: u64,
    /// The connection on which it came, counted from 1; 0 if there was none.
    pub connection: u64,
    /// When it was judged, by the simulator's wall clock.
    pub at: SystemTime,
    /// When it was judged, by the clock that quotas are counted in.
    pub monotonic: Instant,
    /// The HTTP method.
    pub method: String,
    /// The request target as it arrived, with the raw query.
    pub target: String,
    /// All headers as they arrived.
    pub headers: HeaderMap,
    /// How it was signed.
    pub scheme: Scheme,
    /// The name of the action that it asks for, known or not.
    pub action: Option<String>,
    /// The name if an action of that name is known: safe to show, unlike anything else that a client wrote.
    pub(crate) known_action: Option<&'static str>,
    /// The access key id that it names.
    pub key_id: Option<String>,
    /// The nonce.
    pub nonce: Option<String>,
    /// All decoded parameters: of the query, of the form body, and the headers that begin with `x-acs-`, in this order; of an action of
    /// the ROA style also those of the path, of the other headers and of the host, and the whole body.
    pub parameters: Vec<Parameter>,
    /// Whether it got through all checks and the quota, and so reached the action. A scripted answer, an error too, is the
    /// action's, so such a request was executed, unless the answer itself says
    /// [otherwise](crate::Answer::executed). It does not depend on what became of the answer on its way.
    pub executed: bool,
    /// The HTTP status of the answer, also if a fault kept it from getting out.
    pub status: u16,
    /// The `Code` of the answer's body, if it has one.
    pub code: Option<String>,
    /// The request id of the answer.
    pub request_id: String,
    /// What was scripted to go wrong with the delivery of the answer.
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
    /// Where it travelled.
    pub place: Place,
}

impl Received {
    /// The value of the first parameter of that name, wherever it travelled.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.find(name).map(|parameter| parameter.value.as_str())
    }

    /// Where the first parameter of that name travelled.
    pub fn place(&self, name: &str) -> Option<Place> {
        self.find(name).map(|parameter| parameter.place)
    }

    fn find(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }

    /// About how many bytes this record keeps.
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

/// How many requests of one action ended how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ActionCounts {
    /// Reached the action and were executed.
    pub accepted: u64,
    /// Were refused because a limit was exceeded.
    pub throttled: u64,
    /// Were refused for any other reason, by a scripted answer that says so too.
    pub rejected: u64,
}

/// The counts since the start, whatever the log still keeps.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Counts {
    /// Per action; actions that were never asked for are absent.
    pub actions: BTreeMap<&'static str, ActionCounts>,
    /// Requests for no action, or for one that no descriptor knows: all rejected.
    pub unknown: u64,
}

impl Counts {
    /// The counts of one action; zero if it was never asked for.
    pub fn of(&self, action: &str) -> ActionCounts {
        self.actions.get(action).copied().unwrap_or_default()
    }
}

/// The most that all kept records together may take, whatever their number.
const KEPT_BYTES: usize = 64 << 20;

/// The records of the last requests.
pub(crate) struct Log {
    /// How many to keep; 0 keeps none.
    keep: usize,
    kept: VecDeque<Arc<Received>>,
    bytes: usize,
}

impl Log {
    pub(crate) fn new(keep: usize) -> Self {
        Self { keep, kept: VecDeque::new(), bytes: 0 }
    }

    pub(crate) fn push(&mut self, received: Arc<Received>) {
        if self.keep == 0 {
            return;
        }
        self.bytes += received.size();
        self.kept.push_back(received);
        // The newest stays, however large.
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
