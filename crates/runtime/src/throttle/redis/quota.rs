//! A shared quota: its waiting calls, their reserved places, and this process's part of the limit during an outage.

use std::fmt;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::known::Known;
use super::link::{Link, Told};
use super::server::{NOTICE, micros};
use crate::lock::lock;
use crate::throttle::limit::RateLimit;
use crate::throttle::local::Local;
use crate::throttle::permit::{Permit, PermitHolder, QuotaSource, Report, Slot};
use crate::throttle::queue::Queue;
use crate::throttle::store::{AcquireFuture, AcquireOptions, Quota, QuotaState, Refused, Waiting};
use crate::throttle::window::{SLOW, Window};

/// How often a call checks whether the network is still stalled.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What calls do while Redis is unreachable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum FailurePolicy {
    /// Each process uses a part of the limit, so that the parts of the processes last known to Redis add up to it. If
    /// there are more processes than requests in a window, only as many processes as requests have a part; calls of the
    /// others wait until Redis is reachable or until their deadline. Before Redis reported any processes, each one has
    /// an equal part for [`expected_processes`](super::RedisQuotasBuilder::expected_processes), rounded down. The parts
    /// begin after all places that are reserved in Redis. After an outage of more than a second, all processes wait for
    /// one window. This is the default.
    #[default]
    LocalShare,
    /// Calls fail at once ([`Refused::Unavailable`](crate::throttle::Refused::Unavailable)).
    Closed,
    /// Calls are sent without a limit.
    Open,
}

pub(super) struct SharedQuota {
    link: Arc<Link>,
    known: Arc<Known>,
    policy: FailurePolicy,
    expected_processes: Option<u32>,
    /// One permit for each place that can be reserved but not used yet.
    gate: Semaphore,
    places: u32,
    waiting: AtomicUsize,
}

impl SharedQuota {
    pub(super) fn new(
        link: Arc<Link>,
        known: Arc<Known>,
        policy: FailurePolicy,
        expected_processes: Option<u32>,
    ) -> Self {
        // About 30 ms worth of the quota, so that the round trip to the server limits no call.
        let rate = known.limit().rate();
        let places = [1_u32, 2, 4, 8, 16, 32].into_iter().find(|places| f64::from(*places) * 32.0 >= rate);
        let places = places.unwrap_or(32);
        let gate = Semaphore::new(places as usize);
        Self { link, known, policy, expected_processes, gate, places, waiting: AtomicUsize::new(0) }
    }

    /// A permit of this process's part of the limit while the server is unreachable. The parts of the processes last
    /// known to the server add up to the limit; before any were known, the expected number of processes have equal
    /// parts.
    async fn share(&self, ask: AcquireOptions) -> Result<Permit, Refused> {
        let reason = |why: &str| format!("{}; {why}", self.link.reason()).into();
        let limit = self.known.limit();
        let known = lock(&self.known.state).processes;
        let (processes, rank) = match (known, self.expected_processes) {
            (Some(known), _) => known,
            (None, Some(expected)) => (expected, u32::MAX),
            (None, None) => {
                // Waiting does not help: a call in a bulk run would wait without end.
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
            // The server can become reachable before the deadline.
            sleep(ask.max_wait).await;
            return Err(Refused::Unavailable { reason });
        }
        let part = lock(&self.known.state)
            .part
            .get_or_insert_with(|| -> Arc<dyn Quota> {
                let own = Some(RateLimit::new(requests, limit.window()));
                // It begins after all places that any process had reserved.
                let reserved = limit.window() * processes.saturating_mul(self.places) / limit.requests();
                let mut window = Window::new(own);
                if known.is_some() {
                    window.use_up(NOTICE + reserved);
                }
                Arc::new(Queue::new(Local::new(window, QuotaSource::LocalShare)))
            })
            .clone();
        part.acquire(ask).await
    }
}

impl Quota for SharedQuota {
    fn acquire(self: Arc<Self>, ask: AcquireOptions) -> AcquireFuture {
        Box::pin(acquire(self, ask))
    }

    fn lower(&self, limit: RateLimit) {
        self.known.lower(limit);
    }

    fn state(&self) -> QuotaState {
        let fallback = self.link.is_down();
        QuotaState { fallback, learned_rate: self.known.learned_rate(), ..QuotaState::default() }
    }
}

/// Each permit has a holder of its own.
impl PermitHolder for SharedQuota {
    fn report(&self, _: Slot, _: Report) {}
}

impl fmt::Debug for SharedQuota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedQuota").field("keys", &self.known.keys()).finish_non_exhaustive()
    }
}

/// Waits for a permit: first in line, then for the reserved place.
async fn acquire(quota: Arc<SharedQuota>, ask: AcquireOptions) -> Result<Permit, Refused> {
    let AcquireOptions { max_wait, max_waiting, is_retry, .. } = ask;
    let (link, known) = (quota.link.clone(), quota.known.clone());
    link.start_tasks();
    let began = Instant::now();
    let deadline = began.checked_add(max_wait).unwrap_or_else(|| began + Duration::from_secs(100 * 365 * 24 * 3600));
    let waiting = Waiting::begins(&quota.waiting);
    let ahead = if is_retry { 0 } else { waiting.of - 1 };
    let expected = known.expected(ahead);
    if expected > max_wait {
        return Err(Refused::TooLong { needed: expected });
    }
    if ahead >= max_waiting {
        return Err(Refused::QueueFull { needed: expected });
    }
    loop {
        let changed = link.changed.notified();
        if link.is_down() {
            let left = AcquireOptions { max_wait: deadline.saturating_duration_since(Instant::now()), ..ask };
            tokio::select! {
                permit = fall_back(&quota, left) => return permit,
                () = changed => continue,
            }
        }
        // Retries do not wait in line again.
        let _turn = if is_retry {
            None
        } else {
            let turn = timeout_at(deadline, quota.gate.acquire()).await;
            let needed = began.elapsed() + known.limit().window();
            // The gate is never closed.
            turn.map_err(|_| Refused::TooLong { needed })?.ok()
        };
        while known.waits() && Instant::now() < deadline {
            let _ = timeout(LOOK_AGAIN, known.disturbed.notified()).await;
        }
        if link.is_down() {
            continue;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        let losses = lock(&known.state).losses;
        let reply = link.reserve(&known, left).await;
        let (granted, wait, number, epoch, allowance, processes, rank, usable) = match reply {
            Ok(reply) => reply,
            Err(error) => {
                if let Some(reason) = link.misconfigured(&error) {
                    return Err(Refused::Misconfigured { reason });
                }
                link.fail(&error);
                continue;
            }
        };
        known.told(&epoch, processes, rank, usable);
        let wait = Duration::from_micros(wait);
        if !granted {
            return Err(Refused::TooLong { needed: began.elapsed() + wait });
        }
        // Counted from the response, so it is never too early.
        let due = Instant::now() + wait;
        let times = Mutex::new(Times { due, sent: None });
        let reserved = Arc::new(Reservation { link: link.clone(), quota: known.clone(), epoch, number, times });
        let permit = Permit::new(QuotaSource::Shared, reserved.clone(), Slot::default());
        if let Some(due) = known.waits_for(number, due, losses, deadline).await {
            if due > deadline {
                return Err(Refused::TooLong { needed: due - began });
            }
            lock(&reserved.times).due = due;
            if Instant::now() <= due + Duration::from_micros(allowance) / 2 {
                return Ok(permit);
            }
        }
        // The permit is returned. Either the place is lost, or its time has passed because this process was suspended,
        // and the next place is due.
    }
}

/// Applies the policy while the server is unreachable.
async fn fall_back(quota: &SharedQuota, ask: AcquireOptions) -> Result<Permit, Refused> {
    match quota.policy {
        FailurePolicy::Closed => Err(Refused::Unavailable { reason: quota.link.reason() }),
        FailurePolicy::Open => Ok(Permit::untracked(QuotaSource::Open)),
        FailurePolicy::LocalShare => quota.share(ask).await,
    }
}

/// A reserved place.
struct Reservation {
    link: Arc<Link>,
    quota: Arc<Known>,
    epoch: String,
    number: u64,
    times: Mutex<Times>,
}

struct Times {
    due: Instant,
    sent: Option<Instant>,
}

impl PermitHolder for Reservation {
    fn report(&self, _: Slot, report: Report) {
        let now = Instant::now();
        let mut times = lock(&self.times);
        let mut state = lock(&self.quota.state);
        state.flow.report(report, (now - self.quota.born).into());
        let micros = |duration| i64::try_from(micros(duration)).unwrap_or(i64::MAX);
        let (what, figure) = match report {
            Report::Sent => {
                times.sent = Some(now);
                return;
            }
            // The server then assumes the worst case.
            Report::Unanswered => return,
            Report::Unused | Report::NotSent => ("u", 0),
            Report::Throttled { delay } => {
                state.reporting_until = now.checked_add(self.link.timeout());
                ("t", delay.map_or(-1, micros))
            }
            Report::Answered => {
                let sent = times.sent.unwrap_or(now);
                let round_trip = now - sent;
                state.answers.came_after(round_trip.into());
                let late_by =
                    sent.saturating_duration_since(times.due) + round_trip.saturating_sub(state.answers.credit.into());
                drop(state);
                self.quota.disturbed.notify_waiters();
                ("a", if late_by < SLOW.into() { micros(late_by) } else { -1 })
            }
        };
        let (quota, epoch, number) = (self.quota.clone(), self.epoch.clone(), self.number);
        self.link.tell(Told { quota, epoch, number, when: now, what, figure });
    }
}
