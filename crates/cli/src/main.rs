//! The `cams` command: calls, bulks and reports for every action of the product, and a simulator that needs no account.
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
mod wait;

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
    // Final once the command line is parsed.
    as_json = matches.subcommand().is_some_and(|(_, options)| {
        options::wants_json(options.subcommand().map_or(options, |(_, of_action)| of_action))
    });
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
        Some(("wait", options)) => wait::run(options).await,
        Some(("completions", options)) => arguments::print_completions(options),
        Some(("report", options)) => report::run(options),
        Some((name, options)) => match options::action(name) {
            Some(action) => call::run(action, options).await,
            // clap accepts only the commands of `arguments::command`.
            None => Err(Failure::local(format!("unknown command `{name}`; `cams --help` lists them"))),
        },
        None => Err(Failure::local("no command was given; `cams --help` lists them".to_owned())),
    }
}
