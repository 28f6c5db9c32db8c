//! What a source gives: credentials, or the reason why there are none.

use std::error::Error as StdError;
use std::fmt;

use alibabacloud_runtime::{Credentials, CredentialsError};

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

    /// Names whom they belong to, the same after every refresh; see [`Credentials::with_identity`].
    pub(crate) fn identity(mut self, identity: impl Into<String>) -> Self {
        self.credentials = self.credentials.with_identity(identity);
        self
    }

    /// These credentials, if requests can be signed with them.
    pub(crate) fn checked(credentials: Credentials) -> Result<Self, SourceError> {
        match credentials.validate() {
            Ok(()) => Ok(Self::new(credentials)),
            Err(error) => Err(SourceError::failed(error.to_string())),
        }
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
#[derive(Debug)]
pub struct SourceError {
    applies: bool,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl SourceError {
    /// Nothing of the source is set up, and it is not named: a chain asks the next one.
    pub fn not_applicable(message: impl Into<String>) -> Self {
        Self { applies: false, message: message.into(), source: None }
    }

    /// The source is named or set up, if only in part, and should have given credentials: a chain ends here, because the next source may
    /// have another identity.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { applies: true, message: message.into(), source: None }
    }

    /// Adds the error behind this one, for [`source`](StdError::source). It must not print a secret.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Whether the source is named or set up, if only in part.
    pub fn applies(&self) -> bool {
        self.applies
    }

    /// The same error of a source that must work: one that is named, has given credentials, or that another source is built on.
    pub(crate) fn into_failure(mut self) -> Self {
        self.applies = true;
        self
    }

    /// The same error of a source that another one may stand in for.
    pub(crate) fn into_inapplicable(mut self) -> Self {
        self.applies = false;
        self
    }

    /// The same with words before it.
    pub(crate) fn within(mut self, place: &str) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// The same with words after it.
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

/// A name that a user has given, if it looks like one: what stands in its place by accident may be a secret.
pub(crate) fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || " ._@/-".contains(c);
    if name.chars().count() <= 40 && name.chars().all(plain) {
        format!("`{name}`")
    } else {
        "(unprintable name)".to_owned()
    }
}

/// A word that should have been one of ours, if it cannot be a secret: a few letters, and not all of them capitals.
pub(crate) fn misspelt(word: &str) -> String {
    let is_plain = word.len() <= 24 && word.chars().all(|c| c.is_ascii_alphabetic() || "_-".contains(c));
    if is_plain && word.contains(|c: char| c.is_ascii_lowercase()) { format!(" `{word}`") } else { String::new() }
}
