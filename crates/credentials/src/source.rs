//! The trait of a source of credentials.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

use alibabacloud_runtime::Credentials;
use futures_util::FutureExt as _;

use crate::found::{Found, SourceError};
use crate::refreshing::Refreshing;
use crate::time::Clock;

/// A place where credentials may come from.
///
/// A source is queried for each set of credentials, and caches none: [`Refreshing`] does that, for any number of
/// callers. A client takes the provider that [`refreshing`](Self::refreshing) returns.
pub trait Source: Send + Sync + 'static {
    /// The name of the source in errors, e.g. `the ECS metadata service`.
    fn name(&self) -> Cow<'static, str>;

    /// Queries the source.
    fn fetch(&self) -> SourceFuture<'_>;

    /// Queries a replacement for these credentials, which this source provided and the service rejected as expired.
    /// Default: [`fetch`](Self::fetch).
    ///
    /// A source that stores credentials must not return the rejected ones again.
    fn fetch_replacement<'a>(&'a self, refused: &'a Credentials) -> SourceFuture<'a> {
        let _ = refused;
        self.fetch()
    }

    /// A provider for a client, which queries this source when necessary and caches its credentials until they are
    /// about to expire.
    fn refreshing(self) -> Refreshing
    where
        Self: Sized,
    {
        Refreshing::new(self)
    }
}

/// The future that [`Source::fetch`] returns.
pub type SourceFuture<'a> = Pin<Box<dyn Future<Output = Result<Found, SourceError>> + Send + 'a>>;

/// Shares a source.
impl<S: Source + ?Sized> Source for Arc<S> {
    fn name(&self) -> Cow<'static, str> {
        (**self).name()
    }

    fn fetch(&self) -> SourceFuture<'_> {
        (**self).fetch()
    }

    fn fetch_replacement<'a>(&'a self, refused: &'a Credentials) -> SourceFuture<'a> {
        (**self).fetch_replacement(refused)
    }
}

impl Refreshing {
    /// A provider over this source.
    pub fn new(source: impl Source) -> Self {
        Self::with_clock(source, Arc::new(SystemTime::now))
    }

    /// A provider over this source with another clock, for tests. Backoffs use tokio's clock.
    pub fn with_clock(source: impl Source, clock: Clock) -> Self {
        let source = Arc::new(source);
        let name = source.name();
        let fetch = move |refused: Option<Credentials>| {
            let source = Arc::clone(&source);
            async move {
                match &refused {
                    Some(refused) => source.fetch_replacement(refused).await,
                    None => source.fetch().await,
                }
            }
            .boxed()
        };
        Self::over(name, Box::new(fetch), clock)
    }
}

/// Fixed credentials.
impl Source for Credentials {
    fn name(&self) -> Cow<'static, str> {
        "given credentials".into()
    }

    fn fetch(&self) -> SourceFuture<'_> {
        Box::pin(std::future::ready(Found::checked(self.clone())))
    }
}

/// A source that is an async function, e.g. one that reads a secret store.
///
/// ```
/// use alibabacloud_credentials::{Credentials, Found, Source, SourceError, SourceFn};
///
/// let vault = SourceFn::new("the vault", || async {
///     let secret = "…"; // query the vault here
///     Ok::<Found, SourceError>(Credentials::new("id", secret).into())
/// });
/// let provider = vault.refreshing(); // for `Client::builder().credentials(…)`
/// ```
pub struct SourceFn<F> {
    name: Cow<'static, str>,
    function: F,
}

impl<F, O> SourceFn<F>
where
    F: Fn() -> O + Send + Sync + 'static,
    O: Future<Output = Result<Found, SourceError>> + Send + 'static,
{
    /// A source with this name, which calls the function. The name is shown in errors.
    pub fn new(name: impl Into<Cow<'static, str>>, function: F) -> Self {
        Self { name: name.into(), function }
    }
}

impl<F, O> Source for SourceFn<F>
where
    F: Fn() -> O + Send + Sync + 'static,
    O: Future<Output = Result<Found, SourceError>> + Send + 'static,
{
    fn name(&self) -> Cow<'static, str> {
        self.name.clone()
    }

    fn fetch(&self) -> SourceFuture<'_> {
        Box::pin((self.function)())
    }
}

impl<F> fmt::Debug for SourceFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceFn").field("name", &self.name).finish_non_exhaustive()
    }
}
