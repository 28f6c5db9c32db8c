//! Changes of the whole product: its facts, its error codes, and the features of the crate.

use super::Verdict::{Major, Minor, Patch};
use super::{Changes, code, matched, optional, yes_or_no};
use crate::model::{Errors, Model};
use crate::spec;

/// The effect of `throttling` of an error code.
const THROTTLING: &str = "calls that get a throttling code are retried, even if the action is not idempotent; \
     with another code they fail";

/// The effect of another success code.
pub(super) const FAILURES: &str = "other responses count as failures";

/// Success codes, as one text.
pub(super) fn success_codes(codes: &[String]) -> String {
    optional((!codes.is_empty()).then(|| codes.join(", ")).as_deref())
}

impl Changes {
    pub(super) fn product(&mut self, old: &Model<'_>, new: &Model<'_>) {
        let (a, b) = (old.product.facts, new.product.facts);
        let names = (old.product.type_name.as_str(), new.product.type_name.as_str());
        self.fact(("product type", ""), names, code, Major, "programs that name the type do not compile");
        let show = |text: &String| code(text);
        self.fact(("product code", ""), (&a.code.value, &b.code.value), show, Major, "calls go to another product");
        self.fact(("version", ""), (&a.version, &b.version), show, Major, "calls go to another version of the API");
        let regions = (&a.default_region, &b.default_region);
        self.fact(
            ("default region", ""),
            regions,
            show,
            Major,
            "calls of programs that set no region go to another region",
        );
        let success = (success_codes(&a.success_codes), success_codes(&b.success_codes));
        self.fact(("success code", ""), success, std::convert::identity, Major, FAILURES);
        self.fact(
            ("name", ""),
            (&a.name, &b.name),
            |name| optional(name.as_deref()),
            Major,
            "the crate has another name",
        );
        let endpoints = (endpoints(&a.endpoints), endpoints(&b.endpoints));
        self.fact(("endpoints", ""), endpoints, std::convert::identity, Minor, "calls go to another host");
        self.documentation(("product", ""), "title", &a.title, &b.title);
        self.documentation(("product", ""), "documentation", &a.documentation, &b.documentation);
        self.documentation(("product", ""), "guessed", &guesses(&a.guessed), &guesses(&b.guessed));
        self.features(old, new);

        let codes = matched(&old.errors.codes, &new.errors.codes, |error| &error.facts.code.value);
        for (before, after) in &codes.kept {
            let variants = (&before.variant, &after.variant);
            let name = &after.facts.code.value;
            self.fact(("error code", name), variants, show, Major, "the variant of `ErrorCode` has another name");
        }
        let reason = "the order of the variants is that of `VALUES` and of comparisons with `<`";
        self.order(("error codes", ""), &codes.kept, &new.errors.codes, Minor, reason);
        self.errors(&a.errors, &b.errors, &new.errors);
    }

    fn features(&mut self, old: &Model<'_>, new: &Model<'_>) {
        let have = |model: &Model<'_>| model.actions.iter().any(|action| action.feature.is_some());
        let reason = "programs that turn the default features off must name other features than before";
        let show =
            |have: bool| if have { "a feature for each action" } else { "all actions without features" }.to_owned();
        self.fact(("features", ""), (have(old), have(new)), show, Major, reason);
    }

    /// The documented errors of the product or of an action; `left` are all codes that the product still documents.
    pub(super) fn errors(&mut self, old: &[spec::ErrorCode], new: &[spec::ErrorCode], left: &Errors<'_>) {
        let errors = matched(old, new, |error| &error.code.value);
        for error in errors.removed {
            let name = &error.code.value;
            if left.codes.iter().any(|code| code.facts.code.value == *name) {
                let reason = "`ErrorCode` keeps its variant, because the code is also documented elsewhere";
                self.push("error code", name, "removed".to_owned(), Minor, reason);
            } else {
                self.removed("error code", name, "its variant of `ErrorCode` is removed");
            }
        }
        for error in errors.added {
            self.added(
                "error code",
                &error.code.value,
                "a new variant of an open enumeration, or a known code that is documented in one more place",
            );
        }
        for (before, after) in errors.kept {
            let at = ("error code", after.code.value.as_str());
            let status =
                |status: Option<u16>| status.map_or_else(|| "no status".to_owned(), |status| format!("HTTP {status}"));
            self.fact(at, (before.status, after.status), status, Patch, "clients identify errors by the code");
            let throttling = |value| format!("throttling {}", yes_or_no(value));
            self.fact(at, (before.throttling, after.throttling), throttling, Major, THROTTLING);
            self.documentation(at, "message", &before.message, &after.message);
            self.documentation(at, "description", &before.description, &after.description);
        }
    }
}

/// The endpoints as one text.
fn endpoints(endpoints: &spec::Endpoints) -> String {
    let mut text = format!("{} and {}", optional(endpoints.public.as_deref()), optional(endpoints.vpc.as_deref()));
    if let Some(central) = &endpoints.central {
        text += &format!(", without a region {}", code(central));
    }
    for region in &endpoints.exceptions {
        let (public, vpc) = (optional(region.public.as_deref()), optional(region.vpc.as_deref()));
        text += &format!(", in {} {public} and {vpc}", code(&region.region));
    }
    text
}

/// The values that are not reviewed yet.
pub(super) fn guesses(guesses: &[spec::Guess]) -> Vec<(&str, &str)> {
    guesses.iter().map(|guess| (guess.key.as_str(), guess.reason.as_str())).collect()
}
