//! Reduces official examples to the values that the described types can hold.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::notes::Notes;
use super::schema::{Item, Member, Shape, Ty, scalar_text};

/// Compares examples with types.
pub struct Examples<'a> {
    pub shapes: &'a BTreeMap<String, Shape>,
    pub notes: &'a mut Notes,
}

const UNDESCRIBED: &str = "a member of an example without a description is left out";
const UNFIT: &str = "a value of an example that does not fit its type is left out";

impl Examples<'_> {
    /// The part of a value that fits its type; `None` if nothing fits.
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

/// Whether a scalar fits, with the tolerance of decoding.
fn fits(ty: &Ty, value: &Value) -> bool {
    match (ty, value) {
        (Ty::Text(_), value) => !value.is_array(),
        (Ty::Int32, Value::Number(number)) => number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        (Ty::Int32, Value::String(text)) => text.parse::<i32>().is_ok(),
        (Ty::Int64, Value::Number(number)) => number.is_i64(),
        (Ty::Int64, Value::String(text)) => text.parse::<i64>().is_ok(),
        (Ty::Any, _) | (Ty::Number, Value::Number(_)) | (Ty::Bool, Value::Bool(_)) => true,
        // Decoding accepts these two as booleans.
        (Ty::Bool, Value::Number(number)) => number.as_i64().is_some_and(|number| number == 0 || number == 1),
        (Ty::Number, Value::String(text)) => text.parse::<f64>().is_ok_and(f64::is_finite),
        (Ty::Bool, Value::String(text)) => ["true", "True", "TRUE", "false", "False", "FALSE"].contains(&text.as_str()),
        _ => false,
    }
}

/// The documented response of an action: the first one in JSON. `Err` if it is marked as JSON but is not valid JSON.
pub fn documented(api: &Map<String, Value>) -> Option<Result<Value, ()>> {
    let demos: Value =
        api.get("responseDemo").and_then(Value::as_str).and_then(|demos| serde_json::from_str(demos).ok())?;
    let is_json =
        |demo: &&Value| demo.get("type").and_then(Value::as_str).is_none_or(|ty| ty.eq_ignore_ascii_case("json"));
    let written = |demo: &Value| demo.get("example").map(scalar_text).filter(|text| !text.trim().is_empty());
    let example = demos.as_array().into_iter().flatten().filter(is_json).find_map(written)?;
    Some(serde_json::from_str(&example).map_err(drop))
}

/// Whether text is a placeholder for a value.
pub fn is_placeholder(text: &str) -> bool {
    const WORDS: [&str; 26] = [
        "",
        "-",
        "--",
        "/",
        "none",
        "null",
        "nil",
        "n/a",
        "na",
        "nan",
        "undefined",
        "string",
        "integer",
        "int",
        "int32",
        "int64",
        "long",
        "number",
        "float",
        "double",
        "boolean",
        "bool",
        "object",
        "array",
        "example",
        "value",
    ];
    let lower = text.trim().to_lowercase();
    let is_masked = lower.contains('*') || lower.contains("xx") || lower.contains("...") || lower.contains('…');
    let is_hole = lower.starts_with('<') && lower.ends_with('>');
    WORDS.contains(&lower.as_str()) || is_masked || is_hole || lower.contains("示例") || lower == "无" || lower == "空"
}

/// Whether text consists only of the Chinese words for "example value", which are repeated to reach a minimum length.
fn says_example(text: &str) -> bool {
    !text.is_empty() && text.replace("示例值", "").is_empty()
}

/// The documented value of a parameter, as sent on the wire.
///
/// The official SDKs send values of the documented type, so an example that does not fit it is wrong, not the type.
/// Partly usable examples are kept: a single item of a list, items without brackets, a number with thousands
/// separators.
pub fn of_parameter(examples: &mut Examples<'_>, ty: &Ty, text: &str, is_simple: bool, place: &str) -> Option<String> {
    if text.is_empty() {
        return None;
    }
    let trimmed = text.trim();
    let shapes = examples.shapes;
    let resolved = resolved_in(shapes, ty);
    let found = match resolved {
        Ty::Text(_) => (!says_example(trimmed)).then(|| text.to_owned()),
        // A number keeps its digits: `1.50`.
        Ty::Number if trimmed.parse::<f64>().is_ok_and(f64::is_finite) => Some(trimmed.to_owned()),
        Ty::Int32 | Ty::Int64 | Ty::Number | Ty::Bool => scalar(resolved, trimmed).map(|value| scalar_text(&value)),
        Ty::Any => {
            let json = serde_json::from_str(trimmed).unwrap_or_else(|_| Value::from(trimmed));
            Some(json.to_string())
        }
        Ty::List(item) | Ty::Wrapped(_, item) => match serde_json::from_str(trimmed) {
            Ok(list @ Value::Array(_)) => examples.fitting(ty, list, place),
            Ok(object @ Value::Object(_))
                if matches!(resolved_in(shapes, &item.ty), Ty::Object(_) | Ty::Map(_) | Ty::Any) =>
            {
                examples.fitting(ty, Value::Array(vec![object]), place)
            }
            _ => items(resolved_in(shapes, &item.ty), trimmed, is_simple),
        }
        .map(|json| json.to_string()),
        _ => serde_json::from_str(trimmed)
            .ok()
            .filter(Value::is_object)
            .and_then(|json| examples.fitting(ty, json, place))
            .map(|json| json.to_string()),
    };
    if found.is_none() {
        let note = if is_placeholder(trimmed) {
            "a masked or placeholder example of a parameter is left out"
        } else {
            "an example of a parameter that does not fit its type is left out"
        };
        examples.notes.add(note, place);
    }
    found
}

fn resolved_in<'t>(shapes: &'t BTreeMap<String, Shape>, ty: &'t Ty) -> &'t Ty {
    match ty {
        Ty::Shape(name) => shapes.get(name).map_or(ty, |shape| &shape.ty),
        ty => ty,
    }
}

/// Text as a value of a scalar type.
fn scalar(ty: &Ty, text: &str) -> Option<Value> {
    // `1,024` is a number, `1,2` is not.
    let is_grouped = text.split(',').skip(1).all(|group| group.split('.').next().is_some_and(|group| group.len() == 3))
        && !text.starts_with(',');
    let plain = if is_grouped { text.replace(',', "") } else { text.to_owned() };
    let whole = || {
        let whole = plain.strip_suffix(".0").unwrap_or(&plain);
        whole.parse::<i64>().ok()
    };
    match ty {
        Ty::Text(_) => Some(Value::from(text)),
        Ty::Int32 => whole().filter(|number| i32::try_from(*number).is_ok()).map(Value::from),
        Ty::Int64 => whole().map(Value::from),
        Ty::Number => {
            let number: serde_json::Number = plain.parse().ok()?;
            number.as_f64().is_some_and(f64::is_finite).then_some(Value::Number(number))
        }
        Ty::Bool => text.to_ascii_lowercase().parse::<bool>().ok().map(Value::Bool),
        _ => None,
    }
}

/// Text as a list: items without quotes or brackets, or a single item.
fn items(item: &Ty, text: &str, is_simple: bool) -> Option<Value> {
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    // Text that begins like JSON is invalid JSON here.
    if inner.unwrap_or(text).contains(['{', '}', '[', ']']) || (text.starts_with('[') && inner.is_none()) {
        return None;
    }
    let unquoted = |part: &str| part.trim().trim_matches(['"', '\'', '“', '”', '‘', '’']).trim().to_owned();
    let parts: Vec<String> =
        inner.unwrap_or(text).split([',', '，']).map(unquoted).filter(|part| !part.is_empty()).collect();
    // Text with blanks is one item, even with commas.
    let is_sentence = inner.is_none() && !is_simple && parts.iter().any(|part| part.contains(' '));
    let parts = if is_sentence { vec![unquoted(text)] } else { parts };
    let values: Option<Vec<Value>> = parts.iter().map(|part| scalar(item, part)).collect();
    values.filter(|values| !values.is_empty()).map(Value::Array)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn usable_examples_are_kept_and_others_left_out() {
        let list = |ty| Ty::List(Box::new(Item { ty, description: String::new() }));
        let text = || Ty::Text(Vec::new());
        let object = || {
            let member = |name: &str, ty| Member {
                name: name.to_owned(),
                ty,
                description: String::new(),
                sensitive: false,
                guessed: None,
                example: None,
            };
            Ty::Object(vec![member("A", Ty::Int64), member("B", text())])
        };
        for (ty, example, kept) in [
            (Ty::Int64, "1,024", Some("1024")),
            (Ty::Int64, " 7 ", Some("7")),
            (Ty::Int32, "3.0", Some("3")),
            (Ty::Int64, "1,2", None),
            (Ty::Int64, "12****", None),
            (Ty::Int64, "cn-hangzhou", None),
            (Ty::Number, "0.50", Some("0.50")),
            (Ty::Number, "1,024.5", Some("1024.5")),
            (Ty::Number, "1e999", None),
            (Ty::Bool, "TRUE", Some("true")),
            (Ty::Bool, "1", None),
            (text(), "  as it is ", Some("  as it is ")),
            (text(), "138****0000", Some("138****0000")),
            (text(), "示例值示例值", None),
            (text(), "示例值1", Some("示例值1")),
            (list(text()), "cn-hangzhou", Some(r#"["cn-hangzhou"]"#)),
            (list(text()), "a,b", Some(r#"["a","b"]"#)),
            (list(text()), "[a, 'b']", Some(r#"["a","b"]"#)),
            (list(text()), r#"["a","b"]"#, Some(r#"["a","b"]"#)),
            (list(text()), "One sentence, with a comma", Some(r#"["One sentence, with a comma"]"#)),
            (list(text()), r#"["broken"#, None),
            (list(text()), r#"{"a":1}"#, None),
            (list(Ty::Int64), "1,2", Some("[1,2]")),
            (list(Ty::Int64), "7", Some("[7]")),
            (list(Ty::Int64), "x", None),
            (list(object()), r#"{"A":1}"#, Some(r#"[{"A":1}]"#)),
            (list(object()), "x", None),
            (object(), r#"{"A":1,"B":"x"}"#, Some(r#"{"A":1,"B":"x"}"#)),
            (object(), "[1]", None),
            (object(), "x", None),
            (Ty::Any, "text", Some("\"text\"")),
            (Ty::Any, "[1]", Some("[1]")),
        ] {
            let mut notes = Notes::default();
            let shapes = BTreeMap::new();
            let mut examples = Examples { shapes: &shapes, notes: &mut notes };
            assert_eq!(of_parameter(&mut examples, &ty, example, false, "P").as_deref(), kept, "{ty:?} {example}");
            assert_eq!(notes == Notes::default(), kept.is_some(), "{ty:?} {example}: {notes:?}");
        }
        assert_eq!(items(&text(), "a b, c", true), Some(json!(["a b", "c"])));
    }
}
