//! The quotas of this process: what a [`Throttle`](super::Throttle) has unless it is given another store.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::limit::RateLimit;
use super::permit::{QuotaSource, Report};
use super::queue::{Ledger, Queue, apply};
use super::store::{Quota, QuotaKey, QuotaStore};
use super::window::{Slot, Turn, Window};

#[derive(Debug)]
pub(super) struct LocalQuotas;

impl QuotaStore for LocalQuotas {
    fn open(&self, _key: &QuotaKey, limit: Option<RateLimit>) -> Arc<dyn Quota> {
        Arc::new(Queue::new(Local::new(Window::new(limit), QuotaSource::Local)))
    }
}

/// A window in memory.
#[derive(Debug)]
pub(super) struct Local {
    source: QuotaSource,
    born: Instant,
    window: Mutex<Window>,
}

impl Local {
    /// The window counts time from now on.
    pub(super) fn new(window: Window, source: QuotaSource) -> Self {
        Self { source, born: Instant::now(), window: Mutex::new(window) }
    }

    fn now(&self) -> Duration {
        self.born.elapsed()
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        // A panic elsewhere cannot leave the window half changed: nothing in it panics between two changes.
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger for Local {
    fn source(&self) -> QuotaSource {
        self.source
    }

    fn lower(&self, limit: RateLimit) {
        self.window().lower(limit);
    }

    fn take_at_once(&self) -> Option<Slot> {
        let mut window = self.window();
        // Reading the clock dominates; try without it first.
        window.take_without_clock().or_else(|| match window.take(self.now()) {
            Turn::Now(slot) => Some(slot),
            Turn::At(_) | Turn::Unknown => None,
        })
    }

    fn take(&self) -> Result<Slot, Option<Duration>> {
        let now = self.now();
        match self.window().take(now) {
            Turn::Now(slot) => Ok(slot),
            Turn::At(time) => Err(Some(time.saturating_sub(now))),
            Turn::Unknown => Err(None),
        }
    }

    fn report(&self, slot: Slot, report: Report) {
        let now = self.now();
        apply(&mut self.window(), slot, now, report);
    }

    fn read<T>(&self, read: impl FnOnce(&mut Window, Duration) -> T) -> T {
        read(&mut self.window(), self.now())
    }
}
