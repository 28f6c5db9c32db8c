//! The generator as one pure function: files of specifications -> files of generated code.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Severity};
use crate::plan::Plan;
use crate::spec::{self, InputFile, Spec, Type};
use crate::{emit, model};

/// What came out.
#[derive(Debug)]
pub struct Generated {
    pub plan: Plan,
    pub warnings: Vec<Diagnostic>,
    /// How many actions of how many products, fixtures not counted.
    pub products: usize,
    pub actions: usize,
}

/// Why nothing came out.
#[derive(Debug)]
pub enum Failure {
    /// The specifications are wrong; warnings are among the findings.
    Findings(Vec<Diagnostic>),
    /// The generator is: what it made is not what was declared.
    Internal(String),
}

/// Where the specifications of a product are, and where its code goes.
struct Target {
    /// The folder of the code.
    folder: String,
    /// Where a user finds the types.
    crate_path: String,
    fixture: bool,
}

impl Target {
    /// The target for a file; `None` if it is no part of a specification.
    fn of(path: &str) -> Option<Self> {
        let (folder, name) = path.rsplit_once('/')?;
        if !has_yaml_extension(name) {
            return None;
        }
        if let Some(fixture) = folder.strip_prefix("xtask/fixtures/") {
            return ["kitchen-sink", "obstacles"].contains(&fixture).then(|| {
                let module = fixture.replace('-', "_");
                Self {
                    folder: format!("tests/src/{module}"),
                    crate_path: format!("conformance::{module}"),
                    fixture: true,
                }
            });
        }
        let product = folder.strip_prefix("api-spec/").filter(|product| !product.contains('/'))?;
        Some(Self {
            folder: format!("crates/{product}/src/generated"),
            crate_path: format!("alibabacloud_{}", product.replace('-', "_")),
            fixture: false,
        })
    }
}

fn has_yaml_extension(name: &str) -> bool {
    // `.yml` is a mistake that the specification stage reports.
    name.rsplit_once('.').is_some_and(|(_, extension)| ["yaml", "yml"].contains(&extension))
}

/// Generates the code of all products and fixtures among the files, which may come in any order.
pub fn generate(sources: &[InputFile]) -> Result<Generated, Failure> {
    let mut products: BTreeMap<String, (Target, Vec<InputFile>)> = BTreeMap::new();
    for file in sources {
        if let Some(target) = Target::of(&file.path) {
            products.entry(target.folder.clone()).or_insert_with(|| (target, Vec::new())).1.push(file.clone());
        }
    }

    let mut plan = Plan::default();
    let mut findings = Vec::new();
    let (mut product_count, mut action_count) = (0, 0);
    for (target, mut files) in products.into_values() {
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let (spec, found) = spec::parse(&files);
        findings.extend(found);
        let Some(spec) = spec else { continue };
        match model::build(&spec) {
            Err(found) => findings.extend(found),
            Ok(model) => {
                let texts = emit::files(&model, &target.crate_path);
                verify(&spec, &texts).map_err(|message| {
                    Failure::Internal(format!("the code for {} is wrong: {message}", spec.product.source))
                })?;
                for (path, text) in texts {
                    plan.add(format!("{}/{path}", target.folder), text);
                }
                plan.add_folder(target.folder);
                if !target.fixture {
                    product_count += 1;
                    action_count += spec.actions.len();
                }
            }
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

/// How many things there are of each kind.
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
    /// What a specification declares.
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
        let errors = spec.product.errors.iter().chain(spec.actions.iter().flat_map(|action| &action.errors));
        let codes: std::collections::HashSet<_> = errors.map(|error| &error.code.value).collect();
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
            Type::String | Type::Int32 | Type::Int64 | Type::Number | Type::Boolean | Type::Any | Type::Shape(_) => {}
        }
    }

    fn add_object(&mut self, fields: &[spec::Field]) {
        self.objects += 1;
        self.members += fields.len();
        for field in fields {
            self.add(&field.ty);
        }
    }

    /// What stands in the generated files, read back as Rust.
    fn generated(texts: &[(String, String)]) -> Result<Self, String> {
        let mut count = Self::default();
        // The only other file is the Markdown table of the actions.
        for (path, text) in texts.iter().filter(|(path, _)| !path.ends_with("actions.md")) {
            let file = syn::parse_file(text).map_err(|error| format!("{path} is not Rust: {error}"))?;
            for item in &file.items {
                let syn::Item::Macro(call) = item else { continue };
                let (mut types, mut rows) = (0, 0);
                for token in call.mac.tokens.clone() {
                    if let proc_macro2::TokenTree::Group(group) = token
                        && group.delimiter() == proc_macro2::Delimiter::Brace
                    {
                        types += 1;
                        rows += group.stream().into_iter().filter(is_end_of_row).count();
                    }
                }
                if call.mac.path.is_ident("request") {
                    count.actions += types;
                    count.parameters += rows;
                } else if call.mac.path.is_ident("objects") {
                    count.objects += types;
                    count.members += rows;
                } else if call.mac.path.is_ident("open_enums") {
                    count.enums += types;
                    count.values += rows;
                }
            }
        }
        Ok(count)
    }
}

fn is_end_of_row(token: &proc_macro2::TokenTree) -> bool {
    matches!(token, proc_macro2::TokenTree::Punct(punct) if punct.as_char() == ';')
}

/// Counts what was generated against what was declared.
fn verify(spec: &Spec, texts: &[(String, String)]) -> Result<(), String> {
    let declared = Count::declared(spec);
    let generated = Count::generated(texts)?;
    if declared == generated { Ok(()) } else { Err(format!("declared are {declared:?}, generated were {generated:?}")) }
}

#[cfg(test)]
mod tests;
