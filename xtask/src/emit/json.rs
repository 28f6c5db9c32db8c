//! Pretty-prints JSON: values that fit on a line stay on one line.

/// The document over several lines if it is longer than `width`. The text must be JSON.
pub fn pretty(json: &str, width: usize) -> String {
    let mut printer = Printer { rest: json, width, out: String::new() };
    printer.value(0, 0);
    printer.out
}

/// Prints a document from its text, so that scalars keep their spelling.
struct Printer<'j> {
    rest: &'j str,
    width: usize,
    out: String,
}

impl<'j> Printer<'j> {
    /// Prints one value. `before` is the length of the text before it in its line.
    fn value(&mut self, indent: usize, before: usize) {
        self.rest = self.rest.trim_start();
        let (open, close) = match self.rest.chars().next() {
            Some('{') => ('{', '}'),
            Some('[') => ('[', ']'),
            _ => {
                let scalar = self.scalar();
                self.out.push_str(scalar);
                return;
            }
        };
        if let Some(line) = self.on_one_line(self.width.saturating_sub(before)) {
            self.out.push_str(&line);
            return;
        }
        self.rest = &self.rest[1..];
        self.out.push(open);
        let inner = indent + 2;
        loop {
            self.rest = self.rest.trim_start();
            match self.rest.chars().next() {
                Some(c) if c == close || c == ',' => {
                    self.rest = &self.rest[1..];
                    if c == close {
                        break;
                    }
                    self.out.push(',');
                }
                None => return,
                Some(_) => {}
            }
            self.rest = self.rest.trim_start();
            self.out.push('\n');
            self.out.push_str(&" ".repeat(inner));
            let mut column = inner;
            if open == '{' {
                let name = self.scalar();
                self.rest = self.rest.trim_start().trim_start_matches(':');
                self.out.push_str(name);
                self.out.push_str(": ");
                column += name.chars().count() + 2;
            }
            self.value(inner, column);
        }
        self.out.push('\n');
        self.out.push_str(&" ".repeat(indent));
        self.out.push(close);
    }

    /// The text of a string, a number, a boolean or `null`.
    fn scalar(&mut self) -> &'j str {
        let mut escaped = false;
        let end = if self.rest.starts_with('"') {
            self.rest.char_indices().skip(1).find_map(|(index, c)| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends.then_some(index + 1)
            })
        } else {
            self.rest.find([',', ']', '}', ' ', '\n', '\r', '\t', ':'])
        };
        let (scalar, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        scalar
    }

    /// The next list or object on one line, and the position after it; `None` if it does not fit.
    fn on_one_line(&mut self, width: usize) -> Option<String> {
        let mut rest = Self { rest: self.rest, width: 0, out: String::new() };
        let (mut line, mut length, mut depth) = (String::new(), 0, 0_usize);
        loop {
            rest.rest = rest.rest.trim_start();
            let c = rest.rest.chars().next()?;
            let piece = match c {
                '{' | '[' | '}' | ']' | ',' | ':' => {
                    rest.rest = &rest.rest[1..];
                    match c {
                        '{' | '[' => depth += 1,
                        '}' | ']' => depth -= 1,
                        _ => {}
                    }
                    match c {
                        ',' => ", ",
                        ':' => ": ",
                        '{' if !rest.rest.trim_start().starts_with('}') => "{ ",
                        '}' if !line.ends_with('{') => " }",
                        '{' => "{",
                        '}' => "}",
                        '[' => "[",
                        _ => "]",
                    }
                }
                _ => rest.scalar(),
            };
            line.push_str(piece);
            length += piece.chars().count();
            if length > width {
                return None;
            }
            if depth == 0 {
                self.rest = rest.rest;
                return Some(line);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_equal_over_several_lines() {
        let table = [
            (r#"{"a":1,"b":[true,null]}"#, 80, r#"{ "a": 1, "b": [true, null] }"#),
            (r#"{"a":1,"b":[true,null]}"#, 20, "{\n  \"a\": 1,\n  \"b\": [true, null]\n}"),
            (r#"{"a":{},"b":[],"c":""}"#, 10, "{\n  \"a\": {},\n  \"b\": [],\n  \"c\": \"\"\n}"),
            (r#"[{"a":"x, y: {"}]"#, 12, "[\n  {\n    \"a\": \"x, y: {\"\n  }\n]"),
            (r#"["\"]\\",1.50e3]"#, 4, "[\n  \"\\\"]\\\\\",\n  1.50e3\n]"),
            ("\"text\"", 2, "\"text\""),
            ("7", 2, "7"),
            ("{}", 1, "{\n}"),
        ];
        for (json, width, expected) in table {
            let printed = pretty(json, width);
            assert_eq!(printed, expected);
            let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
            assert_eq!(value(&printed), value(json));
        }
    }
}
