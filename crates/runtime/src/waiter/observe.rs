//! The events and the span of one wait.

use std::time::Duration;

use tokio::time::Instant;

use crate::error::Error;
use crate::event::{Event, Events, WaitContinues, WaitEnded, WaitOutcome};

/// Counts the calls of a wait and reports them, also if the wait is dropped before its end.
pub(super) struct Observer<'a> {
    events: &'a Events,
    action: &'a str,
    asked: &'static str,
    span: Traced,
    started: Instant,
    calls: u32,
    ended: bool,
}

impl<'a> Observer<'a> {
    pub(super) fn new(events: &'a Events, product: &str, action: &'a str, asked: &'static str) -> Self {
        let span = Traced::wait(product, action, asked);
        Self { events, action, asked, span, started: Instant::now(), calls: 0, ended: false }
    }

    /// The span of the wait.
    pub(super) fn span(&self) -> Traced {
        self.span.clone()
    }

    /// Counts a call.
    pub(super) fn asked(&mut self) {
        self.calls += 1;
    }

    /// The number of finished calls.
    pub(super) fn calls(&self) -> u32 {
        self.calls
    }

    /// Reports that the wait continues.
    pub(super) fn continues(&self, state: Option<&str>, error: Option<&Error>, next_after: Duration) {
        self.events.tell(|| {
            Event::WaitContinues(WaitContinues {
                action: self.action,
                asked: self.asked,
                calls: self.calls,
                state,
                error,
                next_after,
            })
        });
    }

    /// Reports the end of the wait.
    pub(super) fn ended(&mut self, outcome: WaitOutcome<'_>) {
        self.ended = true;
        self.span.ended(self.calls, outcome);
        self.events.tell(|| {
            Event::WaitEnded(WaitEnded {
                action: self.action,
                asked: self.asked,
                calls: self.calls,
                elapsed: self.started.elapsed(),
                outcome,
            })
        });
    }
}

impl Drop for Observer<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.ended(WaitOutcome::Abandoned);
        }
    }
}

#[cfg(feature = "tracing")]
mod span {
    use std::future::Future;

    use tracing::field::Empty;
    use tracing::{Instrument, Span, info_span};

    use crate::event::WaitOutcome;

    /// A wait as a span; the spans of its calls are inside.
    #[derive(Clone)]
    pub(in crate::waiter) struct Traced(Span);

    impl Traced {
        pub(super) fn wait(product: &str, action: &str, asked: &str) -> Self {
            Self(info_span!(
                "wait",
                otel.name = %format_args!("wait {product}/{action}"),
                otel.status_code = Empty,
                rpc.service = product,
                rpc.method = action,
                asked,
                calls = Empty,
                outcome = Empty
            ))
        }

        /// The future inside the span.
        pub(in crate::waiter) fn of<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
            future.instrument(self.0.clone())
        }

        pub(super) fn ended(&self, calls: u32, outcome: WaitOutcome<'_>) {
            self.0.record("calls", calls);
            self.0.record("outcome", outcome.as_str());
            if !matches!(outcome, WaitOutcome::Done | WaitOutcome::Abandoned) {
                self.0.record("otel.status_code", "ERROR");
            }
        }
    }
}

#[cfg(not(feature = "tracing"))]
mod span {
    use std::future::Future;

    use crate::event::WaitOutcome;

    /// Nothing.
    #[derive(Clone)]
    pub(in crate::waiter) struct Traced;

    impl Traced {
        pub(super) fn wait(_: &str, _: &str, _: &str) -> Self {
            Self
        }

        #[expect(clippy::unused_self, reason = "there is a span with the feature")]
        pub(in crate::waiter) fn of<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
            future
        }

        #[expect(clippy::unused_self, reason = "there is a span with the feature")]
        pub(super) fn ended(&self, _: u32, _: WaitOutcome<'_>) {}
    }
}

pub(super) use span::Traced;
