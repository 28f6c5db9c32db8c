//! What generated types implement: [`Product`], [`Request`] and [`Action`].

use std::fmt;

use crate::credentials::ProvideCredentials;
use crate::descriptor::{ActionDescriptor, ParameterDescriptor, ProductDescriptor};
use crate::value::{Hidden, Object, Value, View};

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

/// The parameters of a call, as a value.
pub trait Request: fmt::Debug + Send + Sync {
    /// The facts about the parameters, required ones first.
    const PARAMETERS: &'static [ParameterDescriptor];

    /// Visits the parameters in the order of [`PARAMETERS`](Self::PARAMETERS), those without a value included.
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
    /// What a successful call returns.
    type Output: Object + Default + 'static;

    /// The facts about the action.
    const DESCRIPTOR: &'static ActionDescriptor;
}

/// An action that only starts something, together with the action that tells when it is done; see
/// [`Client::wait_for`](crate::Client::wait_for).
#[diagnostic::on_unimplemented(
    message = "nothing is known about waiting for `{Self}`",
    label = "no action to wait for",
    note = "its specification has no `waiter`, or the crate lacks the feature of the action that would be asked"
)]
pub trait Waitable: Action {
    /// The action that is asked. The facts are in [`ActionDescriptor::waiter`].
    type Asked: Action<Product = Self::Product>;
}

/// The type of a builder's field whose required parameter is not set yet; once it is, the field has the parameter's own type.
#[derive(Debug)]
pub struct Unset;

/// Visits parameters with their values; the values are in the order of the parameters.
pub fn each_parameter<'a>(
    parameters: &'static [ParameterDescriptor],
    values: &[&'a dyn Value],
    visit: &mut dyn FnMut(&'static ParameterDescriptor, &'a dyn Value),
) {
    for (parameter, value) in parameters.iter().zip(values) {
        visit(parameter, *value);
    }
}

/// Something that visits the parameters of a request.
pub type EachParameter<'r> = &'r dyn Fn(&mut dyn FnMut(&'static ParameterDescriptor, &dyn Value));

/// The `Debug` output of a request: its parameters with a value, sensitive ones hidden. Not generic: compiled once.
pub fn debug_request(name: &str, each: EachParameter<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut debug = f.debug_struct(name);
    each(&mut |parameter, value| match value.view() {
        View::Absent => {}
        _ if parameter.sensitive => {
            debug.field(parameter.field, &Hidden);
        }
        view => {
            debug.field(parameter.field, &view);
        }
    });
    debug.finish()
}
