//! One row of a bulk: admitted, marked as sending, sent, and recorded.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use alibabacloud_cams::bulk::BulkRequest;
use alibabacloud_cams::descriptor::ActionDescriptor;
use alibabacloud_cams::event::{AttemptEnded, Event};
use alibabacloud_cams::transport::{Handover, Transport, TransportError, TransportFuture};
use alibabacloud_cams::{CallOptions, Cams, Client, Error, ErrorKind, Response, UntypedRequest};
use bytes::Bytes;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;

use super::gate::{Gate, Next, Tripped, Trouble};
use crate::exit::message;
use crate::input::Row;
use crate::journal::{Outcome, Pen, State, Written, confirmed};

/// A row to send.
pub(crate) struct Task {
    pub(crate) action: &'static ActionDescriptor,
    pub(crate) row: Arc<Row>,
    pub(crate) pen: Pen,
    pub(crate) gate: Arc<Gate>,
    /// Messages for the user.
    pub(crate) notices: UnboundedSender<String>,
}

/// How a row ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) state: State,
    /// The code or the kind of a failure.
    pub(crate) reason: Option<String>,
    /// Why the run stops.
    pub(crate) tripped: Option<Tripped>,
    /// Why the outcome is not in the journal, and the outcome.
    pub(crate) unrecorded: Option<(String, String)>,
}

impl Ended {
    fn new(state: State) -> Self {
        Self { state, reason: None, tripped: None, unrecorded: None }
    }
}

impl BulkRequest<Cams> for Task {
    type Result = Ended;

    async fn send(&self, client: &Client, options: CallOptions) -> Ended {
        loop {
            let Some(pass) = self.gate.admit().await else { return Ended::new(State::NotSent) };
            let request = self.row.parameters.iter();
            let request = request
                .fold(UntypedRequest::new(self.action.name), |request, (name, value)| request.parameter(*name, value));
            let mark = Arc::new(Mark { row: self.row.clone(), pen: self.pen.clone(), state: Mutex::default() });
            let result = MARK.scope(mark.clone(), request.send(client, options.clone())).await;
            if let Some(why) = mark.problem() {
                self.gate.stop();
                return Ended { unrecorded: Some((why, String::new())), ..Ended::new(State::NotSent) };
            }
            let error = match &result {
                Ok(response) => {
                    pass.answered();
                    return self.recorded(&result, State::Done, self.done(response)).await;
                }
                Err(error) => error,
            };
            let Some(trouble) = Trouble::of(error) else {
                pass.answered();
                return self.recorded(&result, state(error), self.failed(error, state(error))).await;
            };
            if !trouble.is_retried() {
                let mut ended = self.recorded(&result, state(error), self.failed(error, state(error))).await;
                match pass.troubled(self.row.number, trouble, &message(error)) {
                    Next::Stop(tripped) => ended.tripped = Some(self.revert(tripped).await),
                    Next::Continue(attempts, wait) => self.notice(trouble, attempts, wait, error),
                    Next::Stopped => {}
                }
                return ended;
            }
            if mark.is_written() {
                // If this fails, nothing is lost: the row then counts as one that may have been sent.
                drop(self.failed(error, State::NotSent).await);
            }
            match pass.troubled(self.row.number, trouble, &message(error)) {
                Next::Stop(tripped) => {
                    return Ended { tripped: Some(self.revert(tripped).await), ..Ended::new(State::NotSent) };
                }
                Next::Continue(attempts, wait) => self.notice(trouble, attempts, wait, error),
                Next::Stopped => return Ended::new(State::NotSent),
            }
        }
    }
}

impl Task {
    /// Waits until the outcome is in the journal.
    async fn recorded(&self, result: &Result<Response<Value>, Error>, state: State, written: Written) -> Ended {
        let (reason, id) = match result {
            Ok(response) => (None, response.request_id()),
            Err(error) => (Some(reason(error)), error.request_id()),
        };
        let reason = reason.filter(|_| state != State::Done);
        let unrecorded = confirmed(written.await).err().map(|why| {
            let id = id.map(|id| format!(", request {id}")).unwrap_or_default();
            let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            (why, format!("{}{reason}{id}", word(state)))
        });
        Ended { reason, unrecorded, ..Ended::new(state) }
    }

    /// Queues the outcome; it is written even if the caller is gone.
    fn done(&self, response: &Response<Value>) -> Written {
        let outcome = Outcome {
            request_id: response.request_id(),
            attempts: response.attempts(),
            answer: Some(response),
            ..Outcome::default()
        };
        self.pen.outcome(self.row.number, State::Done, &outcome)
    }

    fn failed(&self, error: &Error, state: State) -> Written {
        record(&self.pen, self.row.number, error, state)
    }

    /// Records that the refused rows are not done, so that the next run sends them again.
    async fn revert(&self, tripped: Tripped) -> Tripped {
        let outcome = Outcome { message: Some("refused because of the identity; not executed"), ..Outcome::default() };
        let written: Vec<Written> =
            tripped.refused.iter().map(|row| self.pen.outcome(*row, State::NotSent, &outcome)).collect();
        for written in written {
            // If it fails, the row stays failed; --retry-failed sends it again.
            drop(written.await);
        }
        tripped
    }

    fn notice(&self, trouble: Trouble, attempts: u32, wait: std::time::Duration, error: &Error) {
        if wait.is_zero() {
            return;
        }
        let what = match trouble {
            Trouble::NotSent => "the service cannot be reached",
            Trouble::QuotaUnusable => "the shared quota cannot be used",
            Trouble::Throttled => "the service throttles every request",
            Trouble::Unknown | Trouble::Refused => "the service does not respond",
        };
        let why = if attempts == 1 { format!(" ({})", message(error)) } else { String::new() };
        let _ = self.notices.send(format!("{what}; the next attempt is in {} s{why}", wait.as_secs_f64()));
    }
}

fn record(pen: &Pen, row: u64, error: &Error, state: State) -> Written {
    let kind = format!("{:?}", error.kind());
    let outcome = Outcome {
        code: error.code(),
        kind: error.code().is_none().then_some(&*kind),
        message: Some(error.message()),
        status: error.http_status(),
        request_id: error.request_id(),
        nonce: error.nonce().filter(|_| error.request_id().is_none() && error.attempts() > 0),
        attempts: error.attempts(),
        answer: None,
    };
    pen.outcome(row, state, &outcome)
}

fn reason(error: &Error) -> String {
    error.code().map_or_else(|| format!("{:?}", error.kind()), ToOwned::to_owned)
}

fn state(error: &Error) -> State {
    if error.outcome_unknown() { State::Unknown } else { State::Failed }
}

pub(crate) fn word(state: State) -> &'static str {
    match state {
        State::Sending => "sent",
        State::Done => "done",
        State::Failed => "failed",
        State::Unknown => "unknown",
        State::NotSent | State::Started | State::Ended | State::Other => "not sent",
    }
}

tokio::task_local! {
    /// The row that the current task sends.
    static MARK: Arc<Mark>;
}

/// Whether the journal records that a row is being sent.
struct Mark {
    row: Arc<Row>,
    pen: Pen,
    state: Mutex<Marked>,
}

#[derive(Default)]
struct Marked {
    written: bool,
    /// Why it could not be written.
    problem: Option<String>,
}

impl Mark {
    /// Writes the line that must precede the request, unless the action is idempotent.
    async fn write(&self) -> Result<(), TransportError> {
        if self.is_written() {
            return Ok(());
        }
        let Row { number, line, parameters, labels, .. } = &*self.row;
        let written = self.pen.sending(*number, *line, parameters, labels);
        if !self.pen.is_careful() {
            // The action is idempotent, so the request need not wait for the line.
            drop(written);
            self.marked().written = true;
            return Ok(());
        }
        let written = confirmed(written.await);
        let mut marked = self.marked();
        marked.written = written.is_ok();
        written.map_err(|why| {
            let error = TransportError::not_sent(format!("the journal cannot be written: {why}"));
            marked.problem = Some(why);
            error
        })
    }

    /// Records that the request was throttled and waits for a retry: if the process ends meanwhile, nothing was
    /// executed.
    fn throttled(&self, error: &Error) {
        self.marked().written = false;
        drop(record(&self.pen, self.row.number, error, State::NotSent));
    }

    fn is_written(&self) -> bool {
        self.marked().written
    }

    fn problem(&self) -> Option<String> {
        self.marked().problem.clone()
    }

    fn marked(&self) -> std::sync::MutexGuard<'_, Marked> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For an action that is not idempotent: records that a throttled request was not executed.
pub(crate) fn note_throttled(event: &Event<'_>) {
    if let Event::AttemptEnded(AttemptEnded { error: Some(error), backoff: Some(_), .. }) = event
        && error.kind() == ErrorKind::Throttled
    {
        // There is no row outside of a task.
        let _ = MARK.try_with(|mark| mark.throttled(error));
    }
}

/// A transport that marks the row in the journal before its request is sent, when it has its permit, credentials and
/// signature.
pub(crate) struct Marking<T>(pub(crate) T);

impl<T: Transport> Transport for Marking<T> {
    fn send(&self, request: http::Request<Bytes>, handover: &Handover) -> TransportFuture<'_> {
        let mark = MARK.try_with(Arc::clone);
        let handover = handover.clone();
        // While the line is written, nothing is handed over.
        handover.will_report();
        Box::pin(async move {
            if let Ok(mark) = mark {
                mark.write().await?;
            }
            self.0.send(request, &handover).await
        })
    }
}

impl<T> fmt::Debug for Marking<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Marking")
    }
}
