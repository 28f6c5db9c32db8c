//! The rule of an exact window, without clock and without waiting: times are handed in.
//!
//! There are N slots. A request holds a slot from its permit until its window at the server is over, so no window at the server
//! ever holds more than N requests, however long a request takes between its permit and its sending.

use std::time::Duration;

use super::limit::RateLimit;
use super::share::Share;

/// J while most answers are quick. It costs little then, because the answer frees the slot before.
const ALLOWANCE: Duration = Duration::from_secs(1);
/// From which round trip on an answer is a slow one.
const SLOW: Duration = Duration::from_millis(250);
/// J while most answers are slow: every slot is held that much longer than its window then.
const ALLOWANCE_OF_SLOW_ANSWERS: Duration = Duration::from_millis(80);
/// Added to every window: clocks of two machines run at slightly different speeds.
const GUARD: Duration = Duration::from_millis(1);
/// How many round trips are looked at together to learn the credit.
const BATCH: usize = 64;
/// By how much every window grows when a request is throttled although the whole limit was used, by how much it shrinks with every
/// answer, and how long it gets at most.
const STRETCH: Duration = Duration::from_millis(12);
const RELAX: Duration = Duration::from_micros(100);
const LONGEST_STRETCH: Duration = Duration::from_millis(250);
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
    stretch: Duration,
    answers: Answers,
    flow: Flow,
    unlimited: Count,
}

#[derive(Debug, Clone, Copy)]
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
            stretch: Duration::ZERO,
            answers: Answers::default(),
            flow: Flow::default(),
            unlimited: Count::default(),
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
    pub(super) fn to_words(&self) -> Vec<u64> {
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX - 1);
        let known = |time: Option<Duration>| time.map_or(u64::MAX, nanos);
        let next = u64::try_from(self.next).unwrap_or(0);
        let mut words = vec![nanos(self.latest), self.serial, next, nanos(self.stretch), self.answers.slowness.into()];
        words.extend(self.unlimited.seconds.map(u64::from));
        words.push(nanos(self.unlimited.began));
        words.extend(self.share.to_words());
        for holder in &self.slots {
            words.extend([holder.serial, known(holder.sent_at), known(holder.free_at), holder.settled.into()]);
        }
        words
    }

    /// A window from its words, with the limit of this process; `None` if they make no sense, or are of a later time than now.
    pub(super) fn from_words(words: &[u64], limit: Option<RateLimit>, now: Duration) -> Option<Self> {
        let known = |word: u64| (word != u64::MAX).then(|| Duration::from_nanos(word));
        let small = |word: u64| u32::try_from(word).ok();
        let mut window = Self::new(limit);
        let (own, rest) = words.split_at_checked(8)?;
        let (share, slots) = rest.split_at_checked(Share::WORDS)?;
        window.latest = Duration::from_nanos(own[0]);
        if window.latest > now.saturating_add(CLOCK_STEP) || slots.len() % 4 != 0 {
            return None;
        }
        (window.serial, window.next) = (own[1], usize::try_from(own[2]).ok()?);
        window.stretch = Duration::from_nanos(own[3]).min(LONGEST_STRETCH);
        window.answers.slowness = small(own[4])?.min(256);
        window.unlimited = Count { seconds: [small(own[5])?, small(own[6])?], began: Duration::from_nanos(own[7]) };
        window.share.learn_from_words(share)?;
        window.slots.extend(slots.chunks_exact(4).map(|words| Holder {
            serial: words[0],
            sent_at: known(words[1]),
            free_at: known(words[2]),
            settled: words[3] == 1,
        }));
        Some(window)
    }

    /// A slot for the next request, or when there will be one.
    pub fn take(&mut self, now: Duration) -> Turn {
        if let Some(until) = self.share.closed(now) {
            return until.map_or(Turn::Unknown, Turn::At);
        }
        self.latest = self.latest.max(now);
        let index = match self.usable(now) {
            None => usize::MAX,
            Some(slots) => match self.free_slot(slots, now) {
                Ok(index) => index,
                Err(turn) => return turn,
            },
        };
        self.serial += 1;
        if let Some(holder) = self.slots.get_mut(index) {
            *holder = Holder { serial: self.serial, sent_at: None, free_at: None, settled: false };
        }
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
        if self.next >= self.slots.len() {
            self.next = 0;
        }
        let still = self.flow.stands_still(now);
        if usable < self.slots.len() {
            // Of more slots, only so many may be held.
            let held = self.slots.iter().filter(|holder| !holder.is_free(now, still)).count();
            if held >= usable {
                let mut ends: Vec<_> = self
                    .slots
                    .iter()
                    .filter(|holder| !holder.is_free(now, still))
                    .filter_map(|holder| holder.free_at)
                    .filter(|at| *at > now)
                    .collect();
                ends.sort_unstable();
                return Err(ends.get(held - usable).or(ends.last()).map_or(Turn::Unknown, |at| Turn::At(*at)));
            }
        }
        let index = match self.slots.get(self.next) {
            Some(holder) if holder.is_free(now, still) => self.next,
            _ => match self.first_free(now, still) {
                Some(index) => index,
                None if self.slots.len() < usable => {
                    self.slots.push(Holder { serial: 0, sent_at: None, free_at: None, settled: false });
                    self.slots.len() - 1
                }
                // A slot that is free but for the network's standing still has no time.
                None => {
                    let earliest = self.slots.iter().filter_map(|holder| holder.free_at).filter(|at| *at > now).min();
                    return Err(earliest.map_or(Turn::Unknown, Turn::At));
                }
            },
        };
        self.next = index + 1;
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
        if self.limit.is_none() {
            self.unlimited.sent(now);
        }
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
        self.stretch = self.stretch.saturating_sub(RELAX);
        self.arrived(slot, now);
    }

    /// The request was throttled: no request gets a slot during the pause, and then one before all others.
    pub fn throttled(&mut self, slot: Slot, now: Duration, delay: Option<Duration>) {
        let held =
            if self.limit.is_none() && !self.share.is_learned() { self.unlimited.counted(now) } else { self.held(now) };
        if self.share.throttled(now, delay, held) {
            self.stretch = (self.stretch + STRETCH).min(LONGEST_STRETCH);
        }
        self.answers.distrust();
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

    /// There will be no answer to the request: it may have arrived, or may arrive yet.
    pub fn given_up(&mut self, slot: Slot) {
        self.flow.ended();
        let (length, last_answer) = (self.length(), self.flow.last_answer);
        if let Some(holder) = self.holder(slot)
            && let Some(sent_at) = holder.sent_at
            && last_answer.is_none_or(|answer| answer < sent_at)
        {
            holder.free_at = Some(sent_at.saturating_add(GIVEN_UP).saturating_add(length)).max(holder.free_at);
        }
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

    /// A time before which a request with so many ahead has had its turn, if those ahead use theirs: quicker than
    /// [`expected`](Self::expected), and later.
    pub(super) fn expected_at_most(&self, ahead: usize, now: Duration) -> Duration {
        let Some(slots) = self.usable(now) else { return self.expected(ahead, now) };
        let rounds = u32::try_from(ahead / slots).unwrap_or(u32::MAX).saturating_add(1);
        let paused = self.share.paused_until().unwrap_or(now);
        paused.max(now).saturating_add((self.length() + ALLOWANCE).saturating_mul(rounds))
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
        self.share.window + GUARD + self.stretch
    }

    fn holder(&mut self, slot: Slot) -> Option<&mut Holder> {
        self.slots.get_mut(slot.index).filter(|holder| holder.serial == slot.serial)
    }

    fn arrived(&mut self, slot: Slot, now: Duration) {
        let length = self.length();
        if let Some(since) = self.flow.answered(now) {
            // The network stood still, so requests that were sent meanwhile arrive about now.
            let allowance = self.allowance();
            let free_at = now.saturating_add(ALLOWANCE_OF_SLOW_ANSWERS).saturating_add(length);
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

    /// The first free slot, beginning where to look first.
    fn first_free(&self, now: Duration, still: Option<Duration>) -> Option<usize> {
        let (before, after) = self.slots.split_at(self.next.min(self.slots.len()));
        let free = |slots: &[Holder]| slots.iter().position(|holder| holder.is_free(now, still));
        free(after).map(|index| before.len() + index).or_else(|| free(before))
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

/// How many requests were sent lately without any limit.
#[derive(Debug, Default)]
struct Count {
    /// In this second and in the one before.
    seconds: [u32; 2],
    began: Duration,
}

impl Count {
    fn sent(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.began).as_secs();
        if passed > 0 {
            self.seconds = [0, if passed == 1 { self.seconds[0] } else { 0 }];
            self.began += Duration::from_secs(passed);
        }
        self.seconds[0] = self.seconds[0].saturating_add(1);
    }

    /// In the last second, about.
    fn counted(&self, now: Duration) -> usize {
        let into = now.saturating_sub(self.began).as_secs_f64().min(1.0);
        let before = f64::from(self.seconds[1]) * (1.0 - into);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a count")]
        let before = before as u32;
        usize::try_from(self.seconds[0].saturating_add(before)).unwrap_or(usize::MAX)
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
    batch: Vec<Duration>,
    /// What each of the last batches allows.
    batches: [Duration; 4],
    pub(super) credit: Duration,
}

impl Answers {
    fn are_slow(&self) -> bool {
        self.slowness > 128
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
            let quickest = self.batch[0];
            let steady = (quickest * 2).saturating_sub(self.batch[BATCH * 3 / 4]).max(quickest * 3 / 4);
            self.batches.rotate_left(1);
            self.batches[3] = steady.min(LARGEST_CREDIT).min(NO_CREDIT.saturating_sub(quickest) / 3);
            self.credit = self.batches.iter().copied().min().unwrap_or_default();
            self.batch.clear();
        }
    }

    /// A request was throttled: the credit may have been too good to be true.
    fn distrust(&mut self) {
        self.credit = Duration::ZERO;
        self.batches = [Duration::ZERO; 4];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn window(requests: u32) -> Window {
        Window::new(Some(RateLimit::per_second(requests)))
    }

    fn now(window: &mut Window, at: Duration) -> Slot {
        let Turn::Now(slot) = window.take(at) else { panic!("there is no room") };
        slot
    }

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

    /// One request at a time, each with that round trip, so many times; returns when the last one was answered.
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
        let mut window = window(1);
        let now = answer(&mut window, Duration::ZERO, 20 * MS, 255);
        assert_eq!(window.credit(), Duration::ZERO);
        let now = answer(&mut window, now, 20 * MS, 1);
        assert_eq!(window.credit(), 20 * MS);
        // One window after it was sent, plus the guard: the whole round trip is known not to be lateness.
        assert_eq!(window.take(now), Turn::At(now + 981 * MS));
        let now = answer(&mut window, now, 15 * MS, 1);
        assert_eq!(window.credit(), 10 * MS);
        let now = answer(&mut window, now, 2 * MS, 1);
        assert_eq!(window.credit(), Duration::ZERO);
        answer(&mut window, now, 20 * MS, 128);
        assert_eq!(window.credit(), Duration::ZERO, "it is earned as slowly as the first time");
    }

    #[test]
    fn the_credit_is_small_and_far_away_there_is_none_and_a_throttled_response_takes_it() {
        for (round_trip, credit) in [(40, 20), (70, 10), (100, 0), (200, 0)] {
            let mut window = window(1);
            answer(&mut window, Duration::ZERO, round_trip * MS, 256);
            assert_eq!(window.credit(), credit * MS, "{round_trip}");
        }
        let mut window = window(1);
        let now = answer(&mut window, Duration::ZERO, 20 * MS, 256);
        let (slot, now) = next(&mut window, now);
        window.sent(slot, now);
        window.throttled(slot, now, None);
        assert_eq!(window.credit(), Duration::ZERO);
    }

    /// A round trip of always 200 ms says nothing about when the request arrives.
    #[test]
    fn a_steady_round_trip_with_a_moving_arrival_never_brings_more_than_the_limit_into_a_window() {
        let mut window = window(10);
        let mut random = fastrand::Rng::with_seed(1);
        let (mut now, mut arrivals, mut open) = (Duration::ZERO, Vec::new(), std::collections::VecDeque::new());
        while arrivals.len() < 5_000 {
            match window.take(now) {
                Turn::Now(slot) => {
                    window.sent(slot, now);
                    arrivals.push(now + random.u32(0..=200) * MS);
                    open.push_back((now + 200 * MS, slot));
                    continue;
                }
                Turn::At(time) => now = open.front().map_or(time, |(at, _)| time.min(*at)),
                Turn::Unknown => now = open.front().unwrap().0,
            }
            while let Some((_, slot)) = open.pop_front_if(|(at, _)| *at <= now) {
                window.answered(slot, now);
            }
        }
        arrivals.sort_unstable();
        assert!(arrivals.windows(11).all(|eleven| eleven[10].saturating_sub(eleven[0]) >= 1000 * MS));
    }

    #[test]
    fn requests_that_the_network_holds_up_count_as_not_arrived() {
        for still in [1_500, 2_500, 4_000, 8_000] {
            for slow in [false, true] {
                let (most, sent) = arrivals_after_standing_still(still * MS, slow);
                assert!(most <= 10, "{most} in one window after {still} ms, slow: {slow}");
                assert!(sent > 200, "{sent}");
            }
        }
    }

    /// An eager client for a minute, whose network stands still for a while; returns the most that arrive in one window.
    fn arrivals_after_standing_still(still: Duration, is_slow: bool) -> (usize, usize) {
        let mut window = window(10);
        let mut random = fastrand::Rng::with_seed(1);
        let stands = (20_000 * MS, 20_000 * MS + still);
        let held =
            |at: Duration| if at > stands.0 && at < stands.1 { stands.1 + at.subsec_nanos() % 5 * MS } else { at };
        let (mut now, mut arrivals, mut open) = (Duration::ZERO, Vec::new(), Vec::<(Duration, Slot)>::new());
        while now < Duration::from_secs(60) {
            open.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
            let until = match window.take(now) {
                Turn::Now(slot) => {
                    window.sent(slot, now);
                    let arrival = held(now + 11 * MS);
                    arrivals.push(arrival);
                    let work = if is_slow { random.u32(200..3_000) * MS } else { Duration::ZERO };
                    open.push((held(arrival + work + 11 * MS), slot));
                    continue;
                }
                Turn::At(time) => Some(time),
                Turn::Unknown => None,
            };
            now = until.into_iter().chain(open.last().map(|(at, _)| *at)).min().unwrap();
            while let Some((_, slot)) = open.pop_if(|(at, _)| *at <= now) {
                window.answered(slot, now);
            }
        }
        arrivals.sort_unstable();
        let most = |first: &Duration| {
            arrivals.iter().filter(|at| **at >= *first && at.saturating_sub(*first) < 1000 * MS).count()
        };
        (arrivals.iter().map(most).max().unwrap(), arrivals.len())
    }

    #[test]
    fn slow_answers_shorten_the_allowance_and_quick_ones_lengthen_it() {
        let mut window = window(10);
        assert_eq!(window.allowance(), 1000 * MS);
        let now = answer(&mut window, Duration::ZERO, 500 * MS, 30);
        assert_eq!(window.allowance(), 80 * MS);
        answer(&mut window, now, 20 * MS, 30);
        assert_eq!(window.allowance(), 1000 * MS);
    }

    #[test]
    fn a_request_that_was_throttled_alone_lengthens_the_window_and_answers_shorten_it_again() {
        let mut window = window(1);
        let slot = now(&mut window, Duration::ZERO);
        window.sent(slot, Duration::ZERO);
        window.throttled(slot, Duration::ZERO, Some(Duration::ZERO));
        let now = answer(&mut window, 60_000 * MS, Duration::ZERO, 1);
        assert_eq!(window.take(now), Turn::At(now + Duration::from_micros(1_012_900)));
        let now = answer(&mut window, now, Duration::ZERO, 200);
        assert_eq!(window.take(now), Turn::At(now + 1001 * MS));
    }

    #[test]
    fn a_lower_limit_counts_what_was_sent_before() {
        let mut window = window(10);
        let mut send = |at: Duration| match window.take(at) {
            Turn::Now(slot) => {
                window.sent(slot, at);
                window.answered(slot, at);
                Ok(())
            }
            turn => Err(turn),
        };
        (0..9).for_each(|number| send(number * 10 * MS).unwrap());
        window.lower(RateLimit::per_second(3));
        // Of nine, three may be left.
        assert_eq!(window.take(100 * MS), Turn::At(1061 * MS));
        let Turn::Now(slot) = window.take(1061 * MS) else { panic!("two are left") };
        window.sent(slot, 1061 * MS);
        assert!(matches!(window.take(1062 * MS), Turn::At(_)));
    }

    #[test]
    fn a_late_answer_does_not_free_the_slot_of_a_later_request() {
        let mut window = window(2);
        let first = now(&mut window, Duration::ZERO);
        window.sent(first, Duration::ZERO);
        let other = now(&mut window, 900 * MS);
        window.sent(other, 900 * MS);
        window.answered(other, 910 * MS);
        let second = now(&mut window, 2_100 * MS);
        window.sent(second, 2_100 * MS);
        let third = now(&mut window, 2_100 * MS);
        window.sent(third, 2_100 * MS);
        window.answered(first, 2_101 * MS);
        window.give_back(first, 2_101 * MS);
        assert!(matches!(window.take(2_102 * MS), Turn::At(at) if at >= 3_101 * MS));
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let mut window = Window::new(Some(RateLimit::new(u32::MAX, Duration::from_secs(366 * 24 * 3600))));
        let slot = now(&mut window, Duration::ZERO);
        window.sent(slot, Duration::ZERO);
        window.throttled(slot, Duration::MAX, Some(Duration::MAX));
        assert_eq!(window.expected(usize::MAX, Duration::MAX), Duration::MAX);
        assert_eq!(window.take(Duration::MAX / 2), Turn::At(Duration::MAX));
    }
}
