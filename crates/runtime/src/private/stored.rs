//! Requests and outputs in other formats, through `serde`: what is stored can be read again, or it is an error.
//!
//! Reading a response leaves out what does not fit; here it is an error, because nothing else has the value that would be lost.

use std::fmt;

use serde_core::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde_core::ser::{SerializeMap, Serializer};

use super::decode::{Fill, Name, Progress};
use super::request::EachParameter;
use super::value::{Value, View};
use crate::descriptor::ParameterDescriptor;

/// Fills a value of the Rust type `name`.
///
/// # Errors
/// If a value does not fit its type. The error names its path, and quotes no value.
pub fn read<'de, D: Deserializer<'de>>(
    name: &'static str,
    value: &mut dyn Value,
    deserializer: D,
) -> Result<(), D::Error> {
    let mut progress = Progress::default();
    let is_present = Fill { value, progress: &mut progress }.deserialize(deserializer)?;
    progress.finish(name)?;
    if is_present { Ok(()) } else { Err(D::Error::custom(format_args!("{name}: expected a value, found nothing"))) }
}

/// Writes the parameters that have a value, under their names on the wire.
///
/// # Errors
/// Those of the serializer.
pub fn write_request<S: Serializer>(each: EachParameter<'_>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    let mut result = Ok(());
    each(&mut |parameter, value| {
        let view = value.view();
        if result.is_ok() && !matches!(view, View::Absent) {
            result = map.serialize_entry(parameter.name, &view);
        }
    });
    result?;
    map.end()
}

/// Fills the parameters of a request of the Rust type `name`; the values are in the order of the parameters.
///
/// # Errors
/// If a value does not fit its type, a required parameter is missing, or a name is not that of a parameter: a request without one
/// of its parameters is another request.
pub fn read_request<'de, D: Deserializer<'de>>(
    name: &'static str,
    parameters: &'static [ParameterDescriptor],
    values: &mut [&mut dyn Value],
    deserializer: D,
) -> Result<(), D::Error> {
    deserializer.deserialize_map(ReadRequest { name, described: parameters, values })
}

struct ReadRequest<'r, 'v> {
    name: &'static str,
    described: &'static [ParameterDescriptor],
    values: &'r mut [&'v mut dyn Value],
}

impl<'de> Visitor<'de> for ReadRequest<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the parameters of {}", self.name)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let request = self.name;
        let mut is_set = vec![false; self.described.len()];
        while let Some(name) = map.next_key_seed(Name)? {
            let Some(index) = self.described.iter().position(|parameter| parameter.name == name) else {
                return Err(A::Error::custom(format_args!("{request} has no parameter {name:?}")));
            };
            let mut progress = Progress::default();
            is_set[index] = map.next_value_seed(Fill { value: &mut *self.values[index], progress: &mut progress })?;
            progress.finish(&format!("{request}.{name}"))?;
        }
        let missing = self.described.iter().zip(is_set).find(|(parameter, is_set)| parameter.required && !is_set);
        match missing {
            Some((parameter, _)) => {
                Err(A::Error::custom(format_args!("{request}: the required parameter `{}` is missing", parameter.name)))
            }
            None => Ok(()),
        }
    }
}
