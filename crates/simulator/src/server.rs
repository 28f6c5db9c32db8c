//! The listener and its connections: a gateway behind a loopback address.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use alibabacloud_runtime::descriptor::ProductDescriptor;
use http::header::CONNECTION;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use crate::answer::Answer;
use crate::builder::{Builder, StartError};
use crate::clock::http_date;
use crate::connections::{ConnectionCounts, Connections, Counted};
use crate::fault::ConnectionFault;
use crate::gateway::Gateway;
use crate::http1::{Connection, ReadError};
use crate::log::{Counts, Received};

/// A running simulator. Dropping it closes the listener and all connections; [`Simulator::stop`] also waits until this
/// is done.
#[derive(Debug)]
#[must_use = "a simulator stops when it is dropped"]
pub struct Simulator {
    gateway: Arc<Gateway>,
    connections: Arc<Connections>,
    address: SocketAddr,
    url: String,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Simulator {
    /// A simulator of these products, with the key `testid` / `testsecret` and the limits of the descriptors, counted
    /// by an exact window, on a free port of 127.0.0.1. The builder can change all of it.
    ///
    /// Actions are distinguished by name and API version; of duplicates, the first one is used.
    pub fn builder(products: &[&'static ProductDescriptor]) -> Builder {
        Builder::new(products)
    }

    pub(crate) async fn listen(gateway: Gateway, address: SocketAddr) -> Result<Self, StartError> {
        let failed = |error| StartError::Listen(address, error);
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let gateway = Arc::new(gateway);
        let connections = Arc::new(Connections::default());
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(accept(listener, Arc::clone(&gateway), Arc::clone(&connections), stopped));
        Ok(Self { gateway, connections, address, url: format!("http://{address}"), stop: Some(stop), task })
    }

    /// The URL to send requests to, e.g. `http://127.0.0.1:40123`, without a trailing slash.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address that it listens on, with the actual port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The gateway, for methods without a shortcut here. It may outlive the simulator.
    pub fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }

    /// Shortcut for [`Gateway::received`].
    pub fn received(&self) -> Vec<Arc<Received>> {
        self.gateway.received()
    }

    /// Shortcut for [`Gateway::counts`].
    pub fn counts(&self) -> Counts {
        self.gateway.counts()
    }

    /// Shortcut for [`Gateway::script`].
    ///
    /// # Panics
    /// Panics if no product of the simulator has an action of that name.
    pub fn script(&self, action: &str, answers: impl IntoIterator<Item = Answer>) {
        self.gateway.script(action, answers);
    }

    /// Shortcut for [`Gateway::complete_after`].
    ///
    /// # Panics
    /// Panics if no product of the simulator has an action of that name, or if its specification has no waiter.
    pub fn complete_after(&self, action: &str, calls: u32) {
        self.gateway.complete_after(action, calls);
    }

    /// Shortcut for [`Gateway::script_fn`].
    ///
    /// # Panics
    /// Panics if no product of the simulator has an action of that name.
    pub fn script_fn(&self, action: &str, function: impl Fn(&Received) -> Option<Answer> + Send + Sync + 'static) {
        self.gateway.script_fn(action, function);
    }

    /// Shortcut of [`Gateway::serve_items`].
    ///
    /// # Panics
    /// As there.
    pub fn serve_items<I: Into<String>>(&self, action: &str, items: impl IntoIterator<Item = I>) {
        self.gateway.serve_items(action, items);
    }

    /// The number of connections.
    pub fn connections(&self) -> ConnectionCounts {
        self.connections.counts()
    }

    /// Makes each of the next connections fail before its first request is read. When all faults are used, the function
    /// of [`Simulator::script_connections_fn`] applies again.
    pub fn script_connections(&self, faults: impl IntoIterator<Item = ConnectionFault>) {
        self.connections.script(faults);
    }

    /// Sets a function that returns the fault of a connection when the queue of [`Simulator::script_connections`] is
    /// empty, replacing an earlier function; `None` means no fault. Its argument is the number of the connection, from
    /// 1. It must not block. If it panics, the connection is closed.
    pub fn script_connections_fn(&self, function: impl Fn(u64) -> Option<ConnectionFault> + Send + Sync + 'static) {
        self.connections.script_fn(Arc::new(function));
    }

    /// Closes the listener and all connections and waits until this is done. Responses that are not yet written,
    /// including delayed ones, are discarded.
    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        let _ = (&mut self.task).await;
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // The task owns the listener and the connections, so aborting it closes them.
        self.task.abort();
    }
}

/// Accepts connections until stopped or aborted, then closes them.
async fn accept(
    listener: TcpListener,
    gateway: Arc<Gateway>,
    connections: Arc<Connections>,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    tasks.spawn(serve(stream, Arc::clone(&gateway), connections.accepted()));
                }
                // Probably out of file descriptors; other connections close soon.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
            // Removes finished connections.
            Some(_) = tasks.join_next() => {}
            _ = &mut stopped => break,
        }
    }
    drop(listener);
    tasks.shutdown().await;
}

/// Responds to the requests of one connection, one after the other.
async fn serve(stream: TcpStream, gateway: Arc<Gateway>, mut counted: Counted) {
    let _ = stream.set_nodelay(true);
    let mut connection = Connection::new(stream);
    if let Some(fault) = counted.fault() {
        return connection.fail(fault).await;
    }
    let end = loop {
        let (answer, method, keep_alive) = match connection.read().await {
            Ok(mut incoming) => {
                incoming.request.connection = counted.number;
                let answer = gateway.handle(&incoming.request, gateway.now());
                let keep_alive = incoming.keep_alive && !says_close(&answer);
                (answer, incoming.request.method, keep_alive)
            }
            Err(ReadError::Gone) => return,
            Err(ReadError::Refused { status, message }) => {
                let mut answer = Answer::error(status, "InvalidHttpRequest", message);
                answer.complete(&http_date(gateway.now().wall));
                (answer, String::new(), false)
            }
        };
        if !answer.delay.is_zero() {
            tokio::time::sleep(answer.delay).await;
        }
        match connection.deliver(&answer, &method, keep_alive).await {
            Ok(None) => {}
            Ok(Some(end)) => break end,
            Err(_) => return,
        }
    };
    connection.end(end).await;
}

fn says_close(answer: &Answer) -> bool {
    let connection = answer.headers.get(CONNECTION);
    connection.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"))
}
