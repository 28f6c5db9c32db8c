//! CAMS.
mod generated;
pub use generated::*;
