//! The state of the connection to the server, and its background tasks: one reports the outcomes of requests, one
//! receives the messages of other processes, and one tries a server that is unreachable.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use futures_core::Stream;
use redis::{RedisError, RedisResult};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::known::Known;
use super::server::{Became, Reserved, Server, describe, is_refusal};
use crate::lock::lock;

/// How often an unreachable server is tried.
const TRY_AGAIN: Duration = Duration::from_millis(100);

/// How long outcomes of requests are collected before they are reported.
const GATHER: Duration = Duration::from_millis(50);

pub(super) struct Link {
    server: Server,
    /// The quotas in use.
    quotas: Mutex<Vec<Weak<Known>>>,
    state: Mutex<State>,
    tasks: Mutex<Tasks>,
    /// Wakes calls when the server becomes reachable or unreachable.
    pub(super) changed: Notify,
}

#[derive(Default)]
struct State {
    down: Option<Down>,
    /// Whether a script was ever run.
    reached: bool,
}

/// The server is unreachable.
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

/// The outcome of a reservation.
pub(super) struct Told {
    pub(super) quota: Arc<Known>,
    pub(super) epoch: String,
    pub(super) number: u64,
    pub(super) when: Instant,
    /// The outcome and its figure, in the terms of the script.
    pub(super) what: &'static str,
    pub(super) figure: i64,
}

impl Link {
    pub(super) fn new(server: Server) -> Self {
        Self {
            server,
            quotas: Mutex::default(),
            state: Mutex::default(),
            tasks: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// The time limit of a command.
    pub(super) fn timeout(&self) -> Duration {
        self.server.timeout
    }

    /// Registers a quota for changes of the server's state.
    pub(super) fn register(&self, quota: &Arc<Known>) {
        let mut quotas = lock(&self.quotas);
        quotas.retain(|quota| quota.strong_count() > 0);
        quotas.push(Arc::downgrade(quota));
    }

    /// The quotas in use.
    fn quotas(&self) -> Vec<Arc<Known>> {
        lock(&self.quotas).iter().filter_map(Weak::upgrade).collect()
    }

    pub(super) fn is_down(&self) -> bool {
        lock(&self.state).down.is_some()
    }

    /// Why the server is unreachable, if it is.
    pub(super) fn reason(&self) -> Arc<str> {
        lock(&self.state).down.as_ref().map_or_else(|| "it is back".into(), |down| down.reason.clone())
    }

    /// The error, if it shows a wrong setting: the server rejects commands and no script was ever run. Otherwise the
    /// server counts as unreachable.
    pub(super) fn misconfigured(&self, error: &RedisError) -> Option<Arc<str>> {
        (!lock(&self.state).reached && is_refusal(error)).then(|| describe(error))
    }

    /// Reserves a place; an error means that the server is unreachable or rejects the command.
    pub(super) async fn reserve(&self, quota: &Known, max_wait: Duration) -> RedisResult<Reserved> {
        let outcome = self.server.reserve(quota.keys(), &quota.ask(max_wait)).await;
        lock(&self.state).reached |= outcome.is_ok();
        outcome
    }

    /// Reports the outcome of a request, without waiting.
    pub(super) fn tell(&self, told: Told) {
        if let Some(sender) = &lock(&self.tasks).told {
            // Without the task, its runtime has ended; the place expires.
            let _ = sender.send(told);
        }
    }

    /// Starts the tasks, the first time and after their runtime has ended.
    pub(super) fn start_tasks(self: &Arc<Self>) {
        let gone = |task: &Option<JoinHandle<()>>| task.as_ref().is_none_or(JoinHandle::is_finished);
        let mut tasks = lock(&self.tasks);
        if gone(&tasks.telling) {
            let (sender, receiver) = mpsc::unbounded_channel();
            tasks.told = Some(sender);
            tasks.telling = Some(tokio::spawn(tell(Arc::downgrade(self), receiver)));
        }
        if gone(&tasks.listening) {
            tasks.listening = Some(tokio::spawn(listen(Arc::downgrade(self))));
        }
        if self.is_down() && gone(&tasks.trying) {
            tasks.trying = Some(tokio::spawn(try_again(Arc::downgrade(self))));
        }
    }

    /// The server is unreachable: the failure policy applies until it is reachable.
    pub(super) fn fail(self: &Arc<Self>, error: &RedisError) {
        {
            let mut state = lock(&self.state);
            if state.down.is_some() {
                return;
            }
            state.down = Some(Down { since: Instant::now(), reason: describe(error) });
        }
        for quota in self.quotas() {
            quota.fall_back();
        }
        self.changed.notify_waiters();
        self.start_tasks();
    }

    /// The server responds again.
    fn recover(&self) {
        // The quotas first: a call that sees the server as reachable must see their unreported requests.
        let down_for = lock(&self.state).down.as_ref().map_or(Duration::ZERO, |down| down.since.elapsed());
        for quota in self.quotas() {
            quota.recover(down_for);
        }
        {
            let mut state = lock(&self.state);
            state.down = None;
            state.reached = true;
        }
        self.changed.notify_waiters();
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

/// Tries until the server responds.
async fn try_again(link: Weak<Link>) {
    loop {
        let Some(link) = link.upgrade() else { return };
        // The scripts must run; a response to `PING` is not enough.
        let outcome = match link.quotas().first() {
            Some(quota) => link.server.report(quota.keys(), quota.limit(), "", &[]).await,
            None => link.server.connect().await,
        };
        match outcome {
            Ok(()) => return link.recover(),
            Err(error) => {
                // A connection can be slow once, but is replaced the second time.
                link.server.disconnect().await;
                if let Some(down) = &mut lock(&link.state).down {
                    down.reason = describe(&error);
                }
            }
        }
        drop(link);
        sleep(TRY_AGAIN).await;
    }
}

/// Reports the outcomes of requests in batches.
async fn tell(link: Weak<Link>, mut receiver: mpsc::UnboundedReceiver<Told>) {
    while let Some(first) = receiver.recv().await {
        let mut gathered = vec![first];
        let gather = async {
            // A pause is reported at once.
            while gathered.last().is_none_or(|told| told.what != "t")
                && let Some(next) = receiver.recv().await
            {
                gathered.push(next);
            }
        };
        // Both results continue.
        let _ = timeout(GATHER, gather).await;
        let Some(link) = link.upgrade() else { return };
        // One command for each quota and epoch.
        while let Some(first) = gathered.first() {
            let (quota, epoch) = (first.quota.clone(), first.epoch.clone());
            let (together, others): (Vec<_>, Vec<_>) =
                gathered.into_iter().partition(|told| Arc::ptr_eq(&told.quota, &quota) && told.epoch == epoch);
            gathered = others;
            if link.is_down() {
                quota.reported();
                continue;
            }
            let became: Vec<_> = together
                .iter()
                .map(|&Told { number, what, when, figure, .. }| Became { number, what, ago: when.elapsed(), figure })
                .collect();
            if let Err(error) = link.server.report(quota.keys(), quota.limit(), &epoch, &became).await {
                // The next reservation shows whether the server is reachable. Unreported requests count as unanswered.
                if error.is_timeout() {
                    link.fail(&error);
                } else {
                    link.server.disconnect().await;
                }
            }
            quota.reported();
        }
    }
}

/// Receives the messages of other processes, over a separate connection.
async fn listen(link: Weak<Link>) {
    loop {
        let Some(strong) = link.upgrade() else { return };
        let subscribed = timeout(strong.server.timeout * 10, strong.server.subscribe()).await;
        drop(strong);
        if let Ok(Ok(mut messages)) = subscribed {
            while let Some(message) = poll_fn(|context| Pin::new(&mut messages).poll_next(context)).await {
                let Some(link) = link.upgrade() else { return };
                let Ok(text) = message.get_payload::<String>() else { continue };
                let words: Vec<&str> = text.split(' ').collect();
                let [log, what, values @ ..] = &*words else { continue };
                for quota in link.quotas().into_iter().filter(|quota| quota.keys()[0] == *log) {
                    match (*what, values) {
                        ("moved", places) => quota.moved(places),
                        ("lost", [epoch]) => quota.lost(epoch),
                        _ => {}
                    }
                }
            }
            // The server was unreachable, and may have lost its data.
            let Some(link) = link.upgrade() else { return };
            for quota in link.quotas() {
                quota.lost("");
            }
        }
        sleep(TRY_AGAIN).await;
    }
}
