//! A required parameter is missing: the error names it.

use alibabacloud_cams::CreateChatappMigrationInitiate;

fn main() {
    let builder = CreateChatappMigrationInitiate::builder().cust_space_id("1").country_code("86");
    let _ = builder.build(); //~ ERROR call `.mobile_number(…)` before `.build()`
}
