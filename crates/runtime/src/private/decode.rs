//! Tolerant decoding of JSON into the generated types.
//!
//! What the service documents and what it sends differ in small things, and none of them may fail a call:
//!
//! - a member that is absent or `null` stays `None` (a list: empty);
//! - a scalar comes in another JSON form (`"true"`, `"10"`, a number where text is documented) and is converted without loss;
//! - `""` where something else than text is documented counts as absent;
//! - an object with a list in it where a list is documented is that list: older products wrap lists (`{ "Region": […] }`);
//! - an object or list where text is documented becomes its JSON text (member order is not kept);
//! - unknown members are ignored, unknown enumeration values are kept;
//! - `null` in a list or map is skipped;
//! - of a member that comes twice, the last one counts.
//!
//! What still fails is named by its JSON path. Nesting deeper than 128 levels is refused, except inside unknown members, which
//! are skipped without recursion.

use std::borrow::Cow;
use std::fmt;

use serde_core::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::value::{Json, List, Map, Object, Slot, Value};

/// Why an answer does not fit the described type.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecodeError {
    path: String,
    problem: String,
}

impl DecodeError {
    /// Where in the answer, e.g. `PhoneNumbers[3].Status`; empty when the text is not JSON at all.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { f.write_str(&self.problem) } else { write!(f, "{}: {}", self.path, self.problem) }
    }
}

impl std::error::Error for DecodeError {}

/// The name of the member that takes a whole answer which is no object.
pub(crate) const BODY: &str = "$body";

/// Fills `object` from the JSON text in `bytes`.
///
/// An answer that is no object goes into the member `$body`, if the type has one; into text even if it is not JSON.
///
/// # Errors
/// If the bytes are not one JSON object in UTF-8, or a value cannot be converted to the described type. The object may be
/// partly filled then. The error quotes no value.
pub fn decode(bytes: &[u8], object: &mut dyn Object) -> Result<(), DecodeError> {
    let syntax = |problem: String| DecodeError { path: String::new(), problem };
    // One check of the whole text is cheaper than one of each string.
    let text = std::str::from_utf8(bytes).map_err(|e| syntax(format!("not UTF-8 at byte {}", e.valid_up_to())))?;
    if !text.trim_start().starts_with('{')
        && let Some(body) = object.member(BODY)
    {
        return decode_body(text, body);
    }
    let mut mismatch = Mismatch::default();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    deserializer.deserialize_any(Root { object, mismatch: &mut mismatch }).and_then(|()| deserializer.end()).map_err(
        |error| match mismatch.problem.take() {
            Some(problem) => DecodeError { path: mismatch.path(), problem },
            None if error.is_data() => syntax("not a JSON object".to_owned()),
            // The text of a syntax error never quotes the input.
            None => syntax(format!("not the expected JSON: {error}")),
        },
    )
}

/// Fills a value from a whole answer.
fn decode_body(text: &str, body: &mut dyn Value) -> Result<(), DecodeError> {
    let mut mismatch = Mismatch::default();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let filled = Fill { value: body, mismatch: &mut mismatch }.deserialize(&mut deserializer);
    let Err(error) = filled.and_then(|_| deserializer.end()) else {
        return Ok(());
    };
    // Text need not come as JSON.
    if !error.is_data()
        && let Slot::Text(slot) = body.slot()
    {
        text.clone_into(slot);
        return Ok(());
    }
    let problem = mismatch.problem.take().unwrap_or_else(|| format!("not the expected JSON: {error}"));
    Err(DecodeError { path: mismatch.path(), problem })
}

/// What did not fit, collected from the inside out.
#[derive(Default)]
struct Mismatch {
    problem: Option<String>,
    segments: Vec<String>,
}

impl Mismatch {
    fn path(&self) -> String {
        let mut path = String::new();
        for segment in self.segments.iter().rev() {
            if !path.is_empty() && !segment.starts_with('[') {
                path.push('.');
            }
            path.push_str(segment);
        }
        path
    }

    fn report<E: serde_core::de::Error>(&mut self, expected: &str, found: &str) -> E {
        self.problem = Some(format!("expected {expected}, found {found}"));
        E::custom("mismatch")
    }
}

struct Root<'v, 'm> {
    object: &'v mut dyn Object,
    mismatch: &'m mut Mismatch,
}

impl<'de> Visitor<'de> for Root<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        fill_object(map, self.object, self.mismatch)
    }
}

fn fill_object<'de, A: MapAccess<'de>>(
    mut map: A,
    object: &mut dyn Object,
    mismatch: &mut Mismatch,
) -> Result<(), A::Error> {
    while let Some(name) = map.next_key_seed(Name)? {
        match object.member(&name) {
            Some(value) => map.next_value_seed(Fill { value, mismatch }).map(drop).inspect_err(|_| {
                mismatch.segments.push(name.into_owned());
            })?,
            None => {
                map.next_value::<IgnoredAny>()?;
            }
        }
    }
    Ok(())
}

fn fill_map<'de, A: MapAccess<'de>>(mut access: A, map: &mut dyn Map, mismatch: &mut Mismatch) -> Result<(), A::Error> {
    while let Some(name) = access.next_key_seed(Name)? {
        let present = access
            .next_value_seed(Fill { value: map.insert(&name), mismatch })
            .inspect_err(|_| mismatch.segments.push(name.clone().into_owned()))?;
        if !present {
            map.remove(&name);
        }
    }
    Ok(())
}

fn fill_list<'de, A: SeqAccess<'de>>(
    mut access: A,
    list: &mut dyn List,
    mismatch: &mut Mismatch,
) -> Result<(), A::Error> {
    let mut index = 0_usize;
    loop {
        let value = list.push();
        let next = access
            .next_element_seed(Fill { value, mismatch })
            .inspect_err(|_| mismatch.segments.push(format!("[{index}]")))?;
        if next != Some(true) {
            list.pop();
        }
        if next.is_none() {
            return Ok(());
        }
        index += 1;
    }
}

/// Fills a list from the first member that is a list. An object with members but without a list is no list.
fn unwrap_list<'de, A: MapAccess<'de>>(
    mut access: A,
    list: &mut dyn List,
    mismatch: &mut Mismatch,
) -> Result<(), A::Error> {
    let mut found = None;
    while let Some(name) = access.next_key_seed(Name)? {
        if found == Some(true) {
            access.next_value::<IgnoredAny>()?;
        } else {
            let inner = Inner { list: &mut *list, mismatch: &mut *mismatch };
            found = Some(access.next_value_seed(inner).inspect_err(|_| mismatch.segments.push(name.into_owned()))?);
        }
    }
    if found == Some(false) { Err(mismatch.report("a list", "an object")) } else { Ok(()) }
}

/// Fills a list from a member of the object that wraps it; tells whether the member is a list or nothing.
struct Inner<'v, 'm> {
    list: &'v mut dyn List,
    mismatch: &'m mut Mismatch,
}

impl<'de> DeserializeSeed<'de> for Inner<'_, '_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Inner<'_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<bool, A::Error> {
        fill_list(access, self.list, self.mismatch).map(|()| true)
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_str<E>(self, text: &str) -> Result<bool, E> {
        // What some services send for nothing.
        Ok(text.is_empty())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<bool, A::Error> {
        while access.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(false)
    }
}

/// A member's name, borrowed from the text where it has no escapes.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

/// Fills one value; tells whether there was one.
struct Fill<'v, 'm> {
    value: &'v mut dyn Value,
    mismatch: &'m mut Mismatch,
}

/// Whether a JSON value was there (`null` and its like are not).
type Present = bool;

impl<'de> DeserializeSeed<'de> for Fill<'_, '_> {
    type Value = Present;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Present, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Fill<'_, '_> {
    type Value = Present;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: serde_core::de::Error>(self) -> Result<Present, E> {
        self.value.clear();
        Ok(false)
    }

    fn visit_bool<E: serde_core::de::Error>(self, found: bool) -> Result<Present, E> {
        match self.value.slot() {
            Slot::Boolean(slot) => *slot = found,
            Slot::Text(slot) => (if found { "true" } else { "false" }).clone_into(slot),
            Slot::Enum(slot) => slot.set(if found { "true" } else { "false" }),
            Slot::Any(slot) => *slot = Json::Bool(found),
            slot => return Err(self.mismatch.report(slot.describe(), "a boolean")),
        }
        Ok(true)
    }

    fn visit_i64<E: serde_core::de::Error>(self, found: i64) -> Result<Present, E> {
        self.integer(i128::from(found), || found.into())
    }

    fn visit_u64<E: serde_core::de::Error>(self, found: u64) -> Result<Present, E> {
        self.integer(i128::from(found), || found.into())
    }

    fn visit_f64<E: serde_core::de::Error>(self, found: f64) -> Result<Present, E> {
        match self.value.slot() {
            Slot::Number(slot) => *slot = found,
            Slot::Int32(slot) => {
                *slot = whole(found)
                    .and_then(|n| n.try_into().ok())
                    .ok_or_else(|| self.mismatch.report("a whole number of 32 bits", "another number"))?;
            }
            Slot::Int64(slot) => {
                *slot =
                    whole(found).ok_or_else(|| self.mismatch.report("a whole number of 64 bits", "another number"))?;
            }
            Slot::Text(slot) => *slot = Json::from(found).to_string(),
            Slot::Enum(slot) => slot.set(&Json::from(found).to_string()),
            Slot::Any(slot) => *slot = found.into(),
            slot => return Err(self.mismatch.report(slot.describe(), "a number")),
        }
        Ok(true)
    }

    fn visit_str<E: serde_core::de::Error>(self, found: &str) -> Result<Present, E> {
        let slot = match self.value.slot() {
            Slot::Text(slot) => {
                found.clone_into(slot);
                return Ok(true);
            }
            Slot::Enum(slot) => {
                slot.set(found);
                return Ok(true);
            }
            Slot::Any(slot) => {
                *slot = found.into();
                return Ok(true);
            }
            slot => slot,
        };
        if found.is_empty() {
            self.value.clear();
            return Ok(false);
        }
        let expected = slot.describe();
        let converted = match slot {
            Slot::Boolean(slot) => match found {
                "true" | "True" | "TRUE" | "1" => Some(true),
                "false" | "False" | "FALSE" | "0" => Some(false),
                _ => None,
            }
            .map(|boolean| *slot = boolean),
            Slot::Int32(slot) => whole_text(found).and_then(|n| n.try_into().ok()).map(|number| *slot = number),
            Slot::Int64(slot) => whole_text(found).map(|number| *slot = number),
            Slot::Number(slot) => found.parse().ok().filter(|n: &f64| n.is_finite()).map(|number| *slot = number),
            _ => None,
        };
        converted.map(|()| true).ok_or_else(|| self.mismatch.report(expected, "text that does not convert"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<Present, A::Error> {
        match self.value.slot() {
            Slot::List(list) => fill_list(access, list, self.mismatch)?,
            Slot::Any(slot) => *slot = collect_list(access)?,
            Slot::Text(slot) => *slot = collect_list(access)?.to_string(),
            Slot::Enum(slot) => slot.set(&collect_list(access)?.to_string()),
            slot => return Err(self.mismatch.report(slot.describe(), "a list")),
        }
        Ok(true)
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Present, A::Error> {
        match self.value.slot() {
            Slot::Object(object) => {
                object.reset();
                fill_object(access, object, self.mismatch)?;
            }
            Slot::Map(map) => fill_map(access, map, self.mismatch)?,
            Slot::List(list) => unwrap_list(access, list, self.mismatch)?,
            Slot::Any(slot) => *slot = collect_object(access)?,
            Slot::Text(slot) => *slot = collect_object(access)?.to_string(),
            Slot::Enum(slot) => slot.set(&collect_object(access)?.to_string()),
            slot => return Err(self.mismatch.report(slot.describe(), "an object")),
        }
        Ok(true)
    }
}

impl Fill<'_, '_> {
    fn integer<E: serde_core::de::Error>(self, found: i128, json: impl Fn() -> Json) -> Result<Present, E> {
        match self.value.slot() {
            Slot::Int32(slot) => {
                *slot = found
                    .try_into()
                    .map_err(|_| self.mismatch.report::<E>("a whole number of 32 bits", "a larger number"))?;
            }
            Slot::Int64(slot) => {
                *slot = found
                    .try_into()
                    .map_err(|_| self.mismatch.report::<E>("a whole number of 64 bits", "a larger number"))?;
            }
            #[expect(clippy::cast_precision_loss, reason = "a number with a fraction is documented as inexact")]
            Slot::Number(slot) => *slot = found as f64,
            Slot::Boolean(slot) if found == 0 || found == 1 => *slot = found == 1,
            Slot::Text(slot) => *slot = found.to_string(),
            Slot::Enum(slot) => slot.set(&found.to_string()),
            Slot::Any(slot) => *slot = json(),
            slot => return Err(self.mismatch.report(slot.describe(), "a whole number")),
        }
        Ok(true)
    }
}

/// The whole number that `found` is exactly, if it is one that a double holds without loss.
fn whole(found: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53
    #[expect(clippy::cast_possible_truncation, reason = "whole and in range")]
    (found.fract() == 0.0 && found.abs() <= EXACT).then_some(found as i64)
}

/// The whole number that a text spells: `10`, and `10.0` as well.
fn whole_text(text: &str) -> Option<i64> {
    text.parse().ok().or_else(|| text.parse().ok().and_then(whole))
}

fn collect_list<'de, A: SeqAccess<'de>>(mut access: A) -> Result<Json, A::Error> {
    let mut list = Vec::new();
    while let Some(value) = access.next_element()? {
        list.push(value);
    }
    Ok(Json::Array(list))
}

fn collect_object<'de, A: MapAccess<'de>>(mut access: A) -> Result<Json, A::Error> {
    let mut object = serde_json::Map::new();
    while let Some((name, value)) = access.next_entry()? {
        object.insert(name, value);
    }
    Ok(Json::Object(object))
}

impl Slot<'_> {
    fn describe(&self) -> &'static str {
        match self {
            Slot::Boolean(_) => "a boolean",
            Slot::Int32(_) | Slot::Int64(_) => "a whole number",
            Slot::Number(_) => "a number",
            Slot::Text(_) | Slot::Enum(_) => "text",
            Slot::List(_) => "a list",
            Slot::Map(_) | Slot::Object(_) => "an object",
            Slot::Any(_) => "any value",
        }
    }
}
