//! What an import makes of a made-up metadata file that holds every construct of the official ones.

use std::path::Path;

use serde_json::json;

use super::merge::{What, merge, tree_of};
use super::*;

const METADATA: &str = include_str!("../../fixtures/imported/api-docs.json");

fn fresh(metadata: &str) -> Imported {
    import(metadata, &[], &[]).unwrap_or_else(|problem| panic!("{problem}"))
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
fn the_imported_fixture_is_what_the_metadata_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/imported");
    let imported = fresh(METADATA);
    for (name, text) in &imported.files {
        let found = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert_eq!(
            &found.replace("\r\n", "\n"),
            text,
            "{name}: delete it and import fixtures/imported/api-docs.json again"
        );
    }
    assert_eq!(imported.files.len() + 1, std::fs::read_dir(folder).unwrap().count());
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
        ("not JSON".to_owned(), "this is not JSON"),
        ("[]".to_owned(), "expected a JSON object"),
        ("{}".to_owned(), "it has no `info`"),
        (head("ROA", "cs"), "is of the style `ROA`"),
        (head("OSS", "Oss"), "is of the style `OSS`"),
        (head("RPC", "a b"), "`a b` is not a product code"),
        (head("RPC", ""), "is not a product code"),
        (
            json!({"info": {"style": "RPC", "product": "x", "version": "1"}, "apis": []}).to_string(),
            "`apis` is no object",
        ),
    ] {
        let problem = import(&metadata, &[], &[]).unwrap_err();
        assert!(problem.contains(reason), "{metadata}: {problem}");
    }
    let problem = import(METADATA, &["CreateShelve".to_owned()], &[]).unwrap_err();
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
    let imported = import(METADATA, &["match".to_owned()], &[]).unwrap();
    let names: Vec<_> = imported.files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["match.yaml", "product.yaml", LOCK]);
    let product = text_of(&imported.files, "product.yaml");
    assert!(product.contains("  Cook:") && product.contains("  Tool:") && !product.contains("  Mood:"), "{product}");
    // Another action later keeps the first one and its shapes.
    let more = import(METADATA, &["GetText".to_owned()], &inputs(&imported)).unwrap();
    let names: Vec<_> = more.files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["GetText.yaml", LOCK]);
    assert_eq!(more.changes, []);
}

#[test]
fn importing_twice_changes_nothing() {
    let again = import(METADATA, &[], &inputs(&fresh(METADATA))).unwrap();
    assert_eq!((again.files, again.changes), (Vec::new(), Vec::new()));
}

#[test]
fn another_version_of_a_product_needs_another_folder() {
    let other = METADATA.replace("\"version\": \"2024-01-01\"", "\"version\": \"2025-02-02\"");
    let problem = import(&other, &[], &inputs(&fresh(METADATA))).unwrap_err();
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
    // What people decide: text of their own, another limit, a reviewed guess, a secret, a Rust name, a parameter less, a comment.
    edit(&mut files, name, "summary: Creates a shelf.", "summary: Puts up a shelf. # as carpenters say");
    edit(&mut files, name, "rate_limit: 5/s", "rate_limit: 7/s");
    edit(&mut files, name, "  idempotent: The name begins with no verb that only reads.\n", "");
    edit(&mut files, name, "  Price:\n    type: number\n", "  Price:\n    type: number\n    sensitive: true\n");
    edit(&mut files, name, "description: The weight\n", "description: How heavy it is.\n    rust_name: mass\n");
    edit(&mut files, name, "  Notes:\n    type: any\n    description: none\n    example: \"{\\\"any\\\":[1]}\"\n", "");
    let later = import(&a_year_later(), &[], &files).unwrap();

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
    let again = import(&a_year_later(), &[], &files).unwrap();
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
    let imported = import(METADATA, &["match".to_owned()], &files).unwrap();
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
