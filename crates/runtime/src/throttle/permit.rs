//! Permits: the right to send one request, and the report of its outcome.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The slot of a request in a [`Window`](super::Window), for reporting its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Slot {
    pub(super) index: u32,
    pub(super) serial: u32,
}

/// What happened to a permit. First either [`Unused`](Self::Unused) or [`Sent`](Self::Sent); after `Sent` exactly one
/// of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Report {
    /// No request was sent: the permit is returned.
    Unused,
    /// The request is being sent.
    Sent,
    /// A response was received, and it was not throttled.
    Answered,
    /// It was throttled.
    Throttled {
        /// The wait that the service requested; `None` if it requested none, and the store chooses one.
        delay: Option<Duration>,
    },
    /// The request certainly did not reach the service: the permit is returned.
    NotSent,
    /// There was no response, or the caller did not wait for it. The request may have arrived, or may still arrive.
    Unanswered,
}

/// Receives the reports of a store's permits. [`Permit`] always reports, also when it is dropped.
pub trait PermitHolder: Send + Sync {
    /// Receives a report about the permit of that slot. Must not block.
    fn report(&self, slot: Slot, report: Report);
}

/// The origin of a permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum QuotaSource {
    /// The quota of this process.
    Local,
    /// A quota shared by several processes.
    Shared,
    /// This process's share of a quota whose store is unreachable.
    LocalShare,
    /// No quota: the throttle is off, or the store is unreachable and its policy admits every call.
    Open,
}

/// The right to send one request.
///
/// If it is dropped before the request is sent, it is returned; if it is dropped later, the request counts as sent
/// without a response.
#[must_use = "a permit that is dropped goes back"]
pub struct Permit {
    source: QuotaSource,
    /// `None` after the last report, and if there is none.
    holder: Option<Arc<dyn PermitHolder>>,
    slot: Slot,
    is_sent: bool,
}

impl Permit {
    /// A permit that reports to `holder`. Only a holder of several permits needs different slots.
    pub fn new(source: QuotaSource, holder: Arc<dyn PermitHolder>, slot: Slot) -> Self {
        Self { source, holder: Some(holder), slot, is_sent: false }
    }

    /// A permit that reports to no store.
    pub fn untracked(source: QuotaSource) -> Self {
        Self { source, holder: None, slot: Slot::default(), is_sent: false }
    }

    /// The origin of the permit.
    pub fn source(&self) -> QuotaSource {
        self.source
    }

    /// Reports that the request is being sent.
    pub fn sent(&mut self) {
        self.is_sent = true;
        if let Some(holder) = &self.holder {
            holder.report(self.slot, Report::Sent);
        }
    }

    /// Reports a response that was not throttled.
    pub fn answered(mut self) {
        self.ends(Report::Answered);
    }

    /// Reports a response that the limit was exceeded; `delay` is the wait that the service requested.
    pub fn throttled(mut self, delay: Option<Duration>) {
        self.ends(Report::Throttled { delay });
    }

    /// Reports that the request certainly did not reach the service.
    pub fn not_sent(mut self) {
        self.ends(Report::NotSent);
    }

    fn ends(&mut self, report: Report) {
        if let Some(holder) = self.holder.take() {
            holder.report(self.slot, report);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.ends(if self.is_sent { Report::Unanswered } else { Report::Unused });
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("source", &self.source).finish_non_exhaustive()
    }
}
