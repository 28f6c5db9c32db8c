//! Many requests: a stream of them in, a stream of outcomes out, with as many calls at once as the quota and the round trip need.
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
//! # How many calls at once
//! What keeps a quota full is that a call is ready whenever a request may go. So the next request is taken when fewer calls wait
//! for the quota than it lets through in a tenth of a second (two at the least): the calls in flight are then as many as the
//! quota times the round trip (Little's law), whatever the two are and however they change. Nothing is measured or guessed.
//! [`Bulk::max_in_flight`] bounds them; where there is no limit, the bound is the number.
//!
//! A call waits for its quota as long as that takes; its deadline counts from when it may go. So neither the length of the queue nor a
//! long pause that the service asks for fails a request that was not sent yet.
//!
//! # Tasks
//! Every call is a task of its own on the tokio runtime, so a slow reader holds up no call that runs and no other user of the quota.
//! Unread outcomes count as in flight: while none are read, no more requests are taken. Dropping the stream cancels all its calls;
//! what is in flight then may still take effect.

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

/// Something that a bulk can send: every request of the product, an [`UntypedRequest`], either of them in a pair with a value of
/// yours in front, and whatever implements this trait.
pub trait BulkRequest<P: Product>: Send + Sync + Sized + 'static {
    /// What comes of it.
    type Result: Send + 'static;

    /// Sends it. The client belongs to the bulk, which learns through it when it should begin the next call: send with this one
    /// and no other.
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

/// The default number of calls at once: ten a second of ten seconds each.
const MAX_IN_FLIGHT: usize = 100;

impl<P: Product> Client<P> {
    /// Sends all requests, as fast as their quota allows; outcomes come in the order in which they are ready. [`bulk`](Self::bulk) has the settings.
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

/// Settings for sending many requests; [`Client::bulk`] makes it.
#[must_use = "nothing is sent before `send` or `send_stream`"]
pub struct Bulk<P> {
    client: Client<P>,
    ordered: bool,
    max_in_flight: usize,
    options: CallOptions,
}

impl<P: Product> Bulk<P> {
    /// Outcomes come in the order of the requests, so one that takes long holds back those after it. By default they come as they
    /// are ready.
    pub fn ordered(mut self) -> Self {
        self.ordered = true;
        self
    }

    /// How many requests may be between the source and the reader of the outcomes: waiting for their quota, in flight, and
    /// answered but not read. By default 100; 0 counts as one.
    pub fn max_in_flight(mut self, calls: usize) -> Self {
        self.max_in_flight = calls.max(1);
        self
    }

    /// Settings of each call, in place of the client's.
    pub fn options(mut self, options: CallOptions) -> Self {
        self.options = options;
        self
    }

    /// Sends what the iterator gives. It is asked for the next request only when that one's call begins.
    pub fn send<'s, R, I>(self, requests: I) -> Outcomes<'s, P, R>
    where
        R: BulkRequest<P>,
        I: IntoIterator<Item = R, IntoIter: Send + 's>,
    {
        self.send_stream(Iter(requests.into_iter()))
    }

    /// Sends what the stream gives. It is asked for the next request only when that one's call can begin at once.
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

/// The outcomes of a bulk: a [`Stream`], and [`next`](Self::next) for those who need no more.
///
/// It must be read inside a tokio runtime. Calls begin while it is read, and those that have begun go on by themselves. Dropping it
/// cancels them.
#[must_use = "nothing is sent before the outcomes are read"]
pub struct Outcomes<'s, P: Product, R: BulkRequest<P>> {
    bulk: Bulk<P>,
    /// `None` once it is at its end.
    source: Option<Pin<Box<dyn Stream<Item = R> + Send + 's>>>,
    calls: JoinSet<(u64, Outcome<R, R::Result>)>,
    gate: Arc<Gate>,
    /// How many calls have begun.
    begun: u64,
    /// The outcomes that came before their turn, if the order is kept.
    early: Option<Early<Outcome<R, R::Result>>>,
}

impl<P: Product, R: BulkRequest<P>> Outcomes<'_, P, R> {
    /// The next outcome; `None` when all requests have theirs. May be dropped and called again: nothing is lost.
    pub async fn next(&mut self) -> Option<Outcome<R, R::Result>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Takes no more requests. The outcomes of those that have begun still come.
    pub fn stop(&mut self) {
        self.source = None;
    }

    /// Begins calls as long as there is need and room for another one, and the source has a request ready.
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
                // A panic of the caller's own code is the caller's.
                Some(Err(error)) if error.is_panic() => resume_unwind(error.into_panic()),
                // The runtime is shut down, or there is nothing left.
                Some(Err(_)) => return Poll::Ready(None),
                None if this.source.is_none() => return Poll::Ready(None),
                None => return Poll::Pending,
            }
        }
    }
}

/// Nothing in it is pinned in place: the source has a box of its own.
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

/// Nothing in it is pinned in place.
impl<I> Unpin for Iter<I> {}

impl<I: Iterator> Stream for Iter<I> {
    type Item = I::Item;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<I::Item>> {
        Poll::Ready(self.0.next())
    }
}

/// Outcomes that came before their turn.
struct Early<T> {
    /// The number of the first one in the line.
    next: u64,
    line: VecDeque<Option<T>>,
    /// How many in the line are there.
    came: usize,
}

impl<T> Default for Early<T> {
    fn default() -> Self {
        Self { next: 0, line: VecDeque::new(), came: 0 }
    }
}

impl<T> Early<T> {
    fn put(&mut self, number: u64, outcome: T) {
        // No more are in flight than fit into memory.
        let index = usize::try_from(number - self.next).unwrap_or(usize::MAX);
        if index >= self.line.len() {
            self.line.resize_with(index + 1, || None);
        }
        self.line[index] = Some(outcome);
        self.came += 1;
    }

    /// The one whose turn it is.
    fn take(&mut self) -> Option<T> {
        let outcome = self.line.front_mut()?.take()?;
        self.line.pop_front();
        self.next += 1;
        self.came -= 1;
        Some(outcome)
    }
}

/// How many calls wait at the least, so that one is ready when the quota has room.
const ENOUGH: usize = 2;

/// Target backlog, as a duration: what keeps the quota full while no outcomes are read, and so no more requests are taken.
const IN_STORE: Duration = Duration::from_millis(100);

/// Counts the calls of a bulk that wait for their quota, and wakes the bulk when another one is wanted.
#[derive(Debug, Default)]
struct Gate(Mutex<GateState>);

#[derive(Debug, Default)]
struct GateState {
    waiting: usize,
    /// How many should wait, once a call has told which limit it has; the largest of all actions.
    enough: Option<usize>,
    waker: Option<Waker>,
}

impl Gate {
    /// Whether fewer calls wait than should; the waker is woken when there is a change.
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

/// The place of a call among those of its bulk that wait for the quota: from its beginning until it may go.
#[derive(Debug)]
pub(crate) struct Ticket {
    gate: Arc<Gate>,
    gone: AtomicBool,
}

impl Ticket {
    /// The call waits for a quota with that limit; `None` if it has none.
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

    /// The call may go.
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
    fn a_tenth_of_a_second_is_kept_in_store_and_two_at_the_least() {
        assert_eq!(enough(Some(RateLimit::per_second(10))), 2);
        assert_eq!(enough(Some(RateLimit::per_second(501))), 51);
        assert_eq!(enough(Some(RateLimit::new(1, Duration::from_secs(3600)))), 2);
        assert_eq!(enough(None), usize::MAX);
    }

    #[test]
    fn early_outcomes_wait_for_their_turn() {
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
