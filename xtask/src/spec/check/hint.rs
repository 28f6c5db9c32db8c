//! How to write a key that is missing.

/// An example of a key, for the hint about a missing one.
pub fn how_to_write(owner: &str, key: &str) -> &'static str {
    match key {
        "items" if owner == "paging" => "add `items:` with the list of the response, such as `Users.User`",
        "next" => "add `next:` with the member of the response for the next request, such as `NextToken`",
        "more" => {
            "add `more:` with the member that says whether a page follows, such as `IsTruncated`; if there is none, use `token`"
        }
        "action" if owner == "authorization" => "add `action:` with the RAM action, such as `\"cams:DoSomething\"`",
        "action" if owner == "waiter" => "add `action:` with the name of the action to ask, of the same product",
        "state" => "add `state:` with the way to the state in the answer, such as `Data.Status`",
        "done" => "add `done:` with the states that mean success, separated by commas",
        "interval" => "add `interval: 10s`, the time between two requests",
        "bound" => "add `bound: 10m`, the longest wait",
        "example" if owner == "action" => "add `example: |` and below it the documented answer as JSON text",
        "fields" if owner == "shape" => "add `fields:` with the fields by name",
        "codes" | "containing" => {
            "add `codes:` with error codes, or `containing:` with parts of error codes, separated by commas"
        }
        "success" => "add `success:` with `words` and `numbers`",
        "words" => "add `words: ok, success`",
        "numbers" => "add `numbers: 0, 200-299`",
        "meanings" => "add `meanings:` with the error codes by what they tell a client",
        "refuses_a_parameter" => "add `refuses_a_parameter: invalid, missing`",
        "errors" if owner == "platform" => "add `errors:` with the error codes that any product answers with",
        _ if owner == "meanings" => "add the meaning, and below it `codes:` or `containing:`",
        "action" => "add `action:` with the name on the wire, which is also the name of the file",
        "summary" => "add `summary:` with one sentence that says what the action does",
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
        "response" => "add `response:` with the members of the answer by name",
        "errors" => "add `errors:` with the documented error codes, or `errors: {}` for none",
        "example" => "add `example:` with a documented value; a list or an object is written as JSON text",
        "type" => "add `type: string`, or another of integer, number, boolean, array, object, any, shape",
        "items" => "add `items: { type: string }`, or another type",
        "fields" => {
            "add `fields:` with the fields by name, `additional: { type: string }` for free names, or use `type: any`"
        }
        "values" => "add `values: { VALUE: What it means. }`",
        "shape" => "add `shape:` with the name of a shape in product.yaml",
        "status" => "add `status: 400`, or what else the documentation gives",
        "message" => "add `message:` with the text that comes with the code",
        "product" => "add `product:` with the product code, such as `cams`",
        "title" => "add `title:` with the product's name for people",
        "version" => "add `version: \"2020-06-06\"`",
        "documentation" => "add `documentation:` with the address of the official documentation",
        "default_region" => "add `default_region: ap-southeast-1`",
        "endpoints" => "add `endpoints:` with the patterns `public` and `vpc`",
        "public" | "vpc" => "add the pattern of the host name, such as `cams.{region}.aliyuncs.com`",
        _ => "add the key (see api-spec/README.md)",
    }
}
