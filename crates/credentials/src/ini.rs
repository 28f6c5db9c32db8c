//! The text of an INI file: sections of keys with values.

/// One section.
#[derive(Default)]
pub(crate) struct Section<'t> {
    pub(crate) name: &'t str,
    pairs: Vec<(&'t str, &'t str)>,
}

impl<'t> Section<'t> {
    /// The value of a key; the last one counts, and an empty one not at all.
    pub(crate) fn get(&self, key: &str) -> Option<&'t str> {
        let found = self.pairs.iter().rev().find(|(name, _)| name.eq_ignore_ascii_case(key));
        found.map(|(_, value)| *value).filter(|value| !value.is_empty())
    }
}

/// The sections of a text, or the number of the first line that is none of its forms: `[section]`, `key = value`, `key: value`, and
/// comments, which begin with `#` or `;`. A value goes to the end of its line: a `#` in a secret is part of it. Quotes around a value
/// are taken off.
pub(crate) fn parse(text: &str) -> Result<Vec<Section<'_>>, usize> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            let name = name.strip_suffix(']').ok_or(index + 1)?.trim();
            sections.push(Section { name, pairs: Vec::new() });
            continue;
        }
        let (key, value) = line.split_once(['=', ':']).ok_or(index + 1)?;
        let section = sections.last_mut().ok_or(index + 1)?;
        section.pairs.push((key.trim(), unquoted(value.trim())));
    }
    Ok(sections)
}

fn unquoted(value: &str) -> &str {
    let inner = |quote| value.strip_prefix(quote).and_then(|rest: &str| rest.strip_suffix(quote));
    inner('"').or_else(|| inner('\'')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_inside_a_value_survives() {
        let sections =
            parse("# all\n[default]\n; more\r\nsecret = a#b ;c\nTYPE: access_key\nq=\"x y\"\n[other]\nsecret=\n")
                .unwrap();
        assert_eq!(sections.iter().map(|section| section.name).collect::<Vec<_>>(), ["default", "other"]);
        assert_eq!(sections[0].get("secret"), Some("a#b ;c"));
        assert_eq!(sections[0].get("type"), Some("access_key"));
        assert_eq!(sections[0].get("q"), Some("x y"));
        assert_eq!(sections[1].get("secret"), None);
    }

    #[test]
    fn a_line_that_is_none_is_found_by_its_number() {
        for (text, line) in [("[a]\nnonsense", 2), ("x = 1", 1), ("\n\n[a", 3)] {
            assert_eq!(parse(text).err(), Some(line), "{text}");
        }
    }
}
