//! Checks the declared minimum Rust version: no dependency of a library needs a later one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::cargo::root;

/// Compares the `rust-version` of the packages below `crates/` with that of all their dependencies.
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
        .map_err(|error| format!("the output of `cargo metadata` cannot be read: {error}"))?;
    let late = later_than_declared(&metadata)?;
    if late.is_empty() {
        Ok(())
    } else {
        Err(format!("these dependencies need a later Rust than the declared `rust-version`: {}", late.join(", ")))
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
            // Users do not compile development dependencies (`kind: "dev"`).
            let shipped = list(&node["deps"])
                .into_iter()
                .filter(|dep| list(&dep["dep_kinds"]).iter().any(|kind| kind["kind"] != "dev"))
                .map(|dep| text(&dep["pkg"]));
            (text(&node["id"]), shipped.collect())
        })
        .collect();

    let members = list(&metadata["workspace_members"]);
    let is_shipped = |id: &str, package: &Value| {
        let manifest = text(&package["manifest_path"]);
        members.iter().any(|member| *member == id) && Path::new(&manifest).iter().any(|part| part == "crates")
    };
    let mut late = BTreeSet::new();
    let mut count = 0;
    for (id, package) in packages.iter().filter(|(id, package)| is_shipped(id, package)) {
        count += 1;
        let name = text(&package["name"]);
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
    if count == 0 { Err("no package below `crates/` was found".to_owned()) } else { Ok(late.into_iter().collect()) }
}

/// A version as numbers, so that `1.88` and `1.88.0` compare as equal.
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
        let package = |name: &str, folder: &str, version: &str| {
            let manifest = format!("/somewhere/{folder}/{name}/Cargo.toml");
            json!({ "id": name, "name": name, "manifest_path": manifest, "rust_version": version })
        };
        let packages =
            [package("runtime", "crates", "1.88"), package("tool", ".", "1.95"), package("dep", "elsewhere", needed)];
        let deps = json!([{ "pkg": "dep", "dep_kinds": [{ "kind": kind }] }]);
        let nodes = [json!({ "id": "runtime", "deps": deps })];
        json!({ "packages": packages, "workspace_members": ["runtime", "tool"], "resolve": { "nodes": nodes } })
    }

    #[test]
    fn a_dependency_that_needs_a_later_rust_is_reported() {
        assert_eq!(later_than_declared(&metadata("1.89", None)).unwrap(), ["dep (1.89)"]);
        assert_eq!(later_than_declared(&metadata("1.88.0", None)).unwrap(), [""; 0]);
        assert_eq!(later_than_declared(&metadata("1.89", Some("dev"))).unwrap(), [""; 0]);
        let none = json!({ "packages": [], "workspace_members": [], "resolve": { "nodes": [] } });
        assert!(later_than_declared(&none).unwrap_err().contains("crates/"));
    }
}
