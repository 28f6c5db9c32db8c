//! Something else than a request is not sent: the error says so in plain words.

use alibabacloud_cams::Client;

async fn send(client: &Client) {
    let _ = client.send("ChatappSyncPhoneNumber").await; //~ ERROR `&str` is not an action
}

fn main() {}
