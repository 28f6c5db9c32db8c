//! The same calls for programs without async code.

mod pages;

pub use self::pages::{Items, Pages};

use std::fmt;
use std::sync::{Arc, mpsc};

use tokio::runtime::{Builder, Runtime};

use crate::action::{Action, Product, Waitable};
use crate::bulk::{self, BulkRequest, Outcome};
use crate::client::Client as AsyncClient;
use crate::error::{Error, ErrorKind};
use crate::open::Json;
use crate::options::CallOptions;
use crate::prepare::PreparedRequest;
use crate::response::Response;
use crate::untyped::UntypedRequest;
use crate::waiter::{Asked, Wait, WaitError, WaitOptions};

/// Calls the actions of one product and blocks until the response arrives. It owns a [`Client`](crate::Client) and a
/// thread for its connections.
///
/// Cheap to clone; clones share connections, quotas, credentials and the thread. Any number of threads may call at the
/// same time. Async code should use the async client: a blocking call there blocks every task of its thread.
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

    /// A blocking client with the settings of the environment; see
    /// [`ClientBuilder::from_env`](crate::ClientBuilder::from_env).
    ///
    /// # Errors
    /// If a variable is missing or has a value that cannot be used, or the thread cannot be started.
    pub fn from_env() -> Result<Self, Error> {
        Self::new(AsyncClient::from_env()?)
    }

    /// Calls an action; see [`Client::send`](crate::Client::send).
    ///
    /// # Errors
    /// The errors of the async method.
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
        self.send_untyped_with(request, CallOptions::new())
    }

    /// As [`send_untyped`](Self::send_untyped), with settings for this call alone.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_untyped_with(&self, request: UntypedRequest, options: CallOptions) -> Result<Response<Json>, Error> {
        let client = self.client.clone();
        self.wait(async move { client.send_untyped_with(request, options).await })
    }

    /// Waits until the operation that an action has started has ended; see [`Client::wait_for`](crate::Client::wait_for).
    ///
    /// # Errors
    /// The errors of the async method.
    pub fn wait_for<'r, A: Waitable<Product = P> + 'static>(
        &self,
        request: &A,
        response: impl Into<Option<&'r Response<A::Output>>>,
    ) -> Result<Response<Asked<A>>, WaitError<Asked<A>>> {
        self.wait_for_with(request, response, WaitOptions::new())
    }

    /// As [`wait_for`](Self::wait_for), with settings for this wait.
    ///
    /// # Errors
    /// As [`wait_for`](Self::wait_for).
    pub fn wait_for_with<'r, A: Waitable<Product = P> + 'static>(
        &self,
        request: &A,
        response: impl Into<Option<&'r Response<A::Output>>>,
        options: WaitOptions,
    ) -> Result<Response<Asked<A>>, WaitError<Asked<A>>> {
        let wait = Wait::typed(request, response.into(), options)?;
        let client = self.client.clone();
        self.run(async move { client.run_wait::<A>(wait).await }).unwrap_or_else(|| Err(panicked().into()))
    }

    /// Signs a request without sending it; see [`Client::prepare`](crate::Client::prepare). The [async
    /// client](Self::as_async) reads its response.
    ///
    /// # Errors
    /// The errors of the async method.
    pub fn prepare<A: Action<Product = P> + Clone + 'static>(&self, request: &A) -> Result<PreparedRequest, Error> {
        self.prepare_with(request, CallOptions::new())
    }

    /// As [`prepare`](Self::prepare), with settings for this request alone.
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare).
    pub fn prepare_with<A: Action<Product = P> + Clone + 'static>(
        &self,
        request: &A,
        options: CallOptions,
    ) -> Result<PreparedRequest, Error> {
        let (client, request) = (self.client.clone(), request.clone());
        self.wait(async move { client.prepare_with(&request, options).await })
    }

    /// Signs an untyped request without sending it; see [`prepare`](Self::prepare).
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare).
    pub fn prepare_untyped(&self, request: &UntypedRequest) -> Result<PreparedRequest, Error> {
        self.prepare_untyped_with(request, CallOptions::new())
    }

    /// As [`prepare_untyped`](Self::prepare_untyped), with settings for this request alone.
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare).
    pub fn prepare_untyped_with(
        &self,
        request: &UntypedRequest,
        options: CallOptions,
    ) -> Result<PreparedRequest, Error> {
        let (client, request) = (self.client.clone(), request.clone());
        self.wait(async move { client.prepare_untyped_with(&request, options).await })
    }

    /// The async client behind it, for methods that do not wait: reading the response to a prepared request, the endpoint.
    pub fn as_async(&self) -> &AsyncClient<P> {
        &self.client
    }

    /// Sends all requests as fast as their quota allows. Outcomes arrive in the order of completion. Requests are taken
    /// while outcomes are read; see [`bulk`] for the number of concurrent calls.
    ///
    /// ```no_run
    /// # use alibabacloud_runtime::{Action, Product, blocking::Client};
    /// # fn example<P: Product, A: Action<Product = P> + 'static>(client: Client<P>, requests: Vec<A>) {
    /// for outcome in client.send_all(requests) {
    ///     println!("{:?}: {:?}", outcome.request, outcome.result.map(drop));
    /// }
    /// # }
    /// ```
    pub fn send_all<R, I>(&self, requests: I) -> Outcomes<P, R>
    where
        R: BulkRequest<P>,
        I: IntoIterator<Item = R, IntoIter: Send + 'static>,
    {
        Outcomes { outcomes: Some(self.client.send_all(requests)), client: self.clone() }
    }

    /// Runs the call on the client's thread.
    fn wait<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        self.run(call).unwrap_or_else(|| Err(panicked()))
    }

    /// Runs a future on the client's thread; `None` if it panicked. tokio's own `block_on` would panic inside async
    /// code.
    fn run<T: Send + 'static>(&self, future: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let (done, outcome) = mpsc::channel();
        if let Some(runtime) = &self.runtime.0 {
            // The receiver waits below, so the send cannot fail.
            runtime.spawn(async move { drop(done.send(future.await)) });
        }
        outcome.recv().ok()
    }
}

/// The error of a call that panicked.
fn panicked() -> Error {
    Error::new(ErrorKind::Unanswered, "a panic ended the call, in a transport or a credential provider")
}

/// The outcomes of [`Client::send_all`], as an iterator. Dropping it cancels the calls in flight.
pub struct Outcomes<P: Product, R: BulkRequest<P>> {
    /// `None` after a call has panicked.
    outcomes: Option<bulk::Outcomes<'static, P, R>>,
    client: Client<P>,
}

impl<P: Product, R: BulkRequest<P>> Iterator for Outcomes<P, R> {
    type Item = Outcome<R, R::Result>;

    /// # Panics
    /// Panics if a call panics, in a transport or a credentials provider.
    fn next(&mut self) -> Option<Self::Item> {
        let mut outcomes = self.outcomes.take()?;
        let next = self.client.run(async move { (outcomes.next().await, outcomes) });
        let (outcome, outcomes) = next.expect("no call of a bulk panics");
        self.outcomes = Some(outcomes);
        outcome
    }
}

impl<P: Product, R: BulkRequest<P>> fmt::Debug for Outcomes<P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("blocking::Outcomes").field(&self.outcomes).finish()
    }
}

impl<P: Product> fmt::Debug for Client<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("blocking::Client").field(&self.client).finish()
    }
}

/// Stops the thread without waiting for it, so that the last client can be dropped anywhere, even in async code. It
/// holds a runtime until then.
struct Shutdown(Option<Runtime>);

impl Drop for Shutdown {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
