//! Checks documented examples against their types, with the tolerance of decoding.

use std::cell::RefCell;
use std::collections::HashSet;
use std::ops::Range;

use serde_json::Value;

use super::{Checker, Located, NONE, quoted, suggestion};
use crate::diagnostic::{Diagnostic, Span};
use crate::spec::de::AnyScalar;
use crate::spec::node::{self, Scalar};
use crate::spec::{BODY, Enum, EnumValue, Object, Type};

impl Checker<'_> {
    /// The example of an action: JSON text that decodes into the described response. Returns it on one line; empty if
    /// the specification says `none`.
    pub(super) fn answer_example(&self, example: &Located<String>, response: &Type) -> Option<String> {
        if example.value.trim() == NONE {
            return Some(String::new());
        }
        if matches!(response, Type::Object(object) if object.fields.iter().any(|field| matches!(field.ty, Type::Bytes)))
        {
            self.findings.error(
                &example.range,
                "a response of bytes has an example",
                "not JSON",
                "write `example: none`",
            );
            return None;
        }
        let help = "copy the documented response below `example: |`, with all lines indented alike";
        let json = self.json(example, &example.value, help)?;
        let body = match response {
            Type::Object(object) => object.fields.iter().find(|field| field.name.value == BODY),
            _ => None,
        };
        if body.is_none() && !json.is_object() {
            self.findings.error(
                &example.range,
                "the example is not a JSON object",
                "a response is an object",
                "write the documented response, from `{` to `}`",
            );
            return None;
        }
        // Wrongly described fields are reported already.
        if !self.findings.has_errors() {
            self.walk(example.key.clone(), body.map_or(response, |body| &body.ty), &json);
        }
        Some(json.to_string())
    }

    /// The example of a parameter, as on the wire.
    pub(super) fn parameter_example(&self, ty: &Type, example: &Located<AnyScalar>) {
        let text = example.value.0.as_str();
        let fits = match self.resolved(ty) {
            Type::String => self.is_quoted(example),
            Type::Enum(values) => {
                if self.is_quoted(example) && !has_value(values, text) {
                    self.findings.warning(
                        &example.range,
                        format!("the example {} is not among `values`", quoted(text)),
                        "not a documented value",
                        add_value(text),
                    );
                }
                true
            }
            Type::Int32 => text.parse::<i32>().is_ok(),
            Type::Int64 => text.parse::<i64>().is_ok(),
            Type::Number => text.parse::<f64>().is_ok_and(f64::is_finite),
            Type::Boolean => matches!(text, "true" | "false"),
            Type::Any | Type::Array(_) | Type::Wrapped(_) | Type::Map(_) | Type::Object(_) => {
                let help = "write a value of this type as JSON text, in single quotes: '[\"a\", \"b\"]'";
                if let Some(json) = self.json(example, text, help) {
                    self.walk(example.range.clone(), ty, &json);
                }
                true
            }
            // A shape that could not be read, or bytes: reported already.
            Type::Shape(_) | Type::Bytes => true,
        };
        if !fits {
            self.findings.error(
                &example.range,
                format!("the example {} is not {}", quoted(text), described(ty)),
                "does not fit the type",
                "write a value as on the wire, or correct the type",
            );
        }
    }

    /// Whether text is quoted if it could be read as another type; reports it if not.
    fn is_quoted(&self, example: &Located<AnyScalar>) -> bool {
        let text = example.value.0.as_str();
        let source = &self.findings.source().text;
        let written = source.get(example.range.clone()).unwrap_or_default();
        // Quoted text, or text below `|`, differs from its source.
        if written.trim_end() == text && !matches!(node::plain_scalar(text), Scalar::Text(_)) {
            self.findings.error(
                &example.range,
                format!("the example of text is written as {}", quoted(text)),
                "not text without quotes",
                format!("put it in quotes: \"{text}\""),
            );
        }
        true
    }

    fn json<T>(&self, place: &Located<T>, text: &str, help: &str) -> Option<Value> {
        match serde_json::from_str(text) {
            Ok(json) => Some(json),
            Err(error) => {
                let range = self.within(&place.range, text, error.line(), error.column());
                // The place is in the file, not in the text.
                let message = error.to_string();
                let place = format!(" at line {} column {}", error.line(), error.column());
                let message = message.strip_suffix(&place).unwrap_or(&message);
                self.findings.error(
                    &range,
                    format!("the example is not JSON: {message}"),
                    "cannot be read from here on",
                    help,
                );
                None
            }
        }
    }

    /// The place in the file of a line and column in a block of text (`|`), if the lines are the same.
    fn within(&self, range: &Range<usize>, text: &str, line: usize, column: usize) -> Range<usize> {
        let place = || {
            let index = line.checked_sub(1)?;
            let wanted = text.lines().nth(index)?;
            let source = self.findings.source().text.as_str();
            let first = source.get(..range.start)?.rfind('\n')? + 1;
            let skipped: usize = source[first..].split_inclusive('\n').take(index).map(str::len).sum();
            let start = first + skipped;
            let found = source[start..].lines().next()?;
            let indent = found.strip_suffix(wanted)?.len();
            let column = column.saturating_sub(1).min(wanted.len());
            let at = start + indent + column;
            Some(at..at)
        };
        place().unwrap_or_else(|| range.clone())
    }

    fn walk(&self, example: Range<usize>, ty: &Type, json: &Value) {
        let walk = Walk { checker: self, example, warned: RefCell::default() };
        walk.value(ty, json, "", None);
    }
}

/// One comparison of an example with its description.
struct Walk<'a> {
    checker: &'a Checker<'a>,
    example: Range<usize>,
    /// Values that are reported already, because items of a list often have equal values.
    warned: RefCell<HashSet<(usize, String)>>,
}

impl Walk<'_> {
    /// `place` is the description of the nearest field.
    fn value(&self, ty: &Type, json: &Value, path: &str, place: Option<&Span>) {
        if json.is_null() {
            return;
        }
        let fits = match (self.checker.resolved(ty), json) {
            // Some services send empty text for an absent value.
            (_, Value::String(text)) if text.is_empty() => true,
            (Type::Enum(values), Value::String(text)) => {
                self.known_value(values, text, path, place);
                true
            }
            // Decoding keeps an object as JSON text if text is described.
            (Type::String | Type::Enum(_), Value::Array(_)) => false,
            (Type::String | Type::Enum(_) | Type::Any | Type::Shape(_), _)
            | (Type::Number, Value::Number(_))
            | (Type::Boolean, Value::Bool(_)) => true,
            (Type::Int32, Value::Number(number)) => number.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
            (Type::Int32, Value::String(text)) => text.parse::<i32>().is_ok(),
            (Type::Int64, Value::Number(number)) => number.is_i64(),
            (Type::Int64, Value::String(text)) => text.parse::<i64>().is_ok(),
            (Type::Number, Value::String(text)) => text.parse::<f64>().is_ok_and(f64::is_finite),
            (Type::Boolean, Value::String(text)) => {
                text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false")
            }
            (Type::Array(items), Value::Array(list)) => {
                for (index, item) in list.iter().enumerate() {
                    self.value(items, item, &format!("{path}[{index}]"), place);
                }
                true
            }
            // Some responses omit the wrapper.
            (Type::Wrapped(wrapped), Value::Array(list)) => {
                for (index, item) in list.iter().enumerate() {
                    self.value(&wrapped.items, item, &format!("{path}[{index}]"), place);
                }
                true
            }
            (Type::Wrapped(wrapped), Value::Object(members)) => {
                let path = join(path, &wrapped.member);
                match members.get(&wrapped.member) {
                    Some(Value::Array(list)) if members.len() == 1 => {
                        for (index, item) in list.iter().enumerate() {
                            self.value(&wrapped.items, item, &format!("{path}[{index}]"), place);
                        }
                        true
                    }
                    Some(Value::Null) => members.len() == 1,
                    _ => members.is_empty(),
                }
            }
            (Type::Map(values), Value::Object(members)) => {
                for (name, member) in members {
                    self.value(values, member, &join(path, name), place);
                }
                true
            }
            (Type::Object(object), Value::Object(members)) => {
                for (name, member) in members {
                    self.member(object, name, member, path, place);
                }
                true
            }
            _ => false,
        };
        if !fits {
            self.report(
                Diagnostic::error(
                    self.checker.findings.span(self.example.clone()),
                    format!(
                        "the example does not decode: {} is described as {}, not {}",
                        quoted(if path.is_empty() { "it" } else { path }),
                        described(ty),
                        found(json)
                    ),
                    "does not fit the description",
                    "correct the type in the description, or the example if it was copied wrongly",
                ),
                place,
            );
        }
    }

    fn member(&self, object: &Object, name: &str, member: &Value, path: &str, place: Option<&Span>) {
        let path = join(path, name);
        if let Some(field) = object.fields.iter().find(|field| field.name.value == name) {
            self.value(&field.ty, member, &path, Some(&field.name.span));
            return;
        }
        let known: Vec<&str> = object.fields.iter().map(|field| field.name.value.as_str()).collect();
        self.report(
            Diagnostic::error(
                self.checker.findings.span(self.example.clone()),
                format!("the example has the member {}, which no field describes", quoted(&path)),
                "does not fit the description",
                format!("describe the field, or remove it from the example; {}", suggestion(name, &known)),
            ),
            place,
        );
    }

    fn known_value(&self, values: &Enum, text: &str, path: &str, place: Option<&Span>) {
        let first_value = values.values.first().map_or(0, |value| value.value.span.range.start);
        if has_value(values, text) || !self.warned.borrow_mut().insert((first_value, text.to_owned())) {
            return;
        }
        self.report(
            Diagnostic::warning(
                self.checker.findings.span(self.example.clone()),
                format!("the example's value {} of {} is not among `values`", quoted(text), quoted(path)),
                "holds a value that is not documented",
                add_value(text),
            ),
            place,
        );
    }

    fn report(&self, diagnostic: Diagnostic, place: Option<&Span>) {
        self.checker.findings.push(match place {
            Some(place) => diagnostic.with_related(place.clone(), "described here"),
            None => diagnostic,
        });
    }
}

fn has_value(values: &Enum, text: &str) -> bool {
    values.values.iter().any(|EnumValue { value, .. }| value.value == text)
}

fn add_value(text: &str) -> String {
    format!("add {} to `values`, or correct the example", quoted(text))
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn described(ty: &Type) -> &'static str {
    match ty {
        Type::String | Type::Enum(_) => "text",
        Type::Int32 => "an integer of 32 bits",
        Type::Int64 => "an integer of 64 bits",
        Type::Number => "a number",
        Type::Boolean => "a boolean",
        Type::Any => "any JSON value",
        Type::Bytes => "bytes",
        Type::Array(_) => "a list",
        Type::Wrapped(_) => "a list wrapped in an object",
        Type::Map(_) | Type::Object(_) => "an object",
        Type::Shape(_) => "a shape",
    }
}

fn found(json: &Value) -> String {
    match json {
        Value::Null => "nothing".to_owned(),
        Value::Bool(value) => format!("the boolean `{value}`"),
        Value::Number(number) => format!("the number `{number}`"),
        Value::String(text) => format!("the text {}", quoted(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}
