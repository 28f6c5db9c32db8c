//! RPC V1: HMAC-SHA1 over all parameters in the query and the form body.
//!
//! Source: Alibaba Cloud, "Signature mechanism (V1)" of the RPC style; the rules are repeated at each function.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::percent::{Twice, encode_to};
use crate::credentials::Credentials;

/// The parameters that every RPC V1 request has in addition to those of the action, without the signature.
///
/// They include `Format=JSON`, because the service responds in XML otherwise, and `SecurityToken` if the credentials are
/// temporary.
pub fn common_parameters<'a>(
    action: &'a str,
    version: &'a str,
    credentials: &'a Credentials,
    timestamp: &'a str,
    nonce: &'a str,
) -> Vec<(&'a str, &'a str)> {
    common(action, version, credentials, timestamp, nonce).iter().flatten().map(Common::pair).collect()
}

/// A common parameter, with its name as written in the canonical query and, percent-encoded, in the string to sign.
pub(crate) struct Common<'a> {
    once: &'static str,
    twice: &'static str,
    value: &'a str,
    /// Whether the value consists of unreserved characters.
    is_plain: bool,
}

impl<'a> Common<'a> {
    pub(crate) fn pair(&self) -> (&'a str, &'a str) {
        (&self.once[1..self.once.len() - 1], self.value)
    }
}

/// The common parameters, sorted by name. The nonce consists of unreserved characters.
pub(crate) fn common<'a>(
    action: &'a str,
    version: &'a str,
    credentials: &'a Credentials,
    timestamp: &'a str,
    nonce: &'a str,
) -> [Option<Common<'a>>; 9] {
    macro_rules! common {
        ($name:literal, $value:expr, $is_plain:literal) => {
            Common {
                once: concat!("&", $name, "="),
                twice: concat!("%26", $name, "%3D"),
                value: $value,
                is_plain: $is_plain,
            }
        };
    }
    [
        Some(common!("AccessKeyId", credentials.access_key_id(), false)),
        Some(common!("Action", action, false)),
        Some(common!("Format", "JSON", true)),
        credentials.security_token().map(|token| common!("SecurityToken", token, false)),
        Some(common!("SignatureMethod", "HMAC-SHA1", true)),
        Some(common!("SignatureNonce", nonce, true)),
        Some(common!("SignatureVersion", "1.0", true)),
        Some(common!("Timestamp", timestamp, false)),
        Some(common!("Version", version, false)),
    ]
}

/// The string to sign: `METHOD&%2F&` and the canonical query, percent-encoded a second time.
///
/// The canonical query contains the parameters of the query and of the form body.
pub fn string_to_sign(method: &str, canonical_query: &str) -> String {
    // At most every third character of an encoded text is a `%`.
    let mut out = String::with_capacity(canonical_query.len() * 5 / 3 + method.len() + 5);
    out.push_str(method);
    out.push_str("&%2F&");
    encode_to(&mut out, canonical_query);
    out
}

/// The signature: the HMAC-SHA1 of the string to sign, in Base64. The key is the secret followed by `&`.
pub fn signature(access_key_secret: &str, string_to_sign: &str) -> String {
    Key::new(access_key_secret).sign(string_to_sign).as_str().to_owned()
}

/// A signing key whose HMAC state is computed once for all requests. Wiped when dropped.
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
        // Always ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Signs parameters. Returns the canonical query and its signature.
///
/// `parameters` contains all parameters, including those of [`common_parameters`], in any order. The canonical query,
/// followed by `&Signature=` and the percent-encoded signature, is the complete form body (or query).
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
    let (query, signature) = sign_with(&Key::new(access_key_secret), method, &[], parameters.into_iter().collect());
    (query, signature.as_str().to_owned())
}

/// Signs the parameters of an action and the common ones, which are sorted or absent. The canonical query has capacity for
/// `&Signature=` and the signature.
pub(crate) fn sign_with(
    key: &Key,
    method: &str,
    common: &[Option<Common<'_>>],
    mut parameters: Vec<(&str, &str)>,
) -> (String, Signature) {
    parameters.sort_unstable();
    let length: usize = common.iter().flatten().map(|common| common.once.len() + common.value.len() + 2).sum();
    let length: usize = length + parameters.iter().map(|(name, value)| name.len() + value.len() + 4).sum::<usize>();
    let mut to_sign = String::with_capacity(method.len() + 5 + length + (common.len() + parameters.len()) * 6);
    to_sign.push_str(method);
    to_sign.push_str("&%2F&");
    let mut query = Twice { once: String::with_capacity(length + 11 + 28 * 3), twice: to_sign };
    let mut parameters = parameters.into_iter().peekable();
    for common in common.iter().flatten() {
        while let Some((name, value)) = parameters.next_if(|pair| *pair < common.pair()) {
            query.push(name, value);
        }
        query.push_known(common.once, common.twice, common.value, common.is_plain);
    }
    for (name, value) in parameters {
        query.push(name, value);
    }
    let signature = key.sign(&query.twice);
    (query.once, signature)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

        /// Names sort before, between and after the common ones, and may be equal to one of them.
        #[test]
        fn the_common_parameters_are_signed_like_all_others(
            own in prop::collection::vec(("[A-Z]?(ction|ignName|ignatureNonce|ersion|é|)(\\.[0-9])?", "[ -~é]{0,8}"), 0..12),
            id in "[!-~]{1,24}",
            token in prop::option::of("[!-~]{1,24}"),
            action in "[A-Za-z é]{1,12}",
        ) {
            let credentials = match token {
                Some(token) => Credentials::temporary(id, "testsecret", token, None),
                None => Credentials::new(id, "testsecret"),
            };
            let common = common(&action, "2020-06-06", &credentials, "2026-11-22T00:00:00Z", "0123456789abcdef");
            let own = || own.iter().map(|(name, value)| (&**name, &**value));
            let key = credentials.rpc_key();
            let (query, signature) = sign_with(key, "POST", &common, own().collect());
            let all = own().chain(common.iter().flatten().map(Common::pair));
            let (expected, expected_signature) = sign("POST", all, "testsecret");
            prop_assert_eq!(query, expected);
            prop_assert_eq!(signature.as_str(), expected_signature);
        }
    }
}
