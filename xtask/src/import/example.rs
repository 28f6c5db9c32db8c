//! Official examples, cut down to what the described types hold.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::notes::Notes;
use super::schema::{Item, Member, Shape, Ty};

/// Compares examples with types.
pub struct Examples<'a> {
    pub shapes: &'a BTreeMap<String, Shape>,
    pub notes: &'a mut Notes,
}

const UNDESCRIBED: &str = "a member of the example is not described: left out of it";
const UNFIT: &str = "a value of the example does not fit its type: left out of it";

impl Examples<'_> {
    /// What fits of a value; `None` if nothing does.
    pub fn fitting(&mut self, ty: &Ty, value: Value, place: &str) -> Option<Value> {
        if value.is_null() || value.as_str() == Some("") {
            return Some(value);
        }
        let shapes = self.shapes;
        match (ty, value) {
            (Ty::Shape(name), value) => match shapes.get(name) {
                Some(shape) => self.fitting(&shape.ty, value, place),
                None => Some(value),
            },
            (Ty::List(item) | Ty::Wrapped(_, item), Value::Array(list)) => Some(self.list(item, list, place)),
            (Ty::Wrapped(member, item), Value::Object(mut members)) => {
                let list = members.remove(member)?;
                members.keys().for_each(|name| self.notes.add(UNDESCRIBED, format!("{place}.{name}")));
                match list {
                    Value::Array(list) => {
                        let list = self.list(item, list, place);
                        Some(Value::Object(std::iter::once((member.clone(), list)).collect()))
                    }
                    _ => self.unfit(place),
                }
            }
            (Ty::Map(item), Value::Object(members)) => {
                let fit = |(name, value): (String, Value)| {
                    let place = format!("{place}.{name}");
                    self.fitting(&item.ty, value, &place).map(|value| (name, value))
                };
                Some(Value::Object(members.into_iter().filter_map(fit).collect()))
            }
            (Ty::Object(described), Value::Object(members)) => Some(self.object(described, members, place)),
            (ty, value) if fits(ty, &value) => Some(value),
            _ => self.unfit(place),
        }
    }

    fn unfit(&mut self, place: &str) -> Option<Value> {
        self.notes.add(UNFIT, place);
        None
    }

    fn list(&mut self, item: &Item, list: Vec<Value>, place: &str) -> Value {
        let place = format!("{place}[]");
        Value::Array(list.into_iter().filter_map(|value| self.fitting(&item.ty, value, &place)).collect())
    }

    /// The described members of an object.
    pub fn object(&mut self, described: &[Member], members: Map<String, Value>, place: &str) -> Value {
        let mut kept = Map::new();
        for (name, value) in members {
            let place = format!("{place}.{}", super::schema::shown(&name));
            match described.iter().find(|member| member.name == name) {
                Some(member) => {
                    if let Some(value) = self.fitting(&member.ty, value, &place) {
                        kept.insert(name, value);
                    }
                }
                None => self.notes.add(UNDESCRIBED, place),
            }
        }
        Value::Object(kept)
    }
}

/// Whether a scalar fits, with the tolerance with which specifications are checked and answers are decoded.
fn fits(ty: &Ty, value: &Value) -> bool {
    match (ty, value) {
        (Ty::Text(_), value) => !value.is_array(),
        (Ty::Int32, Value::Number(number)) => number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        (Ty::Int32, Value::String(text)) => text.parse::<i32>().is_ok(),
        (Ty::Int64, Value::Number(number)) => number.is_i64(),
        (Ty::Int64, Value::String(text)) => text.parse::<i64>().is_ok(),
        (Ty::Any, _) | (Ty::Number, Value::Number(_)) | (Ty::Bool, Value::Bool(_)) => true,
        (Ty::Number, Value::String(text)) => text.parse::<f64>().is_ok_and(f64::is_finite),
        (Ty::Bool, Value::String(text)) => ["true", "True", "TRUE", "false", "False", "FALSE"].contains(&text.as_str()),
        _ => false,
    }
}

/// The documented value of a parameter as it goes over the wire.
pub fn of_parameter(examples: &mut Examples<'_>, ty: &Ty, text: &str, is_simple: bool, place: &str) -> Option<String> {
    if text.is_empty() {
        return None;
    }
    let resolved = match ty {
        Ty::Shape(name) => examples.shapes.get(name).map_or(ty, |shape| &shape.ty),
        ty => ty,
    };
    let trimmed = text.trim();
    let found = match resolved {
        Ty::Text(_) => Some(text.to_owned()),
        Ty::Int32 => trimmed.parse::<i32>().ok().map(|number| number.to_string()),
        Ty::Int64 => trimmed.parse::<i64>().ok().map(|number| number.to_string()),
        Ty::Number => trimmed.parse::<f64>().ok().filter(|number| number.is_finite()).map(|_| trimmed.to_owned()),
        Ty::Bool => Some(trimmed.to_ascii_lowercase()).filter(|text| text == "true" || text == "false"),
        _ => {
            let json = match serde_json::from_str(trimmed) {
                Ok(json) => Some(json),
                Err(_) if is_simple => Some(Value::Array(trimmed.split(',').map(|part| part.trim().into()).collect())),
                Err(_) => None,
            };
            let compound = json.filter(|json: &Value| *resolved == Ty::Any || json.is_array() || json.is_object());
            compound.and_then(|json| examples.fitting(ty, json, place)).map(|json| json.to_string())
        }
    };
    if found.is_none() {
        examples.notes.add("the example of a parameter is not a value of its type: left out", place);
    }
    found
}
