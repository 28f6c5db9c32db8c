//! The command line, built from the descriptors.

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use alibabacloud_cams::PRODUCT;
use alibabacloud_cams::descriptor::{ActionDescriptor, ParameterDescriptor, ValueKind, WaiterDescriptor};
use clap::builder::{PossibleValuesParser, ValueParser};
use clap::{Arg, ArgAction, ArgMatches, Command, ValueEnum, value_parser};
use clap_complete::Shell;
use heck::ToKebabCase;
use jmespath::Expression;

use crate::exit::{EXIT_CODES, Failure};
use crate::options::{check_kind, connection, help, option, plain, seconds};
use crate::{bulk, exit, report};

/// The options that every action has. The option for a parameter of the same name gets the prefix `parameter-`.
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
    "wait",
    "bound",
    "interval",
    "help",
    "version",
];

/// The whole command line.
pub(crate) fn command() -> Command {
    Command::new("cams")
        .version(env!("CARGO_PKG_VERSION"))
        .about(format!("{} ({} {}) from the command line", PRODUCT.title, PRODUCT.code, PRODUCT.version))
        .after_help(
                "Credentials come from ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, from a profile of `aliyun configure`, or from a \
             role; `cams doctor` shows which source is used. To try a command without an account, add --simulate to any action.",
        )
        .after_long_help(format!(
                "Credentials come from the first of these sources that is set up: ALIBABA_CLOUD_ACCESS_KEY_ID with ALIBABA_CLOUD_ACCESS_KEY_SECRET; OIDC \
             (ALIBABA_CLOUD_ROLE_ARN, ALIBABA_CLOUD_OIDC_PROVIDER_ARN, ALIBABA_CLOUD_OIDC_TOKEN_FILE); the profile of `aliyun configure`; \
             ~/.alibabacloud/credentials.ini; the RAM role of the ECS instance; ALIBABA_CLOUD_CREDENTIALS_URI. The region of a profile is \
             ignored, because this product is not available in every region. `cams doctor` shows which source is used, and why the others are \
             not. To try a command without an account, add --simulate to any action.\n\n{EXIT_CODES}"
        ))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(PRODUCT.actions.iter().map(|action| action_command(action)))
        .subcommand(call_command())
        .subcommand(wait_command())
        .subcommand(bulk::command())
        .subcommand(simulator_command())
        .subcommand(report::command())
        .subcommand(doctor_command())
        .subcommand(completions_command())
}

/// The given parameters, by their names on the wire.
pub(crate) fn parameters(action: &ActionDescriptor, matches: &ArgMatches) -> Vec<(&'static str, String)> {
    let given = |parameter: &'static ParameterDescriptor| {
        matches.get_one::<String>(parameter.name).map(|value| (parameter.name, value.clone()))
    };
    action.parameters.iter().filter_map(given).collect()
}

/// Prints the completion script, with a comment at the top that shows how to install it.
pub(crate) fn print_completions(matches: &ArgMatches) -> Result<(), Failure> {
    let Some(shell) = matches.get_one::<Shell>("shell") else { return Ok(()) };
    let mut script = Vec::new();
    clap_complete::generate(*shell, &mut command(), "cams", &mut script);
    let script = String::from_utf8_lossy(&script);
    // zsh requires `#compdef` on the first line.
    let (first, rest) =
        if *shell == Shell::Zsh { script.split_once('\n').unwrap_or((&script, "")) } else { ("", &*script) };
    let install = format!("# To install: {}", install_line(*shell));
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
        .after_help(format!("To install the script:\n{}", lines.collect::<Vec<_>>().join("\n")))
}

/// Whether the arguments ask for JSON errors, read before the command line is parsed.
pub(crate) fn ask_for_json(arguments: impl Iterator<Item = OsString>) -> bool {
    let arguments: Vec<OsString> = arguments.collect();
    arguments.iter().any(|argument| argument == "--output=json")
        || arguments.windows(2).any(|pair| pair[0] == "--output" && pair[1] == "json")
}

/// Prints help and version, and the errors of a command line.
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
        .args(action.waiter.map(wait_option))
        .args(action.waiter.into_iter().flat_map(|waiter| wait_options(waiter, true)))
        // Its own help flag, listed with the other options below the parameters.
        .disable_help_flag(true)
        .after_help("Use --help for limits, permissions, error codes and exit codes.")
        .after_long_help(format!("{}\n\n{}\n\n{EXIT_CODES}", examples(action), facts(action)))
}

/// Example calls of the action: on the simulator, with JSON output, and in the spelling of the service and the `aliyun`
/// command.
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

/// Facts of the descriptor other than the parameters.
fn facts(action: &ActionDescriptor) -> String {
    let mut facts = String::from("Facts:\n");
    let mut fact = |name: &str, text: &str| facts.push_str(&format!("  {name:<12} {text}\n"));
    fact("limit", &action.rate_limit.map_or("none is documented".to_owned(), |limit| format!("{limit} per account")));
    fact(
        "idempotent",
        if action.idempotent {
            "yes: a call can safely be repeated"
        } else {
            "no: a call is not retried after it may have taken effect"
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
            .help("The format of the response and of errors: a table for people, or JSON"),
        option("query")
            .value_name("JMESPATH")
            .value_parser(ValueParser::new(query))
            .help("Prints the selected part of the response, e.g. 'PhoneNumbers[].Status'"),
    ];
    options.extend(connection());
    options.push(
        option("dry-run")
            .action(ArgAction::SetTrue)
            .help("Prints the request, with key and signature hidden, without sending it"),
    );
    options.push(help());
    options
}

/// The options for actions with a path.
fn route() -> [Arg; 3] {
    let of_path = |name: &'static str| Arg::new(name).long(name).help_heading("Parameters");
    [
        of_path("path")
            .value_name("PATH")
            .help("The path of an action of the ROA style, e.g. '/spaces/{SpaceId}/numbers'"),
        of_path("method")
            .value_name("METHOD")
            .requires("path")
            .ignore_case(true)
            .value_parser(PossibleValuesParser::new(["GET", "POST", "PUT", "PATCH", "DELETE"]))
            .help("The HTTP method of an action with a path [default: POST with a body, otherwise GET]"),
        of_path("body")
            .value_name("JSON|@FILE")
            .requires("path")
            .allow_hyphen_values(true)
            .help("The body of an action with a path: JSON, @ and a file name, or @- for standard input"),
    ]
}

/// The option that waits after the call.
fn wait_option(waiter: &WaiterDescriptor) -> Arg {
    let help = format!(
        "After the call, waits until {} reports {}; exit code 7 if that does not happen",
        waiter.action,
        waiter.done.join(" or ")
    );
    option("wait").action(ArgAction::SetTrue).conflicts_with("dry-run").help(help)
}

/// The settings of a wait.
fn wait_options(waiter: &'static WaiterDescriptor, after_a_call: bool) -> Vec<Arg> {
    let bound = option("bound")
        .value_name("SECONDS")
        .value_parser(ValueParser::new(seconds))
        .help(format!("The longest wait [default: {}]", waiter.bound.as_secs()));
    let longest = match waiter.longest_interval.as_secs() {
        longest if longest > waiter.interval.as_secs() => format!(", which doubles up to {longest}"),
        _ => String::new(),
    };
    let interval = option("interval")
        .value_name("SECONDS")
        .value_parser(ValueParser::new(seconds))
        .help(format!("The time between two calls [default: {}{longest}]", waiter.interval.as_secs()));
    let options = [bound, interval].map(|option| if after_a_call { option.requires("wait") } else { option });
    options.to_vec()
}

fn wait_command() -> Command {
    let of_action = |action: &'static ActionDescriptor| {
        let waiter = action.waiter?;
        let name = action.name.to_kebab_case();
        let states = |states: &[&str]| states.join(" or ");
        let failed = match waiter.failed {
            [] => String::new(),
            failed => format!(" With {}, it ends at once.", states(failed)),
        };
        let about = format!("Waits until {} reports {}", waiter.action, states(waiter.done));
        let long = format!(
            "Calls {} until it reports {} for what {} has started with these parameters, and prints its response.{failed} It sends nothing \
             else: what was started goes on, and the same command waits again.",
            waiter.action,
            states(waiter.done),
            action.name
        );
        let command = Command::new(name)
            .alias(action.name)
            .about(about)
            .long_about(long)
            .args(action.parameters.iter().map(parameter))
            .args(options().into_iter().filter(|option| option.get_id() != "dry-run"))
            .args(wait_options(waiter, false))
            .disable_help_flag(true)
            .after_help(EXIT_CODES);
        Some(command)
    };
    Command::new("wait")
        .about("Waits until what an action has started is done")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(PRODUCT.actions.iter().filter_map(|action| of_action(action)))
}

fn query(text: &str) -> Result<Arc<Expression<'static>>, String> {
    jmespath::compile(text).map(Arc::new).map_err(|error| format!("not a JMESPath expression: {error}"))
}

fn call_command() -> Command {
    Command::new("call")
        .about("Calls any action of the product by its name, including actions without a command here")
        .long_about(
                "Calls any action of the product by its name on the wire, including actions that have no command here. For an action of this \
             version, its limit and checks apply. Any other action has no limit, is treated as not idempotent, and its values are hidden in a \
             dry run. Pass lists and objects in the form that the action documents, e.g. List.1=a, or as JSON. An action of the ROA style is \
             called with --path; names in braces are replaced by parameters, and all other parameters are in the query.",
        )
        .arg(Arg::new("action").value_name("ACTION").required(true).help("The name on the wire, e.g. ListChatappTemplate"))
        .arg(
            Arg::new("param")
                .long("param")
                .value_name("NAME=VALUE")
                .action(ArgAction::Append)
                .allow_hyphen_values(true)
                .value_parser(ValueParser::new(named_value))
                .help("A parameter by its name on the wire; can be given several times")
                .help_heading("Parameters"),
        )
        .args(route())
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
    // The value is not repeated: it may be personal data.
    pair.map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or_else(|| "expected NAME=VALUE".to_owned())
}

fn doctor_command() -> Command {
    Command::new("doctor")
        .about("Checks whether calls can work: credentials, identity, endpoint, clock, quota, proxy")
        .long_about(
                "Checks whether calls can work, without calling an action of the product: which source provides the credentials and why the \
             others do not, the identity of the credentials, whether the endpoint responds, the clock skew, quotas and proxies. Each check is a \
             line that begins with \u{2713} (passed), ! (works, with a warning), \u{2717} (prevents calls) or - (not checked, or nothing to \
             check), followed by the command that fixes a problem. No secret is shown. The exit code is 0 if calls can work.",
        )
        .args(options().into_iter().filter(|option| ["output", "region", "network", "endpoint", "help"].contains(&option.get_id().as_str())))
        .disable_help_flag(true)
        .after_help("Examples:\n  cams doctor\n  cams doctor --region ap-southeast-1 --output json")
        .after_long_help(format!("Examples:\n  cams doctor\n  cams doctor --region ap-southeast-1 --output json\n\n{EXIT_CODES}"))
}

fn simulator_command() -> Command {
    Command::new("simulator")
        .about("Runs a simulator of the product on this machine until Ctrl-C")
        .long_about(
                "Runs a simulator of the product on this machine until Ctrl-C. It checks signatures, timestamps, nonces, parameters and \
             limits as the service does, and responds with the documented examples. Its URL is the first line on standard output; the \
             environment variables that direct other programs to it are printed on standard error.",
        )
        .after_help("Examples:\n  cams simulator\n  cams simulator --listen 127.0.0.1:8080 --quota fixed-window")
        .arg(
            Arg::new("listen")
                .long("listen")
                .value_name("ADDRESS:PORT")
                .default_value("127.0.0.1:0")
                .help("The loopback address to listen on; port 0 selects a free port"),
        )
        .arg(
            Arg::new("key")
                .long("key")
                .value_name("ID:SECRET[:TOKEN]")
                .action(ArgAction::Append)
                .help("An access key that the simulator accepts, temporary if it has a token; can be given several times [default: testid:testsecret]"),
        )
        .arg(
            Arg::new("quota")
                .long("quota")
                .value_name("POLICY")
                .value_parser(PossibleValuesParser::new(["exact-window", "fixed-window", "token-bucket", "off"]))
                .default_value("exact-window")
                .help("How requests are counted against the limits"),
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
