//! One quota: an exact window of N requests, kept in this process.
//!
//! There are N slots. A request holds a slot from the moment it may go until its window at the server is over for certain,
//! so no window at the server ever holds more than N requests, however long a request takes between its permit and its sending.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as Turnstile, Notify};
use tokio::time::{Instant, timeout_at};

use crate::descriptor::RateLimit;

/// The largest one-way delay by which a request may arrive later than it was sent, while its answer is not there.
const JITTER_ALLOWANCE: Duration = Duration::from_millis(250);

/// What is added to every window: clocks of two machines run at slightly different speeds.
const GUARD: Duration = Duration::from_millis(1);

/// A quota of N requests in any window.
pub(crate) struct Quota {
    limit: RateLimit,
    state: Mutex<State>,
    /// Held by the caller whose turn it is; tokio's mutex is first come, first served, and a dropped waiter leaves the queue.
    turnstile: Turnstile<()>,
    /// Wakes the caller whose turn it is when a slot's time changed.
    changed: Notify,
    waiting: AtomicUsize,
}

#[derive(Default)]
struct State {
    slots: Vec<Slot>,
    /// The slots that nobody holds, and those whose holder's window has a known end, by that end.
    free: BTreeSet<(Instant, usize)>,
    paused_until: Option<Instant>,
}

struct Slot {
    /// Grows with every holder, so that a late answer does not free the slot of a later request.
    holder: u64,
    free_at: Option<Instant>,
}

/// The call would wait longer than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct QuotaWait {
    /// How long it would have waited.
    pub(crate) needed: Duration,
}

impl Quota {
    pub(crate) fn new(limit: RateLimit) -> Self {
        Self {
            limit,
            state: Mutex::default(),
            turnstile: Turnstile::new(()),
            changed: Notify::new(),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Waits for the turn of the caller, at most until `deadline`.
    ///
    /// # Errors
    /// If the turn will not come before the deadline; this is told at once, not at the deadline. Nothing is taken then.
    pub(crate) async fn acquire(self: &Arc<Self>, deadline: Instant) -> Result<Permit, QuotaWait> {
        let arrived = Instant::now();
        let place = Place::behind(&self.waiting);
        let expected = self.expected(place.ahead, arrived);
        if expected > deadline {
            return Err(QuotaWait { needed: expected - arrived });
        }
        timeout_at(deadline, self.take_turn()).await.map_err(|_| QuotaWait {
            // What was expected turned out too short: the slots are held longer, or the service asked for a pause.
            needed: self.expected(0, Instant::now()) - arrived,
        })
    }

    async fn take_turn(self: &Arc<Self>) -> Permit {
        let _turn = self.turnstile.lock().await;
        loop {
            let wake_at = match self.state().take(self.limit.requests, Instant::now()) {
                Take::Slot { index, holder } => {
                    return Permit { quota: self.clone(), index, holder, sent: false };
                }
                Take::NotBefore(time) => Some(time),
                Take::AllHeld => None,
            };
            let changed = self.changed.notified();
            match wake_at {
                // Either is a reason to look again.
                Some(time) => drop(timeout_at(time, changed).await),
                None => changed.await,
            }
        }
    }

    /// Nobody gets a slot for this long.
    pub(crate) fn pause(&self, pause: Duration) {
        let until = Instant::now() + pause;
        let mut state = self.state();
        state.paused_until = Some(state.paused_until.map_or(until, |already| already.max(until)));
    }

    /// When a caller with so many others ahead can expect its turn.
    fn expected(&self, ahead: usize, now: Instant) -> Instant {
        let state = self.state();
        let slots = self.limit.requests as usize;
        let unused = slots - state.slots.len();
        let rounds = u32::try_from(ahead / slots).unwrap_or(u32::MAX);
        let turn = ahead % slots;
        let free_at = if turn < unused {
            now
        } else {
            // A slot that is held without a known end is free one window from now at the earliest guess.
            state.free.iter().nth(turn - unused).map_or(now + self.limit.window, |(time, _)| (*time).max(now))
        };
        let free_at = state.paused_until.map_or(free_at, |pause| pause.max(free_at));
        // A wait of centuries is as good as for ever.
        let further = self.limit.window.checked_mul(rounds).unwrap_or(Duration::MAX);
        free_at.checked_add(further).unwrap_or(free_at + Duration::from_secs(u64::from(u32::MAX)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere cannot leave the state half changed: nothing in here panics between two changes.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Take {
    Slot { index: usize, holder: u64 },
    NotBefore(Instant),
    AllHeld,
}

impl State {
    fn take(&mut self, limit: u32, now: Instant) -> Take {
        if let Some(pause) = self.paused_until {
            if now < pause {
                return Take::NotBefore(pause);
            }
            self.paused_until = None;
        }
        match self.free.first().copied() {
            Some((time, index)) if time <= now => {
                self.free.remove(&(time, index));
                let slot = &mut self.slots[index];
                slot.holder += 1;
                slot.free_at = None;
                Take::Slot { index, holder: slot.holder }
            }
            first => {
                if self.slots.len() < limit as usize {
                    self.slots.push(Slot { holder: 0, free_at: None });
                    Take::Slot { index: self.slots.len() - 1, holder: 0 }
                } else {
                    first.map_or(Take::AllHeld, |(time, _)| Take::NotBefore(time))
                }
            }
        }
    }

    /// Sets when a slot is free, unless another request holds it by now.
    fn free_at(&mut self, index: usize, holder: u64, time: Instant) {
        let slot = &mut self.slots[index];
        if slot.holder != holder || slot.free_at.is_some_and(|already| already <= time) {
            return;
        }
        if let Some(already) = slot.free_at.replace(time) {
            self.free.remove(&(already, index));
        }
        self.free.insert((time, index));
    }
}

/// The right to send one request.
///
/// Dropped before [`sent`](Self::sent), the right goes back at once; dropped after it, the request counts as sent without an answer.
pub(crate) struct Permit {
    quota: Arc<Quota>,
    index: usize,
    holder: u64,
    sent: bool,
}

impl Permit {
    /// The request goes out now.
    pub(crate) fn sent(&mut self) {
        self.sent = true;
        self.free_at(Instant::now() + JITTER_ALLOWANCE + self.quota.limit.window + GUARD);
    }

    /// The answer is there: the request arrived before now.
    pub(crate) fn answered(self) {
        self.free_at(Instant::now() + self.quota.limit.window + GUARD);
    }

    /// The request certainly did not reach the server: the right goes back at once.
    pub(crate) fn not_sent(mut self) {
        self.sent = false;
    }

    fn free_at(&self, time: Instant) {
        self.quota.state().free_at(self.index, self.holder, time);
        self.quota.changed.notify_one();
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.sent {
            self.free_at(Instant::now());
        }
    }
}

/// A place in the queue, given back when dropped.
struct Place<'q> {
    waiting: &'q AtomicUsize,
    ahead: usize,
}

impl<'q> Place<'q> {
    fn behind(waiting: &'q AtomicUsize) -> Self {
        Self { waiting, ahead: waiting.fetch_add(1, Ordering::Relaxed) }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;
    use std::sync::Mutex as StdMutex;
    use tokio::time::sleep;

    fn ten_per_second() -> Arc<Quota> {
        Arc::new(Quota::new(RateLimit::per_second(10)))
    }

    fn later(seconds: u64) -> Instant {
        Instant::now() + Duration::from_secs(seconds)
    }

    async fn immediately(quota: &Arc<Quota>) -> Permit {
        let before = Instant::now();
        let permit = quota.acquire(later(60)).await.unwrap();
        assert_eq!(Instant::now(), before, "the permit came only after a wait");
        permit
    }

    #[tokio::test(start_paused = true)]
    async fn the_eleventh_of_ten_waits_for_the_first_answer_and_one_window() {
        let quota = ten_per_second();
        for _ in 0..10 {
            let mut permit = immediately(&quota).await;
            permit.sent();
            sleep(Duration::from_millis(5)).await;
            permit.answered();
        }
        let before = Instant::now();
        quota.acquire(later(60)).await.unwrap();
        // The first was answered 45 ms before the loop ended.
        let waited = before.elapsed();
        assert!(waited >= Duration::from_millis(955) && waited < Duration::from_millis(960), "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_server_costs_the_allowance_and_no_more() {
        let quota = ten_per_second();
        let mut held = Vec::new();
        for _ in 0..10 {
            let mut permit = immediately(&quota).await;
            permit.sent();
            held.push(permit);
        }
        let before = Instant::now();
        quota.acquire(later(60)).await.unwrap();
        let waited = before.elapsed();
        assert!(waited >= Duration::from_millis(1250) && waited < Duration::from_millis(1260), "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_permit_that_was_not_used_goes_back_at_once() {
        let quota = ten_per_second();
        for _ in 0..100 {
            drop(immediately(&quota).await);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_did_not_reach_the_server_gives_its_right_back() {
        let quota = ten_per_second();
        for _ in 0..100 {
            let mut permit = immediately(&quota).await;
            permit.sent();
            permit.not_sent();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_waiter_gives_its_place_back() {
        let quota = Arc::new(Quota::new(RateLimit::per_second(1)));
        let mut first = immediately(&quota).await;
        first.sent();
        first.answered();
        let cancelled = tokio::spawn({
            let quota = quota.clone();
            async move { quota.acquire(later(60)).await.map(drop) }
        });
        sleep(Duration::from_millis(1)).await;
        cancelled.abort();
        let _ = cancelled.await;
        let before = Instant::now();
        quota.acquire(later(60)).await.unwrap();
        assert!(before.elapsed() <= Duration::from_millis(1001), "the cancelled caller's turn was waited for");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_cannot_make_it_is_told_at_once_and_how_long_it_would_take() {
        let quota = ten_per_second();
        for _ in 0..10 {
            let mut permit = immediately(&quota).await;
            permit.sent();
            permit.answered();
        }
        let before = Instant::now();
        let refused = quota.acquire(before + Duration::from_millis(500)).await.err().unwrap();
        assert_eq!(Instant::now(), before);
        assert_eq!(refused.needed, Duration::from_millis(1001));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_holds_everyone() {
        let quota = ten_per_second();
        quota.pause(Duration::from_secs(3));
        let before = Instant::now();
        quota.acquire(later(60)).await.unwrap();
        assert_eq!(before.elapsed(), Duration::from_secs(3));
    }

    #[tokio::test(start_paused = true)]
    async fn callers_are_served_in_the_order_in_which_they_came() {
        let quota = Arc::new(Quota::new(RateLimit::per_second(3)));
        let order = Arc::new(StdMutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for caller in 0..30 {
            let (quota, order) = (quota.clone(), order.clone());
            tasks.push(tokio::spawn(async move {
                let mut permit = quota.acquire(later(600)).await.unwrap();
                order.lock().unwrap().push(caller);
                permit.sent();
                permit.answered();
            }));
            tokio::task::yield_now().await;
        }
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), (0..30).collect::<Vec<_>>());
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::with_cases(64) })]

        /// Whatever the requests do, no window at the server holds more than the limit, as long as no request takes longer one
        /// way than the allowance, and every caller gets its turn.
        #[test]
        fn no_window_at_the_server_holds_more_than_the_limit(
            limit in 1_u32..8,
            // Arrival after the one before, way there, way back, cancelled before sending; all in ms.
            calls in prop::collection::vec((0_u64..400, 0_u64..250, 0_u64..3_000, prop::bool::weighted(0.1)), 1..60),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            let arrivals = runtime.block_on(async {
                let quota = Arc::new(Quota::new(RateLimit::per_second(limit)));
                let arrivals = Arc::new(StdMutex::new(Vec::new()));
                let mut tasks = Vec::new();
                for (gap, there, back, cancelled) in calls {
                    sleep(Duration::from_millis(gap)).await;
                    let (quota, arrivals) = (quota.clone(), arrivals.clone());
                    tasks.push(tokio::spawn(async move {
                        let mut permit = quota.acquire(later(3_600)).await.unwrap();
                        if cancelled {
                            return;
                        }
                        permit.sent();
                        sleep(Duration::from_millis(there)).await;
                        arrivals.lock().unwrap().push(Instant::now());
                        sleep(Duration::from_millis(back)).await;
                        permit.answered();
                    }));
                }
                for task in tasks {
                    task.await.unwrap();
                }
                Arc::try_unwrap(arrivals).unwrap().into_inner().unwrap()
            });
            for (index, first) in arrivals.iter().enumerate() {
                let in_window = arrivals[index..].iter().filter(|at| **at >= *first && **at - *first < Duration::from_secs(1)).count();
                prop_assert!(in_window <= limit as usize, "{} requests in one window of {}", in_window, limit);
            }
        }
    }
}
