//! Prints tokens as formatted items, with long strings broken over lines.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::quote;

use super::WIDTH;
use super::docs::is_invisible;

/// Items as formatted text, without empty lines between them.
pub fn print(items: &TokenStream) -> String {
    match syn::parse2::<syn::File>(items.clone()) {
        Ok(file) => wrapped(&prettyplease::unparse(&file)),
        Err(error) => not_rust(items, &error),
    }
}

/// Text that is not Rust, so that the check of the finished files reports the items.
fn not_rust(items: &TokenStream, error: &syn::Error) -> String {
    format!("not Rust ({error}): {items}\n")
}

/// One item, formatted as the input of a macro.
pub fn print_in(name: &str, item: &TokenStream) -> String {
    let inner: String = match syn::parse2::<syn::File>(item.clone()) {
        Ok(file) => prettyplease::unparse(&file).lines().map(|line| format!("    {line}\n")).collect(),
        Err(error) => return not_rust(item, &error),
    };
    wrapped(&format!("{name}! {{\n{inner}}}\n"))
}

/// An expression in a statement, as lines of an example.
pub fn print_statement(statement: &TokenStream) -> Vec<String> {
    let function = print(&quote!(fn example() { #statement }));
    let lines: Vec<&str> = function.lines().collect();
    let inner = lines.get(1..lines.len().saturating_sub(1)).unwrap_or_default();
    inner.iter().map(|line| line.strip_prefix("    ").unwrap_or(line).to_owned()).collect()
}

/// Lines of documentation as attributes.
pub fn doc(lines: &[String]) -> TokenStream {
    let lines = lines.iter().map(|line| if line.is_empty() { String::new() } else { format!(" {line}") });
    quote!(#(#[doc = #lines])*)
}

/// A `use` of several names from one path; nothing if there are none.
pub fn import(path: &TokenStream, names: &[(&str, bool)]) -> TokenStream {
    let names: Vec<_> = names.iter().filter(|(_, used)| *used).map(|(name, _)| ident(name)).collect();
    match names.as_slice() {
        [] => TokenStream::new(),
        [name] => quote!(use #path::#name;),
        names => quote!(use #path::{#(#names),*};),
    }
}

/// A name of the model as an identifier.
pub fn ident(name: &str) -> Ident {
    match name.strip_prefix("r#") {
        Some(keyword) => Ident::new_raw(keyword, Span::call_site()),
        None => Ident::new(name, Span::call_site()),
    }
}

/// A string literal as a token.
pub fn string(value: &str) -> Literal {
    literal(value).parse().unwrap_or_else(|_| Literal::string(value))
}

/// JSON text as an expression: on one line if it fits, otherwise pretty-printed.
pub fn document(json: &str) -> TokenStream {
    let pretty = super::json::pretty(json, WIDTH - 4);
    if !pretty.contains('\n') {
        let literal = string(&pretty);
        return quote!(#literal);
    }
    // A line break in a raw string is part of the text, so a line that is too long ends one string and begins the next.
    let mut pieces = vec![String::new()];
    for line in pretty.split_inclusive('\n') {
        let parts = if line.chars().count() > WIDTH { parts(line) } else { vec![line.to_owned()] };
        for (index, part) in parts.into_iter().enumerate() {
            if index > 0 {
                pieces.push(String::new());
            }
            if let Some(piece) = pieces.last_mut() {
                piece.push_str(&part);
            }
        }
    }
    let pieces = pieces.iter().map(|piece| {
        let hashes = "#".repeat(hashes_needed(piece));
        format!("r{hashes}\"{piece}\"{hashes}").parse::<Literal>().unwrap_or_else(|_| Literal::string(piece))
    });
    if pieces.len() == 1 { quote!(#(#pieces)*) } else { quote!(concat!(#(#pieces),*)) }
}

/// Breaks the strings in lines that are too long, without changing their values.
fn wrapped(text: &str) -> String {
    let mut out = String::new();
    let mut inside_raw: Option<String> = None;
    for line in text.lines() {
        // The lines of a raw string are part of it.
        if let Some(end) = &inside_raw {
            if line.contains(end.as_str()) {
                inside_raw = None;
            }
        } else if line.trim_start().starts_with("//") {
            // Comments already have their width.
        } else if let Some(end) = opened_raw(line) {
            inside_raw = Some(end);
        } else if line.chars().count() > WIDTH
            && let Some(broken) = broken(line)
        {
            out.push_str(&broken);
            continue;
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// The end marker of a raw string that begins in this line and continues in the next.
fn opened_raw(line: &str) -> Option<String> {
    let mut rest = line;
    while let Some(literal) = first_literal(rest) {
        match literal {
            Ok((_, end)) => rest = &rest[end..],
            Err(end) => return Some(end),
        }
    }
    None
}

/// The position of the first string literal, or the end marker if it ends in a later line.
fn first_literal(line: &str) -> Option<Result<(usize, usize), String>> {
    let quote = line.find('"')?;
    let before = line[..quote].trim_end_matches('#');
    let hashes = quote - before.len();
    if before.ends_with('r') && !before[..before.len() - 1].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
        let end = format!("\"{}", "#".repeat(hashes));
        return Some(match line[quote + 1..].find(&end) {
            Some(length) => Ok((before.len() - 1, quote + 1 + length + end.len())),
            None => Err(end),
        });
    }
    let mut escaped = false;
    for (index, c) in line[quote + 1..].char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(Ok((quote, quote + 1 + index + 1))),
            _ => {}
        }
    }
    None
}

/// The line with its longest string broken; `None` if it has no string.
fn broken(line: &str) -> Option<String> {
    let (mut longest, mut at) = (0..0, 0);
    while let Some(Ok((start, end))) = first_literal(&line[at..]) {
        if end - start > longest.len() {
            longest = at + start..at + end;
        }
        at += end;
    }
    let (before, after) = (&line[..longest.start], &line[longest.end..]);
    let value = syn::parse_str::<syn::LitStr>(&line[longest.clone()]).ok()?.value();
    let blanks = line.len() - line.trim_start().len();
    let indent = " ".repeat(blanks + 4);
    let is_attribute = line.trim_start().starts_with("#[") && !line.trim_start().starts_with("#[example");
    if line[longest].starts_with('r') && !is_attribute {
        // A raw string cannot continue on the next line.
        let parts = parts(&value);
        if let [only] = parts.as_slice() {
            return Some(format!("{}\n{indent}{}{after}\n", before.trim_end(), literal(only)));
        }
        let pieces: String = parts.iter().map(|part| format!("{indent}{},\n", literal(part))).collect();
        return Some(format!("{before}concat!(\n{pieces}{}){after}\n", &indent[4..]));
    }
    let escaped = escaped(&value);
    let mut text = format!("{before}\"");
    let mut width = text.chars().count();
    let mut is_first = true;
    for word in escaped.split_inclusive(' ') {
        let length = word.chars().count();
        // A blank at the beginning of a line would not be part of the string.
        if !is_first && word != " " && width + length + 2 > WIDTH && text.ends_with(' ') {
            text.push_str(&format!("\\\n{indent}"));
            width = indent.len();
        }
        text.push_str(word);
        width += length;
        is_first = false;
    }
    Some(format!("{text}\"{after}\n"))
}

/// Text in parts that fit on a line, broken after punctuation if possible.
fn parts(text: &str) -> Vec<String> {
    const LONGEST: usize = WIDTH - 20;
    if text.chars().count() <= LONGEST {
        return vec![text.to_owned()];
    }
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut length = 0;
    for c in text.chars() {
        part.push(c);
        length += 1;
        if length >= LONGEST || (length > LONGEST - 30 && matches!(c, ',' | ' ' | ';')) {
            parts.push(std::mem::take(&mut part));
            length = 0;
        }
    }
    parts.extend((!part.is_empty()).then_some(part));
    parts
}

/// A string literal with exactly this value. Invisible characters and those that change the order of the text are
/// escaped.
pub fn literal(value: &str) -> String {
    if value.contains(['"', '\\']) && value.chars().all(is_plain) {
        // JSON stays readable.
        let hashes = "#".repeat(hashes_needed(value));
        return format!("r{hashes}\"{value}\"{hashes}");
    }
    format!("\"{}\"", escaped(value))
}

/// Whether a character needs no escape in a literal.
fn is_plain(c: char) -> bool {
    c == ' ' || !c.is_whitespace() && !is_invisible(c) && c.escape_debug().count() <= 2
}

/// The content of a literal without `r`.
fn escaped(value: &str) -> String {
    let mut text = String::new();
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            c if is_plain(c) => text.push(c),
            c => text += &format!("\\u{{{:x}}}", u32::from(c)),
        }
    }
    text
}

/// The number of `#` that a raw literal with this content needs.
fn hashes_needed(value: &str) -> usize {
    let behind_quotes = value.split('"').skip(1);
    behind_quotes.map(|rest| 1 + rest.bytes().take_while(|&byte| byte == b'#').count()).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_has_exactly_the_value_and_no_invisible_character() {
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
