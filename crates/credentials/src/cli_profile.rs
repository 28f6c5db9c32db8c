//! A profile of the official command line, `~/.aliyun/config.json`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use alibabacloud_runtime::{Credentials, ProvideCredentials};
use serde_json::value::RawValue;
use zeroize::{Zeroize as _, Zeroizing};

use crate::answer::WipedJson;
use crate::assume_role::AssumeRole;
use crate::cloud_sso::{CloudSso, Refused, Stored};
use crate::credentials_uri::CredentialsUri;
use crate::ecs_ram_role::EcsRamRole;
use crate::external_process::ExternalProcess;
use crate::file::Location;
use crate::found::{Found, SourceError, misspelt, quoted};
use crate::oauth::{Memory, OAuth, Tokens};
use crate::oidc_role::OidcRole;
use crate::refreshing::Refreshing;
use crate::setup::Setup;
use crate::source::{Source, SourceFuture};
use crate::sts::Role;

/// A profile that `aliyun configure` wrote. The file is never written.
///
/// Modes: `AK`, `StsToken`, `RamRoleArn`, `EcsRamRole`, `OIDC`, `ChainableRamRoleArn`, `CloudSSO`, `OAuth`, `External`,
/// `CredentialsURI`, and the deprecated `RamRoleArnWithRoleName`. Their case does not matter. `RsaKeyPair`,
/// `BearerToken` and `Anonymous` are rejected with an error that says what to use.
///
/// A profile that provided credentials stays in use, even if another one becomes the current one. A chain skips this
/// source if there is no file, or no configured profile in it. It fails if the file is named, or if the current profile
/// is missing or incomplete. If the profile named in `ALIBABA_CLOUD_PROFILE` does not exist,
/// [`IniProfile`](crate::IniProfile) is tried, too.
///
/// A sign-in by `OAuth` is renewed in memory. If the server replaces its refresh token, the stored one expires, and the
/// user must sign in again with the command line.
#[derive(Clone, Default)]
pub struct CliProfile {
    setup: Setup,
    path: Option<PathBuf>,
    profile: Option<String>,
    memory: Memory,
    refused: Refused,
    /// The profile that provided credentials.
    pinned: Arc<OnceLock<String>>,
}

impl CliProfile {
    /// The profile named in `ALIBABA_CLOUD_PROFILE`, else the current one; in the file named in
    /// `ALIBABA_CLOUD_CONFIG_FILE`, else in `~/.aliyun/config.json`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the name of the profile.
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

    /// Reads the credentials of the profile, or a replacement for rejected ones.
    async fn read(&self, refused: Option<&Credentials>) -> Result<Found, SourceError> {
        let environment = &self.setup.environment;
        if environment.flag("ALIBABA_CLOUD_CLI_PROFILE_DISABLED")? {
            return Err(SourceError::not_applicable("ALIBABA_CLOUD_CLI_PROFILE_DISABLED disables it"));
        }
        let given = self.profile.as_ref().or_else(|| self.pinned.get());
        let variable = environment.get("ALIBABA_CLOUD_PROFILE")?;
        let outcome = self.read_profile(given.or(variable.as_ref()), refused).await;
        // The variable may name a profile of the INI file, which is tried next.
        outcome.map_err(|error| if given.is_some() { error.into_failure() } else { error })
    }

    async fn read_profile(&self, named: Option<&String>, refused: Option<&Credentials>) -> Result<Found, SourceError> {
        let environment = &self.setup.environment;
        let below_home = [".aliyun/config.json"];
        let location = Location::of(self.path.as_deref(), environment, "ALIBABA_CLOUD_CONFIG_FILE", &below_home)?;
        let (path, file) = location.read().await?;
        let shown = path.display();
        let mut json = WipedJson::parse(file.text.as_bytes()).map_err(|error| {
            // Only the position is shown, because the message of the parser may quote the file.
            let (line, column) = (error.line(), error.column());
            SourceError::failed(format!(
                "{shown} is not valid JSON (line {line}, column {column}); correct it, or recreate it with `aliyun configure`"
            ))
        })?;
        let list = json.take_objects("profiles");
        let name = match (named, json.text("current")) {
            (Some(name), _) => name.clone(),
            (None, Some(current)) => current.to_owned(),
            (None, None) => {
                let problem = format!("{shown} has no current profile; run `aliyun configure` to set one");
                let is_empty = list.is_empty() && !location.is_named;
                return Err(if is_empty { SourceError::not_applicable(problem) } else { SourceError::failed(problem) });
            }
        };
        let mut profiles = Profiles { list, text: &file.text, profile: self, asked: Vec::new() };
        let within = |error: SourceError| error.within(&format!("{shown}"));
        let must_be_there = named.is_none() || location.is_named;
        match profiles.find(&name).map_err(within)? {
            None => {
                let missing = within(missing(&name));
                return Err(if must_be_there { missing } else { missing.into_inapplicable() });
            }
            Some(index) if named.is_none() && !location.is_named && is_untouched(&profiles.list[index]) => {
                return Err(within(SourceError::not_applicable(format!(
                    "profile {} has no access key yet; run `aliyun configure` to set one",
                    quoted(&name)
                ))));
            }
            Some(_) => {}
        }
        let (source, mode) = profiles.source(&name).map_err(within)?;
        let place = format!("profile {} of {shown}", quoted(&name));
        // A named profile must work.
        let found = match refused {
            Some(refused) => source.fetch_replacement(refused).await,
            None => source.fetch().await,
        };
        let found = found.map_err(|error| error.into_failure().within(&place))?;
        // Another profile may become the current one, with another identity.
        let _ = self.pinned.set(name);
        Ok(found.within(&format!("{place}, mode {mode}")).warnings_of(file.warning.into_iter().collect()))
    }
}

impl CliProfile {
    fn cloud_sso(&self, profile: &mut WipedJson, place: &str) -> Result<CloudSso, SourceError> {
        let access_token_expiration =
            profile.time("cloud_sso_access_token_expire").map_err(|problem| wrong(place, &problem))?;
        let mut needed = |key: &str| profile.take(key).ok_or_else(|| lacks(place, key));
        let sign_in_url = needed("cloud_sso_sign_in_url")?;
        let account = needed("cloud_sso_account_id")?;
        let access_configuration = needed("cloud_sso_access_config")?;
        Ok(CloudSso {
            setup: self.setup.clone(),
            sign_in_url,
            account,
            access_configuration,
            access_token: profile.take("access_token").map(Zeroizing::new),
            access_token_expiration,
            stored: self.stored(profile),
        })
    }

    fn stored(&self, profile: &mut WipedJson) -> Stored {
        let mut credentials = || {
            let expiration = profile.time("sts_expiration").ok()??;
            let (id, secret) = key(profile)?;
            Some(Credentials::temporary(id, secret, profile.take("sts_token")?, Some(expiration)))
        };
        Stored { credentials: credentials(), refused: self.refused.clone() }
    }
}

/// The maximum length of a chain of profiles; each one needs a request to STS.
const LONGEST_CHAIN: usize = 16;

/// The profiles of a file, and the names visited on the way to the base.
struct Profiles<'a> {
    list: Vec<WipedJson>,
    text: &'a str,
    profile: &'a CliProfile,
    asked: Vec<String>,
}

impl Profiles<'_> {
    /// The index of the profile with this name.
    fn find(&self, name: &str) -> Result<Option<usize>, SourceError> {
        let list = self.list.iter().enumerate();
        let mut found = list.filter(|(_, profile)| profile.text("name") == Some(name)).map(|(index, _)| index);
        match (found.next(), found.next()) {
            (Some(first), Some(second)) => {
                let lines = lines_of_profiles(self.text);
                let line = |index: usize| lines.get(index).map_or_else(|| "?".to_owned(), usize::to_string);
                Err(SourceError::failed(format!(
                    "two profiles have the name {}, on lines {} and {}; rename or remove one",
                    quoted(name),
                    line(first),
                    line(second)
                )))
            }
            (first, _) => Ok(first),
        }
    }

    /// The source for a profile, and the name of its mode.
    fn source(&mut self, name: &str) -> Result<(Box<dyn Source>, &'static str), SourceError> {
        let shown = quoted(name);
        if self.asked.iter().any(|asked| asked == name) {
            let circle: Vec<_> = self.asked.iter().map(|name| quoted(name)).collect();
            return Err(SourceError::failed(format!(
                "the profiles form a cycle: {} → {shown}; one `source_profile` must name a profile with its own keys",
                circle.join(" → ")
            )));
        }
        if self.asked.len() >= LONGEST_CHAIN {
            return Err(SourceError::failed(format!(
                "`source_profile` chains more than {LONGEST_CHAIN} profiles; shorten the chain"
            )));
        }
        self.asked.push(name.to_owned());
        let index = self.find(name)?.ok_or_else(|| missing(name))?;
        let mode = self.list[index].text("mode").unwrap_or("AK").to_ascii_lowercase();
        let place = format!("profile {shown}");
        if mode == "chainableramrolearn" {
            let base = self.list[index].text("source_profile").map(ToOwned::to_owned);
            let base = base.ok_or_else(|| lacks(&place, "source_profile"))?;
            let (base, _) = self.source(&base)?;
            let base = self.provider(base);
            return Ok((self.assumed(base, index, &place)?, "ChainableRamRoleArn"));
        }
        let setup = &self.profile.setup;
        let profile = &mut self.list[index];
        Ok(match mode.as_str() {
            "ak" => {
                let (id, secret) = key(profile).ok_or_else(|| lacks(&place, "access_key_id` or `access_key_secret"))?;
                (Box::new(Credentials::new(id, secret)), "AK")
            }
            "ststoken" => {
                let expiration = profile.time("sts_expiration").ok().flatten();
                let parts = (key(profile), profile.take("sts_token"));
                let (Some((id, secret)), Some(token)) = parts else {
                    return Err(lacks(&place, "access_key_id`, `access_key_secret` or `sts_token"));
                };
                (Box::new(Credentials::temporary(id, secret, token, expiration)), "StsToken")
            }
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
            "cloudsso" => (Box::new(self.profile.cloud_sso(profile, &place)?), "CloudSSO"),
            "oauth" => {
                let time = |profile: &WipedJson, key| profile.time(key).map_err(|problem| wrong(&place, &problem));
                let file = Tokens {
                    access_expiration: time(profile, "oauth_access_token_expire")?,
                    refresh: profile.take("oauth_refresh_token").map(Zeroizing::new),
                    access: profile.take("oauth_access_token").map(Zeroizing::new),
                };
                let site = profile.take("oauth_site_type");
                let (memory, stored) = (self.profile.memory.clone(), self.profile.stored(profile));
                (Box::new(OAuth { setup: setup.clone(), site, file, stored, memory }), "OAuth")
            }
            "external" => {
                let command = profile.take("process_command").ok_or_else(|| lacks(&place, "process_command"))?;
                (Box::new(ExternalProcess::new(command).setup(setup.clone())), "External")
            }
            "credentialsuri" => {
                if !setup.runs_external_processes()? {
                    return Err(wrong(&place, "has a mode that ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS forbids"));
                }
                let uri = profile.take("credentials_uri").ok_or_else(|| lacks(&place, "credentials_uri"))?;
                (Box::new(CredentialsUri::at(uri).setup(setup.clone())), "CredentialsURI")
            }
            _ => return Err(refused(&mode, profile.text("mode").unwrap_or_default(), &place)),
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

/// The line number of each profile's name.
fn lines_of_profiles(text: &str) -> Vec<usize> {
    let text = text.trim_start_matches('\u{feff}');
    let parts = || {
        let mut top: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
        let profiles: Vec<&RawValue> = serde_json::from_str(top.remove("profiles")?.get()).ok()?;
        let objects = profiles.into_iter().filter(|profile| profile.get().starts_with('{'));
        Some(objects.map(|profile| {
            let mut members: BTreeMap<String, &RawValue> = serde_json::from_str(profile.get()).unwrap_or_default();
            members.remove("name").unwrap_or(profile).get()
        }))
    };
    let line = |part: &str| {
        // A borrowed part of the text, so its address gives its position.
        let offset = part.as_ptr().addr().saturating_sub(text.as_ptr().addr());
        text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
    };
    parts().into_iter().flatten().map(line).collect()
}

fn missing(name: &str) -> SourceError {
    SourceError::failed(format!(
        "there is no profile {}; run `aliyun configure list` to see the profiles",
        quoted(name)
    ))
}

/// Whether a profile is not configured yet: without a mode and without a key.
fn is_untouched(profile: &WipedJson) -> bool {
    ["mode", "access_key_id", "access_key_secret", "sts_token"].iter().all(|key| profile.text(key).is_none())
}

/// The error for an unsupported mode.
fn refused(mode: &str, written: &str, place: &str) -> SourceError {
    let unknown;
    wrong(
        place,
        match mode {
            "rsakeypair" => "has the mode RsaKeyPair, which Alibaba Cloud has retired; use RamRoleArn or EcsRamRole",
            "bearertoken" | "anonymous" => {
                "has the mode BearerToken or Anonymous, which cannot sign requests; choose another profile"
            }
            _ => {
                unknown = format!(
                    "has an unknown mode{}; the modes are AK, StsToken, RamRoleArn, EcsRamRole, OIDC, ChainableRamRoleArn, CloudSSO, \
                     OAuth, External and CredentialsURI",
                    misspelt(written)
                );
                &unknown
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
        Some(seconds) => Some(u32::try_from(seconds).map_err(|_| wrong(place, "has an invalid `expired_seconds`"))?),
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

fn lacks(place: &str, key: &str) -> SourceError {
    wrong(place, &format!("lacks `{key}`; run `aliyun configure` to complete it"))
}

fn wrong(place: &str, problem: &str) -> SourceError {
    SourceError::failed(format!("{place} {problem}"))
}

impl Source for CliProfile {
    fn name(&self) -> Cow<'static, str> {
        "CLI profile".into()
    }

    fn fetch(&self) -> SourceFuture<'_> {
        Box::pin(self.read(None))
    }

    fn fetch_replacement<'a>(&'a self, refused: &'a Credentials) -> SourceFuture<'a> {
        Box::pin(self.read(Some(refused)))
    }
}

/// Prints profile and file only.
impl fmt::Debug for CliProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CliProfile").field("profile", &self.profile).field("path", &self.path).finish_non_exhaustive()
    }
}
