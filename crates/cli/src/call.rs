//! Calling an action.

use std::time::Duration;

use alibabacloud_cams::descriptor::ActionDescriptor;
use alibabacloud_cams::{Client, ClientBuilder, Credentials, ErrorKind, Network, SignatureVersion, UntypedRequest};
use clap::ArgMatches;

use crate::exit::Failure;
use crate::{arguments, output, simulate};

/// Calls the action with what the command line says.
pub(crate) async fn run(action: &'static ActionDescriptor, matches: &ArgMatches) -> Result<(), Failure> {
    let request = arguments::parameters(action, matches)
        .into_iter()
        .fold(UntypedRequest::new(action.name), |request, (name, value)| request.parameter(name, value));

    let dry_run = matches.get_flag("dry-run");
    let simulator = if matches.get_flag("simulate") { Some(simulate::start().await?) } else { None };
    let mut builder = match &simulator {
        Some(simulator) => Client::builder().endpoint(simulator.url()).credentials(simulate::credentials()),
        None => from_environment(dry_run)?,
    };
    if let Some(region) = matches.get_one::<String>("region") {
        builder = builder.region(region);
    }
    if let Some(endpoint) = matches.get_one::<String>("endpoint") {
        builder = builder.endpoint(endpoint);
    }
    if let Some(network) = matches.get_one::<String>("network") {
        builder = builder.network(if network == "vpc" { Network::Vpc } else { Network::Public });
    }
    if let Some(version) = matches.get_one::<String>("signature") {
        builder = builder.signature(if version == "v3" { SignatureVersion::V3 } else { SignatureVersion::V1 });
    }
    if let Some(deadline) = matches.get_one::<Duration>("deadline") {
        builder = builder.deadline(*deadline).attempt_timeout(Duration::from_secs(10).min(*deadline));
    }
    let client = builder.application(concat!("cams-cli/", env!("CARGO_PKG_VERSION"))).build()?;

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

/// The settings of the environment. What is only shown, key and signature hidden, needs no key.
fn from_environment(dry_run: bool) -> Result<ClientBuilder, Failure> {
    match ClientBuilder::from_env() {
        Err(error) if dry_run && error.kind() == ErrorKind::Credentials => {
            Ok(Client::builder().credentials(Credentials::new("none", "none")))
        }
        other => Ok(other?),
    }
}
