//! TLS with a custom certificate authority and a client certificate.

use alibabacloud_cams::ErrorKind;
use alibabacloud_cams::transport::{BundledTransport, TransportBuilder};
use conformance::over_each_transport;

use super::authority::Authority;
use super::{call, trusting};

async fn a_custom_certificate_authority_is_trusted_only_if_configured<T: BundledTransport>() {
    let authority = Authority::new();
    let url = authority.serve(false).await;
    call(&url, trusting::<T>(&authority).build().unwrap()).await.unwrap();

    let other = trusting::<T>(&Authority::new()).build().unwrap();
    let default = TransportBuilder::<T>::new().without_proxies().build().unwrap();
    for transport in [other, default] {
        let error = call(&url, transport).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotSent, "{error}");
        assert!(error.to_string().contains("certificate"), "{error}");
    }
}

async fn a_client_certificate_is_sent_to_a_server_that_requests_it<T: BundledTransport>() {
    let authority = Authority::new();
    let url = authority.serve(true).await;
    let (certificate, key) = authority.sign("client");
    let identity = key.serialize_pem() + &certificate.pem();
    call(&url, trusting::<T>(&authority).client_certificate(identity.as_bytes()).build().unwrap()).await.unwrap();
    call(&url, trusting::<T>(&authority).build().unwrap()).await.unwrap_err();
}

async fn what_is_no_certificate_is_refused_in_words_that_quote_nothing<T: BundledTransport>() {
    let broken = b"-----BEGIN PRIVATE KEY-----\nCANARY\n-----END PRIVATE KEY-----";
    for (builder, words) in [
        (TransportBuilder::<T>::new().certificate_authorities(b"CANARY"), "certificate authorities"),
        (TransportBuilder::<T>::new().certificate_authorities(b""), "certificate authorities"),
        (TransportBuilder::<T>::new().client_certificate(broken), "client certificate"),
    ] {
        let error = builder.build().unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(words) && !shown.contains("CANARY"), "{shown}");
    }
}

over_each_transport! {
    #[tokio::test]
    a_custom_certificate_authority_is_trusted_only_if_configured,
    #[tokio::test]
    a_client_certificate_is_sent_to_a_server_that_requests_it,
    #[tokio::test]
    what_is_no_certificate_is_refused_in_words_that_quote_nothing,
}
