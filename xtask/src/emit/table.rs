//! Objects and enumerations as rows of the runtime's macros.

use super::docs::{Markdown, described};
use super::import;
use super::tokens::literal;
use crate::model::{About, Enum, ErrorCode, Object, Type, Types};

/// The `objects!` table; empty text if there are none.
pub(super) fn objects(objects: &[Object<'_>]) -> String {
    let rows = objects.iter().map(|object| {
        let mut text = head(&object.name, &object.about);
        for member in &object.members {
            text += &format!(
                "        {}: {} = {}{}, {};\n",
                member.field,
                rust_type(&member.ty),
                literal(&member.facts.name.value),
                if member.facts.sensitive { " sensitive" } else { "" },
                literal(&described(&member.facts.name.value, &member.facts.description, member.numbered)),
            );
        }
        text + "    }\n"
    });
    table("objects", rows)
}

/// The `open_enums!` table; empty text if there are none.
pub(super) fn open_enums(enums: &[Enum<'_>]) -> String {
    let rows = enums.iter().map(|values| {
        let mut text = head(&values.name, &values.about);
        for variant in &values.variants {
            let description = described(variant.value, variant.description, variant.numbered);
            text += &variant_row(&variant.name, variant.value, &description);
        }
        text + "    }\n"
    });
    table("open_enums", rows)
}

/// The table of the one enumeration of error codes.
pub(super) fn error_codes(codes: &[ErrorCode<'_>]) -> String {
    let mut text = String::from("open_enums! {\n    ErrorCode: \"An error code of the product.\" {\n");
    for ErrorCode { variant, numbered, facts } in codes {
        let mut parts = vec![described(&facts.code.value, &facts.message, *numbered)];
        parts.extend(facts.status.map(|status| format!("(HTTP {status})")));
        parts.push(Markdown::new(&facts.description).inline());
        parts.retain(|part| !part.is_empty());
        text += &variant_row(variant, &facts.code.value, &parts.join(" "));
    }
    text + "    }\n}\n"
}

/// One value of an enumeration; its description is Markdown already.
fn variant_row(name: &str, value: &str, description: &str) -> String {
    format!("        {name} = {}, {};\n", literal(value), literal(description))
}

/// A macro call; empty text if there is no type for it.
fn table(name: &str, types: impl Iterator<Item = String>) -> String {
    let types: String = types.collect();
    if types.is_empty() { types } else { format!("{name}! {{\n{types}}}\n") }
}

/// The line with which a type begins.
fn head(name: &str, about: &About<'_>) -> String {
    let text = match about {
        About::Answer(request) => format!("What [`{request}`] returns."),
        About::Described { text, instead_of: None } => described(name, text, false),
        About::Described { text, instead_of: Some((short, parent)) } => {
            let text = described(name, text, false);
            format!("{text} (This is the `{short}` of [`{parent}`]; another type has the short name.)")
        }
    };
    format!("    {name}: {} {{\n", literal(&text))
}

/// A type as it stands in a row.
pub fn rust_type(ty: &Type) -> String {
    match ty {
        Type::String => "String".to_owned(),
        Type::I32 => "i32".to_owned(),
        Type::I64 => "i64".to_owned(),
        Type::F64 => "f64".to_owned(),
        Type::Bool => "bool".to_owned(),
        Type::Json => "Json".to_owned(),
        Type::Option(inner) => format!("Option<{}>", rust_type(inner)),
        Type::Box(inner) => format!("Box<{}>", rust_type(inner)),
        Type::Vec(inner) => format!("Vec<{}>", rust_type(inner)),
        Type::Map(inner) => format!("BTreeMap<String, {}>", rust_type(inner)),
        Type::Named(name) => name.clone(),
    }
}

/// What the types of a file must import.
#[derive(Default)]
pub(super) struct Used {
    pub(super) map: bool,
    pub(super) json: bool,
    pub(super) shapes: bool,
}

impl Used {
    pub(super) fn by(types: &Types<'_>) -> Self {
        let mut used = Self::default();
        for member in types.objects.iter().flat_map(|object| &object.members) {
            used.add(&member.ty);
        }
        used
    }

    pub(super) fn add(&mut self, ty: &Type) {
        match ty {
            Type::Option(inner) | Type::Box(inner) | Type::Vec(inner) => self.add(inner),
            Type::Map(inner) => {
                self.map = true;
                self.add(inner);
            }
            Type::Json => self.json = true,
            Type::Named(name) => self.shapes |= name.starts_with("types::"),
            Type::String | Type::I32 | Type::I64 | Type::F64 | Type::Bool => {}
        }
    }

    /// The imports from the standard library.
    pub(super) fn std(&self, duration: bool) -> String {
        import("std::collections", &[("BTreeMap", self.map)]) + &import("std::time", &[("Duration", duration)])
    }
}
