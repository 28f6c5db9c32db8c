//! An action whose specification has no `paging` cannot be listed; the error names the action.

use alibabacloud_cams::{ChatappSyncPhoneNumber, Client};

fn list(client: &Client) {
    let _ = client.pages(ChatappSyncPhoneNumber::new("1")); //~ ERROR `ChatappSyncPhoneNumber` is not an action with pages
    let _ = client.items(ChatappSyncPhoneNumber::new("1"));
}

fn main() {}
