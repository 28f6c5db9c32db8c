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
        let mut state = self.state();
        if state.waiting != [0; 2] {
            return None;
        }
        // A look at the clock costs as much as all the rest.
        let slot = match &mut state.rule {
            Rule::Window(window) => window.take_without_clock(),
            Rule::Learned(_) => None,
        };
        let slot = slot.or_else(|| state.take_without_waiting(self.now()));
        drop(state);
        slot.map(|slot| self.permit(slot))
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
            if state.rule.expected_at_most(ahead, now) > now.saturating_add(max_wait) {
                let needed = state.rule.expected(ahead, now).saturating_sub(now);
                if needed > max_wait {
                    return Err(Refused::TooLong { needed });
                }
            }
            if ahead >= max_waiting {
                let needed = state.rule.expected(ahead, now).saturating_sub(now);
                return Err(Refused::QueueFull { needed });
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
                self.state().rule.expected(0, now).saturating_sub(arrived - self.born)
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
    use std::collections::BTreeMap;
    use tokio::task::JoinHandle;
    use tokio::time::sleep;

    const MS: Duration = Duration::from_millis(1);
    const HOUR: Duration = Duration::from_secs(3600);

    fn quota(requests: u32) -> Arc<Quota> {
        Arc::new(Quota::limited(RateLimit::per_second(requests)))
    }

    async fn permit(quota: &Arc<Quota>) -> Permit {
        quota.acquire(HOUR, usize::MAX, false).await.unwrap()
    }

    async fn immediately(quota: &Arc<Quota>) -> Permit {
        let before = Instant::now();
        let permit = permit(quota).await;
        assert_eq!(Instant::now(), before, "the permit came only after a wait");
        permit
    }

    async fn wait_for_one(quota: &Arc<Quota>) -> Duration {
        let before = Instant::now();
        drop(permit(quota).await);
        before.elapsed()
    }

    /// Takes what there is and is answered at once.
    async fn use_up(quota: &Arc<Quota>, permits: u32) {
        for _ in 0..permits {
            let mut permit = immediately(quota).await;
            permit.sent();
            permit.answered();
        }
    }

    fn waiter(quota: &Arc<Quota>, again: bool) -> JoinHandle<Instant> {
        let quota = quota.clone();
        tokio::spawn(async move {
            let mut permit = quota.acquire(HOUR, usize::MAX, again).await.unwrap();
            permit.sent();
            permit.answered();
            Instant::now()
        })
    }

    #[tokio::test(start_paused = true)]
    async fn the_eleventh_of_ten_waits_for_the_first_answer_and_one_window() {
        let quota = quota(10);
        for _ in 0..10 {
            let mut permit = immediately(&quota).await;
            permit.sent();
            sleep(5 * MS).await;
            permit.answered();
        }
        // The first was answered 45 ms before the loop ended.
        assert_eq!(wait_for_one(&quota).await, 956 * MS);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_without_an_answer_costs_the_allowance_and_no_more() {
        let quota = quota(10);
        let mut held = Vec::new();
        for _ in 0..10 {
            let mut permit = immediately(&quota).await;
            permit.sent();
            held.push(permit);
        }
        assert_eq!(wait_for_one(&quota).await, 2001 * MS);
    }

    #[tokio::test(start_paused = true)]
    async fn a_permit_that_was_not_used_goes_back_at_once() {
        let quota = quota(10);
        for _ in 0..100 {
            drop(immediately(&quota).await);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_did_not_reach_the_server_gives_its_right_back() {
        let quota = quota(10);
        for _ in 0..100 {
            let mut permit = immediately(&quota).await;
            permit.sent();
            permit.not_sent();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_waiter_gives_its_place_back() {
        let quota = quota(1);
        use_up(&quota, 1).await;
        let cancelled = waiter(&quota, false);
        sleep(MS).await;
        cancelled.abort();
        let _ = cancelled.await;
        assert_eq!(wait_for_one(&quota).await, 1000 * MS, "the cancelled caller's turn was waited for");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_cannot_make_it_is_told_at_once_and_how_long_it_would_take() {
        let quota = quota(10);
        use_up(&quota, 10).await;
        let before = Instant::now();
        let refused = quota.acquire(500 * MS, usize::MAX, false).await.unwrap_err();
        assert_eq!((Instant::now(), refused), (before, Refused::TooLong { needed: 1001 * MS }));
        // Behind 25 others, two more windows pass.
        let others: Vec<_> = (0..25).map(|_| waiter(&quota, false)).collect();
        sleep(MS).await;
        let refused = quota.acquire(500 * MS, usize::MAX, false).await.unwrap_err();
        assert_eq!(refused, Refused::TooLong { needed: 3002 * MS });
        drop(others);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_calls_wait_than_may() {
        let quota = quota(1);
        use_up(&quota, 1).await;
        let first = waiter(&quota, false);
        sleep(MS).await;
        let refused = quota.acquire(HOUR, 1, false).await.unwrap_err();
        assert!(matches!(refused, Refused::QueueFull { needed } if needed > 1900 * MS), "{refused:?}");
        first.await.unwrap();
        assert!(quota.acquire(HOUR, 1, false).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn callers_are_served_in_the_order_in_which_they_came() {
        let quota = quota(3);
        let mut tasks = Vec::new();
        for _ in 0..30 {
            tasks.push(waiter(&quota, false));
            sleep(MS).await;
        }
        let mut served = Vec::new();
        for task in tasks {
            served.push(task.await.unwrap());
        }
        assert!(served.is_sorted(), "{served:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_comes_when_a_place_gets_free_does_not_overtake_those_that_wait() {
        let quota = quota(1);
        let held = immediately(&quota).await;
        let before = Instant::now();
        let first = waiter(&quota, false);
        sleep(MS).await;
        // The one that waits is woken, and has not run yet.
        drop(held);
        assert!(quota.try_acquire().is_none());
        let waited = wait_for_one(&quota).await;
        assert_eq!((first.await.unwrap() - before, waited), (MS, 1001 * MS));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_was_sent_before_goes_before_all_that_wait() {
        let quota = quota(1);
        use_up(&quota, 1).await;
        let others: Vec<_> = (0..5).map(|_| waiter(&quota, false)).collect();
        sleep(MS).await;
        let again = waiter(&quota, true).await.unwrap();
        for other in others {
            assert!(other.await.unwrap() > again);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_pause_one_goes_ahead_and_the_rest_follows_its_answer() {
        let quota = quota(10);
        let mut throttled = immediately(&quota).await;
        throttled.sent();
        throttled.throttled(Some(3000 * MS));
        let start = Instant::now();
        let mut ahead = permit(&quota).await;
        assert_eq!(start.elapsed(), 3000 * MS);
        let rest: Vec<_> = (0..5).map(|_| waiter(&quota, false)).collect();
        ahead.sent();
        sleep(30 * MS).await;
        ahead.answered();
        for task in rest {
            assert_eq!(task.await.unwrap() - start, 3030 * MS);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn if_the_one_that_goes_ahead_is_throttled_the_rest_goes_on_waiting() {
        let quota = quota(10);
        for pause in [200, 400, 800] {
            // Nobody tells a pause: it doubles.
            let mut ahead = permit(&quota).await;
            ahead.sent();
            ahead.throttled(None);
            let before = Instant::now();
            let mut probe = permit(&quota).await;
            assert_eq!(before.elapsed(), pause * MS);
            probe.sent();
            probe.not_sent();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_rest_does_not_wait_for_ever_for_the_one_that_goes_ahead() {
        for drop_before_sending in [true, false] {
            let quota = quota(10);
            let mut throttled = immediately(&quota).await;
            throttled.sent();
            throttled.throttled(Some(MS));
            let mut ahead = permit(&quota).await;
            if drop_before_sending {
                drop(ahead);
                immediately(&quota).await.sent();
                assert_eq!(wait_for_one(&quota).await, 100 * MS, "another one went ahead");
            } else {
                ahead.sent();
                assert_eq!(wait_for_one(&quota).await, 100 * MS);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn requests_that_fail_together_do_not_lengthen_the_window_together() {
        let quota = quota(10);
        let mut held = Vec::new();
        for _ in 0..10 {
            let mut permit = immediately(&quota).await;
            permit.sent();
            held.push(permit);
        }
        for permit in held {
            permit.throttled(Some(MS));
        }
        // One window, the guard, and one stretch.
        assert_eq!(wait_for_one(&quota).await, 1013 * MS);
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_may_count_in_minutes() {
        let quota = Arc::new(Quota::limited(RateLimit::new(200, Duration::from_secs(60))));
        use_up(&quota, 200).await;
        assert_eq!(wait_for_one(&quota).await, 60_001 * MS);
    }

    #[tokio::test(start_paused = true)]
    async fn a_learned_rate_is_waited_for() {
        let quota = Arc::new(Quota::learned());
        use_up(&quota, 100).await;
        let mut throttled = immediately(&quota).await;
        throttled.sent();
        throttled.throttled(Some(Duration::ZERO));
        // 200 a second were measured, 140 are left.
        use_up(&quota, 1).await;
        let tasks: Vec<_> = (0..14).map(|_| waiter(&quota, false)).collect();
        let before = Instant::now();
        for task in tasks {
            task.await.unwrap();
        }
        assert!((90..=120).contains(&before.elapsed().as_millis()), "{:?}", before.elapsed());
    }

    /// What a call of the property below does once it has its permit.
    #[derive(Debug, Clone, Copy)]
    enum Fate {
        Answered,
        Throttled,
        /// The caller goes away before the request is sent, or while it is under way.
        DroppedBefore,
        DroppedUnderWay,
        NotSent,
    }

    fn fate() -> impl Strategy<Value = Fate> {
        prop_oneof![
            12 => Just(Fate::Answered),
            1 => Just(Fate::Throttled),
            1 => Just(Fate::DroppedBefore),
            1 => Just(Fate::DroppedUnderWay),
            1 => Just(Fate::NotSent),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::with_cases(128) })]

        /// Whatever the calls do: no window at the server holds more than the limit, as long as no request is late by more than
        /// the smaller allowance, waiting callers are served in order, and no permit is lost.
        #[test]
        fn no_window_at_the_server_holds_more_than_the_limit(
            limit in 1_u32..8,
            window in prop_oneof![Just(1000_u64), Just(7000), Just(250)],
            // The quickest ways there and back.
            (there, back) in (0_u64..150, 0_u64..150),
            // Arrival after the one before, lateness there and back, all in ms, fate, and when the caller loses patience.
            calls in prop::collection::vec(
                (0_u64..300, 0_u64..=80, prop_oneof![Just(0_u64), 0_u64..100, 0_u64..3_000], fate(), prop::option::weighted(0.1, 0_u64..2_000)),
                1..400,
            ),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            runtime.block_on(async {
                let quota = Arc::new(Quota::limited(RateLimit::new(limit, Duration::from_millis(window))));
                let arrivals = Arc::new(Mutex::new(Vec::new()));
                let served = Arc::new(Mutex::new(BTreeMap::new()));
                // By how much the credit was larger than the quickest round trip.
                let too_good = Arc::new(Mutex::new(Duration::ZERO));
                let mut tasks = Vec::new();
                for (number, (gap, late_there, late_back, fate, patience)) in calls.into_iter().enumerate() {
                    sleep(MS * u32::try_from(gap).unwrap()).await;
                    let (quota, arrivals, served, too_good) = (quota.clone(), arrivals.clone(), served.clone(), too_good.clone());
                    tasks.push(tokio::spawn(async move {
                        let acquiring = quota.acquire(1000 * HOUR, usize::MAX, false);
                        let patience = patience.map_or(1000 * HOUR, Duration::from_millis);
                        let Ok(permit) = tokio::time::timeout(patience, acquiring).await else { return };
                        let mut permit = permit.unwrap();
                        served.lock().unwrap().insert(number, Instant::now());
                        if matches!(fate, Fate::DroppedBefore) {
                            return;
                        }
                        permit.sent();
                        if matches!(fate, Fate::NotSent) {
                            sleep(Duration::from_millis(late_back)).await;
                            permit.not_sent();
                            return;
                        }
                        let arrives = tokio::spawn(async move {
                            sleep(Duration::from_millis(there + late_there)).await;
                            arrivals.lock().unwrap().push(Instant::now());
                        });
                        if matches!(fate, Fate::DroppedUnderWay) {
                            return;
                        }
                        arrives.await.unwrap();
                        sleep(Duration::from_millis(back + late_back)).await;
                        if matches!(fate, Fate::Throttled) {
                            permit.throttled(Some(Duration::from_millis(late_back)));
                        } else {
                            permit.answered();
                        }
                        let Rule::Window(rule) = &quota.state().rule else { unreachable!() };
                        let excess = rule.credit().saturating_sub(Duration::from_millis(there + back));
                        let mut too_good = too_good.lock().unwrap();
                        *too_good = excess.max(*too_good);
                    }));
                }
                for task in tasks {
                    task.await.unwrap();
                }
                sleep(HOUR).await;

                let served: Vec<_> = served.lock().unwrap().values().copied().collect();
                prop_assert!(served.is_sorted(), "{:?}", served);

                let longest = window;
                let window = Duration::from_millis(window).saturating_sub(*too_good.lock().unwrap());
                let arrivals = std::mem::take(&mut *arrivals.lock().unwrap());
                for (index, first) in arrivals.iter().enumerate() {
                    let in_window = arrivals[index..].iter().filter(|at| **at - *first < window).count();
                    prop_assert!(in_window <= limit as usize, "{} requests in one window of {}", in_window, limit);
                }

                // A throttled answer may have been the last one: then one goes ahead.
                let mut ahead = immediately(&quota).await;
                ahead.sent();
                ahead.answered();
                sleep(HOUR).await;
                let mut all = Vec::new();
                // After many throttled answers they come one after the other, yet all within a window.
                let longest = Duration::from_millis(longest) + 250 * MS;
                let before = Instant::now();
                for _ in 0..limit {
                    all.push(permit(&quota).await);
                }
                prop_assert!(before.elapsed() <= longest, "{:?}", before.elapsed());
                prop_assert!(quota.try_acquire().is_none());
                Ok(())
            })?;
        }
    }
}
