//! The Redis server: its scripts, the connection with a timeout for each command, and the meaning of its errors.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::{MultiplexedConnection, PubSubStream};
use redis::{AsyncConnectionConfig, Client, ErrorKind as Kind, RedisError, RedisResult, Script};
use tokio::sync::Mutex as AsyncMutex;

use crate::error::{Error, ErrorKind};
use crate::throttle::limit::RateLimit;
use crate::throttle::share::{AHEAD, DOWN, FEW, FIRST_STEP, FRESH_PLATEAU, MANY, PLATEAU, STEP, UP};

/// The time until all processes have noticed that data were lost, or that the server is reachable again.
pub(super) const NOTICE: Duration = Duration::from_millis(250);

pub(super) struct Server {
    client: Client,
    pub(super) timeout: Duration,
    /// The name of this process among those that share the quotas.
    process: String,
    /// The channel on which the scripts publish moved places and losses of data.
    channel: String,
    reserve: Script,
    report: Script,
    /// While one call connects, the others wait for it.
    connection: AsyncMutex<Option<MultiplexedConnection>>,
}

/// The arguments of a reservation.
pub(super) struct Asked {
    pub(super) limit: RateLimit,
    pub(super) max_wait: Duration,
    /// The known epoch.
    pub(super) epoch: String,
    /// How long requests count that only this process knows.
    pub(super) quiet: Duration,
    /// Whether the server counts this process.
    pub(super) counted: bool,
}

/// The reply of `reserve.lua`: whether a place is reserved, the wait (µs), the number of the reservation, the epoch,
/// the allowance (µs), the number of processes and the rank, which are 0 unless they were requested, and the requests of
/// the limit that may be used.
pub(super) type Reserved = (bool, u64, u64, String, u64, u32, u32, u32);

/// The outcome of a reservation, in the terms of the script.
pub(super) struct Became {
    pub(super) number: u64,
    pub(super) what: &'static str,
    pub(super) ago: Duration,
    pub(super) figure: i64,
}

impl Server {
    pub(super) fn new(url: &str, account: &str, timeout: Duration) -> Result<Self, Error> {
        #[cfg(feature = "redis-tls")]
        crate::crypto::install();
        // The message of the client can quote the URL with the password.
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
            reserve: script(include_str!("reserve.lua")),
            report: script(include_str!("report.lua")),
            connection: AsyncMutex::default(),
        })
    }

    /// Reserves a place; an error means that the server is unreachable or rejects the command.
    pub(super) async fn reserve(&self, keys: [&str; 3], asked: &Asked) -> RedisResult<Reserved> {
        let outcome = self.try_reserve(keys, asked).await;
        // A closed connection, or one whose runtime has ended, does not mean that the server is unreachable.
        match &outcome {
            Err(error) if !error.is_timeout() && (error.is_io_error() || error.is_unrecoverable_error()) => {
                self.disconnect().await;
                self.try_reserve(keys, asked).await
            }
            _ => outcome,
        }
    }

    async fn try_reserve(&self, keys: [&str; 3], asked: &Asked) -> RedisResult<Reserved> {
        let mut connection = self.connection().await?;
        let mut script = self.reserve.prepare_invoke();
        for key in keys {
            script.key(key);
        }
        let Asked { limit, max_wait, epoch, quiet, counted } = asked;
        script.arg(limit.requests()).arg(micros(limit.window())).arg(micros(*max_wait)).arg(&self.process);
        script.arg(epoch).arg(micros(*quiet)).arg(micros(NOTICE)).arg(u8::from(*counted));
        script.arg(&self.channel);
        script.invoke_async::<Reserved>(&mut connection).await
    }

    /// Reports the outcomes of reservations of one epoch.
    pub(super) async fn report(
        &self,
        keys: [&str; 3],
        limit: RateLimit,
        epoch: &str,
        became: &[Became],
    ) -> RedisResult<()> {
        let mut connection = self.connection().await?;
        let mut script = self.report.prepare_invoke();
        let [log, state, _] = keys;
        script.key(log).key(state).arg(limit.requests()).arg(micros(limit.window())).arg(epoch).arg(&self.channel);
        for Became { number, what, ago, figure } in became {
            script.arg(number).arg(what).arg(micros(*ago)).arg(figure);
        }
        script.invoke_async::<i64>(&mut connection).await.map(drop)
    }

    /// The messages of other processes, over a separate connection.
    pub(super) async fn subscribe(&self) -> RedisResult<PubSubStream> {
        let mut subscription = self.client.get_async_pubsub().await?;
        subscription.subscribe(&self.channel).await?;
        Ok(subscription.into_on_message())
    }

    pub(super) async fn connect(&self) -> RedisResult<()> {
        self.connection().await.map(drop)
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

    /// Closes the connection; the next command opens another.
    pub(super) async fn disconnect(&self) {
        *self.connection.lock().await = None;
    }
}

/// A script that uses the rule of the share.
fn script(text: &str) -> Script {
    let ahead = micros(AHEAD.into());
    let constants = format!(
        "local PLATEAU, FRESH_PLATEAU, FIRST_STEP, STEP, DOWN, UP, FEW, MANY, AHEAD = \
         {PLATEAU}, {FRESH_PLATEAU}, {FIRST_STEP}, {STEP}, {DOWN}, {UP}, {FEW}, {MANY}, {ahead}\n"
    );
    Script::new(&[&constants, include_str!("state.lua"), text].concat())
}

/// Whether the server rejects the command because of a wrong setting, and is not just unreachable or busy.
pub(super) fn is_refusal(error: &RedisError) -> bool {
    let busy = ["BUSY", "LOADING", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "NOREPLICAS", "NOSCRIPT"];
    !matches!(error.kind(), Kind::Io | Kind::ClusterConnectionNotFound)
        && !error.code().is_some_and(|code| busy.contains(&code))
}

const PERMISSIONS: &str = "give its user the permission for `EVALSHA`, `SCRIPT LOAD`, `SUBSCRIBE`, the commands of the scripts, and \
                           the keys and channels `alibabacloud-quota:*`";

/// The error as a line that quotes no setting.
pub(super) fn describe(error: &RedisError) -> Arc<str> {
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

/// Whole microseconds, limited to centuries.
pub(super) fn micros(duration: Duration) -> u64 {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
    u64::try_from(duration.min(CENTURY).as_micros()).unwrap_or(u64::MAX)
}
