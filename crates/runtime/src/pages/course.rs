//! The position in a list: which request follows a response. Not generic, so it is compiled once.

use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;

use crate::descriptor::{PagingDescriptor, PagingStyle};
use crate::error::{Error, ErrorKind};
use crate::mismatch::Mismatches;
use crate::value::{List, Object, Slot, Value, View};

/// Something that visits the parameters of a request by their names on the wire.
pub(super) type EachNamed<'r> = &'r dyn Fn(&mut dyn FnMut(&str, &dyn Value));

/// What follows a page.
pub(super) enum Step {
    /// The page at this position.
    To(String),
    /// Nothing.
    End,
    /// No request can be made for the page that should follow.
    ToNothing(Error),
    /// The page has the items of an earlier one.
    Repeated(Error),
    /// The page lacks a member that did not fit its type.
    Unusable(Error),
}

/// The position in a list.
pub(super) struct Course {
    action: &'static str,
    paging: &'static PagingDescriptor,
    /// How many pages have been received.
    pages: u64,
    /// The position in the last request, as text; `None` if it has none.
    position: Option<String>,
    /// The number of items of the largest page.
    largest: Option<u64>,
    /// The number of items up to here. Pages before the first request count as many as its page has.
    items: u64,
    /// Hashes of all tokens, or of the items of each page. A list may be long, so the values are not kept.
    seen: HashSet<u64>,
    hashes: RandomState,
}

impl Course {
    pub(super) fn new(action: &'static str, paging: &'static PagingDescriptor) -> Self {
        let (seen, hashes) = (HashSet::new(), RandomState::new());
        Self { action, paging, pages: 0, position: None, largest: None, items: 0, seen, hashes }
    }

    /// How many pages have been received.
    pub(super) fn received(&self) -> u64 {
        self.pages
    }

    /// Reads the position of a request.
    pub(super) fn asked(&mut self, parameters: EachNamed<'_>) {
        self.position = parameter(parameters, self.paging.parameter).and_then(Word::position);
    }

    /// What follows this page.
    pub(super) fn after(&mut self, page: &dyn Object, mismatches: &Mismatches) -> Step {
        let paging = self.paging;
        // A value that does not fit its type is absent, which would look like the end.
        for path in [paging.next, paging.more, paging.total, paging.items] {
            if mismatches.first().iter().any(|mismatch| leaves_out(mismatch.path(), path)) {
                let name = path.join(".");
                return Step::Unusable(self.error(&format!(
                    "the response does not say which page follows, because its `{name}` does not fit the documented type"
                )));
            }
        }
        let more = member(page, paging.more).and_then(Word::flag);
        let step = match paging.style {
            PagingStyle::Token | PagingStyle::Marker => self.after_token(page, more),
            PagingStyle::Number { first } => self.after_number(page, more, Some(i64::from(first))),
            PagingStyle::Offset => self.after_number(page, more, None),
        };
        self.pages += u64::from(!matches!(step, Step::Repeated(_)));
        step
    }

    fn after_token(&mut self, page: &dyn Object, more: Option<bool>) -> Step {
        if let (0, Some(start)) = (self.pages, &self.position) {
            self.seen.insert(self.hashes.hash_one(start));
        }
        if more == Some(false) {
            return Step::End;
        }
        let name = self.paging.next.join(".");
        match member(page, self.paging.next).and_then(Word::position) {
            Some(next) if self.seen.insert(self.hashes.hash_one(&next)) => Step::To(next),
            Some(_) => Step::ToNothing(self.error(&format!(
                "the pages repeat: the `{name}` of page {} is that of an earlier page",
                self.pages + 1
            ))),
            None if more == Some(true) => Step::ToNothing(self.error(&format!(
                "`{}` says that a page follows, but there is no `{name}`",
                self.paging.more.join(".")
            ))),
            None => Step::End,
        }
    }

    /// After a page with a number, or with an offset if there is no number of the first page.
    fn after_number(&mut self, page: &dyn Object, more: Option<bool>, first: Option<i64>) -> Step {
        let paging = self.paging;
        // Without a number in the request, the response may have that of the first page.
        let asked = self.position.as_deref().and_then(|it| it.parse().ok());
        let echo = self.repeated(page, paging.parameter).and_then(Word::whole);
        // An offset in the response may be that of the next page.
        let number: i64 = asked.or(echo.filter(|_| first.is_some())).unwrap_or(first.unwrap_or_default());
        let items = find(page, paging.items);
        let Some(View::List(items)) = items else { return Step::End };
        let count = items.len() as u64;
        match (count, more, first) {
            (0, Some(true), None) => {
                return Step::ToNothing(self.error(&format!(
                    "`{}` says that a page follows, but the page has no items, so its offset is unknown",
                    paging.more.join(".")
                )));
            }
            (0, None | Some(false), _) => return Step::End,
            _ => {}
        }
        let total = self.total(page);
        if !self.seen.insert(self.fingerprint(items)) {
            // Equal items show nothing if they have no identity, as long as the list ends or the service knows the number.
            let is_plausible = !self.are_distinct(items) && (total.is_some() || (asked.is_some() && asked == echo));
            if !is_plausible {
                let name = paging.parameter.join(".");
                return Step::Repeated(self.error(&format!(
                    "the pages repeat: the page with `{name}` {number} has the items of an earlier page; the service may \
                     not know `{name}`"
                )));
            }
        }
        if self.pages == 0 {
            let before = u64::try_from(number.saturating_sub(first.unwrap_or_default())).unwrap_or(0);
            // Only the last page has fewer items than others, so this is never too many.
            self.items = if first.is_some() { before.saturating_mul(count) } else { before };
        }
        self.items = self.items.saturating_add(count);
        let is_last = match (more, total) {
            (Some(more), _) => !more,
            (None, Some(total)) => self.items >= total,
            (None, None) => {
                // The size in the request shows nothing: the service may reduce it, and a full page would look like the last.
                let size = self.repeated(page, paging.size).and_then(Word::count).or(self.largest);
                self.largest = self.largest.max(Some(count));
                size.is_some_and(|size| count < size)
            }
        };
        let step = if first.is_some() { Some(1) } else { i64::try_from(count).ok() };
        match step.and_then(|step| number.checked_add(step)) {
            Some(next) if !is_last => Step::To(next.to_string()),
            _ => Step::End,
        }
    }

    /// The number of items of all pages. A response with items and a total of 0 has no total.
    fn total(&self, page: &dyn Object) -> Option<u64> {
        member(page, self.paging.total).and_then(Word::count)
    }

    /// The value that the response has under the name of a parameter, beside the items or an object around them.
    fn repeated(&self, page: &dyn Object, parameter: &[&str]) -> Option<Word> {
        let name = parameter.last()?;
        let path = |depth: usize| [&self.paging.items[..depth], &[*name]].concat();
        (0..self.paging.items.len()).find_map(|depth| member(page, &path(depth)))
    }

    fn fingerprint(&self, items: &dyn List) -> u64 {
        self.hash(&View::List(items))
    }

    fn hash(&self, value: &View<'_>) -> u64 {
        let mut hash = Hashing(self.hashes.build_hasher());
        // Hashing cannot fail, and every key is text.
        let _ = serde_json::to_writer(&mut hash, value);
        hash.0.finish()
    }

    /// Whether the items of a page differ from each other.
    fn are_distinct(&self, items: &dyn List) -> bool {
        let mut known = HashSet::new();
        let mut items = (0..items.len()).filter_map(|index| items.get(index));
        items.all(|item| known.insert(self.hash(&item.view())))
    }

    /// Sets the position in a request.
    pub(super) fn put(&self, parameter: &mut dyn Value, position: &str) -> Result<(), Error> {
        let inner = self.paging.parameter.get(1..).unwrap_or_default();
        if set(parameter, inner, position) {
            return Ok(());
        }
        let (next, name) = (self.paging.next.join("."), self.paging.parameter.join("."));
        let source = if next.is_empty() { "the position of the next page".to_owned() } else { format!("`{next}`") };
        Err(self.error(&format!("{source} does not fit the parameter `{name}`")))
    }

    fn error(&self, problem: &str) -> Error {
        Error::new(ErrorKind::UnusableResponse, problem).with_action(self.action.into())
    }
}

/// Without the hashes and the position: a token may reveal facts about an account.
impl fmt::Debug for Course {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Course").field("action", &self.action).field("pages", &self.pages).finish_non_exhaustive()
    }
}

/// A hasher as a writer.
struct Hashing<H>(H);

impl<H: Hasher> io::Write for Hashing<H> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Values that services return in place of a token. Position 0 is that of the first page, so it never follows.
const NOTHING: [&str; 4] = ["", "null", "0", "-1"];

/// A scalar of a request or response.
enum Word {
    Text(String),
    Number(i64),
    Flag(bool),
}

impl Word {
    fn of(view: &View<'_>) -> Option<Self> {
        Some(match view {
            View::Text(text) => Self::Text(text.trim().to_owned()),
            View::Integer(number) => Self::Number(*number),
            #[allow(clippy::cast_possible_truncation, reason = "a count is a whole number")]
            View::Number(number) => Self::Number(*number as i64),
            View::Boolean(flag) => Self::Flag(*flag),
            _ => return None,
        })
    }

    /// A token, marker or number; `None` for values that mean none.
    fn position(self) -> Option<String> {
        match self {
            Self::Text(text) if NOTHING.iter().any(|nothing| text.eq_ignore_ascii_case(nothing)) => None,
            Self::Text(text) => Some(text),
            Self::Number(-1..=0) | Self::Flag(_) => None,
            Self::Number(number) => Some(number.to_string()),
        }
    }

    fn whole(self) -> Option<i64> {
        match self {
            Self::Text(text) => text.parse().ok(),
            Self::Number(number) => Some(number),
            Self::Flag(_) => None,
        }
    }

    /// A number of items; `None` unless it is positive.
    fn count(self) -> Option<u64> {
        self.whole().and_then(|number| u64::try_from(number).ok()).filter(|&count| count > 0)
    }

    fn flag(self) -> Option<bool> {
        match self {
            Self::Flag(flag) => Some(flag),
            Self::Text(text) => text.to_ascii_lowercase().parse().ok(),
            Self::Number(_) => None,
        }
    }
}

/// Whether the path of a mismatch is `path`, its wrapper, or an object around it.
fn leaves_out(found: &str, path: &[&str]) -> bool {
    let path = path.join(".");
    let rest = found.strip_prefix(&*path).or_else(|| path.strip_prefix(found));
    !path.is_empty() && rest.is_some_and(|rest| rest.is_empty() || (rest.starts_with('.') && !rest.contains('[')))
}

/// The value of a member, by its path.
fn member(object: &dyn Object, path: &[&str]) -> Option<Word> {
    Word::of(&find(object, path)?)
}

fn find<'a>(object: &'a dyn Object, path: &[&str]) -> Option<View<'a>> {
    let (name, rest) = path.split_first()?;
    let mut found = None;
    object.each(&mut |member, value| {
        if member.name == *name {
            found = Some(value);
        }
    });
    inside(found?.view(), rest)
}

fn inside<'a>(view: View<'a>, path: &[&str]) -> Option<View<'a>> {
    match view {
        view if path.is_empty() => Some(view),
        View::Object(object) => find(object, path),
        _ => None,
    }
}

/// The value of a parameter, by its path.
fn parameter(parameters: EachNamed<'_>, path: &[&str]) -> Option<Word> {
    let (name, rest) = path.split_first()?;
    let mut found = None;
    parameters(&mut |parameter, value| {
        if parameter == *name {
            found = inside(value.view(), rest).as_ref().and_then(Word::of);
        }
    });
    found
}

/// Sets text or a number. Returns whether it fits the type.
fn set(value: &mut dyn Value, path: &[&str], text: &str) -> bool {
    match (value.slot(), path.split_first()) {
        (Slot::Object(object), Some((name, rest))) => object.member(name).is_some_and(|inner| set(inner, rest, text)),
        (Slot::Text(slot), None) => {
            text.clone_into(slot);
            true
        }
        (Slot::Int32(slot), None) => text.parse().map(|number| *slot = number).is_ok(),
        (Slot::Int64(slot), None) => text.parse().map(|number| *slot = number).is_ok(),
        _ => false,
    }
}
