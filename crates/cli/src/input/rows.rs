//! The rows of an input, read one by one. They can be read several times.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use alibabacloud_cams::descriptor::{ActionDescriptor, ValueKind};
use encoding_rs::Encoding;
use serde::Deserializer;
use serde::de::{MapAccess, Visitor};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::columns::{Column, Columns};
use super::encoding::as_utf8;
use super::values::{COUNTRY_CODE, Damage, Shape, repair, without_code};
use crate::exit::Failure;

/// The maximum length of a line, in bytes.
const LONGEST_LINE: u64 = 1 << 20;

/// The delimiters that a CSV file can have.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// An input: a file that can be read several times.
pub(crate) struct Input {
    file: File,
    format: Format,
    /// The offset of the text: after a byte order mark and the line `sep=;`.
    start: u64,
    /// The number of lines before the text.
    lines_before: u64,
    /// The size of the file, in bytes.
    pub(crate) length: u64,
    columns: Columns,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Format {
    Csv { delimiter: u8 },
    JsonLines,
}

/// A row that can be sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The number of the row, from 1; the header does not count.
    pub(crate) number: u64,
    /// The line on which the row begins, from 1.
    pub(crate) line: u64,
    /// The parameters by their names on the wire, in the order of the descriptor.
    pub(crate) parameters: Vec<(&'static str, String)>,
    /// The values of the columns that are not parameters.
    pub(crate) labels: Vec<(Arc<str>, String)>,
    /// Notes for the user.
    pub(crate) notes: Vec<Note>,
}

/// A note about a value: its parameter or column, and the text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Note {
    pub(crate) subject: String,
    pub(crate) text: &'static str,
}

impl Row {
    /// Identifies a row, independent of machine and file format. Labels do not count.
    pub(crate) fn hash(&self) -> [u8; 32] {
        self.hash_of(|_, value| value)
    }

    /// Identifies the effect of a row: like [`hash`](Self::hash), with phone numbers compared without their country
    /// code.
    pub(super) fn effect(&self, action: &'static ActionDescriptor) -> [u8; 32] {
        self.hash_of(|name, value| self.number(action, name, value).unwrap_or(value))
    }

    /// The normalized phone number of the row and its parameter, to find duplicates; `None` if the row has none.
    pub(super) fn numbers(&self, action: &'static ActionDescriptor) -> Option<(&'static str, [u8; 32])> {
        let number =
            |(name, value): &(&'static str, String)| Some((*name, self.number(action, name, value)?.to_owned()));
        let (name, number) = self.parameters.iter().find_map(number)?;
        Some((name, Sha256::digest(number).into()))
    }

    /// The phone number that is the value of a parameter, without its country code; `None` for other parameters.
    fn number<'r>(&self, action: &'static ActionDescriptor, name: &str, value: &'r str) -> Option<&'r str> {
        let parameter = action.parameters.iter().find(|parameter| parameter.name == name)?;
        let is_phone = Shape::of(action, parameter).is_phone();
        is_phone.then(|| without_code(value, self.value(COUNTRY_CODE)).unwrap_or(value))
    }

    fn hash_of<'r>(&'r self, value_of: impl Fn(&'static str, &'r str) -> &'r str) -> [u8; 32] {
        let mut hash = Sha256::new();
        for (name, value) in &self.parameters {
            for text in [name, value_of(name, value)] {
                hash.update(text.len().to_le_bytes());
                hash.update(text);
            }
        }
        hash.finalize().into()
    }

    pub(super) fn value(&self, name: &str) -> &str {
        self.parameters.iter().find(|(parameter, _)| *parameter == name).map_or("", |(_, value)| value)
    }
}

/// A problem and its place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) line: u64,
    /// The parameter and its column.
    pub(crate) subject: String,
    /// The place inside the value.
    pub(crate) place: String,
    pub(crate) problem: String,
}

impl Finding {
    fn new(line: u64, problem: impl Into<String>) -> Self {
        Self { line, subject: String::new(), place: String::new(), problem: problem.into() }
    }
}

/// Without the line.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let colon = if self.subject.is_empty() { "" } else { ": " };
        write!(f, "{}{colon}{}{}", self.subject, self.place, self.problem)
    }
}

impl Input {
    /// Opens a file, or stores standard input (`-`) in one.
    pub(crate) fn open(
        path: &str,
        action: &'static ActionDescriptor,
        encoding: Option<&'static Encoding>,
        columns: Columns,
    ) -> Result<Self, Failure> {
        let error = |error: io::Error| Failure::usage(format!("the input {path} cannot be read: {error}"));
        let file = if path == "-" {
            // Copied to a file, because it is read more than once.
            let mut kept = tempfile::tempfile().map_err(error)?;
            io::copy(&mut io::stdin().lock(), &mut kept).map_err(error)?;
            kept
        } else {
            let file = File::open(path)
                .map_err(|error| Failure::local(format!("the input {path} cannot be read: {error}")))?;
            if !file.metadata().map_err(error)?.is_file() {
                return Err(Failure::usage(format!(
                    "the input {path} is not a file and cannot be read twice; pipe it in with `--input -`"
                )));
            }
            file
        };
        Self::of(file, action, encoding, columns).map_err(error)
    }

    fn of(
        file: File,
        action: &'static ActionDescriptor,
        encoding: Option<&'static Encoding>,
        columns: Columns,
    ) -> io::Result<Self> {
        let (mut file, mut start) = as_utf8(file, encoding)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(start))?;
        let mut beginning = Vec::new();
        (&file).take(64 << 10).read_to_end(&mut beginning)?;
        let mut lines_before = 0;
        let mut text = &beginning[..];
        let format = match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'{') => Format::JsonLines,
            Some(b'[') => {
                return Err(io::Error::other(
                    "it is a JSON array; one object per line is expected. Convert it with `jq -c '.[]' FILE`",
                ));
            }
            _ => {
                let stated = separator(text);
                if let Some((_, length)) = stated {
                    start += length;
                    text = &text[usize::try_from(length).unwrap_or_default()..];
                    lines_before = 1;
                }
                Format::Csv {
                    delimiter: stated.map_or_else(|| delimiter(text, action, &columns), |(delimiter, _)| delimiter),
                }
            }
        };
        Ok(Self { file, format, start, lines_before, length, columns })
    }

    /// Reads the rows from the beginning.
    ///
    /// # Errors
    /// All problems with the header.
    pub(crate) fn rows(&self, action: &'static ActionDescriptor) -> Result<Rows<'_>, Vec<Finding>> {
        let error = |error: io::Error| vec![Finding::new(1, format!("the input cannot be read: {error}"))];
        let mut file = self.file.try_clone().map_err(error)?;
        file.seek(SeekFrom::Start(self.start)).map_err(error)?;
        let source = match self.format {
            Format::JsonLines => Source::JsonLines { reader: BufReader::new(file), line: 0 },
            Format::Csv { delimiter } => {
                Csv::open(file, delimiter, self.lines_before, action, &self.columns).map(Source::Csv)?
            }
        };
        let shapes = action.parameters.iter().map(|parameter| Shape::of(action, parameter)).collect();
        Ok(Rows { action, columns: &self.columns, shapes, source, number: 0, over: false })
    }
}

/// The delimiter that the first line declares (`sep=;`), and the length of that line. Spreadsheets honor it too.
fn separator(text: &[u8]) -> Option<(u8, u64)> {
    let end = text.iter().position(|byte| *byte == b'\n')?;
    // A spreadsheet that saves the file again may quote the line and fill it up with delimiters.
    let line = text[..end].trim_ascii_end();
    let line = line.strip_prefix(b"\"").unwrap_or(line);
    let rest = line.get(..4).filter(|name| name.eq_ignore_ascii_case(b"sep=")).map(|_| &line[4..])?;
    let delimiter = match rest {
        // `sep=` alone: trimming has removed the tab.
        [] => b'\t',
        [delimiter, rest @ ..]
            if DELIMITERS.contains(delimiter) && rest.iter().all(|byte| byte == delimiter || *byte == b'"') =>
        {
            *delimiter
        }
        [b'"', rest @ ..] if !rest.is_empty() => rest[0],
        _ => return None,
    };
    Some((delimiter, end as u64 + 1))
}

/// The delimiter with which the first record names the most parameters, then the most columns.
fn delimiter(text: &[u8], action: &'static ActionDescriptor, columns: &Columns) -> u8 {
    let fits = |delimiter: u8| {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).delimiter(delimiter).from_reader(text);
        let mut record = csv::ByteRecord::new();
        let blank = |record: &csv::ByteRecord| record.iter().all(|field| field.trim_ascii().is_empty());
        while reader.read_byte_record(&mut record).unwrap_or(false) && blank(&record) {}
        let names: Vec<_> = record.iter().map(String::from_utf8_lossy).collect();
        let found = columns.of_keys(action, names.iter().map(|name| &**name));
        (found.iter().filter(|column| matches!(column, Ok(Column::Parameter(_)))).count(), names.len())
    };
    let mut best = (DELIMITERS[0], fits(DELIMITERS[0]));
    for delimiter in &DELIMITERS[1..] {
        let fit = fits(*delimiter);
        if fit > best.1 {
            best = (*delimiter, fit);
        }
    }
    best.0
}

/// Iterates over the rows of an input: each row ready to send, or its problems.
pub(crate) struct Rows<'i> {
    action: &'static ActionDescriptor,
    columns: &'i Columns,
    /// For each parameter.
    shapes: Vec<Shape>,
    source: Source,
    number: u64,
    over: bool,
}

enum Source {
    Csv(Csv),
    JsonLines { reader: BufReader<File>, line: u64 },
}

/// A row as read from the file, and its problems so far.
struct Raw {
    line: u64,
    /// By the index of their parameters, with the number of the column, from 1.
    values: Vec<Option<(String, usize)>>,
    labels: Vec<(Arc<str>, String)>,
    findings: Vec<Finding>,
    notes: Vec<Note>,
}

impl Raw {
    fn new(line: u64, parameters: usize) -> Self {
        Self { line, values: vec![None; parameters], labels: Vec::new(), findings: Vec::new(), notes: Vec::new() }
    }

    fn find(&mut self, problem: impl Into<String>) {
        self.findings.push(Finding::new(self.line, problem));
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<Row, Vec<Finding>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let raw = match &mut self.source {
            Source::Csv(csv) => csv.next(self.action, &self.shapes),
            Source::JsonLines { reader, line } => next_json(reader, line, self.action, self.columns),
        };
        match raw {
            Ok(Some(raw)) => {
                self.number += 1;
                Some(self.checked(raw))
            }
            Ok(None) => None,
            Err(finding) => {
                self.over = true;
                Some(Err(vec![finding]))
            }
        }
    }
}

impl Rows<'_> {
    fn checked(&self, raw: Raw) -> Result<Row, Vec<Finding>> {
        let Raw { line, values, labels, mut findings, mut notes } = raw;
        // If the row could not be parsed, missing parameters are not reported.
        let understood = findings.is_empty();
        let mut parameters = Vec::new();
        let code = || {
            let index = self.action.parameters.iter().position(|parameter| parameter.name == COUNTRY_CODE)?;
            let (cell, _) = values[index].as_ref()?;
            repair(self.shapes[index], cell, None).ok().map(|good| good.value)
        };
        let code = self.shapes.contains(&Shape::NationalNumber).then(code).flatten();
        for ((parameter, shape), value) in self.action.parameters.iter().zip(&self.shapes).zip(&values) {
            let Some((cell, column)) = value else {
                if parameter.required && understood {
                    findings.push(Finding::new(line, format!("{} is missing, and required", parameter.name)));
                }
                continue;
            };
            let subject = || match self.source {
                Source::Csv(_) => format!("{} (column {column})", parameter.name),
                Source::JsonLines { .. } => parameter.name.to_owned(),
            };
            match repair(*shape, cell, code.as_deref()) {
                Ok(good) if good.value.is_empty() => {
                    if parameter.required && understood {
                        findings.push(Finding::new(line, format!("{} is empty, and required", parameter.name)));
                    }
                }
                Ok(good) => {
                    notes.extend(good.note.map(|text| Note { subject: subject(), text }));
                    parameters.push((parameter.name, good.value));
                }
                Err(Damage { place, problem }) => {
                    findings.push(Finding { line, subject: subject(), place, problem: problem.into_owned() });
                }
            }
        }
        if findings.is_empty() {
            Ok(Row { number: self.number, line, parameters, labels, notes })
        } else {
            Err(findings)
        }
    }
}

struct Csv {
    reader: csv::Reader<Lines<File>>,
    record: csv::ByteRecord,
    delimiter: char,
    lines_before: u64,
    columns: Vec<Column>,
    /// The names of the columns, to detect a repeated header.
    names: csv::ByteRecord,
    /// Whether the input ends with an odd number of quotation marks.
    unclosed: Arc<AtomicBool>,
}

impl Csv {
    fn open(
        file: File,
        delimiter: u8,
        lines_before: u64,
        action: &'static ActionDescriptor,
        columns: &Columns,
    ) -> Result<Self, Vec<Finding>> {
        let unclosed = Arc::new(AtomicBool::new(false));
        let lines = Lines { reader: file, unclosed: unclosed.clone(), odd: false, last: b'\n' };
        let mut builder = csv::ReaderBuilder::new();
        builder.has_headers(false).flexible(true).delimiter(delimiter).terminator(csv::Terminator::Any(b'\n'));
        let mut reader = builder.from_reader(lines);
        let mut record = csv::ByteRecord::new();
        let found = |problem: String| vec![Finding::new(1 + lines_before, problem)];
        match next_record(&mut reader, &mut record) {
            Ok(true) => {}
            Ok(false) => {
                let names: Vec<&str> = action.parameters.iter().map(|parameter| parameter.name).collect();
                return Err(found(format!(
                    "the input is empty; its first line must name the columns, such as {}",
                    names.join(",")
                )));
            }
            Err(error) => return Err(found(format!("the input cannot be read: {error}"))),
        }
        let first = reader.position().line().saturating_sub(1).max(1) + lines_before;
        let names: Vec<_> = record.iter().map(String::from_utf8_lossy).collect();
        if std::str::from_utf8(record.as_slice()).is_err() {
            return Err(vec![Finding::new(first, NOT_UTF_8)]);
        }
        let columns = columns.assign(action, names.iter().map(|name| &**name));
        let columns = columns
            .map_err(|problems| problems.into_iter().map(|problem| Finding::new(first, problem)).collect::<Vec<_>>())?;
        drop(names);
        let names = record.clone();
        Ok(Self { reader, record, delimiter: delimiter.into(), lines_before, columns, names, unclosed })
    }

    fn next(&mut self, action: &ActionDescriptor, shapes: &[Shape]) -> Result<Option<Raw>, Finding> {
        let there = next_record(&mut self.reader, &mut self.record);
        // Every record ends with a line break.
        let inside = self.record.as_slice().split(|byte| *byte == b'\n').count() as u64 - 1;
        let line = self.reader.position().line().saturating_sub(1 + inside) + self.lines_before;
        match there {
            // The reader lost its end, so it begins one line later than reported.
            Ok(true) if self.unclosed.load(Ordering::Relaxed) => {
                return Err(Finding::new(
                    line + 1,
                    "a quotation mark is not closed; all rows after it would be one value. Remove or close it",
                ));
            }
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) => return Err(Finding::new(line, format!("the input cannot be read: {error}"))),
        }
        let mut raw = Raw::new(line, action.parameters.len());
        if self.record == self.names {
            raw.find("the line repeats the header; remove it");
            return Ok(Some(raw));
        }
        if inside > 0 && self.swallows_rows(shapes) {
            raw.find(
                "a quotation mark opens on this line and closes on a later one, which merges several rows into one. Remove or close the quotation mark",
            );
            return Ok(Some(raw));
        }
        let extra = |field: &[u8]| !field.trim_ascii().is_empty();
        if self.record.iter().skip(self.columns.len()).any(extra) {
            let fields = self.record.len();
            raw.find(format!(
                "{fields} fields, but {} columns; put quotation marks around a value that contains the delimiter",
                self.columns.len()
            ));
            return Ok(Some(raw));
        }
        let mut is_utf_8 = true;
        for (number, (field, column)) in self.record.iter().zip(&self.columns).enumerate() {
            let Ok(value) = std::str::from_utf8(field) else {
                is_utf_8 = false;
                continue;
            };
            match column {
                Column::Parameter(index) => raw.values[*index] = Some((value.to_owned(), number + 1)),
                Column::Label(name) if !value.trim().is_empty() => {
                    raw.labels.push((name.clone(), value.trim().to_owned()));
                }
                Column::Unnamed if !value.trim().is_empty() => {
                    let text = "the column has no name; its values are ignored";
                    raw.notes.push(Note { subject: format!("column {}", number + 1), text });
                }
                Column::Label(_) | Column::Unnamed => {}
            }
        }
        if !is_utf_8 {
            raw.find(NOT_UTF_8);
        }
        let lacks = |(index, column): (usize, &Column)| {
            index >= self.record.len()
                && matches!(column, Column::Parameter(index) if action.parameters[*index].required)
        };
        if self.columns.iter().enumerate().any(lacks) {
            raw.find(format!(
                "{}, but {} columns",
                crate::figures::counted(self.record.len() as u64, "field", "fields"),
                self.columns.len()
            ));
        }
        Ok(Some(raw))
    }

    /// Whether the lines of a record with line breaks look like rows: as many fields as columns, with plausible
    /// identifiers.
    ///
    /// A label such as an address can contain line breaks, so all lines must look like rows.
    fn swallows_rows(&self, shapes: &[Shape]) -> bool {
        let Ok(text) = std::str::from_utf8(self.record.as_slice()) else { return false };
        let mut fields = Vec::new();
        let mut start = 0;
        for field in &self.record {
            fields.push(&text[start..start + field.len()]);
            start += field.len();
        }
        let joined = fields.join(&self.delimiter.to_string());
        let is_token = |value: &str| {
            let value = value.trim().trim_matches('"');
            value.chars().any(|c| c.is_ascii_digit()) && !value.contains(char::is_whitespace)
        };
        let is_row = |line: &&str| {
            let fields: Vec<&str> = line.split(self.delimiter).collect();
            fields.len() == self.columns.len()
                && fields.iter().zip(&self.columns).all(|(field, column)| match column {
                    Column::Parameter(index) => shapes[*index] == Shape::Text || is_token(field),
                    _ => true,
                })
        };
        self.columns.len() > 1 && joined.split('\n').filter(is_row).count() > 1
    }
}

const NOT_UTF_8: &str =
    "a value is not UTF-8; save the spreadsheet as \"CSV UTF-8\", or name its encoding, such as --encoding gb18030";

/// Reads the next record that is not blank, without the carriage return at its end. The `csv` reader could skip blank
/// records itself, but then loses the line number at which a record begins.
fn next_record(reader: &mut csv::Reader<Lines<File>>, record: &mut csv::ByteRecord) -> csv::Result<bool> {
    while reader.read_byte_record(record)? {
        let last = record.len().saturating_sub(1);
        if record.get(last).is_some_and(|field| field.ends_with(b"\r")) {
            let fields: csv::ByteRecord = (0..=last)
                .map(|index| {
                    let field = &record[index];
                    if index == last { &field[..field.len() - 1] } else { field }
                })
                .collect();
            *record = fields;
        }
        if record.iter().any(|field| !field.trim_ascii().is_empty()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Completes the last line, and counts quotation marks: the `csv` reader takes an unclosed one for the start of a value
/// that extends to the end of the file.
struct Lines<R> {
    reader: R,
    unclosed: Arc<AtomicBool>,
    odd: bool,
    last: u8,
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut read = self.reader.read(buffer)?;
        if read == 0 && self.last != b'\n' && !buffer.is_empty() {
            buffer[0] = b'\n';
            read = 1;
        } else if read == 0 {
            self.unclosed.store(self.odd, Ordering::Relaxed);
        }
        if let Some(last) = buffer[..read].last() {
            self.last = *last;
        }
        self.odd = buffer[..read].iter().fold(self.odd, |odd, byte| odd ^ (*byte == b'"'));
        Ok(read)
    }
}

/// The members of an object in their order, including duplicates.
struct Members(Vec<(String, Value)>);

impl<'de> serde::Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

fn next_json(
    reader: &mut BufReader<File>,
    line: &mut u64,
    action: &ActionDescriptor,
    columns: &Columns,
) -> Result<Option<Raw>, Finding> {
    let mut text = Vec::new();
    loop {
        text.clear();
        *line += 1;
        let read = reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut text);
        match read {
            Ok(0) => return Ok(None),
            Ok(read) if read as u64 == LONGEST_LINE && !text.ends_with(b"\n") => {
                return Err(Finding::new(*line, "the line is longer than 1 MiB"));
            }
            Ok(_) if text.trim_ascii().is_empty() => {}
            Ok(_) => break,
            Err(error) => return Err(Finding::new(*line, format!("the input cannot be read: {error}"))),
        }
    }
    let mut raw = Raw::new(*line, action.parameters.len());
    let members = match serde_json::from_slice::<Members>(&text) {
        Ok(members) => members.0,
        // The message of the error may quote the line.
        Err(error) => {
            raw.find(format!("the line is not a JSON object (column {})", error.column()));
            return Ok(Some(raw));
        }
    };
    let held = columns.of_keys(action, members.iter().map(|(key, _)| &**key));
    let mut seen = vec![false; action.parameters.len()];
    for ((_, value), column) in members.into_iter().zip(held) {
        match column {
            Err(problem) => raw.find(problem),
            Ok(Column::Unnamed) => {}
            Ok(Column::Label(name)) if raw.labels.iter().any(|(label, _)| *label == name) => {
                raw.find("the object has a key twice; remove one of them");
            }
            Ok(Column::Label(name)) => {
                let value = text_of(ValueKind::List, value).ok().flatten().unwrap_or_default();
                raw.labels.push((name, value.trim().to_owned()));
            }
            Ok(Column::Parameter(index)) => {
                let name = action.parameters[index].name;
                match text_of(action.parameters[index].kind, value) {
                    _ if std::mem::replace(&mut seen[index], true) => {
                        raw.find(format!("{name} is in the object twice; remove one of them"));
                    }
                    Ok(value) => raw.values[index] = value.map(|value| (value, index + 1)),
                    Err(problem) => raw.find(format!("{name}: {problem}")),
                }
            }
        }
    }
    raw.labels.retain(|(_, value)| !value.is_empty());
    Ok(Some(raw))
}

/// A value as text; `None` for `null`.
fn text_of(kind: ValueKind, value: Value) -> Result<Option<String>, &'static str> {
    let scalar = matches!(
        kind,
        ValueKind::String | ValueKind::Int32 | ValueKind::Int64 | ValueKind::Number | ValueKind::Boolean
    );
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        Value::Array(_) | Value::Object(_) if scalar => Err("a single value is expected, not a list or an object"),
        other => Ok(Some(other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn migration() -> &'static ActionDescriptor {
        alibabacloud_cams::PRODUCT.action("CreateChatappMigrationInitiate").expect("a known action")
    }

    fn input(bytes: &[u8], encoding: Option<&'static Encoding>) -> io::Result<Input> {
        let mut file = tempfile::tempfile()?;
        file.write_all(bytes)?;
        Input::of(file, migration(), encoding, Columns::default())
    }

    /// The rows of a migration as text, and the problems.
    #[track_caller]
    fn read(bytes: &[u8]) -> (Vec<String>, Vec<String>) {
        read_input(&input(bytes, None).unwrap())
    }

    fn read_input(input: &Input) -> (Vec<String>, Vec<String>) {
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        let mut found = |findings: Vec<Finding>| {
            bad.extend(findings.into_iter().map(|finding| format!("{}: {finding}", finding.line)));
        };
        match input.rows(migration()) {
            Ok(rows) => {
                for row in rows {
                    match row {
                        Ok(row) => {
                            let mut text = format!("{}@{}", row.number, row.line);
                            text.extend(row.parameters.iter().map(|(_, value)| format!(" {value}")));
                            text.extend(row.labels.iter().map(|(name, value)| format!(" {name}={value}")));
                            good.push(text);
                        }
                        Err(findings) => found(findings),
                    }
                }
            }
            Err(findings) => found(findings),
        }
        (good, bad)
    }

    const HEADER: &str = "CustSpaceId,MobileNumber,CountryCode";

    fn utf_16(text: &str, big: bool) -> Vec<u8> {
        text.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    }

    #[test]
    fn every_export_format_of_spreadsheets_is_read() {
        let expected = (vec!["1@2 s1 139 86 客户=陈".to_owned(), "2@3 s2 138 86".to_owned()], Vec::<String>::new());
        for header in [
            "CustSpaceId,MobileNumber,CountryCode,客户",
            "cust-space-id,mobile-number,country-code,客户",
            "cust_space_id,mobile_number,COUNTRY_CODE,客户",
            "custSpaceId,mobileNumber,countryCode,客户",
            "Cust Space Id,\"Mobile Number\", country code ,客户",
        ] {
            for end in ["\n", "\r\n", "\r"] {
                for delimiter in [",", ";", "\t", "|"] {
                    let text = format!("{header}{end}s1,139,86,陈{end}\"s2\",138,86,").replace(',', delimiter);
                    assert_eq!(read(text.as_bytes()), expected, "{text}");
                    assert_eq!(read(format!("\u{feff}{text}{end}").as_bytes()), expected);
                    for big in [false, true] {
                        assert_eq!(read(&utf_16(&format!("\u{feff}{text}"), big)), expected, "{text}");
                        assert_eq!(read(&utf_16(&text, big)), expected, "{text}");
                    }
                }
            }
        }
        // Without a byte order mark, and the first names are not ASCII.
        let text = "客户,备注,CustSpaceId,MobileNumber,CountryCode\n陈,好好好好,s1,139,86\n";
        for big in [false, true] {
            assert_eq!(read(&utf_16(text, big)).0, ["1@2 s1 139 86 客户=陈 备注=好好好好"]);
        }
        // A NUL inside a cell does not make it UTF-16.
        assert!(read(format!("{HEADER}\ns1,1\03\09\0,86\n").as_bytes()).1[0].contains("NUL"));
        for mark in [&b"\xff\xfe\0\0C\0\0\0"[..], b"\0\0\xfe\xff\0\0\0C"] {
            assert!(input(mark, None).err().unwrap().to_string().contains("UTF-32"));
        }
        let gb =
            encoding_rs::GB18030.encode("CustSpaceId,MobileNumber,CountryCode,客户\ns1,139,86,陈\n").0.into_owned();
        assert!(read(&gb).1[0].contains("--encoding gb18030"), "{:?}", read(&gb));
        let known = input(&gb, Some(encoding_rs::GB18030)).unwrap();
        assert_eq!(read_input(&known).0, ["1@2 s1 139 86 客户=陈"]);
        let order = read(b"CountryCode\tCustSpaceId\tMobileNumber\n86\ts1\t139\n\n86\ts2\t138\n");
        assert_eq!(order.0, ["1@2 s1 139 86", "2@4 s2 138 86"]);
    }

    #[test]
    fn a_separator_line_is_honored() {
        for first in ["sep=;", "SEP=;", "\"sep=;\"", "sep=;;;", "\u{feff}sep=;"] {
            let (rows, findings) =
                read(format!("{first}\r\nCustSpaceId;MobileNumber;CountryCode;Note\r\ns1;139;86;a,b\r\n").as_bytes());
            assert_eq!((rows, findings), (vec!["1@3 s1 139 86 Note=a,b".to_owned()], vec![]), "{first}");
        }
        assert_eq!(read(b"sep=\t\nCustSpaceId\tMobileNumber\tCountryCode\ns1\t139\t86\n").0, ["1@3 s1 139 86"]);
        // Line numbers of findings count that line.
        assert!(read(b"sep=;\nCustSpaceId;MobileNumber;CountryCode\ns1;nan;86\n").1[0].starts_with("3: "));
    }

    #[test]
    fn blank_columns_and_rows_are_ignored() {
        let text =
            "CustSpaceId,,MobileNumber,CountryCode,,\n,,,,,\ns1,,139,86,,\n , ,\t,,,\n\ns2,,138,86,,\n\"\",,,,,\n,,,,,";
        assert_eq!(read(text.as_bytes()), (vec!["1@3 s1 139 86".to_owned(), "2@6 s2 138 86".to_owned()], vec![]));
        // A row may end before columns that are not required.
        let text = "CustSpaceId,MobileNumber,CountryCode,Customer,\ns1,139,86\ns2,138,86,Chen\n";
        assert_eq!(read(text.as_bytes()).0, ["1@2 s1 139 86", "2@3 s2 138 86 Customer=Chen"]);
        let input = input(b"CustSpaceId,MobileNumber,CountryCode,\ns1,139,86,x\n", None).unwrap();
        let row = input.rows(migration()).unwrap().next().unwrap().unwrap();
        assert_eq!((&*row.notes[0].subject, row.parameters.len()), ("column 4", 3));
    }

    #[test]
    fn quotation_marks_that_merge_rows_are_found() {
        // A label may have several lines.
        let (rows, findings) = read(
            b"CustSpaceId,MobileNumber,CountryCode,Address\ns1,139,86,\"1, Main St\nUnit 5, Town\"\ns2,138,86,x\n",
        );
        assert_eq!(rows, ["1@2 s1 139 86 Address=1, Main St\nUnit 5, Town", "2@4 s2 138 86 Address=x"]);
        assert_eq!(findings, Vec::<String>::new());
        for text in [
            "CustSpaceId,MobileNumber,CountryCode,Customer\ns1,139,86,\"Chen\ns2,138,86,Li\"\ns3,137,86,x\n",
            "Customer,CustSpaceId,MobileNumber,CountryCode\n\"Chen,s1,139,86\nLi\",s2,138,86\nx,s3,137,86\n",
        ] {
            let (rows, findings) = read(text.as_bytes());
            assert!(
                rows.len() == 1 && findings.len() == 1 && findings[0].starts_with("2: a quotation mark opens"),
                "{rows:?} {findings:?}"
            );
        }
        let (_, findings) = read(b"CustSpaceId,MobileNumber,CountryCode\n\"s1,139,86\ns2\",138,86\n");
        assert_eq!(findings.len(), 1, "{findings:?}");
        let (_, findings) = read(b"CustSpaceId,MobileNumber,CountryCode\ns1,139,86\n\"s2,138,86\ns3,1,86\n");
        assert!(findings.len() == 1 && findings[0].starts_with("3: a quotation mark is not closed"), "{findings:?}");
        let (_, findings) = read(b"CustSpaceId,MobileNumber,CountryCode,Note\ns1,139,86,x\ns2,138,86,\"y\n");
        assert!(findings.len() == 1 && findings[0].starts_with("3: a quotation"), "{findings:?}");
    }

    #[test]
    fn json_lines_are_the_same_rows() {
        let lines = concat!(
            "{\"CustSpaceId\":\"s1\",\"mobile_number\":\"139\",\"country-code\":86,\"Customer\":\"Chen\",\"Note\":null}\n\n",
            "  {\"CustSpaceId\":\"s2\",\"MobileNumber\":138,\"CountryCode\":\"86\"}"
        );
        let (rows, findings) = read(lines.as_bytes());
        assert_eq!(
            (rows, findings),
            (vec!["1@1 s1 139 86 Customer=Chen".to_owned(), "2@3 s2 138 86".to_owned()], vec![])
        );
        let hash = |bytes: &[u8]| {
            let input = input(bytes, None).unwrap();
            let row = input.rows(migration()).unwrap().next().unwrap();
            row.unwrap().hash()
        };
        // Labels and spellings do not change the identity of a row.
        assert_eq!(hash(lines.as_bytes()), hash(b"CountryCode,CustSpaceId,MobileNumber,Customer\n+86,s1,13-9,Li\n"));
        assert_ne!(hash(lines.as_bytes()), hash(b"CountryCode,CustSpaceId,MobileNumber\n86,s11,39\n"));
        for (line, why) in [
            (
                "{\"CustSpaceId\":\"a\",\"CustSpaceId\":\"b\",\"MobileNumber\":\"1\",\"CountryCode\":\"86\"}",
                "CustSpaceId is in the object twice",
            ),
            (
                "{\"CustSpaceId\":null,\"cust_space_id\":\"b\",\"MobileNumber\":\"1\",\"CountryCode\":\"86\"}",
                "CustSpaceId is in the object twice",
            ),
            (
                "{\"a\":1,\"a\":1,\"CustSpaceId\":\"b\",\"MobileNumber\":\"1\",\"CountryCode\":\"86\"}",
                "has a key twice",
            ),
            ("{\"Space\":1,\"MobileNumber\":\"1\",\"CountryCode\":\"86\"}", "is missing"),
            (
                "{\"CustSpceId\":1,\"MobileNumber\":\"1\",\"CountryCode\":\"86\"}",
                "is the key `CustSpceId` the parameter CustSpaceId?",
            ),
            ("{\"CustSpaceId\":2.9e14,\"MobileNumber\":\"1\",\"CountryCode\":\"86\"}", "decimal"),
            ("{\"CustSpaceId\":290000000000000000000000,\"MobileNumber\":\"1\",\"CountryCode\":\"86\"}", "scientific"),
        ] {
            let (_, findings) = read(line.as_bytes());
            assert!(findings.len() == 1 && findings[0].contains(why), "{line}: {findings:?}");
        }
    }

    #[test]
    fn a_file_that_is_not_text_is_recognized() {
        for (bytes, what) in [
            (&b"PK\x03\x04rest"[..], "workbook"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "workbook"),
            (b"\x1f\x8b\x08", "compressed"),
            (b"%PDF-1.7", "PDF"),
            (b"\n<html><table>", "web page"),
            (b"[{\"CustSpaceId\":1}]", "jq -c '.[]'"),
            (b"{\"journal\":1,", "it is a journal"),
        ] {
            let error = input(bytes, None).err().unwrap().to_string();
            assert!(error.contains(what), "{error}");
        }
    }

    #[test]
    fn all_findings_have_lines_and_none_contains_a_value() {
        let (_, findings) = read(b"CustSpaceId,Phone,cust_space_id\nx,y,z\n");
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(findings[0].starts_with("1: the column `cust_space_id` is a second CustSpaceId"), "{findings:?}");
        assert!(findings[1].contains("MobileNumber, CountryCode are missing"), "{findings:?}");

        let (rows, findings) = read(
            b"CustSpaceId,MobileNumber,CountryCode\n,13900001234,\ns2,138\ns3,1.39E+10,86\n\xff,13900001234,86\ns4,139,86,139\nCustSpaceId,MobileNumber,CountryCode\n",
        );
        assert_eq!(rows, Vec::<String>::new());
        let expected = [
            "2: CustSpaceId is empty, and required",
            "2: CountryCode is empty, and required",
            "3: 2 fields, but 3 columns",
            "4: MobileNumber (column 2): the spreadsheet has rounded",
            "5: a value is not UTF-8",
            "6: 4 fields, but 3 columns",
            "7: the line repeats the header",
        ];
        assert_eq!(findings.len(), expected.len(), "{findings:?}");
        for (finding, expected) in findings.iter().zip(expected) {
            assert!(finding.starts_with(expected), "{finding}");
        }

        let (_, findings) = read(
            b"{\"CustSpaceId\":null,\"MobileNumber\":\"13900001234\",\"CountryCode\":[86]}\n[1]\n{\"CustSpaceId\":\"13900001234\n",
        );
        assert_eq!(findings.len(), 3, "{findings:?}");
        assert!(findings[0].starts_with("1: CountryCode: a single value"), "{findings:?}");
        assert!(findings[1].starts_with("2: the line is not a JSON object"), "{findings:?}");
        // The header is missing, so there are values in its place.
        let (_, no_header) = read(b"13900001234,s1,86\n");
        assert!(no_header[0].contains("first line must name the columns"), "{no_header:?}");
        assert!(!findings.concat().contains("139") && !no_header.concat().contains("139"));
        assert!(read(b"").1[0].contains("empty") && read(HEADER.as_bytes()) == (vec![], vec![]));
    }
}
