//! The sources of an Alibaba Cloud client's credentials, and the provider that keeps them fresh.
//!
//! [`default_provider`] asks the sources of the official SDKs, in their order:
//!
//! | | source | applies when |
//! |---|---|---|
//! | 1 | [`EnvironmentKeys`] | `ALIBABA_CLOUD_ACCESS_KEY_ID` and `ALIBABA_CLOUD_ACCESS_KEY_SECRET` are set |
//! | 2 | [`OidcRole`] (RRSA of Kubernetes, CI) | `ALIBABA_CLOUD_ROLE_ARN`, `ALIBABA_CLOUD_OIDC_PROVIDER_ARN` and `ALIBABA_CLOUD_OIDC_TOKEN_FILE` are set |
//! | 3 | [`CliProfile`] | `~/.aliyun/config.json` has the profile; off with `ALIBABA_CLOUD_CLI_PROFILE_DISABLED=true` |
//! | 4 | [`IniProfile`] | `~/.alibabacloud/credentials.ini` or `~/.alibabacloud/credentials` has it |
//! | 5 | [`EcsRamRole`] | the metadata service has a role; off with `ALIBABA_CLOUD_ECS_METADATA_DISABLED=true` |
//! | 6 | [`CredentialsUri`] | `ALIBABA_CLOUD_CREDENTIALS_URI` is set |
//!
//! With the feature `credentials` of a product's crate, its `Client::from_env()` uses this chain. Any single source works, too:
//!
//! ```
//! use alibabacloud_credentials::{AssumeRole, EcsRamRole, Source};
//!
//! # fn example() {
//! let role = AssumeRole::new(EcsRamRole::new().refreshing(), "acs:ram::123456789012:role/reader");
//! let provider = role.refreshing(); // for `Client::builder().credentials(…)`
//! # }
//! ```
//!
//! # An identity never changes by itself
//! A [`Chain`] passes over a source only if nothing of it is set up and it is not named. What ends the search when it fails:
//! - a source that is **named**: the profile in `ALIBABA_CLOUD_PROFILE`, the current profile of the file, a file or the name of a role in a
//!   variable or a setting;
//! - a source that is **set up in part**: an access key ID without a secret, two of the three variables of OIDC, a profile with an empty secret;
//! - a source that **has given credentials** or has failed before: the chain asks no other one from then on. A profile and an INI file stay the
//!   ones that gave credentials, too.
//!
//! The error lists all sources that were asked. The official SDKs go on to the next source instead, and a token file that is late by a second
//! turns a pod into the role of its node. A refresh that fails keeps the credentials while they are valid: see [`Refreshing`].
//!
//! # One check
//! Every access key must be printable ASCII without blanks and quotation marks ([`Credentials::validate`]). What `echo`, an env file or a copy from
//! a web page adds is an error that names the source, not a `SignatureDoesNotMatch`.
//!
//! # Secrets
//! Secrets are wiped from memory, and never stand in errors, `Debug` output, URLs or arguments. The user's files are only ever read.
//!
//! # Limits
//! Not supported, because requests cannot be signed with them: bearer tokens (`ALIBABA_CLOUD_BEARER_TOKEN`) and the anonymous mode; and
//! RSA key pairs, which Alibaba Cloud has retired. A profile with one of them says so.
//!
//! # Features
//! - `tracing` (default): warnings, such as a file of keys that others can read, as events of `tracing`.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod answer;
mod assume_role;
mod chain;
mod cli_profile;
mod cloud_sso;
mod credentials_uri;
mod ecs_ram_role;
mod environment_keys;
mod external_process;
mod file;
mod found;
mod http;
mod ini;
mod ini_profile;
mod oauth;
mod oidc_role;
mod refreshing;
mod setup;
mod source;
mod sts;
mod time;

pub use alibabacloud_runtime::{Credentials, CredentialsError, ProvideCredentials, ProvideFuture};
/// The service that gives temporary credentials.
pub use alibabacloud_sts;
pub use assume_role::AssumeRole;
pub use chain::{Chain, Outcome, Tried, default_provider};
pub use cli_profile::CliProfile;
pub use credentials_uri::CredentialsUri;
pub use ecs_ram_role::EcsRamRole;
pub use environment_keys::EnvironmentKeys;
pub use external_process::ExternalProcess;
pub use found::{Found, SourceError};
pub use ini_profile::IniProfile;
pub use oidc_role::OidcRole;
pub use refreshing::Refreshing;
pub use setup::{Environment, Setup};
pub use source::{Source, SourceFn, SourceFuture};
pub use time::Clock;
