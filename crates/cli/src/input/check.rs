//! Reads and checks all rows before the first call, and computes the digest of the input.

use std::collections::BTreeMap;

use alibabacloud_cams::descriptor::ActionDescriptor;
use sha2::{Digest, Sha256};

use super::rows::{Finding, Input, Note};
use super::values::{LOST_DIGITS, lost_digits};

/// The part of the rows that this process sends. A hash assigns each row to a shard, so its position in the input does
/// not matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shard {
    /// Starts at 1.
    pub(crate) number: u64,
    pub(crate) of: u64,
}

impl Shard {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((number, of)) if (1..=of).contains(&number) => Ok(Self { number, of }),
            _ => Err("expected K/N, e.g. 2/5 for the second of five parts".to_owned()),
        }
    }

    pub(crate) fn has(self, hash: u64) -> bool {
        hash % self.of == self.number - 1
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

/// An input in which every row can be sent.
#[derive(Debug)]
pub(crate) struct Checked {
    /// The digest of the rows in their order, independent of the file format.
    pub(crate) digest: String,
    /// The digest of the first rows, as many as the caller asked for; `None` if there are fewer.
    pub(crate) prefix: Option<String>,
    /// One hash for each row, which identifies it.
    pub(crate) hashes: Vec<u64>,
    /// The rows, counted from 0, that repeat an earlier row and are not sent, sorted.
    repeated: Vec<u32>,
    /// Notes, with the number of rows and the first lines.
    pub(crate) notes: BTreeMap<Note, (u64, Vec<u64>)>,
}

impl Checked {
    /// Whether the row, counted from 0, repeats an earlier one.
    pub(crate) fn is_repeated(&self, index: usize) -> bool {
        !self.repeated.is_empty() && u32::try_from(index).is_ok_and(|row| self.repeated.binary_search(&row).is_ok())
    }

    /// How many rows repeat an earlier one.
    pub(crate) fn repeated(&self) -> u64 {
        self.repeated.len() as u64
    }
}

/// The hash that identifies a row.
pub(crate) fn short(hash: [u8; 32]) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hash[..8]);
    u64::from_le_bytes(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// How many lines a note lists.
const NAMED: usize = 3;

/// Reads all rows, and passes each finding to `tell`; if there is one, there is no result. `prefix` is the number of
/// leading rows that get a separate digest.
pub(crate) fn check(
    input: &Input,
    action: &'static ActionDescriptor,
    prefix: u64,
    mut tell: impl FnMut(&Finding),
) -> Option<Checked> {
    let mut found = 0_u64;
    let mut tell_all = |findings: &[Finding]| {
        found += findings.len() as u64;
        findings.iter().for_each(&mut tell);
    };
    let rows = match input.rows(action) {
        Ok(rows) => rows,
        Err(findings) => {
            tell_all(&findings);
            return None;
        }
    };
    let mut digest = Sha256::new();
    let mut digest_of_prefix = None;
    let mut hashes = Vec::new();
    // Only kept where they can differ from the hashes.
    let mut effects = Vec::new();
    let mut numbers = Vec::new();
    let mut number_parameter = "";
    let mut notes: BTreeMap<Note, (u64, Vec<u64>)> = BTreeMap::new();
    let mut tallies = vec![Tally::default(); action.parameters.len()];
    for row in rows {
        if hashes.len() as u64 == prefix {
            digest_of_prefix = Some(hex(&digest.clone().finalize()));
        }
        match row {
            Ok(row) => {
                let hash = row.hash();
                digest.update(hash);
                hashes.push(short(hash));
                if !action.idempotent {
                    effects.push(short(row.effect(action)));
                    let number = row.numbers(action);
                    number_parameter = number.map_or(number_parameter, |(name, _)| name);
                    numbers.push(number.map_or(0, |(_, hash)| short(hash)));
                }
                for (tally, parameter) in tallies.iter_mut().zip(action.parameters) {
                    tally.add(row.value(parameter.name), row.line);
                }
                for note in row.notes {
                    let (rows, lines) = notes.entry(note).or_default();
                    *rows += 1;
                    if lines.len() < NAMED {
                        lines.push(row.line);
                    }
                }
            }
            Err(findings) => {
                tell_all(&findings);
                // Keeps its place, so that the numbers of later rows stay right.
                hashes.push(0);
                effects.push(0);
            }
        }
    }
    if hashes.len() as u64 == prefix {
        digest_of_prefix = Some(hex(&digest.clone().finalize()));
    }
    for (tally, parameter) in tallies.iter().zip(action.parameters) {
        tell_all(tally.finding(parameter.name).as_slice());
    }
    let mut repeated = Vec::new();
    if action.idempotent {
        repeated = repetitions(&hashes).into_iter().map(|(later, _)| later).collect();
        repeated.shrink_to_fit();
    } else {
        tell_all(&duplicates(input, action, &effects));
        let rows: Vec<u32> = repetitions(&numbers).into_iter().map(|(later, _)| later).collect();
        if found == 0 && !rows.is_empty() {
            let named = lines_of(input, action, rows.iter().copied().take(NAMED).collect());
            let text = "an earlier row has the same number with other values; check which of them is right";
            let note = Note { subject: number_parameter.to_owned(), text };
            notes.insert(note, (rows.len() as u64, named.into_iter().map(|(_, line)| line).collect()));
        }
    }
    (found == 0).then(|| Checked { digest: hex(&digest.finalize()), prefix: digest_of_prefix, hashes, repeated, notes })
}

/// Counts the numbers of a column that have more digits than a spreadsheet keeps. A single number that ends in zeros
/// may be right; if all of them do, the spreadsheet has rounded them.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    long: u64,
    rounded: u64,
    first_line: u64,
}

impl Tally {
    fn add(&mut self, value: &str, line: u64) {
        if value.len() > 15 && value.bytes().all(|byte| byte.is_ascii_digit()) {
            self.long += 1;
            if lost_digits(value) > 0 {
                self.rounded += 1;
                if self.rounded == 1 {
                    self.first_line = line;
                }
            }
        }
    }

    fn finding(self, parameter: &str) -> Option<Finding> {
        (self.rounded >= 3 && self.rounded == self.long).then(|| Finding {
            line: self.first_line,
            subject: parameter.to_owned(),
            place: format!("in all {} rows with such numbers, ", self.rounded),
            problem: LOST_DIGITS.to_owned(),
        })
    }
}

/// Pairs of a row and the first row with the same hash, sorted.
fn repetitions(hashes: &[u64]) -> Vec<(u32, u32)> {
    // Row numbers have 32 bits, which halves the memory of the sort.
    let mut order: Vec<u32> = (0..u32::try_from(hashes.len()).unwrap_or(u32::MAX)).collect();
    let hash = |row: u32| hashes[row as usize];
    order.retain(|row| hash(*row) != 0);
    order.sort_unstable_by_key(|row| (hash(*row), *row));
    let mut twice: Vec<(u32, u32)> = order
        .chunk_by(|a, b| hash(*a) == hash(*b))
        .flat_map(|same| same[1..].iter().map(|later| (*later, same[0])))
        .collect();
    twice.sort_unstable();
    twice
}

/// Rows that have the same effect as an earlier row, for an action that is not idempotent.
fn duplicates(input: &Input, action: &'static ActionDescriptor, effects: &[u64]) -> Vec<Finding> {
    let twice = repetitions(effects);
    if twice.is_empty() {
        return Vec::new();
    }
    let rows: Vec<u32> = twice.iter().flat_map(|(later, first)| [*later, *first]).collect();
    let lines = lines_of(input, action, rows);
    let line = |row: u32| lines.binary_search_by_key(&row, |(row, _)| *row).map_or(0, |index| lines[index].1);
    let finding = |(later, first): (u32, u32)| Finding {
        line: line(later),
        subject: String::new(),
        place: format!("the row has the same effect as line {}", line(first)),
        problem: "; remove one of them".to_owned(),
    };
    twice.into_iter().map(finding).collect()
}

/// The lines of the given rows, which are counted from 0, sorted by row.
fn lines_of(input: &Input, action: &'static ActionDescriptor, mut wanted: Vec<u32>) -> Vec<(u32, u64)> {
    wanted.sort_unstable();
    wanted.dedup();
    let mut wanted = wanted.into_iter().peekable();
    let mut lines = Vec::new();
    for (row, number) in input.rows(action).into_iter().flatten().zip(0_u32..) {
        if wanted.next_if_eq(&number).is_some() {
            lines.push((number, row.map_or(0, |row| row.line)));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_belongs_to_exactly_one_shard() {
        let shards: Vec<Shard> = (1..=5).map(|number| Shard::parse(&format!("{number}/5")).unwrap()).collect();
        for hash in [0, 1, 4, 5, u64::MAX, 1 << 40] {
            assert_eq!(shards.iter().filter(|shard| shard.has(hash)).count(), 1);
        }
        for wrong in ["0/5", "6/5", "1/0", "1", "a/b", "1/5/2", ""] {
            assert!(Shard::parse(wrong).is_err(), "{wrong}");
        }
    }
}
