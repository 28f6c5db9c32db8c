//! Converts documented examples to Rust expressions for the documentation.

use proc_macro2::{Literal, TokenStream};
use quote::quote;
use serde_json::Value;

use super::print::{ident, string};
use super::types::{path, tokens};
use crate::model::{Action, Model, Object, Parameter, Type};

/// Writes the examples of one action's parameters.
pub(super) struct Examples<'a> {
    model: &'a Model<'a>,
    action: &'a Action<'a>,
    /// The Rust path of the types.
    crate_path: &'a str,
}

impl<'a> Examples<'a> {
    pub(super) fn new(model: &'a Model<'a>, action: &'a Action<'a>, crate_path: &'a str) -> Self {
        Self { model, action, crate_path }
    }

    /// The expression that builds the request.
    pub(super) fn request(&self) -> TokenStream {
        let request = ident(&self.action.request);
        let required: Vec<_> = self.action.parameters.iter().filter(|parameter| parameter.facts.required).collect();
        match required.as_slice() {
            [] => quote!(#request::new()),
            [only] => {
                let argument = self.argument(only);
                quote!(#request::new(#argument))
            }
            several => {
                let setters = several.iter().map(|parameter| {
                    let (field, argument) = (ident(&parameter.field), self.argument(parameter));
                    quote!(.#field(#argument))
                });
                quote!(#request::builder()#(#setters)*.build())
            }
        }
    }

    /// The argument for the setter of a parameter, which accepts integers directly and otherwise any type that
    /// converts.
    fn argument(&self, parameter: &Parameter<'_>) -> TokenStream {
        let example = &parameter.facts.example;
        let text = string(example);
        match &parameter.ty {
            Type::String => quote!(#text),
            Type::Named(name) if !self.is_object(name) => quote!(#text),
            Type::Json => {
                let text = string(if example.is_empty() { "null" } else { example });
                quote!(#text.parse::<alibabacloud_runtime::Json>().expect("JSON"))
            }
            ty => {
                if let (Type::I32 | Type::I64, Ok(number)) = (ty, example.parse::<i64>()) {
                    let number = Literal::i64_unsuffixed(number);
                    return quote!(#number);
                }
                let value = serde_json::from_str(example).unwrap_or(Value::Null);
                self.expression(ty, &value).unwrap_or_else(|| self.default(ty))
            }
        }
    }

    /// An expression of exactly this type; `None` if the value does not have it.
    fn expression(&self, ty: &Type, value: &Value) -> Option<TokenStream> {
        Some(match (ty, value) {
            (Type::String, Value::String(text)) => {
                let text = string(text);
                quote!(#text.to_owned())
            }
            (Type::I32 | Type::I64, value) => {
                let number = Literal::i64_unsuffixed(value.as_i64()?);
                quote!(#number)
            }
            (Type::F64, value) => {
                let number = Literal::f64_unsuffixed(value.as_f64()?);
                quote!(#number)
            }
            (Type::Bool, Value::Bool(value)) => quote!(#value),
            (Type::Vec(item), Value::Array(items)) => {
                let items: Option<Vec<_>> = items.iter().map(|value| self.expression(item, value)).collect();
                let items = items?;
                quote!(vec![#(#items),*])
            }
            (Type::Map(inner), Value::Object(entries)) => {
                let entry = |(name, value): (&String, &Value)| {
                    let (name, value) = (string(name), self.expression(inner, value)?);
                    Some(quote!((#name.to_owned(), #value)))
                };
                let entries: Option<Vec<_>> = entries.iter().map(entry).collect();
                let entries = entries?;
                quote!(std::collections::BTreeMap::from([#(#entries),*]))
            }
            (Type::Named(name), Value::String(text)) if !self.is_object(name) => {
                let (path, text) = (self.path(name), string(text));
                quote!(#path::from(#text))
            }
            (Type::Named(name), Value::Object(_)) if self.is_object(name) => self.default(ty),
            _ => return None,
        })
    }

    /// A value of exactly this type, for a parameter without a documented value.
    fn default(&self, ty: &Type) -> TokenStream {
        match ty {
            Type::Bool => quote!(false),
            Type::I32 | Type::I64 => quote!(0),
            Type::F64 => quote!(0.0),
            Type::Vec(item) => {
                let item = self.type_path(item);
                quote!(Vec::<#item>::new())
            }
            Type::Map(value) => {
                let value = self.type_path(value);
                quote!(std::collections::BTreeMap::<String, #value>::new())
            }
            Type::Named(name) if !self.is_object(name) => {
                let path = self.path(name);
                quote!(#path::from(""))
            }
            ty => {
                let path = self.type_path(ty);
                quote!(#path::default())
            }
        }
    }

    /// The type as users write it.
    fn type_path(&self, ty: &Type) -> TokenStream {
        match ty {
            Type::Named(name) => self.path(name),
            Type::Json => quote!(alibabacloud_runtime::Json),
            Type::Bytes => quote!(alibabacloud_runtime::Bytes),
            Type::Vec(inner) => {
                let inner = self.type_path(inner);
                quote!(Vec<#inner>)
            }
            Type::Map(inner) => {
                let inner = self.type_path(inner);
                quote!(std::collections::BTreeMap<String, #inner>)
            }
            ty => tokens(ty),
        }
    }

    /// The Rust path of a type.
    fn path(&self, name: &str) -> TokenStream {
        if name.starts_with("types::") {
            path(&format!("{}::{name}", self.crate_path))
        } else {
            path(&format!("{}::{}::{name}", self.crate_path, self.action.module))
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
