//! Requests are created with `new` or the builder, not field by field, so that a new parameter is not a breaking change.

use alibabacloud_cams::ChatappSyncPhoneNumber;

fn main() {
    let _ = ChatappSyncPhoneNumber { cust_space_id: String::new() }; //~ ERROR cannot create non-exhaustive struct
}
