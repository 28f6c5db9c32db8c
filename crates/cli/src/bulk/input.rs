//! Rows of an input: CSV or JSON lines, read one by one, as often as needed.
//!
//! Nothing that is said about a row holds a value: it may be a phone number.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use alibabacloud_cams::descriptor::{ActionDescriptor, ParameterDescriptor, ValueKind};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::arguments;
use crate::exit::Failure;
use crate::output::printable;

/// A longer line is no row of anybody's.
const LONGEST_LINE: u64 = 1 << 20;

const BOM: &[u8] = "\u{feff}".as_bytes();

/// Where rows come from: a file that can be read again.
pub(crate) struct Input {
    file: File,
    format: Format,
    /// Where the text begins: after a byte order mark.
    start: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Format {
    Csv { delimiter: u8 },
    JsonLines,
}

/// A row that can be sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Which row it is, from 1; the header is none.
    pub(crate) number: u64,
    /// The line of the input on which it begins, from 1.
    pub(crate) line: u64,
    /// The parameters by their names on the wire, in the order of the descriptor.
    pub(crate) parameters: Vec<(&'static str, String)>,
}

impl Row {
    /// What tells rows apart, the same on every machine, in whatever form the input holds them.
    pub(crate) fn hash(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for (name, value) in &self.parameters {
            for text in [name, value.as_str()] {
                hash.update(text.len().to_le_bytes());
                hash.update(text);
            }
        }
        hash.finalize().into()
    }
}

/// What is wrong, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) line: u64,
    pub(crate) problem: String,
}

impl Input {
    /// Opens a file, or keeps what comes on standard input (`-`).
    pub(crate) fn open(path: &str) -> Result<Self, Failure> {
        let told = |error: io::Error| Failure::local(format!("the input {path} cannot be read: {error}"));
        let file = if path == "-" {
            // It is read more than once.
            let mut kept = tempfile::tempfile().map_err(told)?;
            io::copy(&mut io::stdin().lock(), &mut kept).map_err(told)?;
            kept
        } else {
            let file = File::open(path).map_err(told)?;
            if !file.metadata().map_err(told)?.is_file() {
                return Err(Failure::usage(format!(
                    "the input {path} is not a file; pipe it in with `--input -`, it is read more than once"
                )));
            }
            file
        };
        Self::of(file).map_err(told)
    }

    fn of(mut file: File) -> io::Result<Self> {
        file.seek(SeekFrom::Start(0))?;
        let mut reader = BufReader::new(&file);
        let beginning = reader.fill_buf()?;
        if beginning.starts_with(&[0xff, 0xfe]) || beginning.starts_with(&[0xfe, 0xff]) {
            return Err(io::Error::other("it is in UTF-16; save it as CSV in UTF-8"));
        }
        let start = if beginning.starts_with(BOM) { BOM.len() } else { 0 };
        let text = &beginning[start..];
        let format = match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'{') => Format::JsonLines,
            _ => Format::Csv { delimiter: delimiter(text) },
        };
        let start = start as u64;
        Ok(Self { file, format, start })
    }

    /// Reads the rows from the beginning.
    ///
    /// # Errors
    /// What is wrong with the header, all of it.
    pub(crate) fn rows(&self, action: &'static ActionDescriptor) -> Result<Rows, Vec<Finding>> {
        let told = |error: io::Error| vec![Finding { line: 1, problem: format!("the input cannot be read: {error}") }];
        let mut file = self.file.try_clone().map_err(told)?;
        file.seek(SeekFrom::Start(self.start)).map_err(told)?;
        let source = match self.format {
            Format::JsonLines => Source::JsonLines { reader: BufReader::new(file), line: 0 },
            Format::Csv { delimiter } => Csv::open(file, delimiter, action).map(Source::Csv)?,
        };
        Ok(Rows { action, source, number: 0, over: false })
    }
}

/// Spreadsheets of some countries separate fields by semicolons: what the first line has decides.
fn delimiter(text: &[u8]) -> u8 {
    let header = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let has = |delimiter: &u8| header.contains(delimiter);
    if has(&b',') { b',' } else { [b';', b'\t'].into_iter().find(has).unwrap_or(b',') }
}

/// The rows of an input, in order: each as it can be sent, or what is wrong with it.
pub(crate) struct Rows {
    action: &'static ActionDescriptor,
    source: Source,
    number: u64,
    over: bool,
}

enum Source {
    Csv(Csv),
    JsonLines { reader: BufReader<File>, line: u64 },
}

/// The values of a row by the index of their parameters, and what is wrong so far.
struct Raw {
    line: u64,
    values: Vec<Option<String>>,
    problems: Vec<String>,
}

impl Iterator for Rows {
    type Item = Result<Row, Vec<Finding>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let raw = match &mut self.source {
            Source::Csv(csv) => csv.next(self.action.parameters.len()),
            Source::JsonLines { reader, line } => next_json(reader, line, self.action),
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

impl Rows {
    fn checked(&self, Raw { line, values, mut problems }: Raw) -> Result<Row, Vec<Finding>> {
        let mut parameters = Vec::new();
        // Of a row that cannot be understood, nothing is known to be missing.
        let understood = problems.is_empty();
        for (parameter, value) in self.action.parameters.iter().zip(values) {
            match value {
                Some(value) if value.is_empty() && parameter.required => {
                    problems.push(format!("{} is empty, and required", parameter.name));
                }
                // An empty cell.
                Some(value) if value.is_empty() => {}
                Some(value) => match problem_of(parameter, &value) {
                    Some(problem) => problems.push(format!("{}: {problem}", parameter.name)),
                    None => parameters.push((parameter.name, value)),
                },
                None if parameter.required && understood => {
                    problems.push(format!("{} is missing, and required", parameter.name));
                }
                None => {}
            }
        }
        if problems.is_empty() {
            Ok(Row { number: self.number, line, parameters })
        } else {
            Err(problems.into_iter().map(|problem| Finding { line, problem }).collect())
        }
    }
}

fn problem_of(parameter: &ParameterDescriptor, value: &str) -> Option<String> {
    if parameter.kind == ValueKind::String && rounded(value) {
        return Some("a spreadsheet has rounded the number; make the column text before you save it".to_owned());
    }
    arguments::check(parameter.kind, value).err()
}

/// Whether it is what spreadsheets make of a long number: `2.93484E+14`.
fn rounded(value: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    value.split_once("E+").is_some_and(|(number, exponent)| {
        digits(exponent) && number.split_once(['.', ',']).map_or(digits(number), |(a, b)| digits(a) && digits(b))
    })
}

/// The index of the parameter that a column means, in any style of writing: `CustSpaceId`, `cust-space-id`, `Cust Space ID`.
fn parameter(action: &ActionDescriptor, column: &str) -> Option<usize> {
    let plain =
        |name: &str| name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    let position = |is: &dyn Fn(&str) -> bool| action.parameters.iter().position(|parameter| is(parameter.name));
    position(&|name| name == column).or_else(|| position(&|name| plain(name) == plain(column)))
}

/// The name of a column if it can be one, else its number: a file without a header has values there.
fn name(column: &str, number: usize) -> String {
    let digits = column.chars().filter(|c| c.is_numeric()).count();
    let is_name = column.starts_with(|c: char| c.is_alphabetic()) && digits < 4 && column.chars().count() <= 60;
    if is_name { format!("`{}`", printable(column)) } else { format!("number {number}") }
}

fn known_columns(action: &ActionDescriptor) -> String {
    action.parameters.iter().map(|parameter| parameter.name).collect::<Vec<_>>().join(", ")
}

struct Csv {
    reader: csv::Reader<Lines<File>>,
    record: csv::ByteRecord,
    /// For each column, which parameter it is.
    columns: Vec<usize>,
    /// Whether the input is at its end, with an odd number of quotation marks.
    unclosed: Arc<AtomicBool>,
}

impl Csv {
    fn open(file: File, delimiter: u8, action: &'static ActionDescriptor) -> Result<Self, Vec<Finding>> {
        let unclosed = Arc::new(AtomicBool::new(false));
        let lines = Lines { reader: file, unclosed: unclosed.clone(), odd: false, last: b'\n' };
        let mut builder = csv::ReaderBuilder::new();
        builder.has_headers(false).flexible(true).delimiter(delimiter).terminator(csv::Terminator::Any(b'\n'));
        let mut reader = builder.from_reader(lines);
        let mut record = csv::ByteRecord::new();
        let found = |problem: String| Finding { line: 1, problem };
        match next_record(&mut reader, &mut record) {
            Ok(true) => {}
            Ok(false) => {
                return Err(vec![found(format!("the input is empty; it needs the columns {}", known_columns(action)))]);
            }
            Err(error) => return Err(vec![found(format!("the input cannot be read: {error}"))]),
        }
        let (mut columns, mut findings) = (Vec::new(), Vec::new());
        for (index, column) in record.iter().enumerate() {
            let column = String::from_utf8_lossy(column);
            let name = name(&column, index + 1);
            match parameter(action, &column) {
                Some(parameter) if columns.contains(&parameter) => {
                    findings.push(found(format!("the column {name} is there twice")));
                }
                Some(parameter) => columns.push(parameter),
                None => findings.push(found(format!(
                    "the column {name} is unknown; the action has {}. The first line names the columns",
                    known_columns(action)
                ))),
            }
        }
        for (index, parameter) in action.parameters.iter().enumerate() {
            if parameter.required && !columns.contains(&index) {
                findings.push(found(format!("the column {} is missing, and required", parameter.name)));
            }
        }
        if findings.is_empty() { Ok(Self { reader, record, columns, unclosed }) } else { Err(findings) }
    }

    fn next(&mut self, parameters: usize) -> Result<Option<Raw>, Finding> {
        let there = next_record(&mut self.reader, &mut self.record);
        // Every record ends with a line break.
        let inside = self.record.as_slice().split(|byte| *byte == b'\n').count() as u64 - 1;
        let line = self.reader.position().line().saturating_sub(1 + inside);
        match there {
            // It has no end, so it begins a line later than it looks.
            Ok(true) if self.unclosed.load(Ordering::Relaxed) => {
                let problem = "a quotation mark is not closed; everything after it would be one value".to_owned();
                return Err(Finding { line: line + 1, problem });
            }
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) => return Err(Finding { line, problem: format!("the input cannot be read: {error}") }),
        }
        let mut raw = Raw { line, values: vec![None; parameters], problems: Vec::new() };
        if self.record.len() != self.columns.len() {
            let (fields, columns) = (self.record.len(), self.columns.len());
            raw.problems.push(format!("{fields} fields, but {columns} columns"));
            return Ok(Some(raw));
        }
        for (field, index) in self.record.iter().zip(&self.columns) {
            match std::str::from_utf8(field) {
                Ok(value) => raw.values[*index] = Some(value.to_owned()),
                Err(_) => raw.problems.push("a value is not UTF-8; save the file as CSV in UTF-8".to_owned()),
            }
        }
        Ok(Some(raw))
    }
}

/// The next record that is not an empty line, without the carriage return of its end. The reader could do both, but then it does
/// not know on which line a record begins.
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
        if record.len() > 1 || record.get(0).is_some_and(|field| !field.is_empty()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Ends the last line if nobody did, and counts quotation marks: the reader takes one that is never closed for a value that goes on to
/// the end of the file.
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

fn next_json(reader: &mut BufReader<File>, line: &mut u64, action: &ActionDescriptor) -> Result<Option<Raw>, Finding> {
    let mut text = Vec::new();
    loop {
        text.clear();
        *line += 1;
        let found = |problem: String| Finding { line: *line, problem };
        let read = reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut text);
        match read {
            Ok(0) => return Ok(None),
            Ok(read) if read as u64 == LONGEST_LINE && !text.ends_with(b"\n") => {
                return Err(found("the line is longer than 1 MiB".to_owned()));
            }
            Ok(_) if text.trim_ascii().is_empty() => {}
            Ok(_) => break,
            Err(error) => return Err(found(format!("the input cannot be read: {error}"))),
        }
    }
    let mut raw = Raw { line: *line, values: vec![None; action.parameters.len()], problems: Vec::new() };
    match serde_json::from_slice::<Map<String, Value>>(&text) {
        Ok(object) => {
            for (number, (key, value)) in object.into_iter().enumerate() {
                let name = name(&key, number + 1);
                let Some(index) = parameter(action, &key) else {
                    raw.problems.push(format!("the key {name} is unknown; the action has {}", known_columns(action)));
                    continue;
                };
                match text_of(action.parameters[index].kind, value) {
                    Ok(value) if raw.values[index].is_some() && value.is_some() => {
                        raw.problems.push(format!("{} is there twice", action.parameters[index].name));
                    }
                    Ok(value) => raw.values[index] = value.or_else(|| raw.values[index].take()),
                    Err(problem) => raw.problems.push(format!("{}: {problem}", action.parameters[index].name)),
                }
            }
        }
        // Its own message may quote the line.
        Err(error) => raw.problems.push(format!("this is no JSON object (column {})", error.column())),
    }
    Ok(Some(raw))
}

/// A value as it is sent; `null` is none.
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

    fn action(name: &str) -> &'static ActionDescriptor {
        alibabacloud_cams::PRODUCT.action(name).expect("a known action")
    }

    fn input(bytes: &[u8]) -> io::Result<Input> {
        let mut file = tempfile::tempfile()?;
        file.write_all(bytes)?;
        Input::of(file)
    }

    /// The rows of a migration, as text, and what is wrong.
    fn read(bytes: &[u8]) -> (Vec<String>, Vec<String>) {
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        let mut found = |findings: Vec<Finding>| {
            bad.extend(findings.into_iter().map(|finding| format!("{}: {}", finding.line, finding.problem)));
        };
        match input(bytes).unwrap().rows(action("CreateChatappMigrationInitiate")) {
            Ok(rows) => {
                for row in rows {
                    match row {
                        Ok(row) => {
                            let values: Vec<&str> = row.parameters.iter().map(|(_, value)| &**value).collect();
                            good.push(format!("{}@{} {}", row.number, row.line, values.join("|")));
                        }
                        Err(findings) => found(findings),
                    }
                }
            }
            Err(findings) => found(findings),
        }
        (good, bad)
    }

    #[test]
    fn columns_have_any_style_and_order_and_the_file_any_line_ends() {
        let expected = (vec!["1@2 s1|139|86".to_owned(), "2@3 s2|138|86".to_owned()], Vec::<String>::new());
        for header in [
            "CustSpaceId,MobileNumber,CountryCode",
            "cust-space-id,mobile-number,country-code",
            "cust_space_id,mobile_number,COUNTRY_CODE",
            "custSpaceId,mobileNumber,countryCode",
            "Cust Space Id,\"Mobile Number\",country code",
        ] {
            for (bom, end) in [("", "\n"), ("\u{feff}", "\r\n")] {
                assert_eq!(read(format!("{bom}{header}{end}s1,139,86{end}s2,138,86").as_bytes()), expected);
                let semicolons = format!("{bom}{header}{end}s1,139,86{end}\"s2\",138,86{end}").replace(',', ";");
                assert_eq!(read(semicolons.as_bytes()), expected);
            }
        }
        let order = read(b"CountryCode\tCustSpaceId\tMobileNumber\n86\ts1\t139\n\n86\ts2\t138\n");
        assert_eq!(order.0, ["1@2 s1|139|86", "2@4 s2|138|86"]);
    }

    #[test]
    fn quoted_fields_hold_commas_quotes_and_lines() {
        let (rows, findings) = read(b"CustSpaceId,MobileNumber,CountryCode\n\"a,\"\"b\"\"\nc\",139,86\ns2,138,86\n");
        assert_eq!(rows, ["1@2 a,\"b\"\nc|139|86", "2@4 s2|138|86"]);
        assert_eq!(findings, Vec::<String>::new());
        let (_, findings) = read(b"CustSpaceId,MobileNumber,CountryCode\ns1,139,86\n\"s2,138,86\ns3,1,86\n");
        assert!(findings.len() == 1 && findings[0].starts_with("3: a quotation mark is not closed"), "{findings:?}");
        // In the middle of a value it is a character like others.
        assert_eq!(read(b"CustSpaceId,MobileNumber,CountryCode\n5\" s1,139,86").0, ["1@2 5\" s1|139|86"]);
        let (rows, findings) = read(b"CustSpaceId,MobileNumber,CountryCode\ns1,139,86\ns2,138,\"86\n");
        assert!(findings.len() == 1 && findings[0].starts_with("3: a quotation"), "{rows:?} {findings:?}");
    }

    #[test]
    fn json_lines_are_the_same_rows() {
        let lines = concat!(
            "{\"CustSpaceId\":\"s1\",\"mobile_number\":\"139\",\"country-code\":86}\n\n",
            "  {\"CustSpaceId\":\"s2\",\"MobileNumber\":138,\"CountryCode\":\"86\"}"
        );
        let (rows, findings) = read(lines.as_bytes());
        assert_eq!((rows, findings), (vec!["1@1 s1|139|86".to_owned(), "2@3 s2|138|86".to_owned()], vec![]));
        let hash = |bytes: &[u8]| {
            let mut rows = input(bytes).unwrap().rows(action("CreateChatappMigrationInitiate")).unwrap();
            rows.next().unwrap().unwrap().hash()
        };
        assert_eq!(hash(lines.as_bytes()), hash(b"CountryCode,CustSpaceId,MobileNumber\n86,s1,139\n"));
        assert_ne!(hash(lines.as_bytes()), hash(b"CountryCode,CustSpaceId,MobileNumber\n86,s11,39\n"));
    }

    #[test]
    fn all_findings_come_with_their_lines_and_none_holds_a_value() {
        let (_, findings) = read(b"CustSpaceId,Number,cust_space_id\nx,y,z\n");
        assert_eq!(findings.len(), 4, "{findings:?}");
        assert!(findings[0].starts_with("1: the column `Number` is unknown"), "{findings:?}");
        assert!(findings[1].contains("`cust_space_id` is there twice"), "{findings:?}");
        assert!(findings[2].contains("MobileNumber is missing") && findings[3].contains("CountryCode"), "{findings:?}");

        let (rows, findings) =
            read(b"CustSpaceId,MobileNumber,CountryCode\n,13900001234,\ns2,138\ns3,1.39E+10,86\n\xff,13900001234,86\n");
        assert_eq!(rows, Vec::<String>::new());
        let expected = [
            "2: CustSpaceId is empty, and required",
            "2: CountryCode is empty, and required",
            "3: 2 fields, but 3 columns",
            "4: MobileNumber: a spreadsheet has rounded the number; make the column text before you save it",
            "5: a value is not UTF-8; save the file as CSV in UTF-8",
        ];
        assert_eq!(findings, expected);

        let (_, findings) = read(
            b"{\"CustSpaceId\":null,\"MobileNumber\":\"13900001234\",\"CountryCode\":[86]}\n[1]\n{\"CustSpaceId\":\"13900001234\n",
        );
        assert_eq!(findings.len(), 3, "{findings:?}");
        assert!(findings[0].starts_with("1: CountryCode: a single value"), "{findings:?}");
        assert!(findings[1].starts_with("2: this is no JSON object"), "{findings:?}");
        // The header is missing, so there are values in its place.
        let (_, no_header) = read(b"13900001234,s1,86\n");
        assert!(no_header[0].contains("number 1 is unknown"), "{no_header:?}");
        assert!(!findings.concat().contains("139") && !no_header.concat().contains("139"));
        assert!(read(b"").1[0].contains("empty"));
        let error = input(b"\xff\xfeC\0").err().unwrap().to_string();
        assert!(error.contains("UTF-16"), "{error}");
    }
}
