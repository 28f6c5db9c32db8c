//! A profile of the official command line, `~/.aliyun/config.json`.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use alibabacloud_runtime::{Credentials, ProvideCredentials};
use zeroize::{Zeroize as _, Zeroizing};

use crate::answer::WipedJson;
use crate::assume_role::AssumeRole;
use crate::cloud_sso::CloudSso;
use crate::credentials_uri::CredentialsUri;
use crate::ecs_ram_role::EcsRamRole;
use crate::external_process::ExternalProcess;
use crate::file::Location;
use crate::oauth::{Memory, OAuth, Tokens};
use crate::oidc_role::OidcRole;
use crate::refreshing::Refreshing;
use crate::setup::Setup;
use crate::source::{Found, Source, SourceError, SourceFuture};
use crate::sts::Role;

/// A profile that `aliyun configure` wrote. The file is only ever read.
///
/// Modes: `AK`, `StsToken`, `RamRoleArn`, `EcsRamRole`, `OIDC`, `ChainableRamRoleArn`, `CloudSSO`, `OAuth`, `External`,
/// `CredentialsURI`, and the deprecated `RamRoleArnWithRoleName`; in any case. `RsaKeyPair`, `BearerToken` and `Anonymous` are
/// refused in words.
///
/// A sign-in by `OAuth` is renewed in memory. If the server replaces its refresh token then, the command line must sign in again one
/// day.
#[derive(Clone, Default)]
pub struct CliProfile {
    setup: Setup,
    path: Option<PathBuf>,
    profile: Option<String>,
    memory: Memory,
}

impl CliProfile {
    /// The profile that `ALIBABA_CLOUD_PROFILE` names, else the current one of the file; the file that `ALIBABA_CLOUD_CONFIG_FILE`
    /// names, else `~/.aliyun/config.json`.
    pub fn new() -> Self {
        Self::default()
    }

    /// The profile of this name.
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
        if environment.flag("ALIBABA_CLOUD_CLI_PROFILE_DISABLED")? {
            return Err(SourceError::not_applicable("ALIBABA_CLOUD_CLI_PROFILE_DISABLED switches it off"));
        }
        let below_home = [".aliyun/config.json"];
        let location = Location::of(self.path.as_deref(), environment, "ALIBABA_CLOUD_CONFIG_FILE", &below_home)?;
        let (path, file) = location.read()?;
        let shown = path.display();
        let mut json = WipedJson::parse(file.text.as_bytes()).map_err(|error| {
            // Of the error only the place is shown: its text is ours to vouch for, not the parser's.
            let (line, column) = (error.line(), error.column());
            SourceError::failed(format!(
                "{shown} is not valid JSON (line {line}, column {column}); correct it, or let `aliyun configure` write it"
            ))
        })?;
        let named = match &self.profile {
            Some(name) => Some(name.clone()),
            None => environment.get("ALIBABA_CLOUD_PROFILE")?,
        };
        let name = named.or_else(|| json.text("current").map(ToOwned::to_owned)).ok_or_else(|| {
            SourceError::not_applicable(format!("{shown} has no current profile; `aliyun configure` sets one"))
        })?;
        let mut profiles = Profiles { list: json.take_objects("profiles"), profile: self, asked: Vec::new() };
        let (source, mode) = profiles.source(&name).map_err(|error| error.within(&format!("{shown}")))?;
        let place = format!("profile {} of {shown}", quoted(&name));
        let found = source.fetch().await.map_err(|error| error.within(&place))?;
        Ok(found.within(&format!("{place}, mode {mode}")).warnings_of(file.warning.into_iter().collect()))
    }
}

/// The profiles of a file, and the names that were asked for on the way to the base.
struct Profiles<'a> {
    list: Vec<WipedJson>,
    profile: &'a CliProfile,
    asked: Vec<String>,
}

impl Profiles<'_> {
    /// The source that a profile describes, and the name of its mode.
    fn source(&mut self, name: &str) -> Result<(Box<dyn Source>, &'static str), SourceError> {
        let shown = quoted(name);
        if self.asked.iter().any(|asked| asked == name) {
            let circle: Vec<_> = self.asked.iter().map(|name| quoted(name)).collect();
            return Err(SourceError::failed(format!(
                "the profiles go round in a circle: {} → {shown}; one of them must have a `source_profile` with keys of its own",
                circle.join(" → ")
            )));
        }
        self.asked.push(name.to_owned());
        let Some(index) = self.list.iter().position(|profile| profile.text("name") == Some(name)) else {
            return Err(SourceError::not_applicable(format!(
                "there is no profile {shown}; `aliyun configure list` shows which there are"
            )));
        };
        let mode = self.list[index].text("mode").unwrap_or("AK").to_ascii_lowercase();
        let place = format!("profile {shown}");
        if mode == "chainableramrolearn" {
            let base = self.list[index].text("source_profile").map(ToOwned::to_owned);
            let base = base.ok_or_else(|| lacks(&place, "source_profile"))?;
            let (base, _) = self.source(&base).map_err(SourceError::into_failure)?;
            let base = self.provider(base);
            return Ok((self.assumed(base, index, &place)?, "ChainableRamRoleArn"));
        }
        let setup = &self.profile.setup;
        let profile = &mut self.list[index];
        Ok(match mode.as_str() {
            "ak" => (access_key(profile, &place)?, "AK"),
            "ststoken" => (session(profile, &place)?, "StsToken"),
            "ramrolearn" => {
                let (id, secret) = key(profile).ok_or_else(|| lacks(&place, "access_key_id` or `access_key_secret"))?;
                let base = match profile.take("sts_token") {
                    Some(token) => Credentials::temporary(id, secret, token, None),
                    None => Credentials::new(id, secret),
                };
                (self.assumed(Arc::new(base), index, &place)?, "RamRoleArn")
            }
            "ecsramrole" => (Box::new(metadata(profile, setup)), "EcsRamRole"),
            "ramrolearnwithrolename" => {
                let base = Box::new(metadata(profile, setup));
                let base = self.provider(base);
                (self.assumed(base, index, &place)?, "RamRoleArnWithRoleName")
            }
            "oidc" => {
                let role = role(profile, &place)?;
                let provider = profile.take("oidc_provider_arn");
                let token_file = profile.take("oidc_token_file");
                if provider.is_none() || token_file.is_none() {
                    return Err(lacks(&place, "oidc_provider_arn` or `oidc_token_file"));
                }
                (Box::new(OidcRole::of(role, provider, token_file, setup.clone())), "OIDC")
            }
            "cloudsso" => (Box::new(cloud_sso(profile, setup, &place)?), "CloudSSO"),
            "oauth" => {
                let time = |profile: &WipedJson, key| profile.time(key).map_err(|problem| wrong(&place, &problem));
                let file = Tokens {
                    access_expiration: time(profile, "oauth_access_token_expire")?,
                    refresh: profile.take("oauth_refresh_token").map(Zeroizing::new),
                    access: profile.take("oauth_access_token").map(Zeroizing::new),
                };
                let site = profile.take("oauth_site_type");
                let memory = self.profile.memory.clone();
                (Box::new(OAuth { setup: setup.clone(), site, file, stored: stored(profile), memory }), "OAuth")
            }
            "external" => {
                let command = profile.take("process_command").ok_or_else(|| lacks(&place, "process_command"))?;
                (Box::new(ExternalProcess::new(command).setup(setup.clone())), "External")
            }
            "credentialsuri" => {
                if !setup.runs_external_processes()? {
                    return Err(wrong(&place, "ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS forbids its mode"));
                }
                let uri = profile.take("credentials_uri").ok_or_else(|| lacks(&place, "credentials_uri"))?;
                (Box::new(CredentialsUri::at(uri).setup(setup.clone())), "CredentialsURI")
            }
            _ => return Err(refused(&mode, &place)),
        })
    }

    fn provider(&self, base: Box<dyn Source>) -> Arc<dyn ProvideCredentials> {
        let clock = Arc::clone(&self.profile.setup.clock);
        Arc::new(Refreshing::with_clock(Arc::<dyn Source>::from(base), clock))
    }

    fn assumed(
        &mut self,
        base: Arc<dyn ProvideCredentials>,
        index: usize,
        place: &str,
    ) -> Result<Box<dyn Source>, SourceError> {
        let profile = &mut self.list[index];
        let role = role(profile, place)?;
        let external_id = profile.take("external_id");
        Ok(Box::new(AssumeRole::of(base, role, external_id, self.profile.setup.clone())))
    }
}

fn access_key(profile: &mut WipedJson, place: &str) -> Result<Box<dyn Source>, SourceError> {
    let (id, secret) = key(profile).ok_or_else(|| {
        SourceError::not_applicable(format!("{place} has no access key yet; `aliyun configure` sets one"))
    })?;
    Ok(Box::new(Credentials::new(id, secret)))
}

fn session(profile: &mut WipedJson, place: &str) -> Result<Box<dyn Source>, SourceError> {
    let expiration = profile.time("sts_expiration").ok().flatten();
    match (key(profile), profile.take("sts_token")) {
        (Some((id, secret)), Some(token)) => Ok(Box::new(Credentials::temporary(id, secret, token, expiration))),
        _ => Err(SourceError::not_applicable(format!(
            "{place} has no key with a token yet; `aliyun configure --mode StsToken` sets them"
        ))),
    }
}

/// Why a mode gives no credentials.
fn refused(mode: &str, place: &str) -> SourceError {
    wrong(
        place,
        match mode {
            "rsakeypair" => "has the mode RsaKeyPair, which Alibaba Cloud has retired; use RamRoleArn or EcsRamRole",
            "bearertoken" | "anonymous" => {
                "has the mode BearerToken or Anonymous, with which requests cannot be signed; choose another profile"
            }
            _ => {
                "has an unknown mode; known are AK, StsToken, RamRoleArn, EcsRamRole, OIDC, ChainableRamRoleArn, CloudSSO, OAuth, \
                 External and CredentialsURI"
            }
        },
    )
}

fn key(profile: &mut WipedJson) -> Option<(String, String)> {
    match (profile.take("access_key_id"), profile.take("access_key_secret")) {
        (Some(id), Some(secret)) => Some((id, secret)),
        (id, secret) => {
            [id, secret].into_iter().flatten().for_each(|mut text| text.zeroize());
            None
        }
    }
}

fn metadata(profile: &mut WipedJson, setup: &Setup) -> EcsRamRole {
    let source = EcsRamRole::new().setup(setup.clone());
    match profile.take("ram_role_name") {
        Some(role) => source.role(role),
        None => source,
    }
}

fn role(profile: &mut WipedJson, place: &str) -> Result<Role, SourceError> {
    let seconds = match profile.number("expired_seconds") {
        None | Some(0) => None,
        Some(seconds) => {
            Some(u32::try_from(seconds).map_err(|_| wrong(place, "has an `expired_seconds` that is none"))?)
        }
    };
    Ok(Role {
        seconds,
        vpc: profile.flag("enable_vpc"),
        arn: profile.take("ram_role_arn"),
        session_name: profile.take("ram_session_name"),
        policy: profile.take("policy"),
        endpoint: profile.take("sts_endpoint"),
        region: profile.take("sts_region"),
    })
}

fn cloud_sso(profile: &mut WipedJson, setup: &Setup, place: &str) -> Result<CloudSso, SourceError> {
    let access_token_expiration =
        profile.time("cloud_sso_access_token_expire").map_err(|problem| wrong(place, &problem))?;
    let mut needed = |key: &str| profile.take(key).ok_or_else(|| lacks(place, key));
    let sign_in_url = needed("cloud_sso_sign_in_url")?;
    let account = needed("cloud_sso_account_id")?;
    let access_configuration = needed("cloud_sso_access_config")?;
    Ok(CloudSso {
        setup: setup.clone(),
        sign_in_url,
        account,
        access_configuration,
        access_token: profile.take("access_token").map(Zeroizing::new),
        access_token_expiration,
        stored: stored(profile),
    })
}

/// The temporary credentials that the command line got last.
fn stored(profile: &mut WipedJson) -> Option<Credentials> {
    let expiration = profile.time("sts_expiration").ok()??;
    let (id, secret) = key(profile)?;
    Some(Credentials::temporary(id, secret, profile.take("sts_token")?, Some(expiration)))
}

fn lacks(place: &str, key: &str) -> SourceError {
    wrong(place, &format!("lacks `{key}`; `aliyun configure` completes it"))
}

fn wrong(place: &str, problem: &str) -> SourceError {
    SourceError::failed(format!("{place} {problem}"))
}

/// A name of a profile, if it looks like one: what stands in its place by accident may be a secret.
fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || " ._@/-".contains(c);
    if name.chars().count() <= 40 && name.chars().all(plain) {
        format!("`{name}`")
    } else {
        "(unprintable name)".to_owned()
    }
}

impl Source for CliProfile {
    fn name(&self) -> Cow<'static, str> {
        "CLI profile".into()
    }

    fn fetch(&self) -> SourceFuture<'_> {
        Box::pin(self.read())
    }
}

/// Prints profile and file.
impl fmt::Debug for CliProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CliProfile").field("profile", &self.profile).field("path", &self.path).finish_non_exhaustive()
    }
}
