//! Imports of a synthetic metadata file with every construct of the official ones.

use std::path::Path;

use serde_json::json;

use super::merge::{What, merge, tree_of};
use super::*;

const METADATA: &str = include_str!("../../fixtures/imported/api-docs.json");

/// A product of the ROA style.
const WITH_PATHS: &str = include_str!("../../fixtures/imported-roa/api-docs.json");

fn fresh(metadata: &str) -> Imported {
    import(metadata, &[], &[], None).unwrap_or_else(|problem| panic!("{problem}"))
}

fn inputs(imported: &Imported) -> Vec<InputFile> {
    imported
        .files
        .iter()
        .map(|(name, text)| InputFile { path: name.clone(), bytes: text.clone().into_bytes() })
        .collect()
}

/// Replaces text in one of the files.
fn edit(files: &mut [InputFile], name: &str, from: &str, to: &str) {
    let file = files.iter_mut().find(|file| file.path == name).unwrap();
    let text = String::from_utf8(file.bytes.clone()).unwrap();
    assert!(text.contains(from), "{from}");
    file.bytes = text.replacen(from, to, 1).into_bytes();
}

fn text_of(files: &[(String, String)], name: &str) -> String {
    files.iter().find(|(found, _)| found == name).map_or_else(String::new, |(_, text)| text.clone())
}

#[test]
fn the_imported_fixtures_are_what_the_metadata_says() {
    for (fixture, metadata) in [("imported", METADATA), ("imported-roa", WITH_PATHS)] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(fixture);
        let imported = fresh(metadata);
        for (name, text) in &imported.files {
            let found = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
            let advice = format!("{name}: delete it and import fixtures/{fixture}/api-docs.json again");
            assert_eq!(&found.replace("\r\n", "\n"), text, "{advice}");
        }
        assert_eq!(imported.files.len() + 1, std::fs::read_dir(folder).unwrap().count());
    }
}

#[test]
fn what_cannot_be_carried_over_of_actions_with_paths_is_noted() {
    insta::assert_snapshot!(fresh(WITH_PATHS).notes.render(usize::MAX));
}

#[test]
fn importing_actions_with_paths_twice_changes_nothing() {
    let again = import(WITH_PATHS, &[], &inputs(&fresh(WITH_PATHS)), None).unwrap();
    assert_eq!((again.files, again.changes), (Vec::new(), Vec::new()));
}

#[test]
fn the_status_decides_for_actions_with_paths_unless_a_code_is_documented() {
    let imported = fresh(WITH_PATHS);
    assert!(!text_of(&imported.files, "product.yaml").contains("success_code"));
    assert!(text_of(&imported.files, "SendText.yaml").contains("success_code: \"200\""));
    // A DELETE is repeated only on the word of the specification.
    let delete = text_of(&imported.files, "DeleteOwner.yaml");
    assert!(delete.contains("idempotent: false") && delete.contains("in_url: true"), "{delete}");
}

#[test]
fn what_cannot_be_carried_over_is_noted() {
    insta::assert_snapshot!(fresh(METADATA).notes.render(usize::MAX));
}

#[test]
fn a_product_that_cannot_be_described_is_refused_with_the_reason() {
    let head = |style: &str, product: &str| {
        json!({"info": {"style": style, "product": product, "version": "2024-01-01"}, "apis": {}}).to_string()
    };
    for (metadata, reason) in [
        ("not JSON".to_owned(), "the file is not valid JSON"),
        ("[]".to_owned(), "expected a JSON object"),
        ("{}".to_owned(), "`info` is missing"),
        (head("OSS", "Oss"), "the style `OSS` of the product `Oss` is not supported: object storage has"),
        (head("V3", "a"), "use the official SDK of the product"),
        (head("FC", "a"), "use an HTTP client for calls"),
        (head("PDS", "a"), "use the official PDS SDK"),
        (head("AliGenie", "a"), "use the official AliGenie SDK"),
        (head("", "a"), "only RPC and ROA are supported"),
        (head("RPC", "a b"), "`a b` is not a product code"),
        (head("RPC", ""), "is not a product code"),
        (
            json!({"info": {"style": "RPC", "product": "x", "version": "1"}, "apis": []}).to_string(),
            "`apis` is not an object",
        ),
    ] {
        let problem = import(&metadata, &[], &[], None).unwrap_err();
        assert!(problem.contains(reason), "{metadata}: {problem}");
    }
    let problem = import(METADATA, &["CreateShelve".to_owned()], &[], None).unwrap_err();
    assert!(problem.contains("did you mean `CreateShelf`"), "{problem}");
}

#[test]
fn a_product_without_actions_is_imported() {
    let metadata = json!({"info": {"style": "RPC", "product": "Empty", "version": "2024-01-01"}}).to_string();
    let names: Vec<_> = fresh(&metadata).files.into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["product.yaml", LOCK]);
}

#[test]
fn only_named_actions_are_imported_with_the_shapes_that_they_need() {
    let imported = import(METADATA, &["match".to_owned()], &[], None).unwrap();
    let names: Vec<_> = imported.files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["match.yaml", "product.yaml", LOCK]);
    let product = text_of(&imported.files, "product.yaml");
    assert!(product.contains("  Cook:") && product.contains("  Tool:") && !product.contains("  Mood:"), "{product}");
    // Another action later keeps the first one and its shapes.
    let more = import(METADATA, &["GetText".to_owned()], &inputs(&imported), None).unwrap();
    let names: Vec<_> = more.files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["GetText.yaml", LOCK]);
    assert_eq!(more.changes, []);
}

#[test]
fn importing_twice_changes_nothing() {
    let again = import(METADATA, &[], &inputs(&fresh(METADATA)), None).unwrap();
    assert_eq!((again.files, again.changes), (Vec::new(), Vec::new()));
}

#[test]
fn another_version_of_a_product_needs_another_folder() {
    let other = METADATA.replace("\"version\": \"2024-01-01\"", "\"version\": \"2025-02-02\"");
    let problem = import(&other, &[], &inputs(&fresh(METADATA)), None).unwrap_err();
    assert!(problem.contains("`2024-01-01`") && problem.contains("--out"), "{problem}");
}

/// The fixture as it may look a year later.
fn a_year_later() -> String {
    let mut metadata: Value = serde_json::from_str(METADATA).unwrap();
    let api = &mut metadata["apis"]["CreateShelf"];
    api["summary"] = "Creates a shelf, now with doors.".into();
    api["description"] = "You can call this operation up to 20 times per second.".into();
    for parameter in api["parameters"].as_array_mut().unwrap() {
        match parameter["name"].as_str() {
            Some("Boards") => parameter["schema"]["description"] = "How many boards, at most ten.".into(),
            Some("Weight") => parameter["schema"]["title"] = "The weight in kg".into(),
            _ => {}
        }
    }
    api["parameters"]
        .as_array_mut()
        .unwrap()
        .retain(|parameter| !["Price", "Discount", "Notes"].contains(&parameter["name"].as_str().unwrap()));
    api["parameters"]
        .as_array_mut()
        .unwrap()
        .push(json!({"name": "Doors", "in": "query", "schema": {"type": "integer"}}));
    api["responses"]["200"]["schema"]["properties"]["Door"] =
        json!({"type": "object", "properties": {"Id": {"type": "string"}}});
    metadata["apis"].as_object_mut().unwrap().remove("GetText");
    metadata["apis"]["ListDoors"] = json!({"summary": "Lists doors."});
    metadata.to_string()
}

#[test]
fn importing_again_keeps_decisions_and_tells_what_changed_upstream() {
    let mut files = inputs(&fresh(METADATA));
    let name = "CreateShelf.yaml";
    // Decisions by reviewers: their own text, another limit, a reviewed guess, a secret, a Rust name, a parameter less, a comment.
    edit(&mut files, name, "summary: Creates a shelf.", "summary: Puts up a shelf. # as carpenters say");
    edit(&mut files, name, "rate_limit: 5/s", "rate_limit: 7/s");
    edit(&mut files, name, "  idempotent: The name begins with no verb that only reads.\n", "");
    edit(&mut files, name, "  Price:\n    type: number\n", "  Price:\n    type: number\n    sensitive: true\n");
    edit(&mut files, name, "description: The weight\n", "description: How heavy it is.\n    rust_name: mass\n");
    edit(&mut files, name, "  Notes:\n    type: any\n    description: none\n    example: \"{\\\"any\\\":[1]}\"\n", "");
    let later = import(&a_year_later(), &[], &files, None).unwrap();

    let text = text_of(&later.files, name);
    for kept in [
        "summary: Puts up a shelf. # as carpenters say",
        "rate_limit: 7/s",
        "  Price:\n    type: number\n    sensitive: true\n",
        "description: How heavy it is.\n    rust_name: mass\n",
    ] {
        assert!(text.contains(kept), "lost: {kept}\n{text}");
    }
    assert!(
        !text.contains("no verb that only reads") && !text.contains("  Notes:") && !text.contains("  Discount:"),
        "{text}"
    );
    assert!(text.contains("description: \"How many boards, at most ten."), "{text}");
    assert!(text.contains("  Doors:\n    type: integer\n    format: int64\n"), "{text}");
    assert!(text.contains("  Door:\n    type: object\n"), "{text}");
    assert!(!text_of(&later.files, "ListDoors.yaml").is_empty());
    insta::assert_snapshot!(shown(&later));

    // Once more: everything is known now.
    for (name, text) in &later.files {
        files.retain(|file| file.path != *name);
        files.push(InputFile { path: name.clone(), bytes: text.clone().into_bytes() });
    }
    let again = import(&a_year_later(), &[], &files, None).unwrap();
    assert_eq!((again.files, again.changes), (Vec::new(), Vec::new()));
}

fn shown(imported: &Imported) -> String {
    let file = |(file, changes): &(String, Vec<Change>)| {
        format!("{file}:\n{}", changes.iter().map(|change| format!("  {change}\n")).collect::<String>())
    };
    imported.changes.iter().map(file).collect()
}

#[test]
fn over_a_file_that_was_never_imported_nothing_is_changed_and_every_difference_is_told() {
    let mut files = inputs(&fresh(METADATA));
    files.retain(|file| file.path == "product.yaml" || file.path == "match.yaml");
    edit(&mut files, "match.yaml", "idempotent: false", "idempotent: true");
    edit(
        &mut files,
        "match.yaml",
        "authorization:\n  action: \"shelf_store:match\"\n  access: none\n",
        "authorization: none\n",
    );
    edit(
        &mut files,
        "match.yaml",
        "summary: Is named like a keyword.\n",
        "summary: Is named like a keyword.\nunknown_outcome: Look.\n",
    );
    let imported = import(METADATA, &["match".to_owned()], &files, None).unwrap();
    assert_eq!(imported.files.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), [LOCK]);
    let told: Vec<_> = imported.changes.iter().flat_map(|(_, changes)| changes).map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "differs: idempotent: `true`; upstream says `false`",
            "differs: authorization: `none`; upstream says { action: \"shelf_store:match\", access: none }",
        ]
    );
}

#[test]
fn every_kind_of_change_is_told_apart() {
    let tree = |text: &str| tree_of("a.yaml", text).unwrap();
    let merged = |ours: &str, last: Option<&str>, upstream: &str| {
        let last = last.map(|last| Prints::of(&tree(last)));
        let merged = merge("a.yaml", ours, last.as_ref(), &tree(upstream), "action").unwrap();
        assert!(!merged.rewritten, "{ours:?}");
        (merged.text, merged.changes.into_iter().map(|change| change.what).collect::<Vec<_>>())
    };
    let text = |text: &str| format!("`{text}`");
    let (updated, kept) = (
        |from: &str, to: &str| What::Updated { from: text(from), to: text(to) },
        |ours: &str, upstream: &str| What::Kept { ours: text(ours), upstream: text(upstream) },
    );
    for (ours, last, upstream, result, changes) in [
        ("a: x\n", Some("a: x\n"), "a: y\n", "a: y\n", vec![updated("x", "y")]),
        ("a: o\n", Some("a: x\n"), "a: y\n", "a: o\n", vec![kept("o", "y")]),
        ("a: o\n", Some("a: x\n"), "a: x\n", "a: o\n", vec![]),
        ("a: y\n", Some("a: x\n"), "a: y\n", "a: y\n", vec![]),
        ("a: x\n", Some("a: x\n"), "a: x\nb: y\n", "a: x\nb: y\n", vec![What::Added(text("y"))]),
        ("a: x", Some("a: x\n"), "a: x\nb: y\n", "a: x\nb: y\n", vec![What::Added(text("y"))]),
        ("a: x\nb: y\n", Some("a: x\nb: y\n"), "a: x\n", "a: x\n", vec![What::Removed(text("y"))]),
        ("b: y\na: x\n", Some("a: x\nb: y\n"), "a: x\n", "a: x\n", vec![What::Removed(text("y"))]),
        ("a: x\nb: o\n", Some("a: x\nb: y\n"), "a: x\n", "a: x\nb: o\n", vec![What::KeptWithout(text("o"))]),
        ("a: x\n", Some("a: x\nb: y\n"), "a: x\nb: z\n", "a: x\n", vec![What::StaysRemoved { upstream: text("z") }]),
        ("a: x\n", Some("a: x\nb: y\n"), "a: x\nb: y\n", "a: x\n", vec![]),
        ("a: x\nc: o\n", Some("a: x\n"), "a: x\n", "a: x\nc: o\n", vec![]),
        (
            "a: o\n",
            None,
            "a: x\nb: y\n",
            "a: o\n",
            vec![What::Differs { ours: text("o"), upstream: text("x") }, What::Lacks(text("y"))],
        ),
        (
            "a: { b: x } # why\n",
            Some("a: { b: x }\n"),
            "a: { b: x, c: y }\n",
            "a: { b: \"x\", c: \"y\" } # why\n",
            vec![What::Added(text("y"))],
        ),
        (
            "a: {}\nb: x\n",
            Some("a: {}\nb: x\n"),
            "a: { c: y }\nb: x\n",
            "a: { c: \"y\" }\nb: x\n",
            vec![What::Added(text("y"))],
        ),
        (
            "a: |\n  x\n  y\nb: z\n",
            Some("a: |\n  x\n  y\nb: z\n"),
            "a: q\nb: z\n",
            "a: q\nb: z\n",
            vec![updated("x\\ny", "q")],
        ),
        (
            "# top\na:\n  # inner\n  b: x # end\n\nc: z\n",
            Some("a: { b: x }\nc: z\n"),
            "a: { b: y, d: q }\nc: z\n",
            "# top\na:\n  # inner\n  b: y # end\n  d: q\n\nc: z\n",
            vec![updated("x", "y"), What::Added(text("q"))],
        ),
    ] {
        assert_eq!(merged(ours, last, upstream), (result.to_owned(), changes), "{ours:?} {last:?} {upstream:?}");
    }
}

/// A product whose actions are these.
fn product(apis: &Value) -> String {
    json!({
        "info": {"style": "RPC", "product": "Shop", "version": "2024-01-01"},
        "apis": apis,
        "endpoints": [{"regionId": "cn-hangzhou", "endpoint": "shop.cn-hangzhou.aliyuncs.com"}],
    })
    .to_string()
}

/// Imports a product that generates, too.
fn imported(metadata: &str) -> Imported {
    let imported = fresh(metadata);
    let folder = |file: InputFile| InputFile { path: format!("shop/{}", file.path), ..file };
    let sources: Vec<InputFile> = inputs(&imported).into_iter().filter(|file| file.path != LOCK).map(folder).collect();
    match crate::generate::generate_crate(&sources, "path = \"x\"", None) {
        Ok(_) => imported,
        Err(crate::generate::Failure::Findings(findings)) => panic!("{}", crate::diagnostic::render(&findings, false)),
        Err(crate::generate::Failure::Internal(message)) => panic!("{message}"),
    }
}

/// The documented response of an action.
fn demo(example: &Value) -> String {
    json!([{"type": "json", "example": example.to_string()}]).to_string()
}

fn parameter(name: &str, schema: &Value) -> Value {
    json!({"name": name, "in": "query", "schema": schema})
}

#[test]
fn a_success_code_is_one_that_looks_like_success() {
    let responds = |code: &str| json!({"responseDemo": demo(&json!({"Code": code, "Message": "m"}))});
    let forbidden = responds("Forbidden");
    let found = imported(&product(&json!({"A": forbidden, "B": forbidden, "C": forbidden})));
    assert!(!text_of(&found.files, "product.yaml").contains("success_code"));

    let mut apis: Map<String, Value> = ('B'..='J').map(|name| (name.to_string(), responds("OK"))).collect();
    apis.insert("A".to_owned(), responds("200"));
    let found = imported(&product(&Value::Object(apis)));
    let head = text_of(&found.files, "product.yaml");
    assert!(head.contains("\nsuccess_code: OK\n") && head.contains("\n  success_code: The `Code` of most"), "{head}");
    let own = text_of(&found.files, "A.yaml");
    assert!(
        own.contains("\nsuccess_code: \"200, OK\"\n")
            && own.contains("\n  success_code: \"The documented response has"),
        "{own}"
    );
    assert!(!text_of(&found.files, "B.yaml").contains("success_code"));
}

#[test]
fn a_type_that_its_example_contradicts_is_widened_and_marked() {
    let members = json!({
        "Duration": {"type": "integer", "format": "int64"},
        "Size": {"type": "integer", "format": "int32", "example": "1700000000000"},
        "State": {"type": "object", "properties": {"Count": {"type": "integer"}}},
        "Times": {"type": "array", "items": {"type": "integer", "format": "int32"}},
        "Inner": {"$ref": "#/components/schemas/Inner"},
        "Masked": {"type": "integer", "example": "12****"},
        "Denied": {"type": "string", "example": "None"},
        "AccessDeniedDetail": {"type": "string"},
        "List": {"type": "array", "items": {"type": "string"}},
    });
    let example = json!({
        "Duration": 3.4, "State": 11, "Times": [1, 3_000_000_000_u64], "Inner": {"Count": "many", "Next": {"Count": 1}},
        "Masked": 12, "Denied": "no", "AccessDeniedDetail": {"a": 1}, "List": {"Item": ["a"]},
    });
    let api = json!({
        "parameters": [
            parameter("Ratio", &json!({"type": "integer", "example": "0.5"})),
            parameter("Id", &json!({"type": "integer", "example": "cn-hangzhou"})),
            parameter("Ids", &json!({"type": "array", "items": {"type": "integer", "format": "int32"}, "example": "[3000000000]"})),
        ],
        "responses": {"200": {"schema": {"type": "object", "properties": members}}},
        "responseDemo": demo(&example),
    });
    let mut metadata: Value = serde_json::from_str(&product(&json!({ "Get": api }))).unwrap();
    let inner = json!({"type": "object", "properties": {
        "Count": {"type": "integer"},
        "Next": {"$ref": "#/components/schemas/Inner"},
        // Beside it, and nowhere in the documented response.
        "Speed": {"type": "integer", "example": "fast"},
        "Rates": {"type": "array", "items": {"type": "integer", "example": "0.5"}},
    }});
    metadata["components"] = json!({"schemas": {"Inner": inner}});
    let found = imported(&metadata.to_string());
    insta::assert_snapshot!(format!(
        "{}\n{}",
        text_of(&found.files, "Get.yaml"),
        text_of(&found.files, "product.yaml").split_once("shapes:").unwrap().1
    ));
    // Once the type is reviewed, the mark stays away.
    let mut files = inputs(&found);
    edit(
        &mut files,
        "Get.yaml",
        "    guessed: \"Documented as an integer of 64 bits, but an example is `3.4`.\"\n",
        "",
    );
    let again = import(&metadata.to_string(), &[], &files, None).unwrap();
    assert_eq!((again.files, again.changes), (Vec::new(), Vec::new()));
}

#[test]
fn an_action_with_a_path_is_called_by_its_name_and_one_with_a_stream_of_events_is_left_out() {
    let found = imported(&product(&json!({
        "WithPath": {"path": "/V2/things", "methods": ["post"]},
        "Stream": {"schemes": ["https", "sse"]},
        "StreamWithPath": {"path": "/V2/stream", "schemes": ["HTTPS", "SSE"]},
        "Produces": {"produces": ["text/event-stream"]},
    })));
    assert_eq!(found.new, ["WithPath"]);
    let notes = found.notes.render(9);
    let stream = "stream of events, which the client cannot read: left out (3): Stream, StreamWithPath, Produces";
    assert!(notes.contains(stream), "{notes}");
    assert!(
        notes.contains("the action has a path: called by its name on `/`, as the official SDKs do (1): WithPath"),
        "{notes}"
    );
}

#[test]
fn free_form_values_keep_the_style_of_their_parameter() {
    let styled = |style: &str, schema: &Value| json!({"name": "P", "in": "query", "style": style, "schema": schema});
    let object = json!({"type": "object"});
    for (parameter, expected) in [
        (styled("flat", &json!({"type": "array", "items": object})), "type: array\n    style: flat\n"),
        (styled("repeatList", &json!({"type": "array", "items": object})), "type: array\n    style: repeat-list\n"),
        (styled("flat", &object), "type: object\n    style: flat\n"),
        (parameter("P", &object), "type: object\n    style: flat\n"),
        (styled("json", &object), "type: any\n    description"),
        (styled("flat", &json!({"type": "any"})), "type: object\n    style: flat\n"),
    ] {
        let found = imported(&product(&json!({"A": {"parameters": [parameter]}})));
        let text = text_of(&found.files, "A.yaml");
        assert!(text.contains(expected), "{parameter}:\n{text}");
    }
}

#[test]
fn an_action_is_sent_by_the_documented_method() {
    let secret = parameter("Password", &json!({"type": "string"}));
    let inside = parameter("Login", &json!({"type": "object", "properties": {"Password": {"type": "string"}}}));
    let form = json!({"name": "F", "in": "formData", "schema": {"type": "string"}});
    for (methods, parameters, method, in_url) in [
        (json!(["get", "post"]), json!([secret]), None, false),
        (json!(["POST"]), json!([]), None, false),
        (json!([]), json!([]), None, false),
        (json!(["get"]), json!([]), Some("get"), false),
        (json!(["get"]), json!([secret]), Some("get"), true),
        (json!(["get"]), json!([inside]), Some("get"), true),
        (json!(["DELETE"]), json!([secret]), Some("delete"), true),
        (json!(["put"]), json!([secret]), Some("put"), false),
        (json!(["put"]), json!([form]), Some("put"), false),
        (json!(["get"]), json!([form]), None, false),
        (json!(["patch"]), json!([]), None, false),
    ] {
        let found = imported(&product(&json!({"A": {"methods": methods, "parameters": parameters}})));
        let text = text_of(&found.files, "A.yaml");
        assert_eq!(text.contains("\nmethod: "), method.is_some(), "{methods} {parameters}:\n{text}");
        assert!(
            method.is_none_or(|method| text.contains(&format!("\nmethod: {method}\n"))),
            "{methods} {parameters}:\n{text}"
        );
        assert_eq!(text.contains("    in_url: true\n"), in_url, "{methods} {parameters}:\n{text}");
        assert_eq!(
            text.contains("  method: \"No other method is documented"),
            in_url,
            "{methods} {parameters}:\n{text}"
        );
        assert_eq!(found.notes.render(1).contains("change `method` and `in_url`"), in_url, "{methods} {parameters}");
    }
}

#[test]
fn a_limit_that_is_a_fact_is_no_guess() {
    let flow = json!({"flowControlList": [{"threshold": "5", "countWindow": 1, "regionId": "*", "api": "A"}]});
    let prose = "The QPS limit on this operation is 50 per user.";
    let found = imported(&product(&json!({
        "A": {"flowControl": flow, "description": prose},
        "B": {"description": prose},
    })));
    let (a, b) = (text_of(&found.files, "A.yaml"), text_of(&found.files, "B.yaml"));
    assert!(a.contains("\nrate_limit: 5/s\n") && !a.contains("  rate_limit: "), "{a}");
    assert!(b.contains("\nrate_limit: 50/s\n") && b.contains("  rate_limit: \"The text says"), "{b}");
    assert!(found.notes.render(9).contains("the text also states another limit: 50/s (1): A"));
}

#[test]
fn two_versions_of_a_product_have_two_names() {
    let file = |version: &str| Some(format!("product: Shop\nversion: \"{version}\"\n"));
    let metadata = product(&json!({}));
    let place = |asked: Option<&str>, there: &[(&str, &str)]| {
        let product_file =
            |folder: &str| there.iter().find(|(name, _)| *name == folder).and_then(|(_, version)| file(version));
        place(&metadata, asked, product_file).map(|place| (place.folder, place.name.unwrap_or_default()))
    };
    let found = |folder: &str, name: &str| Ok((folder.to_owned(), name.to_owned()));
    assert_eq!(place(None, &[]), found("shop", ""));
    assert_eq!(place(None, &[("shop", "2024-01-01")]), found("shop", ""));
    assert_eq!(place(None, &[("shop", "2020-02-02")]), found("shop-20240101", "shop-20240101"));
    let both = [("shop", "2020-02-02"), ("shop-20240101", "2024-01-01")];
    assert_eq!(place(None, &both), found("shop-20240101", "shop-20240101"));
    assert_eq!(place(None, &both[1..]), found("shop-20240101", "shop-20240101"), "it stays where it is");
    assert_eq!(place(Some("my-shop"), &[]), found("my-shop", "my-shop"));
    for wrong in ["", "My Shop", "../x", "-x"] {
        assert!(place(Some(wrong), &[]).unwrap_err().contains("is not a name for a crate"), "{wrong}");
    }
    // The name stays when it is imported again, and the crate and its own tests have it.
    let named = import(&metadata, &[], &[], Some("shop-20240101")).unwrap();
    let again = import(&metadata, &[], &inputs(&named), None).unwrap();
    assert_eq!((again.files, again.changes), (Vec::new(), Vec::new()));
}

#[test]
fn what_a_request_loses_is_said_in_the_file() {
    let found = imported(&product(&json!({"A": {
        "parameters": [
            {"name": "body", "in": "body", "schema": {"type": "object"}},
            {"name": "x-trace", "in": "header", "schema": {"type": "string"}},
        ],
        "errorCodes": {"400": [{"errorCode": "Invalid\tName", "errorMessage": "No."}]},
    }})));
    let text = text_of(&found.files, "A.yaml");
    assert!(text.contains("the parameter `body` in the body of the request, too, which the client"), "{text}");
    assert!(text.contains("Takes the header `x-trace`"), "{text}");
    assert!(text.contains("  InvalidName:\n    status: 400\n"), "{text}");
    assert!(found.notes.render(9).contains("invisible characters, which are removed (1): A.InvalidName"));
}

#[test]
fn parameters_that_may_have_one_name_on_the_wire_are_noted() {
    let disk = json!({"type": "array", "items": {"type": "object", "properties": {"Category": {"type": "string"}}}});
    let repeated = |name: &str, style: &str| json!({"name": name, "in": "query", "style": style, "schema": disk});
    let text = json!({"type": "string"});
    for (parameters, noted) in [
        (json!([repeated("DataDisk", "repeatList"), parameter("DataDisk.1.Category", &text)]), true),
        (json!([parameter("DataDisk.1.Category", &text), repeated("DataDisk", "flat")]), true),
        (json!([repeated("DataDisk", "json"), parameter("DataDisk.1.Category", &text)]), false),
        (json!([repeated("DataDisk", "repeatList"), parameter("DataDisk.Category", &text)]), false),
        (json!([repeated("DataDisk", "repeatList"), parameter("DataDisks.1.Category", &text)]), false),
    ] {
        let found = imported(&product(&json!({"A": {"parameters": parameters}})));
        let note =
            "part of another parameter; the client refuses a request with both (1): A.DataDisk.1.Category (DataDisk)";
        assert_eq!(found.notes.render(9).contains(note), noted, "{parameters}: {}", found.notes.render(9));
    }
}

#[test]
fn a_style_that_cannot_be_called_is_refused_with_a_better_way() {
    for (style, words) in [
        ("V3", "the official SDK"),
        ("OSS", "OSS SDK"),
        ("FC", "HTTP client"),
        ("PDS", "PDS SDK"),
        ("AliGenie", "AliGenie SDK"),
        ("New", "the official SDK of the product"),
    ] {
        let metadata = json!({"info": {"style": style, "product": "x", "version": "1"}, "apis": {}}).to_string();
        let problem = import(&metadata, &[], &[], None).unwrap_err();
        assert!(problem.contains(&format!("`{style}`")) && problem.contains(words), "{problem}");
    }
}

#[test]
fn an_update_shows_what_is_new_gone_and_how_each_value_differs() {
    let long = "A sentence that is repeated and says nothing at all. ".repeat(10);
    let api = |ending: &str| json!({"summary": format!("{long}{ending}"), "parameters": [parameter("N", &json!({"type": "integer"}))]});
    let mut before = json!({"Stays": api("It ends with one."), "Goes": {}});
    let files = inputs(&imported(&product(&before)));
    before["Stays"] = api("It ends with two.");
    before["Stays"]["parameters"][0]["schema"]["type"] = "string".into();
    before.as_object_mut().unwrap().remove("Goes");
    before["Comes"] = json!({});
    let mut metadata: Value = serde_json::from_str(&product(&before)).unwrap();
    for region in 0..40 {
        metadata["endpoints"]
            .as_array_mut()
            .unwrap()
            .push(json!({"regionId": format!("cn-{region}"), "endpoint": format!("h{region}.example.com")}));
    }
    let later = import(&metadata.to_string(), &[], &files, None).unwrap();
    assert_eq!((&later.new[..], &later.gone[..]), (&["Comes".to_owned()][..], &["Goes".to_owned()][..]));
    let review = later.review();
    assert!(review.lines().all(|line| line.chars().count() < 320), "{review}");
    insta::assert_snapshot!(format!("{review}{}", later.summary()));
}

/// A reader finds a new key where it is in every other file, and a comment stays with the key above which it was written.
#[test]
fn what_is_new_upstream_stands_where_a_first_import_puts_it() {
    let text = |name: &str| parameter(name, &json!({"type": "string", "description": "Text."}));
    let answer = |names: &[&str]| {
        let members: Map<String, Value> =
            names.iter().map(|name| ((*name).to_owned(), json!({"type": "string"}))).collect();
        json!({"200": {"schema": {"type": "object", "properties": members}}})
    };
    let errors = |codes: &[&str]| {
        let errors: Vec<_> = codes.iter().map(|code| json!({"errorCode": code, "errorMessage": "Bad."})).collect();
        json!({ "400": errors })
    };
    let before = json!({"A": {
        "parameters": [text("M"), text("Y")],
        "responses": answer(&["M"]),
        "errorCodes": errors(&["Old"]),
    }});
    let after = json!({"A": {
        "methods": ["delete"],
        "deprecated": true,
        "parameters": [text("B"), text("M"), text("N"), text("O"), text("Y"), text("Z")],
        "responses": answer(&["L", "M", "N"]),
        "errorCodes": errors(&["New", "Old", "Newer"]),
    }});
    let mut files = inputs(&imported(&product(&before)));
    let later = import(&product(&after), &[], &files, None).unwrap();
    let first = imported(&product(&after));
    assert_eq!(text_of(&later.files, "A.yaml"), text_of(&first.files, "A.yaml"));

    edit(&mut files, "A.yaml", "  Y:\n", "  # The last one.\n  Y:\n");
    let later = import(&product(&after), &[], &files, None).unwrap();
    assert_eq!(
        text_of(&later.files, "A.yaml").replace("  # The last one.\n  Y:", "  Y:"),
        text_of(&first.files, "A.yaml")
    );
}

#[test]
fn only_comments_that_somebody_wrote_are_reported_as_lost() {
    let tree = |text: &str| tree_of("a.yaml", text).unwrap();
    let last = Prints::of(&tree("a: x\n"));
    // A flow map over several lines cannot be edited in place.
    for (comment, is_lost) in [("", false), ("# yaml-language-server: $schema=x\n", false), ("# why\n", true)] {
        let ours = format!("{comment}a:\n  \"x\"\n");
        let merged = merge("a.yaml", &ours, Some(&last), &tree("a: |\n  y\n  z\n"), "action").unwrap();
        let kept = comment.is_empty() || merged.text.contains(comment);
        assert!(merged.rewritten == (is_lost && !kept), "{comment:?}: {merged:?}");
    }
}

#[test]
fn a_chain_of_references_is_read_to_its_end() {
    const LENGTH: usize = 5_000;
    let link = |index: usize| format!("L{index}");
    let schemas: Map<String, Value> = (0..LENGTH)
        .map(|index| {
            let next = json!({"$ref": format!("#/components/schemas/L{}", index + 1)});
            (link(index), json!({"type": "object", "properties": {"N": next}}))
        })
        .chain([(link(LENGTH), json!({"$ref": "#/components/schemas/A0"}))])
        // References to references are followed, but not for ever.
        .chain(
            (0..LENGTH)
                .map(|index| (format!("A{index}"), json!({"$ref": format!("#/components/schemas/A{}", index + 1)}))),
        )
        .collect();
    let reference = json!({"$ref": "#/components/schemas/L0"});
    let mut metadata: Value = serde_json::from_str(&product(&json!({"A": {
        "methods": ["get"],
        "parameters": [parameter("P", &reference)],
        "responses": {"200": {"schema": {"type": "object", "properties": {"R": reference}}}},
    }})))
    .unwrap();
    metadata["components"] = json!({ "schemas": schemas });
    let found = imported(&metadata.to_string());
    assert!(found.notes.render(1).contains("too deeply nested"), "{}", found.notes.render(1));
    let head = text_of(&found.files, "product.yaml");
    assert!(head.contains("  L4999:\n"), "the last one");
}

/// An action that starts something, and the one that the metadata names as telling when it is done.
fn asynchronous(callback: &str, asked: &Value) -> String {
    let start = json!({
        "methods": ["post"], "operationType": "write",
        "staticInfo": {"returnType": "asynchronous", "callback": callback, "callbackInterval": 15000, "maxCallbackTimes": 100},
        "parameters": [
            parameter("RegionId", &json!({"type": "string", "required": true})),
            parameter("InstanceId", &json!({"type": "string"}))
        ],
        "responses": {"200": {"schema": {"type": "object", "properties": {
            "RequestId": {"type": "string"}, "Data": {"type": "object", "properties": {"JobId": {"type": "string"}}},
            "InstanceId": {"type": "string"}
        }}}}
    });
    product(&json!({"StartJob": start, "GetJob": asked}))
}

/// An action that tells a state with these values; each of the parameters is required.
fn tells(state: &Value, parameters: &[&str]) -> Value {
    let parameters: Vec<_> =
        parameters.iter().map(|name| parameter(name, &json!({"type": "string", "required": true}))).collect();
    json!({
        "methods": ["post"], "parameters": parameters,
        "responses": {"200": {"schema": {"type": "object", "properties": {
            "Status": {"type": "string", "description": "- **success**: good. - **fail**: bad."},
            "Jobs": {"type": "object", "properties": {"Job": {"type": "array", "items": {"type": "object", "properties": {
                "JobId": {"type": "string"}, "JobStatus": state
            }}}}}
        }}}}
    })
}

#[test]
fn a_callback_becomes_a_waiter_that_is_marked_as_a_guess() {
    let states =
        json!({"type": "string", "enumValueTitles": {"Running": "", "Finished": "", "Failed": "", "Canceling": ""}});
    let metadata = asynchronous("GetJob", &tells(&states, &["RegionId", "JobId"]));
    let text = text_of(&imported(&metadata).files, "StartJob.yaml");
    for line in [
        "waiter:\n  action: GetJob\n  parameters:\n    RegionId: \"{RegionId}\"\n    JobId: \"{$response.Data.JobId}\"\n",
        "  state: Jobs.Job.JobStatus\n  where:\n    JobId: \"{$response.Data.JobId}\"\n  done: Finished\n  failed: Failed\n",
        "  interval: 15s\n  bound: 25m\n",
        "every 15s and at most 100 times",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    // What the caller gave counts only if the response lacks it.
    let metadata = asynchronous("GetJob", &tells(&states, &["InstanceId"]));
    let text = text_of(&imported(&metadata).files, "StartJob.yaml");
    assert!(text.contains("InstanceId: \"{$response.InstanceId} | {InstanceId}\""), "{text}");
    // States that only the text names, and those of something that can be used.
    let prose =
        json!({"type": "string", "description": "The state. - Creating: soon. - Running: usable. - CreateFailed: no."});
    let text = text_of(&imported(&asynchronous("GetJob", &tells(&prose, &["JobId"]))).files, "StartJob.yaml");
    assert!(text.contains("done: Running\n"), "{text}");
}

#[test]
fn the_wait_for_a_deletion_ends_with_a_documented_code_of_absence() {
    let states = json!({"type": "string", "enum": ["Deleting", "Running"]});
    let mut asked = tells(&states, &["RegionId", "InstanceId"]);
    asked["errorCodes"] = json!({
        "400": [{"errorCode": "InvalidParameter", "errorMessage": ""}, {"errorCode": "InvalidRegionId.NotFound", "errorMessage": ""}],
        "404": [{"errorCode": "InvalidInstance.NotFound", "errorMessage": ""}, {"errorCode": "Instance.NotExist", "errorMessage": ""}],
    });
    let deleting = asynchronous("GetJob", &asked).replace("StartJob", "DeleteJob");
    let text = text_of(&imported(&deleting).files, "DeleteJob.yaml");
    // `Running` is no end of a deletion, and an unknown region none of an instance.
    assert!(text.contains("  done_error: \"InvalidInstance.NotFound, Instance.NotExist\"\n"), "{text}");
    assert!(!text.contains("  state:") && !text.contains("  done:"), "{text}");
    // After a start, something that does not exist has not started.
    let starting = imported(&asynchronous("GetJob", &asked));
    assert!(!text_of(&starting.files, "StartJob.yaml").contains("done_error"));
}

#[test]
fn a_callback_that_cannot_be_read_is_noted_and_nothing_is_proposed() {
    let states = json!({"type": "string", "enum": ["Running", "Finished"]});
    let plain = json!({"type": "string"});
    let sentence = json!({"type": "string", "description": "Whether it is running or finished."});
    for (callback, asked, why) in [
        ("other::2024-01-01::GetJob", tells(&states, &["JobId"]), "another product"),
        ("GetOther", tells(&states, &["JobId"]), "not imported"),
        ("StartJob", tells(&states, &["JobId"]), "does not begin with a verb for reading"),
        ("GetJob", tells(&states, &["TaskId"]), "the name of one of its required parameters"),
        ("GetJob", tells(&plain, &["JobId"]), "none of its members"),
        ("GetJob", tells(&sentence, &["JobId"]), "none of its members"),
        ("GetJob", tells(&json!({"type": "string", "enum": ["Success", "Fail"]}), &["JobId"]), "none of its members"),
    ] {
        let imported = imported(&asynchronous(callback, &asked));
        assert!(!text_of(&imported.files, "StartJob.yaml").contains("waiter"), "{callback}");
        let notes = imported.notes.render(usize::MAX);
        assert!(notes.contains(why) && notes.contains("no `waiter` is proposed"), "{why}: {notes}");
    }
    // A state of every job of the account is none of the one that was started.
    let all = imported(&asynchronous("GetJob", &tells(&states, &["RegionId"])));
    let text = text_of(&all.files, "StartJob.yaml");
    assert!(text.contains("where:") && !text.contains("JobId: \"{$response.JobId}"), "{text}");
}

#[test]
fn a_reviewed_waiter_stays_and_a_second_import_writes_nothing() {
    let states = json!({"type": "string", "enum": ["Running", "Finished"]});
    let metadata = asynchronous("GetJob", &tells(&states, &["JobId"]));
    let mut files = inputs(&imported(&metadata));
    let again = import(&metadata, &[], &files, None).unwrap();
    assert_eq!((again.files, again.changes), (Vec::new(), Vec::new()));
    edit(&mut files, "StartJob.yaml", "bound: 25m", "bound: 2h");
    edit(&mut files, "StartJob.yaml", "done: Finished", "done: Running, Finished");
    let again = import(&metadata, &[], &files, None).unwrap();
    assert_eq!(again.files, []);
    // What was not changed follows.
    let faster = metadata.replace("15000", "5000");
    let again = import(&faster, &[], &files, None).unwrap();
    let text = text_of(&again.files, "StartJob.yaml");
    assert!(
        text.contains("interval: 5s") && text.contains("bound: 2h") && text.contains("done: Running, Finished"),
        "{text}"
    );
    assert!(shown(&again).contains("kept: waiter.bound: `2h`, though upstream now says `500s`"), "{}", shown(&again));
}

#[test]
fn a_waiter_that_does_not_fit_a_reviewed_file_is_not_proposed() {
    let states = json!({"type": "string", "enum": ["Running", "Finished"]});
    let metadata = asynchronous("GetJob", &tells(&states, &["JobId"]));
    let first = import(&metadata, &["GetJob".to_owned()], &[], None).unwrap();
    let mut files = inputs(&first);
    edit(&mut files, "GetJob.yaml", "idempotent: true", "idempotent: false");
    let second = import(&metadata, &[], &files, None).unwrap();
    let text = text_of(&second.files, "StartJob.yaml");
    assert!(text.starts_with("# yaml") && !text.contains("waiter"), "{text}");
    assert!(second.notes.render(usize::MAX).contains("no `waiter` is proposed, because `GetJob` is not idempotent"));
    files.extend(inputs(&second).into_iter().filter(|file| file.path != LOCK));
    files.retain(|file| file.path != LOCK);
    files.extend(inputs(&second).into_iter().filter(|file| file.path == LOCK));
    assert_eq!(import(&metadata, &[], &files, None).unwrap().files, []);
}
