//! Options and checks that several commands share.

use std::time::Duration;

use alibabacloud_cams::PRODUCT;
use alibabacloud_cams::descriptor::{ActionDescriptor, ValueKind};
use clap::builder::{PossibleValuesParser, ValueParser};
use clap::{Arg, ArgAction, ArgMatches, value_parser};
use heck::ToKebabCase;

/// The action of a subcommand: its name in kebab case or on the wire.
pub(crate) fn action(subcommand: &str) -> Option<&'static ActionDescriptor> {
    PRODUCT
        .actions
        .iter()
        .find(|action| action.name == subcommand || action.name.to_kebab_case() == subcommand)
        .copied()
}

/// Checks that the text is a value of the type. It is sent unchanged.
pub(crate) fn check_kind(kind: ValueKind, text: &str) -> Result<String, String> {
    let fits = match kind {
        ValueKind::String => true,
        ValueKind::Int32 => text.parse::<i32>().is_ok(),
        ValueKind::Int64 => text.parse::<i64>().is_ok(),
        ValueKind::Number => text.parse::<f64>().is_ok_and(f64::is_finite),
        ValueKind::Boolean => text == "true" || text == "false",
        _ => serde_json::from_str::<serde_json::Value>(text).is_ok(),
    };
    let expected = match kind {
        ValueKind::Int32 => "a whole number of 32 bits",
        ValueKind::Int64 => "a whole number of 64 bits",
        ValueKind::Number => "a number",
        ValueKind::Boolean => "`true` or `false`",
        _ => "JSON",
    };
    if fits { Ok(text.to_owned()) } else { Err(format!("expected {expected}")) }
}

/// Whether `--output json` was given, for commands that have the option.
pub(crate) fn wants_json(matches: &ArgMatches) -> bool {
    matches.try_get_one::<String>("output").ok().flatten().is_some_and(|format| format == "json")
}

pub(crate) fn option(name: &'static str) -> Arg {
    Arg::new(name).long(name).help_heading("Options")
}

pub(crate) fn help() -> Arg {
    option("help").short('h').action(ArgAction::Help).help("Prints help (-h for a summary, --help for details)")
}

/// The options for endpoint, deadline and quota.
pub(crate) fn connection() -> Vec<Arg> {
    vec![
        option("region")
            .value_name("ID")
            .help(format!("The region [default: ALIBABA_CLOUD_REGION_ID, or {}]", PRODUCT.default_region)),
        option("network")
            .value_name("NETWORK")
            .value_parser(PossibleValuesParser::new(["public", "vpc"]))
            .help("The network [default: ALIBABA_CLOUD_ENDPOINT_TYPE, or public]"),
        option("endpoint").value_name("URL").help("The endpoint, which replaces region and network"),
        option("signature")
            .value_name("VERSION")
            .value_parser(PossibleValuesParser::new(["v1", "v3"]))
            .help("The signature [default: ALIBABA_CLOUD_SIGNATURE_VERSION, or v1]"),
        option("deadline")
            .value_name("SECONDS")
            .value_parser(ValueParser::new(seconds))
            .default_value("60")
            .help("The time limit of the whole call, including the wait for its quota"),
        option("quota-redis")
            .value_name("URL")
            .requires("quota-account")
            .help("Shares the quota with other programs through this Redis server")
            .long_help(
                    "Shares the quota with other programs through this Redis server, e.g. redis://localhost:6379. Others on this machine can see \
                 a password in the URL; set CAMS_QUOTA_REDIS in the environment instead.",
            ),
        option("quota-account")
            .value_name("LABEL")
            .help("The name of the account, the same for all programs that share its quota"),
        option("quota-processes")
            .value_name("N")
            .requires("quota-account")
            .value_parser(value_parser!(u32).range(1..))
            .help("The number of programs that share the quota; required if its server is unreachable at the start"),
        option("simulate")
            .action(ArgAction::SetTrue)
            .conflicts_with_all(["endpoint", "region", "network"])
            .help("Calls a simulator in this process; needs no account"),
    ]
}

pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|deadline| !deadline.is_zero())
        .ok_or_else(|| "expected a number of seconds above 0".to_owned())
}

/// Converts Markdown to plain text: removes the escapes of the generator.
pub(crate) fn plain(markdown: &str) -> String {
    let mut text = String::new();
    let mut escaped = false;
    for c in markdown.trim().chars() {
        if c == '\\' && !escaped {
            escaped = true;
            continue;
        }
        if escaped && !c.is_ascii_punctuation() {
            text.push('\\');
        }
        escaped = false;
        text.push(c);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_checked_by_type() {
        assert!(check_kind(ValueKind::Int32, "2147483648").is_err());
        assert!(check_kind(ValueKind::Int64, "2147483648").is_ok());
        assert!(check_kind(ValueKind::Number, "NaN").is_err());
        assert!(check_kind(ValueKind::Boolean, "yes").is_err());
        assert!(check_kind(ValueKind::List, "[1").is_err());
        assert!(check_kind(ValueKind::String, "").is_ok());
    }

    #[test]
    fn escapes_of_markdown_are_removed() {
        assert_eq!(plain(r"a \[b\] `c` \\ \d"), r"a [b] `c` \ \d");
    }
}
