//! Prints results: JSON for programs, lines and tables for people.

use std::io::{self, IsTerminal, Write};

use comfy_table::{ContentArrangement, Table};
use serde_json::{Map, Value};
use terminal_size::{Width, terminal_size_of};
use unicode_width::UnicodeWidthStr;

/// Prints a message on standard error, wrapped to the width of the terminal. If standard error is closed or full, the
/// message is lost.
pub(crate) fn say(message: &str) {
    let width = io::stderr().is_terminal().then(|| terminal_size_of(io::stderr())).flatten();
    let width = width.map(|(Width(width), _)| usize::from(width));
    let _ = io::stderr().write_all(folded(message, width).as_bytes());
}

/// Prints a text for programs on standard error, unchanged.
pub(crate) fn say_exactly(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// The message in lines no wider than the terminal; continuation lines are indented.
fn folded(message: &str, width: Option<usize>) -> String {
    let mut out = String::new();
    for line in message.split('\n') {
        let text = line.trim_start_matches(' ');
        let mut indent = line.len() - text.len();
        let width = width.map(|width| width.saturating_sub(indent + 2));
        for (number, part) in wrapped(text, width).iter().enumerate() {
            indent += if number == 1 { 2 } else { 0 };
            out.push_str(&format!("{:indent$}{part}\n", ""));
        }
    }
    out
}

/// The whole response as indented JSON, in its original order.
pub(crate) fn json(answer: &Value) -> String {
    let text = serde_json::to_string_pretty(answer).unwrap_or_else(|_| answer.to_string());
    // JSON allows some characters unescaped that control a terminal.
    let escape = |c: char| if is_hidden(c) && c != '\n' { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    text.chars().map(escape).collect()
}

/// A value that a query selected, for people: scalars and lists of scalars as lines, anything else like a response.
pub(crate) fn selected(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Array(items) if items.iter().all(|item| !item.is_object() && !item.is_array()) => {
            items.iter().map(cell).collect::<Vec<_>>().join("\n")
        }
        Value::Array(items) if items.iter().all(Value::is_object) => {
            rows_text(&items.iter().filter_map(Value::as_object).collect::<Vec<_>>(), width())
        }
        other => render(other, width()),
    }
}

/// The width of the terminal in columns; `None` if standard output is not a terminal.
pub(crate) fn width() -> Option<usize> {
    let width = io::stdout().is_terminal().then(|| terminal_size_of(io::stdout())).flatten();
    width.map(|(Width(width), _)| usize::from(width))
}

/// The response for people: scalars as lines, lists of objects as tables.
pub(crate) fn table(answer: &Value) -> String {
    render(answer, width())
}

fn render(answer: &Value, width: Option<usize>) -> String {
    let Value::Object(members) = answer else {
        return cell(answer);
    };
    let mut lines = Vec::new();
    let mut tables = Vec::new();
    collect("", members, &mut lines, &mut tables);
    let mut out = pairs(&lines, "");
    for (name, rows) in tables {
        out.push_str(&format!("\n{name} ({})\n", rows.len()));
        out.push_str(&rows_text(&rows, width));
    }
    out
}

/// Collects scalars with their names (`Data.Status`), and lists of objects.
fn collect<'a>(
    prefix: &str,
    members: &'a Map<String, Value>,
    lines: &mut Vec<(String, String)>,
    tables: &mut Vec<(String, Vec<&'a Map<String, Value>>)>,
) {
    for (name, value) in members {
        let name = format!("{prefix}{}", printable(name));
        match value {
            Value::Null => {}
            Value::Object(inner) => collect(&format!("{name}."), inner, lines, tables),
            Value::Array(items) if items.iter().any(Value::is_object) => {
                tables.push((name, items.iter().filter_map(Value::as_object).collect()));
            }
            other => lines.push((name, cell(other))),
        }
    }
}

fn rows_text(rows: &[&Map<String, Value>], width: Option<usize>) -> String {
    let flat: Vec<Vec<(String, String)>> = rows
        .iter()
        .map(|row| {
            let (mut lines, mut tables) = (Vec::new(), Vec::new());
            collect("", row, &mut lines, &mut tables);
            lines.extend(tables.into_iter().map(|(name, rows)| (name, format!("{} entries", rows.len()))));
            lines
        })
        .collect();
    let mut columns: Vec<&String> = Vec::new();
    for (name, _) in flat.iter().flatten() {
        if !columns.contains(&name) {
            columns.push(name);
        }
    }
    // A stable sort keeps the order of the response within one rank.
    columns.sort_by_key(|name| rank(name));
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(&columns);
    for row in &flat {
        let value = |column: &String| row.iter().find(|(name, _)| name == column).map_or("", |(_, value)| value);
        table.add_row(columns.iter().map(|column| value(column)));
    }
    let table = table.to_string();
    // Cells are padded with blanks; at the end of a line these would only make it wider.
    let text = table.lines().fold(String::new(), |text, line| text + line.trim_end() + "\n");
    let fits = width.is_none_or(|width| text.lines().all(|line| line.width() <= width));
    if fits {
        return text;
    }
    // Too wide for the terminal: one block for each row, so that nothing is cut off.
    let sorted = |row: &Vec<(String, String)>| {
        let mut row = row.clone();
        row.sort_by_key(|(name, _)| rank(name));
        pairs(&row, "  ")
    };
    flat.iter().map(sorted).collect::<Vec<_>>().join("\n")
}

/// The rank of a column: identifiers first, then states, and addresses and settings last.
fn rank(name: &str) -> u8 {
    let last = name.rsplit('.').next().unwrap_or(name);
    let ends = |ends: &[&str]| ends.iter().any(|end| last.ends_with(end));
    match last {
        _ if name.contains('.') || ends(&["Url", "URL", "Queue"]) => 6,
        _ if ends(&["Number", "Id"]) => 0,
        "Name" | "VerifiedName" => 1,
        "Status" => 2,
        _ if ends(&["Rating", "Tier", "Level"]) => 3,
        _ if ends(&["Status", "State"]) => 4,
        _ => 5,
    }
}

fn pairs(lines: &[(String, String)], indent: &str) -> String {
    let width = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    lines.iter().fold(String::new(), |out, (name, value)| out + &format!("{indent}{name:<width$}  {value}\n"))
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => printable(text),
        Value::Array(items) if items.iter().all(|item| !item.is_array()) => {
            items.iter().map(cell).collect::<Vec<_>>().join(", ")
        }
        other => printable(&other.to_string()),
    }
}

/// Breaks a line between words to fit the width. A word that is longer is not broken.
pub(crate) fn wrapped(line: &str, width: Option<usize>) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in line.split(' ') {
        let last = lines.last().map_or(0, |line| line.width());
        match lines.last_mut() {
            Some(line) if last == 0 || width.is_none_or(|width| last + 1 + word.width() <= width) => {
                if last > 0 {
                    line.push(' ');
                }
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Escapes control characters and invisible characters: a response must not move the cursor, colour the text or reverse
/// its direction.
pub(crate) fn printable(text: &str) -> String {
    text.chars().flat_map(|c| if is_hidden(c) { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}

/// Whether it is a control character, or a mark that changes the direction of text (with one, `DENNAB` reads as
/// `BANNED`).
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sync() -> Value {
        json!({
            "RequestId": "90E63D28", "Code": "OK", "Success": true, "Message": null,
            "PhoneNumbers": [
                { "PhoneNumber": "8613800001234", "Status": "CONNECTED", "Calling": { "Hours": [{ "Day": 1 }] } },
                { "PhoneNumber": "8613800005678", "VerifiedName": "\u{1b}[31mred\n" },
            ],
        })
    }

    #[test]
    fn a_list_of_objects_becomes_a_table() {
        insta::assert_snapshot!(render(&sync(), None), @r"
        RequestId  90E63D28
        Code       OK
        Success    true

        PhoneNumbers (2)
         PhoneNumber    VerifiedName     Status     Calling.Hours
         8613800001234                   CONNECTED  1 entries
         8613800005678  \u{1b}[31mred\n
        ");
    }

    #[test]
    fn a_table_that_does_not_fit_becomes_blocks() {
        insta::assert_snapshot!(render(&sync(), Some(40)), @r"
        RequestId  90E63D28
        Code       OK
        Success    true

        PhoneNumbers (2)
          PhoneNumber    8613800001234
          Status         CONNECTED
          Calling.Hours  1 entries

          PhoneNumber   8613800005678
          VerifiedName  \u{1b}[31mred\n
        ");
    }

    #[test]
    fn identifiers_and_states_come_first() {
        let mut names = vec![
            "StatusCallbackUrl",
            "VerifiedName",
            "QualityRating",
            "NameStatus",
            "Calling.Status",
            "IsOfficial",
            "Status",
            "PhoneNumber",
        ];
        names.sort_by_key(|name| rank(name));
        let expected = [
            "PhoneNumber",
            "VerifiedName",
            "Status",
            "QualityRating",
            "NameStatus",
            "IsOfficial",
            "StatusCallbackUrl",
            "Calling.Status",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn a_selected_value_is_a_line_a_list_or_a_table() {
        assert_eq!(selected(&json!("a\u{202e}")), "a\\u{202e}");
        assert_eq!(selected(&json!(["a", 1])), "a\n1");
        assert!(selected(&json!([{ "Status": "OK", "Id": 1 }])).starts_with(" Id  Status"));
        assert_eq!((selected(&json!(null)), selected(&json!([]))), (String::new(), String::new()));
    }

    #[test]
    fn a_message_fits_the_terminal_and_keeps_its_indentation() {
        assert_eq!(folded("error: one two\n  three four", Some(12)), "error: one\n  two\n  three\n    four\n");
        let line = "  export ALIBABA_CLOUD_ENDPOINT=http://127.0.0.1:18099  # as it is";
        assert_eq!(folded(line, None), format!("{line}\n"));
        assert_eq!(folded(line, Some(80)), format!("{line}\n"));
        assert_eq!(folded("", Some(80)), "\n");
        // A word that is too wide stays whole, and a width of 0 counts as no terminal.
        assert_eq!(folded("incomprehensibilities", Some(0)), "incomprehensibilities\n");
    }

    #[test]
    fn a_long_line_breaks_between_words() {
        assert_eq!(wrapped("one two three", Some(7)), ["one two", "three"]);
        assert_eq!(wrapped("incomprehensibilities 陈记 x", Some(6)), ["incomprehensibilities", "陈记 x"]);
        assert_eq!((wrapped("one two", None), wrapped("", Some(5))), (vec!["one two".to_owned()], vec![String::new()]));
    }

    #[test]
    fn a_response_cannot_control_the_terminal() {
        let text = render(&sync(), None);
        assert!(!text.contains('\u{1b}') && text.contains(r"\u{1b}[31mred\n"), "{text}");
    }
}
