//! A client does not accept an action of another product.

use alibabacloud_cams::Client;
use conformance::kitchen_sink::Idle;

async fn send(client: &Client) {
    let _ = client.send(Idle::new()).await; //~ ERROR <Idle as Action>::Product == Cams
}

fn main() {}
