//! The client, and the call itself: [`Core::call`] is the one function to read from top to bottom.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::action::{Action, Product};
use crate::answer::{self, Context};
use crate::builder::ClientBuilder;
use crate::bulk::Ticket;
use crate::credentials::{Credentials, ProvideCredentials};
use crate::descriptor::{ActionDescriptor, ParameterLocation};
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind};
use crate::event::{Events, Outcome, Tally};
use crate::options::{CallOptions, Options};
use crate::parameters::{Parameter, parameters};
use crate::prepare::{PreparedRequest, Settings, prepare};
use crate::redact::Redactor;
use crate::response::{Metadata, Response};
use crate::retry::RetryBudget;
#[cfg(doc)]
use crate::retry::RetryPolicy;
use crate::sign::{Nonce, Nonces, Timestamp};
use crate::skew::Skew;
use crate::throttle::{Permit, Throttle, WatchedQuota};
use crate::trace::{self, Traced};
use crate::transport::{Handover, Transport};
use crate::untyped::{JsonOutput, UntypedRequest};
use crate::value::{Json, Object};

/// Calls the actions of one product.
///
/// Cheap to clone; clones share connections, quotas and credentials. Calls need a tokio runtime with its timer enabled.
pub struct Client<P> {
    core: Arc<Core>,
    /// The place of the calls among those of a bulk, in the client that a bulk hands out.
    ticket: Option<Arc<Ticket>>,
    product: PhantomData<fn() -> P>,
}

impl<P> Clone for Client<P> {
    fn clone(&self) -> Self {
        Self { core: self.core.clone(), ticket: self.ticket.clone(), product: PhantomData }
    }
}

impl<P: Product> fmt::Debug for Client<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("product", &P::DESCRIPTOR.code)
            .field("endpoint", &self.core.settings.endpoint.to_string())
            .field("signature", &self.core.settings.signature)
            .field("throttle", &self.core.throttle)
            .finish_non_exhaustive()
    }
}

impl<P: Product> Client<P> {
    pub(crate) fn new(core: Core) -> Self {
        Self { core: Arc::new(core), ticket: None, product: PhantomData }
    }

    /// The same client, for a call of a bulk.
    pub(crate) fn with_ticket(&self, ticket: Ticket) -> Self {
        Self { core: self.core.clone(), ticket: Some(Arc::new(ticket)), product: PhantomData }
    }

    /// A client with everything from the environment: [`ClientBuilder::from_env`] says which variables.
    ///
    /// # Errors
    /// If a variable is missing or has a value that cannot be used; the message names it.
    pub fn from_env() -> Result<Self, Error> {
        ClientBuilder::from_env()?.build()
    }

    /// A builder with the defaults; only credentials must be given.
    pub fn builder() -> ClientBuilder<P> {
        ClientBuilder::new()
    }

    /// Calls an action: waits for its quota, signs, sends, judges the answer, and sends again what can safely be repeated
    /// ([`RetryPolicy`] says what that is).
    ///
    /// The future may be dropped at any time; a request that is under way then may still take effect.
    ///
    /// # Errors
    /// See [`ErrorKind`] for each kind, what it means and what to do.
    pub async fn send<A: Action<Product = P>>(&self, request: A) -> Result<Response<A::Output>, Error> {
        self.send_with(request, CallOptions::new()).await
    }

    /// As [`send`](Self::send), with settings for this call alone.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_with<A: Action<Product = P>>(
        &self,
        request: A,
        options: CallOptions,
    ) -> Result<Response<A::Output>, Error> {
        self.send_by_reference(&request, options).await
    }

    pub(crate) async fn send_by_reference<A: Action<Product = P>>(
        &self,
        request: &A,
        options: CallOptions,
    ) -> Result<Response<A::Output>, Error> {
        let mut output = A::Output::default();
        let call = Call::typed(request)?.with_ticket(self.ticket.as_deref());
        let metadata = self.core.call(&call, options, &mut output).await?;
        Ok(Response::new(output, metadata))
    }

    /// Calls an action by name, for one that the crate does not have yet; the whole answer comes back as JSON.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_untyped(&self, request: UntypedRequest) -> Result<Response<Json>, Error> {
        self.send_untyped_by_reference(&request, CallOptions::new()).await
    }

    pub(crate) async fn send_untyped_by_reference(
        &self,
        request: &UntypedRequest,
        options: CallOptions,
    ) -> Result<Response<Json>, Error> {
        let mut output = JsonOutput::default();
        let call = Call::untyped::<P>(request).with_ticket(self.ticket.as_deref());
        let metadata = self.core.call(&call, options, &mut output).await?;
        Ok(Response::untyped(Json::Object(output.0), metadata))
    }

    /// Signs a request without sending it, with the time and a nonce of now: for a transport of your own, and to look at it.
    ///
    /// # Errors
    /// If there are no credentials or the request cannot be sent as it is.
    pub async fn prepare<A: Action<Product = P>>(&self, request: &A) -> Result<PreparedRequest, Error> {
        self.core.prepare_once(&Call::typed(request)?).await
    }

    /// Signs an untyped request without sending it; see [`prepare`](Self::prepare).
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare).
    pub async fn prepare_untyped(&self, request: &UntypedRequest) -> Result<PreparedRequest, Error> {
        self.core.prepare_once(&Call::untyped::<P>(request)).await
    }

    /// Reads the answer to a [prepared](Self::prepare) request, however it was sent. No IO happens. The request tells what must
    /// not be shown of an answer that is quoted in an error.
    ///
    /// # Errors
    /// If the answer says that the call failed, or cannot be read.
    pub fn read<A: Action<Product = P>>(
        &self,
        request: &A,
        answer: http::Response<Bytes>,
    ) -> Result<Response<A::Output>, Error> {
        let mut output = A::Output::default();
        let call = Call::typed(request)?;
        let redactor = Redactor::new(None, &call.parameters);
        let context = Context { product: P::DESCRIPTOR, action: Some(A::DESCRIPTOR), redactor: &redactor };
        let (parts, body) = answer.into_parts();
        let request_id = answer::judge(parts.status, &parts.headers, &body, context, &mut output)
            .map_err(|error| error.redacted(&redactor).with_action(A::DESCRIPTOR.name.into()).with_attempts(1))?;
        let metadata =
            Metadata { request_id, http_status: parts.status.as_u16(), attempts: 1, quota_wait: Duration::ZERO, body };
        Ok(Response::new(output, metadata))
    }

    /// Where requests go.
    pub fn endpoint(&self) -> &Endpoint {
        &self.core.settings.endpoint
    }
}

/// What is called, without types.
struct Call<'a> {
    name: Cow<'static, str>,
    action: Option<&'static ActionDescriptor>,
    parameters: Vec<Parameter<'a>>,
    /// If it is one of a bulk.
    ticket: Option<&'a Ticket>,
}

impl<'a> Call<'a> {
    fn typed<A: Action>(request: &'a A) -> Result<Self, Error> {
        let action = A::DESCRIPTOR;
        let parameters = parameters(request).map_err(|invalid| {
            Error::new(ErrorKind::InvalidRequest, invalid.to_string()).with_action(action.name.into())
        })?;
        Ok(Self { name: action.name.into(), action: Some(action), parameters, ticket: None })
    }

    fn untyped<P: Product>(request: &'a UntypedRequest) -> Self {
        let action = P::DESCRIPTOR.action(&request.action);
        let described = |name: &str| action.and_then(|action| action.parameters.iter().find(|p| p.name == name));
        let parameters = request.parameters.iter().map(|(name, value)| Parameter {
            name: name.into(),
            value: value.into(),
            location: described(name).map_or(ParameterLocation::Query, |parameter| parameter.location),
            sensitive: described(name).is_none_or(|parameter| parameter.sensitive),
        });
        Self { name: request.action.clone().into(), action, parameters: parameters.collect(), ticket: None }
    }

    fn with_ticket(self, ticket: Option<&'a Ticket>) -> Self {
        Self { ticket, ..self }
    }

    /// Tells in an error what is known of the call.
    fn describe(&self, error: Error, progress: &Progress<'_>) -> Error {
        let error = error.with_action(self.name.clone()).with_attempts(progress.tally.attempts);
        let error = match &progress.nonce {
            Some(nonce) => error.with_nonce(nonce.as_str().to_owned()),
            None => error,
        };
        match self.action {
            Some(action) if !action.unknown_outcome.is_empty() => error.with_advice(action.unknown_outcome),
            _ => error,
        }
    }
}

/// Everything that a call needs, the same for every action, so that it is compiled once.
pub(crate) struct Core {
    pub(crate) settings: Settings,
    pub(crate) credentials: Option<Arc<dyn ProvideCredentials>>,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) throttle: Throttle,
    pub(crate) budget: RetryBudget,
    pub(crate) options: Options,
    pub(crate) nonces: Nonces,
    pub(crate) clock: Clock,
    pub(crate) skew: Skew,
    pub(crate) events: Events,
}

/// The longest time for which one answer may hold everyone who shares a quota, however long a wait it names.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// The longest time for which a call of a bulk asks its quota.
const LONGEST_WAIT: Duration = Duration::from_secs(365 * 24 * 3600);

/// A deadline that nobody lives to see.
const FAR_AWAY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

pub(crate) type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// What adds up over the attempts of one call.
struct Progress<'a> {
    tally: Tally<'a>,
    /// The last failure that is certain: the call was not executed.
    not_executed: Option<Error>,
    /// The last failure after which the call may have been executed.
    unknown: Option<Error>,
    /// Whether the last attempt showed that the clock was wrong; it is corrected by now.
    clock_was_wrong: bool,
    clock_corrected: bool,
    nonce: Option<Nonce>,
    /// What sending again has taken from the budget.
    spent: u32,
    /// The permit of the last attempt if the service throttled it.
    throttled: Option<Permit>,
}

impl<'a> Progress<'a> {
    fn new(tally: Tally<'a>) -> Self {
        Self {
            tally,
            not_executed: None,
            unknown: None,
            clock_was_wrong: false,
            clock_corrected: false,
            nonce: None,
            spent: 0,
            throttled: None,
        }
    }

    /// Keeps the failure of an attempt that is followed by another one.
    fn remember(&mut self, error: Error) {
        let kept = if error.outcome_unknown() { &mut self.unknown } else { &mut self.not_executed };
        *kept = Some(error);
    }

    /// What the caller is told, after the last attempt.
    fn verdict(&mut self, last: Error) -> Error {
        // These say that the last attempt was not executed, and nothing about the ones before it.
        let silent = last.is_not_sent() || last.kind() == ErrorKind::Throttled;
        match (self.unknown.take(), self.not_executed.take()) {
            (Some(earlier), _) if silent => earlier.with_attempts(self.tally.attempts),
            (Some(_), _) => last.with_outcome_unknown(true),
            // The caller wants to know why the call failed, not that there was no time to try it again.
            (None, Some(earlier)) if last.kind() == ErrorKind::QuotaWait => earlier,
            _ => last,
        }
    }
}

impl Core {
    /// One call, watched: the loop is [`attempts`](Self::attempts).
    async fn call(&self, call: &Call<'_>, options: CallOptions, output: &mut dyn Object) -> Result<Metadata, Error> {
        let traced = Traced::call(self.settings.product.code, &call.name);
        let mut progress = Progress::new(Tally::new(&self.events, &call.name));
        let outcome = traced.of(self.attempts(call, options.or(&self.options), &mut progress, output)).await;
        traced.waited(progress.tally.quota_wait);
        traced.attempts(progress.tally.attempts);
        traced.ended(outcome.as_ref());
        progress.tally.ended(match &outcome {
            Ok(metadata) => Outcome::Succeeded { request_id: metadata.request_id.as_deref() },
            Err(error) => Outcome::Failed(error),
        });
        outcome
    }

    /// Attempts, until one succeeds, fails for good, or the time is up.
    async fn attempts(
        &self,
        call: &Call<'_>,
        options: Options,
        progress: &mut Progress<'_>,
        output: &mut dyn Object,
    ) -> Result<Metadata, Error> {
        let idempotent = call.action.is_some_and(|action| action.idempotent);
        let documented = call.action.and_then(|action| action.rate_limit);
        let quota = self.throttle.quota(self.settings.endpoint.host_and_port(), &call.name, documented);
        let mut started = progress.tally.started;
        let mut permit = None;
        if let Some(ticket) = call.ticket {
            ticket.waits(quota.as_deref().and_then(WatchedQuota::limit));
            if let Some(quota) = &quota {
                permit = Some(self.permit_in_a_bulk(quota).await);
                progress.tally.waited_for_quota();
            }
            ticket.goes();
            started = Instant::now();
        }
        // A deadline too far for the clock is none.
        let deadline = started.checked_add(options.deadline).unwrap_or_else(|| started + FAR_AWAY);
        loop {
            let traced = Traced::attempt(progress.tally.attempts + 1);
            let attempt = self.attempt(call, &options, quota.as_ref(), permit.take(), deadline, progress, output);
            let outcome = traced.of(attempt).await;
            traced.waited(progress.tally.attempt.quota_wait);
            traced.ended(outcome.as_ref());
            let error = match outcome {
                Ok(metadata) => {
                    self.budget.succeeded(progress.spent);
                    progress.tally.attempt_ended(Ok(&metadata), None);
                    return Ok(metadata);
                }
                Err(error) => call.describe(error, progress),
            };
            let remaining = deadline.saturating_duration_since(Instant::now());
            let wait = if std::mem::take(&mut progress.clock_was_wrong) {
                options.retry.allows_another(progress.tally.attempts).then_some(Duration::ZERO)
            } else {
                options.retry.wait_after(&error, idempotent, progress.tally.attempts.max(1), remaining, fastrand::f64())
            };
            // Whoever shares the quota would be refused, too, also after this call gives up.
            let throttled = quota.as_ref().zip(progress.throttled.take());
            let quota_waits = throttled.is_some();
            if let Some((quota, permit)) = throttled {
                let pause = error.retry_after().or(wait).map(|pause| pause.min(LONGEST_PAUSE));
                quota.throttled(permit, pause, &self.events);
            }
            let again = wait.and_then(|wait| Some((wait, self.budget.take(&error)?)));
            progress.tally.attempt_ended(Err(&error), again.map(|(wait, _)| wait));
            let Some((wait, cost)) = again else {
                return Err(progress.verdict(error));
            };
            trace::again(wait);
            progress.spent += cost;
            // The quota does the waiting after a throttled answer.
            if !quota_waits {
                sleep(wait).await;
            }
            progress.remember(error);
            progress.tally.next_attempt();
            output.reset();
        }
    }

    /// A bulk has few calls in the queue and time for all of them, so they wait as long as it takes, and their deadlines count from
    /// then on. Otherwise a long pause would fail all that the bulk has left, one after the other.
    async fn permit_in_a_bulk(&self, quota: &WatchedQuota) -> Permit {
        loop {
            match quota.acquire(LONGEST_WAIT, usize::MAX, false, &self.events).await {
                Ok(permit) => return permit,
                // A store that lets nobody through while it cannot be reached.
                Err(_) => sleep(Duration::from_secs(1)).await,
            }
        }
    }

    /// One attempt: permit, unless it is there already, credentials, signature, sending, judgement.
    #[allow(clippy::too_many_arguments, reason = "all that adds up over the attempts is in one of them already")]
    async fn attempt(
        &self,
        call: &Call<'_>,
        options: &Options,
        quota: Option<&Arc<WatchedQuota>>,
        permit: Option<Permit>,
        deadline: Instant,
        progress: &mut Progress<'_>,
        output: &mut dyn Object,
    ) -> Result<Metadata, Error> {
        let mut permit = match quota {
            Some(_) if permit.is_some() => permit,
            Some(quota) => {
                let max_wait = (deadline - options.time_for_the_answer()).saturating_duration_since(Instant::now());
                let again = progress.tally.attempts > 0;
                let permit = quota.acquire(max_wait, self.throttle.max_waiting(), again, &self.events).await;
                progress.tally.waited_for_quota();
                Some(permit.map_err(|refused| {
                    Error::new(ErrorKind::QuotaWait, refused.to_string()).with_retry_after(refused.needed())
                })?)
            }
            None => None,
        };

        let credentials = self.credentials_for(call, Some(deadline)).await?;
        let correction = self.skew.correction();
        let nonce = *progress.nonce.insert(self.nonces.next());
        let sent = (self.clock)();
        let request = self.prepare(call, credentials.as_ref(), correction.apply(sent), &nonce)?;

        let remaining = deadline.saturating_duration_since(Instant::now());
        if let Some(permit) = &mut permit {
            permit.sent();
        }
        progress.tally.sent();
        let limit = options.attempt_timeout.min(remaining);
        let handover = Handover::new();
        let answer = timeout(limit, self.transport.send(request, &handover)).await;
        let not_sent = match &answer {
            Ok(Ok(_)) => false,
            Ok(Err(error)) => error.is_not_sent() || !handover.may_have_been_sent(),
            Err(_) => !handover.may_have_been_sent(),
        };
        if not_sent && let Some(permit) = permit.take() {
            permit.not_sent();
        }
        let redactor = Redactor::new(credentials.as_ref(), &call.parameters);
        match answer {
            Err(_) if not_sent => {
                Err(Error::new(ErrorKind::NotSent, format!("no connection to the endpoint within {limit:?}")))
            }
            Err(_) => Err(Error::new(ErrorKind::Unanswered, format!("no answer within {limit:?}"))),
            Ok(Err(error)) => {
                let kind = if not_sent { ErrorKind::NotSent } else { ErrorKind::Unanswered };
                let told = Error::new(kind, redactor.hide(&error.to_string()));
                let told = match error.partial_answer() {
                    Some(answer) => answer::broken_off(told, answer, &redactor),
                    None => told,
                };
                Err(told.with_source(error.redacted(&redactor)))
            }
            Ok(Ok(answer)) => {
                let (parts, body) = answer.into_parts();
                let context = Context { product: self.settings.product, action: call.action, redactor: &redactor };
                let judged = answer::judge(parts.status, &parts.headers, &body, context, output);
                match permit {
                    Some(permit) if judged.as_ref().is_err_and(|error| error.kind() == ErrorKind::Throttled) => {
                        progress.throttled = Some(permit);
                    }
                    Some(permit) => permit.answered(),
                    None => {}
                }
                let request_id = judged.map_err(|error| {
                    // Once: a clock that is still wrong after its correction is not what the service minds.
                    if error.code() == Some("InvalidTimeStamp.Expired") && !progress.clock_corrected {
                        progress.clock_was_wrong = self.skew.learn(&parts.headers, sent, (self.clock)(), correction);
                        progress.clock_corrected = progress.clock_was_wrong;
                    }
                    error.redacted(&redactor)
                })?;
                Ok(Metadata {
                    request_id,
                    http_status: parts.status.as_u16(),
                    attempts: progress.tally.attempts,
                    quota_wait: progress.tally.quota_wait,
                    body,
                })
            }
        }
    }

    async fn prepare_once(&self, call: &Call<'_>) -> Result<PreparedRequest, Error> {
        let credentials = self.credentials_for(call, None).await;
        credentials
            .and_then(|credentials| {
                let now = self.skew.correction().apply((self.clock)());
                let request = self.prepare(call, credentials.as_ref(), now, &self.nonces.next())?;
                Ok(PreparedRequest::new(request, &call.parameters))
            })
            .map_err(|error| error.with_action(call.name.clone()))
    }

    fn prepare(
        &self,
        call: &Call<'_>,
        credentials: Option<&Credentials>,
        time: SystemTime,
        nonce: &Nonce,
    ) -> Result<http::Request<Bytes>, Error> {
        let get = call.action.is_some_and(|action| action.get);
        let timestamp = Timestamp::of(time);
        prepare(&self.settings, &call.name, get, &call.parameters, credentials, timestamp.as_str(), nonce.as_str())
    }

    /// The credentials for a call; `None` if the action is called without a signature.
    async fn credentials_for(&self, call: &Call<'_>, deadline: Option<Instant>) -> Result<Option<Credentials>, Error> {
        if call.action.is_some_and(|action| action.anonymous) {
            return Ok(None);
        }
        let failed = |message: String| Error::new(ErrorKind::Credentials, message);
        let provider = self.credentials.as_ref().ok_or_else(|| {
            failed("the client has no credentials; give it some with `Client::builder().credentials(…)`".to_owned())
        })?;
        if let Some(credentials) = provider.at_hand() {
            return Ok(Some(credentials));
        }
        let answer = match deadline {
            Some(deadline) => timeout_at(deadline, provider.provide())
                .await
                .map_err(|_| failed("the provider gave no credentials before the call's deadline".to_owned()))?,
            None => provider.provide().await,
        };
        answer.map(Some).map_err(|error| failed(error.to_string()))
    }
}

/// Fails to compile if a call could not be awaited on a multi-threaded runtime.
#[allow(dead_code, reason = "the compiler is the test")]
fn calls_are_send<A: Action<Product: Sized>>(client: &Client<A::Product>, request: A) -> impl Future + Send {
    client.send(request)
}
