//! Static facts about products and actions, written by the generator from the specifications.
//!
//! Everything that is not a type (the throttle's limit, the retry rule, the simulator's answers, the command line's
//! help, access policies) reads these descriptors, so a fact changes in one place: the specification.
//!
//! The structs are plain data with public fields. Code that builds one ends with `..EMPTY`
//! ([`ActionDescriptor::EMPTY`] and its siblings), so that a new field does not break it.

mod paging;
mod waiter;

pub use self::paging::{PagingDescriptor, PagingStyle};
pub use self::waiter::{WaiterDescriptor, WaiterPart, WaiterValue};
use crate::throttle::RateLimit;
use crate::value::{Typed, field_name};

/// A product: one API with one version and one family of endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProductDescriptor {
    /// The product code, as endpoints and access policies spell it, e.g. `cams`.
    pub code: &'static str,
    /// The name for people, e.g. `Chat App Message Service`.
    pub title: &'static str,
    /// The API version, e.g. `2020-06-06`.
    pub version: &'static str,
    /// The address of the official documentation.
    pub documentation: &'static str,
    /// The region that is used when none is chosen, e.g. `ap-southeast-1`.
    pub default_region: &'static str,
    /// The endpoints of the product.
    pub endpoints: EndpointDescriptor,
    /// The values of `Code` that mark success in a 2xx response, e.g. `OK`; empty if the product's responses have no
    /// such member. Case and surrounding blanks are ignored.
    pub success_codes: &'static [&'static str],
    /// Error codes that any action of the product can return, without those of every product, which are in
    /// [`PLATFORM_ERRORS`].
    pub errors: &'static [&'static ErrorDescriptor],
    /// All actions of the product that the crate knows, sorted by name.
    pub actions: &'static [&'static ActionDescriptor],
    /// The keys of the specification whose values are guesses that are not reviewed yet, e.g. `success_code`.
    pub guessed: &'static [&'static str],
}

impl ProductDescriptor {
    /// A product about which nothing is known: the base for struct update syntax.
    pub const EMPTY: Self = Self {
        code: "",
        title: "",
        version: "",
        documentation: "",
        default_region: "",
        endpoints: EndpointDescriptor::EMPTY,
        success_codes: &[],
        errors: &[],
        actions: &[],
        guessed: &[],
    };

    /// The action of that name, if the crate knows it. Names are compared exactly.
    pub fn action(&self, name: &str) -> Option<&'static ActionDescriptor> {
        self.actions.iter().find(|action| action.name == name).copied()
    }
}

/// The endpoints of a product. `{region}` in a pattern stands for the region ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndpointDescriptor {
    /// The public host name that serves all regions, e.g. `sts.aliyuncs.com`, used when no region is chosen; empty if
    /// there is none, and the product's default region is used.
    pub central: &'static str,
    /// Pattern of the public host name, e.g. `cams.{region}.aliyuncs.com`; empty if the central host serves every
    /// region that is not listed.
    pub public: &'static str,
    /// Pattern of the host name inside a VPC, e.g. `cams-vpc.{region}.aliyuncs.com`; empty if only listed regions have
    /// one.
    pub vpc: &'static str,
    /// Regions whose host names do not follow the patterns.
    pub exceptions: &'static [RegionEndpoint],
}

impl EndpointDescriptor {
    /// No endpoint at all: the base for struct update syntax.
    pub const EMPTY: Self = Self { central: "", public: "", vpc: "", exceptions: &[] };
}

/// The host names of one region that does not follow the product's patterns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegionEndpoint {
    /// The region ID, e.g. `cn-hangzhou`.
    pub region: &'static str,
    /// The public host name, if the region has its own.
    pub public: Option<&'static str>,
    /// The host name inside a VPC, if the region has its own.
    pub vpc: Option<&'static str>,
}

/// An action: one operation of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActionDescriptor {
    /// The name on the wire, e.g. `ChatappSyncPhoneNumber`.
    pub name: &'static str,
    /// One sentence that says what the action does, in Markdown.
    pub summary: &'static str,
    /// Further details, in Markdown; empty if there are none.
    pub description: &'static str,
    /// Whether sending the same request twice has the same effect as sending it once. `false` means that it is never
    /// retried after the server may have acted on it.
    pub idempotent: bool,
    /// The way to check whether a call without a response took effect, in Markdown; empty if it is not known.
    pub unknown_outcome: &'static str,
    /// The limit per account, `None` when the service publishes none.
    pub rate_limit: Option<RateLimit>,
    /// The required permission.
    pub authorization: AuthorizationDescriptor,
    /// Whether the action is called without a signature.
    pub anonymous: bool,
    /// The HTTP method.
    pub method: Method,
    /// The path of the URL, such as `/clusters/{ClusterId}`, for an action of the ROA (resource-oriented) style; a name
    /// in braces is that of a parameter. Empty for the RPC style, whose actions are called by name.
    pub path: &'static str,
    /// The values of `Code` that mark success of this action, where they differ from [those of the
    /// product](ProductDescriptor::success_codes); empty if its answers carry no such member.
    pub success_codes: Option<&'static [&'static str]>,
    /// The replacement of a deprecated action; `None` if it is not deprecated.
    pub deprecated: Option<&'static str>,
    /// The paging of an action that returns a list page by page.
    pub paging: Option<&'static PagingDescriptor>,
    /// The parameters, required ones first.
    pub parameters: &'static [ParameterDescriptor],
    /// Documented error codes.
    pub errors: &'static [&'static ErrorDescriptor],
    /// The waiter for the operation that the action starts; `None` if it starts none, or if the specification has no
    /// waiter.
    pub waiter: Option<&'static WaiterDescriptor>,
    /// The documented response to a successful call, as JSON text; empty if none is documented.
    pub example: &'static str,
    /// The keys of the specification whose values are guesses that are not reviewed yet, e.g. `idempotent`.
    pub guessed: &'static [&'static str],
}

impl ActionDescriptor {
    /// An action about which nothing is known, with the careful value everywhere (not idempotent): the base for struct
    /// update syntax.
    pub const EMPTY: Self = Self {
        name: "",
        summary: "",
        description: "",
        idempotent: false,
        unknown_outcome: "",
        rate_limit: None,
        authorization: AuthorizationDescriptor { action: "", access: "", resource: "*" },
        anonymous: false,
        method: Method::Post,
        path: "",
        success_codes: None,
        deprecated: None,
        paging: None,
        parameters: &[],
        errors: &[],
        waiter: None,
        example: "",
        guessed: &[],
    };
}

/// The key of a specification under which the success codes stand.
pub(crate) const SUCCESS_CODE: &str = "success_code";

/// The HTTP method by which the service takes an action.
///
/// What it says of parameters holds for the RPC style. In the ROA style, each parameter is where the specification
/// [puts it](ParameterLocation), whatever the method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Method {
    /// With the parameters in a form.
    #[default]
    Post,
    /// With the parameters in the URL, wherever others are placed. Such a request is always signed with V3, which keeps
    /// the key, the signature and the token out of the URL.
    Get,
    /// With the parameters in a form.
    Put,
    /// With the parameters in the URL, like [`Get`](Self::Get).
    Delete,
    /// With the parameters in a form.
    Patch,
}

impl Method {
    /// The method as HTTP spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Patch => "PATCH",
        }
    }

    /// Whether an RPC-style request by this method has no body, so that its parameters are in the URL.
    pub const fn is_bodiless(self) -> bool {
        matches!(self, Self::Get | Self::Delete)
    }
}

/// The permission in RAM (Resource Access Management) that an action requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthorizationDescriptor {
    /// The RAM action, e.g. `cams:ChatappSyncPhoneNumber`; empty if the action needs no permission.
    pub action: &'static str,
    /// The access level: `read`, `list`, `create`, `update`, `delete` …
    pub access: &'static str,
    /// The resource as an ARN pattern, or `*`.
    pub resource: &'static str,
}

/// A parameter of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParameterDescriptor {
    /// The name on the wire, e.g. `CustSpaceId`.
    pub name: &'static str,
    /// The name of the field in the request type, e.g. `cust_space_id`.
    pub field: &'static str,
    /// The type of the value.
    pub kind: ValueKind,
    /// Whether it must be set.
    pub required: bool,
    /// Whether the value is personal data or a secret: it is left out of `Debug` output, logs, errors and URLs.
    pub sensitive: bool,
    /// The location in the request, according to the official documentation.
    pub location: ParameterLocation,
    /// The style of a list, map or object.
    pub style: ParameterStyle,
    /// The documented values, for an enumeration; the service may know others.
    pub values: &'static [&'static str],
    /// The meaning, in Markdown.
    pub description: &'static str,
    /// A documented example, in the form in which it goes over the wire; empty if there is none.
    pub example: &'static str,
}

impl ParameterDescriptor {
    /// A parameter about which nothing is known: the base for struct update syntax.
    pub const EMPTY: Self = Self {
        name: "",
        field: "",
        kind: ValueKind::String,
        required: false,
        sensitive: false,
        location: ParameterLocation::Query,
        style: ParameterStyle::Json,
        values: &[],
        description: "",
        example: "",
    };
}

/// What `request!` builds a parameter of, in the order in which the facts stand there.
#[doc(hidden)]
impl ParameterDescriptor {
    /// A parameter with this name on the wire. The description is the lines of a doc comment, each with a blank before
    /// it.
    pub const fn new(name: &'static str, description: &'static str) -> Self {
        let description = match description.as_bytes() {
            [b' ', ..] => description.split_at(1).1,
            _ => description,
        };
        Self { name, description, ..Self::EMPTY }
    }

    /// Required, in the field of this identifier.
    #[must_use]
    pub const fn required<T: Typed>(self, identifier: &'static str) -> Self {
        Self { required: true, ..self.optional::<T>(identifier) }
    }

    /// Not required, in the field of this identifier.
    #[must_use]
    pub const fn optional<T: Typed>(mut self, identifier: &'static str) -> Self {
        self.field = field_name(identifier);
        self.kind = T::KIND;
        self.values = T::VALUES;
        self
    }

    /// In the form body.
    #[must_use]
    pub const fn form(mut self) -> Self {
        self.location = ParameterLocation::Form;
        self
    }

    /// In the path of the URL.
    #[must_use]
    pub const fn path(mut self) -> Self {
        self.location = ParameterLocation::Path;
        self
    }

    /// In a header.
    #[must_use]
    pub const fn header(mut self) -> Self {
        self.location = ParameterLocation::Header;
        self
    }

    /// The whole body.
    #[must_use]
    pub const fn body(mut self) -> Self {
        self.location = ParameterLocation::Body;
        self
    }

    /// In front of the host name.
    #[must_use]
    pub const fn host(mut self) -> Self {
        self.location = ParameterLocation::Host;
        self
    }

    /// Written as JSON text, as everything is of which nothing else is documented.
    #[must_use]
    pub const fn json(mut self) -> Self {
        self.style = ParameterStyle::Json;
        self
    }

    /// Written as `Name.Key` and `Name.1`.
    #[must_use]
    pub const fn flat(mut self) -> Self {
        self.style = ParameterStyle::Flat;
        self
    }

    /// Written as `Name.1.Key`.
    #[must_use]
    pub const fn repeat_list(mut self) -> Self {
        self.style = ParameterStyle::RepeatList;
        self
    }

    /// Written with commas.
    #[must_use]
    pub const fn simple(mut self) -> Self {
        self.style = ParameterStyle::Simple;
        self
    }

    /// With a secret or personal data.
    #[must_use]
    pub const fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }

    /// With a documented value.
    #[must_use]
    pub const fn example(mut self, value: &'static str) -> Self {
        self.example = value;
        self
    }
}

/// The type of a parameter's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ValueKind {
    /// Text, an enumeration included.
    String,
    /// A whole number of 32 bits.
    Int32,
    /// A whole number of 64 bits.
    Int64,
    /// A number with a fraction.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A list of values.
    List,
    /// Values under names that the specification does not fix.
    Map,
    /// Values under the names that the specification gives.
    Object,
    /// Any JSON value.
    Any,
    /// Bytes; only as a whole response.
    Bytes,
}

/// The location of a parameter in the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ParameterLocation {
    /// In the query of the URL (`in: query`).
    Query,
    /// In the form body (`in: formData`).
    Form,
    /// In the path of the URL, in place of its name in braces (`in: path`).
    Path,
    /// In a header with its name (`in: header`).
    Header,
    /// The whole body, as JSON; text as it is (`in: body`).
    Body,
    /// In front of the host name, with a dot behind it (`in: host`).
    Host,
}

/// The style in which a list, map or object is written as parameters. Scalars are the same in every style.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ParameterStyle {
    /// One parameter with JSON text.
    Json,
    /// `Name.1`, `Name.2`, and `Name.1.Key` for objects in a list.
    RepeatList,
    /// `Name.Key` for objects and maps, and `Name.1` for lists.
    Flat,
    /// One parameter with the values joined by commas.
    Simple,
}

/// The errors that any action of any product can return.
///
/// ```
/// use alibabacloud_runtime::descriptor::PLATFORM_ERRORS;
///
/// let expired = PLATFORM_ERRORS.iter().find(|error| error.code == "InvalidTimeStamp.Expired");
/// assert!(expired.is_some_and(|error| error.description.contains("clock")));
/// ```
pub static PLATFORM_ERRORS: &[&ErrorDescriptor] = crate::platform::table::ERRORS;

/// A documented error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorDescriptor {
    /// The code, e.g. `System.LimitControl`.
    pub code: &'static str,
    /// The HTTP status that the documentation gives; 400 if it gives none.
    pub status: u16,
    /// The message that the documentation gives; empty if it gives none.
    pub message: &'static str,
    /// Whether it means that a limit was exceeded: the request was not executed and is retried later.
    pub throttling: bool,
    /// The action to take, in Markdown; empty if the message is sufficient.
    pub description: &'static str,
}

impl ErrorDescriptor {
    /// An error about which nothing is known: the base for struct update syntax.
    pub const EMPTY: Self = Self { code: "", status: 400, message: "", throttling: false, description: "" };
}
