//! Promises about the generator as a whole.

use std::fs;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};

use super::*;
use crate::diagnostic::render;
use crate::spec::PLATFORM;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn sources() -> Vec<InputFile> {
    crate::commands::read_sources(root()).unwrap()
}

fn platform() -> InputFile {
    InputFile { path: PLATFORM.to_owned(), bytes: fs::read(root().join(PLATFORM)).unwrap() }
}

/// Generates as it is done in the repository, on the platform as it is.
fn generated(sources: &[InputFile]) -> Generated {
    let mut sources = sources.to_vec();
    if sources.iter().all(|file| file.path != PLATFORM) {
        sources.push(platform());
    }
    match generate(&sources) {
        Ok(generated) => generated,
        Err(Failure::Findings(findings)) => panic!("{}", render(&findings, false)),
        Err(Failure::Internal(message)) => panic!("{message}"),
    }
}

/// The code of the fixtures lies in the repository and is compiled there, so it is its own snapshot.
#[test]
fn the_code_in_the_repository_is_what_the_specifications_say() {
    let differences = generated(&sources()).plan.differences(root()).unwrap();
    let text: String = differences.iter().map(ToString::to_string).collect();
    assert!(text.is_empty(), "run `cargo xtask generate` and review:\n{text}");
}

#[test]
fn generating_twice_gives_the_same_bytes() {
    assert_eq!(generated(&sources()).plan, generated(&sources()).plan);
}

#[test]
fn the_order_of_the_files_does_not_matter() {
    let forwards = sources();
    let mut backwards = forwards.clone();
    backwards.reverse();
    assert_eq!(generated(&forwards).plan, generated(&backwards).plan);
}

/// Only a word that cannot be broken makes a line wide: an address, or a name that is that long.
#[test]
fn a_generated_line_is_wide_only_where_it_cannot_be_broken() {
    let plan = generated(&[sources(), hostile_product()].concat()).plan;
    let mut lines = 0;
    for (path, text) in plan.files().filter(|(path, _)| is_generated_code(path)) {
        // The first line names the source.
        for line in text.lines().skip(1) {
            let longest = line.split([' ', '"', '(']).map(|word| word.chars().count()).max().unwrap_or_default();
            assert!(line.chars().count() <= 100 || longest > 30, "{path}: {line}");
            lines += 1;
        }
    }
    assert!(lines > 1000);
}

fn is_generated_code(path: &str) -> bool {
    let is_rust = Path::new(path).extension().is_some_and(|extension| extension == "rs");
    is_rust && (path.contains("/src/generated/") || path.starts_with("tests/src/"))
}

/// The lines that an edit of a specification changes in the generated code, with `-` or `+` before each.
fn changed_lines(path: &str, edits: &[(&str, &str)]) -> Vec<String> {
    let (folder, _) = path.rsplit_once('/').unwrap();
    let before: Vec<_> = sources().into_iter().filter(|file| file.path.starts_with(&format!("{folder}/"))).collect();
    let after: Vec<_> = before
        .iter()
        .map(|file| {
            let mut text = String::from_utf8(file.bytes.clone()).unwrap();
            if file.path == path {
                for (from, to) in edits {
                    assert_eq!(text.matches(from).count(), 1, "{from}");
                    text = text.replace(from, to);
                }
            }
            InputFile { bytes: text.into_bytes(), ..file.clone() }
        })
        .collect();
    let (before, after) = (generated(&before).plan, generated(&after).plan);
    let mut changes = Vec::new();
    let is_code = |(path, _): &(&str, &str)| path.contains("/src/generated/") || path.starts_with("tests/src/");
    for ((path, old), (other, new)) in before.files().filter(is_code).zip(after.files().filter(is_code)) {
        assert_eq!(path, other);
        for change in similar::TextDiff::from_lines(old, new).iter_all_changes() {
            if change.tag() != similar::ChangeTag::Equal {
                changes.push(format!("{}{}", change.tag(), change.value().trim()));
            }
        }
    }
    changes
}

/// A review of generated code is a review of the facts that changed: no line of another fact is touched.
#[test]
fn an_edit_changes_the_lines_of_its_fact_and_no_others() {
    /// Edits of a specification as pairs of texts, and the lines that they change.
    type Row = (&'static [(&'static str, &'static str)], &'static [&'static str]);
    let table: [Row; 9] = [
        (
            &[("description: The message queue that receives status reports.", "description: The queue of reports.")],
            &["-/// The message queue that receives status reports.", "+/// The queue of reports."],
        ),
        (
            &[(
                "            GREEN: High quality.\n",
                "            GREEN: High quality.\n            BLUE: The best quality.\n",
            )],
            &["+/// The best quality.", "+Blue = \"BLUE\","],
        ),
        (
            &[(
                "        StatusQueue:\n",
                "        Age: { type: number, description: The age. }\n        StatusQueue:\n",
            )],
            &["+/// The age.", "+#[wire(\"Age\")]", "+pub age: Option<f64>,"],
        ),
        (
            &[("        VerifiedName:\n", "        VerifiedName:\n          sensitive: true\n")],
            &["-#[wire(\"VerifiedName\")]", "+#[wire(\"VerifiedName\", sensitive)]"],
        ),
        (
            &[("              format: int64\n", "              format: int32\n")],
            &["-pub max_talk_time: Option<i64>,", "+pub max_talk_time: Option<i32>,"],
        ),
        (
            &[("    example: \"293483938849493\"", "    example: \"7\"")],
            &[
                "-/// let request = ChatappSyncPhoneNumber::new(\"293483938849493\");",
                "+/// let request = ChatappSyncPhoneNumber::new(\"7\");",
                "-#[example = \"293483938849493\"]",
                "+#[example = \"7\"]",
            ],
        ),
        (
            &[("response:\n", "  OwnerId: { type: integer, description: The owner., example: none }\nresponse:\n")],
            &["+/// The owner.", "+#[wire(\"OwnerId\")]", "+#[takes(i64)]", "+pub owner_id: Option<i64>,"],
        ),
        (
            &[("        StatusQueue:\n", "        StatusQueue:\n          deprecated: Use `UpQueue`.\n")],
            &[
                "+#[deprecated = \"Use `UpQueue`.\"]",
                "+#![allow(deprecated, reason = \"deprecated items are declared and exported here\")]",
            ],
        ),
        (
            &[("rate_limit: 10/s", "rate_limit: 20/s")],
            &[
                "-| [`ChatappSyncPhoneNumber`] | Syncs the state of all phone numbers of a space with WhatsApp and returns them. | 10/s | yes |",
                "+| [`ChatappSyncPhoneNumber`] | Syncs the state of all phone numbers of a space with WhatsApp and returns them. | 20/s | yes |",
                "-/// - At most 10 requests per second per account.",
                "+/// - At most 20 requests per second per account.",
                "-rate_limit: Some(RateLimit::per_second(10)),",
                "+rate_limit: Some(RateLimit::per_second(20)),",
            ],
        ),
    ];
    for (edits, expected) in table {
        assert_eq!(changed_lines("api-spec/cams/ChatappSyncPhoneNumber.yaml", edits), expected, "{edits:?}");
    }
}

/// The same for a fact of every kind, read in review.
#[test]
fn an_edit_of_each_kind_changes_the_lines_of_its_fact() {
    let put = "warehouse/StoreGoods.yaml";
    let gate = "warehouse/OpenGate.yaml";
    let house = "warehouse/product.yaml";
    let cook = "kitchen-sink/CookDish.yaml";
    let kitchen = "kitchen-sink/product.yaml";
    let table = [
        (put, "summary: Puts goods on a shelf.", "summary: Puts goods away."),
        (put, "idempotent: false", "description: Not food.\nidempotent: false"),
        (put, "idempotent: false", "idempotent: true"),
        (put, "unknown_outcome: Ask `ListGoods` whether they are there.\n", ""),
        (put, "rate_limit: 10/s", "rate_limit: none"),
        (put, "authorization: { action: \"warehouse:StoreGoods\", access: create }", "authorization: none"),
        (put, "method: put", "method: patch"),
        (put, "/shelves/{shelf}:store", "/shelves/{shelf}"),
        (put, "DryRun: { type: boolean, ", "DryRun: { type: boolean, required: true, "),
        (put, "DryRun: { type: boolean, ", "DryRun: { type: boolean, location: header, "),
        (put, "DryRun: { type: boolean, ", "DryRun: { type: boolean, rust_name: only_checks, "),
        (put, "DryRun: { type: boolean, ", "DryRun: { type: boolean, deprecated: Store them., "),
        (
            put,
            "DryRun: { type: boolean, description: Only checks., example: true }",
            "DryRun: { type: string, description: Only checks., example: x }",
        ),
        (put, "style: simple", "style: flat"),
        (put, "sensitive: true, description: Whose turn it is.", "description: Whose turn it is."),
        (put, "description: On which shelf.", "description: On the shelf."),
        (put, "shelf: { type: integer, format: int32", "shelf: { type: integer, format: int64"),
        (
            put,
            "      labels: { type: object, additional: { type: string }, description: What is written on them. }\n",
            "",
        ),
        (
            put,
            "id: { type: string, description: The ID of the goods. }",
            "id: { type: string, rust_name: goods_id, description: The ID of the goods. }",
        ),
        (
            put,
            "id: { type: string, description: The ID of the goods. }",
            "id: { type: any, description: The ID of the goods. }",
        ),
        (
            put,
            "{ status: 409, message: The shelf is full., description: Take another one. }",
            "{ status: 400, message: The shelf is full., description: Take another one. }",
        ),
        (
            put,
            "{ status: 409, message: The shelf is full., description: Take another one. }",
            "{ status: 409, message: The shelf is full., description: Take another one., throttling: true }",
        ),
        (put, "  Shelf.Full: { status", "  Shelf.Gone: { status: 404, message: No shelf. }\n  Shelf.Full: { status"),
        (put, "\"id\": \"g-1\"", "\"id\": \"g-2\""),
        (gate, "success_code: \"200\"", "success_code: OK"),
        (gate, "idempotent: false", "anonymous: true\nidempotent: false"),
        (gate, "idempotent: false", "deprecated: Climb.\nidempotent: false"),
        (gate, "success_code: \"200\"", "success_code: \"200\"\nguessed: { idempotent: It says so. }"),
        (house, "title: Warehouse", "title: Store"),
        (house, "version: \"2023-04-05\"", "version: \"2024-04-05\""),
        (house, "default_region: here-1", "default_region: here-2"),
        (house, "public: \"warehouse.{region}", "public: \"store.{region}"),
        (house, "public:", "central: warehouse.example.com\n  public:"),
        (house, "public:", "regions: { there-1: { public: there.example.com } }\n  public:"),
        (house, "errors:", "success_code: OK\nerrors:"),
        (house, "message: The gate is jammed.", "message: The gate does not move."),
        (cook, "DRY: { description: From the bag., deprecated: Use `FRESH`. }", "DRY: From the bag."),
        (cook, "FRESH: From the garden.", "FRESH: { description: From the garden., rust_name: Green }"),
        (cook, "type_name: CookedDish", "type_name: Meal"),
        ("library/ListBooks.yaml", ", size: MaxResults", ""),
        ("kitchen-sink/Taste.yaml", "bound: 1s", "bound: 5s"),
        (kitchen, "description: What the cook works with.", "description: The tools."),
        (kitchen, "SAD: { description: Feels bad., rust_name: Gloomy }", "SAD: Feels bad."),
    ];
    let mut review = String::new();
    for (file, from, to) in table {
        let lines = changed_lines(&format!("xtask/fixtures/{file}"), &[(from, to)]);
        assert!(!lines.is_empty(), "{file}: {from} -> {to}");
        review += &format!("{file}: {from} -> {to}\n    {}\n", lines.join("\n    "));
    }
    insta::assert_snapshot!(review);
}

#[test]
fn one_wrong_specification_keeps_everything_from_being_generated() {
    let mut files = sources();
    let wrong = InputFile { path: "api-spec/cams/Wrong.yaml".to_owned(), bytes: b"action: Wrong\n".to_vec() };
    files.push(wrong.clone());
    files.push(InputFile { path: "api-spec/other/Wrong.yaml".to_owned(), ..wrong });
    let Err(Failure::Findings(findings)) = generate(&files) else { panic!("accepted") };
    let files: std::collections::BTreeSet<_> =
        findings.iter().map(|finding| finding.span.source.path.as_str()).collect();
    assert!(files.contains("api-spec/cams/Wrong.yaml") && files.contains("api-spec/other/Wrong.yaml"), "{files:?}");
}

#[test]
fn without_a_sound_description_of_the_platform_nothing_is_generated() {
    let without: Vec<_> = sources().into_iter().filter(|file| file.path != PLATFORM).collect();
    let wrong = InputFile { bytes: b"success: {}\n".to_vec(), ..platform() };
    for files in [without.clone(), [without, vec![wrong]].concat()] {
        let Err(Failure::Findings(findings)) = generate(&files) else { panic!("accepted") };
        assert!(findings.iter().all(|finding| finding.span.source.path == PLATFORM), "{}", render(&findings, false));
    }
}

/// Each product has the codes of the platform, and where it describes one itself, its own description.
#[test]
fn an_edit_of_the_platform_reaches_the_runtime_and_every_product() {
    let mut files = sources();
    let old = "  Throttling:\n    status: 400\n";
    let new = format!("  Gateway.Asleep:\n    status: 503\n    message: The gateway sleeps.\n{old}");
    let file = files.iter_mut().find(|file| file.path == PLATFORM).unwrap();
    file.bytes = String::from_utf8(file.bytes.clone()).unwrap().replace(old, &new).into_bytes();
    let (before, after) = (generated(&sources()).plan, generated(&files).plan);
    let changed: Vec<_> =
        before.files().zip(after.files()).filter(|(old, new)| old != new).map(|((path, _), _)| path).collect();
    let errors = [
        "crates/cams/src/generated",
        "crates/sts/src/generated",
        "tests/src/imported",
        "tests/src/kitchen_sink",
        "tests/src/library",
    ];
    let errors = errors
        .iter()
        .chain(&["tests/src/imported_roa", "tests/src/obstacles", "tests/src/warehouse"])
        .map(|folder| format!("{folder}/errors.rs"));
    let mut expected: Vec<String> = errors.collect();
    expected.push("crates/runtime/src/platform/table.rs".to_owned());
    expected.sort();
    assert_eq!(changed, expected);
    let text = |path: &str| after.files().find(|(known, _)| *known == path).unwrap().1.to_owned();
    assert!(text("crates/cams/src/generated/errors.rs").contains("GatewayAsleep = \"Gateway.Asleep\""));
    // The kitchen says itself what `Throttling` is.
    let kitchen = text("tests/src/kitchen_sink/errors.rs");
    assert!(kitchen.contains("Too many dishes.") && !kitchen.contains("Too many requests were sent in a short time."));
}

#[test]
fn a_lost_row_is_an_internal_error() {
    let files: Vec<_> =
        sources().into_iter().filter(|file| file.path.starts_with("xtask/fixtures/kitchen-sink/")).collect();
    let (spec, _) = spec::parse(&files);
    let spec = spec.unwrap();
    let mut texts = emit::files(&model::build(&spec, false).unwrap(), "conformance::kitchen_sink");
    assert_eq!(verify(&spec, &texts), Ok(()));
    for (_, text) in &mut texts {
        let lost = ["What is said: ", "\"Greeting\"", "pub greeting"];
        *text = text.lines().filter(|line| !lost.iter().any(|part| line.contains(part))).collect::<Vec<_>>().join("\n");
    }
    assert!(verify(&spec, &texts).unwrap_err().contains("members"));
    texts[0].1 = "fn".to_owned();
    assert!(verify(&spec, &texts).unwrap_err().contains("is not Rust"));
}

/// Text that would do harm as code, as a comment or as an attribute.
const HOSTILE: &str = "\"#}}; hostile!(); /* */ // \\\" \\u{41} ``` \n# ` ]] {{ hostile } \n \"##";

/// And a value that would also do harm on a screen; the specification stage lets such characters pass in values only.
const HOSTILE_VALUE: &str = "\"#}}; hostile!(); /* */ // \\\" hostile \u{202e}\u{2066}\u{0}\u{feff} \r\n \"##";

fn hostile_product() -> Vec<InputFile> {
    let json = |text: &str| {
        let escaped = |c: char| if c.is_ascii() { c.to_string() } else { format!("\\u{:04x}", u32::from(c)) };
        serde_json::Value::from(text).to_string().chars().map(escaped).collect::<String>()
    };
    let hostile = json(HOSTILE);
    let value = json(HOSTILE_VALUE);
    let name = json("x\"; hostile(); \"");
    let product = format!(
        r#"{{"product": "shop", "title": {hostile}, "version": "2024-01-01", "documentation": "https://example.com/shop",
            "default_region": "cn-hangzhou",
            "endpoints": {{"public": "shop.{{region}}.example.com", "vpc": "shop-vpc.{{region}}.example.com"}},
            "shapes": {{"Shape": {{"type": "object", "description": {hostile}, "fields":
                {{{name}: {{"type": "string", "description": {hostile}}}}}}}}},
            "errors": {{{name}: {{"status": 400, "message": {hostile}, "description": {hostile}}}}}}}"#
    );
    let action = format!(
        r#"{{"action": "Sell", "summary": {hostile}, "description": {hostile}, "idempotent": true, "unknown_outcome": {hostile}, "rate_limit": "none",
            "authorization": {{"action": "shop:Sell", "access": "list", "resource": {name}}}, "deprecated": {hostile},
            "parameters": {{{name}: {{"type": "string", "required": true, "description": {hostile}, "example": {value}}}}},
            "response": {{{name}: {{"type": "string", "description": {hostile}, "values":
                {{{name}: {hostile}, {value}: {hostile}}}}}}},
            "errors": {{}}, "example": {}}}"#,
        json(&format!("{{{name}: {value}}}"))
    );
    vec![
        InputFile { path: "api-spec/shop/product.yaml".to_owned(), bytes: product.into() },
        InputFile { path: "api-spec/shop/Sell.yaml".to_owned(), bytes: action.into() },
    ]
}

/// All identifiers, in macro calls too.
fn identifiers(tokens: TokenStream) -> Vec<String> {
    tokens
        .into_iter()
        .flat_map(|token| match token {
            TokenTree::Group(group) => identifiers(group.stream()),
            TokenTree::Ident(ident) => vec![ident.to_string()],
            TokenTree::Literal(_) | TokenTree::Punct(_) => Vec::new(),
        })
        .collect()
}

#[test]
fn hostile_text_never_becomes_code() {
    let plan = generated(&hostile_product()).plan;
    let mut checked = 0;
    for (path, text) in plan.files().filter(|(path, _)| path.starts_with("crates/shop/")) {
        let visible = |c: char| c == '\n' || !emit::is_invisible(c);
        assert!(text.chars().all(visible), "{path} has characters that cannot be seen");
        // What is not Rust has the texts on the lines that are for them.
        if let Some((_, lines)) =
            [("actions.md", 5), ("README.md", 19), ("Cargo.toml", 45)].iter().find(|(name, _)| path.ends_with(name))
        {
            assert_eq!(text.lines().count(), *lines, "{path}:\n{text}");
            continue;
        }
        let tokens: TokenStream = text.parse().unwrap();
        assert!(!identifiers(tokens).contains(&"hostile".to_owned()), "{path}:\n{text}");
        checked += 1;
    }
    assert_eq!(checked, 6);
}

#[test]
fn examples_of_required_parameters_are_rust_of_their_type() {
    let product = r#"{"product": "shop", "title": "Shop", "version": "2024-01-01", "documentation": "https://example.com/shop",
        "default_region": "cn-hangzhou",
        "endpoints": {"public": "shop.{region}.example.com", "vpc": "shop-vpc.{region}.example.com"}}"#;
    let parameters = [
        ("A", r#""type": "integer""#, "7", ".a(7)"),
        ("B", r#""type": "integer""#, "9000000000", ".b(9000000000)"),
        ("C", r#""type": "number""#, "2", ".c(2.0)"),
        ("D", r#""type": "boolean""#, "true", ".d(true)"),
        ("E", r#""type": "string", "values": {"x": "X."}"#, "x", ".e(\"x\")"),
        ("F", r#""type": "array", "items": {"type": "integer"}"#, "[1]", ".f(vec![1])"),
        (
            "G",
            r#""type": "object", "additional": {"type": "string", "values": {"x": "X."}}"#,
            r#"{"k":"x"}"#,
            ".g(std::collections::BTreeMap::from([(\"k\".to_owned(), alibabacloud_shop::sell::G::from(\"x\"))]))",
        ),
        (
            "H",
            r#""type": "object", "fields": {"I": {"type": "string", "description": "D."}}"#,
            "{}",
            ".h(alibabacloud_shop::sell::H::default())",
        ),
        ("J", r#""type": "any""#, "[1]", ".j(\"[1]\".parse::<alibabacloud_runtime::Json>().expect(\"JSON\"))"),
    ];
    let rows = parameters.map(|(name, facts, example, _)| {
        let example = serde_json::Value::from(example);
        format!(r#""{name}": {{{facts}, "required": true, "description": "D.", "example": {example}}}"#)
    });
    let action = format!(
        r#"{{"action": "Sell", "summary": "Sells.", "idempotent": true, "rate_limit": "none", "authorization": "none",
        "parameters": {{{}}}, "response": {{}}, "errors": {{}}, "example": "{{}}"}}"#,
        rows.join(", ")
    );
    let files = [
        InputFile { path: "api-spec/shop/product.yaml".to_owned(), bytes: product.into() },
        InputFile { path: "api-spec/shop/Sell.yaml".to_owned(), bytes: action.into() },
    ];
    let plan = generated(&files).plan;
    let (_, text) = plan.files().find(|(path, _)| path.ends_with("/sell.rs")).unwrap();
    let packed = |text: &str| text.replace("///", "").replace([' ', '\n'], "").replace(",)", ")").replace(",]", "]");
    for (.., setter) in parameters {
        assert!(packed(text).contains(&packed(setter)), "{setter}:\n{text}");
    }
}

/// A product with this many actions.
fn crate_files(actions: usize) -> Vec<InputFile> {
    let product = r#"{"product": "shop", "title": "Shop", "version": "2024-01-01", "documentation": "https://example.com/shop",
        "default_region": "cn-hangzhou",
        "endpoints": {"public": "shop.{region}.example.com", "vpc": "shop-vpc.{region}.example.com"}}"#;
    let mut files = vec![InputFile { path: "shop/product.yaml".to_owned(), bytes: product.into() }];
    for name in ["Sell", "BuyBack", "Full", "match", "List", "Open"].into_iter().take(actions) {
        let action = format!(
            r#"{{"action": "{name}", "summary": "Does it.", "idempotent": true, "rate_limit": "none", "authorization": "none",
            "parameters": {{}}, "response": {{}}, "errors": {{}}, "example": "{{}}"}}"#
        );
        files.push(InputFile { path: format!("shop/{name}.yaml"), bytes: action.into() });
    }
    files
}

/// The same as a separate crate.
fn crate_with(actions: usize) -> Plan {
    match generate_crate(&crate_files(actions), "path = \"../runtime\"", None) {
        Ok(generated) => generated.plan,
        Err(failure) => panic!("{failure:?}"),
    }
}

fn text<'p>(plan: &'p Plan, path: &str) -> &'p str {
    plan.files().find(|(found, _)| *found == path).unwrap_or_else(|| panic!("no {path}")).1
}

#[test]
fn a_crate_with_more_than_a_handful_of_actions_has_a_feature_for_each() {
    let plan = crate_with(6);
    let manifest = text(&plan, "Cargo.toml");
    assert!(manifest.contains("default = [\"aws-lc-rs\", \"reqwest\", \"tracing\", \"full\"]\n"), "{manifest}");
    let features = ["buy-back", "full-action", "list", "open", "sell", "match"];
    let all: String = features.iter().map(|name| format!("    \"{name}\",\n")).collect();
    assert!(manifest.contains(&format!("full = [\n{all}]\n")), "{manifest}");
    for name in features {
        assert!(manifest.contains(&format!("\n{name} = []\n")), "{manifest}");
        // The module, what it gives to the root, its facts, its test.
        let condition = format!("#[cfg(feature = \"{name}\")]");
        assert_eq!(text(&plan, "src/generated/mod.rs").matches(&condition).count(), 3, "{name}");
        assert_eq!(text(&plan, "tests/documented.rs").matches(&condition).count(), 1, "{name}");
    }

    let plan = crate_with(5);
    assert!(text(&plan, "Cargo.toml").contains("default = [\"aws-lc-rs\", \"reqwest\", \"tracing\"]\n"));
    assert!(plan.files().all(|(_, text)| !text.contains("cfg(feature = \"sell\")")));
}

#[test]
fn a_new_crate_offers_what_the_shipping_one_does() {
    let shipping = |path: &str| {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        std::fs::read_to_string(root.join("crates/cams").join(path)).unwrap()
    };
    let plan = crate_with(1);
    let features = |manifest: &str| {
        let (_, rest) = manifest.split_once("[features]\n").unwrap();
        let lines = rest.split_once("\n[").unwrap().0.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        lines.map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(features(text(&plan, "Cargo.toml")), features(&shipping("Cargo.toml")));
    for library in [text(&plan, "src/lib.rs"), &shipping("src/lib.rs")] {
        assert!(library.contains("\nalibabacloud_runtime::private::exports!();\n"), "{library}");
    }

    // No action may take the place of one of them.
    let names: Vec<_> = crate::model::exports().collect();
    assert!(names.contains(&"Endpoint") && names.contains(&"transport"), "{names:?}");
    for name in names {
        let kinds = [crate::model::Kind::Module, crate::model::Kind::Request];
        let kind = kinds[usize::from(name.starts_with(char::is_uppercase))];
        assert_ne!(crate::model::rust_name(name, kind), name, "an action of that name would be hidden");
    }
    for feature in features(text(&plan, "Cargo.toml")) {
        let name = feature.split(' ').next().unwrap();
        assert_ne!(crate::model::feature(name), name, "an action of that name would share the feature");
    }
}

#[test]
fn a_crate_of_its_own_finds_the_runtime_where_it_is_told() {
    let plan = crate_with(1);
    let manifest = text(&plan, "Cargo.toml");
    assert!(
        manifest.contains("alibabacloud-runtime = { path = \"../runtime\", default-features = false }\n"),
        "{manifest}"
    );
    assert!(
        manifest.contains(
            "alibabacloud-credentials = { path = \"../credentials\", default-features = false, optional = true }\n"
        ),
        "{manifest}"
    );
    assert!(!manifest.contains("workspace"), "{manifest}");
    assert!(text(&plan, "src/lib.rs").contains("pub type Client = alibabacloud_runtime::Client<Shop>;"));
    assert!(text(&plan, "README.md").contains("use alibabacloud_shop::{Client, Sell};"));
}

/// The crate of credentials is built on STS, so the crate of STS cannot depend on it.
#[test]
fn every_crate_offers_credentials_but_those_that_credentials_are_built_on() {
    for (product, offers) in [("shop", true), ("sts", false)] {
        // Metadata has the code as `Sts`.
        let code = format!("\"product\": \"{}{}\"", product[..1].to_uppercase(), &product[1..]);
        let files: Vec<_> = crate_files(1)
            .into_iter()
            .map(|file| InputFile {
                path: file.path.replace("shop/", &format!("api-spec/{product}/")),
                bytes: String::from_utf8(file.bytes).unwrap().replace("\"product\": \"shop\"", &code).into_bytes(),
            })
            .collect();
        let alone: Vec<_> = files
            .iter()
            .map(|file| InputFile { path: file.path.replace("api-spec/", "some-"), ..file.clone() })
            .collect();
        let alone = generate_crate(&alone, "path = \"crates/runtime\"", None).unwrap().plan;
        assert_eq!(text(&alone, "Cargo.toml").contains("alibabacloud-credentials"), offers, "{product}");
        let plan = generated(&files).plan;
        for (path, words) in [
            ("Cargo.toml", "credentials = "),
            ("src/lib.rs", "pub use alibabacloud_credentials as credentials;"),
            ("src/generated/mod.rs", "fn default_credentials()"),
        ] {
            let text = text(&plan, &format!("crates/{product}/{path}"));
            assert_eq!(text.contains(words), offers, "{path} of {product}:\n{text}");
        }
    }
    let elsewhere = Manifest::Standalone { runtime: "path = \"../my-fork\"".to_owned() };
    assert_eq!(elsewhere.credentials(), None);
    let git = Manifest::Standalone { runtime: "git = \"https://example.com/sdk\"".to_owned() };
    assert_eq!(git.credentials().as_deref(), Some("git = \"https://example.com/sdk\""));
}

/// A nested type of the same name would be defined twice in its file.
#[test]
fn no_type_is_called_like_what_its_file_imports() {
    fn imported(tree: &syn::UseTree, names: &mut Vec<String>) {
        match tree {
            syn::UseTree::Path(path) => imported(&path.tree, names),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| imported(tree, names)),
            syn::UseTree::Name(name) => names.push(name.ident.to_string()),
            syn::UseTree::Rename(name) => names.push(name.rename.to_string()),
            syn::UseTree::Glob(_) => panic!("a glob imports unchecked names"),
        }
    }
    let plan = generated(&sources()).plan;
    let mut seen = std::collections::BTreeSet::new();
    for (path, text) in plan.files().filter(|(path, _)| is_generated_code(path)) {
        let kind = if path.ends_with("/mod.rs") { model::Kind::Request } else { model::Kind::Type };
        for item in syn::parse_file(text).unwrap().items {
            let syn::Item::Use(item) = item else { continue };
            let mut names = Vec::new();
            imported(&item.tree, &mut names);
            // What is declared beside the file is named with it in view.
            let is_foreign = |tree: &syn::UseTree| matches!(tree, syn::UseTree::Path(path) if !["self", "super"].contains(&&*path.ident.to_string()));
            names.retain(|name| is_foreign(&item.tree) && name.starts_with(|c: char| c.is_ascii_uppercase()));
            for name in names {
                assert_ne!(model::rust_name(&name, kind), name, "{path} imports `{name}`; reserve the name");
                seen.insert(name);
            }
        }
    }
    assert!(seen.contains("Method") && seen.contains("BTreeMap") && seen.len() > 10, "{seen:?}");
}
