//! The declared minimum Rust version is true: no dependency of a library asks for a later one.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use super::cargo::root;

/// What users compile: these packages and all that they need to build.
const SHIPPED: &[&str] = &["alibabacloud-runtime", "alibabacloud-cams", "alibabacloud-simulator", "alibabacloud-cli"];

/// Compares `rust-version` of everything that is shipped.
pub fn check() -> Result<(), String> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(program)
        .args(["metadata", "--format-version", "1", "--all-features"])
        .current_dir(root())
        .output()
        .map_err(|error| format!("`cargo metadata` cannot be started: {error}"))?;
    if !output.status.success() {
        return Err(format!("`cargo metadata` failed: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("`cargo metadata` printed something unexpected: {error}"))?;
    let late = later_than_declared(&metadata)?;
    if late.is_empty() {
        Ok(())
    } else {
        Err(format!("these ask for a later Rust than is declared: {}", late.join(", ")))
    }
}

fn later_than_declared(metadata: &Value) -> Result<Vec<String>, String> {
    let list = |value: &'_ Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let packages: BTreeMap<String, Value> =
        list(&metadata["packages"]).into_iter().map(|package| (text(&package["id"]), package)).collect();
    let dependencies: BTreeMap<String, Vec<String>> = list(&metadata["resolve"]["nodes"])
        .into_iter()
        .map(|node| {
            // Development dependencies (`kind: "dev"`) are not what users compile.
            let shipped = list(&node["deps"])
                .into_iter()
                .filter(|dep| list(&dep["dep_kinds"]).iter().any(|kind| kind["kind"] != "dev"))
                .map(|dep| text(&dep["pkg"]));
            (text(&node["id"]), shipped.collect())
        })
        .collect();

    let mut late = BTreeSet::new();
    for name in SHIPPED {
        let (id, package) = packages
            .iter()
            .find(|(_, package)| package["name"] == *name)
            .ok_or_else(|| format!("there is no package `{name}` in the workspace"))?;
        let declared = version(&package["rust_version"]).ok_or_else(|| format!("`{name}` declares no rust-version"))?;
        let (mut open, mut seen) = (vec![id], BTreeSet::new());
        while let Some(id) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            if let Some(package) = packages.get(id)
                && version(&package["rust_version"]).is_some_and(|needed| needed > declared)
            {
                late.insert(format!("{} ({})", text(&package["name"]), text(&package["rust_version"])));
            }
            open.extend(dependencies.get(id).into_iter().flatten());
        }
    }
    Ok(late.into_iter().collect())
}

/// `1.88` and `1.88.0` as numbers that compare.
fn version(value: &Value) -> Option<Vec<u64>> {
    let mut numbers: Vec<u64> = value.as_str()?.split('.').map_while(|part| part.parse().ok()).collect();
    numbers.resize(3, 0);
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn metadata(needed: &str, kind: Option<&str>) -> Value {
        let package = |name: &str, version: &str| json!({ "id": name, "name": name, "rust_version": version });
        let packages: Vec<_> =
            SHIPPED.iter().map(|name| package(name, "1.88")).chain([package("dep", needed)]).collect();
        let deps = json!([{ "pkg": "dep", "dep_kinds": [{ "kind": kind }] }]);
        json!({ "packages": packages, "resolve": { "nodes": [{ "id": SHIPPED[0], "deps": deps }] } })
    }

    #[test]
    fn a_dependency_that_asks_for_a_later_rust_is_named() {
        assert_eq!(later_than_declared(&metadata("1.89", None)).unwrap(), ["dep (1.89)"]);
        assert_eq!(later_than_declared(&metadata("1.88.0", None)).unwrap(), [""; 0]);
        assert_eq!(later_than_declared(&metadata("1.89", Some("dev"))).unwrap(), [""; 0]);
    }
}
