//! After a throttled answer: nobody sends until the pause is over, then one request goes ahead before the rest follow.

use std::time::Duration;

/// How long the rest waits for the answer to the request that goes ahead, beyond a quick round trip. A service refuses before it
/// works, so a refusal is quick, and a request that is not answered by then got through.
const PROBE_ALLOWANCE: Duration = Duration::from_millis(100);

/// The first pause where nobody tells its length; it doubles with every further throttled answer in a row.
const FIRST_BACKOFF: Duration = Duration::from_millis(200);
const LONGEST_BACKOFF: Duration = Duration::from_secs(20);

/// Whether a request may go, as far as pauses are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    Open,
    /// Closed until then; `None` if that depends on a request whose permit is out and not used yet.
    Closed(Option<Duration>),
}

/// The state of pausing. Times count from any fixed moment.
#[derive(Debug, Default)]
pub(super) struct Pause {
    state: State,
    /// Throttled answers since the last one that was not, several within one pause counted once.
    in_a_row: u32,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    #[default]
    None,
    Until(Duration),
    /// This request goes ahead; the rest follows at that time, if it is sent by now.
    Probing {
        serial: u64,
        follow: Option<Duration>,
    },
}

impl Pause {
    pub(super) fn gate(&self, now: Duration) -> Gate {
        match self.state {
            State::Until(end) if now < end => Gate::Closed(Some(end)),
            State::Probing { follow: Some(time), .. } if time <= now => Gate::Open,
            State::Probing { follow, .. } => Gate::Closed(follow),
            State::None | State::Until(_) => Gate::Open,
        }
    }

    /// When the pause ends, if there is one.
    pub(super) fn until(&self) -> Option<Duration> {
        match self.state {
            State::Until(end) => Some(end),
            State::Probing { follow, .. } => follow,
            State::None => None,
        }
    }

    /// A request got its permit through the open gate.
    pub(super) fn granted(&mut self, serial: u64) {
        self.state = match self.state {
            State::Until(_) => State::Probing { serial, follow: None },
            State::None | State::Probing { .. } => State::None,
        };
    }

    pub(super) fn sent(&mut self, serial: u64, now: Duration) {
        if let State::Probing { serial: probe, follow } = &mut self.state
            && *probe == serial
        {
            *follow = Some(now.saturating_add(PROBE_ALLOWANCE));
        }
    }

    /// The request was answered, and not throttled.
    pub(super) fn answered(&mut self, serial: u64) {
        match self.state {
            State::None => self.in_a_row = 0,
            State::Probing { serial: probe, .. } if probe == serial => *self = Self::default(),
            // Sent before the pause; it says nothing about what the service does now.
            State::Until(_) | State::Probing { .. } => {}
        }
    }

    /// The request was not sent: another one goes ahead in its place.
    pub(super) fn given_back(&mut self, serial: u64) {
        if let State::Probing { serial: probe, .. } = self.state
            && probe == serial
        {
            self.state = State::Until(Duration::ZERO);
        }
    }

    /// A request was throttled. Returns whether this begins a pause, rather than prolonging one.
    pub(super) fn throttled(&mut self, now: Duration, pause: Option<Duration>) -> bool {
        let begins = !matches!(self.state, State::Until(end) if now < end);
        if begins {
            self.in_a_row = self.in_a_row.saturating_add(1);
        }
        let pause = pause.unwrap_or_else(|| {
            let doubled = 2_u32.saturating_pow(self.in_a_row.saturating_sub(1));
            FIRST_BACKOFF.saturating_mul(doubled).min(LONGEST_BACKOFF)
        });
        let end = now.saturating_add(pause);
        self.state = match self.state {
            State::Until(already) => State::Until(already.max(end)),
            State::None | State::Probing { .. } => State::Until(end),
        };
        begins
    }
}
