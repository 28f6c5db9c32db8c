//! A folder for each test, a simulator in this process, and the content of journals.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use alibabacloud_cams::PRODUCT;
use alibabacloud_simulator::{Builder, Simulator};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) use crate::processes::{Ran, cams, cams_with_key, run};

pub(crate) const SYNC: &str = "ChatappSyncPhoneNumber";
pub(crate) const MIGRATE: &str = "CreateChatappMigrationInitiate";
pub(crate) const SYNC_COMMAND: &str = "chatapp-sync-phone-number";
pub(crate) const MIGRATE_COMMAND: &str = "create-chatapp-migration-initiate";

/// The phone number of every migration, which may appear only in files and requests.
pub(crate) const PHONE: &str = "13955501234";

/// A folder with an input, and the path of a journal.
pub(crate) struct Folder {
    pub(crate) place: TempDir,
    pub(crate) input: PathBuf,
    pub(crate) journal: PathBuf,
    command: &'static str,
}

impl Folder {
    fn new(command: &'static str, input: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (input_path, journal) = (folder.path().join("input.csv"), folder.path().join("journal.jsonl"));
        fs::write(&input_path, input).expect("a file");
        Self { place: folder, input: input_path, journal, command }
    }

    /// Spaces `s1`, `s2`, … to synchronize.
    pub(crate) fn syncs(rows: u64) -> Self {
        Self::new(SYNC_COMMAND, &(1..=rows).fold("CustSpaceId\n".to_owned(), |text, row| text + &format!("s{row}\n")))
    }

    /// Numbers to move into the spaces `s1`, `s2`, …
    pub(crate) fn migrations(rows: u64) -> Self {
        let header = "CustSpaceId,CountryCode,MobileNumber\n".to_owned();
        Self::new(MIGRATE_COMMAND, &(1..=rows).fold(header, |text, row| text + &format!("s{row},86,{PHONE}\n")))
    }

    /// The arguments for a bulk of this folder.
    pub(crate) fn arguments<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        let path = |path: &'a Path| path.to_str().expect("a path in UTF-8");
        [&["bulk", self.command, "--input", path(&self.input), "--journal", path(&self.journal)], more].concat()
    }

    /// The command, with a key that the simulator accepts.
    pub(crate) fn bulk(&self, more: &[&str]) -> Command {
        cams_with_key(self.arguments(more))
    }

    /// Runs it to its end. It must exit with this code and print no phone number.
    #[track_caller]
    pub(crate) fn ends(&self, more: &[&str], code: i32) -> Ran {
        let ran = run(self.bulk(more));
        assert_eq!(ran.code, Some(code), "{}\n{}", ran.stdout, ran.stderr);
        assert!(!ran.stdout.contains(PHONE) && !ran.stderr.contains(PHONE), "{}\n{}", ran.stdout, ran.stderr);
        ran
    }

    pub(crate) fn journal(&self) -> Journal {
        Journal::read(&self.journal)
    }
}

/// The content of a journal.
pub(crate) struct Journal {
    pub(crate) lines: Vec<Value>,
    /// Whether the last line is complete.
    pub(crate) whole: bool,
}

impl Journal {
    pub(crate) fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_default();
        let whole = text.is_empty() || text.ends_with('\n');
        let mut lines: Vec<&str> = text.lines().collect();
        if !whole {
            lines.pop();
        }
        let line = |text: &&str| serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        Self { lines: lines.iter().map(line).collect(), whole }
    }

    fn rows(&self) -> impl Iterator<Item = (u64, &str, &Value)> {
        let row = |line: &Value| line["row"].as_u64();
        self.lines.iter().filter_map(move |line| Some((row(line)?, line["state"].as_str()?, line)))
    }

    /// The states of each row, in order.
    pub(crate) fn states(&self) -> HashMap<u64, Vec<&str>> {
        let mut states: HashMap<u64, Vec<&str>> = HashMap::new();
        for (row, state, _) in self.rows() {
            states.entry(row).or_default().push(state);
        }
        states
    }

    /// How many rows ended in this state.
    pub(crate) fn ended(&self, state: &str) -> usize {
        self.states().values().filter(|states| states.last() == Some(&state)).count()
    }

    /// The last line of a row.
    pub(crate) fn last(&self, row: u64) -> &Value {
        self.rows().filter(|(of, ..)| *of == row).last().map_or(&Value::Null, |(.., line)| line)
    }

    /// Whether a line announces that the row is about to be sent.
    pub(crate) fn announces(&self, row: u64) -> bool {
        self.rows().any(|(of, state, _)| of == row && state == "sending")
    }
}

/// A simulator in this process, on its own runtime.
pub(crate) struct Simulated {
    pub(crate) simulator: Simulator,
    _runtime: tokio::runtime::Runtime,
}

impl Simulated {
    /// A simulator without limits.
    pub(crate) fn unlimited() -> Self {
        Self::start(Simulator::builder(&[&PRODUCT]).no_limit(SYNC).no_limit(MIGRATE))
    }

    pub(crate) fn start(builder: Builder) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
        let simulator = runtime.block_on(builder.keep(1_000_000).start()).expect("a port");
        Self { simulator, _runtime: runtime }
    }

    pub(crate) fn url(&self) -> &str {
        self.simulator.url()
    }

    /// The number of requests received.
    pub(crate) fn requests(&self) -> u64 {
        self.simulator.counts().actions.values().map(|it| it.accepted + it.throttled + it.rejected).sum()
    }

    /// For each row, its requests in order: whether each was executed.
    pub(crate) fn executed(&self) -> HashMap<u64, Vec<bool>> {
        let mut rows: HashMap<u64, Vec<bool>> = HashMap::new();
        for received in self.simulator.received() {
            let space = received.parameter("CustSpaceId").unwrap_or_default();
            let row = space.strip_prefix('s').and_then(|row| row.parse().ok()).expect("a space of the input");
            rows.entry(row).or_default().push(received.executed);
        }
        rows
    }

    /// Waits until that many requests were received, or the child has ended.
    pub(crate) fn wait_for(&self, requests: u64, child: &mut Child) {
        let began = Instant::now();
        while self.requests() < requests && child.try_wait().expect("a child").is_none() {
            assert!(began.elapsed() < Duration::from_secs(60), "{requests} requests do not come");
            sleep(Duration::from_millis(1));
        }
    }
}

/// Starts the command; [`output`] returns what it prints.
pub(crate) fn spawn(mut command: Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command starts")
}

/// Waits until it ends.
pub(crate) fn output(child: Child) -> Ran {
    let output = child.wait_with_output().expect("a child that ends");
    let text = |bytes| String::from_utf8(bytes).expect("the output is UTF-8");
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Presses Ctrl-C.
pub(crate) fn interrupt(child: &Child) {
    signal(child, "-INT");
}

pub(crate) fn signal(child: &Child, signal: &str) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("`kill` starts");
    assert!(sent.success());
}
