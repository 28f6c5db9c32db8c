//! V3, ACS3-HMAC-SHA256: the action and the signature travel in headers.
//!
//! Source: Alibaba Cloud, "V3 request structure and signature"; the rules are repeated at each function.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::credentials::Credentials;

/// The name of the algorithm, as it stands in the string to sign and in the `Authorization` header.
pub const ALGORITHM: &str = "ACS3-HMAC-SHA256";

/// What is signed. The path is always `/`: the products of this SDK are RPC style.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The HTTP method in upper case.
    pub method: &'a str,
    /// The host as it stands in the `Host` header, with the port if it is not the default one.
    pub host: &'a str,
    /// The action.
    pub action: &'a str,
    /// The API version.
    pub version: &'a str,
    /// The canonical query of the URL, without `?`; see [`canonical_query`](super::canonical_query).
    pub query: &'a str,
    /// The body; empty if there is none.
    pub body: &'a [u8],
    /// The time, as [`timestamp`](super::timestamp) writes it.
    pub timestamp: &'a str,
    /// The nonce.
    pub nonce: &'a str,
}

/// The signed headers and what was computed on the way.
#[derive(Clone)]
pub struct Signed {
    /// The headers to send, `authorization` the last of them. `host` is not among them: the HTTP client sends it.
    pub headers: Vec<(&'static str, String)>,
    /// The canonical request.
    pub canonical_request: String,
    /// The string to sign.
    pub string_to_sign: String,
    /// The signature, in lower-case hexadecimal digits.
    pub signature: String,
}

/// Signs a request.
///
/// Signed are `host` and every `x-acs-*` header. Canonical request: method, path, canonical query, the signed headers sorted
/// by name as `name:value`, an empty line, their names joined by `;`, the hash of the body. String to sign: the algorithm and
/// the hash of the canonical request. Temporary credentials add `x-acs-security-token`.
///
/// ```
/// use alibabacloud_runtime::Credentials;
/// use alibabacloud_runtime::sign::{acs3, canonical_query};
///
/// let signed = acs3::sign(
///     &acs3::Request {
///         method: "POST",
///         host: "cams.ap-southeast-1.aliyuncs.com",
///         action: "ChatappSyncPhoneNumber",
///         version: "2020-06-06",
///         query: &canonical_query([("CustSpaceId", "293483938849493")]),
///         body: b"",
///         timestamp: "2026-11-22T00:00:00Z",
///         nonce: "9b7a44b0-3be1-11e5-8c73-08002700c460",
///     },
///     &Credentials::new("testid", "testsecret"),
/// );
/// assert_eq!(signed.signature, "e337de39241e439f5cc50145fd07dcaa772543af0fc59754880c3a490f52cff7");
/// ```
pub fn sign(request: &Request<'_>, credentials: &Credentials) -> Signed {
    let body_hash = hex(&Sha256::digest(request.body));
    // In the order of their names, as the canonical request wants them.
    let mut headers = vec![
        ("x-acs-action", request.action.to_owned()),
        ("x-acs-content-sha256", body_hash.clone()),
        ("x-acs-date", request.timestamp.to_owned()),
    ];
    headers.extend(credentials.security_token().map(|token| ("x-acs-security-token", token.to_owned())));
    headers.push(("x-acs-signature-nonce", request.nonce.to_owned()));
    headers.push(("x-acs-version", request.version.to_owned()));

    let mut canonical_request = format!("{}\n/\n{}\nhost:{}\n", request.method, request.query, request.host.trim());
    for (name, value) in &headers {
        // Writing to a string cannot fail.
        let _ = writeln!(canonical_request, "{name}:{}", value.trim());
    }
    let names = headers.iter().fold("host".to_owned(), |names, (name, _)| names + ";" + name);
    let _ = write!(canonical_request, "\n{names}\n{body_hash}");

    let string_to_sign = format!("{ALGORITHM}\n{}", hex(&Sha256::digest(canonical_request.as_bytes())));
    let signature = hex(&hmac(credentials.access_key_secret(), &string_to_sign));
    let id = credentials.access_key_id();
    headers.push(("authorization", format!("{ALGORITHM} Credential={id},SignedHeaders={names},Signature={signature}")));
    Signed { headers, canonical_request, string_to_sign, signature }
}

fn hmac(key: &str, text: &str) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            out.push(char::from_digit(u32::from(digit), 16).unwrap_or_default());
        }
    }
    out
}

/// Query and body hold the values of parameters: they are not printed.
impl std::fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request").field("host", &self.host).field("action", &self.action).finish_non_exhaustive()
    }
}

/// The headers hold the key's ID, a token and the signature: only names are printed.
impl std::fmt::Debug for Signed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Signed").field("headers", &names).finish_non_exhaustive()
    }
}
