//! Promises about the generator as a whole.

use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};

use super::*;
use crate::diagnostic::render;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn sources() -> Vec<InputFile> {
    crate::commands::read_sources(root()).unwrap()
}

fn generated(sources: &[InputFile]) -> Generated {
    match generate(sources) {
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

/// 150 lines an action on average, and beyond a line for each member, value and parameter no more than 100 for the action itself:
/// an everyday edit of a specification adds a line and fails nothing.
#[test]
fn an_action_takes_few_lines() {
    let (mut files, mut lines) = (0, 0);
    for (path, text) in generated(&sources()).plan.files() {
        let shared = ["mod.rs", "errors.rs", "types.rs", "actions.md"].iter().any(|name| path.ends_with(name));
        if path.starts_with("crates/") && !shared {
            let rows = text.lines().filter(|line| line.starts_with("        ") && line.ends_with(';')).count();
            let own = text.lines().count() - rows;
            assert!(own < 100, "{path}: {own} lines beside its {rows} rows");
            files += 1;
            lines += text.lines().count();
        }
    }
    assert!(files > 0 && lines / files < 150, "{lines} lines for {files} actions");
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
fn a_lost_row_is_an_internal_error() {
    let files: Vec<_> =
        sources().into_iter().filter(|file| file.path.starts_with("xtask/fixtures/kitchen-sink/")).collect();
    let (spec, _) = spec::parse(&files);
    let spec = spec.unwrap();
    let mut texts = emit::files(&model::build(&spec, false).unwrap(), "conformance::kitchen_sink");
    assert_eq!(verify(&spec, &texts), Ok(()));
    for (_, text) in &mut texts {
        *text = text.lines().filter(|line| !line.contains("\"Greeting\"")).collect::<Vec<_>>().join("\n");
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
            [("actions.md", 5), ("README.md", 17), ("Cargo.toml", 23)].iter().find(|(name, _)| path.ends_with(name))
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
        ("B", r#""type": "integer""#, "9000000000", ".b(9000000000_i64)"),
        ("C", r#""type": "number""#, "2", ".c(2.0)"),
        ("D", r#""type": "boolean""#, "true", ".d(true)"),
        ("E", r#""type": "string", "values": {"x": "X."}"#, "x", ".e(\"x\")"),
        ("F", r#""type": "array", "items": {"type": "integer"}"#, "[1]", ".f(vec![1_i64])"),
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
        ("J", r#""type": "any""#, "[1]", ".j(\"[1]\".parse::<alibabacloud_runtime::value::Json>().expect(\"JSON\"))"),
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
    for (.., setter) in parameters {
        assert!(text.contains(&format!("///     {setter}\n")), "{setter}:\n{text}");
    }
}
