//! `platform.yaml`.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use super::{Checker, Key, Located, Owner, Shapes, has_any_key, quoted};
use crate::diagnostic::Findings;
use crate::spec::de::from_node;
use crate::spec::file::{self, PlatformFile};
use crate::spec::node::Node;
use crate::spec::{Codes, Meaning, Platform};

pub fn platform_file(root: &Node, findings: &Findings) -> Option<Platform> {
    if !has_any_key(root, &["success", "meanings", "refuses_a_parameter", "errors"]) {
        findings.error(
            &(0..0),
            "this file does not describe the platform",
            "expected the keys `success`, `meanings`, `refuses_a_parameter` and `errors`",
            "platform.yaml holds the facts that all products share (see api-spec/README.md)",
        );
        return None;
    }
    let raw: PlatformFile = from_node(root, findings)?;
    let shapes = Shapes { names: None, types: HashMap::new() };
    Checker { findings, shapes: &shapes }.platform(&raw)
}

impl Checker<'_> {
    fn platform(&self, raw: &PlatformFile) -> Option<Platform> {
        let owner = Owner::file("platform", None);
        let success = self.required(&raw.success, "success", &owner);
        let (words, numbers) = success.map(|success| self.success(success)).unwrap_or_default();
        let meanings = self.required(&raw.meanings, "meanings", &owner);
        let meanings = meanings.map(|meanings| self.meanings(meanings)).unwrap_or_default();
        let refuses = self.required(&raw.refuses_a_parameter, "refuses_a_parameter", &owner);
        let refuses = refuses.map(|starts| self.parts(starts)).unwrap_or_default();
        let errors = self.required(&raw.errors, "errors", &owner)?;
        Some(Platform {
            source: self.findings.source().path.clone(),
            success_words: words,
            success_numbers: numbers,
            meanings,
            refuses_a_parameter: refuses,
            errors: self.error_codes(&errors.value),
        })
    }

    fn success(&self, raw: &Located<file::Success>) -> (Vec<String>, Vec<RangeInclusive<u32>>) {
        let owner = Owner::key("success", &raw.key);
        let words = self.required(&raw.value.words, "words", &owner);
        let words = words.map_or(Vec::new(), |words| self.parts(words));
        let numbers = self.required(&raw.value.numbers, "numbers", &owner);
        let numbers = numbers.map_or(Vec::new(), |numbers| {
            self.list(numbers).iter().filter_map(|range| self.range(numbers, range)).collect()
        });
        (words, numbers)
    }

    /// One number, or two and a hyphen.
    fn range(&self, list: &Located<String>, text: &str) -> Option<RangeInclusive<u32>> {
        let number = |text: &str| {
            let text = text.trim();
            text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u32>().ok()).flatten()
        };
        let (from, to) = text.split_once('-').unwrap_or((text, text));
        let range = number(from).zip(number(to)).filter(|(from, to)| from <= to);
        if range.is_none() {
            self.findings.error(
                &list.range,
                format!("{} is neither a number nor a range of numbers", quoted(text)),
                "expected numbers and ranges, separated by commas",
                "write numbers and ranges such as `0, 200-299`, with the smaller number of a range first",
            );
        }
        range.map(|(from, to)| from..=to)
    }

    fn meanings(&self, raw: &Located<file::Meanings>) -> Vec<(Codes, Meaning)> {
        let owner = Owner::key("meanings", &raw.key);
        let raw = &raw.value;
        let mut meanings = Vec::new();
        for (key, name, meaning) in [
            (&raw.throttled_for_a_day, "throttled_for_a_day", Meaning::LongLimit("day")),
            (&raw.throttled_for_an_hour, "throttled_for_an_hour", Meaning::LongLimit("hour")),
            (&raw.throttled_for_a_month, "throttled_for_a_month", Meaning::LongLimit("month")),
            (&raw.throttled_for_longer, "throttled_for_longer", Meaning::LongLimit("minute, hour or day")),
            (&raw.throttled, "throttled", Meaning::Throttled),
            (&raw.clock_wrong, "clock_wrong", Meaning::ClockWrong),
            (&raw.token_expired, "token_expired", Meaning::TokenExpired),
            (&raw.identity_refused, "identity_refused", Meaning::IdentityRefused),
            (&raw.nonce_used, "nonce_used", Meaning::NonceUsed),
            (&raw.service_failed, "service_failed", Meaning::ServiceFailed),
        ] {
            let Some(codes) = self.required(key, name, &owner) else { continue };
            for (codes, place) in self.codes(name, codes) {
                // Of two equal lines, only the first has an effect.
                if meanings.iter().any(|(known, _)| *known == codes) {
                    let (Codes::Family(text) | Codes::Containing(text)) = &codes;
                    self.findings.error(
                        &place.range,
                        format!("{} is listed twice", quoted(text)),
                        "has a meaning already",
                        "keep one of the two",
                    );
                }
                meanings.push((codes, meaning));
            }
        }
        meanings
    }

    fn codes<'k>(&self, name: &'static str, raw: &'k Located<file::Codes>) -> Vec<(Codes, &'k Located<String>)> {
        if matches!((&raw.value.codes, &raw.value.containing), (Key::Missing, Key::Missing)) {
            self.required(&raw.value.codes, "codes", &Owner::key(name, &raw.key));
        }
        let mut all = Vec::new();
        if let Some(codes) = raw.value.codes.given() {
            let list = self.list(codes);
            if let Some(code) = list.iter().find(|code| code.contains(|c: char| c.is_whitespace() || c.is_control())) {
                self.findings.error(
                    &codes.range,
                    format!("{} is not an error code", quoted(code)),
                    "expected codes, separated by commas",
                    "write a comma between two codes",
                );
            }
            all.extend(list.into_iter().map(|code| (Codes::Family(code), codes)));
        }
        if let Some(parts) = raw.value.containing.given() {
            all.extend(self.parts(parts).into_iter().map(|part| (Codes::Containing(part), parts)));
        }
        all
    }

    /// Parts of codes, which are compared without case, dots, hyphens and underscores.
    fn parts(&self, raw: &Located<String>) -> Vec<String> {
        let parts = self.list(raw);
        let is_part = |part: &String| part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        if let Some(part) = parts.iter().find(|part| !part.is_empty() && !is_part(part)) {
            self.findings.error(
                &raw.range,
                format!("{} matches no code", quoted(part)),
                "expected small letters and digits, separated by commas",
                "write it in small letters, without dots, hyphens and underscores, which are ignored",
            );
        }
        parts
    }

    /// The entries between commas.
    fn list(&self, raw: &Located<String>) -> Vec<String> {
        let list: Vec<String> = raw.value.split(',').map(|part| part.trim().to_owned()).collect();
        if list.iter().any(String::is_empty) {
            self.findings.error(
                &raw.range,
                "an entry between commas is empty",
                "expected a list, separated by commas",
                "remove a comma, or add the missing entry",
            );
        }
        list
    }
}
