//! The head of official metadata -> product.yaml.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::notes::Notes;
use super::schema::{Shape, Ty, fields, text};
use super::yaml::Tree;

/// What the metadata says about the product itself.
pub struct Product {
    pub code: String,
    pub version: String,
}

impl Product {
    /// The product, if it is one that can be called.
    pub fn read(metadata: &Map<String, Value>) -> Result<Self, String> {
        let info =
            metadata.get("info").and_then(Value::as_object).ok_or("this is no official metadata: it has no `info`")?;
        let (code, version, style) = (text(info, "product"), text(info, "version"), text(info, "style"));
        if !style.eq_ignore_ascii_case("rpc") {
            let shown = crate::diagnostic::quoted(&style);
            return Err(format!(
                "the product {} is of the style {shown}; only RPC products can be described, whose actions have no path",
                crate::diagnostic::quoted(&code)
            ));
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
            return Err(format!("{} is not the version of an API", crate::diagnostic::quoted(&version)));
        }
        Ok(Self { code, version })
    }

    /// The folder of the specification, and the name in host names.
    pub fn folder(&self) -> String {
        self.code.to_lowercase()
    }

    /// The whole file.
    pub fn file(
        &self,
        metadata: &Map<String, Value>,
        success_code: Option<&str>,
        shapes: &BTreeMap<&str, &Shape>,
        notes: &mut Notes,
    ) -> Tree {
        let mut guessed = Vec::new();
        let mut guess = |key: &str, reason: &str| guessed.push((key.to_owned(), Tree::text(reason)));
        guess("title", "The product code: the metadata has no title.");
        guess("documentation", "The address in the API portal, by its usual pattern.");
        let endpoints = Endpoints::read(metadata, &self.folder(), notes);
        if let Some(reason) = &endpoints.guess {
            guess("endpoints", reason);
        }
        guess(
            "default_region",
            "The largest region outside of mainland China if it has an endpoint, otherwise the first one listed.",
        );
        if success_code.is_some() {
            guess("success_code", "The `Code` of all documented answers.");
        }
        let mut file = vec![
            ("product".to_owned(), Tree::text(self.code.clone())),
            ("title".to_owned(), Tree::text(self.code.clone())),
            ("version".to_owned(), Tree::text(self.version.clone())),
            (
                "documentation".to_owned(),
                Tree::text(format!("https://api.alibabacloud.com/document/{}/{}", self.code, self.version)),
            ),
            ("default_region".to_owned(), Tree::text(endpoints.default_region.clone())),
            ("endpoints".to_owned(), endpoints.tree()),
        ];
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

fn shape_tree(shape: &Shape) -> Tree {
    let mut keys = match &shape.ty {
        Ty::Object(members) => vec![("type".to_owned(), Tree::text("object")), ("fields".to_owned(), fields(members))],
        ty => ty.keys(),
    };
    keys.insert(1, ("description".to_owned(), Tree::prose(&shape.description)));
    Tree::Map(keys)
}

/// Those shapes that the types refer to, directly or through others.
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

struct Endpoints {
    public: String,
    vpc: String,
    regions: Vec<(String, Option<String>, Option<String>)>,
    default_region: String,
    /// What about them is a guess.
    guess: Option<String>,
}

impl Endpoints {
    fn read(metadata: &Map<String, Value>, product: &str, notes: &mut Notes) -> Self {
        let mut listed: Vec<(String, Option<String>, Option<String>)> = Vec::new();
        for endpoint in
            metadata.get("endpoints").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
        {
            let region = text(endpoint, "regionId");
            let host = |key: &str| {
                let host =
                    text(endpoint, key).trim().trim_start_matches("https://").trim_end_matches('/').to_lowercase();
                Some(host).filter(|host| !host.is_empty())
            };
            let public = host("endpoint").or_else(|| host("public"));
            let vpc = host("vpc");
            let is_valid = |host: &Option<String>| host.as_ref().is_none_or(|host| is_host(host));
            if !is_region(&region) || !is_valid(&public) || !is_valid(&vpc) {
                notes.add(
                    "an endpoint is no host name, or its region no region: left out",
                    super::schema::shown(&region),
                );
                continue;
            }
            if (public.is_some() || vpc.is_some()) && !listed.iter().any(|(known, ..)| *known == region) {
                listed.push((region, public, vpc));
            }
        }
        let host = product.replace('_', "-");
        let pattern = |hosts: &mut dyn Iterator<Item = (&String, &String)>| {
            let mut counts: Vec<(String, usize)> = Vec::new();
            for (region, host) in hosts {
                let pattern = host.replace(region.as_str(), "{region}");
                if pattern == *host {
                    continue;
                }
                match counts.iter_mut().find(|(known, _)| *known == pattern) {
                    Some((_, count)) => *count += 1,
                    None => counts.push((pattern, 1)),
                }
            }
            // The first one of the most frequent.
            counts.into_iter().rev().max_by_key(|(_, count)| *count).map(|(pattern, _)| pattern)
        };
        let found_public =
            pattern(&mut listed.iter().filter_map(|(region, public, _)| Some((region, public.as_ref()?))));
        let found_vpc = pattern(&mut listed.iter().filter_map(|(region, _, vpc)| Some((region, vpc.as_ref()?))));
        let guess = match (&found_public, &found_vpc) {
            (Some(_), Some(_)) => None,
            (Some(_), None) => Some("The pattern inside a VPC follows the usual one.".to_owned()),
            (None, _) => {
                Some("The patterns are the usual ones: the metadata lists no host name with a region in it.".to_owned())
            }
        };
        let public = found_public.unwrap_or_else(|| format!("{host}.{{region}}.aliyuncs.com"));
        let vpc = found_vpc.unwrap_or_else(|| format!("{host}-vpc.{{region}}.aliyuncs.com"));
        let preferred = listed.iter().find(|(region, ..)| region == "ap-southeast-1").or_else(|| listed.first());
        let default_region = preferred.map_or("ap-southeast-1", |(region, ..)| region).to_owned();
        let regions = listed
            .into_iter()
            .map(|(region, own, inside)| {
                let follows = |pattern: &str, host: &String| pattern.replace("{region}", &region) == *host;
                let own = own.filter(|host| !follows(&public, host));
                let inside = inside.filter(|host| !follows(&vpc, host));
                (region, own, inside)
            })
            .filter(|(_, own, inside)| own.is_some() || inside.is_some())
            .collect();
        Self { public, vpc, regions, default_region, guess }
    }

    fn tree(&self) -> Tree {
        let mut keys = vec![
            ("public".to_owned(), Tree::text(self.public.clone())),
            ("vpc".to_owned(), Tree::text(self.vpc.clone())),
        ];
        if !self.regions.is_empty() {
            let region = |(region, public, vpc): &(String, Option<String>, Option<String>)| {
                let mut hosts = Vec::new();
                hosts.extend(public.iter().map(|host| ("public".to_owned(), Tree::text(host.clone()))));
                hosts.extend(vpc.iter().map(|host| ("vpc".to_owned(), Tree::text(host.clone()))));
                (region.clone(), Tree::Map(hosts))
            };
            keys.push(("regions".to_owned(), Tree::Map(self.regions.iter().map(region).collect())));
        }
        Tree::Map(keys)
    }
}

fn is_region(region: &str) -> bool {
    !region.is_empty() && region.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

fn is_host(host: &str) -> bool {
    host.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.')
}
