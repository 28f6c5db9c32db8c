//! The error type of all actions.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;

use crate::open::Json;
use crate::platform::{self, Meaning};
use crate::redact::Redactor;

/// The reason why a call failed.
///
/// `Display` prints one line that says what failed, why, and where to look: action, code, message, HTTP status, request
/// ID. It never contains a credential or the value of a sensitive parameter. [`kind`](Self::kind) determines what to
/// do; [`code`](Self::code) is the service's error code.
///
/// The type is as large as a pointer, so results stay small.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    action: Option<Cow<'static, str>>,
    code: Option<String>,
    message: String,
    request_id: Option<String>,
    http_status: Option<u16>,
    retry_after: Option<Duration>,
    attempts: u32,
    outcome_unknown: bool,
    nonce: Option<String>,
    advice: Option<&'static str>,
    /// Whether a second call is harmless.
    idempotent: bool,
    long_limit: Option<&'static str>,
    throttled_for: Option<Duration>,
    access_denied_detail: Option<String>,
    /// The redacted texts of this detail, of `recommend` and of `host_id`.
    details: Vec<(&'static str, Box<str>)>,
    recommend: Option<String>,
    host_id: Option<String>,
    answer: Option<(HeaderMap, Bytes)>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The kind of a failure. It determines whether the call took effect and whether a retry can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The client or its settings do not allow the call, e.g. because an endpoint is invalid. *Nothing was sent.*
    ///
    /// A retry does not help; correct the setting that the message names.
    Configuration,
    /// No credentials were available. *Nothing was sent.*
    ///
    /// A retry helps only once the source of the credentials works. The message names the sources that were tried.
    Credentials,
    /// A parameter has a value that cannot be sent; the message names it. *Nothing was sent.*
    InvalidRequest,
    /// The call would have waited for its permit longer than its deadline allows, or got it too late for a response.
    /// *Nothing was sent.*
    ///
    /// [`Error::retry_after`] is the wait that it would have needed. Send it later, send fewer calls at once, or raise
    /// the deadline or the limit.
    QuotaWait,
    /// The request was not handed to a connection: connection refused, name not found, TLS handshake or proxy tunnel
    /// failed, or no connection before the timeout or the deadline. *Nothing was sent*, so the call was retried as
    /// often as the policy allows, for any action.
    ///
    /// Check the endpoint, the region and the proxy settings (`HTTPS_PROXY`, `NO_PROXY`).
    NotSent,
    /// The request was handed to a connection, but no complete response was received: a timeout, a broken connection,
    /// or a response larger than 16 MiB. *The outcome is unknown* ([`Error::outcome_unknown`]). If the response was
    /// partly received, its status, its request ID and the beginning of its body are kept.
    ///
    /// An idempotent action was retried as often as the policy allows. For any other action, check whether the call
    /// took effect, with an action that only reads; the error contains the advice of the specification and the nonce of
    /// the request.
    Unanswered,
    /// The service refused the call because a limit was exceeded, and the deadline leaves no time for another attempt.
    /// *It was not executed*, unless [`Error::outcome_unknown`] says otherwise (the service failed with a 5xx status).
    ///
    /// The client has retried it until then; [`Error::throttled_for`] is how long. Wait at least
    /// [`Error::retry_after`], or raise the deadline. If it happens often, other programs use the same account's limit,
    /// or the configured limit is higher than the account's. Limits per hour or day are not waited for: the error names
    /// the period, and [`Error::is_retryable`] is `false`.
    Throttled,
    /// The service responded with an error; [`Error::code`] is its code. An HTTP 200 whose `Code` does not mean success
    /// is such an error, too.
    ///
    /// *It was not executed*, and repeating it unchanged does not help, if the service refused it: the status is 4xx
    /// (except 408) or 2xx, and the code is no failure of the service. *The outcome is unknown*
    /// ([`Error::outcome_unknown`]) with any other status, without a code, and with a code such as `InternalError`,
    /// `SystemError`, `UnknownError`, `ServiceUnavailable` or `RequestTimeout`; an idempotent action was then retried.
    /// The same holds for `SignatureNonceUsed`, which means that a proxy sent the request twice.
    Service,
    /// The response is not one of the service, or does not prove success: HTML or JSON of a proxy, an empty or
    /// incomplete body, a redirect, a response with neither `Code` nor a member of the result, or one with two `Code`
    /// members.
    ///
    /// *The outcome is unknown* ([`Error::outcome_unknown`]) unless the status is 401, 403, 407, 413, 414 or 431, with
    /// which proxies refuse a request before they forward it. Check what is between the program and the service: a
    /// proxy, a gateway, an endpoint that is not Alibaba Cloud's.
    UnusableResponse,
}

impl ErrorKind {
    /// The name of the kind for metrics and logs, e.g. `not_sent`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Credentials => "credentials",
            Self::InvalidRequest => "invalid_request",
            Self::QuotaWait => "quota_wait",
            Self::NotSent => "not_sent",
            Self::Unanswered => "unanswered",
            Self::Throttled => "throttled",
            Self::Service => "service",
            Self::UnusableResponse => "unusable_response",
        }
    }

    fn verb(self) -> &'static str {
        match self {
            Self::Configuration | Self::Credentials | Self::InvalidRequest | Self::QuotaWait | Self::NotSent => {
                "not sent"
            }
            Self::Unanswered => "sent, but not answered",
            Self::Throttled => "throttled",
            Self::Service => "failed",
            Self::UnusableResponse => "unusable response",
        }
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            action: None,
            code: None,
            message: message.into(),
            request_id: None,
            http_status: None,
            retry_after: None,
            attempts: 0,
            outcome_unknown: matches!(kind, ErrorKind::Unanswered),
            nonce: None,
            advice: None,
            idempotent: false,
            long_limit: None,
            throttled_for: None,
            access_denied_detail: None,
            details: Vec::new(),
            recommend: None,
            host_id: None,
            answer: None,
            source: None,
        }))
    }

    pub(crate) fn with_action(mut self, action: Cow<'static, str>) -> Self {
        self.0.action = Some(action);
        self
    }

    /// Redacts secrets and personal data of the request in the texts of the server, and limits their length, because
    /// they are logged.
    pub(crate) fn redacted(mut self, redactor: &Redactor<'_>) -> Self {
        let inner = &mut *self.0;
        // Redacted before it is cut, because part of a number would not be recognized. Very long text is not even
        // searched.
        let hidden = |text: &str| redactor.hide(beginning(text, LONGEST_SEARCHED)).into_owned();
        let foreign = |text: &str| redactor.hide_foreign(beginning(text, LONGEST_SEARCHED));
        inner.message = cut(&foreign(&inner.message), LONGEST_MESSAGE).into_owned();
        inner.code = inner.code.as_deref().map(|code| cut(&foreign(code), LONGEST_ID).into_owned());
        inner.request_id = inner.request_id.as_deref().map(|id| cut(&hidden(id), LONGEST_ID).into_owned());
        let denial = inner.access_denied_detail.as_deref().map(denial).unwrap_or_default().into_iter();
        let of_envelope = [("Recommend", inner.recommend.as_deref()), ("HostId", inner.host_id.as_deref())];
        let of_envelope = of_envelope.into_iter().filter_map(|(name, text)| Some((name, text?.to_owned())));
        let shown = |text: String| one_line(&cut(&foreign(&text), LONGEST_ID)).into_boxed_str();
        inner.details = denial.chain(of_envelope).map(|(name, text)| (name, shown(text))).collect();
        self
    }

    /// Appends to the message.
    pub(crate) fn with_more(mut self, words: &str) -> Self {
        self.0.message.push_str(words);
        self
    }

    pub(crate) fn with_attempts(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts;
        self
    }

    pub(crate) fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    pub(crate) fn with_code(mut self, code: Option<String>) -> Self {
        self.0.code = code;
        self
    }

    pub(crate) fn with_request_id(mut self, request_id: Option<String>) -> Self {
        self.0.request_id = request_id;
        self
    }

    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.0.http_status = Some(status);
        self
    }

    pub(crate) fn with_retry_after(mut self, retry_after: Option<Duration>) -> Self {
        self.0.retry_after = retry_after;
        self
    }

    pub(crate) fn with_outcome_unknown(mut self, unknown: bool) -> Self {
        self.0.outcome_unknown = unknown;
        self
    }

    pub(crate) fn with_nonce(mut self, nonce: String) -> Self {
        self.0.nonce = Some(nonce);
        self
    }

    pub(crate) fn with_advice(mut self, advice: &'static str) -> Self {
        self.0.advice = Some(advice);
        self
    }

    pub(crate) fn with_idempotent(mut self, idempotent: bool) -> Self {
        self.0.idempotent = idempotent;
        self
    }

    /// The exceeded limit has a period too long to wait for.
    pub(crate) fn with_long_limit(mut self, period: &'static str) -> Self {
        self.0.long_limit = Some(period);
        self
    }

    pub(crate) fn with_throttled_for(mut self, time: Duration) -> Self {
        self.0.throttled_for = Some(time);
        self
    }

    pub(crate) fn with_details(
        mut self,
        access_denied_detail: Option<String>,
        recommend: Option<String>,
        host_id: Option<String>,
    ) -> Self {
        (self.0.access_denied_detail, self.0.recommend, self.0.host_id) = (access_denied_detail, recommend, host_id);
        self
    }

    pub(crate) fn with_answer(mut self, headers: HeaderMap, body: Bytes) -> Self {
        self.0.answer = Some((headers, body));
        self
    }

    /// The kind of the failure.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The action, e.g. `ChatappSyncPhoneNumber`; `None` if the failure is not that of a call.
    pub fn action(&self) -> Option<&str> {
        self.0.action.as_deref()
    }

    /// The error code of the service, e.g. `Ram.PermissionDeny`; `None` if the failure did not come from the service.
    ///
    /// The `ErrorCode::of` of each generated crate converts it to an enumeration.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The message: that of the service if there is one. Values of sensitive parameters are redacted.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The service's ID of the request, for support tickets; `None` if the service was not reached or returned none.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The HTTP status of the response; `None` if there was none.
    pub fn http_status(&self) -> Option<u16> {
        self.0.http_status
    }

    /// The time to wait before a retry may succeed: the time that the service requested or, for
    /// [`QuotaWait`](ErrorKind::QuotaWait), the wait that the call would have needed.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The time for which a throttled call was retried before it failed, waits included; `None` if the kind is not
    /// [`Throttled`](ErrorKind::Throttled).
    pub fn throttled_for(&self) -> Option<Duration> {
        self.0.throttled_for
    }

    /// The reason why access was denied (`AccessDeniedDetail`): text, or the JSON text of an object with members such
    /// as `AuthAction`, `NoPermissionType` and `PolicyType`. `None` if the service returned none.
    ///
    /// It is unredacted and may name the account and its users, so it is not for logs.
    pub fn access_denied_detail(&self) -> Option<&str> {
        self.0.access_denied_detail.as_deref()
    }

    /// The service's reference for help (`Recommend`), usually a URL. It is unredacted and may contain values of the
    /// request.
    pub fn recommend(&self) -> Option<&str> {
        self.0.recommend.as_deref()
    }

    /// The host that responded (`HostId`), for support tickets.
    pub fn host_id(&self) -> Option<&str> {
        self.0.host_id.as_deref()
    }

    /// Additional texts of the service, by name, to show to a user: the reason why access was denied (`AuthAction`,
    /// `NoPermissionType`, `NoPermissionPolicyType`, `PolicyType`, or `AccessDeniedDetail` if that is text),
    /// `Recommend` and `HostId`.
    ///
    /// Values of the request, secrets, and possible phone numbers are redacted, as in [`message`](Self::message); each
    /// text has at most 256 bytes and no line breaks. Empty if the service returned none.
    pub fn details(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.details.iter().map(|(name, text)| (*name, &**text))
    }

    /// The body of the response as received, or its beginning if it broke off; `None` if there was none. It may contain
    /// personal data in clear text, so it is not for logs.
    pub fn raw_body(&self) -> Option<&Bytes> {
        self.0.answer.as_ref().map(|(_, body)| body)
    }

    /// The headers of the response; `None` if there was none.
    pub fn headers(&self) -> Option<&HeaderMap> {
        self.0.answer.as_ref().map(|(headers, _)| headers)
    }

    /// The nonce of the last signed request of the call, by which support can find it without a request ID.
    pub fn nonce(&self) -> Option<&str> {
        self.0.nonce.as_deref()
    }

    /// The number of attempts, including those without a connection; 0 if there was none.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Whether the call may have taken effect: it was sent, and nothing proves that it was not executed.
    pub fn outcome_unknown(&self) -> bool {
        self.0.outcome_unknown
    }

    /// Whether a limit was exceeded: at the service, or in this process before anything was sent.
    pub fn is_throttling(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Throttled | ErrorKind::QuotaWait)
    }

    /// Whether the limit has a period of hours or days, so that the call was not retried.
    pub(crate) fn is_long_limit(&self) -> bool {
        self.0.long_limit.is_some()
    }

    /// Whether the same call may succeed later, and repeating it is harmless.
    ///
    /// The client has retried such a call already, as far as its deadline and [`RetryPolicy`](crate::RetryPolicy)
    /// allow.
    pub fn is_retryable(&self) -> bool {
        match self.0.kind {
            ErrorKind::NotSent | ErrorKind::QuotaWait => self.0.idempotent || !self.0.outcome_unknown,
            ErrorKind::Throttled => !self.is_long_limit() && (self.0.idempotent || !self.0.outcome_unknown),
            _ => self.0.idempotent && self.0.outcome_unknown,
        }
    }

    /// Whether the service refused the caller's identity or permission, or there were no credentials: every other call
    /// with the same credentials may fail, too.
    pub fn is_auth(&self) -> bool {
        let refuses_identity =
            |code| matches!(platform::meaning(code), Some(Meaning::IdentityRefused | Meaning::TokenExpired));
        match self.0.kind {
            ErrorKind::Credentials => true,
            ErrorKind::Service => {
                matches!(self.0.http_status, Some(401 | 403)) || self.code().is_some_and(refuses_identity)
            }
            _ => false,
        }
    }

    /// Whether it is certain that nothing was sent to the service.
    pub fn is_not_sent(&self) -> bool {
        // An earlier attempt may have arrived.
        !self.0.outcome_unknown
            && matches!(
                self.0.kind,
                ErrorKind::Configuration
                    | ErrorKind::Credentials
                    | ErrorKind::InvalidRequest
                    | ErrorKind::QuotaWait
                    | ErrorKind::NotSent
            )
    }
}

/// The maximum length of a service's message, code and request ID, in bytes.
const LONGEST_MESSAGE: usize = 4 << 10;
pub(crate) const LONGEST_ID: usize = 256;

/// The number of bytes of a text that are searched for values to redact.
pub(crate) const LONGEST_SEARCHED: usize = 64 << 10;

/// The beginning of a text, at most this many bytes.
fn beginning(text: &str, longest: usize) -> &str {
    let end = (0..=longest.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or(0)]
}

/// The text, or its beginning and a note if it is longer than this many bytes.
pub(crate) fn cut(text: &str, longest: usize) -> Cow<'_, str> {
    if text.len() <= longest {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{} … (cut; the raw body has all of it)", beginning(text, longest)))
}

/// The name of a detail that is text.
const DENIED: &str = "AccessDeniedDetail";

/// The reason of a denial, without the names of accounts and users.
fn denial(detail: &str) -> Vec<(&'static str, String)> {
    const SHOWN: [&str; 4] = ["AuthAction", "NoPermissionType", "NoPermissionPolicyType", "PolicyType"];
    match serde_json::from_str(detail) {
        Ok(Json::Object(members)) => {
            SHOWN.iter().filter_map(|name| Some((*name, members.get(*name)?.as_str()?.to_owned()))).collect()
        }
        _ if matches!(detail, "" | "None") => Vec::new(),
        _ => vec![(DENIED, detail.to_owned())],
    }
}

/// Foreign text without line breaks, control characters and characters that change the direction of text.
pub(crate) fn one_line(text: &str) -> String {
    let steers = |c: char| {
        c.is_whitespace()
            || c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let words = text.split(steers).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        if let Some(action) = &inner.action {
            write!(f, "{action} {}: ", inner.kind.verb())?;
        }
        if let Some(code) = &inner.code {
            write!(f, "{}: ", one_line(code))?;
        }
        f.write_str(&one_line(&inner.message))?;
        if let Some(period) = inner.long_limit {
            write!(f, "; this limit counts per {period}, so the call was not retried")?;
        }
        if inner.outcome_unknown {
            f.write_str("; the call may or may not have taken effect")?;
            if let Some(advice) = inner.advice {
                write!(f, ": {}", one_line(advice))?;
            }
        }
        let mut facts = Vec::new();
        if let Some(status) = inner.http_status {
            facts.push(format!("HTTP {status}"));
        }
        if let Some(request_id) = &inner.request_id {
            facts.push(format!("request {}", one_line(request_id)));
        }
        if let (true, None, Some(nonce)) = (inner.outcome_unknown, &inner.request_id, &inner.nonce) {
            facts.push(format!("nonce {nonce}"));
        }
        if inner.attempts > 1 {
            facts.push(format!("{} attempts", inner.attempts));
        }
        if let Some(time) = inner.throttled_for.filter(|_| inner.attempts > 1) {
            facts.push(format!("tried for {:.1} s", time.as_secs_f64()));
        }
        let denial = self.details().filter(|(name, _)| !matches!(*name, "Recommend" | "HostId"));
        for (name, text) in denial {
            facts.push(if name == DENIED { text.to_owned() } else { format!("{name} {text}") });
        }
        if let Some(wait) = inner.retry_after {
            facts.push(format!("retry after {:?}", rounded(wait)));
        }
        if !facts.is_empty() {
            write!(f, " ({})", facts.join(", "))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        f.debug_struct("Error")
            .field("kind", &inner.kind)
            .field("action", &inner.action)
            .field("code", &inner.code)
            .field("message", &inner.message)
            .field("request_id", &inner.request_id)
            .field("http_status", &inner.http_status)
            .field("retry_after", &inner.retry_after)
            .field("attempts", &inner.attempts)
            .field("outcome_unknown", &inner.outcome_unknown)
            .field("nonce", &inner.nonce)
            .field("details", &inner.details)
            .field("long_limit", &inner.long_limit)
            .field("throttled_for", &inner.throttled_for)
            .field("source", &inner.source)
            // Without the rest of the response, which is unredacted and may contain personal data.
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// A duration whose `Debug` output has at most two decimals, for texts for people.
pub(crate) fn rounded(duration: Duration) -> Duration {
    let unit = match duration.as_nanos() {
        0..1_000_000 => 10,
        1_000_000..1_000_000_000 => 10_000,
        _ => 10_000_000,
    };
    let nanos = duration.as_nanos() / unit * unit;
    u64::try_from(nanos).map_or(duration, Duration::from_nanos)
}

/// All kinds.
#[cfg(test)]
pub(crate) const KINDS: [ErrorKind; 9] = [
    ErrorKind::Configuration,
    ErrorKind::Credentials,
    ErrorKind::InvalidRequest,
    ErrorKind::QuotaWait,
    ErrorKind::NotSent,
    ErrorKind::Unanswered,
    ErrorKind::Throttled,
    ErrorKind::Service,
    ErrorKind::UnusableResponse,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_in_a_text_has_at_most_two_decimals() {
        let text = |nanos| format!("{:?}", rounded(Duration::from_nanos(nanos)));
        let texts = [1_234_567_891, 999_999_999, 1_234_567, 1_234, 12, 90_000_000_001].map(text);
        assert_eq!(texts, ["1.23s", "999.99ms", "1.23ms", "1.23µs", "10ns", "90s"]);
    }

    #[test]
    fn every_kind_reads_as_one_line_with_action_code_status_and_request_id() {
        for kind in KINDS {
            let error = Error::new(kind, "first\r\nsecond\u{1b}[31m\u{202e} \n")
                .with_action("SyncNumber".into())
                .with_code(Some("Some\n.Code".to_owned()))
                .with_status(400)
                .with_request_id(Some("r\u{7}-1".to_owned()))
                .with_nonce("n".to_owned())
                .with_attempts(3)
                .with_retry_after(Some(Duration::from_millis(1500)))
                .with_outcome_unknown(false);
            let expected = format!(
                "SyncNumber {}: Some .Code: first second [31m (HTTP 400, request r -1, 3 attempts, retry after 1.5s)",
                kind.verb()
            );
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn an_unknown_outcome_is_stated_and_the_nonce_replaces_a_missing_request_id() {
        let error = Error::new(ErrorKind::Unanswered, "reset").with_action("A".into()).with_nonce("n1".to_owned());
        let words = "A sent, but not answered: reset; the call may or may not have taken effect";
        assert_eq!(error.to_string(), format!("{words} (nonce n1)"));
        let error = error.with_advice("look for it").with_request_id(Some("r1".to_owned()));
        assert_eq!(error.to_string(), format!("{words}: look for it (request r1)"));
    }

    #[test]
    fn missing_facts_are_omitted_from_the_line() {
        assert_eq!(Error::new(ErrorKind::Configuration, "no endpoint").to_string(), "no endpoint");
        let once = Error::new(ErrorKind::NotSent, "refused").with_action("A".into()).with_attempts(1);
        assert_eq!(once.to_string(), "A not sent: refused");
    }

    #[test]
    fn not_sent_and_outcome_unknown_exclude_each_other() {
        for kind in KINDS {
            let error = Error::new(kind, "");
            assert!(!(error.is_not_sent() && error.outcome_unknown()), "{kind:?}");
        }
    }
}
