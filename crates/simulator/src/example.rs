//! Documented example responses, with a new request ID each time.

use std::ops::Range;

use crate::answer::{Answer, Said};

/// The name in descriptors for a response that is no object.
pub(crate) const BODY: &str = "$body";

/// An example with the position of its request ID, so that every response can have its own. The rest of the text stays
/// unchanged, because parsing and formatting the JSON would change the order of members and the form of numbers.
pub(crate) struct Example {
    before: String,
    after: String,
    has_request_id: bool,
    code: Option<String>,
}

impl Example {
    /// Reads the example of an action. Without one, the response has the success code (if the product has one) and the
    /// request ID.
    pub(crate) fn new(text: &'static str, success_code: Option<&'static str>) -> Self {
        let mut example = Self::parse(text.trim(), success_code);
        example.code = Answer::ok_json(example.with_request_id("")).find_code();
        example
    }

    fn parse(text: &'static str, success_code: Option<&'static str>) -> Self {
        let split = |range: Range<usize>, before: &str, after: &str| Self {
            before: format!("{}{before}", &text[..range.start]),
            after: format!("{after}{}", &text[range.end..]),
            has_request_id: true,
            code: None,
        };
        if text.is_empty() {
            let code =
                success_code.map(|code| format!(",\"Code\":{}", serde_json::Value::from(code))).unwrap_or_default();
            let (before, after) = ("{\"RequestId\":\"".to_owned(), format!("\"{code}}}"));
            return Self { before, after, has_request_id: true, code: None };
        }
        match members(text).as_deref() {
            // Not a JSON object, so it is sent unchanged.
            None => Self { before: text.to_owned(), after: String::new(), has_request_id: false, code: None },
            Some([]) => split(1..1, "\"RequestId\":\"", "\""),
            Some(members) => match members.iter().find(|(name, _)| is_request_id(name)) {
                Some((_, value)) => split(value.clone(), "\"", "\""),
                None => split(1..1, "\"RequestId\":\"", "\","),
            },
        }
    }

    /// An empty response.
    pub(crate) fn nothing() -> Self {
        Self { before: String::new(), after: String::new(), has_request_id: false, code: None }
    }

    /// The response with this request ID.
    pub(crate) fn answer(&self, request_id: String) -> Answer {
        let mut answer = Answer::ok_json(self.with_request_id(&request_id));
        if self.has_request_id {
            answer.example = Some(Said { body: answer.body.clone(), request_id, code: self.code.clone() });
        }
        answer
    }

    /// The text of the response.
    pub(crate) fn with_request_id(&self, request_id: &str) -> String {
        let id = if self.has_request_id { request_id } else { "" };
        format!("{}{id}{}", self.before, self.after)
    }
}

/// The request ID of a JSON response, if it has one that is a plain string.
pub(crate) fn request_id_in(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, value) = members(text)?.into_iter().find(|(name, _)| is_request_id(name))?;
    serde_json::from_str(&text[value]).ok()
}

pub(crate) fn is_request_id(name: &str) -> bool {
    ["RequestId", "requestId", "request_id"].contains(&name)
}

/// The members of a JSON object: names (with escapes) and the positions of the values. `None` for any other text.
fn members(text: &str) -> Option<Vec<(&str, Range<usize>)>> {
    if !text.starts_with('{') || serde_json::from_str::<serde_json::Value>(text).is_err() {
        return None;
    }
    // The text is well formed from here on, and every relevant byte is ASCII.
    let bytes = text.as_bytes();
    let mut members = Vec::new();
    let mut depth = 0;
    let mut name: Option<&str> = None;
    let mut value_start = None;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        at += 1;
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => continue,
            b'"' => {
                while bytes.get(at).is_some_and(|byte| *byte != b'"') {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at += 1;
                if depth == 1 && name.is_none() {
                    name = Some(&text[start + 1..at - 1]);
                    continue;
                }
            }
            b':' if depth == 1 => continue,
            b'}' | b',' if depth == 1 => {
                if let (Some(name), Some(value)) = (name.take(), value_start.take()) {
                    members.push((name, value..text[..start].trim_end().len()));
                }
                depth -= i32::from(byte == b'}');
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        if name.is_some() && value_start.is_none() {
            value_start = Some(start);
        }
    }
    Some(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &'static str) -> String {
        Example::new(text, Some("OK")).with_request_id("NEW")
    }

    #[test]
    fn only_the_request_id_changes() {
        for (example, expected) in [
            (r#"{"RequestId":"OLD","Code":"OK"}"#, r#"{"RequestId":"NEW","Code":"OK"}"#),
            (
                r#"{ "Z": 1.0, "RequestId" : "O\"}L" , "A": [1e3] }"#,
                r#"{ "Z": 1.0, "RequestId" : "NEW" , "A": [1e3] }"#,
            ),
            (
                r#"{"D":{"RequestId":"IN"},"L":["RequestId",{}],"S":"RequestId","RequestId":null}"#,
                r#"{"D":{"RequestId":"IN"},"L":["RequestId",{}],"S":"RequestId","RequestId":"NEW"}"#,
            ),
            (r#"{"requestId":"é","b":"\\"}"#, r#"{"requestId":"NEW","b":"\\"}"#),
            (r#"{"a":"x\n"}"#, r#"{"RequestId":"NEW","a":"x\n"}"#),
            ("{}", r#"{"RequestId":"NEW"}"#),
            (" \n", r#"{"RequestId":"NEW","Code":"OK"}"#),
            ("[1]", "[1]"),
            ("<xml/>", "<xml/>"),
            (r#"{"broken""#, r#"{"broken""#),
        ] {
            assert_eq!(answer(example), expected);
        }
    }

    #[test]
    fn the_request_id_of_any_body_is_found_or_not() {
        assert_eq!(request_id_in(br#"{"a":[{"RequestId":"no"}],"RequestId":"yes"}"#).as_deref(), Some("yes"));
        for body in [&b"{}"[..], b"", b"\xff", b"{\"RequestId\":1}", b"{\"RequestId\":", b"[]"] {
            assert_eq!(request_id_in(body), None);
        }
    }
}
