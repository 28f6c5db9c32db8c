//! Pages and items of a list, as iterators.

use std::fmt;

use super::{Client, panicked};
use crate::action::Product;
use crate::error::Error;
use crate::options::CallOptions;
use crate::pages::{self, Paged};
use crate::response::Response;

impl<P: Product> Client<P> {
    /// Returns the pages of a list; see [`Client::pages`](crate::Client::pages).
    pub fn pages<A: Paged<Product = P>>(&self, request: A) -> Pages<A> {
        self.pages_with(request, CallOptions::new())
    }

    /// As [`pages`](Self::pages), with settings for the call of each page. The deadline is that of one page.
    pub fn pages_with<A: Paged<Product = P>>(&self, request: A, options: CallOptions) -> Pages<A> {
        Pages { pages: Some(self.client.pages_with(request, options)), client: self.clone() }
    }

    /// Returns the items of all pages; see [`Client::items`](crate::Client::items).
    ///
    /// ```no_run
    /// # use alibabacloud_runtime::{Error, Product, blocking::Client, pages::Paged};
    /// # fn example<P: Product, A: Paged<Product = P, Item: std::fmt::Debug>>(client: Client<P>, request: A) -> Result<(), Error> {
    /// for item in client.items(request) {
    ///     println!("{:?}", item?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn items<A: Paged<Product = P>>(&self, request: A) -> Items<A> {
        self.items_with(request, CallOptions::new())
    }

    /// As [`items`](Self::items), with settings for the call of each page. The deadline is that of one page.
    pub fn items_with<A: Paged<Product = P>>(&self, request: A, options: CallOptions) -> Items<A> {
        Items { items: Some(self.client.items_with(request, options)), client: self.clone() }
    }
}

/// The pages of a list, as an iterator that ends after an error. `next` requests one page.
#[must_use = "nothing is sent before the pages are read"]
pub struct Pages<A: Paged> {
    /// `None` once a call has panicked.
    pages: Option<pages::Pages<A>>,
    client: Client<A::Product>,
}

impl<A: Paged> Pages<A> {
    /// Returns the request that continues the list; see [`pages::Pages::next_request`]. `None` if a call panicked.
    pub fn next_request(&self) -> Option<&A> {
        self.pages.as_ref()?.next_request()
    }
}

impl<A: Paged> Iterator for Pages<A> {
    type Item = Result<Response<A::Output>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut pages = self.pages.take()?;
        let Some((page, pages)) = self.client.run(async move { (pages.next().await, pages) }) else {
            return Some(Err(panicked()));
        };
        self.pages = Some(pages);
        page
    }
}

impl<A: Paged> fmt::Debug for Pages<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("blocking::Pages").field(&self.pages).finish()
    }
}

/// The items of a list, as an iterator that ends after an error. `next` requests a page if all items before it were returned.
#[must_use = "nothing is sent before the items are read"]
pub struct Items<A: Paged> {
    /// `None` once a call has panicked.
    items: Option<pages::Items<A>>,
    client: Client<A::Product>,
}

impl<A: Paged> Items<A> {
    /// Returns the request that continues the list; see [`pages::Items::next_request`]. `None` if a call panicked.
    pub fn next_request(&self) -> Option<&A> {
        self.items.as_ref()?.next_request()
    }
}

impl<A: Paged> Iterator for Items<A> {
    type Item = Result<A::Item, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut items = self.items.take()?;
        // Without a switch to the client's thread.
        if let Some(item) = items.next_cached() {
            self.items = Some(items);
            return Some(Ok(item));
        }
        let Some((item, items)) = self.client.run(async move { (items.next().await, items) }) else {
            return Some(Err(panicked()));
        };
        self.items = Some(items);
        item
    }
}

impl<A: Paged> fmt::Debug for Items<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("blocking::Items").field(&self.items).finish()
    }
}
