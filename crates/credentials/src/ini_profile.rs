//! A profile of the SDKs, `~/.alibabacloud/credentials.ini`.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use alibabacloud_runtime::Credentials;

use crate::assume_role::AssumeRole;
use crate::ecs_ram_role::EcsRamRole;
use crate::file::Location;
use crate::found::{Found, SourceError, misspelt, quoted};
use crate::ini::{self, Section};
use crate::oidc_role::OidcRole;
use crate::setup::Setup;
use crate::source::{Source, SourceFuture};
use crate::sts::Role;

/// The paths in the official SDKs: Python and Java use the first, Go and Node the second.
const BELOW_HOME: [&str; 2] = [".alibabacloud/credentials.ini", ".alibabacloud/credentials"];

/// A section of an INI file: `type` is `access_key`, `ecs_ram_role`, `ram_role_arn` or `oidc_role_arn`.
///
/// A comment begins with `#` or `;`, at the start of a line or after a blank; a `#` in a secret is part of it. The
/// files are never written. The one that provided credentials stays in use.
///
/// A chain skips this source if there is no file, if the file has no section `default`, or if that section is empty or
/// has `enable = false`. It fails if profile or file is named.
#[derive(Debug, Clone, Default)]
pub struct IniProfile {
    setup: Setup,
    path: Option<PathBuf>,
    profile: Option<String>,
    /// The file that provided credentials.
    pinned: Arc<OnceLock<PathBuf>>,
}

impl IniProfile {
    /// The section named in `ALIBABA_CLOUD_PROFILE`, else `default`; in the file named in
    /// `ALIBABA_CLOUD_CREDENTIALS_FILE`, else in `~/.alibabacloud/credentials.ini` or `~/.alibabacloud/credentials`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the name of the section.
    #[must_use]
    pub fn profile(mut self, name: impl Into<String>) -> Self {
        self.profile = Some(name.into());
        self
    }

    /// Sets the path of the file.
    #[must_use]
    pub fn file(mut self, path: impl AsRef<Path>) -> Self {
        (self.path, self.pinned) = (Some(path.as_ref().to_owned()), Arc::default());
        self
    }

    /// Sets environment, transport and addresses.
    #[must_use]
    pub fn setup(mut self, setup: Setup) -> Self {
        (self.setup, self.pinned) = (setup, Arc::default());
        self
    }

    async fn read(&self) -> Result<Found, SourceError> {
        let environment = &self.setup.environment;
        let variable = environment.get("ALIBABA_CLOUD_PROFILE")?;
        let is_named = self.profile.is_some() || variable.is_some();
        let name = self.profile.clone().or(variable).unwrap_or_else(|| "default".to_owned());
        let outcome = self.read_section(&name).await;
        if !is_named {
            return outcome;
        }
        // This is the last source with profiles, so the named one must be here.
        outcome.map_err(|error| error.into_failure().within(&format!("profile {}", quoted(&name))))
    }

    async fn read_section(&self, name: &str) -> Result<Found, SourceError> {
        let environment = &self.setup.environment;
        let given = self.path.as_deref().or_else(|| self.pinned.get().map(PathBuf::as_path));
        let location = Location::of(given, environment, "ALIBABA_CLOUD_CREDENTIALS_FILE", &BELOW_HOME)?;
        let (path, file) = location.read().await?;
        let shown = path.display();
        let if_named = |error: SourceError| if location.is_named { error.into_failure() } else { error };
        let (source, kind) = {
            let sections = ini::parse(&file.text).map_err(|line| {
                SourceError::failed(format!(
                    "{shown} is not a valid INI file: line {line} is neither `[section]`, nor `key = value` in one, nor a comment"
                ))
            })?;
            let mut sections = sections.iter().filter(|section| section.name == name);
            let section = sections.next().ok_or_else(|| {
                if_named(SourceError::not_applicable(format!("{shown} has no section {}", quoted(name))))
            })?;
            if let Some(second) = sections.next() {
                let (first, second) = (section.line, second.line);
                return Err(SourceError::failed(format!(
                    "{shown} has two sections {}, on lines {first} and {second}; remove one",
                    quoted(name)
                )));
            }
            if let Some((first, second)) = section.repeated() {
                return Err(SourceError::failed(format!(
                    "{shown} gives a key of the section {} twice, on lines {first} and {second}; remove one",
                    quoted(name)
                )));
            }
            self.source(section).map_err(|error| if_named(error.within(&format!("{shown}"))))?
        };
        let place = format!("type {kind} in {shown}");
        // A section must work.
        let found = source.fetch().await.map_err(|error| error.into_failure().within(&place))?;
        // The other file may have another identity.
        let _ = self.pinned.set(path.to_owned());
        Ok(found.within(&place).warnings_of(file.warning.into_iter().collect()))
    }

    fn source(&self, section: &Section<'_>) -> Result<(Box<dyn Source>, &'static str), SourceError> {
        if section.get("enable").is_some_and(|enable| enable.eq_ignore_ascii_case("false")) {
            return Err(SourceError::not_applicable("its section is disabled (`enable = false`)"));
        }
        if section.is_empty() {
            return Err(SourceError::not_applicable("its section is empty"));
        }
        let own = |key: &str| section.get(key).map(ToOwned::to_owned);
        let key = || match (own("access_key_id"), own("access_key_secret")) {
            (Some(id), Some(secret)) => Some(Credentials::new(id, secret)),
            _ => None,
        };
        let role = Role {
            arn: own("role_arn"),
            session_name: own("role_session_name"),
            policy: section.whole("policy").map(|policy| policy.trim().to_owned()),
            ..Role::default()
        };
        let lacks = |key: &str| SourceError::failed(format!("its section lacks `{key}`"));
        let setup = self.setup.clone();
        Ok(match section.get("type").map(str::to_ascii_lowercase).as_deref() {
            Some("access_key") => {
                let key = key().ok_or_else(|| lacks("access_key_id` or `access_key_secret"))?;
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
                let kind = misspelt(section.get("type").unwrap_or_default());
                return Err(SourceError::failed(format!(
                    "its section has an unknown `type`{kind}; the types are access_key, ecs_ram_role, ram_role_arn and oidc_role_arn"
                )));
            }
            None => return Err(lacks("type`, e.g. `type = access_key")),
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
