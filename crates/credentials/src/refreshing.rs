//! Keeping credentials fresh: one refresh at a time for any number of callers, ahead of expiry, in the background.
//!
//! A set of credentials goes through three phases: *fresh*; *renewable* (handed out, while a refresh runs in the background);
//! *ending* (handed out only if no fresh ones can be had). The lengths follow the lifetime, so that a session of 900 s is not stale
//! at birth. No lock is held across an await.

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

/// The longest time ahead of expiry at which a refresh begins; a quarter of the lifetime if that is shorter.
const LONGEST_WINDOW: Duration = Duration::from_secs(15 * 60);

/// The longest time ahead of expiry at which credentials count as about to expire; a tenth of the lifetime if that is shorter.
const LONGEST_END: Duration = Duration::from_secs(60);

/// How long credentials without an expiration are kept before the source is asked again, so that a rotated key is noticed.
const WITHOUT_EXPIRATION: Duration = Duration::from_secs(5 * 60);

/// How long a refresh may take. The sources have shorter limits of their own.
const REFRESH_LIMIT: Duration = Duration::from_secs(120);

/// The longest wait after a failed refresh, while the old credentials are still valid, and between two replacements of refused ones; the
/// first one is a second.
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);

/// A provider that asks a [`Source`](crate::Source) when it must, and keeps what it gives.
///
/// - Any number of callers cause one refresh, and it survives each of them.
/// - It begins ahead of expiry (a quarter of the lifetime, at most 15 minutes, less a random part of up to a fifth), in the background:
///   callers get the old credentials meanwhile.
/// - Credentials that are about to expire (the last tenth of the lifetime, at most a minute) are handed out only if no fresh ones
///   can be had.
/// - After a failed refresh the old credentials live on; the next try comes after 1 s, then 2 s … 60 s. Without valid credentials
///   every call tries again.
/// - Credentials that the service refuses as expired ([`replace`](ProvideCredentials::replace)) are replaced by one refresh for all
///   callers that have them. Until it ends, they count as about to expire. If the service refuses the new ones, too, the source is
///   asked again after 1 s, then 2 s … 60 s; in between callers get what there is, or the error of the refresh that failed. The source is
///   [told](crate::Source::fetch_instead_of) which ones are refused, so that it does not take them out of a store again.
/// - Credentials without an expiration are kept for 5 minutes and then looked up again, in the background.
///
/// Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Refreshing(Arc<Inner>);

/// Asks a source, for credentials in place of refused ones if there are such.
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
    /// Why the last refresh failed; `None` if it did not.
    failure: Option<CredentialsError>,
    /// Not before then, as long as the held credentials are valid.
    next_try: Option<Instant>,
    /// How many times in a row credentials were refused by the service and fetched anew, and the earliest time of the next.
    replacements: u32,
    next_replacement: Option<Instant>,
    /// What the user was told last.
    #[cfg_attr(not(feature = "tracing"), allow(dead_code, reason = "only logged"))]
    warned: Vec<String>,
}

type Flight = BoxFuture<'static, Result<Credentials, CredentialsError>>;

/// Credentials with the times at which their phases begin.
struct Held {
    credentials: Credentials,
    renewable: SystemTime,
    /// `None`: not known.
    end: Option<(SystemTime, SystemTime)>,
    /// Whether the service has refused them: handed out only if no others can be had.
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
    /// `dice` is from 0 to 1.
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
                "the credentials that came have expired already{place}; renew them, or set this machine's clock if it is wrong"
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

    /// What can be handed out now, else the refresh to wait for if the caller `waits`. Starts one if it is time.
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
            // Without a runtime there is no background: this caller does it.
            Phase::Renewable | Phase::Ending if !backing_off && !waits => Look::Nothing,
            Phase::Renewable | Phase::Ending if !backing_off => {
                let expiration = held.expiration();
                Look::Wait { flight: self.board(&mut state, refused), meanwhile: Some((held, expiration)) }
            }
            _ => Look::Take(held),
        }
    }

    /// What takes the place of refused credentials.
    fn replacement(&self, rejected: &Credentials) -> Replacement {
        let mut state = self.0.state();
        match (state.refuse(rejected), &state.failure) {
            (None, _) => Replacement::Other,
            (Some(true), _) => Replacement::Wait(self.board(&mut state, Some(rejected.clone()))),
            (Some(false), Some(failure)) => Replacement::Nothing(Err(failure.clone())),
            (Some(false), None) => Replacement::Nothing(Ok(rejected.clone())),
        }
    }

    /// The refresh that is under way, or a new one: in place of refused credentials if there are such.
    fn board(&self, state: &mut State, refused: Option<Credentials>) -> Shared<Flight> {
        if let Some(flight) = state.flight.as_ref().and_then(WeakShared::upgrade) {
            return flight;
        }
        let inner = Arc::clone(&self.0);
        let flight = async move {
            // A source that panics must not take its callers along, now or later.
            let fetch = AssertUnwindSafe(inner.fetch(refused)).catch_unwind();
            let outcome =
                fetch.await.unwrap_or_else(|_| Err(SourceError::failed("the source of credentials panicked")));
            inner.land(outcome)
        };
        let flight = flight.boxed().shared();
        state.flight = flight.downgrade();
        // Of its own: a caller that goes away must not end it for the others.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(flight.clone());
        }
        flight
    }
}

/// What takes the place of refused credentials.
enum Replacement {
    /// What this refresh gives.
    Wait(Shared<Flight>),
    /// Nothing yet, because the source was asked a moment ago: the refused ones, or why there are no others.
    Nothing(Result<Credentials, CredentialsError>),
    /// Others are held already.
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
            Err(SourceError::failed(format!("{} gave no answer within {REFRESH_LIMIT:?}", self.name)))
        })
    }

    /// Keeps what came.
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
        // Nothing below can panic half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Tells the user what is new.
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
    /// Marks the held credentials as refused and returns whether to ask the source for others now; `None` if these are not held.
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

/// The wait after this many failures that came before the last one.
fn backoff(earlier: u32) -> Duration {
    LONGEST_BACKOFF.min(Duration::from_secs(1 << earlier.min(6)))
}

impl ProvideCredentials for Refreshing {
    fn replace<'a>(&'a self, rejected: &'a Credentials) -> ProvideFuture<'a> {
        Box::pin(async move {
            // A refresh that was under way before the refusal may give the refused ones once more.
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
            // What is still valid is not waited away.
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

/// Prints the source and whether there are credentials.
impl fmt::Debug for Refreshing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = self.0.state().held.as_ref().map(|held| held.credentials.clone());
        f.debug_struct("Refreshing").field("source", &self.0.name).field("held", &held).finish_non_exhaustive()
    }
}
