//! Actions that list something: their pages one after the other, or the items of all pages.
//!
//! ```no_run
//! # use alibabacloud_runtime::{Client, Error, Product, pages::Paged};
//! # async fn example<P: Product, A: Paged<Product = P, Item: std::fmt::Debug>>(client: Client<P>, request: A) -> Result<(), Error> {
//! let mut items = client.items(request);
//! while let Some(item) = items.next().await {
//!     println!("{:?}", item?);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # A page is a call
//! Each page is a call of its own: with its permit from the throttle, its retries, its events, and its deadline. So the deadline of a
//! client, or of the [`CallOptions`] for a listing, is that of one page. To bound a whole listing, wrap the loop in a timeout.
//!
//! A page is requested when the stream is polled after all items before it were taken: what is not read is not requested, and no task
//! runs. Dropping a stream cancels the call in flight, if there is one, and gives its permit back.
//!
//! # Where a listing ends
//! | pages by | the last one |
//! |---|---|
//! | token | has no token: none at all, an empty one, `null`, 0 or -1 |
//! | marker | says that no other page follows |
//! | number | completes the number of items that the response states; without such a number, has fewer items than its size; is empty |
//!
//! A flag in the response that says whether another page follows goes before all of these, whatever the style. Items that appear or
//! disappear during a listing move those behind them where pages are numbered: some may come twice, or not at all.
//!
//! A service that gives out a token for the second time, or answers with the items of an earlier page of another number, would be
//! asked without end. This ends the listing with an [`UnusableResponse`](crate::ErrorKind::UnusableResponse), however many pages come before the
//! repetition.
//!
//! # After an error
//! An error ends the stream. [`Pages::next_request`] and [`Items::next_request`] are the request with which to go on:
//!
//! ```no_run
//! # use alibabacloud_runtime::{Client, Product, pages::Paged};
//! # async fn example<P: Product, A: Paged<Product = P, Item: std::fmt::Debug>>(client: Client<P>, request: A) {
//! let mut pages = client.pages(request);
//! while let Some(page) = pages.next().await {
//!     match page {
//!         Ok(page) => println!("{page:?}"),
//!         Err(error) if error.is_retryable() => {
//!             let Some(request) = pages.next_request() else { break };
//!             pages = client.pages(request.clone());
//!         }
//!         Err(error) => return eprintln!("{error}"),
//!     }
//! }
//! # }
//! ```
//!
//! # Untyped calls
//! [`Client::send_untyped`] has no counterpart here: how an action comes in pages is known from its specification. Take the token from one
//! response and put it into the next request.

mod course;

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use self::course::{Course, Step};
use crate::action::{Action, Product};
use crate::client::Client;
use crate::descriptor::PagingDescriptor;
use crate::error::Error;
use crate::options::CallOptions;
use crate::response::Response;
use crate::value::Value;

/// An action whose response comes in pages. Implemented by generated code, for each action whose specification has `paging`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not come in pages",
    label = "its specification has no `paging`",
    note = "every action can be called with `client.send`; `paging` in the specification of an action makes it one that comes in pages"
)]
pub trait Paged: Action + Clone + 'static {
    /// What the pages list.
    type Item: Send + 'static;

    /// How the action is asked for one page after the other.
    const PAGING: &'static PagingDescriptor = match Self::DESCRIPTOR.paging {
        Some(paging) => paging,
        None => &PagingDescriptor::EMPTY,
    };

    /// The parameter that says which page, or in which this is said.
    #[doc(hidden)]
    fn page_parameter(&mut self) -> &mut dyn Value;

    /// The items of a page.
    #[doc(hidden)]
    fn take_items(output: Self::Output) -> Vec<Self::Item>;
}

impl<P: Product> Client<P> {
    /// The pages of a listing, one call after the other, from the page that the request asks for; by default the first one. See
    /// [`pages`](crate::pages) for where a listing ends and how to go on after an error.
    pub fn pages<A: Paged<Product = P>>(&self, request: A) -> Pages<A> {
        self.pages_with(request, CallOptions::new())
    }

    /// As [`pages`](Self::pages), with settings for the call of each page. The deadline is that of one page.
    pub fn pages_with<A: Paged<Product = P>>(&self, request: A, options: CallOptions) -> Pages<A> {
        Pages {
            client: self.clone(),
            options,
            course: Course::new(A::DESCRIPTOR.name, A::PAGING),
            next: Some(request),
            received: None,
            call: None,
            last: None,
            is_ended: false,
        }
    }

    /// The items of all [`pages`](Self::pages), one after the other.
    pub fn items<A: Paged<Product = P>>(&self, request: A) -> Items<A> {
        self.items_with(request, CallOptions::new())
    }

    /// As [`items`](Self::items), with settings for the call of each page. The deadline is that of one page.
    pub fn items_with<A: Paged<Product = P>>(&self, request: A, options: CallOptions) -> Items<A> {
        Items { pages: self.pages_with(request, options), page: Vec::new().into_iter() }
    }
}

/// The call of a page.
type PageCall<A> = Pin<Box<dyn Future<Output = Result<Response<<A as Action>::Output>, Error>> + Send>>;

/// The pages of a listing: a [`Stream`], and [`next`](Self::next) for those who need no more. [`Client::pages`] makes it.
///
/// It must be read inside a tokio runtime. It ends after an error. `Debug` shows no parameter of the request.
#[must_use = "nothing is sent before the pages are read"]
pub struct Pages<A: Paged> {
    client: Client<A::Product>,
    options: CallOptions,
    course: Course,
    /// The request of the page that comes next; `None` after the last one.
    next: Option<A>,
    /// The request of the page that came last.
    received: Option<A>,
    /// The call of the page that comes next, once it has begun.
    call: Option<PageCall<A>>,
    /// Why no other page follows, if that is an error and the page before it is to be read first.
    last: Option<Error>,
    is_ended: bool,
}

impl<A: Paged> Pages<A> {
    /// The next page; `None` after the last one and after an error. May be dropped and called again: nothing is lost, and the call of
    /// the page goes on with the next poll.
    ///
    /// # Errors
    /// As [`Client::send`], and [`UnusableResponse`](crate::ErrorKind::UnusableResponse) if the pages repeat or a response does not say how to
    /// go on.
    pub async fn next(&mut self) -> Option<Result<Response<A::Output>, Error>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// The request of the page that comes next: after an error, of the page that failed. `None` if no other page follows, the pages repeat,
    /// or no request can be made from what the response says.
    pub fn next_request(&self) -> Option<&A> {
        self.next.as_ref()
    }

    /// Takes a page, and finds out what follows it.
    fn take(&mut self, page: Response<A::Output>) -> Result<Response<A::Output>, Error> {
        let Some(request) = self.next.take() else { return Ok(page) };
        self.course.asked(&|visit| request.each(&mut |parameter, value| visit(parameter.name, value)));
        let with_id = |error: Error| error.with_request_id(page.request_id().map(ToOwned::to_owned));
        match self.course.after(&*page, page.mismatches()) {
            Step::End => {}
            Step::To(position) => {
                let mut next = request.clone();
                match self.course.put(next.page_parameter(), &position) {
                    Ok(()) => self.next = Some(next),
                    Err(error) => self.last = Some(with_id(error)),
                }
            }
            Step::ToNothing(error) => self.last = Some(with_id(error)),
            Step::Repeated(error) => return Err(with_id(error)),
            Step::Unusable(error) => {
                let error = with_id(error);
                self.next = Some(request);
                return Err(error);
            }
        }
        self.received = Some(request);
        Ok(page)
    }
}

impl<A: Paged> Stream for Pages<A> {
    type Item = Result<Response<A::Output>, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if let Some(error) = this.last.take() {
            this.is_ended = true;
            return Poll::Ready(Some(Err(error)));
        }
        let (false, Some(request)) = (this.is_ended, &this.next) else { return Poll::Ready(None) };
        let call = this.call.get_or_insert_with(|| {
            let (client, request, options) = (this.client.clone(), request.clone(), this.options.clone());
            Box::pin(async move { client.send_by_reference(&request, &options).await })
        });
        let page = ready!(call.as_mut().poll(context));
        this.call = None;
        let page = page.and_then(|page| this.take(page));
        this.is_ended = page.is_err();
        Poll::Ready(Some(page))
    }
}

/// Nothing in it is pinned in place: the call has a box of its own.
impl<A: Paged> Unpin for Pages<A> {}

impl<A: Paged> fmt::Debug for Pages<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages")
            .field("action", &A::DESCRIPTOR.name)
            .field("received", &self.course.received())
            .field("in_flight", &self.call.is_some())
            .field("has_next", &(self.next.is_some() && !self.is_ended))
            .finish_non_exhaustive()
    }
}

/// The items of a listing: a [`Stream`], and [`next`](Self::next) for those who need no more. [`Client::items`] makes it.
///
/// It must be read inside a tokio runtime. It ends after an error, which comes behind all items before it. `Debug` shows neither items
/// nor parameters.
#[must_use = "nothing is sent before the items are read"]
pub struct Items<A: Paged> {
    pages: Pages<A>,
    page: std::vec::IntoIter<A::Item>,
}

impl<A: Paged> Items<A> {
    /// The next item; `None` after the last one and after an error. May be dropped and called again: nothing is lost.
    ///
    /// # Errors
    /// As [`Pages::next`].
    pub async fn next(&mut self) -> Option<Result<A::Item, Error>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// The request with which a later listing goes on, so that no item is lost: of the page that comes next, or, if not all items of a page
    /// have been taken, of that page, whose first items then come again. `None` after the last item, or if the pages repeat.
    pub fn next_request(&self) -> Option<&A> {
        if self.page.as_slice().is_empty() { self.pages.next_request() } else { self.pages.received.as_ref() }
    }

    /// The next item of the page at hand.
    #[cfg(feature = "blocking")]
    pub(crate) fn at_hand(&mut self) -> Option<A::Item> {
        self.page.next()
    }
}

impl<A: Paged> Stream for Items<A> {
    type Item = Result<A::Item, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(item) = this.page.next() {
                return Poll::Ready(Some(Ok(item)));
            }
            match ready!(Pin::new(&mut this.pages).poll_next(context)) {
                Some(Ok(page)) => this.page = A::take_items(page.into_inner()).into_iter(),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

/// Nothing in it is pinned in place.
impl<A: Paged> Unpin for Items<A> {}

impl<A: Paged> fmt::Debug for Items<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items")
            .field("pages", &self.pages)
            .field("at_hand", &self.page.as_slice().len())
            .finish_non_exhaustive()
    }
}
