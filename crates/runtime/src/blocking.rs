//! The same calls for programs without async code.

use std::fmt;
use std::sync::{Arc, mpsc};

use tokio::runtime::{Builder, Runtime};

use crate::action::{Action, Product};
use crate::client::Client as AsyncClient;
use crate::error::{Error, ErrorKind};
use crate::options::CallOptions;
use crate::response::Response;
use crate::untyped::UntypedRequest;
use crate::value::Json;

/// Calls the actions of one product and waits for the answer: a [`Client`](crate::Client) together with a thread on which its
/// connections live.
///
/// Cheap to clone; clones share connections, quotas, credentials and the thread. Any number of threads may call at the same time.
/// Async code should use the async client: a blocking call there holds up whatever shares its thread.
///
/// ```no_run
/// # fn example<P: alibabacloud_runtime::Product>(client: alibabacloud_runtime::Client<P>) -> Result<(), alibabacloud_runtime::Error> {
/// let client = alibabacloud_runtime::blocking::Client::new(client)?;
/// # Ok(())
/// # }
/// ```
pub struct Client<P> {
    client: AsyncClient<P>,
    runtime: Arc<Shutdown>,
}

impl<P> Clone for Client<P> {
    fn clone(&self) -> Self {
        Self { client: self.client.clone(), runtime: self.runtime.clone() }
    }
}

impl<P: Product> Client<P> {
    /// A blocking client over an async one, with its settings.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn new(client: AsyncClient<P>) -> Result<Self, Error> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("alibabacloud").enable_all().build();
        let runtime = runtime.map_err(|error| {
            Error::new(ErrorKind::Configuration, format!("the thread of a blocking client cannot be started: {error}"))
        })?;
        Ok(Self { client, runtime: Arc::new(Shutdown(Some(runtime))) })
    }

    /// A blocking client with everything from the environment; see [`ClientBuilder::from_env`](crate::ClientBuilder::from_env).
    ///
    /// # Errors
    /// If a variable is missing or has a value that cannot be used, or the thread cannot be started.
    pub fn from_env() -> Result<Self, Error> {
        Self::new(AsyncClient::from_env()?)
    }

    /// Calls an action; see [`Client::send`](crate::Client::send).
    ///
    /// # Errors
    /// As there.
    pub fn send<A: Action<Product = P> + 'static>(&self, request: A) -> Result<Response<A::Output>, Error> {
        self.send_with(request, CallOptions::new())
    }

    /// As [`send`](Self::send), with settings for this call alone.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_with<A: Action<Product = P> + 'static>(
        &self,
        request: A,
        options: CallOptions,
    ) -> Result<Response<A::Output>, Error> {
        let client = self.client.clone();
        self.wait(async move { client.send_with(request, options).await })
    }

    /// Calls an action by name; see [`Client::send_untyped`](crate::Client::send_untyped).
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_untyped(&self, request: UntypedRequest) -> Result<Response<Json>, Error> {
        let client = self.client.clone();
        self.wait(async move { client.send_untyped(request).await })
    }

    /// Runs the call on the client's thread. tokio's own `block_on` would panic inside async code.
    fn wait<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let (done, outcome) = mpsc::channel();
        if let Some(runtime) = &self.runtime.0 {
            // The receiver waits below, so the result always finds it.
            runtime.spawn(async move { drop(done.send(call.await)) });
        }
        outcome.recv().unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Unanswered, "a panic ended the call, in a transport or a credential provider"))
        })
    }
}

impl<P: Product> fmt::Debug for Client<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("blocking::Client").field(&self.client).finish()
    }
}

/// Stops the thread without waiting for it, so that the last client may be dropped anywhere, async code included. There is always
/// a runtime inside until then.
struct Shutdown(Option<Runtime>);

impl Drop for Shutdown {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
