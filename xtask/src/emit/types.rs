//! Generates objects and enumerations, and `types.rs` with those that several actions share.

use proc_macro2::TokenStream;
use quote::quote;

use super::docs::{Markdown, described};
use super::print::{doc, ident, import, print, print_in, string};
use super::{WIDTH, file, header};
use crate::model::{About, Enum, ErrorCode, Model, Object, Type, Types};

/// The width of documentation for an item of a macro, and for a member of it.
pub(super) const ITEM: usize = WIDTH - 8;
pub(super) const MEMBER: usize = WIDTH - 12;

pub(super) fn module(model: &Model<'_>) -> String {
    let shapes = &model.shapes;
    let used = Used::by(shapes);
    let mut parts =
        vec![header(&model.product.facts.source), print(&used.std(false)), print(&used.runtime(&[], shapes, false))];
    parts.extend(macros(shapes));
    file(&parts)
}

/// A macro call for each type.
pub(super) fn macros(types: &Types<'_>) -> Vec<String> {
    types.objects.iter().map(object).chain(types.enums.iter().map(open_enum)).collect()
}

fn object(object: &Object<'_>) -> String {
    let about = about(&object.name, &object.about);
    let name = ident(&object.name);
    let members = object.members.iter().map(|member| {
        let about = doc(&described(&member.facts.name.value, &member.facts.description, member.numbered).lines(MEMBER));
        let wire = string(&member.facts.name.value);
        let sensitive = member.facts.sensitive.then(|| quote!(, sensitive));
        let deprecated = deprecated(member.facts.deprecated.as_deref());
        let (field, ty) = (ident(&member.field), tokens(&member.ty));
        quote!(#about #deprecated #[wire(#wire #sensitive)] pub #field: #ty)
    });
    print_in("object", &quote!(#about pub struct #name { #(#members,)* }))
}

fn open_enum(values: &Enum<'_>) -> String {
    let variants = values.variants.iter().map(|variant| {
        let about = described(variant.value, variant.description, variant.numbered).lines(MEMBER);
        let deprecated = deprecated(variant.deprecated);
        let variant = self::variant(&variant.name, variant.value, &about);
        quote!(#deprecated #variant)
    });
    let about = about(&values.name, &values.about);
    let name = ident(&values.name);
    print_in("open_enum", &quote!(#about pub enum #name { #(#variants,)* }))
}

/// The one enumeration of error codes.
pub(super) fn error_codes(codes: &[ErrorCode<'_>]) -> String {
    let variants = codes.iter().map(|ErrorCode { variant: name, numbered, facts }| {
        let mut about = described(&facts.code.value, &facts.message, *numbered);
        if let Some(status) = facts.status {
            about = about.and(&Markdown::verbatim(&format!("(HTTP {status})")));
        }
        let mut lines = about.lines(MEMBER);
        let more = Markdown::new(&facts.description).lines(MEMBER);
        if !more.is_empty() {
            lines.push(String::new());
            lines.extend(more);
        }
        variant(name, &facts.code.value, &lines)
    });
    print_in("open_enum", &quote!(#[doc = " An error code of the product."] pub enum ErrorCode { #(#variants,)* }))
}

fn variant(name: &str, value: &str, about: &[String]) -> TokenStream {
    let (about, name, value) = (doc(about), ident(name), string(value));
    quote!(#about #name = #value)
}

/// The attribute of a deprecated item.
pub(super) fn deprecated(instead: Option<&str>) -> Option<TokenStream> {
    instead.map(|text| {
        let text = string(&Markdown::new(text).inline());
        quote!(#[deprecated = #text])
    })
}

/// The documentation of a type.
fn about(name: &str, about: &About<'_>) -> TokenStream {
    let text = match about {
        About::Answer(request) => Markdown::verbatim(&format!("The output of [`{request}`].")),
        About::Described { text, instead_of: None } => described(name, text, false),
        About::Described { text, instead_of: Some((short, parent)) } => described(name, text, false).and(
            &Markdown::verbatim(&format!("(This is the `{short}` of [`{parent}`]; another type has the short name.)")),
        ),
    };
    doc(&text.lines(ITEM))
}

/// A type in Rust syntax.
pub(super) fn tokens(ty: &Type) -> TokenStream {
    match ty {
        Type::String => quote!(String),
        Type::I32 => quote!(i32),
        Type::I64 => quote!(i64),
        Type::F64 => quote!(f64),
        Type::Bool => quote!(bool),
        Type::Json => quote!(Json),
        // Not imported, because a nested type can have this name.
        Type::Bytes => quote!(alibabacloud_runtime::Bytes),
        Type::Option(inner) => {
            let inner = tokens(inner);
            quote!(Option<#inner>)
        }
        Type::Box(inner) => {
            let inner = tokens(inner);
            quote!(Box<#inner>)
        }
        Type::Vec(inner) => {
            let inner = tokens(inner);
            quote!(Vec<#inner>)
        }
        Type::Map(inner) => {
            let inner = tokens(inner);
            quote!(BTreeMap<String, #inner>)
        }
        Type::Named(name) => path(name),
    }
}

/// A name or a path.
pub(super) fn path(path: &str) -> TokenStream {
    let names = path.split("::").map(ident);
    quote!(#(#names)::*)
}

/// The imports that the types of a file need.
#[derive(Default)]
pub(super) struct Used {
    pub(super) map: bool,
    pub(super) json: bool,
    pub(super) shapes: bool,
}

impl Used {
    pub(super) fn by(types: &Types<'_>) -> Self {
        let mut used = Self::default();
        for member in types.objects.iter().flat_map(|object| &object.members) {
            used.add(&member.ty);
        }
        used
    }

    pub(super) fn add(&mut self, ty: &Type) {
        match ty {
            Type::Option(inner) | Type::Box(inner) | Type::Vec(inner) => self.add(inner),
            Type::Map(inner) => {
                self.map = true;
                self.add(inner);
            }
            Type::Json => self.json = true,
            Type::Named(name) => self.shapes |= name.starts_with("types::"),
            Type::String | Type::I32 | Type::I64 | Type::F64 | Type::Bool | Type::Bytes => {}
        }
    }

    /// The imports from the standard library.
    pub(super) fn std(&self, duration: bool) -> TokenStream {
        let map = import(&quote!(std::collections), &[("BTreeMap", self.map)]);
        let duration = import(&quote!(std::time), &[("Duration", duration)]);
        quote!(#map #duration)
    }

    /// The imports from the runtime: the macros for these types and for a paged action, and the given
    /// names.
    pub(super) fn runtime(&self, names: &[&str], types: &Types<'_>, is_paged: bool) -> TokenStream {
        let macros = import(
            &quote!(alibabacloud_runtime::private),
            &[
                ("object", !types.objects.is_empty()),
                ("open_enum", !types.enums.is_empty()),
                ("paged", is_paged),
                ("request", names.contains(&"Request")),
            ],
        );
        let mut names: Vec<_> = names.iter().map(|&name| (name, true)).chain([("Json", self.json)]).collect();
        names.sort_unstable();
        let names = import(&quote!(alibabacloud_runtime), &names);
        quote!(#macros #names)
    }
}
