//! `product.yaml`.

use std::collections::HashMap;
use std::ops::Range;

use super::{Checker, Key, Located, Owner, Shapes, has_any_key, quoted};
use crate::diagnostic::Findings;
use crate::spec::de::from_node;
use crate::spec::file::{self, ProductFile, ShapeType};
use crate::spec::node::Node;
use crate::spec::{Endpoints, Enum, Object, Product, RegionEndpoint, Shape, Type};

/// The product, and the names of its shapes even if the file has other errors.
pub fn product_file(root: &Node, findings: &Findings) -> Option<(Option<Product>, Vec<String>)> {
    if !has_any_key(root, &["product", "endpoints", "default_region"]) {
        findings.error(
            &(0..0),
            "this file does not describe a product",
            "expected the key `product`",
            "product.yaml begins with `product:` and the product code; each action has its own file",
        );
        return None;
    }
    let raw: ProductFile = from_node(root, findings)?;
    let raw_shapes = raw.shapes.given().map_or(&[][..], |shapes| &shapes.value.0[..]);
    let names: Vec<String> = raw_shapes.iter().map(|(name, _)| name.value.clone()).collect();
    let shapes = Shapes { names: Some(&names), types: HashMap::new() };
    let checker = Checker { findings, shapes: &shapes };
    let product = checker.product(&raw);
    Some((product, names))
}

impl Checker<'_> {
    fn product(&self, raw: &ProductFile) -> Option<Product> {
        let owner = Owner::file("product", raw.product.given());
        let code = self.required(&raw.product, "product", &owner).filter(|code| {
            self.characters(code, "a product code", "letters, digits, `-` and `_`", |c| {
                c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
            })
        });
        let title = self.prose(&raw.title, "title", &owner);
        let version = self.prose(&raw.version, "version", &owner);
        let documentation = self.required(&raw.documentation, "documentation", &owner);
        if let Some(address) = documentation
            && (!address.value.starts_with("https://") || address.value.chars().any(char::is_whitespace))
        {
            self.findings.error(
                &address.range,
                "`documentation` is not an address",
                "expected `https://…`",
                "write the address of the official documentation, without blanks",
            );
        }
        let default_region =
            self.required(&raw.default_region, "default_region", &owner).filter(|region| self.region(region));
        let endpoints = self.required(&raw.endpoints, "endpoints", &owner).map(|endpoints| self.endpoints(endpoints));
        let success_codes = raw.success_code.given().map_or(Vec::new(), |codes| self.success_codes(codes));
        let name = raw.name.given().filter(|name| {
            self.characters(name, "the name of a crate", "small letters, digits, `-` and `_`", |c| {
                c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_')
            })
        });
        let shapes = raw.shapes.given().map_or(&[][..], |shapes| &shapes.value.0[..]);
        let shapes = shapes.iter().filter_map(|(name, shape)| self.shape(name, shape)).collect();
        let errors = raw.errors.given().map_or(Vec::new(), |errors| self.error_codes(&errors.value));
        Some(Product {
            source: self.findings.source().path.clone(),
            code: self.spanned(code?),
            title: title?,
            version: version?,
            documentation: documentation?.value.clone(),
            default_region: default_region?.value.clone(),
            endpoints: endpoints?,
            name: name.map(|name| name.value.clone()),
            success_codes,
            shapes,
            errors,
            guessed: self
                .guesses(&raw.guessed, &["title", "documentation", "default_region", "endpoints", "success_code"]),
        })
    }
    fn region(&self, region: &Located<String>) -> bool {
        self.characters(region, "a region", "small letters, digits and `-`", |c| {
            c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
        })
    }

    fn host(&self, host: &Located<String>) -> bool {
        let of = "small letters, digits, `-`, `.` and `{region}`";
        // Remaining braces are not the exact placeholder.
        let rest = host.value.replace("{region}", "");
        self.characters(host, "a host name", of, |c| {
            c.is_ascii_lowercase()
                || c.is_ascii_digit()
                || matches!(c, '-' | '.')
                || (matches!(c, '{' | '}') && !rest.contains(c))
        })
    }
    fn endpoints(&self, raw: &Located<file::Endpoints>) -> Endpoints {
        let owner = Owner::key("endpoints", &raw.key);
        let pattern = |key: &Key<Located<String>>, name| {
            let pattern: &Located<String> = key.given()?;
            if !pattern.value.contains("{region}") {
                self.findings.error(
                    &pattern.range,
                    format!("the pattern `{name}` does not contain `{{region}}`"),
                    "`{region}` is missing",
                    "write `{region}` in place of the region; regions with other host names go \
                     under `regions`",
                );
                return None;
            }
            self.host(pattern).then(|| pattern.value.clone())
        };
        if matches!(raw.value.central, Key::Missing) {
            self.required(&raw.value.public, "public", &owner);
        }
        let public = pattern(&raw.value.public, "public");
        let vpc = pattern(&raw.value.vpc, "vpc");
        let central = raw.value.central.given().filter(|host| self.host(host)).and_then(|host| {
            if host.value.contains("{region}") {
                self.findings.error(
                    &host.range,
                    "a central host name contains `{region}`",
                    "`{region}` is not replaced here",
                    "write the host name that serves all regions, or remove `central`",
                );
                return None;
            }
            Some(host.value.clone())
        });
        let regions = raw.value.regions.given().map_or(&[][..], |regions| &regions.value.0[..]);
        let exceptions = regions.iter().filter_map(|(name, hosts)| self.region_endpoint(name, hosts)).collect();
        Endpoints { central, public, vpc, exceptions }
    }

    fn region_endpoint(&self, region: &Located<String>, raw: &file::RegionEndpoint) -> Option<RegionEndpoint> {
        let named = self.region(region);
        if matches!((&raw.public, &raw.vpc), (Key::Missing, Key::Missing)) {
            self.findings.error(
                &region.range,
                format!("the region {} has no host name", quoted(&region.value)),
                "neither `public` nor `vpc`",
                "add the host names of the region, or remove it if it follows the patterns",
            );
        }
        let host =
            |key: &Key<Located<String>>| key.given().filter(|host| self.host(host)).map(|host| host.value.clone());
        let (public, vpc) = (host(&raw.public), host(&raw.vpc));
        named.then(|| RegionEndpoint { region: region.value.clone(), public, vpc })
    }

    fn shape(&self, name: &Located<String>, raw: &file::Shape) -> Option<Shape> {
        let owner = Owner::named("shape", name);
        let named = self.name(name, "a shape");
        let description = self.prose_or_none(&raw.description, "description", &owner);
        let ty = self.required(&raw.ty, "type", &owner)?;
        let refuse = |key: Option<&Range<usize>>, name, ty| {
            if let Some(key) = key {
                self.needless(key, name, ty);
            }
        };
        let ty = match ty.value {
            ShapeType::Object => {
                refuse(raw.values.given().map(|values| &values.key), "values", "string");
                Type::Object(Object {
                    type_name: None,
                    description: None,
                    fields: self.fields(&self.required(&raw.fields, "fields", &owner)?.value),
                })
            }
            ShapeType::String => {
                refuse(raw.fields.given().map(|fields| &fields.key), "fields", "object");
                Type::Enum(Enum {
                    type_name: None,
                    values: self.values(self.required(&raw.values, "values", &owner)?)?,
                })
            }
        };
        Some(Shape { name: named.then(|| self.spanned(name))?, description: description?, ty })
    }
}
