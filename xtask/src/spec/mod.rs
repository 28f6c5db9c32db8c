//! YAML -> [`Spec`]: the facts about one product, parsed and validated, each with the place where it is written.
//!
//! A [`Spec`] is complete and consistent by itself; what can only be known once Rust names are chosen (two parameters that
//! become one field, say) is found by the model stage, which therefore keeps the places.

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

/// Whether a scalar without quotes is text, and not a number, a boolean or nothing.
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

/// What every product has from the platform.
#[derive(Debug, Clone, Default)]
pub struct Platform {
    /// Path of the file from the repository root, with `/`.
    pub source: String,
    /// The words among the values of `Code` that can only mean success, in small letters.
    pub success_words: Vec<String>,
    /// The numbers among them.
    pub success_numbers: Vec<RangeInclusive<u32>>,
    /// Which codes tell what; the first that fits counts.
    pub meanings: Vec<(Codes, Meaning)>,
    /// How codes begin that refuse a parameter.
    pub refuses_a_parameter: Vec<String>,
    /// Codes that any action of any product may answer with.
    pub errors: Vec<ErrorCode>,
}

impl Platform {
    /// Whether a value of `Code` can only mean success.
    pub fn is_success(&self, code: &str) -> bool {
        let number = || code.bytes().all(|b| b.is_ascii_digit()).then(|| code.parse::<u32>().ok()).flatten();
        self.success_words.iter().any(|word| word.eq_ignore_ascii_case(code))
            || number().is_some_and(|number| self.success_numbers.iter().any(|range| range.contains(&number)))
    }
}

/// Which error codes a meaning is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Codes {
    /// The code itself, and that code with a dot and more behind it.
    Family(String),
    /// Every code with these letters in it.
    Containing(String),
}

/// What an error code tells a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// A limit that counts in more than seconds was exceeded; the text names the period.
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
    /// Codes of the platform that the product does not describe itself; added after the folder is read.
    pub platform: Vec<ErrorCode>,
    pub product: Product,
    /// Sorted by name.
    pub actions: Vec<Action>,
}

impl Spec {
    /// Adds the codes of the platform; where the product or the platform describe the same code, the product's counts.
    pub fn on(mut self, platform: &Platform) -> Self {
        let is_own = |code: &str| self.product.errors.iter().any(|error| error.code.value == code);
        self.platform = platform.errors.iter().filter(|error| !is_own(&error.code.value)).cloned().collect();
        self
    }

    /// All error codes: of the platform, of the product, of its actions. A code may come several times.
    pub fn errors(&self) -> impl Iterator<Item = &ErrorCode> {
        let of_actions = self.actions.iter().flat_map(|action| &action.errors);
        self.platform.iter().chain(&self.product.errors).chain(of_actions)
    }
}

/// What `product.yaml` says.
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
    /// The name of the crate behind `alibabacloud-`, if the specification gives one.
    pub name: Option<String>,
    /// The values of `Code` that mean success; none if answers carry no such member.
    pub success_codes: Vec<String>,
    /// Shapes that several actions share, in the order of the file.
    pub shapes: Vec<Shape>,
    /// Codes that any action may answer with.
    pub errors: Vec<ErrorCode>,
    /// What is not reviewed yet.
    pub guessed: Vec<Guess>,
}

/// A value that is not reviewed yet.
#[derive(Debug)]
pub struct Guess {
    /// The key of the value.
    pub key: String,
    /// Where the value comes from.
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

/// What one action's file says.
#[derive(Debug)]
pub struct Action {
    /// Path of the file from the repository root, with `/`.
    pub source: String,
    pub name: Spanned<String>,
    /// Empty: the specification says `none`.
    pub summary: String,
    pub description: String,
    pub idempotent: bool,
    /// How to find out whether a call took effect that was not answered.
    pub unknown_outcome: String,
    /// `None`: the specification says `none`.
    pub rate_limit: Option<RateLimit>,
    /// `None`: the specification says `none` (the action needs no permission).
    pub authorization: Option<Authorization>,
    /// Called without a signature.
    pub anonymous: bool,
    pub method: Method,
    /// The path of the URL, with the names of parameters in braces; empty for the RPC style.
    pub path: String,
    /// The values of `Code` that mean success, where they are not those of the product.
    pub success_codes: Option<Vec<String>>,
    /// What to use instead.
    pub deprecated: Option<String>,
    /// How the answer comes in pages, if it does.
    pub paging: Option<Paging>,
    /// In the order of the file.
    pub parameters: Vec<Parameter>,
    /// The members of the answer, in the order of the file; the one field [`BODY`] if the answer is no object.
    pub response: Vec<Field>,
    pub errors: Vec<ErrorCode>,
    /// How to wait for what the action has started.
    pub waiter: Option<Waiter>,
    /// The documented answer, as JSON text on one line, member order kept; empty if the specification says `none`.
    pub example: String,
    /// What is not reviewed yet.
    pub guessed: Vec<Guess>,
}

impl Action {
    /// Whether the value of a key is not reviewed yet.
    pub fn is_guessed(&self, key: &str) -> bool {
        self.guessed.iter().any(|guess| guess.key == key)
    }
}

/// The name of the field that stands for a whole answer which is no object.
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
    /// The Rust name that the specification asks for (`rust_name`).
    pub rust_name: Option<Spanned<String>>,
    pub ty: Type,
    pub required: bool,
    pub sensitive: bool,
    /// What to use instead.
    pub deprecated: Option<String>,
    /// Whether what is sensitive of it may be in the URL.
    pub in_url: bool,
    pub location: Location,
    pub style: Style,
    /// Empty: the specification says `none`.
    pub description: String,
    /// As it goes over the wire: text for scalars, JSON text for everything else; empty if the specification says `none`.
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

    /// Whether a request of the RPC style by this method has its parameters in the URL.
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
    /// Only as a whole answer.
    Bytes,
    Array(Box<Type>),
    /// An array that is the one member of an object on the wire.
    Wrapped(Wrapped),
    /// Values under free names.
    Map(Box<Type>),
    Object(Object),
    Enum(Enum),
    /// A shared shape of the product; it exists.
    Shape(Spanned<String>),
}

/// An object that is described in place.
#[derive(Debug)]
pub struct Object {
    /// The Rust name that the specification asks for (`type_name`).
    pub type_name: Option<Spanned<String>>,
    pub description: Option<String>,
    pub fields: Vec<Field>,
}

/// A list of `items` as `{ "member": […] }`.
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
