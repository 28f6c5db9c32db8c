//! All parameters are missing: the errors name each of them.

use alibabacloud_cams::CreateChatappMigrationInitiate;

fn main() {
    let builder = CreateChatappMigrationInitiate::builder();
    let _ = builder.build();
    //~ ERROR call `.cust_space_id(…)` before `.build()`
    //~ ERROR call `.mobile_number(…)` before `.build()`
    //~ ERROR call `.country_code(…)` before `.build()`
}
