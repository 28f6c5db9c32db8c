//! Markdown for chat, with every value escaped.

use super::facts::{Facts, Group};
use crate::figures::{counted, grouped};

/// The maximum number of lines in a table, because messages are read on phones.
pub(super) const MOST: usize = 20;

pub(super) fn notes(out: &mut String, notes: &[String]) {
    for note in notes {
        out.push_str(&format!("\n> {}\n", text(note)));
    }
}

/// The first line of a table.
pub(super) fn head<'c>(out: &mut String, columns: impl IntoIterator<Item = &'c str>) {
    let columns: Vec<String> = columns.into_iter().map(text).collect();
    out.push_str(&format!("\n| {} |\n|{}\n", columns.join(" | "), "---|".repeat(columns.len())));
}

pub(super) fn line<'c>(out: &mut String, cells: impl IntoIterator<Item = &'c str>) {
    let cells: Vec<String> = cells.into_iter().map(text).collect();
    out.push_str(&format!("| {} |\n", cells.join(" | ")));
}

pub(super) fn more(out: &mut String, all: usize) {
    if all > MOST {
        out.push_str(&format!("\n… and {} more.\n", grouped((all - MOST) as u64)));
    }
}

/// The rows without a response, grouped by reason.
pub(super) fn groups(out: &mut String, facts: &Facts, columns: &[&str]) {
    for Group { why, code, advice, rows } in &facts.groups {
        let count = counted(rows.len() as u64, "row", "rows");
        out.push_str(&format!("\n**{}: {count} {}**", text(code), why.label()));
        if !advice.is_empty() {
            out.push_str(&format!(" – {}", text(advice)));
        }
        out.push('\n');
        let labels = facts.labels.iter().map(|label| &**label);
        head(out, ["Row"].into_iter().chain(columns.iter().copied()).chain(labels).chain(["Message", "Request"]));
        for row in rows.iter().take(MOST) {
            let number = row.row.to_string();
            let cells = [&*number].into_iter().chain(row.parameters.iter().map(|cell| &**cell));
            line(out, cells.chain(row.labels.iter().map(|cell| &**cell)).chain([&*row.message, &row.request_id]));
        }
        more(out, rows.len());
    }
}

/// Escapes text for Markdown. A value can neither end a cell, nor mention a person (`@all`), nor become a link: an
/// invisible word joiner breaks both.
pub(super) fn text(text: &str) -> String {
    let mut out = String::new();
    let mut characters = text.chars().peekable();
    let mut before = ' ';
    while let Some(c) = characters.next() {
        let next = characters.peek().copied().unwrap_or(' ');
        // An underscore inside a word has no meaning in Markdown: `RATE_LIMITED`.
        let inside = c == '_' && before.is_alphanumeric() && next.is_alphanumeric();
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '~' | '#' | '!' | '&' | '$') && !inside {
            out.push('\\');
        }
        out.push(c);
        let joined = c == '@' || (c == ':' && next == '/') || (c == '.' && before.eq_ignore_ascii_case(&'w'));
        if joined {
            out.push('\u{2060}');
        }
        before = c;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn values_cannot_become_markup() {
        assert_eq!(text("a | b"), r"a \| b");
        assert_eq!(text("<b>[x](y)</b>"), r"\<b\>\[x\](y)\</b\>");
        assert_eq!(text("@all"), "@\u{2060}all");
        assert_eq!(text("https://x www.x"), "https:\u{2060}//x www.\u{2060}x");
        assert_eq!(text("RATE_LIMITED _x_"), r"RATE_LIMITED \_x\_");
    }
}
