//! Many spaces under the limit: all calls at once; the client spreads them over the quota.
//!
//! ```console
//! $ cargo run --example many_spaces -- SPACE…
//! ```

use std::time::Duration;

use alibabacloud_cams::{ChatappSyncPhoneNumber, Client, ClientBuilder};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let spaces: Vec<String> = std::env::args().skip(1).collect();
    // At 10 calls a second, the last of 3,000 spaces waits for five minutes.
    let client: Client = ClientBuilder::from_env()?.deadline(Duration::from_secs(600)).build()?;

    let calls: Vec<_> = spaces
        .into_iter()
        .map(|space| {
            let client = client.clone();
            tokio::spawn(async move {
                let outcome = client.send(ChatappSyncPhoneNumber::new(space.clone())).await;
                (space, outcome)
            })
        })
        .collect();
    for call in calls {
        match call.await? {
            (space, Ok(synced)) => {
                println!(
                    "{space}: {} numbers, waited {:?} for the quota",
                    synced.phone_numbers.len(),
                    synced.quota_wait()
                );
            }
            (space, Err(error)) => eprintln!("{space}: {error}"),
        }
    }
    Ok(())
}
