//! Requests of the ROA (resource-oriented) style: the action is a method and a path, and each parameter has a location.
//!
//! They are always signed with V3, over the encoded path, the query, the `x-acs-*` headers, and the hash of the body.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use http::uri::Authority;

use crate::credentials::Credentials;
use crate::descriptor::ParameterLocation;
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind};
use crate::headers::Headers;
use crate::parameters::Parameter;
use crate::prepare::{FORM, Settings, Unsigned, insert_all, method};
use crate::route::placeholders;
use crate::sign::{self, acs3};

/// The path with every name replaced by its `value`. A name without a value is kept.
fn filled(path: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(path.len() + 32);
    let mut rest = path;
    while let Some((literal, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else { break };
        out.push_str(literal);
        match value(name) {
            Some(value) => out.push_str(&value),
            None => out.extend(["{", name, "}"]),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

fn at<'p>(parameters: &'p [Parameter<'p>], location: ParameterLocation) -> impl Iterator<Item = &'p Parameter<'p>> {
    parameters.iter().filter(move |parameter| parameter.location == location)
}

fn in_path<'p>(parameters: &'p [Parameter<'p>], name: &str) -> Option<&'p Parameter<'p>> {
    at(parameters, ParameterLocation::Path).find(|parameter| parameter.name == name)
}

/// The redacted path.
pub(crate) fn shown_path(path: &str, parameters: &[Parameter<'_>]) -> String {
    filled(path, |name| {
        let parameter = in_path(parameters, name)?;
        Some(if parameter.sensitive { crate::redact::HIDDEN.to_owned() } else { sign::encode(&parameter.value) })
    })
}

/// The redacted host.
pub(crate) fn shown_host(endpoint: &Endpoint, parameters: &[Parameter<'_>]) -> String {
    let mut host = endpoint.authority().to_string();
    for parameter in at(parameters, ParameterLocation::Host) {
        let label = if parameter.sensitive { crate::redact::HIDDEN } else { &*parameter.value };
        host = format!("{label}.{host}");
    }
    host
}

/// The headers that are parameters.
fn headers(parameters: &[Parameter<'_>]) -> Result<Headers, Error> {
    let mut headers = Headers::new();
    for parameter in at(parameters, ParameterLocation::Header) {
        headers.set(&parameter.name, &parameter.value);
        let problem = headers.check().err().map(|refusal| invalid(&parameter.name, refusal));
        problem.map_or(Ok(()), Err)?;
    }
    Ok(headers)
}

/// Signs one attempt. Without credentials the request is unsigned.
pub(crate) fn prepare(
    settings: &Settings,
    unsigned: Unsigned<'_>,
    credentials: Option<&Credentials>,
    timestamp: &str,
    nonce: &str,
) -> Result<http::Request<Bytes>, Error> {
    let Unsigned { action, parameters, endpoint, .. } = unsigned;
    let path = path(unsigned.path, parameters)?;
    let query = sign::canonical_query(at(parameters, ParameterLocation::Query).map(pair));
    let (body, content_type) = body(parameters);
    let (authority, host) = host(&unsigned)?;
    let mut added = headers(parameters)?;
    added.extend(unsigned.headers);

    let mut request = http::Request::new(Bytes::new());
    *request.method_mut() = method(unsigned.method);
    let headers = request.headers_mut();
    headers.reserve(12);
    headers.insert(USER_AGENT, settings.user_agent.clone());
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.extend(added.iter().map(|(name, value)| (name.clone(), value.clone())));
    if let Some(content_type) = content_type {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    if authority.as_str() != host && endpoint.is_address() {
        let host = HeaderValue::from_str(&host).map_err(|_| invalid("host", "it cannot be part of a host name"))?;
        headers.insert(HOST, host);
    }
    match credentials {
        Some(credentials) => {
            let signed: Vec<_> = added.texts().filter(|(name, _)| acs3::is_signed(name)).collect();
            let request = acs3::Request {
                method: unsigned.method.as_str(),
                host: &host,
                action,
                version: settings.product.version,
                path: &path,
                query: &query,
                body: &body,
                timestamp,
                nonce,
                headers: &signed,
            };
            insert_all(headers, acs3::sign(&request, credentials).headers(&request, credentials))?;
        }
        None => insert_all(headers, acs3::unsigned(action, settings.product.version, timestamp, nonce).into_iter())?,
    }
    let path_and_query = if query.is_empty() { path } else { format!("{path}?{query}") };
    *request.uri_mut() = endpoint.uri_of(authority, &path_and_query).map_err(|_| {
        Error::new(
            ErrorKind::InvalidRequest,
            "the URL would be longer than 65,534 bytes; shorten the parameters of the path and the query",
        )
    })?;
    *request.body_mut() = body;
    Ok(request)
}

fn pair<'p>(parameter: &'p Parameter<'_>) -> (&'p str, &'p str) {
    (&parameter.name, &parameter.value)
}

fn invalid(name: &str, problem: &str) -> Error {
    Error::new(ErrorKind::InvalidRequest, format!("parameter `{name}`: {problem}"))
}

/// The encoded path. A value is one segment, or a part of one.
fn path(template: &str, parameters: &[Parameter<'_>]) -> Result<String, Error> {
    let names = placeholders(template).map_err(|why| {
        let message = format!(
            "the path `{template}` {why}; an example is `/clusters/{{ClusterId}}`, and a query is given by parameters"
        );
        Error::new(ErrorKind::InvalidRequest, message)
    })?;
    for name in names {
        match in_path(parameters, name) {
            None => return Err(invalid(name, "it is part of the path, and the request lacks it")),
            Some(parameter) if parameter.value.is_empty() => {
                return Err(invalid(name, "it is part of the path and must not be empty"));
            }
            // No percent-encoding prevents these from meaning another path.
            Some(parameter) if matches!(&*parameter.value, "." | "..") => {
                return Err(invalid(name, "`.` and `..` cannot be part of a path: they would lead to another one"));
            }
            Some(_) => {}
        }
    }
    Ok(filled(template, |name| in_path(parameters, name).map(|parameter| sign::encode(&parameter.value))))
}

/// The body and its type: a parameter that is the whole body, or a form.
fn body(parameters: &[Parameter<'_>]) -> (Bytes, Option<&'static str>) {
    if let Some(body) = at(parameters, ParameterLocation::Body).next() {
        return (Bytes::copy_from_slice(body.value.as_bytes()), Some("application/json; charset=utf-8"));
    }
    let form = sign::canonical_query(at(parameters, ParameterLocation::Form).map(pair));
    let content_type = (!form.is_empty()).then_some(FORM);
    (form.into(), content_type)
}

/// The authority of the URL, and the value of the `Host` header. An IP address cannot have a label in front, so the
/// label is only in the header.
fn host<'a>(unsigned: &Unsigned<'a>) -> Result<(Authority, Cow<'a, str>), Error> {
    let endpoint = unsigned.endpoint;
    let mut host = Cow::Borrowed(endpoint.host_and_port());
    let mut authority = Cow::Borrowed(endpoint.authority());
    for parameter in at(unsigned.parameters, ParameterLocation::Host) {
        let is_label = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        let value = &*parameter.value;
        if value.is_empty() || value.len() > 63 || !value.bytes().all(is_label) {
            let problem = "it is part of the host name: 1 to 63 letters, digits, hyphens and underscores";
            return Err(invalid(&parameter.name, problem));
        }
        if !endpoint.is_address() {
            let longer = format!("{value}.{authority}").parse();
            authority = Cow::Owned(longer.map_err(|_| invalid(&parameter.name, "it cannot be part of the host name"))?);
        }
        host = Cow::Owned(format!("{value}.{host}"));
    }
    Ok((authority.into_owned(), host))
}
