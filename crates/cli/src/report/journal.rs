//! Reading the journals of `cams bulk`: JSON lines, of which the first says what the journal is of.
//!
//! Unknown keys and unknown kinds of lines are ignored, so that a newer journal can be read. A torn last line, which a killed
//! process leaves behind, is noted; any other line that is no JSON object is an error, because nobody knows what it said.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader};

use alibabacloud_cams::chatapp_sync_phone_number::{Output, PhoneNumber};
use alibabacloud_cams::descriptor::ActionDescriptor;
use alibabacloud_cams::{ChatappSyncPhoneNumber, PRODUCT};
use alibabacloud_runtime::Action;
use alibabacloud_runtime::private::decode::decode;
use serde::Deserialize;
use serde_json::Value;

use super::findings::State;
use crate::bulk::Shard;
use crate::exit::Failure;
use crate::journal::{self, Header, VERSION};

/// The action whose answers are reported.
const ACTION: &ActionDescriptor = <ChatappSyncPhoneNumber as Action>::DESCRIPTOR;

/// The parameter that says which space was synced.
const SPACE: &str = "CustSpaceId";

/// What one journal says, or those of all shards of one input together.
#[derive(Debug, Default)]
pub(super) struct Journal {
    /// How many rows the input has.
    rows_of_input: Option<u64>,
    digest: Option<String>,
    /// Which shards these are, if the input was shared out.
    shards: BTreeSet<(u64, u64)>,
    /// By their numbers in the input.
    pub(super) rows: BTreeMap<u64, Row>,
    /// When the first run began.
    pub(super) began: String,
    /// Whether the last run of each journal ended, and was not interrupted.
    pub(super) ended: bool,
    /// What the reader of the report should know about the journal.
    pub(super) notes: Vec<String>,
}

/// One row of the input.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) space: Option<String>,
    /// When its outcome was written.
    pub(super) at: String,
    /// `None`: it was sent, and no outcome is known yet.
    pub(super) outcome: Option<Outcome>,
}

#[derive(Debug)]
pub(super) enum Outcome {
    Done(Vec<Synced>),
    Failed(Problem),
    Unknown(Problem),
}

/// A number of an answer: of millions, no more is kept than a report needs.
#[derive(Debug)]
pub(super) struct Synced {
    /// As it came; a number without one cannot be told apart from others of its space.
    pub(super) phone: Option<String>,
    pub(super) state: State,
}

/// Why a row has no answer.
#[derive(Debug, Default, Clone)]
pub(super) struct Problem {
    /// The error code of the service, or the kind of a local failure.
    pub(super) code: String,
    pub(super) message: String,
    pub(super) request_id: String,
}

impl Synced {
    fn new(number: PhoneNumber) -> Self {
        let text = |value: Option<String>| value.filter(|value| !value.is_empty());
        Self {
            phone: text(number.phone_number),
            state: State {
                name: text(number.verified_name),
                status: text(number.status.map(|value| value.to_string())),
                quality: text(number.quality_rating.map(|value| value.to_string())),
                tier: text(number.messaging_limit_tier.map(|value| value.to_string())),
                verification: text(number.code_verification_status.map(|value| value.to_string())),
                name_review: text(number.name_status.map(|value| value.to_string())),
                new_name_review: text(number.new_name_status.map(|value| value.to_string())),
                official: text(number.is_official.map(|value| value.to_string())),
            },
        }
    }
}

impl Journal {
    /// How many rows of the input are not in the journal; `None` if it does not say, or other shards have them.
    pub(super) fn not_sent(&self) -> Option<u64> {
        let seen = u64::try_from(self.rows.len()).unwrap_or(u64::MAX);
        self.missing_shards().is_empty().then(|| self.rows_of_input.map(|rows| rows.saturating_sub(seen))).flatten()
    }

    /// The shards that are not among these.
    pub(super) fn missing_shards(&self) -> Vec<String> {
        let of = self.shards.first().map_or(0, |(_, of)| *of);
        (1..=of).filter(|shard| !self.shards.contains(&(*shard, of))).map(|shard| format!("{shard}/{of}")).collect()
    }

    /// Takes in the journal of another shard.
    fn merge(&mut self, other: Self, name: &str) -> Result<(), Failure> {
        let same_input = self.digest == other.digest && self.rows_of_input == other.rows_of_input;
        let of = |journal: &Self| journal.shards.first().map(|(_, of)| *of);
        let shards = of(self).is_some() && of(self) == of(&other) && self.shards.is_disjoint(&other.shards);
        if !same_input || !shards {
            return Err(Failure::local(format!(
                "{name} is no other shard of the same input; only the journals of such shards make one report"
            )));
        }
        self.shards.extend(other.shards);
        for (number, row) in other.rows {
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

/// Reads a journal, or those of several shards; `-` is standard input.
pub(super) fn read<'a>(paths: impl IntoIterator<Item = &'a str>) -> Result<Journal, Failure> {
    let mut whole: Option<Journal> = None;
    for path in paths {
        let (name, lines): (_, Box<dyn BufRead>) = if path == "-" {
            ("standard input", Box::new(io::stdin().lock()))
        } else {
            let file = File::open(path).map_err(|error| Failure::local(format!("{path} cannot be read: {error}")))?;
            (path, Box::new(BufReader::new(file)))
        };
        let journal = parse(name, lines)?;
        match &mut whole {
            Some(whole) => whole.merge(journal, name)?,
            None => whole = Some(journal),
        }
    }
    Ok(whole.unwrap_or_default())
}

fn parse(name: &str, mut lines: impl BufRead) -> Result<Journal, Failure> {
    let mut journal = Journal::default();
    let mut bytes = Vec::new();
    let mut number = 0_u64;
    loop {
        bytes.clear();
        let length = lines
            .read_until(b'\n', &mut bytes)
            .map_err(|error| Failure::local(format!("{name} cannot be read: {error}")))?;
        if length == 0 {
            break;
        }
        number += 1;
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        let line = match serde_json::from_slice::<Value>(bytes.trim_ascii_end()) {
            Ok(line) if line.is_object() => line,
            _ if number == 1 => return Err(no_journal(name)),
            _ if bytes.last() != Some(&b'\n') => {
                journal.notes.push(format!(
                    "The last line of {} is torn: the process that wrote it was killed, or still runs.",
                    file_name(name)
                ));
                break;
            }
            Ok(_) => return Err(malformed(name, number, "it is no JSON object")),
            Err(error) => {
                return Err(malformed(name, number, &format!("it is not JSON from column {} on", error.column())));
            }
        };
        if number == 1 {
            header(name, line, &mut journal)?;
        } else {
            entry(line, &mut journal).map_err(|problem| malformed(name, number, problem))?;
        }
    }
    if number == 0 {
        return Err(no_journal(name));
    }
    Ok(journal)
}

/// The name alone: where a file lies is nobody's business but its owner's.
fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

fn no_journal(name: &str) -> Failure {
    Failure::local(format!("{name} is no journal of `cams bulk`: its first line does not say so"))
}

fn malformed(name: &str, line: u64, problem: &str) -> Failure {
    Failure::local(format!(
        "{name}, line {line}, is malformed: {problem}; take the line out of a copy to report the others"
    ))
}

fn header(name: &str, line: Value, journal: &mut Journal) -> Result<(), Failure> {
    let Some(format) = line["journal"].as_u64() else {
        return Err(no_journal(name));
    };
    if format != u64::from(VERSION) {
        return Err(Failure::local(format!(
            "{name} is a journal of format {format}; this version reads format {VERSION}"
        )));
    }
    let damaged = |problem: &str| {
        Failure::local(format!(
            "the first line of {name} is damaged: {problem}; without it nobody knows what the journal is of"
        ))
    };
    // Its own message may quote the line.
    let header: Header =
        serde_json::from_value(line).map_err(|_| damaged("a fact is missing, or of the wrong type"))?;
    let Header { product, action, .. } = header;
    if product != PRODUCT.code || action != ACTION.name {
        return Err(Failure::local(format!(
            "{name} is a journal of {product} {action}; only those of {} {} can be reported",
            PRODUCT.code, ACTION.name
        )));
    }
    journal.rows_of_input = Some(header.input.rows);
    journal.digest = Some(header.input.digest);
    journal.began = header.at;
    if let Some(shard) = header.shard {
        // The missing ones are named one by one.
        let valid = Shard::parse(&shard).ok().filter(|shard| shard.of <= 10_000);
        let Shard { number, of } = valid.ok_or_else(|| damaged("its shard is not like 2/5"))?;
        journal.shards.insert((number, of));
    }
    Ok(())
}

fn entry(mut line: Value, journal: &mut Journal) -> Result<(), &'static str> {
    if line.get("run").is_some() {
        journal.ended = line["state"] == "ended" && line["interrupted"] != true;
        return Ok(());
    }
    let Ok(state) = journal::State::deserialize(&line["state"]) else { return Ok(()) };
    let Some(row) = line.get("row") else {
        return Ok(());
    };
    let row = journal.rows.entry(row.as_u64().ok_or("its row is no number")?).or_default();
    let outcome = match state {
        journal::State::Sending => {
            row.space = line["parameters"][SPACE].as_str().map(ToOwned::to_owned).or(row.space.take());
            return Ok(());
        }
        journal::State::Done => numbers(&line["answer"].take()).map_or_else(Outcome::Failed, Outcome::Done),
        journal::State::Failed => Outcome::Failed(problem(&line)),
        journal::State::Unknown => Outcome::Unknown(problem(&line)),
        journal::State::New => return Ok(()),
    };
    row.at = text(&line["at"]);
    row.outcome = Some(outcome);
    Ok(())
}

/// The numbers of an answer, read as tolerantly as a client does.
fn numbers(answer: &Value) -> Result<Vec<Synced>, Problem> {
    let mut output = Output::default();
    match decode(answer.to_string().as_bytes(), &mut output) {
        Ok(_) => Ok(output.phone_numbers.into_iter().map(Synced::new).collect()),
        Err(error) => Err(Problem {
            code: "unreadable answer".to_owned(),
            message: error.to_string(),
            request_id: text(&answer["RequestId"]),
        }),
    }
}

fn problem(line: &Value) -> Problem {
    let code = [&line["code"], &line["kind"]].into_iter().map(text).find(|text| !text.is_empty());
    Problem { code: code.unwrap_or_default(), message: text(&line["message"]), request_id: text(&line["request_id"]) }
}

/// The text of a value; numbers and the like as JSON, nothing for `null`.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = r#"{"journal":1,"product":"cams","action":"ChatappSyncPhoneNumber","version":"2020-06-06","at":"2026-11-25T07:00:00.000Z","input":{"rows":3,"digest":"ab"}}"#;

    fn journal(lines: &[&str]) -> Result<Journal, String> {
        parse("j", (HEADER.to_owned() + "\n" + &lines.join("\n")).as_bytes()).map_err(|failure| format!("{failure:?}"))
    }

    #[test]
    fn the_last_outcome_of_a_row_counts_and_lines_may_interleave() {
        let journal = journal(&[
            r#"{"row":2,"line":3,"at":"t1","state":"sending","parameters":{"CustSpaceId":"b"}}"#,
            r#"{"row":1,"line":2,"at":"t1","state":"sending","parameters":{"CustSpaceId":"a"},"new":{}}"#,
            r#"{"row":2,"at":"t2","state":"failed","code":"Throttling","message":"m","status":400,"request_id":"R"}"#,
            r#"{"something":"new"}"#,
            r#"{"row":2,"at":"t3","state":"done","answer":{"PhoneNumbers":[{"PhoneNumber":1,"Status":"NEW"}]}}"#,
            "",
        ]);
        let journal = journal.unwrap();
        assert!(journal.rows[&1].outcome.is_none());
        assert_eq!(journal.rows[&1].space.as_deref(), Some("a"));
        let Some(Outcome::Done(numbers)) = &journal.rows[&2].outcome else { panic!("{:?}", journal.rows[&2]) };
        assert_eq!(numbers[0].phone.as_deref(), Some("1"));
        assert_eq!(numbers[0].state.status.as_deref(), Some("NEW"));
        assert_eq!(journal.not_sent(), Some(1));
    }

    #[test]
    fn an_answer_that_cannot_be_read_is_a_failed_row() {
        let journal =
            journal(&[r#"{"row":1,"state":"done","answer":{"PhoneNumbers":true,"RequestId":"R"}}"#, ""]).unwrap();
        let Some(Outcome::Failed(problem)) = &journal.rows[&1].outcome else { panic!("{:?}", journal.rows[&1]) };
        assert!(problem.message.contains("PhoneNumbers") && problem.request_id == "R", "{problem:?}");
    }

    #[test]
    fn a_torn_last_line_is_noted_and_a_malformed_one_named() {
        for torn in ["{\"row\":1,\"sta", "\0\0\0", "\u{fffd}"] {
            let journal = journal(&[r#"{"row":2,"state":"unknown"}"#, torn]).unwrap();
            assert!(journal.rows.len() == 1 && journal.notes[0].contains("torn"), "{:?}", journal.notes);
        }
        // The end of the line is missing, but not what it says.
        assert!(journal(&[r#"{"row":2,"state":"unknown"}"#]).unwrap().notes.is_empty());
        for wrong in ["{\"row\":1,\"sta", "[]", r#"{"row":"x","state":"done"}"#] {
            let error = journal(&[r#"{"row":2,"state":"unknown"}"#, wrong, "{}"]).unwrap_err();
            assert!(error.contains("line 3"), "{error}");
        }
    }

    /// The two sides of the format are two files.
    #[test]
    fn what_a_bulk_writes_is_what_a_report_reads() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        let header = Header::new(ACTION.name, 4, "ab".to_owned(), Some("1/2".to_owned()));
        let opened = journal::Opened::open(&path, &header).unwrap();
        let writer = opened.begin(None).unwrap();
        let pen = writer.pen();
        for row in 1..=4 {
            drop(pen.sending(row, row + 1, &[(SPACE, format!("s{row}"))]));
        }
        let answer = serde_json::json!({ "PhoneNumbers": [{ "PhoneNumber": "1", "Status": "BANNED" }] });
        let done = journal::Outcome { answer: Some(&answer), ..journal::Outcome::default() };
        drop(pen.outcome(1, journal::State::Done, &done));
        let failed = journal::Outcome {
            code: Some("c"),
            message: Some("m"),
            request_id: Some("r"),
            ..journal::Outcome::default()
        };
        drop(pen.outcome(2, journal::State::Failed, &failed));
        let unknown = journal::Outcome { kind: Some("Unanswered"), ..journal::Outcome::default() };
        drop(pen.outcome(3, journal::State::Unknown, &unknown));
        drop(pen.ended(1, journal::Sums::default()));
        writer.close().unwrap();

        let read = read([path.to_str().unwrap()]).unwrap();
        assert_eq!((read.rows_of_input, read.digest.as_deref(), read.ended), (Some(4), Some("ab"), true));
        assert_eq!((read.missing_shards(), read.began), (vec!["2/2".to_owned()], header.at));
        let row = |row: u64| &read.rows[&row];
        assert_eq!((1..=4).filter_map(|number| row(number).space.as_deref()).collect::<String>(), "s1s2s3s4");
        assert!(
            matches!(&row(1).outcome, Some(Outcome::Done(numbers)) if numbers[0].state.status.as_deref() == Some("BANNED"))
        );
        let Some(Outcome::Failed(problem)) = &row(2).outcome else { panic!("{:?}", row(2)) };
        assert_eq!((&*problem.code, &*problem.message, &*problem.request_id), ("c", "m", "r"));
        assert!(matches!(&row(3).outcome, Some(Outcome::Unknown(problem)) if problem.code == "Unanswered"));
        assert!(row(4).outcome.is_none() && !row(1).at.is_empty());
    }

    #[test]
    fn shards_of_one_input_make_one_journal() {
        let shard = |shard: &str, digest: &str, row: u64| {
            let header = HEADER.replace("\"ab\"}", &format!("\"{digest}\"}},\"shard\":\"{shard}\""));
            let text = format!("{header}\n{{\"row\":{row},\"state\":\"unknown\"}}\n");
            parse(shard, text.as_bytes()).unwrap_or_else(|failure| panic!("{failure:?}"))
        };
        let mut whole = shard("1/2", "ab", 1);
        assert_eq!((whole.not_sent(), whole.missing_shards()), (None, vec!["2/2".to_owned()]));
        assert!(whole.merge(shard("2/2", "other", 2), "j").is_err());
        assert!(whole.merge(shard("1/2", "ab", 2), "j").is_err());
        assert!(whole.merge(shard("2/2", "ab", 2), "j").is_ok());
        assert_eq!((whole.not_sent(), whole.rows.len()), (Some(1), 2));
    }
}
