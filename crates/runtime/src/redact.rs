//! Redacts secrets and personal data in texts from outside.
//!
//! A service that rejects a signature returns the text that it signed, and a proxy may repeat the request. Texts in
//! errors are therefore searched for the values of the request.

use std::borrow::Cow;
use std::cell::OnceCell;

use crate::credentials::Credentials;
use crate::digits::{self, Digits};
use crate::headers::Headers;
use crate::open::Json;
use crate::parameters::Parameter;
use crate::sign;

/// Replaces a redacted value.
pub(crate) const HIDDEN: &str = "<hidden>";

/// Shorter values are not searched for, because replacing every `1` would make the text unreadable.
const SHORTEST: usize = 4;

/// The same for values of the caller's headers, which may be ordinary words.
const SHORTEST_HEADER: usize = 8;

/// Redacts the values of a request, in every form in which a response may contain them.
#[derive(Default)]
pub(crate) struct Redactor<'r> {
    credentials: Option<&'r Credentials>,
    parameters: &'r [Parameter<'r>],
    headers: Option<&'r Headers>,
    /// The values to search for, computed on first use, because most calls succeed.
    sought: OnceCell<Sought>,
}

#[derive(Default)]
struct Sought {
    /// The values to redact, longest first.
    values: Vec<String>,
    /// The digits of those that are numbers.
    numbers: Vec<Digits>,
    /// The digits of numbers in the request that are not redacted.
    public: Vec<Digits>,
}

impl<'r> Redactor<'r> {
    pub(crate) fn new(credentials: Option<&'r Credentials>, parameters: &'r [Parameter<'r>]) -> Self {
        Self { credentials, parameters, headers: None, sought: OnceCell::new() }
    }

    /// Redacts the values of the caller's headers, too.
    pub(crate) fn with_headers(self, headers: &'r Headers) -> Self {
        Self { headers: Some(headers), ..self }
    }

    fn sought(&self) -> &Sought {
        self.sought.get_or_init(|| {
            let mut secrets: Vec<Cow<'_, str>> = Vec::new();
            if let Some(credentials) = self.credentials {
                secrets.extend([credentials.access_key_id().into(), credentials.access_key_secret().into()]);
                secrets.extend(credentials.security_token().map(Cow::from));
            }
            for parameter in self.parameters.iter().filter(|parameter| parameter.sensitive) {
                secrets.push((&*parameter.value).into());
                secrets.extend(parts(&parameter.value).into_iter().map(Cow::from));
            }
            let headers = self.headers.into_iter().flat_map(Headers::texts);
            secrets.extend(headers.map(|(_, value)| Cow::from(value)).filter(|value| value.len() >= SHORTEST_HEADER));
            let numbers: Vec<Digits> = secrets.iter().filter_map(|value| Digits::of_number(value)).collect();
            let public = self.parameters.iter().filter(|parameter| !parameter.sensitive);
            let public = public.filter_map(|parameter| Digits::of_number(&parameter.value)).collect();
            let mut values = Vec::new();
            for value in secrets.into_iter().filter(|value| value.len() >= SHORTEST) {
                values.extend(forms(&value));
            }
            values.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
            values.dedup();
            Sought { values, numbers, public }
        })
    }

    /// The text without the values. A number is recognized by its digits in any spelling.
    pub(crate) fn hide<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let Sought { values, numbers, .. } = self.sought();
        let mut text = Cow::Borrowed(text);
        for value in values {
            if text.contains(value.as_str()) {
                text = Cow::Owned(text.replace(value.as_str(), HIDDEN));
            }
        }
        if !numbers.is_empty()
            && let Some(hidden) = digits::replace_numbers(&text, numbers, HIDDEN)
        {
            text = Cow::Owned(hidden);
        }
        // A text that a server cut off may end within a value, or within a character, which was then replaced.
        let end = text.trim_end_matches('\u{fffd}');
        let longest = values.first().map_or(0, String::len);
        let begun = end.char_indices().map(|(at, _)| at).skip_while(|at| end.len() - at > longest).find(|&at| {
            let tail = &end[at..];
            tail.len() >= SHORTEST && values.iter().any(|value| value.starts_with(tail))
        });
        match begun {
            Some(at) => Cow::Owned(format!("{}{HIDDEN}", &end[..at])),
            None => text,
        }
    }

    /// A text of the service or a proxy, without the values and without possible phone numbers of other people.
    pub(crate) fn hide_foreign(&self, text: &str) -> String {
        let hidden = self.hide(text);
        match digits::replace_phone_numbers(&hidden, &self.sought().public, HIDDEN) {
            Some(text) => text,
            None => hidden.into_owned(),
        }
    }
}

/// The texts inside a compound value, because a service that rejects a list quotes the element, not the list.
fn parts(value: &str) -> Vec<String> {
    fn leaves(json: Json, into: &mut Vec<String>) {
        match json {
            Json::String(text) => into.push(text),
            Json::Number(number) => into.push(number.to_string()),
            Json::Array(list) => list.into_iter().for_each(|value| leaves(value, into)),
            Json::Object(members) => members.into_iter().for_each(|(_, value)| leaves(value, into)),
            Json::Null | Json::Bool(_) => {}
        }
    }
    let mut parts = Vec::new();
    match serde_json::from_str(value) {
        Ok(json @ (Json::Array(_) | Json::Object(_) | Json::String(_))) => leaves(json, &mut parts),
        _ if value.contains(',') => parts.extend(value.split(',').map(|part| part.trim().to_owned())),
        _ => {}
    }
    parts
}

/// A value as it is, with collapsed blanks, percent-encoded (twice in a string to sign, three times if encoded again),
/// as a form, with lower-case escapes, and as in HTML and JSON.
fn forms(value: &str) -> Vec<String> {
    let words: Vec<_> = value.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    let mut forms = Vec::new();
    for value in [value, &words.join(" ")] {
        let once = sign::encode(value);
        let twice = sign::encode(&once);
        let thrice = sign::encode(&twice);
        let form = once.replace("%20", "+");
        forms.extend([&once, &form, &twice, &thrice].map(|encoded| escapes_in_lower_case(encoded)));
        forms.push(sign::encode(&escapes_in_lower_case(&once)));
        let html = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
        forms.extend(["&#39;", "&#x27;", "&apos;"].map(|quote| html.replace('\'', quote)));
        let json = Json::from(value).to_string();
        let json = &json[1..json.len() - 1];
        forms.extend([json.to_owned(), json.replace('/', "\\/")]);
        forms.extend([value.to_owned(), once, twice, thrice, form, html]);
    }
    forms.retain(|form| form.len() >= SHORTEST);
    forms
}

/// Percent-encoded text with lower-case escapes (`%2f`), as some programs write it.
fn escapes_in_lower_case(encoded: &str) -> String {
    let mut digits = 0;
    let lower = |c: char| {
        let digit = digits > 0;
        digits = if c == '%' { 2 } else { u8::saturating_sub(digits, 1) };
        if digit { c.to_ascii_lowercase() } else { c }
    };
    encoded.chars().map(lower).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::ParameterLocation;

    #[test]
    fn values_are_hidden_plain_and_encoded() {
        let credentials = Credentials::temporary("CANARY+id", "CANARY/secret", "CANARY=token", None);
        let parameter = |value: &'static str, sensitive| Parameter {
            name: "X".into(),
            value: value.into(),
            location: ParameterLocation::Query,
            sensitive,
        };
        let parameters = [parameter("CANARY number", true), parameter("public", false)];
        let redactor = Redactor::new(Some(&credentials), &parameters);
        let text =
            "CANARY+id CANARY%2Bid CANARY%252Bid CANARY/secret CANARY=token CANARY%2520number CANARY number public";
        let hidden = redactor.hide(text);
        assert!(!hidden.contains("CANARY"), "{hidden}");
        assert!(hidden.ends_with(" public"), "{hidden}");
    }

    #[test]
    fn values_are_hidden_in_other_encodings() {
        let credentials = Credentials::new("CANARY<&>\"'id", "CANARY/secret");
        let redactor = Redactor::new(Some(&credentials), &[]);
        for text in
            ["CANARY%2fsecret", "CANARY%252fsecret", "CANARY&lt;&amp;&gt;&quot;&#39;id", r#"{"id": "CANARY<&>\"'id"}"#]
        {
            assert!(!redactor.hide(text).contains("CANARY"), "{text}");
        }
    }

    #[test]
    fn the_parts_of_a_compound_value_are_hidden() {
        for value in [r#"["CANARY1","CANARY2"]"#, r#"{"a":{"b":"CANARY1"},"c":["CANARY2"]}"#, "CANARY1,CANARY2"] {
            let parameters = [Parameter {
                name: "X".into(),
                value: value.into(),
                location: ParameterLocation::Query,
                sensitive: true,
            }];
            let hidden = Redactor::new(None, &parameters).hide("no CANARY2 and no CANARY1 here").into_owned();
            assert_eq!(hidden, "no <hidden> and no <hidden> here", "{value}");
        }
    }

    #[test]
    fn very_short_values_are_not_replaced() {
        let parameter =
            Parameter { name: "X".into(), value: "1".into(), location: ParameterLocation::Query, sensitive: true };
        assert_eq!(Redactor::new(None, &[parameter]).hide("1 of 10"), "1 of 10");
    }
}
