//! The table: one row per fault, with the expected error.

use std::io::Read;
use std::time::{Duration, SystemTime};

use alibabacloud_cams::ErrorKind;
use alibabacloud_simulator::{Answer, ConnectionFault, End, Fault};
use bytes::Bytes;
use flate2::Compression;
use flate2::read::{GzEncoder, ZlibEncoder};

/// The request ID in bodies, and the one in the header of every response.
const IN_BODY: &str = "in-body";
const IN_HEADER: &str = "in-header";
/// The attempt timeout in rows with an attempt that never ends.
pub(crate) const PATIENCE: Duration = Duration::from_millis(500);
/// The delay that the service requests in some rows.
const ASKED_WAIT: Duration = Duration::from_millis(20);
const MEGABYTE: usize = 1 << 20;

/// The component that fails, and how.
#[derive(Clone)]
#[allow(clippy::large_enum_variant, reason = "a table has few of them")]
pub(crate) enum Server {
    /// The port refuses connections.
    Refused,
    /// The name of the host does not exist.
    UnknownName,
    /// The client uses TLS, but the server does not.
    PlainText,
    /// The client uses TLS, and connections fail.
    Handshake(ConnectionFault),
    /// Connections fail before a request is read.
    Connection(ConnectionFault),
    /// The response, or its fault. It determines whether the action was executed.
    Answer(Answer),
    /// The clock of the server is an hour ahead.
    Clock,
}

/// The expected result if the fault is permanent.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Told {
    /// Success at the first attempt.
    Success,
    /// Success at the second attempt.
    SuccessAtSecond,
    /// Not sent, with three attempts.
    NotSent,
    /// No response: outcome unknown. Only the idempotent action gets three attempts.
    Unanswered,
    /// Either of the two above, by chance.
    NotSentOrUnanswered,
    /// Throttled, not executed. Retried until the deadline, which is shorter than a window here, so only if the service
    /// requests a shorter delay.
    Throttled,
    /// Throttled by a limit per day or similar, not executed. One attempt.
    LongLimit,
    /// The service refuses the call. One attempt.
    Refused,
    /// The service refuses the call because of the clock, which is corrected once.
    ClockRefused,
    /// The service failed: outcome unknown. Only the idempotent action gets three attempts.
    Failed,
    /// Not a response of the service, and certainly not executed. One attempt.
    Foreign,
    /// Not a response of the service: outcome unknown. Only the idempotent action gets three attempts.
    ForeignUnknown,
    /// As the row above, or no response, by chance.
    ForeignUnknownOrUnanswered,
}

impl Told {
    /// The kind of the error (`None` for a success), whether the outcome is unknown, and the number of attempts.
    pub(crate) fn expected(self, idempotent: bool) -> (Option<ErrorKind>, bool, u32) {
        let if_idempotent = if idempotent { 3 } else { 1 };
        match self {
            Self::Success => (None, false, 1),
            Self::SuccessAtSecond => (None, false, 2),
            Self::NotSent => (Some(ErrorKind::NotSent), false, 3),
            Self::Unanswered | Self::NotSentOrUnanswered => (Some(ErrorKind::Unanswered), true, if_idempotent),
            Self::Throttled | Self::LongLimit => (Some(ErrorKind::Throttled), false, 1),
            Self::Refused => (Some(ErrorKind::Service), false, 1),
            Self::ClockRefused => (Some(ErrorKind::Service), false, 2),
            Self::Failed => (Some(ErrorKind::Service), true, if_idempotent),
            Self::Foreign => (Some(ErrorKind::UnusableResponse), false, 1),
            Self::ForeignUnknown | Self::ForeignUnknownOrUnanswered => {
                (Some(ErrorKind::UnusableResponse), true, if_idempotent)
            }
        }
    }
}

/// One fault and its expected result.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) server: Server,
    pub(crate) told: Told,
    pub(crate) status: Option<u16>,
    pub(crate) code: Option<&'static str>,
    pub(crate) request_id: Option<&'static str>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) attempts_never_end: bool,
}

impl Row {
    fn new(name: impl Into<String>, server: Server, told: Told) -> Self {
        Self {
            name: name.into(),
            server,
            told,
            status: None,
            code: None,
            request_id: None,
            retry_after: None,
            attempts_never_end: false,
        }
    }

    /// A row about a received response; its request ID is that of the header by default.
    fn answer(name: impl Into<String>, answer: Answer, told: Told) -> Self {
        let (status, answer) = (answer.status, answer.header("x-acs-request-id", IN_HEADER));
        Self { status: Some(status), request_id: Some(IN_HEADER), ..Self::new(name, Server::Answer(answer), told) }
    }

    /// A row about a good response whose delivery fails, so that none is received.
    fn lost(name: &str, fault: Fault) -> Self {
        Self::new(name, Server::Answer(success().fault(fault)), Told::Unanswered)
    }

    /// A row about a good response that is received despite an anomaly.
    fn odd(name: &str, fault: Fault) -> Self {
        Self::answer(name, success().fault(fault), Told::Success).id(IN_BODY)
    }

    /// Whether the fault can end after the first request; it cannot if it concerns the endpoint or the clock.
    pub(crate) fn can_go_away(&self) -> bool {
        matches!(self.server, Server::Connection(_) | Server::Answer(_))
            && !matches!(self.told, Told::ClockRefused | Told::NotSentOrUnanswered)
    }

    fn id(self, request_id: &'static str) -> Self {
        Self { request_id: Some(request_id), ..self }
    }

    fn code(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }

    fn status(self, status: u16) -> Self {
        Self { status: Some(status), ..self }
    }

    /// The head of the response was received before the rest was lost.
    fn begun(self) -> Self {
        self.status(200).id(IN_BODY)
    }

    fn never_ends(self) -> Self {
        Self { attempts_never_end: true, ..self }
    }
}

/// A good response for both actions.
fn success() -> Answer {
    ok(r#""Success":true,"PhoneNumbers":[{"PhoneNumber":"861"}],"Data":{"Status":"MIGRATING"}"#)
}

fn ok(members: &str) -> Answer {
    Answer::ok_json(format!(r#"{{"Code":"OK","RequestId":"{IN_BODY}",{members}}}"#))
}

/// An error body of the gateway.
fn error_body(code: &str) -> String {
    format!(r#"{{"RequestId":"{IN_BODY}","HostId":"h","Code":"{code}","Message":"m","Recommend":"r"}}"#)
}

/// A hand-written HTTP response that the simulator would not produce.
fn raw(head: &str, body: &str) -> Answer {
    success().fault(Fault::Instead(Bytes::from(format!("{head}\r\n\r\n{body}"))))
}

const HTML: &str = "<html><body>Bad gateway</body></html>";

/// A response that the server compresses without being asked.
fn gzipped(answer: &Answer) -> Answer {
    let mut compressed = Vec::new();
    GzEncoder::new(&answer.body[..], Compression::fast()).read_to_end(&mut compressed).unwrap();
    let mut answer = answer.clone();
    answer.body = compressed.into();
    answer.header("content-encoding", "gzip")
}

/// The same with the other common encoding.
fn deflated(answer: &Answer) -> Answer {
    let mut compressed = Vec::new();
    ZlibEncoder::new(&answer.body[..], Compression::fast()).read_to_end(&mut compressed).unwrap();
    let mut answer = answer.clone();
    answer.body = compressed.into();
    answer.header("content-encoding", "deflate")
}

/// The table.
pub(crate) fn table() -> Vec<Row> {
    let mut rows = Vec::new();
    rows.extend(never_sent());
    rows.extend(unanswered());
    rows.extend(odd_but_good());
    rows.extend(compressed());
    rows.extend(gateway_codes());
    rows.extend(forms_of_errors());
    rows.extend(foreign());
    rows
}

fn never_sent() -> Vec<Row> {
    use ConnectionFault::{AtOnce, Speaks, Unread};
    let handshake = |name: &str, fault| Row::new(name, Server::Handshake(fault), Told::NotSent);
    vec![
        Row::new("connection refused", Server::Refused, Told::NotSent),
        Row::new("name not found", Server::UnknownName, Told::NotSent),
        Row::new("TLS: the server speaks plain text", Server::PlainText, Told::NotSent),
        handshake("TLS: closed in the handshake", Unread(End::Close)),
        handshake("TLS: reset in the handshake", Unread(End::Reset)),
        handshake("TLS: garbage in the handshake", Speaks(Bytes::from(vec![0x55; MEGABYTE]))),
        Row::new("reset when accepted", Server::Connection(AtOnce(End::Reset)), Told::NotSentOrUnanswered),
        Row::new("closed when accepted", Server::Connection(AtOnce(End::Close)), Told::NotSentOrUnanswered),
    ]
}

/// Requests that were sent, without a complete response.
fn unanswered() -> Vec<Row> {
    use ConnectionFault::{HalfRead, Speaks, Unread};
    let connection = |name: &str, fault| Row::new(name, Server::Connection(fault), Told::Unanswered);
    let instead = |name: &str, bytes: Vec<u8>| Row::lost(name, Fault::Instead(bytes.into()));
    let unexecuted = |name: &str, end| {
        let answer = success().fault(Fault::NoAnswer(end)).not_executed();
        Row::new(name, Server::Answer(answer), Told::Unanswered)
    };
    let large = || Answer::ok_json(vec![b' '; 17 * MEGABYTE]).header("x-acs-request-id", IN_BODY);
    let head_of = |header: String| format!("HTTP/1.1 200 OK\r\n{header}\r\n\r\n").into_bytes();
    vec![
        connection("closed before the request is read", Unread(End::Close)),
        connection("reset before the request is read", Unread(End::Reset)),
        connection("closed after the request line", HalfRead(17, End::Close)),
        connection("reset after the request line", HalfRead(17, End::Reset)),
        connection("closed in the middle of the request", HalfRead(100, End::Close)),
        connection("reset in the middle of the request", HalfRead(100, End::Reset)),
        connection("not an HTTP server", Speaks(Bytes::from_static(b"220 mail.example ready\r\n"))),
        Row::lost("closed after the execution", Fault::NoAnswer(End::Close)),
        Row::lost("reset after the execution", Fault::NoAnswer(End::Reset)),
        unexecuted("closed after the request, not executed", End::Close),
        unexecuted("reset after the request, not executed", End::Reset),
        Row::lost("closed in the head", Fault::CutHead(End::Close)),
        Row::lost("reset in the head", Fault::CutHead(End::Reset)),
        Row::lost("closed in the body", Fault::CutBody(End::Close)).begun(),
        Row::lost("reset in the body", Fault::CutBody(End::Reset)).begun(),
        Row::lost("chunks cut off by a close", Fault::CutChunks(End::Close)).begun(),
        Row::lost("chunks cut off by a reset", Fault::CutChunks(End::Reset)).begun(),
        Row::lost("content-length too long", Fault::Length(100_000)).begun(),
        instead("garbage", b"\x16\x03\x01 not HTTP at all".to_vec()),
        instead("a megabyte of garbage", vec![0xfe; MEGABYTE]),
        instead("a megabyte of one header", head_of(format!("x: {}", "y".repeat(MEGABYTE)))),
        instead("ten thousand headers", head_of(["x: y"; 10_000].join("\r\n"))),
        instead("content-length is no number", head_of("content-length: many".to_owned())),
        instead("two different lengths", head_of("content-length: 2\r\ncontent-length: 3".to_owned())),
        instead(
            "a chunk size that is no number",
            [head_of("transfer-encoding: chunked".to_owned()), b"zz\r\n".into()].concat(),
        )
        .status(200),
        instead("another protocol version", b"HTTP/9.9 200 OK\r\n\r\n".to_vec()),
        instead("a status that is no number", b"HTTP/1.1 OK OK\r\n\r\n".to_vec()),
        Row::new("a body over the cap, announced", Server::Answer(large()), Told::Unanswered).begun(),
        Row::new(
            "a body over the cap, in chunks",
            Server::Answer(large().fault(Fault::CutChunks(End::Hang))),
            Told::Unanswered,
        )
        .begun(),
        Row::new("no answer in time", Server::Answer(success().delay(60 * PATIENCE)), Told::Unanswered).never_ends(),
        connection("hangs before the request is read", Unread(End::Hang)).never_ends(),
        connection("hangs in the middle of the request", HalfRead(100, End::Hang)).never_ends(),
        Row::lost("hangs before the head", Fault::NoAnswer(End::Hang)).never_ends(),
        Row::lost("hangs in the head", Fault::CutHead(End::Hang)).never_ends(),
        Row::lost("hangs in the body", Fault::CutBody(End::Hang)).never_ends(),
        Row::lost("hangs after the last but one chunk", Fault::CutChunks(End::Hang)).never_ends(),
        Row::lost("drips too slowly", Fault::Drip { bytes: 1, pause: PATIENCE / 4 }).never_ends(),
    ]
}

/// Unusual responses that are good.
fn odd_but_good() -> Vec<Row> {
    let good = |name: &str, answer| Row::answer(name, answer, Told::Success).id(IN_BODY);
    let not_utf_8 = [br#"{"Code":"OK","RequestId":""#, IN_BODY.as_bytes(), b"\",\"Message\":\"\xff\"}"].concat();
    let until_close = format!(r#"{{"Code":"OK","RequestId":"{IN_BODY}"}}"#);
    vec![
        good("the plain success", success()),
        Row::odd("drips", Fault::Drip { bytes: 40, pause: Duration::from_millis(2) }),
        Row::odd("100 before the answer", Fault::Informational(vec![100])),
        Row::odd("103 before the answer", Fault::Informational(vec![103])),
        Row::odd("a thousand 1xx before the answer", Fault::Informational([100, 102, 103, 199].repeat(250))),
        Row::odd("surplus bytes after the answer", Fault::Surplus(Bytes::from_static(b"HTTP/1.1 200 OK\r\n\r\n{}"))),
        Row::odd("two answers pipelined", Fault::Surplus(pipelined("200 OK", r#"{"Code":"OK"}"#))),
        Row::odd(
            "another answer pipelined",
            Fault::Surplus(pipelined("400 Bad Request", r#"{"Code":"Forbidden.RAM"}"#)),
        ),
        Row::odd("408 on the kept connection", Fault::Surplus(pipelined("408 Request Timeout", "stream timeout"))),
        Row::odd("the head drips", Fault::Drip { bytes: 8, pause: Duration::from_millis(1) }),
        Row::odd("a megabyte of surplus bytes", Fault::Surplus(vec![b'x'; MEGABYTE].into())),
        Row::odd("closed after the answer without notice", Fault::Unannounced(End::Close)),
        Row::odd("reset after the answer without notice", Fault::Unannounced(End::Reset)),
        good("an answer that says close", success().header("connection", "close")),
        good("a large header", success().header("x-large", &"y".repeat(50_000))),
        good("a body that ends with the connection", raw("HTTP/1.0 200 OK", &until_close)),
        good("scalars in other JSON types", ok(r#""Success":"true","Message":7,"PhoneNumbers":[{"PhoneNumber":861}]"#)),
        good("everything null", ok(r#""Success":null,"Message":null,"PhoneNumbers":null,"Data":null"#)),
        good("denial detail as text", ok(r#""AccessDeniedDetail":"None""#)),
        good("denial detail as an object", ok(r#""AccessDeniedDetail":{"AuthAction":"a","PolicyType":[1]}"#)),
        good("unknown members", ok(r#""New":{"Deep":[[{}]]},"new":1e400"#)),
        good("not labelled as JSON", success().header("content-type", "text/html")),
        good("members of the wrong shape", ok(r#""PhoneNumbers":"none","Data":"none""#)),
        good("a lone surrogate", ok(r#""Message":"\ud83d","PhoneNumbers":[{"VerifiedName":"\ude00"}]"#)),
        good("numbers that no type holds", ok(r#""Success":1e999,"Message":NaN"#)),
        good("text that is not UTF-8", Answer::new(200, not_utf_8)),
        good("a byte order mark", Answer::new(200, [b"\xef\xbb\xbf", &success().body[..]].concat())),
        good("201 with a result", Answer::new(201, success().body)),
        good("206 with a whole result", Answer::new(206, success().body)),
        good(
            "chunks with extensions and a trailer",
            raw(
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-checksum",
                &format!(
                    "{:x};ext=\"1\"\r\n{until_close}\r\n0;last\r\nx-checksum: 1\r\nx-acs-request-id: trailer\r\n\r\n",
                    until_close.len()
                ),
            ),
        ),
        good(
            "chunks, and a length",
            raw("HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked", &chunked(&until_close)),
        ),
        good("a status without a reason", raw("HTTP/1.1 200", &until_close)),
        good("a reason that is not ASCII", raw("HTTP/1.1 200 \u{597d}", &until_close)),
        Row::answer(
            "lines that end without a carriage return",
            success()
                .fault(Fault::Instead(Bytes::from(format!("HTTP/1.1 200 OK\nconnection: close\n\n{until_close}")))),
            Told::Success,
        )
        .id(IN_BODY),
        good("a request ID that is not ASCII", raw("HTTP/1.1 200 OK\r\nx-acs-request-id: \u{597d}", &until_close)),
        Row::new("the clock is wrong", Server::Clock, Told::SuccessAtSecond),
    ]
}

/// A body in one chunk.
fn chunked(body: &str) -> String {
    format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
}

/// Responses that were compressed without being asked.
fn compressed() -> Vec<Row> {
    let unusable = |name: &str, answer| Row::answer(name, answer, Told::ForeignUnknown).id(IN_HEADER);
    let encoded_as = |coding: &str| success().header("content-encoding", coding);
    vec![
        Row::answer("gzip", gzipped(&success()), Told::Success).id(IN_BODY),
        Row::answer(
            "gzip, dripped",
            gzipped(&success()).fault(Fault::Drip { bytes: 40, pause: Duration::from_millis(2) }),
            Told::Success,
        )
        .id(IN_BODY),
        Row::answer(
            "gzip of an error",
            gzipped(&Answer::new(400, error_body("Ram.PermissionDeny"))).not_executed(),
            Told::Refused,
        )
        .id(IN_BODY)
        .code("Ram.PermissionDeny"),
        Row::answer(
            "gzip with something behind it",
            {
                let mut answer = gzipped(&success());
                answer.body = [&answer.body[..], b"\0\0\0\0surplus"].concat().into();
                answer
            },
            Told::Success,
        )
        .id(IN_BODY),
        Row::answer("deflate", deflated(&success()), Told::Success).id(IN_BODY),
        unusable("gzip that is none", encoded_as("gzip")),
        unusable("gzip that ends too soon", {
            let mut answer = gzipped(&success());
            answer.body.truncate(answer.body.len() / 2);
            answer
        }),
        unusable("a bomb in gzip", gzipped(&Answer::ok_json(vec![b' '; 17 * MEGABYTE]))),
        unusable("a coding that was not asked for", encoded_as("br")),
    ]
}

/// The codes of the gateway with their documented statuses; the code decides.
#[allow(clippy::too_many_lines, reason = "a table")]
fn gateway_codes() -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add = |codes: &[&'static str], statuses: &[u16], told: Told| {
        for code in codes {
            for &status in statuses {
                let answer = Answer::new(status, error_body(code));
                // A failure inside the service counts as possibly executed.
                let answer = if told == Told::Failed { answer } else { answer.not_executed() };
                rows.push(Row::answer(format!("{status} {code}"), answer, told).id(IN_BODY).code(code));
            }
        }
    };
    add(
        &["Throttling", "Throttling.User", "throttling.api", "System.LimitControl", "Rejected.Throttling"],
        &[200, 400, 429],
        Told::Throttled,
    );
    add(&["TooManyRequests", "InternalError", "Forbidden.RAM"], &[429], Told::Throttled);
    add(&["Throttling.Day", "Throttling.User.Hour", "isv.BUSINESS_LIMIT_CONTROL"], &[200, 400, 429], Told::LongLimit);
    add(&["ServiceUnavailable", "isp.SYSTEM_ERROR"], &[200, 400, 503], Told::Failed);
    add(&["InternalError", "UnknownError", "internalerror", "InternalError.Db"], &[200, 400, 500], Told::Failed);
    add(&["RequestTimeout", "Forbidden.RAM"], &[408], Told::Failed);
    add(&["InvalidTimeStamp.Expired", "InvalidSecurityToken.Expired"], &[500, 503], Told::Failed);
    add(&["SomethingElse"], &[500, 502, 503, 504, 599], Told::Failed);
    add(&["Product.Unsubscript", "Ram.PermissionDeny", "Unknown.ResourceOwnerId"], &[200, 400], Told::Refused);
    add(
        &[
            "InvalidTimeStamp.Format",
            "IllegalTimestamp",
            "SignatureDoesNotMatch",
            "IncompleteSignature",
            "InvalidSignatureMethod",
        ],
        &[400, 403],
        Told::Refused,
    );
    add(&["InvalidAccessKeyId.NotFound", "InvalidAccessKeyId.Inactive"], &[400, 404], Told::Refused);
    add(
        &["MissingCustSpaceId", "MissingParameter", "InvalidCountryCode", "InvalidParameter", "UnsupportedParameter"],
        &[400],
        Told::Refused,
    );
    add(
        &[
            "InvalidApi.NotFound",
            "InvalidProduct.NotFound",
            "InvalidAction",
            "UnsupportedHTTPMethod",
            "InvalidProtocol.NeedSsl",
        ],
        &[400, 404],
        Told::Refused,
    );
    add(&["Forbidden", "Forbidden.RAM", "NoPermission"], &[403], Told::Refused);

    // Every attempt has a new nonce. If it was used before, a proxy sent the request twice, and the first one was
    // executed.
    let used = Answer::new(400, error_body("SignatureNonceUsed"));
    rows.push(Row::answer("400 SignatureNonceUsed", used, Told::Failed).id(IN_BODY).code("SignatureNonceUsed"));

    let expired = || Answer::new(400, error_body("InvalidTimeStamp.Expired")).not_executed();
    // Far enough to be corrected, but within the range that the simulator accepts.
    let ahead = httpdate(Duration::from_secs(600));
    for (name, answer, told) in [
        ("400 InvalidTimeStamp.Expired, and the clock is right", expired(), Told::Refused),
        ("400 InvalidTimeStamp.Expired, every time", expired().header("date", &ahead), Told::ClockRefused),
    ] {
        rows.push(Row::answer(name, answer, told).id(IN_BODY).code("InvalidTimeStamp.Expired"));
    }

    for (name, code, status, told) in [
        ("400 IllegalTimestamp", "IllegalTimestamp", 400, Told::ClockRefused),
        ("500 InvalidTimeStamp.Expired", "InvalidTimeStamp.Expired", 500, Told::Failed),
        ("503 IllegalTimestamp", "IllegalTimestamp", 503, Told::Failed),
    ] {
        let answer = Answer::new(status, error_body(code)).header("date", &ahead);
        let answer = if status == 400 { answer.not_executed() } else { answer };
        rows.push(Row::answer(format!("{name}, with another date"), answer, told).id(IN_BODY).code(code));
    }

    // A delay does not prove that nothing was executed, neither with a failure of the service nor in a foreign
    // response.
    let whatever = error_body("Whatever");
    let failed = error_body("InternalError");
    for (status, with, body, told) in [
        (400, "an error", &*whatever, Told::Throttled),
        (403, "an empty body", "", Told::Throttled),
        (429, "HTML", HTML, Told::Throttled),
        (400, "HTML", HTML, Told::ForeignUnknown),
        (408, "text", "stream timeout", Told::ForeignUnknown),
        (500, "truncated JSON", "{\"Co", Told::ForeignUnknown),
        (502, "HTML", HTML, Told::ForeignUnknown),
        (503, "HTML", HTML, Told::ForeignUnknown),
        (503, "an error", &*whatever, Told::Failed),
        (500, "a failure", &*failed, Told::Failed),
        (400, "a failure", &*failed, Told::Failed),
    ] {
        let answer = Answer::new(status, body.to_owned()).retry_after(ASKED_WAIT);
        let answer = if told == Told::Throttled { answer.not_executed() } else { answer };
        let mut row = Row::answer(format!("{status} that asks to wait, with {with}"), answer, told);
        row.retry_after = Some(ASKED_WAIT);
        rows.push(match body {
            _ if body == whatever => row.id(IN_BODY).code("Whatever"),
            _ if body == failed => row.id(IN_BODY).code("InternalError"),
            _ => row,
        });
    }
    for (with, body) in [("HTML", HTML), ("nothing", ""), ("JSON of a proxy", r#"{"message":"slow down"}"#)] {
        let answer = Answer::new(429, body).header("retry-after", "1").not_executed();
        let mut row = Row::answer(format!("429 with Retry-After in seconds and {with}"), answer, Told::Throttled);
        row.retry_after = Some(Duration::from_secs(1));
        rows.push(row);
    }
    rows
}

/// The formats of the service's errors.
fn forms_of_errors() -> Vec<Row> {
    const CODE: &str = "Forbidden.RAM";
    let refused = |name: &str, status, body: String| {
        Row::answer(name, Answer::new(status, body).not_executed(), Told::Refused).id(IN_BODY).code(CODE)
    };
    let json = |more: &str| format!(r#"{{"RequestId":"{IN_BODY}","Code":"{CODE}","Message":"m"{more}}}"#);
    let xml = format!(
        "<?xml version='1.0' encoding='UTF-8'?><Error><RequestId>{IN_BODY}</RequestId><Code>{CODE}</Code><Message>m</Message></Error>"
    );
    let says_false = Answer::ok_json(format!(r#"{{"Code":"OK","Success":false,"RequestId":"{IN_BODY}"}}"#));
    let without_code = Answer::new(400, format!(r#"{{"RequestId":"{IN_BODY}"}}"#)).not_executed();
    vec![
        refused("lower-case keys", 403, json("").replace("Code", "code").replace("RequestId", "requestId")),
        refused("lower-case keys in a 200", 200, json("").replace("Code", "code").replace("RequestId", "requestId")),
        refused("the detail of a denial as text", 403, json(r#","AccessDeniedDetail":"None""#)),
        refused("the detail of a denial as an object", 403, json(r#","AccessDeniedDetail":{"AuthAction":"a"}"#)),
        refused("a failure of the wrong shape", 200, json(r#","PhoneNumbers":7,"Data":7"#)),
        refused("a message that is a number", 400, json("").replace(r#""m""#, "400")),
        refused("XML", 403, xml.clone()),
        refused("XML in a 200", 200, xml.clone()),
        Row::answer("XML with a 500", Answer::new(500, xml), Told::Failed).id(IN_BODY).code(CODE),
        // The two members contradict each other, so neither is proof.
        Row::answer("Success: false", says_false, Told::Failed).id(IN_BODY).code("OK"),
        Row::answer(
            "an object as the code",
            Answer::new(200, r#"{"Code":{"Value":"OK"},"Data":{"Status":"MIGRATING"}}"#),
            Told::Failed,
        )
        .code(r#"{"Value":"OK"}"#),
        Row::answer("a boolean as the code", Answer::new(200, r#"{"Code":true}"#), Told::Failed).code("true"),
        Row::answer("no code", without_code, Told::Failed).id(IN_BODY),
        refused("an error code without an id in the body", 400, format!(r#"{{"Code":"{CODE}"}}"#)).id(IN_HEADER),
        Row::answer("an error in a redirect", Answer::new(307, json("")), Told::Failed).id(IN_BODY).code(CODE),
    ]
}

/// Responses that do not come from the service.
fn foreign() -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, status, body) in [
        ("HTML", 200, HTML),
        ("an empty object", 200, "{}"),
        ("a message alone", 200, r#"{"message":"Service temporarily unavailable"}"#),
        ("a message and success", 200, r#"{"Message":"m","Success":true}"#),
        ("no member of the result", 200, r#"{"Code":null,"PhoneNumbers":null,"Data":null}"#),
        ("two codes", 200, r#"{"Code":"Ram.PermissionDeny","Code":"OK","Data":{"Status":"MIGRATING"}}"#),
        ("two codes of two spellings", 200, r#"{"Code":"OK","code":"Ram.PermissionDeny"}"#),
        ("two codes", 400, r#"{"Code":"Forbidden.RAM","Code":"Forbidden.RAM"}"#),
        ("an empty body", 200, ""),
        ("no content", 204, ""),
        ("reset content", 205, ""),
        ("half of a result", 206, r#"{"Code":"OK","PhoneNumbers":[{"Phone"#),
        ("not modified", 304, ""),
        ("multiple choices", 300, HTML),
        ("a result in a wrapper", 200, r#"{"Response":{"Code":"OK","Data":{"Status":"MIGRATING"}}}"#),
        ("an error in a wrapper", 400, r#"{"Error":{"Code":"Forbidden.RAM","Message":"m"}}"#),
        ("text in UTF-16", 200, "\0{\0\"\0C\0o\0d\0e\0\"\0:\0\"\0O\0K\0\"\0}"),
        ("a call of a function", 200, r#"callback({"Code":"OK"});"#),
        ("truncated JSON", 200, r#"{"Code":"OK","RequestId":"in-bo"#),
        ("JSON and more", 200, r#"{"Code":"OK"}{"#),
        ("a list", 200, r#"[{"Code":"OK"}]"#),
        ("null", 200, "null"),
        ("a text", 200, r#""OK""#),
        ("HTML", 502, HTML),
        ("HTML", 503, HTML),
        ("an empty body", 504, ""),
        ("truncated JSON", 500, r#"{"Code":"#),
        ("an unknown status", 999, ""),
    ] {
        let row = Row::answer(format!("{status} with {name}"), Answer::new(status, body), Told::ForeignUnknown);
        rows.push(row);
    }
    let garbage: Vec<u8> = (0..=255).cycle().take(MEGABYTE).collect();
    for status in [200, 500] {
        let answer = Answer::new(status, garbage.clone());
        rows.push(Row::answer(format!("{status} with a megabyte of garbage"), answer, Told::ForeignUnknown));
    }
    let nested = Answer::ok_json("[".repeat(MEGABYTE));
    rows.push(Row::answer("a megabyte of brackets", nested, Told::ForeignUnknown));
    let too_short = success().fault(Fault::Length(20));
    rows.push(Row::answer("content-length too short", too_short, Told::ForeignUnknown));
    // Nothing here can come from the service, and there is no request ID in the header.
    let portal = raw("HTTP/1.1 200 OK", r#"{"login":"/home"}"#);
    rows.push(Row::new("JSON of a portal", Server::Answer(portal), Told::ForeignUnknown).status(200));
    let proxy = raw("HTTP/1.1 502 Bad Gateway", HTML);
    rows.push(Row::new("HTML of a proxy", Server::Answer(proxy), Told::ForeignUnknown).status(502));

    let switching = raw("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade", "");
    rows.push(
        Row::new("another protocol, unasked", Server::Answer(switching), Told::ForeignUnknownOrUnanswered).status(101),
    );

    for status in [301, 302, 303, 307, 308] {
        let elsewhere = Answer::new(status, "").header("location", "http://127.0.0.1:1/");
        rows.push(Row::answer(format!("{status} to elsewhere"), elsewhere, Told::ForeignUnknown));
    }
    // Statuses of proxies that refuse a request before they forward it, and all others.
    for (name, status, body) in [
        ("HTML", 401, HTML),
        ("HTML", 403, HTML),
        ("JSON of a proxy", 403, r#"{"message":"denied"}"#),
        ("HTML", 407, HTML),
        ("a list", 413, "[1]"),
        ("an empty body", 414, ""),
        ("HTML", 431, HTML),
    ] {
        let answer = Answer::new(status, body).not_executed();
        rows.push(Row::answer(format!("{status} with {name}"), answer, Told::Foreign));
    }
    for (name, status, body) in [
        ("an empty body", 400, ""),
        ("HTML", 404, HTML),
        ("JSON of a proxy", 404, r#"{"code":404,"message":"no route"}"#),
        ("text", 408, "stream timeout"),
        ("HTML", 409, HTML),
        ("HTML", 421, HTML),
        ("HTML", 499, HTML),
    ] {
        rows.push(Row::answer(format!("{status} with {name}"), Answer::new(status, body), Told::ForeignUnknown));
    }
    let early = ConnectionFault::Speaks(pipelined("503 Service Unavailable", HTML));
    let before = "an answer before the request was read";
    rows.push(Row::new(before, Server::Connection(early), Told::ForeignUnknownOrUnanswered));
    rows
}

/// A complete response, to follow or replace another one.
fn pipelined(status: &str, body: &str) -> Bytes {
    Bytes::from(format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
}

/// The time as HTTP writes it, that far ahead.
fn httpdate(ahead: Duration) -> String {
    httpdate::fmt_http_date(SystemTime::now() + ahead)
}
