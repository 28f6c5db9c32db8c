//! A RAM role, assumed with a token of an OIDC identity provider: RRSA of Kubernetes, and CI systems.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::file;
use crate::setup::{Environment, Setup};
use crate::source::{Found, Source, SourceError, SourceFuture};
use crate::sts::{self, Role};

const ROLE: &str = "ALIBABA_CLOUD_ROLE_ARN";
const PROVIDER: &str = "ALIBABA_CLOUD_OIDC_PROVIDER_ARN";
const TOKEN_FILE: &str = "ALIBABA_CLOUD_OIDC_TOKEN_FILE";

/// Temporary credentials of a RAM role for the OIDC token in a file, which is read anew at each refresh.
///
/// The token travels in the body of the request to STS, never in its URL, and no access key is needed.
#[derive(Clone)]
pub struct OidcRole {
    setup: Setup,
    role: Role,
    provider_arn: Option<String>,
    token_file: Option<PathBuf>,
}

impl OidcRole {
    /// What `ALIBABA_CLOUD_ROLE_ARN`, `ALIBABA_CLOUD_OIDC_PROVIDER_ARN`, `ALIBABA_CLOUD_OIDC_TOKEN_FILE` and
    /// `ALIBABA_CLOUD_ROLE_SESSION_NAME` say.
    pub fn new() -> Self {
        Self { setup: Setup::new(), role: Role::default(), provider_arn: None, token_file: None }
    }

    pub(crate) fn of(role: Role, provider_arn: Option<String>, token_file: Option<String>, setup: Setup) -> Self {
        Self { setup, role, provider_arn, token_file: token_file.map(PathBuf::from) }
    }

    /// The ARN of the role, `acs:ram::<account>:role/<name>`.
    #[must_use]
    pub fn role_arn(mut self, arn: impl Into<String>) -> Self {
        self.role.arn = Some(arn.into());
        self
    }

    /// The ARN of the identity provider, `acs:ram::<account>:oidc-provider/<name>`.
    #[must_use]
    pub fn provider_arn(mut self, arn: impl Into<String>) -> Self {
        self.provider_arn = Some(arn.into());
        self
    }

    /// The file with the token.
    #[must_use]
    pub fn token_file(mut self, path: impl AsRef<Path>) -> Self {
        self.token_file = Some(path.as_ref().to_owned());
        self
    }

    /// The name of the session in audit logs; see [`AssumeRole::session_name`](crate::AssumeRole::session_name).
    #[must_use]
    pub fn session_name(mut self, name: impl Into<String>) -> Self {
        self.role.session_name = Some(name.into());
        self
    }

    /// How long the credentials are valid, in seconds: from 900 to what the role allows. Default: 3600.
    #[must_use]
    pub fn duration_seconds(mut self, seconds: u32) -> Self {
        self.role.seconds = Some(seconds);
        self
    }

    /// A policy as JSON text that takes permissions away from those of the role.
    #[must_use]
    pub fn policy(mut self, policy: impl Into<String>) -> Self {
        self.role.policy = Some(policy.into());
        self
    }

    /// Where and how to ask.
    #[must_use]
    pub fn setup(mut self, setup: Setup) -> Self {
        self.setup = setup;
        self
    }

    async fn assume(&self) -> Result<Found, SourceError> {
        let (setup, role) = (&self.setup, &self.role);
        let given = |own: bool, name| Ok::<_, SourceError>(own || setup.environment.get(name)?.is_some());
        let parts = [
            (ROLE, given(role.arn.is_some(), ROLE)?),
            (PROVIDER, given(self.provider_arn.is_some(), PROVIDER)?),
            (TOKEN_FILE, given(self.token_file.is_some(), TOKEN_FILE)?),
        ];
        let missing: Vec<_> = parts.iter().filter(|(_, there)| !there).map(|(name, _)| *name).collect();
        if !missing.is_empty() {
            return Err(SourceError::not_applicable(match missing.len() {
                1 => format!("{} is not set, although the other two settings of OIDC are", missing[0]),
                2 => format!("{} are not set", missing.join(" and ")),
                _ => format!("{} are not set", missing.join(", ")),
            }));
        }
        let arn = role.arn(setup)?.unwrap_or_default();
        let provider = own_or(self.provider_arn.clone(), &setup.environment, PROVIDER)?;
        let path = match &self.token_file {
            Some(path) => path.clone(),
            None => own_or(None, &setup.environment, TOKEN_FILE)?.into(),
        };
        let file = file::read(&path).map_err(|problem| {
            SourceError::failed(format!("the OIDC token: {}; its platform must write it there", problem.message))
        })?;
        let token = Zeroizing::new(file.text.trim().to_owned());
        if token.is_empty() {
            return Err(SourceError::failed(format!("the file of the OIDC token, {}, is empty", path.display())));
        }
        let mut request = alibabacloud_sts::AssumeRoleWithOIDC::builder()
            .oidc_provider_arn(provider.trim())
            .role_arn(&arn)
            .oidc_token(&**token)
            .role_session_name(role.session_name(setup)?)
            .build();
        request.duration_seconds = role.seconds()?;
        request.policy.clone_from(&role.policy);
        let answer = role.client(setup, None)?.send(request).await.map_err(|error| sts::refused(&error))?.into_inner();
        let given = answer.credentials.unwrap_or_default();
        let expiration = given.expiration.as_deref();
        let credentials =
            sts::credentials(given.access_key_id, given.access_key_secret, given.security_token, expiration)?;
        Ok(Found::new(credentials).detail(format!("role {arn}")))
    }
}

fn own_or(own: Option<String>, environment: &Environment, name: &str) -> Result<String, SourceError> {
    match own {
        Some(own) => Ok(own),
        None => Ok(environment.get(name)?.unwrap_or_default()),
    }
}

impl Default for OidcRole {
    fn default() -> Self {
        Self::new()
    }
}

impl Source for OidcRole {
    fn name(&self) -> Cow<'static, str> {
        "OIDC role".into()
    }

    fn fetch(&self) -> SourceFuture<'_> {
        Box::pin(self.assume())
    }
}

/// Without the policy.
impl fmt::Debug for OidcRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OidcRole").field("role", &self.role.arn).finish_non_exhaustive()
    }
}
