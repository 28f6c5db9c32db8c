//! Every style encodes every kind of value as the service decodes it, and no personal data is marked as printable.

use std::collections::BTreeMap;

use alibabacloud_runtime::Json;
use alibabacloud_runtime::private::object;
use alibabacloud_runtime::private::parameters::parameters;
use serde_json::json;

object! {
    /// A compound value.
    pub struct Line {
        /// A name.
        #[wire("Name")]
        pub name: Option<String>,
        /// A number.
        #[wire("Amount")]
        pub amount: Option<i64>,
        /// A number with a fraction.
        #[wire("Price")]
        pub price: Option<f64>,
        /// Personal data.
        #[wire("Phone", sensitive)]
        pub phone: Option<String>,
        /// A list.
        #[wire("Tags")]
        pub tags: Vec<String>,
        /// A map.
        #[wire("Notes")]
        pub notes: BTreeMap<String, String>,
        /// An object inside its own kind.
        #[wire("Inner")]
        pub inner: Option<Box<Line>>,
    }
}

/// A request whose one compound parameter of each type has the given style.
macro_rules! order_in_style {
    ($module:ident, $style:ident) => {
        mod $module {
            use super::*;
            alibabacloud_runtime::private::request! {
                /// A request.
                #[builder(OrderBuilder)]
                pub struct Order {
                    /// A boolean.
                    #[wire("Flag", $style)]
                    pub flag: Option<bool>,
                    /// A number.
                    #[wire("Count", $style)]
                    pub count: Option<i32>,
                    /// A number.
                    #[wire("Price", $style)]
                    pub price: Option<f64>,
                    /// Text.
                    #[wire("Text", $style)]
                    pub text: Option<String>,
                    /// A list.
                    #[wire("Texts", $style)]
                    pub texts: Option<Vec<String>>,
                    /// A list.
                    #[wire("Prices", $style)]
                    pub prices: Option<Vec<f64>>,
                    /// Lists in a list.
                    #[wire("Grid", $style)]
                    pub grid: Option<Vec<Vec<i32>>>,
                    /// An object.
                    #[wire("Line", $style)]
                    pub line: Option<Line>,
                    /// Objects in a list.
                    #[wire("Lines", $style)]
                    pub lines: Option<Vec<Line>>,
                    /// A map.
                    #[wire("Labels", $style)]
                    pub labels: Option<BTreeMap<String, i64>>,
                    /// Free-form items.
                    #[wire("Frees", $style)]
                    pub frees: Option<Vec<Json>>,
                    /// A free-form object.
                    #[wire("Free", $style)]
                    pub free: Option<BTreeMap<String, Json>>,
                    /// Has a dot in its name.
                    #[wire("Lines.1.Price")]
                    pub first_price: Option<i64>,
                    /// Anything.
                    #[wire("Any", $style)]
                    pub any: Option<Json>,
                    /// Personal data.
                    #[wire("Secrets", $style, sensitive)]
                    pub secrets: Option<Vec<String>>,
                }
            }
        }
    };
}

order_in_style!(in_json, json);
order_in_style!(repeated, repeat_list);
order_in_style!(flat, flat);
order_in_style!(simple, simple);

fn line() -> Line {
    Line {
        name: Some("a,b\n".to_owned()),
        amount: Some(2),
        tags: vec!["x".to_owned(), "y".to_owned()],
        notes: BTreeMap::from([("k".to_owned(), "v".to_owned())]),
        inner: Some(Box::new(Line { price: Some(0.5), ..Line::default() })),
        ..Line::default()
    }
}

/// The same values in every style; the parameters as `Name=value`.
macro_rules! written {
    ($module:ident) => {{
        let order = $module::Order::builder()
            .flag(true)
            .count(-3)
            .price(1.5)
            .text("  byte for byte\n")
            .texts(vec!["a".to_owned(), String::new(), "b".to_owned()])
            .grid(vec![vec![1, 2], vec![], vec![3]])
            .line(line())
            .lines(vec![Line { amount: Some(1), ..Line::default() }, Line { amount: Some(2), ..Line::default() }])
            .labels(BTreeMap::from([("b".to_owned(), 2), ("a".to_owned(), 1)]))
            .any(json!({"x": [1, null]}))
            .build();
        shown(&order)
    }};
}

fn shown<R: alibabacloud_runtime::Request>(request: &R) -> Vec<String> {
    parameters(request).unwrap().iter().map(|p| format!("{}={}", p.name, p.value)).collect()
}

const SCALARS: [&str; 4] = ["Flag=true", "Count=-3", "Price=1.5", "Text=  byte for byte\n"];
const LINE: &str = r#"{"Name":"a,b\n","Amount":2,"Tags":["x","y"],"Notes":{"k":"v"},"Inner":{"Price":0.5}}"#;
const ANY: &str = r#"Any={"x":[1,null]}"#;

#[test]
fn json_style_writes_compound_values_as_one_text() {
    let line = format!("Line={LINE}");
    let compounds = [
        r#"Texts=["a","","b"]"#,
        "Grid=[[1,2],[],[3]]",
        &line,
        r#"Lines=[{"Amount":1},{"Amount":2}]"#,
        r#"Labels={"a":1,"b":2}"#,
        ANY,
    ];
    assert_eq!(written!(in_json), [&SCALARS[..], &compounds].concat());
}

#[test]
fn repeated_and_flat_style_write_one_parameter_for_every_scalar() {
    let compounds = [
        "Texts.1=a",
        "Texts.2=",
        "Texts.3=b",
        "Grid.1.1=1",
        "Grid.1.2=2",
        "Grid.3.1=3",
        "Line.Name=a,b\n",
        "Line.Amount=2",
        "Line.Tags.1=x",
        "Line.Tags.2=y",
        "Line.Notes.k=v",
        "Line.Inner.Price=0.5",
        "Lines.1.Amount=1",
        "Lines.2.Amount=2",
        "Labels.a=1",
        "Labels.b=2",
        "Any.x.1=1",
    ];
    let expected = [&SCALARS[..], &compounds].concat();
    assert_eq!(written!(repeated), expected);
    assert_eq!(written!(flat), expected);
}

#[test]
fn simple_style_joins_the_values_of_a_list_by_commas() {
    let compounds = [
        "Texts=a,,b",
        "Grid=[1,2],[],[3]",
        // Only a list has a form with commas.
        "Line.Name=a,b\n",
        "Line.Amount=2",
        "Line.Tags.1=x",
        "Line.Tags.2=y",
        "Line.Notes.k=v",
        "Line.Inner.Price=0.5",
        r#"Lines={"Amount":1},{"Amount":2}"#,
        "Labels.a=1",
        "Labels.b=2",
        ANY,
    ];
    assert_eq!(written!(simple), [&SCALARS[..], &compounds].concat());
}

/// The service reads members of a free-form object by name, like those of a described one.
#[test]
fn free_form_values_are_written_in_the_style_of_their_parameter() {
    let item = json!({"mobile": "139", "n": 1.5, "yes": true, "no": null, "deep": [{"a": "x"}, "y"], "empty": {}});
    macro_rules! frees {
        ($module:ident) => {
            shown(
                &$module::Order::builder()
                    .frees(vec![item.clone(), json!("text"), json!(2)])
                    .free(BTreeMap::from([("k".to_owned(), json!({"a": ["b", ""]}))]))
                    .any(json!("text"))
                    .build(),
            )
        };
    }
    let parts = [
        "Frees.1.mobile=139",
        "Frees.1.n=1.5",
        "Frees.1.yes=true",
        "Frees.1.deep.1.a=x",
        "Frees.1.deep.2=y",
        "Frees.2=text",
        "Frees.3=2",
        "Free.k.a.1=b",
        "Free.k.a.2=",
        "Any=text",
    ];
    let sorted = |mut list: Vec<String>| {
        list.sort_unstable();
        list
    };
    let parts = sorted(parts.iter().map(|&part| part.to_owned()).collect());
    assert_eq!(sorted(frees!(flat)), parts);
    assert_eq!(sorted(frees!(repeated)), parts);
    let text = frees!(in_json);
    assert!(text[0].starts_with("Frees=[{") && text[0].ends_with(r#","text",2]"#), "{text:?}");
    assert_eq!(text[1..], [r#"Free={"k":{"a":["b",""]}}"#, "Any=text"]);
    assert_eq!(shown(&simple::Order::builder().frees(vec![json!("a"), json!(1)]).build()), ["Frees=a,1"]);
}

#[test]
fn two_values_with_one_name_on_the_wire_are_refused() {
    let lines = || vec![Line { price: Some(2.0), ..Line::default() }];
    let refused = parameters(&repeated::Order::builder().lines(lines()).first_price(1).build()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "parameter `Lines.1.Price`: two values of the request have this name on the wire; set only one of them"
    );
    // Each alone is valid, and so are both without a collision.
    assert_eq!(shown(&repeated::Order::builder().lines(lines()).build()), ["Lines.1.Price=2"]);
    assert_eq!(shown(&repeated::Order::builder().first_price(1).build()), ["Lines.1.Price=1"]);
    let lines = vec![Line { name: Some("n".to_owned()), ..Line::default() }];
    assert_eq!(shown(&flat::Order::builder().lines(lines.clone()).first_price(1).build()).len(), 2);
    assert_eq!(shown(&in_json::Order::builder().lines(lines).first_price(1).build()).len(), 2);
}

#[test]
fn unset_values_are_not_sent() {
    assert!(shown(&in_json::Order::new()).is_empty());
    assert!(shown(&flat::Order::builder().line(Line::default()).texts(Vec::new()).build()).is_empty());
    assert!(shown(&simple::Order::builder().texts(Vec::new()).build()).is_empty());
    // An empty value differs from an unset one if the style can express it.
    assert_eq!(shown(&in_json::Order::builder().texts(Vec::new()).text("").build()), ["Text=", "Texts=[]"]);
}

#[test]
fn a_number_that_is_not_finite_is_refused_by_name() {
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let line =
            || Line { inner: Some(Box::new(Line { price: Some(number), ..Line::default() })), ..Line::default() };
        macro_rules! refused {
            ($module:ident) => {
                [
                    parameters(&$module::Order::builder().price(number).build()).unwrap_err(),
                    parameters(&$module::Order::builder().prices(vec![1.0, number]).build()).unwrap_err(),
                    parameters(&$module::Order::builder().line(line()).build()).unwrap_err(),
                    parameters(&$module::Order::builder().lines(vec![line()]).build()).unwrap_err(),
                ]
                .map(|invalid| invalid.name)
            };
        }
        assert_eq!(refused!(in_json), ["Price", "Prices", "Line", "Lines"]);
        assert_eq!(refused!(flat), ["Price", "Prices.2", "Line.Inner.Price", "Lines.1.Inner.Price"]);
        assert_eq!(refused!(repeated), ["Price", "Prices.2", "Line.Inner.Price", "Lines.1.Inner.Price"]);
        assert_eq!(refused!(simple), ["Price", "Prices", "Line.Inner.Price", "Lines"]);
    }
    let invalid = parameters(&in_json::Order::builder().price(f64::NAN).build()).unwrap_err();
    assert!(invalid.to_string().starts_with("parameter `Price`: the number is not finite"), "{invalid}");
}

#[test]
fn a_value_with_a_sensitive_member_is_sensitive() {
    let phone = || {
        let inner = Line { phone: Some("CANARY".to_owned()), ..Line::default() };
        Line { name: Some("public".to_owned()), inner: Some(Box::new(inner)), ..Line::default() }
    };
    let secrets = || vec!["CANARY".to_owned()];
    macro_rules! debug {
        ($module:ident) => {
            format!(
                "{:?} {:?} {:?}",
                parameters(&$module::Order::builder().line(phone()).secrets(secrets()).build()).unwrap(),
                parameters(&$module::Order::builder().lines(vec![phone()]).build()).unwrap(),
                $module::Order::builder().line(phone()).lines(vec![phone()]).secrets(secrets()).build(),
            )
        };
    }
    for debug in [debug!(in_json), debug!(repeated), debug!(flat), debug!(simple)] {
        assert!(!debug.contains("CANARY"), "{debug}");
    }
    let order = flat::Order::builder().line(phone()).build();
    let open = parameters(&order).unwrap().into_iter().filter(|p| !p.sensitive);
    assert_eq!(open.map(|p| p.value.into_owned()).collect::<Vec<_>>(), ["public"]);
}
