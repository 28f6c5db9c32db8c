use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::*;
use crate::descriptor::{ActionDescriptor, ProductDescriptor};
use crate::error::Error;
use crate::redact::Redactor;

crate::private::object! {
    /// A response with a payload.
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
    /// A response whose code is documented as a number.
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
fn success_codes_are_recognized_in_every_spelling_and_errors_in_none() {
    for code in ["OK", "ok", " OK ", "Success", "SUCCESS", "200", "0", "000000", "201", "Succeeded"] {
        assert!(succeeds(&PRODUCT, None, &format!(r#"{{"Code":"{code}","RequestId":"r"}}"#)), "{code:?}");
    }
    for code in ["Forbidden", "NotOK", "400", "20", "2000", "OK.Not", "isv.SUCCESS_NOT", "1", "-1", "false"] {
        assert!(!succeeds(&PRODUCT, None, &format!(r#"{{"Code":"{code}","RequestId":"r"}}"#)), "{code:?}");
    }
    // A code of the list need not look like success.
    let product = ProductDescriptor { success_codes: &["OK", "Accepted"], ..PRODUCT };
    assert!(succeeds(&product, None, r#"{"Code":"accepted","RequestId":"r"}"#));
    // An empty code counts as missing.
    for code in [r#""""#, r#"" ""#, "null"] {
        assert!(succeeds(&PRODUCT, None, &format!(r#"{{"Code":{code},"RequestId":"r","Data":1}}"#)), "{code}");
    }
}

#[test]
fn a_code_that_is_a_number_is_read_like_text() {
    for (body, is_success) in [(r#"{"Code":200,"RequestId":"r"}"#, true), (r#"{"Code":403,"RequestId":"r"}"#, false)] {
        assert_eq!(judged(&PRODUCT, None, &mut Numbered::default(), body).is_ok(), is_success, "{body}");
        assert_eq!(succeeds(&PRODUCT, None, body), is_success, "{body}");
    }
}

#[test]
fn the_codes_of_an_action_override_those_of_its_product() {
    let other = ActionDescriptor { success_codes: Some(&["Accepted"]), ..ActionDescriptor::EMPTY };
    let data = ActionDescriptor { success_codes: Some(&[]), ..ActionDescriptor::EMPTY };
    let accepted = r#"{"Code":"Accepted","RequestId":"r"}"#;
    let country = r#"{"Code":"CN","RequestId":"r"}"#;
    assert!(succeeds(&PRODUCT, Some(&other), accepted) && !succeeds(&PRODUCT, Some(&other), country));
    assert!(succeeds(&PRODUCT, Some(&data), country), "the code of this answer is data");
    assert!(!succeeds(&PRODUCT, Some(&data), r#"{"Code":"CN","Success":false}"#));
}

/// A guess must not turn a call that took effect into an error.
#[test]
fn a_guessed_list_accepts_responses_with_success_or_content() {
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
    // A reviewed list of the action is not a guess, even if the product's is.
    let reviewed = ActionDescriptor { success_codes: Some(&["OK"]), ..ActionDescriptor::EMPTY };
    assert!(!succeeds(&GUESSED, Some(&reviewed), r#"{"Code":"Accepted","Success":true}"#));
    let guessed = ActionDescriptor { guessed: &[SUCCESS_CODE], ..reviewed };
    assert!(succeeds(&PRODUCT, Some(&guessed), r#"{"Code":"Accepted","Success":true}"#));
}
