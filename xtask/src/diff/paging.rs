//! Changes of paging.

use super::Verdict::{Major, Minor};
use super::{Changes, code};
use crate::model::Action;
use crate::spec::Paging;

impl Changes {
    pub(super) fn paging(&mut self, old: &Action<'_>, new: &Action<'_>) {
        let (before, after) = match (&old.facts.paging, &new.facts.paging) {
            (None, None) => return,
            (None, Some(_)) => return self.added("paging", "", "`client.pages` and `client.items` accept the action"),
            (Some(_), None) => {
                let reason = "programs that call `client.pages` or `client.items` with the action do not compile";
                return self.removed("paging", "", reason);
            }
            (Some(before), Some(after)) => (before, after),
        };
        let list = |paging: &Paging| code(&paging.items.join("."));
        let reason = "`client.items` returns items of another list";
        self.fact(("paging", "items"), (list(before), list(after)), std::convert::identity, Major, reason);
        let item =
            |action: &Action<'_>| action.paging.as_ref().map_or_else(String::new, |it| code(&it.item.to_string()));
        let reason = "`client.items` returns items of another type";
        self.fact(("paging", "item"), (item(old), item(new)), std::convert::identity, Major, reason);
        let way = |paging: &Paging| Paging { items: Vec::new(), ..paging.clone() };
        let reason = "pages are requested in another way; their content stays the same";
        self.fact(("paging", ""), (way(before), way(after)), |it| show(&it), Minor, reason);
    }
}

/// The paging as written in a specification.
fn show(paging: &Paging) -> String {
    let Paging { style, parameter, size, next, more, total, items: _ } = paging;
    let first = match style {
        crate::spec::PagingStyle::Number { first } => format!(", first: {first}"),
        _ => String::new(),
    };
    let others = [("size", size), ("next", next), ("more", more), ("total", total)];
    let others: String = others
        .iter()
        .filter(|(_, path)| !path.is_empty())
        .map(|(key, path)| format!(", {key}: {}", path.join(".")))
        .collect();
    code(&format!("{}: {}{first}{others}", style.as_str(), parameter.join(".")))
}
