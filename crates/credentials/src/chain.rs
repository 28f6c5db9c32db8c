//! Several sources, tried in order.

use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;

use alibabacloud_runtime::Credentials;

use crate::cli_profile::CliProfile;
use crate::credentials_uri::CredentialsUri;
use crate::ecs_ram_role::EcsRamRole;
use crate::environment_keys::EnvironmentKeys;
use crate::found::{Found, SourceError};
use crate::ini_profile::IniProfile;
use crate::oidc_role::OidcRole;
use crate::refreshing::Refreshing;
use crate::setup::Setup;
use crate::source::{Source, SourceFuture};

/// The default chain for a client: the sources of the official SDKs in their order, configured by the environment of
/// the process. No source is tried before the first call.
pub fn default_provider() -> Refreshing {
    Chain::in_official_order(&Setup::new()).refreshing()
}

/// Sources that are tried in order until one provides credentials.
///
/// **The identity never changes.** The first source that provides credentials, or that is set up and fails, is the
/// source of the chain from then on: later requests go to it alone, even if it fails or is no longer set up. To search
/// again, use a new chain, usually by restarting the program.
pub struct Chain {
    sources: Vec<Box<dyn Source>>,
    /// The index of the first source that provided credentials or failed.
    chosen: OnceLock<usize>,
}

impl Chain {
    /// A chain without sources.
    pub fn new() -> Self {
        Self { sources: Vec::new(), chosen: OnceLock::new() }
    }

    /// Adds a source, which is tried after the others.
    #[must_use]
    pub fn then(mut self, source: impl Source) -> Self {
        self.sources.push(Box::new(source));
        self
    }

    /// The sources of the official SDKs in their order; see the [crate documentation](crate).
    pub fn in_official_order(setup: &Setup) -> Self {
        Self::new()
            .then(EnvironmentKeys::new().setup(setup.clone()))
            .then(OidcRole::new().setup(setup.clone()))
            .then(CliProfile::new().setup(setup.clone()))
            .then(IniProfile::new().setup(setup.clone()))
            .then(EcsRamRole::new().setup(setup.clone()))
            .then(CredentialsUri::new().setup(setup.clone()))
    }

    /// Tries the sources in order and returns the outcome of each, for diagnosis. Does not choose a source.
    pub async fn try_each(&self) -> Vec<SourceOutcome> {
        let mut over = false;
        let mut tried = Vec::new();
        for source in &self.sources {
            let outcome = if over {
                Outcome::NotTried
            } else {
                match source.fetch().await {
                    Ok(found) => Outcome::Provided(found),
                    Err(error) if error.applies() => Outcome::Failed(error),
                    Err(error) => Outcome::NotApplicable(error),
                }
            };
            over |= !matches!(outcome, Outcome::NotApplicable(_));
            tried.push(SourceOutcome { source: source.name(), outcome });
        }
        tried
    }

    async fn ask(&self) -> Result<Found, SourceError> {
        if let Some(chosen) = self.chosen.get() {
            return self.ask_again(*chosen, None).await;
        }
        let mut passed = Vec::new();
        for (index, source) in self.sources.iter().enumerate() {
            let outcome = source.fetch().await;
            if let Err(error) = &outcome
                && !error.applies()
            {
                passed.push(format!("{}: {error}", source.name()));
                continue;
            }
            let chosen = *self.chosen.get_or_init(|| index);
            if chosen != index {
                // Another search was faster.
                return self.ask_again(chosen, None).await;
            }
            return outcome.map(|found| found.within(&source.name())).map_err(|error| {
                let error = error.within(&format!("{} failed", source.name()));
                if passed.is_empty() {
                    return error;
                }
                error.with_more(&format!("; skipped before it: {}", passed.join("; ")))
            });
        }
        Err(SourceError::not_applicable(format!(
            "no source has credentials. {}. Set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, or run `aliyun \
             configure`",
            passed.join("; ")
        )))
    }

    /// Queries the chosen source, for a replacement if the service rejected its credentials.
    async fn ask_again(&self, chosen: usize, refused: Option<&Credentials>) -> Result<Found, SourceError> {
        let source = &self.sources[chosen];
        let outcome = match refused {
            Some(refused) => source.fetch_replacement(refused).await,
            None => source.fetch().await,
        };
        match outcome {
            Ok(found) => Ok(found.within(&source.name())),
            Err(error) => {
                let more = if error.applies() {
                    ""
                } else {
                    "; this source was chosen before and is not replaced by another one; restart the program to search again"
                };
                Err(error.into_failure().within(&format!("{} failed", source.name())).with_more(more))
            }
        }
    }
}

impl Default for Chain {
    fn default() -> Self {
        Self::new()
    }
}

impl Source for Chain {
    fn name(&self) -> Cow<'static, str> {
        "credentials chain".into()
    }

    fn fetch(&self) -> SourceFuture<'_> {
        Box::pin(self.ask())
    }

    fn fetch_replacement<'a>(&'a self, refused: &'a Credentials) -> SourceFuture<'a> {
        Box::pin(async move {
            match self.chosen.get() {
                Some(chosen) => self.ask_again(*chosen, Some(refused)).await,
                None => self.ask().await,
            }
        })
    }
}

/// Prints the names of the sources.
impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.sources.iter().map(|source| source.name())).finish()
    }
}

/// The outcome of one source of a chain.
#[derive(Debug)]
#[non_exhaustive]
pub struct SourceOutcome {
    /// The name of the source.
    pub source: Cow<'static, str>,
    /// The outcome.
    pub outcome: Outcome,
}

/// Whether a source provided credentials.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// It provided credentials, which the chain uses.
    Provided(Found),
    /// It is neither set up nor named.
    NotApplicable(SourceError),
    /// It is named or at least partly set up, and failed. The search ends here.
    Failed(SourceError),
    /// It was not tried, because the search had ended before.
    NotTried,
}
