//! The `cams` command: every action of the product from the command line, and a simulator to try them without an account.
//!
//! Commands, options and help come from the descriptors, so a change of the specification needs no change here.

#![forbid(unsafe_code)]

mod arguments;
mod bulk;
mod call;
mod connect;
mod doctor;
mod exit;
mod figures;
mod input;
mod journal;
mod options;
mod output;
mod report;
mod simulate;

use std::process::ExitCode;

use crate::exit::Failure;

fn main() -> ExitCode {
    let mut as_json = arguments::ask_for_json(std::env::args_os());
    let matches = match arguments::command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => return arguments::refused(&error, as_json),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::local(format!("the program cannot start: {error}")).report(as_json),
    };
    // Known for sure once the command line is understood.
    as_json = matches.subcommand().is_some_and(|(_, options)| options::wants_json(options));
    match runtime.block_on(run(&matches)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(as_json),
    }
}

async fn run(matches: &clap::ArgMatches) -> Result<(), Failure> {
    match matches.subcommand() {
        Some(("bulk", options)) => bulk::run(options).await,
        Some(("simulator", options)) => simulate::serve(options).await,
        Some(("doctor", options)) => doctor::run(options).await,
        Some(("call", options)) => call::any(options).await,
        Some(("completions", options)) => arguments::print_completions(options),
        Some(("report", options)) => report::run(options),
        Some((name, options)) => match options::action(name) {
            Some(action) => call::run(action, options).await,
            // clap knows no other commands than those of `arguments::command`.
            None => Err(Failure::local(format!("there is no command `{name}`; `cams --help` lists them"))),
        },
        None => Err(Failure::local("no command was given; `cams --help` lists them".to_owned())),
    }
}
