//! One shared quota as this process sees it: its callers in a line, the places they reserved, and its share for an outage.

use std::fmt;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::link::micros;
use super::{FailurePolicy, Inner};
use crate::lock::lock;
use crate::throttle::limit::RateLimit;
use crate::throttle::local::Local;
use crate::throttle::permit::{Permit, PermitHolder, QuotaSource, Report};
use crate::throttle::queue::{Queue, follow};
use crate::throttle::share::AHEAD;
use crate::throttle::store::{AcquireFuture, AcquireOptions, Quota, QuotaKey, QuotaState, Refused, Waiting};
use crate::throttle::window::{Answers, Flow, SLOW, Slot, Window};

/// How long it may take until all processes have noticed that data were lost, or that the server is back.
pub(super) const NOTICE: Duration = Duration::from_millis(250);

/// How long a message of a pause may be under way without sending those to reserve again who did so after the pause began.
const MESSAGE: Duration = Duration::from_millis(10);

/// An outage that was shorter was too short to use a share.
const SHORT_OUTAGE: Duration = Duration::from_secs(1);

/// How often a process tells that it uses the quota.
const COUNTED_EVERY: Duration = Duration::from_secs(1);

/// How long the server keeps what it knows of an unused quota, with a margin.
const KEPT: Duration = Duration::from_secs(50 * 60);

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
    limit: Mutex<RateLimit>,
    state: Mutex<State>,
    /// The times of the flow count from here.
    born: Instant,
    /// Wakes those with a place when a pause begins, or their place is gone.
    disturbed: Notify,
}

#[derive(Default)]
struct State {
    /// Whether answers keep coming.
    flow: Flow,
    answers: Answers,
    /// The time between two losses of data, by the server's name for it.
    epoch: String,
    /// Grows when places that are reserved are gone.
    losses: u64,
    told_at: Option<Instant>,
    counted_at: Option<Instant>,
    /// How many processes use the quota, and the rank of this one among them, as the server told last.
    processes: Option<(u32, u32)>,
    paused_until: Option<Instant>,
    /// This process's part of the limit while the server cannot be reached.
    part: Option<Arc<dyn Quota>>,
    /// Until when requests of that part count.
    quiet_until: Option<Instant>,
}

/// The server's answer, as `reserve.lua` has it: whether a place is reserved, the wait (µs), the number of the reservation, the epoch,
/// the allowance (µs), and processes and rank, which are 0 unless it was asked for them.
pub(super) type Reserved = (bool, u64, u64, String, u64, u32, u32);

/// What became of a reservation, for the server.
pub(super) struct Told {
    pub(super) quota: Arc<SharedQuota>,
    pub(super) epoch: String,
    pub(super) number: u64,
    pub(super) when: Instant,
    /// What became of it and its figure, in the words of the script.
    pub(super) what: &'static str,
    pub(super) figure: i64,
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
        Self {
            inner,
            keys: ["log", "state", "members"].map(|part| format!("alibabacloud-quota:{{{tag}}}:{part}")),
            gate: Semaphore::new(places as usize),
            places,
            waiting: AtomicUsize::new(0),
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

    /// What is told with the next reservation: the epoch that is known, for how long requests may count that only this process
    /// knows of, and whether it is to be counted as a process.
    pub(super) fn ask(&self) -> (String, Duration, bool) {
        let now = Instant::now();
        let mut state = lock(&self.state);
        let counted = state.counted_at.is_none_or(|at| now - at >= COUNTED_EVERY);
        if counted {
            state.counted_at = Some(now);
        }
        // What is not there any more was not lost then.
        let recent = state.told_at.is_some_and(|at| now - at < KEPT);
        let quiet = state.quiet_until.map_or(Duration::ZERO, |end| end.saturating_duration_since(now));
        (if recent { state.epoch.clone() } else { String::new() }, quiet, counted)
    }

    fn told(&self, epoch: &str, processes: u32, rank: u32) {
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

    /// A permit of this process's part of the limit while the server is away. The parts of the processes that the server knew last
    /// add up to the limit; before it told of any, as many as expected have equal ones.
    async fn share(&self, ask: AcquireOptions) -> Result<Permit, Refused> {
        let reason = |why: &str| format!("{}; {why}", self.inner.link.reason()).into();
        let limit = self.limit();
        let known = lock(&self.state).processes;
        let (processes, rank) = match (known, self.inner.expected_processes) {
            (Some(known), _) => known,
            (None, Some(expected)) => (expected, u32::MAX),
            (None, None) => {
                // Waiting does not help: a call of a bulk would wait without an end.
                let reason = reason(
                    "it was never reached, so the number of processes that share the quota is not known: \
                     set `expected_processes`",
                );
                return Err(Refused::Misconfigured { reason });
            }
        };
        let requests = limit.requests() / processes + u32::from(rank < limit.requests() % processes);
        if requests == 0 {
            let reason = reason(
                "more processes share the quota than requests fit into a window, and this one has no part of it",
            );
            if known.is_none() {
                return Err(Refused::Misconfigured { reason });
            }
            // The server may be back before the deadline.
            sleep(ask.max_wait).await;
            return Err(Refused::Unavailable { reason });
        }
        let part = lock(&self.state)
            .part
            .get_or_insert_with(|| -> Arc<dyn Quota> {
                let own = Some(RateLimit::new(requests, limit.window()));
                // It begins when all places that any process had reserved are over.
                let reserved = limit.window() * processes.saturating_mul(self.places) / limit.requests();
                let window = if known.is_some() { Window::used_up(own, NOTICE + reserved) } else { Window::new(own) };
                Arc::new(Queue::new(Local::new(window, QuotaSource::LocalShare)))
            })
            .clone();
        part.acquire(ask).await
    }

    /// Waits until a place has come; false if it has gone before, because of a pause or because data were lost.
    async fn waits_until(&self, at: Instant, losses: u64) -> bool {
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
    fn expected(&self, ahead: usize) -> Duration {
        let limit = self.limit();
        let processes = lock(&self.state).processes.map_or(1, |(processes, _)| processes as usize);
        let rounds = ahead.saturating_mul(processes) / limit.requests() as usize;
        limit.window().saturating_mul(u32::try_from(rounds).unwrap_or(u32::MAX))
    }
}

impl Quota for SharedQuota {
    fn acquire(self: Arc<Self>, ask: AcquireOptions) -> AcquireFuture {
        Box::pin(acquire(self, ask))
    }

    fn lower(&self, limit: RateLimit) {
        *lock(&self.limit) = limit;
        lock(&self.state).part = None;
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
async fn acquire(quota: Arc<SharedQuota>, ask: AcquireOptions) -> Result<Permit, Refused> {
    let AcquireOptions { max_wait, max_waiting, is_retry, .. } = ask;
    let inner = quota.inner.clone();
    inner.start_tasks();
    let began = Instant::now();
    let deadline = began.checked_add(max_wait).unwrap_or_else(|| began + Duration::from_secs(100 * 365 * 24 * 3600));
    let waiting = Waiting::begins(&quota.waiting);
    let ahead = if is_retry { 0 } else { waiting.of - 1 };
    let expected = quota.expected(ahead);
    if expected > max_wait {
        return Err(Refused::TooLong { needed: expected });
    }
    if ahead >= max_waiting {
        return Err(Refused::QueueFull { needed: expected });
    }
    loop {
        let changed = inner.link.changed.notified();
        if inner.link.is_down() {
            let left = AcquireOptions { max_wait: deadline.saturating_duration_since(Instant::now()), ..ask };
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
        while lock(&quota.state).flow.stands_still(quota.born.elapsed()).is_some() && Instant::now() < deadline {
            let _ = timeout(LOOK_AGAIN, quota.disturbed.notified()).await;
        }
        if inner.link.is_down() {
            continue;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        let losses = lock(&quota.state).losses;
        let reply = inner.link.reserve(&quota, left).await;
        let (granted, wait, number, epoch, allowance, processes, rank) = match reply {
            Ok(reply) => reply,
            Err(error) => {
                if let Some(reason) = inner.link.misconfigured(&error) {
                    return Err(Refused::Misconfigured { reason });
                }
                inner.fail(&error);
                continue;
            }
        };
        quota.told(&epoch, processes, rank);
        let wait = Duration::from_micros(wait);
        if !granted {
            return Err(Refused::TooLong { needed: began.elapsed() + wait });
        }
        // Counted from the answer: that may be a little late, and never early.
        let at = Instant::now() + wait;
        let reserved = Reservation { quota: quota.clone(), epoch, number, at, sent_at: Mutex::new(None) };
        let permit = Permit::new(QuotaSource::Shared, Arc::new(reserved));
        if quota.waits_until(at, losses).await && Instant::now() <= at + Duration::from_micros(allowance) / 2 {
            return Ok(permit);
        }
        // The permit is dropped, and goes back. Either the place is gone, or it came too late: this process did not run, and the
        // place of the next one has come.
    }
}

/// What the policy gives while the server is away.
async fn fall_back(quota: &SharedQuota, ask: AcquireOptions) -> Result<Permit, Refused> {
    match quota.inner.policy {
        FailurePolicy::Closed => Err(Refused::Unavailable { reason: quota.inner.link.reason() }),
        FailurePolicy::Open => Ok(Permit::untracked(QuotaSource::Open)),
        FailurePolicy::LocalShare => quota.share(ask).await,
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
        let mut sent_at = lock(&self.sent_at);
        let mut state = lock(&self.quota.state);
        follow(&mut state.flow, report, now - self.quota.born);
        let micros = |duration| i64::try_from(micros(duration)).unwrap_or(i64::MAX);
        let (what, figure) = match report {
            Report::Sent => {
                *sent_at = Some(now);
                return;
            }
            // The server assumes what it must.
            Report::Unanswered => return,
            Report::Unused | Report::NotSent => ("u", 0),
            Report::Throttled { delay } => {
                drop(state);
                let pause = delay.unwrap_or_else(|| self.quota.limit().window());
                // Here at once, elsewhere through the server.
                self.quota.pause(pause);
                ("t", micros(pause))
            }
            Report::Answered => {
                let sent_at = sent_at.unwrap_or(now);
                let round_trip = now - sent_at;
                state.answers.came_after(round_trip);
                let late_by =
                    sent_at.saturating_duration_since(self.at) + round_trip.saturating_sub(state.answers.credit);
                drop(state);
                self.quota.disturbed.notify_waiters();
                ("a", if late_by < SLOW { micros(late_by) } else { -1 })
            }
        };
        let (quota, epoch, number) = (self.quota.clone(), self.epoch.clone(), self.number);
        self.quota.inner.link.tell(Told { quota, epoch, number, when: now, what, figure });
    }
}
