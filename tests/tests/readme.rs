//! Checks the README. Its Rust snippets are compiled as documentation of this crate.

use std::fs;
use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

#[test]
fn the_readme_names_the_two_commands() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    assert!(readme.contains("cargo xtask demo") && readme.contains("cargo xtask ci"));
}

#[test]
fn links_between_pages_have_targets() {
    for page in
        ["README.md", "api-spec/README.md", "crates/ARCHITECTURE.md", ".github/CONTRIBUTING.md", ".github/SECURITY.md"]
    {
        let text = fs::read_to_string(root().join(page)).unwrap();
        let folder = Path::new(page).parent().unwrap();
        for (at, _) in text.match_indices("](") {
            let target = text[at + 2..].split(')').next().unwrap();
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            if file.contains("://") {
                continue;
            }
            let linked = if file.is_empty() { root().join(page) } else { root().join(folder).join(file) };
            assert!(linked.exists(), "{page}: {target}");
            if !anchor.is_empty() {
                let linked = fs::read_to_string(linked).unwrap();
                let mut headings = linked.lines().filter_map(|line| line.strip_prefix('#'));
                let slug = |heading: &str| {
                    let heading = heading.trim_start_matches('#').trim().to_lowercase();
                    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
                    kept.collect::<String>().replace(' ', "-")
                };
                assert!(headings.any(|heading| slug(heading) == anchor), "{page}: no heading #{anchor}");
            }
        }
    }
}
