//! A program that prints credentials.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use alibabacloud_runtime::Credentials;
use futures_util::future::{Either, select};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};
use tokio::time::timeout;
use zeroize::{Zeroize as _, Zeroizing};

use crate::answer::WipedJson;
use crate::found::{Found, SourceError};
use crate::setup::Setup;
use crate::source::{Source, SourceFuture};

const LIMIT: Duration = Duration::from_secs(60);
/// Much larger than any credentials, in bytes.
const LONGEST_OUTPUT: usize = 64 << 10;
/// The time to read what is already in the pipe.
const REST_LIMIT: Duration = Duration::from_secs(1);

/// A program that prints credentials as JSON:
/// `{"mode":"StsToken","access_key_id":…,"access_key_secret":…,"sts_token":…,"expiration":…}`.
///
/// The command is split like in a POSIX shell (on Windows, `\` is an ordinary character), but no shell is started. The
/// program has 60 s; then it is killed with all processes that it started (on Unix, its process group). It is run again
/// when its credentials are about to expire or, without an `expiration`, after 5 minutes. Its output is never shown.
/// `ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS=true` or [`Setup::without_external_process`] forbids it.
#[derive(Clone)]
pub struct ExternalProcess {
    setup: Setup,
    command: Zeroizing<String>,
    limit: Duration,
}

impl ExternalProcess {
    /// The program with its arguments, as on a command line.
    pub fn new(command: impl Into<String>) -> Self {
        Self { setup: Setup::new(), command: Zeroizing::new(command.into()), limit: LIMIT }
    }

    /// The time limit of the program. Default: 60 s.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Sets whether programs may be run, with the environment that allows it.
    #[must_use]
    pub fn setup(mut self, setup: Setup) -> Self {
        self.setup = setup;
        self
    }

    async fn run(&self) -> Result<Found, SourceError> {
        if !self.setup.runs_external_processes()? {
            return Err(SourceError::failed(
                "running a program for credentials is disabled (ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS)",
            ));
        }
        let failed = |problem: &str| SourceError::failed(format!("the program for credentials {problem}"));
        let command =
            if cfg!(windows) { Cow::Owned(self.command.replace('\\', r"\\")) } else { Cow::Borrowed(&**self.command) };
        let words = shlex::split(&command).ok_or_else(|| failed("has a command with an open quote"))?;
        let Some((program, arguments)) = words.split_first() else {
            return Err(failed("has an empty command"));
        };
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        // It may print secrets there, and the standard error of this process may be a log.
        command.stderr(Stdio::null());
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command
            .spawn()
            .map_err(|error| failed(&format!("cannot be started: {}", error.kind())).with_source(error))?;
        let group = Group::of(&child);
        let mut output = Zeroizing::new(Vec::with_capacity(2 * LONGEST_OUTPUT));
        let ended = timeout(self.limit, run_to_end(&mut child, group, &mut output)).await;
        let status = match ended {
            Ok(Ok(status)) => status,
            Ok(Err(error)) => return Err(failed(&format!("failed while running: {}", error.kind())).with_source(error)),
            Err(_) => return Err(failed(&format!("did not end within {:?}", self.limit))),
        };
        if output.len() > LONGEST_OUTPUT {
            return Err(failed(&format!("printed more than {LONGEST_OUTPUT} bytes")));
        }
        if !status.success() {
            return Err(failed(&format!("ended with {status}; run it in a terminal to see why")));
        }
        let mut json = WipedJson::parse(&output).map_err(|_| failed("did not print one JSON object"))?;
        let expiration = json.time("expiration").map_err(|problem| failed(&problem))?;
        let mode = json.text("mode").map(str::to_ascii_lowercase);
        let parts = (json.take("access_key_id"), json.take("access_key_secret"), json.take("sts_token"));
        let credentials = match (parts, mode.as_deref()) {
            ((Some(id), Some(secret), Some(token)), Some("ststoken") | None) => {
                Credentials::temporary(id, secret, token, expiration)
            }
            ((Some(id), Some(secret), None), Some("ak") | None) => Credentials::new(id, secret),
            ((id, secret, token), _) => {
                [id, secret, token].into_iter().flatten().for_each(|mut text| text.zeroize());
                return Err(failed(
                    "printed no credentials: it must print `access_key_id` and `access_key_secret`, and for the mode `StsToken` \
                     `sts_token`",
                ));
            }
        };
        Found::checked(credentials).map_err(|error| error.within("the program for credentials printed invalid ones"))
    }
}

/// Waits until the program ends, reads its output, and then kills the processes it left behind, because one of them may
/// keep standard output open. Too much output also ends it.
async fn run_to_end(child: &mut Child, group: Group, output: &mut Vec<u8>) -> io::Result<ExitStatus> {
    let stdout = child.stdout.take();
    let read = pin!(async {
        match stdout {
            Some(stdout) => stdout.take(LONGEST_OUTPUT as u64 + 1).read_to_end(output).await,
            None => Ok(0),
        }
    });
    match select(pin!(child.wait()), read).await {
        Either::Left((status, read)) => {
            drop(group);
            // The output of the program is in the pipe already. A process outside the group may keep the pipe open.
            let _ = timeout(REST_LIMIT, read).await;
            status
        }
        Either::Right((Ok(length), wait)) if length <= LONGEST_OUTPUT => wait.await,
        Either::Right(_) => {
            drop(group);
            Ok(ExitStatus::default())
        }
    }
}

/// The program and the processes that it started, which are killed when the value is dropped.
struct Group {
    #[cfg(unix)]
    leader: Option<rustix::process::Pid>,
}

impl Group {
    #[cfg(unix)]
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self { leader: id.and_then(rustix::process::Pid::from_raw) }
    }

    /// Only the program itself is killed here, when its handle is dropped.
    #[cfg(not(unix))]
    fn of(_child: &Child) -> Self {
        Self {}
    }
}

#[cfg(unix)]
impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.leader {
            // Usually none is left.
            let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
        }
    }
}

impl Source for ExternalProcess {
    fn name(&self) -> Cow<'static, str> {
        "external process".into()
    }

    fn fetch(&self) -> SourceFuture<'_> {
        Box::pin(self.run())
    }
}

/// Prints no command, because its arguments may be secret.
impl fmt::Debug for ExternalProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExternalProcess").field("limit", &self.limit).finish_non_exhaustive()
    }
}
