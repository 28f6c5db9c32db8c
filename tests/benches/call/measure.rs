//! Clocks, cores and medians.

use std::hint::black_box;
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

/// The CPU time of this thread.
pub(crate) fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Pins this thread to one core, if the machine has several and allows it.
pub(crate) fn pin(core: usize) {
    let mut set = CpuSet::new();
    set.set(core);
    let _ = sched_setaffinity(None, &set);
}

/// Sorted values.
pub(crate) struct Sorted(Vec<f64>);

impl Sorted {
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    pub(crate) fn median(&self) -> f64 {
        self.0.get(self.0.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// The first and third quartile.
    pub(crate) fn spread(&self) -> (f64, f64) {
        let at = |quarter: usize| self.0.get(self.0.len() * quarter / 4).copied().unwrap_or(f64::NAN);
        (at(1), at(3))
    }
}

/// Repeated work.
pub(crate) type Work<'a> = (&'static str, Box<dyn FnMut() + 'a>);

/// The number of rounds, and the time of each work in one round.
const ROUNDS: usize = 25;
const SLICE: Duration = Duration::from_millis(10);

/// Runs several works alternately; prints the time of each, and its ratio to the first.
pub(crate) fn compare(title: &str, mut works: Vec<Work<'_>>) {
    let mut times: Vec<Vec<f64>> = works.iter().map(|_| Vec::new()).collect();
    for round in 0..=ROUNDS {
        for ((_, work), times) in works.iter_mut().zip(&mut times) {
            let each = one_slice(work);
            // The first round warms up.
            if round > 0 {
                times.push(each);
            }
        }
    }
    println!("{title}");
    for (index, (name, _)) in works.iter().enumerate() {
        let time = Sorted::of(times[index].iter().copied());
        let (low, high) = time.spread();
        let ratio = Sorted::of(times[index].iter().zip(&times[0]).map(|(this, first)| this / first));
        println!(
            "  {name:<34} {:>9.0} ns  [{low:.0} to {high:.0}]   {:.2} times the first",
            time.median(),
            ratio.median()
        );
    }
}

/// The CPU time of one repetition, in nanoseconds.
fn one_slice(work: &mut Box<dyn FnMut() + '_>) -> f64 {
    let mut done = 0_u32;
    let (wall, cpu) = (Instant::now(), thread_cpu());
    while wall.elapsed() < SLICE {
        for _ in 0..16 {
            black_box(&mut *work)();
        }
        done += 16;
    }
    thread_cpu().saturating_sub(cpu).as_secs_f64() * 1e9 / f64::from(done)
}
