//! The part of a report that does not depend on the action: times, notes, labels, and rows without a response, grouped
//! by reason.
//!
//! Everything here can be displayed: phone numbers are masked, and texts are visible and short ([`mask`](super::mask)).

use std::collections::BTreeMap;

use alibabacloud_cams::PRODUCT;
use alibabacloud_cams::descriptor::{ActionDescriptor, ErrorDescriptor, PLATFORM_ERRORS, ParameterDescriptor};

use super::journal::{Journal, Outcome, Problem, Row};
use super::mask::{HIDDEN, Phone, national, shown, visible};
use crate::figures::counted;
use crate::input::Shape;
use crate::options::plain;

/// The facts about a journal that every report has.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// When the first and the last outcome were written.
    pub(super) from: String,
    pub(super) to: String,
    /// Notes about the journal.
    pub(super) notes: Vec<String>,
    /// The names of the labels.
    pub(super) labels: Vec<String>,
    /// The names of the parameters.
    pub(super) parameters: Vec<&'static str>,
    /// Rows without a response: unknown ones first, then failed ones; frequent reasons first.
    pub(super) groups: Vec<Group>,
    /// How many rows of the input have not been sent yet.
    pub(super) not_sent: u64,
}

/// Rows without a response, for one reason.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) why: Why,
    /// The error code of the service, or the kind of a local failure.
    pub(super) code: String,
    /// What the code means, and what to do.
    pub(super) advice: String,
    /// In the order of the input.
    pub(super) rows: Vec<Without>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    /// It may or may not have been executed.
    Unknown,
    /// It had no effect.
    Failed,
}

impl Why {
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Failed => "failed",
        }
    }
}

/// A row of the input without a response.
#[derive(Debug, Clone, Default)]
pub(super) struct Without {
    pub(super) row: u64,
    /// In the order of [`Facts::parameters`].
    pub(super) parameters: Vec<String>,
    /// In the order of [`Facts::labels`].
    pub(super) labels: Vec<String>,
    pub(super) message: String,
    pub(super) request_id: String,
}

impl Facts {
    pub(super) fn new<T>(action: &ActionDescriptor, journal: &Journal<T>, full: bool) -> Self {
        let times = || journal.rows.values().map(|row| &*row.at).filter(|at| !at.is_empty());
        let mut facts = Self {
            from: shown(times().min().unwrap_or(&journal.began)),
            to: shown(times().max().unwrap_or(&journal.began)),
            notes: journal.notes.clone(),
            labels: journal.labels.iter().map(|label| visible(label, "", full)).collect(),
            parameters: action.parameters.iter().map(|parameter| parameter.name).collect(),
            groups: Vec::new(),
            not_sent: journal.not_sent().unwrap_or(0),
        };
        facts.note_what_is_missing(journal);
        let mut groups: BTreeMap<(Why, String), Group> = BTreeMap::new();
        for (number, row) in &journal.rows {
            let unrecorded = || Problem {
                code: "no outcome".to_owned(),
                message: "the process ended while the request was in flight, or is still running".to_owned(),
                request_id: String::new(),
            };
            let (why, problem) = match &row.outcome {
                Some(Outcome::Done(_)) => continue,
                Some(Outcome::Failed(problem)) => (Why::Failed, problem.clone()),
                Some(Outcome::Unknown(problem)) => (Why::Unknown, problem.clone()),
                None => (Why::Unknown, unrecorded()),
            };
            let known = row.parameter("CustSpaceId").unwrap_or_default();
            let code = visible(&problem.code, "", full);
            let group = groups.entry((why, code.clone())).or_insert_with(|| Group {
                why,
                advice: advice(action, why, &problem.code),
                code,
                rows: Vec::new(),
            });
            group.rows.push(Without {
                row: *number,
                parameters: parameters(action, row, full),
                labels: labels(journal, row, full),
                message: visible(&problem.message, known, full),
                request_id: shown(&problem.request_id),
            });
        }
        facts.groups = groups.into_values().collect();
        facts.groups.sort_by_key(|group| (group.why, usize::MAX - group.rows.len()));
        facts
    }

    fn note_what_is_missing<T>(&mut self, journal: &Journal<T>) {
        let missing = journal.missing_shards();
        if !missing.is_empty() {
            self.notes.push(format!("Without the rows of shard {}.", missing.join(", ")));
        }
        if self.not_sent > 0 {
            let rows = counted(self.not_sent, "row has", "rows have");
            self.notes.push(format!("{rows} not been sent yet; run the same command again to continue."));
        } else if !journal.ended {
            self.notes.push("The last run was interrupted, or is still running.".to_owned());
        }
    }

    /// The number of rows that ended for this reason.
    pub(super) fn count(&self, why: Why) -> usize {
        self.groups.iter().filter(|group| group.why == why).map(|group| group.rows.len()).sum()
    }
}

/// The displayed parameters of a row, in the order of the action.
pub(super) fn parameters<T>(action: &ActionDescriptor, row: &Row<T>, full: bool) -> Vec<String> {
    let show = |parameter: &ParameterDescriptor| {
        let value = row.parameter(parameter.name).unwrap_or_default();
        match Shape::of(action, parameter) {
            Shape::NationalNumber => national(value, full),
            Shape::FullNumber => Phone::new(value, full).to_string(),
            _ if parameter.sensitive && !full && !value.is_empty() => HIDDEN.to_owned(),
            _ => shown(value),
        }
    };
    action.parameters.iter().map(show).collect()
}

/// The displayed labels of a row, in the order of the journal's labels.
pub(super) fn labels<T>(journal: &Journal<T>, row: &Row<T>, full: bool) -> Vec<String> {
    let mut values = vec![String::new(); journal.labels.len()];
    for (place, value) in &row.labels {
        values[*place] = visible(value, "", full);
    }
    values
}

/// The meaning of a code and the advice for it, from the specification if it documents the code.
fn advice(action: &ActionDescriptor, why: Why, code: &str) -> String {
    let errors = || action.errors.iter().chain(PRODUCT.errors).chain(PLATFORM_ERRORS);
    let known: Option<&&ErrorDescriptor> = errors().find(|error| error.code == code);
    let meaning = match code {
        "Unanswered" => "The request was sent, but no complete response was received.",
        "UnusableResponse" => "The response did not come from the service; a proxy may have sent it.",
        "Interrupted" | "no outcome" => "The process ended while the request was in flight.",
        "InvalidRequest" => "A parameter has a value that cannot be sent.",
        _ => "",
    };
    let mut texts = vec![meaning.to_owned()];
    if let Some(error) = known {
        texts.extend([sentence(error.message), plain(error.description)]);
    }
    match why {
        Why::Failed => {}
        Why::Unknown if action.idempotent => {
            texts.push("Run the same command again: the action is idempotent.".to_owned());
        }
        Why::Unknown => {
            texts.push(plain(action.unknown_outcome));
            texts.push("To send rows that did not take effect again, use --resend-unknown.".to_owned());
        }
    }
    texts.retain(|text| !text.is_empty());
    texts.join(" ")
}

fn sentence(text: &str) -> String {
    if text.is_empty() || text.ends_with('.') { text.to_owned() } else { format!("{text}.") }
}

/// `2026-11-25 07:12 UTC` for the time of a journal; any other text is unchanged.
pub(super) fn minute(at: &str) -> String {
    match (at.get(..10), at.get(10..11), at.get(11..16)) {
        (Some(day), Some("T"), Some(time)) if at.ends_with('Z') => format!("{day} {time} UTC"),
        _ => at.to_owned(),
    }
}

/// The period of the outcomes; a date is not repeated.
pub(super) fn period(from: &str, to: &str) -> String {
    let (from, to) = (minute(from), minute(to));
    match (from.split_once(' '), to.split_once(' ')) {
        _ if from == to => to,
        (Some((day, time)), Some((other, end))) if day == other => {
            format!("{day} {}–{end}", time.trim_end_matches(" UTC"))
        }
        _ => format!("{from} – {to}"),
    }
}
