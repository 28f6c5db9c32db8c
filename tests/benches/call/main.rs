//! `cargo xtask bench call [sending|signing|decoding|instructions]`: what a call costs, beside what it cannot cost less than.
//!
//! - *sending*: our full client (throttle off) over each transport, and plain `reqwest` and the bare pooled client of `hyper-util`
//!   that post a ready-made body and decode with serde derive, in turn, with 1, 32 and 1,000 calls in flight. The server is a process of its own on another core.
//! - *signing*: building and signing a request, and the bare hashing of the same bytes.
//! - *instructions*, only if it is asked for: those of a call outside the kernel, counted by `valgrind`. It takes about a minute.
//! - *decoding*: the documented answer and one with 1,000 numbers, and serde derive on the same bytes.
//!
//! Figures are medians over rounds in which the two sides take turns; the spread is in brackets. CPU is that of the client's
//! thread, so it does not depend on how busy the machine is.

mod decoding;
mod instructions;
mod measure;
mod plain;
mod sending;
mod server;
mod signing;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    match arguments.first().map(String::as_str) {
        Some("serve") => server::run(),
        Some("sending") => sending::run(),
        Some("signing") => signing::run(),
        Some("decoding") => decoding::run(),
        Some("instructions") => instructions::run(),
        Some("repeat") => instructions::repeat(&arguments[1..]),
        None => {
            signing::run();
            decoding::run();
            sending::run();
        }
        Some(other) => {
            eprintln!("error: `{other}` is not one of sending, signing, decoding, instructions");
            std::process::exit(2);
        }
    }
}
