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

    /// Takes a name, and tells whether it was free; if not, that is a finding.
    pub(super) fn claim(
        &mut self,
        name: &str,
        wire: &Spanned<String>,
        given: Option<&Spanned<String>>,
        findings: &mut Vec<Diagnostic>,
    ) -> bool {
        let span = &given.unwrap_or(wire).span;
        if let Some((first, first_span)) = self.taken.get(name) {
            let what = self.what;
            let message = format!("{} and {} both become the {what} `{name}`", quoted(first), quoted(&wire.value));
            findings.push(
                Diagnostic::error(span.clone(), message, format!("becomes `{name}` too"), self.help)
                    .with_related(first_span.clone(), format!("the first {what} `{name}`")),
            );
            return false;
        }
        self.taken.insert(name.to_owned(), (wire.value.clone(), span.clone()));
        true
    }
}

/// Checks a name that the specification asks for under the given key.
pub(super) fn check_given(given: &Spanned<String>, key: &str, kind: Kind, findings: &mut Vec<Diagnostic>) {
    if let Some(objection) = objection(&given.value, kind) {
        findings.push(Diagnostic::error(
            given.span.clone(),
            format!("`{key}` cannot be {}", quoted(&given.value)),
            objection,
            format!("`{}` would do", usable(&given.value, kind)),
        ));
    }
}

/// A name without objections that resembles the given one.
fn usable(name: &str, kind: Kind) -> String {
    let name = rust_name(name, kind);
    match name.strip_prefix("r#") {
        Some(keyword) => format!("{keyword}_"),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_suggested_that_would_be_refused() {
        for kind in [Kind::Field, Kind::Parameter, Kind::Type, Kind::Variant] {
            for name in ["type", "Self", "self", "build", "Option", "Unrecognized", "", "1.5", "中", "a b", "x__y"] {
                let usable = usable(name, kind);
                assert_eq!(objection(&usable, kind), None, "{name:?} as {kind:?}: {usable}");
            }
        }
    }
}
