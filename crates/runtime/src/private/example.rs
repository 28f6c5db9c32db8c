//! The check of generated tests: whether the documented response of an action decodes into its types.

use serde_json::Value;

use crate::action::Action;
use crate::decode::{BODY, decode};
use crate::value::View;

/// Decodes the documented answer of an action and compares what arrived with what the answer says, up to the forms that
/// [decoding](crate::decode) tolerates. An action without a documented answer passes.
///
/// # Errors
/// If the answer does not decode, a value does not fit its type, a member of it does not arrive, or something arrives that it does not hold.
pub fn check<A: Action>() -> Result<(), String> {
    let text = A::DESCRIPTOR.example;
    if text.is_empty() {
        return Ok(());
    }
    let mut answer = A::Output::default();
    let mismatches = decode(text.as_bytes(), &mut answer).map_err(|error| error.to_string())?;
    if !mismatches.is_empty() {
        return Err(mismatches.to_string());
    }
    let documented: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let documented = if documented.is_object() {
        documented
    } else {
        Value::Object(std::iter::once((BODY.to_owned(), documented)).collect())
    };
    let typed = serde_json::to_value(View::Object(&answer)).map_err(|error| error.to_string())?;
    if agree(&documented, &typed) { Ok(()) } else { Err(format!("documented:\n{documented}\narrived:\n{typed}")) }
}

/// Whether two JSON values say the same, up to the forms that decoding tolerates.
fn agree(documented: &Value, typed: &Value) -> bool {
    match (documented, typed) {
        (Value::Object(documented), Value::Object(typed)) => {
            let kept = documented.iter().all(|(name, value)| match typed.get(name) {
                Some(found) => agree(value, found),
                None => is_nothing(value),
            });
            kept && typed.keys().all(|name| documented.contains_key(name))
        }
        (Value::Array(documented), Value::Array(typed)) => {
            let mut arrived = typed.iter().peekable();
            let all = documented.iter().all(|value| match arrived.peek() {
                Some(found) if agree(value, found) => arrived.next().is_some(),
                // Decoding leaves these out of a list, empty text if something else than text is described.
                _ => value.is_null() || value.as_str() == Some(""),
            });
            all && arrived.next().is_none()
        }
        // A list that is wrapped in an object.
        (Value::Object(wrapper), Value::Array(_)) => {
            wrapper.len() == 1 && wrapper.values().all(|list| list.is_array() && agree(list, typed))
        }
        (Value::Object(_) | Value::Array(_), Value::String(text)) => {
            serde_json::from_str(text).ok().as_ref() == Some(documented)
        }
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Number(number), Value::Bool(value)) => number.as_i64() == Some(i64::from(*value)),
        (Value::String(text), typed @ (Value::Number(_) | Value::Bool(_))) => {
            let text = text.to_ascii_lowercase();
            serde_json::from_str(&text).is_ok_and(|documented: Value| agree(&documented, typed))
                || typed.as_i64().is_some_and(|number| text.parse() == Ok(number))
                || typed.as_f64().is_some_and(|number| text.parse() == Ok(number))
        }
        (Value::Number(_) | Value::Bool(_), Value::String(text)) => documented.to_string().as_str() == text,
        (documented, typed) => documented == typed,
    }
}

/// Documented values that a type may leave out.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.iter().all(is_nothing),
        // An empty wrapper, or an empty map.
        Value::Object(members) => members.is_empty() || (members.len() == 1 && members.values().all(is_nothing)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_says_the_same_agrees() {
        for (documented, typed) in [
            (json!({"A": "1", "B": null, "C": [], "D": ""}), json!({"A": 1})),
            (json!({"A": {"B": [1]}}), json!({"A": [1]})),
            (json!({"A": "True", "B": 1}), json!({"A": true, "B": true})),
            (json!({"A": [1, null]}), json!({"A": ["1"]})),
            (json!({"A": ["", {"B": 1}, "", null]}), json!({"A": [{"B": 1}]})),
            (json!({"A": ["", "x"]}), json!({"A": ["", "x"]})),
            (json!({"A": {"B": 1}}), json!({"A": "{\"B\":1}"})),
        ] {
            assert!(agree(&documented, &typed), "{documented} {typed}");
        }
        for (documented, typed) in [
            (json!({"A": "1"}), json!({})),
            (json!({}), json!({"A": 1})),
            (json!({"A": [1, 2]}), json!({"A": [1]})),
            (json!({"A": [1]}), json!({"A": [1, 2]})),
            (json!({"A": ["x", ""]}), json!({"A": ["", "x"]})),
            (json!({"A": {"B": [1], "C": 1}}), json!({"A": [1]})),
            (json!({"A": "2"}), json!({"A": true})),
            (json!({"A": {"B": {"C": 1}}}), json!({"A": {"B": {}}})),
        ] {
            assert!(!agree(&documented, &typed), "{documented} {typed}");
        }
    }
}
