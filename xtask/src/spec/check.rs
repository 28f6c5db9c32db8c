//! Files of one product folder -> [`Spec`]: what the types of the files cannot say is checked here.
//!
//! Every check goes on after a finding, so that one run shows all of them; what is wrong is left out of the result, which
//! is given out only if there was no error at all.

mod example;
mod types;

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::time::Duration;

use super::de::{Key, Located, Map, TextOr, from_node};
use super::file::{self, ActionFile, ProductFile, ShapeType, TypeKeys};
use super::node::{self, Node, Value};
use super::suggest::suggestion;
use super::{
    Action, Authorization, BODY, Endpoints, Enum, EnumValue, ErrorCode, Field, Guess, Method, Object, Parameter,
    Product, RateLimit, RegionEndpoint, Shape, Spanned, Spec, Type, Wrapped,
};
use crate::diagnostic::{Diagnostic, Findings, Severity, Source, Span, is_direction_control, quoted};

/// More findings about one file than this are counted only.
const MOST_FINDINGS: usize = 50;

/// Longer names are a mistake.
pub const LONGEST_NAME: usize = 100;

/// A file as it was read.
#[derive(Debug, Clone)]
pub struct InputFile {
    /// Path from the repository root, with `/`.
    pub path: String,
    pub bytes: Vec<u8>,
}

/// Reads the files of one product folder: `product.yaml` and one file per action, in any order.
///
/// The findings are sorted by file and place. With an error among them there is no [`Spec`]; warnings come with one.
pub fn parse(files: &[InputFile]) -> (Option<Spec>, Vec<Diagnostic>) {
    let mut findings = Vec::new();
    let is_product = |file: &&InputFile| file_name(&file.path) == "product.yaml";

    let mut product = None;
    let mut shape_names = None;
    if let Some(file) = files.iter().find(is_product) {
        let (outcome, found) = read_file(file, product_file);
        findings.extend(found);
        if let Some((read, names)) = outcome {
            product = read;
            shape_names = Some(names);
        }
    } else {
        findings.push(no_product(files));
    }

    let shapes = Shapes {
        names: shape_names.as_deref(),
        types: product
            .iter()
            .flat_map(|product| &product.shapes)
            .map(|shape| (shape.name.value.as_str(), &shape.ty))
            .collect(),
    };
    let mut actions = Vec::new();
    for file in files.iter().filter(|file| !is_product(file)) {
        let (action, found) = read_file(file, |root, findings| action_file(root, findings, &shapes));
        findings.extend(found);
        actions.extend(action);
    }
    if let Some(product) = &product
        && files.len() == 1
    {
        findings.push(Diagnostic::warning(
            product.code.span.clone(),
            format!("the product {} has no actions", quoted(&product.code.value)),
            "no action is described beside this file",
            "describe each action in a file of its own: `<Action>.yaml`",
        ));
    }

    findings.sort_by(|a, b| {
        let place = |d: &Diagnostic| (d.span.range.start, d.severity);
        a.span.source.path.cmp(&b.span.source.path).then_with(|| place(a).cmp(&place(b)))
    });
    let failed = findings.iter().any(|finding| finding.severity == Severity::Error);
    actions.sort_by(|a, b| a.name.value.cmp(&b.name.value));
    let spec = match product {
        Some(product) if !failed => Some(Spec { product, actions }),
        _ => None,
    };
    (spec, findings)
}

/// Reads one file and limits what is said about it.
fn read_file<T>(file: &InputFile, check: impl FnOnce(&Node, &Findings) -> Option<T>) -> (Option<T>, Vec<Diagnostic>) {
    let (outcome, findings) = match node::decode(&file.path, &file.bytes) {
        Err(findings) => (None, findings),
        Ok(findings) => {
            let outcome = node::read(&findings).and_then(|root| check(&root, &findings));
            (outcome, findings)
        }
    };
    let mut list = findings.into_list();
    list.sort_by_key(|finding| (finding.severity, finding.span.range.start));
    if let Some(first_hidden) = list.get(MOST_FINDINGS) {
        let hidden = list.len() - MOST_FINDINGS;
        let more = Diagnostic {
            message: format!("{hidden} more findings in this file"),
            label: "the first one that is not shown".to_owned(),
            related: None,
            help: "correct those above and run the command again".to_owned(),
            ..first_hidden.clone()
        };
        list.truncate(MOST_FINDINGS);
        list.push(more);
    }
    (outcome, list)
}

fn no_product(files: &[InputFile]) -> Diagnostic {
    let folder = files
        .first()
        .and_then(|file| file.path.rsplit_once('/'))
        .map_or(String::new(), |(folder, _)| format!("{folder}/"));
    let source = Source { path: format!("{folder}product.yaml"), text: String::new() };
    let span = Span { source: source.into(), range: 0..0 };
    Diagnostic::error(
        span,
        "a product folder has no product.yaml",
        "this file does not exist",
        "write one with the product's code, version and endpoints (see api-spec/README.md)",
    )
}

fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// The shared shapes of the product, as far as they could be read.
struct Shapes<'a> {
    /// `None`: product.yaml cannot be read, so that the shapes are not known.
    names: Option<&'a [String]>,
    types: HashMap<&'a str, &'a Type>,
}

/// Something with keys: what messages about a missing key name and point to.
struct Owner {
    kind: &'static str,
    title: String,
    range: Range<usize>,
}

impl Owner {
    /// Something with a name: `the field "Name"`.
    fn named(kind: &'static str, name: &Located<String>) -> Self {
        Self { kind, title: format!("the {kind} {}", quoted(&name.value)), range: name.range.clone() }
    }

    /// A map under a key of the language: `endpoints`.
    fn key(key: &'static str, range: &Range<usize>) -> Self {
        Self { kind: key, title: format!("`{key}`"), range: range.clone() }
    }

    /// What a whole file describes; the place is that of its name, if it has one.
    fn file(kind: &'static str, name: Option<&Located<String>>) -> Self {
        Self {
            kind,
            title: name.map_or_else(|| format!("the {kind}"), |name| format!("the {kind} {}", quoted(&name.value))),
            range: name.map_or(0..0, |name| name.key.clone()),
        }
    }
}

/// Checks the parts that both kinds of files have.
struct Checker<'a> {
    findings: &'a Findings,
    shapes: &'a Shapes<'a>,
}

impl Checker<'_> {
    fn spanned(&self, located: &Located<String>) -> Spanned<String> {
        Spanned { value: located.value.clone(), span: self.findings.span(located.range.clone()) }
    }

    /// The value of a key that must be there.
    fn required<'k, T>(&self, key: &'k Key<T>, name: &str, owner: &Owner) -> Option<&'k T> {
        if matches!(key, Key::Missing) {
            self.findings.error(
                &owner.range,
                format!("{} has no {}", owner.title, quoted(name)),
                format!("{} is missing", quoted(name)),
                how_to_write(owner.kind, name),
            );
        }
        key.given()
    }

    /// Text for people that must be there.
    fn prose(&self, key: &Key<Located<String>>, name: &str, owner: &Owner) -> Option<String> {
        self.required(key, name, owner).and_then(|text| self.checked_prose(text, name))
    }

    /// Text for people that must be there; empty if the specification says that there is none.
    fn prose_or_none(&self, key: &Key<Located<String>>, name: &str, owner: &Owner) -> Option<String> {
        self.prose(key, name, owner).map(none_is_empty)
    }

    /// Text for people that need not be there.
    fn optional_prose(&self, key: &Key<Located<String>>, name: &str) -> Option<String> {
        key.given().and_then(|text| self.checked_prose(text, name))
    }

    fn checked_prose(&self, text: &Located<String>, name: &str) -> Option<String> {
        let trimmed = text.value.trim();
        if trimmed.is_empty() {
            self.findings.error(
                &text.range,
                format!("{} is empty", quoted(name)),
                "expected text",
                "write one sentence in plain words",
            );
            return None;
        }
        if let Some(c) = trimmed.chars().find(|&c| is_unreadable(c)) {
            self.findings.error(
                &text.range,
                format!("{} contains the character U+{:04X}", quoted(name), u32::from(c)),
                "cannot be seen, or reorders what is seen",
                "remove it; this text is shown to people and becomes documentation",
            );
            return None;
        }
        Some(trimmed.to_owned())
    }

    /// Whether a name can be one; `kind` says what it names.
    fn name(&self, name: &Located<String>, kind: &str) -> bool {
        let wrong = if name.value.trim().is_empty() {
            "is empty"
        } else if name.value.trim() != name.value {
            "has blanks around it"
        } else if name.value.chars().count() > LONGEST_NAME {
            "is longer than 100 characters"
        } else if name.value.chars().any(|c| c.is_control() || is_direction_control(c)) {
            "contains characters that cannot be seen"
        } else {
            return true;
        };
        self.findings.error(
            &name.range,
            format!("the name of {kind} {wrong}"),
            "not a name",
            "write the name exactly as it goes over the wire",
        );
        false
    }

    /// The Rust name that the specification asks for.
    fn rust_name(&self, key: &Key<Located<String>>) -> Option<Spanned<String>> {
        let name = key.given()?;
        let mut chars = name.value.chars();
        let first = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        if !first || name.value == "_" || !chars.all(|c| c.is_ascii_alphanumeric() || c == '_') {
            self.findings.error(
                &name.range,
                format!("{} is not a Rust name", quoted(&name.value)),
                "expected an identifier",
                "use ASCII letters, digits and `_`, and begin with a letter",
            );
            return None;
        }
        Some(self.spanned(name))
    }

    fn error_codes(&self, codes: &Map<file::ErrorCode>) -> Vec<ErrorCode> {
        codes.0.iter().filter_map(|(code, facts)| self.error_code(code, facts)).collect()
    }

    fn error_code(&self, code: &Located<String>, facts: &file::ErrorCode) -> Option<ErrorCode> {
        let owner = Owner::named("error code", code);
        let named = self.name(code, "an error code");
        let status = self.required(&facts.status, "status", &owner).and_then(|status| {
            let text = status.value.0.as_str();
            if text == NONE {
                return Some(None);
            }
            let valid = text.parse().ok().filter(|status| (100..=599).contains(status));
            if valid.is_none() {
                self.findings.error(
                    &status.range,
                    format!("{} is not an HTTP status", quoted(text)),
                    "expected 100 to 599",
                    "write the status that the documentation gives, such as 400, or `none` if it gives none",
                );
            }
            valid.map(Some)
        });
        let message = self.prose_or_none(&facts.message, "message", &owner);
        let description = self.optional_prose(&facts.description, "description");
        let rust_name = self.rust_name(&facts.rust_name);
        Some(ErrorCode {
            code: named.then(|| self.spanned(code))?,
            rust_name,
            status: status?,
            message: message?,
            throttling: facts.throttling.given().copied().unwrap_or(false),
            description: description.unwrap_or_default(),
        })
    }
}

/// The word by which a specification says that there is nothing to say.
const NONE: &str = "none";

/// Text for people; empty if the specification says that there is none.
fn none_is_empty(text: String) -> String {
    if text == NONE { String::new() } else { text }
}

/// Whether a character has no place in text for people. Marks that do not reorder anything by themselves are allowed.
fn is_unreadable(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t')) || (is_direction_control(c) && !matches!(c, '\u{200e}' | '\u{200f}'))
}

/// An example of a key, for the hint about a missing one.
fn how_to_write(owner: &str, key: &str) -> &'static str {
    match key {
        "action" if owner == "authorization" => "add `action:` with the RAM action, such as `\"cams:DoSomething\"`",
        "example" if owner == "action" => "add `example: |` and below it the documented answer as JSON text",
        "fields" if owner == "shape" => "add `fields:` with the fields by name",
        "action" => "add `action:` with the name on the wire, which is also the name of the file",
        "summary" => "add `summary:` with one sentence that says what the action does",
        "description" => "add `description:` with one sentence in your own words, or `none`",
        "idempotent" => {
            "add `idempotent: true` if sending the same request twice does no more than sending it once, otherwise `false`"
        }
        "rate_limit" => "add `rate_limit: 10/s`, or `rate_limit: none` if the service publishes no limit",
        "authorization" => {
            "add `authorization: { action: \"cams:DoSomething\", access: update }`, or `authorization: none`"
        }
        "access" => "add `access:` with `list`, `read`, `create`, `update` or `delete`",
        "parameters" => "add `parameters:` with the parameters by name, or `parameters: {}` for none",
        "response" => "add `response:` with the members of the answer by name",
        "errors" => "add `errors:` with the documented error codes, or `errors: {}` for none",
        "example" => "add `example:` with a documented value; a list or an object is written as JSON text",
        "type" => "add `type: string`, or another of integer, number, boolean, array, object, any, shape",
        "items" => "add `items: { type: string }`, or another type",
        "fields" => {
            "add `fields:` with the fields by name, `additional: { type: string }` for free names, or use `type: any`"
        }
        "values" => "add `values: { VALUE: What it means. }`",
        "shape" => "add `shape:` with the name of a shape in product.yaml",
        "status" => "add `status: 400`, or what else the documentation gives",
        "message" => "add `message:` with the text that comes with the code",
        "product" => "add `product:` with the product code, such as `cams`",
        "title" => "add `title:` with the product's name for people",
        "version" => "add `version: \"2020-06-06\"`",
        "documentation" => "add `documentation:` with the address of the official documentation",
        "default_region" => "add `default_region: ap-southeast-1`",
        "endpoints" => "add `endpoints:` with the patterns `public` and `vpc`",
        "public" | "vpc" => "add the pattern of the host name, such as `cams.{region}.aliyuncs.com`",
        _ => "add the key (see api-spec/README.md)",
    }
}

/// Whether the root is a map with at least one of the keys that only this kind of file has.
fn has_any_key(root: &Node, keys: &[&str]) -> bool {
    let Value::Map(entries) = &root.value else {
        return false;
    };
    entries.iter().any(|(key, _)| matches!(&key.value, Value::Scalar { text, .. } if keys.contains(&text.as_str())))
}

/// What `product.yaml` says, and the names of its shapes even if something else in it is wrong.
fn product_file(root: &Node, findings: &Findings) -> Option<(Option<Product>, Vec<String>)> {
    if !has_any_key(root, &["product", "endpoints", "default_region"]) {
        findings.error(
            &(0..0),
            "this file does not describe a product",
            "expected the key `product`",
            "product.yaml begins with `product:` and the product code; actions go into files of their own",
        );
        return None;
    }
    let raw: ProductFile = from_node(root, findings)?;
    let raw_shapes = raw.shapes.given().map_or(&[][..], |shapes| &shapes.value.0[..]);
    let names: Vec<String> = raw_shapes.iter().map(|(name, _)| name.value.clone()).collect();
    let shapes = Shapes { names: Some(&names), types: HashMap::new() };
    let checker = Checker { findings, shapes: &shapes };
    let product = checker.product(&raw);
    Some((product, names))
}

impl Checker<'_> {
    fn product(&self, raw: &ProductFile) -> Option<Product> {
        let owner = Owner::file("product", raw.product.given());
        let code = self.required(&raw.product, "product", &owner).filter(|code| {
            self.characters(code, "a product code", "letters, digits, `-` and `_`", |c| {
                c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
            })
        });
        let title = self.prose(&raw.title, "title", &owner);
        let version = self.prose(&raw.version, "version", &owner);
        let documentation = self.required(&raw.documentation, "documentation", &owner);
        if let Some(address) = documentation
            && (!address.value.starts_with("https://") || address.value.chars().any(char::is_whitespace))
        {
            self.findings.error(
                &address.range,
                "`documentation` is not an address",
                "expected `https://…`",
                "write the address of the product's official documentation, without blanks",
            );
        }
        let default_region =
            self.required(&raw.default_region, "default_region", &owner).filter(|region| self.region(region));
        let endpoints = self.required(&raw.endpoints, "endpoints", &owner).map(|endpoints| self.endpoints(endpoints));
        let success_codes = raw.success_code.given().map_or(Vec::new(), |codes| self.success_codes(codes));
        let name = raw.name.given().filter(|name| {
            self.characters(name, "the name of a crate", "small letters, digits, `-` and `_`", |c| {
                c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_')
            })
        });
        let shapes = raw.shapes.given().map_or(&[][..], |shapes| &shapes.value.0[..]);
        let shapes = shapes.iter().filter_map(|(name, shape)| self.shape(name, shape)).collect();
        let errors = raw.errors.given().map_or(Vec::new(), |errors| self.error_codes(&errors.value));
        Some(Product {
            source: self.findings.source().path.clone(),
            code: self.spanned(code?),
            title: title?,
            version: version?,
            documentation: documentation?.value.clone(),
            default_region: default_region?.value.clone(),
            endpoints: endpoints?,
            name: name.map(|name| name.value.clone()),
            success_codes,
            shapes,
            errors,
            guessed: self
                .guesses(&raw.guessed, &["title", "documentation", "default_region", "endpoints", "success_code"]),
        })
    }

    /// What is not reviewed yet: only these keys can be guessed.
    fn guesses(&self, raw: &Key<Located<Map<Located<String>>>>, known: &[&str]) -> Vec<Guess> {
        let mut guesses = Vec::new();
        for (key, reason) in raw.given().map_or(&[][..], |guesses| &guesses.value.0[..]) {
            if !known.contains(&key.value.as_str()) {
                self.findings.error(
                    &key.range,
                    format!("{} is not a key that can be guessed", quoted(&key.value)),
                    "not one of the known keys",
                    suggestion(&key.value, known),
                );
            } else if let Some(reason) = self.checked_prose(reason, "guessed") {
                guesses.push(Guess { key: key.value.clone(), reason });
            }
        }
        guesses
    }

    fn characters(&self, text: &Located<String>, what: &str, of: &str, allowed: impl Fn(char) -> bool) -> bool {
        let valid = !text.value.is_empty() && text.value.chars().all(allowed);
        if !valid {
            self.findings.error(
                &text.range,
                format!("{} is not {what}", quoted(&text.value)),
                format!("expected {of}"),
                "write it as the official documentation spells it",
            );
        }
        valid
    }

    fn region(&self, region: &Located<String>) -> bool {
        self.characters(region, "a region", "small letters, digits and `-`", |c| {
            c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
        })
    }

    fn host(&self, host: &Located<String>) -> bool {
        let of = "small letters, digits, `-`, `.` and `{region}`";
        // Braces are left over only where the placeholder is not written exactly.
        let rest = host.value.replace("{region}", "");
        self.characters(host, "a host name", of, |c| {
            c.is_ascii_lowercase()
                || c.is_ascii_digit()
                || matches!(c, '-' | '.')
                || (matches!(c, '{' | '}') && !rest.contains(c))
        })
    }

    /// The values of `Code` that mean success: separated by commas, or `none`.
    fn success_codes(&self, raw: &Located<String>) -> Vec<String> {
        let codes: Vec<String> = raw.value.split(',').map(|code| code.trim().to_owned()).collect();
        if codes == [NONE] {
            return Vec::new();
        }
        if let Some(code) =
            codes.iter().find(|code| code.is_empty() || code.contains(|c: char| is_unreadable(c) || c == '\n'))
        {
            self.findings.error(
                &raw.range,
                format!("{} is not a success code", quoted(code)),
                "expected codes separated by commas",
                "write the values of `Code` that mean success, such as `OK` or `OK, Success`, or `none`",
            );
        }
        codes
    }

    fn endpoints(&self, raw: &Located<file::Endpoints>) -> Endpoints {
        let owner = Owner::key("endpoints", &raw.key);
        let pattern = |key: &Key<Located<String>>, name| {
            let pattern: &Located<String> = key.given()?;
            if !pattern.value.contains("{region}") {
                self.findings.error(
                    &pattern.range,
                    format!("the pattern `{name}` has no place for the region"),
                    "`{region}` is missing",
                    "write `{region}` where the region stands in the host name; a region that breaks the rule goes \
                     under `regions`",
                );
                return None;
            }
            self.host(pattern).then(|| pattern.value.clone())
        };
        if matches!(raw.value.central, Key::Missing) {
            self.required(&raw.value.public, "public", &owner);
        }
        let public = pattern(&raw.value.public, "public");
        let vpc = pattern(&raw.value.vpc, "vpc");
        let central = raw.value.central.given().filter(|host| self.host(host)).and_then(|host| {
            if host.value.contains("{region}") {
                self.findings.error(
                    &host.range,
                    "a central host name has a place for the region",
                    "`{region}` is not replaced here",
                    "write the host name that serves all regions, or leave `central` out",
                );
                return None;
            }
            Some(host.value.clone())
        });
        let regions = raw.value.regions.given().map_or(&[][..], |regions| &regions.value.0[..]);
        let exceptions = regions.iter().filter_map(|(name, hosts)| self.region_endpoint(name, hosts)).collect();
        Endpoints { central, public, vpc, exceptions }
    }

    fn region_endpoint(&self, region: &Located<String>, raw: &file::RegionEndpoint) -> Option<RegionEndpoint> {
        let named = self.region(region);
        if matches!((&raw.public, &raw.vpc), (Key::Missing, Key::Missing)) {
            self.findings.error(
                &region.range,
                format!("the region {} has no host name", quoted(&region.value)),
                "neither `public` nor `vpc`",
                "add the host names of the region, or remove it if it follows the patterns",
            );
        }
        let host =
            |key: &Key<Located<String>>| key.given().filter(|host| self.host(host)).map(|host| host.value.clone());
        let (public, vpc) = (host(&raw.public), host(&raw.vpc));
        named.then(|| RegionEndpoint { region: region.value.clone(), public, vpc })
    }

    fn shape(&self, name: &Located<String>, raw: &file::Shape) -> Option<Shape> {
        let owner = Owner::named("shape", name);
        let named = self.name(name, "a shape");
        let description = self.prose_or_none(&raw.description, "description", &owner);
        let ty = self.required(&raw.ty, "type", &owner)?;
        let refuse = |key: Option<&Range<usize>>, name, ty| {
            if let Some(key) = key {
                self.needless(key, name, ty);
            }
        };
        let ty = match ty.value {
            ShapeType::Object => {
                refuse(raw.values.given().map(|values| &values.key), "values", "string");
                Type::Object(Object {
                    type_name: None,
                    description: None,
                    fields: self.fields(&self.required(&raw.fields, "fields", &owner)?.value),
                })
            }
            ShapeType::String => {
                refuse(raw.fields.given().map(|fields| &fields.key), "fields", "object");
                Type::Enum(Enum {
                    type_name: None,
                    values: self.values(self.required(&raw.values, "values", &owner)?)?,
                })
            }
        };
        Some(Shape { name: named.then(|| self.spanned(name))?, description: description?, ty })
    }
}

/// The keys of which an action's file has at least one, whatever was forgotten in it.
const ACTION_KEYS: [&str; 8] =
    ["action", "summary", "idempotent", "rate_limit", "authorization", "parameters", "response", "example"];

fn action_file(root: &Node, findings: &Findings, shapes: &Shapes<'_>) -> Option<Action> {
    let path = findings.source().path.as_str();
    if !has_any_key(root, &ACTION_KEYS) {
        let help = if has_any_key(root, &["product", "endpoints"]) {
            "a product is described in product.yaml"
        } else {
            "a product folder holds product.yaml and one file per action, which begins with `action:` and its name"
        };
        findings.error(&(0..0), "this file describes no action", "expected the key `action`", help);
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
            format!("the action {} stands in a file of another name, {}", quoted(&name.value), quoted(file_name(path))),
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
        });
        for parameter in &parameters {
            self.fits_method(method, parameter);
        }
        let success_codes = raw.success_code.given().map(|codes| self.success_codes(codes));
        let response = self.required(&raw.response, "response", &owner);
        let response = response.map_or(Vec::new(), |fields| self.response(fields));
        let errors = self.required(&raw.errors, "errors", &owner);
        let errors = errors.map_or(Vec::new(), |errors| self.error_codes(&errors.value));
        let example = self.required(&raw.example, "example", &owner);
        // An answer whose description is wrong would only be found wrong a second time.
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
            success_codes,
            deprecated,
            parameters,
            response,
            errors,
            example: example?,
            guessed: self.guesses(&raw.guessed, &["idempotent", "rate_limit", "method", "success_code"]),
        })
    }

    /// Whether a parameter can be sent by the method of its action.
    fn fits_method(&self, method: Method, parameter: &Parameter) {
        let word = method.as_str().to_uppercase();
        let is_sensitive = parameter.sensitive || self.holds_sensitive(&parameter.ty);
        let (label, help) = if method.is_bodiless() && parameter.location == super::Location::Form {
            ("would need a form", "a parameter with the location `form` needs the method `post` or `put`")
        } else if method.is_bodiless() && is_sensitive && !parameter.in_url {
            (
                "would be in the URL, where servers and proxies log it",
                "write `method: post` if the service takes that, or `in_url: true` on the parameter to accept it",
            )
        } else if parameter.in_url && !(method.is_bodiless() && is_sensitive) {
            ("is not in the URL", "remove `in_url`: it is for `sensitive` parameters of the methods `get` and `delete`")
        } else {
            return;
        };
        let message = if parameter.in_url {
            format!("{} has no use for `in_url`", quoted(&parameter.name.value))
        } else {
            format!("{} cannot be sent by {word}", quoted(&parameter.name.value))
        };
        self.findings.error(&parameter.name.span.range, message, label, help);
    }

    /// The members of an answer, or the one field that stands for an answer which is no object.
    fn response(&self, raw: &Located<Map<file::Field>>) -> Vec<Field> {
        if let Some((name, _)) = raw.value.0.iter().find(|(name, _)| name.value == BODY)
            && raw.value.0.len() > 1
        {
            self.findings.error(
                &name.range,
                "`$body` stands beside other members",
                "the answer is either an object or something else",
                "keep `$body` alone for an answer that is no object, or describe the members of the object",
            );
        }
        self.fields(&raw.value)
    }

    /// `10/s`, `200/60s`, `none`. The outer `Option`: whether it can be used.
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
                    "would let nothing through, or everything",
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

    /// The outer `Option`: whether it can be used.
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
