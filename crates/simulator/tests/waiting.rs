//! What an action starts takes time: the action that reports its state reports success after some calls.

mod support;

use alibabacloud_runtime::descriptor::{ActionDescriptor, ProductDescriptor, WaiterDescriptor, WaiterPart};
use alibabacloud_simulator::{Answer, Gateway, Simulator};
use serde_json::Value;
use support::{Call, noon};

static WAITER: WaiterDescriptor = WaiterDescriptor {
    action: "Tell",
    list: &["Ships"],
    state: &["State", "Word"],
    condition: &[(
        &["Number"],
        &[&[WaiterPart::Field(&["Ship", "Number"])], &[WaiterPart::Text("+"), WaiterPart::Parameter("Number")]],
    )],
    done: &["AFLOAT"],
    ..WaiterDescriptor::EMPTY
};

static YARD: ProductDescriptor = ProductDescriptor {
    code: "yard",
    version: "2024-01-01",
    actions: &[
        &ActionDescriptor {
            name: "Build",
            waiter: Some(&WAITER),
            example: r#"{"RequestId":"A","Ship":{"Number":"+1"}}"#,
            ..ActionDescriptor::EMPTY
        },
        &ActionDescriptor {
            name: "Tell",
            // The list is wrapped in an object, and its one element is done.
            example: r#"{"RequestId":"A","Ships":{"Ship":[{"Number":"+1","State":{"Word":"AFLOAT"}},{"Number":"+2"}]}}"#,
            ..ActionDescriptor::EMPTY
        },
        &ActionDescriptor {
            name: "Paint",
            waiter: Some(&WaiterDescriptor {
                action: "Paint",
                state: &["Paint", "State"],
                done: &["DRY"],
                ..WaiterDescriptor::EMPTY
            }),
            example: r#"{"RequestId":"A"}"#,
            ..ActionDescriptor::EMPTY
        },
        &ActionDescriptor {
            name: "Sink",
            waiter: Some(&WaiterDescriptor {
                action: "Find",
                done_errors: &["Ship.NotFound"],
                ..WaiterDescriptor::EMPTY
            }),
            example: r#"{"RequestId":"A"}"#,
            ..ActionDescriptor::EMPTY
        },
        &ActionDescriptor { name: "Find", example: r#"{"RequestId":"A","State":"AFLOAT"}"#, ..ActionDescriptor::EMPTY },
        &ActionDescriptor {
            name: "Scrap",
            waiter: Some(&WaiterDescriptor {
                action: "Tell",
                list: &["Ships"],
                state: &["State", "Word"],
                condition: &[(&["Number"], &[&[WaiterPart::Parameter("Number")]])],
                done_if_absent: true,
                ..WaiterDescriptor::EMPTY
            }),
            example: r#"{"RequestId":"A"}"#,
            ..ActionDescriptor::EMPTY
        },
    ],
    ..ProductDescriptor::EMPTY
};

fn body(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

fn call(gateway: &Gateway, action: &str, number: &str) -> Value {
    let call = Call::v1(action, "2024-01-01").set("Number", number);
    body(&gateway.handle(&call.sign(), noon()))
}

#[test]
fn each_of_the_started_is_done_after_its_own_calls() {
    let gateway = Simulator::builder(&[&YARD]).gateway().unwrap();
    let states = |answer: &Value| {
        let ships = answer["Ships"]["Ship"].as_array().unwrap();
        ships.iter().map(|ship| format!("{} {}", ship["Number"], ship["State"]["Word"])).collect::<Vec<_>>().join(", ")
    };
    // Without the scenario, and before anything is started, responses are those of the documentation.
    assert_eq!(call(&gateway, "Build", "7")["Ship"]["Number"], "+1");
    gateway.complete_after("Build", 2);
    assert_eq!(states(&call(&gateway, "Tell", "")), r#""+1" "AFLOAT", "+2" null"#);
    assert_eq!(call(&gateway, "Build", "7")["Ship"]["Number"], "+7");
    assert_eq!(states(&call(&gateway, "Tell", "")), r#""+7" "PENDING", "+2" null"#);
    call(&gateway, "Build", "8");
    assert_eq!(states(&call(&gateway, "Tell", "")), r#""+7" "PENDING", "+8" "PENDING", "+2" null"#);
    assert_eq!(states(&call(&gateway, "Tell", "")), r#""+7" "AFLOAT", "+8" "PENDING", "+2" null"#);
    assert_eq!(states(&call(&gateway, "Tell", "")), r#""+7" "AFLOAT", "+8" "AFLOAT", "+2" null"#);
    // It starts anew.
    call(&gateway, "Build", "7");
    assert_eq!(states(&call(&gateway, "Tell", "")), r#""+8" "AFLOAT", "+7" "PENDING", "+2" null"#);
    // A script goes before.
    gateway.script("Tell", [Answer::ok_json(r#"{"RequestId":"S"}"#)]);
    assert_eq!(call(&gateway, "Tell", "")["RequestId"], "S");
}

#[test]
fn an_action_that_reports_its_own_state_needs_no_start() {
    let gateway = Simulator::builder(&[&YARD]).gateway().unwrap();
    gateway.complete_after("Paint", 1);
    let states: Vec<_> = (0..3).map(|_| call(&gateway, "Paint", "")["Paint"]["State"].clone()).collect();
    assert_eq!(states, ["PENDING", "DRY", "DRY"]);
}

#[test]
#[should_panic(expected = "the specification of \"Tell\" has no waiter")]
fn an_action_without_a_waiter_cannot_take_time() {
    Simulator::builder(&[&YARD]).gateway().unwrap().complete_after("Tell", 1);
}

#[test]
fn a_deletion_ends_with_an_error_or_without_the_element() {
    let gateway = Simulator::builder(&[&YARD]).gateway().unwrap();
    gateway.complete_after("Sink", 1);
    assert_eq!(call(&gateway, "Find", "7")["State"], "AFLOAT");
    call(&gateway, "Sink", "7");
    assert_eq!(call(&gateway, "Find", "7")["State"], "AFLOAT");
    assert_eq!(call(&gateway, "Find", "7")["Code"], "Ship.NotFound");

    gateway.complete_after("Scrap", 1);
    let numbers = |answer: &Value| {
        answer["Ships"]["Ship"].as_array().unwrap().iter().map(|ship| ship["Number"].clone()).collect::<Vec<_>>()
    };
    call(&gateway, "Scrap", "7");
    assert_eq!(numbers(&call(&gateway, "Tell", "")), ["7", "+2"]);
    assert_eq!(numbers(&call(&gateway, "Tell", "")), ["+2"]);
}
