//! A fake server on loopback that records its requests, a home folder, and the results of a source.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use alibabacloud_credentials::{Environment, Found, Setup, Source, SourceError};
use flate2::Compression;
use flate2::read::GzEncoder;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Part of every secret, so that it is found in any output.
pub(crate) const CANARY: &str = "CANARY";

#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// A value of the form in the body.
    pub(crate) fn form(&self, name: &str) -> Option<String> {
        let mut pairs = self.body.split('&').filter_map(|pair| pair.split_once('='));
        let value = pairs.find(|(found, _)| *found == name)?.1;
        Some(value.replace("%3A", ":").replace("%2F", "/").replace("%2B", "+").replace("%3D", "=").replace("%3E", ">"))
    }
}

pub(crate) enum Reply {
    With(u16, String),
    /// With status 200, compressed.
    Gzip(String),
    Hang,
}

pub(crate) fn ok(body: impl Into<String>) -> Reply {
    Reply::With(200, body.into())
}

/// A server that stops when it is dropped.
pub(crate) struct Fake {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Fake {
    pub(crate) async fn start(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (Arc::clone(&seen), Arc::new(answer));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                tokio::spawn(async move { serve(stream, &log, &*answer).await });
            }
        });
        Self { url, seen, task }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    stream: TcpStream,
    log: &Mutex<Vec<Seen>>,
    answer: &(dyn Fn(&Seen) -> Reply + Send + Sync),
) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
            length = value.trim().parse().ok()?;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let mut words = head.split(' ').map(ToOwned::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let seen = Seen { method, target, head, body: String::from_utf8(body).ok()? };
    let reply = answer(&seen);
    log.lock().unwrap().push(seen);
    let (status, coding, body) = match reply {
        Reply::With(status, body) => (status, "identity", body.into_bytes()),
        Reply::Gzip(body) => {
            let mut compressed = Vec::new();
            GzEncoder::new(body.as_bytes(), Compression::fast()).read_to_end(&mut compressed).ok()?;
            (200, "gzip", compressed)
        }
        Reply::Hang => std::future::pending().await,
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\ncontent-encoding: {coding}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.ok()?;
    stream.write_all(&body).await.ok()?;
    stream.shutdown().await.ok()
}

/// A URL that refuses connections.
pub(crate) async fn refused_url() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// A folder for the test, removed when dropped.
pub(crate) struct Home(PathBuf);

impl Home {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("credentials-test-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Writes a file with access only for its owner.
    pub(crate) fn write(&self, path: &str, text: &str) -> String {
        let path = self.0.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        permit(&path, 0o600);
        path.to_str().unwrap().to_owned()
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    /// The environment with this home folder and these variables.
    pub(crate) fn environment<'a>(&'a self, variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Environment {
        Environment::from_vars(variables.into_iter().chain([("HOME", self.path())]))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(unix)]
pub(crate) fn permit(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(not(unix))]
pub(crate) fn permit(_path: &Path, _mode: u32) {}

pub(crate) fn environment<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Setup {
    Setup::new().environment(Environment::from_vars(variables))
}

/// The access key ID that the source provides.
#[track_caller]
pub(crate) fn id(found: Result<Found, SourceError>) -> String {
    found.unwrap().credentials().access_key_id().to_owned()
}

/// Asserts that the source is not applicable, and returns the reason, which must have no canary.
#[track_caller]
pub(crate) fn passed(found: Result<Found, SourceError>) -> String {
    let error = found.unwrap_err();
    assert!(!error.applies(), "not skipped: {error}");
    hunted(&error)
}

/// Asserts that the source failed, and returns the reason, which must have no canary.
#[track_caller]
pub(crate) fn failed(found: Result<Found, SourceError>) -> String {
    let error = found.unwrap_err();
    assert!(error.applies(), "skipped: {error}");
    hunted(&error)
}

#[track_caller]
fn hunted(error: &SourceError) -> String {
    let (shown, debug) = (error.to_string(), format!("{error:?}"));
    assert!(!shown.contains(CANARY) && !debug.contains(CANARY), "{shown}");
    shown
}

/// Asserts that the `Debug` output of a source has no canary.
#[track_caller]
pub(crate) fn quiet<S: Source + std::fmt::Debug>(source: S) -> S {
    let shown = format!("{source:?} {source:#?}");
    assert!(!shown.contains(CANARY), "{shown}");
    source
}

/// Temporary credentials as STS, the metadata service and credentials URIs write them.
pub(crate) fn session(id: &str) -> String {
    format!(
        r#"{{"Code":"Success","AccessKeyId":"{id}","AccessKeySecret":"CANARYsecret","SecurityToken":"CANARYtoken","Expiration":"2099-01-02T03:04:05Z"}}"#
    )
}

/// A response of STS.
pub(crate) fn assumed(id: &str) -> String {
    format!(r#"{{"RequestId":"r-1","AssumedRoleUser":{{"Arn":"a"}},"Credentials":{}}}"#, session(id))
}
