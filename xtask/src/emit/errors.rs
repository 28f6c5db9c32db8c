//! Generates `errors.rs`: the error codes of a product, as an enumeration and as descriptors.

use std::collections::HashMap;

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::docs::Markdown;
use super::print::{ident, import, print, string};
use super::types::error_codes;
use super::{file, folder, header};
use crate::model::Model;
use crate::spec::ErrorCode;

pub(super) fn module(model: &Model<'_>) -> String {
    let errors = &model.errors;
    let of = quote! {
        impl ErrorCode {
            /// The code that an error carries; `None` when it did not come from the service.
            pub fn of(error: &Error) -> Option<Self> {
                error.code().map(Self::from)
            }
        }
    };
    let allow = model
        .actions
        .iter()
        .any(|action| action.feature.is_some())
        .then(|| quote!(#![allow(dead_code, reason = "which errors are of an action depends on the features")]));
    let descriptor =
        import(&quote!(alibabacloud_runtime::descriptor), &[("ErrorDescriptor", !errors.statics.is_empty())]);
    let mut parts = vec![
        header(&folder(model)),
        print(&quote! {
            #![doc = " The documented errors of the product."]
            #allow
        }),
        print(&quote! {
            use alibabacloud_runtime::Error;
            #descriptor
            use alibabacloud_runtime::private::open_enum;
        }),
        error_codes(&errors.codes),
        print(&of),
    ];
    let features = features(model);
    parts.extend(errors.statics.iter().map(|error| {
        let features = features.get(error.name.as_str()).map_or(&[][..], Vec::as_slice);
        let (condition, error) = (condition(features), error_static(&error.name, error.facts));
        print(&quote!(#condition pub(super) #error))
    }));
    file(&parts)
}

/// An error that more actions than this have is compiled without a condition, which would be longer than the
/// descriptor.
const MANY: usize = 10;

/// The features of the actions that have an error, by the name of its static.
fn features<'m>(model: &'m Model<'_>) -> HashMap<&'m str, Vec<&'m str>> {
    let mut features: HashMap<&str, Vec<&str>> = HashMap::new();
    for action in &model.actions {
        for (name, feature) in action.errors.iter().zip(std::iter::repeat(action.feature.as_deref())) {
            features.entry(name).or_default().extend(feature);
        }
    }
    // Errors of the product need no condition.
    for name in &model.product.errors {
        features.remove(name.as_str());
    }
    features
}

/// The `cfg` condition of an error.
fn condition(features: &[&str]) -> Option<TokenStream> {
    match features {
        [] => None,
        [only] => Some(quote!(#[cfg(feature = #only)])),
        several => (several.len() <= MANY).then(|| quote!(#[cfg(any(#(feature = #several),*))])),
    }
}

/// The private descriptor of one error.
pub(super) fn error_static(name: &str, facts: &ErrorCode) -> TokenStream {
    let name = ident(name);
    let [code, message] = [&facts.code.value, &facts.message].map(|text| string(text));
    let status = facts.status.map(|status| {
        let status = Literal::u16_unsuffixed(status);
        quote!(status: #status,)
    });
    let throttling = facts.throttling.then(|| quote!(throttling: true,));
    let description = Markdown::new(&facts.description).text();
    let description = (!description.is_empty()).then(|| {
        let description = string(&description);
        quote!(description: #description,)
    });
    quote! {
        static #name: ErrorDescriptor = ErrorDescriptor {
            code: #code,
            #status
            message: #message,
            #throttling
            #description
            ..ErrorDescriptor::EMPTY
        };
    }
}
