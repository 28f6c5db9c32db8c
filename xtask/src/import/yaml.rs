//! Writes a tree of maps and scalars as YAML.

use crate::diagnostic::is_direction_control;
use crate::emit::is_invisible;
use crate::spec::is_text;

/// The content of a specification file, without places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tree {
    /// Text; quoted where YAML would otherwise read another type.
    Text(String),
    /// A number, a boolean, or an unquoted word with a meaning, such as `none`.
    Word(String),
    Map(Vec<(String, Tree)>),
}

impl Tree {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub fn word(word: impl Into<String>) -> Self {
        Self::Word(word.into())
    }

    /// A description, or `none` if it is empty.
    pub fn prose(text: &str) -> Self {
        if text.is_empty() { Self::word("none") } else { Self::text(text) }
    }

    /// The value under a key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The entries of a map; none for a scalar.
    pub fn entries(&self) -> &[(String, Self)] {
        match self {
            Self::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The whole file, with the line that names its schema for editors.
    pub fn file(&self, schema: &str) -> String {
        let mut text = format!("# yaml-language-server: $schema=../schema/{schema}.json\n");
        for (key, value) in self.entries() {
            entry(&mut text, key, value, 0);
        }
        text
    }

    /// One entry in block style, with its line break.
    pub fn block_entry(key: &str, value: &Self, indent: usize) -> String {
        let mut text = String::new();
        entry(&mut text, key, value, indent);
        text
    }

    /// The tree in flow style, on one line.
    pub fn flow(&self) -> String {
        match self {
            Self::Text(text) => quoted(text),
            Self::Word(word) => word.clone(),
            Self::Map(entries) if entries.is_empty() => "{}".to_owned(),
            Self::Map(entries) => {
                let entries: Vec<_> =
                    entries.iter().map(|(key, value)| format!("{}: {}", scalar(key), value.flow())).collect();
                format!("{{ {} }}", entries.join(", "))
            }
        }
    }

    /// A scalar as written after its key.
    pub fn inline(&self) -> String {
        match self {
            Self::Text(text) => scalar(text),
            other => other.flow(),
        }
    }
}

fn entry(out: &mut String, key: &str, value: &Tree, indent: usize) {
    let blanks = " ".repeat(indent);
    out.push_str(&blanks);
    out.push_str(&scalar(key));
    out.push(':');
    match value {
        Tree::Map(entries) if !entries.is_empty() => {
            out.push('\n');
            for (key, value) in entries {
                entry(out, key, value, indent + 2);
            }
        }
        Tree::Text(text) if is_block(text) => {
            out.push_str(" |\n");
            for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
                if !line.is_empty() {
                    out.push_str(&blanks);
                    out.push_str("  ");
                    out.push_str(line);
                }
                out.push('\n');
            }
        }
        value => {
            out.push(' ');
            out.push_str(&value.inline());
            out.push('\n');
        }
    }
}

/// Whether text can be written below `|` without a change: it ends with one line break.
fn is_block(text: &str) -> bool {
    let Some(lines) = text.strip_suffix('\n') else { return false };
    let plain = |line: &str| line.trim_end() == line && !line.chars().any(must_be_escaped);
    !lines.starts_with([' ', '\n']) && !lines.ends_with('\n') && !lines.is_empty() && lines.split('\n').all(plain)
}

/// Text as a scalar on one line, quoted only if necessary.
fn scalar(text: &str) -> String {
    let start = text.starts_with(|c: char| c.is_alphanumeric() || c == '$' || c == '/');
    let plain = |c: char| c.is_alphanumeric() || " _.,;()/'\"`+=*!?$%<>^~@|&-".contains(c);
    let safe = start && !text.ends_with(' ') && text.chars().all(plain) && !text.contains(", ");
    // In flow style, a comma would end the text.
    let safe = safe && !text.contains(',') && !text.chars().any(must_be_escaped) && is_text(text);
    if safe { text.to_owned() } else { quoted(text) }
}

/// Text in double quotes.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if must_be_escaped(c) => match u32::from(c) {
                code @ ..=0xffff => out.push_str(&format!("\\u{code:04X}")),
                code => out.push_str(&format!("\\U{code:08X}")),
            },
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Whether a character must be escaped in a file.
pub fn must_be_escaped(c: char) -> bool {
    c.is_control() || is_invisible(c) || is_direction_control(c) || (c.is_whitespace() && c != ' ')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::merge::tree_of;

    #[test]
    fn every_text_survives_writing_and_reading() {
        let texts = [
            "",
            " ",
            "a",
            "none",
            "null",
            "true",
            "12",
            "0x1f",
            "1e3",
            "~",
            "- a",
            "a: b",
            "a #b",
            "#a",
            "a,b",
            "a, b",
            "{a}",
            "[",
            "*a",
            "&a",
            "!a",
            "|",
            ">",
            "%",
            "@",
            "`a`",
            "\"",
            "'",
            "a'",
            "\\",
            "\n",
            "a\n",
            "a\nb\n",
            "a\n\nb\n",
            " a\n",
            "a \nb\n",
            "a\n\n",
            "\ta",
            "a\tb\n",
            "\u{0}",
            "\u{85}",
            "\u{202e}",
            "\u{feff}",
            "\u{2028}",
            "中文：一",
            "😀",
            "a\r\nb",
            "---",
            "...",
            "? a",
            "a:",
            ":a",
            "=",
            "<<",
            "a\u{a0}b",
            "yes",
            "2020-06-06",
            "$body",
            "/a",
            ".inf",
            "+1",
            "A.%s\u{1}",
        ];
        for text in texts {
            for key in ["key", text] {
                if key.is_empty() && text.is_empty() {
                    continue;
                }
                let tree = Tree::Map(vec![(
                    key.to_owned(),
                    Tree::Map(vec![("a".to_owned(), Tree::text(text)), ("b".to_owned(), Tree::text("x"))]),
                )]);
                for written in [tree.file("action"), format!("{}\n", tree.flow())] {
                    assert_eq!(tree_of("a.yaml", &written).unwrap(), tree, "{written:?}");
                }
            }
        }
    }
}
