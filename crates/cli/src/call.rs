//! Calls an action.

use std::io::{self, IsTerminal};
use std::sync::Arc;

use alibabacloud_cams::UntypedRequest;
use alibabacloud_cams::descriptor::ActionDescriptor;
use clap::ArgMatches;
use jmespath::Expression;
use serde_json::Value;

use crate::connect::{client, store_of_the_quota, throttle, waiting};
use crate::exit::Failure;
use crate::options::{self, wants_json};
use crate::{arguments, exit, output, simulate};

/// Calls an action that the command knows.
pub(crate) async fn run(action: &'static ActionDescriptor, matches: &ArgMatches) -> Result<(), Failure> {
    let request = arguments::parameters(action, matches)
        .into_iter()
        .fold(UntypedRequest::new(action.name), |request, (name, value)| request.parameter(name, value));
    send(request, matches).await
}

/// Calls the action of this name, whether or not the command knows it.
pub(crate) async fn any(matches: &ArgMatches) -> Result<(), Failure> {
    let given = matches.get_one::<String>("action").map_or("", |action| action);
    // A name in kebab case is that of a known action.
    let name = options::action(given).map_or(given, |action| action.name);
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Err(Failure::usage(format!(
            "`{given}` is not the name of an action; names look like ListChatappTemplate"
        )));
    }
    let mut request = UntypedRequest::new(name);
    let mut names: Vec<&str> = Vec::new();
    for (name, value) in matches.get_many::<(String, String)>("param").into_iter().flatten() {
        if names.contains(&&**name) {
            return Err(Failure::usage(format!(
                "--param {name} is given twice; the items of a list are {name}.1, {name}.2"
            )));
        }
        names.push(name);
        request = request.parameter(name, value);
    }
    send(request, matches).await
}

async fn send(request: UntypedRequest, matches: &ArgMatches) -> Result<(), Failure> {
    let dry_run = matches.get_flag("dry-run");
    let simulator = if matches.get_flag("simulate") { Some(simulate::start().await?) } else { None };
    let mut builder = client(matches, simulator.as_ref(), dry_run)?;
    builder = builder.throttle(throttle(matches, None)?);
    let is_terminal = io::stderr().is_terminal();
    builder = builder.on_event(move |event| {
        if let Some(line) = if is_terminal { waiting(event) } else { store_of_the_quota(event) } {
            output::say(&line);
        }
    });
    let client = builder.build()?;

    let text = if dry_run {
        let prepared = client.prepare_untyped(&request).await?;
        format!("{}\n\n{prepared}", client.endpoint())
    } else {
        let response = client.send_untyped(request).await?;
        shown(&response, matches)?
    };
    if let Some(simulator) = simulator {
        simulator.stop().await;
    }
    exit::print(&text)
}

/// The response, or the part of it that `--query` selects.
fn shown(response: &Value, matches: &ArgMatches) -> Result<String, Failure> {
    let as_json = wants_json(matches);
    let Some(query) = matches.get_one::<Arc<Expression<'static>>>("query") else {
        return Ok(if as_json { output::json(response) } else { output::table(response) });
    };
    let failed = |error: String| Failure::local(format!("--query: {error}"));
    let found = query.search(response).map_err(|error| failed(error.to_string()))?;
    let found = serde_json::to_value(&*found).map_err(|error| failed(error.to_string()))?;
    Ok(if as_json { output::json(&found) } else { output::selected(&found) })
}
