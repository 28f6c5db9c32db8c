//! Typed client for Alibaba Cloud Chat App Message Service (CAMS, API version 2020-06-06).
//!
//! Requests are values that [`Client::send`] sends:
//!
//! ```no_run
//! use alibabacloud_cams::{ChatappSyncPhoneNumber, Client};
//!
//! # async fn example() -> Result<(), alibabacloud_cams::Error> {
//! let client = Client::from_env()?; // ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET
//! let synced = client.send(ChatappSyncPhoneNumber::new("293483938849493")).await?;
//!
//! for number in &synced.phone_numbers {
//!     println!("{} {:?}", number.phone_number.as_deref().unwrap_or("?"), number.status);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The client stays within the documented limits, retries what is safe to repeat, and treats an HTTP 200 with an error
//! code as an error. The [`guide`] has a page on each subject, with examples.
//!
//! | to | see |
//! |---|---|
//! | handle errors, and know whether a call was executed | [`guide::outcomes`], [`Error`], [`ErrorCode`] |
//! | choose and refresh credentials | [`guide::credentials`] |
//! | stay within the limit, and send many requests | [`guide::throttling`], [`Client::send_all`] |
//! | test without an account | [`guide::testing`] |
//! | log, trace and measure | [`guide::observability`] |
//! | use a proxy, a certificate or another transport | [`guide::networks`] |
//! | call without async code | `blocking` (feature) |
//!
//! # Actions
#![doc = include_str!("generated/actions.md")]
//!
//! Any other action of the service can be called by name with [`Client::send_untyped`].
//!
//! # Features
//! - `reqwest` (default): the default HTTP transport. `hyper`: one with fewer dependencies, used if `reqwest` is off.
//!   Without both, set a [`Transport`].
//! - `aws-lc-rs` (default) or `ring`: the cryptography of TLS; a bundled transport needs one of them.
//! - `http2`: HTTP/2 with servers that offer it.
//! - `tracing` (default): a `tracing` span for every call and every attempt.
//! - `redis`: quotas shared between machines ([`throttle::staying_under_the_limit`]); `redis-tls`: the same over TLS.
//! - `credentials`: credentials from profiles, roles, OIDC and the metadata service; [`Client::from_env`] then tries
//!   all sources.
//! - `blocking`: `blocking::Client`, for programs without async code.
//! - `serde`: `Serialize` and `Deserialize` for requests, outputs and their members, with the names on the wire.
//!   Sensitive values are not redacted, so a stored output is as confidential as the response. Any self-describing
//!   format works (JSON, YAML, MessagePack). Deserializing a value that does not fit its type, or a request without a
//!   required parameter, is an error.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![allow(clippy::doc_markdown, reason = "names of products and services are prose in the specifications")]

#[rustfmt::skip]
mod generated;

alibabacloud_runtime::private::exports!();
pub use generated::*;

/// Guides: one page for each subject, with examples.
pub mod guide {
    #[doc = include_str!("guide/credentials.md")]
    pub mod credentials {}
    #[doc = include_str!("guide/networks.md")]
    pub mod networks {}
    #[doc = include_str!("guide/observability.md")]
    pub mod observability {}
    #[doc = include_str!("guide/outcomes.md")]
    pub mod outcomes {}
    #[doc = include_str!("guide/testing.md")]
    pub mod testing {}
    #[doc = include_str!("guide/throttling.md")]
    pub mod throttling {}
}

/// Sources of credentials, and the chain that tries them in order.
#[cfg(feature = "credentials")]
pub use alibabacloud_credentials as credentials;

/// A blocking client, for programs without async code.
#[cfg(feature = "blocking")]
pub mod blocking {
    /// Calls the actions of Chat App Message Service, and blocks until each call has ended.
    pub type Client = alibabacloud_runtime::blocking::Client<super::Cams>;
}

/// Calls the actions of Chat App Message Service.
pub type Client = alibabacloud_runtime::Client<Cams>;

/// Settings for a [`Client`].
pub type ClientBuilder = alibabacloud_runtime::ClientBuilder<Cams>;
