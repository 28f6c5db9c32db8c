//! A simulated Alibaba Cloud endpoint on loopback, built from product descriptors, for tests and demonstrations.
//!
//! It uses the same descriptors as the clients and behaves as the documentation describes the service: it checks both
//! signature schemes, timestamps, nonces, security tokens and required parameters, counts requests against the limits,
//! and responds with the documented examples and error codes. It shares no code with the client's signer, so that each
//! verifies the other.
//!
//! ```
//! use alibabacloud_runtime::RateLimit;
//! use alibabacloud_runtime::descriptor::{ActionDescriptor, ProductDescriptor};
//! use alibabacloud_simulator::{Answer, Simulator};
//!
//! static PRODUCT: ProductDescriptor = ProductDescriptor {
//!     code: "shop",
//!     version: "2024-01-01",
//!     actions: &[&ActionDescriptor {
//!         name: "ListOrders",
//!         rate_limit: Some(RateLimit::per_second(10)),
//!         example: r#"{"RequestId":"…","Orders":[]}"#,
//!         ..ActionDescriptor::EMPTY
//!     }],
//!     ..ProductDescriptor::EMPTY
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let simulator = Simulator::builder(&[&PRODUCT])
//!     .key("my-id", "my-secret")                           // default: testid / testsecret
//!     .limit("ListOrders", RateLimit::per_second(2))       // default: the descriptor's
//!     .start()
//!     .await?;
//!
//! // The next call of the action gets an error, later ones the example.
//! simulator.script("ListOrders", [Answer::error(503, "ServiceUnavailable", "Come back later.")]);
//!
//! // … send requests of any client to simulator.url(), then look at what arrived:
//! for received in simulator.received() {
//!     println!("{received:?}");                            // shows no parameter value and no key
//! }
//! assert_eq!(simulator.counts().of("ListOrders").accepted, 0);
//! simulator.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Checks
//! The checks are performed in this order; the first one that fails determines the response. Errors are JSON with
//! `RequestId`, `HostId`, `Code`, `Message` and `Recommend`, and contain no value of the request.
//!
//! | check | HTTP | code |
//! |---|---|---|
//! | the method is GET or POST | 405 | `UnsupportedHTTPMethod` |
//! | the path is `/` | 404 | `InvalidApi.NotFound` |
//! | an action is named | 400 | `MissingAction` |
//! | … which has a descriptor | 404 | `InvalidApi.NotFound` |
//! | … in the version of the request | 400 | `InvalidVersion` |
//! | with the method of the descriptor; GET is accepted in place of POST | 405 | `UnsupportedHTTPMethod` |
//! | V1: `Format=JSON` (any case) | 400 | `UnsupportedFormat` |
//! | the request is signed; V3: well formed, `host` and all `x-acs-*` signed | 400 | `IncompleteSignature` |
//! | the signature is complete | 400 | `MissingAccessKeyId`, `MissingSignature`, `MissingSignatureMethod`, `MissingSignatureVersion`, `MissingTimestamp`, `MissingSignatureNonce`, `MissingContentSha256`, `MissingHost` |
//! | the key is known | 404 | `InvalidAccessKeyId.NotFound` |
//! | a temporary key has its token, a permanent one has none | 400 | `MissingSecurityToken`, `InvalidSecurityToken.MismatchWithAccessKey` |
//! | the method and version of the signature are supported | 400 | `InvalidSignatureMethod`, `InvalidSignatureVersion` |
//! | the timestamp is well formed and at most 15 minutes off | 400 | `InvalidTimeStamp.Format`, `InvalidTimeStamp.Expired` |
//! | the signature is correct | 400 | `SignatureDoesNotMatch` |
//! | the nonce is new for this key in the last 30 minutes | 400 | `SignatureNonceUsed` |
//! | required parameters are present; they may be empty | 400 | `Missing<Name>` |
//! | the account's quota for the action is not exceeded | 400 | `System.LimitControl` if documented, else `Throttling.User` |
//!
//! The action then responds with the next scripted response, else with a page of the items given to
//! [`Simulator::serve_items`], else with the documented example and a new request ID. For
//! an anonymous action no signature is checked, and all its callers share one quota. Undeclared parameters are
//! accepted, and values are not validated.
//!
//! # Faults
//! Network failures, which are hard to test with a real service, can be scripted in two places:
//!
//! - [`Answer::fault`] breaks the delivery of one response: none, cut, slow, wrong length, garbage, surplus bytes, or a
//!   connection that closes unexpectedly ([`Fault`]). Whether the action was executed is set separately
//!   ([`Answer::not_executed`]) and logged for every request ([`Received::executed`]), even if no response was sent.
//! - [`Simulator::script_connections`] breaks connections before their first request is read ([`ConnectionFault`]).
//!
//! ```
//! # use alibabacloud_runtime::descriptor::{ActionDescriptor, ProductDescriptor};
//! use alibabacloud_simulator::{Answer, ConnectionFault, End, Fault, Simulator};
//! # static PRODUCT: ProductDescriptor =
//! #     ProductDescriptor { actions: &[&ActionDescriptor { name: "PlaceOrder", ..ActionDescriptor::EMPTY }], ..ProductDescriptor::EMPTY };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let simulator = Simulator::builder(&[&PRODUCT]).start().await?;
//! let done = simulator.gateway().example("PlaceOrder");
//! simulator.script("PlaceOrder", [
//!     done.clone().fault(Fault::NoAnswer(End::Reset)),                 // executed, without a response
//!     done.clone().fault(Fault::NoAnswer(End::Reset)).not_executed(),  // not executed, without a response
//!     done.fault(Fault::CutBody(End::Close)),                          // half a response
//! ]);
//! simulator.script_connections([ConnectionFault::HalfRead(100, End::Reset)]);
//! // … call, then check what was executed, and whether a connection is still open:
//! let executed = simulator.received().iter().filter(|received| received.executed).count();
//! assert_eq!((executed, simulator.connections().open), (0, 0));
//! # Ok(())
//! # }
//! ```
//!
//! For random faults, use [`Simulator::script_fn`] and [`Simulator::script_connections_fn`]: a function that derives
//! its result from a seed and the number of the request or connection produces the same faults in every run. Three
//! faults need no server: a refused connection (a port without a listener), a failed TLS handshake (an `https` URL with
//! the simulator's address), and a name that does not exist (any name under `.invalid`).

#![forbid(unsafe_code)]

mod answer;
mod builder;
mod call;
mod clock;
mod connections;
mod delivery;
mod example;
mod fault;
mod gateway;
mod http1;
mod log;
mod nonces;
mod pages;
mod quota;
mod refusal;
mod request;
mod route;
mod server;
mod signature;
mod waiter;

pub use answer::Answer;
pub use builder::{Builder, RetryAfter, StartError, ThrottledAnswer};
pub use clock::Instants;
pub use connections::ConnectionCounts;
pub use fault::{ConnectionFault, End, Fault};
pub use gateway::Gateway;
pub use log::{ActionCounts, Counts, Parameter, Received};
pub use quota::QuotaPolicy;
pub use request::{Place, Request};
pub use server::Simulator;
pub use signature::Scheme;
