//! The report of a bulk sync: the numbers that need attention, and changes.

mod attention;
mod csv;
mod findings;
mod html;
mod markdown;

use std::cell::RefCell;

use alibabacloud_cams::chatapp_sync_phone_number::{Output, PhoneNumber};
use alibabacloud_runtime::private::decode::decode;
use serde_json::value::RawValue;

use self::findings::{Findings, State};
use super::journal::{Problem, Source, read};
use super::{Format, Report};
use crate::exit::Failure;
use crate::figures::counted;
use alibabacloud_cams::descriptor::ActionDescriptor;

/// The parameter with the ID of the space.
const SPACE: &str = "CustSpaceId";

/// A number of a response. There can be millions, so only what a report needs is kept.
#[derive(Debug)]
struct Synced {
    /// Unchanged. A number without one cannot be told apart from others of its space.
    phone: Option<String>,
    state: State,
}

impl Synced {
    fn new(number: PhoneNumber) -> Self {
        let text = |value: Option<String>| value.filter(|value| !value.is_empty());
        Self {
            phone: text(number.phone_number),
            state: State {
                name: text(number.verified_name),
                status: text(number.status.map(|value| value.to_string())),
                quality: text(number.quality_rating.map(|value| value.to_string())),
                tier: text(number.messaging_limit_tier.map(|value| value.to_string())),
                verification: text(number.code_verification_status.map(|value| value.to_string())),
                name_review: text(number.name_status.map(|value| value.to_string())),
                new_name_review: text(number.new_name_status.map(|value| value.to_string())),
                official: text(number.is_official.map(|value| value.to_string())),
            },
        }
    }
}

/// Responses that differ from the specification.
#[derive(Debug, Default)]
struct Differing {
    answers: u64,
    /// The mismatch of the first one, without values.
    first: String,
}

impl Differing {
    fn note(&self) -> Option<String> {
        (self.answers > 0).then(|| {
            let differ = counted(self.answers, "response differs", "responses differ");
            format!("{differ} from the specification; values that do not fit are left out: {}", self.first)
        })
    }
}

/// The numbers of a response, decoded as leniently as a client does.
fn numbers(answer: &RawValue, differing: &mut Differing) -> Result<Vec<Synced>, Problem> {
    let mut output = Output::default();
    let decoded = decode(answer.get().as_bytes(), &mut output);
    if let Ok(mismatches) = &decoded
        && !mismatches.is_empty()
    {
        differing.answers += 1;
        if differing.answers == 1 {
            differing.first = mismatches.to_string();
        }
    }
    match decoded {
        Ok(_) => Ok(output.phone_numbers.into_iter().map(Synced::new).collect()),
        Err(error) => Err(Problem {
            code: "unreadable response".to_owned(),
            message: error.to_string(),
            request_id: output.request_id.unwrap_or_default(),
        }),
    }
}

/// Builds the report.
pub(super) fn report(
    action: &ActionDescriptor,
    current: Vec<Source>,
    previous: Option<Vec<Source>>,
    full: bool,
) -> Result<Box<dyn Report>, Failure> {
    let differing = RefCell::default();
    let mut current = read(action, current, |answer| numbers(answer, &mut differing.borrow_mut()))?;
    current.notes.extend(differing.borrow().note());
    let ignored = RefCell::default();
    let previous = previous.map(|previous| read(action, previous, |answer| numbers(answer, &mut ignored.borrow_mut())));
    let previous = previous.transpose()?;
    Ok(Box::new(Findings::new(current, previous, action, full)))
}

impl Report for Findings {
    fn render(&self, format: Format) -> Result<String, Failure> {
        match format {
            Format::Html => Ok(html::render(self)),
            Format::Csv => csv::render(self),
            Format::Markdown => Ok(markdown::render(self)),
        }
    }

    fn summary(&self) -> String {
        let urgent = self.urgent().count();
        format!(
            "{}, {}",
            counted(self.numbers.len(), "number", "numbers"),
            counted(urgent, "needs attention", "need attention")
        )
    }

    fn notes(&self) -> &[String] {
        &self.facts.notes
    }

    fn is_full(&self) -> bool {
        self.full
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreadable_response_is_a_problem_of_its_row() {
        let answer = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        let numbers = |answer: &RawValue| numbers(answer, &mut Differing::default());
        let problem = numbers(&answer(r#"{"PhoneNumbers":true,"RequestId":"R"}"#));
        // What cannot be read is left out or is a problem; it never becomes a number.
        assert!(
            problem.as_ref().map_or_else(|problem| problem.message.contains("PhoneNumbers"), Vec::is_empty),
            "{problem:?}"
        );
        let numbers = numbers(&answer(r#"{"PhoneNumbers":[{"PhoneNumber":1,"Status":"NEW"}]}"#)).unwrap();
        assert_eq!((numbers[0].phone.as_deref(), numbers[0].state.status.as_deref()), (Some("1"), Some("NEW")));
    }
}
