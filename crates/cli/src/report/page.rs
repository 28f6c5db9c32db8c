//! A report as a self-contained page: style and script are embedded, and its content security policy forbids everything
//! else.
//!
//! Pages are written with `maud`, which escapes every value. They work without JavaScript, except for a table that can
//! be searched and sorted: `page.js` shows its rows from embedded data.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::facts::{Facts, Group, Why};
use crate::figures::{counted, grouped};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// How many lines of a list are visible, and how many more can be expanded. CSV has all of them.
const SEEN: usize = 10;
const UNFOLDED: usize = 200;

/// How many labels have columns on a page; CSV has all of them.
pub(super) const LABELS: usize = 3;

/// A page.
pub(super) struct Page<'p> {
    pub(super) title: &'p str,
    /// The title of the window.
    pub(super) to: &'p str,
    pub(super) lead: &'p str,
    pub(super) notes: &'p [String],
    pub(super) body: Markup,
    pub(super) footer: &'p str,
    /// The data of the table that `page.js` shows.
    pub(super) data: Option<Value>,
}

/// The hash by which the content security policy admits the script and the style.
fn hash(text: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(text)))
}

/// JSON in which nothing can end the element that contains it.
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

impl Page<'_> {
    pub(super) fn render(&self) -> String {
        let script = self.data.as_ref().map_or("'none'".to_owned(), |_| format!("'{}'", hash(SCRIPT)));
        let policy = format!(
            "default-src 'none'; script-src {script}; style-src '{}'; img-src data:; base-uri 'none'; form-action 'none'",
            hash(STYLE)
        );
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(policy);
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="robots" content="noindex";
                    meta name="referrer" content="no-referrer";
                    link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='7' fill='%23288059'/%3E%3C/svg%3E";
                    title { (self.title) ", " (self.to) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    (symbols())
                    main {
                        header {
                            h1 { (self.title) }
                            p.lead { (self.lead) }
                            @if !self.notes.is_empty() {
                                ul.notes { @for note in self.notes { li { (note) } } }
                            }
                        }
                        (self.body)
                        footer { p.quiet { (self.footer) } }
                    }
                    @if let Some(data) = &self.data {
                        script #data type="application/json" { (PreEscaped(embedded(data))) }
                        script { (PreEscaped(SCRIPT)) }
                    }
                }
            }
        };
        page.into_string()
    }
}

/// The symbols that [`icon`] uses.
fn symbols() -> Markup {
    let symbol = |id: &str, content: &str| html! { symbol id=(id) viewBox="0 0 16 16" { (PreEscaped(content)) } };
    html! {
        svg.symbols width="0" height="0" aria-hidden="true" focusable="false" {
            (symbol("act", r#"<circle cx="8" cy="8" r="7"/><path class="cut" d="M5 5l6 6M11 5l-6 6"/>"#))
            (symbol("risk", r#"<path d="M8 1.2 15.4 14.4H.6Z"/><path class="cut" d="M8 5.8v4M8 11.4v1.4"/>"#))
            (symbol("watch", r#"<circle class="ring" cx="8" cy="8" r="6"/><circle cx="8" cy="8" r="2.4"/>"#))
            (symbol("worse", r#"<path class="line" d="M8 2v11M3.5 8.8 8 13.3l4.5-4.5"/>"#))
            (symbol("better", r#"<path class="line" d="M8 14V3M3.5 7.2 8 2.7l4.5 4.5"/>"#))
            (symbol("new", r#"<path class="line" d="M8 2.5v11M2.5 8h11"/>"#))
            (symbol("gone", r#"<path class="line" d="M2.5 8h11"/>"#))
            (symbol("changed", r#"<path class="line" d="M2 8h12M9.5 3.5 14 8l-4.5 4.5"/>"#))
        }
    }
}

pub(super) fn icon(name: &str) -> Markup {
    html! { svg.icon aria-hidden="true" { use href={ "#" (name) } {} } }
}

/// A total at the top of a page, with a link to the part of the page that it counts.
pub(super) struct Tile<'t> {
    /// The name of its colour and symbol; empty for none.
    pub(super) class: &'t str,
    pub(super) label: &'t str,
    pub(super) count: usize,
    /// The section that it links to.
    pub(super) section: &'t str,
    /// The filter that it sets, if it links to the table.
    pub(super) filter: Option<&'t str>,
}

pub(super) fn tiles(tiles: &[Tile<'_>]) -> Markup {
    html! {
        ul.totals {
            @for tile in tiles {
                @let class = if tile.count == 0 { "zero" } else { tile.class };
                li class=(class) {
                    @if tile.count == 0 { (total(tile)) }
                    @else { a href={ "#" (tile.section) } data-filter=[tile.filter] { (total(tile)) } }
                }
            }
        }
    }
}

fn total(tile: &Tile<'_>) -> Markup {
    html! {
        span.label { @if !tile.class.is_empty() && tile.count > 0 { (icon(tile.class)) } (tile.label) }
        span.figure { (grouped(tile.count as u64)) }
    }
}

/// A column: its class and its label.
pub(super) type Column<'c> = (&'c str, &'c str);

/// A list as a table: its first lines, more that can be expanded, and the number of lines left out.
pub(super) fn table(class: &str, label: &str, columns: &[Column<'_>], lines: &[Vec<Markup>]) -> Markup {
    let part = |lines: &[Vec<Markup>]| {
        html! {
            table class=(class) role="table" aria-label=(label) {
                thead role="rowgroup" {
                    tr role="row" { @for (class, label) in columns { th.(class) scope="col" role="columnheader" { (label) } } }
                }
                tbody role="rowgroup" {
                    @for line in lines {
                        tr role="row" {
                            @for ((class, label), cell) in columns.iter().zip(line) { td.(class) role="cell" data-label=(label) { (cell) } }
                        }
                    }
                }
            }
        }
    };
    let (seen, rest) = lines.split_at(SEEN.min(lines.len()));
    let unfolded = &rest[..UNFOLDED.min(rest.len())];
    html! {
        (part(seen))
        @if !rest.is_empty() {
            details {
                summary { (grouped(rest.len() as u64)) " more" }
                (part(unfolded))
                @if unfolded.len() < rest.len() {
                    p.quiet { "… and " (grouped((rest.len() - unfolded.len()) as u64)) " more in the CSV report." }
                }
            }
        }
    }
}

/// A value of a response or of the input, with its own text direction, shortened to two lines.
pub(super) fn value(text: &str) -> Markup {
    html! { @if !text.is_empty() { bdi.clamp { (text) } } }
}

/// A text in which backticks mark code.
fn prose(text: &str) -> Markup {
    html! { @for (index, part) in text.split('`').enumerate() { @if index % 2 == 1 { code { (part) } } @else { (part) } } }
}

/// Columns for the labels on a page.
pub(super) fn label_columns(labels: &[String]) -> impl Iterator<Item = Column<'_>> {
    labels.iter().take(LABELS).map(|label| ("label", &**label))
}

/// The rows without a response, grouped by reason; `columns` are the names of the parameters on the page.
pub(super) fn groups(facts: &Facts, columns: &[Column<'_>]) -> Markup {
    let group = |group: &Group| {
        // Values that all rows share are left out.
        let messages = group.rows.iter().any(|row| !row.message.is_empty() && !group.advice.contains(&row.message));
        let requests = group.rows.iter().any(|row| !row.request_id.is_empty());
        let mut heads = vec![("row", "Row")];
        heads.extend(columns);
        heads.extend(label_columns(&facts.labels));
        heads.extend(messages.then_some(("message", "Message")));
        heads.extend(requests.then_some(("request", "Request")));
        let lines: Vec<Vec<Markup>> = group
            .rows
            .iter()
            .map(|row| {
                let mut cells = vec![html! { (row.row) }];
                cells.extend(row.parameters.iter().map(|text| value(text)));
                cells.extend(row.labels.iter().take(LABELS).map(|text| value(text)));
                cells.extend(messages.then(|| value(&row.message)));
                cells.extend(requests.then(|| value(&row.request_id)));
                cells
            })
            .collect();
        let class = if group.why == Why::Unknown { "act" } else { "risk" };
        html! {
            h3.(class) { (icon(class)) bdi { (group.code) } span.quiet { (group.why.label()) ", " (counted(lines.len() as u64, "row", "rows")) } }
            @if !group.advice.is_empty() { p.advice { (prose(&group.advice)) } }
            (table("troubles", &group.code, &heads, &lines))
        }
    };
    html! { @for it in &facts.groups { (group(it)) } }
}

/// A value of a chart with its count, and the name of its colour.
pub(super) struct Bar {
    pub(super) label: String,
    pub(super) count: usize,
    pub(super) colour: &'static str,
}

/// The height of a bar with its label.
const HEIGHT: usize = 38;

/// The maximum length of a bar's label, in characters.
const LONGEST: usize = 24;

/// Bars, drawn as SVG. Widths are relative to the drawing, so that texts keep their size on a phone.
pub(super) fn chart(id: &str, title: &str, bars: &[Bar]) -> Markup {
    let all: usize = bars.iter().map(|bar| bar.count).sum();
    let words: Vec<String> = bars.iter().map(|bar| format!("{}: {}", bar.label, grouped(bar.count as u64))).collect();
    let short = |label: &str| match label.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &label[..end]),
        None => label.to_owned(),
    };
    html! {
        svg role="img" aria-labelledby={ (id) "-title " (id) "-words" } height=(bars.len() * HEIGHT) {
            title id={ (id) "-title" } { (title) }
            desc id={ (id) "-words" } { (words.join(", ")) }
            @for (index, bar) in bars.iter().enumerate() {
                @let top = index * HEIGHT;
                // In thousandths, with a visible minimum.
                @let share = (bar.count * 1000 / all.max(1)).max(6);
                text y=(top + 14) { (short(&bar.label)) }
                text.count x="100%" y=(top + 14) { (grouped(bar.count as u64)) }
                rect.track y=(top + 21) width="100%" height="6" rx="3" {}
                rect class={ "bar " (bar.colour) } y=(top + 21) width=(format!("{}.{}%", share / 10, share % 10)) height="6" rx="3" {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_bar_is_as_long_as_its_share_and_described_in_words() {
        let bar = |label: &str, count| Bar { label: label.to_owned(), count, colour: "act" };
        let long = "<long>".repeat(10);
        let drawing = chart("status", "Status", &[bar("A", 1500), bar(&long, 500), bar("none", 0)]).into_string();
        assert!(drawing.contains("<desc id=\"status-words\">A: 1,500, &lt;long&gt;"), "{drawing}");
        // The last one has the minimum width.
        for width in ["75.0%", "25.0%", "0.6%"] {
            assert!(drawing.contains(&format!("width=\"{width}\"")), "{drawing}");
        }
        assert!(drawing.contains("&lt;long&gt;&lt;long&gt;&lt;long&gt;&lt;long&gt;…</text>"), "{drawing}");
        assert!(!drawing.contains("<long>") && chart("none", "None", &[]).into_string().contains("height=\"0\""));
    }

    #[test]
    fn embedded_json_cannot_end_its_element() {
        let hostile = json!({ "</script>": "<!--\u{2028}&" });
        let text = embedded(&hostile);
        assert!(!text.contains(['<', '>', '&', '\u{2028}']), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), hostile);
    }
}
