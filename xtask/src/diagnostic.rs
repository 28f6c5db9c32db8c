//! Findings about specifications, printed like the errors of rustc.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

/// A place in a specification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The file; shared by all its spans.
    pub source: Arc<Source>,
    /// Bytes of the file.
    pub range: Range<usize>,
}

/// A specification file.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// Path from the repository root, with `/`.
    pub path: String,
    pub text: String,
}

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is generated.
    Error,
    /// Shown; generation continues.
    Warning,
}

/// A finding: what is wrong, where, and what to do.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    pub severity: Severity,
    pub message: String,
    /// The text under the caret.
    pub label: String,
    pub span: Span,
    /// A second place with its label, such as the first of two duplicates.
    pub related: Option<(Span, String)>,
    /// What to do.
    pub help: String,
}

impl Diagnostic {
    /// A finding that stops generation. Every finding has a hint.
    pub fn error(span: Span, message: impl Into<String>, label: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: message.into(),
            label: label.into(),
            span,
            related: None,
            help: help.into(),
        }
    }

    /// A finding that does not stop generation.
    pub fn warning(span: Span, message: impl Into<String>, label: impl Into<String>, help: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(span, message, label, help) }
    }

    /// Adds a second place.
    pub fn with_related(mut self, span: Span, label: impl Into<String>) -> Self {
        self.related = Some((span, label.into()));
        self
    }
}

/// The findings about one file. They are added through a shared reference, because several stages check a file at once.
#[derive(Debug)]
pub struct Findings {
    source: Arc<Source>,
    list: RefCell<Vec<Diagnostic>>,
}

impl Findings {
    /// An empty list of findings.
    pub fn new(source: Arc<Source>) -> Self {
        Self { source, list: RefCell::default() }
    }

    /// The file.
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// A place in the file.
    pub fn span(&self, range: Range<usize>) -> Span {
        Span { source: Arc::clone(&self.source), range }
    }

    /// Adds an error.
    pub fn error(
        &self,
        range: &Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Diagnostic::error(self.span(range.clone()), message, label, help));
    }

    /// Adds a warning.
    pub fn warning(
        &self,
        range: &Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Diagnostic::warning(self.span(range.clone()), message, label, help));
    }

    /// Adds a finding.
    pub fn push(&self, diagnostic: Diagnostic) {
        self.list.borrow_mut().push(diagnostic);
    }

    /// Whether a finding stops generation.
    pub fn has_errors(&self) -> bool {
        self.list.borrow().iter().any(|finding| finding.severity == Severity::Error)
    }

    /// The findings, in the order in which they were added.
    pub fn into_list(self) -> Vec<Diagnostic> {
        self.list.into_inner()
    }
}

/// Text from a file for a message: in backticks, on one line, shortened, and without characters that control a
/// terminal.
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

/// Whether a character changes the order of the text around it on the screen, so that it differs from the order in the
/// file.
pub fn is_direction_control(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// All findings as text, separated by empty lines.
pub fn render(diagnostics: &[Diagnostic], colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
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
    let group = Group::with_title(level.primary_title(diagnostic.message.as_str()));
    let main = Line::new(&diagnostic.span);
    let primary = |first: &Line<'_>| {
        let kind = AnnotationKind::Primary;
        kind.span(main.range_from(first)).label(&diagnostic.label)
    };
    let group = match &diagnostic.related {
        None => group.element(main.snippet(&main).annotation(primary(&main))),
        Some((span, label)) => {
            let related = Line::new(span);
            let context = |first: &Line<'_>| {
                let kind = AnnotationKind::Context;
                kind.span(related.range_from(first)).label(label)
            };
            if diagnostic.span.source == span.source {
                let (first, last) = if main.start < related.start { (&main, &related) } else { (&related, &main) };
                let snippet = first.snippet(last);
                group.element(snippet.annotation(primary(first)).annotation(context(first)))
            } else {
                group
                    .element(main.snippet(&main).annotation(primary(&main)))
                    .element(related.snippet(&related).annotation(context(&related)))
            }
        }
    };
    let group = group.element(Level::HELP.message(diagnostic.help.as_str()));
    renderer.render(&[group])
}

/// A line of a file that a finding shows. The renderer gets only the lines that it needs, and every span is within its
/// line.
struct Line<'a> {
    source: &'a Source,
    number: usize,
    /// The range of the line in the file.
    start: usize,
    end: usize,
    /// The marked range in the file.
    range: Range<usize>,
}

impl<'a> Line<'a> {
    fn new(span: &'a Span) -> Self {
        let text = span.source.text.as_str();
        let start = text.floor_char_boundary_at(span.range.start);
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let rest = &text[line_start..];
        let line = rest.split('\n').next().unwrap_or_default();
        let line = line.strip_suffix('\r').unwrap_or(line);
        let line_end = line_start + line.len();
        let start = start.min(line_end);
        // A span over several lines is shown by its first line.
        let end = text.floor_char_boundary_at(span.range.end.min(line_end));
        Self {
            source: &span.source,
            number: text[..line_start].matches('\n').count() + 1,
            start: line_start,
            end: line_end,
            range: start..end.max(start),
        }
    }

    /// A snippet with the lines from this one to `last`; the renderer shows only the marked ones.
    fn snippet(&self, last: &Self) -> Snippet<'a, Annotation<'a>> {
        Snippet::source(&self.source.text[self.start..last.end]).path(&self.source.path).line_start(self.number)
    }

    /// The marked range, in a snippet that begins with the line `first`.
    fn range_from(&self, first: &Self) -> Range<usize> {
        self.range.start - first.start..self.range.end - first.start
    }
}

/// A substitute for `str::floor_char_boundary`, which is not stable in the minimum Rust version.
trait FloorCharBoundary {
    /// The last character boundary at or before `index`.
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

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: [&str; 12] = [
        "",
        "\n",
        "\r\n\r",
        "\t\ttabs\t",
        "\u{feff}mark",
        "\u{202e}right to left\u{2066}",
        "\u{200f}\u{200d}\u{301}",
        "宽字符 🍲🍲 wide",
        "no line break at the end",
        "line\nline\n\n",
        "\0\u{1b}[31mred\u{7f}",
        "\u{fffd}",
    ];

    #[test]
    fn no_text_and_no_span_makes_rendering_panic() {
        for text in HOSTILE {
            let source = Arc::new(Source { path: "spec/\t\u{202e}.yaml".to_owned(), text: text.to_owned() });
            for start in 0..text.len() + 3 {
                for end in [0, start, start + 1, start + 4, text.len(), usize::MAX] {
                    let span = |range| Span { source: Arc::clone(&source), range };
                    let finding =
                        Diagnostic::error(span(start..end), text, text, text).with_related(span(end..start), text);
                    for colour in [false, true] {
                        assert!(render(std::slice::from_ref(&finding), colour).contains("error"));
                    }
                }
            }
        }
    }

    #[test]
    fn a_long_line_is_shortened_around_the_mark() {
        let source = Arc::new(Source { path: "spec/Long.yaml".to_owned(), text: "x ".repeat(100_000) });
        let span = Span { source, range: 100_000..100_001 };
        let text = render(&[Diagnostic::error(span, "long", "here", "shorten it")], false);
        assert!(text.lines().all(|line| line.chars().count() < 200), "{text}");
        assert!(text.contains("--> spec/Long.yaml:1:100001"), "{text}");
    }

    #[test]
    fn text_from_a_file_is_one_short_visible_line_in_a_message() {
        assert_eq!(quoted("a\nb\u{202e}"), "`a\\nb\\u{202e}`");
        assert_eq!(quoted(&"x".repeat(1000)).chars().count(), 63);
    }

    #[test]
    fn colour_is_used_only_on_request() {
        let source = Arc::new(Source { path: "a.yaml".to_owned(), text: "a: b".to_owned() });
        let finding = Diagnostic::warning(Span { source, range: 0..1 }, "message", "label", "help");
        assert!(!render(std::slice::from_ref(&finding), false).contains('\u{1b}'));
        assert!(render(&[finding], true).contains('\u{1b}'));
    }
}
