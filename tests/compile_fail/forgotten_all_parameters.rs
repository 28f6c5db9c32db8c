//! Everything is forgotten: each parameter is named.

use alibabacloud_cams::CreateChatappMigrationInitiate;

fn main() {
    let builder = CreateChatappMigrationInitiate::builder();
    let _ = builder.build();
    //~ ERROR call `.cust_space_id(…)` before `.build()`
    //~ ERROR call `.mobile_number(…)` before `.build()`
    //~ ERROR call `.country_code(…)` before `.build()`
}
