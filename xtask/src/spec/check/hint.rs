//! Hints about missing keys.

/// The hint for a missing key, with an example.
pub fn how_to_write(owner: &str, key: &str) -> &'static str {
    match key {
        "items" if owner == "paging" => {
            "add `items:` with the list in the response that has the items of a page, such as `Users.User`"
        }
        "next" => {
            "add `next:` with the member of the response that has the value for the next page, such as `NextToken`"
        }
        "more" => {
            "add `more:` with the member that shows whether another page follows, such as `IsTruncated`; without one, use `token`"
        }
        "action" if owner == "authorization" => "add `action:` with the RAM action, such as `\"cams:DoSomething\"`",
        "action" if owner == "waiter" => "add `action:` with the name of the action to call, of the same product",
        "state" => "add `state:` with the path of the state in the response, such as `Data.Status`",
        "done" => "add `done:` with the states that mean success, separated by commas",
        "interval" => "add `interval: 10s`, the time between two calls",
        "bound" => "add `bound: 10m`, the longest wait",
        "example" if owner == "action" => "add `example: |` and below it the documented response as JSON text",
        "fields" if owner == "shape" => "add `fields:` with the fields by name",
        "codes" | "containing" => {
            "add `codes:` with error codes, or `containing:` with parts of error codes, separated by commas"
        }
        "success" => "add `success:` with `words` and `numbers`",
        "words" => "add `words: ok, success`",
        "numbers" => "add `numbers: 0, 200-299`",
        "meanings" => "add `meanings:` with the error codes by their meaning",
        "refuses_a_parameter" => "add `refuses_a_parameter: invalid, missing`",
        "errors" if owner == "platform" => "add `errors:` with the error codes that any product can return",
        _ if owner == "meanings" => "add the meaning, and below it `codes:` or `containing:`",
        "action" => "add `action:` with the name on the wire, which is also the name of the file",
        "summary" => "add `summary:` with one sentence about what the action does",
        "description" => "add `description:` with one sentence in your own words, or `none`",
        "idempotent" => {
            "add `idempotent: true` if sending the same request twice does no more than sending it once, otherwise `false`"
        }
        "rate_limit" => "add `rate_limit: 10/s`, or `rate_limit: none` if the service publishes no limit",
        "authorization" => {
            "add `authorization: { action: \"cams:DoSomething\", access: update }`, or `authorization: none`"
        }
        "access" => "add `access:` with `list`, `read`, `create`, `update` or `delete`",
        "parameters" => "add `parameters:` with the parameters by name, or `parameters: {}` for none",
        "response" => "add `response:` with the members of the response by name",
        "errors" => "add `errors:` with the documented error codes, or `errors: {}` for none",
        "example" => "add `example:` with a documented value; a list or an object is written as JSON text",
        "type" => "add `type: string`, or another of integer, number, boolean, array, object, any, shape",
        "items" => "add `items: { type: string }`, or another type",
        "fields" => {
            "add `fields:` with the fields by name, `additional: { type: string }` for free names, or use `type: any`"
        }
        "values" => "add `values: { VALUE: What it means. }`",
        "shape" => "add `shape:` with the name of a shape in product.yaml",
        "status" => "add the documented status, such as `status: 400`",
        "message" => "add `message:` with the documented message of the code",
        "product" => "add `product:` with the product code, such as `cams`",
        "title" => "add `title:` with the name of the product",
        "version" => "add `version: \"2020-06-06\"`",
        "documentation" => "add `documentation:` with the address of the official documentation",
        "default_region" => "add `default_region: ap-southeast-1`",
        "endpoints" => "add `endpoints:` with the patterns `public` and `vpc`",
        "public" | "vpc" => "add the pattern of the host name, such as `cams.{region}.aliyuncs.com`",
        _ => "add the key (see api-spec/README.md)",
    }
}
