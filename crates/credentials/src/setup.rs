//! The settings that all sources share: environment, home folder, transport, addresses and clock.

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use alibabacloud_runtime::Transport;

use crate::found::SourceError;
use crate::http::Http;
use crate::time::Clock;

/// The settings that all sources share: the environment that they read, and the transport to their servers.
///
/// The default is the environment of the process, the bundled transport, and the addresses of Alibaba Cloud. Tests and
/// special networks change them. Cheap to clone; clones share connections.
///
/// ```
/// use alibabacloud_credentials::{Environment, Setup};
///
/// let setup = Setup::new().environment(Environment::from_vars([("HOME", "/home/me")]));
/// ```
#[derive(Clone)]
#[must_use = "a setup does nothing until a source is given it"]
pub struct Setup {
    pub(crate) environment: Environment,
    pub(crate) http: Arc<Http>,
    pub(crate) clock: Clock,
    pub(crate) metadata_url: String,
    pub(crate) oauth_url: Option<String>,
    pub(crate) sts_endpoint: Option<String>,
    external_process: bool,
}

impl Setup {
    /// The default settings.
    pub fn new() -> Self {
        Self {
            environment: Environment::process(),
            http: Arc::default(),
            clock: Arc::new(SystemTime::now),
            metadata_url: "http://100.100.100.200".to_owned(),
            oauth_url: None,
            sts_endpoint: None,
            external_process: true,
        }
    }

    /// Sets the environment variables that the sources read, including the home folder.
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Sets the transport to STS, `CloudSSO`, OAuth and other machines. Default: the bundled transport, with the
    /// proxies of the environment. The metadata service and this machine are always reached directly.
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.http = Arc::new(Http::over(Arc::new(transport)));
        self
    }

    /// Sets the clock for expirations. Default: the system clock.
    pub fn clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Sets the address of the metadata service, for tests and special networks. Default: `http://100.100.100.200`.
    pub fn metadata_url(mut self, url: impl Into<String>) -> Self {
        self.metadata_url = url.into();
        self
    }

    /// Sets the address of the OAuth server, for tests and special networks. Default: that of the profile's site.
    pub fn oauth_url(mut self, url: impl Into<String>) -> Self {
        self.oauth_url = Some(url.into());
        self
    }

    /// Sets the endpoint of STS, for tests and special networks: a host, or a URL without a path. Default: the one from
    /// profile and environment (`ALIBABA_CLOUD_STS_ENDPOINT`, `ALIBABA_CLOUD_STS_REGION`,
    /// `ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED`), else `sts.aliyuncs.com`.
    pub fn sts_endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.sts_endpoint = Some(endpoint.into());
        self
    }

    /// Disables external processes, even if a profile uses one; so does `ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS=true`
    /// in the environment.
    pub fn without_external_process(mut self) -> Self {
        self.external_process = false;
        self
    }

    pub(crate) fn runs_external_processes(&self) -> Result<bool, SourceError> {
        Ok(self.external_process && !self.environment.flag("ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS")?)
    }

    pub(crate) fn now(&self) -> SystemTime {
        (self.clock)()
    }
}

impl Default for Setup {
    fn default() -> Self {
        Self::new()
    }
}

/// Prints the addresses.
impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup").field("environment", &self.environment).finish_non_exhaustive()
    }
}

/// Environment variables: those of the process, or given ones.
#[derive(Clone)]
pub struct Environment(Option<Arc<BTreeMap<String, String>>>);

impl Environment {
    /// The variables of the process, read again at each use.
    pub fn process() -> Self {
        Self(None)
    }

    /// Only these variables.
    pub fn from_vars<K: Into<String>, V: Into<String>>(variables: impl IntoIterator<Item = (K, V)>) -> Self {
        Self(Some(Arc::new(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())))
    }

    /// A variable; `None` if it is empty.
    pub(crate) fn get(&self, name: &str) -> Result<Option<String>, SourceError> {
        let value = match &self.0 {
            Some(variables) => variables.get(name).cloned(),
            None => match env::var(name) {
                Ok(value) => Some(value),
                Err(env::VarError::NotPresent) => None,
                Err(env::VarError::NotUnicode(_)) => {
                    return Err(SourceError::failed(format!("the environment variable {name} is not UTF-8 text")));
                }
            },
        };
        Ok(value.filter(|value| !value.is_empty()))
    }

    /// Whether a switch is on: `true` or `1`. Any value other than on or off is an error, because ignoring it could
    /// change the identity.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, SourceError> {
        match self.get(name)?.unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(true),
            "" | "false" | "0" => Ok(false),
            _ => Err(SourceError::failed(format!(
                "{name} is neither `true` nor `false`; set it to one of them, or unset it"
            ))),
        }
    }

    /// The user's home folder.
    pub(crate) fn home(&self) -> Result<Option<PathBuf>, SourceError> {
        for name in ["HOME", "USERPROFILE"] {
            if let Some(home) = self.get(name)? {
                return Ok(Some(home.into()));
            }
        }
        Ok(if self.0.is_none() { env::home_dir().filter(|home| !home.as_os_str().is_empty()) } else { None })
    }
}

/// Prints names without values.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(variables) => f.debug_tuple("Environment").field(&variables.keys().collect::<Vec<_>>()).finish(),
            None => f.write_str("Environment::process()"),
        }
    }
}
