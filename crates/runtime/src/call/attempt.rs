//! One attempt of a call.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::observe::Observer;
use super::target::Target;
use super::{Call, Core, not_admitted};
use crate::answer;
use crate::credentials::{Credentials, CredentialsError, ProvideFuture};
use crate::error::{Error, ErrorKind, rounded};
use crate::options::Options;
use crate::platform::{self, Meaning};
use crate::redact::Redactor;
use crate::response::Metadata;
use crate::sign::{Nonce, Timestamp};
use crate::skew::Learned;
use crate::throttle::{AcquireOptions, Permit, WatchedQuota};
use crate::transport::Handover;
use crate::value::Object;

/// The inputs of an attempt.
#[derive(Clone, Copy)]
pub(super) struct Attempt<'a> {
    pub(super) call: &'a Call<'a>,
    pub(super) target: &'a Target<'a>,
    pub(super) options: &'a Options,
    /// `None` if the throttle is off.
    pub(super) quota: Option<&'a Arc<WatchedQuota>>,
    pub(super) deadline: Instant,
    /// Replacements for rejected credentials; `None` to use those of the provider.
    pub(super) credentials: Option<&'a Credentials>,
}

/// A failed attempt.
pub(super) struct Failed {
    pub(super) error: Error,
    /// The nonce of the request, if one was signed.
    pub(super) nonce: Option<Nonce>,
    /// The permit, if the service throttled the request, so that the quota pauses.
    pub(super) throttled: Option<Permit>,
    /// A cause that can be corrected, if the service reported one.
    pub(super) cause: Option<Cause>,
}

/// The cause of a refusal that can be corrected before another attempt.
pub(super) enum Cause {
    /// The timestamp; the clock has been corrected.
    Clock,
    /// These credentials have expired.
    Expired(Credentials),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self { error, nonce: None, throttled: None, cause: None }
    }
}

/// A request that is being sent. If the attempt ends or is dropped before the request was handed to a connection, its
/// permit is returned unused.
struct Sending {
    permit: Option<Permit>,
    handover: Handover,
}

impl Drop for Sending {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take()
            && !self.handover.may_have_been_sent()
        {
            permit.not_sent();
        }
    }
}

impl Core {
    /// Takes a permit unless there is one already, gets credentials, signs, sends, and checks the response.
    pub(super) async fn attempt(
        &self,
        attempt: Attempt<'_>,
        permit: Option<Permit>,
        observer: &mut Observer<'_>,
        output: &mut dyn Object,
    ) -> Result<Metadata, Failed> {
        let Attempt { call, target, options, deadline, .. } = attempt;
        let mut permit = match attempt.quota {
            Some(quota) if permit.is_none() => Some(self.permit(quota, options, deadline, observer).await?),
            _ => permit,
        };
        let credentials = match attempt.credentials {
            Some(replaced) => Some(replaced.clone()),
            None => self.credentials_for(call, target, Some(deadline)).await?,
        };
        let (correction, nonce, sent) = (self.skew.correction(), self.nonces.next(), (self.clock)());
        let failed = |error| Failed { nonce: Some(nonce), ..Failed::from(error) };
        let timestamp = Timestamp::of(correction.apply(sent));
        let number = observer.attempts() + 1;
        let signed = self.sign(call, target, number, credentials.as_ref(), &timestamp, &nonce).map_err(failed)?;

        let now = Instant::now();
        let remaining = deadline.saturating_duration_since(now);
        // Without time for its response, a request would turn a call that certainly failed into one with an unknown
        // outcome.
        let needed = if number > 1 { options.time_for_the_answer() / 2 } else { Duration::ZERO };
        if remaining <= needed {
            let message = "the permit came too late for a response before the call's deadline; send fewer calls at once, or raise \
                           the deadline";
            return Err(failed(Error::new(ErrorKind::QuotaWait, message)));
        }
        if let Some(permit) = &mut permit {
            permit.sent();
        }
        observer.sent();
        let limit = options.attempt_timeout.min(remaining);
        let mut sending = Sending { permit, handover: Handover::new() };
        let answer = timeout_at(now + limit, self.transport.send(signed.request, &sending.handover)).await;
        let redactor = Redactor::new(credentials.as_ref(), &call.parameters).with_headers(&signed.headers);
        let (answer, permit) = match answer {
            Ok(Ok(answer)) => (answer, sending.permit.take()),
            Err(_) => {
                let may_have_been_sent = sending.handover.may_have_been_sent();
                let missing = if may_have_been_sent { "response" } else { "connection to the endpoint" };
                let message = format!("no {missing} within {:?}", rounded(limit));
                return Err(failed(answer::unanswered(message, may_have_been_sent)));
            }
            Ok(Err(error)) => {
                let may_have_been_sent = !error.is_not_sent() && sending.handover.may_have_been_sent();
                if !may_have_been_sent && let Some(permit) = sending.permit.take() {
                    permit.not_sent();
                }
                return Err(failed(answer::missing(error, may_have_been_sent, &redactor)));
            }
        };

        let (mut parts, body) = answer.into_parts();
        let context = self.context(call, &redactor);
        let (body, judged) = answer::read(&mut parts, body, context, output);
        // Only limits with a short period pause the quota.
        let pauses = |error: &Error| error.kind() == ErrorKind::Throttled && !error.is_long_limit();
        let throttled = match permit {
            Some(permit) if judged.as_ref().is_err_and(pauses) => Some(permit),
            Some(permit) => {
                permit.answered();
                None
            }
            None => None,
        };
        let judged = judged.map_err(|error| {
            let mut error = error.redacted(&redactor);
            let cause = match error.code().and_then(platform::meaning) {
                Some(Meaning::ClockWrong) => match self.skew.learn(&parts.headers, sent, (self.clock)(), correction) {
                    Learned::Corrected => Some(Cause::Clock),
                    Learned::Nothing => None,
                    Learned::TooFarOff(by) => {
                        let hours = by.as_secs() / 3600;
                        error = error.with_more(&format!(
                            "; the clock of this machine is {hours} hours from the service's, which is too far to correct: set it"
                        ));
                        None
                    }
                },
                Some(Meaning::TokenExpired) => credentials.clone().map(Cause::Expired),
                _ => None,
            };
            Failed { throttled, cause, ..failed(error) }
        })?;
        Ok(Metadata {
            request_id: judged.request_id,
            http_status: parts.status.as_u16(),
            attempts: observer.attempts(),
            quota_wait: observer.quota_wait(),
            mismatches: judged.mismatches,
            body,
        })
    }

    /// Waits for a permit as long as the deadline leaves time for the response.
    async fn permit(
        &self,
        quota: &Arc<WatchedQuota>,
        options: &Options,
        deadline: Instant,
        observer: &mut Observer<'_>,
    ) -> Result<Permit, Error> {
        let max_wait = (deadline - options.time_for_the_answer()).saturating_duration_since(Instant::now());
        let ask = AcquireOptions { is_retry: observer.attempts() > 0, ..self.throttle.ask(max_wait) };
        let permit = quota.clone().acquire(ask, &|key, event| self.report(key, &event)).await;
        observer.waited_for_quota();
        permit.map_err(|refused| not_admitted(&refused))
    }

    /// The credentials for a call; `None` if the action is called without a signature.
    pub(super) async fn credentials_for(
        &self,
        call: &Call<'_>,
        target: &Target<'_>,
        deadline: Option<Instant>,
    ) -> Result<Option<Credentials>, Error> {
        if call.action.is_some_and(|action| action.anonymous) {
            return Ok(None);
        }
        let provider = target.provider()?;
        let given = match provider.cached() {
            Some(credentials) => credentials,
            None => match deadline {
                Some(deadline) => in_time(provider.provide(), deadline).await?,
                None => provider.provide().await.map_err(unavailable)?,
            },
        };
        validated(given).map(Some)
    }

    /// Fetches replacements for credentials that the service refused as expired.
    pub(super) async fn replace_credentials(
        &self,
        target: &Target<'_>,
        rejected: &Credentials,
        deadline: Instant,
    ) -> Result<Credentials, Error> {
        validated(in_time(target.provider()?.replace(rejected), deadline).await?)
    }
}

async fn in_time(provided: ProvideFuture<'_>, deadline: Instant) -> Result<Credentials, Error> {
    let message = "the provider returned no credentials before the call's deadline";
    let provided = timeout_at(deadline, provided).await;
    provided.map_err(|_| Error::new(ErrorKind::Credentials, message))?.map_err(unavailable)
}

fn validated(credentials: Credentials) -> Result<Credentials, Error> {
    credentials.validate().map_err(unavailable)?;
    Ok(credentials)
}

fn unavailable(error: CredentialsError) -> Error {
    Error::new(ErrorKind::Credentials, error.to_string()).with_source(error)
}
