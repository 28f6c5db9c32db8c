//! HTTP responses: those of the gateway, and those that a test scripts.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, DATE, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::example;
use crate::fault::Fault;

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json;charset=utf-8");
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-acs-request-id");

/// An HTTP response of the simulator.
///
/// The gateway adds the headers that every response has: `content-type` (JSON in UTF-8), `date`, and `x-acs-request-id`
/// (the `RequestId` of the body if it has one). The server adds `content-length` and `connection`.
///
/// `Debug` shows status, code, header names, the size of the body and the fault.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// The HTTP status. The server replaces one that is not a final status (200 to 999) by 500.
    pub status: u16,
    /// The headers. The server sets its own framing and ignores `content-length`, `transfer-encoding` and `connection`
    /// here, except for `connection: close`, which closes the connection.
    pub headers: HeaderMap,
    /// The body, sent unchanged.
    pub body: Bytes,
    /// The delay before the response is sent; none by default. The request is judged before the delay.
    pub delay: Duration,
    /// Whether the action counts as executed when a script returns this response; `true` by default. It determines
    /// [`Received::executed`] and the counts.
    ///
    /// [`Received::executed`]: crate::Received::executed
    pub executed: bool,
    /// The fault in the delivery, after the delay; none by default. It only applies to the server:
    /// [`Gateway::handle`](crate::Gateway::handle) returns the response as it is.
    pub fault: Option<Fault>,
    /// The code of an error made by [`Answer::error`] or by the gateway, for the log.
    pub(crate) code: Option<String>,
    /// What is known about the body of a documented example.
    pub(crate) example: Option<Said>,
}

/// What a body says, so that it need not be parsed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) body: Bytes,
    pub(crate) request_id: String,
    pub(crate) code: Option<String>,
}

impl Answer {
    /// A response without headers and delay.
    pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
        let (headers, body) = (HeaderMap::new(), body.into());
        Self { status, headers, body, delay: Duration::ZERO, executed: true, fault: None, code: None, example: None }
    }

    /// Status 200 with this JSON text, sent unchanged and unchecked.
    pub fn ok_json(body: impl Into<Bytes>) -> Self {
        Self::new(200, body)
    }

    /// An error in the format of the gateway, `{"RequestId","HostId","Code","Message","Recommend"}`, with a new request
    /// ID.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        Self::error_for("127.0.0.1", status, code, message, "")
    }

    pub(crate) fn error_for(host: &str, status: u16, code: &str, message: &str, recommend: &str) -> Self {
        let request_id = fresh_request_id();
        // Formatted by hand, because a map of `serde_json` would sort the members.
        let body = format!(
            r#"{{"RequestId":"{request_id}","HostId":{},"Code":{},"Message":{},"Recommend":{}}}"#,
            Value::from(host),
            Value::from(code),
            Value::from(message),
            Value::from(recommend)
        );
        Self { code: Some(code.to_owned()), ..Self::new(status, body) }
    }

    /// Sets a header, replacing one of the same name.
    ///
    /// # Panics
    /// Panics if HTTP does not allow the name or the value.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("an HTTP header name");
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("an HTTP header value");
        self.headers.insert(name, value);
        self
    }

    /// Sets `x-acs-retry-after`, in milliseconds, rounded up.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        let millis = wait.as_nanos().div_ceil(1_000_000);
        let millis = HeaderValue::from(u64::try_from(millis).unwrap_or(u64::MAX));
        self.headers.insert(HeaderName::from_static("x-acs-retry-after"), millis);
        self
    }

    /// Sets the delay before the response is sent.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Marks the action as not executed, as for a response of a proxy in front of the service.
    #[must_use]
    pub fn not_executed(mut self) -> Self {
        self.executed = false;
        self
    }

    /// Sets the fault in the delivery.
    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        self.fault = Some(fault);
        self
    }

    /// Adds the headers that every response has, and returns its request ID.
    pub(crate) fn complete(&mut self, date: &str) -> String {
        let in_header = self.headers.get(&REQUEST_ID).map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned());
        let of_example = || self.said().map(|said| said.request_id.clone());
        let request_id = in_header.or_else(of_example);
        let request_id = request_id.or_else(|| example::request_id_in(&self.body)).unwrap_or_else(fresh_request_id);
        self.headers.entry(CONTENT_TYPE).or_insert(JSON);
        if let Ok(date) = HeaderValue::from_str(date) {
            self.headers.entry(DATE).or_insert(date);
        }
        // A scripted body may have an ID that is not a valid header value.
        if let Ok(id) = HeaderValue::from_str(&request_id) {
            self.headers.entry(REQUEST_ID).or_insert(id);
        }
        request_id
    }

    /// What the body says, unless it was replaced.
    fn said(&self) -> Option<&Said> {
        self.example.as_ref().filter(|said| said.body == self.body)
    }

    /// The code in the body of an error, or of a success that has one.
    pub(crate) fn find_code(&self) -> Option<String> {
        if self.code.is_some() {
            return self.code.clone();
        }
        if let Some(said) = self.said() {
            return said.code.clone();
        }
        let body: Value = serde_json::from_slice(&self.body).ok()?;
        let code = body.get("Code").or_else(|| body.get("code"))?;
        code.as_str().map(str::to_owned)
    }

    pub(crate) fn final_status(&self) -> StatusCode {
        StatusCode::from_u16(self.status)
            .ok()
            .filter(|status| !status.is_informational())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.keys().map(HeaderName::as_str).collect();
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("code", &self.code)
            .field("headers", &headers)
            .field("body_bytes", &self.body.len())
            .field("delay", &self.delay)
            .field("executed", &self.executed)
            .field("fault", &self.fault)
            .finish_non_exhaustive()
    }
}

/// For a transport without sockets, which must apply the delay itself. A fault is ignored.
impl From<Answer> for http::Response<Bytes> {
    fn from(answer: Answer) -> Self {
        let status = answer.final_status();
        let mut response = Self::new(answer.body);
        *response.status_mut() = status;
        *response.headers_mut() = answer.headers;
        response
    }
}

/// A random request ID in the form of an upper-case UUID.
pub(crate) fn fresh_request_id() -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    static START: OnceLock<u128> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let start = START.get_or_init(|| {
        let mut bytes = [0; 16];
        // Without random numbers from the system the IDs of two processes may be equal, which only affects the log.
        let _ = getrandom::fill(&mut bytes);
        u128::from_ne_bytes(bytes)
    });
    // An odd factor keeps the numbers different.
    let count = u128::from(COUNT.fetch_add(1, Ordering::Relaxed));
    let number = start.wrapping_add(count.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835));
    let mut bytes = number.to_be_bytes();
    bytes[6] = bytes[6] & 0x0F | 0x40;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    let mut id = String::with_capacity(36);
    for (index, byte) in bytes.into_iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            id.push('-');
        }
        id.extend([byte >> 4, byte & 15].map(|digit| char::from(DIGITS[usize::from(digit)])));
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_are_new_and_look_like_uuids() {
        let (one, two) = (fresh_request_id(), fresh_request_id());
        assert_ne!(one, two);
        let groups: Vec<usize> = one.split('-').map(str::len).collect();
        assert_eq!(groups, [8, 4, 4, 4, 12]);
        assert!(one.chars().all(|c| c == '-' || c.is_ascii_digit() || c.is_ascii_uppercase()));
    }

    #[test]
    fn an_error_has_the_members_of_a_real_one_in_order() {
        let answer = Answer::error(400, "Some.Code", "a \"quoted\" reason");
        let text = std::str::from_utf8(&answer.body).expect("UTF-8");
        let at = |member: &str| text.find(&format!("\"{member}\":")).expect(member);
        let order = ["RequestId", "HostId", "Code", "Message", "Recommend"].map(at);
        assert!(order.is_sorted());
        let body: Value = serde_json::from_str(text).expect("JSON");
        assert_eq!(body["Message"], "a \"quoted\" reason");
    }

    #[test]
    fn retry_after_is_rounded_up_to_whole_milliseconds() {
        let header = |wait| {
            let answer = Answer::new(400, "").retry_after(wait);
            answer.headers["x-acs-retry-after"].to_str().expect("text").to_owned()
        };
        assert_eq!(header(Duration::from_millis(250)), "250");
        assert_eq!(header(Duration::from_nanos(1)), "1");
    }
}
