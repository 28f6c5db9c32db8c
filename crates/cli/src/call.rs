//! Calls one action.

use std::fs;
use std::io::{self, IsTerminal};
use std::sync::Arc;

use alibabacloud_cams::descriptor::{ActionDescriptor, Method};
use alibabacloud_cams::{Client, UntypedRequest};
use alibabacloud_simulator::Simulator;
use clap::ArgMatches;
use jmespath::{ErrorReason, Expression, RuntimeError};
use serde_json::Value;

use crate::connect::{Store, client, throttle, waiting, warning};
use crate::exit::Failure;
use crate::options::{self, wants_json};
use crate::{arguments, exit, output, simulate, wait};

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
    if let Some(path) = matches.get_one::<String>("path") {
        request = with_path(request, path, matches)?;
    }
    send(request, matches).await
}

/// The request with the path, the method and the body of the command line.
fn with_path(request: UntypedRequest, path: &str, matches: &ArgMatches) -> Result<UntypedRequest, Failure> {
    let body = matches.get_one::<String>("body").map(|text| read_body(text)).transpose()?;
    let method = match matches.get_one::<String>("method").map(|method| method.to_ascii_uppercase()).as_deref() {
        Some("GET") => Method::Get,
        Some("PUT") => Method::Put,
        Some("PATCH") => Method::Patch,
        Some("DELETE") => Method::Delete,
        Some(_) => Method::Post,
        None if body.is_some() => Method::Post,
        None => Method::Get,
    };
    let request = request.route(method, path);
    Ok(match body {
        Some(body) => request.body(body),
        None => request,
    })
}

/// A body: JSON, or the name of a file that contains it.
fn read_body(given: &str) -> Result<String, Failure> {
    let unreadable = |what: &str, error: &io::Error| Failure::usage(format!("--body: {what} cannot be read: {error}"));
    let text = match given.strip_prefix('@') {
        None => given.to_owned(),
        Some("-") => io::read_to_string(io::stdin()).map_err(|error| unreadable("standard input", &error))?,
        Some(file) => fs::read_to_string(file).map_err(|error| unreadable(&format!("the file `{file}`"), &error))?,
    };
    // The text is not repeated, because it may be personal data.
    match serde_json::from_str::<serde::de::IgnoredAny>(&text) {
        Ok(_) => Ok(text.trim().to_owned()),
        Err(error) => Err(Failure::usage(format!(
            "--body is not JSON (line {}, column {}); put text in quotes, and @ in front of the name of a file",
            error.line(),
            error.column()
        ))),
    }
}

async fn send(request: UntypedRequest, matches: &ArgMatches) -> Result<(), Failure> {
    check_query(request.action(), matches)?;
    let dry_run = matches.get_flag("dry-run");
    let simulator = if matches.get_flag("simulate") { Some(simulate::start().await?) } else { None };
    let client = connected(matches, simulator.as_ref(), dry_run)?;
    let done = if dry_run {
        let prepared = client.prepare_untyped(&request).await?;
        exit::print(&format!("{}\n\n{prepared}", client.endpoint()))
    } else if wait::is_requested(matches) {
        let response = client.send_untyped(request.clone()).await?;
        print_response(&response, matches)?;
        wait::until_done(&client, &request, Some(&response), matches).await.map(drop)
    } else {
        let response = client.send_untyped(request).await?;
        print_response(&response, matches)
    };
    if let Some(simulator) = simulator {
        simulator.stop().await;
    }
    done
}

/// The client for the options of the command line. It prints on standard error what it waits for.
pub(crate) fn connected(matches: &ArgMatches, simulator: Option<&Simulator>, dry_run: bool) -> Result<Client, Failure> {
    let is_terminal = io::stderr().is_terminal();
    let store = Store::of(matches);
    let builder = client(matches, simulator, dry_run)?.throttle(throttle(matches, None)?).on_event(move |event| {
        let line =
            if is_terminal { wait::line(event).or_else(|| waiting(event, store)) } else { warning(event, store) };
        if let Some(line) = line {
            output::say(&output::printable(&line));
        }
    });
    Ok(builder.build()?)
}

/// Prints the response, or the part of it that `--query` selects.
pub(crate) fn print_response(response: &Value, matches: &ArgMatches) -> Result<(), Failure> {
    match shown(response, matches) {
        Ok(text) => exit::print(&text),
        Err(why) => {
            // The call must not be repeated just to see its response, so the response is printed in full.
            exit::print(&whole(response, matches))?;
            Err(Failure::local(format!(
                "the call succeeded, and its whole response is printed, because --query failed: {why}"
            )))
        }
    }
}

/// Refuses a query that calls an unknown function, or one with the wrong number of arguments, before the action is
/// called. It is tried on the documented response.
pub(crate) fn check_query(action: &str, matches: &ArgMatches) -> Result<(), Failure> {
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
