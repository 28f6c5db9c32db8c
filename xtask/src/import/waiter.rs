//! Proposes a waiter from `callback` of the metadata, the action that returns the state of what another one has started.
//!
//! The metadata names the action, the interval and the number of calls. The values of its parameters and the meaning of
//! its states are derived from names, so the whole waiter is a guess.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

use super::action::Action;
use super::notes::Notes;
use super::schema::{Member, Shape, Ty};
use super::yaml::Tree;
use crate::emit::code;
use crate::spec::Style;

/// The actions of an import, by name.
pub type Actions<'a> = HashMap<&'a str, &'a Action>;

/// States that mean success of any operation.
const FINISHED: &[&str] = &[
    "success",
    "succeed",
    "succeeded",
    "successful",
    "successed",
    "finish",
    "finished",
    "complete",
    "completed",
    "done",
];
/// States of a usable resource, which mean success unless the operation ends its use.
const USABLE: &[&str] = &["running", "available", "active", "activated", "normal", "ready", "inservice"];
/// States of an unfinished operation, besides all that end in `ing` and are not those of a usable resource.
const UNFINISHED: &[&str] =
    &["pending", "queued", "init", "start", "started", "submitted", "created", "inprogress", "todo", "new"];
/// Prefixes of states that mean failure.
const FAILED: &[&str] = &["fail", "error", "abort", "cancel", "timeout", "exception", "reject", "terminated"];
/// Prefixes of actions that end the use of a resource.
const ENDING: &[&str] =
    &["Delete", "Release", "Stop", "Shutdown", "Remove", "Detach", "Unbind", "Terminate", "Disable"];

/// Prefixes of actions after which a resource no longer exists.
const DELETING: &[&str] = &["Delete", "Release", "Remove", "Terminate", "Destroy"];

/// The action that `callback` names.
pub fn callback(api: &Map<String, Value>) -> Option<&str> {
    let facts = api.get("staticInfo")?.as_object()?;
    facts.get("callback")?.as_str().map(str::trim).filter(|name| !name.is_empty())
}

/// The name in a callback, if it is that of an action of this product: `gpdb::2016-05-03::GetUploadDocumentJob`, or the
/// name alone.
pub fn in_product<'a>(callback: &'a str, product: &str, version: &str) -> Option<&'a str> {
    match callback.split("::").collect::<Vec<_>>()[..] {
        [name] => Some(name),
        [other, other_version, name] if other.eq_ignore_ascii_case(product) && other_version == version => Some(name),
        _ => None,
    }
}

/// The facts for a proposal.
pub struct Proposals<'a> {
    pub product: &'a str,
    pub version: &'a str,
    pub actions: &'a Actions<'a>,
    /// The metadata of all actions, for their error codes.
    pub apis: &'a Map<String, Value>,
    pub shapes: &'a BTreeMap<String, Shape>,
}

impl Proposals<'_> {
    /// The waiter of an action, and the reason for the mark as a guess. `None`, with a note, if none can be proposed.
    pub fn propose(
        &self,
        name: &str,
        api: &Map<String, Value>,
        types: &Action,
        notes: &mut Notes,
    ) -> Option<(Tree, String)> {
        let callback = callback(api)?;
        match self.waiter(name, callback, api, types) {
            Ok(found) => Some(found),
            Err(why) => {
                let note = format!("the metadata names an action to wait with, but {why}: no `waiter` is proposed");
                notes.add(note, format!("{name} ({})", super::schema::shown(callback)));
                None
            }
        }
    }

    fn waiter(
        &self,
        name: &str,
        callback: &str,
        api: &Map<String, Value>,
        types: &Action,
    ) -> Result<(Tree, String), &'static str> {
        let asked_name =
            in_product(callback, self.product, self.version).ok_or("it is an action of another product or version")?;
        let asked = *self.actions.get(asked_name).ok_or("it is not imported")?;
        if !super::action::is_named_as_reading(asked_name) {
            return Err("its name does not begin with a verb for reading");
        }
        let mut parameters = Vec::new();
        let mut is_narrowed = false;
        for parameter in &asked.parameters {
            let wire = &parameter.member.name;
            let Some(source) = self.source(wire, types) else {
                if parameter.required {
                    return Err("no parameter or member has the name of one of its required parameters");
                }
                continue;
            };
            // Other optional parameters filter or page the response.
            let is_id = is_id(wire);
            if !parameter.required && !is_id {
                continue;
            }
            if !is_one(self.resolved(&parameter.member.ty)) || parameter.style == Some(Style::RepeatList) {
                if parameter.required {
                    return Err("one of its required parameters is a list or an object");
                }
                continue;
            }
            is_narrowed |= is_id && !wire.eq_ignore_ascii_case("RegionId");
            parameters.push((wire.clone(), Tree::text(source)));
        }
        let states = self.states(name, &asked.response);
        let mut states = states.into_iter().filter_map(|state| {
            let condition = state.elements.and_then(|elements| {
                elements.iter().filter(|member| is_id(&member.name) && is_one(self.resolved(&member.ty))).find_map(
                    |member| {
                        let source = self.source(&member.name, types)?;
                        Some((member.name.clone(), Tree::text(source)))
                    },
                )
            });
            (state.elements.is_none() || condition.is_some() || is_narrowed).then_some((state, condition))
        });
        let found = states.next();
        let gone = self.codes_of_absence(name, asked_name);
        if found.is_none() && (gone.is_empty() || !is_narrowed) {
            return Err("none of its members documents unfinished and finished states");
        }
        let mut tree = vec![("action".to_owned(), Tree::text(asked_name))];
        let mut key = |name: &str, value: Tree| tree.push((name.to_owned(), value));
        if !parameters.is_empty() {
            key("parameters", Tree::Map(parameters));
        }
        if let Some((state, condition)) = found {
            key("state", Tree::text(state.path));
            if let Some(condition) = condition {
                key("where", Tree::Map(vec![condition]));
            }
            key("done", Tree::text(state.done.join(", ")));
            if !state.failed.is_empty() {
                key("failed", Tree::text(state.failed.join(", ")));
            }
        }
        if !gone.is_empty() {
            key("done_error", Tree::text(gone.join(", ")));
        }
        let number = |key: &str| {
            let value = api.get("staticInfo").and_then(|facts| facts.get(key));
            value.and_then(|value| value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())).filter(|it| *it > 0)
        };
        let (millis, times) = (number("callbackInterval"), number("maxCallbackTimes"));
        let interval = millis.unwrap_or(5000).div_ceil(1000).clamp(1, 24 * 3600);
        let bound = interval.saturating_mul(times.unwrap_or(120)).clamp(interval, 30 * 24 * 3600);
        key("interval", Tree::text(time(interval)));
        key("bound", Tree::text(time(bound)));
        let counts = match (millis, times) {
            (Some(_), Some(times)) => format!("every {} and at most {times} times", time(interval)),
            _ => "without an interval or a number of calls".to_owned(),
        };
        let reason = format!(
            "The metadata names {} as the action to call, {counts}. Its parameters and what its states mean are read from names.",
            code(asked_name)
        );
        Ok((Tree::Map(tree), reason))
    }

    /// After a deletion, the documented error codes of the called action for a resource that does not exist.
    fn codes_of_absence(&self, started_by: &str, asked: &str) -> Vec<String> {
        if !DELETING.iter().any(|verb| started_by.starts_with(verb)) {
            return Vec::new();
        }
        let errors = self.apis.get(asked).and_then(|api| api.get("errorCodes")).and_then(Value::as_object);
        let lists = errors.into_iter().flat_map(Map::values).filter_map(Value::as_array);
        let codes = lists.flatten().filter_map(|error| error.get("errorCode")?.as_str()).map(str::trim);
        let mut found: Vec<String> = Vec::new();
        for code in codes {
            let plain = code.to_ascii_lowercase();
            let is_absence = ["notfound", "notexist", "notexists"].iter().any(|end| plain.ends_with(end));
            // A missing account, region or zone is something else.
            let is_other = ["user", "account", "region", "zone", "api"].iter().any(|word| plain.contains(word));
            let is_plain = code.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c));
            if is_absence && !is_other && is_plain && !found.iter().any(|known| known == code) {
                found.push(code.to_owned());
            }
        }
        found
    }

    fn resolved<'t>(&'t self, ty: &'t Ty) -> &'t Ty {
        match ty {
            Ty::Shape(name) => self.shapes.get(name).map_or(ty, |shape| &shape.ty),
            ty => ty,
        }
    }

    /// The source of a value with this name: the parameter or the member of the response with the same name.
    fn source(&self, name: &str, types: &Action) -> Option<String> {
        let parameter = types.parameters.iter().find(|parameter| {
            parameter.member.name.eq_ignore_ascii_case(name) && is_one(self.resolved(&parameter.member.ty))
        });
        let field = self.field(name, &types.response, 0).map(|path| format!("{{$response.{path}}}"));
        let usable = |text: &String| !text.contains(['{', '}', '|']);
        let parameter = parameter.filter(|parameter| usable(&parameter.member.name));
        match (parameter, field) {
            (Some(parameter), Some(field)) if !parameter.required => {
                Some(format!("{field} | {{{}}}", parameter.member.name))
            }
            (Some(parameter), _) => Some(format!("{{{}}}", parameter.member.name)),
            (None, field) => field,
        }
    }

    /// The path of a member with this name, outside of lists.
    fn field(&self, name: &str, members: &[Member], depth: usize) -> Option<String> {
        let fits = |member: &&Member| {
            member.name.eq_ignore_ascii_case(name)
                && is_one(self.resolved(&member.ty))
                && !member.name.contains(['{', '}', '|'])
        };
        if let Some(member) = members.iter().find(fits) {
            return Some(member.name.clone());
        }
        members.iter().filter(|_| depth < 4).find_map(|member| match self.resolved(&member.ty) {
            Ty::Object(inner) if !member.name.contains(['{', '}', '|']) => {
                Some(format!("{}.{}", member.name, self.field(name, inner, depth + 1)?))
            }
            _ => None,
        })
    }

    /// The members that can be the state, in the order of their depth.
    fn states<'t>(&'t self, started_by: &str, response: &'t [Member]) -> Vec<State<'t>> {
        let mut found = Vec::new();
        let mut open = vec![(String::new(), None, response, 0)];
        while !open.is_empty() {
            let mut next = Vec::new();
            for (prefix, elements, members, depth) in open {
                for member in members {
                    let path = format!("{prefix}{}", member.name);
                    let (mut ty, mut elements) = (self.resolved(&member.ty), elements);
                    while let Ty::List(item) | Ty::Wrapped(_, item) = ty {
                        ty = self.resolved(&item.ty);
                        elements = match ty {
                            Ty::Object(inner) => Some(inner.as_slice()),
                            _ => elements,
                        };
                    }
                    match ty {
                        Ty::Object(inner) if depth < 6 => {
                            next.push((format!("{path}."), elements, &inner[..], depth + 1));
                        }
                        Ty::Text(values) if is_state(&member.name) && !member.sensitive => {
                            found.extend(
                                meaning(started_by, values, &member.description).map(|(done, failed)| State {
                                    path,
                                    elements,
                                    done,
                                    failed,
                                }),
                            );
                        }
                        _ => {}
                    }
                }
            }
            open = next;
        }
        found
    }
}

/// A member of a response that can be the state.
struct State<'t> {
    path: String,
    /// The members of an element of the innermost list in the path.
    elements: Option<&'t [Member]>,
    done: Vec<String>,
    failed: Vec<String>,
}

fn is_state(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.ends_with("status") || lower.ends_with("state")
}

fn is_id(name: &str) -> bool {
    const OF_THE_CALLER: [&str; 4] = ["OwnerId", "ResourceOwnerId", "RequestId", "ResourceGroupId"];
    let is_of_the_caller = OF_THE_CALLER.iter().any(|other| other.eq_ignore_ascii_case(name));
    !is_of_the_caller && (name.ends_with("Id") || name.ends_with("_id") || name.ends_with("ID") || name == "id")
}

fn is_one(ty: &Ty) -> bool {
    matches!(ty, Ty::Text(_) | Ty::Int32 | Ty::Int64 | Ty::Number | Ty::Bool | Ty::Any)
}

/// The states that mean success and failure, if an unfinished state is documented, too.
fn meaning(started_by: &str, values: &[(String, String)], description: &str) -> Option<(Vec<String>, Vec<String>)> {
    let mut words: Vec<String> = values.iter().map(|(value, _)| value.clone()).collect();
    if words.is_empty() {
        words = words_of(description);
    }
    let plain = |word: &String| word.to_ascii_lowercase().replace(['_', '-', ' '], "");
    let is_among = |word: &String, known: &[&str]| known.contains(&plain(word).as_str());
    let has_failed =
        |word: &&String| FAILED.iter().any(|start| plain(word).starts_with(start)) && !plain(word).ends_with("ing");
    let failed: Vec<String> = words.iter().filter(has_failed).cloned().collect();
    let mut done: Vec<String> = words.iter().filter(|word| is_among(word, FINISHED)).cloned().collect();
    let is_usable = |word: &String| is_among(word, USABLE);
    if done.is_empty() && !ENDING.iter().any(|verb| started_by.starts_with(verb)) {
        done = words.iter().filter(|word| is_usable(word)).cloned().collect();
    }
    let is_unfinished =
        |word: &&String| !done.contains(word) && (is_among(word, UNFINISHED) || plain(word).ends_with("ing"));
    let is_plain = |word: &String| !word.contains([',', '\n']) && word.trim() == word && !word.is_empty();
    let has_unfinished = words.iter().any(|word| is_unfinished(&word));
    (has_unfinished && !done.is_empty() && done.iter().chain(&failed).all(is_plain)).then_some((done, failed))
}

/// The words of a text that look like values: those before a colon or in backticks.
fn words_of(description: &str) -> Vec<String> {
    let mut words = Vec::new();
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut rest = description;
    while let Some(start) = rest.find(is_of_word) {
        let before = rest[..start].chars().next_back();
        let tail = &rest[start..];
        let end = tail.find(|c: char| !is_of_word(c)).unwrap_or(tail.len());
        let after = tail[end..].trim_start_matches(['*', ' ']).chars().next();
        let word = &tail[..end];
        if (matches!(after, Some(':' | '：')) || (before == Some('`') && after == Some('`')))
            && !words.iter().any(|known| known == word)
        {
            words.push(word.to_owned());
        }
        rest = &tail[end..];
    }
    words
}

/// Seconds in the format of specifications.
fn time(seconds: u64) -> String {
    match seconds {
        seconds if seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        seconds if seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

/// Removes the proposal from a file.
pub fn withdraw(file: &mut Tree) {
    let Tree::Map(entries) = file else { return };
    entries.retain(|(key, _)| key != "waiter");
    for (key, value) in entries {
        if let ("guessed", Tree::Map(guesses)) = (key.as_str(), value) {
            guesses.retain(|(key, _)| key != "waiter");
        }
    }
}
