//! The promises of the specification stage.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Enum, Field, InputFile, PLATFORM, Spec, Type, built_in_platform, parse, parse_platform, schemas};
use crate::diagnostic::{Diagnostic, Severity, render};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The files of a folder; their paths are relative to the repository.
fn folder(path: &str) -> Vec<InputFile> {
    let mut files: Vec<InputFile> = fs::read_dir(repository().join(path))
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            InputFile {
                path: format!("{path}/{}", entry.file_name().to_str().unwrap()),
                bytes: fs::read(entry.path()).unwrap(),
            }
        })
        .collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// A folder below `broken`; one without a product gets a good one.
fn broken(name: &str) -> Vec<InputFile> {
    let path = format!("xtask/fixtures/broken/{name}");
    let mut files = folder(&path);
    if !files.iter().any(|file| file.path.ends_with("product.yaml")) {
        files.push(good_product(&path));
    }
    files
}

fn good_product(folder: &str) -> InputFile {
    InputFile {
        path: format!("{folder}/product.yaml"),
        bytes: fs::read(repository().join("xtask/fixtures/product.yaml")).unwrap(),
    }
}

fn action(bytes: impl Into<Vec<u8>>) -> Vec<InputFile> {
    let file = InputFile { path: "spec/Greet.yaml".to_owned(), bytes: bytes.into() };
    vec![good_product("spec"), file]
}

fn valid(path: &str) -> Spec {
    let (spec, findings) = parse(&folder(path));
    assert!(findings.is_empty(), "{}", render(&findings, false));
    spec.unwrap()
}

/// The findings in files that must not give a specification.
fn errors(files: &[InputFile]) -> Vec<Diagnostic> {
    let (spec, findings) = parse(files);
    assert!(spec.is_none(), "{}", render(&findings, false));
    assert!(findings.iter().any(|finding| finding.severity == Severity::Error));
    complete(&findings);
    findings
}

/// Every finding says what, where and what to do.
fn complete(findings: &[Diagnostic]) {
    for finding in findings {
        assert!(!finding.message.is_empty(), "{finding:?}");
        assert!(!finding.label.is_empty(), "{finding:?}");
        assert!(!finding.help.is_empty(), "{finding:?}");
        let text = render(std::slice::from_ref(finding), false);
        assert!(text.contains(&format!("--> {}:", finding.span.source.path)), "{text}");
        assert!(text.contains("help: "), "{text}");
    }
}

/// One test for each folder of broken specifications, whose findings are kept as they look.
macro_rules! broken {
    ($($promise:ident: $folder:literal,)*) => {$(
        #[test]
        fn $promise() {
            insta::assert_snapshot!($folder, render(&errors(&broken($folder)), false));
        }
    )*};
}

broken! {
    an_unknown_key_is_an_error_that_suggests_the_known_one: "unknown-key",
    a_duplicate_key_is_an_error_that_shows_both_places: "duplicate-key",
    a_value_of_the_wrong_type_is_an_error_that_says_what_to_write: "wrong-type",
    a_missing_key_is_an_error_at_its_owner: "missing-keys",
    an_unknown_word_is_an_error_with_the_known_ones: "unknown-type",
    a_value_that_is_listed_twice_is_an_error: "value-twice",
    an_example_that_does_not_decode_is_an_error_that_names_the_member: "example-does-not-decode",
    an_example_that_is_not_a_json_object_is_an_error_at_its_line: "example-is-not-json",
    a_yaml_bomb_is_an_error_and_nothing_grows: "bomb",
    yaml_that_is_not_part_of_the_language_is_an_error: "not-in-the-language",
    a_second_document_is_an_error: "several-documents",
    an_empty_file_is_an_error: "empty",
    a_file_that_describes_no_action_is_one_error: "not-an-action",
    a_tab_in_the_indentation_is_an_error_at_its_place: "tabs",
    text_that_is_not_yaml_is_an_error_with_advice: "not-yaml",
    deep_nesting_is_an_error: "too-deep",
    findings_of_several_files_come_in_one_run: "several",
    a_rate_limit_that_cannot_be_meant_is_an_error: "rate-limits",
    a_product_is_checked_like_an_action: "product",
    path_and_parameters_of_an_action_must_fit_each_other: "routes",
    a_waiter_asks_what_is_there: "waiters",
    paging_names_what_is_there_and_fits: "paging",
    shapes_must_exist_and_hold_in_examples: "shapes",
    names_that_cannot_be_names_are_errors: "names",
    a_parameter_example_must_fit_its_type: "parameter-examples",
    keys_that_do_not_fit_the_type_are_errors: "type-keys",
}

#[test]
fn what_is_wrong_about_the_platform_is_an_error_that_says_what_to_write() {
    let wrong = |bytes: &[u8]| {
        let (platform, findings) = parse_platform(&InputFile { path: PLATFORM.to_owned(), bytes: bytes.to_vec() });
        assert!(platform.is_none());
        complete(&findings);
        render(&findings, false)
    };
    insta::assert_snapshot!("platform", wrong(&broken("platform")[0].bytes));
    insta::assert_snapshot!("no-platform", wrong(b"product: cams\n"));
    wrong(b"");
}

#[test]
fn only_what_can_only_mean_success_is_a_code_of_success() {
    let platform = built_in_platform().unwrap();
    for code in ["OK", "ok", "Successful", "200", "299", "0", "000000"] {
        assert!(platform.is_success(code), "{code}");
    }
    for code in ["", "300", "199", "-200", "+200", "2000", "99999999999999999999", "NotOK", "true", "1"] {
        assert!(!platform.is_success(code), "{code}");
    }
}

#[test]
fn every_folder_of_broken_specifications_is_tested() {
    let source = include_str!("tests.rs");
    for entry in fs::read_dir(repository().join("xtask/fixtures/broken")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        assert!(entry.path().is_file() || source.contains(&format!("\"{name}\"")), "{name}");
    }
}

#[test]
fn a_value_that_is_not_documented_is_a_warning_and_no_error() {
    let (spec, findings) = parse(&broken("warnings"));
    assert!(spec.is_some());
    complete(&findings);
    assert!(findings.iter().all(|finding| finding.severity == Severity::Warning));
    insta::assert_snapshot!("warnings", render(&findings, false));
}

#[test]
fn bytes_that_are_not_utf8_are_an_error_with_line_and_column() {
    let mut bytes = broken("unknown-key")[0].bytes.clone();
    let at = bytes.windows(5).position(|window| window == b"hello").unwrap();
    bytes[at] = 0xff;
    insta::assert_snapshot!("not-utf8", render(&errors(&action(bytes)), false));
}

#[test]
fn a_folder_without_a_product_is_an_error_at_the_missing_file() {
    let files = folder("xtask/fixtures/broken/several-documents");
    insta::assert_snapshot!("no-product", render(&errors(&files), false));
    errors(&[]);
}

#[test]
fn a_product_without_actions_is_a_warning() {
    let (spec, findings) = parse(&[good_product("spec")]);
    assert!(spec.is_some());
    insta::assert_snapshot!("no-actions", render(&findings, false));
}

#[test]
fn invisible_characters_are_errors_at_their_place() {
    for character in ['\0', '\u{7}', '\u{85}', '\u{202e}'] {
        let text = good_action().replace("hello", &format!("he{character}llo"));
        let findings = errors(&action(text.clone()));
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].span.range.start, text.find(character).unwrap());
    }
}

#[test]
fn a_huge_file_is_an_error_and_is_not_read() {
    let findings = errors(&action(vec![b'#'; (1 << 20) + 1]));
    assert_eq!(findings.len(), 1);
    assert!(findings[0].message.contains("1048577 bytes"));
}

#[test]
fn many_findings_are_counted_and_not_all_shown() {
    let mut text = good_action();
    for index in 0..500 {
        writeln!(text, "unknown{index}: 1").unwrap();
    }
    let findings = errors(&action(text));
    assert_eq!(findings.len(), 51);
    assert_eq!(findings[50].message, "450 more findings in this file");
}

fn good_action() -> String {
    fs::read_to_string(repository().join("xtask/fixtures/kitchen-sink/Greet.yaml")).unwrap()
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_change_nothing() {
    let plain = good_action();
    let windows = format!("\u{feff}{}", plain.replace('\n', "\r\n"));
    let (plain, _) = parse(&action(plain));
    let (windows, findings) = parse(&action(windows));
    assert!(findings.is_empty(), "{}", render(&findings, false));
    let (plain, windows) = (plain.unwrap(), windows.unwrap());
    assert_eq!(plain.actions[0].example, windows.actions[0].example);
    assert_eq!(plain.actions[0].description, windows.actions[0].description);
}

#[test]
fn no_prefix_of_a_file_makes_the_stage_panic() {
    let text = good_action();
    for end in 0..text.len() {
        let (_, findings) = parse(&action(&text.as_bytes()[..end]));
        complete(&findings);
    }
}

#[test]
fn no_damaged_byte_makes_the_stage_panic() {
    let files = folder("xtask/fixtures/kitchen-sink");
    // A linear congruential generator: the same damage in every run.
    let mut state = 1_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let likely = b"\0\t\n\r \"'#&*!|>%@`{}[]:,-?~<\x80\xc3\xff0aZ";
    for _ in 0..300 {
        let mut damaged = files.clone();
        for _ in 0..=random(3) {
            let file = random(damaged.len());
            let at = random(damaged[file].bytes.len());
            damaged[file].bytes[at] = likely[random(likely.len())];
        }
        complete(&parse(&damaged).1);
    }
}

#[test]
fn the_cams_specification_is_valid_without_warnings() {
    let spec = valid("api-spec/cams");
    let action = |name: &str| spec.actions.iter().find(|action| action.name.value == name).unwrap();
    let (sync, migrate) = (action("ChatappSyncPhoneNumber"), action("CreateChatappMigrationInitiate"));
    // The documented address really ends with a line break.
    assert!(sync.example.contains(r#""https://www.alibaba.com/inbound\n""#));
    assert_eq!(sync.errors.len(), 4);
    assert!(sync.idempotent && !migrate.idempotent);
}

#[test]
fn every_specification_in_the_repository_is_valid_without_warnings() {
    for product in std::fs::read_dir(repository().join("api-spec")).unwrap() {
        let path = product.unwrap().path();
        if path.join("product.yaml").exists() {
            valid(&format!("api-spec/{}", path.file_name().unwrap().to_str().unwrap()));
        }
    }
}

#[test]
fn what_sts_gives_out_and_takes_in_is_sensitive() {
    let spec = valid("api-spec/sts");
    let secrets = ["AccessKeyId", "AccessKeySecret", "SecurityToken"];
    let mut found = 0;
    for action in &spec.actions {
        for parameter in &action.parameters {
            assert_eq!(parameter.sensitive, parameter.name.value == "OIDCToken", "{}", parameter.name.value);
        }
        for field in &action.response {
            if let Type::Object(object) = &field.ty {
                for field in &object.fields {
                    assert_eq!(field.sensitive, secrets.contains(&field.name.value.as_str()), "{}", field.name.value);
                    found += usize::from(field.sensitive);
                }
            }
        }
    }
    assert_eq!(found, 6);
    let signed: Vec<bool> = spec.actions.iter().map(|action| !action.anonymous).collect();
    assert_eq!(signed, [true, false, true]);
}

#[test]
fn phone_numbers_of_cams_are_sensitive() {
    fn check(fields: &[Field]) -> usize {
        let inner = |ty: &Type| match ty {
            Type::Object(object) => check(&object.fields),
            Type::Array(items) => match &**items {
                Type::Object(object) => check(&object.fields),
                _ => 0,
            },
            _ => 0,
        };
        fields
            .iter()
            .map(|field| {
                assert_eq!(field.sensitive, field.name.value == "PhoneNumber", "{}", field.name.value);
                usize::from(field.sensitive) + inner(&field.ty)
            })
            .sum()
    }
    let spec = valid("api-spec/cams");
    assert_eq!(spec.actions.iter().map(|action| check(&action.response)).sum::<usize>(), 2);
    for parameter in spec.actions.iter().flat_map(|action| &action.parameters) {
        assert_eq!(parameter.sensitive, parameter.name.value == "MobileNumber");
        assert!(parameter.required);
    }
}

#[test]
fn the_kitchen_sink_is_valid_and_keeps_every_fact() {
    let spec = valid("xtask/fixtures/kitchen-sink");
    insta::assert_snapshot!("kitchen-sink", outline(&spec));
}

#[test]
fn every_name_of_the_obstacle_course_is_valid() {
    let spec = valid("xtask/fixtures/obstacles");
    insta::assert_snapshot!("obstacles", outline(&spec));
}

/// The specification without its places, which are the findings' business.
fn outline(spec: &Spec) -> String {
    let text = format!("{spec:#?}");
    let mut outline = String::new();
    let mut hidden = None;
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        match hidden {
            Some(depth) if indent > depth => {}
            Some(_) => hidden = None,
            None if line.ends_with("span: Span {") => hidden = Some(indent),
            None => {
                outline.push_str(line);
                outline.push('\n');
            }
        }
    }
    outline
}

#[test]
fn places_point_at_the_text_they_belong_to() {
    let spec = valid("xtask/fixtures/kitchen-sink");
    let greet = spec.actions.iter().find(|action| action.name.value == "Greet").unwrap();
    for parameter in &greet.parameters {
        let span = &parameter.name.span;
        assert_eq!(&span.source.text[span.range.clone()], parameter.name.value);
        if let Type::Enum(Enum { values, .. }) = &parameter.ty {
            for value in values {
                let span = &value.value.span;
                let written = &span.source.text[span.range.clone()];
                assert!(written == value.value.value || written.starts_with('"'), "{written}");
            }
        }
    }
}

#[test]
fn the_schemas_in_the_repository_are_those_of_the_types() {
    for (path, text) in schemas() {
        let file = repository().join(&path);
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, &text).unwrap();
        }
        assert_eq!(fs::read_to_string(&file).unwrap_or_default(), text, "{path}");
    }
}

#[test]
fn the_fixtures_use_every_key_and_every_word_of_the_language() {
    fn collect(schema: &serde_json::Value, words: &mut Vec<String>) {
        if let Some(properties) = schema["properties"].as_object() {
            words.extend(properties.keys().map(|key| format!("{key}:")));
        }
        let choices = schema["enum"].as_array().into_iter().flatten();
        words.extend(choices.filter_map(|word| word.as_str()).map(|word| format!(": {word}")));
        let members = schema.as_object().into_iter().flat_map(|object| object.values());
        members.for_each(|member| collect(member, words));
    }
    // One has the RPC style, the other the ROA style.
    let files = ["kitchen-sink", "library", "warehouse"].map(|name| folder(&format!("xtask/fixtures/{name}")));
    let text: String = files.into_iter().flatten().map(|file| String::from_utf8(file.bytes).unwrap()).collect();
    let text = text + &fs::read_to_string(repository().join(PLATFORM)).unwrap();
    let mut words = Vec::new();
    for (_, schema) in schemas() {
        collect(&serde_json::from_str(&schema).unwrap(), &mut words);
    }
    // They need not have every access level.
    let levels = [": create", ": update", ": write", ": get"];
    for word in words {
        assert!(text.contains(&word) || levels.contains(&word.as_str()), "{word}");
    }
}

#[test]
fn the_example_in_the_readme_is_valid_and_its_error_looks_like_that() {
    let readme = fs::read_to_string(repository().join("api-spec/README.md")).unwrap();
    let block = |fence: &str| {
        let (_, rest) = readme.split_once(fence).unwrap();
        rest.split_once("```").unwrap().0.to_owned()
    };
    let file = |name: &str, text: &str| {
        let file = InputFile { path: format!("api-spec/kitchen/{name}.yaml"), bytes: text.into() };
        vec![good_product("api-spec/kitchen"), file]
    };
    let files = |text: &str| file("CookDish", text);
    let with_path = block("```yaml\naction: ScaleNodePool");
    let (spec, findings) = parse(&file("ScaleNodePool", &format!("action: ScaleNodePool{with_path}")));
    assert!(spec.is_some() && findings.is_empty(), "{}", render(&findings, false));
    let example = block("```yaml\n# yaml-language-server");
    let example = format!("# yaml-language-server{example}");
    let (spec, findings) = parse(&files(&example));
    assert!(spec.is_some() && findings.is_empty(), "{}", render(&findings, false));

    let mistyped = example.replacen("required: true, description", "descripton", 1);
    let shown = render(&errors(&files(&mistyped)), false);
    let start = readme.find("error: unknown key").unwrap();
    let (expected, _) = readme[start..].split_once(" `values`, …").unwrap();
    assert!(shown.contains(expected), "{shown}");
}
