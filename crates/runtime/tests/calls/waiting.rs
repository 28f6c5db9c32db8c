//! Waiting for what an action has started, in virtual time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use alibabacloud_runtime::descriptor::{
    ActionDescriptor, EndpointDescriptor, ProductDescriptor, WaiterDescriptor, WaiterPart,
};
use alibabacloud_runtime::event::{Event, Outcome};
use alibabacloud_runtime::private::{object, request};
use alibabacloud_runtime::{
    Action, CallOptions, Client, ClientBuilder, ErrorKind, Json, Product, RateLimit, Request, Response, RetryPolicy,
    Throttle, TransportError, UntypedRequest, WaitError, WaitOptions, Waitable,
};
use tokio::time::{Instant, timeout};

use crate::support::{Scripted, Step, answer, everything_printable, form, key, not_sent, ok, throttled};

#[allow(unreachable_pub, reason = "the macros declare public types, which name it")]
pub enum Yard {}

impl Product for Yard {
    const DESCRIPTOR: &'static ProductDescriptor = &ProductDescriptor {
        code: "yard",
        version: "2020-01-02",
        default_region: "here-1",
        endpoints: EndpointDescriptor { public: "yard.{region}.example.com", ..EndpointDescriptor::EMPTY },
        success_codes: &["OK"],
        actions: &[Build::DESCRIPTOR, Lay::DESCRIPTOR, Sink::DESCRIPTOR, Scrap::DESCRIPTOR, Tell::DESCRIPTOR],
        ..ProductDescriptor::EMPTY
    };
}

object! {
    /// What was started.
    pub struct Started {
        /// The code.
        #[wire("Code")]
        pub code: Option<String>,
        /// The ship.
        #[wire("Ship")]
        pub ship: Option<Ship>,
        /// The planks.
        #[wire("Planks")]
        pub planks: Vec<String>,
    }
}

object! {
    /// A ship.
    pub struct Ship {
        /// Its number.
        #[wire("Number", sensitive)]
        pub number: Option<String>,
        /// Its state.
        #[wire("State")]
        pub state: Option<String>,
        /// Its decks.
        #[wire("Decks")]
        pub decks: Vec<Deck>,
    }
}

object! {
    /// A deck.
    pub struct Deck {
        /// Its state.
        #[wire("State")]
        pub state: Option<i32>,
    }
}

object! {
    /// All ships.
    pub struct Ships {
        /// The code.
        #[wire("Code")]
        pub code: Option<String>,
        /// The ships.
        #[wire("Ships")]
        pub ships: Vec<Ship>,
    }
}

mod build {
    use super::request;
    request! {
        /// Starts a ship.
        #[builder(BuildBuilder)]
        pub struct Build {
            /// Where.
            #[wire("Space")]
            #[required("`Space` is missing")]
            pub space: String,
            /// The number.
            #[wire("Number", sensitive)]
            pub number: Option<String>,
        }
    }
}
use build::Build;

mod lay {
    use super::request;
    request! {
        /// Starts a deck.
        #[builder(LayBuilder)]
        pub struct Lay {}
    }
}
use lay::Lay;

mod sink {
    use super::request;
    request! {
        /// Sinks a ship.
        #[builder(SinkBuilder)]
        pub struct Sink {}
    }
}
use sink::Sink;

mod scrap {
    use super::request;
    request! {
        /// Scraps a ship.
        #[builder(ScrapBuilder)]
        pub struct Scrap {
            /// The number.
            #[wire("Number")]
            pub number: Option<String>,
        }
    }
}
use scrap::Scrap;

mod tell {
    use super::request;
    request! {
        /// Tells the ships.
        #[builder(TellBuilder)]
        pub struct Tell {
            /// Where.
            #[wire("Space")]
            #[required("`Space` is missing")]
            pub space: String,
            /// Which.
            #[wire("Planks")]
            pub planks: Option<String>,
        }
    }
}
use tell::Tell;

const SECOND: Duration = Duration::from_secs(1);

impl Action for Build {
    type Product = Yard;
    type Output = Started;
    const DESCRIPTOR: &'static ActionDescriptor = &ActionDescriptor {
        name: "Build",
        parameters: <Self as Request>::PARAMETERS,
        waiter: Some(&WaiterDescriptor {
            action: "Tell",
            parameters: &[
                ("Space", &[&[WaiterPart::Parameter("Space")]]),
                ("Planks", &[&[WaiterPart::Field(&["Planks"])]]),
            ],
            list: &["Ships"],
            state: &["State"],
            condition: &[(
                &["Number"],
                &[&[WaiterPart::Field(&["Ship", "Number"])], &[WaiterPart::Text("+"), WaiterPart::Parameter("Number")]],
            )],
            done: &["AFLOAT"],
            failed: &["SUNK"],
            interval: Duration::from_secs(10),
            longest_interval: Duration::from_secs(25),
            bound: Duration::from_secs(100),
            ..WaiterDescriptor::EMPTY
        }),
        ..ActionDescriptor::EMPTY
    };
}

impl Waitable for Build {
    type Asked = Tell;
}

impl Action for Lay {
    type Product = Yard;
    type Output = Started;
    const DESCRIPTOR: &'static ActionDescriptor = &ActionDescriptor {
        name: "Lay",
        parameters: <Self as Request>::PARAMETERS,
        waiter: Some(&WaiterDescriptor {
            action: "Tell",
            parameters: &[("Space", &[&[WaiterPart::Field(&["Ship", "Number"])]])],
            list: &["Ships", "Decks"],
            state: &["State"],
            any: true,
            done: &["1"],
            failed: &["2"],
            ..WaiterDescriptor::EMPTY
        }),
        ..ActionDescriptor::EMPTY
    };
}

impl Waitable for Lay {
    type Asked = Tell;
}

impl Action for Sink {
    type Product = Yard;
    type Output = Started;
    const DESCRIPTOR: &'static ActionDescriptor = &ActionDescriptor {
        name: "Sink",
        parameters: <Self as Request>::PARAMETERS,
        waiter: Some(&WaiterDescriptor {
            action: "Tell",
            parameters: &[("Space", &[&[WaiterPart::Text("s")]])],
            done_errors: &["Ship.NotFound", "Dock.Empty"],
            pending_errors: &["Ship.Moving"],
            ..WaiterDescriptor::EMPTY
        }),
        ..ActionDescriptor::EMPTY
    };
}

impl Waitable for Sink {
    type Asked = Tell;
}

impl Action for Scrap {
    type Product = Yard;
    type Output = Started;
    const DESCRIPTOR: &'static ActionDescriptor = &ActionDescriptor {
        name: "Scrap",
        parameters: <Self as Request>::PARAMETERS,
        waiter: Some(&WaiterDescriptor {
            action: "Tell",
            parameters: &[("Space", &[&[WaiterPart::Text("s")]])],
            list: &["Ships"],
            state: &["State"],
            condition: &[(&["Number"], &[&[WaiterPart::Parameter("Number")]])],
            failed: &["STUCK"],
            done_if_absent: true,
            ..WaiterDescriptor::EMPTY
        }),
        ..ActionDescriptor::EMPTY
    };
}

impl Waitable for Scrap {
    type Asked = Tell;
}

impl Action for Tell {
    type Product = Yard;
    type Output = Ships;
    const DESCRIPTOR: &'static ActionDescriptor = &ActionDescriptor {
        name: "Tell",
        idempotent: true,
        rate_limit: Some(RateLimit::per_second(10)),
        parameters: <Self as Request>::PARAMETERS,
        ..ActionDescriptor::EMPTY
    };
}

fn builder(transport: &Scripted) -> ClientBuilder<Yard> {
    Client::builder().credentials(key()).transport(transport.clone()).throttle(Throttle::new())
}

/// An answer with a ship of another number before the one that is meant.
fn ship(state: &str) -> Step {
    let ships = format!(r#"[{{"Number":"+1","State":"AFLOAT"}},{{"Number":"+86","State":"{state}"}}]"#);
    answer(200, &format!(r#"{{"Code":"OK","RequestId":"r","Ships":{ships}}}"#))
}

fn request() -> Build {
    Build::builder().space("s").number("86").build()
}

type Waited = Result<Response<Ships>, WaitError<Ships>>;

async fn wait(steps: impl IntoIterator<Item = Step>, options: WaitOptions) -> (Waited, Vec<u128>) {
    let transport = Scripted::new(steps);
    let client = builder(&transport).build().unwrap();
    let waited = client.wait_for_with(&request(), None, options).await;
    (waited, transport.times())
}

#[tokio::test(start_paused = true)]
async fn it_asks_until_done_at_a_growing_interval() {
    let (waited, times) =
        wait(["LAID", "BUILT", "LAID", " afloat"].map(ship).into_iter().chain([ship("SUNK")]), WaitOptions::new())
            .await;
    assert_eq!(waited.unwrap().ships[1].state.as_deref(), Some(" afloat"));
    assert_eq!(times, [0, 10_000, 30_000, 55_000]);
    let (waited, times) = wait([ship("AFLOAT")], WaitOptions::new()).await;
    assert_eq!((waited.is_ok(), times), (true, vec![0]));
    let (waited, times) =
        wait(["LAID", "LAID", "LAID", "AFLOAT"].map(ship), WaitOptions::new().interval(3 * SECOND)).await;
    assert_eq!((waited.is_ok(), times), (true, vec![0, 3_000, 6_000, 9_000]));
}

#[tokio::test(start_paused = true)]
async fn a_state_of_failure_ends_it_with_the_answer() {
    let (waited, times) = wait(["LAID", "SUNK"].map(ship), WaitOptions::new()).await;
    let error = waited.unwrap_err();
    assert_eq!(error.to_string(), "Build did not succeed: `Tell` reports `SUNK` (request r)");
    assert_eq!((error.state(), error.is_bound_reached()), (Some("SUNK"), false));
    assert_eq!(error.response().unwrap().ships.len(), 2);
    assert_eq!(times, [0, 10_000]);
}

#[tokio::test(start_paused = true)]
async fn the_bound_ends_it_with_the_last_answer_and_without_a_wait_in_vain() {
    let began = Instant::now();
    let (waited, times) = wait(["LAID"; 9].map(ship), WaitOptions::new()).await;
    let error = waited.unwrap_err();
    assert_eq!(error.to_string(), "Build is not done after 80s: `Tell` was called 5 times and last reported `LAID`");
    assert!(error.is_bound_reached() && error.response().is_some() && error.error().is_none());
    assert_eq!(times, [0, 10_000, 30_000, 55_000, 80_000]);
    assert_eq!(began.elapsed(), 80 * SECOND);
    // The answer shows other ships only.
    let others = answer(200, r#"{"Code":"OK","Ships":[{"Number":"+1","State":"AFLOAT"}]}"#);
    let (waited, times) = wait([others], WaitOptions::new().bound(5 * SECOND)).await;
    let error = waited.unwrap_err();
    assert_eq!(error.to_string(), "Build is not done after 0ns: `Tell` was called once and reported no state of it");
    assert_eq!(times, [0]);
}

#[tokio::test(start_paused = true)]
async fn a_call_does_not_outlast_the_bound() {
    let began = Instant::now();
    let options = WaitOptions::new().bound(15 * SECOND);
    let (waited, times) = wait([ship("LAID"), Step::Never, Step::Never], options).await;
    let WaitError::BoundReached { last, error, .. } = waited.unwrap_err() else { panic!("not the bound") };
    assert_eq!((last.unwrap().ships.len(), error.unwrap().kind()), (2, ErrorKind::Unanswered));
    assert_eq!((times, began.elapsed()), (vec![0, 10_000], 15 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn throttled_means_later() {
    // A call that is throttled until its deadline.
    let calls = CallOptions::new().deadline(2 * SECOND);
    let steps = (0..3).map(|_| throttled(Some(30_000))).chain([ship("AFLOAT")]);
    let (waited, times) = wait(steps, WaitOptions::new().calls(calls)).await;
    assert!(waited.is_ok(), "{waited:?}");
    // Each time as long as the service asks for, and never before the interval.
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 30_000), "{times:?}");
    let (waited, times) = wait((0..9).map(|_| throttled(None)), WaitOptions::new().bound(5 * SECOND)).await;
    let WaitError::BoundReached { last: None, error: Some(error), .. } = waited.unwrap_err() else {
        panic!("{times:?}")
    };
    assert_eq!(error.kind(), ErrorKind::Throttled);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_is_no_answer_and_the_wait_goes_on() {
    let calls = || WaitOptions::new().calls(CallOptions::new().retry(RetryPolicy::never()));
    let reset = || Step::Fail(TransportError::unanswered("connection reset"));
    let html = || answer(502, "<html>Bad gateway</html>");
    for step in [reset as fn() -> Step, html, not_sent, || answer(503, r#"{"Code":"ServiceUnavailable"}"#)] {
        let (waited, times) = wait([step(), step(), ship("AFLOAT")], calls()).await;
        assert!(waited.is_ok(), "{waited:?}");
        assert_eq!(times, [0, 10_000, 30_000]);
    }
    let (waited, _) = wait((0..9).map(|_| reset()), calls()).await;
    let error = waited.unwrap_err();
    assert!(error.is_bound_reached() && error.response().is_none(), "{error}");
    assert!(error.to_string().contains("; the last call failed: Tell sent, but not answered: "), "{error}");
    // With retries, one failure costs no interval.
    let (waited, times) = wait([reset(), ship("AFLOAT")], WaitOptions::new()).await;
    assert!(waited.is_ok() && times[1] < 1_000, "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_ends_it() {
    let refusal = answer(403, r#"{"Code":"Forbidden.RAM","Message":"no","RequestId":"r"}"#);
    let (waited, times) = wait([ship("LAID"), refusal], WaitOptions::new()).await;
    let error = waited.unwrap_err();
    assert_eq!(error.error().unwrap().code(), Some("Forbidden.RAM"));
    assert!(matches!(error, WaitError::Refused(_)) && std::error::Error::source(&error).is_some());
    assert_eq!(times, [0, 10_000]);
    // A limit of a day is not waited for.
    let day = answer(400, r#"{"Code":"Throttling.Day","Message":"the limit of a day is exceeded"}"#);
    let (waited, times) = wait([day], WaitOptions::new()).await;
    assert!(matches!(waited.unwrap_err(), WaitError::Refused(_)));
    assert_eq!(times, [0]);
}

fn refusal(status: u16, code: &str) -> Step {
    answer(status, &format!(r#"{{"Code":"{code}","Message":"no","RequestId":"r"}}"#))
}

#[tokio::test(start_paused = true)]
async fn an_error_code_can_mean_done_or_that_the_wait_continues() {
    let steps = || [ship("SUNK"), refusal(400, "Ship.Moving"), refusal(404, "ship.notfound"), ship("AFLOAT")];
    let transport = Scripted::new(steps());
    let client = builder(&transport).build().unwrap();
    let gone = client.wait_for(&Sink::builder().build(), None).await.unwrap();
    // No state ends such a wait, only a code does, in any case.
    assert_eq!(transport.times(), [0, 10_000, 20_000]);
    assert_eq!((gone.ships.len(), gone.code.as_deref()), (0, None));
    assert_eq!((gone.http_status(), gone.request_id(), gone.attempts()), (404, Some("r"), 1));
    assert!(std::str::from_utf8(gone.raw_body()).unwrap().contains("ship.notfound"));

    let transport = Scripted::new(steps());
    let client = builder(&transport).build().unwrap();
    let gone = client.wait_for_untyped(&UntypedRequest::new("Sink"), None).await.unwrap();
    assert_eq!((&*gone, gone.http_status()), (&serde_json::json!({}), 404));

    // A longer code is another one, and ends the wait.
    let transport = Scripted::new([refusal(404, "Ship.NotFound.Harbor")]);
    let client = builder(&transport).build().unwrap();
    let error = client.wait_for(&Sink::builder().build(), None).await.unwrap_err();
    assert!(matches!(error, WaitError::Refused(_)), "{error}");
    let transport = Scripted::new((0..20).map(|_| refusal(400, "Ship.Moving")));
    let client = builder(&transport).build().unwrap();
    let options = WaitOptions::new().bound(100 * SECOND);
    let error = client.wait_for_with(&Sink::builder().build(), None, options).await.unwrap_err();
    assert!(error.is_bound_reached(), "{error}");
    assert!(error.to_string().contains("Ship.Moving"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_is_absent_from_a_list_can_be_done() {
    let without = || answer(200, r#"{"Code":"OK","Ships":[{"Number":"+1","State":"AFLOAT"}]}"#);
    let empty = || answer(200, r#"{"Code":"OK","RequestId":"r","Ships":[]}"#);
    let absent = || answer(200, r#"{"Code":"OK","RequestId":"r"}"#);
    let request = || Scrap::builder().number("+86").build();
    for last in [without, empty, absent] {
        let transport = Scripted::new([ship("AFLOAT"), last()]);
        let client = builder(&transport).build().unwrap();
        client.wait_for(&request(), None).await.unwrap();
        assert_eq!(transport.times(), [0, 10_000]);
    }
    let transport = Scripted::new([ship("STUCK")]);
    let error = builder(&transport).build().unwrap().wait_for(&request(), None).await.unwrap_err();
    assert_eq!(error.state(), Some("STUCK"));
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_dropped_sends_nothing_more_and_is_reported() {
    let events = Arc::new(Mutex::new(Vec::new()));
    let seen = events.clone();
    let transport = Scripted::new(["LAID"; 3].map(ship));
    let client = builder(&transport)
        .on_event(move |event| {
            let line = match event {
                Event::CallEnded(call) => match call.outcome {
                    Outcome::Succeeded { .. } => "call".to_owned(),
                    _ => "no call".to_owned(),
                },
                Event::WaitContinues(wait) => {
                    format!("{} asks {} {} {:?} {:?}", wait.action, wait.asked, wait.calls, wait.state, wait.next_after)
                }
                Event::WaitEnded(wait) => format!("{} {} {:?}", wait.outcome.as_str(), wait.calls, wait.elapsed),
                _ => return,
            };
            seen.lock().unwrap().push(line);
        })
        .build()
        .unwrap();
    let request = request();
    timeout(15 * SECOND, client.wait_for(&request, None)).await.unwrap_err();
    assert_eq!(
        *events.lock().unwrap(),
        [
            "call",
            "Build asks Tell 1 Some(\"LAID\") 10s",
            "call",
            "Build asks Tell 2 Some(\"LAID\") 20s",
            "abandoned 2 15s"
        ]
    );
    tokio::time::sleep(100 * SECOND).await;
    assert_eq!(transport.times(), [0, 10_000]);
    // The quota has its permits back.
    let began = Instant::now();
    for _ in 0..10 {
        client.send(Tell::new("s")).await.unwrap();
    }
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn waits_share_the_limit_of_the_action_that_is_asked() {
    let transport = Scripted::new((0..25).map(|_| ship("AFLOAT")));
    let client = builder(&transport).build().unwrap();
    let mut waits = tokio::task::JoinSet::new();
    for _ in 0..25 {
        let client = client.clone();
        waits.spawn(async move { client.wait_for(&request(), None).await.map(drop) });
    }
    assert!(waits.join_all().await.iter().all(Result::is_ok));
    let times = transport.times();
    assert_eq!((times[9], times[10], times[19], times[24]), (0, 1_001, 1_001, 2_002), "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn the_request_is_filled_from_request_and_response() {
    let transport = Scripted::new([ship("AFLOAT")]);
    let client = builder(&transport).build().unwrap();
    let ship = Ship { number: Some("+86".to_owned()), ..Ship::default() };
    let planks = vec!["oak \"1\"".to_owned(), "2".to_owned()];
    let started = Response::new(Started { ship: Some(ship), planks, ..Started::default() });
    // The number of the response counts before that of the request.
    client.wait_for(&Build::builder().space("s").number("1").build(), &started).await.unwrap();
    let sent = form(&transport.sent()[0].request);
    assert_eq!((&*sent["Space"], &*sent["Planks"]), ("s", r#"["oak \"1\"","2"]"#));
    assert_eq!(sent["Action"], "Tell");
    // Without a value, what is optional is left out, and what is not is named.
    let refused = client.wait_for(&Build::new("s"), None).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "waiting failed: Build not sent: the wait needs `Ship.Number` of the response; pass the response"
    );
    let refused = client.wait_for(&Build::new("s"), &Response::new(Started::default())).await.unwrap_err();
    assert!(refused.to_string().contains("the response has no `Ship.Number`, which is needed for `Number`"));
    assert_eq!(transport.sent().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn one_of_the_elements_is_enough_where_the_specification_says_so() {
    let decks = |first: &str, second: &str| {
        answer(200, &format!(r#"{{"Code":"OK","Ships":[{{"Decks":[{first}]}},{{"Decks":[{second}]}}]}}"#))
    };
    let deck = |state: u8| format!(r#"{{"State":{state}}}"#);
    let ship = Ship { number: Some("s".to_owned()), ..Ship::default() };
    let started = Response::new(Started { ship: Some(ship), ..Started::default() });
    for (last, is_done) in [(decks(&deck(0), &deck(1)), true), (decks(&deck(2), &deck(2)), false)] {
        let transport = Scripted::new([decks("", ""), decks(&deck(0), &deck(2)), last]);
        let client = builder(&transport).build().unwrap();
        let waited = client.wait_for(&Lay::builder().build(), &started).await;
        assert_eq!((waited.is_ok(), transport.times().len()), (is_done, 3), "{waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_untyped_wait_reads_the_same_facts() {
    // A list that is wrapped in an object of one member, as JSON has it.
    let wrapped = |state: &str| {
        let ships = format!(r#"{{"Ship":[{{"Number":"+1","State":"AFLOAT"}},{{"Number":"+86","State":"{state}"}}]}}"#);
        answer(200, &format!(r#"{{"Code":"OK","RequestId":"r","Ships":{ships}}}"#))
    };
    let transport = Scripted::new([ship("LAID"), wrapped("LAID"), wrapped("AFLOAT")]);
    let client = builder(&transport).build().unwrap();
    let untyped = UntypedRequest::new("Build").parameter("Space", "s").parameter("Number", "86");
    let waited = client.wait_for_untyped(&untyped, None).await.unwrap();
    assert_eq!((&waited["Code"], transport.times()), (&Json::from("OK"), vec![0, 10_000, 30_000]));
    let started = Response::new(serde_json::json!({ "Planks": ["a"], "Ship": { "Number": "+1" } }));
    client.wait_for_untyped(&untyped, Some(&started)).await.unwrap_err();
    for name in ["Tell", "Other"] {
        let refused = client.wait_for_untyped(&UntypedRequest::new(name), None).await.unwrap_err();
        assert!(refused.to_string().contains("has no waiter"), "{refused}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_sensitive_is_printed() {
    let number = "+8613912345678";
    let body = format!(r#"{{"Code":"OK","Ships":[{{"Number":"{number}","State":"SUNK"}}]}}"#);
    let refusal = answer(400, &format!(r#"{{"Code":"Bad","Message":"not {number}"}}"#));
    let mut shown = String::new();
    for step in [answer(200, &body), answer(200, &body.replace("SUNK", "LAID")), refusal, ok()] {
        let transport = Scripted::new([step]);
        let client = builder(&transport).build().unwrap();
        let options = WaitOptions::new().bound(SECOND);
        let request = Build::builder().space("s").number("8613912345678").build();
        let error = client.wait_for_with(&request, None, options).await.unwrap_err();
        shown += &format!("{error} {error:?} {}", error.error().map(everything_printable).unwrap_or_default());
    }
    assert!(!shown.contains("13912345678"), "{shown}");
}
