//! Converts official metadata to specifications, as a pure function from an `api-docs.json` and the files of a folder to
//! the new files of the folder and notes.
//!
//! The metadata does not state idempotency, states limits mostly in prose, and has errors. The result is therefore a
//! proposal: guesses are marked in the files, and what cannot be represented is noted.

mod action;
#[cfg(test)]
mod catalogue;
mod endpoints;
mod example;
#[cfg(test)]
mod fuzz;
mod limits;
mod lock;
pub mod merge;
mod notes;
mod paging;
mod product;
mod route;
mod schema;
mod success;
#[cfg(test)]
mod tests;
mod text;
#[cfg(test)]
mod versions;
mod waiter;
mod widen;
mod yaml;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use self::action::Guesses;
use self::lock::Prints;
use self::merge::Change;
use self::notes::Notes;
use self::product::{Product, reachable};
use self::schema::{Schemas, shown};
use self::success::SuccessCodes;
use self::waiter::Proposals;
use self::widen::Widening;
use self::yaml::Tree;
use crate::diagnostic::{Severity, quoted, render};
use crate::spec::{self, InputFile, suggestion};

/// The file with the fingerprints.
pub const LOCK: &str = "upstream.lock";

/// The place of a product.
#[derive(Debug, PartialEq, Eq)]
pub struct Place {
    /// The name of the folder below `api-spec/`.
    pub folder: String,
    /// The name of the crate after `alibabacloud-`, if it is not that of the product.
    pub name: Option<String>,
}

/// The place of the product in a metadata file: under the requested name, or that of the product, with the version if
/// the folder of that name has another version. `product_file` reads the `product.yaml` of a folder.
pub fn place(
    metadata: &str,
    asked: Option<&str>,
    product_file: impl Fn(&str) -> Option<String>,
) -> Result<Place, String> {
    let metadata = parse(metadata)?;
    let product = Product::read(object(&metadata)?)?;
    if let Some(name) = asked {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        if name.is_empty() || !name.chars().all(is_plain) || !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return Err(format!(
                "{} is not a name for a crate: expected lower-case letters, digits, `-` and `_`, such as `ecs-20140526`",
                quoted(name)
            ));
        }
    }
    let plain = asked.map_or_else(|| product.folder(), ToOwned::to_owned);
    let version_in = |folder: &str| merge::scalar(&product_file(folder)?, "version");
    let digits: String = product.version.chars().filter(char::is_ascii_alphanumeric).collect();
    let versioned = format!("{}-{}", product.folder(), digits.to_lowercase());
    let is_other = |folder: &str| version_in(folder).is_some_and(|version| version != product.version);
    let is_same = |folder: &str| version_in(folder).is_some_and(|version| version == product.version);
    let folder = match asked {
        None if !is_same(&plain) && (is_other(&plain) || is_same(&versioned)) => versioned,
        _ => plain,
    };
    let name = (folder != product.folder()).then(|| folder.clone());
    Ok(Place { folder, name })
}

/// The result of an import.
#[derive(Debug)]
pub struct Imported {
    /// The files that are new or differ: names in the folder, and texts.
    pub files: Vec<(String, String)>,
    /// What cannot be represented, and decisions.
    pub notes: Notes,
    /// The changes upstream, by file.
    pub changes: Vec<(String, Vec<Change>)>,
    /// The number of imported actions.
    pub actions: usize,
    /// The actions whose files are new.
    pub new: Vec<String>,
    /// The actions that the metadata no longer has; their files are kept.
    pub gone: Vec<String>,
}

impl Imported {
    /// The text for a review: new and removed actions, then the changes by file, facts before texts.
    pub fn review(&self) -> String {
        let mut text = String::new();
        // At the first import, every action is new.
        let is_first = self.new.len() == self.actions && self.gone.is_empty() && self.changes.is_empty();
        let new = if is_first { &[][..] } else { &self.new[..] };
        for (what, actions) in [("new", new), ("removed upstream, the file is kept", &self.gone[..])] {
            for action in actions {
                text += &format!("{what}: {action}\n");
            }
        }
        for (file, changes) in &self.changes {
            text += &format!("{file}:\n");
            let (texts, facts): (Vec<_>, Vec<_>) = changes.iter().partition(|change| change.is_text());
            for change in facts.into_iter().chain(texts) {
                text += &format!("  {change}\n");
            }
        }
        text
    }

    /// The numbers of actions, changes and files, on one line.
    pub fn summary(&self) -> String {
        let plural = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
        let changes: usize = self.changes.iter().map(|(_, changes)| changes.len()).sum();
        format!(
            "{} imported ({} new, {} removed upstream): {} in {}, {} written",
            plural(self.actions, "action"),
            self.new.len(),
            self.gone.len(),
            plural(changes, "change"),
            plural(self.changes.len(), "file"),
            plural(self.files.len(), "file")
        )
    }
}

fn parse(metadata: &str) -> Result<Value, String> {
    serde_json::from_str(metadata.trim_start_matches('\u{feff}'))
        .map_err(|error| format!("the file is not valid JSON: {error}"))
}

fn object(metadata: &Value) -> Result<&Map<String, Value>, String> {
    metadata.as_object().ok_or_else(|| "this is not official metadata: expected a JSON object".to_owned())
}

/// Imports all actions, or only the named ones, into a folder with the files `existing`, whose names have no folder.
///
/// `name` is the name of the crate after `alibabacloud-`, if it is not that of the product. Without one, the name in the
/// folder is kept.
pub fn import(metadata: &str, only: &[String], existing: &[InputFile], name: Option<&str>) -> Result<Imported, String> {
    let platform = spec::built_in_platform().map_err(|findings| render(&findings, false))?;
    let metadata = parse(metadata)?;
    let metadata = object(&metadata)?;
    let product = Product::read(metadata)?;
    let none = Map::new();
    let apis = match metadata.get("apis") {
        Some(Value::Object(apis)) => apis,
        None | Some(Value::Null) => &none,
        Some(_) => return Err("this is not official metadata: `apis` is not an object".to_owned()),
    };
    for name in only {
        if !apis.contains_key(name) {
            let known: Vec<&str> = apis.keys().map(String::as_str).collect();
            return Err(format!("the metadata has no action {}; {}", quoted(name), suggestion(name, &known)));
        }
    }
    let folder = Folder::new(existing)?;
    folder.belongs_to(&product)?;
    let kept_name = folder.name();
    let name = name.or(kept_name.as_deref());

    let components =
        metadata.get("components").and_then(|components| components.get("schemas")).and_then(Value::as_object);
    let mut schemas = Schemas::new(components);
    unknown_keys(metadata, &mut schemas.notes);
    if product.code.eq_ignore_ascii_case("Sls") {
        let refused = "Log Service verifies another signature, which the client does not make; use its official SDK";
        schemas.notes.add(refused, product.code.clone());
    }
    let mut actions = Vec::new();
    for (name, api) in apis {
        // The shapes of actions that are already in the folder are kept.
        let wanted = only.is_empty() || only.contains(name);
        if !(wanted || folder.has(&file_name(name))) {
            continue;
        }
        if !is_action_name(name) {
            schemas.notes.add("the name of an action cannot be the name of a file: left out", shown(name));
            continue;
        }
        if let Some(api) = api.as_object()
            && let Some(types) = action::types(&mut schemas, name, api, product.is_roa)
        {
            actions.push((name, api, types, wanted));
        }
    }
    schemas.finish_shapes();
    for (name, api, types, _) in &mut actions {
        action::widen(&mut schemas, name, api, types);
    }
    let roots = actions.iter().flat_map(|(_, _, types, _)| types.response.iter().map(|member| &member.ty));
    let in_responses: Vec<String> = reachable(roots, &schemas.shapes).into_keys().map(str::to_owned).collect();
    let Schemas { shapes, notes, .. } = &mut schemas;
    Widening { shapes, notes }.shapes_of_responses(&in_responses);
    let success_codes = SuccessCodes::read(apis, &platform, product.is_roa);
    let mut trees: BTreeMap<String, Tree> = BTreeMap::new();
    let callbacks: Vec<(&str, &str)> = (apis.iter())
        .filter_map(|(name, api)| Some((name.as_str(), waiter::callback(api.as_object()?)?)))
        .filter_map(|(name, callback)| Some((name, waiter::in_product(callback, &product.code, &product.version)?)))
        .collect();
    let all: waiter::Actions<'_> = actions.iter().map(|(name, _, types, _)| (name.as_str(), types)).collect();
    for (name, api, types, wanted) in &actions {
        if *wanted {
            let Schemas { shapes, notes, .. } = &mut schemas;
            let proposals =
                Proposals { product: &product.code, version: &product.version, actions: &all, apis, shapes };
            let waiter = proposals.propose(name, api, types, notes);
            let asked_by = callbacks.iter().find(|(_, asked)| asked == name).map(|(by, _)| *by);
            let guesses = Guesses { success_codes: &success_codes, waiter, asked_by };
            let tree = action::file(&mut schemas, &product.code, name, api, types, guesses);
            trees.insert(file_name(name), tree);
        }
    }
    let types = actions.iter().flat_map(|(_, _, types, _)| {
        types
            .parameters
            .iter()
            .map(|parameter| &parameter.member.ty)
            .chain(types.response.iter().map(|member| &member.ty))
    });
    let shapes = reachable(types, &schemas.shapes);
    let mut notes = std::mem::take(&mut schemas.notes);
    let head = product.file(metadata, success_codes.product.as_deref(), name, &shapes, &mut notes);

    let imported = trees.len();
    folder.finish(&head, trees, notes, apis).map(|mut done| {
        done.actions = imported;
        done
    })
}

fn file_name(action: &str) -> String {
    format!("{action}.yaml")
}

/// Whether a file can have this name on every system.
fn is_action_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c) || (!c.is_ascii() && c.is_alphanumeric());
    schema::is_valid_name(name)
        && !name.starts_with('.')
        && name.chars().all(is_plain)
        && !name.eq_ignore_ascii_case("product")
}

fn unknown_keys(metadata: &Map<String, Value>, notes: &mut Notes) {
    const KNOWN: [&str; 9] =
        ["version", "info", "directories", "components", "apis", "endpoints", "errorCodes", "changeSet", "ram"];
    for key in metadata.keys().filter(|key| !KNOWN.contains(&key.as_str())) {
        notes.add("unknown key in the metadata", shown(key));
    }
}

/// The existing files of the folder.
struct Folder<'a> {
    files: BTreeMap<&'a str, &'a [u8]>,
    last: Option<Prints>,
}

impl<'a> Folder<'a> {
    fn new(existing: &'a [InputFile]) -> Result<Self, String> {
        let files: BTreeMap<&str, &[u8]> =
            existing.iter().map(|file| (file.path.as_str(), file.bytes.as_slice())).collect();
        let last = files.get(LOCK).map(|bytes| Prints::parse(&String::from_utf8_lossy(bytes))).transpose()?;
        Ok(Self { files, last })
    }

    fn has(&self, name: &str) -> bool {
        self.files.contains_key(name)
    }

    /// The name of the crate in `product.yaml`.
    fn name(&self) -> Option<String> {
        let text = self.files.get("product.yaml")?;
        merge::scalar(&String::from_utf8_lossy(text), "name")
    }

    /// Refuses another version of the product, which needs its own folder.
    fn belongs_to(&self, product: &Product) -> Result<(), String> {
        let Some(text) = self.files.get("product.yaml").map(|bytes| String::from_utf8_lossy(bytes)) else {
            return Ok(());
        };
        let Some(found) = merge::scalar(&text, "version") else { return Ok(()) };
        if found == product.version {
            return Ok(());
        }
        Err(format!(
            "the folder has version {} of the API, but the metadata is of {}; name another folder with `--out` or `--name`",
            quoted(&found),
            quoted(&product.version)
        ))
    }

    /// Merges the imported files into the folder.
    fn finish(
        &self,
        head: &Tree,
        trees: BTreeMap<String, Tree>,
        mut notes: Notes,
        apis: &Map<String, Value>,
    ) -> Result<Imported, String> {
        let mut lock = self.last.clone().unwrap_or(Prints::Map(Vec::new()));
        let mut changes = Vec::new();
        let mut texts: BTreeMap<String, String> = BTreeMap::new();
        let mut proposals: BTreeMap<String, Tree> = BTreeMap::new();
        let all = std::iter::once(("product.yaml".to_owned(), head.clone())).chain(trees);
        for (name, tree) in all {
            let schema = if name == "product.yaml" { "product" } else { "action" };
            let last = self.last.as_ref().and_then(|last| last.get(&name));
            let text = match self.files.get(name.as_str()) {
                None => {
                    if tree.get("waiter").is_some() {
                        proposals.insert(name.clone(), tree.clone());
                    }
                    tree.file(schema)
                }
                Some(bytes) => {
                    let ours = String::from_utf8_lossy(bytes);
                    let Some(merged) = merge::merge(&name, &ours, last, &tree, schema) else {
                        notes.add("the file in the folder cannot be read: kept unchanged", name);
                        continue;
                    };
                    if merged.rewritten {
                        notes.add("the file was rewritten without its comments", name.clone());
                    }
                    if !merged.changes.is_empty() {
                        changes.push((name.clone(), merged.changes));
                    }
                    merged.text
                }
            };
            texts.insert(name.clone(), text);
            lock.set(&name, Prints::of(&tree));
        }
        let mut gone = Vec::new();
        if let Some(Prints::Map(known)) = &self.last {
            for (name, _) in known.iter().filter(|(name, _)| *name != "product.yaml" && self.has(name)) {
                let action = name.strip_suffix(".yaml").unwrap_or(name);
                if !apis.contains_key(action) {
                    gone.push(action.to_owned());
                }
            }
        }
        self.check(&mut texts, &mut lock, &mut notes, proposals)?;
        texts.insert(LOCK.to_owned(), lock.render());
        let differs =
            |(name, text): &(String, String)| self.files.get(name.as_str()).is_none_or(|old| *old != text.as_bytes());
        let is_action = |name: &&String| *name != "product.yaml" && *name != LOCK;
        let new = texts.keys().filter(is_action).filter(|name| !self.has(name));
        let new = new.map(|name| name.trim_end_matches(".yaml").to_owned()).collect();
        let files = texts.into_iter().filter(differs).collect();
        Ok(Imported { files, notes, changes, actions: 0, new, gone })
    }

    /// Removes files that `generate` would refuse from the result.
    ///
    /// `proposals` are new files with a `waiter`, which may not fit the edited file of the action to call.
    fn check(
        &self,
        texts: &mut BTreeMap<String, String>,
        lock: &mut Prints,
        notes: &mut Notes,
        mut proposals: BTreeMap<String, Tree>,
    ) -> Result<(), String> {
        loop {
            let input =
                |(name, text): (&String, &String)| InputFile { path: name.clone(), bytes: text.clone().into_bytes() };
            let mut files: Vec<InputFile> = texts.iter().map(input).collect();
            // Other files of the folder can refer to shapes.
            files.extend(
                self.files
                    .iter()
                    .filter(|(name, _)| **name != LOCK && !texts.contains_key(**name))
                    .map(|(name, bytes)| InputFile { path: (*name).to_owned(), bytes: bytes.to_vec() }),
            );
            let (_, findings) = spec::parse(&files);
            let mut refused = Vec::new();
            for finding in findings.iter().filter(|finding| finding.severity == Severity::Error) {
                let name = finding.span.source.path.clone();
                if texts.contains_key(&name) && !refused.iter().any(|(known, _)| *known == name) {
                    refused.push((name, finding.message.clone()));
                }
            }
            if refused.is_empty() {
                return Ok(());
            }
            for (name, message) in refused {
                if name == "product.yaml" && !self.has(&name) {
                    return Err(format!("the product cannot be represented: {message}"));
                }
                if let Some(mut tree) = proposals.remove(&name) {
                    waiter::withdraw(&mut tree);
                    notes.add(format!("no `waiter` is proposed, because {message}"), name.clone());
                    lock.set(&name, Prints::of(&tree));
                    texts.insert(name, tree.file("action"));
                    continue;
                }
                notes.add(format!("left out or kept unchanged, because {message}"), name.clone());
                texts.remove(&name);
                let last = self.last.as_ref().and_then(|last| last.get(&name)).cloned();
                match last {
                    Some(last) => lock.set(&name, last),
                    None => lock.remove(&name),
                }
            }
        }
    }
}
