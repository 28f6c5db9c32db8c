//! Nonces: unique for every request, in every process.

use std::sync::atomic::{AtomicU64, Ordering};

use super::hex::{Hex, hex};

/// A stream of nonces: a random number of 128 bits, and a counter added to it.
///
/// The service refuses a nonce that it has seen. Uniqueness is all that is needed, not secrecy, so one system call at the start
/// replaces one per request; two streams meet with a probability of about 2^-128 per pair of requests.
pub(crate) struct Nonces {
    start: u128,
    count: AtomicU64,
    /// The process that the stream belongs to: a child that it forks has a copy of the stream.
    process: u32,
}

impl Nonces {
    /// A stream of its own.
    ///
    /// # Errors
    /// If the operating system has no randomness to give.
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        Ok(Self { start: random()?, count: AtomicU64::new(0), process: std::process::id() })
    }

    pub(crate) fn next(&self) -> Nonce {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let process = std::process::id();
        if process != self.process
            && let Ok(random) = random()
        {
            // A random one each: what belongs to the stream may be used by the parent, and by another child after this one.
            return Nonce(hex(&random.to_be_bytes()));
        }
        // Multiplied so that neighbours do not look alike; an odd factor keeps them different.
        let spread = u128::from(count).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
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
    /// `fork` without `exec`: the child has the parent's stream as it was.
    #[test]
    fn a_forked_process_uses_nonces_of_its_own() {
        let parent = Nonces::new().unwrap();
        let child =
            || Nonces { start: parent.start, count: AtomicU64::new(0), process: parent.process.wrapping_add(1) };
        let mut seen = HashSet::new();
        for nonces in [&child(), &child(), &parent] {
            for _ in 0..100 {
                assert!(seen.insert(nonces.next().as_str().to_owned()));
            }
        }
    }
}
