//! `cargo xtask bench throttle`: how much of a quota is used, and how much is rejected, in virtual time.
//!
//! 64 callers always have a request waiting, for 600 s. The quota's own rule ([`Window`]) decides when the next one goes; servers of
//! three kinds count it when it arrives. Everything is seeded, so two runs print the same. Beside it stand what other clients
//! do: GCRA (the `governor` crate) with burst 1 and burst N, and pacing 5 % and 25 % slower than the limit. Where answers take
//! seconds, they tell nothing in time; what pacing comes to there shows what can be had without them.

#![allow(clippy::cast_precision_loss, reason = "counts of requests are small")]

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use alibabacloud_runtime::RateLimit;
use alibabacloud_runtime::throttle::{Slot, Turn, Window};
use fastrand::Rng;
use governor::clock::FakeRelativeClock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

const CALLERS: usize = 64;
const LENGTH: Duration = Duration::from_secs(600);
/// How long a request or an answer is under way where there is no jitter, and the median where there is.
const ONE_WAY: Duration = Duration::from_millis(11);
/// Timers of tokio fire at whole milliseconds.
const TICK: u64 = 1_000_000;
/// The longest first wait of a client that was told none; it is drawn evenly.
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
    println!("\n{:.1} s", began.elapsed().as_secs_f64());
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
    Gcra1,
    GcraN,
    /// So many percent slower than the limit.
    Pacing(u32),
}

impl Scenario {
    fn name(self) -> String {
        let jitter = match self.jitter {
            Jitter::None => "none".to_owned(),
            Jitter::LogNormal(factor) => format!("median {}", factor * 11),
        };
        let client = match self.client {
            Kind::Ours => "exact window".to_owned(),
            Kind::Gcra1 => "GCRA burst 1".to_owned(),
            Kind::GcraN => "GCRA burst N".to_owned(),
            Kind::Pacing(percent) => format!("{percent} % slower"),
        };
        let answers = if self.slow { "0.2-3 s" } else { "at once" };
        format!("{:<13} {jitter:<12} {answers:<8} {:>4}/s  {client:<14}", format!("{:?}", self.policy), self.limit)
    }

    fn run(self) -> Figures {
        let mut simulation = Simulation::new(self);
        simulation.run();
        simulation.figures()
    }
}

/// What decides when the next request goes.
enum Client {
    Ours(Box<Window>),
    Gcra(Gcra, FakeRelativeClock, Duration),
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
            Kind::Ours => return Self::Ours(Box::new(Window::new(RateLimit::per_second(limit)))),
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
                Turn::Now(slot) => Ok(Some(slot)),
                Turn::At(time) => Err(Some(time)),
                Turn::Unknown => Err(None),
            },
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

/// A server's count. Only what it lets in counts.
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
    unused: Vec<usize>,
    sent: u64,
    rejected: u64,
    accepted: [u64; CALLERS],
    waits: Vec<Duration>,
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
            unused: Vec::new(),
            sent: 0,
            rejected: 0,
            accepted: [0; CALLERS],
            waits: Vec::new(),
        }
    }

    fn run(&mut self) {
        self.send_what_may_go();
        while let Some(Reverse((time, _, event))) = self.events.pop() {
            if time > LENGTH {
                break;
            }
            self.now = time;
            match event {
                Event::Wake => self.wake_at = None,
                Event::Arrives(index) => self.arrives(index),
                Event::Answered(index) => self.answered(index),
            }
            self.send_what_may_go();
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
                    // The caller's next request waits at once.
                    self.queue.push_back((caller, self.now));
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
        self.at(arrival, Event::Arrives(index));
    }

    fn arrives(&mut self, index: usize) {
        let accepted = self.server.admits(self.scenario.limit, self.now);
        self.under_way[index].accepted = accepted;
        // What is refused is answered at once.
        let working = if self.scenario.slow && accepted {
            Duration::from_millis(200) + Duration::from_millis(2_800).mul_f64(self.random.f64())
        } else {
            Duration::ZERO
        };
        let answer = self.now + working + self.one_way();
        self.at(answer, Event::Answered(index));
    }

    fn answered(&mut self, index: usize) {
        let request = self.under_way[index];
        self.unused.push(index);
        if request.accepted {
            self.accepted[request.caller] += 1;
        } else {
            self.rejected += 1;
            // The caller sends it again in place of a new one, and what was sent before goes first.
            self.queue.retain(|(caller, _)| *caller != request.caller);
            self.queue.push_front((request.caller, self.now));
        }
        if let (Client::Ours(window), Some(slot)) = (&mut self.client, request.slot) {
            if request.accepted {
                window.answered(slot, self.now);
            } else {
                let pause = BACKOFF.mul_f64(self.random.f64());
                window.throttled(slot, self.now, Some(pause));
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
