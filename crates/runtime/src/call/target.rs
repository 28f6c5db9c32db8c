//! The effective settings of a call.

use std::borrow::Cow;

use bytes::Bytes;

use super::{Call, Core};
use crate::credentials::{Credentials, ProvideCredentials};
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind};
use crate::headers::Headers;
use crate::options::CallOptions;
use crate::prepare::{Unsigned, prepare};
use crate::roa;
use crate::sign::{Nonce, Timestamp};
use crate::unsigned::UnsignedRequest;

/// The endpoint, credentials and headers of a call: the call's own settings, else the client's.
pub(super) struct Target<'a> {
    pub(super) endpoint: Cow<'a, Endpoint>,
    provider: Option<&'a dyn ProvideCredentials>,
    headers: Cow<'a, Headers>,
}

/// A signed request, and the caller's headers in it.
pub(super) struct Signed<'a> {
    pub(super) request: http::Request<Bytes>,
    pub(super) headers: Cow<'a, Headers>,
}

impl Core {
    /// # Errors
    /// If the region or a header of the call is invalid.
    pub(super) fn target<'a>(&'a self, options: &'a CallOptions) -> Result<Target<'a>, Error> {
        let endpoint = match (&options.region, self.network) {
            (Some(region), Some(network)) => {
                let endpoint = Endpoint::for_region(self.settings.product, region, network);
                Cow::Owned(endpoint.map_err(|error| Error::new(ErrorKind::InvalidRequest, error.to_string()))?)
            }
            _ => Cow::Borrowed(&self.endpoint),
        };
        usable(&options.headers)?;
        let mut headers = Cow::Borrowed(&self.headers);
        if !options.headers.is_empty() {
            headers.to_mut().extend(&options.headers);
        }
        let provider = options.credentials.as_deref().or(self.credentials.as_deref());
        Ok(Target { endpoint, provider, headers })
    }

    /// Signs one attempt after calling the hook.
    pub(super) fn sign<'a>(
        &self,
        call: &Call<'_>,
        target: &'a Target<'_>,
        attempt: u32,
        credentials: Option<&Credentials>,
        timestamp: &Timestamp,
        nonce: &Nonce,
    ) -> Result<Signed<'a>, Error> {
        let mut headers = Cow::Borrowed(&*target.headers);
        if let Some(hook) = &self.on_request {
            let mut unsigned = UnsignedRequest {
                action: &call.name,
                attempt,
                nonce: nonce.as_str(),
                endpoint: &target.endpoint,
                parameters: &call.parameters,
                headers: headers.into_owned(),
            };
            hook(&mut unsigned);
            usable(&unsigned.headers)?;
            headers = Cow::Owned(unsigned.headers);
        }
        let unsigned = Unsigned {
            action: &call.name,
            method: call.method,
            path: &call.path,
            endpoint: &target.endpoint,
            parameters: &call.parameters,
            headers: &headers,
        };
        let prepare = if call.path.is_empty() { prepare } else { roa::prepare };
        let request = prepare(&self.settings, unsigned, credentials, timestamp.as_str(), nonce.as_str())?;
        Ok(Signed { request, headers })
    }
}

impl Target<'_> {
    /// # Errors
    /// If neither the call nor the client has credentials.
    pub(super) fn provider(&self) -> Result<&dyn ProvideCredentials, Error> {
        self.provider.ok_or_else(|| {
            let message = "the client has no credentials; give it some with `Client::builder().credentials(…)`";
            Error::new(ErrorKind::Credentials, message)
        })
    }

    /// The credentials, if they are cached.
    pub(super) fn cached_credentials(&self) -> Option<Credentials> {
        self.provider?.cached()
    }

    /// The caller's headers, without those that the hook sets.
    pub(super) fn headers(&self) -> &Headers {
        &self.headers
    }
}

fn usable(headers: &Headers) -> Result<(), Error> {
    headers.check().map_err(|refusal| Error::new(ErrorKind::InvalidRequest, refusal))
}
