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
fn every_common_encoding_is_decoded_in_order() {
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
fn padding_is_ignored_and_an_incomplete_body_is_an_error() {
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
fn a_response_is_decoded_completely() {
    let answer = http::Response::builder().header(CONTENT_ENCODING, "gzip").body(gzip(TEXT).into()).unwrap();
    assert_eq!(decode_content(answer).unwrap().body(), TEXT);
    let answer = http::Response::builder().header(CONTENT_ENCODING, "br").body(gzip(TEXT).into()).unwrap();
    let error = decode_content(answer).unwrap_err();
    assert!(!error.is_not_sent() && error.to_string().contains("`br`"), "{error}");
}

#[test]
fn a_decoded_response_has_no_headers_of_the_encoded_one() {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_ENCODING, "gzip".parse().unwrap());
    headers.insert(CONTENT_LENGTH, 5.into());
    decode(&mut headers, &gzip(TEXT).into()).unwrap().unwrap();
    assert!(headers.is_empty());
}

#[test]
fn a_response_that_becomes_too_large_is_refused_at_the_limit() {
    let zeros = vec![0; MAX_RESPONSE_BYTES];
    assert_eq!(decoded(&["gzip"], gzip(&zeros)).unwrap().len(), MAX_RESPONSE_BYTES);
    let bomb = gzip(&vec![0; MAX_RESPONSE_BYTES + 1]);
    assert!(bomb.len() < 1 << 17);
    let error = decoded(&["gzip"], bomb.clone()).unwrap_err();
    assert!(error.contains("more than 16777216 bytes"), "{error}");
    decoded(&["gzip, gzip"], gzip(&bomb)).unwrap_err();
}

#[test]
fn an_invalid_body_is_an_error_that_quotes_no_content() {
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
