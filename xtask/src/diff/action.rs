//! Changes of one action: its facts and its parameters.

use super::Verdict::{Major, Minor, Patch};
use super::{Changes, DOCUMENTATION, code, matched, optional, yes_or_no};
use crate::model::{Action, Errors, Parameter};
use crate::spec::{Authorization, Location, Method, RateLimit, Style};

/// The effect of a change on the wire that the Rust types do not show.
const WIRE: &str = "the same program sends the value in another form";

impl Changes {
    pub(super) fn action(&mut self, old: &Action<'_>, new: &Action<'_>, errors: &Errors<'_>) {
        let (a, b) = (old.facts, new.facts);
        let show = |name: &String| code(name);
        let reason = "programs that use the old name do not compile";
        self.fact(("request type", ""), (&old.request, &new.request), show, Major, reason);
        self.fact(("module", ""), (&old.module, &new.module), show, Major, reason);
        // If the crate gets or loses all its features, this is one change of the product.
        if let (Some(before), Some(after)) = (&old.feature, &new.feature) {
            self.fact(("feature", ""), (before, after), show, Major, "programs that name the feature do not compile");
        }

        let reason = "programs rely on whether calls are retried after an unclear failure";
        self.fact(("idempotent", ""), (a.idempotent, b.idempotent), yes_or_no, Major, reason);
        self.fact(
            ("rate limit", ""),
            (a.rate_limit, b.rate_limit),
            limit,
            Minor,
            "the throttle allows another rate of calls",
        );
        let reason = "users may need another RAM policy";
        let permissions = (permission(a.authorization.as_ref()), permission(b.authorization.as_ref()));
        self.fact(("authorization", ""), permissions, std::convert::identity, Minor, reason);
        let (verdict, reason) = if b.anonymous {
            (Minor, "calls no longer need credentials")
        } else {
            (Major, "calls without credentials fail")
        };
        self.fact(("anonymous", ""), (a.anonymous, b.anonymous), yes_or_no, verdict, reason);
        let method = |method: Method| code(method.as_str());
        let reason = "programs rely on whether parameters are in the URL, which can be logged";
        self.fact(("method", ""), (a.method, b.method), method, Major, reason);
        let reason = "requests go to another path, and programs that call by path rely on it";
        self.fact(
            ("path", ""),
            (&a.path, &b.path),
            |path| optional(Some(path.as_str()).filter(|it| !it.is_empty())),
            Major,
            reason,
        );
        let success = |codes: &Option<Vec<String>>| {
            codes.as_deref().map_or_else(|| "that of the product".to_owned(), super::product::success_codes)
        };
        let codes = (success(&a.success_codes), success(&b.success_codes));
        self.fact(("success code", ""), codes, std::convert::identity, Major, super::product::FAILURES);
        self.waiter(a.waiter.as_ref(), b.waiter.as_ref());
        match (&a.deprecated, &b.deprecated) {
            (None, Some(_)) => self.added("deprecated", "", "the compiler warns about uses of the action, which stays"),
            (before, after) => self.documentation(("action", ""), "deprecated", before, after),
        }
        for (key, before, after) in [
            ("summary", &a.summary, &b.summary),
            ("description", &a.description, &b.description),
            ("unknown_outcome", &a.unknown_outcome, &b.unknown_outcome),
            ("example", &a.example, &b.example),
        ] {
            self.documentation(("action", ""), key, before, after);
        }
        let guesses = super::product::guesses;
        self.documentation(("action", ""), "guessed", &guesses(&a.guessed), &guesses(&b.guessed));

        self.paging(old, new);
        self.parameters(old, new);
        self.types(&old.types, &new.types, false);
        self.errors(&a.errors, &b.errors, errors);
    }

    fn parameters(&mut self, old: &Action<'_>, new: &Action<'_>) {
        let parameters = matched(&old.parameters, &new.parameters, |parameter| &parameter.facts.name.value);
        for parameter in parameters.removed {
            self.removed("parameter", &parameter.facts.name.value, "programs that set or read it do not compile");
        }
        for parameter in parameters.added {
            let name = &parameter.facts.name.value;
            if parameter.facts.required {
                let reason = "`build` does not compile until it is set, and `new` takes one required parameter or none";
                self.push("parameter", name, "added, required".to_owned(), Major, reason);
            } else {
                self.added("parameter", name, "it is optional");
            }
        }
        for (before, after) in &parameters.kept {
            self.parameter(before, after);
        }
        let stay = |before: &Parameter<'_>, after: &Parameter<'_>| before.facts.required == after.facts.required;
        let (required, optional): (Vec<_>, Vec<_>) = parameters
            .kept
            .iter()
            .filter(|(before, after)| stay(before, after))
            .partition(|(_, after)| after.facts.required);
        let reason = "programs that spell out the builder's type parameters do not compile";
        self.order(("required parameters", ""), &required, &new.parameters, Major, reason);
        self.order(("optional parameters", ""), &optional, &new.parameters, Patch, DOCUMENTATION);
    }

    fn parameter(&mut self, old: &Parameter<'_>, new: &Parameter<'_>) {
        let (a, b) = (old.facts, new.facts);
        let at = ("parameter", b.name.value.as_str());
        self.fact(at, (&old.field, &new.field), |name| code(name), Major, "its field and its setter have another name");
        let reason = "programs that set or read another type do not compile";
        self.fact(at, (old.ty.to_string(), new.ty.to_string()), |ty| code(&ty), Major, reason);
        let reason = if b.required {
            "`build` does not compile until it is set, and the field is no longer an `Option`"
        } else {
            "the field becomes an `Option`: programs that read it, or call `new` with it alone, do not compile"
        };
        let required = |required: bool| if required { "required" } else { "optional" }.to_owned();
        self.fact(at, (a.required, b.required), required, Major, reason);
        self.sensitive(at, a.sensitive, b.sensitive);
        self.deprecated(at, a.deprecated.as_deref(), b.deprecated.as_deref());
        self.fact(at, (a.location, b.location), location, Minor, WIRE);
        self.fact(at, (a.style, b.style), style, Minor, WIRE);
        self.documentation(at, "description", &a.description, &b.description);
        self.documentation(at, "example", &a.example, &b.example);
    }

    pub(super) fn deprecated(&mut self, at: (&'static str, &str), old: Option<&str>, new: Option<&str>) {
        if let (None, Some(_)) = (old, new) {
            self.push(
                at.0,
                at.1,
                "becomes deprecated".to_owned(),
                Minor,
                "the compiler warns about its uses; it stays",
            );
        } else {
            self.documentation(at, "deprecated", &old, &new);
        }
    }

    pub(super) fn sensitive(&mut self, at: (&'static str, &str), old: bool, new: bool) {
        let (verdict, reason) = if new {
            (Minor, "the value is now kept out of logs and errors")
        } else {
            (Major, "the value is no longer kept out of logs and errors")
        };
        self.fact(at, (old, new), |value| format!("sensitive {}", yes_or_no(value)), verdict, reason);
    }
}

fn limit(limit: Option<RateLimit>) -> String {
    let text = limit.map(|limit| match limit.window.as_secs_f64() {
        1.0 => format!("{}/s", limit.requests),
        seconds => format!("{}/{seconds}s", limit.requests),
    });
    optional(text.as_deref())
}

fn permission(authorization: Option<&Authorization>) -> String {
    authorization.map_or_else(
        || "none".to_owned(),
        |facts| format!("{} ({}) on {}", code(&facts.action), facts.access, code(&facts.resource)),
    )
}

fn location(location: Location) -> String {
    format!("location `{}`", location.as_str())
}

fn style(style: Style) -> String {
    match style {
        Style::Json => "style `json`",
        Style::RepeatList => "style `repeat-list`",
        Style::Flat => "style `flat`",
        Style::Simple => "style `simple`",
    }
    .to_owned()
}
