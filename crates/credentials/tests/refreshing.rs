//! Refreshes: one for any number of callers, before expiry, in the background; old credentials survive a failure. With
//! virtual time.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alibabacloud_credentials::{
    Chain, Clock, Credentials, Found, ProvideCredentials, Refreshing, Source, SourceError, SourceFn, SourceFuture,
};
use tokio::time::{Instant, advance, sleep};

const SECOND: Duration = Duration::from_secs(1);

/// A clock that follows tokio's.
fn clock() -> Clock {
    let start = Instant::now();
    Arc::new(move || UNIX_EPOCH + Duration::from_secs(2_000_000_000) + start.elapsed())
}

/// A source whose sessions last `lifetime`; a fetch takes a second, and fails at the times for which `fails` is true.
/// Also returns the number of fetches.
fn sessions(
    clock: &Clock,
    lifetime: Duration,
    fails: impl Fn(usize) -> bool + Send + Sync + 'static,
) -> (Refreshing, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let (count, now) = (Arc::clone(&asked), Arc::clone(clock));
    let source = SourceFn::new("sessions", move || {
        let number = count.fetch_add(1, Ordering::SeqCst) + 1;
        let (fails, now) = (fails(number), Arc::clone(&now));
        async move {
            sleep(SECOND).await;
            if fails {
                return Err(SourceError::failed(format!("failure {number}")));
            }
            Ok::<Found, _>(session(number, now() + lifetime).into())
        }
    });
    (Refreshing::with_clock(source, Arc::clone(clock)), asked)
}

fn session(number: usize, expiration: SystemTime) -> Credentials {
    Credentials::temporary(format!("id{number}"), "secret", "token", Some(expiration))
}

/// Asks for credentials as the client does.
async fn ask(provider: &Refreshing) -> Result<String, String> {
    let credentials = match provider.cached() {
        Some(credentials) => credentials,
        None => provider.provide().await.map_err(|error| error.to_string())?,
    };
    Ok(credentials.access_key_id().to_owned())
}

async fn ask_at_once(provider: &Refreshing, callers: usize) -> Vec<Result<String, String>> {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..callers {
        let provider = provider.clone();
        tasks.spawn(async move { ask(&provider).await });
    }
    tasks.join_all().await
}

#[tokio::test(start_paused = true)]
async fn a_thousand_callers_at_expiry_cause_one_refresh() {
    let clock = clock();
    let (provider, asked) = sessions(&clock, Duration::from_secs(900), |_| false);
    assert!(ask_at_once(&provider, 1000).await.iter().all(|id| id.as_deref() == Ok("id1")));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    advance(Duration::from_secs(900)).await;
    assert!(ask_at_once(&provider, 1000).await.iter().all(|id| id.as_deref() == Ok("id2")));
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn each_wave_of_callers_shares_one_refresh_after_failures() {
    let clock = clock();
    let (provider, asked) = sessions(&clock, Duration::from_secs(900), |number| (2..=4).contains(&number));
    ask(&provider).await.unwrap();
    advance(Duration::from_secs(900)).await;
    for number in 2..=4 {
        let expected = Err(format!("failure {number}"));
        assert!(ask_at_once(&provider, 1000).await.iter().all(|outcome| *outcome == expected));
        assert_eq!(asked.load(Ordering::SeqCst), number);
    }
    assert!(ask_at_once(&provider, 1000).await.iter().all(|id| id.as_deref() == Ok("id5")));
    assert_eq!(asked.load(Ordering::SeqCst), 5);
}

#[tokio::test(start_paused = true)]
async fn a_session_of_900_seconds_is_not_stale_at_birth() {
    let clock = clock();
    let (provider, asked) = sessions(&clock, Duration::from_secs(900), |_| false);
    ask(&provider).await.unwrap();
    for _ in 0..670 {
        assert_eq!(ask(&provider).await.as_deref(), Ok("id1"));
        advance(SECOND).await;
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_runs_in_the_background_before_expiry() {
    let clock = clock();
    let (provider, asked) = sessions(&clock, Duration::from_secs(3600), |_| false);
    ask(&provider).await.unwrap();
    // A quarter of the lifetime, 900 s, less up to a fifth of it.
    advance(Duration::from_secs(2699)).await;
    assert_eq!((ask(&provider).await.as_deref(), asked.load(Ordering::SeqCst)), (Ok("id1"), 1));
    advance(Duration::from_secs(182)).await;
    let before = Instant::now();
    assert_eq!(ask(&provider).await.as_deref(), Ok("id1"));
    assert_eq!(before.elapsed(), Duration::ZERO, "the caller does not wait");
    sleep(2 * SECOND).await;
    assert_eq!((ask(&provider).await.as_deref(), asked.load(Ordering::SeqCst)), (Ok("id2"), 2));
}

#[tokio::test(start_paused = true)]
async fn the_times_of_refresh_are_spread() {
    let clock = clock();
    // This runtime has one thread, so the random numbers come from one seed.
    fastrand::seed(1);
    let mut begun = Vec::new();
    for _ in 0..40 {
        let (provider, asked) = sessions(&clock, Duration::from_secs(3600), |_| false);
        ask(&provider).await.unwrap();
        let born = Instant::now();
        while asked.load(Ordering::SeqCst) == 1 {
            advance(2 * SECOND).await;
            ask(&provider).await.unwrap();
            tokio::task::yield_now().await;
        }
        begun.push(born.elapsed());
    }
    let (first, last) = (begun.iter().min().unwrap(), begun.iter().max().unwrap());
    assert!(last.saturating_sub(*first) > Duration::from_secs(60), "{first:?} to {last:?}");
}

#[tokio::test(start_paused = true)]
async fn valid_credentials_survive_failed_refreshes_with_backoff() {
    let clock = clock();
    let (provider, asked) = sessions(&clock, Duration::from_secs(3600), |number| number > 1);
    ask(&provider).await.unwrap();
    let end = clock() + Duration::from_secs(3600);
    advance(Duration::from_secs(2900)).await;
    while clock() + 3 * SECOND < end {
        assert_eq!(ask(&provider).await.as_deref(), Ok("id1"));
        advance(SECOND).await;
        tokio::task::yield_now().await;
    }
    // 1 + 2 + 4 + … 60 s apart, each taking a second.
    let tries = asked.load(Ordering::SeqCst);
    assert!((10..=20).contains(&tries), "{tries}");
    advance(5 * SECOND).await;
    assert!(ask(&provider).await.is_err(), "expired credentials are not handed out");
}

#[tokio::test(start_paused = true)]
async fn credentials_about_to_expire_are_not_handed_out_if_a_refresh_succeeds() {
    let clock = clock();
    let (provider, _) = sessions(&clock, Duration::from_secs(3600), |_| false);
    ask(&provider).await.unwrap();
    advance(Duration::from_secs(3545)).await;
    assert_eq!(ask(&provider).await.as_deref(), Ok("id2"));
}

#[tokio::test(start_paused = true)]
async fn credentials_about_to_expire_are_handed_out_if_a_refresh_fails() {
    let clock = clock();
    let (provider, _) = sessions(&clock, Duration::from_secs(3600), |number| number > 1);
    ask(&provider).await.unwrap();
    advance(Duration::from_secs(3545)).await;
    assert_eq!(ask(&provider).await.as_deref(), Ok("id1"));
}

#[tokio::test(start_paused = true)]
async fn a_hanging_refresh_does_not_outlast_valid_credentials() {
    let clock = clock();
    let asked = Arc::new(AtomicUsize::new(0));
    let now = Arc::clone(&clock);
    let source = SourceFn::new("hanging", move || {
        let (number, now) = (asked.fetch_add(1, Ordering::SeqCst), Arc::clone(&now));
        async move {
            if number > 0 {
                std::future::pending::<()>().await;
            }
            Ok::<Found, SourceError>(session(number, now() + Duration::from_secs(3600)).into())
        }
    });
    let provider = Refreshing::with_clock(source, Arc::clone(&clock));
    ask(&provider).await.unwrap();
    let end = clock() + Duration::from_secs(3600);
    advance(Duration::from_secs(3550)).await;
    assert_eq!(ask(&provider).await.as_deref(), Ok("id0"));
    assert!(clock() < end);
    // A refresh has a limit, and the next caller gets its error.
    advance(Duration::from_secs(60)).await;
    assert!(ask(&provider).await.unwrap_err().contains("did not respond"));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_caller_does_not_end_the_refresh_for_the_others() {
    let clock = clock();
    let (provider, asked) = sessions(&clock, Duration::from_secs(900), |_| false);
    let impatient = tokio::spawn({
        let provider = provider.clone();
        async move { ask(&provider).await }
    });
    tokio::task::yield_now().await;
    let patient = tokio::spawn({
        let provider = provider.clone();
        async move { ask(&provider).await }
    });
    tokio::task::yield_now().await;
    impatient.abort();
    assert_eq!(patient.await.unwrap().as_deref(), Ok("id1"));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_source_fails_only_this_refresh() {
    let asked = AtomicUsize::new(0);
    let source = SourceFn::new("panics once", move || {
        let first = asked.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            assert!(!first, "intended panic");
            Ok::<Found, SourceError>(Credentials::new("id", "secret").into())
        }
    });
    let provider = Refreshing::new(source);
    assert!(ask(&provider).await.unwrap_err().contains("panicked"));
    assert_eq!(ask(&provider).await.as_deref(), Ok("id"));
}

#[tokio::test(start_paused = true)]
async fn expired_credentials_are_refused_and_the_error_mentions_the_clock() {
    let clock = clock();
    let (provider, _) = sessions(&clock, Duration::ZERO, |_| false);
    assert!(ask(&provider).await.unwrap_err().contains("clock"));
}

#[tokio::test(start_paused = true)]
async fn a_rotated_key_is_noticed_and_a_failure_keeps_the_old_one() {
    let clock = clock();
    let asked = AtomicUsize::new(0);
    let source = SourceFn::new("keys", move || {
        let number = asked.fetch_add(1, Ordering::SeqCst) + 1;
        async move {
            if number == 2 {
                return Err(SourceError::failed("the file is being written"));
            }
            Ok::<Found, _>(Credentials::new(format!("id{number}"), "secret").into())
        }
    });
    let provider = Refreshing::with_clock(source, Arc::clone(&clock));
    let mut seen = Vec::new();
    for _ in 0..700 {
        seen.push(ask(&provider).await.unwrap());
        advance(SECOND).await;
        tokio::task::yield_now().await;
    }
    let changes: Vec<_> = seen.iter().enumerate().filter(|(i, id)| *i == 0 || seen[i - 1] != **id).collect();
    assert_eq!(changes.len(), 3, "{changes:?}");
    assert!((300..=305).contains(&changes[1].0), "{changes:?}");
}

#[test]
fn without_a_runtime_the_caller_runs_the_refresh() {
    let provider = Refreshing::new(Credentials::new("id", "secret"));
    assert!(provider.cached().is_none());
    let credentials = futures_util::FutureExt::now_or_never(provider.provide()).unwrap().unwrap();
    assert_eq!(credentials.access_key_id(), "id");
    assert!(provider.cached().is_some());
}

/// The official SDKs for Go and Node keep the source that was tried last.
#[tokio::test(start_paused = true)]
async fn after_a_total_failure_the_chain_starts_again() {
    let works = Arc::new(AtomicUsize::new(0));
    let source = |name: &'static str, from: usize| {
        let works = Arc::clone(&works);
        SourceFn::new(name, move || {
            let ready = works.load(Ordering::SeqCst) >= from;
            async move {
                if ready {
                    Ok::<Found, _>(Credentials::new(name, "secret").into())
                } else {
                    Err(SourceError::not_applicable("not yet"))
                }
            }
        })
    };
    let provider = Refreshing::new(Chain::new().then(source("first", 1)).then(source("second", 2)));
    let error = ask(&provider).await.unwrap_err();
    assert!(error.contains("first: not yet; second: not yet"), "{error}");
    works.store(2, Ordering::SeqCst);
    assert_eq!(ask(&provider).await.as_deref(), Ok("first"));
}

/// The identity does not change, whether the source works or is gone.
#[tokio::test(start_paused = true)]
async fn a_chain_keeps_the_source_that_provided_credentials() {
    let clock = clock();
    let state = Arc::new(AtomicUsize::new(0));
    let source = |name: &'static str, works: fn(usize) -> bool| {
        let (state, now) = (Arc::clone(&state), Arc::clone(&clock));
        SourceFn::new(name, move || {
            let (works, end) = (works(state.load(Ordering::SeqCst)), now() + Duration::from_secs(900));
            async move {
                if works {
                    return Ok::<Found, _>(Credentials::temporary(name, "secret", "token", Some(end)).into());
                }
                Err(SourceError::not_applicable("gone"))
            }
        })
    };
    let chain = Chain::new().then(source("first", |state| state >= 1)).then(source("second", |state| state < 2));
    let provider = Refreshing::with_clock(chain, Arc::clone(&clock));
    assert_eq!(ask(&provider).await.as_deref(), Ok("second"));
    state.store(1, Ordering::SeqCst);
    advance(Duration::from_secs(900)).await;
    assert_eq!(ask(&provider).await.as_deref(), Ok("second"));
    state.store(2, Ordering::SeqCst);
    advance(Duration::from_secs(900)).await;
    assert!(ask(&provider).await.unwrap_err().contains("gone"));
    assert!(ask(&provider).await.unwrap_err().contains("second failed: gone"));
    state.store(0, Ordering::SeqCst);
    assert_eq!(ask(&provider).await.as_deref(), Ok("second"));
}

/// Asks for a replacement as the client does when the service rejects credentials as expired.
async fn replace(provider: &Refreshing, rejected: &Credentials) -> Result<Credentials, String> {
    provider.replace(rejected).await.map_err(|error| error.to_string())
}

#[tokio::test(start_paused = true)]
async fn a_thousand_callers_with_rejected_credentials_cause_one_refresh() {
    let clock = clock();
    let (provider, asked) = sessions(&clock, Duration::from_secs(900), |_| false);
    let refused = provider.provide().await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..1000 {
        let (provider, refused) = (provider.clone(), refused.clone());
        tasks.spawn(async move { replace(&provider, &refused).await.unwrap().access_key_id().to_owned() });
    }
    tokio::task::yield_now().await;
    // Calls that begin meanwhile do not use the rejected ones.
    let others = ask_at_once(&provider, 10).await;
    assert!(others.iter().all(|id| id.as_deref() == Ok("id2")), "{others:?}");
    assert!(tasks.join_all().await.iter().all(|id| id == "id2"));
    // A late caller gets the replacement.
    assert_eq!(replace(&provider, &refused).await.unwrap().access_key_id(), "id2");
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn repeated_rejections_back_off() {
    let clock = clock();
    let (provider, asked) = sessions(&clock, Duration::from_secs(900), |_| false);
    let end = Instant::now() + Duration::from_secs(300);
    // The service rejects all credentials of the source.
    while Instant::now() < end {
        let refused = provider.provide().await.unwrap();
        replace(&provider, &refused).await.unwrap();
        advance(Duration::from_millis(100)).await;
    }
    // 1 + 2 + 4 + … 60 s apart.
    let tries = asked.load(Ordering::SeqCst);
    assert!((8..=12).contains(&tries), "{tries}");
    // After a quiet period, a rejection causes a refresh at once.
    advance(Duration::from_secs(200)).await;
    let refused = provider.provide().await.unwrap();
    assert_ne!(replace(&provider, &refused).await.unwrap(), refused);
}

#[tokio::test(start_paused = true)]
async fn rejected_credentials_are_kept_if_the_source_fails() {
    let clock = clock();
    let (provider, asked) = sessions(&clock, Duration::from_secs(900), |number| number == 2);
    let refused = provider.provide().await.unwrap();
    assert_eq!(replace(&provider, &refused).await.unwrap_err(), "failure 2");
    // The source is not queried for a second. Other calls are still sent with the rejected credentials.
    assert_eq!(replace(&provider, &refused).await.unwrap_err(), "failure 2");
    assert_eq!(ask(&provider).await.as_deref(), Ok("id1"));
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    advance(2 * SECOND).await;
    assert_eq!(ask(&provider).await.as_deref(), Ok("id3"));
}

/// The source receives the credentials that it must not return again.
#[tokio::test(start_paused = true)]
async fn a_refresh_that_started_before_the_rejection_is_repeated() {
    struct Store;
    impl Source for Store {
        fn name(&self) -> Cow<'static, str> {
            "store".into()
        }
        fn fetch(&self) -> SourceFuture<'_> {
            Box::pin(async {
                sleep(SECOND).await;
                Ok(Credentials::new("stored", "secret").into())
            })
        }
        fn fetch_replacement<'a>(&'a self, refused: &'a Credentials) -> SourceFuture<'a> {
            assert_eq!(refused.access_key_id(), "stored");
            Box::pin(async { Ok(Credentials::new("new", "secret").into()) })
        }
    }
    let clock = clock();
    let provider = Refreshing::with_clock(Arc::new(Store), Arc::clone(&clock));
    assert_eq!(ask(&provider).await.as_deref(), Ok("stored"));
    // Credentials without an expiration are queried again, in the background.
    advance(Duration::from_secs(301)).await;
    assert_eq!(ask(&provider).await.as_deref(), Ok("stored"));
    let refused = Credentials::new("stored", "secret");
    assert_eq!(replace(&provider, &refused).await.unwrap().access_key_id(), "new");
    assert_eq!(ask(&provider).await.as_deref(), Ok("new"));
}
