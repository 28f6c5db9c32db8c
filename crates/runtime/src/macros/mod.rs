//! The macros of generated code: `object!`, `open_enum!`, `paged!` and `request!`.
//!
//! Each takes a struct or enum in Rust syntax, with the facts of a member in attributes, and adds the implementations
//! that the runtime needs to read and write it, so that generated files contain only facts.
//!
//! The macros are for generated code only, and their syntax can change in any release: generated code and runtime are
//! released together.
//!
//! They use `macro_rules!`, because with a procedural macro every user would have to build `syn`.

mod object;
mod open_enum;
mod paged;
mod request;
mod serde;
