//! The two ways of looking at a typed value: reading it ([`View`]) and filling it ([`Slot`]).
//!
//! Request and response types are tables of such values. Encoding and decoding are written once against [`Value`] trait
//! objects instead of once per type, so a product of 173 actions compiles them once, too.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;

use crate::descriptor::ValueKind;
use crate::open::Json;

/// A value that can be written to a request and read from an answer.
///
/// Implemented for the types that generated code uses; other types have no use for it.
pub trait Value: Send + Sync {
    /// What the value holds.
    fn view(&self) -> View<'_>;
    /// Where a decoded value goes.
    fn slot(&mut self) -> Slot<'_>;
    /// Back to the state in which nothing was decoded.
    fn clear(&mut self);
    /// The state in which nothing was decoded.
    fn empty() -> Self
    where
        Self: Sized;
}

/// Facts about a type of values.
pub trait Typed {
    /// The type as descriptors give it.
    const KIND: ValueKind;
    /// The documented values of an enumeration.
    const VALUES: &'static [&'static str] = &[];
}

/// What a [`Value`] holds.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum View<'a> {
    /// Nothing: an optional value that is not set.
    Absent,
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// Text.
    Text(&'a str),
    /// Values in order.
    List(&'a dyn List),
    /// Values under free names.
    Map(&'a dyn Map),
    /// Values under the names that the specification gives.
    Object(&'a dyn Object),
    /// Any JSON value.
    Any(&'a Json),
    /// A whole response as it came.
    Bytes(&'a Bytes),
}

/// Where a decoded value goes.
#[non_exhaustive]
pub enum Slot<'a> {
    /// `true` or `false`.
    Boolean(&'a mut bool),
    /// A whole number of 32 bits.
    Int32(&'a mut i32),
    /// A whole number of 64 bits.
    Int64(&'a mut i64),
    /// A number.
    Number(&'a mut f64),
    /// Text.
    Text(&'a mut String),
    /// An open enumeration.
    Enum(&'a mut dyn OpenEnum),
    /// Values in order.
    List(&'a mut dyn List),
    /// Values under free names.
    Map(&'a mut dyn Map),
    /// Values under the names that the specification gives.
    Object(&'a mut dyn Object),
    /// Any JSON value.
    Any(&'a mut Json),
    /// A whole response as it came.
    Bytes(&'a mut Bytes),
}

/// Text with documented values that keeps every other value as it is.
pub trait OpenEnum {
    /// Takes the value with this spelling.
    fn set(&mut self, value: &str);
}

/// Values in order.
pub trait List {
    /// How many there are.
    fn len(&self) -> usize;
    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The value at `index`.
    fn get(&self, index: usize) -> Option<&dyn Value>;
    /// Adds an empty value at the end and returns it.
    fn push(&mut self) -> &mut dyn Value;
    /// Takes the last value away.
    fn pop(&mut self);
}

/// Values under free names.
pub trait Map {
    /// Visits all values in the order of their names.
    fn each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a dyn Value));
    /// Adds an empty value under `name`, in place of the one that may be there, and returns it.
    fn insert(&mut self, name: &str) -> &mut dyn Value;
    /// Takes the value under `name` away.
    fn remove(&mut self, name: &str);
}

/// Values under the names that the specification gives.
pub trait Object: Send + Sync {
    /// The name of the Rust type.
    fn type_name(&self) -> &'static str;
    /// Visits all members in the order of the specification.
    fn each<'a>(&'a self, visit: &mut dyn FnMut(Member, &'a dyn Value));
    /// The member with this name on the wire.
    fn member(&mut self, name: &str) -> Option<&mut dyn Value>;
    /// Back to the state in which nothing was decoded.
    fn reset(&mut self);
}

/// Facts about a member of an [`Object`].
#[derive(Debug, Clone, Copy)]
pub struct Member {
    /// The name on the wire.
    pub name: &'static str,
    /// The name of the Rust field.
    pub field: &'static str,
    /// Whether the value is left out of `Debug` output.
    pub sensitive: bool,
}

impl Member {
    /// A member with this name on the wire, in the Rust field of this identifier.
    pub const fn new(name: &'static str, identifier: &'static str) -> Self {
        Self { name, field: field_name(identifier), sensitive: false }
    }

    /// The same, with a value that is left out of `Debug` output.
    #[must_use]
    pub const fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }
}

/// The variant for a documented value; the variants are in the order of the values.
pub fn documented<'v, T>(values: &[&str], variants: &'v [T], value: &str) -> Option<&'v T> {
    variants.get(values.iter().position(|documented| *documented == value)?)
}

/// Visits the members of an object; the values are in the order of the members.
pub fn each_member<'a>(members: &[Member], values: &[&'a dyn Value], visit: &mut dyn FnMut(Member, &'a dyn Value)) {
    for (member, value) in members.iter().zip(values) {
        visit(*member, *value);
    }
}

/// The value of the member with this name; the values are in the order of the members.
pub fn find_member<'a>(
    members: &[Member],
    name: &str,
    values: &mut [Option<&'a mut dyn Value>],
) -> Option<&'a mut dyn Value> {
    values.get_mut(members.iter().position(|member| member.name == name)?)?.take()
}

/// Clears all members of an object.
pub fn clear_members(values: &mut [&mut dyn Value]) {
    for value in values {
        value.clear();
    }
}

/// The name of a field as descriptors and `Debug` output give it: `type` for `r#type`.
pub(crate) const fn field_name(identifier: &'static str) -> &'static str {
    match identifier.as_bytes() {
        [b'r', b'#', ..] => identifier.split_at(2).1,
        _ => identifier,
    }
}

macro_rules! scalar {
    ($type:ty, $kind:ident, $slot:ident, |$value:ident| $view:expr) => {
        impl Value for $type {
            fn view(&self) -> View<'_> {
                let $value = self;
                $view
            }
            fn slot(&mut self) -> Slot<'_> {
                Slot::$slot(self)
            }
            fn clear(&mut self) {
                *self = Self::default();
            }
            fn empty() -> Self {
                Self::default()
            }
        }
        impl Typed for $type {
            const KIND: ValueKind = ValueKind::$kind;
        }
    };
}

scalar!(bool, Boolean, Boolean, |value| View::Boolean(*value));
scalar!(i32, Int32, Int32, |value| View::Integer(i64::from(*value)));
scalar!(i64, Int64, Int64, |value| View::Integer(*value));
scalar!(f64, Number, Number, |value| View::Number(*value));
scalar!(String, String, Text, |value| View::Text(value));
scalar!(Json, Any, Any, |value| View::Any(value));
scalar!(Bytes, Bytes, Bytes, |value| View::Bytes(value));

impl<T: Value> Value for Option<T> {
    fn view(&self) -> View<'_> {
        // Written out: `map_or` would be compiled for every type once more.
        match self {
            Some(value) => value.view(),
            None => View::Absent,
        }
    }
    fn slot(&mut self) -> Slot<'_> {
        match self {
            Some(value) => value.slot(),
            None => self.insert(T::empty()).slot(),
        }
    }
    fn clear(&mut self) {
        *self = None;
    }
    fn empty() -> Self {
        None
    }
}

impl<T: Value> Value for Box<T> {
    fn view(&self) -> View<'_> {
        (**self).view()
    }
    fn slot(&mut self) -> Slot<'_> {
        (**self).slot()
    }
    fn clear(&mut self) {
        (**self).clear();
    }
    fn empty() -> Self {
        Box::new(T::empty())
    }
}

impl<T: Value> Value for Vec<T> {
    fn view(&self) -> View<'_> {
        View::List(self)
    }
    fn slot(&mut self) -> Slot<'_> {
        // A member that comes twice in one answer counts once, as it does for scalars.
        Vec::clear(self);
        Slot::List(self)
    }
    fn clear(&mut self) {
        Vec::clear(self);
    }
    fn empty() -> Self {
        Vec::new()
    }
}

impl<T: Value> List for Vec<T> {
    fn len(&self) -> usize {
        Vec::len(self)
    }
    fn get(&self, index: usize) -> Option<&dyn Value> {
        <[T]>::get(self, index).map(|value| value as &dyn Value)
    }
    fn push(&mut self) -> &mut dyn Value {
        let index = Vec::len(self);
        Vec::push(self, T::empty());
        &mut self[index]
    }
    fn pop(&mut self) {
        Vec::pop(self);
    }
}

impl<T> Typed for Vec<T> {
    const KIND: ValueKind = ValueKind::List;
}

impl<T: Value> Value for BTreeMap<String, T> {
    fn view(&self) -> View<'_> {
        View::Map(self)
    }
    fn slot(&mut self) -> Slot<'_> {
        BTreeMap::clear(self);
        Slot::Map(self)
    }
    fn clear(&mut self) {
        BTreeMap::clear(self);
    }
    fn empty() -> Self {
        BTreeMap::new()
    }
}

impl<T: Value> Map for BTreeMap<String, T> {
    fn each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a dyn Value)) {
        for (name, value) in self {
            visit(name, value);
        }
    }
    fn insert(&mut self, name: &str) -> &mut dyn Value {
        let value = self.entry(name.to_owned()).or_insert_with(T::empty);
        value.clear();
        value
    }
    fn remove(&mut self, name: &str) {
        BTreeMap::remove(self, name);
    }
}

impl<T> Typed for BTreeMap<String, T> {
    const KIND: ValueKind = ValueKind::Map;
}

/// Values print like derived `Debug` output, except that members without a value are left out and sensitive ones are hidden.
impl fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            View::Absent => f.write_str("None"),
            View::Boolean(value) => value.fmt(f),
            View::Integer(value) => value.fmt(f),
            View::Number(value) => value.fmt(f),
            View::Text(value) => value.fmt(f),
            View::Any(value) => value.fmt(f),
            // A file may be large, and may hold anything.
            View::Bytes(value) => write!(f, "<{} bytes>", value.len()),
            View::Object(object) => debug_object(*object, f),
            View::List(list) => {
                f.debug_list().entries((0..list.len()).filter_map(|index| list.get(index)).map(Value::view)).finish()
            }
            View::Map(map) => {
                let mut debug = f.debug_map();
                map.each(&mut |name, value| {
                    debug.entry(&name, &value.view());
                });
                debug.finish()
            }
        }
    }
}

/// The `Debug` output of an object: its members with a value, sensitive ones hidden.
pub fn debug_object(object: &dyn Object, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut debug = f.debug_struct(object.type_name());
    object.each(&mut |member, value| match value.view() {
        View::Absent => {}
        _ if member.sensitive => {
            debug.field(member.field, &Hidden);
        }
        view => {
            debug.field(member.field, &view);
        }
    });
    debug.finish()
}

/// The replacement for secrets and personal data in `Debug` output.
pub(crate) struct Hidden;

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<hidden>")
    }
}

impl serde_core::Serialize for View<'_> {
    fn serialize<S: serde_core::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde_core::ser::SerializeMap;
        match self {
            View::Absent => serializer.serialize_unit(),
            View::Boolean(value) => serializer.serialize_bool(*value),
            View::Integer(value) => serializer.serialize_i64(*value),
            View::Number(value) => serializer.serialize_f64(*value),
            View::Text(value) => serializer.serialize_str(value),
            View::Any(value) => value.serialize(serializer),
            View::Bytes(value) => serializer.serialize_str(&BASE64_STANDARD.encode(value)),
            View::List(list) => {
                serializer.collect_seq((0..list.len()).filter_map(|index| list.get(index)).map(Value::view))
            }
            View::Map(map) => {
                let mut entries = Vec::new();
                map.each(&mut |name, value| entries.push((name, value.view())));
                serializer.collect_map(entries)
            }
            View::Object(object) => {
                let mut entries = Vec::new();
                object.each(&mut |member, value| entries.push((member.name, value.view())));
                let mut map = serializer.serialize_map(None)?;
                for (name, view) in entries {
                    let empty = match &view {
                        View::Absent => true,
                        View::List(list) => list.is_empty(),
                        View::Map(map) => {
                            let mut empty = true;
                            map.each(&mut |_, _| empty = false);
                            empty
                        }
                        _ => false,
                    };
                    if !empty {
                        map.serialize_entry(name, &view)?;
                    }
                }
                map.end()
            }
        }
    }
}

/// The JSON text of a value, with the names on the wire. Members without a value and empty lists and maps are left out.
///
/// The text holds everything, sensitive members included.
pub fn to_json(value: &dyn Value) -> String {
    // Writing to memory cannot fail, and every key is text.
    serde_json::to_string(&value.view()).unwrap_or_default()
}
