//! Widens types that their examples contradict.
//!
//! In a response, the example takes precedence over the type, because a value that does not fit would be lost. In a
//! request, the official SDKs send values of the documented type, so a service accepts them; there, only a number shows
//! that a number type is too narrow.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::example::is_placeholder;
use super::notes::Notes;
use super::schema::{Item, Member, Shape, Side, Ty};

/// Widens types.
pub struct Widening<'a> {
    pub shapes: &'a mut BTreeMap<String, Shape>,
    pub notes: &'a mut Notes,
}

/// An example value of a shape that is not compared yet: the shape, the value, and its place.
type Open<'v> = (String, &'v Value, String);

impl Widening<'_> {
    /// Widens the types of members by an example of the object.
    pub fn members(&mut self, members: &mut [Member], example: &Map<String, Value>, side: Side, place: &str) {
        let mut open = Vec::new();
        self.all(members, example, side, place, &mut open);
        self.finish(open, side);
    }

    /// Widens the type of one member by an example of its value.
    pub fn member(&mut self, member: &mut Member, example: &Value, side: Side, place: &str) {
        let mut open = Vec::new();
        self.ty(&mut member.ty, &mut member.guessed, example, side, place, &mut open);
        self.finish(open, side);
    }

    /// Widens the types of shapes that are part of a response by the examples of their members.
    pub fn shapes_of_responses(&mut self, names: &[String]) {
        for name in names {
            if let Some(Shape { ty: Ty::Object(members), .. }) = self.shapes.get_mut(name) {
                by_own_examples(members, self.notes, &format!("components.{name}"));
            }
        }
    }

    /// Compares values of shapes iteratively, because a shape can contain itself.
    fn finish(&mut self, mut open: Vec<Open<'_>>, side: Side) {
        while let Some((name, value, place)) = open.pop() {
            let Some(shape) = self.shapes.get_mut(&name) else { continue };
            let mut ty = std::mem::replace(&mut shape.ty, Ty::Any);
            if let (Ty::Object(members), Value::Object(example)) = (&mut ty, value) {
                self.all(members, example, side, &place, &mut open);
            }
            if let Some(shape) = self.shapes.get_mut(&name) {
                shape.ty = ty;
            }
        }
    }

    fn all<'v>(
        &mut self,
        members: &mut [Member],
        example: &'v Map<String, Value>,
        side: Side,
        place: &str,
        open: &mut Vec<Open<'v>>,
    ) {
        for member in members {
            // The gateway returns the details of a denial as text or as an object; decoding keeps both as text.
            if member.name == "AccessDeniedDetail" {
                continue;
            }
            if let Some(value) = example.get(&member.name) {
                let place = format!("{place}.{}", super::schema::shown(&member.name));
                self.ty(&mut member.ty, &mut member.guessed, value, side, &place, open);
            }
        }
    }

    fn ty<'v>(
        &mut self,
        ty: &mut Ty,
        guessed: &mut Option<String>,
        value: &'v Value,
        side: Side,
        place: &str,
        open: &mut Vec<Open<'v>>,
    ) {
        if is_nothing(value) {
            return;
        }
        let wrapped = match (&mut *ty, value) {
            (Ty::List(item) | Ty::Wrapped(_, item), Value::Array(list)) => {
                return self.items(item, guessed, list, side, place, open);
            }
            (Ty::Wrapped(member, item), Value::Object(members)) => match members.get(member) {
                Some(Value::Array(list)) => return self.items(item, guessed, list, side, place, open),
                Some(Value::Null) => return,
                // Some examples write an empty list as empty text.
                None if members.is_empty() => return,
                _ => None,
            },
            (Ty::Map(item), Value::Object(members)) => {
                for value in members.values() {
                    self.ty(&mut item.ty, guessed, value, side, place, open);
                }
                return;
            }
            (Ty::Object(members), Value::Object(example)) => return self.all(members, example, side, place, open),
            (Ty::Shape(name), value) => {
                let fits = match self.shapes.get(name).map(|shape| &shape.ty) {
                    Some(Ty::Object(_)) => value.is_object(),
                    Some(Ty::Text(_)) => !(value.is_object() || value.is_array()),
                    _ => true,
                };
                if fits {
                    open.push((name.clone(), value, place.to_owned()));
                    return;
                }
                None
            }
            // A list in an object with one member is a wrapped list.
            (Ty::List(item), Value::Object(members)) if side == Side::Answer && members.len() == 1 => members
                .iter()
                .next()
                .filter(|(name, list)| list.is_array() && super::schema::is_valid_name(name))
                .map(|(name, _)| Ty::Wrapped(name.clone(), item.clone())),
            _ => None,
        };
        let wider = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => wider(ty, value, side),
        };
        if let Some(wider) = wider {
            guessed.get_or_insert(reason(ty, value, place));
            self.notes.add(WIDER, place);
            *ty = wider;
            // The items of a list that is wrapped.
            if matches!(ty, Ty::Wrapped(..)) {
                self.ty(ty, guessed, value, side, place, open);
            }
        }
    }

    fn items<'v>(
        &mut self,
        item: &mut Item,
        guessed: &mut Option<String>,
        list: &'v [Value],
        side: Side,
        place: &str,
        open: &mut Vec<Open<'v>>,
    ) {
        let place = format!("{place}[]");
        for value in list {
            self.ty(&mut item.ty, guessed, value, side, &place, open);
        }
    }
}

fn by_own_examples(members: &mut [Member], notes: &mut Notes, place: &str) {
    for member in members {
        let place = format!("{place}.{}", super::schema::shown(&member.name));
        if let Some(example) = member.example.take()
            && let Some(wider) = wider(&member.ty, &example, Side::Answer)
        {
            member.guessed.get_or_insert(reason(&member.ty, &example, &place));
            notes.add(WIDER, &*place);
            member.ty = wider;
        }
        let mut ty = &mut member.ty;
        while let Ty::List(item) | Ty::Wrapped(_, item) | Ty::Map(item) = ty {
            ty = &mut item.ty;
        }
        if let Ty::Object(members) = ty {
            by_own_examples(members, notes, &place);
        }
    }
}

const WIDER: &str = "a type is wider than documented, because an example contradicts it";

/// The reason why a type is not the documented one.
fn reason(documented: &Ty, example: &Value, place: &str) -> String {
    let subject = if place.ends_with("[]") { "Items are documented" } else { "Documented" };
    format!("{subject} as {}, but an example is {}.", documented.in_words(), in_words(example))
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

/// A wider type that also holds the example; `None` if the type holds it, or if the example is a placeholder.
pub fn wider(ty: &Ty, value: &Value, side: Side) -> Option<Ty> {
    let is_request = side == Side::Request;
    let any_text = || Ty::Text(Vec::new());
    match (ty, value) {
        (Ty::Text(_), Value::Array(_) | Value::Object(_)) => (!is_request).then_some(Ty::Any),
        (Ty::Any | Ty::Text(_), _)
        | (_, Value::Null)
        | (Ty::Bool, Value::Bool(_))
        | (Ty::List(_) | Ty::Wrapped(..), Value::Array(_))
        | (Ty::Map(_) | Ty::Object(_), Value::Object(_)) => None,
        (Ty::Int32 | Ty::Int64 | Ty::Number, Value::Number(number)) => wider_number(ty, &number.to_string()),
        (Ty::Int32 | Ty::Int64 | Ty::Number | Ty::Bool, Value::String(text)) => {
            let text = text.trim();
            // Text that begins like JSON was copied from the surrounding value.
            if is_placeholder(text) || text.starts_with(['{', '[']) {
                return None;
            }
            if *ty == Ty::Bool {
                let is_boolean = text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false");
                return (!is_boolean && !is_request).then(any_text);
            }
            let plain = text.replace(',', "");
            if is_number(&plain) {
                return wider_number(ty, &plain).filter(|wider| !is_request || !matches!(wider, Ty::Text(_)));
            }
            (!is_request).then(any_text)
        }
        // Decoding accepts these two as booleans.
        (Ty::Bool, Value::Number(number)) => {
            let is_boolean = number.as_i64().is_some_and(|number| number == 0 || number == 1);
            (!is_boolean && !is_request).then(any_text)
        }
        (Ty::Int32 | Ty::Int64 | Ty::Number, Value::Bool(_)) => (!is_request).then(any_text),
        (_, Value::String(text)) if is_placeholder(text.trim()) => None,
        _ => (!is_request).then_some(Ty::Any),
    }
}

fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c))
        && text.ends_with(|c: char| c.is_ascii_digit() || c == '.')
        && text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// A number type, or text, that holds this number without loss; `None` if the type does.
fn wider_number(ty: &Ty, number: &str) -> Option<Ty> {
    let is_whole = !number.contains(['.', 'e', 'E']);
    match ty {
        Ty::Int32 if number.parse::<i32>().is_ok() => None,
        Ty::Int32 if number.parse::<i64>().is_ok() => Some(Ty::Int64),
        Ty::Int64 if number.parse::<i64>().is_ok() => None,
        Ty::Int32 | Ty::Int64 if is_whole => Some(Ty::Text(Vec::new())),
        Ty::Int32 | Ty::Int64 => Some(Ty::Number),
        _ => None,
    }
}

/// An example as words for a message.
fn in_words(value: &Value) -> String {
    match value {
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        Value::String(text) => {
            let short: String = text.chars().take(40).collect();
            let more = if short.len() < text.len() { "…" } else { "" };
            format!("the text {}{more}", crate::emit::code(&short))
        }
        other => format!("`{other}`"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_type_that_its_example_contradicts_becomes_wide_enough_for_it() {
        let text = || Ty::Text(Vec::new());
        let list = |ty| Ty::List(Box::new(Item { ty, description: String::new() }));
        let object = || Ty::Object(Vec::new());
        for (ty, example, answer, request) in [
            (Ty::Int64, json!(3.4), Some(Ty::Number), Some(Ty::Number)),
            (Ty::Int64, json!("3.4"), Some(Ty::Number), Some(Ty::Number)),
            (Ty::Int32, json!(3.4), Some(Ty::Number), Some(Ty::Number)),
            (Ty::Int32, json!(2_147_483_648_u64), Some(Ty::Int64), Some(Ty::Int64)),
            (Ty::Int32, json!("1700000000000"), Some(Ty::Int64), Some(Ty::Int64)),
            (Ty::Int64, json!(u64::MAX), Some(text()), Some(text())),
            (Ty::Int64, json!("18446744073709551615"), Some(text()), None),
            (Ty::Int64, json!(1e3), Some(Ty::Number), Some(Ty::Number)),
            (Ty::Int64, json!("unlimited"), Some(text()), None),
            (Ty::Int32, json!("12%"), Some(text()), None),
            (Ty::Int32, json!(true), Some(text()), None),
            (Ty::Number, json!("n/a!"), Some(text()), None),
            (Ty::Bool, json!("yes"), Some(text()), None),
            (Ty::Bool, json!(7), Some(text()), None),
            (text(), json!(["a"]), Some(Ty::Any), None),
            (object(), json!(11), Some(Ty::Any), None),
            (object(), json!([{"a": 1}]), Some(Ty::Any), None),
            (list(text()), json!("a"), Some(Ty::Any), None),
            (Ty::Int32, json!({"a": 1}), Some(Ty::Any), None),
            // Values that fit, and placeholders.
            (Ty::Int32, json!("1,024"), None, None),
            (Ty::Int32, json!(-3), None, None),
            (Ty::Number, json!(3), None, None),
            (Ty::Number, json!("1e3"), None, None),
            (Ty::Bool, json!("True"), None, None),
            (Ty::Bool, json!(1), None, None),
            (text(), json!(3.4), None, None),
            (Ty::Any, json!([]), None, None),
            (Ty::Int64, json!("2933****"), None, None),
            (Ty::Int64, json!("示例值"), None, None),
            (Ty::Int64, json!("string"), None, None),
            (Ty::Int64, json!("[1]"), None, None),
            (object(), json!("None"), None, None),
        ] {
            assert_eq!(wider(&ty, &example, Side::Answer), answer, "{ty:?} {example}");
            assert_eq!(wider(&ty, &example, Side::Request), request, "{ty:?} {example}");
        }
    }
}
