//! A quota shared by several processes through a real Redis server: its commands, and its behavior when the server
//! fails.
//!
//! Each test has its own server. Times are real, so they only have lower bounds.

#[path = "../fleet/redis_server.rs"]
#[allow(dead_code, unreachable_pub, missing_docs, reason = "shared with the fleet")]
mod redis_server;

use std::time::{Duration, Instant};

use alibabacloud_cams::throttle::{
    FailurePolicy, Permit, QuotaKey, QuotaSource, RedisQuotas, RedisQuotasBuilder, Refused,
};
use alibabacloud_cams::{ErrorKind, RateLimit, Throttle};
use redis_server::RedisServer;
use tokio::time::sleep;

const LOG: &str = "alibabacloud-quota:{account:cams:Look}:log";
const STATE: &str = "alibabacloud-quota:{account:cams:Look}:state";
const PATIENCE: Duration = Duration::from_secs(30);
const MS: Duration = Duration::from_millis(1);

fn look() -> QuotaKey {
    // The label of the store names the account, so that of the key is ignored.
    QuotaKey::new("key:1", "cams", "Look")
}

fn settings(redis: &RedisServer) -> RedisQuotasBuilder {
    // A busy machine must not count as an outage.
    RedisQuotas::builder(redis.url(), "account").timeout(Duration::from_secs(2))
}

/// The throttle of another process.
fn process(redis: &RedisServer) -> Throttle {
    Throttle::new().with_store(settings(redis).build().unwrap())
}

async fn permit(throttle: &Throttle, requests: u32) -> Permit {
    let limit = Some(RateLimit::per_second(requests));
    throttle.acquire(&look(), limit, PATIENCE).await.unwrap()
}

async fn use_up(throttle: &Throttle, requests: u32) {
    for _ in 0..requests {
        let mut permit = permit(throttle, requests).await;
        assert_eq!(permit.source(), QuotaSource::Shared);
        permit.sent();
        permit.answered();
    }
}

/// Acquires and returns permits until one has this source.
async fn wait_for(throttle: &Throttle, source: QuotaSource) {
    let began = Instant::now();
    while permit(throttle, 10).await.source() != source {
        assert!(began.elapsed() < PATIENCE, "no permit from {source:?}");
        sleep(10 * MS).await;
    }
}

#[tokio::test]
async fn processes_share_one_quota() {
    let Some(redis) = RedisServer::start() else { return };
    let (one, other) = (process(&redis), process(&redis));
    let began = Instant::now();
    use_up(&one, 5).await;
    use_up(&other, 1).await;
    assert!(began.elapsed() >= 1000 * MS, "{:?}", began.elapsed());
}

#[tokio::test]
async fn accounts_products_and_actions_have_quotas_of_their_own() {
    let Some(redis) = RedisServer::start() else { return };
    let here = process(&redis);
    use_up(&here, 1).await;
    let limit = Some(RateLimit::per_second(1));
    let elsewhere = RedisQuotas::builder(redis.url(), "other").build().unwrap();
    // None of them waits, because there is no time.
    drop(Throttle::new().with_store(elsewhere).acquire(&look(), limit, 500 * MS).await.unwrap());
    drop(here.acquire(&QuotaKey::new("key:1", "other", "Look"), limit, 500 * MS).await.unwrap());
    drop(here.acquire(&QuotaKey::new("key:1", "cams", "Order"), limit, 500 * MS).await.unwrap());
    assert!(matches!(here.acquire(&look(), limit, 500 * MS).await, Err(Refused::TooLong { .. })));
}

#[tokio::test]
async fn a_process_with_a_lower_limit_counts_what_the_others_send() {
    let Some(redis) = RedisServer::start() else { return };
    use_up(&process(&redis), 5).await;
    let began = Instant::now();
    use_up(&process(&redis), 2).await;
    assert!(began.elapsed() >= 900 * MS, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_call_costs_one_command_before_it_at_most_one_after_it_and_none_while_it_waits() {
    let Some(redis) = RedisServer::start() else { return };
    let throttle = process(&redis);
    use_up(&throttle, 5).await;
    let waiting: Vec<_> = (0..5)
        .map(|_| {
            let throttle = throttle.clone();
            tokio::spawn(async move {
                let mut permit = permit(&throttle, 5).await;
                permit.sent();
                permit.answered();
            })
        })
        .collect();
    sleep(250 * MS).await;
    let before = redis.calls_of("evalsha");
    sleep(250 * MS).await;
    assert_eq!(redis.calls_of("evalsha"), before, "asked while waiting");
    for task in waiting {
        task.await.unwrap();
    }
    sleep(250 * MS).await;
    let calls = redis.calls_of("evalsha");
    assert!((10..=20).contains(&calls), "{calls} commands for 10 calls");
}

#[tokio::test]
async fn a_call_that_cannot_be_admitted_in_time_is_refused_at_once() {
    let Some(redis) = RedisServer::start() else { return };
    let throttle = process(&redis);
    let limit = Some(RateLimit::new(1, Duration::from_secs(600)));
    throttle.acquire(&look(), limit, PATIENCE).await.unwrap().sent();
    let refused = throttle.acquire(&look(), limit, PATIENCE).await.unwrap_err();
    let Refused::TooLong { needed } = refused else { panic!("{refused:?}") };
    assert!(needed > Duration::from_secs(590), "{needed:?}");
    assert_eq!(redis.command(&["LLEN", LOG]), "1");
}

#[tokio::test]
async fn an_unused_slot_is_returned() {
    let Some(redis) = RedisServer::start() else { return };
    let throttle = process(&redis);
    let limit = Some(RateLimit::new(1, Duration::from_secs(600)));
    for _ in 0..5 {
        drop(throttle.acquire(&look(), limit, PATIENCE).await.unwrap());
        // It is reported a little later.
        sleep(200 * MS).await;
    }
}

#[tokio::test]
async fn a_slot_is_free_one_window_after_the_response() {
    let Some(redis) = RedisServer::start() else { return };
    let throttle = process(&redis);
    use_up(&throttle, 1).await;
    sleep(200 * MS).await;
    let now: Vec<f64> = {
        let time: Vec<String> = redis::cmd("TIME").query(&mut redis.connection()).unwrap();
        time.iter().map(|part| part.parse().unwrap()).collect()
    };
    let arrived: f64 = redis.command(&["LINDEX", LOG, "0"]).parse().unwrap();
    // Without the response, it would be an allowance after the permit.
    assert!(arrived < now[0] * 1e6 + now[1] - 150_000.0);
}

#[tokio::test]
async fn scripts_that_are_gone_are_loaded_again() {
    let Some(redis) = RedisServer::start() else { return };
    let throttle = process(&redis);
    use_up(&throttle, 2).await;
    redis.command(&["SCRIPT", "FLUSH"]);
    use_up(&throttle, 2).await;
}

#[tokio::test]
async fn lost_data_pauses_all_processes_for_one_window() {
    let Some(redis) = RedisServer::start() else { return };
    let (one, other) = (process(&redis), process(&redis));
    use_up(&one, 5).await;
    use_up(&other, 5).await;
    redis.command(&["FLUSHALL"]);
    let began = Instant::now();
    drop(permit(&one, 5).await);
    assert!(began.elapsed() >= 1000 * MS, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_place_from_before_a_loss_of_data_is_reserved_again() {
    let Some(redis) = RedisServer::start() else { return };
    let (one, other) = (process(&redis), process(&redis));
    use_up(&one, 1).await;
    use_up(&other, 1).await;
    let holder = tokio::spawn({
        let one = one.clone();
        async move { (permit(&one, 1).await, Instant::now()) }
    });
    sleep(200 * MS).await;
    redis.command(&["FLUSHALL"]);
    // This process notices the loss, and tells the holder of the place.
    let (_noticed, noticed_at) = (permit(&other, 1).await, Instant::now());
    let (_held, held_at) = holder.await.unwrap();
    let between = noticed_at.max(held_at) - noticed_at.min(held_at);
    assert!(between >= 900 * MS, "two requests of one per second: {between:?}");
}

#[tokio::test]
async fn repeatedly_lost_data_neither_blocks_nor_exceeds_the_limit() {
    let Some(redis) = RedisServer::start() else { return };
    let processes = [process(&redis), process(&redis)];
    use_up(&processes[0], 1).await;
    let mut connection = redis.connection();
    let losing = tokio::spawn(async move {
        loop {
            redis::cmd("FLUSHALL").query::<()>(&mut connection).unwrap();
            sleep(300 * MS).await;
        }
    });
    let mut sent = Vec::new();
    let began = Instant::now();
    while began.elapsed() < 6000 * MS {
        for throttle in &processes {
            let mut permit = permit(throttle, 10).await;
            permit.sent();
            sent.push(began.elapsed());
            permit.answered();
        }
    }
    losing.abort();
    let most = sent.iter().map(|at| sent.iter().filter(|it| **it >= *at && **it < *at + 1000 * MS).count()).max();
    assert!(most <= Some(10), "{most:?} in one window: {sent:?}");
    assert!(sent.len() >= 6, "{sent:?}");
}

#[tokio::test]
async fn an_evicted_log_pauses_all_processes_for_one_window() {
    let Some(redis) = RedisServer::start() else { return };
    let throttle = process(&redis);
    use_up(&throttle, 5).await;
    redis.command(&["DEL", LOG]);
    let began = Instant::now();
    drop(permit(&throttle, 5).await);
    assert!(began.elapsed() >= 900 * MS, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_clock_that_steps_back_pauses_all_processes_for_one_window() {
    let Some(redis) = RedisServer::start() else { return };
    let throttle = process(&redis);
    use_up(&throttle, 1).await;
    // As if the clock had been ahead by an hour until now.
    sleep(200 * MS).await;
    for field in ["next", "seen"] {
        redis.command(&["HINCRBY", STATE, field, "3600000000"]);
    }
    let arrived: u64 = redis.command(&["LINDEX", LOG, "0"]).parse().unwrap();
    redis.command(&["LSET", LOG, "0", &(arrived + 3_600_000_000).to_string()]);
    let began = Instant::now();
    use_up(&throttle, 1).await;
    assert!(began.elapsed() >= 1000 * MS, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_clock_that_steps_forward_allows_one_burst_at_most() {
    let Some(redis) = RedisServer::start() else { return };
    let throttle = process(&redis);
    use_up(&throttle, 2).await;
    sleep(200 * MS).await;
    // As if the clock had been behind by an hour until now.
    for field in ["next", "seen"] {
        redis.command(&["HINCRBY", STATE, field, "-3600000000"]);
    }
    for index in ["0", "1"] {
        let arrived: u64 = redis.command(&["LINDEX", LOG, index]).parse().unwrap();
        redis.command(&["LSET", LOG, index, &(arrived - 3_600_000_000).to_string()]);
    }
    let began = Instant::now();
    use_up(&throttle, 2).await;
    use_up(&throttle, 2).await;
    assert!(began.elapsed() >= 1000 * MS, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_pause_reaches_every_process_including_slot_holders() {
    let Some(redis) = RedisServer::start() else { return };
    let (one, other) = (process(&redis), process(&redis));
    use_up(&other, 1).await;
    sleep(300 * MS).await;
    let mut throttled = permit(&one, 1).await;
    let holder = tokio::spawn({
        let other = other.clone();
        async move { permit(&other, 1).await }
    });
    sleep(200 * MS).await;
    let began = Instant::now();
    throttled.sent();
    throttled.throttled(Some(2500 * MS));
    let _held = holder.await.unwrap();
    // The message may still be in flight.
    assert!(began.elapsed() >= 2450 * MS, "{:?}", began.elapsed());
}

#[tokio::test]
async fn after_a_pause_one_request_is_sent_before_the_rest() {
    let Some(redis) = RedisServer::start() else { return };
    let (one, other) = (process(&redis), process(&redis));
    // So many that nearly the whole limit is used afterwards.
    answered(&one, 9).await;
    let mut throttled = permit(&one, 10).await;
    throttled.sent();
    throttled.throttled(Some(1500 * MS));
    sleep(100 * MS).await;
    let began = Instant::now();
    answered(&other, 1).await;
    let ahead = began.elapsed();
    answered(&one, 2).await;
    assert!(ahead >= 1300 * MS && began.elapsed() >= ahead + 90 * MS, "{ahead:?} {:?}", began.elapsed());
}

#[tokio::test]
async fn a_pause_moves_reserved_places_in_their_order_without_a_command() {
    let Some(redis) = RedisServer::start() else { return };
    let one = process(&redis);
    answered(&one, 9).await;
    let mut throttled = permit(&one, 10).await;
    throttled.sent();
    let mut holders = Vec::new();
    for _ in 0..3 {
        let other = process(&redis);
        holders.push(tokio::spawn(async move {
            let mut permit = permit(&other, 10).await;
            permit.sent();
            (Instant::now(), permit)
        }));
        sleep(100 * MS).await;
    }
    let (before, began) = (redis.calls_of("evalsha"), Instant::now());
    throttled.throttled(Some(1500 * MS));
    let mut times = Vec::new();
    let mut permits = Vec::new();
    for holder in holders {
        let (time, permit) = holder.await.unwrap();
        times.push(time);
        permits.push(permit);
    }
    assert!(times[0] - began >= 1490 * MS, "{:?}", times[0] - began);
    assert!(
        times[1..].iter().all(|time| *time - times[0] >= 90 * MS),
        "the first is sent before the others: {times:?}"
    );
    assert_eq!(redis.calls_of("evalsha") - before, 1, "only the report");
}

#[tokio::test]
async fn no_call_of_a_throttled_process_reserves_before_the_server_knows_the_pause() {
    let Some(redis) = RedisServer::start() else { return };
    let throttle = process(&redis);
    answered(&throttle, 1).await;
    let mut throttled = permit(&throttle, 10).await;
    throttled.sent();
    let began = Instant::now();
    throttled.throttled(Some(1500 * MS));
    // There is room for it now.
    drop(permit(&throttle, 10).await);
    assert!(began.elapsed() >= 1490 * MS, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_call_whose_place_is_moved_beyond_its_deadline_is_refused() {
    let Some(redis) = RedisServer::start() else { return };
    let throttle = process(&redis);
    answered(&throttle, 9).await;
    let mut throttled = permit(&throttle, 10).await;
    throttled.sent();
    let holder = tokio::spawn({
        let other = process(&redis);
        async move { other.acquire(&look(), Some(RateLimit::per_second(10)), 5000 * MS).await.map(drop) }
    });
    sleep(200 * MS).await;
    throttled.throttled(Some(Duration::from_secs(60)));
    let refused = tokio::time::timeout(PATIENCE, holder).await.expect("refused at once").unwrap().unwrap_err();
    let Refused::TooLong { needed } = refused else { panic!("{refused:?}") };
    assert!(needed >= Duration::from_secs(59), "{needed:?}");
}

/// Fields of the state, as whole numbers; times are microseconds.
fn fields<const N: usize>(redis: &RedisServer, names: [&str; N]) -> [i64; N] {
    names.map(|name| redis.command(&["HGET", STATE, name]).split('.').next().unwrap().parse().unwrap())
}

#[tokio::test]
async fn requests_throttled_together_pause_the_quota_once() {
    let Some(redis) = RedisServer::start() else { return };
    let (one, other) = (process(&redis), process(&redis));
    answered(&one, 5).await;
    let mut permits = [permit(&one, 10).await, permit(&other, 10).await, permit(&one, 10).await];
    permits.iter_mut().for_each(Permit::sent);
    for permit in permits {
        permit.throttled(None);
        sleep(150 * MS).await;
    }
    let [share, since, pause, row] = fields(&redis, ["share", "since", "pause", "row"]);
    assert_eq!((share, pause - since, row), (5, 1_000_000, 1), "seven before the first, one less for each other");
}

#[tokio::test]
async fn a_known_share_pauses_for_half_a_window() {
    let Some(redis) = RedisServer::start() else { return };
    let throttle = process(&redis);
    throttled_after(&throttle, 4).await;
    throttled_after(&throttle, 1).await;
    let [since, pause] = fields(&redis, ["since", "pause"]);
    assert_eq!(pause - since, 500_000);
}

#[tokio::test]
async fn only_the_response_of_a_request_after_the_pause_ends_a_row_of_throttled_ones() {
    let Some(redis) = RedisServer::start() else { return };
    let throttle = process(&redis);
    let mut permits = [permit(&throttle, 10).await, permit(&throttle, 10).await];
    permits.iter_mut().for_each(Permit::sent);
    let [earlier, throttled] = permits;
    throttled.throttled(Some(300 * MS));
    sleep(500 * MS).await;
    earlier.answered();
    sleep(200 * MS).await;
    assert_eq!(fields(&redis, ["row"]), [1]);
    answered(&throttle, 1).await;
    sleep(200 * MS).await;
    assert_eq!(fields(&redis, ["row"]), [0]);
}

#[tokio::test]
async fn requests_beyond_a_share_are_tried_one_at_a_time() {
    let Some(redis) = RedisServer::start() else { return };
    let (one, other) = (process(&redis), process(&redis));
    throttled_after(&one, 4).await;
    // The pause is over, and the request that is sent before the others too.
    answered(&one, 1).await;
    sleep(1200 * MS).await;
    // Grown from four to seven.
    let [since, seen] = fields(&redis, ["since", "seen"]);
    let grown = seen + 1_200_000 - 2_550_000 - since;
    redis.command(&["HINCRBY", STATE, "since", &grown.to_string()]);
    answered(&one, 4).await;
    let mut times = Vec::new();
    for throttle in [&other, &one, &other] {
        answered(throttle, 1).await;
        times.push(Instant::now());
    }
    assert!(times[1] - times[0] >= 90 * MS && times[2] - times[1] >= 90 * MS, "{times:?}");
}

#[tokio::test]
async fn requests_of_the_last_window_count_however_many_places_are_reserved() {
    let Some(redis) = RedisServer::start() else { return };
    let one = process(&redis);
    let mut permits = Vec::new();
    for _ in 0..5 {
        permits.push(permit(&one, 5).await);
    }
    permits.iter_mut().for_each(Permit::sent);
    let throttled = permits.pop().unwrap();
    let holders: Vec<_> = (0..8)
        .map(|_| {
            let other = process(&redis);
            tokio::spawn(async move { drop(permit(&other, 5).await) })
        })
        .collect();
    sleep(300 * MS).await;
    throttled.throttled(None);
    sleep(150 * MS).await;
    assert_eq!(fields(&redis, ["share"]), [4]);
    holders.iter().for_each(tokio::task::JoinHandle::abort);
}

/// Uses this many of ten requests.
async fn answered(throttle: &Throttle, requests: u32) {
    for _ in 0..requests {
        let mut permit = permit(throttle, 10).await;
        permit.sent();
        permit.answered();
    }
}

/// The learned rate of the quota of a process, after the server has told it.
async fn learned(throttle: &Throttle) -> Option<f64> {
    drop(permit(throttle, 10).await);
    throttle.quotas()[0].learned_rate
}

/// Uses this many requests, then one that the service throttles, because another program uses the rest.
async fn throttled_after(throttle: &Throttle, requests: u32) {
    answered(throttle, requests).await;
    let mut throttled = permit(throttle, 10).await;
    throttled.sent();
    throttled.throttled(None);
    sleep(150 * MS).await;
}

#[tokio::test]
async fn the_share_beside_another_program_is_learned_by_all_processes() {
    let Some(redis) = RedisServer::start() else { return };
    let (one, other) = (process(&redis), process(&redis));
    throttled_after(&one, 4).await;
    assert_eq!(learned(&other).await, Some(4.0));
    let began = Instant::now();
    for throttle in [&one, &other, &one, &other, &one] {
        answered(throttle, 1).await;
    }
    assert!(began.elapsed() >= 950 * MS, "five of four: {:?}", began.elapsed());
}

#[tokio::test]
async fn the_share_shrinks_with_repeated_throttling_and_grows_back_without() {
    let Some(redis) = RedisServer::start() else { return };
    let throttle = process(&redis);
    let windows_pass = |windows: i64| redis.command(&["HINCRBY", STATE, "since", &(-windows * 1_000_000).to_string()]);
    throttled_after(&throttle, 4).await;
    assert_eq!(learned(&throttle).await, Some(4.0));
    // Every other one is the aftermath of the one before; each of the others takes 15 %.
    for share in [4.0, 3.0, 3.0, 3.0] {
        throttled_after(&throttle, 1).await;
        assert_eq!(learned(&throttle).await, Some(share));
    }
    windows_pass(8);
    assert!(learned(&throttle).await > Some(3.0), "more after eight windows");
    windows_pass(5);
    assert_eq!(learned(&throttle).await, None, "and then all of them");
}

#[tokio::test]
async fn others_leave_a_share_of_at_least_two() {
    let Some(redis) = RedisServer::start() else { return };
    let throttle = process(&redis);
    throttled_after(&throttle, 4).await;
    redis.command(&["HSET", STATE, "share", "2"]);
    // The first is the aftermath, and the second would take 15 %.
    for _ in 0..2 {
        throttled_after(&throttle, 1).await;
    }
    assert_eq!(fields(&redis, ["share", "fresh", "aftermath"]), [2, 0, 0]);
}

#[tokio::test]
async fn a_clock_that_steps_back_does_not_keep_the_share() {
    let Some(redis) = RedisServer::start() else { return };
    let throttle = process(&redis);
    throttled_after(&throttle, 4).await;
    for field in ["next", "seen", "since", "pause"] {
        redis.command(&["HINCRBY", STATE, field, "3600000000"]);
    }
    assert_eq!(learned(&throttle).await, Some(4.0));
    redis.command(&["HINCRBY", STATE, "since", "-10000000"]);
    assert_eq!(learned(&throttle).await, None);
}

#[tokio::test]
async fn a_process_that_missed_its_slot_reserves_another_one() {
    let Some(redis) = RedisServer::start() else { return };
    let throttle = process(&redis);
    use_up(&throttle, 1).await;
    sleep(200 * MS).await;
    let before = redis.calls_of("evalsha");
    let waiting = tokio::spawn({
        let throttle = throttle.clone();
        async move { permit(&throttle, 1).await }
    });
    sleep(200 * MS).await;
    // This is the only thread of the test, so nothing runs meanwhile, as if the process were stopped.
    std::thread::sleep(Duration::from_secs(2));
    let _permit = waiting.await.unwrap();
    sleep(200 * MS).await;
    // Two reservations, and one report.
    assert_eq!(redis.calls_of("evalsha") - before, 3);
}

#[tokio::test]
async fn each_process_uses_its_part_while_redis_is_unreachable() {
    let Some(mut redis) = RedisServer::start() else { return };
    let quotas = settings(&redis).build().unwrap();
    let throttle = Throttle::new().with_store(quotas.clone());
    use_up(&throttle, 10).await;
    assert!(!throttle.quotas()[0].fallback);
    redis.kill();
    wait_for(&throttle, QuotaSource::LocalShare).await;
    assert!(throttle.quotas()[0].fallback);
    redis.start_again();
    wait_for(&throttle, QuotaSource::Shared).await;
    assert!(!throttle.quotas()[0].fallback);
}

#[tokio::test]
async fn an_unresponsive_server_is_unreachable() {
    let Some(redis) = RedisServer::start() else { return };
    let quotas = settings(&redis).timeout(100 * MS).on_failure(FailurePolicy::Open).build().unwrap();
    let throttle = Throttle::new().with_store(quotas);
    wait_for(&throttle, QuotaSource::Shared).await;
    redis.pause();
    wait_for(&throttle, QuotaSource::Open).await;
    redis.go_on();
    wait_for(&throttle, QuotaSource::Shared).await;
}

#[tokio::test]
async fn requests_of_an_outage_count_when_it_is_over() {
    let Some(redis) = RedisServer::start() else { return };
    let process = || Throttle::new().with_store(settings(&redis).timeout(500 * MS).build().unwrap());
    let (one, other) = (process(), process());
    use_up(&one, 2).await;
    use_up(&other, 2).await;
    redis.pause();
    // The data are kept, but do not have the requests of the outage.
    let during = loop {
        let mut during = permit(&one, 2).await;
        if during.source() == QuotaSource::LocalShare {
            during.sent();
            break Instant::now();
        }
        sleep(10 * MS).await;
    };
    assert_eq!(permit(&other, 2).await.source(), QuotaSource::LocalShare);
    sleep(1000 * MS).await;
    let (mut again, last) = (permit(&one, 2).await, Instant::now());
    again.sent();
    assert!(last - during >= 1000 * MS, "one of two per second");
    redis.go_on();
    loop {
        let permit = permit(&other, 2).await;
        if permit.source() == QuotaSource::Shared {
            break;
        }
        sleep(10 * MS).await;
    }
    assert!(last.elapsed() >= 1000 * MS, "{:?}", last.elapsed());
}

#[tokio::test]
async fn a_closed_store_admits_no_call_while_redis_is_unreachable() {
    let Some(mut redis) = RedisServer::start() else { return };
    let quotas = settings(&redis).on_failure(FailurePolicy::Closed).build().unwrap();
    let throttle = Throttle::new().with_store(quotas);
    use_up(&throttle, 1).await;
    redis.kill();
    let limit = Some(RateLimit::per_second(10));
    let refused = throttle.acquire(&look(), limit, PATIENCE).await.unwrap_err();
    assert!(matches!(refused, Refused::Unavailable { .. }), "{refused:?}");
    assert!(refused.to_string().contains("not reachable"), "{refused}");
}

/// The refusal of the first call; asserts that no call was admitted.
async fn first_refusal(quotas: RedisQuotas) -> String {
    let throttle = Throttle::new().with_store(quotas);
    let limit = Some(RateLimit::per_second(10));
    let refused = throttle.acquire(&look(), limit, PATIENCE).await.unwrap_err();
    assert!(matches!(refused, Refused::Misconfigured { .. }), "{refused:?}");
    assert_eq!(throttle.quotas()[0].granted, 0);
    refused.to_string()
}

#[tokio::test]
async fn a_refusing_server_is_an_error_at_the_first_call_with_its_cause() {
    let Some(redis) = RedisServer::start() else { return };
    let build = |user: &str| {
        let url = redis.url().replace("redis://", &format!("redis://{user}"));
        RedisQuotas::builder(url, "account").timeout(Duration::from_secs(2))
    };
    // No policy for an outage applies to a wrong setting.
    for policy in [FailurePolicy::LocalShare, FailurePolicy::Open, FailurePolicy::Closed] {
        let quotas = build("someone:hunter2@").on_failure(policy).expected_processes(4).build().unwrap();
        let refusal = first_refusal(quotas).await;
        assert!(refusal.contains("password") && !refusal.contains("hunter2"), "{refusal}");
    }
    let build = |user: &str| build(user).build().unwrap();

    redis.command(&["ACL", "SETUSER", "reader", "on", ">secret", "~*", "&*", "+@read", "+@connection"]);
    let refusal = first_refusal(build("reader:secret@")).await;
    assert!(refusal.contains("permission for `EVALSHA`"), "{refusal}");
    // Scripts may run, but not their commands.
    redis.command(&["ACL", "SETUSER", "scripts", "on", ">secret", "~*", "&*", "+@read", "+@connection", "+@scripting"]);
    let refusal = first_refusal(build("scripts:secret@")).await;
    assert!(refusal.contains("permission"), "{refusal}");

    redis.command(&["SET", LOG, "mine"]);
    let refusal = first_refusal(build("")).await;
    assert!(refusal.contains("WRONGTYPE") && refusal.contains("alibabacloud-quota:*"), "{refusal}");
    redis.command(&["DEL", LOG]);

    redis.command(&["CONFIG", "SET", "maxmemory", "1"]);
    let refusal = first_refusal(build("")).await;
    assert!(refusal.contains("out of memory"), "{refusal}");
    redis.command(&["CONFIG", "SET", "maxmemory", "0"]);

    redis.command(&["REPLICAOF", "127.0.0.1", "1"]);
    let refusal = first_refusal(build("")).await;
    assert!(refusal.contains("read-only replica"), "{refusal}");
}

#[tokio::test]
async fn a_server_that_starts_to_refuse_is_unreachable_until_scripts_run() {
    let Some(redis) = RedisServer::start() else { return };
    let throttle = process(&redis);
    use_up(&throttle, 1).await;
    // `PING` still works.
    redis.command(&["CONFIG", "SET", "maxmemory", "1"]);
    wait_for(&throttle, QuotaSource::LocalShare).await;
    for _ in 0..10 {
        assert_eq!(permit(&throttle, 10).await.source(), QuotaSource::LocalShare, "`PING` is no health");
    }
    redis.command(&["CONFIG", "SET", "maxmemory", "0"]);
    wait_for(&throttle, QuotaSource::Shared).await;
}

#[tokio::test]
async fn repeatedly_closed_connections_are_no_outage() {
    let Some(redis) = RedisServer::start() else { return };
    let throttle = process(&redis);
    use_up(&throttle, 1).await;
    let mut connection = redis.connection();
    let cutting = tokio::spawn(async move {
        loop {
            let cut = redis::cmd("CLIENT")
                .arg("KILL")
                .arg("TYPE")
                .arg("normal")
                .arg("SKIPME")
                .arg("yes")
                .query::<u32>(&mut connection);
            cut.unwrap();
            sleep(100 * MS).await;
        }
    });
    let mut shared = 0;
    for _ in 0..10 {
        let mut permit = permit(&throttle, 10).await;
        shared += u32::from(permit.source() == QuotaSource::Shared);
        permit.sent();
        permit.answered();
    }
    cutting.abort();
    assert!(shared >= 7, "{shared} of 10");
}

#[tokio::test]
async fn before_the_first_contact_the_number_of_processes_must_be_known() {
    let nowhere = || RedisQuotas::builder("redis://127.0.0.1:1", "account");
    let ask = async |quotas: RedisQuotasBuilder| {
        let throttle = Throttle::new().with_store(quotas.build().unwrap());
        let limit = Some(RateLimit::per_second(10));
        let mut granted = 0;
        let began = Instant::now();
        loop {
            match throttle.acquire(&look(), limit, 300 * MS).await {
                Ok(mut permit) => {
                    assert_eq!(permit.source(), QuotaSource::LocalShare);
                    permit.sent();
                    permit.answered();
                    granted += 1;
                }
                Err(refused) => return (granted, refused.to_string(), began.elapsed()),
            }
        }
    };
    let (granted, refusal, _) = ask(nowhere()).await;
    assert!(granted == 0 && refusal.contains("set `expected_processes`"), "{refusal}");
    let (granted, ..) = ask(nowhere().expected_processes(3)).await;
    assert_eq!(granted, 3, "a third of ten");
    let (granted, ..) = ask(nowhere().expected_processes(8)).await;
    assert_eq!(granted, 1, "eight of them stay within ten, whichever of them has the remainder");
    let (granted, refusal, _) = ask(nowhere().expected_processes(11)).await;
    assert!(granted == 0 && refusal.contains("more processes"), "{refusal}");
}

#[tokio::test]
async fn stored_keys_share_a_slot_expire_and_contain_no_access_key() {
    let Some(redis) = RedisServer::start() else { return };
    let throttle = process(&redis);
    use_up(&throttle, 1).await;
    sleep(200 * MS).await;
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut redis.connection()).unwrap();
    assert_eq!(keys.len(), 3, "{keys:?}");
    for key in keys {
        assert!(key.contains("{account:cams:Look}"), "{key}");
        let seconds: i64 = redis.command(&["TTL", &key]).parse().unwrap();
        assert!((3000..=3700).contains(&seconds), "{key} ends after {seconds} s");
    }
}

#[tokio::test]
async fn invalid_settings_are_refused_without_showing_a_password() {
    let error = |url: &str, account: &str| RedisQuotas::builder(url, account).build().unwrap_err();
    let wrong = error("redis//:hunter2@localhost", "account");
    assert_eq!(wrong.kind(), ErrorKind::Configuration);
    assert!(wrong.to_string().contains("redis://"), "{wrong}");
    let shown = format!("{wrong} {wrong:?}");
    let builder = RedisQuotas::builder("redis://:hunter2@localhost", "account");
    let shown = shown + &format!("{builder:?} {:?}", builder.clone().build().unwrap());
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(error("redis://localhost", "").message().contains("letters"));
    assert!(error("redis://localhost", "a}b").message().contains("letters"));
    assert!(error("redis://localhost", "LTAI5tKey").message().contains("access key"));
    assert!(builder.timeout(Duration::ZERO).build().is_err());
}

/// Has the server's URL for the client of the test below.
const TLS_SERVER: &str = "TLS_REDIS_SERVER";

#[tokio::test]
async fn a_url_can_name_a_server_with_tls_and_a_password() {
    let folder = std::env::temp_dir().join(format!("quota-redis-tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    std::fs::write(&certificate, signed.cert.pem()).unwrap();
    std::fs::write(&key, signed.signing_key.serialize_pem()).unwrap();
    let server = RedisServer::start_with_tls(&certificate, &key, "hunter2");
    // The client trusts the system's certificates, and a separate process can be configured to trust this one.
    let output = server.as_ref().map(|server| {
        std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_client_with_tls", "--ignored", "--nocapture"])
            .env("SSL_CERT_FILE", &certificate)
            .env(TLS_SERVER, format!("rediss://:hunter2@localhost:{}", server.port()))
            .output()
            .unwrap()
    });
    std::fs::remove_dir_all(&folder).unwrap();
    if let Some(output) = output {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(String::from_utf8_lossy(&output.stdout).contains("permit from Shared"));
    }
}

#[tokio::test]
#[ignore = "a process that the test above starts"]
async fn a_client_with_tls() {
    let Ok(url) = std::env::var(TLS_SERVER) else { return };
    let quotas = RedisQuotas::builder(url, "account").timeout(Duration::from_secs(2)).build().unwrap();
    println!("permit from {:?}", permit(&Throttle::new().with_store(quotas), 10).await.source());
}
