//! Reads the state of an operation from a response.

use crate::decode::BODY;
use crate::descriptor::WaiterDescriptor;
use crate::digits::{plain_number, plain_numbers};
use crate::open::Json;
use crate::value::View;

/// The meaning of a response.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Done,
    /// With the state in the response.
    Failed(String),
    /// With a state that is neither, if there is one.
    Pending(Option<String>),
}

/// A value that a member of an element must have.
pub(super) struct Expected {
    text: String,
    /// The plain forms of a phone number, which a service can spell in another way than the request.
    numbers: Vec<String>,
}

impl Expected {
    pub(super) fn new(parts: &[String], sensitive: bool) -> Self {
        let numbers = match parts {
            _ if !sensitive => Vec::new(),
            [only] => plain_number(only).into_iter().collect(),
            parts => plain_numbers(parts),
        };
        Self { text: parts.concat(), numbers }
    }

    fn is(&self, text: &str) -> bool {
        self.text == text
            || (!self.numbers.is_empty() && plain_number(text).is_some_and(|it| self.numbers.contains(&it)))
    }
}

/// Judges a response; `condition` has the values for the condition of the descriptor.
pub(super) fn judge(waiter: &WaiterDescriptor, condition: &[Expected], answer: View<'_>) -> Verdict {
    if waiter.state.is_empty() {
        return Verdict::Pending(None);
    }
    let mut states: Vec<Option<String>> = Vec::new();
    each(answer, waiter.list, true, &mut |element| {
        let holds = |((path, _), expected): (&(&[&str], _), &Expected)| {
            let mut found = false;
            each(element, path, false, &mut |value| found |= text(&value).is_some_and(|text| expected.is(&text)));
            found
        };
        if waiter.condition.iter().zip(condition).all(holds) {
            let before = states.len();
            each(element, waiter.state, false, &mut |value| states.push(text(&value)));
            if states.len() == before {
                states.push(None);
            }
        }
    });
    if states.is_empty() && waiter.done_if_absent {
        return Verdict::Done;
    }
    let is_among = |state: &Option<String>, known: &[&str]| {
        state.as_ref().is_some_and(|state| known.iter().any(|known| known.eq_ignore_ascii_case(state.trim())))
    };
    let mut failed = states.iter().filter(|state| is_among(state, waiter.failed));
    let done = states.iter().filter(|state| is_among(state, waiter.done)).count();
    let first_failed = failed.next().cloned().flatten();
    let (is_done, is_failed) = if waiter.any {
        (done > 0, first_failed.is_some() && failed.count() + 1 == states.len())
    } else {
        (!states.is_empty() && done == states.len(), first_failed.is_some())
    };
    match first_failed {
        Some(state) if is_failed => Verdict::Failed(state),
        _ if is_done => Verdict::Done,
        _ => Verdict::Pending(states.into_iter().flatten().find(|state| !is_among(&Some(state.clone()), waiter.done))),
    }
}

/// The value at a path as on the wire (text for scalars, JSON text for lists), and whether it is sensitive.
pub(super) fn value_at(view: View<'_>, path: &[&str], sensitive: bool) -> Option<(String, bool)> {
    let Some((first, rest)) = path.split_first() else {
        let value = match &view {
            View::List(list) if !list.is_empty() => serde_json::to_string(&view).ok(),
            View::Any(Json::Array(items)) if !items.is_empty() => serde_json::to_string(&view).ok(),
            View::Any(Json::Object(members)) => only_list(members).filter(|it| it.is_array()).map(Json::to_string),
            _ => text(&view),
        };
        return value.filter(|value| !value.is_empty()).map(|value| (value, sensitive));
    };
    match view {
        View::Object(object) => {
            let mut found = None;
            object.each(&mut |member, value| {
                if member.name == *first {
                    found = value_at(value.view(), rest, sensitive || member.sensitive);
                }
            });
            found
        }
        View::Map(map) => {
            let mut found = None;
            map.each(&mut |name, value| {
                if name == *first {
                    found = value_at(value.view(), rest, sensitive);
                }
            });
            found
        }
        View::Any(json) if *first == BODY => value_at(View::Any(json), rest, sensitive),
        View::Any(Json::Object(members)) => value_at(View::Any(members.get(*first)?), rest, sensitive),
        _ => None,
    }
}

/// Visits the values at a path, in all elements of lists. With `elements`, the path ends at the elements of a
/// list.
fn each(view: View<'_>, path: &[&str], elements: bool, visit: &mut dyn FnMut(View<'_>)) {
    match view {
        View::List(list) => {
            for value in (0..list.len()).filter_map(|index| list.get(index)) {
                each(value.view(), path, elements, visit);
            }
        }
        View::Any(Json::Array(items)) => items.iter().for_each(|item| each(View::Any(item), path, elements, visit)),
        View::Any(Json::Object(members)) if path.is_empty() && elements => match only_list(members) {
            Some(list) => each(View::Any(list), path, elements, visit),
            None => visit(view),
        },
        View::Any(json) => match (path.split_first(), json) {
            (None, _) => visit(view),
            (Some((first, rest)), _) if *first == BODY => each(View::Any(json), rest, elements, visit),
            (Some((first, rest)), Json::Object(members)) => match (members.get(*first), only_list(members)) {
                (Some(member), _) => each(View::Any(member), rest, elements, visit),
                (None, Some(list)) => each(View::Any(list), path, elements, visit),
                (None, None) => {}
            },
            _ => {}
        },
        _ if path.is_empty() => visit(view),
        View::Object(object) => object.each(&mut |member, value| {
            if path.first() == Some(&member.name) {
                each(value.view(), &path[1..], elements, visit);
            }
        }),
        View::Map(map) => map.each(&mut |name, value| {
            if path.first() == Some(&name) {
                each(value.view(), &path[1..], elements, visit);
            }
        }),
        _ => {}
    }
}

/// The list in an object that only wraps it. Types leave such an object out, JSON has it.
fn only_list(members: &serde_json::Map<String, Json>) -> Option<&Json> {
    let mut values = members.values();
    values.next().filter(|value| value.is_array() && members.len() == 1)
}

/// A scalar as text.
fn text(view: &View<'_>) -> Option<String> {
    match view {
        View::Boolean(value) => Some(value.to_string()),
        View::Integer(value) => Some(value.to_string()),
        View::Number(value) => Some(value.to_string()),
        View::Text(value) => Some((*value).to_owned()),
        View::Any(Json::String(text)) => Some(text.clone()),
        View::Any(json @ (Json::Bool(_) | Json::Number(_))) => Some(json.to_string()),
        _ => None,
    }
}
