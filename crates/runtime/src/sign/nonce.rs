//! Nonces: unique for every request, in every process.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::hex::{Hex, hex};

/// A stream of nonces: a random number of 128 bits, to which a counter and the time in nanoseconds are added.
///
/// The service refuses a nonce that it has seen. Uniqueness is all that is needed, not secrecy, so one system call at the start
/// replaces one per request; two streams meet with a probability of about 2^-128 per pair of requests.
///
/// A process that is forked has a copy of the stream. It notices with its first nonce of another millisecond than that of the last
/// look at the process: a look per nonce, which is a system call, would cost as much as half of a signature. Until then the
/// nanosecond keeps its nonces apart from those of its parent.
pub(crate) struct Nonces {
    start: u128,
    count: AtomicU64,
    began: Instant,
    /// The process that the stream belongs to.
    process: u32,
    /// The millisecond since `began` in which the process was last looked at.
    looked_at: AtomicU64,
}

/// One millisecond in nanoseconds.
const MILLISECOND: u64 = 1_000_000;

impl Nonces {
    /// A stream of its own.
    ///
    /// # Errors
    /// If the operating system has no randomness to give.
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        Ok(Self {
            start: random()?,
            count: AtomicU64::new(0),
            began: Instant::now(),
            process: std::process::id(),
            looked_at: AtomicU64::new(0),
        })
    }

    pub(crate) fn next(&self) -> Nonce {
        // Enough for 584 years.
        let elapsed = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.at(elapsed, std::process::id)
    }

    /// The next nonce, so many nanoseconds after the stream began.
    fn at(&self, elapsed: u64, process: impl FnOnce() -> u32) -> Nonce {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        if elapsed / MILLISECOND != self.looked_at.load(Ordering::Relaxed) {
            if process() == self.process {
                self.looked_at.store(elapsed / MILLISECOND, Ordering::Relaxed);
            } else if let Ok(random) = random() {
                // A random one each: what belongs to the stream may be used by the parent, and by another child after this one.
                return Nonce(hex(&random.to_be_bytes()));
            }
        }
        // Multiplied so that neighbours do not look alike; an odd factor keeps them different.
        let step = (u128::from(elapsed) << 64) | u128::from(count);
        let spread = step.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
        Nonce(hex(&self.start.wrapping_add(spread).to_be_bytes()))
    }
}

fn random() -> Result<u128, getrandom::Error> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)?;
    Ok(u128::from_ne_bytes(random))
}

/// A nonce: 32 hexadecimal digits.
#[derive(Clone, Copy)]
pub(crate) struct Nonce(Hex<32>);

impl Nonce {
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_nonce_comes_twice() {
        let (one, other) = (Nonces::new().unwrap(), Nonces::new().unwrap());
        let mut seen = HashSet::new();
        for _ in 0..100_000 {
            assert!(seen.insert(one.next().as_str().to_owned()));
            assert!(seen.insert(other.next().as_str().to_owned()));
        }
        assert!(seen.iter().all(|nonce| nonce.len() == 32 && nonce.bytes().all(|b| b.is_ascii_hexdigit())));
    }

    /// A clock that stands still, or that many threads read at once.
    #[test]
    fn nonces_of_the_same_nanosecond_differ() {
        let nonces = Nonces::new().unwrap();
        let seen: HashSet<_> = (0..10_000).map(|_| nonces.at(7, || nonces.process).as_str().to_owned()).collect();
        assert_eq!(seen.len(), 10_000);
    }

    /// `fork` without `exec`: the child has the parent's stream as it was.
    fn forked(parent: &Nonces) -> Nonces {
        let (start, began) = (parent.start, parent.began);
        let [count, looked_at] =
            [&parent.count, &parent.looked_at].map(|it| AtomicU64::new(it.load(Ordering::Relaxed)));
        Nonces { start, count, began, process: parent.process, looked_at }
    }

    #[test]
    fn a_forked_process_uses_nonces_of_its_own() {
        let parent = Nonces::new().unwrap();
        let process = || parent.process;
        let mut seen: HashSet<_> = (0..10).map(|_| parent.at(5, process).as_str().to_owned()).collect();
        for (child, id) in [(forked(&parent), 1), (forked(&parent), 2)] {
            // In the same millisecond, another nanosecond is enough.
            for elapsed in 0..10 {
                let elapsed = 100 + 10 * elapsed + id;
                assert!(seen.insert(child.at(elapsed, || id.try_into().unwrap()).as_str().to_owned()));
            }
            // From the next one on, not even the same nanosecond matters.
            for _ in 0..100 {
                assert!(seen.insert(child.at(2 * MILLISECOND, || id.try_into().unwrap()).as_str().to_owned()));
            }
        }
        for _ in 0..10 {
            assert!(seen.insert(parent.at(2 * MILLISECOND, process).as_str().to_owned()));
        }
    }
}
