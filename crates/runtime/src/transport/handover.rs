//! Whether a request was handed to a connection: the line between "not sent" and "outcome unknown".

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// Where a transport reports that it hands the request of one attempt to a connection.
///
/// The call creates one for every attempt, passes it to [`Transport::send`](super::Transport::send), and asks it when there is no
/// answer. A transport that can tell the moment calls [`will_report`](Self::will_report) first, and
/// [`happened`](Self::happened) directly before the first byte of the request is written: after the name is resolved, the
/// connection is open, the proxy has opened its tunnel and TLS is established. Everything that fails before is *not sent*,
/// however it fails: a deadline, too.
///
/// For a transport that never calls `will_report`, the request counts as handed over from the start. This is always safe.
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

/// No transport has said that it reports.
const UNREPORTED: u8 = 0;
/// The transport reports, and the request is not handed over yet.
const PENDING: u8 = 1;
/// The request was handed over.
const HAPPENED: u8 = 2;
/// The call was told that the request was not sent, so it must not be sent any more.
const WITHDRAWN: u8 = 3;

impl Handover {
    /// The handover of a request that no transport has seen.
    #[allow(clippy::new_without_default, reason = "it identifies one attempt; there is no default one")]
    pub fn new() -> Self {
        Self(Arc::new(AtomicU8::new(UNREPORTED)))
    }

    /// Announces a report: until [`happened`](Self::happened) is called, the request counts as not sent.
    pub fn will_report(&self) {
        self.change(UNREPORTED, PENDING);
    }

    /// Reports that the request is handed to a connection now, and returns whether it may be.
    ///
    /// `false` means that the call has ended and was told that the request was not sent. The transport must then not write any
    /// part of it. This closes the gap between a deadline and a connection that becomes free in the same moment on another thread.
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
    /// After `false` it never will: the request is withdrawn, and [`happened`](Self::happened) returns `false` from then on. Ask only
    /// when the attempt is over.
    pub fn may_have_been_sent(&self) -> bool {
        self.change(PENDING, WITHDRAWN);
        !self.is_withdrawn()
    }

    /// Whether the call was told that the request was not sent.
    pub(super) fn is_withdrawn(&self) -> bool {
        self.0.load(Ordering::Acquire) == WITHDRAWN
    }

    fn change(&self, from: u8, to: u8) {
        // Another state is kept: a report is final, and so is a withdrawal.
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
    fn a_transport_that_reports_nothing_may_have_sent() {
        assert!(Handover::new().may_have_been_sent());
        let handover = Handover::new();
        assert!(handover.happened() && handover.may_have_been_sent());
    }

    #[test]
    fn what_is_announced_counts_as_not_sent_until_it_happened() {
        let handover = Handover::new();
        handover.will_report();
        assert!(handover.clone().happened());
        // A transport over a transport announces twice.
        handover.will_report();
        assert!(handover.happened() && handover.may_have_been_sent());
    }

    #[test]
    fn what_was_reported_as_not_sent_can_no_longer_be_sent() {
        let handover = Handover::new();
        handover.will_report();
        assert!(!handover.may_have_been_sent());
        handover.will_report();
        assert!(!handover.happened() && !handover.may_have_been_sent());
    }

    #[test]
    fn a_deadline_and_a_handover_at_once_agree() {
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
