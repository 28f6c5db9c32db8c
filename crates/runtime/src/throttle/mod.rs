//! Staying under the limits of an account: which quota a call belongs to, and who keeps it.
//!
//! [`staying_under_the_limit`] is the guide for users.

mod learn;
mod local;
mod pause;
mod queue;
#[cfg(feature = "redis")]
mod redis;
mod store;
mod watched;
mod window;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use local::LocalQuotas;
use queue::Quota;
#[cfg(feature = "redis")]
pub use redis::{FailurePolicy, RedisQuotas, RedisQuotasBuilder};
pub use store::{
    AcquireFuture, Ask, Permit, PermitHolder, QuotaKey, QuotaSource, QuotaStore, Refused, Report, StoreState,
};
use watched::Keeper;
pub use watched::QuotaSnapshot;
pub(crate) use watched::WatchedQuota;
pub use window::{Slot, Turn, Window};

use crate::descriptor::RateLimit;
use crate::event::Events;

#[doc = include_str!("staying_under_the_limit.md")]
pub mod staying_under_the_limit {}

/// How many calls may wait for one quota unless the user says otherwise: at ten a second, the last one waits for a quarter of
/// an hour.
const MAX_WAITING: usize = 10_000;

/// The quotas of **one account**: how many requests of each action may be sent, counted per endpoint and action.
///
/// By default every action has the limit that its descriptor documents, and a client has quotas of its own. Clients that use
/// the same account in one process should share one value (cloning it shares the quotas):
///
/// ```
/// use alibabacloud_runtime::{RateLimit, Throttle};
///
/// // Alibaba Cloud raised the limit of one action for this account.
/// let throttle = Throttle::new().with_limit("ChatappSyncPhoneNumber", RateLimit::per_second(50));
/// let shared = throttle.clone();
/// ```
///
/// # The rule
/// No window of the limit's length ever holds more than the allowed number of requests, *as the server counts them*. Request k
/// waits until request k-N can no longer share a window with it at the server, whatever the network does: one window after its answer
/// came back (it had arrived by then), or, when the server is slow, one window plus an allowance after it was sent, whichever is
/// earlier. [`Window`] has the exact rule.
///
/// - Waiting calls are served in the order in which they came, and a call that was sent before goes first. A call that cannot
///   be served before its deadline fails at once ([`ErrorKind::QuotaWait`](crate::ErrorKind::QuotaWait)), and so does one that finds
///   the queue [full](Self::with_max_waiting).
/// - A throttled answer pauses the quota for everyone who shares it, for as long as the service says, else for the backoff; then
///   one request goes ahead before the rest follow.
/// - Where no limit is documented, there is none until the service throttles. Then a rate is learned, as in the AWS SDKs' adaptive
///   mode: down to 0.7 of what got through, and slowly up again.
///
/// Several processes under one account need [a store that they share](Self::with_store). [Staying under the
/// limit](staying_under_the_limit) tells what to set when.
#[derive(Clone)]
pub struct Throttle {
    settings: Settings,
    quotas: Arc<Mutex<Quotas>>,
}

/// By action. The few quotas of one action differ in the endpoint or in the limit: two clients that disagree about the limit must
/// not share the slots.
type Quotas = BTreeMap<String, Vec<Arc<WatchedQuota>>>;

#[derive(Clone)]
struct Settings {
    off: bool,
    for_all: Option<RateLimit>,
    by_action: HashMap<String, Option<RateLimit>>,
    max_waiting: usize,
    store: Option<Arc<dyn QuotaStore>>,
}

impl Settings {
    fn new(off: bool) -> Self {
        Self { off, for_all: None, by_action: HashMap::new(), max_waiting: MAX_WAITING, store: None }
    }
}

impl Throttle {
    /// Quotas with the documented limit of every action.
    #[allow(clippy::new_without_default, reason = "a default would hide that each value has quotas of its own")]
    pub fn new() -> Self {
        Self { settings: Settings::new(false), quotas: Arc::default() }
    }

    /// No limits at all, and nothing is learned: every call is sent at once. For servers without limits, and for measuring.
    pub fn off() -> Self {
        Self { settings: Settings::new(true), quotas: Arc::default() }
    }

    /// Sets the limit of one action, in place of the documented one. The name is not checked.
    #[must_use]
    pub fn with_limit(mut self, action: impl Into<String>, limit: RateLimit) -> Self {
        self.settings.by_action.insert(action.into(), Some(limit));
        self
    }

    /// Takes the limit of one action away: it is treated as one whose limit is not documented.
    #[must_use]
    pub fn without_limit(mut self, action: impl Into<String>) -> Self {
        self.settings.by_action.insert(action.into(), None);
        self
    }

    /// Sets the same limit for every action that [`with_limit`](Self::with_limit) does not name. Each action still has a
    /// quota of its own.
    #[must_use]
    pub fn with_limit_for_all(mut self, limit: RateLimit) -> Self {
        self.settings.for_all = Some(limit);
        self
    }

    /// How many calls of this process may wait for one quota; a further one fails at once. By default 10 000.
    #[must_use]
    pub fn with_max_waiting(mut self, calls: usize) -> Self {
        self.settings.max_waiting = calls;
        self
    }

    /// Keeps the quotas in another store than this process, so that all who use the store share them.
    ///
    /// Quotas without a limit are learned by each process for itself.
    #[must_use]
    pub fn with_store(mut self, store: impl QuotaStore + 'static) -> Self {
        self.settings.store = Some(Arc::new(store));
        // Clones that have no store go on with the quotas of this process.
        self.quotas = Arc::default();
        self
    }

    /// The limit that holds for an action whose documented limit is `documented`; `None` if it has none.
    pub fn limit(&self, action: &str, documented: Option<RateLimit>) -> Option<RateLimit> {
        if self.settings.off {
            return None;
        }
        match self.settings.by_action.get(action) {
            Some(limit) => *limit,
            None => self.settings.for_all.or(documented),
        }
    }

    /// Waits at most `max_wait` for the right to send one request of an action whose documented limit is `documented`: for
    /// requests that are [prepared](crate::Client::prepare) and sent without [`Client::send`](crate::Client::send), which does this
    /// by itself. The endpoint is its host and port.
    ///
    /// ```
    /// use std::time::Duration;
    /// use alibabacloud_runtime::{RateLimit, Throttle};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let throttle = Throttle::new();
    /// let limit = Some(RateLimit::per_second(10));
    /// let mut permit = throttle.acquire("cams.example.com", "Look", limit, Duration::from_secs(5)).await?;
    /// permit.sent();
    /// // Send the request here, and wait for the answer.
    /// permit.answered();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Refused`] says why there is no permit; nothing was taken.
    pub async fn acquire(
        &self,
        endpoint: &str,
        action: &str,
        documented: Option<RateLimit>,
        max_wait: Duration,
    ) -> Result<Permit, Refused> {
        match self.quota(endpoint, action, documented) {
            Some(quota) => quota.acquire(max_wait, self.max_waiting(), false, &Events::default()).await,
            None => Ok(Permit::untracked(QuotaSource::Open)),
        }
    }

    /// The state of every quota that was used so far, for metrics: queue length, permits, refusals, throttled answers, pauses. The
    /// same is told, as it happens, to [`ClientBuilder::on_event`](crate::ClientBuilder::on_event).
    pub fn quotas(&self) -> Vec<QuotaSnapshot> {
        let quotas = self.quotas.lock().unwrap_or_else(PoisonError::into_inner);
        quotas.values().flatten().map(|quota| quota.snapshot()).collect()
    }

    pub(crate) fn max_waiting(&self) -> usize {
        self.settings.max_waiting
    }

    /// The quota of an action at an endpoint; `None` if the throttle is off.
    pub(crate) fn quota(
        &self,
        endpoint: &str,
        action: &str,
        documented: Option<RateLimit>,
    ) -> Option<Arc<WatchedQuota>> {
        if self.settings.off {
            return None;
        }
        let limit = self.limit(action, documented);
        // A panic elsewhere cannot leave the map half changed.
        let mut quotas = self.quotas.lock().unwrap_or_else(PoisonError::into_inner);
        let known = quotas.get(action).and_then(|quotas| quotas.iter().find(|quota| quota.is(endpoint, limit)));
        if let Some(quota) = known {
            return Some(quota.clone());
        }
        let keeper = match (&self.settings.store, limit) {
            (Some(store), Some(_)) => Keeper::Store(store.clone()),
            (None, Some(limit)) => Keeper::Here(Arc::new(Quota::limited(limit))),
            (_, None) => Keeper::Here(Arc::new(Quota::learned())),
        };
        let quota = Arc::new(WatchedQuota::new(QuotaKey::new(endpoint, action), limit, keeper));
        quotas.entry(action.to_owned()).or_default().push(quota.clone());
        Some(quota)
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle")
            .field("off", &self.settings.off)
            .field("for_all", &self.settings.for_all)
            .field("by_action", &self.settings.by_action)
            .field("store", &self.settings.store)
            .finish_non_exhaustive()
    }
}
