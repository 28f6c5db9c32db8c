//! The meaning of the platform's codes, for every product.
//!
//! The facts are in `api-spec/platform.yaml`, from which the generator writes the tables.

#[rustfmt::skip]
#[allow(clippy::needless_update, reason = "descriptors grow")]
pub mod table;

use self::table::{MEANINGS, REFUSES_A_PARAMETER, SUCCESS_NUMBERS, SUCCESS_WORDS};

/// The meaning of an error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A limit with a period of seconds was exceeded.
    Throttled,
    /// A limit with a period of hours or days was exceeded; the text names the period.
    LongLimit(&'static str),
    /// The service itself failed, and may have executed the request before.
    ServiceFailed,
    /// The nonce was used before. Every attempt has a new one, so a proxy sent the request twice.
    NonceUsed,
    /// The timestamp is too far from the service's time.
    ClockWrong,
    /// The security token has expired.
    TokenExpired,
    /// The key, the signature or the permission is refused.
    IdentityRefused,
}

/// The codes of a row of the table, compared without case.
#[derive(Clone, Copy)]
enum Codes {
    /// The code itself, also with a dot and a suffix.
    Family(&'static str),
    /// Codes that contain these letters, without their dots, dashes and underscores, except those that refuse a
    /// parameter.
    Containing(&'static str),
}

/// The meaning of the code for all products; `None` for a code of a single product.
pub(crate) fn meaning(code: &str) -> Option<Meaning> {
    let lower = code.to_ascii_lowercase();
    let letters: String = lower.chars().filter(|c| c.is_alphanumeric()).collect();
    let refuses_a_parameter = REFUSES_A_PARAMETER.iter().any(|start| letters.starts_with(start));
    let is_about = |codes: Codes| match codes {
        Codes::Family(family) => lower
            .strip_prefix(&family.to_ascii_lowercase())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.')),
        Codes::Containing(part) => !refuses_a_parameter && letters.contains(part),
    };
    MEANINGS.iter().find(|(codes, _)| is_about(*codes)).map(|(_, meaning)| *meaning)
}

/// Whether the value of `Code` means success for every product.
pub(crate) fn is_success(code: &str) -> bool {
    let number = || code.bytes().all(|b| b.is_ascii_digit()).then(|| code.parse::<u32>().ok()).flatten();
    SUCCESS_WORDS.iter().any(|word| word.eq_ignore_ascii_case(code))
        || number().is_some_and(|number| SUCCESS_NUMBERS.iter().any(|range| range.contains(&number)))
}

#[cfg(test)]
mod tests;
