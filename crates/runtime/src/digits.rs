//! Recognizes numbers in free text by their digits, in any spelling.

use std::ops::Range;

/// The minimum number of digits for a number to be recognized in other spellings.
const SHORTEST_NUMBER: usize = 5;

/// The minimum and maximum number of digits of a phone number in free text (E.164 allows 15).
const SHORTEST_PHONE: usize = 9;
const LONGEST_PHONE: usize = 15;

/// The maximum length of a country code.
const COUNTRY_CODE: usize = 3;

/// The digits of a number, without separators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Digits(Vec<u8>);

impl Digits {
    /// The digits of a value that consists of digits and separators.
    pub(crate) fn of_number(value: &str) -> Option<Self> {
        let mut digits = Vec::new();
        for c in value.chars() {
            match digit(c) {
                Some(digit) => digits.push(digit),
                None if is_separator(c) => {}
                None => return None,
            }
        }
        (digits.len() >= SHORTEST_NUMBER).then_some(Self(digits))
    }

    /// The number without leading zeros and a possible country code, which every spelling contains. A short number has
    /// no country code.
    fn core(&self) -> &[u8] {
        let zeros = self.0.iter().take_while(|digit| **digit == 0).count();
        let digits = &self.0[zeros.min(self.0.len().saturating_sub(SHORTEST_NUMBER))..];
        let code = digits.len().saturating_sub(SHORTEST_PHONE - 1).min(COUNTRY_CODE);
        &digits[code..]
    }
}

/// The digits of a number without separators and leading zeros, such as `8613900001234` for `+86 139-0000-1234`; `None`
/// for a text that is not a number, or a short one.
pub(crate) fn plain_number(text: &str) -> Option<String> {
    let digits = Digits::of_number(text)?.0;
    Some(in_ascii(&digits).trim_start_matches('0').to_owned())
}

/// The plain numbers that a number in two or more parts, such as country code and number, can mean: a zero before the
/// number is a trunk prefix in most countries, and part of the number in some. Empty if the parts are not a number.
pub(crate) fn plain_numbers(parts: &[String]) -> Vec<String> {
    let digits = |text: &String| -> Option<String> {
        let digits = text.chars().filter(|c| !is_separator(*c)).map(digit).collect::<Option<Vec<_>>>()?;
        (!digits.is_empty()).then(|| in_ascii(&digits))
    };
    let Some(parts) = parts.iter().map(digits).collect::<Option<Vec<_>>>() else { return Vec::new() };
    let joined = |from: &dyn Fn(&String) -> String| plain_number(&parts.iter().map(from).collect::<String>());
    let without_zeros = |part: &String| part.trim_start_matches('0').to_owned();
    let mut numbers: Vec<String> = joined(&String::clone).into_iter().chain(joined(&without_zeros)).collect();
    numbers.dedup();
    numbers
}

fn in_ascii(digits: &[u8]) -> String {
    digits.iter().map(|digit| char::from(b'0' + digit)).collect()
}

/// The value of a decimal digit in common scripts and styles.
fn digit(c: char) -> Option<u8> {
    // The first digit of each: ASCII, Arabic, Persian, Devanagari, Bengali, Gurmukhi, Gujarati, Tamil, Telugu, Kannada,
    // Malayalam, Thai, Lao, Tibetan, Burmese, Khmer, Mongolian, full width, and the five styles of mathematics.
    const ZEROS: [u32; 23] = [
        0x30, 0x660, 0x6F0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xE50, 0xED0, 0xF20, 0x1040,
        0x17E0, 0x1810, 0xFF10, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6,
    ];
    if c.is_ascii() {
        return c.to_digit(10).and_then(|digit| u8::try_from(digit).ok());
    }
    let offset = ZEROS.iter().map(|zero| u32::from(c).wrapping_sub(*zero)).find(|offset| *offset < 10)?;
    u8::try_from(offset).ok()
}

/// Whether the character can separate two digits of a number.
fn is_separator(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(
            c,
            '+' | '-' | '.' | '(' | ')' | '[' | ']' | '/' | '_' | '~' | '*' | '\u{b7}' | '\u{2022}' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2010}'..='\u{2015}'
                | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{2212}' | '\u{30fb}' | '\u{fe63}' | '\u{feff}' | '\u{ff0b}' | '\u{ff0d}'
                | '\u{ff0e}' | '\u{ff08}' | '\u{ff09}'
        )
}

/// The digits of a text with only separators between them.
struct Run {
    digits: Vec<u8>,
    /// The position of each digit in the text.
    places: Vec<Range<usize>>,
}

impl Run {
    /// The position in the text of the digits in that range.
    fn place(&self, digits: Range<usize>) -> Range<usize> {
        self.places[digits.start].start..self.places[digits.end - 1].end
    }

    /// Whether the digit directly follows the one before it.
    fn is_joined(&self, index: usize) -> bool {
        index > 0 && index < self.places.len() && self.places[index - 1].end == self.places[index].start
    }

    /// The range of digits, extended to both sides as far as digits follow each other directly.
    fn widened(&self, mut digits: Range<usize>) -> Range<usize> {
        while self.is_joined(digits.start) {
            digits.start -= 1;
        }
        while self.is_joined(digits.end) {
            digits.end += 1;
        }
        digits
    }

    /// The range of digits that spell the number, if they do.
    fn find(&self, number: &Digits) -> Option<Range<usize>> {
        let core = number.core();
        if number.0.len() < SHORTEST_PHONE {
            // A short number is recognized only if it stands alone.
            let whole = self.digits.len() == number.0.len() || self.digits.len() == core.len();
            return (whole && self.digits.ends_with(core)).then_some(0..self.digits.len());
        }
        let start = self.digits.windows(core.len()).position(|window| window == core)?;
        let mut range = start..start + core.len();
        // The rest of the number, as far as the text has it.
        let rest = &number.0[..number.0.len() - core.len()];
        for expected in rest.iter().rev() {
            if range.start == 0 || self.digits[range.start - 1] != *expected {
                break;
            }
            range.start -= 1;
        }
        Some(self.widened(range))
    }
}

/// The first character of the text and its length in bytes, also if it is escaped as in URLs (up to three times), HTML
/// or JSON.
fn first(text: &str) -> Option<(char, usize)> {
    let c = text.chars().next()?;
    let escaped = match c {
        '%' => percent_encoded(text),
        '&' => entity(text),
        '\\' => json_escape(text),
        _ => None,
    };
    Some(escaped.unwrap_or((c, c.len_utf8())))
}

/// A character whose bytes are spelled `%41`, or `%2541`.
fn percent_encoded(text: &str) -> Option<(char, usize)> {
    let (mut bytes, mut at) = (Vec::new(), 0);
    loop {
        let mut rest = text[at..].strip_prefix('%')?;
        while let Some(once_less) = rest.strip_prefix("25") {
            rest = once_less;
        }
        bytes.push(u8::from_str_radix(rest.get(..2).filter(|digits| is_hex(digits))?, 16).ok()?);
        at = text.len() - rest.len() + 2;
        match std::str::from_utf8(&bytes) {
            Ok(text) => return Some((text.chars().next()?, at)),
            Err(error) if error.error_len().is_some() => return None,
            Err(_) => {}
        }
    }
}

/// A character spelled `&#65;`, `&#x41;` or `&nbsp;`, as in HTML.
fn entity(text: &str) -> Option<(char, usize)> {
    const NAMES: [(&str, char); 8] = [
        ("nbsp", ' '),
        ("ensp", ' '),
        ("emsp", ' '),
        ("thinsp", ' '),
        ("ndash", '-'),
        ("mdash", '-'),
        ("shy", '-'),
        ("plus", '+'),
    ];
    let end = text.bytes().take(12).position(|byte| byte == b';')?;
    let name = &text[1..end];
    let code = match name.strip_prefix('#') {
        Some(number) => match number.strip_prefix(['x', 'X']) {
            Some(hex) if is_hex(hex) => u32::from_str_radix(hex, 16).ok(),
            _ => number.parse().ok(),
        }
        .and_then(char::from_u32),
        None => NAMES.iter().find(|(known, _)| *known == name).map(|(_, c)| *c),
    };
    Some((code?, end + 1))
}

/// A character spelled `\u0041`, `\n` or `\t`, as in JSON.
fn json_escape(text: &str) -> Option<(char, usize)> {
    match text.as_bytes().get(1)? {
        b'u' => {
            let digits = text.get(2..6).filter(|digits| is_hex(digits))?;
            Some((u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)?, 6))
        }
        b'n' | b't' | b'r' => Some((' ', 2)),
        _ => None,
    }
}

fn is_hex(digits: &str) -> bool {
    digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// All runs of digits in the text.
fn runs(text: &str) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut run = Run { digits: Vec::new(), places: Vec::new() };
    let mut at = 0;
    while let Some((c, length)) = first(&text[at..]) {
        match digit(c) {
            Some(digit) => {
                run.digits.push(digit);
                run.places.push(at..at + length);
            }
            _ if is_separator(c) => {}
            _ if run.digits.is_empty() => {}
            _ => runs.push(std::mem::replace(&mut run, Run { digits: Vec::new(), places: Vec::new() })),
        }
        at += length;
    }
    if !run.digits.is_empty() {
        runs.push(run);
    }
    runs
}

/// Replaces these numbers in the text; `None` if it contains none of them.
pub(crate) fn replace_numbers(text: &str, numbers: &[Digits], by: &str) -> Option<String> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for mut run in runs(text) {
        // A run may contain a number several times.
        while let Some(range) = numbers.iter().find_map(|number| run.find(number)) {
            found.push(run.place(range.clone()));
            let rest = Run { digits: run.digits.split_off(range.end), places: run.places.split_off(range.end) };
            run = rest;
        }
    }
    replace(text, &found, by)
}

/// Replaces possible phone numbers in the text: 9 to 15 digits, with separators between them. Numbers in `known`,
/// addresses (`192.168.100.200`) and dates (`2026-11-30`) are kept.
pub(crate) fn replace_phone_numbers(text: &str, known: &[Digits], by: &str) -> Option<String> {
    let mut found = Vec::new();
    for run in runs(text) {
        // A number joined to a block that is too long, or that is known, is part of another number.
        let mut blocks: Vec<Range<usize>> = Vec::new();
        let mut start = 0;
        while start < run.digits.len() {
            let block = run.widened(start..start + 1);
            start = block.end;
            blocks.push(block);
        }
        let mut number: Option<Range<usize>> = None;
        let mut numbers = Vec::new();
        let mut skip = 0;
        for (index, block) in blocks.iter().enumerate() {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            let stays = match harmless(text, &run, &blocks[index..]) {
                0 if block.len() > LONGEST_PHONE + 2 => 1,
                0 if known.iter().any(|known| run.digits[block.clone()] == known.0) => 1,
                blocks => blocks,
            };
            if stays > 0 {
                numbers.extend(number.take());
                skip = stays - 1;
            } else {
                number = Some(number.map_or(block.clone(), |number| number.start..block.end));
            }
        }
        numbers.extend(number);
        found.extend(
            numbers.into_iter().filter(|number| number.len() >= SHORTEST_PHONE).map(|number| run.place(number)),
        );
    }
    replace(text, &found, by)
}

/// The number of leading blocks that are an address or a date.
fn harmless(text: &str, run: &Run, blocks: &[Range<usize>]) -> usize {
    let joined_by = |count: usize, separator: &str| {
        blocks.len() >= count
            && blocks[..count]
                .windows(2)
                .all(|pair| text[run.places[pair[0].end - 1].end..run.places[pair[1].start].start] == *separator)
    };
    let length = |index: usize| blocks[index].len();
    if joined_by(4, ".") && !joined_by(5, ".") && (0..4).all(|index| length(index) <= 3) {
        return 4;
    }
    let century = |block: &Range<usize>| matches!(run.digits[block.clone()], [1, 9, ..] | [2, 0, ..]);
    let is_date = joined_by(3, "-") && (length(0), length(1), length(2)) == (4, 2, 2) && century(&blocks[0]);
    if is_date { 3 } else { 0 }
}

fn replace(text: &str, found: &[Range<usize>], by: &str) -> Option<String> {
    if found.is_empty() {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for place in found {
        out.push_str(text[at..place.start].trim_end_matches(['+', '(']));
        out.push_str(by);
        at = place.end;
    }
    out.push_str(&text[at..]);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without(number: &str, text: &str) -> String {
        replace_numbers(text, &[Digits::of_number(number).unwrap()], "•").unwrap_or_else(|| text.to_owned())
    }

    fn masked(text: &str) -> String {
        replace_phone_numbers(text, &[], "•").unwrap_or_else(|| text.to_owned())
    }

    #[test]
    fn a_number_in_parts_has_plain_forms_with_and_without_a_trunk_zero() {
        let forms = |parts: &[&str]| plain_numbers(&parts.iter().map(|&part| part.to_owned()).collect::<Vec<_>>());
        for (parts, expected) in [
            (&["86", "13900001234"][..], &["8613900001234"][..]),
            (&["+86", "139-0000 1234"], &["8613900001234"]),
            (&["0086", "013900001234"], &["86013900001234", "8613900001234"]),
            // Italy keeps the zero.
            (&["39", "0612345678"], &["390612345678", "39612345678"]),
            (&["86", "one"], &[]),
            (&["", "13900001234"], &[]),
            (&["1", "2"], &[]),
        ] {
            assert_eq!(forms(parts), expected, "{parts:?}");
        }
        for (text, plain) in
            [("+86 139-0000-1234", Some("8613900001234")), ("space-1234567", None), ("1234", None), ("", None)]
        {
            assert_eq!(plain_number(text).as_deref(), plain, "{text}");
        }
    }

    #[test]
    fn a_number_is_found_in_every_spelling() {
        for number in ["13900001234", "8613900001234", "+86 139-0000-1234", "008613900001234", "013900001234"] {
            for spelling in [
                "13900001234",
                "139-0000-1234",
                "139 0000 1234",
                "(139) 0000.1234",
                "139\u{a0}0000\u{2011}1234",
                "１３９００００１２３４",
                "١٣٩٠٠٠٠١٢٣٤",
                "139%200000%201234",
                "139\u{200b}00001234",
                "139\u{0}0000\u{7}1234",
                "1\u{0}3\u{0}9\u{0}0\u{0}0\u{0}0\u{0}0\u{0}1\u{0}2\u{0}3\u{0}4",
                "[139] 0000~1234",
                "139·0000•1234",
                "𝟏𝟑𝟗𝟎𝟎𝟎𝟎𝟏𝟐𝟑𝟒",
                "১৩৯০০০০১২৩৪",
                "139%2D0000%2d1234",
                "139%C2%A00000%25E2%2580%25911234",
                "%28139%29%200000%252520 1234",
                "%31%33%39%30%30%30%301%32%33%34",
                "%EF%BC%91%EF%BC%93%EF%BC%9900001234",
                "139&nbsp;0000&#45;1234",
                "139&#xa0;0000&ndash;1234",
                "&#49;&#51;&#x39;00001234",
                r"139\u002d0000\u00a01234",
                r"\u0031\u0033900001234",
                r"139\t0000\n1234",
            ] {
                for prefix in ["", "+86", "86", "0086 ", "+86 ", "%2B86", "86-"] {
                    let shown = without(number, &format!("the number {prefix}{spelling} is taken"));
                    let end: String = spelling.chars().skip(spelling.chars().count() - 2).collect();
                    assert!(!shown.contains(&end), "{number}: {shown}");
                    assert!(shown.starts_with("the number ") && shown.ends_with("• is taken"), "{number}: {shown}");
                }
            }
        }
    }

    #[test]
    fn every_occurrence_of_a_number_is_found_and_others_are_kept() {
        assert_eq!(without("13900001234", "139-0000-1234 139 0000 1234 x 13900001234"), "• • x •");
        assert_eq!(without("13900001234", "row 12 139-0000-1234 of 15000005678"), "row 12 • of 15000005678");
        assert_eq!(without("13900001234", "nothing"), "nothing");
        assert_eq!(without("12345", "12-345 and 123456 and 12345"), "• and 123456 and •");
    }

    #[test]
    fn text_with_letters_is_not_a_number() {
        for value in ["abc12345", "1234", "", "a"] {
            assert_eq!(Digits::of_number(value), None, "{value}");
        }
    }

    #[test]
    fn possible_phone_numbers_are_masked() {
        for number in [
            "13900001234",
            "+86 139 0000 1234",
            "139-0000-1234",
            "(0)139.0000.1234",
            "１３９００００１２３４",
            "0086 139 0000 1234",
            "+1 (202) 555-0123",
            "65 8123 4567",
            "139\u{0}0000\u{1}1234",
            "139%2D0000&#45;1234",
            r"139\u00200000\t1234",
            "𝟭𝟯𝟵𝟬𝟬𝟬𝟬𝟭𝟮𝟯𝟰",
            "8613900001234 8613900005678",
        ] {
            assert_eq!(masked(&format!("number {number} is taken")), "number • is taken");
        }
    }

    #[test]
    fn other_numbers_are_kept() {
        for text in [
            "at most 10 per second, 12345678",
            "from 192.168.100.200, 10.0.0.1",
            "before 2026-11-30 02:39:09",
            "2026-11-30T02:39:09Z",
            "the account 12345678901234567890",
            "100% of 12% &c; %zz &#; \\u12 \\",
            "50%, 20%",
            "",
        ] {
            assert_eq!(masked(text), text);
        }
        let known = [Digits::of_number("293483938849493").unwrap()];
        assert_eq!(
            replace_phone_numbers("space 293483938849493 of 13900001234", &known, "•").unwrap(),
            "space 293483938849493 of •"
        );
    }
}
