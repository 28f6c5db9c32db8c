//! `errors.rs`: the error codes of a product, as an enumeration and as facts.

use quote::quote;

use super::docs::Markdown;
use super::table::error_codes;
use super::tokens::{item, literal};
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
        "//! The documented errors of the product.\n".to_owned()
            + if model.actions.iter().any(|action| action.feature.is_some()) {
                "#![allow(dead_code, reason = \"which errors are of an action depends on the features\")]\n"
            } else {
                ""
            },
        import("alibabacloud_runtime::descriptor", &[("ErrorDescriptor", !errors.statics.is_empty())])
            + &import("alibabacloud_runtime", &[("Error", true), ("open_enums", true)]),
        error_codes(&errors.codes),
        item(&of),
    ];
    parts.extend(errors.statics.iter().map(error_static));
    file(&parts)
}

/// The facts about one error, one a line.
fn error_static(error: &ErrorStatic<'_>) -> String {
    let facts = error.facts;
    let mut lines = vec![format!("code: {}", literal(&facts.code.value))];
    lines.extend(facts.status.map(|status| format!("status: {status}")));
    lines.push(format!("message: {}", literal(&facts.message)));
    if facts.throttling {
        lines.push("throttling: true".to_owned());
    }
    let description = Markdown::new(&facts.description).text();
    if !description.is_empty() {
        lines.push(format!("description: {}", literal(&description)));
    }
    let lines: String = lines.iter().map(|line| format!("    {line},\n")).collect();
    let name = &error.name;
    format!(
        "pub(super) static {name}: ErrorDescriptor = ErrorDescriptor {{\n{lines}    ..ErrorDescriptor::EMPTY\n}};\n"
    )
}
