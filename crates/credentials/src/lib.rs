//! Sources of credentials for Alibaba Cloud clients, and a provider that refreshes them.
//!
//! [`default_provider`] tries the sources of the official SDKs, in their order:
//!
//! | | source | applies when |
//! |---|---|---|
//! | 1 | [`EnvironmentKeys`] | `ALIBABA_CLOUD_ACCESS_KEY_ID` and `ALIBABA_CLOUD_ACCESS_KEY_SECRET` are set |
//! | 2 | [`OidcRole`] (RRSA of Kubernetes, CI) | `ALIBABA_CLOUD_ROLE_ARN`, `ALIBABA_CLOUD_OIDC_PROVIDER_ARN` and `ALIBABA_CLOUD_OIDC_TOKEN_FILE` are set |
//! | 3 | [`CliProfile`] | `~/.aliyun/config.json` has the profile; disabled by `ALIBABA_CLOUD_CLI_PROFILE_DISABLED=true` |
//! | 4 | [`IniProfile`] | `~/.alibabacloud/credentials.ini` or `~/.alibabacloud/credentials` has it |
//! | 5 | [`EcsRamRole`] | the metadata service has a role; disabled by `ALIBABA_CLOUD_ECS_METADATA_DISABLED=true` |
//! | 6 | [`CredentialsUri`] | `ALIBABA_CLOUD_CREDENTIALS_URI` is set |
//!
//! With the feature `credentials` of a product crate, its `Client::from_env()` uses this chain. A single source can be
//! used, too:
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
//! # The identity never changes
//! A [`Chain`] skips a source only if it is neither set up nor named. These sources end the search when they fail:
//! - a source that is **named**: the profile in `ALIBABA_CLOUD_PROFILE`, the current profile of the file, or a file or
//!   role that a variable or setting names;
//! - a source that is **partly set up**: an access key ID without a secret, two of the three variables of OIDC, a
//!   profile with an empty secret;
//! - a source that **has provided credentials** or has failed before: the chain uses only this source from then on. The
//!   profile or INI file that provided the credentials stays in use, too.
//!
//! The error lists all sources that were tried. The official SDKs try the next source instead, so with a token file
//! that is written a second too late, a pod gets the role of its node. If a refresh fails, credentials stay in use
//! while they are valid; see [`Refreshing`].
//!
//! # Validation
//! Every access key must be printable ASCII without blanks and quotation marks ([`Credentials::validate`]). Characters
//! added by `echo`, an env file or a copy from a web page cause an error that names the source, instead of a
//! `SignatureDoesNotMatch`.
//!
//! # Secrets
//! Secrets are wiped from memory, and never appear in errors, `Debug` output, URLs or arguments. Files of the user are
//! never written.
//!
//! # Limits
//! Bearer tokens (`ALIBABA_CLOUD_BEARER_TOKEN`) and the anonymous mode are not supported, because they cannot sign
//! requests; nor are RSA key pairs, which Alibaba Cloud has retired. A profile with one of them fails with an error
//! that says what to use.
//!
//! # Features
//! - `tracing` (default): warnings, e.g. about a file of keys that others can read, as events of `tracing`.

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
/// The client of STS, the service that issues temporary credentials.
pub use alibabacloud_sts;
pub use assume_role::AssumeRole;
pub use chain::{Chain, Outcome, SourceOutcome, default_provider};
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
