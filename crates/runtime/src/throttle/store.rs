//! What a store of quotas is: the traits, the key of a quota, and what a caller asks for.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use super::limit::RateLimit;
use super::permit::Permit;

/// How many calls may wait for one quota unless the user says otherwise: at ten a second, the last one waits for a quarter of
/// an hour.
pub(super) const MAX_WAITING: usize = 10_000;

/// What [`Quota::acquire`] returns.
pub type AcquireFuture = Pin<Box<dyn Future<Output = Result<Permit, Refused>> + Send>>;

/// A place where quotas are kept: this process (the default of a [`Throttle`](super::Throttle)), this machine
/// ([`MachineQuotas`](super::MachineQuotas)), a Redis server, or one of your own.
///
/// `tests/tests/quota_store.rs` in the repository is a small one.
pub trait QuotaStore: fmt::Debug + Send + Sync {
    /// The quota of that key. Called once for each key; the throttle keeps it while it is used. `limit` is `None` if the action has
    /// no documented limit.
    fn open(&self, key: &QuotaKey, limit: Option<RateLimit>) -> Arc<dyn Quota>;
}

/// One quota in a store.
///
/// # Contract
/// - **Safety.** No window of the limit's length ever holds more permits than the limit allows, *as the service counts requests*:
///   a request arrives some time after its permit is used, so a place is free only when its request's window is over at the service.
///   [`Window`](super::Window) is this rule without clock and without waiting.
/// - **Order.** Callers of one process are served in the order in which they came, except that a retry ([`Ask::is_retry`]) goes first.
/// - **Waiting.** `acquire` waits for the permit, at most [`Ask::max_wait`]. A call that cannot be served within it is
///   [refused](Refused) as soon as that is known, and takes nothing. The number of waiting calls is bounded.
/// - **Cancellation.** The future may be dropped at any time; its place goes back.
/// - **Reports.** The permit's holder receives what became of the request (see [`Report`](super::Report)), without waiting.
///   After a throttled response there is no permit during the pause, and then one before all others.
/// - **Failure.** A store that is away decides by itself what callers get: a share of its own, a refusal, or
///   a free way; [`state`](Self::state) and [`Permit::source`] tell which. A store that is misconfigured refuses.
/// - **Runtimes.** Callers may be on several tokio runtimes, of which any may stop at any time.
/// - **Secrets.** Nothing that is stored, logged or shown holds a credential.
pub trait Quota: fmt::Debug + Send + Sync {
    /// A permit that is free now and that no other caller waits for. By default none, so that callers [`acquire`](Self::acquire).
    fn try_acquire(self: Arc<Self>) -> Option<Permit> {
        None
    }

    /// Waits for a permit.
    fn acquire(self: Arc<Self>, ask: Ask) -> AcquireFuture;

    /// Lowers the limit: of several limits for one key, the lowest holds.
    fn lower(&self, limit: RateLimit);

    /// The state of the quota.
    fn state(&self) -> QuotaState {
        QuotaState::default()
    }
}

/// Which quota a request belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct QuotaKey {
    /// The Alibaba Cloud account: a name that the user gave, or `key:` and a hash of the access key ID.
    pub account: String,
    /// The code of the product, e.g. `cams`.
    pub product: String,
    /// The action.
    pub action: String,
    /// The host of the endpoint, if regions are counted apart ([`Throttle::per_region`](super::Throttle::per_region)).
    pub region: Option<String>,
}

impl QuotaKey {
    /// The key of a product's action in all regions.
    pub fn new(account: impl Into<String>, product: impl Into<String>, action: impl Into<String>) -> Self {
        Self { account: account.into(), product: product.into(), action: action.into(), region: None }
    }
}

impl fmt::Display for QuotaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.product, self.action)?;
        self.region.as_ref().map_or(Ok(()), |region| write!(f, " at {region}"))
    }
}

/// What a caller asks a quota for.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Ask {
    /// The longest time that the caller waits.
    pub max_wait: Duration,
    /// How many calls of this process may wait for the quota.
    pub max_waiting: usize,
    /// Whether the call was sent before: it came before all that wait.
    pub is_retry: bool,
}

impl Ask {
    /// A first attempt that waits at most `max_wait`, with the default bound of the queue.
    pub fn new(max_wait: Duration) -> Self {
        Self { max_wait, max_waiting: MAX_WAITING, is_retry: false }
    }

    /// A bulk has few calls in the queue.
    pub(crate) fn of_a_bulk(self) -> Self {
        Self { max_waiting: usize::MAX, ..self }
    }
}

/// Why there is no permit. Nothing was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// The store is away, and its policy lets no call through.
    Unavailable {
        /// What failed, without secrets.
        reason: Arc<str>,
    },
    /// A setting is wrong or missing: the store refuses (password, permission, type of server), or it was never reached, and the
    /// number of processes that share the quota is not set.
    Misconfigured {
        /// What failed, without secrets.
        reason: Arc<str>,
    },
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { .. } => f.write_str("the quota leaves no room for the call before its deadline"),
            Self::QueueFull { .. } => f.write_str(
                "too many calls wait for the quota already; slow the callers down, or raise `Throttle::with_max_waiting`",
            ),
            Self::Unavailable { reason } => write!(f, "the shared quota is not reachable: {reason}"),
            Self::Misconfigured { reason } => write!(f, "the shared quota cannot be used: {reason}"),
        }
    }
}

impl std::error::Error for Refused {}

impl Refused {
    /// How long the call would have waited, where that is known.
    pub fn needed(&self) -> Option<Duration> {
        match *self {
            Self::TooLong { needed } | Self::QueueFull { needed } => Some(needed),
            Self::Unavailable { .. } | Self::Misconfigured { .. } => None,
        }
    }
}

/// The state of one quota.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct QuotaState {
    /// How long there is no permit from now on, because of a throttled response.
    pub paused_for: Duration,
    /// Requests per second of the share that throttled responses left; `None` while the whole limit is used.
    pub learned_rate: Option<f64>,
    /// Whether the store is away, so that its policy holds.
    pub fallback: bool,
}

/// Counts a waiting call until it is dropped.
pub(super) struct Waiting<'c> {
    counter: &'c AtomicUsize,
    /// How many wait, this one included.
    pub(super) of: usize,
}

impl<'c> Waiting<'c> {
    pub(super) fn begins(counter: &'c AtomicUsize) -> Self {
        Self { counter, of: counter.fetch_add(1, Relaxed) + 1 }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.counter.fetch_sub(1, Relaxed);
    }
}
