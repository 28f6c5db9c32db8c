//! What a store of quotas is: the trait, and the permits that it hands out.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::queue::LocalPermit;
use crate::descriptor::RateLimit;

/// What [`QuotaStore::acquire`] returns.
pub type AcquireFuture<'a> = Pin<Box<dyn Future<Output = Result<Permit, Refused>> + Send + 'a>>;

/// A place where quotas are kept: this process ([`LocalQuotas`](super::LocalQuotas)), a Redis server, or one of your own.
///
/// # Contract
/// - **Safety.** No window of the limit's length ever holds more permits than the limit allows, *as the server counts requests*:
///   a request arrives some time after its permit is used, so a place is free only when its request's window is over at the server.
///   [`Window`](super::Window) is this rule without clock and without waiting.
/// - **Order.** Callers of one process are served in the order in which they came, except that a call that was sent before
///   ([`Ask::again`]) goes first.
/// - **Waiting.** `acquire` waits for the permit, at most [`Ask::max_wait`]. A call that cannot be served within it is
///   [refused](Refused) as soon as that is known, and takes nothing. The number of waiting calls is bounded.
/// - **Cancellation.** The future may be dropped at any time; its place goes back.
/// - **Reports.** A permit's holder is told what became of the request (see [`Report`]), without waiting.
///   After a throttled answer nobody gets a permit during the pause, and then one before all others.
/// - **Failure.** A store that cannot reach what it needs decides by itself what callers get: a share of its own, a refusal, or
///   a free way; [`state`](Self::state) and [`Permit::source`] tell which.
/// - **Secrets.** Nothing that is stored, logged or shown holds a credential.
///
/// `tests/tests/quota_store.rs` in the repository is a small one.
pub trait QuotaStore: fmt::Debug + Send + Sync {
    /// Waits for the right to send one request.
    fn acquire<'a>(&'a self, ask: Ask<'a>) -> AcquireFuture<'a>;

    /// Whether the store works as it should. By default always.
    fn state(&self) -> StoreState {
        StoreState::Working
    }
}

/// Which quota a request belongs to. The account is the store's: one store, one account.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct QuotaKey {
    /// The endpoint's host and port; the service counts per region.
    pub endpoint: String,
    /// The action.
    pub action: String,
}

impl QuotaKey {
    /// The key of an action at an endpoint.
    pub fn new(endpoint: impl Into<String>, action: impl Into<String>) -> Self {
        Self { endpoint: endpoint.into(), action: action.into() }
    }
}

/// What a caller asks a store for.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Ask<'a> {
    /// The quota.
    pub key: &'a QuotaKey,
    /// Its limit.
    pub limit: RateLimit,
    /// The longest time that the caller waits.
    pub max_wait: Duration,
    /// How many calls of this process may wait for the quota.
    pub max_waiting: usize,
    /// Whether the call was sent before: it came before all that wait.
    pub again: bool,
}

impl<'a> Ask<'a> {
    /// A first attempt that waits at most `max_wait`, with the default bound of the queue.
    pub fn new(key: &'a QuotaKey, limit: RateLimit, max_wait: Duration) -> Self {
        Self { key, limit, max_wait, max_waiting: super::MAX_WAITING, again: false }
    }
}

/// Why there is no permit. Nothing was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// The wait would be longer than the caller waits.
    TooLong {
        /// How long it would have waited.
        needed: Duration,
    },
    /// As many calls wait as may.
    QueueFull {
        /// How long it would have waited.
        needed: Duration,
    },
    /// The store cannot be reached, and is set to let nobody through then.
    Unavailable,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong { .. } => "the quota leaves no room for the call before its deadline",
            Self::QueueFull { .. } => {
                "too many calls wait for the quota already; slow the callers down, or raise `Throttle::with_max_waiting`"
            }
            Self::Unavailable => {
                "the shared quota cannot be reached, and is set to let no call through then; see that its store is up"
            }
        })
    }
}

impl std::error::Error for Refused {}

impl Refused {
    /// How long the call would have waited, where that is known.
    pub fn needed(&self) -> Option<Duration> {
        match *self {
            Self::TooLong { needed } | Self::QueueFull { needed } => Some(needed),
            Self::Unavailable => None,
        }
    }
}

/// Whether a store works as it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreState {
    /// It does.
    Working,
    /// What it needs cannot be reached, and its policy for that holds.
    Fallback,
}

/// Who gave a permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum QuotaSource {
    /// The quota of this process.
    Local,
    /// A quota that several processes share.
    Shared,
    /// This process's share of a quota that cannot be reached.
    LocalShare,
    /// Nobody: the throttle is off, or the shared quota cannot be reached and is set to let every call through then.
    Open,
}

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
    /// It was throttled: nobody may send for so long, and for a time of the store's choice if none is given.
    Throttled {
        /// The pause.
        pause: Option<Duration>,
    },
    /// It certainly did not reach the server: the right goes back.
    NotSent,
    /// Nobody knows: there was no answer, or nobody waited for it. It may have arrived, or may arrive yet.
    Unanswered,
}

/// Is told what becomes of a permit that a store gave. Nothing needs to be done on drop: [`Permit`] always tells.
pub trait PermitHolder: Send {
    /// Something became of it. Must not wait.
    fn report(&mut self, report: Report);
}

/// The right to send one request.
///
/// Dropped before it was sent, it goes back; dropped after that, its request counts as sent and not answered.
#[must_use = "a permit that is dropped goes back"]
pub struct Permit {
    holder: Holder,
    stage: Stage,
}

enum Holder {
    /// Without a box: what most callers have.
    Local(LocalPermit),
    Other(Box<dyn PermitHolder>, QuotaSource),
    /// Nobody wants to know.
    Nobody(QuotaSource),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Held,
    Sent,
    Over,
}

impl Permit {
    /// A permit whose fate the holder wants to know.
    pub fn new(source: QuotaSource, holder: impl PermitHolder + 'static) -> Self {
        Self { holder: Holder::Other(Box::new(holder), source), stage: Stage::Held }
    }

    /// A permit whose fate nobody wants to know.
    pub fn untracked(source: QuotaSource) -> Self {
        Self { holder: Holder::Nobody(source), stage: Stage::Held }
    }

    pub(super) fn local(permit: LocalPermit) -> Self {
        Self { holder: Holder::Local(permit), stage: Stage::Held }
    }

    /// Who gave it.
    pub fn source(&self) -> QuotaSource {
        match &self.holder {
            Holder::Local(_) => QuotaSource::Local,
            Holder::Other(_, source) | Holder::Nobody(source) => *source,
        }
    }

    /// The request goes out now.
    pub fn sent(&mut self) {
        self.tell(Report::Sent, Stage::Sent);
    }

    /// The answer is there, and not throttled.
    pub fn answered(mut self) {
        self.tell(Report::Answered, Stage::Over);
    }

    /// The answer is there, and says that the limit was exceeded.
    pub fn throttled(mut self, pause: Option<Duration>) {
        self.tell(Report::Throttled { pause }, Stage::Over);
    }

    /// The request certainly did not reach the server.
    pub fn not_sent(mut self) {
        self.tell(Report::NotSent, Stage::Over);
    }

    fn tell(&mut self, report: Report, stage: Stage) {
        self.stage = stage;
        match &mut self.holder {
            Holder::Local(permit) => permit.report(report),
            Holder::Other(holder, _) => holder.report(report),
            Holder::Nobody(_) => {}
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        match self.stage {
            Stage::Held => self.tell(Report::Unused, Stage::Over),
            Stage::Sent => self.tell(Report::Unanswered, Stage::Over),
            Stage::Over => {}
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("source", &self.source()).finish_non_exhaustive()
    }
}
