//! Both transports with hand-written servers that reproduce the faults of real ones.

use std::error::Error as StdError;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use super::*;

/// Without the proxies of the test's environment.
fn transport<T: BundledTransport>() -> T {
    TransportBuilder::new().without_proxies().build().unwrap()
}

fn request(address: impl std::fmt::Display) -> http::Request<Bytes> {
    http::Request::post(format!("http://{address}/?Phone=CANARY")).body(Bytes::from_static(b"Body=1")).unwrap()
}

/// Serves every connection with `serve` and counts the connections.
fn server(serve: impl Fn(TcpStream) + Send + 'static) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = connections.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            counter.fetch_add(1, Ordering::SeqCst);
            serve(stream.unwrap());
        }
    });
    (address, connections)
}

/// Reads one request; `None` at the end of the connection.
fn read_request(stream: &TcpStream) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let mut body = [0; 6];
    reader.read_exact(&mut body).ok()?;
    Some(head + std::str::from_utf8(&body).unwrap())
}

/// A server that reads the request, sends `answer`, and closes the connection.
fn saying(answer: &'static str) -> (SocketAddr, Arc<AtomicUsize>) {
    server(move |mut stream| {
        read_request(&stream);
        let _ = stream.write_all(answer.as_bytes());
    })
}

async fn failure<T: BundledTransport>(address: impl std::fmt::Display) -> TransportError {
    let handover = Handover::new();
    let error = transport::<T>().send(request(address), &handover).await.unwrap_err();
    assert_eq!(handover.may_have_been_sent(), !error.is_not_sent(), "{error}");
    let mut next: Option<&dyn StdError> = Some(&error);
    while let Some(cause) = next {
        let shown = format!("{cause} {cause:?}");
        assert!(!shown.contains("CANARY") && !shown.contains("Phone"), "the URL is in {shown}");
        next = cause.source();
    }
    error
}

async fn a_refused_connection_was_not_sent<T: BundledTransport>() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = failure::<T>(address).await;
    assert!(error.is_not_sent(), "{error}");
    assert!(error.to_string().starts_with("no connection to the endpoint: "), "{error}");
}

async fn a_name_that_does_not_exist_was_not_sent<T: BundledTransport>() {
    let error = failure::<T>("host.invalid").await;
    assert!(error.is_not_sent(), "{error}");
}

async fn a_server_that_hangs_up_after_the_request_may_have_acted<T: BundledTransport>() {
    let (address, connections) = saying("");
    let error = failure::<T>(address).await;
    assert!(!error.is_not_sent(), "{error}");
    assert_eq!(connections.load(Ordering::SeqCst), 1, "it was retried");
}

async fn an_answer_that_is_cut_short_may_stand_for_a_call_that_was_executed<T: BundledTransport>() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"Code\":\"OK\"}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nd\r\n{\"Code\":\"OK\"}\r\n",
        "not HTTP at all\r\n\r\n",
    ] {
        let (address, connections) = saying(answer);
        let error = failure::<T>(address).await;
        assert!(!error.is_not_sent(), "{answer}: {error}");
        assert_eq!(connections.load(Ordering::SeqCst), 1, "{answer}: it was retried");
    }
}

async fn what_came_in_of_a_cut_answer_is_kept_and_not_printed<T: BundledTransport>() {
    for rest in ["Content-Length: 100\r\n\r\nCANARY", "Transfer-Encoding: chunked\r\n\r\n6\r\nCANARY\r\n"] {
        let head = "HTTP/1.1 200 OK\r\nx-acs-request-id: r\r\n";
        let (address, _) = saying(format!("{head}{rest}").leak());
        let error = failure::<T>(address).await;
        let answer = error.partial_response().unwrap();
        assert_eq!((answer.status().as_u16(), &answer.body()[..]), (200, &b"CANARY"[..]));
        assert_eq!(answer.headers()["x-acs-request-id"], "r");
    }
}

async fn a_redirect_is_an_answer_and_is_not_followed<T: BundledTransport>() {
    let (address, connections) =
        saying("HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n");
    let answer = transport::<T>().send(request(address), &Handover::new()).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.body().len()), (307, 0));
    assert_eq!(answer.headers()["location"], "/elsewhere");
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

async fn the_request_goes_out_as_it_is_and_the_answer_comes_back_whole<T: BundledTransport>() {
    let (seen, requests) = mpsc::channel();
    let (address, _) = server(move |mut stream| {
        seen.send(read_request(&stream).unwrap()).unwrap();
        let answer = b"HTTP/1.1 418 T\r\nx-acs-request-id: r\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n";
        stream.write_all(answer).unwrap();
        stream.write_all(b"2\r\ncd\r\n3\r\nefg\r\n0\r\n\r\n").unwrap();
    });
    let answer = transport::<T>().send(request(address), &Handover::new()).await.unwrap();
    assert_eq!(answer.status().as_u16(), 418);
    assert_eq!(answer.headers()["x-acs-request-id"], "r");
    assert_eq!(&answer.body()[..], b"abcdefg");
    let request = next(&requests).await;
    assert!(request.starts_with("POST /?Phone=CANARY HTTP/1.1\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\nBody=1"), "{request}");
}

/// A piece of a large response.
static PIECE: [u8; 1 << 16] = [b'x'; 1 << 16];

/// Returns how much of an endless body a server could send before the client closed the connection.
fn endless(head: &'static str, piece: &'static [u8]) -> (SocketAddr, mpsc::Receiver<usize>) {
    let (report, sent) = mpsc::channel();
    let (address, _) = server(move |mut stream| {
        read_request(&stream);
        stream.write_all(head.as_bytes()).unwrap();
        let mut bytes = 0;
        while bytes < 4 * MAX_RESPONSE_BYTES && stream.write_all(piece).is_ok() {
            bytes += piece.len();
        }
        report.send(bytes).unwrap();
    });
    (address, sent)
}

async fn an_answer_that_announces_too_much_is_not_read<T: BundledTransport>() {
    let (address, sent) = endless("HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n", &PIECE);
    let error = failure::<T>(address).await;
    assert_eq!(error.to_string(), "the response is larger than 16777216 bytes");
    assert!(!error.is_not_sent());
    let sent = next(&sent).await;
    assert!(sent < MAX_RESPONSE_BYTES, "{sent} bytes went out");
}

async fn an_answer_without_an_announced_end_is_read_up_to_the_limit<T: BundledTransport>() {
    let chunk = format!("400\r\n{}\r\n", "x".repeat(0x400)).into_bytes();
    for (head, piece) in [
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", &*chunk.repeat(64).leak()),
        ("HTTP/1.1 200 OK\r\n\r\n", &PIECE),
    ] {
        let (address, sent) = endless(head, piece);
        let error = failure::<T>(address).await;
        assert_eq!(error.to_string(), "the response is larger than 16777216 bytes");
        let sent = next(&sent).await;
        assert!(sent < 3 * MAX_RESPONSE_BYTES, "{sent} bytes went out");
    }
}

async fn an_answer_of_exactly_the_limit_is_read<T: BundledTransport>() {
    let (address, _) = server(|mut stream| {
        read_request(&stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        stream.write_all(&vec![b'x'; MAX_RESPONSE_BYTES]).unwrap();
    });
    let answer = transport::<T>().send(request(address), &Handover::new()).await.unwrap();
    assert_eq!(answer.body().len(), MAX_RESPONSE_BYTES);
}

async fn calls_in_sequence_share_one_connection<T: BundledTransport>() {
    let (address, connections) = server(|mut stream| {
        while read_request(&stream).is_some() {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").unwrap();
        }
    });
    let transport = transport::<T>();
    for _ in 0..20 {
        let answer = transport.clone().send(request(address), &Handover::new()).await.unwrap();
        assert_eq!(&answer.body()[..], b"{}");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

async fn a_request_without_a_host_was_not_sent<T: BundledTransport>() {
    let request = http::Request::post("/only-a-path?Phone=CANARY").body(Bytes::new()).unwrap();
    let error = transport::<T>().send(request, &Handover::new()).await.unwrap_err();
    assert!(error.is_not_sent(), "{error}");
    assert!(!format!("{error:?}").contains("CANARY"), "{error:?}");
}

#[cfg(feature = "reqwest")]
#[tokio::test]
async fn a_client_of_the_users_own_is_used_with_its_settings() {
    let (address, _) = server(|mut stream| {
        let head = read_request(&stream).unwrap_or_default();
        let length = head.lines().filter(|line| line.eq_ignore_ascii_case("x-own: yes")).count();
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{}", "y".repeat(length));
    });
    let own = [("x-own".parse().unwrap(), "yes".parse().unwrap())].into_iter().collect();
    let own = ::reqwest::Client::builder().no_proxy().default_headers(own).build().unwrap();
    let answer = ReqwestTransport::from_client(own).send(request(address), &Handover::new()).await.unwrap();
    assert_eq!(&answer.body()[..], b"y");
}

/// A request with a body, one with an empty body, and one without: `hyper` treats them differently.
fn requests(scheme: &str, address: SocketAddr) -> Vec<http::Request<Bytes>> {
    let url = format!("{scheme}://{address}/?Phone=CANARY");
    vec![
        http::Request::post(&url).body(Bytes::from_static(b"Body=1")).unwrap(),
        http::Request::post(&url).body(Bytes::new()).unwrap(),
        http::Request::get(&url).body(Bytes::new()).unwrap(),
    ]
}

/// A server that accepts connections, sends nothing, and reports the first bytes that it reads.
fn listening() -> (SocketAddr, mpsc::Receiver<String>) {
    let (report, heard) = mpsc::channel();
    let (address, _) = server(move |mut stream| {
        let report = report.clone();
        thread::spawn(move || {
            let mut bytes = [0; 1 << 10];
            let read = stream.read(&mut bytes).unwrap_or(0);
            let _ = report.send(String::from_utf8_lossy(&bytes[..read]).into_owned());
            // Until the client closes the connection.
            let _ = stream.read_to_end(&mut Vec::new());
        });
    });
    (address, heard)
}

/// The next report of the server, without blocking the connections.
async fn next<R>(reports: &mpsc::Receiver<R>) -> R {
    loop {
        if let Ok(report) = reports.try_recv() {
            return report;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn a_tls_handshake_that_never_ends_was_not_sent<T: BundledTransport>() {
    let (address, heard) = listening();
    for request in requests("https", address) {
        let (transport, handover) = (transport::<T>(), Handover::new());
        let mut sending = transport.send(request, &handover);
        // The handshake has begun when the server has read something.
        tokio::select! {
            answer = &mut sending => panic!("{answer:?}"),
            _ = next(&heard) => {}
        }
        drop(sending);
        assert!(!handover.may_have_been_sent(), "{handover:?}");
    }
}

async fn a_request_that_the_server_has_read_may_have_acted<T: BundledTransport>() {
    let (address, heard) = listening();
    for request in requests("http", address) {
        let (transport, handover) = (transport::<T>(), Handover::new());
        let mut sending = transport.send(request, &handover);
        tokio::select! {
            answer = &mut sending => panic!("{answer:?}"),
            _ = next(&heard) => {}
        }
        drop(sending);
        assert!(handover.may_have_been_sent(), "{handover:?}");
    }
}

/// The deadline passes at the moment when a connection takes the request on another thread.
async fn no_byte_of_a_withdrawn_request_is_written<T: BundledTransport>() {
    let (address, heard) = listening();
    for request in requests("http", address) {
        let handover = Handover::new();
        handover.will_report();
        assert!(!handover.may_have_been_sent());
        let error = transport::<T>().send(request, &handover).await.unwrap_err();
        assert!(error.is_not_sent(), "{error}");
        assert_eq!(next(&heard).await, "", "the connection is closed before anything was written");
    }
}

/// Runs each test with each transport.
macro_rules! over_each_transport {
    ($($test:ident,)*) => {
        #[cfg(feature = "reqwest")]
        mod over_reqwest {
            $(
                #[tokio::test]
                async fn $test() {
                    super::$test::<crate::transport::ReqwestTransport>().await;
                }
            )*
        }

        #[cfg(feature = "hyper")]
        mod over_hyper {
            $(
                #[tokio::test]
                async fn $test() {
                    super::$test::<crate::transport::HyperTransport>().await;
                }
            )*
        }
    };
}

over_each_transport! {
    a_refused_connection_was_not_sent,
    a_name_that_does_not_exist_was_not_sent,
    a_server_that_hangs_up_after_the_request_may_have_acted,
    an_answer_that_is_cut_short_may_stand_for_a_call_that_was_executed,
    what_came_in_of_a_cut_answer_is_kept_and_not_printed,
    a_redirect_is_an_answer_and_is_not_followed,
    the_request_goes_out_as_it_is_and_the_answer_comes_back_whole,
    an_answer_that_announces_too_much_is_not_read,
    an_answer_without_an_announced_end_is_read_up_to_the_limit,
    an_answer_of_exactly_the_limit_is_read,
    calls_in_sequence_share_one_connection,
    a_request_without_a_host_was_not_sent,
    a_tls_handshake_that_never_ends_was_not_sent,
    a_request_that_the_server_has_read_may_have_acted,
    no_byte_of_a_withdrawn_request_is_written,
}
