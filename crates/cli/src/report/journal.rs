//! The content of one journal, or of the journals of all shards of one input.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::sync::Arc;

use alibabacloud_cams::PRODUCT;
use alibabacloud_cams::descriptor::ActionDescriptor;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::exit::Failure;
use crate::input::Shard;
use crate::journal::{self, End, Entry, Header, State};
use crate::options;

/// The content of one journal, or of the journals of all shards of one input. `T` is what is kept of a response.
#[derive(Debug)]
pub(super) struct Journal<T> {
    /// The number of rows of the input that are sent; rows that repeat an earlier one are not.
    rows_of_input: u64,
    digest: String,
    /// The shards of these journals, if the input was divided.
    shards: BTreeSet<(u64, u64)>,
    /// The rows, by their numbers in the input.
    pub(super) rows: BTreeMap<u64, Row<T>>,
    /// The names of the labels, in the order of their first appearance.
    pub(super) labels: Vec<Arc<str>>,
    /// The start of the first run.
    pub(super) began: String,
    /// Whether the last run of each journal ended without an interruption.
    pub(super) ended: bool,
    /// Notes about the journal.
    pub(super) notes: Vec<String>,
}

/// One row of the input.
#[derive(Debug)]
pub(super) struct Row<T> {
    /// The parameters by their names, in the order of the journal.
    pub(super) parameters: Vec<(String, String)>,
    /// By the indices of their names in [`Journal::labels`].
    pub(super) labels: Vec<(usize, String)>,
    /// The time of its outcome.
    pub(super) at: String,
    /// `None` if its request was about to be sent and no outcome is recorded.
    pub(super) outcome: Option<Outcome<T>>,
}

impl<T> Default for Row<T> {
    fn default() -> Self {
        Self { parameters: Vec::new(), labels: Vec::new(), at: String::new(), outcome: None }
    }
}

impl<T> Row<T> {
    /// The value of a parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(parameter, _)| parameter == name).map(|(_, value)| &**value)
    }
}

#[derive(Debug)]
pub(super) enum Outcome<T> {
    Done(T),
    Failed(Problem),
    Unknown(Problem),
}

/// The reason why a row has no response.
#[derive(Debug, Default, Clone)]
pub(super) struct Problem {
    /// The error code of the service, or the kind of a local failure.
    pub(super) code: String,
    pub(super) message: String,
    pub(super) request_id: String,
}

impl<T> Journal<T> {
    /// The number of rows of the input that are not in the journal; `None` if other shards have them.
    pub(super) fn not_sent(&self) -> Option<u64> {
        let seen = u64::try_from(self.rows.len()).unwrap_or(u64::MAX);
        self.missing_shards().is_empty().then(|| self.rows_of_input.saturating_sub(seen))
    }

    /// The shards that have no journal here.
    pub(super) fn missing_shards(&self) -> Vec<String> {
        let of = self.shards.first().map_or(0, |(_, of)| *of);
        (1..=of).filter(|shard| !self.shards.contains(&(*shard, of))).map(|shard| format!("{shard}/{of}")).collect()
    }

    /// Adds the journal of another shard.
    fn merge(&mut self, other: Self, name: &str) -> Result<(), Failure> {
        let same_input = self.digest == other.digest && self.rows_of_input == other.rows_of_input;
        let of = |journal: &Self| journal.shards.first().map(|(_, of)| *of);
        let shards = of(self).is_some() && of(self) == of(&other) && self.shards.is_disjoint(&other.shards);
        if !same_input || !shards {
            return Err(Failure::local(format!(
                "{name} is not another shard of the same input; a report covers one journal, or the shards of one input"
            )));
        }
        self.shards.extend(other.shards);
        for (number, mut row) in other.rows {
            for (label, _) in &mut row.labels {
                *label = place(&mut self.labels, &other.labels[*label]);
            }
            self.rows.insert(number, row);
        }
        if other.began < self.began {
            self.began = other.began;
        }
        self.ended &= other.ended;
        self.notes.extend(other.notes);
        Ok(())
    }
}

/// The index of a label; a new one is appended.
fn place(labels: &mut Vec<Arc<str>>, label: &str) -> usize {
    labels.iter().position(|known| **known == *label).unwrap_or_else(|| {
        labels.push(label.into());
        labels.len() - 1
    })
}

/// The lines of a journal; `-` is standard input.
fn open(path: &str) -> Result<(&str, Box<dyn BufRead>), Failure> {
    if path == "-" {
        return Ok(("standard input", Box::new(io::stdin().lock())));
    }
    let file = File::open(path).map_err(|error| Failure::local(format!("{path} cannot be read: {error}")))?;
    Ok((path, Box::new(BufReader::new(file))))
}

/// Journals of one action, opened but not yet read.
pub(super) struct Source<'p> {
    name: &'p str,
    lines: Box<dyn BufRead>,
}

impl<'p> Source<'p> {
    /// Opens the journals of these paths; the first one determines the action.
    pub(super) fn open(
        paths: impl IntoIterator<Item = &'p str>,
    ) -> Result<(&'static ActionDescriptor, Vec<Self>), Failure> {
        let mut sources = Vec::new();
        let mut action = None;
        for path in paths {
            let (name, mut lines) = open(path)?;
            if action.is_none() {
                // Read ahead and put back, because standard input cannot be read twice.
                let mut first = Vec::new();
                lines
                    .read_until(b'\n', &mut first)
                    .map_err(|error| Failure::local(format!("{name} cannot be read: {error}")))?;
                action = Some(action_of(name, &first)?);
                lines = Box::new(BufReader::new(io::Read::chain(io::Cursor::new(first), lines)));
            }
            sources.push(Self { name, lines });
        }
        action.map(|action| (action, sources)).ok_or_else(|| Failure::usage("no journal was given".to_owned()))
    }
}

fn action_of(name: &str, first: &[u8]) -> Result<&'static ActionDescriptor, Failure> {
    let (header, _) =
        journal::read(first, |_, _| Ok(())).map_err(|problem| Failure::local(format!("{name} {problem}")))?;
    let Header { product, action, .. } = header;
    if product != PRODUCT.code {
        return Err(Failure::local(format!(
            "{name} is a journal of the product `{product}`; this command reports those of `{}`",
            PRODUCT.code
        )));
    }
    options::action(&action).ok_or_else(|| {
        Failure::local(format!(
            "{name} is a journal of the action `{action}`, which this version of the command does not have; update the command"
        ))
    })
}

/// Reads the journals of one action; `answer` extracts the data to keep of a response.
pub(super) fn read<T>(
    action: &ActionDescriptor,
    sources: Vec<Source>,
    answer: impl Fn(&RawValue) -> Result<T, Problem>,
) -> Result<Journal<T>, Failure> {
    let mut whole: Option<Journal<T>> = None;
    for Source { name, lines } in sources {
        let journal = parse(action, name, lines, &answer)?;
        match &mut whole {
            Some(whole) => whole.merge(journal, name)?,
            None => whole = Some(journal),
        }
    }
    whole.ok_or_else(|| Failure::usage("no journal was given".to_owned()))
}

fn parse<T>(
    action: &ActionDescriptor,
    name: &str,
    lines: impl BufRead,
    answer: &impl Fn(&RawValue) -> Result<T, Problem>,
) -> Result<Journal<T>, Failure> {
    let mut rows = BTreeMap::new();
    let mut labels = Vec::new();
    let mut ended = false;
    let read = journal::read(lines, |_, entry| {
        if entry.run.is_some() {
            ended = entry.is_end_of_run();
        } else {
            take_in(entry, &mut rows, &mut labels, answer);
        }
        Ok(())
    });
    let (header, end) = read.map_err(|problem| Failure::local(format!("{name} {problem}")))?;
    if header.product != PRODUCT.code || header.action != action.name {
        let Header { product, action: other, .. } = header;
        return Err(Failure::local(format!("{name} is a journal of {product} {other}, not of {}", action.name)));
    }
    let mut notes = Vec::new();
    if let End::Torn { .. } = end {
        notes.push(format!(
            "The last line of {} is incomplete: the process that wrote it was killed, or is still running.",
            file_name(name)
        ));
    }
    let mut shards = BTreeSet::new();
    if let Some(shard) = header.shard {
        // Missing rows are listed one by one.
        let valid = Shard::parse(&shard).ok().filter(|shard| shard.of <= 10_000);
        let Some(Shard { number, of }) = valid else {
            return Err(Failure::local(format!(
                "{name} has a damaged first line: its shard does not have the form 2/5"
            )));
        };
        shards.insert((number, of));
    }
    let rows_of_input = header.input.rows.saturating_sub(header.input.repeated);
    Ok(Journal { rows_of_input, digest: header.input.digest, shards, rows, labels, began: header.at, ended, notes })
}

/// The last component of a path; a report does not show where a file is stored.
fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

fn take_in<T>(
    entry: &Entry<'_>,
    rows: &mut BTreeMap<u64, Row<T>>,
    labels: &mut Vec<Arc<str>>,
    answer: &impl Fn(&RawValue) -> Result<T, Problem>,
) {
    let (Some(number), Some(state)) = (entry.row, entry.state) else { return };
    let problem = || Problem {
        code: entry.code.clone().or_else(|| entry.kind.clone()).unwrap_or_default(),
        message: entry.message.clone().unwrap_or_default(),
        request_id: entry.request_id.clone().unwrap_or_default(),
    };
    let outcome = match state {
        State::Sending => {
            let row = rows.entry(number).or_default();
            if let Some(parameters) = entry.parameters {
                row.parameters = members(parameters);
            }
            if let Some(given) = entry.labels {
                row.labels = members(given).into_iter().map(|(name, value)| (place(labels, &name), value)).collect();
            }
            row.outcome = None;
            return;
        }
        State::NotSent => {
            rows.remove(&number);
            return;
        }
        State::Done => {
            let answer = entry.answer.map_or_else(|| answer(RawValue::NULL), answer);
            answer.map_or_else(Outcome::Failed, Outcome::Done)
        }
        State::Failed => Outcome::Failed(problem()),
        State::Unknown => Outcome::Unknown(problem()),
        State::Started | State::Ended | State::Other => return,
    };
    let row = rows.entry(number).or_default();
    row.at = entry.at.clone().unwrap_or_default();
    row.outcome = Some(outcome);
}

/// The members of an object as text; empty for any other value.
fn members(object: &RawValue) -> Vec<(String, String)> {
    let members: Map<String, Value> = serde_json::from_str(object.get()).unwrap_or_default();
    members.into_iter().map(|(name, value)| (name, text(&value))).collect()
}

/// The text of a value: other scalars as JSON, nothing for `null`.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{InputFacts, Opened, Outcome as Recorded, Sums};

    const HEADER: &str = r#"{"journal":1,"product":"cams","action":"ChatappSyncPhoneNumber","version":"2020-06-06","at":"2026-11-25T07:00:00.000Z","input":{"rows":3,"digest":"ab"}}"#;

    fn sync() -> &'static ActionDescriptor {
        PRODUCT.action("ChatappSyncPhoneNumber").expect("a known action")
    }

    #[allow(clippy::unnecessary_wraps, reason = "a reader of responses")]
    fn answer(answer: &RawValue) -> Result<String, Problem> {
        Ok(answer.get().to_owned())
    }

    fn journal(lines: &[&str]) -> Result<Journal<String>, String> {
        let text = HEADER.to_owned() + "\n" + &lines.join("\n");
        parse(sync(), "j", text.as_bytes(), &answer).map_err(|failure| format!("{failure:?}"))
    }

    #[test]
    fn the_last_line_of_a_row_counts_and_lines_may_interleave() {
        let journal = journal(&[
            r#"{"row":2,"line":3,"at":"t1","state":"sending","parameters":{"CustSpaceId":"b"},"labels":{"Customer":"Li"}}"#,
            r#"{"row":1,"line":2,"at":"t1","state":"sending","parameters":{"CustSpaceId":"a"},"new":{}}"#,
            r#"{"row":2,"at":"t2","state":"failed","code":"Throttling","message":"m","status":400,"request_id":"R"}"#,
            r#"{"something":"new"}"#,
            r#"{"row":2,"at":"t3","state":"done","answer":{"Code":"OK"}}"#,
            r#"{"row":3,"at":"t3","state":"sending","parameters":{}}"#,
            r#"{"row":3,"at":"t3","state":"not_sent","code":"InvalidAccessKeyId.NotFound"}"#,
            r#"{"at":"t4","input":{"rows":5,"digest":"cd","repeated":1}}"#,
            "",
        ]);
        let journal = journal.unwrap();
        assert!(journal.rows[&1].outcome.is_none() && !journal.rows.contains_key(&3));
        assert_eq!(journal.rows[&1].parameter("CustSpaceId"), Some("a"));
        assert_eq!((journal.labels.len(), &journal.rows[&2].labels[..]), (1, &[(0, "Li".to_owned())][..]));
        assert!(matches!(&journal.rows[&2].outcome, Some(Outcome::Done(answer)) if answer == r#"{"Code":"OK"}"#));
        assert_eq!(journal.not_sent(), Some(2), "one of the four rows is a duplicate");
    }

    #[test]
    fn a_torn_last_line_is_noted_and_a_malformed_one_named() {
        for torn in ["{\"row\":1,\"sta", "\0\0\0", "\u{fffd}"] {
            let journal = journal(&[r#"{"row":2,"state":"unknown"}"#, torn]).unwrap();
            assert!(journal.rows.len() == 1 && journal.notes[0].contains("incomplete"), "{:?}", journal.notes);
        }
        // Only the end of the line is missing.
        assert!(journal(&[r#"{"row":2,"state":"unknown"}"#]).unwrap().notes.is_empty());
        for wrong in ["{\"row\":1,\"sta", "[]", r#"{"row":"x","state":"done"}"#] {
            let error = journal(&[r#"{"row":2,"state":"unknown"}"#, wrong, "{}"]).unwrap_err();
            assert!(error.contains("line 3"), "{error}");
        }
    }

    #[test]
    fn a_report_reads_what_a_bulk_writes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        let facts = InputFacts { rows: 4, digest: "ab".to_owned(), repeated: 0 };
        let header = Header::new(sync().name, facts, Some("1/2".to_owned()));
        let mut opened = Opened::create(&path).unwrap();
        opened.prepare(&header, |_| {}).unwrap();
        let writer = opened.begin(None).unwrap();
        let pen = writer.pen();
        for row in 1..=4 {
            let written = pen.sending(
                row,
                row + 1,
                &[("CustSpaceId", format!("s{row}"))],
                &[("Customer".into(), "Li".to_owned())],
            );
            written.blocking_recv().unwrap().unwrap();
        }
        let response = serde_json::json!({ "PhoneNumbers": [{ "PhoneNumber": "1", "Status": "BANNED" }] });
        drop(pen.outcome(1, State::Done, &Recorded { answer: Some(&response), ..Recorded::default() }));
        let failed = Recorded { code: Some("c"), message: Some("m"), request_id: Some("r"), ..Recorded::default() };
        drop(pen.outcome(2, State::Failed, &failed));
        drop(pen.outcome(3, State::Unknown, &Recorded { kind: Some("Unanswered"), ..Recorded::default() }));
        drop(pen.ended(1, Sums::default()));
        writer.close().unwrap();

        let (action, sources) = Source::open([path.to_str().unwrap()]).unwrap();
        let read = read(action, sources, answer).unwrap();
        assert_eq!((action.name, read.rows_of_input, &*read.digest, read.ended), (sync().name, 4, "ab", true));
        assert_eq!((read.missing_shards(), read.began), (vec!["2/2".to_owned()], header.at));
        let row = |row: u64| &read.rows[&row];
        assert_eq!((1..=4).filter_map(|number| row(number).parameter("CustSpaceId")).collect::<String>(), "s1s2s3s4");
        assert_eq!(row(4).labels, [(0, "Li".to_owned())]);
        assert!(matches!(&row(1).outcome, Some(Outcome::Done(answer)) if answer.contains("BANNED")));
        let Some(Outcome::Failed(problem)) = &row(2).outcome else { panic!("{:?}", row(2)) };
        assert_eq!((&*problem.code, &*problem.message, &*problem.request_id), ("c", "m", "r"));
        assert!(matches!(&row(3).outcome, Some(Outcome::Unknown(problem)) if problem.code == "Unanswered"));
        assert!(row(4).outcome.is_none() && !row(1).at.is_empty());
    }

    #[test]
    fn the_shards_of_one_input_are_merged() {
        let shard = |shard: &str, digest: &str, row: u64| {
            let header = HEADER.replace("\"ab\"}", &format!("\"{digest}\"}},\"shard\":\"{shard}\""));
            let text =
                format!("{header}\n{{\"row\":{row},\"state\":\"sending\",\"labels\":{{\"L{row}\":\"{row}\"}}}}\n");
            parse(sync(), shard, text.as_bytes(), &answer).unwrap_or_else(|failure| panic!("{failure:?}"))
        };
        let mut whole = shard("1/2", "ab", 1);
        assert_eq!((whole.not_sent(), whole.missing_shards()), (None, vec!["2/2".to_owned()]));
        assert!(whole.merge(shard("2/2", "other", 2), "j").is_err());
        assert!(whole.merge(shard("1/2", "ab", 2), "j").is_err());
        assert!(whole.merge(shard("2/2", "ab", 2), "j").is_ok());
        assert_eq!((whole.not_sent(), whole.rows.len()), (Some(1), 2));
        assert_eq!((whole.labels.len(), &whole.rows[&2].labels[..]), (2, &[(1, "2".to_owned())][..]));
    }
}
