//! Credentials from a URI, served by a sidecar or a local server.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri};
use zeroize::Zeroizing;

use crate::answer::CAPITALIZED;
use crate::found::{Found, SourceError};
use crate::http::{is_open, json, shown};
use crate::setup::Setup;
use crate::source::{Source, SourceFuture};

const VARIABLE: &str = "ALIBABA_CLOUD_CREDENTIALS_URI";
const LIMIT: Duration = Duration::from_secs(10);

/// A server that responds to a GET with temporary credentials, in the format of the metadata service.
///
/// Errors show only scheme, host and port of the URI, because the rest may be secret.
#[derive(Clone)]
pub struct CredentialsUri {
    setup: Setup,
    uri: Option<Zeroizing<String>>,
}

impl CredentialsUri {
    /// The URI in `ALIBABA_CLOUD_CREDENTIALS_URI`.
    pub fn new() -> Self {
        Self { setup: Setup::new(), uri: None }
    }

    /// Uses this URI.
    pub fn at(uri: impl Into<String>) -> Self {
        Self { setup: Setup::new(), uri: Some(Zeroizing::new(uri.into())) }
    }

    /// Sets environment, transport and addresses.
    #[must_use]
    pub fn setup(mut self, setup: Setup) -> Self {
        self.setup = setup;
        self
    }

    async fn ask(&self) -> Result<Found, SourceError> {
        let uri = match &self.uri {
            Some(uri) => uri.clone(),
            None => match self.setup.environment.get(VARIABLE)? {
                Some(uri) => Zeroizing::new(uri),
                None => return Err(SourceError::not_applicable(format!("{VARIABLE} is not set"))),
            },
        };
        let wrong = || SourceError::failed("the credentials URI is not a URL that begins with `https://` or `http://`");
        let uri = uri.trim().parse::<Uri>().map_err(|_| wrong())?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) {
            return Err(wrong());
        }
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(SourceError::failed("the credentials URI has a user name or password; remove it"));
        }
        let server = shown(&uri);
        let failed = |problem: String| SourceError::failed(format!("{server} {problem}"));
        let open = is_open(&uri);
        let request = Request::get(uri).body(Bytes::new()).map_err(|_| wrong())?;
        let answer = self.setup.http.send(request, LIMIT).await;
        let answer =
            answer.map_err(|error| error.into_error(|problem| SourceError::failed(format!("{server}: {problem}"))))?;
        let mut json = json(&answer).map_err(failed)?;
        // The official command line requires it, the SDKs ignore it: absent is accepted, any other value is a refusal.
        if json.text("Code").is_some_and(|code| code != "Success") {
            return Err(failed("refused: its `Code` is not `Success`".to_owned()));
        }
        let found = json.temporary(&CAPITALIZED).map_err(failed)?.detail(server.clone());
        Ok(if open {
            found.warning(format!(
                "the connection to {server} is unencrypted, so others on the network can read the credentials; use `https`"
            ))
        } else {
            found
        })
    }
}

impl Default for CredentialsUri {
    fn default() -> Self {
        Self::new()
    }
}

impl Source for CredentialsUri {
    fn name(&self) -> Cow<'static, str> {
        "credentials URI".into()
    }

    fn fetch(&self) -> SourceFuture<'_> {
        Box::pin(self.ask())
    }
}

/// Prints no URI.
impl fmt::Debug for CredentialsUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialsUri").finish_non_exhaustive()
    }
}
