//! Credentials URIs.

use alibabacloud_credentials::{CredentialsUri, Source};

use crate::support::{Fake, Reply, environment, failed, id, ok, passed, quiet, refused_url, session};

#[tokio::test]
async fn a_uri_provides_credentials_with_or_without_a_code() {
    let without_code = session("uri").replace(r#""Code":"Success","#, "");
    for body in [session("uri"), without_code] {
        let fake = Fake::start(move |_| ok(body.clone())).await;
        let uri = format!("{}/sub?key=CANARY", fake.url);
        let setup = environment([("ALIBABA_CLOUD_CREDENTIALS_URI", uri.as_str())]);
        let found = quiet(CredentialsUri::new().setup(setup)).fetch().await.unwrap();
        assert_eq!(found.found_in(), Some(fake.url.as_str()));
        assert!(found.warnings().is_empty());
        assert_eq!(id(CredentialsUri::at(uri).fetch().await), "uri");
        assert_eq!(fake.seen()[0].target, "/sub?key=CANARY");
    }
}

#[tokio::test]
async fn errors_show_only_the_server_of_the_uri() {
    let no_secret = session("CANARY").replace("AccessKeySecret", "X");
    let answers = [
        (200, "<html>CANARY</html>".to_owned(), "JSON"),
        (200, r#"{"Code":"CANARY"}"#.to_owned(), "`Code`"),
        (200, no_secret, "no `AccessKeySecret`"),
        (302, "CANARY".to_owned(), "HTTP 302"),
        (404, "CANARY".to_owned(), "HTTP 404"),
        (503, "CANARY".to_owned(), "HTTP 503"),
    ];
    for (status, body, words) in answers {
        let fake = Fake::start(move |_| Reply::With(status, body.clone())).await;
        let message = failed(quiet(CredentialsUri::at(format!("{}/CANARY?CANARY", fake.url))).fetch().await);
        assert!(message.contains(words) && message.contains(&fake.url), "{message}");
    }
    failed(CredentialsUri::at(format!("{}/CANARY", refused_url().await)).fetch().await);
    for uri in ["CANARY", "ftp://CANARY/", "http://CANARY:x@127.0.0.1:1/", "http:///CANARY", "/CANARY"] {
        failed(quiet(CredentialsUri::at(uri)).fetch().await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_hanging_server_times_out() {
    let fake = Fake::start(|_| Reply::Hang).await;
    assert!(failed(CredentialsUri::at(&fake.url).fetch().await).contains("no response within"));
}

/// The official SDK for Node requests `https://undefined/`.
#[tokio::test]
async fn without_a_uri_no_request_is_sent() {
    for variables in [vec![], vec![("ALIBABA_CLOUD_CREDENTIALS_URI", "")]] {
        let message = passed(CredentialsUri::new().setup(environment(variables)).fetch().await);
        assert!(message.contains("ALIBABA_CLOUD_CREDENTIALS_URI is not set"), "{message}");
    }
    failed(CredentialsUri::new().setup(environment([("ALIBABA_CLOUD_CREDENTIALS_URI", "undefined")])).fetch().await);
}
