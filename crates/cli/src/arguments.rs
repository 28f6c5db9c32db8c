//! The command line, built from the descriptors.

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use alibabacloud_cams::PRODUCT;
use alibabacloud_cams::descriptor::{ActionDescriptor, ParameterDescriptor, ValueKind};
use clap::builder::{PossibleValuesParser, ValueParser};
use clap::{Arg, ArgAction, ArgMatches, Command, ValueEnum, value_parser};
use clap_complete::Shell;
use heck::ToKebabCase;
use jmespath::Expression;

use crate::exit::{EXIT_CODES, Failure};
use crate::options::{check_kind, connection, help, option, plain};
use crate::{bulk, exit, report};

/// The options that every action has; the option for a parameter of the same name begins with `parameter-`.
const OPTIONS: &[&str] = &[
    "output",
    "query",
    "region",
    "network",
    "endpoint",
    "signature",
    "simulate",
    "dry-run",
    "deadline",
    "quota-redis",
    "quota-account",
    "quota-processes",
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
        .subcommands(PRODUCT.actions.iter().map(|action| action_command(action)))
        .subcommand(call_command())
        .subcommand(bulk::command())
        .subcommand(simulator_command())
        .subcommand(report::command())
        .subcommand(doctor_command())
        .subcommand(completions_command())
}

/// The parameters that were given, by their names on the wire.
pub(crate) fn parameters(action: &ActionDescriptor, matches: &ArgMatches) -> Vec<(&'static str, String)> {
    let given = |parameter: &'static ParameterDescriptor| {
        matches.get_one::<String>(parameter.name).map(|value| (parameter.name, value.clone()))
    };
    action.parameters.iter().filter_map(given).collect()
}

/// Prints the completion script. Its first comment says how to install it.
pub(crate) fn print_completions(matches: &ArgMatches) -> Result<(), Failure> {
    let Some(shell) = matches.get_one::<Shell>("shell") else { return Ok(()) };
    let mut script = Vec::new();
    clap_complete::generate(*shell, &mut command(), "cams", &mut script);
    let script = String::from_utf8_lossy(&script);
    // The first line of a script for zsh says what it completes.
    let (first, rest) =
        if *shell == Shell::Zsh { script.split_once('\n').unwrap_or((&script, "")) } else { ("", &*script) };
    let install = format!("# Install it: {}", install_line(*shell));
    let parts = [first, &install, rest].into_iter().filter(|part| !part.is_empty());
    exit::print(&parts.collect::<Vec<_>>().join("\n"))
}

fn install_line(shell: Shell) -> &'static str {
    match shell {
        Shell::Zsh => "cams completions zsh > ~/.zfunc/_cams, with `fpath+=~/.zfunc` before `compinit` in ~/.zshrc",
        Shell::Fish => "cams completions fish > ~/.config/fish/completions/cams.fish",
        Shell::PowerShell => "cams completions powershell >> $PROFILE",
        Shell::Elvish => "cams completions elvish >> ~/.config/elvish/rc.elv",
        _ => {
            "mkdir -p ~/.local/share/bash-completion/completions && cams completions bash > ~/.local/share/bash-completion/completions/cams"
        }
    }
}

fn completions_command() -> Command {
    let lines = Shell::value_variants().iter().map(|shell| format!("  {}", install_line(*shell)));
    Command::new("completions")
        .about("Prints a completion script for a shell")
        .arg(Arg::new("shell").required(true).value_parser(value_parser!(Shell)))
        .after_help(format!("Examples, which install it:\n{}", lines.collect::<Vec<_>>().join("\n")))
}

/// Whether errors are to be JSON, before the command line is understood.
pub(crate) fn ask_for_json(arguments: impl Iterator<Item = OsString>) -> bool {
    let arguments: Vec<OsString> = arguments.collect();
    arguments.iter().any(|argument| argument == "--output=json")
        || arguments.windows(2).any(|pair| pair[0] == "--output" && pair[1] == "json")
}

/// Prints help and version, and what is wrong with a command line.
pub(crate) fn refused(error: &clap::Error, as_json: bool) -> ExitCode {
    if !error.use_stderr() {
        return match exit::written(error.print()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => failure.report(as_json),
        };
    }
    if as_json {
        let message = error.render().to_string();
        return Failure::usage(message.trim_start_matches("error: ").trim_end().to_owned()).report(true);
    }
    // Nothing can be printed if standard error is closed.
    let _ = error.print();
    ExitCode::from(2)
}

fn action_command(action: &'static ActionDescriptor) -> Command {
    Command::new(action.name.to_kebab_case())
        .alias(action.name)
        .about(plain(action.summary))
        .long_about(plain(&format!("{}\n\n{}", action.summary, action.description)))
        .args(action.parameters.iter().map(parameter))
        .args(options())
        // Its own, so that it stands with the other options, below the parameters.
        .disable_help_flag(true)
        .after_help("--help says more: limits, permission, error codes, exit codes.")
        .after_long_help(format!("{}\n\n{}\n\n{EXIT_CODES}", examples(action), facts(action)))
}

/// Calls of the action: to try it, for a program, and as the service and the `aliyun` command spell it.
fn examples(action: &ActionDescriptor) -> String {
    let required = || action.parameters.iter().filter(|parameter| parameter.required);
    let value = |parameter: &ParameterDescriptor| match parameter.example {
        "" => parameter.name.to_uppercase(),
        example if example.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) => example.to_owned(),
        example => format!("'{}'", example.replace('\'', "'\\''")),
    };
    let kebab =
        required().map(|parameter| format!(" --{} {}", long(parameter), value(parameter))).collect::<Vec<_>>().concat();
    let wire =
        required().map(|parameter| format!(" --{} {}", parameter.name, value(parameter))).collect::<Vec<_>>().concat();
    let name = action.name.to_kebab_case();
    format!(
        "Examples:\n  cams {name}{kebab} --simulate\n  cams {name}{kebab} --output json\n  cams {}{wire}",
        action.name
    )
}

/// The name of the option for a parameter.
fn long(parameter: &ParameterDescriptor) -> String {
    let name = parameter.name.to_kebab_case();
    if OPTIONS.contains(&&*name) { format!("parameter-{name}") } else { name }
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
            "no: it is not retried once it may have taken effect"
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
    let name = long(parameter);
    let mut help = plain(parameter.description);
    if !parameter.values.is_empty() {
        help.push_str(&format!(" [known values: {}]", parameter.values.join(", ")));
    }
    if !parameter.example.is_empty() {
        help.push_str(&format!(" [example: {}]", parameter.example));
    }
    Arg::new(parameter.name)
        .alias(if name == parameter.name { None } else { Some(parameter.name) })
        .long(name)
        .required(parameter.required)
        .value_name(value_name(parameter.kind))
        .allow_hyphen_values(true)
        .value_parser(ValueParser::new(move |text: &str| value_of(parameter, text)))
        .help(help)
        .help_heading("Parameters")
}

/// The value of a parameter as it is sent.
fn value_of(parameter: &ParameterDescriptor, text: &str) -> Result<String, String> {
    if parameter.required && text.trim().is_empty() {
        return Err("the parameter is required but empty".to_owned());
    }
    check_kind(parameter.kind, text)
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
            .help("The form of the response, and of an error: a table for people, or JSON"),
        option("query")
            .value_name("JMESPATH")
            .value_parser(ValueParser::new(query))
            .help("Prints a part of the response, such as 'PhoneNumbers[].Status'"),
    ];
    options.extend(connection());
    options.push(
        option("dry-run")
            .action(ArgAction::SetTrue)
            .help("Prints the request that would be sent, with key and signature hidden, and sends nothing"),
    );
    options.push(help());
    options
}

fn query(text: &str) -> Result<Arc<Expression<'static>>, String> {
    jmespath::compile(text).map(Arc::new).map_err(|error| format!("it is not a JMESPath expression: {error}"))
}

fn call_command() -> Command {
    Command::new("call")
        .about("Calls any action of the product by its name, also one that this command does not know")
        .long_about(
            "Calls any action of the product by its name on the wire, also one that this command does not know. For a known action the \
             limit and the checks of its description apply; any other has no limit, counts as not safe to repeat, and its values are \
             hidden in a dry run. Lists and objects are passed in the form that the action documents, such as List.1=a, or as JSON.",
        )
        .arg(Arg::new("action").value_name("ACTION").required(true).help("The name on the wire, such as ListChatappTemplate"))
        .arg(
            Arg::new("param")
                .long("param")
                .value_name("NAME=VALUE")
                .action(ArgAction::Append)
                .allow_hyphen_values(true)
                .value_parser(ValueParser::new(named_value))
                .help("A parameter by its name on the wire; may be repeated")
                .help_heading("Parameters"),
        )
        .args(options())
        .disable_help_flag(true)
        .after_help(
            "Examples:\n  cams call ListChatappTemplate --param CustSpaceId=293483938849493 --param Language=en\n  \
             cams call ListChatappTemplate --param CustSpaceId=293483938849493 --param Language=en --dry-run",
        )
        .after_long_help(format!(
            "Examples:\n  cams call ListChatappTemplate --param CustSpaceId=293483938849493 --param Language=en\n  \
             cams call ListChatappTemplate --param CustSpaceId=293483938849493 --param Language=en --dry-run\n\n{EXIT_CODES}"
        ))
}

fn named_value(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    // The value is not repeated: it may be personal.
    pair.map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or_else(|| "expected NAME=VALUE".to_owned())
}

fn doctor_command() -> Command {
    Command::new("doctor")
        .about("Checks whether a call could work: credentials, identity, endpoint, clock, quota, proxy")
        .long_about(
            "Checks whether a call could work, and calls no action of the product: which source provides the credentials and why the \
             others do not, whose they are, whether the endpoint answers and how far the clocks are apart, quotas and proxies. A line for \
             each check begins with \u{2713} (fine), ! (works, but look at it), \u{2717} (keeps calls from working) or - (not checked, or nothing \
             to check), and says what to run. Nothing secret is shown. The exit code is 0 if a call could work.",
        )
        .args(options().into_iter().filter(|option| ["output", "region", "network", "endpoint", "help"].contains(&option.get_id().as_str())))
        .disable_help_flag(true)
        .after_help("Examples:\n  cams doctor\n  cams doctor --region ap-southeast-1 --output json")
        .after_long_help(format!("Examples:\n  cams doctor\n  cams doctor --region ap-southeast-1 --output json\n\n{EXIT_CODES}"))
}

fn simulator_command() -> Command {
    Command::new("simulator")
        .about("Serves a simulator of the product on this machine, until Ctrl-C")
        .long_about(
            "Serves a simulator of the product on this machine, until Ctrl-C. It checks signatures, timestamps, nonces, parameters and \
             limits as the service does, and answers with the documented examples. Its URL is the first line on standard output; the \
             lines that make other programs use it are on standard error.",
        )
        .after_help("Examples:\n  cams simulator\n  cams simulator --listen 127.0.0.1:8080 --quota fixed-window")
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
