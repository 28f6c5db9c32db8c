//! Answers of the ROA style that are taken as they come: nothing, text, or bytes.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};

use super::{Context, REQUEST_ID, header, success};
use crate::decode::BODY;
use crate::open::Json;
use crate::value::{Object, Slot};

/// The form of an answer with a status of success.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// To be read and judged as JSON.
    Json,
    /// Taken as it came. The call is a success, because the HTTP status decides where the product has no codes of success.
    Taken,
    /// Not of the service.
    Foreign,
}

/// Takes an answer that needs no reading.
pub(super) fn take(
    status: StatusCode,
    headers: &HeaderMap,
    body: &Bytes,
    context: Context<'_>,
    output: &mut dyn Object,
) -> Form {
    let has_id = headers.contains_key(&REQUEST_ID);
    if !has_id && is_page(headers, body) {
        return Form::Foreign;
    }
    if !success::codes(context).is_empty() {
        return Form::Json;
    }
    let expected = Expected::of(context.untyped, output);
    let text = body.trim_ascii();
    // A gateway that loses an answer sends no request ID either.
    if text.is_empty() && matches!(expected, Expected::Json | Expected::Anything) {
        return if has_id || status == StatusCode::NO_CONTENT { Form::Taken } else { Form::Foreign };
    }
    let is_taken = match expected {
        Expected::Bytes => true,
        // Text that begins like an object is text all the same.
        Expected::Text => text.starts_with(b"{"),
        Expected::Nothing => !(text.starts_with(b"{") && is_json(text)),
        Expected::Anything => !is_json(text),
        Expected::Json => false,
    };
    if !is_taken {
        return Form::Json;
    }
    if let Some(value) = output.member(BODY) {
        match value.slot() {
            Slot::Bytes(slot) => slot.clone_from(body),
            Slot::Text(slot) => String::from_utf8_lossy(body).as_ref().clone_into(slot),
            Slot::Enum(slot) => slot.set(&String::from_utf8_lossy(body)),
            // Bytes have no form in JSON; the raw body has them.
            Slot::Any(slot) => *slot = std::str::from_utf8(body).map_or(Json::Null, Json::from),
            _ => {}
        }
    }
    Form::Taken
}

/// What the type of the output is for.
enum Expected {
    Nothing,
    Text,
    Bytes,
    Json,
    /// The output of an untyped call.
    Anything,
}

impl Expected {
    fn of(untyped: bool, output: &mut dyn Object) -> Self {
        if untyped {
            return Self::Anything;
        }
        if let Some(value) = output.member(BODY) {
            let expected = match value.slot() {
                Slot::Text(_) | Slot::Enum(_) => Self::Text,
                Slot::Bytes(_) => Self::Bytes,
                _ => Self::Json,
            };
            value.clear();
            return expected;
        }
        let mut has_members = false;
        output.each(&mut |_, _| has_members = true);
        if has_members { Self::Json } else { Self::Nothing }
    }
}

fn is_json(body: &[u8]) -> bool {
    serde_json::from_slice::<serde_core::de::IgnoredAny>(body).is_ok()
}

/// Whether the answer is a page for people: of a proxy, or of a portal.
fn is_page(headers: &HeaderMap, body: &[u8]) -> bool {
    let start = String::from_utf8_lossy(&body[..body.len().min(256)]).trim_start().to_ascii_lowercase();
    header(headers, &CONTENT_TYPE).is_some_and(|it| it.trim_start().to_ascii_lowercase().starts_with("text/html"))
        || start.starts_with("<!doctype html")
        || start.starts_with("<html")
}
