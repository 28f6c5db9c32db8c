//! `tracing` spans of calls and attempts (feature `tracing`); without the feature there is nothing of them.
//!
//! A call is a span `call` at the level INFO, each of its attempts a span `attempt` at DEBUG inside. Neither holds a parameter
//! value, a credential, or text of the service beyond error code and request ID.

pub(crate) use span::{Traced, again, mismatch};

#[cfg(feature = "tracing")]
mod span {
    use std::future::Future;
    use std::time::Duration;

    use tracing::field::Empty;
    use tracing::{Instrument, Span, debug, debug_span, info_span, warn};

    use crate::error::Error;
    use crate::event::ResponseMismatch;
    use crate::response::Metadata;

    /// A call or an attempt as a span.
    #[derive(Clone)]
    pub(crate) struct Traced(Span);

    impl Traced {
        pub(crate) fn none() -> Self {
            Self(Span::none())
        }

        pub(crate) fn call(product: &str, action: &str) -> Self {
            Self(info_span!(
                "call",
                product,
                action,
                attempts = Empty,
                quota_wait_ms = Empty,
                http_status = Empty,
                request_id = Empty,
                code = Empty,
                error = Empty
            ))
        }

        /// An attempt of the call whose span is entered.
        pub(crate) fn attempt(number: u32) -> Self {
            Self(debug_span!(
                "attempt",
                attempt = number,
                quota_wait_ms = Empty,
                http_status = Empty,
                request_id = Empty,
                code = Empty,
                error = Empty
            ))
        }

        /// The future inside the span.
        pub(crate) fn of<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
            future.instrument(self.0.clone())
        }

        pub(crate) fn waited(&self, quota_wait: Duration) {
            self.0.record("quota_wait_ms", millis(quota_wait));
        }

        pub(crate) fn attempts(&self, attempts: u32) {
            self.0.record("attempts", attempts);
        }

        pub(crate) fn ended(&self, outcome: Result<&Metadata, &Error>) {
            if self.0.is_disabled() {
                return;
            }
            let (status, request_id) = match outcome {
                Ok(metadata) => (Some(metadata.http_status), metadata.request_id.as_deref()),
                Err(error) => (error.http_status(), error.request_id()),
            };
            self.0.record("http_status", status);
            self.0.record("request_id", request_id);
            if let Err(error) = outcome {
                self.0.record("code", error.code());
                self.0.record("error", tracing::field::debug(error.kind()));
            }
        }
    }

    /// Tells inside the span of a call that it is sent again.
    pub(crate) fn again(wait: Duration) {
        debug!(wait_ms = millis(wait), "sending again");
    }

    /// Warns of members that were left out of a response.
    pub(crate) fn mismatch(call: &Traced, mismatch: ResponseMismatch<'_>) {
        let ResponseMismatch { action, request_id, mismatches } = mismatch;
        warn!(parent: &call.0, action, request_id, %mismatches, "members of the response do not fit their type");
    }

    fn millis(duration: Duration) -> u64 {
        u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(not(feature = "tracing"))]
mod span {
    use std::future::Future;
    use std::time::Duration;

    use crate::error::Error;
    use crate::event::ResponseMismatch;
    use crate::response::Metadata;

    /// No span.
    #[derive(Clone)]
    pub(crate) struct Traced;

    #[allow(clippy::unused_self, reason = "the form of the one with spans")]
    impl Traced {
        pub(crate) fn none() -> Self {
            Self
        }

        pub(crate) fn call(_product: &str, _action: &str) -> Self {
            Self
        }

        pub(crate) fn attempt(_number: u32) -> Self {
            Self
        }

        pub(crate) fn of<F: Future>(&self, future: F) -> F {
            future
        }

        pub(crate) fn waited(&self, _quota_wait: Duration) {}

        pub(crate) fn attempts(&self, _attempts: u32) {}

        pub(crate) fn ended(&self, _outcome: Result<&Metadata, &Error>) {}
    }

    pub(crate) fn again(_wait: Duration) {}

    pub(crate) fn mismatch(_call: &Traced, _mismatch: ResponseMismatch<'_>) {}
}
