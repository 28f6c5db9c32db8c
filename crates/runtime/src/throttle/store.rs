//! Quota stores: the traits, the key of a quota, and the options of a caller.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use super::limit::RateLimit;
use super::permit::{Permit, PermitHolder, QuotaSource, Slot};

/// The default number of calls that may wait for one quota: at ten per second, the last one waits about a quarter of an
/// hour.
pub(super) const MAX_WAITING: usize = 10_000;

/// The future that [`Quota::acquire`] returns.
pub type AcquireFuture = Pin<Box<dyn Future<Output = Result<Permit, Refused>> + Send>>;

/// A store of quotas: this process (the default of a [`Throttle`](super::Throttle)), this machine
/// ([`MachineQuotas`](super::MachineQuotas)), a Redis server, or a custom one.
///
/// `tests/tests/quota_store.rs` in the repository is a small example.
pub trait QuotaStore: fmt::Debug + Send + Sync {
    /// The quota for that key. Called once for each key; the throttle keeps it while it is used. `limit` is `None` if
    /// the action has no documented limit.
    fn open(&self, key: &QuotaKey, limit: Option<RateLimit>) -> Arc<dyn Quota>;
}

/// One quota in a store.
///
/// # Contract
/// - **Safety.** No window of the limit's length ever contains more permits than the limit allows, *as the service
///   counts requests*: a request arrives some time after its permit is used, so a slot is free only when its request's
///   window is over at the service. [`Window`](super::Window) implements this rule without a clock.
/// - **Order.** Callers of one process are served in order, except that retries ([`AcquireOptions::is_retry`]) are
///   served first.
/// - **Waiting.** `acquire` waits at most [`AcquireOptions::max_wait`]. A call that cannot be served within it is
///   [refused](Refused) as soon as that is known, and takes no permit. The number of waiting calls is bounded.
/// - **Cancellation.** The future may be dropped at any time; its place in the queue is freed.
/// - **Reports.** The quota, or another holder of a permit, receives the outcome of its request (see
///   [`Report`](super::Report)). After a throttled response there is no permit during the pause, and then one before
///   all others.
/// - **Failure.** An unreachable store decides what callers get: a share of the limit, a refusal, or unlimited permits;
///   [`state`](Self::state) and [`Permit::source`] show which. A misconfigured store refuses.
/// - **Runtimes.** Callers may use several tokio runtimes, any of which may stop at any time.
/// - **Secrets.** No credential is stored, logged or shown.
pub trait Quota: PermitHolder + fmt::Debug {
    /// Takes a slot that is available at once, while no other caller waits; returns it and its origin. The quota
    /// receives the reports of its permit. Default: none, so that callers [`acquire`](Self::acquire).
    fn try_acquire(&self) -> Option<(QuotaSource, Slot)> {
        None
    }

    /// Waits for a permit.
    fn acquire(self: Arc<Self>, ask: AcquireOptions) -> AcquireFuture;

    /// Lowers the limit: of several limits for one key, the lowest applies.
    fn lower(&self, limit: RateLimit);

    /// The state of the quota.
    fn state(&self) -> QuotaState {
        QuotaState::default()
    }
}

/// Identifies a quota.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct QuotaKey {
    /// The Alibaba Cloud account: a name that the user set, or `key:` and a hash of the access key ID.
    pub account: String,
    /// The code of the product, e.g. `cams`.
    pub product: String,
    /// The action.
    pub action: String,
    /// The host of the endpoint, if regions are counted separately
    /// ([`Throttle::per_region`](super::Throttle::per_region)).
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

/// Checks the name of an account.
pub(crate) fn account_name(name: String) -> Result<String, &'static str> {
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
        return Err("the name of the account must be of letters, digits, `-`, `_` and `.`");
    }
    if name.starts_with("LTAI") || name.starts_with("STS.") {
        return Err("the name of the account looks like an access key ID; give the account a name instead");
    }
    Ok(name)
}

/// The options of [`Quota::acquire`].
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct AcquireOptions {
    /// The maximum time to wait.
    pub max_wait: Duration,
    /// How many calls of this process may wait for the quota.
    pub max_waiting: usize,
    /// Whether the call was sent before, so that it is served before all waiting calls.
    pub is_retry: bool,
}

impl AcquireOptions {
    /// A first attempt that waits at most `max_wait`, with the default maximum of waiting calls.
    pub fn new(max_wait: Duration) -> Self {
        Self { max_wait, max_waiting: MAX_WAITING, is_retry: false }
    }
}

/// The reason why there is no permit. Nothing was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// The required wait is longer than the caller's maximum.
    TooLong {
        /// The required wait.
        needed: Duration,
    },
    /// The maximum number of calls wait already.
    QueueFull {
        /// The required wait.
        needed: Duration,
    },
    /// The store is unreachable, and its policy admits no call.
    Unavailable {
        /// What failed, without secrets.
        reason: Arc<str>,
    },
    /// A setting is wrong or missing: the store refuses (password, permission, type of server), or it was never reached
    /// and the number of processes is not set.
    Misconfigured {
        /// What failed, without secrets.
        reason: Arc<str>,
    },
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { .. } => f.write_str(
                "the quota leaves no room for the call before its deadline; send fewer calls at once, or raise the deadline",
            ),
            Self::QueueFull { .. } => f.write_str(
                "too many calls wait for the quota already; send fewer calls at once, or raise `Throttle::with_max_waiting`",
            ),
            Self::Unavailable { reason } => write!(f, "the shared quota is not reachable: {reason}"),
            Self::Misconfigured { reason } => write!(f, "the shared quota cannot be used: {reason}"),
        }
    }
}

impl std::error::Error for Refused {}

impl Refused {
    /// The required wait, if known.
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
    /// The remaining pause because of a throttled response.
    pub paused_for: Duration,
    /// The learned share in requests per second; `None` while the whole limit is used.
    pub learned_rate: Option<f64>,
    /// Whether the store is unreachable, so that its policy applies.
    pub fallback: bool,
}

/// Counts a waiting call until it is dropped.
pub(super) struct Waiting<'c> {
    counter: &'c AtomicUsize,
    /// How many calls wait, including this one.
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
