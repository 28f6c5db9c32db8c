//! Derives the success values of `Code` from the documented responses.
//!
//! Only codes that are known to mean success are used: some documented responses are errors, and a wrong success code
//! turns successful calls into failures.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::example::{documented, is_placeholder};
use super::schema::scalar_text;
use crate::spec::Platform;

/// The success codes of a product.
#[derive(Debug, Default)]
pub struct SuccessCodes {
    /// The code of most documented responses; `None` if they have no success code.
    pub product: Option<String>,
    /// The exceptions by action: the codes (none if its `Code` is data) and the reason.
    pub actions: BTreeMap<String, (Vec<String>, String)>,
}

/// The documented response of one action.
enum Stated {
    Success(String),
    /// A code that does not mean success, in a response that reports its outcome.
    Failure,
    /// A `Code` that is data.
    Data(String),
}

impl SuccessCodes {
    /// `by_status`: the HTTP status decides unless a code is documented, so there is no success code for the whole
    /// product.
    pub fn read(apis: &Map<String, Value>, platform: &Platform, by_status: bool) -> Self {
        let stated: Vec<(&String, Stated)> =
            apis.iter().filter_map(|(name, api)| Some((name, stated(api, platform)?))).collect();
        let mut counts: Vec<(&str, usize)> = Vec::new();
        for code in stated.iter().filter_map(|(_, stated)| stated.success()) {
            match counts.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(code)) {
                Some((_, count)) => *count += 1,
                None => counts.push((code, 1)),
            }
        }
        let successes: usize = counts.iter().map(|(_, count)| count).sum();
        // The first of the most frequent ones.
        let most = counts.iter().rev().max_by_key(|(_, count)| *count).map(|(code, _)| (*code).to_owned());
        // If `Code` is usually data, the product has no such convention.
        let product = most.filter(|_| successes * 2 >= stated.len() && !by_status);
        let mut actions = BTreeMap::new();
        for (name, stated) in &stated {
            let own = match (stated, &product) {
                (Stated::Success(code), Some(product)) if !code.eq_ignore_ascii_case(product) => (
                    vec![code.clone(), product.clone()],
                    format!(
                        "The documented response has the `Code` `{code}`, those of other actions have `{product}`."
                    ),
                ),
                (Stated::Success(code), None) => {
                    (vec![code.clone()], "The `Code` of the documented response.".to_owned())
                }
                (Stated::Data(code), Some(_)) => (
                    Vec::new(),
                    format!(
                        "The documented response has the `Code` `{}`, and no member beside it that reports an outcome.",
                        code.replace('`', "'")
                    ),
                ),
                _ => continue,
            };
            actions.insert((*name).clone(), own);
        }
        Self { product, actions }
    }
}

impl Stated {
    fn success(&self) -> Option<&str> {
        match self {
            Self::Success(code) => Some(code),
            _ => None,
        }
    }
}

fn stated(api: &Value, platform: &Platform) -> Option<Stated> {
    let api = api.as_object()?;
    let example = documented(api)?.ok()?;
    let code = match example.get("Code")? {
        code @ (Value::String(_) | Value::Number(_)) => scalar_text(code).trim().to_owned(),
        _ => return None,
    };
    if code.is_empty() || is_placeholder(&code) {
        return None;
    }
    if platform.is_success(&code) && example.get("Success") != Some(&Value::Bool(false)) {
        return Some(Stated::Success(code));
    }
    let reports = ["Message", "Success", "HttpStatusCode"];
    let described = api.get("responses").and_then(|responses| {
        let answer = responses.as_object()?.iter().find(|(status, _)| status.starts_with('2'))?.1;
        answer.get("schema")?.get("properties")?.as_object()
    });
    let has = |name: &str| example.get(name).is_some() || described.is_some_and(|members| members.contains_key(name));
    let errors = api.get("errorCodes").and_then(Value::as_object).into_iter().flat_map(|by_status| by_status.values());
    let mut errors = errors.filter_map(Value::as_array).flatten();
    let is_error =
        errors.any(|error| error.get("errorCode").and_then(Value::as_str).is_some_and(|known| known.trim() == code));
    Some(if is_error || reports.iter().any(|name| has(name)) { Stated::Failure } else { Stated::Data(code) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::spec::built_in_platform;

    /// The codes of a product whose actions `A`, `B`, … have these documented responses.
    fn read(examples: &[Value]) -> SuccessCodes {
        let apis = examples.iter().enumerate().map(|(index, example)| {
            let demo = json!([{"type": "json", "example": example.to_string()}]).to_string();
            let name = char::from(b'A' + u8::try_from(index).unwrap()).to_string();
            (name, json!({"responseDemo": demo}))
        });
        SuccessCodes::read(&apis.collect(), &built_in_platform().unwrap(), false)
    }

    fn code(code: &str) -> Value {
        json!({"Code": code, "Message": "m"})
    }

    #[test]
    fn an_error_example_suggests_no_success_code() {
        for error in
            ["Forbidden", "InvalidParameter", "isv.BUSINESS_LIMIT_CONTROL", "404", "500", "1", "false", "NotOK"]
        {
            let codes = read(&[code(error), code(error), code(error)]);
            assert!(codes.product.is_none() && codes.actions.is_empty(), "{error}: {codes:?}");
        }
        // Error examples among others have no effect, and neither does a success code beside `Success: false`.
        let refused = json!({"Code": "200", "Success": false});
        let codes = read(&[code("OK"), code("Forbidden"), code("OK"), refused]);
        assert_eq!((codes.product.as_deref(), codes.actions.len()), (Some("OK"), 0));
    }

    #[test]
    fn every_spelling_of_success_counts() {
        for success in ["OK", "ok", " Success ", "200", "0", "SUCCESS", "succeed"] {
            assert_eq!(read(&[code(success)]).product.as_deref(), Some(success.trim()), "{success:?}");
        }
        assert_eq!(read(&[json!({"Code": 200})]).product.as_deref(), Some("200"));
        assert_eq!(read(&[json!({"Code": true}), json!({"Code": null}), json!({})]).product, None);
        for placeholder in ["", "示例值示例值", "string", "None", "****"] {
            assert!(read(&[code(placeholder)]).product.is_none(), "{placeholder}");
        }
    }

    #[test]
    fn an_action_with_another_code_has_its_own() {
        let codes = read(&[code("OK"), code("200"), code("ok"), code("OK"), code("Success")]);
        assert_eq!(codes.product.as_deref(), Some("OK"));
        let own: Vec<_> = codes.actions.iter().map(|(name, (codes, _))| (name.as_str(), codes.join(", "))).collect();
        assert_eq!(own, [("B", "200, OK".to_owned()), ("E", "Success, OK".to_owned())]);
    }

    #[test]
    fn a_code_that_is_data_is_no_success_code() {
        let data = json!({"Code": "CN", "Name": "China"});
        let codes = read(&[code("OK"), data.clone(), code("OK")]);
        assert_eq!(codes.actions["B"].0, Vec::<String>::new());
        assert!(codes.actions["B"].1.contains("`CN`"));
        // If `Code` is usually data, the product has no success code.
        let codes = read(&[data.clone(), data.clone(), code("OK"), data]);
        assert_eq!((codes.product, codes.actions.len()), (None, 1));
    }
}
