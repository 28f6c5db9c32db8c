//! Reads and writes `upstream.lock`, the fingerprints of the metadata at the last import.
//!
//! They show whether a value was changed by hand, upstream, or both, and contain no official texts.

use super::yaml::Tree;

/// Fingerprints with the structure of the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prints {
    Scalar(u64),
    Map(Vec<(String, Prints)>),
}

const HEAD: &str = "\
# What the official metadata said when it was last imported, as fingerprints: with them, the next import tells your changes
# from those of Alibaba Cloud. Written by `cargo xtask import`; keep it with the specifications.
";

impl Prints {
    /// The fingerprints of a tree.
    pub fn of(tree: &Tree) -> Self {
        match tree {
            Tree::Map(entries) => {
                Self::Map(entries.iter().map(|(key, value)| (key.clone(), Self::of(value))).collect())
            }
            Tree::Text(text) | Tree::Word(text) => Self::Scalar(fingerprint(text)),
        }
    }

    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, prints)| prints),
            Self::Scalar(_) => None,
        }
    }

    /// Sets the fingerprints of one file.
    pub fn set(&mut self, key: &str, prints: Self) {
        if let Self::Map(entries) = self {
            match entries.binary_search_by(|(name, _)| name.as_str().cmp(key)) {
                Ok(index) => {
                    if let Some(entry) = entries.get_mut(index) {
                        entry.1 = prints;
                    }
                }
                Err(index) => entries.insert(index, (key.to_owned(), prints)),
            }
        }
    }

    /// Removes the fingerprints of one file.
    pub fn remove(&mut self, key: &str) {
        if let Self::Map(entries) = self {
            entries.retain(|(name, _)| name != key);
        }
    }

    /// The text of the file.
    pub fn render(&self) -> String {
        let mut text = HEAD.to_owned();
        self.lines(&mut text, 0);
        text
    }

    fn lines(&self, out: &mut String, depth: usize) {
        let Self::Map(entries) = self else { return };
        for (key, prints) in entries {
            out.push_str(&" ".repeat(depth));
            out.push_str(&serde_json::Value::from(key.as_str()).to_string());
            if let Self::Scalar(print) = prints {
                out.push_str(&format!(" {print:016x}"));
            }
            out.push('\n');
            prints.lines(out, depth + 1);
        }
    }

    /// Reads the file.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut open: Vec<(String, Vec<(String, Self)>)> = vec![(String::new(), Vec::new())];
        for (index, line) in text.lines().enumerate() {
            let wrong = || {
                format!(
                    "line {} of `upstream.lock` cannot be read: restore it, or delete it and import again",
                    index + 1
                )
            };
            if line.starts_with('#') || line.is_empty() {
                continue;
            }
            let depth = line.len() - line.trim_start_matches(' ').len();
            let rest = &line[depth..];
            let end = rest.rfind('"').ok_or_else(wrong)?;
            let key: String = serde_json::from_str(&rest[..=end]).map_err(|_| wrong())?;
            close(&mut open, depth + 1);
            if open.len() != depth + 1 {
                return Err(wrong());
            }
            match rest[end + 1..].trim() {
                "" => open.push((key, Vec::new())),
                print => {
                    let print = u64::from_str_radix(print, 16).map_err(|_| wrong())?;
                    open.last_mut().ok_or_else(wrong)?.1.push((key, Self::Scalar(print)));
                }
            }
        }
        close(&mut open, 1);
        Ok(Self::Map(open.pop().map_or(Vec::new(), |(_, entries)| entries)))
    }
}

/// Closes the open maps beyond this number.
fn close(open: &mut Vec<(String, Vec<(String, Prints)>)>, most: usize) {
    while open.len() > most {
        let Some((key, entries)) = open.pop() else { return };
        if let Some((_, parent)) = open.last_mut() {
            parent.push((key, Prints::Map(entries)));
        }
    }
}

/// FNV-1a with 64 bits, which is stable across machines and releases, unlike the hashes of the standard library.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_survive_writing_and_reading() {
        let tree = Tree::Map(vec![
            (
                "A".to_owned(),
                Tree::Map(vec![("x \"\n".to_owned(), Tree::text("1")), ("e".to_owned(), Tree::Map(Vec::new()))]),
            ),
            ("B".to_owned(), Tree::Map(vec![("y".to_owned(), Tree::Map(vec![("z".to_owned(), Tree::word("2"))]))])),
        ]);
        let mut prints = Prints::of(&tree);
        assert_eq!(Prints::parse(&prints.render()).unwrap(), prints);
        prints.set("AB", Prints::Map(Vec::new()));
        prints.set("B", Prints::Map(Vec::new()));
        assert_eq!(Prints::parse(&prints.render()).unwrap(), prints);
        assert_eq!(Prints::parse("").unwrap(), Prints::Map(Vec::new()));
        for wrong in ["x", "\"a\" zz", "  \"a\" 00", "\"a\"\n   \"b\" 1"] {
            assert!(Prints::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(fingerprint("a"), 0xaf63_dc4c_8601_ec8c, "the published value of FNV-1a");
    }
}
