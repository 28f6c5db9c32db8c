//! What this process knows of one shared quota: the server's epoch, the places that are gone, pauses, and who shares it.

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

/// How long a message of a pause may be under way without sending those to reserve again who did so after the pause began.
const MESSAGE: Duration = Duration::from_millis(10);

/// An outage that was shorter was too short to use a share.
const SHORT_OUTAGE: Duration = Duration::from_secs(1);

/// How often a process tells that it uses the quota.
const COUNTED_EVERY: Duration = Duration::from_secs(1);

/// How long the server keeps what it knows of an unused quota, with a margin.
const KEPT: Duration = Duration::from_secs(50 * 60);

pub(super) struct Known {
    /// Log, state and members; the braces are a hash tag, so they lie on one node of a cluster.
    keys: [String; 3],
    limit: Mutex<RateLimit>,
    pub(super) state: Mutex<State>,
    /// The times of the flow count from here.
    pub(super) born: Instant,
    /// Wakes those with a place when a pause begins, or their place is gone.
    pub(super) disturbed: Notify,
}

#[derive(Default)]
pub(super) struct State {
    /// Whether answers keep coming.
    pub(super) flow: Flow,
    pub(super) answers: Answers,
    /// The time between two losses of data, by the server's name for it.
    epoch: String,
    /// Grows when places that are reserved are gone.
    pub(super) losses: u64,
    told_at: Option<Instant>,
    counted_at: Option<Instant>,
    /// How many processes use the quota, and the rank of this one among them, as the server told last.
    pub(super) processes: Option<(u32, u32)>,
    paused_until: Option<Instant>,
    /// This process's part of the limit while the server cannot be reached.
    pub(super) part: Option<Arc<dyn Quota>>,
    /// Until when requests of that part count.
    quiet_until: Option<Instant>,
}

impl Known {
    /// Nothing is known yet of the quota of that name.
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

    /// What is told and asked with the next reservation.
    pub(super) fn ask(&self, max_wait: Duration) -> Asked {
        let now = Instant::now();
        let limit = self.limit();
        let mut state = lock(&self.state);
        let counted = state.counted_at.is_none_or(|at| now - at >= COUNTED_EVERY);
        if counted {
            state.counted_at = Some(now);
        }
        // What is not there any more was not lost then.
        let recent = state.told_at.is_some_and(|at| now - at < KEPT);
        let epoch = if recent { state.epoch.clone() } else { String::new() };
        let quiet = state.quiet_until.map_or(Duration::ZERO, |end| end.saturating_duration_since(now));
        Asked { limit, max_wait, epoch, quiet, counted }
    }

    pub(super) fn told(&self, epoch: &str, processes: u32, rank: u32) {
        let mut state = lock(&self.state);
        epoch.clone_into(&mut state.epoch);
        state.told_at = Some(Instant::now());
        if processes > 0 {
            state.processes = Some((processes, rank));
        }
        state.quiet_until = None;
    }

    /// No request is sent for so long.
    pub(super) fn pause(&self, pause: Duration) {
        if let Some(end) = Instant::now().checked_add(pause) {
            let mut state = lock(&self.state);
            state.paused_until = Some(state.paused_until.map_or(end, |already| already.max(end)));
            drop(state);
            self.disturbed.notify_waiters();
        }
    }

    /// The data of the server were lost, and are of a new epoch if it is known: places of another one are gone.
    pub(super) fn lost(&self, epoch: &str) {
        let mut state = lock(&self.state);
        if epoch.is_empty() || state.epoch != epoch {
            state.losses += 1;
            drop(state);
            self.disturbed.notify_waiters();
        }
    }

    /// The server cannot be reached.
    pub(super) fn fall_back(&self) {
        let mut state = lock(&self.state);
        // The one of a server that was never reached goes on.
        if state.told_at.is_some() {
            state.part = None;
        }
    }

    /// The server can be reached again, after so long.
    pub(super) fn recover(&self, down_for: Duration) {
        let window = self.limit().window();
        let mut state = lock(&self.state);
        let part = state.part.take();
        // Other processes notice a little later, and their last requests count for one window, too.
        if down_for >= SHORT_OUTAGE || (part.is_some() && state.told_at.is_none()) {
            state.quiet_until = Some(Instant::now() + NOTICE + window + AHEAD);
        }
    }

    /// Waits until a place has come; false if it has gone before, because of a pause or because data were lost.
    pub(super) async fn waits_until(&self, at: Instant, losses: u64) -> bool {
        loop {
            let disturbed = self.disturbed.notified();
            {
                let state = lock(&self.state);
                // The end of the pause as it arrived here is a little late, too.
                if state.losses != losses || state.paused_until.is_some_and(|end| at + MESSAGE < end) {
                    return false;
                }
            }
            if timeout_at(at, disturbed).await.is_err() {
                return true;
            }
        }
    }

    /// How long a caller with so many ahead waits at least.
    pub(super) fn expected(&self, ahead: usize) -> Duration {
        let limit = self.limit();
        let processes = lock(&self.state).processes.map_or(1, |(processes, _)| processes as usize);
        let rounds = ahead.saturating_mul(processes) / limit.requests() as usize;
        limit.window().saturating_mul(u32::try_from(rounds).unwrap_or(u32::MAX))
    }
}
