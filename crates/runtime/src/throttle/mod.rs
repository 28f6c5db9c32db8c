//! Stays within the limits of an account: determines the quota of a call, and stores quotas.
//!
//! [`staying_under_the_limit`] is the guide for users. Each module uses only those before it: `limit`, `time`,
//! `words`, `share`, `permit`, `window`, `store`, `queue`, `local`, `machine` · `redis`, `watched`, and this one.

mod limit;
mod local;
mod machine;
mod permit;
mod queue;
#[cfg(feature = "redis")]
mod redis;
mod share;
mod store;
mod time;
mod watched;
mod window;
mod words;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tokio::time::Instant;

use crate::lock::lock;
pub use limit::{ParseRateLimitError, RateLimit};
use local::LocalQuotas;
pub use machine::MachineQuotas;
pub use permit::{Permit, PermitHolder, QuotaSource, Report, Slot};
#[cfg(feature = "redis")]
pub use redis::{FailurePolicy, RedisQuotas, RedisQuotasBuilder};
use store::MAX_WAITING;
pub(crate) use store::account_name;
pub use store::{AcquireFuture, AcquireOptions, Quota, QuotaKey, QuotaState, QuotaStore, Refused};
pub(crate) use watched::WatchedQuota;
pub use watched::{QuotaEvent, QuotaSnapshot};
pub use window::{Availability, Window};

#[doc = include_str!("staying_under_the_limit.md")]
pub mod staying_under_the_limit {}

/// How long unused quotas are kept, and the number of look-ups between readings of the clock.
const KEPT: Duration = Duration::from_secs(10 * 60);
const LOOK_UPS: u32 = 256;

/// The quotas of actions: how many requests may be sent, counted per account and action.
///
/// By default every action has its documented limit. Clients without a throttle share that of the process
/// ([`Throttle::global`]); [`Throttle::new`] has separate quotas. Clones share their quotas, even if the limits of a
/// clone are changed. If a quota has several limits, the lowest applies:
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
/// No window of the limit's length ever contains more than the allowed number of requests, *as the service counts
/// them*. Request k waits until request k-N can no longer share a window with it at the service, whatever the network
/// does: one window after its response (because it had arrived by then) or, with a slow service, one window plus an
/// allowance after it was sent, whichever is earlier. Requests on a stalled network count as not arrived. [`Window`]
/// implements the exact rule.
///
/// - Waiting calls are served in order, and retries first. A call that cannot be served before its deadline fails at
///   once ([`ErrorKind::QuotaWait`](crate::ErrorKind::QuotaWait)), and so does one when the queue is
///   [full](Self::with_max_waiting).
/// - After a throttled response the quota pauses for all its users, and then uses a smaller share of the limit.
///
/// Several processes of one account need [a shared store](Self::with_store). [Staying under the
/// limit](staying_under_the_limit) describes what to set, what a share is, and actions without a documented limit.
#[derive(Clone)]
pub struct Throttle {
    off: bool,
    per_region: bool,
    for_all: Option<RateLimit>,
    by_action: HashMap<String, Option<RateLimit>>,
    max_waiting: usize,
    store: Arc<dyn QuotaStore>,
    quotas: Arc<Mutex<Quotas>>,
}

struct Quotas {
    /// By action. The few quotas of an action differ in account, product or region.
    by_action: BTreeMap<String, Vec<Entry>>,
    swept_at: Instant,
    /// The number of look-ups since the clock was read.
    look_ups: u32,
}

struct Entry {
    quota: Arc<WatchedQuota>,
    limit: Option<RateLimit>,
    /// Whether it was used since the last sweep, and when it was found unused.
    used: bool,
    unused_since: Option<Instant>,
}

/// The account and action of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) account: &'a str,
    pub(crate) product: &'a str,
    pub(crate) action: &'a str,
    /// The host of the endpoint.
    pub(crate) host: &'a str,
}

impl Throttle {
    fn with(off: bool) -> Self {
        Self {
            off,
            per_region: false,
            for_all: None,
            by_action: HashMap::new(),
            max_waiting: MAX_WAITING,
            store: Arc::new(LocalQuotas),
            quotas: Quotas::new(),
        }
    }

    /// A throttle with separate quotas and the documented limit of every action.
    #[allow(clippy::new_without_default, reason = "a default would hide that each value has separate quotas")]
    pub fn new() -> Self {
        Self::with(false)
    }

    /// The throttle of this process, which all clients without another throttle share.
    ///
    /// Quotas are kept per account, so clients of different accounts do not delay each other. An unused quota is
    /// dropped after ten to twenty minutes.
    pub fn global() -> Self {
        static GLOBAL: OnceLock<Throttle> = OnceLock::new();
        GLOBAL.get_or_init(Self::new).clone()
    }

    /// A throttle without limits, which learns nothing: every call is sent at once. For servers without limits, and for
    /// measurements.
    pub fn off() -> Self {
        Self::with(true)
    }

    /// Sets the limit of one action, which overrides the documented one. The name is not checked.
    #[must_use]
    pub fn with_limit(mut self, action: impl Into<String>, limit: RateLimit) -> Self {
        self.by_action.insert(action.into(), Some(limit));
        self
    }

    /// Removes the limit of one action, which is then treated as undocumented.
    #[must_use]
    pub fn without_limit(mut self, action: impl Into<String>) -> Self {
        self.by_action.insert(action.into(), None);
        self
    }

    /// Sets the same limit for every action without a [`with_limit`](Self::with_limit). Each action still has a
    /// separate quota.
    #[must_use]
    pub fn with_limit_for_all(mut self, limit: RateLimit) -> Self {
        self.for_all = Some(limit);
        self
    }

    /// Sets how many calls of this process may wait for one quota; a further one fails at once. Default: 10 000.
    #[must_use]
    pub fn with_max_waiting(mut self, calls: usize) -> Self {
        self.max_waiting = calls;
        self
    }

    /// Counts each endpoint separately. By default all regions share the quota of an account and action, as most
    /// products document.
    #[must_use]
    pub fn per_region(mut self) -> Self {
        self.per_region = true;
        self
    }

    /// Keeps the quotas in this store, so that all users of the store share them.
    #[must_use]
    pub fn with_store(mut self, store: impl QuotaStore + 'static) -> Self {
        self.store = Arc::new(store);
        // Clones with another store keep their quotas.
        self.quotas = Quotas::new();
        self
    }

    /// The effective limit of an action whose documented limit is `documented`; `None` if it has none.
    pub fn limit(&self, action: &str, documented: Option<RateLimit>) -> Option<RateLimit> {
        if self.off {
            return None;
        }
        match self.by_action.get(action) {
            Some(limit) => *limit,
            None => self.for_all.or(documented),
        }
    }

    /// Waits at most `max_wait` for a permit for one request of an action whose documented limit is `documented`. Use
    /// it for requests that are [prepared](crate::Client::prepare) and sent without
    /// [`Client::send`](crate::Client::send), which acquires a permit itself.
    ///
    /// ```
    /// use std::time::Duration;
    /// use alibabacloud_runtime::throttle::QuotaKey;
    /// use alibabacloud_runtime::{RateLimit, Throttle};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let throttle = Throttle::new();
    /// let limit = Some(RateLimit::per_second(10));
    /// let key = QuotaKey::new("main-account", "cams", "Look");
    /// let mut permit = throttle.acquire(&key, limit, Duration::from_secs(5)).await?;
    /// permit.sent();
    /// // Send the request here, and wait for the response.
    /// permit.answered();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Refused`] has the reason; no permit was taken.
    pub async fn acquire(
        &self,
        key: &QuotaKey,
        documented: Option<RateLimit>,
        max_wait: Duration,
    ) -> Result<Permit, Refused> {
        let host = key.region.as_deref().unwrap_or_default();
        let request = Request { account: &key.account, product: &key.product, action: &key.action, host };
        let Some((quota, _)) = self.quota(request, documented) else {
            return Ok(Permit::untracked(QuotaSource::Open));
        };
        match quota.try_acquire(&|_, _| {}) {
            Ok(permit) => Ok(permit),
            Err(quota) => quota.wait(self.ask(max_wait), &|_, _| {}).await,
        }
    }

    /// The state of every quota in use, for metrics: queue length, permits, refusals, throttled responses, pauses.
    /// [`ClientBuilder::on_event`](crate::ClientBuilder::on_event) reports the same as it happens.
    pub fn quotas(&self) -> Vec<QuotaSnapshot> {
        lock(&self.quotas).by_action.values().flatten().map(|entry| entry.quota.snapshot(entry.limit)).collect()
    }

    pub(crate) fn is_off(&self) -> bool {
        self.off
    }

    /// The options of a first attempt.
    pub(crate) fn ask(&self, max_wait: Duration) -> AcquireOptions {
        AcquireOptions { max_waiting: self.max_waiting, ..AcquireOptions::new(max_wait) }
    }

    /// The quota of a request and its limit; `None` if the throttle is off.
    pub(crate) fn quota(
        &self,
        request: Request<'_>,
        documented: Option<RateLimit>,
    ) -> Option<(Arc<WatchedQuota>, Option<RateLimit>)> {
        if self.off {
            return None;
        }
        let limit = self.limit(request.action, documented);
        let region = self.per_region.then_some(request.host);
        let mut quotas = lock(&self.quotas);
        // Reading the clock would dominate.
        quotas.look_ups = quotas.look_ups.wrapping_add(1);
        if quotas.look_ups.is_multiple_of(LOOK_UPS) {
            quotas.sweep();
        }
        if let Some(entries) = quotas.by_action.get_mut(request.action)
            && let Some(entry) = entries.iter_mut().find(|entry| entry.is_of(request, region))
        {
            entry.used = true;
            entry.lower(limit);
            return Some((entry.quota.clone(), entry.limit));
        }
        quotas.sweep();
        let mut key = QuotaKey::new(request.account, request.product, request.action);
        key.region = region.map(str::to_owned);
        let quota = self.store.open(&key, limit);
        let quota = Arc::new(WatchedQuota::new(key, quota));
        let entry = Entry { quota: quota.clone(), limit, used: true, unused_since: None };
        quotas.by_action.entry(request.action.to_owned()).or_default().push(entry);
        Some((quota, limit))
    }
}

impl Quotas {
    fn new() -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Self { by_action: BTreeMap::new(), swept_at: Instant::now(), look_ups: 0 }))
    }

    /// Drops quotas that were not used for a while.
    fn sweep(&mut self) {
        let now = Instant::now();
        if now.saturating_duration_since(self.swept_at) < KEPT {
            return;
        }
        self.swept_at = now;
        self.by_action.retain(|_, entries| {
            entries.retain_mut(|entry| entry.is_kept(now));
            !entries.is_empty()
        });
    }
}

impl Entry {
    fn is_of(&self, request: Request<'_>, region: Option<&str>) -> bool {
        let key = &self.quota.key;
        key.account == request.account && key.product == request.product && key.region.as_deref() == region
    }

    /// Whether it was used recently, or is in use by a call.
    fn is_kept(&mut self, now: Instant) -> bool {
        // Permits own the quota, too.
        let held = Arc::strong_count(&self.quota) > 1 || Arc::strong_count(&self.quota.quota) > 1;
        if std::mem::take(&mut self.used) || held {
            self.unused_since = None;
            return true;
        }
        let windows = self.limit.map_or(Duration::ZERO, |limit| limit.window() * 2);
        let pause = self.quota.quota.state().paused_for;
        let since = *self.unused_since.get_or_insert(now);
        now.saturating_duration_since(since) < windows + pause
    }

    /// Applies the lowest of several limits.
    fn lower(&mut self, limit: Option<RateLimit>) {
        let Some(limit) = limit.filter(|limit| self.limit != Some(*limit)) else { return };
        let lower = self.limit.map_or(limit, |own| own.lower(limit));
        if self.limit != Some(lower) {
            self.limit = Some(lower);
            self.quota.quota.lower(lower);
        }
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle")
            .field("off", &self.off)
            .field("per_region", &self.per_region)
            .field("for_all", &self.for_all)
            .field("by_action", &self.by_action)
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}
