//! Findings about specifications, with the place, in the compiler's look.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

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

impl Diagnostic {
    /// A finding that stops generation. The hint is an argument, so none can be forgotten.
    pub fn error(
        span: Span,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Error,
            message: message.into(),
            label: label.into(),
            span,
            related: None,
            help: help.into(),
        }
    }

    /// A finding that is shown only.
    pub fn warning(
        span: Span,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(span, message, label, help)
        }
    }

    /// The same finding with a second place.
    pub fn with_related(mut self, span: Span, label: impl Into<String>) -> Self {
        self.related = Some((span, label.into()));
        self
    }
}

/// Collects what is found in one file, through a shared reference: the stages that look at a file look at it together.
#[derive(Debug)]
pub struct Findings {
    source: Arc<Source>,
    list: RefCell<Vec<Diagnostic>>,
}

impl Findings {
    /// Nothing found yet.
    pub fn new(source: Arc<Source>) -> Self {
        Self {
            source,
            list: RefCell::default(),
        }
    }

    /// The file.
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// A place in the file.
    pub fn span(&self, range: Range<usize>) -> Span {
        Span {
            source: Arc::clone(&self.source),
            range,
        }
    }

    /// Adds an error.
    pub fn error(
        &self,
        range: &Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Diagnostic::error(
            self.span(range.clone()),
            message,
            label,
            help,
        ));
    }

    /// Adds a warning.
    pub fn warning(
        &self,
        range: &Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Diagnostic::warning(
            self.span(range.clone()),
            message,
            label,
            help,
        ));
    }

    /// Adds a finding.
    pub fn push(&self, diagnostic: Diagnostic) {
        self.list.borrow_mut().push(diagnostic);
    }

    /// Whether anything found so far stops generation.
    pub fn has_errors(&self) -> bool {
        self.list
            .borrow()
            .iter()
            .any(|finding| finding.severity == Severity::Error)
    }

    /// What was found, in the order of finding.
    pub fn into_list(self) -> Vec<Diagnostic> {
        self.list.into_inner()
    }
}

/// Text from a file for use in a message: in backticks, on one line, not too long, and with nothing that could move a
/// terminal's cursor.
pub fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut shown = String::from("`");
    for (index, c) in text.chars().enumerate() {
        if index == LONGEST {
            shown.push('…');
            break;
        }
        if c.is_control() || is_direction_control(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown.push('`');
    shown
}

/// Whether a character reorders the text around it on screen, so that a reader sees something else than the compiler.
pub fn is_direction_control(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// All findings as text, separated by empty lines; with colours if the reader is a terminal.
pub fn render(diagnostics: &[Diagnostic], colour: bool) -> String {
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut text = String::new();
    for diagnostic in diagnostics {
        text.push_str(&render_one(diagnostic, &renderer));
        text.push_str("\n\n");
    }
    text
}

fn render_one(diagnostic: &Diagnostic, renderer: &Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let main = Excerpt::new(&diagnostic.span);
    let related = diagnostic
        .related
        .as_ref()
        .map(|(span, label)| (Excerpt::new(span), label.as_str()));

    let mut group = Group::with_title(level.primary_title(diagnostic.message.as_str())).element(
        main.snippet()
            .annotation(main.annotation(AnnotationKind::Primary, &diagnostic.label)),
    );
    if let Some((excerpt, label)) = &related {
        group = group.element(
            excerpt
                .snippet()
                .annotation(excerpt.annotation(AnnotationKind::Context, label)),
        );
    }
    group = group.element(Level::HELP.message(diagnostic.help.as_str()));
    renderer.render(&[group])
}

/// The one line of a file that a finding shows. The renderer gets no more than this: it is quick on any file, and no span
/// can lie outside of what it sees.
struct Excerpt<'a> {
    path: &'a str,
    line: &'a str,
    number: usize,
    range: Range<usize>,
}

impl<'a> Excerpt<'a> {
    fn new(span: &'a Span) -> Self {
        let text = span.source.text.as_str();
        let start = text.floor_char_boundary_at(span.range.start);
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let rest = &text[line_start..];
        let line = rest.split('\n').next().unwrap_or_default();
        let line = line.strip_suffix('\r').unwrap_or(line);
        let within = line.floor_char_boundary_at(start - line_start);
        // A span over several lines is shown by its first line.
        let end = line.floor_char_boundary_at(span.range.end.saturating_sub(line_start));
        Self {
            path: &span.source.path,
            line,
            number: text[..line_start].matches('\n').count() + 1,
            range: within..end.max(within),
        }
    }

    fn snippet(&self) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
        Snippet::source(self.line)
            .path(self.path)
            .line_start(self.number)
    }

    fn annotation(&self, kind: AnnotationKind, label: &'a str) -> annotate_snippets::Annotation<'a> {
        kind.span(self.range.clone()).label(label)
    }
}

/// `str::floor_char_boundary` is not stable in the oldest supported compiler.
trait FloorCharBoundary {
    /// The nearest place at or before `index` that does not split a character.
    fn floor_char_boundary_at(&self, index: usize) -> usize;
}

impl FloorCharBoundary for str {
    fn floor_char_boundary_at(&self, index: usize) -> usize {
        let mut index = index.min(self.len());
        while !self.is_char_boundary(index) {
            index -= 1;
        }
        index
    }
}
