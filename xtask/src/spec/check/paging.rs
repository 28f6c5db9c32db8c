//! Checks `paging`: the parameters and fields exist and have suitable types.

use super::{Checker, Key, Located, Owner, quoted, suggestion};
use crate::spec::file;
use crate::spec::{BODY, Field, Paging, PagingStyle, Parameter, Type};

/// Where a name is searched.
#[derive(Clone, Copy)]
enum Among {
    Parameters,
    Answer,
}

/// A path that does not exist.
struct Astray<'t> {
    /// The object that lacks the name; empty for the whole.
    inside: String,
    /// The missing name.
    name: String,
    /// The names that the object has; `None` if it is not an object.
    known: Option<Vec<&'t str>>,
}

impl Checker<'_> {
    pub(super) fn paging(
        &self,
        raw: &Located<file::Paging>,
        parameters: &[Parameter],
        response: &[Field],
    ) -> Option<Paging> {
        let owner = Owner::key("paging", &raw.key);
        let raw = &raw.value;
        let named = [("token", &raw.token), ("marker", &raw.marker), ("number", &raw.number), ("offset", &raw.offset)];
        let mut given = named.iter().filter_map(|(key, value)| Some((*key, value.given()?)));
        let Some((kind, parameter)) = given.next() else {
            if named.iter().all(|(_, value)| matches!(value, Key::Missing)) {
                self.findings.error(
                    &owner.range,
                    "`paging` has no parameter that selects a page",
                    "none of `token`, `marker`, `number` and `offset`",
                    "add `token: NextToken` and `next: NextToken`, or `number: PageNumber`",
                );
            }
            return None;
        };
        if let Some((other, value)) = given.next() {
            self.findings.error(
                &value.key,
                format!("`paging` has both `{kind}` and `{other}`"),
                "the second parameter that selects a page",
                "keep one of them",
            );
            return None;
        }

        if let Some(first) = raw.first.given()
            && first.value > 1
        {
            self.findings.error(
                &first.range,
                format!("the first page cannot be number {}", first.value),
                "expected 0 or 1",
                "write the number that the service uses for the first page",
            );
        }
        let style = match kind {
            "token" => PagingStyle::Token,
            "marker" => PagingStyle::Marker,
            "offset" => PagingStyle::Offset,
            _ => PagingStyle::Number { first: u32::from(raw.first.given().is_none_or(|first| first.value > 0)) },
        };
        let is_number = ["number", "offset"].contains(&kind);
        self.goes_with(&raw.first, "first", "number", kind == "number");
        self.goes_with(&raw.total, "total", "number` or `offset", is_number);
        self.goes_with(&raw.next, "next", "token` or `marker", !is_number);

        let parameters: Vec<(&str, &Type)> =
            parameters.iter().map(|parameter| (parameter.name.value.as_str(), &parameter.ty)).collect();
        let members: Vec<(&str, &Type)> = response.iter().map(|field| (field.name.value.as_str(), &field.ty)).collect();
        let is_position = |ty: &Type| matches!(ty, Type::String | Type::Int32 | Type::Int64);
        let is_count = |ty: &Type| matches!(ty, Type::String | Type::Int32 | Type::Int64 | Type::Number);
        let is_flag = |ty: &Type| matches!(ty, Type::String | Type::Boolean);
        let is_list = |ty: &Type| matches!(ty, Type::Array(_) | Type::Wrapped(_));
        let (text, flag, list) = ("text or a whole number", "a boolean or text", "a list");

        let parameter = self.named(parameter, (Among::Parameters, &parameters), text, is_position);
        let size = raw.size.given().map(|it| self.named(it, (Among::Parameters, &parameters), text, is_position));
        let next = if is_number { None } else { self.required(&raw.next, "next", &owner) };
        let next = next.map(|it| self.named(it, (Among::Answer, &members), text, is_position));
        let more = if kind == "marker" { self.required(&raw.more, "more", &owner) } else { raw.more.given() };
        let more = more.map(|it| self.named(it, (Among::Answer, &members), flag, is_flag));
        let total = raw.total.given().map(|it| self.named(it, (Among::Answer, &members), "a number", is_count));
        let items = self.required(&raw.items, "items", &owner);
        let items = items.map(|it| self.named(it, (Among::Answer, &members), list, is_list));
        let optional = |found: Option<Option<Vec<String>>>| found.flatten().unwrap_or_default();
        Some(Paging {
            style,
            parameter: parameter?,
            size: optional(size),
            next: optional(next),
            more: optional(more),
            total: optional(total),
            items: items??,
        })
    }

    /// Reports a key of another kind of paging.
    fn goes_with<T>(&self, key: &Key<Located<T>>, name: &str, wanted: &str, fits: bool) {
        if let Key::Given(value) = key
            && !fits
        {
            self.findings.error(
                &value.key,
                format!("`{name}` goes only with `{wanted}`"),
                "not used by this kind of paging",
                format!("remove it, or name the parameter under `{wanted}`"),
            );
        }
    }

    /// The member at a path, if its type is suitable.
    fn named(
        &self,
        path: &Located<String>,
        (among, known): (Among, &[(&str, &Type)]),
        expected: &str,
        fits: impl Fn(&Type) -> bool,
    ) -> Option<Vec<String>> {
        let (has_no, place) = match among {
            Among::Parameters => ("there is no parameter", "not a parameter of the action"),
            Among::Answer => ("the response has no member", "not a member of the response"),
        };
        match self.follow(&path.value, "", known) {
            Ok((names, ty)) if fits(ty) => Some(names),
            Ok((_, ty)) => {
                self.findings.error(
                    &path.range,
                    format!("{} is {}, but {expected} is required", quoted(&path.value), in_words(ty)),
                    "does not fit",
                    match ty {
                        Type::Object(_) => "name a field of the object, with a dot: `Data.Items`",
                        Type::Shape(_) => "correct the shape first",
                        _ => "name another one, or correct its type",
                    },
                );
                None
            }
            Err(Astray { inside, name, known }) => {
                let (message, label) = match (&known, inside.as_str()) {
                    (Some(_), "") => (format!("{has_no} {}", quoted(&name)), place),
                    (Some(_), inside) => {
                        (format!("{} has no field {}", quoted(inside), quoted(&name)), "not a field of it")
                    }
                    (None, inside) => (format!("{} has no fields", quoted(inside)), "is not an object"),
                };
                let help = match known {
                    Some(known) => suggestion(&name, &known),
                    None => {
                        "a path can contain only objects with `fields`; describe the object, or name another member"
                            .to_owned()
                    }
                };
                self.findings.error(&path.range, message, label, help);
                None
            }
        }
    }

    /// Follows a path: names separated by dots, which can also contain dots.
    fn follow<'t>(
        &'t self,
        path: &str,
        inside: &str,
        known: &[(&'t str, &'t Type)],
    ) -> Result<(Vec<String>, &'t Type), Astray<'t>> {
        let mut astray = None;
        for &(name, ty) in known {
            let ty = self.resolved(ty);
            if name == path {
                return Ok((vec![name.to_owned()], ty));
            }
            let Some(rest) = path.strip_prefix(name).and_then(|rest| rest.strip_prefix('.')) else { continue };
            let fields: Vec<(&str, &Type)> = match ty {
                Type::Object(object) => {
                    object.fields.iter().map(|field| (field.name.value.as_str(), &field.ty)).collect()
                }
                // The wrapper of a list is part of its path.
                Type::Wrapped(wrapped) if wrapped.member == rest => return Ok((vec![name.to_owned()], ty)),
                _ => {
                    astray = Some(Astray { inside: name.to_owned(), name: rest.to_owned(), known: None });
                    continue;
                }
            };
            match self.follow(rest, name, &fields) {
                Ok((mut names, ty)) => {
                    names.insert(0, name.to_owned());
                    return Ok((names, ty));
                }
                Err(found) => astray = Some(found),
            }
        }
        Err(astray.unwrap_or_else(|| Astray {
            inside: inside.to_owned(),
            name: path.to_owned(),
            known: Some(known.iter().map(|(name, _)| *name).filter(|name| *name != BODY).collect()),
        }))
    }
}

fn in_words(ty: &Type) -> &'static str {
    match ty {
        Type::String => "text",
        Type::Enum(_) => "text with documented values",
        Type::Int32 | Type::Int64 => "a whole number",
        Type::Number => "a number with a fraction",
        Type::Boolean => "a boolean",
        Type::Any => "any JSON value",
        Type::Bytes => "bytes",
        Type::Array(_) | Type::Wrapped(_) => "a list",
        Type::Map(_) => "a map",
        Type::Object(_) => "an object",
        Type::Shape(_) => "of an unknown shape",
    }
}
