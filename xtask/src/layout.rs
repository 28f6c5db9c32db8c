//! The layout of the repository: specifications, crates and fixtures.

use crate::emit::MARK;

/// The folder of the specifications, with one folder per product.
pub const SPECIFICATIONS: &str = "api-spec";

/// The folder of the fixtures, with one folder per synthetic product; their code is part of the package of tests.
pub const FIXTURES: &str = "xtask/fixtures";

/// The folder of the runtime with the code generated from `platform.yaml`.
pub const RUNTIME_TABLES: &str = "crates/runtime/src/platform";

/// The places of the specifications and the code of a product.
pub struct Target {
    /// The folder of the code.
    pub folder: String,
    /// The Rust path of the types.
    pub crate_path: String,
    /// The name in the crate's manifest, if the manifest is hand-written.
    pub own_name: Option<String>,
    /// The folder of the crate, empty or with a `/` at its end; `None` for a fixture, which is a module of another
    /// crate.
    pub package: Option<String>,
    /// Whether the crate can have the feature `credentials`.
    pub offers_credentials: bool,
}

/// The crates that `alibabacloud-credentials` depends on: they cannot depend on it, and neither can another crate of
/// the same name.
pub const BENEATH_CREDENTIALS: [&str; 1] = ["alibabacloud-sts"];

impl Target {
    /// The target for a file; `None` if it is not part of a specification.
    pub fn of(path: &str) -> Option<Self> {
        let (folder, name) = path.rsplit_once('/')?;
        if !has_yaml_extension(name) {
            return None;
        }
        let parent_and_name = folder.rsplit_once('/')?;
        if let (FIXTURES, fixture) = parent_and_name {
            let module = fixture.replace('-', "_");
            return Some(Self {
                folder: format!("tests/src/{module}"),
                crate_path: format!("conformance::{module}"),
                own_name: None,
                package: None,
                offers_credentials: false,
            });
        }
        let (SPECIFICATIONS, product) = parent_and_name else { return None };
        Some(Self {
            folder: format!("crates/{product}/src/generated"),
            crate_path: crate_path(&crate_name(product)),
            own_name: None,
            package: Some(format!("crates/{product}/")),
            offers_credentials: true,
        })
    }
}

/// The name of the crate for a product.
pub fn crate_name(product: &str) -> String {
    format!("alibabacloud-{}", product.to_lowercase().replace('_', "-"))
}

/// The name of a crate in Rust paths.
pub fn crate_path(crate_name: &str) -> String {
    crate_name.replace('-', "_")
}

/// The name of the library in a hand-written manifest; `None` for a generated one.
pub fn manifest_name(manifest: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(manifest).ok()?;
    if text.lines().next().is_some_and(|line| line.contains(MARK)) {
        return None;
    }
    let (mut section, mut package, mut library) = ("", None, None);
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line;
        } else if let Some((key, value)) = line.split_once('=')
            && key.trim() == "name"
        {
            let name = value.trim().trim_matches(['"', '\'']).to_owned();
            match section {
                "[package]" => package = Some(name),
                "[lib]" => library = Some(name),
                _ => {}
            }
        }
    }
    library.or(package)
}

/// Whether the name of a file has a YAML extension.
pub fn has_yaml_extension(name: &str) -> bool {
    // The specification stage reports `.yml` as a mistake.
    name.rsplit_once('.').is_some_and(|(_, extension)| ["yaml", "yml"].contains(&extension))
}
