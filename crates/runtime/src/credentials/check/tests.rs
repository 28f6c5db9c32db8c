use super::problem;

#[test]
fn real_keys_and_tokens_pass() {
    for value in ["LTAI5tFAKEfakeFAKEfake01", "STS.NUFAKEfake", "CAIS+fake/FAKE==", "v2.a-b_c~d%20", "a"] {
        assert_eq!(problem(value), None, "{value}");
    }
}

#[test]
fn added_characters_are_named_and_not_quoted() {
    let cases = [
        ("", "empty"),
        (" ", "blank"),
        (" CANARY", "blank"),
        ("CANARY\n", "line break"),
        ("CANARY\r", "line break"),
        ("CANARY\u{a0}", "blank"),
        ("CANARY\u{3000}", "blank"),
        ("\"CANARY\"", "quotation marks around"),
        ("'CANARY'", "quotation marks around"),
        ("`CANARY`", "quotation marks around"),
        ("\"CANARY", "quotation mark"),
        ("\"", "quotation mark"),
        ("CAN'ARY", "quotation mark"),
        ("CAN ARY", "blank"),
        ("CAN\tARY", "control character"),
        ("CAN\0ARY", "control character"),
        ("CAN\nARY", "line break"),
        ("CANARY\u{7f}", "control character"),
        ("\u{feff}CANARY", "not ASCII"),
        ("CANARY\u{200b}", "not ASCII"),
        ("“CANARY”", "not ASCII"),
        ("CANARYé", "not ASCII"),
        ("ＬＴＡＩ", "not ASCII"),
    ];
    for (value, words) in cases {
        let problem = problem(value).unwrap_or_else(|| panic!("{value:?} passes"));
        assert!(problem.contains(words) && !problem.contains("CANARY"), "{value:?}: {problem}");
    }
}
