//! Which values of the member `Code` mean that a call succeeded.

use super::Context;
use super::error_body::is_envelope;
use crate::descriptor::{ErrorDescriptor, PLATFORM_ERRORS, SUCCESS_CODE};
use crate::platform;
use crate::value::{Json, Object, View};

/// The codes of success of the action, or else of its product; none if answers carry no such code.
pub(super) fn codes(context: Context<'_>) -> &[&'static str] {
    context.action.and_then(|action| action.success_codes).unwrap_or(context.product.success_codes)
}

/// What the code of a 2xx answer says, if the product's answers carry one: `true` for success.
///
/// Blanks around a code and its case do not count, and a code that can only mean success is one even where the specification lists
/// another: documentation is often wrong about the spelling.
pub(super) fn code_says(code: Option<&str>, context: Context<'_>) -> Option<bool> {
    let codes = codes(context);
    let code = code.map(str::trim).filter(|code| !code.is_empty())?;
    if codes.is_empty() {
        return None;
    }
    Some(codes.iter().any(|known| known.eq_ignore_ascii_case(code)) || platform::is_success(code))
}

/// Whether an answer whose code is not a known code of success is one all the same: the list is a guess that is not reviewed yet,
/// the code is not that of a documented error, and the answer reports success or has something in it.
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

/// Whether the answer has a member beside those that report the outcome of the call.
fn has_content(output: &dyn Object) -> bool {
    // Some products repeat the status and the message.
    let is_outcome = |name: &str| is_envelope(name) || ["HttpStatusCode", "DynamicMessage"].contains(&name);
    let mut found = false;
    output.each(&mut |member, value| found |= !is_outcome(member.name) && holds(&value.view()));
    found
}

/// Whether a value is more than what failed answers are padded with.
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
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};

    use super::*;
    use crate::descriptor::{ActionDescriptor, ProductDescriptor};
    use crate::error::Error;
    use crate::redact::Redactor;

    crate::private::object! {
        /// An answer with a payload.
        pub struct Answer {
            /// The code.
            #[wire("Code")]
            pub code: Option<String>,
            /// Whether it worked.
            #[wire("Success")]
            pub success: Option<bool>,
            /// The payload.
            #[wire("Data")]
            pub data: Option<Json>,
        }
    }

    crate::private::object! {
        /// An answer whose code is documented as a number.
        pub struct Numbered {
            /// The code.
            #[wire("Code")]
            pub code: Option<i64>,
        }
    }

    const DOCUMENTED: &ErrorDescriptor = &ErrorDescriptor { code: "Shelf.Full", ..ErrorDescriptor::EMPTY };
    const PRODUCT: ProductDescriptor =
        ProductDescriptor { success_codes: &["OK"], errors: &[DOCUMENTED], ..ProductDescriptor::EMPTY };
    const GUESSED: ProductDescriptor = ProductDescriptor { guessed: &["title", SUCCESS_CODE], ..PRODUCT };

    fn judged(
        product: &ProductDescriptor,
        action: Option<&ActionDescriptor>,
        output: &mut dyn Object,
        body: &str,
    ) -> Result<(), Error> {
        let redactor = Redactor::new(None, &[]);
        let clock = std::time::SystemTime::now;
        let context = Context { product, action, untyped: false, is_roa: false, redactor: &redactor, clock: &clock };
        let body = Bytes::copy_from_slice(body.as_bytes());
        super::super::judge(StatusCode::OK, &HeaderMap::new(), &body, context, output).map(drop)
    }

    fn succeeds(product: &ProductDescriptor, action: Option<&ActionDescriptor>, body: &str) -> bool {
        judged(product, action, &mut Answer::default(), body).is_ok()
    }

    #[test]
    fn a_code_is_one_of_success_in_every_spelling_and_an_error_in_none() {
        for code in ["OK", "ok", " OK ", "Success", "SUCCESS", "200", "0", "000000", "201", "Succeeded"] {
            assert!(succeeds(&PRODUCT, None, &format!(r#"{{"Code":"{code}","RequestId":"r"}}"#)), "{code:?}");
        }
        for code in ["Forbidden", "NotOK", "400", "20", "2000", "OK.Not", "isv.SUCCESS_NOT", "1", "-1", "false"] {
            assert!(!succeeds(&PRODUCT, None, &format!(r#"{{"Code":"{code}","RequestId":"r"}}"#)), "{code:?}");
        }
        // A code of the list needs not look like success.
        let product = ProductDescriptor { success_codes: &["OK", "Accepted"], ..PRODUCT };
        assert!(succeeds(&product, None, r#"{"Code":"accepted","RequestId":"r"}"#));
        // Nothing is no code.
        for code in [r#""""#, r#"" ""#, "null"] {
            assert!(succeeds(&PRODUCT, None, &format!(r#"{{"Code":{code},"RequestId":"r","Data":1}}"#)), "{code}");
        }
    }

    #[test]
    fn a_code_that_is_a_number_is_read_like_text() {
        for (body, is_success) in
            [(r#"{"Code":200,"RequestId":"r"}"#, true), (r#"{"Code":403,"RequestId":"r"}"#, false)]
        {
            assert_eq!(judged(&PRODUCT, None, &mut Numbered::default(), body).is_ok(), is_success, "{body}");
            assert_eq!(succeeds(&PRODUCT, None, body), is_success, "{body}");
        }
    }

    #[test]
    fn the_codes_of_an_action_go_before_those_of_its_product() {
        let other = ActionDescriptor { success_codes: Some(&["Accepted"]), ..ActionDescriptor::EMPTY };
        let data = ActionDescriptor { success_codes: Some(&[]), ..ActionDescriptor::EMPTY };
        let accepted = r#"{"Code":"Accepted","RequestId":"r"}"#;
        let country = r#"{"Code":"CN","RequestId":"r"}"#;
        assert!(succeeds(&PRODUCT, Some(&other), accepted) && !succeeds(&PRODUCT, Some(&other), country));
        assert!(succeeds(&PRODUCT, Some(&data), country), "the code of this answer is data");
        assert!(!succeeds(&PRODUCT, Some(&data), r#"{"Code":"CN","Success":false}"#));
    }

    /// A guess must not lose the answer to a call that took effect.
    #[test]
    fn a_guessed_list_loses_no_answer_that_reports_success_or_holds_something() {
        for (body, is_success) in [
            (r#"{"Code":"Accepted","Success":true}"#, true),
            (r#"{"Code":"Accepted","Data":{"Id":"7"}}"#, true),
            (r#"{"Code":"Accepted","Success":false,"Data":{"Id":"7"}}"#, false),
            (r#"{"Code":"Forbidden","Message":"no","RequestId":"r"}"#, false),
            (r#"{"Code":"Forbidden","Data":{"Total":0,"List":[],"Name":""}}"#, false),
            (r#"{"Code":"Shelf.Full","Success":true,"Data":{"Id":"7"}}"#, false),
        ] {
            assert_eq!(succeeds(&GUESSED, None, body), is_success, "{body}");
            assert!(!succeeds(&PRODUCT, None, body), "reviewed: {body}");
        }
        // A list of the action that was reviewed is no guess, whatever the product's is.
        let reviewed = ActionDescriptor { success_codes: Some(&["OK"]), ..ActionDescriptor::EMPTY };
        assert!(!succeeds(&GUESSED, Some(&reviewed), r#"{"Code":"Accepted","Success":true}"#));
        let guessed = ActionDescriptor { guessed: &[SUCCESS_CODE], ..reviewed };
        assert!(succeeds(&PRODUCT, Some(&guessed), r#"{"Code":"Accepted","Success":true}"#));
    }
}
