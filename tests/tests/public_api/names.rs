//! The names that can be reached from a crate, and the paths in their signatures, from rustdoc's JSON.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The documentation of crates, by their names.
type Docs = BTreeMap<String, Value>;

/// The items that can be reached from the root of one crate, including re-exports of other crates.
pub(crate) struct Names<'d> {
    docs: &'d Docs,
    /// The paths at which everything that can be named is defined.
    nameable: BTreeSet<String>,
    /// The crates that are re-exported as a whole.
    crates: BTreeSet<String>,
    /// Items with a signature: the crate that defines each, and its ID there.
    items: BTreeSet<(&'d str, u64)>,
    seen: BTreeSet<(&'d str, u64)>,
}

impl<'d> Names<'d> {
    pub(crate) fn of(docs: &'d Docs, package: &str) -> Self {
        let (package, json) = docs.get_key_value(package).expect("the crate is documented");
        let empty = BTreeSet::new;
        let mut names =
            Self { docs, nameable: empty(), crates: empty(), items: BTreeSet::new(), seen: BTreeSet::new() };
        names.reach(package, json["root"].as_u64().expect("a crate has a root"));
        names
    }

    /// The number of items with a signature.
    pub(crate) fn count(&self) -> usize {
        self.items.len()
    }

    fn reach(&mut self, package: &'d str, id: u64) {
        if !self.seen.insert((package, id)) {
            return;
        }
        let json = &self.docs[package];
        let path = path_of(json, id);
        self.nameable.extend(path.clone());
        let item = &json["index"][id.to_string()];
        let inner = &item["inner"];
        if item.is_null() {
            let path = path.unwrap_or_default();
            match path.split_once("::") {
                Some((owner, _)) if owner != package => self.reach_foreign(owner, &path),
                Some(_) => {}
                None => {
                    self.crates.insert(path);
                }
            }
        } else if let Some(items) = inner["module"]["items"].as_array() {
            items.iter().filter_map(Value::as_u64).for_each(|id| self.reach(package, id));
        } else if !inner["use"].is_null() {
            inner["use"]["id"].as_u64().into_iter().for_each(|id| self.reach(package, id));
        } else {
            // An alias names what it stands for.
            let target = inner["type_alias"]["type"]["resolved_path"]["id"].as_u64();
            self.nameable.extend(target.and_then(|id| path_of(json, id)));
            self.items.insert((package, id));
        }
    }

    /// The item that another documented crate defines at this path.
    fn reach_foreign(&mut self, owner: &str, path: &str) {
        let Some((owner, json)) = self.docs.get_key_value(owner) else { return };
        let mut ids = json["paths"].as_object().into_iter().flatten().filter_map(|(id, _)| id.parse().ok());
        if let Some(id) = ids.find(|&id| path_of(json, id).is_some_and(|known| known == path)) {
            self.reach(owner, id);
        }
    }

    /// The paths in signatures that cannot be named, with the items whose signatures have them.
    pub(crate) fn missing_in_signatures(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut missing = BTreeMap::new();
        for &(package, id) in &self.items {
            let json = &self.docs[package];
            let name = path_of(json, id).unwrap_or_default();
            each_signature(json, id, &mut |signature| self.look_through(json, signature, &name, &mut missing));
        }
        missing
    }

    fn look_through(&self, json: &Value, value: &Value, user: &str, missing: &mut BTreeMap<String, BTreeSet<String>>) {
        if let (Some(id), Some(path), true) =
            (value["id"].as_u64(), value["path"].as_str(), value.get("args").is_some())
        {
            // Hidden items have no public path.
            let path = path_of(json, id).unwrap_or_else(|| path.to_owned());
            let owner = path.split("::").next().unwrap_or_default();
            let is_known = ["std", "core", "alloc"].contains(&owner) || self.crates.contains(owner);
            if !is_known && !self.nameable.contains(&path) {
                missing.entry(path).or_default().insert(user.to_owned());
            }
        }
        match value {
            Value::Array(values) => values.iter().for_each(|value| self.look_through(json, value, user, missing)),
            Value::Object(values) => values.values().for_each(|value| self.look_through(json, value, user, missing)),
            _ => {}
        }
    }
}

/// The path at which an item is defined; none for what is hidden.
fn path_of(json: &Value, id: u64) -> Option<String> {
    let path = json["paths"][id.to_string()]["path"].as_array()?;
    Some(path.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("::"))
}

/// Visits what an item and its public parts say of types: fields, variants, methods, and the associated types of its traits.
fn each_signature(json: &Value, id: u64, visit: &mut dyn FnMut(&Value)) {
    let item = &json["index"][id.to_string()];
    let is_public = ["public", "default"].iter().any(|visibility| item["visibility"] == *visibility);
    let Some((kind, inner)) = item["inner"].as_object().and_then(|inner| inner.iter().next()).filter(|_| is_public)
    else {
        return;
    };
    let ids = |value: &Value| value.as_array().into_iter().flatten().filter_map(Value::as_u64).collect::<Vec<_>>();
    let mut parts = Vec::new();
    match kind.as_str() {
        "struct" | "enum" => {
            visit(&inner["generics"]);
            parts.extend(ids(&inner["variants"]));
            parts.extend(ids(&inner["kind"]["plain"]["fields"]));
            parts.extend(ids(&inner["kind"]["tuple"]));
            for id in ids(&inner["impls"]) {
                let implementation = &json["index"][id.to_string()]["inner"]["impl"];
                if !implementation["blanket_impl"].is_null() || implementation["is_synthetic"] == true {
                    continue;
                }
                let items = ids(&implementation["items"]);
                if implementation["trait"].is_null() {
                    visit(&implementation["generics"]);
                    parts.extend(items);
                } else {
                    let is_type = |id: &u64| !json["index"][id.to_string()]["inner"]["assoc_type"].is_null();
                    parts.extend(items.into_iter().filter(is_type));
                }
            }
        }
        "variant" => {
            parts.extend(ids(&inner["kind"]["tuple"]));
            parts.extend(ids(&inner["kind"]["struct"]["fields"]));
        }
        "trait" => {
            visit(&inner["generics"]);
            visit(&inner["bounds"]);
            parts.extend(ids(&inner["items"]));
        }
        _ => visit(inner),
    }
    for id in parts {
        each_signature(json, id, visit);
    }
}
