//! Literals, identifiers and formatted items: how pieces of generated code become text.

use proc_macro2::{Ident, Literal, Span, TokenStream};

use super::docs::is_invisible;

/// A string literal with exactly this value. Characters that cannot be seen, or that reorder the text around them, are escaped.
pub fn literal(value: &str) -> String {
    let plain = |c: char| c == ' ' || !c.is_whitespace() && !is_invisible(c) && c.escape_debug().count() <= 2;
    if value.contains(['"', '\\']) && value.chars().all(plain) {
        // JSON stays readable.
        let hashes = "#".repeat(hashes_needed(value));
        return format!("r{hashes}\"{value}\"{hashes}");
    }
    let mut text = String::from("\"");
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            c if plain(c) => text.push(c),
            c => text += &format!("\\u{{{:x}}}", u32::from(c)),
        }
    }
    text.push('"');
    text
}

/// How many `#` a raw literal needs so that nothing in it ends it.
fn hashes_needed(value: &str) -> usize {
    let behind_quotes = value.split('"').skip(1);
    behind_quotes.map(|rest| 1 + rest.bytes().take_while(|&byte| byte == b'#').count()).max().unwrap_or_default()
}

/// The same as a token.
pub fn literal_token(value: &str) -> Literal {
    literal(value).parse().unwrap_or_else(|_| Literal::string(value))
}

/// A name that the model has decided on.
pub fn ident(name: &str) -> Ident {
    match name.strip_prefix("r#") {
        Some(keyword) => Ident::new_raw(keyword, Span::call_site()),
        None => Ident::new(name, Span::call_site()),
    }
}

/// One item, formatted by itself: formatting a whole file would lose its blank lines.
pub fn item(tokens: &TokenStream) -> String {
    match syn::parse2::<syn::Item>(tokens.clone()) {
        Ok(item) => {
            prettyplease::unparse(&syn::File { shebang: None, attrs: Vec::new(), items: vec![item], frontmatter: None })
        }
        // Whoever reads the finished files reports what does not parse.
        Err(_) => tokens.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_has_exactly_the_value_and_shows_all_of_it() {
        let hostile = [
            "",
            "plain",
            "\"",
            "\\",
            "\"#",
            "\"##",
            "a\"#b\"##c",
            "*/",
            "{{",
            "\n",
            "\r\n",
            "\t",
            "\0",
            "\u{202e}",
            "\u{200f}",
            "\u{feff}",
            "\u{a0}",
            "\u{2028}",
            "é",
            "中文",
            "\u{301}",
            "🍲",
            "\u{e0001}",
            "\"\u{202e}",
            "\\u{41}",
            "r#\"x\"#",
            "'",
        ];
        for value in hostile {
            let text = literal(value);
            let parsed: syn::LitStr = syn::parse_str(&text).unwrap();
            assert_eq!(parsed.value(), value, "{text}");
            assert!(text.chars().all(|c| !is_invisible(c)), "{value:?}");
        }
        assert_eq!(literal("{\"a\":1}"), "r#\"{\"a\":1}\"#");
        assert_eq!(literal("a\\b##"), "r\"a\\b##\"");
        assert_eq!(literal("\"#a###\""), "r##\"\"#a###\"\"##");
        assert_eq!(literal("\u{202e}\""), "\"\\u{202e}\\\"\"");
        assert_eq!(literal("名"), "\"名\"");
    }
}
