//! Permits: the right to send one request, and the report of what became of it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::window::Slot;

/// What became of a permit. First either [`Unused`](Self::Unused) or [`Sent`](Self::Sent); after `Sent` exactly one of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Report {
    /// No request was sent: the right goes back.
    Unused,
    /// The request goes out now.
    Sent,
    /// It was answered now, and not throttled.
    Answered,
    /// It was throttled.
    Throttled {
        /// The wait that the service named; the store chooses one if it named none.
        delay: Option<Duration>,
    },
    /// It certainly did not reach the service: the right goes back.
    NotSent,
    /// There was no answer, or the caller did not wait for it. The request may have arrived, or may arrive later.
    Unanswered,
}

/// Receives the reports of permits that a store gave. Nothing needs to be done on drop: [`Permit`] always reports.
pub trait PermitHolder: Send + Sync {
    /// Takes a report about the permit of that slot. Must not wait.
    fn report(&self, slot: Slot, report: Report);
}

/// What gave a permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum QuotaSource {
    /// The quota of this process.
    Local,
    /// A quota that several processes share.
    Shared,
    /// This process's share of a quota whose store is away.
    LocalShare,
    /// No quota: the throttle is off, or the store is away and its policy lets every call through.
    Open,
}

/// The right to send one request.
///
/// Dropped before the request was sent, it goes back; dropped after that, the request counts as sent and not answered.
#[must_use = "a permit that is dropped goes back"]
pub struct Permit {
    /// `None` for a permit that reports to no store.
    holder: Option<Arc<dyn PermitHolder>>,
    slot: Slot,
    source: QuotaSource,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Held,
    Sent,
    Over,
}

impl Permit {
    /// A permit that reports to `holder`.
    pub fn new(source: QuotaSource, holder: Arc<dyn PermitHolder>) -> Self {
        Self::of_slot(source, holder, Slot::default())
    }

    /// A permit for one slot of a [`Window`](super::Window), of which `holder` has several.
    pub fn of_slot(source: QuotaSource, holder: Arc<dyn PermitHolder>, slot: Slot) -> Self {
        Self { holder: Some(holder), slot, source, stage: Stage::Held }
    }

    /// A permit that reports to no store.
    pub fn untracked(source: QuotaSource) -> Self {
        Self { holder: None, slot: Slot::default(), source, stage: Stage::Held }
    }

    /// What gave it.
    pub fn source(&self) -> QuotaSource {
        self.source
    }

    /// The request goes out now.
    pub fn sent(&mut self) {
        self.report(Report::Sent, Stage::Sent);
    }

    /// The answer is there, and not throttled.
    pub fn answered(mut self) {
        self.report(Report::Answered, Stage::Over);
    }

    /// The answer is there, and says that the limit was exceeded; `delay` is the wait that the service names.
    pub fn throttled(mut self, delay: Option<Duration>) {
        self.report(Report::Throttled { delay }, Stage::Over);
    }

    /// The request certainly did not reach the service.
    pub fn not_sent(mut self) {
        self.report(Report::NotSent, Stage::Over);
    }

    fn report(&mut self, report: Report, stage: Stage) {
        self.stage = stage;
        if let Some(holder) = &self.holder {
            holder.report(self.slot, report);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        match self.stage {
            Stage::Held => self.report(Report::Unused, Stage::Over),
            Stage::Sent => self.report(Report::Unanswered, Stage::Over),
            Stage::Over => {}
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("source", &self.source).finish_non_exhaustive()
    }
}
