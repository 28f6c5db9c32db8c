//! Waits for operations that actions start.

use std::time::Duration;

use alibabacloud_cams::descriptor::ActionDescriptor;
use alibabacloud_cams::event::{Event, WaitContinues};
use alibabacloud_cams::{CallOptions, Client, Json, Response, UntypedRequest, WaitError, WaitOptions};
use clap::ArgMatches;

use crate::exit::Failure;
use crate::{arguments, call, options, simulate};

/// `cams wait ACTION`.
pub(crate) async fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let Some((name, matches)) = matches.subcommand() else {
        return Err(Failure::usage("name the action to wait for; `cams wait --help` lists them".to_owned()));
    };
    let Some(action) = options::action(name) else {
        return Err(Failure::usage(format!("unknown action `{name}`; `cams wait --help` lists the actions")));
    };
    let request = arguments::parameters(action, matches)
        .into_iter()
        .fold(UntypedRequest::new(action.name), |request, (name, value)| request.parameter(name, value));
    call::check_query(reports(action), matches)?;
    let simulator = if matches.get_flag("simulate") { Some(simulate::start().await?) } else { None };
    let client = call::connected(matches, simulator.as_ref(), false)?;
    if simulator.is_some() {
        // A new simulator has no operation to wait for.
        client.send_untyped(request.clone()).await?;
    }
    let response = until_done(&client, &request, None, matches).await?;
    if let Some(simulator) = simulator {
        simulator.stop().await;
    }
    call::print_response(&response, matches)
}

/// The name of the action that returns the state.
fn reports(action: &ActionDescriptor) -> &'static str {
    action.waiter.map_or("", |waiter| waiter.action)
}

/// Whether `--wait` is set; `false` for actions without the option.
pub(crate) fn is_requested(matches: &ArgMatches) -> bool {
    matches.try_get_one::<bool>("wait").ok().flatten().is_some_and(|wait| *wait)
}

/// Waits with the settings of the command line; the deadline is that of each call.
pub(crate) async fn until_done(
    client: &Client,
    request: &UntypedRequest,
    response: Option<&Response<Json>>,
    matches: &ArgMatches,
) -> Result<Response<Json>, Failure> {
    let seconds = |name| matches.get_one::<Duration>(name).copied();
    let mut options = WaitOptions::new();
    if let Some(bound) = seconds("bound") {
        options = options.bound(bound);
    }
    if let Some(interval) = seconds("interval") {
        options = options.interval(interval);
    }
    if let Some(deadline) = seconds("deadline") {
        options = options.calls(CallOptions::new().deadline(deadline));
    }
    client.wait_for_untyped_with(request, response, options).await.map_err(|error| match error {
        WaitError::Refused(error) => error.into(),
        error => Failure::waited(&error),
    })
}

/// The message for a terminal if the event is about a wait that continues.
pub(crate) fn line(event: &Event<'_>) -> Option<String> {
    let Event::WaitContinues(WaitContinues { asked, state, error, next_after, .. }) = event else { return None };
    let what = match (state, error) {
        (_, Some(error)) => format!("{asked} failed ({})", error.kind().as_str()),
        (Some(state), None) => format!("{asked} reports {state}"),
        (None, None) => format!("{asked} reports no state yet"),
    };
    Some(format!("{what}; next call in {:.0} s", next_after.as_secs_f64()))
}
