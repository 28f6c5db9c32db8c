//! The throttle around calls: who waits, for how long, and what a call that goes away leaves behind.

use std::time::Duration;

use alibabacloud_runtime::{CallOptions, Client, Error, ErrorKind, RateLimit, RetryPolicy, Throttle};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::support::{Order, Scripted, Shop, Step, builder, client, not_sent, ok, throttled};

/// Sends so many calls at the same time.
async fn send(client: &Client<Shop>, calls: usize) -> Vec<Result<(), Error>> {
    let mut tasks = JoinSet::new();
    for _ in 0..calls {
        let client = client.clone();
        tasks.spawn(async move { client.send(Order::new("s")).await.map(drop) });
    }
    tasks.join_all().await
}

fn all_ok(results: &[Result<(), Error>]) {
    assert!(results.iter().all(Result::is_ok), "{results:?}");
}

#[tokio::test(start_paused = true)]
async fn calls_over_the_limit_go_one_window_after_the_answers() {
    let transport = Scripted::new([]).with_delay(Duration::from_millis(20));
    all_ok(&send(&client(&transport), 25).await);
    let expected = [vec![0; 10], vec![1021; 10], vec![2042; 5]].concat();
    assert_eq!(transport.times(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_throttle_that_is_off_holds_nobody() {
    let transport = Scripted::new([]);
    all_ok(&send(&builder(&transport).throttle(Throttle::off()).build().unwrap(), 100).await);
    assert_eq!(transport.times(), [0; 100]);
}

#[tokio::test(start_paused = true)]
async fn another_limit_takes_the_place_of_the_documented_one() {
    for (throttle, last) in [
        (Throttle::new().with_limit("Order", RateLimit::per_second(2)), 2002),
        (Throttle::new().with_limit("Order", RateLimit::new(5, Duration::from_secs(60))), 0),
        (Throttle::new().with_limit("Other", RateLimit::per_second(1)), 0),
        (Throttle::new().with_limit_for_all(RateLimit::per_second(1)), 4004),
        (Throttle::new().with_limit_for_all(RateLimit::per_second(1)).without_limit("Order"), 0),
    ] {
        let transport = Scripted::new([]);
        all_ok(&send(&builder(&transport).throttle(throttle.clone()).build().unwrap(), 5).await);
        assert_eq!(transport.times()[4], last, "{throttle:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn clients_with_the_same_throttle_share_the_quota_and_others_do_not() {
    let throttle = Throttle::new();
    let transport = Scripted::new([]);
    let sharing = || builder(&transport).throttle(throttle.clone()).build().unwrap();
    all_ok(&send(&sharing(), 10).await);
    all_ok(&send(&sharing(), 1).await);
    all_ok(&send(&client(&transport), 1).await);
    assert_eq!(transport.times()[9..], [0, 1001, 1001]);
    // The service counts per endpoint.
    let elsewhere = builder(&transport).throttle(throttle.clone()).region("there-1").build().unwrap();
    all_ok(&send(&elsewhere, 10).await);
    assert_eq!(transport.times()[12..], [1001; 10]);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_call_holds_everyone_who_shares_the_quota() {
    let transport = Scripted::new([throttled(Some(3_000))]);
    let client = client(&transport);
    let (first, others) = tokio::join!(send(&client, 1), async {
        sleep(Duration::from_millis(1)).await;
        send(&client, 5).await
    });
    all_ok(&first);
    all_ok(&others);
    assert_eq!(transport.times(), [0, 3000, 3000, 3000, 3000, 3000, 3000]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_gives_up_leaves_the_pause_to_the_others() {
    let transport = Scripted::new([throttled(Some(3_000))]);
    let client = builder(&transport).retry(RetryPolicy::new().max_attempts(1)).build().unwrap();
    assert_eq!(client.send(Order::new("s")).await.unwrap_err().kind(), ErrorKind::Throttled);
    client.send(Order::new("s")).await.unwrap();
    assert_eq!(transport.times(), [0, 3000]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_cannot_make_it_fails_at_once_and_tells_the_wait() {
    let transport = Scripted::new([]);
    let client = builder(&transport).deadline(Duration::from_millis(900)).build().unwrap();
    all_ok(&send(&client, 10).await);
    let before = Instant::now();
    let error = client.send(Order::new("s")).await.unwrap_err();
    assert_eq!(before.elapsed(), Duration::ZERO);
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::QuotaWait, 0));
    assert_eq!(error.retry_after(), Some(Duration::from_millis(1001)));
    assert!(error.is_not_sent() && error.is_throttling() && !error.outcome_unknown());
    assert_eq!(
        error.to_string(),
        "Order not sent: the quota leaves no room for the call before its deadline (retry after 1.001s)"
    );
    assert_eq!(transport.times().len(), 10, "nothing was sent");
}

#[tokio::test(start_paused = true)]
async fn a_call_without_time_for_another_attempt_tells_why_the_last_one_failed() {
    let transport = Scripted::new([throttled(None)]);
    let throttle = Throttle::new().with_limit("Order", RateLimit::new(1, Duration::from_secs(3600)));
    let client = builder(&transport).throttle(throttle).build().unwrap();
    let error = client.send(Order::new("s")).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Throttled, Some("System.LimitControl")));
    assert_eq!(transport.times(), [0]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_while_it_waits_takes_nothing() {
    let transport = Scripted::new([]);
    let client = client(&transport);
    all_ok(&send(&client, 10).await);
    let waiting: Vec<_> = (0..50)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.send(Order::new("s")).await.map(drop) })
        })
        .collect();
    sleep(Duration::from_millis(100)).await;
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
    sleep(Duration::from_millis(1)).await;
    all_ok(&send(&client, 10).await);
    assert_eq!(transport.times(), [vec![0; 10], vec![1001; 10]].concat());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_under_way_counts_as_sent() {
    let transport = Scripted::new((0..10).map(|_| Step::Never).chain([ok()]));
    let client = client(&transport);
    let under_way: Vec<_> = (0..10)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.send(Order::new("s")).await.map(drop) })
        })
        .collect();
    sleep(Duration::from_millis(5)).await;
    under_way.iter().for_each(tokio::task::JoinHandle::abort);
    all_ok(&send(&client, 1).await);
    // One window, the allowance for a request that nobody saw arrive, and the guard.
    assert_eq!(transport.times()[10], 1251);
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_turn_leaves_no_time_for_an_answer_is_not_sent() {
    for (deadline, sent) in [(1_300, 10), (2_000, 11)] {
        let transport = Scripted::new([]);
        let client = client(&transport);
        send(&client, 10).await;
        // Its turn comes after a second and a millisecond.
        let options = CallOptions::new().deadline(Duration::from_millis(deadline));
        let outcome = client.send_with(Order::new("s"), options).await;
        assert_eq!(outcome.err().map(|error| error.kind()), (sent == 10).then_some(ErrorKind::QuotaWait));
        assert_eq!(transport.sent().len(), sent, "{deadline}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_absurd_wait_holds_the_quota_for_an_hour_and_no_longer() {
    let ten_days = 10 * 24 * 3_600_000;
    let transport = Scripted::new([throttled(Some(ten_days))]);
    let client = client(&transport);
    assert_eq!(client.send(Order::new("s")).await.unwrap_err().kind(), ErrorKind::Throttled);
    let patient = CallOptions::new().deadline(Duration::from_secs(2 * 3_600));
    client.send_with(Order::new("s"), patient).await.unwrap();
    assert_eq!(transport.times(), [0, 3_600_000]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_found_no_connection_takes_nothing_from_the_quota() {
    let transport = Scripted::new((0..30).map(|_| not_sent()));
    let client = builder(&transport).retry(RetryPolicy::never()).build().unwrap();
    assert!(send(&client, 30).await.iter().all(Result::is_err));
    assert_eq!(transport.times(), [0; 30]);
}
