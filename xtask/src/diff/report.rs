//! Changes -> text for people, JSON for programs.

use serde_json::{Value, json};

use super::{Change, Verdict, code};

/// What is said about one product.
#[derive(Debug)]
pub struct Report {
    /// The folder of its specifications.
    pub product: String,
    pub changes: Vec<Change>,
}

impl Report {
    /// What all changes together ask for; `None` if nothing changed.
    pub fn verdict(&self) -> Option<Verdict> {
        self.changes.iter().map(|change| change.verdict).max()
    }
}

/// For people: by product and action, what matters most first.
pub fn text(reports: &[Report]) -> String {
    let mut text = String::new();
    for report in reports {
        let Some(verdict) = report.verdict() else { continue };
        text += &format!("{}: {}\n", report.product, verdict.as_str());
        let mut changes: Vec<&Change> = report.changes.iter().collect();
        changes.sort_by(|a, b| a.place.action.cmp(&b.place.action).then(b.verdict.cmp(&a.verdict)));
        let mut action = None;
        for change in changes {
            if change.place.action.as_deref() != action {
                action = change.place.action.as_deref();
                text += &format!("  {}\n", action.unwrap_or_default());
            }
            text += &format!("    {}  {}: {}\n", change.verdict.as_str(), place(change), change.what);
            text += &format!("           {}\n", change.reason);
        }
    }
    if text.is_empty() { "nothing changed\n".to_owned() } else { text }
}

fn place(change: &Change) -> String {
    let kind = change.place.kind;
    if change.place.name.is_empty() { kind.to_owned() } else { format!("{kind} {}", code(&change.place.name)) }
}

/// For programs. `verdict` is `null` if nothing changed.
pub fn json(base: &str, reports: &[Report]) -> String {
    let word = |verdict: Option<Verdict>| verdict.map(Verdict::as_str);
    let change = |change: &Change| {
        json!({
            "verdict": change.verdict.as_str(),
            "action": change.place.action,
            "kind": change.place.kind,
            "name": change.place.name,
            "change": change.what,
            "reason": change.reason,
        })
    };
    let product = |report: &Report| {
        json!({
            "product": report.product,
            "verdict": word(report.verdict()),
            "changes": report.changes.iter().map(change).collect::<Vec<Value>>(),
        })
    };
    let changed = reports.iter().filter(|report| report.verdict().is_some());
    let whole = json!({
        "base": base,
        "verdict": word(reports.iter().filter_map(Report::verdict).max()),
        "products": changed.map(product).collect::<Vec<Value>>(),
    });
    format!("{whole:#}\n")
}
