//! Callers of one quota wait in the order in which they came until its ledger has a slot for them.

use std::fmt;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as Turnstile, Notify};
use tokio::time::{Instant, timeout, timeout_at};

use super::limit::RateLimit;
use super::permit::{Permit, PermitHolder, QuotaSource, Report};
use super::store::{AcquireFuture, Ask, Quota, QuotaState, Refused};
use super::window::{Slot, Window};

/// How long the first caller of a line may be overdue before others overtake it: its runtime may have stopped.
const OVERDUE: Duration = Duration::from_millis(100);

/// Where a [`Window`] is kept, with a clock. No method waits.
pub(super) trait Ledger: fmt::Debug + Send + Sync + 'static {
    /// What gives the permits.
    fn source(&self) -> QuotaSource;

    /// A slot that is free now, where that is known without waiting for anything.
    fn take_at_once(&self) -> Option<Slot>;

    /// A slot, or how long to wait before asking again; `None` if that depends on a permit that is out.
    fn take(&self) -> Result<Slot, Option<Duration>>;

    fn report(&self, slot: Slot, report: Report);

    fn lower(&self, limit: RateLimit);

    /// Looks at the window, as it is known here, and the time.
    fn read<T>(&self, read: impl FnOnce(&mut Window, Duration) -> T) -> T;
}

/// A ledger and the callers that wait for it.
#[derive(Debug)]
pub(super) struct Queue<L> {
    ledger: L,
    /// How many wait in each line.
    waiting: [AtomicUsize; 2],
    /// One line for retries, and one for the others. A turnstile is held by the first of its line; tokio's mutex is first come,
    /// first served, and a dropped waiter leaves the line.
    turnstiles: [Turnstile<()>; 2],
    /// Wakes the first of each line when something changed for them.
    changed: Notify,
    /// When the first of a line looks at the ledger next.
    due: Mutex<Option<Instant>>,
}

/// Tells a window what became of the request in a slot.
pub(super) fn apply(window: &mut Window, slot: Slot, now: Duration, report: Report) {
    match report {
        Report::Unused | Report::NotSent => window.give_back(slot, now),
        Report::Sent => window.sent(slot, now),
        Report::Answered => window.answered(slot, now),
        Report::Throttled { delay } => window.throttled(slot, now, delay),
        Report::Unanswered => window.given_up(slot),
    }
}

const RETRIES: usize = 0;
const OTHERS: usize = 1;

impl<L: Ledger> Queue<L> {
    pub(super) fn new(ledger: L) -> Self {
        Self {
            ledger,
            waiting: [AtomicUsize::new(0), AtomicUsize::new(0)],
            turnstiles: [Turnstile::new(()), Turnstile::new(())],
            changed: Notify::new(),
            due: Mutex::new(None),
        }
    }

    /// A permit, unless another call waits for it.
    fn take_without_waiting(self: &Arc<Self>) -> Option<Permit> {
        if self.waiting_in(..=OTHERS) > 0 {
            return None;
        }
        self.ledger.take_at_once().map(|slot| self.permit(slot))
    }

    async fn wait(self: Arc<Self>, ask: Ask) -> Result<Permit, Refused> {
        if let Some(permit) = self.take_without_waiting() {
            return Ok(permit);
        }
        let arrived = Instant::now();
        let line = if ask.is_retry { RETRIES } else { OTHERS };
        let ahead = self.waiting_in(..=line);
        let expected = || self.ledger.read(|window, now| window.expected(ahead, now).saturating_sub(now));
        let at_most = self.ledger.read(|window, now| window.expected_at_most(ahead, now).saturating_sub(now));
        if at_most > ask.max_wait {
            let needed = expected();
            if needed > ask.max_wait {
                return Err(Refused::TooLong { needed });
            }
        }
        if ahead >= ask.max_waiting {
            return Err(Refused::QueueFull { needed: expected() });
        }
        self.waiting[line].fetch_add(1, SeqCst);
        let turn = self.take_turn(Place { queue: &*self, line }, at_most);
        // A deadline too far for the clock is none.
        let Some(deadline) = arrived.checked_add(ask.max_wait) else { return Ok(turn.await) };
        timeout_at(deadline, turn).await.map_err(|_| {
            // What was expected turned out too short: the slots are held longer, or the service asked for a pause.
            let left = self.ledger.read(|window, now| window.expected(0, now).saturating_sub(now));
            Refused::TooLong { needed: left.saturating_add(arrived.elapsed()) }
        })
    }

    async fn take_turn(self: &Arc<Self>, place: Place<'_, L>, expected: Duration) -> Permit {
        let mut turn = pin!(self.turnstiles[place.line].lock());
        let mut patience = expected;
        let _turn = loop {
            match timeout(patience.saturating_add(OVERDUE), turn.as_mut()).await {
                Ok(turn) => break turn,
                Err(_) if self.is_overdue() => {
                    if let Ok(slot) = self.ledger.take() {
                        return self.permit(slot);
                    }
                    patience = Duration::ZERO;
                }
                Err(_) => {
                    patience = self.ledger.read(|window, now| window.expected_at_most(0, now).saturating_sub(now));
                }
            }
        };
        loop {
            // Before looking, so that no change after the look is missed.
            let changed = self.changed.notified();
            let look_again = if place.line == OTHERS && self.waiting_in(..=RETRIES) > 0 {
                None
            } else {
                match self.ledger.take() {
                    Ok(slot) => return self.permit(slot),
                    Err(wait) => {
                        let time = wait.and_then(|wait| Instant::now().checked_add(wait));
                        *self.due() = time;
                        time
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

    /// Whether the first of the line should have looked at the ledger long ago.
    fn is_overdue(&self) -> bool {
        self.due().is_some_and(|due| due + OVERDUE <= Instant::now())
    }

    fn permit(self: &Arc<Self>, slot: Slot) -> Permit {
        Permit::of_slot(self.ledger.source(), self.clone(), slot)
    }

    fn waiting_in(&self, lines: std::ops::RangeToInclusive<usize>) -> usize {
        self.waiting[lines].iter().map(|line| line.load(SeqCst)).sum()
    }

    /// The first of a line should look at the ledger now.
    fn wake(&self) {
        *self.due() = Some(Instant::now());
        self.changed.notify_waiters();
    }

    fn due(&self) -> MutexGuard<'_, Option<Instant>> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<L: Ledger> Quota for Queue<L> {
    fn try_acquire(self: Arc<Self>) -> Option<Permit> {
        self.take_without_waiting()
    }

    fn acquire(self: Arc<Self>, ask: Ask) -> AcquireFuture {
        Box::pin(self.wait(ask))
    }

    fn lower(&self, limit: RateLimit) {
        self.ledger.lower(limit);
    }

    fn state(&self) -> QuotaState {
        self.ledger.read(|window, now| QuotaState {
            paused_for: window.paused_until().map_or(Duration::ZERO, |end| end.saturating_sub(now)),
            learned_rate: window.learned_rate(now),
            fallback: false,
        })
    }
}

impl<L: Ledger> PermitHolder for Queue<L> {
    fn report(&self, slot: Slot, report: Report) {
        self.ledger.report(slot, report);
        if self.waiting_in(..=OTHERS) > 0 {
            self.wake();
        }
    }
}

/// A place in a line, given back when dropped.
struct Place<'q, L: Ledger> {
    queue: &'q Queue<L>,
    line: usize,
}

impl<L: Ledger> Drop for Place<'_, L> {
    fn drop(&mut self) {
        self.queue.waiting[self.line].fetch_sub(1, SeqCst);
        if self.queue.waiting_in(..=OTHERS) > 0 {
            self.queue.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::local::Local;
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;
    use std::collections::BTreeMap;
    use tokio::task::JoinHandle;
    use tokio::time::sleep;

    const MS: Duration = Duration::from_millis(1);
    const HOUR: Duration = Duration::from_secs(3600);

    fn of(limit: Option<RateLimit>) -> Arc<Queue<Local>> {
        Arc::new(Queue::new(Local::new(limit, QuotaSource::Local)))
    }

    fn ask(max_wait: Duration, max_waiting: usize, is_retry: bool) -> Ask {
        Ask { max_waiting, is_retry, ..Ask::new(max_wait) }
    }

    fn quota(requests: u32) -> Arc<Queue<Local>> {
        of(Some(RateLimit::per_second(requests)))
    }

    async fn permit(quota: &Arc<Queue<Local>>) -> Permit {
        quota.clone().acquire(ask(HOUR, usize::MAX, false)).await.unwrap()
    }

    async fn immediately(quota: &Arc<Queue<Local>>) -> Permit {
        let before = Instant::now();
        let permit = permit(quota).await;
        assert_eq!(Instant::now(), before, "the permit came only after a wait");
        permit
    }

    async fn wait_for_one(quota: &Arc<Queue<Local>>) -> Duration {
        let before = Instant::now();
        drop(permit(quota).await);
        before.elapsed()
    }

    /// Takes what there is and is answered at once.
    async fn use_up(quota: &Arc<Queue<Local>>, permits: u32) {
        for _ in 0..permits {
            let mut permit = immediately(quota).await;
            permit.sent();
            permit.answered();
        }
    }

    fn waiter(quota: &Arc<Queue<Local>>, again: bool) -> JoinHandle<Instant> {
        let quota = quota.clone();
        tokio::spawn(async move {
            let mut permit = quota.clone().acquire(ask(HOUR, usize::MAX, again)).await.unwrap();
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
    async fn requests_that_nothing_is_heard_of_count_until_they_are_given_up() {
        let quota = quota(10);
        let mut held = Vec::new();
        for _ in 0..10 {
            let mut permit = immediately(&quota).await;
            permit.sent();
            held.push(permit);
        }
        // Nothing is answered at all, so they may all be held up; they count until they are given up.
        assert!(timeout(60_000 * MS, permit(&quota)).await.is_err());
        drop(held);
        assert_eq!(wait_for_one(&quota).await, Duration::ZERO);
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
        let refused = quota.clone().acquire(ask(500 * MS, usize::MAX, false)).await.unwrap_err();
        assert_eq!((Instant::now(), refused), (before, Refused::TooLong { needed: 1001 * MS }));
        // Behind 25 others, two more windows pass.
        let others: Vec<_> = (0..25).map(|_| waiter(&quota, false)).collect();
        sleep(MS).await;
        let refused = quota.clone().acquire(ask(500 * MS, usize::MAX, false)).await.unwrap_err();
        assert_eq!(refused, Refused::TooLong { needed: 3002 * MS });
        drop(others);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_calls_wait_than_may() {
        let quota = quota(1);
        use_up(&quota, 1).await;
        let first = waiter(&quota, false);
        sleep(MS).await;
        let refused = quota.clone().acquire(ask(HOUR, 1, false)).await.unwrap_err();
        assert!(matches!(refused, Refused::QueueFull { needed } if needed > 1900 * MS), "{refused:?}");
        first.await.unwrap();
        assert!(quota.clone().acquire(ask(HOUR, 1, false)).await.is_ok());
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
        assert!(quota.clone().try_acquire().is_none());
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
    async fn the_pause_that_the_service_does_not_name_is_about_a_window_also_after_the_one_that_went_ahead() {
        let quota = quota(10);
        use_up(&quota, 9).await;
        // By then something is known, so there is room again before the window is over.
        for pause in [1000, 500] {
            let mut ahead = permit(&quota).await;
            ahead.sent();
            ahead.throttled(None);
            let waited = wait_for_one(&quota).await;
            assert!(waited >= pause * MS && waited <= (pause + 30) * MS, "{waited:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_rest_does_not_wait_for_ever_for_the_one_that_goes_ahead() {
        for drop_before_sending in [true, false] {
            let quota = quota(10);
            use_up(&quota, 9).await;
            let mut throttled = immediately(&quota).await;
            throttled.sent();
            throttled.throttled(Some(3000 * MS));
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
        let quota = of(Some(RateLimit::new(200, Duration::from_secs(60))));
        use_up(&quota, 200).await;
        assert_eq!(wait_for_one(&quota).await, 60_001 * MS);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_learned_without_a_documented_limit_is_kept_to() {
        let quota = of(None);
        use_up(&quota, 100).await;
        let mut throttled = immediately(&quota).await;
        throttled.sent();
        throttled.throttled(Some(Duration::ZERO));
        // A hundred got through in a second, so it is a hundred in any second.
        let before = Instant::now();
        for served in 0..150 {
            let mut permit = permit(&quota).await;
            permit.sent();
            permit.answered();
            assert_eq!(before.elapsed() < 1000 * MS, served < 100, "{served}: {:?}", before.elapsed());
        }
    }

    #[tokio::test]
    async fn a_caller_whose_runtime_stands_still_holds_up_no_other_runtime() {
        let quota = quota(1);
        let mut first = permit(&quota).await;
        first.sent();
        first.answered();
        let parked = std::thread::spawn({
            let quota = quota.clone();
            move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
                runtime.spawn(async move { drop(permit(&quota).await) });
                // The call waits in front of the queue, and its runtime is not driven any more.
                runtime.block_on(tokio::task::yield_now());
                runtime
            }
        });
        let runtime = parked.join().unwrap();
        assert_eq!(quota.waiting_in(..=OTHERS), 1);
        assert!(timeout(10_000 * MS, permit(&quota)).await.is_ok());
        runtime.shutdown_background();
    }

    #[test]
    fn a_quota_outlives_the_runtimes_of_its_callers() {
        let quota = quota(2);
        for _ in 0..3 {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            runtime.block_on(async {
                for _ in 0..2 {
                    let quota = quota.clone();
                    tokio::spawn(async move { permit(&quota).await.sent() });
                }
                let mut own = permit(&quota).await;
                own.sent();
                own.answered();
            });
        }
        assert_eq!(quota.waiting_in(..=OTHERS), 0);
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
                let quota = of(Some(RateLimit::new(limit, Duration::from_millis(window))));
                let arrivals = Arc::new(Mutex::new(Vec::new()));
                let served = Arc::new(Mutex::new(BTreeMap::new()));
                // By how much the credit was larger than the quickest round trip.
                let too_good = Arc::new(Mutex::new(Duration::ZERO));
                let mut tasks = Vec::new();
                for (number, (gap, late_there, late_back, fate, patience)) in calls.into_iter().enumerate() {
                    sleep(MS * u32::try_from(gap).unwrap()).await;
                    let (quota, arrivals, served, too_good) = (quota.clone(), arrivals.clone(), served.clone(), too_good.clone());
                    tasks.push(tokio::spawn(async move {
                        let acquiring = quota.clone().acquire(ask(1000 * HOUR, usize::MAX, false));
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
                        let credit = quota.ledger.read(|window, _| window.credit());
                        let excess = credit.saturating_sub(Duration::from_millis(there + back));
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
                prop_assert!(quota.clone().try_acquire().is_none());
                Ok(())
            })?;
        }
    }
}
