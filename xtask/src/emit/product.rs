//! `mod.rs`: the product's facts and its actions; and the table of all actions.

use proc_macro2::TokenStream;
use quote::quote;

use super::docs::Markdown;
use super::package::cfg;
use super::tokens::{ident, item, literal_token};
use super::{MARK, file, folder, header, import};
use crate::model::{Action, Model};
use crate::spec;

pub(super) fn module(model: &Model<'_>) -> String {
    let facts = model.product.facts;
    let has_actions = !model.actions.is_empty();
    let product = ident(&model.product.type_name);
    let about = format!(" {}, as a type: the product of these actions.", Markdown::new(&facts.title).inline());
    let credentials = model.offers_credentials.then(|| {
        quote! {
            #[cfg(feature = "credentials")]
            fn default_credentials() -> Option<Box<dyn alibabacloud_runtime::ProvideCredentials>> {
                Some(Box::new(alibabacloud_credentials::default_provider()))
            }
        }
    });
    let mut parts = vec![
        header(&facts.source),
        "//! The product's facts and its actions.\n\
         #![allow(clippy::needless_update, reason = \"a new field of a descriptor breaks nothing\")]\n"
            .to_owned()
            + if model.actions.iter().any(|action| action.feature.is_some()) {
                "#![allow(unused_imports, reason = \"which actions there are depends on the features\")]\n"
            } else {
                ""
            },
        import(
            "alibabacloud_runtime::descriptor",
            &[
                ("ActionDescriptor", true),
                ("EndpointDescriptor", true),
                ("ProductDescriptor", true),
                ("RegionEndpoint", !facts.endpoints.exceptions.is_empty()),
            ],
        ) + &import("alibabacloud_runtime", &[("Action", has_actions), ("Product", true)]),
        modules(model),
        model
            .actions
            .iter()
            .map(|Action { module, request, builder, feature, .. }| {
                format!("{}pub use self::{module}::{{{request}, {builder}}};\n", cfg(feature.as_deref()))
            })
            .chain(["pub use self::errors::ErrorCode;\n".to_owned()])
            .collect(),
        item(&quote! {
            #[doc = #about]
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            pub struct #product;
        }),
        item(&quote! {
            impl Product for #product {
                const DESCRIPTOR: &'static ProductDescriptor = &PRODUCT;
                #credentials
            }
        }),
        item(&descriptor(model)),
    ];
    let actions = model.actions.iter().map(|action| ident(&action.request));
    let features = model.actions.iter().map(|action| action.feature.iter().map(|name| quote!(#[cfg(feature = #name)])));
    let actions = actions.zip(features).map(|(request, cfg)| quote!(#(#cfg)* <#request as Action>::DESCRIPTOR));
    parts.push(item(&quote! {
        /// The facts about the actions, sorted by name.
        pub static ACTIONS: &[&ActionDescriptor] = &[#(#actions),*];
    }));
    file(&parts)
}

/// The modules, each documented where it is declared.
fn modules(model: &Model<'_>) -> String {
    let mut text = String::new();
    for Action { module, request, feature, .. } in &model.actions {
        text += &format!("/// The types of [`{request}`].\n{}pub mod {module};\n", cfg(feature.as_deref()));
    }
    text += "mod errors;\n";
    if !model.shapes.is_empty() {
        text += "/// Types that several actions share.\npub mod types;\n";
    }
    text
}

fn descriptor(model: &Model<'_>) -> TokenStream {
    let facts = model.product.facts;
    let [code, title, version, documentation, default_region] =
        [&facts.code.value, &facts.title, &facts.version, &facts.documentation, &facts.default_region]
            .map(|text| literal_token(text));
    let central = facts.endpoints.central.as_deref().map(literal_token).map(|host| quote!(central: #host,));
    let regions = facts.endpoints.exceptions.iter().map(region);
    let exceptions = (!facts.endpoints.exceptions.is_empty()).then(|| quote!(exceptions: &[#(#regions),*],));
    let public = facts.endpoints.public.as_deref().map(literal_token).map(|host| quote!(public: #host,));
    let vpc = facts.endpoints.vpc.as_deref().map(literal_token).map(|host| quote!(vpc: #host,));
    let is_partial = central.is_none() || exceptions.is_none() || public.is_none() || vpc.is_none();
    let rest = is_partial.then(|| quote!(..EndpointDescriptor::EMPTY));
    let success_codes = facts.success_codes.iter().map(|code| literal_token(code));
    let guessed = facts.guessed.iter().map(|guess| literal_token(&guess.key));
    let errors = model.product.errors.iter().map(|name| ident(name));
    quote! {
        /// The facts about the product.
        pub static PRODUCT: ProductDescriptor = ProductDescriptor {
            code: #code,
            title: #title,
            version: #version,
            documentation: #documentation,
            default_region: #default_region,
            endpoints: EndpointDescriptor { #central #public #vpc #exceptions #rest },
            success_codes: &[#(#success_codes),*],
            errors: &[#(&errors::#errors),*],
            actions: ACTIONS,
            guessed: &[#(#guessed),*],
        };
    }
}

fn region(region: &spec::RegionEndpoint) -> TokenStream {
    let name = literal_token(&region.region);
    let public = option(region.public.as_deref());
    let vpc = option(region.vpc.as_deref());
    quote!(RegionEndpoint { region: #name, public: #public, vpc: #vpc })
}

fn option(text: Option<&str>) -> TokenStream {
    text.map(literal_token).map_or_else(|| quote!(None), |text| quote!(Some(#text)))
}

/// The table of all actions, for the documentation of the crate.
pub(super) fn overview(model: &Model<'_>) -> String {
    let mut text = format!("<!-- {MARK} from {}. Do not edit. -->\n\n", folder(model));
    text += "| Action | What it does | Limit per account | Idempotent | RAM permission |\n|---|---|---|---|---|\n";
    for action in &model.actions {
        let facts = action.facts;
        let permission = facts.authorization.as_ref().map_or_else(
            || "none".to_owned(),
            |authorization| Markdown::new(&format!("`{}`, {}", authorization.action, authorization.access)).cell(),
        );
        text += &format!(
            "| [`{}`] | {}{} | {} | {} | {permission} |\n",
            action.request,
            if facts.deprecated.is_some() { "**Deprecated.** " } else { "" },
            Markdown::new(&super::action::summary(facts)).cell(),
            facts.rate_limit.map_or_else(|| "none published".to_owned(), super::action::limit),
            if facts.idempotent { "yes" } else { "no" },
        );
    }
    text
}
