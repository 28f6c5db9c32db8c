//! Parses bytes into a tree of nodes, each with its place in the file.
//!
//! The specification language is a subset of YAML: no anchors, aliases, merge keys, tags or directives, one document,
//! text as keys. The subset has the same meaning in every YAML version, can be written as JSON, and does not grow in
//! memory.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, StrInput};

use crate::diagnostic::{Diagnostic, Findings, Source, is_direction_control, quoted};

/// Larger files are rejected before parsing.
const LARGEST_FILE: usize = 1 << 20;

/// The deepest nesting of lists and maps.
const DEEPEST_NESTING: usize = 128;

/// A value and its place.
#[derive(Debug)]
pub struct Node {
    pub range: Range<usize>,
    pub value: Value,
}

/// The kinds of nodes.
#[derive(Debug)]
pub enum Value {
    /// Text, a number, a boolean or nothing: see [`Node::scalar`].
    Scalar {
        text: String,
        /// Whether the text is unquoted, so that it determines the type.
        plain: bool,
    },
    List,
    /// Keys (scalars, different from each other) and values in the order of the file.
    Map(Vec<(Node, Node)>),
    /// An invalid value, which is already reported.
    Refused,
}

/// The meaning of a scalar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar<'a> {
    Null,
    Boolean(bool),
    /// A number, as written.
    Number(&'a str),
    Text(&'a str),
}

impl Node {
    /// The meaning of a scalar by the core schema of YAML 1.2; `None` for a list or map.
    pub fn scalar(&self) -> Option<Scalar<'_>> {
        match &self.value {
            Value::Scalar { text, plain: true } => Some(plain_scalar(text)),
            Value::Scalar { text, plain: false } => Some(Scalar::Text(text)),
            Value::List | Value::Map(_) | Value::Refused => None,
        }
    }
}

/// The meaning of unquoted text.
pub fn plain_scalar(text: &str) -> Scalar<'_> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Scalar::Null,
        "true" | "True" | "TRUE" => Scalar::Boolean(true),
        "false" | "False" | "FALSE" => Scalar::Boolean(false),
        _ if is_number(text) => Scalar::Number(text),
        _ => Scalar::Text(text),
    }
}

fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return !digits.is_empty() && digits.bytes().all(|b| matches!(b, b'0'..=b'7'));
    }
    // Other numbers are those that Rust parses as a float, except for words such as `infinity`.
    unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') && unsigned.parse::<f64>().is_ok()
}

/// Decodes the bytes of a file. `Err` has the findings if the file cannot be parsed as YAML.
pub fn decode(path: &str, bytes: &[u8]) -> Result<Findings, Findings> {
    let source = |text: String| Findings::new(Arc::new(Source { path: path.to_owned(), text }));
    if bytes.len() > LARGEST_FILE {
        let findings = source(String::new());
        findings.error(
            &(0..0),
            format!("the file has {} bytes", bytes.len()),
            "this is not a specification",
            "the largest specification is 1 MiB; one file describes one action",
        );
        return Err(findings);
    }
    // Editors on Windows write a byte order mark, which is not part of the text.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(error) => {
            let at = error.valid_up_to();
            let findings = source(String::from_utf8_lossy(bytes).into_owned());
            findings.error(
                &(at..at + char::REPLACEMENT_CHARACTER.len_utf8()),
                format!("the byte 0x{:02X} here is not UTF-8", bytes[at]),
                "not UTF-8 from here on",
                "save the file as UTF-8",
            );
            return Err(findings);
        }
    };
    let forbidden = text.char_indices().find(|&(_, c)| is_unprintable(c)).map(|(at, c)| (at..at + c.len_utf8(), c));
    let findings = source(text);
    let Some((range, c)) = forbidden else {
        return Ok(findings);
    };
    let code = u32::from(c);
    findings.error(
        &range,
        format!("the character U+{code:04X} is invisible"),
        "an invisible character",
        format!("remove it; where a value really needs it, write \"\\u{code:04X}\" in double quotes"),
    );
    Err(findings)
}

/// Whether a character is not allowed in a file, because reviewers cannot see it.
fn is_unprintable(c: char) -> bool {
    (c.is_control() && !matches!(c, '\t' | '\n' | '\r'))
        || (is_direction_control(c) && !matches!(c, '\u{200e}' | '\u{200f}'))
}

/// Reads the tree of a file; `None` after an error, which is in the findings.
pub fn read(findings: &Findings) -> Option<Node> {
    let options = granit_parser::options! {
        disallow_directives: true,
        emit_anchor_events: true,
        emit_unresolved_aliases: true,
        emit_comments: false,
        // The limit of this reader is reached first.
        flow_nesting_limit: DEEPEST_NESTING + 1,
        block_nesting_limit: DEEPEST_NESTING + 1,
    };
    let text = findings.source().text.as_str();
    let mut reader = Reader {
        events: Parser::new_from_str_with_options(text, options),
        findings,
        aliases: HashSet::new(),
        end: text.len(),
    };
    reader.document().ok()
}

/// Reading stops; the error is already reported.
struct Stop;

type Spanned<'a> = (Event<'a>, Range<usize>);

struct Reader<'a> {
    events: Parser<'a, StrInput<'a>>,
    findings: &'a Findings,
    /// The anchors that are already reported.
    aliases: HashSet<&'a str>,
    end: usize,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<Node, Stop> {
        let mut root = None;
        loop {
            let (event, range) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::StreamStart | Event::DocumentEnd => {}
                Event::DocumentStart(..) if root.is_some() => {
                    self.findings.error(
                        &range,
                        "the file has several documents",
                        "a second document starts here",
                        "a file has one document: move this into another file",
                    );
                    return Err(Stop);
                }
                Event::DocumentStart(..) => {
                    let (event, range) = self.next()?;
                    root = Some(self.node(event, range, 0)?);
                }
                _ => return Err(self.unexpected(&range)),
            }
        }
        match root {
            Some(node) if node.scalar() != Some(Scalar::Null) => Ok(node),
            _ => {
                self.findings.error(
                    &(0..0),
                    "the file is empty",
                    "an empty file",
                    "delete the file, or describe an action in it (see api-spec/README.md)",
                );
                Err(Stop)
            }
        }
    }

    fn node(&mut self, event: Event<'a>, range: Range<usize>, depth: usize) -> Result<Node, Stop> {
        if depth > DEEPEST_NESTING {
            return Err(self.too_deep(&range));
        }
        let value = match event {
            Event::Scalar(text, style, ..) => {
                Value::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain }
            }
            Event::SequenceStart(..) => self.list(depth)?,
            Event::MappingStart(..) => self.map(depth)?,
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                // Each name is reported once.
                if self.aliases.insert(&self.findings.source().text[range.clone()]) {
                    self.findings.error(
                        &range,
                        "aliases are not part of the specification language",
                        "refers to text elsewhere",
                        "write the value out, describe a type that is used twice as a shape in product.yaml, \
                         or put quotes around text that starts with `*`",
                    );
                }
                Value::Refused
            }
            _ => return Err(self.unexpected(&range)),
        };
        Ok(Node { range, value })
    }

    /// The language has no lists, so the items are skipped; only the place is needed for the error.
    fn list(&mut self, depth: usize) -> Result<Value, Stop> {
        loop {
            let (event, range) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(Value::List);
            }
            self.node(event, range, depth + 1)?;
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, Stop> {
        let mut entries: Vec<(Node, Node)> = Vec::new();
        let mut known: HashMap<String, Range<usize>> = HashMap::new();
        loop {
            let (event, range) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(Value::Map(entries));
            }
            let key = self.node(event, range, depth + 1)?;
            let (event, range) = self.next()?;
            let value = self.node(event, range, depth + 1)?;
            let Some((text, key)) = self.key(key) else {
                continue;
            };
            if let Some(first) = known.get(&text) {
                self.findings.push(
                    Diagnostic::error(
                        self.findings.span(key.range),
                        format!("the key {} is repeated in a map", quoted(&text)),
                        "the second time",
                        "remove one of the two, or rename it",
                    )
                    .with_related(self.findings.span(first.clone()), "the first time"),
                );
                continue;
            }
            known.insert(text, key.range.clone());
            entries.push((key, value));
        }
    }

    /// The text of a key, and the key as a text node: `1: one` has the name `1`.
    fn key(&self, key: Node) -> Option<(String, Node)> {
        let is_nothing = key.scalar() == Some(Scalar::Null);
        let Value::Scalar { text, plain } = key.value else {
            if !matches!(key.value, Value::Refused) {
                self.findings.error(
                    &key.range,
                    "a key is a list or a map",
                    "expected a name",
                    "write `name: value`; put quotes around a name that starts with `[` or `{`",
                );
            }
            return None;
        };
        if is_nothing {
            self.findings.error(
                &key.range,
                "a key has no name",
                "expected a name",
                "write `name: value`; for a name that is empty or `null`, write it in quotes",
            );
            return None;
        }
        if plain && text == "<<" {
            self.findings.error(
                &key.range,
                "merge keys are not part of the specification language",
                "would merge another map",
                "write the keys out, or describe a type that is used twice as a shape in product.yaml",
            );
            return None;
        }
        let value = Value::Scalar { text: text.clone(), plain: false };
        Some((text, Node { range: key.range, value }))
    }

    /// The next event that is not an anchor or a tag; these are reported.
    fn next(&mut self) -> Result<Spanned<'a>, Stop> {
        loop {
            let (event, span) = match self.events.next_event() {
                Some(Ok(next)) => next,
                Some(Err(error)) => return Err(self.invalid(&error)),
                None => return Err(self.unexpected(&(self.end..self.end))),
            };
            let range = span.byte_range().unwrap_or(self.end..self.end);
            if event.tag().is_some() {
                let tag = span.tag_span().and_then(|span| span.byte_range());
                self.findings.error(
                    &tag.unwrap_or_else(|| range.clone()),
                    "tags are not part of the specification language",
                    "a tag",
                    "remove it, or put quotes around text that starts with `!`",
                );
            }
            if let Event::Anchor(..) = event {
                self.findings.error(
                    &range,
                    "anchors are not part of the specification language",
                    "gives this place a name",
                    "remove it, or put quotes around text that starts with `&`",
                );
                continue;
            }
            return Ok((event, range));
        }
    }

    fn invalid(&self, error: &ScanError) -> Stop {
        let at = error.marker().byte_offset().unwrap_or(self.end);
        if *error.kind() == ErrorKind::RecursionLimitExceeded {
            return self.too_deep(&(at..at));
        }
        self.findings.error(
            &(at..at),
            format!("this is not YAML: {}", error.kind()),
            "the file cannot be read from here on",
            advice(error.kind()),
        );
        Stop
    }

    fn too_deep(&self, range: &Range<usize>) -> Stop {
        self.findings.error(
            range,
            format!("nested deeper than {DEEPEST_NESTING} levels"),
            "too deep",
            "describe inner objects as shapes in product.yaml and refer to them by name",
        );
        Stop
    }

    fn unexpected(&self, range: &Range<usize>) -> Stop {
        self.findings.error(
            range,
            "the YAML ends or changes where a value is expected",
            "unexpected here",
            "compare the indentation of this line with the lines above it",
        );
        Stop
    }
}

/// The hint for text that is not YAML.
fn advice(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInPlainScalar => "indent with blanks, not with tabs",
        ErrorKind::MappingValueNotAllowed
        | ErrorKind::InvalidColonPlacement
        | ErrorKind::InvalidMappingValueWhitespace => {
            "put quotes around text that contains a colon followed by a blank, and check the indentation"
        }
        ErrorKind::UnexpectedCharacter { .. } => "put quotes around text that starts with this character",
        ErrorKind::UnclosedQuotedScalar
        | ErrorKind::InvalidQuotedScalarIndent
        | ErrorKind::DocumentIndicatorInQuotedScalar => "close the quotes; text over several lines goes below `|`",
        ErrorKind::InvalidTrailingSingleQuotedScalar | ErrorKind::InvalidTrailingDoubleQuotedScalar => {
            "put the whole text into the quotes, and check that the quotes above this place are closed"
        }
        ErrorKind::UnknownQuotedScalarEscape => "write the backslash twice, or use single quotes",
        ErrorKind::UnclosedFlowCollection { .. }
        | ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::UnexpectedEofFlowSequence
        | ErrorKind::MismatchedFlowCollectionEnd { .. }
        | ErrorKind::MisplacedFlowCollectionEnd
        | ErrorKind::ExpectedFlowMappingSeparator
        | ErrorKind::ExpectedFlowSequenceSeparator => {
            "check that brackets come in pairs, and put quotes around text that contains brackets or commas"
        }
        ErrorKind::DirectiveDisallowed => "remove the line: directives are not part of the specification language",
        _ => "compare the indentation with the lines above it, and put quotes around text with special characters",
    }
}
