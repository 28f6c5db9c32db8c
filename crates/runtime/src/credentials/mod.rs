//! Credentials and their providers.

mod check;
mod environment;
mod secret;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use crate::sign::{acs3, rpc};

pub use environment::EnvironmentCredentials;
pub(crate) use secret::Secret;

/// An access key: an ID, a secret, and a security token if the key is temporary.
///
/// Cheap to clone. `Debug` prints no part of it, and the memory is wiped when the last clone is dropped. Two values are
/// equal if their ID, secret and token are.
#[derive(Clone)]
pub struct Credentials(Arc<Parts>);

struct Parts {
    access_key_id: Secret,
    access_key_secret: Secret,
    security_token: Option<Secret>,
    expiration: Option<SystemTime>,
    identity: Option<String>,
    /// The first invalid part, and the reason.
    problem: Option<(&'static str, &'static str)>,
    /// Computed at the first signature.
    rpc_key: OnceLock<rpc::Key>,
    acs3_key: OnceLock<acs3::Key>,
}

impl Credentials {
    /// A long-lived access key.
    pub fn new(access_key_id: impl Into<String>, access_key_secret: impl Into<String>) -> Self {
        Self::of(access_key_id.into(), access_key_secret.into(), None, None)
    }

    /// A temporary access key, as issued by STS (Security Token Service).
    ///
    /// `expiration` is the time from which the service rejects it; `None` if unknown.
    pub fn temporary(
        access_key_id: impl Into<String>,
        access_key_secret: impl Into<String>,
        security_token: impl Into<String>,
        expiration: Option<SystemTime>,
    ) -> Self {
        Self::of(access_key_id.into(), access_key_secret.into(), Some(security_token.into()), expiration)
    }

    fn of(id: String, secret: String, token: Option<String>, expiration: Option<SystemTime>) -> Self {
        let parts = [
            ("the access key ID", Some(&id)),
            ("the access key secret", Some(&secret)),
            ("the security token", token.as_ref()),
        ];
        let problem = parts.into_iter().find_map(|(name, part)| Some((name, check::problem(part?)?)));
        Self(Arc::new(Parts {
            access_key_id: Secret::new(id),
            access_key_secret: Secret::new(secret),
            security_token: token.map(Secret::new),
            expiration,
            identity: None,
            problem,
            rpc_key: OnceLock::new(),
            acs3_key: OnceLock::new(),
        }))
    }

    /// Sets the identity of the credentials, e.g. the ARN of a role, which is the same after every refresh.
    ///
    /// Clients whose credentials have the same identity share their quotas. If it is an ARN, so do all roles of the
    /// account. Without it, the access key ID of a client's first credentials is used.
    #[must_use]
    pub fn with_identity(self, identity: impl Into<String>) -> Self {
        let Parts { access_key_id, access_key_secret, security_token, expiration, .. } = &*self.0;
        let own = |secret: &Secret| secret.expose().to_owned();
        let mut named =
            Self::of(own(access_key_id), own(access_key_secret), security_token.as_ref().map(own), *expiration);
        if let Some(parts) = Arc::get_mut(&mut named.0) {
            parts.identity = Some(identity.into());
        }
        named
    }

    /// The identity of the credentials, if their source set it.
    pub fn identity(&self) -> Option<&str> {
        self.0.identity.as_deref()
    }

    /// Checks that every part can be used for signing: printable ASCII, not empty, without blanks and quotation marks.
    ///
    /// A client checks all credentials before it signs with them. A provider that checks them, too, can name their
    /// origin in its error.
    ///
    /// # Errors
    /// If a part is invalid. The message names the part and what to do, and does not quote the value.
    pub fn validate(&self) -> Result<(), CredentialsError> {
        match self.0.problem {
            None => Ok(()),
            Some((part, problem)) => Err(CredentialsError::new(format!("{part} {problem}"))),
        }
    }

    /// The access key's ID.
    pub fn access_key_id(&self) -> &str {
        self.0.access_key_id.expose()
    }

    /// The access key's secret. Do not print it.
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

    /// The time from which the service rejects the key; `None` if it does not expire or the time is unknown.
    pub fn expiration(&self) -> Option<SystemTime> {
        self.0.expiration
    }
}

impl PartialEq for Credentials {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || (self.access_key_id() == other.access_key_id()
                && self.access_key_secret() == other.access_key_secret()
                && self.security_token() == other.security_token())
    }
}

impl Eq for Credentials {}

/// Prints that there are credentials, and whether they are temporary.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("temporary", &self.0.security_token.is_some())
            .field("expiration", &self.0.expiration)
            .finish_non_exhaustive()
    }
}

/// A provider of credentials, which a client queries before every attempt.
///
/// A provider that fetches credentials must cache them until they are about to expire. Many calls may query it at the
/// same time.
///
/// A closure that returns a future of the result is a provider:
///
/// ```
/// use alibabacloud_runtime::{Credentials, CredentialsError, ProvideCredentials};
///
/// async fn from_vault() -> Result<Credentials, CredentialsError> {
///     // …
///     # Ok(Credentials::new("id", "secret"))
/// }
///
/// fn provider() -> impl ProvideCredentials {
///     || from_vault()
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not provide credentials",
    label = "expected `Credentials`, a provider, or a closure `|| async {{ Ok(Credentials::new(…)) }}`",
    note = "a closure takes no argument and returns a future of `Result<Credentials, CredentialsError>`"
)]
pub trait ProvideCredentials: Send + Sync + 'static {
    /// Returns currently valid credentials.
    ///
    /// # Errors
    /// If there are none. The message names what was tried and what to do; the client puts it into an error of the kind
    /// [`Credentials`](crate::ErrorKind::Credentials).
    fn provide(&self) -> ProvideFuture<'_>;

    /// Returns currently valid credentials if they are cached; the client tries this method first. Default: `None`.
    fn cached(&self) -> Option<Credentials> {
        None
    }

    /// Returns a replacement for these credentials, which the service rejected as expired.
    ///
    /// A client calls it at most once per call. Many calls may pass the same credentials: a provider with a cache
    /// fetches new ones once for all of them, and returns the cached ones if they are not the rejected ones. If the
    /// returned credentials are equal to the rejected ones, there is no replacement. Default:
    /// [`provide`](Self::provide).
    ///
    /// # Errors
    /// As [`provide`](Self::provide).
    fn replace<'a>(&'a self, rejected: &'a Credentials) -> ProvideFuture<'a> {
        let _ = rejected;
        self.provide()
    }
}

/// The future that [`ProvideCredentials::provide`] returns.
pub type ProvideFuture<'a> = Pin<Box<dyn Future<Output = Result<Credentials, CredentialsError>> + Send + 'a>>;

/// Credentials that never change.
impl ProvideCredentials for Credentials {
    fn provide(&self) -> ProvideFuture<'_> {
        Box::pin(std::future::ready(Ok(self.clone())))
    }

    fn cached(&self) -> Option<Credentials> {
        Some(self.clone())
    }
}

/// The closure is called for every request, so it should return cached credentials.
impl<F, T> ProvideCredentials for F
where
    F: Fn() -> T + Send + Sync + 'static,
    T: Future<Output = Result<Credentials, CredentialsError>> + Send + 'static,
{
    fn provide(&self) -> ProvideFuture<'_> {
        Box::pin(self())
    }
}

/// Shares a provider between clients.
impl<P: ProvideCredentials + ?Sized> ProvideCredentials for Arc<P> {
    fn provide(&self) -> ProvideFuture<'_> {
        (**self).provide()
    }

    fn cached(&self) -> Option<Credentials> {
        (**self).cached()
    }

    fn replace<'a>(&'a self, rejected: &'a Credentials) -> ProvideFuture<'a> {
        (**self).replace(rejected)
    }
}

/// The reason why there are no credentials. The message names what was tried and what to do, and contains no secret.
#[derive(Debug, Clone)]
pub struct CredentialsError {
    message: Cow<'static, str>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl CredentialsError {
    /// An error with this message.
    pub fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self { message: message.into(), source: None }
    }

    /// Sets the underlying error, for [`source`](StdError::source). It must not print a secret.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into().into());
        self
    }
}

impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for CredentialsError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_an_access_key_is_checked() {
        let cases = [
            (Credentials::new("id\r", "secret"), "the access key ID"),
            (Credentials::new("id", "\"CANARY\""), "the access key secret"),
            (Credentials::temporary("id", "secret", "CANARY\n", None), "the security token"),
            (Credentials::temporary("id", "secret", "", None), "the security token"),
            (Credentials::new("", ""), "the access key ID"),
        ];
        for (credentials, part) in cases {
            let message = credentials.validate().unwrap_err().to_string();
            assert!(message.starts_with(part) && !message.contains("CANARY"), "{message}");
        }
        assert!(Credentials::temporary("id", "secret", "token==", None).validate().is_ok());
    }

    #[test]
    fn credentials_are_equal_if_their_parts_are() {
        let token = |token: &str| Credentials::temporary("id", "secret", token, None);
        assert_eq!(token("a"), Credentials::temporary("id", "secret", "a", Some(SystemTime::UNIX_EPOCH)));
        assert!(token("a") != token("b") && token("a") != Credentials::new("id", "secret"));
        assert!(Credentials::new("id", "a") != Credentials::new("id", "b"));
    }

    /// A wrapper without one of the methods would fall back to its default.
    #[tokio::test]
    async fn a_shared_provider_forwards_every_method() {
        struct Three;
        impl ProvideCredentials for Three {
            fn provide(&self) -> ProvideFuture<'_> {
                Box::pin(async { Ok(Credentials::new("provided", "s")) })
            }
            fn cached(&self) -> Option<Credentials> {
                Some(Credentials::new("cached", "s"))
            }
            fn replace<'a>(&'a self, _: &'a Credentials) -> ProvideFuture<'a> {
                Box::pin(async { Ok(Credentials::new("replaced", "s")) })
            }
        }
        let shared: Arc<dyn ProvideCredentials> = Arc::new(Arc::new(Three));
        assert_eq!(shared.provide().await.unwrap().access_key_id(), "provided");
        assert_eq!(shared.cached().unwrap().access_key_id(), "cached");
        assert_eq!(shared.replace(&Credentials::new("old", "s")).await.unwrap().access_key_id(), "replaced");
    }

    #[test]
    fn an_error_has_its_source() {
        let error = CredentialsError::new("the vault is away").with_source(std::io::Error::other("refused"));
        assert_eq!(error.clone().source().unwrap().to_string(), "refused");
        assert_eq!(error.to_string(), "the vault is away");
    }
}
