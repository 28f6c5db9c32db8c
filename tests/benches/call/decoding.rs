//! Decoding, compared with serde derive.

use alibabacloud_cams::chatapp_sync_phone_number::Output;
use alibabacloud_cams::{ChatappSyncPhoneNumber, descriptor::ActionDescriptor};
use alibabacloud_runtime::Action;
use alibabacloud_runtime::private::decode::decode;

use crate::measure::{Work, compare, pin};
use crate::plain;

const ACTION: &ActionDescriptor = <ChatappSyncPhoneNumber as Action>::DESCRIPTOR;

/// The documented response with this many phone numbers.
pub(crate) fn answer(numbers: usize) -> String {
    let mut answer: serde_json::Value = serde_json::from_str(ACTION.example).expect("the example is JSON");
    let number = answer["PhoneNumbers"][0].clone();
    answer["PhoneNumbers"] = vec![number; numbers].into();
    answer.to_string()
}

pub(crate) fn run() {
    pin(0);
    for (what, text) in [("the documented answer", ACTION.example.to_owned()), ("1,000 numbers", answer(1_000))] {
        let bytes = text.as_bytes();
        let title = format!("Decoding {what} ({} bytes), CPU", bytes.len());
        let works: Vec<Work<'_>> = vec![
            (
                "serde derive, from_slice",
                Box::new(|| drop(serde_json::from_slice::<plain::Output>(bytes).expect("decodes"))),
            ),
            (
                "ours",
                Box::new(|| {
                    let mut output = Output::default();
                    decode(bytes, &mut output).expect("decodes");
                }),
            ),
        ];
        compare(&title, works);
    }
}
