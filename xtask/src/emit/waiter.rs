//! Generates the descriptor and the documentation of a waiter.

use std::time::Duration;

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::print::{ident, string};
use crate::model::{Action, Model};
use crate::spec::{self, Part, Template, Waiter};

/// The member of the descriptor.
pub(super) fn facts(waiter: &Waiter) -> TokenStream {
    let action = string(&waiter.action.value);
    let parameters = waiter.parameters.iter().map(|(name, template)| {
        let (name, value) = (string(&name.value), value(template));
        quote!((#name, #value))
    });
    let parameters = (!waiter.parameters.is_empty()).then(|| quote!(parameters: &[#(#parameters),*],));
    let list = (!waiter.found.list.is_empty()).then(|| {
        let list = names(&waiter.found.list);
        quote!(list: #list,)
    });
    let state = waiter.state.as_ref().map(|_| {
        let state = names(&waiter.found.state);
        quote!(state: #state,)
    });
    let condition = waiter.found.condition.iter().zip(&waiter.condition).map(|(path, (_, template))| {
        let (path, value) = (names(path), value(template));
        quote!((#path, #value))
    });
    let condition = (!waiter.condition.is_empty()).then(|| quote!(condition: &[#(#condition),*],));
    let any = waiter.any.then(|| quote!(any: true,));
    let values = |key: &str, values: &[spec::Spanned<String>]| {
        let (key, strings) = (ident(key), values.iter().map(|value| string(&value.value)));
        (!values.is_empty()).then(|| quote!(#key: &[#(#strings),*],))
    };
    let (done, failed) = (values("done", &waiter.done), values("failed", &waiter.failed));
    let absent = waiter.done_if_absent.then(|| quote!(done_if_absent: true,));
    let errors = [values("done_errors", &waiter.done_errors), values("pending_errors", &waiter.pending_errors)];
    let [interval, longest, bound] = [waiter.interval, waiter.longest_interval, waiter.bound].map(seconds);
    quote! {
        waiter: Some(&WaiterDescriptor {
            action: #action,
            #parameters
            #list
            #state
            #condition
            #any
            #done
            #failed
            #absent
            #(#errors)*
            interval: #interval,
            longest_interval: #longest,
            bound: #bound,
            ..WaiterDescriptor::EMPTY
        }),
    }
}

fn value(template: &Template) -> TokenStream {
    let alternatives = template.0.iter().map(|parts| {
        let parts = parts.iter().map(|part| match part {
            Part::Text(text) => {
                let text = string(text);
                quote!(WaiterPart::Text(#text))
            }
            Part::Parameter(name) => {
                let name = string(name);
                quote!(WaiterPart::Parameter(#name))
            }
            Part::Field(path) => {
                let path = names(path);
                quote!(WaiterPart::Field(#path))
            }
        });
        quote!(&[#(#parts),*])
    });
    quote!(&[#(#alternatives),*])
}

fn names(path: &[String]) -> TokenStream {
    let names = path.iter().map(|name| string(name));
    quote!(&[#(#names),*])
}

fn seconds(duration: Duration) -> TokenStream {
    let seconds = Literal::u64_unsuffixed(duration.as_secs());
    quote!(Duration::from_secs(#seconds))
}

/// Whether the waiter has values that are built from parts.
pub(super) fn has_values(waiter: &Waiter) -> bool {
    !waiter.parameters.is_empty() || !waiter.condition.is_empty()
}

/// The implementation of `Waitable`.
pub(super) fn implementation(model: &Model<'_>, action: &Action<'_>) -> Option<TokenStream> {
    let waiter = action.facts.waiter.as_ref()?;
    let asked = model.actions.iter().find(|asked| asked.facts.name.value == waiter.action.value)?;
    let cfg = asked.feature.as_ref().map(|feature| quote!(#[cfg(feature = #feature)]));
    let (request, module, name) = (ident(&action.request), ident(&asked.module), ident(&asked.request));
    let asked = if asked.request == action.request { quote!(Self) } else { quote!(super::#module::#name) };
    Some(quote! {
        #cfg
        impl Waitable for #request {
            type Asked = #asked;
        }
    })
}

/// The sentences in the documentation of the request.
pub(super) fn in_words(facts: &spec::Action, waiter: &Waiter, asked_feature: Option<&str>) -> String {
    let guess = if facts.is_guessed("waiter") { " (a guess, not reviewed)" } else { "" };
    let code = |values: &[spec::Spanned<String>]| {
        values.iter().map(|value| format!("`{}`", value.value)).collect::<Vec<_>>().join(" or ")
    };
    let mut text = format!(
        "`Client::wait_for` waits for the operation that it starts{guess}: it calls `{}` every {}",
        waiter.action.value,
        each(waiter.interval)
    );
    if waiter.longest_interval > waiter.interval {
        text += &format!(", later every {},", each(waiter.longest_interval));
    }
    let mut ends = Vec::new();
    if let Some(state) = waiter.state.as_ref().filter(|_| !waiter.done.is_empty()) {
        ends.push(format!("`{}` is {}", state.value, code(&waiter.done)));
    }
    if waiter.done_if_absent {
        let list = waiter.found.list.join(".");
        ends.push(if list == spec::BODY {
            "the list has no such element".to_owned()
        } else {
            format!("`{list}` has no such element")
        });
    }
    if !waiter.done_errors.is_empty() {
        ends.push(format!("it fails with {}", code(&waiter.done_errors)));
    }
    text += &format!(" until {}", ends.join(", or "));
    if !waiter.failed.is_empty() {
        text += &format!("; {} is a failure", code(&waiter.failed));
    }
    text += &format!(". The wait ends after {}.", time(waiter.bound));
    if let Some(feature) = asked_feature {
        text += &format!(" Needs the feature `{feature}`.");
    }
    text
}

/// A time in words after "every".
fn each(duration: Duration) -> String {
    let time = time(duration);
    time.strip_prefix("1 ").map_or(time.clone(), ToOwned::to_owned)
}

/// A time in words.
fn time(duration: Duration) -> String {
    let (count, unit) = match duration.as_secs() {
        seconds if seconds % 3600 == 0 => (seconds / 3600, "hour"),
        seconds if seconds % 60 == 0 => (seconds / 60, "minute"),
        seconds => (seconds, "second"),
    };
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}
