//! Reports of changes as text, JSON and changelog entries.

use serde_json::{Value, json};

use super::{Change, Verdict, code};

/// The changes of one product.
#[derive(Debug)]
pub struct Report {
    /// The folder of its specifications.
    pub product: String,
    pub changes: Vec<Change>,
}

impl Report {
    /// The highest verdict of the changes; `None` if nothing changed.
    pub fn verdict(&self) -> Option<Verdict> {
        self.changes.iter().map(|change| change.verdict).max()
    }
}

/// The reports as text, by product and action; the most important changes come first.
pub fn text(reports: &[Report]) -> String {
    let mut text = String::new();
    for report in reports {
        let Some(verdict) = report.verdict() else { continue };
        text += &format!("{}: {}\n", report.product, verdict.as_str());
        let mut action = None;
        for change in by_action(report) {
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

/// The changes by action; the most important ones come first.
fn by_action(report: &Report) -> Vec<&Change> {
    let mut changes: Vec<&Change> = report.changes.iter().collect();
    changes.sort_by(|a, b| a.place.action.cmp(&b.place.action).then(b.verdict.cmp(&a.verdict)));
    changes
}

/// The lines around the generated part of a changelog.
const BEGIN: &str = "<!-- The changes of the specification, by `cargo xtask diff --changelog`. -->";
const END: &str = "<!-- The end of the changes of the specification. -->";
const UNRELEASED: &str = "## Unreleased\n";

/// The changelog with these changes in the section of the next release, in place of the generated entries there. Other
/// text is kept.
pub fn changelog(existing: &str, report: &Report) -> Result<String, String> {
    let (before, rest) =
        existing.split_once(UNRELEASED).ok_or("it has no section `## Unreleased`; add it above the latest release")?;
    let (section, releases) = match rest.find("\n## ") {
        Some(at) => rest.split_at(at + 1),
        None => (rest, ""),
    };
    let by_hand = match (section.find(BEGIN), section.find(END)) {
        (Some(begin), Some(end)) if begin < end => format!("{}{}", &section[..begin], &section[end + END.len()..]),
        (None, None) => section.to_owned(),
        _ => return Err(format!("one of the lines `{BEGIN}` and `{END}` is missing in its section `## Unreleased`")),
    };
    let mut text = format!("{before}{UNRELEASED}\n");
    if !by_hand.trim().is_empty() {
        text += &format!("{}\n\n", by_hand.trim());
    }
    if report.verdict().is_some() {
        text += &format!("{BEGIN}\n{}{END}\n\n", entries(report));
    }
    Ok(format!("{}\n{releases}", text.trim_end_matches('\n').to_owned() + if releases.is_empty() { "" } else { "\n" }))
}

/// A heading for each action, and a line for each of its changes.
fn entries(report: &Report) -> String {
    let mut text = String::new();
    let mut heading = None;
    for change in by_action(report) {
        let action = change.place.action.as_deref().unwrap_or("All actions");
        if heading != Some(action) {
            heading = Some(action);
            text += &format!("\n### {action}\n\n");
        }
        let breaking = if change.verdict == Verdict::Major { "**Breaking:** " } else { "" };
        text += &format!("- {breaking}{}: {}. {}.\n", place(change), change.what, sentence(&change.reason));
    }
    text + "\n"
}

/// A reason with a capital first letter, as a sentence without the period.
fn sentence(reason: &str) -> String {
    let mut characters = reason.trim_end_matches('.').chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

fn place(change: &Change) -> String {
    let kind = change.place.kind;
    if change.place.name.is_empty() { kind.to_owned() } else { format!("{kind} {}", code(&change.place.name)) }
}

/// The reports as JSON. `verdict` is `null` if nothing changed.
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

#[cfg(test)]
mod changelog_tests {
    use super::*;
    use crate::diff::Place;

    fn report(changes: &[(Option<&str>, Verdict, &str)]) -> Report {
        let changes = changes.iter().map(|(action, verdict, name)| Change {
            place: Place { action: action.map(ToOwned::to_owned), kind: "parameter", name: (*name).to_owned() },
            what: "removed".to_owned(),
            verdict: *verdict,
            reason: "its setter is gone".to_owned(),
        });
        Report { product: "shop".to_owned(), changes: changes.collect() }
    }

    const WRITTEN: &str = "# Changelog\n\n## Unreleased\n\nA word by hand.\n\n## 0.1.0\n\nThe first.\n";

    #[test]
    fn entries_of_the_next_release_are_grouped_by_action_and_replaced() {
        let first = changelog(WRITTEN, &report(&[(Some("Pay"), Verdict::Minor, "Sum")])).unwrap();
        let changes =
            [(Some("Pay"), Verdict::Minor, "A"), (Some("Pay"), Verdict::Major, "B"), (None, Verdict::Minor, "C")];
        let second = changelog(&first, &report(&changes)).unwrap();
        let expected = format!(
            "# Changelog\n\n## Unreleased\n\nA word by hand.\n\n{BEGIN}\n\n### All actions\n\n- parameter `C`: removed. Its setter is gone.\n\n\
             ### Pay\n\n- **Breaking:** parameter `B`: removed. Its setter is gone.\n- parameter `A`: removed. Its setter is gone.\n\n\
             {END}\n\n## 0.1.0\n\nThe first.\n"
        );
        assert_eq!(second, expected);
        assert_eq!(changelog(&second, &report(&changes)).unwrap(), second);
        assert_eq!(changelog(&second, &report(&[])).unwrap(), WRITTEN);
    }

    #[test]
    fn a_changelog_without_the_expected_lines_is_an_error() {
        let none = report(&[]);
        assert!(changelog("# Changelog\n", &none).unwrap_err().contains("## Unreleased"));
        assert!(changelog(&format!("## Unreleased\n{BEGIN}\n"), &none).unwrap_err().contains("is missing"));
        assert_eq!(changelog("# Changelog\n\n## Unreleased\n", &none).unwrap(), "# Changelog\n\n## Unreleased\n");
    }
}
