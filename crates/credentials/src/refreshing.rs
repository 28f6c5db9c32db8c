//! Refreshes credentials: one refresh at a time for any number of callers, in the background, before they expire.
//!
//! Credentials go through three phases: *fresh*; *renewable* (handed out while a refresh runs in the background);
//! *ending* (handed out only if the refresh fails). Their lengths depend on the lifetime, so that they suit short
//! sessions, too. No lock is held across an await.

use std::borrow::Cow;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use alibabacloud_runtime::{Credentials, CredentialsError, ProvideCredentials, ProvideFuture};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout};

use crate::found::{Found, SourceError};
use crate::time::Clock;

/// The maximum time before expiry at which a refresh starts; a quarter of the lifetime if that is shorter.
const LONGEST_WINDOW: Duration = Duration::from_secs(15 * 60);

/// The maximum time before expiry at which credentials count as about to expire; a tenth of the lifetime if that is
/// shorter.
const LONGEST_END: Duration = Duration::from_secs(60);

/// How long credentials without an expiration are kept before the source is queried again, so that a rotated key is
/// noticed.
const WITHOUT_EXPIRATION: Duration = Duration::from_secs(5 * 60);

/// The time limit of a refresh. Sources have shorter limits.
const REFRESH_LIMIT: Duration = Duration::from_secs(120);

/// The maximum backoff after a failed refresh while the old credentials are valid, and between two replacements of
/// rejected ones. The first backoff is one second.
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);

/// A provider that queries a [`Source`](crate::Source) when necessary, and caches its credentials.
///
/// - Any number of callers share one refresh, which continues if a caller is dropped.
/// - A refresh starts before expiry (a quarter of the lifetime, at most 15 minutes, less a random part of up to a
///   fifth) and runs in the background. Meanwhile callers get the old credentials.
/// - Credentials that are about to expire (the last tenth of the lifetime, at most a minute) are handed out only if the
///   refresh fails.
/// - After a failed refresh, the old credentials stay in use. The next refresh starts after 1 s, then 2 s … 60 s.
///   Without valid credentials, every call starts one.
/// - Credentials that the service rejects as expired ([`replace`](ProvideCredentials::replace)) are replaced by one
///   refresh for all callers that use them. Until it ends, they count as about to expire. If the service rejects the
///   new ones, too, the source is queried again after 1 s, then 2 s … 60 s; until then, callers get the rejected ones,
///   or the error of the failed refresh. [`Source::fetch_replacement`](crate::Source::fetch_replacement) receives the
///   rejected credentials, so that a source does not return them from a store again.
/// - Credentials without an expiration are kept for 5 minutes and then queried again, in the background.
#[derive(Clone)]
pub struct Refreshing(Arc<Inner>);

/// Queries a source, for a replacement if the argument has rejected credentials.
pub(crate) type Fetch =
    Box<dyn Fn(Option<Credentials>) -> BoxFuture<'static, Result<Found, SourceError>> + Send + Sync>;

struct Inner {
    /// The name of the source.
    name: Cow<'static, str>,
    fetch: Fetch,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    flight: Option<WeakShared<Flight>>,
    failures: u32,
    /// The error of the last refresh; `None` if it succeeded.
    failure: Option<CredentialsError>,
    /// The earliest time of the next refresh while the held credentials are valid.
    next_try: Option<Instant>,
    /// How many consecutive times credentials were rejected by the service and replaced, and the earliest time of the
    /// next replacement.
    replacements: u32,
    next_replacement: Option<Instant>,
    /// The warnings logged last.
    #[cfg_attr(not(feature = "tracing"), allow(dead_code, reason = "only logged"))]
    warned: Vec<String>,
}

type Flight = BoxFuture<'static, Result<Credentials, CredentialsError>>;

/// Credentials with the times at which their phases begin.
struct Held {
    credentials: Credentials,
    renewable: SystemTime,
    /// `None` if there is no expiration.
    end: Option<(SystemTime, SystemTime)>,
    /// Whether the service rejected them; they are then handed out only if the refresh fails.
    refused: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Fresh,
    Renewable,
    Ending,
    Over,
}

impl Held {
    /// `dice` is a random number from 0 to 1.
    fn new(found: Found, now: SystemTime, dice: f64) -> Result<Self, CredentialsError> {
        let place = found.found_in().map_or_else(String::new, |place| format!(" ({place})"));
        let credentials = found.into_credentials();
        credentials.validate()?;
        let Some(expiration) = credentials.expiration() else {
            let renewable = now.checked_add(WITHOUT_EXPIRATION).unwrap_or(now);
            return Ok(Self { credentials, renewable, end: None, refused: false });
        };
        let lifetime = expiration.duration_since(now).unwrap_or_default();
        if lifetime.is_zero() {
            return Err(CredentialsError::new(format!(
                "the credentials have already expired{place}; renew them, or correct the clock of this machine"
            )));
        }
        let before = |ahead: Duration| expiration.checked_sub(ahead).unwrap_or(now);
        let window = LONGEST_WINDOW.min(lifetime / 4).mul_f64(1.0 - dice / 5.0);
        let end = before(LONGEST_END.min(lifetime / 10));
        Ok(Self { credentials, renewable: before(window), end: Some((end, expiration)), refused: false })
    }

    fn phase(&self, now: SystemTime) -> Phase {
        match self.end {
            Some((_, expiration)) if now >= expiration => Phase::Over,
            Some((end, _)) if now >= end => Phase::Ending,
            _ if self.refused => Phase::Ending,
            _ if now >= self.renewable => Phase::Renewable,
            _ => Phase::Fresh,
        }
    }
}

impl Refreshing {
    pub(crate) fn over(name: Cow<'static, str>, fetch: Fetch, clock: Clock) -> Self {
        Self(Arc::new(Inner { name, fetch, clock, state: Mutex::default() }))
    }

    /// The credentials to hand out now, else the refresh to wait for if the caller `waits`. Starts a refresh if it is
    /// due.
    fn look(&self, waits: bool) -> Look {
        let now = (self.0.clock)();
        let mut state = self.0.state();
        let phase = state.held.as_ref().map_or(Phase::Over, |held| held.phase(now));
        let held = state.held.as_ref().map(|held| held.credentials.clone());
        let refused = held.clone().filter(|_| state.held.as_ref().is_some_and(|held| held.refused));
        let Some(held) = held.filter(|_| phase != Phase::Over) else {
            return if waits {
                Look::Wait { flight: self.board(&mut state, None), meanwhile: None }
            } else {
                Look::Nothing
            };
        };
        let backing_off = state.next_try.is_some_and(|next| Instant::now() < next);
        match phase {
            Phase::Renewable if !backing_off && Handle::try_current().is_ok() => {
                drop(self.board(&mut state, refused));
                Look::Take(held)
            }
            // Without a runtime there is no background, so the caller runs the refresh.
            Phase::Renewable | Phase::Ending if !backing_off && !waits => Look::Nothing,
            Phase::Renewable | Phase::Ending if !backing_off => {
                let expiration = held.expiration();
                Look::Wait { flight: self.board(&mut state, refused), meanwhile: Some((held, expiration)) }
            }
            _ => Look::Take(held),
        }
    }

    /// The replacement for rejected credentials.
    fn replacement(&self, rejected: &Credentials) -> Replacement {
        let mut state = self.0.state();
        match (state.refuse(rejected), &state.failure) {
            (None, _) => Replacement::Other,
            (Some(true), _) => Replacement::Wait(self.board(&mut state, Some(rejected.clone()))),
            (Some(false), Some(failure)) => Replacement::Nothing(Err(failure.clone())),
            (Some(false), None) => Replacement::Nothing(Ok(rejected.clone())),
        }
    }

    /// The current refresh, or a new one, for a replacement if `refused` has rejected credentials.
    fn board(&self, state: &mut State, refused: Option<Credentials>) -> Shared<Flight> {
        if let Some(flight) = state.flight.as_ref().and_then(WeakShared::upgrade) {
            return flight;
        }
        let inner = Arc::clone(&self.0);
        let flight = async move {
            // A panic in the source must not reach the callers, now or later.
            let fetch = AssertUnwindSafe(inner.fetch(refused)).catch_unwind();
            let outcome =
                fetch.await.unwrap_or_else(|_| Err(SourceError::failed("the source of credentials panicked")));
            inner.land(outcome)
        };
        let flight = flight.boxed().shared();
        state.flight = flight.downgrade();
        // Spawned, so that a dropped caller does not end it for the others.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(flight.clone());
        }
        flight
    }
}

/// The replacement for rejected credentials.
enum Replacement {
    /// The result of this refresh.
    Wait(Shared<Flight>),
    /// None yet, because the source was queried a moment ago: the rejected credentials, or the error of the last
    /// refresh.
    Nothing(Result<Credentials, CredentialsError>),
    /// Other credentials are held already.
    Other,
}

enum Look {
    Take(Credentials),
    Nothing,
    Wait { flight: Shared<Flight>, meanwhile: Option<(Credentials, Option<SystemTime>)> },
}

impl Inner {
    async fn fetch(&self, refused: Option<Credentials>) -> Result<Found, SourceError> {
        if Handle::try_current().is_err() {
            return (self.fetch)(refused).await;
        }
        timeout(REFRESH_LIMIT, (self.fetch)(refused)).await.unwrap_or_else(|_| {
            Err(SourceError::failed(format!("{} did not respond within {REFRESH_LIMIT:?}", self.name)))
        })
    }

    /// Stores the result of a refresh.
    fn land(&self, outcome: Result<Found, SourceError>) -> Result<Credentials, CredentialsError> {
        let now = (self.clock)();
        let mut state = self.state();
        state.flight = None;
        let outcome = outcome.map_err(CredentialsError::from).and_then(|found| {
            state.tell(found.warnings());
            Held::new(found, now, fastrand::f64())
        });
        match outcome {
            Ok(held) => {
                let credentials = held.credentials.clone();
                (state.held, state.failures, state.failure, state.next_try) = (Some(held), 0, None, None);
                Ok(credentials)
            }
            Err(error) => {
                state.failures = state.failures.saturating_add(1);
                state.next_try = Some(Instant::now() + backoff(state.failures - 1));
                state.failure = Some(error.clone());
                #[cfg(feature = "tracing")]
                tracing::warn!(failures = state.failures, "credentials were not refreshed: {error}");
                Err(error)
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No change below can panic halfway.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Logs new warnings.
    #[cfg_attr(not(feature = "tracing"), allow(clippy::unused_self, reason = "only logged"))]
    fn tell(&mut self, warnings: &[String]) {
        #[cfg(feature = "tracing")]
        if self.warned != warnings {
            for warning in warnings {
                tracing::warn!("{warning}");
            }
            self.warned = warnings.to_vec();
        }
        #[cfg(not(feature = "tracing"))]
        let _ = warnings;
    }
}

impl State {
    /// Marks the held credentials as rejected. Returns whether to query the source now, and `None` if other credentials
    /// are held.
    fn refuse(&mut self, rejected: &Credentials) -> Option<bool> {
        let held = self.held.as_mut().filter(|held| held.credentials == *rejected)?;
        let now = Instant::now();
        if self.flight.as_ref().and_then(WeakShared::upgrade).is_none() {
            if [self.next_try, self.next_replacement].into_iter().flatten().any(|next| now < next) {
                return Some(false);
            }
            let has_been_quiet = self.next_replacement.is_none_or(|next| now > next + LONGEST_BACKOFF);
            self.replacements = if has_been_quiet { 0 } else { self.replacements.saturating_add(1) };
            self.next_replacement = Some(now + backoff(self.replacements));
        }
        held.refused = true;
        Some(true)
    }
}

/// The backoff after a failure, by the number of consecutive failures before it.
fn backoff(earlier: u32) -> Duration {
    LONGEST_BACKOFF.min(Duration::from_secs(1 << earlier.min(6)))
}

impl ProvideCredentials for Refreshing {
    fn replace<'a>(&'a self, rejected: &'a Credentials) -> ProvideFuture<'a> {
        Box::pin(async move {
            // A refresh that started before the rejection may return the rejected credentials once more.
            for _ in 0..2 {
                match self.replacement(rejected) {
                    Replacement::Wait(flight) => {
                        let outcome = flight.await;
                        if outcome.as_ref().is_ok_and(|given| given == rejected) {
                            continue;
                        }
                        return outcome;
                    }
                    Replacement::Nothing(outcome) => return outcome,
                    Replacement::Other => return self.provide().await,
                }
            }
            Ok(rejected.clone())
        })
    }

    fn cached(&self) -> Option<Credentials> {
        match self.look(false) {
            Look::Take(credentials) => Some(credentials),
            Look::Nothing | Look::Wait { .. } => None,
        }
    }

    fn provide(&self) -> ProvideFuture<'_> {
        Box::pin(async move {
            let (flight, meanwhile) = match self.look(true) {
                Look::Take(credentials) => return Ok(credentials),
                Look::Wait { flight, meanwhile } => (flight, meanwhile),
                Look::Nothing => return Err(CredentialsError::new("there are no credentials")),
            };
            let Some((old, expiration)) = meanwhile else { return flight.await };
            // The wait must not outlast the valid credentials.
            let left = expiration.map(|end| end.duration_since((self.0.clock)()).unwrap_or_default() / 2);
            match left {
                Some(left) if Handle::try_current().is_ok() => match timeout(left, flight).await {
                    Ok(Ok(fresh)) => Ok(fresh),
                    Ok(Err(_)) | Err(_) => Ok(old),
                },
                _ => Ok(flight.await.unwrap_or(old)),
            }
        })
    }
}

/// Prints the source, and whether there are credentials.
impl fmt::Debug for Refreshing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = self.0.state().held.as_ref().map(|held| held.credentials.clone());
        f.debug_struct("Refreshing").field("source", &self.0.name).field("held", &held).finish_non_exhaustive()
    }
}
