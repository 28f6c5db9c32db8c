//! Calls STS, and reads credentials from its responses.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use alibabacloud_runtime::{Credentials, Endpoint, Error, Network, ProvideCredentials};
use alibabacloud_sts::Client;

use crate::found::{Found, SourceError};
use crate::setup::Setup;
use crate::time;

const ATTEMPT_LIMIT: Duration = Duration::from_secs(10);
const LIMIT: Duration = Duration::from_secs(25);

/// The shortest session that STS allows, in seconds.
const SHORTEST: u32 = 900;

/// The settings of a role, shared by all ways to assume it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Role {
    pub(crate) arn: Option<String>,
    pub(crate) session_name: Option<String>,
    pub(crate) seconds: Option<u32>,
    pub(crate) policy: Option<String>,
    pub(crate) endpoint: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) vpc: Option<bool>,
}

impl Role {
    /// The ARN of the role; `None` if neither a setting nor the environment has one.
    pub(crate) fn arn(&self, setup: &Setup) -> Result<Option<String>, SourceError> {
        let arn = match &self.arn {
            Some(arn) => arn.clone(),
            None => match setup.environment.get("ALIBABA_CLOUD_ROLE_ARN")? {
                Some(arn) => arn,
                None => return Ok(None),
            },
        };
        let arn = arn.trim();
        let parts: Vec<_> = arn.splitn(5, ':').collect();
        let is_arn = matches!(parts[..], ["acs", "ram", _, account, role]
            if !account.is_empty() && role.strip_prefix("role/").is_some_and(|name| !name.is_empty()));
        if is_arn {
            Ok(Some(arn.to_owned()))
        } else {
            Err(SourceError::failed(
                "the ARN of the role is invalid; it must have the form `acs:ram::123456789012****:role/name`",
            ))
        }
    }

    /// The name of the session in audit logs.
    pub(crate) fn session_name(&self, setup: &Setup) -> Result<String, SourceError> {
        let name = match &self.session_name {
            Some(name) => Some(name.clone()),
            None => setup.environment.get("ALIBABA_CLOUD_ROLE_SESSION_NAME")?,
        };
        let Some(name) = name else {
            let seconds = setup.now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
            return Ok(format!("rust-sdk-{seconds}"));
        };
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".@-_".contains(&byte);
        if (2..=64).contains(&name.len()) && name.bytes().all(allowed) {
            Ok(name)
        } else {
            Err(SourceError::failed(
                "the name of the role session must be 2 to 64 letters, digits and `.`, `@`, `-`, `_`",
            ))
        }
    }

    pub(crate) fn seconds(&self) -> Result<Option<i64>, SourceError> {
        match self.seconds {
            Some(seconds) if seconds < SHORTEST => {
                Err(SourceError::failed(format!("the duration of a role session must be at least {SHORTEST} seconds")))
            }
            seconds => Ok(seconds.map(i64::from)),
        }
    }

    /// A client of STS: with the given endpoint, else that of the region, else the central one.
    pub(crate) fn client(
        &self,
        setup: &Setup,
        credentials: Option<Arc<dyn ProvideCredentials>>,
    ) -> Result<Client, SourceError> {
        let environment = &setup.environment;
        let endpoint = match (&setup.sts_endpoint, &self.endpoint, &self.region) {
            (Some(endpoint), _, _) | (None, Some(endpoint), _) => Some(endpoint.clone()),
            (None, None, Some(_)) => None,
            (None, None, None) => environment.get("ALIBABA_CLOUD_STS_ENDPOINT")?,
        };
        let region = match &self.region {
            Some(region) => Some(region.clone()),
            None => environment.get("ALIBABA_CLOUD_STS_REGION")?,
        };
        let vpc = match self.vpc {
            Some(vpc) => vpc,
            None => environment.flag("ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED")?,
        };
        let mut builder = Client::builder().attempt_timeout(ATTEMPT_LIMIT).deadline(LIMIT);
        let mut is_loopback = false;
        if let Some(endpoint) = endpoint {
            let endpoint = endpoint.trim();
            is_loopback = endpoint.parse::<Endpoint>().is_ok_and(|endpoint| endpoint.is_loopback());
            builder = builder.endpoint(endpoint);
        } else if let Some(region) = region {
            builder = builder.region(region.trim()).network(if vpc { Network::Vpc } else { Network::Public });
        }
        let transport = if is_loopback { setup.http.direct() } else { setup.http.proxied() };
        let transport = transport.map_err(|error| SourceError::failed(error.to_string()).with_source(error))?;
        builder = builder.transport(transport);
        if let Some(credentials) = credentials {
            builder = builder.credentials(credentials);
        }
        let clock = Arc::clone(&setup.clock);
        builder = builder.clock(move || clock());
        builder
            .build()
            .map_err(|error| SourceError::failed(format!("STS cannot be called: {error}")).with_source(error))
    }
}

impl Setup {
    /// A client of STS with these settings, e.g. to find out the identity of credentials.
    ///
    /// # Errors
    /// Fails if the endpoint in the environment is invalid.
    pub fn sts_client(&self, credentials: impl ProvideCredentials) -> Result<Client, SourceError> {
        Role::default().client(self, Some(Arc::new(credentials)))
    }
}

/// The setters of every source that assumes a role.
macro_rules! role_setters {
    () => {
        /// Sets the name of the session in audit logs: 2 to 64 letters, digits and `.`, `@`, `-`, `_`. Default:
        /// `ALIBABA_CLOUD_ROLE_SESSION_NAME`, else `rust-sdk-` and the time.
        #[must_use]
        pub fn session_name(mut self, name: impl Into<String>) -> Self {
            self.role.session_name = Some(name.into());
            self
        }

        /// Sets how long the credentials are valid, in seconds: from 900 to the maximum of the role. Default: 3600.
        #[must_use]
        pub fn duration_seconds(mut self, seconds: u32) -> Self {
            self.role.seconds = Some(seconds);
            self
        }

        /// Sets a policy, as JSON, that restricts the permissions of the role.
        #[must_use]
        pub fn policy(mut self, policy: impl Into<String>) -> Self {
            self.role.policy = Some(policy.into());
            self
        }
    };
}
pub(crate) use role_setters;

/// Valid credentials; all four members are required.
pub(crate) fn found(
    id: Option<String>,
    secret: Option<String>,
    token: Option<String>,
    expiration: Option<&str>,
) -> Result<Found, SourceError> {
    let expiration = expiration.and_then(time::parse);
    match (id, secret, token, expiration) {
        (Some(id), Some(secret), Some(token), Some(_)) => {
            let found = Found::checked(Credentials::temporary(id, secret, token, expiration));
            found.map_err(|error| error.within("STS returned invalid credentials"))
        }
        _ => Err(SourceError::failed("the response of STS has no credentials, or no expiration")),
    }
}

/// The error of STS, with advice. The runtime's error shows no key and no token.
pub(crate) fn refused(error: Error) -> SourceError {
    let advice = match error.code() {
        Some("NoPermission") => {
            "; the trust policy of the role must name the caller, and the caller needs `sts:AssumeRole`"
        }
        Some("EntityNotExist.Role" | "EntityNotExist.RoleForOIDCProvider") => "; check the ARN of the role",
        Some(code) if code.starts_with("AuthenticationFail.OIDCToken") => {
            "; check that the token is fresh and was issued for this identity provider"
        }
        _ => "",
    };
    SourceError::failed(format!("{error}{advice}")).with_source(error)
}
