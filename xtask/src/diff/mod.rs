//! Compares two states of a product, and rates the changes for users of the generated crate.
//!
//! Models are compared, not files: a model has the facts of the specification and the Rust names derived from them, so
//! a field that gets another name because of a new field is found too. Facts are matched by their names on the wire,
//! types by their names in Rust.

mod action;
mod paging;
mod product;
mod report;
mod types;
mod waiter;

use std::collections::HashMap;

use crate::model::Model;

pub use self::report::{Report, changelog, json, text};

/// The version increment that a change needs, by the rules of semantic versioning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Only documentation changes.
    Patch,
    /// Existing programs compile and behave as before.
    Minor,
    /// Existing programs may not compile, or may behave differently than documented.
    Major,
}

impl Verdict {
    /// The verdict as a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Patch => "patch",
            Self::Minor => "minor",
            Self::Major => "major",
        }
    }
}

/// The place of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The action's name on the wire; `None` for the whole product.
    pub action: Option<String>,
    /// The kind: `parameter`, `field`, `value` …
    pub kind: &'static str,
    /// The name; empty if there is only one. Members of a type have the Rust name of the type as a prefix.
    pub name: String,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub place: Place,
    /// The change: `added`, `removed`, or the old and the new value.
    pub what: String,
    pub verdict: Verdict,
    /// The reason for the verdict.
    pub reason: String,
}

/// All changes, in the order of the new specification.
pub fn diff(old: &Model<'_>, new: &Model<'_>) -> Vec<Change> {
    let mut found = Changes::default();
    found.product(old, new);
    found.types(&old.shapes, &new.shapes, true);
    let actions = matched(&old.actions, &new.actions, |action| &action.facts.name.value);
    for action in actions.removed {
        found.action = Some(action.facts.name.value.clone());
        found.removed("action", "", "its types are removed, and programs that name them do not compile");
    }
    for action in actions.added {
        found.action = Some(action.facts.name.value.clone());
        found.added("action", "", "only new types");
    }
    for (before, after) in actions.kept {
        found.action = Some(after.facts.name.value.clone());
        found.action(before, after, &new.errors);
    }
    found.list
}

/// The reason for changes of documentation.
const DOCUMENTATION: &str = "only documentation";

/// The changes found so far.
#[derive(Debug, Default)]
struct Changes {
    list: Vec<Change>,
    /// The action that is compared.
    action: Option<String>,
}

impl Changes {
    fn push(&mut self, kind: &'static str, name: &str, what: String, verdict: Verdict, reason: &str) {
        let place = Place { action: self.action.clone(), kind, name: name.to_owned() };
        self.list.push(Change { place, what, verdict, reason: reason.to_owned() });
    }

    fn added(&mut self, kind: &'static str, name: &str, reason: &str) {
        self.push(kind, name, "added".to_owned(), Verdict::Minor, reason);
    }

    fn removed(&mut self, kind: &'static str, name: &str, reason: &str) {
        self.push(kind, name, "removed".to_owned(), Verdict::Major, reason);
    }

    /// Adds a change of a fact, if it differs.
    fn fact<T: PartialEq>(
        &mut self,
        (kind, name): (&'static str, &str),
        (old, new): (T, T),
        show: impl Fn(T) -> String,
        verdict: Verdict,
        reason: &str,
    ) {
        if old != new {
            self.push(kind, name, format!("{} becomes {}", show(old), show(new)), verdict, reason);
        }
    }

    /// Adds a change of documentation, if it differs.
    fn documentation<T: PartialEq + ?Sized>(
        &mut self,
        (kind, name): (&'static str, &str),
        key: &str,
        old: &T,
        new: &T,
    ) {
        if old != new {
            self.push(kind, name, format!("`{key}` changed"), Verdict::Patch, DOCUMENTATION);
        }
    }

    /// Adds a change of order, if the kept items are in another order.
    fn order<T>(&mut self, at: (&'static str, &str), kept: &[(&T, &T)], new: &[T], verdict: Verdict, reason: &str) {
        let before = kept.iter().map(|(_, after)| std::ptr::from_ref(*after));
        let after = new.iter().map(std::ptr::from_ref).filter(|one| before.clone().any(|kept| kept == *one));
        if !before.clone().eq(after) {
            self.push(at.0, at.1, "the order changed".to_owned(), verdict, reason);
        }
    }
}

/// Two lists, matched by name.
struct Matched<'a, T> {
    removed: Vec<&'a T>,
    added: Vec<&'a T>,
    /// The items in both lists, in the order of the old one.
    kept: Vec<(&'a T, &'a T)>,
}

fn matched<'a, T>(old: &'a [T], new: &'a [T], name: impl Fn(&'a T) -> &'a str) -> Matched<'a, T> {
    let mut waiting: HashMap<&str, &T> = new.iter().map(|one| (name(one), one)).collect();
    let (mut removed, mut kept) = (Vec::new(), Vec::new());
    for one in old {
        match waiting.remove(name(one)) {
            Some(after) => kept.push((one, after)),
            None => removed.push(one),
        }
    }
    let added = new.iter().filter(|one| waiting.contains_key(name(one))).collect();
    Matched { removed, added, kept }
}

/// A name or a value for messages.
fn code(text: &str) -> String {
    crate::diagnostic::quoted(text)
}

/// An optional fact.
fn optional(text: Option<&str>) -> String {
    text.map_or_else(|| "none".to_owned(), code)
}

/// A boolean.
fn yes_or_no(value: bool) -> String {
    if value { "`true`" } else { "`false`" }.to_owned()
}

#[cfg(test)]
mod tests;
