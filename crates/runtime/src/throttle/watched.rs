//! A quota as seen by a client: counts events of any store and reports them to an observer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::limit::RateLimit;
use super::permit::{Permit, PermitHolder, QuotaSource, Report, Slot};
use super::store::{AcquireOptions, Quota, QuotaKey, Refused, Waiting};

/// How long a store may take before a call counts as waiting for the quota.
const ASKING: Duration = Duration::from_millis(50);

/// An event of a quota.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum QuotaEvent {
    /// A call must wait for its permit.
    Waiting {
        /// How many calls of this process wait, including this one.
        waiting: usize,
    },
    /// A call got its permit.
    Granted {
        /// How long it waited.
        waited: Duration,
        /// The origin of the permit.
        source: QuotaSource,
    },
    /// A call got no permit and was not sent.
    Refused(Refused),
    /// The service throttled a request: all users of the quota pause.
    Paused {
        /// The wait that the service requested; `None` if the quota chooses it.
        delay: Option<Duration>,
    },
    /// The store of a shared quota is unreachable.
    FallbackEntered {
        /// The origin of permits meanwhile: a share of the limit, or [no quota](QuotaSource::Open); `None` if calls
        /// fail.
        source: Option<QuotaSource>,
    },
    /// The store is reachable again.
    FallbackLeft,
}

/// Receives the events of quotas.
pub(crate) type QuotaObserver<'a> = &'a (dyn Fn(&QuotaKey, QuotaEvent) + Sync);

/// The quota of one action of one account.
#[derive(Debug)]
pub(crate) struct WatchedQuota {
    pub(super) key: QuotaKey,
    pub(super) quota: Arc<dyn Quota>,
    counters: Counters,
}

/// Passes on the reports of permits that were available at once.
impl PermitHolder for WatchedQuota {
    fn report(&self, slot: Slot, report: Report) {
        self.quota.report(slot, report);
    }
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

/// The state of one quota, and its counters; see [`Throttle::quotas`](super::Throttle::quotas).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct QuotaSnapshot {
    /// Identifies the quota.
    pub key: QuotaKey,
    /// Its limit; `None` if none is documented.
    pub limit: Option<RateLimit>,
    /// How many calls of this process wait for a permit now.
    pub waiting: usize,
    /// The number of permits given to this process.
    pub granted: u64,
    /// The total time that calls waited for them.
    pub waited: Duration,
    /// The number of calls refused a permit: no room before the deadline, queue full, store unreachable.
    pub refused: u64,
    /// The number of requests of this process that the service throttled. Each pauses the quota.
    pub throttled: u64,
    /// The remaining pause because of a throttled response; zero for a quota in Redis.
    pub paused_for: Duration,
    /// The learned share in requests per second; `None` while the whole limit is used.
    pub learned_rate: Option<f64>,
    /// Whether the store of a shared quota is unreachable, so that its policy applies.
    pub fallback: bool,
}

impl WatchedQuota {
    pub(super) fn new(key: QuotaKey, quota: Arc<dyn Quota>) -> Self {
        Self { key, quota, counters: Counters::default() }
    }

    /// Waits for a permit.
    pub(crate) async fn acquire(
        self: Arc<Self>,
        ask: AcquireOptions,
        observe: QuotaObserver<'_>,
    ) -> Result<Permit, Refused> {
        match self.try_acquire(observe) {
            Ok(permit) => Ok(permit),
            Err(quota) => quota.wait(ask, observe).await,
        }
    }

    /// A permit that is available at once, or the quota.
    pub(super) fn try_acquire(self: Arc<Self>, observe: QuotaObserver<'_>) -> Result<Permit, Arc<Self>> {
        match self.quota.try_acquire() {
            Some((source, slot)) => {
                self.granted(source, Duration::ZERO, observe);
                Ok(Permit::new(source, self, slot))
            }
            None => Err(self),
        }
    }

    /// Waits for a permit that is not available at once; reports that the call waits if there is no outcome within
    /// [`ASKING`].
    pub(super) async fn wait(&self, ask: AcquireOptions, observe: QuotaObserver<'_>) -> Result<Permit, Refused> {
        let asked = Instant::now();
        let mut acquiring = self.quota.clone().acquire(ask);
        let waiting = Waiting::begins(&self.counters.waiting);
        let outcome = if let Ok(outcome) = timeout(ASKING, acquiring.as_mut()).await {
            outcome
        } else {
            observe(&self.key, QuotaEvent::Waiting { waiting: waiting.of });
            acquiring.await
        };
        drop(waiting);
        match &outcome {
            Ok(permit) => self.granted(permit.source(), asked.elapsed(), observe),
            Err(refused) => {
                self.counters.refused.fetch_add(1, Relaxed);
                observe(&self.key, QuotaEvent::Refused(refused.clone()));
                if matches!(refused, Refused::Unavailable { .. }) {
                    self.fallback(true, None, observe);
                }
            }
        }
        outcome
    }

    fn granted(&self, source: QuotaSource, waited: Duration, observe: QuotaObserver<'_>) {
        self.counters.granted.fetch_add(1, Relaxed);
        if !waited.is_zero() {
            // Enough for centuries.
            self.counters.waited_nanos.fetch_add(u64::try_from(waited.as_nanos()).unwrap_or(u64::MAX), Relaxed);
        }
        observe(&self.key, QuotaEvent::Granted { waited, source });
        self.fallback(matches!(source, QuotaSource::LocalShare | QuotaSource::Open), Some(source), observe);
    }

    /// Reports that the service throttled the request of this permit; `delay` is the wait that it requested.
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
