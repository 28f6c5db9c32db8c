use super::*;
use crate::untyped::JsonOutput;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

crate::private::object! {
    /// What a successful call returns.
    pub struct Answer {
        /// The code.
        #[wire("Code")]
        pub code: Option<String>,
        /// Whether it worked.
        #[wire("Success")]
        pub success: Option<bool>,
        /// Why not.
        #[wire("AccessDeniedDetail")]
        pub denied: Option<String>,
        /// A number.
        #[wire("Count")]
        pub count: Option<i32>,
    }
}

crate::private::object! {
    /// A response whose type has no member of the envelope.
    pub struct Bare {
        /// A number.
        #[wire("Count")]
        pub count: Option<i32>,
        /// A list.
        #[wire("List")]
        pub list: Vec<String>,
    }
}

const FULL: &ErrorDescriptor = &ErrorDescriptor { code: "Queue.Full", throttling: true, ..ErrorDescriptor::EMPTY };
const BUSY: &ErrorDescriptor = &ErrorDescriptor { code: "Line.Busy", throttling: true, ..ErrorDescriptor::EMPTY };
const PRODUCT: ProductDescriptor =
    ProductDescriptor { success_codes: &["OK"], errors: &[FULL], ..ProductDescriptor::EMPTY };
const ACTION: ActionDescriptor = ActionDescriptor { errors: &[BUSY], ..ActionDescriptor::EMPTY };

type Headers<'h> = &'h [(&'static str, &'h str)];

const ID: Headers<'_> = &[("x-acs-request-id", "from-header")];

const NOW: SystemTime = SystemTime::UNIX_EPOCH;

fn judged_as(
    product: &ProductDescriptor,
    status: u16,
    headers: Headers<'_>,
    body: &[u8],
    output: &mut dyn Object,
) -> Result<Judged, Error> {
    let redactor = Redactor::default();
    let untyped = output.type_name() == JsonOutput::default().type_name();
    let context =
        Context { product, action: Some(&ACTION), untyped, is_roa: false, redactor: &redactor, clock: &|| NOW };
    let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    judge(StatusCode::from_u16(status).unwrap(), &headers, &Bytes::copy_from_slice(body), context, output)
}

fn judged_into(status: u16, headers: Headers<'_>, body: &[u8], output: &mut dyn Object) -> Result<Judged, Error> {
    judged_as(&PRODUCT, status, headers, body, output)
}

fn judged(status: u16, headers: Headers<'_>, body: &str) -> Result<Judged, Error> {
    judged_into(status, headers, body.as_bytes(), &mut Answer::default())
}

fn refused(status: u16, headers: Headers<'_>, body: &str) -> Error {
    let error = judged(status, headers, body).expect_err(body);
    assert_eq!(error.http_status(), Some(status), "{body}");
    error
}

#[test]
fn a_200_with_the_code_of_success_is_a_success() {
    let mut answer = Answer::default();
    let body = br#"{"Code":"OK","Success":true,"Count":3,"RequestId":"r"}"#;
    assert_eq!(judged_into(200, &[], body, &mut answer).unwrap().request_id.as_deref(), Some("r"));
    assert_eq!(answer.count, Some(3));
}

#[test]
fn a_200_with_an_error_code_is_an_error() {
    for body in [
        r#"{"Code":"Product.Unsubscript","Message":"no","RequestId":"r"}"#,
        r#"{"Code":"Product.Unsubscript","Message":"no","RequestId":"r","Success":true}"#,
        r#"{"Code":"Product.Unsubscript","Message":"no","RequestId":"r","Success":"perhaps"}"#,
        r#"{"Code":"Product.Unsubscript","Message":"no","RequestId":"r","Count":"not a number"}"#,
        r#"{"Success":[1e999],"Code":"Product.Unsubscript","Message":"no","RequestId":"r","Count":1e999}"#,
        r#"{"code":"Product.Unsubscript","message":"no","requestId":"r"}"#,
    ] {
        let errors = [
            refused(200, &[], body),
            judged_into(200, &[], body.as_bytes(), &mut Bare::default()).expect_err(body),
            judged_into(200, &[], body.as_bytes(), &mut JsonOutput::default()).expect_err(body),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::Service, "{body}");
            assert_eq!(error.code(), Some("Product.Unsubscript"), "{body}");
            assert_eq!((error.message(), error.request_id()), ("no", Some("r")), "{body}");
            assert!(!error.outcome_unknown(), "{body}");
        }
    }
}

#[test]
fn a_200_that_says_that_it_did_not_succeed_is_an_error() {
    for success in ["false", r#""false""#, r#""False""#] {
        for code in [r#""Code":"OK","#, r#""Code":null,"#, ""] {
            let body = format!(r#"{{{code}"Success":{success},"RequestId":"r"}}"#);
            assert_eq!(refused(200, &[], &body).kind(), ErrorKind::Service, "{body}");
            let untyped = judged_into(200, &[], body.as_bytes(), &mut JsonOutput::default());
            assert_eq!(untyped.expect_err(&body).kind(), ErrorKind::Service, "{body}");
        }
    }
}

/// The error of a response without proof of success; `None` if it has proof.
fn without_proof(status: u16, headers: Headers<'_>, body: &str, output: &mut dyn Object) -> Option<Error> {
    let error = judged_into(status, headers, body.as_bytes(), output).err()?;
    assert_eq!(error.kind(), ErrorKind::UnusableResponse, "{body}");
    assert!(error.outcome_unknown(), "{body}");
    Some(error)
}

#[test]
fn without_a_code_only_a_member_of_the_result_proves_success() {
    for code in ["", r#","Code":null"#] {
        for status in [200, 201, 202] {
            for body in [r#""Count":3"#, r#""Count":0"#, r#""List":[]"#, r#""List":["a"]"#, r#""List":{"Item":[]}"#] {
                let body = format!("{{{body}{code}}}");
                assert!(without_proof(status, &[], &body, &mut Bare::default()).is_none(), "{body}");
                let body = body.replace('{', r#"{"RequestId":"r","#);
                assert!(without_proof(status, &[], &body, &mut JsonOutput::default()).is_none(), "{body}");
            }
            for body in [
                r#""message":"Service temporarily unavailable""#,
                r#""Message":"m","RequestId":"r","Success":true,"HostId":"h","Recommend":"x","AccessDeniedDetail":"None""#,
                r#""RequestId":"r","Count":null,"List":null"#,
                r#""RequestId":"r""#,
            ] {
                for headers in [&[], ID] {
                    let body = format!("{{{body}{code}}}");
                    for output in
                        [&mut Bare::default() as &mut dyn Object, &mut Answer::default(), &mut JsonOutput::default()]
                    {
                        assert!(without_proof(status, headers, &body, output).is_some(), "{body}");
                    }
                }
            }
            // JSON of a proxy, whose members a type would ignore.
            let portal = format!(r#"{{"login":"/portal"{code}}}"#);
            assert!(without_proof(status, &[], &portal, &mut JsonOutput::default()).is_some());
            assert!(without_proof(status, ID, &portal, &mut Bare::default()).is_some());
        }
    }
    let error = without_proof(200, &[], r#"{"message":"Service temporarily unavailable"}"#, &mut Answer::default());
    assert!(error.unwrap().message().ends_with("it says: Service temporarily unavailable"));
}

#[test]
fn a_malformed_code_proves_nothing() {
    for code in
        [r#"{"a":1}"#, r#"["OK"]"#, "true", "false", r#""true""#, "[]", "{}", "-1", "1.5", r#""null""#, r#""[OK]""#]
    {
        let body = format!(r#"{{"Code":{code},"Message":"m","RequestId":"r","Count":3}}"#);
        for status in [200, 400, 404, 500] {
            let error = refused(status, ID, &body);
            assert!(error.outcome_unknown(), "{status} {body}: {error}");
            let untyped = judged_into(status, ID, body.as_bytes(), &mut JsonOutput::default()).unwrap_err();
            assert!(untyped.outcome_unknown(), "{status} {body}: {untyped}");
        }
    }
}

#[test]
fn a_success_code_is_never_a_refusal() {
    for (status, body) in [
        (200, r#"{"Code":"OK","Success":false,"RequestId":"r"}"#),
        (200, r#"{"Code":"ok","Success":0,"RequestId":"r"}"#),
        (200, r#"{"Code":"OK","Success":" False ","RequestId":"r"}"#),
        (200, r#"{"Code":200,"Success":"0","RequestId":"r"}"#),
        (400, r#"{"Code":"OK","RequestId":"r"}"#),
        (404, r#"{"Code":"Success","Message":"m","RequestId":"r"}"#),
    ] {
        for output in [&mut Answer::default() as &mut dyn Object, &mut Bare::default(), &mut JsonOutput::default()] {
            let error = judged_into(status, ID, body.as_bytes(), output).expect_err(body);
            assert_eq!((error.kind(), error.outcome_unknown()), (ErrorKind::Service, true), "{status} {body}");
        }
    }
}

#[test]
fn success_is_read_in_every_spelling() {
    for body in [
        r#"{"Code":"OK","Success":"true"}"#,
        r#"{"Code":"OK","Success":"TRUE "}"#,
        r#"{"Code":"OK","Success":1}"#,
        r#"{"Code":"OK","Success":"yes"}"#,
        r#"{"Code":"OK","Success":null}"#,
        r#"{"Code":200,"Success":"true","RequestId":"r"}"#,
        r#"{"Code":"200","RequestId":"r"}"#,
        "{\"Code\":\"OK\\u0000\",\"Count\":1}",
        "\u{feff}{\"Code\":\"OK\"}",
        " \r\n\t{\"Code\":\"OK\"}\n\n",
        r#"{"\u0043ode":"O\u004b"}"#,
    ] {
        let outcome = judged(200, &[], body);
        // A code with a NUL is unknown.
        assert_eq!(outcome.is_ok(), !body.contains("\\u0000"), "{body}: {outcome:?}");
    }
}

/// A wrapped response is not a response of the service.
#[test]
fn a_wrapped_response_or_one_in_another_encoding_proves_nothing() {
    let utf_16 = |text: &str, big: bool| -> Vec<u8> {
        let units = std::iter::once(0xfeff).chain(text.encode_utf16());
        units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    };
    let ok = r#"{"Code":"OK","Count":3,"RequestId":"r"}"#;
    let denied = r#"{"Code":"Forbidden.RAM","Message":"13900001234","RequestId":"r"}"#;
    let mut bodies: Vec<Vec<u8>> = Vec::new();
    for inner in [ok, denied] {
        for (before, after) in [
            (r#"{"Response":"#, "}"),
            (r#"{"data":"#, "}"),
            (r#"{"Error":"#, r#","RequestId":"r"}"#),
            (r#"{"errors":["#, r#"],"RequestId":"r"}"#),
            ("[", "]"),
            (r#"{"body":""#, r#""}"#),
            ("callback(", ");"),
            (")]}',\n", ""),
            ("// ", ""),
        ] {
            bodies.push([before, inner, after].concat().into_bytes());
        }
        bodies.extend([utf_16(inner, true), utf_16(inner, false), utf_16(inner, true)[2..].to_vec()]);
        bodies.push([inner.as_bytes(), b"\0"].concat());
        bodies.push([inner, inner].concat().into_bytes());
    }
    for body in bodies {
        let shown = String::from_utf8_lossy(&body).into_owned();
        for status in [200, 206, 302, 404, 500] {
            for output in [&mut Answer::default() as &mut dyn Object, &mut Bare::default(), &mut JsonOutput::default()]
            {
                let is_untyped = output.type_name() == JsonOutput::default().type_name();
                let outcome = judged_into(status, ID, &body, output);
                // An untyped response may have any member.
                if is_untyped && shown.starts_with('{') && (200..300).contains(&status) && !shown.contains("rror") {
                    continue;
                }
                let error = outcome.expect_err(&shown);
                assert!(error.outcome_unknown(), "{status} {shown}: {error}");
                let error = error.redacted(&Redactor::default());
                // No value would be found in text between NULs.
                assert!(!error.to_string().contains("R A M"), "{status}: {error}");
                let digits: String = format!("{error} {error:?}").chars().filter(char::is_ascii_digit).collect();
                assert!(!digits.contains("1390000"), "{status} {shown}: {error}");
            }
        }
    }
}

#[test]
fn a_product_without_a_code_of_success_needs_no_such_proof() {
    let product = ProductDescriptor { success_codes: &[], ..PRODUCT };
    for body in ["{}", r#"{"RequestId":"r"}"#, r#"{"Code":"Anything"}"#] {
        assert!(judged_as(&product, 200, &[], body.as_bytes(), &mut Bare::default()).is_ok(), "{body}");
    }
    let error = judged_as(&product, 200, &[], br#"{"Success":false}"#, &mut Bare::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Service);
}

#[test]
fn a_contradictory_response_is_unusable() {
    for (first, second) in [("Code", "Code"), ("Code", "code"), ("code", "Code"), ("code", "code")] {
        for (one, other) in [("Ram.PermissionDeny", "OK"), ("OK", "Ram.PermissionDeny"), ("OK", "OK")] {
            let body = format!(r#"{{"{first}":"{one}","Count":1,"RequestId":"r","{second}":"{other}"}}"#);
            for output in [&mut Bare::default() as &mut dyn Object, &mut Answer::default(), &mut JsonOutput::default()]
            {
                let error = without_proof(200, &[], &body, output).expect(&body);
                assert!(error.message().contains("contains `Code` twice"), "{error}");
            }
            for status in [307, 400, 404, 500] {
                assert!(without_proof(status, &[], &body, &mut Answer::default()).is_some(), "{status} {body}");
            }
        }
    }
    for twice in
        [r#""Success":true,"Success":false"#, r#""RequestId":"a","RequestId":"b""#, r#""Message":"","Message":"""#]
    {
        let body = format!(r#"{{"Code":"OK",{twice}}}"#);
        assert!(without_proof(200, &[], &body, &mut Answer::default()).is_some(), "{body}");
    }
    let xml = "<Error><Code>Forbidden.RAM</Code><Code>OK</Code></Error>";
    assert!(without_proof(400, &[], xml, &mut Answer::default()).is_some());
    // Elsewhere, the last one is used.
    assert!(judged(200, &[], r#"{"Code":"OK","Count":1,"Count":2,"Other":{"Code":"a","Code":"b"}}"#).is_ok());
}

#[test]
fn an_error_body_is_parsed_in_every_format_of_gateways() {
    for body in [
        r#"{"Code":"Forbidden.RAM","Message":"m & m","RequestId":"r"}"#,
        r#"{"code":"Forbidden.RAM","message":"m & m","requestId":"r"}"#,
        r#"{"Code":"Forbidden.RAM","Message":"m & m","RequestId":"r","AccessDeniedDetail":"None"}"#,
        r#"{"Code":"Forbidden.RAM","Message":"m & m","RequestId":"r","AccessDeniedDetail":{"AuthAction":"a"}}"#,
        r#"{"Code":"Forbidden.RAM","Message":"m & m","RequestId":"r","Count":"wrong","Success":{"very":"wrong"}}"#,
        "<Error><RequestId>r</RequestId><Code>Forbidden.RAM</Code><Message>m &amp; m</Message></Error>",
        "<?xml version='1.0'?>\n<Error>\n <Code>\nForbidden.RAM\n</Code><Message>m &amp; m</Message>\
         <RequestId>r</RequestId></Error>",
        "\u{feff}<?xml version='1.0'?><X><Code>Forbidden.RAM</Code><Message>m &amp; m</Message>\
         <RequestId>r</RequestId></X>",
    ] {
        let error = refused(403, &[], body);
        assert_eq!(error.kind(), ErrorKind::Service, "{body}");
        assert_eq!(error.code(), Some("Forbidden.RAM"), "{body}");
        assert_eq!((error.message(), error.request_id()), ("m & m", Some("r")), "{body}");
        assert!(!error.outcome_unknown(), "{body}");
    }
}

/// The JSON of a proxy may have a `code`, too.
#[test]
fn a_lower_case_code_is_a_refusal_only_with_a_request_id() {
    for status in [200, 400, 404] {
        for (headers, body, unknown) in [
            (&[][..], r#"{"code":"route_not_found","message":"m"}"#, true),
            (&[], r#"{"code":"route_not_found","message":"m","requestId":"r"}"#, false),
            (ID, r#"{"code":"route_not_found","message":"m"}"#, false),
            (&[], r#"{"Code":"route_not_found","Message":"m"}"#, false),
        ] {
            let error = refused(status, headers, body);
            assert_eq!((error.kind(), error.outcome_unknown()), (ErrorKind::Service, unknown), "{status} {body}");
            assert_eq!((error.code(), error.message()), (Some("route_not_found"), "m"), "{status} {body}");
        }
    }
}

#[test]
fn a_success_code_in_another_spelling_alone_proves_nothing() {
    for body in
        [r#"{"code":0,"msg":"log in"}"#, r#"{"code":"OK"}"#, r#"{"Code":200}"#, r#"{"code":"success","data":1}"#]
    {
        assert!(without_proof(200, &[], body, &mut Answer::default()).is_some(), "{body}");
        assert!(judged(200, ID, body).is_ok(), "{body}");
        assert!(judged(200, &[], &body.replace('{', r#"{"Count":1,"#)).is_ok(), "{body}");
    }
}

#[test]
fn an_xml_entity_is_decoded_once() {
    let error = refused(400, &[], "<Error><Code>C</Code><Message>&amp;lt; &lt;&gt;&quot;&apos;</Message></Error>");
    assert_eq!(error.message(), "&lt; <>\"'");
}

#[test]
fn the_detail_of_a_denial_can_be_text_or_an_object() {
    for (sent, expected) in
        [(r#""None""#, Some("None")), (r#"{"AuthAction":"a"}"#, Some(r#"{"AuthAction":"a"}"#)), ("null", None)]
    {
        let mut answer = Answer::default();
        let body = format!(r#"{{"Code":"OK","AccessDeniedDetail":{sent}}}"#);
        judged_into(200, &[], body.as_bytes(), &mut answer).unwrap();
        assert_eq!(answer.denied.as_deref(), expected, "{body}");
    }
}

/// Users decide by it whether to repeat a call.
#[test]
fn a_foreign_response_keeps_its_status_and_determines_the_outcome() {
    const HTML: &str = "<html>\n<body>Bad\tGateway</body>";
    for (status, body, unknown, message) in [
        (200, "", true, "the response is empty"),
        (
            200,
            r#"{"Code":"OK","Cou"#,
            true,
            "the response is not from the service; it begins like JSON (17 bytes, not shown because they may contain data)",
        ),
        (
            200,
            r#" {"Code":"OK"} x"#,
            true,
            "the response is not from the service; it begins like JSON (16 bytes, not shown because they may contain data)",
        ),
        (
            200,
            "\u{feff}[]",
            true,
            "the response is not from the service; it begins like JSON (5 bytes, not shown because they may contain data)",
        ),
        (500, "", true, "the response is empty"),
        (
            500,
            "[1]",
            true,
            "the response is not from the service; it begins like JSON (3 bytes, not shown because they may contain data)",
        ),
        (502, HTML, true, "the response is not from the service; it begins with: <html> <body>Bad Gateway</body>"),
        (503, "<?xml?><html/>", true, "the response is not from the service; it begins with: <?xml?><html/>"),
        (600, "", true, "the response is empty"),
        (301, "", true, "the endpoint redirects, and redirects are never followed"),
        (307, "x", true, "the endpoint redirects, and redirects are never followed; it begins with: x"),
        (404, HTML, true, "the response is not from the service; it begins with: <html> <body>Bad Gateway</body>"),
        (407, "", false, "the response is empty"),
        (403, HTML, false, "the response is not from the service; it begins with: <html> <body>Bad Gateway</body>"),
        (408, "stream timeout", true, "the response is not from the service; it begins with: stream timeout"),
        (404, r#"{"message":"no route"}"#, true, "the response is not from the service; it says: no route"),
        (404, r#"{"code":404,"message":"no route"}"#, true, "the response is not from the service; it says: no route"),
    ] {
        let error = refused(status, ID, body);
        assert_eq!(error.kind(), ErrorKind::UnusableResponse, "{status} {body}");
        assert_eq!(error.message(), message);
        assert_eq!(error.outcome_unknown(), unknown, "{status} {body}");
        assert_eq!(error.request_id(), Some("from-header"), "{status} {body}");
    }
}

#[test]
fn a_redirect_with_an_error_of_the_service_keeps_it() {
    let error = refused(307, &[], r#"{"Code":"Moved","Message":"elsewhere"}"#);
    assert_eq!((error.kind(), error.code()), (ErrorKind::Service, Some("Moved")));
    assert!(error.outcome_unknown(), "only a 4xx or 2xx is a verdict");
}

#[test]
fn a_malformed_member_does_not_fail_a_success() {
    let mut answer = Answer::default();
    let body = br#"{"Code":"OK","RequestId":"r","Count":"CANARY","AccessDeniedDetail":"\ud83d"}"#;
    let Judged { request_id, mismatches } = judged_into(200, &[], body, &mut answer).unwrap();
    assert_eq!((request_id.as_deref(), answer.code.as_deref(), answer.count), (Some("r"), Some("OK"), None));
    assert_eq!(answer.denied.as_deref(), Some("\u{fffd}"));
    let paths: Vec<_> = mismatches.first().iter().map(crate::mismatch::Mismatch::path).collect();
    assert_eq!(paths, ["Count", "AccessDeniedDetail"]);
    assert!(!mismatches.to_string().contains("CANARY"), "{mismatches}");
    // The same for a type without the members of the envelope, whose response is read twice.
    let judged = judged_into(200, &[], body, &mut Bare::default()).unwrap();
    assert_eq!(judged.request_id.as_deref(), Some("r"));
}

#[test]
fn a_throttling_code_is_throttling_with_any_status() {
    for code in [
        "Throttling",
        "throttling.user",
        "Throttling.Api",
        "System.LimitControl",
        "Queue.Full",
        "Line.Busy",
        "line.busy",
    ] {
        for (status, unknown) in [(200, false), (400, false), (429, false), (500, true), (503, true)] {
            let error = refused(status, &[], &format!(r#"{{"Code":"{code}"}}"#));
            assert_eq!(error.kind(), ErrorKind::Throttled, "{status} {code}");
            assert_eq!(error.outcome_unknown(), unknown, "{status} {code}");
            assert_eq!(error.retry_after(), None);
        }
    }
    for code in ["Throttlings", "Queue.Full.X"] {
        let error = refused(400, &[], &format!(r#"{{"Code":"{code}"}}"#));
        assert_eq!(error.kind(), ErrorKind::Service, "{code}");
    }
}

#[test]
fn a_limit_per_hour_or_day_is_named_in_the_error() {
    for (code, period) in [
        ("Throttling.Day", "day"),
        ("isv.DAY_LIMIT_CONTROL", "day"),
        ("isv.BUSINESS_LIMIT_CONTROL", "minute, hour or day"),
    ] {
        for status in [200, 400, 429] {
            let error = refused(status, &[], &format!(r#"{{"Code":"{code}","Message":"m"}}"#));
            assert_eq!(error.kind(), ErrorKind::Throttled, "{code}");
            assert!(error.is_long_limit() && error.is_throttling() && !error.is_retryable(), "{code}");
            assert!(error.to_string().contains(&format!("this limit counts per {period}")), "{error}");
        }
    }
}

/// Neither a header nor a limit turns a failure of the service into a refusal.
#[test]
fn a_certain_refusal_with_a_delay_is_throttling() {
    const WAITS: [Headers<'_>; 3] = [
        &[("x-acs-retry-after", "1500")],
        &[("retry-after", "1")],
        &[("retry-after", "Thu, 01 Jan 1970 00:00:01 GMT")],
    ];
    for headers in WAITS {
        for (status, body, kind, unknown) in [
            (400, r#"{"Code":"Whatever","Message":"m"}"#, ErrorKind::Throttled, false),
            (403, "", ErrorKind::Throttled, false),
            (403, "<html>", ErrorKind::Throttled, false),
            (429, "<html>", ErrorKind::Throttled, false),
            (429, r#"{"Code":"InternalError"}"#, ErrorKind::Throttled, false),
            (429, r#"{"Code":"Forbidden.RAM"}"#, ErrorKind::Throttled, false),
            (400, "", ErrorKind::UnusableResponse, true),
            (404, "<html>", ErrorKind::UnusableResponse, true),
            (408, "", ErrorKind::UnusableResponse, true),
            (408, r#"{"Code":"Whatever"}"#, ErrorKind::Service, true),
            (400, r#"{"Code":"InternalError"}"#, ErrorKind::Service, true),
            (403, r#"{"Code":"Forbidden.RAM"}"#, ErrorKind::Service, false),
            (500, r#"{"Code":"InternalError"}"#, ErrorKind::Service, true),
            (503, r#"{"Code":"Whatever"}"#, ErrorKind::Service, true),
            (502, "<html>", ErrorKind::UnusableResponse, true),
            (503, "", ErrorKind::UnusableResponse, true),
        ] {
            let error = refused(status, headers, body);
            assert_eq!((error.kind(), error.outcome_unknown()), (kind, unknown), "{status} {body}");
            assert!(error.retry_after() >= Some(Duration::from_secs(1)), "{status} {body}");
        }
        // With other statuses the header has no documented meaning.
        for (status, body) in [(200, r#"{"Code":"Whatever"}"#), (302, r#"{"Code":"Whatever"}"#), (302, "")] {
            let error = refused(status, headers, body);
            assert_ne!(error.kind(), ErrorKind::Throttled, "{status} {body}");
            assert_eq!(error.retry_after(), None, "{status} {body}");
        }
        assert!(judged(200, headers, r#"{"Code":"OK"}"#).is_ok());
    }
    for body in ["", "<html>", r#"{"code":"TooManyRequests"}"#, r#"{"message":"slow down"}"#] {
        let error = refused(429, &[], body);
        assert_eq!((error.kind(), error.outcome_unknown()), (ErrorKind::Throttled, false), "{body}");
    }
}

#[test]
fn every_form_of_a_delay_is_parsed() {
    const SECOND: Duration = Duration::from_secs(1);
    for (headers, expected) in [
        (&[("x-acs-retry-after", " 7 ")][..], Some(Duration::from_millis(7))),
        (&[("retry-after", "2")], Some(2 * SECOND)),
        (&[("x-acs-retry-after", "7"), ("retry-after", "2")], Some(Duration::from_millis(7))),
        (&[("x-acs-retry-after", "soon"), ("retry-after", "2")], Some(2 * SECOND)),
        (&[("retry-after", "Thu, 01 Jan 1970 00:00:05 GMT")], Some(5 * SECOND)),
        (
            // Relative to the clock of the server.
            &[("retry-after", "Thu, 01 Jan 2026 00:00:05 GMT"), ("date", "Thu, 01 Jan 2026 00:00:02 GMT")],
            Some(3 * SECOND),
        ),
        (&[("retry-after", "Thu, 01 Jan 2026 00:00:02 GMT"), ("date", "Thu, 01 Jan 2026 00:00:02 GMT")], None),
        (&[("retry-after", "Thu, 01 Jan 1960 00:00:02 GMT")], None),
    ] {
        assert_eq!(refused(400, headers, r#"{"Code":"Whatever"}"#).retry_after(), expected, "{headers:?}");
    }
    for name in ["x-acs-retry-after", "retry-after"] {
        for value in ["0", "-1", "", "soon", "1.5", "1500ms", "18446744073709551616"] {
            let error = refused(400, &[(name, value)], r#"{"Code":"Whatever"}"#);
            assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Service, None), "{value}");
        }
    }
}

#[test]
fn an_error_has_everything_that_the_service_returned() {
    let json = r#"{"Code":"Forbidden.RAM","Message":"m","RequestId":"r","HostId":"cams.example.com",
        "Recommend":"https://help.example.com?q=Forbidden.RAM",
        "AccessDeniedDetail":{"AuthAction":"cams:Sync","NoPermissionType":"ImplicitDeny","AuthPrincipalOwnerId":"1"}}"#;
    let error = refused(403, ID, json);
    let detail: Json = serde_json::from_str(error.access_denied_detail().unwrap()).unwrap();
    assert_eq!(detail["NoPermissionType"], "ImplicitDeny");
    assert_eq!(error.host_id(), Some("cams.example.com"));
    assert_eq!(error.recommend(), Some("https://help.example.com?q=Forbidden.RAM"));
    assert_eq!(error.raw_body().unwrap(), json);
    assert_eq!(error.headers().unwrap()["x-acs-request-id"], "from-header");

    let text = r#"{"code":"NoPermission","accessDeniedDetail":"not you","hostId":"h","recommend":"x"}"#;
    let xml = "<Error><Code>NoPermission</Code><AccessDeniedDetail>not you</AccessDeniedDetail><HostId>h</HostId><Recommend>x</Recommend></Error>";
    for (status, body) in [(403, text), (200, text), (403, xml)] {
        let error = refused(status, &[], body);
        let said = (error.access_denied_detail(), error.host_id(), error.recommend());
        assert_eq!(said, (Some("not you"), Some("h"), Some("x")), "{body}");
    }
    for none in [r#""None""#, r#""""#, "null"] {
        let error = refused(403, &[], &format!(r#"{{"Code":"C","AccessDeniedDetail":{none}}}"#));
        assert_eq!(error.access_denied_detail(), None, "{none}");
    }
    assert_eq!(refused(502, &[], "<html>").raw_body().unwrap(), "<html>");
}

#[test]
fn only_a_failure_inside_the_service_or_a_used_nonce_leaves_the_outcome_unknown() {
    for (status, code, unknown) in [
        (400, "InvalidParameter", false),
        (404, "InvalidApi.NotFound", false),
        (500, "Anything", true),
        (503, "ServiceUnavailable", true),
        (400, "InternalError", true),
        (200, "InternalError", true),
        (400, "InternalError.Db", true),
        (400, "internalerror", true),
        (408, "RequestTimeout", true),
        (408, "Anything", true),
        (400, "isp.SYSTEM_ERROR", true),
        (200, "UnknownError", true),
        (400, "SignatureNonceUsed", true),
        (200, "Ram.PermissionDeny", false),
    ] {
        let error = refused(status, &[], &format!(r#"{{"Code":"{code}"}}"#));
        assert_eq!(error.kind(), ErrorKind::Service, "{status} {code}");
        assert_eq!(error.outcome_unknown(), unknown, "{status} {code}");
    }
}

#[test]
fn the_request_id_of_the_body_is_preferred_to_the_header() {
    for (headers, body, expected) in [
        (ID, r#""RequestId":"from-body""#, Some("from-body")),
        (&[], r#""RequestId":"from-body""#, Some("from-body")),
        (ID, r#""RequestId":null"#, Some("from-header")),
        (&[], r#""RequestId":null"#, None),
    ] {
        let success = format!(r#"{{"Code":"OK",{body}}}"#);
        assert_eq!(judged(200, headers, &success).unwrap().request_id.as_deref(), expected, "{success}");
        for status in [200, 400, 500] {
            let failure = format!(r#"{{"Code":"No",{body}}}"#);
            assert_eq!(refused(status, headers, &failure).request_id(), expected, "{status} {failure}");
        }
    }
}

#[test]
fn the_request_id_of_the_header_is_set_in_the_output() {
    crate::private::object! {
        /// An output with the ID of its request.
        pub struct Identified {
            /// The ID.
            #[wire("RequestId")]
            pub request_id: Option<String>,
            /// A number.
            #[wire("Count")]
            pub count: Option<i32>,
        }
    }
    for (headers, body, expected) in [
        (ID, r#"{"Code":"OK","Count":1,"RequestId":"from-body"}"#, Some("from-body")),
        (ID, r#"{"Code":"OK","Count":1}"#, Some("from-header")),
        (&[], r#"{"Code":"OK","Count":1}"#, None),
    ] {
        let mut output = Identified::default();
        let judged = judged_into(200, headers, body.as_bytes(), &mut output).unwrap();
        assert_eq!((judged.request_id.as_deref(), output.request_id.as_deref()), (expected, expected), "{body}");
    }
}

#[test]
fn long_texts_of_the_service_are_cut_with_a_note() {
    let redactor = Redactor::default();
    for length in [5_000, 60_000, 2 << 20] {
        let long = "é".repeat(length);
        let body = format!(r#"{{"Code":"C{long}","Message":"{long}","RequestId":"{long}"}}"#);
        for error in [refused(400, &[], &body), refused(200, &[], &body)].map(|error| error.redacted(&redactor)) {
            assert!(error.message().len() < 4_200 && error.message().ends_with("(cut; the raw body has all of it)"));
            assert!(error.code().unwrap().len() < 320 && error.request_id().unwrap().len() < 320);
            assert!(error.to_string().len() < 5_000 && format!("{error:?}").len() < 6_000);
            assert_eq!(error.raw_body().unwrap(), &body);
        }
        let body = format!(r#"{{"Code":"OK","RequestId":"{long}"}}"#);
        assert!(judged(200, &[], &body).unwrap().request_id.unwrap().len() < 320);
    }
    assert_eq!(refused(400, &[], r#"{"Code":"C","Message":"short"}"#).redacted(&redactor).message(), "short");
}

#[test]
fn a_number_in_a_code_is_hidden() {
    for number in ["13900001234", "139-0000-1234", "%31390000 1234"] {
        let error = refused(400, &[], &format!(r#"{{"Code":"Number.{number}","Message":"m"}}"#));
        assert_eq!(error.redacted(&Redactor::default()).code(), Some("Number.<hidden>"), "{number}");
    }
}

#[test]
fn an_error_without_a_message_has_a_default_message() {
    assert_eq!(refused(400, &[], r#"{"Code":"C"}"#).message(), "the service returned no message");
    let error = refused(400, &[], r#"{"RequestId":"r"}"#);
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::Service, "the service returned neither a code nor a message")
    );
    assert!(error.outcome_unknown(), "without a code nothing proves that it was not executed");
}

#[test]
fn the_quotation_of_a_foreign_response_is_short_and_printable() {
    let bodies = [
        vec![b'x'; 1 << 20],
        vec![0xff; 1 << 20],
        (0..=255).cycle().take(1 << 20).collect::<Vec<u8>>(),
        "\u{1b}[31m\u{202e}\r\nred é\u{85}".repeat(10_000).into_bytes(),
    ];
    for body in bodies {
        let error = judged_into(502, &[], &body, &mut Answer::default()).unwrap_err();
        assert!(error.message().chars().count() <= SNIPPET_CHARS + 60, "{error}");
        assert!(!error.message().contains(|c: char| c.is_control() || c == '\u{202e}'), "{error:?}");
    }
}

#[test]
fn a_value_is_redacted_at_the_end_of_the_quotation() {
    let credentials = crate::Credentials::new("CANARY-of-the-key-id", "CANARY-of-the-secret");
    let redactor = Redactor::new(Some(&credentials), &[]);
    let context =
        Context { product: &PRODUCT, action: None, untyped: false, is_roa: false, redactor: &redactor, clock: &|| NOW };
    for before in 0..=SNIPPET_CHARS {
        let body = "x".repeat(before) + "CANARY-of-the-secret";
        let mut output = Answer::default();
        let judged = judge(StatusCode::BAD_GATEWAY, &HeaderMap::new(), &body.into(), context, &mut output);
        let message = judged.unwrap_err().message().to_owned();
        assert!(!message.contains("CA"), "{before}: {message}");
    }
}

/// Any JSON text.
fn any_json() -> impl Strategy<Value = String> {
    let scalar =
        prop_oneof!["null|true|false|-?[1-9][0-9]{0,20}(\\.[0-9]{1,3})?(e[0-9]{1,3})?", r#""[ -!#-\[\]-~é]{0,8}""#];
    scalar.prop_recursive(4, 16, 4, |inner| {
        let members = prop::collection::vec((r#""(Code|code|Count|[a-z]{0,3})""#, inner.clone()), 0..4);
        let object = members.prop_map(|members| {
            let members: Vec<String> = members.into_iter().map(|(name, value)| format!("{name}:{value}")).collect();
            format!("{{{}}}", members.join(","))
        });
        prop_oneof![prop::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(","))), object]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_answer_makes_the_judgement_panic(
        status in 100_u16..1000,
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            r#"[\[{]("(Code|code|Success|Count|RequestId)"?[:,]?("[^"]{0,3}"?|1e9|null|true|\{|\[){0,2},?){0,4}[\]}]?"#
                .prop_map(String::into_bytes),
            "(<\\?xml>)?<Error>(</?(Code|Message|RequestId)>?|&[a-z]{0,4};?|x){0,8}".prop_map(String::into_bytes),
        ],
        retry_after in "[0-9a-z-]{0,22}",
    ) {
        let headers: Headers<'_> = &[("x-acs-retry-after", &retry_after)];
        let judged = judged_into(status, headers, &body, &mut Answer::default());
        prop_assert!((200..300).contains(&status) || judged.is_err(), "{} is not a success", status);
    }

    /// With any other content, in any form.
    #[test]
    fn no_answer_with_an_error_code_is_taken_for_a_success_or_loses_its_code(
        status in 200_u16..600,
        code in "[A-NP-Z][A-Za-z.]{1,12}",
        (success, count, other) in (any_json(), any_json(), any_json()),
        first in any::<bool>(),
    ) {
        let code_member = format!(r#""Code":"{code}""#);
        let others = format!(r#""Success":{success},"Count":{count},"AccessDeniedDetail":{other},"Other":{other}"#);
        let body = if first { format!("{{{code_member},{others}}}") } else { format!("{{{others},{code_member}}}") };
        let error = judged_into(status, ID, body.as_bytes(), &mut Answer::default()).expect_err(&body);
        prop_assert!(matches!(error.kind(), ErrorKind::Service | ErrorKind::Throttled), "{}: {:?}", body, error);
        prop_assert_eq!(error.code(), Some(&*code), "{}", body);
    }
}
