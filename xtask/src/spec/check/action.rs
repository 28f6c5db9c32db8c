//! The file of an action.

use std::time::Duration;

use super::{Checker, Located, Map, Owner, Shapes, has_any_key, quoted};
use crate::diagnostic::Findings;
use crate::spec::de::{TextOr, from_node};
use crate::spec::file::{self, ActionFile};
use crate::spec::node::Node;
use crate::spec::{
    Action, Authorization, BODY, Field, Location, Method, Object, Parameter, RateLimit, Type, file_name,
};

/// Keys that show that a file describes an action, even if others are missing.
const ACTION_KEYS: [&str; 8] =
    ["action", "summary", "idempotent", "rate_limit", "authorization", "parameters", "response", "example"];

pub fn action_file(root: &Node, findings: &Findings, shapes: &Shapes<'_>) -> Option<Action> {
    let path = findings.source().path.as_str();
    if !has_any_key(root, &ACTION_KEYS) {
        let help = if has_any_key(root, &["product", "endpoints"]) {
            "a product is described in product.yaml"
        } else {
            "a product folder has product.yaml and one file per action, which begins with `action:` and its name"
        };
        findings.error(&(0..0), "this file does not describe an action", "expected the key `action`", help);
        return None;
    }
    let raw: ActionFile = from_node(root, findings)?;
    let checker = Checker { findings, shapes };
    let name = raw.action.given();
    if let Some(name) = name
        && checker.name(name, "an action")
        && file_name(path) != format!("{}.yaml", name.value)
    {
        findings.error(
            &name.range,
            format!("the action {} is in a file with another name, {}", quoted(&name.value), quoted(file_name(path))),
            "differs from the name of the file",
            "rename the file to the action's name and `.yaml`, or correct the name here",
        );
    }
    checker.action(&raw)
}

impl Checker<'_> {
    fn action(&self, raw: &ActionFile) -> Option<Action> {
        let owner = Owner::file("action", raw.action.given());
        let name = self.required(&raw.action, "action", &owner);
        let summary = self.prose_or_none(&raw.summary, "summary", &owner);
        let description = self.optional_prose(&raw.description, "description");
        let idempotent = self.required(&raw.idempotent, "idempotent", &owner).copied();
        let unknown_outcome = self.optional_prose(&raw.unknown_outcome, "unknown_outcome");
        let rate_limit = self.required(&raw.rate_limit, "rate_limit", &owner).and_then(|rate| self.rate_limit(rate));
        let authorization = self
            .required(&raw.authorization, "authorization", &owner)
            .and_then(|authorization| self.authorization(authorization));
        let deprecated = self.optional_prose(&raw.deprecated, "deprecated");
        let parameters = self.required(&raw.parameters, "parameters", &owner);
        let parameters = parameters.map_or(Vec::new(), |parameters| self.parameters(&parameters.value));
        let method = raw.method.given().map_or(Method::Post, |method| match method {
            file::Method::Post => Method::Post,
            file::Method::Get => Method::Get,
            file::Method::Put => Method::Put,
            file::Method::Delete => Method::Delete,
            file::Method::Patch => Method::Patch,
        });
        let path = raw.path.given();
        match path {
            Some(path) => self.route(path, &parameters),
            None => {
                for parameter in &parameters {
                    self.fits_style(parameter);
                    self.fits_method(method, parameter);
                }
            }
        }
        if let (Method::Patch, None, Some(name)) = (method, path, name) {
            self.findings.error(
                &name.range,
                "the method `patch` needs a `path`",
                "is called by name",
                "add the `path` of the action, or write `method: post`",
            );
        }
        let success_codes = raw.success_code.given().map(|codes| self.success_codes(codes));
        let response = self.required(&raw.response, "response", &owner);
        let response = response.map_or(Vec::new(), |fields| self.response(fields));
        if let (None, Some(body)) = (path, response.iter().find(|field| matches!(field.ty, Type::Bytes))) {
            self.findings.error(
                &body.name.span.range,
                "a response of bytes needs a `path`",
                "the action is called by name",
                "only actions with a `path` can return bytes; describe the JSON of the response",
            );
        }
        let paging = raw.paging.given().map(|paging| self.paging(paging, &parameters, &response));
        let errors = self.required(&raw.errors, "errors", &owner);
        let errors = errors.map_or(Vec::new(), |errors| self.error_codes(&errors.value));
        let example = self.required(&raw.example, "example", &owner);
        let waiter = raw.waiter.given().and_then(|waiter| self.waiter(waiter, &parameters, &response));
        // The example is not checked against a description that has errors.
        let response = Type::Object(Object { type_name: None, description: None, fields: response });
        let example = example.and_then(|example| self.answer_example(example, &response));
        let Type::Object(Object { fields: response, .. }) = response else {
            return None;
        };
        Some(Action {
            source: self.findings.source().path.clone(),
            name: self.spanned(name?),
            summary: summary?,
            description: description.unwrap_or_default(),
            idempotent: idempotent?,
            unknown_outcome: unknown_outcome.unwrap_or_default(),
            rate_limit: rate_limit?,
            authorization: authorization?,
            anonymous: raw.anonymous.given().copied().unwrap_or(false),
            method,
            path: path.map_or_else(String::new, |path| path.value.clone()),
            success_codes,
            deprecated,
            // Its errors are reported, so there is no specification.
            paging: paging.flatten(),
            parameters,
            response,
            errors,
            waiter,
            example: example?,
            guessed: self
                .guesses(&raw.guessed, &["idempotent", "rate_limit", "method", "success_code", "paging", "waiter"]),
        })
    }

    /// Whether a parameter can be sent by the method of its action.
    fn fits_method(&self, method: Method, parameter: &Parameter) {
        let word = method.as_str().to_uppercase();
        let is_sensitive = parameter.sensitive || self.holds_sensitive(&parameter.ty);
        let (label, help) = if method.is_bodiless() && parameter.location == Location::Form {
            ("would need a form", "a parameter with the location `form` needs the method `post` or `put`")
        } else if method.is_bodiless() && is_sensitive && !parameter.in_url {
            (
                "would be in the URL, where servers and proxies log it",
                "write `method: post` if the service accepts it, or add `in_url: true` to the parameter to allow this",
            )
        } else if parameter.in_url && !(method.is_bodiless() && is_sensitive) {
            ("is not in the URL", "remove `in_url`: it is for `sensitive` parameters of the methods `get` and `delete`")
        } else {
            return;
        };
        let message = if parameter.in_url {
            format!("{} does not need `in_url`", quoted(&parameter.name.value))
        } else {
            format!("{} cannot be sent by {word}", quoted(&parameter.name.value))
        };
        self.findings.error(&parameter.name.span.range, message, label, help);
    }

    /// The members of a response, or the field for a response that is not an object.
    fn response(&self, raw: &Located<Map<file::Field>>) -> Vec<Field> {
        if let Some((name, _)) = raw.value.0.iter().find(|(name, _)| name.value == BODY)
            && raw.value.0.len() > 1
        {
            self.findings.error(
                &name.range,
                "`$body` is used together with other members",
                "the response is either an object or another value",
                "keep only `$body` for a response that is not an object, or describe the members of the object",
            );
        }
        self.fields(&raw.value)
    }

    /// Reads `10/s`, `200/60s` or `none`. The outer `Option` is `None` after an error.
    #[expect(clippy::option_option, reason = "`none` is a decision, and differs from an unusable one")]
    fn rate_limit(&self, rate: &Located<String>) -> Option<Option<RateLimit>> {
        let text = rate.value.as_str();
        if text == "none" {
            return Some(None);
        }
        let parsed = text.split_once('/').and_then(|(requests, window)| {
            let (count, seconds) = match window.char_indices().last()? {
                (at, 's') => (&window[..at], 1),
                (at, 'm') => (&window[..at], 60),
                (at, 'h') => (&window[..at], 3600),
                _ => return None,
            };
            let number = |text: &str| {
                let digits = text.bytes().all(|b| b.is_ascii_digit());
                digits.then(|| text.parse::<u32>().ok()).flatten()
            };
            let count = if count.is_empty() { 1 } else { number(count)? };
            Some((number(requests)?, count.checked_mul(seconds)?))
        });
        match parsed {
            Some((requests @ 1.., seconds @ 1..)) => {
                Some(Some(RateLimit { requests, window: Duration::from_secs(seconds.into()) }))
            }
            Some(_) => {
                self.findings.error(
                    &rate.range,
                    "a rate limit of zero",
                    "zero is not a rate",
                    "write the limit that the documentation gives, or `none` if it gives none",
                );
                None
            }
            None => {
                let too_long = |digits: &str| digits.len() > 9;
                let label = if text.split(|c: char| !c.is_ascii_digit()).any(too_long) {
                    "the number is too large"
                } else {
                    "expected requests, `/` and a time"
                };
                self.findings.error(
                    &rate.range,
                    format!("{} is not a rate limit", quoted(text)),
                    label,
                    "write a rate such as `10/s`, `200/60s`, `5/m` or `100/h`, or `none`",
                );
                None
            }
        }
    }

    /// The outer `Option` is `None` after an error.
    #[expect(clippy::option_option, reason = "`none` is a decision, and differs from an unusable one")]
    fn authorization(&self, raw: &Located<TextOr<file::Authorization>>) -> Option<Option<Authorization>> {
        let raw_map = match &raw.value {
            TextOr::Text(text) if text == "none" => return Some(None),
            TextOr::Text(text) => {
                self.findings.error(
                    &raw.range,
                    format!("{} is not an authorization", quoted(text)),
                    "expected a map or `none`",
                    "write a map such as `{ action: \"cams:DoSomething\", access: update }`, or `none`",
                );
                return None;
            }
            TextOr::Other(map) => map,
        };
        let owner = Owner::key("authorization", &raw.key);
        let action = self.required(&raw_map.action, "action", &owner);
        if let Some(action) = action
            && self.name(action, "a RAM action")
            && !action.value.contains(':')
        {
            self.findings.error(
                &action.range,
                format!("{} is not a RAM action", quoted(&action.value)),
                "expected `product:Action`",
                "write the product code, a colon and the action, in quotes",
            );
        }
        let access = self.required(&raw_map.access, "access", &owner);
        let resource = raw_map.resource.given();
        if let Some(resource) = resource {
            self.name(resource, "a resource");
        }
        Some(Some(Authorization {
            action: action?.value.clone(),
            access: access?.value.as_str().to_owned(),
            resource: resource.map_or("*", |resource| resource.value.as_str()).to_owned(),
        }))
    }
}
