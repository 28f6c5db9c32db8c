//! The repository's commands.
mod diagnostic;
mod spec;
fn main() {}
