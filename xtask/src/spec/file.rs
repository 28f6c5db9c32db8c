//! The kinds of specification files as serde types: the language, key by key.
//!
//! The doc comments are what editors show, through the JSON Schemas. A key without `#[serde(default)]` is required; the
//! check stage says so, all others stay [`Key::Missing`].

use serde::Deserialize;

use schemars::JsonSchema;

use super::de::{AnyScalar, Key, Located, Map, TextOr};

/// One action of a product.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "ActionFile", deny_unknown_fields)]
pub(crate) struct ActionFile {
    /// The action's name on the wire; the file has the same name.
    pub(crate) action: Key<Located<String>>,
    /// One sentence that says what the action does, in Markdown; `none` if there is none.
    pub(crate) summary: Key<Located<String>>,
    /// What else there is to know, in Markdown.
    #[serde(default)]
    pub(crate) description: Key<Located<String>>,
    /// Whether a request may be sent twice: `false` if the server would then act twice.
    pub(crate) idempotent: Key<bool>,
    /// How to find out whether a call took effect that was sent but not answered; for actions that are not idempotent.
    #[serde(default)]
    pub(crate) unknown_outcome: Key<Located<String>>,
    /// The limit per account: `10/s`, `200/60s`, `5/m`, `100/h`, or `none` when the service publishes none.
    #[schemars(regex(pattern = r"^(none|[0-9]+/[0-9]*(s|m|h))$"))]
    pub(crate) rate_limit: Key<Located<String>>,
    /// What the caller must be allowed to do, or `none`.
    #[schemars(extend("anyOf" = [{ "const": "none" }, { "$ref": "#/definitions/Authorization" }]))]
    pub(crate) authorization: Key<Located<TextOr<Authorization>>>,
    /// Whether the action is called without a signature.
    #[serde(default)]
    pub(crate) anonymous: Key<bool>,
    /// The HTTP method, `post` if not given; without `path`, `get` and `delete` put everything into the URL.
    #[serde(default)]
    pub(crate) method: Key<Method>,
    /// For an action of the ROA style: the path of the URL, such as `/clusters/{ClusterId}`. A name in braces is that of a parameter with
    /// `location: path`.
    #[serde(default)]
    #[schemars(regex(pattern = r"^/"))]
    pub(crate) path: Key<Located<String>>,
    /// The values of `Code` that mark success of this action, where they differ from the product's; several are separated by commas.
    /// `none` if the answer has no such member, or its `Code` is something else.
    #[serde(default)]
    pub(crate) success_code: Key<Located<String>>,
    /// Marks the action as deprecated: what to use instead.
    #[serde(default)]
    pub(crate) deprecated: Key<Located<String>>,
    /// How the action returns its list page by page; `client.pages(…)` and `client.items(…)` then return all pages and items.
    #[serde(default)]
    pub(crate) paging: Key<Located<Paging>>,
    /// What a request carries, by name on the wire; `{}` for nothing.
    pub(crate) parameters: Key<Located<Map<Parameter>>>,
    /// The members of the answer, by name on the wire. Any of them may be absent from an answer.
    pub(crate) response: Key<Located<Map<Field>>>,
    /// The documented error codes of this action; `{}` for none.
    pub(crate) errors: Key<Located<Map<ErrorCode>>>,
    /// How to wait for what the action has started, if it only starts something.
    #[serde(default)]
    pub(crate) waiter: Key<Located<Waiter>>,
    /// The documented answer, as JSON text; `none` if none is documented.
    pub(crate) example: Key<Located<String>>,
    /// What is not reviewed yet: the keys `idempotent`, `rate_limit`, `method`, `success_code`, `paging` and `waiter`, and where each
    /// value comes from. Remove an entry once you have checked the value.
    #[serde(default)]
    pub(crate) guessed: Key<Located<Map<Located<String>>>>,
}

/// How an action returns its list page by page. One of `token`, `marker` and `number` names the parameter that selects the page. A
/// name may lead into objects, with dots: `Instances.Instance`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Paging {
    /// The parameter for the token of the previous response, which is in `next`. The list ends if there is none.
    #[serde(default)]
    pub(crate) token: Key<Located<String>>,
    /// The same, if the response also has a flag that says whether a page follows, in `more`.
    #[serde(default)]
    pub(crate) marker: Key<Located<String>>,
    /// The parameter for the number of the page.
    #[serde(default)]
    pub(crate) number: Key<Located<String>>,
    /// With `number`: the number of the first page, 0 or 1; `1` if not given.
    #[serde(default)]
    #[schemars(range(max = 1))]
    pub(crate) first: Key<Located<u64>>,
    /// With `token` and `marker`: the member of the response with the value for the next page.
    #[serde(default)]
    pub(crate) next: Key<Located<String>>,
    /// The member of the response that says whether a page follows.
    #[serde(default)]
    pub(crate) more: Key<Located<String>>,
    /// With `number`: the member of the response with the number of items of all pages.
    #[serde(default)]
    pub(crate) total: Key<Located<String>>,
    /// The parameter for the page size.
    #[serde(default)]
    pub(crate) size: Key<Located<String>>,
    /// The list of the response with the items of a page.
    pub(crate) items: Key<Located<String>>,
}

/// What the caller must be allowed to do.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Authorization {
    /// The RAM action, e.g. `cams:ChatappSyncPhoneNumber`.
    pub(crate) action: Key<Located<String>>,
    /// What the action does to the resource.
    pub(crate) access: Key<Located<Access>>,
    /// The resource as an ARN pattern; `*` if not given.
    #[serde(default)]
    pub(crate) resource: Key<Located<String>>,
}

/// How to wait for what an action has started: another action is asked until its answer says done or failed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Waiter {
    /// The action to ask, of the same product; an idempotent one.
    pub(crate) action: Key<Located<String>>,
    /// The parameters of the action to ask, by name, and where each value comes from: a parameter of this action in braces
    /// (`"{InstanceId}"`), a member of its response (`"{$response.Data.JobId}"`), a constant, or several of them in a row. ` | ` stands
    /// between alternatives; the first one that is there counts.
    #[serde(default)]
    pub(crate) parameters: Key<Located<Map<Located<AnyScalar>>>>,
    /// The way to the state in the answer, such as `Data.Status`. Lists on the way are gone through.
    pub(crate) state: Key<Located<String>>,
    /// Which elements of the list on the way count: those whose members have these values. Values are written as under `parameters`.
    #[serde(default)]
    pub(crate) r#where: Key<Located<Map<Located<AnyScalar>>>>,
    /// How many of the elements have to be done; `all` if not given.
    #[serde(default)]
    pub(crate) of: Key<Of>,
    /// The states that mean success, separated by commas.
    pub(crate) done: Key<Located<AnyScalar>>,
    /// The states after which success will not come, separated by commas. With any other state, asking goes on.
    #[serde(default)]
    pub(crate) failed: Key<Located<AnyScalar>>,
    /// The time between two requests: `10s`, `5m`, `1h`.
    #[schemars(regex(pattern = r"^[0-9]+(s|m|h)$"))]
    pub(crate) interval: Key<Located<String>>,
    /// If the interval doubles after each request: what it grows to.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[0-9]+(s|m|h)$"))]
    pub(crate) longest_interval: Key<Located<String>>,
    /// The longest wait, unless a program sets another.
    #[schemars(regex(pattern = r"^[0-9]+(s|m|h)$"))]
    pub(crate) bound: Key<Located<String>>,
}

/// How many elements of a list have to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Of {
    /// Every one, and there is at least one. One that failed is a failure.
    All,
    /// One of them. It is a failure if all of them failed.
    Any,
}

/// The access levels of RAM.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Access {
    /// Enumerates resources.
    List,
    /// Reads one resource.
    Read,
    /// Creates a resource.
    Create,
    /// Changes a resource.
    Update,
    /// Removes a resource.
    Delete,
    /// Changes a resource; used where the documentation draws no finer line.
    Write,
    /// Reads a resource; used where the documentation draws no finer line.
    Get,
    /// Does none of these to a resource.
    None,
}

impl Access {
    /// The word in the file.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Read => "read",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Write => "write",
            Self::Get => "get",
            Self::None => "none",
        }
    }
}

/// The types of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TypeName {
    /// Text; with `values`, text of which some values are documented.
    String,
    /// A whole number; see `format`.
    Integer,
    /// A number with a fraction.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A list of `items`.
    Array,
    /// Named `fields`, or free names with `additional` values.
    Object,
    /// Any JSON value.
    Any,
    /// A file: only for a whole answer, `$body`, of an action with a `path`.
    Bytes,
    /// The shared `shape` of that name in product.yaml.
    Shape,
}

impl TypeName {
    /// The word in the file.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Array => "array",
            Self::Object => "object",
            Self::Any => "any",
            Self::Bytes => "bytes",
            Self::Shape => "shape",
        }
    }
}

/// How long an integer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// 32 bits.
    Int32,
    /// 64 bits.
    Int64,
}

/// The HTTP method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Method {
    /// With a form.
    Post,
    /// With everything in the URL; where the service takes nothing else.
    Get,
    /// With a form; where the service takes nothing else.
    Put,
    /// With everything in the URL; where the service takes nothing else.
    Delete,
    /// Only with `path`.
    Patch,
}

/// Where a parameter travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Location {
    /// In the query of the URL.
    Query,
    /// In the form body.
    Form,
    /// In `path`, in place of its name in braces.
    Path,
    /// In a header with its name; only with `path`.
    Header,
    /// The whole body, as JSON (text as it is); only with `path`.
    Body,
    /// In front of the host name, with a dot behind it; only with `path`.
    Host,
}

/// How a list, map or object becomes parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Style {
    /// One parameter with JSON text.
    Json,
    /// `Name.1`, `Name.2`, and `Name.1.Key` for objects in a list.
    RepeatList,
    /// `Name.Key` for objects and maps, `Name.1` for lists.
    Flat,
    /// One parameter with the values joined by commas.
    Simple,
}

/// What a value of text means: one sentence (`none` if there is none), or a map if it also needs a Rust name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ValueFacts {
    /// One sentence that says what the value means.
    pub(crate) description: Key<Located<String>>,
    /// The Rust name of the variant, where the automatic one will not do.
    #[serde(default)]
    pub(crate) rust_name: Key<Located<String>>,
    /// Marks the value as deprecated: what to use instead.
    #[serde(default)]
    pub(crate) deprecated: Key<Located<String>>,
}

/// The keys that describe a type, borrowed from whatever has them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TypeKeys<'a> {
    pub(crate) ty: &'a Key<Located<TypeName>>,
    pub(crate) format: &'a Key<Located<Format>>,
    pub(crate) values: &'a Key<Located<Map<TextOr<ValueFacts>>>>,
    pub(crate) items: &'a Key<Located<Box<Item>>>,
    pub(crate) wrapper: &'a Key<Located<String>>,
    pub(crate) fields: &'a Key<Located<Map<Field>>>,
    pub(crate) additional: &'a Key<Located<Box<Item>>>,
    pub(crate) shape: &'a Key<Located<String>>,
    pub(crate) type_name: &'a Key<Located<String>>,
}

/// Declares a struct with the keys that describe a type and some of its own. (`#[serde(flatten)]` would do the same, but it
/// loses the places and the unknown keys.)
macro_rules! typed {
    ($(#[$attribute:meta])* $name:ident { $($(#[$of_field:meta])* $field:ident: $ty:ty,)* }) => {
        $(#[$attribute])*
        #[derive(Debug, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name {
            /// The type of the value.
            #[serde(rename = "type")]
            pub(crate) ty: Key<Located<TypeName>>,
            /// With `integer`: how long the number is; `int64` if not given.
            #[serde(default)]
            pub(crate) format: Key<Located<Format>>,
            /// With `string`: the documented values and what each means. The service may know others.
            #[serde(default)]
            pub(crate) values: Key<Located<Map<TextOr<ValueFacts>>>>,
            /// With `array`: the type of the items.
            #[serde(default)]
            pub(crate) items: Key<Located<Box<Item>>>,
            /// With `array`, in an answer: the one member of the object in which the list is wrapped on the wire.
            #[serde(default)]
            pub(crate) wrapper: Key<Located<String>>,
            /// With `object`: the fields, by name on the wire.
            #[serde(default)]
            pub(crate) fields: Key<Located<Map<Field>>>,
            /// With `object`, instead of `fields`: the type of the values under names that are not fixed.
            #[serde(default)]
            pub(crate) additional: Key<Located<Box<Item>>>,
            /// With `shape`: its name in product.yaml.
            #[serde(default)]
            pub(crate) shape: Key<Located<String>>,
            /// The Rust name of an object or of text with `values`, where the automatic one will not do.
            #[serde(default)]
            pub(crate) type_name: Key<Located<String>>,
            $($(#[$of_field])* pub(crate) $field: $ty,)*
        }

        impl $name {
            /// The keys that describe the type.
            pub(crate) fn type_keys(&self) -> TypeKeys<'_> {
                TypeKeys {
                    ty: &self.ty,
                    format: &self.format,
                    values: &self.values,
                    items: &self.items,
                    wrapper: &self.wrapper,
                    fields: &self.fields,
                    additional: &self.additional,
                    shape: &self.shape,
                    type_name: &self.type_name,
                }
            }
        }
    };
}

typed! {
    /// What a request carries under one name.
    Parameter {
        /// One sentence that says what it means, in Markdown; `none` if there is none.
        description: Key<Located<String>>,
        /// A documented value: text for scalars, JSON text for lists, maps and objects; `none`, without quotes, if none is
        /// documented.
        example: Key<Located<AnyScalar>>,
        /// Whether a request without it is refused; `false` if not given.
        #[serde(default)]
        required: Key<bool>,
        /// Whether the value is personal data or a secret: it is kept out of logs, errors and URLs.
        #[serde(default)]
        sensitive: Key<bool>,
        /// Why the type is not the documented one; the documentation shows it. Remove it once you have checked the type.
        #[serde(default)]
        guessed: Key<Located<String>>,
        /// Whether a `sensitive` value may be in the URL, where servers and proxies log it; only with the methods `get` and `delete`,
        /// which leave no other place, and in the path, query or host name of an action with a `path`.
        #[serde(default)]
        in_url: Key<Located<bool>>,
        /// Marks it as deprecated: what to use instead.
        #[serde(default)]
        deprecated: Key<Located<String>>,
        /// Where it travels; `query` if not given.
        #[serde(default)]
        location: Key<Located<Location>>,
        /// How a list, map, object or free-form value is written; `json` if not given.
        #[serde(default)]
        style: Key<Located<Style>>,
        /// The Rust name of the field, where the automatic one will not do.
        #[serde(default)]
        rust_name: Key<Located<String>>,
    }
}

typed! {
    /// A member of an answer, or of an object inside an answer, a parameter or a shape.
    Field {
        /// One sentence that says what it means, in Markdown; `none` if there is none.
        description: Key<Located<String>>,
        /// Whether the value is personal data or a secret: it is kept out of logs and errors.
        #[serde(default)]
        sensitive: Key<bool>,
        /// Why the type is not the documented one; the documentation shows it. Remove it once you have checked the type.
        #[serde(default)]
        guessed: Key<Located<String>>,
        /// Marks it as deprecated: what to use instead.
        #[serde(default)]
        deprecated: Key<Located<String>>,
        /// The Rust name of the field, where the automatic one will not do.
        #[serde(default)]
        rust_name: Key<Located<String>>,
    }
}

typed! {
    /// The type of the items of a list, or of the values of a map.
    Item {
        /// One sentence that says what an item is, in Markdown.
        #[serde(default)]
        description: Key<Located<String>>,
    }
}

/// A documented error code.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ErrorCode {
    /// The HTTP status that comes with it, 100 to 599; `none` if none is documented.
    #[schemars(extend("anyOf" = [{ "const": "none" }, { "type": "integer", "minimum": 100, "maximum": 599 }]))]
    pub(crate) status: Key<Located<AnyScalar>>,
    /// The message that comes with it; `none` if none is documented.
    pub(crate) message: Key<Located<String>>,
    /// Whether it says that a limit was exceeded: the request was not executed, and is sent again later.
    #[serde(default)]
    pub(crate) throttling: Key<bool>,
    /// What to do about it, in Markdown.
    #[serde(default)]
    pub(crate) description: Key<Located<String>>,
    /// The Rust name of the variant, where the automatic one will not do.
    #[serde(default)]
    pub(crate) rust_name: Key<Located<String>>,
}

/// What all actions of a product share.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProductFile {
    /// The product code, as endpoints and policies spell it.
    pub(crate) product: Key<Located<String>>,
    /// The name of the crate, behind `alibabacloud-`, where the folder's will not do: two versions of a product in one program, say.
    #[serde(default)]
    pub(crate) name: Key<Located<String>>,
    /// The product's name for people.
    pub(crate) title: Key<Located<String>>,
    /// The version of the API.
    pub(crate) version: Key<Located<String>>,
    /// The address of the official documentation.
    pub(crate) documentation: Key<Located<String>>,
    /// The region that is used when none is chosen.
    pub(crate) default_region: Key<Located<String>>,
    /// Where the product is reached.
    pub(crate) endpoints: Key<Located<Endpoints>>,
    /// The values of `Code` that mark success in a 2xx answer, if answers carry that member; several are separated by commas. Case
    /// and blanks do not count.
    #[serde(default)]
    pub(crate) success_code: Key<Located<String>>,
    /// Objects and text with `values` that several actions share, by name.
    #[serde(default)]
    pub(crate) shapes: Key<Located<Map<Shape>>>,
    /// The error codes that any action may answer with.
    #[serde(default)]
    pub(crate) errors: Key<Located<Map<ErrorCode>>>,
    /// What is not reviewed yet: the keys `title`, `documentation`, `default_region`, `endpoints` and `success_code`, and where
    /// each value comes from. Remove an entry once you have checked the value.
    #[serde(default)]
    pub(crate) guessed: Key<Located<Map<Located<String>>>>,
}

/// What every product has from the platform.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "PlatformFile", deny_unknown_fields)]
pub(crate) struct PlatformFile {
    /// The values of `Code` that can only mean success, whatever a product documents.
    pub(crate) success: Key<Located<Success>>,
    /// What an error code tells a client. The first meaning that fits counts, in the order of this schema.
    pub(crate) meanings: Key<Located<Meanings>>,
    /// How codes begin that refuse a parameter, separated by commas: `containing` does not apply to them.
    pub(crate) refuses_a_parameter: Key<Located<String>>,
    /// The error codes that any action of any product may answer with.
    pub(crate) errors: Key<Located<Map<ErrorCode>>>,
}

/// Values of `Code`. Case and blanks around them do not count.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Success {
    /// Words, separated by commas.
    pub(crate) words: Key<Located<String>>,
    /// Numbers and ranges of them, separated by commas: `0, 200-299`.
    pub(crate) numbers: Key<Located<String>>,
}

/// Error codes by what they tell a client.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Meanings {
    /// A limit of a day was exceeded.
    pub(crate) throttled_for_a_day: Key<Located<Codes>>,
    /// A limit of an hour was exceeded.
    pub(crate) throttled_for_an_hour: Key<Located<Codes>>,
    /// A limit of a month was exceeded.
    pub(crate) throttled_for_a_month: Key<Located<Codes>>,
    /// A limit was exceeded, and the code does not tell whether it is one of a minute, an hour or a day.
    pub(crate) throttled_for_longer: Key<Located<Codes>>,
    /// A limit that counts in seconds was exceeded.
    pub(crate) throttled: Key<Located<Codes>>,
    /// The timestamp is not the service's time.
    pub(crate) clock_wrong: Key<Located<Codes>>,
    /// The security token has expired.
    pub(crate) token_expired: Key<Located<Codes>>,
    /// The key, the signature or the permission is refused.
    pub(crate) identity_refused: Key<Located<Codes>>,
    /// The nonce was used before.
    pub(crate) nonce_used: Key<Located<Codes>>,
    /// The service itself failed, and may have executed the request before.
    pub(crate) service_failed: Key<Located<Codes>>,
}

/// Which error codes; at least one of the keys is given.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Codes {
    /// Codes, separated by commas: each stands for itself, and for itself with a dot and more behind it.
    #[serde(default)]
    pub(crate) codes: Key<Located<String>>,
    /// Parts of codes in small letters, separated by commas. Dots, hyphens and underscores of a code do not count.
    #[serde(default)]
    pub(crate) containing: Key<Located<String>>,
}

/// Host names.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Endpoints {
    /// The public host name that serves all regions, if there is one; used when no region is chosen.
    #[serde(default)]
    pub(crate) central: Key<Located<String>>,
    /// Pattern of the public host name, with `{region}` in the place of the region; left out if the `central` host serves every
    /// region that is not listed.
    #[serde(default)]
    pub(crate) public: Key<Located<String>>,
    /// Pattern of the host name inside a VPC, with `{region}` in the place of the region; left out if only listed regions have one.
    #[serde(default)]
    pub(crate) vpc: Key<Located<String>>,
    /// Regions whose host names do not follow the patterns.
    #[serde(default)]
    pub(crate) regions: Key<Located<Map<RegionEndpoint>>>,
}

/// The host names of one region.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegionEndpoint {
    /// The public host name.
    #[serde(default)]
    pub(crate) public: Key<Located<String>>,
    /// The host name inside a VPC.
    #[serde(default)]
    pub(crate) vpc: Key<Located<String>>,
}

/// What a shape can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ShapeType {
    /// Named `fields`.
    Object,
    /// Text with documented `values`.
    String,
}

/// A type that several actions share: an object with fields, or text with documented values.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shape {
    /// An object with `fields`, or a string with `values`.
    #[serde(rename = "type")]
    pub(crate) ty: Key<Located<ShapeType>>,
    /// One sentence that says what it is, in Markdown; `none` if there is none.
    pub(crate) description: Key<Located<String>>,
    /// With `object`: the fields, by name on the wire.
    #[serde(default)]
    pub(crate) fields: Key<Located<Map<Field>>>,
    /// With `string`: the documented values and what each means.
    #[serde(default)]
    pub(crate) values: Key<Located<Map<TextOr<ValueFacts>>>>,
}

/// How messages call the thing that one of the types above describes.
pub(crate) fn title(type_name: &str) -> &'static str {
    match type_name {
        "ActionFile" => "an action",
        "ProductFile" => "a product",
        "Authorization" => "`authorization`",
        "Waiter" => "`waiter`",
        "Paging" => "`paging`",
        "ValueFacts" => "a documented value",
        "Parameter" => "a parameter",
        "Field" => "a field",
        "Item" => "the type of items or values",
        "ErrorCode" => "an error code",
        "Endpoints" => "`endpoints`",
        "RegionEndpoint" => "a region",
        "Shape" => "a shape",
        "PlatformFile" => "platform.yaml",
        "Success" => "`success`",
        "Meanings" => "`meanings`",
        "Codes" => "a meaning",
        _ => "this map",
    }
}

/// What to do about a key that people will try because other languages have it, or about a value of the wrong type, where
/// the general hint would mislead. `type_name` is empty for the latter.
pub(crate) fn advice(type_name: &str, key: &str) -> Option<&'static str> {
    Some(match (type_name, key) {
        ("Field", "required") => {
            "remove it: any field may be absent from an answer, and only a parameter itself can be required"
        }
        ("Field", "example") => "remove it: the action's `example` shows every field of the answer",
        ("Field", "location" | "style") => "remove it: only a parameter itself has a place and a style",
        ("Parameter" | "Field" | "Item" | "Shape", "enum") => "use `values: { VALUE: What it means. }`",
        ("Parameter" | "Field" | "Item" | "Shape", "properties") => "use `fields`",
        ("Parameter" | "Field" | "Item" | "Shape", "additionalProperties") => "use `additional`",
        ("Parameter" | "Field" | "Item" | "Shape", "$ref") => "use `type: shape` and `shape: Name`",
        ("Parameter", "in") => "use `location`",
        ("Parameter", "default") => "say in the description what the server assumes without the parameter",
        ("Paging", "page") => "use `number`",
        ("Paging", "list" | "item") => "use `items`",
        ("", "rate_limit") => "write a rate such as `10/s`, `200/60s`, `5/m` or `100/h`, or `none`",
        ("", "authorization") => "write `none`, or a map such as `{ action: \"cams:DoSomething\", access: update }`",
        _ => return None,
    })
}
