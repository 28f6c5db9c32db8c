//! Nonces, unique for every request of every process.

use std::sync::atomic::{AtomicU64, Ordering};

use forkguard::Guard;

use super::hex::{Hex, hex};

/// A stream of nonces: a random number of 128 bits, and a counter added to it.
///
/// The service refuses a nonce that it has seen. Nonces must be unique, not secret, so one system call at the start replaces
/// one per request. Two requests have the same nonce with a probability of about 2^-128.
pub(crate) struct Nonces {
    start: u128,
    count: AtomicU64,
    /// Detects that this is the copy of a stream in a forked process. It counts forks in a handler of `fork` (`pthread_atfork`): asking
    /// for the process ID instead would be a system call for every nonce. `None` if the handler cannot be registered.
    guard: Option<Guard>,
}

impl Nonces {
    /// Starts a new stream.
    ///
    /// # Errors
    /// If the operating system provides no random numbers.
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        Ok(Self { start: random()?, count: AtomicU64::new(0), guard: Guard::try_new().ok() })
    }

    pub(crate) fn next(&self) -> Nonce {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        if self.is_copy()
            && let Ok(random) = random()
        {
            // A random number for each, because the parent and other children may use the numbers of the stream.
            return Nonce(hex(&random.to_be_bytes()));
        }
        // Multiplied so that consecutive nonces differ in many digits; an odd factor keeps them unique.
        let spread = u128::from(count).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
        Nonce(hex(&self.start.wrapping_add(spread).to_be_bytes()))
    }

    /// Whether this is, or may be, the copy of a stream in a forked process.
    fn is_copy(&self) -> bool {
        // A copy of the guard, because checking needs exclusive access, and a lock costs more.
        self.guard.clone().is_none_or(|mut guard| guard.detected_fork())
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

    /// Simulates a forked process, which has a copy of the parent's stream; `tests/tests/forks.rs` really forks.
    #[test]
    fn a_forked_process_uses_nonces_of_its_own() {
        let parent = Nonces::new().unwrap();
        let child = || Nonces { start: parent.start, count: AtomicU64::new(0), guard: None };
        let mut seen = HashSet::new();
        for nonces in [&child(), &child(), &parent] {
            for _ in 0..100 {
                assert!(seen.insert(nonces.next().as_str().to_owned()));
            }
        }
    }
}
