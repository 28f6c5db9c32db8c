//! Sends many requests: takes a stream of requests and returns a stream of outcomes, with as many concurrent calls as
//! the quota needs.
//!
//! ```no_run
//! # use alibabacloud_runtime::{Action, Client, Product};
//! # async fn example<P: Product, A: Action<Product = P> + 'static>(client: Client<P>, requests: Vec<A>) {
//! let mut outcomes = client.send_all(requests);
//! while let Some(outcome) = outcomes.next().await {
//!     match outcome.result {
//!         Ok(_answer) => println!("done: {:?}", outcome.request),
//!         Err(error) => println!("{:?}: {error}", outcome.request),
//!     }
//! }
//! # }
//! ```
//!
//! # Concurrency
//! A quota is kept full if a call is always ready when a request may be sent. The next request is therefore taken when
//! fewer calls wait for the quota than it admits in a tenth of a second (at least two). The number of calls in flight
//! is then the quota times the round trip (Little's law), even if these change; nothing is measured.
//! [`Bulk::max_in_flight`] bounds the number. Without a limit, the bound is the number.
//!
//! A call waits for its permit as long as necessary; its deadline starts when it has one. Neither the length of the
//! queue nor a long pause that the service requests fails a request that was not sent.
//!
//! # Tasks
//! Every call is a separate task on the tokio runtime, so a slow reader delays neither calls in flight nor other users
//! of the quota. Unread outcomes count as in flight: no more requests are taken until they are read. Dropping the
//! stream cancels all its calls; requests in flight may still take effect.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use futures_core::Stream;
use tokio::task::JoinSet;

use crate::action::{Action, Product};
use crate::client::Client;
use crate::error::Error;
use crate::lock::lock;
use crate::open::Json;
use crate::options::CallOptions;
use crate::response::Response;
use crate::throttle::RateLimit;
use crate::untyped::UntypedRequest;

/// A request that a bulk can send: any request of the product, an [`UntypedRequest`], a pair of a value of yours and
/// one of these, or any type that implements this trait.
pub trait BulkRequest<P: Product>: Send + Sync + Sized + 'static {
    /// The result of the call.
    type Result: Send + 'static;

    /// Sends the request with `client`. The client reports to the bulk when the next call should start, so no other
    /// client may be used.
    fn send(&self, client: &Client<P>, options: CallOptions) -> impl Future<Output = Self::Result> + Send;
}

impl<P: Product, A: Action<Product = P> + 'static> BulkRequest<P> for A {
    type Result = Result<Response<A::Output>, Error>;

    async fn send(&self, client: &Client<P>, options: CallOptions) -> Self::Result {
        client.send_by_reference(self, &options).await
    }
}

impl<P: Product> BulkRequest<P> for UntypedRequest {
    type Result = Result<Response<Json>, Error>;

    async fn send(&self, client: &Client<P>, options: CallOptions) -> Self::Result {
        client.send_untyped_by_reference(self, &options).await
    }
}

impl<P: Product, C: Send + Sync + 'static, R: BulkRequest<P>> BulkRequest<P> for (C, R) {
    type Result = R::Result;

    async fn send(&self, client: &Client<P>, options: CallOptions) -> Self::Result {
        self.1.send(client, options).await
    }
}

/// A request and its result.
#[derive(Debug, Clone)]
pub struct Outcome<R, T> {
    /// The request.
    pub request: R,
    /// Its result.
    pub result: T,
}

/// The default number of concurrent calls: ten per second with a duration of ten seconds.
const MAX_IN_FLIGHT: usize = 100;

impl<P: Product> Client<P> {
    /// Sends all requests as fast as their quota allows. Outcomes arrive in the order of completion.
    /// [`bulk`](Self::bulk) has the settings.
    pub fn send_all<'s, R, I>(&self, requests: I) -> Outcomes<'s, P, R>
    where
        R: BulkRequest<P>,
        I: IntoIterator<Item = R, IntoIter: Send + 's>,
    {
        self.bulk().send(requests)
    }

    /// Settings for sending many requests.
    pub fn bulk(&self) -> Bulk<P> {
        Bulk { client: self.clone(), ordered: false, max_in_flight: MAX_IN_FLIGHT, options: CallOptions::new() }
    }
}

/// Settings for sending many requests, created by [`Client::bulk`].
#[must_use = "nothing is sent before `send` or `send_stream`"]
pub struct Bulk<P> {
    client: Client<P>,
    ordered: bool,
    max_in_flight: usize,
    options: CallOptions,
}

impl<P: Product> Bulk<P> {
    /// Returns outcomes in the order of the requests, so that a slow one delays those after it. Default: the order of
    /// completion.
    pub fn ordered(mut self) -> Self {
        self.ordered = true;
        self
    }

    /// Sets the maximum number of requests between the source and the reader of the outcomes: waiting for a permit, in
    /// flight, or completed but not read. Default: 100; 0 counts as one.
    pub fn max_in_flight(mut self, calls: usize) -> Self {
        self.max_in_flight = calls.max(1);
        self
    }

    /// Sets options for each call, which override the client's settings.
    pub fn options(mut self, options: CallOptions) -> Self {
        self.options = options;
        self
    }

    /// Sends the requests of the iterator, which are taken only when their calls start.
    pub fn send<'s, R, I>(self, requests: I) -> Outcomes<'s, P, R>
    where
        R: BulkRequest<P>,
        I: IntoIterator<Item = R, IntoIter: Send + 's>,
    {
        self.send_stream(Iter(requests.into_iter()))
    }

    /// Sends the requests of the stream, which are taken only when their calls can start at once.
    pub fn send_stream<'s, R, S>(self, requests: S) -> Outcomes<'s, P, R>
    where
        R: BulkRequest<P>,
        S: Stream<Item = R> + Send + 's,
    {
        Outcomes {
            source: Some(Box::pin(requests)),
            calls: JoinSet::new(),
            gate: Arc::default(),
            begun: 0,
            early: self.ordered.then(Early::default),
            bulk: self,
        }
    }
}

impl<P: Product> fmt::Debug for Bulk<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bulk")
            .field("client", &self.client)
            .field("ordered", &self.ordered)
            .field("max_in_flight", &self.max_in_flight)
            .field("options", &self.options)
            .finish()
    }
}

/// The outcomes of a bulk: a [stream](https://docs.rs/futures-core/0.3/futures_core/stream/trait.Stream.html), with
/// [`next`](Self::next) for use without stream traits.
///
/// It must be read inside a tokio runtime. Calls start while it is read, and continue independently. Dropping it
/// cancels them.
#[must_use = "nothing is sent before the outcomes are read"]
pub struct Outcomes<'s, P: Product, R: BulkRequest<P>> {
    bulk: Bulk<P>,
    /// `None` at its end.
    source: Option<Pin<Box<dyn Stream<Item = R> + Send + 's>>>,
    calls: JoinSet<(u64, Outcome<R, R::Result>)>,
    gate: Arc<Gate>,
    /// The number of calls that have started.
    begun: u64,
    /// The outcomes that wait for earlier ones, if the order is kept.
    early: Option<Early<Outcome<R, R::Result>>>,
}

impl<P: Product, R: BulkRequest<P>> Outcomes<'_, P, R> {
    /// The next outcome; `None` when all requests have theirs. It is cancel safe: dropping the future loses no outcome.
    pub async fn next(&mut self) -> Option<Outcome<R, R::Result>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Takes no more requests. The outcomes of started calls still arrive.
    pub fn stop(&mut self) {
        self.source = None;
    }

    /// Starts calls while another one is needed and allowed and the source has a request ready.
    fn begin(&mut self, context: &mut Context<'_>) {
        while let Some(source) = &mut self.source {
            let in_flight = self.calls.len() + self.early.as_ref().map_or(0, |early| early.came);
            if in_flight >= self.bulk.max_in_flight || !self.gate.wants_another(context.waker()) {
                return;
            }
            match source.as_mut().poll_next(context) {
                Poll::Pending => return,
                Poll::Ready(None) => self.source = None,
                Poll::Ready(Some(request)) => {
                    let client = self.bulk.client.with_ticket(self.gate.ticket());
                    let (number, options) = (self.begun, self.bulk.options.clone());
                    self.begun += 1;
                    self.calls.spawn(async move {
                        let result = request.send(&client, options).await;
                        (number, Outcome { request, result })
                    });
                }
            }
        }
    }
}

impl<P: Product, R: BulkRequest<P>> Stream for Outcomes<'_, P, R> {
    type Item = Outcome<R, R::Result>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            this.begin(context);
            if let Some(outcome) = this.early.as_mut().and_then(Early::take) {
                return Poll::Ready(Some(outcome));
            }
            match ready!(this.calls.poll_join_next(context)) {
                Some(Ok((number, outcome))) => match &mut this.early {
                    Some(early) => early.put(number, outcome),
                    None => return Poll::Ready(Some(outcome)),
                },
                // A panic in the caller's own code continues in the caller.
                Some(Err(error)) if error.is_panic() => resume_unwind(error.into_panic()),
                // The runtime is shut down, or there is nothing left.
                Some(Err(_)) => return Poll::Ready(None),
                None if this.source.is_none() => return Poll::Ready(None),
                None => return Poll::Pending,
            }
        }
    }
}

/// Nothing in it is structurally pinned: the source is in a box.
impl<P: Product, R: BulkRequest<P>> Unpin for Outcomes<'_, P, R> {}

impl<P: Product, R: BulkRequest<P>> fmt::Debug for Outcomes<'_, P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcomes")
            .field("bulk", &self.bulk)
            .field("begun", &self.begun)
            .field("in_flight", &self.calls.len())
            .finish_non_exhaustive()
    }
}

/// An iterator as a stream.
struct Iter<I>(I);

/// Nothing in it is structurally pinned.
impl<I> Unpin for Iter<I> {}

impl<I: Iterator> Stream for Iter<I> {
    type Item = I::Item;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<I::Item>> {
        Poll::Ready(self.0.next())
    }
}

/// Outcomes that wait for earlier ones.
struct Early<T> {
    /// The number of the first outcome in the line.
    next: u64,
    line: VecDeque<Option<T>>,
    /// The number of outcomes in the line.
    came: usize,
}

impl<T> Default for Early<T> {
    fn default() -> Self {
        Self { next: 0, line: VecDeque::new(), came: 0 }
    }
}

impl<T> Early<T> {
    fn put(&mut self, number: u64, outcome: T) {
        // There are no more in flight than fit into memory.
        let index = usize::try_from(number - self.next).unwrap_or(usize::MAX);
        if index >= self.line.len() {
            self.line.resize_with(index + 1, || None);
        }
        self.line[index] = Some(outcome);
        self.came += 1;
    }

    /// The next outcome in order, if it has arrived.
    fn take(&mut self) -> Option<T> {
        let outcome = self.line.front_mut()?.take()?;
        self.line.pop_front();
        self.next += 1;
        self.came -= 1;
        Some(outcome)
    }
}

/// The minimum number of waiting calls, so that one is ready when the quota has room.
const ENOUGH: usize = 2;

/// Target backlog, as a duration. It keeps the quota full while no outcomes are read, when no more requests are taken.
const IN_STORE: Duration = Duration::from_millis(100);

/// Counts the calls of a bulk that wait for their quota, and wakes the bulk when another one is needed.
#[derive(Debug, Default)]
struct Gate(Mutex<GateState>);

#[derive(Debug, Default)]
struct GateState {
    waiting: usize,
    /// The target number of waiting calls, known once a call has reported its limit; the largest of all actions.
    enough: Option<usize>,
    waker: Option<Waker>,
}

impl Gate {
    /// Whether fewer calls wait than the target; `waker` is woken when this changes.
    fn wants_another(&self, waker: &Waker) -> bool {
        let mut state = lock(&self.0);
        let wants = state.waiting < state.enough.unwrap_or(ENOUGH);
        if !wants {
            match &mut state.waker {
                Some(known) => known.clone_from(waker),
                none => *none = Some(waker.clone()),
            }
        }
        wants
    }

    fn ticket(self: &Arc<Self>) -> Ticket {
        lock(&self.0).waiting += 1;
        Ticket { gate: self.clone(), gone: AtomicBool::new(false) }
    }

    fn change(&self, change: impl FnOnce(&mut GateState)) {
        let mut state = lock(&self.0);
        change(&mut state);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Counts a call among those of its bulk that wait for a permit, from its start until it has one.
#[derive(Debug)]
pub(crate) struct Ticket {
    gate: Arc<Gate>,
    gone: AtomicBool,
}

impl Ticket {
    /// The call waits for a quota with this limit; `None` if it has none.
    pub(crate) fn waits(&self, limit: Option<RateLimit>) {
        let enough = limit.map_or(usize::MAX, |limit| {
            let windows = IN_STORE.as_secs_f64() / limit.window().as_secs_f64();
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and is positive")]
            let in_store = (f64::from(limit.requests()) * windows).ceil() as usize;
            in_store.max(ENOUGH)
        });
        if lock(&self.gate.0).enough < Some(enough) {
            self.gate.change(|state| state.enough = Some(enough));
        }
    }

    /// The call has its permit.
    pub(crate) fn goes(&self) {
        if !self.gone.swap(true, Ordering::Relaxed) {
            self.gate.change(|state| state.waiting -= 1);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.goes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enough(limit: Option<RateLimit>) -> usize {
        let gate = Arc::new(Gate::default());
        gate.ticket().waits(limit);
        lock(&gate.0).enough.unwrap()
    }

    #[test]
    fn the_backlog_is_a_tenth_of_a_second_and_at_least_two() {
        assert_eq!(enough(Some(RateLimit::per_second(10))), 2);
        assert_eq!(enough(Some(RateLimit::per_second(501))), 51);
        assert_eq!(enough(Some(RateLimit::new(1, Duration::from_secs(3600)))), 2);
        assert_eq!(enough(None), usize::MAX);
    }

    #[test]
    fn outcomes_are_returned_in_order() {
        let mut early = Early::default();
        early.put(2, 'c');
        assert_eq!((early.take(), early.came), (None, 1));
        early.put(0, 'a');
        assert_eq!((early.take(), early.take(), early.came), (Some('a'), None, 1));
        early.put(1, 'b');
        assert_eq!([early.take(), early.take(), early.take()], [Some('b'), Some('c'), None]);
        early.put(3, 'd');
        assert_eq!((early.take(), early.came), (Some('d'), 0));
    }
}
