//! The tables of the runtime about the platform.

use std::ops::RangeInclusive;

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::docs::Markdown;
use super::errors::error_static;
use super::print::{doc, ident, print, string};
use super::{WIDTH, file, header};
use crate::model::platform_statics;
use crate::spec::{Codes, Meaning, Platform};

/// How many columns `/// ` takes.
const DOC_PREFIX: usize = 4;

/// `table.rs` of the runtime.
pub fn tables(platform: &Platform) -> String {
    let words = platform.success_words.iter().map(|word| string(word));
    let numbers = platform.success_numbers.iter().map(range);
    let starts = platform.refuses_a_parameter.iter().map(|start| string(start));
    let rows = platform.meanings.iter().map(row);
    let statics = platform_statics(platform);
    let names = statics.iter().map(|name| ident(name));
    let mut parts = vec![
        header(&platform.source),
        print(&quote! {
            #![doc = " What every product has from the platform: facts only."]
        }),
        print(&quote! {
            use std::ops::RangeInclusive;
        }),
        print(&quote! {
            use super::Codes::{self, Containing, Family};
            use super::Meaning::{self, ClockWrong, IdentityRefused, LongLimit, NonceUsed, ServiceFailed, Throttled, TokenExpired};
            use crate::descriptor::ErrorDescriptor;
        }),
        print(&quote! {
            /// The words among the values of `Code` that can only mean success. Letters are compared without case.
            pub(super) const SUCCESS_WORDS: &[&str] = &[#(#words),*];
        }),
        print(&quote! {
            /// The numbers among them.
            pub(super) const SUCCESS_NUMBERS: &[RangeInclusive<u32>] = &[#(#numbers),*];
        }),
        print(&quote! {
            /// How codes begin that refuse a parameter, which may have any name: `InvalidParameter.Timeout`.
            pub(super) const REFUSES_A_PARAMETER: &[&str] = &[#(#starts),*];
        }),
        print(&quote! {
            /// What codes mean. The first row that matches counts.
            pub(super) const MEANINGS: &[(Codes, Meaning)] = &[#(#rows),*];
        }),
        print(&quote! {
            /// The errors that any action of any product may answer with.
            pub static ERRORS: &[&ErrorDescriptor] = &[#(&#names),*];
        }),
    ];
    parts.extend(platform.errors.iter().zip(&statics).map(|(error, name)| {
        let message = doc(&Markdown::new(&error.message).lines(WIDTH - DOC_PREFIX));
        let error = error_static(name, error);
        print(&quote!(#message pub #error))
    }));
    file(&parts)
}

fn range(range: &RangeInclusive<u32>) -> TokenStream {
    let [first, last] = [range.start(), range.end()].map(|number| Literal::u32_unsuffixed(*number));
    quote!(#first..=#last)
}

fn row((codes, meaning): &(Codes, Meaning)) -> TokenStream {
    let codes = match codes {
        Codes::Family(code) => {
            let code = string(code);
            quote!(Family(#code))
        }
        Codes::Containing(part) => {
            let part = string(part);
            quote!(Containing(#part))
        }
    };
    let meaning = match meaning {
        Meaning::LongLimit(period) => quote!(LongLimit(#period)),
        Meaning::Throttled => quote!(Throttled),
        Meaning::ClockWrong => quote!(ClockWrong),
        Meaning::TokenExpired => quote!(TokenExpired),
        Meaning::IdentityRefused => quote!(IdentityRefused),
        Meaning::NonceUsed => quote!(NonceUsed),
        Meaning::ServiceFailed => quote!(ServiceFailed),
    };
    quote!((#codes, #meaning))
}
