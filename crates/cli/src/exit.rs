//! Exit codes, and how a failure is told.

use std::process::ExitCode;

use alibabacloud_cams::{Error, ErrorKind};

/// What `--help` says about exit codes; [`Failure::code`] is the rule.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  the call succeeded
  1  a local failure, such as an output that cannot be written
  2  the command line is wrong
  3  the service answered with an error: the call had no effect
  4  nothing was sent: no credentials, no connection, no room in the quota
  5  sent, but the outcome is unknown: the call may or may not have had an effect
  6  a bulk was interrupted: rows are left, and the same command goes on
A bulk ends with 0 if all rows are done, 3 if some failed, and 5 if the outcome of some is unknown.";

/// Why the program ends without a result.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
    advice: Option<&'static str>,
}

impl Failure {
    /// A failure that has nothing to do with the service.
    pub(crate) fn local(message: String) -> Self {
        Self { code: 1, message, advice: None }
    }

    /// A call could not work, for a reason that has this exit code.
    pub(crate) fn ahead(code: u8, message: String) -> Self {
        Self { code, message, advice: None }
    }

    /// A command line that cannot be understood.
    pub(crate) fn usage(message: String) -> Self {
        Self { code: 2, message, advice: None }
    }

    /// A bulk that did not do all it should.
    pub(crate) fn bulk(code: u8, message: String, advice: &'static str) -> Self {
        Self { code, message, advice: Some(advice) }
    }

    /// Prints the failure on standard error and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        eprintln!("error: {}", crate::output::printable(&self.message));
        if let Some(advice) = self.advice {
            eprintln!("help: {advice}");
        }
        ExitCode::from(self.code)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = if error.outcome_unknown() {
            5
        } else if error.is_not_sent() {
            4
        } else {
            3
        };
        let advice = match error.kind() {
            ErrorKind::Credentials => {
                Some("`cams doctor` tells more; to try the command without an account, add --simulate")
            }
            ErrorKind::NotSent => {
                Some("check --endpoint and --region, and HTTPS_PROXY and NO_PROXY in the environment")
            }
            ErrorKind::QuotaWait => Some("raise --deadline, or send fewer calls at once"),
            ErrorKind::Throttled => {
                Some("other programs may use the same account's quota; wait, and send the command again")
            }
            _ if error.outcome_unknown() => Some(
                "find out whether it took effect before you send it again, unless the action can safely be repeated",
            ),
            _ => None,
        };
        Self { code, message: error.to_string(), advice }
    }
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
