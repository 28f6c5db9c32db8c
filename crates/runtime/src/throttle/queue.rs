//! Callers of one quota wait in the order in which they came until its ledger has a slot for them.

use std::fmt;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Mutex as Turnstile, Notify};
use tokio::time::{Instant, timeout, timeout_at};

use super::limit::RateLimit;
use super::permit::{Permit, PermitHolder, QuotaSource, Report};
use super::store::{AcquireFuture, AcquireOptions, Quota, QuotaState, Refused};
use super::window::{Flow, Slot, Window};
use crate::lock::lock;

/// How long the first caller of a line may be overdue before others overtake it: its runtime may have stopped.
const OVERDUE: Duration = Duration::from_millis(100);

/// Where a [`Window`] is kept, with a clock. No method waits.
pub(super) trait Ledger: fmt::Debug + Send + Sync + 'static {
    /// What gives the permits.
    fn source(&self) -> QuotaSource;

    /// A slot that is free now, where that is known without waiting for anything.
    fn take_at_once(&self) -> Option<Slot>;

    /// A slot, or how long to wait before asking again; `None` if that depends on a permit that is out.
    fn take(&self) -> Result<Slot, Option<Duration>>;

    fn report(&self, slot: Slot, report: Report);

    fn lower(&self, limit: RateLimit);

    /// Looks at the window, as it is known here, and the time.
    fn read<T>(&self, read: impl FnOnce(&mut Window, Duration) -> T) -> T;
}

/// A ledger and the callers that wait for it.
#[derive(Debug)]
pub(super) struct Queue<L> {
    ledger: L,
    /// How many wait in each line.
    waiting: [AtomicUsize; 2],
    /// One line for retries, and one for the others. A turnstile is held by the first of its line; tokio's mutex is first come,
    /// first served, and a dropped waiter leaves the line.
    turnstiles: [Turnstile<()>; 2],
    /// Wakes the first of each line when something changed for them.
    changed: Notify,
    /// When the first of a line looks at the ledger next.
    due: Mutex<Option<Instant>>,
}

/// Tells a window what became of the request in a slot.
pub(super) fn apply(window: &mut Window, slot: Slot, now: Duration, report: Report) {
    match report {
        Report::Unused | Report::NotSent => window.give_back(slot, now),
        Report::Sent => window.sent(slot, now),
        Report::Answered => window.answered(slot, now),
        Report::Throttled { delay } => window.throttled(slot, now, delay),
        Report::Unanswered => window.given_up(slot),
    }
}

/// Tells the flow of a process's own requests what became of one.
pub(super) fn follow(flow: &mut Flow, report: Report, now: Duration) {
    match report {
        Report::Unused => {}
        Report::Sent => flow.sent(now),
        Report::Answered | Report::Throttled { .. } => {
            flow.answered(now);
            flow.ended();
        }
        Report::NotSent | Report::Unanswered => flow.ended(),
    }
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
        if let Some(permit) = self.clone().try_acquire() {
            return Ok(permit);
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
        // A deadline too far for the clock is none.
        let Some(deadline) = arrived.checked_add(ask.max_wait) else { return Ok(turn.await) };
        timeout_at(deadline, turn).await.map_err(|_| {
            // What was expected turned out too short: the slots are held longer, or the service asked for a pause.
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
            // Before looking, so that no change after the look is missed.
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
                // Either is a reason to look again.
                Some(time) => drop(timeout_at(time, changed).await),
                None => changed.await,
            }
        }
    }

    /// How long a caller with so many ahead waits, about.
    fn expected(&self, ahead: usize) -> Duration {
        self.ledger.read(|window, now| window.expected(ahead, now).saturating_sub(now))
    }

    /// Whether the first of the line should have looked at the ledger long ago.
    fn is_overdue(&self) -> bool {
        lock(&self.due).is_some_and(|due| due + OVERDUE <= Instant::now())
    }

    fn permit(self: &Arc<Self>, slot: Slot) -> Permit {
        Permit::of_slot(self.ledger.source(), self.clone(), slot)
    }

    fn waiting_in(&self, lines: std::ops::RangeToInclusive<usize>) -> usize {
        self.waiting[lines].iter().map(|line| line.load(SeqCst)).sum()
    }

    /// The first of a line should look at the ledger now.
    fn wake(&self) {
        *lock(&self.due) = Some(Instant::now());
        self.changed.notify_waiters();
    }
}

impl<L: Ledger> Quota for Queue<L> {
    fn try_acquire(self: Arc<Self>) -> Option<Permit> {
        if self.waiting_in(..=OTHERS) > 0 {
            return None;
        }
        let slot = self.ledger.take_at_once()?;
        Some(Permit::of_slot(self.ledger.source(), self, slot))
    }

    fn acquire(self: Arc<Self>, ask: AcquireOptions) -> AcquireFuture {
        Box::pin(self.wait(ask))
    }

    fn lower(&self, limit: RateLimit) {
        self.ledger.lower(limit);
    }

    fn state(&self) -> QuotaState {
        self.ledger.read(|window, now| QuotaState {
            paused_for: window.paused_until().map_or(Duration::ZERO, |end| end.saturating_sub(now)),
            learned_rate: window.learned_rate(now),
            fallback: self.ledger.source() == QuotaSource::LocalShare,
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
