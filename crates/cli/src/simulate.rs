//! Runs the simulator: inside this process for `--simulate`, and as a server for `cams simulator`.

use std::future::{Future, poll_fn};
use std::io::{self, Write};
use std::pin::pin;
use std::task::Poll;

use alibabacloud_cams::{Credentials, PRODUCT, RateLimit};
use alibabacloud_simulator::{QuotaPolicy, Simulator};
use clap::ArgMatches;

use crate::exit::Failure;
use crate::output;

/// The number of calls that report that something is not done yet.
const UNFINISHED_CALLS: u32 = 1;

/// Starts a simulator for one call.
pub(crate) async fn start() -> Result<Simulator, Failure> {
    let simulator = Simulator::builder(&[&PRODUCT]).start().await;
    let simulator = simulator.map_err(|error| Failure::local(error.to_string()))?;
    let_actions_take_time(&simulator);
    Ok(simulator)
}

/// Lets actions that only start something take some calls until it is done.
fn let_actions_take_time(simulator: &Simulator) {
    for action in PRODUCT.actions.iter().filter(|action| action.waiter.is_some()) {
        simulator.complete_after(action.name, UNFINISHED_CALLS);
    }
}

/// Starts a simulator for a bulk, with that limit of the action in place of the documented one.
pub(crate) async fn start_with(action: &str, limit: Option<RateLimit>) -> Result<Simulator, Failure> {
    let builder = Simulator::builder(&[&PRODUCT]).keep(0);
    let builder = match limit {
        Some(limit) => builder.limit(action, limit),
        None => builder.no_limit(action),
    };
    builder.start().await.map_err(|error| Failure::local(error.to_string()))
}

/// The key that a simulator accepts by default.
pub(crate) fn credentials() -> Credentials {
    Credentials::new("testid", "testsecret")
}

/// The variables that direct this command, the crates and the official SDKs to the simulator. A key given with `--key`
/// may be real, so it is not repeated.
fn exports(simulator: &Simulator, has_key_of_its_own: bool) -> [String; 3] {
    let key =
        if has_key_of_its_own { ["'<the ID of --key>'", "'<the secret of --key>'"] } else { ["testid", "testsecret"] };
    [
        format!("ALIBABA_CLOUD_ENDPOINT={}", simulator.url()),
        format!("ALIBABA_CLOUD_ACCESS_KEY_ID={}", key[0]),
        format!("ALIBABA_CLOUD_ACCESS_KEY_SECRET={}", key[1]),
    ]
}

/// Serves until Ctrl-C.
pub(crate) async fn serve(matches: &ArgMatches) -> Result<(), Failure> {
    // Nothing reads the log.
    let mut builder = Simulator::builder(&[&PRODUCT]).keep(0);
    if let Some(address) = matches.get_one::<String>("listen") {
        builder = builder.listen(address);
    }
    for key in matches.get_many::<String>("key").into_iter().flatten() {
        // The message does not repeat the value, because it may be a real key.
        builder = match key.splitn(3, ':').collect::<Vec<_>>()[..] {
            [id, secret] if !id.is_empty() && !secret.is_empty() => builder.key(id, secret),
            [id, secret, token] if !id.is_empty() && !secret.is_empty() && !token.is_empty() => {
                builder.sts_key(id, secret, token)
            }
            _ => {
                return Err(Failure::usage(
                    "--key must be ID:SECRET or ID:SECRET:TOKEN, without empty parts".to_owned(),
                ));
            }
        };
    }
    builder = builder.quota(match matches.get_one::<String>("quota").map(String::as_str) {
        Some("fixed-window") => QuotaPolicy::FixedWindow,
        Some("token-bucket") => QuotaPolicy::TokenBucket,
        Some("off") => QuotaPolicy::Off,
        _ => QuotaPolicy::ExactWindow,
    });
    let simulator = builder.start().await.map_err(|error| Failure::local(error.to_string()))?;
    let_actions_take_time(&simulator);
    // Watched from here on, because the reader of the URL may end the simulator at once. Watching starts with the first
    // poll.
    let mut ctrl_c = pin!(tokio::signal::ctrl_c());
    let already = poll_fn(|context| Poll::Ready(ctrl_c.as_mut().poll(context))).await;
    // Alone on the first line and flushed, because scripts read it.
    writeln!(io::stdout(), "{}", simulator.url())
        .and_then(|()| io::stdout().flush())
        .map_err(|error| Failure::local(format!("the URL cannot be written to standard output: {error}")))?;
    output::say(&format!("simulating {} {}; press Ctrl-C to stop", PRODUCT.code, PRODUCT.version));
    output::say("to use it, run in another terminal:");
    for line in exports(&simulator, matches.contains_id("key")) {
        output::say(&format!("  export {line}"));
    }
    let pressed = match already {
        Poll::Ready(pressed) => pressed,
        Poll::Pending => ctrl_c.await,
    };
    pressed.map_err(|error| Failure::local(format!("Ctrl-C cannot be watched: {error}")))?;
    simulator.stop().await;
    Ok(())
}
