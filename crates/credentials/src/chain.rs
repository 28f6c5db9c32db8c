//! Several sources, asked in order.

use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::cli_profile::CliProfile;
use crate::credentials_uri::CredentialsUri;
use crate::ecs_ram_role::EcsRamRole;
use crate::environment_keys::EnvironmentKeys;
use crate::ini_profile::IniProfile;
use crate::oidc_role::OidcRole;
use crate::refreshing::Refreshing;
use crate::setup::Setup;
use crate::source::{Found, Source, SourceError, SourceFuture};

/// No source.
const NONE: usize = usize::MAX;

/// The default chain, ready for a client: the sources of the official SDKs in their order, with everything from the environment of the
/// process. Nothing is asked before the first call.
pub fn default_provider() -> Refreshing {
    Chain::in_official_order(&Setup::new()).refreshing()
}

/// Sources that are asked in order, until one gives credentials.
///
/// The source that gave some is asked again at the next refresh, so that the identity stays the same; once it fails, the one after
/// that begins with the first source again.
pub struct Chain {
    sources: Vec<Box<dyn Source>>,
    /// The index of the source that gave credentials last.
    last: AtomicUsize,
}

impl Chain {
    /// A chain without sources.
    pub fn new() -> Self {
        Self { sources: Vec::new(), last: AtomicUsize::new(NONE) }
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
        let last = self.last.swap(NONE, Ordering::Relaxed);
        if let Some(source) = self.sources.get(last) {
            let found = source.fetch().await.map_err(|error| error.into_failure().within(&source.name()))?;
            self.last.store(last, Ordering::Relaxed);
            return Ok(found);
        }
        let mut passed = Vec::new();
        for (index, source) in self.sources.iter().enumerate() {
            match source.fetch().await {
                Ok(found) => {
                    self.last.store(index, Ordering::Relaxed);
                    return Ok(found.within(&source.name()));
                }
                Err(error) if error.applies() => {
                    let mut message = format!("{} failed: {error}", source.name());
                    if !passed.is_empty() {
                        message.push_str(&format!("; passed over before: {}", passed.join("; ")));
                    }
                    return Err(SourceError::failed(message));
                }
                Err(error) => passed.push(format!("{}: {error}", source.name())),
            }
        }
        Err(SourceError::not_applicable(format!(
            "no source has credentials. {}. Set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, or run `aliyun \
             configure`",
            passed.join("; ")
        )))
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
}

/// Prints the names of the sources.
impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.sources.iter().map(|source| source.name())).finish()
    }
}

/// What became of a source when a chain was asked.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Tried {
    /// The name of the source.
    pub source: Cow<'static, str>,
    /// What it answered.
    pub outcome: Outcome,
}

/// What a source answered.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Outcome {
    /// Credentials: those that are used.
    Gave(Found),
    /// It is not set up, or not completely.
    DoesNotApply(SourceError),
    /// It is set up, and failed. The search ends here.
    Failed(SourceError),
    /// The search had ended before.
    NotAsked,
}
