//! Whatever an answer does to a documented type, the call does not fail as long as nothing is lost; what fails says where.

use std::collections::BTreeMap;
use std::fmt::Debug;

use alibabacloud_runtime::Json;
use alibabacloud_runtime::private::decode::{DecodeError, decode};
use alibabacloud_runtime::private::{Object, object, open_enum, to_json};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::json;

open_enum! {
    /// A color.
    pub enum Color {
        /// Red.
        Red = "RED",
        /// A documented value.
        Unknown = "UNKNOWN",
    }
}

object! {
    /// A member of every type.
    pub struct Thing {
        /// A boolean.
        #[wire("Flag")]
        pub flag: Option<bool>,
        /// 32 bits.
        #[wire("Small")]
        pub small: Option<i32>,
        /// 64 bits.
        #[wire("Large")]
        pub large: Option<i64>,
        /// A number.
        #[wire("Number")]
        pub number: Option<f64>,
        /// Text.
        #[wire("Text")]
        pub text: Option<String>,
        /// An enumeration.
        #[wire("Color")]
        pub color: Option<Color>,
        /// Anything.
        #[wire("Any")]
        pub any: Option<Json>,
        /// A list.
        #[wire("Texts")]
        pub texts: Vec<String>,
        /// A list.
        #[wire("Counts")]
        pub counts: Vec<i64>,
        /// A list of lists.
        #[wire("Grid")]
        pub grid: Vec<Vec<i32>>,
        /// A list of objects.
        #[wire("Things")]
        pub things: Vec<Thing>,
        /// A map.
        #[wire("Names")]
        pub names: BTreeMap<String, String>,
        /// A map.
        #[wire("Totals")]
        pub totals: BTreeMap<String, i64>,
        /// An object inside its own kind.
        #[wire("Child")]
        pub child: Option<Box<Thing>>,
    }
}

fn try_decode(text: &str) -> Result<Thing, DecodeError> {
    let mut thing = Thing::default();
    decode(text.as_bytes(), &mut thing).map(|()| thing)
}

fn thing(text: &str) -> Thing {
    try_decode(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// What the type holds after each JSON form of a member; `None` is a form that does not fit.
fn check<T: PartialEq + Debug>(member: &str, get: impl Fn(Thing) -> T, forms: &[(&str, Option<T>)]) {
    for (form, expected) in forms {
        let text = format!(r#"{{"{member}":{form}}}"#);
        match (try_decode(&text), expected) {
            (Ok(thing), Some(expected)) => assert_eq!(get(thing), *expected, "{text}"),
            (Err(error), None) => {
                assert_eq!(error.path(), member, "{text}");
                assert!(error.to_string().starts_with(&format!("{member}: expected ")), "{text}: {error}");
            }
            (result, _) => panic!("{text}: {result:?}"),
        }
    }
}

#[test]
fn absent_and_null_are_nothing() {
    let all_null = r#"{"Flag":null,"Small":null,"Large":null,"Number":null,"Text":null,"Color":null,"Any":null,
        "Texts":null,"Counts":null,"Grid":null,"Things":null,"Names":null,"Totals":null,"Child":null}"#;
    assert_eq!(thing("{}"), Thing::default());
    assert_eq!(thing(all_null), Thing::default());
}

#[test]
fn a_boolean_is_read_from_every_form_that_means_one() {
    check(
        "Flag",
        |thing| thing.flag,
        &[
            ("true", Some(Some(true))),
            ("false", Some(Some(false))),
            (r#""true""#, Some(Some(true))),
            (r#""False""#, Some(Some(false))),
            (r#""TRUE""#, Some(Some(true))),
            (r#""1""#, Some(Some(true))),
            (r#""0""#, Some(Some(false))),
            ("1", Some(Some(true))),
            ("0", Some(Some(false))),
            (r#""""#, Some(None)),
            ("2", None),
            ("-1", None),
            ("1.5", None),
            (r#""yes""#, None),
            ("[]", None),
            ("{}", None),
        ],
    );
}

#[test]
fn a_whole_number_is_read_from_every_form_that_is_one_exactly() {
    check(
        "Small",
        |thing| thing.small,
        &[
            ("-7", Some(Some(-7))),
            ("2147483647", Some(Some(i32::MAX))),
            ("-2147483648", Some(Some(i32::MIN))),
            (r#""10""#, Some(Some(10))),
            ("10.0", Some(Some(10))),
            ("1e3", Some(Some(1000))),
            ("-0.0", Some(Some(0))),
            (r#""""#, Some(None)),
            ("2147483648", None),
            ("2147483648.0", None),
            (r#""2147483648""#, None),
            ("1.5", None),
            (r#""1.5""#, None),
            (r#"" 1""#, None),
            ("true", None),
            ("[1]", None),
            ("{}", None),
        ],
    );
    check(
        "Large",
        |thing| thing.large,
        &[
            ("9223372036854775807", Some(Some(i64::MAX))),
            ("-9223372036854775808", Some(Some(i64::MIN))),
            (r#""9223372036854775807""#, Some(Some(i64::MAX))),
            ("9007199254740992.0", Some(Some(1 << 53))),
            (r#""""#, Some(None)),
            ("9223372036854775808", None),
            ("18446744073709551615", None),
            ("18446744073709551616", None),
            ("1e300", None),
            // A double does not tell this number from its neighbours.
            ("9007199254740994.0", None),
            (r#""9223372036854775808""#, None),
            ("false", None),
        ],
    );
}

#[test]
fn a_number_is_read_from_every_form_that_is_finite() {
    check(
        "Number",
        |thing| thing.number,
        &[
            ("1.5", Some(Some(1.5))),
            ("-3", Some(Some(-3.0))),
            ("18446744073709551615", Some(Some(18_446_744_073_709_551_615.0))),
            (r#""2.5e3""#, Some(Some(2500.0))),
            (r#""""#, Some(None)),
            (r#""NaN""#, None),
            (r#""inf""#, None),
            (r#""1e999""#, None),
            ("true", None),
            ("[]", None),
        ],
    );
}

#[test]
fn text_takes_everything() {
    let text = |text: &str| Some(Some(text.to_owned()));
    check(
        "Text",
        |thing| thing.text,
        &[
            (r#""line\n \u00e9\ud83d\ude00""#, text("line\n é😀")),
            (r#""""#, text("")),
            ("10", text("10")),
            ("-9223372036854775808", text("-9223372036854775808")),
            ("18446744073709551615", text("18446744073709551615")),
            ("1.5", text("1.5")),
            ("true", text("true")),
            ("false", text("false")),
            (r#"{ "a": [1, null, "x"] }"#, text(r#"{"a":[1,null,"x"]}"#)),
            ("[ ]", text("[]")),
        ],
    );
}

#[test]
fn unknown_values_of_an_enumeration_are_kept_byte_for_byte() {
    for value in ["", "red", "RED ", "Unknown", "+1", "\u{0}\n", "🦀", "{}"] {
        let decoded = thing(&json!({ "Color": value }).to_string());
        let color = decoded.color.clone().unwrap();
        assert_eq!(color.as_str(), value);
        assert!(matches!(color, Color::Unrecognized(_)), "{value}");
        assert_eq!(to_json(&decoded), json!({ "Color": value }).to_string());
    }
    assert_eq!(thing(r#"{"Color":"RED"}"#).color, Some(Color::Red));
    assert_eq!(thing(r#"{"Color":"UNKNOWN"}"#).color, Some(Color::Unknown));
}

#[test]
fn an_enumeration_takes_other_forms_as_their_text() {
    for (form, expected) in [("7", "7"), ("true", "true"), ("1.5", "1.5"), ("[1]", "[1]"), (r#"{"a":1}"#, r#"{"a":1}"#)]
    {
        let color = thing(&format!(r#"{{"Color":{form}}}"#)).color.unwrap();
        assert_eq!(color.as_str(), expected);
    }
}

#[test]
fn open_values_take_everything() {
    for value in [json!(true), json!(-1), json!(u64::MAX), json!(1.5), json!(""), json!([null, {}]), json!({"a": [1]})]
    {
        assert_eq!(thing(&json!({ "Any": value }).to_string()).any, Some(value));
    }
}

#[test]
fn empty_text_in_place_of_a_compound_value_counts_as_absent() {
    let text = r#"{"Texts":"","Grid":"","Things":"","Names":"","Totals":"","Child":""}"#;
    assert_eq!(thing(text), Thing::default());
}

#[test]
fn a_compound_value_of_another_kind_fails() {
    for (member, form) in [
        ("Texts", r#"{"a":1}"#),
        ("Texts", r#"{"a":{"b":[]}}"#),
        ("Texts", "1"),
        ("Child", "[]"),
        ("Child", "true"),
        ("Names", "[]"),
        ("Things", r#""x""#),
    ] {
        let error = try_decode(&format!(r#"{{"{member}":{form}}}"#)).unwrap_err();
        assert_eq!(error.path(), member, "{form}");
    }
}

#[test]
fn a_list_may_be_wrapped_in_an_object() {
    for form in [r#"{"Text":["a","b"]}"#, r#"{"Total":2,"Text":["a","b"],"More":["c"]}"#, r#"["a","b"]"#] {
        assert_eq!(thing(&format!(r#"{{"Texts":{form}}}"#)).texts, ["a", "b"], "{form}");
    }
    for form in ["{}", r#"{"Text":null}"#, r#"{"Text":""}"#, r#"{"Text":[]}"#] {
        assert_eq!(thing(&format!(r#"{{"Texts":{form}}}"#)), Thing::default(), "{form}");
    }
    let error = try_decode(r#"{"Things":{"Thing":[{"Small":1},{"Small":"x"}]}}"#).unwrap_err();
    assert_eq!(error.path(), "Things.Thing[1].Small");
}

object! {
    /// An answer that is text.
    pub struct TextAnswer {
        /// The whole answer.
        #[wire("$body")]
        pub body: Option<String>,
    }
}

object! {
    /// An answer that is a list.
    pub struct ListAnswer {
        /// The whole answer.
        #[wire("$body")]
        pub body: Vec<i64>,
    }
}

#[test]
fn an_answer_that_is_no_object_goes_into_the_body() {
    fn read<T: Object + Default>(text: &str) -> Result<T, DecodeError> {
        let mut answer = T::default();
        decode(text.as_bytes(), &mut answer).map(|()| answer)
    }
    assert_eq!(read::<TextAnswer>("\"done\"").unwrap().body.as_deref(), Some("done"));
    assert_eq!(read::<TextAnswer>("not JSON").unwrap().body.as_deref(), Some("not JSON"));
    assert_eq!(read::<TextAnswer>(r#"{"Code":"Forbidden"}"#).unwrap().body, None);
    assert_eq!(read::<ListAnswer>("[1, \"2\"]").unwrap().body, [1, 2]);
    assert_eq!(read::<ListAnswer>("[1, []]").unwrap_err().path(), "[1]");
    assert!(read::<ListAnswer>("not JSON").is_err());
    assert_eq!(try_decode("[]").unwrap_err().path(), "");
}

#[test]
fn unknown_members_are_ignored_whatever_they_hold() {
    let decoded = thing(r#"{"New":{"a":[1,2,{"Flag":"x"}]},"Text":"t","flag":"wrong case","Newer":null}"#);
    assert_eq!(decoded, Thing { text: Some("t".to_owned()), ..Thing::default() });
}

#[test]
fn null_in_a_list_or_map_is_skipped() {
    let decoded = thing(
        r#"{"Texts":[null,"a",null],"Counts":[null,1,"",2],"Grid":[null,[1,null]],"Things":[null,{"Small":1}],
            "Totals":{"a":null,"b":2,"c":""},"Names":{"x":null,"y":""}}"#,
    );
    assert_eq!(decoded.texts, ["a"]);
    assert_eq!(decoded.counts, [1, 2]);
    assert_eq!(decoded.grid, [[1]]);
    assert_eq!(decoded.things.len(), 1);
    assert_eq!(decoded.totals, BTreeMap::from([("b".to_owned(), 2)]));
    assert_eq!(decoded.names, BTreeMap::from([("y".to_owned(), String::new())]));
}

#[test]
fn of_a_member_that_comes_twice_the_last_one_counts() {
    let decoded = thing(
        r#"{"Text":"a","Text":"b","Small":1,"Small":null,"Texts":["a"],"Texts":["b"],"Names":{"a":"1"},
            "Names":{"b":"2","b":"3"},"Child":{"Small":1,"Flag":true},"Child":{"Small":2}}"#,
    );
    assert_eq!(decoded.text.as_deref(), Some("b"));
    assert_eq!(decoded.small, None);
    assert_eq!(decoded.texts, ["b"]);
    assert_eq!(decoded.names, BTreeMap::from([("b".to_owned(), "3".to_owned())]));
    assert_eq!(decoded.child, Some(Box::new(Thing { small: Some(2), ..Thing::default() })));
}

#[test]
fn escaped_member_names_are_the_members() {
    assert_eq!(thing(r#"{"T\u0065xt":"t"}"#).text.as_deref(), Some("t"));
}

#[test]
fn what_fails_is_named_by_its_path() {
    for (text, path) in [
        (r#"{"Small":"x"}"#, "Small"),
        (r#"{"Things":[{},null,{},{"Flag":"x"}]}"#, "Things[3].Flag"),
        (r#"{"Grid":[[1],[2,"x"]]}"#, "Grid[1][1]"),
        (r#"{"Totals":{"a":1,"b":[]}}"#, "Totals.b"),
        (r#"{"Child":{"Child":{"Things":[{"Large":1.5}]}}}"#, "Child.Child.Things[0].Large"),
    ] {
        let error = try_decode(text).unwrap_err();
        assert_eq!(error.path(), path);
        assert!(error.to_string().starts_with(&format!("{path}: expected ")), "{error}");
    }
}

#[test]
fn no_error_quotes_a_value() {
    for text in [
        r#"{"Small":"CANARY"}"#,
        r#"{"Flag":"CANARY"}"#,
        r#"{"Child":"CANARY"}"#,
        r#"{"Texts":{"Text":"CANARY"}}"#,
        r#"{"Text":"CANARY"#,
        r#"{"Text":"CANARY\x"}"#,
        r#"{"Text":CANARY}"#,
        r#"{"Text":"a"}CANARY"#,
        r#""CANARY""#,
        "CANARY",
    ] {
        let error = try_decode(text).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("CANARY"), "{error}");
    }
}

#[test]
fn what_is_not_one_json_object_is_refused() {
    for text in [
        "",
        " ",
        "null",
        "1",
        "[]",
        r#""{}""#,
        "{",
        r#"{"Text""#,
        "{}{}",
        "{} x",
        r"{'a':1}",
        r#"{"a":1,}"#,
        "\u{feff}{}",
    ] {
        let error = try_decode(text).expect_err(text);
        assert_eq!(error.path(), "", "{text}");
    }
    assert_eq!(thing(" \r\n\t{ } \n"), Thing::default());
}

#[test]
fn bytes_that_are_not_utf_8_are_refused() {
    for bytes in [&b"{\"Text\":\"\xff\"}"[..], b"\xff\xfe", b"{\"New\":\"\xc3\"}", b"{}\xff"] {
        let error = decode(bytes, &mut Thing::default()).unwrap_err();
        assert!(error.to_string().starts_with("not UTF-8 at byte "), "{error}");
    }
    let error = decode(b"{\"Text\":\"\xff\"}", &mut Thing::default()).unwrap_err();
    assert_eq!(error.to_string(), "not UTF-8 at byte 9");
}

#[test]
fn a_nesting_bomb_is_refused_before_the_stack_ends() {
    const DEPTH: usize = 10_000;
    let lists = |open: &str| open.to_owned() + &"[".repeat(DEPTH) + &"]".repeat(DEPTH) + "}";
    let objects = |member: &str| format!(r#"{{"{member}":"#).repeat(DEPTH) + "{}" + &"}".repeat(DEPTH);
    for text in [
        lists(r#"{"Any":"#),
        lists(r#"{"Text":"#),
        lists(r#"{"Texts":"#),
        lists(r#"{"Color":"#),
        objects("Child"),
        objects("Any"),
        "[".repeat(DEPTH),
        r#"{"Things":["#.repeat(DEPTH),
    ] {
        assert!(try_decode(&text).is_err(), "{}…", &text[..20]);
    }
    // A member that nobody reads is skipped, without recursion.
    assert_eq!(thing(&lists(r#"{"New":"#)), Thing::default());
    assert_eq!(thing(&objects("New")), Thing::default());
    assert!(try_decode(&(r#"{"New":"#.to_owned() + &"[".repeat(DEPTH))).is_err(), "it never ends");
}

#[test]
fn nesting_that_people_use_is_read() {
    let depth = 100;
    let mut innermost = Some(thing(&(r#"{"Child":"#.repeat(depth) + "{}" + &"}".repeat(depth))));
    let mut seen = 0;
    while let Some(child) = innermost.and_then(|thing| thing.child) {
        seen += 1;
        innermost = Some(*child);
    }
    assert_eq!(seen, depth);
}

/// JSON of any kind, at most a few levels deep, with the type's own member names among the others.
fn any_json() -> impl Strategy<Value = Json> {
    let scalar = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        (-1e6_f64..1e6).prop_map(Json::from),
        "[ -~]{0,6}".prop_map(Json::from),
        any::<String>().prop_map(Json::from),
        prop::sample::select(vec!["", "true", "10", "RED"]).prop_map(Json::from),
    ];
    scalar.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::btree_map(any_name(), inner, 0..6).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

fn any_name() -> impl Strategy<Value = String> {
    let known = vec![
        "Flag", "Small", "Large", "Number", "Text", "Color", "Any", "Texts", "Counts", "Grid", "Things", "Names",
        "Totals", "Child", "New",
    ];
    prop::sample::select(known).prop_map(str::to_owned)
}

/// A value of the type with something in every kind of member.
fn any_thing() -> impl Strategy<Value = Thing> {
    let scalars = (
        any::<Option<bool>>(),
        any::<Option<i32>>(),
        any::<Option<i64>>(),
        prop::option::of(-1e300_f64..1e300),
        any::<Option<String>>(),
        prop::option::of(prop_oneof![Just("RED".to_owned()), any::<String>()]),
    );
    let compounds = (
        prop::option::of(any_json().prop_filter("null is absent", |json| !json.is_null())),
        prop::collection::vec(any::<String>(), 0..4),
        prop::collection::vec(any::<i64>(), 0..4),
        prop::collection::vec(prop::collection::vec(any::<i32>(), 0..4), 0..4),
        prop::collection::btree_map(any::<String>(), any::<String>(), 0..4),
        prop::collection::btree_map(any::<String>(), any::<i64>(), 0..4),
    );
    let flat = (scalars, compounds).prop_map(|(scalars, compounds)| {
        let (flag, small, large, number, text, color) = scalars;
        let (any, texts, counts, grid, names, totals) = compounds;
        let color = color.map(Color::from);
        Thing { flag, small, large, number, text, color, any, texts, counts, grid, names, totals, ..Thing::default() }
    });
    flat.prop_recursive(3, 6, 2, |inner| {
        (inner.clone(), prop::option::of(inner.clone()), prop::collection::vec(inner, 0..2))
            .prop_map(|(thing, child, things)| Thing { child: child.map(Box::new), things, ..thing })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_decoding_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode(&bytes, &mut Thing::default());
    }

    #[test]
    fn no_json_makes_decoding_panic_and_what_is_decoded_can_be_written(
        members in prop::collection::btree_map(any_name(), any_json(), 0..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let text = members.into_iter().collect::<Json>().to_string();
        let _ = decode(&text.as_bytes()[..cut.index(text.len() + 1)], &mut Thing::default());
        if let Ok(decoded) = try_decode(&text) {
            prop_assert_eq!(&thing(&to_json(&decoded)), &decoded);
        }
    }

    #[test]
    fn what_was_written_decodes_to_the_same_value(value in any_thing()) {
        prop_assert_eq!(&thing(&to_json(&value)), &value);
    }
}
