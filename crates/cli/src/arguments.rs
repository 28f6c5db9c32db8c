//! The command line, built from the descriptors.

use std::io;

use alibabacloud_cams::PRODUCT;
use alibabacloud_cams::descriptor::{ActionDescriptor, ParameterDescriptor, ValueKind};
use clap::builder::{PossibleValuesParser, ValueParser};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use clap_complete::Shell;
use heck::ToKebabCase;

use crate::exit::EXIT_CODES;
use crate::options::{check_kind, connection, help, option, plain};
use crate::{bulk, report};

/// The options that every action has; a parameter of the same name gets `parameter-` in front.
const OPTIONS: &[&str] = &[
    "output",
    "region",
    "network",
    "endpoint",
    "signature",
    "simulate",
    "dry-run",
    "deadline",
    "quota-redis",
    "quota-account",
    "help",
    "version",
];

/// The whole command line.
pub(crate) fn command() -> Command {
    Command::new("cams")
        .version(env!("CARGO_PKG_VERSION"))
        .about(format!("{} ({} {}) from the command line", PRODUCT.title, PRODUCT.code, PRODUCT.version))
        .after_help(
            "Credentials come from ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, or a profile of `aliyun configure`, or a \
             role; `cams doctor` tells which. No account yet? Add --simulate to any action.",
        )
        .after_long_help(format!(
            "Credentials come from the first of these that has some: ALIBABA_CLOUD_ACCESS_KEY_ID with ALIBABA_CLOUD_ACCESS_KEY_SECRET; OIDC \
             (ALIBABA_CLOUD_ROLE_ARN, ALIBABA_CLOUD_OIDC_PROVIDER_ARN, ALIBABA_CLOUD_OIDC_TOKEN_FILE); the profile of `aliyun configure`; \
             ~/.alibabacloud/credentials.ini; the RAM role of the ECS instance; ALIBABA_CLOUD_CREDENTIALS_URI. The region of a profile \
             is not used: it says where servers are, not where this product is. `cams doctor` tells which source is used, and why the \
             others are not. No account yet? Add --simulate to any action.\n\n{EXIT_CODES}"
        ))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommands(PRODUCT.actions.iter().map(|action| action_command(action)))
        .subcommand(bulk::command())
        .subcommand(simulator_command())
        .subcommand(report::command())
        .subcommand(doctor_command())
        .subcommand(
            Command::new("completions")
                .about("Prints a completion script for a shell")
                .arg(Arg::new("shell").required(true).value_parser(value_parser!(Shell))),
        )
}

/// The parameters that were given, by their names on the wire.
pub(crate) fn parameters(action: &ActionDescriptor, matches: &ArgMatches) -> Vec<(&'static str, String)> {
    let given = |parameter: &'static ParameterDescriptor| {
        matches.get_one::<String>(parameter.name).map(|value| (parameter.name, value.clone()))
    };
    action.parameters.iter().filter_map(given).collect()
}

pub(crate) fn print_completions(matches: &ArgMatches) {
    if let Some(shell) = matches.get_one::<Shell>("shell") {
        clap_complete::generate(*shell, &mut command(), "cams", &mut io::stdout());
    }
}

fn action_command(action: &'static ActionDescriptor) -> Command {
    Command::new(action.name.to_kebab_case())
        .about(plain(action.summary))
        .long_about(plain(&format!("{}\n\n{}", action.summary, action.description)))
        .args(action.parameters.iter().map(parameter))
        .args(options())
        // Its own, so that it stands with the other options, below the parameters.
        .disable_help_flag(true)
        .after_help("--help says more: limits, permission, error codes, exit codes.")
        .after_long_help(format!("{}\n\n{EXIT_CODES}", facts(action)))
}

/// What the descriptor knows beside the parameters.
fn facts(action: &ActionDescriptor) -> String {
    let mut facts = String::from("Facts:\n");
    let mut fact = |name: &str, text: &str| facts.push_str(&format!("  {name:<12} {text}\n"));
    fact("limit", &action.rate_limit.map_or("none is documented".to_owned(), |limit| format!("{limit} per account")));
    fact(
        "idempotent",
        if action.idempotent {
            "yes: it can safely be repeated"
        } else {
            "no: it is never sent again once it may have taken effect"
        },
    );
    if !action.authorization.action.is_empty() {
        fact("permission", &format!("{} ({})", action.authorization.action, action.authorization.access));
    }
    if let Some(instead) = action.deprecated {
        fact("deprecated", &plain(instead));
    }
    facts.push_str("\nError codes:");
    let width = action.errors.iter().map(|error| error.code.len()).max().unwrap_or(0);
    for error in action.errors {
        facts.push_str(&format!("\n  {:<width$}  {}", error.code, error.message));
    }
    facts
}

fn parameter(parameter: &'static ParameterDescriptor) -> Arg {
    let mut name = parameter.name.to_kebab_case();
    if OPTIONS.contains(&&*name) {
        name.insert_str(0, "parameter-");
    }
    let mut help = plain(parameter.description);
    if !parameter.values.is_empty() {
        help.push_str(&format!(" [known values: {}]", parameter.values.join(", ")));
    }
    if !parameter.example.is_empty() {
        help.push_str(&format!(" [example: {}]", parameter.example));
    }
    Arg::new(parameter.name)
        .long(name)
        .required(parameter.required)
        .value_name(value_name(parameter.kind))
        .allow_hyphen_values(true)
        .value_parser(ValueParser::new(move |text: &str| check_kind(parameter.kind, text)))
        .help(help)
        .help_heading("Parameters")
}

fn value_name(kind: ValueKind) -> &'static str {
    match kind {
        ValueKind::String => "TEXT",
        ValueKind::Int32 | ValueKind::Int64 => "INTEGER",
        ValueKind::Number => "NUMBER",
        ValueKind::Boolean => "true|false",
        _ => "JSON",
    }
}

fn options() -> Vec<Arg> {
    let mut options = vec![
        option("output")
            .value_name("FORMAT")
            .value_parser(PossibleValuesParser::new(["table", "json"]))
            .default_value("table")
            .help("How the answer is printed"),
    ];
    options.extend(connection());
    options.push(
        option("dry-run")
            .action(ArgAction::SetTrue)
            .help("Prints the request that would be sent, key and signature hidden, and sends nothing"),
    );
    options.push(help());
    options
}

fn doctor_command() -> Command {
    Command::new("doctor")
        .about("Tells whether a call could work: credentials, identity, endpoint, clock, quota, proxy")
        .long_about(
            "Tells whether a call could work, and calls no action of the product: which source gives the credentials and why the others do \
             not, whose they are, whether the endpoint answers and how far the clocks are apart, quotas and proxies. Nothing secret is \
             shown. The exit code is 0 if a call could work.",
        )
        .args(options().into_iter().filter(|option| ["output", "region", "network", "endpoint", "help"].contains(&option.get_id().as_str())))
        .disable_help_flag(true)
        .after_long_help(EXIT_CODES)
}

fn simulator_command() -> Command {
    Command::new("simulator")
        .about("Serves a simulator of the product on this machine, until Ctrl-C")
        .long_about(
            "Serves a simulator of the product on this machine, until Ctrl-C. It checks signatures, timestamps, nonces, parameters and \
             limits as the service does, and answers with the documented examples. Its URL is the first line on standard output.",
        )
        .arg(
            Arg::new("listen")
                .long("listen")
                .value_name("ADDRESS:PORT")
                .default_value("127.0.0.1:0")
                .help("Where to listen: a loopback address; port 0 takes a free one"),
        )
        .arg(
            Arg::new("key")
                .long("key")
                .value_name("ID:SECRET[:TOKEN]")
                .action(ArgAction::Append)
                .help("An access key that it knows, with a token a temporary one; may be repeated [default: testid:testsecret]"),
        )
        .arg(
            Arg::new("quota")
                .long("quota")
                .value_name("POLICY")
                .value_parser(PossibleValuesParser::new(["exact-window", "fixed-window", "token-bucket", "off"]))
                .default_value("exact-window")
                .help("How it counts requests against the limits"),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn every_action_has_a_command_with_all_its_parameters() {
        for action in PRODUCT.actions {
            let name = action.name.to_kebab_case();
            assert_eq!(crate::options::action(&name).map(|found| found.name), Some(action.name));
            let command = command();
            let subcommand = command.find_subcommand(&name).unwrap();
            for parameter in action.parameters {
                let argument = subcommand.get_arguments().find(|argument| argument.get_id() == parameter.name).unwrap();
                assert_eq!(argument.is_required_set(), parameter.required, "{}", parameter.name);
            }
        }
    }
}
