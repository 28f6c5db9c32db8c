//! How to wait for what an action has started.

use std::time::Duration;

/// How to wait for what an action has started: another action of the product is asked until its answer says done or failed.
/// [`Client::wait_for`](crate::Client::wait_for) does so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaiterDescriptor {
    /// The name of the action to ask; it is idempotent.
    pub action: &'static str,
    /// What its request carries: names on the wire, and where the values come from. One without a value is left out.
    pub parameters: &'static [(&'static str, WaiterValue)],
    /// The way to the list whose elements have the state, by the names of members; empty if the answer has one state.
    pub list: &'static [&'static str],
    /// The way from an element, or from the answer, to the state.
    pub state: &'static [&'static str],
    /// Which elements count: those whose members on these ways have these values. All, if it is empty.
    pub condition: &'static [(&'static [&'static str], WaiterValue)],
    /// Whether one element that is done is enough, and the failure of all is needed. Otherwise all have to be done, and one that failed
    /// is a failure.
    pub any: bool,
    /// The states that mean success. Case and blanks around a state do not count.
    pub done: &'static [&'static str],
    /// The states after which success does not come. With any other state, asking goes on.
    pub failed: &'static [&'static str],
    /// The time between two calls.
    pub interval: Duration,
    /// The interval doubles after each call until it is this long.
    pub longest_interval: Duration,
    /// The longest wait, unless a program sets another.
    pub bound: Duration,
}

impl WaiterDescriptor {
    /// A waiter about which nothing is known: the base for struct update syntax.
    pub const EMPTY: Self = Self {
        action: "",
        parameters: &[],
        list: &[],
        state: &[],
        condition: &[],
        any: false,
        done: &[],
        failed: &[],
        interval: Duration::from_secs(10),
        longest_interval: Duration::from_secs(10),
        bound: Duration::from_secs(600),
    };
}

/// Where a value of a waiter comes from: the first of these alternatives whose parts all have a value, put together.
pub type WaiterValue = &'static [&'static [WaiterPart]];

/// A part of a value of a waiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaiterPart {
    /// This text.
    Text(&'static str),
    /// The parameter with this name of the request that started.
    Parameter(&'static str),
    /// The member of the response to that request, by the names of members on the way to it.
    Field(&'static [&'static str]),
}
