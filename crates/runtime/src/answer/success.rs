//! The values of the member `Code` that mean success.

use super::Context;
use super::error_body::is_envelope;
use crate::descriptor::{ErrorDescriptor, PLATFORM_ERRORS, SUCCESS_CODE};
use crate::open::Json;
use crate::platform;
use crate::value::{Object, View};

/// The success codes of the action, else of its product; empty if responses have no such code.
pub(super) fn codes(context: Context<'_>) -> &[&'static str] {
    context.action.and_then(|action| action.success_codes).unwrap_or(context.product.success_codes)
}

/// Whether the code of a 2xx response means success, if the product's responses have one.
///
/// Blanks and case are ignored, and a code that always means success is accepted even if the specification lists
/// another one, because documentation is often wrong about the spelling.
pub(super) fn code_says(code: Option<&str>, context: Context<'_>) -> Option<bool> {
    let codes = codes(context);
    let code = code.map(str::trim).filter(|code| !code.is_empty())?;
    if codes.is_empty() {
        return None;
    }
    Some(codes.iter().any(|known| known.eq_ignore_ascii_case(code)) || platform::is_success(code))
}

/// Whether a response with an unlisted code is still a success: the list is an unreviewed guess, the code is not that
/// of a documented error, and the response reports success or has content.
pub(super) fn is_success_beyond_guess(
    code: Option<&str>,
    success: Option<bool>,
    output: &dyn Object,
    context: Context<'_>,
) -> bool {
    let is_guess = match context.action {
        Some(action) if action.success_codes.is_some() => action.guessed.contains(&SUCCESS_CODE),
        _ => context.product.guessed.contains(&SUCCESS_CODE),
    };
    let is = |errors: &[&ErrorDescriptor]| code.is_some_and(|code| errors.iter().any(|error| error.code == code));
    let is_documented =
        is(PLATFORM_ERRORS) || is(context.product.errors) || context.action.is_some_and(|action| is(action.errors));
    is_guess && !is_documented && (success == Some(true) || has_content(output))
}

/// Whether the response has a member other than those that report the outcome.
fn has_content(output: &dyn Object) -> bool {
    // Some products repeat the status and the message.
    let is_outcome = |name: &str| is_envelope(name) || ["HttpStatusCode", "DynamicMessage"].contains(&name);
    let mut found = false;
    output.each(&mut |member, value| found |= !is_outcome(member.name) && holds(&value.view()));
    found
}

/// Whether a value is more than the padding of failed responses.
fn holds(view: &View<'_>) -> bool {
    match view {
        View::Absent => false,
        View::Boolean(value) => *value,
        View::Integer(value) => *value != 0,
        View::Number(value) => *value != 0.0,
        View::Text(text) => !text.is_empty(),
        View::List(list) => (0..list.len()).filter_map(|index| list.get(index)).any(|value| holds(&value.view())),
        View::Map(map) => {
            let mut found = false;
            map.each(&mut |_, value| found |= holds(&value.view()));
            found
        }
        View::Object(object) => {
            let mut found = false;
            object.each(&mut |_, value| found |= holds(&value.view()));
            found
        }
        View::Any(json) => json_holds(json),
        View::Bytes(bytes) => !bytes.is_empty(),
    }
}

fn json_holds(json: &Json) -> bool {
    match json {
        Json::Null => false,
        Json::Bool(value) => *value,
        Json::Number(number) => number.as_f64() != Some(0.0),
        Json::String(text) => !text.is_empty(),
        Json::Array(items) => items.iter().any(json_holds),
        Json::Object(members) => members.values().any(json_holds),
    }
}

#[cfg(test)]
#[allow(unreachable_pub, reason = "the macros declare public types")]
mod tests;
