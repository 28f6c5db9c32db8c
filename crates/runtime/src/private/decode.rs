//! Tolerant decoding of JSON into the generated types.
//!
//! The forms in which services send a value differ from the documented ones, and none of them fails a call:
//!
//! - a member that is absent or `null` stays `None` (a list or map: empty);
//! - a scalar in another JSON form (`"true"`, `"10"`, a number where text is documented) is converted if nothing is lost;
//! - `""` where something else than text is documented counts as absent;
//! - an object that wraps a list (`{ "Region": […] }`, as older products send it) counts as the list;
//! - an object or list where text is documented becomes its JSON text (the order of members is not kept);
//! - unknown members are ignored, unknown enumeration values are kept;
//! - `null` in a list or map is skipped;
//! - of a member that occurs twice, the last occurrence counts;
//! - a byte order mark is skipped;
//! - bytes that are not UTF-8 and lone surrogates (`\ud83d`) become U+FFFD; control characters and unknown escapes in text are kept.
//!
//! A value that does not fit its type is left out: the member is `None` (a list or map: empty), the item of a list or map is
//! skipped, everything else arrives. This covers another kind of value (`"MaxTalkTime": "unlimited"`, a list for an object), numbers
//! that the type cannot hold (`1e999` and `NaN` too), and nesting deeper than 120 levels. [`Mismatches`] names the places; the raw body
//! has the values.
//!
//! Only bytes that are not one JSON object are an error.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde_core::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::mismatch::{Mismatches, Problem};
use crate::open::Json;
use crate::value::{List, Map, Object, Slot, Value};

/// Why bytes cannot be read as a response at all. The text quotes no value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecodeError {
    problem: String,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

impl std::error::Error for DecodeError {}

/// `true` and `false` as text: in any case, as `1` and `0`, and between blanks.
pub(crate) fn boolean_of(text: &str) -> Option<bool> {
    match text.trim() {
        "1" => Some(true),
        "0" => Some(false),
        text if text.eq_ignore_ascii_case("true") => Some(true),
        text if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// The name of the member that takes a whole response which is not an object.
pub(crate) const BODY: &str = "$body";

/// Fills `object` from the JSON text in `bytes`. Returns the values that do not fit.
///
/// A response that is not an object goes into the member `$body`, if the type has one; into text even if it is not JSON.
///
/// # Errors
/// If the bytes are not one JSON object. The object may be partly filled then.
pub fn decode(bytes: &[u8], object: &mut dyn Object) -> Result<Mismatches, DecodeError> {
    // One check of the whole text is cheaper than one of each string.
    let (text, is_utf8) = match std::str::from_utf8(bytes) {
        Ok(text) => (Cow::Borrowed(text), true),
        Err(_) => (String::from_utf8_lossy(bytes), false),
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let error = match read(text, object, !is_utf8) {
        Ok(mismatches) => return Ok(mismatches),
        Err(error) => error,
    };
    if let Some(repaired) = repair(text) {
        object.reset();
        if let Ok(mismatches) = read(&repaired, object, true) {
            return Ok(mismatches);
        }
    }
    // Text need not come as JSON.
    if let Some(body) = body_member(text, object)
        && let Slot::Text(slot) = body.slot()
    {
        text.clone_into(slot);
        return Ok(Mismatches::default());
    }
    // The text of a syntax error never quotes the input.
    let problem =
        if error.is_data() { "not a JSON object".to_owned() } else { format!("not the expected JSON: {error}") };
    Err(DecodeError { problem })
}

/// The member that takes the whole response, if the response is not an object.
fn body_member<'o>(text: &str, object: &'o mut dyn Object) -> Option<&'o mut dyn Value> {
    if text.trim_start().starts_with('{') { None } else { object.member(BODY) }
}

fn read(text: &str, object: &mut dyn Object, is_repaired: bool) -> Result<Mismatches, serde_json::Error> {
    let mut progress = Progress { is_repaired, ..Progress::default() };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    match body_member(text, object) {
        Some(value) => {
            Fill { value, progress: &mut progress }.deserialize(&mut deserializer)?;
            progress.mismatches.prepend(0, BODY);
        }
        None => deserializer.deserialize_any(Root { object, progress: &mut progress })?,
    }
    deserializer.end()?;
    Ok(progress.mismatches)
}

/// Rewrites the parts of a JSON text that many programs write and `serde_json` refuses: lone surrogates become U+FFFD, control
/// characters and unknown escapes in text are escaped, numbers that JSON or a double cannot express become text. Returns `None` if
/// there are none.
fn repair(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut repaired = String::new();
    // The text before this index is in `repaired`. All indexes are next to ASCII characters.
    let mut done = 0;
    let mut at = 0;
    let mut in_string = false;
    while let Some(&byte) = bytes.get(at) {
        let length = match byte {
            b'"' => {
                in_string = !in_string;
                1
            }
            b'\\' if in_string => {
                let (length, is_valid) = escape(&bytes[at..]);
                if !is_valid {
                    repaired.push_str(&text[done..at]);
                    // An unknown escape is text that begins with a backslash.
                    repaired.push_str(if length == 1 { r"\\" } else { r"\ufffd" });
                    done = at + length;
                }
                length
            }
            0..0x20 if in_string => {
                repaired.push_str(&text[done..at]);
                let _ = write!(repaired, "\\u{byte:04x}");
                done = at + 1;
                1
            }
            b'+' | b'-' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' if !in_string => {
                let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
                let length = bytes[at..].iter().take_while(|byte| is_part(byte)).count();
                let token = &text[at..at + length];
                if token.parse::<f64>().is_ok() && serde_json::from_str::<f64>(token).is_err() {
                    repaired.push_str(&text[done..at]);
                    let _ = write!(repaired, "\"{token}\"");
                    done = at + length;
                }
                length
            }
            _ => 1,
        };
        at += length;
    }
    if done == 0 {
        return None;
    }
    repaired.push_str(&text[done..]);
    Some(repaired)
}

/// The length of the escape sequence with which `bytes` begin, and whether it is valid. An unknown one has the length 1.
fn escape(bytes: &[u8]) -> (usize, bool) {
    let unit = |bytes: &[u8]| {
        let [b'\\', b'u', digits @ ..] = bytes else { return None };
        let digits = std::str::from_utf8(digits.get(..4)?).ok()?;
        let are_digits = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        are_digits.then(|| u16::from_str_radix(digits, 16).ok())?
    };
    match bytes.get(1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => (2, true),
        Some(b'u') => match unit(bytes) {
            Some(0xd800..=0xdbff) => match bytes.get(6..).and_then(unit) {
                Some(0xdc00..=0xdfff) => (12, true),
                _ => (6, false),
            },
            Some(0xdc00..=0xdfff) => (6, false),
            Some(_) => (6, true),
            None => (1, false),
        },
        _ => (1, false),
    }
}

/// What is known while a response is read.
#[derive(Default)]
pub(super) struct Progress {
    mismatches: Mismatches,
    /// The number of lists and objects around the current value.
    depth: u8,
    /// Whether nesting was cut inside the value that is collected.
    is_too_deep: bool,
    /// Whether U+FFFD in the text may stand for something else.
    is_repaired: bool,
}

impl Progress {
    /// The deepest nesting that is read; `serde_json` ends at 127 levels with an error that loses the whole response.
    const DEPTH: u8 = 120;

    fn len(&self) -> usize {
        self.mismatches.first().len()
    }

    /// Adds a segment to the paths of the mismatches since there were `start` of them.
    fn leave(&mut self, start: usize, segment: impl FnOnce() -> String) {
        if self.len() != start {
            self.mismatches.prepend(start, &segment());
        }
    }

    /// The first value that did not fit, below `path`, as an error.
    #[cfg(feature = "serde")]
    pub(super) fn finish<E: serde_core::de::Error>(mut self, path: &str) -> Result<(), E> {
        self.mismatches.prepend(0, path);
        self.mismatches.first().first().map_or(Ok(()), |mismatch| Err(E::custom(mismatch)))
    }

    /// Notes a text that may be changed.
    fn check(&mut self, text: &str) {
        if self.is_repaired && text.contains(char::REPLACEMENT_CHARACTER) {
            self.mismatches.add(Problem::NotUnicode);
        }
    }
}

/// The segment of a path for a name that is not in the specification. Such a name may be data, a phone number for example.
const ANY_NAME: &str = "*";

struct Root<'v, 'm> {
    object: &'v mut dyn Object,
    progress: &'m mut Progress,
}

impl<'de> Visitor<'de> for Root<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.progress.depth += 1;
        fill_object(map, self.object, self.progress)
    }
}

fn fill_object<'de, A: MapAccess<'de>>(
    mut map: A,
    object: &mut dyn Object,
    progress: &mut Progress,
) -> Result<(), A::Error> {
    while let Some(name) = map.next_key_seed(Name)? {
        match object.member(&name) {
            Some(value) => {
                let start = progress.len();
                map.next_value_seed(Fill { value, progress })?;
                progress.leave(start, || described(object, &name));
            }
            None => {
                map.next_value::<IgnoredAny>()?;
            }
        }
    }
    Ok(())
}

/// The segment of a path for a member.
fn described(object: &dyn Object, name: &str) -> String {
    let mut segment = ANY_NAME;
    object.each(&mut |member, _| {
        if member.name == name {
            segment = member.name;
        }
    });
    segment.to_owned()
}

fn fill_map<'de, A: MapAccess<'de>>(mut access: A, map: &mut dyn Map, progress: &mut Progress) -> Result<(), A::Error> {
    while let Some(name) = access.next_key_seed(Name)? {
        let start = progress.len();
        let is_present = access.next_value_seed(Fill { value: map.insert(&name), progress })?;
        progress.leave(start, || ANY_NAME.to_owned());
        if !is_present {
            map.remove(&name);
        }
    }
    Ok(())
}

fn fill_list<'de, A: SeqAccess<'de>>(
    mut access: A,
    list: &mut dyn List,
    progress: &mut Progress,
) -> Result<(), A::Error> {
    let mut index = 0_usize;
    loop {
        let start = progress.len();
        let Some(is_present) = access.next_element_seed(Append { list, progress })? else { return Ok(()) };
        progress.leave(start, || format!("[{index}]"));
        if !is_present {
            list.pop();
        }
        index += 1;
    }
}

/// Adds a value to a list, if there is one more.
struct Append<'v, 'm> {
    list: &'v mut dyn List,
    progress: &'m mut Progress,
}

impl<'de> DeserializeSeed<'de> for Append<'_, '_> {
    type Value = Present;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Present, D::Error> {
        Fill { value: self.list.push(), progress: self.progress }.deserialize(deserializer)
    }
}

/// Fills a list from the first member that is a list. Returns whether there is one or the object holds nothing.
fn unwrap_list<'de, A: MapAccess<'de>>(
    mut access: A,
    list: &mut dyn List,
    progress: &mut Progress,
) -> Result<bool, A::Error> {
    let mut found = None;
    while access.next_key::<IgnoredAny>()?.is_some() {
        if found == Some(true) {
            access.next_value::<IgnoredAny>()?;
        } else {
            let start = progress.len();
            found = Some(access.next_value_seed(Inner { list: &mut *list, progress: &mut *progress })?);
            progress.leave(start, || ANY_NAME.to_owned());
        }
    }
    Ok(found != Some(false))
}

/// Fills a list from a member of the object that wraps it. Returns whether the member is a list or nothing.
struct Inner<'v, 'm> {
    list: &'v mut dyn List,
    progress: &'m mut Progress,
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
        if self.progress.depth == Progress::DEPTH {
            skip_list(access)?;
            return Ok(false);
        }
        self.progress.depth += 1;
        fill_list(access, self.list, self.progress)?;
        self.progress.depth -= 1;
        Ok(true)
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
        // Some services send empty text for an empty list.
        Ok(text.is_empty())
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<bool, A::Error> {
        skip_object(access).map(|()| false)
    }
}

fn skip_list<'de, A: SeqAccess<'de>>(mut access: A) -> Result<(), A::Error> {
    while access.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

fn skip_object<'de, A: MapAccess<'de>>(mut access: A) -> Result<(), A::Error> {
    while access.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

/// A member's name, borrowed from the text where it has no escapes.
pub(super) struct Name;

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

/// Fills one value. Returns whether there is one: `null` and its like, and values that do not fit, leave nothing.
pub(super) struct Fill<'v, 'm> {
    pub(super) value: &'v mut dyn Value,
    pub(super) progress: &'m mut Progress,
}

/// Whether a value was filled.
pub(super) type Present = bool;

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

    fn visit_unit<E>(self) -> Result<Present, E> {
        self.value.clear();
        Ok(false)
    }

    fn visit_bool<E>(self, found: bool) -> Result<Present, E> {
        match self.value.slot() {
            Slot::Boolean(slot) => *slot = found,
            Slot::Text(slot) => (if found { "true" } else { "false" }).clone_into(slot),
            Slot::Enum(slot) => slot.set(if found { "true" } else { "false" }),
            Slot::Any(slot) => *slot = Json::Bool(found),
            slot => {
                let expected = slot.describe();
                return Ok(self.leave_out(expected, "a boolean"));
            }
        }
        Ok(true)
    }

    fn visit_i64<E>(self, found: i64) -> Result<Present, E> {
        Ok(self.integer(i128::from(found), || found.into()))
    }

    fn visit_u64<E>(self, found: u64) -> Result<Present, E> {
        Ok(self.integer(i128::from(found), || found.into()))
    }

    fn visit_f64<E>(self, found: f64) -> Result<Present, E> {
        let slot = self.value.slot();
        let expected = slot.describe();
        let fits = match slot {
            Slot::Number(slot) => put(slot, Some(found)),
            Slot::Int32(slot) => put(slot, whole(found).and_then(|number| number.try_into().ok())),
            Slot::Int64(slot) => put(slot, whole(found)),
            Slot::Text(slot) => put(slot, Some(Json::from(found).to_string())),
            Slot::Any(slot) => put(slot, Some(found.into())),
            Slot::Enum(slot) => {
                slot.set(&Json::from(found).to_string());
                true
            }
            _ => false,
        };
        Ok(fits || self.leave_out(expected, "another number"))
    }

    fn visit_str<E>(self, found: &str) -> Result<Present, E> {
        let slot = match self.value.slot() {
            Slot::Text(slot) => {
                // Nearly every slot is empty; a new text of the right size is cheaper than one that grows.
                *slot = found.into();
                self.progress.check(found);
                return Ok(true);
            }
            Slot::Enum(slot) => {
                slot.set(found);
                self.progress.check(found);
                return Ok(true);
            }
            Slot::Any(slot) => {
                *slot = found.into();
                self.progress.check(found);
                return Ok(true);
            }
            slot => slot,
        };
        if found.is_empty() {
            self.value.clear();
            return Ok(false);
        }
        let expected = slot.describe();
        let fits = match slot {
            Slot::Boolean(slot) => put(slot, boolean_of(found)),
            Slot::Int32(slot) => put(slot, whole_text(found).and_then(|number| number.try_into().ok())),
            Slot::Int64(slot) => put(slot, whole_text(found)),
            Slot::Number(slot) => put(slot, found.parse().ok().filter(|number: &f64| number.is_finite())),
            Slot::Bytes(slot) => put(slot, BASE64_STANDARD.decode(found).ok().map(Bytes::from)),
            _ => false,
        };
        Ok(fits || self.leave_out(expected, "text that does not convert"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<Present, A::Error> {
        if self.progress.depth == Progress::DEPTH {
            skip_list(access)?;
            return Ok(self.leave_out(SHALLOW, "more"));
        }
        self.progress.depth += 1;
        match self.value.slot() {
            Slot::List(list) => fill_list(access, list, self.progress)?,
            Slot::Any(slot) => *slot = collect_list(access, self.progress)?,
            Slot::Text(slot) => *slot = collect_list(access, self.progress)?.to_string(),
            Slot::Enum(slot) => slot.set(&collect_list(access, self.progress)?.to_string()),
            slot => {
                let expected = slot.describe();
                skip_list(access)?;
                self.progress.depth -= 1;
                return Ok(self.leave_out(expected, "a list"));
            }
        }
        self.progress.depth -= 1;
        Ok(self.end())
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Present, A::Error> {
        if self.progress.depth == Progress::DEPTH {
            skip_object(access)?;
            return Ok(self.leave_out(SHALLOW, "more"));
        }
        self.progress.depth += 1;
        match self.value.slot() {
            Slot::Object(object) => {
                object.reset();
                fill_object(access, object, self.progress)?;
            }
            Slot::Map(map) => fill_map(access, map, self.progress)?,
            Slot::List(list) => {
                if !unwrap_list(access, list, self.progress)? {
                    self.progress.depth -= 1;
                    return Ok(self.leave_out("a list", "an object"));
                }
            }
            Slot::Any(slot) => *slot = collect_object(access, self.progress)?,
            Slot::Text(slot) => *slot = collect_object(access, self.progress)?.to_string(),
            Slot::Enum(slot) => slot.set(&collect_object(access, self.progress)?.to_string()),
            slot => {
                let expected = slot.describe();
                skip_object(access)?;
                self.progress.depth -= 1;
                return Ok(self.leave_out(expected, "an object"));
            }
        }
        self.progress.depth -= 1;
        Ok(self.end())
    }
}

/// What is expected where the nesting is too deep.
const SHALLOW: &str = "at most 120 levels of nesting";

impl Fill<'_, '_> {
    fn integer(self, found: i128, json: impl Fn() -> Json) -> Present {
        let slot = self.value.slot();
        let expected = slot.describe();
        let fits = match slot {
            Slot::Int32(slot) => put(slot, found.try_into().ok()),
            Slot::Int64(slot) => put(slot, found.try_into().ok()),
            #[expect(clippy::cast_precision_loss, reason = "a number with a fraction is documented as inexact")]
            Slot::Number(slot) => put(slot, Some(found as f64)),
            Slot::Boolean(slot) => put(slot, (found == 0 || found == 1).then_some(found == 1)),
            Slot::Text(slot) => put(slot, Some(found.to_string())),
            Slot::Any(slot) => put(slot, Some(json())),
            Slot::Enum(slot) => {
                slot.set(&found.to_string());
                true
            }
            _ => false,
        };
        fits || self.leave_out(expected, "another whole number")
    }

    /// Leaves nothing in the value and notes why.
    #[cold]
    fn leave_out(self, expected: &'static str, found: &'static str) -> Present {
        self.value.clear();
        self.progress.mismatches.add(Problem::Unexpected { expected, found });
        false
    }

    /// Ends a list or an object: it is left out if its nesting was cut.
    fn end(self) -> Present {
        !std::mem::take(&mut self.progress.is_too_deep) || self.leave_out(SHALLOW, "more")
    }
}

/// Collects any JSON value. Unlike `Json`'s own `Deserialize` it ends at a depth without an error.
struct Collect<'m>(&'m mut Progress);

impl<'de> DeserializeSeed<'de> for Collect<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Collect<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, found: bool) -> Result<Json, E> {
        Ok(found.into())
    }

    fn visit_i64<E>(self, found: i64) -> Result<Json, E> {
        Ok(found.into())
    }

    fn visit_u64<E>(self, found: u64) -> Result<Json, E> {
        Ok(found.into())
    }

    fn visit_f64<E>(self, found: f64) -> Result<Json, E> {
        Ok(found.into())
    }

    fn visit_str<E>(self, found: &str) -> Result<Json, E> {
        self.0.check(found);
        Ok(found.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<Json, A::Error> {
        if self.0.depth == Progress::DEPTH {
            self.0.is_too_deep = true;
            return skip_list(access).map(|()| Json::Null);
        }
        self.0.depth += 1;
        let list = collect_list(access, self.0)?;
        self.0.depth -= 1;
        Ok(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Json, A::Error> {
        if self.0.depth == Progress::DEPTH {
            self.0.is_too_deep = true;
            return skip_object(access).map(|()| Json::Null);
        }
        self.0.depth += 1;
        let object = collect_object(access, self.0)?;
        self.0.depth -= 1;
        Ok(object)
    }
}

fn collect_list<'de, A: SeqAccess<'de>>(mut access: A, progress: &mut Progress) -> Result<Json, A::Error> {
    let mut list = Vec::new();
    while let Some(value) = access.next_element_seed(Collect(progress))? {
        list.push(value);
    }
    Ok(Json::Array(list))
}

fn collect_object<'de, A: MapAccess<'de>>(mut access: A, progress: &mut Progress) -> Result<Json, A::Error> {
    let mut object = serde_json::Map::new();
    while let Some(name) = access.next_key()? {
        object.insert(name, access.next_value_seed(Collect(progress))?);
    }
    Ok(Json::Object(object))
}

/// Takes a converted value. Returns whether there is one.
fn put<T>(slot: &mut T, converted: Option<T>) -> Present {
    match converted {
        Some(value) => {
            *slot = value;
            true
        }
        None => false,
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

impl Slot<'_> {
    fn describe(&self) -> &'static str {
        match self {
            Slot::Boolean(_) => "a boolean",
            Slot::Int32(_) => "a whole number of 32 bits",
            Slot::Int64(_) => "a whole number of 64 bits",
            Slot::Number(_) => "a number",
            Slot::Text(_) | Slot::Enum(_) => "text",
            Slot::List(_) => "a list",
            Slot::Map(_) | Slot::Object(_) => "an object",
            Slot::Any(_) => "any value",
            Slot::Bytes(_) => "bytes in Base64",
        }
    }
}
