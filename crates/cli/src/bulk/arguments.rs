//! The options of `cams bulk`.

use std::num::NonZeroU32;

use alibabacloud_cams::descriptor::ActionDescriptor;
use alibabacloud_cams::{PRODUCT, RateLimit};
use clap::builder::ValueParser;
use clap::{ArgAction, Command, value_parser};
use heck::ToKebabCase;

use super::check::Shard;
use crate::arguments::{connection, help, option, plain};
use crate::exit::EXIT_CODES;

const ABOUT: &str = "Calls an action for every row of a file, and keeps a journal";

const MORE: &str = "\
Calls an action for every row of a file, as fast as its quota allows, and keeps a journal, so that the same command goes on after \
whatever ended it.

The input is CSV, whose first line names the parameters in any style (CustSpaceId, cust-space-id, \"Cust Space Id\"), or JSON lines \
with the same names. All rows are checked before the first call. What tells inputs apart is their rows, in their order, not how the \
file holds them; a journal goes on with no other input than its own, rows that were added at the end included.

The journal is JSON lines for people and jq: a line before each row is sent, and one with its outcome and the whole answer. It is the \
record of what was sent, so it holds the values, phone numbers too, and only its owner may read it. Rows that are done or failed are \
skipped by the next run. A row that was sent and whose outcome is not known is sent again if the action can safely be repeated. \
Otherwise it is left alone until --resend-unknown: find out first. On a terminal, and in errors, no value is shown.";

/// `cams bulk`, with a command for each action.
pub(crate) fn command() -> Command {
    Command::new("bulk")
        .about(ABOUT)
        .long_about(MORE)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
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
        .about(plain(action.summary))
        .long_about(format!("{}\n\n{MORE}", plain(action.summary)))
        .arg(
            option("input")
                .value_name("FILE")
                .required(true)
                .help("The rows: CSV or JSON lines; `-` is standard input"),
        )
        .arg(
            option("journal")
                .value_name("FILE")
                .required(true)
                .help("The journal: it is begun, or gone on with"),
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
                .help("Sends rows again whose outcome is unknown, although they may have taken effect"),
        )
        .arg(
            option("retry-failed")
                .action(ArgAction::SetTrue)
                .help("Sends rows again that failed; nothing of them took effect"),
        )
        .arg(
            option("dry-run")
                .action(ArgAction::SetTrue)
                .help("Says how many calls there would be, and how long they would take; sends nothing"),
        )
        .arg(
            option("quota")
                .value_name("N/s|off")
                .value_parser(ValueParser::new(Quota::parse))
                .help("The limit in place of the documented one, e.g. 50/s; `off` sends without a limit"),
        )
        .arg(
            option("max-in-flight")
                .value_name("CALLS")
                .value_parser(value_parser!(NonZeroU32))
                .default_value("100")
                .help("How many calls may be under way at once; as many as the quota needs are"),
        )
        .args(connection().into_iter().map(|arg| match arg.get_id().as_str() {
            "deadline" => arg.help("How long each call may take, once its quota lets it go"),
            _ => arg,
        }))
        .disable_help_flag(true)
        .arg(help())
        .after_help(columns.clone())
        .after_long_help(format!("{columns}\n\n{EXIT_CODES}"))
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
        let requests = text.strip_suffix("/s").and_then(|number| number.parse().ok()).filter(|number| *number > 0);
        match requests {
            Some(requests) => Ok(Self::Limit(RateLimit::per_second(requests))),
            None => Err("expected a number of calls per second, such as 50/s, or `off`".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_a_number_per_second_or_off() {
        assert_eq!(Quota::parse("off"), Ok(Quota::Off));
        assert_eq!(Quota::parse("50/s"), Ok(Quota::Limit(RateLimit::per_second(50))));
        for wrong in ["0/s", "-1/s", "50", "x/s", ""] {
            assert!(Quota::parse(wrong).is_err(), "{wrong}");
        }
    }
}
