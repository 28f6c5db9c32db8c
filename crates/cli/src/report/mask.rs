//! Masks phone numbers, and makes invisible characters visible.

use std::fmt;

use crate::output::is_hidden;

/// Replaces hidden digits. Its length is fixed, so that it does not reveal how many there are.
pub(super) const HIDDEN: &str = "••••";

/// The maximum length of a displayed text, in characters.
const LONGEST: usize = 200;

/// Characters that can separate the digits of a phone number.
const SEPARATORS: &[char] = &['+', ' ', '-', '.', '(', ')', '/', '\u{a0}'];

/// A phone number for display.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Phone {
    country: String,
    national: String,
}

impl Phone {
    /// Without `full`, at least four digits are hidden: up to three of the first and four of the last digits are shown.
    ///
    /// A value that is not a number (5 to 15 digits, or the `*` of documented examples) is hidden completely, because
    /// any part of it may be personal data.
    pub(super) fn new(raw: &str, full: bool) -> Self {
        let digits: String = raw.chars().filter(|c| !SEPARATORS.contains(c)).collect();
        let is_number = digits.chars().all(|c| c.is_ascii_digit() || c == '*') && (5..=15).contains(&digits.len());
        if !is_number {
            return match raw {
                "" => Self::default(),
                _ if full => Self { country: String::new(), national: shown(raw) },
                _ => Self { country: String::new(), national: HIDDEN.to_owned() },
            };
        }
        let (country, national) = digits.split_at(country_code_length(&digits));
        let national = if full { national.to_owned() } else { masked(national) };
        Self { country: country.to_owned(), national }
    }

    /// As the service writes it: without plus sign and blank.
    pub(super) fn plain(&self) -> String {
        format!("{}{}", self.country, self.national)
    }
}

/// `+86 139••••1234`.
impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&*self.country, &*self.national) {
            ("", national) => f.write_str(national),
            (country, national) => write!(f, "+{country} {national}"),
        }
    }
}

/// A number without its country code, for display.
pub(super) fn national(raw: &str, full: bool) -> String {
    let digits: String = raw.chars().filter(|c| !SEPARATORS.contains(c)).collect();
    let is_number = digits.chars().all(|c| c.is_ascii_digit()) && (5..=15).contains(&digits.len());
    match raw {
        "" => String::new(),
        _ if full => shown(raw),
        _ if is_number => masked(&digits),
        _ => HIDDEN.to_owned(),
    }
}

/// The length of the country code: one digit in zones 1 and 7, else two or three digits (ITU-T E.164, list of assigned
/// country codes).
fn country_code_length(digits: &str) -> usize {
    let two: String = digits.chars().take(2).collect();
    match (two.as_bytes().first(), two.parse::<u8>()) {
        (Some(b'1' | b'7'), _) => 1,
        (_, Ok(20 | 27 | 30..=34 | 36 | 39..=41 | 43..=49 | 51..=58 | 60..=66 | 81 | 82 | 84 | 86 | 90..=95 | 98)) => 2,
        _ => 3,
    }
}

fn masked(national: &str) -> String {
    let length = national.len();
    let first = length.saturating_sub(8).min(3);
    let last = length.saturating_sub(4).min(4);
    format!("{}{HIDDEN}{}", &national[..first], &national[length - last..])
}

/// The minimum number of digits of a phone number in free text. The ID of a space can be shorter.
const SHORTEST: usize = 9;

/// Hides possible phone numbers in free text: 9 or more digits, with separators between them or not. The ID of the
/// space, `known`, is kept.
fn without_numbers(text: &str, known: &str) -> String {
    if known.len() >= SHORTEST {
        return text.split(known).map(without_any_number).collect::<Vec<_>>().join(known);
    }
    without_any_number(text)
}

fn without_any_number(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|c: char| !c.is_ascii_digit() && !SEPARATORS.contains(&c)).unwrap_or(from.len());
        let run = from[..end].trim_end_matches(SEPARATORS);
        out.push_str(before);
        let digits = run.chars().filter(char::is_ascii_digit).count();
        out.push_str(if digits >= SHORTEST { HIDDEN } else { run });
        rest = &from[run.len()..];
    }
    out + rest
}

/// Free text for display: without phone numbers unless `full`. The ID `known` is kept.
pub(super) fn visible(text: &str, known: &str, full: bool) -> String {
    if full { shown(text) } else { shown(&without_numbers(text, known)) }
}

/// The visible text, at most 200 characters of it. Control characters and those that change the direction of text are
/// escaped.
pub(super) fn shown(text: &str) -> String {
    let mut out = String::new();
    for (index, c) in text.trim().chars().enumerate() {
        if index == LONGEST {
            out.push('…');
            break;
        }
        if is_hidden(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_least_four_digits_of_a_number_are_hidden() {
        let masked = |raw| Phone::new(raw, false).to_string();
        assert_eq!(masked("8613912341234"), "+86 139••••1234");
        assert_eq!(masked("+86 139-1234-1234"), "+86 139••••1234");
        assert_eq!(masked("12025550123"), "+1 20••••0123");
        assert_eq!(masked("6581234567"), "+65 ••••4567");
        assert_eq!(masked("35312345"), "+353 ••••5");
        assert_eq!(masked("861380000****"), "+86 138••••****");
        assert_eq!(masked("86139"), "+86 ••••");
        for strange in ["<script>8613912341234", "1234", "86139123412341234567", "８６１３９１２３４１２３４"]
        {
            assert_eq!(masked(strange), "••••");
        }
        for length in 5..=15 {
            let number = "7".to_owned() + &"123456789012345"[..length - 1];
            let kept = Phone::new(&number, false).plain().chars().filter(char::is_ascii_digit).count();
            assert!(kept + 4 <= length, "{kept} of {length} digits are shown");
        }
        assert_eq!(masked(""), "");
    }

    #[test]
    fn a_full_number_is_the_whole_number() {
        assert_eq!(Phone::new("8613912341234", true).to_string(), "+86 13912341234");
        assert_eq!(Phone::new("8613912341234", true).plain(), "8613912341234");
        assert_eq!(Phone::new("<b>", true).to_string(), "<b>");
    }

    #[test]
    fn numbers_in_free_text_are_hidden_too() {
        let hidden = |text| without_numbers(text, "293483938849493");
        assert_eq!(
            hidden("8613912341234 is not in 293483938849493, see 12345678"),
            "•••• is not in 293483938849493, see 12345678"
        );
        assert_eq!(hidden("Call +86 (139) 1234-1234 now"), "Call +•••• now");
        assert_eq!(hidden("2934839388494938613912341234"), "293483938849493••••");
        assert_eq!(without_numbers("8613912341234", "1"), "••••");
        assert_eq!(hidden("7-Eleven 24/7, 3 - 4 days"), "7-Eleven 24/7, 3 - 4 days");
    }

    #[test]
    fn invisible_characters_are_escaped() {
        assert_eq!(shown("a\u{202e}b\n\u{1b}c "), "a\\u{202e}b\\n\\u{1b}c");
        assert_eq!(shown(&"x".repeat(10_000)).chars().count(), LONGEST + 1);
        assert_eq!(shown("مرحبا"), "مرحبا");
    }
}
