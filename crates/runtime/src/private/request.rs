//! The functions that `request!` expands to calls of, so that they are compiled once and not for every request.

use std::fmt;

use super::value::{Hidden, Value, View};
use crate::descriptor::ParameterDescriptor;

/// The type of a builder's field whose required parameter is not set yet; once it is, the field has the parameter's own type.
#[derive(Debug)]
pub struct Unset;

/// Visits parameters with their values; the values are in the order of the parameters.
pub fn each_parameter<'a>(
    parameters: &'static [ParameterDescriptor],
    values: &[&'a dyn Value],
    visit: &mut dyn FnMut(&'static ParameterDescriptor, &'a dyn Value),
) {
    for (parameter, value) in parameters.iter().zip(values) {
        visit(parameter, *value);
    }
}

/// Something that visits the parameters of a request.
pub type EachParameter<'r> = &'r dyn Fn(&mut dyn FnMut(&'static ParameterDescriptor, &dyn Value));

/// The `Debug` output of a request: its parameters with a value, sensitive ones hidden. Not generic: compiled once.
pub fn debug_request(name: &str, each: EachParameter<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut debug = f.debug_struct(name);
    each(&mut |parameter, value| match value.view() {
        View::Absent => {}
        _ if parameter.sensitive => {
            debug.field(parameter.field, &Hidden);
        }
        view => {
            debug.field(parameter.field, &view);
        }
    });
    debug.finish()
}
