//! Handles errors: whether the call took effect, and what to do.
//!
//! ```console
//! $ cargo run --example handle_errors -- SPACE COUNTRY_CODE NUMBER
//! ```

use std::process::ExitCode;

use alibabacloud_cams::{Client, CreateChatappMigrationInitiate, Error, ErrorCode};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(space), Some(country), Some(number)) = (arguments.next(), arguments.next(), arguments.next()) else {
        eprintln!("give the ID of a space, a country code and a number");
        return ExitCode::FAILURE;
    };
    match migrate(&space, &country, &number).await {
        Ok(id) => println!("the migration has started; the number has the ID {id}"),
        Err(error) => {
            eprintln!("{error}");
            eprintln!("{}", advice(&error));
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

async fn migrate(space: &str, country: &str, number: &str) -> Result<String, Error> {
    let request = CreateChatappMigrationInitiate::builder()
        .cust_space_id(space)
        .country_code(country)
        .mobile_number(number)
        .build();
    let started = Client::from_env()?.send(request).await?.into_inner();
    Ok(started.data.and_then(|data| data.id).unwrap_or_default())
}

fn advice(error: &Error) -> &'static str {
    match ErrorCode::of(error) {
        Some(ErrorCode::RamPermissionDeny) => "ask the account's owner to allow cams:CreateChatappMigrationInitiate",
        Some(ErrorCode::ProductUnsubscript) => "activate Chat App Message Service in the console first",
        _ if error.outcome_unknown() => "it may have started: sync the space and look before you send it again",
        _ if error.is_not_sent() => "nothing was sent: correct the cause and send it again",
        _ if error.is_throttling() => "the account is busy: send it again later",
        _ => "it did not start",
    }
}
