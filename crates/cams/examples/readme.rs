//! The snippets of the repository's README, so that they compile. A test compares the two, line by line.

use alibabacloud_cams::{Credentials, Error};

async fn first_call() -> Result<(), Error> {
    use alibabacloud_cams::{ChatappSyncPhoneNumber, Client};

    let client = Client::from_env()?; // ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET
    let synced = client.send(ChatappSyncPhoneNumber::new("293483938849493")).await?;

    for number in &synced.phone_numbers {
        println!("{} {:?}", number.phone_number.as_deref().unwrap_or("?"), number.quality_rating);
    }
    println!("request {}", synced.request_id().unwrap_or("-"));
    Ok(())
}

async fn errors(client: &alibabacloud_cams::Client) {
    use alibabacloud_cams::{CreateChatappMigrationInitiate, ErrorCode};

    let migration = CreateChatappMigrationInitiate::builder()
        .cust_space_id("293483938849493")
        .country_code("86")
        .mobile_number("13900001234")
        .build(); // compiles only once every required parameter is set

    match client.send(migration).await {
        Ok(started) => println!("{:?}", started.data),
        Err(e) if ErrorCode::of(&e) == Some(ErrorCode::RamPermissionDeny) => eprintln!("not allowed: {e}"),
        Err(e) if e.outcome_unknown() => eprintln!("sent, not answered; sync the space and look: {e}"),
        Err(e) => eprintln!("{e}"), // one line: action, code, message, status, request id
    }
}

async fn many(client: &alibabacloud_cams::Client, spaces: Vec<String>) {
    use alibabacloud_cams::ChatappSyncPhoneNumber;

    let mut outcomes = client.send_all(spaces.into_iter().map(ChatappSyncPhoneNumber::new));
    while let Some(outcome) = outcomes.next().await {
        match outcome.result {
            Ok(synced) => println!("{}: {} numbers", outcome.request.cust_space_id, synced.phone_numbers.len()),
            Err(e) => eprintln!("{}: {e}", outcome.request.cust_space_id),
        }
    }
}

fn limits(credentials: Credentials) -> Result<alibabacloud_cams::Client, Error> {
    use alibabacloud_cams::{Client, RateLimit, Throttle};

    let throttle = Throttle::new().with_limit("ChatappSyncPhoneNumber", RateLimit::per_second(50));
    let client = Client::builder().credentials(credentials).throttle(throttle.clone()).build()?;
    Ok(client)
}

#[allow(clippy::let_and_return, reason = "the snippet stands alone")]
fn observability() -> alibabacloud_cams::ClientBuilder {
    use alibabacloud_cams::Client;
    use alibabacloud_cams::event::Event;

    let client = Client::builder().on_event(|event| match event {
        Event::CallEnded(call) => println!("{} took {:?}, {} attempts", call.action, call.elapsed, call.attempts),
        other => println!("{other:?}"), // attempts with status, code, wait for the quota …
    });
    client
}

fn current_trace() -> String {
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()
}

async fn headers() -> Result<(), Error> {
    use alibabacloud_cams::{CallOptions, ChatappSyncPhoneNumber, Client};

    let client = Client::builder().header("x-team", "crm").on_request(|request| {
        request.set_header("traceparent", current_trace());
    });
    let options = CallOptions::new().header("x-ticket", "4711").region("ap-southeast-1");
    let synced = client.build()?.send_with(ChatappSyncPhoneNumber::new("293483938849493"), options).await?;
    drop(synced);
    Ok(())
}

fn networks(
    ca_pem: &[u8],
    key_and_certificate_pem: &[u8],
) -> Result<alibabacloud_cams::ClientBuilder, Box<dyn std::error::Error>> {
    use alibabacloud_cams::Client;
    use alibabacloud_cams::transport::ReqwestTransport;

    let transport = ReqwestTransport::builder()
        .proxy("socks5h://proxy.example.com:1080")
        .certificate_authorities(ca_pem)
        .client_certificate(key_and_certificate_pem);
    let client = Client::builder().transport(transport.build()?);
    Ok(client)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    first_call().await?;
    headers().await?;
    let client = limits(Credentials::new("id", "secret"))?;
    errors(&client).await;
    many(&client, vec!["293483938849493".to_owned()]).await;
    println!("{:?} {:?}", observability(), networks(b"", b"").map(|_| "a transport"));
    Ok(())
}
