//! Generates the code and documentation of paging.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::print::{ident, string};
use super::types::tokens;
use crate::model::{Action, Paging};
use crate::spec::{self, PagingStyle};

/// The implementation of `Paged`.
pub(super) fn implementation(action: &Action<'_>) -> Option<TokenStream> {
    let Paging { parameter, items, item } = action.paging.as_ref()?;
    let (request, item, parameter) = (ident(&action.request), tokens(item), ident(parameter));
    let way = items.iter().map(|field| ident(field));
    Some(quote! {
        impl Paged for #request {
            type Item = #item;
            paged!(#parameter, #(#way).*);
        }
    })
}

/// The member of the action's descriptor.
pub(super) fn descriptor(facts: Option<&spec::Paging>) -> Option<TokenStream> {
    let spec::Paging { style, parameter, size, next, more, total, items } = facts?;
    let style = match style {
        PagingStyle::Token => quote!(Token),
        PagingStyle::Marker => quote!(Marker),
        PagingStyle::Number { first } => {
            let first = Literal::u32_unsuffixed(*first);
            quote!(Number { first: #first })
        }
        PagingStyle::Offset => quote!(Offset),
    };
    let paths =
        [("parameter", parameter), ("size", size), ("next", next), ("more", more), ("total", total), ("items", items)];
    let paths = paths.into_iter().filter(|(_, path)| !path.is_empty()).map(|(key, path)| {
        let (key, names) = (ident(key), path.iter().map(|name| string(name)));
        quote!(#key: &[#(#names),*],)
    });
    Some(quote! {
        paging: Some(&PagingDescriptor {
            style: PagingStyle::#style,
            #(#paths)*
            ..PagingDescriptor::EMPTY
        }),
    })
}

/// The sentence in the documentation.
pub(super) fn sentence(facts: &spec::Paging, guess: &str) -> String {
    let (parameter, items) = (facts.parameter.join("."), facts.items.join("."));
    let by = match facts.style {
        PagingStyle::Token | PagingStyle::Marker | PagingStyle::Offset => format!("by `{parameter}`"),
        PagingStyle::Number { first } => format!("by `{parameter}`, starting with {first}"),
    };
    let list = if items == spec::BODY { String::new() } else { format!(" of `{items}`") };
    format!("Paged{list}, {by}{guess}: `client.pages(…)` requests all pages, and `client.items(…)` all items.")
}
