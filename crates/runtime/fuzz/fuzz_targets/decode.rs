//! Decoding of any bytes into the output types of both actions: an answer or an error, never a panic.

#![no_main]

use alibabacloud_cams::{chatapp_sync_phone_number, create_chatapp_migration_initiate};
use alibabacloud_runtime::private::decode::decode;
use alibabacloud_runtime::private::Object;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut synced = chatapp_sync_phone_number::Output::default();
    let mut started = create_chatapp_migration_initiate::Output::default();
    check(bytes, &mut synced);
    check(bytes, &mut started);
    synced.reset();
    assert!(synced == chatapp_sync_phone_number::Output::default(), "a reset leaves something behind");
});

fn check(bytes: &[u8], output: &mut dyn Object) {
    // Both texts go to logs: one line, of a length that the places in the response explain.
    match decode(bytes, output) {
        Ok(mismatches) => assert!(mismatches.to_string().len() < 16 * 8_192),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
