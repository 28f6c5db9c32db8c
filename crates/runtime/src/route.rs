//! The rules for paths and headers of the ROA style. The generator compiles this file, too, so that it refuses what the
//! client would refuse: nothing here may use the rest of the crate.

/// The headers that the client, the transport or the signature sets, besides those that begin with `x-acs-signature`.
const RESERVED_HEADERS: [&str; 22] = [
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-acs-accesskey-id",
    "x-acs-action",
    "x-acs-bearer-token",
    "x-acs-content-sha256",
    "x-acs-date",
    "x-acs-security-token",
    "x-acs-version",
];

/// Whether only the client may set the header; `name` in lower case.
pub(crate) fn is_reserved_header(name: &str) -> bool {
    RESERVED_HEADERS.contains(&name) || name.starts_with("x-acs-signature")
}

/// The placeholders of a path, such as `ClusterId` in `/clusters/{ClusterId}`.
///
/// # Errors
/// If it is not a path with names in braces; the text is the predicate of a sentence about the path.
pub(crate) fn placeholders(path: &str) -> Result<Vec<&str>, &'static str> {
    if !path.starts_with('/') {
        return Err("does not begin with `/`");
    }
    let mut names = Vec::new();
    let mut rest = path;
    loop {
        let (literal, after) = rest.split_once('{').unwrap_or((rest, ""));
        if !literal.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-_.~!$&'()*+,;=:@%".contains(&b)) {
            return Err("holds a character that a path cannot have");
        }
        if literal.split('/').any(|segment| matches!(segment, "." | "..")) {
            return Err("leads to another path");
        }
        if literal.len() == rest.len() {
            return Ok(names);
        }
        let Some((name, after)) = after.split_once('}') else { return Err("has a brace that is not closed") };
        if name.is_empty() || name.contains('{') {
            return Err("has braces without a name in them");
        }
        if names.contains(&name) {
            return Err("holds a name twice");
        }
        names.push(name);
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_literals_and_names_in_braces() {
        assert_eq!(placeholders("/a/{B}/c:{D.e}%20"), Ok(vec!["B", "D.e"]));
        assert_eq!(placeholders("/"), Ok(Vec::new()));
        for (path, why) in [
            ("a", "does not begin with `/`"),
            ("", "does not begin with `/`"),
            ("/a?b", "holds a character that a path cannot have"),
            ("/a}", "holds a character that a path cannot have"),
            ("/\u{e9}", "holds a character that a path cannot have"),
            ("/a/../b", "leads to another path"),
            ("/./{a}", "leads to another path"),
            ("/{a", "has a brace that is not closed"),
            ("/{}", "has braces without a name in them"),
            ("/{a{b}", "has braces without a name in them"),
            ("/{a}/{a}", "holds a name twice"),
        ] {
            assert_eq!(placeholders(path), Err(why), "{path}");
        }
    }
}
