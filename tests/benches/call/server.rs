//! The server: a process that sends the documented response to every request, with as little work as possible.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use alibabacloud_cams::ChatappSyncPhoneNumber;
use alibabacloud_runtime::Action;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::measure::pin;

/// A running server, which stops when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
    counts: BufReader<std::process::ChildStdout>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let program = std::env::current_exe().expect("this program has a path");
        let mut child = Command::new(program)
            .arg("serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut counts = BufReader::new(child.stdout.take().expect("standard output"));
        let mut address = String::new();
        counts.read_line(&mut address).expect("the server says its address");
        Self { child, address: address.trim().to_owned(), counts }
    }

    /// The number of new connections since the last call.
    pub(crate) fn connections(&mut self) -> u64 {
        let stdin = self.child.stdin.as_mut().expect("standard input");
        stdin.write_all(b"\n").and_then(|()| stdin.flush()).expect("the server listens");
        let mut count = String::new();
        self.counts.read_line(&mut count).expect("the server answers");
        count.trim().parse().expect("a number")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The main function of the child process.
pub(crate) fn run() {
    pin(1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        println!("{}", listener.local_addr().expect("an address"));
        let body = <ChatappSyncPhoneNumber as Action>::DESCRIPTOR.example;
        let answer: &'static str = Box::leak(
            format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
            .into_boxed_str(),
        );
        let (ask, mut asked) = tokio::sync::mpsc::unbounded_channel();
        std::thread::spawn(move || std::io::stdin().lines().map_while(Result::ok).all(|_| ask.send(()).is_ok()));
        let mut connections = 0_u64;
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    connections += 1;
                    tokio::spawn(serve(accepted.expect("a connection").0, answer));
                }
                question = asked.recv() => {
                    if question.is_none() {
                        return;
                    }
                    println!("{}", std::mem::take(&mut connections));
                }
            }
        }
    });
}

async fn serve(mut stream: TcpStream, answer: &'static str) {
    let _ = stream.set_nodelay(true);
    let mut buffer = Vec::with_capacity(8 << 10);
    loop {
        let length = loop {
            if let Some(length) = request_length(&buffer) {
                break length;
            }
            match stream.read_buf(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        };
        buffer.drain(..length);
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// The length of the first request in the buffer, if it is complete.
fn request_length(buffer: &[u8]) -> Option<usize> {
    let head = buffer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&buffer[..head]).ok()?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let whole = head + length.unwrap_or(0);
    (buffer.len() >= whole).then_some(whole)
}
