//! Documented examples as Rust expressions, for the examples in the documentation.

use serde_json::Value;

use super::table::rust_type;
use super::tokens::literal;
use crate::model::{Action, Model, Object, Parameter, Type};

/// Writes the examples of one action's parameters.
pub(super) struct Examples<'a> {
    model: &'a Model<'a>,
    action: &'a Action<'a>,
    /// Where a user finds the types.
    crate_path: &'a str,
}

impl<'a> Examples<'a> {
    pub(super) fn new(model: &'a Model<'a>, action: &'a Action<'a>, crate_path: &'a str) -> Self {
        Self { model, action, crate_path }
    }

    /// The expression that builds the request, line by line.
    pub(super) fn request(&self) -> Vec<String> {
        let request = &self.action.request;
        let required: Vec<_> = self.action.parameters.iter().filter(|parameter| parameter.facts.required).collect();
        match required.as_slice() {
            [] => vec![format!("{request}::new()")],
            [only] => vec![format!("{request}::new({})", self.argument(only))],
            several => {
                let mut lines = vec![format!("{request}::builder()")];
                for parameter in several {
                    lines.push(format!("    .{}({})", parameter.field, self.argument(parameter)));
                }
                lines.push("    .build()".to_owned());
                lines
            }
        }
    }

    /// The argument of the parameter's setter, which takes everything that converts into the type.
    pub(super) fn argument(&self, parameter: &Parameter<'_>) -> String {
        let example = &parameter.facts.example;
        match &parameter.ty {
            Type::String => literal(example),
            Type::Named(name) if !self.is_object(name) => literal(example),
            Type::Json => {
                let example = if example.is_empty() { "null" } else { example };
                format!("{}.parse::<alibabacloud_runtime::value::Json>().expect(\"JSON\")", literal(example))
            }
            ty => {
                // A number literal without a type is an `i32`, which converts into every type of numbers.
                if let (Type::I32 | Type::I64, Ok(number)) = (ty, example.parse::<i32>()) {
                    return number.to_string();
                }
                let value = serde_json::from_str(example).unwrap_or(Value::Null);
                self.expression(ty, &value).unwrap_or_else(|| self.default(ty))
            }
        }
    }

    /// An expression of exactly this type; `None` if the value does not have it.
    fn expression(&self, ty: &Type, value: &Value) -> Option<String> {
        Some(match (ty, value) {
            (Type::String, Value::String(text)) => format!("{}.to_owned()", literal(text)),
            (Type::I32, value) => format!("{}_i32", i32::try_from(value.as_i64()?).ok()?),
            (Type::I64, value) => format!("{}_i64", value.as_i64()?),
            (Type::F64, value) => format!("{:?}", value.as_f64()?),
            (Type::Bool, Value::Bool(value)) => value.to_string(),
            (Type::Vec(item), Value::Array(items)) => {
                let items: Option<Vec<_>> = items.iter().map(|value| self.expression(item, value)).collect();
                format!("vec![{}]", items?.join(", "))
            }
            (Type::Map(inner), Value::Object(entries)) => {
                let entry = |(name, value): (&String, &Value)| {
                    Some(format!("({}.to_owned(), {})", literal(name), self.expression(inner, value)?))
                };
                let entries: Option<Vec<_>> = entries.iter().map(entry).collect();
                format!("std::collections::BTreeMap::from([{}])", entries?.join(", "))
            }
            (Type::Named(name), Value::String(text)) if !self.is_object(name) => {
                format!("{}::from({})", self.path(name), literal(text))
            }
            (Type::Named(name), Value::Object(_)) if self.is_object(name) => self.default(ty),
            _ => return None,
        })
    }

    /// A value of exactly this type, for a parameter without a documented value.
    fn default(&self, ty: &Type) -> String {
        match ty {
            Type::Bool => "false".to_owned(),
            Type::I32 => "0_i32".to_owned(),
            Type::I64 => "0_i64".to_owned(),
            Type::F64 => "0.0".to_owned(),
            Type::Vec(item) => format!("Vec::<{}>::new()", self.type_path(item)),
            Type::Map(value) => format!("std::collections::BTreeMap::<String, {}>::new()", self.type_path(value)),
            Type::Named(name) if !self.is_object(name) => format!("{}::from(\"\")", self.path(name)),
            ty => format!("{}::default()", self.type_path(ty)),
        }
    }

    /// The type as a user writes it.
    fn type_path(&self, ty: &Type) -> String {
        match ty {
            Type::Named(name) => self.path(name),
            Type::Json => "alibabacloud_runtime::value::Json".to_owned(),
            Type::Vec(inner) => format!("Vec<{}>", self.type_path(inner)),
            Type::Map(inner) => format!("std::collections::BTreeMap<String, {}>", self.type_path(inner)),
            ty => rust_type(ty),
        }
    }

    /// Where a user finds a type.
    fn path(&self, name: &str) -> String {
        if name.starts_with("types::") {
            format!("{}::{name}", self.crate_path)
        } else {
            format!("{}::{}::{name}", self.crate_path, self.action.module)
        }
    }

    fn is_object(&self, name: &str) -> bool {
        let find = |objects: &[Object<'_>], name: &str| objects.iter().any(|object| object.name == name);
        match name.strip_prefix("types::") {
            Some(shape) => find(&self.model.shapes.objects, shape),
            None => find(&self.action.types.objects, name),
        }
    }
}
