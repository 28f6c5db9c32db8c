//! A quota for a fleet: processes on many machines share it through a Redis server.
//!
//! The rule is the same as in one process, as a script on the server (`reserve.lua`), by the server's clock. A call reserves its
//! place with one command and sleeps until its time has come; what became of its request is told later, together with others
//! (`report.lua`), and no call waits for that. Each module uses only those before it: `server`, `known`, `link`, `quota`.

mod known;
mod link;
mod quota;
mod server;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use known::Known;
use link::Link;
pub use quota::FailurePolicy;
use quota::SharedQuota;
use server::Server;

use super::limit::RateLimit;
use super::local::LocalQuotas;
use super::store::{Quota, QuotaKey, QuotaStore, account_name};
use crate::credentials::Secret;
use crate::error::{Error, ErrorKind};

/// Quotas that all processes of an account share through a Redis server (5 or later) or Valkey.
///
/// ```no_run
/// use alibabacloud_runtime::Throttle;
/// use alibabacloud_runtime::throttle::RedisQuotas;
///
/// # fn example() -> Result<(), alibabacloud_runtime::Error> {
/// let shared = RedisQuotas::builder("redis://quota.internal:6379", "main-account").expected_processes(4).build()?;
/// let throttle = Throttle::new().with_store(shared);
/// # Ok(())
/// # }
/// ```
///
/// # How it keeps the limit
/// - **Account.** The label names the Alibaba Cloud account, since the service counts per account: all RAM users and roles of one
///   main account share one quota, so all its programs use one label. It is part of the keys in Redis; a key ID is refused.
/// - **Order.** In a process, callers come first come, first served. Each process holds about 30 ms worth of the quota reserved (one
///   place of ten a second), so places go round the processes one by one, and a pause, or a process that dies, wastes little.
/// - **Price.** A place that is reserved before the requests ahead of it are answered counts as used until its time plus an allowance for
///   lateness. The allowance follows what answers tell (from 40 ms down to 30 ms, up to 250 ms), so a busy fleet uses 96 % to 97 % of the
///   quota on a quick network; with slow answers, which tell nothing, 96 %.
/// - **Commands.** One `EVALSHA` before a request is sent and at most one after it, told 50 ms later together with others. None
///   while a call waits. A subscription tells of pauses.
/// - **Cluster.** The keys of one quota share a hash tag, so they lie on one node.
///
/// # When things go wrong
/// | what | then |
/// |---|---|
/// | an error, or no answer within 100 ms ([`timeout`](RedisQuotasBuilder::timeout)) | the [`FailurePolicy`] holds until Redis answers again, looked at every 100 ms |
/// | scripts gone (restart, `SCRIPT FLUSH`) | loaded again at once |
/// | data gone (restart, `FLUSHALL`, eviction) | the first process that notices holds everyone for one window, and tells the others to reserve again; one that was never there before cannot notice. Use `noeviction` or `volatile-*`; every key has a time to live |
/// | the clock of Redis steps back | everyone is held for one window |
/// | it steps forward | one burst of up to the limit is let through |
/// | a process dies with places reserved | they pass unused |
/// | a process stops and goes on (`SIGSTOP`, a suspended machine) | a place whose time is over by more than half the allowance is dropped, and another one reserved |
/// | a failover loses the latest writes | as many requests as were lost may go twice |
#[derive(Clone)]
pub struct RedisQuotas(Arc<Inner>);

/// Settings of [`RedisQuotas`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct RedisQuotasBuilder {
    /// It may hold a password.
    url: Secret,
    account: String,
    policy: FailurePolicy,
    timeout: Duration,
    expected_processes: Option<u32>,
}

struct Inner {
    account: String,
    policy: FailurePolicy,
    expected_processes: Option<u32>,
    link: Arc<Link>,
}

impl RedisQuotas {
    /// Settings for the server at a URL, `redis://[user][:password@]host[:port][/database]`, or `rediss://…` for TLS (feature
    /// `redis-tls`), and for an account by a label of your own.
    pub fn builder(url: impl Into<String>, account: impl Into<String>) -> RedisQuotasBuilder {
        RedisQuotasBuilder {
            url: Secret::new(url.into()),
            account: account.into(),
            policy: FailurePolicy::default(),
            timeout: Duration::from_millis(100),
            expected_processes: None,
        }
    }
}

impl RedisQuotasBuilder {
    /// What callers get while Redis cannot be reached; by default [`FailurePolicy::LocalShare`].
    pub fn on_failure(mut self, policy: FailurePolicy) -> Self {
        self.policy = policy;
        self
    }

    /// How long a command may take before Redis counts as not reachable; by default 100 ms. Connecting may take ten times as long.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How many processes share the quota, for a start while Redis cannot be reached. Zero counts as one. By default it is not
    /// known, and calls fail until Redis was reached once.
    pub fn expected_processes(mut self, processes: u32) -> Self {
        self.expected_processes = Some(processes.max(1));
        self
    }

    /// The quotas. Nothing is connected before the first call, which must be in a tokio runtime.
    ///
    /// # Errors
    /// If the URL or the label cannot be used; the message says why, and never holds the password.
    pub fn build(self) -> Result<RedisQuotas, Error> {
        let invalid = |message: &str| Error::new(ErrorKind::Configuration, message);
        let account = account_name(self.account).map_err(invalid)?;
        if self.timeout.is_zero() {
            return Err(invalid("the timeout of the shared quota must be longer than nothing"));
        }
        let server = Server::new(self.url.expose(), &account, self.timeout)?;
        Ok(RedisQuotas(Arc::new(Inner {
            account,
            policy: self.policy,
            expected_processes: self.expected_processes,
            link: Arc::new(Link::new(server)),
        })))
    }
}

impl QuotaStore for RedisQuotas {
    fn open(&self, key: &QuotaKey, limit: Option<RateLimit>) -> Arc<dyn Quota> {
        // Each process learns for itself where no limit is documented.
        let Some(limit) = limit else { return LocalQuotas.open(key, limit) };
        let RedisQuotas(inner) = self;
        // The label names the account; a name that the user gave divides it.
        let name = Some(&key.account).filter(|account| !account.starts_with("key:") && !account.is_empty());
        let parts = [Some(&inner.account), name, Some(&key.product), Some(&key.action), key.region.as_ref()];
        let name = parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(":");
        let known = Arc::new(Known::new(&name, limit));
        inner.link.register(&known);
        Arc::new(SharedQuota::new(inner.link.clone(), known, inner.policy, inner.expected_processes))
    }
}

/// Without the URL, which may hold a password.
impl fmt::Debug for RedisQuotas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisQuotas")
            .field("account", &self.0.account)
            .field("policy", &self.0.policy)
            .finish_non_exhaustive()
    }
}
