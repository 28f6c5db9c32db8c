//! No member of a response fails a call: values are converted if possible, or left out and reported by path.

use std::collections::BTreeMap;
use std::fmt::Debug;

use alibabacloud_runtime::Json;
use alibabacloud_runtime::Mismatches;
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

fn read(bytes: &[u8]) -> Result<(Thing, Mismatches), DecodeError> {
    let mut thing = Thing::default();
    decode(bytes, &mut thing).map(|mismatches| (thing, mismatches))
}

/// Decodes a text in which every value fits.
#[track_caller]
fn thing(text: &str) -> Thing {
    let (thing, mismatches) = read(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert!(mismatches.is_empty(), "{text}: {mismatches}");
    thing
}

/// Decodes a text in which some values do not fit; also returns their paths.
#[track_caller]
fn partly(text: &str) -> (Thing, Vec<String>) {
    let (thing, mismatches) = read(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
    (thing, mismatches.first().iter().map(|mismatch| mismatch.path().to_owned()).collect())
}

/// The decoded value for each JSON form of a member, between two others; `None` for a form that does not fit.
fn check<T: PartialEq + Default + Debug>(member: &str, get: impl Fn(Thing) -> T, forms: &[(&str, Option<T>)]) {
    for (form, expected) in forms {
        // An earlier value is cleared.
        let text = format!(r#"{{"Any":1,"{member}":null,"{member}":{form},"Names":{{"a":"b"}}}}"#);
        let (thing, paths) = partly(&text);
        assert_eq!((&thing.any, thing.names.len()), (&Some(json!(1)), 1), "{text}");
        match expected {
            Some(expected) => assert_eq!((&get(thing), paths.len()), (expected, 0), "{text}"),
            None => assert_eq!((get(thing), paths), (T::default(), vec![member.to_owned()]), "{text}"),
        }
    }
}

#[test]
fn absent_and_null_members_have_no_value() {
    let all_null = r#"{"Flag":null,"Small":null,"Large":null,"Number":null,"Text":null,"Color":null,"Any":null,
        "Texts":null,"Counts":null,"Grid":null,"Things":null,"Names":null,"Totals":null,"Child":null}"#;
    assert_eq!(thing("{}"), Thing::default());
    assert_eq!(thing(all_null), Thing::default());
}

#[test]
fn a_boolean_is_decoded_from_every_form() {
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
fn a_whole_number_is_decoded_from_every_exact_form() {
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
            ("1e999", None),
            ("-1e999", None),
            ("NaN", None),
            // A double cannot distinguish this number from its neighbours.
            ("9007199254740994.0", None),
            (r#""9223372036854775808""#, None),
            ("false", None),
        ],
    );
}

#[test]
fn a_number_is_decoded_from_every_finite_form() {
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
            ("1e999", None),
            ("-1E+999", None),
            ("NaN", None),
            ("-Infinity", None),
            ("true", None),
            ("[]", None),
            ("{}", None),
        ],
    );
}

#[test]
fn text_accepts_every_form() {
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
            // Too large for a double.
            ("1e999", text("1e999")),
            ("NaN", text("NaN")),
            // Not valid JSON, but written by some programs.
            ("007", text("007")),
            (".5", text(".5")),
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
fn open_values_accept_every_form() {
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
fn a_compound_value_of_another_kind_is_left_out() {
    for (member, form) in [
        ("Texts", r#"{"a":1}"#),
        ("Texts", r#"{"a":{"b":[]}}"#),
        ("Texts", "1"),
        ("Texts", "true"),
        ("Child", "[]"),
        ("Child", "[1,[2]]"),
        ("Child", "true"),
        ("Child", "1e999"),
        ("Names", "[]"),
        ("Names", "0"),
        ("Things", r#""x""#),
        ("Things", r#"{"a":{"Small":1}}"#),
        ("Flag", r#"{"a":[{"b":1e999}]}"#),
        ("Large", "[1]"),
    ] {
        let (decoded, paths) = partly(&format!(r#"{{"Text":"a","{member}":{form},"Number":1}}"#));
        assert_eq!(decoded, Thing { text: Some("a".to_owned()), number: Some(1.0), ..Thing::default() }, "{form}");
        assert_eq!(paths, [member], "{form}");
    }
}

#[test]
fn an_item_that_does_not_fit_is_skipped() {
    let (decoded, paths) = partly(
        r#"{"Counts":[1,"x",2,[],3],"Grid":[[1],{"a":1},[2,1e999,3]],"Things":[{"Small":1},[],{"Small":2}],
            "Totals":{"a":1,"b":[],"c":3},"Names":{"a":"x","b":{}}}"#,
    );
    assert_eq!(decoded.counts, [1, 2, 3]);
    assert_eq!(decoded.grid, [vec![1], vec![2, 3]]);
    assert_eq!(decoded.things.iter().map(|thing| thing.small).collect::<Vec<_>>(), [Some(1), Some(2)]);
    assert_eq!(decoded.totals, BTreeMap::from([("a".to_owned(), 1), ("c".to_owned(), 3)]));
    assert_eq!(decoded.names["b"], "{}");
    assert_eq!(paths, ["Counts[1]", "Counts[3]", "Grid[1]", "Grid[2][1]", "Things[1]", "Totals.*"]);
}

#[test]
fn a_skipped_item_leaves_nothing_of_an_earlier_one() {
    let (decoded, paths) = partly(r#"{"Totals":{"a":1,"a":[]},"Small":1,"Small":"x","Counts":[1],"Counts":true}"#);
    assert_eq!(decoded, Thing::default());
    assert_eq!(paths, ["Totals.*", "Small", "Counts"]);
}

#[test]
fn a_list_can_be_wrapped_in_an_object() {
    for form in [r#"{"Text":["a","b"]}"#, r#"{"Total":2,"Text":["a","b"],"More":["c"]}"#, r#"["a","b"]"#] {
        assert_eq!(thing(&format!(r#"{{"Texts":{form}}}"#)).texts, ["a", "b"], "{form}");
    }
    for form in ["{}", r#"{"Text":null}"#, r#"{"Text":""}"#, r#"{"Text":[]}"#] {
        assert_eq!(thing(&format!(r#"{{"Texts":{form}}}"#)), Thing::default(), "{form}");
    }
    let (decoded, paths) = partly(r#"{"Things":{"Thing":[{"Small":1},{"Small":"x","Flag":true},7]}}"#);
    assert_eq!(decoded.things.len(), 2);
    assert_eq!((decoded.things[1].small, decoded.things[1].flag), (None, Some(true)));
    assert_eq!(paths, ["Things.*[1].Small", "Things.*[2]"]);
}

object! {
    /// A response that is text.
    pub struct TextAnswer {
        /// The whole answer.
        #[wire("$body")]
        pub body: Option<String>,
    }
}

object! {
    /// A response that is a list.
    pub struct ListAnswer {
        /// The whole answer.
        #[wire("$body")]
        pub body: Vec<i64>,
    }
}

#[test]
fn a_response_that_is_not_an_object_is_decoded_into_the_body() {
    fn partly<T: Object + Default>(text: &str) -> Result<(T, String), DecodeError> {
        let mut answer = T::default();
        decode(text.as_bytes(), &mut answer).map(|mismatches| (answer, mismatches.to_string()))
    }
    #[track_caller]
    fn read<T: Object + Default>(text: &str) -> Result<T, DecodeError> {
        partly(text).map(|(answer, mismatches)| {
            assert_eq!(mismatches, "");
            answer
        })
    }
    assert_eq!(read::<TextAnswer>("\"done\"").unwrap().body.as_deref(), Some("done"));
    assert_eq!(read::<TextAnswer>("not JSON").unwrap().body.as_deref(), Some("not JSON"));
    assert_eq!(read::<TextAnswer>(r#"{"Code":"Forbidden"}"#).unwrap().body, None);
    assert_eq!(read::<ListAnswer>("[1, \"2\"]").unwrap().body, [1, 2]);
    let (answer, mismatches) = partly::<ListAnswer>("[1, [], 2]").unwrap();
    assert_eq!((answer.body, &*mismatches), (vec![1, 2], "$body[1]: expected a whole number of 64 bits, found a list"));
    let (answer, mismatches) = partly::<ListAnswer>("true").unwrap();
    assert_eq!((answer.body, &*mismatches), (vec![], "$body: expected a list, found a boolean"));
    assert!(read::<ListAnswer>("not JSON").is_err());
    let (answer, mismatches) = partly::<TextAnswer>(r#""Shop \ud83d""#).unwrap();
    assert_eq!(answer.body.as_deref(), Some("Shop \u{fffd}"));
    assert_eq!(mismatches, "$body: holds U+FFFD in place of what is not Unicode");
}

#[test]
fn unknown_members_are_ignored() {
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
fn the_last_of_duplicate_members_is_used() {
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
fn mismatches_are_reported_by_path() {
    for (text, mismatch) in [
        (r#"{"Small":"x"}"#, "Small: expected a whole number of 32 bits, found text that does not convert"),
        (
            r#"{"Things":[{},null,{},{"Flag":"x"}]}"#,
            "Things[3].Flag: expected a boolean, found text that does not convert",
        ),
        (r#"{"Grid":[[1],[2,true]]}"#, "Grid[1][1]: expected a whole number of 32 bits, found a boolean"),
        (r#"{"Totals":{"a":1,"b":[]}}"#, "Totals.*: expected a whole number of 64 bits, found a list"),
        (
            r#"{"Child":{"Child":{"Things":[{"Large":1.5}]}}}"#,
            "Child.Child.Things[0].Large: expected a whole number of 64 bits, found another number",
        ),
        (r#"{"T\u0065xts":1}"#, "Texts: expected a list, found another whole number"),
    ] {
        let (_, mismatches) = read(text.as_bytes()).unwrap();
        assert_eq!(mismatches.to_string(), mismatch, "{text}");
        assert_eq!(mismatches.count(), 1, "{text}");
    }
}

#[test]
fn the_first_mismatches_are_kept_and_all_are_counted() {
    let (decoded, mismatches) =
        read(format!(r#"{{"Things":[{}{{"Small":1}}]}}"#, r#"{"Small":"x"},"#.repeat(5_000)).as_bytes()).unwrap();
    assert_eq!(decoded.things.len(), 5_001);
    assert_eq!(mismatches.count(), 5_000);
    let last = mismatches.first().last().unwrap();
    assert_eq!((mismatches.first().len(), last.path()), (16, "Things[15].Small"));
    assert!(mismatches.to_string().ends_with("; 4984 more"), "{mismatches}");
}

/// A name that is not in the specification may be data, e.g. a phone number as the key of a map.
#[test]
fn neither_errors_nor_mismatches_quote_a_value() {
    for text in [
        r#"{"Small":"CANARY"}"#,
        r#"{"Flag":"CANARY"}"#,
        r#"{"Child":"CANARY"}"#,
        r#"{"Texts":{"CANARY":"CANARY"}}"#,
        r#"{"Totals":{"CANARY":"CANARY"}}"#,
        r#"{"Things":{"CANARY":[{"Small":"CANARY"}]}}"#,
        r#"{"Text":"CANARY \ud800 CANARY"}"#,
        r#"{"Text":"CANARY"#,
        r#"{"Text":CANARY}"#,
        r#"{"Text":"a"}CANARY"#,
        r#""CANARY""#,
        "CANARY",
    ] {
        let said = match read(text.as_bytes()) {
            Ok((_, mismatches)) => {
                assert_eq!(mismatches.count(), 1, "{text}");
                format!("{mismatches} {mismatches:?}")
            }
            Err(error) => format!("{error} {error:?}"),
        };
        assert!(!said.contains("CANARY"), "{said}");
    }
}

#[test]
fn anything_but_one_json_object_is_refused() {
    for text in [
        "",
        " ",
        "null",
        "1",
        "[]",
        r#""{}""#,
        "{",
        r#"{"Text""#,
        r#"{"Text":"\ud83d"#,
        "{}{}",
        "{} x",
        r"{'a':1}",
        r#"{"a":1,}"#,
        r#"{"a":x}"#,
    ] {
        let error = read(text.as_bytes()).expect_err(text);
        assert!(!error.to_string().is_empty(), "{text}");
    }
    assert_eq!(thing(" \r\n\t{ } \n"), Thing::default());
    assert_eq!(thing("\u{feff}{\"Small\":1}").small, Some(1));
}

#[test]
fn bytes_that_are_not_utf_8_are_replaced() {
    for (bytes, text) in [
        (&b"{\"Small\":1,\"Text\":\"a \xff b\"}"[..], "a \u{fffd} b"),
        (b"{\"Small\":1,\"Text\":\"\xc3\"}", "\u{fffd}"),
        (b"\xef\xbb\xbf{\"Small\":1,\"Text\":\"\xe4\xb8\"}", "\u{fffd}"),
        (b"{\"Text\":\"\xed\xa0\xbd.\",\"Small\":1}", "\u{fffd}\u{fffd}\u{fffd}."),
    ] {
        let (thing, mismatches) = read(bytes).unwrap();
        assert_eq!((thing.small, thing.text.as_deref()), (Some(1), Some(text)));
        assert_eq!(mismatches.to_string(), "Text: holds U+FFFD in place of what is not Unicode");
    }
    // In a member that the type does not have.
    assert_eq!(read(b"{\"New\":\"\xc3\",\"Small\":1}").unwrap().0.small, Some(1));
    // In a name, and in every kind of text.
    assert_eq!(read(b"{\"Te\xffxt\":1}").unwrap().0, Thing::default());
    let (thing, mismatches) = read(b"{\"Any\":[\"\xff\"],\"Color\":\"R\xff\",\"Names\":{\"\xff\":\"\xff\"}}").unwrap();
    assert_eq!(thing.any, Some(json!(["\u{fffd}"])));
    assert_eq!(thing.color.unwrap().as_str(), "R\u{fffd}");
    assert_eq!(thing.names["\u{fffd}"], "\u{fffd}");
    assert_eq!(mismatches.first().iter().map(|it| it.path()).collect::<Vec<_>>(), ["Any", "Color", "Names.*"]);
    for bytes in [&b"{}\xff"[..], b"\xff\xfe", b"{\xff}"] {
        assert!(read(bytes).is_err());
    }
}

#[test]
fn escapes_that_are_not_characters_are_replaced() {
    for (escaped, text) in [
        (r"Shop \ud83d", "Shop \u{fffd}"),
        (r"\uD83D\u0041", "\u{fffd}A"),
        (r"\ud83d\ud83d\ude00", "\u{fffd}😀"),
        (r"\ude00\ud83d", "\u{fffd}\u{fffd}"),
        (r"\udfff\n\\\u00e9", "\u{fffd}\n\\é"),
        (r"\ud83d\\ude00", "\u{fffd}\\ude00"),
    ] {
        let (thing, mismatches) = read(format!(r#"{{"Text":"{escaped}","Small":1}}"#).as_bytes()).unwrap();
        assert_eq!((thing.small, thing.text.as_deref()), (Some(1), Some(text)), "{escaped}");
        assert_eq!(mismatches.to_string(), "Text: holds U+FFFD in place of what is not Unicode", "{escaped}");
    }
    // A replacement character of the service is not a mismatch, nor is an escape in an ignored member.
    assert_eq!(thing(r#"{"Text":"\ufffd \ud83d\ude00"}"#).text.as_deref(), Some("\u{fffd} 😀"));
    assert_eq!(thing(r#"{"New":"\ud83d","Small":1}"#).small, Some(1));
    assert_eq!(read(br#"{"\ud83d":1,"Small":1}"#).unwrap().0.small, Some(1));
}

#[test]
fn characters_that_json_forbids_in_text_are_kept() {
    for (raw, text) in [
        ("line\nline\ttab\u{0}", "line\nline\ttab\u{0}"),
        (r"C:\temp\x\", r"C:\temp\x\"),
        (r"it\'s \u12 \u", r"it\'s \u12 \u"),
        ("\\\n", "\\\n"),
        ("\\é", "\\é"),
    ] {
        // `\t` is a valid escape.
        let text = text.replace(r"\t", "\t");
        let raw = raw.strip_suffix('\\').map_or(raw.to_owned(), |raw| format!(r"{raw}\\"));
        assert_eq!(thing(&format!(r#"{{"Text":"{raw}","Small":1}}"#)).text, Some(text), "{raw}");
    }
}

#[test]
fn deep_nesting_is_left_out_without_a_stack_overflow() {
    const DEPTH: usize = 10_000;
    let lists = |member: &str| format!(r#"{{"{member}":{}{},"Small":1}}"#, "[".repeat(DEPTH), "]".repeat(DEPTH));
    let objects = |member: &str| {
        let open = format!(r#"{{"{member}":"#);
        format!(r#"{{"{member}":{}{{}}{},"Small":1}}"#, open.repeat(DEPTH), "}".repeat(DEPTH))
    };
    for member in ["Any", "Text", "Texts", "Color", "Grid", "Counts", "Names", "Child", "Things", "Flag"] {
        for text in [lists(member), objects(member)] {
            let (decoded, paths) = partly(&text);
            assert_eq!(decoded.small, Some(1), "{member}");
            assert_eq!(paths.len(), 1, "{member}");
            assert!(decoded.any.is_none() && decoded.text.is_none() && decoded.color.is_none(), "{member}");
        }
    }
    // Unclosed nesting is not JSON.
    for text in ["[".repeat(DEPTH), r#"{"Things":["#.repeat(DEPTH), r#"{"New":"#.to_owned() + &"[".repeat(DEPTH)] {
        assert!(read(text.as_bytes()).is_err(), "{}…", &text[..7]);
    }
    // An unknown member is skipped without recursion.
    assert_eq!(thing(&lists("New")).small, Some(1));
    assert_eq!(thing(&objects("New")).small, Some(1));
}

#[test]
fn nesting_up_to_120_levels_is_read() {
    let nested = |depth: usize| format!(r#"{{"Any":{}{}}}"#, "[".repeat(depth - 1), "]".repeat(depth - 1));
    assert!(thing(&nested(120)).any.is_some());
    assert_eq!(partly(&nested(121)), (Thing::default(), vec!["Any".to_owned()]));

    let depth = 119;
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

/// A value of the type with a value in every kind of member.
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

/// Parts of JSON text, and invalid ones. The empty one stands for any byte.
const PIECES: &[&str] = &[
    "",
    "\\ud83d",
    "\\ude00",
    "\\u0041",
    "\\u",
    "\\",
    "\\\"",
    "\"",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "1e999",
    "-",
    "NaN",
    "0",
    "é",
    " ",
    "\n",
    "\u{0}",
    "\"Small\":",
    "\"Things\":[{",
    "null",
    "true",
];

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_decoding_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(&bytes);
    }

    #[test]
    fn no_text_makes_decoding_panic(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40),
        byte in any::<u8>(),
    ) {
        let mut bytes = b"{\"Any\":1,\"Text\":\"".to_vec();
        for piece in pieces {
            bytes.extend_from_slice(piece.as_bytes());
            if piece.is_empty() {
                bytes.push(byte);
            }
        }
        bytes.extend_from_slice(b"\"}");
        if let Ok((_, mismatches)) = read(&bytes) {
            prop_assert!(mismatches.first().iter().all(|it| !it.path().is_empty()));
        }
    }

    #[test]
    fn every_text_arrives_whatever_it_holds(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        // Without its last two characters.
        let bytes: Vec<u8> = bytes.into_iter().filter(|byte| !b"\"\\".contains(byte)).collect();
        let body = [b"{\"Text\":\"", &*bytes, b"\",\"Small\":1}"].concat();
        let (thing, _) = read(&body).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        prop_assert_eq!((thing.text.as_deref(), thing.small), (Some(&*text), Some(1)));
    }

    #[test]
    fn all_json_decodes_and_what_fits_can_be_written(
        members in prop::collection::btree_map(any_name(), any_json(), 0..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let text = members.into_iter().collect::<Json>().to_string();
        let _ = read(&text.as_bytes()[..cut.index(text.len() + 1)]);
        let (decoded, _) = read(text.as_bytes()).unwrap();
        prop_assert_eq!(&thing(&to_json(&decoded)), &decoded);
    }

    #[test]
    fn what_was_written_decodes_to_the_same_value(value in any_thing()) {
        prop_assert_eq!(&thing(&to_json(&value)), &value);
    }
}
