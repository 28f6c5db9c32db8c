//! A process that was forked off another one, and has a copy of its client, repeats no nonce.
#![cfg(unix)]

use std::collections::HashSet;
use std::fs;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use alibabacloud_cams::{ChatappSyncPhoneNumber, Client, Credentials, SignatureVersion};
use fork::{Fork, fork, waitpid};

/// The nonces of this many requests, one per line. No runtime is needed, because nothing waits; a forked process would lack its
/// threads.
fn nonces(client: &Client, count: usize) -> String {
    let request = ChatappSyncPhoneNumber::new("293483938849493");
    let nonce = |_| match pin!(client.prepare(&request)).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(prepared) => {
            let request = prepared.expect("signed").into_http();
            request.headers()["x-acs-signature-nonce"].to_str().expect("text").to_owned() + "\n"
        }
        Poll::Pending => unreachable!("preparing a request does not wait"),
    };
    (0..count).map(nonce).collect()
}

#[test]
fn forked_processes_repeat_no_nonce_of_each_other() {
    let client = Client::builder().credentials(Credentials::new("testid", "testsecret"));
    let client = client.signature(SignatureVersion::V3).build().expect("a client");
    let folder = tempfile::tempdir().expect("a folder");
    let mut all = nonces(&client, 2);
    for child in 0..4 {
        let file = folder.path().join(child.to_string());
        match fork().expect("a process") {
            Fork::Child => {
                let written = fs::write(&file, nonces(&client, 50));
                std::process::exit(i32::from(written.is_err()));
            }
            Fork::Parent(process) => waitpid(process).expect("the child ends"),
        };
        all += &fs::read_to_string(&file).expect("the nonces of the child");
    }
    all += &nonces(&client, 50);
    let different: HashSet<&str> = all.lines().collect();
    assert_eq!((all.lines().count(), different.len()), (252, 252));
}
