//! The content codings of an answer: servers in between compress, whether they are asked to or not.

use std::io::{self, Read};

use bytes::Bytes;
use flate2::bufread::GzDecoder;
use flate2::read::{DeflateDecoder, ZlibDecoder};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};

use super::{MAX_ANSWER_BYTES, TransportError};

/// More codings than anyone applies.
const MOST_CODINGS: usize = 2;

/// Undoes the content codings of an answer, `gzip` and `deflate`, for whoever uses a [`Transport`](super::Transport) without a client. A
/// client undoes them itself.
///
/// # Errors
/// If a coding is not known, the body is not what its headers say, or it becomes larger than [`MAX_ANSWER_BYTES`].
pub fn decode_content(answer: http::Response<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
    let (mut parts, body) = answer.into_parts();
    let decoded = decode(&mut parts.headers, &body).map_err(TransportError::unanswered)?;
    Ok(http::Response::from_parts(parts, decoded.unwrap_or(body)))
}

/// Undoes the codings that the headers name, and removes the headers that no longer hold. Returns `None` if there are none.
///
/// # Errors
/// If a coding is not known, the body is not what it should be, or it becomes larger than [`MAX_ANSWER_BYTES`]. The text is for
/// the caller and quotes nothing but the name of the coding.
pub(crate) fn decode(headers: &mut HeaderMap, body: &Bytes) -> Result<Option<Bytes>, String> {
    if !headers.contains_key(CONTENT_ENCODING) {
        return Ok(None);
    }
    let mut body = body.clone();
    let mut codings = Vec::new();
    for value in headers.get_all(CONTENT_ENCODING) {
        let text = value.to_str().map_err(|_| "the response has a content coding that is not text".to_owned())?;
        codings.extend(text.split(',').map(|coding| coding.trim().to_ascii_lowercase()));
    }
    codings.retain(|coding| !coding.is_empty() && coding != "identity");
    if codings.len() > MOST_CODINGS {
        return Err(format!("the response is encoded {} times", codings.len()));
    }
    // The last one was applied last. A response without a body has nothing to decode.
    for coding in codings.iter().rev() {
        if body.is_empty() {
            break;
        }
        let decoded = match coding.as_str() {
            "gzip" | "x-gzip" => gunzip(&body),
            // With the header of zlib, as the standard says, or without it, as some servers do.
            "deflate" if body[0] & 0x0f == 8 => read(ZlibDecoder::new(&body[..])),
            "deflate" => read(DeflateDecoder::new(&body[..])),
            _ => {
                let name: String = coding.chars().filter(char::is_ascii_alphanumeric).take(16).collect();
                return Err(format!(
                    "the response is encoded as `{name}`, which was not asked for and is not supported"
                ));
            }
        };
        let decoded = decoded.map_err(|error| format!("the response cannot be decoded as `{coding}`: {error}"))?;
        body = decoded.ok_or_else(|| format!("the response decodes to more than {MAX_ANSWER_BYTES} bytes"))?;
    }
    headers.remove(CONTENT_ENCODING);
    headers.remove(CONTENT_LENGTH);
    Ok(Some(body))
}

/// The content of all members of a `gzip` file; `None` if it is too much.
fn gunzip(mut rest: &[u8]) -> io::Result<Option<Bytes>> {
    let mut content = Vec::new();
    loop {
        let mut member = GzDecoder::new(rest);
        let left = MAX_ANSWER_BYTES + 1 - content.len();
        (&mut member).take(left as u64).read_to_end(&mut content)?;
        if content.len() > MAX_ANSWER_BYTES {
            return Ok(None);
        }
        rest = member.into_inner();
        // What follows a member and is none is padding, which `gzip` itself ignores, too.
        if !rest.starts_with(&[0x1f, 0x8b]) {
            return Ok(Some(content.into()));
        }
    }
}

/// Everything that comes out of a decoder; `None` if it is too much.
fn read(decoder: impl Read) -> io::Result<Option<Bytes>> {
    let mut content = Vec::new();
    decoder.take(MAX_ANSWER_BYTES as u64 + 1).read_to_end(&mut content)?;
    Ok((content.len() <= MAX_ANSWER_BYTES).then(|| content.into()))
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::read::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    const TEXT: &[u8] = br#"{"Code":"OK","RequestId":"r"}"#;

    fn all(mut encoder: impl Read) -> Vec<u8> {
        let mut out = Vec::new();
        encoder.read_to_end(&mut out).unwrap();
        out
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        all(GzEncoder::new(bytes, Compression::fast()))
    }

    fn decoded(codings: &[&'static str], body: Vec<u8>) -> Result<Bytes, String> {
        let mut headers = HeaderMap::new();
        for coding in codings {
            headers.append(CONTENT_ENCODING, coding.parse().unwrap());
        }
        let body = Bytes::from(body);
        Ok(decode(&mut headers, &body)?.unwrap_or(body))
    }

    #[test]
    fn every_usual_coding_is_undone_in_order() {
        let halves = [gzip(&TEXT[..5]), gzip(&TEXT[5..])].concat();
        for (codings, body) in [
            (&["gzip"][..], gzip(TEXT)),
            (&["GZIP"], gzip(TEXT)),
            (&["x-gzip"], gzip(TEXT)),
            (&["gzip"], halves),
            (&["identity, gzip"], gzip(TEXT)),
            (&["gzip, gzip"], gzip(&gzip(TEXT))),
            (&["gzip", "deflate"], all(ZlibEncoder::new(&gzip(TEXT)[..], Compression::fast()))),
            (&["deflate"], all(ZlibEncoder::new(TEXT, Compression::fast()))),
            (&["deflate"], all(DeflateEncoder::new(TEXT, Compression::fast()))),
            (&["identity"], TEXT.to_vec()),
            (&[], TEXT.to_vec()),
        ] {
            assert_eq!(decoded(codings, body).unwrap(), TEXT, "{codings:?}");
        }
        assert_eq!(decoded(&["gzip"], Vec::new()).unwrap(), &b""[..]);
    }

    #[test]
    fn what_follows_a_whole_body_is_ignored_and_what_is_cut_is_not() {
        for surplus in [&[0; 512][..], b"surplus", b"\x1f", b"\r\n"] {
            for (coding, body) in [
                ("gzip", gzip(TEXT)),
                ("gzip", [gzip(&TEXT[..5]), gzip(&TEXT[5..])].concat()),
                ("deflate", all(ZlibEncoder::new(TEXT, Compression::fast()))),
                ("deflate", all(DeflateEncoder::new(TEXT, Compression::fast()))),
            ] {
                assert_eq!(decoded(&[coding], [&body, surplus].concat()).unwrap(), TEXT, "{coding} {surplus:?}");
            }
        }
        for end in 1..20 {
            let mut cut = gzip(TEXT);
            cut.truncate(cut.len() - end);
            decoded(&["gzip"], cut).unwrap_err();
        }
        let second_cut = [gzip(&TEXT[..5]), gzip(&TEXT[5..])[..12].to_vec()].concat();
        decoded(&["gzip"], second_cut).unwrap_err();
    }

    #[test]
    fn an_answer_is_decoded_as_a_whole() {
        let answer = http::Response::builder().header(CONTENT_ENCODING, "gzip").body(gzip(TEXT).into()).unwrap();
        assert_eq!(decode_content(answer).unwrap().body(), TEXT);
        let answer = http::Response::builder().header(CONTENT_ENCODING, "br").body(gzip(TEXT).into()).unwrap();
        let error = decode_content(answer).unwrap_err();
        assert!(!error.is_not_sent() && error.to_string().contains("`br`"), "{error}");
    }

    #[test]
    fn a_decoded_answer_has_no_headers_of_the_encoded_one() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, "gzip".parse().unwrap());
        headers.insert(CONTENT_LENGTH, 5.into());
        decode(&mut headers, &gzip(TEXT).into()).unwrap().unwrap();
        assert!(headers.is_empty());
    }

    #[test]
    fn a_small_answer_that_becomes_too_large_is_refused_at_the_limit() {
        let zeros = vec![0; MAX_ANSWER_BYTES];
        assert_eq!(decoded(&["gzip"], gzip(&zeros)).unwrap().len(), MAX_ANSWER_BYTES);
        let bomb = gzip(&vec![0; MAX_ANSWER_BYTES + 1]);
        assert!(bomb.len() < 1 << 17);
        let error = decoded(&["gzip"], bomb.clone()).unwrap_err();
        assert!(error.contains("more than 16777216 bytes"), "{error}");
        decoded(&["gzip, gzip"], gzip(&bomb)).unwrap_err();
    }

    #[test]
    fn what_is_not_what_it_says_is_an_error_that_quotes_no_content() {
        let cut = gzip(TEXT)[..20].to_vec();
        for (codings, body) in [
            (&["gzip"][..], b"CANARY".to_vec()),
            (&["gzip"], cut),
            (&["deflate"], b"\xff\xffCANARY".to_vec()),
            (&["br"], b"CANARY".to_vec()),
            (&["gzip, gzip, gzip"], gzip(&gzip(&gzip(TEXT)))),
        ] {
            let error = decoded(codings, body).unwrap_err();
            assert!(!error.contains("CANARY"), "{error}");
        }
    }
}
