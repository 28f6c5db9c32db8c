//! V3, ACS3-HMAC-SHA256: the action and the signature are in headers.
//!
//! Source: Alibaba Cloud, "V3 request structure and signature"; the rules are repeated at each function.

use std::borrow::Cow;

use hmac::{Hmac, KeyInit, Mac};
use http::HeaderName;
use sha2::{Digest, Sha256};

use super::hex::{Hex, hex};
use crate::credentials::Credentials;

/// The name of the algorithm in the string to sign and in the `Authorization` header.
pub const ALGORITHM: &str = "ACS3-HMAC-SHA256";

/// The parts of a request that are signed.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The HTTP method in upper case.
    pub method: &'a str,
    /// The value of the `Host` header, with the port if it is not the default one.
    pub host: &'a str,
    /// The action.
    pub action: &'a str,
    /// The API version.
    pub version: &'a str,
    /// The percent-encoded path of the URL: `/` for the RPC style.
    pub path: &'a str,
    /// The canonical query of the URL, without `?`; see [`canonical_query`](super::canonical_query).
    pub query: &'a str,
    /// The body; empty if there is none.
    pub body: &'a [u8],
    /// The time, as [`timestamp`](super::timestamp) writes it.
    pub timestamp: &'a str,
    /// The nonce.
    pub nonce: &'a str,
    /// Further headers to sign, with names in lower case, in any order. The service requires a signature over every `x-acs-*`
    /// header; proxies may change others.
    pub headers: &'a [(&'a str, &'a str)],
}

/// A signature and its intermediate results.
#[derive(Clone)]
pub struct Signed {
    canonical_request: String,
    authorization: String,
    content_hash: Hex<64>,
    request_hash: Hex<64>,
    signature: Hex<64>,
}

impl Signed {
    /// The canonical request.
    pub fn canonical_request(&self) -> &str {
        &self.canonical_request
    }

    /// The string to sign.
    pub fn string_to_sign(&self) -> String {
        format!("{ALGORITHM}\n{}", self.request_hash.as_str())
    }

    /// The signature, in lower-case hexadecimal digits.
    pub fn signature(&self) -> &str {
        self.signature.as_str()
    }

    /// The headers to add to the request; the last one is `authorization`. They include neither `host`, which the HTTP client
    /// sends, nor the [further headers](Request::headers).
    pub fn headers<'a>(
        &'a self,
        request: &Request<'a>,
        credentials: &'a Credentials,
    ) -> impl Iterator<Item = (&'static HeaderName, &'a str)> {
        let headers = signed_headers(request, credentials, self.content_hash.as_str());
        headers.into_iter().flatten().chain([(&AUTHORIZATION, &*self.authorization)])
    }
}

// Evaluated at compile time.
static ACTION: HeaderName = HeaderName::from_static("x-acs-action");
static CONTENT_SHA256: HeaderName = HeaderName::from_static("x-acs-content-sha256");
static DATE: HeaderName = HeaderName::from_static("x-acs-date");
static SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-acs-security-token");
static SIGNATURE_NONCE: HeaderName = HeaderName::from_static("x-acs-signature-nonce");
static VERSION: HeaderName = HeaderName::from_static("x-acs-version");
static AUTHORIZATION: HeaderName = http::header::AUTHORIZATION;

/// Whether the value of a header must not be printed. This includes the hash, because a short body, such as a phone number,
/// can be found by trying all values.
pub(crate) fn is_sensitive(name: &HeaderName) -> bool {
    [&AUTHORIZATION, &SECURITY_TOKEN, &CONTENT_SHA256].contains(&name)
}

/// Whether the service requires a signature over the header.
pub(crate) fn is_signed(name: &str) -> bool {
    name.starts_with("x-acs-")
}

/// The signed headers except `host`, sorted by name as in the canonical request.
fn signed_headers<'a>(
    request: &Request<'a>,
    credentials: &'a Credentials,
    content_hash: &'a str,
) -> [Option<(&'static HeaderName, &'a str)>; 6] {
    [
        Some((&ACTION, request.action)),
        Some((&CONTENT_SHA256, content_hash)),
        Some((&DATE, request.timestamp)),
        credentials.security_token().map(|token| (&SECURITY_TOKEN, token)),
        Some((&SIGNATURE_NONCE, request.nonce)),
        Some((&VERSION, request.version)),
    ]
}

/// The headers of a request without a signature: action, version and time.
pub(crate) fn unsigned<'a>(
    action: &'a str,
    version: &'a str,
    timestamp: &'a str,
    nonce: &'a str,
) -> [(&'static HeaderName, &'a str); 4] {
    [(&ACTION, action), (&DATE, timestamp), (&SIGNATURE_NONCE, nonce), (&VERSION, version)]
}

/// Signs a request.
///
/// - Signed headers: `host`, the `x-acs-*` headers of the signature (with temporary credentials also
///   `x-acs-security-token`), and [`Request::headers`].
/// - Canonical request: method, path, canonical query, the signed headers sorted by name as `name:value`, an empty line,
///   their names joined by `;`, and the hash of the body.
/// - String to sign: the algorithm and the hash of the canonical request.
///
/// ```
/// use alibabacloud_runtime::Credentials;
/// use alibabacloud_runtime::sign::{acs3, canonical_query};
///
/// let request = acs3::Request {
///     method: "POST",
///     host: "cams.ap-southeast-1.aliyuncs.com",
///     action: "ChatappSyncPhoneNumber",
///     version: "2020-06-06",
///     path: "/",
///     query: &canonical_query([("CustSpaceId", "293483938849493")]),
///     body: b"",
///     timestamp: "2026-11-22T00:00:00Z",
///     nonce: "9b7a44b0-3be1-11e5-8c73-08002700c460",
///     headers: &[],
/// };
/// let signed = acs3::sign(&request, &Credentials::new("testid", "testsecret"));
/// assert_eq!(signed.signature(), "e337de39241e439f5cc50145fd07dcaa772543af0fc59754880c3a490f52cff7");
/// ```
pub fn sign(request: &Request<'_>, credentials: &Credentials) -> Signed {
    let content_hash = hex(&Sha256::digest(request.body));
    let (text, names) = canonical_request(request, credentials, content_hash.as_str());
    let request_hash = hex(&Sha256::digest(text.as_bytes()));
    let signature: Hex<64> = hex(&credentials.acs3_key().sign(request_hash.as_str()));
    let id = credentials.access_key_id();
    let mut authorization = String::with_capacity(id.len() + names.len() + 128);
    for part in [ALGORITHM, " Credential=", id, ",SignedHeaders=", &names, ",Signature=", signature.as_str()] {
        authorization.push_str(part);
    }
    Signed { canonical_request: text, authorization, content_hash, request_hash, signature }
}

/// The canonical request, and the names of the signed headers.
fn canonical_request(
    request: &Request<'_>,
    credentials: &Credentials,
    content_hash: &str,
) -> (String, Cow<'static, str>) {
    let own = signed_headers(request, credentials, content_hash);
    let values: usize = own.iter().flatten().map(|(_, value)| value.len()).sum();
    let further: usize = request.headers.iter().map(|(name, value)| 2 * name.len() + value.len() + 3).sum();
    let length = request.path.len() + request.query.len() + request.host.len() + values + further;
    let mut text = String::with_capacity(length + 400);
    for part in [request.method, "\n", request.path, "\n", request.query, "\n"] {
        text.push_str(part);
    }
    let names: Cow<'_, str> = if request.headers.is_empty() {
        // Most requests. Names that need neither be sorted nor joined save a tenth of the signature.
        text.push_str("host:");
        text.push_str(request.host.trim_ascii());
        for (line, header) in LINES.iter().zip(&own) {
            if let Some((_, value)) = header {
                text.push_str(line);
                text.push_str(value.trim_ascii());
            }
        }
        text.push('\n');
        if credentials.security_token().is_some() { NAMES_WITH_TOKEN } else { NAMES }.into()
    } else {
        let own = own.iter().flatten().map(|(name, value)| (name.as_str(), *value));
        let mut headers: Vec<_> = own.chain([("host", request.host)]).chain(request.headers.iter().copied()).collect();
        headers.sort_unstable();
        for (name, value) in &headers {
            text.extend([*name, ":", value.trim_ascii(), "\n"]);
        }
        let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
        names.join(";").into()
    };
    text.extend(["\n", &*names, "\n", content_hash]);
    (text, names)
}

/// The text before the value of each of the [`signed_headers`] in a canonical request without further headers.
const LINES: [&str; 6] = [
    "\nx-acs-action:",
    "\nx-acs-content-sha256:",
    "\nx-acs-date:",
    "\nx-acs-security-token:",
    "\nx-acs-signature-nonce:",
    "\nx-acs-version:",
];

/// The names of the signed headers of such a request.
const NAMES: &str = "host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version";
const NAMES_WITH_TOKEN: &str =
    "host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-security-token;x-acs-signature-nonce;x-acs-version";

/// A signing key whose HMAC state is computed once for all requests. Wiped when dropped.
#[derive(Clone)]
pub(crate) struct Key(Hmac<Sha256>);

impl Key {
    pub(crate) fn new(access_key_secret: &str) -> Self {
        Self(Hmac::new_from_slice(access_key_secret.as_bytes()).expect("HMAC takes keys of any length"))
    }

    /// Signs the string to sign of a canonical request with this hash.
    fn sign(&self, request_hash: &str) -> [u8; 32] {
        let mut mac = self.0.clone();
        for part in [ALGORITHM, "\n", request_hash] {
            mac.update(part.as_bytes());
        }
        mac.finalize().into_bytes().into()
    }
}

/// Prints no path, query or body, because they contain values of parameters.
impl std::fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request").field("host", &self.host).field("action", &self.action).finish_non_exhaustive()
    }
}

/// Prints no field, because they contain the access key ID, the signature and possibly a token.
impl std::fmt::Debug for Signed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signed").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A further header changes how the canonical request is written, and nothing of it but its own line and name.
    #[test]
    fn a_further_header_adds_a_line_and_a_name() {
        let request = Request {
            method: "POST",
            host: "example.com:8080",
            action: " Do ",
            version: "2020-06-06",
            path: "/",
            query: "a=1",
            body: b"b=2",
            timestamp: "2026-11-22T00:00:00Z",
            nonce: "nonce",
            headers: &[],
        };
        for credentials in [Credentials::new("id", "secret"), Credentials::temporary("id", "secret", "token", None)] {
            let plain = sign(&request, &credentials);
            let further = sign(&Request { headers: &[("z-last", " v ")], ..request }, &credentials);
            let expected = plain.canonical_request().replace("-version\n", "-version;z-last\n");
            let expected = expected.replace("x-acs-version:2020-06-06\n", "x-acs-version:2020-06-06\nz-last:v\n");
            assert_eq!(further.canonical_request(), expected);
            assert!(further.canonical_request().contains("x-acs-action:Do\n"));
            assert!(further.authorization.contains("-version;z-last,Signature="));
            assert!(plain.authorization.contains("-version,Signature="));
        }
    }
}
