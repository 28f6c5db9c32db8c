//! A report of a sync as a page: changes, numbers that need attention, spaces without a response, and a table of all
//! numbers.

use maud::{Markup, html};
use serde_json::{Value, json};

use super::attention::{self, Field, Level};
use super::findings::{Findings, Number, level_of, tier};
use crate::figures::{counted, grouped};
use crate::report::facts::{Why, minute, period};
use crate::report::mask::Phone;
use crate::report::page::{Bar, Column, LABELS, Page, Tile, chart, groups, icon, label_columns, table, tiles, value};

/// The maximum number of numbers in the table, about 15 MB of data. Browsers cannot handle more; CSV has all of them.
const MOST: usize = 100_000;

pub(super) fn render(findings: &Findings) -> String {
    page(findings, MOST)
}

/// The page, with at most `most` numbers in its table.
fn page(findings: &Findings, most: usize) -> String {
    let facts = &findings.facts;
    let lead = format!(
        "{} in {}, synced {}",
        counted(findings.numbers.len() as u64, "number", "numbers"),
        counted(findings.spaces as u64, "space", "spaces"),
        period(&facts.from, &facts.to)
    );
    let body = html! {
        (totals(findings))
        (changes(findings))
        (urgent_numbers(findings))
        (without_answer(findings))
        (charts(findings))
        (all_numbers())
    };
    let page = Page {
        title: "WhatsApp numbers",
        to: &minute(&facts.to),
        lead: &lead,
        notes: &facts.notes,
        body,
        footer: &footer(findings, most),
        data: Some(data(findings, most)),
    };
    page.render()
}

fn totals(findings: &Findings) -> Markup {
    let mut all = Vec::new();
    for level in Level::ALL {
        let (class, label) = (level.key(), level.label());
        all.push(Tile { class, label, count: findings.at(level), section: "all", filter: Some(class) });
    }
    let fine = findings.numbers.iter().filter(|number| number.attention.is_none()).count();
    all.push(Tile { class: "", label: NO_CONCERN, count: fine, section: "all", filter: Some("fine") });
    let unanswered = findings.facts.count(Why::Failed) + findings.facts.count(Why::Unknown);
    all.push(Tile { class: "risk", label: NO_ANSWER, count: unanswered, section: "rows", filter: None });
    tiles(&all)
}

const NO_CONCERN: &str = "No concern";
const NO_ANSWER: &str = "No response";

/// A phone number; a missing one is a dash.
fn phone(phone: &Phone) -> Markup {
    let text = phone.to_string();
    html! { @if text.is_empty() { "–" } @else { (text) } }
}

/// A status or rating with the symbol of its level.
fn rated(field: Field, text: Option<&str>) -> Markup {
    let text = text.unwrap_or("");
    html! {
        @match level_of(field, text) {
            Some(level) => span class=(level.key()) { (icon(level.key())) (text) },
            None if text.is_empty() => "–",
            None => (text),
        }
    }
}

fn cells(labels: &[String]) -> impl Iterator<Item = Markup> + '_ {
    labels.iter().take(LABELS).map(|label| value(label))
}

fn urgent_numbers(findings: &Findings) -> Markup {
    let mut columns: Vec<Column<'_>> = vec![("row", "Row"), ("number", "Number"), ("name", "Name"), ("space", "Space")];
    columns.extend(label_columns(&findings.facts.labels));
    columns.extend([("status", "Status"), ("quality", "Quality"), ("tier", "Tier"), ("why", "Why")]);
    let class = class_of("numbers", findings);
    let section = |level: Level| {
        let lines: Vec<Vec<Markup>> =
            findings.urgent().filter(|number| number.level() == Some(level)).map(urgent).collect();
        let key = level.key();
        html! {
            @if !lines.is_empty() {
                h3.(key) { (icon(key)) (level.label()) ": " (grouped(lines.len() as u64)) }
                (table(&class, level.label(), &columns, &lines))
            }
        }
    };
    html! {
        section aria-labelledby="attention" {
            h2 #attention { "Needs attention" }
            @if findings.urgent().next().is_none() {
                p.good { "No number is unusable or at risk." }
            } @else {
                (section(Level::Act))
                (section(Level::Risk))
            }
        }
    }
}

/// The class of a table; with labels, columns are narrower.
fn class_of(class: &str, findings: &Findings) -> String {
    if findings.facts.labels.is_empty() { class.to_owned() } else { format!("{class} labelled") }
}

fn urgent(number: &Number) -> Vec<Markup> {
    let state = &number.state;
    let why = html! {
        (number.meaning())
        @if !number.change.text().is_empty() { span.sub { (change(number)) } }
    };
    let mut line = vec![
        html! { (number.row) },
        phone(&number.phone),
        value(state.name.as_deref().unwrap_or("")),
        value(&number.space),
    ];
    line.extend(cells(&number.labels));
    line.extend([
        rated(Field::Status, state.status.as_deref()),
        rated(Field::Quality, state.quality.as_deref()),
        html! { (tier(state.tier.as_deref().unwrap_or("–"))) },
        why,
    ]);
    line
}

/// The change of a number, with the word for its direction.
fn change(number: &Number) -> Markup {
    let (key, text) = (number.change.key(), number.change.text());
    html! {
        @if key == "new" { span.(key) { (icon(key)) "new" } }
        @else { span.(key) { (icon(key)) (key) ":" } " " bdi { (text) } }
    }
}

fn changes(findings: &Findings) -> Markup {
    let Some(since) = &findings.since else { return html! {} };
    let tally = ["worse", "better", "changed", "new"].map(|key| (key, findings.changed(key)));
    let mut columns: Vec<Column<'_>> = vec![("row", "Row"), ("number", "Number"), ("name", "Name"), ("space", "Space")];
    columns.extend(label_columns(&findings.facts.labels));
    columns.push(("change", "Change"));
    let line = |row: &str, shown: &Phone, name: Option<&str>, space: &str, labels: &[String], change: Markup| {
        let mut line = vec![html! { (row) }, phone(shown), value(name.unwrap_or("")), value(space)];
        line.extend(cells(labels));
        line.push(change);
        line
    };
    let mut changed: Vec<&Number> = findings.numbers.iter().filter(|number| !number.change.key().is_empty()).collect();
    let order = ["worse", "better", "changed", "new"];
    changed.sort_by_key(|number| order.iter().position(|key| *key == number.change.key()));
    let mut lines: Vec<Vec<Markup>> = Vec::new();
    for number in changed {
        let name = number.state.name.as_deref();
        lines.push(line(&number.row, &number.phone, name, &number.space, &number.labels, change(number)));
    }
    for gone in &since.gone {
        let was: Vec<&str> =
            [&gone.state.status, &gone.state.quality].into_iter().flatten().map(|text| &**text).collect();
        let change = html! { span.gone { (icon("gone")) "gone" } ", was " (was.join(", ")) };
        lines.push(line("", &gone.phone, gone.state.name.as_deref(), &gone.space, &gone.labels, change));
    }
    html! {
        section aria-labelledby="changes" {
            h2 #changes { "Since " (minute(&since.at)) }
            ul.tally {
                @for (key, count) in tally.into_iter().chain([("gone", since.gone.len())]) {
                    li { span.(key) { (icon(key)) (grouped(count as u64)) " " @if key == "changed" { "changed otherwise" } @else { (key) } } }
                }
            }
            @if !lines.is_empty() { (table(&class_of("changes", findings), "Changes", &columns, &lines)) }
        }
    }
}

fn charts(findings: &Findings) -> Markup {
    if findings.numbers.is_empty() {
        return html! {};
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
        ("quality", "Quality", "", bars(findings.qualities(), Some(Field::Quality))),
        ("tier", "Tier: recipients a day", "neutral", bars(findings.tiers(), None)),
    ];
    html! {
        section.charts aria-label="Totals" {
            @for (id, title, class, bars) in &charts {
                div class=(class) { h2 { (title) } (chart(id, title, bars)) }
            }
        }
    }
}

fn without_answer(findings: &Findings) -> Markup {
    let columns = [("space", "Space")];
    let mut empty_columns = vec![("row", "Row"), columns[0]];
    empty_columns.extend(label_columns(&findings.facts.labels));
    let empty: Vec<Vec<Markup>> = findings
        .empty
        .iter()
        .map(|row| {
            let mut line = vec![html! { (row.row) }, value(row.parameters.first().map_or("", |space| space))];
            line.extend(cells(&row.labels));
            line
        })
        .collect();
    html! {
        @if !findings.facts.groups.is_empty() {
            section aria-labelledby="rows" {
                h2 #rows { (NO_ANSWER) }
                (groups(&findings.facts, &columns))
            }
        }
        @if !empty.is_empty() {
            section aria-labelledby="empty" {
                h2 #empty { "Spaces without numbers" }
                (table("troubles", "Spaces without numbers", &empty_columns, &empty))
            }
        }
    }
}

fn all_numbers() -> Markup {
    html! {
        section #all aria-labelledby="all-title" {
            h2 #all-title { "All numbers" }
            noscript { p.quiet { "This table needs JavaScript. Without it, " code { "cams report --format csv" } " has all numbers." } }
            div #table hidden {
                div.controls {
                    label.search {
                        span.unseen { "Search" }
                        input #search type="search" placeholder="Search number, name, space" autocomplete="off" spellcheck="false";
                    }
                    div.filters #filters role="group" aria-label="Show" {}
                    button.push #download type="button" { "Download CSV" }
                }
                p.quiet #count role="status" {}
                table.numbers #numbers role="table" aria-labelledby="all-title" aria-describedby="count" {
                    thead role="rowgroup" { tr #head role="row" {} }
                    tbody #body role="rowgroup" {}
                }
                nav.pages aria-label="Pages" {
                    button.push #previous type="button" { "Previous" }
                    span #page {}
                    button.push #next type="button" { "Next" }
                }
            }
        }
    }
}

fn footer(findings: &Findings, most: usize) -> String {
    let mut out = if findings.full {
        "Phone numbers are shown in full: treat this page as personal data.".to_owned()
    } else {
        "The middle of each phone number is hidden; row numbers are those of the input.".to_owned()
    };
    if findings.numbers.len() > most {
        out.push_str(&format!(
            " The table has the {} most urgent numbers; `cams report --format csv` has all of them.",
            grouped(most as u64)
        ));
    }
    out
}

/// The data of the table. Repeated values are stored once, sorted worst first.
fn data(findings: &Findings, most: usize) -> Value {
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
        let mut row = vec![
            json!(number.row),
            json!(number.phone.to_string()),
            json!(state.name.as_deref().unwrap_or("")),
            json!(number.space),
            json!(place(&statuses, &state.status)),
            json!(place(&qualities, &state.quality)),
            json!(place(&tiers, &state.tier)),
            json!(level),
            json!(reason),
            json!(number.change.key()),
            json!(number.change.text()),
        ];
        row.extend(number.labels.iter().take(LABELS).map(|label| json!(label)));
        rows.push(Value::Array(row));
    }
    let rated = |field: Field, values: &[String]| -> Vec<Value> {
        let level = |value: &String| level_of(field, value).map_or("", |level| level.key());
        values.iter().map(|value| json!({ "value": value, "level": level(value) })).collect()
    };
    let mut columns: Vec<Column<'_>> = vec![("row", "Row"), ("number", "Number"), ("name", "Name"), ("space", "Space")];
    columns.extend(label_columns(&findings.facts.labels));
    columns.extend([("status", "Status"), ("quality", "Quality"), ("tier", "Tier"), ("why", "Why")]);
    let mut filters = vec![("", "All")];
    filters.extend(Level::ALL.map(|level| (level.key(), level.label())));
    filters.push(("fine", NO_CONCERN));
    if findings.since.is_some() {
        filters.extend([("worse", "Worse"), ("better", "Better"), ("new", "New")]);
    }
    let labelled = |pairs: Vec<(&str, &str)>| -> Vec<Value> {
        pairs.into_iter().map(|(key, label)| json!({ "key": key, "label": label })).collect()
    };
    json!({
        "file": format!("whatsapp-numbers-{}.csv", findings.facts.to.get(..10).unwrap_or("report")),
        "columns": labelled(columns),
        "filters": labelled(filters),
        "values": {
            "status": rated(Field::Status, &statuses),
            "quality": rated(Field::Quality, &qualities),
            "tier": tiers.iter().map(|value| json!({ "value": value, "label": tier(value) })).collect::<Vec<_>>(),
        },
        "reasons": reasons,
        "rows": rows,
    })
}

#[cfg(test)]
mod tests {
    use super::super::findings::{Change, State};
    use super::*;

    #[test]
    fn a_page_without_all_numbers_has_a_note() {
        let number = |row: u32| Number {
            row: row.to_string(),
            space: "s".to_owned(),
            labels: Vec::new(),
            phone: Phone::new("8613912341234", false),
            state: State::default(),
            attention: None,
            change: Change::Same,
        };
        let findings = Findings { numbers: vec![number(1), number(2)], ..Findings::default() };
        let note = "has the 1 most urgent";
        assert!(page(&findings, 1).contains(note) && !page(&findings, 2).contains(note));
        let rows = |most| data(&findings, most)["rows"].as_array().map(Vec::len);
        assert_eq!((rows(1), rows(2)), (Some(1), Some(2)));
    }
}
