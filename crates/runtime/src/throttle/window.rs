//! The rule of an exact window, without clock and without waiting: times are handed in.
//!
//! There are N slots. A request holds a slot from the moment it may go until its window at the server is over, so no window at
//! the server ever holds more than N requests, however long a request takes between its permit and its sending.

use std::time::Duration;

use super::pause::{Gate, Pause};
use crate::descriptor::RateLimit;

/// J while most answers are quick. It costs little then, because the answer frees the slot before.
const ALLOWANCE: Duration = Duration::from_secs(1);

/// From which round trip on an answer is a slow one.
const SLOW: Duration = Duration::from_millis(250);

/// J while most answers are slow: every slot is held that much longer than its window then.
const ALLOWANCE_OF_SLOW_ANSWERS: Duration = Duration::from_millis(80);

/// What is added to every window: clocks of two machines run at slightly different speeds.
const GUARD: Duration = Duration::from_millis(1);

/// By how much every window grows with a throttled answer, by how much it shrinks with every other one, and how long it gets at
/// most. In balance, one answer in 120 is a throttled one.
const STRETCH: Duration = Duration::from_millis(12);
const RELAX: Duration = Duration::from_micros(100);
const LONGEST_STRETCH: Duration = Duration::from_millis(250);

/// Up to which stretch requests may go in bursts. With so much more of it they go evenly, one N-th of a window after the other;
/// between the two they keep a part of that distance.
const BURSTS: Duration = Duration::from_millis(24);
const EVEN: Duration = Duration::from_millis(76);

/// How late a timer may fire without the requests after it going later, too.
const TIMER: Duration = Duration::from_millis(2);

/// How many round trips are looked at together to learn the credit.
const BATCH: usize = 64;

/// An exact window of N requests: says when the next request may go.
///
/// The rule alone, for stores of your own and for simulations. It has no clock and nothing waits in it: every method is told the
/// time, counted from any fixed moment.
///
/// A request that is sent at `s` and answered at `r` frees its slot at `s + min(r - s - m, J) + window`, plus a guard of 1 ms:
/// - `m`, the credit, is a round trip that hardly any request undercuts. What a round trip took beyond it is the most by which the
///   request can have been late. It is earned slowly, over 256 answers: three quarters of the quickest of them, or more as
///   far as round trips are alike (`2 min - p75` of each 64). A quicker one takes it away.
/// - `J`, the allowance, bounds the lateness of a request that is not answered yet: 1 s, or 80 ms while most answers take longer than
///   250 ms (with slow answers the allowance is what every slot is held longer, and a tenth of the quota is all that it may
///   cost).
/// - A throttled answer shows that the rule was too optimistic, or that somebody else uses the quota: every window grows by 12 ms,
///   up to 250 ms, and shrinks again by 0.1 ms with every other answer. From the third on in short time requests go more and more
///   evenly, in the end one N-th of the window after the other, because a burst whose last request is late ends in the next one.
///
/// Where the network is unsteady and answers take seconds, they tell too late when a request arrived. Then part of the quota is
/// lost or some requests are throttled, whatever the rule.
///
/// `cargo xtask bench throttle` in the repository shows what that comes to.
///
/// ```
/// use std::time::Duration;
/// use alibabacloud_runtime::RateLimit;
/// use alibabacloud_runtime::throttle::{Turn, Window};
///
/// let mut window = Window::new(RateLimit::per_second(1));
/// let Turn::Now(slot) = window.take(Duration::ZERO) else { panic!("the first may go") };
/// window.sent(slot, Duration::ZERO);
/// window.answered(slot, Duration::from_millis(20));
/// assert_eq!(window.take(Duration::from_millis(30)), Turn::At(Duration::from_millis(1021)));
/// ```
#[derive(Debug)]
pub struct Window {
    limit: RateLimit,
    slots: Vec<Holder>,
    /// Where to look for a free slot first: mostly they get free in the order in which they were taken.
    next: usize,
    /// The latest time that was told.
    latest: Duration,
    serial: u64,
    pause: Pause,
    stretch: Duration,
    /// Before this time no request goes, so that they go evenly.
    even_at: Duration,
    answers: Answers,
}

#[derive(Debug, Clone, Copy)]
struct Holder {
    /// Grows with every holder of any slot, so that a late answer does not free the slot of a later request.
    serial: u64,
    sent_at: Option<Duration>,
    free_at: Option<Duration>,
}

/// The slot that a request holds, for telling what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    pub(super) index: usize,
    pub(super) serial: u64,
}

/// Whose turn it is.
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
    /// A window in which nothing was sent yet.
    pub fn new(limit: RateLimit) -> Self {
        Self {
            limit,
            slots: Vec::new(),
            next: 0,
            latest: Duration::ZERO,
            serial: 0,
            pause: Pause::default(),
            stretch: Duration::ZERO,
            even_at: Duration::ZERO,
            answers: Answers::default(),
        }
    }

    /// A slot for the next request, or when there will be one.
    pub fn take(&mut self, now: Duration) -> Turn {
        if let Gate::Closed(until) = self.pause.gate(now) {
            return until.map_or(Turn::Unknown, Turn::At);
        }
        self.latest = self.latest.max(now);
        if now < self.even_at {
            return Turn::At(self.even_at);
        }
        if self.next == self.slots.len() {
            self.next = 0;
        }
        let index = match self.slots.get(self.next) {
            Some(holder) if holder.is_free(now) => self.next,
            _ if self.slots.len() < self.limit.requests as usize => {
                self.slots.push(Holder { serial: 0, sent_at: None, free_at: None });
                self.slots.len() - 1
            }
            _ => {
                let Some(index) = self.first_free(now) else {
                    let earliest = self.slots.iter().filter_map(|holder| holder.free_at).min();
                    return earliest.map_or(Turn::Unknown, Turn::At);
                };
                index
            }
        };
        self.next = index + 1;
        self.even_at = self.even_at.max(now.saturating_sub(TIMER)).saturating_add(self.gap());
        self.serial += 1;
        self.slots[index] = Holder { serial: self.serial, sent_at: None, free_at: None };
        self.pause.granted(self.serial);
        Turn::Now(Slot { index, serial: self.serial })
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
        self.pause.sent(slot.serial, now.saturating_add(self.credit()));
        if let Some(holder) = self.holder(slot) {
            holder.sent_at = Some(now);
            self.free_at(slot, now.saturating_add(self.allowance()).saturating_add(self.length()));
        }
    }

    /// The request was answered now, and not throttled: it has arrived before.
    pub fn answered(&mut self, slot: Slot, now: Duration) {
        self.pause.answered(slot.serial);
        self.stretch = self.stretch.saturating_sub(RELAX);
        self.arrived(slot, now);
    }

    /// The request was throttled: nobody gets a slot during the pause, and then one before all others. Without a pause it is 200 ms,
    /// doubled with every further throttled answer in a row, up to 20 s.
    pub fn throttled(&mut self, slot: Slot, now: Duration, pause: Option<Duration>) {
        // Requests that were under way together fail together; they tell the same once.
        if self.pause.throttled(now, pause) {
            self.stretch = (self.stretch + STRETCH).min(LONGEST_STRETCH);
        }
        self.arrived(slot, now);
    }

    /// The request was not sent, or certainly did not reach the server: its slot is free.
    pub fn give_back(&mut self, slot: Slot, now: Duration) {
        self.pause.given_back(slot.serial);
        if slot.serial == self.serial {
            // The next one goes in its place.
            self.even_at = self.even_at.min(now);
        }
        self.free_at(slot, now);
    }

    /// J: by how much a request is assumed to be late at most, while it is not answered.
    pub fn allowance(&self) -> Duration {
        if self.answers.are_slow() { ALLOWANCE_OF_SLOW_ANSWERS } else { ALLOWANCE }
    }

    /// m: how much of every round trip is known not to be lateness.
    pub fn credit(&self) -> Duration {
        self.answers.credit()
    }

    /// When a request with so many ahead can expect its turn.
    pub fn expected(&self, ahead: usize, now: Duration) -> Duration {
        let slots = self.limit.requests as usize;
        let turn = ahead % slots;
        let rounds = u32::try_from(ahead / slots).unwrap_or(u32::MAX);
        let unused = slots - self.slots.len();
        let mut first = now;
        if turn >= unused {
            let mut ends: Vec<_> = self.slots.iter().filter_map(|holder| holder.free_at).collect();
            let nth = turn - unused;
            // A slot that is held without a known end is free one window from now at the earliest guess.
            first = if nth < ends.len() { *ends.select_nth_unstable(nth).1 } else { now.saturating_add(self.length()) };
        }
        let paused = self.pause.until().unwrap_or(now);
        first.max(now).max(paused).saturating_add(self.length().saturating_mul(rounds))
    }

    /// A time before which a request with so many ahead has had its turn, if those ahead use theirs: quicker than
    /// [`expected`](Self::expected), and later.
    pub(super) fn expected_at_most(&self, ahead: usize, now: Duration) -> Duration {
        let rounds = u32::try_from(ahead / self.limit.requests as usize).unwrap_or(u32::MAX).saturating_add(1);
        let paused = self.pause.until().unwrap_or(now);
        paused.max(now).saturating_add((self.length() + ALLOWANCE).saturating_mul(rounds))
    }

    /// When the pause ends, if there is one.
    pub(super) fn paused_until(&self) -> Option<Duration> {
        self.pause.until()
    }

    fn length(&self) -> Duration {
        self.limit.window + GUARD + self.stretch
    }

    /// How long after a request the next one may go.
    fn gap(&self) -> Duration {
        let evenness = self.stretch.saturating_sub(BURSTS).min(EVEN);
        if evenness.is_zero() {
            return Duration::ZERO;
        }
        (self.length() / self.limit.requests).mul_f64(evenness.div_duration_f64(EVEN))
    }

    fn holder(&mut self, slot: Slot) -> Option<&mut Holder> {
        self.slots.get_mut(slot.index).filter(|holder| holder.serial == slot.serial)
    }

    fn arrived(&mut self, slot: Slot, now: Duration) {
        let Some(&mut Holder { sent_at, .. }) = self.holder(slot) else { return };
        let sent_at = sent_at.unwrap_or(now);
        let round_trip = now.saturating_sub(sent_at);
        self.answers.came_after(round_trip);
        let late_by = round_trip.saturating_sub(self.credit());
        self.free_at(slot, sent_at.saturating_add(late_by).saturating_add(self.length()));
    }

    /// Sets when a slot is free, unless it is known to be free before.
    fn free_at(&mut self, slot: Slot, time: Duration) {
        let Some(holder) = self.holder(slot) else { return };
        if holder.free_at.is_none_or(|already| time < already) {
            holder.free_at = Some(time);
        }
    }

    /// The first free slot, beginning where to look first.
    fn first_free(&self, now: Duration) -> Option<usize> {
        let (before, after) = self.slots.split_at(self.next.min(self.slots.len()));
        let free = |slots: &[Holder]| slots.iter().position(|holder| holder.is_free(now));
        free(after).map(|index| before.len() + index).or_else(|| free(before))
    }
}

impl Holder {
    fn is_free(&self, now: Duration) -> bool {
        self.free_at.is_some_and(|time| time <= now)
    }
}

/// What the round trips tell.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// Moves towards 256 with every slow answer, and towards 0 with every other one.
    slowness: u32,
    batch: Vec<Duration>,
    /// What each of the last batches allows.
    batches: [Duration; 4],
    credit: Duration,
}

impl Answers {
    fn are_slow(&self) -> bool {
        self.slowness > 128
    }

    /// m: how much of every round trip is known not to be lateness.
    pub(super) fn credit(&self) -> Duration {
        self.credit
    }

    pub(super) fn came_after(&mut self, round_trip: Duration) {
        let target = if round_trip > SLOW { 256 + 31 } else { 0 };
        self.slowness = (self.slowness * 31 + target) / 32;
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
            let steady = (self.batch[0] * 2).saturating_sub(self.batch[BATCH * 3 / 4]);
            self.batches.rotate_left(1);
            self.batches[3] = steady.max(self.batch[0] * 3 / 4);
            self.credit = self.batches.iter().copied().min().unwrap_or_default();
            self.batch.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Waits for the next turn; returns when it is.
    fn next(window: &mut Window, from: Duration) -> (Slot, Duration) {
        let mut now = from;
        loop {
            match window.take(now) {
                Turn::Now(slot) => return (slot, now),
                Turn::At(time) => now = time,
                Turn::Unknown => panic!("nothing is out"),
            }
        }
    }

    /// One request at a time, each with that round trip, so many times; returns when the last slot is free.
    fn answer(window: &mut Window, from: Duration, round_trip: Duration, times: usize) -> Duration {
        let mut now = from;
        for _ in 0..times {
            let (slot, turn) = next(window, now);
            now = turn;
            window.sent(slot, now);
            now += round_trip;
            window.answered(slot, now);
        }
        now
    }

    #[test]
    fn the_credit_is_earned_over_many_answers_and_lost_with_one_that_is_quicker() {
        let mut window = Window::new(RateLimit::per_second(1));
        let now = answer(&mut window, Duration::ZERO, 200 * MS, 255);
        assert_eq!(window.credit(), Duration::ZERO);
        let now = answer(&mut window, now, 200 * MS, 1);
        assert_eq!(window.credit(), 200 * MS);
        // One window after it was sent, plus the guard: the whole round trip is known not to be lateness.
        assert_eq!(window.take(now), Turn::At(now + 801 * MS));
        let now = answer(&mut window, now, 150 * MS, 1);
        assert_eq!(window.credit(), 100 * MS);
        let now = answer(&mut window, now, 20 * MS, 1);
        assert_eq!(window.credit(), Duration::ZERO);
        answer(&mut window, now, 200 * MS, 128);
        assert_eq!(window.credit(), Duration::ZERO, "it is earned as slowly as the first time");
    }

    #[test]
    fn where_round_trips_differ_the_credit_is_less_than_the_quickest() {
        let mut window = Window::new(RateLimit::per_second(1));
        let mut now = Duration::ZERO;
        for round_trip in (0..256).map(|number| 40 + number % 64) {
            now = answer(&mut window, now, MS * round_trip, 1);
        }
        assert_eq!(window.credit(), 30 * MS);
    }

    #[test]
    fn slow_answers_shorten_the_allowance_and_quick_ones_lengthen_it() {
        let mut window = Window::new(RateLimit::per_second(10));
        assert_eq!(window.allowance(), 1000 * MS);
        let now = answer(&mut window, Duration::ZERO, 500 * MS, 30);
        assert_eq!(window.allowance(), 80 * MS);
        answer(&mut window, now, 20 * MS, 30);
        assert_eq!(window.allowance(), 1000 * MS);
    }

    #[test]
    fn throttled_answers_lengthen_the_window_and_others_shorten_it_again() {
        let mut window = Window::new(RateLimit::per_second(1));
        let mut now = Duration::ZERO;
        for _ in 0..2 {
            let Turn::Now(slot) = window.take(now) else { panic!("nothing is out") };
            window.sent(slot, now);
            window.throttled(slot, now, Some(Duration::ZERO));
            now += 2000 * MS;
        }
        let now = answer(&mut window, now, Duration::ZERO, 1);
        assert_eq!(window.take(now), Turn::At(now + Duration::from_micros(1_024_900)));
        let now = answer(&mut window, now, Duration::ZERO, 300);
        assert_eq!(window.take(now), Turn::At(now + 1001 * MS));
        let mut now = now + 2000 * MS;
        for _ in 0..100 {
            let Turn::Now(slot) = window.take(now) else { panic!("nothing is out") };
            window.sent(slot, now);
            window.throttled(slot, now, Some(Duration::ZERO));
            now += 2000 * MS;
        }
        let now = answer(&mut window, now, Duration::ZERO, 1);
        assert_eq!(next(&mut window, now).1, now + Duration::from_micros(1_250_900), "there is an end to it");
    }

    #[test]
    fn after_many_throttled_answers_requests_go_evenly_and_in_bursts_again_when_they_end() {
        let mut window = Window::new(RateLimit::per_second(10));
        let mut now = Duration::ZERO;
        for _ in 0..10 {
            let Turn::Now(slot) = window.take(now) else { panic!("nothing is out") };
            window.sent(slot, now);
            window.throttled(slot, now, Some(Duration::ZERO));
            now += 2000 * MS;
        }
        let now = answer(&mut window, now, Duration::ZERO, 1) + 2000 * MS;
        let Turn::Now(slot) = window.take(now) else { panic!("nothing is out") };
        // A tenth of 1.121 s, less what a timer may be late.
        assert_eq!(window.take(now), Turn::At(now + Duration::from_micros(110_090)));
        window.give_back(slot, now);
        let Turn::Now(slot) = window.take(now) else { panic!("what was not sent has no distance to the next") };
        window.give_back(slot, now);
        let now = answer(&mut window, now, Duration::ZERO, 1200) + 2000 * MS;
        let burst: Vec<_> = (0..10).map(|_| window.take(now)).collect();
        assert!(burst.iter().all(|turn| matches!(turn, Turn::Now(_))), "{burst:?}");
    }

    #[test]
    fn an_answer_after_the_allowance_holds_the_slot_no_longer() {
        let mut window = Window::new(RateLimit::per_second(1));
        let Turn::Now(slot) = window.take(Duration::ZERO) else { panic!("nothing is out") };
        window.sent(slot, Duration::ZERO);
        window.answered(slot, 1500 * MS);
        assert_eq!(window.take(1500 * MS), Turn::At(2001 * MS));
    }

    #[test]
    fn a_late_answer_does_not_free_the_slot_of_a_later_request() {
        let mut window = Window::new(RateLimit::per_second(1));
        let Turn::Now(first) = window.take(Duration::ZERO) else { panic!("nothing is out") };
        window.sent(first, Duration::ZERO);
        let Turn::Now(second) = window.take(3000 * MS) else { panic!("the allowance is over") };
        window.sent(second, 3000 * MS);
        window.answered(first, 3001 * MS);
        window.give_back(first, 3001 * MS);
        assert_eq!(window.take(3002 * MS), Turn::At(5001 * MS));
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let mut window = Window::new(RateLimit::new(u32::MAX, Duration::from_secs(366 * 24 * 3600)));
        let Turn::Now(slot) = window.take(Duration::ZERO) else { panic!("nothing is out") };
        window.sent(slot, Duration::ZERO);
        window.throttled(slot, Duration::MAX, Some(Duration::MAX));
        assert_eq!(window.expected(usize::MAX, Duration::MAX), Duration::MAX);
        assert_eq!(window.take(Duration::MAX / 2), Turn::At(Duration::MAX));
    }
}
