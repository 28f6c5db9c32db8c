//! Calls of actions without a specification.

use std::fmt;

use crate::decode::BODY;
use crate::descriptor::Method;
use crate::open::Json;
use crate::value::{Hidden, Member, Object, Value};

/// A call by name, e.g. of an action that the generated crate does not have.
///
/// It is signed, throttled and checked like every call. If the action has a descriptor, its facts apply; otherwise the
/// call has no quota, counts as not idempotent, and all its values count as sensitive.
///
/// ```
/// use alibabacloud_runtime::UntypedRequest;
///
/// let request = UntypedRequest::new("ListChatappTemplate").parameter("CustSpaceId", "293483938849493");
/// ```
///
/// An action of the ROA style is called by a method and a path:
///
/// ```
/// use alibabacloud_runtime::UntypedRequest;
/// use alibabacloud_runtime::descriptor::Method;
///
/// let request = UntypedRequest::new("ScaleNodePool")
///     .route(Method::Post, "/clusters/{ClusterId}/nodepools/{NodepoolId}")
///     .parameter("ClusterId", "c82e6987e2961451182edacd74faf")
///     .parameter("NodepoolId", "np615c0e0966124216a0412e10afe0")
///     .body(r#"{"count": 2}"#);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct UntypedRequest {
    pub(crate) action: String,
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) route: Option<(Method, String)>,
    pub(crate) body: Option<String>,
}

impl UntypedRequest {
    /// A call of the action with this name on the wire, initially without parameters.
    pub fn new(action: impl Into<String>) -> Self {
        Self { action: action.into(), parameters: Vec::new(), route: None, body: None }
    }

    /// Sets method and path for an action of the ROA style. A name in braces in the path is replaced by the parameter
    /// of that name; other parameters without a descriptor are in the query. Not needed for an action that the crate
    /// has. Default: the RPC style, by name. If the path is invalid or one of its names has no parameter, the call
    /// fails and nothing is sent.
    #[must_use]
    pub fn route(mut self, method: Method, path: impl Into<String>) -> Self {
        self.route = Some((method, path.into()));
        self
    }

    /// Sets the whole body, as JSON text in the documented format. Default: none. Only the ROA style has such a body:
    /// without a [`route`](Self::route), or with another parameter that is the body, the call fails and nothing is
    /// sent.
    #[must_use]
    pub fn body(mut self, body: impl Into<String>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Adds a parameter by its name on the wire. Lists and objects must have the documented format.
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
        let mut debug = f.debug_struct("UntypedRequest");
        debug.field("action", &self.action).field("parameters", &names);
        if let Some((method, path)) = &self.route {
            debug.field("method", method).field("path", path);
        }
        if self.body.is_some() {
            debug.field("body", &Hidden);
        }
        debug.finish()
    }
}

/// A whole response as JSON. The members that show how a call went are visible to the check of the response.
#[derive(Default)]
pub(crate) struct JsonOutput {
    members: serde_json::Map<String, Json>,
    /// A response that is not an object.
    whole: Json,
    /// Whether a response may be something other than an object.
    takes_whole: bool,
}

impl JsonOutput {
    /// For an action with any kind of response: JSON that is not an object, or nothing.
    pub(crate) fn of_anything(takes_whole: bool) -> Self {
        Self { takes_whole, ..Self::default() }
    }

    /// The response; `null` if it is empty.
    pub(crate) fn into_json(self) -> Json {
        if self.takes_whole && self.members.is_empty() { self.whole } else { Json::Object(self.members) }
    }
}

impl Object for JsonOutput {
    fn type_name(&self) -> &'static str {
        "JsonOutput"
    }
    fn each<'a>(&'a self, visit: &mut dyn FnMut(Member, &'a dyn Value)) {
        for name in ["Code", "Message", "RequestId", "Success"] {
            // Errors of newer gateways have lower-case names.
            let in_any_case =
                || self.members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
            if let Some(value) = self.members.get(name).or_else(in_any_case) {
                visit(Member { name, field: name, sensitive: true }, value);
            }
        }
    }
    fn member(&mut self, name: &str) -> Option<&mut dyn Value> {
        if name == BODY {
            // A response of the RPC style that is not an object does not come from the service.
            return self.takes_whole.then_some(&mut self.whole as &mut dyn Value);
        }
        Some(self.members.entry(name).or_insert(Json::Null) as &mut dyn Value)
    }
    fn reset(&mut self) {
        self.members.clear();
        self.whole = Json::Null;
    }
}
