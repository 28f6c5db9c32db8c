//! The kinds of specification files as serde types: the language, key by key.
//!
//! Editors show the doc comments through the JSON Schemas. A key without `#[serde(default)]` is required; the
//! check stage reports it; all others stay [`Key::Missing`].

use serde::Deserialize;

use schemars::JsonSchema;

use super::de::{AnyScalar, Key, Located, Map, TextOr};

/// One action of a product.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "ActionFile", deny_unknown_fields)]
pub(crate) struct ActionFile {
    /// The name of the action on the wire; the file must have the same name.
    pub(crate) action: Key<Located<String>>,
    /// What the action does, in one sentence of Markdown; `none` if it is not described.
    pub(crate) summary: Key<Located<String>>,
    /// Further documentation, in Markdown.
    #[serde(default)]
    pub(crate) description: Key<Located<String>>,
    /// Whether a request can be repeated: `false` if the server would then act twice.
    pub(crate) idempotent: Key<bool>,
    /// For actions that are not idempotent: how to find out whether a call without a response took effect.
    #[serde(default)]
    pub(crate) unknown_outcome: Key<Located<String>>,
    /// The rate limit per account, such as `10/s`, `200/60s`, `5/m` or `100/h`; `none` if the service publishes none.
    #[schemars(regex(pattern = r"^(none|[0-9]+/[0-9]*(s|m|h))$"))]
    pub(crate) rate_limit: Key<Located<String>>,
    /// The RAM permission that the caller needs, or `none`.
    #[schemars(extend("anyOf" = [{ "const": "none" }, { "$ref": "#/definitions/Authorization" }]))]
    pub(crate) authorization: Key<Located<TextOr<Authorization>>>,
    /// Whether the action is called without a signature.
    #[serde(default)]
    pub(crate) anonymous: Key<bool>,
    /// The HTTP method, `post` if not given; without `path`, `get` and `delete` put everything into the URL.
    #[serde(default)]
    pub(crate) method: Key<Method>,
    /// For an action of the ROA style: the path of the URL, such as `/clusters/{ClusterId}`. Braces contain the name of
    /// a parameter with `location: path`.
    #[serde(default)]
    #[schemars(regex(pattern = r"^/"))]
    pub(crate) path: Key<Located<String>>,
    /// The values of `Code` that mean success, separated by commas, if they differ from those of the product. `none` if
    /// the response has no `Code`, or if its `Code` is data.
    #[serde(default)]
    pub(crate) success_code: Key<Located<String>>,
    /// Marks the action as deprecated, with the replacement to use.
    #[serde(default)]
    pub(crate) deprecated: Key<Located<String>>,
    /// For an action that lists something: how its response is divided into pages. `client.pages(…)` and
    /// `client.items(…)` request them in order.
    #[serde(default)]
    pub(crate) paging: Key<Located<Paging>>,
    /// The parameters, by name on the wire; `{}` for none.
    pub(crate) parameters: Key<Located<Map<Parameter>>>,
    /// The members of the response, by name on the wire. Each of them can be absent.
    pub(crate) response: Key<Located<Map<Field>>>,
    /// The documented error codes of this action; `{}` for none.
    pub(crate) errors: Key<Located<Map<ErrorCode>>>,
    /// For an action that only starts an operation: how to wait for the operation.
    #[serde(default)]
    pub(crate) waiter: Key<Located<Waiter>>,
    /// The documented response as JSON text; `none` if none is documented.
    pub(crate) example: Key<Located<String>>,
    /// Values that are not reviewed yet: the keys `idempotent`, `rate_limit`, `method`, `success_code`, `paging` and
    /// `waiter`, with the source of each value. Remove an entry after you have checked the value.
    #[serde(default)]
    pub(crate) guessed: Key<Located<Map<Located<String>>>>,
}

/// How a response is divided into pages. One of `token`, `marker`, `number` and `offset` is the parameter that selects a
/// page.
/// Names can be paths with dots, such as `Instances.Instance`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Paging {
    /// The parameter that takes the value of `next` from the previous response. A response without that value is the
    /// last page.
    #[serde(default)]
    pub(crate) token: Key<Located<String>>,
    /// The same, for an action whose `more` shows whether another page follows.
    #[serde(default)]
    pub(crate) marker: Key<Located<String>>,
    /// The parameter for the page number.
    #[serde(default)]
    pub(crate) number: Key<Located<String>>,
    /// The parameter for the number of items before the page.
    #[serde(default)]
    pub(crate) offset: Key<Located<String>>,
    /// With `number`: the number of the first page, 0 or 1; `1` if not given.
    #[serde(default)]
    #[schemars(range(max = 1))]
    pub(crate) first: Key<Located<u64>>,
    /// With `token` and `marker`: the member of the response with the value for the next page.
    #[serde(default)]
    pub(crate) next: Key<Located<String>>,
    /// The member of the response that shows whether another page follows.
    #[serde(default)]
    pub(crate) more: Key<Located<String>>,
    /// With `number` and `offset`: the member of the response with the total number of items.
    #[serde(default)]
    pub(crate) total: Key<Located<String>>,
    /// The parameter for the number of items in a page.
    #[serde(default)]
    pub(crate) size: Key<Located<String>>,
    /// The list in the response with the items of a page.
    pub(crate) items: Key<Located<String>>,
}

/// The permission that the caller needs.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Authorization {
    /// The RAM action, e.g. `cams:ChatappSyncPhoneNumber`.
    pub(crate) action: Key<Located<String>>,
    /// The access level of the action.
    pub(crate) access: Key<Located<Access>>,
    /// The resource as an ARN pattern; `*` if not given.
    #[serde(default)]
    pub(crate) resource: Key<Located<String>>,
}

/// How to wait for an operation that an action starts: another action is called until its response shows that the
/// operation has ended.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Waiter {
    /// The action to call: an idempotent action of the same product.
    pub(crate) action: Key<Located<String>>,
    /// The parameters of the action to call, by name, each with its value: a parameter of this action in braces
    /// (`"{InstanceId}"`), a member of its response (`"{$response.Data.JobId}"`), a constant, or a sequence of these. `
    /// | ` separates alternatives; the first one with a value is used.
    #[serde(default)]
    pub(crate) parameters: Key<Located<Map<Located<AnyScalar>>>>,
    /// The path of the state in the response, such as `Data.Status`. For a list in the path, the states of all elements
    /// are read. Required unless only `done_error` ends the wait.
    #[serde(default)]
    pub(crate) state: Key<Located<String>>,
    /// Selects elements of the list in the path: those whose members have these values. Values are written as under
    /// `parameters`.
    #[serde(default)]
    pub(crate) r#where: Key<Located<Map<Located<AnyScalar>>>>,
    /// How many elements must be done; `all` if not given.
    #[serde(default)]
    pub(crate) of: Key<Of>,
    /// What it means if no element of the list in the path is left, or none that `where` selects; `pending` if not given.
    #[serde(default)]
    pub(crate) absent: Key<Located<Absent>>,
    /// The states that mean success, separated by commas. Required unless `absent: done` or `done_error` is given.
    #[serde(default)]
    pub(crate) done: Key<Located<AnyScalar>>,
    /// The states that mean failure, separated by commas. With any other state, the wait continues.
    #[serde(default)]
    pub(crate) failed: Key<Located<AnyScalar>>,
    /// The error codes of the called action that mean success, separated by commas, such as `InvalidInstance.NotFound`
    /// after a deletion.
    #[serde(default)]
    pub(crate) done_error: Key<Located<AnyScalar>>,
    /// The error codes after which the wait continues, separated by commas, such as that of a resource that does not
    /// exist yet.
    #[serde(default)]
    pub(crate) pending_error: Key<Located<AnyScalar>>,
    /// The time between two calls: `10s`, `5m`, `1h`.
    #[schemars(regex(pattern = r"^[0-9]+(s|m|h)$"))]
    pub(crate) interval: Key<Located<String>>,
    /// The longest interval, if the interval doubles after each call.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[0-9]+(s|m|h)$"))]
    pub(crate) longest_interval: Key<Located<String>>,
    /// The longest wait, unless the program sets another.
    #[schemars(regex(pattern = r"^[0-9]+(s|m|h)$"))]
    pub(crate) bound: Key<Located<String>>,
}

/// How many elements of a list must be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Of {
    /// All of them, and at least one. One failed element is a failure.
    All,
    /// One of them. It is a failure only if all of them failed.
    Any,
}

/// What the absence of elements means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Absent {
    /// The operation is done, such as a deletion.
    Done,
    /// The wait continues.
    Pending,
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
    /// Changes a resource, if the documentation does not distinguish further.
    Write,
    /// Reads a resource, if the documentation does not distinguish further.
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
    /// Text; with `values`, text with documented values.
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
    /// A file: only as a whole response, `$body`, of an action with a `path`.
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

/// The size of an integer.
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
    /// With all parameters in the URL; only if the service accepts nothing else.
    Get,
    /// With a form; only if the service accepts nothing else.
    Put,
    /// With all parameters in the URL; only if the service accepts nothing else.
    Delete,
    /// Only with `path`.
    Patch,
}

/// The place of a parameter in the request.
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
    /// As a prefix of the host name, followed by a dot; only with `path`.
    Host,
}

/// How a list, map or object is written as parameters.
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

/// The meaning of a value: one sentence (`none` if there is none), or a map if it also needs a Rust name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ValueFacts {
    /// The meaning of the value, in one sentence.
    pub(crate) description: Key<Located<String>>,
    /// The Rust name of the variant, if the automatic one is unsuitable.
    #[serde(default)]
    pub(crate) rust_name: Key<Located<String>>,
    /// Marks the value as deprecated, with the replacement to use.
    #[serde(default)]
    pub(crate) deprecated: Key<Located<String>>,
}

/// The keys that describe a type, borrowed from one of the structs that have them.
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

/// Declares a struct with the keys that describe a type and other keys. (`#[serde(flatten)]` would do the same,
/// but it loses the places and the unknown keys.)
macro_rules! typed {
    ($(#[$attribute:meta])* $name:ident { $($(#[$of_field:meta])* $field:ident: $ty:ty,)* }) => {
        $(#[$attribute])*
        #[derive(Debug, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name {
            /// The type of the value.
            #[serde(rename = "type")]
            pub(crate) ty: Key<Located<TypeName>>,
            /// With `integer`: the size of the number; `int64` if not given.
            #[serde(default)]
            pub(crate) format: Key<Located<Format>>,
            /// With `string`: the documented values, each with its meaning. The service can return others.
            #[serde(default)]
            pub(crate) values: Key<Located<Map<TextOr<ValueFacts>>>>,
            /// With `array`: the type of the items.
            #[serde(default)]
            pub(crate) items: Key<Located<Box<Item>>>,
            /// With `array`, in a response: the only member of the object that wraps the list on the wire.
            #[serde(default)]
            pub(crate) wrapper: Key<Located<String>>,
            /// With `object`: the fields, by name on the wire.
            #[serde(default)]
            pub(crate) fields: Key<Located<Map<Field>>>,
            /// With `object`, instead of `fields`: the type of the values, for names that are not fixed.
            #[serde(default)]
            pub(crate) additional: Key<Located<Box<Item>>>,
            /// With `shape`: its name in product.yaml.
            #[serde(default)]
            pub(crate) shape: Key<Located<String>>,
            /// The Rust name of an object or of text with `values`, if the automatic one is unsuitable.
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
    /// A parameter of a request.
    Parameter {
        /// The meaning, in one sentence of Markdown; `none` if it is not described.
        description: Key<Located<String>>,
        /// A documented value: text for scalars, JSON text for lists, maps and objects; `none`, without quotes, if none
        /// is documented.
        example: Key<Located<AnyScalar>>,
        /// Whether the parameter is required; `false` if not given.
        #[serde(default)]
        required: Key<bool>,
        /// Whether the value is personal data or a secret, which is kept out of logs, errors and URLs.
        #[serde(default)]
        sensitive: Key<bool>,
        /// The reason why the type is not the documented one, which is shown in the documentation. Remove it after you
        /// have checked the type.
        #[serde(default)]
        guessed: Key<Located<String>>,
        /// Accepts a `sensitive` value in the URL, which servers and proxies log. Only with the methods `get` and
        /// `delete`, which have no other place, and in the path, query or host name of an action with a `path`.
        #[serde(default)]
        in_url: Key<Located<bool>>,
        /// Marks the parameter as deprecated, with the replacement to use.
        #[serde(default)]
        deprecated: Key<Located<String>>,
        /// The place in the request; `query` if not given.
        #[serde(default)]
        location: Key<Located<Location>>,
        /// How a list, map, object or free-form value is written; `json` if not given.
        #[serde(default)]
        style: Key<Located<Style>>,
        /// The Rust name of the field, if the automatic one is unsuitable.
        #[serde(default)]
        rust_name: Key<Located<String>>,
    }
}

typed! {
    /// A member of a response, or of an object in a response, a parameter or a shape.
    Field {
        /// The meaning, in one sentence of Markdown; `none` if it is not described.
        description: Key<Located<String>>,
        /// Whether the value is personal data or a secret, which is kept out of logs and errors.
        #[serde(default)]
        sensitive: Key<bool>,
        /// The reason why the type is not the documented one, which is shown in the documentation. Remove it after you
        /// have checked the type.
        #[serde(default)]
        guessed: Key<Located<String>>,
        /// Marks the field as deprecated, with the replacement to use.
        #[serde(default)]
        deprecated: Key<Located<String>>,
        /// The Rust name of the field, if the automatic one is unsuitable.
        #[serde(default)]
        rust_name: Key<Located<String>>,
    }
}

typed! {
    /// The type of the items of a list, or of the values of a map.
    Item {
        /// The meaning of an item, in one sentence of Markdown.
        #[serde(default)]
        description: Key<Located<String>>,
    }
}

/// A documented error code.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ErrorCode {
    /// The HTTP status of the response, 100 to 599; `none` if none is documented.
    #[schemars(extend("anyOf" = [{ "const": "none" }, { "type": "integer", "minimum": 100, "maximum": 599 }]))]
    pub(crate) status: Key<Located<AnyScalar>>,
    /// The documented message; `none` if none is documented.
    pub(crate) message: Key<Located<String>>,
    /// Whether the code means that a rate limit was exceeded: the request was not executed, and is retried later.
    #[serde(default)]
    pub(crate) throttling: Key<bool>,
    /// What to do about the error, in Markdown.
    #[serde(default)]
    pub(crate) description: Key<Located<String>>,
    /// The Rust name of the variant, if the automatic one is unsuitable.
    #[serde(default)]
    pub(crate) rust_name: Key<Located<String>>,
}

/// The facts that all actions of a product share.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProductFile {
    /// The product code, as endpoints and policies spell it.
    pub(crate) product: Key<Located<String>>,
    /// The name of the crate, after `alibabacloud-`, if it is not that of the folder, such as for a second version of a
    /// product.
    #[serde(default)]
    pub(crate) name: Key<Located<String>>,
    /// The name of the product in the documentation.
    pub(crate) title: Key<Located<String>>,
    /// The version of the API.
    pub(crate) version: Key<Located<String>>,
    /// The address of the official documentation.
    pub(crate) documentation: Key<Located<String>>,
    /// The region that is used if the program sets none.
    pub(crate) default_region: Key<Located<String>>,
    /// The host names of the product.
    pub(crate) endpoints: Key<Located<Endpoints>>,
    /// The values of `Code` that mean success in a 2xx response, separated by commas, if responses have that member.
    /// Case and blanks are ignored.
    #[serde(default)]
    pub(crate) success_code: Key<Located<String>>,
    /// Objects and text with `values` that several actions share, by name.
    #[serde(default)]
    pub(crate) shapes: Key<Located<Map<Shape>>>,
    /// The error codes that any action can return.
    #[serde(default)]
    pub(crate) errors: Key<Located<Map<ErrorCode>>>,
    /// Values that are not reviewed yet: the keys `title`, `documentation`, `default_region`, `endpoints` and
    /// `success_code`, with the source of each value. Remove an entry after you have checked the value.
    #[serde(default)]
    pub(crate) guessed: Key<Located<Map<Located<String>>>>,
}

/// The facts about the platform, which hold for every product.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "PlatformFile", deny_unknown_fields)]
pub(crate) struct PlatformFile {
    /// The values of `Code` that mean success for every product.
    pub(crate) success: Key<Located<Success>>,
    /// The meanings of error codes. The first one that matches applies, in the order of this schema.
    pub(crate) meanings: Key<Located<Meanings>>,
    /// Prefixes of codes that reject a parameter, separated by commas; `containing` does not apply to these codes.
    pub(crate) refuses_a_parameter: Key<Located<String>>,
    /// The error codes that any action of any product can return.
    pub(crate) errors: Key<Located<Map<ErrorCode>>>,
}

/// Values of `Code`. Case and surrounding blanks are ignored.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Success {
    /// Words, separated by commas.
    pub(crate) words: Key<Located<String>>,
    /// Numbers and ranges of numbers, separated by commas: `0, 200-299`.
    pub(crate) numbers: Key<Located<String>>,
}

/// Error codes by their meaning.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Meanings {
    /// A daily limit was exceeded.
    pub(crate) throttled_for_a_day: Key<Located<Codes>>,
    /// An hourly limit was exceeded.
    pub(crate) throttled_for_an_hour: Key<Located<Codes>>,
    /// A monthly limit was exceeded.
    pub(crate) throttled_for_a_month: Key<Located<Codes>>,
    /// A limit was exceeded that can be per minute, hour or day.
    pub(crate) throttled_for_longer: Key<Located<Codes>>,
    /// A limit per second was exceeded.
    pub(crate) throttled: Key<Located<Codes>>,
    /// The timestamp differs too much from the time of the service.
    pub(crate) clock_wrong: Key<Located<Codes>>,
    /// The security token has expired.
    pub(crate) token_expired: Key<Located<Codes>>,
    /// The key, the signature or the permission was rejected.
    pub(crate) identity_refused: Key<Located<Codes>>,
    /// The nonce was used before.
    pub(crate) nonce_used: Key<Located<Codes>>,
    /// The service failed, possibly after it executed the request.
    pub(crate) service_failed: Key<Located<Codes>>,
}

/// A set of error codes; at least one of the keys is required.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Codes {
    /// Codes, separated by commas. Each one also matches codes that continue after it with a dot.
    #[serde(default)]
    pub(crate) codes: Key<Located<String>>,
    /// Parts of codes in lower case, separated by commas. Dots, hyphens and underscores in codes are ignored.
    #[serde(default)]
    pub(crate) containing: Key<Located<String>>,
}

/// Host names.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Endpoints {
    /// The public host name that serves all regions, if there is one; used if the program sets no region.
    #[serde(default)]
    pub(crate) central: Key<Located<String>>,
    /// The pattern of the public host name, with `{region}` in place of the region; omitted if the `central` host
    /// serves every region that is not listed.
    #[serde(default)]
    pub(crate) public: Key<Located<String>>,
    /// The pattern of the host name inside a VPC, with `{region}` in place of the region; omitted if only listed
    /// regions have one.
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

/// The types of shapes.
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
    /// The meaning, in one sentence of Markdown; `none` if it is not described.
    pub(crate) description: Key<Located<String>>,
    /// With `object`: the fields, by name on the wire.
    #[serde(default)]
    pub(crate) fields: Key<Located<Map<Field>>>,
    /// With `string`: the documented values, each with its meaning.
    #[serde(default)]
    pub(crate) values: Key<Located<Map<TextOr<ValueFacts>>>>,
}

/// The name that messages use for one of the types above.
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

/// A hint about a key that other schema languages have, or about a value of the wrong type, for which
/// the general hint is wrong. `type_name` is empty for the latter.
pub(crate) fn advice(type_name: &str, key: &str) -> Option<&'static str> {
    Some(match (type_name, key) {
        ("Field", "required") => {
            "remove it: any field can be absent from a response, and only parameters can be required"
        }
        ("Field", "example") => "remove it: the `example` of the action shows the fields of the response",
        ("Field", "location" | "style") => "remove it: only parameters have a location and a style",
        ("Parameter" | "Field" | "Item" | "Shape", "enum") => "use `values: { VALUE: What it means. }`",
        ("Parameter" | "Field" | "Item" | "Shape", "properties") => "use `fields`",
        ("Parameter" | "Field" | "Item" | "Shape", "additionalProperties") => "use `additional`",
        ("Parameter" | "Field" | "Item" | "Shape", "$ref") => "use `type: shape` and `shape: Name`",
        ("Parameter", "in") => "use `location`",
        ("Parameter", "default") => "document the default of the server in `description`",
        ("Paging", "page") => "use `number`",
        ("Paging", "list" | "item") => "use `items`",
        ("", "rate_limit") => "write a rate such as `10/s`, `200/60s`, `5/m` or `100/h`, or `none`",
        ("", "authorization") => "write `none`, or a map such as `{ action: \"cams:DoSomething\", access: update }`",
        _ => return None,
    })
}
