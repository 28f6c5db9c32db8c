//! A Redis server for one test: a child process on a free port without persistence, killed when dropped.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use redis::{Client, Connection};
use rustix::process::{Pid, Signal, kill_process};

/// A server that is running or paused.
pub struct RedisServer {
    child: Child,
    port: u16,
}

impl RedisServer {
    /// Starts a server; `None`, after a printed note, if the program is missing and the test may be skipped.
    ///
    /// `cargo xtask ci` sets `REQUIRE_REDIS`, so that no test is skipped there.
    pub fn start() -> Option<Self> {
        let present = Command::new("redis-server").arg("--version").output().is_ok();
        if !present {
            assert!(std::env::var_os("REQUIRE_REDIS").is_none(), "`redis-server` is missing, and REQUIRE_REDIS is set");
            eprintln!("NOT CHECKED: `redis-server` is missing");
            return None;
        }
        let port = {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
            listener.local_addr().expect("an address").port()
        };
        let server = Self { child: spawn(port, &[]), port };
        server.wait_until_it_answers();
        Some(server)
    }

    /// Like [`start`](Self::start), with TLS only and a password. Only [`port`](Self::port) can be used.
    pub fn start_with_tls(certificate: &Path, key: &Path, password: &str) -> Option<Self> {
        let port = Self::start()?.port;
        let (tls_port, path) = (port.to_string(), |path: &Path| path.to_str().expect("a path in UTF-8").to_owned());
        let (certificate, key) = (path(certificate), path(key));
        let options = ["--tls-port", &tls_port, "--tls-cert-file", &certificate, "--tls-key-file", &key];
        let options = [&options[..], &["--tls-auth-clients", "no", "--requirepass", password]].concat();
        let server = Self { child: spawn(0, &options), port };
        let began = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(20), "redis-server does not start");
            sleep(Duration::from_millis(5));
        }
        Some(server)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// A connection for commands of the test.
    pub fn connection(&self) -> Connection {
        let client = Client::open(self.url()).expect("a valid URL");
        client.get_connection_with_timeout(Duration::from_secs(5)).expect("a server that answers")
    }

    pub fn command(&self, words: &[&str]) -> String {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        let reply: redis::Value = command.query(&mut self.connection()).expect("a valid command");
        redis::from_redis_value(reply).unwrap_or_default()
    }

    /// The number of calls of a command.
    pub fn calls_of(&self, command: &str) -> u64 {
        let stats = self.command(&["INFO", "commandstats"]);
        let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
        line.and_then(|rest| rest.split(',').next()).map_or(0, |calls| calls.parse().expect("a number"))
    }

    /// Kills the process, which loses all data.
    pub fn kill(&mut self) {
        self.child.kill().expect("a child that runs");
        self.child.wait().expect("a child that ends");
    }

    /// Starts an empty server at the same address.
    pub fn start_again(&mut self) {
        self.child = spawn(self.port, &[]);
        self.wait_until_it_answers();
    }

    /// Stops the process without ending it.
    pub fn pause(&self) {
        signal(&self.child, Signal::STOP);
    }

    pub fn go_on(&self) {
        signal(&self.child, Signal::CONT);
    }

    /// The CPU time that the server has used, in seconds.
    pub fn cpu_seconds(&self) -> f64 {
        let info = self.command(&["INFO", "cpu"]);
        let value = |name: &str| {
            let line = info.lines().find_map(|line| line.strip_prefix(name));
            line.map_or(0.0, |value| value.trim().parse().expect("a number"))
        };
        value("used_cpu_sys:") + value("used_cpu_user:")
    }

    fn wait_until_it_answers(&self) {
        let client = Client::open(self.url()).expect("a valid URL");
        let began = Instant::now();
        while client.get_connection_with_timeout(Duration::from_millis(100)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(20), "redis-server does not start");
            sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(port: u16, options: &[&str]) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .args(options)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("`redis-server` starts")
}

/// Sends a signal to a child of this process.
pub fn signal(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a process id");
    kill_process(pid, signal).expect("a child that runs");
}
