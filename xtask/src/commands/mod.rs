//! The commands of `cargo xtask`, listed in [`COMMANDS`].

mod bench;
mod cargo;
mod ci;
mod demo;
mod diff;
mod generate;
mod import;
mod interop;
mod msrv;
mod new;
mod package;
mod policy;
mod programs;

#[cfg(test)]
pub use self::cargo::target;
#[cfg(test)]
pub use generate::read_sources;

use std::process::ExitCode;

/// A command: name, arguments and description as `help` shows them, and the function that runs it.
type Command = (&'static str, &'static str, &'static str, fn(&[String]) -> Result<ExitCode, String>);

const COMMANDS: &[Command] = &[
    ("demo", "", "Generate, build, and call both actions on a simulator", demo::run),
    ("ci", "", "Run all checks that a change must pass", ci::run),
    (
        "interop",
        "",
        "Compare calls and the choice of credentials with the official Python SDKs; needs Python and network access",
        interop::run,
    ),
    (
        "generate",
        "[--check] [--spec FOLDER --out FOLDER [--runtime PATH|URL]]",
        "Generate the code from api-spec/, or a crate from another folder; --check only compares",
        generate::run,
    ),
    ("new", "PRODUCT ACTION [--path PATH]", "Write the skeleton of a specification", new::run),
    (
        "import",
        "FILE [--action NAME]… [--name NAME] [--out FOLDER] [--verbose]",
        "Turn official metadata (api-docs.json) into specifications",
        import::run,
    ),
    (
        "diff",
        "[BASE] [--format json] [--fail-on …] [--changelog]",
        "Show what changes of the specifications since a revision (HEAD) mean for users; --changelog adds them to crates/*/CHANGELOG.md",
        diff::run,
    ),
    (
        "policy",
        "PRODUCT [--action NAME]…",
        "Print the RAM policy that allows these actions (default: all) and nothing else",
        policy::run,
    ),
    ("package", "", "Package every crate, and compile the packages", package::run),
    ("bench", "NAME", "Run a benchmark; without a name, list the benchmarks", bench::run),
];

/// Runs the command that the arguments name.
pub fn run(arguments: &[String]) -> ExitCode {
    let (name, rest) = match arguments {
        [] => ("help", arguments),
        [name, rest @ ..] => (name.as_str(), rest),
    };
    if ["help", "--help", "-h"].contains(&name) {
        print!("{}", usage());
        return ExitCode::SUCCESS;
    }
    let Some((_, usage_arguments, about, command)) = COMMANDS.iter().find(|(known, ..)| *known == name) else {
        eprintln!("error: unknown command `{}`\n\n{}", name.escape_debug(), usage());
        return ExitCode::from(2);
    };
    if rest.iter().any(|argument| ["--help", "-h"].contains(&argument.as_str())) {
        let details = if name == "import" { import::HELP } else { "" };
        println!("{about}.\n\nUsage: {}\n{details}", format!("cargo xtask {name} {usage_arguments}").trim_end());
        return ExitCode::SUCCESS;
    }
    command(rest).unwrap_or_else(|message| {
        eprintln!("error: {message}");
        ExitCode::FAILURE
    })
}

fn usage() -> String {
    const WIDTH: usize = 48;
    let mut text = String::from("Usage: cargo xtask <command>\n\nCommands:\n");
    let mut line = |call: String, about: &str| {
        if call.chars().count() < WIDTH {
            text += &format!("  {call:<WIDTH$}{about}\n");
        } else {
            // The description of a long call goes on the next line.
            text += &format!("  {call}\n  {:WIDTH$}{about}\n", "");
        }
    };
    for (name, arguments, about, _) in COMMANDS {
        line(format!("{name} {arguments}"), about);
    }
    line("help".to_owned(), "Show this text");
    text
}

/// Reports an unknown argument, with the usage.
fn unknown_argument(argument: &str) -> ExitCode {
    eprintln!("error: unknown argument `{}`\n\n{}", argument.escape_debug(), usage());
    ExitCode::from(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(arguments: &[&str]) -> ExitCode {
        run(&arguments.iter().map(|&argument| argument.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn an_unknown_command_or_argument_is_a_usage_error() {
        assert_eq!(code(&["nonsense"]), ExitCode::from(2));
        assert_eq!(code(&["generate", "--nonsense"]), ExitCode::from(2));
        assert_eq!(code(&["help"]), ExitCode::SUCCESS);
        for (name, ..) in COMMANDS {
            assert_eq!(code(&[name, "--help"]), ExitCode::SUCCESS, "{name}");
        }
        assert_eq!(code(&[]), ExitCode::SUCCESS);
    }
}
