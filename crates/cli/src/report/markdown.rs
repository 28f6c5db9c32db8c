//! A report for chat: a short summary, and a table of the numbers that need attention.

use super::attention::Level;
use super::findings::{Findings, Why, minute, tier};
use crate::figures::{counted, grouped};

/// How many lines a table has at most: a message is read on a phone.
const MOST: usize = 20;

pub(super) fn render(findings: &Findings) -> String {
    let mut out = format!("## WhatsApp numbers, {}\n\n", text(&minute(&findings.to)));
    out.push_str(&format!(
        "**{}** in {}: {}.\n",
        counted(findings.numbers.len(), "number", "numbers"),
        counted(findings.spaces, "space", "spaces"),
        Level::ALL.map(|level| format!("{} {}", grouped(findings.at(level)), level.label().to_lowercase())).join(", ")
    ));
    if let Some(since) = &findings.since {
        let changes = ["worse", "better", "new"].map(|key| format!("{} {key}", grouped(findings.changed(key))));
        let gone = grouped(since.gone.len());
        out.push_str(&format!("Since {}: {}, {gone} gone.\n", text(&minute(&since.at)), changes.join(", ")));
    }
    for note in &findings.notes {
        out.push_str(&format!("\n> {}\n", text(note)));
    }

    let urgent: Vec<_> = findings.urgent().collect();
    if !urgent.is_empty() {
        out.push_str(
            "\n| | Row | Number | Name | Space | Status | Quality | Tier | Reason |\n|---|---|---|---|---|---|---|---|---|\n",
        );
        for number in urgent.iter().take(MOST) {
            let state = &number.state;
            let value = |value: &Option<String>| text(value.as_deref().unwrap_or("–"));
            let reason = match number.change.text() {
                "" => number.meaning(),
                change => format!("{} ({change})", number.meaning()),
            };
            out.push_str(&format!(
                "| {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
                number.level().map_or("", Level::label),
                number.row,
                text(&number.phone.to_string()),
                value(&state.name),
                text(&number.space),
                value(&state.status),
                value(&state.quality),
                text(tier(state.tier.as_deref().unwrap_or("–"))),
                text(&reason),
            ));
        }
        more(&mut out, urgent.len());
    }

    let rows: Vec<_> = findings.rows.iter().filter(|row| row.why != Why::Empty).collect();
    if !rows.is_empty() {
        out.push_str(&format!("\n**{} without an answer**\n\n", counted(rows.len(), "row", "rows")));
        out.push_str("| Row | Space | Outcome | Code | Message | Request |\n|---|---|---|---|---|---|\n");
        for row in rows.iter().take(MOST) {
            let problem = &row.problem;
            let [space, code, message, request_id] =
                [&row.space, &problem.code, &problem.message, &problem.request_id].map(|value| text(value));
            out.push_str(&format!(
                "| {} | {space} | {} | {code} | {message} | {request_id} |\n",
                row.row,
                row.why.label()
            ));
        }
        more(&mut out, rows.len());
    }
    out
}

fn more(out: &mut String, all: usize) {
    if all > MOST {
        out.push_str(&format!("\n… and {} more.\n", grouped(all - MOST)));
    }
}

/// Text that Markdown takes for nothing else. A name can neither end a cell, nor call somebody (`@all`), nor become a link:
/// an invisible word joiner stands where a chat would see one.
fn text(text: &str) -> String {
    let mut out = String::new();
    let mut characters = text.chars().peekable();
    let mut before = ' ';
    while let Some(c) = characters.next() {
        let next = characters.peek().copied().unwrap_or(' ');
        // An underscore inside a word is only an underscore: `RATE_LIMITED`.
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
    fn a_name_is_only_text() {
        assert_eq!(text("a | b"), r"a \| b");
        assert_eq!(text("<b>[x](y)</b>"), r"\<b\>\[x\](y)\</b\>");
        assert_eq!(text("@all"), "@\u{2060}all");
        assert_eq!(text("https://x www.x"), "https:\u{2060}//x www.\u{2060}x");
        assert_eq!(text("RATE_LIMITED _x_"), r"RATE_LIMITED \_x\_");
    }
}
