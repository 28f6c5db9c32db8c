//! What the first page shows is true.

use std::fs;
use std::path::Path;

fn lines(path: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    fs::read_to_string(root.join(path)).unwrap().lines().map(|line| line.trim().to_owned()).collect()
}

#[test]
fn every_rust_snippet_of_the_readme_compiles() {
    let readme = lines("README.md");
    let sources = ["crates/cams/examples/first_call.rs", "crates/cams/examples/readme.rs", "tests/tests/user_tests.rs"];
    let compiled: Vec<String> = sources.into_iter().flat_map(lines).collect();
    let mut snippets = 0;
    let mut rest = &readme[..];
    while let Some(start) = rest.iter().position(|line| line == "```rust") {
        let length = rest[start + 1..].iter().position(|line| line == "```").unwrap();
        let snippet = &rest[start + 1..][..length];
        assert!(
            compiled.windows(length).any(|window| window == snippet),
            "in none of {sources:?}:\n{}",
            snippet.join("\n")
        );
        snippets += 1;
        rest = &rest[start + 1 + length..];
    }
    assert!(snippets >= 4, "the snippets of the README were not found");
}

#[test]
fn the_readme_names_the_two_commands() {
    let readme = lines("README.md").join("\n");
    assert!(readme.contains("cargo xtask demo") && readme.contains("cargo xtask ci"));
}
