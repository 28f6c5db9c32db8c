//! `policy`: prints the RAM policy that allows actions and nothing else.

use std::process::ExitCode;

use super::cargo::root;
use super::diff::{by_product, parse};
use super::{generate, unknown_argument};
use crate::diagnostic::quoted;
use crate::policy::policy;
use crate::spec::suggestion;

pub(super) fn run(arguments: &[String]) -> Result<ExitCode, String> {
    let (mut product, mut names) = (None, Vec::new());
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--action" => names.push(rest.next().ok_or("`--action` needs the name of an action")?.clone()),
            _ if argument.starts_with('-') || product.is_some() => return Ok(unknown_argument(argument)),
            name => product = Some(name.to_owned()),
        }
    }
    let products = by_product(generate::read_sources(&root()).map_err(|error| error.to_string())?);
    let known: Vec<&str> = products.keys().map(String::as_str).collect();
    let Some(product) = product else {
        return Err(format!("no product is given; run `cargo xtask policy PRODUCT`; {}", suggestion("", &known)));
    };
    let Some(files) = products.get(&product) else {
        return Err(format!("there is no product {}: {}", quoted(&product), suggestion(&product, &known)));
    };
    let policy = policy(&parse(files, "the specifications must be corrected first")?, &names)?;
    for note in &policy.notes {
        eprintln!("note: {note}");
    }
    print!("{}", policy.text);
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_missing_or_unknown_product_is_an_error_that_lists_the_known_ones() {
        let run = |arguments: &[&str]| super::run(&arguments.iter().map(|&text| text.to_owned()).collect::<Vec<_>>());
        assert!(run(&["camz"]).unwrap_err().starts_with("there is no product `camz`: did you mean `cams`?"));
        assert!(run(&[]).unwrap_err().contains("`cams`"));
        assert!(
            run(&["cams", "--action", "ChatappSyncPhoneNumbers"]).unwrap_err().contains("`ChatappSyncPhoneNumber`?")
        );
    }
}
