//! The public API of the published crates, so that every change is noticed.
//!
//! The API comes from rustdoc's JSON, whose format changes with the compiler: on a toolchain other than the one for
//! which `public-api` is pinned in the root `Cargo.toml`, the test prints `NOT CHECKED`, or fails if
//! `REQUIRE_PUBLIC_API` is set, as `cargo xtask ci` does.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

#[path = "public_api/names.rs"]
mod names;

use names::Names;

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
        let Some(json) = readable_json(package, features) else { return };
        let api = public_api::Builder::from_rustdoc_json(json)
            .omit_blanket_impls(true)
            .omit_auto_trait_impls(true)
            .omit_auto_derived_impls(true)
            .build()
            .expect("the format is one that can be read");
        insta::assert_snapshot!(package, readable(&api.to_string(), &package.replace('-', "_")), package);
    }
}

/// The paths in signatures of a product crate that cannot be named from it, each with the reason why none needs to be.
const UNNAMED: [(&str, &str); 4] = [
    ("Object", "seals `Action`; hidden"),
    ("alibabacloud_runtime::private::request::Unset", "the state of a required parameter that is not set; inferred"),
    ("alibabacloud_runtime::transport::builder::sealed::Build", "seals `BundledTransport`"),
    ("futures_core::stream::Stream", "a caller with a stream has the trait"),
];

/// A type that an application cannot name forces it to depend on another crate, in a version that matches ours.
#[test]
fn every_path_in_a_signature_can_be_named_from_the_product_crate() {
    let mut docs = BTreeMap::new();
    for (package, features) in CRATES {
        let Some(json) = readable_json(package, features) else { return };
        let json: Value = serde_json::from_str(&fs::read_to_string(json).unwrap()).unwrap();
        docs.insert(package.replace('-', "_"), json);
    }
    for product in ["alibabacloud_cams", "alibabacloud_sts"] {
        let names = Names::of(&docs, product);
        assert!(names.count() > 80, "{product}: the signatures were not found");
        let unnamed: Vec<String> = names.missing_in_signatures().into_keys().collect();
        assert_eq!(unnamed, UNNAMED.map(|(path, _)| path), "{product}: {:#?}", names.missing_in_signatures());
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

/// The documentation of the crate as JSON; `None` if the toolchain cannot produce a readable one and `REQUIRE_PUBLIC_API`
/// is not set.
fn readable_json(package: &str, features: &str) -> Option<PathBuf> {
    match rustdoc_json(package, features) {
        Ok(json) => Some(json),
        Err(problem) => {
            assert!(std::env::var_os("REQUIRE_PUBLIC_API").is_none(), "the public API was not checked: {problem}");
            eprintln!("NOT CHECKED: {problem}");
            None
        }
    }
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
