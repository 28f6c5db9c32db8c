//! Keys in environment variables.

use std::borrow::Cow;

use alibabacloud_runtime::Credentials;

use crate::setup::Setup;
use crate::source::{Found, Source, SourceError, SourceFuture};

/// The prefixes, the documented one first; the official command line reads the others, too.
const PREFIXES: [&str; 3] = ["ALIBABA_CLOUD_", "ALIBABACLOUD_", "ALICLOUD_"];

/// `ALIBABA_CLOUD_ACCESS_KEY_ID`, `ALIBABA_CLOUD_ACCESS_KEY_SECRET` and, for temporary credentials, `ALIBABA_CLOUD_SECURITY_TOKEN`.
///
/// After them the same names with the prefixes `ALIBABACLOUD_` and `ALICLOUD_`, as the official command line reads them (it also
/// reads `ACCESS_KEY_ID` without any prefix; that may be anybody's). The parts of one key have one prefix.
#[derive(Debug, Clone, Default)]
pub struct EnvironmentKeys {
    setup: Setup,
}

impl EnvironmentKeys {
    /// The keys in the environment of the process.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads another environment.
    #[must_use]
    pub fn setup(mut self, setup: Setup) -> Self {
        self.setup = setup;
        self
    }

    fn read(&self) -> Result<Found, SourceError> {
        let environment = &self.setup.environment;
        for prefix in PREFIXES {
            let name = |rest: &str| format!("{prefix}{rest}");
            let id = environment.secret(&name("ACCESS_KEY_ID"))?;
            let secret = environment.secret(&name("ACCESS_KEY_SECRET"))?;
            let (Some(id), Some(secret)) = (id, secret) else { continue };
            let credentials = match environment.secret(&name("SECURITY_TOKEN"))? {
                Some(token) => Credentials::temporary(id, secret, token, None),
                None => Credentials::new(id, secret),
            };
            return Ok(Found::new(credentials).detail(name("ACCESS_KEY_ID")));
        }
        let names = ["ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"];
        let mut missing = Vec::new();
        for name in names {
            if environment.get(name)?.is_none() {
                missing.push(name);
            }
        }
        Err(SourceError::not_applicable(match missing.len() {
            1 => format!("{} is not set, although its other half is", missing[0]),
            _ => format!("{} are not set", missing.join(" and ")),
        }))
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
