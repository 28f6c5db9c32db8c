//! Syncs many spaces under the limit, with enough concurrent calls to keep the quota full.
//!
//! ```console
//! $ cargo run --example many_spaces -- SPACE…
//! ```

use alibabacloud_cams::{ChatappSyncPhoneNumber, Client};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::from_env()?;
    let spaces: Vec<String> = std::env::args().skip(1).collect();
    // An iterator, read as requests are sent. For a stream, e.g. from a database, use `client.bulk().send_stream(…)`.
    let requests = spaces.into_iter().map(ChatappSyncPhoneNumber::new);

    // At 10 calls a second, 3,000 spaces take five minutes. Dropping `outcomes` would cancel the rest.
    let mut outcomes = client.send_all(requests);
    while let Some(outcome) = outcomes.next().await {
        let space = &outcome.request.cust_space_id;
        match outcome.result {
            Ok(synced) => println!("{space}: {} numbers", synced.phone_numbers.len()),
            Err(error) => eprintln!("{space}: {error}"),
        }
    }
    Ok(())
}
