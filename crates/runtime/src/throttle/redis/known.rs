//! The state of a shared quota in this process: the epoch of the server, lost and moved places, and the processes that
//! share it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::server::{Asked, NOTICE};
use crate::lock::lock;
use crate::throttle::limit::RateLimit;
use crate::throttle::share::AHEAD;
use crate::throttle::store::Quota;
use crate::throttle::window::{Answers, Flow};

/// A shorter outage is too short to use a share.
const SHORT_OUTAGE: Duration = Duration::from_secs(1);

/// How often a process reports that it uses the quota.
const COUNTED_EVERY: Duration = Duration::from_secs(1);

/// How long the server keeps the data of an unused quota, less a margin.
const KEPT: Duration = Duration::from_secs(50 * 60);

pub(super) struct Known {
    /// Log, state and members. The braces are a hash tag, so the keys are on one node of a cluster.
    keys: [String; 3],
    limit: Mutex<RateLimit>,
    pub(super) state: Mutex<State>,
    /// The origin of the times in `flow`.
    pub(super) born: Instant,
    /// Wakes calls with a place when it is moved or lost.
    pub(super) disturbed: Notify,
}

#[derive(Default)]
pub(super) struct State {
    /// Whether responses keep arriving.
    pub(super) flow: Flow,
    pub(super) answers: Answers,
    /// The server's name for the period between two losses of data.
    epoch: String,
    /// Increases when reserved places are lost.
    pub(super) losses: u64,
    told_at: Option<Instant>,
    counted_at: Option<Instant>,
    /// The number of processes that use the quota, and the rank of this one, as last reported by the server.
    pub(super) processes: Option<(u32, u32)>,
    /// The places that the last pause moved: their numbers and times.
    moved: Vec<(u64, Instant)>,
    /// The time until which calls wait for the report of a throttled response, so that the server knows the pause first.
    pub(super) reporting_until: Option<Instant>,
    /// The requests of the limit that may be used, as last reported by the server.
    usable: Option<u32>,
    /// This process's part of the limit while the server is unreachable.
    pub(super) part: Option<Arc<dyn Quota>>,
    /// The time until which requests of that part count.
    quiet_until: Option<Instant>,
}

impl Known {
    /// The initial state of the quota with this name.
    pub(super) fn new(name: &str, limit: RateLimit) -> Self {
        Self {
            keys: ["log", "state", "members"].map(|part| format!("alibabacloud-quota:{{{name}}}:{part}")),
            limit: Mutex::new(limit),
            state: Mutex::default(),
            born: Instant::now(),
            disturbed: Notify::new(),
        }
    }

    pub(super) fn keys(&self) -> [&str; 3] {
        [&self.keys[0], &self.keys[1], &self.keys[2]]
    }

    pub(super) fn limit(&self) -> RateLimit {
        *lock(&self.limit)
    }

    pub(super) fn lower(&self, limit: RateLimit) {
        *lock(&self.limit) = limit;
        lock(&self.state).part = None;
    }

    /// The arguments of the next reservation.
    pub(super) fn ask(&self, max_wait: Duration) -> Asked {
        let now = Instant::now();
        let limit = self.limit();
        let mut state = lock(&self.state);
        let counted = state.counted_at.is_none_or(|at| now - at >= COUNTED_EVERY);
        if counted {
            state.counted_at = Some(now);
        }
        // After that time, missing data have expired and were not lost.
        let recent = state.told_at.is_some_and(|at| now - at < KEPT);
        let epoch = if recent { state.epoch.clone() } else { String::new() };
        let quiet = state.quiet_until.map_or(Duration::ZERO, |end| end.saturating_duration_since(now));
        Asked { limit, max_wait, epoch, quiet, counted }
    }

    pub(super) fn told(&self, epoch: &str, processes: u32, rank: u32, usable: u32) {
        let mut state = lock(&self.state);
        if state.epoch != epoch {
            epoch.clone_into(&mut state.epoch);
            state.moved.clear();
        }
        state.told_at = Some(Instant::now());
        if processes > 0 {
            state.processes = Some((processes, rank));
        }
        state.quiet_until = None;
        state.usable = Some(usable);
    }

    /// The share of the limit in requests per second, if others use the rest.
    pub(super) fn learned_rate(&self) -> Option<f64> {
        let limit = self.limit();
        let usable = lock(&self.state).usable.filter(|usable| *usable < limit.requests())?;
        Some(f64::from(usable) / limit.window().as_secs_f64())
    }

    /// A pause moved these places: the number of each, and its time from now.
    pub(super) fn moved(&self, places: &[&str]) {
        let now = Instant::now();
        let place = |pair: &[&str]| {
            let [number, wait] = pair else { return None };
            Some((number.parse().ok()?, now.checked_add(Duration::from_micros(wait.parse().ok()?))?))
        };
        lock(&self.state).moved = places.chunks(2).filter_map(place).collect();
        self.disturbed.notify_waiters();
    }

    /// The outcomes of requests were reported, if the server is reachable.
    pub(super) fn reported(&self) {
        if lock(&self.state).reporting_until.take().is_some() {
            self.disturbed.notify_waiters();
        }
    }

    /// Whether calls wait before they reserve a place.
    pub(super) fn waits(&self) -> bool {
        let state = lock(&self.state);
        // Requests that a stalled network delays can all arrive together.
        let stalled = state.flow.stalled_since(self.born.elapsed().into()).is_some();
        stalled || state.reporting_until.is_some_and(|until| Instant::now() < until)
    }

    /// The server lost its data. Places of other epochs are lost.
    pub(super) fn lost(&self, epoch: &str) {
        let mut state = lock(&self.state);
        if epoch.is_empty() || state.epoch != epoch {
            state.losses += 1;
            drop(state);
            self.disturbed.notify_waiters();
        }
    }

    /// The server is unreachable.
    pub(super) fn fall_back(&self) {
        let mut state = lock(&self.state);
        // If the server was never reached, the existing part stays in use.
        if state.told_at.is_some() {
            state.part = None;
        }
    }

    /// The server is reachable again, after this time.
    pub(super) fn recover(&self, down_for: Duration) {
        let window = self.limit().window();
        let mut state = lock(&self.state);
        let part = state.part.take();
        // Other processes notice later, and their last requests also count for one window.
        if down_for >= SHORT_OUTAGE || (part.is_some() && state.told_at.is_none()) {
            state.quiet_until = Some(Instant::now() + NOTICE + window + Duration::from(AHEAD));
        }
    }

    /// Waits for the time of a place, and returns it; `None` if the place was lost with the data. If the time was moved
    /// beyond the deadline, it is returned at once.
    pub(super) async fn waits_for(&self, number: u64, due: Instant, losses: u64, deadline: Instant) -> Option<Instant> {
        let mut due = due;
        loop {
            let disturbed = self.disturbed.notified();
            {
                let state = lock(&self.state);
                if state.losses != losses {
                    return None;
                }
                if let Some((_, moved)) = state.moved.iter().find(|(moved, _)| *moved == number) {
                    due = *moved;
                }
            }
            if due > deadline || timeout_at(due, disturbed).await.is_err() {
                return Some(due);
            }
        }
    }

    /// The shortest wait of a call with this many calls ahead.
    pub(super) fn expected(&self, ahead: usize) -> Duration {
        let limit = self.limit();
        let state = lock(&self.state);
        let processes = state.processes.map_or(1, |(processes, _)| processes as usize);
        let usable = state.usable.map_or(limit.requests(), |usable| usable.clamp(1, limit.requests()));
        let rounds = ahead.saturating_mul(processes) / usable as usize;
        limit.window().saturating_mul(u32::try_from(rounds).unwrap_or(u32::MAX))
    }
}
