//! Reads a journal line by line, for `cams bulk` and `cams report`.

use std::fmt;
use std::io::{self, BufRead, Read as _};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{BEGINNING, Header, InputFacts, State, VERSION};

/// The maximum length of a header, in bytes.
const LONGEST_HEADER: u64 = 1 << 20;

/// A line after the header. Unknown keys are ignored, so that a journal of a later version can be read.
#[derive(Debug, Deserialize)]
pub(crate) struct Entry<'a> {
    pub(crate) row: Option<u64>,
    pub(crate) run: Option<u64>,
    pub(crate) state: Option<State>,
    pub(crate) at: Option<String>,
    #[serde(borrow)]
    pub(crate) parameters: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) labels: Option<&'a RawValue>,
    pub(crate) code: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) request_id: Option<String>,
    #[serde(borrow)]
    pub(crate) answer: Option<&'a RawValue>,
    #[serde(default)]
    pub(crate) interrupted: bool,
    input: Option<InputFacts>,
}

impl Entry<'_> {
    /// Whether the line records the end of a run that was not interrupted.
    pub(crate) fn is_end_of_run(&self) -> bool {
        self.run.is_some() && self.state == Some(State::Ended) && !self.interrupted
    }
}

/// How the file ends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    Whole,
    /// Only the line break is missing.
    Unfinished,
    /// A partial line follows this length.
    Torn {
        good: u64,
    },
}

/// Why a file cannot be read as a journal.
#[derive(Debug)]
pub(crate) enum Problem {
    Io(io::Error),
    /// The file is empty or holds a part of a header: a run ended while it created the journal.
    Empty,
    NotAJournal,
    Version(u64),
    /// A fact is missing in the header.
    Header,
    /// The line with this number is malformed.
    Line(u64, String),
}

/// The text completes a sentence that begins with the name of the journal.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "cannot be read: {error}"),
            Self::Empty => f.write_str("is not a journal of `cams bulk`: it is empty"),
            Self::NotAJournal => {
                f.write_str("is not a journal of `cams bulk`: its first line is not the header of one; check the path")
            }
            Self::Version(version) => {
                write!(f, "has format version {version}, but this program reads version {VERSION}; update it")
            }
            Self::Header => f.write_str("has a damaged first line: a fact is missing or has the wrong type"),
            Self::Line(number, problem) => write!(
                f,
                "has a malformed line {number}: {problem}. To use the other lines, remove this one from a copy of the journal"
            ),
        }
    }
}

/// Reads the header, which is passed to `begin`, and then each line in order. Returns the header with the latest facts
/// about the input.
///
/// A torn last line, left by a process that was killed, is skipped. Any other line that is not a JSON object is an
/// error.
pub(crate) fn read(
    mut lines: impl BufRead,
    mut each: impl FnMut(&Header, &Entry<'_>) -> Result<(), String>,
) -> Result<(Header, End), Problem> {
    let mut bytes = Vec::new();
    lines.by_ref().take(LONGEST_HEADER).read_until(b'\n', &mut bytes).map_err(Problem::Io)?;
    if !bytes.ends_with(b"\n") {
        let is_beginning = bytes.starts_with(BEGINNING) || BEGINNING.starts_with(&bytes);
        return Err(if is_beginning { Problem::Empty } else { Problem::NotAJournal });
    }
    let mut header = header(&bytes)?;
    let mut good = bytes.len() as u64;
    let mut number = 1;
    loop {
        bytes.clear();
        if lines.read_until(b'\n', &mut bytes).map_err(Problem::Io)? == 0 {
            return Ok((header, End::Whole));
        }
        number += 1;
        let whole = bytes.ends_with(b"\n");
        if bytes.trim_ascii().is_empty() && whole {
            good += bytes.len() as u64;
            continue;
        }
        match serde_json::from_slice::<Entry>(&bytes) {
            Ok(entry) => {
                if let Some(input) = &entry.input
                    && entry.row.is_none()
                {
                    header.input = input.clone();
                }
                each(&header, &entry).map_err(|problem| Problem::Line(number, problem))?;
            }
            Err(_) if !whole => return Ok((header, End::Torn { good })),
            // The message of the error may quote the line.
            Err(error) => {
                return Err(Problem::Line(number, format!("not a line of a journal (column {})", error.column())));
            }
        }
        if !whole {
            return Ok((header, End::Unfinished));
        }
        good += bytes.len() as u64;
    }
}

fn header(bytes: &[u8]) -> Result<Header, Problem> {
    #[derive(Deserialize)]
    struct Version {
        journal: u64,
    }
    let version: Version = serde_json::from_slice(bytes).map_err(|_| Problem::NotAJournal)?;
    if version.journal != u64::from(VERSION) {
        return Err(Problem::Version(version.journal));
    }
    serde_json::from_slice(bytes).map_err(|_| Problem::Header)
}
