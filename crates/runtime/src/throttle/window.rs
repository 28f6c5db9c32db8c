//! The rule of an exact window, without clock and without waiting: times are handed in.
//!
//! There are N slots. A request holds a slot from its permit until its window at the server is over, so no window at the server
//! ever holds more than N requests, however long a request takes between its permit and its sending.

use std::time::Duration;

use super::limit::RateLimit;
use super::share::Share;
use super::words::{self, Each};

/// J while most answers are quick. It costs little then, because the answer frees the slot before.
const ALLOWANCE: Duration = Duration::from_secs(1);
/// From which round trip on an answer is a slow one.
pub(super) const SLOW: Duration = Duration::from_millis(250);
/// J while most answers are slow, at least: every slot is held that much longer than its window then.
const ALLOWANCE_OF_SLOW_ANSWERS: Duration = Duration::from_millis(80);
/// By how much that grows with a request that is throttled while the whole limit is used, by how much it shrinks with every answer,
/// and by how much it grows at most.
const LATER: Duration = Duration::from_millis(12);
const EARLIER: Duration = Duration::from_micros(100);
const LATEST: Duration = Duration::from_millis(250);
/// Added to every window: clocks of two machines run at slightly different speeds.
const GUARD: Duration = Duration::from_millis(1);
/// How many round trips are looked at together to learn the credit.
const BATCH: usize = 64;
/// A clock that is farther back than that was set.
const CLOCK_STEP: Duration = Duration::from_secs(1);
/// The largest credit, and the round trip from which on there is none: the longer it is, the less it says about the way there.
const LARGEST_CREDIT: Duration = Duration::from_millis(25);
const NO_CREDIT: Duration = Duration::from_millis(100);
/// The shortest time without an answer that is taken for a network that stands still.
const STILL: Duration = Duration::from_millis(300);
/// For how long a request that was given up counts, while nothing is answered.
const GIVEN_UP: Duration = Duration::from_secs(5);
/// The longest time for which a request counts as in flight.
const LOST: Duration = Duration::from_secs(120);

/// An exact window of N requests: says when the next request may go.
#[derive(Debug)]
pub struct Window {
    limit: Option<RateLimit>,
    slots: Vec<Holder>,
    /// Where to look for a free slot first: mostly they get free in the order in which they were taken.
    next: usize,
    /// The latest time that was told.
    latest: Duration,
    serial: u64,
    share: Share,
    answers: Answers,
    flow: Flow,
    /// Whether requests that were given up count for longer.
    given_up: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Holder {
    /// Grows with every holder of any slot, so that a late answer does not free the slot of a later request.
    serial: u64,
    sent_at: Option<Duration>,
    free_at: Option<Duration>,
    /// Whether its request is known to have arrived, or never to arrive.
    settled: bool,
}

/// The slot that a request holds, for reporting what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Slot {
    pub(super) index: usize,
    pub(super) serial: u64,
}

/// Whether the next request may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The next request may go, and holds this slot.
    Now(Slot),
    /// No request may go before this time. Ask again then, or when something was told that may change it.
    At(Duration),
    /// No request may go until something is told of a permit that is out.
    Unknown,
}

impl Window {
    /// A window in which nothing was sent yet; without a limit if none is documented.
    pub fn new(limit: Option<RateLimit>) -> Self {
        let (rate, window) = limit
            .map_or((f64::INFINITY, Duration::from_secs(1)), |limit| (f64::from(limit.requests()), limit.window()));
        Self {
            limit,
            slots: Vec::new(),
            next: 0,
            latest: Duration::ZERO,
            serial: 0,
            share: Share::new(rate, window),
            answers: Answers::default(),
            flow: Flow::default(),
            given_up: false,
        }
    }

    /// A window of which as much as the limit was used just now.
    pub(super) fn used_up(limit: Option<RateLimit>, now: Duration) -> Self {
        let mut window = Self::new(limit);
        // Some of it may arrive late.
        window.share.hold(now.saturating_add(window.length()).saturating_add(SLOW));
        window
    }

    /// What another process must know to go on with this window.
    pub(super) fn words(&mut self, each: Each<'_>) {
        words::time(&mut self.latest, each);
        each(&mut self.serial);
        words::small(&mut self.answers.slowness, each);
        words::time(&mut self.answers.lateness, each);
        self.share.words(each);
        let mut slots = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        words::small(&mut slots, each);
        self.slots.resize(slots as usize, Holder::default());
        for holder in &mut self.slots {
            each(&mut holder.serial);
            words::time_if_known(&mut holder.sent_at, each);
            words::time_if_known(&mut holder.free_at, each);
            words::flag(&mut holder.settled, each);
        }
    }

    /// Whether it is of a later time than now, so that the clock was set back since.
    pub(super) fn is_of_the_future(&self, now: Duration) -> bool {
        self.latest > now.saturating_add(CLOCK_STEP)
    }

    /// A slot for the next request, or when there will be one.
    pub fn take(&mut self, now: Duration) -> Turn {
        if let Some(until) = self.share.closed(now) {
            return until.map_or(Turn::Unknown, Turn::At);
        }
        self.latest = self.latest.max(now);
        let index = match self.free_slot(self.usable(now).unwrap_or(usize::MAX), now) {
            Ok(index) => index,
            Err(turn) => return turn,
        };
        self.serial += 1;
        self.slots[index] = Holder { serial: self.serial, ..Holder::default() };
        let held = if self.share.is_learned() { self.held(now) } else { 0 };
        self.share.granted(self.serial, now, held);
        Turn::Now(Slot { index, serial: self.serial })
    }

    /// How many slots may be held at once; `None` for any number.
    fn usable(&self, now: Duration) -> Option<usize> {
        let limit = self.limit.map(|limit| limit.requests());
        let share = self.share.slots(now);
        limit.into_iter().chain(share).min().map(|slots| slots as usize)
    }

    fn free_slot(&mut self, usable: usize, now: Duration) -> Result<usize, Turn> {
        let still = self.flow.stands_still(now);
        let is_free = |holder: &Holder| holder.is_free(now, still);
        let quick = self.slots.get(self.next).filter(|holder| self.slots.len() <= usable && is_free(holder));
        let index = if quick.is_some() {
            self.next
        } else if self.limit.is_some() && self.slots.len() < usable {
            // There is room. A search of all slots for a free one would cost more than one slot more.
            self.slots.push(Holder::default());
            self.slots.len() - 1
        } else {
            let held = || self.slots.iter().filter(|holder| !is_free(holder));
            if let Some(beyond) = held().count().checked_sub(usable) {
                // A slot that is free but for the network's standing still has no time.
                let ends = held().filter_map(|holder| holder.free_at).filter(|at| *at > now);
                let end = if beyond == 0 {
                    ends.min()
                } else {
                    let mut ends: Vec<_> = ends.collect();
                    ends.sort_unstable();
                    ends.get(beyond).or(ends.last()).copied()
                };
                return Err(end.map_or(Turn::Unknown, Turn::At));
            }
            self.slots.iter().position(is_free).unwrap_or_else(|| {
                self.slots.push(Holder::default());
                self.slots.len() - 1
            })
        };
        self.next = if index + 1 < self.slots.len() { index + 1 } else { 0 };
        Ok(index)
    }

    /// A slot that was free already at the latest time that was told: needs no look at a clock.
    pub(super) fn take_without_clock(&mut self) -> Option<Slot> {
        match self.take(self.latest) {
            Turn::Now(slot) => Some(slot),
            Turn::At(_) | Turn::Unknown => None,
        }
    }

    /// The request goes out now.
    pub fn sent(&mut self, slot: Slot, now: Duration) {
        self.latest = self.latest.max(now);
        self.share.sent(slot.serial, now.saturating_add(self.credit()));
        let free_at = now.saturating_add(self.allowance()).saturating_add(self.length());
        let Some(holder) = self.holder(slot) else { return };
        holder.sent_at = Some(now);
        holder.free_at = Some(free_at);
        self.flow.sent(now);
    }

    /// The request was answered now, and not throttled: it has arrived before.
    pub fn answered(&mut self, slot: Slot, now: Duration) {
        self.share.answered(slot.serial);
        self.arrived(slot, now);
    }

    /// The request was throttled: no request gets a slot during the pause, and then one before all others.
    pub fn throttled(&mut self, slot: Slot, now: Duration, delay: Option<Duration>) {
        self.answers.distrust(self.share.slots(now).is_none());
        self.share.throttled(now, delay, self.held(now));
        self.arrived(slot, now);
    }

    /// The request was not sent, or certainly did not reach the server: its slot is free.
    pub fn give_back(&mut self, slot: Slot, now: Duration) {
        self.share.given_back(slot.serial);
        // The slot of a request that was not sent cannot have another holder.
        let was_sent = self.holder(slot).is_none_or(|holder| holder.sent_at.is_some());
        if was_sent {
            self.flow.ended();
        }
        if let Some(holder) = self.holder(slot) {
            holder.free_at = Some(now);
            holder.settled = true;
        }
    }

    /// There will be no answer to the request: it may have arrived, or may arrive yet. Until an answer shows that the network moves, it
    /// counts for 5 s longer than its window.
    pub fn given_up(&mut self, slot: Slot) {
        self.flow.ended();
        let (length, last_answer) = (self.length(), self.flow.last_answer);
        if let Some(holder) = self.holder(slot)
            && let Some(sent_at) = holder.sent_at
            && last_answer.is_none_or(|answer| answer < sent_at)
        {
            holder.free_at = Some(sent_at.saturating_add(GIVEN_UP).saturating_add(length)).max(holder.free_at);
            self.given_up = true;
        }
    }

    /// J: by how much a request is assumed to be late at most, while it is not answered.
    pub fn allowance(&self) -> Duration {
        if self.answers.slowness > 128 { ALLOWANCE_OF_SLOW_ANSWERS + self.answers.lateness } else { ALLOWANCE }
    }

    /// m: how much of every round trip is known not to be lateness.
    pub fn credit(&self) -> Duration {
        self.answers.credit
    }

    /// When a request with so many ahead can expect its turn.
    pub fn expected(&self, ahead: usize, now: Duration) -> Duration {
        let paused = self.share.paused_until().unwrap_or(now).max(now);
        let Some(slots) = self.usable(now) else { return paused };
        let turn = ahead % slots;
        let rounds = u32::try_from(ahead / slots).unwrap_or(u32::MAX);
        let unused = slots.saturating_sub(self.slots.len());
        let mut first = now;
        if turn >= unused {
            let mut ends: Vec<_> = self.slots.iter().filter_map(|holder| holder.free_at).collect();
            let nth = turn - unused;
            // A slot that is held without a known end is free one window from now at the earliest guess.
            first = if nth < ends.len() { *ends.select_nth_unstable(nth).1 } else { now.saturating_add(self.length()) };
        }
        first.max(paused).saturating_add(self.length().saturating_mul(rounds))
    }

    /// When the pause ends, if there is one.
    pub(super) fn paused_until(&self) -> Option<Duration> {
        self.share.paused_until()
    }

    /// The learned rate, if there is one.
    pub(super) fn learned_rate(&self, now: Duration) -> Option<f64> {
        self.share.slots(now).map(|slots| f64::from(slots) / self.share.window.as_secs_f64())
    }

    /// Lowers the limit. What was sent so far counts against the new one.
    pub(super) fn lower(&mut self, limit: RateLimit) {
        let before = self.length();
        self.limit = Some(limit);
        self.share.limit(f64::from(limit.requests()), limit.window());
        let longer = self.length().saturating_sub(before);
        for holder in &mut self.slots {
            holder.free_at = holder.free_at.map(|at| at.saturating_add(longer));
        }
    }

    /// How many slots are held.
    fn held(&self, now: Duration) -> usize {
        self.slots.iter().filter(|holder| holder.free_at.is_none_or(|at| at > now)).count()
    }

    fn length(&self) -> Duration {
        self.share.window + GUARD
    }

    fn holder(&mut self, slot: Slot) -> Option<&mut Holder> {
        self.slots.get_mut(slot.index).filter(|holder| holder.serial == slot.serial)
    }

    fn arrived(&mut self, slot: Slot, now: Duration) {
        let (length, allowance) = (self.length(), self.allowance());
        // What is sent before now arrives by then, if the network moves.
        let free_at = now.saturating_add(ALLOWANCE_OF_SLOW_ANSWERS).saturating_add(length);
        if std::mem::take(&mut self.given_up) {
            for holder in self.slots.iter_mut().filter(|holder| !holder.settled) {
                let usual = holder.sent_at.map(|sent_at| sent_at.saturating_add(allowance).saturating_add(length));
                holder.free_at = holder.free_at.min(usual.max(Some(free_at)));
            }
        }
        if let Some(since) = self.flow.answered(now) {
            // The network stood still, so requests that were sent meanwhile arrive about now.
            for holder in self.slots.iter_mut().filter(|holder| !holder.settled) {
                if holder.sent_at.is_some_and(|sent_at| sent_at.saturating_add(allowance) > since) {
                    holder.free_at = Some(free_at).max(holder.free_at);
                }
            }
        }
        self.flow.ended();
        let Some(&mut Holder { sent_at, settled: false, .. }) = self.holder(slot) else { return };
        let sent_at = sent_at.unwrap_or(now);
        let round_trip = now.saturating_sub(sent_at);
        self.answers.came_after(round_trip);
        let late_by = round_trip.saturating_sub(self.credit());
        let free_at = sent_at.saturating_add(late_by).saturating_add(length);
        if let Some(holder) = self.holder(slot) {
            // It may be known to be free before.
            holder.free_at = Some(holder.free_at.map_or(free_at, |already| already.min(free_at)));
            holder.settled = true;
        }
    }
}

impl Holder {
    /// Whether it is free, with a network that has stood still since then.
    fn is_free(&self, now: Duration, still: Option<Duration>) -> bool {
        self.free_at.is_some_and(|time| time <= now)
            && (still.is_none()
                || self.settled
                || self.sent_at.is_some_and(|sent_at| {
                    still.is_none_or(|since| sent_at.saturating_add(ALLOWANCE_OF_SLOW_ANSWERS) <= since)
                        || now.saturating_sub(sent_at) >= LOST
                }))
    }
}

/// Whether answers keep coming, or the network stands still.
#[derive(Debug, Default)]
pub(super) struct Flow {
    in_flight: u32,
    /// Since when nothing was answered while something was in flight.
    quiet_since: Duration,
    last_answer: Option<Duration>,
    /// The longest quiet time of late: it becomes shorter with every answer.
    longest: Duration,
}

impl Flow {
    pub(super) fn sent(&mut self, now: Duration) {
        if self.in_flight == 0 {
            self.quiet_since = now;
        }
        self.in_flight += 1;
    }

    pub(super) fn ended(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// Since when the network has stood still, if it does.
    pub(super) fn stands_still(&self, now: Duration) -> Option<Duration> {
        (self.in_flight > 0 && now.saturating_sub(self.quiet_since) > self.suspicious()).then_some(self.quiet_since)
    }

    fn suspicious(&self) -> Duration {
        // How long an answer takes is not known before the first one.
        if self.last_answer.is_none() { ALLOWANCE } else { STILL.max(2 * self.longest) }
    }

    /// Something was answered. Returns since when the network had stood still, if it had.
    pub(super) fn answered(&mut self, now: Duration) -> Option<Duration> {
        let stood = self.last_answer.and_then(|_| self.stands_still(now));
        if self.in_flight > 0 {
            let quiet = now.saturating_sub(self.quiet_since).min(self.suspicious());
            self.longest = quiet.max(self.longest.saturating_sub(self.longest / 64));
        }
        self.quiet_since = now;
        self.last_answer = Some(now);
        stood
    }
}

/// What the round trips tell.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// Moves towards 256 with every slow answer, and towards 0 with every other one.
    slowness: u32,
    /// What is added to the allowance of slow answers.
    lateness: Duration,
    batch: Vec<Duration>,
    /// What each of the last batches allows.
    batches: [Duration; 4],
    pub(super) credit: Duration,
}

impl Answers {
    pub(super) fn came_after(&mut self, round_trip: Duration) {
        let target = if round_trip > SLOW { 256 + 31 } else { 0 };
        self.slowness = (self.slowness * 31 + target) / 32;
        self.lateness = self.lateness.saturating_sub(EARLIER);
        // More than a year tells of clocks, not of the network.
        let round_trip = round_trip.min(Duration::from_secs(366 * 24 * 3600));
        if round_trip < self.credit {
            // The route changed, or the credit was too good to be true.
            self.credit = (round_trip * 2).saturating_sub(self.credit);
            self.batches = [Duration::ZERO; 4];
        }
        self.batch.push(round_trip);
        if self.batch.len() == BATCH {
            self.batch.sort_unstable();
            let quickest = self.batch[0];
            let steady = (quickest * 2).saturating_sub(self.batch[BATCH * 3 / 4]).max(quickest * 3 / 4);
            self.batches.rotate_left(1);
            self.batches[3] = steady.min(LARGEST_CREDIT).min(NO_CREDIT.saturating_sub(quickest) / 3);
            self.credit = self.batches.iter().copied().min().unwrap_or_default();
            self.batch.clear();
        }
    }

    /// A request was throttled: the credit may have been too good to be true, and if nothing is known of others it was late.
    fn distrust(&mut self, was_late: bool) {
        self.credit = Duration::ZERO;
        self.batches = [Duration::ZERO; 4];
        if was_late {
            self.lateness = (self.lateness + LATER).min(LATEST);
        }
    }
}

#[cfg(test)]
mod tests;
