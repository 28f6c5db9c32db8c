//! The descriptor of a waiter.

use std::time::Duration;

/// How to wait for the operation that an action starts: another action of the product is called until its response, or
/// an error code, means done or failed. Used by [`Client::wait_for`](crate::Client::wait_for).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaiterDescriptor {
    /// The name of the action to call, which is idempotent.
    pub action: &'static str,
    /// The parameters of its request: names on the wire and sources of the values. One without a value is left out.
    pub parameters: &'static [(&'static str, WaiterValue)],
    /// The path of the list whose elements have the state, as names of members; empty if the response has a single
    /// state.
    pub list: &'static [&'static str],
    /// The path from an element, or from the response, to the state; empty if only error codes end the wait.
    pub state: &'static [&'static str],
    /// The values that members of an element must have for the element to count, by path; all elements count if it is
    /// empty. Phone numbers, which are sensitive numbers, are compared by their digits; a zero before the number in
    /// `{CountryCode}{Number}` may be a trunk prefix.
    pub condition: &'static [(&'static [&'static str], WaiterValue)],
    /// Whether one element that is done is enough, and the failure of all is needed. Otherwise all have to be done, and
    /// one that failed is a failure.
    pub any: bool,
    /// The states that mean success. Case and surrounding blanks are ignored.
    pub done: &'static [&'static str],
    /// The states that mean failure. With any other state, the wait continues.
    pub failed: &'static [&'static str],
    /// Whether the operation is done if no element counts, such as after a deletion. Otherwise the wait continues.
    pub done_if_absent: bool,
    /// The error codes of the called action that mean success, such as that of a resource that no longer exists. Case
    /// is ignored.
    pub done_errors: &'static [&'static str],
    /// The error codes after which the wait continues, such as that of a resource that does not exist yet.
    pub pending_errors: &'static [&'static str],
    /// The time between two calls.
    pub interval: Duration,
    /// The interval doubles after each call until it is this long.
    pub longest_interval: Duration,
    /// The longest wait, unless the program sets another.
    pub bound: Duration,
}

impl WaiterDescriptor {
    /// An empty descriptor, as the base for struct update syntax.
    pub const EMPTY: Self = Self {
        action: "",
        parameters: &[],
        list: &[],
        state: &[],
        condition: &[],
        any: false,
        done: &[],
        failed: &[],
        done_if_absent: false,
        done_errors: &[],
        pending_errors: &[],
        interval: Duration::from_secs(10),
        longest_interval: Duration::from_secs(10),
        bound: Duration::from_secs(600),
    };
}

/// The source of a value of a waiter: the parts of the first alternative whose parts all have values, joined.
pub type WaiterValue = &'static [&'static [WaiterPart]];

/// A part of a value of a waiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaiterPart {
    /// This text.
    Text(&'static str),
    /// The parameter with this name of the request that started.
    Parameter(&'static str),
    /// A member of the response to that request, by its path.
    Field(&'static [&'static str]),
}
