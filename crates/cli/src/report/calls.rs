//! The report of any action, from its descriptor: rows that are done with their responses, rows of unknown outcome, and
//! rows that failed, grouped by code with advice for each.

use alibabacloud_cams::descriptor::ActionDescriptor;
use maud::{Markup, html};
use serde_json::Value;
use serde_json::value::RawValue;

use super::csv::Lines;
use super::facts::{Facts, Why, labels, minute, parameters, period};
use super::journal::{Outcome, Source, read, text};
use super::markdown;
use super::mask::{Phone, shown, visible};
use super::page::{Column, LABELS, Page, Tile, groups, label_columns, table, tiles, value};
use super::{Format, Report};
use crate::exit::Failure;
use crate::figures::{counted, grouped};
use crate::options::plain;

/// Members of a response that are not data, which the report leaves out.
const ENVELOPE: [&str; 7] = ["RequestId", "Code", "Message", "Success", "AccessDeniedDetail", "HostId", "Recommend"];

/// How many members of a response have columns on a page; CSV has all of them.
const MEMBERS: usize = 4;

/// The content of the report.
struct Calls {
    action: &'static ActionDescriptor,
    facts: Facts,
    /// The names of the members of responses, in the order of their first appearance.
    members: Vec<String>,
    done: Vec<Done>,
    full: bool,
}

/// A row that succeeded.
struct Done {
    row: u64,
    parameters: Vec<String>,
    labels: Vec<String>,
    /// In the order of [`Calls::members`]; trailing ones may be missing.
    members: Vec<String>,
}

/// The scalars of a response with their paths (`Data.Id`), and the lengths of its lists.
fn members(answer: &RawValue) -> Vec<(String, String)> {
    let answer: Value = serde_json::from_str(answer.get()).unwrap_or_default();
    let mut members = Vec::new();
    if let Value::Object(object) = &answer {
        for (name, value) in object.iter().filter(|(name, _)| !ENVELOPE.contains(&&***name)) {
            collect(name, value, &mut members);
        }
    }
    members
}

fn collect(path: &str, value: &Value, members: &mut Vec<(String, String)>) {
    match value {
        Value::Null => {}
        Value::Object(object) => {
            for (name, value) in object {
                collect(&format!("{path}.{name}"), value, members);
            }
        }
        Value::Array(items) => members.push((path.to_owned(), counted(items.len() as u64, "entry", "entries"))),
        scalar => members.push((path.to_owned(), text(scalar))),
    }
}

/// The displayed text of a member: phone numbers are recognized by name, IDs are unchanged.
fn member(path: &str, value: &str, full: bool) -> String {
    let name = path.rsplit('.').next().unwrap_or(path);
    if (name.contains("Phone") || name.contains("Mobile")) && !value.is_empty() {
        Phone::new(value, full).to_string()
    } else if name.ends_with("Id") {
        shown(value)
    } else {
        visible(value, "", full)
    }
}

/// Builds the report.
pub(super) fn report(
    action: &'static ActionDescriptor,
    sources: Vec<Source>,
    full: bool,
) -> Result<Box<dyn Report>, Failure> {
    let journal = read(action, sources, |answer| Ok(members(answer)))?;
    let facts = Facts::new(action, &journal, full);
    let mut names: Vec<String> = Vec::new();
    let mut done = Vec::new();
    for (number, row) in &journal.rows {
        let Some(Outcome::Done(answer)) = &row.outcome else { continue };
        let mut values = Vec::new();
        for (path, value) in answer {
            let place = names.iter().position(|name| name == path).unwrap_or_else(|| {
                names.push(path.clone());
                names.len() - 1
            });
            if values.len() <= place {
                values.resize(place + 1, String::new());
            }
            values[place] = member(path, value, full);
        }
        done.push(Done {
            row: *number,
            parameters: parameters(action, row, full),
            labels: labels(&journal, row, full),
            members: values,
        });
    }
    Ok(Box::new(Calls { action, facts, members: names, done, full }))
}

impl Calls {
    /// The state of a row that succeeded. An action that initiates something has started it, not completed it.
    fn done_word(&self) -> &'static str {
        if self.action.name.ends_with("Initiate") { "started" } else { "done" }
    }

    fn counts(&self) -> [(&'static str, usize); 4] {
        [
            (self.done_word(), self.done.len()),
            ("unknown", self.facts.count(Why::Unknown)),
            ("failed", self.facts.count(Why::Failed)),
            ("not sent", usize::try_from(self.facts.not_sent).unwrap_or(usize::MAX)),
        ]
    }

    fn html(&self) -> String {
        let facts = &self.facts;
        let [(done, _), ..] = self.counts();
        let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
        let labels = self.counts().map(|(word, _)| capital(word));
        let counts = self.counts();
        let tile = |index: usize, class, section| Tile {
            class,
            label: &labels[index],
            count: counts[index].1,
            section,
            filter: None,
        };
        let all = [tile(0, "", "done"), tile(1, "act", "rows"), tile(2, "risk", "rows"), tile(3, "watch", "top")];
        let shown: Vec<Column<'_>> = facts.parameters.iter().map(|name| ("parameter", *name)).collect();
        let body = html! {
            (tiles(&all))
            @if !facts.groups.is_empty() {
                section aria-labelledby="rows" {
                    h2 #rows { "Unknown and failed" }
                    (groups(facts, &shown))
                }
            }
            @if !self.done.is_empty() { (self.done_rows(&shown, &capital(done))) }
        };
        let rows = self.done.len() + facts.count(Why::Unknown) + facts.count(Why::Failed);
        let lead = format!(
            "{} {}, sent {}",
            plain(self.action.summary),
            counted(rows as u64, "row", "rows"),
            period(&facts.from, &facts.to)
        );
        let footer = if self.full {
            "Phone numbers are shown in full: treat this page as personal data."
        } else {
            "The middle of each phone number is hidden; row numbers are those of the input."
        };
        let to = minute(&facts.to);
        Page { title: self.action.name, to: &to, lead: &lead, notes: &facts.notes, body, footer, data: None }.render()
    }

    fn done_rows(&self, parameters: &[Column<'_>], title: &str) -> Markup {
        let names: Vec<&str> = self.members.iter().take(MEMBERS).map(|name| &**name).collect();
        let mut columns = vec![("row", "Row")];
        columns.extend(parameters);
        columns.extend(label_columns(&self.facts.labels));
        columns.extend(names.iter().map(|name| ("member", *name)));
        let lines: Vec<Vec<Markup>> = self
            .done
            .iter()
            .map(|row| {
                let mut cells = vec![html! { (row.row) }];
                cells.extend(row.parameters.iter().map(|text| value(text)));
                cells.extend(row.labels.iter().take(LABELS).map(|text| value(text)));
                cells.extend((0..names.len()).map(|index| value(row.members.get(index).map_or("", |text| text))));
                cells
            })
            .collect();
        html! {
            section aria-labelledby="done" {
                h2 #done { (title) }
                (table("rows", title, &columns, &lines))
            }
        }
    }

    fn csv(&self) -> Result<String, Failure> {
        let mut lines = Lines::new();
        let facts = &self.facts;
        let head = ["Row"].into_iter().chain(facts.parameters.iter().copied()).chain([
            "Outcome",
            "Code",
            "Message",
            "RequestId",
        ]);
        let names = facts.labels.iter().chain(&self.members).map(|name| &**name);
        lines.line(head.chain(names))?;
        let missing = |have: usize| std::iter::repeat_n("", self.members.len() - have);
        for row in &self.done {
            let number = row.row.to_string();
            let fields = [&*number].into_iter().chain(row.parameters.iter().map(|text| &**text));
            let fields = fields.chain([self.done_word(), "", "", ""]).chain(row.labels.iter().map(|text| &**text));
            lines.line(fields.chain(row.members.iter().map(|text| &**text)).chain(missing(row.members.len())))?;
        }
        for group in &facts.groups {
            for row in &group.rows {
                let number = row.row.to_string();
                let fields = [&*number].into_iter().chain(row.parameters.iter().map(|text| &**text));
                let fields = fields.chain([group.why.label(), &group.code, &row.message, &row.request_id]);
                lines.line(fields.chain(row.labels.iter().map(|text| &**text)).chain(missing(0)))?;
            }
        }
        lines.text()
    }

    fn markdown(&self) -> String {
        let facts = &self.facts;
        let mut out = format!("## {}, {}\n\n", self.action.name, markdown::text(&minute(&facts.to)));
        let counts = self.counts().map(|(word, count)| format!("{} {word}", grouped(count as u64)));
        out.push_str(&format!("**{}**\n", counts.join(", ")));
        markdown::notes(&mut out, &facts.notes);
        markdown::groups(&mut out, facts, &facts.parameters);
        out
    }
}

impl Report for Calls {
    fn render(&self, format: Format) -> Result<String, Failure> {
        match format {
            Format::Html => Ok(self.html()),
            Format::Csv => self.csv(),
            Format::Markdown => Ok(self.markdown()),
        }
    }

    fn summary(&self) -> String {
        self.counts().map(|(word, count)| format!("{} {word}", grouped(count as u64))).join(", ")
    }

    fn notes(&self) -> &[String] {
        &self.facts.notes
    }

    fn is_full(&self) -> bool {
        self.full
    }
}
