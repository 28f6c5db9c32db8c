//! The error codes of a product: one variant per code, one static per distinct definition.

use std::collections::{HashMap, HashSet};

use super::names::{Kind, rust_name};
use super::scope::{Name, Scope};
use super::{ErrorCode, ErrorStatic, Errors};
use crate::diagnostic::{Diagnostic, quoted};
use crate::spec::{self, Platform, Spec};

/// The codes of the product and of all its actions.
pub(super) fn table<'s>(spec: &'s Spec, findings: &mut Vec<Diagnostic>) -> Errors<'s> {
    let definitions = || spec.errors();

    // A Rust name at one definition of a code applies to all of its definitions.
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

    let mut scope = Scope::new("variant");
    let mut seen = HashSet::new();
    let firsts: Vec<_> = definitions().filter(|facts| seen.insert(facts.code.value.as_str())).collect();
    let name_of = |facts: &spec::ErrorCode| given.get(facts.code.value.as_str()).copied();
    scope.take_given(firsts.iter().map(|facts| (&facts.code, name_of(facts))), Kind::Variant, findings);
    let mut errors = Errors { codes: Vec::new(), statics: Vec::new(), index: HashMap::new() };
    for facts in firsts {
        let Name { text, numbered } = scope.name(&facts.code, name_of(facts), Kind::Variant);
        errors.codes.push(ErrorCode { variant: text, numbered, facts });
    }
    let mut names = Scope::new("static");
    // The statics of the platform are in the runtime.
    for facts in definitions().skip(spec.platform.len()) {
        let key = Definition::of(facts);
        if !errors.index.contains_key(&key) {
            let base = rust_name(&name_of(facts).unwrap_or(&facts.code).value, Kind::Static);
            let name = names.free(&base, &facts.code, Kind::Static).text;
            errors.index.insert(key, errors.statics.len());
            errors.statics.push(ErrorStatic { name, facts });
        }
    }
    errors
}

/// The names of the statics for the codes of the platform, in order.
pub fn platform_statics(platform: &Platform) -> Vec<String> {
    let mut names = Scope::new("static");
    let name = |error: &spec::ErrorCode| {
        let base = rust_name(&error.rust_name.as_ref().unwrap_or(&error.code).value, Kind::Static);
        names.free(&base, &error.code, Kind::Static).text
    };
    platform.errors.iter().map(name).collect()
}

impl Errors<'_> {
    /// The statics for a list of definitions.
    pub(super) fn statics_of(&self, definitions: &[spec::ErrorCode]) -> Vec<String> {
        let found = definitions.iter().filter_map(|definition| self.index.get(&Definition::of(definition)));
        found.filter_map(|&index| self.statics.get(index)).map(|found| found.name.clone()).collect()
    }
}

/// The content of a definition; equal definitions share a static.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Definition<'s> {
    code: &'s str,
    status: Option<u16>,
    message: &'s str,
    throttling: bool,
    description: &'s str,
}

impl<'s> Definition<'s> {
    fn of(error: &'s spec::ErrorCode) -> Self {
        Self {
            code: &error.code.value,
            status: error.status,
            message: &error.message,
            throttling: error.throttling,
            description: &error.description,
        }
    }
}
