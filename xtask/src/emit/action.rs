//! One action's file: the request, the facts, the answer and what is nested in both.

use std::time::Duration;

use super::docs::{Markdown, comment, described};
use super::example::Examples;
use super::table::{Used, objects, open_enums};
use super::tokens::literal;
use super::{WIDTH, file, header, import};
use crate::model::{Action, Model, Parameter};
use crate::spec::{self, Authorization, Location, Method, RateLimit, Style};

const SECOND: Duration = Duration::from_secs(1);

pub(super) fn module(model: &Model<'_>, action: &Action<'_>, crate_path: &str) -> String {
    file(&[
        header(&action.facts.source),
        imports(model, action),
        request(model, action, crate_path),
        implementation(model, action),
        objects(&action.types.objects),
        open_enums(&action.types.enums),
    ])
}

fn imports(model: &Model<'_>, action: &Action<'_>) -> String {
    let facts = action.facts;
    let mut used = Used::by(&action.types);
    for parameter in &action.parameters {
        used.add(&parameter.ty);
    }
    let any = |condition: fn(&Parameter<'_>) -> bool| action.parameters.iter().any(condition);
    let descriptors = [
        ("ActionDescriptor", true),
        ("AuthorizationDescriptor", facts.authorization.is_some()),
        ("Method", facts.method != Method::Post),
        ("ParameterLocation", any(|parameter| parameter.facts.location == Location::Form)),
        ("ParameterStyle", any(|parameter| parameter.facts.style != Style::Json)),
        ("RateLimit", facts.rate_limit.is_some()),
    ];
    let vocabulary = [
        ("Action", true),
        ("Request", true),
        ("objects", true),
        ("open_enums", !action.types.enums.is_empty()),
        ("request", true),
    ];
    let siblings =
        [(model.product.type_name.as_str(), true), ("errors", !action.errors.is_empty()), ("types", used.shapes)];
    file(&[
        used.std(facts.rate_limit.is_some_and(|limit| limit.window != SECOND)),
        import("alibabacloud_runtime::descriptor", &descriptors)
            + &import("alibabacloud_runtime::value", &[("Json", used.json)])
            + &import("alibabacloud_runtime", &vocabulary),
        import("super", &siblings),
    ])
}

fn request(model: &Model<'_>, action: &Action<'_>, crate_path: &str) -> String {
    let mut text = format!(
        "request! {{\n{}    {} / {} {{\n",
        comment(&documentation(model, action, crate_path), "    "),
        action.request,
        action.builder
    );
    for parameter in &action.parameters {
        let facts = parameter.facts;
        let word = if facts.required { "required" } else { "optional" };
        let description = literal(&described(&facts.name.value, &facts.description, parameter.numbered));
        text += &format!(
            "        {word} {}: {} = {} {{{}}}, {description}",
            parameter.field,
            parameter.ty,
            literal(&facts.name.value),
            parameter_facts(parameter),
        );
        if facts.required {
            text += &format!(", \"call `.{}(…)` before `.build()`: the parameter is required\"", parameter.field);
        }
        text.push_str(";\n");
    }
    text + "    }\n}\n"
}

fn parameter_facts(parameter: &Parameter<'_>) -> String {
    let facts = parameter.facts;
    let mut list = Vec::new();
    if facts.location == Location::Form {
        list.push("location: ParameterLocation::Form".to_owned());
    }
    match facts.style {
        Style::Json => {}
        Style::RepeatList => list.push("style: ParameterStyle::RepeatList".to_owned()),
        Style::Flat => list.push("style: ParameterStyle::Flat".to_owned()),
        Style::Simple => list.push("style: ParameterStyle::Simple".to_owned()),
    }
    if facts.sensitive {
        list.push("sensitive: true".to_owned());
    }
    if !facts.example.is_empty() {
        list.push(format!("example: {}", literal(&facts.example)));
    }
    if list.is_empty() { String::new() } else { format!(" {} ", list.join(", ")) }
}

/// What an action does, or that nobody says so.
pub(super) fn summary(facts: &spec::Action) -> String {
    if facts.summary.is_empty() { format!("`{}`: not described.", facts.name.value) } else { facts.summary.clone() }
}

/// What the rustdoc of a request says, line by line.
fn documentation(model: &Model<'_>, action: &Action<'_>, crate_path: &str) -> Vec<String> {
    const INNER: usize = WIDTH - 8;
    let facts = action.facts;
    let mut lines = Markdown::new(&summary(facts)).lines(INNER);
    let mut paragraph = |mut more: Vec<String>| {
        if !more.is_empty() {
            lines.push(String::new());
            lines.append(&mut more);
        }
    };
    if let Some(deprecated) = &facts.deprecated {
        paragraph(Markdown::new(&format!("Deprecated. {deprecated}")).lines(INNER));
    }
    paragraph(Markdown::new(&facts.description).lines(INNER));

    if !facts.unknown_outcome.is_empty() {
        paragraph(
            Markdown::new(&format!("After a call that was not answered: {}", facts.unknown_outcome)).lines(INNER),
        );
    }

    let reading = if facts.is_guessed("rate_limit") { " (read from the text, not reviewed)" } else { "" };
    let limit = match facts.rate_limit {
        Some(rate) => format!("At most {} per account{reading}.", limit_in_words(rate)),
        None => "No rate limit is published.".to_owned(),
    };
    let repeat = match (facts.idempotent, facts.is_guessed("idempotent")) {
        (true, false) => "Idempotent: sent again after a failure.",
        (true, true) => "Idempotent (a guess, not reviewed): sent again after a failure.",
        (false, false) => "Not idempotent: never sent again when the server may already have acted.",
        (false, true) => {
            "Not idempotent (a guess, not reviewed): never sent again when the server may already have acted."
        }
    };
    let permission = match &facts.authorization {
        Some(authorization) => format!("Needs the RAM permission `{}`.", authorization.action),
        None => "Needs no RAM permission.".to_owned(),
    };
    let mut sentences = format!("{limit} {repeat} {permission}");
    if facts.anonymous {
        sentences += " Called without a signature.";
    }
    let guess = |key: &str| if facts.is_guessed(key) { " (a guess, not reviewed)" } else { "" };
    let method = facts.method.as_str().to_uppercase();
    if facts.method.is_bodiless() {
        sentences += &format!(" Sent by {method}{}: its parameters are in the URL.", guess("method"));
    } else if facts.method != Method::Post {
        sentences += &format!(" Sent by {method}{}.", guess("method"));
    }
    let exposed: Vec<_> = facts
        .parameters
        .iter()
        .filter(|parameter| parameter.in_url)
        .map(|parameter| format!("`{}`", parameter.name.value))
        .collect();
    if !exposed.is_empty() {
        sentences += &format!(" Servers and proxies may log the URL, and with it {}.", exposed.join(", "));
    }
    match facts.success_codes.as_deref() {
        None => {}
        Some([]) => sentences += &format!(" Its response reports no success code{}.", guess("success_code")),
        Some(codes) => {
            let codes: Vec<_> = codes.iter().map(|code| format!("`{code}`")).collect();
            sentences += &format!(" Success is the `Code` {}{}.", codes.join(" or "), guess("success_code"));
        }
    }
    let codes: Vec<_> = facts.errors.iter().map(|error| format!("`{}`", error.code.value)).collect();
    if !codes.is_empty() {
        sentences += &format!(" Errors: {}.", codes.join(", "));
    }
    paragraph(Markdown::new(&sentences).lines(INNER));
    paragraph(example(model, action, crate_path));
    lines
}

/// A documentation test that builds the request from the documented examples.
fn example(model: &Model<'_>, action: &Action<'_>, crate_path: &str) -> Vec<String> {
    let mut lines = vec!["```".to_owned(), format!("use {crate_path}::{};", action.request), String::new()];
    lines.push(format!("let request = {};", Examples::new(model, action, crate_path).request().join("\n")));
    let mut lines: Vec<String> = lines.iter().flat_map(|line| line.split('\n')).map(ToOwned::to_owned).collect();
    lines.push("```".to_owned());
    lines
}

/// The facts, one a line; a formatter would spread the short structs over several.
fn implementation(model: &Model<'_>, action: &Action<'_>) -> String {
    let facts = action.facts;
    let mut lines = vec![
        format!("name: {}", literal(&facts.name.value)),
        format!("summary: {}", literal(&Markdown::new(&summary(facts)).inline())),
    ];
    if !facts.description.trim().is_empty() {
        lines.push(format!("description: {}", literal(&Markdown::new(&facts.description).text())));
    }
    lines.push(format!("idempotent: {}", facts.idempotent));
    if !facts.unknown_outcome.is_empty() {
        lines.push(format!("unknown_outcome: {}", literal(&Markdown::new(&facts.unknown_outcome).text())));
    }
    if let Some(limit) = facts.rate_limit {
        lines.push(format!("rate_limit: Some({})", rate_limit(limit)));
    }
    if let Some(Authorization { action, access, resource }) = &facts.authorization {
        lines.push(format!(
            "authorization: AuthorizationDescriptor {{ action: {}, access: {}, resource: {} }}",
            literal(action),
            literal(access),
            literal(resource)
        ));
    }
    if facts.anonymous {
        lines.push("anonymous: true".to_owned());
    }
    match facts.method {
        Method::Post => {}
        Method::Get => lines.push("method: Method::Get".to_owned()),
        Method::Put => lines.push("method: Method::Put".to_owned()),
        Method::Delete => lines.push("method: Method::Delete".to_owned()),
    }
    let list =
        |texts: &mut dyn Iterator<Item = &String>| texts.map(|text| literal(text)).collect::<Vec<_>>().join(", ");
    if let Some(codes) = &facts.success_codes {
        lines.push(format!("success_codes: Some(&[{}])", list(&mut codes.iter())));
    }
    if let Some(deprecated) = &facts.deprecated {
        lines.push(format!("deprecated: Some({})", literal(&Markdown::new(deprecated).text())));
    }
    lines.push("parameters: Self::PARAMETERS".to_owned());
    if !action.errors.is_empty() {
        let errors: Vec<_> = action.errors.iter().map(|name| format!("&errors::{name}")).collect();
        lines.push(format!("errors: &[{}]", errors.join(", ")));
    }
    if !facts.example.is_empty() {
        lines.push(format!("example: {}", literal(&facts.example)));
    }
    if !facts.guessed.is_empty() {
        lines.push(format!("guessed: &[{}]", list(&mut facts.guessed.iter().map(|guess| &guess.key))));
    }

    let mut text = format!("impl Action for {} {{\n", action.request);
    text += &format!("    type Product = {};\n    type Output = Output;\n\n", model.product.type_name);
    text += "    const DESCRIPTOR: &'static ActionDescriptor = &ActionDescriptor {\n";
    for line in lines {
        text += &format!("        {line},\n");
    }
    text + "        ..ActionDescriptor::EMPTY\n    };\n}\n"
}

fn rate_limit(limit: RateLimit) -> String {
    let RateLimit { requests, window } = limit;
    if window == SECOND {
        format!("RateLimit::per_second({requests})")
    } else if window.subsec_nanos() == 0 {
        format!("RateLimit::new({requests}, Duration::from_secs({}))", window.as_secs())
    } else {
        format!("RateLimit::new({requests}, Duration::new({}, {}))", window.as_secs(), window.subsec_nanos())
    }
}

/// A limit as a specification writes it.
pub(super) fn limit(limit: RateLimit) -> String {
    if limit.window == SECOND {
        format!("{}/s", limit.requests)
    } else {
        format!("{}/{:?}", limit.requests, limit.window)
    }
}

fn limit_in_words(limit: RateLimit) -> String {
    let requests = if limit.requests == 1 { "1 request".to_owned() } else { format!("{} requests", limit.requests) };
    match limit.window {
        SECOND => format!("{requests} per second"),
        window if window.subsec_nanos() == 0 => format!("{requests} in {} seconds", window.as_secs()),
        window => format!("{requests} in {window:?}"),
    }
}
