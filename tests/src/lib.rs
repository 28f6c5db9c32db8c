//! Promises that no single crate can prove alone; the tests are in `tests/`.
//!
//! The modules are what the generator makes of the fixtures in `xtask/fixtures`: that they compile is a promise, too.

#[rustfmt::skip]
#[allow(clippy::doc_markdown, reason = "official titles are prose")]
pub mod imported;
#[rustfmt::skip]
#[allow(clippy::doc_markdown, reason = "official titles are prose")]
pub mod imported_roa;
#[rustfmt::skip]
pub mod kitchen_sink;
#[rustfmt::skip]
pub mod library;
#[rustfmt::skip]
#[allow(clippy::module_inception, reason = "an action that is called like its product is one of the obstacles")]
pub mod obstacles;
#[rustfmt::skip]
pub mod warehouse;

pub mod gateway_transport;
pub mod harness;

/// The snippets of the repository's README, compiled as they stand.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
