//! Staying under the limits of an account: which quota a call belongs to.

mod quota;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

pub(crate) use quota::Quota;

use crate::descriptor::RateLimit;

/// The quotas of **one account**: how many requests of each action may be sent, counted per endpoint and action.
///
/// By default every action has the limit that its descriptor documents, and a client has quotas of its own. Clients that use
/// the same account in one process should share one value (cloning it shares the quotas):
///
/// ```
/// use alibabacloud_runtime::{RateLimit, Throttle};
///
/// // Alibaba Cloud raised the limit of one action for this account.
/// let throttle = Throttle::new().with_limit("ChatappSyncPhoneNumber", RateLimit::per_second(50));
/// let shared = throttle.clone();
/// ```
///
/// The rule: no window of the limit's length ever holds more than the allowed number of requests, *as the server counts them*.
/// Request k waits until request k-N can no longer share a window with it at the server, whatever the network does: one window
/// after its answer came back (it had arrived by then), or, when the server is slow, one window plus an allowance of
/// 250 ms after it was sent, whichever is earlier. Waiting callers are served in the order in which they came.
#[derive(Clone)]
pub struct Throttle {
    settings: Settings,
    quotas: Arc<Mutex<HashMap<Key, Arc<Quota>>>>,
}

#[derive(Clone, Default)]
struct Settings {
    off: bool,
    for_all: Option<RateLimit>,
    by_action: HashMap<String, Option<RateLimit>>,
}

#[derive(PartialEq, Eq, Hash)]
struct Key {
    host: String,
    action: String,
    /// Two clients that share the quotas but disagree about the limit must not share the slots.
    limit: RateLimit,
}

impl Throttle {
    /// Quotas with the documented limit of every action.
    #[allow(clippy::new_without_default, reason = "a default would hide that each value has quotas of its own")]
    pub fn new() -> Self {
        Self { settings: Settings::default(), quotas: Arc::default() }
    }

    /// No limits at all: every call is sent at once. For servers without limits, and for measuring.
    pub fn off() -> Self {
        Self { settings: Settings { off: true, ..Settings::default() }, quotas: Arc::default() }
    }

    /// Sets the limit of one action, in place of the documented one. The name is not checked.
    #[must_use]
    pub fn with_limit(mut self, action: impl Into<String>, limit: RateLimit) -> Self {
        self.settings.by_action.insert(action.into(), Some(limit));
        self
    }

    /// Takes the limit of one action away.
    #[must_use]
    pub fn without_limit(mut self, action: impl Into<String>) -> Self {
        self.settings.by_action.insert(action.into(), None);
        self
    }

    /// Sets the same limit for every action that [`with_limit`](Self::with_limit) does not name. Each action still has a
    /// quota of its own.
    #[must_use]
    pub fn with_limit_for_all(mut self, limit: RateLimit) -> Self {
        self.settings.for_all = Some(limit);
        self
    }

    /// The limit that holds for an action whose documented limit is `documented`; `None` if it is not limited.
    pub fn limit(&self, action: &str, documented: Option<RateLimit>) -> Option<RateLimit> {
        if self.settings.off {
            return None;
        }
        match self.settings.by_action.get(action) {
            Some(limit) => *limit,
            None => self.settings.for_all.or(documented),
        }
    }

    /// The quota of an action at an endpoint; `None` if it is not limited.
    pub(crate) fn quota(&self, host: &str, action: &str, documented: Option<RateLimit>) -> Option<Arc<Quota>> {
        let limit = self.limit(action, documented)?;
        let key = Key { host: host.to_owned(), action: action.to_owned(), limit };
        // A panic elsewhere cannot leave the map half changed.
        let mut quotas = self.quotas.lock().unwrap_or_else(PoisonError::into_inner);
        Some(quotas.entry(key).or_insert_with(|| Arc::new(Quota::new(limit))).clone())
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle")
            .field("off", &self.settings.off)
            .field("for_all", &self.settings.for_all)
            .field("by_action", &self.settings.by_action)
            .finish_non_exhaustive()
    }
}
