//! The rule of an exact window, without a clock: times are arguments.
//!
//! There are N slots. A request holds a slot from its permit until its window at the server is over, so no window at
//! the server ever contains more than N requests, however long a request takes between its permit and its sending.

use std::time::Duration;

use super::limit::RateLimit;
use super::permit::{Report, Slot};
use super::share::Share;
use super::time::Time;
use super::words::{self, Each};

/// J while most responses are quick. It costs little then, because the response frees the slot earlier.
const ALLOWANCE: Time = Time::millis(1000);
/// The round trip from which a response is slow.
pub(super) const SLOW: Time = Time::millis(250);
/// The minimum of J while most responses are slow: every slot is then held that much longer than its window.
const ALLOWANCE_OF_SLOW_ANSWERS: Time = Time::millis(80);
/// By how much it grows with a request that is throttled while the whole limit is used, by how much it shrinks with
/// every response, and its maximum growth.
const LATER: Time = Time::millis(12);
const EARLIER: Time = Time(100_000);
const LATEST: Time = Time::millis(250);
/// Added to every window, because the clocks of two machines run at slightly different speeds.
const GUARD: Time = Time::millis(1);
/// The number of round trips from which the credit is learned at a time.
const BATCH: usize = 64;
/// A clock that is further back was set.
const CLOCK_STEP: Time = Time::millis(1000);
/// The maximum credit, and the round trip from which there is none: the longer it is, the less it shows about the way
/// to the server.
const LARGEST_CREDIT: Time = Time::millis(25);
const NO_CREDIT: Time = Time::millis(100);
/// The minimum time without a response after which the network counts as stalled.
const STILL: Time = Time::millis(300);
/// How long an abandoned request counts while there are no responses.
const GIVEN_UP: Time = Time::millis(5000);
/// The maximum time for which a request counts as in flight.
const LOST: Time = Time::millis(120_000);
/// A longer round trip is an error of a clock, not of the network.
const YEAR: Time = Time::millis(366 * 24 * 3_600_000);

/// An exact window of N requests, which decides when the next request may be sent.
#[derive(Debug)]
pub struct Window {
    limit: Option<RateLimit>,
    slots: Vec<Holder>,
    /// Where to look for a free slot first, because slots mostly become free in the order in which they were taken.
    next: usize,
    /// The latest time at which a slot was taken or a report was received.
    latest: Time,
    serial: u32,
    share: Share,
    answers: Answers,
    flow: Flow,
    /// Whether abandoned requests count for longer.
    given_up: bool,
}

#[derive(Debug, Clone, Copy)]
struct Holder {
    /// Grows with every holder of any slot, so that a late response does not free the slot of a later request.
    serial: u32,
    /// `NEVER` until it is sent.
    sent_at: Time,
    /// `NEVER` until a report.
    free_at: Time,
    /// Whether its request is known to have arrived, or never to arrive.
    settled: bool,
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

impl Availability {
    fn until(time: Time) -> Self {
        if time == Time::NEVER { Self::Unknown } else { Self::At(time.into()) }
    }
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
            latest: Time::default(),
            serial: 0,
            share: Share::new(rate, window.into()),
            answers: Answers::default(),
            flow: Flow::default(),
            given_up: false,
        }
    }

    /// A window in which nothing was sent yet, whose slots differ from those of earlier windows and of [`new`](Self::new).
    pub(super) fn new_at(now: Duration, limit: Option<RateLimit>) -> Self {
        Self { serial: now.subsec_nanos() | 1 << 31, ..Self::new(limit) }
    }

    /// Counts the limit as just used up.
    pub(super) fn use_up(&mut self, now: Duration) {
        // Some requests may arrive late.
        let until = Time::from(now) + self.length() + SLOW;
        self.share.hold(self.share.paused_until().map_or(until, |end| until.max(end)));
    }

    /// Whether a request holds this slot.
    pub(super) fn is_held(&mut self, slot: Slot) -> bool {
        self.holder(slot).is_some()
    }

    /// Visits the state that another process needs to continue with this window.
    pub(super) fn words(&mut self, each: Each<'_>) {
        each(&mut self.latest.0);
        words::small(&mut self.serial, each);
        words::small(&mut self.answers.slowness, each);
        each(&mut self.answers.lateness.0);
        self.share.words(each);
        let mut slots = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        words::small(&mut slots, each);
        self.slots.resize(slots as usize, Holder::new(0));
        for holder in &mut self.slots {
            words::small(&mut holder.serial, each);
            each(&mut holder.sent_at.0);
            each(&mut holder.free_at.0);
            words::flag(&mut holder.settled, each);
        }
    }

    /// Whether its latest time is after `now`, because the clock was set back.
    pub(super) fn is_of_the_future(&self, now: Duration) -> bool {
        self.latest > Time::from(now) + CLOCK_STEP
    }

    /// Takes a slot for the next request, or returns when there will be one.
    pub fn take(&mut self, now: Duration) -> Availability {
        let now = Time::from(now);
        if let Some(until) = self.share.closed(now) {
            return Availability::until(until);
        }
        self.latest = self.latest.max(now);
        let (usable, stalled) = (self.usable(now), self.flow.stalled_since(now));
        if !self.is_next_free(usable, now, stalled) {
            match self.search(usable, now, stalled) {
                Ok(index) => self.next = index,
                Err(time) => return Availability::until(time),
            }
        }
        Availability::Now(self.take_next(now))
    }

    /// Takes a slot if the next one was free at the latest known time, which needs no clock.
    pub(super) fn take_without_clock(&mut self) -> Option<Slot> {
        let now = self.latest;
        // Meanwhile the network may have stalled, so only a response frees a slot.
        let stalled = Some(Time::default());
        let is_free = self.share.closed(now).is_none() && self.is_next_free(self.usable(now), now, stalled);
        is_free.then(|| self.take_next(now))
    }

    /// How many slots may be held at once.
    fn usable(&self, now: Time) -> usize {
        let documented = self.limit.map_or(u32::MAX, RateLimit::requests);
        self.share.slots(now).unwrap_or(u32::MAX).min(documented) as usize
    }

    fn is_next_free(&self, usable: usize, now: Time, stalled: Option<Time>) -> bool {
        self.slots.len() <= usable && self.slots.get(self.next).is_some_and(|holder| holder.is_free(now, stalled))
    }

    /// Any free slot, or when there will be one.
    fn search(&mut self, usable: usize, now: Time, stalled: Option<Time>) -> Result<usize, Time> {
        // If there is room, searching all slots for a free one would cost more than adding a slot.
        if self.limit.is_none() || self.slots.len() >= usable {
            let is_free = |holder: &Holder| holder.is_free(now, stalled);
            let held = || self.slots.iter().filter(|holder| !is_free(holder));
            if let Some(beyond) = held().count().checked_sub(usable) {
                // A slot that is only held because of the stalled network has no time.
                let ends = held().map(|holder| holder.free_at).filter(|at| *at > now && *at < Time::NEVER);
                let end = if beyond == 0 {
                    ends.min()
                } else {
                    let mut ends: Vec<_> = ends.collect();
                    ends.sort_unstable();
                    ends.get(beyond).or(ends.last()).copied()
                };
                return Err(end.unwrap_or(Time::NEVER));
            }
            if let Some(index) = self.slots.iter().position(is_free) {
                return Ok(index);
            }
        }
        self.slots.push(Holder::new(0));
        Ok(self.slots.len() - 1)
    }

    fn take_next(&mut self, now: Time) -> Slot {
        let index = self.next;
        self.next = if index + 1 < self.slots.len() { index + 1 } else { 0 };
        self.serial = self.serial.wrapping_add(1);
        self.slots[index] = Holder::new(self.serial);
        let held = if self.share.is_learned() { self.held(now) } else { 0 };
        self.share.granted(self.serial, now, held);
        Slot { index: u32::try_from(index).unwrap_or(u32::MAX), serial: self.serial }
    }

    /// Applies a report about the request in a slot.
    pub fn report(&mut self, slot: Slot, report: Report, now: Duration) {
        let time = Time::from(now);
        self.latest = self.latest.max(time);
        let stalled = self.flow.report(report, time);
        match report {
            Report::Unused | Report::NotSent => self.give_back(slot, time),
            Report::Sent => self.sent(slot, time),
            Report::Answered => {
                self.share.answered(slot.serial);
                self.arrived(slot, time, stalled);
            }
            Report::Throttled { delay } => {
                self.answers.distrust(self.share.slots(time).is_none());
                self.share.throttled(time, delay.map(Time::from), self.held(time));
                self.arrived(slot, time, stalled);
            }
            Report::Unanswered => self.given_up(slot),
        }
    }

    fn sent(&mut self, slot: Slot, now: Time) {
        self.share.sent(slot.serial, now + self.credit());
        let free_at = now + self.allowance() + self.length();
        if let Some(holder) = self.holder(slot) {
            (holder.sent_at, holder.free_at) = (now, free_at);
        }
    }

    fn give_back(&mut self, slot: Slot, now: Time) {
        self.share.given_back(slot.serial);
        if let Some(holder) = self.holder(slot) {
            (holder.free_at, holder.settled) = (now, true);
        }
    }

    /// There will be no response. Until one shows that the network works, the request counts for 5 s longer than its
    /// window.
    fn given_up(&mut self, slot: Slot) {
        let (length, last_answer) = (self.length(), self.flow.last_answer);
        if let Some(holder) = self.holder(slot)
            && last_answer.is_none_or(|answer| answer < holder.sent_at)
        {
            holder.free_at = holder.free_at.max(holder.sent_at + GIVEN_UP + length);
            self.given_up = true;
        }
    }

    /// The request has arrived.
    fn arrived(&mut self, slot: Slot, now: Time, stalled: Option<Time>) {
        if self.given_up || stalled.is_some() {
            self.network_works(now, stalled);
        }
        let length = self.length();
        let Some(holder) = self.slots.get_mut(slot.index as usize).filter(|holder| holder.serial == slot.serial) else {
            return;
        };
        if !holder.settled {
            let sent_at = holder.sent_at.min(now);
            self.answers.came_after(now - sent_at);
            let late_by = now - sent_at - self.answers.credit;
            // It may be known to be free earlier.
            holder.free_at = holder.free_at.min(sent_at + late_by + length);
            holder.settled = true;
        }
    }

    /// A response shows that the network works, so requests sent before it arrive by now.
    fn network_works(&mut self, now: Time, stalled: Option<Time>) {
        let (length, allowance) = (self.length(), self.allowance());
        let free_at = now + ALLOWANCE_OF_SLOW_ANSWERS + length;
        let given_up = std::mem::take(&mut self.given_up);
        for holder in self.slots.iter_mut().filter(|holder| !holder.settled && holder.sent_at < Time::NEVER) {
            let assumed = holder.sent_at + allowance;
            if given_up {
                holder.free_at = holder.free_at.min(free_at.max(assumed + length));
            }
            // Those that the stalled network held up arrive about now.
            if stalled.is_some_and(|since| assumed > since) {
                holder.free_at = holder.free_at.max(free_at);
            }
        }
    }

    /// m: the part of every round trip that is known not to be lateness.
    pub(super) fn credit(&self) -> Time {
        self.answers.credit
    }

    /// J: the assumed maximum lateness of a request without a response.
    fn allowance(&self) -> Time {
        if self.answers.slowness > 128 { ALLOWANCE_OF_SLOW_ANSWERS + self.answers.lateness } else { ALLOWANCE }
    }

    /// When a request with so many ahead of it can expect a slot.
    pub fn expected(&self, ahead: usize, now: Duration) -> Duration {
        let now = Time::from(now);
        let paused = self.share.paused_until().map_or(now, |end| now.max(end));
        let slots = self.usable(now);
        let unused = slots.saturating_sub(self.slots.len());
        let first = (ahead % slots).checked_sub(unused).map_or(now, |nth| {
            let mut ends: Vec<_> = self.slots.iter().map(|holder| holder.free_at).collect();
            match *ends.select_nth_unstable(nth).1 {
                // One window from now at the earliest.
                Time::NEVER => now + self.length(),
                end => end,
            }
        });
        (first.max(paused) + self.length() * (ahead / slots) as u64).into()
    }

    /// When the pause ends, if there is one.
    pub(super) fn paused_until(&self) -> Option<Duration> {
        self.share.paused_until().map(Duration::from)
    }

    /// The learned rate, if there is one.
    pub(super) fn learned_rate(&self, now: Duration) -> Option<f64> {
        self.share.slots(now.into()).map(|slots| f64::from(slots) / self.share.window.in_units_of(Time::millis(1000)))
    }

    /// Lowers the limit. Requests sent so far count against the new one.
    pub(super) fn lower(&mut self, limit: RateLimit) {
        let before = self.length();
        self.limit = Some(limit);
        self.share.limit(f64::from(limit.requests()), limit.window().into());
        let longer = self.length() - before;
        for holder in &mut self.slots {
            holder.free_at = holder.free_at + longer;
        }
    }

    /// How many slots are held.
    fn held(&self, now: Time) -> usize {
        self.slots.iter().filter(|holder| holder.free_at > now).count()
    }

    fn length(&self) -> Time {
        self.share.window + GUARD
    }

    fn holder(&mut self, slot: Slot) -> Option<&mut Holder> {
        self.slots.get_mut(slot.index as usize).filter(|holder| holder.serial == slot.serial)
    }
}

impl Holder {
    fn new(serial: u32) -> Self {
        Self { serial, sent_at: Time::NEVER, free_at: Time::NEVER, settled: false }
    }

    /// Whether it is free, if the network has been stalled since then.
    fn is_free(&self, now: Time, stalled: Option<Time>) -> bool {
        let may_arrive = |since| self.sent_at + ALLOWANCE_OF_SLOW_ANSWERS > since && now - self.sent_at < LOST;
        self.free_at <= now && (self.settled || !stalled.is_some_and(may_arrive))
    }
}

/// Tracks whether responses arrive or the network is stalled.
#[derive(Debug, Default)]
pub(super) struct Flow {
    in_flight: u32,
    /// Since when there was no response while something was in flight.
    quiet_since: Time,
    last_answer: Option<Time>,
    /// The longest recent time without a response; it shrinks with every response.
    longest: Time,
}

impl Flow {
    /// Applies a report about any request. Returns since when the network had been stalled, if a response ends that.
    pub(super) fn report(&mut self, report: Report, now: Time) -> Option<Time> {
        let mut stalled = None;
        match report {
            Report::Unused => return None,
            Report::Sent => {
                if self.in_flight == 0 {
                    self.quiet_since = now;
                }
                self.in_flight += 1;
                return None;
            }
            Report::Answered | Report::Throttled { .. } => stalled = self.answered(now),
            Report::NotSent | Report::Unanswered => {}
        }
        self.in_flight = self.in_flight.saturating_sub(1);
        stalled
    }

    /// Since when the network has been stalled, if it is.
    pub(super) fn stalled_since(&self, now: Time) -> Option<Time> {
        (self.in_flight > 0 && now - self.quiet_since > self.suspicious()).then_some(self.quiet_since)
    }

    fn suspicious(&self) -> Time {
        // The duration of a response is unknown before the first one.
        if self.last_answer.is_none() { ALLOWANCE } else { STILL.max(self.longest * 2) }
    }

    fn answered(&mut self, now: Time) -> Option<Time> {
        let mut stalled = None;
        if self.in_flight > 0 {
            let (quiet, suspicious) = (now - self.quiet_since, self.suspicious());
            stalled = (self.last_answer.is_some() && quiet > suspicious).then_some(self.quiet_since);
            self.longest = quiet.min(suspicious).max(self.longest - Time(self.longest.0 / 64));
        }
        self.quiet_since = now;
        self.last_answer = Some(now);
        stalled
    }
}

/// Facts learned from round trips.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// Moves towards 256 with every slow response, and towards 0 with every other one.
    slowness: u32,
    /// Added to the allowance of slow responses.
    lateness: Time,
    batch: Vec<Time>,
    /// What each of the last batches allows.
    batches: [Time; 4],
    pub(super) credit: Time,
}

impl Answers {
    pub(super) fn came_after(&mut self, round_trip: Time) {
        let target = if round_trip > SLOW { 256 + 31 } else { 0 };
        self.slowness = (self.slowness * 31 + target) / 32;
        self.lateness = self.lateness - EARLIER;
        let round_trip = round_trip.min(YEAR);
        if round_trip < self.credit {
            // The route changed, or the credit was too high.
            self.credit = round_trip * 2 - self.credit;
            self.batches = [Time::default(); 4];
        }
        self.batch.push(round_trip);
        if self.batch.len() == BATCH {
            let (quicker, most, _) = self.batch.select_nth_unstable(BATCH * 3 / 4);
            let quickest = quicker.iter().copied().min().unwrap_or_default();
            let steady = (quickest * 2 - *most).max(Time(quickest.0 * 3 / 4));
            self.batches.rotate_left(1);
            self.batches[3] = steady.min(LARGEST_CREDIT).min(Time((NO_CREDIT - quickest).0 / 3));
            self.credit = self.batches.into_iter().min().unwrap_or_default();
            self.batch.clear();
        }
    }

    /// A request was throttled: the credit may have been too high, and unless others are known to use the account, the
    /// request was late.
    fn distrust(&mut self, was_late: bool) {
        self.credit = Time::default();
        self.batches = [Time::default(); 4];
        if was_late {
            self.lateness = (self.lateness + LATER).min(LATEST);
        }
    }
}

#[cfg(test)]
mod tests;
