//! Builds the signed HTTP request of an action. A pure function: time and nonce are arguments.

use std::fmt;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderName, HeaderValue, USER_AGENT};

use crate::credentials::Credentials;
use crate::descriptor::{Method, ParameterLocation, ProductDescriptor};
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind};
use crate::headers::Headers;
use crate::parameters::Parameter;
use crate::redact::HIDDEN;
use crate::sign::{self, acs3, rpc};

/// The signature of a request. An action of the ROA style is always signed with V3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum SignatureVersion {
    /// RPC V1: HMAC-SHA1 over all parameters.
    #[default]
    V1,
    /// V3, ACS3-HMAC-SHA256: the one that Alibaba Cloud recommends.
    V3,
}

/// The location of an action's parameters in the request. Actions of the ROA style always follow the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ParameterPlacement {
    /// In the form body, so that no value is in a URL, which proxies and servers log. Only actions whose
    /// [method](crate::descriptor::ActionDescriptor::method) is GET or DELETE have no body.
    #[default]
    Body,
    /// Where the specification puts each: most in the query of the URL, as the official SDKs do. The parameters of the
    /// signature and sensitive ones are never in the URL. A URL longer than 65,534 bytes cannot be sent.
    AsSpecified,
}

/// The content type of parameters in the body.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// The settings that all requests of a client share.
pub(crate) struct Settings {
    pub(crate) product: &'static ProductDescriptor,
    pub(crate) signature: SignatureVersion,
    pub(crate) placement: ParameterPlacement,
    pub(crate) user_agent: HeaderValue,
}

/// A signed request, ready for a [`Transport`](crate::Transport).
///
/// It is valid for about 15 minutes and can be sent once. `Debug` and `Display` show the request with the access key ID,
/// the signature and sensitive parameters redacted.
pub struct PreparedRequest {
    request: http::Request<Bytes>,
    /// The names of the sensitive parameters, percent-encoded.
    sensitive: Vec<String>,
    /// The redacted path and host; `None` if they contain no parameter.
    shown: Option<(String, String)>,
    /// Whether the body is a single sensitive parameter.
    hides_body: bool,
}

impl PreparedRequest {
    /// `shown` has the redacted path and host if they contain parameters.
    pub(crate) fn new(
        request: http::Request<Bytes>,
        parameters: &[Parameter<'_>],
        shown: Option<(String, String)>,
    ) -> Self {
        let sensitive = || parameters.iter().filter(|parameter| parameter.sensitive);
        let hides_body = sensitive().any(|parameter| parameter.location == ParameterLocation::Body);
        let sensitive = sensitive().map(|parameter| sign::encode(&parameter.name)).collect();
        Self { request, sensitive, shown, hides_body }
    }

    /// The request itself. It contains a signature and, with temporary credentials, a token.
    pub fn into_http(self) -> http::Request<Bytes> {
        self.request
    }

    fn show_pairs(&self, f: &mut fmt::Formatter<'_>, pairs: &str, start: char) -> fmt::Result {
        let mut separator = start;
        for pair in pairs.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let hidden = ["AccessKeyId", "SecurityToken", "Signature"].contains(&name)
                || self.sensitive.iter().any(|sensitive| sensitive == name);
            let value = if hidden { HIDDEN } else { value };
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
        let (path, host) = match &self.shown {
            Some((path, host)) => (&**path, &**host),
            None => (uri.path(), uri.authority().map_or("", |authority| authority.as_str())),
        };
        write!(f, "{} {path}", self.request.method())?;
        self.show_pairs(f, uri.query().unwrap_or_default(), '?')?;
        write!(f, " HTTP/1.1\nhost: {host}\n")?;
        for (name, value) in self.request.headers().iter().filter(|(name, _)| *name != HOST) {
            let value = if value.is_sensitive() { HIDDEN } else { value.to_str().unwrap_or("<not text>") };
            writeln!(f, "{name}: {value}")?;
        }
        let body = std::str::from_utf8(self.request.body()).unwrap_or_default();
        if body.is_empty() {
            return Ok(());
        }
        f.write_str("\n")?;
        let is_form = self.request.headers().get(CONTENT_TYPE).is_some_and(|it| it == FORM);
        match (is_form, self.hides_body) {
            (true, _) => self.show_pairs(f, body, '\0'),
            (false, true) => f.write_str(HIDDEN),
            (false, false) => f.write_str(body),
        }
    }
}

impl fmt::Debug for PreparedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A request without credentials and time.
#[derive(Clone, Copy)]
pub(crate) struct Unsigned<'a> {
    pub(crate) action: &'a str,
    pub(crate) method: Method,
    /// The path with parameter names in braces; empty for the RPC style.
    pub(crate) path: &'a str,
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) parameters: &'a [Parameter<'a>],
    /// The caller's headers.
    pub(crate) headers: &'a Headers,
}

/// Signs one attempt. Without credentials the request is not signed; some actions need no signature. With a method that has
/// no body, the parameters are in the URL, and the signature is V3, which adds nothing to the URL.
pub(crate) fn prepare(
    settings: &Settings,
    unsigned: Unsigned<'_>,
    credentials: Option<&Credentials>,
    timestamp: &str,
    nonce: &str,
) -> Result<http::Request<Bytes>, Error> {
    let Unsigned { action, method, endpoint, parameters, headers: added, .. } = unsigned;
    let in_url = method.is_bodiless();
    let in_query = |parameter: &&Parameter<'_>| {
        let specified = settings.placement == ParameterPlacement::AsSpecified;
        in_url || (specified && parameter.location == ParameterLocation::Query && !parameter.sensitive)
    };
    let in_form = |parameter: &&Parameter<'_>| !in_query(parameter);
    let mut query = match settings.placement {
        ParameterPlacement::Body if !in_url => String::new(),
        _ => sign::canonical_query(parameters.iter().filter(in_query).map(pair)),
    };
    let mut request = http::Request::new(Bytes::new());
    *request.method_mut() = self::method(method);
    let signature = if in_url { SignatureVersion::V3 } else { settings.signature };
    let headers = request.headers_mut();
    headers.reserve(if signature == SignatureVersion::V3 { 11 } else { 5 });
    headers.insert(USER_AGENT, settings.user_agent.clone());
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.extend(added.iter().map(|(name, value)| (name.clone(), value.clone())));

    let mut body = match (signature, credentials) {
        (SignatureVersion::V3, Some(credentials)) => {
            let body = sign::canonical_query(parameters.iter().filter(in_form).map(pair));
            let signed: Vec<_> = added.texts().filter(|(name, _)| acs3::is_signed(name)).collect();
            let request = acs3::Request {
                method: method.as_str(),
                host: endpoint.host_and_port(),
                action,
                version: settings.product.version,
                path: "/",
                query: &query,
                body: body.as_bytes(),
                timestamp,
                nonce,
                headers: &signed,
            };
            insert_all(headers, acs3::sign(&request, credentials).headers(&request, credentials))?;
            body
        }
        (_, Some(credentials)) => {
            let common = rpc::common(action, settings.product.version, credentials, timestamp, nonce);
            let own = parameters.iter().map(pair).collect();
            // The canonical query is the body, unless a part of it is in the URL.
            let (mut body, signature) = rpc::sign_with(credentials.rpc_key(), method.as_str(), &common, own);
            if !query.is_empty() {
                let common = common.iter().flatten().map(rpc::Common::pair);
                body = sign::canonical_query(common.chain(parameters.iter().filter(in_form).map(pair)));
            }
            body.push_str("&Signature=");
            sign::encode_to(&mut body, signature.as_str());
            body
        }
        (_, None) => {
            let common = [
                ("Action", action),
                ("Version", settings.product.version),
                ("Format", "JSON"),
                ("Timestamp", timestamp),
                ("SignatureNonce", nonce),
            ];
            let rest = parameters.iter().filter(|parameter| in_url || in_form(parameter));
            sign::canonical_query(common.into_iter().chain(rest.map(pair)))
        }
    };
    if in_url && !body.is_empty() {
        // Not signed: the fields of the form, which include the parameters.
        query = std::mem::take(&mut body);
    }
    *request.uri_mut() = endpoint.uri(&query).map_err(|_| {
        let advice = if in_url {
            "the action takes no body, so shorten its parameters"
        } else {
            "send the parameters in the body (`ParameterPlacement::Body`)"
        };
        Error::new(ErrorKind::InvalidRequest, format!("the URL would be longer than 65,534 bytes; {advice}"))
    })?;
    let headers = request.headers_mut();
    if !body.is_empty() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(FORM));
    }
    *request.body_mut() = Bytes::from(body);
    Ok(request)
}

/// The method as a type of the HTTP library.
pub(crate) fn method(method: Method) -> http::Method {
    match method {
        Method::Post => http::Method::POST,
        Method::Get => http::Method::GET,
        Method::Put => http::Method::PUT,
        Method::Delete => http::Method::DELETE,
        Method::Patch => http::Method::PATCH,
    }
}

fn pair<'p>(parameter: &'p Parameter<'_>) -> (&'p str, &'p str) {
    (&parameter.name, &parameter.value)
}

/// Adds headers whose values share one buffer. One allocation for each would cost more than hashing the request.
pub(crate) fn insert_all<'a>(
    headers: &mut http::HeaderMap,
    pairs: impl Iterator<Item = (&'static HeaderName, &'a str)>,
) -> Result<(), Error> {
    let mut values = String::with_capacity(512);
    let mut ends = [None; 8];
    for ((name, value), end) in pairs.zip(&mut ends) {
        values.push_str(value);
        *end = Some((name, values.len()));
    }
    let mut values = Bytes::from(values);
    let mut start = 0;
    for (name, end) in ends.into_iter().flatten() {
        let mut value = HeaderValue::from_maybe_shared(values.split_to(end - start)).map_err(|_| {
            // Only action names and credentials come from the caller.
            Error::new(
                ErrorKind::InvalidRequest,
                format!("the header {name} would contain a character that HTTP does not allow"),
            )
        })?;
        start = end;
        value.set_sensitive(acs3::is_sensitive(name));
        headers.insert(name, value);
    }
    Ok(())
}
