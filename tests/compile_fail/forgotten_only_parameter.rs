//! The only required parameter is missing: the error names it.

use alibabacloud_cams::ChatappSyncPhoneNumber;

fn main() {
    let _ = ChatappSyncPhoneNumber::builder().build(); //~ ERROR call `.cust_space_id(…)` before `.build()`
}
