//! Derives the RAM policy that allows chosen actions and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::diagnostic::quoted;
use crate::spec::{Action, Spec, suggestion};

/// A policy, and notes about it.
#[derive(Debug)]
pub struct Policy {
    /// The policy as JSON text.
    pub text: String,
    pub notes: Vec<String>,
}

/// The policy for the actions with these names, or for all actions of the product if no name is given.
///
/// Each resource has a statement, and lists are sorted, so that equal choices give equal texts. An action that needs no
/// permission is left out; if none needs one, this is an error, because RAM rejects an empty policy.
pub fn policy(spec: &Spec, names: &[String]) -> Result<Policy, String> {
    let chosen: Vec<&Action> = if names.is_empty() {
        spec.actions.iter().collect()
    } else {
        names.iter().map(|name| find(spec, name)).collect::<Result<_, _>>()?
    };
    let mut resources: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut notes = Vec::new();
    for action in chosen {
        let name = &action.name.value;
        match &action.authorization {
            Some(facts) => {
                resources.entry(&facts.resource).or_default().insert(&facts.action);
                if action.is_guessed("authorization") {
                    notes.push(format!("the permission of {} is a guess and not reviewed yet", quoted(name)));
                }
            }
            None => notes.push(format!("{} needs no permission", quoted(name))),
        }
    }
    if resources.is_empty() {
        return Err("none of the actions needs a permission, so no policy is needed".to_owned());
    }
    let statement = |(resource, actions): (&str, BTreeSet<&str>)| json!({ "Effect": "Allow", "Action": actions, "Resource": [resource] });
    let statements: Vec<Value> = resources.into_iter().map(statement).collect();
    let policy = json!({ "Version": "1", "Statement": statements });
    Ok(Policy { text: format!("{policy:#}\n"), notes })
}

fn find<'s>(spec: &'s Spec, name: &str) -> Result<&'s Action, String> {
    spec.actions.iter().find(|action| action.name.value == name).ok_or_else(|| {
        let known: Vec<&str> = spec.actions.iter().map(|action| action.name.value.as_str()).collect();
        let product = quoted(&spec.product.code.value);
        format!("{product} has no action {}: {}", quoted(name), suggestion(name, &known))
    })
}

#[cfg(test)]
mod tests;
