//! Printing an answer: as JSON for programs, as a table for people.

use std::io::{self, IsTerminal, Write};

use comfy_table::{ContentArrangement, Table};
use serde_json::{Map, Value};
use terminal_size::{Width, terminal_size_of};

use crate::exit::Failure;

/// Prints the result on standard output. A reader that went away (`| head`) is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    match writeln!(io::stdout(), "{}", text.trim_end()).and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::local(format!("the result cannot be written to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// The whole answer as indented JSON, in the order in which it came.
pub(crate) fn json(answer: &Value) -> String {
    let text = serde_json::to_string_pretty(answer).unwrap_or_else(|_| answer.to_string());
    // JSON lets some control characters stand for themselves, and a terminal may obey them.
    let escape = |c: char| if c.is_control() && c != '\n' { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    text.chars().map(escape).collect()
}

/// The answer for people: single values as lines, lists of objects as tables.
pub(crate) fn table(answer: &Value) -> String {
    let width = io::stdout().is_terminal().then(|| terminal_size_of(io::stdout())).flatten();
    render(answer, width.map(|(Width(width), _)| usize::from(width)))
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

/// Single values with their names (`Data.Status`), and lists of objects.
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
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(&columns);
    for row in &flat {
        let value = |column: &String| row.iter().find(|(name, _)| name == column).map_or("", |(_, value)| value);
        table.add_row(columns.iter().map(|column| value(column)));
    }
    let table = table.to_string();
    // Cells are filled up with blanks; at the end of a line they only make it look too wide.
    let text = table.lines().fold(String::new(), |text, line| text + line.trim_end() + "\n");
    let fits = width.is_none_or(|width| text.lines().all(|line| line.chars().count() <= width));
    if fits {
        return text;
    }
    // Too wide for the terminal: one block for each row, so that nothing is cut off.
    flat.iter().map(|row| pairs(row, "  ")).collect::<Vec<_>>().join("\n")
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

/// Text without control characters: an answer must not move the cursor of the terminal or colour it.
pub(crate) fn printable(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
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
         PhoneNumber    Status     Calling.Hours  VerifiedName
         8613800001234  CONNECTED  1 entries
         8613800005678                            \u{1b}[31mred\n
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
    fn an_answer_cannot_control_the_terminal() {
        let text = render(&sync(), None);
        assert!(!text.contains('\u{1b}') && text.contains(r"\u{1b}[31mred\n"), "{text}");
    }
}
