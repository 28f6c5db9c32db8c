//! The input of a bulk: CSV or JSON lines, read row by row and checked.
//!
//! No message about a row contains a value, because it may be a phone number.

mod check;
mod columns;
mod encoding;
mod rows;
mod values;

pub(crate) use self::check::{Checked, Shard, check, short};
pub(crate) use self::columns::Columns;
pub(crate) use self::rows::{Finding, Input, Row, Rows};
pub(crate) use self::values::{REPAIRS, Shape};
