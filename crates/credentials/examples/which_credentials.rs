//! Which source gives the credentials of this environment, and the ID of the key: as two lines of text.
//!
//! ```console
//! $ cargo run --package alibabacloud-credentials --example which_credentials
//! ```
//! An argument is the address of a metadata service in place of the real one, for tests.

use std::process::ExitCode;

use alibabacloud_credentials::{Chain, Outcome, Setup};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut setup = Setup::new();
    if let Some(url) = std::env::args().nth(1) {
        setup = setup.metadata_url(url);
    }
    for tried in Chain::in_official_order(&setup).ask_each().await {
        match tried.outcome {
            Outcome::Gave(found) => {
                println!("{}\n{}", tried.source, found.credentials().access_key_id());
                return ExitCode::SUCCESS;
            }
            Outcome::DoesNotApply(reason) | Outcome::Failed(reason) => eprintln!("{}: {reason}", tried.source),
            _ => {}
        }
    }
    ExitCode::FAILURE
}
