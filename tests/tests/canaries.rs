//! Secrets and phone numbers appear nowhere: not in `Debug`, errors, URLs or logs, whatever the server echoes.

use std::collections::HashSet;
use std::error::Error as StdError;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alibabacloud_cams::transport::{BundledTransport, DefaultTransport, TransportBuilder};
use alibabacloud_cams::{
    CallOptions, ChatappSyncPhoneNumber, Client, ClientBuilder, CreateChatappMigrationInitiate, Credentials, Error,
    ErrorKind, ParameterPlacement, PreparedRequest, RateLimit, RetryPolicy, SignatureVersion, Throttle, UntypedRequest,
};
use alibabacloud_runtime::sign;
use alibabacloud_runtime::testing::CannedTransport;
use alibabacloud_simulator::{Answer, Place, Received, Simulator};
use conformance::harness::{self, EVERY_WAY, MIGRATE, SYNC, unlimited};
use conformance::library::ListBooks;
use conformance::over_each_transport;
use serde_json::json;

// Each mark has characters in its middle that encoders change, and a beginning and an end that they keep.
const KEY_ID: &str = "CANARY~key*id~EGRET";
const SECRET: &str = "CANARY+secret/==EGRET";
const TOKEN: &str = "CANARY+token%2B/&==EGRET";
const PHONE: &str = "CANARY+86 (139)  00<&>'\"/\u{e9}EGRET";
const MARKS: [&str; 4] = [KEY_ID, SECRET, TOKEN, PHONE];

/// Fails if a text contains a mark or one of its ends, in any encoding.
#[track_caller]
fn hunt(place: &str, text: &str) {
    for end in ["CANARY", "EGRET"] {
        assert!(!text.contains(end), "{place} shows a secret or a phone number:\n{text}");
    }
}

#[track_caller]
fn hunt_debug(place: &str, value: &impl Debug) {
    hunt(place, &format!("{value:?}"));
    hunt(place, &format!("{value:#?}"));
}

#[track_caller]
fn hunt_error(place: &str, error: &Error) {
    hunt_debug(place, error);
    hunt(place, &format!("{error} {error:#}"));
    hunt(place, error.message());
    hunt(place, error.code().unwrap_or_default());
    hunt(place, error.request_id().unwrap_or_default());
    error.details().for_each(|(name, text)| hunt(place, &format!("{name} {text}")));
    let mut cause = error.source();
    while let Some(error) = cause {
        hunt_debug(place, &error);
        hunt(place, &error.to_string());
        cause = error.source();
    }
}

/// Checks what proxies, which log URLs, and the simulator's log can see of a request.
#[track_caller]
fn hunt_on_the_wire(place: &str, received: &Received, placement: ParameterPlacement) {
    hunt_debug(place, received);
    hunt(place, &received.target);
    if placement == ParameterPlacement::Body {
        assert_eq!(received.target, "/", "{place}");
    }
    for (name, value) in &received.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        match name.as_str() {
            // Proxies and logs treat these two as secret.
            "authorization" => hunt(place, &value.replace(KEY_ID, "")),
            "x-acs-security-token" => assert_eq!(value, TOKEN, "{place}"),
            _ => hunt(place, &value),
        }
    }
    let secret_was_sent = received.parameters.iter().any(|parameter| parameter.value.contains("secret"));
    assert!(!secret_was_sent, "{place}: the secret itself was sent");
}

fn credentials() -> Credentials {
    Credentials::temporary(KEY_ID, SECRET, TOKEN, None)
}

/// A simulator with the marked key.
async fn simulator() -> Simulator {
    unlimited().sts_key(KEY_ID, SECRET, TOKEN).start().await.unwrap()
}

/// A client with the marked key and a single attempt.
fn client<T: BundledTransport>(url: &str) -> ClientBuilder {
    harness::client(url)
        .transport(transport::<T>())
        .credentials(credentials())
        .retry(RetryPolicy::new().max_attempts(1))
}

fn transport<T: BundledTransport>() -> T {
    TransportBuilder::new().without_proxies().build().unwrap()
}

fn migration() -> CreateChatappMigrationInitiate {
    CreateChatappMigrationInitiate::builder().cust_space_id("1").mobile_number(PHONE).country_code("86").build()
}

fn untyped_migration() -> UntypedRequest {
    UntypedRequest::new(MIGRATE)
        .parameter("CustSpaceId", "1")
        .parameter("MobileNumber", PHONE)
        .parameter("CountryCode", "86")
}

fn unknown_action() -> UntypedRequest {
    UntypedRequest::new("NoSuchAction").parameter("MobileNumber", PHONE)
}

/// JSON text in which every special character is escaped in one of the ways that JSON allows.
fn json_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

async fn what_a_call_is_made_of_shows_no_mark<T: BundledTransport>() {
    let simulator = simulator().await;
    hunt_debug("credentials", &credentials());
    hunt_debug("migration", &migration());
    hunt_debug("migration's builder", &Client::builder().credentials(credentials()));
    hunt_debug("untyped request", &untyped_migration());
    hunt_debug("unknown action", &unknown_action());
    hunt_debug("simulator", &simulator);
    hunt_debug("simulator's builder", &unlimited().sts_key(KEY_ID, SECRET, TOKEN));
    hunt_debug("answer", &Answer::error(400, "X", PHONE));
    let builder = client::<T>(simulator.url());
    hunt_debug("client builder", &builder);
    let client = builder.build().unwrap();
    hunt_debug("client", &client);
    simulator.stop().await;
}

async fn a_prepared_request_shows_no_mark<T: BundledTransport>() {
    for (version, placement) in EVERY_WAY {
        let client =
            client::<T>("http://127.0.0.1:1").signature(version).parameter_placement(placement).build().unwrap();
        let sync = ChatappSyncPhoneNumber::new("293483938849493");
        let prepared = [
            client.prepare(&sync).await.unwrap(),
            client.prepare(&migration()).await.unwrap(),
            client.prepare_untyped(&untyped_migration()).await.unwrap(),
            client.prepare_untyped(&unknown_action()).await.unwrap(),
        ];
        for request in &prepared {
            let place = format!("{version:?}, {placement:?}");
            hunt_debug(&place, request);
            hunt(&place, &request.to_string());
            assert_says_enough(request);
        }
        // The hash of a short body reveals the body, and a signature can verify a guess.
        for request in prepared {
            let shown = request.to_string();
            let request = request.into_http();
            for name in ["authorization", "x-acs-content-sha256"] {
                if let Some(value) = request.headers().get(name) {
                    assert!(!shown.contains(value.to_str().unwrap()), "{name} is shown:\n{shown}");
                }
            }
            let body = String::from_utf8(request.into_body().to_vec()).unwrap();
            if let Some((_, signature)) = body.split_once("Signature=") {
                assert!(!shown.contains(signature), "the signature is shown:\n{shown}");
            }
        }
    }
}

/// Hiding everything would pass the other checks.
#[track_caller]
fn assert_says_enough(request: &PreparedRequest) {
    let shown = request.to_string();
    for part in ["POST /", "host: 127.0.0.1:1", "user-agent: AlibabaCloud", "2020-06-06", "<hidden>"] {
        assert!(shown.contains(part), "{part} is not shown:\n{shown}");
    }
}

async fn a_successful_call_shows_no_mark_but_in_its_values<T: BundledTransport>() {
    let simulator = simulator().await;
    let numbers = format!(r#"{{"Code":"OK","RequestId":"1","PhoneNumbers":[{{"PhoneNumber":{}}}]}}"#, json_text(PHONE));
    let moved = format!(r#"{{"Code":"OK","RequestId":"1","Data":{{"PhoneNumber":{}}}}}"#, json_text(PHONE));
    simulator.script_fn(SYNC, move |_| Some(Answer::ok_json(numbers.clone())));
    simulator.script_fn(MIGRATE, move |_| Some(Answer::ok_json(moved.clone())));
    for (version, placement) in EVERY_WAY {
        let place = format!("{version:?}, {placement:?}");
        let client = client::<T>(simulator.url()).signature(version).parameter_placement(placement).build().unwrap();

        let synced = client.send(ChatappSyncPhoneNumber::new("1")).await.unwrap();
        hunt_debug(&place, &synced);
        hunt_debug(&place, &*synced);
        assert_eq!(synced.phone_numbers[0].phone_number.as_deref(), Some(PHONE));

        let started = client.send(migration()).await.unwrap();
        hunt_debug(&place, &started);
        assert_eq!(started.data.as_ref().unwrap().phone_number.as_deref(), Some(PHONE));

        // Sensitivity is unknown in the response to an untyped call.
        let untyped = client.send_untyped(untyped_migration()).await.unwrap();
        hunt_debug(&place, &untyped);
        assert_eq!(untyped["Data"]["PhoneNumber"], PHONE);

        for received in simulator.received() {
            hunt_on_the_wire(&place, &received, placement);
            if received.action.as_deref() == Some(MIGRATE) {
                assert_eq!(received.parameter("MobileNumber"), Some(PHONE), "{place}");
                // Personal data is not in the URL, whatever the placement.
                assert_eq!(received.place("MobileNumber"), Some(Place::Form), "{place}");
            }
        }
        simulator.gateway().clear_received();
    }
    simulator.stop().await;
}

/// All values of the request, and the secret, as lines of text.
fn everything(received: &Received) -> String {
    let mut text = format!("{} {}\n", received.method, received.target);
    for (name, value) in &received.headers {
        text.push_str(&format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
    }
    for parameter in &received.parameters {
        text.push_str(&format!("{}={}\n", parameter.name, parameter.value));
    }
    text + &MARKS.join("\n")
}

/// A text in the encodings in which a server or proxy may repeat it.
fn encodings(text: &str) -> Vec<String> {
    let once = sign::encode(text);
    let lower = |text: &str| {
        let mut pieces = text.split('%');
        let first = pieces.next().unwrap_or_default().to_owned();
        pieces.fold(first, |out, piece| out + "%" + &piece[..2].to_ascii_lowercase() + &piece[2..])
    };
    let html = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    vec![
        text.to_owned(),
        sign::encode(&once),
        once.replace("%20", "+"),
        lower(&once),
        lower(&once).replace("%20", "+"),
        lower(&sign::encode(&once)),
        html.replace('\'', "&#39;"),
        html.replace('\'', "&#x27;"),
        html,
        once,
    ]
}

/// A way for a server to return a text that it should have kept.
type Echo = (&'static str, fn(&str) -> Answer);

const ECHOES: &[Echo] = &[
    ("message", |text| Answer::error(400, "SignatureDoesNotMatch", &format!("server string to sign is:{text}"))),
    ("message, 500", |text| Answer::error(500, "InternalError", text)),
    ("code", |text| Answer::error(403, text, "no")),
    ("request id", |text| {
        Answer::new(400, format!(r#"{{"Code":"X","Message":"no","RequestId":{}}}"#, json_text(text)))
    }),
    ("throttled", |text| Answer::error(400, "System.LimitControl", text)),
    ("throttled by header", |text| Answer::new(429, text.to_owned()).retry_after(Duration::from_millis(1))),
    ("code in 200", |text| Answer::ok_json(format!(r#"{{"Code":{},"Message":"no"}}"#, json_text(text)))),
    ("Success: false", |text| Answer::ok_json(format!(r#"{{"Success":false,"Message":{}}}"#, json_text(text)))),
    ("XML", |text| {
        Answer::new(400, format!("<?xml version='1.0'?><Error><Code>X</Code><Message>{text}</Message></Error>"))
    }),
    ("reason of a denial", |text| {
        let reason = json_text(text);
        Answer::new(
            403,
            format!(
                r#"{{"Code":"NoPermission","Message":"no","AccessDeniedDetail":{{"AuthAction":{reason},"PolicyType":{reason},"NoPermissionType":[{reason}],"AuthPrincipalDisplayName":{reason}}}}}"#
            ),
        )
    }),
    ("details as text", |text| {
        let (detail, url) = (json_text(text), json_text(&format!("https://help.example.com?q={text}&k={text}")));
        Answer::new(
            403,
            format!(
                r#"{{"Code":"NoPermission","Message":"no","AccessDeniedDetail":{detail},"HostId":{detail},"Recommend":{url}}}"#
            ),
        )
    }),
    ("HTML", |text| Answer::new(502, format!("<html><body>{text}</body></html>"))),
    ("HTML with wrapped lines", |text| Answer::new(502, text.split(' ').collect::<Vec<_>>().join("\r\n    "))),
    ("HTML, 200", |text| Answer::new(200, format!("<html><body>{text}</body></html>"))),
    ("broken JSON", |text| Answer::new(400, format!(r#"{{"Code":"X","Message":{}"#, json_text(text)))),
    ("text", |text| Answer::new(407, text.to_owned())),
    ("redirect", |text| {
        let location = format!("http://127.0.0.1:1/?{}", sign::encode(text));
        Answer::new(302, text.to_owned()).header("location", &location).header("referer", &location)
    }),
];

async fn an_error_shows_no_mark_that_the_server_echoes<T: BundledTransport>() {
    let simulator = simulator().await;
    let mut kinds = HashSet::new();
    for (version, placement) in EVERY_WAY {
        let client = client::<T>(simulator.url()).signature(version).parameter_placement(placement).build().unwrap();
        for (how, echo) in ECHOES {
            for encoding in 0..encodings("").len() {
                let place = format!("{how}, encoding {encoding}, {version:?}, {placement:?}");
                simulator.script_fn(MIGRATE, move |received| Some(echo(&encodings(&everything(received))[encoding])));
                simulator.script_fn(SYNC, move |_| Some(echo(&encodings(&MARKS[..3].join(" "))[encoding])));

                let error = client.send(migration()).await.map(|_| ()).unwrap_err();
                hunt_error(&place, &error);
                kinds.insert(error.kind());
                let error = client.send(ChatappSyncPhoneNumber::new("1")).await.map(|_| ()).unwrap_err();
                hunt_error(&place, &error);
                let error = client.send_untyped(untyped_migration()).await.map(|_| ()).unwrap_err();
                hunt_error(&place, &error);
                // The log does show the code and the request ID that a script set for a response.
                if !how.starts_with("code") && *how != "request id" {
                    simulator.received().iter().for_each(|received| hunt_on_the_wire(&place, received, placement));
                }
                simulator.gateway().clear_received();
            }
        }
    }
    let expected = [ErrorKind::Service, ErrorKind::Throttled, ErrorKind::UnusableResponse];
    assert_eq!(kinds, HashSet::from(expected));
    simulator.stop().await;
}

/// An error shows the beginning of an unusable response, which may end in the middle of a mark. With one transport,
/// because transports do not matter here.
#[tokio::test]
async fn an_error_shows_no_beginning_of_a_mark() {
    let simulator = simulator().await;
    let client = client::<DefaultTransport>(simulator.url()).build().unwrap();
    for mark in MARKS {
        for encoded in encodings(mark) {
            for padding in 170..=200 {
                for filler in [".", "\u{1f600}"] {
                    let body = format!("{}{encoded}", filler.repeat(padding));
                    simulator.script(MIGRATE, [Answer::new(502, body)]);
                    let error = client.send(migration()).await.unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::UnusableResponse);
                    // Fewer characters than the shortest redacted value are harmless.
                    assert!(!error.message().contains("CANA"), "{padding} of {filler}: {error}");
                }
            }
        }
    }
    simulator.stop().await;
}

async fn errors_without_a_response_show_no_mark<T: BundledTransport>() {
    let mut kinds = HashSet::new();
    let mut check = |place: &str, error: Error, kind: ErrorKind| {
        hunt_error(place, &error);
        assert_eq!(error.kind(), kind, "{place}: {error}");
        kinds.insert(kind);
    };
    let simulator = simulator().await;
    let (silent, silent_task) = harness::hangs_up().await.unwrap();
    let refused = harness::refused_url().unwrap();
    for (version, placement) in EVERY_WAY {
        let at = |url: &str| client::<T>(url).signature(version).parameter_placement(placement);

        let error = at(&refused).build().unwrap().send(migration()).await.unwrap_err();
        check("refused", error, ErrorKind::NotSent);

        let error = at(&silent).build().unwrap().send(migration()).await.unwrap_err();
        check("hung up", error, ErrorKind::Unanswered);

        simulator.script(MIGRATE, [Answer::error(400, "X", "late").delay(Duration::from_secs(60))]);
        let impatient = at(simulator.url()).attempt_timeout(Duration::from_millis(50)).build().unwrap();
        check("too late", impatient.send(migration()).await.unwrap_err(), ErrorKind::Unanswered);

        let wrong = Credentials::temporary(KEY_ID, "CANARY-wrong-EGRET", TOKEN, None);
        let error = at(simulator.url()).credentials(wrong).build().unwrap().send(migration()).await.unwrap_err();
        assert_eq!(error.code(), Some("SignatureDoesNotMatch"));
        check("wrong secret", error, ErrorKind::Service);

        let wrong = Credentials::new("CANARY-unknown-EGRET", SECRET);
        let error = at(simulator.url()).credentials(wrong).build().unwrap().send(migration()).await.unwrap_err();
        assert_eq!(error.code(), Some("InvalidAccessKeyId.NotFound"));
        check("unknown key", error, ErrorKind::Service);

        let client = at(simulator.url()).build().unwrap();
        check("unknown action", client.send_untyped(unknown_action()).await.unwrap_err(), ErrorKind::Service);

        let once = Throttle::new().with_limit(MIGRATE, RateLimit::new(1, Duration::from_secs(3_600)));
        let client = at(simulator.url()).throttle(once).build().unwrap();
        client.send(migration()).await.unwrap();
        check("no quota", client.send(migration()).await.unwrap_err(), ErrorKind::QuotaWait);
    }

    let in_query = client::<T>(&refused).parameter_placement(ParameterPlacement::AsSpecified).build().unwrap();
    let long = CreateChatappMigrationInitiate::builder()
        .cust_space_id("1".repeat(100_000))
        .mobile_number(PHONE)
        .country_code("86")
        .build();
    check("too long", in_query.send(long).await.unwrap_err(), ErrorKind::InvalidRequest);

    let line_end = Credentials::temporary("CANARY\nEGRET", SECRET, "CANARY\nEGRET", None);
    let client_with_it = client::<T>(&refused).signature(SignatureVersion::V3).credentials(line_end).build().unwrap();
    check("line break", client_with_it.send(migration()).await.unwrap_err(), ErrorKind::Credentials);

    let without = Client::builder().endpoint(&refused).build().unwrap();
    check("no credentials", without.send(migration()).await.unwrap_err(), ErrorKind::Credentials);

    for endpoint in [format!("https://{SECRET}@127.0.0.1"), format!("https://127.0.0.1/{SECRET}"), SECRET.to_owned()] {
        check("endpoint", client::<T>(&endpoint).build().unwrap_err(), ErrorKind::Configuration);
    }
    check(
        "application",
        client::<T>(&refused).application(format!("{SECRET}\n")).build().unwrap_err(),
        ErrorKind::Configuration,
    );

    let never_answered = [
        ErrorKind::Configuration,
        ErrorKind::Credentials,
        ErrorKind::InvalidRequest,
        ErrorKind::QuotaWait,
        ErrorKind::NotSent,
        ErrorKind::Unanswered,
        ErrorKind::Service,
    ];
    assert_eq!(kinds, HashSet::from(never_answered));
    simulator.received().iter().for_each(|received| hunt_debug("log", received));
    silent_task.abort();
    simulator.stop().await;
}

/// The five spellings in which services and people write a number.
fn spellings(number: &str) -> [String; 5] {
    let (area, rest) = number.split_at(3);
    let (middle, end) = rest.split_at(4);
    let full_width = number.chars().filter_map(|c| char::from_u32(u32::from(c) - 0x30 + 0xff10)).collect();
    [
        format!("{area}-{middle}-{end}"),
        format!("+86 {area} {middle} {end}"),
        format!("0086{number}"),
        format!("({area}) {middle}.{end}"),
        full_width,
    ]
}

/// A number of the request, and one of another person.
async fn a_number_is_hidden_in_every_spelling_in_which_the_service_names_it<T: BundledTransport>() {
    let simulator = unlimited().start().await.unwrap();
    let client = harness::client(simulator.url()).transport(transport::<T>()).retry(RetryPolicy::never());
    let client = client.build().unwrap();
    for number in ["13900001234", "15811112222"] {
        for spelling in spellings(number) {
            let message = format!("the number {spelling} is in use");
            for answer in [
                Answer::error(400, "Number.InUse", &message),
                Answer::error(200, "Number.InUse", &message),
                Answer::new(404, format!("<html>{message}</html>")),
                Answer::new(200, format!(r#"{{"message":"{message}"}}"#)),
            ] {
                simulator.script(MIGRATE, [answer]);
                let migration = CreateChatappMigrationInitiate::builder().cust_space_id("1").country_code("86");
                let error = client.send(migration.mobile_number("13900001234").build()).await.unwrap_err();
                let shown = format!("{error} {error:?} {}", error.message());
                assert!(shown.contains("<hidden> is in use"), "{spelling}: {shown}");
                let end: String = spelling.chars().skip(spelling.chars().count() - 4).collect();
                assert!(!error.message().contains(&end), "{spelling}: {shown}");
                assert!(error.raw_body().is_some_and(|body| !body.is_empty()));
            }
        }
    }
    simulator.stop().await;
}

/// One number in five spellings of people and services.
const SPELLINGS: [&str; 5] =
    ["13900001234", "139 0000 1234", "+8613900001234", "139-0000-1234", "１３９００００１２３４"];

/// Fails if a text contains the number in any spelling, or a mark.
#[track_caller]
fn hunt_number(place: &str, text: &str) {
    hunt(place, text);
    let digit = |c: char| match c {
        '０'..='９' => char::from_digit(u32::from(c) - u32::from('０'), 10),
        _ => Some(c).filter(char::is_ascii_digit),
    };
    // Separators that people write between digits.
    let separates = |c: &char| !matches!(c, ' ' | '-' | '+');
    let digits: String = text.chars().filter(separates).map(|c| digit(c).unwrap_or('.')).collect();
    assert!(!digits.contains("13900001234"), "{place} shows a phone number:\n{text}");
}

/// All texts of an error that are for people.
fn shown(error: &Error) -> String {
    let details: Vec<_> = error.details().map(|(name, text)| format!("{name} {text}")).collect();
    format!("{error} {error:?} {error:#?} {} {}", error.message(), details.join(" "))
}

/// The texts passed to `tracing` and the event hook.
#[derive(Clone, Default)]
struct Watched(Arc<Mutex<String>>);

impl Watched {
    fn subscriber(&self) -> impl tracing::Subscriber + use<> {
        let writer = self.clone();
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish()
    }
}

impl std::io::Write for Watched {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().push_str(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Responses that contain a number: refused, failed, incomplete, with malformed members, and with numbers as names.
fn answers_with(number: &str) -> [Answer; 9] {
    let text = json_text(number);
    let ok = |members: &str| Answer::ok_json(format!(r#"{{"Code":"OK","RequestId":"r",{members}}}"#));
    [
        Answer::error(400, "Number.InUse", &format!("the number {number} is in use")),
        Answer::error(500, "InternalError", &format!("no line to {number}")),
        Answer::new(400, format!(r#"{{"Code":"Number.{number}.InUse","Message":"no"}}"#)),
        Answer::new(502, format!("<html>no route to {number}</html>")),
        Answer::new(
            403,
            format!(
                r#"{{"Code":"NoPermission","Message":"no","AccessDeniedDetail":{{"AuthAction":{text},"PolicyType":{text}}},"HostId":{text},"Recommend":"https://help.example.com/?q={number}&to=number%20{number}"}}"#
            ),
        ),
        Answer::new(
            403,
            format!(r#"{{"Code":"NoPermission","Message":"no","AccessDeniedDetail":"not for {number}"}}"#),
        ),
        ok(&format!(r#""PhoneNumbers":{text},"Data":{text}"#)),
        ok(&format!(
            r#""PhoneNumbers":{{{text}:[{{"CallingConfigure":{{"MaxTalkTime":[{text}]}}}}]}},"Data":{{"PhoneNumber":[{text}]}}"#
        )),
        ok(&format!(
            r#""PhoneNumbers":[{text},{{"VerifiedName":"\ud83d"}}],"Data":{{"Status":"\ud83d","PhoneNumber":{text}}}"#
        )),
    ]
}

async fn logs_events_and_mismatches_show_no_number_in_any_spelling_and_no_header<T: BundledTransport>() {
    let simulator = simulator().await;
    let watched = Watched::default();
    let _guard = tracing::subscriber::set_default(watched.subscriber());
    let mut mismatches = 0;
    for (version, placement) in EVERY_WAY {
        let listener = watched.clone();
        let client = client::<T>(simulator.url())
            .signature(version)
            .parameter_placement(placement)
            .retry(RetryPolicy::new().backoff(Duration::ZERO, Duration::ZERO))
            .header("x-client", "CANARY of the client EGRET")
            .on_request(|request| {
                hunt_debug("unsigned request", &request);
                request.set_header("x-acs-hook", "CANARY of the hook EGRET");
            })
            .on_event(move |event| listener.0.lock().unwrap().push_str(&format!("{event:?}\n")));
        hunt_debug("client builder", &client);
        let client = client.build().unwrap();
        let options = CallOptions::new().header("x-ticket", "CANARY of the call EGRET").credentials(credentials());
        hunt_debug("options", &options);
        hunt_debug("bulk", &client.bulk().options(options.clone()));
        for spelling in SPELLINGS {
            for (index, answer) in answers_with(spelling).into_iter().enumerate() {
                let place = format!("{spelling}, answer {index}, {version:?}, {placement:?}");
                let request = CreateChatappMigrationInitiate::builder().cust_space_id("1").country_code("86");
                let request = request.mobile_number(spelling).build();
                let untyped = UntypedRequest::new(MIGRATE).parameter("MobileNumber", spelling);
                simulator.script_fn(MIGRATE, {
                    let answer = answer.clone();
                    move |_| Some(answer.clone())
                });
                simulator.script_fn(SYNC, move |_| Some(answer.clone()));
                match client.send_with(request, options.clone()).await {
                    Ok(response) => {
                        mismatches += response.mismatches().count();
                        hunt_number(&place, &format!("{response:?} {}", response.mismatches()));
                    }
                    Err(error) => hunt_number(&place, &shown(&error)),
                }
                match client.send_with(ChatappSyncPhoneNumber::new("1"), options.clone()).await {
                    Ok(response) => {
                        mismatches += response.mismatches().count();
                        hunt_number(&place, &format!("{response:?} {}", response.mismatches()));
                    }
                    Err(error) => hunt_number(&place, &shown(&error)),
                }
                if let Err(error) = client.send_untyped_with(untyped, options.clone()).await {
                    hunt_number(&place, &shown(&error));
                }
                let seen = std::mem::take(&mut *watched.0.lock().unwrap());
                assert!(seen.contains("CallEnded") && seen.contains("rpc.method"), "nothing was watched: {seen}");
                seen.lines().for_each(|line| hunt_number(&place, line));
            }
        }
    }
    assert!(mismatches > 100, "{mismatches}");
    simulator.stop().await;
}

/// In errors, and in everything that the libraries of a transport log.
async fn the_password_of_a_proxy_is_in_no_error_and_no_log<T: BundledTransport>() {
    let watched = Watched::default();
    let _guard = tracing::subscriber::set_default(watched.subscriber());
    let refused = harness::refused_url().unwrap().replace("http://", "");
    let (closed, task) = harness::hangs_up().await.unwrap();
    let closed = closed.replace("http://", "");
    for (endpoint, proxy) in ["https://cams.example.com", "http://cams.example.com"]
        .into_iter()
        .flat_map(|endpoint| ["http", "socks5", "socks5h"].map(|scheme| (endpoint, scheme)))
    {
        for address in [&refused, &closed] {
            let url = format!("{proxy}://CANARYuser:CANARY%2FpassEGRET@{address}");
            let transport: T = TransportBuilder::new().proxy(&url).build().unwrap();
            hunt_debug("transport", &transport);
            let client =
                harness::client(endpoint).allow_unencrypted_http().credentials(credentials()).transport(transport);
            let client = client.retry(RetryPolicy::never()).build().unwrap();
            hunt_debug("client", &client);
            hunt_error(&url, &client.send(migration()).await.unwrap_err());
        }
    }
    let seen = std::mem::take(&mut *watched.0.lock().unwrap());
    assert!(seen.contains("rpc.method"), "nothing was watched: {seen}");
    hunt("log", &seen);
    // `CANARYuser:` as in a header.
    assert!(!seen.contains("Q0FOQVJZ"), "{seen}");
    task.abort();
}

over_each_transport! {
    #[tokio::test]
    what_a_call_is_made_of_shows_no_mark,
    #[tokio::test]
    a_prepared_request_shows_no_mark,
    #[tokio::test]
    a_successful_call_shows_no_mark_but_in_its_values,
    #[tokio::test]
    an_error_shows_no_mark_that_the_server_echoes,
    #[tokio::test]
    errors_without_a_response_show_no_mark,
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    a_number_is_hidden_in_every_spelling_in_which_the_service_names_it,
    #[tokio::test]
    logs_events_and_mismatches_show_no_number_in_any_spelling_and_no_header,
    #[tokio::test]
    the_password_of_a_proxy_is_in_no_error_and_no_log,
}

/// A token may reveal facts about an account, and the request of a list is kept for its next page.
#[tokio::test]
async fn a_list_shows_no_mark() {
    let page = json!({ "Code": "OK", "NextToken": TOKEN, "Books": { "Book": [{ "Title": PHONE }] } }).to_string();
    let transport = CannedTransport::new().respond(200, page.clone()).respond(200, page);
    let client = alibabacloud_runtime::Client::builder().credentials(credentials()).transport(transport);
    let client = client.endpoint("http://127.0.0.1:8080").throttle(Throttle::off()).build().unwrap();
    let mut items = client.items(ListBooks::builder().shelf(PHONE).build());
    assert!(items.next().await.unwrap().is_ok());
    hunt_debug("items", &items);
    assert!(items.next().await.unwrap().is_ok());
    let error = items.next().await.unwrap().unwrap_err();
    assert!(error.to_string().contains("the pages repeat"), "{error}");
    hunt_error("repeated pages", &error);
    hunt_debug("pages", &client.pages(ListBooks::builder().next_token(TOKEN).build()));
}
