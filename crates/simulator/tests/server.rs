//! The HTTP server: the bytes on a connection.

mod support;

use std::sync::Arc;
use std::time::Duration;

use alibabacloud_simulator::{Answer, Builder, QuotaPolicy, Request, Simulator, StartError};
use serde_json::Value;
use support::cams::CAMS;
use support::{Call, NOON};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const SYNC: &str = "ChatappSyncPhoneNumber";

fn builder() -> Builder {
    Simulator::builder(&[&CAMS]).quota(QuotaPolicy::Off).clock(|| std::time::UNIX_EPOCH + NOON)
}

async fn start() -> Simulator {
    builder().start().await.unwrap()
}

fn sync(space: &str) -> Call {
    Call::v3(SYNC, "2020-06-06").set("CustSpaceId", space)
}

/// The head of a request on the wire, without the empty line at its end.
fn head(request: &Request) -> String {
    let mut lines = vec![format!("{} {} HTTP/1.1\r\n", request.method, request.target)];
    lines.extend(request.headers.iter().map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap())));
    lines.concat()
}

fn wire(request: &Request) -> Vec<u8> {
    let mut bytes = format!("{}content-length: {}\r\n\r\n", head(request), request.body.len()).into_bytes();
    bytes.extend_from_slice(&request.body);
    bytes
}

/// A received response.
#[derive(Debug)]
struct Came {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Came {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.split("\r\n");
        lines.filter_map(|line| line.split_once(": ")).find(|(it, _)| *it == name).map(|(_, value)| value)
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    async fn connect(simulator: &Simulator) -> Self {
        let stream = TcpStream::connect(simulator.address()).await.unwrap();
        Self { stream, buffer: Vec::new() }
    }

    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Receives the next response; for HEAD only its head.
    async fn receive(&mut self) -> Came {
        self.receive_to("GET").await.expect("an answer, not the end of the connection")
    }

    async fn receive_to(&mut self, method: &str) -> Option<Came> {
        let end = loop {
            if let Some(at) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break at;
            }
            if !self.more().await {
                return None;
            }
        };
        let head = String::from_utf8(self.buffer.drain(..end + 4).collect()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut came = Came { status, head, body: Vec::new() };
        let length = match came.header("content-length") {
            Some(length) if method != "HEAD" => length.parse().unwrap(),
            _ => 0,
        };
        while self.buffer.len() < length {
            assert!(self.more().await, "the body is cut short");
        }
        came.body = self.buffer.drain(..length).collect();
        Some(came)
    }

    async fn more(&mut self) -> bool {
        let read = timeout(Duration::from_secs(10), self.stream.read_buf(&mut self.buffer)).await;
        !matches!(read.expect("the server does something within 10 seconds"), Ok(0) | Err(_))
    }

    async fn ask(&mut self, bytes: impl AsRef<[u8]>) -> Came {
        self.send(bytes).await;
        self.receive().await
    }

    /// Whether the server closes the connection without sending another byte.
    async fn is_closed(&mut self) -> bool {
        self.buffer.is_empty() && !self.more().await
    }
}

#[tokio::test]
async fn a_response_is_complete() {
    let simulator = start().await;
    assert_eq!(simulator.url(), format!("http://{}", simulator.address()));
    let mut client = Client::connect(&simulator).await;
    let answer = client.ask(wire(&sync("1").sign())).await;
    assert!(answer.head.starts_with("HTTP/1.1 200 OK\r\n"));
    assert_eq!(answer.header("content-type"), Some("application/json;charset=utf-8"));
    assert_eq!(answer.header("date"), Some("Sun, 22 Nov 2026 11:47:33 GMT"));
    assert_eq!(answer.header("connection"), Some("keep-alive"));
    assert_eq!(answer.header("x-acs-request-id"), answer.json()["RequestId"].as_str());
    assert_eq!(answer.json()["Code"], "OK");
    simulator.stop().await;
}

#[tokio::test]
async fn a_connection_is_reused() {
    let simulator = start().await;
    let mut first = Client::connect(&simulator).await;
    let mut second = Client::connect(&simulator).await;
    for _ in 0..3 {
        assert_eq!(first.ask(wire(&sync("1").sign())).await.status, 200);
    }
    assert_eq!(second.ask(wire(&sync("1").sign())).await.status, 200);
    let connections: Vec<u64> = simulator.received().iter().map(|it| it.connection).collect();
    assert_eq!(connections, [1, 1, 1, 2]);
}

#[tokio::test]
async fn a_client_can_request_to_close_the_connection() {
    let simulator = start().await;
    let mut client = Client::connect(&simulator).await;
    let answer = client.ask(wire(&sync("1").sign().header("connection", "close"))).await;
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    assert!(client.is_closed().await);

    let old = |keep: &str| format!("GET / HTTP/1.0\r\n{keep}\r\n");
    let mut client = Client::connect(&simulator).await;
    assert_eq!(client.ask(old("connection: keep-alive\r\n")).await.header("connection"), Some("keep-alive"));
    assert_eq!(client.ask(old("")).await.header("connection"), Some("close"));
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_scripted_answer_can_close_the_connection_and_be_delayed() {
    let simulator = start().await;
    let late = Duration::from_millis(120);
    let close = Answer::ok_json("{}").header("connection", "close").header("content-length", "999");
    simulator.script(SYNC, [simulator.gateway().example(SYNC).delay(late), close]);
    let mut client = Client::connect(&simulator).await;
    let start = std::time::Instant::now();
    assert_eq!(client.ask(wire(&sync("1").sign())).await.json()["Code"], "OK");
    assert!(start.elapsed() >= late);
    let answer = client.ask(wire(&sync("1").sign())).await;
    assert_eq!((&answer.body[..], answer.header("content-length")), (&b"{}"[..], Some("2")));
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn requests_can_be_pipelined() {
    let simulator = start().await;
    let mut client = Client::connect(&simulator).await;
    let requests: Vec<u8> = (0..20)
        .flat_map(|number| {
            let call = sync(&number.to_string());
            wire(&if number % 2 == 0 { call.in_form() } else { call }.sign())
        })
        .collect();
    client.send(requests).await;
    for _ in 0..20 {
        assert_eq!(client.receive().await.status, 200);
    }
    let received = simulator.received();
    let spaces: Vec<_> = received.iter().map(|it| it.parameter("CustSpaceId").unwrap().to_owned()).collect();
    assert_eq!(spaces, (0..20).map(|number| number.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_request_can_arrive_byte_by_byte() {
    let simulator = start().await;
    let mut client = Client::connect(&simulator).await;
    client.stream.set_nodelay(true).unwrap();
    let request = sync("1").in_form().sign();
    let chunked = format!(
        "{}transfer-encoding: chunked\r\n\r\n3;x=\"y\"\r\nCus\r\nC\r\ntSpaceId=123\r\n0\r\nt: 1\r\n\r\n",
        head(&request)
    );
    let whole = wire(&sync("1").in_form().sign());
    for byte in [whole, chunked.into_bytes()].concat() {
        client.send([byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(client.receive().await.status, 200);
    // Not the space that was signed.
    assert_eq!(client.receive().await.json()["Code"], "SignatureDoesNotMatch");
}

#[tokio::test]
async fn a_body_can_be_chunked() {
    let simulator = start().await;
    let mut client = Client::connect(&simulator).await;
    for (pieces, trailers) in [(1, ""), (3, ""), (7, "x-checksum: 1\r\ny: 2\r\n")] {
        let request = sync(&"long".repeat(1000)).in_form().sign();
        let mut bytes = format!("{}Transfer-Encoding: Chunked\r\n\r\n", head(&request)).into_bytes();
        for piece in request.body.chunks(request.body.len().div_ceil(pieces)) {
            bytes.extend_from_slice(format!("{:X}\r\n", piece.len()).as_bytes());
            bytes.extend_from_slice(piece);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(format!("0\r\n{trailers}\r\n").as_bytes());
        assert_eq!(client.ask(bytes).await.status, 200);
    }
}

#[tokio::test]
async fn a_client_that_waits_for_100_continue_gets_it() {
    let simulator = start().await;
    let mut client = Client::connect(&simulator).await;
    let request = sync("1").in_form().sign();
    let waiting = format!("{}content-length: {}\r\nexpect: 100-continue\r\n\r\n", head(&request), request.body.len());
    let answer = client.ask(waiting).await;
    assert_eq!(answer.head, "HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(client.ask(&request.body).await.status, 200);

    let other = format!("{}expect: a-miracle\r\n\r\n", head(&request));
    assert_eq!(client.ask(other).await.status, 417);
}

#[tokio::test]
async fn large_parameters_arrive_in_the_query_and_in_the_body() {
    let simulator = start().await;
    let mut client = Client::connect(&simulator).await;
    for length in [100_000, 1 << 20] {
        let value = "v".repeat(length);
        for request in [sync(&value).sign(), sync(&value).in_form().sign()] {
            assert_eq!(client.ask(wire(&request)).await.status, 200);
            assert_eq!(simulator.received().last().unwrap().parameter("CustSpaceId").unwrap().len(), length);
        }
    }
    let body = sync(&"v".repeat((16 << 20) - "CustSpaceId=".len())).in_form().sign();
    assert_eq!(client.ask(wire(&body)).await.status, 200);
}

#[tokio::test]
async fn oversized_requests_are_refused_and_the_connection_closed() {
    let simulator = start().await;
    let over = (16 << 20) + 1;
    let mut client = Client::connect(&simulator).await;
    let answer = client.ask(format!("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: {over}\r\n\r\n")).await;
    assert_eq!((answer.status, answer.header("connection")), (413, Some("close")));
    assert!(client.is_closed().await);

    let mut client = Client::connect(&simulator).await;
    let start = format!("POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n{over:x}\r\n");
    assert_eq!(client.ask(start).await.status, 413);
    assert!(client.is_closed().await);

    // More chunks of 1 MiB than a body may have. The client gets the response although it has not sent everything.
    let mut client = Client::connect(&simulator).await;
    client.send("POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n").await;
    for _ in 0..17 {
        client.send(format!("100000\r\n{}\r\n", "x".repeat(1 << 20))).await;
    }
    assert_eq!(client.receive().await.status, 413);

    let mut client = Client::connect(&simulator).await;
    client.send(format!("GET /?{} HTTP/1.1\r\n", "x".repeat(2 << 20))).await;
    assert_eq!(client.receive().await.status, 431);
    let mut client = Client::connect(&simulator).await;
    let many: Vec<String> = (0..200).map(|number| format!("h{number}: 1\r\n")).collect();
    assert_eq!(client.ask(format!("GET / HTTP/1.1\r\n{}\r\n", many.concat())).await.status, 431);
    assert!(simulator.received().is_empty());
}

#[tokio::test]
async fn malformed_requests_are_refused_and_the_connection_closed() {
    let simulator = start().await;
    for (bytes, status) in [
        ("\0", 400),
        ("GET\r\n\r\n", 400),
        ("GET / HTTP/3.0\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: a\r\nb@d: 1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: a\r\ncontent-length: +1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: a\r\ncontent-length:\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 1, 2\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999999999999\r\n\r\n", 413),
        ("GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n", 501),
        ("GET / HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n", 501),
        ("GET / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 400),
    ] {
        let mut client = Client::connect(&simulator).await;
        let answer = client.ask(bytes).await;
        assert_eq!((answer.status, answer.header("connection")), (status, Some("close")), "{bytes:?}");
        assert_eq!(answer.json()["Code"], "InvalidHttpRequest");
        assert_eq!(answer.header("x-acs-request-id"), answer.json()["RequestId"].as_str());
        assert!(client.is_closed().await, "{bytes:?}");
    }
    assert!(simulator.received().is_empty());
}

#[tokio::test]
async fn endless_chunk_lines_and_trailers_are_refused() {
    let simulator = start().await;
    let start = "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n";
    for rest in [
        format!("1;{}", "x".repeat(100_000)),
        format!("0\r\n{}", "a: b\r\n".repeat(20_000)),
        format!("0\r\n{}", "x".repeat(100_000)),
    ] {
        let mut client = Client::connect(&simulator).await;
        assert_eq!(client.ask(format!("{start}{rest}")).await.status, 400);
    }
}

#[tokio::test]
async fn a_response_to_head_has_no_body() {
    let simulator = start().await;
    let mut client = Client::connect(&simulator).await;
    client.send("HEAD / HTTP/1.1\r\nhost: h\r\n\r\n").await;
    let answer = client.receive_to("HEAD").await.unwrap();
    assert_eq!(answer.status, 405);
    assert_eq!(client.ask(wire(&sync("1").sign())).await.status, 200);
}

/// A small seeded generator of random numbers, so that failures are reproducible.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % sides
    }
}

#[tokio::test]
async fn no_input_breaks_the_server() {
    let simulator = start().await;
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let valid = wire(&sync("1").in_form().sign());
    for round in 0..600 {
        let mut bytes: Vec<u8> = if round % 3 == 0 {
            (0..dice.roll(3000)).map(|_| u8::try_from(dice.roll(256)).unwrap()).collect()
        } else {
            valid.clone()
        };
        if round % 3 == 1 {
            for _ in 0..=dice.roll(8) {
                let at = dice.roll(bytes.len());
                bytes[at] = u8::try_from(dice.roll(256)).unwrap();
            }
        } else if round % 3 == 2 {
            bytes.truncate(dice.roll(bytes.len()));
        }
        let mut client = Client::connect(&simulator).await;
        // The server may close the connection before everything is sent.
        let _ = client.stream.write_all(&bytes).await;
        let _ = client.stream.shutdown().await;
        while let Some(answer) = client.receive_to("GET").await {
            assert!(answer.status == 200 || answer.status >= 400, "{answer:?}");
        }
    }
    let mut client = Client::connect(&simulator).await;
    assert_eq!(client.ask(wire(&sync("1").sign())).await.status, 200);
    simulator.stop().await;
}

#[tokio::test]
async fn garbage_without_a_line_end_is_refused_early() {
    let simulator = start().await;
    let mut client = Client::connect(&simulator).await;
    assert_eq!(client.ask([0x16, 0x03, 0x01, 0x02, 0x00]).await.status, 400, "the beginning of TLS");
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn many_connections_are_served_at_once() {
    let simulator = Arc::new(start().await);
    simulator.script_fn(SYNC, |_| Some(Answer::ok_json("{}").delay(Duration::from_millis(100))));
    let start = std::time::Instant::now();
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let simulator = Arc::clone(&simulator);
            tokio::spawn(async move {
                let mut client = Client::connect(&simulator).await;
                client.ask(wire(&sync("1").sign())).await.status
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), 200);
    }
    assert!(start.elapsed() < Duration::from_secs(3), "not one after the other");
    assert_eq!(simulator.counts().of(SYNC).accepted, 50);
}

#[tokio::test]
async fn stop_closes_everything() {
    let metrics = tokio::runtime::Handle::current().metrics();
    let before = metrics.num_alive_tasks();
    let simulator = start().await;
    let gateway = Arc::downgrade(simulator.gateway());
    simulator.script_fn(SYNC, |_| Some(Answer::ok_json("{}").delay(Duration::from_secs(3600))));
    let mut idle = Client::connect(&simulator).await;
    idle.ask("GET / HTTP/1.1\r\nhost: h\r\n\r\n").await;
    let mut halfway = Client::connect(&simulator).await;
    halfway.send("GET / HT").await;
    let mut waiting = Client::connect(&simulator).await;
    waiting.send(wire(&sync("1").sign())).await;
    while simulator.counts().of(SYNC).accepted == 0 {
        tokio::task::yield_now().await;
    }
    assert!(metrics.num_alive_tasks() > before);

    let address = simulator.address();
    simulator.stop().await;
    assert_eq!(metrics.num_alive_tasks(), before);
    assert!(gateway.upgrade().is_none(), "the gateway is still held");
    assert!(TcpStream::connect(address).await.is_err(), "the port still accepts connections");
    for client in [&mut idle, &mut halfway, &mut waiting] {
        assert!(client.is_closed().await);
    }
    // The address is free again at once.
    let again = builder().listen(address.to_string()).start().await.unwrap();
    assert_eq!(again.address(), address);
}

#[tokio::test]
async fn a_dropped_simulator_closes_too() {
    let metrics = tokio::runtime::Handle::current().metrics();
    let before = metrics.num_alive_tasks();
    let simulator = start().await;
    let mut client = Client::connect(&simulator).await;
    client.ask("GET / HTTP/1.1\r\nhost: h\r\n\r\n").await;
    drop(simulator);
    assert!(client.is_closed().await);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(metrics.num_alive_tasks(), before);
}

#[tokio::test]
async fn only_loopback_addresses_are_accepted() {
    for address in ["0.0.0.0:0", "[::]:0", "192.168.1.1:80", "8.8.8.8:53"] {
        let refused = builder().listen(address).start().await.unwrap_err();
        assert!(matches!(refused, StartError::NotLoopback(_)), "{address}");
        assert!(refused.to_string().contains("not a loopback address"), "{refused}");
    }
    for address in ["", "127.0.0.1", "example.com:80", "localhost", "127.0.0.1:99999"] {
        let refused = builder().listen(address).start().await.unwrap_err();
        assert!(matches!(refused, StartError::InvalidAddress(_)), "{address}");
    }
    for address in ["127.0.0.1:0", "127.0.0.2:0", "localhost:0"] {
        let simulator = builder().listen(address).start().await.unwrap();
        assert!(simulator.address().ip().is_loopback());
        let taken = builder().listen(simulator.address().to_string()).start().await.unwrap_err();
        assert!(matches!(taken, StartError::Listen(..)));
    }
}
