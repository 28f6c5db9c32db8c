//! Calling an action.

use std::env;
use std::io::{self, IsTerminal};
use std::time::Duration;

use alibabacloud_cams::descriptor::ActionDescriptor;
use alibabacloud_cams::event::{Event, QuotaEvent};
use alibabacloud_cams::throttle::RedisQuotas;
use alibabacloud_cams::{
    Client, ClientBuilder, Credentials, EnvironmentCredentials, Network, SignatureVersion, Throttle, UntypedRequest,
};
use alibabacloud_simulator::Simulator;
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

/// The client that the command line describes, without its quota.
pub(crate) fn client(
    matches: &ArgMatches,
    simulator: Option<&Simulator>,
    dry_run: bool,
) -> Result<ClientBuilder, Failure> {
    let mut builder = match simulator {
        Some(simulator) => Client::builder().endpoint(simulator.url()).credentials(simulate::credentials()),
        None => from_environment(dry_run)?,
    };
    builder = address(builder, matches);
    if let Some(version) = matches.get_one::<String>("signature") {
        builder = builder.signature(if version == "v3" { SignatureVersion::V3 } else { SignatureVersion::V1 });
    }
    if let Some(deadline) = matches.get_one::<Duration>("deadline") {
        builder = builder.deadline(*deadline).attempt_timeout(Duration::from_secs(10).min(*deadline));
    }
    Ok(builder.application(concat!("cams-cli/", env!("CARGO_PKG_VERSION"))))
}

/// Where the command line says that requests go.
pub(crate) fn address(mut builder: ClientBuilder, matches: &ArgMatches) -> ClientBuilder {
    if let Some(region) = matches.get_one::<String>("region") {
        builder = builder.region(region);
    }
    if let Some(endpoint) = matches.get_one::<String>("endpoint") {
        builder = builder.endpoint(endpoint);
    }
    if let Some(network) = matches.get_one::<String>("network") {
        builder = builder.network(if network == "vpc" { Network::Vpc } else { Network::Public });
    }
    builder
}

/// The quota that the call shares with other programs, if the command line names a server for it.
pub(crate) fn shared_quota(matches: &ArgMatches) -> Result<Option<Throttle>, Failure> {
    let from_environment = || env::var("CAMS_QUOTA_REDIS").ok().filter(|url| !url.is_empty());
    let url = matches.get_one::<String>("quota-redis").cloned().or_else(from_environment);
    let (url, account) = match (url, matches.get_one::<String>("quota-account")) {
        (Some(url), Some(account)) => (url, account),
        (Some(_), None) => {
            return Err(Failure::usage("CAMS_QUOTA_REDIS needs --quota-account: whose quota it is".to_owned()));
        }
        (None, Some(_)) => {
            return Err(Failure::usage("--quota-account needs --quota-redis or CAMS_QUOTA_REDIS".to_owned()));
        }
        (None, None) => return Ok(None),
    };
    let quotas = RedisQuotas::builder(url, account).build().map_err(|error| Failure::usage(error.to_string()))?;
    Ok(Some(Throttle::new().with_store(quotas)))
}

/// What is said to somebody who sits before the terminal and sees nothing happen.
fn waiting(event: &Event<'_>) -> Option<String> {
    let Event::Quota { key, event } = event else { return None };
    match event {
        QuotaEvent::Waiting { .. } => Some(format!("waiting for the quota of {}", key.action)),
        QuotaEvent::Paused { pause: Some(pause) } => {
            Some(format!("throttled; {} goes on in {:.1} s", key.action, pause.as_secs_f64()))
        }
        QuotaEvent::FallbackEntered => {
            Some("the server of the shared quota cannot be reached; going on with a share of it".to_owned())
        }
        _ => None,
    }
}

/// The settings of the environment, with credentials from the first source that has some. What is only shown, key and signature hidden,
/// needs no key, and nobody is asked for one.
fn from_environment(dry_run: bool) -> Result<ClientBuilder, Failure> {
    let builder = ClientBuilder::from_env()?;
    if !dry_run {
        return Ok(builder);
    }
    let none = || Credentials::new("none", "none");
    Ok(builder.credentials(EnvironmentCredentials.read().unwrap_or_else(|_| none())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alibabacloud_cams::throttle::QuotaKey;

    #[test]
    fn whoever_waits_is_told_for_what_and_nobody_else_is_told_anything() {
        let key = QuotaKey::new("cams.example.com", "ChatappSyncPhoneNumber");
        let said = |event| waiting(&Event::Quota { key: &key, event });
        assert_eq!(
            said(QuotaEvent::Waiting { waiting: 3 }).as_deref(),
            Some("waiting for the quota of ChatappSyncPhoneNumber")
        );
        let pause = Some(Duration::from_millis(1500));
        assert_eq!(
            said(QuotaEvent::Paused { pause }).as_deref(),
            Some("throttled; ChatappSyncPhoneNumber goes on in 1.5 s")
        );
        assert_eq!(said(QuotaEvent::FallbackLeft), None);
    }
}
