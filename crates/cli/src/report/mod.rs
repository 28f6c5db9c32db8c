//! `cams report`: from the journal of a bulk sync to a page that tells which numbers need attention.

mod attention;
mod chart;
mod csv;
mod findings;
mod html;
mod journal;
mod markdown;
mod mask;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command};

use self::findings::Findings;
use crate::exit::Failure;
use crate::figures::counted;
use crate::output;

/// The subcommand.
pub(crate) fn command() -> Command {
    Command::new("report")
        .about("Reports the journal of a bulk sync: which numbers need attention")
        .long_about(
            "Reports the journal that `cams bulk chatapp-sync-phone-number` wrote: totals, the numbers that need attention first, what \
             changed since a previous journal, and the rows that failed. As a page for the browser, as CSV for spreadsheets, or as \
             Markdown for chat.\n\n\
             Phone numbers are masked in every format, in the data inside the page, too. In CSV they are written as the service \
             writes them, without a plus sign, and a field that a spreadsheet would take for a formula gets an apostrophe in front. \
             Import columns of long numbers as text: spreadsheets keep only 15 digits.",
        )
        .arg(
            Arg::new("journal")
                .value_name("JOURNAL")
                .required(true)
                .num_args(1..)
                .help("The journal, or those of all shards of one input; - is standard input"),
        )
        .arg(
            Arg::new("previous")
                .long("previous")
                .value_name("JOURNAL")
                .action(ArgAction::Append)
                .help("An earlier journal to compare with; may be repeated for its shards"),
        )
        .arg(
            Arg::new("html")
                .long("html")
                .value_name("FILE")
                .conflicts_with("format")
                .help("Writes a page that needs nothing else, no network either; - is standard output"),
        )
        .arg(
            Arg::new("format")
                .long("format")
                .value_name("FORMAT")
                .value_parser(PossibleValuesParser::new(["csv", "markdown"]))
                .default_value("markdown")
                .help("What is printed on standard output"),
        )
        .arg(Arg::new("full").long("full").action(ArgAction::SetTrue).help("Shows phone numbers in full; a new page can then be read by its owner only"))
        .after_help("The exit code is 0 if the report was written, 1 if a journal cannot be reported or the report not be written.")
}

/// Writes the report that the command line asks for.
pub(crate) fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let paths = |name| matches.get_many::<String>(name).into_iter().flatten().map(|path| &**path);
    let journals: Vec<&str> = paths("journal").chain(paths("previous")).collect();
    if journals.iter().filter(|path| **path == "-").count() > 1 {
        return Err(Failure::usage("standard input can be one journal only".to_owned()));
    }
    let page = matches.get_one::<String>("html").map(String::as_str);
    if let Some(journal) = journals.iter().find(|journal| page.is_some_and(|page| is_same(page, journal))) {
        return Err(Failure::usage(format!("--html would overwrite the journal {journal}")));
    }

    let current = journal::read(paths("journal"))?;
    let previous = if matches.contains_id("previous") { Some(journal::read(paths("previous"))?) } else { None };
    let findings = Findings::new(current, previous, matches.get_flag("full"));
    match page {
        Some("-") => output::print(&html::render(&findings)),
        Some(path) => {
            write(path, &html::render(&findings), findings.full)
                .map_err(|error| Failure::local(format!("{path} cannot be written: {error}")))?;
            let urgent = findings.urgent().count();
            eprintln!(
                "{path}: {}, {}",
                counted(findings.numbers.len(), "number", "numbers"),
                counted(urgent, "needs attention", "need attention")
            );
            Ok(())
        }
        None if matches.get_one::<String>("format").is_some_and(|format| format == "csv") => {
            output::print(&csv::render(&findings))
        }
        None => output::print(&markdown::render(&findings)),
    }
}

/// Writes a file; a new one with phone numbers in full is for its owner alone, as the journal is.
fn write(path: &str, text: &str, full: bool) -> io::Result<()> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    if full {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    #[cfg(not(unix))]
    let _ = full;
    options.open(path)?.write_all(text.as_bytes())
}

/// Whether both are the same file.
fn is_same(one: &str, other: &str) -> bool {
    let real = |path: &str| fs::canonicalize(Path::new(path)).ok();
    real(one).is_some_and(|one| Some(one) == real(other))
}
