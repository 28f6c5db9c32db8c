//! The runtime of the generated Alibaba Cloud clients.
//!
//! A generated crate such as `alibabacloud-cams` declares the actions of a product as types and static facts. This
//! crate signs, throttles, sends and retries their requests and checks the responses, for any product. Applications
//! depend on the generated crate and use this one through its re-exports.
//!
//! The steps of a call are: take a permit from the [`Throttle`] → get [`Credentials`] → sign (a new nonce and timestamp
//! for every attempt) → send through the [`Transport`] → check the response → return, or wait and retry within the
//! deadline.
//!
//! # Features
//! - `reqwest` (default): the default HTTP transport. `hyper`: one with fewer dependencies, used if `reqwest` is off.
//!   Without both, implement a [`Transport`].
//! - `aws-lc-rs` (default) or `ring`: the cryptography of TLS; one of them is needed by `reqwest`, `hyper` and
//!   `redis-tls`.
//! - `http2`: HTTP/2 with servers that offer it.
//! - `blocking`: clients for programs without async code.
//! - `serde`: `Serialize` and `Deserialize` for the requests and outputs of generated crates, including sensitive
//!   values.
//! - `redis`: quotas shared between machines ([`throttle::staying_under_the_limit`]); `redis-tls`: the same over TLS.
//! - `tracing` (default): spans and events of calls. The bundled transport depends on that crate anyway.
//!
//! # Logs and traces
//! | what | level | fields |
//! |---|---|---|
//! | span `call` | INFO | `rpc.system` (`aliyun-api`), `rpc.service`, `rpc.method`, `server.address`, `http.response.status_code`, `error.type`, `code`, `request_id`, `attempts`, `quota_wait_ms`; `otel.name`, `otel.kind` and `otel.status_code` for exporters |
//! | span `attempt` in it | DEBUG | `attempt`, and facts of the response |
//! | span `wait` around calls | INFO | `rpc.service`, `rpc.method` (what was started), `asked`, `calls`, `outcome` (`done`, `failed`, `bound_reached`, `refused`, `abandoned`) |
//! | event `call failed` | WARN; ERROR if the outcome is unknown | `outcome` (`not sent`, `not executed`, `unknown`), `error.type`, `code`, `request_id`, `nonce`, `attempts`, `reason` |
//! | event `attempt failed, retrying` | INFO | `attempt`, `error.type`, `code`, `request_id`, `backoff_ms` |
//! | event `members of the response do not fit their type` | WARN | `mismatches`: the paths, without values |
//! | event `call dropped before its end` | DEBUG | `attempts` |
//!
//! `error.type` is the name of an [`ErrorKind`]. Logs and traces contain no value of a parameter or header, no
//! credential, and no text of the service other than code and request ID. For metrics, see [`event`].

#![cfg_attr(docsrs, feature(doc_cfg))]

mod account;
mod action;
mod answer;
#[cfg(feature = "blocking")]
pub mod blocking;
mod builder;
pub mod bulk;
mod call;
mod client;
mod credentials;
#[cfg(any(feature = "reqwest", feature = "hyper", feature = "redis-tls"))]
mod crypto;
pub mod descriptor;
mod digits;
mod endpoint;
mod error;
pub mod event;
mod exports;
mod headers;
mod lock;
mod macros;
mod mismatch;
mod open;
mod options;
pub mod pages;
mod platform;
mod prepare;
#[doc(hidden)]
pub mod private;
mod proof;
mod redact;
mod response;
mod retry;
mod roa;
mod route;
pub mod sign;
mod skew;
pub mod testing;
pub mod throttle;
pub mod transport;
mod unsigned;
mod untyped;
mod waiter;

pub use action::{Action, Product, Request, Waitable};
pub use builder::ClientBuilder;
pub use bulk::Bulk;
pub use bytes::Bytes;
pub use client::Client;
pub use credentials::{Credentials, CredentialsError, EnvironmentCredentials, ProvideCredentials, ProvideFuture};
pub use endpoint::{Endpoint, EndpointError, Network};
pub use error::{Error, ErrorKind};
/// The crate of requests and responses of HTTP, whose types stand in signatures.
pub use http;
pub use mismatch::{Mismatch, Mismatches};
pub use open::{Json, UnrecognizedValue};
pub use options::CallOptions;
pub use prepare::{ParameterPlacement, PreparedRequest, SignatureVersion};
pub use response::Response;
pub use retry::RetryPolicy;
pub use throttle::{RateLimit, Throttle};
#[cfg(feature = "hyper")]
pub use transport::HyperTransport;
#[cfg(feature = "reqwest")]
pub use transport::ReqwestTransport;
pub use transport::{Transport, TransportError};
pub use unsigned::UnsignedRequest;
pub use untyped::UntypedRequest;
pub use waiter::{Asked, WaitError, WaitOptions};

pub(crate) use private::{decode, parameters, value};
