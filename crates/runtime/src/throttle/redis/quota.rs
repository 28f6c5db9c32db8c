//! One shared quota as this process sees it: its callers in a line, the places they reserved, and its share for an outage.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::{FromRedisValue, ParsingError, Value};
use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::link::micros;
use super::turns::Turns;
use super::{FailurePolicy, Inner};
use crate::descriptor::RateLimit;
use crate::throttle::store::{Permit, PermitHolder, QuotaKey, QuotaSource, Refused, Report};
use crate::throttle::window::Answers;

/// How long it may take until all processes have noticed that data were lost, or that the server is back.
pub(super) const NOTICE: Duration = Duration::from_millis(250);

/// After a pause, how long the rest waits for the request that goes ahead.
pub(super) const PROBE: Duration = Duration::from_millis(100);

/// How long a message of a pause may be under way without sending those to reserve again who did so after the pause began.
const MESSAGE: Duration = Duration::from_millis(10);

/// An outage that was shorter left nobody the time to use a share.
const SHORT_OUTAGE: Duration = Duration::from_secs(1);

/// How often a process tells that it uses the quota.
const COUNTED_EVERY: Duration = Duration::from_secs(1);

/// How long the server keeps what it knows of a quota that nobody uses, with a margin.
const KEPT: Duration = Duration::from_secs(50 * 60);

/// The largest lateness that tells of the network; more tells of slow answers.
const TELLING: Duration = Duration::from_millis(250);

/// The pause after a throttled answer that tells none.
pub(super) const BACKOFF: Duration = Duration::from_millis(200);

pub(super) struct SharedQuota {
    /// Log, state and members; the braces are a hash tag, so they lie on one node of a cluster.
    keys: [String; 3],
    limit: RateLimit,
    /// One permit for each place that may be reserved and not used yet.
    gate: Semaphore,
    places: u32,
    waiting: AtomicUsize,
    state: Mutex<State>,
    /// Wakes those with a place when a pause begins, or their place is gone.
    disturbed: Notify,
}

struct State {
    /// The time between two losses of data, by the server's name for it.
    epoch: String,
    /// Grows when places that are reserved are gone.
    losses: u64,
    told_at: Option<Instant>,
    counted_at: Option<Instant>,
    processes: u32,
    paused_until: Option<Instant>,
    answers: Answers,
    /// A moment by the server's clock, and by this process's.
    clock: Option<(u64, Instant)>,
    /// The place of this process among those that use the quota.
    rank: u32,
    /// This process's share while the server cannot be reached.
    turns: Option<Arc<Turns>>,
    /// Whether the share was used.
    used: bool,
    /// Until when requests of that share count.
    quiet_until: Option<Instant>,
}

/// What the server is told with a reservation.
pub(super) struct ReservationAsk {
    pub(super) epoch: String,
    pub(super) quiet: Duration,
    pub(super) counted: bool,
}

/// The server's answer.
pub(super) struct Reserved {
    granted: bool,
    wait: Duration,
    number: u64,
    epoch: String,
    allowance: Duration,
    now: u64,
    processes: u32,
    rank: u32,
}

impl FromRedisValue for Reserved {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        type Reply = (u8, u64, u64, String, u64, u64, u32, u32);
        let (granted, wait, number, epoch, allowance, now, processes, rank) = Reply::from_redis_value(value)?;
        Ok(Self {
            granted: granted == 1,
            wait: Duration::from_micros(wait),
            number,
            epoch,
            allowance: Duration::from_micros(allowance),
            now,
            processes,
            rank,
        })
    }
}

/// What became of a reservation, for the server.
pub(super) struct Told {
    pub(super) quota: Arc<SharedQuota>,
    pub(super) epoch: String,
    pub(super) number: u64,
    pub(super) when: Instant,
    what: What,
}

enum What {
    Answered { late_by: Option<Duration> },
    Throttled { pause: Duration },
    Unused,
}

impl Told {
    /// In the words of the script.
    pub(super) fn what(&self) -> (&'static str, i64) {
        let figure = |duration| i64::try_from(micros(duration)).unwrap_or(i64::MAX);
        match self.what {
            What::Answered { late_by } => ("a", late_by.map_or(-1, figure)),
            What::Throttled { pause } => ("t", figure(pause)),
            What::Unused => ("u", 0),
        }
    }

    pub(super) fn is_urgent(&self) -> bool {
        matches!(self.what, What::Throttled { .. })
    }
}

impl SharedQuota {
    pub(super) fn new(account: &str, key: &QuotaKey, limit: RateLimit, expected_processes: u32) -> Self {
        let tag = format!("alibabacloud-quota:{{{account}:{}:{}}}", key.endpoint, key.action);
        // About 30 ms worth of the quota: enough that a round trip to the server limits nobody.
        let per_second = f64::from(limit.requests) / limit.window.as_secs_f64();
        let places = [1_u32, 2, 4, 8, 16, 32].into_iter().find(|places| f64::from(*places) * 32.0 >= per_second);
        let places = places.unwrap_or(32);
        Self {
            keys: ["log", "state", "members"].map(|part| format!("{tag}:{part}")),
            limit,
            gate: Semaphore::new(places as usize),
            places,
            waiting: AtomicUsize::new(0),
            state: Mutex::new(State {
                epoch: String::new(),
                losses: 0,
                told_at: None,
                counted_at: None,
                processes: expected_processes,
                paused_until: None,
                answers: Answers::default(),
                clock: None,
                // Nobody knows; chance spreads the processes.
                rank: fastrand::u32(0..expected_processes),
                turns: None,
                used: false,
                quiet_until: None,
            }),
            disturbed: Notify::new(),
        }
    }

    pub(super) fn keys(&self) -> [&str; 3] {
        [&self.keys[0], &self.keys[1], &self.keys[2]]
    }

    pub(super) fn log_is(&self, log: &str) -> bool {
        self.keys[0] == log
    }

    pub(super) fn limit(&self) -> RateLimit {
        self.limit
    }

    /// What is told with the next reservation.
    pub(super) fn ask(&self) -> ReservationAsk {
        let now = Instant::now();
        let mut state = self.state();
        let counted = state.counted_at.is_none_or(|at| now - at >= COUNTED_EVERY);
        if counted {
            state.counted_at = Some(now);
        }
        // What is not there any more was not lost then.
        let recent = state.told_at.is_some_and(|at| now - at < KEPT);
        ReservationAsk {
            epoch: if recent { state.epoch.clone() } else { String::new() },
            quiet: state.quiet_until.map_or(Duration::ZERO, |end| end.saturating_duration_since(now)),
            counted,
        }
    }

    fn told(&self, reply: &Reserved) {
        let mut state = self.state();
        state.epoch.clone_from(&reply.epoch);
        let now = Instant::now();
        state.told_at = Some(now);
        state.clock = Some((reply.now, now));
        if reply.processes > 0 {
            (state.processes, state.rank) = (reply.processes, reply.rank);
        }
        state.quiet_until = None;
    }

    /// Nobody sends for so long.
    pub(super) fn pause(&self, pause: Duration) {
        if let Some(end) = Instant::now().checked_add(pause) {
            let mut state = self.state();
            state.paused_until = Some(state.paused_until.map_or(end, |already| already.max(end)));
            drop(state);
            self.disturbed.notify_waiters();
        }
    }

    /// The data of the server were lost, and are of a new epoch if it is known: places of another one are gone.
    pub(super) fn lost(&self, epoch: &str) {
        let mut state = self.state();
        if epoch.is_empty() || state.epoch != epoch {
            state.losses += 1;
            drop(state);
            self.disturbed.notify_waiters();
        }
    }

    /// The server cannot be reached.
    pub(super) fn fall_back(&self) {
        let mut state = self.state();
        state.turns = None;
        state.used = false;
    }

    /// The server can be reached again, after so long.
    pub(super) fn recover(&self, down_for: Duration) {
        let mut state = self.state();
        // Other processes notice a little later, and their last requests count for one window, too.
        if state.used || down_for >= SHORT_OUTAGE {
            state.quiet_until = Some(Instant::now() + NOTICE + self.limit.window + PROBE);
        }
        state.turns = None;
    }

    /// This process's share of the limit. It begins when all places that any process had reserved are over.
    fn turns(&self) -> Arc<Turns> {
        let mut state = self.state();
        if let Some(turns) = &state.turns {
            return turns.clone();
        }
        let now = Instant::now();
        let RateLimit { requests, window } = self.limit;
        // From the turn of one process to that of the next: a twentieth more than the quota asks for, so that a request that is
        // a little late shares no window with too many. The same for all, so that they agree whose turn it is.
        let margin = window / 20;
        let gap = (window + margin) / requests;
        let cycle = gap * state.processes;
        let (server, here) = state.clock.unwrap_or((0, now));
        let since_turn_of_the_first = Duration::from_micros(server % micros(cycle).max(1));
        let origin = here.checked_sub(since_turn_of_the_first).unwrap_or(here) + gap * state.rank;
        let reserved = window * state.processes.saturating_mul(self.places) / requests;
        let begin = now + window + NOTICE + reserved;
        let turns = Turns::new(origin, cycle, margin / 2, begin);
        state.turns = Some(turns.clone());
        turns
    }

    /// Waits until a place has come; false if it has gone before, because of a pause or because data were lost.
    async fn waits_until(&self, at: Instant, losses: u64) -> bool {
        loop {
            let disturbed = self.disturbed.notified();
            {
                let state = self.state();
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
    fn expected(&self, ahead: usize) -> Duration {
        let processes = self.state().processes as usize;
        let rounds = ahead.saturating_mul(processes) / self.limit.requests as usize;
        self.limit.window.saturating_mul(u32::try_from(rounds).unwrap_or(u32::MAX))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere cannot leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for a permit: in line, then for the place that was reserved.
pub(super) async fn acquire(
    inner: Arc<Inner>,
    quota: Arc<SharedQuota>,
    max_wait: Duration,
    max_waiting: usize,
    again: bool,
) -> Result<Permit, Refused> {
    inner.start_tasks();
    let began = Instant::now();
    let deadline = began.checked_add(max_wait).unwrap_or_else(|| began + Duration::from_secs(100 * 365 * 24 * 3600));
    let ahead = quota.waiting.fetch_add(1, Relaxed);
    let _place = InLine(&quota.waiting);
    let ahead = if again { 0 } else { ahead };
    let expected = quota.expected(ahead);
    if expected > max_wait {
        return Err(Refused::TooLong { needed: expected });
    }
    if ahead >= max_waiting {
        return Err(Refused::QueueFull { needed: expected });
    }
    loop {
        let changed = inner.link.changed();
        if inner.link.is_down() {
            let fallback = fall_back(&inner, &quota, deadline.saturating_duration_since(Instant::now()));
            tokio::select! {
                permit = fallback => return permit,
                () = changed => continue,
            }
        }
        // A call that was sent before does not stand in line again.
        let _turn = if again {
            None
        } else {
            let turn = timeout_at(deadline, quota.gate.acquire()).await;
            let needed = began.elapsed() + quota.limit.window;
            // The gate is never closed.
            turn.map_err(|_| Refused::TooLong { needed })?.ok()
        };
        if inner.link.is_down() {
            continue;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        let losses = quota.state().losses;
        let Ok(reply) = inner.link.reserve(&quota, left).await else {
            inner.fail();
            continue;
        };
        quota.told(&reply);
        if !reply.granted {
            return Err(Refused::TooLong { needed: began.elapsed() + reply.wait });
        }
        // Counted from the answer: that may be a little late, and never early.
        let at = Instant::now() + reply.wait;
        let (inner, quota) = (inner.clone(), quota.clone());
        let reserved =
            Reservation { inner, quota: quota.clone(), epoch: reply.epoch, number: reply.number, at, sent_at: None };
        let permit = Permit::new(QuotaSource::Shared, reserved);
        if quota.waits_until(at, losses).await && Instant::now() <= at + reply.allowance / 2 {
            return Ok(permit);
        }
        // The permit is dropped, and goes back. Either the place is gone, or it came too late: this process did not run, and the
        // place of the next one has come.
    }
}

/// What the policy gives while the server cannot be reached.
async fn fall_back(inner: &Inner, quota: &SharedQuota, max_wait: Duration) -> Result<Permit, Refused> {
    match inner.policy {
        FailurePolicy::Closed => Err(Refused::Unavailable),
        FailurePolicy::Open => Ok(Permit::untracked(QuotaSource::Open)),
        FailurePolicy::LocalShare => {
            let permit = quota.turns().acquire(max_wait).await?;
            quota.state().used = true;
            Ok(permit)
        }
    }
}

/// A place that was reserved.
struct Reservation {
    inner: Arc<Inner>,
    quota: Arc<SharedQuota>,
    epoch: String,
    number: u64,
    at: Instant,
    sent_at: Option<Instant>,
}

impl PermitHolder for Reservation {
    fn report(&mut self, report: Report) {
        let now = Instant::now();
        let what = match report {
            Report::Sent => {
                self.sent_at = Some(now);
                return;
            }
            // The server assumes what it must.
            Report::Unanswered => return,
            Report::Unused | Report::NotSent => What::Unused,
            Report::Throttled { pause } => {
                let pause = pause.unwrap_or(BACKOFF);
                // Here at once, elsewhere through the server.
                self.quota.pause(pause);
                What::Throttled { pause }
            }
            Report::Answered => {
                let sent_at = self.sent_at.unwrap_or(now);
                let round_trip = now - sent_at;
                let mut state = self.quota.state();
                state.answers.came_after(round_trip);
                let late_by =
                    (sent_at.saturating_duration_since(self.at)) + round_trip.saturating_sub(state.answers.credit());
                What::Answered { late_by: (late_by < TELLING).then_some(late_by) }
            }
        };
        let (quota, epoch, number) = (self.quota.clone(), self.epoch.clone(), self.number);
        self.inner.link.tell(Told { quota, epoch, number, when: now, what });
    }
}

/// Counts a waiting call until it is dropped.
struct InLine<'c>(&'c AtomicUsize);

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
