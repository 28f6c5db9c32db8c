//! The pool over connections in memory, in virtual time.

use std::future::{Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Body;
use hyper::rt::ReadBufCursor;
use hyper_util::client::legacy::connect::Connected;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{sleep, timeout};

use super::super::Handover;
use super::*;

const IDLE: Duration = Duration::from_secs(20);

/// Opens connections in memory and passes their other ends to the test.
#[derive(Clone)]
struct Connector {
    servers: UnboundedSender<DuplexStream>,
    is_proxied: bool,
}

struct Client {
    stream: TokioIo<DuplexStream>,
    is_proxied: bool,
}

impl Service<Uri> for Connector {
    type Response = Client;
    type Error = BoxError;
    type Future = Ready<Result<Client, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let (client, server) = duplex(4096);
        let sent = self.servers.send(server);
        let client = Client { stream: TokioIo::new(client), is_proxied: self.is_proxied };
        ready(sent.map(|()| client).map_err(Into::into))
    }
}

impl Connection for Client {
    fn connected(&self) -> Connected {
        Connected::new().proxy(self.is_proxied)
    }
}

impl Read for Client {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl Write for Client {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

fn pool(is_proxied: bool) -> (Pool<Connector>, UnboundedReceiver<DuplexStream>) {
    let (servers, accepted) = unbounded_channel();
    (Pool::new(Connector { servers, is_proxied }, IDLE), accepted)
}

/// Sends a request without reading the response.
async fn send(pool: &Pool<Connector>, url: &str) -> Result<(Response<Incoming>, InUse), SendError> {
    let body = ReportingBody::new(Bytes::new(), Handover::new());
    pool.send(Request::get(url).body(body).expect("a request")).await
}

/// Sends a request, reads the response, and keeps the connection.
async fn call(pool: &Pool<Connector>, url: &str) {
    let Ok((response, connection)) = send(pool, url).await else { panic!("no response") };
    let mut body = response.into_body();
    while std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await.is_some() {}
    connection.finish();
}

/// Serves one request on a connection. Returns its head.
async fn serve(server: &mut DuplexStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(server.read_u8().await.expect("a request"));
    }
    server.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.expect("an open connection");
    String::from_utf8(head).expect("text")
}

/// Sends a request on a new connection. Returns the other end and the head of the request.
async fn call_on_new(
    pool: &Pool<Connector>,
    accepted: &mut UnboundedReceiver<DuplexStream>,
    url: &str,
) -> (DuplexStream, String) {
    let served = async {
        let mut server = accepted.recv().await.expect("a new connection");
        let head = serve(&mut server).await;
        (server, head)
    };
    timeout(10 * IDLE, async { tokio::join!(call(pool, url), served).1 }).await.expect("a connection that is used")
}

/// Waits until the client has closed the connection.
async fn closed(server: &mut DuplexStream) {
    assert_eq!(server.read(&mut [0]).await.expect("the end"), 0);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_used_again_by_its_endpoint() {
    let (pool, mut accepted) = pool(false);
    let (mut first, _) = call_on_new(&pool, &mut accepted, "http://a.example/").await;
    tokio::join!(call(&pool, "http://a.example/again"), serve(&mut first));
    assert!(accepted.try_recv().is_err(), "one connection is enough");
    call_on_new(&pool, &mut accepted, "http://a.example:81/").await;
}

#[tokio::test(start_paused = true)]
async fn simultaneous_requests_have_separate_connections() {
    let (pool, mut accepted) = pool(false);
    let served = async {
        let mut servers = [accepted.recv().await.expect("one"), accepted.recv().await.expect("another")];
        for server in &mut servers {
            serve(server).await;
        }
        servers
    };
    tokio::join!(call(&pool, "http://a.example/1"), call(&pool, "http://a.example/2"), served);
}

#[tokio::test(start_paused = true)]
async fn connections_are_closed_when_they_are_idle_for_too_long() {
    let (pool, mut accepted) = pool(false);
    let (mut first, _) = call_on_new(&pool, &mut accepted, "http://a.example/").await;
    sleep(IDLE / 2).await;
    tokio::join!(call(&pool, "http://a.example/"), serve(&mut first));
    let used = Instant::now();
    closed(&mut first).await;
    assert!(used.elapsed() >= IDLE && used.elapsed() < IDLE + IDLE / 10, "{:?}", used.elapsed());
    call_on_new(&pool, &mut accepted, "http://a.example/").await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_the_server_has_closed_is_replaced() {
    for is_noticed in [true, false] {
        let (pool, mut accepted) = pool(false);
        let (first, _) = call_on_new(&pool, &mut accepted, "http://a.example/").await;
        drop(first);
        if is_noticed {
            sleep(Duration::from_millis(1)).await;
        }
        // Otherwise the connection gets the request before it notices, and returns it.
        let (_, head) = call_on_new(&pool, &mut accepted, "http://a.example/again?x=1").await;
        assert!(head.starts_with("GET /again?x=1 HTTP/1.1\r\n"), "{is_noticed}: {head}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_fails_after_it_took_the_request_is_not_replaced() {
    let (pool, mut accepted) = pool(false);
    let (mut first, _) = call_on_new(&pool, &mut accepted, "http://a.example/").await;
    let (sent, ()) = tokio::join!(send(&pool, "http://a.example/again"), async {
        first.read_u8().await.expect("the request");
        drop(first);
    });
    assert!(matches!(sent, Err(SendError::Failed(_))));
    assert!(accepted.try_recv().is_err(), "the request may have arrived, so it is not sent again");
}

#[tokio::test(start_paused = true)]
async fn a_response_that_is_not_read_closes_its_connection() {
    let (pool, mut accepted) = pool(false);
    let (sent, mut server) = tokio::join!(send(&pool, "http://a.example/"), async {
        let mut server = accepted.recv().await.expect("a connection");
        serve(&mut server).await;
        server
    });
    drop(sent);
    closed(&mut server).await;
    call_on_new(&pool, &mut accepted, "http://a.example/").await;
}

#[tokio::test(start_paused = true)]
async fn endpoints_without_connections_are_forgotten() {
    let (pool, mut accepted) = pool(false);
    for number in 0..100 {
        call_on_new(&pool, &mut accepted, &format!("http://{number}.example/")).await;
        sleep(2 * IDLE).await;
    }
    assert_eq!(lock(&pool.0.endpoints).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_proxy_gets_the_whole_url_and_a_server_its_path() {
    for (is_proxied, line) in [(true, "GET http://a.example:81/x?y=1 HTTP/1.1\r\n"), (false, "GET /x?y=1 HTTP/1.1\r\n")]
    {
        let (pool, mut accepted) = pool(is_proxied);
        let (_, head) = call_on_new(&pool, &mut accepted, "http://a.example:81/x?y=1").await;
        assert!(head.starts_with(line), "{head}");
        assert!(head.contains("host: a.example:81\r\n"), "{head}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_url_without_a_host_is_an_error() {
    let (pool, _accepted) = pool(false);
    assert!(matches!(send(&pool, "/path").await, Err(SendError::Invalid)));
}
