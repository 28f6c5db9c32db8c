//! The events and spans of one call.

use std::time::Duration;

use tokio::time::Instant;

use super::trace::{self, Traced};
use crate::error::Error;
use crate::event::{AttemptEnded, CallEnded, Event, Events, Outcome, ResponseMismatch};
use crate::response::Metadata;

/// Counts the attempts and waits of one call and reports them to the event hook and to `tracing`, even if the call is
/// dropped before its end.
pub(super) struct Observer<'a> {
    events: &'a Events,
    product: &'a str,
    action: &'a str,
    span: Traced,
    started: Instant,
    attempts: u32,
    quota_wait: Duration,
    attempt: Current,
    ended: bool,
}

/// The attempt in progress.
struct Current {
    span: Traced,
    started: Instant,
    quota_wait: Duration,
    /// Whether a request was signed for it.
    sent: bool,
}

impl<'a> Observer<'a> {
    pub(super) fn new(events: &'a Events, product: &'a str, action: &'a str) -> Self {
        let (started, span) = (Instant::now(), Traced::call(product, action));
        let attempt = Current { span: Traced::none(), started, quota_wait: Duration::ZERO, sent: false };
        Self { events, product, action, span, started, attempts: 0, quota_wait: Duration::ZERO, attempt, ended: false }
    }

    /// The span of the call.
    pub(super) fn span(&self) -> Traced {
        self.span.clone()
    }

    /// Sets the host of the call.
    pub(super) fn goes_to(&self, host: &str) {
        self.span.goes_to(host);
    }

    /// When the call began.
    pub(super) fn started(&self) -> Instant {
        self.started
    }

    /// The number of requests that were sent, or could not be.
    pub(super) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// How long the call waited for its quota, over all attempts.
    pub(super) fn quota_wait(&self) -> Duration {
        self.quota_wait
    }

    /// Starts an attempt. Returns its span.
    pub(super) fn attempt_begins(&mut self) -> Traced {
        self.attempt.span = Traced::attempt(self.attempts + 1);
        self.attempt.span.clone()
    }

    /// Ends the wait for the quota, with or without a permit.
    pub(super) fn waited_for_quota(&mut self) {
        let waited = self.attempt.started.elapsed();
        self.attempt.quota_wait = waited;
        self.quota_wait += waited;
    }

    /// Records that the attempt's request is sent.
    pub(super) fn sent(&mut self) {
        self.attempt.sent = true;
        self.attempts += 1;
    }

    /// Ends the attempt; `backoff` is the wait before the next one, if there is one.
    pub(super) fn attempt_ended(&self, outcome: Result<&Metadata, &Error>, backoff: Option<Duration>) {
        let attempt = &self.attempt;
        attempt.span.waited(attempt.quota_wait);
        attempt.span.ended(outcome);
        if attempt.sent {
            self.events.tell(|| {
                Event::AttemptEnded(AttemptEnded {
                    action: self.action,
                    attempt: self.attempts,
                    quota_wait: attempt.quota_wait,
                    elapsed: attempt.started.elapsed().saturating_sub(attempt.quota_wait),
                    http_status: outcome.map_or_else(Error::http_status, |metadata| Some(metadata.http_status)),
                    request_id: outcome.map_or_else(Error::request_id, |metadata| metadata.request_id.as_deref()),
                    error: outcome.err(),
                    backoff,
                })
            });
        }
        if let (Err(error), Some(backoff)) = (outcome, backoff) {
            trace::retrying(&self.span, self.attempts, error, backoff);
        }
    }

    /// Ends the backoff.
    pub(super) fn backed_off(&mut self) {
        self.attempt =
            Current { span: Traced::none(), started: Instant::now(), quota_wait: Duration::ZERO, sent: false };
    }

    /// Ends the call.
    pub(super) fn ended(&mut self, outcome: Result<&Metadata, &Error>) {
        self.span.waited(self.quota_wait);
        self.span.attempts(self.attempts);
        self.span.ended(outcome);
        match outcome {
            Ok(metadata) if metadata.mismatches.is_empty() => {}
            Ok(metadata) => self.report_mismatches(metadata),
            Err(error) => trace::failed(&self.span, self.product, self.action, self.attempts, error),
        }
        self.report_end(match outcome {
            Ok(metadata) => Outcome::Succeeded { request_id: metadata.request_id.as_deref() },
            Err(error) => Outcome::Failed(error),
        });
    }

    /// Reports the members of the response that were left out.
    #[cold]
    fn report_mismatches(&self, metadata: &Metadata) {
        let mismatch = ResponseMismatch {
            action: self.action,
            request_id: metadata.request_id.as_deref(),
            mismatches: &metadata.mismatches,
        };
        trace::mismatch(&self.span, self.product, mismatch);
        self.events.tell(|| Event::ResponseMismatch(mismatch));
    }

    fn report_end(&mut self, outcome: Outcome<'_>) {
        self.ended = true;
        self.events.tell(|| {
            Event::CallEnded(CallEnded {
                action: self.action,
                attempts: self.attempts,
                quota_wait: self.quota_wait,
                elapsed: self.started.elapsed(),
                outcome,
            })
        });
    }
}

impl Drop for Observer<'_> {
    fn drop(&mut self) {
        if !self.ended {
            trace::dropped(&self.span, self.product, self.action, self.attempts);
            self.report_end(Outcome::Abandoned);
        }
    }
}
