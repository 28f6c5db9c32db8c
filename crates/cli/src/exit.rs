//! Exit codes, and how a failure is reported.

use std::io::{self, Write};
use std::process::ExitCode;

use alibabacloud_cams::{Error, ErrorKind};
use serde_json::{Map, Value, json};

use crate::output;

/// What `--help` says about exit codes; [`Failure::code`] is the rule.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  the call succeeded
  1  a local failure, such as an output that cannot be written
  2  the command line or the input is wrong
  3  the service answered with an error: the call had no effect
  4  nothing was sent: no credentials, no connection, no room in the quota
  5  sent, but the outcome is unknown: the call may or may not have had an effect
  6  a bulk was interrupted: rows are left, and the same command continues
A bulk ends with 0 if all rows are done, 3 if some failed, and 5 if the outcome of some is unknown.
With --output json, an error is a JSON object on standard error.";

/// Prints the result on standard output. A reader that went away (`| head`) is not a failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    written(writeln!(io::stdout(), "{}", text.trim_end()).and_then(|()| io::stdout().flush()))
}

/// The result of writing to standard output.
pub(crate) fn written(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::local(format!("the result cannot be written to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Why the program ends without a result.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
    advice: Option<&'static str>,
    /// What is known about a failed call, for programs.
    facts: Box<Map<String, Value>>,
    /// What the service said beside its message, for people.
    details: Vec<String>,
}

impl Failure {
    fn new(code: u8, message: String, advice: Option<&'static str>) -> Self {
        Self { code, message, advice, facts: Box::default(), details: Vec::new() }
    }

    /// A failure that has nothing to do with the service.
    pub(crate) fn local(message: String) -> Self {
        Self::new(1, message, None)
    }

    /// A call could not work, for a reason that has this exit code.
    pub(crate) fn ahead(code: u8, message: String) -> Self {
        Self::new(code, message, None)
    }

    /// A command line that cannot be understood.
    pub(crate) fn usage(message: String) -> Self {
        Self::new(2, message, None)
    }

    /// A bulk that did not do all rows.
    pub(crate) fn bulk(code: u8, message: String, advice: &'static str) -> Self {
        Self::new(code, message, Some(advice))
    }

    /// Prints the failure on standard error, for people or as JSON, and returns the exit code.
    pub(crate) fn report(&self, as_json: bool) -> ExitCode {
        if as_json {
            output::say_exactly(&output::json(&self.json()));
        } else {
            output::say(&format!("error: {}", output::printable(&self.message).replace("\\n", "\n")));
            for detail in &self.details {
                output::say(&format!("  {}", output::printable(detail)));
            }
            if let Some(advice) = self.advice {
                output::say(&format!("help: {advice}"));
            }
        }
        ExitCode::from(self.code)
    }

    fn json(&self) -> Value {
        let mut error = Map::new();
        error.insert("message".to_owned(), json!(self.message));
        error.insert("exit_code".to_owned(), json!(self.code));
        error.extend((*self.facts).clone());
        if let Some(advice) = self.advice {
            error.insert("help".to_owned(), json!(advice));
        }
        json!({ "error": error })
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (code, outcome) = if error.outcome_unknown() {
            (5, "unknown")
        } else if error.is_not_sent() {
            (4, "not_sent")
        } else {
            (3, "not_executed")
        };
        let advice = match error.kind() {
            ErrorKind::Credentials => {
                Some("`cams doctor` shows each source; to try the command without an account, add --simulate")
            }
            ErrorKind::NotSent => Some(
                "check --endpoint and --region, and HTTPS_PROXY and NO_PROXY in the environment; `cams doctor` tests the endpoint",
            ),
            _ if is_about_the_shared_quota(&error) => Some(
                "check --quota-redis or CAMS_QUOTA_REDIS; without them, the commands of this machine share a quota by themselves",
            ),
            ErrorKind::QuotaWait => Some("raise --deadline, or send fewer calls at once"),
            ErrorKind::Throttled => {
                Some("other programs may use the same account's quota; wait, then run the command again")
            }
            _ if error.outcome_unknown() => Some(
                "find out whether it took effect before you send it again, unless the action can safely be repeated",
            ),
            _ if error.is_auth() => Some("`cams doctor` shows whose credentials are used"),
            _ => None,
        };
        let mut facts = Map::new();
        let mut fact = |name: &str, value: Value| {
            if !value.is_null() {
                facts.insert(name.to_owned(), value);
            }
        };
        fact("kind", json!(format!("{:?}", error.kind())));
        fact("outcome", json!(outcome));
        fact("action", json!(error.action()));
        fact("code", json!(error.code()));
        fact("request_id", json!(error.request_id()));
        fact("http_status", json!(error.http_status()));
        fact("attempts", json!(error.attempts()));
        let details: Map<_, _> = error.details().map(|(name, text)| (name.to_owned(), json!(text))).collect();
        let lines = error.details().map(|(name, text)| format!("{name}: {text}")).collect();
        fact("details", if details.is_empty() { Value::Null } else { details.into() });
        Self { facts: Box::new(facts), details: lines, ..Self::new(code, in_lines(&error), advice) }
    }
}

/// Whether the store of a shared quota cannot be used.
pub(crate) fn is_about_the_shared_quota(error: &Error) -> bool {
    error.kind() == ErrorKind::Configuration && error.message().starts_with("the shared quota")
}

/// The message of an error, with this command's options in place of the settings of a program.
pub(crate) fn message(error: &Error) -> String {
    error
        .to_string()
        .replace("set `expected_processes`", "add --quota-processes N")
        .replace(", or call `allow_unencrypted_http()` if that is what you want", "")
}

/// The message of an error. Sources of credentials are tried one after the other, and each has a line.
fn in_lines(error: &Error) -> String {
    let message = message(error);
    if error.kind() == ErrorKind::Credentials { message.replace("; ", "\n  ") } else { message }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_exit_code_is_explained_once() {
        for code in 0..=6 {
            let lines = super::EXIT_CODES.lines().filter(|line| line.starts_with(&format!("  {code}  "))).count();
            assert_eq!(lines, 1, "exit code {code}");
        }
    }
}
