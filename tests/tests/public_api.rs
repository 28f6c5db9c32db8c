//! The public API of the published crates, so that every change is noticed.
//!
//! The API comes from rustdoc's JSON, whose format changes with the compiler: on a toolchain other than the one for
//! which `public-api` is pinned in the root `Cargo.toml`, the test prints `NOT CHECKED`, or fails if
//! `REQUIRE_PUBLIC_API` is set, as `cargo xtask ci` does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The version of rustdoc's JSON that the pinned `public-api` reads.
const READABLE_FORMAT: u64 = 57;

/// The crates, each with the features of its public API. `reqwest` and `redis` add little to the API and take minutes
/// to compile.
const CRATES: [(&str, &str); 4] = [
    ("alibabacloud-runtime", "blocking,serde,hyper,ring"),
    ("alibabacloud-credentials", ""),
    ("alibabacloud-cams", "blocking,serde"),
    ("alibabacloud-sts", "blocking,serde"),
];

#[test]
fn the_public_api_is_unchanged() {
    for (package, features) in CRATES {
        let json = match rustdoc_json(package, features) {
            Ok(json) => json,
            Err(problem) => {
                assert!(std::env::var_os("REQUIRE_PUBLIC_API").is_none(), "the public API was not checked: {problem}");
                eprintln!("NOT CHECKED: {problem}");
                return;
            }
        };
        let api = public_api::Builder::from_rustdoc_json(json)
            .omit_blanket_impls(true)
            .omit_auto_trait_impls(true)
            .omit_auto_derived_impls(true)
            .build()
            .expect("the format is one that can be read");
        insta::assert_snapshot!(package, readable(&api.to_string(), &package.replace('-', "_")), package);
    }
}

/// The API without common path prefixes, and without the interface between generated types and the runtime.
fn readable(api: &str, name: &str) -> String {
    let mut text = String::new();
    let mut plumbing = None;
    for line in api.lines() {
        let is_member = line.starts_with("pub fn ") || line.starts_with("pub const ");
        if is_member && plumbing.as_ref().is_some_and(|skipped| line.contains(skipped)) {
            continue;
        }
        let implemented = line.strip_prefix("impl alibabacloud_runtime::private::value::");
        plumbing = implemented.and_then(|rest| Some(format!("{}::", rest.split_once(" for ")?.1)));
        if plumbing.is_none() {
            text.push_str(line);
            text.push('\n');
        }
    }
    let modules = ["alloc::string::", "alloc::vec::", "core::convert::", "core::fmt::", "core::option::"];
    modules.iter().fold(text, |text, module| text.replace(module, "")).replace(&format!(" {name}::"), " ")
}

/// Documents the crate as JSON; returns the path of the file, or why the toolchain cannot produce a readable one.
fn rustdoc_json(package: &str, features: &str) -> Result<PathBuf, String> {
    // A separate directory, because that of the outer build may be locked, and the variable below changes the
    // artifacts.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled");
    let output = Command::new(env!("CARGO"))
        .args(["rustdoc", "--package", package, "--lib", "--offline", "--quiet"])
        .args([
            "--no-default-features",
            "--features",
            features,
            "--",
            "-Z",
            "unstable-options",
            "--output-format",
            "json",
        ])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap())
        .env("CARGO_TARGET_DIR", &target)
        // The JSON is unstable; this lets a stable toolchain write it.
        .env("RUSTC_BOOTSTRAP", "1")
        .env_remove("RUSTDOCFLAGS")
        .output()
        .expect("cargo starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        // Only an unsuitable toolchain may skip the test, not code that fails to compile.
        assert!(!stderr.contains("could not compile"), "{stderr}");
        return Err(format!("this toolchain writes no JSON:\n{stderr}"));
    }
    let path = target.join("doc").join(format!("{}.json", package.replace('-', "_")));
    let text = fs::read_to_string(&path).expect("rustdoc wrote the file");
    let json: Value = serde_json::from_str(&text).expect("it is JSON");
    match json["format_version"].as_u64() {
        Some(READABLE_FORMAT) => Ok(path),
        other => Err(format!(
            "rustdoc of this toolchain writes format {other:?}, and the pinned `public-api` reads {READABLE_FORMAT}; pin the release \
             of `public-api` that reads it, and change the number here"
        )),
    }
}
