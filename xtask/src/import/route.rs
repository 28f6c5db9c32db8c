//! The path of an action of the ROA style, and which parameter belongs to which place in it.

use serde_json::{Map, Value};

use super::schema::{shown, text};
use crate::route::placeholders;
use crate::spec::Method;

/// What the metadata says about how an action of the ROA style is called.
#[derive(Debug)]
pub struct Route {
    pub path: String,
    pub method: Method,
    /// Whether the answer is a file.
    pub answers_bytes: bool,
}

impl Route {
    /// Reads it, with what was decided on the way.
    ///
    /// # Errors
    /// Why the action cannot be called.
    pub fn read(api: &Map<String, Value>, notes: &mut Vec<String>) -> Result<Self, String> {
        let (consumes, produces) = (words(api, "consumes"), words(api, "produces"));
        let has = |words: &[String], word: &str| words.iter().any(|found| found.contains(word));
        if has(&consumes, "multipart") {
            return Err("the action takes a multipart body, which the client cannot send".to_owned());
        }
        if has(&consumes, "xml") && !has(&consumes, "json") {
            return Err("the action takes XML, which the client cannot send".to_owned());
        }
        if has(&produces, "xml") && !has(&produces, "json") {
            return Err("the action answers in XML, which the client cannot read".to_owned());
        }
        let answers_bytes = has(&produces, "octet-stream") && !has(&produces, "json");
        Ok(Self { path: path(api)?, method: method(api, notes)?, answers_bytes })
    }

    /// The names in the path.
    pub fn names(&self) -> Vec<String> {
        placeholders(&self.path).unwrap_or_default().into_iter().map(ToOwned::to_owned).collect()
    }

    /// Writes the name of a parameter in the path as the parameter is declared.
    pub fn rename(&mut self, from: &str, to: &str) {
        self.path = self.path.replace(&format!("{{{from}}}"), &format!("{{{to}}}"));
    }
}

/// The words of a list, in lower case.
pub fn words(api: &Map<String, Value>, key: &str) -> Vec<String> {
    let words = api.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    words.map(str::to_ascii_lowercase).collect()
}

fn path(api: &Map<String, Value>) -> Result<String, String> {
    let written = text(api, "path");
    // A few are written in other brackets.
    let path = written.trim().replace('[', "{").replace(']', "}");
    let path = if path.is_empty() { "/".to_owned() } else { path };
    let path = if path.starts_with('/') { path } else { format!("/{path}") };
    match placeholders(&path) {
        Ok(_) => Ok(path),
        Err(why) => Err(format!("the path `{}` {why}", shown(&written).replace('`', "'"))),
    }
}

/// The first documented one of those that may change something, because a request by them is never taken for another.
fn method(api: &Map<String, Value>, notes: &mut Vec<String>) -> Result<Method, String> {
    let methods = words(api, "methods");
    let known = [Method::Post, Method::Put, Method::Patch, Method::Get, Method::Delete];
    let mut documented = known.into_iter().filter(|method| methods.iter().any(|found| found == method.as_str()));
    match documented.next() {
        Some(method) => {
            if documented.next().is_some() {
                notes.push(format!("several methods are documented ({}): sent by one", methods.join(", ")));
            }
            Ok(method)
        }
        None if methods.is_empty() => {
            notes.push("no method is documented: sent by POST".to_owned());
            Ok(Method::Post)
        }
        None => Err(format!("no documented method is known ({})", methods.join(", "))),
    }
}
