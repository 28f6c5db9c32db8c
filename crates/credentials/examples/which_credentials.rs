//! Prints the source of the credentials in this environment, and the ID of the access key, on two lines.
//!
//! ```console
//! $ cargo run --package alibabacloud-credentials --example which_credentials
//! ```
//! An optional argument replaces the address of the metadata service, for tests.

use std::process::ExitCode;

use alibabacloud_credentials::{Chain, Outcome, Setup};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut setup = Setup::new();
    if let Some(url) = std::env::args().nth(1) {
        setup = setup.metadata_url(url);
    }
    for tried in Chain::in_official_order(&setup).try_each().await {
        match tried.outcome {
            Outcome::Provided(found) => {
                println!("{}\n{}", tried.source, found.credentials().access_key_id());
                return ExitCode::SUCCESS;
            }
            Outcome::NotApplicable(reason) | Outcome::Failed(reason) => eprintln!("{}: {reason}", tried.source),
            _ => {}
        }
    }
    ExitCode::FAILURE
}
