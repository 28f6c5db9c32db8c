//! The options of `cams bulk`.

use std::num::NonZeroU32;

use alibabacloud_cams::descriptor::ActionDescriptor;
use alibabacloud_cams::throttle::ParseRateLimitError;
use alibabacloud_cams::{PRODUCT, RateLimit};
use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use encoding_rs::Encoding;
use heck::ToKebabCase;

use crate::exit::EXIT_CODES;
use crate::input::{REPAIRS, Shard};
use crate::options::{connection, help, option, plain};

const ABOUT: &str = "Calls an action for every row of a file, with a journal to continue from";

const MORE: &str = "\
Calls an action for every row of a file, as fast as its quota allows. Every outcome is recorded in a journal, so the same command \
continues after any interruption.

The input is CSV, as spreadsheets export it, or JSON lines. The first line of a CSV file names the columns; parameter names can be \
written in any style (CustSpaceId, cust-space-id, \"Cust Space ID\"). All rows are checked before the first call. An input is \
identified by its rows and their order, not by its file format. Rows can be appended to it later; the same journal continues with them.

The journal is JSON lines: one line before the request of a row is sent, and one with its outcome and the whole response. It contains \
the values, including phone numbers, so only its owner can read it. The next run skips rows that are done or failed. A row whose \
outcome is unknown is retried if the action is idempotent; otherwise it is skipped unless --resend-unknown is given. `cams report` \
shows what to do next. No value is printed on the terminal.

The first row is sent alone. The run stops after 5 consecutive attempts that were refused because of the access key, ended with an \
unknown outcome, or could not be sent. The remaining rows are not sent; the same command continues with them.";

/// `cams bulk`, with a command for each action.
pub(crate) fn command() -> Command {
    Command::new("bulk")
        .about(ABOUT)
        .long_about(MORE)
        .after_long_help(format!(
            "Examples:\n  cams bulk chatapp-sync-phone-number --input spaces.csv --journal today.jsonl --dry-run\n  \
             cams bulk chatapp-sync-phone-number --input spaces.csv --journal today.jsonl\n\n{REPAIRS}"
        ))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand_value_name("ACTION")
        .subcommand_help_heading("Actions")
        .subcommands(PRODUCT.actions.iter().map(|action| action_command(action)))
}

fn action_command(action: &'static ActionDescriptor) -> Command {
    let columns = |required: bool| {
        let of = action.parameters.iter().filter(|parameter| parameter.required == required);
        of.map(|parameter| parameter.name).collect::<Vec<_>>().join(", ")
    };
    let columns = match (columns(true), columns(false)) {
        (required, optional) if optional.is_empty() => format!("Columns: {required}"),
        (required, optional) => format!("Columns: {required}; optional: {optional}"),
    };
    Command::new(action.name.to_kebab_case())
        .alias(action.name)
        .about(plain(action.summary))
        .long_about(format!("{}\n\n{MORE}", plain(action.summary)))
        .arg(
            option("input")
                .value_name("FILE")
                .required(true)
                .help("The rows: CSV or JSON lines; `-` reads standard input"),
        )
        .args(columns_options())
        .arg(
            option("journal")
                .value_name("FILE")
                .required(true)
                .help("The journal, which is created or continued"),
        )
        .arg(
            option("shard")
                .value_name("K/N")
                .value_parser(ValueParser::new(Shard::parse))
                .help("Sends part K of N of the rows; each machine has its own part and its own journal")
                .long_help(
                        "Sends part K of N of the rows; each machine has its own part and its own journal. The part of a row does not depend on its \
                     position. With --quota-redis, the machines share one quota.",
                ),
        )
        .arg(
            option("resend-unknown")
                .action(ArgAction::SetTrue)
                .help("Sends rows of unknown outcome again, although they may already have taken effect"),
        )
        .arg(
            option("retry-failed")
                .action(ArgAction::SetTrue)
                .help("Sends failed rows again; they had no effect the first time"),
        )
        .arg(
            option("stop-after")
                .value_name("N|off")
                .value_parser(ValueParser::new(Brake::parse))
                .default_value("5")
                .help("Stops after N consecutive attempts that were refused because of the access key, ended with an unknown outcome, or could not be sent"),
        )
        .arg(
            option("dry-run")
                .action(ArgAction::SetTrue)
                .help("Prints the number of calls and how long they take, without sending them"),
        )
        .arg(
            option("quota")
                .value_name("N/s|off")
                .value_parser(ValueParser::new(Quota::parse))
                .help("Replaces the documented limit, e.g. 50/s or 200/60s; `off` sends without a limit"),
        )
        .arg(
            option("max-in-flight")
                .value_name("CALLS")
                .value_parser(value_parser!(NonZeroU32))
                .default_value("100")
                .help("The maximum number of calls in flight; fewer are used if the quota needs no more"),
        )
        .args(connection().into_iter().map(|arg| match arg.get_id().as_str() {
            "deadline" => arg.help("The time limit of each call, which starts when the row gets its permit"),
            _ => arg,
        }))
        .disable_help_flag(true)
        .arg(help())
        .after_help(columns.clone())
        .after_long_help(format!("{columns}\n\n{}\n\n{REPAIRS}\n\n{EXIT_CODES}", examples(action)))
}

/// The options for the format of the file and its columns.
fn columns_options() -> [Arg; 4] {
    [
        option("columns")
            .value_name("WHICH")
            .value_parser(["labels", "strict"])
            .default_value("labels")
            .help("Columns that are not parameters: keep them as labels in journal and report, or refuse them"),
        option("column")
            .value_name("NAME=PARAMETER")
            .action(ArgAction::Append)
            .value_parser(ValueParser::new(column))
            .help("Maps a column of another name to a parameter; can be given several times"),
        option("label")
            .value_name("NAME")
            .action(ArgAction::Append)
            .help("Treats a column as a label although its name resembles a parameter; can be given several times"),
        option("encoding")
            .value_name("NAME")
            .value_parser(ValueParser::new(encoding_of))
            .help("The encoding of the input, e.g. gb18030 [default: UTF-8 or UTF-16, detected]"),
    ]
}

fn examples(action: &ActionDescriptor) -> String {
    let name = action.name.to_kebab_case();
    format!(
        "Examples:\n  cams bulk {name} --input rows.csv --journal rows.jsonl --dry-run\n  cams bulk {name} --input rows.csv --journal rows.jsonl\n  \
         cams report rows.jsonl --html report.html"
    )
}

fn column(text: &str) -> Result<(String, String), String> {
    let pair = text.rsplit_once('=').filter(|(name, parameter)| !name.is_empty() && !parameter.is_empty());
    pair.map(|(name, parameter)| (name.to_owned(), parameter.to_owned()))
        .ok_or_else(|| "expected a column and a parameter, e.g. \"Space=CustSpaceId\"".to_owned())
}

fn encoding_of(text: &str) -> Result<&'static Encoding, String> {
    Encoding::for_label(text.as_bytes())
        .ok_or_else(|| "unknown encoding; use for example utf-8, utf-16le, gb18030, big5 or windows-1252".to_owned())
}

/// The encoding that the command line sets.
pub(super) fn encoding(matches: &ArgMatches) -> Option<&'static Encoding> {
    matches.get_one::<&'static Encoding>("encoding").copied()
}

/// The number of consecutive failed attempts after which a run stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Brake(Option<NonZeroU32>);

impl Default for Brake {
    fn default() -> Self {
        Self(NonZeroU32::new(5))
    }
}

impl Brake {
    /// `None` if it never stops.
    pub(super) fn limit(self) -> Option<u32> {
        self.0.map(NonZeroU32::get)
    }

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self(None)),
            _ => text
                .parse()
                .map(|number| Self(Some(number)))
                .map_err(|_| "expected a number above 0, or `off`".to_owned()),
        }
    }
}

/// The limit that the command line sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quota {
    Off,
    Limit(RateLimit),
}

impl Quota {
    fn parse(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self::Off);
        }
        text.parse()
            .map(Self::Limit)
            .map_err(|error: ParseRateLimitError| format!("expected `off` or a limit; {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_quota_is_a_number_per_second_or_off() {
        assert_eq!(Quota::parse("off"), Ok(Quota::Off));
        assert_eq!(Quota::parse("50/s"), Ok(Quota::Limit(RateLimit::per_second(50))));
        assert_eq!(Quota::parse("200/60s"), Ok(Quota::Limit(RateLimit::new(200, Duration::from_secs(60)))));
        for wrong in ["0/s", "-1/s", "50", "x/s", ""] {
            assert!(Quota::parse(wrong).is_err(), "{wrong}");
        }
    }
}
