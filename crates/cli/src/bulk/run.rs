//! A run: follows the outcomes of its rows until the last one, or until it stops.

use std::collections::{BTreeMap, HashSet};
use std::future::pending;
use std::pin::pin;
use std::time::Duration;

use alibabacloud_cams::bulk::Outcomes;
use alibabacloud_cams::{Cams, RateLimit};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::gate::{Gate, Tripped};
use super::progress::{Counts, Progress};
use super::task::{Ended, Task, word};
use crate::input::Row;
use crate::journal::State;
use crate::output::printable;

/// Why a run ends before its last row.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    Interrupted,
    /// By a second Ctrl-C, with calls in flight.
    InterruptedTwice,
    JournalFull(String),
    Tripped(Tripped),
    InputChanged,
}

/// What happens during a run.
pub(super) struct Run {
    pub(super) counts: Counts,
    /// How many rows of this run ended for which reason: state, then code or kind.
    pub(super) reasons: BTreeMap<(&'static str, String), u64>,
    /// How many rows this run has sent.
    pub(super) sent: u64,
    pub(super) stop: Option<Stop>,
    began: Instant,
    /// Refused rows, which are recorded as failed but are not done.
    reverted: HashSet<u64>,
}

impl Run {
    pub(super) fn new(counts: Counts) -> Self {
        Self { counts, reasons: BTreeMap::new(), sent: 0, stop: None, began: Instant::now(), reverted: HashSet::new() }
    }

    pub(super) fn took(&self) -> Duration {
        self.began.elapsed()
    }

    /// Reads the outcomes until the last one, or until the run stops.
    pub(super) async fn follow(
        &mut self,
        mut outcomes: Outcomes<'_, Cams, Task>,
        limit: Option<RateLimit>,
        states: &mut [State],
        gate: &Gate,
        mut notices: UnboundedReceiver<String>,
    ) {
        let mut progress = Progress::new(limit, self.counts.left);
        let mut ticks = interval(progress.interval());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick is immediate.
        ticks.tick().await;
        let mut signal = pin!(stop_signal());
        loop {
            tokio::select! {
                outcome = outcomes.next() => {
                    let Some(outcome) = outcome else { break };
                    self.note(&outcome.request.row, outcome.result, states, &mut progress);
                    if self.stop.is_some() {
                        gate.stop();
                        outcomes.stop();
                    }
                }
                () = &mut signal => {
                    progress.clear();
                    if self.stop.is_some() {
                        self.stop = Some(Stop::InterruptedTwice);
                        break;
                    }
                    signal.set(stop_signal());
                    self.stop = Some(Stop::Interrupted);
                    gate.stop();
                    outcomes.stop();
                    crate::output::say("Stopping: waiting for the calls in flight. Press Ctrl-C again to quit now.");
                }
                Some(notice) = notices.recv() => {
                    progress.clear();
                    crate::output::say(&printable(&notice).clone());
                }
                _ = ticks.tick() => progress.show(self.counts),
            }
        }
        progress.clear();
        while let Ok(notice) = notices.try_recv() {
            crate::output::say(&printable(&notice).clone());
        }
    }

    fn note(&mut self, row: &Row, ended: Ended, states: &mut [State], progress: &mut Progress) {
        if let Some((why, what)) = &ended.unrecorded {
            if !what.is_empty() {
                progress.clear();
                let (number, line) = (row.number, row.line);
                crate::output::say(&format!(
                    "not in the journal: row {number} (line {line}) {}: {}",
                    printable(what),
                    printable(why)
                ));
            }
            self.stop.get_or_insert_with(|| Stop::JournalFull(why.clone()));
        }
        self.count(row.number, &ended, states);
        if let Some(tripped) = ended.tripped {
            for row in &tripped.refused {
                self.revert(*row, states);
            }
            self.stop.get_or_insert(Stop::Tripped(tripped));
        }
    }

    fn count(&mut self, row: u64, ended: &Ended, states: &mut [State]) {
        let count = match ended.state {
            State::Done => &mut self.counts.done,
            State::Failed if self.reverted.contains(&row) => return,
            State::Failed => &mut self.counts.failed,
            State::Unknown => &mut self.counts.unknown,
            _ => return,
        };
        *count += 1;
        self.counts.left -= 1;
        self.sent += 1;
        if let Some(state) = state_of(states, row) {
            *state = ended.state;
        }
        if let Some(reason) = &ended.reason {
            *self.reasons.entry((word(ended.state), reason.clone())).or_default() += 1;
        }
    }

    /// Undoes the failure of a row, before or after its outcome arrives.
    fn revert(&mut self, row: u64, states: &mut [State]) {
        if let Some(state) = state_of(states, row).filter(|state| **state == State::Failed) {
            *state = State::NotSent;
            self.counts.failed -= 1;
            self.counts.left += 1;
        }
        self.reverted.insert(row);
        // The reason of the stop names the code.
        self.reasons.retain(|(state, _), _| *state != word(State::Failed) || self.counts.failed > 0);
    }
}

fn state_of(states: &mut [State], row: u64) -> Option<&mut State> {
    usize::try_from(row - 1).ok().and_then(|index| states.get_mut(index))
}

/// Waits for Ctrl-C, or for the signal with which a service manager ends a process.
async fn stop_signal() {
    // If signals cannot be watched, they end the process; the journal has everything up to then.
    let ctrl_c = async {
        if tokio::signal::ctrl_c().await.is_err() {
            pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = pending::<()>();
    tokio::select! {
        () = ctrl_c => {}
        () = terminate => {}
    }
}
