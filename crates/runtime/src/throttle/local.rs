//! The quotas of this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::queue::Quota;
use super::store::{AcquireFuture, Ask, QuotaKey, QuotaStore};
use crate::descriptor::RateLimit;

/// The quotas of this process: what a [`Throttle`](super::Throttle) has unless it is given another store.
///
/// Cloning shares the quotas. Two callers that disagree about the limit of a key do not share its slots.
#[derive(Debug, Clone, Default)]
pub struct LocalQuotas {
    quotas: Arc<Mutex<Quotas>>,
}

type Quotas = HashMap<(QuotaKey, RateLimit), Arc<Quota>>;

impl LocalQuotas {
    /// Quotas of which nothing is used.
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn quota(&self, key: &QuotaKey, limit: RateLimit) -> Arc<Quota> {
        // A panic elsewhere cannot leave the map half changed.
        let mut quotas = self.quotas.lock().unwrap_or_else(PoisonError::into_inner);
        quotas.entry((key.clone(), limit)).or_insert_with(|| Arc::new(Quota::limited(limit))).clone()
    }
}

impl QuotaStore for LocalQuotas {
    fn acquire<'a>(&'a self, ask: Ask<'a>) -> AcquireFuture<'a> {
        let quota = self.quota(ask.key, ask.limit);
        Box::pin(async move { quota.acquire(ask.max_wait, ask.max_waiting, ask.again).await })
    }
}
