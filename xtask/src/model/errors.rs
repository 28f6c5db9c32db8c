//! The product's error codes: one variant per code, one static per distinct definition.

use std::collections::{HashMap, HashSet};

use super::names::{Kind, rust_name};
use super::scope::{GIVE_A_NAME, Scope};
use super::{ErrorCode, ErrorStatic, Errors};
use crate::diagnostic::{Diagnostic, quoted};
use crate::spec::{self, Spec};

/// The codes of the product and of all its actions.
pub(super) fn table<'s>(spec: &'s Spec, findings: &mut Vec<Diagnostic>) -> Errors<'s> {
    let definitions = || spec.product.errors.iter().chain(spec.actions.iter().flat_map(|action| &action.errors));

    // The Rust name may stand at any definition of a code, and holds for all.
    let mut given: HashMap<&str, &spec::Spanned<String>> = HashMap::new();
    for definition in definitions() {
        let Some(name) = &definition.rust_name else { continue };
        let first = given.entry(&definition.code.value).or_insert(name);
        if first.value != name.value {
            findings.push(
                Diagnostic::error(
                    name.span.clone(),
                    format!("{} has two Rust names", quoted(&definition.code.value)),
                    "differs",
                    "give the code one `rust_name`, at any of its definitions",
                )
                .with_related(first.span.clone(), "another name for the same code"),
            );
        }
    }

    let mut scope = Scope::new("variant", GIVE_A_NAME);
    let mut seen = HashSet::new();
    let mut errors = Errors { codes: Vec::new(), statics: Vec::new() };
    let mut names = HashSet::new();
    for facts in definitions() {
        let code = facts.code.value.as_str();
        if seen.insert(code) {
            let variant = scope.name(&facts.code, given.get(code).copied(), Kind::Variant, findings);
            errors.codes.push(ErrorCode { variant, facts });
        }
        if errors.static_of(facts).is_none() {
            let base = rust_name(given.get(code).map_or(code, |name| name.value.as_str()), Kind::Static);
            let numbered = (2_usize..).map(|number| format!("{base}_{number}"));
            if let Some(name) = std::iter::once(base.clone()).chain(numbered).find(|name| !names.contains(name)) {
                names.insert(name.clone());
                errors.statics.push(ErrorStatic { name, facts });
            }
        }
    }
    errors
}

impl Errors<'_> {
    /// The statics for a list of definitions.
    pub(super) fn statics_of(&self, definitions: &[spec::ErrorCode]) -> Vec<String> {
        definitions.iter().filter_map(|definition| self.static_of(definition)).map(|found| found.name.clone()).collect()
    }

    fn static_of(&self, definition: &spec::ErrorCode) -> Option<&ErrorStatic<'_>> {
        self.statics.iter().find(|found| same(found.facts, definition))
    }
}

/// Whether two definitions say the same.
fn same(a: &spec::ErrorCode, b: &spec::ErrorCode) -> bool {
    let facts = |error: &spec::ErrorCode| {
        (error.code.value.clone(), error.status, error.message.clone(), error.throttling, error.description.clone())
    };
    facts(a) == facts(b)
}
