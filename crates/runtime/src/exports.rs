//! The exports of the root of every product crate besides its own actions. The generator reads from this list the names that
//! no action may take.

/// Re-exports what the users of a product crate meet in signatures, so that they need no other crate.
#[doc(hidden)]
#[macro_export]
macro_rules! __exports {
    () => {
        pub use $crate::{
            Action, Asked, Bulk, Bytes, CallOptions, Credentials, CredentialsError, Endpoint, EndpointError,
            EnvironmentCredentials, Error, ErrorKind, Json, Mismatch, Mismatches, Network, ParameterPlacement,
            PreparedRequest, Product, ProvideCredentials, ProvideFuture, RateLimit, Request, Response, RetryPolicy,
            SignatureVersion, Throttle, Transport, TransportError, UnrecognizedValue, UnsignedRequest, UntypedRequest,
            WaitError, WaitOptions, Waitable, bulk, descriptor, event, http, pages, testing, throttle, transport,
        };
    };
}
