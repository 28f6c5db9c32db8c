//! The waiter of an action that only starts an operation.

use std::time::Duration;

use super::{Field, Spanned, Type};

/// How to wait for the operation that an action starts.
#[derive(Debug)]
pub struct Waiter {
    /// The action to call, of the same product.
    pub action: Spanned<String>,
    /// The parameters of its request.
    pub parameters: Vec<(Spanned<String>, Template)>,
    /// The path of the state in a response, as written; `None` if only error codes end the wait.
    pub state: Option<Spanned<String>>,
    /// The values that an element of the list in that path must have to count.
    pub condition: Vec<(Spanned<String>, Template)>,
    /// Whether one element with a done state is enough.
    pub any: bool,
    /// Whether the operation is done if no element counts.
    pub done_if_absent: bool,
    pub done: Vec<Spanned<String>>,
    pub failed: Vec<Spanned<String>>,
    /// The error codes that mean done.
    pub done_errors: Vec<Spanned<String>>,
    /// The error codes after which the wait continues.
    pub pending_errors: Vec<Spanned<String>>,
    /// The time between two calls.
    pub interval: Duration,
    /// The longest interval, which is reached by doubling.
    pub longest_interval: Duration,
    pub bound: Duration,
    /// The resolved paths of `state` and of the keys of `condition`; empty until all files are read.
    pub found: Found,
}

/// Paths in a response, as names of members.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The path of the list whose elements have the state; empty if there is none.
    pub list: Vec<String>,
    /// The path from an element to its state.
    pub state: Vec<String>,
    /// The paths from an element to the members that the condition compares.
    pub condition: Vec<Vec<String>>,
}

/// Alternatives for a value, each a sequence of parts. The first one whose parts all have values is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(pub Vec<Vec<Part>>);

/// A part of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    Text(String),
    /// A parameter of the starting action.
    Parameter(String),
    /// A member of its response.
    Field(Vec<String>),
}

/// The prefix of a member of the response in a [`Template`].
pub const RESPONSE: &str = "$response.";

impl Template {
    /// Parses text with names in braces, such as `{CountryCode}{MobileNumber}`, and alternatives separated by bars.
    /// `field` resolves a member of the response to its path.
    ///
    /// # Errors
    /// Describes the mistake in the text.
    pub fn parse(text: &str, field: impl Fn(&str) -> Result<Vec<String>, String>) -> Result<Self, String> {
        let alternative = |text: &str| -> Result<Vec<Part>, String> {
            let mut parts = Vec::new();
            let mut rest = text;
            while !rest.is_empty() {
                let (literal, after) = rest.split_once('{').unwrap_or((rest, ""));
                if literal.contains('}') {
                    return Err("has a brace that is not open".to_owned());
                }
                if !literal.is_empty() {
                    parts.push(Part::Text(literal.to_owned()));
                }
                if literal.len() == rest.len() {
                    break;
                }
                let Some((name, after)) = after.split_once('}') else {
                    return Err("has a brace that is not closed".to_owned());
                };
                parts.push(match name.strip_prefix(RESPONSE) {
                    _ if name.is_empty() || name.contains('{') => {
                        return Err("has braces without a name in them".to_owned());
                    }
                    Some(path) => Part::Field(field(path)?),
                    None => Part::Parameter(name.to_owned()),
                });
                rest = after;
            }
            if parts.is_empty() { Err("is empty".to_owned()) } else { Ok(parts) }
        };
        text.split(" | ").map(|text| alternative(text.trim())).collect::<Result<_, _>>().map(Self)
    }

    /// All parts of all alternatives.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.0.iter().flatten()
    }
}

/// The target of a path in a response.
#[derive(Debug)]
pub struct Place<'t> {
    /// The names of the members in the path.
    pub names: Vec<String>,
    /// The number of names up to the innermost list in the path, if there is one before the end.
    pub list: Option<usize>,
    pub ty: &'t Type,
    pub is_sensitive: bool,
}

/// Resolves a path such as `Data.Jobs.Status`, which can lead through lists. Names can contain dots.
///
/// # Errors
/// The missing name, and the existing names.
pub fn follow<'t>(
    fields: &'t [Field],
    path: &str,
    shape: &impl Fn(&str) -> Option<&'t Type>,
) -> Result<Place<'t>, (String, Vec<&'t str>)> {
    let mut names: Vec<String> = Vec::new();
    let (mut list, mut is_sensitive) = (None, false);
    let mut members = Some(fields);
    let mut ty = &Type::Any;
    let mut rest = path;
    loop {
        let name = match members {
            Some(fields) => {
                let is_next = |field: &&Field| {
                    rest.strip_prefix(&*field.name.value).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
                };
                // Of two names that match, the longer one is used.
                let Some(field) = fields.iter().filter(is_next).max_by_key(|field| field.name.value.len()) else {
                    let known = fields.iter().map(|field| field.name.value.as_str()).collect();
                    return Err((rest.split('.').next().unwrap_or_default().to_owned(), known));
                };
                is_sensitive |= field.sensitive;
                ty = &field.ty;
                field.name.value.as_str()
            }
            None => match ty {
                Type::Map(value) => {
                    ty = value;
                    rest.split('.').next().unwrap_or_default()
                }
                Type::Any => rest.split('.').next().unwrap_or_default(),
                // Nothing is inside of a scalar.
                _ => return Err((rest.to_owned(), Vec::new())),
            },
        };
        if name.is_empty() {
            return Err((rest.to_owned(), Vec::new()));
        }
        names.push(name.to_owned());
        rest = &rest[name.len()..];
        let at_the_end = rest.is_empty();
        loop {
            match ty {
                Type::Shape(name) => ty = shape(&name.value).unwrap_or(&Type::Any),
                Type::Array(items) if !at_the_end => {
                    list = Some(names.len());
                    ty = items;
                }
                Type::Wrapped(wrapped) if !at_the_end => {
                    list = Some(names.len());
                    ty = &wrapped.items;
                }
                _ => break,
            }
        }
        let Some(after) = rest.strip_prefix('.') else {
            return Ok(Place { names, list, ty, is_sensitive });
        };
        rest = after;
        members = match ty {
            Type::Object(object) => Some(&object.fields),
            _ => None,
        };
    }
}

/// Whether a value of the type is one text on the wire.
pub fn is_one(ty: &Type) -> bool {
    matches!(ty, Type::String | Type::Enum(_) | Type::Int32 | Type::Int64 | Type::Number | Type::Boolean | Type::Any)
}
