//! Calls of actions that have no specification, through the same pipeline.

use std::fmt;

use crate::decode::BODY;
use crate::value::{Json, Member, Object, Value};

/// A call by name, for an action that the generated crate does not have.
///
/// It is signed, throttled and checked like every call. The facts of the action's descriptor hold if there is one; otherwise
/// the call has no quota, counts as not idempotent, and all its values count as sensitive.
///
/// ```
/// use alibabacloud_runtime::UntypedRequest;
///
/// let request = UntypedRequest::new("ListChatappTemplate").parameter("CustSpaceId", "293483938849493");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct UntypedRequest {
    pub(crate) action: String,
    pub(crate) parameters: Vec<(String, String)>,
}

impl UntypedRequest {
    /// A call of the action with this name on the wire, without parameters so far.
    pub fn new(action: impl Into<String>) -> Self {
        Self { action: action.into(), parameters: Vec::new() }
    }

    /// Adds a parameter by its name on the wire; lists and objects in the form in which the action documents them.
    #[must_use]
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }

    /// The action's name.
    pub fn action(&self) -> &str {
        &self.action
    }
}

/// Prints the names of the parameters, not their values.
impl fmt::Debug for UntypedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.parameters.iter().map(|(name, _)| name).collect();
        f.debug_struct("UntypedRequest").field("action", &self.action).field("parameters", &names).finish()
    }
}

/// A whole response as JSON. Its members that tell how a call went are visible to the judgement of the answer.
#[derive(Default)]
pub(crate) struct JsonOutput(pub(crate) serde_json::Map<String, Json>);

impl Object for JsonOutput {
    fn type_name(&self) -> &'static str {
        "JsonOutput"
    }
    fn each<'a>(&'a self, visit: &mut dyn FnMut(Member, &'a dyn Value)) {
        for name in ["Code", "Message", "RequestId", "Success"] {
            // Error bodies of newer gateways spell the names in lower case.
            let in_any_case = || self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
            if let Some(value) = self.0.get(name).or_else(in_any_case) {
                visit(Member { name, field: name, sensitive: true }, value);
            }
        }
    }
    fn member(&mut self, name: &str) -> Option<&mut dyn Value> {
        // An answer that is no object is none of the service's.
        (name != BODY).then(|| self.0.entry(name).or_insert(Json::Null) as &mut dyn Value)
    }
    fn reset(&mut self) {
        self.0.clear();
    }
}
