//! Only a request can be sent; the error names the trait.

use alibabacloud_cams::Client;

async fn send(client: &Client) {
    let _ = client.send("ChatappSyncPhoneNumber").await; //~ ERROR `&str` is not an action
}

fn main() {}
