//! One quota of this process: callers wait in the order in which they came until the rule lets them go.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as Turnstile, Notify};
use tokio::time::{Instant, timeout_at};

use super::learn::LearnedRate;
use super::store::{Permit, Refused, Report};
use super::window::{Slot, Turn, Window};
use crate::descriptor::RateLimit;

/// A quota and those who wait for it.
#[derive(Debug)]
pub(super) struct Quota {
    /// The rule counts time from here.
    born: Instant,
    state: Mutex<State>,
    /// One line for calls that were sent before, and one for the others. A turnstile is held by the first of its line; tokio's mutex
    /// is first come, first served, and a dropped waiter leaves the line.
    turnstiles: [Turnstile<()>; 2],
    /// Wakes the first of each line when something changed for them.
    changed: Notify,
}

#[derive(Debug)]
struct State {
    rule: Rule,
    /// How many wait in each line.
    waiting: [usize; 2],
}

/// What decides when the next request may go.
#[derive(Debug)]
enum Rule {
    Window(Window),
    Learned(LearnedRate),
}

/// The line of calls that were sent before, and that of the others.
const AGAIN: usize = 0;
const FIRST: usize = 1;

impl Quota {
    pub(super) fn limited(limit: RateLimit) -> Self {
        Self::with(Rule::Window(Window::new(limit)))
    }

    /// A quota from which nobody gets anything for so long.
    #[cfg(feature = "redis")]
    pub(super) fn limited_after(limit: RateLimit, quiet: Duration) -> Self {
        Self::with(Rule::Window(Window::full_until(limit, quiet)))
    }

    pub(super) fn learned() -> Self {
        Self::with(Rule::Learned(LearnedRate::default()))
    }

    fn with(rule: Rule) -> Self {
        Self {
            born: Instant::now(),
            state: Mutex::new(State { rule, waiting: [0; 2] }),
            turnstiles: [Turnstile::new(()), Turnstile::new(())],
            changed: Notify::new(),
        }
    }

    /// Takes a permit if it is free and nobody is before the caller.
    pub(super) fn try_acquire(self: &Arc<Self>) -> Option<Permit> {
        let now = self.now();
        self.state().take_without_waiting(now).map(|slot| self.permit(slot))
    }

    /// Waits for the turn of the caller.
    pub(super) async fn acquire(
        self: &Arc<Self>,
        max_wait: Duration,
        max_waiting: usize,
        again: bool,
    ) -> Result<Permit, Refused> {
        let arrived = Instant::now();
        let line = if again { AGAIN } else { FIRST };
        let place = {
            let now = arrived - self.born;
            let mut state = self.state();
            if let Some(slot) = state.take_without_waiting(now) {
                return Ok(self.permit(slot));
            }
            let ahead = state.waiting[..=line].iter().sum();
            if state.rule.expected_at_most(ahead, now) > now + max_wait {
                let needed = state.rule.expected(ahead, now) - now;
                if needed > max_wait {
                    return Err(Refused::TooLong { needed });
                }
            }
            if ahead >= max_waiting {
                return Err(Refused::QueueFull { needed: state.rule.expected(ahead, now) - now });
            }
            state.waiting[line] += 1;
            Place { quota: self, line }
        };
        // A deadline too far for the clock is none.
        let turn = self.take_turn(place);
        let Some(deadline) = arrived.checked_add(max_wait) else { return Ok(turn.await) };
        timeout_at(deadline, turn).await.map_err(|_| Refused::TooLong {
            // What was expected turned out too short: the slots are held longer, or the service asked for a pause.
            needed: {
                let now = self.now();
                self.state().rule.expected(0, now) - (arrived - self.born)
            },
        })
    }

    async fn take_turn(self: &Arc<Self>, place: Place<'_>) -> Permit {
        let _turn = self.turnstiles[place.line].lock().await;
        loop {
            // Before looking, so that no change after the look is missed.
            let changed = self.changed.notified();
            let look_again = {
                let now = self.now();
                let mut state = self.state();
                if place.line == FIRST && state.waiting[AGAIN] > 0 {
                    None
                } else {
                    match state.rule.take(now) {
                        Turn::Now(slot) => {
                            drop(state);
                            return self.permit(slot);
                        }
                        Turn::At(time) => self.born.checked_add(time),
                        Turn::Unknown => None,
                    }
                }
            };
            match look_again {
                // Either is a reason to look again.
                Some(time) => drop(timeout_at(time, changed).await),
                None => changed.await,
            }
        }
    }

    fn permit(self: &Arc<Self>, slot: Slot) -> Permit {
        Permit::local(LocalPermit { quota: self.clone(), slot })
    }

    /// How long nobody gets a permit from now on.
    pub(super) fn paused_for(&self) -> Duration {
        let now = self.now();
        self.state().rule.paused_until().map_or(Duration::ZERO, |end| end.saturating_sub(now))
    }

    /// The learned rate, if there is one.
    pub(super) fn learned_rate(&self) -> Option<f64> {
        match &self.state().rule {
            Rule::Window(_) => None,
            Rule::Learned(rate) => rate.rate(),
        }
    }

    fn now(&self) -> Duration {
        self.born.elapsed()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere cannot leave the state half changed: nothing in here panics between two changes.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take_without_waiting(&mut self, now: Duration) -> Option<Slot> {
        if self.waiting != [0; 2] {
            return None;
        }
        match self.rule.take(now) {
            Turn::Now(slot) => Some(slot),
            Turn::At(_) | Turn::Unknown => None,
        }
    }
}

impl Rule {
    fn take(&mut self, now: Duration) -> Turn {
        match self {
            Self::Window(window) => window.take(now),
            Self::Learned(rate) => rate.take(now),
        }
    }

    fn expected(&self, ahead: usize, now: Duration) -> Duration {
        match self {
            Self::Window(window) => window.expected(ahead, now),
            Self::Learned(rate) => rate.expected(ahead, now),
        }
    }

    fn expected_at_most(&self, ahead: usize, now: Duration) -> Duration {
        match self {
            Self::Window(window) => window.expected_at_most(ahead, now),
            Self::Learned(rate) => rate.expected(ahead, now),
        }
    }

    fn paused_until(&self) -> Option<Duration> {
        match self {
            Self::Window(window) => window.paused_until(),
            Self::Learned(rate) => rate.paused_until(),
        }
    }

    fn report(&mut self, slot: Slot, now: Duration, report: Report) {
        match (self, report) {
            (Self::Window(window), Report::Unused | Report::NotSent) => window.give_back(slot, now),
            (Self::Window(window), Report::Sent) => window.sent(slot, now),
            (Self::Window(window), Report::Answered) => window.answered(slot, now),
            (Self::Window(window), Report::Throttled { pause }) => window.throttled(slot, now, pause),
            (Self::Learned(rate), Report::Unused | Report::NotSent) => rate.give_back(slot),
            (Self::Learned(rate), Report::Sent) => rate.sent(slot, now),
            (Self::Learned(rate), Report::Answered) => rate.answered(slot, now),
            (Self::Learned(rate), Report::Throttled { pause }) => rate.throttled(now, pause),
            // What was told when it was sent still holds.
            (_, Report::Unanswered) => {}
        }
    }
}

/// A permit of this process.
pub(super) struct LocalPermit {
    quota: Arc<Quota>,
    slot: Slot,
}

impl LocalPermit {
    pub(super) fn report(&mut self, report: Report) {
        let now = self.quota.now();
        let mut state = self.quota.state();
        state.rule.report(self.slot, now, report);
        let somebody_waits = state.waiting != [0; 2];
        drop(state);
        if somebody_waits {
            self.quota.changed.notify_waiters();
        }
    }
}

/// A place in a line, given back when dropped.
struct Place<'q> {
    quota: &'q Quota,
    line: usize,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.quota.state();
        state.waiting[self.line] -= 1;
        let other_line_may_go = self.line == AGAIN && state.waiting[AGAIN] == 0 && state.waiting[FIRST] > 0;
        drop(state);
        if other_line_may_go {
            self.quota.changed.notify_waiters();
        }
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
