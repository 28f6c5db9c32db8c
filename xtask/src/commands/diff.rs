//! `diff`: shows what changes of the specifications since a revision mean for users.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal;
use std::path::Path;
use std::process::{Command, ExitCode};

use super::cargo::root;
use super::{generate, unknown_argument};
use crate::diagnostic::render;
use crate::diff::{Change, Place, Report, Verdict, changelog, diff, json, text};
use crate::layout::has_yaml_extension;
use crate::model;
use crate::spec::{self, InputFile, PLATFORM, Platform, Spec};

/// The exit code if the changes reach the level of `--fail-on`; errors have 1 and 2.
const TOO_MUCH: u8 = 3;

pub(super) fn run(arguments: &[String]) -> Result<ExitCode, String> {
    let (mut base, mut as_json, mut fail_on, mut in_changelogs) = (None, false, None, false);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--format" => match rest.next().map(String::as_str) {
                Some("json") => as_json = true,
                Some("text") => as_json = false,
                _ => return Err("`--format` needs `text` or `json`".to_owned()),
            },
            "--fail-on" => match rest.next().map(String::as_str) {
                Some("major") => fail_on = Some(Verdict::Major),
                Some("minor") => fail_on = Some(Verdict::Minor),
                _ => return Err("`--fail-on` needs `major` or `minor`".to_owned()),
            },
            "--changelog" => in_changelogs = true,
            _ if argument.starts_with('-') || base.is_some() => return Ok(unknown_argument(argument)),
            revision => base = Some(revision.to_owned()),
        }
    }
    let base = base.unwrap_or_else(|| "HEAD".to_owned());
    let reports = reports(&root(), &base)?;
    if in_changelogs {
        write_changelogs(&root(), &reports)?;
    }
    print!("{}", if as_json { json(&base, &reports) } else { text(&reports) });
    let verdict = reports.iter().filter_map(Report::verdict).max();
    let too_much = fail_on.is_some_and(|least| verdict >= Some(least));
    Ok(if too_much { ExitCode::from(TOO_MUCH) } else { ExitCode::SUCCESS })
}

/// Writes the changes into the changelogs of the generated crates.
fn write_changelogs(root: &Path, reports: &[Report]) -> Result<(), String> {
    for report in reports {
        let path = root.join("crates").join(&report.product).join("CHANGELOG.md");
        let failed = |problem: String| format!("`{}` cannot be written: {problem}", path.display());
        let existing = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => "# Changelog\n\n## Unreleased\n".to_owned(),
            Err(error) => return Err(failed(error.to_string())),
        };
        let text = changelog(&existing, report).map_err(failed)?;
        if text != existing {
            std::fs::write(&path, text).map_err(|error| failed(error.to_string()))?;
            eprintln!("{}: written", path.display());
        }
    }
    Ok(())
}

/// The changes of the specifications since a revision, by product.
fn reports(root: &Path, base: &str) -> Result<Vec<Report>, String> {
    let sources = generate::read_sources(root).map_err(|error| error.to_string())?;
    let old_sources = sources_at(root, base)?;
    let (old_platform, new_platform) = (platform(&old_sources)?, platform(&sources)?);
    let (old, new) = (by_product(old_sources), by_product(sources));
    let mut reports = Vec::new();
    for product in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
        let changes = match (old.get(product), new.get(product)) {
            (Some(old), Some(new)) => compare(base, (old, &old_platform), (new, &new_platform))?,
            (Some(_), None) => vec![whole("removed", Verdict::Major, "the crate is no longer generated")],
            (None, _) => vec![whole("added", Verdict::Minor, "a new crate")],
        };
        reports.push(Report { product: product.clone(), changes });
    }
    Ok(reports)
}

fn whole(what: &str, verdict: Verdict, reason: &str) -> Change {
    let place = Place { action: None, kind: "product", name: String::new() };
    Change { place, what: what.to_owned(), verdict, reason: reason.to_owned() }
}

/// The files of a product, and the platform of that time.
type Product<'a> = (&'a [InputFile], &'a Platform);

fn compare(base: &str, old: Product<'_>, new: Product<'_>) -> Result<Vec<Change>, String> {
    let old = parse(old.0, &format!("this generator cannot read the specifications of `{base}`"))?.on(old.1);
    let new = parse(new.0, "correct the specifications first")?.on(new.1);
    let names = |spec| model::build(spec, true).map_err(|findings| render(&findings, false));
    Ok(diff(&names(&old)?, &names(&new)?))
}

/// The platform that the sources describe; an empty one if there is no description.
fn platform(sources: &[InputFile]) -> Result<Platform, String> {
    let Some(file) = sources.iter().find(|file| file.path == PLATFORM) else { return Ok(Platform::default()) };
    let (platform, findings) = spec::parse_platform(file);
    platform.ok_or_else(|| {
        eprint!("{}", render(&findings, std::io::stderr().is_terminal()));
        format!("correct {PLATFORM} first")
    })
}

/// Reads specifications. Findings are printed; `problem` is the error if there are any.
pub(super) fn parse(files: &[InputFile], problem: &str) -> Result<Spec, String> {
    let (spec, findings) = spec::parse(files);
    spec.ok_or_else(|| {
        eprint!("{}", render(&findings, std::io::stderr().is_terminal()));
        problem.to_owned()
    })
}

/// The specifications by product, without fixtures and other files.
pub(super) fn by_product(files: Vec<InputFile>) -> BTreeMap<String, Vec<InputFile>> {
    let mut products: BTreeMap<String, Vec<InputFile>> = BTreeMap::new();
    for file in files {
        if let Some((product, name)) = file.path.strip_prefix("api-spec/").and_then(|path| path.split_once('/'))
            && has_yaml_extension(name)
            && !name.contains('/')
        {
            products.entry(product.to_owned()).or_default().push(file);
        }
    }
    products
}

/// The specifications at a revision.
fn sources_at(root: &Path, revision: &str) -> Result<Vec<InputFile>, String> {
    let name = format!("{revision}^{{commit}}");
    let commit = git(root, &["rev-parse", "--verify", "--quiet", "--end-of-options", &name]).map_err(|_| {
        format!("`{}` is not a revision of this repository; name a commit, a branch or a tag", revision.escape_debug())
    })?;
    let commit = String::from_utf8_lossy(&commit).trim().to_owned();
    let paths = git(root, &["ls-tree", "-r", "-z", "--name-only", &commit, "--", "api-spec"])?;
    let paths = String::from_utf8(paths).map_err(|_| "a path in `api-spec` is not UTF-8".to_owned())?;
    let yaml = paths.split('\0').filter(|path| has_yaml_extension(path));
    // `./`: the paths of `ls-tree` are relative to this folder.
    yaml.map(|path| {
        Ok(InputFile { path: path.to_owned(), bytes: git(root, &["show", &format!("{commit}:./{path}")])? })
    })
    .collect()
}

/// The output of a git command in a folder.
fn git(root: &Path, arguments: &[&str]) -> Result<Vec<u8>, String> {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(root)
        .output()
        .map_err(|error| format!("`git` cannot be started: {error}"))?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(format!("`git {}` failed: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_for_an_unknown_revision_names_it() {
        for wrong in ["no-such-branch", "--help", ""] {
            let error = sources_at(&root(), wrong).unwrap_err();
            assert!(error.contains(&format!("`{wrong}`")) && error.contains("name a commit"), "{error}");
        }
    }

    #[test]
    fn the_specifications_of_the_base_come_from_its_revision() {
        const PRODUCT: &str = "{ product: shop, title: Shop, version: \"2024-01-01\", documentation: https://example.com, \
             default_region: cn-x, endpoints: { public: \"shop.{region}.example.com\", vpc: \"vpc.{region}.example.com\" } }";
        let action = |limit: &str| {
            format!(
                "{{ action: Sell, summary: S., idempotent: true, rate_limit: {limit}, authorization: none, parameters: {{}}, \
                 response: {{}}, errors: {{}}, example: \"{{}}\" }}"
            )
        };
        let repository = std::env::temp_dir().join(format!("diff-of-a-repository-{}", std::process::id()));
        let write = |product: &str, limit: &str| {
            let folder = repository.join("api-spec").join(product);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("product.yaml"), PRODUCT).unwrap();
            std::fs::write(folder.join("Sell.yaml"), action(limit)).unwrap();
        };
        let commit = || {
            git(&repository, &["add", "--all"]).unwrap();
            let by = ["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"];
            git(&repository, &[&by[..], &["commit", "--quiet", "--message", "A state"]].concat()).unwrap();
        };
        let since = |base: &str| text(&reports(&repository, base).unwrap());
        write("shop", "1/s");
        git(&repository, &["init", "--quiet"]).unwrap();
        commit();
        assert_eq!(since("HEAD"), "nothing changed\n");
        write("shop", "2/s");
        assert!(since("HEAD").contains("rate limit: `1/s` becomes `2/s`"), "{}", since("HEAD"));
        write("kiosk", "1/s");
        commit();
        write("shop", "3/s");
        assert!(since("HEAD").contains("rate limit: `2/s` becomes `3/s`"), "{}", since("HEAD"));
        let both = since("HEAD~1");
        assert!(both.contains("`1/s` becomes `3/s`") && both.contains("kiosk: minor"), "{both}");
        std::fs::remove_dir_all(repository.join("api-spec/kiosk")).unwrap();
        assert!(since("HEAD").contains("kiosk: major"), "{}", since("HEAD"));
        std::fs::remove_dir_all(&repository).unwrap();
    }

    #[test]
    fn only_specifications_of_products_are_compared() {
        let file = |path: &str| InputFile { path: path.to_owned(), bytes: Vec::new() };
        let files =
            ["api-spec/README.md", "api-spec/schema/action.json", "api-spec/cams/A.yaml", "xtask/fixtures/x/A.yaml"];
        let products = by_product(files.map(file).to_vec());
        assert_eq!(products.keys().collect::<Vec<_>>(), ["cams"]);
        assert_eq!(products["cams"].len(), 1);
    }

    #[test]
    fn errors_for_wrong_arguments_list_the_right_ones() {
        let run = |arguments: &[&str]| super::run(&arguments.iter().map(|&text| text.to_owned()).collect::<Vec<_>>());
        assert!(run(&["--format", "xml"]).unwrap_err().contains("`json`"));
        assert!(run(&["--fail-on"]).unwrap_err().contains("`major`"));
        assert_eq!(run(&["HEAD", "HEAD"]), Ok(ExitCode::from(2)));
    }
}
