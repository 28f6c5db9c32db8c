//! The settings of a simulator.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime};
use std::{fmt, io};

use alibabacloud_runtime::RateLimit;
use alibabacloud_runtime::descriptor::ProductDescriptor;

use crate::example::Example;
use crate::gateway::{Actions, Clock, Gateway, Key, Known, State};
use crate::log::{Counts, Log};
use crate::nonces::Nonces;
use crate::quota::{QuotaPolicy, Quotas};
use crate::server::Simulator;

/// The settings of a simulator, created by [`Simulator::builder`]. [`Builder::start`] starts a server,
/// [`Builder::gateway`] builds a gateway without sockets.
///
/// `Debug` shows no key.
#[must_use = "nothing runs before `start`"]
pub struct Builder {
    products: Vec<&'static ProductDescriptor>,
    keys: Vec<(String, Key)>,
    accounts: Vec<(String, String)>,
    policy: QuotaPolicy,
    limits: HashMap<String, Option<RateLimit>>,
    limit_all: Option<RateLimit>,
    throttled: ThrottledAnswer,
    clock: Clock,
    listen: String,
    keep: usize,
}

impl Builder {
    pub(crate) fn new(products: &[&'static ProductDescriptor]) -> Self {
        Self {
            products: products.to_vec(),
            keys: Vec::new(),
            accounts: Vec::new(),
            policy: QuotaPolicy::default(),
            limits: HashMap::new(),
            limit_all: None,
            throttled: ThrottledAnswer::default(),
            clock: Arc::new(SystemTime::now),
            listen: "127.0.0.1:0".to_owned(),
            keep: 10_000,
        }
    }

    /// Adds a permanent access key, replacing one with the same ID. Without any key, the simulator accepts only
    /// `testid` with the secret `testsecret`.
    pub fn key(self, id: impl Into<String>, secret: impl Into<String>) -> Self {
        self.add_key(id.into(), secret.into(), None)
    }

    /// Adds a temporary access key (STS): requests must also have this security token.
    pub fn sts_key(self, id: impl Into<String>, secret: impl Into<String>, token: impl Into<String>) -> Self {
        self.add_key(id.into(), secret.into(), Some(token.into()))
    }

    fn add_key(mut self, id: String, secret: String, token: Option<String>) -> Self {
        let account = id.clone();
        self.keys.push((id, Key { secret, token, account }));
        self
    }

    /// Assigns a key to an account: quotas are counted per account and action. By default every key is a separate
    /// account.
    pub fn account(mut self, key_id: impl Into<String>, account: impl Into<String>) -> Self {
        self.accounts.push((key_id.into(), account.into()));
        self
    }

    /// Sets how requests are counted against the limits. Default: [`QuotaPolicy::ExactWindow`].
    pub fn quota(mut self, policy: QuotaPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets the limit of one action, which overrides its descriptor and [`Builder::limit_all`].
    pub fn limit(mut self, action: impl Into<String>, limit: RateLimit) -> Self {
        self.limits.insert(action.into(), Some(limit));
        self
    }

    /// Removes the limit of one action, which overrides its descriptor and [`Builder::limit_all`].
    pub fn no_limit(mut self, action: impl Into<String>) -> Self {
        self.limits.insert(action.into(), None);
        self
    }

    /// Sets the limit of every action without a [`Builder::limit`] or [`Builder::no_limit`], which overrides the
    /// descriptors. It is counted per action.
    pub fn limit_all(mut self, limit: RateLimit) -> Self {
        self.limit_all = Some(limit);
        self
    }

    /// Sets the response to a request over the limit.
    pub fn throttled(mut self, answer: ThrottledAnswer) -> Self {
        self.throttled = answer;
        self
    }

    /// Sets the wall clock, for timestamps and the `Date` header. Default: the clock of this machine. Tokio's paused
    /// clock does not affect it; a test that needs both derives it from `tokio::time::Instant`.
    pub fn clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Sets a wall clock that is ahead of this machine's clock.
    pub fn clock_ahead(self, offset: Duration) -> Self {
        self.clock(move || {
            let now = SystemTime::now();
            now.checked_add(offset).unwrap_or(now)
        })
    }

    /// Sets a wall clock that is behind this machine's clock.
    pub fn clock_behind(self, offset: Duration) -> Self {
        self.clock(move || {
            let now = SystemTime::now();
            now.checked_sub(offset).unwrap_or(now)
        })
    }

    /// Sets the loopback address and port to listen on, e.g. `127.0.0.1:8080`, `[::1]:0` or `localhost:0` (which means
    /// 127.0.0.1). Port 0 selects a free port. Default: `127.0.0.1:0`.
    pub fn listen(mut self, address: impl Into<String>) -> Self {
        self.listen = address.into();
        self
    }

    /// Sets how many received requests the log keeps. Default: 10 000; 0 disables it. The log takes at most about 64
    /// MiB. The counts are not affected.
    pub fn keep(mut self, requests: usize) -> Self {
        self.keep = requests;
        self
    }

    /// Builds the gateway alone, without sockets.
    ///
    /// # Errors
    /// [`StartError::UnknownAction`] and [`StartError::UnknownKey`].
    pub fn gateway(self) -> Result<Gateway, StartError> {
        let mut keys: HashMap<String, Key> = self.keys.into_iter().collect();
        if keys.is_empty() {
            let (id, secret) = ("testid".to_owned(), "testsecret".to_owned());
            keys.insert(id.clone(), Key { secret, token: None, account: id });
        }
        for (id, account) in self.accounts {
            keys.get_mut(&id).ok_or(StartError::UnknownKey)?.account = account;
        }
        let limit_of = |action: &str, documented: Option<RateLimit>| match self.limits.get(action) {
            Some(limit) => *limit,
            None => self.limit_all.or(documented),
        };
        let known = |product: &'static ProductDescriptor| product.actions.iter().map(move |action| (product, *action));
        let actions: Vec<Known> = self
            .products
            .iter()
            .flat_map(|product| known(product))
            .map(|(product, action)| Known {
                product,
                action,
                limit: limit_of(action.name, action.rate_limit),
                example: match action.success_codes.unwrap_or(product.success_codes).first().copied() {
                    // The response is a list, text, or empty, and a JSON object would not fit.
                    None if action.example.is_empty() && !action.path.is_empty() => Example::nothing(),
                    code => Example::new(action.example, code),
                },
            })
            .collect();
        let exists = |name: &&String| actions.iter().any(|known| known.action.name == **name);
        if let Some(name) = self.limits.keys().find(|name| !exists(name)) {
            return Err(StartError::UnknownAction(name.clone()));
        }
        Ok(Gateway {
            actions: Actions::new(actions),
            keys,
            throttled: self.throttled,
            clock: self.clock,
            received: AtomicU64::new(0),
            state: Mutex::new(State {
                quotas: Quotas::new(self.policy),
                nonces: Nonces::default(),
                log: Log::new(self.keep),
                counts: Counts::default(),
                scripts: HashMap::new(),
                progress: HashMap::new(),
            }),
        })
    }

    /// Starts to listen and serves until the [`Simulator`] is stopped or dropped. Needs a tokio runtime with I/O and
    /// time enabled.
    ///
    /// # Errors
    /// [`StartError`]: the address is invalid, not loopback or in use; a limit for an unknown action, or an account for an unknown key.
    pub async fn start(self) -> Result<Simulator, StartError> {
        let address = loopback(&self.listen)?;
        Simulator::listen(self.gateway()?, address).await
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let products: Vec<&str> = self.products.iter().map(|product| product.code).collect();
        f.debug_struct("Builder")
            .field("products", &products)
            .field("keys", &self.keys.len())
            .field("policy", &self.policy)
            .field("limits", &self.limits)
            .field("limit_all", &self.limit_all)
            .field("throttled", &self.throttled)
            .field("listen", &self.listen)
            .field("keep", &self.keep)
            .finish_non_exhaustive()
    }
}

/// Parses an address. Names are not resolved, because they might not be loopback.
fn loopback(text: &str) -> Result<SocketAddr, StartError> {
    let numeric = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.to_owned(),
    };
    let address: SocketAddr = numeric.parse().map_err(|_| StartError::InvalidAddress(text.to_owned()))?;
    if address.ip().is_loopback() { Ok(address) } else { Err(StartError::NotLoopback(address)) }
}

/// The response to a request over the limit. Default: the descriptor's `System.LimitControl` if the action or the
/// product documents it, else HTTP 400 with `Throttling.User`, without `x-acs-retry-after`.
///
/// ```
/// use alibabacloud_simulator::{RetryAfter, ThrottledAnswer};
///
/// let answer = ThrottledAnswer { status: Some(429), retry_after: RetryAfter::UntilFree, ..Default::default() };
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ThrottledAnswer {
    /// The HTTP status; `None` for the default.
    pub status: Option<u16>,
    /// The code; `None` for the default.
    pub code: Option<String>,
    /// The message; `None` for the default.
    pub message: Option<String>,
    /// The header `x-acs-retry-after`.
    pub retry_after: RetryAfter,
}

/// The header `x-acs-retry-after` of a response to a throttled request, in milliseconds on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum RetryAfter {
    /// No header: the default, as in older gateways.
    #[default]
    Absent,
    /// A fixed time, rounded up to whole milliseconds.
    Fixed(Duration),
    /// The time until a request would be accepted if no other arrived, rounded up to whole milliseconds.
    UntilFree,
}

/// The reason why a simulator cannot start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The address is not an IP address (or `localhost`) with a port.
    InvalidAddress(String),
    /// The address is not loopback. A simulator accepts well-known keys, so it must not be reachable from other
    /// machines.
    NotLoopback(SocketAddr),
    /// A limit was set for an action that no product has.
    UnknownAction(String),
    /// An account was assigned to an unknown key.
    UnknownKey,
    /// The system cannot listen on the address, e.g. because the port is in use.
    Listen(SocketAddr, io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidAddress(text) => {
                write!(f, "{text:?} is not an address to listen on; use one like 127.0.0.1:8080 or [::1]:0")
            }
            Self::NotLoopback(address) => write!(f, "{address} is not a loopback address; use 127.0.0.1 or [::1]"),
            Self::UnknownAction(name) => write!(
                f,
                "a limit is set for the action {name:?}, which no product of this simulator has; check the spelling"
            ),
            Self::UnknownKey => {
                f.write_str("an account is set for an unknown access key; add the key with `key` or `sts_key`")
            }
            Self::Listen(address, source) => write!(f, "cannot listen on {address}: {source}"),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Listen(_, source) => Some(source),
            _ => None,
        }
    }
}
