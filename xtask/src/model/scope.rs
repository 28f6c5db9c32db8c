//! A scope in which every Rust name is unique.

use std::collections::HashMap;

use super::names::{Kind, numbered, objection, rust_name};
use crate::diagnostic::{Diagnostic, Span, quoted};
use crate::spec::Spanned;

/// The hint for two names that become one.
const GIVE_A_NAME: &str = "give one of them a `rust_name`";

/// The names that are taken, with their wire names and places.
pub(super) struct Scope {
    /// The kind of the names, in words: `field`.
    what: &'static str,
    taken: HashMap<String, (String, Span)>,
}

impl Scope {
    pub(super) fn new(what: &'static str) -> Self {
        Self { what, taken: HashMap::new() }
    }

    /// Reserves the names that a specification sets. Two equal ones are a finding.
    pub(super) fn take_given<'s>(
        &mut self,
        names: impl Iterator<Item = (&'s Spanned<String>, Option<&'s Spanned<String>>)>,
        kind: Kind,
        findings: &mut Vec<Diagnostic>,
    ) {
        for (wire, given) in names {
            let Some(given) = given else { continue };
            check_given(given, "rust_name", kind, findings);
            if let Some((first, first_span)) = self.taken.get(&given.value) {
                let (what, name) = (self.what, &given.value);
                let message = format!("{} and {} both become the {what} `{name}`", quoted(first), quoted(&wire.value));
                findings.push(
                    Diagnostic::error(given.span.clone(), message, format!("becomes `{name}` too"), GIVE_A_NAME)
                        .with_related(first_span.clone(), format!("the first {what} `{name}`")),
                );
            } else {
                self.taken.insert(given.value.clone(), (wire.value.clone(), given.span.clone()));
            }
        }
    }

    /// The Rust name for `wire`: the one set in the specification, which [`take_given`](Self::take_given) has reserved,
    /// or else the automatic one, with a number if it is taken.
    pub(super) fn name(&mut self, wire: &Spanned<String>, given: Option<&Spanned<String>>, kind: Kind) -> Name {
        if let Some(given) = given {
            return Name { text: given.value.clone(), numbered: false };
        }
        self.free(&rust_name(&wire.value, kind), wire, kind)
    }

    /// Takes the name, with a number if it is taken.
    pub(super) fn free(&mut self, wanted: &str, wire: &Spanned<String>, kind: Kind) -> Name {
        let name = first_free(wanted, kind, |name| !self.taken.contains_key(name));
        self.taken.insert(name.text.clone(), (wire.value.clone(), wire.span.clone()));
        name
    }

    /// Reserves a name.
    pub(super) fn reserve(&mut self, name: &str, wire: &Spanned<String>) {
        self.taken.insert(name.to_owned(), (wire.value.clone(), wire.span.clone()));
    }

    pub(super) fn is_free(&self, name: &str) -> bool {
        !self.taken.contains_key(name)
    }
}

/// The wanted name, with the first free number if it is taken.
pub(super) fn first_free(wanted: &str, kind: Kind, is_free: impl Fn(&str) -> bool) -> Name {
    let mut name = Name { text: wanted.to_owned(), numbered: false };
    let mut number = 2;
    while !is_free(&name.text) {
        name = Name { text: numbered(wanted, number, kind), numbered: true };
        number += 1;
    }
    name
}

/// A Rust name, and whether it has a number because the plain name is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) text: String,
    pub(super) numbered: bool,
}

/// Checks a name that the specification sets with the given key.
pub(super) fn check_given(given: &Spanned<String>, key: &str, kind: Kind, findings: &mut Vec<Diagnostic>) {
    if let Some(objection) = objection(&given.value, kind) {
        findings.push(Diagnostic::error(
            given.span.clone(),
            format!("`{key}` cannot be {}", quoted(&given.value)),
            objection,
            format!("use `{}` instead", usable(&given.value, kind)),
        ));
    }
}

/// A valid name that resembles the given one.
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
    fn suggested_names_are_valid() {
        for kind in [Kind::Field, Kind::Parameter, Kind::Type, Kind::Variant] {
            for name in ["type", "Self", "self", "build", "Option", "Unrecognized", "", "1.5", "中", "a b", "x__y"] {
                let usable = usable(name, kind);
                assert_eq!(objection(&usable, kind), None, "{name:?} as {kind:?}: {usable}");
            }
        }
    }
}
