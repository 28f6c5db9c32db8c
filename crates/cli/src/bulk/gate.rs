//! Stops a bulk early when its remaining rows are unlikely to succeed.
//!
//! The first row is sent alone. Once the service has responded to a row, rows are sent as fast as the quota allows.
//! After trouble (the identity is refused, the outcome is unknown, a request cannot be sent), rows are sent one by one
//! again, until one gets a response or the configured number of consecutive attempts has failed and the run stops.
//! Calls that were in flight together when the trouble began count as one attempt.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alibabacloud_cams::{Error, ErrorKind};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::exit::is_about_the_shared_quota;

/// The wait after the first failed attempt; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(8);

/// A reason to expect that further rows fail too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The service refused the access key, the permission or the subscription.
    Refused,
    /// The request was sent, and the outcome is unknown.
    Unknown,
    /// The request could not be sent.
    NotSent,
    /// The store of the shared quota cannot be used.
    QuotaUnusable,
    /// The request was throttled until its deadline.
    Throttled,
}

impl Trouble {
    /// The trouble of a failed call; `None` if it concerns only this row.
    pub(crate) fn of(error: &Error) -> Option<Self> {
        if error.outcome_unknown() {
            return Some(Self::Unknown);
        }
        match error.kind() {
            _ if is_about_the_shared_quota(error) => Some(Self::QuotaUnusable),
            ErrorKind::NotSent | ErrorKind::Credentials | ErrorKind::QuotaWait | ErrorKind::Configuration => {
                Some(Self::NotSent)
            }
            ErrorKind::Throttled => Some(Self::Throttled),
            ErrorKind::Service if error.is_auth() || is_about_the_clock(error) => Some(Self::Refused),
            _ => None,
        }
    }

    /// Whether the row is retried in the same run: it was not executed, and the row is valid.
    pub(crate) fn is_retried(self) -> bool {
        matches!(self, Self::NotSent | Self::QuotaUnusable | Self::Throttled)
    }
}

/// Whether the service rejected the timestamp, after the client has corrected its clock.
fn is_about_the_clock(error: &Error) -> bool {
    error
        .code()
        .is_some_and(|code| ["InvalidTimeStamp", "IllegalTimestamp"].iter().any(|family| code.starts_with(family)))
}

/// Why the run stops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tripped {
    pub(crate) trouble: Trouble,
    pub(crate) attempts: u32,
    /// The error of the last attempt.
    pub(crate) cause: String,
    /// Rows that were refused because of the identity. They are recorded as failed, but are not done.
    pub(crate) refused: Vec<u64>,
}

/// What to do after trouble.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The next attempt comes after this wait. The number counts consecutive failed attempts; 0 if the call does not
    /// count.
    Continue(u32, Duration),
    /// This was the last attempt.
    Stop(Tripped),
    /// An earlier call has stopped the run.
    Stopped,
}

/// Admits rows.
#[derive(Debug)]
pub(crate) struct Gate {
    /// The number of consecutive failed attempts that stops the run; `None` if there is no such number.
    limit: Option<u32>,
    state: Mutex<Admissions>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Admissions {
    /// Whether a row got a response since the last trouble.
    open: bool,
    /// Whether any row of this run got a response.
    answered: bool,
    stopped: bool,
    admitted: u64,
    in_flight: usize,
    /// Consecutive failed attempts.
    attempts: u32,
    /// The number of rows admitted when the last attempt failed; calls of earlier rows do not count.
    counted: u64,
    refused: Vec<u64>,
    not_before: Option<Instant>,
}

/// An admitted row.
#[derive(Debug)]
pub(crate) struct Pass<'g> {
    gate: &'g Gate,
    number: u64,
}

impl Gate {
    pub(crate) fn new(limit: Option<u32>) -> Self {
        Self { limit, state: Mutex::default(), changed: Notify::new() }
    }

    /// Waits until a row may be sent; `None` once the run has stopped.
    pub(crate) async fn admit(&self) -> Option<Pass<'_>> {
        loop {
            let changed = self.changed.notified();
            let not_before = {
                let mut state = self.state();
                if state.stopped {
                    return None;
                }
                let not_before = state.not_before.filter(|instant| *instant > Instant::now());
                if state.open || (state.in_flight == 0 && not_before.is_none()) {
                    state.admitted += 1;
                    state.in_flight += 1;
                    return Some(Pass { gate: self, number: state.admitted });
                }
                not_before
            };
            match not_before {
                Some(instant) => tokio::select! {
                    () = changed => {}
                    () = sleep_until(instant) => {}
                },
                None => changed.await,
            }
        }
    }

    /// Admits no more rows.
    pub(crate) fn stop(&self) {
        self.state().stopped = true;
        self.changed.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, Admissions> {
        // A panic elsewhere cannot leave the state inconsistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass<'_> {
    /// The service responded to the row.
    pub(crate) fn answered(self) {
        let mut state = self.gate.state();
        (state.open, state.answered, state.attempts, state.not_before) = (true, true, 0, None);
        state.refused.clear();
    }

    /// The row ran into trouble.
    pub(crate) fn troubled(self, row: u64, trouble: Trouble, cause: &str) -> Next {
        let mut state = self.gate.state();
        if state.stopped {
            return Next::Stopped;
        }
        state.open = false;
        if trouble == Trouble::Refused {
            state.refused.push(row);
        }
        if self.number <= state.counted {
            return Next::Continue(0, Duration::ZERO);
        }
        state.counted = state.admitted;
        state.attempts += 1;
        let attempts = state.attempts;
        if self.gate.limit.is_some_and(|limit| attempts >= limit) {
            state.stopped = true;
            return Next::Stop(Tripped {
                trouble,
                attempts,
                cause: cause.to_owned(),
                refused: std::mem::take(&mut state.refused),
            });
        }
        // A service that responded before may recover; one that never did is more likely a wrong setting.
        let wait = if state.answered && trouble != Trouble::Refused {
            FIRST_WAIT.saturating_mul(1 << (attempts - 1).min(10)).min(LONGEST_WAIT)
        } else {
            Duration::ZERO
        };
        state.not_before = Instant::now().checked_add(wait);
        Next::Continue(attempts, wait)
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.gate.state().in_flight -= 1;
        self.gate.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn now<F: Future>(future: F) -> Option<F::Output> {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_row_is_sent_alone_and_a_response_admits_the_others() {
        let gate = Gate::new(Some(5));
        let first = gate.admit().await.unwrap();
        assert!(now(gate.admit()).is_none(), "while the first is in flight");
        first.answered();
        let passes: Vec<_> = (0..10).map(|_| now(gate.admit()).unwrap().unwrap()).collect();
        // One of them fails: rows are sent one by one from here on, and the others in flight do not count.
        let mut passes = passes.into_iter();
        assert!(matches!(passes.next().unwrap().troubled(1, Trouble::Unknown, ""), Next::Continue(1, _)));
        for pass in passes {
            assert_eq!(pass.troubled(1, Trouble::Unknown, ""), Next::Continue(0, Duration::ZERO));
        }
        let pass = gate.admit().await.unwrap();
        assert!(now(gate.admit()).is_none());
        pass.answered();
        assert_eq!(gate.state().attempts, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn consecutive_trouble_stops_with_the_last_cause_and_the_refused_rows() {
        let gate = Gate::new(Some(3));
        for row in 1..=2 {
            let next = gate.admit().await.unwrap().troubled(row, Trouble::Refused, "refused");
            assert_eq!(next, Next::Continue(u32::try_from(row).unwrap(), Duration::ZERO));
        }
        let Next::Stop(tripped) =
            gate.admit().await.unwrap().troubled(3, Trouble::Refused, "InvalidAccessKeyId.NotFound")
        else {
            panic!("the gate must not stop yet")
        };
        assert_eq!(
            (tripped.attempts, tripped.refused, &*tripped.cause),
            (3, vec![1, 2, 3], "InvalidAccessKeyId.NotFound")
        );
        assert!(gate.admit().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_responded_before_gets_time_to_recover() {
        let gate = Gate::new(Some(5));
        gate.admit().await.unwrap().answered();
        let began = Instant::now();
        for _ in 0..4 {
            let next = gate.admit().await.unwrap().troubled(1, Trouble::NotSent, "away");
            assert!(matches!(next, Next::Continue(1.., _)));
        }
        gate.admit().await.unwrap().answered();
        assert_eq!(began.elapsed(), FIRST_WAIT * (1 + 2 + 4 + 8));
        // One that never responded is tried without a wait.
        let gate = Gate::new(None);
        let began = Instant::now();
        for _ in 0..100 {
            gate.admit().await.unwrap().troubled(1, Trouble::NotSent, "away");
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_row_that_is_dropped_or_stopped_leaves_the_gate_usable() {
        let gate = Gate::new(Some(5));
        drop(gate.admit().await);
        let pass = gate.admit().await.unwrap();
        gate.stop();
        assert!(gate.admit().await.is_none());
        assert_eq!(pass.troubled(1, Trouble::NotSent, ""), Next::Stopped);
    }
}
