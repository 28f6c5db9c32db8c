//! Generates the file of an action: the request, the descriptor, the output and the types nested in both.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::quote;

use super::docs::{Markdown, described};
use super::example::Examples;
use super::paging;
use super::print::{doc, document, ident, import, print, print_in, print_statement, string};
use super::types::{ITEM, MEMBER, Used, deprecated, macros, tokens};
use super::{file, header, waiter};
use crate::model::{Action, Model, Parameter};
use crate::spec::{self, Authorization, Location, Method, RateLimit, Style};

const SECOND: Duration = Duration::from_secs(1);

pub(super) fn module(model: &Model<'_>, action: &Action<'_>, crate_path: &str) -> String {
    let [std, runtime, siblings] = imports(model, action);
    let mut parts = vec![
        header(&action.facts.source),
        print(&std),
        print(&runtime),
        print(&siblings),
        request(model, action, crate_path),
        print(&implementation(model, action)),
    ];
    parts.extend(paging::implementation(action).as_ref().map(print));
    parts.extend(waiter::implementation(model, action).as_ref().map(print));
    parts.extend(macros(&action.types));
    if !action.facts.example.is_empty() {
        let example = document(&action.facts.example);
        parts.push(print(&quote! {
            /// The documented response.
            const EXAMPLE: &str = #example;
        }));
    }
    file(&parts)
}

fn imports(model: &Model<'_>, action: &Action<'_>) -> [TokenStream; 3] {
    let facts = action.facts;
    let mut used = Used::by(&action.types);
    for parameter in &action.parameters {
        used.add(&parameter.ty);
    }
    let descriptors = import(
        &quote!(alibabacloud_runtime::descriptor),
        &[
            ("ActionDescriptor", true),
            ("AuthorizationDescriptor", facts.authorization.is_some()),
            ("Method", facts.method != Method::Post),
            ("PagingDescriptor", facts.paging.is_some()),
            ("PagingStyle", facts.paging.is_some()),
            ("WaiterDescriptor", facts.waiter.is_some()),
            ("WaiterPart", facts.waiter.as_ref().is_some_and(waiter::has_values)),
        ],
    );
    let limit = facts.rate_limit.map(|_| "RateLimit");
    let waits = facts.waiter.as_ref().map(|_| "Waitable");
    let names: Vec<_> = ["Action", "Request"].into_iter().chain(limit).chain(waits).collect();
    let vocabulary = used.runtime(&names, &action.types, facts.paging.is_some());
    let paged = import(&quote!(alibabacloud_runtime::pages), &[("Paged", facts.paging.is_some())]);
    let siblings =
        [(model.product.type_name.as_str(), true), ("errors", !action.errors.is_empty()), ("types", used.shapes)];
    [
        used.std(facts.waiter.is_some() || facts.rate_limit.is_some_and(|limit| limit.window != SECOND)),
        quote!(#descriptors #paged #vocabulary),
        import(&quote!(super), &siblings),
    ]
}

fn request(model: &Model<'_>, action: &Action<'_>, crate_path: &str) -> String {
    let about = doc(&documentation(model, action, crate_path));
    let (name, builder) = (ident(&action.request), ident(&action.builder));
    let parameters = action.parameters.iter().map(parameter);
    let deprecated = deprecated(action.facts.deprecated.as_deref());
    print_in("request", &quote!(#about #deprecated #[builder(#builder)] pub struct #name { #(#parameters,)* }))
}

fn parameter(parameter: &Parameter<'_>) -> TokenStream {
    let facts = parameter.facts;
    let about = doc(&described(&facts.name.value, &facts.description, parameter.numbered).lines(MEMBER));
    let wire = string(&facts.name.value);
    let location = match facts.location {
        Location::Query => None,
        Location::Form => Some(quote!(, form)),
        Location::Path => Some(quote!(, path)),
        Location::Header => Some(quote!(, header)),
        Location::Body => Some(quote!(, body)),
        Location::Host => Some(quote!(, host)),
    };
    let style = match facts.style {
        Style::Json => None,
        Style::RepeatList => Some(quote!(, repeat_list)),
        Style::Flat => Some(quote!(, flat)),
        Style::Simple => Some(quote!(, simple)),
    };
    let sensitive = facts.sensitive.then(|| quote!(, sensitive));
    let example = (!facts.example.is_empty()).then(|| {
        let example = string(&facts.example);
        quote!(#[example = #example])
    });
    let required = facts.required.then(|| {
        let message = format!("call `.{}(…)` before `.build()`", parameter.field);
        quote!(#[required(#message)])
    });
    let deprecated = deprecated(facts.deprecated.as_deref());
    let (field, ty) = (ident(&parameter.field), tokens(&parameter.ty));
    let takes = parameter.ty.is_plain().then(|| quote!(#[takes(#ty)]));
    let ty = if facts.required { ty } else { quote!(Option<#ty>) };
    quote!(#about #deprecated #[wire(#wire #location #style #sensitive)] #example #required #takes pub #field: #ty)
}

/// The summary of an action, or a note that it is not described.
pub(super) fn summary(facts: &spec::Action) -> String {
    if facts.summary.is_empty() { format!("`{}`: not described.", facts.name.value) } else { facts.summary.clone() }
}

/// The rustdoc of a request, line by line.
fn documentation(model: &Model<'_>, action: &Action<'_>, crate_path: &str) -> Vec<String> {
    let facts = action.facts;
    let mut lines = Markdown::new(&summary(facts)).lines(ITEM);
    let mut paragraph = |mut more: Vec<String>| {
        if !more.is_empty() {
            lines.push(String::new());
            lines.append(&mut more);
        }
    };
    paragraph(Markdown::new(&facts.description).lines(ITEM));

    if !facts.unknown_outcome.is_empty() {
        paragraph(Markdown::new(&format!("If a call gets no response: {}", facts.unknown_outcome)).lines(ITEM));
    }

    let reading = if facts.is_guessed("rate_limit") { " (read from the text, not reviewed)" } else { "" };
    let limit = match facts.rate_limit {
        Some(rate) => format!("At most {} per account{reading}.", limit_in_words(rate)),
        None => "No rate limit is published.".to_owned(),
    };
    let guess = |key: &str| if facts.is_guessed(key) { " (a guess, not reviewed)" } else { "" };
    let idempotent = guess("idempotent");
    let repeat = if facts.idempotent {
        format!("Idempotent{idempotent}: retried after a failure.")
    } else {
        format!("Not idempotent{idempotent}: never retried if the service may have executed the request.")
    };
    let permission = match &facts.authorization {
        Some(authorization) => format!("Needs the RAM permission `{}`.", authorization.action),
        None => "Needs no RAM permission.".to_owned(),
    };
    let mut items = vec![limit, repeat, permission];
    if facts.anonymous {
        items.push("Called without a signature.".to_owned());
    }
    let method = facts.method.as_str().to_uppercase();
    if !facts.path.is_empty() {
        items.push(format!("Sent by {method} to `{}`{}.", facts.path, guess("method")));
    } else if facts.method.is_bodiless() {
        items.push(format!("Sent by {method}{}: its parameters are in the URL.", guess("method")));
    } else if facts.method != Method::Post {
        items.push(format!("Sent by {method}{}.", guess("method")));
    }
    let exposed: Vec<_> = facts
        .parameters
        .iter()
        .filter(|parameter| parameter.in_url)
        .map(|parameter| format!("`{}`", parameter.name.value))
        .collect();
    if !exposed.is_empty() {
        items.push(format!("Servers and proxies may log the URL, which contains {}.", exposed.join(", ")));
    }
    match facts.success_codes.as_deref() {
        None => {}
        Some([]) => items.push(format!("The response has no success code{}.", guess("success_code"))),
        Some(codes) => {
            let codes: Vec<_> = codes.iter().map(|code| format!("`{code}`")).collect();
            items.push(format!("Success is the `Code` {}{}.", codes.join(" or "), guess("success_code")));
        }
    }
    items.extend(facts.paging.as_ref().map(|it| paging::sentence(it, guess("paging"))));
    if let Some(waiter) = &facts.waiter {
        let asked = model.actions.iter().find(|asked| asked.facts.name.value == waiter.action.value);
        let feature =
            asked.and_then(|asked| asked.feature.as_deref()).filter(|it| Some(*it) != action.feature.as_deref());
        items.push(waiter::in_words(facts, waiter, feature));
    }
    let codes: Vec<_> = facts.errors.iter().map(|error| format!("`{}`", error.code.value)).collect();
    if !codes.is_empty() {
        items.push(format!("Errors: {}.", codes.join(", ")));
    }
    // One list item for each fact.
    paragraph(items.iter().flat_map(|item| listed(&Markdown::new(item).lines(ITEM - 2))).collect());
    paragraph(example(model, action, crate_path));
    lines
}

/// The lines of one item of a list.
fn listed(lines: &[String]) -> Vec<String> {
    lines.iter().enumerate().map(|(index, line)| format!("{}{line}", if index == 0 { "- " } else { "  " })).collect()
}

/// A documentation test that builds the request from the documented examples.
fn example(model: &Model<'_>, action: &Action<'_>, crate_path: &str) -> Vec<String> {
    let request = Examples::new(model, action, crate_path).request();
    let mut lines = vec!["```".to_owned(), format!("use {crate_path}::{};", action.request), String::new()];
    lines.extend(print_statement(&quote!(let request = #request;)));
    lines.push("```".to_owned());
    lines
}

fn implementation(model: &Model<'_>, action: &Action<'_>) -> TokenStream {
    let facts = action.facts;
    let (request, product) = (ident(&action.request), ident(&model.product.type_name));
    let name = string(&facts.name.value);
    let summary = string(&Markdown::new(&summary(facts)).inline());
    let text = |name: &str, text: &str| {
        (!text.trim().is_empty()).then(|| {
            let (name, text) = (ident(name), string(&Markdown::new(text).text()));
            quote!(#name: #text,)
        })
    };
    let description = text("description", &facts.description);
    let idempotent = facts.idempotent;
    let unknown_outcome = text("unknown_outcome", &facts.unknown_outcome);
    let rate_limit = facts.rate_limit.map(|limit| {
        let limit = rate_limit(limit);
        quote!(rate_limit: Some(#limit),)
    });
    let authorization = facts.authorization.as_ref().map(|Authorization { action, access, resource }| {
        let [action, access, resource] = [action, access, resource].map(|text| string(text));
        quote!(authorization: AuthorizationDescriptor { action: #action, access: #access, resource: #resource },)
    });
    let anonymous = facts.anonymous.then(|| quote!(anonymous: true,));
    let method = match facts.method {
        Method::Post => None,
        Method::Get => Some(quote!(method: Method::Get,)),
        Method::Put => Some(quote!(method: Method::Put,)),
        Method::Delete => Some(quote!(method: Method::Delete,)),
        Method::Patch => Some(quote!(method: Method::Patch,)),
    };
    let path = (!facts.path.is_empty()).then(|| {
        let path = string(&facts.path);
        quote!(path: #path,)
    });
    let success_codes = facts.success_codes.as_ref().map(|codes| {
        let codes = codes.iter().map(|code| string(code));
        quote!(success_codes: Some(&[#(#codes),*]),)
    });
    let deprecated = facts.deprecated.as_ref().map(|text| {
        let text = string(&Markdown::new(text).text());
        quote!(deprecated: Some(#text),)
    });
    let paging = paging::descriptor(facts.paging.as_ref());
    let errors = (!action.errors.is_empty()).then(|| {
        let errors = action.errors.iter().map(|name| ident(name));
        quote!(errors: &[#(&errors::#errors),*],)
    });
    let waiter = facts.waiter.as_ref().map(waiter::facts);
    let example = (!facts.example.is_empty()).then(|| quote!(example: EXAMPLE,));
    let guessed = (!facts.guessed.is_empty()).then(|| {
        let keys = facts.guessed.iter().map(|guess| string(&guess.key));
        quote!(guessed: &[#(#keys),*],)
    });
    quote! {
        impl Action for #request {
            type Product = #product;
            type Output = Output;
            const DESCRIPTOR: &'static ActionDescriptor = &ActionDescriptor {
                name: #name,
                summary: #summary,
                #description
                idempotent: #idempotent,
                #unknown_outcome
                #rate_limit
                #authorization
                #anonymous
                #method
                #path
                #success_codes
                #deprecated
                #paging
                parameters: Self::PARAMETERS,
                #errors
                #waiter
                #example
                #guessed
                ..ActionDescriptor::EMPTY
            };
        }
    }
}

fn rate_limit(limit: RateLimit) -> TokenStream {
    let RateLimit { requests, window } = limit;
    let requests = proc_macro2::Literal::u32_unsuffixed(requests);
    let seconds = proc_macro2::Literal::u64_unsuffixed(window.as_secs());
    let nanoseconds = proc_macro2::Literal::u32_unsuffixed(window.subsec_nanos());
    if window == SECOND {
        quote!(RateLimit::per_second(#requests))
    } else if window.subsec_nanos() == 0 {
        quote!(RateLimit::new(#requests, Duration::from_secs(#seconds)))
    } else {
        quote!(RateLimit::new(#requests, Duration::new(#seconds, #nanoseconds)))
    }
}

/// A limit as written in specifications.
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
