//! Several sources, asked in order.

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

/// The default chain, ready for a client: the sources of the official SDKs in their order, with everything from the environment of the
/// process. Nothing is asked before the first call.
pub fn default_provider() -> Refreshing {
    Chain::in_official_order(&Setup::new()).refreshing()
}

/// Sources that are asked in order, until one gives credentials.
///
/// **An identity never changes by itself.** The first source that gives credentials, or is set up and fails, is the chain's source
/// from then on: every later request asks it and no other, also while it fails or is gone. A new chain (as a rule, a restart of the
/// program) searches anew.
pub struct Chain {
    sources: Vec<Box<dyn Source>>,
    /// The index of the source that was the first to give credentials or to fail.
    chosen: OnceLock<usize>,
}

impl Chain {
    /// A chain without sources.
    pub fn new() -> Self {
        Self { sources: Vec::new(), chosen: OnceLock::new() }
    }

    /// Adds a source that is asked after the others.
    #[must_use]
    pub fn then(mut self, source: impl Source) -> Self {
        self.sources.push(Box::new(source));
        self
    }

    /// The sources of the official SDKs, in their order: see the [crate's documentation](crate).
    pub fn in_official_order(setup: &Setup) -> Self {
        Self::new()
            .then(EnvironmentKeys::new().setup(setup.clone()))
            .then(OidcRole::new().setup(setup.clone()))
            .then(CliProfile::new().setup(setup.clone()))
            .then(IniProfile::new().setup(setup.clone()))
            .then(EcsRamRole::new().setup(setup.clone()))
            .then(CredentialsUri::new().setup(setup.clone()))
    }

    /// Asks from the first source on, and tells what became of each: to explain, not to provide.
    pub async fn ask_each(&self) -> Vec<Tried> {
        let mut over = false;
        let mut tried = Vec::new();
        for source in &self.sources {
            let outcome = if over {
                Outcome::NotAsked
            } else {
                match source.fetch().await {
                    Ok(found) => Outcome::Gave(found),
                    Err(error) if error.applies() => Outcome::Failed(error),
                    Err(error) => Outcome::DoesNotApply(error),
                }
            };
            over |= !matches!(outcome, Outcome::DoesNotApply(_));
            tried.push(Tried { source: source.name(), outcome });
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
                error.with_more(&format!("; passed over before: {}", passed.join("; ")))
            });
        }
        Err(SourceError::not_applicable(format!(
            "no source has credentials. {}. Set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, or run `aliyun \
             configure`",
            passed.join("; ")
        )))
    }

    /// Asks the source that was chosen, for credentials in place of refused ones if there are such.
    async fn ask_again(&self, chosen: usize, refused: Option<&Credentials>) -> Result<Found, SourceError> {
        let source = &self.sources[chosen];
        let outcome = match refused {
            Some(refused) => source.fetch_instead_of(refused).await,
            None => source.fetch().await,
        };
        match outcome {
            Ok(found) => Ok(found.within(&source.name())),
            Err(error) => {
                let more = if error.applies() {
                    ""
                } else {
                    "; it was the source of this process before, so no other one takes its place; restart the program to search anew"
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

    fn fetch_instead_of<'a>(&'a self, refused: &'a Credentials) -> SourceFuture<'a> {
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

/// What became of a source when a chain was asked.
#[derive(Debug)]
#[non_exhaustive]
pub struct Tried {
    /// The name of the source.
    pub source: Cow<'static, str>,
    /// What it answered.
    pub outcome: Outcome,
}

/// What a source answered.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// Credentials: those that are used.
    Gave(Found),
    /// Nothing of it is set up, and it is not named.
    DoesNotApply(SourceError),
    /// It is named or set up, if only in part, and failed. The search ends here.
    Failed(SourceError),
    /// The search had ended before.
    NotAsked,
}
