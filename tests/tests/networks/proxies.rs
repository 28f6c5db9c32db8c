//! Proxies: HTTP with and without a tunnel, over TLS, SOCKS5, and the errors of broken ones.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use alibabacloud_cams::ErrorKind;
use alibabacloud_cams::transport::{BundledTransport, Proxies, TransportBuilder};
use conformance::harness::{client, unlimited};
use conformance::over_each_transport;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls;

use super::authority::Authority;
use super::{call, trusting};

/// The requests to proxies, in order.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Vec<String>>>);

impl Asked {
    fn add(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// `me:CANARY`, which a proxy may require.
const AUTHORIZATION: &str = "Basic bWU6Q0FOQVJZ";

/// An HTTP proxy that opens tunnels and responds to plain requests itself; returns its address.
async fn http_proxy(asked: Asked, tls: Option<TlsAcceptor>, wants_password: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (asked, tls) = (asked.clone(), tls.clone());
            tokio::spawn(async move {
                match tls {
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            serve_http(stream, asked, wants_password).await;
                        }
                    }
                    None => serve_http(stream, asked, wants_password).await,
                }
            });
        }
    });
    address
}

async fn serve_http(stream: impl AsyncRead + AsyncWrite + Unpin, asked: Asked, wants_password: bool) {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let line = head.lines().next().unwrap_or_default().to_owned();
    let target = line.split(' ').nth(1).unwrap_or_default();
    let is_authorized = head.lines().any(|line| {
        let (name, value) = line.split_once(": ").unwrap_or_default();
        name.eq_ignore_ascii_case("proxy-authorization") && value == AUTHORIZATION
    });
    asked.add(format!("{line}{}", if is_authorized { ", authorized" } else { "" }));
    if wants_password && !is_authorized {
        let refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
        let _ = stream.write_all(refusal).await;
    } else if line.starts_with("CONNECT ") {
        let Ok(mut upstream) = TcpStream::connect(target).await else { return };
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        let _ = copy_bidirectional(&mut stream, &mut upstream).await;
    } else {
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 13\r\nconnection: close\r\n\r\n{\"Code\":\"OK\"}";
        let _ = stream.write_all(answer.as_bytes()).await;
    }
    let _ = stream.flush().await;
}

/// A SOCKS5 proxy; returns its address.
async fn socks_proxy(asked: Asked, wants_password: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let asked = asked.clone();
            tokio::spawn(async move {
                let _ = serve_socks(stream, asked, wants_password).await;
            });
        }
    });
    address
}

/// The parts of RFC 1928 and 1929 that the test needs.
async fn serve_socks(mut stream: TcpStream, asked: Asked, wants_password: bool) -> std::io::Result<()> {
    async fn bytes(stream: &mut TcpStream, count: usize) -> std::io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        stream.read_exact(&mut bytes).await?;
        Ok(bytes)
    }
    let methods = usize::from(bytes(&mut stream, 2).await?[1]);
    bytes(&mut stream, methods).await?;
    stream.write_all(&[5, if wants_password { 2 } else { 0 }]).await?;
    if wants_password {
        let user = usize::from(bytes(&mut stream, 2).await?[1]);
        let user = bytes(&mut stream, user).await?;
        let password = usize::from(bytes(&mut stream, 1).await?[0]);
        let password = bytes(&mut stream, password).await?;
        let is_right = (&user[..], &password[..]) == (b"me", b"CANARY");
        stream.write_all(&[1, u8::from(!is_right)]).await?;
    }
    let kind = bytes(&mut stream, 4).await?[3];
    let (kind, host) = match kind {
        1 => {
            let address = bytes(&mut stream, 4).await?;
            ("address", format!("{}.{}.{}.{}", address[0], address[1], address[2], address[3]))
        }
        3 => {
            let length = usize::from(bytes(&mut stream, 1).await?[0]);
            ("name", String::from_utf8(bytes(&mut stream, length).await?).unwrap())
        }
        _ => {
            bytes(&mut stream, 16).await?;
            ("address", "::1".to_owned())
        }
    };
    let port = bytes(&mut stream, 2).await?;
    let port = u16::from_be_bytes([port[0], port[1]]);
    asked.add(kind);
    let mut upstream = TcpStream::connect((if host == "::1" { "127.0.0.1" } else { &host }, port)).await?;
    stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    copy_bidirectional(&mut stream, &mut upstream).await?;
    Ok(())
}

async fn an_https_endpoint_is_reached_through_every_kind_of_proxy<T: BundledTransport>() {
    let authority = Authority::new();
    let endpoint = authority.serve(false).await;
    let target = endpoint.strip_prefix("https://").unwrap();
    let asked = Asked::default();
    let tls = TlsAcceptor::from(Arc::new(authority.server(false, rustls::ALL_VERSIONS)));
    let connect = format!("CONNECT {target} HTTP/1.1");
    let authorized = format!("{connect}, authorized");
    let plain = http_proxy(asked.clone(), None, false).await;
    let closed = http_proxy(asked.clone(), None, true).await;
    let secure = http_proxy(asked.clone(), Some(tls), true).await.port();
    let socks = socks_proxy(asked.clone(), false).await;
    let closed_socks = socks_proxy(asked.clone(), true).await;
    for (url, expected) in [
        (format!("http://{plain}"), connect.as_str()),
        (format!("{plain}/"), &connect),
        (format!("http://me:CANARY@{closed}"), &authorized),
        (format!("https://me:CAN%41RY@localhost:{secure}"), &authorized),
        (format!("socks5://{socks}"), "address"),
        (format!("socks5h://{socks}"), "name"),
        (format!("socks5h://me:CANARY@{closed_socks}"), "name"),
    ] {
        let transport = trusting::<T>(&authority).proxy(&url).build().unwrap();
        call(&endpoint, transport).await.unwrap_or_else(|error| panic!("{url}: {error}"));
        assert_eq!(asked.take(), [expected], "{url}");
    }
    // It is not used for hosts on the exception list.
    let proxies = Proxies::all(&format!("http://{plain}")).unwrap().except(target);
    call(&endpoint, trusting::<T>(&authority).proxies(proxies).build().unwrap()).await.unwrap();
    assert_eq!(asked.take(), [""; 0]);
}

async fn plain_endpoints_are_reached_through_http_and_socks_proxies<T: BundledTransport>() {
    let simulator = unlimited().start().await.unwrap();
    let asked = Asked::default();
    let closed = http_proxy(asked.clone(), None, true).await;
    let transport: T = TransportBuilder::new().proxy(&format!("http://me:CANARY@{closed}")).build().unwrap();
    call(simulator.url(), transport).await.unwrap();
    assert_eq!(asked.take(), [format!("POST {}/ HTTP/1.1, authorized", simulator.url())]);
    assert!(simulator.received().is_empty());

    let socks = socks_proxy(asked.clone(), false).await;
    let transport: T = TransportBuilder::new().proxy(&format!("socks5h://{socks}")).build().unwrap();
    call(simulator.url(), transport).await.unwrap();
    assert_eq!((asked.take(), simulator.received().len()), (vec!["address".to_owned()], 1));
    simulator.stop().await;
}

async fn a_proxy_that_does_not_work_means_not_sent_and_shows_no_password<T: BundledTransport>() {
    let authority = Authority::new();
    let endpoint = authority.serve(false).await;
    let asked = Asked::default();
    let closed = http_proxy(asked.clone(), None, true).await;
    let closed_socks = socks_proxy(asked.clone(), true).await;
    let refused = conformance::harness::refused_url().unwrap();
    let refused = refused.strip_prefix("http://").unwrap();
    for url in [
        format!("http://you:CANARY@{closed}"),
        format!("http://{closed}"),
        format!("socks5h://you:CANARY@{closed_socks}"),
        format!("socks5h://{closed_socks}"),
        format!("http://me:CANARY@{refused}"),
        format!("socks5://me:CANARY@{refused}"),
        format!("https://me:CANARY@{closed}"),
        "http://me:CANARY@proxy.invalid:1".to_owned(),
    ] {
        let transport = trusting::<T>(&authority).proxy(&url).build().unwrap();
        let shown = format!("{transport:?}");
        assert!(!shown.contains("CANARY") && !shown.contains("Q0FOQVJZ"), "{shown}");
        let error = call(&endpoint, transport).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotSent, "{url}: {error}");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("CANARY") && !shown.contains("Q0FOQVJZ"), "{shown}");
    }
}

async fn an_unusable_proxy_is_an_error_when_the_transport_is_built<T: BundledTransport>() {
    for url in ["htp://me:CANARY@proxy:1", "http://me:CANARY@proxy:1 ", ""] {
        let error = TransportBuilder::<T>::new().proxy(url).build().unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(shown.contains("the proxy") && !shown.contains("CANARY"), "{shown}");
    }
}

over_each_transport! {
    #[tokio::test]
    an_https_endpoint_is_reached_through_every_kind_of_proxy,
    #[tokio::test]
    plain_endpoints_are_reached_through_http_and_socks_proxies,
    #[tokio::test]
    a_proxy_that_does_not_work_means_not_sent_and_shows_no_password,
    #[tokio::test]
    an_unusable_proxy_is_an_error_when_the_transport_is_built,
}

/// The setting of the client also applies to an endpoint on this machine, which gets no proxy from the environment.
#[tokio::test]
async fn a_client_uses_the_proxy_of_its_builder() {
    let asked = Asked::default();
    let proxy = http_proxy(asked.clone(), None, false).await;
    let client = client("http://127.0.0.1:9").proxy(proxy.to_string()).build().unwrap();
    client.send(alibabacloud_cams::ChatappSyncPhoneNumber::new("1")).await.unwrap();
    assert_eq!(asked.take(), ["POST http://127.0.0.1:9/ HTTP/1.1"]);

    for url in ["htp://me:CANARY@proxy", "http://proxy "] {
        let error = self::client("https://example.com").proxy(url).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
        assert!(!format!("{error:?}").contains("CANARY"), "{error:?}");
    }
}
