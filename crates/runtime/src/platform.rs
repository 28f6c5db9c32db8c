//! What codes mean that the platform answers with, whatever the product.
//!
//! The facts stand in `api-spec/platform.yaml`, and the generator writes the tables from it.

#[rustfmt::skip]
#[allow(clippy::needless_update, reason = "descriptors grow")]
pub mod table;

use self::table::{MEANINGS, REFUSES_A_PARAMETER, SUCCESS_NUMBERS, SUCCESS_WORDS};

/// What an error code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A limit that counts in seconds was exceeded.
    Throttled,
    /// A limit that counts in hours or days was exceeded; the text names the period.
    LongLimit(&'static str),
    /// The service itself failed, and may have executed the request before.
    ServiceFailed,
    /// The nonce was seen before. Every attempt has a new one, so something on the way sent the request twice.
    NonceUsed,
    /// The timestamp is not the service's time.
    ClockWrong,
    /// The security token has expired.
    TokenExpired,
    /// The key, the signature or the permission is refused.
    IdentityRefused,
}

/// Which codes a row of the table is about. Letters are compared without case.
#[derive(Clone, Copy)]
enum Codes {
    /// The code itself, and whatever follows it after a dot.
    Family(&'static str),
    /// Codes with these letters anywhere, as a code without its dots, dashes and underscores spells them; not those that refuse a
    /// parameter.
    Containing(&'static str),
}

/// What the platform means by the code; `None` for a code that it does not share among products.
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

/// Whether a value of `Code` can only mean success, whatever a product documents.
pub(crate) fn is_success(code: &str) -> bool {
    let number = || code.bytes().all(|b| b.is_ascii_digit()).then(|| code.parse::<u32>().ok()).flatten();
    SUCCESS_WORDS.iter().any(|word| word.eq_ignore_ascii_case(code))
        || number().is_some_and(|number| SUCCESS_NUMBERS.iter().any(|range| range.contains(&number)))
}

#[cfg(test)]
mod tests;
