//! Everything is forgotten: each parameter is named.

use alibabacloud_cams::CreateChatappMigrationInitiate;

fn main() {
    let builder = CreateChatappMigrationInitiate::builder();
    let _ = builder.build();
    //~ ERROR call `.cust_space_id(…)` before `.build()`: the parameter is required
    //~ ERROR call `.mobile_number(…)` before `.build()`: the parameter is required
    //~ ERROR call `.country_code(…)` before `.build()`: the parameter is required
}
