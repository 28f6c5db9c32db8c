//! The recently used nonces, each of which is valid for one request.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::Instant;

/// How long a nonce is remembered: a timestamp is valid for 15 minutes in either direction, so no valid request can
/// come later.
const REMEMBERED: Duration = Duration::from_secs(30 * 60);

/// The maximum number of nonces (about 20 MB). Beyond it the oldest are forgotten early, which takes more than 130
/// requests per second for half an hour.
const AT_MOST: usize = 250_000;

/// A digest of key ID and nonce, so that long nonces take no more memory than short ones.
type Mark = [u8; 16];

/// The nonces of all keys.
#[derive(Default)]
pub(crate) struct Nonces {
    seen: HashSet<Mark>,
    in_order: VecDeque<(Instant, Mark)>,
}

impl Nonces {
    /// Whether this nonce is new for the key. It is marked as used.
    pub(crate) fn first_use(&mut self, key_id: &str, nonce: &str, now: Instant) -> bool {
        let old = |(at, _): &(Instant, Mark)| now - *at > REMEMBERED;
        while self.in_order.front().is_some_and(old) || self.in_order.len() >= AT_MOST {
            if let Some((_, mark)) = self.in_order.pop_front() {
                self.seen.remove(&mark);
            }
        }
        let digest = Sha256::new_with_prefix(key_id).chain_update([0]).chain_update(nonce).finalize();
        let mut mark = Mark::default();
        mark.copy_from_slice(&digest[..16]);
        let new = self.seen.insert(mark);
        if new {
            self.in_order.push_back((now, mark));
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_used_for_half_an_hour_and_only_for_its_key() {
        let mut nonces = Nonces::default();
        let start = Instant::now();
        assert!(nonces.first_use("key", "1", start));
        assert!(!nonces.first_use("key", "1", start));
        assert!(nonces.first_use("other", "1", start));
        assert!(nonces.first_use("ke", "y1", start), "key ID and nonce are separate");
        assert!(!nonces.first_use("key", "1", start + REMEMBERED));
        assert!(nonces.first_use("key", "1", start + REMEMBERED + Duration::from_nanos(1)));
    }

    #[test]
    fn memory_is_bounded() {
        let mut nonces = Nonces::default();
        let now = Instant::now();
        for number in 0..AT_MOST + 10 {
            assert!(nonces.first_use("key", &number.to_string(), now));
        }
        assert_eq!(nonces.seen.len(), AT_MOST);
        assert_eq!(nonces.in_order.len(), AT_MOST);
        assert!(nonces.first_use("key", "0", now), "the oldest was forgotten");
        assert!(!nonces.first_use("key", &AT_MOST.to_string(), now));
    }
}
