//! The content encodings of a response. Proxies compress responses even if the client has not requested it.

use std::io::{self, Read};

use bytes::Bytes;
use flate2::bufread::GzDecoder;
use flate2::read::{DeflateDecoder, ZlibDecoder};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};

use super::{MAX_RESPONSE_BYTES, TransportError};

/// The maximum number of encodings, more than are used in practice.
const MOST_CODINGS: usize = 2;

/// Decodes the content encodings `gzip` and `deflate` of a response, for code that uses a
/// [`Transport`](super::Transport) without a client. A client decodes them itself.
///
/// # Errors
/// If an encoding is unknown, the body does not match its headers, or it becomes larger than [`MAX_RESPONSE_BYTES`].
pub fn decode_content(answer: http::Response<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
    let (mut parts, body) = answer.into_parts();
    let decoded = decode(&mut parts.headers, &body).map_err(TransportError::unanswered)?;
    Ok(http::Response::from_parts(parts, decoded.unwrap_or(body)))
}

/// Decodes the encodings in the headers, and removes the headers that no longer apply. Returns `None` if there are
/// none.
///
/// # Errors
/// If an encoding is unknown, the body is invalid, or it becomes larger than [`MAX_RESPONSE_BYTES`]. The message quotes
/// only the name of the encoding.
pub(crate) fn decode(headers: &mut HeaderMap, body: &Bytes) -> Result<Option<Bytes>, String> {
    if !headers.contains_key(CONTENT_ENCODING) {
        return Ok(None);
    }
    let mut body = body.clone();
    let mut codings = Vec::new();
    for value in headers.get_all(CONTENT_ENCODING) {
        let text = value.to_str().map_err(|_| "the response has a content encoding that is not text".to_owned())?;
        codings.extend(text.split(',').map(|coding| coding.trim().to_ascii_lowercase()));
    }
    codings.retain(|coding| !coding.is_empty() && coding != "identity");
    if codings.len() > MOST_CODINGS {
        return Err(format!(
            "the response has {} content encodings; at most {MOST_CODINGS} are supported",
            codings.len()
        ));
    }
    // In reverse order of their application. An empty body needs no decoding.
    for coding in codings.iter().rev() {
        if body.is_empty() {
            break;
        }
        let decoded = match coding.as_str() {
            "gzip" | "x-gzip" => gunzip(&body),
            // The standard requires a zlib header; some servers send none.
            "deflate" if body[0] & 0x0f == 8 => read(ZlibDecoder::new(&body[..])),
            "deflate" => read(DeflateDecoder::new(&body[..])),
            _ => {
                let name: String = coding.chars().filter(char::is_ascii_alphanumeric).take(16).collect();
                return Err(format!(
                    "the response is encoded as `{name}`, which was not requested and is not supported"
                ));
            }
        };
        let decoded = decoded.map_err(|error| format!("the response cannot be decoded as `{coding}`: {error}"))?;
        body = decoded.ok_or_else(|| format!("the response decodes to more than {MAX_RESPONSE_BYTES} bytes"))?;
    }
    headers.remove(CONTENT_ENCODING);
    headers.remove(CONTENT_LENGTH);
    Ok(Some(body))
}

/// The content of all members of a `gzip` file; `None` if it is too large.
fn gunzip(mut rest: &[u8]) -> io::Result<Option<Bytes>> {
    let mut content = Vec::new();
    loop {
        let mut member = GzDecoder::new(rest);
        let left = MAX_RESPONSE_BYTES + 1 - content.len();
        (&mut member).take(left as u64).read_to_end(&mut content)?;
        if content.len() > MAX_RESPONSE_BYTES {
            return Ok(None);
        }
        rest = member.into_inner();
        // Anything else after a member is padding, which the program `gzip` ignores too.
        if !rest.starts_with(&[0x1f, 0x8b]) {
            return Ok(Some(content.into()));
        }
    }
}

/// The whole output of a decoder; `None` if it is too large.
fn read(decoder: impl Read) -> io::Result<Option<Bytes>> {
    let mut content = Vec::new();
    decoder.take(MAX_RESPONSE_BYTES as u64 + 1).read_to_end(&mut content)?;
    Ok((content.len() <= MAX_RESPONSE_BYTES).then(|| content.into()))
}

#[cfg(test)]
mod tests;
