//! Tests of users: without a network, without real waits, and with every failure.

use std::time::Duration;

use alibabacloud_cams::chatapp_sync_phone_number::Status;
use alibabacloud_cams::testing::CannedTransport;
use alibabacloud_cams::{
    ChatappSyncPhoneNumber, Client, CreateChatappMigrationInitiate, Credentials, ErrorKind, SignatureVersion,
    TransportError,
};
use tokio::time::Instant;

fn client(transport: &CannedTransport, version: SignatureVersion) -> Client {
    let credentials = Credentials::new("id", "secret");
    Client::builder().credentials(credentials).signature(version).transport(transport.clone()).build().unwrap()
}

fn migration() -> CreateChatappMigrationInitiate {
    CreateChatappMigrationInitiate::builder().cust_space_id("s p+a").mobile_number("139").country_code("86").build()
}

#[tokio::test(start_paused = true)]
async fn the_script_responds_in_order_and_records_the_requests() {
    for version in [SignatureVersion::V1, SignatureVersion::V3] {
        let transport = CannedTransport::new()
            .respond(400, r#"{"Code":"System.LimitControl","Message":"Slow down."}"#)
            .respond(200, r#"{"Code":"OK","Data":{"Status":"MIGRATING"}}"#);
        let started = client(&transport, version).send(migration()).await.unwrap();
        assert_eq!(started.attempts(), 2);
        let sent = transport.sent();
        assert_eq!(sent.len(), 2);
        for request in sent {
            assert_eq!(request.action().as_deref(), Some("CreateChatappMigrationInitiate"));
            assert_eq!(request.parameter("CustSpaceId").as_deref(), Some("s p+a"));
            assert_eq!(request.parameter("Nothing"), None);
            assert!(!format!("{request:?}").contains("139"), "{request:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn failures_and_timeouts_can_be_scripted_without_real_waits() {
    let transport = CannedTransport::new().fail(TransportError::unanswered("reset")).hang();
    let client = client(&transport, SignatureVersion::V1);
    assert!(client.send(migration()).await.unwrap_err().outcome_unknown());
    let before = Instant::now();
    assert_eq!(client.send(migration()).await.unwrap_err().kind(), ErrorKind::Unanswered);
    assert_eq!(before.elapsed(), Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn after_the_end_of_the_script_requests_fail() {
    let error =
        client(&CannedTransport::new(), SignatureVersion::V1).send(ChatappSyncPhoneNumber::new("s")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotSent);
    assert!(error.to_string().contains("the script has no response for request 3"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_migration_is_waited_for_until_its_number_is_connected() {
    let numbers = |status: &str| {
        format!(
            r#"{{"Code":"OK","PhoneNumbers":[{{"PhoneNumber":"861","Status":"CONNECTED"}},{{"PhoneNumber":"86139","Status":"{status}"}}]}}"#
        )
    };
    let transport = CannedTransport::new()
        .respond(200, r#"{"Code":"OK","Data":{"Status":"MIGRATING","PhoneNumber":"86139"}}"#)
        .respond(200, r#"{"Code":"OK","PhoneNumbers":[{"PhoneNumber":"861","Status":"CONNECTED"}]}"#)
        .respond(200, numbers("UNVERIFIED"))
        .respond(200, numbers("DELETED"))
        .respond(200, numbers("CONNECTED"))
        .respond(200, numbers("PENDING"))
        .respond(200, numbers("BANNED"));
    let client = client(&transport, SignatureVersion::V1);
    let started = client.send(migration()).await.unwrap();
    let before = Instant::now();
    let synced = client.wait_for(&migration(), &started).await.unwrap();
    assert_eq!(synced.phone_numbers[1].status, Some(Status::Connected));
    assert_eq!(before.elapsed(), Duration::from_secs(10 + 20 + 40));
    assert_eq!(transport.sent()[1].parameter("CustSpaceId").as_deref(), Some("s p+a"));
    // After a restart, the response is not known any more.
    let failed = client.wait_for(&migration(), None).await.unwrap_err();
    assert_eq!(failed.state(), Some("BANNED"));
    assert!(!format!("{failed} {failed:?}").contains("86139"), "{failed:?}");
}
