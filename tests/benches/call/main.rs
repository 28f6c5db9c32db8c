//! `cargo xtask bench call [sending|signing|decoding|instructions]`: the cost of a call, compared with a lower bound.
//!
//! - *sending*: the full client (throttle off) over each transport, compared with `reqwest` and the pooled client of
//!   `hyper-util`, which post a prepared body and decode with serde derive; with 1, 32 and 1,000 calls in flight. The
//!   server runs in another process on another core.
//! - *signing*: building and signing a request, compared with hashing the same bytes.
//! - *instructions*, only on request: the user-space instructions of a call, counted by `valgrind` in about a minute.
//! - *decoding*: the documented response and one with 1,000 numbers, compared with serde derive on the same bytes.
//!
//! Figures are medians over rounds in which the two sides alternate; the spread is in brackets. CPU time is that of the
//! thread of the client, so it does not depend on the load of the machine.

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
