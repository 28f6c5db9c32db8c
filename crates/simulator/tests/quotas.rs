//! The limits of the descriptors are applied per account and action, in virtual time.

mod support;

use std::time::Duration;

use alibabacloud_runtime::RateLimit;
use alibabacloud_simulator::{
    Answer, Builder, Gateway, Instants, QuotaPolicy, Request, RetryAfter, Simulator, StartError, ThrottledAnswer,
};
use serde_json::Value;
use support::cams::CAMS;
use support::shop::{SHOP, SHOP_2025};
use support::{Call, NOON};

const SYNC: &str = "ChatappSyncPhoneNumber";
const MIGRATE: &str = "CreateChatappMigrationInitiate";

fn builder() -> Builder {
    Simulator::builder(&[&CAMS, &SHOP, &SHOP_2025]).clock(|| std::time::UNIX_EPOCH + NOON)
}

fn sync(key: &str) -> Request {
    Call::v3(SYNC, "2020-06-06").key(key, "testsecret").set("CustSpaceId", "1").sign()
}

fn migrate(key: &str) -> Request {
    let call = Call::v3(MIGRATE, "2020-06-06").key(key, "testsecret");
    call.set("CustSpaceId", "1").set("MobileNumber", "1").set("CountryCode", "1").sign()
}

fn orders(version: &str) -> Request {
    Call::v3("ListOrders", version).sign()
}

fn ask(gateway: &Gateway, request: &Request) -> Answer {
    gateway.handle(request, gateway.now())
}

/// The number of requests that are accepted now.
fn admitted(gateway: &Gateway, tries: usize, request: impl Fn() -> Request) -> usize {
    (0..tries).filter(|_| ask(gateway, &request()).status == 200).count()
}

async fn pass(millis: u64) {
    tokio::time::advance(Duration::from_millis(millis)).await;
}

fn code(answer: &Answer) -> String {
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    body["Code"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_request_exactly_one_window_later_is_accepted() {
    let gateway = builder().gateway().unwrap();
    assert_eq!(admitted(&gateway, 1, || sync("testid")), 1);
    pass(500).await;
    assert_eq!(admitted(&gateway, 20, || sync("testid")), 9);
    pass(499).await;
    assert_eq!(admitted(&gateway, 20, || sync("testid")), 0);
    pass(1).await;
    assert_eq!(admitted(&gateway, 20, || sync("testid")), 1, "the first one is a whole window old");
    pass(499).await;
    assert_eq!(admitted(&gateway, 20, || sync("testid")), 0);
    pass(1).await;
    assert_eq!(admitted(&gateway, 20, || sync("testid")), 9);
}

#[tokio::test(start_paused = true)]
async fn no_exact_window_ever_holds_more_than_the_limit() {
    let gateway = builder().gateway().unwrap();
    for step in 0..500_u64 {
        ask(&gateway, &sync("testid"));
        pass(7 + step * step % 61).await;
    }
    let received = gateway.received();
    let times: Vec<_> = received.iter().filter(|it| it.executed).map(|it| it.monotonic).collect();
    assert!(times.len() > 100);
    for eleven in times.windows(11) {
        assert!(eleven[10] - eleven[0] >= Duration::from_secs(1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_fixed_window_accepts_twice_the_limit_around_its_border() {
    let gateway = builder().quota(QuotaPolicy::FixedWindow).gateway().unwrap();
    assert_eq!(admitted(&gateway, 1, || sync("testid")), 1);
    pass(999).await;
    assert_eq!(admitted(&gateway, 20, || sync("testid")), 9);
    pass(1).await;
    assert_eq!(admitted(&gateway, 20, || sync("testid")), 10);
    pass(999).await;
    assert_eq!(admitted(&gateway, 20, || sync("testid")), 0);
}

#[tokio::test(start_paused = true)]
async fn a_token_bucket_starts_full_and_is_refilled_evenly() {
    let gateway = builder().quota(QuotaPolicy::TokenBucket).gateway().unwrap();
    assert_eq!(admitted(&gateway, 20, || sync("testid")), 10);
    pass(99).await;
    assert_eq!(admitted(&gateway, 20, || sync("testid")), 0);
    pass(1).await;
    assert_eq!(admitted(&gateway, 20, || sync("testid")), 1);
    pass(500).await;
    assert_eq!(admitted(&gateway, 20, || sync("testid")), 5);
    pass(60_000).await;
    assert_eq!(admitted(&gateway, 20, || sync("testid")), 10);
}

#[tokio::test(start_paused = true)]
async fn without_quotas_everything_is_accepted() {
    let gateway = builder().quota(QuotaPolicy::Off).gateway().unwrap();
    assert_eq!(admitted(&gateway, 100, || sync("testid")), 100);
}

#[tokio::test(start_paused = true)]
async fn quotas_are_counted_per_account_and_action() {
    let keys = ["a1", "a2", "b"];
    let with_keys = keys.iter().fold(builder(), |builder, key| builder.key(*key, "testsecret"));
    let gateway = with_keys.account("a1", "a").account("a2", "a").gateway().unwrap();
    assert_eq!(admitted(&gateway, 7, || sync("a1")), 7);
    assert_eq!(admitted(&gateway, 7, || sync("a2")), 3, "both keys belong to one account");
    assert_eq!(admitted(&gateway, 20, || sync("b")), 10);
    assert_eq!(admitted(&gateway, 20, || migrate("a1")), 10);
    assert_eq!(gateway.counts().of(SYNC).throttled, 14);
}

#[tokio::test(start_paused = true)]
async fn keys_are_separate_accounts_by_default() {
    let gateway = builder().key("a", "testsecret").key("b", "testsecret").gateway().unwrap();
    assert_eq!(admitted(&gateway, 20, || sync("a")), 10);
    assert_eq!(admitted(&gateway, 20, || sync("b")), 10);
}

#[tokio::test(start_paused = true)]
async fn callers_of_an_anonymous_action_share_its_quota() {
    let gateway = builder().gateway().unwrap();
    let visit = || Request::new("POST", "/?Action=CountVisits&Version=2024-01-01&Format=JSON");
    assert_eq!(admitted(&gateway, 5, visit), 2);
}

#[tokio::test(start_paused = true)]
async fn refused_requests_cost_no_quota() {
    let gateway = builder().gateway().unwrap();
    for _ in 0..50 {
        ask(&gateway, &Call::v3(SYNC, "2020-06-06").sign());
        ask(&gateway, &Call::v3(SYNC, "2020-06-06").key("testid", "wrong").set("CustSpaceId", "1").sign());
    }
    assert_eq!(admitted(&gateway, 20, || sync("testid")), 10);
    pass(1000).await;
    assert_eq!(admitted(&gateway, 20, || sync("testid")), 10);
}

#[tokio::test(start_paused = true)]
async fn limits_can_be_set_for_one_action_and_for_all() {
    let slow = RateLimit::new(3, Duration::from_secs(60));
    let gateway = builder().limit_all(slow).limit(MIGRATE, RateLimit::per_second(5)).no_limit("ListOrders").gateway();
    let gateway = gateway.unwrap();
    assert_eq!(admitted(&gateway, 20, || sync("testid")), 3);
    assert_eq!(admitted(&gateway, 20, || migrate("testid")), 5);
    assert_eq!(admitted(&gateway, 20, || orders("2024-01-01")), 20);
    // It has no limit in its descriptor.
    assert_eq!(admitted(&gateway, 20, || Call::v3("AddTags", "2024-01-01").set("Tag", "1").sign()), 3);
    pass(59_999).await;
    assert_eq!(admitted(&gateway, 20, || sync("testid")), 0);
    pass(1).await;
    assert_eq!(admitted(&gateway, 20, || sync("testid")), 3);
}

#[test]
fn a_limit_for_an_unknown_action_or_an_account_for_an_unknown_key_is_an_error() {
    let limit = builder().limit("Nothing", RateLimit::per_second(1)).gateway();
    assert!(matches!(limit, Err(StartError::UnknownAction(name)) if name == "Nothing"));
    let account = builder().account("unknown", "a").gateway();
    assert!(matches!(account, Err(StartError::UnknownKey)));
}

#[tokio::test(start_paused = true)]
async fn a_throttled_request_gets_the_documented_error() {
    let gateway = builder().gateway().unwrap();
    let throttled = |request: &dyn Fn() -> Request| {
        while ask(&gateway, &request()).status == 200 {}
        ask(&gateway, &request())
    };
    let answer = throttled(&|| sync("testid"));
    assert_eq!((answer.status, code(&answer).as_str()), (400, "System.LimitControl"));
    assert!(!answer.headers.contains_key("x-acs-retry-after"));
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(body["Message"], "The system is under flow control.");

    let of_the_product = throttled(&|| orders("2025-01-01"));
    assert_eq!((of_the_product.status, code(&of_the_product).as_str()), (503, "System.LimitControl"));
    let undocumented = throttled(&|| orders("2024-01-01"));
    assert_eq!((undocumented.status, code(&undocumented).as_str()), (400, "Throttling.User"));

    let last = gateway.received().pop().unwrap();
    assert!(!last.executed);
    assert_eq!(last.code.as_deref(), Some("Throttling.User"));
}

#[tokio::test(start_paused = true)]
async fn the_error_for_throttled_requests_can_be_configured() {
    let over = |answer: ThrottledAnswer| {
        let gateway = builder().throttled(answer).gateway().unwrap();
        admitted(&gateway, 10, || sync("testid"));
        ask(&gateway, &sync("testid"))
    };
    let answer = over(ThrottledAnswer {
        status: Some(429),
        code: Some("Throttling.Api".to_owned()),
        message: Some("Enough.".to_owned()),
        retry_after: RetryAfter::Fixed(Duration::from_millis(1500)),
    });
    assert_eq!((answer.status, code(&answer).as_str()), (429, "Throttling.Api"));
    assert_eq!(answer.headers["x-acs-retry-after"], "1500");
    let only_status = over(ThrottledAnswer { status: Some(503), ..ThrottledAnswer::default() });
    assert_eq!((only_status.status, code(&only_status).as_str()), (503, "System.LimitControl"));
}

#[tokio::test(start_paused = true)]
async fn retry_after_can_be_the_time_until_the_next_accepted_request() {
    for policy in [QuotaPolicy::ExactWindow, QuotaPolicy::FixedWindow, QuotaPolicy::TokenBucket] {
        let answer = ThrottledAnswer { retry_after: RetryAfter::UntilFree, ..ThrottledAnswer::default() };
        let gateway = builder().quota(policy).throttled(answer).gateway().unwrap();
        for _ in 0..100 {
            let answer = ask(&gateway, &sync("testid"));
            if answer.status != 200 {
                let wait: u64 = answer.headers["x-acs-retry-after"].to_str().unwrap().parse().unwrap();
                assert!(wait > 0);
                pass(wait).await;
                assert_eq!(ask(&gateway, &sync("testid")).status, 200, "{policy:?}");
            }
            pass(13).await;
        }
    }
}

#[test]
fn a_time_can_be_passed_in() {
    let gateway = builder().gateway().unwrap();
    let start = gateway.now();
    let later = |seconds| Instants { monotonic: start.monotonic + Duration::from_secs(seconds), ..start };
    for second in 0..5 {
        let through = (0..20).filter(|_| gateway.handle(&sync("testid"), later(second)).status == 200).count();
        assert_eq!(through, 10);
    }
}
