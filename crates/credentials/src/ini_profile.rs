//! A profile of the SDKs, `~/.alibabacloud/credentials.ini`.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use alibabacloud_runtime::Credentials;

use crate::assume_role::AssumeRole;
use crate::ecs_ram_role::EcsRamRole;
use crate::file::Location;
use crate::ini::{self, Section};
use crate::oidc_role::OidcRole;
use crate::setup::Setup;
use crate::source::{Found, Source, SourceError, SourceFuture};
use crate::sts::Role;

/// The two spellings in the official SDKs: Python and Java have the first, Go and Node the second.
const BELOW_HOME: [&str; 2] = [".alibabacloud/credentials.ini", ".alibabacloud/credentials"];

/// A section of an INI file: `type` is `access_key`, `ecs_ram_role`, `ram_role_arn` or `oidc_role_arn`.
///
/// A value goes to the end of its line, so a `#` in a secret is part of it. A section with `enable = false` is passed over. The file is
/// only ever read.
#[derive(Debug, Clone, Default)]
pub struct IniProfile {
    setup: Setup,
    path: Option<PathBuf>,
    profile: Option<String>,
}

impl IniProfile {
    /// The section that `ALIBABA_CLOUD_PROFILE` names, else `default`; the file that `ALIBABA_CLOUD_CREDENTIALS_FILE` names, else
    /// `~/.alibabacloud/credentials.ini` or `~/.alibabacloud/credentials`.
    pub fn new() -> Self {
        Self::default()
    }

    /// The section of this name.
    #[must_use]
    pub fn profile(mut self, name: impl Into<String>) -> Self {
        self.profile = Some(name.into());
        self
    }

    /// Another file.
    #[must_use]
    pub fn file(mut self, path: impl AsRef<Path>) -> Self {
        self.path = Some(path.as_ref().to_owned());
        self
    }

    /// Where and how to ask.
    #[must_use]
    pub fn setup(mut self, setup: Setup) -> Self {
        self.setup = setup;
        self
    }

    async fn read(&self) -> Result<Found, SourceError> {
        let environment = &self.setup.environment;
        let location = Location::of(self.path.as_deref(), environment, "ALIBABA_CLOUD_CREDENTIALS_FILE", &BELOW_HOME)?;
        let name = match &self.profile {
            Some(name) => name.clone(),
            None => environment.get("ALIBABA_CLOUD_PROFILE")?.unwrap_or_else(|| "default".to_owned()),
        };
        let (path, file) = location.read()?;
        let shown = path.display();
        let (source, kind) = {
            let sections = ini::parse(&file.text).map_err(|line| {
                SourceError::failed(format!(
                    "{shown} is not a valid INI file: line {line} is neither `[section]`, nor `key = value` in one, nor a comment"
                ))
            })?;
            let section = sections.iter().find(|section| section.name == name).ok_or_else(|| {
                SourceError::not_applicable(format!(
                    "{shown} has no section for the profile (ALIBABA_CLOUD_PROFILE, else `default`)"
                ))
            })?;
            self.source(section).map_err(|error| error.within(&format!("{shown}")))?
        };
        let place = format!("type {kind} in {shown}");
        let found = source.fetch().await.map_err(|error| error.within(&place))?;
        Ok(found.within(&place).warnings_of(file.warning.into_iter().collect()))
    }

    fn source(&self, section: &Section<'_>) -> Result<(Box<dyn Source>, &'static str), SourceError> {
        if section.get("enable").is_some_and(|enable| enable.eq_ignore_ascii_case("false")) {
            return Err(SourceError::not_applicable("its section is switched off (`enable = false`)"));
        }
        let own = |key: &str| section.get(key).map(ToOwned::to_owned);
        let key = || match (own("access_key_id"), own("access_key_secret")) {
            (Some(id), Some(secret)) => Some(Credentials::new(id, secret)),
            _ => None,
        };
        let role = Role {
            arn: own("role_arn"),
            session_name: own("role_session_name"),
            policy: own("policy"),
            ..Role::default()
        };
        let lacks = |key: &str| SourceError::failed(format!("its section lacks `{key}`"));
        let setup = self.setup.clone();
        Ok(match section.get("type").map(str::to_ascii_lowercase).as_deref() {
            Some("access_key") => {
                let key = key().ok_or_else(|| {
                    SourceError::not_applicable("its section lacks `access_key_id` or `access_key_secret`")
                })?;
                (Box::new(key), "access_key")
            }
            Some("ecs_ram_role") => {
                let source = EcsRamRole::new().setup(setup);
                (
                    Box::new(match own("role_name") {
                        Some(name) => source.role(name),
                        None => source,
                    }),
                    "ecs_ram_role",
                )
            }
            Some("ram_role_arn") => {
                let base = key().ok_or_else(|| lacks("access_key_id` or `access_key_secret"))?;
                (Box::new(AssumeRole::of(Arc::new(base), role, None, setup)), "ram_role_arn")
            }
            Some("oidc_role_arn") => {
                let (provider, token) = (own("oidc_provider_arn"), own("oidc_token_file_path"));
                (Box::new(OidcRole::of(role, provider, token, setup)), "oidc_role_arn")
            }
            Some("rsa_key_pair") => {
                return Err(SourceError::failed(
                    "its section has the type `rsa_key_pair`, which Alibaba Cloud has retired; use `ram_role_arn` or `ecs_ram_role`",
                ));
            }
            Some(_) => {
                return Err(SourceError::failed(
                    "its section has an unknown `type`; known are access_key, ecs_ram_role, ram_role_arn and oidc_role_arn",
                ));
            }
            None => return Err(SourceError::not_applicable("its section has no `type`, e.g. `type = access_key`")),
        })
    }
}

impl Source for IniProfile {
    fn name(&self) -> Cow<'static, str> {
        "INI profile".into()
    }

    fn fetch(&self) -> SourceFuture<'_> {
        Box::pin(self.read())
    }
}
