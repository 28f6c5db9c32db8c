//! A call: the loop of attempts, in [`Core::attempts`].
//!
//! [`attempt`] is one attempt and returns what happened; [`observe`] reports it to events and spans.

mod attempt;
mod observe;
mod target;
mod trace;

use std::borrow::Cow;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::time::{Instant, sleep};

use self::attempt::{Attempt, Cause, Failed};
use self::observe::Observer;
use self::target::Target;
use crate::account::Account;
use crate::action::{Action, Product};
use crate::answer::{self, Context};
use crate::bulk::Ticket;
use crate::credentials::{Credentials, ProvideCredentials};
use crate::descriptor::{ActionDescriptor, Method, ParameterLocation};
use crate::endpoint::{Endpoint, Network};
use crate::error::{Error, ErrorKind};
use crate::event::{Event, Events};
use crate::headers::Headers;
use crate::options::{CallOptions, Options};
use crate::parameters::{InvalidParameter, Parameter, check_text, parameters};
use crate::prepare::{PreparedRequest, Settings};
use crate::redact::Redactor;
use crate::response::Metadata;
use crate::retry::{RetryBudget, State};
use crate::roa;
use crate::route::placeholders;
use crate::sign::{Nonce, Nonces, Timestamp};
use crate::skew::Skew;
use crate::throttle::{
    AcquireOptions, Permit, QuotaEvent, QuotaKey, RateLimit, Refused, Request, Throttle, WatchedQuota,
};
use crate::transport::Transport;
use crate::unsigned::RequestHook;
use crate::untyped::UntypedRequest;
use crate::value::Object;

/// An action with its parameters, without types.
pub(crate) struct Call<'a> {
    name: Cow<'static, str>,
    action: Option<&'static ActionDescriptor>,
    method: Method,
    /// The path with names of parameters in braces; empty for the RPC style.
    path: Cow<'a, str>,
    pub(crate) parameters: Vec<Parameter<'a>>,
    untyped: bool,
    /// Set if the call belongs to a bulk.
    ticket: Option<&'a Ticket>,
}

fn invalid(action: &str, problem: &InvalidParameter) -> Error {
    Error::new(ErrorKind::InvalidRequest, problem.to_string()).with_action(action.to_owned().into())
}

impl<'a> Call<'a> {
    pub(crate) fn typed<A: Action>(request: &'a A) -> Result<Self, Error> {
        let action = A::DESCRIPTOR;
        let parameters = parameters(request).map_err(|problem| invalid(action.name, &problem))?;
        Ok(Self {
            name: action.name.into(),
            action: Some(action),
            method: action.method,
            path: action.path.into(),
            parameters,
            untyped: false,
            ticket: None,
        })
    }

    pub(crate) fn untyped<P: Product>(request: &'a UntypedRequest) -> Result<Self, Error> {
        let action = P::DESCRIPTOR.action(&request.action);
        let refused = |problem: &InvalidParameter| invalid(&request.action, problem);
        let described = |name: &str| action.and_then(|action| action.parameters.iter().find(|p| p.name == name));
        for (name, value) in &request.parameters {
            if let Some(parameter) = described(name) {
                check_text(parameter, value).map_err(|problem| refused(&problem))?;
            }
        }
        let (method, path) = match (&request.route, action) {
            (Some((method, path)), _) => (*method, path.as_str()),
            (None, Some(action)) => (action.method, action.path),
            (None, None) => (Method::default(), ""),
        };
        let is_roa = |action: &&ActionDescriptor| !action.path.is_empty();
        let wrong =
            |message: &str| Error::new(ErrorKind::InvalidRequest, message).with_action(request.action.clone().into());
        if path.is_empty() {
            if action.is_none() && P::DESCRIPTOR.actions.first().is_some_and(is_roa) {
                return Err(wrong(
                    "the actions of this product need a method and a path; set them with `UntypedRequest::route`",
                ));
            }
            if request.body.is_some() {
                return Err(wrong(
                    "the call has a body but no path; set the parameters one by one, or set the method and path with `UntypedRequest::route`",
                ));
            }
        }
        let names = if path.is_empty() { Ok(Vec::new()) } else { placeholders(path) };
        // An invalid path is reported when the request is signed.
        let in_path = names.unwrap_or_default();
        let mut parameters: Vec<_> = (request.parameters.iter())
            .map(|(name, value)| Parameter {
                name: name.into(),
                value: value.into(),
                location: match described(name) {
                    _ if in_path.contains(&name.as_str()) => ParameterLocation::Path,
                    Some(parameter) => parameter.location,
                    None => ParameterLocation::Query,
                },
                sensitive: described(name).is_none_or(|parameter| parameter.sensitive),
            })
            .collect();
        if let Some(body) = &request.body {
            let whole = action.and_then(|action| {
                action.parameters.iter().find(|parameter| parameter.location == ParameterLocation::Body)
            });
            parameters.push(Parameter {
                name: whole.map_or("body", |parameter| parameter.name).into(),
                value: body.into(),
                location: ParameterLocation::Body,
                // It may contain sensitive members even if the parameter as a whole is not marked sensitive.
                sensitive: true,
            });
        }
        if parameters.iter().filter(|parameter| parameter.location == ParameterLocation::Body).count() > 1 {
            return Err(wrong(
                "the body is set twice: as a parameter and with `UntypedRequest::body`; remove one of them",
            ));
        }
        let name = request.action.clone().into();
        Ok(Self { name, action, method, path: path.into(), parameters, untyped: true, ticket: None })
    }

    /// A call of a described action.
    pub(crate) fn described(
        action: &'static ActionDescriptor,
        parameters: &'a [Parameter<'static>],
        untyped: bool,
    ) -> Self {
        Self {
            name: action.name.into(),
            action: Some(action),
            method: action.method,
            path: action.path.into(),
            parameters: parameters.to_vec(),
            untyped,
            ticket: None,
        }
    }

    /// The action's name.
    pub(crate) fn name(&self) -> &Cow<'static, str> {
        &self.name
    }

    /// Whether the HTTP status alone decides about success, unless the product has success codes.
    pub(crate) fn is_roa(&self) -> bool {
        !self.path.is_empty()
    }

    pub(crate) fn with_ticket(self, ticket: Option<&'a Ticket>) -> Self {
        Self { ticket, ..self }
    }

    fn is_idempotent(&self) -> bool {
        self.action.is_some_and(|action| action.idempotent)
    }

    /// Adds the facts about the call to an error.
    fn describe(&self, error: Error, attempts: u32, nonce: Option<&Nonce>) -> Error {
        let error = error.with_action(self.name.clone()).with_attempts(attempts).with_idempotent(self.is_idempotent());
        let error = match nonce {
            Some(nonce) => error.with_nonce(nonce.as_str().to_owned()),
            None => error,
        };
        match self.action {
            Some(action) if !action.unknown_outcome.is_empty() => error.with_advice(action.unknown_outcome),
            _ => error,
        }
    }
}

/// The part of a client that does not depend on the action's type, so that it is compiled once.
pub(crate) struct Core {
    pub(crate) settings: Settings,
    pub(crate) endpoint: Endpoint,
    /// The network of a call with its own region; `None` if the endpoint does not depend on a region.
    pub(crate) network: Option<Network>,
    pub(crate) headers: Headers,
    pub(crate) on_request: Option<RequestHook>,
    pub(crate) credentials: Option<Arc<dyn ProvideCredentials>>,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) throttle: Throttle,
    pub(crate) account: Account,
    pub(crate) budget: RetryBudget,
    pub(crate) options: Options,
    pub(crate) nonces: Nonces,
    pub(crate) clock: Clock,
    pub(crate) skew: Skew,
    pub(crate) events: Events,
}

/// The longest pause of a quota. Responses may request a longer one.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// The longest time that a call of a bulk waits for one permit.
const LONGEST_WAIT: Duration = Duration::from_secs(365 * 24 * 3600);

/// The window of an unknown limit.
const WINDOW: Duration = Duration::from_secs(1);

/// Used when the deadline overflows `Instant`.
const FAR_AWAY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

pub(crate) type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// The failed attempts of a call so far.
#[derive(Default)]
struct Earlier {
    /// The last failure that is certain: the call was not executed.
    not_executed: Option<Error>,
    /// The last failure after which the call may have been executed.
    unknown: Option<Error>,
    nonce: Option<Nonce>,
    /// The cost of the retries, taken from the budget.
    spent: u32,
    /// The number of throttled attempts.
    throttled: u32,
    clock_corrected: bool,
    /// Replaces credentials that the service refused as expired.
    replaced: Option<Credentials>,
}

impl Earlier {
    /// Keeps the failure of an attempt that is followed by another one.
    fn remember(&mut self, error: Error) {
        let kept = if error.outcome_unknown() { &mut self.unknown } else { &mut self.not_executed };
        *kept = Some(error);
    }

    /// The error of the call, after its last attempt.
    fn verdict(self, last: Error, began: Instant) -> Error {
        let attempts = last.attempts();
        // The last attempt was not executed, which proves nothing about the earlier ones.
        let silent = !last.outcome_unknown() && (last.is_not_sent() || last.kind() == ErrorKind::Throttled);
        let error = match (self.unknown, self.not_executed) {
            (Some(earlier), _) if silent => earlier.with_attempts(attempts),
            (Some(_), _) => last.with_outcome_unknown(true),
            // The cause of the failure matters more than the missing time for another attempt.
            (None, Some(earlier)) if last.kind() == ErrorKind::QuotaWait => {
                let delay = last.retry_after().or(earlier.retry_after());
                earlier.with_attempts(attempts).with_retry_after(delay)
            }
            _ => last,
        };
        if error.kind() == ErrorKind::Throttled { error.with_throttled_for(began.elapsed()) } else { error }
    }
}

/// The error of a call that got no permit.
fn not_admitted(refused: &Refused) -> Error {
    let kind = match refused {
        Refused::Misconfigured { .. } => ErrorKind::Configuration,
        _ => ErrorKind::QuotaWait,
    };
    Error::new(kind, refused.to_string()).with_retry_after(refused.needed())
}

impl Core {
    /// Makes a call and reports it to the observer.
    pub(crate) async fn call(
        &self,
        call: &Call<'_>,
        options: &CallOptions,
        output: &mut dyn Object,
    ) -> Result<Metadata, Error> {
        let mut observer = Observer::new(&self.events, self.settings.product.code, &call.name);
        let span = observer.span();
        let outcome = {
            // Pinned in place, because moving a future copies its whole state.
            let attempts = pin!(self.attempts(call, options, &mut observer, output));
            span.of(attempts).await
        };
        observer.ended(outcome.as_ref());
        outcome
    }

    /// Makes attempts until one succeeds or fails permanently, or the deadline does not allow another one.
    async fn attempts(
        &self,
        call: &Call<'_>,
        options: &CallOptions,
        observer: &mut Observer<'_>,
        output: &mut dyn Object,
    ) -> Result<Metadata, Error> {
        let target = self.target(options).map_err(|error| error.with_action(call.name.clone()))?;
        observer.goes_to(target.endpoint.host());
        let per_call = options.credentials.is_some();
        let options = options.or(&self.options);
        let documented = call.action.and_then(|action| action.rate_limit);
        let found =
            self.quota(call, &target, per_call, documented, observer.started().checked_add(options.deadline)).await;
        let found = found.map_err(|error| call.describe(error, 0, None))?;
        let (quota, limit) = (found.as_ref().map(|(quota, _)| quota), found.as_ref().and_then(|(_, limit)| *limit));
        let (began, mut permit) = self.begin(call, quota, limit, observer).await?;
        let limit = limit.or(documented);
        let deadline = began.checked_add(options.deadline).unwrap_or_else(|| began + FAR_AWAY);
        let mut earlier = Earlier::default();
        loop {
            let credentials = earlier.replaced.as_ref();
            let attempt = Attempt { call, target: &target, options: &options, quota, deadline, credentials };
            let span = observer.attempt_begins();
            let outcome = span.of(pin!(self.attempt(attempt, permit.take(), observer, output))).await;
            let Failed { error, nonce, throttled, cause } = match outcome {
                Ok(metadata) => {
                    self.budget.succeeded(earlier.spent);
                    observer.attempt_ended(Ok(&metadata), None);
                    return Ok(metadata);
                }
                Err(failed) => failed,
            };
            earlier.nonce = nonce.or(earlier.nonce);
            earlier.throttled += u32::from(error.kind() == ErrorKind::Throttled);
            let error = call.describe(error, observer.attempts(), earlier.nonce.as_ref());
            let remaining = deadline.saturating_duration_since(Instant::now());
            let state = State {
                idempotent: call.is_idempotent(),
                attempts: observer.attempts() - earlier.throttled,
                throttled: earlier.throttled,
                window: limit.map_or(WINDOW, RateLimit::window),
                remaining,
                patience: remaining.saturating_sub(options.time_for_the_answer()),
                dice: fastrand::f64(),
            };

            let corrected = match cause {
                // Also if this call is not retried, because the next call needs the correction.
                Some(cause) => self.correct(cause, &target, deadline, &mut earlier).await,
                None => Ok(false),
            };
            let corrected = corrected.map(|helps| helps && options.retry.retries_at_once(&error, state));
            let (error, backoff) = match corrected {
                Ok(true) => (error, Some(Duration::ZERO)),
                Ok(false) => {
                    let backoff = options.retry.backoff_after(&error, state);
                    (error, backoff)
                }
                Err(reason) => (error.with_more(&format!("; {}", reason.message())).with_source(reason), None),
            };
            // The quota pauses even if this call is not retried, because other calls would be throttled too.
            let quota_waits = match quota.zip(throttled) {
                Some((quota, permit)) => {
                    let delay = error.retry_after().map(|delay| delay.min(LONGEST_PAUSE));
                    quota.throttled(permit, delay, &|key, event| self.report(key, &event));
                    true
                }
                None => false,
            };
            let retry = backoff.and_then(|backoff| Some((backoff, self.budget.take(&error)?)));
            observer.attempt_ended(Err(&error), retry.map(|(backoff, _)| backoff));
            let Some((backoff, cost)) = retry else {
                return Err(earlier.verdict(error, began));
            };
            earlier.spent += cost;
            earlier.remember(error);
            if !quota_waits {
                sleep(backoff).await;
            }
            observer.backed_off();
            output.reset();
        }
    }

    /// Corrects the cause of a refusal, each cause once. Returns whether another attempt can succeed.
    async fn correct(
        &self,
        cause: Cause,
        target: &Target<'_>,
        deadline: Instant,
        earlier: &mut Earlier,
    ) -> Result<bool, Error> {
        match cause {
            // If the timestamp is refused after the correction too, the clock is not the cause.
            Cause::Clock => Ok(!std::mem::replace(&mut earlier.clock_corrected, true)),
            Cause::Expired(_) if earlier.replaced.is_some() => Ok(false),
            Cause::Expired(rejected) => {
                let replaced = self.replace_credentials(target, &rejected, deadline).await?;
                let is_new = replaced != rejected;
                earlier.replaced = Some(replaced);
                Ok(is_new)
            }
        }
    }

    /// The start of the deadline, and the permit of the first attempt if the call already has one.
    ///
    /// A call of a bulk waits for its permit without a deadline, which starts afterwards. Otherwise a long pause of the quota
    /// would fail all remaining rows of the bulk.
    async fn begin(
        &self,
        call: &Call<'_>,
        quota: Option<&Arc<WatchedQuota>>,
        limit: Option<RateLimit>,
        observer: &mut Observer<'_>,
    ) -> Result<(Instant, Option<Permit>), Error> {
        let Some(ticket) = call.ticket else {
            return Ok((observer.started(), None));
        };
        ticket.waits(limit);
        let mut permit = None;
        if let Some(quota) = quota {
            permit = Some(self.permit_in_a_bulk(quota).await.map_err(|error| call.describe(error, 0, None))?);
            observer.waited_for_quota();
        }
        ticket.goes();
        Ok((Instant::now(), permit))
    }

    /// Reports an event of a quota.
    fn report(&self, key: &QuotaKey, event: &QuotaEvent) {
        trace::quota(key, event);
        self.events.tell(|| Event::Quota { key, event });
    }

    async fn permit_in_a_bulk(&self, quota: &Arc<WatchedQuota>) -> Result<Permit, Error> {
        let observe = |key: &QuotaKey, event: QuotaEvent| self.report(key, &event);
        // A bulk has few calls in the queue.
        let ask = AcquireOptions { max_waiting: usize::MAX, ..AcquireOptions::new(LONGEST_WAIT) };
        loop {
            match quota.clone().acquire(ask, &observe).await {
                Ok(permit) => return Ok(permit),
                Err(refused @ Refused::Misconfigured { .. }) => return Err(not_admitted(&refused)),
                // The store is unreachable, and its policy is to reject calls.
                Err(_) => sleep(Duration::from_secs(1)).await,
            }
        }
    }

    /// The quota of a call and its limit; `None` if the throttle is off.
    ///
    /// The first call of a client fetches credentials, because they identify the account.
    async fn quota(
        &self,
        call: &Call<'_>,
        target: &Target<'_>,
        per_call: bool,
        documented: Option<RateLimit>,
        deadline: Option<Instant>,
    ) -> Result<Option<(Arc<WatchedQuota>, Option<RateLimit>)>, Error> {
        if self.throttle.is_off() {
            return Ok(None);
        }
        let (product, host) = (self.settings.product.code, target.endpoint.host_and_port());
        let known = self.account.known().filter(|_| !per_call);
        let credentials = if known.is_some() { None } else { self.credentials_for(call, target, deadline).await? };
        let account: Cow<'_, str> = match (known, &credentials) {
            (Some(account), _) => account.into(),
            // Credentials of the call may belong to another account.
            (None, Some(credentials)) if per_call => Account::name_of(credentials).into(),
            (None, Some(credentials)) => self.account.of(credentials).into(),
            // Without credentials there is no account.
            (None, None) => "".into(),
        };
        let account = &*account;
        Ok(self.throttle.quota(Request { account, product, action: &call.name, host }, documented))
    }

    /// Signs a call without sending it.
    pub(crate) async fn prepare(&self, call: &Call<'_>, options: &CallOptions) -> Result<PreparedRequest, Error> {
        let prepare = async {
            let target = self.target(options)?;
            let deadline = options.deadline.and_then(|deadline| Instant::now().checked_add(deadline));
            let credentials = self.credentials_for(call, &target, deadline).await?;
            let timestamp = Timestamp::of(self.skew.correction().apply((self.clock)()));
            let signed = self.sign(call, &target, 1, credentials.as_ref(), &timestamp, &self.nonces.next())?;
            let shown = call.is_roa().then(|| {
                let path = roa::shown_path(&call.path, &call.parameters);
                (path, roa::shown_host(&target.endpoint, &call.parameters))
            });
            Ok(PreparedRequest::new(signed.request, &call.parameters, shown))
        };
        let prepared: Result<_, Error> = prepare.await;
        prepared.map_err(|error| error.with_action(call.name.clone()))
    }

    /// Reads the response to a call that was [prepared](Self::prepare) with these options.
    pub(crate) fn read(
        &self,
        call: &Call<'_>,
        options: &CallOptions,
        answer: http::Response<Bytes>,
        output: &mut dyn Object,
    ) -> Result<Metadata, Error> {
        let target = self.target(options).map_err(|error| error.with_action(call.name.clone()))?;
        let credentials = target.cached_credentials();
        let redactor = Redactor::new(credentials.as_ref(), &call.parameters).with_headers(target.headers());
        let context = self.context(call, &redactor);
        let (mut parts, body) = answer.into_parts();
        let (body, judged) = answer::read(&mut parts, body, context, output);
        let judged = judged.map_err(|error| call.describe(error.redacted(&redactor), 1, None))?;
        Ok(Metadata {
            request_id: judged.request_id,
            http_status: parts.status.as_u16(),
            attempts: 1,
            quota_wait: Duration::ZERO,
            mismatches: judged.mismatches,
            body,
        })
    }

    /// The context in which the response to a call is judged.
    fn context<'a>(&'a self, call: &Call<'_>, redactor: &'a Redactor<'a>) -> Context<'a> {
        Context {
            product: self.settings.product,
            action: call.action,
            untyped: call.untyped,
            is_roa: call.is_roa(),
            redactor,
            clock: &*self.clock,
        }
    }
}
