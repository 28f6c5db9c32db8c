//! Parameters, fields and their types.

use std::ops::Range;

use super::{Checker, Key, Located, Map, NONE, Owner, Shapes, none_is_empty, quoted, suggestion};
use crate::spec::de::{AnyScalar, TextOr};
use crate::spec::file::{self, Format, Item, TypeKeys, TypeName, ValueFacts};
use crate::spec::{BODY, Enum, EnumValue, Field, Location, Object, Parameter, Spanned, Style, Type, Wrapped};

impl Checker<'_> {
    pub(super) fn parameters(&self, raw: &Map<file::Parameter>) -> Vec<Parameter> {
        raw.0.iter().filter_map(|(name, parameter)| self.parameter(name, parameter)).collect()
    }

    fn parameter(&self, name: &Located<String>, raw: &file::Parameter) -> Option<Parameter> {
        let owner = Owner::named("parameter", name);
        let named = self.name(name, "a parameter");
        let ty = self.json_type(raw.type_keys(), &owner);
        if let Some(ty) = &ty {
            self.no_wrapper(ty, &owner);
        }
        let description = self.prose_or_none(&raw.description, "description", &owner);
        let guess = self.optional_prose(&raw.guessed, "guessed");
        let rust_name = self.rust_name(&raw.rust_name);
        let example = self.required(&raw.example, "example", &owner);
        let style = raw.style.given();
        if let (Some(ty), Some(style)) = (&ty, style) {
            self.style(ty, style);
        }
        let example = example.map(|example| if self.is_none(example) { None } else { Some(example) });
        if let (Some(ty), Some(Some(example))) = (&ty, example) {
            self.parameter_example(ty, example);
        }
        Some(Parameter {
            name: named.then(|| self.spanned(name))?,
            rust_name,
            ty: ty?,
            required: raw.required.given().copied().unwrap_or(false),
            sensitive: raw.sensitive.given().copied().unwrap_or(false),
            deprecated: self.optional_prose(&raw.deprecated, "deprecated"),
            in_url: raw.in_url.given().is_some_and(|in_url| in_url.value),
            location: match raw.location.given().map(|location| location.value) {
                None | Some(file::Location::Query) => Location::Query,
                Some(file::Location::Form) => Location::Form,
                Some(file::Location::Path) => Location::Path,
                Some(file::Location::Header) => Location::Header,
                Some(file::Location::Body) => Location::Body,
                Some(file::Location::Host) => Location::Host,
            },
            style: match style.map(|style| style.value) {
                None | Some(file::Style::Json) => Style::Json,
                Some(file::Style::RepeatList) => Style::RepeatList,
                Some(file::Style::Flat) => Style::Flat,
                Some(file::Style::Simple) => Style::Simple,
            },
            description: with_guess(description?, guess),
            example: example?.map_or_else(String::new, |example| example.value.0.clone()),
        })
    }

    /// Whether an example is the word `none` without quotes.
    fn is_none(&self, example: &Located<AnyScalar>) -> bool {
        let written = self.findings.source().text.get(example.range.clone()).unwrap_or_default();
        example.value.0 == NONE && written.trim_end() == NONE
    }

    /// Reports a wrapper anywhere in the type of a parameter: only lists of responses are wrapped.
    fn no_wrapper(&self, ty: &Type, owner: &Owner) {
        match ty {
            Type::Wrapped(_) => self.findings.error(
                &owner.range,
                format!("{} has a `wrapper`", owner.title),
                "only lists of a response are wrapped",
                "describe the object and its list with `fields`",
            ),
            Type::Array(inner) | Type::Map(inner) => self.no_wrapper(inner, owner),
            Type::Object(object) => object.fields.iter().for_each(|field| self.no_wrapper(&field.ty, owner)),
            _ => {}
        }
    }

    /// Whether values of the type can be written in the style.
    fn style(&self, ty: &Type, style: &Located<file::Style>) {
        let fits = match self.resolved(ty) {
            Type::Array(items) => style.value != file::Style::Simple || is_scalar(self.resolved(items)),
            Type::Map(_) | Type::Object(_) | Type::Any => matches!(style.value, file::Style::Json | file::Style::Flat),
            // An unknown shape: reported already.
            Type::Shape(_) => true,
            _ => false,
        };
        if !fits {
            self.findings.error(
                &style.range,
                "this style cannot write values of this type",
                "does not fit the type",
                "`json` and `flat` are for lists, maps, objects and free-form values, `repeat-list` for lists, `simple` for lists of \
                 scalars; other types take no style",
            );
        }
    }

    /// Whether a value of the type can contain sensitive data.
    pub(super) fn holds_sensitive(&self, ty: &Type) -> bool {
        let mut open = vec![ty];
        let mut seen: Vec<&str> = Vec::new();
        while let Some(ty) = open.pop() {
            match ty {
                Type::Array(inner) | Type::Map(inner) => open.push(inner),
                Type::Object(object) => {
                    if object.fields.iter().any(|field| field.sensitive) {
                        return true;
                    }
                    open.extend(object.fields.iter().map(|field| &field.ty));
                }
                Type::Shape(name) if !seen.contains(&name.value.as_str()) => {
                    seen.push(&name.value);
                    open.extend(self.shapes.types.get(name.value.as_str()));
                }
                _ => {}
            }
        }
        false
    }

    /// The type with a reference to a shape resolved.
    pub(super) fn resolved<'t>(&'t self, ty: &'t Type) -> &'t Type {
        match ty {
            Type::Shape(name) => self.shapes.types.get(name.value.as_str()).copied().unwrap_or(ty),
            _ => ty,
        }
    }

    pub(super) fn fields(&self, raw: &Map<file::Field>) -> Vec<Field> {
        raw.0.iter().filter_map(|(name, field)| self.field(name, field)).collect()
    }

    fn field(&self, name: &Located<String>, raw: &file::Field) -> Option<Field> {
        let owner = Owner::named("field", name);
        let named = self.name(name, "a field");
        let ty =
            if name.value == BODY { self.ty(raw.type_keys(), &owner) } else { self.json_type(raw.type_keys(), &owner) };
        let description = self.prose_or_none(&raw.description, "description", &owner);
        let guess = self.optional_prose(&raw.guessed, "guessed");
        let rust_name = self.rust_name(&raw.rust_name);
        Some(Field {
            name: named.then(|| self.spanned(name))?,
            rust_name,
            ty: ty?,
            sensitive: raw.sensitive.given().copied().unwrap_or(false),
            deprecated: self.optional_prose(&raw.deprecated, "deprecated"),
            description: with_guess(description?, guess),
        })
    }

    fn item(&self, raw: &Located<Box<Item>>, kind: &str, outer: &Owner) -> Option<Type> {
        let owner =
            Owner { kind: "item", title: format!("the type of the {kind} of {}", outer.title), range: raw.key.clone() };
        let description = self.optional_prose(&raw.value.description, "description");
        let mut ty = self.json_type(raw.value.type_keys(), &owner)?;
        if let Type::Object(object) = &mut ty {
            object.description = description.map(none_is_empty).filter(|text| !text.is_empty());
        }
        Some(ty)
    }

    /// The type that the keys describe, for a value in JSON.
    fn json_type(&self, keys: TypeKeys<'_>, owner: &Owner) -> Option<Type> {
        let ty = self.ty(keys, owner)?;
        if let (Type::Bytes, Key::Given(name)) = (&ty, keys.ty) {
            self.findings.error(
                &name.range,
                format!("{} cannot be `bytes`", owner.title),
                "only a whole response can be bytes",
                "write `string` for bytes in Base64; for a file as a response, write `response: { $body: { type: bytes, … } }`",
            );
            return None;
        }
        Some(ty)
    }

    /// The type that the keys describe; keys of other types are errors.
    fn ty(&self, keys: TypeKeys<'_>, owner: &Owner) -> Option<Type> {
        let name = self.required(keys.ty, "type", owner)?.value;
        let takes_type_name = match name {
            TypeName::String => matches!(keys.values, Key::Given(_)),
            TypeName::Object => matches!(keys.additional, Key::Missing),
            _ => false,
        };
        if !takes_type_name && let Key::Given(type_name) = keys.type_name {
            self.findings.error(
                &type_name.key,
                format!("`type_name` does not apply to {}", owner.title),
                "not used with this type",
                "only an object with `fields` and a string with `values` become Rust types; remove it, or add these",
            );
        }
        self.only_with(keys.format, "format", name, TypeName::Integer);
        self.only_with(keys.values, "values", name, TypeName::String);
        self.only_with(keys.items, "items", name, TypeName::Array);
        self.only_with(keys.wrapper, "wrapper", name, TypeName::Array);
        self.only_with(keys.fields, "fields", name, TypeName::Object);
        self.only_with(keys.additional, "additional", name, TypeName::Object);
        self.only_with(keys.shape, "shape", name, TypeName::Shape);
        Some(match name {
            TypeName::String => match keys.values {
                Key::Missing => Type::String,
                Key::Wrong => return None,
                Key::Given(values) => {
                    Type::Enum(Enum { type_name: self.rust_name(keys.type_name), values: self.values(values)? })
                }
            },
            TypeName::Integer => match keys.format.given().map(|format| format.value) {
                Some(Format::Int32) => Type::Int32,
                Some(Format::Int64) | None => Type::Int64,
            },
            TypeName::Number => Type::Number,
            TypeName::Boolean => Type::Boolean,
            TypeName::Any => Type::Any,
            TypeName::Bytes => Type::Bytes,
            TypeName::Array => {
                let items = self.required(keys.items, "items", owner)?;
                let items = Box::new(self.item(items, "items", owner)?);
                match keys.wrapper {
                    Key::Missing => Type::Array(items),
                    Key::Wrong => return None,
                    Key::Given(member) => {
                        let named = self.name(member, "a wrapper");
                        Type::Wrapped(Wrapped { member: named.then(|| member.value.clone())?, items })
                    }
                }
            }
            TypeName::Object => return self.object(keys, owner),
            TypeName::Shape => Type::Shape(self.shape_name(self.required(keys.shape, "shape", owner)?)?),
        })
    }

    fn object(&self, keys: TypeKeys<'_>, owner: &Owner) -> Option<Type> {
        if let (Key::Given(fields), Key::Given(additional)) = (keys.fields, keys.additional) {
            self.findings.error(
                &additional.key,
                format!("{} has both `fields` and `additional`", owner.title),
                "names that are not fixed",
                "keep `fields` if the names are known, `additional` if they are not",
            );
            self.fields(&fields.value);
            return None;
        }
        if let Key::Given(additional) = keys.additional {
            return Some(Type::Map(Box::new(self.item(additional, "values", owner)?)));
        }
        if matches!(keys.additional, Key::Wrong) {
            return None;
        }
        Some(Type::Object(Object {
            type_name: self.rust_name(keys.type_name),
            description: None,
            fields: self.fields(&self.required(keys.fields, "fields", owner)?.value),
        }))
    }

    fn only_with<T>(&self, key: &Key<Located<T>>, key_name: &str, found: TypeName, wanted: TypeName) {
        if let Key::Given(value) = key
            && found != wanted
        {
            self.needless(&value.key, key_name, wanted.as_str());
        }
    }

    /// Reports a key that belongs to another type.
    pub(super) fn needless(&self, key: &Range<usize>, key_name: &str, wanted: &str) {
        self.findings.error(
            key,
            format!("`{key_name}` goes only with `type: {wanted}`"),
            "not used with this type",
            format!("remove it, or write `type: {wanted}`"),
        );
    }

    fn shape_name(&self, shape: &Located<String>) -> Option<Spanned<String>> {
        if let Shapes { names: Some(names), .. } = self.shapes
            && !names.contains(&shape.value)
        {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            self.findings.error(
                &shape.range,
                format!("there is no shape {}", quoted(&shape.value)),
                "not under `shapes` in product.yaml",
                suggestion(&shape.value, &names),
            );
            return None;
        }
        Some(self.spanned(shape))
    }

    pub(super) fn values(&self, raw: &Located<Map<TextOr<ValueFacts>>>) -> Option<Vec<EnumValue>> {
        if raw.value.0.is_empty() {
            // Wrong values are reported already.
            self.findings.error(
                &raw.key,
                "`values` is empty",
                "no usable value",
                "add `VALUE: What it means.` below it, or remove `values` if none is documented",
            );
            return None;
        }
        Some(raw.value.0.iter().filter_map(|(value, facts)| self.value(value, facts)).collect())
    }

    fn value(&self, value: &Located<String>, facts: &TextOr<ValueFacts>) -> Option<EnumValue> {
        let owner = Owner::named("value", value);
        // Any text can be a value, including the empty text.
        if value.value.chars().count() > super::LONGEST_NAME {
            self.findings.error(
                &value.range,
                "a documented value is longer than 100 characters",
                "not a value",
                "write the value exactly as on the wire, and its meaning after the colon",
            );
            return None;
        }
        let (description, rust_name, deprecated) = match facts {
            TextOr::Text(text) => {
                let description = Located { key: value.range.clone(), range: value.range.clone(), value: text.clone() };
                (self.checked_prose(&description, &value.value).map(none_is_empty), None, None)
            }
            TextOr::Other(facts) => (
                self.prose_or_none(&facts.description, "description", &owner),
                self.rust_name(&facts.rust_name),
                self.optional_prose(&facts.deprecated, "deprecated"),
            ),
        };
        Some(EnumValue { value: self.spanned(value), rust_name, deprecated, description: description? })
    }
}

pub(super) fn is_scalar(ty: &Type) -> bool {
    matches!(ty, Type::String | Type::Int32 | Type::Int64 | Type::Number | Type::Boolean | Type::Enum(_))
}

/// A description with the note that the type is not reviewed, which is shown wherever the type is documented.
fn with_guess(description: String, guess: Option<String>) -> String {
    match guess {
        None => description,
        Some(guess) if description.is_empty() => format!("The type is a guess and not reviewed: {guess}"),
        Some(guess) => format!("{description} The type is a guess, not reviewed: {guess}"),
    }
}
