//! Merges three versions of a file: the current file, the metadata at the last import, and the metadata now.
//!
//! Values that were changed by hand are kept; other values follow the metadata. Unchanged parts of the text are kept,
//! including comments.

use std::ops::Range;

use super::lock::Prints;
use super::yaml::Tree;
use crate::spec::node::{self, Node, Value};

/// A difference at one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The path of the key, such as `parameters.Name.type`.
    pub path: String,
    pub what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// New upstream: added.
    Added(String),
    /// Changed upstream, not by hand: updated.
    Updated { from: String, to: String },
    /// Removed upstream, not changed by hand: removed.
    Removed(String),
    /// Changed by hand and upstream: kept.
    Kept { ours: String, upstream: String },
    /// Removed upstream, changed by hand: kept.
    KeptWithout(String),
    /// Removed by hand, changed upstream: stays removed.
    StaysRemoved { upstream: String },
    /// Differs, and without an earlier import it is unknown who changed it: kept.
    Differs { ours: String, upstream: String },
    /// Missing, and without an earlier import it is unknown why: not added.
    Lacks(String),
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = &self.path;
        match &self.what {
            What::Added(new) => write!(f, "added: {path}: {}", cut(new)),
            What::Updated { from, to } => {
                let (from, to) = apart(from, to);
                write!(f, "updated: {path}: {from} -> {to}")
            }
            What::Removed(old) => write!(f, "removed: {path}: {}", cut(old)),
            What::Kept { ours, upstream } => {
                let (ours, upstream) = apart(ours, upstream);
                write!(f, "kept: {path}: {ours}, though upstream now says {upstream}")
            }
            What::KeptWithout(ours) => write!(f, "kept: {path}: {}, though upstream no longer has it", cut(ours)),
            What::StaysRemoved { upstream } => {
                write!(f, "stays removed: {path}, though upstream now says {}", cut(upstream))
            }
            What::Differs { ours, upstream } => {
                let (ours, upstream) = apart(ours, upstream);
                write!(f, "differs: {path}: {ours}; upstream says {upstream}")
            }
            What::Lacks(upstream) => {
                write!(
                    f,
                    "not added: {path}: {} upstream; without an earlier import, it is unknown why the file lacks it",
                    cut(upstream)
                )
            }
        }
    }
}

impl Change {
    /// Whether only prose or an example changed.
    pub fn is_text(&self) -> bool {
        let key = self.path.rsplit('.').next().unwrap_or_default();
        ["summary", "description", "message", "example", "title", "documentation", "guessed"].contains(&key)
            || self.path.starts_with("guessed.")
            || self.path.contains(".values.")
    }
}

/// The maximum length of a value in a message, in characters.
const SHOWN: usize = 100;

/// The beginning of a value.
fn cut(value: &str) -> String {
    window(value, 0, value.chars().count())
}

/// Two values, shortened to the parts that differ.
fn apart(a: &str, b: &str) -> (String, String) {
    let (one, other): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if one.len().max(other.len()) <= SHOWN {
        return (a.to_owned(), b.to_owned());
    }
    let same = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let rest = (one.len() - same).min(other.len() - same);
    let same_end = one.iter().rev().zip(other.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    (window(a, same, one.len() - same_end), window(b, same, other.len() - same_end))
}

/// The characters `start..end` of a value and some around them, with ellipses.
fn window(value: &str, start: usize, end: usize) -> String {
    const BEFORE: usize = 30;
    let characters: Vec<char> = value.chars().collect();
    let from = start.saturating_sub(BEFORE);
    let to = characters.len().min((end + BEFORE).min(from + SHOWN).max(start + 1));
    let from = if characters.len() <= SHOWN { 0 } else { from };
    let to = if characters.len() <= SHOWN { characters.len() } else { to };
    let inner: String = characters[from.min(to)..to].iter().collect();
    format!("{}{inner}{}", if from > 0 { "…" } else { "" }, if to < characters.len() { "…" } else { "" })
}

/// A merged file.
#[derive(Debug)]
pub struct Merged {
    pub text: String,
    pub changes: Vec<Change>,
    /// Whether the text was rewritten without its comments, because the places of the changes were not found.
    pub rewritten: bool,
}

/// The tree of a file; `None` if it is not valid YAML.
#[cfg(test)]
pub fn tree_of(path: &str, text: &str) -> Option<Tree> {
    read(path, text).map(|node| tree(&node))
}

/// The text under a key of the outermost map.
pub fn scalar(text: &str, key: &str) -> Option<String> {
    let tree = tree(&read("product.yaml", text.strip_prefix('\u{feff}').unwrap_or(text))?);
    match tree.get(key)? {
        Tree::Text(text) | Tree::Word(text) => Some(text.clone()),
        Tree::Map(_) => None,
    }
}

fn read(path: &str, text: &str) -> Option<Node> {
    let findings = node::decode(path, text.as_bytes()).ok()?;
    let node = node::read(&findings)?;
    (!findings.has_errors()).then_some(node)
}

fn tree(node: &Node) -> Tree {
    match &node.value {
        Value::Map(entries) => Tree::Map(entries.iter().map(|(key, value)| (key_text(key), tree(value))).collect()),
        Value::Scalar { text, plain } => match node.scalar() {
            Some(node::Scalar::Text(_)) if *plain && text == "none" => Tree::word(text.clone()),
            Some(node::Scalar::Text(_)) => Tree::text(text.clone()),
            _ => Tree::word(text.clone()),
        },
        Value::List | Value::Refused => Tree::Map(Vec::new()),
    }
}

fn key_text(key: &Node) -> String {
    match &key.value {
        Value::Scalar { text, .. } => text.clone(),
        _ => String::new(),
    }
}

/// Merges a file; `None` if it cannot be read.
pub fn merge(path: &str, ours: &str, last: Option<&Prints>, upstream: &Tree, schema: &str) -> Option<Merged> {
    // A byte order mark is not part of the text.
    let ours = ours.strip_prefix('\u{feff}').unwrap_or(ours);
    let root = read(path, ours)?;
    let Value::Map(_) = root.value else { return None };
    let mut merge = Merge { text: ours, edits: Vec::new(), changes: Vec::new() };
    let merged = merge.map(&root, last, last.is_some(), upstream, "");
    let Merge { mut edits, changes, .. } = merge;
    edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    let mut text = ours.to_owned();
    for Edit { range, with } in edits.into_iter().rev() {
        text.replace_range(range, &with);
    }
    let agrees = read(path, &text).is_some_and(|node| same(&tree(&node), &merged));
    if agrees {
        return Some(Merged { text, changes, rewritten: false });
    }
    Some(Merged { rewritten: has_comments(ours), text: merged.file(schema), changes })
}

/// Whether two trees have the same values, regardless of the style of scalars.
fn same(a: &Tree, b: &Tree) -> bool {
    match (a, b) {
        (Tree::Map(a), Tree::Map(b)) => {
            a.len() == b.len()
                && a.iter().all(|(key, value)| b.iter().any(|(other, found)| key == other && same(value, found)))
        }
        (Tree::Map(_), _) | (_, Tree::Map(_)) => false,
        (a, b) => Prints::of(a) == Prints::of(b),
    }
}

/// As [`same`], and regardless of the formatting of JSON and the line breaks of descriptions.
fn agree(key: &str, a: &Tree, b: &Tree) -> bool {
    if same(a, b) {
        return true;
    }
    let (Tree::Text(a), Tree::Text(b)) = (a, b) else { return false };
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    (key == "example" && json(a).is_some() && json(a) == json(b)) || (key == "description" && words(a) == words(b))
}

/// A replacement of a part of the text.
struct Edit {
    range: Range<usize>,
    with: String,
}

struct Merge<'t> {
    text: &'t str,
    edits: Vec<Edit>,
    changes: Vec<Change>,
}

impl Merge<'_> {
    /// Merges a map, and returns the result. `known` is whether there was an earlier import.
    fn map(&mut self, node: &Node, last: Option<&Prints>, known: bool, upstream: &Tree, path: &str) -> Tree {
        let Value::Map(ours) = &node.value else { return tree(node) };
        let is_flow = self.is_flow(node);
        let edits = self.edits.len();
        let mut merged = Vec::new();
        let mut gone = Vec::new();
        for (key, value) in ours {
            let name = key_text(key);
            let path = join(path, &name);
            let before = last.and_then(|last| last.get(&name));
            if let Some(now) = upstream.get(&name) {
                merged.push((name.clone(), self.value(&name, value, before, known, now, &path)));
            } else {
                let held = tree(value);
                match before {
                    // Not changed by hand, and removed upstream.
                    Some(before) if Prints::of(&held) == *before => {
                        self.change(path, What::Removed(short(&held)));
                        gone.push(key.range.start);
                    }
                    before => {
                        if before.is_some() {
                            self.change(path, What::KeptWithout(short(&held)));
                        }
                        merged.push((name, held));
                    }
                }
            }
        }
        let mut added = Vec::new();
        for (name, now) in upstream.entries() {
            if ours.iter().any(|(key, _)| key_text(key) == *name) {
                continue;
            }
            let path = join(path, name);
            match last.and_then(|last| last.get(name)) {
                // Removed by hand.
                Some(before) => {
                    if *before != Prints::of(now) {
                        self.change(path, What::StaysRemoved { upstream: short(now) });
                    }
                }
                None if known => {
                    self.change(path, What::Added(short(now)));
                    merged.push((name.clone(), now.clone()));
                    added.push((name.clone(), now.clone()));
                }
                None => self.change(path, What::Lacks(short(now))),
            }
        }
        if added.is_empty() && gone.is_empty() {
            return Tree::Map(merged);
        }
        let result = Tree::Map(merged);
        if is_flow || ours.is_empty() {
            // A map in flow style or an empty one is rewritten.
            self.edits.truncate(edits);
            self.edits.push(Edit { range: self.whole(node), with: result.flow() });
        } else {
            self.edit_block(ours, &gone, &added, upstream);
        }
        result
    }

    fn value(&mut self, key: &str, ours: &Node, last: Option<&Prints>, known: bool, now: &Tree, path: &str) -> Tree {
        let held = tree(ours);
        if agree(key, &held, now) {
            return held;
        }
        if let (Tree::Map(_), Tree::Map(_)) = (&held, now) {
            // A map that is new on both sides has no earlier version.
            return self.map(ours, last, known && last.is_some(), now, path);
        }
        match last {
            Some(last) if *last == Prints::of(now) => held,
            Some(last) if *last == Prints::of(&held) => {
                self.change(path.to_owned(), What::Updated { from: short(&held), to: short(now) });
                let range = self.whole(ours);
                let ends_line = self.text.get(range.clone()).is_some_and(|text| text.ends_with('\n'));
                let with = if matches!(now, Tree::Map(_)) { now.flow() } else { now.inline() };
                self.edits.push(Edit { range, with: if ends_line { with + "\n" } else { with } });
                now.clone()
            }
            Some(_) => {
                self.change(path.to_owned(), What::Kept { ours: short(&held), upstream: short(now) });
                held
            }
            None => {
                self.change(path.to_owned(), What::Differs { ours: short(&held), upstream: short(now) });
                held
            }
        }
    }

    fn change(&mut self, path: String, what: What) {
        self.changes.push(Change { path, what });
    }

    /// Removes entries of a block from its text, and adds others after those that precede them upstream.
    fn edit_block(&mut self, entries: &[(Node, Node)], gone: &[usize], added: &[(String, Tree)], upstream: &Tree) {
        let indent = entries.first().map_or(0, |(key, _)| key.range.start - self.line_start(key.range.start));
        for (index, (key, value)) in entries.iter().enumerate() {
            if gone.contains(&key.range.start) {
                let start = self.line_start(key.range.start);
                let end = entries
                    .get(index + 1)
                    .map_or_else(|| self.line_end(value), |(next, _)| self.line_start(next.range.start));
                self.edits.push(Edit { range: start..end, with: String::new() });
            }
        }
        let place_of = |name: &str| {
            let ahead = upstream.entries().split(|(other, _)| other == name).next().unwrap_or_default();
            let known =
                ahead.iter().rev().find_map(|(other, _)| entries.iter().find(|(key, _)| key_text(key) == *other));
            match (known, entries.first()) {
                (Some((_, value)), _) => self.line_end(value),
                (None, first) => first.map_or(0, |(key, _)| self.line_start(key.range.start)),
            }
        };
        let places: Vec<usize> = added.iter().map(|(name, _)| place_of(name)).collect();
        for ((key, value), place) in added.iter().zip(places) {
            let is_after_text = place > 0 && !self.text[..place].ends_with('\n');
            let with = (if is_after_text { "\n" } else { "" }).to_owned() + &Tree::block_entry(key, value, indent);
            self.edits.push(Edit { range: place..place, with });
        }
    }

    fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |newline| newline + 1)
    }

    /// The end of a value; the end of a block is that of its last entry.
    fn last_place(&self, node: &Node) -> usize {
        match &node.value {
            Value::Map(entries) if !self.is_flow(node) => {
                entries.last().map_or(node.range.end, |(key, value)| self.last_place(value).max(key.range.end))
            }
            _ => self.whole(node).end,
        }
    }

    /// The range of a scalar or of a map in flow style. The range of the node has only the opening brace, and not the
    /// indicator of a block scalar.
    fn whole(&self, node: &Node) -> Range<usize> {
        let Range { start, end } = node.range;
        if self.is_flow(node) {
            return start..flow_end(self.text, start);
        }
        let line = self.line_start(start);
        let above = self.line_start(line.saturating_sub(1));
        let sign = self.text.get(above..line).and_then(|above| above.rfind(['|', '>']));
        match sign {
            Some(sign) if matches!(node.value, Value::Scalar { plain: false, .. }) && !self.is_quoted(node) => {
                above + sign..end
            }
            _ => start..end,
        }
    }

    fn is_quoted(&self, node: &Node) -> bool {
        self.text.get(node.range.clone()).is_some_and(|text| text.starts_with(['"', '\'']))
    }

    fn is_flow(&self, node: &Node) -> bool {
        self.text.get(node.range.clone()).is_some_and(|text| text.starts_with('{'))
    }

    /// The end of the last line of a value, including its line break.
    fn line_end(&self, value: &Node) -> usize {
        let end = self.last_place(value).min(self.text.len());
        if self.text[..end].ends_with('\n') {
            return end;
        }
        self.text[end..].find('\n').map_or(self.text.len(), |newline| end + newline + 1)
    }
}

/// The end of the map in flow style that begins at `start`.
fn flow_end(text: &str, start: usize) -> usize {
    let mut depth = 0;
    let mut quote = None;
    let mut characters = text[start..].char_indices();
    while let Some((at, c)) = characters.next() {
        match (quote, c) {
            (Some('"'), '\\') => {
                characters.next();
            }
            (Some(open), c) if open == c => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '{') => depth += 1,
            (None, '}') => {
                depth -= 1;
                if depth == 0 {
                    return start + at + c.len_utf8();
                }
            }
            _ => {}
        }
    }
    text.len()
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// A value for a message, on one line; of a large map, the keys.
fn short(tree: &Tree) -> String {
    match tree {
        Tree::Map(entries) => {
            let whole = escaped(&tree.flow());
            if whole.chars().count() <= SHOWN {
                return whole;
            }
            let keys: Vec<String> = entries.iter().take(6).map(|(key, _)| escaped(key)).collect();
            let more = entries.len().saturating_sub(keys.len());
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            format!("{{ {}{more} }}", keys.join(", "))
        }
        Tree::Text(text) | Tree::Word(text) => format!("`{}`", escaped(text.trim_end())),
    }
}

/// Text with escapes for line breaks and invisible characters.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            c if super::yaml::must_be_escaped(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// Whether a file has comments besides the line for editors.
fn has_comments(text: &str) -> bool {
    let is_comment = |line: &str| line.trim_start().starts_with('#') || line.contains(" #");
    text.lines().any(|line| is_comment(line) && !line.contains("yaml-language-server"))
}
