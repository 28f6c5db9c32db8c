//! The values of a row: detects what a spreadsheet changed, and converts values to the documented form.
//!
//! [`REPAIRS`] lists what is repaired silently, repaired with a note, or refused. No message contains a value, because
//! it may be a phone number.

use std::borrow::Cow;

use alibabacloud_cams::descriptor::{ActionDescriptor, ParameterDescriptor, ValueKind};

use crate::options::check_kind;

/// What is repaired and what is refused, for `cams bulk --help`; the README links to the file.
pub(crate) const REPAIRS: &str = include_str!("repairs.txt");

/// The kind of a text parameter, which determines its checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A phone number in digits; the country code is a separate parameter.
    NationalNumber,
    /// A phone number in digits that includes the country code.
    FullNumber,
    CountryCode,
    /// An ID or a code: printable ASCII without blanks and delimiters.
    Identifier,
    /// Free text, sent unchanged.
    Text,
    /// Not text.
    Typed(ValueKind),
}

impl Shape {
    /// The shape of a parameter, from its name and documented example, because no specification states the format of a
    /// value.
    pub(crate) fn of(action: &ActionDescriptor, parameter: &ParameterDescriptor) -> Self {
        if parameter.kind != ValueKind::String {
            return Self::Typed(parameter.kind);
        }
        let ends = |ends: &[&str]| ends.iter().any(|end| parameter.name.ends_with(end));
        let is_digits = |text: &str| text.chars().all(|c| c.is_ascii_digit() || c == '*');
        let is_phone = ["Mobile", "Phone"].iter().any(|part| parameter.name.contains(part))
            && ends(&["Number", "Mobile", "Phone"])
            && is_digits(parameter.example);
        let example_is_a_token = !parameter.example.is_empty()
            && parameter.example.chars().all(|c| c.is_ascii_alphanumeric() || "-_*.".contains(c));
        if is_phone && action.parameters.iter().any(|other| other.name == COUNTRY_CODE) {
            Self::NationalNumber
        } else if is_phone {
            Self::FullNumber
        } else if parameter.name == COUNTRY_CODE && is_digits(parameter.example) {
            Self::CountryCode
        } else if ends(&["Id", "Code"]) || example_is_a_token {
            Self::Identifier
        } else {
            Self::Text
        }
    }

    pub(crate) fn is_phone(self) -> bool {
        matches!(self, Self::NationalNumber | Self::FullNumber)
    }
}

/// The parameter that holds the country code of a phone number.
pub(crate) const COUNTRY_CODE: &str = "CountryCode";

/// The maximum number of digits of a phone number with its country code (E.164).
const LONGEST_NUMBER: usize = 15;

/// A value to send.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Good {
    pub(crate) value: String,
    /// A note for the user.
    pub(crate) note: Option<&'static str>,
}

/// The reason why a value is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Damage {
    /// The place inside the value.
    pub(crate) place: String,
    /// The problem and how to fix it.
    pub(crate) problem: Cow<'static, str>,
}

impl From<&'static str> for Damage {
    fn from(problem: &'static str) -> Self {
        Self { place: String::new(), problem: Cow::Borrowed(problem) }
    }
}

/// The value to send, empty for an empty cell. `country_code` is that of the same row.
pub(crate) fn repair(shape: Shape, cell: &str, country_code: Option<&str>) -> Result<Good, Damage> {
    match shape {
        Shape::Text => match cell.chars().position(|c| matches!(c, '\0' | '\u{fffd}')) {
            Some(_) if cell.trim().is_empty() => Ok(Good::default()),
            Some(at) => Err(character(at, cell.chars().nth(at).unwrap_or('\0'))),
            None => Ok(Good { value: cell.to_owned(), note: None }),
        },
        Shape::Typed(kind) => {
            let value = as_text(cell);
            if value.is_empty() {
                return Ok(Good::default());
            }
            if matches!(kind, ValueKind::Int32 | ValueKind::Int64 | ValueKind::Number) {
                damage(&value)?;
            }
            check_kind(kind, &value).map_err(|problem| Damage { place: String::new(), problem: problem.into() })?;
            Ok(Good { value: value.into_owned(), note: None })
        }
        Shape::Identifier | Shape::CountryCode | Shape::NationalNumber | Shape::FullNumber => {
            let value = as_text(cell);
            if value.is_empty() {
                return Ok(Good::default());
            }
            damage(&value)?;
            match shape {
                Shape::CountryCode => country(&value),
                Shape::NationalNumber => national(&value, country_code),
                Shape::FullNumber => full(&value),
                _ => identifier(value),
            }
        }
    }
}

/// The cell without surrounding blanks and without the marks that keep text as text in a spreadsheet: `'139`, `="139"`.
fn as_text(cell: &str) -> Cow<'_, str> {
    let blank = |c: char| matches!(c, ' ' | '\t' | '\r' | '\n');
    let cell = cell.trim_matches(blank);
    if let Some(inner) = cell.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"')) {
        let inner = inner.trim_matches(blank);
        return if inner.contains("\"\"") { inner.replace("\"\"", "\"").into() } else { inner.into() };
    }
    cell.strip_prefix('\'').map_or(cell, |rest| rest.trim_matches(blank)).into()
}

/// Detects what a spreadsheet did to an identifier or a number.
fn damage(value: &str) -> Result<(), Damage> {
    if is_no_value(value) {
        return Err(
            "the cell is an error or has no value (#REF!, #N/A, nan); correct the formula, or clear the cell".into()
        );
    }
    if value.starts_with('=') {
        return Err("the cell is a formula; save values instead of formulas".into());
    }
    if is_scientific(value) {
        return Err("the spreadsheet has rounded the number to scientific notation, which loses digits; format the column as text, enter \
                    the numbers again, and save"
            .into());
    }
    if is_decimal(value) {
        return Err("the spreadsheet has turned the number into a decimal; format the column as text, or as a number without decimals, \
                    and save again"
            .into());
    }
    if is_grouped(value) {
        return Err(
            "the spreadsheet has added separators to the number; format the column as text, and save again".into()
        );
    }
    if lost_digits(value) >= 3 {
        return Err(LOST_DIGITS.into());
    }
    for (at, c) in value.chars().enumerate() {
        match c {
            '\n' | '\r' => {
                return Err("the value contains a line break: a quotation mark that opens on this line closes on a later one. Remove the \
                            quotation mark or the line break"
                    .into());
            }
            ' '..='~' => {}
            other => return Err(character(at, other)),
        }
    }
    Ok(())
}

/// The finding for numbers with more digits than a spreadsheet keeps.
pub(crate) const LOST_DIGITS: &str = "the digits after the 15th are zeros: spreadsheets keep only 15 digits of a number. Format the column as \
    text, enter the numbers again, and save";

/// The number of trailing zeros after the 15th digit, which spreadsheets lose; 0 if the number is shorter or intact.
pub(crate) fn lost_digits(value: &str) -> usize {
    let is_number = value.len() > 15 && value.bytes().all(|byte| byte.is_ascii_digit());
    if is_number && value.as_bytes()[15..].iter().all(|digit| *digit == b'0') { value.len() - 15 } else { 0 }
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `2.93484E+14`, `2,9e14`, `3E+014`.
fn is_scientific(value: &str) -> bool {
    let Some((number, exponent)) = value.split_once(['e', 'E']) else { return false };
    let number = number.strip_prefix(['-', '+']).unwrap_or(number);
    let (signed, exponent) = match exponent.strip_prefix(['+', '-']) {
        Some(exponent) => (true, exponent),
        None => (false, exponent),
    };
    let fraction = number.split_once(['.', ',']);
    let is_number = fraction.map_or(digits(number), |(whole, part)| digits(whole) && (part.is_empty() || digits(part)));
    // `12e5` may be an identifier.
    is_number && digits(exponent) && (fraction.is_some() || signed || number.len() == 1)
}

/// `13900001234.0`.
fn is_decimal(value: &str) -> bool {
    let parts = value.split_once(['.', ',']);
    parts.is_some_and(|(whole, part)| digits(whole) && !part.is_empty() && part.bytes().all(|byte| byte == b'0'))
}

/// `13,900,001,234`, `13.900.001.234`, `13'900'001'234`.
fn is_grouped(value: &str) -> bool {
    [',', '.', '\''].into_iter().any(|separator| {
        let mut groups = value.split(separator);
        let first = groups.next().unwrap_or_default();
        let rest: Vec<&str> = groups.collect();
        digits(first)
            && first.len() <= 3
            && rest.len() >= 2
            && rest.iter().all(|group| group.len() == 3 && digits(group))
    })
}

/// Placeholders of spreadsheets and data tools for a missing value.
fn is_no_value(value: &str) -> bool {
    let words = ["nan", "nat", "null", "none", "nil", "n/a", "na", "<na>", "undefined", "inf", "infinity", "-inf"];
    value.starts_with('#') || words.iter().any(|word| value.eq_ignore_ascii_case(word))
}

fn character(at: usize, c: char) -> Damage {
    let code = u32::from(c);
    let name = match c {
        '\0' => "NUL",
        '\t' => "a tab",
        '\u{a0}' => "a no-break space",
        '\u{ad}' => "a soft hyphen",
        '\u{200b}' => "a zero-width space",
        '\u{200c}' | '\u{200d}' | '\u{2060}' => "an invisible joiner",
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            "an invisible mark of the writing direction"
        }
        '\u{feff}' => "an invisible byte order mark",
        '\u{fffd}' => "the replacement of a character that could not be read",
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{ff0d}' => "a typographic dash",
        '\u{2018}'..='\u{201f}' => "a typographic quotation mark",
        '\u{ff10}'..='\u{ff19}' => "a full-width digit",
        c if c.is_whitespace() => "a special blank",
        c if c.is_control() => "a control character",
        c if c.is_numeric() => "a digit of another script",
        _ => "not a character of an identifier or number",
    };
    let repair = match c {
        '\0' | '\u{fffd}' => "save the spreadsheet again as \"CSV UTF-8\"".to_owned(),
        '\u{ff10}'..='\u{ff19}' => "type ordinary digits, or convert the column with =ASC(A2)".to_owned(),
        c if c.is_numeric() => "type ordinary digits".to_owned(),
        '\u{2010}'..='\u{201f}' | '\u{2212}' | '\u{ff0d}' => {
            format!("replace it, with =SUBSTITUTE(A2,UNICHAR({code}),\"-\")")
        }
        c if c.is_alphabetic() => "correct the value".to_owned(),
        _ => format!("remove it, with =SUBSTITUTE(A2,UNICHAR({code}),\"\")"),
    };
    Damage { place: format!("character {}: ", at + 1), problem: format!("U+{code:04X} is {name}; {repair}").into() }
}

fn identifier(value: Cow<'_, str>) -> Result<Good, Damage> {
    match value.chars().position(|c| matches!(c, ' ' | '\t' | ',' | ';' | '|' | '"')) {
        Some(at) => Err(Damage {
            place: format!("character {}: ", at + 1),
            problem: "the value contains a blank, a quotation mark or a delimiter, possibly because two cells were merged; correct the row".into(),
        }),
        None => Ok(Good { value: value.into_owned(), note: None }),
    }
}

const REWRITTEN_CODE: &str = "+86 and 0086 are sent as 86";
const REWRITTEN_NUMBER: &str = "the country code in front of the number is removed, because it is a separate parameter";
const CODE_TWICE: &str =
    "the number begins with the digits of its country code; if they are the country code, remove them";
const LEADING_ZERO: &str = "the number begins with 0; in most countries this zero is dropped after a country code";

/// `86` of `+86` and `0086`.
fn country(value: &str) -> Result<Good, Damage> {
    let (code, rewritten) = match value.strip_prefix('+').or_else(|| value.strip_prefix("00")) {
        Some(code) => (code.trim_matches(' '), true),
        None => (value, false),
    };
    if !digits(code) || code.starts_with('0') || code.len() > 3 {
        return Err("a country code is 1 to 3 digits, such as 86".into());
    }
    Ok(Good { value: code.to_owned(), note: rewritten.then_some(REWRITTEN_CODE) })
}

/// The digits of a phone number, and whether it includes its country code (`+86…`, `0086…`).
fn phone(value: &str) -> Result<(String, bool), Damage> {
    let (number, international) = match value.strip_prefix('+').or_else(|| value.strip_prefix("00")) {
        Some(number) => (number, true),
        None => (value, false),
    };
    if number.contains("(0)") {
        return Err("`(0)` is not part of an international number; remove it".into());
    }
    let separators = [' ', '-', '.', '(', ')', '/'];
    if let Some((at, _)) = value
        .chars()
        .enumerate()
        .skip(value.len() - number.len())
        .find(|(_, c)| !c.is_ascii_digit() && !separators.contains(c))
    {
        return Err(Damage {
            place: format!("character {}: ", at + 1),
            problem: "a phone number consists of digits, blanks, hyphens, dots and parentheses, with an optional + in front; correct the value".into(),
        });
    }
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    if digits.is_empty() {
        return Err("the phone number has no digits; correct the value".into());
    }
    Ok((digits, international))
}

/// A number without its country code.
fn national(value: &str, country_code: Option<&str>) -> Result<Good, Damage> {
    let (digits, international) = phone(value)?;
    let Some(code) = country_code.filter(|code| !code.is_empty()) else {
        return Ok(Good { value: digits, note: None });
    };
    let (number, note) = match digits.strip_prefix(code) {
        Some(rest) if international => (rest.to_owned(), Some(REWRITTEN_NUMBER)),
        None if international => {
            return Err(
                "the country code in front of the number is not the one in CountryCode; correct one of them".into()
            );
        }
        Some(_) => {
            let twice = without_code(&digits, code).is_some();
            (digits, twice.then_some(CODE_TWICE))
        }
        None if digits.starts_with('0') => (digits, Some(LEADING_ZERO)),
        None => (digits, None),
    };
    if code.len() + number.len() > LONGEST_NUMBER {
        return Err("a phone number has at most 15 digits, its country code included; correct the value".into());
    }
    if number.is_empty() {
        return Err("the phone number is only a country code; correct the value".into());
    }
    Ok(Good { value: number, note })
}

/// A number with its country code, without a plus sign.
fn full(value: &str) -> Result<Good, Damage> {
    let (digits, _) = phone(value)?;
    if digits.len() > LONGEST_NUMBER {
        return Err("a phone number has at most 15 digits, its country code included; correct the value".into());
    }
    Ok(Good { value: digits, note: None })
}

/// The number without the country code that it seems to begin with, if the rest is long enough for a number.
pub(crate) fn without_code<'n>(number: &'n str, code: &str) -> Option<&'n str> {
    number.strip_prefix(code).filter(|rest| rest.len() >= 8 && !code.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn migration() -> &'static ActionDescriptor {
        alibabacloud_cams::PRODUCT.action("CreateChatappMigrationInitiate").expect("a known action")
    }

    fn number(cell: &str) -> Result<(String, Option<&'static str>), String> {
        repair(Shape::NationalNumber, cell, Some("86"))
            .map(|good| (good.value, good.note))
            .map_err(|damage| format!("{}{}", damage.place, damage.problem))
    }

    #[test]
    fn shapes_follow_from_names_and_examples() {
        let shapes: Vec<Shape> =
            migration().parameters.iter().map(|parameter| Shape::of(migration(), parameter)).collect();
        assert_eq!(shapes, [Shape::Identifier, Shape::NationalNumber, Shape::CountryCode]);
    }

    #[test]
    fn all_spellings_of_a_number_are_the_same_number() {
        for cell in [
            "13900001234",
            "139 0000 1234",
            "139-0000-1234",
            " 13900001234 ",
            "(139) 0000.1234",
            "'13900001234",
            "=\"13900001234\"",
            "\t139/00001234\r",
            "' 13900001234",
        ] {
            assert_eq!(number(cell), Ok(("13900001234".to_owned(), None)), "{cell}");
        }
        for cell in ["+8613900001234", "+86 139-0000-1234", "0086 13900001234", "'+86 (139) 0000 1234"] {
            assert_eq!(number(cell), Ok(("13900001234".to_owned(), Some(REWRITTEN_NUMBER))), "{cell}");
        }
        assert_eq!(number("8613900001234"), Ok(("8613900001234".to_owned(), Some(CODE_TWICE))));
        assert_eq!(number("013900001234"), Ok(("013900001234".to_owned(), Some(LEADING_ZERO))));
        // A short number that only begins with the same digits.
        assert_eq!(number("8612345"), Ok(("8612345".to_owned(), None)));
        for (cell, why) in [
            ("+4915112345678", "is not the one in CountryCode"),
            ("+86 (0)139", "`(0)`"),
            ("139x5", "character 4"),
            ("86139000012345678", "at most 15"),
            ("1390000****", "character 8"),
            ("+86", "only a country code"),
            ("--", "no digits"),
            ("+", "no digits"),
        ] {
            assert!(number(cell).unwrap_err().contains(why), "{cell}: {:?}", number(cell));
        }
        assert_eq!(repair(Shape::FullNumber, "+86 139 0000 1234", None).unwrap().value, "8613900001234");
    }

    #[test]
    fn a_country_code_is_its_digits() {
        let code = |cell| repair(Shape::CountryCode, cell, None).map(|good| (good.value, good.note.is_some()));
        assert_eq!(code("86"), Ok(("86".to_owned(), false)));
        for cell in ["+86", "0086", "'+86", "+ 86"] {
            assert_eq!(code(cell), Ok(("86".to_owned(), true)), "{cell}");
        }
        for cell in ["CN", "086", "1234", "+", "8 6", "86.0"] {
            assert!(code(cell).is_err(), "{cell}");
        }
    }

    #[test]
    fn damage_by_spreadsheets_is_refused_in_every_shape() {
        for cell in [
            "2.9e+14",
            "2.9E14",
            "2,93484E+14",
            "3E+014",
            "3e14",
            "13900001234.0",
            "13900001234,00",
            "293,483,938,849,493",
            "13.900.001.234",
            "nan",
            "NaN",
            "#REF!",
            "#N/A",
            "#NAME?",
            "#BEZUG!",
            "########",
            "=A2",
            "293483938849493000",
            "None",
            "NULL",
            "1\n2",
            "1\r\n2",
        ] {
            for shape in [Shape::Identifier, Shape::NationalNumber, Shape::CountryCode, Shape::Typed(ValueKind::Int64)]
            {
                assert!(repair(shape, cell, Some("86")).is_err(), "{cell:?} as {shape:?}");
            }
        }
        for cell in
            ["cams-kei0", "C0202939293", "12e5", "1e2f", "2934839388494930", "293483938849493001", "none-such", "5e"]
        {
            assert_eq!(repair(Shape::Identifier, cell, None).map(|good| good.value), Ok(cell.to_owned()));
        }
        for cell in ["a b", "a,b", "a;b", "a\tb", "a\"b"] {
            assert!(repair(Shape::Identifier, cell, None).is_err(), "{cell}");
        }
    }

    #[test]
    fn invisible_and_foreign_characters_are_named_with_their_place() {
        for (c, name) in [
            ('\u{202a}', "U+202A"),
            ('\u{200b}', "zero-width"),
            ('\u{a0}', "no-break"),
            ('\u{feff}', "U+FEFF"),
            ('\0', "NUL"),
            ('１', "full-width digit"),
            ('٣', "another script"),
            ('–', "dash"),
            ('\u{3000}', "special blank"),
            ('\u{ad}', "soft hyphen"),
            ('\u{7f}', "control"),
            ('é', "U+00E9"),
        ] {
            for shape in [Shape::Identifier, Shape::NationalNumber] {
                let damage = repair(shape, &format!("139{c}0000"), Some("86")).unwrap_err();
                assert_eq!(damage.place, "character 4: ", "{damage:?}");
                assert!(damage.problem.contains(name), "{damage:?}");
            }
            // Also where it is invisible.
            assert!(
                repair(Shape::Identifier, &format!("{c}139"), None).is_err()
                    && repair(Shape::Identifier, &format!("139{c}"), None).is_err()
            );
        }
    }

    #[test]
    fn free_text_is_sent_unchanged() {
        for cell in [" 'a, b;\n\"c\" 1.0 ", "=SUM(A1)", "2.9E+14", "\u{200b}"] {
            assert_eq!(repair(Shape::Text, cell, None).unwrap().value, cell);
        }
        assert!(repair(Shape::Text, "a\0", None).is_err());
    }
}
