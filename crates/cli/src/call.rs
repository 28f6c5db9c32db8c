//! Calling an action.

use std::io::{self, IsTerminal};

use alibabacloud_cams::UntypedRequest;
use alibabacloud_cams::descriptor::ActionDescriptor;
use clap::ArgMatches;

use crate::connect::{client, shared_quota, waiting};
use crate::exit::Failure;
use crate::{arguments, output, simulate};

/// Calls the action with what the command line says.
pub(crate) async fn run(action: &'static ActionDescriptor, matches: &ArgMatches) -> Result<(), Failure> {
    let request = arguments::parameters(action, matches)
        .into_iter()
        .fold(UntypedRequest::new(action.name), |request, (name, value)| request.parameter(name, value));

    let dry_run = matches.get_flag("dry-run");
    let simulator = if matches.get_flag("simulate") { Some(simulate::start().await?) } else { None };
    let mut builder = client(matches, simulator.as_ref(), dry_run)?;
    if let Some(throttle) = shared_quota(matches)? {
        builder = builder.throttle(throttle);
    }
    if io::stderr().is_terminal() {
        builder = builder.on_event(|event| {
            if let Some(line) = waiting(event) {
                eprintln!("{line}");
            }
        });
    }
    let client = builder.build()?;

    let text = if dry_run {
        let prepared = client.prepare_untyped(&request).await?;
        format!("{}\n\n{prepared}", client.endpoint())
    } else {
        let response = client.send_untyped(request).await?;
        let json = matches.get_one::<String>("output").is_some_and(|format| format == "json");
        if json { output::json(&response) } else { output::table(&response) }
    };
    if let Some(simulator) = simulator {
        simulator.stop().await;
    }
    output::print(&text)
}
