//! The repository's commands.
#![allow(unreachable_pub, reason = "in a program, `pub` marks what the stages offer each other")]

#[allow(dead_code)]
mod diagnostic;
#[allow(dead_code, unused_imports)]
mod spec;
fn main() {}
