//! Bounds for texts of the service that go into errors, logs and journals.

/// The most bytes of a message.
pub(crate) const MESSAGE: usize = 4096;

/// The most bytes of a code, a request ID or a host ID.
pub(crate) const WORD: usize = 256;

/// Cuts a text after `limit` bytes at the most, and says so in it. Secrets must be hidden before: half of one is not recognized.
pub(crate) fn bounded(mut text: String, limit: usize) -> String {
    if text.len() > limit {
        let length = text.len();
        let end = (0..=limit).rev().find(|&end| text.is_char_boundary(end));
        text.truncate(end.unwrap_or_default());
        text += &format!("… (cut, {length} bytes in all)");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters_and_says_so() {
        assert_eq!(bounded("abc".to_owned(), 3), "abc");
        assert_eq!(bounded("abcd".to_owned(), 3), "abc… (cut, 4 bytes in all)");
        assert_eq!(bounded("aéé".to_owned(), 4), "aé… (cut, 5 bytes in all)");
        assert_eq!(bounded("ééé".to_owned(), 1), "… (cut, 6 bytes in all)");
    }
}
