//! Generates the manifest, `lib.rs`, the README and the tests of a crate.

use quote::quote;

use super::docs::Markdown;
use super::example::Examples;
use super::print::{literal, print_statement};
use super::{MARK, file, folder, header};
use crate::model::{Action, Model};

/// How the manifest of a generated crate refers to its dependencies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manifest {
    /// As a member of the workspace that the runtime is in.
    Member,
    /// As a separate crate. `runtime` is the place of the runtime as TOML: `path = "../runtime"` or `git =
    /// "https://…"`.
    Standalone { runtime: String },
}

impl Manifest {
    /// The place of `alibabacloud-credentials` as TOML, next to the runtime; `None` if the runtime's folder has another
    /// name.
    pub fn credentials(&self) -> Option<String> {
        match self {
            Self::Member => Some("workspace = true".to_owned()),
            Self::Standalone { runtime } if runtime.starts_with("git = ") => Some(runtime.clone()),
            Self::Standalone { runtime } => Some(format!(
                "{}credentials\"",
                runtime.strip_suffix("runtime\"").filter(|folder| folder.ends_with('/'))?
            )),
        }
    }
}

/// The manifest, `lib.rs` and README of a crate: path from the crate's root, and text. Each can be replaced by a
/// hand-written file.
pub fn package(model: &Model<'_>, crate_path: &str, manifest: &Manifest) -> Vec<(String, String)> {
    vec![
        ("Cargo.toml".to_owned(), manifest_text(model, crate_path, manifest)),
        ("README.md".to_owned(), readme(model, crate_path)),
        ("src/lib.rs".to_owned(), library(model)),
    ]
}

fn manifest_text(model: &Model<'_>, crate_path: &str, manifest: &Manifest) -> String {
    let facts = model.product.facts;
    let description = format!("Typed client for Alibaba Cloud {} ({})", facts.title, facts.version);
    let mut text = format!("# {MARK} from {}. Without this line, the file is yours.\n\n[package]\n", folder(model));
    text += &format!("name = {}\n", toml(&crate_path.replace('_', "-")));
    text += &format!("description = {}\n", toml(&description));
    text += match manifest {
        Manifest::Member => {
            "version.workspace = true\nedition.workspace = true\nrust-version.workspace = true\nlicense.workspace = true\n\
             publish.workspace = true\nreadme = \"README.md\"\nkeywords = [\"alibaba-cloud\", \"aliyun\", \"api\", \"sdk\"]\n\
             categories = [\"api-bindings\", \"asynchronous\"]\n\n[lints]\nworkspace = true\n"
        }
        Manifest::Standalone { .. } => {
            "version = \"0.1.0\"\nedition = \"2024\"\nrust-version = \"1.89\"\npublish = false\n\n[lints.rust]\nunsafe_code = \"forbid\"\n\
             missing_docs = \"warn\"\n"
        }
    };
    text += "\n[package.metadata.docs.rs]\nall-features = true\n";
    text += "\n[features]\n";
    let features: Vec<&str> = model.actions.iter().filter_map(|action| action.feature.as_deref()).collect();
    let full = if features.is_empty() { "" } else { ", \"full\"" };
    text += &format!("default = [\"aws-lc-rs\", \"reqwest\", \"tracing\"{full}]\n");
    let credentials = manifest.credentials().filter(|_| model.offers_credentials);
    let forwarded = |feature: &str| {
        let more =
            credentials.as_ref().map(|_| format!(", \"alibabacloud-credentials?/{feature}\"")).unwrap_or_default();
        format!("{feature} = [\"alibabacloud-runtime/{feature}\"{more}]\n")
    };
    text += &format!(
        "# The default HTTP transport, and one with fewer dependencies, which is used if `reqwest` is off.\n{}{}",
        forwarded("reqwest"),
        forwarded("hyper")
    );
    text += "# The cryptography of TLS: a transport needs one of the two.\n\
             aws-lc-rs = [\"alibabacloud-runtime/aws-lc-rs\"]\nring = [\"alibabacloud-runtime/ring\"]\n\
             # HTTP/2 with servers that offer it.\nhttp2 = [\"alibabacloud-runtime/http2\"]\n";
    let more = if credentials.is_some() { ", \"alibabacloud-credentials?/tracing\"" } else { "" };
    text += &format!("# `tracing` spans of calls and attempts.\ntracing = [\"alibabacloud-runtime/tracing\"{more}]\n");
    text += "# `blocking::Client`, for programs without async code.\nblocking = [\"alibabacloud-runtime/blocking\"]\n\
             # `Serialize` and `Deserialize` for requests, outputs and their members.\nserde = [\"alibabacloud-runtime/serde\"]\n";
    text += "# Quotas shared between machines through a Redis server; the second adds TLS.\n\
             redis = [\"alibabacloud-runtime/redis\"]\nredis-tls = [\"alibabacloud-runtime/redis-tls\"]\n";
    if credentials.is_some() {
        text += "# Credentials from profiles, roles, OIDC and the metadata service; `Client::from_env()` then tries all sources.\n\
                 credentials = [\"dep:alibabacloud-credentials\"]\n";
    }
    if !features.is_empty() {
        text += "# All actions. For a shorter build, turn the default features off and name only the actions that you call.\nfull = [\n";
        for feature in &features {
            text += &format!("    {},\n", toml(feature));
        }
        text += "]\n";
        for feature in &features {
            text += &format!("{feature} = []\n");
        }
    }
    text += "\n[dependencies]\n";
    text += &match manifest {
        Manifest::Member => "alibabacloud-runtime.workspace = true\n".to_owned(),
        Manifest::Standalone { runtime } => {
            format!("alibabacloud-runtime = {{ {runtime}, default-features = false }}\n")
        }
    };
    if let Some(place) = credentials {
        let defaults = if *manifest == Manifest::Member { "" } else { "default-features = false, " };
        text += &format!("alibabacloud-credentials = {{ {place}, {defaults}optional = true }}\n");
    }
    text
}

/// A TOML string.
pub fn toml(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() || super::is_invisible(c) => out.push_str(&format!("\\U{:08X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn readme(model: &Model<'_>, crate_path: &str) -> String {
    let facts = model.product.facts;
    let title = Markdown::new(&facts.title).inline();
    let mut parts = vec![
        format!("<!-- {MARK} from {}. Without this line, the file is yours. -->", folder(model)),
        format!("Typed client for Alibaba Cloud {title} ({}).", Markdown::new(&facts.version).inline()),
    ];
    // The action that is easiest to call.
    let required = |action: &&Action<'_>| action.parameters.iter().filter(|parameter| parameter.facts.required).count();
    if let Some(action) = model.actions.iter().min_by_key(required) {
        let request = &action.request;
        let call = Examples::new(model, action, crate_path).request();
        let call = print_statement(&quote!(let request = #call;)).join("\n");
        parts.push(format!(
            "```no_run\nuse {crate_path}::{{Client, {request}}};\n\n# async fn example() -> Result<(), {crate_path}::Error> {{\n\
             let client = Client::from_env()?; // ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET\n\
             {call}\nlet output = client.send(request).await?;\nprintln!(\"{{output:?}}\");\n# Ok(())\n# }}\n```"
        ));
    }
    parts.push(
        "The client stays within the documented limits, retries what is safe to repeat, and treats an HTTP 200 with an error code as an error. \
         `ErrorCode` has the error codes of the service. To call an action that the crate does not have, use `Client::send_untyped` with \
         its name."
            .to_owned(),
    );
    if model.actions.iter().any(|action| action.paging.is_some()) {
        parts.push(
            "`Client::items` returns the items of all pages of an action that lists something, and `Client::pages` the pages; see the \
             module `pages`."
                .to_owned(),
        );
    }
    if model.actions.iter().any(|action| action.feature.is_some()) {
        parts.push(
            "Each action is a feature of the crate: the name of its module with hyphens. The default feature `full` has all of them. \
             For a shorter build, turn the default features off and name `hyper`, `ring` and the actions that you call."
                .to_owned(),
        );
    }
    if !facts.guessed.is_empty() {
        let list: Vec<_> = facts
            .guessed
            .iter()
            .map(|guess| format!("- `{}`: {}", guess.key, Markdown::new(&guess.reason).inline()))
            .collect();
        parts.push(format!("These facts about the product are not reviewed yet:\n{}", list.join("\n")));
    }
    parts.join("\n\n") + "\n"
}

fn library(model: &Model<'_>) -> String {
    let product = &model.product.type_name;
    let title = Markdown::new(&model.product.facts.title).inline();
    let has_features = model.actions.iter().any(|action| action.feature.is_some());
    let documentation = |path: &str| {
        if has_features {
            // Without all actions, some links would be broken.
            format!("#![cfg_attr(feature = \"full\", doc = include_str!(\"{path}\"))]\n")
        } else {
            format!("#![doc = include_str!(\"{path}\")]\n")
        }
    };
    let calls = format!("Calls the actions of {title}.");
    let blocking = format!("Calls the actions of {title}, and blocks until each call has ended.");
    let first = literal(&format!("Typed client for Alibaba Cloud {title}."));
    file(&[
        format!("// {MARK} from {}. Without this line, the file is yours.", folder(model)),
        // Formatted as rustfmt does: in a workspace the file is checked like a hand-written one.
        format!(
            "#![doc = {first}]\n#![doc = \"\"]\n{}#![doc = \"\"]\n#![doc = \"# Actions\"]\n{}#![forbid(unsafe_code)]\n\
             #![cfg_attr(docsrs, feature(doc_cfg))]\n#![allow(\n    \
             clippy::doc_markdown,\n    clippy::self_named_constructors,\n    clippy::struct_field_names,\n    reason = \"names and prose \
             are the service's\"\n)]{}",
            documentation("../README.md"),
            documentation("generated/actions.md"),
            // The macro recurses for each required parameter of a builder.
            deepest(model).map_or_else(String::new, |limit| format!("\n#![recursion_limit = \"{limit}\"]")),
        ),
        "#[rustfmt::skip]\nmod generated;".to_owned(),
        "alibabacloud_runtime::private::exports!();\npub use generated::*;".to_owned(),
        if model.offers_credentials {
            "/// Sources of credentials, and the chain that tries them in order.\n#[cfg(feature = \"credentials\")]\n\
             pub use alibabacloud_credentials as credentials;"
                .to_owned()
        } else {
            String::new()
        },
        format!(
            "/// A blocking client, for programs without async code.\n#[cfg(feature = \"blocking\")]\npub mod blocking {{\n    #[doc = {}]\n    \
             pub type Client = alibabacloud_runtime::blocking::Client<super::{product}>;\n}}",
            literal(&blocking)
        ),
        format!("#[doc = {}]\npub type Client = alibabacloud_runtime::Client<{product}>;", literal(&calls)),
        format!(
            "/// Settings for a [`Client`].\npub type ClientBuilder = alibabacloud_runtime::ClientBuilder<{product}>;"
        ),
    ])
}

/// The recursion limit that the crate needs; `None` if the default is high enough.
fn deepest(model: &Model<'_>) -> Option<usize> {
    let required = |action: &Action<'_>| action.parameters.iter().filter(|parameter| parameter.facts.required).count();
    let most = model.actions.iter().map(required).max().unwrap_or_default();
    (most > 100).then(|| most + 64)
}

/// The line width of rustfmt in this repository.
const RUSTFMT_WIDTH: usize = 120;

/// One test for each action: its documented response decodes into its types.
pub fn tests(model: &Model<'_>, crate_path: &str) -> String {
    let mut parts = vec![
        header(&folder(model)),
        "//! Tests that the documented response of every action decodes completely.\n\
         #![allow(deprecated, missing_docs, unused_imports, reason = \"the tests depend on the features\")]"
            .to_owned(),
        "use alibabacloud_runtime::private::example::check;".to_owned(),
    ];
    for Action { module, request, feature, .. } in &model.actions {
        let feature = cfg(feature.as_deref());
        let call = format!("    check::<{crate_path}::{request}>().unwrap();");
        // rustfmt would break the line.
        let whole = if call.len() > RUSTFMT_WIDTH { "#[rustfmt::skip]\n" } else { "" };
        parts.push(format!("{feature}#[test]\n{whole}fn {module}() {{\n{call}\n}}"));
    }
    file(&parts)
}

/// The `cfg` attribute for the feature of an action.
fn cfg(feature: Option<&str>) -> String {
    feature.map_or_else(String::new, |feature| format!("#[cfg(feature = \"{feature}\")]\n"))
}
