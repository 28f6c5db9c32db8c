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

const ABOUT: &str = "Calls an action for every row of a file, and keeps a journal";

const MORE: &str = "\
Calls an action for every row of a file, as fast as its quota allows, and keeps a journal, so that the same command continues after \
whatever ended it.

The input is CSV, as spreadsheets export it, or JSON lines. Its first line names the columns; a parameter's name may be written in any \
style (CustSpaceId, cust-space-id, \"Cust Space ID\"). All rows are checked before the first call. An input is identified by its rows in \
their order, not by how the file holds them. Rows may be appended to it later; the same journal continues with them.

The journal is JSON lines: a line when the request of a row is about to go, and one with its outcome and the whole response. It holds \
the values, phone numbers too, so only its owner may read it. The next run skips rows that are done or failed. A row whose outcome is \
unknown is sent again if the action can safely be repeated; otherwise it is skipped until --resend-unknown. `cams report` shows what to \
do. No value is printed on the terminal.

The first row is sent alone, and the run stops after 5 consecutive attempts that were refused because of the access key, ended with an \
unknown outcome, or could not be sent. The other rows stay not sent, and the same command continues.";

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
                .help("The rows: CSV or JSON lines; `-` is standard input"),
        )
        .args(columns_options())
        .arg(
            option("journal")
                .value_name("FILE")
                .required(true)
                .help("The journal: created, or continued"),
        )
        .arg(
            option("shard")
                .value_name("K/N")
                .value_parser(ValueParser::new(Shard::parse))
                .help("Sends the K-th of N parts of the rows; each machine has a part and a journal of its own")
                .long_help(
                    "Sends the K-th of N parts of the rows; each machine has a part and a journal of its own. A row belongs to the same \
                     part wherever it stands. The machines share one quota with --quota-redis.",
                ),
        )
        .arg(
            option("resend-unknown")
                .action(ArgAction::SetTrue)
                .help("Sends rows of unknown outcome again, although they may have taken effect"),
        )
        .arg(
            option("retry-failed")
                .action(ArgAction::SetTrue)
                .help("Sends failed rows again; they had no effect"),
        )
        .arg(
            option("stop-after")
                .value_name("N|off")
                .value_parser(ValueParser::new(Brake::parse))
                .default_value("5")
                .help("Stops after so many consecutive attempts that were refused for the identity, unknown, or not sent"),
        )
        .arg(
            option("dry-run")
                .action(ArgAction::SetTrue)
                .help("Prints how many calls there would be and how long they would take, and sends nothing"),
        )
        .arg(
            option("quota")
                .value_name("N/s|off")
                .value_parser(ValueParser::new(Quota::parse))
                .help("The limit in place of the documented one, e.g. 50/s or 200/60s; `off` sends without a limit"),
        )
        .arg(
            option("max-in-flight")
                .value_name("CALLS")
                .value_parser(value_parser!(NonZeroU32))
                .default_value("100")
                .help("The most calls in flight; as many as the quota needs are used"),
        )
        .args(connection().into_iter().map(|arg| match arg.get_id().as_str() {
            "deadline" => arg.help("The time limit of each call, counted from its permit"),
            _ => arg,
        }))
        .disable_help_flag(true)
        .arg(help())
        .after_help(columns.clone())
        .after_long_help(format!("{columns}\n\n{}\n\n{REPAIRS}\n\n{EXIT_CODES}", examples(action)))
}

/// How the file and its columns are read.
fn columns_options() -> [Arg; 4] {
    [
        option("columns")
            .value_name("WHICH")
            .value_parser(["labels", "strict"])
            .default_value("labels")
            .help("Columns that are no parameter: kept as labels in journal and report, or refused"),
        option("column")
            .value_name("NAME=PARAMETER")
            .action(ArgAction::Append)
            .value_parser(ValueParser::new(column))
            .help("A column holds this parameter under another name; may be repeated"),
        option("label")
            .value_name("NAME")
            .action(ArgAction::Append)
            .help("A column is a label although its name is close to a parameter's; may be repeated"),
        option("encoding")
            .value_name("NAME")
            .value_parser(ValueParser::new(encoding_of))
            .help("The encoding of the input, such as gb18030 [default: UTF-8 or UTF-16, recognized]"),
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
        .ok_or_else(|| "expected a column and a parameter, such as \"Space=CustSpaceId\"".to_owned())
}

fn encoding_of(text: &str) -> Result<&'static Encoding, String> {
    Encoding::for_label(text.as_bytes())
        .ok_or_else(|| "the encoding is not known; try utf-8, utf-16le, gb18030, big5 or windows-1252".to_owned())
}

/// The encoding that the command line names.
pub(super) fn encoding(matches: &ArgMatches) -> Option<&'static Encoding> {
    matches.get_one::<&'static Encoding>("encoding").copied()
}

/// After how many consecutive failed attempts a run stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Brake(Option<NonZeroU32>);

impl Default for Brake {
    fn default() -> Self {
        Self(NonZeroU32::new(5))
    }
}

impl Brake {
    /// `None` for never.
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
