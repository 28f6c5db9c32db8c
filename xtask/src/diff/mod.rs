//! Two states of a product -> what the difference means for users of the generated crate.
//!
//! Compared are models and not files: a model has the facts of the specification and the Rust names that follow from them, so a
//! field that gets another name because of a new neighbour is seen too. Facts are matched by their names on the wire, types by
//! their names in Rust, which is what users write.

mod action;
mod paging;
mod product;
mod report;
mod types;
mod waiter;

use std::collections::HashMap;

use crate::model::Model;

pub use self::report::{Report, changelog, json, text};

/// What a change asks of the next version of the crate, by the rules of semantic versioning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Only documentation changes.
    Patch,
    /// Every program still compiles and keeps its meaning.
    Minor,
    /// A program may not compile any more, or do something else than its author was promised.
    Major,
}

impl Verdict {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Patch => "patch",
            Self::Minor => "minor",
            Self::Major => "major",
        }
    }
}

/// Where something changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The name on the wire; `None` for what belongs to the whole product.
    pub action: Option<String>,
    /// What it is: `parameter`, `field`, `value` …
    pub kind: &'static str,
    /// Which one; empty if there is only one. Members of a type have the type's Rust name in front.
    pub name: String,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub place: Place,
    /// What happened: `added`, `removed`, or from what to what.
    pub what: String,
    pub verdict: Verdict,
    /// Why the verdict is this one.
    pub reason: String,
}

/// Everything that differs, in the order of the new specification.
pub fn diff(old: &Model<'_>, new: &Model<'_>) -> Vec<Change> {
    let mut found = Changes::default();
    found.product(old, new);
    found.types(&old.shapes, &new.shapes, true);
    let actions = matched(&old.actions, &new.actions, |action| &action.facts.name.value);
    for action in actions.removed {
        found.action = Some(action.facts.name.value.clone());
        found.removed("action", "", "its types are gone, and programs that name them do not compile");
    }
    for action in actions.added {
        found.action = Some(action.facts.name.value.clone());
        found.added("action", "", "new types only");
    }
    for (before, after) in actions.kept {
        found.action = Some(after.facts.name.value.clone());
        found.action(before, after, &new.errors);
    }
    found.list
}

/// Only documentation.
const DOCUMENTATION: &str = "only documentation";

/// Collects changes.
#[derive(Debug, Default)]
struct Changes {
    list: Vec<Change>,
    /// The action that is being compared.
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

    /// Notes a fact that is not the same any more.
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

    /// Notes text for people that is not the same any more.
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

    /// Notes that what stays is in another order.
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
    /// What is in both, in the order of the old list.
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

/// A name or a value as messages show it.
fn code(text: &str) -> String {
    crate::diagnostic::quoted(text)
}

/// A fact that may be missing.
fn optional(text: Option<&str>) -> String {
    text.map_or_else(|| "none".to_owned(), code)
}

/// A yes or no.
fn yes_or_no(value: bool) -> String {
    if value { "`true`" } else { "`false`" }.to_owned()
}

#[cfg(test)]
mod tests;
