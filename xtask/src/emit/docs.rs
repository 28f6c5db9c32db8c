//! Converts the texts of specifications to Markdown. Backticks mark code; everything else is escaped plain text.

use crate::diagnostic::is_direction_control;

/// Escaped Markdown: paragraphs of words; lines are broken only between words.
#[derive(Debug)]
pub struct Markdown(Vec<Vec<String>>);

impl Markdown {
    /// Plain text in which backticks mark code.
    ///
    /// Nothing in it can become a link, a tag, a heading, a list or a code block. Characters that are invisible or
    /// change the order of the text are removed.
    pub fn new(text: &str) -> Self {
        let mut paragraphs = vec![String::new()];
        for line in text.split(['\n', '\u{2028}', '\u{2029}']) {
            match paragraphs.last_mut() {
                Some(paragraph) if !line.trim().is_empty() => {
                    paragraph.push(' ');
                    paragraph.push_str(line);
                }
                _ => paragraphs.push(String::new()),
            }
        }
        Self(paragraphs.iter().map(|paragraph| words(paragraph)).filter(|words| !words.is_empty()).collect())
    }

    /// Markdown that is used unchanged, on one line.
    pub fn verbatim(text: &str) -> Self {
        Self(vec![text.split(' ').map(ToOwned::to_owned).collect()])
    }

    /// Joins two texts in one paragraph.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self(vec![self.0.iter().chain(&other.0).flatten().cloned().collect()])
    }

    /// On one line.
    pub fn inline(&self) -> String {
        line(&self.0.concat())
    }

    /// On one line, for a cell of a table.
    pub fn cell(&self) -> String {
        // A bar must be escaped even inside code.
        self.inline().replace('|', "\\|")
    }

    /// Paragraphs separated by empty lines.
    pub fn text(&self) -> String {
        self.0.iter().map(|words| line(words)).collect::<Vec<_>>().join("\n\n")
    }

    /// Paragraphs separated by empty lines, with lines of at most `width` characters, if the words allow.
    pub fn lines(&self, width: usize) -> Vec<String> {
        let mut lines = Vec::new();
        for paragraph in &self.0 {
            if !lines.is_empty() {
                lines.push(String::new());
            }
            let mut start = 0;
            let mut length = 0;
            for (index, word) in paragraph.iter().enumerate() {
                let added = word.chars().count() + 1;
                if index > start && length + added > width {
                    lines.push(line(&paragraph[start..index]));
                    (start, length) = (index, 0);
                }
                length += added;
            }
            lines.push(line(&paragraph[start..]));
        }
        lines
    }
}

/// The description in one paragraph, or a note that there is none; with the name on the wire if the Rust name does not
/// show it.
pub fn described(wire: &str, description: &str, numbered: bool) -> Markdown {
    let name = if wire.is_empty() { "The empty text".to_owned() } else { Markdown::new(&code(wire)).inline() };
    let text = Markdown::new(description);
    match numbered {
        _ if text.0.is_empty() => Markdown::verbatim(&format!("{name}: not described.")),
        false => Markdown(vec![text.0.concat()]),
        true => text.and(&Markdown::verbatim(&format!("({name} on the wire; another one has the plain name.)"))),
    }
}

/// Text as a code span.
pub fn code(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let ticks = "`".repeat(longest + 1);
    let blank = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{ticks}{blank}{text}{blank}{ticks}")
}

/// Whether a character is invisible or changes the order of the text.
pub fn is_invisible(c: char) -> bool {
    c.is_control()
        || is_direction_control(c)
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200d}' | '\u{2028}' | '\u{2029}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
        || matches!(c, '\u{e0000}'..='\u{e0fff}')
}

/// Words joined by blanks. The first one is escaped if it could begin a block.
fn line(words: &[String]) -> String {
    let text = words.join(" ");
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let numbers_an_item = digits > 0 && matches!(&text.as_bytes()[digits..], [b'.' | b')'] | [b'.' | b')', b' ', ..]);
    if text.starts_with(['#', '>', '-', '+', '=', '|', ':']) {
        format!("\\{text}")
    } else if numbers_an_item {
        format!("{}\\{}", &text[..digits], &text[digits..])
    } else {
        text
    }
}

/// The words of one paragraph, escaped; code with blanks in it is one word.
fn words(paragraph: &str) -> Vec<String> {
    let text: Vec<char> =
        paragraph.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|&c| !is_invisible(c)).collect();
    let mut words = Vec::new();
    let mut word = String::new();
    let mut index = 0;
    while let Some(&c) = text.get(index) {
        let rest = &text[index..];
        let before = index.checked_sub(1).map_or(' ', |before| text[before]);
        let after = rest.get(1).copied().unwrap_or(' ');
        let mut taken = 1;
        match c {
            ' ' => words.extend((!word.is_empty()).then(|| std::mem::take(&mut word))),
            '`' => {
                let ticks = rest.iter().take_while(|&&c| c == '`').count();
                taken = code_span(rest, ticks).unwrap_or(ticks);
                if taken > ticks {
                    let code: String = rest[..taken].iter().collect();
                    word.push_str(&code.split(' ').filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" "));
                } else {
                    word.push_str(&"\\`".repeat(ticks));
                }
            }
            'h' if !before.is_alphanumeric() && address(rest).is_some() => {
                let url = address(rest).unwrap_or_default();
                taken = url.chars().count();
                word.push_str(&format!("<{url}>"));
            }
            '_' if before.is_alphanumeric() && after.is_alphanumeric() => word.push(c),
            '&' if !(after.is_ascii_alphanumeric() || after == '#') => word.push(c),
            '\\' | '*' | '_' | '[' | ']' | '<' | '~' | '&' => word.extend(['\\', c]),
            _ => word.push(c),
        }
        index += taken;
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

/// The length of the code span that begins with this many backticks; `None` if it is not closed.
fn code_span(text: &[char], ticks: usize) -> Option<usize> {
    let mut index = ticks;
    while index < text.len() {
        let run = text[index..].iter().take_while(|&&c| c == '`').count();
        if run == ticks {
            let blank = text[ticks..index].iter().all(|&c| c == ' ');
            return (!blank).then_some(index + run);
        }
        index += run.max(1);
    }
    None
}

/// The web address at the beginning of the text, in angle brackets: rustdoc does not link bare addresses.
fn address(text: &[char]) -> Option<String> {
    let run: String = text.iter().take_while(|&&c| c != ' ' && !"<>\"`\\|".contains(c)).collect();
    let url = run.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '\'', '*', '_']);
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    (!host.is_empty()).then(|| url.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inline(text: &str) -> String {
        Markdown::new(text).inline()
    }

    #[test]
    fn text_means_itself() {
        let table = [
            ("Plain text, `code`.", "Plain text, `code`."),
            ("a_b _c_ *d*", r"a_b \_c\_ \*d\*"),
            ("[link] [a]: b", r"\[link\] \[a\]: b"),
            ("[`Vec`]", r"\[`Vec`\]"),
            ("<script>", r"\<script>"),
            ("one ` backtick", r"one \` backtick"),
            ("`` a ` b ``", "`` a ` b ``"),
            ("`<b>` and [`", r"`<b>` and \[\`"),
            ("back\\slash", r"back\\slash"),
            ("# no heading", r"\# no heading"),
            ("- no item", r"\- no item"),
            ("1. no item", r"1\. no item"),
            ("12) no item", r"12\) no item"),
            ("1.5 is a number", "1.5 is a number"),
            ("> no quote", r"\> no quote"),
            ("| no | table", r"\| no | table"),
            ("~~no strike~~", r"\~\~no strike\~\~"),
            ("&lt; AT&T & co", r"\&lt; AT\&T & co"),
            ("See https://example.com/a_b.", "See <https://example.com/a_b>."),
            ("\u{202e}left\u{200b}\0", "left"),
            ("line\nbreak\r\n", "line break"),
            ("{{ }}", "{{ }}"),
            ("", ""),
            (" \n \n", ""),
        ];
        for (text, markdown) in table {
            assert_eq!(inline(text), markdown, "{text:?}");
        }
    }

    #[test]
    fn an_open_fence_stays_text() {
        assert_eq!(inline("```rust\ncompile_error!();"), r"\`\`\`rust compile_error!();");
        assert_eq!(inline("~~~\nx"), r"\~\~\~ x");
        assert_eq!(inline("    fn indented() {}"), "fn indented() {}");
    }

    #[test]
    fn no_broken_line_begins_a_block() {
        let markdown = Markdown::new("word - word # word 1. word === word `a - b` > word |-- :-- word");
        for line in markdown.lines(5) {
            assert!(!line.starts_with(['-', '#', '=', '>', '|', ':']), "{line}");
            assert!(!line.starts_with("1. "), "{line}");
        }
        assert!(markdown.lines(5).contains(&"`a - b`".to_owned()));
    }

    #[test]
    fn paragraphs_stay_apart() {
        assert_eq!(Markdown::new("a\nb\n\n\n  c").lines(80), ["a b", "", "c"]);
        assert_eq!(Markdown::new("a\nb\n\n\n  c").text(), "a b\n\nc");
    }

    #[test]
    fn a_cell_has_no_bare_bar() {
        assert_eq!(Markdown::new("a | `b|c`").cell(), r"a \| `b\|c`");
    }
}
