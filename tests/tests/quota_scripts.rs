//! The scripts of a shared quota, run by a real Redis server with the clock of the test: fleets beside another program, in
//! virtual time.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "counts of requests and short times are small"
)]

#[path = "../fleet/redis_server.rs"]
#[allow(dead_code, unreachable_pub, missing_docs, reason = "shared with the fleet")]
mod redis_server;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};

use fastrand::Rng;
use redis::{Connection, Script};
use redis_server::RedisServer;

/// Times are microseconds.
const SECOND: u64 = 1_000_000;
const LIMIT: usize = 10;
const KEYS: [&str; 3] = ["{quota}log", "{quota}state", "{quota}members"];
/// How long a message takes to the members.
const MESSAGE: u64 = 1_000;
/// How long a member collects the outcomes of requests.
const GATHER: u64 = 50_000;
const CALLERS: usize = 4;
/// Zero is no time.
const BEGIN: u64 = 1_000 * SECOND;

/// A script whose last argument is the time, and which returns its reply and the message that it publishes.
fn script(text: &str) -> Script {
    let rule = include_str!("../../crates/runtime/src/throttle/share.rs");
    let value = |name: &str| {
        let (_, rest) = rule.split_once(&format!(" {name}: ")).expect("a constant");
        let (value, _) = rest.split_once(" = ").and_then(|(_, value)| value.split_once(';')).expect("a value");
        value.strip_prefix("Time::millis(").map_or(value.to_owned(), |millis| millis.replace(')', "e3"))
    };
    let names = ["PLATEAU", "FRESH_PLATEAU", "FIRST_STEP", "STEP", "DOWN", "UP", "FEW", "MANY", "AHEAD"];
    let values = names.map(value).join(", ");
    let state = include_str!("../../crates/runtime/src/throttle/redis/state.lua");
    Script::new(&format!(
        "local now, published, real = table.remove(ARGV), '', redis
        local redis = {{call = function(name, ...)
          if name == 'TIME' then return {{0, now}} end
          if name == 'PUBLISH' then published = select(2, ...) return 0 end
          return real.call(name, ...)
        end}}
        local {} = {values}
        local function script() {state} {text} end
        local reply = script()
        return {{reply, published}}",
        names.join(", ")
    ))
}

/// The reply of a reservation, and its message.
type Reserved = ((bool, u64, u64, String, u64, u32, u32, u32), String);

/// What happens next.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Reserves {
        member: usize,
        is_retry: bool,
    },
    Moved {
        member: usize,
        places: Vec<(u64, u64)>,
    },
    Sends {
        member: usize,
        number: u64,
    },
    Arrives(Request),
    Answered(Request, bool),
    Reports(usize),
    OutsideSends,
    /// The attempt with that number.
    OutsideArrives(u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Request {
    member: usize,
    number: u64,
    due: u64,
}

/// A process whose callers always have a request waiting.
#[derive(Default)]
struct Member {
    epoch: String,
    /// The reserved places: the time of each, and whether it is of a retry.
    places: HashMap<u64, (u64, bool)>,
    waiting: usize,
    counted_at: u64,
    told: Vec<(u64, &'static str, u64, i64)>,
}

struct Fleet {
    connection: Connection,
    reserve: Script,
    report: Script,
    random: Rng,
    now: u64,
    serial: u64,
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    members: Vec<Member>,
    /// When the service accepted a request within the last second.
    window: VecDeque<u64>,
    /// The requests of the other program per second.
    outside: u64,
    accepted: u64,
    throttled: u64,
    outside_accepted: u64,
}

impl Fleet {
    /// Figures of a run: the used part of what the other program leaves, and the throttled part of the requests, in
    /// percent.
    fn run(redis: &RedisServer, members: usize, outside: u64, seconds: u64) -> (f64, f64) {
        redis.command(&["FLUSHALL"]);
        let mut fleet = Self {
            connection: redis.connection(),
            reserve: script(include_str!("../../crates/runtime/src/throttle/redis/reserve.lua")),
            report: script(include_str!("../../crates/runtime/src/throttle/redis/report.lua")),
            random: Rng::with_seed(1),
            now: BEGIN,
            serial: 0,
            events: BinaryHeap::new(),
            members: (0..members).map(|_| Member { waiting: CALLERS - 1, ..Member::default() }).collect(),
            window: VecDeque::new(),
            outside,
            accepted: 0,
            throttled: 0,
            outside_accepted: 0,
        };
        for member in 0..members {
            fleet.after(0, Event::Reserves { member, is_retry: false });
        }
        fleet.after(SECOND / 2, Event::OutsideSends);
        while let Some(Reverse((time, _, event))) = fleet.events.pop() {
            if time > BEGIN + seconds * SECOND {
                break;
            }
            fleet.now = time;
            fleet.happens(event);
        }
        let left = seconds * LIMIT as u64 - fleet.outside_accepted;
        let percent = |part: u64, whole: u64| 100.0 * part as f64 / whole as f64;
        let throttled = percent(fleet.throttled, fleet.accepted + fleet.throttled);
        (percent(fleet.accepted, left), throttled)
    }

    fn after(&mut self, time: u64, event: Event) {
        self.serial += 1;
        self.events.push(Reverse((self.now + time, self.serial, event)));
    }

    /// The time to or from the service: log-normal with a median of 11 ms.
    fn way(&mut self) -> u64 {
        let (u, v) = (1.0 - self.random.f64(), self.random.f64());
        (11_000.0 * ((-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()).exp()) as u64
    }

    /// Whether the service accepts a request now.
    fn admits(&mut self) -> bool {
        while self.window.front().is_some_and(|first| self.now - first >= SECOND) {
            self.window.pop_front();
        }
        let admits = self.window.len() < LIMIT;
        if admits {
            self.window.push_back(self.now);
        }
        admits
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Reserves { member, is_retry } => self.reserves(member, is_retry),
            Event::Moved { member, places } => {
                for (number, due) in places {
                    if let Some(place) = self.members[member].places.get_mut(&number) {
                        place.0 = due;
                        self.after(due.saturating_sub(self.now), Event::Sends { member, number });
                    }
                }
            }
            Event::Sends { member, number } => {
                let Some(&(due, is_retry)) = self.members[member].places.get(&number) else { return };
                if due > self.now {
                    return;
                }
                self.members[member].places.remove(&number);
                if !is_retry && self.members[member].waiting > 0 {
                    self.members[member].waiting -= 1;
                    self.after(0, Event::Reserves { member, is_retry: false });
                }
                let way = self.way();
                self.after(way, Event::Arrives(Request { member, number, due }));
            }
            Event::Arrives(request) => {
                let (accepted, way) = (self.admits(), self.way());
                self.after(way, Event::Answered(request, accepted));
            }
            Event::Answered(request, accepted) => self.answered(request, accepted),
            Event::Reports(member) => self.reports(member),
            Event::OutsideSends => {
                let way = self.way();
                self.after(way, Event::OutsideArrives(1));
                self.after(SECOND / self.outside, Event::OutsideSends);
            }
            Event::OutsideArrives(attempt) => {
                if self.admits() {
                    self.outside_accepted += 1;
                } else if attempt < 3 {
                    let backoff = self.random.u64(0..100_000 << attempt);
                    let way = self.way() + self.way();
                    self.after(way + backoff, Event::OutsideArrives(attempt + 1));
                }
            }
        }
    }

    fn reserves(&mut self, member: usize, is_retry: bool) {
        let Member { epoch, counted_at, .. } = &mut self.members[member];
        let counts = self.now >= *counted_at + SECOND;
        if counts {
            *counted_at = self.now;
        }
        let mut invocation = self.reserve.prepare_invoke();
        for key in KEYS {
            invocation.key(key);
        }
        invocation.arg(LIMIT).arg(SECOND).arg(60 * SECOND).arg(member).arg(&*epoch);
        invocation.arg(0).arg(SECOND / 4).arg(u8::from(counts)).arg("channel").arg(self.now);
        let ((reserved, wait, number, epoch, ..), message): Reserved =
            invocation.invoke(&mut self.connection).expect("a valid script");
        assert!(reserved && message.is_empty(), "{message}");
        self.members[member].epoch = epoch;
        self.members[member].places.insert(number, (self.now + wait, is_retry));
        self.after(wait, Event::Sends { member, number });
    }

    fn answered(&mut self, Request { member, number, due }: Request, accepted: bool) {
        let figure = if accepted { i64::try_from(self.now - due).expect("a short time") } else { -1 };
        let outcome = if accepted { "a" } else { "t" };
        let told = &mut self.members[member].told;
        told.push((number, outcome, self.now, if figure < 250_000 { figure } else { -1 }));
        let is_first = told.len() == 1;
        if accepted {
            self.accepted += 1;
            if is_first {
                self.after(GATHER, Event::Reports(member));
            }
            if self.members[member].places.values().any(|(_, is_retry)| !is_retry) {
                self.members[member].waiting += 1;
            } else {
                self.after(0, Event::Reserves { member, is_retry: false });
            }
        } else {
            self.throttled += 1;
            self.reports(member);
            self.after(0, Event::Reserves { member, is_retry: true });
        }
    }

    fn reports(&mut self, member: usize) {
        let told = std::mem::take(&mut self.members[member].told);
        let mut invocation = self.report.prepare_invoke();
        for key in &KEYS[..2] {
            invocation.key(key);
        }
        invocation.arg(LIMIT).arg(SECOND).arg(&self.members[member].epoch).arg("channel");
        for (number, outcome, when, figure) in told {
            invocation.arg(number).arg(outcome).arg(self.now - when).arg(figure);
        }
        invocation.arg(self.now);
        let (_, message): (u64, String) = invocation.invoke(&mut self.connection).expect("a valid script");
        let Some((_, places)) = message.split_once(" moved") else { return };
        let numbers: Vec<u64> = places.split_whitespace().map(|number| number.parse().expect("a number")).collect();
        let places: Vec<_> = numbers.chunks(2).map(|pair| (pair[0], self.now + MESSAGE + pair[1])).collect();
        for member in 0..self.members.len() {
            self.after(MESSAGE, Event::Moved { member, places: places.clone() });
        }
    }
}

#[test]
fn many_processes_use_what_another_program_leaves_as_well_as_one() {
    let Some(redis) = RedisServer::start() else { return };
    // The least part used and the most throttled, in percent, with little to spare.
    for (members, outside, least, most) in
        [(1, 5, 78.0, 5.0), (16, 3, 80.0, 3.5), (16, 5, 76.0, 5.0), (16, 8, 70.0, 17.0)]
    {
        let (used, throttled) = Fleet::run(&redis, members, outside, 600);
        println!("{members} beside {outside}/s: {used:.1} % used, {throttled:.1} % throttled");
        assert!(
            used >= least && throttled <= most,
            "{members} processes beside {outside}/s: {used:.1} % of the rest used, {throttled:.1} % throttled"
        );
    }
}
