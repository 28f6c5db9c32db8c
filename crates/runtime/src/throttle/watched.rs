//! A quota as a client sees it: whoever keeps it, it is counted and told what happens.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::queue::Quota;
use super::store::{Ask, Permit, QuotaKey, QuotaSource, QuotaStore, Refused, StoreState};
use crate::descriptor::RateLimit;
use crate::event::{Event, Events, QuotaEvent};

/// After how long without an answer of a store a call counts as waiting, rather than as asking.
const ASKING: Duration = Duration::from_millis(50);

/// The quota of one action at one endpoint.
#[derive(Debug)]
pub(crate) struct WatchedQuota {
    key: QuotaKey,
    limit: Option<RateLimit>,
    keeper: Keeper,
    counters: Counters,
}

#[derive(Debug, Clone)]
pub(super) enum Keeper {
    Here(Arc<Quota>),
    Store(Arc<dyn QuotaStore>),
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
    /// Its limit; `None` if it is learned.
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
    /// How long nobody gets a permit from now on, because of a throttled answer; zero for a quota in a store.
    pub paused_for: Duration,
    /// The learned rate per second; `None` while there is none.
    pub learned_rate: Option<f64>,
    /// Whether the store of a shared quota cannot be reached, so that its policy for that holds.
    pub fallback: bool,
}

impl WatchedQuota {
    pub(super) fn new(key: QuotaKey, limit: Option<RateLimit>, keeper: Keeper) -> Self {
        Self { key, limit, keeper, counters: Counters::default() }
    }

    /// Whether it is the one at that endpoint with that limit.
    pub(super) fn is(&self, endpoint: &str, limit: Option<RateLimit>) -> bool {
        self.limit == limit && self.key.endpoint == endpoint
    }

    /// The limit; `None` if it is learned.
    pub(crate) fn limit(&self) -> Option<RateLimit> {
        self.limit
    }

    /// Waits for a permit, at most `max_wait`.
    pub(crate) async fn acquire(
        &self,
        max_wait: Duration,
        max_waiting: usize,
        again: bool,
        events: &Events,
    ) -> Result<Permit, Refused> {
        let (outcome, waited) = match &self.keeper {
            Keeper::Here(quota) => {
                if let Some(permit) = quota.try_acquire() {
                    (Ok(permit), Duration::ZERO)
                } else {
                    let asked = Instant::now();
                    let acquiring = quota.acquire(max_wait, max_waiting, again);
                    (self.wait(acquiring, Duration::ZERO, events).await, asked.elapsed())
                }
            }
            Keeper::Store(store) => {
                let asked = Instant::now();
                // A quota without a limit is kept here.
                let limit = self.limit.unwrap_or(RateLimit::per_second(1));
                let acquiring = store.acquire(Ask { key: &self.key, limit, max_wait, max_waiting, again });
                (self.wait(acquiring, ASKING, events).await, asked.elapsed())
            }
        };
        match &outcome {
            Ok(permit) => {
                let source = permit.source();
                self.counters.granted.fetch_add(1, Relaxed);
                if !waited.is_zero() {
                    // Centuries of waiting fit.
                    self.counters.waited_nanos.fetch_add(u64::try_from(waited.as_nanos()).unwrap_or(u64::MAX), Relaxed);
                }
                self.tell(events, QuotaEvent::Granted { waited, source });
                self.tell_fallback(matches!(source, QuotaSource::LocalShare | QuotaSource::Open), events);
            }
            Err(refused) => {
                self.counters.refused.fetch_add(1, Relaxed);
                self.tell(events, QuotaEvent::Refused(*refused));
                if *refused == Refused::Unavailable {
                    self.tell_fallback(true, events);
                }
            }
        }
        outcome
    }

    /// Tells that the call waits if there is no outcome within `asking`.
    async fn wait(
        &self,
        acquiring: impl Future<Output = Result<Permit, Refused>>,
        asking: Duration,
        events: &Events,
    ) -> Result<Permit, Refused> {
        let mut acquiring = std::pin::pin!(acquiring);
        let waiting = Waiting::begins(&self.counters.waiting);
        if let Ok(outcome) = timeout(asking, acquiring.as_mut()).await {
            return outcome;
        }
        self.tell(events, QuotaEvent::Waiting { waiting: waiting.of });
        acquiring.await
    }

    /// The service throttled the request of this permit.
    pub(crate) fn throttled(&self, permit: Permit, pause: Option<Duration>, events: &Events) {
        permit.throttled(pause);
        self.counters.throttled.fetch_add(1, Relaxed);
        self.tell(events, QuotaEvent::Paused { pause });
    }

    fn tell_fallback(&self, now: bool, events: &Events) {
        // The common case costs no write.
        if self.counters.fallback.load(Relaxed) != now && self.counters.fallback.swap(now, Relaxed) != now {
            self.tell(events, if now { QuotaEvent::FallbackEntered } else { QuotaEvent::FallbackLeft });
        }
    }

    fn tell(&self, events: &Events, event: QuotaEvent) {
        events.tell(|| Event::Quota { key: &self.key, event });
    }

    pub(super) fn snapshot(&self) -> QuotaSnapshot {
        let counters = &self.counters;
        let (paused_for, learned_rate, fallback) = match &self.keeper {
            Keeper::Here(quota) => (quota.paused_for(), quota.learned_rate(), false),
            Keeper::Store(store) => (Duration::ZERO, None, store.state() == StoreState::Fallback),
        };
        QuotaSnapshot {
            key: self.key.clone(),
            limit: self.limit,
            waiting: counters.waiting.load(Relaxed),
            granted: counters.granted.load(Relaxed),
            waited: Duration::from_nanos(counters.waited_nanos.load(Relaxed)),
            refused: counters.refused.load(Relaxed),
            throttled: counters.throttled.load(Relaxed),
            paused_for,
            learned_rate,
            fallback,
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

impl fmt::Display for QuotaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.action, self.endpoint)
    }
}
