//! Values that a specification leaves open: any JSON value, and undocumented values of an enumeration.

use std::fmt;

/// Any JSON value, for members that the specification leaves open.
pub type Json = serde_json::Value;

/// A value of an open enumeration that this version does not know.
///
/// Its only use is [`as_str`](Self::as_str): a later version may know the value, so no code should depend on it being unknown.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnrecognizedValue(Box<str>);

impl UnrecognizedValue {
    /// The value as it came.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A value that is none of the documented ones.
#[doc(hidden)]
pub fn unrecognized(value: &str) -> UnrecognizedValue {
    UnrecognizedValue(value.into())
}

impl fmt::Debug for UnrecognizedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
