//! Sends one request with a time limit, through a transport of the runtime.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use alibabacloud_runtime::transport::{Handover, decode_content};
use alibabacloud_runtime::{Transport, TransportError};
use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri};
use tokio::time::timeout;

use crate::answer::WipedJson;
use crate::found::SourceError;

/// The transports, built on first use.
#[derive(Default)]
pub(crate) struct Http {
    given: Option<Arc<dyn Transport>>,
    proxied: OnceLock<Arc<dyn Transport>>,
    direct: OnceLock<Arc<dyn Transport>>,
}

/// The reason why there is no response.
#[derive(Debug)]
pub(crate) struct Unanswered {
    message: String,
    /// Whether there was no connection.
    pub(crate) is_not_sent: bool,
    source: Option<TransportError>,
}

impl Unanswered {
    /// Converts it to the error of a source.
    pub(crate) fn into_error(self, describe: impl FnOnce(&str) -> SourceError) -> SourceError {
        let error = describe(&self.message);
        match self.source {
            Some(source) => error.with_source(source),
            None => error,
        }
    }
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<TransportError> for Unanswered {
    fn from(error: TransportError) -> Self {
        Self { message: error.to_string(), is_not_sent: error.is_not_sent(), source: Some(error) }
    }
}

impl Http {
    pub(crate) fn over(transport: Arc<dyn Transport>) -> Self {
        Self { given: Some(transport), ..Self::default() }
    }

    /// The transport to other machines: the given one, else one with the proxies of the environment.
    pub(crate) fn proxied(&self) -> Result<Arc<dyn Transport>, TransportError> {
        match &self.given {
            Some(given) => Ok(Arc::clone(given)),
            None => built(&self.proxied, false),
        }
    }

    /// The transport to the metadata service and this machine: proxies cannot reach them, and must not see the
    /// requests.
    pub(crate) fn direct(&self) -> Result<Arc<dyn Transport>, TransportError> {
        built(&self.direct, true)
    }

    /// Sends the request without a proxy.
    pub(crate) async fn send_direct(
        &self,
        request: Request<Bytes>,
        limit: Duration,
    ) -> Result<Response<Bytes>, Unanswered> {
        send(&*self.direct()?, request, limit).await
    }

    /// Sends the request: without a proxy to this machine, else through the proxies of the environment.
    pub(crate) async fn send(&self, request: Request<Bytes>, limit: Duration) -> Result<Response<Bytes>, Unanswered> {
        let transport = if is_loopback(request.uri()) { self.direct()? } else { self.proxied()? };
        send(&*transport, request, limit).await
    }
}

fn built(slot: &OnceLock<Arc<dyn Transport>>, is_direct: bool) -> Result<Arc<dyn Transport>, TransportError> {
    if let Some(transport) = slot.get() {
        return Ok(Arc::clone(transport));
    }
    let transport = build(is_direct)?;
    Ok(Arc::clone(slot.get_or_init(|| transport)))
}

#[cfg(any(feature = "reqwest", feature = "hyper"))]
fn build(is_direct: bool) -> Result<Arc<dyn Transport>, TransportError> {
    use alibabacloud_runtime::transport::DefaultTransport;
    let builder = DefaultTransport::builder();
    let builder = if is_direct { builder.without_proxies().connect_timeout(Duration::from_secs(1)) } else { builder };
    Ok(Arc::new(builder.build()?))
}

#[cfg(not(any(feature = "reqwest", feature = "hyper")))]
fn build(_is_direct: bool) -> Result<Arc<dyn Transport>, TransportError> {
    Err(TransportError::not_sent(
        "there is no transport; enable the feature `reqwest` or `hyper`, or set one with `Setup::transport`",
    ))
}

async fn send(
    transport: &dyn Transport,
    request: Request<Bytes>,
    limit: Duration,
) -> Result<Response<Bytes>, Unanswered> {
    let handover = Handover::new();
    if let Ok(outcome) = timeout(limit, transport.send(request, &handover)).await {
        return Ok(decode_content(outcome?)?);
    }
    let is_not_sent = !handover.may_have_been_sent();
    let what = if is_not_sent { "no connection" } else { "no response" };
    Err(Unanswered { message: format!("{what} within {limit:?}"), is_not_sent, source: None })
}

/// Whether the host is this machine.
pub(crate) fn is_loopback(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    host.eq_ignore_ascii_case("localhost")
        || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether requests to it are unencrypted on the network.
pub(crate) fn is_open(uri: &Uri) -> bool {
    uri.scheme_str() != Some("https") && !is_loopback(uri)
}

/// The part of a URL that can be shown: scheme, host and port. Path, query and user name may contain secrets.
pub(crate) fn shown(uri: &Uri) -> String {
    let host = uri.host().unwrap_or_default();
    let port = uri.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{host}{port}", uri.scheme_str().unwrap_or("http"))
}

/// The body of a successful response as JSON. The error quotes nothing of it.
pub(crate) fn json(answer: &Response<Bytes>) -> Result<WipedJson, String> {
    if answer.status() != StatusCode::OK {
        return Err(format!("responded with HTTP {}", answer.status().as_u16()));
    }
    WipedJson::parse(answer.body()).map_err(|_| "responded with something other than a JSON object".to_owned())
}
