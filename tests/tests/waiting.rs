//! Waiting for a migration: with a blocking client at a simulator, and without leaving anything behind.

use std::time::Duration;

use alibabacloud_cams::blocking;
use alibabacloud_cams::chatapp_sync_phone_number::Status;
use alibabacloud_cams::{Client, CreateChatappMigrationInitiate, Credentials, PRODUCT, Throttle, WaitOptions};
use alibabacloud_simulator::Simulator;

#[test]
fn a_blocking_client_waits_at_a_simulator_until_the_number_is_connected() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let simulator = runtime.block_on(Simulator::builder(&[&PRODUCT]).start()).unwrap();
    simulator.complete_after("CreateChatappMigrationInitiate", 2);
    let client = Client::builder()
        .endpoint(simulator.url())
        .credentials(Credentials::new("testid", "testsecret"))
        .throttle(Throttle::new())
        .build()
        .unwrap();
    let client = blocking::Client::new(client).unwrap();
    let migration = |number| {
        CreateChatappMigrationInitiate::builder().cust_space_id("s").country_code("86").mobile_number(number).build()
    };
    let quick = WaitOptions::new().interval(Duration::from_millis(100));
    let started = client.send(migration("139")).unwrap();
    let synced = client.wait_for_with(&migration("139"), &started, quick.clone()).unwrap();
    assert_eq!(synced.phone_numbers[0].phone_number.as_deref(), Some("86139"));
    assert_eq!(synced.phone_numbers[0].status, Some(Status::Connected));
    assert_eq!(simulator.counts().of("ChatappSyncPhoneNumber").accepted, 3);
    // Without the response, the number of the request is compared by its digits: with a trunk zero and separators, too.
    for spelling in ["0139", "(0) 139", "139"] {
        let bounded = quick.clone().bound(Duration::from_secs(5));
        let synced = client.wait_for_with(&migration(spelling), None, bounded).unwrap();
        assert_eq!(synced.phone_numbers[0].status, Some(Status::Connected), "{spelling}");
    }
    let error = client.wait_for_with(&migration("138"), None, quick.bound(Duration::from_millis(250))).unwrap_err();
    assert!(error.is_bound_reached() && error.state().is_none(), "{error}");
    runtime.block_on(simulator.stop());
}
