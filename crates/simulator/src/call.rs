//! Reads a request as the call of an action: its scheme, its action, and its sender, whose signature it verifies.

use std::borrow::Cow;

use alibabacloud_runtime::descriptor::{ActionDescriptor, ParameterDescriptor, ParameterLocation};
use http::header::{AUTHORIZATION, HOST};

use crate::log::Parameter;
use crate::refusal::Refusal;
use crate::request::{Pair, Place, Request};
use crate::route;
use crate::signature::{Acs3, Authorization, Scheme, rpc_v1, sha256_hex};

const CONTENT_HASH: &str = "x-acs-content-sha256";
const OURS: &str = "x-acs-";

/// A request and the facts read from it.
pub(crate) struct Call<'a> {
    pub(crate) request: &'a Request,
    pub(crate) scheme: Scheme,
    pairs: Vec<Pair<'a>>,
    authorization: Cow<'a, str>,
}

/// The sender of a signed request, unproven until [`Call::verify`].
pub(crate) struct Claims<'c> {
    pub(crate) key_id: Cow<'c, str>,
    pub(crate) token: Option<Cow<'c, str>>,
    pub(crate) method_is_supported: bool,
    pub(crate) version_is_supported: bool,
    pub(crate) timestamp: Cow<'c, str>,
    pub(crate) nonce: Cow<'c, str>,
}

impl<'a> Call<'a> {
    pub(crate) fn read(request: &'a Request) -> Self {
        let pairs = request.pairs();
        let authorization = request.header_text(&AUTHORIZATION).unwrap_or_default();
        // Official V1 clients also send x-acs-action and x-acs-version, so only the signature distinguishes the
        // schemes.
        let scheme = if authorization.starts_with("ACS3-") {
            Scheme::Acs3
        } else if pairs.iter().any(|pair| *pair.name == *b"Signature") {
            Scheme::RpcV1
        } else {
            Scheme::Unsigned
        };
        Self { request, scheme, pairs, authorization }
    }

    pub(crate) fn action(&self) -> Option<Cow<'_, str>> {
        self.common("Action", "x-acs-action")
    }

    pub(crate) fn version(&self) -> Option<Cow<'_, str>> {
        self.common("Version", "x-acs-version")
    }

    pub(crate) fn nonce(&self) -> Option<Cow<'_, str>> {
        self.common("SignatureNonce", "x-acs-signature-nonce")
    }

    /// The access key ID, if the request has one.
    pub(crate) fn key_id(&self) -> Option<Cow<'_, str>> {
        match self.scheme {
            Scheme::Acs3 => Authorization::parse(&self.authorization).map(|it| it.key_id.into()),
            _ => self.parameter("AccessKeyId"),
        }
    }

    /// Whether the response should be JSON. V3 clients always get JSON; others must request it.
    pub(crate) fn asks_for_json(&self) -> bool {
        let by_headers =
            self.scheme == Scheme::Acs3 || self.scheme == Scheme::Unsigned && self.parameter("Action").is_none();
        by_headers || self.parameter("Format").is_some_and(|it| it.eq_ignore_ascii_case("json"))
    }

    /// Whether the request has a parameter, with or without a value, in any style: `Name`, `Name.1`, `Name.Key`.
    pub(crate) fn has_parameter(&self, name: &str) -> bool {
        self.pairs.iter().any(|pair| {
            pair.name.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"."))
        })
    }

    /// Everything sent as a parameter, for the log.
    pub(crate) fn parameters(&self) -> Vec<Parameter> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let pairs = self.pairs.iter().map(|pair| Parameter {
            name: text(&pair.name),
            value: text(&pair.value),
            place: pair.place,
        });
        let ours = |(name, _): &(&http::HeaderName, _)| name.as_str().starts_with(OURS);
        let headers = self.request.headers.iter().filter(ours).map(|(name, value)| Parameter {
            name: name.as_str().to_owned(),
            value: text(value.as_bytes()),
            place: Place::Header,
        });
        pairs.chain(headers).collect()
    }

    /// Adds the parameters of an action of the ROA style, without those that every request has.
    pub(crate) fn add_to(&self, parameters: &mut Vec<Parameter>, action: &ActionDescriptor) {
        if let Some(in_path) = route::read(action.path, route::path(self.request)) {
            parameters.extend(in_path);
        }
        for described in action.parameters {
            let name = described.name;
            let found = match described.location {
                ParameterLocation::Header if !name.to_ascii_lowercase().starts_with(OURS) => {
                    self.request.header_text(name).map(|value| (value.into_owned(), Place::Header))
                }
                ParameterLocation::Body if !self.request.body.is_empty() => {
                    Some((String::from_utf8_lossy(&self.request.body).into_owned(), Place::Body))
                }
                ParameterLocation::Host => {
                    let host = self.request.host();
                    host.split_once('.').map(|(label, _)| (label.to_owned(), Place::Host))
                }
                _ => None,
            };
            let in_log = |(value, place)| Parameter { name: name.to_owned(), value, place };
            parameters.extend(found.map(in_log));
        }
    }

    /// Whether a request of the ROA style has the parameter.
    pub(crate) fn has_described(&self, described: &ParameterDescriptor) -> bool {
        match described.location {
            ParameterLocation::Header => self.request.header_text(described.name).is_some_and(|it| !it.is_empty()),
            ParameterLocation::Body => !self.request.body.is_empty(),
            ParameterLocation::Host => self.request.host().contains('.'),
            // It would be another path.
            ParameterLocation::Path => true,
            _ => self.has_parameter(described.name),
        }
    }

    /// A value that is a parameter in V1 and a header in V3.
    fn common(&self, parameter: &str, header: &str) -> Option<Cow<'_, str>> {
        let in_header = || self.request.header_text(header).filter(|value| !value.is_empty());
        match self.scheme {
            Scheme::Acs3 => in_header(),
            Scheme::RpcV1 => self.parameter(parameter),
            Scheme::Unsigned => self.parameter(parameter).or_else(in_header),
        }
    }

    /// The first value with that name, if it is not empty.
    fn parameter(&self, name: &str) -> Option<Cow<'_, str>> {
        let pair = self.pairs.iter().find(|pair| *pair.name == *name.as_bytes())?;
        Some(String::from_utf8_lossy(&pair.value)).filter(|value| !value.is_empty())
    }

    /// The sender's claims, or a refusal if one is missing.
    pub(crate) fn claims(&self) -> Result<Claims<'_>, Refusal> {
        match self.scheme {
            Scheme::RpcV1 => self.rpc_v1_claims(),
            Scheme::Acs3 => self.acs3_claims(),
            Scheme::Unsigned => Err(Refusal::UNSIGNED),
        }
    }

    fn rpc_v1_claims(&self) -> Result<Claims<'_>, Refusal> {
        let piece = |name: &str| {
            let refusal = || Refusal::missing_piece(name, &format!("the parameter {name}"));
            self.parameter(name).ok_or_else(refusal)
        };
        let key_id = piece("AccessKeyId")?;
        piece("Signature")?;
        let method = piece("SignatureMethod")?;
        let version = piece("SignatureVersion")?;
        let timestamp = piece("Timestamp")?;
        let nonce = piece("SignatureNonce")?;
        Ok(Claims {
            key_id,
            token: self.parameter("SecurityToken"),
            method_is_supported: method == "HMAC-SHA1",
            version_is_supported: version == "1.0",
            timestamp,
            nonce,
        })
    }

    fn acs3_claims(&self) -> Result<Claims<'_>, Refusal> {
        let authorization = Authorization::parse(&self.authorization).ok_or(Refusal::AUTHORIZATION)?;
        let piece = |header: &str, name| {
            let value = self.request.header_text(header).filter(|value| !value.is_empty());
            value.ok_or_else(|| Refusal::missing_piece(name, &format!("the header {header}")))
        };
        let ours = self.request.headers.keys().map(http::HeaderName::as_str);
        let ours = ours.filter(|name| name.starts_with(OURS));
        for name in std::iter::once(HOST.as_str()).chain(ours) {
            if !authorization.signed_headers.contains(&name) {
                return Err(Refusal::header_not_signed(name));
            }
        }
        piece(HOST.as_str(), "Host")?;
        let timestamp = piece("x-acs-date", "Timestamp")?;
        let nonce = piece("x-acs-signature-nonce", "SignatureNonce")?;
        piece(CONTENT_HASH, "ContentSha256")?;
        Ok(Claims {
            key_id: authorization.key_id.into(),
            token: self.request.header_text("x-acs-security-token").filter(|it| !it.is_empty()),
            method_is_supported: authorization.algorithm == "ACS3-HMAC-SHA256",
            version_is_supported: true,
            timestamp,
            nonce,
        })
    }

    /// Verifies the signature with the secret of the key that the request names.
    pub(crate) fn verify(&self, secret: &str) -> Result<(), Refusal> {
        let (path, _) = self.request.path_and_query();
        match self.scheme {
            Scheme::Unsigned => Err(Refusal::UNSIGNED),
            Scheme::RpcV1 => {
                let expected = rpc_v1(&self.request.method, &self.pairs, secret);
                // All values: a second header of the same name would be unsigned and unnoticed.
                let mut given = self.pairs.iter().filter(|pair| *pair.name == *b"Signature");
                let matches = given.all(|pair| *pair.value == *expected.as_bytes());
                if matches { Ok(()) } else { Err(Refusal::SIGNATURE) }
            }
            Scheme::Acs3 => {
                let authorization = Authorization::parse(&self.authorization).ok_or(Refusal::AUTHORIZATION)?;
                let body_hash = sha256_hex(&self.request.body);
                if self.request.header_text(CONTENT_HASH).as_deref() != Some(body_hash.as_str()) {
                    return Err(Refusal::BODY_HASH);
                }
                let mut headers = Vec::new();
                for name in authorization.signed_headers {
                    let value = self.request.header_text(name);
                    headers.push((name, value.ok_or_else(Refusal::signed_header_absent)?));
                }
                let request = Acs3 {
                    method: &self.request.method,
                    path,
                    pairs: &self.pairs,
                    headers: &headers,
                    body_hash: &body_hash,
                };
                let matches = authorization.signature == request.signature(secret);
                if matches { Ok(()) } else { Err(Refusal::SIGNATURE) }
            }
        }
    }
}
