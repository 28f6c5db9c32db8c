//! Reads credentials from JSON, and wipes the JSON from memory after use.

use std::time::SystemTime;

use alibabacloud_runtime::Credentials;
use serde_json::{Map, Value};
use zeroize::Zeroize;

use crate::found::{Found, SourceError};
use crate::time;

/// A JSON object that contains secrets. It cannot be printed, and its strings are wiped when it is dropped.
pub(crate) struct WipedJson(Map<String, Value>);

/// The keys of credentials in an object.
pub(crate) struct Keys {
    pub(crate) id: &'static str,
    pub(crate) secret: &'static str,
    pub(crate) token: &'static str,
    pub(crate) expiration: &'static str,
}

/// The keys of STS, the metadata service and credentials URIs.
pub(crate) const CAPITALIZED: Keys =
    Keys { id: "AccessKeyId", secret: "AccessKeySecret", token: "SecurityToken", expiration: "Expiration" };

impl WipedJson {
    /// Parses the text as an object.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, serde_json::Error> {
        // Editors on Windows write a byte order mark.
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        serde_json::from_slice(text).map(Self)
    }

    /// Removes and returns an inner object.
    pub(crate) fn take_object(&mut self, key: &str) -> Option<Self> {
        match self.0.get_mut(key).map(Value::take) {
            Some(Value::Object(map)) => Some(Self(map)),
            _ => None,
        }
    }

    /// Removes and returns the objects of a list.
    pub(crate) fn take_objects(&mut self, key: &str) -> Vec<Self> {
        let Some(Value::Array(list)) = self.0.get_mut(key).map(Value::take) else { return Vec::new() };
        list.into_iter()
            .filter_map(|value| if let Value::Object(map) = value { Some(Self(map)) } else { None })
            .collect()
    }

    /// A string that is not secret; `None` if it is empty.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// Removes and returns a string; `None` if it is empty.
    pub(crate) fn take(&mut self, key: &str) -> Option<String> {
        match self.0.get_mut(key).map(Value::take) {
            Some(Value::String(text)) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// A whole number, also if it is written as a string.
    pub(crate) fn number(&self, key: &str) -> Option<i64> {
        let value = self.0.get(key)?;
        value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
    }

    pub(crate) fn flag(&self, key: &str) -> Option<bool> {
        let value = self.0.get(key)?;
        value.as_bool().or_else(|| value.as_str()?.parse().ok())
    }

    /// A time, as a string or as a number since 1970; see [`time`].
    pub(crate) fn time(&self, key: &str) -> Result<Option<SystemTime>, String> {
        let time = match self.0.get(key) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) if matches!(text.trim(), "" | "0") => return Ok(None),
            Some(Value::Number(number)) if number.as_f64() == Some(0.0) => return Ok(None),
            Some(Value::String(text)) => time::parse(text),
            Some(Value::Number(number)) => number.as_f64().and_then(time::of_number),
            Some(_) => None,
        };
        time.map(Some).ok_or_else(|| format!("returned a `{key}` that is not a time like 2030-01-02T15:04:05Z"))
    }

    /// Valid temporary credentials; all four members are required.
    pub(crate) fn temporary(&mut self, keys: &Keys) -> Result<Found, String> {
        let expiration = self.time(keys.expiration)?;
        match (self.take(keys.id), self.take(keys.secret), self.take(keys.token), expiration) {
            (Some(id), Some(secret), Some(token), Some(_)) => {
                let found = Found::checked(Credentials::temporary(id, secret, token, expiration));
                found.map_err(|error: SourceError| format!("returned invalid credentials: {error}"))
            }
            (id, secret, token, _) => {
                let missing = [
                    (keys.id, id.is_none()),
                    (keys.secret, secret.is_none()),
                    (keys.token, token.is_none()),
                    (keys.expiration, expiration.is_none()),
                ];
                [id, secret, token].into_iter().flatten().for_each(|mut text| text.zeroize());
                let missing = missing.iter().filter(|(_, missing)| *missing).map(|(name, _)| format!("`{name}`"));
                Err(format!("returned no {}", missing.collect::<Vec<_>>().join(" and no ")))
            }
        }
    }
}

impl Drop for WipedJson {
    fn drop(&mut self) {
        self.0.values_mut().for_each(wipe);
    }
}

/// Wipes all strings of a value. The parser limits its depth.
fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(list) => list.iter_mut().for_each(wipe),
        Value::Object(map) => map.values_mut().for_each(wipe),
        _ => {}
    }
}
