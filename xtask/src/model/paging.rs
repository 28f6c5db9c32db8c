//! The Rust paths of the parameter and the items of a paged action.

use super::{Parameter, Type, Types};
use crate::spec;

/// The Rust paths of paging; the facts are in the action.
#[derive(Debug)]
pub struct Paging {
    /// The field of the request that selects a page, or the field with the object that does.
    pub parameter: String,
    /// The path of the list, field by field from the output.
    pub items: Vec<String>,
    /// The type of an item.
    pub item: Type,
}

/// Finds the Rust paths. The specification stage has checked that they exist on the wire.
pub(super) fn build(
    facts: &spec::Paging,
    parameters: &[Parameter<'_>],
    types: &Types<'_>,
    shapes: &Types<'_>,
) -> Option<Paging> {
    let root = facts.parameter.first()?;
    let parameter = parameters.iter().find(|parameter| parameter.facts.name.value == *root)?.field.clone();
    // Shapes refer to each other without a module.
    let mut object = types.objects.iter().find(|object| object.name == "Output")?;
    let mut in_shapes = false;
    let mut items = Vec::new();
    let mut names = facts.items.iter().peekable();
    while let Some(name) = names.next() {
        let member = object.members.iter().find(|member| member.facts.name.value == *name)?;
        items.push(member.field.clone());
        if names.peek().is_none() {
            let Type::Vec(item) = &member.ty else { return None };
            let item = if in_shapes { seen_from_action(item) } else { (**item).clone() };
            return Some(Paging { parameter, items, item });
        }
        let name = contained(&member.ty)?;
        let find = |types: &'_ Types<'_>, name: &str| types.objects.iter().position(|object| object.name == name);
        object = match name.strip_prefix("types::") {
            Some(shape) => {
                in_shapes = true;
                &shapes.objects[find(shapes, shape)?]
            }
            None if in_shapes => &shapes.objects[find(shapes, name)?],
            None => &types.objects[find(types, name)?],
        };
    }
    None
}

/// The object in a member, which is optional and may be boxed.
fn contained(ty: &Type) -> Option<&str> {
    match ty {
        Type::Option(inner) | Type::Box(inner) => contained(inner),
        Type::Named(name) => Some(name),
        _ => None,
    }
}

/// A type of the module `types`, seen from the module of an action.
fn seen_from_action(ty: &Type) -> Type {
    let inner = |ty: &Type| Box::new(seen_from_action(ty));
    match ty {
        Type::Named(name) => Type::Named(format!("types::{name}")),
        Type::Option(ty) => Type::Option(inner(ty)),
        Type::Box(ty) => Type::Box(inner(ty)),
        Type::Vec(ty) => Type::Vec(inner(ty)),
        Type::Map(ty) => Type::Map(inner(ty)),
        ty => ty.clone(),
    }
}
