//! Findings about specifications, with the place, in the compiler's look.

use std::ops::Range;
use std::sync::Arc;

/// A place in a specification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The file; shared by all its spans.
    pub source: Arc<Source>,
    /// Bytes of the file.
    pub range: Range<usize>,
}

/// A specification file as it was read.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// Path from the repository root, with `/`.
    pub path: String,
    pub text: String,
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is generated.
    Error,
    /// Shown, and generation goes on.
    Warning,
}

/// A finding: what is wrong, where, and what to do.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    pub severity: Severity,
    pub message: String,
    /// What stands under the caret.
    pub label: String,
    pub span: Span,
    /// A second place that belongs to it, with its label: the first of two duplicates, say.
    pub related: Option<(Span, String)>,
    /// What to do.
    pub help: String,
}
