//! Builds the client from the command line and the environment.

use std::env;
use std::time::Duration;

use alibabacloud_cams::event::{Event, QuotaEvent, ResponseMismatch};
use alibabacloud_cams::throttle::{MachineQuotas, QuotaSource, RedisQuotas, RedisQuotasBuilder};
use alibabacloud_cams::transport::HyperTransport;
use alibabacloud_cams::{
    Client, ClientBuilder, Credentials, EnvironmentCredentials, Network, SignatureVersion, Throttle,
};
use alibabacloud_simulator::Simulator;
use clap::ArgMatches;

use crate::exit::Failure;
use crate::simulate;

/// The client, without its throttle.
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

/// The lean transport: a row of a large bulk costs about a quarter less CPU than with the default one.
pub(crate) fn transport(matches: &ArgMatches, simulator: Option<&Simulator>) -> Result<HyperTransport, Failure> {
    // The endpoint is known only once a client is built from the command line and the environment.
    let endpoint = client(matches, simulator, true)?.build()?;
    let is_loopback = endpoint.endpoint().is_loopback();
    let transport = if is_loopback { HyperTransport::without_proxies() } else { HyperTransport::new() };
    transport.map_err(|error| Failure::local(error.to_string()))
}

/// Sets the endpoint, region and network of the command line.
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

/// The throttle of the call: with quotas in Redis if the command line names a server, else with the quotas of this
/// machine, which all processes of the user share.
pub(crate) fn throttle(matches: &ArgMatches, processes: Option<u32>) -> Result<Throttle, Failure> {
    if let Some(throttle) = quotas_of_a_server(matches, processes)? {
        return Ok(throttle);
    }
    // A simulator inside this process counts only the requests of this process.
    let simulated = matches.try_get_one::<bool>("simulate").ok().flatten().is_some_and(|on| *on);
    Ok(if simulated { Throttle::new() } else { Throttle::new().with_store(MachineQuotas::new()) })
}

/// The throttle with quotas in Redis, if the command line names a server.
pub(crate) fn quotas_of_a_server(matches: &ArgMatches, processes: Option<u32>) -> Result<Option<Throttle>, Failure> {
    let from_environment = || env::var("CAMS_QUOTA_REDIS").ok().filter(|url| !url.is_empty());
    let url = matches.get_one::<String>("quota-redis").cloned().or_else(from_environment);
    let (url, account) = match (url, matches.get_one::<String>("quota-account")) {
        (Some(url), Some(account)) => (url, account),
        (Some(_), None) => {
            return Err(Failure::usage(
                "CAMS_QUOTA_REDIS needs --quota-account NAME, the account that owns the quota".to_owned(),
            ));
        }
        (None, Some(_)) => {
            return Err(Failure::usage("--quota-account needs --quota-redis or CAMS_QUOTA_REDIS".to_owned()));
        }
        (None, None) => return Ok(None),
    };
    let builder = RedisQuotas::builder(url, account);
    let processes = matches.get_one("quota-processes").copied().or(processes);
    let builder = processes.into_iter().fold(builder, RedisQuotasBuilder::expected_processes);
    let quotas = builder.build().map_err(|error| Failure::usage(error.to_string()))?;
    Ok(Some(Throttle::new().with_store(quotas)))
}

/// A message for a terminal about a call that waits, if the event is about one.
pub(crate) fn waiting(event: &Event<'_>, store: Store) -> Option<String> {
    let Event::Quota { key, event: happened } = event else { return None };
    match happened {
        QuotaEvent::Waiting { .. } => Some(format!("waiting for the quota of {}", key.action)),
        QuotaEvent::Paused { delay: Some(delay) } => {
            Some(format!("throttled; {} continues in {:.1} s", key.action, delay.as_secs_f64()))
        }
        _ => warning(event, store),
    }
}

/// Where the quota of a call is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    /// On a server that the command line names.
    Server,
    /// In a file of this machine.
    Machine,
}

impl Store {
    pub(crate) fn of(matches: &ArgMatches) -> Self {
        if matches.contains_id("quota-account") { Self::Server } else { Self::Machine }
    }
}

/// A warning: the store of the quota changed, which changes how many requests are sent, or a response differs from its
/// specification, which can mean that this command is too old.
pub(crate) fn warning(event: &Event<'_>, store: Store) -> Option<String> {
    let event = match event {
        Event::ResponseMismatch(ResponseMismatch { action, mismatches, .. }) => {
            return Some(format!("warning: the response of {action} differs from its specification: {mismatches}"));
        }
        Event::Quota { event, .. } => event,
        _ => return None,
    };
    let line = match (event, store) {
        (QuotaEvent::FallbackEntered { source: None }, Store::Server) => {
            "warning: the server of the shared quota cannot be reached; calls wait or fail until it recovers"
        }
        (QuotaEvent::FallbackEntered { source: Some(QuotaSource::Open) }, Store::Server) => {
            "warning: the server of the shared quota cannot be reached; continuing without a limit"
        }
        (QuotaEvent::FallbackEntered { .. }, Store::Server) => {
            "warning: the server of the shared quota cannot be reached; continuing with this program's share of the quota"
        }
        (QuotaEvent::FallbackEntered { .. }, Store::Machine) => {
            "warning: the quota file of this machine cannot be used, so requests of other commands are not counted; check \
             XDG_STATE_HOME and its permissions"
        }
        (QuotaEvent::FallbackLeft, Store::Server) => "the server of the shared quota can be reached again",
        (QuotaEvent::FallbackLeft, Store::Machine) => "the quota file of this machine can be used again",
        _ => return None,
    };
    Some(line.to_owned())
}

/// The settings of the environment, with credentials from the first source that provides some. A dry run hides key and
/// signature, so it works without credentials.
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
    fn a_waiting_call_reports_what_it_waits_for() {
        let key = QuotaKey::new("main", "cams", "ChatappSyncPhoneNumber");
        let said = |event| waiting(&Event::Quota { key: &key, event: &event }, Store::Server);
        assert_eq!(
            said(QuotaEvent::Waiting { waiting: 3 }).as_deref(),
            Some("waiting for the quota of ChatappSyncPhoneNumber")
        );
        let delay = Some(Duration::from_millis(1500));
        assert_eq!(
            said(QuotaEvent::Paused { delay }).as_deref(),
            Some("throttled; ChatappSyncPhoneNumber continues in 1.5 s")
        );
        let entered = |source| said(QuotaEvent::FallbackEntered { source }).unwrap();
        assert!(entered(None).contains("calls wait or fail"));
        assert!(entered(Some(QuotaSource::Open)).contains("without a limit"));
        assert!(entered(Some(QuotaSource::LocalShare)).contains("this program's share"));
        assert!(said(QuotaEvent::FallbackLeft).is_some_and(|line| line.contains("again")));
        assert_eq!(said(QuotaEvent::Paused { delay: None }), None);
    }
}
