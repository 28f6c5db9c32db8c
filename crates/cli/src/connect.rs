//! The client that the command line describes.

use std::env;
use std::time::Duration;

use alibabacloud_cams::event::{Event, QuotaEvent};
use alibabacloud_cams::throttle::{MachineQuotas, QuotaSource, RedisQuotas, RedisQuotasBuilder};
use alibabacloud_cams::transport::ReqwestTransport;
use alibabacloud_cams::{
    Client, ClientBuilder, Credentials, EnvironmentCredentials, Network, SignatureVersion, Throttle,
};
use alibabacloud_simulator::Simulator;
use clap::ArgMatches;

use crate::exit::Failure;
use crate::simulate;

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

/// The transport that the client uses by default.
pub(crate) fn transport(matches: &ArgMatches, simulator: Option<&Simulator>) -> Result<ReqwestTransport, Failure> {
    // Only a client knows the endpoint that the command line and the environment describe.
    let endpoint = client(matches, simulator, true)?.build()?;
    let is_loopback = endpoint.endpoint().is_loopback();
    let transport = if is_loopback { ReqwestTransport::without_proxies() } else { ReqwestTransport::new() };
    transport.map_err(|error| Failure::local(error.to_string()))
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

/// The quotas of the call: those of a server that the command line names, or else those of this machine, which all processes of
/// the user share.
pub(crate) fn throttle(matches: &ArgMatches, processes: Option<u32>) -> Result<Throttle, Failure> {
    if let Some(throttle) = quotas_of_a_server(matches, processes)? {
        return Ok(throttle);
    }
    // A simulator of the command's own counts this process alone.
    let simulated = matches.try_get_one::<bool>("simulate").ok().flatten().is_some_and(|on| *on);
    Ok(if simulated { Throttle::new() } else { Throttle::new().with_store(MachineQuotas::new()) })
}

/// The quotas that the call shares with other machines, if the command line names a server for them.
pub(crate) fn quotas_of_a_server(matches: &ArgMatches, processes: Option<u32>) -> Result<Option<Throttle>, Failure> {
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
    let builder = RedisQuotas::builder(url, account);
    let builder = processes.into_iter().fold(builder, RedisQuotasBuilder::expected_processes);
    let quotas = builder.build().map_err(|error| Failure::usage(error.to_string()))?;
    Ok(Some(Throttle::new().with_store(quotas)))
}

/// A line for a user at a terminal about a call that waits; `None` if there is nothing to say.
pub(crate) fn waiting(event: &Event<'_>) -> Option<String> {
    let Event::Quota { key, event: happened } = event else { return None };
    match happened {
        QuotaEvent::Waiting { .. } => Some(format!("waiting for the quota of {}", key.action)),
        QuotaEvent::Paused { delay: Some(delay) } => {
            Some(format!("throttled; {} continues in {:.1} s", key.action, delay.as_secs_f64()))
        }
        _ => store_of_the_quota(event),
    }
}

/// A line about the store of a shared quota, for any user: how many requests are sent depends on it.
pub(crate) fn store_of_the_quota(event: &Event<'_>) -> Option<String> {
    let Event::Quota { event, .. } = event else { return None };
    match event {
        QuotaEvent::FallbackEntered { source } => {
            let then = match source {
                None => "calls fail until it is back",
                Some(QuotaSource::Open) => "continuing without a limit",
                Some(_) => "continuing with a share of it",
            };
            Some(format!("the shared quota is not available; {then}"))
        }
        QuotaEvent::FallbackLeft => Some("the shared quota is available again".to_owned()),
        _ => None,
    }
}

/// The settings of the environment, with credentials from the first source that has some. What is only shown, key and signature hidden,
/// needs no key, and none is asked for.
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
    fn a_waiting_call_says_what_it_waits_for() {
        let key = QuotaKey::new("main", "cams", "ChatappSyncPhoneNumber");
        let said = |event| waiting(&Event::Quota { key: &key, event: &event });
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
        assert!(entered(None).contains("calls fail"));
        assert!(entered(Some(QuotaSource::LocalShare)).contains("with a share"));
        assert!(said(QuotaEvent::FallbackLeft).is_some_and(|line| line.contains("again")));
        assert_eq!(said(QuotaEvent::Paused { delay: None }), None);
    }
}
