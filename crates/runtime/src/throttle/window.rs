//! The rule of an exact window, without a clock: times are arguments.
//!
//! There are N slots. A request holds a slot from its permit until its window at the server is over, so no window at
//! the server ever contains more than N requests, however long a request takes between its permit and its sending.

use std::time::Duration;

use super::limit::RateLimit;
use super::share::Share;
use super::words::{self, Each};

/// J while most responses are quick. It costs little then, because the response frees the slot earlier.
const ALLOWANCE: Duration = Duration::from_secs(1);
/// The round trip from which a response is slow.
pub(super) const SLOW: Duration = Duration::from_millis(250);
/// The minimum of J while most responses are slow: every slot is then held that much longer than its window.
const ALLOWANCE_OF_SLOW_ANSWERS: Duration = Duration::from_millis(80);
/// By how much it grows with a request that is throttled while the whole limit is used, by how much it shrinks with
/// every response, and its maximum growth.
const LATER: Duration = Duration::from_millis(12);
const EARLIER: Duration = Duration::from_micros(100);
const LATEST: Duration = Duration::from_millis(250);
/// Added to every window, because the clocks of two machines run at slightly different speeds.
const GUARD: Duration = Duration::from_millis(1);
/// The number of round trips from which the credit is learned at a time.
const BATCH: usize = 64;
/// A clock that is further back was set.
const CLOCK_STEP: Duration = Duration::from_secs(1);
/// The maximum credit, and the round trip from which there is none: the longer it is, the less it shows about the way
/// to the server.
const LARGEST_CREDIT: Duration = Duration::from_millis(25);
const NO_CREDIT: Duration = Duration::from_millis(100);
/// The minimum time without a response after which the network counts as stalled.
const STILL: Duration = Duration::from_millis(300);
/// How long an abandoned request counts while there are no responses.
const GIVEN_UP: Duration = Duration::from_secs(5);
/// The maximum time for which a request counts as in flight.
const LOST: Duration = Duration::from_secs(120);

/// An exact window of N requests, which decides when the next request may be sent.
#[derive(Debug)]
pub struct Window {
    limit: Option<RateLimit>,
    slots: Vec<Holder>,
    /// Where to look for a free slot first, because slots mostly become free in the order in which they were taken.
    next: usize,
    /// The latest reported time.
    latest: Duration,
    serial: u64,
    share: Share,
    answers: Answers,
    flow: Flow,
    /// Whether abandoned requests count for longer.
    given_up: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Holder {
    /// Grows with every holder of any slot, so that a late response does not free the slot of a later request.
    serial: u64,
    sent_at: Option<Duration>,
    free_at: Option<Duration>,
    /// Whether its request is known to have arrived, or never to arrive.
    settled: bool,
}

/// The slot of a request, for reporting its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Slot {
    pub(super) index: usize,
    pub(super) serial: u64,
}

/// Whether a slot is available.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    /// The next request may be sent, and holds this slot.
    Now(Slot),
    /// No request may be sent before this time. Try again then, or after the next report.
    At(Duration),
    /// No request may be sent until the outcome of a permit is reported.
    Unknown,
}

impl Window {
    /// A window in which nothing was sent yet; `None` if no limit is documented.
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

    /// A window whose limit was just used up.
    pub(super) fn used_up(limit: Option<RateLimit>, now: Duration) -> Self {
        let mut window = Self::new(limit);
        // Some requests may arrive late.
        window.share.hold(now.saturating_add(window.length()).saturating_add(SLOW));
        window
    }

    /// Visits the state that another process needs to continue with this window.
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

    /// Whether its latest time is after `now`, because the clock was set back.
    pub(super) fn is_of_the_future(&self, now: Duration) -> bool {
        self.latest > now.saturating_add(CLOCK_STEP)
    }

    /// Takes a slot for the next request, or returns when there will be one.
    pub fn take(&mut self, now: Duration) -> Availability {
        if let Some(until) = self.share.closed(now) {
            return until.map_or(Availability::Unknown, Availability::At);
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
        Availability::Now(Slot { index, serial: self.serial })
    }

    /// How many slots may be held at once; `None` for any number.
    fn usable(&self, now: Duration) -> Option<usize> {
        let limit = self.limit.map(|limit| limit.requests());
        let share = self.share.slots(now);
        limit.into_iter().chain(share).min().map(|slots| slots as usize)
    }

    fn free_slot(&mut self, usable: usize, now: Duration) -> Result<usize, Availability> {
        let still = || self.flow.stands_still(now);
        let is_free = |holder: &Holder| holder.is_free(now, still);
        let quick = self.slots.len() <= usable && self.slots.get(self.next).is_some_and(is_free);
        let index = if quick {
            self.next
        } else if self.limit.is_some() && self.slots.len() < usable {
            // There is room. Searching all slots for a free one would cost more than adding a slot.
            self.slots.push(Holder::default());
            self.slots.len() - 1
        } else {
            let held = || self.slots.iter().filter(|holder| !is_free(holder));
            if let Some(beyond) = held().count().checked_sub(usable) {
                // A slot that is only held because of the stalled network has no time.
                let ends = held().filter_map(|holder| holder.free_at).filter(|at| *at > now);
                let end = if beyond == 0 {
                    ends.min()
                } else {
                    let mut ends: Vec<_> = ends.collect();
                    ends.sort_unstable();
                    ends.get(beyond).or(ends.last()).copied()
                };
                return Err(end.map_or(Availability::Unknown, Availability::At));
            }
            self.slots.iter().position(is_free).unwrap_or_else(|| {
                self.slots.push(Holder::default());
                self.slots.len() - 1
            })
        };
        self.next = if index + 1 < self.slots.len() { index + 1 } else { 0 };
        Ok(index)
    }

    /// Takes a slot that was free at the latest reported time, which needs no clock.
    pub(super) fn take_without_clock(&mut self) -> Option<Slot> {
        match self.take(self.latest) {
            Availability::Now(slot) => Some(slot),
            Availability::At(_) | Availability::Unknown => None,
        }
    }

    /// Reports that the request is being sent.
    pub fn sent(&mut self, slot: Slot, now: Duration) {
        self.latest = self.latest.max(now);
        self.share.sent(slot.serial, now.saturating_add(self.credit()));
        let free_at = now.saturating_add(self.allowance()).saturating_add(self.length());
        let Some(holder) = self.holder(slot) else { return };
        holder.sent_at = Some(now);
        holder.free_at = Some(free_at);
        self.flow.sent(now);
    }

    /// Reports a response that was not throttled: the request has arrived.
    pub fn answered(&mut self, slot: Slot, now: Duration) {
        self.share.answered(slot.serial);
        self.arrived(slot, now);
    }

    /// Reports a throttled request: there is no slot during the pause, and then one before all others.
    pub fn throttled(&mut self, slot: Slot, now: Duration, delay: Option<Duration>) {
        self.answers.distrust(self.share.slots(now).is_none());
        self.share.throttled(now, delay, self.held(now));
        self.arrived(slot, now);
    }

    /// Reports that the request was not sent, or certainly did not reach the server: its slot is free.
    pub fn give_back(&mut self, slot: Slot, now: Duration) {
        self.share.given_back(slot.serial);
        // The slot of an unsent request cannot have another holder.
        let was_sent = self.holder(slot).is_none_or(|holder| holder.sent_at.is_some());
        if was_sent {
            self.flow.ended();
        }
        if let Some(holder) = self.holder(slot) {
            holder.free_at = Some(now);
            holder.settled = true;
        }
    }

    /// Reports that there will be no response: the request may have arrived, or may still arrive. Until a response
    /// shows that the network works, it counts for 5 s longer than its window.
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

    /// J: the assumed maximum lateness of a request without a response.
    pub fn allowance(&self) -> Duration {
        if self.answers.slowness > 128 { ALLOWANCE_OF_SLOW_ANSWERS + self.answers.lateness } else { ALLOWANCE }
    }

    /// m: the part of every round trip that is known not to be lateness.
    pub fn credit(&self) -> Duration {
        self.answers.credit
    }

    /// When a request with so many ahead of it can expect a slot.
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
            // A slot without a known end is free one window from now at the earliest.
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

    /// Lowers the limit. Requests sent so far count against the new one.
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
        // Requests sent before now arrive by then, if the network works.
        let free_at = || now.saturating_add(ALLOWANCE_OF_SLOW_ANSWERS).saturating_add(length);
        if std::mem::take(&mut self.given_up) {
            for holder in self.slots.iter_mut().filter(|holder| !holder.settled) {
                let usual = holder.sent_at.map(|sent_at| sent_at.saturating_add(allowance).saturating_add(length));
                holder.free_at = holder.free_at.min(usual.max(Some(free_at())));
            }
        }
        if let Some(since) = self.flow.answered(now) {
            // The network was stalled, so requests sent meanwhile arrive about now.
            for holder in self.slots.iter_mut().filter(|holder| !holder.settled) {
                if holder.sent_at.is_some_and(|sent_at| sent_at.saturating_add(allowance) > since) {
                    holder.free_at = Some(free_at()).max(holder.free_at);
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
            // It may be known to be free earlier.
            holder.free_at = Some(holder.free_at.map_or(free_at, |already| already.min(free_at)));
            holder.settled = true;
        }
    }
}

impl Holder {
    /// Whether it is free, if the network has been stalled since then.
    fn is_free(&self, now: Duration, still: impl Fn() -> Option<Duration>) -> bool {
        self.free_at.is_some_and(|time| time <= now)
            && (self.settled
                || still().is_none_or(|since| {
                    self.sent_at.is_some_and(|sent_at| {
                        sent_at.saturating_add(ALLOWANCE_OF_SLOW_ANSWERS) <= since
                            || now.saturating_sub(sent_at) >= LOST
                    })
                }))
    }
}

/// Tracks whether responses arrive or the network is stalled.
#[derive(Debug, Default)]
pub(super) struct Flow {
    in_flight: u32,
    /// Since when there was no response while something was in flight.
    quiet_since: Duration,
    last_answer: Option<Duration>,
    /// The longest recent time without a response; it shrinks with every response.
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

    /// Since when the network has been stalled, if it is.
    pub(super) fn stands_still(&self, now: Duration) -> Option<Duration> {
        (self.in_flight > 0 && now.saturating_sub(self.quiet_since) > self.suspicious()).then_some(self.quiet_since)
    }

    fn suspicious(&self) -> Duration {
        // The duration of a response is unknown before the first one.
        if self.last_answer.is_none() { ALLOWANCE } else { STILL.max(2 * self.longest) }
    }

    /// Records a response. Returns since when the network had been stalled, if it was.
    pub(super) fn answered(&mut self, now: Duration) -> Option<Duration> {
        let mut stood = None;
        if self.in_flight > 0 {
            let (quiet, suspicious) = (now.saturating_sub(self.quiet_since), self.suspicious());
            stood = (self.last_answer.is_some() && quiet > suspicious).then_some(self.quiet_since);
            self.longest = quiet.min(suspicious).max(self.longest.saturating_sub(self.longest / 64));
        }
        self.quiet_since = now;
        self.last_answer = Some(now);
        stood
    }
}

/// Facts learned from round trips.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// Moves towards 256 with every slow response, and towards 0 with every other one.
    slowness: u32,
    /// Added to the allowance of slow responses.
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
        // More than a year is an error of a clock, not of the network.
        let round_trip = round_trip.min(Duration::from_secs(366 * 24 * 3600));
        if round_trip < self.credit {
            // The route changed, or the credit was too high.
            self.credit = (round_trip * 2).saturating_sub(self.credit);
            self.batches = [Duration::ZERO; 4];
        }
        self.batch.push(round_trip);
        if self.batch.len() == BATCH {
            let (quicker, most, _) = self.batch.select_nth_unstable(BATCH * 3 / 4);
            let quickest = quicker.iter().copied().min().unwrap_or_default();
            let steady = (quickest * 2).saturating_sub(*most).max(quickest * 3 / 4);
            self.batches.rotate_left(1);
            self.batches[3] = steady.min(LARGEST_CREDIT).min(NO_CREDIT.saturating_sub(quickest) / 3);
            self.credit = self.batches.iter().copied().min().unwrap_or_default();
            self.batch.clear();
        }
    }

    /// A request was throttled: the credit may have been too high, and unless others are known to use the account, the
    /// request was late.
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
