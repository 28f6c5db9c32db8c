//! A crate with the same types, names and texts as the generated one, but with serde's derive macros, for comparison.
//!
//! Each request and response also has a function that writes or reads it.

use crate::emit::{described, literal};
use crate::model::{Action, Enum, Model, Object, Type, Types};

/// The files of the crate: path and text.
pub fn files(model: &Model<'_>) -> Vec<(String, String)> {
    let mut library = String::from("//! Types with serde's derive macros.\n");
    let mut files = Vec::new();
    for action in &model.actions {
        library += &format!("pub mod {};\n", action.module);
        files.push((format!("src/{}.rs", action.file), module(action)));
    }
    if !model.shapes.is_empty() {
        library += "pub mod types;\n";
        files.push(("src/types.rs".to_owned(), types(&model.shapes)));
    }
    let codes = model
        .errors
        .codes
        .iter()
        .map(|code| (code.variant.as_str(), code.facts.code.value.as_str(), code.facts.message.as_str()));
    files.push(("src/errors.rs".to_owned(), IMPORTS.to_owned() + &enumeration("ErrorCode", codes)));
    library += "pub mod errors;\n";
    files.push(("src/lib.rs".to_owned(), library));
    let manifest = "[package]\nname = \"derived\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n\
        serde = { version = \"1\", features = [\"derive\"] }\nserde_json = { version = \"1\", features = [\"float_roundtrip\"] }\n";
    files.push(("Cargo.toml".to_owned(), manifest.to_owned()));
    files
}

const IMPORTS: &str = "#![allow(unused_imports)]\nuse std::collections::BTreeMap;\nuse serde::{Deserialize, Serialize};\nuse serde_json::Value as Json;\n\n";

fn module(action: &Action<'_>) -> String {
    let mut text = String::from(IMPORTS);
    text += "use super::types;\n";
    text += "#[derive(Clone, Debug, PartialEq, Serialize)]\n";
    text += &format!("pub struct {} {{\n", action.request);
    for parameter in &action.parameters {
        let ty = parameter.ty.to_string();
        let ty = if parameter.facts.required { ty } else { format!("Option<{ty}>") };
        text += &field(&parameter.field, &ty, &parameter.facts.name.value, &parameter.facts.description, "");
    }
    text += "}\n";
    text += &format!(
        "pub fn write(request: &{}) -> serde_json::Result<Json> {{\n    serde_json::to_value(request)\n}}\n\
         pub fn read(answer: &[u8]) -> serde_json::Result<Output> {{\n    serde_json::from_slice(answer)\n}}\n",
        action.request
    );
    text.replace("use super::types;\n", if uses_shapes(action) { "use super::types;\n" } else { "" })
        + &body(&action.types)
}

fn uses_shapes(action: &Action<'_>) -> bool {
    let members = action.types.objects.iter().flat_map(|object| &object.members).map(|member| &member.ty);
    members.chain(action.parameters.iter().map(|parameter| &parameter.ty)).any(|ty| ty.to_string().contains("types::"))
}

fn types(types: &Types<'_>) -> String {
    IMPORTS.to_owned() + &body(types)
}

fn body(types: &Types<'_>) -> String {
    let enums = types.enums.iter().map(|Enum { name, variants, .. }| {
        enumeration(name, variants.iter().map(|variant| (variant.name.as_str(), variant.value, variant.description)))
    });
    types.objects.iter().map(object).chain(enums).collect()
}

fn object(object: &Object<'_>) -> String {
    let mut text =
        format!("#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]\npub struct {} {{\n", object.name);
    for member in &object.members {
        let default = if matches!(member.ty, Type::Option(_)) { "" } else { ", default" };
        text +=
            &field(&member.field, &member.ty.to_string(), &member.facts.name.value, &member.facts.description, default);
    }
    text + "}\n"
}

fn field(name: &str, ty: &str, wire: &str, description: &str, more: &str) -> String {
    let description = literal(&described(wire, description, false).inline());
    format!("    #[doc = {description}]\n    #[serde(rename = {}{more})]\n    pub {name}: {ty},\n", literal(wire))
}

fn enumeration<'v>(name: &str, values: impl Iterator<Item = (&'v str, &'v str, &'v str)>) -> String {
    let mut text = format!(
        "#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]\npub enum {name} {{\n"
    );
    for (variant, value, description) in values {
        let description = literal(&described(value, description, false).inline());
        text += &format!("    #[doc = {description}]\n    #[serde(rename = {})]\n    {variant},\n", literal(value));
    }
    text + "    #[serde(untagged)]\n    Unrecognized(String),\n}\n"
}
