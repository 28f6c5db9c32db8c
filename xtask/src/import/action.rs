//! Converts an API of the metadata to the file of an action.

use serde_json::{Map, Value};

use super::example::{Examples, documented, of_parameter};
use super::limits::{flow_control, limits};
use super::notes::Notes;
use super::paging::{self, Proposal};
use super::route::{Route, words};
use super::schema::{
    Item, Member, Read, Schemas, Side, Ty, add_own, fields, is_valid_name, scalar_text, shown, style, text,
};
use super::success::SuccessCodes;
use super::text::{clean, clean_line};
use super::widen::Widening;
use super::yaml::{Tree, must_be_escaped};
use crate::emit::code;
use crate::spec::{BODY, Location, Method, Style, header_problem};

/// Keys of an API that are read.
const READ: &[&str] = &[
    "summary",
    "title",
    "description",
    "requestParamsDescription",
    "responseParamsDescription",
    "extraInfo",
    "methods",
    "schemes",
    "security",
    "operationType",
    "deprecated",
    "systemTags",
    "parameters",
    "responses",
    "responseDemo",
    "errorCodes",
    "path",
    "flowControl",
    "staticInfo",
    "consumes",
    "produces",
];

/// Keys of an API without a meaning for clients.
const IDLE: &[&str] = &[
    "translator",
    "eventInfo",
    "visibility",
    "flowControlList",
    "ramActions",
    "tags",
    "operationId",
    "externalDocs",
    "changeSet",
    "callbacks",
    "x-tags",
];

/// Keys of a parameter.
const PARAMETER: &[&str] = &[
    "name",
    "in",
    "style",
    "schema",
    "required",
    "example",
    "description",
    "allowEmptyValue",
    "explode",
    "deprecated",
    "visibility",
    "docRequired",
    "title",
];

/// Parameters of every request, which the client sets.
const COMMON: &[&str] =
    &["Action", "AccessKeyId", "Signature", "SignatureMethod", "SignatureNonce", "SignatureVersion"];

/// More parameters of every request with a V1 signature.
const COMMON_IN_V1: &[&str] = &["Version", "Format", "Timestamp", "SecurityToken"];

/// The types and the route of an action.
pub struct Action {
    pub parameters: Vec<Parameter>,
    /// Sentences about the parameters that the client does not send.
    left_out: Vec<String>,
    method: Method,
    /// The path of an action of the ROA style.
    path: Option<String>,
    pub response: Vec<Member>,
}

/// A parameter of a request.
pub struct Parameter {
    pub member: Member,
    pub required: bool,
    pub location: Location,
    pub style: Option<Style>,
    pub example: String,
    schema: Value,
}

/// Reads the types of an API; `None`, with a note, if the client cannot call it.
pub fn types(schemas: &mut Schemas<'_>, name: &str, api: &Map<String, Value>, is_roa: bool) -> Option<Action> {
    for key in api.keys().filter(|key| !READ.contains(&key.as_str()) && !IDLE.contains(&key.as_str())) {
        schemas.notes.add(format!("unknown key `{}` of an API", shown(key)), name);
    }
    if is_event_stream(api) {
        schemas.notes.add("the action returns a stream of events, which the client cannot read: left out", name);
        return None;
    }
    if is_roa {
        return with_path(schemas, name, api);
    }
    if api.get("path").and_then(Value::as_str).is_some_and(|path| !path.is_empty() && path != "/") {
        schemas.notes.add("the action has a path: called by its name on `/`, as the official SDKs do", name);
    }
    let (parameters, left_out) = parameters(schemas, name, api, &["query", "formData"])?;
    let response = response(schemas, name, api);
    collisions(schemas, name, &parameters);
    let method = method(&mut schemas.notes, name, api, &parameters);
    Some(Action { parameters, left_out, method, path: None, response })
}

/// Reads the types of an API of the ROA style.
fn with_path(schemas: &mut Schemas<'_>, name: &str, api: &Map<String, Value>) -> Option<Action> {
    let mut decided = Vec::new();
    let route = Route::read(api, &mut decided);
    for note in decided {
        schemas.notes.add(note, name);
    }
    let mut route = match route {
        Ok(route) => route,
        Err(why) => {
            schemas.notes.add(format!("{why}: left out"), name);
            return None;
        }
    };
    let locations = ["query", "formData", "path", "header", "body", "host"];
    let (mut parameters, left_out) = parameters(schemas, name, api, &locations)?;
    fit(schemas, name, &mut route, &mut parameters);
    let response = if route.answers_bytes {
        let description = "The file.".to_owned();
        let body = Member {
            name: BODY.to_owned(),
            ty: Ty::Bytes,
            description,
            sensitive: false,
            guessed: None,
            example: None,
        };
        vec![body]
    } else {
        response(schemas, name, api)
    };
    collisions(schemas, name, &parameters);
    Some(Action { parameters, left_out, method: route.method, path: Some(route.path), response })
}

/// Makes the path and the parameters consistent: every name in the path is that of a required scalar.
fn fit(schemas: &mut Schemas<'_>, action: &str, route: &mut Route, parameters: &mut Vec<Parameter>) {
    for name in route.names() {
        let is_it = |it: &&Parameter| it.member.name == name;
        let is_alike = |it: &&Parameter| it.location == Location::Path && it.member.name.eq_ignore_ascii_case(&name);
        let found = parameters.iter().find(is_it).or_else(|| parameters.iter().find(is_alike));
        let found = found.map(|it| it.member.name.clone());
        if let Some(found) = found {
            route.rename(&name, &found);
            for parameter in parameters.iter_mut().filter(|it| it.member.name == found) {
                parameter.location = Location::Path;
            }
            continue;
        }
        let place = format!("{action}.{}", shown(&name));
        schemas.notes.add("a name in the path is not declared; becomes text", place);
        let member = Member {
            name,
            ty: Ty::Text(Vec::new()),
            description: String::new(),
            sensitive: false,
            guessed: None,
            example: None,
        };
        let (example, schema) = (String::new(), Value::Null);
        parameters.push(Parameter { member, required: true, location: Location::Path, style: None, example, schema });
    }
    let names = route.names();
    let whole = parameters.iter().find(|it| it.location == Location::Body).map(|it| it.member.name.clone());
    parameters.retain(|parameter| {
        let name = &parameter.member.name;
        let why = match parameter.location {
            Location::Path if !names.contains(name) => "a parameter is not in the path: left out",
            Location::Form if whole.is_some() => "a form parameter beside a body: left out",
            Location::Body if whole.as_ref() != Some(name) => "a second body: left out",
            _ => return true,
        };
        schemas.notes.add(why, format!("{action}.{}", shown(name)));
        false
    });
    for parameter in parameters {
        let place = format!("{action}.{}", shown(&parameter.member.name));
        match parameter.location {
            Location::Path | Location::Host => {
                parameter.required = true;
                parameter.style = None;
                if !resolved(schemas, &parameter.member.ty).is_scalar() {
                    schemas.notes.add("a part of the URL that is not a scalar; becomes text", place);
                    parameter.member.ty = Ty::Text(Vec::new());
                    parameter.example.clear();
                }
            }
            Location::Body => parameter.style = None,
            Location::Header if matches!(parameter.style, Some(Style::Flat | Style::RepeatList)) => {
                schemas.notes.add("a header cannot have the style of several parameters; becomes JSON", place);
                parameter.style = Some(Style::Json);
            }
            _ => {}
        }
    }
}

/// Notes parameters that can have the same name on the wire as a part of another one.
fn collisions(schemas: &mut Schemas<'_>, name: &str, parameters: &[Parameter]) {
    for parameter in parameters {
        if let Some(other) = parameters.iter().find(|other| may_write(other, &parameter.member.name)) {
            let place = format!("{name}.{}", shown(&parameter.member.name));
            let note = "can have the name of a part of another parameter; the client refuses a request with both";
            schemas.notes.add(note, format!("{place} ({})", shown(&other.member.name)));
        }
    }
}

/// Whether a parameter that is sent in parts (`Name.1.Key`) can have a part with this name.
fn may_write(parameter: &Parameter, name: &str) -> bool {
    let rest = name.strip_prefix(&*parameter.member.name).and_then(|rest| rest.strip_prefix('.'));
    let first = rest.and_then(|rest| rest.split('.').next());
    let is_position = first.is_some_and(|first| !first.is_empty() && first.bytes().all(|b| b.is_ascii_digit()));
    match (&parameter.member.ty, parameter.style) {
        (Ty::List(_), Some(Style::RepeatList | Style::Flat)) => is_position,
        (Ty::Object(members), Some(Style::Flat)) => {
            first.is_some_and(|first| members.iter().any(|member| member.name == first))
        }
        (_, Some(Style::Flat)) => first.is_some(),
        _ => false,
    }
}

/// Whether the response is a stream of server-sent events.
fn is_event_stream(api: &Map<String, Value>) -> bool {
    let holds = |key: &str, word: &str| words(api, key).iter().any(|found| found.contains(word));
    holds("schemes", "sse") || holds("produces", "event-stream")
}

/// The HTTP method: POST if it is documented, because it keeps parameters out of the URL; otherwise the documented one.
fn method(notes: &mut Notes, name: &str, api: &Map<String, Value>, parameters: &[Parameter]) -> Method {
    let methods = api.get("methods").and_then(Value::as_array).into_iter().flatten();
    let methods: Vec<String> = methods.filter_map(Value::as_str).map(str::to_ascii_lowercase).collect();
    let known = [Method::Post, Method::Put, Method::Get, Method::Delete];
    let method = known.into_iter().find(|method| methods.iter().any(|found| found == method.as_str()));
    let method = method.unwrap_or_else(|| {
        if !methods.is_empty() {
            notes.add(
                format!("the documented methods are unknown ({}); the action uses POST", methods.join(", ")),
                name,
            );
        }
        Method::Post
    });
    if method.is_bodiless() && parameters.iter().any(|parameter| parameter.location == Location::Form) {
        notes.add(
            format!("only {} is documented, but a parameter needs a form; the action uses POST", method.as_str()),
            name,
        );
        return Method::Post;
    }
    method
}

/// Whether a parameter exposes sensitive data in the URL.
fn is_exposed(schemas: &Schemas<'_>, action: &Action, parameter: &Parameter) -> bool {
    let is_in_url = match action.path {
        None => action.method.is_bodiless(),
        Some(_) => matches!(parameter.location, Location::Path | Location::Query | Location::Host),
    };
    is_in_url && (parameter.member.sensitive || parameter.member.ty.holds_sensitive(&schemas.shapes))
}

/// Widens types that contradict the documented examples of an action.
pub fn widen(schemas: &mut Schemas<'_>, name: &str, api: &Map<String, Value>, types: &mut Action) {
    let Schemas { shapes, notes, .. } = schemas;
    let mut widening = Widening { shapes, notes };
    for parameter in &mut types.parameters {
        if let Ok(json) = serde_json::from_str::<Value>(&parameter.example)
            && (json.is_array() || json.is_object())
        {
            let place = format!("{name}.{}", shown(&parameter.member.name));
            widening.member(&mut parameter.member, &json, Side::Request, &place);
        }
    }
    match (&mut types.response[..], documented(api)) {
        ([body], Some(Ok(example))) if body.name == BODY => widening.member(body, &example, Side::Answer, name),
        (members, Some(Ok(Value::Object(example)))) => widening.members(members, &example, Side::Answer, name),
        _ => {}
    }
}

/// The parameters, and sentences about those that are left out; `None` if a required one cannot be sent.
fn parameters(
    schemas: &mut Schemas<'_>,
    action: &str,
    api: &Map<String, Value>,
    locations: &[&str],
) -> Option<(Vec<Parameter>, Vec<String>)> {
    let is_roa = locations.contains(&"path");
    let mut parameters: Vec<Parameter> = Vec::new();
    let mut left_out: Vec<String> = Vec::new();
    for raw in api.get("parameters").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object) {
        let name = text(raw, "name");
        let place = format!("{action}.{}", shown(&name));
        for key in raw.keys().filter(|key| !PARAMETER.contains(&key.as_str())) {
            schemas.notes.add(format!("unknown key `{}` of a parameter", shown(key)), place.clone());
        }
        let schema = raw.get("schema").cloned().unwrap_or_else(|| Value::Object(Map::new()));
        let flag = |key: &str| schema.get(key).or_else(|| raw.get(key)) == Some(&Value::Bool(true));
        let required = flag("required");
        let location = text(raw, "in");
        if location == "header"
            && is_roa
            && let Some(why) = header_problem(&name)
        {
            schemas.notes.add(format!("a parameter {why}: left out"), place);
            continue;
        }
        if location == "header" && !is_roa && is_header_name(&name) {
            let needs = if required { "Needs" } else { "Takes" };
            let sentence = format!(
                "{needs} the header {}, which the client does not set: add it to the prepared request of `Client::prepare`.",
                code(&name)
            );
            if !left_out.contains(&sentence) {
                left_out.push(sentence);
            }
            schemas.notes.add("the client does not set a header; only the description mentions it", place);
            continue;
        }
        let problem = if !is_valid_name(&name) {
            Some("the name of a parameter cannot be written in a specification".to_owned())
        } else if !locations.contains(&location.as_str()) {
            Some(format!("a parameter in the {} of a request cannot be sent", shown(&location)))
        } else {
            None
        };
        if let Some(problem) = problem {
            let what = if required { "it is required, so the action is left out" } else { "left out" };
            schemas.notes.add(format!("{problem}: {what}"), place);
            if required {
                return None;
            }
            // A parameter without a name cannot be shown.
            if !name.trim().is_empty() {
                left_out.push(format!(
                    "The official metadata has the parameter {} in the {} of the request, too, which the client cannot send.",
                    code(&shown(&name)),
                    if location.is_empty() { "body" } else { location.as_str() }
                ));
            }
            continue;
        }
        if !is_roa && COMMON.contains(&name.as_str()) {
            schemas.notes.add("a parameter of every request, which the client sets: left out", place);
            continue;
        }
        if !is_roa && COMMON_IN_V1.contains(&name.as_str()) {
            schemas
                .notes
                .add("also a parameter of the V1 signature; use the V3 signature for such calls", place.clone());
        }
        if let Some(first) = parameters.iter().find(|first| first.member.name == name) {
            if first.schema != schema {
                schemas.notes.add("declared twice with different schemas; the first one is used", place);
            }
            continue;
        }
        let (member, style) = typed(schemas, raw, &name, &schema, &place);
        let example = schema.get("example").or_else(|| raw.get("example")).map(scalar_text).unwrap_or_default();
        let location = match location.as_str() {
            "formData" => Location::Form,
            "path" => Location::Path,
            "header" => Location::Header,
            "body" => Location::Body,
            "host" => Location::Host,
            _ => Location::Query,
        };
        parameters.push(Parameter { member, required, location, style, example, schema });
    }
    Some((parameters, left_out))
}

fn is_header_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

/// The type of a parameter, and its style.
fn typed(
    schemas: &mut Schemas<'_>,
    raw: &Map<String, Value>,
    name: &str,
    schema: &Value,
    place: &str,
) -> (Member, Option<Style>) {
    let word = raw.get("style").and_then(Value::as_str);
    let Read { mut ty, mut description, sensitive, guessed } =
        schemas.read_named(name, schema, Side::Request, place, 0);
    let says_nothing =
        ["type", "properties", "items", "$ref", "additionalProperties"].iter().all(|key| schema.get(key).is_none());
    // The members of a free-form object have the style of those of a described one, also without a `style`.
    let is_free_object = schema.get("type").and_then(Value::as_str) == Some("object") || word == Some("flat");
    if ty == Ty::Any && !says_nothing && is_free_object && matches!(word, None | Some("flat" | "repeatList")) {
        ty = Ty::Map(Box::new(Item { ty: Ty::Any, description: String::new() }));
    }
    let text_item = || Box::new(Item { ty: Ty::Text(Vec::new()), description: String::new() });
    if ty == Ty::Any && says_nothing {
        ty = match word {
            Some("repeatList" | "simple") => Ty::List(text_item()),
            Some("flat") => Ty::Map(text_item()),
            _ => Ty::Any,
        };
        if ty != Ty::Any {
            schemas.notes.add("a style without a type; becomes text in that style", place);
        }
    }
    if description.is_empty() {
        description = clean_line(&text(raw, "description"));
    }
    let resolved = resolved(schemas, &ty);
    let is_object = matches!(resolved, Ty::Map(_) | Ty::Object(_));
    let style = style(word, resolved, is_object).unwrap_or_else(|note| {
        schemas.notes.add(note, place);
        Some(Style::Json)
    });
    (Member { name: name.to_owned(), ty, description, sensitive, guessed, example: None }, style)
}

fn resolved<'t>(schemas: &'t Schemas<'_>, ty: &'t Ty) -> &'t Ty {
    match ty {
        Ty::Shape(name) => schemas.shapes.get(name).map_or(ty, |shape| &shape.ty),
        ty => ty,
    }
}

fn response(schemas: &mut Schemas<'_>, action: &str, api: &Map<String, Value>) -> Vec<Member> {
    let Some(responses) = api.get("responses").and_then(Value::as_object) else {
        return Vec::new();
    };
    let success = responses
        .keys()
        .find(|status| status.starts_with('2'))
        .or_else(|| responses.keys().find(|status| *status == "default"));
    for status in responses.keys().filter(|status| Some(*status) != success) {
        schemas.notes.add(
            format!("the response `{}` is left out, because only that of a success has a type", shown(status)),
            action,
        );
    }
    let Some(schema) = success.and_then(|status| responses.get(status)).and_then(|answer| answer.get("schema")) else {
        return Vec::new();
    };
    // The response itself is not a shape: it has the members of the component.
    let mut root = schema.clone();
    let component = root
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|path| path.strip_prefix("#/components/schemas/"))
        .and_then(|name| schemas.component(name));
    if let Some(component) = component {
        root = component;
    }
    if let Some(properties) = root.get("properties").and_then(Value::as_object) {
        return schemas.members(properties, Side::Answer, action, 0);
    }
    let Read { ty, description, sensitive, guessed } = schemas.read(&root, Side::Answer, action, 0);
    match ty {
        Ty::Any => Vec::new(),
        Ty::Object(members) => members,
        Ty::Map(_) | Ty::Shape(_) | Ty::Wrapped(..) => {
            schemas.notes.add("the response is an object without fixed names; only its raw text is available", action);
            Vec::new()
        }
        ty => vec![Member { name: BODY.to_owned(), ty, description, sensitive, guessed, example: None }],
    }
}

/// Facts about an action that other actions determine.
pub struct Guesses<'a> {
    pub success_codes: &'a SuccessCodes,
    /// Its waiter, and the reason.
    pub waiter: Option<(Tree, String)>,
    /// The action whose metadata names it as the one to call repeatedly.
    pub asked_by: Option<&'a str>,
}

/// The file of an action.
pub fn file(
    schemas: &mut Schemas<'_>,
    product: &str,
    name: &str,
    api: &Map<String, Value>,
    types: &Action,
    known: Guesses<'_>,
) -> Tree {
    let mut file: Vec<(String, Tree)> = Vec::new();
    let mut key = |name: &str, value: Tree| file.push((name.to_owned(), value));
    key("action", Tree::text(name));
    let summary =
        [text(api, "summary"), text(api, "title")].iter().map(|text| clean_line(text)).find(|text| !text.is_empty());
    key("summary", Tree::prose(&summary.unwrap_or_default()));
    let prose = ["description", "requestParamsDescription", "responseParamsDescription", "extraInfo"];
    let mut paragraphs: Vec<String> =
        prose.iter().map(|key| clean(&text(api, key))).filter(|text| !text.is_empty()).collect();
    paragraphs.extend(types.left_out.iter().cloned());
    let description = paragraphs.join("\n\n");
    if !description.is_empty() {
        key("description", Tree::text(lines(&description)));
    }

    let (idempotent, verb) = idempotent(name, api, known.asked_by);
    let mut guessed = vec![("idempotent".to_owned(), Tree::text(verb))];
    key("idempotent", Tree::word(idempotent.to_string()));
    let stated = limits(&[description.as_str(), &clean(&text(api, "summary"))].join("\n"));
    let fact = flow_control(name, api, &mut schemas.notes);
    let counted = fact.as_ref().or(stated.first());
    match (&fact, stated.first()) {
        // A field of the metadata is a fact, not a guess.
        (Some(limit), _) => key("rate_limit", Tree::text(limit.rate.clone())),
        (None, Some(limit)) => {
            key("rate_limit", Tree::text(limit.rate.clone()));
            guessed.push((
                "rate_limit".to_owned(),
                Tree::text(format!("The text says: `{}`.", limit.words.replace('`', "'"))),
            ));
        }
        (None, None) => key("rate_limit", Tree::word("none")),
    }
    for other in stated.iter().filter(|other| counted.is_some_and(|counted| counted.rate != other.rate)) {
        schemas.notes.add(format!("the text also states another limit: {}", other.rate), name);
    }
    let is_anonymous = security(schemas, name, api);
    key("authorization", if is_anonymous { Tree::word("none") } else { authorization(product, name, api) });
    if is_anonymous {
        key("anonymous", Tree::word("true"));
    }
    let exposed: Vec<&Parameter> = types.parameters.iter().filter(|one| is_exposed(schemas, types, one)).collect();
    let note = match &types.path {
        Some(_) => "a sensitive parameter is in the URL, because the service accepts it nowhere else",
        None => {
            "a sensitive parameter is in the URL, because no other method is documented; change `method` and `in_url` if \
             necessary"
        }
    };
    for one in &exposed {
        schemas.notes.add(note, format!("{name}.{}", shown(&one.member.name)));
    }
    if types.path.is_some() || types.method != Method::Post {
        key("method", Tree::word(types.method.as_str()));
    }
    if let Some(path) = &types.path {
        key("path", Tree::text(path.clone()));
    } else if !exposed.is_empty() {
        let exposed: Vec<String> = exposed.iter().map(|one| code(&one.member.name)).collect();
        let reason = format!(
            "No other method is documented, so {} is in the URL, where servers and proxies may log it. If the service takes POST, \
             write `post` and remove `in_url`.",
            exposed.join(", ")
        );
        guessed.push(("method".to_owned(), Tree::text(reason)));
    }
    if let Some((codes, reason)) = known.success_codes.actions.get(name) {
        let codes = if codes.is_empty() { Tree::word("none") } else { Tree::text(codes.join(", ")) };
        key("success_code", codes);
        guessed.push(("success_code".to_owned(), Tree::text(reason.clone())));
    }
    if api.get("deprecated") == Some(&Value::Bool(true)) {
        key("deprecated", Tree::text("Marked as deprecated in the official metadata, which names no replacement."));
    }
    match paging::propose(name, types, &schemas.shapes) {
        Proposal::Paging(paging, reason) => {
            key("paging", paging);
            guessed.push(("paging".to_owned(), Tree::text(reason)));
        }
        Proposal::Doubt(why) => schemas.notes.add(why, name),
        Proposal::None => {}
    }
    let waiter = known.waiter.map(|(waiter, reason)| {
        guessed.push(("waiter".to_owned(), Tree::text(reason)));
        waiter
    });
    key("guessed", Tree::Map(guessed));
    key(
        "parameters",
        Tree::Map(types.parameters.iter().map(|parameter| one(schemas, name, parameter, types)).collect()),
    );
    key("response", fields(&types.response));
    key("errors", errors(schemas, name, api));
    if let Some(waiter) = waiter {
        key("waiter", waiter);
    }
    let example = example(schemas, name, api, &types.response);
    key("example", example.map_or_else(|| Tree::word("none"), Tree::text));
    Tree::Map(file)
}

/// Wraps paragraphs, and ends them with a line break.
fn lines(text: &str) -> String {
    const WIDTH: usize = 118;
    let mut out = String::new();
    for line in text.split('\n') {
        let mut length = 0;
        for word in line.split(' ') {
            let width = word.chars().count();
            if length > 0 && length + 1 + width > WIDTH {
                out.push('\n');
                length = 0;
            } else if length > 0 {
                out.push(' ');
                length += 1;
            }
            out.push_str(word);
            length += width;
        }
        out.push('\n');
    }
    out
}

fn one(schemas: &mut Schemas<'_>, action: &str, parameter: &Parameter, types: &Action) -> (String, Tree) {
    let Parameter { member, required, location, style, example, .. } = parameter;
    let place = format!("{action}.{}", shown(&member.name));
    let mut own = Vec::new();
    let mut key = |name: &str, value: Tree| own.push((name.to_owned(), value));
    if *required {
        key("required", Tree::word("true"));
    }
    if member.sensitive {
        key("sensitive", Tree::word("true"));
    }
    if is_exposed(schemas, types, parameter) {
        key("in_url", Tree::word("true"));
    }
    if let Some(reason) = &member.guessed {
        key("guessed", Tree::text(reason.clone()));
    }
    if *location != Location::Query {
        key("location", Tree::text(location.as_str()));
    }
    match style {
        None | Some(Style::Json) => {}
        Some(Style::RepeatList) => key("style", Tree::text("repeat-list")),
        Some(Style::Flat) => key("style", Tree::text("flat")),
        Some(Style::Simple) => key("style", Tree::text("simple")),
    }
    key("description", Tree::prose(&member.description));
    let is_simple = *style == Some(Style::Simple);
    let mut examples = Examples { shapes: &schemas.shapes, notes: &mut schemas.notes };
    let found = of_parameter(&mut examples, &member.ty, example, is_simple, &place);
    key("example", found.map_or_else(|| Tree::word("none"), quoted_none));
    let mut keys = member.ty.keys();
    add_own(&mut keys, own);
    (member.name.clone(), Tree::Map(keys))
}

/// An example; the text `none` is quoted, because the unquoted word means that there is none.
fn quoted_none(example: String) -> Tree {
    if example == "none" { Tree::word("\"none\"") } else { Tree::Text(example) }
}

/// Whether the action seems to be idempotent, and the reason.
fn idempotent(name: &str, api: &Map<String, Value>, asked_by: Option<&str>) -> (bool, String) {
    let access = access(api);
    match (reading_verb(name), asked_by) {
        // The access level of such an action is often wrong.
        (Some(verb), Some(by)) => (
            true,
            format!("The name begins with `{verb}`, and the metadata of {} says to call it repeatedly.", code(by)),
        ),
        (Some(verb), None) if ["create", "update", "delete", "write"].contains(&access) => {
            (false, format!("The name begins with `{verb}`, but the access level is `{access}`."))
        }
        (Some(verb), None) => (true, format!("The name begins with `{verb}`.")),
        (None, _) => (false, "The name begins with no verb that only reads.".to_owned()),
    }
}

/// The verb at the beginning of a name, if it is one for reading.
fn reading_verb(name: &str) -> Option<&'static str> {
    const READING: [&str; 4] = ["Get", "List", "Query", "Describe"];
    let is_verb =
        |verb: &&str| name.strip_prefix(*verb).is_some_and(|rest| !rest.starts_with(|c: char| c.is_lowercase()));
    READING.into_iter().find(is_verb)
}

/// Whether the name of an action begins with a verb for reading.
pub fn is_named_as_reading(name: &str) -> bool {
    reading_verb(name).is_some()
}

/// The access level in RAM.
fn access(api: &Map<String, Value>) -> &'static str {
    let tagged = api.get("systemTags").and_then(|tags| tags.get("operationType")).and_then(Value::as_str);
    match tagged.or_else(|| api.get("operationType").and_then(Value::as_str)) {
        Some("list") => "list",
        Some("read") => "read",
        Some("create") => "create",
        Some("update") => "update",
        Some("delete") => "delete",
        Some("write" | "readAndWrite") => "write",
        Some("get") => "get",
        _ => "none",
    }
}

fn authorization(product: &str, name: &str, api: &Map<String, Value>) -> Tree {
    Tree::Map(vec![
        ("action".to_owned(), Tree::text(format!("{}:{name}", product.to_lowercase()))),
        ("access".to_owned(), Tree::word(access(api))),
    ])
}

/// Whether the action is called without a signature.
fn security(schemas: &mut Schemas<'_>, name: &str, api: &Map<String, Value>) -> bool {
    let ways: Vec<&str> = api
        .get("security")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .flat_map(|way| way.keys().map(String::as_str))
        .collect();
    if ways.is_empty() || ways.contains(&"AK") {
        return false;
    }
    if ways.contains(&"Anonymous") {
        return true;
    }
    // A parameter has the proof of an identity provider.
    if ways.iter().all(|way| way.starts_with("ARS_")) {
        schemas.notes.add(format!("called with {}; becomes a call without a signature", ways.join(", ")), name);
        return true;
    }
    schemas.notes.add(
        format!("called with {} instead of an access key; the client signs with an access key", ways.join(", ")),
        name,
    );
    false
}

/// The documented errors, one for each code.
fn errors(schemas: &mut Schemas<'_>, action: &str, api: &Map<String, Value>) -> Tree {
    struct Error {
        code: String,
        status: String,
        messages: Vec<String>,
        remarks: Vec<String>,
    }
    let mut errors: Vec<Error> = Vec::new();
    let by_status = api.get("errorCodes").and_then(Value::as_object);
    for (status, list) in by_status.into_iter().flatten() {
        for raw in list.as_array().into_iter().flatten().filter_map(Value::as_object) {
            let written = text(raw, "errorCode");
            // Some codes of the metadata contain a tab.
            let code: String = written.trim().chars().filter(|c| !c.is_control()).collect();
            if code != written.trim() {
                schemas.notes.add(
                    "an error code contains invisible characters, which are removed",
                    format!("{action}.{}", shown(&code)),
                );
            }
            if !is_valid_name(&code) {
                schemas.notes.add(
                    "an error code is not valid in a specification: left out",
                    format!("{action}.{}", shown(&code)),
                );
                continue;
            }
            let message = clean_line(&text(raw, "errorMessage"));
            let mut remarks: Vec<String> = vec![clean_line(&text(raw, "description"))];
            let is_http = status.parse::<u16>().is_ok_and(|status| (100..=599).contains(&status));
            if !is_http {
                remarks.push(format!("Documented status: {}.", clean_line(status)));
            }
            let index = errors.iter().position(|known| known.code == code).unwrap_or_else(|| {
                let status = if is_http { status.clone() } else { "none".to_owned() };
                errors.push(Error { code, status, messages: Vec::new(), remarks: Vec::new() });
                errors.len() - 1
            });
            let Some(error) = errors.get_mut(index) else { continue };
            if is_http && error.status != *status {
                remarks.push(format!("Also with HTTP {status}."));
            }
            if !message.is_empty() && !error.messages.contains(&message) {
                error.messages.push(message);
            }
            for remark in remarks {
                if !remark.is_empty() && !error.remarks.contains(&remark) && !error.messages.contains(&remark) {
                    error.remarks.push(remark);
                }
            }
        }
    }
    let entry = |mut error: Error| {
        let first = if error.messages.is_empty() { String::new() } else { error.messages.remove(0) };
        let mut keys = vec![
            ("status".to_owned(), Tree::word(error.status.trim_start_matches('0').to_owned())),
            ("message".to_owned(), Tree::prose(&first)),
        ];
        if error.code.starts_with("Throttling") || error.code == "System.LimitControl" {
            keys.push(("throttling".to_owned(), Tree::word("true")));
        }
        let others = error.messages.iter().map(|message| format!("Also: {message}"));
        let description = others.chain(error.remarks).collect::<Vec<_>>().join(" ");
        if !description.is_empty() {
            keys.push(("description".to_owned(), Tree::text(description)));
        }
        (error.code, Tree::Map(keys))
    };
    Tree::Map(errors.into_iter().map(entry).collect())
}

/// The documented response as indented JSON text.
fn example(schemas: &mut Schemas<'_>, action: &str, api: &Map<String, Value>, response: &[Member]) -> Option<String> {
    if response.iter().any(|member| member.ty == Ty::Bytes) {
        return None;
    }
    let Ok(json) = documented(api)? else {
        schemas.notes.add("the example of the response is not JSON: left out", action);
        return None;
    };
    let mut examples = Examples { shapes: &schemas.shapes, notes: &mut schemas.notes };
    let fitting = match (response, json) {
        ([body], json) if body.name == BODY && !json.is_object() => examples.fitting(&body.ty, json, action),
        ([body], _) if body.name == BODY => None,
        (response, Value::Object(members)) => {
            let was_empty = members.is_empty();
            Some(examples.object(response, members, action))
                .filter(|kept| was_empty || *kept != Value::Object(Map::new()))
        }
        _ => {
            examples.notes.add("the example of the response is not an object: left out", action);
            None
        }
    }?;
    let text = serde_json::to_string_pretty(&fitting).ok()?;
    // JSON has escapes for characters that are not allowed in a file.
    let mut shown = String::new();
    for c in text.chars() {
        if c != '\n' && must_be_escaped(c) {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| shown.push_str(&format!("\\u{unit:04x}")));
        } else {
            shown.push(c);
        }
    }
    Some(shown + "\n")
}
