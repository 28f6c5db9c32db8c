//! Servers and proxies that stall before a request can be sent: the request is always reported as not sent.

use std::io::ErrorKind as IoErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpStream as StdTcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use alibabacloud_cams::transport::{BundledTransport, TransportBuilder};
use alibabacloud_cams::{ChatappSyncPhoneNumber, Error, ErrorKind, RetryPolicy};
use conformance::harness::client;
use conformance::over_each_transport;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::version::{TLS12, TLS13};

use super::authority::Authority;
use super::trusting;

/// The attempt timeout. None of these faults ends by itself.
const PATIENCE: Duration = Duration::from_millis(700);

async fn call(url: &str, transport: impl BundledTransport) -> Error {
    let client =
        client(url).transport(transport).attempt_timeout(PATIENCE).retry(RetryPolicy::never()).build().unwrap();
    client.send(ChatappSyncPhoneNumber::new("1")).await.unwrap_err()
}

fn assert_not_sent(what: &str, error: &Error) {
    assert_eq!(error.kind(), ErrorKind::NotSent, "{what}: {error}");
    assert!(error.is_not_sent() && !error.outcome_unknown(), "{what}: {error}");
}

/// A server that accepts connections, reads everything, and sends only these bytes.
async fn saying(words: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 1 << 12]).await;
                let _ = stream.write_all(words).await;
                while stream.read(&mut [0; 1 << 12]).await.is_ok_and(|read| read > 0) {}
            });
        }
    });
    address
}

/// A TLS server that never responds, behind a connection that forwards only this many of its bytes.
struct Stalled {
    url: String,
    /// Whether the server completed a handshake.
    is_complete: Arc<AtomicBool>,
    /// The number of bytes that the server has sent.
    sent: Arc<AtomicUsize>,
}

async fn stalled(acceptor: TlsAcceptor, limit: u64) -> Stalled {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let wire = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", wire.local_addr().unwrap().port());
    let upstream = server.local_addr().unwrap();
    let (is_complete, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let (completed, counted) = (is_complete.clone(), sent.clone());
    tokio::spawn(async move {
        while let Ok((stream, _)) = server.accept().await {
            let (acceptor, completed) = (acceptor.clone(), completed.clone());
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                completed.store(true, Ordering::SeqCst);
                let _ = stream.read_to_end(&mut Vec::new()).await;
            });
        }
    });
    tokio::spawn(async move {
        while let Ok((mut near, _)) = wire.accept().await {
            let Ok(mut far) = TcpStream::connect(upstream).await else { continue };
            let counted = counted.clone();
            tokio::spawn(async move {
                let ((mut near_read, mut near_write), (mut far_read, mut far_write)) = (near.split(), far.split());
                let there = copy(&mut near_read, &mut far_write);
                let back = async {
                    let mut left = usize::try_from(limit).unwrap_or(usize::MAX);
                    let mut bytes = [0; 1 << 12];
                    while let Ok(read @ 1..) = far_read.read(&mut bytes).await {
                        counted.fetch_add(read, Ordering::SeqCst);
                        let passed = read.min(left);
                        left -= passed;
                        let _ = near_write.write_all(&bytes[..passed]).await;
                    }
                };
                tokio::join!(there, back).0.ok();
            });
        }
    });
    Stalled { url, is_complete, sent }
}

async fn a_tls_handshake_that_stalls_at_any_byte_means_not_sent<T: BundledTransport>() {
    let authority = Authority::new();
    for version in [&TLS13, &TLS12] {
        let acceptor = TlsAcceptor::from(Arc::new(authority.server(false, &[version])));
        // The number of bytes of the server in an almost complete handshake.
        let open = stalled(acceptor.clone(), u64::MAX).await;
        let error = call(&open.url, trusting::<T>(&authority).build().unwrap()).await;
        assert_eq!(error.kind(), ErrorKind::Unanswered, "a whole handshake: {error}");
        assert!(open.is_complete.load(Ordering::SeqCst));
        // A signature may be a few bytes shorter in the next handshake.
        let whole = open.sent.load(Ordering::SeqCst) as u64 - 16;

        let mut calls = JoinSet::new();
        for limit in [0, 1, 5, 90, 130, whole / 3, whole / 2, whole * 2 / 3, whole] {
            let (acceptor, transport) = (acceptor.clone(), trusting::<T>(&authority).build().unwrap());
            calls.spawn(async move {
                let server = stalled(acceptor, limit).await;
                let error = call(&server.url, transport).await;
                (limit, error, server.is_complete.load(Ordering::SeqCst))
            });
        }
        for (limit, error, is_complete) in calls.join_all().await {
            // In TLS 1.3 the client completes the handshake; after that the server only sends tickets, which no client
            // waits for.
            if is_complete && version.version == TLS13.version {
                assert_eq!(error.kind(), ErrorKind::Unanswered, "{limit} of {whole} bytes: {error}");
            } else {
                assert_not_sent(&format!("{version:?}, {limit} of {whole} bytes"), &error);
            }
        }
    }
}

async fn a_proxy_that_stalls_means_not_sent<T: BundledTransport>() {
    for (what, words) in [
        ("CONNECT is never answered", &b""[..]),
        ("CONNECT is answered in part", b"HTTP/1.1 200 OK\r\nx: "),
        ("the tunnel leads nowhere", b"HTTP/1.1 200 OK\r\n\r\n"),
    ] {
        let proxy = saying(words).await;
        let transport: T = TransportBuilder::new().proxy(&format!("http://{proxy}")).build().unwrap();
        assert_not_sent(what, &call("https://cams.invalid", transport).await);
    }
    for (what, words) in [("SOCKS is never answered", &b""[..]), ("SOCKS stops after its greeting", b"\x05\x00")] {
        let proxy = saying(words).await;
        let transport: T = TransportBuilder::new().proxy(&format!("socks5h://{proxy}")).build().unwrap();
        assert_not_sent(what, &call("https://cams.invalid", transport).await);
    }
}

async fn a_connection_that_is_not_accepted_means_not_sent<T: BundledTransport>() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    // Until the queue of connections to be accepted is full.
    let mut waiting = Vec::new();
    loop {
        match StdTcpStream::connect_timeout(&address, Duration::from_millis(200)) {
            Ok(stream) => waiting.push(stream),
            Err(error) if error.kind() == IoErrorKind::TimedOut => break,
            Err(error) => panic!("{error}"),
        }
        assert!(waiting.len() < 1_000, "the queue has no end");
    }
    let transport: T = TransportBuilder::new().without_proxies().build().unwrap();
    assert_not_sent("a full queue", &call(&format!("http://{address}"), transport).await);
}

async fn a_connect_timeout_means_not_sent<T: BundledTransport>() {
    let server = saying(b"").await;
    let builder = TransportBuilder::<T>::new().without_proxies().connect_timeout(Duration::from_millis(100));
    let client = client(&format!("https://{server}"));
    let client = client.transport(builder.build().unwrap()).retry(RetryPolicy::never()).build().unwrap();
    let error = client.send(ChatappSyncPhoneNumber::new("1")).await.unwrap_err();
    assert_not_sent("a connect timeout", &error);
    assert!(error.to_string().contains("connecting to the endpoint timed out"), "{error}");
}

async fn a_server_without_tls_is_named_as_the_cause<T: BundledTransport>() {
    let server = saying(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let transport: T = TransportBuilder::new().without_proxies().build().unwrap();
    let error = call(&format!("https://{server}"), transport).await;
    assert_not_sent("plain HTTP", &error);
    assert!(error.to_string().contains("does not use TLS"), "{error}");
}

over_each_transport! {
    #[tokio::test]
    a_tls_handshake_that_stalls_at_any_byte_means_not_sent,
    #[tokio::test]
    a_proxy_that_stalls_means_not_sent,
    #[tokio::test]
    a_connection_that_is_not_accepted_means_not_sent,
    #[tokio::test]
    a_connect_timeout_means_not_sent,
    #[tokio::test]
    a_server_without_tls_is_named_as_the_cause,
}
