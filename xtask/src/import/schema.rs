//! Converts the schemas of the metadata to the types of the specification language.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::notes::Notes;
use super::text::{clean, clean_line};
use super::widen::Widening;
use super::yaml::Tree;
use crate::diagnostic::is_direction_control;
use crate::emit::code;
use crate::spec::{BODY, LONGEST_NAME, Style};

/// The deepest nesting of objects and lists; deeper values become any JSON value.
const DEEPEST: usize = 30;

/// A type of the specification language.
#[derive(Debug, Clone, PartialEq)]
pub enum Ty {
    Text(Vec<(String, String)>),
    Int32,
    Int64,
    Number,
    Bool,
    Any,
    /// A whole response.
    Bytes,
    List(Box<Item>),
    /// A list that is the only member of an object.
    Wrapped(String, Box<Item>),
    Map(Box<Item>),
    Object(Vec<Member>),
    /// A shape of the product.
    Shape(String),
}

/// The type of the items of a list or map.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    pub ty: Ty,
    pub description: String,
}

/// A member of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    pub name: String,
    pub ty: Ty,
    pub description: String,
    pub sensitive: bool,
    /// The reason, if the type is not the documented one.
    pub guessed: Option<String>,
    /// The documented example of a member of a shape, used later if the shape is part of a response.
    pub example: Option<Value>,
}

impl Ty {
    /// The type as words for a message.
    pub fn in_words(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Int32 => "an integer of 32 bits",
            Self::Int64 => "an integer of 64 bits",
            Self::Number => "a number",
            Self::Bool => "a boolean",
            Self::Any => "any JSON value",
            Self::Bytes => "bytes",
            Self::List(_) | Self::Wrapped(..) => "a list",
            Self::Map(_) | Self::Object(_) | Self::Shape(_) => "an object",
        }
    }

    /// The keys that describe the type.
    pub fn keys(&self) -> Vec<(String, Tree)> {
        let mut keys = Vec::new();
        let mut key = |name: &str, value: Tree| keys.push((name.to_owned(), value));
        match self {
            Self::Text(values) => {
                key("type", Tree::text("string"));
                if !values.is_empty() {
                    let values = values.iter().map(|(value, meaning)| (value.clone(), Tree::prose(meaning))).collect();
                    key("values", Tree::Map(values));
                }
            }
            Self::Int32 => {
                key("type", Tree::text("integer"));
                key("format", Tree::text("int32"));
            }
            Self::Int64 => {
                key("type", Tree::text("integer"));
                key("format", Tree::text("int64"));
            }
            Self::Number => key("type", Tree::text("number")),
            Self::Bool => key("type", Tree::text("boolean")),
            Self::Any => key("type", Tree::text("any")),
            Self::Bytes => key("type", Tree::text("bytes")),
            Self::List(item) => {
                key("type", Tree::text("array"));
                key("items", item.tree());
            }
            Self::Wrapped(member, item) => {
                key("type", Tree::text("array"));
                key("wrapper", Tree::text(member.clone()));
                key("items", item.tree());
            }
            Self::Map(item) => {
                key("type", Tree::text("object"));
                key("additional", item.tree());
            }
            Self::Object(members) => {
                key("type", Tree::text("object"));
                key("fields", fields(members));
            }
            Self::Shape(name) => {
                key("type", Tree::text("shape"));
                key("shape", Tree::text(name.clone()));
            }
        }
        keys
    }

    /// Whether values are a single text on the wire.
    pub fn is_scalar(&self) -> bool {
        matches!(self, Self::Text(_) | Self::Int32 | Self::Int64 | Self::Number | Self::Bool)
    }

    /// Whether a value can contain sensitive data.
    pub fn holds_sensitive(&self, shapes: &BTreeMap<String, Shape>) -> bool {
        let mut open = vec![self];
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        while let Some(ty) = open.pop() {
            match ty {
                Self::List(item) | Self::Wrapped(_, item) | Self::Map(item) => open.push(&item.ty),
                Self::Object(members) => {
                    if members.iter().any(|member| member.sensitive) {
                        return true;
                    }
                    open.extend(members.iter().map(|member| &member.ty));
                }
                Self::Shape(name) if seen.insert(name) => open.extend(shapes.get(name).map(|shape| &shape.ty)),
                _ => {}
            }
        }
        false
    }

    /// The shapes that the type refers to directly.
    pub fn shapes<'t>(&'t self, into: &mut BTreeSet<&'t str>) {
        match self {
            Self::List(item) | Self::Wrapped(_, item) | Self::Map(item) => item.ty.shapes(into),
            Self::Object(members) => members.iter().for_each(|member| member.ty.shapes(into)),
            Self::Shape(name) => {
                into.insert(name);
            }
            _ => {}
        }
    }
}

impl Item {
    fn tree(&self) -> Tree {
        let mut keys = self.ty.keys();
        if !self.description.is_empty() && matches!(self.ty, Ty::Object(_)) {
            keys.insert(1, ("description".to_owned(), Tree::text(self.description.clone())));
        }
        Tree::Map(keys)
    }
}

/// Inserts keys after those of the type.
pub fn add_own(keys: &mut Vec<(String, Tree)>, own: Vec<(String, Tree)>) {
    let at = if keys.get(1).is_some_and(|(key, _)| key == "format") { 2 } else { 1 };
    keys.splice(at..at, own);
}

/// The members of an object by name.
pub fn fields(members: &[Member]) -> Tree {
    let field = |member: &Member| {
        let mut keys = member.ty.keys();
        let mut own = vec![("description".to_owned(), Tree::prose(&member.description))];
        if member.sensitive {
            own.push(("sensitive".to_owned(), Tree::word("true")));
        }
        own.extend(member.guessed.iter().map(|reason| ("guessed".to_owned(), Tree::text(reason.clone()))));
        add_own(&mut keys, own);
        (member.name.clone(), Tree::Map(keys))
    };
    Tree::Map(members.iter().map(field).collect())
}

/// A shape of the product.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    pub ty: Ty,
    pub description: String,
}

/// The place of a schema, which decides how it is described.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Request,
    Answer,
    /// In a component, which can be part of both.
    Component,
}

/// Reads schemas, and collects the shapes that they refer to.
pub struct Schemas<'m> {
    components: Option<&'m Map<String, Value>>,
    pub shapes: BTreeMap<String, Shape>,
    /// Shapes whose members are not read yet.
    unread: Vec<String>,
    /// The reason, if the type of the items read last is not the documented one.
    inner_guess: Option<String>,
    /// Components that are not shapes and are being read, to detect cycles.
    open: Vec<String>,
    pub notes: Notes,
}

/// A type, and remarks about its values.
pub struct Read {
    pub ty: Ty,
    pub description: String,
    pub sensitive: bool,
    /// The reason, if the type is not the documented one.
    pub guessed: Option<String>,
}

/// Keys with a meaning for clients; each is read.
const READ: &[&str] = &[
    "type",
    "format",
    "properties",
    "items",
    "additionalProperties",
    "$ref",
    "enum",
    "enumValueTitles",
    "description",
    "title",
    "required",
    "docRequired",
    "example",
    "deprecated",
    "default",
    "maximum",
    "minimum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "maxLength",
    "minLength",
    "maxItems",
    "minItems",
    "maxProperties",
    "minProperties",
    "uniqueItems",
    "multipleOf",
    "pattern",
    "sensitive",
    "itemNode",
];

/// Keys without a meaning for clients.
const IDLE: &[&str] = &[
    "visibility",
    "backendName",
    "extendType",
    "isFileTransferUrl",
    "nullable",
    "readOnly",
    "writeOnly",
    "xml",
    "examples",
    "position",
    "style",
    "in",
    "name",
    "allowEmptyValue",
    "enumFromApi",
    "resourceId",
    "x-order",
];

impl<'m> Schemas<'m> {
    pub fn new(components: Option<&'m Map<String, Value>>) -> Self {
        Self {
            components,
            shapes: BTreeMap::new(),
            unread: Vec::new(),
            inner_guess: None,
            open: Vec::new(),
            notes: Notes::default(),
        }
    }

    /// Reads the members of all collected shapes.
    pub fn finish_shapes(&mut self) {
        while let Some(name) = self.unread.pop() {
            let component = self.components.and_then(|components| components.get(&name)).and_then(Value::as_object);
            let properties = component.and_then(|component| component.get("properties")).and_then(Value::as_object);
            let (Some(component), Some(properties)) = (component, properties) else { continue };
            let place = format!("components.{name}");
            let ty = self.object(component, Some(properties), Side::Component, &place, 0);
            // A shape without usable members is empty.
            if let (Some(shape), Ty::Object(_)) = (self.shapes.get_mut(&name), &ty) {
                shape.ty = ty;
            }
        }
    }

    /// A component by name, with references resolved.
    pub fn component(&self, name: &str) -> Option<Value> {
        let name = name.replace("~1", "/").replace("~0", "~");
        self.components?.get(&name).filter(|component| component.get("$ref").is_none()).cloned()
    }

    /// The type and the description of a schema.
    pub fn read(&mut self, schema: &Value, side: Side, place: &str, depth: usize) -> Read {
        let Some(schema) = schema.as_object() else {
            return Read { ty: Ty::Any, description: String::new(), sensitive: false, guessed: None };
        };
        for key in schema.keys().filter(|key| !READ.contains(&key.as_str()) && !IDLE.contains(&key.as_str())) {
            self.notes.add(format!("unknown key `{}` in a schema", shown(key)), place);
        }
        let (ty, mut remarks) = self.ty(schema, side, place, depth);
        let inner_guess = self.inner_guess.take();
        let (ty, guessed) = self.widened(ty, schema, side, place);
        let guessed = guessed.or(inner_guess);
        remarks.extend(constraints(schema, side, depth, ty.is_scalar()));
        let mut description = text(schema, "description");
        if description.is_empty() {
            description = text(schema, "title");
        }
        let description = clean(&description);
        let remarks = clean_remarks(&remarks);
        let between = if description.is_empty() || remarks.is_empty() { "" } else { " " };
        Read {
            ty,
            description: format!("{}{between}{remarks}", description.replace("\n\n", " ")),
            sensitive: schema.get("sensitive") == Some(&Value::Bool(true)),
            guessed,
        }
    }

    /// A scalar type, widened if the example in its schema contradicts it.
    fn widened(&mut self, ty: Ty, schema: &Map<String, Value>, side: Side, place: &str) -> (Ty, Option<String>) {
        let example = schema.get("example").filter(|_| ty.is_scalar());
        let Some(example) = example.filter(|example| !matches!(example, Value::Array(_) | Value::Object(_))) else {
            return (ty, None);
        };
        // A component can also be part of a request.
        let side = if side == Side::Component { Side::Request } else { side };
        let mut member = Member {
            name: String::new(),
            ty,
            description: String::new(),
            sensitive: false,
            guessed: None,
            example: None,
        };
        let Self { shapes, notes, .. } = self;
        Widening { shapes, notes }.member(&mut member, example, side, place);
        (member.ty, member.guessed)
    }

    /// The same for a named member: if its name denotes a secret or personal data, it is sensitive even without a mark.
    pub fn read_named(&mut self, name: &str, schema: &Value, side: Side, place: &str, depth: usize) -> Read {
        let mut read = self.read(schema, side, place, depth);
        let is_text = match &read.ty {
            Ty::Text(values) => values.is_empty(),
            Ty::List(item) => item.ty == Ty::Text(Vec::new()),
            _ => false,
        };
        if !read.sensitive && is_text && names_a_secret(name) {
            self.notes.add("taken as sensitive because of its name", place);
            read.sensitive = true;
        }
        read
    }

    /// The type, and remarks about what the type does not express.
    fn ty(&mut self, schema: &Map<String, Value>, side: Side, place: &str, depth: usize) -> (Ty, Vec<String>) {
        if depth > DEEPEST {
            self.notes.add("too deeply nested; becomes any JSON value", place);
            return (Ty::Any, Vec::new());
        }
        if let Some(reference) = schema.get("$ref") {
            return (self.reference(reference, side, place, depth), Vec::new());
        }
        let properties = schema.get("properties").and_then(Value::as_object).filter(|found| !found.is_empty());
        let named = match schema.get("type") {
            Some(Value::String(name)) => Some(name.as_str()),
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).find(|name| *name != "null"),
            _ => None,
        };
        let free_names = matches!(schema.get("additionalProperties"), Some(Value::Object(_) | Value::Bool(true)));
        let name = named.unwrap_or({
            if properties.is_some() || free_names {
                "object"
            } else if schema.contains_key("items") {
                "array"
            } else if documented_values(schema).is_empty() {
                "any"
            } else {
                "string"
            }
        });
        let values = documented_values(schema);
        let ty = match name.to_ascii_lowercase().as_str() {
            "string" | "text" | "date" | "file" | "binary" => return (self.string(values, place), Vec::new()),
            "integer" | "int" if text(schema, "format") == "int32" => Ty::Int32,
            "integer" | "int" | "long" => Ty::Int64,
            "number" | "float" | "double" => Ty::Number,
            "boolean" | "bool" => Ty::Bool,
            "object" | "map" => self.object(schema, properties, side, place, depth),
            "array" | "list" => self.list(schema, side, place, depth),
            "any" => Ty::Any,
            _ => {
                self.notes.add(format!("unknown type `{}`; becomes any JSON value", shown(name)), place);
                Ty::Any
            }
        };
        // `enum` of a list lists the values of its items.
        if let Ty::List(item) = &ty
            && item.ty == Ty::Text(Vec::new())
            && !values.is_empty()
        {
            let items = Item { ty: self.string(values, place), description: item.description.clone() };
            return (Ty::List(Box::new(items)), Vec::new());
        }
        (ty, values_in_words(&values))
    }

    fn string(&mut self, values: Vec<(String, String)>, place: &str) -> Ty {
        let (values, wrong): (Vec<_>, Vec<_>) =
            values.into_iter().partition(|(value, _)| value.chars().count() <= LONGEST_NAME);
        for _ in wrong {
            self.notes.add("a documented value longer than 100 characters is left out, but still accepted", place);
        }
        Ty::Text(values)
    }

    fn object(
        &mut self,
        schema: &Map<String, Value>,
        properties: Option<&Map<String, Value>>,
        side: Side,
        place: &str,
        depth: usize,
    ) -> Ty {
        let free = match schema.get("additionalProperties") {
            Some(values @ Value::Object(_)) => Some(values.clone()),
            Some(Value::Bool(true)) => Some(Value::Object(Map::new())),
            _ => None,
        };
        let Some(properties) = properties else {
            let Some(values) = free else { return Ty::Any };
            let read = self.read(&values, side, &format!("{place}.*"), depth + 1);
            self.inner_guess = read.guessed;
            return Ty::Map(Box::new(Item { ty: read.ty, description: read.description }));
        };
        if free.is_some() {
            self.notes
                .add("free names beside fixed ones are left out of the type; they stay in the raw response", place);
        }
        if side == Side::Answer
            && let Some((name, inner)) = properties.iter().next()
            && properties.len() == 1
            && is_valid_name(name)
            && (is_marked(schema) || inner.as_object().is_some_and(is_marked))
            && inner.get("type").and_then(Value::as_str) == Some("array")
            && let Read { ty: Ty::List(items), guessed, .. } =
                self.read(inner, side, &format!("{place}.{name}"), depth + 1)
        {
            self.inner_guess = guessed;
            return Ty::Wrapped(name.clone(), items);
        }
        let members = self.members(properties, side, place, depth);
        if members.is_empty() { Ty::Any } else { Ty::Object(members) }
    }

    /// The members of an object.
    pub fn members(&mut self, properties: &Map<String, Value>, side: Side, place: &str, depth: usize) -> Vec<Member> {
        let mut members = Vec::new();
        for (name, schema) in properties {
            let place = format!("{place}.{}", shown(name));
            if !is_valid_name(name) {
                self.notes.add("a name that cannot be written in a specification is left out", place);
                continue;
            }
            let Read { ty, description, sensitive, guessed } = self.read_named(name, schema, side, &place, depth + 1);
            let example = schema.get("example").filter(|_| side == Side::Component && ty.is_scalar()).cloned();
            members.push(Member { name: name.clone(), ty, description, sensitive, guessed, example });
        }
        members
    }

    fn list(&mut self, schema: &Map<String, Value>, side: Side, place: &str, depth: usize) -> Ty {
        let items = match schema.get("items") {
            Some(Value::Array(several)) => several.first(),
            items => items,
        };
        let item = match items {
            Some(items) => {
                let read = self.read(items, side, &format!("{place}[]"), depth + 1);
                self.inner_guess = read.guessed;
                Item { ty: read.ty, description: read.description }
            }
            None => Item { ty: Ty::Any, description: String::new() },
        };
        match schema.get("itemNode") {
            Some(Value::String(member)) if side == Side::Answer && is_valid_name(member) => {
                Ty::Wrapped(member.clone(), Box::new(item))
            }
            _ => Ty::List(Box::new(item)),
        }
    }

    fn reference(&mut self, reference: &Value, side: Side, place: &str, depth: usize) -> Ty {
        let name = reference.as_str().and_then(|path| path.strip_prefix("#/components/schemas/")).unwrap_or_default();
        let name = name.replace("~1", "/").replace("~0", "~");
        let found = self.components.and_then(|components| components.get(&name)).and_then(Value::as_object);
        let (Some(schema), true) = (found, is_valid_name(&name)) else {
            self.notes.add("a reference without a target becomes any JSON value", place);
            return Ty::Any;
        };
        if self.shapes.contains_key(&name) {
            return Ty::Shape(name);
        }
        let has_properties = schema.get("properties").and_then(Value::as_object).is_some_and(|found| !found.is_empty());
        let is_object = has_properties && !schema.contains_key("$ref");
        let values = documented_values(schema);
        let is_enum = schema.get("type").and_then(Value::as_str) == Some("string") && !values.is_empty();
        if is_object || is_enum {
            let description = clean_line(&[text(schema, "description"), text(schema, "title")].concat_first());
            let ty =
                if is_object { Ty::Object(Vec::new()) } else { self.string(values, &format!("components.{name}")) };
            if matches!(&ty, Ty::Text(values) if values.is_empty()) {
                return ty;
            }
            // The members are read later, because a component can refer to itself or begin a long chain.
            self.shapes.insert(name.clone(), Shape { ty, description });
            self.unread.extend(is_object.then(|| name.clone()));
            return Ty::Shape(name);
        }
        if self.open.contains(&name) {
            self.notes.add("refers to itself without an object; becomes any JSON value", place);
            return Ty::Any;
        }
        self.open.push(name);
        let schema = Value::Object(schema.clone());
        let ty = self.read(&schema, side, place, depth + 1).ty;
        self.open.pop();
        ty
    }
}

/// Whether a name denotes a secret or personal data. A wrong match only hides a value in logs.
fn names_a_secret(name: &str) -> bool {
    const ENDS: [&str; 20] = [
        "password",
        "passwd",
        "secret",
        "secretkey",
        "privatekey",
        "apikey",
        "securitytoken",
        "sessiontoken",
        "authtoken",
        "idtoken",
        "oidctoken",
        "samlassertion",
        "accesstoken",
        "refreshtoken",
        "phonenumber",
        "phonenumbers",
        "mobile",
        "mobilenumber",
        "idcard",
        "email",
    ];
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let is_one = |name: &str| ENDS.iter().any(|end| name.ends_with(end));
    is_one(&plain) || is_one(plain.trim_end_matches(|c: char| c.is_ascii_digit())) || plain == "accesskeysecret"
}

/// Picks the first text that is not empty.
trait ConcatFirst {
    fn concat_first(&self) -> String;
}

impl<const N: usize> ConcatFirst for [String; N] {
    fn concat_first(&self) -> String {
        self.iter().find(|text| !text.trim().is_empty()).cloned().unwrap_or_default()
    }
}

/// Whether a schema is marked as a wrapper around a list.
fn is_marked(schema: &Map<String, Value>) -> bool {
    schema.get("itemNode").is_some_and(|mark| !matches!(mark, Value::Null | Value::Bool(false)))
}

/// The documented values, with their meanings if documented.
fn documented_values(schema: &Map<String, Value>) -> Vec<(String, String)> {
    let mut values: Vec<(String, String)> = Vec::new();
    let mut seen = BTreeSet::new();
    if let Some(titles) = schema.get("enumValueTitles").and_then(Value::as_object) {
        for (value, title) in titles {
            let title = clean_line(&scalar_text(title));
            // A title that repeats the value is not a meaning.
            let title = if title == *value { String::new() } else { title };
            if seen.insert(value.clone()) {
                values.push((value.clone(), title));
            }
        }
    }
    for value in schema.get("enum").and_then(Value::as_array).into_iter().flatten() {
        let value = scalar_text(value);
        if seen.insert(value.clone()) {
            values.push((value, String::new()));
        }
    }
    values
}

/// Values that are not text, as a remark.
fn values_in_words(values: &[(String, String)]) -> Vec<String> {
    if values.is_empty() {
        return Vec::new();
    }
    let one = |(value, meaning): &(String, String)| {
        let value = code_of(value);
        if meaning.is_empty() { value } else { format!("{value} ({meaning})") }
    };
    vec![format!("Values: {}.", values.iter().map(one).collect::<Vec<_>>().join(", "))]
}

/// The constraints of a schema, as remarks.
fn constraints(schema: &Map<String, Value>, side: Side, depth: usize, is_scalar: bool) -> Vec<String> {
    const LIMITS: [(&str, &str); 13] = [
        ("default", "Default"),
        ("minimum", "Minimum"),
        ("maximum", "Maximum"),
        ("exclusiveMinimum", "Exclusive minimum"),
        ("exclusiveMaximum", "Exclusive maximum"),
        ("minLength", "Minimum length"),
        ("maxLength", "Maximum length"),
        ("minItems", "Minimum number of items"),
        ("maxItems", "Maximum number of items"),
        ("minProperties", "Minimum number of members"),
        ("maxProperties", "Maximum number of members"),
        ("multipleOf", "Multiple of"),
        ("pattern", "Pattern"),
    ];
    let mut remarks = Vec::new();
    if side == Side::Request {
        let says = |key: &str| schema.get(key) == Some(&Value::Bool(true));
        match (says("required"), says("docRequired")) {
            // Parameters have a key for this.
            (true, _) if depth > 0 => remarks.push("Required.".to_owned()),
            (false, true) => remarks.push("Documented as required.".to_owned()),
            _ => {}
        }
    }
    if schema.get("deprecated") == Some(&Value::Bool(true)) {
        remarks.push("Deprecated.".to_owned());
    }
    let format = text(schema, "format");
    let known = ["int32", "int64", "float", "double"].contains(&format.as_str());
    let is_number = !matches!(schema.get("type").and_then(Value::as_str), Some("string") | None) && is_scalar;
    if !(format.is_empty() || known && is_number) {
        remarks.push(format!("Format: {}.", code_of(&format)));
    }
    for (key, words) in LIMITS {
        let value = schema.get(key).map(scalar_text).unwrap_or_default();
        if !value.trim().is_empty() && value != "false" {
            remarks.push(format!("{words}: {}.", code_of(&value)));
        } else if value == "false" && key == "default" {
            remarks.push("Default: `false`.".to_owned());
        }
    }
    if schema.get("uniqueItems") == Some(&Value::Bool(true)) {
        remarks.push("Items are unique.".to_owned());
    }
    remarks
}

fn clean_remarks(remarks: &[String]) -> String {
    remarks.join(" ")
}

/// Text as code on one line, without invisible characters.
fn code_of(text: &str) -> String {
    let visible: String = text
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !crate::emit::is_invisible(*c))
        .collect();
    code(visible.trim())
}

/// The text of a key; empty if it is missing.
pub fn text(schema: &Map<String, Value>, key: &str) -> String {
    schema.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A scalar as text, another value as JSON text, and `null` as empty text.
pub fn scalar_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Whether the specification language accepts a name.
pub fn is_valid_name(name: &str) -> bool {
    !name.trim().is_empty()
        && name != BODY
        && name.trim() == name
        && name.chars().count() <= LONGEST_NAME
        && !name.chars().any(|c| c.is_control() || is_direction_control(c))
}

/// A name for a note: on one line and shortened.
pub fn shown(name: &str) -> String {
    let quoted = crate::diagnostic::quoted(name);
    quoted[1..quoted.len() - 1].to_owned()
}

/// The style of a parameter, from its `style` in the metadata; `None` if it needs none.
pub fn style(word: Option<&str>, ty: &Ty, is_object: bool) -> Result<Option<Style>, &'static str> {
    if ty.is_scalar() || *ty == Ty::Any {
        return Ok(None);
    }
    Ok(Some(match word {
        Some("json") => Style::Json,
        // An object has no positions: its members are written like those of a flat one.
        Some("flat") => Style::Flat,
        // An object has no positions: its members are written like those of a flat one. Without a style, this is what
        // the official clients do.
        Some("repeatList") | None if is_object => Style::Flat,
        Some("repeatList") | None => Style::RepeatList,
        Some("simple") => match ty {
            Ty::List(item) if item.ty.is_scalar() => Style::Simple,
            _ => return Err("the style `simple` of a value that is not a list of scalars becomes `json`"),
        },
        Some(_) => return Err("an unknown style becomes `json`"),
    }))
}
