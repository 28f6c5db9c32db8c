//! Before the first call: all rows are read and checked, and the input gets its name.

use alibabacloud_cams::descriptor::ActionDescriptor;
use sha2::{Digest, Sha256};

use super::input::{Finding, Input};

/// Which part of the rows this process sends: those whose hash falls to it, wherever they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shard {
    /// From 1.
    pub(crate) number: u64,
    pub(crate) of: u64,
}

impl Shard {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((number, of)) if (1..=of).contains(&number) => Ok(Self { number, of }),
            _ => Err("expected a part of the rows, such as 2/5: the second of five".to_owned()),
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

/// An input all of whose rows can be sent.
#[derive(Debug)]
pub(crate) struct Checked {
    /// Over the rows, in their order; how the file holds them does not matter.
    pub(crate) digest: String,
    /// One hash for each row, by which it is known again.
    pub(crate) hashes: Vec<u64>,
}

/// The hash by which a row is known again.
pub(crate) fn short(hash: [u8; 32]) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hash[..8]);
    u64::from_le_bytes(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// Reads all rows. Every finding is told as it is found; if there is one, there is no result.
pub(crate) fn check(
    input: &Input,
    action: &'static ActionDescriptor,
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
    let mut hashes = Vec::new();
    for row in rows {
        match row {
            Ok(row) => {
                let hash = row.hash();
                digest.update(hash);
                hashes.push(short(hash));
            }
            Err(findings) => {
                tell_all(&findings);
                // Its place, so that the numbers of the others stay right.
                hashes.push(0);
            }
        }
    }
    if !action.idempotent {
        tell_all(&duplicates(input, action, &hashes));
    }
    (found == 0).then(|| Checked { digest: hex(&digest.finalize()), hashes })
}

/// Rows that are there before: they would do again what has an effect each time.
fn duplicates(input: &Input, action: &'static ActionDescriptor, hashes: &[u64]) -> Vec<Finding> {
    // Rows as numbers of 32 bits: four bytes each, and four thousand million are enough.
    let mut order: Vec<u32> = (0..u32::try_from(hashes.len()).unwrap_or(u32::MAX)).collect();
    let hash = |row: u32| hashes[row as usize];
    order.retain(|row| hash(*row) != 0);
    order.sort_unstable_by_key(|row| (hash(*row), *row));
    let mut twice: Vec<(u32, u32)> = order
        .chunk_by(|a, b| hash(*a) == hash(*b))
        .flat_map(|same| same[1..].iter().map(|later| (*later, same[0])))
        .collect();
    drop(order);
    if twice.is_empty() {
        return Vec::new();
    }
    twice.sort_unstable();
    let rows: Vec<u32> = twice.iter().flat_map(|(later, first)| [*later, *first]).collect();
    let lines = lines_of(input, action, rows);
    let line = |row: u32| lines.binary_search_by_key(&row, |(row, _)| *row).map_or(0, |index| lines[index].1);
    let finding = |(later, first): (u32, u32)| Finding {
        line: line(later),
        problem: format!("the row is the same as the one on line {}; it would be sent twice", line(first)),
    };
    twice.into_iter().map(finding).collect()
}

/// On which lines rows (from 0) are, sorted by row.
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
