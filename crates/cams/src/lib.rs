//! Typed client for Alibaba Cloud Chat App Message Service (CAMS, API version 2020-06-06).
//!
//! Each action is a type that is built like a value; its module holds the types of its answer.
//!
#![doc = include_str!("generated/actions.md")]

// Generated files are formatted by the generator.
#[rustfmt::skip]
mod generated;

pub use alibabacloud_runtime as runtime;
pub use generated::*;
