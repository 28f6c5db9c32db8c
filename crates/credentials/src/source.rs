//! What a source of credentials is: one place to look, asked once.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use alibabacloud_runtime::{Credentials, CredentialsError};

use crate::refreshing::Refreshing;

/// One place where credentials may come from.
///
/// A source is asked once for each set of credentials and keeps none: [`Refreshing`] does that, for any number of callers. A
/// client takes the provider that [`refreshing`](Self::refreshing) makes of a source.
pub trait Source: Send + Sync + 'static {
    /// What it is called in errors, e.g. `the ECS metadata service`.
    fn name(&self) -> Cow<'static, str>;

    /// Looks there now.
    fn fetch(&self) -> SourceFuture<'_>;

    /// A provider for a client: asks this source when it must, and keeps what it gives until it is about to expire.
    fn refreshing(self) -> Refreshing
    where
        Self: Sized,
    {
        Refreshing::new(self)
    }
}

/// What [`Source::fetch`] returns.
pub type SourceFuture<'a> = Pin<Box<dyn Future<Output = Result<Found, SourceError>> + Send + 'a>>;

/// Shares a source.
impl<S: Source + ?Sized> Source for Arc<S> {
    fn name(&self) -> Cow<'static, str> {
        (**self).name()
    }

    fn fetch(&self) -> SourceFuture<'_> {
        (**self).fetch()
    }
}

/// Credentials that were found, and where exactly.
#[derive(Debug, Clone)]
pub struct Found {
    credentials: Credentials,
    detail: Option<String>,
    warnings: Vec<String>,
}

impl Found {
    /// These credentials.
    pub fn new(credentials: Credentials) -> Self {
        Self { credentials, detail: None, warnings: Vec::new() }
    }

    /// Adds where exactly they were found, e.g. the name of a profile. It is shown to people and must hold no secret.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds something that the user should know, such as a file of keys that others can read. It must hold no secret.
    #[must_use]
    pub fn warning(mut self, warning: impl Into<String>) -> Self {
        self.warnings.push(warning.into());
        self
    }

    /// The credentials.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Where exactly they were found, in words; `None` if the name of the source says it all.
    pub fn found_in(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// What the user should know.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The same with the place before where exactly they were found.
    pub(crate) fn within(self, place: &str) -> Self {
        let detail = match &self.detail {
            Some(inner) => format!("{place}, {inner}"),
            None => place.to_owned(),
        };
        self.detail(detail)
    }

    pub(crate) fn warnings_of(mut self, earlier: Vec<String>) -> Self {
        self.warnings.splice(0..0, earlier);
        self
    }

    pub(crate) fn into_credentials(self) -> Credentials {
        self.credentials
    }
}

impl From<Credentials> for Found {
    fn from(credentials: Credentials) -> Self {
        Self::new(credentials)
    }
}

/// Why a source gave no credentials. The message says what to do, and quotes neither a secret nor the content of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceError {
    applies: bool,
    message: String,
}

impl SourceError {
    /// The source is not set up, or not completely: a chain asks the next one.
    pub fn not_applicable(message: impl Into<String>) -> Self {
        Self { applies: false, message: message.into() }
    }

    /// The source is set up and should have given credentials: a chain ends here, because the next one may be somebody else's
    /// identity.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { applies: true, message: message.into() }
    }

    /// Whether the source is set up.
    pub fn applies(&self) -> bool {
        self.applies
    }

    /// A source that another one is built on must work: where it does not apply, the other one fails.
    pub(crate) fn into_failure(mut self) -> Self {
        self.applies = true;
        self
    }

    /// The same with words before it.
    pub(crate) fn within(mut self, place: &str) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SourceError {}

impl From<SourceError> for CredentialsError {
    fn from(error: SourceError) -> Self {
        Self::new(error.message)
    }
}

/// Credentials that are already there.
impl Source for Credentials {
    fn name(&self) -> Cow<'static, str> {
        "given credentials".into()
    }

    fn fetch(&self) -> SourceFuture<'_> {
        Box::pin(std::future::ready(Ok(self.clone().into())))
    }
}

/// A source that is an async function of your own: a secret store, say.
///
/// ```
/// use alibabacloud_credentials::{Credentials, Found, Source, SourceError, SourceFn};
///
/// let vault = SourceFn::new("the vault", || async {
///     let secret = "…"; // ask the vault here
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
    /// A source of this name that calls the function. The name is shown in errors.
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
