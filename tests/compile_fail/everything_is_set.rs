//! Compiles with all parameters set in any order: no error is expected.

use alibabacloud_cams::{ChatappSyncPhoneNumber, Client, CreateChatappMigrationInitiate};

async fn send(client: &Client) {
    let _ = client.send(ChatappSyncPhoneNumber::new("1")).await;
    let _ = client.send(ChatappSyncPhoneNumber::builder().cust_space_id("1").build()).await;
    let migration = CreateChatappMigrationInitiate::builder();
    let migration = migration.country_code("86").mobile_number(String::from("13900001234"));
    let _ = client.send(migration.cust_space_id("1").build()).await;
}

fn main() {}
