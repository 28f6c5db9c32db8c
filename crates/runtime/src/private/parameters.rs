//! From typed values to the parameters on the wire.

use std::borrow::Cow;
use std::fmt;

use crate::action::Request;
use crate::descriptor::{ParameterDescriptor, ParameterLocation, ParameterStyle};
use crate::open::Json;
use crate::value::{List, Value, View, to_json};

/// One parameter as it goes over the wire, not yet percent-encoded.
#[derive(Clone, PartialEq, Eq)]
pub struct Parameter<'a> {
    /// The name.
    pub name: Cow<'a, str>,
    /// The value, byte for byte.
    pub value: Cow<'a, str>,
    /// Where the specification puts it.
    pub location: ParameterLocation,
    /// Whether it must not be printed.
    pub sensitive: bool,
}

/// Sensitive values are hidden.
impl fmt::Debug for Parameter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value: &dyn fmt::Debug = if self.sensitive { &crate::value::Hidden } else { &self.value };
        f.debug_struct("Parameter")
            .field("name", &self.name)
            .field("value", value)
            .field("location", &self.location)
            .finish()
    }
}

/// Why a parameter cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidParameter {
    /// The parameter's name on the wire.
    pub name: String,
    /// What is wrong with its value.
    pub problem: &'static str,
}

impl fmt::Display for InvalidParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "parameter `{}`: {}", self.name, self.problem)
    }
}

impl std::error::Error for InvalidParameter {}

/// All parameters of a request that have a value, in the order of the specification.
///
/// # Errors
/// If a number is not finite, which has no form on the wire, if a required text is empty, or if two values of the request have the same
/// name on the wire.
pub fn parameters<R: Request>(request: &R) -> Result<Vec<Parameter<'_>>, InvalidParameter> {
    let mut writer = Writer { out: Vec::with_capacity(R::PARAMETERS.len()), problem: None, has_parts: false };
    request.each(&mut |parameter, value| writer.parameter(parameter, value));
    writer.find_duplicate();
    match writer.problem {
        None => Ok(writer.out),
        Some(problem) => Err(problem),
    }
}

/// The problem of a required parameter that is empty text.
const EMPTY: &str = "it is required but empty";

/// Refuses an empty required parameter of an untyped request.
///
/// # Errors
/// If the parameter is required and the value is empty.
pub(crate) fn check_text(parameter: &ParameterDescriptor, value: &str) -> Result<(), InvalidParameter> {
    if parameter.required && value.is_empty() {
        return Err(InvalidParameter { name: parameter.name.to_owned(), problem: EMPTY });
    }
    Ok(())
}

struct Writer<'a> {
    out: Vec<Parameter<'a>>,
    problem: Option<InvalidParameter>,
    /// Whether a parameter was written in parts, such as `Name.1`: only these can collide with other parameters.
    has_parts: bool,
}

impl<'a> Writer<'a> {
    fn parameter(&mut self, parameter: &'static ParameterDescriptor, value: &'a dyn Value) {
        let name = Cow::Borrowed(parameter.name);
        let sensitive = parameter.sensitive;
        match (value.view(), parameter.style) {
            (View::Absent, _) => {}
            // The whole body: text as it is, everything else as JSON.
            (View::List(_) | View::Map(_) | View::Object(_), _) if parameter.location == ParameterLocation::Body => {
                let inside = self.inside(parameter.name, value);
                self.push(parameter, name, Cow::Owned(to_json(value)), sensitive || inside);
            }
            (View::Any(json), _) if parameter.location == ParameterLocation::Body && !json.is_string() => {
                self.push(parameter, name, Cow::Owned(json.to_string()), sensitive);
            }
            // Text that stands for any JSON value is sent as it is, like every other text.
            (View::Any(Json::String(text)), _) => self.push(parameter, name, Cow::Borrowed(text), sensitive),
            (View::List(_) | View::Map(_) | View::Object(_) | View::Any(_), ParameterStyle::Json)
            | (View::Any(_), ParameterStyle::Simple) => {
                let inside = self.inside(parameter.name, value);
                self.push(parameter, name, Cow::Owned(to_json(value)), sensitive || inside);
            }
            (View::List(list), ParameterStyle::Simple) => {
                let inside = self.inside(parameter.name, value);
                if let Some(joined) = join(list) {
                    self.push(parameter, name, Cow::Owned(joined), sensitive || inside);
                }
            }
            (view, _) => self.flatten(parameter, name, view, sensitive),
        }
    }

    /// Looks through a value that becomes one text: whether a sensitive member is inside. A number that is not finite fails.
    fn inside(&mut self, name: &str, value: &dyn Value) -> bool {
        let mut sensitive = false;
        match value.view() {
            View::Number(number) if !number.is_finite() => self.fail(name),
            View::List(list) => {
                for value in (0..list.len()).filter_map(|index| list.get(index)) {
                    sensitive |= self.inside(name, value);
                }
            }
            View::Map(map) => map.each(&mut |_, value| sensitive |= self.inside(name, value)),
            View::Object(object) => object.each(&mut |member, value| {
                sensitive |= self.inside(name, value) || (member.sensitive && !matches!(value.view(), View::Absent));
            }),
            _ => {}
        }
        sensitive
    }

    /// One parameter for every scalar inside, named by its way from the outside: `Name.1.Key`.
    fn flatten(
        &mut self,
        parameter: &'static ParameterDescriptor,
        name: Cow<'a, str>,
        view: View<'a>,
        sensitive: bool,
    ) {
        match view {
            View::Absent => {}
            View::List(list) => {
                for (index, value) in (0..list.len()).filter_map(|index| list.get(index)).enumerate() {
                    let name = Cow::Owned(format!("{name}.{}", index + 1));
                    self.flatten(parameter, name, value.view(), sensitive);
                }
            }
            View::Map(map) => map.each(&mut |key, value| {
                self.flatten(parameter, Cow::Owned(format!("{name}.{key}")), value.view(), sensitive);
            }),
            View::Object(object) => object.each(&mut |member, value| {
                let name = Cow::Owned(format!("{name}.{}", member.name));
                self.flatten(parameter, name, value.view(), sensitive || member.sensitive);
            }),
            View::Any(json) => self.flatten_json(parameter, name, json, sensitive),
            // A parameter without a value is `None`; an empty required one is a mistake.
            View::Text("") if parameter.required && name == parameter.name => self.refuse(&name, EMPTY),
            View::Text(text) => self.push(parameter, name, Cow::Borrowed(text), sensitive),
            other => match scalar(&other) {
                Scalar::Text(text) => {
                    let text = text.into_owned();
                    self.push(parameter, name, Cow::Owned(text), sensitive);
                }
                Scalar::NotFinite | Scalar::Compound => self.fail(&name),
            },
        }
    }

    /// The same for a free-form value: the service reads its members by their names, as it reads those of a described object.
    fn flatten_json(
        &mut self,
        parameter: &'static ParameterDescriptor,
        name: Cow<'a, str>,
        json: &'a Json,
        sensitive: bool,
    ) {
        match json {
            Json::Null => {}
            Json::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.flatten_json(parameter, Cow::Owned(format!("{name}.{}", index + 1)), item, sensitive);
                }
            }
            Json::Object(members) => {
                for (key, member) in members {
                    self.flatten_json(parameter, Cow::Owned(format!("{name}.{key}")), member, sensitive);
                }
            }
            Json::String(text) => self.push(parameter, name, Cow::Borrowed(text), sensitive),
            Json::Bool(_) | Json::Number(_) => self.push(parameter, name, Cow::Owned(json.to_string()), sensitive),
        }
    }

    /// A service that gets a name twice picks one of the values, so such a request is refused.
    fn find_duplicate(&mut self) {
        if !self.has_parts {
            return;
        }
        let mut names: Vec<&str> = self.out.iter().map(|parameter| &*parameter.name).collect();
        names.sort_unstable();
        let twice = names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0].to_owned());
        if let Some(name) = twice {
            self.problem.get_or_insert(InvalidParameter {
                name,
                problem: "two values of the request have this name on the wire; set only one of them",
            });
        }
    }

    fn push(&mut self, parameter: &ParameterDescriptor, name: Cow<'a, str>, value: Cow<'a, str>, sensitive: bool) {
        self.has_parts |= matches!(name, Cow::Owned(_));
        self.out.push(Parameter { name, value, location: parameter.location, sensitive });
    }

    fn fail(&mut self, name: &str) {
        self.refuse(name, "the number is not finite; infinity and NaN have no form on the wire");
    }

    fn refuse(&mut self, name: &str, problem: &'static str) {
        self.problem.get_or_insert_with(|| InvalidParameter { name: name.to_owned(), problem });
    }
}

/// Values joined by commas; nothing for an empty list.
fn join(list: &dyn List) -> Option<String> {
    let mut joined = String::new();
    for index in 0..list.len() {
        let value = list.get(index)?;
        if index > 0 {
            joined.push(',');
        }
        match scalar(&value.view()) {
            Scalar::Text(text) => joined.push_str(&text),
            Scalar::Compound | Scalar::NotFinite => joined.push_str(&to_json(value)),
        }
    }
    (!list.is_empty()).then_some(joined)
}

enum Scalar<'a> {
    Text(Cow<'a, str>),
    NotFinite,
    Compound,
}

fn scalar<'a>(view: &View<'a>) -> Scalar<'a> {
    match view {
        View::Boolean(true) => Scalar::Text("true".into()),
        View::Boolean(false) => Scalar::Text("false".into()),
        View::Integer(number) => Scalar::Text(number.to_string().into()),
        View::Number(number) if number.is_finite() => Scalar::Text(number.to_string().into()),
        View::Number(_) => Scalar::NotFinite,
        View::Text(text) => Scalar::Text((*text).into()),
        View::Any(Json::String(text)) => Scalar::Text(text.into()),
        _ => Scalar::Compound,
    }
}
