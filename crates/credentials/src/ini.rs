//! Parses INI files: sections of keys with values.

/// One section.
#[derive(Default)]
pub(crate) struct Section<'t> {
    pub(crate) name: &'t str,
    /// The number of the line on which it begins.
    pub(crate) line: usize,
    pairs: Vec<Pair<'t>>,
}

struct Pair<'t> {
    key: &'t str,
    /// The rest of the line.
    value: &'t str,
    line: usize,
}

impl<'t> Section<'t> {
    /// The value of a key, without surrounding quotation marks and a trailing comment; `None` if it is empty.
    pub(crate) fn get(&self, key: &str) -> Option<&'t str> {
        self.whole(key).map(without_comment).filter(|value| !value.is_empty())
    }

    /// The value of a key up to the end of the line, for texts that may contain a comment character.
    pub(crate) fn whole(&self, key: &str) -> Option<&'t str> {
        let found = self.pairs.iter().find(|pair| pair.key.eq_ignore_ascii_case(key));
        found.map(|pair| pair.value).filter(|value| !value.trim().is_empty())
    }

    /// Whether the section has no keys.
    pub(crate) fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The lines of a duplicate key.
    pub(crate) fn repeated(&self) -> Option<(usize, usize)> {
        self.pairs.iter().enumerate().find_map(|(index, second)| {
            let first = self.pairs[..index].iter().find(|first| first.key.eq_ignore_ascii_case(second.key))?;
            Some((first.line, second.line))
        })
    }
}

/// Parses the sections of a text. The error is the number of the first line that is none of `[section]`, `key = value`,
/// `key: value`, and comments. A comment begins with `#` or `;`, at the start of a line or after a blank.
pub(crate) fn parse(text: &str) -> Result<Vec<Section<'_>>, usize> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let (line, number) = (line.trim(), index + 1);
        if is_comment(line) {
            continue;
        }
        if let Some(rest) = line.strip_prefix('[') {
            let (name, rest) = rest.split_once(']').ok_or(number)?;
            if !is_comment(rest.trim_start()) {
                return Err(number);
            }
            sections.push(Section { name: name.trim(), line: number, pairs: Vec::new() });
            continue;
        }
        let (key, value) = line.split_once(['=', ':']).ok_or(number)?;
        let section = sections.last_mut().ok_or(number)?;
        section.pairs.push(Pair { key: key.trim(), value, line: number });
    }
    Ok(sections)
}

/// Whether the text is empty or a comment.
fn is_comment(text: &str) -> bool {
    text.is_empty() || text.starts_with(['#', ';'])
}

/// A value without a trailing comment. A `#` or `;` without a blank before it is part of the value.
fn without_comment(value: &str) -> &str {
    let trimmed = value.trim();
    for quote in ['"', '\''] {
        if let Some((inner, rest)) = trimmed.strip_prefix(quote).and_then(|rest| rest.split_once(quote))
            && is_comment(rest.trim_start())
        {
            return inner;
        }
    }
    let mut after_blank = false;
    let comment = value.find(|c: char| {
        let begins = after_blank && matches!(c, '#' | ';');
        after_blank = c.is_whitespace();
        begins
    });
    value[..comment.unwrap_or(value.len())].trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_part_of_a_value_unless_it_begins_a_comment() {
        let text = "# all\n[default] # mine\n; more\r\nsecret = a#b;c ;d\nTYPE: access_key  # AK\nq=\"x # y\" # z\np = {\"a\": \" #\"}\n\
                    e = # none\n[ other ];\nsecret=\nodd=\"a\"b\"\n";
        let sections = parse(text).unwrap();
        let names: Vec<_> = sections.iter().map(|section| (section.name, section.line)).collect();
        assert_eq!(names, [("default", 2), ("other", 9)]);
        assert_eq!(sections[0].get("secret"), Some("a#b;c"));
        assert_eq!(sections[0].get("type"), Some("access_key"));
        assert_eq!(sections[0].get("q"), Some("x # y"));
        assert_eq!(sections[0].whole("p"), Some(" {\"a\": \" #\"}"));
        assert_eq!(sections[0].get("e"), None);
        assert_eq!(sections[1].get("secret"), None);
        assert_eq!(sections[1].get("odd"), Some("\"a\"b\""), "the check of all access keys refuses it");
    }

    #[test]
    fn a_duplicate_key_is_found() {
        let sections = parse("[a]\nx=1\n\nX : 2\n[b]\nx=1\n").unwrap();
        assert_eq!(sections[0].repeated(), Some((2, 4)));
        assert_eq!(sections[1].repeated(), None);
    }

    #[test]
    fn an_invalid_line_is_reported_by_number() {
        for (text, line) in [("[a]\nnonsense", 2), ("x = 1", 1), ("\n\n[a", 3), ("[a] b", 1)] {
            assert_eq!(parse(text).err(), Some(line), "{text}");
        }
    }
}
