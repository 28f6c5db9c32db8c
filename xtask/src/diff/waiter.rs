//! Changes of waiters.

use super::Verdict::{Major, Minor};
use super::{Changes, code};
use crate::spec::{Part, Spanned, Template, Waiter};

impl Changes {
    pub(super) fn waiter(&mut self, old: Option<&Waiter>, new: Option<&Waiter>) {
        let (old, new) = match (old, new) {
            (None, None) => return,
            (None, Some(_)) => return self.added("waiter", "", "`wait_for` accepts the request"),
            (Some(_), None) => return self.removed("waiter", "", "programs that wait for it do not compile"),
            (Some(old), Some(new)) => (old, new),
        };
        let at = ("waiter", "");
        let show = |name: &String| code(name);
        let actions = (&old.action.value, &new.action.value);
        self.fact(at, actions, show, Major, "`wait_for` returns the output of another action");
        let reason = "programs rely on the meaning of done";
        let state = |waiter: &Waiter| waiter.state.as_ref().map_or_else(String::new, |state| state.value.clone());
        self.fact(("waiter", "state"), (state(old), state(new)), code_of, Major, reason);
        self.fact(("waiter", "where"), (given(&old.condition), given(&new.condition)), code_of, Major, reason);
        let of = |waiter: &Waiter| if waiter.any { "any" } else { "all" };
        self.fact(("waiter", "of"), (of(old), of(new)), code, Major, reason);
        self.fact(("waiter", "done"), (states(&old.done), states(&new.done)), code_of, Major, reason);
        let absent = |waiter: &Waiter| if waiter.done_if_absent { "done" } else { "pending" };
        self.fact(("waiter", "absent"), (absent(old), absent(new)), code, Major, reason);
        for (name, before, after) in [
            ("done_error", &old.done_errors, &new.done_errors),
            ("pending_error", &old.pending_errors, &new.pending_errors),
        ] {
            self.fact(("waiter", name), (states(before), states(after)), code_of, Major, reason);
        }
        let reason = "programs rely on the meaning of failed";
        self.fact(("waiter", "failed"), (states(&old.failed), states(&new.failed)), code_of, Major, reason);
        let reason = "the called action gets another request";
        self.fact(("waiter", "parameters"), (given(&old.parameters), given(&new.parameters)), code_of, Minor, reason);
        for (name, before, after) in [
            ("interval", old.interval, new.interval),
            ("longest_interval", old.longest_interval, new.longest_interval),
            ("bound", old.bound, new.bound),
        ] {
            let show = |time: std::time::Duration| format!("`{}s`", time.as_secs());
            self.fact(("waiter", name), (before, after), show, Minor, "the wait has other times");
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what `fact` calls")]
fn code_of(text: String) -> String {
    if text.is_empty() { "none".to_owned() } else { code(&text) }
}

fn states(values: &[Spanned<String>]) -> String {
    values.iter().map(|value| value.value.as_str()).collect::<Vec<_>>().join(", ")
}

fn given(values: &[(Spanned<String>, Template)]) -> String {
    values.iter().map(|(name, value)| format!("{}: {}", name.value, written(value))).collect::<Vec<_>>().join(", ")
}

/// A value as written in a specification.
fn written(value: &Template) -> String {
    let part = |part: &Part| match part {
        Part::Text(text) => text.clone(),
        Part::Parameter(name) => format!("{{{name}}}"),
        Part::Field(path) => format!("{{$response.{}}}", path.join(".")),
    };
    value.0.iter().map(|parts| parts.iter().map(part).collect()).collect::<Vec<String>>().join(" | ")
}
