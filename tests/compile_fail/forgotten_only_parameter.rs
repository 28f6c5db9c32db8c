//! The only required parameter is forgotten: the error names it.

use alibabacloud_cams::ChatappSyncPhoneNumber;

fn main() {
    let _ = ChatappSyncPhoneNumber::builder().build(); //~ ERROR call `.cust_space_id(…)` before `.build()`
}
