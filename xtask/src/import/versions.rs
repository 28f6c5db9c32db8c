//! Tests two versions of one product, each as a crate, in one program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::{LOCK, import, place};
use crate::generate::generate_crate;
use crate::spec::InputFile;

fn metadata(version: &str, member: &str) -> String {
    json!({
        "info": {"style": "RPC", "product": "Shop", "version": version},
        "apis": {"GetThing": {
            "parameters": [{"name": "Id", "in": "query", "schema": {"type": "string", "required": true, "example": "7"}}],
            "responses": {"200": {"schema": {"type": "object", "properties": {(member): {"type": "string"}}}}},
            "responseDemo": json!([{"type": "json", "example": json!({(member): "x"}).to_string()}]).to_string(),
        }},
    })
    .to_string()
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn two_versions_of_a_product_work_in_one_program() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let workspace: PathBuf = crate::commands::target().unwrap().join("two-versions");
    for folder in ["first", "second", "program"] {
        let _ = fs::remove_dir_all(workspace.join(folder));
    }
    let runtime = format!("path = {}", Value::from(repository.join("crates/runtime").to_str().unwrap()));
    // The folder of the first version exists when the second is imported.
    let first = "product: Shop\nversion: \"2020-01-01\"\n".to_owned();
    for (folder, version, member, there) in
        [("first", "2020-01-01", "Name", None), ("second", "2024-01-01", "Title", Some(first))]
    {
        let metadata = metadata(version, member);
        let place = place(&metadata, None, |folder| there.clone().filter(|_| folder == "shop")).unwrap();
        let imported = import(&metadata, &[], &[], place.name.as_deref()).unwrap();
        let files: Vec<InputFile> = imported
            .files
            .into_iter()
            .filter(|(name, _)| name != LOCK)
            .map(|(name, text)| InputFile { path: format!("{}/{name}", place.folder), bytes: text.into_bytes() })
            .collect();
        for (path, text) in generate_crate(&files, &runtime, None).unwrap().plan.files() {
            write(&workspace.join(folder).join(path), text);
        }
    }
    let program = "[package]\nname = \"program\"\nedition = \"2024\"\n\n[dependencies]\n\
         alibabacloud-shop = { path = \"../first\", default-features = false }\n\
         alibabacloud-shop-20240101 = { path = \"../second\", default-features = false }\n";
    write(&workspace.join("program/Cargo.toml"), program);
    write(
        &workspace.join("program/src/lib.rs"),
        "#[test]\nfn both_versions_have_their_own_types() {\n    \
         use {alibabacloud_shop as first, alibabacloud_shop_20240101 as second};\n    \
         let (one, other) = (first::GetThing::new(\"7\"), second::GetThing::new(\"7\"));\n    \
         assert_eq!(format!(\"{one:?}\"), format!(\"{other:?}\"));\n    \
         assert_ne!(first::PRODUCT.version, second::PRODUCT.version);\n    \
         let _: Option<&String> = first::get_thing::Output::default().name.as_ref();\n    \
         let _: Option<&String> = second::get_thing::Output::default().title.as_ref();\n}\n",
    );
    write(
        &workspace.join("Cargo.toml"),
        "[workspace]\nmembers = [\"first\", \"second\", \"program\"]\nresolver = \"3\"\n",
    );
    // The lock file of the repository; cargo removes what is not needed.
    fs::copy(repository.join("Cargo.lock"), workspace.join("Cargo.lock")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["test", "--workspace", "--no-default-features", "--lib", "--tests", "--offline"])
        .current_dir(&workspace)
        // Shared by the tests that compile crates. The target folder of the outer build is locked and has other
        // settings.
        .env("CARGO_TARGET_DIR", crate::commands::target().unwrap().join("tmp/compiled"))
        .env("CARGO_INCREMENTAL", "0")
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .output()
        .expect("cargo starts");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stderr}\n{stdout}");
    // One test in each crate, and one in the program.
    assert_eq!(stdout.matches("test get_thing ... ok").count(), 2, "{stdout}");
    assert!(stdout.contains("test both_versions_have_their_own_types ... ok"), "{stdout}");
}
