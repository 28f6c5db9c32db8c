//! Deserializes a tree of nodes into serde types, and collects all findings instead of stopping at the first.
//!
//! The deserializer reports errors itself, because it knows their places; the error that serde passes upwards
//! has no content. [`Key`] and [`Map`] catch it and continue with the next key.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use serde::de::value::{StrDeserializer, UsizeDeserializer};
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde::{Deserialize, forward_to_deserialize_any};

use super::file::{advice, title};
use super::node::{Node, Scalar, Value};
use super::suggest::suggestion;
use crate::diagnostic::{Findings, quoted};

/// Deserializes the tree of a file.
pub(crate) fn from_node<'a, T: Deserialize<'a>>(node: &'a Node, findings: &'a Findings) -> Option<T> {
    T::deserialize(Reader { key: None, node, findings }).ok()
}

/// A key of a map with fixed keys.
#[derive(Debug, Default)]
pub(crate) enum Key<T> {
    /// The key is missing.
    #[default]
    Missing,
    /// The value is invalid and already reported.
    Wrong,
    Given(T),
}

impl<T> Key<T> {
    /// The value, if it is present and valid.
    pub(crate) fn given(&self) -> Option<&T> {
        match self {
            Self::Given(value) => Some(value),
            Self::Missing | Self::Wrong => None,
        }
    }
}

/// A value with its place.
#[derive(Debug)]
pub(crate) struct Located<T> {
    /// The place of the key of the value; the place of the value if it is a key itself.
    pub(crate) key: Range<usize>,
    pub(crate) range: Range<usize>,
    pub(crate) value: T,
}

/// A map with free keys, in the order of the file, without invalid entries.
#[derive(Debug)]
pub(crate) struct Map<T>(pub(crate) Vec<(Located<String>, T)>);

/// A word or a map, such as `authorization: none`.
#[derive(Debug)]
pub(crate) enum TextOr<T> {
    Text(String),
    Other(T),
}

/// The source text of any scalar, so that the example of a number needs no quotes.
#[derive(Debug)]
pub(crate) struct AnyScalar(pub(crate) String);

/// Names with which the types above request features that the data model of serde does not have.
mod ask {
    pub(super) const LOCATED: &str = "$located";
    pub(super) const TEXT_OR: &str = "$text or map";
    pub(super) const ANY_SCALAR: &str = "$any scalar";
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Key<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for KeyVisitor<T> {
            type Value = Key<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            // serde calls this for a missing key.
            fn visit_none<E>(self) -> Result<Key<T>, E> {
                Ok(Key::Missing)
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key<T>, D::Error> {
                Ok(T::deserialize(deserializer).map_or(Key::Wrong, Key::Given))
            }
        }
        deserializer.deserialize_option(KeyVisitor(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Located<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LocatedVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for LocatedVisitor<T> {
            type Value = Located<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value with its place")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Located<T>, A::Error> {
                let mut place = || parts.next_element::<usize>().map(Option::unwrap_or_default);
                let key = place()?..place()?;
                let range = place()?..place()?;
                let value = parts.next_element()?.ok_or_else(|| serde::de::Error::custom("a value is missing"))?;
                Ok(Located { key, range, value })
            }
        }
        deserializer.deserialize_newtype_struct(ask::LOCATED, LocatedVisitor(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Map<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for EntriesVisitor<T> {
            type Value = Map<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Map<T>, A::Error> {
                let mut entries = Vec::new();
                while let Some(name) = map.next_key()? {
                    if let Key::Given(value) = map.next_value()? {
                        entries.push((name, value));
                    }
                }
                Ok(Map(entries))
            }
        }
        deserializer.deserialize_map(EntriesVisitor(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for TextOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for TextOrVisitor<T> {
            type Value = TextOr<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text or a map")
            }

            fn visit_str<E>(self, text: &str) -> Result<TextOr<T>, E> {
                Ok(TextOr::Text(text.to_owned()))
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, map: D) -> Result<TextOr<T>, D::Error> {
                T::deserialize(map).map(TextOr::Other)
            }
        }
        deserializer.deserialize_newtype_struct(ask::TEXT_OR, TextOrVisitor(PhantomData))
    }
}

impl<'de> Deserialize<'de> for AnyScalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyScalarVisitor;
        impl Visitor<'_> for AnyScalarVisitor {
            type Value = AnyScalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text, a number or a boolean")
            }

            fn visit_str<E>(self, text: &str) -> Result<AnyScalar, E> {
                Ok(AnyScalar(text.to_owned()))
            }
        }
        deserializer.deserialize_newtype_struct(ask::ANY_SCALAR, AnyScalarVisitor)
    }
}

/// An error without content: it was already reported.
#[derive(Debug)]
pub(crate) enum Error {
    Reported,
    /// From code without a place; the next deserializer above reports it.
    Unplaced(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reported => f.write_str("reported already"),
            Self::Unplaced(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Error {}

impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Unplaced(message.to_string())
    }
}

/// The deserializer of one node.
#[derive(Clone, Copy)]
struct Reader<'a> {
    /// The key of the node.
    key: Option<&'a Node>,
    node: &'a Node,
    findings: &'a Findings,
}

impl<'a> Reader<'a> {
    fn key_text(&self) -> Option<&'a str> {
        match &self.key?.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Reports a value of the wrong type.
    fn wrong(&self, expected: &str, help: impl Into<String>) -> Error {
        let found = match &self.node.value {
            Value::Refused => return Error::Reported,
            Value::List => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
            Value::Scalar { text, .. } => match self.node.scalar() {
                None | Some(Scalar::Null) => "nothing".to_owned(),
                Some(Scalar::Boolean(_)) => format!("the boolean {}", quoted(text)),
                Some(Scalar::Number(_)) => format!("the number {}", quoted(text)),
                Some(Scalar::Text(_)) => format!("the text {}", quoted(text)),
            },
        };
        // A missing value is shown at its key.
        let range = match self.key {
            Some(key) if self.node.range.is_empty() => &key.range,
            _ => &self.node.range,
        };
        let subject = self.key_text().map_or_else(|| "the file".to_owned(), quoted);
        let help = match self.key_text().and_then(|key| advice("", key)) {
            Some(advice) => advice.to_owned(),
            None => help.into(),
        };
        self.findings.error(
            range,
            format!("{subject} takes {expected}, not {found}"),
            format!("expected {expected}"),
            help,
        );
        Error::Reported
    }

    /// Reports an error of code without a place.
    fn place<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        result.map_err(|error| {
            if let Error::Unplaced(message) = error {
                self.findings.error(
                    &self.node.range,
                    message,
                    "cannot be used",
                    "see api-spec/README.md for the values of this key",
                );
            }
            Error::Reported
        })
    }

    fn text(&self) -> Result<&'a str, Error> {
        match self.node.scalar() {
            Some(Scalar::Text(text)) => Ok(text),
            Some(Scalar::Boolean(_) | Scalar::Number(_)) => {
                let written = match &self.node.value {
                    Value::Scalar { text, .. } => text.as_str(),
                    _ => "",
                };
                Err(self.wrong("text", format!("put it in quotes: \"{written}\"")))
            }
            Some(Scalar::Null) => {
                Err(self.wrong("text", "write the text after the colon, in quotes if it is empty or `null`"))
            }
            None => Err(self.wrong("text", "write text after the colon; text that starts with a bracket needs quotes")),
        }
    }

    fn entries(&self) -> Result<&'a [(Node, Node)], Error> {
        match &self.node.value {
            Value::Map(entries) => Ok(entries),
            Value::Scalar { .. } if self.node.scalar() == Some(Scalar::Null) => {
                Err(self.wrong("a map", "write the entries below it, indented, or `{}` for none"))
            }
            _ => Err(self.wrong("a map", "write `name: value` lines below it, indented")),
        }
    }
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Error;

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let text = self.text()?;
        self.place(visitor.visit_str(text))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node.scalar() {
            Some(Scalar::Boolean(value)) => self.place(visitor.visit_bool(value)),
            _ => Err(self.wrong("`true` or `false`", "write `true` or `false`, without quotes")),
        }
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if let Some(Scalar::Number(text)) = self.node.scalar()
            && let Ok(value) = text.parse()
        {
            return self.place(visitor.visit_u64(value));
        }
        Err(self.wrong("a whole number", "write digits only, without quotes"))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        match name {
            ask::LOCATED => {
                let key = self.key.unwrap_or(self.node).range.clone();
                let range = self.node.range.clone();
                visitor.visit_seq(Parts {
                    places: [key.start, key.end, range.start, range.end].into_iter(),
                    node: Some(self),
                })
            }
            ask::TEXT_OR if matches!(self.node.value, Value::Scalar { .. }) => self.deserialize_str(visitor),
            ask::TEXT_OR if matches!(self.node.value, Value::List) => {
                Err(self.wrong("text or a map", "write text after the colon, or `name: value` lines below it"))
            }
            ask::ANY_SCALAR => match &self.node.value {
                Value::Scalar { text, .. } if self.node.scalar() != Some(Scalar::Null) => {
                    self.place(visitor.visit_str(text))
                }
                _ => {
                    Err(self.wrong("text", "write it in quotes; a list or an object is written as JSON text: '[1, 2]'"))
                }
            },
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let entries = Entries { rest: self.entries()?.iter(), known: None, value: None, findings: self.findings };
        self.place(visitor.visit_map(entries))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let entries =
            Entries { rest: self.entries()?.iter(), known: Some((name, fields)), value: None, findings: self.findings };
        self.place(visitor.visit_map(entries))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let text = self.text()?;
        let Some(word) = variants.iter().find(|variant| **variant == text) else {
            let subject = self.key_text().unwrap_or("value");
            self.findings.error(
                &self.node.range,
                format!("unknown {subject} {}", quoted(text)),
                "not one of the known words",
                suggestion(text, variants),
            );
            return Err(Error::Reported);
        };
        self.place(visitor.visit_enum(Word(word)))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    // No type of the language uses these.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Map(_) => self.deserialize_map(visitor),
            _ => self.deserialize_str(visitor),
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u128 f32 f64 char bytes byte_buf unit unit_struct seq tuple tuple_struct identifier
    }
}

/// A node as four numbers for its places, and the value, for [`Located`].
struct Parts<'a> {
    places: std::array::IntoIter<usize, 4>,
    node: Option<Reader<'a>>,
}

impl<'de> SeqAccess<'de> for Parts<'de> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        if let Some(place) = self.places.next() {
            let place: UsizeDeserializer<Error> = place.into_deserializer();
            return seed.deserialize(place).map(Some);
        }
        self.node.take().map(|node| seed.deserialize(node)).transpose()
    }
}

/// The entries of a map; with `known`, other keys are reported and skipped.
struct Entries<'a> {
    rest: std::slice::Iter<'a, (Node, Node)>,
    known: Option<(&'static str, &'static [&'static str])>,
    value: Option<Reader<'a>>,
    findings: &'a Findings,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        for (key, value) in self.rest.by_ref() {
            let findings = self.findings;
            self.value = Some(Reader { key: Some(key), node: value, findings });
            let Value::Scalar { text, .. } = &key.value else {
                continue;
            };
            let Some((name, fields)) = self.known else {
                let key = Reader { key: None, node: key, findings };
                return seed.deserialize(key).map(Some);
            };
            if fields.contains(&text.as_str()) {
                let text: StrDeserializer<'_, Error> = text.as_str().into_deserializer();
                return seed.deserialize(text).map(Some);
            }
            let help = match advice(name, text) {
                Some(advice) => advice.to_owned(),
                None => suggestion(text, fields),
            };
            findings.error(
                &key.range,
                format!("unknown key {} in {}", quoted(text), title(name)),
                "not a key of the language",
                help,
            );
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        match self.value.take() {
            Some(value) => seed.deserialize(value),
            None => Err(serde::de::Error::custom("a value is missing")),
        }
    }
}

/// One of the words of an enumeration.
struct Word(&'static str);

impl<'de> EnumAccess<'de> for Word {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Error> {
        let word: StrDeserializer<'_, Error> = self.0.into_deserializer();
        Ok((seed.deserialize(word)?, self))
    }
}

impl<'de> VariantAccess<'de> for Word {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, _seed: S) -> Result<S::Value, Error> {
        Err(serde::de::Error::custom("a word has no content"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, _visitor: V) -> Result<V::Value, Error> {
        Err(serde::de::Error::custom("a word has no content"))
    }

    fn struct_variant<V: Visitor<'de>>(self, _fields: &'static [&'static str], _visitor: V) -> Result<V::Value, Error> {
        Err(serde::de::Error::custom("a word has no content"))
    }
}
