//! `tracing` spans and events of calls (feature `tracing`); without the feature this compiles to nothing.
//!
//! A call is a span `call` at level INFO, which contains a span `attempt` at DEBUG for each attempt. Fields have the
//! names of OpenTelemetry's semantic conventions if there are any. A failed call is one event at WARN, or at ERROR if
//! its outcome is unknown; a retry is one at INFO. None of them contains the value of a parameter or header, a
//! credential, or text of the service other than error code and request ID.

pub(super) use span::{Traced, dropped, failed, mismatch, quota, retrying};

#[cfg(feature = "tracing")]
mod span {
    use std::future::Future;
    use std::time::Duration;

    use tracing::field::Empty;
    use tracing::{Instrument, Span, debug, debug_span, error, info, info_span, warn};

    use crate::error::Error;
    use crate::event::ResponseMismatch;
    use crate::response::Metadata;
    use crate::throttle::{QuotaEvent, QuotaKey, QuotaSource};

    /// A call or an attempt as a span.
    #[derive(Clone)]
    pub(in crate::call) struct Traced(Span);

    impl Traced {
        pub(in crate::call) fn none() -> Self {
            Self(Span::none())
        }

        pub(in crate::call) fn call(product: &str, action: &str) -> Self {
            Self(info_span!(
                "call",
                otel.name = %format_args!("{product}/{action}"),
                otel.kind = "client",
                otel.status_code = Empty,
                rpc.system = "aliyun-api",
                rpc.service = product,
                rpc.method = action,
                server.address = Empty,
                attempts = Empty,
                quota_wait_ms = Empty,
                http.response.status_code = Empty,
                request_id = Empty,
                code = Empty,
                error.type = Empty
            ))
        }

        /// An attempt of the call whose span is entered.
        pub(in crate::call) fn attempt(number: u32) -> Self {
            Self(debug_span!(
                "attempt",
                otel.status_code = Empty,
                attempt = number,
                quota_wait_ms = Empty,
                http.response.status_code = Empty,
                request_id = Empty,
                code = Empty,
                error.type = Empty
            ))
        }

        /// Runs the future inside the span.
        pub(in crate::call) fn of<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
            future.instrument(self.0.clone())
        }

        pub(in crate::call) fn goes_to(&self, host: &str) {
            self.0.record("server.address", host);
        }

        pub(in crate::call) fn waited(&self, quota_wait: Duration) {
            self.0.record("quota_wait_ms", millis(quota_wait));
        }

        pub(in crate::call) fn attempts(&self, attempts: u32) {
            self.0.record("attempts", attempts);
        }

        pub(in crate::call) fn ended(&self, outcome: Result<&Metadata, &Error>) {
            if self.0.is_disabled() {
                return;
            }
            let (status, request_id) = match outcome {
                Ok(metadata) => (Some(metadata.http_status), metadata.request_id.as_deref()),
                Err(error) => (error.http_status(), error.request_id()),
            };
            self.0.record("http.response.status_code", status);
            self.0.record("request_id", request_id);
            if let Err(error) = outcome {
                self.0.record("code", error.code());
                self.0.record("error.type", error.kind().as_str());
                self.0.record("otel.status_code", "ERROR");
            }
        }
    }

    /// Reports a failed attempt that is followed by another one.
    pub(in crate::call) fn retrying(call: &Traced, attempt: u32, failure: &Error, backoff: Duration) {
        info!(
            parent: &call.0,
            attempt,
            error.type = failure.kind().as_str(),
            code = failure.code(),
            http.response.status_code = failure.http_status(),
            request_id = failure.request_id(),
            backoff_ms = millis(backoff),
            "attempt failed, retrying"
        );
    }

    /// Reports a failed call. The event has the name of the action, because a filter may remove the span.
    pub(in crate::call) fn failed(call: &Traced, product: &str, action: &str, attempts: u32, failure: &Error) {
        // Without a response, the message is the client's own; with one, it may quote the service.
        let reason = if failure.http_status().is_none() { Some(failure.message()) } else { None };
        macro_rules! event {
            ($level:ident) => {
                $level!(
                    parent: &call.0,
                    rpc.service = product,
                    rpc.method = action,
                    outcome = outcome(failure),
                    error.type = failure.kind().as_str(),
                    code = failure.code(),
                    http.response.status_code = failure.http_status(),
                    request_id = failure.request_id(),
                    nonce = failure.nonce().filter(|_| failure.request_id().is_none() && attempts > 0),
                    attempts,
                    reason,
                    "call failed"
                )
            };
        }
        if failure.outcome_unknown() { event!(error) } else { event!(warn) }
    }

    /// Reports a call whose future was dropped.
    pub(in crate::call) fn dropped(call: &Traced, product: &str, action: &str, attempts: u32) {
        debug!(parent: &call.0, rpc.service = product, rpc.method = action, attempts, "call dropped before its end");
    }

    /// Reports members that were left out of a response.
    pub(in crate::call) fn mismatch(call: &Traced, product: &str, mismatch: ResponseMismatch<'_>) {
        let ResponseMismatch { action, request_id, mismatches } = mismatch;
        warn!(
            parent: &call.0,
            rpc.service = product,
            rpc.method = action,
            request_id,
            %mismatches,
            "members of the response do not fit their type"
        );
    }

    /// Warns once when the store of a quota becomes unreachable, and once when it recovers.
    pub(in crate::call) fn quota(key: &QuotaKey, event: &QuotaEvent) {
        let message = match event {
            QuotaEvent::FallbackEntered { source: None } => {
                "the store of the shared quota is unreachable; calls fail until it recovers"
            }
            QuotaEvent::FallbackEntered { source: Some(QuotaSource::Open) } => {
                "the store of the shared quota is unreachable; calls are sent without a limit"
            }
            QuotaEvent::FallbackEntered { .. } => {
                "the store of the shared quota is unreachable; this process continues with a share of the limit"
            }
            QuotaEvent::FallbackLeft => "the store of the shared quota is reachable again",
            _ => return,
        };
        warn!(rpc.service = key.product, rpc.method = key.action, "{message}");
    }

    /// The field `outcome` of a failed call.
    fn outcome(error: &Error) -> &'static str {
        if error.outcome_unknown() {
            "unknown"
        } else if error.is_not_sent() {
            "not sent"
        } else {
            "not executed"
        }
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
    use crate::throttle::{QuotaEvent, QuotaKey};

    /// No span.
    #[derive(Clone)]
    pub(in crate::call) struct Traced;

    #[allow(clippy::unused_self, reason = "same signature as the version with spans")]
    impl Traced {
        pub(in crate::call) fn none() -> Self {
            Self
        }

        pub(in crate::call) fn call(_product: &str, _action: &str) -> Self {
            Self
        }

        pub(in crate::call) fn attempt(_number: u32) -> Self {
            Self
        }

        pub(in crate::call) fn of<F: Future>(&self, future: F) -> F {
            future
        }

        pub(in crate::call) fn goes_to(&self, _host: &str) {}

        pub(in crate::call) fn waited(&self, _quota_wait: Duration) {}

        pub(in crate::call) fn attempts(&self, _attempts: u32) {}

        pub(in crate::call) fn ended(&self, _outcome: Result<&Metadata, &Error>) {}
    }

    pub(in crate::call) fn retrying(_call: &Traced, _attempt: u32, _failure: &Error, _backoff: Duration) {}

    pub(in crate::call) fn failed(_call: &Traced, _product: &str, _action: &str, _attempts: u32, _failure: &Error) {}

    pub(in crate::call) fn dropped(_call: &Traced, _product: &str, _action: &str, _attempts: u32) {}

    pub(in crate::call) fn mismatch(_call: &Traced, _product: &str, _mismatch: ResponseMismatch<'_>) {}

    pub(in crate::call) fn quota(_key: &QuotaKey, _event: &QuotaEvent) {}
}
