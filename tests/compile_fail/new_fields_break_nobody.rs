//! A request is made by `new` or its builder, not field by field: a parameter that is added later would break it.

use alibabacloud_cams::ChatappSyncPhoneNumber;

fn main() {
    let _ = ChatappSyncPhoneNumber { cust_space_id: String::new() }; //~ ERROR cannot create non-exhaustive struct
}
