//! `cams report`: turns the journal of a bulk into a page, a spreadsheet or a message that shows what to do next.

mod calls;
mod csv;
mod facts;
mod journal;
mod markdown;
mod mask;
mod page;
mod sync;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use alibabacloud_cams::ChatappSyncPhoneNumber;
use alibabacloud_runtime::Action;
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command};

use self::journal::Source;
use crate::exit::{self, Failure};
use crate::output;

/// The subcommand.
pub(crate) fn command() -> Command {
    Command::new("report")
        .about("Reports the journal of a bulk as a page, CSV or Markdown, with the next steps")
        .long_about(
                "Reports a journal that `cams bulk` wrote. For a sync: totals, changes since a previous journal, the numbers that need attention, \
             and the rows that failed. For any other action: the rows that are done with their responses, the rows of unknown outcome with the \
             way to check them, and the rows that failed, grouped by error code with advice for each.\n\n\
             Columns of the input that are not parameters are shown as labels. Phone numbers are masked in every format, including the data \
             embedded in the page. In CSV they have no plus sign, as the service writes them, and a field that a spreadsheet would take for a \
             formula is prefixed with an apostrophe. Import columns of long numbers as text, because spreadsheets keep only 15 digits.",
        )
        .arg(
            Arg::new("journal")
                .value_name("JOURNAL")
                .required(true)
                .num_args(1..)
                .help("The journal, or the journals of all shards of one input; `-` reads standard input"),
        )
        .arg(
            Arg::new("previous")
                .long("previous")
                .value_name("JOURNAL")
                .action(ArgAction::Append)
                .help("The previous journal of a sync to compare with; can be given several times for its shards"),
        )
        .arg(
            Arg::new("html")
                .long("html")
                .value_name("FILE")
                .conflicts_with("format")
                .help("Writes a self-contained HTML page; `-` writes to standard output"),
        )
        .arg(
            Arg::new("format")
                .long("format")
                .value_name("FORMAT")
                .value_parser(PossibleValuesParser::new(["csv", "markdown"]))
                .default_value("markdown")
                .help("The format printed on standard output"),
        )
        .arg(
            Arg::new("full")
                .long("full")
                .action(ArgAction::SetTrue)
                .help("Shows phone numbers in full; a new file is then readable only by its owner"),
        )
        .after_help(
            "Examples:\n  cams report today.jsonl\n  cams report today.jsonl --previous yesterday.jsonl --html numbers.html\n  \
              cams report migrations.jsonl --format csv > migrations.csv\n\nThe exit code is 0 if the report was written, and 1 if a journal cannot be \
              read or the report cannot be written.",
        )
}

/// The format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Html,
    Csv,
    Markdown,
}

/// A report that can be written in any format.
trait Report {
    fn render(&self, format: Format) -> Result<String, Failure>;

    /// A summary in a few words.
    fn summary(&self) -> String;

    /// Notes about the journal. CSV has no place for them.
    fn notes(&self) -> &[String];

    /// Whether phone numbers are shown in full.
    fn is_full(&self) -> bool;
}

/// Writes the report.
pub(crate) fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let paths = |name| matches.get_many::<String>(name).into_iter().flatten().map(|path| &**path);
    let journals: Vec<&str> = paths("journal").chain(paths("previous")).collect();
    if journals.iter().filter(|path| **path == "-").count() > 1 {
        return Err(Failure::usage("only one journal can be read from standard input".to_owned()));
    }
    let page = matches.get_one::<String>("html").map(String::as_str);
    if let Some(journal) = journals.iter().find(|journal| page.is_some_and(|page| is_same(page, journal))) {
        return Err(Failure::usage(format!("--html would overwrite the journal {journal}")));
    }

    let (action, current) = Source::open(paths("journal"))?;
    let previous = if matches.contains_id("previous") { Some(Source::open(paths("previous"))?.1) } else { None };
    let full = matches.get_flag("full");
    let report: Box<dyn Report> = if action.name == <ChatappSyncPhoneNumber as Action>::DESCRIPTOR.name {
        sync::report(action, current, previous, full)?
    } else if previous.is_some() {
        return Err(Failure::usage(format!(
            "--previous compares journals of ChatappSyncPhoneNumber; this journal is of {}",
            action.name
        )));
    } else {
        calls::report(action, current, full)?
    };
    match page {
        Some("-") => exit::print(&report.render(Format::Html)?),
        Some(path) => {
            write(path, &report.render(Format::Html)?, report.is_full())
                .map_err(|error| Failure::local(format!("{path} cannot be written: {error}")))?;
            crate::output::say(&format!("{}: {}", output::printable(path), report.summary()));
            say_notes(&*report);
            Ok(())
        }
        None if matches.get_one::<String>("format").is_some_and(|format| format == "csv") => {
            exit::print(&report.render(Format::Csv)?)?;
            say_notes(&*report);
            Ok(())
        }
        None => exit::print(&report.render(Format::Markdown)?),
    }
}

fn say_notes(report: &dyn Report) {
    for note in report.notes() {
        output::say(&format!("note: {}", output::printable(note)));
    }
}

/// Writes a file. With phone numbers in full, a new file is readable only by its owner, like the journal.
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

/// Whether both paths are the same file.
fn is_same(one: &str, other: &str) -> bool {
    let real = |path: &str| fs::canonicalize(Path::new(path)).ok();
    real(one).is_some_and(|one| Some(one) == real(other))
}
