//! Hiding secrets and personal data in texts that came from outside.
//!
//! A service that does not like a signature answers with the text that it signed; a proxy may repeat the request. So whatever
//! goes into an error is searched for the values that the request carried.

use std::borrow::Cow;

use crate::credentials::Credentials;
use crate::parameters::Parameter;
use crate::sign;

/// What stands in place of a hidden value.
pub(crate) const HIDDEN: &str = "<hidden>";

/// Values shorter than this are not searched for: hiding every `1` would hide the text.
const SHORTEST: usize = 4;

/// The values to hide, longest first, in every [form](forms) in which a server may repeat them.
pub(crate) struct Redactor {
    values: Vec<String>,
}

impl Redactor {
    pub(crate) fn new(credentials: Option<&Credentials>, parameters: &[Parameter<'_>]) -> Self {
        let secrets = credentials.into_iter().flat_map(|credentials| {
            [Some(credentials.access_key_id()), Some(credentials.access_key_secret()), credentials.security_token()]
        });
        let personal =
            parameters.iter().filter(|parameter| parameter.sensitive).map(|parameter| Some(&*parameter.value));
        let mut values = Vec::new();
        for value in secrets.chain(personal).flatten().filter(|value| value.len() >= SHORTEST) {
            values.extend(forms(value));
        }
        values.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        values.dedup();
        Self { values }
    }

    /// The text without the values.
    pub(crate) fn hide<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        for value in &self.values {
            if text.contains(value.as_str()) {
                text = Cow::Owned(text.replace(value.as_str(), HIDDEN));
            }
        }
        // A text that was cut off may end within a value; so may a character, which then was replaced.
        let end = text.trim_end_matches('\u{fffd}');
        let begun = end.char_indices().map(|(at, _)| at).find(|&at| {
            let tail = &end[at..];
            tail.len() >= SHORTEST && self.values.iter().any(|value| value.starts_with(tail))
        });
        match begun {
            Some(at) => Cow::Owned(format!("{}{HIDDEN}", &end[..at])),
            None => text,
        }
    }
}

/// A value as it is, with its blanks made one, percent-encoded (a string to sign is so twice, and one that is encoded again
/// three times), as a form, with escapes in lower case, and as it stands in HTML and JSON.
fn forms(value: &str) -> Vec<String> {
    let words: Vec<_> = value.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    let mut forms = Vec::new();
    for value in [value, &words.join(" ")] {
        let once = sign::encode(value);
        let twice = sign::encode(&once);
        let thrice = sign::encode(&twice);
        let form = once.replace("%20", "+");
        forms.extend([&once, &form, &twice, &thrice].map(|encoded| escapes_in_lower_case(encoded)));
        let html = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
        forms.extend(["&#39;", "&#x27;", "&apos;"].map(|quote| html.replace('\'', quote)));
        let json = serde_json::Value::from(value).to_string();
        let json = &json[1..json.len() - 1];
        forms.extend([json.to_owned(), json.replace('/', "\\/")]);
        forms.extend([value.to_owned(), once, twice, thrice, form, html]);
    }
    forms.retain(|form| form.len() >= SHORTEST);
    forms
}

/// Percent-encoded text as programs write it that prefer `%2f` to `%2F`.
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
        let redactor =
            Redactor::new(Some(&credentials), &[parameter("CANARY number", true), parameter("public", false)]);
        let text =
            "CANARY+id CANARY%2Bid CANARY%252Bid CANARY/secret CANARY=token CANARY%2520number CANARY number public";
        let hidden = redactor.hide(text);
        assert!(!hidden.contains("CANARY"), "{hidden}");
        assert!(hidden.ends_with(" public"), "{hidden}");
    }

    #[test]
    fn very_short_values_do_not_eat_the_text() {
        let parameter =
            Parameter { name: "X".into(), value: "1".into(), location: ParameterLocation::Query, sensitive: true };
        assert_eq!(Redactor::new(None, &[parameter]).hide("1 of 10"), "1 of 10");
    }
}
