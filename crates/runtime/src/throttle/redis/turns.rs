//! The share of one process while Redis cannot be reached: it takes turns with the others, by the clock that Redis had.
//!
//! The processes send one after the other, evenly, in the order of their names. So they keep the limit together without a word
//! between them, also where there are more processes than requests in a window.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::throttle::permit::{Permit, PermitHolder, QuotaSource, Report};
use crate::throttle::store::Refused;
use crate::throttle::window::Slot;

/// The turns of this process.
pub(super) struct Turns {
    /// When a turn of this process was, or is.
    origin: Instant,
    /// From one turn of this process to its next one.
    cycle: Duration,
    /// A turn that is missed by more is not used.
    allowance: Duration,
    /// The pause after a throttled response that names none.
    window: Duration,
    state: Mutex<State>,
}

struct State {
    /// The first free turn, counted from the origin.
    next: u32,
    paused_until: Option<Instant>,
}

impl Turns {
    /// Turns from `begin` on.
    pub(super) fn new(
        origin: Instant,
        cycle: Duration,
        allowance: Duration,
        window: Duration,
        begin: Instant,
    ) -> Arc<Self> {
        let mut turns =
            Self { origin, cycle, allowance, window, state: Mutex::new(State { next: 0, paused_until: None }) };
        let next = turns.first_after(begin);
        turns.state.get_mut().unwrap_or_else(PoisonError::into_inner).next = next;
        Arc::new(turns)
    }

    /// Waits for a turn of its own.
    pub(super) async fn acquire(self: &Arc<Self>, max_wait: Duration) -> Result<Permit, Refused> {
        let began = Instant::now();
        loop {
            let at = {
                let mut state = self.state();
                let now = Instant::now();
                let from = state.paused_until.map_or(now, |end| end.max(now));
                let turn = state.next.max(self.first_after(from));
                let at = self.origin + self.cycle.saturating_mul(turn);
                let needed = at.saturating_duration_since(began);
                if needed > max_wait {
                    return Err(Refused::TooLong { needed });
                }
                state.next = turn + 1;
                at
            };
            sleep_until(at).await;
            let paused = self.state().paused_until.is_some_and(|end| at < end);
            // Late: this process did not run, and the turn of another one has come.
            if !paused && Instant::now() <= at + self.allowance {
                return Ok(Permit::new(QuotaSource::LocalShare, self.clone()));
            }
        }
    }

    /// The first turn that is not before that time.
    fn first_after(&self, time: Instant) -> u32 {
        let turns = time.saturating_duration_since(self.origin).as_nanos().div_ceil(self.cycle.as_nanos().max(1));
        u32::try_from(turns).unwrap_or(u32::MAX - 1)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere cannot leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What becomes of a turn's request changes nothing for the next ones, but for a pause.
impl PermitHolder for Turns {
    fn report(&self, _: Slot, report: Report) {
        if let Report::Throttled { delay } = report
            && let Some(end) = Instant::now().checked_add(delay.unwrap_or(self.window))
        {
            self.state().paused_until = Some(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[tokio::test(start_paused = true)]
    async fn processes_take_turns_one_after_the_other() {
        let start = Instant::now();
        let processes: Vec<_> = (0..4)
            .map(|rank| Turns::new(start + rank * 100 * MS, 400 * MS, 50 * MS, 1000 * MS, start + 450 * MS))
            .collect();
        let mut tasks = tokio::task::JoinSet::new();
        for turns in processes {
            for _ in 0..3 {
                let turns = turns.clone();
                tasks.spawn(async move {
                    drop(turns.acquire(Duration::from_secs(60)).await.unwrap());
                    start.elapsed().as_millis()
                });
            }
        }
        let mut times = tasks.join_all().await;
        times.sort_unstable();
        assert_eq!(times, (5..17).map(|turn| turn * 100).collect::<Vec<_>>());
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_cannot_come_in_time_is_refused_at_once_and_a_pause_is_kept() {
        let start = Instant::now();
        let turns = Turns::new(start, 400 * MS, 50 * MS, 1000 * MS, start);
        let mut first = turns.acquire(Duration::ZERO).await.unwrap();
        assert_eq!(turns.acquire(399 * MS).await.unwrap_err(), Refused::TooLong { needed: 400 * MS });
        first.sent();
        first.throttled(Some(1000 * MS));
        drop(turns.acquire(Duration::from_secs(60)).await.unwrap());
        assert_eq!(start.elapsed(), 1200 * MS);
    }
}
