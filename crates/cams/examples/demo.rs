//! Calls both actions on a simulator in this process, with both signatures, the limit, and an error.
//!
//! It needs no account.

use std::time::{Duration, Instant};

use alibabacloud_cams::{
    ChatappSyncPhoneNumber, Client, ClientBuilder, CreateChatappMigrationInitiate, Credentials, PRODUCT,
    SignatureVersion, Throttle,
};
use alibabacloud_simulator::{Answer, Simulator};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let simulator = Simulator::builder(&[&PRODUCT]).start().await?;
    println!("A simulator of {} listens on {}.", PRODUCT.title, simulator.url());
    // All clients of one account share its quotas.
    let throttle = Throttle::new();
    let client = || -> ClientBuilder {
        Client::builder()
            .endpoint(simulator.url())
            .credentials(Credentials::new("testid", "testsecret"))
            .throttle(throttle.clone())
    };

    for version in [SignatureVersion::V1, SignatureVersion::V3] {
        println!("\n== Both actions, signature {version:?}");
        both_actions(&client().signature(version).build()?).await?;
    }

    println!("\n== 25 calls at once, at most 10 per second");
    under_the_limit(&client().build()?).await?;
    let counts = simulator.counts().of("ChatappSyncPhoneNumber");
    println!("the simulator, which counts exactly, rejected {} of {} calls so far", counts.throttled, counts.accepted);
    if counts.throttled > 0 {
        return Err("the throttle let a call through that the server rejected".into());
    }

    println!("\n== An error, as a user meets it");
    let message = "You are not authorized to perform the operation.";
    simulator.script("CreateChatappMigrationInitiate", [Answer::error(400, "Ram.PermissionDeny", message)]);
    match client().build()?.send(migration()).await {
        Err(error) => println!("{error}"),
        Ok(_) => return Err("the scripted error did not arrive".into()),
    }
    simulator.stop().await;
    Ok(())
}

async fn both_actions(client: &Client) -> Result<(), Box<dyn std::error::Error>> {
    let synced = client.send(ChatappSyncPhoneNumber::new("293483938849493")).await?;
    println!("ChatappSyncPhoneNumber found {} number(s):", synced.phone_numbers.len());
    for number in &synced.phone_numbers {
        let text = |value: Option<&str>| value.unwrap_or("unknown").to_owned();
        println!(
            "  {}  {}  status {}, quality {}, {}",
            text(number.phone_number.as_deref()),
            text(number.verified_name.as_deref()),
            text(number.status.as_ref().map(|status| status.as_str())),
            text(number.quality_rating.as_ref().map(|rating| rating.as_str())),
            text(number.messaging_limit_tier.as_ref().map(|tier| tier.as_str())),
        );
    }
    println!("  request {}", synced.request_id().unwrap_or("-"));

    let started = client.send(migration()).await?;
    println!("CreateChatappMigrationInitiate:");
    if let Some(data) = &started.data {
        let status = data.status.as_ref().map_or("unknown", |status| status.as_str());
        let (number, id) = (data.phone_number.as_deref().unwrap_or("?"), data.id.as_deref().unwrap_or("?"));
        println!("  {number} is {status} (ID {id})");
    }
    println!("  request {}", started.request_id().unwrap_or("-"));
    Ok(())
}

fn migration() -> CreateChatappMigrationInitiate {
    CreateChatappMigrationInitiate::builder()
        .cust_space_id("293483938849493")
        .country_code("86")
        .mobile_number("13900001234")
        .build()
}

async fn under_the_limit(client: &Client) -> Result<(), Box<dyn std::error::Error>> {
    let start = Instant::now();
    let calls: Vec<_> = (0..25)
        .map(|space| {
            let client = client.clone();
            tokio::spawn(async move {
                let outcome = client.send(ChatappSyncPhoneNumber::new(format!("space-{space}"))).await;
                (start.elapsed(), outcome)
            })
        })
        .collect();
    let mut done: Vec<Duration> = Vec::new();
    let mut longest_wait = Duration::ZERO;
    for call in calls {
        let (elapsed, outcome) = call.await?;
        longest_wait = longest_wait.max(outcome?.quota_wait());
        done.push(elapsed);
    }
    done.sort_unstable();
    for (second, calls) in done.chunk_by(|a, b| a.as_secs() == b.as_secs()).enumerate() {
        println!("  second {}: {:<10} {} calls", second + 1, "#".repeat(calls.len()), calls.len());
    }
    println!(
        "all 25 succeeded after {:.1} s; the longest wait for the quota was {:.1} s",
        start.elapsed().as_secs_f64(),
        longest_wait.as_secs_f64()
    );
    Ok(())
}
