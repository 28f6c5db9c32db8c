//! HTTP/2 with servers that offer it.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use alibabacloud_cams::transport::BundledTransport;
use alibabacloud_cams::{ChatappSyncPhoneNumber, Client, ErrorKind, RetryPolicy, SignatureVersion};
use bytes::Bytes;
use conformance::harness::client;
use conformance::over_each_transport;
use http::{Request, Response, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls;

use super::authority::Authority;
use super::trusting;

/// The requests that the server has received.
#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    requests: AtomicUsize,
}

/// A server with HTTP/2 only and a maximum number of concurrent streams.
async fn serve(authority: &Authority, streams: u32) -> (String, Arc<Seen>) {
    let mut config = authority.server(false, rustls::ALL_VERSIONS);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let seen = Arc::new(Seen::default());
    let counter = seen.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, seen) = (acceptor.clone(), counter.clone());
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                seen.connections.fetch_add(1, Ordering::SeqCst);
                let service = service_fn(|request| answer(request, seen.clone()));
                let connection = http2::Builder::new(TokioExecutor::new())
                    .max_concurrent_streams(streams)
                    .serve_connection(TokioIo::new(stream), service);
                let _ = connection.await;
            });
        }
    });
    (url, seen)
}

/// Responds with success; the space `hang` gets no response, and `fail` resets the stream.
async fn answer(request: Request<Incoming>, seen: Arc<Seen>) -> Result<Response<Full<Bytes>>, std::io::Error> {
    assert_eq!(request.version(), Version::HTTP_2);
    seen.requests.fetch_add(1, Ordering::SeqCst);
    let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes);
    let body = body.unwrap_or_else(|_| Bytes::new());
    let has = |space: &str| String::from_utf8_lossy(&body).contains(&format!("CustSpaceId={space}"));
    if has("hang") {
        std::future::pending::<Infallible>().await;
    }
    if has("fail") {
        return Err(std::io::Error::other("as the test wants it"));
    }
    Ok(Response::new(Full::from(r#"{"Code":"OK","RequestId":"h2"}"#)))
}

fn client_of<T: BundledTransport>(authority: &Authority, url: &str) -> Client {
    let transport = trusting::<T>(authority).build().unwrap();
    client(url)
        .transport(transport)
        .retry(RetryPolicy::never())
        .attempt_timeout(Duration::from_secs(20))
        .build()
        .unwrap()
}

async fn calls_share_one_connection_and_succeed_in_either_signature<T: BundledTransport>() {
    let authority = Authority::new();
    let (url, seen) = serve(&authority, 100).await;
    for signature in [SignatureVersion::V1, SignatureVersion::V3] {
        let transport = trusting::<T>(&authority).build().unwrap();
        let client = client(&url).transport(transport).signature(signature).build().unwrap();
        let before = seen.connections.load(Ordering::SeqCst);
        client.send(ChatappSyncPhoneNumber::new("1")).await.unwrap();
        let calls = (0..50).map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.send(ChatappSyncPhoneNumber::new("1")).await })
        });
        for call in calls.collect::<Vec<_>>() {
            assert_eq!(call.await.unwrap().unwrap().request_id(), Some("h2"));
        }
        assert_eq!(seen.connections.load(Ordering::SeqCst) - before, 1, "{signature:?}");
    }
}

async fn a_stream_that_the_server_resets_is_not_sent_again<T: BundledTransport>() {
    let authority = Authority::new();
    let (url, seen) = serve(&authority, 100).await;
    let error = client_of::<T>(&authority, &url).send(ChatappSyncPhoneNumber::new("fail")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unanswered, "{error}");
    assert_eq!(seen.requests.load(Ordering::SeqCst), 1);
}

/// A request that waits for a free stream was not handed over.
async fn a_request_that_gets_no_stream_was_not_sent<T: BundledTransport>() {
    let authority = Authority::new();
    let (url, seen) = serve(&authority, 1).await;
    let client = client_of::<T>(&authority, &url);
    client.send(ChatappSyncPhoneNumber::new("1")).await.unwrap();
    let hanging = tokio::spawn({
        let client = client.clone();
        async move { client.send(ChatappSyncPhoneNumber::new("hang")).await }
    });
    while seen.requests.load(Ordering::SeqCst) < 2 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let options = alibabacloud_cams::CallOptions::new().deadline(Duration::from_millis(300));
    let error = client.send_with(ChatappSyncPhoneNumber::new("1"), options).await.unwrap_err();
    // The client may hand one request to the connection in advance, and then does not know. It must only never make a
    // wrong claim.
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(seen.requests.load(Ordering::SeqCst), 2, "{error}");
    assert!(matches!(error.kind(), ErrorKind::NotSent | ErrorKind::Unanswered), "{error}");
    hanging.abort();
}

over_each_transport! {
    #[tokio::test]
    calls_share_one_connection_and_succeed_in_either_signature,
    #[tokio::test]
    a_stream_that_the_server_resets_is_not_sent_again,
    #[tokio::test]
    a_request_that_gets_no_stream_was_not_sent,
}
