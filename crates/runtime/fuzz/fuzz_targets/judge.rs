//! Judgement of any status, headers and body, by the way that needs no network: `Client::read`.

#![no_main]

use std::sync::LazyLock;

use alibabacloud_cams::testing::CannedTransport;
use alibabacloud_cams::{ChatappSyncPhoneNumber, Client, CreateChatappMigrationInitiate, Credentials, Error};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use libfuzzer_sys::fuzz_target;

const PHONE: &str = "13900001234";

static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    let credentials = Credentials::new("testid", "testsecret");
    Client::builder().credentials(credentials).transport(CannedTransport::new()).build().expect("a client")
});
static SYNC: LazyLock<ChatappSyncPhoneNumber> = LazyLock::new(|| ChatappSyncPhoneNumber::new("1"));
static MIGRATE: LazyLock<CreateChatappMigrationInitiate> = LazyLock::new(|| {
    CreateChatappMigrationInitiate::builder().cust_space_id("1").mobile_number(PHONE).country_code("86").build()
});

// Two bytes of status, one that says which headers there are, a line for each of these, and the body.
fuzz_target!(|bytes: &[u8]| {
    let [high, low, which, rest @ ..] = bytes else { return };
    // Half of the cases are a 200: most of the code is there.
    let status = if high & 0x80 == 0 { 200 } else { 100 + u16::from_be_bytes([high & 0x7f, *low]) % 900 };
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = StatusCode::from_u16(status).expect("a status from 100 to 999");
    let mut rest = rest;
    for (bit, name) in ["x-acs-request-id", "x-acs-retry-after", "date"].into_iter().enumerate() {
        if which >> bit & 1 == 1 {
            let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            if let Ok(value) = HeaderValue::from_bytes(&rest[..end]) {
                answer.headers_mut().insert(HeaderName::from_static(name), value);
            }
            rest = rest.get(end + 1..).unwrap_or_default();
        }
    }
    *answer.body_mut() = Bytes::copy_from_slice(rest);

    check(status, CLIENT.read(&*SYNC, answer.clone()).err());
    if let Some(error) = check(status, CLIENT.read(&*MIGRATE, answer).err()) {
        // Not the whole text: a wait that the service asks for is a number, too, and may happen to hold the digits.
        for text in [Some(error.message()), error.code(), error.request_id()].into_iter().flatten() {
            assert!(!text.contains(PHONE), "the phone number is shown: {text}");
        }
    }
});

/// What holds for both actions; `None` stands for a success.
fn check(status: u16, error: Option<Error>) -> Option<Error> {
    let Some(error) = error else {
        assert!((200..300).contains(&status), "{status} is not a success");
        return None;
    };
    assert_eq!(error.http_status(), Some(status));
    assert!(!error.is_not_sent(), "there is an answer: {error:?}");
    assert!(!error.to_string().contains(['\n', '\r', '\u{1b}']), "{error}");
    Some(error)
}
