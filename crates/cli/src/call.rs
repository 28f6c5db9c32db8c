//! Calls one action.

use std::io::{self, IsTerminal};
use std::sync::Arc;

use alibabacloud_cams::UntypedRequest;
use alibabacloud_cams::descriptor::ActionDescriptor;
use clap::ArgMatches;
use jmespath::{ErrorReason, Expression, RuntimeError};
use serde_json::Value;

use crate::connect::{Store, client, throttle, waiting, warning};
use crate::exit::Failure;
use crate::options::{self, wants_json};
use crate::{arguments, exit, output, simulate};

/// Calls an action of the product.
pub(crate) async fn run(action: &'static ActionDescriptor, matches: &ArgMatches) -> Result<(), Failure> {
    let request = arguments::parameters(action, matches)
        .into_iter()
        .fold(UntypedRequest::new(action.name), |request, (name, value)| request.parameter(name, value));
    send(request, matches).await
}

/// Calls the action of this name, whether or not it has a descriptor.
pub(crate) async fn any(matches: &ArgMatches) -> Result<(), Failure> {
    let given = matches.get_one::<String>("action").map_or("", |action| action);
    // A name in kebab case can only be that of a known action.
    let name = options::action(given).map_or(given, |action| action.name);
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Err(Failure::usage(format!(
            "`{given}` is not the name of an action; a name looks like ListChatappTemplate"
        )));
    }
    let mut request = UntypedRequest::new(name);
    let mut names: Vec<&str> = Vec::new();
    for (name, value) in matches.get_many::<(String, String)>("param").into_iter().flatten() {
        if names.contains(&&**name) {
            return Err(Failure::usage(format!(
                "--param {name} is given twice; pass list items as {name}.1, {name}.2"
            )));
        }
        names.push(name);
        request = request.parameter(name, value);
    }
    send(request, matches).await
}

async fn send(request: UntypedRequest, matches: &ArgMatches) -> Result<(), Failure> {
    check_query(request.action(), matches)?;
    let dry_run = matches.get_flag("dry-run");
    let simulator = if matches.get_flag("simulate") { Some(simulate::start().await?) } else { None };
    let mut builder = client(matches, simulator.as_ref(), dry_run)?;
    builder = builder.throttle(throttle(matches, None)?);
    let is_terminal = io::stderr().is_terminal();
    let store = Store::of(matches);
    builder = builder.on_event(move |event| {
        if let Some(line) = if is_terminal { waiting(event, store) } else { warning(event, store) } {
            output::say(&output::printable(&line));
        }
    });
    let client = builder.build()?;

    let text = if dry_run {
        let prepared = client.prepare_untyped(&request).await?;
        format!("{}\n\n{prepared}", client.endpoint())
    } else {
        let response = client.send_untyped(request).await?;
        match shown(&response, matches) {
            Ok(text) => text,
            Err(why) => {
                // The call must not be repeated just to see its response, so the response is printed in full.
                exit::print(&whole(&response, matches))?;
                return Err(Failure::local(format!(
                    "the call succeeded, and its whole response is printed, because --query failed: {why}"
                )));
            }
        }
    };
    if let Some(simulator) = simulator {
        simulator.stop().await;
    }
    exit::print(&text)
}

/// Refuses a query that calls an unknown function, or one with the wrong number of arguments, before the action is
/// called. It is tried on the documented response.
fn check_query(action: &str, matches: &ArgMatches) -> Result<(), Failure> {
    let Some(query) = matches.get_one::<Arc<Expression<'static>>>("query") else { return Ok(()) };
    let example = options::action(action).map_or("", |action| action.example);
    let example: Value = serde_json::from_str(example).unwrap_or_default();
    match query.search(&example) {
        Err(error) if is_wrong_for_any_response(&error.reason) => Err(Failure::usage(format!("--query: {error}"))),
        _ => Ok(()),
    }
}

fn is_wrong_for_any_response(reason: &ErrorReason) -> bool {
    matches!(
        reason,
        ErrorReason::Parse(_)
            | ErrorReason::Runtime(
                RuntimeError::UnknownFunction(_)
                    | RuntimeError::TooManyArguments { .. }
                    | RuntimeError::NotEnoughArguments { .. }
            )
    )
}

fn whole(response: &Value, matches: &ArgMatches) -> String {
    if wants_json(matches) { output::json(response) } else { output::table(response) }
}

/// The response, or the part of it that `--query` selects.
fn shown(response: &Value, matches: &ArgMatches) -> Result<String, String> {
    let Some(query) = matches.get_one::<Arc<Expression<'static>>>("query") else {
        return Ok(whole(response, matches));
    };
    let found = query.search(response).map_err(|error| error.to_string())?;
    let found = serde_json::to_value(&*found).map_err(|error| error.to_string())?;
    Ok(if wants_json(matches) { output::json(&found) } else { output::selected(&found) })
}
