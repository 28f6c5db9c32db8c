//! Generates `mod.rs`, with the product's descriptor and its actions, and the table of all actions.

use proc_macro2::TokenStream;
use quote::quote;

use super::docs::Markdown;
use super::print::{doc, ident, import, print, string};
use super::{MARK, WIDTH, file, folder, header};
use crate::model::{Action, Model, Types};
use crate::spec;

pub(super) fn module(model: &Model<'_>) -> String {
    let facts = model.product.facts;
    let has_actions = !model.actions.is_empty();
    let product = ident(&model.product.type_name);
    let about = doc(&Markdown::verbatim("The product of these actions, as a type:")
        .and(&Markdown::new(&facts.title))
        .lines(WIDTH - 4));
    let credentials = model.offers_credentials.then(|| {
        quote! {
            #[cfg(feature = "credentials")]
            fn default_credentials() -> Option<Box<dyn ProvideCredentials>> {
                Some(Box::new(alibabacloud_credentials::default_provider()))
            }
        }
    });
    let allow_unused = model
        .actions
        .iter()
        .any(|action| action.feature.is_some())
        .then(|| quote!(#![allow(unused_imports, reason = "the actions depend on the features")]));
    let allow_deprecated = is_any_deprecated(model)
        .then(|| quote!(#![allow(deprecated, reason = "deprecated items are declared and exported here")]));
    let descriptors = import(
        &quote!(alibabacloud_runtime::descriptor),
        &[
            ("ActionDescriptor", true),
            ("EndpointDescriptor", true),
            ("ProductDescriptor", true),
            ("RegionEndpoint", !facts.endpoints.exceptions.is_empty()),
        ],
    );
    let traits = import(&quote!(alibabacloud_runtime), &[("Action", has_actions), ("Product", true)]);
    let provide = model.offers_credentials.then(|| {
        quote! {
            #[cfg(feature = "credentials")]
            use alibabacloud_runtime::ProvideCredentials;
        }
    });
    let mut parts = vec![
        header(&facts.source),
        print(&quote! {
            #![doc = " The descriptor of the product, and its actions."]
            #![allow(clippy::needless_update, reason = "descriptors can get new fields")]
            #allow_unused
            #allow_deprecated
        }),
        print(&quote!(#descriptors #provide #traits)),
        print(&modules(model)),
        print(&exports(model)),
        print(&quote! {
            #about
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            pub struct #product;
        }),
        print(&quote! {
            impl Product for #product {
                const DESCRIPTOR: &'static ProductDescriptor = &PRODUCT;
                #credentials
            }
        }),
        print(&descriptor(model)),
    ];
    let actions = model.actions.iter().map(|action| ident(&action.request));
    let actions =
        actions.zip(model.actions.iter().map(cfg)).map(|(request, cfg)| quote!(#cfg <#request as Action>::DESCRIPTOR));
    parts.push(print(&quote! {
        /// The descriptors of the actions, sorted by name.
        pub static ACTIONS: &[&ActionDescriptor] = &[#(#actions),*];
    }));
    file(&parts)
}

/// The `cfg` attribute for the feature of an action.
fn cfg(action: &Action<'_>) -> Option<TokenStream> {
    action.feature.as_ref().map(|feature| quote!(#[cfg(feature = #feature)]))
}

/// Whether the generated code uses a deprecated item.
fn is_any_deprecated(model: &Model<'_>) -> bool {
    let is_among = |types: &Types<'_>| {
        types.objects.iter().flat_map(|object| &object.members).any(|member| member.facts.deprecated.is_some())
            || types.enums.iter().flat_map(|values| &values.variants).any(|variant| variant.deprecated.is_some())
    };
    let is_in = |action: &Action<'_>| {
        action.facts.deprecated.is_some()
            || action.parameters.iter().any(|parameter| parameter.facts.deprecated.is_some())
            || is_among(&action.types)
    };
    model.actions.iter().any(is_in) || is_among(&model.shapes)
}

/// The modules, each documented where it is declared.
fn modules(model: &Model<'_>) -> TokenStream {
    let actions = model.actions.iter().map(|action| {
        let about = format!(" The types of [`{}`].", action.request);
        let (cfg, module) = (cfg(action), ident(&action.module));
        quote!(#[doc = #about] #cfg pub mod #module;)
    });
    let types = (!model.shapes.is_empty()).then(|| {
        quote!(
            #[doc = " Types that several actions share."]
            pub mod types;
        )
    });
    quote!(#(#actions)* mod errors; #types)
}

/// The exports of the modules at the root of the crate.
fn exports(model: &Model<'_>) -> TokenStream {
    let actions = model.actions.iter().map(|action| {
        let [module, request, builder] = [&action.module, &action.request, &action.builder].map(|name| ident(name));
        let cfg = cfg(action);
        quote!(#cfg pub use self::#module::{#request, #builder};)
    });
    quote!(#(#actions)* pub use self::errors::ErrorCode;)
}

fn descriptor(model: &Model<'_>) -> TokenStream {
    let facts = model.product.facts;
    let [code, title, version, documentation, default_region] =
        [&facts.code.value, &facts.title, &facts.version, &facts.documentation, &facts.default_region]
            .map(|text| string(text));
    let central = facts.endpoints.central.as_deref().map(string).map(|host| quote!(central: #host,));
    let regions = facts.endpoints.exceptions.iter().map(region);
    let exceptions = (!facts.endpoints.exceptions.is_empty()).then(|| quote!(exceptions: &[#(#regions),*],));
    let public = facts.endpoints.public.as_deref().map(string).map(|host| quote!(public: #host,));
    let vpc = facts.endpoints.vpc.as_deref().map(string).map(|host| quote!(vpc: #host,));
    let is_partial = central.is_none() || exceptions.is_none() || public.is_none() || vpc.is_none();
    let rest = is_partial.then(|| quote!(..EndpointDescriptor::EMPTY));
    let success_codes = facts.success_codes.iter().map(|code| string(code));
    let guessed = facts.guessed.iter().map(|guess| string(&guess.key));
    let errors = model.product.errors.iter().map(|name| ident(name));
    quote! {
        /// The descriptor of the product.
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
    let name = string(&region.region);
    let public = option(region.public.as_deref());
    let vpc = option(region.vpc.as_deref());
    quote!(RegionEndpoint { region: #name, public: #public, vpc: #vpc })
}

fn option(text: Option<&str>) -> TokenStream {
    text.map(string).map_or_else(|| quote!(None), |text| quote!(Some(#text)))
}

/// The table of all actions, for the documentation of the crate.
pub(super) fn overview(model: &Model<'_>) -> String {
    let mut text = format!("<!-- {MARK} from {}. Do not edit. -->\n\n", folder(model));
    text += "| Action | What it does | Limit per account | Idempotent |\n|---|---|---|---|\n";
    for action in &model.actions {
        let facts = action.facts;
        text += &format!(
            "| [`{}`] | {}{} | {} | {} |\n",
            action.request,
            if facts.deprecated.is_some() { "**Deprecated.** " } else { "" },
            Markdown::new(&super::action::summary(facts)).cell(),
            facts.rate_limit.map_or_else(|| "none published".to_owned(), super::action::limit),
            if facts.idempotent { "yes" } else { "no" },
        );
    }
    text
}
