//! Runs the command as a child process, and servers for it to call.
#![allow(dead_code, reason = "each test uses a part of it")]

pub(crate) mod browser;
pub(crate) mod journal;
pub(crate) mod redis;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;

pub(crate) const SYNC: [&str; 3] = ["chatapp-sync-phone-number", "--cust-space-id", "293483938849493"];
pub(crate) const MIGRATE: [&str; 7] = [
    "create-chatapp-migration-initiate",
    "--cust-space-id",
    "293483938849493",
    "--mobile-number",
    "13900001234",
    "--country-code",
    "86",
];

/// The exit status and output of a command.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The command with these arguments and an empty environment, so that it cannot use the credentials of the person
/// running the tests.
pub(crate) fn cams<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cams"));
    command.args(arguments).env_clear().stdin(Stdio::null());
    // Tests share no quota.
    let state = format!("{}/state-{}", env!("CARGO_TARGET_TMPDIR"), std::process::id());
    command.env("HOME", "/nowhere").env("XDG_STATE_HOME", state).env("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true");
    command
}

/// The command with the key that a simulator accepts by default.
pub(crate) fn cams_with_key<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    with_key(cams(arguments), "testid", "testsecret")
}

pub(crate) fn with_key(mut command: Command, id: &str, secret: &str) -> Command {
    command.env("ALIBABA_CLOUD_ACCESS_KEY_ID", id).env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", secret);
    command
}

/// Runs the command to its end. Its output must not contain control characters.
#[track_caller]
pub(crate) fn run(mut command: Command) -> Ran {
    let output = command.output().expect("the command starts");
    let text = |bytes| String::from_utf8(bytes).expect("the output is UTF-8");
    let ran = Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
    for text in [&ran.stdout, &ran.stderr] {
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "a control character is in {text:?}");
    }
    ran
}

/// Runs the command, which must fail with this code, a reason on standard error, and nothing on standard output.
#[track_caller]
pub(crate) fn fails(command: Command, code: i32) -> String {
    let ran = run(command);
    assert_eq!(ran.code, Some(code), "{}", ran.stderr);
    assert_eq!(ran.stdout, "", "{}", ran.stderr);
    assert!(ran.stderr.starts_with("error: "), "{}", ran.stderr);
    ran.stderr
}

/// `cams simulator` as a child process; killed when dropped.
pub(crate) struct Served {
    child: Child,
    stdout: BufReader<std::process::ChildStdout>,
    pub(crate) url: String,
}

impl Served {
    pub(crate) fn start<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Self {
        Self::start_at("127.0.0.1:0", arguments)
    }

    pub(crate) fn start_at<'a>(address: &str, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        let mut command = cams(["simulator", "--listen", address]);
        let mut child =
            command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("standard output is a pipe"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("standard output is text");
        Self { child, stdout, url: line.trim_end().to_owned() }
    }

    /// Presses Ctrl-C. Returns the exit status, and the remaining output on standard output and standard error.
    pub(crate) fn interrupt(mut self) -> (ExitStatus, String, String) {
        let signal = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().expect("`kill` starts");
        assert!(signal.success());
        let status = self.child.wait().expect("the child ends");
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.stdout.read_to_string(&mut stdout).expect("standard output is text");
        let mut pipe = self.child.stderr.take().expect("standard error is a pipe");
        pipe.read_to_string(&mut stderr).expect("standard error is text");
        (status, stdout, stderr)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server that answers its only request with this status and body, or closes the connection after it; returns its
/// URL.
pub(crate) fn server(answer: Option<(u16, &str)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let url = format!("http://{}", listener.local_addr().expect("the port is known"));
    let answer = answer.map(|(status, body)| {
        format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
    });
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("the command connects");
        read_request(&mut BufReader::new(&stream));
        if let Some(answer) = answer {
            stream.write_all(answer.as_bytes()).expect("the command reads the answer");
        }
    });
    url
}

fn read_request(stream: &mut impl BufRead) {
    let (mut length, mut line) = (0, String::new());
    while stream.read_line(&mut line).is_ok_and(|read| read > 0) && line != "\r\n" {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length is a number");
        }
        line.clear();
    }
    stream.read_exact(&mut vec![0; length]).expect("the body is complete");
}

/// The URL of a port that refuses connections.
pub(crate) fn refused_url() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    format!("http://{}", listener.local_addr().expect("the port is known"))
}
