//! Requests of official clients are accepted, and refused with any changed byte.

mod support;

use std::collections::BTreeMap;

use alibabacloud_simulator::{Gateway, Request, Simulator};
use http::{HeaderName, HeaderValue};
use support::cams::CAMS;
use support::{at, captures, outcome};

/// Without a quota, which is not tested here.
fn gateway() -> Gateway {
    Simulator::builder(&[&CAMS]).quota(alibabacloud_simulator::QuotaPolicy::Off).keep(16).gateway().unwrap()
}

/// These two were sent without the required parameters of the action, but with valid signatures.
fn expected(name: &str) -> (u16, String) {
    match name {
        "py-v2.CreateChatappMigrationInitiate.2.request.txt" | "py-v3.CreateChatappMigrationInitiate.2.request.txt" => {
            (400, "MissingMobileNumber".to_owned())
        }
        _ => (200, "OK".to_owned()),
    }
}

#[test]
fn every_official_request_verifies_at_its_own_time() {
    let gateway = gateway();
    for capture in captures() {
        let answer = gateway.handle(&capture.request, at(capture.time));
        assert_eq!(outcome(&answer), expected(&capture.name), "{}", capture.name);
    }
}

#[test]
fn every_official_request_fails_with_another_secret() {
    let gateway = Simulator::builder(&[&CAMS]).key("testid", "testsecreT").gateway().unwrap();
    for capture in captures() {
        let answer = gateway.handle(&capture.request, at(capture.time));
        assert_eq!(outcome(&answer), (400, "SignatureDoesNotMatch".to_owned()), "{}", capture.name);
    }
}

/// The meaning of a request, which must not change for it to stay valid. It does not use the simulator's parser.
///
/// Two targets or form bodies have the same meaning if their path and decoded parameters are equal. Among single-byte
/// changes these are the case of a hexadecimal digit in an escape (`%2a`), and an empty value with `&` instead of `=`.
fn meaning(request: &Request) -> (String, Pairs, Pairs) {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    (path.to_owned(), parameters(query.as_bytes()), parameters(&request.body))
}

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

fn parameters(text: &[u8]) -> Pairs {
    let mut pairs = Vec::new();
    for piece in text.split(|byte| *byte == b'&') {
        let mut halves = piece.splitn(2, |byte| *byte == b'=');
        let name = unescape(halves.next().unwrap_or_default());
        let value = unescape(halves.next().unwrap_or_default());
        if !piece.is_empty() {
            pairs.push((name, value));
        }
    }
    pairs.sort();
    pairs
}

fn unescape(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let escape = text.get(at + 1..at + 3).and_then(|two| std::str::from_utf8(two).ok());
        let code = escape.filter(|two| two.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match (text[at], code.and_then(|two| u8::from_str_radix(two, 16).ok())) {
            (b'%', Some(byte)) => {
                plain.push(byte);
                at += 2;
            }
            (b'+', _) => plain.push(b' '),
            (byte, _) => plain.push(byte),
        }
        at += 1;
    }
    plain
}

/// The bytes that replace one: its neighbours in value, its other case, and characters with a meaning in a target.
fn replacements(byte: u8) -> impl Iterator<Item = u8> {
    let tried = [byte ^ 1, byte ^ 0x20, b'&', b'=', b'%', b'+', b'A'];
    tried.into_iter().filter(move |other| *other != byte && (0x21..0x7F).contains(other))
}

struct Tally {
    gateway: Gateway,
    codes: BTreeMap<String, u32>,
    kept: u32,
    changed: u32,
}

impl Tally {
    fn new() -> Self {
        Self { gateway: gateway(), codes: BTreeMap::new(), kept: 0, changed: 0 }
    }

    /// Asserts that a changed request is refused, for any reason, and not executed.
    fn refused(&mut self, changed: &Request, time: std::time::SystemTime, what: &str) {
        let answer = self.gateway.handle(changed, at(time));
        let (status, code) = outcome(&answer);
        assert!(status >= 400, "{what}: answered {status} {code}");
        assert!(!code.starts_with("MissingMobileNumber"), "{what}: got through the signature check");
        *self.codes.entry(code).or_default() += 1;
        self.changed += 1;
    }

    fn finish(self, at_least: u32) -> BTreeMap<String, u32> {
        assert_eq!(self.gateway.counts().actions.values().map(|counts| counts.accepted).sum::<u64>(), 0);
        assert!(self.changed >= at_least, "only {} changes were tried", self.changed);
        self.codes
    }
}

#[test]
fn a_changed_byte_of_the_target_or_the_body_fails_the_signature() {
    let mut tally = Tally::new();
    for capture in captures() {
        let original = &capture.request;
        for at in 0..original.target.len() + original.body.len() {
            let in_target = at < original.target.len();
            let mut bytes = if in_target { original.target.as_bytes().to_vec() } else { original.body.to_vec() };
            let at = if in_target { at } else { at - original.target.len() };
            for other in replacements(bytes[at]) {
                let before = std::mem::replace(&mut bytes[at], other);
                let mut changed = original.clone();
                if in_target {
                    changed.target = String::from_utf8(bytes.clone()).unwrap();
                } else {
                    changed.body = bytes.clone().into();
                }
                bytes[at] = before;
                if meaning(&changed) == meaning(original) {
                    tally.kept += 1;
                    let kind = (before, other);
                    assert!(
                        before.eq_ignore_ascii_case(&other) && before.is_ascii_hexdigit() || kind == (b'=', b'&'),
                        "{kind:?}"
                    );
                } else {
                    let place = if in_target { "target" } else { "body" };
                    tally.refused(&changed, capture.time, &format!("{}: {place} byte {at} -> {other}", capture.name));
                }
            }
        }
    }
    assert!(tally.kept > 0, "the two kinds of harmless changes occur");
    let codes = tally.finish(20_000);
    assert!(codes["SignatureDoesNotMatch"] > 9_000, "{codes:?}");
}

#[test]
fn an_equivalent_spelling_keeps_the_signature_valid() {
    for capture in captures() {
        if capture.request.target.contains('%') {
            let mut spelled = capture.request.clone();
            spelled.target = spelled.target.replace("%3A", "%3a").replace("%2F", "%2f").replace('+', "%20");
            let answer = gateway().handle(&spelled, at(capture.time));
            assert_eq!(outcome(&answer), expected(&capture.name), "{}", capture.name);
        }
    }
}

#[test]
fn a_changed_byte_of_a_signed_header_or_of_the_authorization_fails_the_signature() {
    let mut tally = Tally::new();
    for capture in captures() {
        let original = &capture.request;
        let Some(authorization) = original.headers.get("authorization") else { continue };
        let authorization = authorization.to_str().unwrap();
        let signed = authorization.split("SignedHeaders=").nth(1).unwrap().split(',').next().unwrap();
        for name in signed.split(';').chain(["authorization"]) {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            let value = original.headers[&name].as_bytes();
            for at in 0..value.len() {
                for other in replacements(value[at]) {
                    let mut bytes = value.to_vec();
                    bytes[at] = other;
                    let mut changed = original.clone();
                    changed.headers.insert(name.clone(), HeaderValue::from_bytes(&bytes).unwrap());
                    tally.refused(&changed, capture.time, &format!("{}: {name} byte {at} -> {other}", capture.name));
                }
            }
            let mut without = original.clone();
            without.headers.remove(&name);
            tally.refused(&without, capture.time, &format!("{} without {name}", capture.name));
        }
    }
    let codes = tally.finish(5_000);
    assert!(codes["SignatureDoesNotMatch"] > 1_000, "{codes:?}");
}

#[test]
fn another_method_fails_the_signature() {
    let gateway = gateway();
    for capture in captures() {
        let mut changed = capture.request;
        changed.method = if changed.method == "GET" { "POST" } else { "GET" }.to_owned();
        let answer = gateway.handle(&changed, at(capture.time));
        assert_eq!(outcome(&answer), (400, "SignatureDoesNotMatch".to_owned()), "{}", capture.name);
    }
}

#[test]
fn unsigned_headers_may_change() {
    for capture in captures() {
        let mut changed = capture.request;
        changed.headers.insert("accept-encoding", HeaderValue::from_static("gzip"));
        changed.headers.insert("x-sdk-client", HeaderValue::from_static("other"));
        let answer = gateway().handle(&changed, at(capture.time));
        assert_eq!(outcome(&answer), expected(&capture.name), "{}", capture.name);
    }
}
