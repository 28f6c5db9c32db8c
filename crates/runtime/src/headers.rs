//! Headers that the caller adds to requests.

use std::fmt;

use http::header::{HeaderName, HeaderValue};

use crate::route::is_reserved_header;

/// Headers of the caller; names are unique.
#[derive(Clone, Default)]
pub(crate) struct Headers {
    entries: Vec<(HeaderName, HeaderValue)>,
    /// The reason why the first invalid header is refused.
    refusal: Option<String>,
}

impl Headers {
    pub(crate) const fn new() -> Self {
        Self { entries: Vec::new(), refusal: None }
    }

    /// Sets a header, replacing one with the same name. An invalid one is reported by [`check`](Self::check).
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        match parse(name, value) {
            Ok((name, value)) => match self.entries.iter_mut().find(|(present, _)| *present == name) {
                Some(entry) => entry.1 = value,
                None => self.entries.push((name, value)),
            },
            Err(refusal) => {
                self.refusal.get_or_insert(refusal);
            }
        }
    }

    /// Sets all headers of another value.
    pub(crate) fn extend(&mut self, other: &Self) {
        for (name, value) in other.iter() {
            match self.entries.iter_mut().find(|(present, _)| present == name) {
                Some(entry) => entry.1 = value.clone(),
                None => self.entries.push((name.clone(), value.clone())),
            }
        }
    }

    /// Checks that all headers can be sent. The refusal names the header and never quotes its value.
    pub(crate) fn check(&self) -> Result<(), &str> {
        self.refusal.as_deref().map_or(Ok(()), Err)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.entries.iter().map(|(name, value)| (name, value))
    }

    /// The headers as text. Headers that are not text were refused.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default()))
    }
}

/// Names only: a value may be a secret.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(name, _)| name.as_str())).finish()
    }
}

fn parse(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    // Not quoted, because name and value may have been swapped.
    let name = HeaderName::try_from(name)
        .map_err(|_| "the name of an added header is empty or holds a character that HTTP does not allow".to_owned())?;
    if is_reserved_header(name.as_str()) {
        return Err(format!("the header `{name}` cannot be set: the client or the transport sets it"));
    }
    let text = Some(value).filter(|value| value.is_ascii()).and_then(|value| HeaderValue::from_str(value).ok());
    let mut value = text.ok_or_else(|| {
        format!("the value of the header `{name}` holds a character that HTTP does not allow: use printable ASCII text")
    })?;
    value.set_sensitive(true);
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_the_client_cannot_be_overridden() {
        for name in [
            "host",
            "Authorization",
            "user-agent",
            "content-length",
            "Transfer-Encoding",
            "proxy-authorization",
            "x-acs-action",
            "X-Acs-Date",
            "x-acs-version",
            "x-acs-content-sha256",
            "x-acs-signature-nonce",
            "x-acs-signature-anything",
            "x-acs-security-token",
            "x-acs-bearer-token",
        ] {
            let mut headers = Headers::new();
            headers.set(name, "CANARY");
            let refusal = headers.check().unwrap_err();
            assert!(refusal.contains(&name.to_ascii_lowercase()) && !refusal.contains("CANARY"), "{refusal}");
            assert!(headers.is_empty());
        }
    }

    #[test]
    fn invalid_headers_are_refused_without_their_values() {
        for (name, value) in [
            ("x", "CANARY\r\nevil: 1"),
            ("x", "CANARY\u{e9}"),
            ("", "CANARY"),
            ("CANARY CANARY", "x"),
            ("CANARY\n", "x"),
            ("x:CANARY", "x"),
        ] {
            let mut headers = Headers::new();
            headers.set(name, value);
            let refusal = headers.check().unwrap_err();
            assert!(!refusal.contains("CANARY"), "{refusal}");
        }
    }

    #[test]
    fn the_last_value_of_a_name_is_used() {
        let mut headers = Headers::new();
        headers.set("x-ticket", "1");
        headers.set("traceparent", "t");
        headers.set("X-Ticket", "2");
        let mut later = Headers::new();
        later.set("traceparent", "u");
        later.set("x-new", "v");
        headers.extend(&later);
        assert_eq!(headers.texts().collect::<Vec<_>>(), [("x-ticket", "2"), ("traceparent", "u"), ("x-new", "v")]);
        assert_eq!(format!("{headers:?}"), r#"["x-ticket", "traceparent", "x-new"]"#);
    }
}
