//! From an action's parameters to a signed HTTP request. No IO: time and nonce are handed in.

use std::fmt;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};

use crate::credentials::Credentials;
use crate::descriptor::{ParameterLocation, ProductDescriptor};
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind};
use crate::parameters::Parameter;
use crate::redact::HIDDEN;
use crate::sign::{self, acs3, rpc};

/// The signature of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum SignatureVersion {
    /// RPC V1: HMAC-SHA1 over all parameters.
    #[default]
    V1,
    /// V3, ACS3-HMAC-SHA256: the one that Alibaba Cloud recommends.
    V3,
}

/// Where the parameters of an action travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ParameterPlacement {
    /// All of them in the form body, so that no value is in a URL, where proxies and logs would see it.
    #[default]
    Body,
    /// Where the specification puts each: most in the query of the URL, as the official SDKs send them. The parameters of the
    /// signature and sensitive ones stay out of the URL in any case. A URL longer than 65,534 bytes cannot be sent.
    AsSpecified,
}

/// What is the same for all requests of a client.
pub(crate) struct Settings {
    pub(crate) product: &'static ProductDescriptor,
    pub(crate) endpoint: Endpoint,
    pub(crate) signature: SignatureVersion,
    pub(crate) placement: ParameterPlacement,
    pub(crate) user_agent: HeaderValue,
}

/// A signed request, ready for a [`Transport`](crate::Transport).
///
/// It is valid for about 15 minutes and can be sent once. `Debug` and `Display` show what would be sent, with the key, the
/// signature and sensitive parameters hidden.
pub struct PreparedRequest {
    request: http::Request<Bytes>,
    /// The names of the parameters whose values are not shown.
    hidden: Vec<String>,
}

impl PreparedRequest {
    /// The request itself. It holds a signature and, with temporary credentials, a token.
    pub fn into_http(self) -> http::Request<Bytes> {
        self.request
    }

    fn show_pairs(&self, f: &mut fmt::Formatter<'_>, pairs: &str, start: char) -> fmt::Result {
        let mut separator = start;
        for pair in pairs.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = if self.hidden.iter().any(|hidden| hidden == name) { HIDDEN } else { value };
            if separator != '\0' {
                write!(f, "{separator}")?;
            }
            write!(f, "{name}={value}")?;
            separator = '&';
        }
        Ok(())
    }
}

impl fmt::Display for PreparedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uri = self.request.uri();
        write!(f, "{} {}", self.request.method(), uri.path())?;
        self.show_pairs(f, uri.query().unwrap_or_default(), '?')?;
        write!(f, " HTTP/1.1\nhost: {}\n", uri.authority().map_or("", |authority| authority.as_str()))?;
        for (name, value) in self.request.headers() {
            let value = if value.is_sensitive() { HIDDEN } else { value.to_str().unwrap_or("<not text>") };
            writeln!(f, "{name}: {value}")?;
        }
        let body = std::str::from_utf8(self.request.body()).unwrap_or_default();
        if !body.is_empty() {
            f.write_str("\n")?;
            self.show_pairs(f, body, '\0')?;
        }
        Ok(())
    }
}

impl fmt::Debug for PreparedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Signs one attempt. Without credentials the request goes out unsigned, for actions that want it so.
pub(crate) fn prepare(
    settings: &Settings,
    action: &str,
    parameters: &[Parameter<'_>],
    credentials: Option<&Credentials>,
    timestamp: &str,
    nonce: &str,
) -> Result<PreparedRequest, Error> {
    let in_query = |parameter: &&Parameter<'_>| {
        settings.placement == ParameterPlacement::AsSpecified
            && parameter.location == ParameterLocation::Query
            && !parameter.sensitive
    };
    let query = canonical(parameters.iter().filter(in_query));
    let mut headers: Vec<(&'static str, String)> = Vec::new();

    let body = match (settings.signature, credentials) {
        (SignatureVersion::V3, Some(credentials)) => {
            let body = canonical(parameters.iter().filter(|parameter| !in_query(parameter)));
            let signed = acs3::sign(
                &acs3::Request {
                    method: "POST",
                    host: settings.endpoint.host_and_port(),
                    action,
                    version: settings.product.version,
                    query: &query,
                    body: body.as_bytes(),
                    timestamp,
                    nonce,
                },
                credentials,
            );
            headers = signed.headers;
            body
        }
        (_, Some(credentials)) => {
            let mut all = rpc::common_parameters(action, settings.product.version, credentials, timestamp, nonce);
            let common = all.len();
            all.extend(parameters.iter().map(|parameter| (&*parameter.name, &*parameter.value)));
            let (canonical_query, signature) = rpc::sign("POST", all.iter().copied(), credentials.access_key_secret());
            // The canonical query is the body, unless a part of it travels in the URL.
            let mut body = if query.is_empty() {
                canonical_query
            } else {
                let form = parameters.iter().filter(|parameter| !in_query(parameter));
                sign::canonical_query(all[..common].iter().copied().chain(form.map(|p| (&*p.name, &*p.value))))
            };
            body.push_str("&Signature=");
            body.push_str(&sign::encode(&signature));
            body
        }
        (_, None) => {
            let form = parameters.iter().filter(|parameter| !in_query(parameter));
            sign::canonical_query(
                [
                    ("Action", action),
                    ("Version", settings.product.version),
                    ("Format", "JSON"),
                    ("Timestamp", timestamp),
                    ("SignatureNonce", nonce),
                ]
                .into_iter()
                .chain(form.map(|p| (&*p.name, &*p.value))),
            )
        }
    };

    let uri = settings.endpoint.uri(&query).map_err(|_| {
        Error::new(
            ErrorKind::InvalidRequest,
            "the URL would be longer than 65,534 bytes; send the parameters in the body (`ParameterPlacement::Body`)",
        )
    })?;
    let mut request = http::Request::new(Bytes::from(body));
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = uri;
    let into = request.headers_mut();
    into.insert(USER_AGENT, settings.user_agent.clone());
    into.insert(ACCEPT, HeaderValue::from_static("application/json"));
    for (name, value) in headers {
        let mut value = HeaderValue::try_from(value).map_err(|_| {
            // Action names and credentials are the only values that a caller chooses.
            Error::new(
                ErrorKind::InvalidRequest,
                format!("the header {name} would hold a character that HTTP does not allow"),
            )
        })?;
        // The hash, too: a short body, a phone number say, can be found by trying.
        value.set_sensitive([AUTHORIZATION.as_str(), "x-acs-security-token", "x-acs-content-sha256"].contains(&name));
        into.insert(HeaderName::from_static(name), value);
    }
    if !request.body().is_empty() {
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    }

    let hidden = ["AccessKeyId", "SecurityToken", "Signature"].map(ToOwned::to_owned).into_iter();
    let sensitive = parameters.iter().filter(|parameter| parameter.sensitive);
    Ok(PreparedRequest { request, hidden: hidden.chain(sensitive.map(|p| sign::encode(&p.name))).collect() })
}

fn canonical<'p>(parameters: impl Iterator<Item = &'p Parameter<'p>>) -> String {
    sign::canonical_query(parameters.map(|parameter| (&*parameter.name, &*parameter.value)))
}
