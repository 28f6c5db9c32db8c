//! A client with invalid settings is refused when it is built, with a message that says what to change.

use alibabacloud_runtime::{Client, ErrorKind, Network};

use crate::support::{Order, Scripted, Shop, builder};

fn refused(builder: alibabacloud_runtime::ClientBuilder<Shop>, says: &str) {
    let error = builder.build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
    assert!(error.to_string().contains(says), "{error}");
    assert!(error.is_not_sent());
}

#[tokio::test]
async fn an_invalid_setting_is_refused() {
    let start = || builder(&Scripted::new([]));
    refused(start().endpoint("https://host/path"), "must not have a path");
    refused(start().endpoint("not a host"), "not an endpoint");
    refused(start().endpoint("https://user:CANARY@host"), "user names and passwords");
    refused(start().endpoint("http://10.0.0.1"), "allow_unencrypted_http()");
    refused(start().endpoint("http://example.com"), "allow_unencrypted_http()");
    refused(start().region("Ap-Southeast"), "not a region ID");
    refused(start().region("evil.com/"), "not a region ID");
    refused(start().network(Network::Vpc), "no endpoint rule");
    for name in ["a\r\nX-Evil: 1", "a\0", "a\tb", "é", "a\u{7f}"] {
        refused(start().application(name), "application name");
    }
}

#[tokio::test]
async fn valid_settings_are_used() {
    let transport = Scripted::new([]);
    for (client, endpoint) in [
        (builder(&transport), "https://shop.here-1.example.com"),
        (builder(&transport).region("there-2"), "https://shop.there-2.example.com"),
        (builder(&transport).endpoint("http://127.0.0.1:8080"), "http://127.0.0.1:8080"),
        (builder(&transport).endpoint("http://10.0.0.1").allow_unencrypted_http(), "http://10.0.0.1"),
    ] {
        assert_eq!(client.build().unwrap().endpoint().to_string(), endpoint);
    }
    let client = builder(&transport).application("crm/2.1 (test)").build().unwrap();
    client.send(Order::new("s")).await.unwrap();
    let sent = transport.sent().remove(0).request;
    let user_agent = sent.headers()["user-agent"].to_str().unwrap();
    assert!(user_agent.starts_with("AlibabaCloud (") && user_agent.ends_with(" shop/2020-01-02 crm/2.1 (test)"));
}

#[tokio::test]
async fn missing_credentials_are_reported_with_the_way_to_set_them() {
    let transport = Scripted::new([]);
    let client = Client::<Shop>::builder().transport(transport.clone()).build().unwrap();
    for error in [client.send(Order::new("s")).await.unwrap_err(), client.prepare(&Order::new("s")).await.unwrap_err()]
    {
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Credentials, 0));
        assert_eq!(
            error.to_string(),
            "Order not sent: the client has no credentials; give it some with `Client::builder().credentials(…)`"
        );
    }
    assert!(transport.sent().is_empty());
}
