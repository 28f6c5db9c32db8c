//! Percent-encoding after RFC 3986, section 2.1: everything but the unreserved characters, byte by byte, in upper case.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What is encoded: everything but `A-Z a-z 0-9 - _ . ~`.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Percent-encodes `text`: `A-Z a-z 0-9 - _ . ~` stay, every other byte of the UTF-8 text becomes `%XX`.
///
/// ```
/// assert_eq!(alibabacloud_runtime::sign::encode("a b+c*d~é"), "a%20b%2Bc%2Ad~%C3%A9");
/// ```
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    encode_to(&mut out, text);
    out
}

pub(crate) fn encode_to(out: &mut String, text: &str) {
    out.extend(utf8_percent_encode(text, ENCODED));
}

/// The canonical query: the parameters sorted by name (byte order, then by value), names and values percent-encoded, joined by `=` and `&`.
///
/// It is at the same time a valid query of a URL and a valid form body.
///
/// ```
/// use alibabacloud_runtime::sign::canonical_query;
///
/// assert_eq!(canonical_query([("b", "2"), ("a", "x y")]), "a=x%20y&b=2");
/// ```
pub fn canonical_query<'a>(parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut sorted: Vec<(&str, &str)> = parameters.into_iter().collect();
    sorted.sort_unstable();
    let mut out = String::with_capacity(sorted.iter().map(|(name, value)| name.len() + value.len() + 8).sum());
    for (index, (name, value)) in sorted.into_iter().enumerate() {
        if index > 0 {
            out.push('&');
        }
        encode_to(&mut out, name);
        out.push('=');
        encode_to(&mut out, value);
    }
    out
}
