//! Keys in environment variables.

use std::borrow::Cow;

use alibabacloud_runtime::{CredentialsError, EnvironmentCredentials};

use crate::found::{Found, SourceError};
use crate::setup::Setup;
use crate::source::{Source, SourceFuture};

/// The prefixes in order; the official command line reads all of them.
const PREFIXES: [&str; 3] = ["ALIBABA_CLOUD_", "ALIBABACLOUD_", "ALICLOUD_"];

/// `ALIBABA_CLOUD_ACCESS_KEY_ID`, `ALIBABA_CLOUD_ACCESS_KEY_SECRET` and, for temporary credentials,
/// `ALIBABA_CLOUD_SECURITY_TOKEN`.
///
/// Next are the same names with the prefixes `ALIBABACLOUD_` and `ALICLOUD_`, as in the official command line (which
/// also reads `ACCESS_KEY_ID` without a prefix, a name that other programs use, too). All parts of a key must have the
/// same prefix, and a missing part is an error.
#[derive(Debug, Clone, Default)]
pub struct EnvironmentKeys {
    setup: Setup,
}

impl EnvironmentKeys {
    /// The keys in the environment of the process.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the environment.
    #[must_use]
    pub fn setup(mut self, setup: Setup) -> Self {
        self.setup = setup;
        self
    }

    fn read(&self) -> Result<Found, SourceError> {
        let environment = &self.setup.environment;
        for prefix in PREFIXES {
            let variable = |name: &str| environment.get(name).map_err(CredentialsError::from);
            let found = EnvironmentCredentials::look_up(prefix, variable);
            if let Some(credentials) = found.map_err(|error| SourceError::failed(error.to_string()))? {
                return Ok(Found::new(credentials).detail(format!("{prefix}ACCESS_KEY_ID")));
            }
        }
        Err(SourceError::not_applicable("ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET are not set"))
    }
}

impl Source for EnvironmentKeys {
    fn name(&self) -> Cow<'static, str> {
        "environment".into()
    }

    fn fetch(&self) -> SourceFuture<'_> {
        Box::pin(std::future::ready(self.read()))
    }
}
