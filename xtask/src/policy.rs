//! Specification -> the RAM policy that allows the chosen actions and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::diagnostic::quoted;
use crate::spec::{Action, Spec, suggestion};

/// A policy, and what to know about it.
#[derive(Debug)]
pub struct Policy {
    /// The policy as JSON text.
    pub text: String,
    pub notes: Vec<String>,
}

/// The policy for the actions with these names; for all of the product if there are none.
///
/// There is a statement for each resource, and each list is sorted, so that the same choice always gives the same text. An action
/// that needs no permission adds nothing; if none needs one, that is an error, because RAM takes no empty policy.
pub fn policy(spec: &Spec, names: &[String]) -> Result<Policy, String> {
    let chosen: Vec<&Action> = if names.is_empty() {
        spec.actions.iter().collect()
    } else {
        names.iter().map(|name| find(spec, name)).collect::<Result<_, _>>()?
    };
    let mut resources: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut notes = Vec::new();
    for action in chosen {
        let name = &action.name.value;
        match &action.authorization {
            Some(facts) => {
                resources.entry(&facts.resource).or_default().insert(&facts.action);
                if action.is_guessed("authorization") {
                    notes.push(format!("the permission of {} is a guess that is not reviewed yet", quoted(name)));
                }
            }
            None => notes.push(format!("{} needs no permission", quoted(name))),
        }
    }
    if resources.is_empty() {
        return Err("none of the actions needs a permission, so no policy is needed".to_owned());
    }
    let statement = |(resource, actions): (&str, BTreeSet<&str>)| json!({ "Effect": "Allow", "Action": actions, "Resource": [resource] });
    let statements: Vec<Value> = resources.into_iter().map(statement).collect();
    let policy = json!({ "Version": "1", "Statement": statements });
    Ok(Policy { text: format!("{policy:#}\n"), notes })
}

fn find<'s>(spec: &'s Spec, name: &str) -> Result<&'s Action, String> {
    spec.actions.iter().find(|action| action.name.value == name).ok_or_else(|| {
        let known: Vec<&str> = spec.actions.iter().map(|action| action.name.value.as_str()).collect();
        let product = quoted(&spec.product.code.value);
        format!("{product} has no action {}: {}", quoted(name), suggestion(name, &known))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{InputFile, parse};

    fn shop() -> Spec {
        let product = "{ product: shop, title: Shop, version: \"2024-01-01\", documentation: https://example.com/shop,
            default_region: cn-hangzhou, endpoints: { public: \"shop.{region}.example.com\", vpc: \"vpc.{region}.example.com\" } }";
        let action = |name: &str, authorization: &str| InputFile {
            path: format!("api-spec/shop/{name}.yaml"),
            bytes: format!(
                "{{ action: {name}, summary: S., idempotent: true, rate_limit: none, authorization: {authorization},
                    parameters: {{}}, response: {{}}, errors: {{}}, example: \"{{}}\" }}"
            )
            .into(),
        };
        let files = [
            InputFile { path: "api-spec/shop/product.yaml".to_owned(), bytes: product.into() },
            action("Sell", "{ action: \"shop:Sell\", access: create }"),
            action("Buy", "{ action: \"shop:Buy\", access: create }"),
            action("BuyAgain", "{ action: \"shop:Buy\", access: create }"),
            action("Look", "{ action: \"shop:Look\", access: read, resource: \"acs:shop:*:*:window/*\" }"),
            action("Ping", "none"),
        ];
        let (spec, findings) = parse(&files);
        spec.unwrap_or_else(|| panic!("{}", crate::diagnostic::render(&findings, false)))
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn a_policy_allows_the_chosen_actions_and_nothing_else() {
        let policy = policy(&shop(), &names(&["Sell", "Ping"])).unwrap();
        let wanted =
            json!({ "Version": "1", "Statement": [{ "Effect": "Allow", "Action": ["shop:Sell"], "Resource": ["*"] }] });
        assert_eq!(serde_json::from_str::<Value>(&policy.text).unwrap(), wanted);
        assert_eq!(policy.notes, ["`Ping` needs no permission"]);
    }

    #[test]
    fn without_a_choice_all_actions_are_allowed_each_on_its_own_resource() {
        insta::assert_snapshot!(policy(&shop(), &[]).unwrap().text, @r#"
        {
          "Version": "1",
          "Statement": [
            {
              "Effect": "Allow",
              "Action": [
                "shop:Buy",
                "shop:Sell"
              ],
              "Resource": [
                "*"
              ]
            },
            {
              "Effect": "Allow",
              "Action": [
                "shop:Look"
              ],
              "Resource": [
                "acs:shop:*:*:window/*"
              ]
            }
          ]
        }
        "#);
    }

    #[test]
    fn an_unknown_action_is_an_error_that_suggests_the_right_one() {
        let error = policy(&shop(), &names(&["Sel"])).unwrap_err();
        assert!(error.starts_with("`shop` has no action `Sel`: did you mean `Sell`?"), "{error}");
    }

    #[test]
    fn no_policy_is_made_where_none_is_needed() {
        assert!(policy(&shop(), &names(&["Ping"])).unwrap_err().contains("no policy is needed"));
    }
}
