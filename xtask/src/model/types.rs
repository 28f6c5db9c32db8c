//! The types of one module: the names of nested objects and enumerations, and the members that need a `Box`.

use std::collections::{HashMap, VecDeque};

use super::names::{Kind, rust_name, singular};
use super::scope::{Name, Scope, check_given, first_free};
use super::{About, Enum, Member, Object, Type, Types, Variant};
use crate::diagnostic::{Diagnostic, Span, quoted};
use crate::spec::{self, Spanned};

/// A longer name does not get the name of its parent as a prefix.
const LONGEST_TYPE: usize = 60;

/// Names the types of one module, outer ones first: of two types with the same name, the inner one gets the name of its
/// parent as a prefix.
pub(super) struct Namer<'s, 'f> {
    /// The path of the shared shapes from this module.
    shapes: &'static str,
    shape_names: &'f ShapeNames<'s>,
    /// Names in the module that are not nested types.
    reserved: Vec<String>,
    taken: HashMap<String, Option<Span>>,
    waiting: VecDeque<Waiting<'s>>,
    types: Types<'s>,
    pub(super) findings: &'f mut Vec<Diagnostic>,
}

/// A named object whose members are not named yet.
struct Waiting<'s> {
    name: String,
    about: About<'s>,
    fields: &'s [spec::Field],
}

impl<'s, 'f> Namer<'s, 'f> {
    pub(super) fn new(
        reserved: &[&str],
        shapes: &'static str,
        shape_names: &'f ShapeNames<'s>,
        findings: &'f mut Vec<Diagnostic>,
    ) -> Self {
        Self {
            shapes,
            shape_names,
            reserved: reserved.iter().map(|&name| name.to_owned()).collect(),
            taken: HashMap::new(),
            waiting: VecDeque::new(),
            types: Types::default(),
            findings,
        }
    }

    /// Reserves the names that the specification sets, at any depth; they take precedence over automatic ones.
    pub(super) fn take_given(&mut self, ty: &'s spec::Type) {
        match ty {
            spec::Type::Array(inner) | spec::Type::Map(inner) => self.take_given(inner),
            spec::Type::Wrapped(wrapped) => self.take_given(&wrapped.items),
            spec::Type::Object(object) => {
                self.take(object.type_name.as_ref());
                object.fields.iter().for_each(|field| self.take_given(&field.ty));
            }
            spec::Type::Enum(values) => self.take(values.type_name.as_ref()),
            _ => {}
        }
    }

    fn take(&mut self, given: Option<&'s Spanned<String>>) {
        let Some(given) = given else { return };
        check_given(given, "type_name", Kind::Type, self.findings);
        if self.reserved.contains(&given.value) {
            self.findings.push(Diagnostic::error(
                given.span.clone(),
                format!("`type_name` cannot be {}", quoted(&given.value)),
                "another type of the module has this name",
                "choose another name",
            ));
        }
        self.claim(&given.value, &given.span);
    }

    /// The Rust type for a type of the specification. A type described in place is named here: by its `type_name`, or
    /// by `wire`, the name of its parameter or field.
    pub(super) fn refer(
        &mut self,
        ty: &'s spec::Type,
        wire: &Spanned<String>,
        description: &'s str,
        parent: &str,
    ) -> Type {
        match ty {
            spec::Type::String => Type::String,
            spec::Type::Int32 => Type::I32,
            spec::Type::Int64 => Type::I64,
            spec::Type::Number => Type::F64,
            spec::Type::Boolean => Type::Bool,
            spec::Type::Any => Type::Json,
            spec::Type::Bytes => Type::Bytes,
            spec::Type::Array(item) => Type::Vec(Box::new(self.refer(item, &one_of(wire), description, parent))),
            spec::Type::Wrapped(wrapped) => {
                let member = Spanned { value: singular(&wrapped.member), span: wire.span.clone() };
                Type::Vec(Box::new(self.refer(&wrapped.items, &member, description, parent)))
            }
            spec::Type::Map(value) => Type::Map(Box::new(self.refer(value, &one_of(wire), description, parent))),
            spec::Type::Shape(name) => Type::Named(format!("{}{}", self.shapes, self.shape(&name.value))),
            spec::Type::Object(object) => {
                let (name, instead_of) = self.choose(object.type_name.as_ref(), wire, parent);
                let about = About::Described { text: object.description.as_deref().unwrap_or(description), instead_of };
                self.waiting.push_back(Waiting { name: name.clone(), about, fields: &object.fields });
                Type::Named(name)
            }
            spec::Type::Enum(values) => {
                let (name, instead_of) = self.choose(values.type_name.as_ref(), wire, parent);
                self.add_enum(name.clone(), About::Described { text: description, instead_of }, values);
                Type::Named(name)
            }
        }
    }

    /// The Rust name of a shape.
    fn shape(&self, name: &str) -> String {
        self.shape_names.get(name).cloned().unwrap_or_else(|| rust_name(name, Kind::Type))
    }

    /// Chooses the name of a type; also returns the shorter name if that was taken.
    fn choose(
        &mut self,
        given: Option<&Spanned<String>>,
        wire: &Spanned<String>,
        parent: &str,
    ) -> (String, Option<(String, String)>) {
        if let Some(given) = given {
            return (given.value.clone(), None);
        }
        let mut short = rust_name(&wire.value, Kind::Type);
        if self.reserved.contains(&short) {
            short.push_str("Type");
        }
        if !self.taken.contains_key(&short) {
            self.claim(&short, &wire.span);
            return (short, None);
        }
        // Nested objects with equal names would get longer and longer names; a number is shorter.
        let long = format!("{parent}{short}");
        let long = if long.len() > LONGEST_TYPE { short.clone() } else { long };
        let is_free = |name: &str| !self.taken.contains_key(name) && !self.reserved.iter().any(|used| used == name);
        let name = first_free(&long, Kind::Type, is_free).text;
        self.claim(&name, &wire.span);
        (name, Some((short, parent.to_owned())))
    }

    fn claim(&mut self, name: &str, span: &Span) {
        let first = self.taken.entry(name.to_owned()).or_insert(None);
        match first {
            None => *first = Some(span.clone()),
            Some(first) => {
                let related = first.clone();
                self.findings.push(
                    Diagnostic::error(
                        span.clone(),
                        format!("two types of one module have the name `{name}`"),
                        "the second",
                        "give one of them another `type_name`",
                    )
                    .with_related(related, format!("the first type `{name}`")),
                );
            }
        }
    }

    fn add_enum(&mut self, name: String, about: About<'s>, values: &'s spec::Enum) {
        let mut scope = Scope::new("variant");
        let given = values.values.iter().map(|value| (&value.value, value.rust_name.as_ref()));
        scope.take_given(given, Kind::Variant, self.findings);
        let mut variants = Vec::new();
        for facts in &values.values {
            let Name { text, numbered } = scope.name(&facts.value, facts.rust_name.as_ref(), Kind::Variant);
            let (value, description) = (&facts.value.value, &facts.description);
            let deprecated = facts.deprecated.as_deref();
            variants.push(Variant { name: text, numbered, value, description, deprecated });
        }
        self.types.enums.push(Enum { name, about, variants });
    }

    /// Adds the response of a request. It is outermost, so its members are named before those of nested objects.
    pub(super) fn answer(&mut self, request: &str, fields: &'s [spec::Field]) {
        let about = About::Answer(request.to_owned());
        self.waiting.push_front(Waiting { name: "Output".to_owned(), about, fields });
    }

    /// All types of the module.
    pub(super) fn finish(mut self) -> Types<'s> {
        while let Some(Waiting { name, about, fields }) = self.waiting.pop_front() {
            let mut scope = Scope::new("field");
            let given = fields.iter().map(|field| (&field.name, field.rust_name.as_ref()));
            scope.take_given(given, Kind::Field, self.findings);
            let mut members = Vec::new();
            for facts in fields {
                let Name { text: field, numbered } = scope.name(&facts.name, facts.rust_name.as_ref(), Kind::Field);
                let ty = match self.refer(&facts.ty, &facts.name, &facts.description, &name) {
                    // An empty value means that it is absent.
                    ty @ (Type::Vec(_) | Type::Map(_)) => ty,
                    ty => Type::Option(Box::new(ty)),
                };
                members.push(Member { facts, field, numbered, ty });
            }
            self.types.objects.push(Object { name, about, members });
        }
        box_recursion(&mut self.types.objects);
        self.types
    }
}

/// The Rust names of shapes, by their names in the specification.
pub(super) type ShapeNames<'s> = HashMap<&'s str, String>;

/// Names the shapes of a product.
pub(super) fn shape_names(shapes: &[spec::Shape]) -> ShapeNames<'_> {
    let mut scope = Scope::new("type");
    let mut name = |shape: &spec::Shape| scope.name(&shape.name, None, Kind::Type).text;
    shapes.iter().map(|shape| (shape.name.value.as_str(), name(shape))).collect()
}

/// The shapes of a product as the types of one module.
pub(super) fn of_shapes<'s>(
    shapes: &'s [spec::Shape],
    names: &ShapeNames<'s>,
    findings: &mut Vec<Diagnostic>,
) -> Types<'s> {
    let mut types = Namer::new(&[], "", names, findings);
    for shape in shapes {
        types.claim(&types.shape(&shape.name.value), &shape.name.span);
    }
    for shape in shapes {
        if let spec::Type::Object(object) = &shape.ty {
            object.fields.iter().for_each(|field| types.take_given(&field.ty));
        }
    }
    for shape in shapes {
        let name = types.shape(&shape.name.value);
        let about = About::Described { text: &shape.description, instead_of: None };
        match &shape.ty {
            spec::Type::Object(object) => types.waiting.push_back(Waiting { name, about, fields: &object.fields }),
            spec::Type::Enum(values) => types.add_enum(name, about, values),
            _ => {}
        }
    }
    types.finish()
}

/// The singular of the name of a list, at the same place.
fn one_of(wire: &Spanned<String>) -> Spanned<String> {
    Spanned { value: singular(&wire.value), span: wire.span.clone() }
}

/// Boxes the members through which an object contains itself; lists and maps are allocated anyway.
fn box_recursion(objects: &mut [Object<'_>]) {
    let circles = circles(objects);
    for object in objects {
        for member in &mut object.members {
            if let (Some(inner), Type::Option(ty)) = (contained(&member.ty), &mut member.ty)
                && circles.contains_key(&inner)
                && circles.get(&inner) == circles.get(&object.name)
            {
                **ty = Type::Box(Box::new(ty.as_ref().clone()));
            }
        }
    }
}

/// The strongly connected components of the objects, as a number for each object, found in two passes (Kosaraju). The
/// search is iterative, because a chain of objects can be long.
fn circles(objects: &[Object<'_>]) -> HashMap<String, usize> {
    let index: HashMap<&str, usize> =
        objects.iter().enumerate().map(|(index, object)| (object.name.as_str(), index)).collect();
    let mut inner: Vec<Vec<usize>> = vec![Vec::new(); objects.len()];
    let mut outer: Vec<Vec<usize>> = vec![Vec::new(); objects.len()];
    for (from, object) in objects.iter().enumerate() {
        for name in object.members.iter().filter_map(|member| contained(&member.ty)) {
            if let Some(&to) = index.get(name.as_str()) {
                inner[from].push(to);
                outer[to].push(from);
            }
        }
    }
    // Objects that are finished last contain the others.
    let (mut seen, mut finished) = (vec![false; objects.len()], Vec::new());
    for start in 0..objects.len() {
        let mut open = vec![(start, 0)];
        while let Some((at, next)) = open.pop() {
            if next == 0 && std::mem::replace(&mut seen[at], true) {
                continue;
            }
            match inner[at].get(next) {
                Some(&to) => open.extend([(at, next + 1), (to, 0)]),
                None => finished.push(at),
            }
        }
    }
    let mut circle: Vec<Option<usize>> = vec![None; objects.len()];
    for (number, &start) in finished.iter().rev().enumerate() {
        let mut open = vec![start];
        while let Some(at) = open.pop() {
            if circle[at].is_none() {
                circle[at] = Some(number);
                open.extend(&outer[at]);
            }
        }
    }
    objects.iter().zip(circle).filter_map(|(object, circle)| Some((object.name.clone(), circle?))).collect()
}

/// The type that a member contains without an allocation.
fn contained(ty: &Type) -> Option<String> {
    match ty {
        Type::Option(inner) => match &**inner {
            Type::Named(name) => Some(name.clone()),
            _ => None,
        },
        _ => None,
    }
}
