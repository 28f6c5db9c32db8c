//! Generates the platform tables of the runtime.

use std::ops::RangeInclusive;

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::docs::Markdown;
use super::errors::error_static;
use super::print::{doc, ident, print, string};
use super::{WIDTH, file, header};
use crate::model::platform_statics;
use crate::spec::{Codes, Meaning, Platform};

/// The columns of `/// `.
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
            #![doc = " Facts about the platform, which hold for every product."]
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
            /// The words that mean success as a value of `Code`, without case.
            pub(super) const SUCCESS_WORDS: &[&str] = &[#(#words),*];
        }),
        print(&quote! {
            /// The numbers that mean success as a value of `Code`.
            pub(super) const SUCCESS_NUMBERS: &[RangeInclusive<u32>] = &[#(#numbers),*];
        }),
        print(&quote! {
            /// Prefixes of codes that reject a parameter: the rest is the name of the parameter, as in
            /// `InvalidParameter.Timeout`.
            pub(super) const REFUSES_A_PARAMETER: &[&str] = &[#(#starts),*];
        }),
        print(&quote! {
            /// The meanings of error codes. The first row that matches applies.
            pub(super) const MEANINGS: &[(Codes, Meaning)] = &[#(#rows),*];
        }),
        print(&quote! {
            /// The errors that any action of any product can return.
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
