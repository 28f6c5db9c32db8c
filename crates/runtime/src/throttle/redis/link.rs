//! The connection to Redis: commands with a timeout, whether it can be reached, and the tasks beside the calls: one tells what
//! became of requests, one listens to what other processes tell, and one tries a server that is away.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_core::Stream;
use redis::aio::{MultiplexedConnection, PubSubStream};
use redis::{AsyncConnectionConfig, Client, ErrorKind as Kind, RedisError, RedisResult, Script, ServerErrorKind};
use tokio::sync::{Mutex as AsyncMutex, Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::Inner;
use super::quota::{NOTICE, PROBE, Reserved, SharedQuota, Told};
use crate::error::{Error, ErrorKind};

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
    state: Mutex<State>,
    connecting: AsyncMutex<()>,
    tasks: Mutex<Tasks>,
    /// Wakes the callers when the server can be reached again, or cannot any more.
    changed: Notify,
}

#[derive(Default)]
struct State {
    connection: Option<MultiplexedConnection>,
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
            state: Mutex::default(),
            connecting: AsyncMutex::default(),
            tasks: Mutex::default(),
            changed: Notify::new(),
        })
    }

    pub(super) fn is_down(&self) -> bool {
        self.state().down.is_some()
    }

    /// Why the server is away, if it is.
    pub(super) fn reason(&self) -> Arc<str> {
        self.state().down.as_ref().map_or_else(|| "it is back".into(), |down| down.reason.clone())
    }

    /// What the error says of the settings, if the server refuses and no script ever ran: a server that worked before is away.
    pub(super) fn misconfigured(&self, error: &RedisError) -> Option<Arc<str>> {
        (!self.state().reached && is_refusal(error)).then(|| describe(error))
    }

    /// Ends when the server can be reached again, or cannot any more, after the future was made.
    pub(super) fn changed(&self) -> impl Future<Output = ()> + '_ {
        self.changed.notified()
    }

    /// Reserves a place; an error means that the server is away or refuses.
    pub(super) async fn reserve(&self, quota: &SharedQuota, max_wait: Duration) -> RedisResult<Reserved> {
        let mut again = true;
        loop {
            let outcome = self.try_reserve(quota, max_wait).await;
            match outcome {
                // A connection that was closed, or whose runtime is gone, tells nothing of the server.
                Err(error)
                    if again && !error.is_timeout() && (error.is_io_error() || error.is_unrecoverable_error()) =>
                {
                    again = false;
                    self.state().connection = None;
                }
                outcome => {
                    self.state().reached |= outcome.is_ok();
                    return outcome;
                }
            }
        }
    }

    async fn try_reserve(&self, quota: &SharedQuota, max_wait: Duration) -> RedisResult<Reserved> {
        let mut connection = self.connection().await?;
        let ((epoch, quiet, counted), limit) = (quota.ask(), quota.limit());
        let mut script = self.reserve.prepare_invoke();
        for key in quota.keys() {
            script.key(key);
        }
        script.arg(limit.requests()).arg(micros(limit.window())).arg(micros(max_wait)).arg(&self.process);
        script.arg(epoch).arg(micros(quiet)).arg(micros(NOTICE)).arg(u8::from(counted)).arg(micros(PROBE));
        script.arg(&self.channel);
        script.invoke_async::<Reserved>(&mut connection).await
    }

    async fn connection(&self) -> RedisResult<MultiplexedConnection> {
        if let Some(connection) = self.state().connection.clone() {
            return Ok(connection);
        }
        // One connects, the others wait for it.
        let _turn = self.connecting.lock().await;
        if let Some(connection) = self.state().connection.clone() {
            return Ok(connection);
        }
        let connection = self.connect().await?;
        self.state().connection = Some(connection.clone());
        Ok(connection)
    }

    async fn connect(&self) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.timeout * 10))
            .set_response_timeout(Some(self.timeout));
        self.client.get_multiplexed_async_connection_with_config(&config).await
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere cannot leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tasks(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells what became of a request, without waiting.
    pub(super) fn tell(&self, told: Told) {
        if let Some(sender) = &self.tasks().told {
            // If the task is gone, its runtime is; the place is over by itself.
            let _ = sender.send(told);
        }
    }
}

impl Inner {
    /// Starts the tasks, the first time and when the runtime that they were in is gone.
    pub(super) fn start_tasks(self: &Arc<Self>) {
        let gone = |task: &Option<JoinHandle<()>>| task.as_ref().is_none_or(JoinHandle::is_finished);
        let mut tasks = self.link.tasks();
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
            let mut state = self.link.state();
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
    fn recover(&self, connection: MultiplexedConnection) {
        // The quotas first: a caller that sees the server up must see what they have to report to it.
        let down_for = self.link.state().down.as_ref().map_or(Duration::ZERO, |down| down.since.elapsed());
        for quota in self.quotas() {
            quota.recover(down_for);
        }
        {
            let mut state = self.link.state();
            state.connection = Some(connection);
            state.down = None;
            state.reached = true;
        }
        self.link.changed.notify_waiters();
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let tasks = self.tasks();
        for task in [&tasks.telling, &tasks.listening, &tasks.trying].into_iter().flatten() {
            task.abort();
        }
    }
}

/// Tries until the server answers.
async fn try_again(inner: Weak<Inner>) {
    loop {
        let Some(inner) = inner.upgrade() else { return };
        // It may have been slow only once.
        let kept = inner.link.state().connection.take();
        let connection = match kept {
            Some(connection) => Ok(connection),
            None => inner.link.connect().await,
        };
        // Healthy is a server on which the scripts run, not one that answers `PING`.
        let outcome = match (connection, inner.quotas().first()) {
            (Ok(mut connection), Some(quota)) => {
                let report = report(&inner, &mut connection, quota, "", &[]).await;
                report.map(|()| connection)
            }
            (outcome, _) => outcome,
        };
        match outcome {
            Ok(connection) => return inner.recover(connection),
            Err(error) => {
                if let Some(down) = &mut inner.link.state().down {
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
            let (together, others) =
                gathered.into_iter().partition(|told| Arc::ptr_eq(&told.quota, &quota) && told.epoch == epoch);
            gathered = others;
            let together: Vec<Told> = together;
            if inner.link.is_down() {
                continue;
            }
            let outcome = match inner.link.connection().await {
                Ok(mut connection) => report(&inner, &mut connection, &quota, &epoch, &together).await,
                Err(error) => Err(error),
            };
            if let Err(error) = outcome {
                // The next reservation shows whether the server is away. What was not told counts as not answered.
                if error.is_timeout() {
                    inner.fail(&error);
                } else {
                    inner.link.state().connection = None;
                }
            }
        }
    }
}

async fn report(
    inner: &Inner,
    connection: &mut MultiplexedConnection,
    quota: &SharedQuota,
    epoch: &str,
    told: &[Told],
) -> RedisResult<()> {
    let mut script = inner.link.report.prepare_invoke();
    let [log, state, _] = quota.keys();
    script.key(log).key(state).arg(epoch).arg(&inner.link.channel);
    for told in told {
        script.arg(told.number).arg(told.what).arg(micros(told.when.elapsed())).arg(told.figure);
    }
    script.invoke_async::<i64>(connection).await.map(drop)
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
    match error.kind() {
        Kind::Io
        | Kind::ClusterConnectionNotFound
        | Kind::Server(
            ServerErrorKind::BusyLoading
            | ServerErrorKind::TryAgain
            | ServerErrorKind::ClusterDown
            | ServerErrorKind::MasterDown
            | ServerErrorKind::NoScript,
        ) => false,
        _ => !matches!(error.code(), Some("BUSY" | "LOADING" | "MASTERDOWN" | "NOREPLICAS")),
    }
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
