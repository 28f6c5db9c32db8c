//! `errors.rs`: the error codes of a product, as an enumeration and as facts.

use quote::quote;

use super::table::error_codes;
use super::tokens::{ident, item, literal_token};
use super::{file, folder, header, import};
use crate::model::{ErrorStatic, Model};

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
    let mut parts = vec![
        header(&folder(model)),
        "//! The documented errors of the product.".to_owned(),
        import("alibabacloud_runtime::descriptor", &[("ErrorDescriptor", !errors.statics.is_empty())])
            + &import("alibabacloud_runtime", &[("Error", true), ("open_enums", true)]),
        error_codes(&errors.codes),
        item(&of),
    ];
    parts.extend(errors.statics.iter().map(error_static));
    file(&parts)
}

fn error_static(error: &ErrorStatic<'_>) -> String {
    let name = ident(&error.name);
    let facts = error.facts;
    let code = literal_token(&facts.code.value);
    let status = proc_macro2::Literal::u16_unsuffixed(facts.status);
    let message = literal_token(&facts.message);
    let throttling = facts.throttling.then(|| quote!(throttling: true,));
    let description = super::docs::Markdown::new(&facts.description).text();
    let description = (!description.is_empty()).then(|| {
        let text = literal_token(&description);
        quote!(description: #text,)
    });
    item(&quote! {
        pub(super) static #name: ErrorDescriptor = ErrorDescriptor {
            code: #code,
            status: #status,
            message: #message,
            #throttling
            #description
            ..ErrorDescriptor::EMPTY
        };
    })
}
