//! Lists: all pages of an action, or the items of all pages, as a stream.
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
//! Each page is a call with its own permit from the throttle, its own retries, events and deadline. The deadline of the
//! client or of the [`CallOptions`] is therefore that of one page; to limit the time of a whole list, wrap the loop in a
//! timeout.
//!
//! The next page is requested when the stream is polled after the last item before it was returned. What is not read is
//! not requested, and no task runs. Dropping a stream cancels the call in flight and returns its permit.
//!
//! One page is in flight at a time, so a list takes at least one round trip per page. With a limit of 10/s and a round trip
//! of 60 ms, one list uses 94 % of the quota, because a permit is free again one window after the response; with 200 ms, it
//! uses 50 %. Several lists at the same time use the rest.
//!
//! # Where a list ends
//! | pages by | the last page |
//! |---|---|
//! | token | has no token: it is absent, empty, `null`, 0 or -1 |
//! | marker | has a flag that says that no page follows |
//! | number or offset | completes the total of the response; without a total, has fewer items than an earlier page, or than the page size in the response; or is empty |
//!
//! A flag in the response that says whether a page follows takes precedence for every style. If items are added or
//! removed meanwhile, pages with a number or an offset shift: an item may be returned twice, or not at all.
//!
//! If a response has a token that an earlier page had, or the items of an earlier page under another number, the list
//! would never end. It ends with an [`UnusableResponse`](crate::ErrorKind::UnusableResponse), however many pages lie
//! between the two. So it does if a member that says how to continue does not fit its type. Equal pages are accepted
//! if some items of a page equal each other, such as numbers, and the list has a total or the response repeats the
//! number of the request.
//!
//! # After an error
//! An error ends the stream. [`Pages::next_request`] and [`Items::next_request`] return the request that continues it:
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
//! [`Client::send_untyped`] has no counterpart here, because the specification of an action says how it is paged. Pass the
//! token of a response to the next request instead.

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

/// An action that returns a list page by page. Implemented by generated code for actions whose specification has `paging`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an action with pages",
    label = "its specification has no `paging`",
    note = "call it with `client.send`, or add `paging` to its specification"
)]
pub trait Paged: Action + Clone + 'static {
    /// The type of an item.
    type Item: Send + 'static;

    /// The facts about its pages.
    const PAGING: &'static PagingDescriptor = match Self::DESCRIPTOR.paging {
        Some(paging) => paging,
        None => &PagingDescriptor::EMPTY,
    };

    /// The parameter that selects the page, or that contains the one that does.
    #[doc(hidden)]
    fn page_parameter(&mut self) -> &mut dyn Value;

    /// The items of a page.
    #[doc(hidden)]
    fn take_items(output: Self::Output) -> Vec<Self::Item>;
}

impl<P: Product> Client<P> {
    /// Returns the pages of a list, starting with the page of the request; by default, with the first one. See
    /// [`pages`](crate::pages) for where a list ends and how to continue after an error.
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

    /// Returns the items of all [`pages`](Self::pages).
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

/// The pages of a list: a [stream](https://docs.rs/futures-core/0.3/futures_core/stream/trait.Stream.html), with
/// [`next`](Self::next) for use without stream traits. Created by [`Client::pages`].
///
/// It must be read inside a tokio runtime. It ends after an error. `Debug` shows neither the request nor a token.
#[must_use = "nothing is sent before the pages are read"]
pub struct Pages<A: Paged> {
    client: Client<A::Product>,
    options: CallOptions,
    course: Course,
    /// The request of the next page; `None` after the last one.
    next: Option<A>,
    /// The request of the last page that was returned.
    received: Option<A>,
    /// The call of the next page, if it is in flight.
    call: Option<PageCall<A>>,
    /// An error that is returned in place of the next page.
    last: Option<Error>,
    is_ended: bool,
}

impl<A: Paged> Pages<A> {
    /// Returns the next page; `None` after the last one and after an error. The future may be dropped: the next one
    /// continues the same call.
    ///
    /// # Errors
    /// As [`Client::send`], and an [`UnusableResponse`](crate::ErrorKind::UnusableResponse) if pages repeat or a response
    /// does not say how to continue.
    pub async fn next(&mut self) -> Option<Result<Response<A::Output>, Error>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Returns the request of the next page; after an error, that of the page that failed. `None` if no page follows, pages
    /// repeat, or the response does not say how to continue.
    pub fn next_request(&self) -> Option<&A> {
        self.next.as_ref()
    }

    /// Advances to the page after this one.
    fn advance(&mut self, page: Response<A::Output>) -> Result<Response<A::Output>, Error> {
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
        let page = page.and_then(|page| this.advance(page));
        this.is_ended = page.is_err();
        Poll::Ready(Some(page))
    }
}

/// Nothing in it is pinned in place: the call is boxed.
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

/// The items of a list: a [stream](https://docs.rs/futures-core/0.3/futures_core/stream/trait.Stream.html), with
/// [`next`](Self::next) for use without stream traits. Created by [`Client::items`].
///
/// It must be read inside a tokio runtime. It ends after an error, which follows all items before it. `Debug` shows
/// neither the request nor items.
#[must_use = "nothing is sent before the items are read"]
pub struct Items<A: Paged> {
    pages: Pages<A>,
    page: std::vec::IntoIter<A::Item>,
}

impl<A: Paged> Items<A> {
    /// Returns the next item; `None` after the last one and after an error. The future may be dropped: no item is lost.
    ///
    /// # Errors
    /// As [`Pages::next`].
    pub async fn next(&mut self) -> Option<Result<A::Item, Error>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Returns the request that continues the list without losing an item. If only some items of a page were returned, it is
    /// the request of that page, so these items are returned again. `None` as for [`Pages::next_request`].
    pub fn next_request(&self) -> Option<&A> {
        if self.page.as_slice().is_empty() { self.pages.next_request() } else { self.pages.received.as_ref() }
    }

    /// The next item that needs no call.
    #[cfg(feature = "blocking")]
    pub(crate) fn next_cached(&mut self) -> Option<A::Item> {
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
            .field("cached", &self.page.as_slice().len())
            .finish_non_exhaustive()
    }
}
