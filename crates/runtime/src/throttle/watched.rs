//! A quota as a client sees it: whatever keeps it, what happens is counted and reported to an observer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::limit::RateLimit;
use super::permit::{Permit, QuotaSource};
use super::store::{Ask, Quota, QuotaKey, Refused, Waiting};

/// After how long without an answer of the store a call counts as waiting, rather than as asking.
const ASKING: Duration = Duration::from_millis(50);

/// Something that happened to a quota.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum QuotaEvent {
    /// A call must wait for its permit.
    Waiting {
        /// How many calls of this process wait, this one included.
        waiting: usize,
    },
    /// A call got its permit.
    Granted {
        /// How long it waited.
        waited: Duration,
        /// What gave it.
        source: QuotaSource,
    },
    /// A call got no permit and was not sent.
    Refused(Refused),
    /// The service throttled a request: there is no permit for a while, for all that share the quota.
    Paused {
        /// The wait that the service named; `None` if the quota chooses it.
        delay: Option<Duration>,
    },
    /// The store of a shared quota is away.
    FallbackEntered {
        /// What gives permits meanwhile: a share of the limit, or [no quota](QuotaSource::Open); `None` if calls fail.
        source: Option<QuotaSource>,
    },
    /// The store is back.
    FallbackLeft,
}

/// Receives what happens to quotas.
pub(crate) type QuotaObserver<'a> = &'a (dyn Fn(&QuotaKey, QuotaEvent) + Sync);

/// The quota of one action of one account.
#[derive(Debug)]
pub(crate) struct WatchedQuota {
    pub(super) key: QuotaKey,
    pub(super) quota: Arc<dyn Quota>,
    counters: Counters,
}

#[derive(Debug, Default)]
struct Counters {
    waiting: AtomicUsize,
    granted: AtomicU64,
    waited_nanos: AtomicU64,
    refused: AtomicU64,
    throttled: AtomicU64,
    fallback: AtomicBool,
}

/// The state of one quota, and what happened to it so far; see [`Throttle::quotas`](super::Throttle::quotas).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct QuotaSnapshot {
    /// Which quota it is.
    pub key: QuotaKey,
    /// Its limit; `None` if none is documented.
    pub limit: Option<RateLimit>,
    /// How many calls of this process wait for a permit now.
    pub waiting: usize,
    /// How many permits were given to this process.
    pub granted: u64,
    /// How long calls waited for them, together.
    pub waited: Duration,
    /// How many calls were refused a permit: no room before the deadline, queue full, store not reachable.
    pub refused: u64,
    /// How many requests of this process the service throttled. Each pauses the quota.
    pub throttled: u64,
    /// How long there is no permit from now on, because of a throttled response; zero for a quota in Redis.
    pub paused_for: Duration,
    /// Requests per second of the share that throttled responses left; `None` while the whole limit is used.
    pub learned_rate: Option<f64>,
    /// Whether the store of a shared quota is away, so that its policy holds.
    pub fallback: bool,
}

impl WatchedQuota {
    pub(super) fn new(key: QuotaKey, quota: Arc<dyn Quota>) -> Self {
        Self { key, quota, counters: Counters::default() }
    }

    /// Waits for a permit.
    pub(crate) async fn acquire(&self, ask: Ask, observe: QuotaObserver<'_>) -> Result<Permit, Refused> {
        if let Some(permit) = self.quota.clone().try_acquire() {
            return Ok(self.granted(permit, Duration::ZERO, observe));
        }
        let asked = Instant::now();
        match self.wait(ask, observe).await {
            Ok(permit) => Ok(self.granted(permit, asked.elapsed(), observe)),
            Err(refused) => {
                self.counters.refused.fetch_add(1, Relaxed);
                observe(&self.key, QuotaEvent::Refused(refused.clone()));
                if matches!(refused, Refused::Unavailable { .. }) {
                    self.fallback(true, None, observe);
                }
                Err(refused)
            }
        }
    }

    /// Reports that the call waits if there is no outcome within [`ASKING`].
    async fn wait(&self, ask: Ask, observe: QuotaObserver<'_>) -> Result<Permit, Refused> {
        let mut acquiring = self.quota.clone().acquire(ask);
        let waiting = Waiting::begins(&self.counters.waiting);
        if let Ok(outcome) = timeout(ASKING, acquiring.as_mut()).await {
            return outcome;
        }
        observe(&self.key, QuotaEvent::Waiting { waiting: waiting.of });
        acquiring.await
    }

    fn granted(&self, permit: Permit, waited: Duration, observe: QuotaObserver<'_>) -> Permit {
        self.counters.granted.fetch_add(1, Relaxed);
        if !waited.is_zero() {
            // Centuries of waiting fit.
            self.counters.waited_nanos.fetch_add(u64::try_from(waited.as_nanos()).unwrap_or(u64::MAX), Relaxed);
        }
        let source = permit.source();
        observe(&self.key, QuotaEvent::Granted { waited, source });
        self.fallback(matches!(source, QuotaSource::LocalShare | QuotaSource::Open), Some(source), observe);
        permit
    }

    /// The service throttled the request of this permit; `delay` is the wait that it named.
    pub(crate) fn throttled(&self, permit: Permit, delay: Option<Duration>, observe: QuotaObserver<'_>) {
        permit.throttled(delay);
        self.counters.throttled.fetch_add(1, Relaxed);
        observe(&self.key, QuotaEvent::Paused { delay });
    }

    fn fallback(&self, now: bool, source: Option<QuotaSource>, observe: QuotaObserver<'_>) {
        // The common case costs no write.
        if self.counters.fallback.load(Relaxed) != now && self.counters.fallback.swap(now, Relaxed) != now {
            observe(&self.key, if now { QuotaEvent::FallbackEntered { source } } else { QuotaEvent::FallbackLeft });
        }
    }

    pub(super) fn snapshot(&self, limit: Option<RateLimit>) -> QuotaSnapshot {
        let (counters, state) = (&self.counters, self.quota.state());
        QuotaSnapshot {
            key: self.key.clone(),
            limit,
            waiting: counters.waiting.load(Relaxed),
            granted: counters.granted.load(Relaxed),
            waited: Duration::from_nanos(counters.waited_nanos.load(Relaxed)),
            refused: counters.refused.load(Relaxed),
            throttled: counters.throttled.load(Relaxed),
            paused_for: state.paused_for,
            learned_rate: state.learned_rate,
            fallback: state.fallback,
        }
    }
}
