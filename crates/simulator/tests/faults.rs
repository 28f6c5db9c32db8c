//! The faults: the bytes on a connection, and the log.

mod support;

use std::fmt::Debug;
use std::io::ErrorKind;
use std::time::Duration;

use alibabacloud_simulator::{Answer, ConnectionCounts, ConnectionFault, End, Fault, QuotaPolicy, Request, Simulator};
use bytes::Bytes;
use support::cams::CAMS;
use support::{Call, NOON};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

const SYNC: &str = "ChatappSyncPhoneNumber";
const BODY: &str = r#"{"Code":"OK","RequestId":"1"}"#;

async fn start() -> Simulator {
    let builder = Simulator::builder(&[&CAMS]).quota(QuotaPolicy::Off).clock(|| std::time::UNIX_EPOCH + NOON);
    builder.start().await.unwrap()
}

fn wire() -> Vec<u8> {
    let request = Call::v3(SYNC, "2020-06-06").set("CustSpaceId", "1").in_form().sign();
    let Request { method, target, headers, body, .. } = &request;
    let lines: Vec<String> = headers.iter().map(|(n, v)| format!("{n}: {}\r\n", v.to_str().unwrap())).collect();
    let head = format!("{method} {target} HTTP/1.1\r\n{}content-length: {}\r\n\r\n", lines.concat(), body.len());
    [head.as_bytes(), body].concat()
}

/// How a connection ended, as the client saw it.
#[derive(Debug, PartialEq)]
enum Saw {
    Closed,
    Reset,
    Open,
}

const EVERY_END: [(End, Saw); 3] = [(End::Close, Saw::Closed), (End::Reset, Saw::Reset), (End::Hang, Saw::Open)];

async fn connect(simulator: &Simulator) -> TcpStream {
    TcpStream::connect(simulator.address()).await.unwrap()
}

/// Asserts the data on a connection and how it ends.
async fn expect(stream: &mut TcpStream, text: &str, saw: Saw, what: impl Debug) {
    let mut bytes = Vec::new();
    // A connection that must stay open is watched for a moment after the data; anything else may take its time.
    let came = loop {
        let patience = if saw == Saw::Open && bytes.len() >= text.len() { 100 } else { 10_000 };
        match timeout(Duration::from_millis(patience), stream.read_buf(&mut bytes)).await {
            Err(_) => break Saw::Open,
            Ok(Ok(0)) => break Saw::Closed,
            Ok(Ok(_)) => {}
            Ok(Err(error)) if error.kind() == ErrorKind::ConnectionReset => break Saw::Reset,
            Ok(Err(error)) => panic!("{error}"),
        }
    };
    assert_eq!((str::from_utf8(&bytes).unwrap(), came), (text, saw), "{what:?}");
}

/// Sends a request on a new connection.
async fn ask(simulator: &Simulator) -> TcpStream {
    let mut stream = connect(simulator).await;
    stream.write_all(&wire()).await.unwrap();
    stream
}

/// Requests a response with this fault.
async fn expect_of(simulator: &Simulator, fault: Fault, text: &str, saw: Saw) {
    simulator.script(SYNC, [Answer::ok_json(BODY).fault(fault.clone())]);
    expect(&mut ask(simulator).await, text, saw, fault).await;
}

/// The response without a fault.
async fn whole(simulator: &Simulator) -> String {
    simulator.script(SYNC, [Answer::ok_json(BODY)]);
    let mut stream = ask(simulator).await;
    let mut text = String::new();
    while !text.ends_with(BODY) {
        let mut piece = [0; 4 << 10];
        let read = stream.read(&mut piece).await.unwrap();
        assert_ne!(read, 0, "{text}");
        text += str::from_utf8(&piece[..read]).unwrap();
    }
    text
}

#[tokio::test]
async fn a_response_is_missing_or_cut_at_the_scripted_point() {
    let simulator = start().await;
    let whole = whole(&simulator).await;
    let (head, body) = whole.split_at(whole.find("\r\n\r\n").unwrap() + 4);
    assert_eq!(body, BODY);
    for (end, expected) in EVERY_END {
        expect_of(&simulator, Fault::NoAnswer(end), "", expected).await;
    }
    for (end, expected) in EVERY_END {
        let half = head[..head.len() / 2].to_owned();
        expect_of(&simulator, Fault::CutHead(end), &half, expected).await;
    }
    for (end, expected) in EVERY_END {
        let half = format!("{head}{}", &body[..body.len() / 2]);
        expect_of(&simulator, Fault::CutBody(end), &half, expected).await;
    }
    for (end, expected) in EVERY_END {
        let length = format!("content-length: {}", body.len());
        let chunked = head.replace(&length, "transfer-encoding: chunked");
        let chunks = format!("{chunked}{:x}\r\n{body}\r\n", body.len());
        expect_of(&simulator, Fault::CutChunks(end), &chunks, expected).await;
    }
    simulator.stop().await;
}

#[tokio::test]
async fn a_response_has_the_scripted_length_surplus_and_end() {
    let simulator = start().await;
    let whole = whole(&simulator).await;
    let length =
        |length: &str| whole.replace(&format!("content-length: {}", BODY.len()), &format!("content-length: {length}"));
    for (fault, text, saw) in [
        (Fault::Length(999), length("999"), Saw::Closed),
        (Fault::Length(3), length("3"), Saw::Open),
        (Fault::Surplus(Bytes::from_static(b"more")), format!("{whole}more"), Saw::Open),
        (Fault::Unannounced(End::Close), whole.clone(), Saw::Closed),
        (Fault::Unannounced(End::Reset), whole.clone(), Saw::Reset),
        (Fault::Instead(Bytes::from_static(b"\0nothing known")), "\0nothing known".to_owned(), Saw::Closed),
        (
            Fault::Informational(vec![100, 103, 142]),
            format!("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 142 Unknown\r\n\r\n{whole}"),
            Saw::Open,
        ),
    ] {
        expect_of(&simulator, fault, &text, saw).await;
    }
    simulator.stop().await;
}

#[tokio::test]
async fn a_dripping_response_arrives_completely_but_slowly() {
    let simulator = start().await;
    let whole = whole(&simulator).await;
    let pause = Duration::from_millis(10);
    let start = Instant::now();
    expect_of(&simulator, Fault::Drip { bytes: whole.len().div_ceil(5), pause }, &whole, Saw::Open).await;
    assert!(start.elapsed() >= 4 * pause);
    simulator.stop().await;
}

#[tokio::test]
async fn the_log_shows_what_was_executed_even_without_a_response() {
    let simulator = start().await;
    let lost = || Answer::ok_json(BODY).fault(Fault::NoAnswer(End::Reset));
    simulator
        .script(SYNC, [lost(), lost().not_executed(), Answer::error(500, "InternalError", ""), Answer::ok_json(BODY)]);
    for answered in [false, false, true, true] {
        let mut stream = ask(&simulator).await;
        assert_eq!(stream.read(&mut [0]).await.is_ok(), answered);
    }
    let log: Vec<_> = simulator.received().iter().map(|it| (it.executed, it.status, it.fault.clone())).collect();
    let reset = Some(Fault::NoAnswer(End::Reset));
    assert_eq!(log, [(true, 200, reset.clone()), (false, 200, reset), (true, 500, None), (true, 200, None)]);
    let counts = simulator.counts().of(SYNC);
    assert_eq!((counts.accepted, counts.throttled, counts.rejected), (3, 0, 1));
    simulator.stop().await;
}

#[tokio::test]
async fn a_connection_can_fail_before_its_request_is_read() {
    let simulator = start().await;
    let garbage = Bytes::from_static(b"220 mail ready\r\n");
    for fault in [ConnectionFault::Unread as fn(End) -> _, |end| ConnectionFault::HalfRead(100, end)] {
        for (end, expected) in EVERY_END {
            simulator.script_connections([fault(end)]);
            expect(&mut ask(&simulator).await, "", expected, fault(end)).await;
        }
    }
    simulator.script_connections([ConnectionFault::Speaks(garbage.clone())]);
    expect(&mut ask(&simulator).await, "220 mail ready\r\n", Saw::Closed, "garbage").await;
    for (end, expected) in EVERY_END {
        simulator.script_connections([ConnectionFault::AtOnce(end)]);
        expect(&mut connect(&simulator).await, "", expected, end).await;
    }
    assert_eq!(simulator.received().len(), 0, "none was read");
    assert_eq!(ask(&simulator).await.read(&mut [0]).await.unwrap(), 1, "the next connection is good");
    simulator.stop().await;
}

#[tokio::test]
async fn after_the_queue_a_function_returns_the_fault_of_a_connection() {
    let simulator = start().await;
    simulator.script_connections_fn(|number| match number % 2 {
        0 => Some(ConnectionFault::Unread(End::Reset)),
        _ if number == 5 => panic!("of this connection alone"),
        _ => None,
    });
    simulator.script_connections([ConnectionFault::Unread(End::Close)]);
    let mut read = Vec::new();
    for _ in 1..=6 {
        read.push(ask(&simulator).await.read(&mut [0]).await.ok());
    }
    // The queue closes the first connection. Its request is discarded unread, which resets it.
    assert_eq!(read, [Some(0), None, Some(1), None, None, None]);
    simulator.stop().await;
}

#[tokio::test]
async fn connections_are_counted_until_they_are_closed() {
    let simulator = start().await;
    let counts = |simulator: &Simulator| {
        let ConnectionCounts { accepted, open, .. } = simulator.connections();
        (accepted, open)
    };
    assert_eq!(counts(&simulator), (0, 0));
    let (mut one, two) = (connect(&simulator).await, connect(&simulator).await);
    one.write_all(&wire()).await.unwrap();
    assert_eq!(one.read(&mut [0]).await.unwrap(), 1);
    while simulator.connections().accepted < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(counts(&simulator), (2, 2));
    drop((one, two));
    let all_closed = async {
        while simulator.connections().open > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(10), all_closed).await.expect("the server notices that the clients have left");
    assert_eq!(counts(&simulator), (2, 0));
    simulator.stop().await;
}

#[tokio::test]
async fn the_debug_output_of_faults_has_sizes_instead_of_bytes() {
    let bytes = || Bytes::from_static(b"CANARY");
    let shown = format!("{:?}", Answer::ok_json("").fault(Fault::Surplus(bytes())));
    assert!(shown.contains("Surplus(6 bytes)"), "{shown}");
    assert_eq!(format!("{:?}", Fault::Instead(bytes())), "Instead(6 bytes)");
    assert_eq!(format!("{:?}", ConnectionFault::Speaks(bytes())), "Speaks(6 bytes)");
}
