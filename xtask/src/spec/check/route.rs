//! Checks that the path and the parameters of an action match.

use super::types::is_scalar;
use super::{Checker, Located, quoted};
use crate::route::{is_reserved_header, placeholders};
use crate::spec::{Location, Parameter, Style};

/// The reason why a header cannot be a parameter.
pub fn header_problem(name: &str) -> Option<&'static str> {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let lower = name.to_ascii_lowercase();
    if name.is_empty() || !name.bytes().all(is_token) {
        Some("is not the name of a header")
    } else if is_reserved_header(&lower) {
        Some("is a header that the client sets")
    } else {
        None
    }
}

impl Checker<'_> {
    pub(super) fn route(&self, path: &Located<String>, parameters: &[Parameter]) {
        let names = match placeholders(&path.value) {
            Ok(names) => names,
            Err(why) => {
                self.findings.error(
                    &path.range,
                    format!("the path {} {why}", quoted(&path.value)),
                    "not a path",
                    "write it as documented, with parameters in braces and without a query: `/clusters/{ClusterId}`",
                );
                return;
            }
        };
        for name in &names {
            if !parameters.iter().any(|it| it.location == Location::Path && it.name.value == *name) {
                self.findings.error(
                    &path.range,
                    format!("the path contains {}, which is not a parameter with `location: path`", quoted(name)),
                    "has no value",
                    "add the parameter, or correct the name",
                );
            }
        }
        for parameter in parameters {
            self.fits_route(parameter, &names);
        }
        let mut in_body = parameters.iter().filter(|it| matches!(it.location, Location::Body | Location::Form));
        let whole = parameters.iter().find(|it| it.location == Location::Body);
        if let Some(whole) = whole
            && let Some(other) = in_body.find(|it| it.name.value != whole.name.value)
        {
            self.findings.error(
                &other.name.span.range,
                format!("{} and {} would both be the body", quoted(&whole.name.value), quoted(&other.name.value)),
                "a request has only one body",
                "describe the body as one parameter with `location: body` and `fields`, or all its parts with `location: form`",
            );
        }
    }

    /// Whether a parameter can have its location.
    fn fits_route(&self, parameter: &Parameter, names: &[&str]) {
        let name = quoted(&parameter.name.value);
        let error = |message: String, label: &str, help: &str| {
            self.findings.error(&parameter.name.span.range, message, label, help);
        };
        let is_one = is_scalar(self.resolved(&parameter.ty));
        match parameter.location {
            Location::Path if !names.contains(&parameter.name.value.as_str()) => error(
                format!("{name} is not in the path"),
                "`location: path`",
                "write its name in braces in `path`, or correct its location",
            ),
            Location::Path | Location::Host if !parameter.required => error(
                format!("{name} is part of the URL but not required"),
                "the URL is invalid without it",
                "add `required: true`",
            ),
            Location::Path | Location::Host if !is_one => error(
                format!("{name} has a type that cannot be part of a URL"),
                "expected text, a number or a boolean",
                "use `type: string`, and document the format in `description`",
            ),
            Location::Header if header_problem(&parameter.name.value).is_some() => error(
                format!("{name} {}", header_problem(&parameter.name.value).unwrap_or_default()),
                "cannot be set",
                "remove the parameter",
            ),
            Location::Header if !is_one && matches!(parameter.style, Style::Flat | Style::RepeatList) => {
                error(
                    format!("{name} would be several headers"),
                    "its style",
                    "write `style: json` or `style: simple`",
                );
            }
            Location::Body if parameter.style != Style::Json => {
                error(format!("{name} is the body, which is JSON"), "its style", "remove `style`");
            }
            _ => {}
        }
        let is_sensitive = parameter.sensitive || self.holds_sensitive(&parameter.ty);
        let is_in_url = matches!(parameter.location, Location::Path | Location::Query | Location::Host);
        if is_in_url && is_sensitive && !parameter.in_url {
            error(
                format!("{name} is sensitive and in the URL"),
                "servers and proxies log it",
                "add `in_url: true` to the parameter to allow this, if the service accepts it nowhere else",
            );
        } else if parameter.in_url && !(is_in_url && is_sensitive) {
            error(format!("{name} does not need `in_url`"), "is not in the URL, or not sensitive", "remove `in_url`");
        }
    }

    /// Whether a parameter of an action without a path can have its location.
    pub(super) fn fits_style(&self, parameter: &Parameter) {
        if !matches!(parameter.location, Location::Query | Location::Form) {
            self.findings.error(
                &parameter.name.span.range,
                format!("{} has the location `{}`", quoted(&parameter.name.value), parameter.location.as_str()),
                "the action has no `path`",
                "add the `path` of the action, or write `query` or `form`",
            );
        }
    }
}
