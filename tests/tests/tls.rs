//! TLS with a certificate authority and a client certificate of one's own.

use std::sync::Arc;

use alibabacloud_cams::transport::ReqwestTransport;
use alibabacloud_cams::{ChatappSyncPhoneNumber, Error, ErrorKind, RetryPolicy};
use conformance::harness::client;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// An authority, and what it signed.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    fn sign(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.0).unwrap(), key)
    }

    /// A server with a certificate of this authority, that may ask its clients for one; its URL.
    async fn serve(&self, asks: bool) -> String {
        let (certificate, key) = self.sign("localhost");
        let config = ServerConfig::builder();
        let config = if asks {
            let mut roots = RootCertStore::empty();
            roots.add(self.0.der().clone()).unwrap();
            config.with_client_cert_verifier(WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap())
        } else {
            config.with_no_client_auth()
        };
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = config.with_single_cert(vec![certificate.der().clone()], key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let _ = stream.read(&mut [0; 8 << 10]).await;
                let body = r#"{"Code":"OK"}"#;
                let answer =
                    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        url
    }
}

async fn call(url: &str, transport: ReqwestTransport) -> Result<(), Error> {
    let client = client(url).transport(transport).retry(RetryPolicy::never()).build().unwrap();
    client.send(ChatappSyncPhoneNumber::new("1")).await.map(drop)
}

#[tokio::test]
async fn a_certificate_authority_of_ones_own_is_trusted_only_where_it_is_given() {
    let authority = Authority::new();
    let url = authority.serve(false).await;
    let trusting = ReqwestTransport::builder().without_proxies().certificate_authorities(authority.pem().as_bytes());
    call(&url, trusting.build().unwrap()).await.unwrap();

    let other =
        ReqwestTransport::builder().without_proxies().certificate_authorities(Authority::new().pem().as_bytes());
    for transport in [other.build().unwrap(), ReqwestTransport::without_proxies().unwrap()] {
        let error = call(&url, transport).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotSent, "{error}");
        assert!(error.to_string().contains("certificate"), "{error}");
    }
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_a_server_that_asks() {
    let authority = Authority::new();
    let url = authority.serve(true).await;
    let (certificate, key) = authority.sign("client");
    let trusting = || ReqwestTransport::builder().without_proxies().certificate_authorities(authority.pem().as_bytes());
    let identity = key.serialize_pem() + &certificate.pem();
    call(&url, trusting().client_certificate(identity.as_bytes()).build().unwrap()).await.unwrap();
    call(&url, trusting().build().unwrap()).await.unwrap_err();
}

#[test]
fn what_is_no_certificate_is_refused_in_words_that_quote_nothing() {
    let broken = b"-----BEGIN PRIVATE KEY-----\nCANARY\n-----END PRIVATE KEY-----";
    for (builder, words) in [
        (ReqwestTransport::builder().certificate_authorities(b"CANARY"), "certificate authorities"),
        (ReqwestTransport::builder().certificate_authorities(b""), "certificate authorities"),
        (ReqwestTransport::builder().client_certificate(broken), "client certificate"),
    ] {
        let error = builder.build().unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(words) && !shown.contains("CANARY"), "{shown}");
    }
}
