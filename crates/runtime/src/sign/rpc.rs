//! RPC V1: HMAC-SHA1 over all parameters, which travel in the query or in the form body.
//!
//! Source: Alibaba Cloud, "Signature mechanism (V1)" of the RPC style; the rules are repeated at each function.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::percent::{encode_to, join_twice};
use crate::credentials::Credentials;

/// The parameters that every RPC V1 request carries beside the action's own, without the signature.
///
/// `Format=JSON` is among them because the service answers in XML otherwise; `SecurityToken` is there when the
/// credentials are temporary.
pub fn common_parameters<'a>(
    action: &'a str,
    version: &'a str,
    credentials: &'a Credentials,
    timestamp: &'a str,
    nonce: &'a str,
) -> Vec<(&'a str, &'a str)> {
    common(action, version, credentials, timestamp, nonce).collect()
}

/// The common parameters, sorted by name.
pub(crate) fn common<'a>(
    action: &'a str,
    version: &'a str,
    credentials: &'a Credentials,
    timestamp: &'a str,
    nonce: &'a str,
) -> impl Iterator<Item = (&'a str, &'a str)> + Clone {
    let parameters = [
        Some(("AccessKeyId", credentials.access_key_id())),
        Some(("Action", action)),
        Some(("Format", "JSON")),
        credentials.security_token().map(|token| ("SecurityToken", token)),
        Some(("SignatureMethod", "HMAC-SHA1")),
        Some(("SignatureNonce", nonce)),
        Some(("SignatureVersion", "1.0")),
        Some(("Timestamp", timestamp)),
        Some(("Version", version)),
    ];
    parameters.into_iter().flatten()
}

/// The string to sign: `METHOD&%2F&` and the canonical query, percent-encoded a second time.
///
/// The canonical query is over the union of the parameters in the query and in the form body.
pub fn string_to_sign(method: &str, canonical_query: &str) -> String {
    // Every third character of an encoded text is a `%` at the worst.
    let mut out = String::with_capacity(canonical_query.len() * 5 / 3 + method.len() + 5);
    out.push_str(method);
    out.push_str("&%2F&");
    encode_to(&mut out, canonical_query);
    out
}

/// The signature: Base64 of the HMAC-SHA1 of the string to sign; the key is the secret followed by `&`.
pub fn signature(access_key_secret: &str, string_to_sign: &str) -> String {
    Key::new(access_key_secret).sign(string_to_sign).as_str().to_owned()
}

/// The key of a signature, ready for use: its schedule is computed once for all requests. Wiped when dropped.
#[derive(Clone)]
pub(crate) struct Key(Hmac<Sha1>);

impl Key {
    pub(crate) fn new(access_key_secret: &str) -> Self {
        let key = zeroize::Zeroizing::new([access_key_secret.as_bytes(), b"&"].concat());
        Self(Hmac::new_from_slice(&key).expect("HMAC takes keys of any length"))
    }

    pub(crate) fn sign(&self, string_to_sign: &str) -> Signature {
        let mut mac = self.0.clone();
        mac.update(string_to_sign.as_bytes());
        let mut text = [0; 28];
        let length = BASE64_STANDARD.encode_slice(mac.finalize().into_bytes(), &mut text);
        debug_assert_eq!(length, Ok(28), "20 bytes are 28 digits");
        Signature(text)
    }
}

/// A signature in Base64.
pub(crate) struct Signature([u8; 28]);

impl Signature {
    pub(crate) fn as_str(&self) -> &str {
        // They are digits, so they are text.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Signs parameters: the canonical query and the signature that belongs to it.
///
/// `parameters` are all of them, those of [`common_parameters`] included, in any order. The canonical query, followed by
/// `&Signature=` and the percent-encoded signature, is the finished form body (or query).
///
/// ```
/// use alibabacloud_runtime::Credentials;
/// use alibabacloud_runtime::sign::rpc;
///
/// let credentials = Credentials::new("testid", "testsecret");
/// let mut parameters = rpc::common_parameters(
///     "ChatappSyncPhoneNumber",
///     "2020-06-06",
///     &credentials,
///     "2026-11-22T00:00:00Z",
///     "9b7a44b0-3be1-11e5-8c73-08002700c460",
/// );
/// parameters.push(("CustSpaceId", "293483938849493"));
/// let (_, signature) = rpc::sign("POST", parameters, "testsecret");
/// assert_eq!(signature, "20J3TJveEfUpYwTgzNqwDNKF4Q4=");
/// ```
pub fn sign<'a>(
    method: &str,
    parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
    access_key_secret: &str,
) -> (String, String) {
    let (query, signature) = sign_with(&Key::new(access_key_secret), method, parameters.into_iter().collect());
    (query, signature.as_str().to_owned())
}

/// As [`sign`], with a key that is ready for use. The canonical query has room for `&Signature=` and the signature.
pub(crate) fn sign_with(key: &Key, method: &str, mut parameters: Vec<(&str, &str)>) -> (String, Signature) {
    parameters.sort_unstable();
    let length: usize = parameters.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
    let mut query = String::with_capacity(length + 11 + 28 * 3);
    let mut to_sign = String::with_capacity(method.len() + 5 + length + parameters.len() * 6);
    to_sign.push_str(method);
    to_sign.push_str("&%2F&");
    join_twice(&mut query, &mut to_sign, &parameters);
    let signature = key.sign(&to_sign);
    (query, signature)
}
