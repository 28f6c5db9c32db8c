//! Items that an action lists page by page.

use std::panic::{AssertUnwindSafe, catch_unwind};

use alibabacloud_runtime::descriptor::{ActionDescriptor, PagingDescriptor, PagingStyle, ProductDescriptor};
use alibabacloud_simulator::{Answer, Gateway, Request, Simulator};
use serde_json::{Value, json};

static PRODUCT: ProductDescriptor = ProductDescriptor {
    code: "shop",
    version: "2024-01-01",
    actions: &[
        &ActionDescriptor {
            name: "ByNumber",
            anonymous: true,
            paging: Some(&PagingDescriptor {
                style: PagingStyle::Number { first: 1 },
                parameter: &["Page", "Index"],
                size: &["Page", "Size"],
                more: &["Data", "HasNext"],
                total: &["Data", "Total"],
                items: &["Data", "List"],
                ..PagingDescriptor::EMPTY
            }),
            example: r#"{"RequestId":"A1","Data":{"Total":"7","Size":20,"Index":1,"List":{"Item":["x"]}}}"#,
            ..ActionDescriptor::EMPTY
        },
        &ActionDescriptor {
            name: "ByToken",
            anonymous: true,
            paging: Some(&PagingDescriptor {
                parameter: &["NextToken"],
                size: &["MaxResults"],
                next: &["NextToken"],
                items: &["Names"],
                ..PagingDescriptor::EMPTY
            }),
            ..ActionDescriptor::EMPTY
        },
        &ActionDescriptor { name: "Plain", anonymous: true, ..ActionDescriptor::EMPTY },
    ],
    ..ProductDescriptor::EMPTY
};

fn gateway() -> Gateway {
    Simulator::builder(&[&PRODUCT]).gateway().unwrap()
}

fn call(gateway: &Gateway, action: &str, parameters: &str) -> Value {
    let target = format!("/?Action={action}&Version=2024-01-01&Format=JSON{parameters}");
    let answer = gateway.handle(&Request::new("GET", &target).header("host", "localhost"), gateway.now());
    serde_json::from_slice(&answer.body).unwrap()
}

fn numbers(count: usize) -> impl Iterator<Item = String> {
    (1..=count).map(|number| format!("\"{number}\""))
}

#[test]
fn pages_by_token_have_the_items_once_and_the_last_one_has_no_token() {
    let gateway = gateway();
    gateway.serve_items("ByToken", numbers(25));
    let first = call(&gateway, "ByToken", "");
    assert_eq!(first["Names"].as_array().unwrap().len(), 10);
    let token = first["NextToken"].as_str().unwrap();
    let second = call(&gateway, "ByToken", &format!("&NextToken={token}&MaxResults=100"));
    assert_eq!(second["Names"].as_array().unwrap().len(), 15);
    assert_eq!((second["Names"][14].as_str(), second.get("NextToken")), (Some("25"), None));
    assert_ne!(first["RequestId"], second["RequestId"]);

    gateway.serve_items("ByToken", numbers(0));
    assert_eq!(call(&gateway, "ByToken", "")["Names"], json!([]));
}

#[test]
fn a_page_has_the_form_of_the_example() {
    let gateway = gateway();
    gateway.serve_items("ByNumber", numbers(5));
    let page = |index: u32| call(&gateway, "ByNumber", &format!("&Page=%7B%22Index%22%3A{index}%2C%22Size%22%3A2%7D"));
    let mut first = page(1);
    first.as_object_mut().unwrap().remove("RequestId");
    let data = json!({ "Total": "5", "Size": 2, "Index": 1, "HasNext": true, "List": { "Item": ["1", "2"] } });
    assert_eq!(first, json!({ "Data": data }));
    assert_eq!(
        (page(3)["Data"]["List"].clone(), &page(3)["Data"]["HasNext"]),
        (json!({ "Item": ["5"] }), &json!(false))
    );
    assert_eq!(page(4)["Data"]["List"], json!({ "Item": [] }));
}

#[test]
fn a_position_that_was_never_returned_is_refused() {
    let gateway = gateway();
    gateway.serve_items("ByToken", numbers(25));
    for parameters in ["&NextToken=x", "&NextToken=0", "&NextToken=25", "&MaxResults=0", "&MaxResults=x"] {
        assert_eq!(call(&gateway, "ByToken", parameters)["Code"], "InvalidParameter", "{parameters}");
    }
    assert!(call(&gateway, "ByToken", "&NextToken=24").get("Code").is_none());
}

#[test]
fn a_scripted_response_comes_first() {
    let gateway = gateway();
    gateway.serve_items("ByToken", numbers(3));
    gateway.script("ByToken", [Answer::error(503, "ServiceUnavailable", "Later.")]);
    assert_eq!(call(&gateway, "ByToken", "")["Code"], "ServiceUnavailable");
    assert_eq!(call(&gateway, "ByToken", "")["Names"].as_array().unwrap().len(), 3);
}

#[test]
fn items_that_cannot_be_listed_are_a_panic_with_the_reason() {
    let reason = |action: &str, item: &str| {
        let gateway = gateway();
        let panic = catch_unwind(AssertUnwindSafe(|| gateway.serve_items(action, [item]))).unwrap_err();
        panic.downcast_ref::<String>().cloned().unwrap()
    };
    assert!(reason("Plain", "1").contains("\"Plain\" has no pages"));
    assert!(reason("ByToken", "{").contains("is not JSON"));
    assert!(reason("Unknown", "1").contains("no product of this simulator has an action \"Unknown\""));
}
