//! Quotas that processes on many machines share through a Redis server.
//!
//! A script on the server (`reserve.lua`) applies the same rule as in one process, by the clock of the server. A call
//! reserves its place with one command and sleeps until the time of the place. The outcome of its request is reported
//! later, together with others (`report.lua`), and no call waits for the report. Each module uses only those before it:
//! `server`, `known`, `link`, `quota`.

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
/// - **Account.** The label names the Alibaba Cloud account, because the service counts per account: all RAM users and
///   roles of one main account share a quota, so all programs of the account must use the same label. It is part of the
///   keys in Redis, so it must not be an access key.
/// - **Order.** In a process, calls are served in the order in which they arrive. Each process reserves about 30 ms
///   worth of the quota (one place, for 10 requests per second), so the processes alternate, and little is wasted by a
///   pause or a process that ends.
/// - **Cost.** A place that is reserved before the responses of earlier requests counts as used until its time plus an
///   allowance for delays. The allowance follows the measured delays (between 30 ms and 250 ms, initially 40 ms), so a
///   busy fleet uses 96 % to 97 % of the quota on a fast network, and 96 % with slow responses, which allow no
///   measurement.
/// - **Others.** If the service throttles a request, all reserved places are moved behind a pause, in their order, and
///   all processes use a smaller share of the limit, which is learned as in a quota of the process, and is kept in Redis.
/// - **Commands.** One `EVALSHA` before a request is sent and at most one after it, which is sent 50 ms later together
///   with others. No commands are sent while a call waits. A subscription receives the new times of moved places.
/// - **Cluster.** The keys of a quota share a hash tag, so they are on the same node.
///
/// # Failures
/// | failure | effect |
/// |---|---|
/// | an error, or no response within 100 ms ([`timeout`](RedisQuotasBuilder::timeout)) | the [`FailurePolicy`] applies until Redis responds again, which is tried every 100 ms |
/// | the scripts are lost (restart, `SCRIPT FLUSH`) | they are loaded again at once |
/// | the data are lost (restart, `FLUSHALL`, eviction) | the first process that notices makes all processes wait for one window and reserve again; a process that used the quota for the first time cannot notice. Use `noeviction` or `volatile-*`; every key has a time to live |
/// | the clock of Redis steps back | all processes wait for one window |
/// | the clock steps forward | one burst of up to the limit is sent |
/// | a process ends with reserved places | the places stay unused |
/// | a process is suspended (`SIGSTOP`, a suspended machine) | a place that is late by more than half the allowance is dropped, and another one is reserved |
/// | a failover loses the latest writes | as many requests as there were lost writes can exceed the limit |
#[derive(Clone)]
pub struct RedisQuotas(Arc<Inner>);

/// Settings of [`RedisQuotas`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct RedisQuotasBuilder {
    /// Can contain a password.
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
    /// Creates a builder for the server at a URL, `redis://[user][:password@]host[:port][/database]`, or `rediss://…`
    /// for TLS (feature `redis-tls`), and for an account, which is named by any label.
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
    /// Sets the policy for calls while Redis is unreachable; default [`FailurePolicy::LocalShare`].
    pub fn on_failure(mut self, policy: FailurePolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets the time limit of a command, after which Redis counts as unreachable; default 100 ms. Connecting can take
    /// ten times as long.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the number of processes that share the quota, for processes that start while Redis is unreachable. Zero
    /// counts as one. By default it is unknown, and calls fail until Redis was reached once.
    pub fn expected_processes(mut self, processes: u32) -> Self {
        self.expected_processes = Some(processes.max(1));
        self
    }

    /// Builds the quotas. The first call connects; it must be in a tokio runtime.
    ///
    /// # Errors
    /// If the URL or the label is invalid. The message names the reason and never contains the password.
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
        // Without a documented limit, each process learns the limit itself.
        let Some(limit) = limit else { return LocalQuotas.open(key, limit) };
        let RedisQuotas(inner) = self;
        // The label names the account; a quota name set by the user divides it.
        let name = Some(&key.account).filter(|account| !account.starts_with("key:") && !account.is_empty());
        let parts = [Some(&inner.account), name, Some(&key.product), Some(&key.action), key.region.as_ref()];
        let name = parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(":");
        let known = Arc::new(Known::new(&name, limit));
        inner.link.register(&known);
        Arc::new(SharedQuota::new(inner.link.clone(), known, inner.policy, inner.expected_processes))
    }
}

/// Omits the URL, which can contain a password.
impl fmt::Debug for RedisQuotas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisQuotas")
            .field("account", &self.0.account)
            .field("policy", &self.0.policy)
            .finish_non_exhaustive()
    }
}
