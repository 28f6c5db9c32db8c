//! Checks `waiter`: the action to call exists, and its response has the state.

use std::time::Duration;

use super::{Checker, Key, Located, Owner, quoted, suggestion};
use crate::diagnostic::{Diagnostic, Span};
use crate::spec::de::AnyScalar;
use crate::spec::file::{self, Absent, Of};
use crate::spec::waiter::{Part, Place, Template, follow, is_one};
use crate::spec::{Action, Field, Found, Location, Parameter, Product, Spanned, Style, Type, Waiter};

const PATH: &str = "names separated by dots, such as `Data.Status`, which can lead through lists";

/// The words for a value of the state and for an error code: what it is, and what to write.
const STATE: (&str, &str) =
    ("a value of the state", "write the documented values, such as `RUNNING` or `RUNNING, STOPPED`");
const CODE: (&str, &str) =
    ("an error code", "write the documented codes, such as `InvalidInstance.NotFound`, separated by commas");

impl Checker<'_> {
    /// Checks the part that needs only the file of the starting action; [`waiters`] checks the rest.
    pub(super) fn waiter(
        &self,
        raw: &Located<file::Waiter>,
        parameters: &[Parameter],
        response: &[Field],
    ) -> Option<Waiter> {
        let owner = Owner::key("waiter", &raw.key);
        let raw = &raw.value;
        let action = self.required(&raw.action, "action", &owner);
        let given = raw.parameters.given().map_or(&[][..], |map| &map.value.0);
        let given: Vec<_> = given.iter().map(|it| self.source(it, parameters, response, true)).collect();
        let done_if_absent = raw.absent.given().is_some_and(|absent| absent.value == Absent::Done);
        let ends_by_error = raw.done_error.given().is_some();
        // A wait that only an error code ends needs no state.
        let needs_state = !ends_by_error || raw.done.given().or(raw.failed.given()).is_some() || done_if_absent;
        let state = if needs_state { self.required(&raw.state, "state", &owner) } else { raw.state.given() };
        let condition = raw.r#where.given().map_or(&[][..], |map| &map.value.0);
        let condition: Vec<_> = condition.iter().map(|it| self.source(it, parameters, response, false)).collect();
        let needs_done = !ends_by_error && !done_if_absent;
        let done = if needs_done { self.required(&raw.done, "done", &owner) } else { raw.done.given() };
        let list = |key: &Key<Located<AnyScalar>>, what| key.given().map_or(Vec::new(), |raw| self.listed(raw, what));
        let done = done.map(|raw| self.listed(raw, STATE));
        let failed = list(&raw.failed, STATE);
        let (done_errors, pending_errors) = (list(&raw.done_error, CODE), list(&raw.pending_error, CODE));
        for code in &pending_errors {
            if let Some(other) = done_errors.iter().find(|done| done.value.eq_ignore_ascii_case(&code.value)) {
                self.findings.push(
                    Diagnostic::error(
                        code.span.clone(),
                        format!("{} is both done and pending", quoted(&code.value)),
                        "pending",
                        "keep it under one of the keys",
                    )
                    .with_related(other.span.clone(), "done"),
                );
            }
        }
        if let Some(absent) = raw.absent.given()
            && done_if_absent
            && raw.r#where.given().is_none()
            && raw.parameters.given().is_none()
        {
            self.findings.error(
                &absent.range,
                "`absent: done` needs `where` or `parameters`",
                "an empty list is that of everything",
                "select what the action has changed, such as `where: { Id: \"{Id}\" }`",
            );
        }
        for value in &failed {
            if let Some(other) = done.iter().flatten().find(|done| done.value.eq_ignore_ascii_case(&value.value)) {
                self.findings.push(
                    Diagnostic::error(
                        value.span.clone(),
                        format!("{} is both done and failed", quoted(&value.value)),
                        "failed",
                        "keep it under one of the keys",
                    )
                    .with_related(other.span.clone(), "done"),
                );
            }
        }
        let interval = self.required(&raw.interval, "interval", &owner).and_then(|text| self.duration(text));
        let longest = raw.longest_interval.given().and_then(|text| self.duration(text));
        let bound = self.required(&raw.bound, "bound", &owner).and_then(|text| self.duration(text));
        let (interval, bound) = (interval?, bound?);
        for (key, value) in [("longest_interval", longest), ("bound", Some(bound))] {
            let located = if key == "bound" { raw.bound.given() } else { raw.longest_interval.given() };
            if let (Some(value), Some(located)) = (value, located)
                && value < interval
            {
                self.findings.error(
                    &located.range,
                    format!("{} is shorter than `interval`", quoted(key)),
                    "shorter than the time between two requests",
                    "write a longer time, or a shorter `interval`",
                );
            }
        }
        Some(Waiter {
            action: self.spanned(action?),
            parameters: given,
            state: if needs_state { Some(self.spanned(state?)) } else { state.map(|state| self.spanned(state)) },
            condition,
            any: raw.of.given().is_some_and(|of| *of == Of::Any),
            done_if_absent,
            done: if needs_done { done? } else { done.unwrap_or_default() },
            failed,
            done_errors,
            pending_errors,
            interval,
            longest_interval: longest.unwrap_or(interval),
            bound,
            found: Found::default(),
        })
    }

    /// Reads the source of a value: parameters and members of the response in braces, and constant text.
    fn source(
        &self,
        (name, text): &(Located<String>, Located<AnyScalar>),
        parameters: &[Parameter],
        response: &[Field],
        takes_lists: bool,
    ) -> (Spanned<String>, Template) {
        let field = |path: &str| {
            let shape = |name: &str| self.shapes.types.get(name).copied();
            match follow(response, path, &shape) {
                Ok(Place { list: None, names, ty, .. }) if is_one(ty) || (takes_lists && is_list(ty)) => Ok(names),
                Ok(Place { list: None, .. }) => {
                    Err(format!("reads {}, which is not text, a number or a boolean", quoted(path)))
                }
                Ok(_) => Err(format!("reads {}, which is inside a list", quoted(path))),
                Err((unknown, known)) => Err(format!(
                    "reads {}, which is not in the response; {}",
                    quoted(&unknown),
                    suggestion(&unknown, &known)
                )),
            }
        };
        let template = Template::parse(&text.value.0, field).and_then(|template| {
            for part in template.parts() {
                let Part::Parameter(name) = part else { continue };
                let Some(parameter) = parameters.iter().find(|parameter| parameter.name.value == *name) else {
                    let known: Vec<&str> = parameters.iter().map(|parameter| parameter.name.value.as_str()).collect();
                    return Err(format!(
                        "names {}, which is not a parameter; {}",
                        quoted(name),
                        suggestion(name, &known)
                    ));
                };
                let is_one = is_one(self.resolved(&parameter.ty));
                let is_one_text = matches!(parameter.style, Style::Json | Style::Simple);
                if !(is_one || (takes_lists && is_one_text)) {
                    return Err(format!("names {}, which is several values on the wire", quoted(name)));
                }
            }
            Ok(template)
        });
        let template = template.unwrap_or_else(|why| {
            self.findings.error(
                &text.range,
                format!("the value of {} {why}", quoted(&name.value)),
                "not a value",
                "write a constant, parameters of this action in braces (`\"{InstanceId}\"`), members of its response \
                 (`\"{$response.Data.Id}\"`), or several alternatives separated by ` | `",
            );
            // The parameter counts as given.
            Template(Vec::new())
        });
        (self.spanned(name), template)
    }

    /// Values separated by commas: of the state, or error codes.
    fn listed(&self, raw: &Located<AnyScalar>, (what, help): (&str, &str)) -> Vec<Spanned<String>> {
        let span = self.findings.span(raw.range.clone());
        let values: Vec<_> = (raw.value.0.split(','))
            .map(|value| Spanned { value: value.trim().to_owned(), span: span.clone() })
            .collect();
        if values.iter().any(|value| value.value.is_empty()) {
            self.findings.error(&raw.range, format!("{what} is empty"), "expected values separated by commas", help);
        }
        values
    }

    /// `10s`, `5m`, `1h`.
    fn duration(&self, text: &Located<String>) -> Option<Duration> {
        let seconds = text.value.char_indices().last().and_then(|(at, unit)| {
            let factor = match unit {
                's' => 1,
                'm' => 60,
                'h' => 3600,
                _ => return None,
            };
            let digits = &text.value[..at];
            let is_number = digits.bytes().all(|b| b.is_ascii_digit());
            is_number.then(|| digits.parse::<u32>().ok()).flatten()?.checked_mul(factor).filter(|seconds| *seconds > 0)
        });
        if seconds.is_none() {
            self.findings.error(
                &text.range,
                format!("{} is not a time", quoted(&text.value)),
                "expected a number and `s`, `m` or `h`",
                "write a time of at least a second, such as `10s`, `5m` or `1h`",
            );
        }
        seconds.map(|seconds| Duration::from_secs(seconds.into()))
    }
}

fn is_list(ty: &Type) -> bool {
    matches!(ty, Type::Array(items) if is_one(items)) || matches!(ty, Type::Wrapped(wrapped) if is_one(&wrapped.items))
}

/// Resolves the actions and members that waiters refer to, and reports missing ones.
pub fn waiters(actions: &mut [Action], product: &Product) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let mut found = Vec::new();
    for (index, action) in actions.iter().enumerate() {
        if let Some(waiter) = &action.waiter
            && let Some(places) = asked(waiter, actions, product, &mut findings)
        {
            found.push((index, places));
        }
    }
    for (index, places) in found {
        if let Some(waiter) = &mut actions[index].waiter {
            waiter.found = places;
        }
    }
    findings
}

fn asked(waiter: &Waiter, actions: &[Action], product: &Product, findings: &mut Vec<Diagnostic>) -> Option<Found> {
    let mut error = |span: &Span, message: String, label: &str, help: String| {
        findings.push(Diagnostic::error(span.clone(), message, label, help));
    };
    let name = &waiter.action;
    let Some(asked) = actions.iter().find(|action| action.name.value == name.value) else {
        let known: Vec<&str> = actions.iter().map(|action| action.name.value.as_str()).collect();
        let help = format!("name an action of this folder; {}", suggestion(&name.value, &known));
        error(
            &name.span,
            format!("{} is not an action of the product", quoted(&name.value)),
            "no file describes it",
            help,
        );
        return None;
    };
    if !asked.idempotent {
        let help = "name an action that only reads, or write `idempotent: true` there if it is safe to repeat";
        let message = format!("{} is not idempotent, so a waiter cannot call it", quoted(&name.value));
        error(&name.span, message, "would be called repeatedly", help.to_owned());
    }
    takes(waiter, asked, &mut error);
    codes(waiter, asked, product, findings);
    let mut error = |span: &Span, message: String, label: &str, help: String| {
        findings.push(Diagnostic::error(span.clone(), message, label, help));
    };
    let shape = |name: &str| product.shapes.iter().find(|shape| shape.name.value == name).map(|shape| &shape.ty);
    let mut way = |path: &Spanned<String>, prefix: &[String]| {
        let full = prefix.iter().map(|name| format!("{name}.")).collect::<String>() + &path.value;
        match follow(&asked.response, &full, &shape) {
            Ok(place) if is_one(place.ty) && !place.is_sensitive => Some(place),
            // Members that a condition compares are not shown.
            Ok(place) if is_one(place.ty) && !prefix.is_empty() => Some(place),
            Ok(place) => {
                let why = if is_one(place.ty) {
                    "is sensitive, but states appear in errors"
                } else {
                    "is not text, a number or a boolean"
                };
                error(
                    &path.span,
                    format!("{} {why}", quoted(&path.value)),
                    "cannot be compared",
                    format!("name another member of the response of {}: {PATH}", quoted(&name.value)),
                );
                None
            }
            Err((unknown, known)) => {
                error(
                    &path.span,
                    format!("the response of {} has no {}", quoted(&name.value), quoted(&unknown)),
                    "not a member",
                    format!("write {PATH}; {}", suggestion(&unknown, &known)),
                );
                None
            }
        }
    };
    let Some(written) = &waiter.state else { return Some(Found::default()) };
    let state = way(written, &[])?;
    let (list, rest) = state.names.split_at(state.list.unwrap_or(0));
    let (list, rest) = (list.to_vec(), rest.to_vec());
    if state.list.is_none()
        && let Some(finding) = needless(waiter, written)
    {
        findings.push(finding);
        return None;
    }
    let documented = match state.ty {
        Type::Enum(values) => values.values.iter().map(|value| value.value.value.as_str()).collect(),
        _ => Vec::new(),
    };
    let condition: Option<Vec<_>> = waiter
        .condition
        .iter()
        .map(|(path, _)| {
            let place = way(path, &list)?;
            if place.list != Some(list.len()) {
                return None;
            }
            Some(place.names[list.len()..].to_vec())
        })
        .collect();
    for value in waiter.done.iter().chain(&waiter.failed) {
        if !documented.is_empty() && !documented.iter().any(|known| known.eq_ignore_ascii_case(&value.value)) {
            findings.push(Diagnostic::warning(
                value.span.clone(),
                format!("{} is not a documented value of {}", quoted(&value.value), quoted(&written.value)),
                "not in `values`",
                suggestion(&value.value, &documented),
            ));
        }
    }
    Some(Found { list, state: rest, condition: condition? })
}

/// An error about a key that selects elements of a list, although the path of the state has none.
fn needless(waiter: &Waiter, state: &Spanned<String>) -> Option<Diagnostic> {
    if waiter.done_if_absent {
        return Some(Diagnostic::error(
            state.span.clone(),
            "`absent: done` is about the elements of a list, but the path of the state contains no list",
            "no list",
            "remove `absent`, or correct `state`",
        ));
    }
    let (first, _) = waiter.condition.first()?;
    Some(Diagnostic::error(
        first.span.clone(),
        "`where` selects elements of a list, but the path of the state contains no list",
        "no list",
        "remove `where`, or correct `state`",
    ))
}

/// Warns of error codes that the called action does not document.
fn codes(waiter: &Waiter, asked: &Action, product: &Product, findings: &mut Vec<Diagnostic>) {
    let documented: Vec<&str> =
        asked.errors.iter().chain(&product.errors).map(|error| error.code.value.as_str()).collect();
    for code in waiter.done_errors.iter().chain(&waiter.pending_errors) {
        if !asked.errors.is_empty() && !documented.iter().any(|known| known.eq_ignore_ascii_case(&code.value)) {
            findings.push(Diagnostic::warning(
                code.span.clone(),
                format!("{} is not a documented error code of {}", quoted(&code.value), quoted(&waiter.action.value)),
                "not in `errors`",
                suggestion(&code.value, &documented),
            ));
        }
    }
}

/// Checks that the called action has the parameters, and that all of its required ones are given.
fn takes(waiter: &Waiter, asked: &Action, error: &mut impl FnMut(&Span, String, &str, String)) {
    let name = &waiter.action;
    for parameter in asked.parameters.iter().filter(|parameter| parameter.required) {
        let wire = &parameter.name.value;
        if !waiter.parameters.iter().any(|(given, _)| is_of(&given.value, wire)) {
            let help = format!("add {} under `parameters`, with the source of its value", quoted(wire));
            let message = format!("{} requires {}, which the waiter does not set", quoted(&name.value), quoted(wire));
            error(&name.span, message, "a required parameter is missing", help);
        }
    }
    for (given, _) in &waiter.parameters {
        let known: Vec<&str> = asked.parameters.iter().map(|parameter| parameter.name.value.as_str()).collect();
        let Some(parameter) = asked.parameters.iter().find(|parameter| is_of(&given.value, &parameter.name.value))
        else {
            let message = format!("{} has no parameter {}", quoted(&name.value), quoted(&given.value));
            error(&given.span, message, "not a parameter of the called action", suggestion(&given.value, &known));
            continue;
        };
        let is_part = parameter.name.value != given.value;
        if !is_part && matches!(parameter.style, Style::RepeatList | Style::Flat) {
            let message = format!("{} is several values on the wire", quoted(&given.value));
            let help = format!("set its parts, such as `{}.1` or `{}.Key`", given.value, given.value);
            error(&given.span, message, "is not a single value", help);
        } else if is_part && parameter.location == Location::Body {
            let message = format!("{} is the body, whose parts cannot be set", quoted(&parameter.name.value));
            error(&given.span, message, "a part of the body", "set the whole body as JSON text".to_owned());
        }
    }
}

/// Whether a name is that of a parameter or of a part of it, such as `InstanceId.1`.
fn is_of(given: &str, parameter: &str) -> bool {
    given.strip_prefix(parameter).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
