//! The connections of a simulator: their counts, and the faults of the next ones.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::fault::ConnectionFault;

type ScriptFn = Arc<dyn Fn(u64) -> Option<ConnectionFault> + Send + Sync>;

/// The number of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ConnectionCounts {
    /// Accepted since the start.
    pub accepted: u64,
    /// Not yet closed by both sides.
    pub open: u64,
}

/// Counts and scripts of all connections.
#[derive(Default)]
pub(crate) struct Connections(Mutex<State>);

#[derive(Default)]
struct State {
    counts: ConnectionCounts,
    queue: VecDeque<ConnectionFault>,
    function: Option<ScriptFn>,
}

/// One connection, counted as open until it is dropped.
pub(crate) struct Counted {
    connections: Arc<Connections>,
    /// Starts at 1.
    pub(crate) number: u64,
    next: Option<ConnectionFault>,
}

impl Counted {
    /// The fault of the connection. A panic in the function affects only this connection.
    pub(crate) fn fault(&mut self) -> Option<ConnectionFault> {
        let function = self.connections.state().function.clone();
        self.next.take().or_else(|| function.and_then(|function| function(self.number)))
    }
}

impl Connections {
    /// Counts a new connection and assigns it the next fault of the queue.
    pub(crate) fn accepted(self: &Arc<Self>) -> Counted {
        let mut state = self.state();
        state.counts.accepted += 1;
        state.counts.open += 1;
        Counted { connections: self.clone(), number: state.counts.accepted, next: state.queue.pop_front() }
    }

    pub(crate) fn counts(&self) -> ConnectionCounts {
        self.state().counts
    }

    pub(crate) fn script(&self, faults: impl IntoIterator<Item = ConnectionFault>) {
        let faults: Vec<ConnectionFault> = faults.into_iter().collect();
        self.state().queue.extend(faults);
    }

    pub(crate) fn script_fn(&self, function: ScriptFn) {
        self.state().function = Some(function);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock panics halfway through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.connections.state().counts.open -= 1;
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.counts().fmt(f)
    }
}
