//! Converts the head of the metadata to product.yaml.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::endpoints::Endpoints;
use super::notes::Notes;
use super::schema::{Shape, Ty, fields, text};
use super::yaml::Tree;

/// The facts of the metadata about the product.
pub struct Product {
    pub code: String,
    pub version: String,
    /// Whether its actions have paths.
    pub is_roa: bool,
}

impl Product {
    /// Reads the product; an error if its style is not supported.
    pub fn read(metadata: &Map<String, Value>) -> Result<Self, String> {
        let info = metadata
            .get("info")
            .and_then(Value::as_object)
            .ok_or("this is not official metadata: `info` is missing; pass the api-docs.json of a product")?;
        let (code, version, style) = (text(info, "product"), text(info, "version"), text(info, "style"));
        if let Some(reason) = refused_style(&style) {
            let product = crate::diagnostic::quoted(&code);
            let style = crate::diagnostic::quoted(&style);
            return Err(format!("the style {style} of the product {product} is not supported: {reason}"));
        }
        let is_code = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if code.is_empty() || !code.chars().all(is_code) {
            return Err(format!(
                "{} is not a product code: expected letters, digits, `-` and `_`",
                crate::diagnostic::quoted(&code)
            ));
        }
        let is_version = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        if version.is_empty() || !version.chars().all(is_version) {
            return Err(format!(
                "{} is not an API version; expected a date such as `2024-01-01`",
                crate::diagnostic::quoted(&version)
            ));
        }
        Ok(Self { code, version, is_roa: style.eq_ignore_ascii_case("ROA") })
    }

    /// The product code in lower case, for the folder of the specification and host names.
    pub fn folder(&self) -> String {
        self.code.to_lowercase()
    }

    /// The whole file.
    pub fn file(
        &self,
        metadata: &Map<String, Value>,
        success_code: Option<&str>,
        name: Option<&str>,
        shapes: &BTreeMap<&str, &Shape>,
        notes: &mut Notes,
    ) -> Tree {
        let mut guessed = Vec::new();
        let mut guess = |key: &str, reason: &str| guessed.push((key.to_owned(), Tree::text(reason)));
        guess("title", "The product code, because the metadata has no title.");
        guess("documentation", "The usual address in the API portal.");
        let endpoints = Endpoints::read(metadata, &self.folder(), notes);
        if let Some(reason) = &endpoints.guess {
            guess("endpoints", reason);
        }
        guess(
            "default_region",
            "The largest listed region outside of mainland China, or else the largest inside, or else the first.",
        );
        if success_code.is_some() {
            guess("success_code", "The `Code` of most documented responses to successful calls.");
        }
        let mut file = vec![("product".to_owned(), Tree::text(self.code.clone()))];
        file.extend(name.map(|name| ("name".to_owned(), Tree::text(name))));
        file.extend([
            ("title".to_owned(), Tree::text(self.code.clone())),
            ("version".to_owned(), Tree::text(self.version.clone())),
            (
                "documentation".to_owned(),
                Tree::text(format!("https://api.alibabacloud.com/document/{}/{}", self.code, self.version)),
            ),
            ("default_region".to_owned(), Tree::text(endpoints.default_region.clone())),
            ("endpoints".to_owned(), endpoints.tree()),
        ]);
        if let Some(code) = success_code {
            file.push(("success_code".to_owned(), Tree::text(code)));
        }
        file.push(("guessed".to_owned(), Tree::Map(guessed)));
        if !shapes.is_empty() {
            let shapes = shapes.iter().map(|(name, shape)| ((*name).to_owned(), shape_tree(shape))).collect();
            file.push(("shapes".to_owned(), Tree::Map(shapes)));
        }
        file.push(("errors".to_owned(), Tree::Map(Vec::new())));
        Tree::Map(file)
    }
}

/// Why a style is not supported; `None` if it is.
fn refused_style(style: &str) -> Option<&'static str> {
    Some(match style.to_ascii_uppercase().as_str() {
        "RPC" | "ROA" => return None,
        "V3" => {
            "its actions need request bodies that only the V3 protocol has; use the official SDK of \
             the product"
        }
        "OSS" => "object storage has its own protocol; use the OSS SDK for Rust, or an S3 client",
        "FC" => {
            "functions are called over HTTP; use an HTTP client for calls, and the product's RPC or ROA metadata for management"
        }
        "PDS" => "drives have their own endpoints and tokens; use the official PDS SDK",
        "ALIGENIE" => "skills have their own tokens; use the official AliGenie SDK",
        _ => "only RPC and ROA are supported; use the official SDK of the product",
    })
}

fn shape_tree(shape: &Shape) -> Tree {
    let mut keys = match &shape.ty {
        Ty::Object(members) => vec![("type".to_owned(), Tree::text("object")), ("fields".to_owned(), fields(members))],
        ty => ty.keys(),
    };
    keys.insert(1, ("description".to_owned(), Tree::prose(&shape.description)));
    Tree::Map(keys)
}

/// The shapes that the types refer to, directly or through others.
pub fn reachable<'s>(
    roots: impl Iterator<Item = &'s Ty>,
    shapes: &'s BTreeMap<String, Shape>,
) -> BTreeMap<&'s str, &'s Shape> {
    let mut open = BTreeSet::new();
    roots.for_each(|ty| ty.shapes(&mut open));
    let mut found = BTreeMap::new();
    while let Some(name) = open.pop_first() {
        if let Some((name, shape)) = shapes.get_key_value(name)
            && found.insert(name.as_str(), shape).is_none()
        {
            let mut inner = BTreeSet::new();
            shape.ty.shapes(&mut inner);
            open.extend(inner.into_iter().filter(|name| !found.contains_key(name)));
        }
    }
    found
}
