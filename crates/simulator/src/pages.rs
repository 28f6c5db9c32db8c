//! Lists that an action returns page by page, each page in the form of the documented example.

use alibabacloud_runtime::descriptor::{PagingDescriptor, PagingStyle};
use serde_json::{Map, Value, json};

use crate::answer::{Answer, fresh_request_id};
use crate::example::{BODY, is_request_id};
use crate::gateway::Gateway;
use crate::log::Received;

/// The page size of a request without one.
const SIZE: usize = 10;

impl Gateway {
    /// Lets an action return these items, given as JSON text, page by page, as its descriptor says: by token, marker,
    /// number or offset. A page has the size of the request, by default 10 items, in the documented example with the right token,
    /// flag and total. A position that no response contained is an `InvalidParameter` error.
    ///
    /// This replaces the function of [`Gateway::script_fn`]; responses in the queue of [`Gateway::script`] come first.
    ///
    /// ```
    /// # use alibabacloud_runtime::descriptor::{ActionDescriptor, PagingDescriptor, ProductDescriptor};
    /// # use alibabacloud_simulator::Simulator;
    /// # static LIST_BOOKS: ActionDescriptor = ActionDescriptor {
    /// #     name: "ListBooks",
    /// #     paging: Some(&PagingDescriptor {
    /// #         parameter: &["NextToken"], next: &["NextToken"], items: &["Books"], ..PagingDescriptor::EMPTY
    /// #     }),
    /// #     ..ActionDescriptor::EMPTY
    /// # };
    /// # static PRODUCT: ProductDescriptor = ProductDescriptor { actions: &[&LIST_BOOKS], ..ProductDescriptor::EMPTY };
    /// let gateway = Simulator::builder(&[&PRODUCT]).gateway()?;
    /// gateway.serve_items("ListBooks", (1..=250).map(|number| format!(r#"{{"Title":"Volume {number}"}}"#)));
    /// # Ok::<(), alibabacloud_simulator::StartError>(())
    /// ```
    ///
    /// # Panics
    /// If no product of the simulator has an action of that name, the action has no pages, or an item is not JSON.
    pub fn serve_items<I: Into<String>>(&self, action: &str, items: impl IntoIterator<Item = I>) {
        let known = self.expect_known(action);
        let paging = known.action.paging.unwrap_or_else(|| panic!("the action {action:?} has no pages"));
        let items = items.into_iter().map(|item| {
            let item: String = item.into();
            serde_json::from_str(&item).unwrap_or_else(|error| panic!("the item {item:?} is not JSON: {error}"))
        });
        let example = serde_json::from_slice(&known.answer().body).unwrap_or(Value::Null);
        let listing = Listing { paging, items: items.collect(), example };
        self.script_fn(action, move |received| Some(listing.answer(received)));
    }
}

struct Listing {
    paging: &'static PagingDescriptor,
    items: Vec<Value>,
    example: Value,
}

impl Listing {
    fn answer(&self, received: &Received) -> Answer {
        let paging = self.paging;
        let refuse = |path: &[&str]| {
            let name = path.join(".");
            Answer::error(400, "InvalidParameter", &format!("The specified parameter {name} is not valid."))
        };
        let size = match parameter(received, paging.size).map(|size| size.parse()) {
            None => SIZE,
            Some(Ok(size @ 1..)) => size,
            Some(_) => return refuse(paging.size),
        };
        let position = parameter(received, paging.parameter).map(|position| position.parse::<usize>());
        // A token is the number of items before the page.
        let (page, start) = match (paging.style, position) {
            (_, Some(Err(_))) => return refuse(paging.parameter),
            (PagingStyle::Number { first }, position) => {
                let first = first as usize;
                let page = position.and_then(Result::ok).unwrap_or(first);
                (page, page.saturating_sub(first).saturating_mul(size))
            }
            (PagingStyle::Offset, position) => {
                let start = position.and_then(Result::ok).unwrap_or(0);
                (start, start)
            }
            (_, Some(Ok(start))) if start == 0 || start >= self.items.len() => return refuse(paging.parameter),
            (_, position) => (0, position.and_then(Result::ok).unwrap_or(0)),
        };
        let end = start.saturating_add(size).min(self.items.len());
        let items = Value::Array(self.items.get(start..end).unwrap_or_default().to_vec());
        if paging.items == [BODY] {
            return Answer::ok_json(items.to_string());
        }
        let has_more = end < self.items.len();
        let mut answer = if self.example.is_object() { self.example.clone() } else { json!({}) };
        put(&mut answer, paging.items, items);
        if has_more {
            put(&mut answer, paging.next, end.to_string().into());
        } else {
            remove(&mut answer, paging.next);
        }
        put(&mut answer, paging.more, has_more.into());
        put(&mut answer, paging.total, self.items.len().into());
        // The example may contain position and size of the request.
        for depth in 0..paging.items.len() {
            for (path, value) in [(paging.size, size), (paging.parameter, page)] {
                let is_token = matches!(paging.style, PagingStyle::Token | PagingStyle::Marker);
                if let (true, Some(name)) = (!is_token || path == paging.size, path.last()) {
                    let path = [&paging.items[..depth], &[*name]].concat();
                    if find(&answer, &path).is_some() {
                        put(&mut answer, &path, value.into());
                    }
                }
            }
        }
        for (_, id) in answer.as_object_mut().into_iter().flatten().filter(|(name, _)| is_request_id(name)) {
            *id = fresh_request_id().into();
        }
        Answer::ok_json(answer.to_string())
    }
}

/// The value of a parameter, or of a member of one that is JSON; `None` if it is empty.
fn parameter(received: &Received, path: &[&str]) -> Option<String> {
    let (name, rest) = path.split_first()?;
    let whole = received.parameter(&path.join(".")).map(str::to_owned);
    let inside = || {
        let json: Value = serde_json::from_str(received.parameter(name)?).ok()?;
        match find(&json, rest)? {
            Value::String(text) => Some(text.clone()),
            Value::Null => None,
            value => Some(value.to_string()),
        }
    };
    whole.or_else(inside).filter(|value| !value.is_empty())
}

fn find<'v>(value: &'v Value, path: &[&str]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, name| value.get(name))
}

/// Sets a value in the form of the example: a list in its wrapper, a number as text. Without a path, does nothing.
fn put(answer: &mut Value, path: &[&str], value: Value) {
    let Some((name, rest)) = path.split_first() else { return };
    if !answer.is_object() {
        *answer = Value::Object(Map::new());
    }
    let slot = &mut answer[*name];
    if !rest.is_empty() {
        return put(slot, rest, value);
    }
    let wrapper = slot.as_object().filter(|it| it.len() == 1 && value.is_array());
    let wrapper = wrapper.and_then(|it| it.iter().find(|(_, list)| list.is_array())).map(|(name, _)| name.clone());
    match wrapper {
        Some(wrapper) => slot[wrapper] = value,
        None if slot.is_string() && !value.is_array() => {
            *slot = value.as_str().map_or_else(|| value.to_string(), str::to_owned).into();
        }
        None => *slot = value,
    }
}

fn remove(answer: &mut Value, path: &[&str]) {
    let Some((name, above)) = path.split_last() else { return };
    let object = above.iter().try_fold(answer, |value, name| value.get_mut(name));
    if let Some(Value::Object(object)) = object {
        object.remove(*name);
    }
}
