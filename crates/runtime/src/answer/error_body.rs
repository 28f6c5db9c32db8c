//! What an error answer says, in each form that gateways use.

use crate::decode::decode;
use crate::value::{Json, Member, Object, Value};

/// `true` and `false`, also as text.
pub(super) fn boolean(json: &Json) -> Option<bool> {
    match json {
        Json::Bool(boolean) => Some(*boolean),
        Json::String(text) => text.to_ascii_lowercase().parse().ok(),
        _ => None,
    }
}

/// What an error answer says, in JSON (names in any case) or XML.
#[derive(Default)]
pub(super) struct ErrorBody {
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    pub(super) request_id: Option<String>,
    /// Any form: what cannot be understood must not hide the code.
    pub(super) success: Json,
}

impl ErrorBody {
    /// Reads an error body; `None` if the text is not one.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let mut found = Self::default();
        if decode(body, &mut found).is_err() {
            found = Self::read_xml(&String::from_utf8_lossy(body))?;
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
            success: Json::Null,
        })
    }

    /// Whether the call worked, if it says so.
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
