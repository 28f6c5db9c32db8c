//! Exit codes, and how a failure is reported.

use std::io::{self, Write};
use std::process::ExitCode;

use alibabacloud_cams::{Error, ErrorKind, Json, Response, WaitError};
use serde_json::{Map, Value, json};

use crate::output;

/// The exit codes, as `--help` lists them; [`Failure::code`] is the rule.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  the call succeeded
  1  a local failure, such as an output that cannot be written
  2  the command line or the input is wrong
  3  the service responded with an error: the call had no effect
  4  nothing was sent: no credentials, no connection, no room in the quota
  5  sent, but the outcome is unknown: the call may or may not have had an effect
  6  a bulk was interrupted: rows are not sent yet; run the same command to continue
  7  a wait ended without success: a failure was reported, or the time is over
A bulk ends with 0 if all rows are done, 3 if some failed, and 5 if the outcome of some is unknown.
With --output json, an error is a JSON object on standard error.";

/// Prints the result on standard output. A closed pipe (`| head`) is not a failure.
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

/// An error that ends the program.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
    advice: Option<&'static str>,
    /// Details of a failed call, for JSON output.
    facts: Box<Map<String, Value>>,
    /// What the service sent besides its message, for people.
    details: Vec<String>,
}

impl Failure {
    fn new(code: u8, message: String, advice: Option<&'static str>) -> Self {
        Self { code, message, advice, facts: Box::default(), details: Vec::new() }
    }

    /// A failure that does not involve the service.
    pub(crate) fn local(message: String) -> Self {
        Self::new(1, message, None)
    }

    /// A failure found before a call, with the exit code of that call.
    pub(crate) fn ahead(code: u8, message: String) -> Self {
        Self::new(code, message, None)
    }

    /// A command line that is not valid.
    pub(crate) fn usage(message: String) -> Self {
        Self::new(2, message, None)
    }

    /// A bulk in which some rows are not done.
    pub(crate) fn bulk(code: u8, message: String, advice: &'static str) -> Self {
        Self::new(code, message, Some(advice))
    }

    /// A wait that ended without success.
    pub(crate) fn waited(error: &WaitError<Json>) -> Self {
        let is_over = error.is_bound_reached();
        let advice =
            is_over.then_some("what was started continues; `cams wait` waits again, and --bound sets a longer wait");
        let mut facts = Map::new();
        facts.insert("kind".to_owned(), json!(if is_over { "BoundReached" } else { "WaitFailed" }));
        facts.insert("state".to_owned(), json!(error.state()));
        facts.insert("request_id".to_owned(), json!(error.response().and_then(Response::request_id)));
        facts.retain(|_, value| !value.is_null());
        Self { facts: Box::new(facts), ..Self::new(7, error.to_string(), advice) }
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
                Some("`cams doctor` shows each source; to try a command without an account, add --simulate")
            }
            ErrorKind::NotSent => Some(
                "check --endpoint and --region, and HTTPS_PROXY and NO_PROXY in the environment; `cams doctor` tests the endpoint",
            ),
            _ if is_about_the_shared_quota(&error) => Some(
                "check --quota-redis or CAMS_QUOTA_REDIS; without them, the commands on this machine share a quota in a file",
            ),
            ErrorKind::QuotaWait => Some("raise --deadline, or send fewer calls at once"),
            ErrorKind::Throttled => {
                Some("wait, then run the command again; other programs may use the quota of the same account")
            }
            _ if error.outcome_unknown() => {
                Some("check whether the call took effect before you repeat it, unless the action is idempotent")
            }
            _ if error.is_auth() => Some("`cams doctor` shows which credentials are used"),
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

/// The message of an error, with options of this command in place of builder methods.
pub(crate) fn message(error: &Error) -> String {
    error
        .to_string()
        .replace("; send fewer calls at once, or raise the deadline", "")
        .replace("set `expected_processes`", "add --quota-processes N")
        .replace(", or call `allow_unencrypted_http()` if that is what you want", "")
}

/// The message of an error; each source of credentials gets its own line.
fn in_lines(error: &Error) -> String {
    let message = message(error);
    if error.kind() == ErrorKind::Credentials { message.replace("; ", "\n  ") } else { message }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_exit_code_is_explained_once() {
        for code in 0..=7 {
            let lines = super::EXIT_CODES.lines().filter(|line| line.starts_with(&format!("  {code}  "))).count();
            assert_eq!(lines, 1, "exit code {code}");
        }
    }
}
