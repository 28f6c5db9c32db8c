//! A RAM role that is assumed with the token of an OIDC identity provider: RRSA of Kubernetes, and CI systems.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::file;
use crate::found::{Found, SourceError};
use crate::setup::{Environment, Setup};
use crate::source::{Source, SourceFuture};
use crate::sts::{self, Role, role_setters};

const ROLE: &str = "ALIBABA_CLOUD_ROLE_ARN";
const PROVIDER: &str = "ALIBABA_CLOUD_OIDC_PROVIDER_ARN";
const TOKEN_FILE: &str = "ALIBABA_CLOUD_OIDC_TOKEN_FILE";

/// Temporary credentials of a RAM role for an OIDC token in a file, which is read again at each refresh.
///
/// It fails if one of its three settings (role, identity provider, token file) is missing. A chain skips it only if
/// neither provider nor token file is set.
///
/// The token is sent in the body of the request to STS, never in its URL. No access key is needed.
#[derive(Clone)]
pub struct OidcRole {
    setup: Setup,
    role: Role,
    provider_arn: Option<String>,
    token_file: Option<PathBuf>,
}

impl OidcRole {
    /// The role set by `ALIBABA_CLOUD_ROLE_ARN`, `ALIBABA_CLOUD_OIDC_PROVIDER_ARN`, `ALIBABA_CLOUD_OIDC_TOKEN_FILE` and
    /// `ALIBABA_CLOUD_ROLE_SESSION_NAME`.
    pub fn new() -> Self {
        Self { setup: Setup::new(), role: Role::default(), provider_arn: None, token_file: None }
    }

    pub(crate) fn of(role: Role, provider_arn: Option<String>, token_file: Option<String>, setup: Setup) -> Self {
        Self { setup, role, provider_arn, token_file: token_file.map(PathBuf::from) }
    }

    /// Sets the ARN of the role, `acs:ram::<account>:role/<name>`.
    #[must_use]
    pub fn role_arn(mut self, arn: impl Into<String>) -> Self {
        self.role.arn = Some(arn.into());
        self
    }

    /// Sets the ARN of the identity provider, `acs:ram::<account>:oidc-provider/<name>`.
    #[must_use]
    pub fn provider_arn(mut self, arn: impl Into<String>) -> Self {
        self.provider_arn = Some(arn.into());
        self
    }

    /// Sets the path of the token file.
    #[must_use]
    pub fn token_file(mut self, path: impl AsRef<Path>) -> Self {
        self.token_file = Some(path.as_ref().to_owned());
        self
    }

    role_setters!();

    /// Sets environment, transport and addresses.
    #[must_use]
    pub fn setup(mut self, setup: Setup) -> Self {
        self.setup = setup;
        self
    }

    async fn assume(&self) -> Result<Found, SourceError> {
        let (setup, role) = (&self.setup, &self.role);
        let mut missing = Vec::new();
        // Other sources use the role ARN, too, so the ARN alone does not set up OIDC.
        let mut is_meant = role.arn.is_some();
        let parts = [
            (ROLE, role.arn.is_some()),
            (PROVIDER, self.provider_arn.is_some()),
            (TOKEN_FILE, self.token_file.is_some()),
        ];
        for (name, is_given) in parts {
            if is_given || setup.environment.get(name)?.is_some() {
                is_meant |= name != ROLE;
            } else {
                missing.push(name);
            }
        }
        if !missing.is_empty() {
            let verb = if missing.len() == 1 { "is" } else { "are" };
            let problem = format!("{} {verb} not set", missing.join(" and "));
            return Err(if is_meant {
                SourceError::failed(format!("{problem}, but another setting of OIDC is; set all three or none"))
            } else {
                SourceError::not_applicable(problem)
            });
        }
        let arn = role.arn(setup)?.unwrap_or_default();
        let provider = own_or(self.provider_arn.clone(), &setup.environment, PROVIDER)?;
        let path = match &self.token_file {
            Some(path) => path.clone(),
            None => own_or(None, &setup.environment, TOKEN_FILE)?.into(),
        };
        let file = file::read(&path).await;
        let file = file.map_err(|problem| problem.into_error("the OIDC token cannot be read: "))?;
        let token = Zeroizing::new(file.text.trim().to_owned());
        if token.is_empty() {
            return Err(SourceError::failed(format!("the OIDC token file {} is empty", path.display())));
        }
        let mut request = alibabacloud_sts::AssumeRoleWithOIDC::builder()
            .oidc_provider_arn(provider.trim())
            .role_arn(&arn)
            .oidc_token(&**token)
            .role_session_name(role.session_name(setup)?)
            .build();
        request.duration_seconds = role.seconds()?;
        request.policy.clone_from(&role.policy);
        let answer = role.client(setup, None)?.send(request).await.map_err(sts::refused)?.into_inner();
        let given = answer.credentials.unwrap_or_default();
        let expiration = given.expiration.as_deref();
        let found = sts::found(given.access_key_id, given.access_key_secret, given.security_token, expiration)?;
        Ok(found.identity(&arn).detail(format!("role {arn}")))
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

/// Prints no policy.
impl fmt::Debug for OidcRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OidcRole").field("role", &self.role.arn).finish_non_exhaustive()
    }
}
