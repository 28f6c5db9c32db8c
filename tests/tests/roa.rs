//! Actions of the ROA style with the simulator, which reads and verifies requests with its own code.

use std::sync::Arc;
use std::time::Duration;

use alibabacloud_runtime::descriptor::Method;
use alibabacloud_runtime::{Client, ClientBuilder, Credentials, ErrorKind, Json, Throttle, UntypedRequest};
use alibabacloud_simulator::{Answer, Gateway, Place, Scheme, Simulator};
use conformance::gateway_transport::GatewayTransport;
use conformance::warehouse::{
    DownloadPlan, ForgetOwner, GetManual, ListGoods, OpenGate, PRODUCT, PatchSettings, StoreGoods, Warehouse,
    store_goods,
};
use serde_json::json;

/// Characters that are difficult to encode.
const ODD: &str = "a b+c*d~e/f&g=h%i'(j)!k:é中😀";

fn gateway() -> Arc<Gateway> {
    Arc::new(Simulator::builder(&[&PRODUCT]).gateway().unwrap())
}

fn builder(gateway: &Arc<Gateway>) -> ClientBuilder<Warehouse> {
    let transport = GatewayTransport::new(gateway.clone(), Duration::from_millis(5), Duration::from_millis(5));
    Client::builder()
        .credentials(Credentials::new("testid", "testsecret"))
        .endpoint("http://127.0.0.1:8080")
        .throttle(Throttle::new())
        .transport(transport)
}

fn client(gateway: &Arc<Gateway>) -> Client<Warehouse> {
    builder(gateway).build().unwrap()
}

fn goods() -> store_goods::Body {
    let mut body = store_goods::Body::default();
    body.name = Some(ODD.to_owned());
    body.owner = Some("CANARY".to_owned());
    body.sizes = vec![1, 2];
    body
}

#[tokio::test(start_paused = true)]
async fn every_parameter_location_is_received_correctly() {
    let gateway = gateway();
    let request = StoreGoods::builder().warehouse_id(ODD).shelf(7).dry_run(true).tags(vec![ODD.to_owned()]);
    let request = request.x_acs_workspace("ws-1").ticket("t-1").body(goods()).build();
    let stored = client(&gateway).send(request).await.unwrap();
    assert_eq!(stored.id.as_deref(), Some("g-1"));
    assert_eq!(stored.request_id(), stored.request_id.as_deref());

    let received = gateway.take_received().remove(0);
    assert_eq!((received.action.as_deref(), received.scheme), (Some("StoreGoods"), Scheme::Acs3));
    for (name, place, value) in [
        ("WarehouseId", Place::Path, ODD),
        ("shelf", Place::Path, "7"),
        ("DryRun", Place::Query, "true"),
        ("Tags", Place::Query, ODD),
        ("x-acs-workspace", Place::Header, "ws-1"),
        ("ticket", Place::Header, "t-1"),
    ] {
        assert_eq!((received.parameter(name), received.place(name)), (Some(value), Some(place)), "{name}");
    }
    assert_eq!(received.place("body"), Some(Place::Body));
    let body: Json = serde_json::from_str(received.parameter("body").unwrap()).unwrap();
    assert_eq!(body, json!({"name": ODD, "owner": "CANARY", "sizes": [1, 2]}));
    assert!(!format!("{received:?}").contains("CANARY"));
}

#[tokio::test(start_paused = true)]
async fn every_action_of_the_product_is_found_by_its_route() {
    let gateway = gateway();
    let client = client(&gateway);
    let listed = client.send(ListGoods::new("w")).await.unwrap();
    assert_eq!(listed.body.len(), 2);
    assert_eq!(client.send(DownloadPlan::new("w")).await.unwrap().body.as_deref().unwrap_or_default(), b"");
    gateway.script("DownloadPlan", [Answer::new(200, &b"\x89PNG"[..])]);
    assert_eq!(client.send(DownloadPlan::new("w")).await.unwrap().body.as_deref(), Some(&b"\x89PNG"[..]));
    client.send(ForgetOwner::new(ODD)).await.unwrap();
    client.send(OpenGate::builder().minutes(5).reason("r").build()).await.unwrap();
    let settings = PatchSettings::builder().tenant("acme").body(json!({"open": false})).build();
    assert_eq!(client.send(settings).await.unwrap().settings, Some(json!({"open": true})));
    gateway.script("GetManual", [Answer::new(200, "kind: manual")]);
    assert_eq!(client.send(GetManual::new()).await.unwrap().body.as_deref(), Some("kind: manual"));

    let received = gateway.take_received();
    assert_eq!(received.iter().filter(|it| it.executed).count(), received.len());
    assert_eq!(received.last().unwrap().scheme, Scheme::Unsigned);
    let tenant = received.iter().find(|it| it.action.as_deref() == Some("PatchSettings")).unwrap();
    assert_eq!((tenant.parameter("tenant"), tenant.place("tenant")), (Some("acme"), Some(Place::Host)));
}

#[tokio::test(start_paused = true)]
async fn invalid_requests_are_refused() {
    let gateway = gateway();
    let code = async |client: Client<Warehouse>, request: UntypedRequest| {
        client.send_untyped(request).await.unwrap_err().code().map(ToOwned::to_owned)
    };
    let route = |method, path: &str| UntypedRequest::new("ListGoods").route(method, path);
    let list = || route(Method::Get, "/warehouses/w/goods");
    let wrong_key = builder(&gateway).credentials(Credentials::new("testid", "wrong")).build().unwrap();
    for (client, request, expected) in [
        (wrong_key, list(), "SignatureDoesNotMatch"),
        (client(&gateway), route(Method::Get, "/warehouses//goods"), "InvalidApi.NotFound"),
        (client(&gateway), route(Method::Delete, "/warehouses/w/goods"), "UnsupportedHTTPMethod"),
        (client(&gateway), route(Method::Put, "/gate"), "UnsupportedHTTPMethod"),
        (client(&gateway), route(Method::Post, "/gate").parameter("Minutes", "1"), "InvalidApi.NotFound"),
        (client(&gateway), UntypedRequest::new("OpenGate"), "MissingMinutes"),
        (client(&gateway), UntypedRequest::new("PatchSettings").parameter("tenant", "t"), "Missingbody"),
    ] {
        assert_eq!(code(client, request).await.as_deref(), Some(expected));
    }
    client(&gateway).send_untyped(list()).await.unwrap();
    // The path is signed, so the same signature is invalid for another path.
    let prepared = client(&gateway).prepare(&ListGoods::new("mine")).await.unwrap().into_http();
    let (mut parts, body) = prepared.into_parts();
    parts.uri = parts.uri.to_string().replace("mine", "other").parse().unwrap();
    let answer = gateway.handle(&http::Request::from_parts(parts, body).into(), gateway.now());
    assert!(String::from_utf8_lossy(&answer.body).contains("SignatureDoesNotMatch"));
}

#[tokio::test(start_paused = true)]
async fn the_success_code_of_an_action_applies_only_to_it() {
    let gateway = gateway();
    let client = client(&gateway);
    gateway.script("OpenGate", [Answer::ok_json(r#"{"Code":"500","Message":"stuck"}"#)]);
    let error = client.send(OpenGate::new(5)).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Service, Some("500")));
    gateway.script("PatchSettings", [Answer::ok_json(r#"{"Code":"500","Settings":1}"#)]);
    client.send(PatchSettings::builder().tenant("t").body(json!({})).build()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_an_action_applies() {
    let gateway = gateway();
    let mut calls = tokio::task::JoinSet::new();
    let client = client(&gateway);
    for shelf in 0..40 {
        let client = client.clone();
        calls.spawn(async move { client.send(StoreGoods::builder().warehouse_id("w").shelf(shelf).build()).await });
    }
    while let Some(call) = calls.join_next().await {
        call.unwrap().unwrap();
    }
    let counts = gateway.counts();
    let counts = counts.actions["StoreGoods"];
    assert_eq!((counts.accepted, counts.throttled), (40, 0));
}

#[tokio::test]
async fn a_call_over_a_socket_is_the_same() {
    let simulator = Simulator::builder(&[&PRODUCT]).start().await.unwrap();
    let client = Client::<Warehouse>::builder().endpoint(simulator.url()).throttle(Throttle::off());
    let client = client.credentials(Credentials::new("testid", "testsecret")).build().unwrap();
    client.send(StoreGoods::builder().warehouse_id(ODD).shelf(1).body(goods()).build()).await.unwrap();
    client.send(ForgetOwner::new(ODD)).await.unwrap();
    client.send(PatchSettings::builder().tenant("acme").body(json!({})).build()).await.unwrap();
    let received = simulator.received();
    assert_eq!(received.iter().filter(|it| it.executed).count(), 3);
    assert_eq!(received[1].parameter("Owner"), Some(ODD));
    assert_eq!(received[2].parameter("tenant"), Some("acme"));
}
