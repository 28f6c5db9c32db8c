//! Reads error responses, in each format that gateways use.

use crate::decode::{boolean_of, decode};
use crate::error::LONGEST_ID;
use crate::open::Json;
use crate::value::{Member, Object, Value};

/// `true` and `false`, also as text or a number.
pub(super) fn boolean(json: &Json) -> Option<bool> {
    match json {
        Json::Bool(boolean) => Some(*boolean),
        Json::String(text) => boolean_of(text),
        Json::Number(number) => boolean_of(&number.to_string()),
        _ => None,
    }
}

/// The members of a response that report the outcome of the call, in contrast to its result.
const ENVELOPE: [&str; 7] = ["Code", "Message", "RequestId", "Success", "AccessDeniedDetail", "Recommend", "HostId"];

/// The index of a member in the envelope, in any spelling of gateways: newer ones use lower case.
fn place(name: &str) -> Option<usize> {
    ENVELOPE.iter().position(|member| member.eq_ignore_ascii_case(name))
}

/// Whether the member belongs to the envelope.
pub(super) fn is_envelope(name: &str) -> bool {
    place(name).is_some()
}

/// Whether the member belongs to the envelope and has its documented spelling.
pub(super) fn is_spelled_as_documented(name: &str) -> bool {
    ENVELOPE.contains(&name)
}

/// The members of the envelope seen so far, and whether one is a duplicate, so that its value is ambiguous.
#[derive(Default)]
pub(super) struct Seen {
    places: [bool; ENVELOPE.len()],
    repeated: Option<&'static str>,
}

impl Seen {
    pub(super) fn note(&mut self, name: &str) {
        if let Some(place) = place(name)
            && std::mem::replace(&mut self.places[place], true)
        {
            self.repeated = Some(ENVELOPE[place]);
        }
    }

    /// A duplicate member.
    pub(super) fn repeated(&self) -> Option<&'static str> {
        self.repeated
    }
}

/// An error response in JSON (names in any case) or XML.
#[derive(Default)]
pub(super) struct ErrorBody {
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    pub(super) request_id: Option<String>,
    /// Any form, because a malformed member must not hide the code.
    success: Json,
    /// Text or an object.
    access_denied_detail: Json,
    pub(super) recommend: Option<String>,
    pub(super) host_id: Option<String>,
    /// Whether `Code` has its documented spelling.
    has_documented_code: bool,
    seen: Seen,
}

impl ErrorBody {
    /// Parses an error body; `None` if the text is not one.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let mut found = Self::default();
        if decode(body, &mut found).is_err() {
            found = Self::read_xml(&String::from_utf8_lossy(body))?;
        }
        let says = found.code.is_some() || found.message.is_some() || found.request_id.is_some();
        (says || found.success().is_some()).then_some(found)
    }

    /// Parses the gateway's XML error: flat elements in `<Error>` (or the action's response element).
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
        let mut seen = Seen::default();
        for name in ENVELOPE {
            text.match_indices(&format!("<{name}>")).for_each(|_| seen.note(name));
        }
        Some(Self {
            code: element("Code"),
            message: element("Message"),
            request_id: element("RequestId"),
            success: Json::Null,
            access_denied_detail: element("AccessDeniedDetail").map_or(Json::Null, Json::String),
            recommend: element("Recommend"),
            host_id: element("HostId"),
            has_documented_code: true,
            seen,
        })
    }

    /// The error code, unless it is an HTTP status written by a proxy, a value of another type, or a whole text.
    pub(super) fn service_code(&self) -> Option<&str> {
        let code = self.code.as_deref().filter(|code| code.len() <= LONGEST_ID)?;
        let is_word = code.trim().starts_with(|c: char| c.is_alphanumeric()) && code.contains(char::is_alphabetic);
        let is_other =
            ["true", "false", "null", "none", "undefined"].iter().any(|word| word.eq_ignore_ascii_case(code.trim()));
        (is_word && !is_other).then_some(code)
    }

    /// Whether the service itself wrote this. Others may also write a `code` in lower case, but no request ID.
    pub(super) fn is_of_service(&self, has_header_id: bool) -> bool {
        self.has_documented_code || self.request_id.is_some() || has_header_id
    }

    /// The reason why access was denied: text, or the JSON text of an object.
    pub(super) fn access_denied_detail(&self) -> Option<String> {
        match &self.access_denied_detail {
            Json::Null => None,
            // Values in successful responses.
            Json::String(text) if text.is_empty() || text == "None" => None,
            Json::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    /// A duplicate member.
    pub(super) fn repeated(&self) -> Option<&'static str> {
        self.seen.repeated()
    }

    /// Whether the call succeeded, if the response states it.
    pub(super) fn success(&self) -> Option<bool> {
        boolean(&self.success)
    }
}

impl Object for ErrorBody {
    fn type_name(&self) -> &'static str {
        "ErrorBody"
    }
    fn each<'a>(&'a self, _visit: &mut dyn FnMut(Member, &'a dyn Value)) {}
    fn member(&mut self, name: &str) -> Option<&mut dyn Value> {
        // Some products use this spelling, in addition or instead.
        if name == "request_id" && self.request_id.is_none() {
            return Some(&mut self.request_id);
        }
        self.seen.note(name);
        self.has_documented_code |= name == "Code";
        Some(match ENVELOPE[place(name)?] {
            "Code" => &mut self.code,
            "Message" => &mut self.message,
            "RequestId" => &mut self.request_id,
            "Success" => &mut self.success,
            "AccessDeniedDetail" => &mut self.access_denied_detail,
            "Recommend" => &mut self.recommend,
            _ => &mut self.host_id,
        })
    }
    fn reset(&mut self) {
        *self = Self::default();
    }
}

/// Decodes the five predefined entities of XML, and the numeric ones for quotation marks.
fn unescape(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#34;", "\"");
    text.replace("&apos;", "'").replace("&#39;", "'").replace("&#x27;", "'").replace("&amp;", "&")
}
