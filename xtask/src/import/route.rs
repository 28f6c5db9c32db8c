//! Reads the path and the method of an action of the ROA style.

use serde_json::{Map, Value};

use super::schema::{shown, text};
use crate::route::placeholders;
use crate::spec::Method;

/// How an action of the ROA style is called.
#[derive(Debug)]
pub struct Route {
    pub path: String,
    pub method: Method,
    /// Whether the response is a file.
    pub answers_bytes: bool,
}

impl Route {
    /// Reads the route; decisions are added to the notes.
    ///
    /// # Errors
    /// The reason, if the client cannot call the action.
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
            return Err("the action returns XML, which the client cannot decode".to_owned());
        }
        let answers_bytes = has(&produces, "octet-stream") && !has(&produces, "json");
        Ok(Self { path: path(api)?, method: method(api, notes)?, answers_bytes })
    }

    /// The names in the path.
    pub fn names(&self) -> Vec<String> {
        placeholders(&self.path).unwrap_or_default().into_iter().map(ToOwned::to_owned).collect()
    }

    /// Replaces a name in the path by that of the declared parameter.
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
    // Some documented paths use square brackets.
    let path = written.trim().replace('[', "{").replace(']', "}");
    let path = if path.is_empty() { "/".to_owned() } else { path };
    let path = if path.starts_with('/') { path } else { format!("/{path}") };
    match placeholders(&path) {
        Ok(_) => Ok(path),
        Err(why) => Err(format!("the path `{}` {why}", shown(&written).replace('`', "'"))),
    }
}

/// The documented method; of several, the first of POST, PUT, PATCH, GET and DELETE.
fn method(api: &Map<String, Value>, notes: &mut Vec<String>) -> Result<Method, String> {
    let methods = words(api, "methods");
    let known = [Method::Post, Method::Put, Method::Patch, Method::Get, Method::Delete];
    let mut documented = known.into_iter().filter(|method| methods.iter().any(|found| found == method.as_str()));
    match documented.next() {
        Some(method) => {
            if documented.next().is_some() {
                notes.push(format!(
                    "several methods are documented ({}); the action uses one of them",
                    methods.join(", ")
                ));
            }
            Ok(method)
        }
        None if methods.is_empty() => {
            notes.push("no method is documented; the action uses POST".to_owned());
            Ok(Method::Post)
        }
        None => Err(format!("the documented methods are not supported ({})", methods.join(", "))),
    }
}
