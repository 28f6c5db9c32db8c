//! Notes about what an import left out or decided, grouped so that they stay readable for large products.

use std::collections::BTreeMap;

/// Notes, each with its places.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Notes(BTreeMap<String, Vec<String>>);

impl Notes {
    /// Adds a place to the note with this text.
    pub fn add(&mut self, note: impl Into<String>, place: impl Into<String>) {
        self.0.entry(note.into()).or_default().push(place.into());
    }

    /// Each note with its places, at most `most` of them.
    pub fn render(&self, most: usize) -> String {
        let mut text = String::new();
        for (note, places) in &self.0 {
            let shown = places.iter().take(most).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = places.len().saturating_sub(most);
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            text += &format!("note: {note} ({}): {shown}{more}\n", places.len());
        }
        text
    }
}
