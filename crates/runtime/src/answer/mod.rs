//! Decides whether a response means success: a pure function of status, headers and body.
//!
//! A call succeeded only if the HTTP status is 2xx **and** the body proves it: a response with HTTP 200 may contain an error
//! code, or come from a proxy. A failed call counts as not executed only if there is [proof](crate::proof).

mod error_body;
mod success;
mod whole;

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{DATE, HeaderName, RETRY_AFTER};
use http::{HeaderMap, StatusCode};

use self::error_body::{ErrorBody, Seen, boolean, is_envelope, is_spelled_as_documented};
use self::whole::Form;
use crate::decode::{boolean_of, decode};
use crate::descriptor::{ActionDescriptor, ErrorDescriptor, ProductDescriptor};
use crate::error::{Error, ErrorKind, LONGEST_ID, LONGEST_SEARCHED, cut, one_line};
use crate::mismatch::Mismatches;
use crate::open::Json;
use crate::platform::{self, Meaning};
use crate::proof::{Evidence, not_executed};
use crate::redact::Redactor;
use crate::transport::{self, TransportError};
use crate::value::{Member, Object, Slot, Value, View};

/// The maximum number of characters that an error quotes of an unusable response.
const SNIPPET_CHARS: usize = 200;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-acs-request-id");
const RETRY_AFTER_MILLIS: HeaderName = HeaderName::from_static("x-acs-retry-after");

/// The facts about the call that a response is judged by.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) product: &'a ProductDescriptor,
    /// `None` for an action without a specification.
    pub(crate) action: Option<&'a ActionDescriptor>,
    /// Whether the output takes every member, so that it does not show which ones belong to the action.
    pub(crate) untyped: bool,
    /// Whether the action has the ROA style, whose responses may have any form and may be empty.
    pub(crate) is_roa: bool,
    /// Redacts quoted parts of the response.
    pub(crate) redactor: &'a Redactor<'a>,
    /// The clock of this machine, for a delay that is given as a date.
    pub(crate) clock: &'a (dyn Fn() -> SystemTime + Send + Sync),
}

/// The metadata of a successful response.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) request_id: Option<String>,
    pub(crate) mismatches: Mismatches,
}

/// Decodes the content encodings of a response and judges it. Returns the decoded body with the verdict.
pub(crate) fn read(
    parts: &mut http::response::Parts,
    body: Bytes,
    context: Context<'_>,
    output: &mut dyn Object,
) -> (Bytes, Result<Judged, Error>) {
    let body = match transport::decode(&mut parts.headers, &body) {
        Ok(decoded) => decoded.unwrap_or(body),
        Err(why) => {
            // Status and headers still count: a refusal was not executed, and the service may ask to wait.
            let judged = judge(parts.status, &parts.headers, &Bytes::new(), context, output).map_err(|error| {
                if error.kind() != ErrorKind::UnusableResponse {
                    return error;
                }
                Error::new(ErrorKind::UnusableResponse, why)
                    .with_status(parts.status.as_u16())
                    .with_request_id(error.request_id().map(ToOwned::to_owned))
                    .with_outcome_unknown(error.outcome_unknown())
                    .with_answer(parts.headers.clone(), body.clone())
            });
            return (body, judged);
        }
    };
    let judged = judge(parts.status, &parts.headers, &body, context, output);
    (body, judged)
}

/// Judges a response and, if the call succeeded, fills `output` from it.
///
/// # Errors
/// Everything that is not a success. The error contains status, request ID, headers and body.
pub(crate) fn judge(
    status: StatusCode,
    headers: &HeaderMap,
    body: &Bytes,
    context: Context<'_>,
    output: &mut dyn Object,
) -> Result<Judged, Error> {
    let header_id = header(headers, &REQUEST_ID);
    let form = if status.is_success() && context.is_roa {
        whole::take(status, headers, body, context, output)
    } else {
        Form::Json
    };
    if form == Form::Taken {
        let request_id = header_id.map(|id| cut(id, LONGEST_ID).into_owned());
        return Ok(Judged { request_id, mismatches: Mismatches::default() });
    }
    if status.is_success() && form == Form::Json {
        let mut envelope = Envelope {
            output,
            said: ErrorBody::default(),
            seen: Seen::default(),
            has_documented_code: false,
            untyped: context.untyped,
        };
        if let Ok(mismatches) = decode(body, &mut envelope) {
            let facts = envelope.facts();
            if envelope.proves_success(&facts, body, header_id.is_some(), context) {
                let said = facts.request_id.map(|id| cut(&id, LONGEST_ID).into_owned());
                let request_id = said.or_else(|| {
                    let id = cut(header_id?, LONGEST_ID).into_owned();
                    envelope.set_request_id(&id);
                    Some(id)
                });
                return Ok(Judged { request_id, mismatches });
            }
        }
    }
    let said = ErrorBody::read(body).unwrap_or_default();
    let request_id = said.request_id.as_deref().or(header_id).map(ToOwned::to_owned);
    let error = failure(status, headers, body, said, context);
    Err(error.with_status(status.as_u16()).with_request_id(request_id).with_answer(headers.clone(), body.clone()))
}

fn failure(status: StatusCode, headers: &HeaderMap, body: &[u8], said: ErrorBody, context: Context<'_>) -> Error {
    let delay = if status.is_client_error() || status.is_server_error() { delay(headers, context.clock) } else { None };
    if let Some(name) = said.repeated() {
        return foreign(status, &format!("the response contains `{name}` twice"), body, delay, context);
    }
    let is_refusal = if status.is_success() {
        is_failure(said.success(), said.code.as_deref(), context)
    } else {
        said.service_code().is_some() || said.request_id.is_some()
    };
    if is_refusal {
        let is_of_service = said.is_of_service(headers.contains_key(REQUEST_ID));
        return service_error(status, said, is_of_service, delay, context);
    }
    let is_of_service = said.request_id.is_some() || said.success().is_some();
    let problem = if status.is_redirection() {
        "the endpoint redirects, and redirects are never followed"
    } else if body.is_empty() {
        "the response is empty"
    } else if status.is_success() && is_of_service {
        "nothing in the response proves that the call succeeded: it has neither a `Code` nor a member of the result"
    } else {
        "the response is not from the service"
    };
    match &said.message {
        Some(message) => {
            let message: String = message.chars().take(SNIPPET_CHARS).collect();
            foreign(status, &format!("{problem}; it says: {message}"), &[], delay, context)
        }
        None => foreign(status, problem, body, delay, context),
    }
}

/// The error of a request without a complete response, with the status, the request ID and the beginning of a partial one.
pub(crate) fn missing(error: TransportError, may_have_been_sent: bool, redactor: &Redactor<'_>) -> Error {
    let message = redactor.hide(&error.to_string()).into_owned();
    let missing = unanswered(message, may_have_been_sent);
    let missing = match error.partial_response() {
        Some(answer) => {
            let request_id =
                header(answer.headers(), &REQUEST_ID).map(|id| cut(&redactor.hide(id), LONGEST_ID).into_owned());
            let missing = missing.with_more(&shown(answer.body(), "the response", redactor));
            let missing = missing.with_status(answer.status().as_u16()).with_request_id(request_id);
            missing.with_answer(answer.headers().clone(), answer.body().clone())
        }
        None => missing,
    };
    missing.with_source(error.redacted(redactor))
}

/// The error of a request without a response.
pub(crate) fn unanswered(message: String, may_have_been_sent: bool) -> Error {
    let not_executed = not_executed(Evidence::NoAnswer { may_have_been_sent });
    let kind = if not_executed { ErrorKind::NotSent } else { ErrorKind::Unanswered };
    Error::new(kind, message).with_outcome_unknown(!not_executed)
}

/// The delay that a response requests: `x-acs-retry-after`, in milliseconds, else `Retry-After`, in seconds or as a date.
/// Zero, negative and unreadable values count as absent.
fn delay(headers: &HeaderMap, clock: &dyn Fn() -> SystemTime) -> Option<Duration> {
    let number = |name: &HeaderName| header(headers, name)?.trim().parse::<u64>().ok().filter(|number| *number > 0);
    if let Some(millis) = number(&RETRY_AFTER_MILLIS) {
        return Some(Duration::from_millis(millis));
    }
    if let Some(seconds) = number(&RETRY_AFTER) {
        return Some(Duration::from_secs(seconds));
    }
    let date = |name: &HeaderName| httpdate::parse_http_date(header(headers, name)?.trim()).ok();
    // Relative to the clock of the server, if the response has it.
    date(&RETRY_AFTER)?.duration_since(date(&DATE).unwrap_or_else(clock)).ok().filter(|delay| !delay.is_zero())
}

fn header<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// The error of a response with an error body of the service.
fn service_error(
    status: StatusCode,
    said: ErrorBody,
    is_of_service: bool,
    delay: Option<Duration>,
    context: Context<'_>,
) -> Error {
    let evidence = match said.service_code() {
        // A success code is never a refusal, whatever the other members are.
        Some(code) if is_of_service && success::code_says(Some(code), context) != Some(true) => {
            Evidence::Refusal(status, code)
        }
        _ => Evidence::Foreign(status),
    };
    let unknown = !not_executed(evidence);
    let meaning = said.service_code().and_then(platform::meaning);
    let is_limit = match meaning {
        Some(Meaning::Throttled | Meaning::LongLimit(_)) => true,
        _ if status == StatusCode::TOO_MANY_REQUESTS => true,
        _ if said.service_code().is_some_and(|code| is_documented_limit(code, context)) => true,
        None => asks_to_wait(status, delay, unknown),
        Some(_) => false,
    };
    let kind = if is_limit { ErrorKind::Throttled } else { ErrorKind::Service };
    let denied = said.access_denied_detail();
    let code = said.code.filter(|code| !code.is_empty());
    let message = said.message.filter(|message| !message.is_empty()).unwrap_or_else(|| {
        if code.is_some() {
            "the service returned no message".to_owned()
        } else {
            "the service returned neither a code nor a message".to_owned()
        }
    });
    let error = Error::new(kind, message).with_code(code).with_retry_after(delay).with_outcome_unknown(unknown);
    let error = error.with_details(denied, said.recommend, said.host_id);
    match meaning {
        Some(Meaning::LongLimit(period)) => error.with_long_limit(period),
        _ => error,
    }
}

/// Whether the specification documents the code as that of an exceeded limit.
fn is_documented_limit(code: &str, context: Context<'_>) -> bool {
    let documented =
        |errors: &[&ErrorDescriptor]| errors.iter().any(|it| it.throttling && it.code.eq_ignore_ascii_case(code));
    documented(context.product.errors) || context.action.is_some_and(|action| documented(action.errors))
}

/// Whether the response requests a later attempt: it has a delay, and certainly refused the request.
fn asks_to_wait(status: StatusCode, delay: Option<Duration>, unknown: bool) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || (delay.is_some() && status.is_client_error() && !unknown)
}

/// The error of a response that is not from the service.
fn foreign(status: StatusCode, problem: &str, body: &[u8], delay: Option<Duration>, context: Context<'_>) -> Error {
    let unknown = !not_executed(Evidence::Foreign(status));
    let error = if asks_to_wait(status, delay, unknown) {
        Error::new(ErrorKind::Throttled, "the service requests a delay")
    } else {
        Error::new(ErrorKind::UnusableResponse, format!("{problem}{}", shown(body, "it", context.redactor)))
    };
    error.with_retry_after(delay).with_outcome_unknown(unknown)
}

/// The redacted beginning of a response, as the continuation of an error message. JSON, and XML that is not HTML, is not
/// quoted: it may be a response of the service, and contain phone numbers or keys that were not in the request.
fn shown(body: &[u8], answer: &str, redactor: &Redactor<'_>) -> String {
    let text = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    if matches!(text.trim_ascii_start().first(), Some(b'{' | b'[')) {
        return format!("; {answer} begins like JSON ({} bytes, not shown because they may contain data)", body.len());
    }
    if is_xml_of_a_service(text) {
        return format!("; {answer} begins like XML ({} bytes, not shown because they may contain data)", body.len());
    }
    if is_binary(text) {
        return format!("; {answer} is not text ({} bytes, not shown because they may contain data)", body.len());
    }
    // Redacted before it is cut, because half a phone number would not be recognized. Only the beginning is searched.
    let text = String::from_utf8_lossy(&body[..body.len().min(LONGEST_SEARCHED)]);
    let text: String = one_line(&redactor.hide_foreign(&text)).chars().take(SNIPPET_CHARS).collect();
    if text.is_empty() { text } else { format!("; {answer} begins with: {text}") }
}

/// Whether the text is neither UTF-8 nor in a code page, but UTF-16, for example, in which values are not recognized.
fn is_binary(text: &[u8]) -> bool {
    text[..text.len().min(1024)].contains(&0)
}

/// Whether the text begins like XML and is not HTML, which gateways and proxies return.
fn is_xml_of_a_service(text: &[u8]) -> bool {
    let start = &text[..text.len().min(2048)];
    let start = String::from_utf8_lossy(start).to_ascii_lowercase();
    start.trim_start().starts_with('<')
        && !["<html", "<!doctype html", "<head", "<body"].iter().any(|tag| start.contains(tag))
}

/// The members of a response that report the outcome. Those that the output declares are read from the output, so that one
/// pass over the response is enough.
struct Envelope<'o> {
    output: &'o mut dyn Object,
    said: ErrorBody,
    seen: Seen,
    /// Whether the response has a `Code` in its documented spelling.
    has_documented_code: bool,
    untyped: bool,
}

impl Envelope<'_> {
    /// Whether the response, which is JSON and fits the type, proves that the call succeeded.
    ///
    /// The proof is a success code, or a member of the result if the response has no code. A `Code` in another spelling may come
    /// from something else (`{"code":0}`), so it also needs a request ID or a member of the result.
    fn proves_success(&self, facts: &Facts<'_>, body: &[u8], has_header_id: bool, context: Context<'_>) -> bool {
        let code = facts.code.as_deref();
        let says_success = success::code_says(code, context);
        let is_beyond_guess =
            says_success == Some(false) && success::is_success_beyond_guess(code, facts.success, self.output, context);
        let is_failure = facts.success == Some(false) || (says_success == Some(false) && !is_beyond_guess);
        if is_failure || self.seen.repeated().is_some() {
            return false;
        }
        let codes = success::codes(context);
        let is_as_documented = self.has_documented_code && code.is_some_and(|code| codes.contains(&code));
        let has_id = facts.request_id.is_some() || has_header_id;
        codes.is_empty()
            || is_as_documented
            || is_beyond_guess
            || (says_success.is_some() && has_id)
            || self.has_result(body, has_id)
    }

    /// Whether the response has a member of the result. An untyped response, whose members are unknown, also needs a request ID,
    /// because it may be JSON of something else, such as a captive portal.
    fn has_result(&self, body: &[u8], has_id: bool) -> bool {
        let mut present = false;
        // An empty list is the same whether the response has it or not.
        let mut doubtful = Vec::new();
        self.output.each(&mut |member, value| match value.view() {
            _ if is_envelope(member.name) => {}
            View::Absent | View::Any(Json::Null) => {}
            View::List(list) if list.is_empty() => doubtful.push(member.name),
            View::Map(_) => doubtful.push(member.name),
            _ => present = true,
        });
        if present {
            return true;
        }
        let wanted = if self.untyped { has_id.then_some(None) } else { Some(Some(doubtful)) };
        let Some(doubtful) = wanted else { return false };
        let mut result = Members { doubtful, values: Vec::new() };
        let is_json = decode(body, &mut result).is_ok();
        is_json
            && result
                .values
                .iter()
                .any(|value| if self.untyped { !value.is_null() } else { value.is_array() || value.is_object() })
    }

    /// Sets the missing request ID of the output to that of the header, so that it is equal to
    /// [`Response::request_id`](crate::Response::request_id). An untyped output is not changed.
    fn set_request_id(&mut self, id: &str) {
        if let Some(value) = self.output.member("RequestId").filter(|_| !self.untyped) {
            match value.slot() {
                Slot::Text(slot) => id.clone_into(slot),
                _ => value.clear(),
            }
        }
    }

    /// The outcome that the response reports, borrowed because a successful call needs only the request ID.
    fn facts(&self) -> Facts<'_> {
        let said = &self.said;
        let mut facts = Facts {
            code: said.code.as_deref().map(Cow::Borrowed),
            request_id: said.request_id.as_deref().map(Cow::Borrowed),
            success: said.success(),
        };
        self.output.each(&mut |member, value| {
            let fact = match member.name {
                "Code" => &mut facts.code,
                "RequestId" => &mut facts.request_id,
                "requestId" | "request_id" if facts.request_id.is_none() => &mut facts.request_id,
                "Success" => {
                    match value.view() {
                        View::Boolean(success) => facts.success = Some(success),
                        View::Text(text) => facts.success = boolean_of(text),
                        View::Any(json) => facts.success = boolean(json),
                        _ => {}
                    }
                    return;
                }
                _ => return,
            };
            match value.view() {
                View::Text(text) => *fact = Some(text.into()),
                View::Integer(number) => *fact = Some(number.to_string().into()),
                // Untyped responses are read as leniently as typed ones.
                View::Any(Json::String(text)) => *fact = Some(text.into()),
                View::Any(Json::Null) => {}
                View::Any(other) => *fact = Some(other.to_string().into()),
                _ => {}
            }
        });
        facts
    }
}

/// The outcome that a 2xx response reports.
struct Facts<'a> {
    code: Option<Cow<'a, str>>,
    request_id: Option<Cow<'a, str>>,
    success: Option<bool>,
}

fn is_failure(success: Option<bool>, code: Option<&str>, context: Context<'_>) -> bool {
    success == Some(false) || success::code_says(code, context) == Some(false)
}

impl Object for Envelope<'_> {
    fn type_name(&self) -> &'static str {
        "Envelope"
    }
    fn each<'a>(&'a self, visit: &mut dyn FnMut(Member, &'a dyn Value)) {
        self.output.each(visit);
    }
    fn member(&mut self, name: &str) -> Option<&mut dyn Value> {
        self.has_documented_code |= name == "Code";
        if let Some(member) = self.output.member(name) {
            // A member in lower case belongs to the result if the output declares it.
            if self.untyped || is_spelled_as_documented(name) {
                self.seen.note(name);
            }
            return Some(member);
        }
        self.seen.note(name);
        self.said.member(name)
    }
    fn reset(&mut self) {
        self.output.reset();
        self.said.reset();
        self.seen = Seen::default();
        self.has_documented_code = false;
    }
}

/// The members of the result, in a separate pass over a response.
struct Members {
    /// The names to read; `None` for all members except those of the envelope.
    doubtful: Option<Vec<&'static str>>,
    values: Vec<Json>,
}

impl Object for Members {
    fn type_name(&self) -> &'static str {
        "Result"
    }
    fn each<'a>(&'a self, _visit: &mut dyn FnMut(Member, &'a dyn Value)) {}
    fn member(&mut self, name: &str) -> Option<&mut dyn Value> {
        let is_of_result = match &self.doubtful {
            Some(doubtful) => doubtful.contains(&name),
            // A wrapped error is not a result.
            None => !is_envelope(name) && !["Error", "Errors"].iter().any(|wrapper| wrapper.eq_ignore_ascii_case(name)),
        };
        if !is_of_result {
            return None;
        }
        self.values.push(Json::Null);
        self.values.last_mut().map(|value| value as &mut dyn Value)
    }
    fn reset(&mut self) {
        self.values.clear();
    }
}

#[cfg(test)]
#[allow(unreachable_pub, reason = "the macros declare public types")]
mod tests;
