//! The rule of an exact window, without clock and without waiting: times are handed in.
//!
//! There are N slots. A request holds a slot from the moment it may go until its window at the server is over, so no window at
//! the server ever holds more than N requests, however long a request takes between its permit and its sending.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::pause::{Gate, Pause};
use crate::descriptor::RateLimit;

/// J while most answers come within it. It costs little then, because the answer frees the slot before.
const ALLOWANCE: Duration = Duration::from_millis(250);

/// J while most answers take longer than [`ALLOWANCE`]: every slot is held that much longer than its window then.
const ALLOWANCE_OF_SLOW_ANSWERS: Duration = Duration::from_millis(85);

/// What is added to every window: clocks of two machines run at slightly different speeds.
const GUARD: Duration = Duration::from_millis(1);

/// By how much every window grows with a throttled answer, by how much it shrinks with every other one, and how long it gets at
/// most. In balance, one answer in 200 is a throttled one.
const STRETCH: Duration = Duration::from_millis(20);
const RELAX: Duration = Duration::from_micros(100);
const LONGEST_STRETCH: Duration = Duration::from_millis(250);

/// How many round trips are looked at together to learn the credit.
const BATCH: usize = 64;

/// An exact window of N requests: says when the next request may go.
///
/// The rule alone, for stores of your own and for simulations. It has no clock and nothing waits in it: every method is told the
/// time, counted from any fixed moment.
///
/// A request that is sent at `s` and answered at `r` frees its slot at `s + min(r - s - m, J) + window`, plus a guard of 1 ms:
/// - `m`, the credit, is a round trip that no request undercuts. What a round trip took beyond it is the most by which the
///   request can have been late. It is earned slowly: over 128 answers, and only as far as round trips are alike
///   (`2 min - p75` of each 64). A faster one, or a throttled answer, takes it away.
/// - `J`, the allowance, bounds the lateness of a request that is not answered yet: 250 ms, or 85 ms while most answers take
///   longer than 250 ms (a longer allowance would leave more than a tenth of the quota unused then).
/// - A throttled answer shows that the rule was too optimistic, or that somebody else uses the quota: every window grows by 20 ms,
///   up to 250 ms, and shrinks again by 0.1 ms with every other answer.
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
    /// Slots whose holder's window has a known end, by that end, the earliest on top. An entry that does not agree with
    /// its slot any more is skipped.
    free: BinaryHeap<Reverse<(Duration, usize, u64)>>,
    serial: u64,
    pause: Pause,
    stretch: Duration,
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
            free: BinaryHeap::new(),
            serial: 0,
            pause: Pause::default(),
            stretch: Duration::ZERO,
            answers: Answers::default(),
        }
    }

    /// A window that begins full: the first request may go at that time.
    pub fn full_until(limit: RateLimit, time: Duration) -> Self {
        let mut window = Self::new(limit);
        window.pause.hold(time);
        window
    }

    /// A slot for the next request, or when there will be one.
    pub fn take(&mut self, now: Duration) -> Turn {
        if let Gate::Closed(until) = self.pause.gate(now) {
            return until.map_or(Turn::Unknown, Turn::At);
        }
        let next = self.next_free();
        let index = match next {
            Some((time, index)) if time <= now => {
                self.free.pop();
                index
            }
            _ if self.slots.len() < self.limit.requests as usize => {
                self.slots.push(Holder { serial: 0, sent_at: None, free_at: None });
                self.slots.len() - 1
            }
            Some((time, _)) => return Turn::At(time),
            None => return Turn::Unknown,
        };
        self.serial += 1;
        self.slots[index] = Holder { serial: self.serial, sent_at: None, free_at: None };
        self.pause.granted(self.serial);
        Turn::Now(Slot { index, serial: self.serial })
    }

    /// The request goes out now.
    pub fn sent(&mut self, slot: Slot, now: Duration) {
        self.pause.sent(slot.serial, now);
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
        self.arrived(slot, now);
        self.answers.credit = Duration::ZERO;
        // Requests that were under way together fail together; they tell the same once.
        if self.pause.throttled(now, pause) {
            self.stretch = (self.stretch + STRETCH).min(LONGEST_STRETCH);
        }
    }

    /// The request was not sent, or certainly did not reach the server: its slot is free.
    pub fn give_back(&mut self, slot: Slot, now: Duration) {
        self.pause.given_back(slot.serial);
        self.free_at(slot, now);
    }

    /// J: by how much a request is assumed to be late at most, while it is not answered.
    pub fn allowance(&self) -> Duration {
        if self.answers.are_slow() { ALLOWANCE_OF_SLOW_ANSWERS } else { ALLOWANCE }
    }

    /// m: how much of every round trip is known not to be lateness.
    pub fn credit(&self) -> Duration {
        self.answers.credit
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

    fn holder(&mut self, slot: Slot) -> Option<&mut Holder> {
        self.slots.get_mut(slot.index).filter(|holder| holder.serial == slot.serial)
    }

    fn arrived(&mut self, slot: Slot, now: Duration) {
        let Some(&mut Holder { sent_at, .. }) = self.holder(slot) else { return };
        let sent_at = sent_at.unwrap_or(now);
        let round_trip = now.saturating_sub(sent_at);
        self.answers.came_after(round_trip);
        let late_by = round_trip.saturating_sub(self.answers.credit);
        self.free_at(slot, sent_at.saturating_add(late_by).saturating_add(self.length()));
    }

    /// Sets when a slot is free, unless it is known to be free before.
    fn free_at(&mut self, slot: Slot, time: Duration) {
        let Some(holder) = self.holder(slot) else { return };
        if holder.free_at.is_none_or(|already| time < already) {
            holder.free_at = Some(time);
            self.free.push(Reverse((time, slot.index, slot.serial)));
        }
    }

    fn next_free(&mut self) -> Option<(Duration, usize)> {
        while let Some(&Reverse((time, index, serial))) = self.free.peek() {
            let holder = &self.slots[index];
            if holder.serial == serial && holder.free_at == Some(time) {
                return Some((time, index));
            }
            self.free.pop();
        }
        None
    }
}

/// What the round trips tell.
#[derive(Debug, Default)]
struct Answers {
    /// Moves towards 256 with every round trip longer than [`ALLOWANCE`], and towards 0 with every other one.
    slowness: u32,
    batch: Vec<Duration>,
    last_batch: Duration,
    credit: Duration,
}

impl Answers {
    fn are_slow(&self) -> bool {
        self.slowness > 128
    }

    fn came_after(&mut self, round_trip: Duration) {
        let target = if round_trip > ALLOWANCE { 256 + 31 } else { 0 };
        self.slowness = (self.slowness * 31 + target) / 32;
        if round_trip < self.credit {
            // The route changed, or the credit was too good to be true.
            self.credit = round_trip.saturating_sub(self.credit - round_trip);
            self.last_batch = self.credit;
        }
        self.batch.push(round_trip);
        if self.batch.len() == BATCH {
            self.batch.sort_unstable();
            let spread = self.batch[BATCH * 3 / 4] - self.batch[0];
            let earned = self.batch[0].saturating_sub(spread);
            self.credit = earned.min(self.last_batch);
            self.last_batch = earned;
            self.batch.clear();
        }
    }
}
