//! Derives the [`Model`] from the [`Spec`]: it chooses all Rust names and types, and finds collisions.

mod errors;
pub mod names;
mod paging;
mod scope;
mod types;

use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::diagnostic::Diagnostic;
use crate::spec::{self, Spanned, Spec};

pub use errors::platform_statics;
#[cfg(test)]
pub use names::exports;
pub use names::{Kind, rust_name};
pub use paging::Paging;
use scope::{Name, Scope};

/// One product as it is in generated code; the facts are borrowed from the specification.
#[derive(Debug)]
pub struct Model<'s> {
    pub product: Product<'s>,
    /// Sorted by name on the wire.
    pub actions: Vec<Action<'s>>,
    pub errors: Errors<'s>,
    /// The module `types` with the shapes that actions share; empty if there are none.
    pub shapes: Types<'s>,
    /// Whether the crate has the feature `credentials`.
    pub offers_credentials: bool,
}

#[derive(Debug)]
pub struct Product<'s> {
    pub facts: &'s spec::Product,
    /// The type of the product, such as `Cams`.
    pub type_name: String,
    /// The statics of the errors that any action can return.
    pub errors: Vec<String>,
}

#[derive(Debug)]
pub struct Action<'s> {
    pub facts: &'s spec::Action,
    pub module: String,
    /// The feature of the action; `None` in a crate with few actions, which has no such features.
    pub feature: Option<String>,
    /// The name of the module's file, without `.rs`.
    pub file: String,
    /// The request type.
    pub request: String,
    pub builder: String,
    /// Required ones first.
    pub parameters: Vec<Parameter<'s>>,
    /// The response, under the name `Output`, and all types nested in it or in a parameter.
    pub types: Types<'s>,
    /// The statics of the errors, in the order of the specification.
    pub errors: Vec<String>,
    /// The paging, if the response has pages.
    pub paging: Option<Paging>,
}

#[derive(Debug)]
pub struct Parameter<'s> {
    pub facts: &'s spec::Parameter,
    pub field: String,
    /// Whether the name has a number, because another parameter has the plain name.
    pub numbered: bool,
    /// The type of a value, without the `Option` of an optional parameter.
    pub ty: Type,
}

/// The types of one module, outer ones before those nested in them.
#[derive(Debug, Default)]
pub struct Types<'s> {
    pub objects: Vec<Object<'s>>,
    pub enums: Vec<Enum<'s>>,
}

impl Types<'_> {
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.enums.is_empty()
    }
}

#[derive(Debug)]
pub struct Object<'s> {
    pub name: String,
    pub about: About<'s>,
    pub members: Vec<Member<'s>>,
}

#[derive(Debug)]
pub struct Enum<'s> {
    pub name: String,
    pub about: About<'s>,
    pub variants: Vec<Variant<'s>>,
}

/// The purpose of a type.
#[derive(Debug)]
pub enum About<'s> {
    /// The response of this request type.
    Answer(String),
    Described {
        text: &'s str,
        /// The short name, which another type of the module has, and the type in which this one is nested.
        instead_of: Option<(String, String)>,
    },
}

#[derive(Debug)]
pub struct Member<'s> {
    pub facts: &'s spec::Field,
    pub field: String,
    /// Whether another member has the plain name.
    pub numbered: bool,
    pub ty: Type,
}

#[derive(Debug)]
pub struct Variant<'s> {
    pub name: String,
    /// Whether another value has the plain name.
    pub numbered: bool,
    pub value: &'s str,
    pub description: &'s str,
    /// The replacement.
    pub deprecated: Option<&'s str>,
}

/// A Rust type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    String,
    I32,
    I64,
    F64,
    Bool,
    Json,
    Bytes,
    Option(Box<Type>),
    Box(Box<Type>),
    Vec(Box<Type>),
    Map(Box<Type>),
    /// A type of the same module, or `types::…`.
    Named(String),
}

impl Type {
    /// Whether a setter takes exactly this type. It is false for numbers with a fraction, so that integer literals
    /// convert.
    pub fn is_plain(&self) -> bool {
        matches!(self, Self::I32 | Self::I64 | Self::Bool)
    }
}

/// The type in Rust syntax.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String => f.write_str("String"),
            Self::I32 => f.write_str("i32"),
            Self::I64 => f.write_str("i64"),
            Self::F64 => f.write_str("f64"),
            Self::Bool => f.write_str("bool"),
            Self::Json => f.write_str("Json"),
            Self::Bytes => f.write_str("Bytes"),
            Self::Option(inner) => write!(f, "Option<{inner}>"),
            Self::Box(inner) => write!(f, "Box<{inner}>"),
            Self::Vec(inner) => write!(f, "Vec<{inner}>"),
            Self::Map(inner) => write!(f, "BTreeMap<String, {inner}>"),
            Self::Named(name) => f.write_str(name),
        }
    }
}

/// The module `errors`.
#[derive(Debug)]
pub struct Errors<'s> {
    /// The variants of `ErrorCode`: one for each code.
    pub codes: Vec<ErrorCode<'s>>,
    /// One for each distinct definition.
    pub statics: Vec<ErrorStatic<'s>>,
    /// The index of the static of each definition.
    index: HashMap<errors::Definition<'s>, usize>,
}

#[derive(Debug)]
pub struct ErrorCode<'s> {
    pub variant: String,
    /// Whether another code has the plain name.
    pub numbered: bool,
    /// The first definition.
    pub facts: &'s spec::ErrorCode,
}

#[derive(Debug)]
pub struct ErrorStatic<'s> {
    pub name: String,
    pub facts: &'s spec::ErrorCode,
}

/// A crate with more actions than this has a feature for each.
const HANDFUL: usize = 5;

/// The features of a crate that do not belong to actions.
const RESERVED_FEATURES: [&str; 13] = [
    "default",
    "full",
    "reqwest",
    "hyper",
    "aws-lc-rs",
    "ring",
    "http2",
    "tracing",
    "blocking",
    "redis",
    "redis-tls",
    "credentials",
    "serde",
];

/// The feature for the action of a module: its name with hyphens.
pub fn feature(module: &str) -> String {
    let name = module.trim_start_matches("r#").replace('_', "-");
    let name = name.trim_matches('-');
    if RESERVED_FEATURES.contains(&name) { format!("{name}-action") } else { name.to_owned() }
}

/// Builds the model, or returns findings about names. With `features`, each of many actions gets a feature.
pub fn build(spec: &Spec, features: bool) -> Result<Model<'_>, Vec<Diagnostic>> {
    let mut findings = Vec::new();
    let names: HashSet<&str> = spec.actions.iter().map(|action| action.name.value.as_str()).collect();
    let type_name = match rust_name(&spec.product.code.value, Kind::Request) {
        name if names.contains(name.as_str()) => format!("{name}Product"),
        name => name,
    };
    let shape_names = types::shape_names(&spec.product.shapes);
    let shapes = types::of_shapes(&spec.product.shapes, &shape_names, &mut findings);
    let errors = errors::table(spec, &mut findings);

    let mut modules = Scope::new("module");
    let mut root = Scope::new("type");
    root.reserve(&type_name, &spec.product.code);
    let mut actions = Vec::new();
    for action in &spec.actions {
        let wire = &action.name;
        let module = modules.name(wire, None, Kind::Module).text;
        let request = request_name(&root, &names, wire);
        let builder = format!("{request}Builder");
        root.reserve(&request, wire);
        root.reserve(&builder, wire);
        let reserved = ["Output", &request, &builder, &type_name];
        let mut nested = types::Namer::new(&reserved, "types::", &shape_names, &mut findings);
        let parameters = parameters(action, &mut nested, &request);
        nested.answer(&request, &action.response);
        let types = nested.finish();
        let paging = action.paging.as_ref().and_then(|facts| paging::build(facts, &parameters, &types, &shapes));
        actions.push(Action {
            facts: action,
            file: module.trim_start_matches("r#").to_owned(),
            feature: (features && spec.actions.len() > HANDFUL).then(|| feature(&module)),
            module,
            request,
            builder,
            parameters,
            types,
            errors: errors.statics_of(&action.errors),
            paging,
        });
    }

    let product = Product { facts: &spec.product, type_name, errors: errors.statics_of(&spec.product.errors) };
    if findings.is_empty() {
        Ok(Model { product, actions, errors, shapes, offers_credentials: false })
    } else {
        Err(findings)
    }
}

/// The parameters of an action, required ones first.
fn parameters<'s>(action: &'s spec::Action, nested: &mut types::Namer<'s, '_>, request: &str) -> Vec<Parameter<'s>> {
    action.parameters.iter().for_each(|parameter| nested.take_given(&parameter.ty));
    action.response.iter().for_each(|field| nested.take_given(&field.ty));
    let mut fields = Scope::new("field");
    let given = action.parameters.iter().map(|parameter| (&parameter.name, parameter.rust_name.as_ref()));
    fields.take_given(given, Kind::Parameter, nested.findings);
    let mut parameters = Vec::new();
    for facts in &action.parameters {
        let Name { text, numbered } = fields.name(&facts.name, facts.rust_name.as_ref(), Kind::Parameter);
        let ty = nested.refer(&facts.ty, &facts.name, &facts.description, request);
        parameters.push(Parameter { facts, field: text, numbered, ty });
    }
    parameters.sort_by_key(|parameter| !parameter.facts.required);
    parameters
}

/// The name of the request type: the name of the action, unless it or the name of its builder is taken at the root of
/// the crate.
fn request_name(root: &Scope, actions: &HashSet<&str>, wire: &Spanned<String>) -> String {
    let name = rust_name(&wire.value, Kind::Request);
    // `FooBuilder` is the builder of `Foo`, if there is one.
    let is_builder = name.strip_suffix("Builder").is_some_and(|built| actions.contains(built));
    let name = if is_builder { format!("{name}Request") } else { name };
    let is_free = |name: &str| root.is_free(name) && root.is_free(&format!("{name}Builder"));
    scope::first_free(&name, Kind::Request, is_free).text
}

#[cfg(test)]
mod tests;
