//! The journal of a bulk: an append-only file of JSON lines that records every request and its outcome.
//!
//! The first line is the [`Header`]. Each row has a line `sending`, written before its request is sent, and a line with
//! its outcome (`done`, `failed`, `unknown`, `not_sent`); the last line of a row counts. A line with `run` records the
//! start or end of a run of the command. A line with `input` records that rows were appended to the input.
//!
//! This module defines the format, [`mod@write`] writes it, and [`mod@read`] reads it for `cams bulk` and `cams
//! report`.

mod read;
mod write;

use alibabacloud_cams::PRODUCT;
use serde::{Deserialize, Serialize};

pub(crate) use self::read::{End, Entry, read};
pub(crate) use self::write::{Journal, Opened, Outcome, Past, Pen, Sums, Written, confirmed, look};

/// The version of the format.
pub(crate) const VERSION: u32 = 1;

/// The first bytes of every journal.
const BEGINNING: &[u8] = b"{\"journal\":";

/// The first line: the action and the input that the journal belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    pub(crate) journal: u32,
    pub(crate) product: String,
    pub(crate) action: String,
    pub(crate) version: String,
    pub(crate) at: String,
    pub(crate) input: InputFacts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shard: Option<String>,
}

/// Identifies an input.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InputFacts {
    pub(crate) rows: u64,
    /// The digest of the parameters of all rows in their order; labels do not count.
    pub(crate) digest: String,
    /// The number of rows that repeat an earlier row and are not sent.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) repeated: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Header {
    pub(crate) fn new(action: &str, input: InputFacts, shard: Option<String>) -> Self {
        Self {
            journal: VERSION,
            product: PRODUCT.code.to_owned(),
            action: action.to_owned(),
            version: PRODUCT.version.to_owned(),
            at: now(),
            input,
            shard,
        }
    }

    /// The reason why this journal cannot continue with that input; `prefix` is the digest of as many leading rows as
    /// this journal has.
    pub(crate) fn mismatch(&self, wanted: &Self, prefix: Option<&str>) -> Option<String> {
        let shard =
            |header: &Self| header.shard.as_ref().map_or("no --shard".to_owned(), |shard| format!("--shard {shard}"));
        if (&self.product, &self.action) != (&wanted.product, &wanted.action) {
            return Some(format!("belongs to {} {}, not to {}", self.product, self.action, wanted.action));
        }
        if prefix != Some(&*self.input.digest) {
            return Some(format!(
                "belongs to another input: its {} rows are not the first of these {}. Rows can be appended, but not changed, moved or removed. \
                 Restore the input, or use another journal",
                self.input.rows, wanted.input.rows
            ));
        }
        if self.shard != wanted.shard {
            return Some(format!("was created with {}, not with {}", shard(self), shard(wanted)));
        }
        None
    }
}

/// The current time in the form of the journal: UTC, with milliseconds.
pub(crate) fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

/// The state of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// Its request was about to be sent, and no outcome is recorded.
    Sending,
    /// It succeeded.
    Done,
    /// The service refused it; it had no effect.
    Failed,
    /// It may or may not have taken effect.
    Unknown,
    /// It was not sent, or not executed for a reason that does not concern the row. The next run sends it.
    NotSent,
    /// Of a run, not of a row: the run started.
    Started,
    /// Of a run, not of a row: the run ended.
    Ended,
    /// A state of a later version.
    #[serde(other)]
    Other,
}
