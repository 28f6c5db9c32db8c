//! Tests the import of a synthetic catalogue whose documentation is as unreliable as the real one.
//!
//! `CATALOGUE_PRODUCTS=270 CATALOGUE_ACTIONS=73 cargo test --release -p xtask catalogue` runs it at the size of the
//! public catalogue.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{Imported, LOCK, import};
use crate::generate::{Failure, generate_crate};
use crate::spec::{self, InputFile, Spec};

/// A seeded random number generator (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn one_in(&mut self, times: u64) -> bool {
        self.roll(times) == 0
    }

    fn of<'c>(&mut self, choices: &[&'c str]) -> &'c str {
        choices[usize::try_from(self.roll(choices.len() as u64)).unwrap()]
    }
}

/// A value in a response.
fn value(dice: &mut Dice, depth: u64) -> Value {
    match dice.roll(if depth > 3 { 9 } else { 13 }) {
        0 => json!(dice.roll(100)),
        1 => json!(dice.roll(100_000_000_000)),
        2 => json!(3.4),
        3 => json!(dice.one_in(2)),
        4 => json!(dice.of(&["12", "3.5", "true", "unlimited", "", "cn-hangzhou", "99999999999999999999"])),
        5 => json!(u64::MAX),
        6 | 7 => json!(dice.of(&["CONNECTED", "a,b", "2024-01-01T00:00:00Z", "12****"])),
        8 => Value::Null,
        // All items have one type, because the documentation describes one.
        9 | 10 => vec![value(dice, depth + 2); usize::try_from(dice.roll(3)).unwrap()].into(),
        _ => {
            let members = 1 + dice.roll(3);
            Value::Object((0..members).map(|index| (format!("M{index}"), value(dice, depth + 1))).collect())
        }
    }
}

/// The documentation of a value, which is mostly correct.
fn schema(dice: &mut Dice, value: &Value) -> Value {
    let truth = match value {
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
        Value::String(_) | Value::Null => "string",
    };
    let told = if dice.one_in(8) {
        dice.of(&["string", "integer", "boolean", "number", "array", "object", "any"])
    } else {
        truth
    };
    let mut schema = json!({"type": told, "description": "What it means."});
    if told == "integer" {
        schema["format"] = dice.of(&["int32", "int64", ""]).into();
    }
    match value {
        Value::Object(members) if told == "object" => {
            let members: Map<String, Value> =
                members.iter().map(|(name, value)| (name.clone(), self::schema(dice, value))).collect();
            schema["properties"] = members.into();
            if dice.one_in(6) {
                return json!({"$ref": "#/components/schemas/Shared"});
            }
        }
        Value::Array(items) if told == "array" => {
            schema["items"] = items.first().map_or_else(|| json!({"type": "string"}), |item| self::schema(dice, item));
        }
        _ => {}
    }
    schema
}

/// Values of `Code` in examples, and whether they mean success.
const CODES: [(&str, bool); 10] = [
    ("OK", true),
    ("Success", true),
    ("200", true),
    ("ok", true),
    (" 0", true),
    ("Forbidden", false),
    ("InvalidParameter.Name", false),
    ("500", false),
    ("示例值", false),
    ("", false),
];

fn action(dice: &mut Dice, convention: &str, shared: &Value) -> Value {
    let mut example = Map::new();
    let mut members = Map::new();
    for index in 0..=dice.roll(5) {
        let value = value(dice, 0);
        let name = format!("Member{index}");
        let schema = schema(dice, &value);
        let value = if schema.get("$ref").is_some() { shared.clone() } else { value };
        members.insert(name.clone(), schema);
        example.insert(name, value);
    }
    if !convention.is_empty() {
        let other = CODES[usize::try_from(dice.roll(CODES.len() as u64)).unwrap()].0;
        let code = if dice.one_in(6) { other } else { convention };
        example.insert("Code".to_owned(), code.into());
        example.insert("Message".to_owned(), "m".into());
        members.insert("Code".to_owned(), json!({"type": "string"}));
        members.insert("Message".to_owned(), json!({"type": "string"}));
    }
    let mut parameters = Vec::new();
    for index in 0..dice.roll(6) {
        let value = value(dice, 1);
        let mut schema = schema(dice, &value);
        let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        if let Some(schema) = schema.as_object_mut() {
            schema.insert("example".to_owned(), text.into());
        }
        let style = dice.of(&["json", "flat", "repeatList", "simple"]);
        let place = dice.of(&["query", "query", "formData"]);
        let name = dice.of(&["Password", "Id", "Name", "Tag"]);
        parameters.push(json!({"name": format!("{name}{index}"), "in": place, "style": style, "schema": schema}));
    }
    let limit = dice.of(&["5", "0", "x", "200"]);
    json!({
        "summary": "Does something.",
        "description": dice.of(&["", "The QPS limit on this operation is 50 per user.", "None."]),
        "methods": [dice.of(&["post", "get", "put", "delete", "GET"])],
        "schemes": [dice.of(&["https", "https", "https", "https", "sse"])],
        "path": dice.of(&["", "/", "/V2/things"]),
        "flowControl": {"flowControlList": [{"threshold": limit, "countWindow": 1, "regionId": "*"}]},
        "parameters": parameters,
        "responses": {"200": {"schema": {"type": "object", "properties": members}}},
        "responseDemo": json!([{"type": "json", "example": Value::Object(example).to_string()}]).to_string(),
    })
}

fn product(seed: u64, actions: u64) -> Value {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let convention = dice.of(&["OK", "OK", "Success", "200", "", "Forbidden"]);
    let shared = json!({"M0": 1, "M1": "x", "M2": dice.of(&["1", "y"])});
    let apis: Map<String, Value> = (0..actions)
        .map(|index| {
            (format!("{}Thing{index}", dice.of(&["Get", "Create", "Delete"])), action(&mut dice, convention, &shared))
        })
        .collect();
    let endpoints: Vec<Value> = (0..dice.roll(20))
        .map(|index| {
            let region = dice.of(&["cn-a", "cn-b", "ap-southeast-1", "public"]);
            let host = dice.of(&["thing.{}.aliyuncs.com", "thing.aliyuncs.com"]).replace("{}", region);
            json!({"regionId": format!("{region}{}", if region == "public" { String::new() } else { index.to_string() }), "endpoint": host})
        })
        .collect();
    let members = json!({"M0": {"type": "integer"}, "M1": {"type": "string"}, "M2": {"type": "integer"}});
    json!({
        "info": {"style": "RPC", "product": format!("P{seed}"), "version": "2024-01-01"},
        "apis": apis,
        "endpoints": endpoints,
        "components": {"schemas": {"Shared": {"type": "object", "properties": members}}},
    })
}

fn inputs(imported: &Imported) -> Vec<InputFile> {
    let input = |(name, text): &(String, String)| InputFile { path: name.clone(), bytes: text.clone().into_bytes() };
    imported.files.iter().map(input).collect()
}

fn parsed(files: &[InputFile]) -> Spec {
    let files: Vec<InputFile> = files.iter().filter(|file| file.path != LOCK).cloned().collect();
    let (spec, findings) = spec::parse(&files);
    spec.unwrap_or_else(|| panic!("{}", crate::diagnostic::render(&findings, false)))
}

fn size(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[test]
fn a_catalogue_of_unreliable_documentation_is_imported_without_a_wrong_guess() {
    let (mut actions, mut widened) = (0, 0);
    for seed in 1..=size("CATALOGUE_PRODUCTS", 12) {
        let metadata = product(seed, size("CATALOGUE_ACTIONS", 25));
        let text = metadata.to_string();
        let imported = import(&text, &[], &[], None).unwrap();
        let files = inputs(&imported);
        let spec = parsed(&files);

        // An error example suggests no success code.
        let successes: BTreeSet<&str> =
            CODES.iter().filter(|(_, is_success)| *is_success).map(|(code, _)| code.trim()).collect();
        let own = spec.actions.iter().filter_map(|action| action.success_codes.as_ref()).flatten();
        for code in spec.product.success_codes.iter().chain(own) {
            assert!(successes.contains(code.as_str()), "product {seed}: {code}");
        }

        // No type contradicts its example: nothing of a documented response is left out.
        let notes = imported.notes.render(usize::MAX);
        let unfit = notes.lines().find(|line| line.contains("a value of an example that does not fit its type"));
        for place in unfit.iter().flat_map(|line| line.split(['(', ':', ','])) {
            let is_response = place.trim().split('.').nth(1).is_some_and(|member| member.starts_with("Member"));
            let is_masked = text.contains("12****") || text.contains("unlimited");
            assert!(!is_response || is_masked, "product {seed}: {notes}");
        }
        for action in &spec.actions {
            let api = &metadata["apis"][&action.name.value];
            let demo: Value = serde_json::from_str(api["responseDemo"].as_str().unwrap()).unwrap();
            let documented: Value = serde_json::from_str(demo[0]["example"].as_str().unwrap()).unwrap();
            let kept: Value = serde_json::from_str(&action.example).unwrap();
            let lost: Vec<_> = leaves(&documented).into_iter().filter(|leaf| !leaves(&kept).contains(leaf)).collect();
            assert!(lost.iter().all(|leaf| leaf.contains("12****")), "product {seed}, {}: {lost:?}", action.name.value);
        }
        actions += spec.actions.len();
        widened += notes.matches("a type is wider than documented").count();

        let sources: Vec<InputFile> = files
            .iter()
            .filter(|file| file.path != LOCK)
            .map(|file| InputFile { path: format!("p/{}", file.path), bytes: file.bytes.clone() })
            .collect();
        match generate_crate(&sources, "path = \"x\"", None) {
            Ok(_) => {}
            Err(Failure::Findings(findings)) => panic!("{seed}: {}", crate::diagnostic::render(&findings, false)),
            Err(Failure::Internal(message)) => panic!("{seed}: {message}"),
        }
        let again = import(&text, &[], &files, None).unwrap();
        assert!(again.files.is_empty() && again.changes.is_empty(), "product {seed}: {:?}", again.changes);
    }
    assert!(actions > 100 && widened > 5, "{actions} actions, {widened} products with wider types");
}

/// The scalars in a JSON value, each with its path.
fn leaves(value: &Value) -> BTreeSet<String> {
    fn walk(value: &Value, path: &str, into: &mut BTreeSet<String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| walk(item, &format!("{path}[]"), into)),
            Value::Object(members) => {
                members.iter().for_each(|(name, member)| walk(member, &format!("{path}.{name}"), into));
            }
            scalar => {
                into.insert(format!("{path} {scalar}"));
            }
        }
    }
    let mut into = BTreeSet::new();
    walk(value, "", &mut into);
    into
}

#[test]
fn an_import_over_reviewed_files_of_a_catalogue_keeps_every_decision() {
    for seed in 1..=size("CATALOGUE_PRODUCTS", 6) {
        let mut metadata = product(seed, size("CATALOGUE_ACTIONS", 15));
        let mut files = inputs(&import(&metadata.to_string(), &[], &[], None).unwrap());
        // Edits every file as a review does: another summary, the opposite idempotency, a limit, and fewer marks.
        let mut reviewed = 0;
        for file in files.iter_mut().filter(|file| file.path != LOCK && file.path != "product.yaml") {
            let text = String::from_utf8(file.bytes.clone()).unwrap();
            let text = text.replacen("summary: Does something.", "summary: Reviewed. # by hand", 1);
            let flipped = if text.contains("idempotent: true") { ("true", "false") } else { ("false", "true") };
            let text =
                text.replacen(&format!("\nidempotent: {}", flipped.0), &format!("\nidempotent: {}", flipped.1), 1);
            let rest: Vec<&str> = text.lines().filter(|line| !line.starts_with("    guessed: ")).collect();
            file.bytes = (rest.join("\n") + "\n").into_bytes();
            reviewed += 1;
        }
        assert!(reviewed > 0);
        let decided = parsed(&files);
        // Upstream changes as well.
        for api in metadata["apis"].as_object_mut().unwrap().values_mut() {
            api["summary"] = "Does something else.".into();
            let members = &mut api["responses"]["200"]["schema"]["properties"];
            members["Later"] = json!({"type": "integer"});
        }
        let text = metadata.to_string();
        let later = import(&text, &[], &files, None).unwrap();
        for (name, text) in &later.files {
            files.retain(|file| file.path != *name);
            files.push(InputFile { path: name.clone(), bytes: text.clone().into_bytes() });
        }
        let now = parsed(&files);
        assert_eq!(now.actions.len(), decided.actions.len());
        for (before, after) in decided.actions.iter().zip(&now.actions) {
            let name = &after.name.value;
            assert_eq!(
                (&after.summary, after.idempotent),
                (&"Reviewed.".to_owned(), before.idempotent),
                "{seed} {name}"
            );
            assert!(after.response.iter().any(|field| field.name.value == "Later"), "{seed} {name}");
            let fields = after.response.iter().filter(|field| field.name.value != "Later");
            let before: Vec<_> = before.response.iter().map(|field| &field.description).collect();
            assert_eq!(
                fields.map(|field| &field.description).collect::<Vec<_>>(),
                before,
                "{seed} {name}: a mark is back"
            );
        }
        let again = import(&text, &[], &files, None).unwrap();
        assert!(again.files.is_empty() && again.changes.is_empty(), "product {seed}: {:?}", again.changes);
    }
}

/// The same product in the ROA style, with parameters in all locations and paths as irregular as real ones.
fn with_paths(mut metadata: Value, seed: u64) -> Value {
    let mut dice = Dice(seed.wrapping_mul(0xd134_2543_de82_ef95) | 1);
    metadata["info"]["style"] = "ROA".into();
    for api in metadata["apis"].as_object_mut().unwrap().values_mut() {
        api["path"] = dice
            .of(&[
                "/things",
                "/things/{Id0}",
                "/things/{name1}/x/{Tag2}",
                "/{Undeclared}:do",
                "things/[Password0]",
                "/a?b=c",
                "/{x}/{x}",
                "",
                "/things/{Id1}/{Name2}.{Tag3}",
            ])
            .into();
        api["methods"] = json!([dice.of(&["post", "get", "put", "delete", "patch", "PATCH", "head"])]);
        api["schemes"] = json!(["https"]);
        api["consumes"] =
            json!([dice.of(&["application/json", "application/x-www-form-urlencoded", "multipart/form-data"])]);
        let produces = ["application/json", "application/json", "application/octet-stream", "application/xml"];
        api["produces"] = json!([dice.of(&produces)]);
        for parameter in api["parameters"].as_array_mut().unwrap() {
            let places = ["query", "query", "path", "path", "header", "body", "host", "formData", "cookie"];
            parameter["in"] = dice.of(&places).into();
            if dice.one_in(3) {
                parameter["schema"]["required"] = true.into();
            }
        }
        match dice.roll(6) {
            0 => api["responses"]["200"] = json!({"schema": {"type": "array", "items": {"type": "string"}}}),
            1 => api["responses"]["200"] = json!({"schema": {"type": "string", "format": "binary"}}),
            2 => api["responses"] = json!({}),
            3 => {
                api["responses"]["200"] =
                    json!({"schema": {"type": "object", "additionalProperties": {"type": "string"}}});
            }
            _ => {}
        }
    }
    metadata
}

#[test]
fn a_catalogue_of_actions_with_paths_is_imported_and_generated() {
    let (mut actions, mut all) = (0, 0);
    for seed in 1..=size("CATALOGUE_PRODUCTS", 20) {
        let metadata = with_paths(product(seed, size("CATALOGUE_ACTIONS", 25)), seed);
        let text = metadata.to_string();
        let imported = import(&text, &[], &[], None).unwrap();
        let files = inputs(&imported);
        let spec = parsed(&files);
        all += metadata["apis"].as_object().unwrap().len();
        actions += spec.actions.len();
        // Every action that is left out has a note.
        let notes = imported.notes.render(usize::MAX);
        let names = spec.actions.iter().map(|action| action.name.value.as_str()).collect::<BTreeSet<_>>();
        for name in metadata["apis"].as_object().unwrap().keys().filter(|name| !names.contains(name.as_str())) {
            let is_explained = notes.lines().any(|line| line.contains("left out") && line.contains(name.as_str()));
            assert!(is_explained, "product {seed}, {name}: {notes}");
        }
        let sources: Vec<InputFile> = files
            .iter()
            .filter(|file| file.path != LOCK)
            .map(|file| InputFile { path: format!("p/{}", file.path), bytes: file.bytes.clone() })
            .collect();
        match generate_crate(&sources, "path = \"x\"", None) {
            Ok(_) => {}
            Err(Failure::Findings(findings)) => panic!("{seed}: {}", crate::diagnostic::render(&findings, false)),
            Err(Failure::Internal(message)) => panic!("{seed}: {message}"),
        }
        let again = import(&text, &[], &files, None).unwrap();
        assert!(again.files.is_empty() && again.changes.is_empty(), "product {seed}: {:?}", again.changes);
    }
    // Most actions are meant to be left out.
    assert!(actions * 5 > all && actions > 100, "{actions} of {all} actions");
}
