//! A RAM role that is assumed with other credentials.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use alibabacloud_runtime::ProvideCredentials;

use crate::found::{Found, SourceError};
use crate::setup::Setup;
use crate::source::{Source, SourceFuture};
use crate::sts::{self, Role, role_setters};

/// Temporary credentials of a RAM role, from STS, for an identity that may assume the role.
#[derive(Clone)]
pub struct AssumeRole {
    setup: Setup,
    base: Arc<dyn ProvideCredentials>,
    role: Role,
    external_id: Option<String>,
}

impl AssumeRole {
    /// Assumes the role with this ARN (`acs:ram::<account>:role/<name>`) with the credentials of `base`:
    /// [`Credentials`] themselves, or a provider.
    ///
    /// [`Credentials`]: crate::Credentials
    pub fn new(base: impl ProvideCredentials, role_arn: impl Into<String>) -> Self {
        let role = Role { arn: Some(role_arn.into()), ..Role::default() };
        Self { setup: Setup::new(), base: Arc::new(base), role, external_id: None }
    }

    pub(crate) fn of(base: Arc<dyn ProvideCredentials>, role: Role, external_id: Option<String>, setup: Setup) -> Self {
        Self { setup, base, role, external_id }
    }

    role_setters!();

    /// The external ID that the trust policy of the role requires. Default: `ALIBABA_CLOUD_EXTERNAL_ID`.
    #[must_use]
    pub fn external_id(mut self, id: impl Into<String>) -> Self {
        self.external_id = Some(id.into());
        self
    }

    /// Sets environment, transport and addresses.
    #[must_use]
    pub fn setup(mut self, setup: Setup) -> Self {
        self.setup = setup;
        self
    }

    async fn assume(&self) -> Result<Found, SourceError> {
        let (setup, role) = (&self.setup, &self.role);
        let Some(arn) = role.arn(setup)? else {
            return Err(SourceError::failed("no role is set; set the ARN of the role to assume"));
        };
        let external_id = match &self.external_id {
            Some(id) => Some(id.clone()),
            None => setup.environment.get("ALIBABA_CLOUD_EXTERNAL_ID")?,
        };
        let mut request =
            alibabacloud_sts::AssumeRole::builder().role_arn(&arn).role_session_name(role.session_name(setup)?).build();
        request.duration_seconds = role.seconds()?;
        request.policy.clone_from(&role.policy);
        request.external_id = external_id;
        let client = role.client(setup, Some(Arc::clone(&self.base)))?;
        let answer = client.send(request).await.map_err(sts::refused)?.into_inner();
        let given = answer.credentials.unwrap_or_default();
        let expiration = given.expiration.as_deref();
        let found = sts::found(given.access_key_id, given.access_key_secret, given.security_token, expiration)?;
        Ok(found.identity(&arn).detail(format!("role {arn}")))
    }
}

impl Source for AssumeRole {
    fn name(&self) -> Cow<'static, str> {
        "assumed role".into()
    }

    fn fetch(&self) -> SourceFuture<'_> {
        Box::pin(self.assume())
    }
}

/// Prints no policy and no external ID.
impl fmt::Debug for AssumeRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssumeRole").field("role", &self.role.arn).finish_non_exhaustive()
    }
}
