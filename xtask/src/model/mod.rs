//! [`Spec`] -> [`Model`]: every Rust name and type decided, every collision found. Knows neither YAML nor tokens.

mod errors;
pub mod names;
mod scope;
mod types;

use crate::diagnostic::Diagnostic;
use crate::spec::{self, Spec};

use names::{Kind, rust_name};
use scope::Scope;

/// One product as the generated code will have it; the facts are borrowed from the specification.
#[derive(Debug)]
pub struct Model<'s> {
    pub product: Product<'s>,
    /// Sorted by name on the wire.
    pub actions: Vec<Action<'s>>,
    pub errors: Errors<'s>,
    /// The module `types`: shapes that actions share. Empty if there are none.
    pub shapes: Types<'s>,
}

#[derive(Debug)]
pub struct Product<'s> {
    pub facts: &'s spec::Product,
    /// The type that stands for the product, e.g. `Cams`.
    pub type_name: String,
    /// The statics of the errors that any action may answer with.
    pub errors: Vec<String>,
}

#[derive(Debug)]
pub struct Action<'s> {
    pub facts: &'s spec::Action,
    pub module: String,
    /// The name of the module's file, without `.rs`.
    pub file: String,
    /// The request type.
    pub request: String,
    pub builder: String,
    /// Required ones first.
    pub parameters: Vec<Parameter<'s>>,
    /// The answer, under the name `Output`, and everything that is nested in it or in a parameter.
    pub types: Types<'s>,
    /// The statics of the errors, in the order of the specification.
    pub errors: Vec<String>,
}

#[derive(Debug)]
pub struct Parameter<'s> {
    pub facts: &'s spec::Parameter,
    pub field: String,
    /// The type of a value, whether required or not.
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

/// What a type is for.
#[derive(Debug)]
pub enum About<'s> {
    /// The answer to this request type.
    Answer(String),
    Described {
        text: &'s str,
        /// The short name that another type of the module has, and the type in which this one is nested.
        instead_of: Option<(String, String)>,
    },
}

#[derive(Debug)]
pub struct Member<'s> {
    pub facts: &'s spec::Field,
    pub field: String,
    pub ty: Type,
}

#[derive(Debug)]
pub struct Variant<'s> {
    pub name: String,
    pub value: &'s str,
    pub description: &'s str,
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
    Option(Box<Type>),
    Box(Box<Type>),
    Vec(Box<Type>),
    Map(Box<Type>),
    /// A type of the same module, or `types::…`.
    Named(String),
}

/// The module `errors`.
#[derive(Debug)]
pub struct Errors<'s> {
    /// The variants of `ErrorCode`: one for each code.
    pub codes: Vec<ErrorCode<'s>>,
    /// One for each distinct definition.
    pub statics: Vec<ErrorStatic<'s>>,
}

#[derive(Debug)]
pub struct ErrorCode<'s> {
    pub variant: String,
    /// The first definition.
    pub facts: &'s spec::ErrorCode,
}

#[derive(Debug)]
pub struct ErrorStatic<'s> {
    pub name: String,
    pub facts: &'s spec::ErrorCode,
}

/// What to do about actions whose names collide.
const ONE_PRODUCT: &str = "correct the name of one of them; the actions of a product cannot share a name";

/// Decides all names, or tells which cannot be decided.
pub fn build(spec: &Spec) -> Result<Model<'_>, Vec<Diagnostic>> {
    let mut findings = Vec::new();
    let type_name = match rust_name(&spec.product.code.value, Kind::Type) {
        name if is_action(spec, &name) => format!("{name}Product"),
        name => name,
    };
    let shapes = types::of_shapes(&spec.product.shapes, &mut findings);
    let errors = errors::table(spec, &mut findings);

    let mut modules = Scope::new("module", ONE_PRODUCT);
    let mut root = Scope::new("type", ONE_PRODUCT);
    root.claim(&type_name, &spec.product.code, None, &mut findings);
    let mut actions = Vec::new();
    for action in &spec.actions {
        let built = build_action(spec, action, &type_name, &errors, &mut findings);
        // One finding about a pair of actions is enough.
        let _ = modules.claim(&built.module, &action.name, None, &mut findings)
            && root.claim(&built.request, &action.name, None, &mut findings)
            && root.claim(&built.builder, &action.name, None, &mut findings);
        actions.push(built);
    }
    actions.sort_by(|a, b| a.facts.name.value.cmp(&b.facts.name.value));

    let product = Product { facts: &spec.product, type_name, errors: errors.statics_of(&spec.product.errors) };
    if findings.is_empty() { Ok(Model { product, actions, errors, shapes }) } else { Err(findings) }
}

fn build_action<'s>(
    spec: &'s Spec,
    action: &'s spec::Action,
    product: &str,
    errors: &Errors<'s>,
    findings: &mut Vec<Diagnostic>,
) -> Action<'s> {
    let module = rust_name(&action.name.value, Kind::Module);
    let request = request_name(spec, &action.name.value);
    let builder = format!("{request}Builder");
    let mut fields = Scope::new("field", scope::GIVE_A_NAME);
    let mut nested = types::Namer::new(&["Output", &request, &builder, product], "types::", findings);
    action.parameters.iter().for_each(|parameter| nested.take_given(&parameter.ty));
    action.response.iter().for_each(|field| nested.take_given(&field.ty));
    let mut parameters = Vec::new();
    for facts in &action.parameters {
        parameters.push(Parameter {
            facts,
            field: fields.name(&facts.name, facts.rust_name.as_ref(), Kind::Parameter, nested.findings),
            ty: nested.refer(&facts.ty, &facts.name, &facts.description, &request),
        });
    }
    parameters.sort_by_key(|parameter| !parameter.facts.required);
    nested.answer(&request, &action.response);
    let types = nested.finish();

    Action {
        facts: action,
        file: module.trim_start_matches("r#").to_owned(),
        module,
        request,
        builder,
        parameters,
        types,
        errors: errors.statics_of(&action.errors),
    }
}

/// The type of an action's request: the action's name, unless something else at the root of the crate has it.
fn request_name(spec: &Spec, action: &str) -> String {
    let name = rust_name(action, Kind::Type);
    // `FooBuilder` is the builder of `Foo`, if there is one.
    let is_builder = name.strip_suffix("Builder").is_some_and(|built| is_action(spec, built));
    if is_builder { format!("{name}Request") } else { name }
}

fn is_action(spec: &Spec, name: &str) -> bool {
    spec.actions.iter().any(|action| action.name.value == name)
}

#[cfg(test)]
mod tests;
