//! The interface for generated code: reading and writing typed values.
//!
//! Hidden from the documentation and without any promise: generated code and runtime are released together.

pub mod decode;
pub mod example;
pub mod parameters;
mod request;
#[cfg(feature = "serde")]
pub mod stored;
pub mod value;

pub use crate::open::unrecognized;
pub use crate::platform::table as platform;

pub use crate::{
    __exports as exports, __object as object, __open_enum as open_enum, __paged as paged, __request as request,
};
pub use request::{EachParameter, Unset, debug_request, each_parameter};
#[cfg(feature = "serde")]
pub use serde_core::{Deserialize, Deserializer, Serialize, Serializer};
pub use value::{
    List, Map, Member, Object, OpenEnum, Slot, Typed, Value, View, clear_members, debug_object, documented,
    each_member, find_member, to_json,
};
