//! The repository's commands: one line each in [`COMMANDS`].

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

/// A command: its name, its arguments and what it does as `help` shows them, and the function.
type Command = (&'static str, &'static str, &'static str, fn(&[String]) -> Result<ExitCode, String>);

const COMMANDS: &[Command] = &[
    ("demo", "", "Generate, build, and call both actions on a simulator", demo::run),
    ("ci", "", "Check everything that must hold before a change lands", ci::run),
    (
        "interop",
        "",
        "Compare with the official Python SDKs: calls, and the choice of credentials; needs Python and the package index",
        interop::run,
    ),
    (
        "generate",
        "[--check] [--spec FOLDER --out FOLDER [--runtime PATH|URL]]",
        "Write the code that follows from api-spec/, or a crate from another folder, or only check that it is there",
        generate::run,
    ),
    ("new", "PRODUCT ACTION [--path PATH]", "Write the skeleton of a specification, to be filled in", new::run),
    (
        "import",
        "FILE [--action NAME]… [--name NAME] [--out FOLDER] [--verbose]",
        "Turn official metadata (api-docs.json) into specifications",
        import::run,
    ),
    (
        "diff",
        "[BASE] [--format json] [--fail-on …] [--changelog]",
        "Tell what changes of the specifications since a revision (HEAD) mean for users; --changelog writes it into crates/*/CHANGELOG.md",
        diff::run,
    ),
    (
        "policy",
        "PRODUCT [--action NAME]…",
        "Print the RAM policy that allows these actions (all) and nothing else",
        policy::run,
    ),
    ("package", "", "Package every crate, and compile what is in the packages", package::run),
    ("bench", "NAME", "Measure; without a name, list what can be measured", bench::run),
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
        eprintln!("error: there is no command `{}`\n\n{}", name.escape_debug(), usage());
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
            // A long call has a line of its own.
            text += &format!("  {call}\n  {:WIDTH$}{about}\n", "");
        }
    };
    for (name, arguments, about, _) in COMMANDS {
        line(format!("{name} {arguments}"), about);
    }
    line("help".to_owned(), "Show this text");
    text
}

/// A wrong argument.
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
