//! A received HTTP request, and the parameters in its query and form body.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{AsHeaderName, CONTENT_TYPE, HOST, HeaderName, HeaderValue};

/// A complete HTTP request as received: the raw request target, all headers and the body.
///
/// The server creates one from a connection. A test that uses a [`Gateway`](crate::Gateway) without sockets creates one
/// with [`Request::new`], or from an `http::Request`.
///
/// `Debug` shows sizes and header names, but no values.
#[derive(Clone)]
#[non_exhaustive]
pub struct Request {
    /// The method as received, e.g. `POST`.
    pub method: String,
    /// The request target, raw: `/?CustSpaceId=1` (also the absolute form, `http://host/?…`).
    pub target: String,
    /// All headers.
    pub headers: HeaderMap,
    /// The body, after chunked framing was removed.
    pub body: Bytes,
    /// The number of its connection, from 1; 0 (the default) without a connection.
    pub connection: u64,
}

impl Request {
    /// A request without headers and body. Real requests have at least `host`; see [`Request::header`].
    pub fn new(method: impl Into<String>, target: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            target: target.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            connection: 0,
        }
    }

    /// Adds a header and keeps others of the same name.
    ///
    /// # Panics
    /// Panics if HTTP does not allow the name or the value.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("an HTTP header name");
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("an HTTP header value");
        self.headers.append(name, value);
        self
    }

    /// Sets the body. It is parsed for parameters only if `content-type` is `application/x-www-form-urlencoded`.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// The path and the query, without scheme and host of an absolute target.
    pub(crate) fn path_and_query(&self) -> (&str, &str) {
        let mut target = self.target.as_str();
        for scheme in ["http://", "https://"] {
            if let Some(rest) = target.strip_prefix(scheme) {
                target = rest.find(['/', '?']).map_or("/", |at| &rest[at..]);
            }
        }
        match target.split_once('?') {
            Some(("", query)) => ("/", query),
            Some(split) => split,
            None => (target, ""),
        }
    }

    /// The parameters of query and form body, in order.
    pub(crate) fn pairs(&self) -> Vec<Pair<'_>> {
        let mut pairs = Vec::new();
        decode_into(&mut pairs, self.path_and_query().1.as_bytes(), Place::Query);
        if self.has_form_body() {
            decode_into(&mut pairs, &self.body, Place::Form);
        }
        pairs
    }

    fn has_form_body(&self) -> bool {
        let content_type = self.header_text(&CONTENT_TYPE).unwrap_or_default();
        let media_type = content_type.split(';').next().unwrap_or_default();
        media_type.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
    }

    /// The value of a header, without surrounding blanks; several values are joined by commas.
    pub(crate) fn header_text(&self, name: impl AsHeaderName) -> Option<Cow<'_, str>> {
        let mut values =
            self.headers.get_all(name).into_iter().map(|value| match String::from_utf8_lossy(value.as_bytes()) {
                Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
                Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
            });
        let first = values.next()?;
        Some(values.fold(first, |joined, value| Cow::Owned(format!("{joined},{value}"))))
    }

    /// The host of the request, which responses repeat.
    pub(crate) fn host(&self) -> Cow<'_, str> {
        self.header_text(&HOST).unwrap_or_default()
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.keys().map(HeaderName::as_str).collect();
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("path_bytes", &self.path_and_query().0.len())
            .field("query_bytes", &self.path_and_query().1.len())
            .field("headers", &headers)
            .field("body_bytes", &self.body.len())
            .field("connection", &self.connection)
            .finish_non_exhaustive()
    }
}

/// Converts a request that an HTTP client is about to send. A missing `host` header is set from the URI, as clients do.
impl<B: Into<Bytes>> From<http::Request<B>> for Request {
    fn from(request: http::Request<B>) -> Self {
        let (mut head, body) = request.into_parts();
        if !head.headers.contains_key(HOST) {
            let host = head.uri.authority().map(|authority| {
                let text = authority.as_str();
                text.rsplit_once('@').map_or(text, |(_, host)| host)
            });
            if let Some(host) = host.and_then(|host| HeaderValue::from_str(host).ok()) {
                head.headers.insert(HOST, host);
            }
        }
        let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
        Self {
            method: head.method.as_str().to_owned(),
            target: target.to_owned(),
            headers: head.headers,
            body: body.into(),
            connection: 0,
        }
    }
}

/// The part of a request in which a parameter is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Place {
    /// In the query of the request target.
    Query,
    /// In the form body.
    Form,
    /// In a header.
    Header,
    /// In the path of the request target, for an action of the ROA style.
    Path,
    /// The whole body, for an action of the ROA style.
    Body,
    /// In front of the host name, for an action of the ROA style.
    Host,
}

/// A decoded parameter, as bytes, because the signature covers values that are not UTF-8, too.
pub(crate) struct Pair<'a> {
    pub(crate) name: Cow<'a, [u8]>,
    pub(crate) value: Cow<'a, [u8]>,
    pub(crate) place: Place,
}

/// Parses `a=1&b=2`. A missing `=` means an empty value; empty parts (`&&`) are ignored.
fn decode_into<'a>(pairs: &mut Vec<Pair<'a>>, text: &'a [u8], place: Place) {
    for piece in text.split(|byte| *byte == b'&').filter(|piece| !piece.is_empty()) {
        let equals = piece.iter().position(|byte| *byte == b'=').unwrap_or(piece.len());
        let value = piece.get(equals + 1..).unwrap_or_default();
        pairs.push(Pair { name: decode(&piece[..equals]), value: decode(value), place });
    }
}

/// Decodes form encoding: `+` is a space, `%XX` a byte; an invalid escape is kept.
fn decode(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.iter().any(|byte| matches!(byte, b'+' | b'%')) {
        return Cow::Borrowed(text);
    }
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    Cow::Owned(percent_decode(&spaced))
}

/// Decodes percent-encoding only: in a path, `+` is a plus sign.
pub(crate) fn percent_decode(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        match (first, after) {
            (b'%', [high, low, after @ ..]) => match (hex_digit(*high), hex_digit(*low)) {
                (Some(high), Some(low)) => {
                    decoded.push(high * 16 + low);
                    rest = after;
                }
                _ => decoded.push(b'%'),
            },
            _ => decoded.push(first),
        }
    }
    decoded
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_encoding_is_decoded_and_invalid_escapes_are_kept() {
        assert_eq!(&*decode(b"a+b%2Bc%2ad"), b"a b+c*d");
        assert_eq!(&*decode(b"%C3%A9"), "é".as_bytes());
        assert_eq!(&*decode(b"%"), b"%");
        assert_eq!(&*decode(b"%4"), b"%4");
        assert_eq!(&*decode(b"%zz%41"), b"%zzA");
    }

    #[test]
    fn the_path_and_the_query_are_found_in_either_form_of_target() {
        let split = |target: &str| {
            let request = Request::new("GET", target);
            let (path, query) = request.path_and_query();
            (path.to_owned(), query.to_owned())
        };
        let pair = |path: &str, query: &str| (path.to_owned(), query.to_owned());
        assert_eq!(split("/?a=1?b"), pair("/", "a=1?b"));
        assert_eq!(split("/"), pair("/", ""));
        assert_eq!(split("http://h:1/p?a=1"), pair("/p", "a=1"));
        assert_eq!(split("http://h?a=1"), pair("/", "a=1"));
        assert_eq!(split("http://h"), pair("/", ""));
    }

    #[test]
    fn debug_shows_no_value() {
        let request = Request::new("POST", "/?MobileNumber=13900001234")
            .header("authorization", "ACS3-HMAC-SHA256 Credential=testid")
            .body("Secret=hidden");
        let text = format!("{request:?}");
        for value in ["13900001234", "testid", "hidden"] {
            assert!(!text.contains(value), "{text}");
        }
    }
}
