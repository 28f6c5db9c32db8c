//! User-space instructions, counted by `valgrind`, which do not depend on the load of the machine.
//!
//! `valgrind` does not support the hashing instructions of newer processors. Hashing, the largest part of a V3 signature, therefore
//! counts several times as much as in reality.

use std::process::{Command, exit};

use crate::sending::{self, CALLERS};
use crate::server::Server;
use crate::signing;

/// The number of counted calls, after the same number of calls that are not counted.
const CALLS: u32 = 1_000;

pub(crate) fn run() {
    let server = Server::start();
    println!("User-space instructions per call, one in flight, and per signature");
    let mut first = None;
    for name in CALLERS {
        let each = each(name, &server.address);
        println!("  {name:<16} {each:>8.0}   {:.2} times plain reqwest", each / *first.get_or_insert(each));
    }
    for name in signing::WORKS {
        println!("  {name:<16} {:>8.0}", each(name, &server.address));
    }
}

/// The instructions of one repetition of the work.
fn each(work: &str, address: &str) -> f64 {
    let [once, twice] = [CALLS, 2 * CALLS].map(|times| {
        counted(work, address, times).unwrap_or_else(|error| {
            eprintln!("error: {error}");
            exit(1)
        })
    });
    (twice - once) / f64::from(CALLS)
}

fn counted(work: &str, address: &str, times: u32) -> Result<f64, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new("valgrind");
    command.args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]).arg(program);
    let output = command.args(["repeat", work, address, &times.to_string()]).output();
    let output = output.map_err(|error| format!("`valgrind` cannot be run: {error}; install it"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    let count = text.lines().find_map(|line| line.split_once(" refs:")).map(|(_, count)| count.replace(',', ""));
    count.and_then(|count| count.trim().parse().ok()).ok_or_else(|| format!("`valgrind` counted nothing: {text}"))
}

/// The counted program: repeats the work.
pub(crate) fn repeat(arguments: &[String]) {
    let [work, address, times] = arguments else { return };
    let times = times.parse().unwrap_or(0);
    if CALLERS.contains(&&**work) {
        sending::repeat(work, address, times);
    } else {
        signing::repeat(work, times);
    }
}
