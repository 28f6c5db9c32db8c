//! The connection to Redis: commands with a timeout, whether it can be reached, and the tasks beside the calls: one tells what
//! became of requests, one listens to what other processes tell, and one tries a server that is away.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use futures_core::Stream;
use redis::aio::{MultiplexedConnection, PubSubStream};
use redis::{AsyncConnectionConfig, Client, ErrorKind as Kind, RedisError, RedisResult, Script};
use tokio::sync::{Mutex as AsyncMutex, Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::Inner;
use super::quota::{NOTICE, Reserved, SharedQuota, Told};
use crate::error::{Error, ErrorKind};
use crate::lock::lock;
use crate::throttle::share::AHEAD;

/// How often a server that could not be reached is tried again.
const TRY_AGAIN: Duration = Duration::from_millis(100);

/// How long what became of requests is gathered before it is told.
const GATHER: Duration = Duration::from_millis(50);

pub(super) struct Link {
    client: Client,
    timeout: Duration,
    /// The name of this process among those that share the quotas.
    process: String,
    /// Where all processes of the account tell one another of pauses and of lost data.
    channel: String,
    reserve: Script,
    report: Script,
    /// While one caller connects, the others wait for it.
    connection: AsyncMutex<Option<MultiplexedConnection>>,
    state: Mutex<State>,
    tasks: Mutex<Tasks>,
    /// Wakes the callers when the server can be reached again, or cannot any more.
    pub(super) changed: Notify,
}

#[derive(Default)]
struct State {
    down: Option<Down>,
    /// Whether a script ever ran.
    reached: bool,
}

/// The server is away.
struct Down {
    since: Instant,
    reason: Arc<str>,
}

#[derive(Default)]
struct Tasks {
    told: Option<mpsc::UnboundedSender<Told>>,
    telling: Option<JoinHandle<()>>,
    listening: Option<JoinHandle<()>>,
    trying: Option<JoinHandle<()>>,
}

impl Link {
    pub(super) fn new(url: &str, account: &str, timeout: Duration) -> Result<Self, Error> {
        #[cfg(feature = "redis-tls")]
        crate::crypto::install();
        // The client's own message may quote the URL, and with it a password.
        let client = Client::open(url).map_err(|_| {
            let message = if cfg!(not(feature = "redis-tls")) && url.starts_with("rediss:") {
                "a `rediss://` URL needs the feature `redis-tls`"
            } else {
                "the URL of the shared quota must be of the form `redis://[user][:password@]host[:port][/database]`"
            };
            Error::new(ErrorKind::Configuration, message)
        })?;
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| {
            Error::new(ErrorKind::Configuration, "the system gives no random numbers").with_source(error)
        })?;
        Ok(Self {
            client,
            timeout,
            process: format!("{:016x}", u64::from_ne_bytes(random)),
            channel: format!("alibabacloud-quota:{account}:messages"),
            reserve: Script::new(include_str!("reserve.lua")),
            report: Script::new(include_str!("report.lua")),
            connection: AsyncMutex::default(),
            state: Mutex::default(),
            tasks: Mutex::default(),
            changed: Notify::new(),
        })
    }

    pub(super) fn is_down(&self) -> bool {
        lock(&self.state).down.is_some()
    }

    /// Why the server is away, if it is.
    pub(super) fn reason(&self) -> Arc<str> {
        lock(&self.state).down.as_ref().map_or_else(|| "it is back".into(), |down| down.reason.clone())
    }

    /// What the error says of the settings, if the server refuses and no script ever ran: a server that worked before is away.
    pub(super) fn misconfigured(&self, error: &RedisError) -> Option<Arc<str>> {
        (!lock(&self.state).reached && is_refusal(error)).then(|| describe(error))
    }

    /// Reserves a place; an error means that the server is away or refuses.
    pub(super) async fn reserve(&self, quota: &SharedQuota, max_wait: Duration) -> RedisResult<Reserved> {
        let mut outcome = self.try_reserve(quota, max_wait).await;
        // A connection that was closed, or whose runtime is gone, tells nothing of the server.
        if let Err(error) = &outcome
            && !error.is_timeout()
            && (error.is_io_error() || error.is_unrecoverable_error())
        {
            self.disconnect().await;
            outcome = self.try_reserve(quota, max_wait).await;
        }
        lock(&self.state).reached |= outcome.is_ok();
        outcome
    }

    async fn try_reserve(&self, quota: &SharedQuota, max_wait: Duration) -> RedisResult<Reserved> {
        let mut connection = self.connection().await?;
        let ((epoch, quiet, counted), limit) = (quota.ask(), quota.limit());
        let mut script = self.reserve.prepare_invoke();
        for key in quota.keys() {
            script.key(key);
        }
        script.arg(limit.requests()).arg(micros(limit.window())).arg(micros(max_wait)).arg(&self.process);
        script.arg(epoch).arg(micros(quiet)).arg(micros(NOTICE)).arg(u8::from(counted)).arg(micros(AHEAD));
        script.arg(&self.channel);
        script.invoke_async::<Reserved>(&mut connection).await
    }

    async fn connection(&self) -> RedisResult<MultiplexedConnection> {
        let mut kept = self.connection.lock().await;
        if let Some(connection) = &*kept {
            return Ok(connection.clone());
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.timeout * 10))
            .set_response_timeout(Some(self.timeout));
        let connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        Ok(kept.insert(connection).clone())
    }

    /// The next command connects anew.
    async fn disconnect(&self) {
        *self.connection.lock().await = None;
    }

    /// Tells what became of a request, without waiting.
    pub(super) fn tell(&self, told: Told) {
        if let Some(sender) = &lock(&self.tasks).told {
            // If the task is gone, its runtime is; the place is over by itself.
            let _ = sender.send(told);
        }
    }
}

impl Inner {
    /// Starts the tasks, the first time and when the runtime that they were in is gone.
    pub(super) fn start_tasks(self: &Arc<Self>) {
        let gone = |task: &Option<JoinHandle<()>>| task.as_ref().is_none_or(JoinHandle::is_finished);
        let mut tasks = lock(&self.link.tasks);
        if gone(&tasks.telling) {
            let (sender, receiver) = mpsc::unbounded_channel();
            tasks.told = Some(sender);
            tasks.telling = Some(tokio::spawn(tell(Arc::downgrade(self), receiver)));
        }
        if gone(&tasks.listening) {
            tasks.listening = Some(tokio::spawn(listen(Arc::downgrade(self))));
        }
        if self.link.is_down() && gone(&tasks.trying) {
            tasks.trying = Some(tokio::spawn(try_again(Arc::downgrade(self))));
        }
    }

    /// The server cannot be reached: the policy for that holds until it can.
    pub(super) fn fail(self: &Arc<Self>, error: &RedisError) {
        {
            let mut state = lock(&self.link.state);
            if state.down.is_some() {
                return;
            }
            state.down = Some(Down { since: Instant::now(), reason: describe(error) });
        }
        for quota in self.quotas() {
            quota.fall_back();
        }
        self.link.changed.notify_waiters();
        self.start_tasks();
    }

    /// The server answers again.
    fn recover(&self) {
        // The quotas first: a caller that sees the server up must see what they have to report to it.
        let down_for = lock(&self.link.state).down.as_ref().map_or(Duration::ZERO, |down| down.since.elapsed());
        for quota in self.quotas() {
            quota.recover(down_for);
        }
        {
            let mut state = lock(&self.link.state);
            state.down = None;
            state.reached = true;
        }
        self.link.changed.notify_waiters();
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let tasks = lock(&self.tasks);
        for task in [&tasks.telling, &tasks.listening, &tasks.trying].into_iter().flatten() {
            task.abort();
        }
    }
}

/// Tries until the server answers.
async fn try_again(inner: Weak<Inner>) {
    loop {
        let Some(inner) = inner.upgrade() else { return };
        // Healthy is a server on which the scripts run, not one that answers `PING`.
        let outcome = match inner.quotas().first() {
            Some(quota) => report(&inner, quota, "", &[]).await,
            None => inner.link.connection().await.map(drop),
        };
        match outcome {
            Ok(()) => return inner.recover(),
            Err(error) => {
                // The connection may have been slow only once, but not twice.
                inner.link.disconnect().await;
                if let Some(down) = &mut lock(&inner.link.state).down {
                    down.reason = describe(&error);
                }
            }
        }
        drop(inner);
        sleep(TRY_AGAIN).await;
    }
}

/// Tells what became of requests, as it comes, gathered.
async fn tell(inner: Weak<Inner>, mut receiver: mpsc::UnboundedReceiver<Told>) {
    while let Some(first) = receiver.recv().await {
        let mut gathered = vec![first];
        let gather = async {
            // A pause must reach everyone now.
            while gathered.last().is_none_or(|told| told.what != "t")
                && let Some(next) = receiver.recv().await
            {
                gathered.push(next);
            }
        };
        // Either is a reason to go on.
        let _ = timeout(GATHER, gather).await;
        let Some(inner) = inner.upgrade() else { return };
        // One command for each quota and epoch.
        while let Some(first) = gathered.first() {
            let (quota, epoch) = (first.quota.clone(), first.epoch.clone());
            let (together, others): (Vec<_>, Vec<_>) =
                gathered.into_iter().partition(|told| Arc::ptr_eq(&told.quota, &quota) && told.epoch == epoch);
            gathered = others;
            if inner.link.is_down() {
                continue;
            }
            if let Err(error) = report(&inner, &quota, &epoch, &together).await {
                // The next reservation shows whether the server is away. What was not told counts as not answered.
                if error.is_timeout() {
                    inner.fail(&error);
                } else {
                    inner.link.disconnect().await;
                }
            }
        }
    }
}

async fn report(inner: &Inner, quota: &SharedQuota, epoch: &str, told: &[Told]) -> RedisResult<()> {
    let mut connection = inner.link.connection().await?;
    let mut script = inner.link.report.prepare_invoke();
    let [log, state, _] = quota.keys();
    script.key(log).key(state).arg(epoch).arg(&inner.link.channel);
    for told in told {
        script.arg(told.number).arg(told.what).arg(micros(told.when.elapsed())).arg(told.figure);
    }
    script.invoke_async::<i64>(&mut connection).await.map(drop)
}

/// Listens for what other processes tell, over a connection of its own.
async fn listen(inner: Weak<Inner>) {
    loop {
        let Some(strong) = inner.upgrade() else { return };
        let subscribed = timeout(strong.link.timeout * 10, subscribe(&strong)).await;
        drop(strong);
        if let Ok(Ok(mut messages)) = subscribed {
            while let Some(message) = poll_fn(|context| Pin::new(&mut messages).poll_next(context)).await {
                let Some(inner) = inner.upgrade() else { return };
                let Ok(text) = message.get_payload::<String>() else { continue };
                let mut words = text.split(' ');
                let (Some(log), Some(what), Some(value)) = (words.next(), words.next(), words.next()) else { continue };
                for quota in inner.quotas().into_iter().filter(|quota| quota.keys()[0] == log) {
                    match (what, value.parse()) {
                        ("pause", Ok(pause)) => quota.pause(Duration::from_micros(pause)),
                        ("lost", _) => quota.lost(value),
                        _ => {}
                    }
                }
            }
            // The server went away, and with it maybe what it knew.
            let Some(inner) = inner.upgrade() else { return };
            for quota in inner.quotas() {
                quota.lost("");
            }
        }
        sleep(TRY_AGAIN).await;
    }
}

async fn subscribe(inner: &Inner) -> RedisResult<PubSubStream> {
    let mut subscription = inner.link.client.get_async_pubsub().await?;
    subscription.subscribe(&inner.link.channel).await?;
    Ok(subscription.into_on_message())
}

/// Whether the server refuses the command as it is, so that a setting is wrong, rather than being away or busy.
fn is_refusal(error: &RedisError) -> bool {
    let busy = ["BUSY", "LOADING", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "NOREPLICAS", "NOSCRIPT"];
    !matches!(error.kind(), Kind::Io | Kind::ClusterConnectionNotFound)
        && !error.code().is_some_and(|code| busy.contains(&code))
}

const PERMISSIONS: &str = "give its user the permission for `EVALSHA`, `SCRIPT LOAD`, `SUBSCRIBE`, the commands of the scripts, and \
                           the keys and channels `alibabacloud-quota:*`";

/// The error in a line that quotes no setting.
fn describe(error: &RedisError) -> Arc<str> {
    let text = error.to_string();
    let advice = match (error.kind(), error.code()) {
        _ if text.contains("executing the script can't run") => PERMISSIONS,
        (Kind::AuthenticationFailed, _) | (_, Some("WRONGPASS" | "NOAUTH")) => "check the user and password in its URL",
        (_, Some("NOPERM")) => PERMISSIONS,
        (_, Some("READONLY")) => "it is a read-only replica: use the address of its primary",
        (_, Some("OOM")) => "it is out of memory: raise `maxmemory`, or evict `volatile-*` keys",
        (_, Some("WRONGTYPE")) => "another program uses keys of the quota: delete `alibabacloud-quota:*`",
        (Kind::Io, _) => "see that the server is up and its address is right",
        _ => "see that it is a Redis server of version 5 or later",
    };
    let text: String = text.chars().filter(|c| !c.is_control()).take(300).collect();
    format!("{text} ({advice})").into()
}

/// Whole microseconds; centuries are as good as for ever.
pub(super) fn micros(duration: Duration) -> u64 {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
    u64::try_from(duration.min(CENTURY).as_micros()).unwrap_or(u64::MAX)
}
