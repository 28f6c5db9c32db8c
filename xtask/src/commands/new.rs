//! `new`: writes the skeleton of a specification with empty keys; `generate` reports those that are still empty.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use super::cargo::root;
use super::unknown_argument;
use crate::diagnostic::quoted;
use crate::plan::at;
use crate::route::placeholders;

pub(super) fn run(arguments: &[String]) -> Result<ExitCode, String> {
    let (arguments, route) = match arguments {
        [product, action, option, path] if option == "--path" => {
            (&[product.clone(), action.clone()][..], path.as_str())
        }
        _ => (arguments, ""),
    };
    if let Some(argument) = arguments.iter().find(|argument| argument.starts_with('-')).or(arguments.get(2)) {
        return Ok(unknown_argument(argument));
    }
    let [product, action] = arguments else {
        return Err("no product or action is given; run `cargo xtask new PRODUCT ACTION [--path PATH]`".to_owned());
    };
    for path in create(&root(), product, action, route)? {
        println!("written: {path}");
    }
    println!("Fill in the empty keys; `cargo xtask generate` reports those that are left, then writes the code.");
    Ok(ExitCode::SUCCESS)
}

/// Writes the file of an action, and that of the product if it is new; returns their paths. `route` is the path of an
/// action of the ROA style, otherwise empty.
fn create(root: &Path, product: &str, action: &str, route: &str) -> Result<Vec<String>, String> {
    let is_name = |name: &str, extra: &str| {
        name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || extra.contains(c))
    };
    // The name of the folder is also the product code in host names.
    if !is_name(product, "-") || product.contains(char::is_uppercase) {
        return Err(format!("{} is not a product code: expected small letters, digits and `-`", quoted(product)));
    }
    if !is_name(action, "_") || action.eq_ignore_ascii_case("product") {
        return Err(format!("{} is not the name of an action, such as `DescribeRegions`", quoted(action)));
    }
    let in_path = if route.is_empty() { Ok(Vec::new()) } else { placeholders(route) };
    let in_path = in_path.map_err(|why| {
        format!(
            "the path {} {why}; write it as documented, with parameters in braces: `/clusters/{{ClusterId}}`",
            quoted(route)
        )
    })?;
    let mut written = Vec::new();
    for (name, text, may_exist) in
        [("product", product_text(product), true), (action, action_text(product, action, route, &in_path), false)]
    {
        let path = format!("api-spec/{product}/{name}.yaml");
        let full = root.join(&path);
        if full.exists() {
            if may_exist {
                continue;
            }
            return Err(format!("{path} already exists"));
        }
        let folder = full.parent().unwrap_or(root);
        at(folder, fs::create_dir_all(folder)).map_err(|error| error.to_string())?;
        at(&full, fs::write(&full, text)).map_err(|error| error.to_string())?;
        written.push(path);
    }
    Ok(written)
}

fn product_text(product: &str) -> String {
    format!(
        r#"# yaml-language-server: $schema=../schema/product.json
product: "{product}"
title:            # the name of the product
version:          # of the API, in quotes: "2024-01-01"
documentation:    # https://…
default_region: ap-southeast-1
endpoints:
  public: "{product}.{{region}}.aliyuncs.com"
  vpc: "{product}-vpc.{{region}}.aliyuncs.com"
# success_code: OK    # the values of `Code` that mean success, if responses have that member: OK, or several: OK, Success
errors: {{}}
"#
    )
}

fn action_text(product: &str, action: &str, route: &str, in_path: &[&str]) -> String {
    let method = if route.is_empty() {
        "# method: get         # get, put or delete, if the service does not accept post".to_owned()
    } else {
        format!("method: post         # get, post, put, patch or delete\npath: {route:?}")
    };
    let parameters = if in_path.is_empty() { " {}" } else { "" };
    let in_path: String = (in_path.iter())
        .map(|name| {
            format!(
                "\n  {name:?}: {{ type: string, required: true, location: path, description: none, example: none }}"
            )
        })
        .collect();
    format!(
        r#"# yaml-language-server: $schema=../schema/action.json
action: "{action}"
summary:          # what it does, in one sentence
idempotent:       # true: sending it twice has the effect of sending it once; false: it is never retried after an unclear failure
rate_limit:       # per account: 10/s, 200/60s, 5/m, 100/h, or none
authorization: {{ action: "{product}:{action}", access: }}    # list, read, create, update, delete, write, get, none
{method}
# paging: {{ token: NextToken, next: NextToken, size: MaxResults, items: Things }}    # for a listing; or number: PageNumber, total: TotalCount
parameters:{parameters}{in_path}
  # Name: {{ type: string, required: true, description: One sentence., example: "the value on the wire" }}
response:
  RequestId: {{ type: string, description: "The ID of this request, for the support of Alibaba Cloud." }}
errors: {{}}
  # Some.Code: {{ status: 400, message: What it says., description: What to do about it. }}
# waiter: {{ action: GetJob, parameters: {{ Id: "{{$response.Id}}" }}, state: Status, done: DONE, interval: 5s, bound: 10m }}    # if it only starts an operation
example: |
  {{ "RequestId": "A1" }}
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::render;
    use crate::spec::{InputFile, parse};

    /// The empty keys, with possible values.
    const FILLED: [(&str, &str); 7] = [
        ("title: ", "title: Shop"),
        ("version: ", "version: \"2024-01-01\""),
        ("documentation: ", "documentation: https://example.com/shop"),
        ("summary: ", "summary: Sells it."),
        ("idempotent: ", "idempotent: false"),
        ("rate_limit: ", "rate_limit: 10/s"),
        ("access: ", "access: create "),
    ];

    fn files(fill: impl Fn(&str) -> bool) -> Vec<InputFile> {
        [("product", product_text("shop")), ("Sell", action_text("shop", "Sell", "", &[]))]
            .map(|(name, mut text)| {
                for (key, filled) in FILLED.iter().filter(|(key, _)| fill(key)) {
                    text = text.replacen(key, &format!("{filled} "), 1);
                }
                InputFile { path: format!("shop/{name}.yaml"), bytes: text.into_bytes() }
            })
            .to_vec()
    }

    #[test]
    fn a_filled_skeleton_is_valid() {
        let (spec, findings) = parse(&files(|_| true));
        assert!(spec.is_some() && findings.is_empty(), "{}", render(&findings, false));
    }

    #[test]
    fn each_empty_key_is_a_finding() {
        for (empty, _) in FILLED {
            let (spec, findings) = parse(&files(|key| key != empty));
            let found = render(&findings, false);
            assert!(spec.is_none() && findings.len() == 1, "{empty}: {found}");
            assert!(found.contains(empty.trim_end_matches(": ")), "{empty}: {found}");
        }
    }

    #[test]
    fn a_skeleton_with_a_path_has_its_parameters() {
        let mut text = action_text("shop", "Sell", "/shops/{ShopId}/sales", &["ShopId"]);
        let mut product = product_text("shop");
        for (key, filled) in FILLED {
            text = text.replacen(key, &format!("{filled} "), 1);
            product = product.replacen(key, &format!("{filled} "), 1);
        }
        let files = [("product", product), ("Sell", text)]
            .map(|(name, text)| InputFile { path: format!("shop/{name}.yaml"), bytes: text.into_bytes() });
        let (spec, findings) = parse(&files);
        assert!(findings.is_empty(), "{}", render(&findings, false));
        assert_eq!(spec.unwrap().actions[0].path, "/shops/{ShopId}/sales");
        let refused = create(&std::env::temp_dir(), "shop", "Sell", "shops?a=b").unwrap_err();
        assert!(refused.contains("does not begin with `/`"), "{refused}");
    }

    #[test]
    fn nothing_is_written_over_and_no_name_leads_elsewhere() {
        let folder = std::env::temp_dir().join(format!("new-specification-{}", std::process::id()));
        let written = create(&folder, "shop", "Sell", "").unwrap();
        assert_eq!(written, ["api-spec/shop/product.yaml", "api-spec/shop/Sell.yaml"]);
        assert_eq!(create(&folder, "shop", "Buy", "").unwrap(), ["api-spec/shop/Buy.yaml"]);
        assert!(create(&folder, "shop", "Sell", "").unwrap_err().contains("already exists"));
        for (product, action) in
            [("../shop", "Sell"), ("Shop", "Sell"), ("", "Sell"), ("shop", "a/b"), ("shop", "Product")]
        {
            assert!(create(&folder, product, action, "").is_err(), "{product} {action}");
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
