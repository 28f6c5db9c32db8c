//! Every value arrives at the service unchanged, whatever characters it has and wherever it is placed.

use std::time::SystemTime;

use alibabacloud_cams::{
    ChatappSyncPhoneNumber, Credentials, ErrorKind, PRODUCT, ParameterPlacement, SignatureVersion, UntypedRequest,
};
use alibabacloud_runtime::sign::{self, acs3, rpc};
use alibabacloud_simulator::{Place, Simulator};
use conformance::harness::{EVERY_WAY, SYNC, client, unlimited};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PARAMETER: &str = "CustSpaceId";

/// The maximum length of a URL in `http::Uri`.
const LONGEST_URL: usize = 65_534;

/// Values that are difficult to encode, with a name for messages.
fn awkward_values() -> Vec<(String, String)> {
    let characters = "+*~%&=/#?-_.!'()[]{}<>|\\^`\"@:;,$ \n\r\t\0\u{7f}\u{80}\u{a0}\u{2028}\u{feff}é中😀";
    let mut values: Vec<(String, String)> =
        characters.chars().map(|c| (format!("{c:?}"), format!("a{c}b{c}{c}"))).collect();
    let more = [
        ("an escape", "%41%2B%25%zz%"),
        ("a pair", "a=b&Action=Other"),
        ("blanks around it", "  a b  "),
        ("line ends", "a\r\nb\n"),
        ("a combining character", "e\u{301}"),
        ("a family", "👩\u{200d}👩\u{200d}👧"),
        ("nothing", ""),
        ("all of them", characters),
    ];
    values.extend(more.map(|(name, value)| (name.to_owned(), value.to_owned())));
    values.push(("100 kB".to_owned(), characters.chars().cycle().take(100_000).collect()));
    values
}

fn fits_a_url(value: &str) -> bool {
    sign::encode(value).len() + 100 < LONGEST_URL
}

/// Asserts that the last request at the simulator has the value.
fn assert_arrived(simulator: &Simulator, value: &str, place: Place, case: &str) {
    let received = simulator.received();
    let last = received.last().expect(case);
    let parameter = last.parameter(PARAMETER).expect(case);
    // Not `assert_eq`, because the values are long and full of control characters.
    assert!(parameter == value, "{case}: {} bytes were sent, {} arrived changed", value.len(), parameter.len());
    assert_eq!(last.place(PARAMETER), Some(place), "{case}");
    assert!(last.executed, "{case}: {last:?}");
    simulator.gateway().clear_received();
}

#[tokio::test]
async fn every_value_arrives_byte_for_byte() {
    let simulator = unlimited().start().await.unwrap();
    for (version, placement) in EVERY_WAY {
        let client = client(simulator.url()).signature(version).parameter_placement(placement).build().unwrap();
        let place = if placement == ParameterPlacement::Body { Place::Form } else { Place::Query };
        for (name, value) in awkward_values() {
            // An empty required parameter is refused; see below.
            if value.is_empty() || (place == Place::Query && !fits_a_url(&value)) {
                continue;
            }
            let case = format!("{name} by {version:?}, {placement:?}");
            let sent = client.send(ChatappSyncPhoneNumber::new(&*value)).await;
            sent.unwrap_or_else(|error| panic!("{case}: {error}"));
            assert_arrived(&simulator, &value, place, &case);
        }
    }
    assert_eq!(simulator.counts().of(SYNC).rejected, 0);
    simulator.stop().await;
}

#[tokio::test]
async fn an_empty_required_parameter_is_refused_and_not_sent() {
    let simulator = unlimited().start().await.unwrap();
    let client = client(simulator.url()).build().unwrap();
    let untyped = UntypedRequest::new(SYNC).parameter(PARAMETER, "");
    let typed = client.send(ChatappSyncPhoneNumber::new("")).await.unwrap_err();
    let untyped = client.send_untyped(untyped).await.unwrap_err();
    for error in [typed, untyped] {
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(error.is_not_sent() && error.message().contains("`CustSpaceId`: it is required but empty"), "{error}");
    }
    assert!(simulator.received().is_empty());
    simulator.stop().await;
}

#[tokio::test]
async fn a_value_too_long_for_a_url_is_refused_with_advice() {
    let simulator = unlimited().start().await.unwrap();
    for version in [SignatureVersion::V1, SignatureVersion::V3] {
        let builder = || client(simulator.url()).signature(version);
        let request = ChatappSyncPhoneNumber::new("x".repeat(100_000));

        let in_query = builder().parameter_placement(ParameterPlacement::AsSpecified).build().unwrap();
        let error = in_query.send(request.clone()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(error.message().contains("`ParameterPlacement::Body`"), "{error}");
        assert!(error.message().contains("65,534"), "{error}");
        assert!(error.is_not_sent() && simulator.received().is_empty(), "{error}");

        // The advice works.
        let in_body = builder().parameter_placement(ParameterPlacement::Body).build().unwrap();
        in_body.send(request).await.unwrap();
        simulator.gateway().clear_received();
    }
    simulator.stop().await;
}

#[tokio::test]
async fn signatures_without_the_client_are_valid_for_every_value() {
    let simulator = unlimited().start().await.unwrap();
    let mut nonce = 0;
    let (mut long, mut sent) = (0, 0);
    for (name, value) in awkward_values() {
        for version in [SignatureVersion::V1, SignatureVersion::V3] {
            for place in [Place::Query, Place::Form] {
                let case = format!("{name} by {version:?} in {place:?}");
                nonce += 1;
                let raw = RawRequest::sign(&simulator, version, place, &value, &format!("nonce-{nonce}"));
                long += u32::from(raw.target.len() > LONGEST_URL);
                let status = raw.send(&simulator).await;
                assert_eq!(status, "HTTP/1.1 200 OK", "{case}: {:?}", simulator.received().last());
                assert_arrived(&simulator, &value, place, &case);
                sent += 1;
            }
        }
    }
    assert_eq!(long, 2, "a URL that is too long for the client, with each signature");
    assert_eq!(simulator.counts().of(SYNC).accepted, sent);
    simulator.stop().await;
}

/// A request as bytes, signed with the public functions of the runtime.
struct RawRequest {
    target: String,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl RawRequest {
    fn sign(simulator: &Simulator, version: SignatureVersion, place: Place, value: &str, nonce: &str) -> Self {
        let credentials = Credentials::new("testid", "testsecret");
        let now = sign::timestamp(SystemTime::now());
        let own = (PARAMETER, value);
        let (pairs, mut headers) = if version == SignatureVersion::V1 {
            let mut parameters = rpc::common_parameters(SYNC, PRODUCT.version, &credentials, &now, nonce);
            parameters.push(own);
            let (query, signature) = rpc::sign("POST", parameters, credentials.access_key_secret());
            (format!("{query}&Signature={}", sign::encode(&signature)), Vec::new())
        } else {
            let pairs = sign::canonical_query([own]);
            let (query, body) = if place == Place::Query { (&*pairs, "") } else { ("", &*pairs) };
            let request = acs3::Request {
                method: "POST",
                host: &simulator.address().to_string(),
                action: SYNC,
                version: PRODUCT.version,
                path: "/",
                query,
                body: body.as_bytes(),
                timestamp: &now,
                nonce,
                headers: &[],
            };
            let signed = acs3::sign(&request, &credentials);
            let headers =
                signed.headers(&request, &credentials).map(|(name, value)| (name.as_str(), value.to_owned())).collect();
            (pairs, headers)
        };
        if place == Place::Query {
            return Self { target: format!("/?{pairs}"), headers, body: String::new() };
        }
        headers.push(("content-type", "application/x-www-form-urlencoded".to_owned()));
        Self { target: "/".to_owned(), headers, body: pairs }
    }

    /// Sends it and returns the status line.
    async fn send(&self, simulator: &Simulator) -> String {
        let mut text = format!("POST {} HTTP/1.1\r\nhost: {}\r\n", self.target, simulator.address());
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("content-length: {}\r\nconnection: close\r\n\r\n{}", self.body.len(), self.body));
        let mut stream = TcpStream::connect(simulator.address()).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.lines().next().unwrap_or_default().to_owned()
    }
}
