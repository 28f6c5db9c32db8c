//! `import`: turns official metadata into the specifications of a product.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::cargo::root;
use super::unknown_argument;
use crate::import;
use crate::layout::has_yaml_extension;
use crate::plan::at;
use crate::spec::InputFile;

/// How many places of a note are shown.
const PLACES: usize = 5;

/// The help for the arguments.
pub(super) const HELP: &str = "
  FILE           the metadata of one product and version, usually called api-docs.json
  --action NAME  import this action only; may be repeated
  --name NAME    the name of the folder below api-spec/ and of the crate (after `alibabacloud-`), such as `ecs-20140526`. Default: the
                 name of the product, with the version appended if the folder of that name has another version
  --out FOLDER   the folder to write to instead; with --name, product.yaml gets the name
  --verbose      list all places of each note, not only the first ones

Existing files keep your changes. The command lists what is new, removed and changed upstream. Review the changes of the files with
version control, then run `cargo xtask generate`.
";

pub(super) fn run(arguments: &[String]) -> Result<ExitCode, String> {
    let mut file = None;
    let mut names = Vec::new();
    let (mut out, mut name) = (None, None);
    let mut places = PLACES;
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--action" => names.push(rest.next().ok_or("`--action` needs the name of an action")?.clone()),
            "--name" => {
                name = Some(rest.next().ok_or("`--name` needs the name of a crate, such as `ecs-20140526`")?.clone());
            }
            "--out" => out = Some(PathBuf::from(rest.next().ok_or("`--out` needs a folder")?)),
            "--verbose" => places = usize::MAX,
            _ if argument.starts_with('-') || file.is_some() => return Ok(unknown_argument(argument)),
            path => file = Some(PathBuf::from(path)),
        }
    }
    let file = file
        .ok_or("no metadata file is given; run `cargo xtask import FILE` (the file is usually called api-docs.json)")?;
    let bytes = at(&file, fs::read(&file)).map_err(|error| error.to_string())?;
    let metadata = String::from_utf8(bytes).map_err(|_| format!("{}: the file is not UTF-8", file.display()))?;
    let wrong = |problem: String| format!("{}: {problem}", file.display());
    let specifications = root().join("api-spec");
    let product_file = |folder: &str| {
        let is_elsewhere = out.is_some();
        (!is_elsewhere).then(|| fs::read_to_string(specifications.join(folder).join("product.yaml")).ok()).flatten()
    };
    let place = import::place(&metadata, name.as_deref(), product_file).map_err(wrong)?;
    let folder = out.clone().unwrap_or_else(|| specifications.join(&place.folder));
    let imported = import::import(&metadata, &names, &read_folder(&folder)?, place.name.as_deref()).map_err(wrong)?;

    eprint!("{}", imported.notes.render(places));
    print!("{}", imported.review());
    for (name, text) in &imported.files {
        let path = folder.join(name);
        at(&folder, fs::create_dir_all(&folder)).map_err(|error| error.to_string())?;
        at(&path, fs::write(&path, text)).map_err(|error| error.to_string())?;
    }
    println!("{}: {}", folder.display(), imported.summary());
    Ok(ExitCode::SUCCESS)
}

/// The specifications and fingerprints in a folder; none if there is no such folder.
fn read_folder(folder: &Path) -> Result<Vec<InputFile>, String> {
    let mut files = Vec::new();
    for name in super::generate::folder(folder).map_err(|error| error.to_string())? {
        let path = folder.join(&name);
        if path.is_file() && (has_yaml_extension(&name) || name == import::LOCK) {
            let bytes = at(&path, fs::read(&path)).map_err(|error| error.to_string())?;
            files.push(InputFile { path: name, bytes });
        }
    }
    Ok(files)
}
