//! Checks that go beyond the types of the files.

mod action;
mod errors;
mod example;
mod hint;
mod paging;
mod platform;
mod product;
mod route;
mod types;
mod waiter;

use std::collections::HashMap;
use std::ops::Range;

pub use self::action::action_file;
use self::hint::how_to_write;
pub use self::platform::platform_file;
pub use self::product::product_file;
pub use self::route::header_problem;
pub use self::waiter::waiters;
use super::de::{Key, Located, Map};
use super::node::{Node, Value};
use super::suggest::suggestion;
use super::{Guess, Spanned, Type};
use crate::diagnostic::{Findings, is_direction_control, quoted};

/// The longest accepted name.
pub const LONGEST_NAME: usize = 100;

/// The shared shapes of the product that could be read.
pub struct Shapes<'a> {
    /// `None` if product.yaml could not be read.
    pub names: Option<&'a [String]>,
    pub types: HashMap<&'a str, &'a Type>,
}

/// A map with keys, as messages about a missing key name it.
struct Owner {
    kind: &'static str,
    title: String,
    range: Range<usize>,
}

impl Owner {
    /// Something with a name: `the field "Name"`.
    fn named(kind: &'static str, name: &Located<String>) -> Self {
        Self { kind, title: format!("the {kind} {}", quoted(&name.value)), range: name.range.clone() }
    }

    /// A map under a key of the language: `endpoints`.
    fn key(key: &'static str, range: &Range<usize>) -> Self {
        Self { kind: key, title: format!("`{key}`"), range: range.clone() }
    }

    /// The subject of a whole file; its place is that of its name, if it has one.
    fn file(kind: &'static str, name: Option<&Located<String>>) -> Self {
        Self {
            kind,
            title: name.map_or_else(|| format!("the {kind}"), |name| format!("the {kind} {}", quoted(&name.value))),
            range: name.map_or(0..0, |name| name.key.clone()),
        }
    }
}

/// Checks the parts that several kinds of files share.
struct Checker<'a> {
    findings: &'a Findings,
    shapes: &'a Shapes<'a>,
}

impl Checker<'_> {
    fn spanned(&self, located: &Located<String>) -> Spanned<String> {
        Spanned { value: located.value.clone(), span: self.findings.span(located.range.clone()) }
    }

    /// The value of a required key.
    fn required<'k, T>(&self, key: &'k Key<T>, name: &str, owner: &Owner) -> Option<&'k T> {
        if matches!(key, Key::Missing) {
            self.findings.error(
                &owner.range,
                format!("{} has no {}", owner.title, quoted(name)),
                format!("{} is missing", quoted(name)),
                how_to_write(owner.kind, name),
            );
        }
        key.given()
    }

    /// Required prose.
    fn prose(&self, key: &Key<Located<String>>, name: &str, owner: &Owner) -> Option<String> {
        self.required(key, name, owner).and_then(|text| self.checked_prose(text, name))
    }

    /// Required prose; empty if the specification says `none`.
    fn prose_or_none(&self, key: &Key<Located<String>>, name: &str, owner: &Owner) -> Option<String> {
        self.prose(key, name, owner).map(none_is_empty)
    }

    /// Optional prose.
    fn optional_prose(&self, key: &Key<Located<String>>, name: &str) -> Option<String> {
        key.given().and_then(|text| self.checked_prose(text, name))
    }

    fn checked_prose(&self, text: &Located<String>, name: &str) -> Option<String> {
        let trimmed = text.value.trim();
        if trimmed.is_empty() {
            self.findings.error(
                &text.range,
                format!("{} is empty", quoted(name)),
                "expected text",
                "write one sentence in plain words",
            );
            return None;
        }
        if let Some(c) = trimmed.chars().find(|&c| is_unreadable(c)) {
            self.findings.error(
                &text.range,
                format!("{} contains the character U+{:04X}", quoted(name), u32::from(c)),
                "is invisible, or changes the order of the text",
                "remove it; this text becomes documentation",
            );
            return None;
        }
        Some(trimmed.to_owned())
    }

    /// Whether a name is valid; `kind` is the kind of its subject.
    fn name(&self, name: &Located<String>, kind: &str) -> bool {
        let wrong = if name.value.trim().is_empty() {
            "is empty"
        } else if name.value.trim() != name.value {
            "has blanks around it"
        } else if name.value.chars().count() > LONGEST_NAME {
            "is longer than 100 characters"
        } else if name.value.chars().any(|c| c.is_control() || is_direction_control(c)) {
            "contains invisible characters"
        } else {
            return true;
        };
        self.findings.error(
            &name.range,
            format!("the name of {kind} {wrong}"),
            "not a name",
            "write the name exactly as on the wire",
        );
        false
    }

    /// The Rust name in the specification.
    fn rust_name(&self, key: &Key<Located<String>>) -> Option<Spanned<String>> {
        let name = key.given()?;
        let mut chars = name.value.chars();
        let first = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        if !first || name.value == "_" || !chars.all(|c| c.is_ascii_alphanumeric() || c == '_') {
            self.findings.error(
                &name.range,
                format!("{} is not a Rust name", quoted(&name.value)),
                "expected an identifier",
                "use ASCII letters, digits and `_`, and begin with a letter",
            );
            return None;
        }
        Some(self.spanned(name))
    }

    /// The values that are not reviewed yet; only `known` keys can be guessed.
    fn guesses(&self, raw: &Key<Located<Map<Located<String>>>>, known: &[&str]) -> Vec<Guess> {
        let mut guesses = Vec::new();
        for (key, reason) in raw.given().map_or(&[][..], |guesses| &guesses.value.0[..]) {
            if !known.contains(&key.value.as_str()) {
                self.findings.error(
                    &key.range,
                    format!("{} is not a key that can be guessed", quoted(&key.value)),
                    "not one of the known keys",
                    suggestion(&key.value, known),
                );
            } else if let Some(reason) = self.checked_prose(reason, "guessed") {
                guesses.push(Guess { key: key.value.clone(), reason });
            }
        }
        guesses
    }

    fn characters(&self, text: &Located<String>, what: &str, of: &str, allowed: impl Fn(char) -> bool) -> bool {
        let valid = !text.value.is_empty() && text.value.chars().all(allowed);
        if !valid {
            self.findings.error(
                &text.range,
                format!("{} is not {what}", quoted(&text.value)),
                format!("expected {of}"),
                "write it as the official documentation spells it",
            );
        }
        valid
    }

    /// The values of `Code` that mean success: separated by commas, or `none`.
    fn success_codes(&self, raw: &Located<String>) -> Vec<String> {
        let codes: Vec<String> = raw.value.split(',').map(|code| code.trim().to_owned()).collect();
        if codes == [NONE] {
            return Vec::new();
        }
        if let Some(code) =
            codes.iter().find(|code| code.is_empty() || code.contains(|c: char| is_unreadable(c) || c == '\n'))
        {
            self.findings.error(
                &raw.range,
                format!("{} is not a success code", quoted(code)),
                "expected codes separated by commas",
                "write the values of `Code` that mean success, such as `OK` or `OK, Success`, or `none`",
            );
        }
        codes
    }
}

/// The word for missing prose.
const NONE: &str = "none";

/// Prose; empty if the specification says `none`.
fn none_is_empty(text: String) -> String {
    if text == NONE { String::new() } else { text }
}

/// Whether a character must not be in prose. Marks that do not change the order of text are allowed.
fn is_unreadable(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t')) || (is_direction_control(c) && !matches!(c, '\u{200e}' | '\u{200f}'))
}

/// Whether the root is a map with one of the keys of this kind of file.
fn has_any_key(root: &Node, keys: &[&str]) -> bool {
    let Value::Map(entries) = &root.value else {
        return false;
    };
    entries.iter().any(|(key, _)| matches!(&key.value, Value::Scalar { text, .. } if keys.contains(&text.as_str())))
}
