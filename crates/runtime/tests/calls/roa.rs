//! Actions of the ROA style: a method and a path, parameters with locations, and responses of any form.

use std::time::Duration;

use alibabacloud_runtime::descriptor::{
    ActionDescriptor, EndpointDescriptor, ErrorDescriptor, Method, ProductDescriptor,
};
use alibabacloud_runtime::private::{object, request};
use alibabacloud_runtime::{
    Action, Client, ClientBuilder, ErrorKind, Json, Product, RateLimit, Request, Response, Throttle, TransportError,
    UntypedRequest,
};
use bytes::Bytes;
use serde_json::json;

use super::support::{Scripted, Step, answer, assert_signed_v3, everything_printable, key, query};

#[allow(unreachable_pub, reason = "the macros declare public types, which name it")]
pub enum Depot {}

impl Product for Depot {
    const DESCRIPTOR: &'static ProductDescriptor = &ProductDescriptor {
        code: "depot",
        version: "2021-02-03",
        default_region: "here-1",
        endpoints: EndpointDescriptor { public: "depot.{region}.example.com", ..EndpointDescriptor::EMPTY },
        errors: &[&ErrorDescriptor { code: "Gate.Jammed", throttling: true, ..ErrorDescriptor::EMPTY }],
        actions: &[
            Fetch::DESCRIPTOR,
            Label::DESCRIPTOR,
            ListCrates::DESCRIPTOR,
            Remove::DESCRIPTOR,
            Say::DESCRIPTOR,
            Store::DESCRIPTOR,
        ],
        ..ProductDescriptor::EMPTY
    };
}

/// An action of this file: its request, its answer, and facts.
macro_rules! action {
    ($request:ident -> $output:ty, { $($facts:tt)* }) => {
        impl Action for $request {
            type Product = Depot;
            type Output = $output;
            const DESCRIPTOR: &'static ActionDescriptor = &ActionDescriptor {
                name: stringify!($request),
                parameters: <Self as Request>::PARAMETERS,
                $($facts)*
                ..ActionDescriptor::EMPTY
            };
        }
    };
}

object! {
    /// What is stored.
    pub struct Goods {
        /// Public.
        #[wire("Name")]
        pub name: Option<String>,
        /// Personal data.
        #[wire("Owner", sensitive)]
        pub owner: Option<String>,
        /// Words.
        #[wire("tags")]
        pub tags: Vec<String>,
    }
}

object! {
    /// An object.
    pub struct Stored {
        /// The ID.
        #[wire("id")]
        pub id: Option<String>,
        /// The ID of the request.
        #[wire("requestId")]
        pub request_id: Option<String>,
    }
}

object! {
    /// Nothing.
    pub struct Nothing {}
}

object! {
    /// A list.
    pub struct Crates {
        /// The list.
        #[wire("$body")]
        pub body: Vec<Stored>,
    }
}

object! {
    /// Text.
    pub struct Text {
        /// The text.
        #[wire("$body")]
        pub body: Option<String>,
    }
}

object! {
    /// A file.
    pub struct File {
        /// The bytes.
        #[wire("$body")]
        pub body: Option<Bytes>,
    }
}

mod store {
    use super::{Goods, request};
    request! {
        /// Everything at once.
        #[builder(StoreBuilder)]
        pub struct Store {
            /// In the path.
            #[wire("DepotId", path)]
            #[required("`DepotId` is missing")]
            pub depot_id: String,
            /// In the path, a number.
            #[wire("shelf", path)]
            #[required("`shelf` is missing")]
            pub shelf: i32,
            /// In the query.
            #[wire("Dry Run")]
            pub dry_run: Option<bool>,
            /// In the query.
            #[wire("After")]
            pub after: Option<String>,
            /// In a header that is signed.
            #[wire("x-acs-workspace", header)]
            pub workspace: Option<String>,
            /// In a header that is not.
            #[wire("ticket", header, sensitive)]
            pub ticket: Option<String>,
            /// The body.
            #[wire("body", body)]
            pub body: Option<Goods>,
        }
    }
}
use store::Store;

mod list_crates {
    use super::request;
    request! {
        /// A list.
        #[builder(ListCratesBuilder)]
        pub struct ListCrates {}
    }
}
use list_crates::ListCrates;

mod label {
    use super::request;
    request! {
        /// With a form and a name in the host.
        #[builder(LabelBuilder)]
        pub struct Label {
            /// In front of the host.
            #[wire("tenant", host)]
            #[required("`tenant` is missing")]
            pub tenant: String,
            /// In the form.
            #[wire("Text", form)]
            pub text: Option<String>,
        }
    }
}
use label::Label;

mod remove {
    use super::request;
    request! {
        /// By DELETE.
        #[builder(RemoveBuilder)]
        pub struct Remove {
            /// In the path, personal data.
            #[wire("Owner", path, sensitive)]
            #[required("`Owner` is missing")]
            pub owner: String,
        }
    }
}
use remove::Remove;

mod say {
    use super::{Json, request};
    request! {
        /// Text in and out.
        #[builder(SayBuilder)]
        pub struct Say {
            /// Any JSON.
            #[wire("body", body)]
            pub body: Option<Json>,
        }
    }
}
use say::Say;

mod fetch {
    use super::request;
    request! {
        /// A file.
        #[builder(FetchBuilder)]
        pub struct Fetch {}
    }
}
use fetch::Fetch;

action!(Store -> Stored, {
    method: Method::Put,
    path: "/depots/{DepotId}/shelves/{shelf}:put",
    rate_limit: Some(RateLimit::per_second(10)),
});
action!(ListCrates -> Crates, { method: Method::Get, path: "/crates", idempotent: true, });
action!(Label -> Nothing, { method: Method::Post, path: "/labels", });
action!(Remove -> Nothing, { method: Method::Delete, path: "/owners/{Owner}", });
action!(Say -> Text, { method: Method::Patch, path: "/say", });
action!(Fetch -> File, { method: Method::Get, path: "/file", idempotent: true, });

fn builder(transport: &Scripted) -> ClientBuilder<Depot> {
    Client::builder().credentials(key()).transport(transport.clone()).throttle(Throttle::new())
}

fn client(transport: &Scripted) -> Client<Depot> {
    builder(transport).build().unwrap()
}

fn with_id(status: u16, body: impl Into<Bytes>) -> Step {
    Step::Answer(status, vec![("x-acs-request-id", "from-header".to_owned())], body.into())
}

fn full() -> Store {
    let goods =
        Goods { name: Some("tea/é".to_owned()), owner: Some("CANARY-owner".to_owned()), tags: vec!["a".to_owned()] };
    let store = Store::builder().depot_id("a/b c?é%").shelf(7).dry_run(true).after("x&y=z +");
    store.workspace("ws-1").ticket("CANARY-ticket").body(goods).build()
}

#[tokio::test(start_paused = true)]
async fn every_parameter_is_in_its_location_and_everything_is_signed() {
    let transport = Scripted::new([answer(200, r#"{"id":"7","requestId":"r"}"#)]);
    let stored = client(&transport).send(full()).await.unwrap();
    assert_eq!((stored.id.as_deref(), stored.request_id()), (Some("7"), Some("r")));

    let request = transport.sent().remove(0).request;
    assert_eq!(request.method(), "PUT");
    assert_eq!(request.uri().path(), "/depots/a%2Fb%20c%3F%C3%A9%25/shelves/7:put");
    assert_eq!(request.uri().query(), Some("After=x%26y%3Dz%20%2B&Dry%20Run=true"));
    assert_eq!(query(&request)["After"], "x&y=z +");
    let headers = request.headers();
    assert_eq!(headers["content-type"], "application/json; charset=utf-8");
    assert_eq!(
        (&headers["x-acs-workspace"], &headers["ticket"]),
        (&"ws-1".parse().unwrap(), &"CANARY-ticket".parse().unwrap())
    );
    assert_eq!(
        (&headers["x-acs-action"], &headers["x-acs-version"]),
        (&"Store".parse().unwrap(), &"2021-02-03".parse().unwrap())
    );
    let signed = headers["authorization"].to_str().unwrap();
    assert!(signed.contains(";x-acs-workspace,") && !signed.contains("ticket"), "{signed}");
    let body: Json = serde_json::from_slice(request.body()).unwrap();
    assert_eq!(body, json!({"Name": "tea/é", "Owner": "CANARY-owner", "tags": ["a"]}));
    assert_signed_v3(&request);
}

#[tokio::test(start_paused = true)]
async fn a_form_is_the_body_and_a_label_is_in_front_of_the_host() {
    let transport = Scripted::new([answer(204, "")]);
    client(&transport).send(Label::builder().tenant("acme-1").text("a b").build()).await.unwrap();
    let request = transport.sent().remove(0).request;
    assert_eq!(request.uri().host(), Some("acme-1.depot.here-1.example.com"));
    assert_eq!(request.headers()["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(request.body(), "Text=a%20b");
    assert_signed_v3(&request);

    // An IP address cannot have a label in front.
    let client = builder(&transport).endpoint("http://127.0.0.1:81").build().unwrap();
    transport.then([answer(204, "")]);
    client.send(Label::builder().tenant("acme-1").build()).await.unwrap();
    let request = transport.sent().remove(0).request;
    assert_eq!(request.uri().authority().unwrap(), "127.0.0.1:81");
    assert_eq!(request.headers()["host"], "acme-1.127.0.0.1:81");
    assert!(request.body().is_empty() && !request.headers().contains_key("content-type"));
}

#[tokio::test(start_paused = true)]
async fn free_form_bodies_are_json_and_text_is_unchanged() {
    for (body, sent) in [(json!({"a": [1, null]}), r#"{"a":[1,null]}"#), (json!("plain"), "plain"), (json!(7), "7")] {
        let transport = Scripted::new([answer(200, "done")]);
        let said = client(&transport).send(Say::builder().body(body).build()).await.unwrap();
        assert_eq!(said.body.as_deref(), Some("done"));
        let request = transport.sent().remove(0).request;
        assert_eq!((request.method().as_str(), &request.body()[..]), ("PATCH", sent.as_bytes()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_that_would_change_the_path_or_the_host_is_not_sent() {
    let transport = Scripted::new([]);
    let client = client(&transport);
    for owner in ["", ".", ".."] {
        let error = client.send(Remove::new(owner)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{owner:?}");
        assert!(error.to_string().contains("`Owner`"), "{error}");
    }
    for tenant in ["", "a.b", "a/b", "a@b", "é", "evil.com:80", &"a".repeat(64)] {
        let error = client.send(Label::builder().tenant(tenant).build()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{tenant:?}");
        assert!(error.to_string().contains("`tenant`"), "{error}");
    }
    let mut store = full();
    for workspace in ["a\r\nb", "é"] {
        store.workspace = Some(workspace.to_owned());
        let error = client.send(store.clone()).await.unwrap_err();
        assert!(error.to_string().contains("`x-acs-workspace`"), "{error}");
    }
    assert!(transport.sent().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_response_can_be_a_list_text_bytes_or_empty() {
    let transport = Scripted::new([answer(200, r#"[{"id":"1"},{"id":"2"}]"#)]);
    let listed = client(&transport).send(ListCrates::new()).await.unwrap();
    assert_eq!(listed.body.iter().map(|stored| stored.id.as_deref()).collect::<Vec<_>>(), [Some("1"), Some("2")]);

    for text in ["kind: Config\n", r#"{"kind": "Config"}"#, "", "<xml/>"] {
        let transport = Scripted::new([answer(200, text)]);
        let said = client(&transport).send(Say::new()).await.unwrap();
        assert_eq!(said.body.as_deref().unwrap_or_default(), text);
    }

    let bytes = Bytes::from_static(b"\x00\xff{\"Code\":\"no error\"}");
    let transport = Scripted::new([with_id(200, bytes.clone())]);
    let file = client(&transport).send(Fetch::new()).await.unwrap();
    assert_eq!((file.body.as_ref(), file.request_id()), (Some(&bytes), Some("from-header")));
    assert!(format!("{file:?}").contains("<21 bytes>"), "{file:?}");

    for nothing in ["", " ", "ok", "true", "{}", r#"{"requestId":"r"}"#, "null"] {
        let transport = Scripted::new([answer(200, nothing)]);
        client(&transport).send(Remove::new("me")).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_foreign_response_is_not_a_success() {
    let page = "<!DOCTYPE html><html>log in</html>";
    let transport = Scripted::new([answer(200, page), answer(200, page), answer(200, ""), answer(302, "")]);
    let client = client(&transport);
    let errors = [
        client.send(Say::new()).await.unwrap_err(),
        client.send(Remove::new("me")).await.unwrap_err(),
        // Described members, but no sign that the service responded.
        client.send(full()).await.unwrap_err(),
        client.send(Remove::new("me")).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::UnusableResponse, "{error}");
        assert!(error.outcome_unknown(), "{error}");
    }
    // The service's header is such a sign, and so is a status for an empty response.
    transport.then([with_id(200, ""), answer(204, ""), with_id(200, page)]);
    assert_eq!(client.send(full()).await.unwrap().request_id(), Some("from-header"));
    client.send(full()).await.unwrap();
    assert_eq!(client.send(Say::new()).await.unwrap().body.as_deref(), Some(page));
}

#[tokio::test(start_paused = true)]
async fn errors_are_read_in_every_spelling() {
    for body in [
        r#"{"Code":"ErrorClusterNotFound","Message":"no such depot","RequestId":"r","HostId":"h"}"#,
        r#"{"code":"ErrorClusterNotFound","message":"no such depot","requestId":"r","status":404}"#,
        r#"{"code":"ErrorClusterNotFound","message":"no such depot","request_id":"r"}"#,
        "<?xml version='1.0'?><Error><Code>ErrorClusterNotFound</Code><Message>no such depot</Message><RequestId>r</RequestId></Error>",
    ] {
        let transport = Scripted::new([answer(404, body)]);
        let error = client(&transport).send(Fetch::new()).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Service, Some("ErrorClusterNotFound")), "{body}");
        assert_eq!((error.request_id(), error.http_status()), (Some("r"), Some(404)), "{body}");
        assert!(error.message().contains("no such depot") && !error.outcome_unknown(), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_specification_makes_a_put_or_delete_repeatable() {
    for status in [500, 503] {
        let transport = Scripted::new([answer(status, r#"{"code":"InternalError","message":"m","requestId":"r"}"#)]);
        let error = client(&transport).send(Remove::new("me")).await.unwrap_err();
        assert!(error.outcome_unknown(), "{error}");
        assert_eq!(transport.sent().len(), 1, "a DELETE was repeated after {status}");
        transport.then([answer(status, r#"{"code":"InternalError","message":"m","requestId":"r"}"#)]);
        client(&transport).send(full()).await.unwrap_err();
        assert_eq!(transport.sent().len(), 1, "a PUT was repeated after {status}");
        transport
            .then([answer(status, r#"{"code":"InternalError","message":"m","requestId":"r"}"#), answer(200, "[]")]);
        client(&transport).send(ListCrates::new()).await.unwrap();
        assert_eq!(transport.sent().len(), 2, "an idempotent action is repeated");
    }
}

#[tokio::test(start_paused = true)]
async fn no_action_is_idempotent_by_its_method() {
    let unanswered = || Scripted::new([Step::Fail(TransportError::unanswered("reset"))]);
    let transport = unanswered();
    let put = client(&transport).send(full()).await.unwrap_err();
    assert!(put.outcome_unknown() && !put.is_retryable() && transport.sent().len() == 1, "{put}");
    let transport = unanswered();
    let delete = client(&transport).send(Remove::new("1")).await.unwrap_err();
    assert!(delete.outcome_unknown() && transport.sent().len() == 1, "{delete}");
    let transport = unanswered();
    let untyped = UntypedRequest::new("Unknown").route(Method::Get, "/crates");
    let get = client(&transport).send_untyped(untyped).await.unwrap_err();
    assert!(get.outcome_unknown() && transport.sent().len() == 1, "{get}");
}

#[tokio::test(start_paused = true)]
async fn the_limit_applies_and_a_throttled_call_waits() {
    let transport = Scripted::new([]);
    let client = client(&transport);
    let requests = || std::iter::repeat_with(full).take(30);
    transport.then(requests().map(|_| answer(200, "{}")));
    let mut calls = tokio::task::JoinSet::new();
    for request in requests() {
        let client = client.clone();
        calls.spawn(async move { client.send(request).await });
    }
    while let Some(call) = calls.join_next().await {
        call.unwrap().unwrap();
    }
    let times = transport.times();
    assert!(times.iter().zip(&times[10..]).all(|(first, last)| last - first >= 900), "{times:?}");
    transport.sent();

    tokio::time::sleep(Duration::from_secs(5)).await;
    let jammed = r#"{"code":"Gate.Jammed","message":"m","requestId":"r"}"#;
    transport.then([answer(503, "busy"), answer(400, jammed), answer(429, ""), answer(200, "{}")]);
    assert!(client.send(full()).await.unwrap_err().outcome_unknown());
    client.send(full()).await.unwrap();
    assert_eq!(transport.sent().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn what_is_sensitive_is_in_no_text() {
    let transport = Scripted::new([]);
    let client = client(&transport);
    let owner = "CANARY owner/9";
    let prepared = client.prepare(&Remove::new(owner)).await.unwrap();
    assert_eq!(prepared.to_string().lines().next(), Some("DELETE /owners/<hidden> HTTP/1.1"));
    let store = client.prepare(&full()).await.unwrap().to_string();
    assert!(store.contains("PUT /depots/a%2Fb%20c%3F%C3%A9%25/shelves/7:put?After="), "{store}");
    assert!(store.ends_with("<hidden>"), "{store}");
    let said = client.prepare(&Say::builder().body(json!({"a": "b&c"})).build()).await.unwrap().to_string();
    assert!(said.ends_with("\n{\"a\":\"b&c\"}"), "{said}");
    let label = client.prepare(&Label::builder().tenant("acme").text("t").build()).await.unwrap().to_string();
    assert!(label.contains("host: acme.depot.here-1.example.com") && label.ends_with("\nText=t"), "{label}");
    let mut texts = vec![prepared.to_string(), format!("{prepared:?}"), store, format!("{:?}", full())];

    // Any response may repeat the request.
    let url = prepared.into_http().uri().to_string();
    assert!(url.ends_with("/owners/CANARY%20owner%2F9"), "{url}");
    for body in
        [format!("cannot reach {url}"), format!(r#"{{"code":"No","message":"{url} of {owner}","requestId":"r"}}"#)]
    {
        transport.then([answer(400, &body)]);
        texts.push(everything_printable(&client.send(Remove::new(owner)).await.unwrap_err()));
    }
    transport.then([Step::Fail(alibabacloud_runtime::TransportError::unanswered(format!(
        "error sending request for url ({url})"
    )))]);
    texts.push(everything_printable(&client.send(Remove::new(owner)).await.unwrap_err()));
    for text in texts {
        assert!(!text.contains("CANARY"), "{text}");
    }
}

fn json_of(response: Response<Json>) -> Json {
    response.into_inner()
}

#[tokio::test(start_paused = true)]
async fn an_action_is_called_by_method_and_path_alone() {
    let transport = Scripted::new([]);
    let client = client(&transport);
    let scale = || {
        UntypedRequest::new("ScaleDepot")
            .route(Method::Post, "/depots/{DepotId}/scale")
            .parameter("DepotId", "a/b")
            .parameter("Zone", "z")
    };
    transport.then([answer(200, "[1,2]"), answer(200, r#"{"a":1}"#), answer(204, ""), answer(200, "text")]);
    assert_eq!(json_of(client.send_untyped(scale().body(r#"{"count":2}"#)).await.unwrap()), json!([1, 2]));
    let request = transport.sent().remove(0).request;
    assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/depots/a%2Fb/scale"));
    assert_eq!((request.uri().query(), &request.body()[..]), (Some("Zone=z"), &br#"{"count":2}"#[..]));
    assert_signed_v3(&request);
    assert_eq!(json_of(client.send_untyped(scale()).await.unwrap()), json!({"a": 1}));
    assert_eq!(json_of(client.send_untyped(scale()).await.unwrap()), Json::Null);
    assert_eq!(json_of(client.send_untyped(scale()).await.unwrap()), json!("text"));
    transport.sent();

    // Sensitivity is unknown, so all values are hidden.
    let shown = client.prepare_untyped(&scale().body("CANARY")).await.unwrap().to_string();
    assert!(shown.starts_with("POST /depots/<hidden>/scale?Zone=<hidden> HTTP/1.1") && !shown.contains("CANARY"));

    // A known action needs no route.
    let known = UntypedRequest::new("Store").parameter("DepotId", "d").parameter("shelf", "1").parameter("After", "x");
    transport.then([answer(200, "{}")]);
    client.send_untyped(known.body("{}")).await.unwrap();
    let request = transport.sent().remove(0).request;
    assert_eq!(request.uri().path_and_query().unwrap(), "/depots/d/shelves/1:put?After=x");
    assert_eq!(request.body(), "{}");
}

#[tokio::test(start_paused = true)]
async fn a_contradictory_untyped_call_is_refused_with_advice() {
    let transport = Scripted::new([]);
    let client = client(&transport);
    let route = |path: &str| UntypedRequest::new("X").route(Method::Get, path);
    for (request, advice) in [
        (UntypedRequest::new("X"), "`UntypedRequest::route`"),
        (route("crates"), "does not begin with `/`"),
        (route("/a?b=c"), "a query is given by parameters"),
        (route("/a/{b"), "not closed"),
        (route("/a/{}"), "without a name"),
        (route("/a/é"), "cannot have"),
        (route("/a/../b"), "leads to another path"),
        (route("/{a}/{a}"), "holds a name twice"),
        (route("/a/{b}"), "`b`"),
        (UntypedRequest::new("Say").parameter("body", "{}").body("{}"), "set twice"),
    ] {
        let error = client.send_untyped(request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(error.to_string().contains(advice), "{error}");
    }
    assert!(transport.sent().is_empty());
}
