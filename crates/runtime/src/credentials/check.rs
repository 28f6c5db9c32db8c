//! The check that every access key passes before it signs anything, whatever its source.

/// What makes a value useless as an access key ID, secret or security token, and what to do about it, as the rest of a sentence.
/// The value is not quoted.
///
/// Alibaba Cloud gives out printable ASCII without blanks and quotation marks. Anything else was added on the way (a line break by
/// `echo`, quotes by an env file), and a signature with it never verifies: the service answers with a mismatch that leads nowhere.
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
