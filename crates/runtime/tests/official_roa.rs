//! Requests of the ROA style that an official SDK sent (`alibabacloud_cs20151215` 7.2.3, captured on loopback by
//! `tests/interop/capture_roa.py`): the same calls, made here, have the same canonical request.

use std::sync::{Arc, Mutex};

use alibabacloud_runtime::descriptor::{EndpointDescriptor, Method, ProductDescriptor};
use alibabacloud_runtime::sign::{acs3, canonical_query, timestamp};
use alibabacloud_runtime::transport::{Handover, TransportFuture};
use alibabacloud_runtime::{CallOptions, Client, Credentials, Product, Throttle, Transport, UntypedRequest};
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::Value;

struct Cs;

impl Product for Cs {
    const DESCRIPTOR: &'static ProductDescriptor = &ProductDescriptor {
        code: "cs",
        version: "2015-12-15",
        default_region: "cn-hangzhou",
        endpoints: EndpointDescriptor { public: "cs.{region}.aliyuncs.com", ..EndpointDescriptor::EMPTY },
        ..ProductDescriptor::EMPTY
    };
}

/// A request of the official SDK.
struct Captured(Value);

impl Captured {
    fn all() -> Vec<Self> {
        // `cargo xtask interop` names a file with what the latest SDK sends.
        let latest = std::env::var("ROA_CAPTURES").ok().map(|file| std::fs::read_to_string(file).unwrap());
        let captures = latest.as_deref().unwrap_or(include_str!("roa-captures.json"));
        let captures: Vec<Value> = serde_json::from_str(captures).unwrap();
        captures.into_iter().map(Self).collect()
    }

    fn text(&self, key: &str) -> &str {
        self.0[key].as_str().unwrap_or_else(|| panic!("{key}"))
    }

    fn header(&self, name: &str) -> &str {
        self.0["headers"][name].as_str().unwrap_or_else(|| panic!("{name} of {}", self.text("sdk")))
    }

    fn path(&self) -> &str {
        self.text("target").split('?').next().unwrap()
    }

    /// The parameters of the query: the SDK writes a blank as `+`.
    fn query(&self) -> Vec<(String, String)> {
        let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8().unwrap().into_owned();
        let query = self.text("target").split_once('?').map_or("", |(_, query)| query);
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.map(|(name, value)| (decode(name), decode(value))).collect()
    }

    fn canonical_query(&self) -> String {
        let query = self.query();
        canonical_query(query.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }
}

fn key() -> Credentials {
    Credentials::new("testid", "testsecret")
}

#[test]
fn signatures_of_captured_requests_match() {
    let captures = Captured::all();
    assert!(captures.len() >= 20);
    for captured in &captures {
        let authorization = captured.header("authorization");
        let (_, signed) = authorization.split_once("SignedHeaders=").unwrap();
        let (names, signature) = signed.split_once(",Signature=").unwrap();
        let own =
            ["host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce", "x-acs-version"];
        let others: Vec<_> =
            names.split(';').filter(|it| !own.contains(it)).map(|it| (it, captured.header(it))).collect();
        let request = acs3::Request {
            method: captured.text("method"),
            host: captured.header("host"),
            action: captured.header("x-acs-action"),
            version: captured.header("x-acs-version"),
            path: captured.path(),
            query: &captured.canonical_query(),
            body: captured.text("body").as_bytes(),
            timestamp: captured.header("x-acs-date"),
            nonce: captured.header("x-acs-signature-nonce"),
            headers: &others,
        };
        let signed = acs3::sign(&request, &key());
        assert_eq!(signed.signature(), signature, "{}:\n{}", captured.text("sdk"), signed.canonical_request());
    }
}

/// Records requests, and responds with an empty object.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<http::Request<Bytes>>>>);

impl Transport for Kept {
    fn send(&self, request: http::Request<Bytes>, _: &Handover) -> TransportFuture<'_> {
        self.0.lock().unwrap().push(request);
        Box::pin(async { Ok(http::Response::new(Bytes::from_static(b"{}"))) })
    }
}

#[tokio::test]
async fn the_same_call_has_the_same_canonical_request() {
    let kept = Kept::default();
    for captured in Captured::all() {
        let client = Client::<Cs>::builder().credentials(key()).transport(kept.clone()).throttle(Throttle::off());
        let client = client.endpoint(format!("http://{}", captured.header("host"))).build().unwrap();
        let method = match captured.text("method") {
            "GET" => Method::Get,
            "PUT" => Method::Put,
            "DELETE" => Method::Delete,
            "POST" => Method::Post,
            other => panic!("{other}"),
        };
        let mut call = UntypedRequest::new(captured.header("x-acs-action")).route(method, captured.text("template"));
        for (name, value) in captured.0["path"].as_object().unwrap() {
            call = call.parameter(name, value.as_str().unwrap());
        }
        for (name, value) in captured.query() {
            call = call.parameter(name, value);
        }
        if !captured.text("body").is_empty() {
            call = call.body(captured.text("body"));
        }
        let options = CallOptions::new().header("x-acs-workspace", captured.header("x-acs-workspace"));
        client.send_untyped_with(call, options).await.unwrap();

        let ours = kept.0.lock().unwrap().pop().unwrap();
        let (name, header) = (captured.text("sdk"), |name: &str| ours.headers()[name].to_str().unwrap());
        assert_eq!(ours.method().as_str(), captured.text("method"), "{name}");
        assert_eq!(ours.uri().path(), captured.path(), "{name}");
        assert_eq!(ours.uri().query().unwrap_or_default(), captured.canonical_query(), "{name}");
        assert_eq!(ours.uri().authority().unwrap(), captured.header("host"), "{name}");
        for same in ["x-acs-action", "x-acs-version", "x-acs-content-sha256", "x-acs-workspace", "accept"] {
            assert_eq!(header(same), captured.header(same), "{name}: {same}");
        }
        if !captured.text("body").is_empty() {
            assert_eq!(header("content-type"), captured.header("content-type"), "{name}");
        }
        // They differ in values that change with each call, and in additional signed headers.
        assert_eq!(header("x-acs-date").len(), timestamp(std::time::SystemTime::now()).len());
    }
}
