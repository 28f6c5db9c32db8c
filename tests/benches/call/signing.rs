//! Building and signing a request, compared with only hashing the same bytes.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use alibabacloud_cams::{ChatappSyncPhoneNumber, Client, Credentials, SignatureVersion};
use alibabacloud_runtime::sign::{acs3, rpc};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::measure::{self, Work, compare};

/// The output of a future that never waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("preparing a request does not wait"),
    }
}

fn client(signature: SignatureVersion) -> Client {
    let client = Client::builder().credentials(Credentials::new("testid", "testsecret")).signature(signature);
    client.build().expect("a client")
}

pub(crate) fn run() {
    measure::pin(0);
    let request = ChatappSyncPhoneNumber::new("293483938849493");

    let v1 = client(SignatureVersion::V1);
    let body = now(v1.prepare(&request)).expect("signed").into_http().into_body();
    let body = std::str::from_utf8(&body).expect("text");
    let canonical = body.split("&Signature=").next().unwrap_or_default();
    let to_sign = rpc::string_to_sign("POST", canonical);
    let works: Vec<Work<'_>> = vec![
        (
            "HMAC-SHA1 of the string to sign",
            Box::new(|| {
                let mut mac = Hmac::<Sha1>::new_from_slice(b"testsecret&").expect("any key");
                mac.update(to_sign.as_bytes());
                std::hint::black_box(mac.finalize());
            }),
        ),
        ("a signed request, V1", Box::new(|| drop(now(v1.prepare(&request))))),
    ];
    compare(&format!("Signing, V1 ({} bytes to sign), CPU", to_sign.len()), works);

    let v3 = client(SignatureVersion::V3);
    let sent = now(v3.prepare(&request)).expect("signed").into_http();
    let header = |name: &str| sent.headers()[name].to_str().expect("text");
    let signed = acs3::sign(
        &acs3::Request {
            method: "POST",
            host: v3.endpoint().host_and_port(),
            action: header("x-acs-action"),
            version: header("x-acs-version"),
            path: "/",
            query: "",
            body: sent.body(),
            timestamp: header("x-acs-date"),
            nonce: header("x-acs-signature-nonce"),
            headers: &[],
        },
        &Credentials::new("testid", "testsecret"),
    );
    let string_to_sign = signed.string_to_sign();
    let works: Vec<Work<'_>> = vec![
        (
            "SHA-256 twice and HMAC-SHA256",
            Box::new(|| {
                std::hint::black_box(Sha256::digest(sent.body()));
                std::hint::black_box(Sha256::digest(signed.canonical_request().as_bytes()));
                let mut mac = Hmac::<Sha256>::new_from_slice(b"testsecret").expect("any key");
                mac.update(string_to_sign.as_bytes());
                std::hint::black_box(mac.finalize());
            }),
        ),
        ("a signed request, V3", Box::new(|| drop(now(v3.prepare(&request))))),
    ];
    compare(&format!("Signing, V3 ({} bytes canonical), CPU", signed.canonical_request().len()), works);
}

pub(crate) const WORKS: [&str; 2] = ["signing, V1", "signing, V3"];

/// Signs `times` requests.
pub(crate) fn repeat(name: &str, times: usize) {
    let client = client(if name == WORKS[0] { SignatureVersion::V1 } else { SignatureVersion::V3 });
    let request = ChatappSyncPhoneNumber::new("293483938849493");
    for _ in 0..times {
        drop(std::hint::black_box(now(client.prepare(&request))));
    }
}
