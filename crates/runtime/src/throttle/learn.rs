//! A rate that is learned where no limit is documented, without clock and without waiting: times are handed in.
//!
//! Unlimited until the first throttled answer; then the rate falls and recovers as in the AWS SDKs' adaptive retry mode, which
//! took it from CUBIC, TCP's congestion control. Their figures: down to 0.7 of what got through, back along a cubic curve that is
//! flat around the rate at which the service throttled, never below one request in two seconds, and never above twice of
//! what gets through.

use std::time::Duration;

use super::pause::{Gate, Pause};
use super::window::{Slot, Turn};

/// What is left of the rate after a throttled answer.
const BETA: f64 = 0.7;
/// How fast the rate recovers.
const SCALE: f64 = 0.4;
/// How much the newest half second counts in what is measured.
const SMOOTHING: f64 = 0.8;
const HALF_SECOND: Duration = Duration::from_millis(500);
/// The least rate, per second.
const LEAST_RATE: f64 = 0.5;
/// How far a pause of the callers may be caught up. The AWS SDKs allow a second's worth; a service that counts in
/// seconds would see twice the rate then.
const CATCH_UP: f64 = 0.1;

/// A learned rate.
#[derive(Debug, Default)]
pub(super) struct LearnedRate {
    /// `None` until the first throttled answer.
    learned: Option<Learned>,
    pause: Pause,
    serial: u64,
    /// Answers per second that were not throttled.
    measured: f64,
    counted: u32,
    count_began: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Learned {
    /// Requests per second.
    rate: f64,
    tokens: f64,
    refilled: Duration,
    /// The rate at which the service throttled last, and when that was.
    throttled_rate: f64,
    throttled_at: Duration,
}

impl LearnedRate {
    pub(super) fn take(&mut self, now: Duration) -> Turn {
        if let Gate::Closed(until) = self.pause.gate(now) {
            return until.map_or(Turn::Unknown, Turn::At);
        }
        if let Some(learned) = &mut self.learned {
            learned.refill(now);
            if learned.tokens < 1.0 {
                return Turn::At(now + learned.time_for(1.0 - learned.tokens));
            }
            learned.tokens -= 1.0;
        }
        self.serial += 1;
        self.pause.granted(self.serial);
        Turn::Now(Slot { index: 0, serial: self.serial })
    }

    pub(super) fn sent(&mut self, slot: Slot, now: Duration) {
        self.pause.sent(slot.serial, now);
    }

    pub(super) fn answered(&mut self, slot: Slot, now: Duration) {
        self.pause.answered(slot.serial);
        self.measure(now);
        self.counted += 1;
        let most = 2.0 * self.measured_now();
        if let Some(learned) = &mut self.learned {
            learned.refill(now);
            learned.rate = learned.recovered(now).min(most).max(LEAST_RATE);
        }
    }

    pub(super) fn throttled(&mut self, now: Duration, pause: Option<Duration>) {
        // Requests that were under way together fail together; they tell the same once.
        if !self.pause.throttled(now, pause) {
            return;
        }
        self.measure(now);
        let measured = self.measured_now();
        let rate = self.learned.map_or(measured, |learned| learned.rate.min(measured));
        self.learned = Some(Learned {
            rate: (rate * BETA).max(LEAST_RATE),
            // One, so that the pause alone decides when the next request goes.
            tokens: 1.0,
            refilled: now,
            throttled_rate: rate,
            throttled_at: now,
        });
    }

    pub(super) fn give_back(&mut self, slot: Slot) {
        self.pause.given_back(slot.serial);
        if let Some(learned) = &mut self.learned {
            learned.tokens += 1.0;
        }
    }

    pub(super) fn expected(&self, ahead: usize, now: Duration) -> Duration {
        let first = self.pause.until().map_or(now, |pause| pause.max(now));
        let Some(learned) = self.learned else { return first };
        // So many requests have never waited.
        let needed = f64::from(u32::try_from(ahead).unwrap_or(u32::MAX)) + 1.0 - learned.tokens;
        first + learned.time_for(needed.max(0.0))
    }

    pub(super) fn paused_until(&self) -> Option<Duration> {
        self.pause.until()
    }

    /// The rate, per second; `None` while there is no limit.
    pub(super) fn rate(&self) -> Option<f64> {
        self.learned.map(|learned| learned.rate)
    }

    /// Closes the half second that is over.
    fn measure(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.count_began);
        if passed >= HALF_SECOND {
            let rate = f64::from(self.counted) / passed.as_secs_f64();
            self.measured = rate * SMOOTHING + self.measured * (1.0 - SMOOTHING);
            self.counted = 0;
            self.count_began = now;
        }
    }

    /// What is measured, with the half second that is not over if it tells of more.
    fn measured_now(&self) -> f64 {
        self.measured.max(f64::from(self.counted) / HALF_SECOND.as_secs_f64())
    }
}

impl Learned {
    fn refill(&mut self, now: Duration) {
        let gained = now.saturating_sub(self.refilled).as_secs_f64() * self.rate;
        self.tokens = (self.tokens + gained).min((self.rate * CATCH_UP).max(1.0));
        self.refilled = now;
    }

    fn time_for(&self, tokens: f64) -> Duration {
        // The rate is never zero. Rounded up, so that the token is there then.
        Duration::from_secs_f64((tokens / self.rate).min(f64::from(u32::MAX))) + Duration::from_nanos(1)
    }

    /// The rate on the cubic curve: 0.7 of `throttled_rate` when it was throttled, and that rate again after `plateau`.
    fn recovered(&self, now: Duration) -> f64 {
        let plateau = (self.throttled_rate * (1.0 - BETA) / SCALE).cbrt();
        let passed = now.saturating_sub(self.throttled_at).as_secs_f64();
        SCALE * (passed - plateau).powi(3) + self.throttled_rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Serves eager callers for so many milliseconds against a service that accepts up to `limit` requests in a second of its
    /// clock and throttles the rest; returns how many it accepted and throttled in each second.
    fn run(rate: &mut LearnedRate, limit: u32, seconds: u32) -> Vec<(u32, u32)> {
        let mut counts = vec![(0, 0); seconds as usize];
        for millisecond in 0..seconds * 1000 {
            let now = MS * millisecond;
            // Unlimited callers are limited by their own number.
            for _ in 0..2 {
                let Turn::Now(slot) = rate.take(now) else { break };
                rate.sent(slot, now);
                let (accepted, throttled) = &mut counts[millisecond as usize / 1000];
                if *accepted < limit {
                    *accepted += 1;
                    rate.answered(slot, now);
                } else {
                    *throttled += 1;
                    rate.throttled(now, None);
                }
            }
        }
        counts
    }

    #[test]
    fn there_is_no_limit_before_the_first_throttled_answer() {
        let mut rate = LearnedRate::default();
        assert_eq!(run(&mut rate, u32::MAX, 2), [(2000, 0); 2]);
        assert_eq!(rate.rate(), None);
    }

    #[test]
    fn the_rate_settles_near_the_limit_of_the_service() {
        let mut rate = LearnedRate::default();
        let counts = run(&mut rate, 20, 60);
        let settled = &counts[20..];
        let (accepted, throttled) = settled.iter().fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
        assert!(accepted >= 40 * 20 * 7 / 10, "{accepted} of 800: {counts:?}");
        assert!(throttled <= accepted / 20, "{throttled} throttled: {counts:?}");
    }

    #[test]
    fn a_throttled_answer_leaves_seven_tenths_and_the_rest_comes_back_slowly() {
        let mut rate = LearnedRate::default();
        let mut last = None;
        for millisecond in 0..1000 {
            // 100 a second.
            if millisecond % 10 == 0 {
                let Turn::Now(slot) = rate.take(MS * millisecond) else { panic!("no limit yet") };
                rate.answered(slot, MS * millisecond);
                last = Some(slot);
            }
        }
        rate.throttled(MS * 1000, Some(Duration::ZERO));
        let after = rate.rate().unwrap();
        assert!((after - 70.0).abs() < 7.0, "{after}");
        let mut reached = 0;
        for millisecond in 1000..20_000 {
            if let Turn::Now(slot) = rate.take(MS * millisecond) {
                rate.sent(slot, MS * millisecond);
                rate.answered(slot, MS * millisecond);
                last = Some(slot);
            }
            if reached == 0 && rate.rate().unwrap() >= 98.0 {
                reached = millisecond - 1000;
            }
        }
        // The cubic curve is flat around the rate that was throttled, and crosses it after cbrt(100 * 0.3 / 0.4) = 4.2 s.
        assert!((3_000..6_000).contains(&reached), "{reached} ms");
        assert!(last.is_some() && rate.rate().unwrap() > 120.0, "it goes on beyond: {:?}", rate.rate());
    }

    #[test]
    fn it_never_falls_below_one_request_in_two_seconds() {
        let mut rate = LearnedRate::default();
        for second in 0..100 {
            rate.throttled(Duration::from_secs(second * 30), None);
        }
        assert_eq!(rate.rate(), Some(LEAST_RATE));
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let mut rate = LearnedRate::default();
        rate.throttled(Duration::ZERO, Some(MS));
        for _ in 0..10 {
            let Turn::Now(slot) = rate.take(MS) else { panic!("it was given back") };
            rate.give_back(slot);
        }
    }
}
