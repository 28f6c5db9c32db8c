//! A report of a sync for chat: a short summary, and a table of the numbers that need attention.

use super::attention::Level;
use super::findings::{Findings, tier};
use crate::figures::{counted, grouped};
use crate::report::facts::minute;
use crate::report::markdown::{MOST, groups, head, line, more, notes, text};

pub(super) fn render(findings: &Findings) -> String {
    let facts = &findings.facts;
    let mut out = format!("## WhatsApp numbers, {}\n\n", text(&minute(&facts.to)));
    out.push_str(&format!(
        "**{}** in {}: {}.\n",
        counted(findings.numbers.len() as u64, "number", "numbers"),
        counted(findings.spaces as u64, "space", "spaces"),
        Level::ALL
            .map(|level| format!("{} {}", grouped(findings.at(level) as u64), level.label().to_lowercase()))
            .join(", ")
    ));
    if let Some(since) = &findings.since {
        let changes = ["worse", "better", "new"].map(|key| format!("{} {key}", grouped(findings.changed(key) as u64)));
        let gone = grouped(since.gone.len() as u64);
        out.push_str(&format!("Since {}: {}, {gone} gone.\n", text(&minute(&since.at)), changes.join(", ")));
    }
    notes(&mut out, &facts.notes);

    let urgent: Vec<_> = findings.urgent().collect();
    if !urgent.is_empty() {
        let labels = facts.labels.iter().map(|label| &**label);
        let columns = ["", "Row", "Number", "Name", "Space"].into_iter().chain(labels);
        head(&mut out, columns.chain(["Status", "Quality", "Tier", "Reason"]));
        for number in urgent.iter().take(MOST) {
            let state = &number.state;
            let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "–".to_owned());
            let reason = match number.change.text() {
                "" => number.meaning(),
                change => format!("{} ({change})", number.meaning()),
            };
            let (phone, name) = (number.phone.to_string(), value(&state.name));
            let (status, quality) = (value(&state.status), value(&state.quality));
            let level = number.level().map_or("", Level::label);
            let cells = [level, &number.row, &phone, &name, &number.space].into_iter();
            let cells = cells.chain(number.labels.iter().map(|label| &**label));
            line(&mut out, cells.chain([&*status, &quality, tier(state.tier.as_deref().unwrap_or("–")), &reason]));
        }
        more(&mut out, urgent.len());
    }
    groups(&mut out, facts, &["Space"]);
    out
}
