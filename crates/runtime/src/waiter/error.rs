//! The errors of waiting.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use crate::error::{Error, cut, one_line, rounded};
use crate::response::Response;

/// The error of [`Client::wait_for`](crate::Client::wait_for).
///
/// None of these errors stops the operation.
#[derive(Debug)]
#[non_exhaustive]
pub enum WaitError<T> {
    /// The operation failed; waiting again does not help.
    #[non_exhaustive]
    Failed {
        /// The action that started the operation.
        action: Cow<'static, str>,
        /// The action that was called.
        asked: &'static str,
        /// The state in the response.
        state: String,
        /// The response.
        response: Box<Response<T>>,
    },
    /// The operation has not ended within the bound. Another wait continues to wait for it.
    #[non_exhaustive]
    BoundReached {
        /// The action that started the operation.
        action: Cow<'static, str>,
        /// The action that was called.
        asked: &'static str,
        /// The last state; `None` if no response had one, or if no element met the condition.
        state: Option<String>,
        /// The last response; `None` if no call got one.
        last: Option<Box<Response<T>>>,
        /// The error of the last call, if it failed.
        error: Option<Error>,
        /// The number of calls.
        calls: u32,
        /// The duration of the wait.
        waited: Duration,
    },
    /// The service rejected a call, or no call was possible: see [`ErrorKind`](crate::ErrorKind)
    /// for what to do.
    Refused(Error),
}

impl<T> WaitError<T> {
    /// Returns the last response: the one with the failed state, or the last one before the bound.
    pub fn response(&self) -> Option<&Response<T>> {
        match self {
            Self::Failed { response, .. } => Some(response),
            Self::BoundReached { last, .. } => last.as_deref(),
            Self::Refused(_) => None,
        }
    }

    /// Returns the error of the last call, if it failed.
    pub fn error(&self) -> Option<&Error> {
        match self {
            Self::Failed { .. } => None,
            Self::BoundReached { error, .. } => error.as_ref(),
            Self::Refused(error) => Some(error),
        }
    }

    /// Returns the last state; `None` if no response had one.
    pub fn state(&self) -> Option<&str> {
        match self {
            Self::Failed { state, .. } => Some(state),
            Self::BoundReached { state, .. } => state.as_deref(),
            Self::Refused(_) => None,
        }
    }

    /// Returns whether the bound was reached.
    pub fn is_bound_reached(&self) -> bool {
        matches!(self, Self::BoundReached { .. })
    }
}

impl<T> From<Error> for WaitError<T> {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

/// The longest state that is shown, in bytes.
const LONGEST_STATE: usize = 100;

impl<T> fmt::Display for WaitError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |state: &str| cut(&one_line(state), LONGEST_STATE).into_owned();
        match self {
            Self::Failed { action, asked, state, response } => {
                write!(f, "{action} did not succeed: `{asked}` reports `{}`", shown(state))?;
                match response.request_id() {
                    Some(id) => write!(f, " (request {})", one_line(id)),
                    None => Ok(()),
                }
            }
            Self::BoundReached { action, asked, state, last, error, calls, waited } => {
                let times = if *calls == 1 { "once".to_owned() } else { format!("{calls} times") };
                write!(f, "{action} is not done after {:?}: `{asked}` was called {times}", rounded(*waited))?;
                match (state, last) {
                    (Some(state), _) => write!(f, " and last reported `{}`", shown(state))?,
                    (None, Some(_)) => f.write_str(" and reported no state of it")?,
                    (None, None) => {}
                }
                match error {
                    Some(error) => write!(f, "; the last call failed: {error}"),
                    None => Ok(()),
                }
            }
            Self::Refused(error) => write!(f, "waiting failed: {error}"),
        }
    }
}

impl<T: fmt::Debug> StdError for WaitError<T> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.error().map(|error| error as _)
    }
}
