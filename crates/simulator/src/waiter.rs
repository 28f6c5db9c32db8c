//! Operations that an action starts, and whose state another action reports.

use alibabacloud_runtime::descriptor::{WaiterDescriptor, WaiterPart, WaiterValue};
use serde_json::{Map, Value};

use crate::answer::Answer;
use crate::example::BODY;
use crate::log::Received;

/// The state of an unfinished operation, if the documented response has none.
const UNFINISHED: &str = "PENDING";

/// The operations that an action has started.
pub(crate) struct Progress {
    waiter: &'static WaiterDescriptor,
    /// The number of calls that report an unfinished state.
    calls: u32,
    /// Whether the action reports the state of its own operations.
    reports_itself: bool,
    started: Vec<Started>,
}

/// An operation.
struct Started {
    /// The values of the condition, which identify its element.
    condition: Vec<String>,
    calls: u32,
}

impl Progress {
    pub(crate) fn new(action: &str, waiter: &'static WaiterDescriptor, calls: u32) -> Self {
        Self { waiter, calls, reports_itself: waiter.action == action, started: Vec::new() }
    }

    /// The name of the action that reports the state.
    pub(crate) fn asked(&self) -> &'static str {
        self.waiter.action
    }

    /// Records an operation, and returns the response of the action that starts it: the documented one, with the values
    /// of the request.
    pub(crate) fn start(&mut self, request: &Received, documented: &str) -> Option<String> {
        let mut response: Value = serde_json::from_str(documented).ok()?;
        let mut condition = Vec::new();
        for (_, value) in self.waiter.condition {
            let of_request = value_of(value, request, &Value::Null);
            if let (Some([WaiterPart::Field(path)]), Some(text)) = (value.first(), &of_request)
                && let Some(member) = member(&mut response, path)
            {
                *member = Value::from(text.as_str());
            }
            condition.push(value_of(value, request, &response)?);
        }
        self.started.retain(|started| started.condition != condition);
        self.started.push(Started { condition, calls: 0 });
        serde_json::to_string_pretty(&response).ok()
    }

    /// The response of the action that reports the state; `None` if nothing was started.
    pub(crate) fn report(&mut self, documented: &str) -> Option<Answer> {
        if self.started.is_empty() {
            if !self.waiter.condition.is_empty() || !self.reports_itself {
                return None;
            }
            self.started.push(Started { condition: Vec::new(), calls: 0 });
        }
        let mut response: Value = serde_json::from_str(documented).ok()?;
        let waiter = self.waiter;
        let mut states = Vec::new();
        for started in &mut self.started {
            started.calls = started.calls.saturating_add(1);
            states.push(started.calls > self.calls);
        }
        // A deletion ends with an error, or with a list without the element.
        if let (Some(code), true) = (waiter.done_errors.first(), states.iter().all(|is_done| *is_done)) {
            return Some(Answer::error(404, code, "The specified resource does not exist."));
        }
        if waiter.state.is_empty() {
            return Some(Answer::ok_json(serde_json::to_string_pretty(&response).ok()?));
        }
        let state = |is_done: bool, before: Option<&Value>| {
            let is_final =
                |state: &str| waiter.done.iter().chain(waiter.failed).any(|known| known.eq_ignore_ascii_case(state));
            match before.and_then(Value::as_str).filter(|before| !is_final(before)) {
                _ if is_done => Value::from(waiter.done.first().copied().unwrap_or_default()),
                before => Value::from(before.unwrap_or(UNFINISHED)),
            }
        };
        if waiter.list.is_empty() {
            let place = member(&mut response, waiter.state)?;
            *place = state(*states.last()?, Some(place));
        } else {
            let elements = list(&mut response, waiter.list)?;
            let documented = elements.first().cloned().unwrap_or_else(|| Value::Object(Map::new()));
            let others = std::mem::take(elements);
            let is_absent = |is_done: &bool| *is_done && waiter.done_if_absent;
            for (started, is_done) in self.started.iter().zip(states).filter(|(_, is_done)| !is_absent(is_done)) {
                let mut element = documented.clone();
                for ((path, _), value) in waiter.condition.iter().zip(&started.condition) {
                    *member(&mut element, path)? = Value::from(value.as_str());
                }
                if !waiter.done.is_empty() {
                    let place = member(&mut element, waiter.state)?;
                    *place = state(is_done, Some(place));
                }
                elements.push(element);
            }
            // The first documented element may have the values of the condition.
            elements.extend(others.into_iter().skip(1));
        }
        Some(Answer::ok_json(serde_json::to_string_pretty(&response).ok()?))
    }
}

/// The first alternative whose parts all have a value.
fn value_of(value: WaiterValue, request: &Received, response: &Value) -> Option<String> {
    let part = |part: &WaiterPart| match part {
        WaiterPart::Text(text) => Some((*text).to_owned()),
        WaiterPart::Parameter(name) => request.parameter(name).filter(|value| !value.is_empty()).map(ToOwned::to_owned),
        WaiterPart::Field(path) => {
            let found = path.iter().try_fold(response, |value, name| value.get(name))?;
            found.as_str().map(ToOwned::to_owned).or_else(|| Some(found.to_string()).filter(|_| !found.is_null()))
        }
        _ => None,
    };
    value.iter().find_map(|parts| parts.iter().map(part).collect())
}

/// The member at a path; missing objects are added.
fn member<'v>(value: &'v mut Value, path: &[&str]) -> Option<&'v mut Value> {
    path.iter().filter(|name| **name != BODY).try_fold(value, |value, name| {
        if value.is_null() {
            *value = Value::Object(Map::new());
        }
        Some(value.as_object_mut()?.entry(*name).or_insert(Value::Null))
    })
}

/// The list at a path, which leads through the first elements of lists, and through objects that only wrap a list.
fn list<'v>(value: &'v mut Value, path: &[&str]) -> Option<&'v mut Vec<Value>> {
    let Some((first, rest)) = path.split_first() else {
        return match value {
            Value::Array(elements) => Some(elements),
            Value::Object(members) => members.values_mut().next()?.as_array_mut(),
            _ => None,
        };
    };
    match value {
        value if *first == BODY => list(value, rest),
        Value::Array(elements) => list(elements.first_mut()?, path),
        Value::Object(members) => {
            if members.contains_key(*first) {
                list(members.get_mut(*first)?, rest)
            } else {
                list(members.values_mut().next().filter(|value| value.is_array())?, path)
            }
        }
        _ => None,
    }
}
