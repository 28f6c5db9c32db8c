//! A place in which every Rust name stands for one thing only.

use std::collections::HashMap;

use super::names::{Kind, objection, rust_name};
use crate::diagnostic::{Diagnostic, Span, quoted};
use crate::spec::Spanned;

/// What to do about two names that become one.
pub(super) const GIVE_A_NAME: &str = "give one of them a `rust_name`";

/// The names given so far, with what has them and where that is written.
pub(super) struct Scope {
    /// What the names are for, in words: `field`.
    what: &'static str,
    /// What to do about a collision.
    help: &'static str,
    taken: HashMap<String, (String, Span)>,
}

impl Scope {
    pub(super) fn new(what: &'static str, help: &'static str) -> Self {
        Self { what, help, taken: HashMap::new() }
    }

    /// The Rust name for `wire`: the one that the specification asks for, or else the one that follows from `wire`.
    pub(super) fn name(
        &mut self,
        wire: &Spanned<String>,
        given: Option<&Spanned<String>>,
        kind: Kind,
        findings: &mut Vec<Diagnostic>,
    ) -> String {
        let name = match given {
            Some(given) => {
                check_given(given, "rust_name", kind, findings);
                given.value.clone()
            }
            None => rust_name(&wire.value, kind),
        };
        self.claim(&name, wire, given, findings);
        name
    }

    /// Takes a name; a finding if it is taken already.
    pub(super) fn claim(
        &mut self,
        name: &str,
        wire: &Spanned<String>,
        given: Option<&Spanned<String>>,
        findings: &mut Vec<Diagnostic>,
    ) {
        let span = &given.unwrap_or(wire).span;
        match self.taken.get(name) {
            None => {
                self.taken.insert(name.to_owned(), (wire.value.clone(), span.clone()));
            }
            Some((first, first_span)) => {
                let what = self.what;
                let message = format!("{} and {} both become the {what} `{name}`", quoted(first), quoted(&wire.value));
                findings.push(
                    Diagnostic::error(span.clone(), message, format!("becomes `{name}` too"), self.help)
                        .with_related(first_span.clone(), format!("the first {what} `{name}`")),
                );
            }
        }
    }
}

/// Checks a name that the specification asks for under the given key.
pub(super) fn check_given(given: &Spanned<String>, key: &str, kind: Kind, findings: &mut Vec<Diagnostic>) {
    if let Some(objection) = objection(&given.value, kind) {
        findings.push(Diagnostic::error(
            given.span.clone(),
            format!("`{key}` cannot be {}", quoted(&given.value)),
            objection,
            format!("`{}` would do", rust_name(&given.value, kind).trim_start_matches("r#")),
        ));
    }
}
