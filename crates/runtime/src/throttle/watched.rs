//! A quota as a client sees it: whatever keeps it, what happens is counted and reported to an observer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::permit::{Permit, QuotaSource};
use super::store::{Ask, Quota, QuotaKey, Refused};

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
    /// The store of a shared quota is away; its policy for that holds.
    FallbackEntered,
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

/// What happened to one quota so far; see [`QuotaSnapshot`](super::QuotaSnapshot).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Counted {
    pub(super) waiting: usize,
    pub(super) granted: u64,
    pub(super) waited: Duration,
    pub(super) refused: u64,
    pub(super) throttled: u64,
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
                    self.fallback(true, observe);
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
        self.fallback(matches!(source, QuotaSource::LocalShare | QuotaSource::Open), observe);
        permit
    }

    /// The service throttled the request of this permit; `delay` is the wait that it named.
    pub(crate) fn throttled(&self, permit: Permit, delay: Option<Duration>, observe: QuotaObserver<'_>) {
        permit.throttled(delay);
        self.counters.throttled.fetch_add(1, Relaxed);
        observe(&self.key, QuotaEvent::Paused { delay });
    }

    fn fallback(&self, now: bool, observe: QuotaObserver<'_>) {
        // The common case costs no write.
        if self.counters.fallback.load(Relaxed) != now && self.counters.fallback.swap(now, Relaxed) != now {
            observe(&self.key, if now { QuotaEvent::FallbackEntered } else { QuotaEvent::FallbackLeft });
        }
    }

    pub(super) fn counted(&self) -> Counted {
        Counted {
            waiting: self.counters.waiting.load(Relaxed),
            granted: self.counters.granted.load(Relaxed),
            waited: Duration::from_nanos(self.counters.waited_nanos.load(Relaxed)),
            refused: self.counters.refused.load(Relaxed),
            throttled: self.counters.throttled.load(Relaxed),
        }
    }
}

/// Counts a waiting call until it is dropped.
struct Waiting<'c> {
    counter: &'c AtomicUsize,
    /// How many wait with it.
    of: usize,
}

impl<'c> Waiting<'c> {
    fn begins(counter: &'c AtomicUsize) -> Self {
        Self { counter, of: counter.fetch_add(1, Relaxed) + 1 }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.counter.fetch_sub(1, Relaxed);
    }
}
