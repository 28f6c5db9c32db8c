//! Syncs the numbers of a space and lists them.
//!
//! ```console
//! $ export ALIBABA_CLOUD_ACCESS_KEY_ID=… ALIBABA_CLOUD_ACCESS_KEY_SECRET=…
//! $ cargo run --example first_call -- SPACE
//! ```

use alibabacloud_cams::{ChatappSyncPhoneNumber, Client};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let space = std::env::args().nth(1).unwrap_or_else(|| "293483938849493".to_owned());
    let client = Client::from_env()?;
    let synced = client.send(ChatappSyncPhoneNumber::new(space)).await?;

    for number in &synced.phone_numbers {
        let status = number.status.as_ref().map_or("?", |status| status.as_str());
        println!("{:<16} {status}", number.phone_number.as_deref().unwrap_or("?"));
    }
    println!("request {}", synced.request_id().unwrap_or("-"));
    Ok(())
}
