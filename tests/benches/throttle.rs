//! `cargo xtask bench throttle`: the part of a limit that is used, and the part of the requests that is rejected.
//!
//! A simulation in virtual time: for 600 s, 64 callers always have a request waiting. The quota's own rule ([`Window`])
//! decides when the next one is sent, and servers of three kinds count it when it arrives. All random numbers are seeded, so
//! the output never changes. For comparison: GCRA (the `governor` crate) with burst 1 and burst N, and pacing 5 % and 25 %
//! slower than the limit. Responses that take seconds arrive too late to be useful; there, pacing shows what is possible
//! without them.
//!
//! Two more tables: another client without a limiter uses a part of the limit, with three attempts per call, evenly or in
//! bursts of ten, for a minute or the whole time; and the network stalls for some seconds. They also have the adaptive rate of
//! the AWS SDKs, and our rule for a client whose limit is just what the other one leaves: the best that is possible, but it
//! never notices that the other one has stopped.

#![allow(clippy::cast_precision_loss, reason = "counts of requests are small")]

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use alibabacloud_runtime::RateLimit;
use alibabacloud_runtime::throttle::{Availability, Slot, Window};
use fastrand::Rng;
use governor::clock::FakeRelativeClock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

const CALLERS: usize = 64;
/// The number of runs beside another client, because figures of one run vary by 2 %.
const RUNS: u64 = 8;
const LENGTH: Duration = Duration::from_secs(600);
/// The network delay of a request or response; with jitter, its median.
const ONE_WAY: Duration = Duration::from_millis(11);
/// Timers of tokio fire at whole milliseconds.
const TICK: u64 = 1_000_000;
/// The longest first wait of a client without a known wait; it is drawn from a uniform distribution.
const BACKOFF: Duration = Duration::from_millis(200);

fn main() {
    let began = Instant::now();
    // Anything but cargo's own `--bench` limits the table, e.g. to `10/s`.
    let filter: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    println!(
        "{:<13} {:<12} {:<8} {:>6}  {:<14} {:>7} {:>9} {:>9} {:>9} {:>6}",
        "server", "jitter", "answers", "limit", "client", "used %", "reject %", "p50 wait", "p99 wait", "Jain"
    );
    for policy in [Policy::ExactWindow, Policy::FixedWindow, Policy::TokenBucket] {
        for jitter in [Jitter::None, Jitter::LogNormal(1), Jitter::LogNormal(5)] {
            for slow in [false, true] {
                for limit in [5, 10, 250] {
                    for client in [Kind::Ours, Kind::Gcra1, Kind::GcraN, Kind::Pacing(5), Kind::Pacing(25)] {
                        let scenario = Scenario { policy, jitter, slow, limit, client };
                        let line = scenario.name();
                        if filter.iter().all(|word| line.contains(word.as_str())) {
                            println!("{line} {}", scenario.run());
                        }
                    }
                }
            }
        }
    }
    println!(
        "\n{:<26} {:<14} {:>7} {:>9} {:>8} {:>10} {:>12}",
        "outside, of 10/s", "client", "used %", "reject %", "longest", "full after", "outside gets"
    );
    for bursts in [false, true] {
        for outside in [3, 5, 8] {
            for client in [Kind::Ours, Kind::Unknown, Kind::Rest(10 - outside), Kind::Gcra1, Kind::Adaptive] {
                let shape = if bursts { "in bursts of ten" } else { "evenly" };
                let line = format!("{:<26} {:<14}", format!("{outside}/s {shape}"), client.name());
                if filter.iter().all(|word| line.contains(word.as_str())) {
                    println!("{line} {}", beside(Outside { rate: outside, bursts }, client));
                }
            }
        }
    }
    println!("\n{:<26} {:<14} {:>18} {:>7}", "network stands still", "client", "most in one window", "used %");
    for still in [1_500, 2_500, 4_000, 8_000] {
        for slow in [false, true] {
            let answers = if slow { "0.2-3 s" } else { "at once" };
            let line = format!("{:<26} {:<14}", format!("{still} ms, answers {answers}"), Kind::Ours.name());
            if filter.iter().all(|word| line.contains(word.as_str())) {
                println!("{line} {}", standing_still(Duration::from_millis(still), slow));
            }
        }
    }
    println!("\n{:.1} s", began.elapsed().as_secs_f64());
}

/// Figures of a client beside another one: of eight runs of 600 s, and of ten runs in which the other one stops.
fn beside(outside: Outside, client: Kind) -> String {
    let scenario =
        Scenario { policy: Policy::ExactWindow, jitter: Jitter::LogNormal(1), slow: false, limit: 10, client };
    let run = |seed: u64, stops: Duration, length: Duration| {
        let mut simulation = Simulation::new(scenario);
        (simulation.random, simulation.length) = (Rng::with_seed(seed), length);
        simulation.outside(outside, stops);
        simulation.run();
        simulation
    };
    let whole: Vec<_> = (1..=RUNS).map(|seed| run(seed, LENGTH, LENGTH)).collect();
    let sum = |of: fn(&Simulation) -> u64| whole.iter().map(of).sum::<u64>() as f64;
    let seconds = RUNS as f64 * LENGTH.as_secs_f64();
    let theirs = sum(|run| run.outside_accepted);
    let used = 100.0 * sum(|run| run.accepted.iter().sum()) / (10.0 * seconds - theirs);
    let rejected = 100.0 * sum(|run| run.rejected) / sum(|run| run.sent);
    let longest = whole.iter().map(|run| run.longest).max().unwrap_or_default();
    let after = (0..10).map(|number| {
        let stops = Duration::from_millis(60_000 + 850 * number);
        run(number + 1, stops, stops + Duration::from_secs(60)).full_after(stops)
    });
    let after = after.max().flatten().map_or("never".to_owned(), |after| format!("{:.1} s", after.as_secs_f64()));
    format!(
        "{used:>7.1} {rejected:>9.2} {:>6.1} s {after:>10} {:>10.0} %",
        longest.as_secs_f64(),
        100.0 * theirs / (f64::from(outside.rate) * seconds)
    )
}

fn standing_still(still: Duration, slow: bool) -> String {
    let scenario = Scenario { policy: Policy::ExactWindow, jitter: Jitter::None, slow, limit: 10, client: Kind::Ours };
    let mut simulation = Simulation::new(scenario);
    let begins = Duration::from_secs(20);
    (simulation.stands_still, simulation.length) = (Some((begins, begins + still)), Duration::from_secs(60));
    simulation.run();
    let most = |first: &Duration| {
        let until = *first + Duration::from_secs(1);
        simulation.arrivals.iter().filter(|at| *at >= first && **at < until).count()
    };
    let most = simulation.arrivals.iter().map(most).max().unwrap_or_default();
    format!("{most:>18} {:>7.1}", simulation.accepted.iter().sum::<u64>() as f64 / 6.0)
}

#[derive(Clone, Copy)]
struct Scenario {
    policy: Policy,
    jitter: Jitter,
    slow: bool,
    limit: u32,
    client: Kind,
}

#[derive(Debug, Clone, Copy)]
enum Policy {
    ExactWindow,
    FixedWindow,
    TokenBucket,
}

#[derive(Clone, Copy)]
enum Jitter {
    None,
    /// The median is [`ONE_WAY`], times this; sigma is 1.
    LogNormal(u32),
}

#[derive(Clone, Copy)]
enum Kind {
    Ours,
    /// Ours, without knowing the limit.
    Unknown,
    /// Ours, with the part that another client leaves as its limit: what is possible without learning the share.
    Rest(u32),
    /// The adaptive rate of the AWS SDKs: CUBIC, with a token bucket of one second.
    Adaptive,
    Gcra1,
    GcraN,
    /// Slower than the limit by this percentage.
    Pacing(u32),
}

impl Kind {
    fn name(self) -> String {
        match self {
            Self::Ours => "exact window".to_owned(),
            Self::Unknown => "limit unknown".to_owned(),
            Self::Rest(_) => "rest known".to_owned(),
            Self::Adaptive => "AWS adaptive".to_owned(),
            Self::Gcra1 => "GCRA burst 1".to_owned(),
            Self::GcraN => "GCRA burst N".to_owned(),
            Self::Pacing(percent) => format!("{percent} % slower"),
        }
    }

    /// Whether the first requests are not limited, so that a caller sends the next one only after a response.
    fn is_unlimited_at_first(self) -> bool {
        matches!(self, Self::Unknown | Self::Adaptive)
    }
}

/// A client without a limit that makes this many calls per second, each with up to three attempts.
#[derive(Clone, Copy)]
struct Outside {
    rate: u32,
    bursts: bool,
}

impl Scenario {
    fn name(self) -> String {
        let jitter = match self.jitter {
            Jitter::None => "none".to_owned(),
            Jitter::LogNormal(factor) => format!("median {}", factor * 11),
        };
        let client = self.client.name();
        let answers = if self.slow { "0.2-3 s" } else { "at once" };
        format!("{:<13} {jitter:<12} {answers:<8} {:>4}/s  {client:<14}", format!("{:?}", self.policy), self.limit)
    }

    fn run(self) -> Figures {
        let mut simulation = Simulation::new(self);
        simulation.run();
        simulation.figures()
    }
}

/// Decides when the next request is sent.
enum Client {
    Ours(Box<Window>),
    Gcra(Gcra, FakeRelativeClock, Duration),
    Adaptive(Adaptive),
}

/// The client-side rate of the AWS SDKs' adaptive retry mode, as documented.
#[derive(Default)]
struct Adaptive {
    enabled: bool,
    rate: f64,
    tokens: f64,
    filled: Duration,
    measured: f64,
    counted: u32,
    half: u64,
    last_max: f64,
    throttled_at: Duration,
}

impl Adaptive {
    fn take(&mut self, now: Duration) -> Result<(), Duration> {
        if !self.enabled {
            return Ok(());
        }
        let gained = now.saturating_sub(self.filled).as_secs_f64() * self.rate;
        self.tokens = (self.tokens + gained).min(self.rate.max(1.0));
        self.filled = now;
        if self.tokens < 1.0 {
            return Err(now + Duration::from_secs_f64((1.0 - self.tokens) / self.rate) + Duration::from_nanos(1));
        }
        self.tokens -= 1.0;
        Ok(())
    }

    fn answered(&mut self, now: Duration, throttled: bool) {
        self.counted += 1;
        let half = u64::try_from(now.as_millis() / 500).unwrap_or(u64::MAX);
        if half > self.half {
            let current = f64::from(self.counted) / (0.5 * (half - self.half) as f64);
            self.measured = current * 0.8 + self.measured * 0.2;
            (self.counted, self.half) = (0, half);
        }
        let calculated = if throttled {
            let rate = if self.enabled { self.rate.min(self.measured) } else { self.measured };
            (self.last_max, self.throttled_at, self.enabled) = (rate, now, true);
            rate * 0.7
        } else {
            let plateau = (self.last_max * 0.3 / 0.4).cbrt();
            0.4 * (now.saturating_sub(self.throttled_at).as_secs_f64() - plateau).powi(3) + self.last_max
        };
        self.rate = calculated.min(2.0 * self.measured).max(0.5);
    }
}

type Gcra = RateLimiter<
    NotKeyed,
    InMemoryState,
    FakeRelativeClock,
    NoOpMiddleware<<FakeRelativeClock as governor::clock::Clock>::Instant>,
>;

impl Client {
    fn new(kind: Kind, limit: u32) -> Self {
        let one = NonZeroU32::MIN;
        let gap = Duration::from_secs(1) / limit;
        let (period, burst) = match kind {
            Kind::Ours => return Self::Ours(Box::new(Window::new(Some(RateLimit::per_second(limit))))),
            Kind::Unknown => return Self::Ours(Box::new(Window::new(None))),
            Kind::Rest(rest) => return Self::Ours(Box::new(Window::new(Some(RateLimit::per_second(rest))))),
            Kind::Adaptive => return Self::Adaptive(Adaptive::default()),
            Kind::Gcra1 => (gap, one),
            Kind::GcraN => (gap, NonZeroU32::new(limit).unwrap_or(one)),
            Kind::Pacing(percent) => (gap * (100 + percent) / 100, one),
        };
        let clock = FakeRelativeClock::default();
        let quota = Quota::with_period(period).expect("a period that is longer than nothing").allow_burst(burst);
        Self::Gcra(RateLimiter::direct_with_clock(quota, clock.clone()), clock, Duration::ZERO)
    }

    fn take(&mut self, now: Duration) -> Result<Option<Slot>, Option<Duration>> {
        match self {
            Self::Ours(window) => match window.take(now) {
                Availability::Now(slot) => Ok(Some(slot)),
                Availability::At(time) => Err(Some(time)),
                Availability::Unknown => Err(None),
            },
            Self::Adaptive(rate) => rate.take(now).map(|()| None).map_err(Some),
            Self::Gcra(limiter, clock, at) => {
                clock.advance(now.saturating_sub(*at));
                *at = now;
                match limiter.check() {
                    Ok(()) => Ok(None),
                    Err(not_until) => Err(Some(now + not_until.wait_time_from(governor::clock::Clock::now(clock)))),
                }
            }
        }
    }
}

/// The counter of a server. Only admitted requests count.
enum Counter {
    Exact(VecDeque<Duration>),
    Fixed(Duration, u32),
    Bucket(f64, Duration),
}

impl Counter {
    fn admits(&mut self, limit: u32, now: Duration) -> bool {
        let window = Duration::from_secs(1);
        match self {
            Self::Exact(admitted) => {
                while admitted.front().is_some_and(|first| now.saturating_sub(*first) >= window) {
                    admitted.pop_front();
                }
                let admits = admitted.len() < limit as usize;
                if admits {
                    admitted.push_back(now);
                }
                admits
            }
            Self::Fixed(start, used) => {
                while now.saturating_sub(*start) >= window {
                    *start += window;
                    *used = 0;
                }
                *used += 1;
                *used <= limit
            }
            Self::Bucket(level, at) => {
                *level = (*level + now.saturating_sub(*at).as_secs_f64() * f64::from(limit)).min(f64::from(limit));
                *at = now;
                let admits = *level >= 1.0;
                if admits {
                    *level -= 1.0;
                }
                admits
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Request {
    caller: usize,
    asked: Duration,
    slot: Option<Slot>,
    accepted: bool,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Wake,
    Arrives(usize),
    Answered(usize),
    OutsideSends,
    /// The attempt with that number.
    OutsideArrives(u32),
    /// The backoff of a client without a quota that pauses is over.
    Again(usize),
}

struct Simulation {
    scenario: Scenario,
    random: Rng,
    now: Duration,
    events: BinaryHeap<Reverse<(Duration, u64, Event)>>,
    serial: u64,
    wake_at: Option<Duration>,
    client: Client,
    server: Counter,
    queue: VecDeque<(usize, Duration)>,
    under_way: Vec<Request>,
    /// Rejected requests of clients that back off without a quota.
    again: Vec<Request>,
    unused: Vec<usize>,
    sent: u64,
    rejected: u64,
    accepted: [u64; CALLERS],
    waits: Vec<Duration>,
    length: Duration,
    /// The longest time from the first request of a call to its success.
    longest: Duration,
    accepted_at: Vec<Duration>,
    arrivals: Vec<Duration>,
    outside: Option<(Outside, Duration)>,
    outside_accepted: u64,
    /// The start and end of a stall, after which all delayed requests arrive.
    stands_still: Option<(Duration, Duration)>,
}

impl Simulation {
    fn new(scenario: Scenario) -> Self {
        Self {
            scenario,
            random: Rng::with_seed(1),
            now: Duration::ZERO,
            events: BinaryHeap::new(),
            serial: 0,
            wake_at: None,
            client: Client::new(scenario.client, scenario.limit),
            server: match scenario.policy {
                Policy::ExactWindow => Counter::Exact(VecDeque::new()),
                Policy::FixedWindow => Counter::Fixed(Duration::ZERO, 0),
                Policy::TokenBucket => Counter::Bucket(f64::from(scenario.limit), Duration::ZERO),
            },
            queue: (0..CALLERS).map(|caller| (caller, Duration::ZERO)).collect(),
            under_way: Vec::new(),
            again: Vec::new(),
            unused: Vec::new(),
            sent: 0,
            rejected: 0,
            accepted: [0; CALLERS],
            waits: Vec::new(),
            length: LENGTH,
            longest: Duration::ZERO,
            accepted_at: Vec::new(),
            arrivals: Vec::new(),
            outside: None,
            outside_accepted: 0,
            stands_still: None,
        }
    }

    fn run(&mut self) {
        self.send_what_may_go();
        while let Some(Reverse((time, _, event))) = self.events.pop() {
            if time > self.length {
                break;
            }
            self.now = time;
            match event {
                Event::Wake => self.wake_at = None,
                Event::Arrives(index) => self.arrives(index),
                Event::Answered(index) => self.answered(index),
                Event::OutsideSends => self.outside_sends(),
                Event::OutsideArrives(attempt) => self.outside_arrives(attempt),
                Event::Again(index) => {
                    let Request { caller, asked, .. } = self.again[index];
                    self.queue.push_front((caller, asked));
                }
            }
            self.send_what_may_go();
        }
    }

    fn outside(&mut self, outside: Outside, stops: Duration) {
        self.outside = Some((outside, stops));
        self.at(Duration::from_millis(500), Event::OutsideSends);
    }

    fn outside_sends(&mut self) {
        let Some((outside, stops)) = self.outside else { return };
        if self.now >= stops {
            return;
        }
        let at_once = if outside.bursts { 10 } else { 1 };
        for _ in 0..at_once {
            let arrival = self.now + self.one_way();
            self.at(arrival, Event::OutsideArrives(1));
        }
        self.at(self.now + Duration::from_secs(at_once) / outside.rate, Event::OutsideSends);
    }

    fn outside_arrives(&mut self, attempt: u32) {
        if self.server.admits(self.scenario.limit, self.now) {
            self.outside_accepted += 1;
        } else if attempt < 3 {
            let backoff = (BACKOFF * 2_u32.pow(attempt - 1)).mul_f64(self.random.f64());
            let arrival = self.now + self.one_way() + backoff + self.one_way();
            self.at(arrival, Event::OutsideArrives(attempt + 1));
        }
    }

    /// The time after `since` until 95 % of the limit is used over two seconds.
    fn full_after(&self, since: Duration) -> Option<Duration> {
        let later: Vec<_> = self.accepted_at.iter().filter(|at| **at >= since).copied().collect();
        let enough = 19 * self.scenario.limit as usize / 10;
        let begins =
            later.windows(enough).find(|times| times[enough - 1].saturating_sub(times[0]) < Duration::from_secs(2))?;
        Some(begins[0].saturating_sub(since))
    }

    /// The arrival time, delayed by a stall.
    fn held_up(&self, at: Duration) -> Duration {
        match self.stands_still {
            Some((begins, ends)) if at > begins && at < ends => ends,
            _ => at,
        }
    }

    fn at(&mut self, time: Duration, event: Event) {
        self.serial += 1;
        self.events.push(Reverse((time, self.serial, event)));
    }

    fn one_way(&mut self) -> Duration {
        match self.scenario.jitter {
            Jitter::None => ONE_WAY,
            Jitter::LogNormal(factor) => {
                let (u, v) = (1.0 - self.random.f64(), self.random.f64());
                let normal = (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos();
                (ONE_WAY * factor).mul_f64(normal.exp())
            }
        }
    }

    fn send_what_may_go(&mut self) {
        while let Some(&(caller, asked)) = self.queue.front() {
            match self.client.take(self.now) {
                Ok(slot) => {
                    self.queue.pop_front();
                    // The caller's next request waits immediately if requests are limited.
                    if !self.scenario.client.is_unlimited_at_first() {
                        self.queue.push_back((caller, self.now));
                    }
                    self.send(Request { caller, asked, slot, accepted: false });
                }
                Err(Some(time)) => {
                    let tick = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).div_ceil(TICK) * TICK;
                    let time = Duration::from_nanos(tick);
                    if self.wake_at.is_none_or(|already| time < already) {
                        self.wake_at = Some(time);
                        self.at(time, Event::Wake);
                    }
                    return;
                }
                Err(None) => return,
            }
        }
    }

    fn send(&mut self, request: Request) {
        if let (Client::Ours(window), Some(slot)) = (&mut self.client, request.slot) {
            window.sent(slot, self.now);
        }
        self.sent += 1;
        self.waits.push(self.now.saturating_sub(request.asked));
        let index = self.unused.pop().unwrap_or_else(|| {
            self.under_way.push(request);
            self.under_way.len() - 1
        });
        self.under_way[index] = request;
        let arrival = self.now + self.one_way();
        self.at(self.held_up(arrival), Event::Arrives(index));
    }

    fn arrives(&mut self, index: usize) {
        self.arrivals.push(self.now);
        let accepted = self.server.admits(self.scenario.limit, self.now);
        if accepted {
            self.accepted_at.push(self.now);
        }
        self.under_way[index].accepted = accepted;
        // Rejections are immediate.
        let working = if self.scenario.slow && accepted {
            Duration::from_millis(200) + Duration::from_millis(2_800).mul_f64(self.random.f64())
        } else {
            Duration::ZERO
        };
        let answer = self.now + working + self.one_way();
        self.at(self.held_up(answer), Event::Answered(index));
    }

    fn answered(&mut self, index: usize) {
        let request = self.under_way[index];
        self.unused.push(index);
        if request.accepted {
            self.accepted[request.caller] += 1;
            self.longest = self.longest.max(self.now.saturating_sub(request.asked));
            if self.scenario.client.is_unlimited_at_first() {
                self.queue.push_back((request.caller, self.now));
            }
        } else {
            self.rejected += 1;
            // The caller retries instead of sending a new request, and retries have priority.
            self.queue.retain(|(caller, _)| *caller != request.caller);
            if matches!(self.client, Client::Ours(_)) {
                self.queue.push_front((request.caller, request.asked));
            } else {
                // The others back off by themselves.
                let again = self.now + BACKOFF.mul_f64(self.random.f64());
                self.again.push(request);
                self.at(again, Event::Again(self.again.len() - 1));
            }
        }
        if let Client::Adaptive(rate) = &mut self.client {
            rate.answered(self.now, !request.accepted);
        }
        if let (Client::Ours(window), Some(slot)) = (&mut self.client, request.slot) {
            if request.accepted {
                window.answered(slot, self.now);
            } else {
                window.throttled(slot, self.now, None);
            }
        }
    }

    fn figures(mut self) -> Figures {
        self.waits.sort_unstable();
        let percentile = |share: usize| self.waits[(self.waits.len() - 1) * share / 100];
        let accepted: Vec<f64> = self.accepted.iter().map(|count| *count as f64).collect();
        let sum: f64 = accepted.iter().sum();
        let squares: f64 = accepted.iter().map(|count| count * count).sum();
        Figures {
            used: 100.0 * sum / (f64::from(self.scenario.limit) * LENGTH.as_secs_f64()),
            rejected: 100.0 * self.rejected as f64 / self.sent as f64,
            p50: percentile(50),
            p99: percentile(99),
            jain: sum * sum / (CALLERS as f64 * squares),
        }
    }
}

struct Figures {
    used: f64,
    rejected: f64,
    p50: Duration,
    p99: Duration,
    jain: f64,
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (p50, p99) = (self.p50.as_secs_f64(), self.p99.as_secs_f64());
        write!(f, "{:>7.2} {:>9.3} {p50:>7.3} s {p99:>7.3} s {:>6.3}", self.used, self.rejected, self.jain)
    }
}
