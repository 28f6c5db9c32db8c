//! Tests of policies.

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
fn an_action_without_a_permission_needs_no_policy() {
    assert!(policy(&shop(), &names(&["Ping"])).unwrap_err().contains("no policy is needed"));
}
