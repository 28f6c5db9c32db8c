//! The generator as a pure function from specification files to generated files.

use std::collections::BTreeMap;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::diagnostic::{Diagnostic, Severity, Source, Span};
use crate::emit::Manifest;
use crate::layout::{BENEATH_CREDENTIALS, RUNTIME_TABLES, Target, crate_name, crate_path, manifest_name};
use crate::model::Model;
use crate::parallel;
use crate::plan::Plan;
use crate::spec::{self, InputFile, Platform, Spec, Type};
use crate::{emit, model};

/// The result of generating.
#[derive(Debug)]
pub struct Generated {
    pub plan: Plan,
    pub warnings: Vec<Diagnostic>,
    /// The numbers of actions and products, without fixtures.
    pub products: usize,
    pub actions: usize,
}

/// Why nothing was generated.
#[derive(Debug)]
pub enum Failure {
    /// The specifications have errors; the findings include warnings.
    Findings(Vec<Diagnostic>),
    /// A bug of the generator: the code does not match the specification.
    Internal(String),
}

/// Generates the code of all products and fixtures among the files, which may come in any order.
///
/// The files can include the manifests of the crates: a hand-written one decides the name of its crate.
pub fn generate(sources: &[InputFile]) -> Result<Generated, Failure> {
    let mut products: BTreeMap<String, (Target, Vec<InputFile>)> = BTreeMap::new();
    let mut named: BTreeMap<String, String> = BTreeMap::new();
    for file in sources {
        if let Some(package) = file.path.strip_suffix("Cargo.toml")
            && let Some(name) = manifest_name(&file.bytes)
        {
            named.insert(package.to_owned(), name);
        }
        if let Some(target) = Target::of(&file.path) {
            products.entry(target.folder.clone()).or_insert_with(|| (target, Vec::new())).1.push(file.clone());
        }
    }

    let (platform, mut findings) = read_platform(sources);
    let Some(platform) = platform else { return Err(Failure::Findings(findings)) };
    let mut plan = Plan::default();
    plan.add(format!("{RUNTIME_TABLES}/table.rs"), emit::platform(&platform));
    plan.add_folder(RUNTIME_TABLES.to_owned());
    let (mut product_count, mut action_count) = (0, 0);
    for (mut target, files) in products.into_values() {
        target.own_name = target.package.as_ref().and_then(|package| named.get(package)).cloned();
        let (count, found) = add_product(&mut plan, &target, files, &Manifest::Member, &platform)?;
        findings.extend(found);
        if let (Some(count), Some(_)) = (count, &target.package) {
            product_count += 1;
            action_count += count;
        }
    }
    for (path, text) in spec::schemas() {
        plan.add(path, text);
    }
    plan.add_folder("api-spec/schema".to_owned());

    if findings.iter().any(|finding| finding.severity == Severity::Error) {
        return Err(Failure::Findings(findings));
    }
    Ok(Generated { plan, warnings: findings, products: product_count, actions: action_count })
}

/// Reads the description of the platform.
fn read_platform(sources: &[InputFile]) -> (Option<Platform>, Vec<Diagnostic>) {
    if let Some(file) = sources.iter().find(|file| file.path == spec::PLATFORM) {
        return spec::parse_platform(file);
    }
    let source = Source { path: spec::PLATFORM.to_owned(), text: String::new() };
    let finding = Diagnostic::error(
        Span { source: source.into(), range: 0..0 },
        "the platform is not described",
        "this file does not exist",
        "restore it from version control; it holds the facts that all products share",
    );
    (None, vec![finding])
}

/// Generates a separate crate from the files of one folder, with paths relative to the crate. `manifest` is its
/// existing `Cargo.toml`, if any.
pub fn generate_crate(sources: &[InputFile], runtime: &str, manifest: Option<&[u8]>) -> Result<Generated, Failure> {
    let own_name = manifest.and_then(manifest_name);
    let (spec, findings) = spec::parse(sources);
    let Some(spec) = spec else { return Err(Failure::Findings(findings)) };
    let spec = spec.on(&spec::built_in_platform().map_err(Failure::Findings)?);
    let manifest = Manifest::Standalone { runtime: runtime.to_owned() };
    let target = Target {
        folder: "src/generated".to_owned(),
        crate_path: crate_path(&crate_name(&spec.product.code.value)),
        own_name,
        package: Some(String::new()),
        offers_credentials: manifest.credentials().is_some(),
    };
    let mut plan = Plan::default();
    let more = add_spec(&mut plan, &target, &spec, &manifest)?;
    if !more.is_empty() {
        return Err(Failure::Findings(more));
    }
    Ok(Generated { plan, warnings: findings, products: 1, actions: spec.actions.len() })
}

/// Adds the generated files of a product. Returns its number of actions if there are no errors.
fn add_product(
    plan: &mut Plan,
    target: &Target,
    mut files: Vec<InputFile>,
    manifest: &Manifest,
    platform: &Platform,
) -> Result<(Option<usize>, Vec<Diagnostic>), Failure> {
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let (spec, mut findings) = spec::parse(&files);
    let Some(spec) = spec.map(|spec| spec.on(platform)) else { return Ok((None, findings)) };
    findings.extend(add_spec(plan, target, &spec, manifest)?);
    Ok((Some(spec.actions.len()), findings))
}

/// Adds the generated files of a specification, or returns findings about its names.
fn add_spec(plan: &mut Plan, target: &Target, spec: &Spec, manifest: &Manifest) -> Result<Vec<Diagnostic>, Failure> {
    // The name in the manifest takes precedence over that of the specification, and this over that of the folder or
    // product.
    let crate_path = match (&target.package, &target.own_name, &spec.product.name) {
        (Some(_), Some(own), _) => crate_path(own),
        (Some(_), None, Some(name)) => crate_path(&crate_name(name)),
        _ => target.crate_path.clone(),
    };
    let is_beneath = BENEATH_CREDENTIALS.iter().any(|name| name.replace('-', "_") == crate_path);
    // A fixture is a module, and a module has no features.
    let model = match model::build(spec, target.package.is_some()) {
        Ok(model) => Model { offers_credentials: target.offers_credentials && !is_beneath, ..model },
        Err(findings) => return Ok(findings),
    };
    let texts = emit::files(&model, &crate_path);
    verify(spec, &texts)
        .map_err(|message| Failure::Internal(format!("the code for {} is wrong: {message}", spec.product.source)))?;
    for (path, text) in texts {
        plan.add(format!("{}/{path}", target.folder), text);
    }
    plan.add_folder(target.folder.clone());
    let documented = emit::tests(&model, &crate_path);
    if let Some(package) = &target.package {
        for (path, text) in emit::package(&model, &crate_path, manifest) {
            plan.add_yielding(format!("{package}{path}"), text, format!("{package}Cargo.toml"));
        }
        plan.add(format!("{package}tests/documented.rs"), documented);
        plan.add_folder(format!("{package}tests"));
    } else {
        // A module of `tests/tests/generated.rs`.
        plan.add(format!("{}/documented.rs", target.folder), documented);
    }
    Ok(Vec::new())
}

/// The number of items of each kind.
#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    actions: usize,
    parameters: usize,
    objects: usize,
    members: usize,
    enums: usize,
    values: usize,
}

impl Count {
    /// Counts the items of a specification.
    fn declared(spec: &Spec) -> Self {
        let mut count = Self { actions: spec.actions.len(), ..Self::default() };
        for shape in &spec.product.shapes {
            count.add(&shape.ty);
        }
        for action in &spec.actions {
            count.parameters += action.parameters.len();
            for parameter in &action.parameters {
                count.add(&parameter.ty);
            }
            count.add_object(&action.response);
        }
        let codes: std::collections::HashSet<_> = spec.errors().map(|error| &error.code.value).collect();
        count.enums += 1;
        count.values += codes.len();
        count
    }

    fn add(&mut self, ty: &Type) {
        match ty {
            Type::Array(inner) | Type::Map(inner) => self.add(inner),
            Type::Wrapped(wrapped) => self.add(&wrapped.items),
            Type::Object(object) => self.add_object(&object.fields),
            Type::Enum(values) => {
                self.enums += 1;
                self.values += values.values.len();
            }
            Type::String
            | Type::Int32
            | Type::Int64
            | Type::Number
            | Type::Boolean
            | Type::Any
            | Type::Bytes
            | Type::Shape(_) => {}
        }
    }

    fn add_object(&mut self, fields: &[spec::Field]) {
        self.objects += 1;
        self.members += fields.len();
        for field in fields {
            self.add(&field.ty);
        }
    }

    /// Counts the items of the generated files, which are parsed as Rust.
    fn generated(texts: &[(String, String)]) -> Result<Self, String> {
        parallel::map(texts, |(path, text)| Self::of_file(path, text)).into_iter().try_fold(
            Self::default(),
            |all, one| {
                let one = one?;
                Ok(Self {
                    actions: all.actions + one.actions,
                    parameters: all.parameters + one.parameters,
                    objects: all.objects + one.objects,
                    members: all.members + one.members,
                    enums: all.enums + one.enums,
                    values: all.values + one.values,
                })
            },
        )
    }

    fn of_file(path: &str, text: &str) -> Result<Self, String> {
        let mut count = Self::default();
        // The only file that is not Rust is the Markdown table of the actions.
        if path.ends_with("actions.md") {
            return Ok(count);
        }
        let file = syn::parse_file(text).map_err(|error| format!("{path} is not Rust: {error}"))?;
        for item in file.items {
            let syn::Item::Macro(call) = item else { continue };
            let (types, members) = match call.mac.path.get_ident().map(ToString::to_string).as_deref() {
                Some("request") => (&mut count.actions, &mut count.parameters),
                Some("object") => (&mut count.objects, &mut count.members),
                Some("open_enum") => (&mut count.enums, &mut count.values),
                _ => continue,
            };
            *types += 1;
            *members += members_of(call.mac.tokens);
        }
        Ok(count)
    }
}

/// The number of fields or variants of the item in a macro call: each field has `pub`, each variant `=`. Parsing the item
/// again would take a tenth of the time of generating, and it was parsed when it was printed.
fn members_of(item: TokenStream) -> usize {
    let body = item.into_iter().filter_map(|token| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group.stream()),
        _ => None,
    });
    let is_member = |token: &TokenTree| match token {
        TokenTree::Ident(ident) => ident == "pub",
        TokenTree::Punct(punct) => punct.as_char() == '=',
        _ => false,
    };
    body.flatten().filter(is_member).count()
}

/// Compares the generated items with those of the specification.
fn verify(spec: &Spec, texts: &[(String, String)]) -> Result<(), String> {
    let declared = Count::declared(spec);
    let generated = Count::generated(texts)?;
    if declared == generated {
        Ok(())
    } else {
        Err(format!("the specification declares {declared:?}, but the code has {generated:?}"))
    }
}

#[cfg(test)]
mod tests;
