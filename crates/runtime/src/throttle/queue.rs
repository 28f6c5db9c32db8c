//! The calls that wait for a slot of a quota, in the order in which they arrived.

use std::fmt;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Mutex as Turnstile, Notify};
use tokio::time::{Instant, timeout, timeout_at};

use super::limit::RateLimit;
use super::permit::{Permit, PermitHolder, QuotaSource, Report, Slot};
use super::store::{AcquireFuture, AcquireOptions, Quota, QuotaState, Refused};
use super::window::Window;
use crate::lock::lock;

/// How long the first call of a line can be overdue before others overtake it, because its runtime may be blocked.
const OVERDUE: Duration = Duration::from_millis(100);

/// The owner of a [`Window`], with a clock. No method waits.
pub(super) trait Ledger: fmt::Debug + Send + Sync + 'static {
    /// A slot and its origin, or the time until the next attempt; `None` if the time depends on a permit in use.
    fn take(&self) -> Result<(QuotaSource, Slot), Option<Duration>>;

    fn report(&self, slot: Slot, report: Report);

    fn lower(&self, limit: RateLimit);

    /// Whether a local window is used because another one is unusable.
    fn is_fallback(&self) -> bool {
        false
    }

    /// Reads the window as known here, and the time.
    fn read<T>(&self, read: impl FnOnce(&mut Window, Duration) -> T) -> T;
}

/// A ledger and the calls that wait for it.
#[derive(Debug)]
pub(super) struct Queue<L> {
    ledger: L,
    /// The number of waiting calls in each line.
    waiting: [AtomicUsize; 2],
    /// One line for retries, and one for the other calls. The first call of a line holds its turnstile: the mutex of
    /// tokio is fair, and a dropped waiter leaves the line.
    turnstiles: [Turnstile<()>; 2],
    /// Wakes the first call of each line after a change.
    changed: Notify,
    /// When the first call of a line reads the ledger next.
    due: Mutex<Option<Instant>>,
}

const RETRIES: usize = 0;
const OTHERS: usize = 1;

impl<L: Ledger> Queue<L> {
    pub(super) fn new(ledger: L) -> Self {
        Self {
            ledger,
            waiting: [AtomicUsize::new(0), AtomicUsize::new(0)],
            turnstiles: [Turnstile::new(()), Turnstile::new(())],
            changed: Notify::new(),
            due: Mutex::new(None),
        }
    }

    async fn wait(self: Arc<Self>, ask: AcquireOptions) -> Result<Permit, Refused> {
        if let Some(slot) = self.try_acquire() {
            return Ok(self.permit(slot));
        }
        let arrived = Instant::now();
        let line = if ask.is_retry { RETRIES } else { OTHERS };
        let ahead = self.waiting_in(..=line);
        let needed = self.expected(ahead);
        if needed > ask.max_wait {
            return Err(Refused::TooLong { needed });
        }
        if ahead >= ask.max_waiting {
            return Err(Refused::QueueFull { needed });
        }
        self.waiting[line].fetch_add(1, SeqCst);
        let turn = self.take_turn(Place { queue: &*self, line }, needed);
        // A deadline beyond the range of the clock is no deadline.
        let Some(deadline) = arrived.checked_add(ask.max_wait) else { return Ok(turn.await) };
        timeout_at(deadline, turn).await.map_err(|_| {
            // The estimate was too short: slots are held longer, or the service requested a pause.
            Refused::TooLong { needed: self.expected(0).saturating_add(arrived.elapsed()) }
        })
    }

    async fn take_turn(self: &Arc<Self>, place: Place<'_, L>, expected: Duration) -> Permit {
        let mut turn = pin!(self.turnstiles[place.line].lock());
        let mut patience = expected;
        let _turn = loop {
            match timeout(patience.saturating_add(OVERDUE), turn.as_mut()).await {
                Ok(turn) => break turn,
                Err(_) if self.is_overdue() => {
                    if let Ok(slot) = self.ledger.take() {
                        return self.permit(slot);
                    }
                    patience = Duration::ZERO;
                }
                Err(_) => patience = self.expected(0),
            }
        };
        loop {
            // Registered before the read, so that no later change is missed.
            let changed = self.changed.notified();
            let look_again = if place.line == OTHERS && self.waiting_in(..=RETRIES) > 0 {
                None
            } else {
                match self.ledger.take() {
                    Ok(slot) => return self.permit(slot),
                    Err(wait) => {
                        let time = wait.and_then(|wait| Instant::now().checked_add(wait));
                        *lock(&self.due) = time;
                        time
                    }
                }
            };
            match look_again {
                // Both results lead to another read.
                Some(time) => drop(timeout_at(time, changed).await),
                None => changed.await,
            }
        }
    }

    /// The estimated wait of a call with this many calls ahead.
    fn expected(&self, ahead: usize) -> Duration {
        self.ledger.read(|window, now| window.expected(ahead, now).saturating_sub(now))
    }

    /// Whether the first call of the line is overdue.
    fn is_overdue(&self) -> bool {
        lock(&self.due).is_some_and(|due| due + OVERDUE <= Instant::now())
    }

    fn permit(self: &Arc<Self>, (source, slot): (QuotaSource, Slot)) -> Permit {
        Permit::new(source, self.clone(), slot)
    }

    fn waiting_in(&self, lines: std::ops::RangeToInclusive<usize>) -> usize {
        self.waiting[lines].iter().map(|line| line.load(SeqCst)).sum()
    }

    /// Makes the first call of a line read the ledger now.
    fn wake(&self) {
        *lock(&self.due) = Some(Instant::now());
        self.changed.notify_waiters();
    }
}

impl<L: Ledger> Quota for Queue<L> {
    fn try_acquire(&self) -> Option<(QuotaSource, Slot)> {
        if self.waiting_in(..=OTHERS) > 0 { None } else { self.ledger.take().ok() }
    }

    fn acquire(self: Arc<Self>, ask: AcquireOptions) -> AcquireFuture {
        Box::pin(self.wait(ask))
    }

    fn lower(&self, limit: RateLimit) {
        self.ledger.lower(limit);
    }

    fn state(&self) -> QuotaState {
        let fallback = self.ledger.is_fallback();
        self.ledger.read(|window, now| QuotaState {
            paused_for: window.paused_until().map_or(Duration::ZERO, |end| end.saturating_sub(now)),
            learned_rate: window.learned_rate(now),
            fallback,
        })
    }
}

impl<L: Ledger> PermitHolder for Queue<L> {
    fn report(&self, slot: Slot, report: Report) {
        self.ledger.report(slot, report);
        if self.waiting_in(..=OTHERS) > 0 {
            self.wake();
        }
    }
}

/// A place in a line, given back when dropped.
struct Place<'q, L: Ledger> {
    queue: &'q Queue<L>,
    line: usize,
}

impl<L: Ledger> Drop for Place<'_, L> {
    fn drop(&mut self) {
        self.queue.waiting[self.line].fetch_sub(1, SeqCst);
        if self.queue.waiting_in(..=OTHERS) > 0 {
            self.queue.wake();
        }
    }
}

#[cfg(test)]
mod tests;
