//! The quotas of this process, which a [`Throttle`](super::Throttle) uses by default.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::limit::RateLimit;
use super::permit::{QuotaSource, Report, Slot};
use super::queue::{Ledger, Queue};
use super::store::{Quota, QuotaKey, QuotaStore};
use super::window::{Availability, Window};
use crate::lock::lock;

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
}

impl Ledger for Local {
    fn lower(&self, limit: RateLimit) {
        lock(&self.window).lower(limit);
    }

    fn take(&self) -> Result<(QuotaSource, Slot), Option<Duration>> {
        let mut window = lock(&self.window);
        // Reading the clock dominates; try without it first.
        if let Some(slot) = window.take_without_clock() {
            return Ok((self.source, slot));
        }
        let now = self.now();
        match window.take(now) {
            Availability::Now(slot) => Ok((self.source, slot)),
            Availability::At(time) => Err(Some(time.saturating_sub(now))),
            Availability::Unknown => Err(None),
        }
    }

    fn report(&self, slot: Slot, report: Report) {
        let now = self.now();
        lock(&self.window).report(slot, report, now);
    }

    fn read<T>(&self, read: impl FnOnce(&mut Window, Duration) -> T) -> T {
        read(&mut lock(&self.window), self.now())
    }
}
