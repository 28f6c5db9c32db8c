//! Error codes.

use super::{Checker, Located, Map, NONE, Owner, quoted};
use crate::spec::{ErrorCode, file};

impl Checker<'_> {
    pub(super) fn error_codes(&self, codes: &Map<file::ErrorCode>) -> Vec<ErrorCode> {
        codes.0.iter().filter_map(|(code, facts)| self.error_code(code, facts)).collect()
    }

    fn error_code(&self, code: &Located<String>, facts: &file::ErrorCode) -> Option<ErrorCode> {
        let owner = Owner::named("error code", code);
        let named = self.name(code, "an error code");
        let status = self.required(&facts.status, "status", &owner).and_then(|status| {
            let text = status.value.0.as_str();
            if text == NONE {
                return Some(None);
            }
            let valid = text.parse().ok().filter(|status| (100..=599).contains(status));
            if valid.is_none() {
                self.findings.error(
                    &status.range,
                    format!("{} is not an HTTP status", quoted(text)),
                    "expected 100 to 599",
                    "write the documented status, such as 400, or `none` if none is documented",
                );
            }
            valid.map(Some)
        });
        let message = self.prose_or_none(&facts.message, "message", &owner);
        let description = self.optional_prose(&facts.description, "description");
        let rust_name = self.rust_name(&facts.rust_name);
        Some(ErrorCode {
            code: named.then(|| self.spanned(code))?,
            rust_name,
            status: status?,
            message: message?,
            throttling: facts.throttling.given().copied().unwrap_or(false),
            description: description.unwrap_or_default(),
        })
    }
}
