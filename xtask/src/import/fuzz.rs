//! Property tests: for any metadata and any specification, import and generation end with valid Rust or with an error.
//!
//! `PROPTEST_CASES=10000 cargo test --release -p xtask fuzz` runs longer.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::{Value, json};

use super::{LOCK, import};
use crate::generate::{Failure, generate_crate};
use crate::spec::InputFile;

const METADATA: &str = include_str!("../../fixtures/imported/api-docs.json");

/// A product of the ROA style.
const WITH_PATHS: &str = include_str!("../../fixtures/imported-roa/api-docs.json");

fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(48);
    ProptestConfig { cases, rng_seed: RngSeed::Fixed(7), failure_persistence: None, ..ProptestConfig::default() }
}

/// Values that occur in metadata, and some that do not.
fn any_value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        Just(""),
        Just("string"),
        Just("object"),
        Just("array"),
        Just("integer"),
        Just("boolean"),
        Just("any"),
        Just("int32"),
        Just("iso8601"),
        Just("#/components/schemas/Cook"),
        Just("#/components/schemas/Circle"),
        Just("#/components/schemas/None"),
        Just("json"),
        Just("repeatList"),
        Just("flat"),
        Just("simple"),
        Just("query"),
        Just("formData"),
        Just("path"),
        Just("body"),
        Just("header"),
        Just("host"),
        Just("/a/{depot_id}"),
        Just("none"),
        Just("type"),
        Just("Self"),
        Just("self"),
        Just("Output"),
        Just("_"),
        Just(" "),
        Just("\t"),
        Just("\u{202e}"),
        Just("\n"),
        Just("*/"),
        Just("\"#"),
        Just("```"),
        Just("[`x`]"),
        Just("<b"),
        Just("10次/秒"),
        Just("99999999999 times per second"),
        Just("{\"a\":[1,{\"b\":null}]}"),
        Just("[{\"type\":\"json\",\"example\":\"{\\\"Name\\\":1}\"}]"),
        Just("中文"),
        Just("1e999"),
    ];
    let leaf = prop_oneof![
        text.prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
        Just(json!({})),
        Just(json!([])),
    ];
    let key = prop_oneof![
        Just("type".to_owned()),
        Just("properties".to_owned()),
        Just("items".to_owned()),
        Just("$ref".to_owned()),
        Just("enum".to_owned()),
        Just("enumValueTitles".to_owned()),
        Just("additionalProperties".to_owned()),
        Just("itemNode".to_owned()),
        Just("name".to_owned()),
        Just("in".to_owned()),
        Just("schema".to_owned()),
        Just("description".to_owned()),
        any::<String>(),
    ];
    leaf.prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..5)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

/// A change at one place of a tree.
#[derive(Debug, Clone)]
enum Damage {
    Replace(Value),
    Remove,
    Rename(String),
    /// Copies the value of another place.
    Copy(u32),
    /// Puts it inside itself.
    Nest(u8),
}

fn any_damage() -> impl Strategy<Value = Damage> {
    let name = prop_oneof![
        any::<String>(),
        Just("Self".to_owned()),
        Just("a.b".to_owned()),
        Just("ownerid".to_owned()),
        Just("$body".to_owned())
    ];
    prop_oneof![
        3 => any_value().prop_map(Damage::Replace),
        1 => Just(Damage::Remove),
        2 => name.prop_map(Damage::Rename),
        2 => any::<u32>().prop_map(Damage::Copy),
        1 => (1_u8..60).prop_map(Damage::Nest),
    ]
}

fn size(value: &Value) -> u32 {
    1 + match value {
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(members) => members.values().map(size).sum(),
        _ => 0,
    }
}

/// The value at a place, counted from the outside.
fn at(value: &Value, mut place: u32) -> Option<&Value> {
    if place == 0 {
        return Some(value);
    }
    place -= 1;
    let children: Vec<&Value> = match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(members) => members.values().collect(),
        _ => Vec::new(),
    };
    for child in children {
        let inside = size(child);
        if place < inside {
            return at(child, place);
        }
        place -= inside;
    }
    None
}

fn damage(value: &mut Value, mut place: u32, damage_: &Damage, copy: &Value) {
    if place == 0 {
        match damage_ {
            Damage::Replace(with) => *value = with.clone(),
            Damage::Copy(_) => *value = copy.clone(),
            Damage::Nest(times) => {
                for _ in 0..*times {
                    *value = json!({"type": "object", "properties": {"Inner": value.take()}});
                }
            }
            Damage::Remove | Damage::Rename(_) => {}
        }
        return;
    }
    place -= 1;
    match value {
        Value::Array(items) => {
            for index in 0..items.len() {
                let inside = size(&items[index]);
                if place < inside {
                    if place == 0 && matches!(damage_, Damage::Remove) {
                        items.remove(index);
                    } else {
                        damage(&mut items[index], place, damage_, copy);
                    }
                    return;
                }
                place -= inside;
            }
        }
        Value::Object(members) => {
            let names: Vec<String> = members.keys().cloned().collect();
            for name in names {
                let inside = size(&members[&name]);
                if place < inside {
                    match damage_ {
                        Damage::Remove if place == 0 => {
                            members.remove(&name);
                        }
                        Damage::Rename(new) if place == 0 => {
                            let moved = members.remove(&name).unwrap_or_default();
                            members.insert(new.clone(), moved);
                        }
                        _ => damage(&mut members[&name], place, damage_, copy),
                    }
                    return;
                }
                place -= inside;
            }
        }
        _ => {}
    }
}

/// Imports, generates and imports again: every imported file is accepted, and the second import changes nothing.
fn check(metadata: &str) -> Result<(), TestCaseError> {
    let Ok(imported) = import(metadata, &[], &[], None) else { return Ok(()) };
    let files: Vec<InputFile> = imported
        .files
        .iter()
        .map(|(name, text)| InputFile { path: name.clone(), bytes: text.clone().into_bytes() })
        .collect();
    let again = import(metadata, &[], &files, None).map_err(TestCaseError::fail)?;
    prop_assert!(again.files.is_empty() && again.changes.is_empty(), "{:?} {:?}", again.changes, again.files);
    let sources: Vec<InputFile> = files
        .into_iter()
        .filter(|file| file.path != LOCK)
        .map(|file| InputFile { path: format!("shelf/{}", file.path), bytes: file.bytes })
        .collect();
    match generate_crate(&sources, "path = \"x\"", None) {
        Ok(_) => Ok(()),
        Err(Failure::Findings(findings)) => Err(TestCaseError::fail(crate::diagnostic::render(&findings, false))),
        Err(Failure::Internal(message)) => Err(TestCaseError::fail(message)),
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn whatever_imports_also_generates(
        damages in prop::collection::vec((any::<u32>(), any_damage()), 1..6),
        has_paths in any::<bool>(),
    ) {
        let mut metadata: Value = serde_json::from_str(if has_paths { WITH_PATHS } else { METADATA }).unwrap();
        for (place, one) in &damages {
            let total = size(&metadata);
            let copy = match one {
                Damage::Copy(from) => at(&metadata, from % total).cloned().unwrap_or_default(),
                _ => Value::Null,
            };
            damage(&mut metadata, place % total, one, &copy);
        }
        check(&metadata.to_string())?;
    }

    #[test]
    fn no_damaged_byte_makes_an_import_panic(places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut bytes = METADATA.as_bytes().to_vec();
        for (index, byte) in places {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        check(&String::from_utf8_lossy(&bytes))?;
    }

    #[test]
    fn no_specification_makes_the_generator_panic_or_write_what_is_not_rust(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0_u8..4), 1..6)
    ) {
        let files = import(METADATA, &[], &[], None).unwrap().files;
        let mut files: Vec<(String, Vec<String>)> =
            files.into_iter().filter(|(name, _)| name != LOCK).map(|(name, text)| (name, text.lines().map(str::to_owned).collect())).collect();
        for (file, line, other, what) in edits {
            let lines = &mut files[file.index(3)].1;
            let (line, other) = (line.index(lines.len()), other.index(lines.len()));
            match what {
                0 => drop(lines.remove(line)),
                1 => lines[line] = lines[other].clone(),
                2 => lines.insert(line, lines[other].clone()),
                // The value of another line.
                _ => {
                    let value = lines[other].split_once(": ").map_or("none", |(_, value)| value).to_owned();
                    if let Some((key, _)) = lines[line].clone().split_once(": ") {
                        lines[line] = format!("{key}: {value}");
                    }
                }
            }
        }
        let sources: Vec<InputFile> =
            files.into_iter().map(|(name, lines)| InputFile { path: format!("shelf/{name}"), bytes: (lines.join("\n") + "\n").into_bytes() }).collect();
        // Accepted specifications give code that was parsed and counted.
        if let Err(Failure::Internal(message)) = generate_crate(&sources, "path = \"x\"", None) {
            return Err(TestCaseError::fail(message));
        }
    }
}
