//! A sample product, and a scripted transport that records requests.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alibabacloud_runtime::descriptor::{ActionDescriptor, ProductDescriptor};
use alibabacloud_runtime::private::{object, request};
use alibabacloud_runtime::sign::{acs3, canonical_query, rpc};
use alibabacloud_runtime::transport::{Handover, TransportFuture};
use alibabacloud_runtime::{
    Action, Client, ClientBuilder, Credentials, Error, Product, RateLimit, Throttle, Transport, TransportError,
};
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use tokio::time::{Instant, sleep};

#[allow(unreachable_pub, reason = "the macros declare public types, which name it")]
pub enum Shop {}

impl Product for Shop {
    const DESCRIPTOR: &'static ProductDescriptor = &ProductDescriptor {
        code: "shop",
        version: "2020-01-02",
        default_region: "here-1",
        endpoints: alibabacloud_runtime::descriptor::EndpointDescriptor {
            public: "shop.{region}.example.com",
            ..alibabacloud_runtime::descriptor::EndpointDescriptor::EMPTY
        },
        success_codes: &["OK"],
        actions: &[Look::DESCRIPTOR, Order::DESCRIPTOR, Ping::DESCRIPTOR, Read::DESCRIPTOR],
        ..ProductDescriptor::EMPTY
    };
}

object! {
    /// An answer.
    pub struct Answer {
        /// The code.
        #[wire("Code")]
        pub code: Option<String>,
        /// A number.
        #[wire("Count")]
        pub count: Option<i32>,
        /// The id.
        #[wire("RequestId")]
        pub request_id: Option<String>,
    }
}

pub(crate) mod order {
    use super::request;
    request! {
        /// Limited to 10 a second.
        #[builder(OrderBuilder)]
        pub struct Order {
            /// Public.
            #[wire("Space")]
            #[required("`Space` is missing")]
            pub space: String,
            /// Personal data.
            #[wire("Phone", sensitive)]
            pub phone: Option<String>,
            /// In the body.
            #[wire("Note", form)]
            pub note: Option<String>,
            /// A number.
            #[wire("Price")]
            pub price: Option<f64>,
        }
    }
}
pub(crate) use order::Order;

impl Action for Order {
    type Product = Shop;
    type Output = Answer;
    const DESCRIPTOR: &'static ActionDescriptor = &ActionDescriptor {
        name: "Order",
        unknown_outcome: "Look whether it is there.",
        rate_limit: Some(RateLimit::per_second(10)),
        parameters: <Self as alibabacloud_runtime::Request>::PARAMETERS,
        ..ActionDescriptor::EMPTY
    };
}

pub(crate) mod ping {
    use super::request;
    request! {
        /// Without limit and without signature.
        #[builder(PingBuilder)]
        pub struct Ping {}
    }
}
pub(crate) use ping::Ping;

impl Action for Ping {
    type Product = Shop;
    type Output = Answer;
    const DESCRIPTOR: &'static ActionDescriptor =
        &ActionDescriptor { name: "Ping", anonymous: true, ..ActionDescriptor::EMPTY };
}

pub(crate) mod look {
    use super::request;
    request! {
        /// Safe to repeat.
        #[builder(LookBuilder)]
        pub struct Look {}
    }
}
pub(crate) use look::Look;

impl Action for Look {
    type Product = Shop;
    type Output = Answer;
    const DESCRIPTOR: &'static ActionDescriptor =
        &ActionDescriptor { name: "Look", idempotent: true, ..ActionDescriptor::EMPTY };
}

pub(crate) mod read {
    use super::request;
    request! {
        /// By GET only.
        #[builder(ReadBuilder)]
        pub struct Read {
            /// A word.
            #[wire("Word")]
            pub word: Option<String>,
        }
    }
}
pub(crate) use read::Read;

impl Action for Read {
    type Product = Shop;
    type Output = Answer;
    const DESCRIPTOR: &'static ActionDescriptor = &ActionDescriptor {
        name: "Read",
        method: alibabacloud_runtime::descriptor::Method::Get,
        parameters: <Self as alibabacloud_runtime::Request>::PARAMETERS,
        ..ActionDescriptor::EMPTY
    };
}

/// The reaction of the scripted transport to a request.
pub(crate) enum Step {
    Answer(u16, Vec<(&'static str, String)>, Bytes),
    Fail(TransportError),
    Never,
}

pub(crate) fn answer(status: u16, body: &str) -> Step {
    Step::Answer(status, Vec::new(), Bytes::copy_from_slice(body.as_bytes()))
}

pub(crate) fn ok() -> Step {
    answer(200, r#"{"Code":"OK","RequestId":"r"}"#)
}

pub(crate) fn throttled(retry_after: Option<u64>) -> Step {
    let headers = retry_after.map(|millis| ("x-acs-retry-after", millis.to_string())).into_iter().collect();
    Step::Answer(400, headers, Bytes::from_static(br#"{"Code":"System.LimitControl","Message":"slow down"}"#))
}

pub(crate) fn not_sent() -> Step {
    Step::Fail(TransportError::not_sent("connection refused"))
}

/// A request as sent.
pub(crate) struct Sent {
    pub(crate) at: Duration,
    pub(crate) request: http::Request<Bytes>,
}

/// Responds from a script, then with success, always after the same delay.
#[derive(Clone)]
pub(crate) struct Scripted(Arc<Mutex<State>>);

struct State {
    steps: VecDeque<Step>,
    sent: Vec<Sent>,
    started: Instant,
    delay: Duration,
}

impl Scripted {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        let steps = steps.into_iter().collect();
        Self(Arc::new(Mutex::new(State { steps, sent: Vec::new(), started: Instant::now(), delay: Duration::ZERO })))
    }

    /// More of the script.
    pub(crate) fn then(&self, steps: impl IntoIterator<Item = Step>) {
        self.0.lock().unwrap().steps.extend(steps);
    }

    pub(crate) fn with_delay(self, delay: Duration) -> Self {
        self.0.lock().unwrap().delay = delay;
        self
    }

    pub(crate) fn sent(&self) -> Vec<Sent> {
        std::mem::take(&mut self.0.lock().unwrap().sent)
    }

    /// When requests were sent, in milliseconds since the start.
    pub(crate) fn times(&self) -> Vec<u128> {
        self.0.lock().unwrap().sent.iter().map(|sent| sent.at.as_millis()).collect()
    }
}

impl Transport for Scripted {
    fn send(&self, request: http::Request<Bytes>, _: &Handover) -> TransportFuture<'_> {
        Box::pin(async move {
            let (step, delay) = {
                let mut state = self.0.lock().unwrap();
                let at = state.started.elapsed();
                state.sent.push(Sent { at, request });
                (state.steps.pop_front().unwrap_or_else(ok), state.delay)
            };
            sleep(delay).await;
            match step {
                Step::Fail(error) => Err(error),
                Step::Never => std::future::pending().await,
                Step::Answer(status, headers, body) => {
                    let mut answer = http::Response::builder().status(status);
                    for (name, value) in headers {
                        answer = answer.header(name, value);
                    }
                    Ok(answer.body(body).unwrap())
                }
            }
        })
    }
}

pub(crate) fn key() -> Credentials {
    Credentials::temporary("CANARY-key-id", "CANARY-secret", "CANARY+token/==", None)
}

pub(crate) fn builder(transport: &Scripted) -> ClientBuilder<Shop> {
    // Tests do not share the quotas of the process.
    Client::builder().credentials(key()).transport(transport.clone()).throttle(Throttle::new())
}

pub(crate) fn client(transport: &Scripted) -> Client<Shop> {
    builder(transport).build().unwrap()
}

/// The pairs of a query or form.
pub(crate) fn pairs(text: &str) -> BTreeMap<String, String> {
    let decode = |text: &str| percent_decode_str(text).decode_utf8().unwrap().into_owned();
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap())
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

pub(crate) fn query(request: &http::Request<Bytes>) -> BTreeMap<String, String> {
    pairs(request.uri().query().unwrap_or_default())
}

pub(crate) fn form(request: &http::Request<Bytes>) -> BTreeMap<String, String> {
    pairs(std::str::from_utf8(request.body()).unwrap())
}

/// Checks a V1 signature as the service does: over the union of query and form.
pub(crate) fn assert_signed_v1(request: &http::Request<Bytes>) {
    let mut all = query(request);
    all.extend(form(request));
    let signature = all.remove("Signature").expect("a signature");
    let pairs = all.iter().map(|(name, value)| (&**name, &**value));
    assert_eq!(rpc::sign(request.method().as_str(), pairs, "CANARY-secret").1, signature);
    assert_eq!(all["AccessKeyId"], "CANARY-key-id");
    assert_eq!(all["SecurityToken"], "CANARY+token/==");
}

/// Checks a V3 signature as the service does: over query, headers and body.
pub(crate) fn assert_signed_v3(request: &http::Request<Bytes>) {
    let header = |name: &str| request.headers()[name].to_str().unwrap();
    let pairs = query(request);
    let query = canonical_query(pairs.iter().map(|(name, value)| (&**name, &**value)));
    // Every `x-acs-*` header is signed, also one that the caller set.
    let own = ["action", "version", "date", "signature-nonce", "security-token", "content-sha256"];
    let others = request
        .headers()
        .keys()
        .map(http::HeaderName::as_str)
        .filter(|name| name.strip_prefix("x-acs-").is_some_and(|name| !own.contains(&name)));
    let headers: Vec<_> = others.map(|name| (name, header(name))).collect();
    let request = acs3::Request {
        method: request.method().as_str(),
        host: request.uri().authority().unwrap().as_str(),
        action: header("x-acs-action"),
        version: header("x-acs-version"),
        path: request.uri().path(),
        query: &query,
        body: request.body(),
        timestamp: header("x-acs-date"),
        nonce: header("x-acs-signature-nonce"),
        headers: &headers,
    };
    let key = key();
    for (name, value) in acs3::sign(&request, &key).headers(&request, &key) {
        assert_eq!(header(name.as_str()), value, "{name}");
    }
}

/// Everything that a program can print of an error: `Debug` and `Display` of it and all its sources.
pub(crate) fn everything_printable(error: &Error) -> String {
    let mut shown = String::new();
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(cause) = next {
        let _ = writeln!(shown, "{cause}\n{cause:?}\n{cause:#?}");
        next = cause.source();
    }
    shown + error.message() + error.code().unwrap_or_default() + error.request_id().unwrap_or_default()
}
