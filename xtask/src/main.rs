//! The generator and the repository's commands.
#![allow(unreachable_pub, reason = "in a program, `pub` marks the interfaces of the stages")]
#![allow(
    clippy::format_push_string,
    clippy::format_collect,
    reason = "the texts are small, and `let _ = write!(…)` is harder to read"
)]

mod commands;
mod diagnostic;
mod diff;
mod emit;
mod generate;
mod import;
mod layout;
mod model;
mod parallel;
mod plan;
mod policy;
/// The client's own rules for paths and headers; the generator cannot depend on the runtime, part of which it writes.
#[path = "../../crates/runtime/src/route.rs"]
mod route;
mod spec;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    commands::run(&arguments)
}
