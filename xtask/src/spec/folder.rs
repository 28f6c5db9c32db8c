//! Reads the files of a product folder into a [`Spec`].
//!
//! Checks continue after a finding, so that one run shows all of them. Wrong parts are left out of the result, which
//! is returned only without errors.

use std::sync::LazyLock;

use super::check::{Shapes, action_file, platform_file, product_file, waiters};
use super::node::{self, Node};
use super::{Platform, Spec, file_name};
use crate::diagnostic::{Diagnostic, Findings, Severity, Source, Span, quoted};
use crate::parallel;

/// The most findings about one file that are shown; others are only counted.
const MOST_FINDINGS: usize = 50;

/// The path of the description of the platform.
pub const PLATFORM: &str = "api-spec/platform.yaml";

/// The path and content of a file.
#[derive(Debug, Clone)]
pub struct InputFile {
    /// Path from the repository root, with `/`.
    pub path: String,
    pub bytes: Vec<u8>,
}

/// Reads the files of one product folder: `product.yaml` and one file per action, in any order.
///
/// The findings are sorted by file and place. There is a [`Spec`] unless one of them is an error.
pub fn parse(files: &[InputFile]) -> (Option<Spec>, Vec<Diagnostic>) {
    let mut findings = Vec::new();
    let is_product = |file: &&InputFile| file_name(&file.path) == "product.yaml";

    let mut product = None;
    let mut shape_names = None;
    if let Some(file) = files.iter().find(is_product) {
        let (outcome, found) = read_file(file, product_file);
        findings.extend(found);
        if let Some((read, names)) = outcome {
            product = read;
            shape_names = Some(names);
        }
    } else {
        findings.push(no_product(files));
    }

    let shapes = Shapes {
        names: shape_names.as_deref(),
        types: product
            .iter()
            .flat_map(|product| &product.shapes)
            .map(|shape| (shape.name.value.as_str(), &shape.ty))
            .collect(),
    };
    let mut actions = Vec::new();
    let action_files: Vec<&InputFile> = files.iter().filter(|file| !is_product(file)).collect();
    let read = |file: &&InputFile| read_file(file, |root, findings| action_file(root, findings, &shapes));
    for (action, found) in parallel::map(&action_files, read) {
        findings.extend(found);
        actions.extend(action);
    }
    if let Some(product) = &product {
        findings.extend(waiters(&mut actions, product));
    }
    if let Some(product) = &product
        && files.len() == 1
    {
        findings.push(Diagnostic::warning(
            product.code.span.clone(),
            format!("the product {} has no actions", quoted(&product.code.value)),
            "this folder describes no action",
            "describe each action in a separate file, `<Action>.yaml`",
        ));
    }

    findings.sort_by(|a, b| {
        let place = |d: &Diagnostic| (d.span.range.start, d.severity);
        a.span.source.path.cmp(&b.span.source.path).then_with(|| place(a).cmp(&place(b)))
    });
    let failed = findings.iter().any(|finding| finding.severity == Severity::Error);
    actions.sort_by(|a, b| a.name.value.cmp(&b.name.value));
    let spec = match product {
        Some(product) if !failed => Some(Spec { platform: Vec::new(), product, actions }),
        _ => None,
    };
    (spec, findings)
}

/// Reads `platform.yaml`. There is a [`Platform`] unless a finding is an error.
pub fn parse_platform(file: &InputFile) -> (Option<Platform>, Vec<Diagnostic>) {
    let (platform, findings) = read_file(file, platform_file);
    let failed = findings.iter().any(|finding| finding.severity == Severity::Error);
    (platform.filter(|_| !failed), findings)
}

/// The platform of the repository that this program was built from, for imports and crates elsewhere.
///
/// # Errors
/// The findings about `platform.yaml`.
pub fn built_in_platform() -> Result<Platform, Vec<Diagnostic>> {
    // Parsed once, because a catalogue has hundreds of products.
    static BUILT_IN: LazyLock<Result<Platform, Vec<Diagnostic>>> = LazyLock::new(|| {
        let bytes = include_bytes!("../../../api-spec/platform.yaml").to_vec();
        let (platform, findings) = parse_platform(&InputFile { path: PLATFORM.to_owned(), bytes });
        platform.ok_or(findings)
    });
    BUILT_IN.clone()
}

/// Reads one file, and limits its findings.
fn read_file<T>(file: &InputFile, check: impl FnOnce(&Node, &Findings) -> Option<T>) -> (Option<T>, Vec<Diagnostic>) {
    let (outcome, findings) = match node::decode(&file.path, &file.bytes) {
        Err(findings) => (None, findings),
        Ok(findings) => {
            let outcome = node::read(&findings).and_then(|root| check(&root, &findings));
            (outcome, findings)
        }
    };
    let mut list = findings.into_list();
    list.sort_by_key(|finding| (finding.severity, finding.span.range.start));
    if let Some(first_hidden) = list.get(MOST_FINDINGS) {
        let hidden = list.len() - MOST_FINDINGS;
        let more = Diagnostic {
            message: format!("{hidden} more findings in this file"),
            label: "the first one that is not shown".to_owned(),
            related: None,
            help: "correct the findings above, and run the command again".to_owned(),
            ..first_hidden.clone()
        };
        list.truncate(MOST_FINDINGS);
        list.push(more);
    }
    (outcome, list)
}

fn no_product(files: &[InputFile]) -> Diagnostic {
    let folder = files
        .first()
        .and_then(|file| file.path.rsplit_once('/'))
        .map_or(String::new(), |(folder, _)| format!("{folder}/"));
    let source = Source { path: format!("{folder}product.yaml"), text: String::new() };
    let span = Span { source: source.into(), range: 0..0 };
    Diagnostic::error(
        span,
        "a product folder has no product.yaml",
        "this file does not exist",
        "write one with the product's code, version and endpoints (see api-spec/README.md)",
    )
}
