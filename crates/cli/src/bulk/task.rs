//! One row of a bulk: written down, sent, and its outcome written down.

use alibabacloud_cams::bulk::BulkRequest;
use alibabacloud_cams::descriptor::ActionDescriptor;
use alibabacloud_cams::{CallOptions, Cams, Client, Error, Response, UntypedRequest};
use serde_json::Value;

use super::input::Row;
use crate::journal::{Outcome, Pen, State, confirmed};

/// A row that is to be sent.
pub(crate) struct Task {
    pub(crate) action: &'static ActionDescriptor,
    pub(crate) row: Row,
    pub(crate) pen: Pen,
}

/// What came of it.
pub(crate) struct Ended {
    /// `New` if it was not sent, because that could not be written down.
    pub(crate) state: State,
    /// The code or the kind of a failure.
    pub(crate) reason: Option<String>,
    /// Why not even the connection came about, so that the next row has no better chance.
    pub(crate) not_sent: Option<String>,
    /// Why the journal does not have the outcome, and what it would have said.
    pub(crate) unrecorded: Option<(String, String)>,
}

impl BulkRequest<Cams> for Task {
    type Result = Ended;

    async fn send(&self, client: &Client, options: CallOptions) -> Ended {
        let Row { number, line, parameters } = &self.row;
        if let Err(why) = confirmed(self.pen.sending(*number, *line, parameters).await) {
            return Ended { state: State::New, reason: None, not_sent: None, unrecorded: Some((why, String::new())) };
        }
        let request = parameters
            .iter()
            .fold(UntypedRequest::new(self.action.name), |request, (name, value)| request.parameter(*name, value));
        let result = request.send(client, options).await;
        // Handed over before the next wait: nobody who leaves from here on loses it.
        let (mut ended, written) = match &result {
            Ok(response) => self.done(response),
            Err(error) => self.failed(error),
        };
        if let Err(why) = confirmed(written.await) {
            let id = match &result {
                Ok(response) => response.request_id(),
                Err(error) => error.request_id(),
            };
            let id = id.map(|id| format!(", request {id}")).unwrap_or_default();
            let reason = ended.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            ended.unrecorded = Some((why, format!("{}{reason}{id}", word(ended.state))));
        }
        ended
    }
}

impl Task {
    fn done(&self, response: &Response<Value>) -> (Ended, crate::journal::Written) {
        let outcome = Outcome {
            request_id: response.request_id(),
            attempts: response.attempts(),
            answer: Some(response),
            ..Outcome::default()
        };
        let written = self.pen.outcome(self.row.number, State::Done, &outcome);
        (Ended { state: State::Done, reason: None, not_sent: None, unrecorded: None }, written)
    }

    fn failed(&self, error: &Error) -> (Ended, crate::journal::Written) {
        let state = state(error);
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
        let written = self.pen.outcome(self.row.number, state, &outcome);
        let reason = Some(error.code().map_or(kind, ToOwned::to_owned));
        let not_sent = error.is_not_sent().then(|| error.to_string());
        (Ended { state, reason, not_sent, unrecorded: None }, written)
    }
}

fn state(error: &Error) -> State {
    if error.outcome_unknown() { State::Unknown } else { State::Failed }
}

pub(crate) fn word(state: State) -> &'static str {
    match state {
        State::New => "not sent",
        State::Sending => "sent",
        State::Done => "done",
        State::Failed => "failed",
        State::Unknown => "unknown",
    }
}
