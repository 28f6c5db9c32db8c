//! Whether a request was handed to a connection, which distinguishes "not sent" from "outcome unknown".

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// Reports when a transport hands the request of one attempt to a connection.
///
/// The call creates one for every attempt, passes it to [`Transport::send`](super::Transport::send), and reads it if
/// there is no response. A transport that knows the moment calls [`will_report`](Self::will_report) first, and
/// [`happened`](Self::happened) directly before it writes the first byte of the request: after the name is resolved,
/// the connection is open, the proxy has opened its tunnel and TLS is established. Every failure before that, including
/// a deadline, is *not sent*.
///
/// If a transport never calls `will_report`, the request counts as handed over from the start, which is always safe.
///
/// Cheap to clone; clones report the same handover.
///
/// ```
/// use alibabacloud_runtime::transport::Handover;
///
/// let handover = Handover::new();
/// handover.will_report();
/// // Resolve, connect, then:
/// assert!(handover.happened());
/// // Write the request.
/// assert!(handover.may_have_been_sent());
/// ```
#[derive(Clone)]
pub struct Handover(Arc<AtomicU8>);

/// No transport has announced a report.
const UNREPORTED: u8 = 0;
/// The transport reports, and the request is not handed over yet.
const PENDING: u8 = 1;
/// The request was handed over.
const HAPPENED: u8 = 2;
/// The call ended as not sent, so the request must not be sent any more.
const WITHDRAWN: u8 = 3;

impl Handover {
    /// The handover of a request that no transport has received.
    #[allow(clippy::new_without_default, reason = "it identifies one attempt; there is no default one")]
    pub fn new() -> Self {
        Self(Arc::new(AtomicU8::new(UNREPORTED)))
    }

    /// Announces a report: until [`happened`](Self::happened) is called, the request counts as not sent.
    pub fn will_report(&self) {
        self.change(UNREPORTED, PENDING);
    }

    /// Reports that the request is being handed to a connection, and returns whether it may be.
    ///
    /// `false` means that the call has ended as not sent. The transport must then not write any part of the request.
    /// This resolves the race between a deadline and a connection that becomes free on another thread at the same
    /// moment.
    #[must_use = "a request that was withdrawn must not be written"]
    pub fn happened(&self) -> bool {
        let mut state = self.0.load(Ordering::Acquire);
        while state < HAPPENED {
            match self.0.compare_exchange(state, HAPPENED, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return true,
                Err(found) => state = found,
            }
        }
        state == HAPPENED
    }

    /// Whether the request may have reached the server.
    ///
    /// After `false` it never will: the request is withdrawn, and [`happened`](Self::happened) returns `false` from
    /// then on. Call this only when the attempt is over.
    pub fn may_have_been_sent(&self) -> bool {
        self.change(PENDING, WITHDRAWN);
        !self.is_withdrawn()
    }

    /// Whether the call ended as not sent.
    pub(super) fn is_withdrawn(&self) -> bool {
        self.0.load(Ordering::Acquire) == WITHDRAWN
    }

    fn change(&self, from: u8, to: u8) {
        // Any other state is kept: a report is final, and so is a withdrawal.
        let _ = self.0.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire);
    }
}

impl fmt::Debug for Handover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.0.load(Ordering::Acquire) {
            UNREPORTED => "not reported",
            PENDING => "pending",
            HAPPENED => "happened",
            _ => "withdrawn",
        };
        f.debug_tuple("Handover").field(&format_args!("{state}")).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_reports_a_request_may_have_been_sent() {
        assert!(Handover::new().may_have_been_sent());
        let handover = Handover::new();
        assert!(handover.happened() && handover.may_have_been_sent());
    }

    #[test]
    fn an_announced_request_is_not_sent_until_it_is_handed_over() {
        let handover = Handover::new();
        handover.will_report();
        assert!(handover.clone().happened());
        // A transport that wraps another one announces twice.
        handover.will_report();
        assert!(handover.happened() && handover.may_have_been_sent());
    }

    #[test]
    fn a_request_reported_as_not_sent_cannot_be_sent() {
        let handover = Handover::new();
        handover.will_report();
        assert!(!handover.may_have_been_sent());
        handover.will_report();
        assert!(!handover.happened() && !handover.may_have_been_sent());
    }

    #[test]
    fn a_concurrent_deadline_and_handover_agree() {
        for _ in 0..2_000 {
            let handover = Handover::new();
            handover.will_report();
            let transport = handover.clone();
            let thread = std::thread::spawn(move || transport.happened());
            let may_have_been_sent = handover.may_have_been_sent();
            assert_eq!(thread.join().unwrap(), may_have_been_sent);
        }
    }
}
