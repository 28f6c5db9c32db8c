use super::*;
use crate::throttle::local::Local;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::collections::BTreeMap;
use tokio::task::JoinHandle;
use tokio::time::sleep;

const MS: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

fn of(limit: Option<RateLimit>) -> Arc<Queue<Local>> {
    Arc::new(Queue::new(Local::new(Window::new(limit), QuotaSource::Local)))
}

fn ask(max_wait: Duration, max_waiting: usize, is_retry: bool) -> AcquireOptions {
    AcquireOptions { max_waiting, is_retry, ..AcquireOptions::new(max_wait) }
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

/// Takes all available permits; each gets a response at once.
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
async fn the_eleventh_of_ten_waits_for_the_first_response_and_one_window() {
    let quota = quota(10);
    for _ in 0..10 {
        let mut permit = immediately(&quota).await;
        permit.sent();
        sleep(5 * MS).await;
        permit.answered();
    }
    // The first response came 45 ms before the loop ended.
    assert_eq!(wait_for_one(&quota).await, 956 * MS);
}

#[tokio::test(start_paused = true)]
async fn requests_without_a_response_count_until_they_are_abandoned() {
    let quota = quota(10);
    let mut held = Vec::new();
    for _ in 0..10 {
        let mut permit = immediately(&quota).await;
        permit.sent();
        held.push(permit);
    }
    // There is no response at all, so they may all be delayed; they count until they are abandoned.
    assert!(timeout(60_000 * MS, permit(&quota)).await.is_err());
    drop(held);
    assert_eq!(wait_for_one(&quota).await, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_permit_whose_request_does_not_reach_the_server_is_returned_at_once() {
    let quota = quota(10);
    for _ in 0..100 {
        drop(immediately(&quota).await);
        let mut permit = immediately(&quota).await;
        permit.sent();
        permit.not_sent();
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_waiter_leaves_the_queue() {
    let quota = quota(1);
    use_up(&quota, 1).await;
    let cancelled = waiter(&quota, false);
    sleep(MS).await;
    cancelled.abort();
    let _ = cancelled.await;
    assert_eq!(wait_for_one(&quota).await, 1000 * MS, "the cancelled caller's turn was waited for");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_cannot_be_served_in_time_is_refused_at_once_with_the_wait() {
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
async fn the_number_of_waiting_calls_is_bounded() {
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
async fn callers_are_served_in_order() {
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
async fn a_new_caller_does_not_overtake_waiting_ones() {
    let quota = quota(1);
    let held = immediately(&quota).await;
    let before = Instant::now();
    let first = waiter(&quota, false);
    sleep(MS).await;
    // The waiting one is woken, and has not run yet.
    drop(held);
    assert!(quota.try_acquire().is_none());
    let waited = wait_for_one(&quota).await;
    assert_eq!((first.await.unwrap() - before, waited), (MS, 1001 * MS));
}

#[tokio::test(start_paused = true)]
async fn a_retry_is_served_before_all_waiting_calls() {
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
async fn after_a_pause_one_is_sent_first_and_the_rest_after_its_response() {
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
async fn without_a_requested_wait_the_pause_is_about_a_window() {
    let quota = quota(10);
    use_up(&quota, 9).await;
    // By then something is known, so there is room before the window is over.
    for pause in [1000, 500] {
        let mut ahead = permit(&quota).await;
        ahead.sent();
        ahead.throttled(None);
        let waited = wait_for_one(&quota).await;
        assert!(waited >= pause * MS && waited <= (pause + 30) * MS, "{waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_rest_does_not_wait_forever_for_the_first_request_after_a_pause() {
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
async fn requests_that_fail_together_count_for_one_window() {
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
    assert_eq!(wait_for_one(&quota).await, 1001 * MS);
}

#[tokio::test(start_paused = true)]
async fn a_limit_can_have_a_window_of_minutes() {
    let quota = of(Some(RateLimit::new(200, Duration::from_secs(60))));
    use_up(&quota, 200).await;
    assert_eq!(wait_for_one(&quota).await, 60_001 * MS);
}

#[tokio::test(start_paused = true)]
async fn a_learned_share_applies_without_a_documented_limit() {
    let quota = of(None);
    use_up(&quota, 100).await;
    let mut throttled = immediately(&quota).await;
    throttled.sent();
    throttled.throttled(Some(Duration::ZERO));
    // A hundred were accepted in a second, so a hundred are allowed in any second, including those before.
    let before = Instant::now();
    for served in 0..150 {
        let mut permit = permit(&quota).await;
        permit.sent();
        permit.answered();
        let second = if served < 100 { 1 } else { 2 };
        assert_eq!(before.elapsed().as_secs(), second, "{served}: {:?}", before.elapsed());
    }
}

#[tokio::test]
async fn a_caller_on_a_stopped_runtime_does_not_block_other_runtimes() {
    let quota = quota(1);
    let mut first = permit(&quota).await;
    first.sent();
    first.answered();
    let parked = std::thread::spawn({
        let quota = quota.clone();
        move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            runtime.spawn(async move { drop(permit(&quota).await) });
            // The call is first in the queue, and its runtime is not driven any more.
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

/// The last report of a call of the property below: of a dropped one, if it is not sent or not answered.
fn outcome() -> impl Strategy<Value = Report> {
    prop_oneof![
        12 => Just(Report::Answered),
        1 => Just(Report::Throttled { delay: None }),
        1 => Just(Report::Unused),
        1 => Just(Report::Unanswered),
        1 => Just(Report::NotSent),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    /// Whatever the calls do: no window at the server contains more than the limit, as long as no request is late by
    /// more than the smaller allowance, waiting callers are served in order, and no permit is lost.
    #[test]
    fn no_window_at_the_server_holds_more_than_the_limit(
        limit in 1_u32..8,
        window in prop_oneof![Just(1000_u64), Just(7000), Just(250)],
        // The quickest ways there and back.
        (there, back) in (0_u64..150, 0_u64..150),
        // Arrival after the one before, lateness there and back, all in ms, the last report, and when the caller gives up.
        calls in prop::collection::vec(
            (0_u64..300, 0_u64..=80, prop_oneof![Just(0_u64), 0_u64..100, 0_u64..3_000], outcome(), prop::option::weighted(0.1, 0_u64..2_000)),
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
            for (number, (gap, late_there, late_back, last, patience)) in calls.into_iter().enumerate() {
                sleep(MS * u32::try_from(gap).unwrap()).await;
                let (quota, arrivals, served, too_good) = (quota.clone(), arrivals.clone(), served.clone(), too_good.clone());
                tasks.push(tokio::spawn(async move {
                    let acquiring = quota.clone().acquire(ask(1000 * HOUR, usize::MAX, false));
                    let patience = patience.map_or(1000 * HOUR, Duration::from_millis);
                    let Ok(permit) = tokio::time::timeout(patience, acquiring).await else { return };
                    let mut permit = permit.unwrap();
                    served.lock().unwrap().insert(number, Instant::now());
                    if last == Report::Unused {
                        return;
                    }
                    permit.sent();
                    if last == Report::NotSent {
                        sleep(Duration::from_millis(late_back)).await;
                        permit.not_sent();
                        return;
                    }
                    let arrives = tokio::spawn(async move {
                        sleep(Duration::from_millis(there + late_there)).await;
                        arrivals.lock().unwrap().push(Instant::now());
                    });
                    if last == Report::Unanswered {
                        return;
                    }
                    arrives.await.unwrap();
                    sleep(Duration::from_millis(back + late_back)).await;
                    if matches!(last, Report::Throttled { .. }) {
                        permit.throttled(Some(Duration::from_millis(late_back)));
                    } else {
                        permit.answered();
                    }
                    let credit: Duration = quota.ledger.read(|window, _| window.credit().into());
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

            // The last response may have been throttled: then one request is sent first.
            let mut ahead = immediately(&quota).await;
            ahead.sent();
            ahead.answered();
            sleep(HOUR).await;
            let mut all = Vec::new();
            // After many throttled responses they are sent one after the other, yet all within a window.
            let longest = Duration::from_millis(longest) + MS;
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
