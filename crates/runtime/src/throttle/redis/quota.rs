//! One shared quota as this process sees it: its callers in a line, the places they reserved, and its share for an outage.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::{FromRedisValue, ParsingError, Value};
use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use super::link::micros;
use super::turns::Turns;
use super::{FailurePolicy, Inner};
use crate::throttle::limit::RateLimit;
use crate::throttle::local::Local;
use crate::throttle::permit::{Permit, PermitHolder, QuotaSource, Report};
use crate::throttle::queue::Queue;
use crate::throttle::store::{AcquireFuture, Ask, Quota, QuotaKey, QuotaState, Refused};
use crate::throttle::window::{Answers, Flow, Slot};

/// How long it may take until all processes have noticed that data were lost, or that the server is back.
pub(super) const NOTICE: Duration = Duration::from_millis(250);

/// After a pause, how long the rest waits for the request that goes ahead.
pub(super) const PROBE: Duration = Duration::from_millis(100);

/// How long a message of a pause may be under way without sending those to reserve again who did so after the pause began.
const MESSAGE: Duration = Duration::from_millis(10);

/// An outage that was shorter was too short to use a share.
const SHORT_OUTAGE: Duration = Duration::from_secs(1);

/// How often a process tells that it uses the quota.
const COUNTED_EVERY: Duration = Duration::from_secs(1);

/// How long the server keeps what it knows of an unused quota, with a margin.
const KEPT: Duration = Duration::from_secs(50 * 60);

/// The largest lateness that tells of the network; more tells of slow answers.
const TELLING: Duration = Duration::from_millis(250);

/// How often a caller looks whether the network still stands still.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

pub(super) struct SharedQuota {
    inner: Arc<Inner>,
    /// Log, state and members; the braces are a hash tag, so they lie on one node of a cluster.
    keys: [String; 3],
    /// One permit for each place that may be reserved and not used yet.
    gate: Semaphore,
    places: u32,
    waiting: AtomicUsize,
    state: Mutex<State>,
    /// Wakes those with a place when a pause begins, or their place is gone.
    disturbed: Notify,
}

struct State {
    limit: RateLimit,
    /// Whether answers keep coming; times count from `born`.
    flow: Flow,
    born: Instant,
    /// The time between two losses of data, by the server's name for it.
    epoch: String,
    /// Grows when places that are reserved are gone.
    losses: u64,
    told_at: Option<Instant>,
    counted_at: Option<Instant>,
    /// As far as the server or the user told.
    processes: Option<u32>,
    paused_until: Option<Instant>,
    answers: Answers,
    /// A moment by the server's clock, and by this process's.
    clock: Option<(u64, Instant)>,
    /// The place of this process among those that use the quota.
    rank: u32,
    /// This process's share while the server cannot be reached.
    turns: Option<Arc<Turns>>,
    /// The same before the server told of any process.
    part: Option<Arc<dyn Quota>>,
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
    pub(super) fn new(inner: Arc<Inner>, key: &QuotaKey, limit: RateLimit) -> Self {
        // The label names the account; a name that the user gave divides it.
        let name = Some(&key.account).filter(|account| !account.starts_with("key:") && !account.is_empty());
        let parts = [Some(&inner.account), name, Some(&key.product), Some(&key.action), key.region.as_ref()];
        let tag = parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(":");
        // About 30 ms worth of the quota: enough that a round trip to the server limits no caller.
        let places = [1_u32, 2, 4, 8, 16, 32].into_iter().find(|places| f64::from(*places) * 32.0 >= limit.rate());
        let places = places.unwrap_or(32);
        let processes = inner.expected_processes;
        Self {
            inner,
            keys: ["log", "state", "members"].map(|part| format!("alibabacloud-quota:{{{tag}}}:{part}")),
            gate: Semaphore::new(places as usize),
            places,
            waiting: AtomicUsize::new(0),
            state: Mutex::new(State {
                limit,
                flow: Flow::default(),
                born: Instant::now(),
                epoch: String::new(),
                losses: 0,
                told_at: None,
                counted_at: None,
                processes,
                paused_until: None,
                answers: Answers::default(),
                clock: None,
                rank: 0,
                turns: None,
                part: None,
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
        self.state().limit
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
            (state.processes, state.rank) = (Some(reply.processes), reply.rank);
        }
        state.quiet_until = None;
    }

    /// No request is sent for so long.
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
            state.quiet_until = Some(Instant::now() + NOTICE + state.limit.window() + PROBE);
        }
        state.turns = None;
    }

    /// This process's share of the limit while the server is away.
    ///
    /// The processes that the server knew last take turns. Before it told of any, each has an equal part, so there can be no more of
    /// them than requests in a window.
    async fn share(&self, ask: Ask) -> Result<Permit, Refused> {
        let (limit, known, processes) = {
            let state = self.state();
            (state.limit, state.clock.is_some(), state.processes)
        };
        if known {
            return self.turns().acquire(ask.max_wait).await;
        }
        // Waiting does not help: a call of a bulk would wait without an end.
        let unset = |advice: &str| {
            let reason = format!("{}; it was never reached, so {advice}", self.inner.link.reason());
            Err(Refused::Misconfigured { reason: reason.into() })
        };
        let Some(processes) = processes else {
            return unset("the number of processes that share the quota is not known: set `expected_processes`");
        };
        let Some(part) = limit.requests().checked_div(processes).filter(|part| *part > 0) else {
            return unset("more processes are expected than requests fit into a window, and they cannot divide it");
        };
        let part = self
            .state()
            .part
            .get_or_insert_with(|| {
                Arc::new(Queue::new(Local::new(Some(RateLimit::new(part, limit.window())), QuotaSource::LocalShare)))
            })
            .clone();
        part.acquire(ask).await
    }

    /// The turns of this process. They begin when all places that any process had reserved are over.
    fn turns(&self) -> Arc<Turns> {
        let mut state = self.state();
        if let Some(turns) = &state.turns {
            return turns.clone();
        }
        let now = Instant::now();
        let (requests, window) = (state.limit.requests(), state.limit.window());
        let processes = state.processes.unwrap_or(1);
        // From the turn of one process to that of the next: a twentieth more than the quota asks for, so that a request that is
        // a little late shares no window with too many. The same for all, so that they agree whose turn it is.
        let margin = window / 20;
        let gap = (window + margin) / requests;
        let cycle = gap * processes;
        let (server, here) = state.clock.unwrap_or((0, now));
        let since_turn_of_the_first = Duration::from_micros(server % micros(cycle).max(1));
        let origin = here.checked_sub(since_turn_of_the_first).unwrap_or(here) + gap * state.rank;
        let reserved = window * processes.saturating_mul(self.places) / requests;
        let begin = now + window + NOTICE + reserved;
        let turns = Turns::new(origin, cycle, margin / 2, window, begin);
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

    fn stands_still(&self) -> bool {
        let state = self.state();
        state.flow.stands_still(state.born.elapsed()).is_some()
    }

    /// How long a caller with so many ahead waits at least.
    fn expected(&self, ahead: usize) -> Duration {
        let state = self.state();
        let processes = state.processes.unwrap_or(1) as usize;
        let rounds = ahead.saturating_mul(processes) / state.limit.requests() as usize;
        state.limit.window().saturating_mul(u32::try_from(rounds).unwrap_or(u32::MAX))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere cannot leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Quota for SharedQuota {
    fn acquire(self: Arc<Self>, ask: Ask) -> AcquireFuture {
        Box::pin(acquire(self, ask))
    }

    fn lower(&self, limit: RateLimit) {
        let mut state = self.state();
        (state.limit, state.part) = (limit, None);
    }

    fn state(&self) -> QuotaState {
        QuotaState { fallback: self.inner.link.is_down(), ..QuotaState::default() }
    }
}

impl fmt::Debug for SharedQuota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedQuota").field("keys", &self.keys).finish_non_exhaustive()
    }
}

/// Waits for a permit: in line, then for the place that was reserved.
async fn acquire(quota: Arc<SharedQuota>, ask: Ask) -> Result<Permit, Refused> {
    let Ask { max_wait, max_waiting, is_retry, .. } = ask;
    let inner = quota.inner.clone();
    inner.start_tasks();
    let began = Instant::now();
    let deadline = began.checked_add(max_wait).unwrap_or_else(|| began + Duration::from_secs(100 * 365 * 24 * 3600));
    let ahead = quota.waiting.fetch_add(1, Relaxed);
    let _place = InLine(&quota.waiting);
    let ahead = if is_retry { 0 } else { ahead };
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
            let left = Ask { max_wait: deadline.saturating_duration_since(Instant::now()), ..ask };
            tokio::select! {
                permit = fall_back(&quota, left) => return permit,
                () = changed => continue,
            }
        }
        // A retry does not stand in line again.
        let _turn = if is_retry {
            None
        } else {
            let turn = timeout_at(deadline, quota.gate.acquire()).await;
            let needed = began.elapsed() + quota.limit().window();
            // The gate is never closed.
            turn.map_err(|_| Refused::TooLong { needed })?.ok()
        };
        // Requests that a network that stands still holds up may all arrive together.
        while quota.stands_still() && Instant::now() < deadline {
            let _ = timeout(LOOK_AGAIN, quota.disturbed.notified()).await;
        }
        if inner.link.is_down() {
            continue;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        let losses = quota.state().losses;
        let reply = match inner.link.reserve(&quota, left).await {
            Ok(reply) => reply,
            Err(error) => {
                if let Some(reason) = inner.link.misconfigured(&error) {
                    return Err(Refused::Misconfigured { reason });
                }
                inner.fail(&error);
                continue;
            }
        };
        quota.told(&reply);
        if !reply.granted {
            return Err(Refused::TooLong { needed: began.elapsed() + reply.wait });
        }
        // Counted from the answer: that may be a little late, and never early.
        let at = Instant::now() + reply.wait;
        let reserved = Reservation {
            quota: quota.clone(),
            epoch: reply.epoch,
            number: reply.number,
            at,
            sent_at: Mutex::new(None),
        };
        let permit = Permit::new(QuotaSource::Shared, Arc::new(reserved));
        if quota.waits_until(at, losses).await && Instant::now() <= at + reply.allowance / 2 {
            return Ok(permit);
        }
        // The permit is dropped, and goes back. Either the place is gone, or it came too late: this process did not run, and the
        // place of the next one has come.
    }
}

/// What the policy gives while the server is away.
async fn fall_back(quota: &SharedQuota, ask: Ask) -> Result<Permit, Refused> {
    match quota.inner.policy {
        FailurePolicy::Closed => Err(Refused::Unavailable { reason: quota.inner.link.reason() }),
        FailurePolicy::Open => Ok(Permit::untracked(QuotaSource::Open)),
        FailurePolicy::LocalShare => {
            let permit = quota.share(ask).await?;
            quota.state().used = true;
            Ok(permit)
        }
    }
}

/// A place that was reserved.
struct Reservation {
    quota: Arc<SharedQuota>,
    epoch: String,
    number: u64,
    at: Instant,
    sent_at: Mutex<Option<Instant>>,
}

impl PermitHolder for Reservation {
    fn report(&self, _: Slot, report: Report) {
        let now = Instant::now();
        let mut sent_at = self.sent_at.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = self.quota.state();
        let since = now - state.born;
        match (report, *sent_at) {
            (Report::Sent, _) => state.flow.sent(since),
            (_, None) => {}
            (Report::Answered | Report::Throttled { .. }, _) => {
                state.flow.answered(since);
                state.flow.ended();
                self.quota.disturbed.notify_waiters();
            }
            _ => state.flow.ended(),
        }
        let what = match report {
            Report::Sent => {
                *sent_at = Some(now);
                return;
            }
            // The server assumes what it must.
            Report::Unanswered => return,
            Report::Unused | Report::NotSent => What::Unused,
            Report::Throttled { delay } => {
                let pause = delay.unwrap_or(state.limit.window());
                drop(state);
                // Here at once, elsewhere through the server.
                self.quota.pause(pause);
                What::Throttled { pause }
            }
            Report::Answered => {
                let sent_at = sent_at.unwrap_or(now);
                let round_trip = now - sent_at;
                state.answers.came_after(round_trip);
                let late_by =
                    (sent_at.saturating_duration_since(self.at)) + round_trip.saturating_sub(state.answers.credit);
                What::Answered { late_by: (late_by < TELLING).then_some(late_by) }
            }
        };
        let (quota, epoch, number) = (self.quota.clone(), self.epoch.clone(), self.number);
        self.quota.inner.link.tell(Told { quota, epoch, number, when: now, what });
    }
}

/// Counts a waiting call until it is dropped.
struct InLine<'c>(&'c AtomicUsize);

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
