//! Judging an answer: a pure function from status, headers and bytes to success or failure.
//!
//! A call succeeded only if the HTTP status is 2xx **and** the body says so: an HTTP 200 may carry an error code.

mod error_body;

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use self::error_body::{ErrorBody, boolean};
use crate::decode::{Mismatches, decode};
use crate::descriptor::{ActionDescriptor, ErrorDescriptor, ProductDescriptor};
use crate::error::{Error, ErrorKind, one_line};
use crate::redact::Redactor;
use crate::transport::TransportError;
use crate::value::{Json, Member, Object, Value, View};

/// How many characters of an answer that is not understood are shown.
const SNIPPET_CHARS: usize = 200;

/// What is known about the action whose answer it is.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) product: &'a ProductDescriptor,
    /// `None` for an action that no specification knows.
    pub(crate) action: Option<&'a ActionDescriptor>,
    /// What must not be shown of an answer that is quoted.
    pub(crate) redactor: &'a Redactor<'a>,
}

/// What a response says beside its output, if the call succeeded.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) request_id: Option<String>,
    pub(crate) mismatches: Mismatches,
}

/// Judges an answer and, if the call succeeded, fills `output` from it.
///
/// # Errors
/// Whatever is not a success. Status and request ID are kept in every case.
pub(crate) fn judge(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    context: Context<'_>,
    output: &mut dyn Object,
) -> Result<Judged, Error> {
    let header_id = header(headers, "x-acs-request-id").map(ToOwned::to_owned);
    let retry_after = if status.is_client_error() || status.is_server_error() { retry_after(headers) } else { None };
    let located = |error: Error, id: Option<String>| {
        error.with_status(status.as_u16()).with_request_id(id.or_else(|| header_id.clone()))
    };

    if !status.is_success() {
        return Err(match ErrorBody::read(body) {
            Some(found) => {
                let id = found.request_id.clone();
                located(service_error(status, found, retry_after, context), id)
            }
            None if retry_after.is_some() => {
                let error = Error::new(ErrorKind::Throttled, "the service asks to wait");
                located(error.with_retry_after(retry_after), None)
            }
            None => {
                // A redirect or a refusal by something in between was not executed; a 502 may have been.
                let unknown = !status.is_redirection() && !status.is_client_error();
                located(unusable(status, body, context.redactor).with_outcome_unknown(unknown), None)
            }
        });
    }

    let mut envelope = Envelope { output, said: ErrorBody::default() };
    let decoded = decode(body, &mut envelope);
    let facts = envelope.facts();
    let failed = facts.is_failure(context.product);
    let id = facts.request_id.as_deref().map(ToOwned::to_owned).or_else(|| header_id.clone());

    let Ok(mismatches) = decoded else {
        // A failed call need not have a body in JSON.
        if let Some(found) =
            ErrorBody::read(body).filter(|found| is_failure(found.success(), found.code.as_deref(), context.product))
        {
            let id = found.request_id.clone();
            return Err(located(service_error(status, found, retry_after, context), id));
        }
        return Err(located(unusable(status, body, context.redactor).with_outcome_unknown(true), id));
    };
    if failed {
        return Err(located(service_error(status, facts.into_body(), retry_after, context), id));
    }
    if context.product.success_code.is_some() && facts.says_nothing() && header_id.is_none() {
        // JSON of something else, a captive portal say: nothing in it belongs to the service.
        return Err(located(unusable(status, body, context.redactor).with_outcome_unknown(true), id));
    }
    Ok(Judged { request_id: id, mismatches })
}

/// The error of a request without a whole answer: with status, request ID and beginning of one that broke off.
pub(crate) fn missing(error: TransportError, not_sent: bool, redactor: &Redactor<'_>) -> Error {
    let kind = if not_sent { ErrorKind::NotSent } else { ErrorKind::Unanswered };
    let missing = Error::new(kind, redactor.hide(&error.to_string()));
    let missing = match error.partial_answer() {
        Some(answer) => broken_off(missing, answer, redactor),
        None => missing,
    };
    missing.with_source(error.redacted(redactor))
}

/// What is known of an answer that broke off: status, request ID, and how it begins.
fn broken_off(error: Error, answer: &http::Response<Bytes>, redactor: &Redactor<'_>) -> Error {
    let error = error.with_more(&shown(answer.body(), "the answer", redactor));
    let request_id = header(answer.headers(), "x-acs-request-id").map(|id| redactor.hide(id).into_owned());
    error.with_status(answer.status().as_u16()).with_request_id(request_id)
}

/// The delay that the service asks for: `x-acs-retry-after`, in milliseconds. Zero, negative and unreadable values count as absent.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let millis: u64 = header(headers, "x-acs-retry-after")?.trim().parse().ok()?;
    (millis > 0).then(|| Duration::from_millis(millis))
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn service_error(status: StatusCode, body: ErrorBody, retry_after: Option<Duration>, context: Context<'_>) -> Error {
    let code = body.code.filter(|code| !code.is_empty());
    let throttled = retry_after.is_some() || code.as_deref().is_some_and(|code| is_throttling(code, context));
    let kind = if throttled { ErrorKind::Throttled } else { ErrorKind::Service };
    let message = body.message.filter(|message| !message.is_empty()).unwrap_or_else(|| {
        if code.is_some() {
            "the service gave no message".to_owned()
        } else {
            "the service gave neither code nor message".to_owned()
        }
    });
    let unknown = status.is_server_error() || code.as_deref().is_some_and(may_have_been_executed);
    Error::new(kind, message).with_code(code).with_retry_after(retry_after).with_outcome_unknown(!throttled && unknown)
}

/// Whether the code says that a limit was exceeded and the call was not executed.
fn is_throttling(code: &str, context: Context<'_>) -> bool {
    let documented = |errors: &[&ErrorDescriptor]| errors.iter().any(|error| error.throttling && error.code == code);
    code == "Throttling"
        || code.starts_with("Throttling.")
        || code == "System.LimitControl"
        || documented(context.product.errors)
        || context.action.is_some_and(|action| documented(action.errors))
}

/// Whether the code says that the service itself failed, so that it may have executed the call, or that it has seen the nonce
/// before. Each attempt has a new one, so something on the way sent the request twice, and the first may have been executed.
fn may_have_been_executed(code: &str) -> bool {
    matches!(code, "ServiceUnavailable" | "InternalError" | "UnknownError" | "SignatureNonceUsed")
}

fn unusable(status: StatusCode, body: &[u8], redactor: &Redactor<'_>) -> Error {
    let what = if status.is_redirection() {
        "the endpoint redirects, and redirects are never followed"
    } else if body.is_empty() {
        "the answer is empty"
    } else {
        "the answer is not from the service"
    };
    Error::new(ErrorKind::UnusableAnswer, format!("{what}{}", shown(body, "it", redactor)))
}

/// How an answer begins, in words that follow others, without what must not be shown. What begins like JSON may be a broken answer of
/// the service, and hold phone numbers or keys that nobody knows of.
fn shown(body: &[u8], answer: &str, redactor: &Redactor<'_>) -> String {
    let text = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    if matches!(text.trim_ascii_start().first(), Some(b'{' | b'[')) {
        return format!("; {answer} begins like JSON ({} bytes, not shown: there may be data in them)", body.len());
    }
    // Hidden first and cut then: half a phone number would not be found any more.
    let text = String::from_utf8_lossy(body);
    let text: String = one_line(&redactor.hide(&text)).chars().take(SNIPPET_CHARS).collect();
    if text.is_empty() { text } else { format!("; {answer} begins with: {text}") }
}

/// The members that say how a call went. Where the output has such a member itself, it is read from there, so that one
/// pass over the answer is enough.
struct Envelope<'o> {
    output: &'o mut dyn Object,
    said: ErrorBody,
}

impl Envelope<'_> {
    /// What the answer says, borrowed: most calls succeed, and need only the request ID of it.
    fn facts(&self) -> Facts<'_> {
        let said = &self.said;
        let mut facts = Facts {
            code: said.code.as_deref().map(Cow::Borrowed),
            message: said.message.as_deref().map(Cow::Borrowed),
            request_id: said.request_id.as_deref().map(Cow::Borrowed),
            success: boolean(&said.success),
        };
        self.output.each(&mut |member, value| {
            let fact = match member.name {
                "Code" => &mut facts.code,
                "Message" => &mut facts.message,
                "RequestId" => &mut facts.request_id,
                "Success" => {
                    match value.view() {
                        View::Boolean(success) => facts.success = Some(success),
                        View::Text(text) => facts.success = text.to_ascii_lowercase().parse().ok(),
                        View::Any(json) => facts.success = boolean(json),
                        _ => {}
                    }
                    return;
                }
                _ => return,
            };
            match value.view() {
                View::Text(text) => *fact = Some(text.into()),
                // An untyped answer: read it as tolerantly as a typed one.
                View::Any(Json::String(text)) => *fact = Some(text.into()),
                View::Any(Json::Null) => {}
                View::Any(other) => *fact = Some(other.to_string().into()),
                _ => {}
            }
        });
        facts
    }
}

/// What a 2xx answer says of how the call went.
struct Facts<'a> {
    code: Option<Cow<'a, str>>,
    message: Option<Cow<'a, str>>,
    request_id: Option<Cow<'a, str>>,
    success: Option<bool>,
}

impl Facts<'_> {
    fn is_failure(&self, product: &ProductDescriptor) -> bool {
        is_failure(self.success, self.code.as_deref(), product)
    }

    fn says_nothing(&self) -> bool {
        self.code.is_none() && self.message.is_none() && self.request_id.is_none() && self.success.is_none()
    }

    fn into_body(self) -> ErrorBody {
        let owned = |fact: Option<Cow<'_, str>>| fact.map(Cow::into_owned);
        let success = self.success.map_or(Json::Null, Json::Bool);
        ErrorBody { code: owned(self.code), message: owned(self.message), request_id: owned(self.request_id), success }
    }
}

fn is_failure(success: Option<bool>, code: Option<&str>, product: &ProductDescriptor) -> bool {
    success == Some(false) || product.success_code.is_some_and(|success| code.is_some_and(|code| code != success))
}

impl Object for Envelope<'_> {
    fn type_name(&self) -> &'static str {
        "Envelope"
    }
    fn each<'a>(&'a self, visit: &mut dyn FnMut(Member, &'a dyn Value)) {
        self.output.each(visit);
    }
    fn member(&mut self, name: &str) -> Option<&mut dyn Value> {
        match self.output.member(name) {
            Some(member) => Some(member),
            None => self.said.member(name),
        }
    }
    fn reset(&mut self) {
        self.output.reset();
        self.said.reset();
    }
}

#[cfg(test)]
#[allow(unreachable_pub, reason = "the macros declare public types")]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    crate::private::object! {
        /// What a successful call returns.
        pub struct Answer {
            /// The code.
            #[wire("Code")]
            pub code: Option<String>,
            /// Whether it worked.
            #[wire("Success")]
            pub success: Option<bool>,
            /// Why not.
            #[wire("AccessDeniedDetail")]
            pub denied: Option<String>,
            /// A number.
            #[wire("Count")]
            pub count: Option<i32>,
        }
    }

    crate::private::object! {
        /// An answer whose type has none of the members that tell how a call went.
        pub struct Bare {
            /// A number.
            #[wire("Count")]
            pub count: Option<i32>,
        }
    }

    const FULL: &ErrorDescriptor = &ErrorDescriptor { code: "Queue.Full", throttling: true, ..ErrorDescriptor::EMPTY };
    const BUSY: &ErrorDescriptor = &ErrorDescriptor { code: "Line.Busy", throttling: true, ..ErrorDescriptor::EMPTY };
    const PRODUCT: ProductDescriptor =
        ProductDescriptor { success_code: Some("OK"), errors: &[FULL], ..ProductDescriptor::EMPTY };
    const ACTION: ActionDescriptor = ActionDescriptor { errors: &[BUSY], ..ActionDescriptor::EMPTY };

    type Headers<'h> = &'h [(&'static str, &'h str)];

    const ID: Headers<'_> = &[("x-acs-request-id", "from-header")];

    fn judged_into(status: u16, headers: Headers<'_>, body: &[u8], output: &mut dyn Object) -> Result<Judged, Error> {
        let redactor = Redactor::default();
        let context = Context { product: &PRODUCT, action: Some(&ACTION), redactor: &redactor };
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        judge(StatusCode::from_u16(status).unwrap(), &headers, body, context, output)
    }

    fn judged(status: u16, headers: Headers<'_>, body: &str) -> Result<Judged, Error> {
        judged_into(status, headers, body.as_bytes(), &mut Answer::default())
    }

    fn refused(status: u16, headers: Headers<'_>, body: &str) -> Error {
        let error = judged(status, headers, body).expect_err(body);
        assert_eq!(error.http_status(), Some(status), "{body}");
        error
    }

    #[test]
    fn a_200_with_the_code_of_success_is_a_success() {
        let mut answer = Answer::default();
        let body = br#"{"Code":"OK","Success":true,"Count":3,"RequestId":"r"}"#;
        assert_eq!(judged_into(200, &[], body, &mut answer).unwrap().request_id.as_deref(), Some("r"));
        assert_eq!(answer.count, Some(3));
    }

    #[test]
    fn a_200_with_an_error_code_is_an_error() {
        for body in [
            r#"{"Code":"Product.Unsubscript","Message":"no","RequestId":"r"}"#,
            r#"{"Code":"Product.Unsubscript","Message":"no","RequestId":"r","Success":true}"#,
            r#"{"Code":"Product.Unsubscript","Message":"no","RequestId":"r","Success":"perhaps"}"#,
            r#"{"Code":"Product.Unsubscript","Message":"no","RequestId":"r","Count":"not a number"}"#,
            r#"{"Success":[1e999],"Code":"Product.Unsubscript","Message":"no","RequestId":"r","Count":1e999}"#,
            r#"{"code":"Product.Unsubscript","message":"no","requestId":"r"}"#,
        ] {
            let errors = [
                refused(200, &[], body),
                judged_into(200, &[], body.as_bytes(), &mut Bare::default()).expect_err(body),
                judged_into(200, &[], body.as_bytes(), &mut crate::untyped::JsonOutput::default()).expect_err(body),
            ];
            for error in errors {
                assert_eq!(error.kind(), ErrorKind::Service, "{body}");
                assert_eq!(error.code(), Some("Product.Unsubscript"), "{body}");
                assert_eq!((error.message(), error.request_id()), ("no", Some("r")), "{body}");
                assert!(!error.outcome_unknown(), "{body}");
            }
        }
    }

    #[test]
    fn a_200_that_says_that_it_did_not_succeed_is_an_error() {
        for success in ["false", r#""false""#, r#""False""#] {
            for code in [r#""Code":"OK","#, r#""Code":null,"#, ""] {
                let body = format!(r#"{{{code}"Success":{success},"RequestId":"r"}}"#);
                assert_eq!(refused(200, &[], &body).kind(), ErrorKind::Service, "{body}");
                let untyped = judged_into(200, &[], body.as_bytes(), &mut crate::untyped::JsonOutput::default());
                assert_eq!(untyped.expect_err(&body).kind(), ErrorKind::Service, "{body}");
            }
        }
    }

    #[test]
    fn a_200_without_a_code_succeeds_if_it_is_recognisably_the_services() {
        for (headers, body) in [
            (ID, "{}"),
            (ID, r#"{"Code":null}"#),
            (&[], r#"{"RequestId":"r"}"#),
            (&[], r#"{"Code":null,"Success":true}"#),
        ] {
            assert!(judged(200, headers, body).is_ok(), "{body}");
        }
        for body in ["{}", r#"{"Code":null}"#, r#"{"login":"/portal"}"#] {
            let error = refused(200, &[], body);
            assert_eq!(error.kind(), ErrorKind::UnusableAnswer, "{body}");
            assert!(error.outcome_unknown(), "{body}");
        }
    }

    #[test]
    fn an_error_body_is_read_in_every_form_that_gateways_use() {
        for body in [
            r#"{"Code":"Forbidden.RAM","Message":"m & m","RequestId":"r"}"#,
            r#"{"code":"Forbidden.RAM","message":"m & m","requestId":"r"}"#,
            r#"{"Code":"Forbidden.RAM","Message":"m & m","RequestId":"r","AccessDeniedDetail":"None"}"#,
            r#"{"Code":"Forbidden.RAM","Message":"m & m","RequestId":"r","AccessDeniedDetail":{"AuthAction":"a"}}"#,
            r#"{"Code":"Forbidden.RAM","Message":"m & m","RequestId":"r","Count":"wrong","Success":{"very":"wrong"}}"#,
            "<Error><RequestId>r</RequestId><Code>Forbidden.RAM</Code><Message>m &amp; m</Message></Error>",
            "<?xml version='1.0'?>\n<Error>\n <Code>\nForbidden.RAM\n</Code><Message>m &amp; m</Message>\
             <RequestId>r</RequestId></Error>",
            "\u{feff}<?xml version='1.0'?><X><Code>Forbidden.RAM</Code><Message>m &amp; m</Message>\
             <RequestId>r</RequestId></X>",
        ] {
            let error = refused(403, &[], body);
            assert_eq!(error.kind(), ErrorKind::Service, "{body}");
            assert_eq!(error.code(), Some("Forbidden.RAM"), "{body}");
            assert_eq!((error.message(), error.request_id()), ("m & m", Some("r")), "{body}");
            assert!(!error.outcome_unknown(), "{body}");
        }
    }

    #[test]
    fn an_entity_of_xml_is_resolved_once() {
        let error = refused(400, &[], "<Error><Code>C</Code><Message>&amp;lt; &lt;&gt;&quot;&apos;</Message></Error>");
        assert_eq!(error.message(), "&lt; <>\"'");
    }

    #[test]
    fn the_detail_of_a_denial_may_be_text_or_an_object() {
        for (sent, expected) in
            [(r#""None""#, Some("None")), (r#"{"AuthAction":"a"}"#, Some(r#"{"AuthAction":"a"}"#)), ("null", None)]
        {
            let mut answer = Answer::default();
            let body = format!(r#"{{"Code":"OK","AccessDeniedDetail":{sent}}}"#);
            judged_into(200, &[], body.as_bytes(), &mut answer).unwrap();
            assert_eq!(answer.denied.as_deref(), expected, "{body}");
        }
    }

    /// Whether the call may have been executed decides whether people send it again by hand.
    #[test]
    fn what_is_not_from_the_service_keeps_its_status_and_whether_the_outcome_is_known() {
        const HTML: &str = "<html>\n<body>Bad\tGateway</body>";
        for (status, body, unknown, message) in [
            (200, "", true, "the answer is empty"),
            (
                200,
                r#"{"Code":"OK","Cou"#,
                true,
                "the answer is not from the service; it begins like JSON (17 bytes, not shown: there may be data in them)",
            ),
            (
                200,
                r#" {"Code":"OK"} x"#,
                true,
                "the answer is not from the service; it begins like JSON (16 bytes, not shown: there may be data in them)",
            ),
            (
                200,
                "\u{feff}[]",
                true,
                "the answer is not from the service; it begins like JSON (5 bytes, not shown: there may be data in them)",
            ),
            (500, "", true, "the answer is empty"),
            (
                500,
                "[1]",
                true,
                "the answer is not from the service; it begins like JSON (3 bytes, not shown: there may be data in them)",
            ),
            (502, HTML, true, "the answer is not from the service; it begins with: <html> <body>Bad Gateway</body>"),
            (503, "<?xml?><html/>", true, "the answer is not from the service; it begins with: <?xml?><html/>"),
            (600, "", true, "the answer is empty"),
            (301, "", false, "the endpoint redirects, and redirects are never followed"),
            (307, "x", false, "the endpoint redirects, and redirects are never followed; it begins with: x"),
            (404, HTML, false, "the answer is not from the service; it begins with: <html> <body>Bad Gateway</body>"),
            (407, "", false, "the answer is empty"),
        ] {
            let error = refused(status, ID, body);
            assert_eq!(error.kind(), ErrorKind::UnusableAnswer, "{status} {body}");
            assert_eq!(error.message(), message);
            assert_eq!(error.outcome_unknown(), unknown, "{status} {body}");
            assert_eq!(error.request_id(), Some("from-header"), "{status} {body}");
        }
    }

    #[test]
    fn a_redirect_with_the_services_own_words_keeps_them() {
        let error = refused(307, &[], r#"{"Code":"Moved","Message":"elsewhere"}"#);
        assert_eq!((error.kind(), error.code()), (ErrorKind::Service, Some("Moved")));
        assert!(!error.outcome_unknown());
    }

    #[test]
    fn a_success_stays_one_if_a_member_has_the_wrong_shape() {
        let mut answer = Answer::default();
        let body = br#"{"Code":"OK","RequestId":"r","Count":"CANARY","AccessDeniedDetail":"\ud83d"}"#;
        let Judged { request_id, mismatches } = judged_into(200, &[], body, &mut answer).unwrap();
        assert_eq!((request_id.as_deref(), answer.code.as_deref(), answer.count), (Some("r"), Some("OK"), None));
        assert_eq!(answer.denied.as_deref(), Some("\u{fffd}"));
        let paths: Vec<_> = mismatches.first().iter().map(crate::decode::Mismatch::path).collect();
        assert_eq!(paths, ["Count", "AccessDeniedDetail"]);
        assert!(!mismatches.to_string().contains("CANARY"), "{mismatches}");
        // The same for a type without the members of the envelope, which are read twice then.
        let judged = judged_into(200, &[], body, &mut Bare::default()).unwrap();
        assert_eq!(judged.request_id.as_deref(), Some("r"));
    }

    #[test]
    fn a_code_that_says_that_a_limit_was_exceeded_is_throttling_whatever_the_status() {
        for code in
            ["Throttling", "Throttling.User", "Throttling.Api", "System.LimitControl", "Queue.Full", "Line.Busy"]
        {
            for status in [200, 400, 429, 503] {
                let error = refused(status, &[], &format!(r#"{{"Code":"{code}"}}"#));
                assert_eq!(error.kind(), ErrorKind::Throttled, "{status} {code}");
                assert!(!error.outcome_unknown(), "{status} {code}: it was not executed");
                assert_eq!(error.retry_after(), None);
            }
        }
        for code in ["Throttlings", "throttling", "System.LimitControl.X", "Queue.Full.X"] {
            let error = refused(400, &[], &format!(r#"{{"Code":"{code}"}}"#));
            assert_eq!(error.kind(), ErrorKind::Service, "{code}");
        }
    }

    #[test]
    fn any_4xx_or_5xx_that_asks_to_wait_is_throttling() {
        const WAIT: Headers<'_> = &[("x-acs-retry-after", "1500")];
        for status in [400, 403, 429, 500, 503] {
            for body in [r#"{"Code":"Whatever","Message":"m"}"#, "", "<html>", r#"{"Code":"InternalError"}"#] {
                let error = refused(status, WAIT, body);
                assert_eq!(error.kind(), ErrorKind::Throttled, "{status} {body}");
                assert_eq!(error.retry_after(), Some(Duration::from_millis(1500)), "{status} {body}");
                assert!(!error.outcome_unknown(), "{status} {body}");
            }
        }
        // Elsewhere the header has no documented meaning: a call must not be sent again because of it.
        for (status, body) in [(200, r#"{"Code":"Whatever"}"#), (302, r#"{"Code":"Whatever"}"#), (302, "")] {
            let error = refused(status, WAIT, body);
            assert_ne!(error.kind(), ErrorKind::Throttled, "{status} {body}");
            assert_eq!(error.retry_after(), None, "{status} {body}");
        }
        assert!(judged(200, WAIT, r#"{"Code":"OK"}"#).is_ok());
    }

    #[test]
    fn a_delay_that_is_none_is_ignored() {
        for value in ["0", "-1", "", "soon", "1.5", "1500ms", "18446744073709551616"] {
            let error = refused(400, &[("x-acs-retry-after", value)], r#"{"Code":"Whatever"}"#);
            assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Service, None), "{value}");
        }
        assert!(refused(400, &[("x-acs-retry-after", " 7 ")], "").retry_after().is_some());
    }

    #[test]
    fn only_a_failure_inside_the_service_or_a_used_nonce_leaves_the_outcome_unknown() {
        for (status, code, unknown) in [
            (400, "InvalidParameter", false),
            (404, "InvalidApi.NotFound", false),
            (500, "Anything", true),
            (503, "ServiceUnavailable", true),
            (400, "InternalError", true),
            (200, "InternalError", true),
            (200, "UnknownError", true),
            (400, "SignatureNonceUsed", true),
            (200, "Ram.PermissionDeny", false),
        ] {
            let error = refused(status, &[], &format!(r#"{{"Code":"{code}"}}"#));
            assert_eq!(error.kind(), ErrorKind::Service, "{status} {code}");
            assert_eq!(error.outcome_unknown(), unknown, "{status} {code}");
        }
    }

    #[test]
    fn the_request_id_comes_from_the_body_before_the_header() {
        for (headers, body, expected) in [
            (ID, r#""RequestId":"from-body""#, Some("from-body")),
            (&[], r#""RequestId":"from-body""#, Some("from-body")),
            (ID, r#""RequestId":null"#, Some("from-header")),
            (&[], r#""RequestId":null"#, None),
        ] {
            let success = format!(r#"{{"Code":"OK",{body}}}"#);
            assert_eq!(judged(200, headers, &success).unwrap().request_id.as_deref(), expected, "{success}");
            for status in [200, 400, 500] {
                let failure = format!(r#"{{"Code":"No",{body}}}"#);
                assert_eq!(refused(status, headers, &failure).request_id(), expected, "{status} {failure}");
            }
        }
    }

    #[test]
    fn an_error_without_words_says_so() {
        assert_eq!(refused(400, &[], r#"{"Code":"C"}"#).message(), "the service gave no message");
        assert_eq!(refused(400, &[], r#"{"RequestId":"r"}"#).message(), "the service gave neither code nor message");
    }

    #[test]
    fn what_is_shown_of_a_strange_answer_is_short_and_printable() {
        let bodies = [
            vec![b'x'; 1 << 20],
            vec![0xff; 1 << 20],
            (0..=255).cycle().take(1 << 20).collect::<Vec<u8>>(),
            "\u{1b}[31m\u{202e}\r\nred é\u{85}".repeat(10_000).into_bytes(),
        ];
        for body in bodies {
            let error = judged_into(502, &[], &body, &mut Answer::default()).unwrap_err();
            assert!(error.message().chars().count() <= SNIPPET_CHARS + 60, "{error}");
            assert!(!error.message().contains(|c: char| c.is_control() || c == '\u{202e}'), "{error:?}");
        }
    }

    #[test]
    fn a_value_to_hide_is_hidden_where_the_quotation_ends() {
        let credentials = crate::Credentials::new("CANARY-of-the-key-id", "CANARY-of-the-secret");
        let redactor = Redactor::new(Some(&credentials), &[]);
        let context = Context { product: &PRODUCT, action: None, redactor: &redactor };
        for before in 0..=SNIPPET_CHARS {
            let body = "x".repeat(before) + "CANARY-of-the-secret";
            let mut output = Answer::default();
            let judged = judge(StatusCode::BAD_GATEWAY, &HeaderMap::new(), body.as_bytes(), context, &mut output);
            let message = judged.unwrap_err().message().to_owned();
            assert!(!message.contains("CA"), "{before}: {message}");
        }
    }

    /// Any JSON text.
    fn any_json() -> impl Strategy<Value = String> {
        let scalar =
            prop_oneof!["null|true|false|-?[1-9][0-9]{0,20}(\\.[0-9]{1,3})?(e[0-9]{1,3})?", r#""[ -!#-\[\]-~é]{0,8}""#];
        scalar.prop_recursive(4, 16, 4, |inner| {
            let members = prop::collection::vec((r#""(Code|code|Count|[a-z]{0,3})""#, inner.clone()), 0..4);
            let object = members.prop_map(|members| {
                let members: Vec<String> = members.into_iter().map(|(name, value)| format!("{name}:{value}")).collect();
                format!("{{{}}}", members.join(","))
            });
            prop_oneof![prop::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(","))), object]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_answer_makes_the_judgement_panic(
            status in 100_u16..1000,
            body in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..200),
                r#"[\[{]("(Code|code|Success|Count|RequestId)"?[:,]?("[^"]{0,3}"?|1e9|null|true|\{|\[){0,2},?){0,4}[\]}]?"#
                    .prop_map(String::into_bytes),
                "(<\\?xml>)?<Error>(</?(Code|Message|RequestId)>?|&[a-z]{0,4};?|x){0,8}".prop_map(String::into_bytes),
            ],
            retry_after in "[0-9a-z-]{0,22}",
        ) {
            let headers: Headers<'_> = &[("x-acs-retry-after", &retry_after)];
            let judged = judged_into(status, headers, &body, &mut Answer::default());
            prop_assert!((200..300).contains(&status) || judged.is_err(), "{} is not a success", status);
        }

        /// Whatever else it says, and whatever form that has.
        #[test]
        fn no_answer_with_an_error_code_is_taken_for_a_success_or_loses_its_code(
            status in 200_u16..600,
            code in "[A-NP-Z][A-Za-z.]{1,12}",
            (success, count, other) in (any_json(), any_json(), any_json()),
            first in any::<bool>(),
        ) {
            let code_member = format!(r#""Code":"{code}""#);
            let others = format!(r#""Success":{success},"Count":{count},"AccessDeniedDetail":{other},"Other":{other}"#);
            let body = if first { format!("{{{code_member},{others}}}") } else { format!("{{{others},{code_member}}}") };
            let error = judged_into(status, ID, body.as_bytes(), &mut Answer::default()).expect_err(&body);
            prop_assert!(matches!(error.kind(), ErrorKind::Service | ErrorKind::Throttled), "{}: {:?}", body, error);
            prop_assert_eq!(error.code(), Some(&*code), "{}", body);
        }
    }
}
