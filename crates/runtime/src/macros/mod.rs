//! The vocabulary of generated code: `object!`, `open_enum!` and `request!`.
//!
//! Each takes one struct or enum in Rust's own syntax, with the facts of a member in attributes, and adds what the runtime needs
//! to read and write it. What an item expands to is written here once, so a generated file holds nothing but facts.
//!
//! The macros are not meant to be used by hand, and their syntax may change in any release: generated code and runtime are
//! released together.
//!
//! They are plain `macro_rules!`: a procedural macro would cost every user a build of `syn`.

mod object;
mod open_enum;
mod paged;
mod request;
mod serde;
