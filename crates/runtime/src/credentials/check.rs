//! The validation of every access key, whatever its source.

/// The reason why a value cannot be part of an access key, and what to do, as the rest of a sentence. The value is not
/// quoted.
///
/// Alibaba Cloud issues printable ASCII without blanks and quotation marks. Anything else was added later (a line break
/// by `echo`, quotes by an env file). The service would reject the signature with an error that does not show the
/// cause.
pub(super) fn problem(value: &str) -> Option<&'static str> {
    if value.is_empty() {
        return Some("is empty; set it");
    }
    if value.trim() != value {
        return Some("has a blank or a line break at its beginning or end; remove it");
    }
    let is_quote = |c: char| matches!(c, '"' | '\'' | '`');
    if value.len() > 1 && value.starts_with(is_quote) && value.ends_with(is_quote) {
        return Some("has quotation marks around it, which are part of the value here; remove them");
    }
    value.chars().find_map(|c| match c {
        _ if is_quote(c) => Some("contains a quotation mark; remove it"),
        '!'..='~' => None,
        _ if c.is_control() => Some("contains a control character or a line break; copy it again"),
        _ if c.is_whitespace() => Some("contains a blank; copy it again, without comments after it"),
        _ => Some("contains a character that is not ASCII; copy it again"),
    })
}

#[cfg(test)]
mod tests;
