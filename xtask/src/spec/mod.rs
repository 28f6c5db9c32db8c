//! Parses and checks the YAML of a product into a [`Spec`], whose facts have their places in the files.
//!
//! A [`Spec`] is complete and consistent. Errors that depend on Rust names (such as two parameters that
//! become one field) are found by the model stage, which needs the places.

mod check;
mod de;
mod file;
mod folder;
pub mod node;
mod paging;
mod schema;
mod suggest;
#[cfg(test)]
mod tests;
pub mod waiter;

use std::ops::RangeInclusive;
use std::time::Duration;

pub use self::check::{LONGEST_NAME, header_problem};
pub use self::folder::{InputFile, PLATFORM, built_in_platform, parse, parse_platform};
pub use self::paging::{Paging, PagingStyle};
pub use self::schema::schemas;
pub use self::suggest::suggestion;
pub use self::waiter::{Found, Part, Template, Waiter};
use crate::diagnostic::Span;

/// Whether an unquoted scalar is text, not a number, a boolean or `null`.
pub fn is_text(scalar: &str) -> bool {
    matches!(node::plain_scalar(scalar), node::Scalar::Text(_)) && scalar != "none"
}

/// The name of a file, without its folders.
fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// A value and the place where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spanned<T> {
    pub value: T,
    pub span: Span,
}

/// The facts about the platform, which hold for every product.
#[derive(Debug, Clone, Default)]
pub struct Platform {
    /// Path of the file from the repository root, with `/`.
    pub source: String,
    /// The words that mean success as a value of `Code`, in lower case.
    pub success_words: Vec<String>,
    /// The numbers that mean success as a value of `Code`.
    pub success_numbers: Vec<RangeInclusive<u32>>,
    /// The meanings of error codes; the first one that matches applies.
    pub meanings: Vec<(Codes, Meaning)>,
    /// Prefixes of codes that reject a parameter.
    pub refuses_a_parameter: Vec<String>,
    /// Codes that any action of any product can return.
    pub errors: Vec<ErrorCode>,
}

impl Platform {
    /// Whether a value of `Code` means success for every product.
    pub fn is_success(&self, code: &str) -> bool {
        let number = || code.bytes().all(|b| b.is_ascii_digit()).then(|| code.parse::<u32>().ok()).flatten();
        self.success_words.iter().any(|word| word.eq_ignore_ascii_case(code))
            || number().is_some_and(|number| self.success_numbers.iter().any(|range| range.contains(&number)))
    }
}

/// A set of error codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Codes {
    /// This code, and codes that continue after it with a dot.
    Family(String),
    /// Every code that contains these letters.
    Containing(String),
}

/// The meaning of an error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// A limit with a longer window than a second was exceeded; the text names the window.
    LongLimit(&'static str),
    Throttled,
    ClockWrong,
    TokenExpired,
    IdentityRefused,
    NonceUsed,
    ServiceFailed,
}

/// One product folder.
#[derive(Debug)]
pub struct Spec {
    /// Codes of the platform that the product does not describe; added after the folder is read.
    pub platform: Vec<ErrorCode>,
    pub product: Product,
    /// Sorted by name.
    pub actions: Vec<Action>,
}

impl Spec {
    /// Adds the codes of the platform. A code of the product takes precedence over an equal one of the platform.
    pub fn on(mut self, platform: &Platform) -> Self {
        let is_own = |code: &str| self.product.errors.iter().any(|error| error.code.value == code);
        self.platform = platform.errors.iter().filter(|error| !is_own(&error.code.value)).cloned().collect();
        self
    }

    /// All error codes: of the platform, of the product and of its actions. A code can occur several times.
    pub fn errors(&self) -> impl Iterator<Item = &ErrorCode> {
        let of_actions = self.actions.iter().flat_map(|action| &action.errors);
        self.platform.iter().chain(&self.product.errors).chain(of_actions)
    }
}

/// The content of `product.yaml`.
#[derive(Debug)]
pub struct Product {
    /// Path of the file from the repository root, with `/`, for headers and messages.
    pub source: String,
    pub code: Spanned<String>,
    pub title: String,
    pub version: String,
    pub documentation: String,
    pub default_region: String,
    pub endpoints: Endpoints,
    /// The name of the crate after `alibabacloud-`, if the specification sets one.
    pub name: Option<String>,
    /// The values of `Code` that mean success; empty if responses have no such member.
    pub success_codes: Vec<String>,
    /// Shapes that several actions share, in the order of the file.
    pub shapes: Vec<Shape>,
    /// Codes that any action can return.
    pub errors: Vec<ErrorCode>,
    /// The values that are not reviewed yet.
    pub guessed: Vec<Guess>,
}

/// A value that is not reviewed yet.
#[derive(Debug)]
pub struct Guess {
    /// The key of the value.
    pub key: String,
    /// The source of the value.
    pub reason: String,
}

#[derive(Debug)]
pub struct Endpoints {
    /// The public host that serves all regions.
    pub central: Option<String>,
    /// Pattern with `{region}`; `None` if the central host serves every region that is not listed.
    pub public: Option<String>,
    /// Pattern with `{region}`; `None` if only listed regions have such a host.
    pub vpc: Option<String>,
    pub exceptions: Vec<RegionEndpoint>,
}

#[derive(Debug)]
pub struct RegionEndpoint {
    pub region: String,
    pub public: Option<String>,
    pub vpc: Option<String>,
}

/// A shared shape: a named object or enumeration.
#[derive(Debug)]
pub struct Shape {
    pub name: Spanned<String>,
    pub description: String,
    /// `Type::Object` or `Type::Enum`.
    pub ty: Type,
}

/// The content of the file of an action.
#[derive(Debug)]
pub struct Action {
    /// Path of the file from the repository root, with `/`.
    pub source: String,
    pub name: Spanned<String>,
    /// Empty: the specification says `none`.
    pub summary: String,
    pub description: String,
    pub idempotent: bool,
    /// How to find out whether a call without a response took effect.
    pub unknown_outcome: String,
    /// `None`: the specification says `none`.
    pub rate_limit: Option<RateLimit>,
    /// `None`: the specification says `none` (the action needs no permission).
    pub authorization: Option<Authorization>,
    /// Whether the action is called without a signature.
    pub anonymous: bool,
    pub method: Method,
    /// The path of the URL, with the names of parameters in braces; empty for the RPC style.
    pub path: String,
    /// The values of `Code` that mean success, if they differ from those of the product.
    pub success_codes: Option<Vec<String>>,
    /// What to use instead.
    pub deprecated: Option<String>,
    /// The paging, if the response has pages.
    pub paging: Option<Paging>,
    /// In the order of the file.
    pub parameters: Vec<Parameter>,
    /// The members of the response, in the order of the file; the single field [`BODY`] if the response is not an
    /// object.
    pub response: Vec<Field>,
    pub errors: Vec<ErrorCode>,
    /// How to wait for the operation that the action starts.
    pub waiter: Option<Waiter>,
    /// The documented response as JSON text on one line, in the documented order; empty if the specification says
    /// `none`.
    pub example: String,
    /// The values that are not reviewed yet.
    pub guessed: Vec<Guess>,
}

impl Action {
    /// Whether the value of a key is not reviewed yet.
    pub fn is_guessed(&self, key: &str) -> bool {
        self.guessed.iter().any(|guess| guess.key == key)
    }
}

/// The name of the field for a response that is not an object.
pub const BODY: &str = "$body";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    pub requests: u32,
    pub window: Duration,
}

#[derive(Debug)]
pub struct Authorization {
    pub action: String,
    pub access: String,
    pub resource: String,
}

#[derive(Debug)]
pub struct Parameter {
    pub name: Spanned<String>,
    /// The Rust name in the specification (`rust_name`).
    pub rust_name: Option<Spanned<String>>,
    pub ty: Type,
    pub required: bool,
    pub sensitive: bool,
    /// What to use instead.
    pub deprecated: Option<String>,
    /// Whether sensitive values are allowed in the URL.
    pub in_url: bool,
    pub location: Location,
    pub style: Style,
    /// Empty: the specification says `none`.
    pub description: String,
    /// The value on the wire: text for scalars, JSON text for other types; empty if the specification says `none`.
    pub example: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Post,
    Get,
    Put,
    Delete,
    Patch,
}

impl Method {
    /// The word in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Post => "post",
            Self::Get => "get",
            Self::Put => "put",
            Self::Delete => "delete",
            Self::Patch => "patch",
        }
    }

    /// Whether a request of the RPC style with this method has its parameters in the URL.
    pub fn is_bodiless(self) -> bool {
        matches!(self, Self::Get | Self::Delete)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    Query,
    Form,
    Path,
    Header,
    Body,
    Host,
}

impl Location {
    /// The word in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Form => "form",
            Self::Path => "path",
            Self::Header => "header",
            Self::Body => "body",
            Self::Host => "host",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    Json,
    RepeatList,
    Flat,
    Simple,
}

/// A member of an object.
#[derive(Debug)]
pub struct Field {
    pub name: Spanned<String>,
    pub rust_name: Option<Spanned<String>>,
    pub ty: Type,
    pub sensitive: bool,
    /// What to use instead.
    pub deprecated: Option<String>,
    /// Empty: the specification says `none`.
    pub description: String,
}

#[derive(Debug)]
pub enum Type {
    String,
    Int32,
    Int64,
    Number,
    Boolean,
    Any,
    /// Only as a whole response.
    Bytes,
    Array(Box<Type>),
    /// An array that is the only member of an object on the wire.
    Wrapped(Wrapped),
    /// Values with free names.
    Map(Box<Type>),
    Object(Object),
    Enum(Enum),
    /// A shared shape of the product, which exists.
    Shape(Spanned<String>),
}

/// An object that is described in place.
#[derive(Debug)]
pub struct Object {
    /// The Rust name in the specification (`type_name`).
    pub type_name: Option<Spanned<String>>,
    pub description: Option<String>,
    pub fields: Vec<Field>,
}

/// A list of `items`, written as `{ "member": […] }`.
#[derive(Debug)]
pub struct Wrapped {
    pub member: String,
    pub items: Box<Type>,
}

/// Text with documented values.
#[derive(Debug)]
pub struct Enum {
    pub type_name: Option<Spanned<String>>,
    pub values: Vec<EnumValue>,
}

#[derive(Debug)]
pub struct EnumValue {
    pub value: Spanned<String>,
    pub rust_name: Option<Spanned<String>>,
    /// What to use instead.
    pub deprecated: Option<String>,
    /// Empty: the specification says `none`.
    pub description: String,
}

#[derive(Debug, Clone)]
pub struct ErrorCode {
    pub code: Spanned<String>,
    pub rust_name: Option<Spanned<String>>,
    /// `None`: the specification says `none`.
    pub status: Option<u16>,
    /// Empty: the specification says `none`.
    pub message: String,
    pub throttling: bool,
    pub description: String,
}
