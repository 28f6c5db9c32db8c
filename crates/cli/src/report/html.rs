//! A report as one page that needs nothing else: style, script and data are inside, and its policy forbids everything from outside.
//!
//! What the first look needs is written here, with every value escaped, and works without JavaScript: totals, charts, the
//! numbers that need attention, changes, and rows without a number. The table of all numbers is data, which `page.js` shows.

#![allow(clippy::format_collect, reason = "`let _ = write!(…)` would be noise, and the texts are short")]

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::attention::{self, Field, Level};
use super::chart::{self, Bar};
use super::findings::{Findings, Number, Why, level_of, minute, tier};
use super::mask::Phone;
use crate::figures::{counted, grouped};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// How many lines of a list are seen at once, and how many more can be unfolded. The table has all.
const SEEN: usize = 10;
const UNFOLDED: usize = 200;

/// How many numbers the table holds at most: about 15 MB. More make a page that no browser likes; CSV has all.
const MOST: usize = 100_000;

pub(super) fn render(findings: &Findings) -> String {
    page(findings, MOST)
}

/// The page with at most so many numbers in its table.
fn page(findings: &Findings, most: usize) -> String {
    fill(PAGE, |name| match name {
        "script-hash" => hash(SCRIPT),
        "style-hash" => hash(STYLE),
        "style" => STYLE.to_owned(),
        "script" => SCRIPT.to_owned(),
        "to" => escape(&minute(&findings.to)),
        "lead" => lead(findings),
        "notes" => notes(findings),
        "totals" => totals(findings),
        "attention" => urgent_numbers(findings),
        "changes" => changes(findings),
        "charts" => charts(findings),
        "rows" => rows(findings),
        "footer" => footer(findings, most),
        "data" => data(findings, most),
        _ => String::new(),
    })
}

/// The template with each `{{name}}` replaced; what is put in is not looked at again.
fn fill(template: &str, value: impl Fn(&str) -> String) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, from)) = rest.split_once("{{") {
        let (name, after) = from.split_once("}}").unwrap_or((from, ""));
        out.push_str(before);
        out.push_str(&value(name));
        rest = after;
    }
    out + rest
}

/// The hash by which the policy of the page knows its script and its style.
fn hash(text: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(text)))
}

/// Text as the content of an element or the value of an attribute in quotes.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// JSON in which nothing can end the element that it stands in.
fn embedded(value: &Value) -> String {
    let mut out = String::new();
    for c in value.to_string().chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

fn lead(findings: &Findings) -> String {
    let (from, to) = (minute(&findings.from), minute(&findings.to));
    // Twice the same day is once too many.
    let times = match (from.split_once(' '), to.split_once(' ')) {
        _ if from == to => to.clone(),
        (Some((day, time)), Some((other, end))) if day == other => {
            format!("{day} {}–{end}", time.trim_end_matches(" UTC"))
        }
        _ => format!("{from} – {to}"),
    };
    format!(
        "{} in {}, synced {}",
        counted(findings.numbers.len(), "number", "numbers"),
        counted(findings.spaces, "space", "spaces"),
        escape(&times)
    )
}

fn notes(findings: &Findings) -> String {
    if findings.notes.is_empty() {
        return String::new();
    }
    let notes: String = findings.notes.iter().map(|note| format!("<li>{}</li>\n", escape(note))).collect();
    format!("<ul class=\"notes\">\n{notes}</ul>")
}

fn icon(name: &str) -> String {
    format!("<svg class=\"icon\" aria-hidden=\"true\"><use href=\"#{name}\"/></svg>")
}

fn totals(findings: &Findings) -> String {
    let mut out = String::from("<dl class=\"totals\">\n");
    let mut total = |class: &str, label: &str, count: usize| {
        let zero = if count == 0 { " zero" } else { "" };
        let symbol = if class.is_empty() || count == 0 { String::new() } else { icon(class) };
        out.push_str(&format!(
            "<div class=\"{class}{zero}\"><dt>{symbol}{label}</dt><dd>{}</dd></div>\n",
            grouped(count)
        ));
    };
    for level in Level::ALL {
        total(level.key(), level.label(), findings.at(level));
    }
    total("", "No concern", findings.numbers.iter().filter(|number| number.attention.is_none()).count());
    let unanswered = findings.rows.iter().filter(|row| row.why != Why::Empty).count();
    total(if unanswered > 0 { "risk" } else { "" }, "No answer", unanswered);
    out + "</dl>"
}

/// The headers of a table: class and label.
fn head(columns: &[(&str, &str)]) -> String {
    let cells: String = columns
        .iter()
        .map(|(class, label)| format!("<th scope=\"col\" role=\"columnheader\" class=\"{class}\">{label}</th>"))
        .collect();
    format!("<thead role=\"rowgroup\"><tr role=\"row\">{cells}</tr></thead>\n")
}

/// A list as a table: its first lines, more that can be unfolded, and how many are left out.
fn table(class: &str, label: &str, columns: &[(&str, &str)], lines: &[String]) -> String {
    let table = |lines: &[String]| {
        format!(
            "<table class=\"{class}\" role=\"table\" aria-label=\"{label}\">\n{}<tbody role=\"rowgroup\">\n{}</tbody>\n</table>\n",
            head(columns),
            lines.concat()
        )
    };
    let (seen, rest) = lines.split_at(SEEN.min(lines.len()));
    let mut out = table(seen);
    if !rest.is_empty() {
        let unfolded = &rest[..UNFOLDED.min(rest.len())];
        out.push_str(&format!("<details><summary>{} more</summary>\n{}", grouped(rest.len()), table(unfolded)));
        if unfolded.len() < rest.len() {
            let left = grouped(rest.len() - unfolded.len());
            out.push_str(&format!("<p class=\"quiet\">… and {left} more, which CSV has.</p>"));
        }
        out.push_str("</details>\n");
    }
    out
}

fn line(cells: &[(&str, &str, String)]) -> String {
    let cells: String = cells
        .iter()
        .map(|(class, label, content)| {
            format!("<td role=\"cell\" class=\"{class}\" data-label=\"{label}\">{content}</td>")
        })
        .collect();
    format!("<tr role=\"row\">{cells}</tr>\n")
}

/// A value from an answer: escaped, and its direction kept to itself.
fn value(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("<bdi class=\"clamp\">{}</bdi>", escape(text)) }
}

/// A phone number; one that is missing is a dash.
fn phone(phone: &Phone) -> String {
    let text = phone.to_string();
    if text.is_empty() { "–".to_owned() } else { escape(&text) }
}

/// A status or rating with the symbol of its level.
fn rated(field: Field, text: Option<&str>) -> String {
    let text = text.unwrap_or("");
    match level_of(field, text) {
        Some(level) => format!("<span class=\"{}\">{}{}</span>", level.key(), icon(level.key()), escape(text)),
        None if text.is_empty() => "–".to_owned(),
        None => escape(text),
    }
}

fn urgent_numbers(findings: &Findings) -> String {
    let mut out = String::from("<section aria-labelledby=\"attention\">\n<h2 id=\"attention\">Needs attention</h2>\n");
    if findings.urgent().next().is_none() {
        return out + "<p class=\"good\">No number is out of use or at risk.</p>\n</section>";
    }
    let columns = [
        ("row", "Row"),
        ("number", "Number"),
        ("name", "Name"),
        ("space", "Space"),
        ("status", "Status"),
        ("quality", "Quality"),
        ("tier", "Tier"),
        ("why", "Why"),
    ];
    for level in [Level::Act, Level::Risk] {
        let lines: Vec<String> = findings.urgent().filter(|number| number.level() == Some(level)).map(urgent).collect();
        if !lines.is_empty() {
            let (key, label) = (level.key(), level.label());
            out.push_str(&format!("<h3 class=\"{key}\">{}{label}: {}</h3>\n", icon(key), grouped(lines.len())));
            out.push_str(&table("numbers", label, &columns, &lines));
        }
    }
    out + "</section>"
}

fn urgent(number: &Number) -> String {
    let state = &number.state;
    let mut why = escape(&number.meaning());
    if !number.change.text().is_empty() {
        why.push_str(&format!("<span class=\"sub\">{}</span>", change(number)));
    }
    line(&[
        ("row", "Row", number.row.clone()),
        ("number", "Number", phone(&number.phone)),
        ("name", "Name", value(state.name.as_deref().unwrap_or(""))),
        ("space", "Space", value(&number.space)),
        ("status", "Status", rated(Field::Status, state.status.as_deref())),
        ("quality", "Quality", rated(Field::Quality, state.quality.as_deref())),
        ("tier", "Tier", escape(tier(state.tier.as_deref().unwrap_or("–")))),
        ("why", "Why", why),
    ])
}

/// What became of a number, with the word for its direction.
fn change(number: &Number) -> String {
    match (number.change.key(), number.change.text()) {
        (key @ "new", _) => format!("<span class=\"{key}\">{}new</span>", icon(key)),
        (key, text) => format!("<span class=\"{key}\">{}{key}:</span> <bdi>{}</bdi>", icon(key), escape(text)),
    }
}

fn changes(findings: &Findings) -> String {
    let Some(since) = &findings.since else {
        return String::new();
    };
    let mut out = format!(
        "<section aria-labelledby=\"changes\">\n<h2 id=\"changes\">Since {}</h2>\n<ul class=\"tally\">\n",
        escape(&minute(&since.at))
    );
    let tally = ["worse", "better", "changed", "new"].map(|key| (key, findings.changed(key)));
    for (key, count) in tally.into_iter().chain([("gone", since.gone.len())]) {
        let label = if key == "changed" { "otherwise changed" } else { key };
        out.push_str(&format!("<li><span class=\"{key}\">{}{} {label}</span></li>\n", icon(key), grouped(count)));
    }
    out.push_str("</ul>\n");
    let columns = [("row", "Row"), ("number", "Number"), ("name", "Name"), ("space", "Space"), ("change", "Change")];
    let cells = |row: &str, shown: &Phone, name: Option<&str>, space: &str, change: String| {
        line(&[
            ("row", "Row", row.to_owned()),
            ("number", "Number", phone(shown)),
            ("name", "Name", value(name.unwrap_or(""))),
            ("space", "Space", value(space)),
            ("change", "Change", change),
        ])
    };
    let mut changed: Vec<&Number> = findings.numbers.iter().filter(|number| !number.change.key().is_empty()).collect();
    changed
        .sort_by_key(|number| ["worse", "better", "changed", "new"].iter().position(|key| *key == number.change.key()));
    let mut lines: Vec<String> = changed
        .into_iter()
        .map(|number| cells(&number.row, &number.phone, number.state.name.as_deref(), &number.space, change(number)))
        .collect();
    lines.extend(since.gone.iter().map(|gone| {
        let was: Vec<&str> =
            [&gone.state.status, &gone.state.quality].into_iter().flatten().map(|text| &**text).collect();
        let change = format!("<span class=\"gone\">{}gone</span>, was {}", icon("gone"), escape(&was.join(", ")));
        cells("", &gone.phone, gone.state.name.as_deref(), &gone.space, change)
    }));
    if !lines.is_empty() {
        out.push_str(&table("changes", "Changes", &columns, &lines));
    }
    out + "</section>"
}

fn charts(findings: &Findings) -> String {
    if findings.numbers.is_empty() {
        return String::new();
    }
    let bars = |counts: Vec<(String, usize)>, field: Option<Field>| -> Vec<Bar> {
        let bar = |(value, count): (String, usize)| Bar {
            colour: match field.and_then(|field| level_of(field, &value)) {
                Some(level) => level.key(),
                None if value.is_empty() || value == "UNKNOWN" => "none",
                None => "",
            },
            label: if value.is_empty() { "not given".to_owned() } else { tier(&value).to_owned() },
            count,
        };
        counts.into_iter().map(bar).collect()
    };
    let charts = [
        ("status", "Status", "", bars(findings.statuses(), Some(Field::Status))),
        ("quality", "Quality rating", "", bars(findings.qualities(), Some(Field::Quality))),
        ("tier", "Recipients a day", "neutral", bars(findings.tiers(), None)),
    ];
    let mut out = String::from("<section class=\"charts\" aria-label=\"Totals\">\n");
    for (id, title, class, bars) in charts {
        out.push_str(&format!("<div class=\"{class}\"><h2>{title}</h2>\n{}</div>\n", chart::draw(id, title, &bars)));
    }
    out + "</section>"
}

fn rows(findings: &Findings) -> String {
    if findings.rows.is_empty() {
        return String::new();
    }
    let tally: Vec<String> = Why::ALL
        .into_iter()
        .map(|why| (why, findings.without(why)))
        .filter(|(_, count)| *count > 0)
        .map(|(why, count)| format!("<li>{} {}</li>\n", grouped(count), why.label()))
        .collect();
    let columns = [
        ("row", "Row"),
        ("space", "Space"),
        ("outcome", "Outcome"),
        ("code", "Code"),
        ("message", "Message"),
        ("request", "Request"),
    ];
    let mut sorted: Vec<_> = findings.rows.iter().collect();
    sorted.sort_by_key(|row| row.why);
    let lines: Vec<String> = sorted
        .into_iter()
        .map(|row| {
            let outcome = match row.why {
                Why::Empty => row.why.label().to_owned(),
                why => format!("<span class=\"risk\">{}{}</span>", icon("risk"), why.label()),
            };
            line(&[
                ("row", "Row", row.row.to_string()),
                ("space", "Space", value(&row.space)),
                ("outcome", "Outcome", outcome),
                ("code", "Code", value(&row.problem.code)),
                ("message", "Message", value(&row.problem.message)),
                ("request", "Request", value(&row.problem.request_id)),
            ])
        })
        .collect();
    format!(
        "<section aria-labelledby=\"rows\">\n<h2 id=\"rows\">Rows without a number</h2>\n<ul class=\"tally\">\n{}</ul>\n{}</section>",
        tally.concat(),
        table("troubles", "Rows without a number", &columns, &lines)
    )
}

fn footer(findings: &Findings, most: usize) -> String {
    let mut out = if findings.full {
        "Phone numbers are shown in full: treat this page as personal data.".to_owned()
    } else {
        "The middle of each phone number is hidden; rows are those of the input.".to_owned()
    };
    if findings.numbers.len() > most {
        out.push_str(&format!(
            " The table holds the {} most urgent numbers; <code>cams report --format csv</code> has all.",
            grouped(most)
        ));
    }
    out
}

/// The data of the table. Values that repeat stand once, in the order in which they are sorted: worst first.
fn data(findings: &Findings, most: usize) -> String {
    let numbers = &findings.numbers[..most.min(findings.numbers.len())];
    let worst_first = |field, counts: Vec<(String, usize)>| {
        let mut values: Vec<String> = counts.into_iter().map(|(value, _)| value).collect();
        values.sort_by_key(|value| (value.is_empty(), attention::place(field, value)));
        values
    };
    let statuses = worst_first(Field::Status, findings.statuses());
    let qualities = worst_first(Field::Quality, findings.qualities());
    let tiers: Vec<String> = findings.tiers().into_iter().map(|(value, _)| value).collect();
    let place = |values: &[String], value: &Option<String>| {
        values.iter().position(|known| known == value.as_deref().unwrap_or("")).unwrap_or(0)
    };
    let mut reasons = vec![String::new()];
    let mut rows = Vec::with_capacity(numbers.len());
    for number in numbers {
        let meaning = number.meaning();
        let reason = reasons.iter().position(|known| *known == meaning).unwrap_or_else(|| {
            reasons.push(meaning);
            reasons.len() - 1
        });
        let state = &number.state;
        let level = Level::ALL.iter().position(|level| Some(*level) == number.level()).map_or(0, |place| place + 1);
        rows.push(json!([
            number.row,
            number.phone.to_string(),
            state.name.as_deref().unwrap_or(""),
            number.space,
            place(&statuses, &state.status),
            place(&qualities, &state.quality),
            place(&tiers, &state.tier),
            level,
            reason,
            number.change.key(),
            number.change.text(),
        ]));
    }
    let rated = |field: Field, values: &[String]| -> Vec<Value> {
        let level = |value: &String| level_of(field, value).map_or("", |level| level.key());
        values.iter().map(|value| json!({ "value": value, "level": level(value) })).collect()
    };
    let columns = vec![
        ("row", "Row"),
        ("number", "Number"),
        ("name", "Name"),
        ("space", "Space"),
        ("status", "Status"),
        ("quality", "Quality"),
        ("tier", "Tier"),
        ("why", "Why"),
    ];
    let mut filters = vec![("", "All")];
    filters.extend(Level::ALL.map(|level| (level.key(), level.label())));
    if findings.since.is_some() {
        filters.extend([("worse", "Worse"), ("better", "Better"), ("new", "New")]);
    }
    let labelled = |pairs: Vec<(&str, &str)>| -> Vec<Value> {
        pairs.into_iter().map(|(key, label)| json!({ "key": key, "label": label })).collect()
    };
    embedded(&json!({
        "file": format!("whatsapp-numbers-{}.csv", findings.to.get(..10).unwrap_or("report")),
        "columns": labelled(columns),
        "filters": labelled(filters),
        "values": {
            "status": rated(Field::Status, &statuses),
            "quality": rated(Field::Quality, &qualities),
            "tier": tiers.iter().map(|value| json!({ "value": value, "label": tier(value) })).collect::<Vec<_>>(),
        },
        "reasons": reasons,
        "rows": rows,
    }))
}

#[cfg(test)]
mod tests {
    use super::super::findings::{Change, State};
    use super::*;

    #[test]
    fn what_is_filled_in_is_not_looked_at_again() {
        assert_eq!(fill("a {{b}} {{c}}", |name| format!("{name}{{{{b}}}}")), "a b{{b}} c{{b}}");
    }

    #[test]
    fn a_page_that_cannot_hold_all_numbers_says_so() {
        let number = |row: u32| Number {
            row: row.to_string(),
            space: "s".to_owned(),
            phone: Phone::new("8613912341234", false),
            state: State::default(),
            attention: None,
            change: Change::Same,
        };
        let findings = Findings { numbers: vec![number(1), number(2)], ..Findings::default() };
        let note = "holds the 1 most urgent";
        assert!(page(&findings, 1).contains(note) && !page(&findings, 2).contains(note));
        let rows = |most| {
            let data: Value = serde_json::from_str(&data(&findings, most)).unwrap();
            data["rows"].as_array().map(Vec::len)
        };
        assert_eq!((rows(1), rows(2)), (Some(1), Some(2)));
    }

    #[test]
    fn embedded_json_cannot_end_its_element() {
        let hostile = json!({ "</script>": "<!--\u{2028}&" });
        let text = embedded(&hostile);
        assert!(!text.contains(['<', '>', '&', '\u{2028}']), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), hostile);
    }
}
