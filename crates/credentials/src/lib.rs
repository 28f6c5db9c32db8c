//! Where the credentials of Alibaba Cloud clients come from.
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
//! **What applies must work.** A source that is not set up, or not completely, is passed over; one that is set up and fails ends the
//! search with an error that lists all that were asked. The official SDKs go on to the next source then, and a token file that is
//! late by a second turns a pod into the role of its node.
//!
//! **Secrets** are wiped from memory, and never stand in errors, `Debug` output, URLs or arguments. Files of the user's are only ever read.
//!
//! Not supported, because requests cannot be signed with them: bearer tokens (`ALIBABA_CLOUD_BEARER_TOKEN`) and the anonymous mode; and
//! RSA key pairs, which Alibaba Cloud has retired. A profile with one of them says so.
//!
//! # Features
//! - `tracing` (default): warnings, such as a file of keys that others can read, as events of `tracing`.

#![forbid(unsafe_code)]

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
