//! Responses of the ROA style that are not JSON objects: empty, text, or bytes.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};

use super::{Context, REQUEST_ID, header, success};
use crate::decode::BODY;
use crate::open::Json;
use crate::value::{Object, Slot};

/// The form of a response with a success status.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// To be parsed and checked as JSON.
    Json,
    /// Taken unchanged. The call succeeded, because the HTTP status decides if the product has no success codes.
    Taken,
    /// Not a response of the service.
    Foreign,
}

/// Takes a response that need not be parsed.
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
    // A gateway that loses a response sends no request ID either.
    if text.is_empty() && matches!(expected, Expected::Json | Expected::Anything) {
        return if has_id || status == StatusCode::NO_CONTENT { Form::Taken } else { Form::Foreign };
    }
    let is_taken = match expected {
        Expected::Bytes => true,
        // Text may begin like an object.
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
            // Bytes have no JSON form; the raw body has them.
            Slot::Any(slot) => *slot = std::str::from_utf8(body).map_or(Json::Null, Json::from),
            _ => {}
        }
    }
    Form::Taken
}

/// The kind of output.
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

/// Whether the response is an HTML page, e.g. of a proxy or a captive portal.
fn is_page(headers: &HeaderMap, body: &[u8]) -> bool {
    let start = String::from_utf8_lossy(&body[..body.len().min(256)]).trim_start().to_ascii_lowercase();
    header(headers, &CONTENT_TYPE).is_some_and(|it| it.trim_start().to_ascii_lowercase().starts_with("text/html"))
        || start.starts_with("<!doctype html")
        || start.starts_with("<html")
}
