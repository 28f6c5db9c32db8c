//! The values of a response that do not fit the described types.

use std::fmt;

/// A value of a response that does not fit the described type.
///
/// `Display` gives the path and the problem, never the value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mismatch {
    path: String,
    problem: Problem,
}

/// The difference between a value and its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem {
    /// The value is left out.
    Unexpected { expected: &'static str, found: &'static str },
    /// The value is kept.
    NotUnicode,
}

impl Mismatch {
    /// The place in the response, e.g. `PhoneNumbers[3].Status`. Names that the specification does not give are `*`.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.path)?;
        match self.problem {
            Problem::Unexpected { expected, found } => write!(f, "expected {expected}, found {found}"),
            Problem::NotUnicode => f.write_str("holds U+FFFD in place of what is not Unicode"),
        }
    }
}

/// The values of a response that do not fit the described types: those that were left out, and texts that were repaired.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mismatches {
    first: Vec<Mismatch>,
    count: usize,
}

impl Mismatches {
    /// The number of mismatches that are kept.
    const KEPT: usize = 16;

    /// The first mismatches, at most 16.
    pub fn first(&self) -> &[Mismatch] {
        &self.first
    }

    /// The number of all mismatches.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Whether every value fits.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds a mismatch whose path is not known yet.
    pub(crate) fn add(&mut self, problem: Problem) {
        if self.first.len() < Self::KEPT {
            self.first.push(Mismatch { path: String::new(), problem });
        }
        self.count += 1;
    }

    /// Prepends `segment` to the paths of all mismatches from the index `start` on.
    #[cold]
    pub(crate) fn prepend(&mut self, start: usize, segment: &str) {
        for Mismatch { path, .. } in &mut self.first[start..] {
            if !path.is_empty() && !path.starts_with('[') {
                path.insert(0, '.');
            }
            path.insert_str(0, segment);
        }
    }
}

/// One line: the first mismatches, separated by semicolons.
impl fmt::Display for Mismatches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mismatch) in self.first.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{mismatch}")?;
        }
        match self.count - self.first.len() {
            0 => Ok(()),
            more => write!(f, "; {more} more"),
        }
    }
}
