//! The traits of generated types: [`Product`], [`Request`] and [`Action`].

use std::fmt;

use crate::credentials::ProvideCredentials;
use crate::descriptor::{ActionDescriptor, ParameterDescriptor, ProductDescriptor};
use crate::value::{Object, Value};

/// A product. Implemented by an empty type of each generated crate; it keeps the actions of one product from being sent by the
/// client of another.
pub trait Product: Send + Sync + 'static {
    /// The facts about the product.
    const DESCRIPTOR: &'static ProductDescriptor;

    /// Where a client that is built [from the environment](crate::ClientBuilder::from_env) has its credentials from; `None`: access
    /// keys in environment variables, and nothing else. The feature `credentials` of a generated crate puts the chain of all sources
    /// here, which this crate does not know.
    fn default_credentials() -> Option<Box<dyn ProvideCredentials>> {
        None
    }
}

/// The parameters of a call, as a value. Implemented by generated code only.
pub trait Request: fmt::Debug + Clone + PartialEq + Send + Sync + 'static {
    /// The facts about the parameters, required ones first.
    const PARAMETERS: &'static [ParameterDescriptor];

    /// Visits the parameters in the order of [`PARAMETERS`](Self::PARAMETERS), those without a value included.
    #[doc(hidden)]
    fn each<'a>(&'a self, visit: &mut dyn FnMut(&'static ParameterDescriptor, &'a dyn Value));
}

/// An action: a request together with what answers it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an action",
    label = "not an action",
    note = "a request of a generated crate is sent as a value, e.g. `client.send(ChatappSyncPhoneNumber::new(\"…\"))`"
)]
pub trait Action: Request {
    /// The product to which it belongs.
    type Product: Product;
    /// The output of a successful call.
    type Output: Object + fmt::Debug + Clone + PartialEq + Default + 'static;

    /// The facts about the action.
    const DESCRIPTOR: &'static ActionDescriptor;
}

/// An action that starts an operation, with the action that returns the state of the operation; see
/// [`Client::wait_for`](crate::Client::wait_for).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an action with a waiter",
    label = "no action to wait for",
    note = "its specification has no `waiter`, or the crate lacks the feature of the action to call"
)]
pub trait Waitable: Action {
    /// The action to call. The other facts are in [`ActionDescriptor::waiter`].
    type Asked: Action<Product = Self::Product>;
}
