//! Shared by the tests: descriptors, an independent signer, and the captured requests.

#![allow(dead_code, reason = "every test binary uses a part of it")]

pub(crate) mod cams;
pub(crate) mod shop;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alibabacloud_simulator::{Answer, Gateway, Instants, Request};
use base64::Engine as _;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// 2026-11-22T11:47:33Z, the time of one of the captured requests.
pub(crate) const NOON: Duration = Duration::from_secs(1_795_348_053);
pub(crate) const NOON_TEXT: &str = "2026-11-22T11:47:33Z";

pub(crate) fn noon() -> Instants {
    Instants { wall: UNIX_EPOCH + NOON, ..Instants::now() }
}

pub(crate) fn at(wall: SystemTime) -> Instants {
    Instants { wall, ..Instants::now() }
}

/// A call to be signed. `set` and `without` change it before it is signed, so that the signature is valid and only the
/// part under test is wrong.
#[derive(Clone)]
pub(crate) struct Call {
    secret: String,
    method: String,
    action: String,
    /// V1: all parameters except the signature. V3: those of the action.
    parameters: Vec<(String, String)>,
    /// V3: the signed headers.
    headers: Vec<(String, String)>,
    v3: bool,
    in_form: bool,
}

fn nonce() -> String {
    static LAST: AtomicU64 = AtomicU64::new(0);
    format!("nonce-{}", LAST.fetch_add(1, Ordering::Relaxed))
}

impl Call {
    pub(crate) fn v1(action: &str, version: &str) -> Self {
        let call = Self::empty(action, false);
        call.set("Action", action)
            .set("Version", version)
            .set("Format", "JSON")
            .set("AccessKeyId", "testid")
            .set("SignatureMethod", "HMAC-SHA1")
            .set("SignatureVersion", "1.0")
            .set("SignatureNonce", &nonce())
            .set("Timestamp", NOON_TEXT)
    }

    pub(crate) fn v3(action: &str, version: &str) -> Self {
        let call = Self::empty(action, true);
        call.set_header("host", "localhost")
            .set_header("x-acs-action", action)
            .set_header("x-acs-version", version)
            .set_header("x-acs-date", NOON_TEXT)
            .set_header("x-acs-signature-nonce", &nonce())
    }

    fn empty(action: &str, v3: bool) -> Self {
        Self {
            secret: "testsecret".to_owned(),
            method: "POST".to_owned(),
            action: action.to_owned(),
            parameters: Vec::new(),
            headers: Vec::new(),
            v3,
            in_form: false,
        }
    }

    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.parameters.retain(|(it, _)| it != name);
        self.parameters.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.parameters.retain(|(it, _)| it != name);
        self
    }

    pub(crate) fn set_header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(it, _)| it != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without_header(mut self, name: &str) -> Self {
        self.headers.retain(|(it, _)| it != name);
        self
    }

    pub(crate) fn key(self, id: &str, secret: &str) -> Self {
        let call = if self.v3 { self.set_header("-key", id) } else { self.set("AccessKeyId", id) };
        Self { secret: secret.to_owned(), ..call }
    }

    pub(crate) fn method(self, method: &str) -> Self {
        Self { method: method.to_owned(), ..self }
    }

    /// Moves the parameters of the action (V1: all) into the form body.
    pub(crate) fn in_form(self) -> Self {
        Self { in_form: true, ..self }
    }

    pub(crate) fn nonce(self) -> Self {
        if self.v3 { self.set_header("x-acs-signature-nonce", &nonce()) } else { self.set("SignatureNonce", &nonce()) }
    }

    pub(crate) fn timestamp(self, text: &str) -> Self {
        if self.v3 { self.set_header("x-acs-date", text) } else { self.set("Timestamp", text) }
    }

    pub(crate) fn sign(self) -> Request {
        if self.v3 { self.sign_v3() } else { self.sign_v1() }
    }

    fn place(&self, parameters: &str) -> Request {
        if self.in_form {
            Request::new(&*self.method, "/")
                .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
                .body(parameters.to_owned())
        } else {
            Request::new(&*self.method, format!("/?{parameters}"))
        }
    }

    fn sign_v1(mut self) -> Request {
        let canonical = query(&self.parameters);
        let string_to_sign = format!("{}&%2F&{}", self.method, encode(&canonical));
        let mut mac = Hmac::<Sha1>::new_from_slice(format!("{}&", self.secret).as_bytes()).unwrap();
        mac.update(string_to_sign.as_bytes());
        let signature = base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes());
        self = self.set("Signature", &signature);
        self.place(&query(&self.parameters)).header("host", "localhost")
    }

    fn sign_v3(mut self) -> Request {
        let parameters = query(&self.parameters);
        let request = self.place(&parameters);
        if !self.headers.iter().any(|(name, _)| name == "x-acs-content-sha256") {
            self = self.set_header("x-acs-content-sha256", &hex(&Sha256::digest(&request.body)));
        }
        let key = self.headers.iter().find(|(name, _)| name == "-key").map_or("testid", |(_, id)| id).to_owned();
        self = self.without_header("-key");
        self.headers.sort();
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        let names = names.join(";");
        let lines: Vec<String> =
            self.headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
        let hash = &self.headers.iter().find(|(name, _)| name == "x-acs-content-sha256").unwrap().1;
        let in_query = if self.in_form { "" } else { &parameters };
        let canonical = format!("{}\n/\n{in_query}\n{}\n{names}\n{hash}", self.method, lines.concat());
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).unwrap();
        mac.update(format!("ACS3-HMAC-SHA256\n{}", hex(&Sha256::digest(canonical))).as_bytes());
        let signature = hex(&mac.finalize().into_bytes());
        let authorization = format!("ACS3-HMAC-SHA256 Credential={key},SignedHeaders={names},Signature={signature}");
        let request = request.header("authorization", &authorization);
        self.headers.iter().fold(request, |request, (name, value)| request.header(name, value))
    }
}

fn query(parameters: &[(String, String)]) -> String {
    let mut sorted = parameters.to_vec();
    sorted.sort();
    let pairs: Vec<String> = sorted.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    pairs.join("&")
}

pub(crate) fn encode(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

/// The status and code of a response.
pub(crate) fn outcome(answer: &Answer) -> (u16, String) {
    let body: Value = serde_json::from_slice(&answer.body).expect("answers are JSON");
    (answer.status, body["Code"].as_str().unwrap_or_default().to_owned())
}

/// The response of the gateway to this request at noon.
pub(crate) fn at_noon(gateway: &Gateway, request: &Request) -> (u16, String) {
    outcome(&gateway.handle(request, noon()))
}

/// The bytes of an official client's request, as stored in a file.
pub(crate) struct Capture {
    pub(crate) name: String,
    pub(crate) request: Request,
    pub(crate) time: SystemTime,
}

/// All captured requests of official clients.
pub(crate) fn captures() -> Vec<Capture> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let captures: Vec<Capture> = paths
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .map(|path| {
            let bytes = std::fs::read(path).unwrap();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            capture(name, &bytes)
        })
        .collect();
    assert_eq!(captures.len(), 14);
    captures
}

fn capture(name: String, bytes: &[u8]) -> Capture {
    let text = std::str::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").expect("CRLF line ends");
    let mut lines = head.split("\r\n");
    let words: Vec<&str> = lines.next().unwrap().split(' ').collect();
    let mut request = Request::new(words[0], words[1]).body(body.to_owned());
    let mut date = None;
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        request = request.header(name, value);
        if name == "x-acs-date" {
            date = Some(value.to_owned());
        }
    }
    let date = date.unwrap_or_else(|| {
        let (_, rest) = words[1].split_once("Timestamp=").unwrap();
        rest.split('&').next().unwrap().replace("%3A", ":")
    });
    // All were made within one minute of an hour, so only minutes and seconds differ.
    let (minute, second) = (&date[14..16], &date[17..19]);
    assert_eq!(&date[..14], "2026-11-22T11:");
    let start = UNIX_EPOCH + NOON - Duration::from_secs(47 * 60 + 33);
    let into = Duration::from_secs(minute.parse::<u64>().unwrap() * 60 + second.parse::<u64>().unwrap());
    Capture { name, request, time: start + into }
}
