//! The two signatures of the service as pure functions: time and nonce are arguments.
//!
//! [`rpc`] is RPC V1 (HMAC-SHA1), the default; [`acs3`] is V3 (ACS3-HMAC-SHA256), which Alibaba Cloud recommends.
//! Both sign the same canonical query: the parameters sorted by name and percent-encoded according to RFC 3986.

pub mod acs3;
pub(crate) mod hex;
mod nonce;
mod percent;
pub mod rpc;
mod timestamp;

pub(crate) use nonce::{Nonce, Nonces};
pub(crate) use percent::encode_to;
pub use percent::{canonical_query, encode};
pub(crate) use timestamp::Timestamp;
pub use timestamp::timestamp;
