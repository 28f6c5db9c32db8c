//! Credentials, and where they come from.

mod environment;
mod secret;

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use crate::sign::{acs3, rpc};

pub use environment::EnvironmentCredentials;
pub(crate) use secret::Secret;

/// An access key: an ID, a secret, and for temporary ones a security token.
///
/// Cheap to clone. `Debug` prints nothing of it, and the memory is wiped when the last clone is dropped.
#[derive(Clone)]
pub struct Credentials(Arc<Parts>);

struct Parts {
    access_key_id: Secret,
    access_key_secret: Secret,
    security_token: Option<Secret>,
    expiration: Option<SystemTime>,
    /// Computed at the first signature.
    rpc_key: OnceLock<rpc::Key>,
    acs3_key: OnceLock<acs3::Key>,
}

impl Credentials {
    /// A long-lived access key.
    pub fn new(access_key_id: impl Into<String>, access_key_secret: impl Into<String>) -> Self {
        Self::of(access_key_id.into(), access_key_secret.into(), None, None)
    }

    /// A temporary access key, as STS (Security Token Service) gives it.
    ///
    /// `expiration` is the time from which on the service refuses it; `None` if that is not known.
    pub fn temporary(
        access_key_id: impl Into<String>,
        access_key_secret: impl Into<String>,
        security_token: impl Into<String>,
        expiration: Option<SystemTime>,
    ) -> Self {
        Self::of(access_key_id.into(), access_key_secret.into(), Some(security_token.into()), expiration)
    }

    fn of(id: String, secret: String, token: Option<String>, expiration: Option<SystemTime>) -> Self {
        Self(Arc::new(Parts {
            access_key_id: Secret::new(id),
            access_key_secret: Secret::new(secret),
            security_token: token.map(Secret::new),
            expiration,
            rpc_key: OnceLock::new(),
            acs3_key: OnceLock::new(),
        }))
    }

    /// The access key's ID.
    pub fn access_key_id(&self) -> &str {
        self.0.access_key_id.expose()
    }

    /// The access key's secret. Take care not to print it.
    pub fn access_key_secret(&self) -> &str {
        self.0.access_key_secret.expose()
    }

    /// The security token; `None` for a long-lived key.
    pub fn security_token(&self) -> Option<&str> {
        self.0.security_token.as_ref().map(Secret::expose)
    }

    pub(crate) fn rpc_key(&self) -> &rpc::Key {
        self.0.rpc_key.get_or_init(|| rpc::Key::new(self.access_key_secret()))
    }

    pub(crate) fn acs3_key(&self) -> &acs3::Key {
        self.0.acs3_key.get_or_init(|| acs3::Key::new(self.access_key_secret()))
    }

    /// The time from which on the service refuses the key; `None` if it does not expire or the time is not known.
    pub fn expiration(&self) -> Option<SystemTime> {
        self.0.expiration
    }
}

/// Prints that there are credentials, and whether they are temporary.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("temporary", &self.0.security_token.is_some())
            .field("expiration", &self.0.expiration)
            .finish_non_exhaustive()
    }
}

/// Where credentials come from.
///
/// The client asks before every attempt, so a provider that fetches credentials keeps them until they are about to expire.
/// Many calls may ask at the same time.
pub trait ProvideCredentials: Send + Sync + 'static {
    /// Credentials that are valid now.
    fn provide(&self) -> ProvideFuture<'_>;

    /// Credentials that are valid now, if they can be had without waiting; the client asks for these first. By default there are
    /// none.
    fn at_hand(&self) -> Option<Credentials> {
        None
    }
}

/// What [`ProvideCredentials::provide`] returns.
pub type ProvideFuture<'a> = Pin<Box<dyn Future<Output = Result<Credentials, CredentialsError>> + Send + 'a>>;

/// Credentials that never change.
impl ProvideCredentials for Credentials {
    fn provide(&self) -> ProvideFuture<'_> {
        Box::pin(std::future::ready(Ok(self.clone())))
    }

    fn at_hand(&self) -> Option<Credentials> {
        Some(self.clone())
    }
}

/// Shares one provider between clients.
impl<P: ProvideCredentials + ?Sized> ProvideCredentials for Arc<P> {
    fn provide(&self) -> ProvideFuture<'_> {
        (**self).provide()
    }

    fn at_hand(&self) -> Option<Credentials> {
        (**self).at_hand()
    }
}

/// Why there are no credentials. The message names what was tried and what to do, and quotes no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialsError(Cow<'static, str>);

impl CredentialsError {
    /// An error with this message.
    pub fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CredentialsError {}
