//! Judging an answer: a pure function from status, headers and bytes to success or failure.
//!
//! A call succeeded only if the HTTP status is 2xx **and** the body says so: an HTTP 200 may carry an error code.

use std::time::Duration;

use http::{HeaderMap, StatusCode};

use crate::decode::decode;
use crate::descriptor::{ActionDescriptor, ErrorDescriptor, ProductDescriptor};
use crate::error::{Error, ErrorKind};
use crate::value::{Json, Member, Object, Value, View};

/// How many characters of an answer that is not understood are shown.
const SNIPPET_CHARS: usize = 200;

/// What is known about the action whose answer it is.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) product: &'a ProductDescriptor,
    /// `None` for an action that no specification knows.
    pub(crate) action: Option<&'a ActionDescriptor>,
}

/// Judges an answer and, if the call succeeded, fills `output` from it. Returns the request ID.
///
/// # Errors
/// Whatever is not a success. Status and request ID are kept in every case.
pub(crate) fn judge(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    context: Context<'_>,
    output: &mut dyn Object,
) -> Result<Option<String>, Error> {
    let header_id = header(headers, "x-acs-request-id").map(ToOwned::to_owned);
    let retry_after = retry_after(headers);
    let located = |error: Error, id: Option<String>| {
        error.with_status(status.as_u16()).with_request_id(id.or_else(|| header_id.clone()))
    };

    if !status.is_success() {
        return Err(match ErrorBody::read(body) {
            Some(found) => {
                let id = found.request_id.clone();
                located(service_error(status, found, retry_after, context), id)
            }
            None if retry_after.is_some() && !status.is_redirection() => {
                let error = Error::new(ErrorKind::Throttled, "the service asks to wait");
                located(error.with_retry_after(retry_after), None)
            }
            None => {
                // A redirect or a refusal by something in between was not executed; a 502 may have been.
                let unknown = status.is_server_error();
                located(unusable(status, body).with_outcome_unknown(unknown), None)
            }
        });
    }

    let mut envelope = Envelope { output, code: None, message: None, request_id: None, success: None };
    let decoded = decode(body, &mut envelope);
    let facts = envelope.facts();
    let failed = match (facts.code.as_deref(), context.product.success_code) {
        (Some(code), Some(success)) => code != success,
        _ => false,
    } || facts.success == Some(false);
    let id = facts.request_id.clone().or_else(|| header_id.clone());

    if let Err(problem) = decoded {
        // A failed call need not fit the type of a successful one.
        if let Some(found) = ErrorBody::read(body).filter(|found| found.is_failure(context.product)) {
            let id = found.request_id.clone();
            return Err(located(service_error(status, found, retry_after, context), id));
        }
        if problem.path().is_empty() {
            return Err(located(unusable(status, body).with_outcome_unknown(true), id));
        }
        let message = format!("the answer does not fit its type at {problem}");
        return Err(located(Error::new(ErrorKind::Decode, message), id));
    }
    if failed {
        return Err(located(service_error(status, facts, retry_after, context), id));
    }
    if context.product.success_code.is_some() && facts.says_nothing() && header_id.is_none() {
        // JSON of something else, a captive portal say: nothing in it belongs to the service.
        return Err(located(unusable(status, body).with_outcome_unknown(true), id));
    }
    Ok(id)
}

/// The delay that the service asks for: `x-acs-retry-after`, in milliseconds. Zero, negative and unreadable values count as absent.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
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
    let server_side = status.is_server_error() || code.as_deref().is_some_and(is_server_failure);
    Error::new(kind, message)
        .with_code(code)
        .with_retry_after(retry_after)
        .with_outcome_unknown(!throttled && server_side)
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

/// Whether the code says that the service itself failed; it may have executed the call.
fn is_server_failure(code: &str) -> bool {
    matches!(code, "ServiceUnavailable" | "InternalError" | "UnknownError")
}

fn unusable(status: StatusCode, body: &[u8]) -> Error {
    let text = String::from_utf8_lossy(body.get(..4 * SNIPPET_CHARS).unwrap_or(body));
    let words: Vec<_> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    let snippet: String = words.join(" ").chars().take(SNIPPET_CHARS).collect();
    let what = if status.is_redirection() {
        "the endpoint redirects, and redirects are never followed"
    } else if body.is_empty() {
        "the answer is empty"
    } else {
        "the answer is not from the service"
    };
    let message = if snippet.is_empty() { what.to_owned() } else { format!("{what}; it begins with: {snippet}") };
    Error::new(ErrorKind::UnusableAnswer, message)
}

/// The members that say how a call went. Where the output has such a member itself, it is read from there, so that one
/// pass over the answer is enough.
struct Envelope<'o> {
    output: &'o mut dyn Object,
    code: Option<String>,
    message: Option<String>,
    request_id: Option<String>,
    success: Option<bool>,
}

impl Envelope<'_> {
    fn facts(self) -> ErrorBody {
        let mut facts =
            ErrorBody { code: self.code, message: self.message, request_id: self.request_id, success: self.success };
        self.output.each(&mut |member, value| match (member.name, value.view()) {
            ("Code", View::Text(text)) => facts.code = Some(text.to_owned()),
            ("Message", View::Text(text)) => facts.message = Some(text.to_owned()),
            ("RequestId", View::Text(text)) => facts.request_id = Some(text.to_owned()),
            ("Success", View::Boolean(success)) => facts.success = Some(success),
            // An untyped answer: read it as tolerantly as a typed one.
            (_, View::Any(json)) => {
                let text = || match json {
                    Json::Null => None,
                    Json::String(text) => Some(text.clone()),
                    other => Some(other.to_string()),
                };
                match member.name {
                    "Code" => facts.code = text(),
                    "Message" => facts.message = text(),
                    "RequestId" => facts.request_id = text(),
                    "Success" => facts.success = text().and_then(|text| text.to_ascii_lowercase().parse().ok()),
                    _ => {}
                }
            }
            _ => {}
        });
        facts
    }
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
            None => match name {
                "Code" => Some(&mut self.code),
                "Message" => Some(&mut self.message),
                "RequestId" => Some(&mut self.request_id),
                "Success" => Some(&mut self.success),
                _ => None,
            },
        }
    }
    fn reset(&mut self) {
        self.output.reset();
    }
}

/// What an error answer says, in JSON (names in any case) or XML.
#[derive(Default)]
struct ErrorBody {
    code: Option<String>,
    message: Option<String>,
    request_id: Option<String>,
    success: Option<bool>,
}

impl ErrorBody {
    /// Reads an error body; `None` if the text is not one.
    fn read(body: &[u8]) -> Option<Self> {
        let mut found = Self::default();
        if decode(body, &mut found).is_err() {
            found = Self::read_xml(std::str::from_utf8(body).ok()?)?;
        }
        (found.code.is_some() || found.message.is_some() || found.request_id.is_some()).then_some(found)
    }

    /// The gateway's XML error: flat elements below `<Error>` (or the action's response element).
    fn read_xml(text: &str) -> Option<Self> {
        let text = text.trim_start_matches('\u{feff}').trim_start();
        if !(text.starts_with("<?xml") || text.starts_with("<Error")) {
            return None;
        }
        let element = |name: &str| {
            let start = text.find(&format!("<{name}>"))? + name.len() + 2;
            let end = start + text[start..].find(&format!("</{name}>"))?;
            Some(unescape(text[start..end].trim()))
        };
        Some(Self {
            code: element("Code"),
            message: element("Message"),
            request_id: element("RequestId"),
            success: None,
        })
    }

    fn is_failure(&self, product: &ProductDescriptor) -> bool {
        self.success == Some(false)
            || product.success_code.is_some_and(|success| self.code.as_deref().is_some_and(|code| code != success))
    }

    fn says_nothing(&self) -> bool {
        self.code.is_none() && self.message.is_none() && self.request_id.is_none() && self.success.is_none()
    }
}

impl Object for ErrorBody {
    fn type_name(&self) -> &'static str {
        "ErrorBody"
    }
    fn each<'a>(&'a self, _visit: &mut dyn FnMut(Member, &'a dyn Value)) {}
    fn member(&mut self, name: &str) -> Option<&mut dyn Value> {
        // Newer gateways spell the names in lower case.
        if name.eq_ignore_ascii_case("Code") {
            Some(&mut self.code)
        } else if name.eq_ignore_ascii_case("Message") {
            Some(&mut self.message)
        } else if name.eq_ignore_ascii_case("RequestId") {
            Some(&mut self.request_id)
        } else if name.eq_ignore_ascii_case("Success") {
            Some(&mut self.success)
        } else {
            None
        }
    }
    fn reset(&mut self) {
        *self = Self::default();
    }
}

/// The five predefined entities of XML, and the numbers that some programs write for quotation marks.
fn unescape(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#34;", "\"");
    text.replace("&apos;", "'").replace("&#39;", "'").replace("&#x27;", "'").replace("&amp;", "&")
}
