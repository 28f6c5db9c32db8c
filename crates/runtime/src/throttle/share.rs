//! The share of a limit that a quota may use, learned from throttled responses. It has no clock.
//!
//! If the service throttles a request although the window has room, others use the account, or the limit differs from
//! the documented one. Only a part of the window's slots is used from then on. Slots are used instead of a rate,
//! because they use the rest of a window better: with five of ten left, 81 % with 4 % throttled, while an even rate
//! uses 81 % with 8 %.

use super::time::Time;
use super::words::{self, Each};

/// How long the share stays unchanged after a throttled response, in windows. Longer would mean fewer throttled
/// responses, but the full limit must be used again within ten windows after the others have stopped.
pub(super) const PLATEAU: f64 = 8.0;
/// The same after the first one, because the request may have been late without another program.
pub(super) const FRESH_PLATEAU: f64 = 2.0;
/// How long the share then has one slot more, in windows. If others use the rest of the limit, this is often enough for
/// another throttled response, so the share does not grow further.
pub(super) const FIRST_STEP: f64 = 1.3;
/// The interval at which the share grows after that, in windows. The growth doubles each time.
pub(super) const STEP: f64 = 0.5;
/// How much a throttled response reduces a share that is not growing.
pub(super) const DOWN: f64 = 0.15;
/// By how many slots the share may change, at most, after a growth that ended with a throttled response.
pub(super) const UP: f64 = 0.4;
/// The smallest share that others can cause. With one slot, only 72 % of two free requests in each window are used (with
/// two: 76 %), and beside bursts the last of 64 callers waits for 85 s (50 s).
pub(super) const FEW: f64 = 2.0;
/// After so many consecutive throttled responses, the limit has a longer window, and requests become rarer.
pub(super) const MANY: u32 = 8;
/// How long the others wait for the response to the first request after a pause, beyond a quick round trip. A service
/// refuses before it works, so a request without a response by then was accepted.
pub(super) const AHEAD: Time = Time::millis(100);
/// A higher value means no limit.
const UNLIMITED: f64 = 1e6;

/// The share of a limit, documented or not. Times count from any fixed moment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Share {
    /// The requests of the limit; infinite if none is documented.
    full: f64,
    /// The window of the limit, or one second.
    pub(super) window: Time,
    level: Option<Level>,
    gate: Gate,
    /// Consecutive throttled responses; several within one pause count once.
    in_a_row: u32,
}

/// The learned state.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Level {
    /// How many slots may be held.
    slots: f64,
    /// When the service last throttled.
    since: Time,
    /// Whether it was the first throttled response.
    fresh: bool,
    /// Whether it was the first one during a plateau. Other programs may not have adapted yet, so only the second one
    /// reduces the share.
    aftermath: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Gate {
    Open,
    /// A pause until that time.
    Paused(Time),
    /// This request is sent first; the others follow at that time, which is `NEVER` until it is sent.
    Ahead {
        serial: u32,
        follow: Time,
    },
}

impl Share {
    /// The whole limit.
    pub(super) fn new(full: f64, window: Time) -> Self {
        Self { full, window, level: None, gate: Gate::Open, in_a_row: 0 }
    }

    /// Pauses until that time; then one request is sent first.
    pub(super) fn hold(&mut self, until: Time) {
        self.gate = Gate::Paused(until);
    }

    /// Visits the state that another process needs.
    pub(super) fn words(&mut self, each: Each<'_>) {
        let mut level = self.level.unwrap_or_default();
        let mut slots = level.slots.to_bits();
        each(&mut slots);
        level.slots = f64::from_bits(slots);
        each(&mut level.since.0);
        words::flag(&mut level.fresh, each);
        words::flag(&mut level.aftermath, each);
        self.level = (level.slots >= 1.0).then_some(level);
        let (mut kind, mut until, mut serial) = match self.gate {
            Gate::Open => (0, Time::NEVER, 0),
            Gate::Paused(end) => (1, end, 0),
            Gate::Ahead { serial, follow } => (2, follow, serial),
        };
        each(&mut kind);
        each(&mut until.0);
        words::small(&mut serial, each);
        self.gate = match kind {
            1 => Gate::Paused(until),
            2 => Gate::Ahead { serial, follow: until },
            _ => Gate::Open,
        };
        words::small(&mut self.in_a_row, each);
    }

    pub(super) fn limit(&mut self, full: f64, window: Time) {
        (self.full, self.window) = (full, window);
    }

    /// Until when no request may be sent, if none may; `NEVER` until the first request is sent.
    pub(super) fn closed(&self, now: Time) -> Option<Time> {
        match self.gate {
            Gate::Paused(until) | Gate::Ahead { follow: until, .. } if now < until => Some(until),
            Gate::Open | Gate::Paused(_) | Gate::Ahead { .. } => None,
        }
    }

    /// When the pause ends, if there is one.
    pub(super) fn paused_until(&self) -> Option<Time> {
        match self.gate {
            Gate::Paused(end) => Some(end),
            Gate::Ahead { follow, .. } => (follow < Time::NEVER).then_some(follow),
            Gate::Open => None,
        }
    }

    /// How many slots may be held; `None` for the whole limit.
    pub(super) fn slots(&self, now: Time) -> Option<u32> {
        let slots = self.level?.slots.round();
        let Some(steps) = self.steps(now) else { return Some(whole(slots)) };
        let more = 2_f64.powf((steps + 1.0).min(64.0)) - 1.0;
        // At least one more, and a tenth of many.
        let slots = (slots * (1.0 + 0.1 * more)).max(slots + more);
        (slots < self.full.min(UNLIMITED)).then(|| whole(slots))
    }

    /// Whether slots must be counted although no limit is documented.
    pub(super) fn is_learned(&self) -> bool {
        self.level.is_some()
    }

    /// How often the share has grown; `None` during the plateau.
    fn steps(&self, now: Time) -> Option<f64> {
        let level = self.level?;
        let windows = (now - level.since).in_units_of(self.window);
        let (plateau, first) = if level.fresh { (FRESH_PLATEAU, STEP) } else { (PLATEAU, FIRST_STEP) };
        (windows >= plateau).then(|| ((windows - plateau - first) / STEP + 1.0).floor().max(0.0))
    }

    /// A request got its permit while so many slots are held.
    pub(super) fn granted(&mut self, serial: u32, now: Time, held: usize) {
        if self.level.is_some() && self.slots(now).is_none() {
            // The whole limit is used again.
            self.level = None;
        }
        let ahead = Gate::Ahead { serial, follow: Time::NEVER };
        self.gate = match (self.gate, self.level) {
            (Gate::Paused(_), _) => ahead,
            // Slots beyond the share are tried one at a time, so that only one response is throttled.
            (_, Some(level)) if self.steps(now).is_some() && held > index(level.slots.round()) => ahead,
            _ => Gate::Open,
        };
    }

    pub(super) fn sent(&mut self, serial: u32, now: Time) {
        if let Gate::Ahead { serial: ahead, follow } = &mut self.gate
            && *ahead == serial
        {
            *follow = now + AHEAD;
        }
    }

    /// A request was accepted.
    pub(super) fn answered(&mut self, serial: u32) {
        match self.gate {
            Gate::Open => self.in_a_row = 0,
            Gate::Ahead { serial: ahead, .. } if ahead == serial => (self.gate, self.in_a_row) = (Gate::Open, 0),
            // Sent before the pause, so it shows nothing about the service now.
            Gate::Paused(_) | Gate::Ahead { .. } => {}
        }
    }

    /// The request was not sent, so another one is sent first instead.
    pub(super) fn given_back(&mut self, serial: u32) {
        if matches!(self.gate, Gate::Ahead { serial: ahead, .. } if ahead == serial) {
            self.gate = Gate::Paused(Time::default());
        }
    }

    /// A request was throttled while so many slots, including its own, were held; `delay` is the wait that the service
    /// requested.
    pub(super) fn throttled(&mut self, now: Time, delay: Option<Time>, held: usize) {
        if matches!(self.gate, Gate::Paused(end) if now < end) {
            // Requests in flight together are throttled together. The first time, each of them counts.
            if let Some(level) = self.level.as_mut().filter(|level| level.fresh) {
                level.slots = (level.slots - 1.0).max(1.0);
            }
        } else {
            self.in_a_row = self.in_a_row.saturating_add(1);
            self.learn(now, held);
        }
        let end = now + delay.unwrap_or_else(|| self.pause());
        self.gate = match self.gate {
            Gate::Paused(already) => Gate::Paused(already.max(end)),
            Gate::Open | Gate::Ahead { .. } => Gate::Paused(end),
        };
    }

    fn learn(&mut self, now: Time, held: usize) {
        let through = f64::from(u32::try_from(held.saturating_sub(1)).unwrap_or(u32::MAX)).clamp(1.0, UNLIMITED);
        let Some(level) = self.level.filter(|_| self.slots(now).is_some()) else {
            // Only one of nearly all slots was too much; its request may have been late.
            let slots = if through > 0.8 * self.full { self.full - 1.0 } else { through };
            let slots = slots.max(FEW);
            self.level = Some(Level { slots, since: now, fresh: true, aftermath: false });
            return;
        };
        let mut next = Level { since: now, fresh: false, aftermath: false, ..level };
        if self.in_a_row > 1 {
            // It was the first request after a pause: the window is still full.
            if self.in_a_row > MANY {
                next.slots *= 0.8;
            }
        } else if self.steps(now).is_some() {
            // Beyond the first step, there are fewer others now.
            let is_far = through > level.slots * 1.1 + 2.0;
            next.slots = if is_far { through } else { level.slots + ((through - level.slots) / 2.0).clamp(-UP, UP) };
        } else if level.aftermath {
            next.slots *= 1.0 - DOWN;
        } else {
            next.aftermath = true;
        }
        let least = if self.in_a_row > MANY { 1.0 } else { FEW.min(level.slots) };
        next.slots = next.slots.max(least);
        self.level = Some(next);
    }

    /// The pause after a throttled response without a requested wait: about one window.
    fn pause(&self) -> Time {
        let known = self.level.is_some_and(|level| !level.fresh);
        // A known share is exceeded only slightly, so there is room before the window is over.
        if known && self.in_a_row < MANY { Time(self.window.0 / 2) } else { self.window }
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and is positive")]
fn whole(slots: f64) -> u32 {
    slots.max(1.0) as u32
}

fn index(slots: f64) -> usize {
    usize::try_from(whole(slots)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Time {
        Time::millis(millis)
    }

    /// A share of four that has been known since the start.
    fn four() -> Share {
        let mut share = Share::new(10.0, ms(1000));
        share.throttled(ms(0), None, 5);
        accept(&mut share, ms(1000));
        share.throttled(ms(1100), None, 5);
        accept(&mut share, ms(1600));
        assert_eq!(share.slots(ms(1600)), Some(4));
        share
    }

    fn accept(share: &mut Share, now: Time) {
        share.granted(1, now, 1);
        share.sent(1, now);
        share.answered(1);
    }

    #[test]
    fn others_leave_a_share_of_at_least_two() {
        let mut share = four();
        for seconds in (4..80).step_by(4) {
            let now = ms(1000 * seconds);
            accept(&mut share, now);
            share.throttled(now + ms(100), None, 2);
        }
        assert_eq!(share.slots(ms(77_000)), Some(2));
        // A window that does not end is longer than documented.
        for seconds in 78..90 {
            share.throttled(ms(1000 * seconds), None, 2);
        }
        assert_eq!(share.slots(ms(90_000)), Some(1));
    }

    #[test]
    fn the_share_grows_by_one_and_then_fast() {
        let share = four();
        let after = |millis: u64| share.slots(ms(1100 + millis));
        assert_eq!([after(7_999), after(8_000), after(9_299)], [Some(4), Some(5), Some(5)]);
        assert_eq!([after(9_301), after(9_801)], [Some(7), None]);
    }

    #[test]
    fn a_growth_beyond_the_first_step_is_kept() {
        // One more was too many, or seven got through.
        for (held, slots) in [(6, 4), (8, 7)] {
            let (mut share, now) = (four(), ms(10_500));
            share.throttled(now, None, held);
            assert_eq!(share.slots(now), Some(slots), "{held}");
        }
    }
}
