//! Hints for unknown words: the nearest known one, and all of them.

use crate::diagnostic::quoted;

/// `did you mean …? known: …`.
pub fn suggestion(word: &str, known: &[&str]) -> String {
    let mut all = known.iter().take(40).map(|word| quoted(word)).collect::<Vec<_>>().join(", ");
    if known.len() > 40 {
        all.push_str(" …");
    }
    match nearest(word, known) {
        Some(nearest) => format!("did you mean {}? known here: {all}", quoted(nearest)),
        None if known.is_empty() => "nothing is known here".to_owned(),
        None => format!("known here: {all}"),
    }
}

/// The known word that is most similar.
fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    // The comparison is quadratic in the length, but names are short.
    if word.len() > 100 {
        return None;
    }
    let plain = |word: &str| word.to_lowercase().replace(['_', '-'], "");
    let wanted = plain(word);
    if let Some(same) = known.iter().find(|known| plain(known) == wanted) {
        return Some(same);
    }
    similar::get_close_matches(word, known, 1, 0.7).first().copied()
}
