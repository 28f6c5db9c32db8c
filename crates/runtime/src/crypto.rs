//! The cryptography of TLS, in the bundled transports and in `rediss://`.
//!
//! `aws-lc-rs` is the default: it is the default of `rustls` and `reqwest`, so most programs depend on it already; it
//! is released every few weeks; and its key exchange (X25519MLKEM768) protects recorded traffic against future quantum
//! computers. `ring` builds in less than half the time and is 2 MB smaller, but its last release is of March 2025, and
//! it has no post-quantum key exchange. If a program builds both and lets `rustls` choose, other crates panic, so
//! neither is enabled beside the other by default.

#[cfg(any(feature = "reqwest", feature = "hyper"))]
use std::sync::Arc;

use rustls::crypto::CryptoProvider;

#[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
compile_error!(
    "TLS has no cryptography: the features `reqwest`, `hyper` and `redis-tls` need the feature `aws-lc-rs` (on by default) or `ring`"
);

/// The provider that the program has installed, else the bundled one: `aws-lc-rs` if both are built.
#[cfg(any(feature = "reqwest", feature = "hyper"))]
pub(crate) fn provider() -> Arc<CryptoProvider> {
    CryptoProvider::get_default().cloned().unwrap_or_else(|| Arc::new(bundled()))
}

/// Installs the bundled provider for the process, unless there is one.
#[cfg(feature = "redis-tls")]
pub(crate) fn install() {
    // Fails if the program has installed another one, which works as well.
    let _ = CryptoProvider::install_default(bundled());
}

#[cfg(feature = "aws-lc-rs")]
fn bundled() -> CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}

#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
fn bundled() -> CryptoProvider {
    rustls::crypto::ring::default_provider()
}

/// Exists so that the message above is the only compile error.
#[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
fn bundled() -> CryptoProvider {
    unreachable!()
}
