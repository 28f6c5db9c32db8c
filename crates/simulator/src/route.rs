//! Finds the action of the ROA style for a method and path, and the parameters in the path.
//!
//! It shares no code with a client, for the same reason as [signatures](crate::signature).

use crate::log::Parameter;
use crate::request::{Place, Request, percent_decode};

/// Matches a path with a template such as `/clusters/{ClusterId}/nodes:list`. Returns the decoded parameters, or `None`
/// if it does not match. A value is at most one segment and never empty.
pub(crate) fn read(template: &str, path: &str) -> Option<Vec<Parameter>> {
    let (mut templates, mut segments) = (template.split('/'), path.split('/'));
    let mut parameters = Vec::new();
    loop {
        match (templates.next(), segments.next()) {
            (None, None) => return Some(parameters),
            (Some(template), Some(segment)) => read_segment(template, segment, &mut parameters)?,
            _ => return None,
        }
    }
}

fn read_segment(template: &str, segment: &str, parameters: &mut Vec<Parameter>) -> Option<()> {
    let Some((literal, rest)) = template.split_once('{') else {
        return (template == segment).then_some(());
    };
    let rest_of_segment = segment.strip_prefix(literal)?;
    let (name, after) = rest.split_once('}')?;
    // The value ends where the next literal begins, because an encoded value usually contains none of its characters.
    let next_literal = after.split('{').next().unwrap_or_default();
    let end = if next_literal.is_empty() { rest_of_segment.len() } else { rest_of_segment.find(next_literal)? };
    let value = &rest_of_segment[..end];
    if value.is_empty() {
        return None;
    }
    let value = String::from_utf8_lossy(&percent_decode(value.as_bytes())).into_owned();
    parameters.push(Parameter { name: name.to_owned(), value, place: Place::Path });
    read_segment(after, &rest_of_segment[end..], parameters)
}

/// The number of names in a template: of several matching templates, the one with the fewest names is used.
pub(crate) fn names(template: &str) -> usize {
    template.matches('{').count()
}

/// The path of a request for matching, without the query.
pub(crate) fn path(request: &Request) -> &str {
    request.path_and_query().0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(template: &str, path: &str) -> Option<Vec<(String, String)>> {
        Some(read(template, path)?.into_iter().map(|it| (it.name, it.value)).collect())
    }

    #[test]
    fn a_path_is_read_segment_by_segment() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(values("/a/{b}/c", "/a/x%2Fy%20z/c"), Some(vec![pair("b", "x/y z")]));
        assert_eq!(values("/a/{b}:stop", "/a/1%3A2:stop"), Some(vec![pair("b", "1:2")]));
        assert_eq!(values("/{a}-{b}", "/1-2"), Some(vec![pair("a", "1"), pair("b", "2")]));
        assert_eq!(values("/a+b", "/a+b"), Some(vec![]));
        assert_eq!(values("/{a}", "/x+y"), Some(vec![pair("a", "x+y")]));
        for (template, path) in
            [("/a/{b}", "/a/"), ("/a/{b}", "/a"), ("/a/{b}", "/a/b/c"), ("/a", "/A"), ("/a", "/a/"), ("/{b}x", "/x")]
        {
            assert_eq!(values(template, path), None, "{template} {path}");
        }
    }
}
