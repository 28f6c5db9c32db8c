//! The JSON Schemas of the file kinds, for editors. They are derived from the types that read the files.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::de::{AnyScalar, Key, Located, Map, TextOr};
use super::file::{ActionFile, PlatformFile, ProductFile};

/// Path from the repository root and text of each schema.
pub fn schemas() -> Vec<(String, String)> {
    vec![
        file::<ActionFile>("action", "An action of a product"),
        file::<ProductFile>("product", "The facts that all actions of a product share"),
        file::<PlatformFile>("platform", "The facts about the platform"),
    ]
}

fn file<T: JsonSchema>(name: &str, title: &str) -> (String, String) {
    // Editors support this draft best.
    let mut schema = SchemaSettings::draft07()
        .with_transform(RecursiveTransform(words))
        .into_generator()
        .into_root_schema_for::<T>();
    schema.insert("title".to_owned(), title.into());
    // `{:#}` indents JSON.
    let text = format!("{:#}\n", schema.to_value());
    (format!("api-spec/schema/{name}.json"), text)
}

/// Converts a choice of documented words to an `enum`, so that editors list the words after a wrong one.
fn words(schema: &mut Schema) {
    let Some(choices) = schema.get("oneOf").and_then(|choices| choices.as_array()) else {
        return;
    };
    let all = |key: &str| choices.iter().map(|choice| choice.get(key).cloned()).collect::<Option<Vec<_>>>();
    if let (Some(words), Some(descriptions)) = (all("const"), all("description")) {
        schema.remove("oneOf");
        schema.insert("type".to_owned(), "string".into());
        schema.insert("enum".to_owned(), words.into());
        schema.insert("markdownEnumDescriptions".to_owned(), descriptions.into());
    }
}

/// The wrappers with places do not appear in the files.
macro_rules! transparent {
    ($($wrapper:ident),*) => {$(
        impl<T: JsonSchema> JsonSchema for $wrapper<T> {
            fn inline_schema() -> bool {
                T::inline_schema()
            }

            fn schema_name() -> Cow<'static, str> {
                T::schema_name()
            }

            fn schema_id() -> Cow<'static, str> {
                T::schema_id()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                T::json_schema(generator)
            }
        }
    )*};
}

transparent!(Key, Located);

impl<T: JsonSchema> JsonSchema for Map<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Map_of_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": generator.subschema_for::<T>() })
    }
}

impl<T: JsonSchema> JsonSchema for TextOr<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Text_or_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "string" }, generator.subschema_for::<T>()] })
    }
}

impl JsonSchema for AnyScalar {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "AnyScalar".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean"] })
    }
}
