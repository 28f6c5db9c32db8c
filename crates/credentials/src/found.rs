//! The result of a source: credentials, or the reason why there are none.

use std::error::Error as StdError;
use std::fmt;

use alibabacloud_runtime::{Credentials, CredentialsError};

/// Credentials, and where they were found.
#[derive(Debug, Clone)]
pub struct Found {
    credentials: Credentials,
    detail: Option<String>,
    warnings: Vec<String>,
}

impl Found {
    /// Wraps these credentials.
    pub fn new(credentials: Credentials) -> Self {
        Self { credentials, detail: None, warnings: Vec::new() }
    }

    /// Sets the identity, which is the same after every refresh; see [`Credentials::with_identity`].
    pub(crate) fn identity(mut self, identity: impl Into<String>) -> Self {
        self.credentials = self.credentials.with_identity(identity);
        self
    }

    /// Wraps these credentials if they are valid.
    pub(crate) fn checked(credentials: Credentials) -> Result<Self, SourceError> {
        match credentials.validate() {
            Ok(()) => Ok(Self::new(credentials)),
            Err(error) => Err(SourceError::failed(error.to_string())),
        }
    }

    /// Adds where they were found, e.g. the name of a profile. The text is shown to users and must not contain a
    /// secret.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds a warning for the user, e.g. about a file of keys that others can read. It must not contain a secret.
    #[must_use]
    pub fn warning(mut self, warning: impl Into<String>) -> Self {
        self.warnings.push(warning.into());
        self
    }

    /// The credentials.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Where the credentials were found; `None` if the name of the source is enough.
    pub fn found_in(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// Warnings for the user.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Prefixes the place where they were found.
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

/// The reason why a source provided no credentials. The message says what to do, and contains no secret and no content
/// of a file.
#[derive(Debug)]
pub struct SourceError {
    applies: bool,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl SourceError {
    /// The source is neither set up nor named; a chain tries the next one.
    pub fn not_applicable(message: impl Into<String>) -> Self {
        Self { applies: false, message: message.into(), source: None }
    }

    /// The source is named or at least partly set up, and should have provided credentials. A chain ends here, because
    /// the next source may have another identity.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { applies: true, message: message.into(), source: None }
    }

    /// Sets the underlying error, for [`source`](StdError::source). It must not print a secret.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Whether the source is named or at least partly set up.
    pub fn applies(&self) -> bool {
        self.applies
    }

    /// The same error for a source that must work: it is named, has provided credentials before, or is the base of
    /// another source.
    pub(crate) fn into_failure(mut self) -> Self {
        self.applies = true;
        self
    }

    /// The same error for a source that another one can replace.
    pub(crate) fn into_inapplicable(mut self) -> Self {
        self.applies = false;
        self
    }

    /// Prefixes the message.
    pub(crate) fn within(mut self, place: &str) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// Appends to the message.
    pub(crate) fn with_more(mut self, words: &str) -> Self {
        self.message.push_str(words);
        self
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for SourceError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<SourceError> for CredentialsError {
    fn from(error: SourceError) -> Self {
        let described = Self::new(error.message);
        match error.source {
            Some(source) => described.with_source(source),
            None => described,
        }
    }
}

/// A name given by the user, if it looks like a name; a secret may be in its place by accident.
pub(crate) fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || " ._@/-".contains(c);
    if name.chars().count() <= 40 && name.chars().all(plain) {
        format!("`{name}`")
    } else {
        "(unprintable name)".to_owned()
    }
}

/// A misspelt keyword, if it cannot be a secret: a few letters, with at least one in lower case.
pub(crate) fn misspelt(word: &str) -> String {
    let is_plain = word.len() <= 24 && word.chars().all(|c| c.is_ascii_alphabetic() || "_-".contains(c));
    if is_plain && word.contains(|c: char| c.is_ascii_lowercase()) { format!(" `{word}`") } else { String::new() }
}
