//! A program that prints credentials.

use std::borrow::Cow;
use std::fmt;
use std::process::Stdio;
use std::time::Duration;

use alibabacloud_runtime::Credentials;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::time::timeout;
use zeroize::{Zeroize as _, Zeroizing};

use crate::answer::WipedJson;
use crate::setup::Setup;
use crate::source::{Found, Source, SourceError, SourceFuture};

const LIMIT: Duration = Duration::from_secs(60);
/// Much larger than any credentials.
const LONGEST_OUTPUT: u64 = 64 << 10;

/// A program that prints credentials as JSON: `{"mode":"StsToken","access_key_id":…,"access_key_secret":…,"sts_token":…,"expiration":…}`.
///
/// The command is split as a POSIX shell does (on Windows a `\` stands for itself), and no shell is involved. The program has 60 s; it
/// is not asked again before its credentials are about to expire, or, if they have no `expiration`, for 5 minutes. What it prints
/// is never shown. `ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS=true` or [`Setup::without_external_process`] forbids it.
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

    /// How long the program may take. Default: 60 s.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Whether programs may be run at all.
    #[must_use]
    pub fn setup(mut self, setup: Setup) -> Self {
        self.setup = setup;
        self
    }

    async fn run(&self) -> Result<Found, SourceError> {
        if !self.setup.runs_external_processes()? {
            return Err(SourceError::failed(
                "running a program for credentials is forbidden here (ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS)",
            ));
        }
        let failed = |problem: &str| SourceError::failed(format!("the program for credentials {problem}"));
        let command =
            if cfg!(windows) { Cow::Owned(self.command.replace('\\', r"\\")) } else { Cow::Borrowed(&**self.command) };
        let words = shlex::split(&command).ok_or_else(|| failed("has a command with an open quote"))?;
        let Some((program, arguments)) = words.split_first() else {
            return Err(failed("has an empty command"));
        };
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // It may say anything, and our standard error may be a log.
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed(&format!("cannot be started: {}", error.kind())))?;
        let mut output = Zeroizing::new(Vec::with_capacity(4 << 10));
        let work = async {
            if let Some(stdout) = child.stdout.take() {
                let _ = stdout.take(LONGEST_OUTPUT).read_to_end(&mut output).await;
            }
            child.wait().await
        };
        let status = match timeout(self.limit, work).await {
            Ok(Ok(status)) => status,
            Ok(Err(error)) => return Err(failed(&format!("cannot be waited for: {}", error.kind()))),
            Err(_) => {
                let _ = child.start_kill();
                return Err(failed(&format!("did not end within {:?}", self.limit)));
            }
        };
        if !status.success() {
            return Err(failed(&format!("ended with {status}; run it by hand to see why")));
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
        Ok(Found::new(credentials))
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

/// Without the command: its arguments may be secret.
impl fmt::Debug for ExternalProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExternalProcess").field("limit", &self.limit).finish_non_exhaustive()
    }
}
