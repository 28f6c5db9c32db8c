//! Computes the valid signature of both schemes from the request alone.
//!
//! It deliberately shares no code with a client's signer, because a common mistake would go unnoticed. It is written to
//! be compared line by line with the published rules.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::request::{Pair, Place};

/// How a request is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// RPC V1: HMAC-SHA1 over the parameters of query and form body, in the parameter `Signature`.
    RpcV1,
    /// V3, ACS3-HMAC-SHA256: over query, headers and the hash of the body, in the header `Authorization`.
    Acs3,
    /// Neither an `Authorization: ACS3-…` header nor a parameter `Signature`.
    Unsigned,
}

// Signatures are compared with `==` in this crate. A comparison in constant time is not needed, because the keys are
// not secret and only this machine can send requests.

/// The RPC V1 signature in base64. The parameter `Signature` itself is excluded.
pub(crate) fn rpc_v1(method: &str, pairs: &[Pair<'_>], secret: &str) -> String {
    let signed = pairs.iter().filter(|pair| *pair.name != *b"Signature");
    let canonical = canonical_query(signed);
    let string_to_sign = format!("{method}&%2F&{}", percent_encode(canonical.as_bytes()));
    let mut mac = Hmac::<Sha1>::new_from_slice(format!("{secret}&").as_bytes()).expect("HMAC takes keys of any length");
    mac.update(string_to_sign.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

/// The signed content of V3.
pub(crate) struct Acs3<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    /// All parameters. Those of the form body are covered by the hash of the body and excluded from the canonical
    /// query.
    pub(crate) pairs: &'a [Pair<'a>],
    /// Names and trimmed values of the signed headers, in the order of `SignedHeaders`.
    pub(crate) headers: &'a [(&'a str, Cow<'a, str>)],
    /// The hash of the body in lower-case hex.
    pub(crate) body_hash: &'a str,
}

impl Acs3<'_> {
    /// The V3 signature in lower-case hex.
    pub(crate) fn signature(&self, secret: &str) -> String {
        let in_query = self.pairs.iter().filter(|pair| pair.place == Place::Query);
        let query = canonical_query(in_query);
        let lines: Vec<String> = self.headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| *name).collect();
        let canonical_request =
            [self.method, self.path, &query, &lines.concat(), &names.join(";"), self.body_hash].join("\n");
        let string_to_sign = format!("ACS3-HMAC-SHA256\n{}", sha256_hex(canonical_request.as_bytes()));
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
        mac.update(string_to_sign.as_bytes());
        hex(&mac.finalize().into_bytes())
    }
}

/// The header `Authorization: <algorithm> Credential=…,SignedHeaders=…,Signature=…`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Authorization<'a> {
    pub(crate) algorithm: &'a str,
    pub(crate) key_id: &'a str,
    pub(crate) signed_headers: Vec<&'a str>,
    pub(crate) signature: &'a str,
}

impl<'a> Authorization<'a> {
    /// Parses the value of the header strictly: one blank after the algorithm, none after the commas, this order, no
    /// empty part.
    pub(crate) fn parse(value: &'a str) -> Option<Self> {
        let (algorithm, rest) = value.split_once(' ')?;
        let mut parts = rest.split(',');
        let key_id = parts.next()?.strip_prefix("Credential=")?;
        let signed_headers = parts.next()?.strip_prefix("SignedHeaders=")?;
        let signature = parts.next()?.strip_prefix("Signature=")?;
        let complete = parts.next().is_none() && !key_id.is_empty() && !signature.is_empty();
        complete.then(|| Self { algorithm, key_id, signed_headers: signed_headers.split(';').collect(), signature })
    }
}

/// SHA-256 in lower-case hex.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

/// `name=value` joined by `&`, encoded, sorted by the encoded name and then by the encoded value.
fn canonical_query<'a>(pairs: impl Iterator<Item = &'a Pair<'a>>) -> String {
    let mut encoded: Vec<_> = pairs.map(|pair| (percent_encode(&pair.name), percent_encode(&pair.value))).collect();
    encoded.sort();
    let mut query = String::new();
    for (name, value) in &encoded {
        let separator = if query.is_empty() { "" } else { "&" };
        query.extend([separator, name, "=", value]);
    }
    query
}

/// Encodes everything except `A-Z a-z 0-9 - _ . ~` as upper-case `%XX`.
fn percent_encode(bytes: &[u8]) -> Cow<'_, str> {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let is_unreserved = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    if let Ok(text) = std::str::from_utf8(bytes)
        && bytes.iter().all(is_unreserved)
    {
        return text.into();
    }
    let mut encoded = String::with_capacity(2 * bytes.len());
    for &byte in bytes {
        if is_unreserved(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(char::from(HEX[usize::from(byte >> 4)]));
            encoded.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    encoded.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn vectors() -> Vec<Value> {
        serde_json::from_str(include_str!("../tests/vectors.json")).expect("the file is JSON")
    }

    fn pairs(vector: &Value) -> Vec<Pair<'_>> {
        let parameters = vector["parameters"].as_object().expect("an object").iter();
        let texts = parameters.map(|(name, value)| (name.as_bytes(), value.as_str().expect("a string").as_bytes()));
        texts.map(|(name, value)| Pair { name: name.into(), value: value.into(), place: Place::Query }).collect()
    }

    #[test]
    fn every_published_vector_verifies() {
        let (mut v1, mut v3) = (0, 0);
        for vector in vectors() {
            let text = |key: &str| vector[key].as_str().unwrap_or_else(|| panic!("{key} in {vector}"));
            let pairs = pairs(&vector);
            assert_eq!(canonical_query(pairs.iter()), text("canonical_query"), "{}", text("name"));
            let signature = if text("scheme") == "rpc-v1" {
                v1 += 1;
                rpc_v1(text("method"), &pairs, text("access_key_secret"))
            } else {
                v3 += 1;
                let mut headers: Vec<(&str, Cow<'_, str>)> = vector["headers"]
                    .as_object()
                    .expect("an object")
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_str().expect("text").into()))
                    .collect();
                headers.sort();
                let request = Acs3 {
                    method: text("method"),
                    path: "/",
                    pairs: &pairs,
                    headers: &headers,
                    body_hash: &sha256_hex(b""),
                };
                request.signature(text("access_key_secret"))
            };
            assert_eq!(signature, text("signature"), "{}", text("name"));
        }
        assert_eq!((v1, v3), (5, 5), "vectors of each scheme");
    }

    #[test]
    fn an_authorization_header_is_read_strictly() {
        let good = "ACS3-HMAC-SHA256 Credential=id,SignedHeaders=host;x-acs-date,Signature=00";
        let parsed = Authorization::parse(good).expect("well formed");
        assert_eq!(parsed.key_id, "id");
        assert_eq!(parsed.signed_headers, ["host", "x-acs-date"]);
        for bad in [
            "",
            "ACS3-HMAC-SHA256",
            "ACS3-HMAC-SHA256 Credential=id",
            "ACS3-HMAC-SHA256 Credential=id,SignedHeaders=host",
            "ACS3-HMAC-SHA256 Credential=id, SignedHeaders=host, Signature=00",
            "ACS3-HMAC-SHA256  Credential=id,SignedHeaders=host,Signature=00",
            "ACS3-HMAC-SHA256 SignedHeaders=host,Credential=id,Signature=00",
            "ACS3-HMAC-SHA256 Credential=,SignedHeaders=host,Signature=00",
            "ACS3-HMAC-SHA256 Credential=id,SignedHeaders=host,Signature=",
            "ACS3-HMAC-SHA256 Credential=id,SignedHeaders=host,Signature=00,More=1",
        ] {
            assert_eq!(Authorization::parse(bad), None, "{bad}");
        }
    }
}
