//! Proposes the paging of an action from the names of its parameters and members, because the metadata does not state it.

use std::collections::BTreeMap;

use super::action::{Action, Parameter};
use super::schema::{Member, Shape, Ty};
use super::yaml::Tree;
use crate::emit::code;
use crate::model::names::singular;
use crate::spec::BODY;

/// The maximum number of names in the path of a member.
const DEEPEST: usize = 4;

/// Parameters for a token, and the names of the member with the next token.
const TOKENS: [(&str, &[&str]); 15] = [
    ("nexttoken", &["nexttoken", "nextpagetoken"]),
    ("nextpagetoken", &["nextpagetoken", "nexttoken"]),
    ("pagetoken", &["nextpagetoken", "pagetoken", "nexttoken"]),
    ("continuationtoken", &["nextcontinuationtoken", "continuationtoken", "nexttoken"]),
    ("token", &["nexttoken", "nextpagetoken"]),
    ("nextcursor", &["nextcursor"]),
    ("cursor", &["nextcursor", "cursor"]),
    ("nextmarker", &["nextmarker"]),
    ("marker", &["nextmarker", "marker"]),
    ("nextkey", &["nextkey"]),
    ("startkey", &["nextstartkey", "nextkey"]),
    ("pagekey", &["nextpagekey", "nextpage"]),
    ("after", &["cursorsafter"]),
    ("scrollid", &["scrollid", "nextscrollid"]),
    ("scrolltoken", &["nextscrolltoken", "scrolltoken"]),
];

/// Parameters for the number of a page.
const NUMBERS: [&str; 14] = [
    "pagenumber",
    "pagenum",
    "pageno",
    "pageindex",
    "currentpage",
    "curpage",
    "currpage",
    "pagecurrent",
    "currentpagenumber",
    "currentpageno",
    "currentpagenum",
    "nowpage",
    "pagepage",
    "page",
];

/// Parameters for the number of items before a page.
const OFFSETS: [&str; 5] = ["offset", "startoffset", "pageoffset", "startindex", "skip"];

/// Parameters for the page size.
const SIZES: [&str; 14] = [
    "maxresults",
    "maxresult",
    "maxitems",
    "maxkeys",
    "pagesize",
    "perpage",
    "pagelimit",
    "pagemaxresults",
    "numperpage",
    "countperpage",
    "rowsperpage",
    "pagerows",
    "limit",
    "size",
];

/// Members with the total number of items. `Count` is missing, because it is as often the number of items in a page.
const TOTALS: [&str; 13] = [
    "totalcount",
    "total",
    "totalnum",
    "totalnumber",
    "totalsize",
    "totalitems",
    "totalitem",
    "totalrecords",
    "totalrecord",
    "totalrecordcount",
    "totalrows",
    "totalelements",
    "totalresults",
];

/// Members that show whether another page follows.
const FLAGS: [&str; 7] = ["istruncated", "truncated", "hasmore", "hasnext", "hasnextpage", "ismore", "more"];

/// A parameter or a member, with its path in the request or response.
struct Place<'t> {
    path: Vec<&'t str>,
    ty: &'t Ty,
    description: &'t str,
}

impl Place<'_> {
    /// Its name in lower case, without and with the name of the object around it.
    fn words(&self) -> [String; 2] {
        let plain =
            |name: &str| name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        let name = plain(self.path.last().unwrap_or(&""));
        let outer =
            self.path.len().checked_sub(2).and_then(|at| self.path.get(at)).map_or_else(String::new, |it| plain(it));
        let both = format!("{outer}{name}");
        [name, both]
    }

    fn is_called(&self, word: &str) -> bool {
        self.words().iter().any(|found| found == word)
    }

    fn written(&self) -> String {
        self.path.join(".")
    }

    /// Whether its path, written with dots, is unambiguous.
    fn is_only(&self, all: &[String]) -> bool {
        all.iter().filter(|written| **written == self.written()).count() == 1
    }
}

/// The place whose name is the earliest of the words.
fn find<'p, 't>(places: &'p [Place<'t>], words: &[&str], fits: impl Fn(&Ty) -> bool) -> Option<&'p Place<'t>> {
    words.iter().find_map(|word| places.iter().find(|place| place.is_called(word) && fits(place.ty)))
}

fn is_position(ty: &Ty) -> bool {
    is_number(ty) || is_text(ty)
}

fn is_number(ty: &Ty) -> bool {
    matches!(ty, Ty::Int32 | Ty::Int64)
}

fn is_text(ty: &Ty) -> bool {
    matches!(ty, Ty::Text(values) if values.is_empty())
}

fn is_count(ty: &Ty) -> bool {
    is_position(ty) || *ty == Ty::Number
}

fn is_list(ty: &Ty) -> bool {
    matches!(ty, Ty::List(_) | Ty::Wrapped(..))
}

/// The result for an action.
pub(super) enum Proposal {
    Paging(Tree, String),
    /// The action seems to be a list action, but the paging is ambiguous; with the text for a note.
    Doubt(String),
    /// The action is not a list action.
    None,
}

/// Proposes the paging of an action.
pub(super) fn propose(action: &str, types: &Action, shapes: &BTreeMap<String, Shape>) -> Proposal {
    let mut parameters = Vec::new();
    for Parameter { member, .. } in &types.parameters {
        collect(member, Vec::new(), 2, shapes, &mut parameters);
    }
    let mut members = Vec::new();
    for member in &types.response {
        collect(member, Vec::new(), DEEPEST, shapes, &mut members);
    }
    for places in [&mut parameters, &mut members] {
        let all: Vec<_> = places.iter().map(Place::written).collect();
        places.retain(|place| place.is_only(&all));
    }

    let size = find(&parameters, &SIZES, is_position);
    let more = find(&members, &FLAGS, |ty| *ty == Ty::Bool || is_text(ty));
    let total = find(&members, &TOTALS, is_count);
    let number = find(&parameters, &NUMBERS, is_position)
        // Without a size, `page` can be something else.
        .filter(|it| size.is_some() || !["page", "pagepage"].iter().any(|word| it.is_called(word)));
    let token = TOKENS.iter().find_map(|(word, nexts)| {
        let parameter = parameters.iter().find(|it| it.is_called(word) && is_position(it.ty))?;
        Some((parameter, find(&members, nexts, is_position)?))
    });
    let token = token.filter(|(parameter, _)| size.is_some() || more.is_some() || !parameter.is_called("token"));

    // Without a size and a total, an offset can be that of something else, such as a file.
    let offset =
        find(&parameters, &OFFSETS, is_number).filter(|_| size.is_some() && (total.is_some() || more.is_some()));

    let (kind, position, next) = match (token, number) {
        // If both are possible and there is a total, the number is used: such actions return a token only with certain
        // parameters, so a list by token would end too early.
        (Some(_), Some(number)) if total.is_some() => ("number", number, None),
        (Some((parameter, next)), _) => {
            let is_marker = more.is_some() && parameter.words()[0].contains("marker");
            (if is_marker { "marker" } else { "token" }, parameter, Some(next))
        }
        (None, Some(number)) => ("number", number, None),
        (None, None) => match offset {
            Some(offset) => ("offset", offset, None),
            None => return Proposal::None,
        },
    };
    let beside = next.or(total).or(more);
    let (items, why) = match list(action, &members, beside) {
        Ok(found) => found,
        Err(0) => return Proposal::None,
        Err(_) => {
            let what = "the action seems to return pages, but several of its lists can have the items: add `paging`";
            return Proposal::Doubt(what.to_owned());
        }
    };

    let mut entries = vec![(kind, Tree::text(position.written()))];
    if kind == "number" && starts_at_0(position, &types.parameters) {
        entries.push(("first", Tree::word("0")));
    }
    let mut optional = |key: &'static str, place: Option<&Place<'_>>| {
        entries.extend(place.map(|place| (key, Tree::text(place.written()))));
    };
    optional("next", next);
    optional("more", more);
    optional("total", total.filter(|_| ["number", "offset"].contains(&kind)));
    optional("size", size);
    entries.push(("items", Tree::text(items.written())));
    let others = match (kind, token) {
        ("number", Some((token, _))) => format!(" It can be asked by {}, too.", code(&token.written())),
        _ => String::new(),
    };
    let reason = format!("The parameter {} and {why}.{others}", code(&position.written()));
    Proposal::Paging(Tree::Map(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()), reason)
}

/// Collects the scalars and lists in a member that are not inside a list.
fn collect<'t>(
    member: &'t Member,
    mut path: Vec<&'t str>,
    deepest: usize,
    shapes: &'t BTreeMap<String, Shape>,
    into: &mut Vec<Place<'t>>,
) {
    path.push(&member.name);
    let ty = match &member.ty {
        Ty::Shape(name) => shapes.get(name).map_or(&member.ty, |shape| &shape.ty),
        ty => ty,
    };
    match ty {
        Ty::Object(members) if path.len() < deepest => {
            for inner in members {
                collect(inner, path.clone(), deepest, shapes, into);
            }
        }
        Ty::Object(_) | Ty::Map(_) | Ty::Any | Ty::Bytes | Ty::Shape(_) => {}
        ty => into.push(Place { path, ty, description: &member.description }),
    }
}

/// The list with the items, and the reason; otherwise, the number of lists.
fn list<'p, 't>(
    action: &str,
    members: &'p [Place<'t>],
    beside: Option<&Place<'t>>,
) -> Result<(&'p Place<'t>, String), usize> {
    let lists: Vec<&Place<'_>> = members.iter().filter(|place| is_list(place.ty)).collect();
    let shown = |place: &Place<'_>| if place.path == [BODY] { "the list".to_owned() } else { code(&place.written()) };
    if let [only] = lists[..] {
        return Ok((only, format!("{}, the only list of the response", shown(only))));
    }
    // The one with the noun of the action: `Instances.Instance` of `DescribeInstances`.
    let verb = |c: char| c.is_ascii_lowercase();
    let noun = stem(action.trim_start_matches(|c: char| !c.is_ascii_lowercase()).trim_start_matches(verb));
    let named: Vec<_> = lists.iter().filter(|it| it.path.iter().any(|name| stem(name) == noun)).collect();
    if let [only] = named[..] {
        return Ok((only, format!("{}, the list of the response that is called like the action", shown(only))));
    }
    // The only one in the object with the token or total, if this is not the whole response.
    let object = beside.map(|it| &it.path[..it.path.len() - 1]).filter(|object| !object.is_empty());
    let near: Vec<_> = lists.iter().filter(|it| object.is_some_and(|object| it.path.starts_with(object))).collect();
    match (&near[..], beside) {
        ([only], Some(beside)) => Ok((only, format!("{}, the list beside {}", shown(only), code(&beside.written())))),
        _ => Err(lists.len()),
    }
}

/// A noun in lower case and in the singular, for comparison.
fn stem(name: &str) -> String {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let name = name.strip_suffix("list").filter(|rest| !rest.is_empty()).unwrap_or(&name).to_owned();
    singular(&name)
}

/// Whether the metadata shows that the first page is number 0.
fn starts_at_0(position: &Place<'_>, parameters: &[Parameter]) -> bool {
    const ZERO: [&str; 16] = [
        "start from 0",
        "starts from 0",
        "starting from 0",
        "start at 0",
        "starts at 0",
        "starting at 0",
        "start with 0",
        "starts with 0",
        "begins from 0",
        "begins at 0",
        "begins with 0",
        "from page 0",
        "zero-based",
        "default value: 0",
        "default: 0",
        "defaults to 0",
    ];
    let text = position.description.to_lowercase().replace(['`', '*'], "");
    let says = |words: &&str| {
        text.match_indices(*words).any(|(at, found)| {
            let after = text[at + found.len()..].chars().next();
            !after.is_some_and(|c| c.is_ascii_digit())
        })
    };
    let one = ["from 1", "at 1", "with 1", "default value: 1", "default: 1", "defaults to 1"];
    let example = match position.path[..] {
        [name] => parameters.iter().find(|it| it.member.name == name).is_some_and(|it| it.example.trim() == "0"),
        _ => false,
    };
    ZERO.iter().any(&says) || (example && !one.iter().any(says))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::import::{Imported, LOCK, import};
    use crate::spec::InputFile;

    /// The metadata of one action. Parameters are names, with a type after a colon if it is not text.
    fn metadata(action: &str, parameters: &[&str], members: &Value) -> String {
        let parameter = |written: &&str| {
            let (name, ty) = written.split_once(':').unwrap_or((written, "string"));
            json!({ "name": name, "in": "query", "schema": { "type": ty, "description": "A." } })
        };
        let parameters: Vec<_> = parameters.iter().map(parameter).collect();
        with_parameters(action, &json!(parameters), members)
    }

    fn with_parameters(action: &str, parameters: &Value, members: &Value) -> String {
        json!({
            "info": { "style": "RPC", "product": "Shop", "version": "2024-01-01" },
            "apis": { action: {
                "methods": ["post"],
                "parameters": parameters,
                "responses": { "200": { "schema": schema(members) } },
            } },
        })
        .to_string()
    }

    /// Members by name: a type, an object of members, or a list with the type of its items.
    fn schema(members: &Value) -> Value {
        match members {
            Value::Object(members) => {
                let properties: serde_json::Map<_, _> =
                    members.iter().map(|(name, member)| (name.clone(), schema(member))).collect();
                json!({ "type": "object", "properties": properties })
            }
            Value::Array(items) => json!({ "type": "array", "items": schema(&items[0]) }),
            ty => json!({ "type": ty, "description": "A." }),
        }
    }

    fn imported(metadata: &str) -> Imported {
        import(metadata, &[], &[], None).unwrap_or_else(|problem| panic!("{problem}"))
    }

    /// The proposal on one line; empty if there is none.
    fn proposed(metadata: &str) -> String {
        let imported = imported(metadata);
        let (_, text) = imported.files.iter().find(|(name, _)| name != "product.yaml" && name != LOCK).unwrap();
        let lines = text.lines().skip_while(|line| *line != "paging:").skip(1);
        let lines: Vec<_> = lines.take_while(|line| line.starts_with("  ")).map(str::trim).collect();
        assert_eq!(lines.is_empty(), !text.contains("\n  paging: "), "each proposal is marked: {text}");
        lines.join(", ")
    }

    #[test]
    fn names_tell_how_an_action_comes_in_pages() {
        let users = json!({ "Users": [{ "Name": "string" }] });
        let with = |more: Value| {
            let mut members = users.clone();
            members.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            members
        };
        let in_data = |inner: Value| json!({ "Code": "string", "Data": inner });
        let table: &[(&[&str], Value, &str)] = &[
            // Tokens, in any case and with any separator.
            (
                &["NextToken", "MaxResults:integer"],
                with(json!({ "NextToken": "string" })),
                "token: NextToken, next: NextToken, size: MaxResults, items: Users",
            ),
            (
                &["nextToken", "maxResults:integer"],
                with(json!({ "nextToken": "string" })),
                "token: nextToken, next: nextToken, size: maxResults, items: Users",
            ),
            (
                &["page_token"],
                with(json!({ "next_page_token": "string" })),
                "token: page_token, next: next_page_token, items: Users",
            ),
            (
                &["Cursor:integer", "Limit:integer"],
                with(json!({ "NextCursor": "integer", "HasMore": "boolean" })),
                "token: Cursor, next: NextCursor, more: HasMore, size: Limit, items: Users",
            ),
            (
                &["Token", "MaxResults:integer"],
                in_data(json!({ "NextToken": "string", "List": ["string"] })),
                "token: Token, next: Data.NextToken, size: MaxResults, items: Data.List",
            ),
            // Markers, with and without the flag.
            (
                &["Marker", "MaxItems:integer"],
                with(json!({ "IsTruncated": "boolean", "Marker": "string" })),
                "marker: Marker, next: Marker, more: IsTruncated, size: MaxItems, items: Users",
            ),
            (&["Marker"], with(json!({ "NextMarker": "string" })), "token: Marker, next: NextMarker, items: Users"),
            // Numbers.
            (
                &["PageNumber:integer", "PageSize:integer"],
                with(json!({ "TotalCount": "integer", "PageNumber": "integer", "PageSize": "integer" })),
                "number: PageNumber, total: TotalCount, size: PageSize, items: Users",
            ),
            (
                &["PageNo", "PageSize"],
                with(json!({ "TotalCount": "string" })),
                "number: PageNo, total: TotalCount, size: PageSize, items: Users",
            ),
            (
                &["CurrentPage:integer", "PageSize:integer"],
                in_data(json!({ "Total": "integer", "Users": { "User": [{ "Name": "string" }] } })),
                "number: CurrentPage, total: Data.Total, size: PageSize, items: Data.Users.User",
            ),
            (&["PageIndex:integer"], users.clone(), "number: PageIndex, items: Users"),
            (
                &["page:integer", "per_page:integer"],
                with(json!({ "hasNext": "boolean" })),
                "number: page, more: hasNext, size: per_page, items: Users",
            ),
            // Offsets.
            (
                &["Offset:integer", "Limit:integer"],
                with(json!({ "Total": "integer" })),
                "offset: Offset, total: Total, size: Limit, items: Users",
            ),
            (
                &["offset:integer", "limit:integer"],
                with(json!({ "hasMore": "boolean" })),
                "offset: offset, more: hasMore, size: limit, items: Users",
            ),
            // Both: by number if there is a total.
            (
                &["NextToken", "MaxResults:integer", "PageNumber:integer", "PageSize:integer"],
                with(json!({ "NextToken": "string", "TotalCount": "integer" })),
                "number: PageNumber, total: TotalCount, size: MaxResults, items: Users",
            ),
            (
                &["NextToken", "PageNumber:integer"],
                with(json!({ "NextToken": "string" })),
                "token: NextToken, next: NextToken, items: Users",
            ),
            // Of several lists, the one with the name of the action, or the one beside the total.
            (
                &["NextToken", "MaxResults:integer"],
                with(json!({ "NextToken": "string", "Groups": ["string"] })),
                "token: NextToken, next: NextToken, size: MaxResults, items: Users",
            ),
            (
                &["PageNumber:integer"],
                json!({ "Errors": ["string"], "Page": { "TotalCount": "integer", "Rows": ["string"] } }),
                "number: PageNumber, total: Page.TotalCount, items: Page.Rows",
            ),
        ];
        for (parameters, members, expected) in table {
            assert_eq!(proposed(&metadata("ListUsers", parameters, members)), *expected, "{parameters:?} {members}");
        }
    }

    #[test]
    fn what_only_looks_like_pages_is_left_alone() {
        let list = json!({ "NextToken": "string", "Names": ["string"] });
        let table: &[(&[&str], Value)] = &[
            // No list.
            (&["PageNumber:integer", "PageSize:integer"], json!({ "TotalCount": "integer", "Report": "string" })),
            (&["NextToken", "MaxResults:integer"], json!({ "NextToken": "string", "Matrix": { "Rows": "string" } })),
            // No list, only text.
            (&["PageNumber:integer"], json!({ "Data": "string" })),
            // Incomplete names.
            (&["MaxResults:integer"], list.clone()),
            (&["PageSize:integer"], list.clone()),
            (&["NextToken"], json!({ "Names": ["string"] })),
            (&["Cursor"], list.clone()),
            // An offset of something else.
            (&["Offset:integer", "Limit:integer"], json!({ "Names": ["string"] })),
            (&["Offset:integer"], json!({ "Total": "integer", "Names": ["string"] })),
            (&["Offset", "Limit:integer"], json!({ "Total": "integer", "Names": ["string"] })),
            // Of another type.
            (&["NextToken:boolean"], list.clone()),
            (&["PageNumber:array"], list.clone()),
            // Similar names.
            (&["PageId"], list.clone()),
            (&["Page"], json!({ "Names": ["string"] })),
            (&["SecurityToken"], list.clone()),
            (&["Token"], list.clone()),
        ];
        for (parameters, members) in table {
            assert_eq!(proposed(&metadata("ListThings", parameters, members)), "", "{parameters:?} {members}");
        }
    }

    #[test]
    fn two_lists_that_could_be_meant_are_a_note() {
        let two =
            metadata("DescribeState", &["PageNumber:integer"], &json!({ "Users": ["string"], "Groups": ["string"] }));
        assert_eq!(proposed(&two), "");
        let notes = imported(&two).notes.render(usize::MAX);
        assert!(notes.contains("several of its lists can have the items"), "{notes}");
    }

    #[test]
    fn a_parameter_may_be_inside_an_object() {
        let page = json!([{ "name": "Page", "in": "query", "style": "json", "schema": {
            "type": "object",
            "properties": { "Index": { "type": "integer" }, "Size": { "type": "integer" } },
        } }]);
        let text = proposed(&with_parameters("ListUsers", &page, &json!({ "Total": "integer", "Data": ["string"] })));
        assert_eq!(text, "number: Page.Index, total: Total, size: Page.Size, items: Data");
    }

    #[test]
    fn the_first_page_has_the_number_that_the_metadata_gives() {
        for (description, example, expected) in [
            ("The page number. Pages start from page 1. Default value: 1.", "1", "number: PageNumber, items: Names"),
            ("The page number.", "10", "number: PageNumber, items: Names"),
            ("The page number, which starts from 0.", "1", "number: PageNumber, first: 0, items: Names"),
            ("The page. Default value: **0**.", "3", "number: PageNumber, first: 0, items: Names"),
            ("The page.", "0", "number: PageNumber, first: 0, items: Names"),
            ("The page. It starts at 1.", "0", "number: PageNumber, items: Names"),
            ("The page. Default value: 05.", "1", "number: PageNumber, items: Names"),
        ] {
            let schema = json!({ "type": "integer", "description": description, "example": example });
            let parameters = json!([{ "name": "PageNumber", "in": "query", "schema": schema }]);
            let text = proposed(&with_parameters("ListUsers", &parameters, &json!({ "Names": ["string"] })));
            assert_eq!(text, expected, "{description}");
        }
    }

    #[test]
    fn what_people_decided_about_pages_stays() {
        let metadata = metadata("ListUsers", &["NextToken"], &json!({ "NextToken": "string", "Users": ["string"] }));
        let fresh = imported(&metadata).files;
        let files = |edit: &dyn Fn(&str) -> String| -> Vec<InputFile> {
            let text = |(name, text): &(String, String)| {
                let text = if name == "ListUsers.yaml" { edit(text) } else { text.clone() };
                InputFile { path: name.clone(), bytes: text.into_bytes() }
            };
            fresh.iter().map(text).collect()
        };
        let paging = "paging:\n  token: NextToken\n  next: NextToken\n  items: Users\n";
        let guess = "  paging: \"The parameter `NextToken` and `Users`, the only list of the response.\"\n";
        let edits: [&dyn Fn(&str) -> String; 4] = [
            &|text| text.to_owned(),
            // Reviewed, removed, and in flow style.
            &|text| text.replace(guess, ""),
            &|text| text.replace(paging, "").replace(guess, ""),
            &|text| {
                text.replace(paging, "paging: { token: NextToken, next: NextToken, items: Users }\n").replace(guess, "")
            },
        ];
        for (index, edit) in edits.into_iter().enumerate() {
            let files = files(edit);
            let changed = files.iter().zip(&fresh).any(|(file, (_, text))| file.bytes != text.as_bytes());
            assert_eq!(changed, index > 0, "{index}");
            let again = import(&metadata, &[], &files, None).unwrap();
            assert_eq!((again.files, again.changes), (Vec::new(), Vec::new()), "{index}");
        }
    }
}
