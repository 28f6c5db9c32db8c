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

/// The values to hide, longest first, as they are and percent-encoded once and twice.
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
            let once = sign::encode(value);
            let twice = sign::encode(&once);
            values.extend([value.to_owned(), once, twice]);
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
        text
    }
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
