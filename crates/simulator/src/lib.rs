//! An Alibaba Cloud endpoint on loopback that behaves as product descriptors say, for tests and demonstrations.
//!
//! It takes the same descriptors that the clients are made from and does what the documentation says about the service:
//! checks both signature schemes, timestamps, nonces, security tokens and required parameters, counts requests against
//! the limits, and answers with the documented examples and error codes. Its view of the wire is its own: it shares no
//! code with the client's signer, so the two check each other.
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
//! // The next call of the action is answered with an error, the ones after it with the example.
//! simulator.script("ListOrders", [Answer::error(503, "ServiceUnavailable", "Come back later.")]);
//!
//! // … point any client at simulator.url(), then look at what arrived:
//! for received in simulator.received() {
//!     println!("{received:?}");                            // shows no parameter value and no key
//! }
//! assert_eq!(simulator.counts().of("ListOrders").accepted, 0);
//! simulator.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! # The checks
//! In this order; the first that fails is the answer. Errors are JSON with `RequestId`, `HostId`, `Code`, `Message`,
//! `Recommend`, and repeat no value of the request.
//!
//! | check | HTTP | code |
//! |---|---|---|
//! | the method is GET or POST | 405 | `UnsupportedHTTPMethod` |
//! | the path is `/` | 404 | `InvalidApi.NotFound` |
//! | an action is named | 400 | `MissingAction` |
//! | … that a descriptor knows | 404 | `InvalidApi.NotFound` |
//! | … in the version that the request names | 400 | `InvalidVersion` |
//! | by the method of the descriptor; GET in place of POST is served | 405 | `UnsupportedHTTPMethod` |
//! | V1: `Format=JSON` (any case) | 400 | `UnsupportedFormat` |
//! | signed at all; V3: well formed, `host` and all `x-acs-*` signed | 400 | `IncompleteSignature` |
//! | no piece of the signature is absent | 400 | `MissingAccessKeyId`, `MissingSignature`, `MissingSignatureMethod`, `MissingSignatureVersion`, `MissingTimestamp`, `MissingSignatureNonce`, `MissingContentSha256`, `MissingHost` |
//! | the key is known | 404 | `InvalidAccessKeyId.NotFound` |
//! | a temporary key comes with its token, a permanent one with none | 400 | `MissingSecurityToken`, `InvalidSecurityToken.MismatchWithAccessKey` |
//! | method and version of the signature | 400 | `InvalidSignatureMethod`, `InvalidSignatureVersion` |
//! | the timestamp's form, and at most 15 minutes off | 400 | `InvalidTimeStamp.Format`, `InvalidTimeStamp.Expired` |
//! | the signature is right | 400 | `SignatureDoesNotMatch` |
//! | the nonce is new for this key in the last 30 minutes | 400 | `SignatureNonceUsed` |
//! | required parameters are there, an empty one counts | 400 | `Missing<Name>` |
//! | the quota of the account for this action | 400 | `System.LimitControl` if documented, else `Throttling.User` |
//!
//! Then the action answers: the next scripted answer, else the documented example with a fresh request id. For an action
//! that the descriptor calls anonymous no signature is looked at; all its callers share one quota. Undeclared parameters
//! are accepted, and values are not validated.
//!
//! # Faults
//! What is hard to test against a real service is easy here: the network that fails. Two places, because a request that was
//! not read belongs to no action:
//!
//! - [`Answer::fault`] breaks the delivery of one answer: none at all, cut, slow, wrong length, garbage, surplus bytes, a
//!   connection that ends without notice ([`Fault`]). It is scripted like any other answer. Whether the action was executed is
//!   said apart ([`Answer::not_executed`]), and the log tells it for every request ([`Received::executed`]), also where no answer
//!   got out.
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
//!     done.clone().fault(Fault::NoAnswer(End::Reset)),                 // executed, but the client cannot know
//!     done.clone().fault(Fault::NoAnswer(End::Reset)).not_executed(),  // looks the same, but was not
//!     done.fault(Fault::CutBody(End::Close)),                          // half an answer
//! ]);
//! simulator.script_connections([ConnectionFault::HalfRead(100, End::Reset)]);
//! // … call, then see what was executed, and whether a connection was left open:
//! let executed = simulator.received().iter().filter(|received| received.executed).count();
//! assert_eq!((executed, simulator.connections().open), (0, 0));
//! # Ok(())
//! # }
//! ```
//!
//! For faults by chance there are [`Simulator::script_fn`] and [`Simulator::script_connections_fn`]: a function that derives
//! its answer from the number of the request or connection, and a seed, makes the same faults in every run. Three need no
//! server: a refused connection (a port without a listener), a failed TLS handshake (an `https` URL with the simulator's
//! address), and a name that does not exist (any under `.invalid`).

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
mod quota;
mod refusal;
mod request;
mod route;
mod server;
mod signature;

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
